//! Facts in, numbers out. In reading order: [`shape`] names what there is to count, [`layout`] gives every number its
//! place, [`tally`] folds facts into them, [`snapshot`] is the lock-free boundary, [`prometheus`] renders a copy.
//!
//! Knows nothing of the engine that emits the facts. Windows over time and percentiles belong to readers of facts on
//! their own threads, not to the tally.

mod atomics;
pub mod histogram;
pub mod laws;
pub mod layout;
pub mod prometheus;
pub mod ratio;
pub mod service_level;
pub mod shape;
pub mod snapshot;
pub mod tally;
mod visits;

pub use layout::{Layout, Phase};
pub use shape::{PoolShape, QueueShape, ServiceShape, Shape};
pub use tally::{Gauges, Tally};
