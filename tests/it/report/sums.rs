//! Rows add up to their total, whatever they are rows of.

use super::desk::{answered, at_utc, moment, month, october, question, report, rome};
use centralino::report::model::{Level, PoolRow, Report, Row};
use centralino::report::period::Every;
use centralino::report::record::{Pause, TalkLeg};
use centralino::report::{Closing, Counter, Figures, Format, Language, Period, Profile};
use centralino::stats::service_level::{Counts, Events};
use centralino::time::Duration;

/// Every sum of a row; the longest wait is the longest of all.
fn sum<'r>(rows: impl Iterator<Item = &'r Row>) -> Row {
    let add = |level: &mut Level, more: &Level| {
        level.events += more.events;
        level.counts += more.counts;
    };
    let mut total = Row::default();
    for row in rows {
        total.official.resize(row.official.len(), Level::default());
        total.asked.resize(row.asked.len(), Level::default());
        total.figures += row.figures;
        add(&mut total.contract, &row.contract);
        total.official.iter_mut().zip(&row.official).for_each(|(level, more)| add(level, more));
        total.asked.iter_mut().zip(&row.asked).for_each(|(level, more)| add(level, more));
        total.longest = total.longest.max(row.longest);
        total.from_arrival += row.from_arrival;
    }
    total
}

fn assert_sums(report: &Report) {
    let total = &report.total;
    assert_eq!(&sum(report.days.iter().map(|(_, row)| row)), total, "days");
    assert_eq!(&sum(report.half_hours.iter().map(|(_, row)| row)), total, "half-hours");
    assert_eq!(&sum(report.months.iter().map(|(_, row)| row)), total, "months");
    assert_eq!(&sum(report.services.iter().map(|(_, row)| row)), total, "services");
    if report.question.every.is_some() {
        assert_eq!(&sum(report.intervals.iter().map(|(_, row)| row)), total, "intervals");
    }
    let mut pools = PoolRow::default();
    report.pools.iter().for_each(|(_, pool)| pools += *pool);
    let figures = &total.figures;
    let expected =
        (figures.answered, total.contract.events.hit, figures.waited_answered, figures.talked, figures.wrapped_up);
    assert_eq!((pools.answered, pools.in_time, pools.waited, pools.talked, pools.wrapped_up), expected, "pools");
}

#[test]
fn rows_of_every_table_add_up_to_the_total() {
    for every in [None, Some(Every::Quarter), Some(Every::HalfHour), Some(Every::Hour), Some(Every::Day)] {
        let mut asked = month("2026-10");
        asked.every = every;
        asked.thresholds = vec![Duration::from_secs(10), Duration::from_secs(25)];
        asked.profiles = Profile::ALL.to_vec();
        let report = report(asked, &october());
        assert!(report.total.figures.entered > 300 && report.services.len() == 2 && report.pools.len() == 2);
        assert_sums(&report);
    }
}

#[test]
fn the_laws_of_counting_hold_in_every_row() {
    let report = report(month("2026-10"), &october());
    let rows = report.days.iter().map(|(_, row)| row).chain(report.half_hours.iter().map(|(_, row)| row));
    for row in rows.chain([&report.total]) {
        let Figures { received, left_in_greeting, ended_in_menu, failed_in_greeting, entered, .. } = row.figures;
        let Figures { answered, abandoned, flowed_out, failed, .. } = row.figures;
        assert_eq!(entered, answered + abandoned + flowed_out + failed);
        assert_eq!(received, left_in_greeting + ended_in_menu + failed_in_greeting + entered);
        for level in row.official.iter().chain([&row.contract]) {
            let Events { hit, miss, excused, pending } = level.events;
            assert_eq!((hit + miss + excused, pending), (entered, 0));
            assert_eq!(level.counts.events(), level.events);
            let four = level.four_counts();
            assert_eq!(
                four.answered_in_time + four.answered_late + four.abandoned_late + four.other_late,
                level.denominator()
            );
            assert_eq!(four.abandoned_short + four.other_short, excused);
            let Counts { answered_in_time, answered_late, .. } = level.counts;
            assert_eq!((four.answered_in_time, four.answered_late), (answered_in_time, answered_late));
        }
    }
    assert!(report.total.figures.failed > 0 && report.total.figures.flowed_out > 0 && report.total.figures.refused > 0);
}

#[test]
fn one_service_alone_is_its_row_of_the_whole() {
    let whole = report(month("2026-10"), &october());
    for (name, row) in &whole.services {
        let mut asked = month("2026-10");
        asked.service = Some(name.to_string());
        let alone = report(asked, &october());
        assert_eq!(&alone.total, row);
        assert_sums(&alone);
    }
}

