//! What goes over the wire, seen by a caller of our own: every sample of the welcome, the course of the RTP stream,
//! the SIP answers that a scenario file cannot bend to.

use crate::baresip::read_wav;
use crate::configuration::shipped_file;
use crate::daemon::Daemon;
use crate::phone::{Phone, audio_port, sdp};
use crate::sound::{self, Headset, Law, Packet, best_share_of_tone};
use rsip::Method;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const INFORMATION: &str = "800000100";
const SWITCHBOARD: &str = "800000200";
const CONTACT: &str = "800000400";
const CALLER: &str = "390612345678";
const SECONDS_10: Duration = Duration::from_secs(10);

/// The welcome of a call to `information`, as it arrived.
fn capture_welcome(law: Law, samples: usize) -> Vec<Packet> {
    let daemon = Daemon::start(|_| ());
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, _) = phone.connect(INFORMATION, &sdp(daemon.address, ear.port(), &[law]));
    // The prompt and half a second of what follows it.
    std::thread::sleep(Duration::from_secs_f64(samples as f64 / f64::from(sound::RATE) + 0.5));
    assert_eq!(phone.bye(&mut call), 200);
    daemon.stops();
    ear.hang_up()
}

fn welcome_arrives_exactly(law: Law) {
    let welcome = read_wav(&shipped_file("prompts/it/welcome.wav"));
    let packets = capture_welcome(law, welcome.len());
    let heard: Vec<u8> = packets.iter().flat_map(|packet| packet.payload.iter().copied()).collect();
    let expected: Vec<u8> = welcome.iter().map(|&sample| law.encode(sample)).collect();
    assert!(heard.len() > expected.len(), "{} samples heard, {} expected", heard.len(), expected.len());
    let wrong = expected.iter().zip(&heard).position(|(expected, heard)| expected != heard);
    assert_eq!(wrong, None, "the first sample that differs");
    an_even_stream(&packets, law);
}

/// RFC 3550 section 5.1 and RFC 3551 section 4.1: a marker at the start, numbers without gaps, one source, 20 ms each.
/// A sender that slept too long on a busy machine may leave out moments of the time stamp, but only few.
fn an_even_stream(packets: &[Packet], law: Law) {
    assert!(packets[0].marker, "the first packet is marked");
    for pair in packets.windows(2) {
        let (last, next) = (&pair[0], &pair[1]);
        assert_eq!(next.sequence, last.sequence.wrapping_add(1));
        assert_eq!(next.timestamp.wrapping_sub(last.timestamp) % 160, 0);
        assert_eq!((next.ssrc, next.source, next.payload_type), (last.ssrc, last.source, law.payload_type()));
        assert_eq!(next.payload.len(), 160);
    }
    let left_out =
        (packets[packets.len() - 1].timestamp.wrapping_sub(packets[0].timestamp)) / 160 - (packets.len() as u32 - 1);
    assert!(left_out * 50 < packets.len() as u32, "{left_out} moments left out");
    let took = packets[packets.len() - 1].at - packets[0].at;
    let expected = Duration::from_millis(20) * (packets.len() as u32 - 1);
    assert!(took.abs_diff(expected) < Duration::from_millis(200), "{} packets in {took:?}", packets.len());
}

#[test]
fn the_welcome_arrives_sample_by_sample_in_mu_law() {
    welcome_arrives_exactly(Law::Mu);
}

#[test]
fn the_welcome_arrives_sample_by_sample_in_a_law() {
    welcome_arrives_exactly(Law::A);
}

#[test]
fn music_plays_while_nobody_is_there() {
    let daemon = Daemon::start(|_| ());
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, _) = phone.connect(SWITCHBOARD, &sdp(daemon.address, ear.port(), &[Law::Mu]));
    daemon.wait_for("a waiting caller", SECONDS_10, |metrics| metrics.sum("acd_queue_waiting_calls", &[]) == 1.0);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(phone.bye(&mut call), 200);
    let heard = sound::decode(&ear.hang_up(), Law::Mu);
    let music = &heard[heard.len() - 8000..];
    assert!(music.iter().filter(|sample| sample.unsigned_abs() > 200).count() > 2000, "the music is to be heard");
    daemon.stops();
}

