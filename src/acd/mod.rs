//! The routing engine: who speaks to whom, and when. No word of SIP, no I/O, no clock.
//!
//! Reading order: [`plan`] (what it goes by), [`Event`] in, [`Command`] and facts out, then `entry` with
//! [`calendar`] (who is let in), `call`, `offer` and `agent` (the three lives), `exit` (ways out), `prelude` (what is
//! said before a talk), `recording` (what is kept of it), `announce` (what callers are told meanwhile, by [`voice`]),
//! `estimate` (how long they will wait), `escalation` (tier steps), `router`
//! with `tier`, `queue` and `strategy` (who meets whom), [`Timer`] (every deadline), `reload` with [`succession`] (a new
//! plan in the middle of it all), `invariant` (the laws), [`OrderWatcher`] (who judges the order by facts alone).
//!
//! Time: an event happened at its `received_at`, a deadline at its own moment; every wait, duration and fact is
//! computed from that, and what the engine does about it starts at `now`. Hence a busy machine does not change what
//! is measured.

mod agent;
mod announce;
pub mod calendar;
mod call;
mod command;
mod conference;
mod consult;
pub mod demand;
mod entry;
mod escalation;
mod estimate;
mod event;
mod exit;
mod explain;
mod invariant;
pub mod ivr;
mod last_agent;
mod memory;
mod menu;
mod offer;
pub mod plan;
mod port;
mod prelude;
mod queue;
mod recording;
mod reload;
mod router;
mod sorted;
mod status;
mod strategy;
mod stuck;
pub mod succession;
mod tier;
mod timer;
mod transfer;
pub mod voice;
mod watcher;

pub use command::Command;
pub use conference::Consultation;
pub use event::{AgentRequest, Event, TransferTo};
pub use plan::Plan;
pub use stuck::Stuck;
pub use timer::Timer;
pub use watcher::OrderWatcher;

use crate::facts::{Fact, Record, TransferResult};
use crate::ids::{AgentId, ById, CallId, OfferId};
use crate::time::{Deadlines, Time};
use agent::{Activity, Agent, SignedIn};
use call::Call;
use estimate::Pace;
use last_agent::LastAgents;
use memory::Memories;
use offer::Offer;
use port::PortWait;
use prelude::Prelude;
use queue::{Place, WaitingRoom};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use recording::Recorded;
use router::Candidate;
use sorted::{Sorted, Table};
use std::collections::BTreeMap;
use strategy::Ready;
use tier::{Rules, Tiers};

/// What follows from one event; reused, so that nothing is allocated once it is warm.
#[derive(Debug, Default)]
pub struct Outbox {
    /// To be carried out, in order.
    pub commands: Vec<Command>,
    /// To be counted and recorded, in order.
    pub facts: Vec<Record>,
}

impl Outbox {
    fn fact(&mut self, at: Time, fact: Fact) {
        self.facts.push(Record { at, fact });
    }
}

/// The routing engine. Same plan, same decision seed, same inputs: same commands and facts.
#[derive(Debug)]
pub struct Acd {
    plan: Plan,
    tiers: Tiers,
    calls: Table<CallId, Call>,
    memories: Memories,
    offers: Table<OfferId, Offer>,
    /// What is being said before offers that were won are joined.
    preludes: BTreeMap<OfferId, Prelude>,
    /// Calls whose callers were told that the talk is recorded.
    recordings: BTreeMap<CallId, Recorded>,
    agents: Vec<Agent>,
    waiting: WaitingRoom,
    last_agents: LastAgents,
    /// Calls that are kept for the agent who answered their caller last.
    kept: Sorted<(AgentId, CallId)>,
    /// By queue: how fast it moves.
    pace: Vec<Pace>,
    ready: Ready,
    signed_in: SignedIn,
    /// Waiting calls and ready agents that may have become a pair; empty between steps.
    fresh_calls: Sorted<Place>,
    fresh_agents: Vec<AgentId>,
    /// Fresh calls whose agents want others first; looked at again after every offer, empty between steps.
    deferred: Vec<CallId>,
    /// Some queue is heavier than others.
    weighted: bool,
    /// Whom the call in hand overtakes; kept for its room.
    overtaken: Vec<Place>,
    /// Whom the call in hand is offered to; kept for its room.
    chosen: Vec<Candidate>,
    /// Rules of queues that are in no plan any more, and by which some calls wait all the same (`on_reload`).
    pinned: Vec<plan::Queue>,
    /// The menus in which callers were when a reload changed them.
    kept_menus: BTreeMap<CallId, ivr::Flow>,
    /// Since when the plan is in force.
    plan_since: Time,
    port_wait: PortWait,
    deadlines: Deadlines<Timer, ById>,
    decisions: ChaCha8Rng,
    next_offer: u64,
    draining: bool,
    /// A moment of the engine, and the nanoseconds since 1970 at that moment.
    civil: Option<(Time, i64)>,
    /// By service: what was told last.
    is_open: Vec<bool>,
    /// The moment of the step, and the moment of its cause.
    now: Time,
    at: Time,
    /// The latest cause so far: causes may be handled a little out of order, back-offs do not return.
    latest: Time,
}

