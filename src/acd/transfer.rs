//! After the answer: hold, and passing the caller on (semantics.md section 8). Asking a colleague is in `consult`,
//! speaking with both at once in `conference`.
//!
//! ```text
//!   talking ⇄ on hold ─► consulting ─┬─► colleague has the caller        attended, both have spoken
//!      │                             └─► passing ─► …                    attended, the colleague's phone still rings
//!      └─► passing ─┬─► target has the caller                            blind, to a phone
//!      │            └─► back with the agent; agent gone ─► queue, old place
//!      └─► queue of another service, a new visit                         blind, to a service
//! ```
//! While a transfer is tried the caller hears music and the agent is on hold; the agent's time with the call ends when
//! somebody else has it, or when the agent hangs up. Phones that ring here are rung for one colleague alone: they are no
//! offers of a queue and count as none.

use super::agent::Activity;
use super::call::CallState;
use super::offer::{Offer, OfferState, Purpose};
use super::{Acd, Command, Outbox, Timer, TransferTo};
use crate::facts::{AgentState, Fact, OfferOutcome, Party, TransferKind, TransferResult};
use crate::ids::{AgentId, CallId, OfferId, QueueId, ServiceId};
use crate::time::{Duration, Time};

/// How an agent's time with a caller is spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Talk,
    Hold,
    Consult,
}

/// An agent's time with a caller so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    phase: Phase,
    since: Time,
    pub(super) talked: Duration,
    pub(super) held: Duration,
    pub(super) consulted: Duration,
}

impl Spent {
    /// Talking from this moment on.
    pub(super) fn from(since: Time) -> Spent {
        Spent { since, ..Spent::default() }
    }

    /// Goes on in another way; gives the way before.
    fn turn(&mut self, phase: Phase, at: Time) -> Phase {
        let length = at.since(self.since);
        match self.phase {
            Phase::Talk => self.talked += length,
            Phase::Hold => self.held += length,
            Phase::Consult => self.consulted += length,
        }
        self.since = self.since.max(at);
        std::mem::replace(&mut self.phase, phase)
    }

    /// All of it, up to its end.
    pub(super) fn until(mut self, at: Time) -> Spent {
        self.turn(self.phase, at);
        self
    }
}

/// A transfer that is being tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passing {
    /// The agent's offer, until the agent hangs up.
    pub(super) from: Option<OfferId>,
    /// The agent's offer, also when the agent has hung up: who asked is told the end.
    asked: OfferId,
    /// The target's.
    pub(super) to: OfferId,
    /// The seniority key of the visit that was answered.
    pub(super) key: Time,
    /// When the agent began to pass the caller on.
    since: Time,
    kind: TransferKind,
}

impl Offer {
    /// The state of an agent who has a caller.
    pub(super) fn activity(&self, id: OfferId) -> Activity {
        match self.phase() {
            Phase::Talk => Activity::Connected(id),
            Phase::Hold => Activity::Holding(id),
            Phase::Consult => Activity::Consulting(id),
        }
    }

    fn phase(&self) -> Phase {
        match self.state {
            OfferState::Talking if self.conferring => Phase::Talk,
            OfferState::Talking if self.consult.is_some() => Phase::Consult,
            OfferState::Talking if !self.held => Phase::Talk,
            OfferState::Talking | OfferState::Passing => Phase::Hold,
            OfferState::Consulting => Phase::Consult,
            OfferState::Calling | OfferState::Ringing | OfferState::Joining { .. } | OfferState::Settling => {
                Phase::Talk
            }
        }
    }
}

impl Acd {
    /// The offer by which an agent has a caller, on hold or not.
    pub fn caller_of(&self, agent: AgentId) -> Option<OfferId> {
        let offer = match self.agents.get(agent.index())?.activity {
            Activity::Connected(offer) | Activity::Holding(offer) | Activity::Consulting(offer) => offer,
            Activity::Idle | Activity::Offered(_) | Activity::WrapUp => return None,
        };
        self.offers.get(&offer).filter(|it| it.state == OfferState::Talking).map(|_| offer)
    }

