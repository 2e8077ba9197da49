//! Seeded simulation of the routing engine: random plans, callers and phones, with crossing and missing messages.
//! After every step the laws of semantics.md section 9 are checked and the engine must have chosen what the naive
//! router chooses.
//!
//! `CENTRALINO_SEEDS=n` plays n plans, `CENTRALINO_CALLS=n` so many calls in each, `CENTRALINO_SEED=n` one of them; a
//! failure says how to replay it.

use crate::reference_router::{ReferenceRouter, fit};
use crate::scenarios::laid_out;
use centralino::acd::demand::{Carried, Demand};
use centralino::acd::ivr::{Flow, Menu, Number, Target};
use centralino::acd::plan::{
    Agent, Announcements, BackOff, Entry, Exit, Limits, OnReload, Pause, Pool, Queue, Recording, Service, Step,
    StepMode, Strategy,
};
use centralino::acd::{
    Acd, AgentRequest, Command, Consultation, Event, OrderWatcher, Outbox, Plan, Sizes, Stuck, TransferTo,
};
use centralino::facts::{Fact, OfferOutcome, Record};
use centralino::ids::{
    AgentId, CallId, CallerTag, ClipId, DemandId, Key, OfferId, PauseId, PoolId, QueueId, ServiceId, SkillId, VoiceId,
};
use centralino::stats::{self, Layout, Shape, Tally};
use centralino::time::{Duration, Time};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::ops::Range;
use std::panic::{catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit.max(1)
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// Whole milliseconds mostly from a coarse grid, so that moments often coincide.
    fn up_to(&mut self, millis: u64) -> Duration {
        let length = self.below(millis + 1);
        Duration::from_millis(if self.percent(50) { length.next_multiple_of(500) } else { length })
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }
}

/// Groups of skills that calls carry.
const DEMANDS: u64 = 3;

/// Calls of one seed in the test command.
const CALLS: u64 = 2_000;

const STRATEGIES: [Strategy; 9] = [
    Strategy::LongestIdle,
    Strategy::Linear,
    Strategy::RoundRobin,
    Strategy::FewestCalls,
    Strategy::LeastTalkTime,
    Strategy::BestSkill,
    Strategy::Random,
    Strategy::WeightedRandom,
    Strategy::RingAll,
];

fn random_plan(dice: &mut Dice) -> Plan {
    let delay = Duration::from_secs(if dice.percent(30) { dice.below(4) } else { 0 });
    let pools = 1 + dice.below(3) as u32;
    let skills = 1 + dice.below(3) as u32;
    let mut queues: Vec<Queue> =
        (0..1 + dice.below(3)).map(|number| random_queue(dice, number, pools, skills)).collect();
    let services = queues.len() as u64;
    for queue in &mut queues {
        queue.on_max_wait = random_exit(dice, services);
        queue.exits = vec![(Key::of_sign('7').unwrap(), random_exit(dice, services))];
    }
    let agents = (0..1 + dice.below(8)).map(|number| Agent {
        number: format!("{number}"),
        pool: PoolId(dice.below(pools.into()) as u32),
        skills: (0..skills).map(|skill| (SkillId(skill), dice.pick(&[10, 50, 50, 90]))).collect(),
        fixed_contact: dice.percent(40),
        weight: 1 + dice.below(5) as u32,
        wrap_up: dice.percent(20).then(|| Duration::from_secs(dice.below(3))),
        gap: Duration::from_secs(if dice.percent(20) { dice.below(8) } else { 0 }),
        queues: random_order(dice, services),
        ..Agent::default()
    });
    let agents = agents.collect();
    let services = queues.iter().zip(0..).map(|(queue, number)| Service {
        name: queue.name.clone(),
        number: format!("{number}"),
        welcome: dice.percent(70).then_some(ClipId(0)),
        queue: QueueId(number),
        priority_credit: Duration::from_secs(10 * (u64::from(number) % 3)),
        demand: dice.percent(30).then(|| DemandId(dice.below(DEMANDS) as u32)),
        ..Service::default()
    });
    let services = services.collect::<Vec<_>>().into_iter().map(|service| Service {
        menu: dice.percent(40).then(|| random_menu(dice, queues.len() as u64)),
        entry: Entry {
            full: random_exit(dice, queues.len() as u64),
            nobody_signed_in: dice.percent(30).then(|| random_exit(dice, queues.len() as u64)),
            ..Entry::default()
        },
        ..service
    });
    Plan {
        services: services.collect(),
        queues,
        pools: (0..pools)
            .map(|pool| Pool { name: format!("pool_{pool}"), announce: dice.percent(30).then_some(ClipId(2)) })
            .collect(),
        agents,
        skills: (0..skills).map(|skill| format!("skill_{skill}")).collect(),
        demands: (0..DEMANDS).map(|_| random_demand(dice, skills)).collect(),
        clips: ["welcome", "menu", "more", "goodbye"].map(str::to_owned).to_vec(),
        pauses: vec![
            Pause {
                name: "lunch".to_owned(),
                longest: Some(Duration::from_secs(15)),
                most_at_once: Some(2),
                ..Pause::default()
            },
            Pause { name: "training".to_owned(), longest: Some(Duration::from_secs(6)), ..Pause::default() },
        ],
        limits: Limits {
            channels: 30,
            misses_to_pause: 4,
            greeting_max: Duration::from_secs(20),
            conference_key: Key::of_sign('#'),
            callers_remembered: 1 + dice.below(8) as u32,
            overtaken_at_most: 1 + dice.below(4) as u32,
            wrap_up_max: Duration::from_secs(8),
            agent_delay: BackOff { no_answer: delay, rejected: delay, ..BackOff::NONE },
            ..Limits::default()
        },
        ..Plan::default()
    }
}

