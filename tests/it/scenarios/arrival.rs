//! Callers who come, are refused, leave early, or are ended by us.

use super::script::check;
use super::{plan, plan_with};
use centralino::acd::Plan;

#[test]
fn no_call_is_received_without_a_place_for_it() {
    let one_place = |plan: &mut Plan| plan.queues[0].max_length = 1;
    check(
        plan_with(one_place),
        "
        0s call 1 information
            received 1
            > welcome 1
        1s dial 2 information
            refused information queue_full
        2s gone 1
            left in greeting 1
        3s dial 3 information
        3s dial 4 nowhere
            refused - no_route
        ",
    );
}

#[test]
fn the_caller_leaves_in_the_greeting_early_and_late() {
    check(
        plan(),
        "
        0s dial 1 information
        1s gone 1
            received 1
            left in greeting 1
        2s call 2 information
            received 2
            > welcome 2
        3s gone 2 lost
            left in greeting 2, lost
        10s enter 3 information
            received 3
            entered 3 information
            > welcome 3
        10s enter 4 information
            received 4
            entered 4 information
            > welcome 4
        29s gone 3
            abandoned 3, waited 19s
        50.01s gone 4 @50.001s
            30s step 1 of 4
            30.02s late 4 20s (at 30s)
            40.02s late 4 30s (at 40s)
            late 4 40s (at 50s)
            abandoned 4, waited 40.001s (at 50.001s)
        ",
    );
}

#[test]
fn every_channel_in_use_refuses_talks_included() {
    check(
        plan_with(|plan| plan.limits.channels = 1),
        "
        0s register 101
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
            offer 1: 1 to 101, step 0
            > welcome 1
        1s talk 1
            offer 1 accepted after 1s
            answered 1 by 101, waited 1s
            > join 1 and offer 1
        2s dial 2 information
            refused information channel_limit
        3s gone 1
            ended 1 by caller, talked 2s
            > hang up offer 1
        4s dial 3 information
        ",
    );
}

#[test]
fn a_drain_refuses_new_calls_keeps_the_old_and_ends_with_everybody_hung_up() {
    check(
        plan(),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s talk 1
            offer 1 accepted after 1s
            answered 1 by 101, waited 1s
            > join 1 and offer 1
        2s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        3s call 3 information
            received 3
            > welcome 3
        3s dial 4 information
        4s drain
        5s dial 5 information
            refused information draining
        6s prompt-end 3
            entered 3 information
        6s register 102
            offer 2: 2 to 102, step 0
        10s drain-end
            ended 1 by system, talked 9s
            offer 2 withdrawn after 4s
            flowed out 2 drained, waited 8s
            flowed out 3 drained, waited 4s
            received 4
            failed in greeting 4
            > hang up 1
            > hang up offer 1
            > cancel offer 2
            > hang up 2
            > hang up 3
            > hang up 4
        10.1s rejected 2
        ",
    );
}

#[test]
fn a_limit_of_ours_fails_the_call() {
    check(
        plan(),
        "
        0s register 101
        0s call 1 information
            received 1
            > welcome 1
        1s broke 1
            failed in greeting 1
            > hang up 1
        2s enter 2 information
            received 2
            entered 2 information
            offer 1: 2 to 101, step 0
            > welcome 2
        3s broke 2
            offer 1 withdrawn after 1s
            failed 2, waited 1s
            > cancel offer 1
            > hang up 2
        3.1s rejected 1
        4s enter 3 information
            received 3
            entered 3 information
            offer 2: 3 to 101, step 0
            > welcome 3
        5s talk 2
            offer 2 accepted after 1s
            answered 3 by 101, waited 1s
            > join 3 and offer 2
        6s broke 3
            ended 3 by system, talked 1s
            > hang up 3
            > hang up offer 2
        ",
    );
}
