//! The watcher of the order is itself watched: for every rule, a story that keeps it and one that breaks it.

use crate::scenarios::laid_out;
use centralino::acd::plan::{Agent, Limits, OnReload, Pool, Queue, Service, Step, StepMode, Strategy};
use centralino::acd::{OrderWatcher, Plan};
use centralino::facts::{AgentState, Fact, OfferOutcome, OrderRule, Record, StepTrigger};
use centralino::ids::{AgentId, CallId, OfferId, PoolId, QueueId, ServiceId, SkillId};
use centralino::time::{Duration, Time};

const FIRST_LINE: PoolId = PoolId(0);
const SECOND_LINE: PoolId = PoolId(1);
/// Of the first line.
const ANNA: AgentId = AgentId(0);
/// Of the first line, with less skill.
const BRUNO: AgentId = AgentId(1);
/// Of the second line.
const CARLA: AgentId = AgentId(2);
/// Two queues alike but for the priority of the second, and one that is heavier.
const PLAIN: u32 = 0;
const OTHER: u32 = 1;
const HEAVY: u32 = 2;

fn plan() -> Plan {
    let step = |after, pool, level| Step {
        after: Duration::from_secs(after),
        pools: vec![pool],
        requires: vec![(SkillId(0), level)],
        ..Step::default()
    };
    let second = Step { after_offers: Some(2), when_nobody_signed_in: true, ..step(20, SECOND_LINE, 10) };
    let queue = |number: u32, weight| Queue {
        name: format!("queue_{number}"),
        weight,
        priority_credit: Duration::from_secs(if number == OTHER { 5 } else { 0 }),
        steps: vec![
            step(0, FIRST_LINE, 50),
            second.clone(),
            Step { mode: StepMode::Replace, ..step(60, SECOND_LINE, 10) },
        ],
        ..Queue::default()
    };
    let service = |number: u32| Service {
        name: format!("service_{number}"),
        number: format!("{number}"),
        queue: QueueId(number),
        ..Service::default()
    };
    let agent = |number: &str, pool, level| Agent {
        number: number.to_owned(),
        pool,
        skills: vec![(SkillId(0), level)],
        ..Agent::default()
    };
    Plan {
        services: (0..3).map(service).collect(),
        queues: vec![queue(PLAIN, 0), queue(OTHER, 0), queue(HEAVY, 3)],
        pools: ["first_line", "second_line"].map(|name| Pool { name: name.to_owned(), ..Pool::default() }).to_vec(),
        agents: vec![agent("1", FIRST_LINE, 80), agent("2", FIRST_LINE, 40), agent("3", SECOND_LINE, 80)],
        skills: vec!["skill".to_owned()],
        limits: Limits { overtaken_at_most: 2, ..Limits::default() },
        ..Plan::default()
    }
}

/// A story told to a watcher, second by second.
struct Story {
    watcher: OrderWatcher,
    at: Time,
    offers: u64,
}

impl Story {
    fn new() -> Story {
        Story { watcher: OrderWatcher::new(&plan()), at: Time::from_millis(100_000), offers: 0 }
    }

    fn tell(&mut self, fact: Fact) -> Option<OrderRule> {
        self.watcher.follow(&Record { at: self.at, fact }).map(|(_, rule)| rule)
    }

    fn wait(&mut self, seconds: u64) -> &mut Story {
        self.at = self.at + Duration::from_secs(seconds);
        self
    }

    /// In order; a second passes before each.
    fn enter(&mut self, calls: &[(u64, u32)]) -> &mut Story {
        for &(call, queue) in calls {
            self.wait(1);
            let (call, service, queue) = (CallId(call), ServiceId(queue), QueueId(queue));
            assert_eq!(self.tell(Fact::CallEntered { call, service, queue }), None);
        }
        self
    }

    fn state(&mut self, agent: AgentId, to: AgentState) -> &mut Story {
        let (pool, from, lasted) = (FIRST_LINE, AgentState::SignedOut, Duration::ZERO);
        assert_eq!(self.tell(Fact::AgentStateChanged { agent, pool, from, to, lasted }), None);
        self
    }

    fn ready(&mut self, agents: &[AgentId]) -> &mut Story {
        agents.iter().for_each(|&agent| _ = self.state(agent, AgentState::Ready));
        self
    }

    fn offer(&mut self, call: u64, agent: AgentId, step: u8) -> Option<OrderRule> {
        self.offers += 1;
        let (offer, call, queue, pool, since) = (OfferId(self.offers), CallId(call), QueueId(0), FIRST_LINE, self.at);
        let verdict = self.tell(Fact::OfferMade { offer, call, queue, step, pool, agent, since });
        self.state(agent, AgentState::Ringing);
        verdict
    }

    /// The phone did not take the call, and is ready again.
    fn end(&mut self, call: u64, agent: AgentId, outcome: OfferOutcome) -> &mut Story {
        let (offer, call, queue, pool, rang) = (OfferId(0), CallId(call), QueueId(0), FIRST_LINE, Duration::ZERO);
        assert_eq!(self.tell(Fact::OfferEnded { offer, call, queue, step: 0, pool, agent, outcome, rang }), None);
        self.ready(&[agent])
    }

