//! Skills that calls carry, those that are preferred, and steps that relax them (semantics.md sections 3 to 5).

use super::script::{check, check_reloads};
use super::{ENVIRONMENT, FIRST_LINE, INFORMATION, SECOND_LINE, SWITCHBOARD, agent, plan_with, seconds, step};
use centralino::acd::Plan;
use centralino::acd::demand::{Carried, Demand};
use centralino::acd::ivr::{Flow, Menu, Target};
use centralino::acd::plan::{Exit, OnReload, Strategy};
use centralino::ids::{ClipId, DemandId, Key, QueueId, ServiceId};

/// Key 2 of the menu is queue `information` with `environment` 50; 101 and 102 have none, 103 some, 104 enough.
fn carried(change: impl FnOnce(&mut Plan)) -> Plan {
    plan_with(|plan| {
        let menu = Menu {
            name: "main".to_owned(),
            prompt: ClipId(1),
            timeout: seconds(5),
            repeats: 1,
            barge_in: true,
            keys: vec![(Key::of_sign('2').unwrap(), Target::Demanding(QueueId(0), DemandId(0)))],
            number: None,
            otherwise: Target::Queue(QueueId(0)),
        };
        plan.clips = ["welcome", "menu"].map(str::to_owned).to_vec();
        plan.demands = vec![Demand { requires: vec![(ENVIRONMENT, 50)], prefers: vec![] }];
        plan.services[0].welcome = None;
        plan.services[0].menu = Some(Flow { menus: vec![menu] });
        plan.queues[0].steps = vec![step(0, &[FIRST_LINE], &[]), step(20, &[FIRST_LINE], &[])];
        plan.queues[0].thresholds = vec![seconds(300)];
        plan.agents = ["101", "102"].map(|number| agent(number, FIRST_LINE, &[(SWITCHBOARD, 50)])).to_vec();
        plan.agents.push(agent("103", FIRST_LINE, &[(ENVIRONMENT, 20)]));
        plan.agents.push(agent("104", FIRST_LINE, &[(ENVIRONMENT, 80)]));
        change(plan);
    })
}

#[test]
fn what_a_key_asks_is_carried_and_nobody_below_it_is_rung() {
    check(
        carried(|_| {}),
        "
        0s register 101
        0s register 103
        1s call 1 information
            received 1
            > menu 1
        2s key 1 2
            entered 1 information
        3s register 104
            offer 1: 1 to 104, step 0
        ",
    );
}

#[test]
fn who_carries_nothing_is_not_kept_waiting_by_who_does() {
    check(
        carried(|_| {}),
        "
        1s call 1 information
            received 1
            > menu 1
        2s key 1 2
            entered 1 information
        3s call 2 information
            received 2
            > menu 2
        4s clip-end 2 menu
        9s look
            > menu 2
        10s clip-end 2 menu
        15s look
            entered 2 information
        16s register 101
            offer 1: 2 to 101, step 0
        ",
    );
}

#[test]
fn a_step_relaxes_what_is_carried_a_millisecond_before_at_and_after() {
    let relaxed = |plan: &mut Plan| plan.queues[0].steps[1].relax = vec![(ENVIRONMENT, 20)];
    check(
        carried(relaxed),
        "
        0s register 101
        0s register 103
        0s call 1 information
            received 1
            > menu 1
        0s key 1 2
            entered 1 information
        19.999s look
        20s look
            step 1 of 1
            offer 1: 1 to 103, step 1
        ",
    );
}

#[test]
fn what_is_carried_goes_along_into_another_services_queue() {
    let overflow = |plan: &mut Plan| {
        plan.queues[0].max_wait = seconds(10);
        plan.queues[0].on_max_wait = Exit::Service(ServiceId(1));
    };
    check(
        carried(overflow),
        "
        0s register 101
        0s call 1 information
            received 1
            > menu 1
        0s key 1 2
            entered 1 information
        10s look
            flowed out 1 service, waited 10s
            taken over 1 by switchboard
            entered 1 switchboard
        11s register 104
        12s unregister 104
        13s register 102
        ",
    );
    let plan = carried(|plan| {
        overflow(plan);
        plan.agents[3].skills = vec![(SWITCHBOARD, 50), (ENVIRONMENT, 80)];
    });
    check(
        plan,
        "
        0s register 101
        0s call 1 information
            received 1
            > menu 1
        0s key 1 2
            entered 1 information
        10s look
            flowed out 1 service, waited 10s
            taken over 1 by switchboard
            entered 1 switchboard
        11s register 104
            offer 1: 1 to 104, step 0
        ",
    );
}