/// How many things the engine holds; all zero but `agents` when everybody is gone and time has run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Calls of any state.
    pub calls: usize,
    /// Calls that wait and that nobody is offered.
    pub waiting: usize,
    /// Offers made and not forgotten, talks included.
    pub offers: usize,
    /// Agents who are ready.
    pub ready: usize,
    /// Calls whose callers were told of a recording.
    pub recordings: usize,
    /// Deadlines set.
    pub deadlines: usize,
}

impl Acd {
    /// An engine with nobody in it. Agents with a fixed contact are ready from its first step on, which is due at
    /// once.
    pub fn new(plan: Plan, decision_seed: u64) -> Acd {
        let tiers = Tiers::new(&plan);
        let mut deadlines = Deadlines::default();
        deadlines.set(Timer::Opening, Time::ZERO);
        Acd {
            pace: vec![Pace::default(); plan.queues.len()],
            waiting: WaitingRoom::new(plan.queues.len(), &tiers),
            ready: Ready::new(&plan, &[], &tiers),
            signed_in: SignedIn::new(tiers.profiles()),
            agents: plan.agents.iter().map(Agent::new).collect(),
            calls: Table::default(),
            memories: Memories::default(),
            offers: Table::default(),
            preludes: BTreeMap::new(),
            recordings: BTreeMap::new(),
            fresh_calls: Sorted::default(),
            fresh_agents: Vec::new(),
            last_agents: LastAgents::default(),
            kept: Sorted::default(),
            deferred: Vec::new(),
            weighted: plan.queues.iter().any(|queue| queue.weight > 0),
            overtaken: Vec::new(),
            chosen: Vec::new(),
            pinned: Vec::new(),
            kept_menus: BTreeMap::new(),
            plan_since: Time::ZERO,
            port_wait: PortWait::default(),
            deadlines,
            decisions: ChaCha8Rng::seed_from_u64(decision_seed),
            next_offer: 0,
            draining: false,
            civil: None,
            is_open: vec![true; plan.services.len()],
            now: Time::ZERO,
            at: Time::ZERO,
            latest: Time::ZERO,
            tiers,
            plan,
        }
    }

    /// All that follows from one event, and from every deadline up to its receive time. Deadlines between that and
    /// `now` are left to `expire`: an event that is still to be handled may have come before them.
    pub fn handle(&mut self, event: Event, now: Time, out: &mut Outbox) {
        self.now = self.now.max(now);
        let at = event.received_at().unwrap_or(self.now).min(self.now);
        self.open_once(at, out);
        self.fire_while(|due| due < at, out);
        self.begin(at);
        self.dispatch(event, out);
        self.fire_due(out);
        self.assign(out);
        self.check_cheaply(out);
    }

    /// Every deadline due at `now`.
    pub fn expire(&mut self, now: Time, out: &mut Outbox) {
        self.now = self.now.max(now);
        let now = self.now;
        self.open_once(now, out);
        self.fire_while(|due| due <= now, out);
        self.begin(now);
        self.check_cheaply(out);
    }

    /// The earliest deadline, in constant time.
    pub fn next_deadline(&self) -> Option<(Time, Timer)> {
        self.deadlines.next()
    }