    /// Whose offer it is.
    pub fn agent_of(&self, offer: OfferId) -> Option<AgentId> {
        self.offers.get(&offer).map(|offer| offer.agent)
    }

    // ---- hold

    pub(super) fn on_held(&mut self, id: OfferId, out: &mut Outbox) {
        self.set_held(id, true, out);
    }

    pub(super) fn on_retrieved(&mut self, id: OfferId, out: &mut Outbox) {
        self.set_held(id, false, out);
    }

    fn set_held(&mut self, id: OfferId, held: bool, out: &mut Outbox) {
        if let Some(offer) = self.offers.get_mut(&id) {
            offer.held = held;
        }
        if !held {
            self.end_second_line(id, out);
        }
        self.retime(id, out);
    }

    /// The agent goes on in the way that its offer says: time, state and what the caller hears follow.
    pub(super) fn retime(&mut self, id: OfferId, out: &mut Outbox) {
        let at = self.at;
        let Some(offer) = self.offers.get_mut(&id) else { return };
        if !matches!(offer.state, OfferState::Talking | OfferState::Passing) {
            return;
        }
        let phase = offer.phase();
        let before = offer.spent.turn(phase, at);
        let (call, agent, queue, activity) = (offer.call, offer.agent, offer.queue, offer.activity(id));
        if (before == Phase::Talk) != (phase == Phase::Talk) {
            let music = self.plan.queues[queue.index()].music;
            out.commands.push(Command::PlayMusic { call, clip: music.filter(|_| phase != Phase::Talk) });
            self.adjust_recording(call, out);
        }
        self.occupy(agent, activity, at, out);
    }

    // ---- phones rung for one colleague alone

    /// Which of these lines to the outside, in their order, takes a caller who is passed on: the first that is free; where
    /// none is, the first, which says what stands in the way.
    pub fn choose_line(&self, lines: impl Iterator<Item = AgentId>) -> Option<AgentId> {
        let mut lines = lines.filter(|line| self.plan.agents.get(line.index()).is_some_and(|line| !line.retired));
        let first = lines.next()?;
        let is_free = |line: &AgentId| self.is_free(*line).is_ok();
        Some(std::iter::once(first).chain(lines).find(is_free).unwrap_or(first))
    }

    /// Whether a colleague may be rung now, or what stands in the way.
    pub(super) fn is_free(&self, agent: AgentId) -> Result<(), TransferResult> {
        match self.agents.get(agent.index()).map(|agent| agent.state) {
            Some(AgentState::Ready) => Ok(()),
            Some(AgentState::SignedOut | AgentState::Unreachable) => Err(TransferResult::Unreachable),
            Some(
                AgentState::Paused
                | AgentState::OtherMedia
                | AgentState::Resting
                | AgentState::Ringing
                | AgentState::Talking
                | AgentState::OnHold
                | AgentState::Consulting
                | AgentState::WrapUp,
            ) => Err(TransferResult::Busy),
            None => Err(TransferResult::Refused),
        }
    }

    pub(super) fn ring_directly(
        &mut self,
        call: CallId,
        queue: QueueId,
        agent: AgentId,
        purpose: Purpose,
        out: &mut Outbox,
    ) -> OfferId {
        self.next_offer += 1;
        let (id, now) = (OfferId(self.next_offer), self.now);
        let pool = self.agents[agent.index()].pool;
        self.offers.insert(id, Offer::new(call, agent, purpose, (queue, 0, pool), now));
        self.deadlines.set(Timer::Setup(id), now + self.plan.limits.setup_timeout);
        self.deadlines.set(Timer::Ring(id), now + self.plan.queues[queue.index()].ring);
        self.occupy(agent, Activity::Offered(id), now, out);
        id
    }

