//! Counting through reloads: what has counted keeps its numbers, what is new begins at 0, and the laws hold.

use crate::simulation::shape;
use centralino::acd::Plan;
use centralino::acd::plan::{Agent, Pool, Queue, Service};
use centralino::acd::succession::succeed;
use centralino::facts::{AgentState, Fact, Record};
use centralino::ids::{AgentId, CallId, PoolId, QueueId, ServiceId};
use centralino::stats::layout::VisitEnd;
use centralino::stats::{Layout, Tally, laws, snapshot};
use centralino::time::{Duration, Time};
use std::sync::Arc;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(second: u64) -> Time {
    Time::from_millis(second * 1_000)
}

fn queue(name: &str, thresholds: &[u64]) -> Queue {
    let thresholds = thresholds.iter().map(|length| seconds(*length)).collect();
    Queue { name: name.to_owned(), thresholds, ..Queue::default() }
}

fn plan(queues: Vec<Queue>, pools: &[&str]) -> Plan {
    let service = |(queue, id): (&Queue, u32)| Service {
        name: queue.name.clone(),
        number: queue.name.clone(),
        queue: QueueId(id),
        ..Service::default()
    };
    Plan {
        services: queues.iter().zip(0..).map(service).collect(),
        pools: pools.iter().map(|name| Pool { name: (*name).to_owned(), ..Pool::default() }).collect(),
        agents: vec![Agent { number: "101".to_owned(), ..Agent::default() }],
        queues,
        ..Plan::default()
    }
}

/// The tally goes on with the plan after the running one.
fn reload(tally: &mut Tally, running: &Plan, new: Plan) -> Plan {
    let plan = succeed(running, new, &[]).unwrap().plan;
    let old = tally.layout();
    let layout = Layout::new(old.shape.grown(shape(&plan)));
    let origins = layout.origins(&old);
    tally.relay(Arc::new(layout), &origins);
    plan
}

fn enters(tally: &mut Tally, call: u64, queue: u32, second: u64) {
    let (call, service) = (CallId(call), ServiceId(queue));
    let received = Fact::CallReceived { call, service, arrived_at: at(second) };
    tally.apply(&Record { at: at(second), fact: received });
    tally.apply(&Record { at: at(second), fact: Fact::CallEntered { call, service, queue: QueueId(queue) } });
}

fn answered(tally: &mut Tally, call: u64, queue: u32, waited: u64) {
    let (call, queue, pool, agent) = (CallId(call), QueueId(queue), PoolId(0), AgentId(0));
    let fact = Fact::CallAnswered { call, queue, pool, agent, waited: seconds(waited) };
    tally.apply(&Record { at: at(100), fact });
}

/// Hit, miss, excused, pending and uncounted of every threshold of a queue.
fn events(tally: &Tally, queue: usize) -> Vec<[u64; 5]> {
    let layout = tally.layout();
    let events = layout.queues[queue].thresholds.iter();
    let slots = events.map(|t| [t.hit, t.miss, t.excused, t.pending, t.uncounted]);
    slots.map(|slots| slots.map(|slot| tally.values()[slot])).collect()
}

#[test]
fn a_changed_list_of_thresholds_judges_only_those_who_enter_under_it() {
    let first = plan(vec![queue("a", &[30, 20])], &["first_line"]);
    let mut tally = Tally::new(shape(&first), Time::ZERO);
    enters(&mut tally, 1, 0, 1);
    enters(&mut tally, 2, 0, 2);
    answered(&mut tally, 1, 0, 25);
    assert_eq!(events(&tally, 0), [[1, 0, 0, 1, 0], [0, 1, 0, 1, 0]]);

    let second = reload(&mut tally, &first, plan(vec![queue("a", &[40, 20])], &["first_line"]));
    assert_eq!(second.queues[0].thresholds, [30, 20, 40].map(seconds));
    assert_eq!(events(&tally, 0), [[1, 0, 0, 1, 0], [0, 1, 0, 1, 0], [0, 0, 0, 0, 2]], "nothing moves");
    enters(&mut tally, 3, 0, 3);
    assert_eq!(events(&tally, 0), [[1, 0, 0, 1, 1], [0, 1, 0, 2, 0], [0, 0, 0, 1, 2]]);
    answered(&mut tally, 2, 0, 35);
    answered(&mut tally, 3, 0, 35);
    assert_eq!(events(&tally, 0), [[1, 1, 0, 0, 1], [0, 3, 0, 0, 0], [1, 0, 0, 0, 2]]);
    let contract = second.queues[0].judged_by().map(|place| second.queues[0].thresholds[usize::from(place)]);
    assert_eq!(contract.collect::<Vec<_>>(), [40, 20].map(seconds));

    let third = reload(&mut tally, &second, plan(vec![queue("a", &[30])], &["first_line"]));
    enters(&mut tally, 4, 0, 4);
    answered(&mut tally, 4, 0, 5);
    assert_eq!(events(&tally, 0), [[2, 1, 0, 0, 1], [0, 3, 0, 0, 1], [1, 0, 0, 0, 3]], "30 s counts again");
    assert_eq!(third.queues[0].judged_by().collect::<Vec<_>>(), [0]);
    assert!(laws::all_hold(&tally.layout(), tally.values()));
}

