//! The wait: thresholds, tier steps, seniority, the longest wait.

use super::script::check;
use super::{BACK_OFFICE, plan, plan_with, seconds, step};
use centralino::acd::plan::{Step, StepMode};
use centralino::ids::QueueId;

#[test]
fn waiting_on_passes_each_threshold_once_in_order_of_length() {
    check(
        plan(),
        "
        0s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        20s look
            step 1 of 1
        45s register 101
            20.02s late 1 20s (at 20s)
            30.02s late 1 30s (at 30s)
            40.02s late 1 40s (at 40s)
            offer 1: 1 to 101, step 0
        45.1s rings 1
        50s talk 1
            offer 1 accepted after 5s
            answered 1 by 101, waited 50s
            > join 1 and offer 1
        ",
    );
}

#[test]
fn whoever_leaves_at_exactly_t_was_in_time_and_a_nanosecond_later_was_not() {
    check(
        plan(),
        "
        0s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        20s gone 1
            abandoned 1, waited 20s
        21s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        41.000000001s gone 2
            41s step 1 of 2
            late 2 20s (at 41s)
            abandoned 2, waited 20.000000001s
        ",
    );
}

#[test]
fn exactly_t_is_within_and_a_200_received_in_time_is_a_hit_however_late_it_is_handled() {
    check(
        plan(),
        "
        0s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        18s register 101
            offer 1: 1 to 101, step 0
        20.018s answer 1 @20s
            20s step 1 of 1
            > join 1 and offer 1
        20.5s joined 1
            offer 1 accepted after 2s (at 20s)
            answered 1 by 101, waited 20s (at 20s)
        21s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        40s register 102
            offer 2: 2 to 102, step 0
        41.019s answer 2 @41.000000001s
            41s step 1 of 2
            > join 2 and offer 2
        41.02s joined 2
            late 2 20s (at 41s)
            offer 2 accepted after 1.000000001s (at 41.000000001s)
            answered 2 by 102, waited 20.000000001s (at 41.000000001s)
        ",
    );
}

#[test]
fn a_step_opens_at_its_moment_and_not_before() {
    check(
        plan(),
        "
        0s register 201
        0s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        19.999s look
        20s look
            step 1 of 1
            offer 1: 1 to 201, step 1
        20.001s look
        ",
    );
}

#[test]
fn nobody_without_the_skill_is_asked_and_nobody_behind_is_held_up() {
    check(
        plan(),
        "
        0s register 201
        0s register 301
        1s enter 1 switchboard
            received 1
            entered 1 switchboard
            > welcome 1
        2s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        22s look
            21.02s late 1 20s (at 21s)
            step 1 of 2
            offer 1: 2 to 201, step 1
        23s rejected 1
            22.02s late 2 20s (at 22s)
            offer 1 rejected after 1s
        33s look
            31.02s late 1 30s (at 31s)
            32.02s late 2 30s (at 32s)
            offer 2: 2 to 201, step 1
        36s rings 2
        47s rejected 2
            41.02s late 1 40s (at 41s)
            42.02s late 2 40s (at 42s)
            offer 2 rejected after 14s
        61.999s pause 201
            57s offer 3: 2 to 201, step 1
            61s offer 3 unreachable after 4s
            61s > cancel offer 3
        62s look
            step 2 of 2
            offer 4: 2 to 301, step 2
        ",
    );
}

#[test]
fn second_line_is_asked_only_when_nobody_of_the_earlier_steps_is_ready() {
    check(
        plan(),
        "
        0s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        0s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        0s enter 3 information
            received 3
            entered 3 information
            > welcome 3
        61s look
            20s step 1 of 1
            20s step 1 of 2
            20s step 1 of 3
            20.02s late 1 20s (at 20s)
            20.02s late 2 20s (at 20s)
            20.02s late 3 20s (at 20s)
            30.02s late 1 30s (at 30s)
            30.02s late 2 30s (at 30s)
            30.02s late 3 30s (at 30s)
            40.02s late 1 40s (at 40s)
            40.02s late 2 40s (at 40s)
            40.02s late 3 40s (at 40s)
            60s step 2 of 1
            60s step 2 of 2
            60s step 2 of 3
        62s register 301
            offer 1: 1 to 301, step 2
        62s register 101
            offer 2: 2 to 101, step 0
        62s register 102
            offer 3: 3 to 102, step 0
        ",
    );
}

#[test]
fn at_the_longest_wait_the_ringing_offer_is_cancelled_and_the_call_flows_out() {
    check(
        plan_with(|plan| plan.queues[0].max_wait = seconds(10)),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            101: ready 0s -> ringing
            > welcome 1
        1s rings 1
        10s look
            offer 1 withdrawn after 10s
            flowed out 1 max_wait, waited 10s
            > cancel offer 1
            > hang up 1
        11s rejected 1
            101: ringing 11s -> ready
        ",
    );
}

