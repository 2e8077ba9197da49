//! Ways out of a queue: the longest wait, a key, another service.

use super::script::check;
use super::{plan_with, seconds};
use centralino::acd::Plan;
use centralino::acd::plan::{Entry, Exit};
use centralino::ids::{ClipId, Key, ServiceId};

const GOODBYE: ClipId = ClipId(1);
const SWITCHBOARD: ServiceId = ServiceId(1);

/// No welcomes; 60 s of waiting at most; key 9 says goodbye, key 0 leads to the switchboard, key 5 ends the call.
fn plan(change: impl FnOnce(&mut Plan)) -> Plan {
    plan_with(|plan| {
        plan.clips = ["welcome", "goodbye", "closed"].map(str::to_owned).to_vec();
        plan.services.iter_mut().for_each(|service| service.welcome = None);
        plan.queues[0].max_wait = seconds(25);
        plan.queues[0].steps.truncate(1);
        plan.queues[0].thresholds = vec![seconds(30)];
        let key = |sign| Key::of_sign(sign).unwrap();
        plan.queues[0].exits =
            vec![(key('9'), Exit::Announce(GOODBYE)), (key('0'), Exit::Service(SWITCHBOARD)), (key('5'), Exit::End)];
        change(plan);
    })
}

#[test]
fn the_longest_wait_may_end_with_an_announcement() {
    check(
        plan(|plan| plan.queues[0].on_max_wait = Exit::Announce(GOODBYE)),
        "
        0s call 1 information
            received 1
            entered 1 information
        26s register 101
            25s flowed out 1 max_wait, waited 25s
            25s > goodbye 1
        29s clip-end 1 goodbye
            > hang up 1
        ",
    );
}

#[test]
fn last_words_end_once_however_they_end() {
    check(
        plan(|plan| plan.queues[0].on_max_wait = Exit::Announce(GOODBYE)),
        "
        0s call 1 information
            received 1
            entered 1 information
        1s call 2 information
            received 2
            entered 2 information
        2s call 3 information
            received 3
            entered 3 information
        28s gone 1
            25s flowed out 1 max_wait, waited 25s
            25s > goodbye 1
            26s flowed out 2 max_wait, waited 25s
            26s > goodbye 2
            27s flowed out 3 max_wait, waited 25s
            27s > goodbye 3
        29s broke 2
            > hang up 2
        400s look
            327s > hang up 3
        ",
    );
}

#[test]
fn another_service_takes_the_caller_over_with_its_seniority_and_a_wait_of_its_own() {
    check(
        plan(|plan| plan.queues[0].on_max_wait = Exit::Service(SWITCHBOARD)),
        "
        0s call 1 information
            received 1
            entered 1 information
        20s call 2 switchboard
            received 2
            entered 2 switchboard
        26s register 101
            25s flowed out 1 service, waited 25s
            25s taken over 1 by switchboard
            25s entered 1 switchboard
            offer 1: 1 to 101, step 0
        27s talk 1
            offer 1 accepted after 1s
            answered 1 by 101, waited 2s
            > join 1 and offer 1
        ",
    );
}

#[test]
fn the_phone_that_rang_for_it_stops_when_a_key_leads_out() {
    check(
        plan(|_| {}),
        "
        0s register 101
        1s call 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        2s rings 1
        3s key 1 7
        4s key 1 9
            offer 1 withdrawn after 3s
            flowed out 1 key_exit, waited 3s
            > cancel offer 1
            > goodbye 1
        5s key 1 0
        6s clip-end 1 goodbye
            > hang up 1
        ",
    );
}

#[test]
fn keys_lead_to_another_service_and_to_the_end() {
    check(
        plan(|_| {}),
        "
        0s call 1 information
            received 1
            entered 1 information
        1s call 2 information
            received 2
            entered 2 information
        2s key 1 0
            flowed out 1 service, waited 2s
            taken over 1 by switchboard
            entered 1 switchboard
        3s key 2 5
            flowed out 2 key_exit, waited 2s
            > hang up 2
        4s key 1 9
        ",
    );
}

#[test]
fn a_key_while_an_agent_is_being_joined_means_nothing() {
    check(
        plan(|_| {}),
        "
        0s register 101
        1s call 1 information
            received 1
            entered 1 information
            offer 1: 1 to 101, step 0
        2s answer 1
            > join 1 and offer 1
        2.5s key 1 5
        3s joined 1
            offer 1 accepted after 1s (at 2s)
            answered 1 by 101, waited 1s (at 2s)
        ",
    );
}

#[test]
fn a_service_without_room_passes_the_caller_on_by_its_own_rule() {
    let plan = plan(|plan| {
        plan.queues[0].on_max_wait = Exit::Service(SWITCHBOARD);
        plan.queues[1].max_length = 1;
        plan.services[1].entry = Entry { full: Exit::Announce(ClipId(2)), ..Entry::default() };
    });
    check(
        plan,
        "
        0s call 1 switchboard
            received 1
            entered 1 switchboard
        1s call 2 information
            received 2
            entered 2 information
        27s look
            20.02s late 1 20s (at 20s)
            26s flowed out 2 max_wait, waited 25s
            26s > closed 2
        ",
    );
}
