//! Moments and deadlines.
//!
//! The caller makes every [`Time`]; nothing in the library reads a clock. Civil time is not here: it comes in as
//! data where a rule needs it.

mod deadlines;

pub use deadlines::Deadlines;

use std::ops::{Add, Sub};
pub use std::time::Duration;

/// A moment: nanoseconds since the run's first start. Never negative, never decreasing, storable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The run's first start.
    pub const ZERO: Time = Time(0);

    /// The moment `nanos` nanoseconds after the first start.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// The moment `millis` milliseconds after the first start.
    pub const fn from_millis(millis: u64) -> Time {
        Time(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the first start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not later.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Saturates: a deadline beyond 584 years is never due.
impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, length: Duration) -> Time {
        let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        Time(self.0.saturating_add(nanos))
    }
}

/// Saturates at [`Time::ZERO`]: a priority credit may reach before the run's start.
impl Sub<Duration> for Time {
    type Output = Time;

    fn sub(self, length: Duration) -> Time {
        let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        Time(self.0.saturating_sub(nanos))
    }
}