    /// The colleague's phone said 200.
    pub(super) fn colleague_answered(&mut self, id: OfferId, out: &mut Outbox) {
        let (at, now) = (self.at, self.now);
        self.deadlines.cancel(Timer::Setup(id));
        self.deadlines.cancel(Timer::Ring(id));
        let Some(offer) = self.offers.get_mut(&id) else { return };
        let (call, agent) = (offer.call, offer.agent);
        match offer.purpose {
            Purpose::Consult { asking } => {
                offer.state = OfferState::Consulting;
                self.deadlines.set(Timer::Consult(id), now + self.plan.limits.consult_max);
                out.commands.push(Command::JoinColleague { offer: id, asking });
                out.fact(at, Fact::ConsultEnded { call, result: TransferResult::Completed });
                self.occupy(agent, Activity::Consulting(id), at, out);
            }
            Purpose::Transfer | Purpose::Queue => {
                offer.state = OfferState::Joining { answered_at: at };
                self.deadlines.set(Timer::Join(id), now + self.plan.limits.join_timeout);
                out.commands.push(Command::JoinMedia { offer: id, call });
                self.occupy(agent, Activity::Connected(id), at, out);
            }
        }
    }

    /// A colleague's phone did not take the call.
    pub(super) fn colleague_failed(&mut self, offer: Offer, outcome: OfferOutcome, out: &mut Outbox) {
        let result = result_of(outcome);
        match offer.purpose {
            Purpose::Consult { asking } => {
                out.fact(self.at, Fact::ConsultEnded { call: offer.call, result });
                self.colleague_left(asking, result, out);
            }
            Purpose::Transfer => {
                let was_joining = matches!(offer.state, OfferState::Joining { .. });
                self.transfer_failed(offer.call, result, was_joining, out);
            }
            Purpose::Queue => {}
        }
    }

    // ---- passing the caller on

    pub(super) fn on_transfer_asked(&mut self, id: OfferId, to: TransferTo, out: &mut Outbox) {
        let Some(&Offer { call, queue, state: OfferState::Talking, .. }) = self.offers.get(&id) else {
            return out.commands.push(Command::EndTransfer { offer: id, result: TransferResult::Refused });
        };
        let passed = match to {
            TransferTo::Colleague => self.pass_to_colleague(call, id, out),
            TransferTo::Agent(agent) => self.is_free(agent).map(|()| {
                self.end_consult(id, TransferResult::Withdrawn, out);
                let target = self.ring_directly(call, queue, agent, Purpose::Transfer, out);
                out.commands.push(Command::AcceptTransfer { offer: id });
                out.commands.push(Command::RingColleague { offer: target, asking: None, call, agent });
                self.start_passing(call, id, target, TransferKind::Blind, out);
            }),
            TransferTo::Service(service) => self.pass_to_service(call, id, service, out),
            TransferTo::Unknown => Err(TransferResult::Refused),
        };
        if let Err(result) = passed {
            let kind = if to == TransferTo::Colleague { TransferKind::Attended } else { TransferKind::Blind };
            out.fact(self.at, Fact::TransferEnded { call, kind, result });
            out.commands.push(Command::EndTransfer { offer: id, result });
        }
    }

    fn pass_to_service(
        &mut self,
        call: CallId,
        id: OfferId,
        service: ServiceId,
        out: &mut Outbox,
    ) -> Result<(), TransferResult> {
        let known = self.plan.services.get(service.index()).filter(|service| !service.retired);
        let queue = known.ok_or(TransferResult::Refused)?.queue;
        if self.waiting.places_taken(queue) >= self.plan.queues[queue.index()].max_length {
            return Err(TransferResult::Busy);
        }
        self.end_consult(id, TransferResult::Withdrawn, out);
        out.commands.push(Command::AcceptTransfer { offer: id });
        out.fact(self.at, Fact::TransferEnded { call, kind: TransferKind::Blind, result: TransferResult::Completed });
        self.hand_over(id, out);
        self.enter_again(call, (service, queue), None, out);
        Ok(())
    }

