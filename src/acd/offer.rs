//! Offers: one agent's phone is rung for one call, with exactly one outcome (semantics.md section 6).
//!
//! ```text
//!   calling ─► ringing ─► joining ─► talking        200 ─► joining; relay confirmed ─► talking; then see `transfer`
//!      │          │          │ dropped: failed
//!      └────┬─────┘ decided to cancel: the outcome is fixed
//!           ▼
//!        settling ─► over                           the phone's last word, at most `settle_timeout`
//! ```
//! The call moves on as soon as the outcome is fixed; the agent stays ringing until the phone's last word.

use super::agent::{Activity, Agent, LEAST_RETRY};
use super::call::{Call, CallState, Round, Stage};
use super::transfer::Spent;
use super::{Acd, Command, Outbox, Timer};
use crate::facts::{Fact, LastAgentResult, OfferOutcome, Party, TransferResult};
use crate::ids::{AgentId, CallId, OfferId, PoolId, QueueId};
use crate::time::Time;

/// One offer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) call: CallId,
    pub(super) agent: AgentId,
    pub(super) state: OfferState,
    /// For whom the phone is rung.
    pub(super) purpose: Purpose,
    /// The colleague whom the agent asks, by the colleague's offer.
    pub(super) consult: Option<OfferId>,
    /// Agent and caller talk on the agent's line to the colleague, too.
    pub(super) conferring: bool,
    /// The agent's phone has the caller on hold.
    pub(super) held: bool,
    /// The agent's time with the caller.
    pub(super) spent: Spent,
    pub(super) queue: QueueId,
    step: u8,
    pub(super) pool: PoolId,
    pub(super) made_at: Time,
    /// What the agent's place in the strategies' orders was made of before it: last offer, idle since.
    pub(super) stood: (u64, Time),
}

/// What a phone is rung for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A call that waits: an offer as statistics know it.
    Queue,
    /// A colleague who has a caller and asks.
    Consult {
        /// The colleague's offer.
        asking: OfferId,
    },
    /// A caller who is passed on.
    Transfer,
}

/// How far an offer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfferState {
    /// The phone has given no sign yet.
    Calling,
    /// It rings.
    Ringing,
    /// It said 200.
    Joining { answered_at: Time },
    /// Caller and agent are connected, on hold included.
    Talking,
    /// The agent passes the caller on and waits for what becomes of it.
    Passing,
    /// A colleague, connected to the agent who asks.
    Consulting,
    /// The outcome is fixed; the phone's last word is awaited.
    Settling,
}

impl Offer {
    pub(super) fn new(
        call: CallId,
        agent: AgentId,
        purpose: Purpose,
        (queue, step, pool): (QueueId, u8, PoolId),
        made_at: Time,
    ) -> Offer {
        let state = OfferState::Calling;
        let (consult, conferring, held) = (None, false, false);
        let (spent, stood) = (Spent::default(), (0, Time::ZERO));
        Offer { call, agent, state, purpose, consult, conferring, held, spent, queue, step, pool, made_at, stood }
    }

    /// The phone was not told to stop and has not said its last word.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, OfferState::Calling | OfferState::Ringing)
    }
}

impl Acd {
    /// Rings the phones of those chosen for the call.
    pub(super) fn make_offers(&mut self, id: CallId, step: u8, out: &mut Outbox) {
        self.stop_waiting(id);
        let first = OfferId(self.next_offer + 1);
        for index in 0..self.chosen.len() {
            let (_, agent) = self.chosen[index];
            self.make_offer(id, agent, step, out);
        }
        let round = Round { first, last: OfferId(self.next_offer) };
        if let Some(visit) = self.calls.get_mut(&id).and_then(Call::visit_mut) {
            visit.stage = Stage::Ringing(round);
        }
    }

