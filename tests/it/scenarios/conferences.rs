//! Three-way: caller, agent and the colleague who is asked (semantics.md section 8).

use super::script::check;
use super::{plan, plan_with};
use centralino::acd::Plan;
use centralino::acd::plan::Recording;
use centralino::ids::{ClipId, Key};

/// 101 has a caller on hold, and 201 has answered.
const ASKING: &str = "
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
        11s hold 1
        13s ask 1 201
            > offer 2: asked by 1
        16s answer 2
            colleague asked for 1: completed
            > join offer 2 and asking 1
        ";

fn check_asking(plan: Plan, table: &str) {
    check(plan, &format!("{ASKING}{}", table.trim_start()));
}

fn with_key() -> Plan {
    plan_with(|plan| plan.limits.conference_key = Key::of_sign('#'))
}

#[test]
fn it_is_talk_and_back_to_two_when_the_colleague_leaves() {
    check_asking(
        plan(),
        "
        20s confer 101
            conference with 1
            > conference of 1, offer 1 and offer 2
        30s hang-up 2
        33s ask-no-more 1
            > asking 1 ends, completed
        34s retrieve 1
        40s gone 1
            ended 1 by caller, talked 29s, held 3s, consulted 7s
            > hang up offer 1
        ",
    );
}

/// The agent has taken the line with the caller: the other one is needed no more.
#[test]
fn the_line_to_the_colleague_stays_only_while_the_agent_speaks_on_it() {
    check_asking(
        plan(),
        "
        20s confer 101
            conference with 1
            > conference of 1, offer 1 and offer 2
        21s retrieve 1
        30s hang-up 2
            > asking 1 ends, completed
        40s hang-up 1
            ended 1 by agent, talked 30s, held 2s, consulted 7s
            > hang up 1
        ",
    );
    check_asking(
        plan(),
        "
        20s confer 101
            conference with 1
            > conference of 1, offer 1 and offer 2
        30s hang-up 2
        31s retrieve 1
            > asking 1 ends, completed
        32s ask 1 201
            > offer 3: asked by 1
        40s gone 1
            36s colleague asked for 1: unreachable
            36s > cancel offer 3
            36s > asking 1 ends, unreachable
            ended 1 by caller, talked 26s, held 2s, consulted 11s
            > hang up offer 1
        ",
    );
}

/// Whoever leaves first, the other has the time that was its own.
#[test]
fn the_agent_leaves_and_the_colleague_has_the_caller() {
    check_asking(
        plan(),
        "
        show states
        20s confer 101
            101: consulting 7s -> talking
            conference with 1
            > conference of 1, offer 1 and offer 2
        30s hang-up 1
            101: talking 10s -> on_hold
            passed on 1 by 101, talked 20s, held 2s, consulted 7s
            101: on_hold 0s -> wrap_up
            transfer of 1 completed, attended
            taken up 1 by 201
            201: consulting 14s -> talking
            > join 1 and offer 2
            > transfer by 1 completed
            > asking 1 ends, completed
        45s gone 1
            35s 101: wrap_up 5s -> ready
            ended 1 by caller, talked 15s
            201: talking 15s -> wrap_up
            > hang up offer 2
        ",
    );
    check_asking(
        plan(),
        "
        20s confer 101
            conference with 1
            > conference of 1, offer 1 and offer 2
        30s complete 101
            transfer of 1 completed, attended
            passed on 1 by 101, talked 20s, held 2s, consulted 7s
            taken up 1 by 201
            > asking 1 alone
            > try the transfer by 1
            > join 1 and offer 2
            > transfer by 1 completed
            > hang up offer 1
            > asking 1 ends, completed
        40s hang-up 2
            ended 1 by agent, talked 10s
            > hang up 1
        ",
    );
}

#[test]
fn the_caller_leaves_and_the_agents_finish_their_talk() {
    check_asking(
        plan(),
        "
        show states
        20s confer 101
            101: consulting 7s -> talking
            conference with 1
            > conference of 1, offer 1 and offer 2
        30s gone 1
            ended 1 by caller, talked 20s, held 2s, consulted 7s
            101: talking 10s -> consulting
            > hang up offer 1
        40s ask-no-more 1
            201: consulting 24s -> ready
            101: consulting 10s -> wrap_up
            > hang up offer 2
            > asking 1 ends, withdrawn
        45s look
            101: wrap_up 5s -> ready
        ",
    );
    // Nobody hangs up: for as long as an agent may ask, or until we stop.
    for (last, moment) in [("look", 630), ("drain-end", 50)] {
        let table = "
        20s confer 101
            conference with 1
            > conference of 1, offer 1 and offer 2
        30s gone 1
            ended 1 by caller, talked 20s, held 2s, consulted 7s
            > hang up offer 1
        ";
        let end = format!("{moment}s {last}\n            > hang up offer 2\n            > asking 1 ends, withdrawn\n");
        check_asking(plan(), &format!("{table}{end}"));
    }
}