    fn pass_to_colleague(&mut self, call: CallId, id: OfferId, out: &mut Outbox) -> Result<(), TransferResult> {
        let colleague = self.offers.get(&id).and_then(|offer| offer.consult).ok_or(TransferResult::Refused)?;
        self.separate(id, out);
        let Some(target) = self.offers.get_mut(&colleague) else { return Err(TransferResult::Failed) };
        target.purpose = Purpose::Transfer;
        let is_ringing = matches!(target.state, OfferState::Calling | OfferState::Ringing);
        out.commands.push(Command::AcceptTransfer { offer: id });
        let result = if is_ringing { TransferResult::Withdrawn } else { TransferResult::Completed };
        if is_ringing {
            out.fact(self.at, Fact::ConsultEnded { call, result });
        } else {
            out.commands.push(Command::JoinMedia { offer: colleague, call });
        }
        if let Some(offer) = self.offers.get_mut(&id) {
            offer.consult = None;
        }
        self.start_passing(call, id, colleague, TransferKind::Attended, out);
        if !is_ringing {
            self.deadlines.cancel(Timer::Consult(colleague));
            self.complete_transfer(colleague, self.at, out);
        }
        out.commands.push(Command::EndConsult { asking: id, result });
        Ok(())
    }

    pub(super) fn start_passing(
        &mut self,
        id: CallId,
        from: OfferId,
        to: OfferId,
        kind: TransferKind,
        out: &mut Outbox,
    ) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let CallState::Talking { key, .. } = call.state else { return };
        call.state = CallState::Passing(Passing { from: Some(from), asked: from, to, key, since: self.at, kind });
        if let Some(offer) = self.offers.get_mut(&from) {
            offer.state = OfferState::Passing;
        }
        self.retime(from, out);
    }

    /// Target and caller hear each other.
    pub(super) fn complete_transfer(&mut self, target: OfferId, answered_at: Time, out: &mut Outbox) {
        let Some(&Offer { call: id, .. }) = self.offers.get(&target) else { return };
        let Some(call) = self.calls.get_mut(&id) else { return };
        let CallState::Passing(Passing { from, asked, key, kind, .. }) = call.state else { return };
        call.state = CallState::Talking { offer: target, key };
        self.deadlines.cancel(Timer::Join(target));
        if let Some(offer) = self.offers.get_mut(&target) {
            offer.state = OfferState::Talking;
            offer.spent = Spent::from(answered_at);
        }
        out.fact(self.at, Fact::TransferEnded { call: id, kind, result: TransferResult::Completed });
        match from {
            Some(from) => self.hand_over(from, out),
            None => out.commands.push(Command::EndTransfer { offer: asked, result: TransferResult::Completed }),
        }
        if let Some(&Offer { queue, pool, agent, .. }) = self.offers.get(&target) {
            self.remember_agent(id, agent);
            out.fact(self.at, Fact::CallTakenUp { call: id, queue, pool, agent });
        }
        self.retime(target, out);
        self.begin_recording(target, out);
    }

    /// Somebody else has the agent's caller.
    fn hand_over(&mut self, id: OfferId, out: &mut Outbox) {
        out.commands.push(Command::EndTransfer { offer: id, result: TransferResult::Completed });
        out.commands.push(Command::HangUpAgent { offer: id });
        self.leave_call(id, out);
    }

    /// The agent is done with a call that goes on.
    fn leave_call(&mut self, id: OfferId, out: &mut Outbox) {
        let Some(offer) = self.offers.remove(&id) else { return };
        let Offer { call, queue, pool, agent, .. } = offer;
        let Spent { talked, held, consulted, .. } = offer.spent.until(self.at);
        out.fact(self.at, Fact::CallTransferred { call, queue, pool, agent, talked, held, consulted });
        self.end_of_call(agent, talked, self.plan.queues[queue.index()].wrap_up, out);
    }

    /// The agent hung up while the transfer was being tried: the target's phone rings on.
    pub(super) fn agent_left_passing(&mut self, id: OfferId, out: &mut Outbox) {
        let Some(&Offer { call, .. }) = self.offers.get(&id) else { return };
        if let Some(CallState::Passing(passing)) = self.calls.get_mut(&call).map(|call| &mut call.state) {
            passing.from = None;
        }
        self.leave_call(id, out);
    }

    /// The target has not taken the caller: back to the agent, or to the queue when the agent is gone, within the grace
    /// time to the old place.
    fn transfer_failed(&mut self, id: CallId, result: TransferResult, was_joining: bool, out: &mut Outbox) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let CallState::Passing(Passing { from, asked, key, since, kind, .. }) = call.state else { return };
        let (service, queue) = (call.service, call.queue);
        let in_time = self.at.since(since) <= self.plan.limits.reentry_grace;
        out.fact(self.at, Fact::TransferEnded { call: id, kind, result });
        out.commands.push(Command::EndTransfer { offer: asked, result });
        let Some(from) = from else { return self.enter_again(id, (service, queue), in_time.then_some(key), out) };
        call.state = CallState::Talking { offer: from, key };
        let mut is_held = false;
        if let Some(offer) = self.offers.get_mut(&from) {
            offer.state = OfferState::Talking;
            is_held = offer.held;
        }
        if was_joining {
            out.commands.push(Command::JoinMedia { offer: from, call: id });
            if is_held {
                let clip = self.plan.queues[queue.index()].music;
                out.commands.push(Command::PlayMusic { call: id, clip });
            }
            self.begin_recording(from, out);
        }
        self.retime(from, out);
    }

    /// The caller leaves, or is hung up, while the transfer is being tried. Which of the caller's leg is still to be
    /// hung up is the caller's to say.
    pub(super) fn end_passing(&mut self, id: CallId, by: Party, out: &mut Outbox) {
        let Some(&CallState::Passing(Passing { from, asked, to, kind, .. })) =
            self.calls.get(&id).map(|call| &call.state)
        else {
            return;
        };
        let (result, outcome) = match by {
            Party::Caller => (TransferResult::CallerGone, OfferOutcome::CallerGone),
            Party::Agent | Party::System => (TransferResult::Withdrawn, OfferOutcome::Withdrawn),
        };
        out.fact(self.at, Fact::TransferEnded { call: id, kind, result });
        let target = self.offers.get(&to).copied();
        match target.map(|target| target.state) {
            Some(OfferState::Calling | OfferState::Ringing) => self.cancel_offer(to, outcome, out),
            _ => self.hang_up_joining(to, outcome, out),
        }
        out.commands.push(Command::EndTransfer { offer: asked, result });
        match (from, target) {
            (Some(from), _) => {
                out.commands.push(Command::HangUpAgent { offer: from });
                self.end_talk(id, from, by, out);
            }
            (None, Some(Offer { queue, .. })) => {
                self.forget_recording(id);
                self.calls.remove(&id);
                out.fact(self.at, Fact::CallEndedUnattended { call: id, queue, by });
            }
            (None, None) => self.law(4, false, out),
        }
    }
}

/// What a colleague's phone that did not take the call means for who asked.
const fn result_of(outcome: OfferOutcome) -> TransferResult {
    match outcome {
        OfferOutcome::Accepted => TransferResult::Completed,
        OfferOutcome::NoAnswer => TransferResult::NoAnswer,
        OfferOutcome::Busy => TransferResult::Busy,
        OfferOutcome::Rejected => TransferResult::Rejected,
        OfferOutcome::Unreachable => TransferResult::Unreachable,
        OfferOutcome::CallerGone => TransferResult::CallerGone,
        OfferOutcome::Withdrawn => TransferResult::Withdrawn,
        OfferOutcome::LostRace | OfferOutcome::Failed => TransferResult::Failed,
    }
}
