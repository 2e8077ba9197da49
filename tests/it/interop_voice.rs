//! What callers and agents are told, heard on the wire by phones of our own and compared sample by sample.

use crate::daemon::{Daemon, Metrics};
use crate::needs;
use crate::phone::{Phone, audio_port, sdp};
use crate::sound::{self, Headset, Law, Packet, best_share_of_tone};
use centralino::media::{Clip, embedded};
use rsip::Method;
use std::net::SocketAddr;
use std::time::Duration;
use toml::{Table, Value};

const INFORMATION: &str = "800000100";
const CONTACT: &str = "800000400";
const SWITCHBOARD: &str = "800000200";
const SECONDS_10: Duration = Duration::from_secs(10);
const CALLER: &str = "390612345678";

/// A value as it is written in a configuration.
fn toml(text: &str) -> Value {
    let table: Table = format!("value = {text}").parse().expect("TOML");
    table["value"].clone()
}

/// Every sample heard, as it came.
fn heard(packets: &[Packet]) -> Vec<u8> {
    packets.iter().flat_map(|packet| packet.payload.iter().copied()).collect()
}

/// Samples at 8 kHz as they go over the wire.
fn encoded(samples: &[i16], law: Law) -> Vec<u8> {
    samples.iter().map(|&sample| law.encode(sample)).collect()
}

/// A clip that is compiled in, as it goes over the wire: packets of 20 ms, the last one filled up.
fn packets_of(names: &[&str], law: Law) -> Vec<Vec<u8>> {
    let packets = |name: &&str| {
        let mut sound = encoded(embedded::clip(name).expect("a clip").samples(), law);
        sound.resize(sound.len().next_multiple_of(160), law.encode(0));
        sound.chunks(160).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    names.iter().flat_map(packets).collect()
}

/// Where a run of packets stands among others.
fn find(run: &[Vec<u8>], among: &[Vec<u8>]) -> Option<usize> {
    among.windows(run.len()).position(|window| window == run)
}

#[test]
fn callers_hear_their_place_over_the_music_and_a_key_cuts_it() {
    let daemon = Daemon::start(|configuration| {
        configuration.set("service.information", "welcome", "none");
        configuration.set("queue.information.announcements", "first", "1 s");
        configuration.set("queue.information.announcements", "every", "5 s");
    });
    let (first, second) = (Headset::new(daemon.address), Headset::new(daemon.address));
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut one, _) = phone.connect(INFORMATION, &sdp(daemon.address, first.port(), &[Law::A]));
    let mut other_phone = Phone::new(daemon.address, daemon.sip, "390699999999");
    let offer = sdp(daemon.address, second.port(), &[Law::A]);
    let offer = offer.replace(" 8\r\n", " 8 96\r\na=rtpmap:96 telephone-event/8000\r\n");
    let (mut two, answer) = other_phone.connect(INFORMATION, &offer);
    std::thread::sleep(Duration::from_millis(4_000));
    // The second announcement begins after 6 s and is cut soon after.
    std::thread::sleep(Duration::from_millis(2_400));
    second.press(SocketAddr::new(daemon.address, audio_port(answer.body())), 96, 5);
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!((phone.bye(&mut one), other_phone.bye(&mut two)), (200, 200));
    let heard = |ear: Headset| ear.hang_up().into_iter().map(|packet| packet.payload).collect::<Vec<_>>();
    let music = packets_of(&["music"], Law::A);
    let next = packets_of(&["it/words/next"], Law::A);
    let heard_by_one = heard(first);
    let at = find(&next, &heard_by_one).expect("the first caller is next");
    assert!((45..56).contains(&at), "after {at} packets of music");
    assert_eq!(heard_by_one[..at], music[..at]);
    let after = &heard_by_one[at + next.len()..][..100];
    assert_eq!(after, &music[at..at + 100], "the music goes on where it was");

    let place = packets_of(&["it/words/position", "it/words/2"], Law::A);
    let heard_by_two = heard(second);
    let at = find(&place, &heard_by_two).expect("the second caller is the second");
    let rest = &heard_by_two[at + place.len()..];
    let again = rest.iter().position(|packet| *packet == place[0]).expect("a second announcement");
    let told = rest[again..].iter().zip(&place).take_while(|(heard, said)| heard == said).count();
    assert!((12..30).contains(&told), "{told} packets of the second announcement before the key");
    assert_eq!(rest[again + told..][..10], music[at + again..][..10], "then the music again");
    daemon.stops();
}

