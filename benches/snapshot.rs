//! What the statistics cost: the engine thread's side (a fact counted, a call published) and the reader's (copy, page).
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::disallowed_methods, reason = "a bench looks at the clock")]

use centralino::acd::{Acd, Command, Event, Outbox};
use centralino::config::{self, SecretFile, Sources};
use centralino::facts::{Fact, Record};
use centralino::ids::{AgentId, CallId, PoolId, QueueId, ServiceId};
use centralino::stats::prometheus::{Exposition, Info};
use centralino::stats::snapshot::Reader;
use centralino::stats::{PoolShape, QueueShape, ServiceShape, Shape, Tally, snapshot};
use centralino::time::{Duration, Time};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// A centre of some size: 20 services, 20 queues with three thresholds, 10 pools; 500 calls wait.
fn tally() -> Tally {
    let queue = |number: u32| QueueShape {
        name: format!("queue{number}"),
        thresholds: [30, 20, 40].map(Duration::from_secs).to_vec(),
        target_percent: 90,
        steps: 3,
        ..QueueShape::default()
    };
    let service = |number: u32| ServiceShape { name: format!("service{number}"), queues: vec![QueueId(number)] };
    let pool = |number: u32| PoolShape { name: format!("pool{number}"), agents: 40 };
    let shape = Shape {
        services: (0..20).map(service).collect(),
        queues: (0..20).map(queue).collect(),
        pools: (0..10).map(pool).collect(),
        calls: 1_000,
        ..Shape::default()
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

/// What dispatching and publishing cost at the 99th percentile while nobody scrapes, and while ten threads do nothing
/// else: two figures of one run, and their ratio. No scraper holds anything that the engine thread waits for; what is
/// left is the traffic between the caches of the cores. Steps during which the system gave the core to another thread
/// are few enough to lie beyond that percentile.
fn under_scrapers(criterion: &mut Criterion) {
    const SCRAPERS: usize = 10;
    let mut group = criterion.benchmark_group("under scrapers");
    for (name, measure) in [("three facts, published", publishing as Measure), ("a dispatch, published", dispatching)] {
        let [quiet, scraped] = [0, SCRAPERS].map(|scrapers| {
            let mut all = Vec::new();
            group.bench_function(format!("{name}, {scrapers} scrapers"), |bencher| {
                bencher.iter_custom(|steps| {
                    let took = measure(steps, scrapers);
                    all.extend_from_slice(&took);
                    took.into_iter().sum()
                });
            });
            all.sort_unstable();
            all.get(all.len() * 99 / 100).copied()
        });
        // Nothing was measured if this bench was not asked for.
        if let (Some(quiet), Some(scraped)) = (quiet, scraped) {
            let ratio = scraped.as_secs_f64() / quiet.as_secs_f64();
            println!("{name}: p99 {quiet:?}, with {SCRAPERS} scrapers {scraped:?}, ratio {ratio:.2}");
        }
    }
    group.finish();
}

/// The time of each of so many steps under so many scrapers.
type Measure = fn(u64, usize) -> Vec<Duration>;

/// A caller comes and another is answered, counted and published.
fn publishing(steps: u64, scrapers: usize) -> Vec<Duration> {
    let mut counted = tally();
    let (mut publisher, reader) = snapshot::channel(counted.layout().len());
    counted.publish(Time::ZERO, &mut publisher);
    let exposition = Exposition::new(counted.layout(), Info::default());
    timed(steps, scrapers, &reader, &exposition, |step| {
        let number = 501 + step;
        let began = Instant::now();
        arrive(&mut counted, number);
        answer(&mut counted, number - 500);
        counted.publish(Time::from_millis(number), &mut publisher);
        began.elapsed()
    })
}

/// A caller's welcome ends while agents are ready: the offer is decided on, counted and published.
fn dispatching(steps: u64, scrapers: usize) -> Vec<Duration> {
    let plan = config::check(config::DEFAULT, &NoFiles).expect("the built-in configuration").plan;
    let clip = plan.services[1].welcome.expect("a welcome");
    let mut tally = Tally::new(config::shape(&plan), Time::ZERO);
    let (mut publisher, reader) = snapshot::channel(tally.layout().len());
    let exposition = Exposition::new(tally.layout(), Info::default());
    let (mut acd, mut out) = (Acd::new(plan, 1), Outbox::default());
    acd.expire(Time::ZERO, &mut out);
    for agent in (0..4).map(AgentId) {
        acd.handle(Event::AgentReachable { agent, received_at: Time::ZERO }, Time::ZERO, &mut out);
    }
    timed(steps, scrapers, &reader, &exposition, |step| {
        let (now, call) = (Time::from_millis(1_000 + step), CallId(1 + step));
        let (received_at, service) = (now, ServiceId(1));
        acd.handle(Event::CallArrived { call, service, received_at }, now, &mut out);
        acd.handle(Event::CallEstablished { call, received_at }, now, &mut out);
        count(&mut tally, &mut out);
        let began = Instant::now();
        acd.handle(Event::ClipEnded { call, clip, received_at }, now, &mut out);
        let rung = |command: &Command| matches!(command, Command::RingAgent { .. }).then_some(*command);
        let offer = out.commands.iter().find_map(rung);
        count(&mut tally, &mut out);
        tally.publish(now, &mut publisher);
        let took = began.elapsed();
        let Some(Command::RingAgent { offer, .. }) = offer else { panic!("nobody was rung") };
        acd.handle(Event::OfferRinging { offer, received_at }, now, &mut out);
        acd.handle(Event::OfferAnswered { offer, received_at }, now, &mut out);
        acd.handle(Event::OfferJoined { offer, received_at }, now, &mut out);
        acd.handle(Event::CallerGone { call, lost: false, received_at }, now, &mut out);
        count(&mut tally, &mut out);
        took
    })
}

fn count(tally: &mut Tally, out: &mut Outbox) {
    out.facts.drain(..).for_each(|record| tally.apply(&record));
    out.commands.clear();
}

struct NoFiles;

impl Sources for NoFiles {
    fn find_prompt(&self, _: &str) -> Result<PathBuf, String> {
        Err("there are no files".to_owned())
    }

    fn read_secret(&self, _: &str) -> Result<SecretFile, String> {
        Err("there are no files".to_owned())
    }
}

/// The time of each step while so many threads copy and render without a pause.
fn timed(
    steps: u64,
    scrapers: usize,
    reader: &Reader,
    exposition: &Exposition,
    mut step: impl FnMut(u64) -> Duration,
) -> Vec<Duration> {
    let (pages, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..scrapers {
            scope.spawn(|| {
                let (mut copy, mut text) = (Vec::new(), String::new());
                while !is_over.load(Ordering::Relaxed) {
                    reader.read(&mut copy);
                    text.clear();
                    exposition.render(&copy, Time::ZERO, Vec::new(), &mut text);
                    pages.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while pages.load(Ordering::Relaxed) < scrapers as u64 {
            std::thread::yield_now();
        }
        let took = (0..steps).map(&mut step).collect();
        is_over.store(true, Ordering::Relaxed);
        took
    })
}

criterion_group!(benches, engine_side, reader_side, under_scrapers);
criterion_main!(benches);
