//! The one clock of the daemon: monotonic, the same origin for all threads; and what civil clocks say beside it.

use centralino::time::{Duration, Time};
use std::time::{Instant, SystemTime};

/// The civil clock is compared with the engine's this often.
const CIVIL_EVERY: Duration = Duration::from_secs(1);
/// A civil clock that is off by more was set, or drifted: what is open goes by what it says now.
const CIVIL_DRIFT: Duration = Duration::from_millis(10);

/// Makes every [`Time`] of a run.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that starts at zero.
    pub fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    /// Nanoseconds since the start.
    pub fn now(self) -> Time {
        Time::from_nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Nanoseconds since 1970 (UTC); 0 for a clock that was never set.
    pub fn utc(self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    }
}

/// What the engine was last told of the civil clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Civil {
    /// Nanoseconds since 1970 at a moment of the engine.
    told: Option<(Time, i64)>,
    next: Time,
}

impl Civil {
    /// What the engine has to be told, when it is time to look and the clock says something else than expected.
    pub fn news(&mut self, now: Time, clock: Clock) -> Option<i64> {
        if now < self.next {
            return None;
        }
        self.next = now + CIVIL_EVERY;
        let utc = clock.utc();
        let is_known = self.told.is_some_and(|(at, told)| {
            let expected = i128::from(told) + i128::try_from(now.since(at).as_nanos()).unwrap_or(i128::MAX);
            (i128::from(utc) - expected).unsigned_abs() <= CIVIL_DRIFT.as_nanos()
        });
        if is_known {
            return None;
        }
        self.told = Some((now, utc));
        Some(utc)
    }
}
