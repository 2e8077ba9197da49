//! What one step of the routing engine costs: whole lives of calls with 400 agents, nobody or many thousands waiting.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use centralino::acd::plan::{Agent, Limits, Pool, Queue, Service, Step, Strategy};
use centralino::acd::{Acd, Command, Event, Outbox, Plan};
use centralino::ids::{CallId, OfferId, PoolId, QueueId, ServiceId, SkillId};
use centralino::time::{Duration, Time};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const AGENTS: usize = 400;

fn plan(strategy: Strategy) -> Plan {
    let step = |after, level| Step {
        after: Duration::from_secs(after),
        pools: vec![PoolId(0)],
        requires: vec![(SkillId(0), level)],
        ..Step::default()
    };
    let queue = Queue {
        name: "queue".to_owned(),
        strategy,
        steps: vec![step(0, 50), step(20, 20), step(60, 10)],
        ring: Duration::from_secs(15),
        wrap_up: Duration::ZERO,
        max_wait: Duration::from_secs(86_400),
        max_length: 100_000,
        thresholds: vec![Duration::from_secs(30)],
        ..Queue::default()
    };
    let agent = |number| Agent {
        number: format!("a{number:03}"),
        pool: PoolId(0),
        // Levels from 60 on: several profiles, everybody eligible.
        skills: vec![(SkillId(0), 60 + (number % 8) as u8)],
        fixed_contact: true,
        ..Agent::default()
    };
    Plan {
        services: vec![Service {
            name: "service".to_owned(),
            number: "7000".to_owned(),
            queue: QueueId(0),
            ..Service::default()
        }],
        queues: vec![queue],
        pools: vec![Pool { name: "pool".to_owned(), ..Pool::default() }],
        agents: (0..AGENTS).map(agent).collect(),
        skills: vec!["skill".to_owned()],
        clips: vec![],
        limits: Limits { channels: 100_000, ..Limits::default() },
        ..Plan::default()
    }
}

struct Engine {
    acd: Acd,
    out: Outbox,
    now: Time,
    calls: u64,
}

impl Engine {
    fn new(strategy: Strategy) -> Engine {
        Engine { acd: Acd::new(plan(strategy), 1), out: Outbox::default(), now: Time::ZERO, calls: 0 }
    }

    fn handle(&mut self, event: impl FnOnce(Time) -> Event) {
        self.acd.handle(event(self.now), self.now, &mut self.out);
    }

    fn enter(&mut self) -> CallId {
        self.calls += 1;
        let call = CallId(self.calls);
        self.handle(|received_at| Event::CallArrived { call, service: ServiceId(0), received_at });
        self.handle(|received_at| Event::CallEstablished { call, received_at });
        call
    }

    /// The call of the latest offer, which is answered.
    fn answer(&mut self) -> CallId {
        let rung = |command: &Command| match *command {
            Command::RingAgent { offer, call, .. } => Some((offer, call)),
            _ => None,
        };
        let (offer, call): (OfferId, CallId) = self.out.commands.iter().rev().find_map(rung).expect("an offer");
        self.handle(|received_at| Event::OfferRinging { offer, received_at });
        self.handle(|received_at| Event::OfferAnswered { offer, received_at });
        self.handle(|received_at| Event::OfferJoined { offer, received_at });
        call
    }

    fn leave(&mut self, call: CallId) {
        self.handle(|received_at| Event::CallerGone { call, lost: false, received_at });
    }

    /// The next turn: a millisecond later, what was said is carried out.
    fn turn(&mut self) {
        self.now = self.now + Duration::from_millis(1);
        self.out.commands.clear();
        self.out.facts.clear();
        if self.acd.next_deadline().is_some_and(|(due, _)| due <= self.now) {
            self.acd.expire(self.now, &mut self.out);
        }
    }
}

fn lives(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a call's life, 400 agents");
    for (name, strategy) in
        [("longest idle", Strategy::LongestIdle), ("linear", Strategy::Linear), ("random", Strategy::Random)]
    {
        let mut engine = Engine::new(strategy);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                engine.turn();
                engine.enter();
                let call = engine.answer();
                engine.leave(call);
                black_box(&engine.out);
            });
        });
        assert_eq!((engine.acd.sizes().calls, engine.acd.sizes().ready), (0, AGENTS));
    }
}

fn waiting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a caller comes, the first is answered, one hangs up");
    for waiting in [1_000, 10_000] {
        let mut engine = Engine::new(Strategy::LongestIdle);
        let mut talking = std::collections::VecDeque::new();
        for _ in 0..AGENTS {
            engine.turn();
            engine.enter();
            talking.push_back(engine.answer());
        }
        for _ in 0..waiting {
            engine.turn();
            engine.enter();
        }
        group.bench_function(format!("{waiting} waiting"), |bencher| {
            bencher.iter(|| {
                engine.turn();
                engine.enter();
                let over = talking.pop_front().expect("somebody talks");
                engine.leave(over);
                talking.push_back(engine.answer());
                black_box(&engine.out);
            });
        });
        assert_eq!(engine.acd.sizes().waiting, waiting);
    }
}

criterion_group!(router, lives, waiting);
criterion_main!(router);