#[test]
fn a_ticket_number_is_read_back_digit_by_digit_and_found_with_the_call() {
    let daemon = Daemon::start(|configuration| {
        configuration.set("service.contact", "welcome", "none");
        configuration.set("service.contact", "must_offer", toml("[]"));
        let ticket = r#"{ prompt = "it/menu", digits = "3-8", confirm = "it/welcome_short",
            prefixes = { 07 = { queue = "information" }, 0 = { queue = "switchboard" } },
            then = { queue = "switchboard" }, otherwise = { queue = "switchboard" } }"#;
        configuration.set("menu", "contact", toml(&ticket.replace('\n', "")));
        configuration.set("ledger", "path", "ledger.db");
        configuration.set("ledger", "json_lines", "calls.jsonl");
    });
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, _) = phone.connect(CONTACT, &sdp(daemon.address, ear.port(), &[Law::A]));
    std::thread::sleep(Duration::from_millis(300));
    for key in ['0', '7', '1', '#'] {
        assert_eq!(phone.info_key(&mut call, key), 200);
    }
    let words = ["it/words/0", "it/words/7", "it/words/1", "it/welcome_short"];
    let read_back = packets_of(&words, Law::A);
    std::thread::sleep(Duration::from_millis(20 * read_back.len() as u64 + 200));
    assert_eq!(phone.info_key(&mut call, '1'), 200);
    daemon.wait_for("a waiting caller", SECONDS_10, |metrics| metrics.sum("acd_queue_waiting_calls", &[]) == 1.0);
    let (_, explained) = daemon.get("/explain/call/1").expect("an explanation");
    assert!(explained.contains("gave the number 071"), "{explained}");
    assert!(explained.contains("queue information"), "by its beginning: {explained}");
    let logged = |_: &Metrics| daemon.log().contains("gave a number of 3 digits call=1\n");
    daemon.wait_for("a line without the digits", SECONDS_10, logged);
    let traced = |wish: &str| daemon.get(&format!("/trace/1{wish}")).expect("a trace").1;
    assert!(traced("").contains("gave a number of 3 digits") && !traced("").contains("071"), "{}", traced(""));
    assert!(traced("?people=yes").contains("gave 071"), "{}", traced("?people=yes"));
    assert_eq!(phone.bye(&mut call), 200);
    let kept = |_: &Metrics| {
        let lines = std::fs::read_to_string(daemon.folder.join("calls.jsonl")).unwrap_or_default();
        lines.contains(r#""reference":"071""#)
    };
    daemon.wait_for("the number with the call", SECONDS_10, kept);
    let heard: Vec<Vec<u8>> = ear.hang_up().into_iter().map(|packet| packet.payload).collect();
    let asked = heard.iter().zip(&packets_of(&["it/menu"], Law::A)).take_while(|(heard, said)| heard == said).count();
    assert!((10..40).contains(&asked), "{asked} packets of the question, then the first digit cut it");
    assert!(find(&read_back, &heard).is_some(), "the number is read back");
    daemon.stops();
}

