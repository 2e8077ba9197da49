//! Whether our own sound leaves in time: what is left out is heard, and more callers would only make it worse.

use super::playing::MOST_CAUGHT_UP;
use crate::time::{Duration, Time};

/// One late packet is a stall of the machine; packets that are late for this long are too much work.
const TOO_LONG: Duration = Duration::from_secs(1);
/// A packet this late, in milliseconds, is in time: nobody hears it.
const IN_TIME: u64 = MOST_CAUGHT_UP / 5;

/// Sees how late every packet of ours leaves.
#[derive(Debug, Default)]
pub(super) struct Lateness {
    /// The latest packet since it was judged last, in milliseconds.
    latest: Option<u64>,
    /// Since when something had to be left out, and nothing was in time.
    since: Option<Time>,
    is_told: bool,
}

impl Lateness {
    pub(super) fn saw(&mut self, late: u64) {
        self.latest = self.latest.max(Some(late));
    }

    /// Whether sound is late, when that has changed. Without any packet nobody hears that it would be.
    pub(super) fn judge(&mut self, plays: bool, now: Time) -> Option<bool> {
        match self.latest.take() {
            Some(late) if late >= MOST_CAUGHT_UP => _ = self.since.get_or_insert(now),
            Some(late) if late <= IN_TIME => self.since = None,
            None if !plays => self.since = None,
            Some(_) | None => {}
        }
        let is_late = match self.since {
            Some(since) => self.is_told || now.since(since) >= TOO_LONG,
            None => false,
        };
        (std::mem::replace(&mut self.is_told, is_late) != is_late).then_some(is_late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_nothing_and_a_second_of_stalls_is() {
        let mut lateness = Lateness::default();
        let mut told = Vec::new();
        for (at, late) in [(0, 150), (20, 3), (1_100, 120), (1_600, 60), (2_099, 130), (2_100, 99), (2_200, 21)] {
            lateness.saw(late);
            told.extend(lateness.judge(true, Time::from_millis(at)).map(|is_late| (at, is_late)));
        }
        assert_eq!(told, [(2_100, true)]);
        lateness.saw(20);
        assert_eq!(lateness.judge(true, Time::from_millis(2_300)), Some(false));
        assert_eq!(lateness.judge(true, Time::from_millis(9_000)), None);
    }

    #[test]
    fn where_nothing_plays_nothing_is_late() {
        let mut lateness = Lateness::default();
        for at in [0, 1_000] {
            lateness.saw(200);
            let told = lateness.judge(true, Time::from_millis(at));
            assert_eq!(told, (at == 1_000).then_some(true));
        }
        assert_eq!(lateness.judge(true, Time::from_millis(1_010)), None, "it was never in time");
        assert_eq!(lateness.judge(false, Time::from_millis(1_020)), Some(false));
    }
}