    fn make_offer(&mut self, id: CallId, agent: AgentId, step: u8, out: &mut Outbox) {
        let Some(call) = self.calls.get(&id) else { return };
        let Some(since) = self.could_meet_since(call, agent) else { return };
        let (queue, ring) = (call.queue, self.rules_of(call).ring);
        self.next_offer += 1;
        let offer = OfferId(self.next_offer);
        let Agent { pool, offered, idle_since, .. } = self.agents[agent.index()];
        let (now, stood) = (self.now, (offered, idle_since));
        let made = Offer::new(id, agent, Purpose::Queue, (queue, step, pool), now);
        self.offers.insert(offer, Offer { stood, ..made });
        self.deadlines.set(Timer::Setup(offer), now + self.plan.limits.setup_timeout);
        self.deadlines.set(Timer::Ring(offer), now + ring);
        out.commands.push(Command::RingAgent { offer, call: id, agent });
        out.fact(now, Fact::OfferMade { offer, call: id, queue, step, pool, agent, since });
        self.occupy(agent, Activity::Offered(offer), now, out);
        self.agents[agent.index()].offered = self.next_offer;
    }

    pub(super) fn on_ringing(&mut self, id: OfferId) {
        if let Some(offer) = self.offers.get_mut(&id).filter(|offer| offer.state == OfferState::Calling) {
            offer.state = OfferState::Ringing;
            self.deadlines.cancel(Timer::Setup(id));
        }
    }

    /// The first 200 in our order wins.
    pub(super) fn on_answered(&mut self, id: OfferId, out: &mut Outbox) {
        let at = self.at;
        let Some(offer) = self.offers.get_mut(&id) else { return };
        let (call, agent) = (offer.call, offer.agent);
        let stage = self.calls.get(&call).and_then(Call::visit).map(|visit| visit.stage);
        match offer.state {
            OfferState::Calling | OfferState::Ringing if offer.purpose != Purpose::Queue => {
                return self.colleague_answered(id, out);
            }
            OfferState::Calling | OfferState::Ringing if matches!(stage, Some(Stage::Joining(..))) => {
                // Another 200 of the same round came first.
                return self.lose_race(id, out);
            }
            OfferState::Calling | OfferState::Ringing => offer.state = OfferState::Joining { answered_at: at },
            OfferState::Settling => {
                // It crossed our CANCEL and changes nothing.
                out.commands.push(Command::HangUpAgent { offer: id });
                return self.settled(id, true, out);
            }
            OfferState::Joining { .. } | OfferState::Talking | OfferState::Passing | OfferState::Consulting => return,
        }
        self.deadlines.cancel(Timer::Setup(id));
        self.deadlines.cancel(Timer::Ring(id));
        self.hold_call_deadlines(call);
        if let Some(visit) = self.calls.get_mut(&call).and_then(Call::visit_mut)
            && let Stage::Ringing(round) = visit.stage
        {
            visit.stage = Stage::Joining(id, round);
        }
        self.begin_joining(id, out);
        self.occupy(agent, Activity::Connected(id), at, out);
    }

    /// Answered: the wait stopped when the 200 was received.
    pub(super) fn on_joined(&mut self, id: OfferId, out: &mut Outbox) {
        let Some(&offer) = self.offers.get(&id) else { return };
        let OfferState::Joining { answered_at } = offer.state else { return };
        if offer.purpose == Purpose::Transfer {
            return self.complete_transfer(id, answered_at, out);
        }
        let Some(visit) = self.calls.get(&offer.call).and_then(Call::visit) else {
            return self.law(4, false, out);
        };
        let (entered, stage, key, expected) = (visit.entered, visit.stage, visit.key, visit.expected);
        self.deadlines.cancel(Timer::Join(id));
        let waited = answered_at.since(entered);
        self.pass_thresholds(offer.call, |threshold| threshold < waited, out);
        self.end_offer(id, OfferOutcome::Accepted, answered_at, out);
        if let Stage::Joining(_, round) = stage {
            // They rang on until now, in case the winner dropped.
            self.cancel_round(round, OfferOutcome::Withdrawn, out);
        }
        if let Some(offer) = self.offers.get_mut(&id) {
            offer.state = OfferState::Talking;
            offer.spent = Spent::from(answered_at);
        }
        if let Some(call) = self.calls.get_mut(&offer.call)
            && let CallState::Queued(visit) =
                std::mem::replace(&mut call.state, CallState::Talking { offer: id, key: key.key })
        {
            self.memories.take_back(visit.memory);
        }
        self.waiting.give_place_back(offer.queue);
        self.waiting.leave_line(offer.queue, (key, offer.call));
        self.answered_one(offer.agent);
        self.remember_agent(offer.call, offer.agent);
        let Offer { call, queue, pool, agent, .. } = offer;
        out.fact(answered_at, Fact::CallAnswered { call, queue, pool, agent, waited });
        if let Some(estimated) = expected {
            out.fact(answered_at, Fact::WaitEstimated { call, queue, estimated, waited });
        }
        self.pace[queue.index()].answered(answered_at, entered);
        // The phone may have put the caller on hold before the relay was confirmed.
        self.retime(id, out);
        self.begin_recording(id, out);
    }

