//! A new configuration while calls wait, ring, talk and listen (semantics.md section 9, law 9).

use super::script::{check_reloads, laid_out};
use super::{BACK_OFFICE, FIRST_LINE, INFORMATION, SECOND_LINE, SWITCHBOARD, agent, plan, plan_with, seconds, step};
use centralino::acd::Plan;
use centralino::acd::plan::{Agent, Exit, OnReload, Pool, Queue, Service};
use centralino::acd::succession::succeed;
use centralino::ids::{AgentId, ClipId, PoolId, QueueId, ServiceId, SkillId};

/// Nobody hears a welcome.
fn quiet(change: impl FnOnce(&mut Plan)) -> Plan {
    plan_with(|plan| {
        plan.services.iter_mut().for_each(|service| service.welcome = None);
        change(plan);
    })
}

#[test]
fn members_come_go_and_move() {
    let changed = quiet(|plan| {
        plan.agents.remove(1);
        plan.agents[1].pool = FIRST_LINE;
        plan.agents[1].skills = vec![(INFORMATION, 100)];
        plan.agents.insert(0, agent("104", FIRST_LINE, &[(INFORMATION, 100)]));
    });
    check_reloads(
        quiet(|_| {}),
        &[changed],
        "
        show states
        0s register 102
            102: signed_out 0s -> ready
        1s register 201
            201: signed_out 1s -> ready
        2s reload 0
            reload ok
            102: ready 2s -> signed_out
            102 goes from first_line to nowhere
            201 goes from back_office to first_line
            104 goes from nowhere to first_line
        3s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 201, step 0
            201: ready 2s -> ringing
        4s register 102
        5s register 104
            104: signed_out 3s -> ready
        6s enter 2 information
            received 2
            entered 2 information
            offer 2: 2 to 104, step 0
            104: ready 1s -> ringing
        ",
    );
}

#[test]
fn a_waiting_call_goes_to_an_agent_who_was_just_given_the_skill() {
    let (before, after) = (
        quiet(|plan| plan.agents[0].skills = vec![(SWITCHBOARD, 100)]),
        quiet(|plan| plan.agents[0].skills = vec![(INFORMATION, 60)]),
    );
    check_reloads(
        before,
        &[after],
        "
        0s register 101
        1s enter 1 information
            received 1
            entered 1 information
        5s reload 0
            reload ok
            offer 1: 1 to 101, step 0
        ",
    );
}

#[test]
fn steps_open_at_their_new_moments_and_the_longest_wait_ends_at_its_own() {
    let changed = quiet(|plan| {
        plan.queues[0].steps[1].after = seconds(50);
        plan.queues[0].steps[2].after = seconds(55);
        plan.queues[0].max_wait = seconds(58);
    });
    check_reloads(
        quiet(|_| {}),
        &[changed],
        "
        0s enter 1 information
            received 1
            entered 1 information
        10s reload 0
            reload ok
        51s look
            20.02s late 1 20s (at 20s)
            30.02s late 1 30s (at 30s)
            40.02s late 1 40s (at 40s)
            50s step 1 of 1
        60s look
            55s step 2 of 1
            58s flowed out 1 max_wait, waited 58s
            58s > hang up 1
        ",
    );
}

#[test]
fn a_step_that_was_reached_stays_if_nothing_up_to_it_changed_and_else_is_worked_out_again() {
    let later = quiet(|plan| plan.queues[0].steps[2].after = seconds(70));
    let other = quiet(|plan| {
        plan.queues[0].steps[1].after = seconds(40);
        plan.queues[0].steps[2].after = seconds(70);
    });
    check_reloads(
        quiet(|plan| plan.queues[0].steps[1].when_nobody_signed_in = true),
        &[quiet(|plan| plan.queues[0].steps[1].when_nobody_signed_in = true), later, other],
        "
        0s enter 1 information
            received 1
            entered 1 information
            step 1 of 1, nobody_signed_in
        5s reload 0
            reload ok
        10s reload 1
            reload ok
            step 0 of 1, reload
        22s reload 2
            20s step 1 of 1
            20.02s late 1 20s (at 20s)
            reload ok
            step 0 of 1, reload
        41s look
            30.02s late 1 30s (at 30s)
            40s step 1 of 1
            40.02s late 1 40s (at 40s)
        ",
    );
}

