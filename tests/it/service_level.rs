//! The exact vectors of the service level: as a formula on counts, and as calls driven through the tally as facts.

use centralino::facts::{Fact, OrderRule, Party, Record};
use centralino::ids::{AgentId, CallId, PoolId, QueueId, ServiceId};
use centralino::stats::layout::VisitEnd;
use centralino::stats::ratio::{Ratio, percent_or_undefined};
use centralino::stats::service_level::{Counts, Events, Formula};
use centralino::stats::{PoolShape, QueueShape, ServiceShape, Shape, Tally, laws};
use centralino::time::{Duration, Time};
use serde_json::Value;

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../data/sl_golden.json")).expect("vectors are JSON");
    let vectors = file.as_array().expect("a list").clone();
    assert_eq!(vectors.len(), 29);
    vectors
}

fn number(vector: &Value, key: &str) -> u64 {
    vector[key].as_u64().unwrap_or_else(|| panic!("{key} of {}", vector["name"]))
}

fn counts(vector: &Value) -> Counts {
    Counts {
        answered_in_time: number(vector, "a_le"),
        answered_late: number(vector, "a_gt"),
        abandoned_short: number(vector, "b_le"),
        abandoned_late: number(vector, "b_gt"),
        waiting_in_time: number(vector, "w_le"),
        waiting_late: number(vector, "w_gt"),
        failed: number(vector, "failed"),
        ..Counts::default()
    }
}

fn expected_events(vector: &Value) -> Events {
    Events {
        hit: number(vector, "hit"),
        miss: number(vector, "miss"),
        excused: number(vector, "excused"),
        pending: number(vector, "pending"),
    }
}

fn fraction(ratio: Option<Ratio>) -> Value {
    match ratio.map(Ratio::percent_fraction) {
        None => Value::Null,
        Some((numerator, denominator)) => Value::Array(vec![
            Value::from(i64::try_from(numerator).expect("fits")),
            Value::from(u64::try_from(denominator).expect("fits")),
        ]),
    }
}

#[test]
fn every_field_of_every_vector_is_reproduced() {
    let mut fields = 0;
    for vector in vectors() {
        let counts = counts(&vector);
        let events = counts.events();
        assert_eq!(events, expected_events(&vector), "{}", vector["name"]);
        let printed = |ratio| Value::from(percent_or_undefined(ratio));
        let ours = [
            ("entered", Value::from(counts.entered())),
            ("sl", fraction(events.service_level())),
            ("sl_pct", printed(events.service_level())),
            ("met_gt90", events.met(90).map_or(Value::Null, Value::Bool)),
            ("lower", printed(events.lower_bound())),
            ("upper", printed(events.upper_bound())),
            ("r3_literal_live", printed(Formula::LiteralLive.of(counts))),
            ("r1_as_printed", printed(Formula::AsPrinted.of(counts))),
            ("r2_frequencies", printed(Formula::Frequencies.of(counts))),
            ("f1_positive", printed(Formula::Positive.of(counts))),
            ("f2_answered_only", printed(Formula::AnsweredOnly.of(counts))),
            ("f3_negative", printed(Formula::Negative.of(counts))),
            ("abandon_rate", printed(counts.abandonment_rate())),
        ];
        for (key, value) in &ours {
            assert_eq!(value, &vector[*key], "{key} of {}", vector["name"]);
        }
        // Name, T, the seven given counts and the four events: no field of a vector is left unread.
        fields += ours.len() + 2 + 7 + 4;
        assert_eq!(vector.as_object().map(serde_json::Map::len), Some(ours.len() + 13), "{}", vector["name"]);
    }
    assert_eq!(fields, 29 * 26);
}

const QUEUE: QueueId = QueueId(0);
const SERVICE: ServiceId = ServiceId(0);

fn tally_of(thresholds: &[u64], calls: usize) -> Tally {
    let shape = Shape {
        services: vec![ServiceShape { name: "desk".to_owned(), queues: vec![QUEUE] }],
        queues: vec![QueueShape {
            name: "desk".to_owned(),
            thresholds: thresholds.iter().copied().map(Duration::from_secs).collect(),
            target_percent: 90,
            steps: 1,
            ..QueueShape::default()
        }],
        pools: vec![PoolShape { name: "first_line".to_owned(), agents: 1 }],
        calls,
        ..Shape::default()
    };
    Tally::new(shape, Time::ZERO)
}

