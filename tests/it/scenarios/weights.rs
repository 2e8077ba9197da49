//! Queues of different weights: who is served first, and how often that may happen to somebody.

use super::script::check;
use super::{plan_with, seconds};
use centralino::acd::Plan;
use centralino::time::Duration;

/// One agent for both queues, no work after a call; the switchboard is heavier.
fn one() -> Plan {
    plan_with(|plan| {
        plan.queues[1].weight = 2;
        for queue in &mut plan.queues {
            queue.wrap_up = Duration::ZERO;
            queue.max_wait = seconds(3_600);
            queue.steps.truncate(1);
            queue.thresholds = vec![seconds(3_000)];
        }
        plan.services.iter_mut().for_each(|service| service.welcome = None);
        plan.limits.overtaken_at_most = 2;
    })
}

#[test]
fn the_heavier_queue_goes_first_until_somebody_was_overtaken_often_enough() {
    check(
        one(),
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
        4s enter 5 switchboard
            received 5
            entered 5 switchboard
        10s register 101
            offer 1: 3 to 101, step 0
        11s talk 1
            offer 1 accepted after 1s
            answered 3 by 101, waited 9s
            > join 3 and offer 1
        12s gone 3
            ended 3 by caller, talked 1s
            promoted 1, overtaken 2 times
            promoted 2, overtaken 2 times
            offer 2: 4 to 101, step 0
            > hang up offer 1
        13s talk 2
            offer 2 accepted after 1s
            answered 4 by 101, waited 10s
            > join 4 and offer 2
        14s gone 4
            ended 4 by caller, talked 1s
            offer 3: 1 to 101, step 0
            > hang up offer 2
        15s talk 3
            offer 3 accepted after 1s
            answered 1 by 101, waited 15s
            > join 1 and offer 3
        16s gone 1
            ended 1 by caller, talked 1s
            offer 4: 2 to 101, step 0
            > hang up offer 3
        17s talk 4
            offer 4 accepted after 1s
            answered 2 by 101, waited 16s
            > join 2 and offer 4
        18s gone 2
            ended 2 by caller, talked 1s
            offer 5: 5 to 101, step 0
            > hang up offer 4
        ",
    );
}

#[test]
fn nobody_is_overtaken_by_those_who_came_before_or_for_somebody_it_could_not_have() {
    check(
        plan_with(|plan| {
            *plan = one();
            plan.limits.overtaken_at_most = 1;
            plan.agents[1].skills.retain(|(skill, _)| *skill == super::SWITCHBOARD);
        }),
        "
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
        1s enter 2 information
            received 2
            entered 2 information
        2s enter 3 switchboard
            received 3
            entered 3 switchboard
        10s register 101
            offer 1: 1 to 101, step 0
        11s register 102
            offer 2: 3 to 102, step 0
        12s enter 4 switchboard
            received 4
            entered 4 switchboard
        13s talk 1
            offer 1 accepted after 3s
            answered 1 by 101, waited 13s
            > join 1 and offer 1
        14s gone 1
            ended 1 by caller, talked 1s
            promoted 2, overtaken 1 times
            offer 3: 4 to 101, step 0
            > hang up offer 1
        ",
    );
}

#[test]
fn a_credit_of_the_queue_moves_its_callers_ahead_and_others_gain_on_them() {
    check(
        plan_with(|plan| {
            *plan = one();
            plan.queues[1].weight = 0;
            plan.queues[1].priority_credit = seconds(10);
        }),
        "
        0s enter 1 information
            received 1
            entered 1 information
        9s enter 2 switchboard
            received 2
            entered 2 switchboard
        11s enter 3 switchboard
            received 3
            entered 3 switchboard
        20s register 101
            offer 1: 2 to 101, step 0
        21s talk 1
            offer 1 accepted after 1s
            answered 2 by 101, waited 12s
            > join 2 and offer 1
        22s gone 2
            ended 2 by caller, talked 1s
            offer 2: 1 to 101, step 0
            > hang up offer 1
        ",
    );
}