    /// A final answer other than 200, or none at all; the offer is forgotten by the phone.
    pub(super) fn on_offer_failed(&mut self, id: OfferId, outcome: OfferOutcome, out: &mut Outbox) {
        let Some(&offer) = self.offers.get(&id) else { return };
        match offer.state {
            OfferState::Calling | OfferState::Ringing => {
                let outcome = if is_phones_answer(outcome) { outcome } else { OfferOutcome::Failed };
                self.end_offer(id, outcome, self.at, out);
                self.settled(id, outcome != OfferOutcome::Unreachable, out);
                self.not_taken(offer, outcome, out);
            }
            OfferState::Settling => self.settled(id, outcome != OfferOutcome::Unreachable, out),
            OfferState::Joining { .. } | OfferState::Talking | OfferState::Passing | OfferState::Consulting => {
                self.on_agent_gone(id, out)
            }
        }
    }

    /// The agent's side of an answered offer ended.
    pub(super) fn on_agent_gone(&mut self, id: OfferId, out: &mut Outbox) {
        let Some(&Offer { call, state, consult, .. }) = self.offers.get(&id) else { return };
        match state {
            OfferState::Calling | OfferState::Ringing => self.on_offer_failed(id, OfferOutcome::Failed, out),
            OfferState::Settling => self.settled(id, true, out),
            OfferState::Joining { .. } => self.dropped_before_join(id, out),
            OfferState::Talking if self.is_conference(id) => self.agent_left_conference(call, id, out),
            OfferState::Talking => {
                out.commands.push(Command::HangUpCall { call });
                self.end_talk(call, id, Party::Agent, out);
            }
            OfferState::Passing => self.agent_left_passing(id, out),
            OfferState::Consulting if consult.is_some() => self.end_consult(id, TransferResult::Withdrawn, out),
            OfferState::Consulting => self.colleague_gone(id, out),
        }
    }

    pub(super) fn setup_due(&mut self, id: OfferId, out: &mut Outbox) {
        let Some(&offer) = self.offers.get(&id) else { return };
        self.cancel_offer(id, OfferOutcome::Unreachable, out);
        self.not_reached(offer.agent);
        self.not_taken(offer, OfferOutcome::Unreachable, out);
    }

    pub(super) fn ring_due(&mut self, id: OfferId, out: &mut Outbox) {
        let Some(&offer) = self.offers.get(&id) else { return };
        self.cancel_offer(id, OfferOutcome::NoAnswer, out);
        if offer.purpose == Purpose::Queue {
            self.missed(offer.agent);
        }
        self.not_taken(offer, OfferOutcome::NoAnswer, out);
    }

    pub(super) fn join_due(&mut self, id: OfferId, out: &mut Outbox) {
        out.commands.push(Command::HangUpAgent { offer: id });
        self.dropped_before_join(id, out);
    }

    /// The phone never said its last word.
    pub(super) fn settle_due(&mut self, id: OfferId, out: &mut Outbox) {
        self.settled(id, false, out);
    }

