//! Facts in, numbers out. In reading order: [`shape`] names what there is to count, [`layout`] gives every number its
//! place ([`traffic`] those of SIP messages), [`tally`] folds facts into them, [`snapshot`] is the lock-free boundary, [`prometheus`] renders a copy.
//!
//! Away from the engine's thread, [`windows`] and [`percentiles`] are kept by [`live`], and [`supervision`] shows all of it
//! to supervisors' tools. Knows nothing of the engine that emits the facts.

mod atomics;
mod board;
pub mod histogram;
pub mod laws;
pub mod layout;
pub mod live;
pub mod percentiles;
pub mod prometheus;
pub mod ratio;
pub mod service_level;
pub mod shape;
pub mod snapshot;
pub mod supervision;
pub mod tally;
pub mod traffic;
mod visits;
pub mod windows;

pub use layout::{Layout, Phase};
pub use shape::{PoolShape, QueueShape, ServiceShape, Shape};
pub use tally::{Gauges, Tally};
