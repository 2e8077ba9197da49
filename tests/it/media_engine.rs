//! The media engine in virtual time: what leaves it, when, and with which numbers.

use crate::fuzz::inputs;
use centralino::facts::{Fact, Turned};
use centralino::ids::{ClipId, Key, LegId};
use centralino::media::api::{Codec, Command, Event, Output, Stream};
use centralino::media::clip::Clip;
use centralino::media::engine::MediaEngine;
use centralino::media::srtp::{self, Crypto, Srtp, Suite};
use centralino::media::{Settings, convert, embedded, g711};
use centralino::time::{Duration, Time};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rtp_rs::{RtpPacketBuilder, RtpReader};
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

const A: LegId = LegId(1);
const B: LegId = LegId(2);
const WELCOME: ClipId = ClipId(0);
const MUSIC: ClipId = ClipId(1);
const SHORT: ClipId = ClipId(2);

/// A packet as it left: when, whose socket, where to, header and payload.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    at: u64,
    leg: LegId,
    to: SocketAddr,
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload: Vec<u8>,
}

/// By `ClipId`: welcome, music, short.
static CLIPS: LazyLock<Vec<Clip>> =
    LazyLock::new(|| vec![embedded::clip("it/welcome").unwrap(), embedded::clip("music").unwrap(), short_clip()]);

struct Bench {
    engine: MediaEngine,
    now: u64,
    out: Output,
    sent: Vec<Sent>,
    events: Vec<(u64, Event)>,
    turned: Vec<Turned>,
}

fn address(leg: LegId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, leg.0 as u8], 4_000))
}

fn stream(leg: LegId, codec: Codec) -> Stream {
    Stream {
        signalled_from: IpAddr::from([198, 51, 100, leg.0 as u8]),
        telephone_event: Some(100 + leg.0 as u8),
        ..Stream::plain(address(leg), codec)
    }
}

/// 50 ms: two packets and a half.
fn short_clip() -> Clip {
    Clip::from_samples((0..400).map(|n| n * 50).collect()).unwrap()
}

impl Bench {
    fn new() -> Bench {
        let settings = Settings {
            address: IpAddr::from([192, 0, 2, 100]),
            ports: (20_000, 20_100),
            drain: Duration::from_secs(5),
            silent_after: Some(Duration::from_secs(30)),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            report_every: None,
            ..Settings::default()
        };
        let engine = MediaEngine::new(settings, CLIPS.clone(), [7; 32]);
        let (sent, events, turned) = (Vec::new(), Vec::new(), Vec::new());
        Bench { engine, now: 1_000, out: Output::default(), sent, events, turned }
    }

    fn with_legs(a: Codec, b: Codec) -> Bench {
        let mut bench = Bench::new();
        for (leg, codec) in [(A, a), (B, b)] {
            bench.command(Command::Open { leg, port: 20_000 });
            bench.command(Command::Direct { leg, stream: stream(leg, codec) });
        }
        bench
    }

    fn joined(a: Codec, b: Codec) -> Bench {
        let mut bench = Bench::with_legs(a, b);
        bench.command(Command::Join { a: A, b: B });
        bench
    }

    fn collect(&mut self) {
        for (leg, to, bytes) in self.out.packets.iter() {
            let rtp = RtpReader::new(bytes).unwrap();
            self.sent.push(Sent {
                at: self.now,
                leg,
                to,
                marker: rtp.mark(),
                payload_type: rtp.payload_type(),
                sequence: rtp.sequence_number().into(),
                timestamp: rtp.timestamp(),
                ssrc: rtp.ssrc(),
                payload: rtp.payload().to_vec(),
            });
        }
        self.events.extend(self.out.events.iter().map(|(at, event)| (at.as_nanos() / 1_000_000, event.clone())));
        for record in &self.out.facts {
            match record.fact {
                Fact::Turned(turned) => self.turned.push(turned),
                ref other => panic!("{other:?}"),
            }
        }
        self.out.clear();
    }

    fn command(&mut self, command: Command) {
        self.engine.command(command, Time::from_millis(self.now), &mut self.out);
        self.collect();
    }

    /// Sleeps exactly as long as the engine says, up to this moment.
    fn run_until(&mut self, until: u64) {
        while let Some(next) = self.engine.next_deadline().filter(|next| *next <= Time::from_millis(until)) {
            assert!(next > Time::from_millis(self.now), "the next deadline is later than now");
            self.now = next.as_nanos() / 1_000_000;
            self.engine.expire(next, &mut self.out);
            self.collect();
        }
        self.now = until;
    }

    fn receive(&mut self, leg: LegId, from: SocketAddr, bytes: &[u8]) -> Vec<Sent> {
        let before = self.sent.len();
        self.engine.packet(leg, from, bytes, Time::from_millis(self.now), &mut self.out);
        self.collect();
        self.sent[before..].to_vec()
    }

    /// What the other leg gets of a packet from this leg's announced address.
    fn relayed(&mut self, leg: LegId, bytes: &[u8]) -> Option<Sent> {
        let mut sent = self.receive(leg, address(leg), bytes);
        assert!(sent.len() <= 1);
        sent.pop()
    }

    fn sent_to(&self, leg: LegId) -> Vec<&Sent> {
        self.sent.iter().filter(|sent| sent.leg == leg).collect()
    }
}

fn rtp(payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let builder = RtpPacketBuilder::new().payload_type(payload_type).sequence(sequence.into()).ssrc(0xABCD);
    builder.timestamp(timestamp).payload(payload).build().unwrap()
}

