//! Calls over a network that loses packets: a network of the test's own, in which the kernel drops some.

use crate::daemon::Daemon;
use crate::needs;
use crate::peers::Sipp;
use std::process::Command;
use std::time::Duration;

/// Set within the network that loses.
const INSIDE: &str = "CENTRALINO_TEST_INSIDE";
const CALLS: u32 = 40;

/// Hostile-world G15: 5 % of all datagrams are lost in each direction; no call is, no agent is stuck, and no call is
/// answered twice.
#[test]
fn five_percent_lost_each_way_costs_no_call() {
    needs!("sipp", "unshare", "iptables", "ip");
    if std::env::var_os(INSIDE).is_some() {
        return calls_over_loss();
    }
    let may = Command::new("unshare").args(["--net", "true"]).output().is_ok_and(|it| it.status.success());
    if !may {
        eprintln!("SKIPPED: only root may make a network of its own");
        return;
    }
    let this = std::env::current_exe().expect("this test's program");
    let name = "interop_loss::five_percent_lost_each_way_costs_no_call";
    let inside =
        Command::new("unshare").arg("--net").arg(this).args(["--exact", name, "--nocapture"]).env(INSIDE, "1").output();
    let inside = inside.expect("the test once more");
    let said = String::from_utf8_lossy(&inside.stderr);
    assert!(inside.status.success(), "{}{said}", String::from_utf8_lossy(&inside.stdout));
    eprintln!("{said}");
}

fn run(words: &str) {
    let mut words = words.split(' ');
    let status = Command::new(words.next().expect("a program")).args(words).status().expect("a program that starts");
    assert!(status.success());
}

fn calls_over_loss() {
    run("ip link set lo up");
    run("iptables -A INPUT -i lo -p udp -m statistic --mode random --probability 0.05 -j DROP");
    let mut ports = Vec::new();
    let daemon = Daemon::start(|configuration| {
        let address = configuration.address();
        for agent in ["101", "102"] {
            let port = crate::daemon::free_port(address);
            ports.push(port);
            configuration.set_contact(agent, &format!("sip:{agent}@{address}:{port}"));
        }
    });
    let laws = daemon.watch_laws();
    let agents: Vec<_> = ports
        .iter()
        .map(|&port| {
            let phone = Sipp::new("agent_hangs_up.xml", daemon.address).port(port).option("-m", "1000");
            phone.pause(Duration::from_millis(50)).waits(&daemon.folder)
        })
        .collect();
    let mut callers = Sipp::new("caller_stays.xml", daemon.address)
        .option("-m", &CALLS.to_string())
        .option("-r", "8")
        .calls("800000200", daemon.sip, &daemon.folder);
    callers.succeeds_within(Duration::from_secs(50));
    let metrics = daemon.wait_for("the end of all calls", Duration::from_secs(10), |metrics| {
        metrics.sum("acd_calls_talking", &[]) == 0.0 && metrics.sum("acd_agents", &[("state", "ready")]) == 2.0
    });
    assert_eq!(metrics.sum("acd_calls_received_total", &[]), f64::from(CALLS));
    assert_eq!(metrics.sum("acd_calls_finished_total", &[("outcome", "answered")]), f64::from(CALLS));
    assert_eq!(metrics.sum("acd_offers_total", &[("outcome", "accepted")]), f64::from(CALLS));
    assert_eq!(metrics.sum("acd_order_violations_total", &[]), 0.0);
    laws.all_held();
    agents.iter().for_each(crate::peers::Peer::terminate);
    daemon.stops();
}