/// Queues that an agent serves first; mostly none.
fn random_order(dice: &mut Dice, queues: u64) -> Vec<QueueId> {
    let first = QueueId(dice.below(queues) as u32);
    let second = QueueId(dice.below(queues) as u32);
    match dice.below(8) {
        0 => vec![first],
        1 if first != second => vec![first, second],
        _ => Vec::new(),
    }
}

/// Services are as many as queues.
fn random_exit(dice: &mut Dice, services: u64) -> Exit {
    match dice.below(4) {
        0 => Exit::End,
        1 => Exit::Announce(ClipId(3)),
        _ => Exit::Service(ServiceId(dice.below(services) as u32)),
    }
}

/// Two menus that lead to each other, to queues and to an end.
fn random_menu(dice: &mut Dice, queues: u64) -> Flow {
    let mut target = |other| match dice.below(6) {
        0 => Target::Repeat,
        1 => Target::Menu(other),
        2 => Target::End(ClipId(3)),
        3 => Target::Demanding(QueueId(dice.below(queues) as u32), DemandId(dice.below(DEMANDS) as u32)),
        _ => Target::Queue(QueueId(dice.below(queues) as u32)),
    };
    let mut menu = |prompt, other, otherwise, barge_in| Menu {
        name: "menu".to_owned(),
        prompt: ClipId(prompt),
        timeout: Duration::from_secs(2),
        repeats: 1,
        barge_in,
        keys: ['1', '2', '*'].map(|sign| (Key::of_sign(sign).unwrap(), target(other))).to_vec(),
        otherwise,
        number: None,
    };
    let mut menus = vec![menu(1, 1, Target::Menu(1), true), menu(2, 0, Target::Queue(QueueId(0)), false)];
    if dice.percent(40) {
        let then = Target::Queue(QueueId(dice.below(queues) as u32));
        let confirm = dice.percent(50).then_some((VoiceId(0), ClipId(1)));
        let terminator = Key::of_sign('*').unwrap();
        menus[1].keys.clear();
        let prefixes = Vec::new();
        menus[1].number = Some(Number { least: 1, most: 3, terminator, confirm, prefixes, then });
    }
    Flow { menus }
}

