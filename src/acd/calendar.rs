//! Calendars: when a service takes calls, by the clock on the wall. Data and integer arithmetic only.
//!
//! A service is open while the clock on the wall of its zone shows a time within the day's hours. On the two nights
//! on which that clock is put forward or back this says everything: hours that the clock jumps over do not happen,
//! and hours that it shows twice happen twice.
//!
//! `config` makes the zone's list of offsets out of the IANA database, so that a plan holds all that decides and a
//! later database changes no decision of an earlier run. Knows no call and no clock: whoever asks names the moment.

/// When services are open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calendar {
    /// As the configuration calls it.
    pub name: String,
    /// Where its clock hangs.
    pub zone: Zone,
    /// Hours of each weekday, Monday first.
    pub week: [Vec<Hours>; 7],
    /// Days with rules of their own; the first that matches is the day's.
    pub days: Vec<Special>,
}

/// The clock of a place: what it is ahead of UTC, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Seconds ahead of UTC before the first change.
    pub first: i32,
    /// Moments in seconds since 1970 (UTC), ascending, and the seconds ahead of UTC from then on.
    pub changes: Vec<(i64, i32)>,
}

/// Part of a day: from a second of the day on, up to but not including another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours {
    /// The first second within.
    pub from: u32,
    /// The first second after; at most 86400.
    pub to: u32,
}

/// A day unlike other weekdays of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Special {
    /// Which day.
    pub on: On,
    /// Its hours.
    pub hours: Vec<Hours>,
    /// A holiday: callers are told so.
    pub is_holiday: bool,
}

/// Which day of which years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// One day of one year.
    Date {
        /// 1970 or later.
        year: i32,
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
    },
    /// A day of every year.
    Yearly {
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
    },
    /// So many days after Easter Sunday (before, when negative).
    Easter(i16),
}

/// Whether a service takes calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// It does.
    #[default]
    Open,
    /// Outside its hours.
    Closed,
    /// Outside its hours, on a holiday.
    Holiday,
}

const DAY: i64 = 86_400;
const NANOS: i64 = 1_000_000_000;
/// A calendar that stays as it is for longer is looked at again then.
const DAYS_AHEAD: i64 = 400;

impl Calendar {
    /// What holds at this moment, in nanoseconds since 1970 (UTC).
    pub fn opening_at(&self, utc: i64) -> Opening {
        self.opening(utc.div_euclid(NANOS))
    }

    /// The next moment, in nanoseconds since 1970, at which something else may hold; never `utc` itself.
    pub fn next_change(&self, utc: i64) -> i64 {
        let mut second = utc.div_euclid(NANOS);
        let (now, last) = (self.opening(second), second.saturating_add(DAYS_AHEAD * DAY));
        while second < last {
            second = self.next_boundary(second);
            if self.opening(second) != now {
                break;
            }
        }
        second.saturating_mul(NANOS)
    }

    fn opening(&self, utc: i64) -> Opening {
        let wall = utc.saturating_add(self.zone.ahead(utc).into());
        let (day, second) = (wall.div_euclid(DAY), wall.rem_euclid(DAY));
        let special = self.special(day);
        let within = |hours: &Hours| (i64::from(hours.from)..i64::from(hours.to)).contains(&second);
        match special {
            _ if self.hours(day, special).iter().any(within) => Opening::Open,
            Some(special) if special.is_holiday => Opening::Holiday,
            _ => Opening::Closed,
        }
    }

    fn special(&self, day: i64) -> Option<&Special> {
        let (year, month, of_month) = date(day);
        self.days.iter().find(|special| match special.on {
            On::Date { year: y, month: m, day: d } => (y, m, d) == (year, month, of_month),
            On::Yearly { month: m, day: d } => (m, d) == (month, of_month),
            On::Easter(after) => easter(year) + i64::from(after) == day,
        })
    }

    fn hours<'a>(&'a self, day: i64, special: Option<&'a Special>) -> &'a [Hours] {
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or_default(); // 1970 began on a Thursday
        special.map_or_else(|| self.week.get(weekday).map_or(&[][..], Vec::as_slice), |special| &special.hours)
    }

    /// The first moment after this one at which the clock on the wall reaches a beginning, an end or a new day, or is
    /// put forward or back.
    fn next_boundary(&self, utc: i64) -> i64 {
        let ahead = i64::from(self.zone.ahead(utc));
        let wall = utc.saturating_add(ahead);
        let (day, second) = (wall.div_euclid(DAY), wall.rem_euclid(DAY));
        let edges = self.hours(day, self.special(day)).iter().flat_map(|hours| [hours.from, hours.to]).map(i64::from);
        let edge = edges.filter(|&edge| edge > second).min().unwrap_or(DAY);
        let moment = (day * DAY + edge).saturating_sub(ahead);
        self.zone.next_change(utc).map_or(moment, |change| moment.min(change))
    }
}