#[test]
fn a_caller_hears_the_menu_presses_2_and_reaches_who_speaks_english() {
    let daemon = Daemon::start(|_| ());
    let mut agent = Phone::new(daemon.address, daemon.sip, "301");
    assert_eq!(agent.register("demo-301").status_code.code(), 200);
    let (ear, at_agent) = (Headset::new(daemon.address), Headset::new(daemon.address));
    let mut caller = Phone::new(daemon.address, daemon.sip, CALLER);
    let offer =
        sdp(daemon.address, ear.port(), &[Law::A]).replace(" 8\r\n", " 8 96\r\na=rtpmap:96 telephone-event/8000\r\n");
    let (mut call, answer) = caller.connect(CONTACT, &offer);
    assert!(String::from_utf8_lossy(answer.body()).contains("a=rtpmap:96 telephone-event/8000"));
    std::thread::sleep(Duration::from_millis(3_500));
    assert_eq!(daemon.metrics().sum("acd_calls_entered_total", &[]), 0.0, "the menu is no queue");
    ear.press(SocketAddr::new(daemon.address, audio_port(answer.body())), 96, 2);
    agent.serve_with(Method::Invite, SECONDS_10, &sdp(daemon.address, at_agent.port(), &[Law::A]));
    agent.serve(Method::Ack, SECONDS_10);
    let english = [("service", "contact"), ("queue", "information_english")];
    let metrics = daemon.wait_for("a hit", SECONDS_10, |metrics| metrics.service_level("hit") == 1.0);
    assert_eq!(metrics.sum("acd_calls_entered_total", &english), 1.0);
    assert_eq!(caller.bye(&mut call), 200);
    agent.serve(Method::Bye, SECONDS_10);

    let clip = |name: &str| -> Vec<u8> {
        read_wav(&shipped_file(&format!("prompts/it/{name}.wav"))).iter().map(|&sample| Law::A.encode(sample)).collect()
    };
    let heard: Vec<Vec<u8>> = ear.hang_up().into_iter().map(|packet| packet.payload).collect();
    let welcome = clip("welcome_short").len().div_ceil(160);
    let menu = clip("menu");
    let told = heard[welcome..].iter().zip(menu.chunks(160)).take_while(|(heard, said)| heard == said).count();
    assert!((70..110).contains(&told), "{told} packets of the menu, and it was cut by the key");
    daemon.stops();
}

#[test]
fn a_key_told_by_info_counts_as_well() {
    let daemon = Daemon::start(|_| ());
    let ear = Headset::new(daemon.address);
    let mut caller = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, _) = caller.connect(CONTACT, &sdp(daemon.address, ear.port(), &[Law::A]));
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(caller.info_key(&mut call, '9'), 200);
    let complaints = [("queue", "complaints")];
    daemon.wait_for("a complaint", SECONDS_10, |metrics| metrics.sum("acd_queue_waiting_calls", &complaints) == 1.0);
    assert_eq!(caller.bye(&mut call), 200);
    daemon.stops();
}

#[test]
fn a_cancel_that_comes_too_late_changes_nothing() {
    let daemon = Daemon::start(|_| ());
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let offer = sdp(daemon.address, ear.port(), &[Law::Mu]);
    let (mut call, _) = phone.connect(SWITCHBOARD, &offer);
    phone.cancel(&call);
    // RFC 3261 9.2: a final answer was given, so the CANCEL has no effect; 481 once the transaction is forgotten.
    let status = phone.answer(&mut call, Method::Cancel).status_code.code();
    assert!([200, 481].contains(&status), "{status}");
    assert_eq!(phone.bye(&mut call), 200, "the call was still there");
    daemon.wait_for("the end", SECONDS_10, |metrics| {
        metrics.sum("acd_calls_finished_total", &[("outcome", "left_in_greeting")]) == 1.0
    });
    daemon.stops();
}

#[test]
fn a_200_is_repeated_until_it_is_acknowledged() {
    let daemon = Daemon::start(|_| ());
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let mut call = phone.invite(SWITCHBOARD, Some(&sdp(daemon.address, ear.port(), &[Law::Mu])));
    let first = phone.answer(&mut call, Method::Invite);
    let began = Instant::now();
    // RFC 3261 13.3.1.4: after T1 = 500 ms, then 1 s.
    for expected in [500, 1500] {
        let again = phone.answer(&mut call, Method::Invite);
        assert_eq!(again.to_string(), first.to_string());
        let late = began.elapsed().abs_diff(Duration::from_millis(expected));
        assert!(late < Duration::from_millis(250), "expected after {expected} ms, came {late:?} off");
    }
    phone.ack(&mut call, &first, None);
    assert_eq!(phone.bye(&mut call), 200);
    daemon.stops();
}

