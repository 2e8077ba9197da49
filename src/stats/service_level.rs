//! The service level: the customer's formula on counts of events, its bounds, and the market's other formulas by
//! name (semantics.md section 2). Pure integers. Does not decide what a call counts as: that is `tally`.

use super::ratio::Ratio;

/// The service-level events of some calls under one threshold T; each call has exactly one, or is pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Answered with a wait of at most T.
    pub hit: u64,
    /// Answered, abandoned or flowed out after T, still waiting after T, or failed through our fault.
    pub miss: u64,
    /// Abandoned or flowed out with a wait of at most T.
    pub excused: u64,
    /// Waiting for at most T so far.
    pub pending: u64,
}

impl Events {
    /// `hit + miss + excused + pending`.
    pub fn entered(self) -> u64 {
        self.hit + self.miss + self.excused + self.pending
    }

    /// `hit / (hit + miss)`; undefined, never 0 or 100, while there is neither.
    pub fn service_level(self) -> Option<Ratio> {
        Ratio::new(self.hit, self.hit + self.miss)
    }

    /// Whether the service level is strictly above the target; undefined with it.
    pub fn met(self, target_percent: u8) -> Option<bool> {
        self.service_level().map(|level| level.exceeds_percent(target_percent))
    }

    /// The least that the service level can still become: every pending call a miss.
    pub fn lower_bound(self) -> Option<Ratio> {
        Ratio::new(self.hit, self.hit + self.miss + self.pending)
    }

    /// The most that the service level can still become: every pending call a hit.
    pub fn upper_bound(self) -> Option<Ratio> {
        Ratio::new(self.hit + self.pending, self.hit + self.miss + self.pending)
    }
}

impl std::ops::AddAssign for Events {
    fn add_assign(&mut self, more: Events) {
        self.hit += more.hit;
        self.miss += more.miss;
        self.excused += more.excused;
        self.pending += more.pending;
    }
}

/// Calls by what became of them and how long they waited; what the named formulas are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answered with a wait of at most T.
    pub answered_in_time: u64,
    /// Answered after T.
    pub answered_late: u64,
    /// Abandoned with a wait of at most T.
    pub abandoned_short: u64,
    /// Abandoned after T.
    pub abandoned_late: u64,
    /// Abandoned with a wait of at most [`VERY_SHORT_SECONDS`]; part of the two above.
    pub abandoned_very_short: u64,
    /// Flowed out with a wait of at most T.
    pub flowed_out_short: u64,
    /// Flowed out after T.
    pub flowed_out_late: u64,
    /// Waiting for at most T so far.
    pub waiting_in_time: u64,
    /// Waiting for more than T.
    pub waiting_late: u64,
    /// Failed through our fault.
    pub failed: u64,
}

/// S of [`Formula::VeryShortPositive`].
pub const VERY_SHORT_SECONDS: u64 = 5;

impl Counts {
    /// The events that these calls are.
    pub fn events(self) -> Events {
        Events {
            hit: self.answered_in_time,
            miss: self.answered_late + self.abandoned_late + self.flowed_out_late + self.waiting_late + self.failed,
            excused: self.abandoned_short + self.flowed_out_short,
            pending: self.waiting_in_time,
        }
    }

    /// Every call put in the queue.
    pub fn entered(self) -> u64 {
        self.events().entered()
    }

    /// A: every answered call.
    pub fn answered(self) -> u64 {
        self.answered_in_time + self.answered_late
    }

    /// B: every abandoned call.
    pub fn abandoned(self) -> u64 {
        self.abandoned_short + self.abandoned_late
    }

    /// Abandoned of entered.
    pub fn abandonment_rate(self) -> Option<Ratio> {
        Ratio::new(self.abandoned(), self.entered())
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Counts) {
        self.answered_in_time += more.answered_in_time;
        self.answered_late += more.answered_late;
        self.abandoned_short += more.abandoned_short;
        self.abandoned_late += more.abandoned_late;
        self.abandoned_very_short += more.abandoned_very_short;
        self.flowed_out_short += more.flowed_out_short;
        self.flowed_out_late += more.flowed_out_late;
        self.waiting_in_time += more.waiting_in_time;
        self.waiting_late += more.waiting_late;
        self.failed += more.failed;
    }
}

/// A way to make one number of the same counts. Only [`Formula::Contract`] decides; the others are printed on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    /// The service level by events: hit of hit and miss.
    Contract,
    /// Short abandoned calls left out: `A<=T / (A + B - B<=T)`.
    Ignored,
    /// Short abandoned calls counted as served: `(A<=T + B<=T) / (A + B)`.
    Positive,
    /// Answered calls alone: `A<=T / A`.
    AnsweredOnly,
    /// Nobody left out: `A<=T / (A + B)`.
    Negative,
    /// Calls abandoned within 5 s counted as served: `(A<=T + B<=5) / (A + B)`.
    VeryShortPositive,
    /// The customer's formula read as it should be, but over calls still waiting too: late ones pass for successes.
    LiteralLive,
    /// The customer's formula as it is printed, parenthesis included: `(1 - late) / (entered - B<=T)`.
    AsPrinted,
    /// The printed formula with frequencies of the entered for its counts.
    Frequencies,
}