#[test]
fn the_welcome_leaves_sample_by_sample_every_20_ms() {
    for codec in [Codec::Pcma, Codec::Pcmu] {
        let mut bench = Bench::with_legs(codec, codec);
        bench.command(Command::PlayOnce { leg: A, clip: WELCOME });
        bench.run_until(20_000);
        let clip = embedded::clip("it/welcome").unwrap();
        let heard: Vec<u8> = bench.sent.iter().flat_map(|sent| sent.payload.clone()).collect();
        let (sound, padding) = heard.split_at(clip.samples().len());
        assert_eq!(sound, clip.bytes(codec));
        assert!(padding.len() < 160 && padding.iter().all(|&byte| Some(byte) == codec.silence()));
        let first = bench.sent[0].clone();
        assert!((1_001..=1_004).contains(&first.at) && first.to == address(A));
        for (number, sent) in bench.sent.iter().enumerate() {
            assert_eq!(sent.at, first.at + 20 * number as u64);
            assert_eq!(sent.sequence, first.sequence.wrapping_add(number as u16));
            assert_eq!(sent.timestamp, first.timestamp.wrapping_add(160 * number as u32));
            assert_eq!((sent.marker, sent.ssrc, sent.payload_type), (number == 0, first.ssrc, codec.payload_type()));
        }
        let last = bench.sent.last().unwrap().at;
        assert_eq!(bench.events, [(last + 20, Event::ClipEnded { leg: A, clip: WELCOME })]);
        assert_eq!(bench.engine.next_deadline(), None);
    }
}

#[test]
fn music_goes_round_without_a_seam_in_packets_of_the_wished_length() {
    let mut bench = Bench::with_legs(Codec::Pcma, Codec::Pcma);
    bench.command(Command::Direct { leg: A, stream: Stream { ptime_ms: 30, ..stream(A, Codec::Pcma) } });
    bench.command(Command::PlayMusic { leg: A, clip: Some(SHORT) });
    bench.run_until(1_400);
    let heard: Vec<u8> = bench.sent.iter().flat_map(|sent| sent.payload.clone()).collect();
    let clip = short_clip();
    let expected: Vec<u8> = clip.bytes(Codec::Pcma).iter().copied().cycle().take(heard.len()).collect();
    assert_eq!((bench.sent.len(), bench.sent[0].payload.len()), (14, 240));
    assert_eq!(heard, expected);
    assert_eq!(bench.sent[13].timestamp, bench.sent[0].timestamp.wrapping_add(13 * 240));
    bench.command(Command::PlayMusic { leg: A, clip: None });
    bench.run_until(2_000);
    assert_eq!((bench.sent.len(), bench.events.len()), (14, 0));
}

#[test]
fn clip_music_and_voice_are_one_stream() {
    let mut bench = Bench::with_legs(Codec::Pcma, Codec::Pcma);
    bench.command(Command::PlayOnce { leg: A, clip: SHORT });
    bench.run_until(1_063);
    let ended = bench.events[0].0;
    bench.now = ended;
    bench.command(Command::PlayMusic { leg: A, clip: Some(MUSIC) });
    bench.run_until(2_000);
    bench.command(Command::Join { a: A, b: B });
    bench.run_until(2_005);
    for number in 0..50u16 {
        bench.relayed(B, &rtp(8, 500 + number, 9_000 + 160 * u32::from(number), &[0xD5; 160]));
        bench.run_until(bench.now + 20);
    }
    bench.command(Command::Part { leg: A });
    bench.command(Command::PlayMusic { leg: A, clip: Some(MUSIC) });
    bench.run_until(bench.now + 100);
    let sent = bench.sent_to(A);
    assert!(sent.len() > 100);
    for pair in sent.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160), "at {}", pair[1].at);
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
    }
    // A marker at the start of the clip, of the music, of the voice, and of the music again.
    assert_eq!(sent.iter().filter(|sent| sent.marker).count(), 4);
}

#[test]
fn a_late_wake_up_is_a_gap_and_never_a_burst() {
    let mut bench = Bench::with_legs(Codec::Pcma, Codec::Pcma);
    bench.command(Command::PlayMusic { leg: A, clip: Some(MUSIC) });
    bench.run_until(1_100);
    let before = bench.sent.len();
    let due = bench.engine.next_deadline().unwrap().as_nanos() / 1_000_000;
    bench.now = due + 107;
    bench.engine.expire(Time::from_millis(bench.now), &mut bench.out);
    bench.collect();
    assert_eq!(bench.sent.len(), before + 1);
    bench.run_until(bench.now + 40);
    let (last, late, next) = (&bench.sent[before - 1], &bench.sent[before], &bench.sent[before + 1]);
    assert_eq!((late.sequence, late.marker), (last.sequence.wrapping_add(1), true));
    assert_eq!(late.timestamp, last.timestamp.wrapping_add(6 * 160), "the clock shows the five missed packets");
    assert_eq!((next.at, next.marker), (due + 120, false), "back in the old rhythm");
    assert_eq!(next.timestamp, late.timestamp.wrapping_add(160));
    let music = embedded::clip("music").unwrap();
    assert_eq!(late.payload, music.bytes(Codec::Pcma)[before * 160..][..160], "no sound is lost");
}

#[test]
fn a_little_lateness_is_caught_up_with_and_leaves_no_trace_in_the_clock() {
    for late in [1, 7, 19, 21, 45, 99] {
        let mut bench = Bench::with_legs(Codec::Pcma, Codec::Pcma);
        bench.command(Command::PlayMusic { leg: A, clip: Some(MUSIC) });
        bench.run_until(1_100);
        let due = bench.engine.next_deadline().unwrap().as_nanos() / 1_000_000;
        bench.now = due + late;
        bench.engine.expire(Time::from_millis(bench.now), &mut bench.out);
        bench.collect();
        bench.run_until(2_000);
        for pair in bench.sent.windows(2) {
            assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160), "{late} ms late, at {}", pair[1].at);
            assert!(pair[1].at >= pair[0].at + 10, "never a burst");
            assert!(!pair[1].marker);
        }
        let last = bench.sent.last().unwrap().at;
        assert_eq!((last - due) % 20, 0, "back in the old rhythm after {late} ms");
        assert_eq!(bench.sent.len() as u64, (last - bench.sent[0].at) / 20 + 1, "and nothing is missing");
    }
}