#[test]
fn keep_leaves_the_waiting_to_their_old_rules_and_those_who_come_to_the_new() {
    let changed = quiet(|plan| {
        plan.queues[0].on_reload = OnReload::Keep;
        plan.queues[0].steps.truncate(1);
        plan.queues[0].ring = seconds(4);
    });
    let followed = quiet(|plan| {
        plan.queues[0].steps.truncate(1);
        plan.queues[0].ring = seconds(4);
    });
    check_reloads(
        quiet(|_| {}),
        &[changed, followed],
        "
        0s register 201
        1s enter 1 information
            received 1
            entered 1 information
        5s reload 0
            reload ok
        6s enter 2 information
            received 2
            entered 2 information
        22s look
            21s step 1 of 1
            21s offer 1: 1 to 201, step 1
            21.02s late 1 20s (at 21s)
        23s rings 1
        24s reload 1
            reload ok
            step 0 of 1, reload
            offer 1 withdrawn after 3s
            > cancel offer 1
        ",
    );
}

#[test]
fn a_removed_queue_and_its_number_take_nobody_and_serve_those_who_wait() {
    let without_switchboard = quiet(|plan| {
        plan.queues.truncate(1);
        plan.services.truncate(1);
    });
    check_reloads(
        quiet(|_| {}),
        &[without_switchboard, quiet(|_| {})],
        "
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
        1s dial 2 switchboard
        2s reload 0
            reload ok
        3s dial 3 switchboard
            refused - no_route
        4s established 2
            received 2
            entered 2 switchboard
        5s register 101
            offer 1: 1 to 101, step 0
        6s talk 1
            offer 1 accepted after 1s
            answered 1 by 101, waited 6s
            > join 1 and offer 1
        7s gone 1
            ended 1 by caller, talked 1s
            offer 2: 2 to 101, step 0
            > hang up offer 1
        8s gone 2
            offer 2 caller_gone after 1s
            abandoned 2, waited 4s
            > cancel offer 2
        9s reload 1
            reload ok
        10s dial 4 switchboard
        ",
    );
}

#[test]
fn a_removed_agent_finishes_the_call_and_the_work_after_it() {
    let removed = quiet(|plan| drop(plan.agents.remove(0)));
    check_reloads(
        quiet(|_| {}),
        &[removed, quiet(|_| {})],
        "
        show states
        0s register 101
            101: signed_out 0s -> ready
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
            101: ready 1s -> ringing
        2s talk 1
            101: ringing 1s -> talking
            offer 1 accepted after 1s
            answered 1 by 101, waited 1s
            > join 1 and offer 1
        3s reload 0
            reload ok
        9s gone 1
            ended 1 by caller, talked 7s
            101: talking 7s -> wrap_up
            > hang up offer 1
        10s enter 2 information
            received 2
            entered 2 information
        15s look
            14s 101: wrap_up 5s -> signed_out
            14s 101 goes from first_line to nowhere
        16s reload 1
            reload ok
            101 goes from nowhere to first_line
        17s register 101
            101: signed_out 1s -> ready
            offer 2: 2 to 101, step 0
            101: ready 0s -> ringing
        ",
    );
}

#[test]
fn a_phone_stops_ringing_when_its_agent_is_removed_or_unskilled_and_the_call_goes_on_at_its_place() {
    let removed = quiet(|plan| drop(plan.agents.remove(0)));
    let unskilled = quiet(|plan| {
        plan.agents.remove(0);
        plan.agents[0].skills.clear();
    });
    check_reloads(
        quiet(|_| {}),
        &[removed, unskilled],
        "
        0s register 101
        0s register 102
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        2s rings 1
        3s reload 0
            reload ok
            offer 1 withdrawn after 2s
            offer 2: 1 to 102, step 0
            > cancel offer 1
        4s reload 1
            reload ok
            offer 2 withdrawn after 1s
            > cancel offer 2
        5s rejected 1
            101 goes from first_line to nowhere
        6s answer 2
            > hang up offer 2
        ",
    );
}

#[test]
fn a_ringing_phone_rings_for_the_new_time_counted_from_the_offer() {
    let ring = |seconds_: u64| quiet(|plan| plan.queues[0].ring = seconds(seconds_));
    check_reloads(
        ring(15),
        &[ring(20), ring(10)],
        "
        0s register 101
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        2s rings 1
        10s reload 0
            reload ok
        20s look
        20.5s reload 1
            reload ok
            offer 1 no_answer after 19.5s
            > cancel offer 1
        ",
    );
}

