//! Which of several agents is rung: a table for each strategy.

use super::script::check;
use super::{BACK_OFFICE, FIRST_LINE, INFORMATION, SECOND_LINE, agent, plan_with, seconds, step};
use centralino::acd::Plan;
use centralino::acd::plan::Strategy;
use centralino::time::Duration;

/// Three alike in first line, no wrap-up, one step.
fn three(strategy: Strategy) -> Plan {
    plan_with(|plan| {
        plan.queues[0].strategy = strategy;
        plan.queues[0].steps = vec![step(0, &[FIRST_LINE], &[(INFORMATION, 50)])];
        plan.queues[0].wrap_up = Duration::ZERO;
        plan.queues[0].max_wait = seconds(3_600);
        plan.services[0].welcome = None;
        plan.agents = ["101", "102", "103"].map(|number| agent(number, FIRST_LINE, &[(INFORMATION, 100)])).to_vec();
    })
}

#[test]
fn longest_idle_rings_whoever_has_been_without_work_longest_and_a_pause_keeps_it() {
    check(
        three(Strategy::LongestIdle),
        "
        0s register 102
        1s register 101
        2s register 103
        3s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 102, step 0
        4s talk 1
            offer 1 accepted after 1s
            answered 1 by 102, waited 1s
            > join 1 and offer 1
        5s pause 101
        6s resume 101
        7s gone 1
            ended 1 by caller, talked 3s
            > hang up offer 1
        8s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 101, step 0
        9s busy 2
            offer 2 busy after 1s
            offer 3: 2 to 103, step 0
        10s talk 3
            offer 3 accepted after 1s
            answered 2 by 103, waited 2s
            > join 2 and offer 3
        11s enter 3 information
            received 3
            entered 3 information
            offer 4: 3 to 102, step 0
        ",
    );
}

#[test]
fn round_robin_rings_the_least_recently_offered() {
    check(
        three(Strategy::RoundRobin),
        "
        0s register 101
        0s register 102
        0s register 103
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        1s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        2s gone 1
            ended 1 by caller, talked 1s
            > hang up offer 1
        3s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 102, step 0
        3s talk 2
            offer 2 accepted after 0s
            answered 2 by 102, waited 0s
            > join 2 and offer 2
        4s enter 3 information
            received 3
            entered 3 information
            offer 3: 3 to 103, step 0
        4s talk 3
            offer 3 accepted after 0s
            answered 3 by 103, waited 0s
            > join 3 and offer 3
        5s gone 3
            ended 3 by caller, talked 1s
            > hang up offer 3
        6s gone 2
            ended 2 by caller, talked 3s
            > hang up offer 2
        7s enter 4 information
            received 4
            entered 4 information
            offer 4: 4 to 101, step 0
        ",
    );
}

#[test]
fn linear_rings_in_the_order_of_the_file() {
    check(
        three(Strategy::Linear),
        "
        0s register 103
        1s register 102
        2s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 102, step 0
        3s register 101
        3s talk 1
            offer 1 accepted after 1s
            answered 1 by 102, waited 1s
            > join 1 and offer 1
        4s gone 1
            ended 1 by caller, talked 1s
            > hang up offer 1
        5s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 101, step 0
        6s enter 3 information
            received 3
            entered 3 information
            offer 3: 3 to 102, step 0
        7s enter 4 information
            received 4
            entered 4 information
            offer 4: 4 to 103, step 0
        ",
    );
}

#[test]
fn fewest_calls_counts_from_sign_in_and_a_joiner_starts_at_the_minimum() {
    check(
        three(Strategy::FewestCalls),
        "
        0s register 101
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        1s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        2s gone 1
            ended 1 by caller, talked 1s
            > hang up offer 1
        3s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 101, step 0
        3s talk 2
            offer 2 accepted after 0s
            answered 2 by 101, waited 0s
            > join 2 and offer 2
        4s gone 2
            ended 2 by caller, talked 1s
            > hang up offer 2
        5s register 102
        6s enter 3 information
            received 3
            entered 3 information
            offer 3: 3 to 102, step 0
        6s talk 3
            offer 3 accepted after 0s
            answered 3 by 102, waited 0s
            > join 3 and offer 3
        7s gone 3
            ended 3 by caller, talked 1s
            > hang up offer 3
        8s enter 4 information
            received 4
            entered 4 information
            offer 4: 4 to 101, step 0
        8s talk 4
            offer 4 accepted after 0s
            answered 4 by 101, waited 0s
            > join 4 and offer 4
        9s gone 4
            ended 4 by caller, talked 1s
            > hang up offer 4
        10s enter 5 information
            received 5
            entered 5 information
            offer 5: 5 to 102, step 0
        ",
    );
}

