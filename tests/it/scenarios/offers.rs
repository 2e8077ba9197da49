//! Offers: one phone, one call, one outcome, and every race.

use super::plan;
use super::script::check;

#[test]
fn a_call_is_answered_in_time_and_both_are_free_again() {
    check(
        plan(),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        1s dial 1 information
        1.1s established 1
            received 1
            > welcome 1
        4s prompt-end 1
            entered 1 information
            offer 1: 1 to 101, step 0
            101: ready 4s -> ringing
        4.2s rings 1
        9s answer 1
            101: ringing 5s -> talking
            > join 1 and offer 1
        9.05s joined 1
            offer 1 accepted after 5s (at 9s)
            answered 1 by 101, waited 5s (at 9s)
        69s gone 1
            ended 1 by caller, talked 60s
            101: talking 60s -> wrap_up
            > hang up offer 1
        80s look
            74s 101: wrap_up 5s -> ready
        ",
    );
}

#[test]
fn ring_no_answer_goes_to_the_next_agent_with_the_clock_running_on() {
    check(
        plan(),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        0s register 102
            102: signed_out 0s -> ready
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            101: ready 1s -> ringing
            > welcome 1
        2s rings 1
        16.5s rejected 1
            16s offer 1 no_answer after 15s
            16s offer 2: 1 to 102, step 0
            16s 102: ready 16s -> ringing
            16s > cancel offer 1
            101: ringing 15.5s -> ready
        19s talk 2
            102: ringing 3s -> talking
            offer 2 accepted after 3s
            answered 1 by 102, waited 18s
            > join 1 and offer 2
        20s hang-up 2
            ended 1 by agent, talked 1s
            102: talking 1s -> wrap_up
            > hang up 1
        ",
    );
}

#[test]
fn an_agent_who_drops_before_media_is_joined_gives_the_call_back_at_its_place() {
    check(
        plan(),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        2s answer 1
            > join 1 and offer 1
        2s register 102
            offer 2: 2 to 102, step 0
        3s hang-up 1
            offer 1 failed after 3s
        3.5s rejected 2
            offer 2 rejected after 1.5s
            offer 3: 1 to 102, step 0
            offer 4: 2 to 101, step 0
        ",
    );
}

#[test]
fn a_200_that_crosses_our_cancel_is_hung_up_and_changes_nothing() {
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
        1s rings 1
        2s gone 1
            offer 1 caller_gone after 2s
            abandoned 1, waited 2s
            > cancel offer 1
        2.1s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        2.2s answer 1
            101: ringing 2.2s -> ready
            offer 2: 2 to 101, step 0
            101: ready 0s -> ringing
            > hang up offer 1
        2.3s joined 1
        2.4s failed 1
        ",
    );
}

#[test]
fn the_caller_who_leaves_while_media_is_being_joined_has_abandoned() {
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
        1s answer 1
            101: ringing 1s -> talking
            > join 1 and offer 1
        1.5s gone 1
            offer 1 caller_gone after 1.5s
            101: talking 0.5s -> ready
            abandoned 1, waited 1.5s
            > hang up offer 1
        1.6s joined 1
        ",
    );
}

#[test]
fn each_cause_has_its_own_back_off() {
    check(
        plan(),
        "
        0s register 101
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
            offer 1: 1 to 101, step 0
            > welcome 1
        1s busy 1
            offer 1 busy after 1s
        6s look
            offer 2: 1 to 101, step 0
        7s rejected 2
            offer 2 rejected after 1s
        16.999s look
        17s look
            offer 3: 1 to 101, step 0
        18s failed 3
            offer 3 failed after 1s
        28s look
            20.02s late 1 20s (at 20s)
            offer 4: 1 to 101, step 0
        29s unreachable 4
            offer 4 unreachable after 1s
        ",
    );
}

#[test]
fn who_missed_the_call_is_not_offered_it_again_before_the_others() {
    check(
        plan(),
        "
        0s register 101
        0s register 102
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
            offer 1: 1 to 101, step 0
            > welcome 1
        1s busy 1
            offer 1 busy after 1s
            offer 2: 1 to 102, step 0
        2s rejected 2
            offer 2 rejected after 1s
        6s look
            offer 3: 1 to 101, step 0
        7s busy 3
            offer 3 busy after 1s
        11.999s look
        12s look
            offer 4: 1 to 102, step 0
        ",
    );
}