fn random_queue(dice: &mut Dice, number: u64, pools: u32, skills: u32) -> Queue {
    let steps = (0..1 + dice.below(3)).map(|step| random_step(dice, step, pools, skills)).collect();
    Queue {
        name: format!("queue_{number}"),
        strategy: dice.pick(&STRATEGIES),
        weight: dice.pick(&[0, 0, 0, 1, 5]),
        priority_credit: Duration::from_secs(dice.below(3) * 7),
        steps,
        ring: Duration::from_secs(2 + dice.below(12)),
        wrap_up: Duration::from_secs(dice.below(5)),
        max_wait: Duration::from_secs(30 + dice.below(60)),
        max_wait_grace: Duration::from_secs(dice.below(3) * 6),
        last_agent_within: Duration::from_secs(dice.pick(&[0, 0, 30, 300])),
        last_agent_wait: Duration::from_secs(dice.below(12)),
        max_length: 3 + dice.below(20) as u32,
        thresholds: dice.pick(&[[30, 20, 40], [30, 20, 40], [20, 10, 50]]).map(Duration::from_secs).to_vec(),
        on_reload: dice.pick(&[OnReload::Follow, OnReload::Follow, OnReload::Keep]),
        whisper: dice.percent(30).then_some(ClipId(3)),
        recording: dice.percent(30).then(|| Recording { notice: ClipId(1), pause_key: Key::of_sign('*').unwrap() }),
        announcements: dice.percent(50).then(|| Announcements {
            first: Duration::from_secs(1 + dice.below(30)),
            every: Duration::from_secs(5 + dice.below(10)),
            ..Announcements::default()
        }),
        ..Queue::default()
    }
}

fn random_levels(dice: &mut Dice, skills: u32, percent: u64) -> Vec<(SkillId, u8)> {
    let mut level = |skill| dice.percent(percent).then(|| (SkillId(skill), dice.pick(&[10, 40, 60])));
    (0..skills).filter_map(&mut level).collect()
}

fn random_demand(dice: &mut Dice, skills: u32) -> Demand {
    Demand { requires: random_levels(dice, skills, 40), prefers: random_levels(dice, skills, 50) }
}

fn random_step(dice: &mut Dice, number: u64, pools: u32, skills: u32) -> Step {
    Step {
        after: Duration::from_secs(number * 20 + number.min(1) * dice.below(10)),
        pools: (0..pools).filter(|pool| *pool == 0 || dice.percent(60)).map(PoolId).collect(),
        requires: random_levels(dice, skills, 50),
        prefers: random_levels(dice, skills, 20),
        relax: random_levels(dice, skills, 30).into_iter().map(|(skill, level)| (skill, level % 60)).collect(),
        mode: if number > 0 && dice.percent(25) { StepMode::Replace } else { StepMode::Widen },
        after_offers: (number > 0 && dice.percent(30)).then(|| 1 + dice.below(4) as u32),
        when_nobody_signed_in: number > 0 && dice.percent(30),
    }
}

/// The engine, the world around it and everybody who looks on.
struct World {
    plan: Rc<Plan>,
    /// Those that were in force before.
    old_plans: Vec<Rc<Plan>>,
    /// How often in a hundred steps the configuration is read again.
    reloads: u64,
    dice: Dice,
    acd: Acd,
    out: Outbox,
    tally: Tally,
    watcher: OrderWatcher,
    /// Not with a shell that oversleeps: the facts of a step then belong to several moments.
    reference: Option<ReferenceRouter>,
    /// How long, at most, the shell sleeps past the moment at which something is due.
    oversleep_ms: u64,
    /// What is going to happen, by moment and order of decision.
    coming: BTreeMap<(Time, u64), Event>,
    decided: u64,
    now: Time,
    /// The latest cause handled.
    latest: Time,
    calls: u64,
    /// So many calls arrive.
    limit: u64,
    /// Legs that exist outside: callers, and phones that ring or talk.
    callers: BTreeSet<CallId>,
    phones: BTreeMap<OfferId, AgentId>,
    hung_up: BTreeSet<OfferId>,
    answered: usize,
    /// What came out, for those who ask.
    kept: Option<Outbox>,
    /// What calls ask beside the steps.
    carried: BTreeMap<CallId, Carried>,
}

