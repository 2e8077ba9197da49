//! Who is let in: hours, holidays, full queues, nobody signed in; and a clock that is set.

use super::script::{check, check_reloads};
use super::{plan_with, seconds};
use centralino::acd::Plan;
use centralino::acd::calendar::{Calendar, Hours, On, Special, Zone};
use centralino::acd::plan::{AtClosing, Exit};
use centralino::ids::{CalendarId, ClipId, ServiceId};

const CLOSED: ClipId = ClipId(1);
const HOLIDAY: ClipId = ClipId(2);
const SWITCHBOARD: ServiceId = ServiceId(1);

/// Information is open from 08:30 to 18:00 by a clock an hour ahead of UTC, not at Christmas; it has two places.
fn with_hours(plan: &mut Plan) {
    let day = vec![Hours { from: 30_600, to: 64_800 }];
    plan.calendars = vec![Calendar {
        name: "office".to_owned(),
        zone: Zone { first: 3_600, changes: Vec::new() },
        week: std::array::from_fn(|_| day.clone()),
        days: vec![Special { on: On::Yearly { month: 12, day: 25 }, hours: Vec::new(), is_holiday: true }],
    }];
    plan.clips = ["welcome", "closed", "holiday"].map(str::to_owned).to_vec();
    plan.services[0].welcome = None;
    plan.services[0].entry.calendar = Some(CalendarId(0));
    plan.queues[0].max_length = 2;
}

fn plan(change: impl FnOnce(&mut Plan)) -> Plan {
    plan_with(|plan| {
        with_hours(plan);
        change(plan);
    })
}

#[test]
fn opens_and_closes_on_the_moment() {
    check(
        plan(|_| {}),
        "
        0s clock 2026-11-20T07:29:50Z
            information closed
        9.999s dial 1 information
            refused information closed
        10s call 2 information
            information open
            received 2
            entered 2 information
        10.001s gone 2
            abandoned 2, waited 0.001s
        34209.999s call 3 information
            received 3
            entered 3 information
        34209.9991s gone 3
            abandoned 3, waited 0.0001s
        34210s dial 4 information
            refused information closed
            information closed
        34210.001s dial 5 information
            refused information closed
        ",
    );
}

#[test]
fn the_moment_of_arrival_decides_and_not_that_of_its_handling() {
    check(
        plan(|_| {}),
        "
        0s clock 2026-11-20T16:59:50Z
        10.4s dial 1 information @9.9s slept
        12s dial 2 information @10.2s
            10s information closed
            refused information closed (at 10.2s)
        ",
    );
}

#[test]
fn whoever_calls_outside_the_hours_hears_why_and_was_never_received() {
    let plan = plan(|plan| {
        let entry = &mut plan.services[0].entry;
        (entry.closed, entry.holiday) = (Exit::Announce(CLOSED), Exit::Announce(HOLIDAY));
    });
    check(
        plan,
        "
        0s clock 2026-12-24T18:00:00Z
            information closed
        1s dial 1 information
            refused information closed
        2s established 1
            > closed 1
        9s clip-end 1 closed
            > refuse 1 closed
        10s call 2 information
            refused information closed
            > closed 2
        12s gone 2
        60000s call 3 information
            refused information closed
            > holiday 3
        60001s drain-end
            > refuse 3 closed
        ",
    );
}

#[test]
fn an_announcement_whose_end_is_never_told_ends_all_the_same() {
    check(
        plan(|plan| plan.services[0].entry.closed = Exit::Announce(CLOSED)),
        "
        0s clock 2026-12-24T18:00:00Z
            information closed
        1s call 1 information
            refused information closed
            > closed 1
        302s look
            301s > refuse 1 closed
        ",
    );
}

#[test]
fn another_service_takes_the_calls_of_one_that_is_closed_or_full() {
    let plan = plan(|plan| {
        let entry = &mut plan.services[0].entry;
        (entry.closed, entry.full) = (Exit::Service(SWITCHBOARD), Exit::Service(SWITCHBOARD));
        plan.services[1].welcome = None;
    });
    check(
        plan,
        "
        0s clock 2026-11-20T07:29:50Z
            information closed
        1s call 1 information
            passed on information closed to switchboard
            received 1
            entered 1 switchboard
        11s call 2 information
            10s information open
            received 2
            entered 2 information
        12s call 3 information
            received 3
            entered 3 information
        13s call 4 information
            passed on information queue_full to switchboard
            received 4
            entered 4 switchboard
        ",
    );
}

