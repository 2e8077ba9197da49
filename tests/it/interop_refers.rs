//! SIPp as an agent who passes callers on: REFER unasked, and after a question to the colleague (RFC 3515, RFC 3891).

use crate::daemon::{Daemon, Metrics};
use crate::interop_sipp::registered_agent;
use crate::needs;
use crate::peers::{Peer, Sipp};
use std::time::Duration;

const SWITCHBOARD: &str = "800000200";
const LIMIT: Duration = Duration::from_secs(10);

fn are(metrics: &Metrics, state: &str) -> f64 {
    metrics.sum("acd_agents", &[("state", state)])
}

/// A caller who talks with 101, by the scenario; 102 is ready.
fn talking(daemon: &Daemon, agent: Sipp) -> (Peer, Peer, Peer) {
    let agent = registered_agent(daemon, "101", agent);
    daemon.wait_for_ready_agents(1.0);
    let caller = Sipp::new("caller_stays.xml", daemon.address).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    daemon.wait_for("a talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    let hangs_up = Sipp::new("agent_hangs_up.xml", daemon.address).pause(Duration::from_secs(2));
    let colleague = registered_agent(daemon, "102", hangs_up);
    daemon.wait_for_ready_agents(1.0);
    (caller, agent, colleague)
}

/// The colleague hangs up on the caller, and nobody else did.
fn passed_on(daemon: Daemon, kind: &str, peers: impl IntoIterator<Item = Peer>) {
    peers.into_iter().for_each(|mut peer| peer.succeeds_within(2 * LIMIT));
    let metrics = daemon.wait_for("nobody's talk", LIMIT, |metrics| metrics.sum("acd_calls_talking", &[]) == 0.0);
    assert_eq!(metrics.sum("acd_transfers_total", &[("kind", kind), ("result", "completed")]), 1.0);
    assert_eq!(metrics.sum("acd_calls_finished_total", &[("outcome", "answered")]), 1.0);
    assert_eq!(metrics.sum("acd_invariant_violations_total", &[]), 0.0);
    daemon.stops();
}

#[test]
fn a_caller_is_passed_on_unasked() {
    needs!("sipp");
    let daemon = Daemon::start(|_| {});
    let target = format!("102@{}", daemon.sip);
    let refers = Sipp::new("agent_refers.xml", daemon.address).key("target", &target).pause(Duration::from_secs(2));
    let (caller, agent, colleague) = talking(&daemon, refers);
    passed_on(daemon, "blind", [agent, colleague, caller]);
}

#[test]
fn a_caller_is_passed_on_after_a_question() {
    needs!("sipp");
    let daemon = Daemon::start(|_| {});
    let (caller, agent, colleague) = talking(&daemon, Sipp::new("agent_stays.xml", daemon.address));
    let said = agent.printed();
    let value = |from: &str, name: &str, end: char| {
        let rest = said.split(from).nth(1).and_then(|rest| rest.split(name).nth(1)).expect(name);
        rest.split([end, '\r', '\n']).next().unwrap_or_default().trim().to_owned()
    };
    let [call, theirs] = [("Call-ID:", '\r'), ("From: ", '\r')].map(|(name, end)| value("INVITE sip:", name, end));
    let theirs = theirs.rsplit(";tag=").next().expect("a tag").to_owned();
    let ours = value("SIP/2.0 200 OK", "To: ", '\r').rsplit(";tag=").next().expect("a tag").to_owned();
    let asks = Sipp::new("agent_asks_and_refers.xml", daemon.address)
        .key("user", "101")
        .key("call", &call)
        .key("ours", &ours)
        .key("theirs", &theirs)
        .option("-au", "101")
        .option("-ap", "demo-101")
        .pause(Duration::from_secs(1))
        .calls("102", daemon.sip, &daemon.folder);
    daemon.wait_for("a question", LIMIT, |metrics| are(metrics, "consulting") == 2.0);
    passed_on(daemon, "attended", [asks, agent, colleague, caller]);
}
