//! Everybody at once: exactly one winner, and what becomes of the others.

use super::script::check;
use super::{BACK_OFFICE, FIRST_LINE, INFORMATION, agent, plan_with, seconds, step};
use centralino::acd::Plan;
use centralino::acd::plan::{StepMode, Strategy};
use centralino::time::Duration;

/// Three in first line and one in the back office, no wrap-up, no welcome.
fn everybody() -> Plan {
    plan_with(|plan| {
        plan.queues[0].strategy = Strategy::RingAll;
        plan.queues[0].steps = vec![step(0, &[FIRST_LINE], &[]), step(20, &[BACK_OFFICE], &[])];
        plan.queues[0].wrap_up = Duration::ZERO;
        plan.services[0].welcome = None;
        plan.agents = ["101", "102", "103"].map(|number| agent(number, FIRST_LINE, &[(INFORMATION, 9)])).to_vec();
        plan.agents.push(agent("201", BACK_OFFICE, &[]));
    })
}

#[test]
fn ring_all_has_one_winner_a_200_of_another_loses_the_race_and_the_rest_is_withdrawn() {
    check(
        everybody(),
        "
        show states
        0s register 103
            103: signed_out 0s -> ready
        0s register 101
            101: signed_out 0s -> ready
        0s register 102
            102: signed_out 0s -> ready
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            101: ready 1s -> ringing
            offer 2: 1 to 102, step 0
            102: ready 1s -> ringing
            offer 3: 1 to 103, step 0
            103: ready 1s -> ringing
        2s rings 1
        2s rings 2
        2s rings 3
        3s answer 2
            102: ringing 2s -> talking
            > join 1 and offer 2
        3.01s answer 3
            offer 3 lost_race after 2.01s
            103: ringing 2.01s -> ready
            > hang up offer 3
        3.02s joined 2
            offer 2 accepted after 2s (at 3s)
            offer 1 withdrawn after 2.02s
            answered 1 by 102, waited 2s (at 3s)
            > cancel offer 1
        3.1s rejected 1
            101: ringing 2.1s -> ready
        9s gone 1
            ended 1 by caller, talked 6s
            102: talking 6s -> ready
            > hang up offer 2
        ",
    );
}

#[test]
fn while_the_winner_is_joined_the_others_ring_on_and_one_of_them_wins_when_it_drops() {
    check(
        everybody(),
        "
        0s register 101
        0s register 102
        0s register 103
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            offer 2: 1 to 102, step 0
            offer 3: 1 to 103, step 0
        2s rings 1
        2s rings 2
        2s rings 3
        3s answer 1
            > join 1 and offer 1
        3.5s hang-up 1
            offer 1 failed after 2.5s
        4s talk 3
            offer 3 accepted after 3s
            offer 2 withdrawn after 3s
            answered 1 by 103, waited 3s
            > join 1 and offer 3
            > cancel offer 2
        4.5s rejected 2
        ",
    );
}

#[test]
fn a_phone_that_refuses_leaves_the_others_ringing_and_the_call_waits_again_after_the_last() {
    check(
        everybody(),
        "
        0s register 101
        0s register 102
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            offer 2: 1 to 102, step 0
        2s busy 1
            offer 1 busy after 1s
        3s register 103
        4s rings 2
        15.999s look
        16s look
            offer 2 no_answer after 15s
            offer 3: 1 to 101, step 0
            offer 4: 1 to 103, step 0
            > cancel offer 2
        ",
    );
}

#[test]
fn ring_all_rings_everybody_who_is_not_in_back_off_however_often_they_missed_the_call() {
    check(
        everybody(),
        "
        0s register 101
        0s register 102
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            offer 2: 1 to 102, step 0
        2s busy 1
            offer 1 busy after 1s
        2s busy 2
            offer 2 busy after 1s
        6.999s look
        7s look
            offer 3: 1 to 101, step 0
            offer 4: 1 to 102, step 0
        ",
    );
}

#[test]
fn when_the_caller_hangs_up_all_phones_stop_in_the_same_step() {
    check(
        everybody(),
        "
        0s register 101
        0s register 102
        0s register 103
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            offer 2: 1 to 102, step 0
            offer 3: 1 to 103, step 0
        2s rings 1
        2s rings 2
        2s rings 3
        3s answer 2
            > join 1 and offer 2
        3.01s gone 1
            offer 2 caller_gone after 2.01s
            offer 1 caller_gone after 2.01s
            offer 3 caller_gone after 2.01s
            abandoned 1, waited 2.01s
            > hang up offer 2
            > cancel offer 1
            > cancel offer 3
        ",
    );
}

#[test]
fn at_the_longest_wait_all_phones_stop() {
    let mut plan = everybody();
    plan.queues[0].max_wait = seconds(10);
    check(
        plan,
        "
        0s register 101
        0s register 102
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            offer 2: 1 to 102, step 0
        2s rings 1
        2s rings 2
        11s look
            offer 1 withdrawn after 10s
            offer 2 withdrawn after 10s
            flowed out 1 max_wait, waited 10s
            > cancel offer 1
            > cancel offer 2
            > hang up 1
        ",
    );
}

#[test]
fn a_step_that_replaces_takes_back_only_what_it_does_not_allow() {
    let mut plan = everybody();
    plan.queues[0].ring = seconds(60);
    plan.queues[0].steps[0].pools.push(BACK_OFFICE);
    plan.queues[0].steps[1].mode = StepMode::Replace;
    check(
        plan,
        "
        0s register 101
        0s register 102
        0s register 201
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            offer 2: 1 to 102, step 0
            offer 3: 1 to 201, step 0
        2s rings 1
        2s rings 2
        2s rings 3
        21s look
            step 1 of 1
            offer 1 withdrawn after 20s
            offer 2 withdrawn after 20s
            > cancel offer 1
            > cancel offer 2
        22s talk 3
            21.02s late 1 20s (at 21s)
            offer 3 accepted after 21s
            answered 1 by 201, waited 21s
            > join 1 and offer 3
        ",
    );
}
