//! A report as numbers: everything that is printed, before it is printed. Integers and exact ratios; names of the
//! languages and of the formats come later.

use super::period::{Every, Period};
use super::profile::{Judged, Profile};
use super::record::Name;
use super::replay::Figures;
use crate::stats::ratio::Ratio;
use crate::stats::service_level::{Counts, Events};
use crate::time::Duration;
use jiff::Zoned;
use jiff::civil::Date;

/// What a report is asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// Of what time.
    pub period: Period,
    /// Of one service alone.
    pub service: Option<String>,
    /// With rows so long.
    pub every: Option<Every>,
    /// Recomputed under these thresholds too; the official figures stay as they are.
    pub thresholds: Vec<Duration>,
    /// With the market's other formulas, by name.
    pub formulas: bool,
    /// With regulators' indicators.
    pub profiles: Vec<Profile>,
    /// The advanced target in percent, beside the contract's own.
    pub advanced_percent: u8,
}

/// What the shell knows about the records beside the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closing {
    /// When the report is made, in nanoseconds since 1970 UTC.
    pub made_utc: i64,
    /// Interactions of the period that could not be written to the ledger.
    pub lost: u64,
    /// Interactions before this moment may have been deleted on purpose.
    pub purged_before: Option<i64>,
}

/// The figures of a period.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was asked.
    pub question: Question,
    /// When it was made.
    pub made: Zoned,
    /// The contract's threshold; more than one when it changed or differs between queues.
    pub contract: Vec<Duration>,
    /// The other thresholds of those days, in the contract's order.
    pub official: Vec<Duration>,
    /// The contract's minimum target in percent, met when the level is strictly above; the strictest of the period.
    pub target_percent: Option<u8>,
    /// Everything together.
    pub total: Row,
    /// Every civil day of the period.
    pub days: Vec<(Date, Row)>,
    /// By half-hour of the day, 0 to 47, all days together.
    pub half_hours: Vec<(u8, Row)>,
    /// By civil month, named by its first day.
    pub months: Vec<(Date, Row)>,
    /// By what was dialled.
    pub services: Vec<(Name, Row)>,
    /// By level of support.
    pub pools: Vec<(Name, PoolRow)>,
    /// Agents' pauses by pool and reason, as far as they lie in the period.
    pub pauses: Vec<(Name, Name, PauseRow)>,
    /// The rows of an interval report, by their beginnings.
    pub intervals: Vec<(Zoned, Row)>,
    /// How long things took.
    pub lengths: Lengths,
    /// Regulators' indicators, as asked.
    pub profiles: Vec<Judged>,
    /// What a reader must know beside the numbers.
    pub notes: Vec<Note>,
}

/// The figures of some interactions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Sums of what became of them.
    pub figures: Figures,
    /// Under the contract's threshold of each one's day, as it was told that day.
    pub contract: Level,
    /// Under the report's other official thresholds.
    pub official: Vec<Level>,
    /// Under the thresholds that were asked for, then those that profiles brought along.
    pub asked: Vec<Level>,
    /// The longest wait of all, whatever its end.
    pub longest: Duration,
    /// The regulators' clock: from arrival to the answer or to leaving the queue, summed.
    pub from_arrival: Duration,
}

/// Some interactions under one threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Hit, miss, excused.
    pub events: Events,
    /// What the named formulas are made of.
    pub counts: Counts,
}

/// The customer's four counts, and what else was late: with the short abandoned ones left out they are the denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FourCounts {
    /// Answered within T.
    pub answered_in_time: u64,
    /// Answered after T.
    pub answered_late: u64,
    /// Abandoned within T.
    pub abandoned_short: u64,
    /// Abandoned after T.
    pub abandoned_late: u64,
    /// Flowed out after T, or failed.
    pub other_late: u64,
    /// Flowed out within T.
    pub other_short: u64,
}