impl Formula {
    /// Every formula, the contract's first.
    pub const ALL: &[Formula] = &[
        Formula::Contract,
        Formula::Ignored,
        Formula::Positive,
        Formula::AnsweredOnly,
        Formula::Negative,
        Formula::VeryShortPositive,
        Formula::LiteralLive,
        Formula::AsPrinted,
        Formula::Frequencies,
    ];

    /// The name it is printed under.
    pub const fn label(self) -> &'static str {
        match self {
            Formula::Contract => "contract",
            Formula::Ignored => "ignored",
            Formula::Positive => "positive",
            Formula::AnsweredOnly => "answered_only",
            Formula::Negative => "negative",
            Formula::VeryShortPositive => "very_short_positive",
            Formula::LiteralLive => "literal_live",
            Formula::AsPrinted => "as_printed",
            Formula::Frequencies => "frequencies",
        }
    }

    /// The formula's value on these counts, where it exists.
    pub fn of(self, counts: Counts) -> Option<Ratio> {
        let in_time = counts.answered_in_time;
        let finished = counts.answered() + counts.abandoned();
        let late = counts.answered_late + counts.abandoned_late;
        let considered = counts.entered() - counts.abandoned_short;
        match self {
            Formula::Contract => counts.events().service_level(),
            Formula::Ignored => Ratio::new(in_time, finished - counts.abandoned_short),
            Formula::Positive => Ratio::new(in_time + counts.abandoned_short, finished),
            Formula::AnsweredOnly => Ratio::new(in_time, counts.answered()),
            Formula::Negative => Ratio::new(in_time, finished),
            Formula::VeryShortPositive => Ratio::new(in_time + counts.abandoned_very_short, finished),
            Formula::LiteralLive => Ratio::new(i128::from(considered) - i128::from(late), considered),
            Formula::AsPrinted => Ratio::new(1 - i128::from(late), considered),
            Formula::Frequencies => Ratio::new(i128::from(counts.entered()) - i128::from(late), considered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ratio::percent_or_undefined;
    use proptest::prelude::*;

    #[test]
    fn undefined_is_neither_zero_nor_hundred() {
        let only_short = Events { excused: 10, ..Events::default() };
        assert_eq!((only_short.service_level(), only_short.met(90)), (None, None));
        let only_pending = Events { pending: 4, ..Events::default() };
        assert_eq!(only_pending.service_level(), None);
        assert_eq!(percent_or_undefined(only_pending.upper_bound()), "100.0000");
    }

    #[test]
    fn very_short_abandoned_calls_alone_count_as_served() {
        let counts = Counts {
            answered_in_time: 70,
            answered_late: 20,
            abandoned_short: 8,
            abandoned_late: 2,
            abandoned_very_short: 3,
            ..Counts::default()
        };
        assert_eq!(percent_or_undefined(Formula::VeryShortPositive.of(counts)), "73.0000");
        assert_eq!(percent_or_undefined(Formula::Ignored.of(counts)), "76.0870");
    }

    proptest! {
        #[test]
        fn formulas_are_ordered_where_every_call_is_answered_or_abandoned(
            in_time in 0u64..1_000_000, late in 0u64..1_000_000, short in 0u64..1_000_000, long in 0u64..1_000_000,
        ) {
            let counts = Counts {
                answered_in_time: in_time,
                answered_late: late,
                abandoned_short: short,
                abandoned_late: long,
                ..Counts::default()
            };
            prop_assert_eq!(Formula::Ignored.of(counts), Formula::Contract.of(counts));
            prop_assert_eq!(Formula::LiteralLive.of(counts).map(Ratio::percent_fraction),
                Formula::Contract.of(counts).map(Ratio::percent_fraction));
            let value = |formula: Formula| formula.of(counts).map(Ratio::percent_fraction);
            let not_more = |a: Option<(i128, u128)>, b: Option<(i128, u128)>| match (a, b) {
                (Some((a, b)), Some((c, d))) => a * d as i128 <= c * b as i128,
                _ => true,
            };
            prop_assert!(not_more(value(Formula::Negative), value(Formula::Ignored)));
            prop_assert!(not_more(value(Formula::Ignored), value(Formula::Positive)));
        }

        #[test]
        fn the_level_lies_within_its_bounds(hit in 0u64..1000, miss in 0u64..1000, pending in 0u64..1000) {
            let events = Events { hit, miss, excused: 0, pending };
            let percent = |ratio: Option<Ratio>| ratio.map(Ratio::percent_fraction).map(|(n, d)| n as f64 / d as f64);
            if let (Some(low), Some(level), Some(high)) =
                (percent(events.lower_bound()), percent(events.service_level()), percent(events.upper_bound()))
            {
                prop_assert!(low <= level && level <= high);
            }
        }
    }
}
