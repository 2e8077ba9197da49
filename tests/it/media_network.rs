//! The relay behind a bad network, in virtual time: nothing is heard that was not said, nothing more is lost than the
//! network lost, and nothing grows.

use centralino::ids::LegId;
use centralino::media::{Clip, Codec, Command, MediaEngine, Output, Settings, Stream, convert, g711};
use centralino::time::Time;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rtp_rs::{RtpPacketBuilder, RtpReader};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const SPEAKER: LegId = LegId(1);
const LISTENER: LegId = LegId(2);

/// What the network does to the speaker's packets, and the speaker to its clock.
#[derive(Clone, Copy, Default)]
struct Faults {
    lost_percent: u32,
    jitter_ms: u32,
    doubled_percent: u32,
    /// The speaker's clock against ours, in millionths.
    drift: i64,
    /// A new stream every so many packets.
    new_source_every: u64,
    /// Comfort noise instead of every so many packets.
    noise_every: u64,
}

/// What the listener's phone got.
struct Heard {
    /// Sent and not lost on the way to us, once each.
    arrived: u64,
    /// Of these, by the number that each payload carries: how often each came.
    times: BTreeMap<u64, u32>,
    /// Our numbers and time stamps, with the number of the payload and the moment.
    packets: Vec<(u64, u16, u32, u64)>,
}

fn address(leg: LegId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, leg.0 as u8], 4_000))
}

/// So many packets of 20 ms through the relay.
fn talk(packets: u64, faults: Faults, listener: Stream) -> Heard {
    let waits = listener.ptime_ms != 20;
    let mut random = ChaCha8Rng::seed_from_u64(packets ^ u64::from(faults.jitter_ms));
    let settings = Settings { report_every: None, ..Settings::default() };
    let mut engine = MediaEngine::new(settings, Vec::<Clip>::new(), [3; 32]);
    let mut out = Output::default();
    for (leg, stream) in [(SPEAKER, Stream::plain(address(SPEAKER), Codec::Pcma)), (LISTENER, listener)] {
        engine.command(Command::Open { leg, port: 4_000 }, Time::ZERO, &mut out);
        engine.command(Command::Direct { leg, stream }, Time::ZERO, &mut out);
    }
    engine.command(Command::Join { a: SPEAKER, b: LISTENER }, Time::ZERO, &mut out);
    out.clear();
    let mut on_the_way: BTreeMap<(u64, u64), Vec<u8>> = BTreeMap::new();
    let mut heard = Heard { arrived: 0, times: BTreeMap::new(), packets: Vec::new() };
    let (mut sent, mut order) = (0, 0);
    while sent < packets || !on_the_way.is_empty() {
        let said_at = |number: u64| {
            let at = i128::from(number) * 20_000_000;
            1_000_000_000 + (at + at * i128::from(faults.drift) / 1_000_000) as u64
        };
        let arrives = on_the_way.first_key_value().map_or(u64::MAX, |((at, _), _)| *at);
        if sent < packets && said_at(sent) < arrives {
            let source = sent.checked_div(faults.new_source_every).unwrap_or(0);
            let is_noise = faults.noise_every > 0 && sent % faults.noise_every == 1;
            let mut payload = vec![0xD5; if is_noise { 1 } else { 160 }];
            if !is_noise {
                payload[..8].copy_from_slice(&sent.to_be_bytes());
            }
            let number = sent.wrapping_add(source * 7_777);
            let packet = RtpPacketBuilder::new()
                .payload_type(if is_noise { 13 } else { 8 })
                .sequence((number as u16).into())
                .timestamp((number as u32).wrapping_mul(160))
                .ssrc(900 + source as u32)
                .payload(&payload)
                .build()
                .unwrap();
            if random.next_u32() % 100 >= faults.lost_percent {
                heard.arrived += u64::from(!is_noise);
                let copies = 1 + u32::from(random.next_u32() % 100 < faults.doubled_percent);
                for _ in 0..copies {
                    let late = u64::from(random.next_u32() % (faults.jitter_ms * 1_000 + 1)) * 1_000;
                    order += 1;
                    on_the_way.insert((said_at(sent) + late, order), packet.clone());
                }
            }
            sent += 1;
            continue;
        }
        let ((at, _), packet) = on_the_way.pop_first().unwrap();
        let now = Time::from_nanos(at);
        engine.expire(now, &mut out);
        engine.packet(SPEAKER, address(SPEAKER), &packet, now, &mut out);
        // What waited for a gap leaves with the packet that ends it.
        assert!(out.packets.len() <= if waits { 12 } else { 3 }, "never a burst");
        for (leg, _, bytes) in out.packets.iter() {
            assert_eq!(leg, LISTENER);
            let rtp = RtpReader::new(bytes).unwrap();
            let numbers = rtp.payload().chunks(160).map(|said| u64::from_be_bytes(said[..8].try_into().unwrap()));
            let number = numbers.clone().next().unwrap();
            numbers.for_each(|number| *heard.times.entry(number).or_default() += 1);
            heard.packets.push((number, rtp.sequence_number().into(), rtp.timestamp(), at));
        }
        out.clear();
    }
    heard
}

