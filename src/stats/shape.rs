//! What there is to count: the names of services, queues and pools, made from the plan by the shell. Every label
//! combination of the metrics follows from it, so all of them exist at 0 from the start.
//!
//! After a reload the shape only grows: what the new plan does not have keeps its place, its name and its counts.
//!
//! A changed list of thresholds: a call is judged by the thresholds in force when it entered, to its end. One that is
//! new counts from then on; calls that entered before are `uncounted` under it. One that is removed keeps its counts and
//! goes on counting the calls that entered before; later ones are `uncounted` under it. So, always,
//! `entered = hit + miss + excused + pending + uncounted` under each threshold that ever was. A new threshold is also a
//! new edge of the wait histogram: waits counted before lie in the bucket above it.

use crate::ids::QueueId;
use crate::time::Duration;
use std::collections::BTreeSet;

/// The names behind the ids that facts carry. Positions are those of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// By `ServiceId`.
    pub services: Vec<ServiceShape>,
    /// By `QueueId`.
    pub queues: Vec<QueueShape>,
    /// By `PoolId`.
    pub pools: Vec<PoolShape>,
    /// Reasons to pause, by `PauseId`.
    pub pauses: Vec<String>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueShape {
    /// Metric label: no spaces.
    pub name: String,
    /// Service-level thresholds T, each at its place. At most [`MAX_THRESHOLDS`] are counted.
    pub thresholds: Vec<Duration>,
    /// The place of the contract's threshold.
    pub contract: u8,
    /// Bit n: threshold number n does not count those who enter now.
    pub uncounted: u32,
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

/// Most thresholds of one queue at a time, and of one report.
pub const THRESHOLDS_AT_ONCE: usize = 8;
/// Most thresholds of one queue in one run: a bit each in [`QueueShape::uncounted`].
pub const MAX_THRESHOLDS: usize = 32;

impl QueueShape {
    /// A bit for each threshold by which callers who enter now are not judged, those that do not exist included.
    pub fn not_judged_by(&self) -> u32 {
        let beyond = u32::try_from(self.thresholds.len()).ok().and_then(|len| u32::MAX.checked_shl(len));
        self.uncounted | beyond.unwrap_or(0)
    }

    /// Places and lengths of the thresholds by which callers who enter now are judged, the contract's first.
    pub fn judged_by(&self) -> impl Iterator<Item = (usize, Duration)> + '_ {
        let contract = usize::from(self.contract);
        let counted = |place: usize| self.not_judged_by() & (1u32.checked_shl(place as u32).unwrap_or(0)) == 0;
        let others = (0..MAX_THRESHOLDS).filter(move |place| *place != contract && counted(*place));
        let places = std::iter::once(contract).chain(others);
        places.filter_map(|place| Some((place, *self.thresholds.get(place)?)))
    }
}

impl Shape {
    /// The shape after a reload: `new`, whose positions go on where these end, and everything that has counted so far.
    pub fn grown(&self, new: Shape) -> Shape {
        let Shape { mut services, mut queues, pools, pauses, calls } = new;
        for (service, old) in services.iter_mut().zip(&self.services) {
            let known: BTreeSet<QueueId> = service.queues.iter().copied().collect();
            service.queues.extend(old.queues.iter().filter(|queue| !known.contains(queue)));
        }
        for (queue, old) in queues.iter_mut().zip(&self.queues) {
            queue.steps = queue.steps.max(old.steps);
        }
        Shape { services, queues, pools, pauses, calls: calls.max(self.calls) }
    }
}