#[test]
fn agent_and_caller_hear_their_clips_before_they_hear_each_other() {
    let daemon = Daemon::start(|configuration| {
        configuration.set("service.information", "welcome", "none");
        configuration.set("queue.information", "whisper", "it/welcome_short");
        configuration.set("queue.information", "music", "none");
        let announce = [("announce".to_owned(), Value::from("en/welcome_short"))];
        let pools = [("first_line".to_owned(), Value::from(Table::from_iter(announce)))];
        configuration.add("pool", Table::from_iter(pools));
    });
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let (mut at_caller, mut at_agent) = (Headset::new(daemon.address), Headset::new(daemon.address));
    let mut caller = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, answer) = caller.connect(INFORMATION, &sdp(daemon.address, at_caller.port(), &[Law::A]));
    at_caller.hum(SocketAddr::new(daemon.address, audio_port(answer.body())), Law::A, 1020.0);
    let invite = agent.serve_with(Method::Invite, SECONDS_10, &sdp(daemon.address, at_agent.port(), &[Law::A]));
    at_agent.hum(SocketAddr::new(daemon.address, audio_port(invite.body())), Law::A, 440.0);
    agent.serve(Method::Ack, SECONDS_10);
    let metrics = daemon.wait_for("a hit", SECONDS_10, |metrics| metrics.service_level("hit") == 1.0);
    let to_audio = metrics.sum("acd_answer_to_audio_seconds_sum", &[]);
    assert!(to_audio < 0.5, "the clips do not count as a delay of the voice: {to_audio} s");
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(caller.bye(&mut call), 200);
    agent.serve(Method::Bye, SECONDS_10);
    for (ear, clip, voice) in [(at_agent, "it/welcome_short", 1020.0), (at_caller, "en/welcome_short", 440.0)] {
        let (heard, said) = (ear.hang_up(), packets_of(&[clip], Law::A));
        let payloads: Vec<Vec<u8>> = heard.iter().map(|packet| packet.payload.clone()).collect();
        assert_eq!(payloads[..said.len()], said, "{clip} first, whole");
        assert!(best_share_of_tone(&sound::decode(&heard[said.len()..], Law::A), voice) > 0.98, "then the other side");
    }
    daemon.stops();
}

