//! An agent who has a caller asks a colleague, while the caller hears music (semantics.md section 8). What follows when
//! the colleague takes the caller is in `transfer`, three-way in `conference`.

use super::offer::{Offer, OfferState, Purpose};
use super::{Acd, Command, Outbox};
use crate::facts::{Fact, OfferOutcome, TransferResult};
use crate::ids::{AgentId, OfferId};

impl Acd {
    pub(super) fn on_consult_asked(&mut self, asking: OfferId, colleague: AgentId, out: &mut Outbox) {
        let refused = |result, out: &mut Outbox| out.commands.push(Command::EndConsult { asking, result });
        let Some(&Offer { call, queue, consult: None, state: OfferState::Talking, .. }) = self.offers.get(&asking)
        else {
            return refused(TransferResult::Refused, out);
        };
        if let Err(result) = self.is_free(colleague) {
            out.fact(self.at, Fact::ConsultEnded { call, result });
            return refused(result, out);
        }
        let offer = self.ring_directly(call, queue, colleague, Purpose::Consult { asking }, out);
        out.commands.push(Command::RingColleague { offer, asking: Some(asking), call, agent: colleague });
        if let Some(found) = self.offers.get_mut(&asking) {
            found.consult = Some(offer);
        }
        self.retime(asking, out);
    }

    /// Ends what the agent asks a colleague, from the agent's side or because the caller left; nothing when nobody is
    /// asked.
    pub(super) fn end_consult(&mut self, asking: OfferId, result: TransferResult, out: &mut Outbox) {
        self.end_second_line(asking, out);
        if let Some(offer) = self.offers.get_mut(&asking)
            && let Some(colleague) = offer.consult.take()
        {
            offer.conferring = false;
            self.drop_colleague(asking, colleague, result, out);
        }
        self.go_on_without_colleague(asking, out);
    }

    /// Nobody asks the colleague any more.
    pub(super) fn drop_colleague(
        &mut self,
        asking: OfferId,
        colleague: OfferId,
        result: TransferResult,
        out: &mut Outbox,
    ) {
        let Some(&Offer { call, state, .. }) = self.offers.get(&colleague) else { return };
        match state {
            OfferState::Calling | OfferState::Ringing => {
                out.fact(self.at, Fact::ConsultEnded { call, result });
                self.cancel_offer(colleague, OfferOutcome::Withdrawn, out);
            }
            OfferState::Consulting => {
                out.commands.push(Command::HangUpAgent { offer: colleague });
                self.settled(colleague, true, out);
            }
            OfferState::Joining { .. } | OfferState::Talking | OfferState::Passing | OfferState::Settling => {}
        }
        out.commands.push(Command::EndConsult { asking, result });
    }

    pub(super) fn consult_due(&mut self, colleague: OfferId, out: &mut Outbox) {
        if let Some(&Offer { purpose: Purpose::Consult { asking }, .. }) = self.offers.get(&colleague) {
            self.end_consult(asking, TransferResult::Withdrawn, out);
        }
    }

    /// The colleague hung up.
    pub(super) fn colleague_gone(&mut self, id: OfferId, out: &mut Outbox) {
        let Some(&Offer { purpose, .. }) = self.offers.get(&id) else { return };
        self.settled(id, true, out);
        if let Purpose::Consult { asking } = purpose {
            self.colleague_left(asking, TransferResult::Completed, out);
        }
    }
}
