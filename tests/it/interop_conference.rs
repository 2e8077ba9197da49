//! Three-way in the real daemon: a caller, an agent with two lines and the colleague who is asked, each with a tone.

use crate::baresip::Baresip;
use crate::control::{self, Desktop};
use crate::daemon::{Daemon, Metrics};
use crate::needs;
use crate::phone::{Call, Phone, audio_port, sdp};
use crate::sound::{Headset, Law, Packet, decode, share_of_tone};
use rsip::{Method, Request};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use toml::Table;

const LIMIT: Duration = Duration::from_secs(10);
const TONES: [(&str, f64); 3] = [("caller", 1020.0), ("agent", 440.0), ("colleague", 620.0)];

/// All three, the caller on hold; the agent speaks on the line to the colleague.
struct Desk {
    daemon: Daemon,
    desktop: Desktop,
    caller: Phone,
    call: Call,
    agent: Phone,
    /// The agent's line with the caller, and the one to the colleague.
    invite: Request,
    question: Call,
    colleague: Phone,
    asked: Request,
    /// Of the caller, of the agent's second line, of the colleague.
    headsets: [(Headset, Law); 3],
    moments: Vec<(Instant, Instant)>,
}

fn tone(who: &str) -> f64 {
    TONES.iter().find(|(name, _)| *name == who).expect("one of them").1
}

impl Desk {
    fn asking() -> Desk {
        let daemon = Daemon::start(|configuration| {
            configuration.set("service.information", "welcome", "none");
            configuration.set("queue.information", "music", "none");
            let recording = Table::from_iter([("notice".to_owned(), "it/welcome_short".into())]);
            configuration.set("queue.information", "recording", recording);
            configuration.set("routing", "conference_key", "#");
            configuration.set("media", "threads", 2);
            control::allow(configuration);
        });
        let desktop = Desktop::of(&daemon);
        let headset = || Headset::new(daemon.address);
        let at = |request: &[u8]| SocketAddr::new(daemon.address, audio_port(request));
        let offer = |headset: &Headset, law| sdp(daemon.address, headset.port(), &[law]);
        let [mut agent, mut colleague, mut caller] =
            ["101", "102", "39000"].map(|user| Phone::new(daemon.address, daemon.sip, user));
        let (mut at_caller, at_agent, mut at_question, mut at_colleague) = (headset(), headset(), headset(), headset());
        assert_eq!(agent.register("demo-101").status_code.code(), 200);
        daemon.wait_for_ready_agents(1.0);
        let (call, answer) = caller.connect("800000100", &offer(&at_caller, Law::A));
        at_caller.hum(at(answer.body()), Law::A, tone("caller"));
        let invite = agent.serve_with(Method::Invite, LIMIT, &offer(&at_agent, Law::Mu));
        agent.serve(Method::Ack, LIMIT);
        daemon.wait_for("a talk", LIMIT, |metrics| metrics.service_level("hit") == 1.0);
        assert_eq!(colleague.register("demo-102").status_code.code(), 200);
        daemon.wait_for_ready_agents(1.0);
        let held = offer(&at_agent, Law::Mu).replace("sendrecv", "sendonly");
        assert_eq!(agent.within(&invite, Method::Invite, 1, "", Some(&held)), 200);
        agent.within(&invite, Method::Ack, 1, "", None);
        let mut question = agent.invite_proven("102", "demo-101", &offer(&at_question, Law::Mu));
        let asked = colleague.serve_with(Method::Invite, LIMIT, &offer(&at_colleague, Law::A));
        at_colleague.hum(at(asked.body()), Law::A, tone("colleague"));
        colleague.serve(Method::Ack, LIMIT);
        let answer = agent.answer(&mut question, Method::Invite);
        agent.ack(&mut question, &answer, None);
        at_question.hum(at(answer.body()), Law::Mu, tone("agent"));
        daemon.wait_for("a question", LIMIT, |metrics| are(metrics, "consulting") == 2.0);
        let headsets = [(at_caller, Law::A), (at_question, Law::Mu), (at_colleague, Law::A)];
        let moments = Vec::new();
        Desk { daemon, desktop, caller, call, agent, invite, question, colleague, asked, headsets, moments }
    }

    fn confers(&mut self, so_far: f64) {
        let (status, text) = self.desktop.post("/agents/101/conference");
        assert_eq!((status, text.contains("talking")), (200, true), "{text}");
        self.are_conferring(so_far);
    }

    fn are_conferring(&self, so_far: f64) {
        let all = |metrics: &Metrics| metrics.sum("acd_conferences_total", &[]) == so_far;
        self.daemon.wait_for("a conference", LIMIT, all);
    }

    /// A second in which nothing changes, after what came before it is heard.
    fn a_second(&mut self) {
        std::thread::sleep(Duration::from_millis(250));
        let began = Instant::now();
        std::thread::sleep(Duration::from_millis(800));
        self.moments.push((began, Instant::now()));
    }