#[test]
fn keys_are_found_in_the_sound_of_legs_without_events() {
    let settings = Settings { inband_keys: true, report_every: None, ..Settings::default() };
    let mut bench = Bench::new();
    bench.engine = MediaEngine::new(settings, CLIPS.clone(), [7; 32]);
    for (leg, telephone_event) in [(A, None), (B, Some(101))] {
        bench.command(Command::Open { leg, port: 20_000 });
        bench.command(Command::Direct { leg, stream: Stream { telephone_event, ..stream(leg, Codec::Pcmu) } });
    }
    let wave = |hz: f64, n: usize| 4_000.0 * (std::f64::consts::TAU * hz * n as f64 / 8_000.0).sin();
    let tone: Vec<i16> = (0..1_600).map(|n| (wave(941.0, n) + wave(1_477.0, n)) as i16).collect();
    for leg in [A, B] {
        for (number, payload) in encoded(Codec::Pcmu, &tone).chunks(160).enumerate() {
            bench.receive(leg, address(leg), &rtp(0, number as u16, number as u32 * 160, payload));
        }
    }
    assert_eq!(bench.events, [(1_000, Event::KeyPressed { leg: A, key: Key::of_sign('#').unwrap() })]);
}

#[test]
fn streams_that_start_together_are_spread() {
    let mut bench = Bench::new();
    for number in 0..80 {
        let leg = LegId(number);
        bench.command(Command::Open { leg, port: 20_000 });
        bench.command(Command::Direct { leg, stream: stream(leg, Codec::Pcma) });
        bench.command(Command::PlayMusic { leg, clip: Some(MUSIC) });
    }
    bench.run_until(1_020);
    let mut at: Vec<u64> = bench.sent.iter().map(|sent| sent.at).collect();
    assert_eq!(at.len(), 80);
    at.dedup();
    assert_eq!(at, [1_001, 1_002, 1_003, 1_004]);
}

#[test]
fn nothing_is_sent_before_we_may_and_the_clip_waits_only_for_an_address() {
    let mut bench = Bench::new();
    bench.command(Command::Open { leg: A, port: 20_000 });
    bench.command(Command::PlayOnce { leg: A, clip: SHORT });
    bench.run_until(5_000);
    assert_eq!((bench.sent.len(), bench.events.len()), (0, 0), "nobody said where to");
    let held = Stream { may_send: false, remote: None, ..stream(A, Codec::Pcma) };
    bench.command(Command::Direct { leg: A, stream: held });
    bench.run_until(6_000);
    assert_eq!(bench.sent.len(), 0);
    assert_eq!(bench.events, [(5_061, Event::ClipEnded { leg: A, clip: SHORT })], "a held clip's time runs on");
    bench.command(Command::Direct { leg: A, stream: stream(A, Codec::Pcma) });
    bench.command(Command::PlayOnce { leg: A, clip: SHORT });
    bench.run_until(7_000);
    assert_eq!(bench.sent.len(), 3);
}

#[test]
fn a_replaced_clip_does_not_end() {
    let mut bench = Bench::with_legs(Codec::Pcma, Codec::Pcma);
    bench.command(Command::PlayOnce { leg: A, clip: WELCOME });
    bench.run_until(2_000);
    bench.command(Command::PlayOnce { leg: A, clip: SHORT });
    bench.run_until(20_000);
    assert_eq!(bench.events.len(), 1);
    assert!(matches!(bench.events[0].1, Event::ClipEnded { clip: SHORT, .. }));
    bench.command(Command::PlayOnce { leg: A, clip: WELCOME });
    bench.command(Command::Close { leg: A });
    bench.command(Command::Close { leg: B });
    bench.run_until(40_000);
    assert_eq!((bench.events.len(), bench.engine.open_legs()), (1, 0));
    assert_eq!(bench.engine.next_deadline(), None);
}

#[test]
fn the_first_packet_is_latched_to_and_then_strangers_are_refused() {
    let sound = rtp(8, 1, 160, &[0xD5; 160]);
    let moved = SocketAddr::from(([192, 0, 2, 1], 60_001));
    let signalling = SocketAddr::from(([198, 51, 100, 1], 60_002));
    let stranger = SocketAddr::from(([203, 0, 113, 1], 4_000));
    for nat in [moved, signalling] {
        let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
        assert_eq!(bench.receive(A, stranger, &sound), [], "never from elsewhere");
        assert_eq!(bench.relayed(B, &sound).unwrap().to, address(A));
        assert_eq!(bench.receive(A, nat, &sound)[0].to, address(B));
        assert_eq!(bench.relayed(B, &sound).unwrap().to, nat, "we answer to where it comes from");
        let other = SocketAddr::new(nat.ip(), 60_003);
        assert_eq!(bench.receive(A, other, &sound), []);
        assert_eq!(bench.turned, [Turned::RtpStranger, Turned::RtpStranger]);
        // The announced address itself is never a stranger, and final.
        assert_eq!(bench.receive(A, address(A), &sound).len(), 1);
        assert_eq!(bench.relayed(B, &sound).unwrap().to, address(A));
        assert_eq!(bench.receive(A, nat, &sound), []);
    }
}

#[test]
fn the_same_stream_may_come_back_from_another_port_after_silence() {
    let nat = |port| SocketAddr::from(([192, 0, 2, 1], port));
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    let mut sequence = 0;
    let mut sound = |ssrc: u32| {
        sequence += 1;
        let packet = RtpPacketBuilder::new().payload_type(8).sequence(sequence.into()).ssrc(ssrc);
        packet.timestamp(u32::from(sequence) * 160).payload(&[0xD5; 160]).build().unwrap()
    };
    assert_eq!(bench.receive(A, nat(60_001), &sound(7)).len(), 1);
    bench.now += 1_900;
    assert_eq!(bench.receive(A, nat(60_002), &sound(7)), [], "too soon");
    bench.now += 200;
    assert_eq!(bench.receive(A, nat(60_002), &sound(8)), [], "another stream");
    assert_eq!(bench.receive(A, SocketAddr::from(([203, 0, 113, 1], 60_002)), &sound(7)), [], "another host");
    assert_eq!(bench.receive(A, nat(60_002), &sound(7)).len(), 1);
    assert_eq!(bench.relayed(B, &rtp(8, 1, 160, &[0xD5; 160])).unwrap().to, nat(60_002));
    assert_eq!(bench.receive(A, nat(60_001), &sound(7)), [], "and there it stays");
    assert_eq!(bench.turned, [Turned::RtpStranger; 4]);
}

