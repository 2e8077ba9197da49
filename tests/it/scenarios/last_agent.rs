//! Who calls again is offered first to the agent who answered last, for a while (queue.last_agent_within).

use super::script::{check, check_reloads};
use super::{FIRST_LINE, agent, plan_with, seconds, step};
use centralino::acd::Plan;

/// Three agents; caller 7 has talked with 102, who was not the longest without work any more when it calls again.
fn sticky(change: impl FnOnce(&mut Plan)) -> Plan {
    plan_with(|plan| {
        plan.queues[0].steps = vec![step(0, &[FIRST_LINE], &[])];
        plan.queues[0].wrap_up = seconds(0);
        plan.queues[0].last_agent_within = seconds(60);
        plan.queues[0].last_agent_wait = seconds(10);
        plan.services[0].welcome = None;
        plan.agents = ["101", "102", "103"].map(|number| agent(number, FIRST_LINE, &[])).to_vec();
        change(plan);
    })
}

/// The first talk, with 102; over at 5 s. 101 and 103 are ready from then on.
const FIRST_TALK: &str = "
        0s register 102
        1s dial 1 information
        1s known 1 7
        1s established 1
            received 1
            entered 1 information
            offer 1: 1 to 102, step 0
        2s talk 1
            offer 1 accepted after 1s
            answered 1 by 102, waited 1s
            > join 1 and offer 1
        3s register 101
        4s register 103
        5s gone 1
            ended 1 by caller, talked 3s
            > hang up offer 1
";

fn after_first_talk(plan: Plan, then: &str) {
    check(plan, &format!("{FIRST_TALK}{then}"));
}

#[test]
fn the_last_agent_is_asked_first_though_others_are_longer_without_work() {
    after_first_talk(
        sticky(|_| {}),
        "
        10s dial 2 information
        10s known 2 7
        10s established 2
            received 2
            entered 2 information
            2 kept for 102
            offer 2: 2 to 102, step 0
        11s talk 2
            offer 2 accepted after 1s
            2 kept no longer: answered
            answered 2 by 102, waited 1s
            > join 2 and offer 2
        ",
    );
}

#[test]
fn nobody_is_kept_for_anybody_when_the_caller_is_unknown_somebody_else_or_late() {
    after_first_talk(
        sticky(|_| {}),
        "
        10s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 101, step 0
        11s dial 3 information
        11s known 3 8
        11s established 3
            received 3
            entered 3 information
            offer 3: 3 to 103, step 0
        ",
    );
}

#[test]
fn the_window_is_from_the_answer_and_exactly_at_its_end_is_within() {
    for (moment, kept) in [("62s", true), ("62.001s", false)] {
        let who = if kept { "2 kept for 102\n            offer 2: 2 to 102" } else { "offer 2: 2 to 101" };
        let then = format!(
            "
        {moment} dial 2 information
        {moment} known 2 7
        {moment} established 2
            received 2
            entered 2 information
            {who}, step 0
        "
        );
        after_first_talk(sticky(|_| {}), &then);
    }
}

#[test]
fn a_busy_last_agent_is_waited_for_and_not_longer_than_may_be() {
    let busy = "
        6s pause 101
        6s pause 103
        7s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 102, step 0
        7s talk 2
            offer 2 accepted after 0s
            answered 2 by 102, waited 0s
            > join 2 and offer 2
        8s resume 101
        10s dial 3 information
        10s known 3 7
        10s established 3
            received 3
            entered 3 information
            3 kept for 102
    ";
    after_first_talk(
        sticky(|_| {}),
        &format!(
            "{busy}
        19.999s look
        20s look
            3 kept no longer: timed_out
            offer 3: 3 to 101, step 0
        "
        ),
    );
    after_first_talk(
        sticky(|_| {}),
        &format!(
            "{busy}
        11s enter 4 information
            received 4
            entered 4 information
            offer 3: 4 to 101, step 0
        12s rings 3
        19.999s gone 2
            ended 2 by caller, talked 12.999s
            offer 4: 3 to 102, step 0
            > hang up offer 2
        "
        ),
    );
}

#[test]
fn who_does_not_take_it_or_goes_away_is_waited_for_no_longer() {
    let again = "
        10s dial 2 information
        10s known 2 7
        10s established 2
            received 2
            entered 2 information
            2 kept for 102
            offer 2: 2 to 102, step 0
    ";
    after_first_talk(
        sticky(|_| {}),
        &format!(
            "{again}
        12s busy 2
            offer 2 busy after 2s
            2 kept no longer: not_taken
            offer 3: 2 to 101, step 0
        "
        ),
    );
    after_first_talk(
        sticky(|_| {}),
        &format!(
            "{again}
        12s gone 2
            offer 2 caller_gone after 2s
            2 kept no longer: left
            abandoned 2, waited 2s
            > cancel offer 2
        "
        ),
    );
    after_first_talk(
        sticky(|_| {}),
        "
        6s pause 101
        7s pause 103
        8s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 102, step 0
        8s talk 2
            offer 2 accepted after 0s
            answered 2 by 102, waited 0s
            > join 2 and offer 2
        9s dial 3 information
        9s known 3 7
        9s established 3
            received 3
            entered 3 information
            3 kept for 102
        10s resume 101
        11s pause 102
        12s gone 2
            ended 2 by caller, talked 4s
            3 kept no longer: not_there
            offer 3: 3 to 101, step 0
            > hang up offer 2
        ",
    );
}

#[test]
fn an_agent_who_is_away_or_may_not_have_the_call_is_not_waited_for() {
    let call = "
        10s dial 2 information
        10s known 2 7
        10s established 2
            received 2
            entered 2 information
            offer 2: 2 to 101, step 0
    ";
    after_first_talk(sticky(|_| {}), &format!("        6s pause 102\n{call}"));
    let skilled = sticky(|plan| plan.queues[0].steps[0].requires = vec![(super::INFORMATION, 50)]);
    let able = |plan: &mut Plan| plan.agents.iter_mut().for_each(|agent| agent.skills = vec![(super::INFORMATION, 90)]);
    let (before, mut after) = (sticky(able), skilled);
    able(&mut after);
    after.agents[1].skills.clear();
    check_reloads(before, &[after], &format!("{FIRST_TALK}        6s reload 0\n            reload ok\n{call}"));
}
