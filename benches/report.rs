//! What records and reports cost away from the engine: a fact taken up into its interaction, an interaction told again
//! and folded, and the report of a year of 12 months with 12,500 calls each. What the file costs: benches/ledger.rs.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use centralino::facts::{AgentState, Fact, OfferOutcome, Party, Record};
use centralino::ids::{AgentId, CallId, OfferId, PoolId, QueueId, ServiceId};
use centralino::report::assemble::Run;
use centralino::report::{
    Assembler, Closing, Counter, Fold, Format, Interaction, Language, Moment, Period, Question, render,
};
use centralino::stats::{PoolShape, QueueShape, ServiceShape, Shape};
use centralino::time::{Duration, Time};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jiff::tz::TimeZone;
use std::hint::black_box;

const MONTHS: u64 = 12;
const THRESHOLDS: [u64; 3] = [30, 20, 40];
const TARGET_PERCENT: u8 = 90;

/// As a test a hundredth does, since nothing is measured then.
fn calls_a_month() -> u64 {
    if std::env::args().any(|argument| argument == "--bench") { 12_500 } else { 125 }
}

fn thresholds() -> Vec<Duration> {
    THRESHOLDS.map(Duration::from_secs).to_vec()
}

fn shape() -> Shape {
    Shape {
        services: vec![ServiceShape { name: "information".to_owned(), queues: vec![QueueId(0)] }],
        queues: vec![QueueShape {
            name: "information".to_owned(),
            thresholds: thresholds(),
            target_percent: TARGET_PERCENT,
            steps: 3,
            ..QueueShape::default()
        }],
        pools: vec![PoolShape { name: "first_line".to_owned(), agents: 40 }],
        calls: 1_000,
        ..Shape::default()
    }
}

fn assembler(now: Moment) -> Assembler {
    Assembler::new(&shape(), Run { origin: "run".into(), config: "config".into(), agents: Vec::new() }, now)
}

/// Call `number` arrives at `at`: one in eight gives up, the others talk for three minutes, two in seven wait beyond
/// the contract's threshold.
fn facts(number: u64, at: Time) -> Vec<Record> {
    let (call, service, queue, pool) = (CallId(number), ServiceId(0), QueueId(0), PoolId(0));
    let (agent, offer) = (AgentId((number % 40) as u32), OfferId(number));
    let waited = Duration::from_secs(number * 5 % 7 * 7);
    let entered = at + Duration::from_secs(8);
    let left = entered + waited;
    let mut records = vec![
        Record { at, fact: Fact::CallReceived { call, service, arrived_at: at } },
        Record { at: entered, fact: Fact::CallEntered { call, service, queue } },
    ];
    for (threshold, length) in (0..).zip(thresholds()).filter(|(_, length)| *length < waited) {
        records.push(Record { at: entered + length, fact: Fact::ThresholdPassed { call, queue, threshold } });
    }
    if number.is_multiple_of(8) {
        records.push(Record { at: left, fact: Fact::CallAbandoned { call, queue, waited, lost: false } });
        return records;
    }
    let (rang, outcome) = (Duration::from_secs(4).min(waited), OfferOutcome::Accepted);
    let (talked, worked, by) = (Duration::from_secs(180), Duration::from_secs(5), Party::Caller);
    let moved = |from, to, lasted| Fact::AgentStateChanged { agent, pool, from, to, lasted };
    let (over, done) = (left + talked, left + talked + worked);
    records.extend([
        Record { at: left - rang, fact: Fact::OfferMade { offer, call, queue, step: 0, pool, agent, since: entered } },
        Record { at: left, fact: Fact::OfferEnded { offer, call, queue, step: 0, pool, agent, outcome, rang } },
        Record { at: left, fact: Fact::CallAnswered { call, queue, pool, agent, waited } },
        Record {
            at: over,
            fact: Fact::CallEnded {
                call,
                queue,
                pool,
                agent,
                talked,
                held: Duration::ZERO,
                consulted: Duration::ZERO,
                by,
            },
        },
        Record { at: over, fact: moved(AgentState::Talking, AgentState::WrapUp, talked) },
        Record { at: done, fact: moved(AgentState::WrapUp, AgentState::Ready, worked) },
    ]);
    records
}