#[test]
fn a_joining_call_and_its_agent_notice_nothing() {
    let removed = quiet(|plan| {
        plan.agents.remove(0);
        plan.queues[0].max_wait = seconds(3);
    });
    check_reloads(
        quiet(|_| {}),
        &[removed],
        "
        0s register 101
        1s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        5s answer 1
            > join 1 and offer 1
        5.5s reload 0
            reload ok
        6s joined 1
            offer 1 accepted after 4s (at 5s)
            answered 1 by 101, waited 4s (at 5s)
        ",
    );
}

#[test]
fn those_in_the_greeting_follow_their_service_to_its_new_queue() {
    let moved = plan_with(|plan| plan.services[1].queue = QueueId(0));
    check_reloads(
        plan(),
        &[moved],
        "
        0s call 1 switchboard
            received 1
            > welcome 1
        1s reload 0
            reload ok
        2s prompt-end 1
            entered 1 information
        ",
    );
}

#[test]
fn a_fixed_contact_takes_calls_from_the_reload_on_and_none_once_it_has_none() {
    let fixed = quiet(|plan| plan.agents[0].fixed_contact = true);
    check_reloads(
        quiet(|_| {}),
        &[fixed, quiet(|_| {})],
        "
        show states
        1s reload 0
            reload ok
            101: signed_out 1s -> ready
        2s reload 1
            reload ok
            101: ready 1s -> signed_out
        ",
    );
}

#[test]
fn a_call_is_judged_by_the_thresholds_of_its_entry() {
    let changed = quiet(|plan| plan.queues[0].thresholds = vec![seconds(10), seconds(30)]);
    check_reloads(
        quiet(|_| {}),
        &[changed],
        "
        0s enter 1 information
            received 1
            entered 1 information
        5s reload 0
            reload ok
        6s enter 2 information
            received 2
            entered 2 information
        45s look
            16.02s late 2 10s (at 16s)
            20s step 1 of 1
            20.02s late 1 20s (at 20s)
            26s step 1 of 2
            30.02s late 1 30s (at 30s)
            36.02s late 2 30s (at 36s)
            40.02s late 1 40s (at 40s)
        ",
    );
}

#[test]
fn more_callers_than_a_queue_has_places_from_then_on_wait_on() {
    let short = quiet(|plan| plan.queues[0].max_length = 1);
    check_reloads(
        quiet(|_| {}),
        &[short],
        "
        0s enter 1 information
            received 1
            entered 1 information
        1s enter 2 information
            received 2
            entered 2 information
        2s reload 0
            reload ok
        3s dial 3 information
            refused information queue_full
        ",
    );
}

#[test]
fn linear_follows_the_order_of_the_new_file() {
    let turned = quiet(|plan| plan.agents.swap(0, 1));
    check_reloads(
        quiet(|_| {}),
        &[turned],
        "
        0s register 101
        0s register 102
        1s reload 0
            reload ok
        2s enter 1 switchboard
            received 1
            entered 1 switchboard
            offer 1: 1 to 102, step 0
        ",
    );
}