#[test]
fn keys_told_in_sip_become_events_of_the_partner() {
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    let key = |sign| Key::of_sign(sign).unwrap();
    bench.command(Command::PassKey { leg: A, key: key('5') });
    bench.run_until(1_100);
    assert_eq!(bench.sent, [], "who agreed to events sends them");
    bench.command(Command::Direct { leg: A, stream: Stream { telephone_event: None, ..stream(A, Codec::Pcma) } });
    for sign in ['5', '#'] {
        bench.command(Command::PassKey { leg: A, key: key(sign) });
    }
    // The talk goes on meanwhile.
    for number in 0..30u16 {
        bench.relayed(A, &rtp(8, number, u32::from(number) * 160, &[1; 160]));
        bench.run_until(bench.now + 20);
    }
    let sent = bench.sent_to(B);
    assert!(sent.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)), "{sent:?}");
    let events: Vec<_> = sent.iter().filter(|sent| sent.payload_type == 102).collect();
    let expected = |code: u8| {
        let durations = [160u16, 320, 480, 640, 800, 800, 800, 800];
        durations.into_iter().zip([10, 10, 10, 10, 10, 0x8A, 0x8A, 0x8A]).map(move |(duration, flags)| {
            let [high, low] = duration.to_be_bytes();
            vec![code, flags, high, low]
        })
    };
    let payloads: Vec<_> = events.iter().map(|sent| sent.payload.clone()).collect();
    assert_eq!(payloads, expected(5).chain(expected(11)).collect::<Vec<_>>());
    for key in events.chunks(8) {
        assert!(key.iter().all(|sent| sent.timestamp == key[0].timestamp));
        assert_eq!(key.iter().filter(|sent| sent.marker).count(), 1);
    }
    assert_ne!(events[0].timestamp, events[8].timestamp);
    // And read back by our own reader: two keys.
    let mut other = Bench::with_legs(Codec::Pcma, Codec::Pcma);
    for sent in &events {
        let mut packet = rtp(102, sent.sequence, sent.timestamp, &sent.payload);
        packet[1] |= u8::from(sent.marker) << 7;
        other.receive(B, address(B), &packet);
    }
    let pressed: Vec<_> = other.events.iter().map(|(_, event)| event.clone()).collect();
    assert_eq!(pressed, ['5', '#'].map(|sign| Event::KeyPressed { leg: B, key: key(sign) }));
}

#[test]
fn a_new_latch_comes_only_with_a_new_address() {
    let sound = rtp(8, 1, 160, &[0xD5; 160]);
    let nat = SocketAddr::from(([192, 0, 2, 1], 60_001));
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    bench.receive(A, nat, &sound);
    let held = Stream { remote: None, may_send: false, ..stream(A, Codec::Pcma) };
    for unchanged in [held, stream(A, Codec::Pcma)] {
        bench.command(Command::Direct { leg: A, stream: unchanged });
    }
    assert_eq!(bench.relayed(B, &sound).unwrap().to, nat, "a hold and its end change nothing");
    let elsewhere = SocketAddr::from(([192, 0, 2, 77], 5_000));
    bench.command(Command::Direct { leg: A, stream: Stream { remote: Some(elsewhere), ..stream(A, Codec::Pcma) } });
    assert_eq!(bench.relayed(B, &sound).unwrap().to, elsewhere);
    assert_eq!(bench.receive(A, nat, &sound), []);
}

#[test]
fn garbage_is_counted_and_changes_nothing() {
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    let version_1 = [0x40; 172];
    let oversized = rtp(8, 1, 160, &[0; 1_400]);
    for bytes in [&[][..], &[0x80; 11], &version_1, &oversized] {
        assert_eq!(bench.receive(A, address(A), bytes), []);
    }
    assert_eq!(bench.turned, [Turned::RtpGarbage; 4]);
    // RTCP on the same port, comfort noise, an empty keep-alive: not garbage, not passed on.
    for bytes in [rtp(72, 1, 0, &[0; 20]), rtp(13, 1, 0, &[0; 1]), rtp(8, 1, 0, &[])] {
        assert_eq!(bench.receive(A, address(A), &bytes), []);
    }
    assert_eq!(bench.turned.len(), 4);
}

/// A leg whose other side speaks SRTP, and that other side.
fn encrypted(bench: &mut Bench, leg: LegId, codec: Codec) -> Srtp {
    let (ours, theirs, suite) = (srtp::Key([leg.0 as u8; 30]), srtp::Key([50; 30]), Suite::Tag80);
    let crypto = Some(Crypto { suite, ours, theirs });
    bench.command(Command::Direct { leg, stream: Stream { crypto, ..stream(leg, codec) } });
    Srtp::new(Crypto { suite, ours: theirs, theirs: ours })
}

#[test]
fn an_encrypted_leg_talks_with_an_open_one() {
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    let mut phone = encrypted(&mut bench, A, Codec::Pcma);
    for number in 0..200 {
        let plain = rtp(8, 65_500u16.wrapping_add(number), u32::from(number) * 160, &[number as u8; 160]);
        let mut cipher = plain.clone();
        phone.protect(&mut cipher, 0);
        assert_eq!(bench.relayed(A, &cipher).unwrap().payload, [number as u8; 160]);
        bench.now += 20;
        bench.engine.packet(B, address(B), &plain, Time::from_millis(bench.now), &mut bench.out);
        let mut sent = bench.out.packets.iter().next().unwrap().2.to_vec();
        bench.out.clear();
        assert_ne!(sent[12..172], plain[12..]);
        let length = phone.unprotect(&mut sent).unwrap();
        assert_eq!(sent[12..length], plain[12..]);
    }
    assert_eq!(bench.turned, []);
}