    /// A step replaced those before it, or a reload changed whom it allows: offers that it would not have allowed are
    /// taken back.
    pub(super) fn withdraw_if_closed(&mut self, call: CallId, round: Round, class: usize, out: &mut Outbox) {
        for id in round.offers() {
            let closed = |offer: &Offer| offer.is_open() && self.tiers.admits(class, offer.agent).is_none();
            if self.offers.get(&id).is_some_and(closed) {
                self.cancel_offer(id, OfferOutcome::Withdrawn, out);
            }
        }
        self.one_less(call, out);
    }

    /// Cancels whatever of the round still rings.
    pub(super) fn cancel_round(&mut self, round: Round, outcome: OfferOutcome, out: &mut Outbox) {
        for id in round.offers() {
            if self.offers.get(&id).is_some_and(Offer::is_open) {
                self.cancel_offer(id, outcome, out);
            }
        }
    }

    /// A phone has not taken what it was rung for.
    fn not_taken(&mut self, offer: Offer, outcome: OfferOutcome, out: &mut Outbox) {
        match offer.purpose {
            Purpose::Queue => self.one_less(offer.call, out),
            Purpose::Consult { .. } | Purpose::Transfer => self.colleague_failed(offer, outcome, out),
        }
    }

    /// A phone stopped ringing for the call: when it was the last one, the call waits again.
    pub(super) fn one_less(&mut self, id: CallId, out: &mut Outbox) {
        let Some(visit) = self.calls.get(&id).and_then(Call::visit) else { return };
        if let Stage::Ringing(round) = visit.stage
            && !self.still_rings(round)
        {
            self.wait_again(id, out);
        }
    }

    pub(super) fn still_rings(&self, round: Round) -> bool {
        self.offers.range(round.first..=round.last).any(|(_, offer)| offer.is_open())
    }

    /// A phone of the round said 200 when another's had come already.
    fn lose_race(&mut self, id: OfferId, out: &mut Outbox) {
        self.end_offer(id, OfferOutcome::LostRace, self.at, out);
        out.commands.push(Command::HangUpAgent { offer: id });
        self.settled(id, true, out);
    }

    /// Fixes the outcome of an offer not answered yet and stops the ringing. What the call does next is the
    /// caller's to say.
    pub(super) fn cancel_offer(&mut self, id: OfferId, outcome: OfferOutcome, out: &mut Outbox) {
        self.end_offer(id, outcome, self.at, out);
        self.set_offer_state(id, OfferState::Settling);
        self.deadlines.set(Timer::Settle(id), self.now + self.plan.limits.settle_timeout);
        out.commands.push(Command::CancelOffer { offer: id });
    }

    /// The call leaves while its winner's media is being joined.
    pub(super) fn hang_up_joining(&mut self, id: OfferId, outcome: OfferOutcome, out: &mut Outbox) {
        self.end_offer(id, outcome, self.at, out);
        out.commands.push(Command::HangUpAgent { offer: id });
        self.settled(id, true, out);
    }

    /// The winner dropped before media was joined: the caller is back at its place, its deadlines at their old
    /// moments; those past are due at once.
    fn dropped_before_join(&mut self, id: OfferId, out: &mut Outbox) {
        let Some(&offer) = self.offers.get(&id) else { return };
        let call = offer.call;
        self.end_offer(id, OfferOutcome::Failed, self.at, out);
        self.settled(id, true, out);
        if offer.purpose != Purpose::Queue {
            return self.colleague_failed(offer, OfferOutcome::Failed, out);
        }
        let clip = self.calls.get(&call).and_then(|call| self.rules_of(call).music);
        out.commands.push(Command::PlayMusic { call, clip });
        if let Some(visit) = self.calls.get_mut(&call).and_then(Call::visit_mut)
            && let Stage::Joining(_, round) = visit.stage
        {
            visit.stage = Stage::Ringing(round);
        }
        self.one_less(call, out);
        self.set_call_deadlines(call);
    }