#[test]
fn whoever_survives_keeps_the_place_and_whoever_comes_back_finds_it() {
    let first = plan();
    let mut other = plan_with(|plan| {
        plan.queues = vec![
            Queue {
                name: "billing".to_owned(),
                steps: vec![step(0, &[PoolId(0)], &[(SkillId(0), 1)])],
                ..plan.queues[0].clone()
            },
            plan.queues[1].clone(),
        ];
        plan.queues[1].steps = vec![step(0, &[PoolId(1)], &[(SkillId(1), 50)])];
        plan.pools = ["billing", "first_line"].map(|name| Pool { name: name.to_owned(), ..Pool::default() }).to_vec();
        plan.skills = ["environment", "switchboard"].map(str::to_owned).to_vec();
        plan.agents = vec![agent("900", PoolId(0), &[(SkillId(0), 5)]), agent("102", PoolId(1), &[(SkillId(1), 7)])];
        plan.services.truncate(1);
        plan.clips = vec!["hello".to_owned(), "welcome".to_owned()];
    });
    other.services[0] = Service { welcome: Some(ClipId(1)), queue: QueueId(0), ..other.services[0].clone() };
    let second = laid_out(&first, other);
    let names: Vec<(&str, bool)> = second.queues.iter().map(|queue| (queue.name.as_str(), queue.retired)).collect();
    assert_eq!(names, [("information", true), ("switchboard", false), ("billing", false)]);
    assert_eq!((second.services[0].queue, second.services[0].welcome), (QueueId(2), Some(ClipId(0))));
    assert!(second.services[1].retired && second.services[1].queue == QueueId(1));
    let pools: Vec<&str> = second.pools.iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(pools, ["first_line", "back_office", "second_line.environment", "billing"]);
    assert_eq!(second.queues[2].steps, [step(0, &[PoolId(3)], &[(SkillId(2), 1)])]);
    assert_eq!(second.queues[1].steps, [step(0, &[PoolId(0)], &[(SkillId(1), 50)])]);
    let agents: Vec<_> = second.agents.iter().map(|a| (a.number.as_str(), a.pool, a.retired, a.place)).collect();
    let gone = |number, pool| (number, pool, true, 0);
    assert_eq!(agents[0], gone("101", FIRST_LINE));
    assert_eq!(agents[1], ("102", FIRST_LINE, false, 1));
    assert_eq!(agents[2..4], [gone("201", BACK_OFFICE), gone("301", SECOND_LINE)]);
    assert_eq!(agents[4], ("900", PoolId(3), false, 0));
    let third = laid_out(&second, plan());
    assert_eq!(third.agent_by_number("101"), Some(AgentId(0)));
    assert!(third.agents[4].retired);
    assert!(third.queues[2].retired && !third.queues[0].retired);
    assert_eq!(third.queues[0].steps, first.queues[0].steps);
}

#[test]
fn what_the_run_cannot_hold_any_more_is_refused_by_name() {
    let mut running = plan();
    for round in 0..3u64 {
        let wanted = plan_with(|plan| {
            plan.queues[0].thresholds = (0..12).map(|second| seconds(1 + round * 12 + second)).collect();
        });
        match succeed(&running, wanted, &[ClipId(0)]) {
            Ok(succession) => running = succession.plan,
            Err(refused) => {
                assert_eq!(round, 2);
                let said = "more than 32 thresholds of queue information, those removed since the start among them: a \
                            restart forgets them";
                assert_eq!(refused.to_string(), said);
                return;
            }
        }
    }
    panic!("39 thresholds were taken");
}

/// The queue, its pool and everybody in it are gone from the file.
#[test]
fn who_waits_in_a_removed_queue_that_nobody_serves_any_more_goes_on_at_once() {
    let bare = |change: fn(&mut Plan)| {
        plan_with(|plan| {
            plan.services.iter_mut().for_each(|service| service.welcome = None);
            plan.queues.iter_mut().for_each(|queue| queue.steps.truncate(1));
            plan.queues[1].on_max_wait = Exit::Service(ServiceId(0));
            change(plan);
        })
    };
    let without = |first_line: bool| {
        let plan = bare(|plan| {
            plan.queues.truncate(1);
            plan.services.truncate(1);
        });
        let keep = move |agent: &Agent| first_line || agent.pool != FIRST_LINE;
        Plan { agents: plan.agents.iter().filter(|agent| keep(agent)).cloned().collect(), ..plan }
    };
    check_reloads(
        bare(|_| {}),
        &[without(true), without(false)],
        "
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
        1s reload 0
            reload ok
        2s reload 1
            reload ok
            101 goes from first_line to nowhere
            102 goes from first_line to nowhere
            flowed out 1 service, waited 2s
            taken over 1 by information
            entered 1 information
        ",
    );
}

#[test]
fn rules_that_are_kept_are_followed_no_more_once_nobody_is_left_by_them() {
    let kept = |pool| {
        plan_with(|plan| {
            plan.services[0].welcome = None;
            plan.queues[0].on_reload = OnReload::Keep;
            plan.queues[0].steps = vec![step(0, &[pool], &[])];
        })
    };
    let mut moved = kept(BACK_OFFICE);
    moved.agents.retain(|agent| agent.pool != FIRST_LINE);
    check_reloads(
        kept(FIRST_LINE),
        &[kept(BACK_OFFICE), moved],
        "
        0s register 201
        1s enter 1 information
            received 1
            entered 1 information
        2s reload 0
            reload ok
        3s reload 1
            reload ok
            101 goes from first_line to nowhere
            102 goes from first_line to nowhere
            offer 1: 1 to 201, step 0
        ",
    );
}
