//! Callers between the welcome and the queue: what they hear, press and miss.

use super::script::check;
use super::{plan_with, seconds};
use centralino::acd::Plan;
use centralino::acd::ivr::{Flow, Menu, Number, Target};
use centralino::ids::{ClipId, Key, QueueId, Reference, VoiceId};

/// Service `information` asks first: 1 is its queue, 0 the switchboard, 9 an announcement and the end.
fn asking(plan: &mut Plan) {
    let key = |sign| Key::of_sign(sign).unwrap();
    let menu = Menu {
        name: "main".to_owned(),
        prompt: ClipId(1),
        timeout: seconds(5),
        repeats: 1,
        barge_in: true,
        keys: vec![
            (key('1'), Target::Queue(QueueId(0))),
            (key('0'), Target::Queue(QueueId(1))),
            (key('9'), Target::End(ClipId(2))),
            (key('*'), Target::Repeat),
        ],
        number: None,
        otherwise: Target::Queue(QueueId(1)),
    };
    plan.services[0].menu = Some(Flow { menus: vec![menu] });
    plan.clips = ["welcome", "menu", "goodbye"].map(str::to_owned).to_vec();
}

#[test]
fn the_wait_begins_with_the_choice() {
    check(
        plan_with(asking),
        "
        0s register 101
        1s call 1 information
            received 1
            > welcome 1
        3s key 1 1
        4s clip-end 1 welcome
            > menu 1
        6s key 1 1
            entered 1 information
            offer 1: 1 to 101, step 0
        7s talk 1
            offer 1 accepted after 1s
            answered 1 by 101, waited 1s
            > join 1 and offer 1
        8s key 1 9
        ",
    );
}

#[test]
fn who_presses_nothing_hears_it_again_and_comes_to_the_default() {
    check(
        plan_with(asking),
        "
        0s call 1 information
            received 1
            > welcome 1
        2s clip-end 1 welcome
            > menu 1
        10s clip-end 1 menu
        20s look
            15s > menu 1
        25s clip-end 1 menu
        40s look
            30s entered 1 switchboard
        41s gone 1
            abandoned 1, waited 11s
        ",
    );
}

#[test]
fn repeats_strange_keys_and_the_end() {
    check(
        plan_with(asking),
        "
        0s call 1 information
            received 1
            > welcome 1
        2s clip-end 1 welcome
            > menu 1
        3s key 1 *
            > menu 1
        4s key 1 7
            > menu 1
        5s key 1 9
            > goodbye 1
        6s key 1 1
        7s clip-end 1 goodbye
            ended in menu 1
            > hang up 1
        8s key 1 1
        ",
    );
}

#[test]
fn who_leaves_or_is_cut_off_in_the_menu_never_entered() {
    check(
        plan_with(asking),
        "
        0s call 1 information
            received 1
            > welcome 1
        0s call 2 information
            received 2
            > welcome 2
        0s call 3 information
            received 3
            > welcome 3
        2s clip-end 1 welcome
            > menu 1
        2s clip-end 2 welcome
            > menu 2
        2s clip-end 3 welcome
            > menu 3
        3s gone 1
            left in greeting 1
        4s clip-end 2 menu
        4s broke 2
            failed in greeting 2
            > hang up 2
        5s drain-end
            failed in greeting 3
            > hang up 3
        60s look
        ",
    );
}

#[test]
fn a_full_queue_turns_nobody_away_who_was_received() {
    let crowded = |plan: &mut Plan| {
        asking(plan);
        plan.queues[1].max_length = 1;
    };
    check(
        plan_with(crowded),
        "
        0s enter 1 switchboard
            received 1
            entered 1 switchboard
            > welcome 1
        1s call 2 information
            received 2
            > welcome 2
        2s clip-end 2 welcome
            > menu 2
        3s key 2 0
            entered 2 information
        4s gone 1
            abandoned 1, waited 4s
        5s call 3 information
            received 3
            > welcome 3
        6s clip-end 3 welcome
            > menu 3
        7s key 3 0
            entered 3 switchboard
        ",
    );
}

#[test]
fn a_number_is_typed_read_back_and_goes_with_the_call() {
    let plan = plan_with(|plan| {
        asking(plan);
        let menu = &mut plan.services[0].menu.as_mut().unwrap().menus[0];
        menu.keys.clear();
        let terminator = Key::of_sign('#').unwrap();
        let confirm = Some((VoiceId(0), ClipId(2)));
        let prefixes = vec![(Reference::of("4").unwrap(), Target::Queue(QueueId(0)))];
        let then = Target::Queue(QueueId(1));
        menu.number = Some(Number { least: 2, most: 6, terminator, confirm, prefixes, then });
    });
    check(
        plan,
        "
        1s call 1 information
            received 1
            > welcome 1
        4s clip-end 1 welcome
            > menu 1
        5s key 1 0
        6s key 1 7
        7s key 1 #
            > spell 07, goodbye 1
        9s key 1 2
            > menu 1
        12s clip-end 1 menu
        13s key 1 4
        14s key 1 2
        20s look
            19s > spell 42, goodbye 1
        21s clip-end 1 goodbye
        22s key 1 1
            1 gave 42
            entered 1 information
        ",
    );
}