#[test]
fn deadlines_are_held_while_joining_and_those_past_fire_at_once() {
    check(
        plan_with(|plan| plan.queues[0].max_wait = seconds(31)),
        "
        0s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        19s register 101
            offer 1: 1 to 101, step 0
        19.5s answer 1
            > join 1 and offer 1
        20.5s register 201
        21.5s look
            offer 1 failed after 2.5s
            step 1 of 1
            late 1 20s (at 20s)
            offer 2: 1 to 201, step 1
            > hang up offer 1
        22s rings 2
        30.5s answer 2
            30.02s late 1 30s (at 30s)
            > join 1 and offer 2
        32.4s joined 2
            offer 2 accepted after 9s (at 30.5s)
            answered 1 by 201, waited 30.5s (at 30.5s)
        32.5s pause 101
        33s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        62s register 102
            53s step 1 of 2
            53.02s late 2 20s (at 53s)
            offer 3: 2 to 102, step 0
        63.5s answer 3
            63.02s late 2 30s (at 63s)
            > join 2 and offer 3
        65s hang-up 3
            offer 3 failed after 3s
            flowed out 2 max_wait, waited 32s
            > hang up 2
        ",
    );
}

#[test]
fn a_step_that_replaces_takes_back_an_offer_it_would_not_allow() {
    check(
        plan_with(|plan| plan.queues[0].steps[1] = Step { mode: StepMode::Replace, ..step(20, &[BACK_OFFICE], &[]) }),
        "
        0s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        19s register 101
            offer 1: 1 to 101, step 0
        19.5s rings 1
        20s look
            step 1 of 1
            offer 1 withdrawn after 1s
            > cancel offer 1
        20.5s register 201
            20.02s late 1 20s (at 20s)
            offer 2: 1 to 201, step 1
        ",
    );
}

#[test]
fn a_freed_agent_takes_the_most_senior_call_of_all_queues() {
    check(
        plan(),
        "
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
            > welcome 1
        1s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        2s enter 3 switchboard
            received 3
            entered 3 switchboard
            > welcome 3
        3s register 101
            offer 1: 1 to 101, step 0
        3s register 102
            offer 2: 2 to 102, step 0
        ",
    );
}

#[test]
fn a_service_with_credit_goes_before_those_who_entered_less_than_that_earlier() {
    let plan = plan_with(|plan| {
        plan.services[1].queue = QueueId(0);
        plan.services[1].priority_credit = seconds(10);
    });
    check(
        plan,
        "
        1s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        3s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        12s enter 3 switchboard
            received 3
            entered 3 information
            > welcome 3
        13s register 101
            offer 1: 1 to 101, step 0
        14s talk 1
            offer 1 accepted after 1s
            answered 1 by 101, waited 13s
            > join 1 and offer 1
        15s gone 1
            ended 1 by caller, talked 1s
            > hang up offer 1
        20s look
            offer 2: 3 to 101, step 0
        ",
    );
}

#[test]
fn a_caller_enters_when_the_end_of_the_welcome_is_never_told() {
    check(
        plan_with(|plan| plan.limits.greeting_max = seconds(60)),
        "
        0s call 1 information
            received 1
            > welcome 1
        1s call 2 information
            received 2
            > welcome 2
        2s gone 2
            left in greeting 2
        59.999s look
        60s look
            entered 1 information
        61s prompt-end 1
        ",
    );
}

#[test]
fn a_phone_that_rings_at_the_longest_wait_has_its_grace() {
    let plan = plan_with(|plan| {
        plan.queues[0].max_wait = seconds(10);
        plan.queues[0].max_wait_grace = seconds(4);
    });
    check(
        plan,
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s rings 1
        10s look
        13.999s talk 1
            offer 1 accepted after 13.999s
            answered 1 by 101, waited 13.999s
            > join 1 and offer 1
        14s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        23.999s look
        24s look
            flowed out 2 max_wait, waited 10s
            > hang up 2
        ",
    );
}

#[test]
fn the_grace_is_one_phones_and_ends_with_its_offer() {
    let plan = plan_with(|plan| {
        plan.queues[0].max_wait = seconds(10);
        plan.queues[0].max_wait_grace = seconds(4);
    });
    check(
        plan,
        "
        0s register 101
        0s register 102
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s rings 1
        12s busy 1
            offer 1 busy after 12s
            flowed out 1 max_wait, waited 12s
            > hang up 1
        13s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 102, step 0
            > welcome 2
        14s rings 2
        27s look
            offer 2 withdrawn after 14s
            flowed out 2 max_wait, waited 14s
            > cancel offer 2
            > hang up 2
        ",
    );
}
