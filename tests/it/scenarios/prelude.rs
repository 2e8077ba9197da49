//! What is said between an agent's 200 and the talk.

use super::script::check;
use super::{plan_with, seconds};
use centralino::acd::Plan;
use centralino::acd::plan::{Recording, Strategy};
use centralino::ids::{ClipId, Key};

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