#[test]
fn forged_repeated_and_open_packets_to_an_encrypted_leg_do_nothing() {
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    let mut phone = encrypted(&mut bench, A, Codec::Pcma);
    let nat = SocketAddr::from(([192, 0, 2, 1], 60_001));
    let plain = rtp(8, 1, 160, &[0xD5; 160]);
    let mut cipher = plain.clone();
    phone.protect(&mut cipher, 0);
    let mut forged = cipher.clone();
    forged[20] ^= 1;
    for bytes in [&plain, &forged, &cipher[..100].to_vec(), &Vec::new()] {
        assert_eq!(bench.receive(A, nat, bytes), []);
    }
    assert_eq!(bench.relayed(B, &plain).unwrap().to, address(A), "what is forged is not latched to");
    assert_eq!(bench.receive(A, nat, &cipher).len(), 1);
    assert_eq!(bench.receive(A, nat, &cipher), []);
    assert_eq!(bench.turned, [[Turned::SrtpForged; 4].as_slice(), &[Turned::SrtpRepeated]].concat());
    bench.turned.clear();
    // However many there are, the call goes on.
    let mut random = ChaCha8Rng::seed_from_u64(20_261_123);
    for _ in 0..inputs(50_000) {
        let mut bytes = vec![0; random.next_u32() as usize % 250];
        random.fill_bytes(&mut bytes);
        if let Some(first) = bytes.first_mut() {
            *first = *first & 0x3F | 0x80;
        }
        let (from, now) = (address(A), Time::from_millis(bench.now));
        bench.engine.packet(A, from, &bytes, now, &mut bench.out);
        bench.engine.control(A, SocketAddr::new(from.ip(), 4_001), &bytes, now, &mut bench.out);
        assert!(bench.out.packets.is_empty() && bench.out.events.is_empty() && bench.out.facts.len() == 2);
        bench.out.clear();
    }
    let mut next = rtp(8, 2, 320, &[0xD5; 160]);
    phone.protect(&mut next, 0);
    assert_eq!(bench.receive(A, nat, &next).len(), 1);
}

/// Level in dB of a frequency in 8 kHz samples.
fn goertzel(samples: &[i16], frequency: f64) -> f64 {
    let w = 2.0 * (std::f64::consts::TAU * frequency / 8_000.0).cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for &sample in samples {
        (s1, s2) = (f64::from(sample) + w * s1 - s2, s1);
    }
    let power = s1 * s1 + s2 * s2 - w * s1 * s2;
    10.0 * (power * 4.0 / (samples.len() as f64).powi(2) / 32_768.0_f64.powi(2)).log10()
}

const CODECS: [Codec; 3] = [Codec::Pcma, Codec::Pcmu, Codec::G722];

/// Samples in a codec, and a codec's bytes as samples.
fn encoded(codec: Codec, samples: &[i16]) -> Vec<u8> {
    match codec.law() {
        Some(law) => samples.iter().map(|&sample| g711::encode(law, sample)).collect(),
        None => convert::to_g722(samples),
    }
}

/// As a phone decodes it: of G.722 both bands, every second sample of 16 kHz.
fn decoded(codec: Codec, bytes: &[u8]) -> Vec<i16> {
    use audio_codec::g722::G722Decoder;
    match codec.law() {
        Some(law) => bytes.iter().map(|&byte| g711::decode(law, byte)).collect(),
        None => G722Decoder::new().decode_frame(bytes).into_iter().step_by(2).collect(),
    }
}

#[test]
fn a_tone_keeps_its_frequency_and_level_through_every_pair_of_codecs_and_lengths() {
    for hz in [440.0, 1_020.0, 2_500.0] {
        let tone: Vec<i16> = (0..9_600)
            .map(|n| (10_000.0 * (std::f64::consts::TAU * hz * f64::from(n) / 8_000.0).sin()) as i16)
            .collect();
        let before = goertzel(&tone[800..8_800], hz);
        for (from, to) in CODECS.into_iter().flat_map(|from| CODECS.map(|to| (from, to))) {
            for (ptime_in, ptime_out) in [(20, 20), (10, 20), (30, 20), (20, 60), (60, 10)] {
                let mut bench = Bench::joined(from, to);
                bench.command(Command::Direct { leg: B, stream: Stream { ptime_ms: ptime_out, ..stream(B, to) } });
                let mut heard = Vec::new();
                let packets = encoded(from, &tone).chunks(ptime_in * 8).map(<[u8]>::to_vec).collect::<Vec<_>>();
                for (number, payload) in packets.iter().enumerate() {
                    let number = number as u16;
                    let timestamp = u32::from(number) * ptime_in as u32 * 8;
                    let packet = rtp(from.payload_type(), number, timestamp, payload);
                    heard.extend(bench.receive(A, address(A), &packet));
                    bench.now += ptime_in as u64;
                }
                let length = usize::from(ptime_out) * 8;
                assert!(heard.len() >= 9_600 / length - 1, "{from:?} {to:?} {ptime_in} {ptime_out}");
                for pair in heard.windows(2) {
                    assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
                    assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(length as u32));
                }
                assert!(heard.iter().all(|sent| sent.leg == B && sent.payload_type == to.payload_type()));
                let bytes: Vec<u8> = heard.iter().flat_map(|sent| sent.payload.clone()).collect();
                let samples = decoded(to, &bytes);
                let after = goertzel(&samples[800..8_800], hz);
                // What G.722 adds is within what its lower band alone may do.
                let tolerance = if from.law().is_some() && to.law().is_some() { 0.5 } else { 1.5 };
                assert!((after - before).abs() < tolerance, "{from:?} {to:?} {hz}: {before} {after}");
                for other in [220.0, 700.0, 1_700.0, 3_100.0] {
                    assert!(goertzel(&samples[800..8_800], other) < after - 25.0, "{from:?} {to:?} {hz} {other}");
                }
            }
        }
    }
}