impl World {
    fn new(plan: Plan, seed: u64, oversleep_ms: u64, reloads: u64) -> World {
        let plan = Rc::new(plan);
        World {
            old_plans: Vec::new(),
            reloads,
            dice: Dice(ChaCha8Rng::seed_from_u64(seed)),
            acd: Acd::new(Plan::clone(&plan), seed),
            out: Outbox::default(),
            tally: Tally::new(shape(&plan), Time::ZERO),
            watcher: OrderWatcher::new(&plan),
            reference: (oversleep_ms == 0).then(|| ReferenceRouter::new(Rc::clone(&plan))),
            plan,
            oversleep_ms,
            coming: BTreeMap::new(),
            decided: 0,
            now: Time::ZERO,
            latest: Time::ZERO,
            calls: 0,
            limit: calls_a_seed(),
            callers: BTreeSet::new(),
            phones: BTreeMap::new(),
            hung_up: BTreeSet::new(),
            answered: 0,
            kept: None,
            carried: BTreeMap::new(),
        }
    }

    /// Some events are handled later than they are received.
    fn later(&mut self, after: Duration, event: impl FnOnce(Time) -> Event) {
        let received_at = self.now + after;
        let handled_at = if self.dice.percent(10) { received_at + self.dice.up_to(40) } else { received_at };
        self.decided += 1;
        self.coming.insert((handled_at, self.decided), event(received_at));
    }

    fn arrive(&mut self) {
        self.calls += 1;
        let call = CallId(self.calls);
        let service = ServiceId(self.dice.below(self.plan.services.len() as u64) as u32);
        let gap = self.dice.up_to(5_000);
        self.later(gap, |received_at| Event::CallArrived { call, service, received_at });
        if self.dice.percent(70) {
            let caller = CallerTag(self.dice.below(12));
            self.later(gap, |received_at| Event::CallerKnown { call, caller, received_at });
        }
    }

    fn agents_do_something(&mut self) {
        let agent = AgentId(self.dice.below(self.plan.agents.len() as u64) as u32);
        let gap = self.dice.up_to(5_000);
        match self.dice.below(10) {
            0..6 => self.later(gap, |received_at| Event::AgentReachable { agent, received_at }),
            6 => self.later(gap, |received_at| Event::AgentUnregistered { agent, received_at }),
            _ => {
                let request = match self.dice.below(11) {
                    0..3 => AgentRequest::Pause(PauseId(1 + self.dice.below(4) as u8)),
                    3..6 => AgentRequest::Resume,
                    6 => AgentRequest::Ready,
                    7 => AgentRequest::OtherMedia(self.dice.percent(30)),
                    8 => AgentRequest::EndWrapUp,
                    9 => AgentRequest::PauseRecording(self.dice.percent(50)),
                    _ => AgentRequest::ExtendWrapUp(self.dice.up_to(5_000)),
                };
                self.later(gap, |received_at| Event::AgentAsked { agent, request, received_at });
            }
        }
    }

    /// Another random plan, in which some of the names are those of the running one. No number moves by it.
    fn reload(&mut self) {
        // What was due before is still of the old plan.
        self.latest = self.latest.max(self.now);
        self.acd.expire(self.now, &mut self.out);
        self.look();
        let mut plan = random_plan(&mut self.dice);
        // The naive router knows one bound a run.
        plan.limits.overtaken_at_most = self.plan.limits.overtaken_at_most;
        let plan = Rc::new(laid_out(&self.plan, plan));
        let old = self.tally.layout();
        let layout = Layout::new(old.shape.grown(shape(&plan)));
        let origins = layout.origins(&old);
        let before = self.tally.values().to_vec();
        self.tally.relay(Arc::new(layout), &origins);
        let kept: BTreeSet<usize> = origins.iter().flatten().copied().collect();
        assert_eq!(kept.len(), before.len(), "a number is lost");
        for (origin, now) in origins.iter().zip(self.tally.values()) {
            assert!(origin.is_none_or(|origin| before[origin] == *now), "a number moved");
        }
        if let Some(reference) = &mut self.reference {
            reference.reload(Rc::clone(&plan));
        }
        self.old_plans.push(std::mem::replace(&mut self.plan, plan));
        self.watcher.plan_changed(&self.plan);
        let event = Event::PlanChanged(Box::new(Plan::clone(&self.plan)));
        self.acd.handle(event, self.now, &mut self.out);
        self.look();
    }