/// A call every quarter of an hour through the day.
fn quarters(day: &str) -> (Period, Vec<centralino::report::Interaction>) {
    let period = Period::stretch(day, day, &rome()).expect("a day");
    let utc = period.utc();
    let calls = (utc.start..utc.end).step_by(900_000_000_000);
    let records = calls.map(|at| {
        let mut call = answered("2026-01-01T00:00", 1_000);
        call.entered = at_utc(i128::from(at));
        call.record()
    });
    (period, records.collect())
}

#[test]
fn days_of_clock_changes_count_all_of_their_hours() {
    for (day, hours) in [("2026-03-29", 23u64), ("2026-10-25", 25)] {
        let (period, records) = quarters(day);
        let mut asked = question(period);
        asked.every = Some(Every::Hour);
        let report = report(asked, &records);
        assert_eq!(report.total.figures.entered, hours * 4);
        assert_eq!(report.intervals.len() as u64, hours);
        assert!(report.intervals.iter().all(|(_, row)| row.figures.entered == 4));
        // 02:00 to 03:00 does not exist in March and comes twice in October.
        let profile = [4, 5].map(|half: usize| report.half_hours[half].1.figures.entered);
        assert_eq!(profile, if hours == 23 { [0, 0] } else { [4, 4] });
        assert_sums(&report);
    }
}

#[test]
fn a_call_belongs_to_the_day_and_month_of_its_entry() {
    // Enters before midnight and is answered after; the other way round for the next month's first.
    let records = [answered("2026-10-31T23:59:50", 25_000).record(), answered("2026-11-01T00:00:00", 1_000).record()];
    let (october, november) = (report(month("2026-10"), &records), report(month("2026-11"), &records));
    assert_eq!((october.total.figures.entered, november.total.figures.entered), (1, 1));
    assert_eq!(october.days.last().map(|(_, row)| row.figures.answered), Some(1));
    assert_eq!(october.total.longest, Duration::from_secs(25));
}

#[test]
fn a_colleagues_part_of_a_talk_counts_for_the_colleagues_pool() {
    let second = Duration::from_secs(1);
    let mut passed_on = answered("2026-10-05T10:00:00", 4_000).record();
    let talk = passed_on.visits[0].talk.as_mut().expect("a talk");
    (talk.talked, talk.wrap_up) = (100 * second, Some(30 * second));
    talk.legs = [("first_line", 20, Some(10)), ("second_line", 80, Some(20))]
        .map(|(pool, talked, wrap_up)| TalkLeg {
            pool: pool.into(),
            agent: None,
            talked: talked * second,
            held: Duration::ZERO,
            consulted: Duration::ZERO,
            wrap_up: wrap_up.map(|seconds: u32| seconds * second),
        })
        .to_vec();
    let report = report(month("2026-10"), &[passed_on]);
    let of = |name: &str| report.pools.iter().find(|(pool, _)| &**pool == name).map(|(_, row)| *row).expect("a pool");
    let (first, other) = (of("first_line"), of("second_line"));
    assert_eq!((first.answered, first.talks, first.handled), (1, 1, 30 * second));
    assert_eq!((other.answered, other.talks, other.handled), (0, 1, 100 * second));
    assert_eq!(first.handled + other.handled, report.total.figures.handled());
    assert_sums(&report);
}

#[test]
fn pauses_are_summed_by_pool_and_reason_within_the_period() {
    let hour = Duration::from_secs(3_600);
    let pause = |pool: &str, reason: &str, began: &str| Pause {
        pool: pool.into(),
        agent: None,
        reason: reason.into(),
        began: moment(began),
        lasted: hour,
        limit_reached: false,
    };
    let pauses = [
        pause("first_line", "lunch", "2026-10-05T12:00"),
        pause("first_line", "lunch", "2026-10-06T12:00"),
        pause("back_office", "training", "2026-10-31T23:30"),
        pause("first_line", "training", "2026-11-01T00:00"),
    ];
    let counted = |question: centralino::report::Question| {
        let made_utc = question.period.utc().end;
        let mut counter = Counter::new(question).expect("an answerable question");
        pauses.iter().for_each(|pause| counter.add_pause(pause));
        counter.finish(Closing { made_utc, ..Closing::default() })
    };
    let report = counted(month("2026-10"));
    let rows: Vec<_> = report.pauses.iter().map(|(pool, why, it)| (&**pool, &**why, it.pauses, it.lasted)).collect();
    assert_eq!(rows, [("back_office", "training", 1, hour / 2), ("first_line", "lunch", 2, 2 * hour)]);
    let text = centralino::report::render(&report, Language::English, Format::Text);
    assert!(text.contains("Pauses by level and reason") && text.contains("training"), "{text}");
    let json = centralino::report::render(&report, Language::English, Format::Json);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&json["pauses"][1]["reason"], &json["pauses"][1]["lasted_ns"]),
        (&"lunch".into(), &7_200_000_000_000u64.into())
    );
    let mut of_service = month("2026-10");
    of_service.service = Some("urp".to_owned());
    assert!(counted(of_service).pauses.is_empty(), "a service has no agents of its own");
}
