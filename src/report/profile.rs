//! Regulators' indicators, by name: what they ask for is computed from the same rows as everything else.
//!
//! Does not decide hit and miss; an indicator's own threshold is one more threshold of the tally.

use super::model::{Mean, Row};
use crate::stats::ratio::Ratio;
use crate::time::Duration;
use jiff::civil::Date;

/// A regulator's set of indicators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// AGCOM 255/24/CONS: mean wait from the choice of an operator to the answer, and share answered within 20 s.
    Agcom25524,
    /// ARERA, water: mean wait of answered and abandoned calls, greeting included, and answered of entered.
    AreraWater,
}

/// In so many of twelve months every indicator must be kept.
pub const MONTHS_KEPT: (usize, usize) = (10, 12);

impl Profile {
    /// Every profile.
    pub const ALL: &[Profile] = &[Profile::Agcom25524, Profile::AreraWater];

    /// As it is written on the command line.
    pub const fn label(self) -> &'static str {
        match self {
            Profile::Agcom25524 => "agcom-255-24",
            Profile::AreraWater => "arera-water",
        }
    }

    /// The mean wait may be so long.
    pub const fn longest_mean(self) -> Duration {
        match self {
            Profile::Agcom25524 => Duration::from_secs(150),
            Profile::AreraWater => Duration::from_secs(240),
        }
    }

    /// The share must be at least so many percent.
    pub const fn least_percent(self) -> u8 {
        match self {
            Profile::Agcom25524 => 40,
            Profile::AreraWater => 80,
        }
    }

    /// The threshold that its share is counted under, where it has one.
    pub const fn threshold(self) -> Option<Duration> {
        match self {
            Profile::Agcom25524 => Some(Duration::from_secs(20)),
            Profile::AreraWater => None,
        }
    }

    /// The indicators of some calls. `answered_within` counts those answered within [`Profile::threshold`].
    pub fn of(self, row: &Row, answered_within: u64) -> Indicators {
        let figures = &row.figures;
        let (mean, share) = match self {
            Profile::Agcom25524 => (row.speed_of_answer(), Ratio::new(answered_within, figures.answered)),
            Profile::AreraWater => (
                Mean::of(row.from_arrival, figures.answered + figures.abandoned),
                Ratio::new(figures.answered, figures.entered),
            ),
        };
        Indicators { profile: self, mean, share }
    }
}

/// What a profile asks for, of some calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indicators {
    /// Which.
    pub profile: Profile,
    /// The mean wait.
    pub mean: Mean,
    /// The share.
    pub share: Option<Ratio>,
}

impl Indicators {
    /// Whether the mean is within its limit; decided on integers.
    pub fn mean_kept(&self) -> Option<bool> {
        let limit = self.profile.longest_mean().as_nanos() * u128::from(self.mean.count);
        (self.mean.count > 0).then_some(self.mean.sum.as_nanos() <= limit)
    }

    /// Whether the share reaches its minimum; decided on integers.
    pub fn share_kept(&self) -> Option<bool> {
        let share = self.share?;
        // At least p is not less than p, and `exceeds` is strict: the numerator 100 n >= p d.
        let (percent, denominator) = share.percent_fraction();
        let least = u128::from(self.profile.least_percent()).saturating_mul(denominator);
        Some(u128::try_from(percent).is_ok_and(|percent| percent >= least))
    }

    /// Whether both are kept.
    pub fn kept(&self) -> Option<bool> {
        Some(self.mean_kept()? && self.share_kept()?)
    }
}

/// A profile over the report's period, and in each of its months.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Of the whole period.
    pub whole: Indicators,
    /// Of each civil month, named by its first day.
    pub months: Vec<(Date, Indicators)>,
}

impl Judged {
    /// In how many months both indicators were kept.
    pub fn months_kept(&self) -> usize {
        self.months.iter().filter(|(_, month)| month.kept() == Some(true)).count()
    }
}
