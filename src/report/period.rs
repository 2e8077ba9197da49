//! Civil time of a report: where its days, months and intervals begin, in the service's time zone. A day has 23 or 25
//! hours where the clocks change.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::ops::Range;

/// A stretch of civil time, its end excluded.
#[derive(Clone, Debug)]
pub struct Period {
    start: Zoned,
    end: Zoned,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Month,
    Stretch,
}

/// How long the rows of an interval report are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Fifteen minutes.
    Quarter,
    /// Thirty minutes.
    HalfHour,
    /// An hour.
    Hour,
    /// A civil day.
    Day,
}

/// Most days of a period: ten years.
pub const MOST_DAYS: usize = 3_660;

/// Most rows of an interval report: a year of hours.
pub const MOST_INTERVALS: usize = 8_784;

/// Why there is no such period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPeriod {
    /// Not a month, a day or a moment as it should be written.
    Unreadable(String),
    /// It ends before it begins, or is empty.
    Backwards,
    /// More than [`MOST_DAYS`] or [`MOST_INTERVALS`].
    TooLong,
}

impl std::fmt::Display for NoPeriod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoPeriod::Unreadable(text) => {
                write!(f, "`{text}` is no month (2026-10), day (2026-10-25) or moment (2026-10-25T14:30)")
            }
            NoPeriod::Backwards => f.write_str("the period ends before it begins"),
            NoPeriod::TooLong => {
                write!(f, "at most {MOST_DAYS} days and {MOST_INTERVALS} intervals: ask for less, or for longer rows")
            }
        }
    }
}

impl std::error::Error for NoPeriod {}

impl Period {
    /// A civil month, written `2026-10`.
    pub fn month(text: &str, zone: &TimeZone) -> Result<Period, NoPeriod> {
        let unreadable = || NoPeriod::Unreadable(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(unreadable)?;
        let written = year.len() == 4 && month.len() == 2;
        let (Ok(year), Ok(month), true) = (year.parse(), month.parse(), written) else { return Err(unreadable()) };
        let first = Date::new(year, month, 1).map_err(|_| unreadable())?;
        let next = first.last_of_month().tomorrow().map_err(|_| unreadable())?;
        Period::between(first.to_zoned(zone.clone()), next.to_zoned(zone.clone()), Kind::Month, unreadable)
    }

    /// From a day or moment to a day or moment. A day as the end is meant whole; a moment as the end is excluded.
    pub fn stretch(from: &str, to: &str, zone: &TimeZone) -> Result<Period, NoPeriod> {
        let day = |text: &str| text.parse::<Date>().ok().filter(|_| text.len() == 10);
        let moment = |text: &str| match day(text) {
            Some(date) => Some(date.to_datetime(jiff::civil::Time::midnight())),
            None => text.parse::<DateTime>().ok(),
        };
        let unreadable = |text: &str| NoPeriod::Unreadable(text.to_owned());
        let start = moment(from).ok_or_else(|| unreadable(from))?;
        let end = match day(to) {
            Some(date) => date.tomorrow().ok().map(|next| next.to_datetime(jiff::civil::Time::midnight())),
            None => moment(to),
        };
        let end = end.ok_or_else(|| unreadable(to))?;
        let (start, end) = (start.to_zoned(zone.clone()), end.to_zoned(zone.clone()));
        Period::between(start, end, Kind::Stretch, || unreadable(from))
    }

    fn between(
        start: Result<Zoned, jiff::Error>,
        end: Result<Zoned, jiff::Error>,
        kind: Kind,
        unreadable: impl Fn() -> NoPeriod,
    ) -> Result<Period, NoPeriod> {
        let (Ok(start), Ok(end)) = (start, end) else { return Err(unreadable()) };
        if start >= end {
            return Err(NoPeriod::Backwards);
        }
        let period = Period { start, end, kind };
        let days = period.end.timestamp().duration_since(period.start.timestamp()).as_hours() / 24;
        match usize::try_from(days) {
            Ok(days) if days <= MOST_DAYS => Ok(period),
            _ => Err(NoPeriod::TooLong),
        }
    }

    /// First moment and the moment after the last, in nanoseconds since 1970 UTC.
    pub fn utc(&self) -> Range<i64> {
        nanos(&self.start)..nanos(&self.end)
    }

    /// The first moment.
    pub fn start(&self) -> &Zoned {
        &self.start
    }

    /// The moment after the last.
    pub fn end(&self) -> &Zoned {
        &self.end
    }

    /// Whether it is one civil month.
    pub fn is_month(&self) -> bool {
        self.kind == Kind::Month
    }

    /// The last day of which something is in the period.
    pub fn last_day(&self) -> Date {
        let last = self.end.timestamp().as_nanosecond() - 1;
        Timestamp::from_nanosecond(last).map_or_else(|_| self.end.date(), |at| at.to_zoned(self.zone().clone()).date())
    }

    /// The zone that days are counted in.
    pub fn zone(&self) -> &TimeZone {
        self.start.time_zone()
    }

    /// The zone's name.
    pub fn zone_name(&self) -> &str {
        self.zone().iana_name().unwrap_or("UTC")
    }

    /// What clocks on the wall show at a moment.
    pub fn civil(&self, utc: i64) -> Zoned {
        Timestamp::from_nanosecond(i128::from(utc)).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone().clone())
    }