/// The same with keys on either side, on both, on none.
#[test]
fn a_tone_is_the_same_through_every_pair_of_codecs_with_srtp_on_either_side() {
    let wave = |n: u32| (std::f64::consts::TAU * 1_020.0 * f64::from(n) / 8_000.0).sin();
    let tone: Vec<i16> = (0..9_600).map(|n| (10_000.0 * wave(n)) as i16).collect();
    let before = goertzel(&tone[800..8_800], 1_020.0);
    let sides = [(false, false), (true, false), (false, true), (true, true)];
    for (from, to) in CODECS.into_iter().flat_map(|from| CODECS.map(|to| (from, to))) {
        for ((speaker_has_keys, listener_has_keys), ptime) in sides.into_iter().flat_map(|s| [(s, 20), (s, 30)]) {
            let mut bench = Bench::joined(from, to);
            let mut speaker = speaker_has_keys.then(|| encrypted(&mut bench, A, from));
            let mut listener = listener_has_keys.then(|| encrypted(&mut bench, B, to));
            let mut bytes = Vec::new();
            for (number, payload) in (0u16..).zip(encoded(from, &tone).chunks(ptime * 8)) {
                let timestamp = u32::from(number) * ptime as u32 * 8;
                let mut packet = rtp(from.payload_type(), number, timestamp, payload);
                if let Some(speaker) = &mut speaker {
                    speaker.protect(&mut packet, 0);
                }
                bench.engine.packet(A, address(A), &packet, Time::from_millis(bench.now), &mut bench.out);
                for (_, to, sent) in bench.out.packets.iter() {
                    assert_eq!(to, address(B));
                    let mut sent = sent.to_vec();
                    let length = match &mut listener {
                        Some(listener) => listener.unprotect(&mut sent).expect("a packet of our key"),
                        None => sent.len(),
                    };
                    bytes.extend_from_slice(&sent[12..length]);
                }
                bench.out.clear();
                bench.now += ptime as u64;
            }
            let samples = decoded(to, &bytes);
            let after = goertzel(&samples[800..8_800], 1_020.0);
            let tolerance = if from.law().is_some() && to.law().is_some() { 0.5 } else { 1.5 };
            let who = format!("{from:?} {speaker_has_keys} to {to:?} {listener_has_keys}, {ptime} ms");
            assert!((after - before).abs() < tolerance, "{who}: {before} {after}");
            assert!(goertzel(&samples[800..8_800], 700.0) < after - 25.0, "{who}");
        }
    }
}

#[test]
fn a_prompt_sounds_the_same_in_every_codec() {
    let clip = embedded::clip("music").unwrap();
    let narrow = decoded(Codec::Pcma, clip.bytes(Codec::Pcma));
    let wide = decoded(Codec::G722, clip.bytes(Codec::G722));
    assert_eq!(narrow.len(), wide.len());
    let power = |samples: &[i16]| samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>();
    let difference = 10.0 * (power(&wide) / power(&narrow)).log10();
    assert!(difference.abs() < 1.0, "{difference}");
}

#[test]
fn gaps_in_repacketed_sound_are_filled_or_begin_anew_and_keys_keep_their_time() {
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    bench.command(Command::Direct { leg: B, stream: Stream { ptime_ms: 20, ..stream(B, Codec::Pcma) } });
    let mut sound = |sequence: u16, timestamp: u32| {
        bench.now += 30;
        bench.receive(A, address(A), &rtp(8, sequence, timestamp, &[1; 240]))
    };
    let first = sound(1, 0).remove(0);
    assert_eq!(sound(2, 240).len(), 2);
    // The third is missing: the fourth waits for it, and no longer.
    assert_eq!(sound(4, 720), []);
    let filled: Vec<u8> = sound(5, 960).into_iter().flat_map(|sent| sent.payload).collect();
    assert_eq!(filled, [1; 640], "what is missing sounds as before it");
    assert_eq!(sound(6, 1_200).len(), 2);
    assert_eq!(sound(3, 480), [], "too late");
    // A key: its packets have one time stamp of ours, whatever is said between them.
    let key = |bench: &mut Bench, sequence| bench.receive(A, address(A), &rtp(101, sequence, 1_440, &[5, 10, 0, 160]));
    let one = key(&mut bench, 7).remove(0);
    assert_eq!((one.payload_type, one.timestamp), (102, first.timestamp.wrapping_add(1_440)));
    bench.now += 30;
    bench.receive(A, address(A), &rtp(8, 8, 1_440, &[1; 240]));
    assert_eq!(key(&mut bench, 9).remove(0).timestamp, one.timestamp);
    // After a second of nothing it begins anew.
    bench.now += 1_000;
    let anew = bench.receive(A, address(A), &rtp(8, 10, 20_000, &[1; 240])).remove(0);
    assert!(anew.marker);
    let numbers: Vec<u16> = bench.sent_to(B).iter().map(|sent| sent.sequence).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{numbers:?}");
}

#[test]
fn loss_and_reordering_pass_through_the_relay() {
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    let first = bench.relayed(A, &rtp(8, 65_534, 0, &[1; 160])).unwrap();
    assert!(first.marker);
    for (sequence, timestamp, offset) in [(65_535, 160, 1), (1, 480, 3), (0, 320, 2), (1, 480, 3), (5, 1_120, 7)] {
        let sent = bench.relayed(A, &rtp(8, sequence, timestamp, &[2; 160])).unwrap();
        assert_eq!(sent.sequence, first.sequence.wrapping_add(offset));
        assert_eq!(sent.timestamp, first.timestamp.wrapping_add(timestamp));
        assert!(!sent.marker);
    }
}