fn listener() -> Stream {
    Stream::plain(address(LISTENER), Codec::Pcma)
}

/// Within one source of the speaker our numbers and its payloads move together.
fn keeps_time(heard: &Heard, source_of: impl Fn(u64) -> u64) {
    for pair in heard.packets.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        if source_of(before.0) == source_of(after.0) {
            let steps = after.0.wrapping_sub(before.0);
            assert_eq!(after.1, before.1.wrapping_add(steps as u16), "{pair:?}");
            assert_eq!(after.2, before.2.wrapping_add((steps as u32).wrapping_mul(160)), "{pair:?}");
        }
    }
}

#[test]
fn loss_jitter_reordering_and_duplicates_cost_nothing_more() {
    let faults = Faults { lost_percent: 5, jitter_ms: 80, doubled_percent: 3, ..Faults::default() };
    let heard = talk(50_000, faults, listener());
    keeps_time(&heard, |_| 0);
    let missed = heard.arrived - heard.times.len() as u64;
    // The very first packets may come before where the relay began.
    assert!(missed <= 4, "{missed} of {} were lost by us", heard.arrived);
    let numbers: Vec<u64> = heard.times.keys().copied().collect();
    assert!(numbers.len() > 47_000 && numbers.last() < Some(&50_000), "nothing is made up");
}

#[test]
fn a_clock_that_drifts_for_hours_either_way_is_followed() {
    for drift in [-200, 200] {
        // Two hours: 1.4 s of drift.
        let heard = talk(360_000, Faults { drift, jitter_ms: 10, ..Faults::default() }, listener());
        keeps_time(&heard, |_| 0);
        assert!(heard.arrived - heard.times.len() as u64 <= 1);
    }
}

#[test]
fn new_sources_and_comfort_noise_are_survived() {
    let faults = Faults { new_source_every: 500, noise_every: 50, jitter_ms: 5, ..Faults::default() };
    let heard = talk(20_000, faults, listener());
    assert!(heard.times.len() as u64 >= heard.arrived - 40, "{} of {}", heard.times.len(), heard.arrived);
    assert!(heard.times.values().all(|times| *times == 1));
    for pair in heard.packets.windows(2) {
        let gone = pair[1].1.wrapping_sub(pair[0].1);
        assert!(gone.cast_signed().unsigned_abs() <= 2, "{pair:?}");
    }
}