#[test]
fn least_talk_time_rings_who_talked_least() {
    check(
        three(Strategy::LeastTalkTime),
        "
        0s register 101
        0s register 102
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        1s talk 1
            offer 1 accepted after 0s
            answered 1 by 101, waited 0s
            > join 1 and offer 1
        3s gone 1
            ended 1 by caller, talked 2s
            > hang up offer 1
        4s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 102, step 0
        4s talk 2
            offer 2 accepted after 0s
            answered 2 by 102, waited 0s
            > join 2 and offer 2
        5s gone 2
            ended 2 by caller, talked 1s
            > hang up offer 2
        6s enter 3 information
            received 3
            entered 3 information
            offer 3: 3 to 102, step 0
        ",
    );
}

#[test]
fn best_skill_rings_the_largest_surplus_then_the_longest_idle() {
    let mut plan = three(Strategy::BestSkill);
    plan.agents[1].skills[0].1 = 60;
    check(
        plan,
        "
        0s register 102
        0s register 103
        0s register 101
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        1s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 103, step 0
        1s enter 3 information
            received 3
            entered 3 information
            offer 3: 3 to 102, step 0
        ",
    );
}

#[test]
fn random_draws_among_the_ready_and_the_seed_decides() {
    check(
        three(Strategy::Random),
        "
        0s register 101
        0s register 102
        0s register 103
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        2s busy 1
            offer 1 busy after 1s
            offer 2: 1 to 102, step 0
        3s busy 2
            offer 2 busy after 1s
            offer 3: 1 to 103, step 0
        4s busy 3
            offer 3 busy after 1s
        4.1s enter 2 information
            received 2
            entered 2 information
            offer 4: 2 to 103, step 0
        4.2s enter 3 information
            received 3
            entered 3 information
            offer 5: 3 to 102, step 0
        4.3s enter 4 information
            received 4
            entered 4 information
            offer 6: 4 to 101, step 0
        ",
    );
}

#[test]
fn an_earlier_step_has_precedence_over_any_order() {
    check(
        plan_with(|plan| plan.queues[0].steps[1] = step(20, &[BACK_OFFICE, SECOND_LINE], &[(INFORMATION, 10)])),
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
        1s register 101
            offer 1: 1 to 101, step 0
        1s register 102
            offer 2: 2 to 102, step 0
        2s rings 1
        2s rings 2
        3s talk 1
            offer 1 accepted after 2s
            answered 1 by 101, waited 3s
            > join 1 and offer 1
        4s talk 2
            offer 2 accepted after 3s
            answered 2 by 102, waited 4s
            > join 2 and offer 2
        5s register 201
        14s gone 1
            ended 1 by caller, talked 11s
            > hang up offer 1
        19.5s rings 3
            19s offer 3: 3 to 101, step 0
        20.01s gone 2
            20s step 1 of 3
            ended 2 by caller, talked 16.01s
            > hang up offer 2
        22s register 301
            20.02s late 3 20s (at 20s)
        26s rejected 3
            offer 3 rejected after 7s
            offer 4: 3 to 102, step 0
        27s busy 4
            offer 4 busy after 1s
            offer 5: 3 to 201, step 1
        ",
    );
}

#[test]
fn a_deadline_before_the_event_comes_first_even_when_nobody_asked_for_it() {
    check(
        plan_with(|plan| plan.queues[0].ring = seconds(2)),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            > welcome 1
        1s rings 1
        5s answer 1 @2.5s slept
            offer 1 no_answer after 2s (at 2s)
            > cancel offer 1
            > hang up offer 1
        ",
    );
}
