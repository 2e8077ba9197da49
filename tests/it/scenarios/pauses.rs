//! What agents ask for: pauses with reasons and limits, other media, work after a call, moments left alone.

use super::script::check;
use super::{plan, plan_with, seconds};
use centralino::acd::plan::BackOff;

#[test]
fn another_reason_ends_one_pause_and_begins_the_next() {
    check(
        plan(),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        10s pause 101 training
            101: ready 10s -> paused
            101: pause begins, training
        30s pause 101
            101: pause over, training 20s
            101: pause begins, unspecified
        30s pause 101
        45s resume 101
            101: paused 35s -> ready
            101: pause over, unspecified 15s
        ",
    );
}

#[test]
fn a_pause_as_long_as_its_reason_allows_ends_by_itself() {
    check(
        plan(),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        10s pause 101 lunch
            101: ready 10s -> paused
            101: pause begins, lunch
        69.999s look
        70s look
            101: pause over, lunch 60s, its limit
            101: paused 60s -> ready
        80s pause 101 lunch
            101: ready 10s -> paused
            101: pause begins, lunch
        90s resume 101
            101: paused 10s -> ready
            101: pause over, lunch 10s
        200s look
        ",
    );
}

#[test]
fn as_many_as_may_pause_for_a_reason_do_and_the_next_is_denied() {
    check(
        plan(),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        0s register 102
            102: signed_out 0s -> ready
        10s pause 101 lunch
            101: ready 10s -> paused
            101: pause begins, lunch
        11s pause 102 lunch
            102 denied: too_many_paused
        12s pause 102 training
            102: ready 12s -> paused
            102: pause begins, training
        13s pause 101 training
            101: pause over, lunch 3s
            101: pause begins, training
        14s pause 102 lunch
            102: pause over, training 2s
            102: pause begins, lunch
        15s pause 102 dinner
            102 denied: no_such_reason
        16s pause 201 lunch
            201 denied: signed_out
        ",
    );
}

#[test]
fn a_pause_asked_for_during_a_call_counts_at_once_and_begins_after_it() {
    check(
        plan(),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        0s register 102
            102: signed_out 0s -> ready
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            101: ready 0s -> ringing
            > welcome 1
        1s talk 1
            101: ringing 1s -> talking
            offer 1 accepted after 1s
            answered 1 by 101, waited 1s
            > join 1 and offer 1
        2s pause 101 lunch
        3s pause 102 lunch
            102 denied: too_many_paused
        4s gone 1
            ended 1 by caller, talked 3s
            101: talking 3s -> wrap_up
            > hang up offer 1
        9s look
            101: wrap_up 5s -> paused
            101: pause begins, lunch
        69s look
            101: pause over, lunch 60s, its limit
            101: paused 60s -> ready
        ",
    );
}

#[test]
fn work_on_other_media_is_neither_ready_nor_a_pause() {
    check(
        plan(),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        1s other-media 101
            101: ready 1s -> other_media
        2s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        3s pause 101 training
            101: other_media 2s -> paused
            101: pause begins, training
        4s resume 101
            101: paused 1s -> other_media
            101: pause over, training 1s
        5s no-other-media 101
            101: other_media 1s -> ready
            offer 1: 1 to 101, step 0
            101: ready 0s -> ringing
        ",
    );
}

#[test]
fn work_after_a_call_is_ended_early_or_extended_within_its_limit() {
    check(
        plan_with(|plan| plan.limits.wrap_up_max = seconds(20)),
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
        1s talk 1
            101: ringing 1s -> talking
            offer 1 accepted after 1s
            answered 1 by 101, waited 1s
            > join 1 and offer 1
        2s end-wrap-up 101
            101 denied: not_in_wrap_up
        11s gone 1
            ended 1 by caller, talked 10s
            101: talking 10s -> wrap_up
            > hang up offer 1
        12s end-wrap-up 101
            101: wrap_up 1s -> ready
        20s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 101, step 0
            101: ready 8s -> ringing
            > welcome 2
        21s talk 2
            101: ringing 1s -> talking
            offer 2 accepted after 1s
            answered 2 by 101, waited 1s
            > join 2 and offer 2
        31s gone 2
            ended 2 by caller, talked 10s
            101: talking 10s -> wrap_up
            > hang up offer 2
        32s extend-wrap-up 101 16s
            101 denied: wrap_up_limit
        33s extend-wrap-up 101 15s
        50.999s look
        51s look
            101: wrap_up 20s -> ready
        ",
    );
}

#[test]
fn an_agent_with_no_work_after_a_call_has_none_whatever_the_queue_says() {
    check(
        plan_with(|plan| plan.agents[0].wrap_up = Some(seconds(0))),
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
        1s talk 1
            101: ringing 1s -> talking
            offer 1 accepted after 1s
            answered 1 by 101, waited 1s
            > join 1 and offer 1
        2s gone 1
            ended 1 by caller, talked 1s
            101: talking 1s -> ready
            > hang up offer 1
        ",
    );
}

#[test]
fn ready_ends_whatever_keeps_calls_away() {
    check(
        plan(),
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
        1s talk 1
            101: ringing 1s -> talking
            offer 1 accepted after 1s
            answered 1 by 101, waited 1s
            > join 1 and offer 1
        2s pause 101 lunch
        3s other-media 101
        4s gone 1
            ended 1 by caller, talked 3s
            101: talking 3s -> wrap_up
            > hang up offer 1
        5s ready 101
            101: wrap_up 1s -> ready
        ",
    );
}

#[test]
fn a_gap_after_each_talk_and_a_delay_after_a_missed_call_leave_the_agent_alone() {
    check(
        plan_with(|plan| {
            plan.agents[0].gap = seconds(8);
            plan.queues[0].ring = seconds(3);
            plan.limits.agent_delay = BackOff { no_answer: seconds(20), ..BackOff::NONE };
        }),
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
        1s talk 1
            101: ringing 1s -> talking
            offer 1 accepted after 1s
            answered 1 by 101, waited 1s
            > join 1 and offer 1
        2s gone 1
            ended 1 by caller, talked 1s
            101: talking 1s -> wrap_up
            > hang up offer 1
        3s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        10s look
            7s 101: wrap_up 5s -> resting
            101: resting 3s -> ready
            offer 2: 2 to 101, step 0
            101: ready 0s -> ringing
        11s rings 2
        14s rejected 2
            13s offer 2 no_answer after 3s
            13s > cancel offer 2
            101: ringing 4s -> resting
        20s enter 3 information
            received 3
            entered 3 information
            > welcome 3
        20.5s pause 101
            101: resting 6.5s -> paused
            101: pause begins, unspecified
        21s resume 101
            101: paused 0.5s -> resting
            101: pause over, unspecified 0.5s
        33s look
            23s step 1 of 2
            23.02s late 2 20s (at 23s)
            101: resting 12s -> ready
            offer 3: 2 to 101, step 0
            101: ready 0s -> ringing
        ",
    );
}
