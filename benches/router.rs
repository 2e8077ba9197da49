//! What one step of the routing engine costs: one decision with 10 to 10,000 agents and up to 10,000 waiting callers,
//! and whole lives of calls with 400 agents.
//!
//! With the same 64 kinds of agents a decision looks at the same few entries whatever the size of the tables; what is left
//! of growth is that those entries lie in slower caches. Finding calls by id, once a queue that the agent serves, was most
//! of it while it halved a table of 20,000.
#![allow(missing_docs, clippy::disallowed_methods, reason = "criterion's macros; a bench reads clocks")]

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
        Engine::of(plan(strategy))
    }

    fn of(plan: Plan) -> Engine {
        Engine { acd: Acd::new(plan, 1), out: Outbox::default(), now: Time::ZERO, calls: 0 }
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

    /// A call to one service after the other.
    fn enter_any(&mut self) -> CallId {
        self.arrive();
        let call = CallId(self.calls);
        self.handle(|received_at| Event::CallEstablished { call, received_at });
        call
    }

    fn arrive(&mut self) {
        self.calls += 1;
        let (call, service) = (CallId(self.calls), ServiceId((self.calls % 8) as u32));
        self.handle(|received_at| Event::CallArrived { call, service, received_at });
    }

    /// How long one decision takes: an agent is freed and gets the most senior call, or a caller enters and gets an
    /// agent. What follows to keep the numbers as they are is not counted.
    fn decide(&mut self, talking: &mut std::collections::VecDeque<CallId>, by_agent: bool) -> std::time::Duration {
        self.arrive();
        let entered = CallId(self.calls);
        let over = talking.pop_front().expect("somebody talks");
        let received_at = self.now;
        let freed = Event::CallerGone { call: over, lost: false, received_at };
        let established = Event::CallEstablished { call: entered, received_at };
        let (decides, prepares) = if by_agent { (freed, established) } else { (established, freed) };
        self.acd.handle(prepares, self.now, &mut self.out);
        self.out.commands.clear();
        let begun = std::time::Instant::now();
        self.acd.handle(decides, self.now, &mut self.out);
        let spent = begun.elapsed();
        talking.push_back(self.answer());
        spent
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

/// Eight queues that all agents share, two steps each; nobody may have more than so many agents like them.
fn shared(agents: usize, profiles: usize) -> Plan {
    let step = |after, queue: u32, level| Step {
        after: Duration::from_secs(after),
        pools: vec![PoolId(0)],
        requires: vec![(SkillId(queue), level)],
        ..Step::default()
    };
    let queue = |number: u32| Queue {
        name: format!("queue_{number}"),
        steps: vec![step(0, number, 50), step(20, number, 20)],
        wrap_up: Duration::ZERO,
        max_wait: Duration::from_secs(86_400),
        max_length: 100_000,
        ..Queue::default()
    };
    // Levels 50 to 59 in eight skills: as many different combinations as asked for, everybody eligible everywhere.
    let agent = |number: usize| {
        let like = number % profiles;
        let level = |skill: u32| 50 + (like / 10usize.pow(skill % 4) % 10) as u8;
        Agent {
            number: format!("a{number:05}"),
            skills: (0..8).map(|skill| (SkillId(skill), level(skill))).collect(),
            fixed_contact: true,
            ..Agent::default()
        }
    };
    Plan {
        services: (0..8)
            .map(|number| Service {
                name: format!("service_{number}"),
                number: format!("{number}"),
                queue: QueueId(number),
                ..Service::default()
            })
            .collect(),
        queues: (0..8).map(queue).collect(),
        pools: vec![Pool { name: "pool".to_owned(), ..Pool::default() }],
        agents: (0..agents).map(agent).collect(),
        skills: (0..8).map(|number| format!("skill_{number}")).collect(),
        limits: Limits { channels: 100_000, ..Limits::default() },
        ..Plan::default()
    }
}

/// All agents talk but one in a hundred; `waiting` callers wait, or with none every call finds somebody at once.
fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a decision");
    group.sample_size(20);
    for (agents, waiting, profiles) in
        [(10, 0, 64), (100, 0, 64), (1_000, 0, 64), (10_000, 0, 64), (10, 100, 64), (10, 10_000, 64), (100, 100, 64)]
            .into_iter()
            .chain([(1_000, 100, 64), (1_000, 10_000, 64), (10_000, 100, 64), (10_000, 10_000, 64)])
            .chain([(10_000, 0, 10_000), (10_000, 10_000, 10_000)])
    {
        let name = format!("{agents} agents, {waiting} waiting, {profiles} profiles at most");
        // Run as a test, it is small.
        let most = if std::env::args().any(|argument| argument == "--bench") { usize::MAX } else { 50 };
        let (agents, waiting) = (agents.min(most), waiting.min(most));
        let mut engine = Engine::of(shared(agents, profiles));
        let mut talking = std::collections::VecDeque::new();
        let busy = if waiting > 0 { agents } else { agents - agents.div_ceil(100) };
        for _ in 0..busy {
            engine.turn();
            engine.enter_any();
            talking.push_back(engine.answer());
        }
        for _ in 0..waiting {
            engine.turn();
            engine.enter_any();
        }
        group.bench_function(name, |bencher| {
            // The median of many: a mean would show who else uses the machine.
            let mut spent = Vec::new();
            bencher.iter_custom(|rounds| {
                spent.clear();
                spent.extend((0..rounds.max(101)).map(|_| {
                    engine.turn();
                    engine.decide(&mut talking, waiting > 0)
                }));
                spent.sort_unstable();
                spent[spent.len() / 2] * u32::try_from(rounds).unwrap_or(u32::MAX)
            });
        });
        assert_eq!(engine.acd.sizes().waiting, waiting);
    }
}

criterion_group!(router, decisions, lives, waiting);
criterion_main!(router);
