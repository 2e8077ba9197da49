//! RTCP in virtual time: two media engines report to each other over a network with known faults.

use crate::fuzz::inputs;
use centralino::facts::{Fact, Party, Quality, Turned};
use centralino::ids::{CallId, ClipId, LegId};
use centralino::media::{Clip, Codec, Command, Event, MediaEngine, Output, Settings, Stream};
use centralino::time::{Duration, Time};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const LEG: LegId = LegId(1);
const MUSIC: ClipId = ClipId(0);

fn rtp(side: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + side as u8], 4_000))
}

fn rtcp(side: usize) -> SocketAddr {
    SocketAddr::new(rtp(side).ip(), 4_001)
}

/// Two engines with a leg each, and what is on its way between them.
struct Pair {
    engines: [MediaEngine; 2],
    now: u64,
    out: Output,
    on_the_way: BTreeMap<(u64, usize), (usize, SocketAddr, Vec<u8>)>,
    number: usize,
    delay: u64,
    /// Each packet of RTP whose number divides by it is lost.
    loses: usize,
    /// When each side reported, where to, and the report.
    reports: Vec<(u64, usize, SocketAddr, Vec<u8>)>,
    facts: Vec<Fact>,
}

impl Pair {
    fn new(delay: u64, loses: usize, is_muxed: bool) -> Pair {
        let clip = Clip::from_samples((0..16_000).map(|n| (n % 50) * 100).collect()).unwrap();
        let engine = |seed| MediaEngine::new(Settings::default(), vec![clip.clone()], [seed; 32]);
        let mut pair = Pair {
            engines: [engine(1), engine(2)],
            now: 5_000,
            out: Output::default(),
            on_the_way: BTreeMap::new(),
            number: 0,
            delay,
            loses,
            reports: Vec::new(),
            facts: Vec::new(),
        };
        for side in 0..2 {
            let stream = Stream { is_muxed, ..Stream::plain(rtp(1 - side), Codec::Pcma) };
            pair.command(side, Command::Open { leg: LEG, port: 4_000 });
            pair.command(side, Command::Direct { leg: LEG, stream });
        }
        pair
    }

    fn command(&mut self, side: usize, command: Command) {
        self.engines[side].command(command, Time::from_millis(self.now), &mut self.out);
        self.collect(side);
    }

    fn collect(&mut self, side: usize) {
        for (_, to, bytes) in self.out.packets.iter() {
            self.number += 1;
            if !self.number.is_multiple_of(self.loses) {
                self.on_the_way.insert((self.now + self.delay, self.number), (side, to, bytes.to_vec()));
            }
        }
        for (_, to, bytes) in self.out.reports.iter() {
            self.number += 1;
            self.on_the_way.insert((self.now + self.delay, self.number), (side, to, bytes.to_vec()));
            self.reports.push((self.now, side, to, bytes.to_vec()));
        }
        self.facts.extend(self.out.facts.iter().map(|record| record.fact.clone()));
        self.out.clear();
    }

    fn run_until(&mut self, until: u64) {
        while self.now < until {
            self.now += 1;
            let now = Time::from_millis(self.now);
            while self.on_the_way.first_key_value().is_some_and(|((at, _), _)| *at <= self.now) {
                let (_, (from, to, bytes)) = self.on_the_way.pop_first().unwrap();
                let side = 1 - from;
                if to == rtp(side) {
                    self.engines[side].packet(LEG, rtp(from), &bytes, now, &mut self.out);
                } else {
                    assert_eq!(to, rtcp(side));
                    self.engines[side].control(LEG, rtcp(from), &bytes, now, &mut self.out);
                }
                self.collect(side);
            }
            for side in 0..2 {
                self.engines[side].expire(now, &mut self.out);
                self.collect(side);
            }
        }
    }

