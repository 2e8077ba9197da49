//! Agents: status, wrap-up, misses, phones that cannot be reached.

use super::script::check;
use super::{plan, plan_with, seconds};

#[test]
fn work_after_a_call_holds_over_all_queues_and_a_queue_without_it_has_none() {
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
        2s enter 2 switchboard
            received 2
            entered 2 switchboard
            > welcome 2
        11s gone 1
            ended 1 by caller, talked 10s
            > hang up offer 1
        12s enter 3 information
            received 3
            entered 3 information
            > welcome 3
        16s look
            offer 2: 2 to 101, step 0
        17s talk 2
            offer 2 accepted after 1s
            answered 2 by 101, waited 15s
            > join 2 and offer 2
        18s hang-up 2
            ended 2 by agent, talked 1s
            offer 3: 3 to 101, step 0
            > hang up 2
        ",
    );
}

#[test]
fn a_phone_that_gives_no_sign_is_unreachable_and_a_fixed_contact_is_tried_again() {
    check(
        plan_with(|plan| plan.agents[0].fixed_contact = true),
        "
        show states
        0s register 102
            101: signed_out 0s -> ready
            102: signed_out 0s -> ready
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
            offer 1: 1 to 101, step 0
            101: ready 0s -> ringing
            > welcome 1
        5s rejected 1
            4s offer 1 unreachable after 4s
            4s offer 2: 1 to 102, step 0
            4s 102: ready 4s -> ringing
            4s > cancel offer 1
            101: ringing 5s -> ready
        6s enter 2 switchboard
            received 2
            entered 2 switchboard
            offer 3: 2 to 101, step 0
            101: ready 1s -> ringing
            > welcome 2
        7s unreachable 2
            offer 2 unreachable after 3s
            102: ringing 3s -> unreachable
        8s unreachable 3
            offer 3 unreachable after 2s
            101: ringing 2s -> unreachable
        18s look
            101: unreachable 10s -> ready
            offer 4: 1 to 101, step 0
            101: ready 0s -> ringing
        19s unregister 102
            102: unreachable 12s -> signed_out
        20s register 102
            102: signed_out 1s -> ready
            offer 5: 2 to 102, step 0
            102: ready 0s -> ringing
        ",
    );
}

#[test]
fn three_misses_in_a_row_pause_the_agent_until_a_new_sign_in() {
    check(
        plan_with(|plan| plan.queues[1].ring = seconds(2)),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
            offer 1: 1 to 101, step 0
            101: ready 0s -> ringing
            > welcome 1
        1.5s rings 1
        2.5s rejected 1
            2s offer 1 no_answer after 2s
            2s > cancel offer 1
            101: ringing 2.5s -> ready
        7s look
            offer 2: 1 to 101, step 0
            101: ready 4.5s -> ringing
        8.5s rings 2
        9.5s rejected 2
            9s offer 2 no_answer after 2s
            9s > cancel offer 2
            101: ringing 2.5s -> ready
        14s look
            offer 3: 1 to 101, step 0
            101: ready 4.5s -> ringing
        15.5s rings 3
        16.5s rejected 3
            16s offer 3 no_answer after 2s
            16s > cancel offer 3
            101: ringing 2.5s -> paused
            101: pause begins, missed
        17s register 101
        18s resume 101
            101: paused 1.5s -> ready
            101: pause over, missed 1.5s
        18s unregister 101
            101: ready 0s -> signed_out
        ",
    );
}

#[test]
fn a_busy_phone_is_no_miss_and_does_not_end_the_row_of_them() {
    check(
        plan_with(|plan| plan.queues[1].ring = seconds(2)),
        "
        0s register 101
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
            offer 1: 1 to 101, step 0
            > welcome 1
        2.5s rejected 1
            2s offer 1 no_answer after 2s
            2s > cancel offer 1
        8s busy 2
            7s offer 2: 1 to 101, step 0
            offer 2 busy after 1s
        14s look
            13s offer 3: 1 to 101, step 0
        16.5s rejected 3
            15s offer 3 no_answer after 2s
            15s > cancel offer 3
        22s look
            20s offer 4: 1 to 101, step 0
            20.02s late 1 20s (at 20s)
            offer 4 no_answer after 2s
            > cancel offer 4
        24.5s rejected 4
        60s look
            30.02s late 1 30s (at 30s)
            40.02s late 1 40s (at 40s)
        ",
    );
}

#[test]
fn an_answer_ends_the_row_of_misses() {
    check(
        plan_with(|plan| plan.queues[1].ring = seconds(2)),
        "
        0s register 101
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
            offer 1: 1 to 101, step 0
            > welcome 1
        2.5s rejected 1
            2s offer 1 no_answer after 2s
            2s > cancel offer 1
        9.5s rejected 2
            7s offer 2: 1 to 101, step 0
            9s offer 2 no_answer after 2s
            9s > cancel offer 2
        14s look
            offer 3: 1 to 101, step 0
        15s talk 3
            offer 3 accepted after 1s
            answered 1 by 101, waited 15s
            > join 1 and offer 3
        16s gone 1
            ended 1 by caller, talked 1s
            > hang up offer 3
        20s enter 2 switchboard
            received 2
            entered 2 switchboard
            offer 4: 2 to 101, step 0
            > welcome 2
        22.5s rejected 4
            22s offer 4 no_answer after 2s
            22s > cancel offer 4
        29.5s rejected 5
            27s offer 5: 2 to 101, step 0
            29s offer 5 no_answer after 2s
            29s > cancel offer 5
        34s look
            offer 6: 2 to 101, step 0
        36.5s rejected 6
            36s offer 6 no_answer after 2s
            36s > cancel offer 6
        60s look
            40.02s late 2 20s (at 40s)
            50.02s late 2 30s (at 50s)
        ",
    );
}

#[test]
fn a_status_change_during_a_call_takes_effect_after_it() {
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
        2s unregister 101
        3s gone 1
            ended 1 by caller, talked 2s
            101: talking 2s -> wrap_up
            > hang up offer 1
        9s register 101
            8s 101: wrap_up 5s -> signed_out
            101: signed_out 1s -> ready
        10s pause 101
            101: ready 1s -> paused
            101: pause begins, unspecified
        11s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        12s resume 101
            101: paused 2s -> ready
            101: pause over, unspecified 2s
            offer 2: 2 to 101, step 0
            101: ready 0s -> ringing
        13s pause 101
        14s talk 2
            101: ringing 2s -> talking
            offer 2 accepted after 2s
            answered 2 by 101, waited 3s
            > join 2 and offer 2
        15s hang-up 2
            ended 2 by agent, talked 1s
            101: talking 1s -> wrap_up
            > hang up 2
        21s look
            20s 101: wrap_up 5s -> paused
            20s 101: pause begins, unspecified
        ",
    );
}
