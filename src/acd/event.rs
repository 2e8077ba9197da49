//! What happened, in the past tense: everything the routing engine is told.

use crate::facts::OfferOutcome;
use crate::ids::{AgentId, CallId, ClipId, OfferId, ServiceId};
use crate::time::Time;

/// Something that happened outside the engine. `received_at`, where present, is when the first sign of it reached
/// this machine; it is never later than the `now` of the same call.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Somebody dialled a service. Ids grow with arrival.
    CallArrived {
        /// The new interaction.
        call: CallId,
        /// What was dialled.
        service: ServiceId,
        /// When the INVITE came in.
        received_at: Time,
    },
    /// The accepted call can hear us: its welcome may begin.
    CallEstablished {
        /// Which call.
        call: CallId,
    },
    /// A clip that was played to its end is over.
    ClipEnded {
        /// To whom.
        call: CallId,
        /// Which clip; one that was replaced meanwhile is ignored.
        clip: ClipId,
    },
    /// The caller left: CANCEL, BYE, or (`lost`) found to be gone without one.
    CallerGone {
        /// Which call.
        call: CallId,
        /// Without a BYE.
        lost: bool,
        /// When it was received or found.
        received_at: Time,
    },
    /// The call cannot go on through our fault (no media, a limit of ours).
    CallBroke {
        /// Which call.
        call: CallId,
    },
    /// The agent's phone rings: a provisional answer other than 100.
    OfferRinging {
        /// Which offer.
        offer: OfferId,
    },
    /// The agent's phone said 200.
    OfferAnswered {
        /// Which offer.
        offer: OfferId,
        /// When the 200 was received: the wait stops here.
        received_at: Time,
    },
    /// Caller and agent hear each other: ACK sent, relay confirmed.
    OfferJoined {
        /// Which offer.
        offer: OfferId,
    },
    /// The agent's phone gave a final answer other than 200, or none at all; after a cancelled offer, its last word.
    OfferFailed {
        /// Which offer.
        offer: OfferId,
        /// `busy`, `rejected`, `unreachable` or `failed`; ignored for an offer whose outcome is already fixed.
        outcome: OfferOutcome,
        /// When it was received.
        received_at: Time,
    },
    /// The agent's side of an answered offer ended: hung up while joining or talking, unusable SDP, media lost.
    AgentGone {
        /// Which offer.
        offer: OfferId,
        /// When it was received or found.
        received_at: Time,
    },
    /// The agent's phone can be reached: it registered, or a request to it succeeded.
    AgentReachable {
        /// Who.
        agent: AgentId,
    },
    /// The agent's phone unregistered, or its registration ran out.
    AgentUnregistered {
        /// Who.
        agent: AgentId,
    },
    /// The agent takes no calls for a while.
    AgentPaused {
        /// Who.
        agent: AgentId,
    },
    /// The agent takes calls again.
    AgentResumed {
        /// Who.
        agent: AgentId,
    },
    /// Take no new calls; let those that talk finish. Waiting callers keep waiting until they are answered or
    /// `DrainEnded` comes.
    DrainStarted,
    /// Whoever is left is hung up.
    DrainEnded,
}