/// Packets of 20 ms, told in 20 ms after being put together anew from a source that drifts and loses: what arrives is
/// heard, and what is kept back never grows.
#[test]
fn repacketed_sound_is_as_good() {
    let faults = Faults { lost_percent: 5, drift: 200, ..Faults::default() };
    let heard = talk(50_000, faults, Stream { ptime_ms: 40, ..listener() });
    for pair in heard.packets.windows(2) {
        assert_eq!(pair[1].1, pair[0].1.wrapping_add(1));
        let behind = pair[1].3.saturating_sub(pair[0].3);
        assert!(behind <= 400_000_000, "{pair:?}");
    }
    let expected = 25_000.0 * 1.0;
    assert!((heard.packets.len() as f64 - expected).abs() < expected * 0.02, "{}", heard.packets.len());
}

/// What is put together anew is put in order first: of what arrived nothing is lost that was not overtaken for too long.
#[test]
fn jitter_and_reordering_cost_repacketed_sound_nothing_more() {
    for ptime_ms in [40, 60] {
        let faults = Faults { lost_percent: 5, jitter_ms: 80, doubled_percent: 3, ..Faults::default() };
        let heard = talk(20_000, faults, Stream { ptime_ms, ..listener() });
        let told = heard.times.keys().filter(|number| **number < 20_000).count() as u64;
        let missed = heard.arrived - told;
        assert!(missed <= 20, "{missed} of {} were lost by us", heard.arrived);
        let numbers: Vec<u64> = heard.packets.iter().map(|packet| packet.0).filter(|number| *number < 20_000).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] <= pair[1]), "in order");
        assert!(heard.packets.windows(2).all(|pair| pair[1].1 == pair[0].1.wrapping_add(1)));
    }
}

/// A codec with a memory needs its packets in order: a tone through it stays one, jitter or not.
#[test]
fn jitter_and_reordering_make_no_noise_in_a_codec_with_a_memory() {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let tone: Vec<i16> = (0..80_000)
        .map(|n| (8_000.0 * (std::f64::consts::TAU * 1_000.0 * f64::from(n) / 8_000.0).sin()) as i16)
        .collect();
    let mut packets: Vec<(u64, usize, Vec<u8>)> = convert::to_g722(&tone)
        .chunks(160)
        .enumerate()
        .map(|(n, said)| (20 * n as u64 + u64::from(random.next_u32() % 80), n, said.to_vec()))
        .collect();
    packets.sort();
    let settings = Settings { report_every: None, ..Settings::default() };
    let mut engine = MediaEngine::new(settings, Vec::<Clip>::new(), [3; 32]);
    let mut out = Output::default();
    for (leg, codec) in [(SPEAKER, Codec::G722), (LISTENER, Codec::Pcma)] {
        engine.command(Command::Open { leg, port: 4_000 }, Time::ZERO, &mut out);
        let stream = Stream::plain(address(leg), codec);
        engine.command(Command::Direct { leg, stream }, Time::ZERO, &mut out);
    }
    engine.command(Command::Join { a: SPEAKER, b: LISTENER }, Time::ZERO, &mut out);
    let mut heard = Vec::new();
    for (at, number, said) in packets {
        let builder = RtpPacketBuilder::new().payload_type(9).sequence((number as u16).into()).ssrc(7);
        let packet = builder.timestamp(number as u32 * 160).payload(&said).build().unwrap();
        out.clear();
        engine.packet(SPEAKER, address(SPEAKER), &packet, Time::from_millis(1_000 + at), &mut out);
        for (_, _, bytes) in out.packets.iter() {
            let said = RtpReader::new(bytes).unwrap().payload().to_vec();
            heard.extend(said.into_iter().map(|byte| g711::decode(g711::Law::A, byte)));
        }
    }
    // A cycle of the tone is 8 samples: what differs from the one before is noise.
    let heard = &heard[4_000..];
    let differs = heard.windows(9).filter(|it| (i32::from(it[0]) - i32::from(it[8])).abs() > 1_200).count();
    assert!(heard.len() > 70_000 && differs < heard.len() / 200, "{differs} of {}", heard.len());
}
