//! Three-way: the caller, the agent and the colleague who is asked hear each other (semantics.md section 8). It is talk with
//! the caller, and recorded as such.
//!
//! ```text
//!   asking ⇄ conference ─┬─► the colleague leaves: agent and caller talk on
//!                        ├─► the agent leaves: the colleague has the caller, a transfer, attended
//!                        └─► the caller leaves: agent and colleague, for `consult_max`; then the work after the call
//! ```
//! An agent's phone has two lines then, one of which it usually holds: the agent is heard, and hears, on the other.

use super::call::{Call, CallState};
use super::offer::{Offer, OfferState, Purpose};
use super::transfer::Spent;
use super::{Acd, Activity, Command, Outbox, Timer, TransferTo};
use crate::facts::{Denial, Fact, Party, TransferKind, TransferResult};
use crate::ids::{AgentId, CallId, Key, OfferId};

/// What an agent who asks a colleague may want of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consultation {
    /// All three hear each other.
    Confer,
    /// Agent and colleague alone again, the caller on hold.
    Separate,
    /// The colleague gets the caller.
    Complete,
    /// The colleague is hung up.
    Return,
}

impl Acd {
    /// Why it cannot be, if it cannot: nobody has answered, or they are as they are to be.
    pub(super) fn objection_to_consultation(&self, agent: AgentId, wanted: Consultation) -> Option<Denial> {
        let asking = self.caller_of(agent);
        let is_conference = asking.is_some_and(|asking| self.is_conference(asking));
        let can_be = match wanted {
            Consultation::Confer => !is_conference && asking.is_some_and(|asking| self.asked_by(asking).is_some()),
            Consultation::Separate => is_conference,
            Consultation::Complete | Consultation::Return => {
                asking.and_then(|asking| self.offers.get(&asking)?.consult).is_some()
            }
        };
        (!can_be).then_some(Denial::NotConsulting)
    }

    pub(super) fn on_consultation(&mut self, agent: AgentId, wanted: Consultation, out: &mut Outbox) {
        let Some(asking) = self.caller_of(agent) else { return };
        match wanted {
            Consultation::Confer => self.confer(asking, out),
            Consultation::Separate => self.separate(asking, out),
            Consultation::Complete => self.on_transfer_asked(asking, TransferTo::Colleague, out),
            Consultation::Return => self.end_consult(asking, TransferResult::Withdrawn, out),
        }
    }

    /// The agent pressed a key, on either line.
    pub(super) fn on_conference_key(&mut self, asking: OfferId, key: Key, out: &mut Outbox) {
        if self.plan.limits.conference_key != Some(key) || self.asked_by(asking).is_none() {
            return;
        }
        match self.is_conference(asking) {
            true => self.separate(asking, out),
            false => self.confer(asking, out),
        }
    }

    /// The colleague who has answered the agent.
    fn asked_by(&self, asking: OfferId) -> Option<OfferId> {
        let colleague = self.offers.get(&asking).filter(|offer| offer.state == OfferState::Talking)?.consult?;
        self.offers.get(&colleague).filter(|offer| offer.state == OfferState::Consulting).map(|_| colleague)
    }

    /// Whether the three of them hear each other.
    pub(super) fn is_conference(&self, asking: OfferId) -> bool {
        self.offers.get(&asking).is_some_and(|offer| offer.conferring && offer.consult.is_some())
    }

    fn confer(&mut self, asking: OfferId, out: &mut Outbox) {
        let Some(colleague) = self.asked_by(asking) else { return };
        let Some(offer) = self.offers.get_mut(&asking) else { return };
        offer.conferring = true;
        let call = offer.call;
        // It lasts as a talk does.
        self.deadlines.cancel(Timer::Consult(colleague));
        self.retime(asking, out);
        out.commands.push(Command::Confer { call, asking, colleague });
        out.fact(self.at, Fact::ConferenceBegan { call });
    }

    /// Agent and colleague speak alone again.
    pub(super) fn separate(&mut self, asking: OfferId, out: &mut Outbox) {
        if !self.is_conference(asking) {
            return;
        }
        let Some(offer) = self.offers.get_mut(&asking) else { return };
        offer.conferring = false;
        if let Some(colleague) = offer.consult {
            self.deadlines.set(Timer::Consult(colleague), self.now + self.plan.limits.consult_max);
        }
        out.commands.push(Command::Separate { asking });
        self.retime(asking, out);
    }

