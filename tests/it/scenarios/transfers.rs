//! After the answer: hold, colleagues, transfers (semantics.md section 8).

use super::script::check;
use super::{plan, plan_with};

#[test]
fn hold_and_asking_a_colleague_are_not_talk() {
    check(
        plan(),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        0s register 201
            201: signed_out 0s -> ready
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            101: ready 1s -> ringing
            > welcome 1
        1s talk 1
            101: ringing 0s -> talking
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        11s hold 1
            101: talking 10s -> on_hold
        14s ask 1 201
            201: ready 14s -> ringing
            101: on_hold 3s -> consulting
            > offer 2: asked by 1
        16s rings 2
        18s answer 2
            colleague asked for 1: completed
            201: ringing 4s -> consulting
            > join offer 2 and asking 1
        28s ask-no-more 1
            201: consulting 10s -> ready
            101: consulting 14s -> on_hold
            > hang up offer 2
            > asking 1 ends, withdrawn
        29s retrieve 1
            101: on_hold 1s -> talking
        39s gone 1
            ended 1 by caller, talked 20s, held 4s, consulted 14s
            101: talking 10s -> wrap_up
            > hang up offer 1
        44s look
            101: wrap_up 5s -> ready
        ",
    );
}

#[test]
fn a_colleague_takes_the_caller_and_the_agents_time_ends() {
    check(
        plan(),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        0s register 201
            201: signed_out 0s -> ready
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            101: ready 1s -> ringing
            > welcome 1
        1s talk 1
            101: ringing 0s -> talking
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        11s pass 1 201
            201: ready 11s -> ringing
            101: talking 10s -> on_hold
            > try the transfer by 1
            > offer 2: pass on 1
        13s rings 2
        15s answer 2
            201: ringing 4s -> talking
            > join 1 and offer 2
        15.1s joined 2
            transfer of 1 completed, blind
            passed on 1 by 101, talked 10s, held 4.1s
            101: on_hold 4.1s -> wrap_up
            taken up 1 by 201
            > transfer by 1 completed
            > hang up offer 1
        25.1s gone 1
            20.1s 101: wrap_up 5s -> ready
            ended 1 by caller, talked 10.1s
            201: talking 10.1s -> wrap_up
            > hang up offer 2
        ",
    );
}

#[test]
fn nobody_answers_and_the_caller_is_back_with_the_agent_or_at_the_old_place_once_the_agent_is_gone() {
    check(
        plan(),
        "
        0s register 101
        0s register 201
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        11s pass 1 201
            > try the transfer by 1
            > offer 2: pass on 1
        12s rings 2
        26s look
            transfer of 1 no_answer, blind
            > cancel offer 2
            > transfer by 1 no_answer
        27s failed 2
        36s pass 1 201
            > try the transfer by 1
            > offer 3: pass on 1
        40s hang-up 1
            passed on 1 by 101, talked 20s, held 19s
            transfer of 1 unreachable, blind
            taken over 1 by information
            entered 1 information
            > cancel offer 3
            > transfer by 1 unreachable
        40.5s busy 3
        50s gone 1
            45s offer 4: 1 to 101, step 0
            49s offer 4 unreachable after 4s
            49s > cancel offer 4
            abandoned 1, waited 10s
        ",
    );
}

#[test]
fn the_colleague_who_was_asked_takes_the_caller() {
    check(
        plan(),
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        0s register 201
            201: signed_out 0s -> ready
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            101: ready 1s -> ringing
            > welcome 1
        1s talk 1
            101: ringing 0s -> talking
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        5s hold 1
            101: talking 4s -> on_hold
        6s ask 1 201
            201: ready 6s -> ringing
            101: on_hold 1s -> consulting
            > offer 2: asked by 1
        8s answer 2
            colleague asked for 1: completed
            201: ringing 2s -> consulting
            > join offer 2 and asking 1
        18s pass 1 colleague
            101: consulting 12s -> on_hold
            transfer of 1 completed, attended
            passed on 1 by 101, talked 4s, held 1s, consulted 12s
            101: on_hold 0s -> wrap_up
            taken up 1 by 201
            201: consulting 10s -> talking
            > try the transfer by 1
            > join 1 and offer 2
            > transfer by 1 completed
            > hang up offer 1
            > asking 1 ends, completed
        18.1s joined 2
        28s hang-up 2
            23s 101: wrap_up 5s -> ready
            ended 1 by agent, talked 10s
            201: talking 10s -> wrap_up
            > hang up 1
        ",
    );
}

#[test]
fn the_colleague_takes_the_caller_while_the_phone_still_rings() {
    check(
        plan(),
        "
        0s register 101
        0s register 201
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        5s hold 1
        6s ask 1 201
            > offer 2: asked by 1
        8s pass 1 colleague
            colleague asked for 1: withdrawn
            > try the transfer by 1
            > asking 1 ends, withdrawn
        9s answer 2
            > join 1 and offer 2
        9.1s joined 2
            transfer of 1 completed, attended
            passed on 1 by 101, talked 4s, held 2.1s, consulted 2s
            taken up 1 by 201
            > transfer by 1 completed
            > hang up offer 1
        28s gone 1
            ended 1 by caller, talked 19s
            > hang up offer 2
        ",
    );
}

