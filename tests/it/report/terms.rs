//! Thresholds: of the day, changed, asked for; and the notes of a report.

use super::desk::{abandoned, answered, call, month, october, report, report_with};
use centralino::report::model::{Closing, Note};
use centralino::report::profile::Indicators;
use centralino::report::{Profile, VisitOutcome};
use centralino::stats::ratio::percent_or_undefined;
use centralino::stats::service_level::{Events, Formula};
use centralino::time::Duration;

#[test]
fn other_thresholds_leave_the_official_figures_alone() {
    let plain = report(month("2026-10"), &october());
    let mut asked = month("2026-10");
    asked.thresholds = [7, 30, 20, 300].map(Duration::from_secs).to_vec();
    let with = report(asked, &october());
    assert_eq!((with.total.contract, &with.total.official), (plain.total.contract, &plain.total.official));
    assert_eq!((with.contract.clone(), with.official.clone()), (plain.contract, plain.official));
    // Recomputed under the contract's own thresholds, the figures are the official ones.
    assert_eq!(with.total.asked[1], with.total.contract);
    assert_eq!(with.total.asked[2], with.total.official[0]);
    let hits: Vec<u64> = with.total.asked.iter().map(|level| level.events.hit).collect();
    assert!(hits[0] < hits[2] && hits[2] < hits[1] && hits[1] < hits[3], "{hits:?}");
}

#[test]
fn what_was_told_late_that_day_stays_late() {
    // The timer was told before the answer that had come in time: a miss that day, a hit if it were judged by its wait.
    let mut record = answered("2026-10-05T10:00", 29_999).record();
    record.visits[0].thresholds[0].passed = true;
    let mut asked = month("2026-10");
    asked.thresholds = vec![Duration::from_secs(30)];
    let report = report(asked, &[record]);
    assert_eq!(report.total.contract.events, Events { miss: 1, ..Events::default() });
    assert_eq!(report.total.asked[0].events, Events { hit: 1, ..Events::default() });
    let four = report.total.contract.four_counts();
    assert_eq!((four.answered_in_time, four.answered_late), (0, 1));
}

#[test]
fn changed_terms_judge_each_call_by_its_day() {
    let mut strict = answered("2026-10-20T10:00", 25_000);
    strict.thresholds = vec![20, 30];
    let records = [answered("2026-10-05T10:00", 25_000).record(), strict.record()];
    let report = report(month("2026-10"), &records);
    // 25 s: in time while T was 30 s, late since it is 20 s.
    assert_eq!(report.total.contract.events, Events { hit: 1, miss: 1, ..Events::default() });
    assert_eq!(report.contract, [20, 30].map(Duration::from_secs));
    let by_length: Vec<(u64, Events)> =
        report.official.iter().zip(&report.total.official).map(|(t, level)| (t.as_secs(), level.events)).collect();
    let told = |hit, miss| Events { hit, miss, ..Events::default() };
    assert_eq!(by_length, [(30, told(2, 0)), (20, told(0, 2)), (40, told(1, 0))]);
    let change = report.notes.iter().find_map(|note| match note {
        Note::TermsChanged { queue, since, before, after } => {
            Some((queue.to_string(), since.date().to_string(), before.thresholds[0], after.thresholds[0]))
        }
        _ => None,
    });
    let seconds = Duration::from_secs;
    assert_eq!(change, Some(("urp".to_owned(), "2026-10-20".to_owned(), seconds(30), seconds(20))));
    assert!(report.notes.contains(&Note::SeveralTerms));
}