    /// An answered call is over; which legs are still to be hung up is the caller's to say.
    pub(super) fn end_talk(&mut self, call: CallId, id: OfferId, by: Party, out: &mut Outbox) {
        self.end_second_line(id, out);
        let Some(offer) = self.offers.remove(&id) else { return self.law(4, false, out) };
        let Offer { queue, pool, agent, .. } = offer;
        if let Some(colleague) = offer.consult {
            self.drop_colleague(id, colleague, TransferResult::CallerGone, out);
        }
        self.forget_recording(call);
        self.calls.remove(&call);
        let Spent { talked, held, consulted, .. } = offer.spent.until(self.at);
        out.fact(self.at, Fact::CallEnded { call, queue, pool, agent, talked, held, consulted, by });
        self.end_of_call(agent, talked, self.plan.queues[queue.index()].wrap_up, out);
    }

    /// Tells the offer's one outcome; whoever did not take the call is remembered by it.
    fn end_offer(&mut self, id: OfferId, outcome: OfferOutcome, moment: Time, out: &mut Outbox) {
        let Some(&Offer { call, agent, purpose, .. }) = self.offers.get(&id) else { return };
        self.close_offer(id, outcome, moment, out);
        if purpose != Purpose::Queue {
            return;
        }
        let kept_for = self.calls.get(&call).and_then(Call::visit).and_then(|visit| visit.kept_for);
        if outcome == OfferOutcome::Accepted && kept_for == Some(agent) {
            self.keep_no_longer(call, LastAgentResult::Answered, out);
        }
        let limits = &self.plan.limits;
        let (Some(back_off), Some(delay)) = (limits.back_off.after(outcome), limits.agent_delay.after(outcome)) else {
            return;
        };
        let is_unreachable = matches!(outcome, OfferOutcome::Unreachable | OfferOutcome::Failed);
        let back_off = if is_unreachable { back_off.max(LEAST_RETRY) } else { back_off };
        if !delay.is_zero() {
            self.rest_until(agent, moment + delay);
        }
        if let Some(visit) = self.calls.get_mut(&call).and_then(Call::visit_mut) {
            visit.memory.add(agent, moment + back_off);
            visit.unanswered += 1;
        }
        if kept_for == Some(agent) {
            self.keep_no_longer(call, LastAgentResult::NotTaken, out);
        }
    }

    /// Its timers end and its outcome is told; nobody is blamed.
    pub(super) fn close_offer(&mut self, id: OfferId, outcome: OfferOutcome, moment: Time, out: &mut Outbox) {
        for timer in [Timer::Setup(id), Timer::Ring(id), Timer::Join(id)] {
            self.deadlines.cancel(timer);
        }
        self.end_prelude(id);
        let Some(&Offer { call, agent, queue, step, pool, made_at, purpose, .. }) = self.offers.get(&id) else {
            return;
        };
        if purpose == Purpose::Queue {
            let rang = moment.since(made_at);
            out.fact(moment, Fact::OfferEnded { offer: id, call, queue, step, pool, agent, outcome, rang });
        }
    }

    /// The phone said its last word (or never will): the offer is forgotten and the agent free.
    pub(super) fn settled(&mut self, id: OfferId, reached: bool, out: &mut Outbox) {
        let Some(offer) = self.offers.remove(&id) else { return };
        self.untell(offer.call, id);
        self.deadlines.cancel(Timer::Settle(id));
        self.deadlines.cancel(Timer::Consult(id));
        if reached {
            self.reached(offer.agent)
        } else {
            self.not_reached(offer.agent)
        }
        self.release(offer.agent, out);
    }

    fn set_offer_state(&mut self, id: OfferId, state: OfferState) {
        if let Some(offer) = self.offers.get_mut(&id) {
            offer.state = state;
        }
    }
}

fn is_phones_answer(outcome: OfferOutcome) -> bool {
    matches!(outcome, OfferOutcome::Busy | OfferOutcome::Rejected | OfferOutcome::Unreachable | OfferOutcome::Failed)
}