    fn step(&mut self, call: u64, step: u8, trigger: StepTrigger) -> Option<OrderRule> {
        self.tell(Fact::StepReached { call: CallId(call), queue: QueueId(0), step, trigger })
    }
}

#[test]
fn who_came_first_is_served_first_among_all_queues_the_agent_serves() {
    let mut right = Story::new();
    right.enter(&[(1, PLAIN), (2, PLAIN)]).ready(&[ANNA]);
    assert_eq!(right.offer(1, ANNA, 0), None);
    let mut wrong = Story::new();
    wrong.enter(&[(1, PLAIN), (2, PLAIN)]).ready(&[ANNA]);
    assert_eq!(wrong.offer(2, ANNA, 0), Some(OrderRule::Seniority));
    // Of two queues alike, one gives its callers five seconds: the third stands before both.
    let mut credit = Story::new();
    credit.enter(&[(1, PLAIN), (2, PLAIN), (3, OTHER)]).ready(&[ANNA]);
    assert_eq!(credit.offer(1, ANNA, 0), Some(OrderRule::Seniority));
    credit.end(1, ANNA, OfferOutcome::Withdrawn);
    assert_eq!(credit.offer(3, ANNA, 0), None);
    // Those whose phone rings already are not passed over.
    credit.ready(&[ANNA]);
    assert_eq!(credit.offer(1, ANNA, 0), None);
}

#[test]
fn an_old_place_is_kept_by_those_who_enter_once_more() {
    let mut story = Story::new();
    story.enter(&[(1, PLAIN)]);
    let (call, service, seniority) = (CallId(2), ServiceId(0), Duration::from_secs(40));
    assert_eq!(story.tell(Fact::CallTakenOver { call, service, seniority }), None);
    story.enter(&[(2, PLAIN)]).ready(&[ANNA]);
    assert_eq!(story.offer(1, ANNA, 0), Some(OrderRule::Seniority));
}

#[test]
fn an_agent_who_is_left_alone_for_a_call_may_have_the_next_one_until_the_back_off_is_over() {
    for (waited, verdict) in [(4, None), (5, Some(OrderRule::Seniority))] {
        let mut story = Story::new();
        story.enter(&[(1, PLAIN), (2, PLAIN)]).ready(&[ANNA]);
        assert_eq!(story.offer(1, ANNA, 0), None);
        story.end(1, ANNA, OfferOutcome::NoAnswer).wait(waited);
        assert_eq!(story.offer(2, ANNA, 0), verdict, "{waited} s after the phone was not answered");
    }
}

#[test]
fn the_heavier_go_first_but_nobody_is_overtaken_more_often_than_may_be() {
    let mut story = Story::new();
    story.enter(&[(1, PLAIN), (2, HEAVY), (3, HEAVY), (4, HEAVY)]).ready(&[ANNA]);
    assert_eq!(story.offer(1, ANNA, 0), Some(OrderRule::Seniority), "the heavy ones go first");
    story.end(1, ANNA, OfferOutcome::Withdrawn);
    assert_eq!(story.offer(2, ANNA, 0), None);
    story.ready(&[ANNA]);
    assert_eq!(story.offer(3, ANNA, 0), None);
    story.ready(&[ANNA]);
    assert_eq!(story.offer(4, ANNA, 0), Some(OrderRule::Overtaking), "the third time");
}

#[test]
fn whoever_was_overtaken_often_enough_goes_first_from_the_next_offer_on() {
    let mut story = Story::new();
    story.enter(&[(1, PLAIN), (2, HEAVY), (3, HEAVY), (4, HEAVY)]).ready(&[ANNA]);
    assert_eq!(story.offer(2, ANNA, 0), None);
    assert_eq!(story.tell(Fact::CallPromoted { call: CallId(1), queue: QueueId(0), times: 2 }), None);
    story.ready(&[ANNA]);
    assert_eq!(story.offer(3, ANNA, 0), None, "this is the offer that overtook it");
    story.ready(&[ANNA]);
    assert_eq!(story.offer(4, ANNA, 0), Some(OrderRule::Seniority));
    story.end(4, ANNA, OfferOutcome::Withdrawn);
    assert_eq!(story.offer(1, ANNA, 0), None);
}

#[test]
fn nobody_is_offered_a_call_without_the_skills_of_its_step() {
    let mut story = Story::new();
    story.enter(&[(1, PLAIN)]).ready(&[BRUNO, CARLA]);
    assert_eq!(story.offer(1, BRUNO, 0), Some(OrderRule::Skills), "40 where 50 are required");
    story.end(1, BRUNO, OfferOutcome::Withdrawn);
    assert_eq!(story.offer(1, CARLA, 0), Some(OrderRule::Skills), "of another pool");
}