impl Zone {
    /// What the clock on the wall is ahead of UTC.
    fn ahead(&self, utc: i64) -> i32 {
        let past = self.changes.partition_point(|&(since, _)| since <= utc);
        past.checked_sub(1).and_then(|last| self.changes.get(last)).map_or(self.first, |&(_, ahead)| ahead)
    }

    fn next_change(&self, utc: i64) -> Option<i64> {
        let past = self.changes.partition_point(|&(since, _)| since <= utc);
        self.changes.get(past).map(|&(since, _)| since)
    }
}

/// Year, month and day of the month, of a day counted from 1970 on (the Gregorian calendar counted in eras of 400
/// years that begin in March, so that the leap day is the last one of its year).
fn date(day: i64) -> (i32, u8, u8) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (i32::try_from(year).unwrap_or(i32::MAX), u8::try_from(month).unwrap_or(1), u8::try_from(of_month).unwrap_or(1))
}

/// The day, counted from 1970 on, of a date of the Gregorian calendar.
fn day_of(year: i32, month: u8, of_month: u8) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let march_month = (i64::from(month) + 9) % 12;
    let of_year = (153 * march_month + 2) / 5 + i64::from(of_month) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Easter Sunday of a year: the Sunday after the first full moon of spring, by the Gregorian tables.
