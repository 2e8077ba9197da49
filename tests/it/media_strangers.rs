//! Whom a leg hears and whom it is heard by (hostile-world R24, R28): sources are learnt for a moment and never again,
//! and nobody is sent sound for long who is not there.

use centralino::facts::{Fact, Turned};
use centralino::ids::{ClipId, LegId};
use centralino::media::api::{Codec, Command, Output, Stream};
use centralino::media::{MediaEngine, Settings, embedded};
use centralino::time::Time;
use rtp_rs::RtpPacketBuilder;
use std::net::SocketAddr;

const A: LegId = LegId(1);
const B: LegId = LegId(2);
const IN_SDP: ([u8; 4], u16) = ([192, 0, 2, 1], 4_000);
const SDP_HOST: ([u8; 4], u16) = ([192, 0, 2, 1], 60_001);
const SIGNALLING: ([u8; 4], u16) = ([198, 51, 100, 1], 60_002);
const ELSEWHERE: ([u8; 4], u16) = ([203, 0, 113, 1], 60_003);

struct Bench {
    engine: MediaEngine,
    out: Output,
    now: u64,
    number: u16,
    turned: Vec<Turned>,
}

impl Bench {
    fn new() -> Bench {
        let settings = Settings { address: [192, 0, 2, 100].into(), report_every: None, ..Settings::default() };
        let engine = MediaEngine::new(settings, vec![embedded::clip("music").unwrap()], [5; 32]);
        let mut bench = Bench { engine, out: Output::default(), now: 1_000, number: 0, turned: Vec::new() };
        for leg in [A, B] {
            bench.does(Command::Open { leg, port: 20_000 });
            bench.does(Command::Direct { leg, stream: stream() });
        }
        bench
    }

    fn does(&mut self, command: Command) {
        self.engine.command(command, Time::from_millis(self.now), &mut self.out);
        self.collect();
    }

    fn joined() -> Bench {
        let mut bench = Bench::new();
        bench.does(Command::Join { a: A, b: B });
        bench
    }

    fn collect(&mut self) -> usize {
        let turned = |fact: &Fact| if let Fact::Turned(turned) = fact { Some(*turned) } else { None };
        self.turned.extend(self.out.facts.iter().filter_map(|record| turned(&record.fact)));
        let sent = self.out.packets.iter().count();
        self.out.clear();
        sent
    }

    /// Whether a packet from here is heard.
    fn hears(&mut self, from: ([u8; 4], u16), ssrc: u32) -> bool {
        self.number += 1;
        let builder = RtpPacketBuilder::new().payload_type(8).ssrc(ssrc).sequence(self.number.into());
        let packet = builder.timestamp(u32::from(self.number) * 160).payload(&[0xD5; 160]).build().unwrap();
        self.engine.packet(A, SocketAddr::from(from), &packet, Time::from_millis(self.now), &mut self.out);
        self.collect() == 1
    }

    /// Packets sent in so many seconds.
    fn plays(&mut self, seconds: u64) -> usize {
        let until = self.now + 1_000 * seconds;
        let mut sent = 0;
        while let Some(next) = self.engine.next_deadline().filter(|next| *next <= Time::from_millis(until)) {
            self.engine.expire(next, &mut self.out);
            sent += self.collect();
        }
        self.now = until;
        sent
    }
}

fn stream() -> Stream {
    Stream { signalled_from: SIGNALLING.0.into(), ..Stream::plain(SocketAddr::from(IN_SDP), Codec::Pcma) }
}