    /// One event, or one moment's deadlines, whichever comes first. False when nothing is to come.
    fn step(&mut self) -> bool {
        let deadline = self.acd.next_deadline().map(|(at, _)| at);
        let event = self.coming.first_key_value().map(|(&(at, _), _)| at);
        let Some(next) = deadline.into_iter().chain(event).min() else { return false };
        if self.reloads > 0 && self.dice.percent(self.reloads) && self.old_plans.len() < 40 {
            self.reload();
            return true;
        }
        self.now = self.now.max(next);
        if self.oversleep_ms > 0 && self.dice.percent(20) {
            self.now = self.now + self.dice.up_to(self.oversleep_ms);
        }
        // Who comes first in one moment is up to chance.
        let event_is_first = event == Some(next) && (deadline != event || self.dice.percent(50));
        if let Some((_, event)) = event_is_first.then(|| self.coming.pop_first()).flatten() {
            self.latest = self.latest.max(event.received_at().unwrap_or(self.now));
            match event {
                Event::CallArrived { .. } if self.calls < self.limit => self.arrive(),
                Event::CallerGone { call, .. } => _ = self.callers.remove(&call),
                Event::OfferFailed { offer, .. } | Event::AgentGone { offer, .. } => _ = self.phones.remove(&offer),
                _ => {}
            }
            if self.calls < self.limit && self.dice.percent(15) {
                self.agents_do_something();
            }
            self.acd.handle(event, self.now, &mut self.out);
        } else {
            self.latest = self.latest.max(self.now);
            self.acd.expire(self.now, &mut self.out);
        }
        self.look();
        true
    }

    fn look(&mut self) {
        let out = std::mem::take(&mut self.out);
        for record in &out.facts {
            self.tally.apply(record);
            assert_eq!(self.watcher.follow(record), None, "{record:?} is out of order");
            if let Some(reference) = &mut self.reference {
                reference.follow(record, self.latest);
            }
            assert!(!matches!(record.fact, Fact::LawBroken { .. }), "{record:?}");
            self.check_legal(record);
            self.answered += usize::from(matches!(record.fact, Fact::CallAnswered { .. }));
        }
        self.acd.check_laws().unwrap_or_else(|law| panic!("{law}"));
        // Whoever is stuck stays so.
        let stuck = if self.decided.is_multiple_of(8) { self.acd.stuck() } else { Stuck::default() };
        assert_eq!(stuck, Stuck::default(), "a state that nothing ends");
        let counts_hold = || stats::laws::all_hold(&self.tally.layout(), self.tally.values());
        assert!(out.facts.is_empty() || counts_hold(), "a count is out");
        let missed = self.reference.as_ref().and_then(|reference| reference.choice(self.latest));
        assert_eq!(missed, None, "law 5: this offer was not made");
        let overdue = self.reference.as_ref().and_then(ReferenceRouter::overdue);
        assert_eq!(overdue, None, "law 6: this call's next step did not open");
        for command in &out.commands {
            self.carry_out(command);
        }
        if let Some(kept) = &mut self.kept {
            kept.facts.extend(out.facts);
            kept.commands.extend(out.commands);
        }
    }

    /// Law 6: by an open step only, and with its skills.
    fn check_legal(&mut self, record: &Record) {
        if let Fact::SkillsAsked { call, service, choice, .. } = record.fact {
            self.carried.insert(call, Carried { service, choice });
        }
        if let Fact::CallTakenOver { call, .. } = record.fact {
            self.carried.remove(&call);
        }
        if let Fact::OfferMade { call, queue, step, agent, .. } = record.fact {
            let carried = self.carried.get(&call).copied().unwrap_or_default();
            // A queue may leave those who wait to the rules of any time before.
            let kept = self.old_plans.iter().filter(|_| self.plan.queues[queue.index()].on_reload == OnReload::Keep);
            let mut queues = kept.chain([&self.plan]).filter_map(|plan| plan.queues.get(queue.index()));
            let allows = |queue: &Queue| {
                let step = queue.steps.get(usize::from(step));
                step.is_some_and(|step| fit(&self.plan, step, carried, agent).is_some())
            };
            assert!(queues.any(allows), "{record:?}: unskilled");
        }
    }

