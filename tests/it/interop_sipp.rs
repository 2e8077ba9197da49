//! Calls between SIPp callers and SIPp agents through the real daemon: every ending a call can have, as the peers see
//! it and as the counters tell it.

use crate::daemon::{Daemon, free_port};
use crate::needs;
use crate::peers::{Peer, Sipp};
use crate::sound::{self, Headset, Law};
use std::time::Duration;

const SWITCHBOARD: &str = "800000200";
const SECONDS_10: Duration = Duration::from_secs(10);
const SECONDS_20: Duration = Duration::from_secs(20);

/// The shipped configuration, but a phone rings for 2 s only.
fn daemon() -> Daemon {
    Daemon::start(|configuration| configuration.set_ring(2))
}

/// Registers a phone with digest and then lets a scenario answer on its port.
pub fn registered_agent(daemon: &Daemon, user: &str, scenario: Sipp) -> Peer {
    let port = free_port(daemon.address);
    Sipp::new("registers.xml", daemon.address)
        .port(port)
        .status(200)
        .key("user", user)
        .option("-au", user)
        .option("-ap", &format!("demo-{user}"))
        .key("phone", &port.to_string())
        .calls(user, daemon.sip, &daemon.folder)
        .succeeds_within(SECONDS_10);
    scenario.port(port).waits(&daemon.folder)
}

#[test]
fn an_answered_call_is_a_hit() {
    needs!("sipp");
    let daemon = daemon();
    let laws = daemon.watch_laws();
    let ears = (Headset::new(daemon.address), Headset::new(daemon.address));
    let phone = Sipp::new("agent_hangs_up.xml", daemon.address).rtp(ears.1.port()).pause(Duration::from_secs(1));
    let mut agent = registered_agent(&daemon, "101", phone);
    daemon.wait_for_ready_agents(1.0);
    let mut caller =
        Sipp::new("caller_stays.xml", daemon.address).rtp(ears.0.port()).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    caller.succeeds_within(SECONDS_20);
    agent.succeeds_within(SECONDS_10);
    let metrics = daemon.wait_for("the end of the call", SECONDS_10, |metrics| {
        metrics.sum("acd_calls_finished_total", &[("outcome", "answered")]) == 1.0
    });
    assert_eq!(metrics.service_level("hit"), 1.0);
    assert_eq!(metrics.service_level("miss") + metrics.service_level("excused"), 0.0);
    assert_eq!(metrics.sum("acd_calls_received_total", &[]), 1.0);
    assert_eq!(metrics.sum("acd_offers_total", &[("outcome", "accepted")]), 1.0);
    laws.all_held();
    // SIPp offers both laws; the daemon's configuration puts A-law first.
    let welcome = sound::decode(&ears.0.hang_up(), Law::A);
    assert!(welcome.len() > 8000, "the caller heard only {} samples", welcome.len());
    assert!(welcome.iter().any(|sample| sample.unsigned_abs() > 1000), "the caller heard silence");
    daemon.stops();
}

#[test]
fn tcp_on_both_sides_with_an_agent_at_a_fixed_contact() {
    needs!("sipp");
    let mut port = 0;
    let daemon = Daemon::start(|configuration| {
        port = free_port(configuration.address());
        let contact = format!("sip:101@{}:{port};transport=tcp", configuration.address());
        configuration.set_contact("101", &contact);
    });
    let phone = Sipp::new("agent_hangs_up.xml", daemon.address).tcp().port(port).pause(Duration::from_millis(500));
    let mut agent = phone.waits(&daemon.folder);
    let mut caller = Sipp::new("caller_stays.xml", daemon.address).tcp().calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    caller.succeeds_within(SECONDS_20);
    agent.succeeds_within(SECONDS_10);
    daemon.wait_for("a hit", SECONDS_10, |metrics| metrics.service_level("hit") == 1.0);
    daemon.stops();
}

