//! SIGHUP to the real daemon while a SIPp caller waits: the file's changes come into force, and a file with mistakes
//! changes nothing.

use crate::daemon::{Daemon, free_port};
use crate::needs;
use crate::peers::Sipp;
use crate::phone::{Phone, sdp};
use crate::sound::Law;
use rsip::Method;
use std::time::Duration;

const SECONDS_10: Duration = Duration::from_secs(10);
const SWITCHBOARD: &str = "800000200";

/// A new agent, a new queue and its number, one agent fewer, another ringing and threshold, and what needs a restart.
fn rewritten(text: &mut String) {
    let mut root: toml::Table = text.parse().expect("TOML");
    let mut added: toml::Table = r#"
        [service.billing]
        number = "800000900"
        queue = "billing"
        [queue.billing]
        thresholds = ["10 s"]
        [[queue.billing.step]]
        pools = ["first_line"]
        [agent.205]
        pool = "first_line"
        skills = { switchboard = 50 }
        password = "demo-205"
    "#
    .parse()
    .expect("TOML");
    for table in ["service", "queue", "agent"] {
        let more = added.remove(table).and_then(|more| more.as_table().cloned()).expect("a table");
        root[table].as_table_mut().expect("a table").extend(more);
    }
    root["agent"].as_table_mut().expect("agents").remove("102");
    let switchboard = root["queue"]["switchboard"].as_table_mut().expect("a queue");
    switchboard.insert("ring".to_owned(), "20 s".into());
    switchboard.insert("thresholds".to_owned(), vec!["30 s", "45 s"].into());
    root["limits"].as_table_mut().expect("limits").insert("drain_max".to_owned(), "6 min".into());
    *text = root.to_string();
}

#[test]
fn a_waiting_call_is_answered_by_an_agent_that_a_reload_added_and_a_bad_file_changes_nothing() {
    needs!("sipp");
    let mut daemon = Daemon::start(|_| ());
    let laws = daemon.watch_laws();
    let mut leaver = Phone::new(daemon.address, daemon.sip, "102");
    assert_eq!(leaver.register("demo-102").status_code.code(), 200);
    daemon.wait_for_ready_agents(1.0);
    let _first = Sipp::new("caller_stays.xml", daemon.address).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    let media = sdp(daemon.address, free_port(daemon.address), &[Law::Mu]);
    leaver.serve_with(Method::Invite, SECONDS_10, &media);
    leaver.serve(Method::Ack, SECONDS_10);
    let _second = Sipp::new("caller_stays.xml", daemon.address).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    let waits = |metrics: &crate::daemon::Metrics| {
        metrics.sum("acd_calls_entered_total", &[]) == 2.0 && metrics.sum("acd_queue_waiting_calls", &[]) == 1.0
    };
    let before = daemon.wait_for("one talks and one waits", SECONDS_10, waits);

    let after = daemon.reload(rewritten, "ok");
    after.went_on_from(&before);
    assert_eq!(after.sum("acd_calls_entered_total", &[("queue", "billing")]), 0.0, "new labels begin at 0");
    assert_eq!(after.sum("acd_sla_pending_calls", &[("queue", "switchboard"), ("threshold", "20")]), 1.0);
    assert_eq!(after.sum("acd_sla_uncounted_calls_total", &[("queue", "switchboard"), ("threshold", "45")]), 2.0);
    assert_eq!(after.sum("acd_agents", &[("state", "talking")]), 1.0, "a removed agent talks on");
    let hash = |text: &str| text.lines().find(|line| line.starts_with("acd_config_info{")).map(str::to_owned);
    assert_ne!(hash(&before.text), hash(&after.text));
    let log = daemon.log();
    for line in [
        "queue switchboard: ring 15 s -> 20 s",
        "queue switchboard: thresholds 30 s, 20 s, 40 s -> 30 s, 45 s",
        "queue billing added",
        "service billing added",
        "agent 205 added",
        "agent 102 removed: finishes the call, then signs out",
        "limits.drain_max 5 min -> 6 min: waits for a restart",
    ] {
        assert!(log.contains(&format!("reload: {line}\n")), "{line} in\n{log}");
    }

    let mut joiner = Phone::new(daemon.address, daemon.sip, "205");
    assert_eq!(joiner.register("demo-205").status_code.code(), 200, "the new account is known");
    joiner.serve_with(Method::Invite, SECONDS_10, &media);
    joiner.serve(Method::Ack, SECONDS_10);
    let talks = |count: f64| {
        move |metrics: &crate::daemon::Metrics| metrics.sum("acd_agents", &[("state", "talking")]) == count
    };
    let before = daemon.wait_for("both talk", SECONDS_10, talks(2.0));
    assert_eq!(
        before.sum("acd_sla_calls_total", &[("queue", "switchboard"), ("threshold", "20"), ("result", "hit")]),
        2.0
    );
    let mut again = Phone::new(daemon.address, daemon.sip, "102");
    assert_eq!(again.register("demo-102").status_code.code(), 401, "the removed account is known no more");

    let after = daemon.reload(|text| *text = text.replace("\"20 s\"", "\"twenty seconds\""), "failed");
    after.went_on_from(&before);
    assert_eq!(hash(&before.text), hash(&after.text));
    assert_eq!(after.sum("acd_agents", &[("state", "talking")]), 2.0);
    assert!(daemon.log().contains("not a length of time"), "the mistake is logged");
    let places =
        |log: &str| log.lines().any(|line| line.contains("centralino.toml:") && line.matches(':').count() >= 2);
    assert!(places(&daemon.log()), "with its line and column: {}", daemon.log());
    let page = daemon.get("/stats").expect("a page").1;
    assert!(page.contains("\"billing\"") && page.contains("\"switchboard\""));
    laws.all_held();
    daemon.terminate();
    // Two signals of one kind that nobody has looked at yet are one.
    std::thread::sleep(Duration::from_millis(300));
    daemon.terminate();
    daemon.ends_within(SECONDS_10);
}
