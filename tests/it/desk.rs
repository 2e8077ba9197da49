//! A small desk for the tests of statistics: its shape, and the facts of a call to it.

use centralino::facts::{Fact, Record};
use centralino::ids::{AgentId, CallId, PoolId, QueueId, ServiceId};
use centralino::stats::{PoolShape, QueueShape, ServiceShape, Shape, Tally};
use centralino::time::{Duration, Time};

/// One service, one queue with one threshold and two steps, one pool of two agents.
pub fn shape() -> Shape {
    Shape {
        services: vec![ServiceShape { name: "information".to_owned(), queues: vec![QueueId(0)] }],
        queues: vec![QueueShape {
            name: "information".to_owned(),
            thresholds: vec![Duration::from_secs(30)],
            target_percent: 90,
            steps: 2,
            ..QueueShape::default()
        }],
        pools: vec![PoolShape { name: "first_line".to_owned(), agents: 2 }],
        calls: 16,
        pauses: ["missed", "unspecified", "lunch"].map(str::to_owned).to_vec(),
    }
}

pub fn tally() -> Tally {
    Tally::new(shape(), Time::ZERO)
}

/// Call number `call` arrives one second after the one before, without a welcome.
fn arrival(call: u64) -> Time {
    Time::from_millis(call * 1_000)
}

pub fn call_received_and_entered(call: u64) -> Vec<Record> {
    let (at, id, service) = (arrival(call), CallId(call), ServiceId(0));
    vec![
        Record { at, fact: Fact::CallReceived { call: id, service, arrived_at: at } },
        Record { at, fact: Fact::CallEntered { call: id, service, queue: QueueId(0) } },
    ]
}

/// The call is answered after `waited`, the threshold passing before if the wait is longer.
pub fn call_answered(call: u64, waited: Duration) -> Vec<Record> {
    let (at, id, queue) = (arrival(call) + waited, CallId(call), QueueId(0));
    let mut records = Vec::new();
    if waited > Duration::from_secs(30) {
        records.push(Record { at, fact: Fact::ThresholdPassed { call: id, queue, threshold: 0 } });
    }
    let (pool, agent) = (PoolId(0), AgentId(0));
    records.push(Record { at, fact: Fact::CallAnswered { call: id, queue, pool, agent, waited } });
    records
}