#[test]
fn a_service_takes_the_caller_as_a_new_visit() {
    check(
        plan_with(|plan| plan.queues[1].max_length = 1),
        "
        0s register 101
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        5s pass 1 800000200
            transfer of 1 completed, blind
            passed on 1 by 101, talked 4s
            taken over 1 by switchboard
            entered 1 switchboard
            > try the transfer by 1
            > transfer by 1 completed
            > hang up offer 1
        5.5s enter 2 switchboard
            refused switchboard queue_full
        11s talk 2
            10s offer 2: 1 to 101, step 0
            offer 2 accepted after 1s
            answered 1 by 101, waited 6s
            > join 1 and offer 2
        12s gone 1
            ended 1 by caller, talked 1s
            > hang up offer 2
        12s talk 3
        20s enter 3 switchboard
            received 3
            entered 3 switchboard
            offer 3: 3 to 101, step 0
            > welcome 3
        21s pass 3 800000200
            > transfer by 3 refused
        22s gone 3
            offer 3 caller_gone after 2s
            abandoned 3, waited 2s
            > cancel offer 3
        ",
    );
}

#[test]
fn what_may_not_be_asked_is_refused_and_the_talk_goes_on() {
    check(
        plan(),
        "
        0s register 101
        0s register 102
        0s pause 102
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        2s pass 1 102
            transfer of 1 busy, blind
            > transfer by 1 busy
        3s pass 1 201
            transfer of 1 unreachable, blind
            > transfer by 1 unreachable
        4s pass 1 999
            transfer of 1 refused, blind
            > transfer by 1 refused
        5s pass 1 colleague
            transfer of 1 refused, attended
            > transfer by 1 refused
        6s ask 1 102
            colleague asked for 1: busy
            > asking 1 ends, busy
        7s resume 102
        8s ask 1 102
            > offer 2: asked by 1
        9s ask 1 102
            > asking 1 ends, refused
        10s gone 1
            colleague asked for 1: caller_gone
            ended 1 by caller, talked 7s, consulted 2s
            > hang up offer 1
            > cancel offer 2
            > asking 1 ends, caller_gone
        ",
    );
}

#[test]
fn the_caller_who_leaves_meanwhile_ends_it_all() {
    check(
        plan(),
        "
        0s register 101
        0s register 102
        0s register 201
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        2s pass 1 102
            > try the transfer by 1
            > offer 2: pass on 1
        3s gone 1
            transfer of 1 caller_gone, blind
            ended 1 by caller, talked 1s, held 1s
            > cancel offer 2
            > transfer by 1 caller_gone
            > hang up offer 1
        4s failed 2
        20s enter 2 information
            received 2
            entered 2 information
            offer 3: 2 to 102, step 0
            > welcome 2
        20s talk 3
            offer 3 accepted after 0s
            answered 2 by 102, waited 0s
            > join 2 and offer 3
        21s ask 3 201
            > offer 4: asked by 3
        22s answer 4
            colleague asked for 2: completed
            > join offer 4 and asking 3
        23s gone 2
            ended 2 by caller, talked 1s, consulted 2s
            > hang up offer 3
            > hang up offer 4
            > asking 3 ends, caller_gone
        30s enter 3 information
            received 3
            entered 3 information
            offer 5: 3 to 101, step 0
            > welcome 3
        30s talk 5
            offer 5 accepted after 0s
            answered 3 by 101, waited 0s
            > join 3 and offer 5
        31s pass 5 201
            > try the transfer by 5
            > offer 6: pass on 3
        32s hang-up 5
            passed on 3 by 101, talked 1s, held 1s
        33s gone 3
            transfer of 3 caller_gone, blind
            ended 3 by caller unattended
            > cancel offer 6
            > transfer by 5 caller_gone
        34s failed 6
        ",
    );
}

/// 101 passes the first caller on and hangs up; 201 turns it down 3 s later, while a second caller waits.
fn comes_back(grace: u64, offered: &str) {
    let table = "
        0s register 101
        0s register 201
        0s pause 201
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        2s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        4s resume 201
        5s pass 1 201
            > try the transfer by 1
            > offer 2: pass on 1
        6s hang-up 1
            passed on 1 by 101, talked 4s, held 1s
        7s pause 201
        8s rejected 2
            transfer of 1 rejected, blind
            taken over 1 by information
            entered 1 information
            > transfer by 1 rejected
        11s look
            OFFERED
        ";
    check(plan_with(|plan| plan.limits.reentry_grace = super::seconds(grace)), &table.replace("OFFERED", offered));
}

#[test]
fn who_comes_back_within_the_grace_time_stands_at_the_old_place_and_later_at_a_new_one() {
    comes_back(3, "offer 3: 1 to 101, step 0");
    comes_back(2, "offer 3: 2 to 101, step 0");
}