#[test]
fn services_that_send_callers_to_each_other_end_the_call() {
    let plan = plan(|plan| {
        plan.services[0].entry.closed = Exit::Service(SWITCHBOARD);
        plan.services[1].entry = plan.services[0].entry.clone();
        plan.services[1].entry.closed = Exit::Service(ServiceId(0));
    });
    check(
        plan,
        "
        0s clock 2026-11-20T22:00:00Z
            information closed
            switchboard closed
        1s dial 1 information
            passed on information closed to switchboard
            passed on switchboard closed to information
            passed on information closed to switchboard
            passed on switchboard closed to information
            passed on information closed to switchboard
            passed on switchboard closed to information
            passed on information closed to switchboard
            passed on switchboard closed to information
            passed on information closed to switchboard
            refused information closed
        ",
    );
}

#[test]
fn nobody_signed_in_may_be_a_reason_not_to_let_anybody_wait() {
    let plan = plan(|plan| plan.services[0].entry.nobody_signed_in = Some(Exit::End));
    check(
        plan,
        "
        0s dial 1 information
            refused information nobody_signed_in
        1s register 301
        2s call 2 information
            received 2
            entered 2 information
        3s unregister 301
        ",
    );
}

#[test]
fn until_civil_time_is_known_services_are_open() {
    check(
        plan(|_| {}),
        "
        1s call 1 information
            received 1
            entered 1 information
        2s clock 2026-11-20T22:00:00Z
            information closed
        ",
    );
}

#[test]
fn who_waits_at_closing_is_served() {
    check(
        plan(|_| {}),
        "
        0s clock 2026-11-20T16:59:50Z
        1s call 1 information
            received 1
            entered 1 information
        12s register 101
            10s information closed
            offer 1: 1 to 101, step 0
        ",
    );
}

#[test]
fn who_waits_at_closing_may_be_sent_away_but_not_out_of_an_answer() {
    let plan = plan(|plan| {
        plan.services[0].entry.closed = Exit::Announce(CLOSED);
        plan.services[0].entry.at_closing = AtClosing::FlowOut;
        plan.queues[0].max_length = 10;
        plan.queues[0].wrap_up = seconds(0);
    });
    check(
        plan,
        "
        0s clock 2026-11-20T16:59:50Z
        1s register 101
        2s register 102
        8s call 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        8.5s call 2 information
            received 2
            entered 2 information
            offer 2: 2 to 102, step 0
        9s answer 1
            > join 1 and offer 1
        9.1s call 3 information
            received 3
            entered 3 information
        9.5s answer 2
            > join 2 and offer 2
        10.1s joined 1
            10s information closed
            10s flowed out 3 closed, waited 0.9s
            10s > closed 3
            offer 1 accepted after 1s (at 9s)
            answered 1 by 101, waited 1s (at 9s)
        10.5s hang-up 2
            offer 2 failed after 2s
            flowed out 2 closed, waited 2s
            > closed 2
        14s clip-end 2 closed
            > hang up 2
        ",
    );
}

#[test]
fn a_clock_that_is_set_opens_and_closes() {
    check(
        plan(|plan| plan.services[0].entry.at_closing = AtClosing::FlowOut),
        "
        0s clock 2026-11-20T12:00:00Z
        1s call 1 information
            received 1
            entered 1 information
        2s clock 2026-11-20T20:00:00Z
            information closed
            flowed out 1 closed, waited 1s
            > hang up 1
        3s dial 2 information
            refused information closed
        4s clock 2026-11-20T12:00:03Z
            information open
        5s call 3 information
            received 3
            entered 3 information
        ",
    );
}

#[test]
fn a_reload_may_bring_hours_and_take_them_away() {
    let without = plan(|plan| {
        plan.services[0].entry.calendar = None;
        plan.calendars.clear();
    });
    let leaving = plan(|plan| plan.services[0].entry.at_closing = AtClosing::FlowOut);
    check_reloads(
        without.clone(),
        &[leaving, without],
        "
        0s clock 2026-11-20T20:00:00Z
        1s call 1 information
            received 1
            entered 1 information
        2s reload 0
            reload ok
            information closed
            flowed out 1 closed, waited 1s
            > hang up 1
        3s dial 2 information
            refused information closed
        4s reload 1
            reload ok
            information open
        5s call 3 information
            received 3
            entered 3 information
        ",
    );
}
