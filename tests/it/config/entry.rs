//! Calendars, who is let in, and ways out: what is read, and every mistake at its place.

use super::{checked, mistakes};
use centralino::acd::calendar::{Hours, On, Opening};
use centralino::acd::plan::{AtClosing, Exit};
use centralino::config;
use centralino::ids::{CalendarId, ServiceId};

const DESK: &str = r#"
pools = ["first_line"]
skills = []

[calendar.office]
monday = ["14:00-18:00", "08:30-13:00"]
holidays = ["12-25", "easter+1", 2026-06-24]
[calendar.office.special]
"12-24" = ["08:30-12:00"]
"2026-12-24" = []

[service.help]
number = "800"
queue = "help"
calendar = "office"
on_closed = { end = { tone_hz = 440, length = "1 s" } }
on_full = { service = "other" }
on_nobody_signed_in = "end"
at_closing = "flow_out"

[service.other]
number = "801"
queue = "other"

[queue.help]
on_max_wait = { service = "other" }
exits = { 9 = "end", "*" = { service = "other" } }
[[queue.help.step]]
pools = ["first_line"]

[queue.other]
[[queue.other.step]]
pools = ["first_line"]

[agent.101]
pool = "first_line"
password = "a long pass phrase"
"#;

#[test]
fn hours_and_ways_out_as_written() {
    let checked = checked(DESK);
    assert!(checked.warnings.is_empty(), "{:?}", checked.warnings);
    let (plan, other) = (&checked.plan, Exit::Service(ServiceId(1)));
    let [calendar] = &plan.calendars[..] else { panic!("{:?}", plan.calendars) };
    assert_eq!(calendar.week[0], [Hours { from: 30_600, to: 46_800 }, Hours { from: 50_400, to: 64_800 }]);
    assert!(calendar.week[1..].iter().all(Vec::is_empty));
    let days: Vec<_> = calendar.days.iter().map(|day| (day.on, day.hours.len(), day.is_holiday)).collect();
    assert_eq!(
        days,
        [
            (On::Date { year: 2026, month: 12, day: 24 }, 0, false),
            (On::Yearly { month: 12, day: 24 }, 1, false),
            (On::Yearly { month: 12, day: 25 }, 0, true),
            (On::Easter(1), 0, true),
            (On::Date { year: 2026, month: 6, day: 24 }, 0, true),
        ]
    );
    // Monday, 23 November 2026, 08:30 in Rome.
    assert_eq!(calendar.opening_at(1_795_419_000_000_000_000), Opening::Open);
    let entry = &plan.services[0].entry;
    assert_eq!((entry.calendar, entry.at_closing), (Some(CalendarId(0)), AtClosing::FlowOut));
    assert!(matches!(entry.closed, Exit::Announce(_)) && entry.holiday == entry.closed);
    assert_eq!((entry.full, entry.nobody_signed_in), (other, Some(Exit::End)));
    let queue = &plan.queues[0];
    assert_eq!(queue.on_max_wait, other);
    let exits: Vec<_> = queue.exits.iter().map(|(key, exit)| (key.sign(), *exit)).collect();
    assert_eq!(exits, [('9', Exit::End), ('*', other)]);
}

#[test]
fn what_is_not_written_lets_everybody_in() {
    let checked = checked(config::DEFAULT);
    for service in &checked.plan.services {
        assert_eq!(service.entry, centralino::acd::plan::Entry::default());
    }
}

#[test]
fn mistakes_in_calendars_and_ways_out() {
    let text = DESK
        .replace(
            "monday = [\"14:00-18:00\", \"08:30-13:00\"]",
            "monday = [\"08:30-13:00\", \"12:00-18:00\", \"8-9\"]\ntuesday = [\"22:00-06:00\"]",
        )
        .replace("\"12-25\", \"easter+1\"", "\"25-12\", \"easter1\"")
        .replace("\"2026-12-24\" = []", "\"2026-12-24\" = \"08:30-12:00\"")
        .replace("calendar = \"office\"", "calendar = \"ofice\"")
        .replace("on_full = { service = \"other\" }", "on_full = { service = \"help\" }")
        .replace("\"flow_out\"", "\"close\"")
        .replace("9 = \"end\"", "99 = \"end\", 8 = \"stop\", 7 = {}")
        .replace("number = \"801\"", "number = \"801\"\non_closed = \"end\"")
        .replace("[queue.other]\n", "[queue.other]\non_max_wait = { service = \"other\" }\n");
    insta::assert_snapshot!(mistakes(&text).to_string(), @r##"
    6:26: these hours begin before the ones before them have ended
    6:41: not the hours of a day (like "08:30-13:00"; a day ends at "24:00")
    7:12: these hours end before they begin (hours over midnight are those of two days: until 24:00, and from 00:00 on the next)
    8:13: `25-12` is no day (like "2026-12-24", "12-25" of every year, "easter", "easter+1")
    8:22: `easter1` is no day (like "2026-12-24", "12-25" of every year, "easter", "easter+1")
    11:16: the hours of a day must be a list, not text ("2026-12-24" = ["08:30-12:00"])
    16:12: there is no calendar `ofice` (did you mean `office`?)
    18:1: leads back to the same service
    20:14: there is no behaviour at closing `close` (there are `serve`, `flow_out`)
    24:1: `on_closed` says nothing: [service.other] is always open (`calendar` names its hours)
    29:11: `99` is no key of a telephone (a key is 0 to 9, "*" or "#")
    29:27: `stop` is no way out ("end", { end = "it/closed" } or { service = "…" })
    33:8: a way out of queue `other` leads back into it (callers of service `other` wait in the same queue)
    "##);
}

#[test]
fn a_calendar_that_nothing_goes_by_and_one_without_hours() {
    let text = DESK.replace("calendar = \"office\"\n", "").replace("at_closing = \"flow_out\"\n", "");
    let text = text.replace("on_closed = { end = { tone_hz = 440, length = \"1 s\" } }\n", "");
    let text = text.replace("monday = [\"14:00-18:00\", \"08:30-13:00\"]\n", "");
    let warnings: Vec<String> = checked(&text).warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r##"
    5:11: no day of the week has hours in `office` (monday = ["08:30-18:00"])
    5:11: no service goes by calendar `office`
    "##);
}
