//! Linphone calls Linphone through the daemon: registered with digest, heard both ways, held, retrieved, passed on.

use crate::baresip::Baresip;
use crate::daemon::{Daemon, Metrics};
use crate::linphone::{Linphone, Running};
use crate::needs;
use crate::phone::{Phone, audio_port, sdp};
use crate::sound::{self, Headset, Law, best_share_of_tone};
use centralino::media::embedded;
use rsip::Method;
use std::net::SocketAddr;
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

    agent.says("for call 1");
    agent.does("pause");
    agent.says("is now paused");
    agent.dials("102");
    colleague.serve_with(Method::Invite, LIMIT, &sdp(daemon.address, 40_002, &[Law::A]));
    colleague.serve(Method::Ack, LIMIT);
    daemon.wait_for("a question", LIMIT, |metrics| are(metrics, "consulting") == 2.0);
    // It can tell nobody about a call that it has not seen answered.
    agent.says("for call 2");
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

/// A talk between a caller at a plain phone and an agent at a Linphone that speaks this codec alone; both hear the other.
fn talks_in(codec: &str, encryption: &str) {
    let daemon = Daemon::start(|configuration| {
        configuration.set("media", "codecs", vec!["PCMA", "PCMU", "G722", "opus"]);
        configuration.set("agent.101", "srtp", if encryption == "none" { "off" } else { "required" });
    });
    let user = Some("demo-101");
    let agent = phone(&daemon, "101", user, "udp", AGENT_HUMS);
    let mut agent = Linphone { codecs: &[codec], encryption, ..agent }.start(&daemon.folder);
    daemon.wait_for_ready_agents(1.0);
    let mut at_caller = Headset::new(daemon.address);
    let mut caller = Phone::new(daemon.address, daemon.sip, "390612345678");
    let (mut call, answer) = caller.connect("800000200", &sdp(daemon.address, at_caller.port(), &[Law::A]));
    at_caller.hum(SocketAddr::new(daemon.address, audio_port(answer.body())), Law::A, CALLER_HUMS);
    daemon.wait_for("a talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(caller.bye(&mut call), 200);
    agent.says("ended (");
    agent.quits();
    hears(&agent, CALLER_HUMS, AGENT_HUMS);
    let heard = sound::decode(&at_caller.hang_up(), Law::A);
    let (found, echo) = (best_share_of_tone(&heard, AGENT_HUMS), best_share_of_tone(&heard, CALLER_HUMS));
    assert!(found > 0.9 && echo < 0.05, "the agent's tone with a share of {found:.3}, the caller's own {echo:.3}");
    daemon.stops();
}

#[test]
fn it_speaks_mu_law_with_keys() {
    needs!("linphonec");
    talks_in("PCMU", "srtp");
}

#[test]
fn it_speaks_g_722() {
    needs!("linphonec");
    talks_in("G722", "none");
}

#[test]
fn it_speaks_opus_with_keys() {
    needs!("linphonec");
    talks_in("opus", "srtp");
}

/// A real phone on either side: baresip hears the menu and presses 2, a Linphone in G.722 with keys speaks English.
#[test]
fn a_caller_hears_the_menu_presses_2_and_talks_with_who_speaks_english() {
    needs!("linphonec", "baresip");
    let daemon = Daemon::start(|configuration| {
        configuration.set("media", "codecs", vec!["PCMA", "PCMU", "G722"]);
        configuration.set("agent.301", "srtp", "required");
    });
    let agent = phone(&daemon, "301", Some("demo-301"), "tcp", AGENT_HUMS);
    let mut agent = Linphone { codecs: &["G722"], encryption: "srtp", ..agent }.start(&daemon.folder);
    daemon.wait_for_ready_agents(1.0);
    let (user, codec) = ("390612345678", "PCMA/8000/1");
    let (transport, server) = ("udp", daemon.sip);
    let caller = Baresip { user, password: None, transport, codec, encrypts: None, hums: CALLER_HUMS, server };
    let mut caller = caller.dials("800000400", 12, &daemon.folder);
    daemon.wait_for("a caller", LIMIT, |metrics| metrics.sum("acd_calls_received_total", &[]) == 1.0);
    std::thread::sleep(Duration::from_millis(3_500));
    assert_eq!(daemon.metrics().sum("acd_calls_entered_total", &[]), 0.0, "the menu is no queue");
    caller.does("sndcode", "2");
    daemon.wait_for("a talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    let english = [("service", "contact"), ("queue", "information_english")];
    assert_eq!(daemon.metrics().sum("acd_calls_entered_total", &english), 1.0);
    caller.peer.ends_within(Duration::from_secs(30));
    agent.says("ended (");
    agent.quits();
    hears(&agent, CALLER_HUMS, AGENT_HUMS);
    let heard = caller.heard();
    assert!(best_share_of_tone(&heard, AGENT_HUMS) > 0.9, "the caller hears the agent");
    // Half a second out of the middle of the menu, as it is in the file.
    let menu = embedded::clip("it/menu").expect("a clip");
    let said: Vec<i16> = menu.samples()[8_000..12_000].iter().map(|&it| Law::A.decode(Law::A.encode(it))).collect();
    let best = heard.windows(said.len()).step_by(1).map(|window| alike(window, &said)).max();
    assert!(best.is_some_and(|alike| alike > said.len() * 3 / 4), "{best:?} of {} samples of the menu", said.len());
    daemon.stops();
}

/// How many samples are the same; of what differs from the start no more is looked at.
fn alike(heard: &[i16], said: &[i16]) -> usize {
    let near = |(heard, said): &(&i16, &i16)| (i32::from(**heard) - i32::from(**said)).abs() <= 16;
    let begins = heard.iter().zip(said).take(40).filter(near).count();
    if begins < 30 { begins } else { heard.iter().zip(said).filter(near).count() }
}