fn tally_events(tally: &Tally, threshold: usize) -> Events {
    let layout = tally.layout();
    let slots = layout.queues[0].thresholds[threshold];
    let at = |slot: usize| tally.values()[slot];
    Events { hit: at(slots.hit), miss: at(slots.miss), excused: at(slots.excused), pending: at(slots.pending) }
}

fn broken_laws(tally: &Tally) -> u64 {
    let first = tally.layout().laws;
    tally.values()[first..first + 9].iter().sum()
}

/// Calls that live one after the other, as the engine's facts would tell them.
struct Story {
    tally: Tally,
    thresholds: Vec<u64>,
    next: u64,
    now: Time,
}

impl Story {
    fn tell(&mut self, fact: Fact) {
        self.tally.apply(&Record { at: self.now, fact });
    }

    /// A call enters and waits until `waited`; thresholds that pass meanwhile are told.
    fn enter(&mut self, waited: Duration) -> CallId {
        let call = CallId(self.next);
        self.next += 1;
        self.tell(Fact::CallReceived { call, service: SERVICE, arrived_at: Time::ZERO });
        self.tell(Fact::CallEntered { call, service: SERVICE, queue: QUEUE });
        for (number, threshold) in self.thresholds.clone().into_iter().zip(0u8..).map(|(t, n)| (n, t)) {
            if waited > Duration::from_secs(threshold) {
                self.tell(Fact::ThresholdPassed { call, queue: QUEUE, threshold: number });
            }
        }
        self.now = self.now + waited;
        call
    }

    fn answer(&mut self, waited: Duration) {
        let call = self.enter(waited);
        let (pool, agent) = (PoolId(0), AgentId(0));
        self.tell(Fact::CallAnswered { call, queue: QUEUE, pool, agent, waited });
        let talked = Duration::from_secs(60);
        self.tell(Fact::CallEnded {
            call,
            queue: QUEUE,
            pool,
            agent,
            talked,
            held: Duration::ZERO,
            consulted: Duration::ZERO,
            by: Party::Caller,
        });
    }

    fn abandon(&mut self, waited: Duration) {
        let call = self.enter(waited);
        self.tell(Fact::CallAbandoned { call, queue: QUEUE, waited, lost: false });
    }
}

#[test]
fn the_vectors_come_out_of_the_tally_call_by_call() {
    let mut driven = 0;
    for vector in vectors() {
        let counts = counts(&vector);
        if counts.entered() > 1_000_000 {
            assert_eq!(vector["name"], "G28 huge counts (no overflow / f64 loss)");
            continue;
        }
        let limit = Duration::from_secs(number(&vector, "T"));
        let late = limit + Duration::from_nanos(1);
        let mut story = Story {
            tally: tally_of(&[number(&vector, "T")], 16),
            thresholds: vec![number(&vector, "T")],
            next: 1,
            now: Time::ZERO,
        };
        (0..counts.answered_in_time).for_each(|_| story.answer(limit));
        (0..counts.answered_late).for_each(|_| story.answer(late));
        (0..counts.abandoned_short).for_each(|_| story.abandon(limit));
        (0..counts.abandoned_late).for_each(|_| story.abandon(late));
        for _ in 0..counts.failed {
            let call = story.enter(Duration::from_secs(1));
            story.tell(Fact::CallFailed { call, queue: QUEUE, waited: Duration::from_secs(1) });
        }
        (0..counts.waiting_in_time).for_each(|_| _ = story.enter(limit));
        (0..counts.waiting_late).for_each(|_| _ = story.enter(late));

        assert_eq!(tally_events(&story.tally, 0), expected_events(&vector), "{}", vector["name"]);
        let layout = story.tally.layout();
        let finished = |end: VisitEnd| story.tally.values()[layout.routes[0].finished + end.index()];
        assert_eq!(finished(VisitEnd::Answered), counts.answered());
        assert_eq!(finished(VisitEnd::Abandoned), counts.abandoned());
        assert_eq!(finished(VisitEnd::Failed), counts.failed);
        let waiting = story.tally.values()[layout.queues[0].waiting];
        assert_eq!(waiting, counts.waiting_in_time + counts.waiting_late);
        assert!(laws::all_hold(&layout, story.tally.values()));
        assert_eq!(broken_laws(&story.tally), 0);
        driven += 1;
    }
    assert_eq!(driven, 28, "all but the one whose calls no machine could make");
}

