//! baresip as an agent who holds, asks a colleague and passes the caller on: REFER of both kinds as a real phone sends it.

use crate::baresip::{Baresip, Running};
use crate::daemon::{Daemon, Metrics};
use crate::needs;
use crate::sound::best_share_of_tone;
use std::time::Duration;

const CALLER_HUMS: f64 = 1020.0;
const FIRST_HUMS: f64 = 440.0;
const SECOND_HUMS: f64 = 620.0;
const LIMIT: Duration = Duration::from_secs(10);

fn phone(daemon: &Daemon, user: &'static str, password: Option<&'static str>, hums: f64) -> Baresip<'static> {
    Baresip { user, password, transport: "udp", codec: "PCMA/8000/1", encrypts: None, hums, server: daemon.sip }
}

/// A caller who talks with 101; 102 is ready.
fn talking(daemon: &Daemon, seconds: u32) -> (Running, Running, Running) {
    let first = phone(daemon, "101", Some("demo-101"), FIRST_HUMS).answers(&daemon.folder);
    daemon.wait_for_ready_agents(1.0);
    let caller = phone(daemon, "390612345678", None, CALLER_HUMS).dials("800000200", seconds, &daemon.folder);
    daemon.wait_for("a talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    let second = phone(daemon, "102", Some("demo-102"), SECOND_HUMS).answers(&daemon.folder);
    daemon.wait_for_ready_agents(1.0);
    (caller, first, second)
}

fn are(metrics: &Metrics, state: &str) -> f64 {
    metrics.sum("acd_agents", &[("state", state)])
}

fn transfers(metrics: &Metrics, kind: &str) -> f64 {
    metrics.sum("acd_transfers_total", &[("kind", kind), ("result", "completed")])
}

/// Nothing is left, and the caller has heard the second agent.
fn over(daemon: Daemon, mut caller: Running, agents: [Running; 2]) {
    caller.peer.ends_within(Duration::from_secs(30));
    daemon.wait_for("the end of the talk", LIMIT, |metrics| metrics.sum("acd_calls_talking", &[]) == 0.0);
    for mut agent in agents {
        agent.peer.terminate();
        agent.peer.ends_within(LIMIT);
    }
    let found = best_share_of_tone(&caller.heard(), SECOND_HUMS);
    assert!(found > 0.9, "the caller heard the second agent with a share of {found:.3} only");
    let metrics = daemon.metrics();
    assert_eq!(metrics.sum("acd_invariant_violations_total", &[]), 0.0);
    daemon.stops();
}

#[test]
fn holds_retrieves_and_passes_the_caller_on_unasked() {
    needs!("baresip");
    let daemon = Daemon::start(|_| {});
    let (caller, first, second) = talking(&daemon, 12);
    first.does("hold", "");
    daemon.wait_for("a hold", LIMIT, |metrics| are(metrics, "on_hold") == 1.0);
    first.does("resume", "");
    daemon.wait_for("a talk again", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    first.does("transfer", &format!("sip:102@{}", daemon.sip));
    let metrics = daemon.wait_for("a transfer", LIMIT, |metrics| transfers(metrics, "blind") == 1.0);
    assert!(metrics.sum("acd_hold_seconds_total", &[]) > 0.0);
    daemon.wait_for("one talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    over(daemon, caller, [first, second]);
}