/// A year of calls, as evenly spread over each month as can be.
fn year(period: &Period) -> Vec<Interaction> {
    let begin = period.utc().start;
    let mut assembler = assembler(Moment { at: Time::ZERO, utc: begin });
    let a_month = calls_a_month();
    let mut calls = Vec::with_capacity((MONTHS * a_month) as usize);
    for month in 1..=MONTHS {
        let month = Period::month(&format!("2026-{month:02}"), period.zone()).expect("a month").utc();
        let apart = (month.end - month.start).unsigned_abs() / a_month;
        for _ in 0..a_month {
            let number = calls.len() as u64;
            let at = (month.start - begin).unsigned_abs() + number % a_month * apart;
            facts(number, Time::from_nanos(at)).iter().for_each(|record| assembler.apply(record, &mut calls));
        }
    }
    calls
}

fn record(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("report/record");
    // Batches of what happens in a quarter of an hour on a busy day, one call after the other.
    let records: Vec<Record> = (0..200).flat_map(|call| facts(call, Time::from_millis(call * 300_000))).collect();
    group.throughput(Throughput::Elements(records.len() as u64));
    group.bench_function("fact to interaction", |bencher| {
        let fresh = || (assembler(Moment::default()), Vec::with_capacity(200));
        let take_up = |(mut assembler, mut calls): (Assembler, Vec<Interaction>)| {
            records.iter().for_each(|record| assembler.apply(record, &mut calls));
            assert_eq!((calls.len(), assembler.unfollowed()), (200, 0));
            calls
        };
        bencher.iter_batched(fresh, take_up, BatchSize::LargeInput);
    });
    let (mut assembler, mut calls) = (assembler(Moment::default()), Vec::new());
    records.iter().for_each(|record| assembler.apply(record, &mut calls));
    group.throughput(Throughput::Elements(calls.len() as u64));
    group.bench_function("interaction told again and folded", |bencher| {
        let fresh = || Fold::new(1, &thresholds(), TARGET_PERCENT);
        let fold = |mut fold: Fold| {
            calls.iter().for_each(|call| fold.add_as_told(0, call));
            assert_eq!(fold.figures(0).entered, 200);
            fold
        };
        bencher.iter_batched(fresh, fold, BatchSize::LargeInput);
    });
    group.finish();
}

fn report(criterion: &mut Criterion) {
    let rome = TimeZone::get("Europe/Rome").expect("a zone that is compiled in");
    let period = Period::stretch("2026-01-01", "2026-12-31", &rome).expect("a year");
    let calls = year(&period);
    let closing = Closing { made_utc: period.utc().end, lost: 0, purged_before: None };
    let question = Question {
        period,
        service: None,
        every: None,
        thresholds: Vec::new(),
        formulas: false,
        profiles: Vec::new(),
        advanced_percent: 95,
    };
    let count = || {
        let mut counter = Counter::new(question.clone()).expect("a question that can be answered");
        calls.iter().for_each(|call| counter.add(call));
        let report = counter.finish(closing);
        assert_eq!(report.total.figures.entered, MONTHS * calls_a_month());
        report
    };
    let mut group = criterion.benchmark_group("report/a year of 12,500 calls a month");
    group.sample_size(10).throughput(Throughput::Elements(calls.len() as u64));
    group.bench_function("counted", |bencher| bencher.iter(|| black_box(count())));
    let report = count();
    group.throughput(Throughput::Elements(1));
    group.bench_function("page written", |bencher| {
        bencher.iter(|| black_box(render(black_box(&report), Language::Italian, Format::Html)).len());
    });
    group.finish();
}

criterion_group!(benches, record, report);
criterion_main!(benches);
