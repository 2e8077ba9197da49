//! What the statistics cost: the engine thread's side (a fact counted, a call published) and the reader's (copy, page).
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use centralino::facts::{Fact, Record};
use centralino::ids::{AgentId, CallId, PoolId, QueueId, ServiceId};
use centralino::stats::prometheus::{Exposition, Info};
use centralino::stats::{PoolShape, QueueShape, ServiceShape, Shape, Tally, snapshot};
use centralino::time::{Duration, Time};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

/// A centre of some size: 20 services, 20 queues with three thresholds, 10 pools; 500 calls wait.
fn tally() -> Tally {
    let queue = |number: u32| QueueShape {
        name: format!("queue{number}"),
        thresholds: [30, 20, 40].map(Duration::from_secs).to_vec(),
        target_percent: 90,
        steps: 3,
    };
    let service = |number: u32| ServiceShape { name: format!("service{number}"), queues: vec![QueueId(number)] };
    let pool = |number: u32| PoolShape { name: format!("pool{number}"), agents: 40 };
    let shape = Shape {
        services: (0..20).map(service).collect(),
        queues: (0..20).map(queue).collect(),
        pools: (0..10).map(pool).collect(),
        calls: 1_000,
    };
    let mut tally = Tally::new(shape, Time::ZERO);
    for call in 1..=500 {
        arrive(&mut tally, call);
    }
    tally
}

fn place(call: u64) -> (CallId, ServiceId, QueueId) {
    let number = (call % 20) as u32;
    (CallId(call), ServiceId(number), QueueId(number))
}

fn arrive(tally: &mut Tally, number: u64) {
    let (call, service, queue) = place(number);
    let at = Time::from_millis(number);
    tally.apply(&Record { at, fact: Fact::CallReceived { call, service, arrived_at: at } });
    tally.apply(&Record { at, fact: Fact::CallEntered { call, service, queue } });
}

fn answer(tally: &mut Tally, number: u64) {
    let (call, _, queue) = place(number);
    let (pool, agent, waited) = (PoolId(0), AgentId(0), Duration::from_secs(number % 40));
    let at = Time::from_millis(number) + waited;
    tally.apply(&Record { at, fact: Fact::CallAnswered { call, queue, pool, agent, waited } });
}

/// One call's three facts: a caller arrives while the one 500 before is answered.
fn engine_side(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tally");
    group.throughput(Throughput::Elements(3));
    let mut counted = tally();
    let mut number = 500;
    group.bench_function("three facts", |bencher| {
        bencher.iter(|| {
            number += 1;
            arrive(&mut counted, number);
            answer(&mut counted, number - 500);
        });
    });
    let mut published = tally();
    let (mut publisher, _reader) = snapshot::channel(published.layout().len());
    published.publish(Time::ZERO, &mut publisher);
    let mut number = 500;
    group.bench_function("three facts, published", |bencher| {
        bencher.iter(|| {
            number += 1;
            arrive(&mut published, number);
            answer(&mut published, number - 500);
            published.publish(Time::from_millis(number), &mut publisher);
        });
    });
    group.finish();
}

fn reader_side(criterion: &mut Criterion) {
    let mut tally = tally();
    let (mut publisher, reader) = snapshot::channel(tally.layout().len());
    tally.publish(Time::ZERO, &mut publisher);
    let mut copy = Vec::new();
    reader.read(&mut copy);
    let mut group = criterion.benchmark_group("reader");
    group.throughput(Throughput::Elements(reader.len() as u64));
    group.bench_function("copy", |bencher| bencher.iter(|| reader.read(black_box(&mut copy))));
    let exposition = Exposition::new(tally.layout(), Info::default());
    let mut text = String::new();
    group.bench_function("page", |bencher| {
        bencher.iter(|| {
            text.clear();
            exposition.render(black_box(&copy), Time::ZERO, Vec::new(), &mut text);
        });
    });
    group.finish();
}

criterion_group!(benches, engine_side, reader_side);
criterion_main!(benches);
