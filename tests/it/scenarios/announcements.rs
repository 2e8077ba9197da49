//! What waiting callers are told, and when.

use super::script::check;
use super::{plan_with, seconds};
use centralino::acd::plan::Announcements;
use centralino::acd::{Acd, Command, Event, Outbox, Plan, succession};
use centralino::ids::{CallId, ClipId, ServiceId, VoiceId};
use centralino::time::Time;

/// Places after 20 s and then every 30 s; two messages in turn.
fn talkative(plan: &mut Plan) {
    plan.queues[0].announcements = Some(Announcements {
        first: seconds(20),
        every: seconds(30),
        position: Some(VoiceId(0)),
        estimate: None,
        messages: vec![ClipId(1), ClipId(2)],
    });
    plan.clips = ["welcome", "opening_hours", "web_site"].map(str::to_owned).to_vec();
    plan.queues.iter_mut().for_each(|queue| queue.thresholds = vec![seconds(500)]);
    plan.queues[0].steps.truncate(1);
}

#[test]
fn places_are_told_by_seniority_and_messages_in_turn() {
    check(
        plan_with(talkative),
        "
        0s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        5s enter 2 information
            received 2
            entered 2 information
            > welcome 2
        26s look
            20s > announce to 1: position 1 opening_hours
            25s > announce to 2: position 2 opening_hours
        30s gone 1
            abandoned 1, waited 30s
        90s look
            55s > announce to 2: position 1 web_site
            85s > announce to 2: position 1 opening_hours
        ",
    );
}

#[test]
fn nobodys_turn_waits_for_a_clip() {
    check(
        plan_with(talkative),
        "
        0s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        20s look
            > announce to 1: position 1 opening_hours
        20.5s register 101
            offer 1: 1 to 101, step 0
        21s talk 1
            offer 1 accepted after 0.5s
            answered 1 by 101, waited 21s
            > join 1 and offer 1
        90s look
        ",
    );
}

#[test]
fn they_go_on_while_a_phone_rings_and_rest_while_the_call_is_joined() {
    check(
        plan_with(talkative),
        "
        0s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        19s register 101
            offer 1: 1 to 101, step 0
        19.5s rings 1
        20s look
            > announce to 1: position 1 opening_hours
        29s look
        33.5s answer 1
            > join 1 and offer 1
        34s hang-up 1
            offer 1 failed after 15s
        60s look
            44s offer 2: 1 to 101, step 0
            48s offer 2 unreachable after 4s
            48s > cancel offer 2
            50s > announce to 1: position 1 web_site
        ",
    );
}

#[test]
fn a_key_cuts_what_is_said_where_anything_is() {
    check(
        plan_with(talkative),
        "
        0s enter 1 information
            received 1
            entered 1 information
            > welcome 1
        0s enter 2 switchboard
            received 2
            entered 2 switchboard
            > welcome 2
        20s look
            > announce to 1: position 1 opening_hours
        21s key 1 5
            > hush 1
        22s key 2 5
        ",
    );
}

#[test]
fn a_reload_tells_whoever_waits_at_the_next_moment_and_not_what_was_missed() {
    let after = plan_with(talkative);
    let quiet = plan_with(|plan| {
        talkative(plan);
        plan.queues[0].announcements = None;
    });
    let mut acd = Acd::new(quiet, 7);
    let mut out = Outbox::default();
    let (call, service) = (CallId(1), ServiceId(0));
    let at = |seconds| Time::ZERO + super::seconds(seconds);
    acd.handle(Event::CallArrived { call, service, received_at: at(0) }, at(0), &mut out);
    acd.handle(Event::CallEstablished { call, received_at: at(0) }, at(0), &mut out);
    acd.handle(Event::ClipEnded { call, clip: ClipId(0), received_at: at(0) }, at(0), &mut out);
    let clips = [ClipId(0), ClipId(1), ClipId(2)];
    let plan = succession::succeed(acd.plan(), after, &clips).unwrap().plan;
    acd.handle(Event::PlanChanged(Box::new(plan)), at(400), &mut out);
    out.commands.clear();
    acd.expire(at(460), &mut out);
    let told = out.commands.iter().filter(|command| matches!(command, Command::Announce { .. })).count();
    assert_eq!(told, 2, "after 410 s and 440 s");
    acd.check_laws().unwrap();
}

/// Only the estimated wait, once, after 2 s; no welcome to listen to.
fn estimating(plan: &mut Plan) {
    talkative(plan);
    plan.services[0].welcome = None;
    plan.queues[0].wrap_up = seconds(0);
    plan.queues[0].announcements = Some(Announcements {
        first: seconds(2),
        every: seconds(0),
        position: None,
        estimate: Some(VoiceId(0)),
        messages: Vec::new(),
    });
}

/// Four callers are answered 10 s after each other; who comes then hears what that makes of its place, and how good it
/// was is told when it is answered.
#[test]
fn waits_are_estimated_once_there_is_something_to_go_by() {
    check(
        plan_with(estimating),
        "
        0s register 101
        0s enter 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        0s enter 2 information
            received 2
            entered 2 information
        0s enter 3 information
            received 3
            entered 3 information
        0s enter 4 information
            received 4
            entered 4 information
        0s enter 5 information
            received 5
            entered 5 information
        0s rings 1
        2.5s look
        10s talk 1
            offer 1 accepted after 10s
            answered 1 by 101, waited 10s
            > join 1 and offer 1
        20s hang-up 1
            ended 1 by agent, talked 10s
            offer 2: 2 to 101, step 0
            > hang up 1
        20s talk 2
            offer 2 accepted after 0s
            answered 2 by 101, waited 20s
            > join 2 and offer 2
        30s hang-up 2
            ended 2 by agent, talked 10s
            offer 3: 3 to 101, step 0
            > hang up 2
        30s talk 3
            offer 3 accepted after 0s
            answered 3 by 101, waited 30s
            > join 3 and offer 3
        40s hang-up 3
            ended 3 by agent, talked 10s
            offer 4: 4 to 101, step 0
            > hang up 3
        40s talk 4
            offer 4 accepted after 0s
            answered 4 by 101, waited 40s
            > join 4 and offer 4
        41s enter 6 information
            received 6
            entered 6 information
        43.5s look
            43s > announce to 6: wait 20s
        50s hang-up 4
            ended 4 by agent, talked 10s
            offer 5: 5 to 101, step 0
            > hang up 4
        50s talk 5
            offer 5 accepted after 0s
            answered 5 by 101, waited 50s
            > join 5 and offer 5
        55s hang-up 5
            ended 5 by agent, talked 5s
            offer 6: 6 to 101, step 0
            > hang up 5
        55s talk 6
            offer 6 accepted after 0s
            answered 6 by 101, waited 14s
            6 was to wait 20s
            > join 6 and offer 6
        ",
    );
}
