//! Exact ratios of counts. Nothing here rounds but [`Ratio::percent`], which prints.

use std::fmt;

/// A quotient of counts, kept as it is; a ratio by zero does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    numerator: i128,
    denominator: u64,
}

/// What is printed where a ratio does not exist.
pub const UNDEFINED: &str = "n.d.";

impl Ratio {
    /// `numerator / denominator`, or nothing when that is a division by zero.
    pub fn new(numerator: impl Into<i128>, denominator: u64) -> Option<Ratio> {
        let numerator = numerator.into();
        (denominator != 0).then_some(Ratio { numerator, denominator })
    }

    /// The reduced fraction of this ratio in percent: 0.84 is `(84, 1)`.
    pub fn percent_fraction(self) -> (i128, u128) {
        let (numerator, denominator) = (self.numerator.saturating_mul(100), u128::from(self.denominator));
        let divisor = greatest_common_divisor(numerator.unsigned_abs(), denominator).max(1);
        // The divisor divides the denominator, so it is below 2^64.
        (numerator / divisor as i128, denominator / divisor)
    }

    /// Whether this is strictly more than `percent` per cent; decided on integers, so 89.996 % is not 90 %.
    pub fn exceeds_percent(self, percent: u8) -> bool {
        let target = i128::from(percent) * i128::from(self.denominator);
        self.numerator.saturating_mul(100) > target
    }

    /// For printing, in percent with four decimals, or as many as asked for; halves away from zero.
    pub fn percent(self) -> Percent {
        Percent { ratio: self, scale: 100 }
    }

    /// For printing as it is, under the same rule.
    pub fn decimal(self) -> Percent {
        Percent { ratio: self, scale: 1 }
    }
}

/// Prints a [`Ratio`] with four decimals, or with the format's precision (at most nine).
#[derive(Clone, Copy, Debug)]
pub struct Percent {
    ratio: Ratio,
    scale: u128,
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = f.precision().unwrap_or(4).min(9);
        let unit = (0..places).fold(1u128, |unit, _| unit * 10);
        let Ratio { numerator, denominator } = self.ratio;
        let denominator = u128::from(denominator);
        let scaled = numerator.unsigned_abs().saturating_mul(self.scale * unit);
        let rounded = scaled / denominator + u128::from(scaled % denominator * 2 >= denominator);
        let sign = if numerator < 0 && rounded > 0 { "-" } else { "" };
        write!(f, "{sign}{}", rounded / unit)?;
        if places == 0 { Ok(()) } else { write!(f, ".{:0places$}", rounded % unit) }
    }
}

/// A ratio in percent with four decimals, or [`UNDEFINED`].
pub fn percent_or_undefined(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(|| UNDEFINED.to_owned(), |ratio| ratio.percent().to_string())
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(numerator: i128, denominator: u64) -> String {
        percent_or_undefined(Ratio::new(numerator, denominator))
    }

    #[test]
    fn prints_four_decimals_rounded_from_the_integers() {
        assert_eq!(percent(2, 3), "66.6667");
        assert_eq!(percent(-15_100, 95_000), "-15.8947");
        assert_eq!(percent(1, 2_000_000), "0.0001", "a half goes away from zero");
        assert_eq!(percent(-1, 2_000_000), "-0.0001");
        assert_eq!(percent(-1, 2_000_001), "0.0000", "no negative zero");
        assert_eq!(percent(0, 0), UNDEFINED);
        assert_eq!(percent(i128::from(u64::MAX), 1), "1844674407370955161500.0000");
    }

    #[test]
    fn prints_as_many_decimals_as_asked_for_and_rounds_once() {
        let level = Ratio::new(89_996, 100_000).expect("a ratio").percent();
        assert_eq!([format!("{level:.2}"), format!("{level:.0}"), level.to_string()], ["90.00", "90", "89.9960"]);
        let mean = Ratio::new(1_107_512, 27_162).expect("a ratio").decimal();
        assert_eq!([format!("{mean:.1}"), mean.to_string()], ["40.8", "40.7743"]);
    }

    #[test]
    fn the_target_is_strict() {
        let met = |numerator: i128, denominator| Ratio::new(numerator, denominator).map(|r| r.exceeds_percent(90));
        assert_eq!(met(90, 100), Some(false));
        assert_eq!(met(89_996, 100_000), Some(false));
        assert_eq!(met(900_000_001, 1_000_000_000), Some(true));
    }

    #[test]
    fn fractions_are_reduced() {
        assert_eq!(Ratio::new(856, 950).map(Ratio::percent_fraction), Some((1712, 19)));
        assert_eq!(Ratio::new(0, 7).map(Ratio::percent_fraction), Some((0, 1)));
    }
}