    fn carry_out(&mut self, command: &Command) {
        match *command {
            // One that was accepted to hear why is a leg.
            Command::RefuseCall { call, .. } => _ = self.callers.remove(&call),
            Command::AcceptTransfer { .. } | Command::EndTransfer { .. } => {}
            Command::Announce { .. } | Command::Hush { .. } | Command::EndConsult { .. } => {}
            Command::Confer { call, .. } => assert!(self.callers.contains(&call), "a conference without its caller"),
            Command::Separate { .. } => {}
            Command::PauseRecording { call, .. } | Command::EndRecording { call } => {
                assert!(self.callers.contains(&call), "a recording of a caller who is gone");
            }
            Command::PlayMusic { call, .. } => assert!(self.callers.contains(&call), "music for a caller who is gone"),
            Command::JoinColleague { offer, .. } => {
                let length = self.dice.up_to(10_000);
                self.later(length, |received_at| Event::AgentGone { offer, received_at });
            }
            Command::AcceptCall { call } => {
                self.callers.insert(call);
                let (answer, patience) = (self.dice.up_to(300), self.dice.up_to(90_000));
                if self.dice.percent(97) {
                    self.later(answer, |received_at| Event::CallEstablished { call, received_at });
                }
                let lost = self.dice.percent(10);
                self.later(patience, |received_at| Event::CallerGone { call, lost, received_at });
                if self.dice.percent(2) {
                    let broken = self.dice.up_to(30_000);
                    self.later(broken, |received_at| Event::CallBroke { call, received_at });
                }
            }
            Command::PlayOnce { call, clip } | Command::Spell { call, prompt: clip, .. } => {
                let length = self.dice.up_to(4_000);
                if self.dice.percent(95) {
                    self.later(length, |received_at| Event::ClipEnded { call, clip, received_at });
                }
                if self.dice.percent(60) {
                    let (pressed, sign) = (self.dice.up_to(6_000), self.dice.pick(&['1', '2', '*', '7']));
                    let key = Key::of_sign(sign).unwrap();
                    self.later(pressed, |received_at| Event::KeyPressed { call, key, received_at });
                }
            }
            Command::RingAgent { offer, call, agent } | Command::RingColleague { offer, call, agent, .. } => {
                assert!(self.callers.contains(&call), "a phone rings for a caller who is gone");
                assert!(self.phones.values().all(|busy| *busy != agent), "a phone rings that rings already");
                self.phones.insert(offer, agent);
                self.phone_rings(offer);
            }
            Command::CancelOffer { offer } => {
                let delay = self.dice.up_to(2_000);
                let outcome = self.dice.pick(&[OfferOutcome::Rejected, OfferOutcome::Unreachable]);
                match self.dice.below(10) {
                    // Its last word never comes.
                    0 => _ = self.phones.remove(&offer),
                    1 => self.later(delay, |received_at| Event::OfferAnswered { offer, received_at }),
                    _ => self.later(delay, |received_at| Event::OfferFailed { offer, outcome, received_at }),
                }
            }
            Command::Record { offer, .. } => {
                let (pressed, key) = (self.dice.up_to(5_000), Key::of_sign('*').unwrap());
                self.later(pressed, |received_at| Event::AgentPressed { offer, key, received_at });
            }
            Command::SayFirst { offer, call, whisper, announce, notice } => {
                self.say_first(offer, call, whisper.is_some(), notice.or(announce));
            }
            Command::JoinMedia { offer, .. } => {
                let delay = self.dice.up_to(2_500);
                match self.dice.below(10) {
                    0 => {}
                    1 => self.later(delay, |received_at| Event::AgentGone { offer, received_at }),
                    _ => self.later(delay, |received_at| Event::OfferJoined { offer, received_at }),
                }
                let length = self.dice.up_to(20_000);
                self.later(length, |received_at| Event::AgentGone { offer, received_at });
                for _ in 0..self.dice.below(4) {
                    self.agent_has_a_caller(offer);
                }
            }
            Command::HangUpCall { call } => assert!(self.callers.remove(&call), "{call:?} hung up twice"),
            Command::HangUpAgent { offer } => {
                self.phones.remove(&offer);
                assert!(self.hung_up.insert(offer), "{offer:?} hung up twice");
            }
        }
    }