    /// Every civil day of which something is in the period.
    pub fn days(&self) -> Vec<Date> {
        let last = self.last_day();
        self.start.date().series(jiff::Span::new().days(1)).take_while(|day| *day <= last).take(MOST_DAYS + 1).collect()
    }

    /// The beginnings of the rows of an interval report. Clock changes make days longer or shorter, never minutes.
    pub fn intervals(&self, every: Every) -> Result<Vec<Zoned>, NoPeriod> {
        let mut begins = Vec::new();
        let mut at = self.start.clone();
        while at < self.end {
            if begins.len() >= MOST_INTERVALS {
                return Err(NoPeriod::TooLong);
            }
            let next = match every {
                Every::Day => at.date().tomorrow().and_then(|day| day.to_zoned(self.zone().clone())),
                Every::Quarter | Every::HalfHour | Every::Hour => {
                    at.checked_add(jiff::Span::new().minutes(every.minutes()))
                }
            };
            begins.push(at);
            let Ok(next) = next else { break };
            at = next;
        }
        Ok(begins)
    }
}

impl Every {
    /// Every length, the shortest first.
    pub const ALL: &[Every] = &[Every::Quarter, Every::HalfHour, Every::Hour, Every::Day];

    /// As it is written on the command line.
    pub const fn label(self) -> &'static str {
        match self {
            Every::Quarter => "15m",
            Every::HalfHour => "30m",
            Every::Hour => "1h",
            Every::Day => "1d",
        }
    }

    const fn minutes(self) -> i64 {
        match self {
            Every::Quarter => 15,
            Every::HalfHour => 30,
            Every::Hour => 60,
            Every::Day => 24 * 60,
        }
    }
}

/// Nanoseconds since 1970 UTC, as ledgers keep them.
pub fn nanos(at: &Zoned) -> i64 {
    i64::try_from(at.timestamp().as_nanosecond()).unwrap_or(i64::MAX)
}

/// The half-hour of the day, 0 to 47, by the clock on the wall.
pub fn half_hour(at: &Zoned) -> u8 {
    let half = at.hour().unsigned_abs() * 2 + u8::from(at.minute() >= 30);
    half.min(47)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rome() -> TimeZone {
        TimeZone::get("Europe/Rome").expect("a zone that is compiled in")
    }

    const HOUR: i64 = 3_600_000_000_000;

    #[test]
    fn days_of_clock_changes_are_23_and_25_hours_long() {
        for (day, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)] {
            let period = Period::stretch(day, day, &rome()).expect("a day");
            assert_eq!(period.utc().end - period.utc().start, hours * HOUR, "{day}");
            let count = |every| period.intervals(every).expect("few").len();
            let hours = usize::try_from(hours).expect("positive");
            assert_eq!(
                [Every::Day, Every::Hour, Every::HalfHour, Every::Quarter].map(count),
                [1, hours, hours * 2, hours * 4]
            );
            assert_eq!(period.days().len(), 1);
        }
    }

    #[test]
    fn the_hour_that_comes_twice_is_two_intervals_and_one_half_hour_of_the_profile() {
        let period = Period::stretch("2026-10-25", "2026-10-25", &rome()).expect("a day");
        let hours = period.intervals(Every::Hour).expect("few");
        let twice: Vec<String> =
            hours.iter().filter(|at| at.hour() == 2).map(|at| at.strftime("%H:%M %:z").to_string()).collect();
        assert_eq!(twice, ["02:00 +02:00", "02:00 +01:00"]);
        assert!(hours.iter().filter(|at| at.hour() == 2).all(|at| half_hour(at) == 4));
    }

    #[test]
    fn months_begin_and_end_at_midnight_of_the_zone() {
        let october = Period::month("2026-10", &rome()).expect("a month");
        assert_eq!(october.start().to_string(), "2026-10-01T00:00:00+02:00[Europe/Rome]");
        assert_eq!(october.end().to_string(), "2026-11-01T00:00:00+01:00[Europe/Rome]");
        assert_eq!((october.days().len(), october.last_day().day()), (31, 31));
        assert_eq!(october.utc().end - october.utc().start, (31 * 24 + 1) * HOUR);
        assert!(Period::month("2026-12", &rome()).is_ok_and(|month| month.days().len() == 31));
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in ["2026", "2026-13", "26-10", "2026-1", "ottobre", "", "2026-10-01"] {
            assert!(matches!(Period::month(text, &rome()), Err(NoPeriod::Unreadable(_))), "{text}");
        }
        let stretch = |from: &str, to: &str| Period::stretch(from, to, &rome()).err();
        assert_eq!(stretch("2026-10-02", "2026-10-01"), Some(NoPeriod::Backwards));
        assert_eq!(stretch("2026-10-02T10:00", "2026-10-02T10:00"), Some(NoPeriod::Backwards));
        assert_eq!(stretch("2000-01-01", "2026-01-01"), Some(NoPeriod::TooLong));
        assert_eq!(stretch("yesterday", "2026-01-01"), Some(NoPeriod::Unreadable("yesterday".to_owned())));
        assert_eq!(stretch("2026-10-02T10:00", "2026-10-02T10:30"), None);
        let decade = Period::stretch("2016-01-01", "2025-12-31", &rome()).expect("a period");
        assert_eq!(decade.intervals(Every::Hour).err(), Some(NoPeriod::TooLong));
    }
}