#[test]
fn a_welcome_written_as_text_is_spoken_by_a_program_once_and_heard_sample_by_sample() {
    needs!("espeak-ng");
    let daemon = Daemon::start(|configuration| {
        let command = r#"["espeak-ng", "-v", "{language}", "-w", "{file}", "--", "{text}"]"#;
        configuration.set("speech", "command", toml(command));
        configuration.set("service.switchboard", "welcome", toml(r#"{ text = "Buongiorno." }"#));
    });
    let kept: Vec<_> = std::fs::read_dir(daemon.folder.join("speech")).expect("what was spoken").collect();
    assert_eq!(kept.len(), 1);
    let wav = std::fs::read(kept[0].as_ref().expect("a file").path()).expect("its sound");
    let clip = Clip::from_wav(&wav).expect("a sound file");
    assert!(clip.duration() > Duration::from_millis(300), "{:?}", clip.duration());
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, _) = phone.connect(SWITCHBOARD, &sdp(daemon.address, ear.port(), &[Law::A]));
    std::thread::sleep(clip.duration() + Duration::from_millis(300));
    assert_eq!(phone.bye(&mut call), 200);
    let (heard, expected) = (heard(&ear.hang_up()), encoded(clip.samples(), Law::A));
    assert!(heard.len() > expected.len(), "{} samples heard, {} expected", heard.len(), expected.len());
    assert_eq!(expected.iter().zip(&heard).position(|(expected, heard)| expected != heard), None);
    daemon.stops();
}

/// In English, and with the wait that is to be expected once enough callers were answered.
#[test]
fn callers_hear_their_wait_in_english() {
    let daemon = Daemon::start(|configuration| {
        configuration.set("service.switchboard", "welcome", "none");
        configuration.set("queue.switchboard", "wrap_up", "0 s");
        let told = r#"{ first = "1 s", every = "60 s", language = "en", estimated_wait = true }"#;
        configuration.set("queue.switchboard", "announcements", toml(told));
    });
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let ear = Headset::new(daemon.address);
    let offer = |ear: &Headset| sdp(daemon.address, ear.port(), &[Law::Mu]);
    let mut caller = Phone::new(daemon.address, daemon.sip, CALLER);
    let at_agent = Headset::new(daemon.address);
    let mut fifth = None;
    for number in 1..=5 {
        daemon.wait_for_ready_agents(1.0);
        let (mut call, _) = caller.connect(SWITCHBOARD, &offer(&Headset::new(daemon.address)));
        agent.serve_with(Method::Invite, SECONDS_10, &offer(&at_agent));
        agent.serve(Method::Ack, SECONDS_10);
        daemon.wait_for("an answer", SECONDS_10, |metrics| metrics.service_level("hit") == f64::from(number));
        if number < 5 {
            assert_eq!(caller.bye(&mut call), 200);
            agent.serve(Method::Bye, SECONDS_10);
        } else {
            fifth = Some(call);
        }
    }
    // The agent talks with the fifth; the next one waits.
    let mut waiting = Phone::new(daemon.address, daemon.sip, "390699999999");
    let (mut call, _) = waiting.connect(SWITCHBOARD, &offer(&ear));
    let said = packets_of(&["en/words/next", "en/words/wait_one"], Law::Mu);
    std::thread::sleep(Duration::from_millis(1_300 + 20 * said.len() as u64));
    assert_eq!((waiting.bye(&mut call), caller.bye(&mut fifth.expect("a fifth call"))), (200, 200));
    agent.serve(Method::Bye, SECONDS_10);
    let heard: Vec<Vec<u8>> = ear.hang_up().into_iter().map(|packet| packet.payload).collect();
    let at = find(&said, &heard).expect("the place and the wait, in English");
    assert!((45..60).contains(&at), "after {at} packets of music");
    daemon.stops();
}

/// Whoever hears that the agent sits abroad may press a key for one in the country: the agent's phone is hung up, and the
/// caller waits elsewhere at the old place.
#[test]
fn a_key_at_the_country_announcement_leads_to_another_queue() {
    let daemon = Daemon::start(|configuration| {
        configuration.set("service.information", "welcome", "none");
        configuration.set("queue.information", "music", "none");
        configuration.set("queue.information", "exits", toml(r#"{ 9 = { service = "switchboard" } }"#));
        let announce = [("announce".to_owned(), Value::from("it/closed"))];
        let pools = [("first_line".to_owned(), Value::from(Table::from_iter(announce)))];
        configuration.add("pool", Table::from_iter(pools));
    });
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let (ear, at_agent) = (Headset::new(daemon.address), Headset::new(daemon.address));
    let mut caller = Phone::new(daemon.address, daemon.sip, CALLER);
    let offer = sdp(daemon.address, ear.port(), &[Law::A]);
    let offer = offer.replace(" 8\r\n", " 8 96\r\na=rtpmap:96 telephone-event/8000\r\n");
    let (mut call, answer) = caller.connect(INFORMATION, &offer);
    agent.serve_with(Method::Invite, SECONDS_10, &sdp(daemon.address, at_agent.port(), &[Law::A]));
    agent.serve(Method::Ack, SECONDS_10);
    std::thread::sleep(Duration::from_millis(1_000));
    let to = SocketAddr::new(daemon.address, audio_port(answer.body()));
    ear.press(to, 96, 9);
    agent.serve(Method::Bye, SECONDS_10);
    // Free again, and asked at once on behalf of the other queue.
    agent.turns_down("603 Decline", "", SECONDS_10);
    let metrics = daemon.wait_for("another queue", SECONDS_10, |metrics| {
        metrics.sum("acd_calls_taken_over_total", &[("service", "switchboard")]) == 1.0
    });
    let left = [("queue", "information"), ("reason", "service")];
    assert_eq!(metrics.sum("acd_calls_flowed_out_total", &left), 1.0);
    assert_eq!(metrics.sum("acd_calls_finished_total", &[("queue", "information"), ("outcome", "answered")]), 0.0);
    assert_eq!(caller.bye(&mut call), 200);
    let heard: Vec<Vec<u8>> = ear.hang_up().into_iter().map(|packet| packet.payload).collect();
    let said = packets_of(&["it/closed"], Law::A);
    let before = heard.iter().zip(&said).take_while(|(heard, said)| heard == said).count();
    assert!((40..120).contains(&before), "{before} packets of the announcement before the key cut it");
    daemon.stops();
}