    fn measured(&mut self, side: usize) -> Quality {
        let (call, party) = (CallId(7), Party::Caller);
        self.command(side, Command::Measure { leg: LEG, call, party });
        match self.facts.pop().unwrap() {
            Fact::LegMeasured { quality, .. } => quality,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn both_sides_learn_loss_and_round_trip() {
    for is_muxed in [false, true] {
        let mut pair = Pair::new(40, 10, is_muxed);
        for side in 0..2 {
            pair.command(side, Command::PlayMusic { leg: LEG, clip: Some(MUSIC) });
        }
        pair.run_until(65_000);
        for side in 0..2 {
            let quality = pair.measured(side);
            assert!((2_900..3_001).contains(&quality.sent), "{quality:?}");
            let lost = quality.lost as f64 / quality.sent as f64;
            assert!((0.08..0.12).contains(&lost), "{quality:?}");
            assert!(quality.received + quality.lost >= quality.sent - 5, "{quality:?}");
            let sent_lost = quality.sent_lost.unwrap() as f64 / quality.sent as f64;
            assert!((0.06..0.12).contains(&sent_lost), "as the other side reported last: {quality:?}");
            let round_trip = quality.round_trip.unwrap().as_secs_f64();
            assert!((0.079..0.082).contains(&round_trip), "{quality:?}");
            assert_eq!(quality.jitter, Duration::ZERO);
        }
        let to = if is_muxed { rtp } else { rtcp };
        assert!(pair.reports.iter().all(|(_, side, address, _)| *address == to(1 - side)));
        assert_eq!(pair.facts, []);
    }
}

#[test]
fn reports_come_every_five_seconds_more_or_less_and_end_with_a_goodbye() {
    let mut pair = Pair::new(1, usize::MAX, false);
    pair.command(0, Command::PlayMusic { leg: LEG, clip: Some(MUSIC) });
    pair.run_until(305_000);
    for side in 0..2 {
        let reports: Vec<_> = pair.reports.iter().filter(|(_, from, _, _)| *from == side).collect();
        let at: Vec<u64> = reports.iter().map(|(at, ..)| at - 5_000).collect();
        assert!((1_250..=3_750).contains(&at[0]), "{at:?}");
        assert!(at.windows(2).all(|pair| (2_500..=7_500).contains(&(pair[1] - pair[0]))), "{at:?}");
        assert!((50..75).contains(&at.len()), "{at:?}");
        // Who sends makes sender reports; each is followed by the name (RFC 3550 6.1).
        let kind = [200, 201][side];
        assert!(reports.iter().all(|(.., bytes)| bytes[1] == kind && bytes.len() > 28), "{side}");
        let sdes = |bytes: &[u8]| 4 + 4 * usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        assert!(reports.iter().all(|(.., bytes)| bytes[sdes(bytes) + 1] == 202), "{side}");
    }
    pair.command(0, Command::Close { leg: LEG });
    let (.., last) = pair.reports.last().unwrap();
    assert_eq!(last[last.len() - 7], 203, "goodbye");
    let before = pair.measured(1);
    pair.run_until(320_000);
    assert_eq!(pair.measured(1).received, before.received);
    assert_eq!(pair.facts, []);
}

/// A receiver report about nobody, from a stream of this number.
fn report(ssrc: u32) -> Vec<u8> {
    [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes()].concat()
}

#[test]
fn reports_are_life_and_goodbyes_and_strangers_are_not() {
    let goodbye = [report(9), vec![0x81, 203, 0, 1, 0, 0, 0, 9]].concat();
    let stranger = SocketAddr::from(([203, 0, 113, 1], 4_001));
    let rows = [
        (rtcp(1), report(9), false, None),
        (rtcp(1), goodbye, true, None),
        (stranger, report(9), true, Some(Turned::RtpStranger)),
        (rtcp(1), vec![0x80, 201], true, Some(Turned::RtcpGarbage)),
        (rtcp(1), vec![0x81, 202, 0, 1, 0, 0, 0, 9], true, Some(Turned::RtcpGarbage)),
    ];
    for (from, bytes, is_silent, turned) in rows {
        let mut engine = MediaEngine::new(Settings::default(), Vec::<Clip>::new(), [1; 32]);
        let (mut out, mut silent) = (Output::default(), false);
        let mut turned_away = Vec::new();
        for leg in [LEG, LegId(2)] {
            let stream = Stream { will_receive: leg == LEG, ..Stream::plain(rtp(leg.0 as usize), Codec::Pcma) };
            engine.command(Command::Open { leg, port: 4_000 }, Time::ZERO, &mut out);
            engine.command(Command::Direct { leg, stream }, Time::ZERO, &mut out);
        }
        engine.command(Command::Join { a: LEG, b: LegId(2) }, Time::ZERO, &mut out);
        out.clear();
        for second in 1..=150 {
            let now = Time::from_millis(second * 1_000);
            if second.is_multiple_of(60) {
                engine.control(LEG, from, &bytes, now, &mut out);
            }
            engine.expire(now, &mut out);
            silent |= out.events.iter().any(|(_, event)| *event == Event::Silent { leg: LEG });
            turned_away.extend(out.facts.iter().map(|record| record.fact.clone()));
            out.clear();
        }
        assert_eq!(silent, is_silent, "{bytes:?}");
        turned_away.retain(|fact| *fact != Fact::Turned(Turned::RtpTimeout));
        assert!(turned_away.iter().all(|fact| turned.map(Fact::Turned).as_ref() == Some(fact)), "{turned_away:?}");
        assert_eq!(turned_away.len(), turned.map_or(0, |_| 2), "{bytes:?}");
    }
}

#[test]
fn random_reports_are_read_or_counted_and_answered_by_nothing() {
    let mut random = ChaCha8Rng::seed_from_u64(20_261_122);
    let mut pair = Pair::new(1, usize::MAX, false);
    pair.command(0, Command::PlayMusic { leg: LEG, clip: Some(MUSIC) });
    pair.run_until(20_000);
    let good: Vec<Vec<u8>> = pair.reports.iter().map(|(.., bytes)| bytes.clone()).collect();
    pair.facts.clear();
    let now = Time::from_millis(pair.now);
    let (mut turned, count) = (0, inputs(100_000));
    for number in 0..count {
        let mut bytes = good[number as usize % good.len()].clone();
        if number.is_multiple_of(3) {
            bytes = vec![0; random.next_u32() as usize % 120];
            random.fill_bytes(&mut bytes);
            // Most would end at the version and the kind.
            if let [version, kind, ..] = &mut bytes[..] {
                (*version, *kind) = (*version & 0x3F | 0x80, 200 + *kind % 8);
            }
        } else {
            for _ in 0..random.next_u32() % 5 {
                let position = random.next_u32() as usize % bytes.len();
                bytes[position] = random.next_u32() as u8;
            }
            bytes.truncate(random.next_u32() as usize % 200);
        }
        pair.engines[0].control(LEG, rtcp(1), &bytes, now, &mut pair.out);
        assert!(pair.out.packets.is_empty() && pair.out.reports.is_empty() && pair.out.events.is_empty());
        turned += pair.out.facts.len() as u32;
        pair.out.clear();
    }
    assert!(turned > count / 4 && turned < count - count / 10, "{turned}");
    let quality = pair.measured(0);
    assert!(quality.round_trip.is_none_or(|length| length <= Duration::from_secs(30)), "{quality:?}");
}
