//! How often somebody may do something: a leaky bucket as a meter. Whose meter it is, and what follows, is not known here.

use crate::time::{Duration, Time};

/// The moment at which all that came so far is paid for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter(Time);

impl Meter {
    /// Nothing came yet.
    pub(super) const NEW: Meter = Meter(Time::ZERO);

    /// Takes one more, of one in every `interval`, of which what is not used may be saved up for `burst`; false when that
    /// is too much, and then nothing is taken.
    pub(super) fn takes(&mut self, interval: Duration, burst: Duration, now: Time) -> bool {
        let next = self.0.max(now) + interval;
        let fits = next.since(now) <= burst.max(interval);
        if fits {
            self.0 = next;
        }
        fits
    }

    /// As if nothing had ever come.
    pub(super) fn is_even(self, now: Time) -> bool {
        self.0 <= now
    }
}