#[test]
fn a_better_source_takes_over_within_a_moment_and_no_other_ever() {
    for (better, worse) in [(IN_SDP, SDP_HOST), (IN_SDP, SIGNALLING), (SDP_HOST, SIGNALLING)] {
        let mut bench = Bench::joined();
        assert!(bench.hears(worse, 1) && bench.hears(better, 2), "{better:?} before {worse:?}");
        assert!(!bench.hears(worse, 1), "and stays");

        let mut bench = Bench::joined();
        assert!(bench.hears(worse, 1));
        bench.now += 501;
        assert!(!bench.hears(better, 2), "half a second later it is a stranger");

        let mut bench = Bench::joined();
        assert_eq!((0..5).filter(|_| bench.hears(worse, 1)).count(), 5);
        assert!(!bench.hears(better, 2), "and after five packets");
        assert_eq!(bench.turned, [Turned::RtpStranger]);
    }
}

#[test]
fn what_sdp_names_comes_back_after_silence_and_a_new_agreement_learns_anew() {
    let mut bench = Bench::joined();
    assert!(bench.hears(SIGNALLING, 1));
    bench.now += 1_999;
    assert!(!bench.hears(IN_SDP, 2) && !bench.hears(ELSEWHERE, 1));
    bench.now += 1;
    assert!(!bench.hears(SDP_HOST, 1), "another host is none to come back to");
    assert!(bench.hears(IN_SDP, 2));
    let elsewhere = Stream { remote: Some(SocketAddr::from(ELSEWHERE)), ..stream() };
    bench.now += 1_000;
    bench.does(Command::Direct { leg: A, stream: elsewhere });
    assert!(bench.hears(ELSEWHERE, 3) && !bench.hears(IN_SDP, 2));
}

#[test]
fn ports_of_other_services_and_our_own_are_nobodys_voice() {
    let mut bench = Bench::joined();
    let us = Stream { signalled_from: [192, 0, 2, 100].into(), ..stream() };
    bench.does(Command::Direct { leg: A, stream: us });
    for from in [(IN_SDP.0, 53), (IN_SDP.0, 123), ([192, 0, 2, 100], 20_002), ([192, 0, 2, 100], 29_999)] {
        assert!(!bench.hears(from, 1), "{from:?}");
    }
    assert!(bench.hears(([192, 0, 2, 100], 40_000), 1), "a phone on our host");
    assert_eq!(bench.turned, [Turned::RtpStranger; 4]);
}

#[test]
fn music_stops_for_whom_nobody_has_heard_of() {
    let mut bench = Bench::new();
    bench.does(Command::PlayMusic { leg: A, clip: Some(ClipId(0)) });
    let sent = bench.plays(60);
    assert!((1_598..=1_602).contains(&sent), "{sent} packets: 32 s, and no sign of life");
    assert_eq!(bench.turned, [Turned::RtpUnheard]);
    bench.does(Command::Reached { leg: A });
    assert!(bench.plays(300) > 14_900, "an ACK is enough: not every phone sends while it waits");
    assert_eq!(bench.turned.len(), 1);
}

#[test]
fn music_stops_for_whom_was_heard_and_is_no_more_until_the_next_packet() {
    let mut bench = Bench::new();
    bench.does(Command::Reached { leg: A });
    bench.does(Command::PlayMusic { leg: A, clip: Some(ClipId(0)) });
    for _ in 0..50 {
        bench.hears(IN_SDP, 1);
        bench.plays(1);
    }
    let sent = bench.plays(200);
    assert!((2_940..=2_960).contains(&sent), "{sent} packets: 60 s after the last one heard, a second of it gone");
    assert_eq!(bench.turned, [Turned::RtpUnheard]);
    bench.hears(IN_SDP, 1);
    assert!(bench.plays(30) >= 1_499, "it goes on at once");
    assert_eq!(bench.turned, [Turned::RtpUnheard]);
}

#[test]
fn a_few_packets_that_open_a_nat_promise_no_more() {
    let mut bench = Bench::new();
    bench.does(Command::PlayMusic { leg: A, clip: Some(ClipId(0)) });
    for _ in 0..10 {
        bench.hears(IN_SDP, 1);
    }
    assert!(bench.plays(300) > 14_900, "who sent ten packets may be silent");
    assert_eq!(bench.turned, []);
}