#[test]
fn a_service_asks_for_all_of_its_callers() {
    let plan = carried(|plan| {
        plan.services[0].menu = None;
        plan.services[0].demand = Some(DemandId(0));
    });
    check(
        plan,
        "
        0s register 101
        0s call 1 information
            received 1
            entered 1 information
        3s register 104
            offer 1: 1 to 104, step 0
        ",
    );
}

#[test]
fn the_preferred_go_first_and_nobody_is_kept_out() {
    for strategy in [Strategy::LongestIdle, Strategy::Linear, Strategy::BestSkill, Strategy::Random] {
        let plan = carried(|plan| {
            plan.demands = vec![Demand { requires: vec![], prefers: vec![(ENVIRONMENT, 70)] }];
            plan.queues[0].strategy = strategy;
            plan.services[0].menu = None;
            plan.services[0].demand = Some(DemandId(0));
        });
        check(
            plan,
            "
            0s register 101
            1s register 103
            2s register 104
            3s call 1 information
                received 1
                entered 1 information
                offer 1: 1 to 104, step 0
            4s busy 1
                offer 1 busy after 1s
                offer 2: 1 to 103, step 0
            5s busy 2
                offer 2 busy after 1s
                offer 3: 1 to 101, step 0
            ",
        );
    }
}

/// A caller who says that the damage is grave is second line's from the first moment on, before all others there.
#[test]
fn a_grave_complaint_goes_straight_to_second_line_and_first() {
    let plan = plan_with(|plan| {
        let mut complaints = plan.queues[0].clone();
        complaints.name = "grave_complaints".to_owned();
        complaints.priority_credit = seconds(3_600);
        complaints.steps = vec![step(0, &[SECOND_LINE], &[(ENVIRONMENT, 50)]), step(60, &[FIRST_LINE], &[])];
        plan.queues.push(complaints);
        plan.services[1].queue = QueueId(2);
        plan.queues[0].steps[0] = step(0, &[FIRST_LINE, SECOND_LINE], &[(INFORMATION, 10)]);
        plan.services.iter_mut().for_each(|service| service.welcome = None);
    });
    check(
        plan,
        "
        0s enter 1 information
            received 1
            entered 1 information
        5s enter 2 switchboard
            received 2
            entered 2 grave_complaints
        6s register 301
            offer 1: 2 to 301, step 0
        7s register 101
            offer 2: 1 to 101, step 0
        ",
    );
}

#[test]
fn a_reload_changes_what_waiting_calls_carry_unless_they_keep_their_rules() {
    let asking = |on_reload, level| {
        carried(|plan| {
            plan.services[0].menu = None;
            plan.services[0].demand = Some(DemandId(0));
            plan.demands[0].requires = vec![(ENVIRONMENT, level)];
            plan.queues[0].on_reload = on_reload;
        })
    };
    check_reloads(
        asking(OnReload::Follow, 50),
        &[asking(OnReload::Follow, 20)],
        "
        0s register 103
        0s call 1 information
            received 1
            entered 1 information
        1s reload 0
            reload ok
            offer 1: 1 to 103, step 0
        ",
    );
    check_reloads(
        asking(OnReload::Keep, 50),
        &[asking(OnReload::Keep, 20)],
        "
        0s register 103
        0s call 1 information
            received 1
            entered 1 information
        1s reload 0
            reload ok
        2s call 2 information
            received 2
            entered 2 information
            offer 1: 2 to 103, step 0
        ",
    );
}

#[test]
fn what_is_asked_is_what_the_engine_says() {
    let plan = carried(|plan| plan.queues[0].steps[1].relax = vec![(ENVIRONMENT, 20)]);
    let carried = Carried { service: None, choice: Some(DemandId(0)) };
    let levels = |step: usize| plan.queues[0].steps[step].asks(carried, &plan.demands).requires;
    assert_eq!((levels(0), levels(1)), (vec![(ENVIRONMENT, 50)], vec![(ENVIRONMENT, 20)]));
}