#[test]
fn codecs_we_do_not_have_are_not_acceptable() {
    let daemon = Daemon::start(|_| ());
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let offer = sdp(daemon.address, 9000, &[Law::Mu]).replace("RTP/AVP 0", "RTP/AVP 18").replace("0 PCMU", "18 G729");
    let mut call = phone.invite(INFORMATION, Some(&offer));
    let answer = phone.answer(&mut call, Method::Invite);
    assert_eq!(answer.status_code.code(), 488);
    phone.ack(&mut call, &answer, None);
    assert_eq!(daemon.metrics().sum("acd_calls_received_total", &[]), 0.0);
    daemon.stops();
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_told_the_same() {
    let daemon = Daemon::start(|_| ());
    let told = |user: &str, password: &str| {
        let answer = Phone::new(daemon.address, daemon.sip, user).register(password);
        let names: Vec<String> = answer
            .headers
            .iter()
            .map(|header| header.to_string().split(':').next().unwrap_or_default().to_owned())
            .collect();
        (answer.status_code.code(), names)
    };
    let wrong = told("101", "guess");
    assert_eq!(wrong, told("nobody", "guess"));
    assert!([401, 403].contains(&wrong.0), "{}", wrong.0);
    assert_eq!(daemon.metrics().sum("acd_agents", &[("state", "ready")]), 0.0);
    assert_eq!(told("101", "demo-101").0, 200);
    daemon.wait_for_ready_agents(1.0);
    daemon.stops();
}

#[test]
fn caller_and_agent_hear_each_other_across_the_two_laws() {
    let daemon = Daemon::start(|_| ());
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let (mut at_caller, mut at_agent) = (Headset::new(daemon.address), Headset::new(daemon.address));
    let mut caller = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, answer) = caller.connect(SWITCHBOARD, &sdp(daemon.address, at_caller.port(), &[Law::A]));
    at_caller.hum(SocketAddr::new(daemon.address, audio_port(answer.body())), Law::A, 1020.0);
    let invite = agent.serve_with(Method::Invite, SECONDS_10, &sdp(daemon.address, at_agent.port(), &[Law::Mu]));
    at_agent.hum(SocketAddr::new(daemon.address, audio_port(invite.body())), Law::Mu, 440.0);
    agent.serve(Method::Ack, SECONDS_10);
    daemon.wait_for("a hit", SECONDS_10, |metrics| metrics.service_level("hit") == 1.0);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(caller.bye(&mut call), 200);
    agent.serve(Method::Bye, SECONDS_10);
    let (to_caller, to_agent) = (at_caller.hang_up(), at_agent.hang_up());
    assert!(best_share_of_tone(&sound::decode(&to_caller, Law::A), 440.0) > 0.98, "the agent at the caller's ear");
    assert!(best_share_of_tone(&sound::decode(&to_agent, Law::Mu), 1020.0) > 0.98, "the caller at the agent's ear");
    daemon.wait_for_ready_agents(1.0);
    daemon.stops();
}

#[test]
fn sound_from_a_stranger_reaches_nobody() {
    let daemon = Daemon::start(|_| ());
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let (mut at_caller, at_agent) = (Headset::new(daemon.address), Headset::new(daemon.address));
    let mut stranger = Headset::new(daemon.address);
    let mut caller = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, answer) = caller.connect(SWITCHBOARD, &sdp(daemon.address, at_caller.port(), &[Law::Mu]));
    let daemons_ear = SocketAddr::new(daemon.address, audio_port(answer.body()));
    at_caller.hum(daemons_ear, Law::Mu, 1020.0);
    agent.serve_with(Method::Invite, SECONDS_10, &sdp(daemon.address, at_agent.port(), &[Law::Mu]));
    agent.serve(Method::Ack, SECONDS_10);
    stranger.hum(daemons_ear, Law::Mu, 700.0);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(caller.bye(&mut call), 200);
    let heard = sound::decode(&at_agent.hang_up(), Law::Mu);
    assert!(best_share_of_tone(&heard, 1020.0) > 0.98, "the caller is heard");
    assert!(best_share_of_tone(&heard, 700.0) < 0.02, "the stranger is not");
    assert!(stranger.hang_up().is_empty(), "nothing is sent to a stranger");
    daemon.stops();
}

#[test]
fn garbage_on_the_sip_port_harms_nobody() {
    let daemon = Daemon::start(|_| ());
    let socket = std::net::UdpSocket::bind((daemon.address, 0)).expect("a port");
    // A fixed sequence (xorshift), so that a failure can be seen again.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..2000 {
        let length = (next() % 600) as usize;
        let mut bytes: Vec<u8> = (0..length).map(|_| next() as u8).collect();
        if next() % 2 == 0 {
            bytes.splice(0..0, *b"INVITE sip:800000200@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n");
        }
        socket.send_to(&bytes, daemon.sip).expect("a sent datagram");
    }
    // A build that is not optimised has more to do than it can for a moment, and says so to new callers.
    daemon.wait_for("the garbage", Duration::from_secs(10), |metrics| {
        let turned = |kind| metrics.sum("acd_turned_total", &[("kind", kind)]);
        turned("sip_garbage") + turned("sip_rejected") >= 1_950.0
    });
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, _) = phone.connect(SWITCHBOARD, &sdp(daemon.address, ear.port(), &[Law::Mu]));
    assert_eq!(phone.bye(&mut call), 200);
    daemon.stops();
}