    /// What the engine goes by.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many things the engine holds.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            calls: self.calls.len(),
            waiting: self.waiting.len(),
            offers: self.offers.len(),
            ready: self.ready.len(),
            recordings: self.recordings.len(),
            deadlines: self.deadlines.len(),
        }
    }

    /// What a call with these rules goes by.
    fn rules(&self, rules: Rules) -> &plan::Queue {
        rules_among(&self.plan, &self.pinned, rules)
    }

    /// What the call goes by.
    fn rules_of(&self, call: &Call) -> &plan::Queue {
        call.visit().map_or_else(|| &self.plan.queues[call.queue.index()], |visit| self.rules(visit.rules))
    }

    fn begin(&mut self, at: Time) {
        self.at = at;
        self.latest = self.latest.max(at);
    }

    fn open_once(&mut self, at: Time, out: &mut Outbox) {
        if self.deadlines.cancel(Timer::Opening).is_some() {
            self.begin(at);
            self.open(out);
            self.assign(out);
        }
    }

    /// Deadlines of one moment are one step: all of them first, then the matching.
    fn fire_while(&mut self, is_due: impl Fn(Time) -> bool, out: &mut Outbox) {
        while let Some((due, _)) = self.deadlines.next().filter(|&(due, _)| is_due(due)) {
            self.begin(due);
            self.fire_due(out);
            self.assign(out);
        }
    }

    fn fire_due(&mut self, out: &mut Outbox) {
        while let Some((_, timer)) = self.deadlines.pop_due(self.at) {
            match timer {
                Timer::Opening => self.open(out),
                Timer::Menu(call) => self.menu_due(call, out),
                Timer::Setup(offer) => self.setup_due(offer, out),
                Timer::Ring(offer) => self.ring_due(offer, out),
                Timer::Prelude(offer) => self.prelude_due(offer, out),
                Timer::Join(offer) => self.join_due(offer, out),
                Timer::Settle(offer) => self.settle_due(offer, out),
                Timer::Greeting(call) => self.greeting_due(call, out),
                Timer::Threshold(call) => self.threshold_due(call, out),
                Timer::Step(call) => self.step_due(call, out),
                Timer::MaxWait(call) => self.max_wait_due(call, out),
                Timer::Announce(call) => self.announce_due(call, out),
                Timer::BackOff(call) => self.back_off_over(call),
                Timer::LastAgent(call) => self.last_agent_due(call, out),
                Timer::WrapUp(agent) => self.release(agent, out),
                Timer::Pause(agent) => self.pause_due(agent, out),
                Timer::Rest(agent) => self.rest_due(agent, out),
                Timer::Retry(agent) => self.retry(agent, out),
                Timer::Calendar(calendar) => self.calendar_due(calendar, out),
                Timer::Consult(offer) => self.consult_due(offer, out),
            }
        }
    }

    fn dispatch(&mut self, event: Event, out: &mut Outbox) {
        match event {
            Event::CallArrived { call, service, .. } => self.on_arrived(call, service, out),
            Event::CallerKnown { call, caller, .. } => self.on_caller_known(call, caller),
            Event::CallEstablished { call, .. } => self.on_established(call, out),
            Event::ClipEnded { call, clip, .. } => self.on_clip_ended(call, clip, out),
            Event::KeyPressed { call, key, .. } => self.on_key(call, key, out),
            Event::CallerGone { call, lost, .. } => self.on_caller_gone(call, lost, out),
            Event::CallBroke { call, .. } => self.on_broke(call, out),
            Event::OfferRinging { offer, .. } => self.on_ringing(offer),
            Event::OfferAnswered { offer, .. } => self.on_answered(offer, out),
            Event::AgentPressed { offer, key, .. } => self.on_agent_key(offer, key, out),
            Event::WhisperEnded { offer, .. } => self.on_whisper_ended(offer, out),
            Event::OfferJoined { offer, .. } => self.on_joined(offer, out),
            Event::OfferFailed { offer, outcome, .. } => self.on_offer_failed(offer, outcome, out),
            Event::NoPort { offer, .. } => self.on_no_port(offer, out),
            Event::PortFree { .. } => self.on_port_free(),
            Event::AgentGone { offer, .. } => self.on_agent_gone(offer, out),
            Event::CallHeld { offer, .. } => self.on_held(offer, out),
            Event::CallRetrieved { offer, .. } => self.on_retrieved(offer, out),
            Event::TransferAsked { offer, to, .. } => self.on_transfer_asked(offer, to, out),
            Event::ConsultAsked { offer, colleague, .. } => self.on_consult_asked(offer, colleague, out),
            Event::ConsultDropped { offer, .. } => self.end_consult(offer, TransferResult::Withdrawn, out),
            Event::AgentReachable { agent, .. } => self.on_reachable(agent, out),
            Event::AgentUnregistered { agent, .. } => self.on_unregistered(agent, out),
            Event::PlanChanged(plan) => self.on_plan_changed(*plan, out),
            Event::CivilTime { utc, .. } => self.on_civil_time(utc, out),
            Event::AgentAsked { agent, request, .. } => self.on_asked(agent, request, out),
            Event::DrainStarted => self.draining = true,
            Event::DrainEnded => {
                self.draining = true;
                let everybody: Vec<CallId> = self.calls.keys().copied().collect();
                everybody.into_iter().for_each(|call| self.drain(call, out));
                self.end_talks_among_agents(out);
            }
        }
    }
}

fn rules_among<'a>(plan: &'a Plan, pinned: &'a [plan::Queue], rules: Rules) -> &'a plan::Queue {
    match rules.place.checked_sub(plan.queues.len()) {
        None => &plan.queues[rules.place],
        Some(place) => &pinned[place],
    }
}