fn easter(year: i32) -> i64 {
    let (golden, century, of_century) = (year.rem_euclid(19), year.div_euclid(100), year.rem_euclid(100));
    let moon_shift = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - moon_shift + 15).rem_euclid(30);
    let to_sunday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4).rem_euclid(7);
    let late = (golden + 11 * epact + 22 * to_sunday) / 451;
    let sum = epact + to_sunday - 7 * late + 114;
    let (month, day) = (sum / 31, sum % 31 + 1);
    day_of(year, u8::try_from(month).unwrap_or(4), u8::try_from(day).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{Date, Weekday};
    use jiff::tz::TimeZone;
    use jiff::{Timestamp, ToSpan};
    use proptest::prelude::*;

    const HOUR: u32 = 3_600;

    fn rome() -> Zone {
        let zone = TimeZone::get("Europe/Rome").unwrap();
        let start: Timestamp = "2000-01-01T00:00Z".parse().unwrap();
        let changes = zone.following(start).take_while(|change| change.timestamp().as_second() < 4_000_000_000);
        let changes = changes.map(|change| (change.timestamp().as_second(), change.offset().seconds()));
        Zone { first: zone.to_offset(start).seconds(), changes: changes.collect() }
    }

    fn every_day(hours: &[(u32, u32)]) -> Calendar {
        let day: Vec<Hours> = hours.iter().map(|&(from, to)| Hours { from, to }).collect();
        Calendar { zone: rome(), week: std::array::from_fn(|_| day.clone()), ..Calendar::default() }
    }

    fn utc(text: &str) -> i64 {
        i64::try_from(text.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap()
    }

    /// Moments at which something changes from `from` on, up to `to`.
    fn changes(calendar: &Calendar, from: &str, to: &str) -> Vec<String> {
        let (mut moment, end) = (utc(from), utc(to));
        let mut found = Vec::new();
        loop {
            moment = calendar.next_change(moment);
            if moment >= end {
                return found;
            }
            let at = Timestamp::from_nanosecond(moment.into()).unwrap();
            found.push(format!("{at} {:?}", calendar.opening_at(moment)));
        }
    }

    #[test]
    fn opens_and_closes_on_the_nanosecond() {
        let calendar = every_day(&[(8 * HOUR + 1_800, 13 * HOUR), (14 * HOUR, 18 * HOUR)]);
        let opening = utc("2026-11-20T07:30:00Z");
        assert_eq!(calendar.opening_at(opening - 1), Opening::Closed);
        assert_eq!(calendar.opening_at(opening), Opening::Open);
        let closing = utc("2026-11-20T17:00:00Z");
        assert_eq!(calendar.opening_at(closing - 1), Opening::Open);
        assert_eq!(calendar.opening_at(closing), Opening::Closed);
        assert_eq!(calendar.next_change(opening - 1), opening);
        assert_eq!(calendar.next_change(opening), utc("2026-11-20T12:00:00Z"));
    }

    /// Hours of every day, from when on, and what changes in the half day after.
    type Row = (&'static [(u32, u32)], &'static str, &'static [&'static str]);

    /// 29 March 2026: 02:00 to 03:00 does not exist. 25 October 2026: it exists twice.
    #[test]
    fn the_two_nights_of_daylight_saving() {
        let rows: [Row; 5] = [
            // Open from 02:30: that night from 03:00 on.
            (
                &[(2 * HOUR + 1_800, 5 * HOUR)],
                "2026-03-28T20:00Z",
                &["2026-03-29T01:00:00Z Open", "2026-03-29T03:00:00Z Closed"],
            ),
            // Open 02:00 to 03:00: that night not at all.
            (&[(2 * HOUR, 3 * HOUR)], "2026-03-28T20:00Z", &[]),
            // Until 02:30: the clock shows later times from 03:00 on.
            (
                &[(HOUR, 2 * HOUR + 1_800)],
                "2026-03-28T20:00Z",
                &["2026-03-29T00:00:00Z Open", "2026-03-29T01:00:00Z Closed"],
            ),
            // 02:30 comes twice: so do the hours from 02:00 to 02:30.
            (
                &[(HOUR, 2 * HOUR + 1_800)],
                "2026-10-24T20:00Z",
                &[
                    "2026-10-24T23:00:00Z Open",
                    "2026-10-25T00:30:00Z Closed",
                    "2026-10-25T01:00:00Z Open",
                    "2026-10-25T01:30:00Z Closed",
                ],
            ),
            // Around the clock nothing happens at all.
            (&[(0, 24 * HOUR)], "2026-10-24T20:00Z", &[]),
        ];
        for (hours, from, expected) in rows {
            let (calendar, to) = (every_day(hours), utc(from) + 12 * 3_600 * NANOS);
            let to = Timestamp::from_nanosecond(to.into()).unwrap().to_string();
            assert_eq!(changes(&calendar, from, &to), expected, "{hours:?} {from}");
        }
    }

    #[test]
    fn holidays_specials_and_easter() {
        let mut calendar = every_day(&[(8 * HOUR, 18 * HOUR)]);
        let holiday = |on| Special { on, hours: Vec::new(), is_holiday: true };
        calendar.days = vec![
            Special {
                on: On::Date { year: 2026, month: 12, day: 24 },
                hours: vec![Hours { from: 8 * HOUR, to: 12 * HOUR }],
                is_holiday: false,
            },
            holiday(On::Yearly { month: 12, day: 25 }),
            holiday(On::Easter(1)),
        ];
        for (moment, expected) in [
            ("2026-12-24T10:59:59Z", Opening::Open),
            ("2026-12-24T11:00:00Z", Opening::Closed),
            ("2025-12-24T11:00:00Z", Opening::Open),
            ("2026-12-25T10:00:00Z", Opening::Holiday),
            ("2026-04-06T10:00:00Z", Opening::Holiday),
            ("2026-04-07T10:00:00Z", Opening::Open),
            ("2026-04-07T19:00:00Z", Opening::Closed),
        ] {
            assert_eq!(calendar.opening_at(utc(moment)), expected, "{moment}");
        }
    }

    #[test]
    fn easter_sundays() {
        for (year, month, day) in [
            (1998, 4, 12),
            (2000, 4, 23),
            (2008, 3, 23),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2027, 3, 28),
            (2038, 4, 25),
            (2049, 4, 18),
            (2076, 4, 19),
        ] {
            assert_eq!(date(easter(year)), (year, month, day));
        }
    }

    #[test]
    fn a_calendar_that_never_changes_is_looked_at_again() {
        let calendar = every_day(&[]);
        assert!(calendar.next_change(0) > 0);
        assert_eq!(calendar.opening_at(0), Opening::Closed);
    }

    proptest! {
        #[test]
        fn dates_are_those_of_the_calendar(day in -700_000i64..2_900_000) {
            let expected = Date::constant(1970, 1, 1).checked_add(day.days());
            prop_assume!(expected.is_ok());
            let (year, month, of_month) = date(day);
            let expected = expected.unwrap();
            prop_assert_eq!((year, month, of_month), (expected.year().into(), expected.month() as u8, expected.day() as u8));
            prop_assert_eq!(day_of(year, month, of_month), day);
        }

        #[test]
        fn what_holds_is_what_the_clock_on_the_wall_says(
            seconds in 1_000_000_000i64..3_900_000_000,
            from in 0u32..24, length in 1u32..8,
            weekday in 0usize..7,
        ) {
            let mut calendar = Calendar { zone: rome(), ..Calendar::default() };
            let hours = Hours { from: from * HOUR, to: (from + length).min(24) * HOUR };
            calendar.week[weekday] = vec![hours];
            let moment = Timestamp::from_second(seconds).unwrap().in_tz("Europe/Rome").unwrap();
            let is_day = moment.weekday() == Weekday::from_monday_zero_offset(weekday as i8).unwrap();
            let second = i64::from(moment.hour()) * 3_600 + i64::from(moment.minute()) * 60 + i64::from(moment.second());
            let expected = is_day && (i64::from(hours.from)..i64::from(hours.to)).contains(&second);
            prop_assert_eq!(calendar.opening_at(seconds * NANOS) == Opening::Open, expected);
            // Nothing changes before the next change.
            let next = calendar.next_change(seconds * NANOS);
            prop_assert!(next > seconds * NANOS);
            let between = seconds * NANOS + (next - seconds * NANOS) / 2;
            prop_assert_eq!(calendar.opening_at(between), calendar.opening_at(seconds * NANOS));
            prop_assert_eq!(calendar.opening_at(next - 1), calendar.opening_at(seconds * NANOS));
        }
    }
}