#[test]
fn hanging_up_in_the_queue_is_abandoned_and_in_the_greeting_is_not() {
    needs!("sipp");
    let daemon = daemon();
    let caller = |stay: u64| {
        Sipp::new("caller_hangs_up.xml", daemon.address).pause(Duration::from_millis(stay)).calls(
            SWITCHBOARD,
            daemon.sip,
            &daemon.folder,
        )
    };
    let (mut greeted, mut queued) = (caller(400), caller(4000));
    greeted.succeeds_within(SECONDS_10);
    queued.succeeds_within(SECONDS_10);
    let metrics = daemon.wait_for("both ends", SECONDS_10, |metrics| {
        metrics.sum("acd_calls_finished_total", &[("outcome", "abandoned")]) == 1.0
            && metrics.sum("acd_calls_finished_total", &[("outcome", "left_in_greeting")]) == 1.0
    });
    assert_eq!(metrics.sum("acd_calls_received_total", &[]), 2.0);
    assert_eq!(metrics.sum("acd_calls_entered_total", &[]), 1.0);
    assert_eq!(metrics.service_level("excused"), 1.0);
    assert_eq!(metrics.service_level("hit") + metrics.service_level("miss"), 0.0);
    daemon.stops();
}

#[test]
fn a_phone_that_rings_out_gives_the_call_to_the_next_agent() {
    needs!("sipp");
    let daemon = daemon();
    let mut sleeper = registered_agent(&daemon, "101", Sipp::new("agent_never_answers.xml", daemon.address));
    let phone = Sipp::new("agent_hangs_up.xml", daemon.address).pause(Duration::from_millis(500));
    let mut awake = registered_agent(&daemon, "102", phone);
    daemon.wait_for_ready_agents(2.0);
    let mut caller = Sipp::new("caller_stays.xml", daemon.address).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    caller.succeeds_within(SECONDS_20);
    sleeper.succeeds_within(SECONDS_10);
    awake.succeeds_within(SECONDS_10);
    let metrics = daemon.wait_for("a hit", SECONDS_10, |metrics| metrics.service_level("hit") == 1.0);
    assert_eq!(metrics.sum("acd_offers_total", &[("outcome", "no_answer")]), 1.0);
    assert_eq!(metrics.sum("acd_offers_total", &[("outcome", "accepted")]), 1.0);
    assert_eq!(metrics.sum("acd_calls_entered_total", &[]), 1.0, "a call that rang out did not enter again");
    daemon.stops();
}

#[test]
fn a_busy_phone_gives_the_call_to_the_next_agent() {
    needs!("sipp");
    let daemon = daemon();
    let mut busy = registered_agent(&daemon, "101", Sipp::new("agent_refuses.xml", daemon.address).status(486));
    let phone = Sipp::new("agent_hangs_up.xml", daemon.address).pause(Duration::from_millis(500));
    let mut free = registered_agent(&daemon, "102", phone);
    daemon.wait_for_ready_agents(2.0);
    let mut caller = Sipp::new("caller_stays.xml", daemon.address).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    caller.succeeds_within(SECONDS_20);
    busy.succeeds_within(SECONDS_10);
    free.succeeds_within(SECONDS_10);
    let metrics = daemon.wait_for("a hit", SECONDS_10, |metrics| metrics.service_level("hit") == 1.0);
    assert_eq!(metrics.sum("acd_offers_total", &[("outcome", "busy")]), 1.0);
    daemon.stops();
}

#[test]
fn a_phone_that_is_not_there_gives_the_call_to_the_next_agent() {
    needs!("sipp");
    let daemon = Daemon::start(|configuration| {
        let nobody = format!("sip:101@{}:{}", configuration.address(), free_port(configuration.address()));
        configuration.set_contact("101", &nobody);
    });
    let phone = Sipp::new("agent_hangs_up.xml", daemon.address).pause(Duration::from_millis(500));
    let mut agent = registered_agent(&daemon, "102", phone);
    let mut caller = Sipp::new("caller_stays.xml", daemon.address).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    caller.succeeds_within(SECONDS_20);
    agent.succeeds_within(SECONDS_10);
    let metrics = daemon.wait_for("a hit", SECONDS_10, |metrics| metrics.service_level("hit") == 1.0);
    assert_eq!(metrics.sum("acd_offers_total", &[("outcome", "unreachable")]), 1.0);
    daemon.stops();
}

