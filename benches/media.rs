//! What media costs without its sockets: a packet relayed, and a thousand callers with music kept in step.
#![allow(missing_docs, reason = "the harness makes public items")]

use centralino::ids::{ClipId, LegId};
use centralino::media::convert::Conversion;
use centralino::media::g711::{self, Law};
use centralino::media::mix::{Mixer, Role, TURN};
use centralino::media::{Codec, Command, MediaEngine, Output, Settings, Stream, embedded};
use centralino::time::{Duration, Time};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rtp_rs::RtpPacketBuilder;
use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};

fn remote(leg: LegId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 1_024 + leg.0 as u16))
}

/// An engine with so many open legs, every other one on u-law.
fn engine(legs: u64) -> (MediaEngine, Output) {
    let settings = Settings {
        address: IpAddr::from([192, 0, 2, 100]),
        ports: (20_000, 29_999),
        drain: Duration::from_secs(5),
        silent_after: Some(Duration::from_secs(60)),
        ..Settings::default()
    };
    let clips = embedded::clip(embedded::MUSIC).into_iter().collect();
    let (mut engine, mut out) = (MediaEngine::new(settings, clips, [1; 32]), Output::default());
    for leg in (0..legs).map(LegId) {
        let codec = if leg.0 % 2 == 0 { Codec::Pcma } else { Codec::Pcmu };
        let stream = Stream { telephone_event: Some(101), ..Stream::plain(remote(leg), codec) };
        engine.command(Command::Open { leg, port: 20_000 }, Time::ZERO, &mut out);
        engine.command(Command::Direct { leg, stream }, Time::ZERO, &mut out);
    }
    (engine, out)
}

fn relay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("media/relay");
    group.throughput(Throughput::Elements(1));
    for (name, b) in [("same codec", LegId(2)), ("transcoded", LegId(1))] {
        let a = LegId(0);
        let (mut engine, mut out) = engine(4);
        engine.command(Command::Join { a, b }, Time::ZERO, &mut out);
        let mut number = 0u64;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                number += 1;
                let packet = RtpPacketBuilder::new()
                    .payload_type(8)
                    .sequence((number as u16).into())
                    .timestamp((number * 160) as u32)
                    .payload(&[0xD5; 160])
                    .build();
                let packet = packet.unwrap_or_default();
                engine.packet(a, remote(a), &packet, Time::from_millis(number * 20), &mut out);
                assert_eq!(out.packets.len(), 1);
                black_box(&out);
                out.clear();
            });
        });
    }
    group.finish();
}

fn pace(criterion: &mut Criterion) {
    let legs = 1_000;
    let (mut engine, mut out) = engine(legs);
    for leg in (0..legs).map(LegId) {
        engine.command(Command::PlayMusic { leg, clip: Some(ClipId(0)) }, Time::from_millis(leg.0 / 50), &mut out);
    }
    let mut now = 0;
    // Until all are on time: who is late catches up with two packets for one.
    while now < 200 {
        now += 1;
        engine.expire(Time::from_millis(now), &mut out);
        out.clear();
    }
    let mut group = criterion.benchmark_group("media/pace");
    group.throughput(Throughput::Elements(legs));
    group.bench_function("20 ms of 1000 legs", |bencher| {
        bencher.iter(|| {
            let mut packets = 0;
            for _ in 0..20 {
                now += 1;
                engine.expire(Time::from_millis(now), &mut out);
                packets += out.packets.len() as u64;
                black_box(&out);
                out.clear();
            }
            assert_eq!(packets, legs);
        });
    });
    group.finish();
}

/// A turn of 20 ms: every talker's packet decoded, what each party hears encoded.
fn mix(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("media/mix");
    for (name, talkers, listeners) in [("three talk", 3, 0), ("two talk, one coaches, one listens", 2, 1)] {
        let mut mixer = Mixer::new();
        let talkers: Vec<_> = (0..talkers).filter_map(|_| mixer.add(Role::Talker).ok()).collect();
        for _ in 0..listeners {
            let _ = mixer.add(Role::WhispersTo(talkers[0]));
            let _ = mixer.add(Role::Listener);
        }
        let packet = [0x35; TURN];
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for talker in &talkers {
                    let samples = packet.map(|byte| g711::decode(Law::A, byte));
                    assert_eq!(mixer.say(*talker, &samples), Ok(()));
                }
                mixer.turn(|_, heard| _ = black_box(heard.map(|sample| g711::encode(Law::A, sample))));
            });
        });
    }
    group.finish();
}

/// 20 ms of sound from one codec into another, as a packet; what a leg of Opus costs beside one of G.711.
fn convert(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("media/convert");
    // A voice's vowel that rises and falls, and some noise.
    let sound: Vec<u8> = (0..8_000_u32)
        .map(|n| {
            let time = f64::from(n) / 8_000.0;
            let wave = |hz: f64| (std::f64::consts::TAU * hz * time).sin() / hz;
            let voice: f64 = (1..20).map(|partial| wave(120.0 * f64::from(partial))).sum();
            let noise = f64::from(n.wrapping_mul(2_654_435_761) >> 22) - 512.0;
            g711::encode(Law::A, (400_000.0 * voice * (6.0 * time).sin() + noise) as i16)
        })
        .collect();
    let pairs = [
        ("A-law to u-law", Codec::Pcma, Codec::Pcmu),
        ("A-law to G.722", Codec::Pcma, Codec::G722),
        ("A-law to Opus", Codec::Pcma, Codec::Opus),
        ("Opus to A-law", Codec::Opus, Codec::Pcma),
        ("Opus to G.722", Codec::Opus, Codec::G722),
    ];
    for (name, from, to) in pairs {
        let (mut said, mut waiting) = (Conversion::new(Codec::Pcma, from), Vec::new());
        let packets = sound.chunks_exact(160).map(|packet| {
            let mut payload = Vec::new();
            said.convert(packet, &mut waiting);
            said.pack(waiting.drain(..), &mut payload);
            payload
        });
        let packets: Vec<Vec<u8>> = packets.collect();
        let (mut conversion, mut number) = (Conversion::new(from, to), 0);
        let (mut bytes, mut payload) = (Vec::new(), Vec::new());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                payload.clear();
                conversion.convert(&packets[number % packets.len()], &mut bytes);
                conversion.pack(bytes.drain(..), &mut payload);
                number += 1;
                black_box(&payload);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, relay, pace, mix, convert);
criterion_main!(benches);
