//! What the engine says about a call and about an agent.

use super::{FIRST_LINE, INFORMATION, agent, plan_with, seconds};
use centralino::acd::{Acd, AgentRequest, Event, Outbox};
use centralino::facts::OfferOutcome;
use centralino::ids::{AgentId, CallId, OfferId, ServiceId};
use centralino::time::{Duration, Time};

fn arrived(call: u64) -> impl Fn(Time) -> Event {
    move |received_at| Event::CallArrived { call: CallId(call), service: ServiceId(0), received_at }
}

fn established(call: u64) -> impl Fn(Time) -> Event {
    move |received_at| Event::CallEstablished { call: CallId(call), received_at }
}

/// One call waits, one rings at 104's, who rejected the first; 101 talks, 102 works after a call, 103 lacks the level.
fn busy() -> (Acd, Time) {
    let plan = plan_with(|plan| {
        plan.agents.insert(2, agent("103", FIRST_LINE, &[(INFORMATION, 20)]));
        plan.agents.insert(3, agent("104", FIRST_LINE, &[(INFORMATION, 60)]));
        plan.queues[0].steps[1].after_offers = Some(3);
        plan.queues[0].steps[1].when_nobody_signed_in = true;
        plan.queues[0].wrap_up = seconds(30);
        plan.services[0].welcome = None;
    });
    let (mut acd, mut out) = (Acd::new(plan, 1), Outbox::default());
    let mut at = |second: u64, event: &dyn Fn(Time) -> Event| {
        let now = Time::from_millis(second * 1_000);
        while let Some((due, _)) = acd.next_deadline().filter(|&(due, _)| due <= now) {
            acd.expire(due, &mut out);
        }
        acd.handle(event(now), now, &mut out);
    };
    for (second, agent) in [(0, 0), (1, 1), (2, 2), (3, 4), (4, 5)] {
        at(second, &|received_at| Event::AgentReachable { agent: AgentId(agent), received_at });
    }
    for (second, call) in [(10, 1), (11, 2)] {
        at(second, &arrived(call));
        at(second, &established(call));
        at(second, &|received_at| Event::OfferAnswered { offer: OfferId(call), received_at });
        at(second, &|received_at| Event::OfferJoined { offer: OfferId(call), received_at });
    }
    at(12, &|received_at| Event::CallerGone { call: CallId(2), lost: false, received_at });
    for (second, call) in [(13, 3), (14, 4)] {
        at(second, &arrived(call));
        at(second, &established(call));
    }
    at(15, &|received_at| Event::AgentReachable { agent: AgentId(3), received_at });
    let outcome = OfferOutcome::Rejected;
    at(16, &|received_at| Event::OfferFailed { offer: OfferId(3), outcome, received_at });
    (acd, Time::from_millis(17_500))
}

#[test]
fn a_waiting_call_is_explained_agent_by_agent() {
    let (acd, now) = busy();
    insta::assert_snapshot!(acd.explain_call(CallId(3), now).expect("a call"), @"
    call 3, service information, queue information: waits since 4.500 s
    callers before it in the queue: 0
    step 0 since 4.500 s
    step 1 in 15.500 s, or after 3 unanswered offers (1 so far), or when nobody is signed in
    longest wait in 595.500 s, then the end
    ready for it, in order: nobody
    others, and what stands in the way first:
      101: talking
      102: wrap up
      103: information 20 of 50
      104: ringing
      201: pool back_office is in no open step
      301: pool second_line.environment is in no open step
    ");
    assert_eq!(acd.explain_call(CallId(2), now), None);
}

#[test]
fn a_ringing_and_a_talking_call_are_explained() {
    let (acd, now) = busy();
    let both = [4, 1].map(|call| acd.explain_call(CallId(call), now).expect("a call"));
    insta::assert_snapshot!(both.concat(), @"
    call 4, service information, queue information: rings since 3.500 s
    its phones: 104
    callers before it in the queue: 1
    step 0 since 3.500 s
    step 1 in 16.500 s, or after 3 unanswered offers (0 so far), or when nobody is signed in
    longest wait in 596.500 s, then the end
    ready for it, in order: nobody
    others, and what stands in the way first:
      101: talking
      102: wrap up
      103: information 20 of 50
      104: ringing
      201: pool back_office is in no open step
      301: pool second_line.environment is in no open step
    call 1, service information, queue information: talks with 101
    ");
}

#[test]
fn an_agent_is_explained_call_by_call() {
    let (acd, now) = busy();
    let two = [1, 2].map(|agent| acd.explain_agent(AgentId(agent), now).expect("an agent"));
    insta::assert_snapshot!(two.concat(), @"
    agent 102, pool first_line: wrap up since 5.500 s, over in 24.500 s
    skills: information 100, switchboard 100
    waiting calls, in order:
      call 3, information, step 0, since 4.500 s: wrap up
    agent 103, pool first_line: ready since 15.500 s
    skills: information 20
    waiting calls, in order:
      call 3, information, step 0, since 4.500 s: information 20 of 50
    ");
    assert_eq!(acd.explain_agent(AgentId(99), now), None);
}

#[test]
fn a_pause_is_explained_with_its_reason_and_its_end() {
    let (mut acd, now) = busy();
    let agent = AgentId(2);
    let mut out = Outbox::default();
    let request = AgentRequest::Pause(acd.plan().pause_by_name("lunch").expect("a reason"));
    acd.handle(Event::AgentAsked { agent, request, received_at: now }, now, &mut out);
    let text = acd.explain_agent(agent, now + Duration::from_secs(3)).expect("an agent");
    assert!(text.starts_with("agent 103, pool first_line: paused (lunch) since 3 s, over in 57 s\n"), "{text}");
}

#[test]
fn those_who_are_ready_are_told_in_the_order_of_the_strategy() {
    let plan = plan_with(|plan| {
        plan.agents.insert(2, agent("103", FIRST_LINE, &[(INFORMATION, 60)]));
        plan.services[0].welcome = None;
    });
    let (mut acd, mut out) = (Acd::new(plan, 1), Outbox::default());
    let received_at = |second: u64| Time::from_millis(second * 1_000);
    for (second, agent) in [(1, 2), (2, 1), (3, 0)] {
        let (agent, received_at) = (AgentId(agent), received_at(second));
        acd.handle(Event::AgentReachable { agent, received_at }, received_at, &mut out);
    }
    let (call, received_at) = (CallId(1), received_at(4));
    acd.handle(Event::CallArrived { call, service: ServiceId(0), received_at }, received_at, &mut out);
    acd.handle(Event::CallEstablished { call, received_at }, received_at, &mut out);
    let text = acd.explain_call(call, Time::from_millis(5_000)).expect("a call");
    let ready: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("ready")).take(3).collect();
    assert_eq!(
        ready,
        [
            "ready for it, in order:",
            "  102: step 0, missed it 0 times, without work since 3 s",
            "  101: step 0, missed it 0 times, without work since 2 s",
        ]
    );
}
