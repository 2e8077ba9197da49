//! The tally: the one fold of facts into counters, and the only place where hit and miss are decided.
//!
//! Each call has exactly one service-level event under each threshold, the earliest of: answered, abandoned, flowed
//! out, failed, or the threshold passing while it waits. The tally remembers the waiting calls so that an event is
//! never taken back and never counted twice. Allocates nothing once made. Facts that contradict earlier ones are a
//! defect of ours: they are counted as broken laws and otherwise left out.

mod legs;
mod transfers;

use super::board::Board;
use super::laws;
use super::layout::{Gauge, GreetingEnd, LAWS, Layout, PauseSlots, Phase, StepSlots, VisitEnd};
use super::shape::Shape;
use super::snapshot::Publisher;
use super::traffic::{self, Direction, Peer};
use super::visits::{Visit, Visits};
use crate::facts::{AgentState, Denial, Fact, FlowOut, OfferOutcome, Record, Refusal, StepTrigger, Turned};
use crate::ids::{CallId, PauseId, PoolId, QueueId, ServiceId};
use crate::time::{Duration, Time};
use std::sync::Arc;

/// Counters of everything the facts have said so far.
#[derive(Debug)]
pub struct Tally {
    layout: Arc<Layout>,
    board: Board,
    visits: Visits,
    as_of: Time,
    latest: Time,
    arrivals_held: Vec<bool>,
    visits_held: Vec<bool>,
    offers_held: Vec<bool>,
}

/// Sizes of the engine's tables, as they are now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Transactions alive.
    pub sip_transactions: u64,
    /// Dialogs alive.
    pub sip_dialogs: u64,
    /// Phones with a binding.
    pub registrations: u64,
    /// Legs with media.
    pub media_legs: u64,
    /// RTP ports taken, draining ones included.
    pub rtp_ports_in_use: u64,
    /// Legs of Opus that may have to be converted.
    pub opus_legs: u64,
    /// Calls in a state that must end and has no deadline.
    pub stuck_calls: u64,
    /// Agents in a state that must end and has no deadline.
    pub stuck_agents: u64,
    /// Messages waiting for the engine thread.
    pub input_queue: u64,
    /// New calls are turned away because messages wait too long.
    pub overloaded_by_messages: bool,
    /// New calls are turned away because sound leaves too late.
    pub overloaded_by_sound: bool,
}

impl Tally {
    /// Everything at 0, every agent signed out since `start`.
    pub fn new(shape: Shape, start: Time) -> Tally {
        let layout = Arc::new(Layout::new(shape));
        let shape = &layout.shape;
        let mut board = Board::new(layout.len());
        for (pool, slots) in shape.pools.iter().zip(&layout.pools) {
            let agents = u64::from(pool.agents);
            board.set(slots.agents + AgentState::SignedOut.index(), agents);
            let stays = agents.wrapping_mul(micros(start));
            board.add(slots.clocks + AgentState::SignedOut.index(), stays.wrapping_neg());
        }
        Tally {
            board,
            visits: Visits::new(shape.calls, shape.queues.len()),
            as_of: start,
            latest: start,
            arrivals_held: vec![true; shape.services.len()],
            visits_held: vec![true; shape.queues.len()],
            offers_held: vec![true; shape.queues.len()],
            layout,
        }
    }

    /// A reload: from now on the numbers lie as `layout` says, and `origins` (see [`Layout::origins`]) where each of them
    /// was. No number changes; those that are new begin at 0. The next publishing tells all of them.
    pub fn relay(&mut self, layout: Arc<Layout>, origins: &[Option<usize>]) {
        let old = std::mem::replace(&mut self.layout, layout);
        let layout = &self.layout;
        let mut board = Board::new(layout.len());
        for (slot, origin) in origins.iter().enumerate() {
            let value = origin.and_then(|origin| self.board.values.get(origin));
            board.set(slot, value.copied().unwrap_or(0));
        }
        for (queue, (slots, before)) in layout.queues.iter().zip(&old.queues).enumerate() {
            let routes = layout.routes.iter().filter(|route| route.queue.index() == queue);
            let entered = routes.fold(0u64, |sum, route| sum.wrapping_add(board.values[route.entered]));
            for new in slots.thresholds.iter().skip(before.thresholds.len()) {
                board.set(new.uncounted, entered);
            }
        }
        self.board = board;
        self.visits.grow(layout.shape.calls, layout.shape.queues.len(), |route| {
            let known = old.routes.get(route).and_then(|route| layout.route(route.service, route.queue));
            known.unwrap_or(0)
        });
        self.arrivals_held.resize(layout.services.len(), true);
        self.visits_held.resize(layout.queues.len(), true);
        self.offers_held.resize(layout.queues.len(), true);
    }

