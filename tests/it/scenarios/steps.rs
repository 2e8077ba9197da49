//! When tier steps open: by time, by unanswered offers, by nobody being signed in (semantics.md section 4).

use super::script::check;
use super::{BACK_OFFICE, FIRST_LINE, SECOND_LINE, agent, plan_with, seconds, step};
use centralino::acd::Plan;
use centralino::acd::plan::{Step, StepMode};

/// First line, from 20 s on the back office, from 60 s on second line; nobody needs a skill.
fn lines(change: impl FnOnce(&mut Vec<Step>)) -> Plan {
    plan_with(|plan| {
        let mut steps = vec![step(0, &[FIRST_LINE], &[]), step(20, &[BACK_OFFICE], &[]), step(60, &[SECOND_LINE], &[])];
        change(&mut steps);
        plan.queues[0].steps = steps;
        plan.queues[0].thresholds = vec![seconds(300)];
        plan.services[0].welcome = None;
        plan.agents = vec![agent("101", FIRST_LINE, &[]), agent("102", FIRST_LINE, &[])];
        plan.agents.extend([agent("201", BACK_OFFICE, &[]), agent("301", SECOND_LINE, &[])]);
    })
}

#[test]
fn a_step_opens_at_its_moment_and_not_a_millisecond_before() {
    check(
        lines(|_| {}),
        "
        0s register 201
        0s enter 1 information
            received 1
            entered 1 information
        19.999s look
        20s look
            step 1 of 1
            offer 1: 1 to 201, step 1
        20.001s look
        ",
    );
}

#[test]
fn an_agent_of_the_old_step_freed_a_millisecond_after_a_widening_step_is_too_late_for_the_call() {
    check(
        lines(|_| {}),
        "
        0s register 101
        0s register 201
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        0s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        1s enter 2 information
            received 2
            entered 2 information
        16.001s gone 1
            ended 1 by caller, talked 16.001s
            > hang up offer 1
        21.001s look
            21s step 1 of 2
            21s offer 2: 2 to 201, step 1
        ",
    );
}

#[test]
fn an_agent_of_the_old_step_freed_a_millisecond_before_goes_first() {
    check(
        lines(|_| {}),
        "
        0s register 101
        0s register 201
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        0s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        1s enter 2 information
            received 2
            entered 2 information
        15.999s gone 1
            ended 1 by caller, talked 15.999s
            > hang up offer 1
        21s look
            20.999s offer 2: 2 to 101, step 0
            step 1 of 2
        ",
    );
}

#[test]
fn freed_at_the_very_moment_of_the_step_the_old_step_goes_first() {
    check(
        lines(|_| {}),
        "
        0s register 101
        0s register 201
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        0s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        1s enter 2 information
            received 2
            entered 2 information
        16s gone 1
            ended 1 by caller, talked 16s
            > hang up offer 1
        21s look
            step 1 of 2
            offer 2: 2 to 101, step 0
        ",
    );
}

#[test]
fn an_agent_of_a_replaced_step_freed_a_millisecond_later_is_not_asked() {
    check(
        lines(|steps| steps[1].mode = StepMode::Replace),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        0s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        1s enter 2 information
            received 2
            entered 2 information
        16.001s gone 1
            ended 1 by caller, talked 16.001s
            > hang up offer 1
        22s register 201
            21s step 1 of 2
            offer 2: 2 to 201, step 1
        ",
    );
}

#[test]
fn a_step_opens_after_so_many_unanswered_offers() {
    check(
        lines(|steps| steps[1].after_offers = Some(2)),
        "
        0s register 101
        0s register 102
        0s register 201
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        1s busy 1
            offer 1 busy after 1s
            offer 2: 1 to 102, step 0
        2s rejected 2
            offer 2 rejected after 1s
            step 1 of 1, offers
            offer 3: 1 to 201, step 1
        3s busy 3
            offer 3 busy after 1s
        ",
    );
}

#[test]
fn a_withdrawn_offer_is_no_unanswered_one_and_a_dropped_one_is() {
    let mut plan = lines(|steps| {
        steps[1].mode = StepMode::Replace;
        steps[2].after_offers = Some(1);
    });
    plan.queues[0].ring = seconds(60);
    check(
        plan,
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        1s rings 1
        10s register 201
        20s look
            step 1 of 1
            offer 1 withdrawn after 20s
            offer 2: 1 to 201, step 1
            > cancel offer 1
        20s rings 2
        21s answer 2
            > join 1 and offer 2
        21.5s hang-up 2
            offer 2 failed after 1.5s
            step 2 of 1, offers
        ",
    );
}

#[test]
fn with_nobody_signed_in_a_call_goes_on_at_once_through_every_step_that_says_so() {
    check(
        lines(|steps| (steps[1].when_nobody_signed_in, steps[2].when_nobody_signed_in) = (true, true)),
        "
        0s register 301
        1s enter 1 information
            received 1
            entered 1 information
            step 1 of 1, nobody_signed_in
            step 2 of 1, nobody_signed_in
            offer 1: 1 to 301, step 2
        2s talk 1
            offer 1 accepted after 1s
            answered 1 by 301, waited 1s
            > join 1 and offer 1
        3s register 101
        4s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 101, step 0
        ",
    );
}

#[test]
fn the_last_to_sign_out_sends_waiting_calls_on_and_a_pause_does_not() {
    check(
        lines(|steps| steps[1].when_nobody_signed_in = true),
        "
        0s register 101
        0s pause 101
        0s register 102
        0s pause 102
        1s enter 1 information
            received 1
            entered 1 information
        2s enter 2 information
            received 2
            entered 2 information
        3s unregister 101
        4s unregister 102
            step 1 of 1, nobody_signed_in
            step 1 of 2, nobody_signed_in
        5s register 201
            offer 1: 1 to 201, step 1
        ",
    );
}

#[test]
fn who_signs_out_during_a_call_counts_until_its_end() {
    check(
        lines(|steps| steps[1].when_nobody_signed_in = true),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        0s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        1s enter 2 information
            received 2
            entered 2 information
        2s unregister 101
        3s gone 1
            ended 1 by caller, talked 3s
            > hang up offer 1
        8s look
            step 1 of 2, nobody_signed_in
        ",
    );
}

#[test]
fn a_call_whose_step_opened_early_reaches_the_next_at_its_own_time() {
    check(
        lines(|steps| steps[1].when_nobody_signed_in = true),
        "
        0s enter 1 information
            received 1
            entered 1 information
            step 1 of 1, nobody_signed_in
        20s look
        59.999s look
        60s look
            step 2 of 1
        ",
    );
}