    /// Who heard whom in each of the seconds: caller, agent, colleague.
    fn heard(headsets: [(Headset, Law); 3], moments: &[(Instant, Instant)]) -> Vec<[Vec<&'static str>; 3]> {
        let heard = headsets.map(|(headset, law)| (headset.hang_up(), law));
        let in_a_second = |&(from, until): &(Instant, Instant)| {
            heard.each_ref().map(|(packets, law)| voices(packets, *law, from, until))
        };
        moments.iter().map(in_a_second).collect()
    }
}

fn voices(packets: &[Packet], law: Law, from: Instant, until: Instant) -> Vec<&'static str> {
    let then: Vec<Packet> = packets.iter().filter(|packet| packet.at >= from && packet.at < until).cloned().collect();
    voices_in(&decode(&then, law))
}

/// Tenths of a second by themselves: over a gap a tone goes on out of step.
fn voices_in(samples: &[i16]) -> Vec<&'static str> {
    let tenths: Vec<&[i16]> = samples.chunks_exact(800).collect();
    let audible = |hz| tenths.iter().filter(|tenth| share_of_tone(tenth, hz) > 0.2).count() * 2 > tenths.len();
    TONES.iter().filter(|(_, hz)| audible(*hz)).map(|(who, _)| *who).collect()
}

fn are(metrics: &Metrics, state: &str) -> f64 {
    metrics.sum("acd_agents", &[("state", state)])
}

const ALL: [&[&str]; 3] = [&["agent", "colleague"], &["caller", "colleague"], &["caller", "agent"]];
const PRIVATE: [&[&str]; 3] = [&[], &["colleague"], &["agent"]];

/// Both sides of the recording, taken apart second by second.
fn recorded(folder: &Path) -> Vec<[Vec<&'static str>; 2]> {
    let mut files = std::fs::read_dir(folder.join("recordings")).expect("recordings").map(|file| file.unwrap().path());
    let reader = hound::WavReader::open(files.next().expect("one")).expect("a WAV file");
    let samples: Vec<i16> = reader.into_samples().map(|sample| sample.expect("a sample")).collect();
    let sides = [0, 1].map(|side| samples.chunks_exact(2).map(|pair| pair[side]).collect::<Vec<i16>>());
    let windows = sides[0].chunks(2_000).zip(sides[1].chunks(2_000));
    windows.map(|(caller, agent)| [voices_in(caller), voices_in(agent)]).collect()
}

#[test]
fn three_hear_each_other_and_the_two_who_stay_talk_on() {
    let mut desk = Desk::asking();
    desk.a_second();
    desk.confers(1.0);
    desk.a_second();
    // The agent's key on the line to the colleague: private again, and back.
    assert_eq!(desk.agent.info_key(&mut desk.question, '#'), 200);
    desk.daemon.wait_for("privacy", LIMIT, |metrics| are(metrics, "consulting") == 2.0);
    desk.a_second();
    assert_eq!(desk.agent.info_key(&mut desk.question, '#'), 200);
    desk.are_conferring(2.0);
    desk.a_second();
    assert_eq!(desk.colleague.within(&desk.asked, Method::Bye, 1, "", None), 200);
    desk.daemon.wait_for("two", LIMIT, |metrics| are(metrics, "consulting") == 0.0 && are(metrics, "talking") == 1.0);
    desk.a_second();
    assert_eq!(desk.caller.bye(&mut desk.call), 200);
    desk.agent.serve(Method::Bye, LIMIT);
    desk.agent.serve(Method::Bye, LIMIT);
    let metrics = desk.daemon.wait_for("the end", LIMIT, |metrics| metrics.sum("acd_calls_talking", &[]) == 0.0);
    assert_eq!(metrics.sum("acd_invariant_violations_total", &[]), 0.0);
    let (consulted, talked) = (metrics.sum("acd_consult_seconds_total", &[]), metrics.sum("acd_talk_seconds_sum", &[]));
    assert!(consulted > 2.0 && consulted < 5.0 && talked > 3.1, "consulted {consulted} talked {talked}");

    let heard = Desk::heard(desk.headsets, &desk.moments);
    let expected = [PRIVATE, ALL, PRIVATE, ALL, [&["agent"][..], &["caller"], &[]]];
    for (second, (heard, expected)) in heard.iter().zip(expected).enumerate() {
        assert_eq!(heard.each_ref().map(Vec::as_slice), expected, "second {second}");
    }
    let recorded = recorded(&desk.daemon.folder);
    let all = recorded.iter().filter(|sides| **sides == [vec!["caller"], vec!["agent", "colleague"]]).count();
    let private = recorded.iter().filter(|[caller, agent]| caller.is_empty() && !agent.is_empty()).count();
    assert!(all >= 5 && private == 0, "{recorded:?}");
    desk.daemon.stops();
}

