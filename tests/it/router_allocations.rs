//! The routing engine allocates nothing once it is warm: a counting allocator looks on.

use centralino::acd::plan::{Agent, Limits, Pool, Queue, Service, Step, Strategy};
use centralino::acd::{Acd, Command, Event, Outbox, Plan};
use centralino::facts::OfferOutcome;
use centralino::ids::{CallId, OfferId, PoolId, QueueId, ServiceId, SkillId};
use centralino::time::{Duration, Time};
use std::collections::VecDeque;

fn plan(strategy: Strategy) -> Plan {
    let step = |after, level| Step {
        after: Duration::from_secs(after),
        pools: vec![PoolId(0)],
        requires: vec![(SkillId(0), level)],
        ..Step::default()
    };
    let queue = |number: u32| Queue {
        name: format!("queue_{number}"),
        strategy,
        weight: number as u8,
        steps: vec![step(0, 50), step(20, 20)],
        wrap_up: Duration::ZERO,
        max_wait: Duration::from_secs(86_400),
        max_length: 10_000,
        ..Queue::default()
    };
    let service = |number: u32| Service {
        name: format!("service_{number}"),
        number: format!("{number}"),
        queue: QueueId(number),
        ..Service::default()
    };
    let agent = |number: u32| Agent {
        number: format!("{number}"),
        skills: vec![(SkillId(0), 50 + (number % 8) as u8)],
        fixed_contact: true,
        ..Agent::default()
    };
    Plan {
        services: (0..3).map(service).collect(),
        queues: (0..3).map(queue).collect(),
        pools: vec![Pool { name: "pool".to_owned(), ..Pool::default() }],
        agents: (0..40).map(agent).collect(),
        skills: vec!["skill".to_owned()],
        limits: Limits { channels: 10_000, ..Limits::default() },
        ..Plan::default()
    }
}

/// Callers come, agents answer or miss them and are freed, some callers give up; nobody stands still.
struct Desk {
    acd: Acd,
    out: Outbox,
    now: Time,
    calls: u64,
    ringing: VecDeque<(OfferId, CallId)>,
    missed: u64,
    talking: VecDeque<CallId>,
    waiting: VecDeque<CallId>,
}

impl Desk {
    fn new(strategy: Strategy) -> Desk {
        let room = || VecDeque::with_capacity(1_000);
        let (acd, out) = (Acd::new(plan(strategy), 1), Outbox::default());
        let (talking, waiting) = (room(), room());
        let ringing = VecDeque::with_capacity(1_000);
        Desk { acd, out, now: Time::ZERO, calls: 0, ringing, missed: 0, talking, waiting }
    }

    fn handle(&mut self, event: impl FnOnce(Time) -> Event) {
        self.acd.handle(event(self.now), self.now, &mut self.out);
        self.look();
        while let Some((offer, call)) = self.ringing.pop_front() {
            let is_missed = offer.0.is_multiple_of(5);
            let (received_at, outcome) = (self.now, [OfferOutcome::Busy, OfferOutcome::Rejected][offer.0 as usize % 2]);
            for event in [
                Event::OfferRinging { offer, received_at },
                if is_missed {
                    Event::OfferFailed { offer, outcome, received_at }
                } else {
                    Event::OfferAnswered { offer, received_at }
                },
                Event::OfferJoined { offer, received_at },
            ] {
                self.acd.handle(event, self.now, &mut self.out);
                self.look();
            }
            if is_missed {
                self.missed += 1;
            } else {
                self.waiting.retain(|waiting| *waiting != call);
                self.talking.push_back(call);
            }
        }
    }

    /// Takes note of the phones that ring.
    fn look(&mut self) {
        for command in self.out.commands.drain(..) {
            if let Command::RingAgent { offer, call, .. } = command {
                self.ringing.push_back((offer, call));
            }
        }
        self.out.facts.clear();
    }

    fn turn(&mut self) {
        self.now = self.now + Duration::from_millis(37);
        self.acd.expire(self.now, &mut self.out);
        self.calls += 1;
        let (call, service) = (CallId(self.calls), ServiceId((self.calls % 3) as u32));
        self.waiting.push_back(call);
        self.handle(|received_at| Event::CallArrived { call, service, received_at });
        self.handle(|received_at| Event::CallEstablished { call, received_at });
        // Of ten callers, nine take the place of one who has been served and one that of one who gives up.
        let gone = match self.calls.is_multiple_of(10) {
            true if self.waiting.len() > 150 => self.waiting.remove(75),
            false if self.talking.len() >= 30 => self.talking.pop_front(),
            _ => None,
        };
        if let Some(call) = gone {
            self.handle(|received_at| Event::CallerGone { call, lost: false, received_at });
        }
    }
}

#[test]
fn a_warm_router_allocates_nothing() {
    for strategy in [Strategy::LongestIdle, Strategy::RoundRobin, Strategy::FewestCalls, Strategy::Random] {
        let mut desk = Desk::new(strategy);
        (0..4_000).for_each(|_| desk.turn());
        let missed = desk.missed;
        let measured = allocation_counter::measure(|| (0..2_000).for_each(|_| desk.turn()));
        assert!(desk.acd.sizes().waiting > 100 && desk.talking.len() >= 30, "{:?}", desk.acd.sizes());
        assert!(desk.missed > missed + 200, "{strategy:?}: only {} offers were missed", desk.missed - missed);
        assert_eq!(measured.count_total, 0, "{strategy:?}");
    }
}
