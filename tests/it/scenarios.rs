//! Scenario tables: one rule of semantics.md each, in the trade's language and in virtual time.

mod order;
mod script;

use centralino::acd::Plan;
use centralino::acd::plan::{Agent, Limits, Pool, Queue, Service, Step, StepMode, Strategy};
use centralino::ids::{ClipId, PoolId, QueueId, SkillId};
use centralino::time::Duration;
use script::check;

const FIRST_LINE: PoolId = PoolId(0);
const BACK_OFFICE: PoolId = PoolId(1);
const SECOND_LINE: PoolId = PoolId(2);
const INFORMATION: SkillId = SkillId(0);
const SWITCHBOARD: SkillId = SkillId(1);
const ENVIRONMENT: SkillId = SkillId(2);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn agent(number: &str, pool: PoolId, skills: &[(SkillId, u8)]) -> Agent {
    Agent { number: number.to_owned(), pool, skills: skills.to_vec(), fixed_contact: false }
}

fn step(after: u64, pools: &[PoolId], requires: &[(SkillId, u8)]) -> Step {
    Step { after: seconds(after), pools: pools.to_vec(), requires: requires.to_vec(), mode: StepMode::Widen }
}

/// The default configuration's plan.
fn plan() -> Plan {
    let information = Queue {
        name: "information".to_owned(),
        strategy: Strategy::LongestIdle,
        steps: vec![
            step(0, &[FIRST_LINE], &[(INFORMATION, 50)]),
            step(20, &[FIRST_LINE, BACK_OFFICE], &[(INFORMATION, 20)]),
            step(60, &[SECOND_LINE], &[(INFORMATION, 10)]),
        ],
        ring: seconds(15),
        wrap_up: seconds(5),
        max_wait: seconds(600),
        max_length: 100,
        thresholds: vec![seconds(30), seconds(20), seconds(40)],
        target_percent: 90,
        music: None,
    };
    let switchboard = Queue {
        name: "switchboard".to_owned(),
        strategy: Strategy::Linear,
        steps: vec![step(0, &[FIRST_LINE], &[(SWITCHBOARD, 50)])],
        wrap_up: Duration::ZERO,
        ..information.clone()
    };
    let service = |name: &str, number: &str, queue| Service {
        name: name.to_owned(),
        number: number.to_owned(),
        welcome: Some(ClipId(0)),
        queue: QueueId(queue),
    };
    let both = [(INFORMATION, 100), (SWITCHBOARD, 100)];
    Plan {
        services: vec![service("information", "800000100", 0), service("switchboard", "800000200", 1)],
        queues: vec![information, switchboard],
        pools: ["first_line", "back_office", "second_line.environment"]
            .map(|name| Pool { name: name.to_owned() })
            .to_vec(),
        agents: vec![
            agent("101", FIRST_LINE, &both),
            agent("102", FIRST_LINE, &both),
            agent("201", BACK_OFFICE, &[(INFORMATION, 30)]),
            agent("301", SECOND_LINE, &[(INFORMATION, 10), (ENVIRONMENT, 80)]),
        ],
        skills: ["information", "switchboard", "environment"].map(str::to_owned).to_vec(),
        clips: vec!["welcome".to_owned()],
        limits: Limits::default(),
    }
}

fn plan_with(change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = plan();
    change(&mut plan);
    plan
}

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
        17s register 101
        18s resume 101
            101: paused 1.5s -> ready
        18s unregister 101
            101: ready 0s -> signed_out
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
        11s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        12s resume 101
            101: paused 2s -> ready
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