impl Level {
    /// The counts as the events were decided: a call that was late on its day is late here.
    pub fn four_counts(&self) -> FourCounts {
        let Level { events, counts } = self;
        let answered_late = counts.answered().saturating_sub(events.hit);
        let abandoned_short = counts.abandoned_short.min(events.excused);
        let abandoned_late = counts.abandoned().saturating_sub(abandoned_short);
        FourCounts {
            answered_in_time: events.hit,
            answered_late,
            abandoned_short,
            abandoned_late,
            other_late: events.miss.saturating_sub(answered_late).saturating_sub(abandoned_late),
            other_short: events.excused - abandoned_short,
        }
    }

    /// What the service level is a share of: hit and miss.
    pub fn denominator(&self) -> u64 {
        self.events.hit + self.events.miss
    }
}

/// Pauses of a pool's agents for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PauseRow {
    /// How many.
    pub pauses: u64,
    /// All of them together.
    pub lasted: Duration,
}

/// What a pool of agents did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolRow {
    /// Phones that rang.
    pub offers: u64,
    /// Phones that rang to the end.
    pub no_answer: u64,
    /// Calls taken.
    pub answered: u64,
    /// Calls taken within the contract's threshold.
    pub in_time: u64,
    /// Sum of the waits of calls taken.
    pub waited: Duration,
    /// Talks of its agents with callers, those who were passed on to them included.
    pub talks: u64,
    /// Sum of their talk times.
    pub talked: Duration,
    /// Sum of talk, hold, consultation and work after calls.
    pub handled: Duration,
    /// Sum of work after calls.
    pub wrapped_up: Duration,
}

impl std::ops::AddAssign for PoolRow {
    fn add_assign(&mut self, more: PoolRow) {
        self.offers += more.offers;
        self.no_answer += more.no_answer;
        self.answered += more.answered;
        self.in_time += more.in_time;
        self.waited += more.waited;
        self.talks += more.talks;
        self.talked += more.talked;
        self.handled += more.handled;
        self.wrapped_up += more.wrapped_up;
    }
}

/// How long things took, each list summed up by exact order statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    /// From entry to the answer.
    pub answered: Percentiles,
    /// From entry to leaving, of callers who left.
    pub abandoned: Percentiles,
    /// Talking.
    pub talk: Percentiles,
    /// Work after calls.
    pub wrap_up: Percentiles,
}

/// The smallest lengths within which 50, 80, 90, 95 and 99 of 100 were done, and the greatest. None where nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// In the order of [`Percentiles::OF`].
    pub values: [Option<Duration>; Percentiles::OF.len()],
    /// The greatest.
    pub most: Option<Duration>,
}

impl Percentiles {
    /// Which.
    pub const OF: [u8; 5] = [50, 80, 90, 95, 99];

    /// Of these lengths, by nearest rank: no value is printed that did not occur.
    pub fn of(mut lengths: Vec<Duration>) -> Percentiles {
        lengths.sort_unstable();
        let count = lengths.len();
        let rank = |percent: u8| (count * usize::from(percent)).div_ceil(100).saturating_sub(1);
        Percentiles {
            values: Percentiles::OF.map(|percent| lengths.get(rank(percent)).copied()),
            most: lengths.last().copied(),
        }
    }
}

/// What a reader must know beside the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The period is not over: figures will grow, and calls that are not over are not in them.
    NotOver,
    /// So many callers were waiting when the period closed; they count as they ended.
    WaitingAtClosing(u64),
    /// So many calls failed through our fault; each is late, however short its wait.
    Failed(u64),
    /// The contract's terms of a queue are others from this moment on.
    TermsChanged {
        /// Where.
        queue: Name,
        /// From when.
        since: Zoned,
        /// The thresholds before, the contract's first.
        before: Terms,
        /// The thresholds from then on.
        after: Terms,
    },
    /// Queues or days had other contract terms: the target is the strictest of them.
    SeveralTerms,
    /// So many interactions could not be written to the ledger.
    Lost(u64),
    /// Interactions before this moment may have been deleted on purpose.
    Purged(Zoned),
    /// Nothing was found.
    NoCalls,
}

/// The contract's terms of a queue on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Terms {
    /// T; the first is the contract's.
    pub thresholds: Vec<Duration>,
    /// In percent, strictly to be exceeded.
    pub target_percent: u8,
}

