//! What is said between an agent's 200 and the talk.

use super::script::check;
use super::{plan_with, seconds};
use centralino::acd::Plan;
use centralino::acd::plan::{Exit, Recording, Strategy};
use centralino::ids::{ClipId, Key, ServiceId};

/// Agents are told what the call is about; callers that the back office is abroad.
fn abroad(plan: &mut Plan) {
    plan.queues[0].whisper = Some(ClipId(1));
    plan.queues[0].thresholds = vec![seconds(10)];
    plan.pools[1].announce = Some(ClipId(2));
    plan.queues[0].steps.truncate(1);
    plan.queues[0].steps[0].pools = vec![super::FIRST_LINE, super::BACK_OFFICE];
    plan.queues[0].steps[0].requires.clear();
    plan.clips = ["welcome", "information", "from_abroad"].map(str::to_owned).to_vec();
}

#[test]
fn the_wait_ends_with_the_200_whatever_is_said_before_the_talk() {
    check(
        plan_with(abroad),
        "
        0s register 201
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 201, step 0
            > welcome 1
        4s rings 1
        9s answer 1
            > first information to offer 1 and from_abroad to 1
        11s whispered 1
        14s clip-end 1 from_abroad
            > join 1 and offer 1
        14.1s joined 1
            offer 1 accepted after 9s (at 9s)
            answered 1 by 201, waited 9s (at 9s)
        34s gone 1
            ended 1 by caller, talked 25s
            > hang up offer 1
        ",
    );
}

#[test]
fn only_what_is_configured_is_said_and_twice_nothing_follows() {
    check(
        plan_with(abroad),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s answer 1
            > first information to offer 1 and nothing to 1
        1.5s clip-end 1 from_abroad
        2s whispered 1
            > join 1 and offer 1
        2s whispered 1
        2.1s joined 1
            offer 1 accepted after 1s (at 1s)
            answered 1 by 101, waited 1s (at 1s)
        ",
    );
}

/// Whoever hears that the agent is abroad may ask for one in the country, whose queue has no pool abroad; the place in
/// the order of callers is kept.
#[test]
fn a_key_of_the_queues_takes_the_caller_elsewhere_while_it_is_told_where_the_agent_sits() {
    let plan = plan_with(|plan| {
        abroad(plan);
        plan.queues[0].exits = vec![(Key::of_sign('5').unwrap(), Exit::Service(ServiceId(1)))];
        plan.queues[1].steps.truncate(1);
        plan.queues[1].steps[0].pools = vec![super::FIRST_LINE];
        plan.queues[1].steps[0].requires.clear();
    });
    check(
        plan,
        "
        show states
        0s register 201
            201: signed_out 0s -> ready
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 201, step 0
            201: ready 0s -> ringing
            > welcome 1
        4s answer 1
            201: ringing 4s -> talking
            > first information to offer 1 and from_abroad to 1
        5s key 1 7
        6s key 1 5
            offer 1 withdrawn after 6s
            201: talking 2s -> ready
            flowed out 1 service, waited 6s
            taken over 1 by switchboard
            entered 1 switchboard
            > hang up offer 1
        7s register 101
            101: signed_out 7s -> ready
            offer 2: 1 to 101, step 0
            101: ready 0s -> ringing
        8s answer 2
            101: ringing 1s -> talking
            > join 1 and offer 2
        8s key 1 5
        ",
    );
}

#[test]
fn a_caller_who_leaves_meanwhile_has_abandoned() {
    check(
        plan_with(abroad),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        3s rings 1
        9.5s answer 1
            > first information to offer 1 and nothing to 1
        11s gone 1
            offer 1 caller_gone after 11s
            late 1 10s (at 10s)
            abandoned 1, waited 11s
            > hang up offer 1
        12s whispered 1
        ",
    );
}

#[test]
fn an_agent_who_leaves_meanwhile_leaves_the_caller_at_its_place() {
    check(
        plan_with(abroad),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        3s rings 1
        9.5s answer 1
            > first information to offer 1 and nothing to 1
        11s register 102
        11s hang-up 1
            offer 1 failed after 11s
            late 1 10s (at 10s)
            offer 2: 1 to 102, step 0
        ",
    );
}

#[test]
fn an_end_that_is_never_told_is_not_waited_for_and_joining_has_its_own_time() {
    check(
        plan_with(abroad),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s answer 1
            > first information to offer 1 and nothing to 1
        21s look
            > join 1 and offer 1
        23s look
            offer 1 failed after 23s
            late 1 10s (at 10s)
            > hang up offer 1
        ",
    );
}

