//! What media costs without its sockets: a packet relayed, and a thousand callers with music kept in step.
#![allow(missing_docs, reason = "the harness makes public items")]

use centralino::ids::{ClipId, LegId};
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

criterion_group!(benches, relay, pace, mix);
criterion_main!(benches);