#[test]
fn the_longest_wait_ends_with_a_goodbye() {
    needs!("sipp");
    let daemon = Daemon::start(|configuration| configuration.set("queue.switchboard", "max_wait", "1 s"));
    let mut caller = Sipp::new("caller_stays.xml", daemon.address).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    caller.succeeds_within(SECONDS_10);
    let metrics = daemon.wait_for("a call that flowed out", SECONDS_10, |metrics| {
        metrics.sum("acd_calls_finished_total", &[("outcome", "flowed_out")]) == 1.0
    });
    assert_eq!(metrics.service_level("excused"), 1.0);
    daemon.stops();
}

#[test]
fn a_full_queue_is_busy_and_takes_the_next_caller_when_there_is_room() {
    needs!("sipp");
    let daemon = Daemon::start(|configuration| configuration.set("queue.switchboard", "max_length", 1));
    let caller = |scenario| Sipp::new(scenario, daemon.address).pause(Duration::from_secs(2));
    let mut first = caller("caller_hangs_up.xml").calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    daemon.wait_for("the first caller", SECONDS_10, |metrics| metrics.sum("acd_calls_received_total", &[]) == 1.0);
    let mut second = caller("caller_refused.xml").status(486).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    second.succeeds_within(SECONDS_10);
    first.succeeds_within(SECONDS_10);
    let mut third = caller("caller_hangs_up.xml").calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    third.succeeds_within(SECONDS_10);
    let metrics = daemon.metrics();
    assert_eq!(metrics.sum("acd_calls_refused_total", &[("reason", "queue_full")]), 1.0);
    assert_eq!(metrics.sum("acd_calls_received_total", &[]), 2.0);
    daemon.stops();
}

#[test]
fn callers_from_elsewhere_are_forbidden() {
    needs!("sipp");
    let daemon = Daemon::start(|configuration| {
        let trusted = toml::Value::Array(vec!["127.0.0.1/32".into()]);
        configuration.set("sip", "trusted", trusted);
    });
    let mut caller =
        Sipp::new("caller_refused.xml", daemon.address).status(403).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    caller.succeeds_within(SECONDS_10);
    assert_eq!(daemon.metrics().sum("acd_calls_refused_total", &[("reason", "forbidden")]), 1.0);
    daemon.stops();
}

#[test]
fn a_phone_stops_ringing_when_the_caller_leaves() {
    needs!("sipp");
    let daemon = Daemon::start(|_| ());
    let mut agent = registered_agent(&daemon, "101", Sipp::new("agent_never_answers.xml", daemon.address));
    daemon.wait_for_ready_agents(1.0);
    let mut caller = Sipp::new("caller_hangs_up.xml", daemon.address).pause(Duration::from_secs(4)).calls(
        SWITCHBOARD,
        daemon.sip,
        &daemon.folder,
    );
    caller.succeeds_within(SECONDS_10);
    agent.succeeds_within(SECONDS_10);
    let metrics = daemon.wait_for("an abandoned call", SECONDS_10, |metrics| {
        metrics.sum("acd_calls_finished_total", &[("outcome", "abandoned")]) == 1.0
    });
    assert_eq!(metrics.sum("acd_offers_total", &[("outcome", "caller_gone")]), 1.0);
    daemon.wait_for_ready_agents(1.0);
    daemon.stops();
}

#[test]
fn a_number_nobody_has_is_not_found() {
    needs!("sipp");
    let daemon = daemon();
    for transport in ["u1", "t1"] {
        Sipp::new("caller_refused.xml", daemon.address)
            .status(404)
            .option("-t", transport)
            .calls("800999999", daemon.sip, &daemon.folder)
            .succeeds_within(SECONDS_10);
    }
    let metrics = daemon.metrics();
    assert_eq!(metrics.sum("acd_calls_refused_total", &[("reason", "no_route")]), 2.0);
    assert_eq!(metrics.sum("acd_calls_received_total", &[]), 0.0);
    daemon.stops();
}

