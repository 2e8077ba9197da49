//! Calendars: opening hours as operators write them, and the clock of the place they hang in.

use super::mistake::Report;
use super::read::{Placed, Section};
use super::value::{check_name, kind, text, time_zone};
use super::words::{MOST_NAMES, Names, bounded};
use super::wrong::{Read, Wrong};
use crate::acd::calendar::{Calendar, Hours, On, Special, Zone};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use toml::de::DeValue;

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// Most stretches of hours of one day.
const MOST_HOURS: usize = 24;
/// Most holidays, and most special days, of one calendar.
const MOST_DAYS: usize = 1_000;
/// Changes of the clock are listed up to here (the year 2200); beyond, the last one stays.
const LAST_CHANGE: i64 = 7_258_118_400;
const DAY_SECONDS: u32 = 86_400;

const HOURS: &str = "like \"08:30-13:00\"; a day ends at \"24:00\"";
const DATES: &str = "like \"2026-12-24\", \"12-25\" of every year, \"easter\", \"easter+1\"";

/// All calendars of the file, and where each stands.
pub(super) struct Calendars {
    pub names: Names,
    list: Vec<Placed<Calendar>>,
}

impl Calendars {
    /// `zone` is that of calendars that name none.
    pub fn read(root: &mut Section<'_>, zone: &TimeZone, report: &Report<'_>) -> Calendars {
        let sections = root.get_named("calendar");
        if let Some((first, _)) = sections.first() {
            bounded(sections.len(), MOST_NAMES, "calendars", &first.span, report);
        }
        let mut list = Vec::new();
        for (name, section) in sections {
            if let Err(wrong) = check_name(name.value) {
                report.wrong(&name.span, wrong);
            }
            let calendar = read_calendar(name.value, section, zone, report);
            if calendar.week.iter().all(Vec::is_empty) && !report.is_marked(&name.span) {
                let hint = "monday = [\"08:30-18:00\"]".to_string();
                report.warning(&name.span, format!("no day of the week has hours in `{}`", name.value), Some(hint));
            }
            list.push(Placed { value: calendar, span: name.span });
        }
        let name =
            |calendar: &Placed<Calendar>| Placed { value: calendar.value.name.clone(), span: calendar.span.clone() };
        Calendars { names: Names::of("calendar", list.iter().map(name).collect()), list }
    }

    /// Those that nothing goes by are hardly meant.
    pub fn warn_of_the_unused(&self, is_used: impl Fn(usize) -> bool, report: &Report<'_>) {
        for (_, calendar) in self.list.iter().enumerate().filter(|(position, _)| !is_used(*position)) {
            report.warning(&calendar.span, format!("no service goes by calendar `{}`", calendar.value.name), None);
        }
    }

    pub fn into_plan(self) -> Vec<Calendar> {
        self.list.into_iter().map(|calendar| calendar.value).collect()
    }
}

fn read_calendar(name: &str, mut section: Section<'_>, zone: &TimeZone, report: &Report<'_>) -> Calendar {
    let zone = section.get("time_zone", time_zone).map_or_else(|| zone.clone(), |placed| placed.value);
    let week = DAYS.map(|day| read_hours(&mut section, day, report));
    let mut days = read_special(&mut section, report);
    days.extend(read_holidays(&mut section, report));
    section.finish();
    Calendar { name: name.to_string(), zone: offsets(&zone), week, days }
}

fn read_hours(section: &mut Section<'_>, key: &'static str, report: &Report<'_>) -> Vec<Hours> {
    let Some(list) = section.get_list(key, hours) else { return Vec::new() };
    bounded(list.value.len(), MOST_HOURS, "stretches of hours", &list.span, report);
    in_order(list.value, report)
}

/// Earlier hours first, and none within others.
fn in_order(mut list: Vec<Placed<Hours>>, report: &Report<'_>) -> Vec<Hours> {
    list.sort_by_key(|placed| placed.value);
    for pair in list.windows(2) {
        if let [earlier, later] = pair
            && later.value.from < earlier.value.to
        {
            report.mistake(&later.span, "these hours begin before the ones before them have ended", None);
        }
    }
    list.into_iter().map(|placed| placed.value).collect()
}

/// Days with hours of their own; one day of one year goes before a day of every year.
fn read_special(section: &mut Section<'_>, report: &Report<'_>) -> Vec<Special> {
    let Some(table) = section.get_section("special") else { return Vec::new() };
    let mut days = Vec::new();
    for (day, value) in table.entries() {
        let on = match date(day.value) {
            Ok(on) => Some(on),
            Err(wrong) => {
                report.wrong(&day.span, wrong);
                None
            }
        };
        let DeValue::Array(array) = value.get_ref() else {
            let problem = format!("the hours of a day must be a list, not {}", kind(value.get_ref()));
            report.mistake(&value.span(), problem, Some(format!("\"{}\" = [\"08:30-12:00\"]", day.value)));
            continue;
        };
        let hours = array.iter().filter_map(|element| table.keep(element, hours)).collect();
        let hours = in_order(hours, report);
        days.extend(on.map(|on| Special { on, hours, is_holiday: false }));
    }
    bounded(days.len(), MOST_DAYS, "special days", &table.span, report);
    days.sort_by_key(|special| !matches!(special.on, On::Date { .. }));
    days
}