#[test]
fn one_wait_is_judged_under_each_threshold() {
    let thresholds = vec![30, 20, 40];
    let mut story = Story { tally: tally_of(&thresholds, 8), thresholds, next: 1, now: Time::ZERO };
    story.answer(Duration::from_secs(25));
    story.abandon(Duration::from_secs(35));
    let told = |hit, miss, excused| Events { hit, miss, excused, pending: 0 };
    assert_eq!(tally_events(&story.tally, 0), told(1, 1, 0), "30 s");
    assert_eq!(tally_events(&story.tally, 1), told(0, 2, 0), "20 s");
    assert_eq!(tally_events(&story.tally, 2), told(1, 0, 1), "40 s");
}

#[test]
fn an_event_is_never_taken_back_and_never_counted_twice() {
    let mut story = Story { tally: tally_of(&[30], 8), thresholds: vec![30], next: 1, now: Time::ZERO };
    // Late by the timer, then an answer that claims to be in time: the miss stands.
    let call = story.enter(Duration::from_secs(31));
    let waited = Duration::from_secs(30);
    story.tell(Fact::CallAnswered { call, queue: QUEUE, pool: PoolId(0), agent: AgentId(0), waited });
    assert_eq!(tally_events(&story.tally, 0), Events { miss: 1, ..Events::default() });
    assert_eq!(broken_laws(&story.tally), 0);
    // The same end told twice, and a threshold of a call that is gone: counted as defects, nothing else moves.
    story.tell(Fact::CallAnswered { call, queue: QUEUE, pool: PoolId(0), agent: AgentId(0), waited });
    story.tell(Fact::ThresholdPassed { call, queue: QUEUE, threshold: 0 });
    assert_eq!(tally_events(&story.tally, 0), Events { miss: 1, ..Events::default() });
    assert_eq!(broken_laws(&story.tally), 2);
    assert!(laws::all_hold(&story.tally.layout(), story.tally.values()));
}

#[test]
fn facts_outside_the_plan_are_counted_and_survived() {
    let mut tally = tally_of(&[30], 1);
    let (call, queue, pool, agent) = (CallId(1), QueueId(9), PoolId(9), AgentId(9));
    let waited = Duration::from_secs(1);
    let facts = [
        Fact::CallReceived { call, service: ServiceId(7), arrived_at: Time::ZERO },
        Fact::CallEntered { call, service: SERVICE, queue },
        Fact::ThresholdPassed { call, queue, threshold: 200 },
        Fact::CallAnswered { call, queue, pool, agent, waited },
        Fact::CallEnded {
            call,
            queue,
            pool,
            agent,
            talked: waited,
            held: Duration::ZERO,
            consulted: Duration::ZERO,
            by: Party::Agent,
        },
        Fact::OrderBroken { call, rule: OrderRule::Skills },
        Fact::LawBroken { law: 5 },
        Fact::LawBroken { law: 0 },
    ];
    for fact in facts {
        tally.apply(&Record { at: Time::ZERO, fact });
    }
    assert_eq!(broken_laws(&tally), 7);
    assert_eq!(tally.values()[tally.layout().order + OrderRule::Skills.index()], 1);
}

#[test]
fn a_broken_sum_is_noticed_once() {
    let mut tally = tally_of(&[30], 4);
    // Entered without having been received: law 2 does not add up any more.
    for call in [CallId(1), CallId(2)] {
        tally.apply(&Record { at: Time::ZERO, fact: Fact::CallEntered { call, service: SERVICE, queue: QUEUE } });
    }
    let layout = tally.layout();
    assert!(!laws::arrivals_hold(&layout, tally.values(), 0));
    assert_eq!(tally.values()[layout.laws + 1], 1);
    assert_eq!(broken_laws(&tally), 1);
}
