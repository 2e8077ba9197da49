//! The daemon as its operator sees it: probes, scrapes, signals and the command line.

use crate::configuration::shipped_file;
use crate::daemon::{Daemon, free_port};
use crate::needs;
use crate::peers::Peer;
use crate::phone::{Phone, sdp};
use crate::sound::{Headset, Law};
use rsip::Method;
use std::process::Command;
use std::time::Duration;

const SECONDS_10: Duration = Duration::from_secs(10);

#[test]
fn sipsak_pings_it() {
    needs!("sipsak");
    let daemon = Daemon::start(|_| ());
    let mut command = Command::new("sipsak");
    command.args(["-v", "-s", &format!("sip:ping@{}", daemon.sip)]);
    Peer::start("sipsak", &daemon.folder, &mut command).succeeds_within(SECONDS_10);
    daemon.stops();
}

#[test]
fn promtool_finds_nothing_to_say_about_a_scrape() {
    needs!("promtool");
    let daemon = Daemon::start(|_| ());
    let scrape = daemon.folder.join("scrape.txt");
    std::fs::write(&scrape, daemon.metrics().text).expect("a written scrape");
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]);
    let mut promtool = Peer::start_with_input("promtool", &daemon.folder, &mut command, &scrape);
    promtool.succeeds_within(SECONDS_10);
    assert_eq!(promtool.printed(), "");
    daemon.stops();
}

#[test]
fn it_says_that_it_lives_and_is_ready() {
    let daemon = Daemon::start(|_| ());
    for (path, status) in [("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/nothing", 404)] {
        assert_eq!(daemon.get(path).map(|(status, _)| status), Some(status), "{path}");
    }
    daemon.stops();
}

#[test]
fn a_second_sigterm_ends_it_now() {
    let mut daemon = Daemon::start(|_| ());
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, "390612345678");
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    phone.connect("800000200", &sdp(daemon.address, ear.port(), &[Law::Mu]));
    agent.serve_with(rsip::Method::Invite, SECONDS_10, &sdp(daemon.address, free_port(daemon.address), &[Law::Mu]));
    agent.serve(rsip::Method::Ack, SECONDS_10);
    daemon.wait_for("a talk", SECONDS_10, |metrics| metrics.sum("acd_agents", &[("state", "talking")]) == 1.0);
    daemon.terminate();
    std::thread::sleep(Duration::from_millis(500));
    daemon.terminate();
    daemon.ends_within(Duration::from_secs(5));
}

#[test]
fn every_shipped_configuration_passes_its_own_check() {
    for file in [
        "centralino.toml",
        "examples/load.toml",
        "examples/specialised_numbers.toml",
        "examples/first_level.toml",
        "examples/two_levels.toml",
        "examples/network.toml",
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_centralino"))
            .arg("check")
            .arg(shipped_file(file))
            .output()
            .expect("a run of check");
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn mistakes_are_told_all_at_once_and_it_does_not_start() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("mistakes-{}.toml", std::process::id()));
    std::fs::write(&file, "[no_such_table]\nx = 1\n\n[another]\n").expect("a written file");
    for verb in [vec!["check"], vec!["run", "--config"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_centralino"))
            .args(&verb)
            .arg(&file)
            .output()
            .expect("a run of the daemon");
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{verb:?} accepts it");
        assert!(said.contains("no_such_table") && said.contains("another"), "{verb:?} says:\n{said}");
    }
    let _ = std::fs::remove_file(&file);
}

#[test]
fn it_explains_its_agents_and_calls_to_those_on_this_machine() {
    let daemon = Daemon::start(|_| ());
    let (status, text) = daemon.get("/explain/agent/101").expect("an answer");
    assert_eq!(status, 200);
    assert!(text.starts_with("agent 101, pool first_line: signed out since "), "{text}");
    for nobody in ["/explain/call/1", "/explain/agent/999", "/explain/queue/1"] {
        assert_eq!(daemon.get(nobody).map(|(status, _)| status), Some(404), "{nobody}");
    }
    for (words, code) in [(["agent", "101"], 0), (["agent", "999"], 1), (["call", "1"], 1)] {
        let http = daemon.http.to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_centralino"))
            .arg("explain")
            .args(words)
            .args(["--http", &http])
            .output()
            .expect("a run of explain");
        assert_eq!(output.status.code(), Some(code), "{words:?}");
        assert_eq!(output.stdout.starts_with(b"agent 101, pool first_line"), code == 0);
    }
    daemon.stops();
}

/// What the ledger has of today is in today's figures of the next run, and in no other; a reload changes nothing there.
#[test]
fn today_goes_on_after_a_restart() {
    let ledger = std::env::temp_dir().join(format!("centralino-today-{}.db", std::process::id()));
    let start = || {
        Daemon::start(|configuration| {
            configuration.set("service.switchboard", "welcome", "none");
            configuration.set("ledger", "path", ledger.to_str().expect("a path"));
        })
    };
    let figures = |daemon: &Daemon, window: &str| {
        let page: serde_json::Value = serde_json::from_str(&daemon.get("/stats").expect("a page").1).expect("JSON");
        let queues = page["queues"].as_array().expect("queues");
        let queue = queues.iter().find(|queue| queue["name"] == "switchboard").expect("the queue");
        let window = &queue["windows"][window];
        let count = |of: &serde_json::Value, name: &str| of[name].as_u64().expect("a count");
        let contract = &window["thresholds"][0];
        let counts = [count(window, "entered"), count(window, "answered"), count(window, "abandoned")];
        (
            counts,
            [count(contract, "hit"), count(contract, "excused")],
            window["covers_seconds"].as_f64().expect("a length"),
        )
    };
    let offer = |daemon: &Daemon| sdp(daemon.address, 40_000, &[Law::A]);
    let first = start();
    let mut caller = Phone::new(first.address, first.sip, "39000");
    let (mut gives_up, _) = caller.connect("800000200", &offer(&first));
    assert_eq!(caller.bye(&mut gives_up), 200);
    let mut agent = Phone::new(first.address, first.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let (mut call, _) = caller.connect("800000200", &offer(&first));
    agent.serve_with(Method::Invite, SECONDS_10, &offer(&first));
    agent.serve(Method::Ack, SECONDS_10);
    first.wait_for("a hit", SECONDS_10, |metrics| metrics.sum("acd_calls_talking", &[]) == 1.0);
    assert_eq!(caller.bye(&mut call), 200);
    agent.serve(Method::Bye, SECONDS_10);
    first.wait_for("the end", SECONDS_10, |metrics| metrics.sum("acd_calls_talking", &[]) == 0.0);
    first.stops();

    let second = start();
    let mut caller = Phone::new(second.address, second.sip, "39000");
    let (mut gives_up, _) = caller.connect("800000200", &offer(&second));
    assert_eq!(caller.bye(&mut gives_up), 200);
    second.wait_for("an abandoned call", SECONDS_10, |metrics| {
        metrics.sum("acd_calls_finished_total", &[("outcome", "abandoned")]) == 1.0
    });
    second.reload(|text| text.push_str("\n[pause.tea]\n"), "ok");
    let (today, run) = (figures(&second, "today"), figures(&second, "since_start"));
    assert_eq!((today.0, today.1), ([3, 1, 2], [1, 2]));
    assert_eq!((run.0, run.1), ([1, 0, 1], [0, 1]));
    assert!(today.2 > run.2, "{} s of today, {} s of the run", today.2, run.2);
    second.stops();
    for end in ["db", "db-wal", "db-shm", "db.keys"] {
        let _ = std::fs::remove_file(ledger.with_extension(end));
    }
}
