//! Agents with an order of their own among queues (semantics.md section 5).

use super::script::{check, check_reloads};
use super::{FIRST_LINE, agent, plan_with, step};
use centralino::acd::Plan;
use centralino::ids::QueueId;

/// Everybody may take everything; 101 serves the switchboard first.
fn ordered(change: impl FnOnce(&mut Plan)) -> Plan {
    plan_with(|plan| {
        for queue in &mut plan.queues {
            queue.steps = vec![step(0, &[FIRST_LINE], &[])];
            queue.wrap_up = super::seconds(0);
        }
        plan.services.iter_mut().for_each(|service| service.welcome = None);
        plan.agents = ["101", "102"].map(|number| agent(number, FIRST_LINE, &[])).to_vec();
        plan.agents[0].queues = vec![QueueId(1), QueueId(0)];
        change(plan);
    })
}

#[test]
fn a_freed_agent_looks_at_its_own_queues_first_and_others_go_by_seniority() {
    check(
        ordered(|_| {}),
        "
        0s enter 1 information
            received 1
            entered 1 information
        1s enter 2 information
            received 2
            entered 2 information
        2s enter 3 switchboard
            received 3
            entered 3 switchboard
        3s enter 4 switchboard
            received 4
            entered 4 switchboard
        5s register 101
            offer 1: 3 to 101, step 0
        6s register 102
            offer 2: 1 to 102, step 0
        7s talk 1
            offer 1 accepted after 2s
            answered 3 by 101, waited 5s
            > join 3 and offer 1
        9s gone 3
            ended 3 by caller, talked 2s
            offer 3: 4 to 101, step 0
            > hang up offer 1
        ",
    );
}

#[test]
fn queues_that_are_not_in_the_order_come_last_and_are_served_all_the_same() {
    check(
        ordered(|plan| plan.agents[0].queues = vec![QueueId(1)]),
        "
        0s enter 1 information
            received 1
            entered 1 information
        5s register 101
            offer 1: 1 to 101, step 0
        ",
    );
}

#[test]
fn the_order_does_not_leave_a_caller_waiting_beside_a_ready_agent() {
    // Whoever waits for 101 in the switchboard has just turned it down: then the others.
    check(
        ordered(|_| {}),
        "
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
        0s register 101
            offer 1: 1 to 101, step 0
        1s enter 2 information
            received 2
            entered 2 information
        2s busy 1
            offer 1 busy after 2s
            offer 2: 2 to 101, step 0
        ",
    );
}

#[test]
fn several_who_become_ready_at_once_are_given_whom_they_want() {
    let (before, after) = (
        ordered(|plan| {
            plan.agents.iter_mut().for_each(|agent| agent.skills.clear());
            plan.queues.iter_mut().for_each(|queue| queue.steps[0].requires = vec![(super::INFORMATION, 50)]);
        }),
        ordered(|_| {}),
    );
    // 101 is the first of both lists and wants the younger caller of the switchboard, 102 gets the older one.
    check_reloads(
        before,
        &[after],
        "
        0s register 101
        1s register 102
        2s enter 1 information
            received 1
            entered 1 information
        3s enter 2 switchboard
            received 2
            entered 2 switchboard
        4s reload 0
            reload ok
            offer 1: 1 to 102, step 0
            offer 2: 2 to 101, step 0
        ",
    );
}

#[test]
fn a_call_whose_agents_want_others_first_is_looked_at_again_once_those_are_gone() {
    let (before, after) = (
        ordered(|plan| {
            plan.queues.iter_mut().for_each(|queue| queue.steps[0].requires = vec![(super::INFORMATION, 50)]);
            plan.agents[1].queues = vec![QueueId(1)];
        }),
        ordered(|plan| plan.agents[1].queues = vec![QueueId(1)]),
    );
    // Both want the switchboard's only caller; by seniority alone the older one would have been looked at and left.
    check_reloads(
        before,
        &[after],
        "
        0s register 101
        1s register 102
        2s enter 1 information
            received 1
            entered 1 information
        3s enter 2 switchboard
            received 2
            entered 2 switchboard
        4s reload 0
            reload ok
            offer 1: 2 to 101, step 0
            offer 2: 1 to 102, step 0
        ",
    );
}
