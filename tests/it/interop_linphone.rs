//! Linphone calls Linphone through the daemon: registered with digest, heard both ways, held, retrieved, passed on.

use crate::daemon::{Daemon, Metrics};
use crate::linphone::{Linphone, Running};
use crate::needs;
use crate::phone::{Phone, sdp};
use crate::sound::{Law, best_share_of_tone};
use rsip::Method;
use std::time::Duration;

const CALLER_HUMS: f64 = 1020.0;
const AGENT_HUMS: f64 = 440.0;
const LIMIT: Duration = Duration::from_secs(10);

fn phone<'a>(daemon: &Daemon, user: &'a str, password: Option<&'a str>, transport: &'a str, hums: f64) -> Linphone<'a> {
    Linphone { user, password, transport, codecs: &["PCMA"], encryption: "none", hums, server: daemon.sip }
}

fn are(metrics: &Metrics, state: &str) -> f64 {
    metrics.sum("acd_agents", &[("state", state)])
}

fn hears(who: &Running, other: f64, own: f64) {
    let heard = who.heard();
    let (found, echo) = (best_share_of_tone(&heard, other), best_share_of_tone(&heard, own));
    assert!(found > 0.9 && echo < 0.05, "the other's tone with a share of {found:.3}, its own with {echo:.3}");
}

#[test]
fn an_agent_answers_holds_retrieves_and_passes_the_caller_on() {
    needs!("linphonec");
    let daemon = Daemon::start(|_| {});
    let mut agent = phone(&daemon, "101", Some("demo-101"), "udp", AGENT_HUMS).start(&daemon.folder);
    daemon.wait_for_ready_agents(1.0);
    let mut caller = phone(&daemon, "390612345678", None, "tcp", CALLER_HUMS).start(&daemon.folder);
    caller.dials("800000200");
    daemon.wait_for("a talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    std::thread::sleep(Duration::from_secs(2));

    agent.does("pause");
    agent.says("is now paused");
    daemon.wait_for("a hold", LIMIT, |metrics| are(metrics, "on_hold") == 1.0);
    // Its streams end with the hold, and so does the recording.
    hears(&agent, CALLER_HUMS, AGENT_HUMS);
    agent.does("resume 1");
    daemon.wait_for("a talk again", LIMIT, |metrics| are(metrics, "talking") == 1.0);

    let mut colleague = Phone::new(daemon.address, daemon.sip, "102");
    assert_eq!(colleague.register("demo-102").status_code.code(), 200);
    daemon.wait_for_ready_agents(1.0);
    let target = agent.uri("102");
    agent.does(&format!("transfer 1 {target}"));
    colleague.serve_with(Method::Invite, LIMIT, &sdp(daemon.address, 40_000, &[Law::A]));
    colleague.serve(Method::Ack, LIMIT);
    let metrics = daemon.wait_for("a transfer", LIMIT, |metrics| {
        metrics.sum("acd_transfers_total", &[("kind", "blind"), ("result", "completed")]) == 1.0
    });
    assert!(metrics.sum("acd_hold_seconds_total", &[]) > 0.0);
    agent.says("ended (");

    caller.does("terminate");
    colleague.serve(Method::Bye, LIMIT);
    caller.quits();
    hears(&caller, AGENT_HUMS, CALLER_HUMS);
    agent.quits();
    let metrics = daemon.wait_for("the agent's phone is gone", LIMIT, |metrics| {
        are(metrics, "signed_out") == metrics.sum("acd_agents", &[]) - 1.0 && metrics.sum("acd_sip_dialogs", &[]) == 0.0
    });
    assert_eq!(metrics.service_level("hit"), 1.0);
    assert_eq!(metrics.sum("acd_invariant_violations_total", &[]), 0.0);
    daemon.stops();
}

/// A call of its own to the colleague, which Linphone proves by digest, then REFER with Replaces (RFC 5589 7).
#[test]
fn an_agent_asks_a_colleague_and_passes_the_caller_on() {
    needs!("linphonec");
    let daemon = Daemon::start(|_| {});
    let mut agent = phone(&daemon, "101", Some("demo-101"), "tcp", AGENT_HUMS).start(&daemon.folder);
    daemon.wait_for_ready_agents(1.0);
    let [mut colleague, mut caller] = ["102", "39000"].map(|user| Phone::new(daemon.address, daemon.sip, user));
    let (mut call, _) = caller.connect("800000200", &sdp(daemon.address, 40_000, &[Law::A]));
    daemon.wait_for("a talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    assert_eq!(colleague.register("demo-102").status_code.code(), 200);
    daemon.wait_for_ready_agents(1.0);

    agent.does("pause");
    agent.says("is now paused");
    agent.dials("102");
    colleague.serve_with(Method::Invite, LIMIT, &sdp(daemon.address, 40_002, &[Law::A]));
    colleague.serve(Method::Ack, LIMIT);
    daemon.wait_for("a question", LIMIT, |metrics| are(metrics, "consulting") == 2.0);
    agent.does("transfer 1 --to-call 2");
    daemon.wait_for("a transfer", LIMIT, |metrics| {
        metrics.sum("acd_transfers_total", &[("kind", "attended"), ("result", "completed")]) == 1.0
    });
    daemon.wait_for("one talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    assert_eq!(caller.bye(&mut call), 200);
    colleague.serve(Method::Bye, LIMIT);
    agent.quits();
    let metrics = daemon.wait_for("nobody's talk", LIMIT, |metrics| metrics.sum("acd_sip_dialogs", &[]) == 0.0);
    assert_eq!(metrics.sum("acd_invariant_violations_total", &[]), 0.0);
    daemon.stops();
}