#[test]
fn a_call_that_visits_two_queues_is_judged_in_each_by_its_own_terms() {
    let flowed = VisitOutcome::FlowedOut(centralino::facts::FlowOut::Service);
    let mut record = call("2026-10-05T10:00:00", 25_000, flowed).record();
    let mut second = answered("2026-10-05T10:00:25", 25_000);
    second.thresholds = vec![20];
    let mut second = second.record().visits.remove(0);
    second.queue = "cup".into();
    record.visits.push(second);
    let report = report(month("2026-10"), &[record]);
    // Received once, entered twice: excused under 30 s, a miss under 20 s.
    let figures = &report.total.figures;
    assert_eq!((figures.received, figures.entered, figures.flowed_out, figures.answered), (1, 2, 1, 1));
    assert_eq!(report.total.contract.events, Events { miss: 1, excused: 1, ..Events::default() });
    let pools: Vec<(u64, u64)> = report.pools.iter().map(|(_, pool)| (pool.answered, pool.in_time)).collect();
    assert_eq!(pools, [(1, 0)]);
    // Two queues with other terms are no change of terms.
    assert!(!report.notes.iter().any(|note| matches!(note, Note::TermsChanged { .. })));
    assert!(report.notes.contains(&Note::SeveralTerms));
}

#[test]
fn exactly_at_the_threshold_is_within() {
    let records = [
        answered("2026-10-05T10:00", 30_000),
        answered("2026-10-05T10:01", 30_001),
        abandoned("2026-10-05T10:02", 30_000),
    ];
    let report = report(month("2026-10"), &records.map(|call| call.record()));
    assert_eq!(report.total.contract.events, Events { hit: 1, miss: 1, excused: 1, pending: 0 });
}

#[test]
fn notes_say_what_the_numbers_do_not() {
    let records = [
        answered("2026-10-31T23:59:50", 25_000).record(),
        call("2026-10-09T09:00", 2_000, VisitOutcome::Failed).record(),
        answered("2026-11-01T00:00:01", 1_000).record(),
    ];
    let before = super::desk::moment("2026-10-03T00:00").utc;
    let closing = Closing { made_utc: before, lost: 3, purged_before: Some(before) };
    let notes = report_with(month("2026-10"), &records, closing).notes;
    assert_eq!(notes[..3], [Note::NotOver, Note::WaitingAtClosing(1), Note::Failed(1)]);
    assert!(matches!(&notes[3..], [Note::Lost(3), Note::Purged(_)]), "{notes:?}");
    let empty = report(month("2026-12"), &records);
    assert_eq!(empty.notes, [Note::NoCalls, Note::WaitingAtClosing(0), Note::Failed(0)]);
    assert_eq!((empty.total.contract.events.service_level(), empty.target_percent), (None, None));
}

#[test]
fn profiles_hold_indicators_against_their_limits() {
    let records = [
        answered("2026-10-05T10:00", 290_000),
        answered("2026-10-05T10:05", 10_000),
        abandoned("2026-10-05T10:06", 40_000),
    ];
    let mut asked = month("2026-10");
    asked.profiles = Profile::ALL.to_vec();
    let report = report(asked, &records.map(|call| call.record()));
    let [agcom, arera] = &report.profiles[..] else { panic!("two profiles") };
    let printed = |it: &Indicators| {
        (
            it.mean.seconds().map(|mean| mean.decimal().to_string()),
            percent_or_undefined(it.share),
            it.mean_kept(),
            it.share_kept(),
        )
    };
    // 300 s over two answers: exactly the limit is kept. One of two within 20 s.
    assert_eq!(printed(&agcom.whole), (Some("150.0000".to_owned()), "50.0000".to_owned(), Some(true), Some(true)));
    // 340 s of waiting and three greetings of 8 s.
    assert_eq!(printed(&arera.whole), (Some("121.3333".to_owned()), "66.6667".to_owned(), Some(true), Some(false)));
    assert_eq!((agcom.months_kept(), arera.months_kept()), (1, 0));
}

#[test]
fn formulas_are_in_the_markets_order_where_nothing_failed_or_flowed_out() {
    let mut records = october();
    records.retain(|record| matches!(record.outcome(), "answered" | "abandoned"));
    let counts = report(month("2026-10"), &records).total.contract.counts;
    let value =
        |formula: Formula| formula.of(counts).expect("calls").percent().to_string().parse::<f64>().expect("a number");
    assert_eq!(Formula::Ignored.of(counts), Formula::Contract.of(counts));
    assert!(value(Formula::Negative) < value(Formula::Ignored) && value(Formula::Ignored) < value(Formula::Positive));
}
