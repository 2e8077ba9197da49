//! The atomics of the snapshot, apart from it so that a test can put loom's in their place.

pub(super) use std::hint::spin_loop as pause;
pub(super) use std::sync::Arc;
pub(super) use std::sync::atomic::{AtomicU64, Ordering, fence};
