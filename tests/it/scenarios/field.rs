//! What the field's own suite checks of its queues, in our words; whatever of it has its table elsewhere is not repeated.

use super::script::check;
use super::{plan, plan_with, seconds};
use centralino::acd::plan::Service;
use centralino::acd::{Acd, Command, Event, Outbox};
use centralino::facts::{Fact, Refusal};
use centralino::ids::{CallId, ServiceId};
use centralino::time::Time;

/// Three numbers of one queue with eleven places: plain, a minute ahead, ten minutes ahead.
const PLAIN: u32 = 0;
const AHEAD: u32 = 1;
const FAR_AHEAD: u32 = 2;

#[test]
fn eleven_callers_join_by_priority_then_by_arrival_and_the_twelfth_finds_the_queue_full() {
    let plan = plan_with(|plan| {
        plan.queues[0].max_length = 11;
        let number = |name: &str, credit| Service {
            name: name.to_owned(),
            number: name.to_owned(),
            welcome: None,
            priority_credit: seconds(credit),
            ..plan.services[0].clone()
        };
        plan.services = vec![number("plain", 0), number("ahead", 60), number("far_ahead", 600)];
    });
    let (mut acd, mut out) = (Acd::new(plan, 1), Outbox::default());
    let mut dial = |call: u64, service: u32, acd: &mut Acd| {
        let (call, received_at) = (CallId(call), Time::from_millis(1_000 * call));
        out.commands.clear();
        out.facts.clear();
        acd.handle(Event::CallArrived { call, service: ServiceId(service), received_at }, received_at, &mut out);
        acd.handle(Event::CallEstablished { call, received_at }, received_at, &mut out);
        let is_full = |fact: &Fact| matches!(fact, Fact::CallRefused { reason: Refusal::QueueFull, .. });
        let refused = out.commands.iter().any(|command| matches!(command, Command::RefuseCall { .. }));
        assert_eq!(refused, out.facts.iter().any(|record| is_full(&record.fact)));
        refused
    };
    // Who dials what, and the line after it, the next one first.
    let joins: [(u32, &[u64]); 11] = [
        (PLAIN, &[1]),
        (PLAIN, &[1, 2]),
        (AHEAD, &[3, 1, 2]),
        (FAR_AHEAD, &[4, 3, 1, 2]),
        (PLAIN, &[4, 3, 1, 2, 5]),
        (FAR_AHEAD, &[4, 6, 3, 1, 2, 5]),
        (AHEAD, &[4, 6, 3, 7, 1, 2, 5]),
        (AHEAD, &[4, 6, 3, 7, 8, 1, 2, 5]),
        (PLAIN, &[4, 6, 3, 7, 8, 1, 2, 5, 9]),
        (FAR_AHEAD, &[4, 6, 10, 3, 7, 8, 1, 2, 5, 9]),
        (PLAIN, &[4, 6, 10, 3, 7, 8, 1, 2, 5, 9, 11]),
    ];
    for (call, (service, line)) in (1..).zip(joins) {
        assert!(!dial(call, service, &mut acd), "call {call}");
        for (position, other) in (1..).zip(line) {
            assert_eq!(acd.position(CallId(*other)), Some(position), "call {other} after call {call}");
        }
    }
    assert!(dial(12, FAR_AHEAD, &mut acd), "the twelfth");
    assert_eq!((acd.sizes().calls, acd.position(CallId(12))), (11, None));
}

#[test]
fn while_all_are_paused_nobody_is_offered_and_the_first_who_is_back_is_at_once() {
    check(
        plan(),
        "
        0s register 101
        0s register 102
        1s pause 101
        1s pause 102 training
        2s enter 1 switchboard
            received 1
            entered 1 switchboard
            > welcome 1
        19s look
        20s resume 102
            offer 1: 1 to 102, step 0
        ",
    );
}

#[test]
fn one_of_two_is_paused_and_the_other_has_every_call() {
    check(
        plan(),
        "
        0s register 101
        0s register 102
        1s pause 101
        2s enter 1 switchboard
            received 1
            entered 1 switchboard
            offer 1: 1 to 102, step 0
            > welcome 1
        3s talk 1
            offer 1 accepted after 1s
            answered 1 by 102, waited 1s
            > join 1 and offer 1
        4s enter 2 switchboard
            received 2
            entered 2 switchboard
            > welcome 2
        9s gone 1
            ended 1 by caller, talked 6s
            offer 2: 2 to 102, step 0
            > hang up offer 1
        10s talk 2
            offer 2 accepted after 1s
            answered 2 by 102, waited 6s
            > join 2 and offer 2
        11s gone 2
            ended 2 by caller, talked 1s
            > hang up offer 2
        ",
    );
}
