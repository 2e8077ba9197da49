//! What there is to count: the names of services, queues and pools, made from the plan by the shell. Every label
//! combination of the metrics follows from it, so all of them exist at 0 from the start.

use crate::ids::QueueId;
use crate::time::Duration;

/// The names behind the ids that facts carry. Positions are those of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// By `ServiceId`.
    pub services: Vec<ServiceShape>,
    /// By `QueueId`.
    pub queues: Vec<QueueShape>,
    /// By `PoolId`.
    pub pools: Vec<PoolShape>,
    /// Most calls that can wait at once, over all queues: the tally remembers so many.
    pub calls: usize,
}

/// A service's name and where its calls may wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceShape {
    /// Metric label: no spaces.
    pub name: String,
    /// The queues its calls can enter.
    pub queues: Vec<QueueId>,
}

/// A queue's name and contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueShape {
    /// Metric label: no spaces.
    pub name: String,
    /// Service-level thresholds T; the first is the contract's. At most [`MAX_THRESHOLDS`] are counted.
    pub thresholds: Vec<Duration>,
    /// The contract's target in percent; met is strictly more.
    pub target_percent: u8,
    /// How many tier steps it has.
    pub steps: u8,
}

/// A pool's name and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolShape {
    /// Metric label: no spaces.
    pub name: String,
    /// How many agents belong to it.
    pub agents: u32,
}

/// Most thresholds of one queue.
pub const MAX_THRESHOLDS: usize = 8;
