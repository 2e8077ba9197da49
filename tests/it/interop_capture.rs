//! What callers and agents are sent, as tshark sees it on the wire: a welcome, a menu and an announcement compared
//! sample by sample, and a key as telephone-event (RFC 4733).

use crate::daemon::Daemon;
use crate::needs;
use crate::peers::Peer;
use crate::phone::{Phone, sdp};
use crate::sound::{Headset, Law};
use centralino::media::embedded;
use rsip::Method;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(10);
const CONTACT: &str = "800000400";
const CALLER: &str = "390612345678";
/// The payload type with which the agent's phone takes events.
const EVENTS: u8 = 97;

/// RTP to one port: sequence number, time stamp, source, marker, payload type and payload, in the order of the capture.
#[derive(Debug)]
struct Captured {
    sequence: u16,
    timestamp: u32,
    source: String,
    marker: bool,
    payload_type: u8,
    payload: Vec<u8>,
}

/// tshark writes what is sent to two ports of an address; nothing when it may not listen.
fn capture(daemon: &Daemon, ports: [u16; 2], file: &Path) -> Option<Peer> {
    let [a, b] = ports;
    let filter = format!("udp and dst host {} and (dst port {a} or dst port {b})", daemon.address);
    let mut command = Command::new("tshark");
    command.args(["-i", "lo", "-q", "-f", &filter, "-w"]).arg(file);
    let mut peer = Peer::start("tshark", &daemon.folder, &mut command);
    let deadline = Instant::now() + LIMIT;
    // The capture has begun once the file has its head.
    while std::fs::metadata(file).map_or(0, |file| file.len()) == 0 {
        if peer.has_ended() {
            eprintln!("SKIPPED: tshark may not listen here: {}", peer.printed());
            return None;
        }
        assert!(Instant::now() < deadline, "tshark does not begin");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(peer)
}

/// A field of all packets to a port, a line each.
fn fields(file: &Path, port: u16, names: &[&str]) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    let rtp = format!("udp.port=={port},rtp");
    command.arg("-r").arg(file).args(["-d", &rtp, "-o", &format!("rtpevent.event_payload_type_value:{EVENTS}")]);
    command.args(["-Y", &format!("udp.dstport=={port} && rtp"), "-T", "fields"]);
    names.iter().for_each(|name| _ = command.args(["-e", name]));
    let output = command.output().expect("tshark runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn packets(file: &Path, port: u16) -> Vec<Captured> {
    let names = ["rtp.seq", "rtp.timestamp", "rtp.ssrc", "rtp.marker", "rtp.p_type", "rtp.payload"];
    let read = |line: Vec<String>| {
        let hex: Vec<char> = line[5].chars().filter(char::is_ascii_hexdigit).collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal");
        Captured {
            sequence: line[0].parse().expect("a number"),
            timestamp: line[1].parse().expect("a number"),
            source: line[2].clone(),
            marker: is_true(&line[3]),
            payload_type: line[4].parse().expect("a number"),
            payload: hex.chunks_exact(2).map(byte).collect(),
        }
    };
    fields(file, port, &names).into_iter().map(read).collect()
}

fn said(name: &str) -> Vec<u8> {
    embedded::clip(name).expect("a clip").samples().iter().map(|&sample| Law::A.encode(sample)).collect()
}

/// A clip begins with a packet of its own: where, and how many of its packets follow one another.
fn told(heard: &[Captured], clip: &[u8]) -> (usize, usize) {
    let is_it = |packet: &Captured, part: &[u8]| packet.payload.starts_with(part);
    let begins = heard.windows(2).position(|two| is_it(&two[0], &clip[..160]) && is_it(&two[1], &clip[160..320]));
    let begins = begins.expect("the clip is on the wire");
    let following = heard[begins..].iter().zip(clip.chunks(160)).take_while(|(packet, part)| is_it(packet, part));
    (begins, following.count())
}

#[test]
fn tshark_sees_welcome_menu_announcement_and_key_as_they_were_meant() {
    needs!("tshark");
    let daemon = Daemon::start(|configuration| {
        configuration.set("queue.information.announcements", "first", "1 s");
        configuration.set("queue.information.announcements", "every", "30 s");
    });
    let (ear, at_agent) = (Headset::new(daemon.address), Headset::new(daemon.address));
    let (port, agents_port) = (ear.port(), at_agent.port());
    let file = daemon.folder.join("heard.pcapng");
    let Some(mut tshark) = capture(&daemon, [port, agents_port], &file) else { return };
    let mut caller = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, _) = caller.connect(CONTACT, &sdp(daemon.address, port, &[Law::A]));
    std::thread::sleep(Duration::from_millis(4_000));
    assert_eq!(caller.info_key(&mut call, '1'), 200);
    std::thread::sleep(Duration::from_millis(3_000));
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let with_events = sdp(daemon.address, agents_port, &[Law::A])
        .replace(" 8\r\n", &format!(" 8 {EVENTS}\r\na=rtpmap:{EVENTS} telephone-event/8000\r\n"));
    agent.serve_with(Method::Invite, LIMIT, &with_events);
    agent.serve(Method::Ack, LIMIT);
    daemon.wait_for("a hit", LIMIT, |metrics| metrics.service_level("hit") == 1.0);
    assert_eq!(caller.info_key(&mut call, '5'), 200);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(caller.bye(&mut call), 200);
    agent.serve(Method::Bye, LIMIT);
    tshark.terminate();
    tshark.ends_within(LIMIT);
    drop((ear.hang_up(), at_agent.hang_up()));

    let heard = packets(&file, port);
    let (welcome, menu, next, music) =
        (said("it/welcome_short"), said("it/menu"), said("it/words/next"), said("music"));
    assert_eq!(told(&heard, &welcome), (0, welcome.len().div_ceil(160)), "the welcome, from the first packet on");
    let (begins, count) = told(&heard, &menu);
    assert_eq!(begins, welcome.len().div_ceil(160), "the menu right behind it");
    assert!((90..150).contains(&count), "{count} packets of the menu, then the key");
    let (music_begins, music_count) = told(&heard, &music);
    assert_eq!(music_begins, begins + count, "music from the key on");
    let (announced, count) = told(&heard, &next);
    assert_eq!((announced, count), (music_begins + music_count, next.len().div_ceil(160)), "the announcement, whole");
    assert!((45..56).contains(&music_count), "after {music_count} packets of music");
    let after: Vec<u8> = heard[announced + count..][..10].iter().flat_map(|packet| packet.payload.clone()).collect();
    assert_eq!(after, music[music_count * 160..][..after.len()], "the music goes on where it was");
    for pair in heard.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp) % 160, 0);
        assert_eq!((&pair[1].source, pair[1].payload_type), (&pair[0].source, 8));
    }
    assert!(heard[0].marker);

    // The key, told in SIP by the caller, as events for the agent: five packets of it and three of its end.
    let names = ["rtp.p_type", "rtp.marker", "rtpevent.event_id", "rtpevent.end_of_event", "rtpevent.duration"];
    let events: Vec<_> =
        fields(&file, agents_port, &names).into_iter().filter(|it| it[0] == EVENTS.to_string()).collect();
    let told: Vec<(bool, &str, bool, &str)> =
        events.iter().map(|it| (is_true(&it[1]), it[2].as_str(), is_true(&it[3]), it[4].as_str())).collect();
    let expected = ["160", "320", "480", "640", "800", "800", "800", "800"].iter().enumerate();
    let expected: Vec<_> = expected.map(|(place, &duration)| (place == 0, "5", place >= 5, duration)).collect();
    assert_eq!(told, expected);
    daemon.stops();
}

fn is_true(text: &str) -> bool {
    ["1", "True"].contains(&text)
}