impl Row {
    /// Abandoned of entered.
    pub fn abandonment(&self) -> Option<Ratio> {
        Ratio::new(self.figures.abandoned, self.figures.entered)
    }

    /// Abandoned and left in greeting of received.
    pub fn abandonment_with_greeting(&self) -> Option<Ratio> {
        Ratio::new(self.figures.abandoned + self.figures.left_in_greeting, self.figures.received)
    }

    /// Sum of waits of answered calls, and how many: ASA.
    pub fn speed_of_answer(&self) -> Mean {
        Mean::of(self.figures.waited_answered, self.figures.answered)
    }

    /// Sum of talk, hold, consultation and work after calls, and how many: AHT.
    pub fn handling_time(&self) -> Mean {
        Mean::of(self.figures.handled(), self.figures.answered)
    }
}

/// A mean as its sum and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mean {
    /// The sum.
    pub sum: Duration,
    /// Of how many.
    pub count: u64,
}

impl Mean {
    /// This sum over so many.
    pub fn of(sum: Duration, count: u64) -> Mean {
        Mean { sum, count }
    }

    /// In seconds, exactly; undefined over nothing.
    pub fn seconds(self) -> Option<Ratio> {
        let nanos = i128::try_from(self.sum.as_nanos()).unwrap_or(i128::MAX);
        Ratio::new(nanos, self.count.saturating_mul(1_000_000_000))
    }
}

/// How far the contract's target was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distance {
    /// Late calls at most for the target to be met, at this denominator; none when no number would do.
    pub most_late: Option<u64>,
    /// Late calls fewer, answered in time instead, that would have met it; 0 when it was met.
    pub fewer: Option<u64>,
}

impl Distance {
    /// To a target that must be strictly exceeded; undefined where the level is.
    pub fn of(events: Events, target_percent: u8) -> Option<Distance> {
        let considered = u128::from(events.hit) + u128::from(events.miss);
        if considered == 0 {
            return None;
        }
        // 100 * (considered - late) > target * considered
        let slack = u128::from(100u8.saturating_sub(target_percent)) * considered;
        let most_late = slack.checked_sub(1).map(|slack| slack / 100).and_then(|late| u64::try_from(late).ok());
        let fewer = most_late.map(|most| events.miss.saturating_sub(most));
        Some(Distance { most_late, fewer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_customers_case_allows_1187_late_calls() {
        // 12,500 calls, 625 excused: 84 % is 9,975 of 11,875.
        let events = Events { hit: 9_975, miss: 1_900, excused: 625, pending: 0 };
        assert_eq!(Distance::of(events, 90), Some(Distance { most_late: Some(1_187), fewer: Some(713) }));
        assert_eq!(Distance::of(Events { excused: 3, ..Events::default() }, 90), None);
        assert_eq!(Distance::of(events, 100), Some(Distance { most_late: None, fewer: None }));
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let seconds = |list: &[u64]| Percentiles::of(list.iter().copied().map(Duration::from_secs).collect());
        let s = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(seconds(&[]), Percentiles::default());
        assert_eq!(seconds(&[7]).values, [s(7); 5]);
        assert_eq!(seconds(&[5, 1, 4, 2, 3]).values, [s(3), s(4), s(5), s(5), s(5)]);
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(seconds(&hundred).values, [s(50), s(80), s(90), s(95), s(99)]);
    }

    proptest! {
        #[test]
        fn the_distance_is_the_least_that_meets_the_target(hit in 0u64..5_000, miss in 0u64..5_000, target in 0u8..100) {
            let Some(distance) = Distance::of(Events { hit, miss, ..Events::default() }, target) else { return Ok(()) };
            let fewer = distance.fewer.expect("a target below 100 can be met");
            let with = |fewer: u64| Events { hit: hit + fewer, miss: miss - fewer, ..Events::default() }.met(target);
            prop_assert_eq!(with(fewer), Some(true));
            if fewer > 0 {
                prop_assert_eq!(with(fewer - 1), Some(false));
            }
        }
    }
}
