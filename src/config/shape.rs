//! What statistics count, from what the plan names: the two change together, so they are made in one place.

use crate::acd::Plan;
use crate::stats::{PoolShape, QueueShape, ServiceShape, Shape};

/// The shape of the numbers that a plan's facts fill.
pub fn shape(plan: &Plan) -> Shape {
    let services =
        plan.services.iter().map(|service| ServiceShape { name: service.name.clone(), queues: service.queues() });
    let queues = plan.queues.iter().map(|queue| QueueShape {
        name: queue.name.clone(),
        thresholds: queue.thresholds.clone(),
        contract: queue.contract,
        uncounted: queue.uncounted,
        target_percent: queue.target_percent,
        steps: u8::try_from(queue.steps.len()).unwrap_or(u8::MAX),
    });
    let agents_of =
        |pool: usize| plan.agents.iter().filter(|agent| agent.pool.index() == pool && !agent.retired).count();
    let pools = plan.pools.iter().enumerate().map(|(position, pool)| PoolShape {
        name: pool.name.clone(),
        agents: u32::try_from(agents_of(position)).unwrap_or(u32::MAX),
    });
    Shape {
        services: services.collect(),
        queues: queues.collect(),
        pools: pools.collect(),
        pauses: plan.pause_names().map(str::to_owned).collect(),
        calls: plan.limits.channels as usize,
    }
}
