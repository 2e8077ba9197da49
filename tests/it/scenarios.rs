//! Scenario tables: one rule of semantics.md each, in the trade's language and in virtual time.

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