fn read_holidays(section: &mut Section<'_>, report: &Report<'_>) -> Vec<Special> {
    let Some(list) = section.get_list("holidays", |value| match value {
        DeValue::Datetime(written) => date(&written.to_string()),
        _ => date(&text(value)?),
    }) else {
        return Vec::new();
    };
    bounded(list.value.len(), MOST_DAYS, "holidays", &list.span, report);
    list.value.into_iter().map(|on| Special { on: on.value, hours: Vec::new(), is_holiday: true }).collect()
}

fn hours(value: &DeValue<'_>) -> Read<Hours> {
    let written = text(value)?;
    let wrong = || Wrong::new("not the hours of a day", HOURS);
    let (from, to) = written.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (clock(from).ok_or_else(wrong)?, clock(to).ok_or_else(wrong)?);
    if from < to {
        return Ok(Hours { from, to });
    }
    let hint = "hours over midnight are those of two days: until 24:00, and from 00:00 on the next";
    Err(Wrong::new("these hours end before they begin", hint))
}

/// Seconds of the day.
fn clock(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two = |digits: &str| (digits.len() == 2).then(|| digits.parse::<u32>().ok()).flatten();
    let (hour, minute) = (two(hour)?, two(minute).filter(|minute| *minute < 60)?);
    let second = hour * 3_600 + minute * 60;
    (second <= DAY_SECONDS).then_some(second)
}

fn date(written: &str) -> Read<On> {
    let wrong = || Wrong::new(format!("`{written}` is no day"), DATES);
    if let Some(after) = written.strip_prefix("easter") {
        let days = if after.is_empty() { Some(0) } else { after.parse::<i16>().ok() };
        let signed = after.is_empty() || after.starts_with(['+', '-']);
        return days.filter(|days| signed && days.abs() <= 200).map(On::Easter).ok_or_else(wrong);
    }
    if let Ok(date) = written.parse::<Date>() {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        let year = i32::from(date.year());
        return if year >= 1970 { Ok(On::Date { year, month, day }) } else { Err(wrong()) };
    }
    // A year that has a 29 February.
    let date = format!("2024-{written}").parse::<Date>().ok().filter(|_| written.len() == 5).ok_or_else(wrong)?;
    Ok(On::Yearly { month: date.month().unsigned_abs(), day: date.day().unsigned_abs() })
}

/// What the clock on the wall is ahead of UTC, from 1970 on.
fn offsets(zone: &TimeZone) -> Zone {
    let start = Timestamp::UNIX_EPOCH;
    let changes = zone.following(start).map(|change| (change.timestamp().as_second(), change.offset().seconds()));
    Zone {
        first: zone.to_offset(start).seconds(),
        changes: changes.take_while(|&(moment, _)| moment < LAST_CHANGE).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_as_written() {
        for (written, expected) in [
            ("2026-12-24", Some(On::Date { year: 2026, month: 12, day: 24 })),
            ("12-25", Some(On::Yearly { month: 12, day: 25 })),
            ("02-29", Some(On::Yearly { month: 2, day: 29 })),
            ("easter", Some(On::Easter(0))),
            ("easter+1", Some(On::Easter(1))),
            ("easter-2", Some(On::Easter(-2))),
            ("easter1", None),
            ("13-01", None),
            ("2026-02-29", None),
            ("1969-12-31", None),
            ("1-1", None),
            ("", None),
        ] {
            assert_eq!(date(written).ok(), expected, "{written}");
        }
    }

    #[test]
    fn hours_as_written() {
        let of = |text: &str| hours(&DeValue::String(text.to_string().into())).ok().map(|hours| (hours.from, hours.to));
        assert_eq!(of("08:30-13:00"), Some((30_600, 46_800)));
        assert_eq!(of("00:00-24:00"), Some((0, 86_400)));
        for text in
            ["8:30-13:00", "08:30", "13:00-08:30", "08:60-09:00", "00:00-24:01", "22:00-06:00", "08:30-08:30", ""]
        {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn the_clock_in_rome_goes_forward_and_back() {
        let zone = offsets(&TimeZone::get("Europe/Rome").expect("a zone"));
        let spring_2026 = "2026-03-29T01:00Z".parse::<Timestamp>().expect("a moment").as_second();
        let position = zone.changes.iter().position(|change| *change == (spring_2026, 7_200)).expect("a change");
        assert_eq!(zone.changes[position + 1].1, 3_600);
        assert_eq!(offsets(&TimeZone::UTC), Zone::default());
    }
}