    /// Holds, asks, passes on: sensibly or not, and while something else is under way.
    fn agent_has_a_caller(&mut self, offer: OfferId) {
        let after = self.dice.up_to(15_000);
        let agent = AgentId(self.dice.below(self.plan.agents.len() as u64) as u32);
        let service = ServiceId(self.dice.below(self.plan.services.len() as u64) as u32);
        let to = self.dice.pick(&[
            TransferTo::Agent(agent),
            TransferTo::Colleague,
            TransferTo::Service(service),
            TransferTo::Unknown,
        ]);
        match self.dice.below(6) {
            0 => self.later(after, |received_at| Event::CallHeld { offer, received_at }),
            1 => self.later(after, |received_at| Event::CallRetrieved { offer, received_at }),
            2 => {
                self.later(after, |received_at| Event::ConsultAsked { offer, colleague: agent, received_at });
                self.confer(offer, after);
                let (passed, to) = (after + self.dice.up_to(6_000), TransferTo::Colleague);
                self.later(passed, |received_at| Event::TransferAsked { offer, to, received_at });
            }
            3 => self.later(after, |received_at| Event::ConsultDropped { offer, received_at }),
            _ => self.later(after, |received_at| Event::TransferAsked { offer, to, received_at }),
        }
    }

    /// Three-way, sometimes, and no longer, by request and by key.
    fn confer(&mut self, offer: OfferId, after: Duration) {
        let Some(agent) = self.acd.agent_of(offer) else { return };
        let wishes = [Consultation::Confer, Consultation::Separate, Consultation::Complete, Consultation::Return];
        for _ in 0..self.dice.below(4) {
            let (moment, wanted) = (after + self.dice.up_to(12_000), self.dice.pick(&wishes));
            let wanted = if self.dice.percent(60) { Consultation::Confer } else { wanted };
            let request = AgentRequest::Consultation(wanted);
            self.later(moment, |received_at| Event::AgentAsked { agent, request, received_at });
        }
        if self.dice.percent(20) {
            let moment = after + self.dice.up_to(12_000);
            self.later(moment, |received_at| Event::AgentPressed {
                offer,
                key: Key::of_sign('#').unwrap(),
                received_at,
            });
        }
    }

    /// Clips before a talk: most of them end, some agents hang up meanwhile.
    fn say_first(&mut self, offer: OfferId, call: CallId, whispers: bool, last: Option<ClipId>) {
        let lengths = [self.dice.up_to(6_000), self.dice.up_to(6_000)];
        if whispers && self.dice.percent(95) {
            self.later(lengths[0], |received_at| Event::WhisperEnded { offer, received_at });
        }
        if let Some(clip) = last.filter(|_| self.dice.percent(95)) {
            self.later(lengths[1], |received_at| Event::ClipEnded { call, clip, received_at });
        }
        if self.dice.percent(10) {
            self.later(lengths[0] / 2, |received_at| Event::AgentGone { offer, received_at });
        }
    }

    fn phone_rings(&mut self, offer: OfferId) {
        let (ringing, answer) = (self.dice.up_to(4_500), self.dice.up_to(9_000));
        if self.dice.percent(80) {
            self.later(ringing.min(answer), |received_at| Event::OfferRinging { offer, received_at });
        }
        let refusals = [OfferOutcome::Busy, OfferOutcome::Rejected, OfferOutcome::Unreachable, OfferOutcome::Failed];
        let outcome = self.dice.pick(&refusals);
        match self.dice.below(10) {
            0..5 => self.later(answer, |received_at| Event::OfferAnswered { offer, received_at }),
            5..8 => self.later(answer, |received_at| Event::OfferFailed { offer, outcome, received_at }),
            _ => {}
        }
    }
}

/// What statistics count of a plan.
pub fn shape(plan: &Plan) -> Shape {
    centralino::config::shape(plan)
}

