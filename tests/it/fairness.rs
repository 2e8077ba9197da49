//! How evenly offers are spread over agents who can all do the same, with calls that come at random.

use centralino::acd::plan::{Agent, Limits, Pool, Queue, Service, Step, Strategy};
use centralino::acd::{Acd, Command, Event, Outbox, Plan};
use centralino::ids::{CallId, OfferId, PoolId, ServiceId};
use centralino::time::{Duration, Time};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::VecDeque;

const AGENTS: usize = 7;
/// Every talk is so long; with seven agents, a call every second is what they can take.
const TALK: Duration = Duration::from_secs(7);

fn plan(strategy: Strategy) -> Plan {
    let agent = |number: usize| Agent { number: format!("{number}"), fixed_contact: true, ..Agent::default() };
    let queue = Queue {
        strategy,
        steps: vec![Step { pools: vec![PoolId(0)], ..Step::default() }],
        wrap_up: Duration::ZERO,
        max_length: 10_000,
        max_wait: Duration::from_secs(86_400),
        ..Queue::default()
    };
    Plan {
        services: vec![Service { number: "1".to_owned(), ..Service::default() }],
        queues: vec![queue],
        pools: vec![Pool::default()],
        agents: (0..AGENTS).map(agent).collect(),
        limits: Limits { channels: 10_000, ..Limits::default() },
        ..Plan::default()
    }
}

/// The largest difference of any two agents' offers at any moment of a run of 2,000 calls that come every so many
/// milliseconds on average.
fn spread(strategy: Strategy, gap_ms: u64) -> u64 {
    let (mut acd, mut out) = (Acd::new(plan(strategy), 1), Outbox::default());
    let mut dice = ChaCha8Rng::seed_from_u64(gap_ms);
    let mut arrival = Time::from_millis(1);
    let mut talks: VecDeque<(Time, OfferId)> = VecDeque::new();
    let (mut calls, mut offers, mut widest) = (0, [0u64; AGENTS], 0);
    while calls < 2_000 {
        let now = talks.front().map_or(arrival, |&(end, _)| end.min(arrival));
        if now == arrival {
            calls += 1;
            let call = CallId(calls);
            acd.handle(Event::CallArrived { call, service: ServiceId(0), received_at: now }, now, &mut out);
            acd.handle(Event::CallEstablished { call, received_at: now }, now, &mut out);
            arrival = now + Duration::from_millis(1 + dice.next_u64() % (2 * gap_ms));
        } else if let Some((_, offer)) = talks.pop_front() {
            acd.handle(Event::AgentGone { offer, received_at: now }, now, &mut out);
        }
        while let Some(Command::RingAgent { offer, agent, .. }) = take_ringing(&mut out) {
            offers[agent.index()] += 1;
            widest = widest.max(offers.iter().max().unwrap() - offers.iter().min().unwrap());
            acd.handle(Event::OfferAnswered { offer, received_at: now }, now, &mut out);
            acd.handle(Event::OfferJoined { offer, received_at: now }, now, &mut out);
            talks.push_back((now + TALK, offer));
        }
    }
    widest
}

fn take_ringing(out: &mut Outbox) -> Option<Command> {
    let rings = |command: &Command| matches!(command, Command::RingAgent { .. });
    let place = out.commands.iter().position(rings)?;
    Some(out.commands.remove(place))
}

#[test]
fn nobody_is_ever_more_than_one_offer_ahead() {
    for strategy in [Strategy::RoundRobin, Strategy::LongestIdle] {
        // From a quiet desk to one where callers queue.
        for gap_ms in [10_000, 3_000, 1_200, 1_000, 900] {
            assert_eq!(spread(strategy, gap_ms), 1, "{strategy:?}, a call every {gap_ms} ms");
        }
    }
}

#[test]
fn other_strategies_do_not_spread_evenly() {
    assert!(spread(Strategy::Linear, 3_000) > 100);
    assert!(spread(Strategy::Random, 3_000) > 5);
}
