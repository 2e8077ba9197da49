//! baresip as an agent who holds, asks a colleague and passes the caller on: REFER of both kinds as a real phone sends it.

use crate::baresip::{Baresip, Running};
use crate::daemon::{Daemon, Metrics, free_port};
use crate::needs;
use crate::phone::{Phone, sdp};
use crate::sound::{Law, best_share_of_tone};
use rsip::Method;
use rsip::prelude::*;
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

/// The same as a phone that asks first: a call to the colleague, proven by digest, then REFER with Replaces (RFC 5589 7).
#[test]
fn the_colleague_who_was_asked_gets_the_caller() {
    let daemon = Daemon::start(|configuration| {
        configuration.set("ledger", "path", "ledger.db");
        configuration.set("ledger", "queue_log", "queue_log");
    });
    let offer = |port| sdp(daemon.address, port, &[Law::A]);
    let [mut agent, mut colleague, mut caller] =
        ["101", "102", "39000"].map(|user| Phone::new(daemon.address, daemon.sip, user));
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    daemon.wait_for_ready_agents(1.0);
    let (mut call, _) = caller.connect("800000200", &offer(40_000));
    let invite = agent.serve_with(Method::Invite, LIMIT, &offer(40_002));
    agent.serve(Method::Ack, LIMIT);
    daemon.wait_for("a talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    assert_eq!(colleague.register("demo-102").status_code.code(), 200);
    daemon.wait_for_ready_agents(1.0);

    let held = offer(40_002).replace("sendrecv", "sendonly");
    assert_eq!(agent.within(&invite, Method::Invite, 1, "", Some(&held)), 200);
    agent.within(&invite, Method::Ack, 1, "", None);
    daemon.wait_for("a hold", LIMIT, |metrics| are(metrics, "on_hold") == 1.0);

    let mut question = agent.invite_proven("102", "demo-101", &offer(40_004));
    let asked = colleague.serve_with(Method::Invite, LIMIT, &offer(40_006));
    let shown = asked.from_header().expect("a From").value().to_owned();
    assert!(shown.starts_with("<sip:101@"), "the colleague sees who asks: {shown}");
    colleague.serve(Method::Ack, LIMIT);
    let answer = agent.answer(&mut question, Method::Invite);
    assert_eq!(answer.status_code.code(), 200);
    agent.ack(&mut question, &answer, None);
    daemon.wait_for("a question", LIMIT, |metrics| are(metrics, "consulting") == 2.0);

    let to = format!("Refer-To: <sip:102@{}?{}>\r\n", daemon.sip, agent.replacing(&question));
    assert_eq!(agent.within(&invite, Method::Refer, 2, &to, None), 202);
    for told in ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"] {
        let notify = agent.serve(Method::Notify, LIMIT);
        assert!(notify.body.starts_with(told.as_bytes()), "{notify}");
    }
    agent.serve(Method::Bye, LIMIT);
    agent.serve(Method::Bye, LIMIT);
    let metrics = daemon.wait_for("a transfer", LIMIT, |metrics| transfers(metrics, "attended") == 1.0);
    assert_eq!(metrics.sum("acd_consults_total", &[("result", "completed")]), 1.0);
    assert!(metrics.sum("acd_consult_seconds_total", &[]) > 0.0);
    daemon.wait_for("one talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    assert_eq!(caller.bye(&mut call), 200);
    colleague.serve(Method::Bye, LIMIT);
    daemon.wait_for("nobody's talk", LIMIT, |metrics| metrics.sum("acd_calls_talking", &[]) == 0.0);
    assert_eq!(daemon.metrics().sum("acd_invariant_violations_total", &[]), 0.0);
    each_has_a_part(daemon);
}

/// In the ledger each of the two has the time with the caller that was its own.
fn each_has_a_part(mut daemon: Daemon) {
    let folder = daemon.folder.clone();
    daemon.terminate();
    assert_eq!(daemon.ends_within(Duration::from_secs(15)).code(), Some(0));
    let ledger = rusqlite::Connection::open(folder.join("ledger.db")).expect("a ledger");
    let talks = "SELECT count(*), sum(talk.talked) = max(visit.talked), min(talk.talked) > 0, max(visit.talks) \
                 FROM talk JOIN visit ON visit.interaction = talk.interaction AND visit.number = talk.visit";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let talks: (i64, bool, bool, i64) = ledger.query_row(talks, [], row).expect("talks");
    assert_eq!(talks, (2, true, true, 2));
    let log = std::fs::read_to_string(folder.join("queue_log")).expect("a queue log");
    let events: Vec<&str> = log.lines().filter_map(|line| line.split('|').nth(4)).collect();
    assert_eq!(events, ["QUEUESTART", "ENTERQUEUE", "CONNECT", "ATTENDEDTRANSFER"]);
    let _ = std::fs::remove_dir_all(folder);
}

/// A line to Roman numbers, and its port.
fn with_a_line() -> (Daemon, u16) {
    let mut port = 0;
    let daemon = Daemon::start(|configuration| {
        port = free_port(configuration.address());
        let mut pools: Vec<toml::Value> = configuration.pools();
        pools.push("outside".into());
        configuration.set_root("pools", pools);
        let mut line = toml::Table::new();
        line.insert("pool".to_owned(), "outside".into());
        line.insert("contact".to_owned(), format!("sip:{{dialled}}@{}:{port}", configuration.address()).into());
        line.insert("dials".to_owned(), vec!["+3906*"].into());
        configuration.set("agent", "out1", line);
    });
    (daemon, port)
}

/// The same after a question: the agent calls the outside number first, tells what it is about, and hands over.
#[test]
fn who_was_asked_outside_gets_the_caller() {
    let (daemon, port) = with_a_line();
    let offer = |port| sdp(daemon.address, port, &[Law::A]);
    let [mut agent, mut caller] = ["101", "39000"].map(|user| Phone::new(daemon.address, daemon.sip, user));
    let mut carrier = Phone::at_port(daemon.address, port, daemon.sip, "carrier");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    daemon.wait_for_ready_agents(2.0);
    let (mut call, _) = caller.connect("800000200", &offer(40_000));
    let invite = agent.serve_with(Method::Invite, LIMIT, &offer(40_002));
    agent.serve(Method::Ack, LIMIT);
    daemon.wait_for("a talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);

    let mut refused = agent.invite_proven("0900123456", "demo-101", &offer(40_004));
    let answer = agent.answer(&mut refused, Method::Invite);
    assert_eq!(answer.status_code.code(), 404, "no line dials that");
    agent.ack(&mut refused, &answer, None);
    let mut question = agent.invite_proven("0612345678", "demo-101", &offer(40_004));
    let asked = carrier.serve_with(Method::Invite, LIMIT, &offer(40_006));
    assert_eq!(asked.uri.to_string(), format!("sip:+390612345678@{}:{port}", daemon.address));
    carrier.serve(Method::Ack, LIMIT);
    let answer = agent.answer(&mut question, Method::Invite);
    assert_eq!(answer.status_code.code(), 200);
    agent.ack(&mut question, &answer, None);
    daemon.wait_for("a question", LIMIT, |metrics| are(metrics, "consulting") == 2.0);

    let to = format!("Refer-To: <sip:0612345678@{}?{}>\r\n", daemon.sip, agent.replacing(&question));
    assert_eq!(agent.within(&invite, Method::Refer, 1, &to, None), 202);
    for told in ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"] {
        let notify = agent.serve(Method::Notify, LIMIT);
        assert!(notify.body.starts_with(told.as_bytes()), "{notify}");
    }
    agent.serve(Method::Bye, LIMIT);
    agent.serve(Method::Bye, LIMIT);
    daemon.wait_for("a transfer", LIMIT, |metrics| transfers(metrics, "attended") == 1.0);
    daemon.wait_for("one talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    assert_eq!(caller.bye(&mut call), 200);
    carrier.serve(Method::Bye, LIMIT);
    daemon.wait_for("nobody's talk", LIMIT, |metrics| metrics.sum("acd_calls_talking", &[]) == 0.0);
    assert_eq!(daemon.metrics().sum("acd_invariant_violations_total", &[]), 0.0);
    daemon.stops();
}

/// To a number outside, by a line that may dial it: an agent alone can, and only what the configuration names. The agent
/// hangs up at once and hears how it ended all the same (RFC 5057 4.1).
#[test]
fn a_caller_is_passed_on_to_an_outside_number() {
    let (daemon, port) = with_a_line();
    let offer = |port| sdp(daemon.address, port, &[Law::A]);
    let [mut agent, mut caller] = ["101", "39000"].map(|user| Phone::new(daemon.address, daemon.sip, user));
    let mut carrier = Phone::at_port(daemon.address, port, daemon.sip, "carrier");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    daemon.wait_for_ready_agents(2.0);
    let (mut call, _) = caller.connect("800000200", &offer(40_000));
    let invite = agent.serve_with(Method::Invite, LIMIT, &offer(40_002));
    agent.serve(Method::Ack, LIMIT);
    daemon.wait_for("a talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    let refer = |number: &str| format!("Refer-To: <sip:{number}@{}>\r\n", daemon.sip);
    for (cseq, number) in [(1, "0900123456"), (2, "+3906a")] {
        assert_eq!(agent.within(&invite, Method::Refer, cseq, &refer(number), None), 403, "{number}");
    }
    assert_eq!(agent.within(&invite, Method::Refer, 4, &refer("0612345678"), None), 202);
    assert_eq!(agent.within(&invite, Method::Bye, 5, "", None), 200);
    let outside = carrier.serve_with(Method::Invite, LIMIT, &offer(40_004));
    assert_eq!(outside.uri.to_string(), format!("sip:+390612345678@{}:{port}", daemon.address));
    carrier.serve(Method::Ack, LIMIT);
    for told in ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"] {
        let notify = agent.serve(Method::Notify, LIMIT);
        assert!(notify.body.starts_with(told.as_bytes()), "{notify}");
    }
    daemon.wait_for("a transfer", LIMIT, |metrics| transfers(metrics, "blind") == 1.0);
    assert_eq!(caller.bye(&mut call), 200);
    carrier.serve(Method::Bye, LIMIT);
    daemon.wait_for("nobody's talk", LIMIT, |metrics| metrics.sum("acd_calls_talking", &[]) == 0.0);
    assert_eq!(daemon.metrics().sum("acd_invariant_violations_total", &[]), 0.0);
    daemon.stops();
}