/// What statistics count in a run, and its facts.
pub fn shape_and_facts(seed: u64) -> (Shape, Vec<Record>) {
    let plan = random_plan(&mut Dice(ChaCha8Rng::seed_from_u64(seed)));
    (shape(&plan), outcome(seed, 0, 0).facts)
}

/// A world that nothing has happened in yet.
fn world(seed: u64, oversleep_ms: u64, reloads: u64) -> World {
    let plan = random_plan(&mut Dice(ChaCha8Rng::seed_from_u64(seed)));
    World::new(plan, seed, oversleep_ms, reloads)
}

/// All that came out of a short run.
fn outcome(seed: u64, oversleep_ms: u64, reloads: u64) -> Outbox {
    let world = world(seed, oversleep_ms, reloads);
    run(World { kept: Some(Outbox::default()), limit: 120, ..world }).kept.unwrap_or_default()
}

/// One whole run: calls come, all are over in the end, nothing is left.
fn run(mut world: World) -> World {
    world.arrive();
    for _ in 0..world.plan.agents.len() {
        world.agents_do_something();
    }
    while world.calls < world.limit {
        world.step();
    }
    if world.dice.percent(30) {
        let grace = world.dice.up_to(20_000);
        world.later(Duration::ZERO, |_| Event::DrainStarted);
        world.later(grace, |_| Event::DrainEnded);
    }
    while world.step() {}
    let Sizes { calls, waiting, offers, deadlines, .. } = world.acd.sizes();
    assert_eq!((calls, waiting, offers, deadlines), (0, 0, 0, 0), "something was left");
    world
}

/// How many calls are answered in the runs of these seeds, several at a time.
fn answered_in(seeds: Range<u64>, oversleep_ms: u64, reloads: u64) -> usize {
    let seeds = variable("CENTRALINO_SEED").map_or(seeds, |seed| seed..seed + 1);
    let next = AtomicU64::new(seeds.start);
    let answered = |seed| {
        let run = || run(world(seed, oversleep_ms, reloads));
        let world = catch_unwind(run).unwrap_or_else(|_| {
            next.store(seeds.end, Ordering::Relaxed);
            let calls = calls_a_seed();
            panic!("to replay it: CENTRALINO_SEED={seed} CENTRALINO_CALLS={calls} cargo nextest run simulation::");
        });
        world.answered
    };
    let work = || {
        let mine = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds.end));
        mine.map(answered).sum::<usize>()
    };
    let threads = available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).sum()
    })
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|number| number.parse().ok())
}

fn calls_a_seed() -> u64 {
    variable("CENTRALINO_CALLS").unwrap_or(CALLS)
}

/// So many seeds from `first` on.
fn seeds(first: u64, usual: u64) -> Range<u64> {
    first..first + variable("CENTRALINO_SEEDS").unwrap_or(usual)
}

/// Plays them all. A simulation in which hardly anybody is answered would show nothing.
fn play(seeds: Range<u64>, oversleep_ms: u64, reloads: u64) {
    let runs = seeds.end - seeds.start;
    let answered = answered_in(seeds, oversleep_ms, reloads) as u64;
    let is_one = variable("CENTRALINO_SEED").is_some();
    assert!(is_one || answered > runs * calls_a_seed() / 50, "only {answered} calls were answered");
}

#[test]
fn the_laws_hold_and_the_choice_is_the_naive_one_whatever_happens() {
    play(seeds(0, 140), 0, 0);
}

#[test]
fn the_laws_hold_and_the_choice_is_the_naive_one_through_reloads() {
    play(seeds(1_000, 60), 0, 2);
}

#[test]
fn the_laws_hold_when_the_shell_oversleeps() {
    play(seeds(2_000, 10), 1_500, 0);
    play(seeds(2_000, 10), 1_500, 2);
}

#[test]
fn the_same_seed_gives_the_same_commands_and_facts() {
    let same = |seed| {
        let (once, again) = (outcome(seed, 0, 2), outcome(seed, 0, 2));
        once.facts == again.facts && once.commands == again.commands
    };
    assert!((100..110).all(same));
}