#[test]
fn a_new_threshold_is_a_new_edge_and_no_cumulative_count_falls() {
    let first = plan(vec![queue("a", &[30])], &["first_line"]);
    let mut tally = Tally::new(shape(&first), Time::ZERO);
    for (call, waited) in [(1, 31), (2, 39), (3, 44), (4, 12)] {
        enters(&mut tally, call, 0, 1);
        answered(&mut tally, call, 0, waited);
    }
    let up_to = |tally: &Tally, second: u64| {
        let waits = tally.layout().queues[0].waits[VisitEnd::Answered.index()].clone();
        let below = waits.edges().iter().take_while(|edge| **edge <= second * 1_000_000_000).count();
        waits.counts(tally.values())[..below].iter().sum::<u64>()
    };
    assert_eq!([15, 30, 45].map(|edge| up_to(&tally, edge)), [1, 1, 4]);
    reload(&mut tally, &first, plan(vec![queue("a", &[30, 37])], &["first_line"]));
    assert_eq!([15, 30, 37, 45].map(|edge| up_to(&tally, edge)), [1, 1, 1, 4]);
    enters(&mut tally, 5, 0, 9);
    answered(&mut tally, 5, 0, 36);
    assert_eq!([15, 30, 37, 45].map(|edge| up_to(&tally, edge)), [1, 1, 2, 5]);
}

#[test]
fn removed_and_new_names_stand_side_by_side_and_a_reader_of_the_new_numbers_sees_all_of_it() {
    let first = plan(vec![queue("a", &[30]), queue("b", &[30])], &["first_line"]);
    let mut tally = Tally::new(shape(&first), Time::ZERO);
    enters(&mut tally, 1, 1, 1);
    enters(&mut tally, 2, 1, 2);
    answered(&mut tally, 1, 1, 3);
    let wanted = plan(vec![queue("c", &[20]), queue("a", &[30])], &["back_office", "first_line"]);
    let second = reload(&mut tally, &first, wanted);
    let names: Vec<&str> = second.queues.iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    enters(&mut tally, 3, 2, 5);
    answered(&mut tally, 2, 1, 31);
    assert_eq!((events(&tally, 1), events(&tally, 2)), (vec![[1, 1, 0, 0, 0]], vec![[0, 0, 0, 1, 0]]));
    let layout = tally.layout();
    let (mut publisher, reader) = snapshot::channel(layout.len());
    tally.publish(at(200), &mut publisher);
    let mut copy = Vec::new();
    reader.read(&mut copy);
    assert_eq!(copy, tally.values());
    assert!(laws::all_hold(&layout, &copy));
}

#[test]
fn agents_are_counted_where_they_are_and_their_time_goes_with_them() {
    let first = plan(vec![queue("a", &[30])], &["first_line"]);
    let mut tally = Tally::new(shape(&first), Time::ZERO);
    let (agent, lasted) = (AgentId(0), Duration::ZERO);
    let (from, to) = (AgentState::SignedOut, AgentState::Ready);
    let pool = PoolId(0);
    tally.apply(&Record { at: at(10), fact: Fact::AgentStateChanged { agent, pool, from, to, lasted } });
    reload(&mut tally, &first, plan(vec![queue("a", &[30])], &["first_line", "back_office"]));
    let state = AgentState::Ready;
    let moved = Fact::AgentPlaced { agent, from: Some(PoolId(0)), to: Some(PoolId(1)), state };
    tally.apply(&Record { at: at(30), fact: moved });
    let agents = |tally: &Tally, pool: usize| {
        let layout = tally.layout();
        AgentState::ALL.iter().map(|state| tally.values()[layout.pools[pool].agents + state.index()]).sum::<u64>()
    };
    assert_eq!((agents(&tally, 0), agents(&tally, 1)), (0, 1));
    let spent = |tally: &Tally, pool: usize, now: u64| {
        let slots = &tally.layout().pools[pool];
        let running = tally.values()[slots.agents + state.index()].wrapping_mul(now * 1_000_000);
        tally.values()[slots.clocks + state.index()].wrapping_add(running)
    };
    assert_eq!((spent(&tally, 0, 35), spent(&tally, 1, 35)), (20_000_000, 5_000_000));
    let (from, to) = (Some(PoolId(1)), None);
    tally.apply(&Record { at: at(40), fact: Fact::AgentPlaced { agent, from, to, state } });
    assert_eq!((agents(&tally, 0), agents(&tally, 1), spent(&tally, 1, 99)), (0, 0, 10_000_000));
}