#[test]
fn keys_travel_with_the_other_sides_payload_type() {
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    let first = bench.relayed(A, &rtp(8, 1, 160, &[1; 160])).unwrap();
    let key = bench.relayed(A, &rtp(101, 2, 320, &[5, 10, 0, 160])).unwrap();
    assert_eq!((key.payload_type, &key.payload[..]), (102, &[5, 10, 0, 160][..]));
    assert_eq!(key.timestamp, first.timestamp.wrapping_add(160));
    let without = Stream { telephone_event: None, ..stream(B, Codec::Pcma) };
    bench.command(Command::Direct { leg: B, stream: without });
    assert_eq!(bench.relayed(A, &rtp(101, 3, 320, &[5, 10, 0, 160])), None);
    let sound = bench.relayed(A, &rtp(8, 4, 640, &[1; 160])).unwrap();
    assert_eq!(sound.sequence, key.sequence.wrapping_add(1), "what B cannot take does not look lost");
}

#[test]
fn a_key_is_told_once_whatever_plays_and_whoever_it_is_relayed_to() {
    let mut bench = Bench::with_legs(Codec::Pcma, Codec::Pcma);
    bench.command(Command::PlayMusic { leg: A, clip: Some(MUSIC) });
    let pressed = |sign| Event::KeyPressed { leg: A, key: Key::of_sign(sign).unwrap() };
    for (number, flags) in [(1, 10), (2, 10), (3, 0x8A), (4, 0x8A), (5, 0x8A)] {
        bench.receive(A, address(A), &rtp(101, number, 800, &[11, flags, 0, 160]));
    }
    assert_eq!(bench.events, [(1_000, pressed('#'))]);
    bench.command(Command::Join { a: A, b: B });
    bench.events.clear();
    bench.relayed(A, &rtp(101, 6, 8_000, &[5, 10, 0, 160]));
    assert_eq!(bench.events, [(1_000, pressed('5'))]);
    assert_eq!(bench.receive(A, address(A), &rtp(101, 7, 9_000, &[5, 10, 0])), [], "cut off");
    let stranger = SocketAddr::from(([203, 0, 113, 1], 4_000));
    assert_eq!(bench.receive(A, stranger, &rtp(101, 8, 16_000, &[6, 10, 0, 160])), []);
    assert_eq!(bench.turned, [Turned::RtpGarbage, Turned::RtpStranger]);
    assert_eq!(bench.events.len(), 1);
}

#[test]
fn holds_are_respected_by_the_relay() {
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    let sound = |number: u16| rtp(8, number, u32::from(number) * 160, &[1; 160]);
    let first = bench.relayed(A, &sound(1)).unwrap();
    bench.command(Command::Direct { leg: B, stream: Stream { may_send: false, ..stream(B, Codec::Pcma) } });
    assert_eq!(bench.relayed(A, &sound(2)), None, "B holds us");
    bench.command(Command::Direct { leg: B, stream: stream(B, Codec::Pcma) });
    let resumed = bench.relayed(A, &sound(3)).unwrap();
    assert_eq!((resumed.sequence, resumed.marker), (first.sequence.wrapping_add(1), true));
    bench.command(Command::Direct { leg: A, stream: Stream { will_receive: false, ..stream(A, Codec::Pcma) } });
    assert_eq!(bench.relayed(A, &sound(4)), None, "A said it would not send");
    bench.command(Command::Part { leg: B });
    bench.command(Command::Direct { leg: A, stream: stream(A, Codec::Pcma) });
    assert_eq!(bench.relayed(A, &sound(5)), None);
}

#[test]
fn joining_another_parts_the_first() {
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    let c = LegId(3);
    bench.command(Command::Open { leg: c, port: 20_004 });
    bench.command(Command::Direct { leg: c, stream: stream(c, Codec::Pcma) });
    bench.command(Command::Join { a: A, b: c });
    let sound = rtp(8, 1, 160, &[1; 160]);
    assert_eq!(bench.relayed(A, &sound).unwrap().leg, c);
    assert_eq!(bench.relayed(c, &sound).unwrap().leg, A);
    assert_eq!(bench.relayed(B, &sound), None);
    bench.command(Command::Close { leg: c });
    assert_eq!(bench.relayed(A, &sound), None);
    assert_eq!(bench.events, [(1_000, Event::Joined { a: A, b: B }), (1_000, Event::Joined { a: A, b: c })]);
}

#[test]
fn silence_of_a_joined_leg_is_told_once_and_again_after_it_spoke() {
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcma);
    bench.events.clear();
    bench.command(Command::Direct { leg: B, stream: Stream { will_receive: false, ..stream(B, Codec::Pcma) } });
    bench.run_until(11_000);
    bench.relayed(A, &rtp(8, 1, 160, &[1; 160]));
    bench.run_until(40_999);
    assert_eq!(bench.events, []);
    bench.run_until(200_000);
    assert_eq!(bench.events, [(41_000, Event::Silent { leg: A })], "B is not meant to send");
    bench.relayed(A, &rtp(8, 2, 320, &[1; 160]));
    bench.run_until(300_000);
    assert_eq!(bench.events[1..], [(230_000, Event::Silent { leg: A })]);
    assert_eq!(bench.turned, [Turned::RtpTimeout; 2]);
}