#[test]
fn agent_and_colleague_talk_on_without_the_caller() {
    let mut desk = Desk::asking();
    desk.confers(1.0);
    assert_eq!(desk.caller.bye(&mut desk.call), 200);
    desk.agent.serve(Method::Bye, LIMIT);
    desk.daemon.wait_for("agents alone", LIMIT, |metrics| {
        metrics.sum("acd_calls_talking", &[]) == 0.0 && are(metrics, "consulting") == 2.0
    });
    desk.a_second();
    assert_eq!(desk.agent.bye(&mut desk.question), 200);
    desk.colleague.serve(Method::Bye, LIMIT);
    desk.daemon.wait_for("work after the call", LIMIT, |metrics| are(metrics, "wrap_up") == 1.0);
    assert_eq!(desk.daemon.metrics().sum("acd_invariant_violations_total", &[]), 0.0);
    let heard = Desk::heard(desk.headsets, &desk.moments);
    assert_eq!(heard[0].each_ref().map(Vec::as_slice), PRIVATE);
    desk.daemon.stops();
}

#[test]
fn the_colleague_keeps_the_caller_when_the_agent_leaves() {
    let mut desk = Desk::asking();
    desk.confers(1.0);
    assert_eq!(desk.agent.within(&desk.invite, Method::Bye, 3, "", None), 200);
    desk.agent.serve(Method::Bye, LIMIT);
    desk.daemon.wait_for("a transfer", LIMIT, |metrics| {
        metrics.sum("acd_transfers_total", &[("kind", "attended"), ("result", "completed")]) == 1.0
    });
    desk.a_second();
    assert_eq!(desk.caller.bye(&mut desk.call), 200);
    desk.colleague.serve(Method::Bye, LIMIT);
    let metrics = desk.daemon.wait_for("the end", LIMIT, |metrics| metrics.sum("acd_calls_talking", &[]) == 0.0);
    assert_eq!(metrics.sum("acd_invariant_violations_total", &[]), 0.0);
    let heard = Desk::heard(desk.headsets, &desk.moments);
    assert_eq!(heard[0].each_ref().map(Vec::as_slice), [&["colleague"][..], &[], &["caller"]]);
    desk.daemon.stops();
}

/// The same with other people's phones at both ends.
#[test]
fn baresip_hears_the_other_two_as_caller_and_as_colleague() {
    needs!("baresip");
    let daemon = Daemon::start(control::allow);
    let phone = |user, password, codec, who| {
        let (transport, server) = ("udp", daemon.sip);
        Baresip { user, password, transport, codec, encrypts: None, hums: tone(who), server }
    };
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    daemon.wait_for_ready_agents(1.0);
    let (at_agent, mut at_question) = (Headset::new(daemon.address), Headset::new(daemon.address));
    let mut caller = phone("390612345678", None, "PCMA/8000/1", "caller").dials("800000200", 12, &daemon.folder);
    let offer = |headset: &Headset| sdp(daemon.address, headset.port(), &[Law::Mu]);
    agent.serve_with(Method::Invite, LIMIT, &offer(&at_agent));
    agent.serve(Method::Ack, LIMIT);
    daemon.wait_for("a talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    let mut colleague = phone("102", Some("demo-102"), "PCMU/8000/1", "colleague").answers(&daemon.folder);
    daemon.wait_for_ready_agents(1.0);
    let mut question = agent.invite_proven("102", "demo-101", &offer(&at_question));
    let answer = agent.answer(&mut question, Method::Invite);
    agent.ack(&mut question, &answer, None);
    at_question.hum(SocketAddr::new(daemon.address, audio_port(answer.body())), Law::Mu, tone("agent"));
    daemon.wait_for("a question", LIMIT, |metrics| are(metrics, "consulting") == 2.0);
    assert_eq!(Desktop::of(&daemon).post("/agents/101/conference").0, 200);
    agent.serve(Method::Bye, Duration::from_secs(30));
    caller.peer.ends_within(LIMIT);
    assert_eq!(agent.bye(&mut question), 200);
    daemon.wait_for("the end", LIMIT, |metrics| are(metrics, "consulting") == 0.0);
    colleague.peer.terminate();
    colleague.peer.ends_within(LIMIT);
    for (heard, others) in [(caller.heard(), ["agent", "colleague"]), (colleague.heard(), ["caller", "agent"])] {
        let halves = heard.chunks_exact(4_000).filter(|half| voices_in(half) == others).count();
        assert!(halves >= 3, "{others:?} in {halves} half-seconds of {}", heard.len() / 4_000);
    }
    assert_eq!(daemon.metrics().sum("acd_invariant_violations_total", &[]), 0.0);
    daemon.stops();
}