    /// The places of the numbers, for those who read them.
    pub fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.layout)
    }

    /// The numbers as they are now.
    pub fn values(&self) -> &[u64] {
        &self.board.values
    }

    /// Counts what became true.
    pub fn apply(&mut self, record: &Record) {
        let at = record.at;
        self.latest = self.latest.max(at);
        match record.fact {
            Fact::CallRefused { service, reason } => self.refused(service, reason),
            Fact::CallReceived { service, .. } => self.received(service),
            Fact::CallPassedOn { service, reason, .. } => self.passed_on(service, reason),
            Fact::OpeningChanged { service, is_open } => self.opening_changed(service, is_open),
            Fact::CallTakenOver { service, .. } => self.taken_over(service),
            Fact::CallLeftInGreeting { service, .. } => self.ended_in_greeting(service, GreetingEnd::LeftInGreeting),
            Fact::CallEndedInMenu { service, .. } => self.ended_in_greeting(service, GreetingEnd::EndedInMenu),
            Fact::CallFailedInGreeting { service, .. } => {
                self.ended_in_greeting(service, GreetingEnd::FailedInGreeting);
            }
            Fact::CallEntered { call, service, queue } => self.entered(call, service, queue, at),
            Fact::ThresholdPassed { call, queue, threshold } => self.threshold_passed(call, queue, threshold),
            Fact::CallPromoted { queue, .. } => self.promoted(queue),
            Fact::StepReached { queue, step, trigger, .. } => self.step_reached(queue, step, trigger),
            Fact::CallAnswered { call, queue, waited, .. } => self.answered(call, queue, waited),
            Fact::WaitEstimated { queue, estimated, waited, .. } => self.estimated(queue, estimated, waited),
            Fact::CallAbandoned { call, queue, waited, .. } => {
                self.visit_ended(call, queue, waited, VisitEnd::Abandoned);
            }
            Fact::CallFlowedOut { call, queue, waited, to } => self.flowed_out(call, queue, waited, to),
            Fact::CallFailed { call, queue, waited } => {
                self.visit_ended(call, queue, waited, VisitEnd::Failed);
            }
            Fact::CallEnded { queue, talked, held, consulted, by, .. } => {
                self.talked(queue, talked, held, consulted);
                self.ended(queue, by);
            }
            Fact::CallTransferred { queue, talked, held, consulted, .. } => self.talked(queue, talked, held, consulted),
            Fact::CallTakenUp { queue, .. } => self.taken_up(queue),
            Fact::CallEndedUnattended { queue, by, .. } => self.ended(queue, by),
            Fact::TransferEnded { kind, result, .. } => self.transfer_ended(kind, result),
            Fact::ConsultEnded { result, .. } => self.board.add(self.layout.consults + result.index(), 1),
            Fact::ConferenceBegan { .. } => self.board.add(self.layout.conferences, 1),
            Fact::OfferMade { queue, step, .. } => self.offer_made(queue, step),
            Fact::OfferEnded { queue, step, outcome, rang, .. } => self.offer_ended(queue, step, outcome, rang),
            Fact::AgentStateChanged { pool, from, to, lasted, .. } => self.agent_moved(pool, from, to, lasted, at),
            Fact::AgentPlaced { from, to, state, .. } => self.agent_placed(from, to, state, at),
            Fact::Reloaded { result } => self.board.add(self.layout.reloads + result.index(), 1),
            Fact::LegNoted { .. } => {}
            Fact::LegMeasured { party, quality, .. } => self.measured(party, quality),
            Fact::PauseBegan { pool, reason, .. } => self.pause_began(pool, reason, at),
            Fact::PauseEnded { pool, reason, limit_reached, .. } => self.pause_ended(pool, reason, limit_reached, at),
            Fact::AgentDenied { pool, why, .. } => self.denied(pool, why),
            Fact::Turned(what) => self.turned(what),
            Fact::OrderBroken { rule, .. } => self.board.add(self.layout.order + rule.index(), 1),
            Fact::LawBroken { law } => self.broken(law),
            // Shown by `explain`; what single callers ask for and type is no number of a service level.
            Fact::SkillsAsked { .. } | Fact::ReferenceGiven { .. } | Fact::LastAgentWanted { .. } => {}
            Fact::LastAgentEnded { result, .. } => self.board.add(self.layout.last_agents + result.index(), 1),
        }
    }

    /// The shell sent the INVITE of an offer, so long after call and agent could first have met.
    pub fn dispatched(&mut self, after: Duration) {
        self.board.record(&self.layout.dispatch, after);
    }

    /// The first audio of an agent was relayed, so long after its 200.
    pub fn answer_to_audio(&mut self, after: Duration) {
        self.board.record(&self.layout.answer_to_audio, after);
    }

    /// The sizes of the engine's tables.
    pub fn gauges(&mut self, now: Gauges) {
        for (gauge, size) in [
            (Gauge::SipTransactions, now.sip_transactions),
            (Gauge::SipDialogs, now.sip_dialogs),
            (Gauge::Registrations, now.registrations),
            (Gauge::MediaLegs, now.media_legs),
            (Gauge::RtpPortsInUse, now.rtp_ports_in_use),
            (Gauge::OpusLegs, now.opus_legs),
            (Gauge::StuckCalls, now.stuck_calls),
            (Gauge::StuckAgents, now.stuck_agents),
            (Gauge::InputQueue, now.input_queue),
            (Gauge::OverloadedByMessages, now.overloaded_by_messages.into()),
            (Gauge::OverloadedBySound, now.overloaded_by_sound.into()),
        ] {
            self.board.set(self.layout.gauges + gauge.index(), size);
        }
    }

    /// What the engine is doing about new calls.
    pub fn phase(&mut self, phase: Phase) {
        self.board.set(self.layout.phase, phase.index() as u64);
    }

    /// Makes what changed visible to readers, and `now` with it: also the heartbeat that `/livez` goes by.
    pub fn publish(&mut self, now: Time, publisher: &mut Publisher) {
        self.as_of = self.as_of.max(self.latest).max(now);
        self.board.set(self.layout.as_of, self.as_of.as_nanos());
        publisher.publish(self.board.changes());
        self.board.forget_changes();
    }

    // ---- arrival and greeting

    fn refused(&mut self, service: Option<ServiceId>, reason: Refusal) {
        let known = service.and_then(|service| self.layout.services.get(service.index()));
        let base = known.map_or(self.layout.refused_without_service, |slots| slots.refused);
        self.board.add(base + reason.index(), 1);
    }

    fn received(&mut self, service: ServiceId) {
        let Some(slots) = self.layout.services.get(service.index()) else { return self.broken(2) };
        self.board.add(slots.received, 1);
        self.board.add(slots.in_greeting, 1);
        self.check_arrivals(service);
    }

    fn passed_on(&mut self, service: ServiceId, reason: Refusal) {
        let Some(slots) = self.layout.services.get(service.index()) else { return self.broken(2) };
        self.board.add(slots.passed_on + reason.index(), 1);
    }

    fn opening_changed(&mut self, service: ServiceId, is_open: bool) {
        let Some(slots) = self.layout.services.get(service.index()) else { return self.broken(2) };
        self.board.set(slots.closed, u64::from(!is_open));
    }

    /// At its queue's door until its entry is told.
    fn taken_over(&mut self, service: ServiceId) {
        let Some(slots) = self.layout.services.get(service.index()) else { return self.broken(2) };
        self.board.add(slots.taken_over, 1);
        self.board.add(slots.in_greeting, 1);
        self.check_arrivals(service);
    }

    fn ended_in_greeting(&mut self, service: ServiceId, end: GreetingEnd) {
        let Some(slots) = self.layout.services.get(service.index()) else { return self.broken(2) };
        self.board.add(slots.greeting_ends + end.index(), 1);
        self.board.take(slots.in_greeting);
        self.check_arrivals(service);
    }

    // ---- the visit

    fn entered(&mut self, call: CallId, service: ServiceId, queue: QueueId, at: Time) {
        let Some(route) = self.layout.route(service, queue) else { return self.broken(4) };
        let not_judged_by = self.layout.shape.queues[queue.index()].not_judged_by();
        let visit = Visit { route, queue: queue.index(), entered_at: at, passed: not_judged_by };
        if self.visits.enter(call, visit).is_err() {
            return self.broken(4);
        }
        self.board.take(self.layout.services[service.index()].in_greeting);
        self.board.add(self.layout.routes[route].entered, 1);
        let slots = &self.layout.queues[queue.index()];
        self.board.add(slots.waiting, 1);
        for (number, events) in slots.thresholds.iter().enumerate() {
            let counted = not_judged_by & (1 << number) == 0;
            self.board.add(if counted { events.pending } else { events.uncounted }, 1);
        }
        self.note_oldest(queue.index());
        self.check_arrivals(service);
        self.check_visits(queue.index());
    }

    fn threshold_passed(&mut self, call: CallId, queue: QueueId, threshold: u8) {
        let Some(visit) = self.visits.get_mut(call) else { return self.broken(1) };
        let events = self.layout.queues[visit.queue].thresholds.get(usize::from(threshold));
        let bit = 1u32.checked_shl(u32::from(threshold)).unwrap_or(0);
        let Some(events) = events.filter(|_| visit.queue == queue.index() && visit.passed & bit == 0) else {
            return self.broken(1);
        };
        visit.passed |= bit;
        self.board.add(events.miss, 1);
        self.board.take(events.pending);
        self.check_visits(queue.index());
    }

    fn answered(&mut self, call: CallId, queue: QueueId, waited: Duration) {
        if self.visit_ended(call, queue, waited, VisitEnd::Answered) {
            self.board.add(self.layout.queues[queue.index()].talking, 1);
        }
    }

    fn estimated(&mut self, queue: QueueId, estimated: Duration, waited: Duration) {
        let Some(slots) = self.layout.queues.get(queue.index()) else { return self.broken(1) };
        let [too_short, too_long] = &slots.estimate_errors;
        let error = if waited > estimated { too_short } else { too_long };
        self.board.record(error, waited.abs_diff(estimated));
    }

    fn flowed_out(&mut self, call: CallId, queue: QueueId, waited: Duration, to: FlowOut) {
        if self.visit_ended(call, queue, waited, VisitEnd::FlowedOut) {
            self.board.add(self.layout.queues[queue.index()].flowed_out + to.index(), 1);
        }
    }

    /// False when no such visit was known.
    fn visit_ended(&mut self, call: CallId, queue: QueueId, waited: Duration, end: VisitEnd) -> bool {
        if self.visits.get_mut(call).is_none_or(|visit| visit.queue != queue.index()) {
            self.broken(1);
            return false;
        }
        let Some(visit) = self.visits.leave(call) else { return false };
        let slots = &self.layout.queues[visit.queue];
        let thresholds = &self.layout.shape.queues[visit.queue].thresholds;
        for (number, (events, limit)) in slots.thresholds.iter().zip(thresholds).enumerate() {
            if visit.passed & (1 << number) != 0 {
                continue; // a miss already, for good, or not judged by it
            }
            // Exactly T is within; what failed through our fault is a miss however short the wait was.
            let event = match end {
                VisitEnd::Answered if waited <= *limit => events.hit,
                VisitEnd::Abandoned | VisitEnd::FlowedOut if waited <= *limit => events.excused,
                VisitEnd::Answered | VisitEnd::Abandoned | VisitEnd::FlowedOut | VisitEnd::Failed => events.miss,
            };
            self.board.add(event, 1);
            self.board.take(events.pending);
        }
        self.board.take(slots.waiting);
        self.board.record(&slots.waits[end.index()], waited);
        self.board.add(self.layout.routes[visit.route].finished + end.index(), 1);
        self.note_oldest(visit.queue);
        self.check_visits(visit.queue);
        true
    }

    fn note_oldest(&mut self, queue: usize) {
        let entered_at = self.visits.oldest(queue).unwrap_or(Time::ZERO);
        self.board.set(self.layout.queues[queue].oldest, entered_at.as_nanos());
    }

    // ---- steps, offers, agents

    fn promoted(&mut self, queue: QueueId) {
        let Some(slots) = self.layout.queues.get(queue.index()) else { return self.broken(5) };
        self.board.add(slots.promoted, 1);
    }

    fn step_reached(&mut self, queue: QueueId, step: u8, trigger: StepTrigger) {
        let Some(slots) = self.step(queue, step) else { return self.broken(6) };
        self.board.add(slots.escalations + trigger.index(), 1);
    }

    fn offer_made(&mut self, queue: QueueId, step: u8) {
        let Some(slots) = self.step(queue, step) else { return self.broken(3) };
        self.board.add(slots.made, 1);
        self.board.add(slots.ringing, 1);
        self.check_offers(queue.index());
    }

    fn offer_ended(&mut self, queue: QueueId, step: u8, outcome: OfferOutcome, rang: Duration) {
        let Some(slots) = self.step(queue, step) else { return self.broken(3) };
        self.board.add(slots.outcomes + outcome.index(), 1);
        self.board.take(slots.ringing);
        self.board.record(&self.layout.queues[queue.index()].ring, rang);
        self.check_offers(queue.index());
    }

    fn step(&self, queue: QueueId, step: u8) -> Option<StepSlots> {
        self.layout.queues.get(queue.index())?.steps.get(usize::from(step)).copied()
    }

    fn agent_moved(&mut self, pool: PoolId, from: AgentState, to: AgentState, lasted: Duration, at: Time) {
        let Some(slots) = self.layout.pools.get(pool.index()) else { return self.broken(4) };
        if !self.board.take(slots.agents + from.index()) {
            return self.broken(4);
        }
        self.board.add(slots.agents + to.index(), 1);
        // Not before what readers have already seen counted for `from`: counters of time never go back.
        let at = micros(at.max(self.as_of));
        self.board.add(slots.clocks + from.index(), at);
        self.board.add(slots.clocks + to.index(), at.wrapping_neg());
        if from == AgentState::WrapUp {
            self.board.record(&slots.wrap_up, lasted);
        }
    }

    /// The stay goes on in another pool, begins or ends.
    fn agent_placed(&mut self, from: Option<PoolId>, to: Option<PoolId>, state: AgentState, at: Time) {
        let slots = |pool: PoolId| self.layout.pools.get(pool.index()).map(|slots| (slots.agents, slots.clocks));
        let (before, after) = (from.map(slots), to.map(slots));
        let at = micros(at.max(self.as_of));
        if let Some(place) = before {
            let Some((agents, clocks)) = place else { return self.broken(4) };
            if !self.board.take(agents + state.index()) {
                return self.broken(4);
            }
            self.board.add(clocks + state.index(), at);
        }
        if let Some(place) = after {
            let Some((agents, clocks)) = place else { return self.broken(4) };
            self.board.add(agents + state.index(), 1);
            self.board.add(clocks + state.index(), at.wrapping_neg());
        }
    }

    /// A SIP message passed.
    pub fn passed(&mut self, peer: Peer, direction: Direction, kind: traffic::Kind) {
        let place = match kind {
            traffic::Kind::Request(method) => self.layout.requests + traffic::request_place(peer, direction, method),
            traffic::Kind::Response(code) => self.layout.responses + traffic::response_place(peer, direction, code),
        };
        self.board.add(place, 1);
    }

    fn pause(&self, pool: PoolId, reason: PauseId) -> Option<PauseSlots> {
        self.layout.pools.get(pool.index())?.pauses.get(reason.index()).copied()
    }

    fn pause_began(&mut self, pool: PoolId, reason: PauseId, at: Time) {
        let Some(slots) = self.pause(pool, reason) else { return self.broken(4) };
        self.board.add(slots.agents, 1);
        self.board.add(slots.clock, micros(at.max(self.as_of)).wrapping_neg());
    }

    fn pause_ended(&mut self, pool: PoolId, reason: PauseId, limit_reached: bool, at: Time) {
        let Some(slots) = self.pause(pool, reason) else { return self.broken(4) };
        if !self.board.take(slots.agents) {
            return self.broken(4);
        }
        self.board.add(slots.clock, micros(at.max(self.as_of)));
        self.board.add(slots.limits, u64::from(limit_reached));
    }

    fn denied(&mut self, pool: PoolId, why: Denial) {
        let Some(slots) = self.layout.pools.get(pool.index()) else { return self.broken(4) };
        self.board.add(slots.denials + why.index(), 1);
    }

    fn turned(&mut self, what: Turned) {
        self.board.add(self.layout.turned + what.index(), 1);
    }

    // ---- laws

    fn broken(&mut self, law: u8) {
        let number = usize::from(law.max(1)).min(LAWS) - 1;
        self.board.add(self.layout.laws + number, 1);
    }

    fn check_arrivals(&mut self, service: ServiceId) {
        let holds = laws::arrivals_hold(&self.layout, &self.board.values, service.index());
        let held = std::mem::replace(&mut self.arrivals_held[service.index()], holds);
        self.count_breach(2, held, holds);
    }

    fn check_visits(&mut self, queue: usize) {
        let holds = laws::visits_hold(&self.layout, &self.board.values, queue);
        let held = std::mem::replace(&mut self.visits_held[queue], holds);
        self.count_breach(1, held, holds);
    }

    fn check_offers(&mut self, queue: usize) {
        let holds = laws::offers_hold(&self.layout, &self.board.values, queue);
        let held = std::mem::replace(&mut self.offers_held[queue], holds);
        self.count_breach(3, held, holds);
    }

    // A law once broken stays so in the sums; it is counted when it breaks, not at every event after.
    fn count_breach(&mut self, law: u8, held: bool, holds: bool) {
        if held && !holds {
            self.broken(law);
        }
    }
}

/// Microseconds of a moment: agents' times add up over many agents, and 2^64 ns are only 584 years.
pub(super) fn micros(at: Time) -> u64 {
    at.as_nanos() / 1_000
}