#[test]
fn numbers_are_random_and_follow_the_seed() {
    let firsts = |seed: u8| {
        let settings = Settings {
            address: IpAddr::from([192, 0, 2, 100]),
            ports: (20_000, 20_100),
            drain: Duration::ZERO,
            silent_after: None,
            codecs: vec![Codec::Pcma],
            report_every: None,
            ..Settings::default()
        };
        let engine = MediaEngine::new(settings, vec![short_clip(), short_clip(), short_clip()], [seed; 32]);
        let mut bench = Bench { engine, ..Bench::new() };
        for leg in [A, B] {
            bench.command(Command::Open { leg, port: 20_000 });
            bench.command(Command::Direct { leg, stream: stream(leg, Codec::Pcma) });
            bench.command(Command::PlayOnce { leg, clip: SHORT });
        }
        bench.run_until(1_010);
        bench.sent.iter().map(|sent| (sent.ssrc, sent.sequence, sent.timestamp)).collect::<Vec<_>>()
    };
    assert_eq!(firsts(1), firsts(1));
    let (one, other) = (firsts(1), firsts(2));
    assert!(one[0] != one[1] && one[0] != other[0] && one[0].0 != one[1].0);
}

/// Random bytes, and good packets with bytes changed and cut.
#[test]
fn random_packets_are_relayed_ignored_or_counted() {
    let mut random = ChaCha8Rng::seed_from_u64(20_261_121);
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcmu);
    let good = rtp(8, 1, 160, &[0xD5; 160]);
    let mut relayed = 0;
    let count = inputs(100_000);
    for number in 0..count {
        let mut bytes = good.clone();
        if number % 2 == 0 {
            bytes = vec![0; (random.next_u32() % 400) as usize];
            random.fill_bytes(&mut bytes);
        } else {
            for _ in 0..random.next_u32() % 4 {
                let position = random.next_u32() as usize % bytes.len();
                bytes[position] = random.next_u32() as u8;
            }
            bytes.truncate(random.next_u32() as usize % 400);
        }
        relayed += bench.receive(A, address(A), &bytes).len();
        bench.now += u64::from(number % 20 == 0);
    }
    assert!(relayed as u32 > count / 25 && bench.turned.len() as u32 > count / 10, "{relayed} {}", bench.turned.len());
    assert!(bench.turned.iter().all(|turned| [Turned::RtpGarbage, Turned::RtpLate].contains(turned)));
    assert_eq!(bench.engine.open_legs(), 2);
}

#[test]
fn nothing_is_allocated_for_a_packet_once_warm() {
    let mut bench = Bench::joined(Codec::Pcma, Codec::Pcmu);
    for number in 3..103 {
        let leg = LegId(number);
        bench.command(Command::Open { leg, port: 20_000 });
        bench.command(Command::Direct { leg, stream: stream(leg, Codec::Pcma) });
        bench.command(Command::PlayMusic { leg, clip: Some(MUSIC) });
    }
    let (mut now, mut packets) = (bench.now, 0);
    let mut second = || {
        for _ in 0..1_000 {
            now += 1;
            bench.engine.expire(Time::from_millis(now), &mut bench.out);
            let mut packet = [0xD5; 172];
            packet[..12].copy_from_slice(&[0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9]);
            bench.engine.packet(A, address(A), &packet, Time::from_millis(now), &mut bench.out);
            packets += bench.out.packets.len();
            bench.out.clear();
        }
    };
    second();
    assert_eq!(allocation_counter::measure(&mut second).count_total, 0);
    assert_eq!(packets, 2 * (1_000 + 5_000));
}

fn any_command() -> impl Strategy<Value = Command> {
    let leg = || (0..4u64).prop_map(LegId);
    let clip = || prop_oneof![Just(MUSIC), Just(SHORT)];
    let ptime = prop_oneof![Just(10u8), Just(20), Just(30), Just(60)];
    prop_oneof![
        (leg(), any::<bool>(), any::<bool>(), ptime).prop_map(|(leg, may_send, will_receive, ptime_ms)| {
            Command::Direct { leg, stream: Stream { may_send, will_receive, ptime_ms, ..stream(leg, Codec::Pcma) } }
        }),
        (leg(), clip()).prop_map(|(leg, clip)| Command::PlayOnce { leg, clip }),
        (leg(), proptest::option::of(clip())).prop_map(|(leg, clip)| Command::PlayMusic { leg, clip }),
        (leg(), leg()).prop_map(|(a, b)| Command::Join { a, b }),
        leg().prop_map(|leg| Command::Part { leg }),
        leg().prop_map(|leg| Command::Close { leg }),
    ]
}

proptest! {
    /// Whatever is commanded, each leg's packets are one stream, at its pace, and after the end nothing is left.
    #[test]
    fn any_course_of_commands_leaves_steady_streams(course in proptest::collection::vec((any_command(), 0..300u64), 1..60)) {
        let mut bench = Bench::new();
        for leg in 0..4 {
            bench.command(Command::Open { leg: LegId(leg), port: 20_000 });
        }
        for (command, pause) in course {
            bench.command(command);
            let until = bench.now + pause;
            bench.run_until(until);
        }
        for leg in 0..4 {
            let sent = bench.sent_to(LegId(leg));
            for pair in sent.windows(2) {
                prop_assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
                prop_assert!(pair[1].at >= pair[0].at + 10);
                let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
                prop_assert!(step >= pair[0].payload.len() as u32 && step % 80 == 0);
            }
        }
        for leg in 0..4 {
            bench.command(Command::Close { leg: LegId(leg) });
        }
        let until = bench.now + 60_000;
        bench.run_until(until);
        prop_assert_eq!((bench.engine.open_legs(), bench.engine.next_deadline()), (0, None));
    }
}

#[test]
fn a_machine_that_is_too_slow_for_its_callers_says_so() {
    let mut bench = Bench::with_legs(Codec::Pcma, Codec::Pcma);
    bench.command(Command::PlayMusic { leg: A, clip: Some(WELCOME) });
    let began = bench.now;
    for _ in 0..10 {
        bench.now += 150;
        bench.engine.expire(Time::from_millis(bench.now), &mut bench.out);
        bench.collect();
    }
    assert_eq!(bench.events, [(began + 8 * 150, Event::SoundLate { is_late: true })]);
    bench.run_until(bench.now + 1_000);
    assert!(matches!(bench.events[1..], [(_, Event::SoundLate { is_late: false })]), "{:?}", bench.events);
}