#[test]
fn private_again_and_what_ends_it_all() {
    check_asking(
        with_key(),
        "
        show states
        20s agent-key 1 #
            101: consulting 7s -> talking
            conference with 1
            > conference of 1, offer 1 and offer 2
        25s agent-key 1 #
            101: talking 5s -> consulting
            > asking 1 alone
        27s agent-key 1 1
        28s return 101
            201: consulting 12s -> ready
            101: consulting 3s -> on_hold
            > hang up offer 2
            > asking 1 ends, withdrawn
        29s agent-key 1 #
        30s gone 1
            ended 1 by caller, talked 15s, held 4s, consulted 10s
            101: on_hold 2s -> wrap_up
            > hang up offer 1
        ",
    );
    check_asking(
        plan(),
        "
        20s agent-key 1 #
        20s confer 101
            conference with 1
            > conference of 1, offer 1 and offer 2
        30s drain-end
            ended 1 by system, talked 20s, held 2s, consulted 7s
            > hang up 1
            > hang up offer 1
            > hang up offer 2
            > asking 1 ends, caller_gone
        ",
    );
}

#[test]
fn passed_on_elsewhere_the_colleague_is_out() {
    check_asking(
        plan(),
        "
        20s confer 101
            conference with 1
            > conference of 1, offer 1 and offer 2
        25s register 102
        30s pass 1 102
            > hang up offer 2
            > asking 1 ends, withdrawn
            > try the transfer by 1
            > offer 3: pass on 1
        31s gone 1
            transfer of 1 caller_gone, blind
            ended 1 by caller, talked 20s, held 3s, consulted 7s
            > cancel offer 3
            > transfer by 1 caller_gone
            > hang up offer 1
        32s failed 3
        ",
    );
}

#[test]
fn what_cannot_be_is_denied() {
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
        2s confer 101
            101 denied: not_consulting
        3s ask 1 201
            > offer 2: asked by 1
        4s confer 101
            101 denied: not_consulting
        5s answer 2
            colleague asked for 1: completed
            > join offer 2 and asking 1
        6s confer 201
            201 denied: not_consulting
        7s separate 101
            101 denied: not_consulting
        8s confer 101
            conference with 1
            > conference of 1, offer 1 and offer 2
        9s confer 101
            101 denied: not_consulting
        10s return 101
            > hang up offer 2
            > asking 1 ends, withdrawn
        11s return 101
            101 denied: not_consulting
        12s complete 101
            101 denied: not_consulting
        13s gone 1
            ended 1 by caller, talked 7s, consulted 5s
            > hang up offer 1
        ",
    );
}

/// Recorded while all three speak, and not what agent and colleague say alone.
#[test]
fn the_recording_goes_on() {
    let recorded = plan_with(|plan| {
        plan.clips.push("notice".to_owned());
        plan.queues[0].recording = Some(Recording { notice: ClipId(1), pause_key: Key::of_sign('*').unwrap() });
    });
    check(
        recorded,
        "
        0s register 101
        0s register 201
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s answer 1
            > first nothing to offer 1 and nothing notice to 1
        3s clip-end 1 notice
            > join 1 and offer 1
        3s joined 1
            offer 1 accepted after 0s (at 1s)
            answered 1 by 101, waited 0s (at 1s)
            > record 1 with offer 1
        11s hold 1
            > pause recording 1
        13s ask 1 201
            > offer 2: asked by 1
        16s answer 2
            colleague asked for 1: completed
            > join offer 2 and asking 1
        20s confer 101
            conference with 1
            > resume recording 1
            > conference of 1, offer 1 and offer 2
        21s agent-key 1 *
            > pause recording 1
        22s agent-key 1 *
            > resume recording 1
        25s separate 101
            > asking 1 alone
            > pause recording 1
        26s confer 101
            conference with 1
            > resume recording 1
            > conference of 1, offer 1 and offer 2
        30s hang-up 1
            passed on 1 by 101, talked 19s, held 2s, consulted 8s
            transfer of 1 completed, attended
            taken up 1 by 201
            > pause recording 1
            > join 1 and offer 2
            > transfer by 1 completed
            > record 1 with offer 2
            > asking 1 ends, completed
        40s gone 1
            ended 1 by caller, talked 10s
            > hang up offer 2
        ",
    );
}