    /// The colleague is gone, and the agent's call to them over, unless it is the line on which agent and caller talk.
    pub(super) fn colleague_left(&mut self, asking: OfferId, result: TransferResult, out: &mut Outbox) {
        let Some(offer) = self.offers.get_mut(&asking) else { return };
        offer.consult = None;
        offer.conferring &= offer.held;
        if !offer.conferring {
            out.commands.push(Command::EndConsult { asking, result });
        }
        self.go_on_without_colleague(asking, out);
    }

    /// The line on which agent and caller talked after the colleague had left: it is over, or needed no more.
    pub(super) fn end_second_line(&mut self, asking: OfferId, out: &mut Outbox) {
        let Some(offer) = self.offers.get_mut(&asking).filter(|offer| offer.conferring && offer.consult.is_none())
        else {
            return;
        };
        offer.conferring = false;
        out.commands.push(Command::EndConsult { asking, result: TransferResult::Completed });
    }

    pub(super) fn go_on_without_colleague(&mut self, asking: OfferId, out: &mut Outbox) {
        match self.offers.get(&asking).map(|offer| offer.state) {
            // The caller has left before.
            Some(OfferState::Consulting) => {
                let Some(offer) = self.offers.remove(&asking) else { return };
                self.end_of_call(offer.agent, offer.spent.talked, self.plan.queues[offer.queue.index()].wrap_up, out);
            }
            _ => self.retime(asking, out),
        }
    }

    /// The agent leaves a conference: the colleague has the caller.
    pub(super) fn agent_left_conference(&mut self, call: CallId, asking: OfferId, out: &mut Outbox) {
        let Some(colleague) = self.asked_by(asking) else { return };
        if let Some(target) = self.offers.get_mut(&colleague) {
            target.purpose = Purpose::Transfer;
        }
        if let Some(offer) = self.offers.get_mut(&asking) {
            (offer.consult, offer.conferring) = (None, false);
        }
        self.start_passing(call, asking, colleague, TransferKind::Attended, out);
        out.commands.push(Command::JoinMedia { offer: colleague, call });
        self.agent_left_passing(asking, out);
        self.complete_transfer(colleague, self.at, out);
        out.commands.push(Command::EndConsult { asking, result: TransferResult::Completed });
    }

    /// The caller leaves a conference: the call is over, and the agent finishes the talk with the colleague.
    pub(super) fn caller_left_conference(&mut self, id: CallId, asking: OfferId, out: &mut Outbox) {
        let Some(offer) = self.offers.get_mut(&asking) else { return };
        offer.conferring = false;
        offer.state = OfferState::Consulting;
        offer.spent = offer.spent.until(self.at);
        let Offer { queue, pool, agent, consult, spent: Spent { talked, held, consulted, .. }, .. } = *offer;
        if let Some(colleague) = consult {
            self.deadlines.set(Timer::Consult(colleague), self.now + self.plan.limits.consult_max);
        }
        out.commands.push(Command::HangUpAgent { offer: asking });
        self.forget_recording(id);
        self.calls.remove(&id);
        let by = Party::Caller;
        out.fact(self.at, Fact::CallEnded { call: id, queue, pool, agent, talked, held, consulted, by });
        self.occupy(agent, Activity::Consulting(asking), self.at, out);
    }

    /// Agents and colleagues whose callers have left are hung up, too.
    pub(super) fn end_talks_among_agents(&mut self, out: &mut Outbox) {
        let goes_on = |(&id, offer): (&OfferId, &Offer)| self.has_lost_its_caller(offer).then_some(id);
        let asking: Vec<OfferId> = self.offers.iter().filter_map(goes_on).collect();
        asking.into_iter().for_each(|asking| self.end_consult(asking, TransferResult::Withdrawn, out));
    }

    /// Whether the agent finishes a talk with a colleague after the caller has left.
    pub(super) fn has_lost_its_caller(&self, offer: &Offer) -> bool {
        offer.state == OfferState::Consulting && offer.consult.is_some()
    }

    /// Whether both agent and colleague of a conference whose caller has left agree about it; `id` is one of their offers.
    pub(super) fn agree_without_caller(&self, id: OfferId, offer: &Offer) -> bool {
        let asking = match offer.purpose {
            Purpose::Consult { asking } => self.offers.get(&asking).filter(|asking| asking.consult == Some(id)),
            Purpose::Queue | Purpose::Transfer => Some(offer),
        };
        let is_over = !matches!(self.calls.get(&offer.call), Some(Call { state: CallState::Talking { .. }, .. }));
        is_over && asking.is_some_and(|asking| self.has_lost_its_caller(asking))
    }
}
