//! No RTP port of ours is left for an agent's leg: nobody's fault but ours (semantics.md section 6: `failed`).
//!
//! The offer ends as failed, the agent stands where it stood before it, no back-off begins, and nobody is offered
//! anything until a port is there again. Whoever waits keeps the place meanwhile.

use super::agent::Activity;
use super::call::{Call, Stage};
use super::offer::Purpose;
use super::{Acd, Outbox};
use crate::facts::OfferOutcome;
use crate::ids::OfferId;
use crate::time::Time;

/// Whether offers wait for a port, and since when they do not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PortWait {
    pub(super) is_on: bool,
    pub(super) over_since: Time,
}

impl Acd {
    /// The phone was never rung. Whoever has a caller already and wants a colleague is told so at once.
    pub(super) fn on_no_port(&mut self, id: OfferId, out: &mut Outbox) {
        let Some(&offer) = self.offers.get(&id) else { return };
        if offer.purpose != Purpose::Queue || !offer.is_open() {
            return self.on_offer_failed(id, OfferOutcome::Failed, out);
        }
        self.port_wait.is_on = true;
        self.close_offer(id, OfferOutcome::Failed, self.at, out);
        self.offers.remove(&id);
        self.untell(offer.call, id);
        let agent = &mut self.agents[offer.agent.index()];
        (agent.offered, agent.idle_since) = offer.stood;
        self.occupy(offer.agent, Activity::Idle, self.at, out);
        self.one_less(offer.call, out);
    }

    /// A port can be had: everybody is looked at again.
    pub(super) fn on_port_free(&mut self) {
        self.port_wait = PortWait { is_on: false, over_since: self.at };
        let waits = |call: &Call| call.visit().filter(|visit| visit.stage == Stage::Waiting).map(|visit| visit.key);
        for (&id, call) in self.calls.iter() {
            if let Some(key) = waits(call) {
                self.fresh_calls.insert((key, id));
            }
        }
    }
}