#[test]
fn the_second_line_is_asked_by_its_step_only() {
    let mut story = Story::new();
    story.enter(&[(1, PLAIN)]).ready(&[CARLA]);
    assert_eq!(story.offer(1, CARLA, 1), Some(OrderRule::Step), "not open yet");
    story.end(1, CARLA, OfferOutcome::Withdrawn).wait(20);
    assert_eq!(story.step(1, 1, StepTrigger::Time), None);
    assert_eq!(story.offer(1, CARLA, 1), None);
    story.end(1, CARLA, OfferOutcome::Withdrawn).wait(40);
    assert_eq!(story.step(1, 2, StepTrigger::Time), None);
    assert_eq!(story.offer(1, CARLA, 1), Some(OrderRule::Step), "the third step replaced it");
    story.end(1, CARLA, OfferOutcome::Withdrawn);
    assert_eq!(story.offer(1, CARLA, 2), None);
}

#[test]
fn steps_open_by_their_time_or_their_triggers_and_one_after_the_other() {
    let mut early = Story::new();
    early.enter(&[(1, PLAIN)]).wait(19);
    assert_eq!(early.step(1, 1, StepTrigger::Time), Some(OrderRule::Step), "a second early");
    let mut skipped = Story::new();
    skipped.enter(&[(1, PLAIN)]).wait(60);
    assert_eq!(skipped.step(1, 2, StepTrigger::Time), Some(OrderRule::Step), "one was left out");
    let mut offers = Story::new();
    offers.enter(&[(1, PLAIN)]).ready(&[ANNA]);
    assert_eq!(offers.offer(1, ANNA, 0), None);
    offers.end(1, ANNA, OfferOutcome::Busy);
    assert_eq!(offers.step(1, 1, StepTrigger::Offers), Some(OrderRule::Step), "one of two");
    let mut empty = Story::new();
    empty.enter(&[(1, PLAIN)]).state(ANNA, AgentState::Paused);
    assert_eq!(empty.step(1, 1, StepTrigger::NobodySignedIn), Some(OrderRule::Step), "paused is not signed out");
    let mut gone = Story::new();
    gone.enter(&[(1, PLAIN)]).state(ANNA, AgentState::Paused).state(ANNA, AgentState::SignedOut);
    assert_eq!(gone.step(1, 1, StepTrigger::NobodySignedIn), None);
}

#[test]
fn earlier_steps_keep_precedence() {
    let mut story = Story::new();
    story.enter(&[(1, PLAIN)]).ready(&[ANNA, CARLA]).wait(20);
    assert_eq!(story.step(1, 1, StepTrigger::Time), None);
    assert_eq!(story.offer(1, CARLA, 1), Some(OrderRule::Precedence));
    story.end(1, CARLA, OfferOutcome::Withdrawn);
    assert_eq!(story.offer(1, ANNA, 0), None);
    // Left alone for this call, the first line does not stand before the second.
    story.end(1, ANNA, OfferOutcome::Rejected);
    assert_eq!(story.offer(1, CARLA, 1), None);
}

#[test]
fn only_who_waits_is_offered_and_only_to_who_is_ready() {
    let mut story = Story::new();
    story.enter(&[(1, PLAIN), (2, PLAIN)]).state(ANNA, AgentState::Paused);
    assert_eq!(story.offer(1, ANNA, 0), Some(OrderRule::Readiness), "paused");
    story.end(1, ANNA, OfferOutcome::Withdrawn);
    assert_eq!(story.offer(9, ANNA, 0), Some(OrderRule::Readiness), "nobody");
    story.ready(&[ANNA, CARLA]);
    assert_eq!(story.offer(1, ANNA, 0), None);
    assert_eq!(story.offer(1, CARLA, 0), Some(OrderRule::Readiness), "a phone rings already");
    assert_eq!(story.offer(2, ANNA, 0), Some(OrderRule::Readiness), "hers");
}

#[test]
fn a_reload_gives_new_rules_to_those_who_wait_or_leaves_them_to_the_old() {
    for (on_reload, verdict) in [(OnReload::Follow, None), (OnReload::Keep, Some(OrderRule::Skills))] {
        let mut story = Story::new();
        story.enter(&[(1, PLAIN)]).ready(&[BRUNO]);
        let mut easier = plan();
        easier.queues[0].steps[0].requires = vec![(SkillId(0), 30)];
        easier.queues[0].on_reload = on_reload;
        story.watcher.plan_changed(&laid_out(&plan(), easier));
        assert_eq!(story.offer(1, BRUNO, 0), verdict);
        story.end(1, BRUNO, OfferOutcome::Withdrawn);
        // Whoever comes later goes by the new ones.
        story.tell(Fact::CallAbandoned { call: CallId(1), queue: QueueId(0), waited: Duration::ZERO, lost: false });
        assert_eq!(story.enter(&[(2, PLAIN)]).offer(2, BRUNO, 0), None);
    }
}

#[test]
fn with_ring_all_several_phones_may_ring_for_one_call() {
    let mut rings_all = plan();
    rings_all.queues[0].strategy = Strategy::RingAll;
    rings_all.queues[0].steps[0].requires.clear();
    let mut story = Story { watcher: OrderWatcher::new(&rings_all), ..Story::new() };
    story.enter(&[(1, PLAIN), (2, PLAIN)]).ready(&[ANNA, BRUNO]);
    assert_eq!((story.offer(1, ANNA, 0), story.offer(1, BRUNO, 0)), (None, None));
}