#[test]
fn nobody_else_picks_up_while_it_is_said() {
    let plan = plan_with(|plan| {
        abroad(plan);
        plan.queues[0].strategy = Strategy::RingAll;
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
            offer 2: 1 to 102, step 0
            > welcome 1
        1s rings 1
        1s rings 2
        2s answer 2
            offer 1 withdrawn after 2s
            > cancel offer 1
            > first information to offer 2 and nothing to 1
        ",
    );
}

/// Talks are recorded once the caller has heard the notice, whoever answers.
fn recorded(plan: &mut Plan) {
    abroad(plan);
    plan.queues[0].whisper = None;
    plan.clips.push("notice".to_owned());
    plan.queues[0].recording = Some(Recording { notice: ClipId(3), pause_key: Key::of_sign('*').unwrap() });
}

#[test]
fn nothing_is_recorded_before_the_notice_was_heard_and_a_key_pauses_it() {
    check(
        plan_with(recorded),
        "
        0s register 201
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 201, step 0
            > welcome 1
        2s answer 1
            > first nothing to offer 1 and from_abroad notice to 1
        3s agent-key 1 *
        4s clip-end 1 from_abroad
        8s clip-end 1 notice
            > join 1 and offer 1
        8.1s joined 1
            offer 1 accepted after 2s (at 2s)
            answered 1 by 201, waited 2s (at 2s)
            > record 1 with offer 1
        9s agent-key 1 5
        10s agent-key 1 *
            > pause recording 1
        12s agent-key 1 *
            > resume recording 1
        20s gone 1
            ended 1 by caller, talked 18s
            > hang up offer 1
        21s agent-key 1 *
        ",
    );
}

#[test]
fn a_talk_whose_notice_has_no_known_end_is_not_recorded() {
    check(
        plan_with(recorded),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        2s answer 1
            > first nothing to offer 1 and nothing notice to 1
        22s look
            > join 1 and offer 1
        22.1s joined 1
            offer 1 accepted after 2s (at 2s)
            answered 1 by 101, waited 2s (at 2s)
        23s agent-key 1 *
        ",
    );
}

#[test]
fn a_recording_follows_the_caller_and_leaves_out_hold_and_what_colleagues_are_asked() {
    check(
        plan_with(|plan| {
            recorded(plan);
            plan.pools[1].announce = None;
        }),
        "
        0s register 101
        0s register 201
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s answer 1
            > first nothing to offer 1 and nothing notice to 1
        5s clip-end 1 notice
            > join 1 and offer 1
        5s joined 1
            offer 1 accepted after 1s (at 1s)
            answered 1 by 101, waited 1s (at 1s)
            > record 1 with offer 1
        10s hold 1
            > pause recording 1
        11s ask 1 201
            > offer 2: asked by 1
        12s answer 2
            colleague asked for 1: completed
            > join offer 2 and asking 1
        13s agent-key 2 *
        20s ask-no-more 1
            > hang up offer 2
            > asking 1 ends, withdrawn
        21s retrieve 1
            > resume recording 1
        22s agent-key 1 *
            > pause recording 1
        23s hold 1
            > pause recording 1
        24s retrieve 1
            > pause recording 1
        30s pass 1 201
            > try the transfer by 1
            > offer 3: pass on 1
            > pause recording 1
        32s answer 3
            > join 1 and offer 3
        32s joined 3
            transfer of 1 completed, blind
            passed on 1 by 101, talked 17s, held 5s, consulted 9s
            taken up 1 by 201
            > transfer by 1 completed
            > hang up offer 1
            > record 1 with offer 3
        33s agent-key 1 *
        34s agent-key 3 *
            > pause recording 1
        35s resume-recording 201
            > resume recording 1
        36s pause-recording 101
            101 denied: not_recorded
        40s gone 1
            ended 1 by caller, talked 8s
            > hang up offer 3
        41s pause-recording 201
            201 denied: not_recorded
        ",
    );
}

#[test]
fn who_waits_once_more_is_told_once_more() {
    check(
        plan_with(|plan| {
            recorded(plan);
            plan.pools[1].announce = None;
        }),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s answer 1
            > first nothing to offer 1 and nothing notice to 1
        5s clip-end 1 notice
            > join 1 and offer 1
        5s joined 1
            offer 1 accepted after 1s (at 1s)
            answered 1 by 101, waited 1s (at 1s)
            > record 1 with offer 1
        10s pass 1 800000100
            transfer of 1 completed, blind
            passed on 1 by 101, talked 9s
            taken over 1 by information
            entered 1 information
            > try the transfer by 1
            > transfer by 1 completed
            > hang up offer 1
            > end recording 1
        11s register 201
            offer 2: 1 to 201, step 0
        12s answer 2
            > first nothing to offer 2 and nothing notice to 1
        13s hang-up 2
            offer 2 failed after 2s
        16s answer 3
            15s offer 3: 1 to 101, step 0
            > first nothing to offer 3 and nothing notice to 1
        17s clip-end 1 notice
            > join 1 and offer 3
        17s joined 3
            offer 3 accepted after 1s (at 16s)
            answered 1 by 101, waited 6s (at 16s)
            > record 1 with offer 3
        ",
    );
}