#[test]
fn an_invite_without_sdp_gets_an_offer() {
    needs!("sipp");
    let daemon = daemon();
    let ear = Headset::new(daemon.address);
    let phone = Sipp::new("agent_stays.xml", daemon.address);
    let mut agent = registered_agent(&daemon, "101", phone);
    let mut caller = Sipp::new("caller_late_offer.xml", daemon.address)
        .rtp(ear.port())
        .pause(Duration::from_secs(4))
        .calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    caller.succeeds_within(SECONDS_10);
    agent.succeeds_within(SECONDS_10);
    daemon.wait_for("a hit", SECONDS_10, |metrics| metrics.service_level("hit") == 1.0);
    assert!(ear.hang_up().len() > 60, "the welcome reached the address of the late answer");
    daemon.stops();
}

#[test]
fn a_caller_may_hold_the_call_and_take_it_back() {
    needs!("sipp");
    let daemon = daemon();
    let phone = Sipp::new("agent_stays.xml", daemon.address);
    let mut agent = registered_agent(&daemon, "101", phone);
    let mut caller = Sipp::new("caller_holds.xml", daemon.address).pause(Duration::from_secs(3)).calls(
        SWITCHBOARD,
        daemon.sip,
        &daemon.folder,
    );
    caller.succeeds_within(SECONDS_20);
    agent.succeeds_within(SECONDS_10);
    daemon.wait_for("a hit", SECONDS_10, |metrics| metrics.service_level("hit") == 1.0);
    daemon.stops();
}

#[test]
fn sigterm_refuses_new_calls_and_lets_talks_end() {
    needs!("sipp");
    let mut daemon = daemon();
    let phone = Sipp::new("agent_hangs_up.xml", daemon.address).pause(Duration::from_secs(4));
    let mut agent = registered_agent(&daemon, "101", phone);
    let mut caller = Sipp::new("caller_stays.xml", daemon.address).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    daemon.wait_for("a talk", SECONDS_10, |metrics| metrics.sum("acd_agents", &[("state", "talking")]) == 1.0);
    daemon.terminate();
    let mut late =
        Sipp::new("caller_refused.xml", daemon.address).status(503).calls(SWITCHBOARD, daemon.sip, &daemon.folder);
    late.succeeds_within(SECONDS_10);
    assert_eq!(daemon.get("/readyz").map(|(status, _)| status), Some(503), "not ready while it drains");
    caller.succeeds_within(SECONDS_20);
    agent.succeeds_within(SECONDS_10);
    assert_eq!(daemon.ends_within(SECONDS_10).code(), Some(0), "the daemon ends well after the last talk");
}

#[test]
fn a_burst_of_callers_loses_nobody() {
    needs!("sipp");
    let daemon = daemon();
    let laws = daemon.watch_laws();
    let phone = |_| Sipp::new("agent_hangs_up.xml", daemon.address).option("-m", "15").pause(Duration::from_millis(50));
    let agents = ["101", "102"].map(|user| registered_agent(&daemon, user, phone(user)));
    let mut callers = Sipp::new("caller_stays.xml", daemon.address).option("-m", "30").option("-r", "30").calls(
        SWITCHBOARD,
        daemon.sip,
        &daemon.folder,
    );
    callers.succeeds_within(SECONDS_20);
    agents[0].terminate();
    agents[1].terminate();
    let metrics = daemon.wait_for("thirty hits", SECONDS_10, |metrics| metrics.service_level("hit") == 30.0);
    assert_eq!(metrics.sum("acd_queue_waiting_calls", &[]), 0.0);
    assert_eq!(metrics.sum("acd_order_violations_total", &[]), 0.0);
    laws.all_held();
    daemon.stops();
}
