//! What happened, in the past tense: everything the routing engine is told.

use super::{Consultation, Plan};
use crate::facts::OfferOutcome;
use crate::ids::{AgentId, CallId, CallerTag, ClipId, Key, OfferId, PauseId, ServiceId};
use crate::time::{Duration, Time};

/// Something that happened outside the engine. `received_at` is when the first sign of it reached this machine; every
/// wait and duration is computed from it, and it is never later than the `now` of the same call.
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
    /// Who calls, if anybody can tell: said at once after the arrival.
    CallerKnown {
        /// Which call.
        call: CallId,
        /// Who.
        caller: CallerTag,
        /// When the INVITE came in.
        received_at: Time,
    },
    /// The accepted call can hear us: its welcome may begin.
    CallEstablished {
        /// Which call.
        call: CallId,
        /// When our 200 (or 183) was sent if the INVITE had an offer, else when the ACK was received.
        received_at: Time,
    },
    /// A clip that was played to its end is over.
    ClipEnded {
        /// To whom.
        call: CallId,
        /// Which clip; one that was replaced meanwhile is ignored.
        clip: ClipId,
        /// When the last sample was sent.
        received_at: Time,
    },
    /// The caller pressed a key; outside of a menu it means nothing.
    KeyPressed {
        /// Who.
        call: CallId,
        /// Which key.
        key: Key,
        /// When its first packet, or its INFO, was received.
        received_at: Time,
    },
    /// The caller left: CANCEL, BYE, or (`lost`) found to be gone without one. The call is forgotten: no command names
    /// it any more.
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
        /// When it was found.
        received_at: Time,
    },
    /// The agent's phone rings: a provisional answer other than 100.
    OfferRinging {
        /// Which offer.
        offer: OfferId,
        /// When the provisional answer was received.
        received_at: Time,
    },
    /// The agent's phone said 200.
    OfferAnswered {
        /// Which offer.
        offer: OfferId,
        /// When the 200 was received: the wait stops here.
        received_at: Time,
    },
    /// The agent of a talk pressed a key.
    AgentPressed {
        /// Whose talk.
        offer: OfferId,
        /// Which key.
        key: Key,
        /// When its first packet, or its INFO, was received.
        received_at: Time,
    },
    /// The clip that the agent was to hear before the caller is over.
    WhisperEnded {
        /// Which offer.
        offer: OfferId,
        /// When the last sample was sent.
        received_at: Time,
    },
    /// Caller and agent hear each other: ACK sent, relay confirmed.
    OfferJoined {
        /// Which offer.
        offer: OfferId,
        /// When the media thread confirmed the relay.
        received_at: Time,
    },
    /// The agent's phone gave a final answer other than 200, or none at all; after a cancelled offer, its last word.
    /// The offer is forgotten: no command names it any more.
    OfferFailed {
        /// Which offer.
        offer: OfferId,
        /// `busy`, `rejected`, `unreachable` or `failed`; ignored for an offer whose outcome is already fixed.
        outcome: OfferOutcome,
        /// When it was received.
        received_at: Time,
    },
    /// The agent's phone was not rung: no RTP port of ours was left. The offer is forgotten. Nobody is offered anything
    /// before [`Event::PortFree`].
    NoPort {
        /// Which offer.
        offer: OfferId,
        /// When that was found.
        received_at: Time,
    },
    /// After [`Event::NoPort`]: a port can be had.
    PortFree {
        /// Since when.
        received_at: Time,
    },
    /// The agent's side of an answered offer ended: hung up while joining or talking, unusable SDP, media lost.
    /// The offer is forgotten: no command names it any more.
    AgentGone {
        /// Which offer.
        offer: OfferId,
        /// When it was received or found.
        received_at: Time,
    },
    /// The agent put the caller on hold.
    CallHeld {
        /// The offer that they talk by.
        offer: OfferId,
        /// When the change was received.
        received_at: Time,
    },
    /// The agent took the caller off hold.
    CallRetrieved {
        /// The offer that they talk by.
        offer: OfferId,
        /// When the change was received.
        received_at: Time,
    },
    /// The agent wants the caller to be passed on.
    TransferAsked {
        /// The offer that they talk by.
        offer: OfferId,
        /// Where to.
        to: TransferTo,
        /// When it was received.
        received_at: Time,
    },
    /// The agent, who has a caller, calls a colleague.
    ConsultAsked {
        /// The offer by which agent and caller talk.
        offer: OfferId,
        /// Whom.
        colleague: AgentId,
        /// When it was received.
        received_at: Time,
    },
    /// The agent ended the call to a colleague, or its leg is lost.
    ConsultDropped {
        /// The offer by which agent and caller talk.
        offer: OfferId,
        /// When it was received or found.
        received_at: Time,
    },
    /// The agent's phone can be reached: it registered, or a request to it succeeded.
    AgentReachable {
        /// Who.
        agent: AgentId,
        /// When the request or its answer was received.
        received_at: Time,
    },
    /// The agent's phone unregistered, or its registration ran out.
    AgentUnregistered {
        /// Who.
        agent: AgentId,
        /// When it was received or ran out.
        received_at: Time,
    },
    /// The agent asked for something; what cannot be is denied by a fact.
    AgentAsked {
        /// Who.
        agent: AgentId,
        /// For what.
        request: AgentRequest,
        /// When they said so.
        received_at: Time,
    },
    /// A reload: from now on this plan, laid out by [`succession`](super::succession) after the one in force.
    PlanChanged(Box<Plan>),
    /// What civil clocks say: the hours of services are counted from here until it is said again. Said at the start, and
    /// whenever the clock was found to be set.
    CivilTime {
        /// Nanoseconds since 1970 (UTC) at `received_at`.
        utc: i64,
        /// The same moment of the engine.
        received_at: Time,
    },
    /// Take no new calls; let those that talk finish. Waiting callers keep waiting until they are answered or
    /// `DrainEnded` comes.
    DrainStarted,
    /// Whoever is left is hung up.
    DrainEnded,
}

/// What an agent may ask for; during a call it takes effect after it, but for the recording of that call and what is to
/// become of a colleague who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentRequest {
    /// No calls for a while; another reason ends the pause for the one before it.
    Pause(PauseId),
    /// Calls again.
    Resume,
    /// Calls again at once: no pause, no other media, and the work after the last call is over.
    Ready,
    /// No calls (or calls again), because of work on other media.
    OtherMedia(bool),
    /// The work after the last call is over.
    EndWrapUp,
    /// The work after the last call takes longer, by so much.
    ExtendWrapUp(Duration),
    /// Leave out of the recording what is said from now on, or no longer.
    PauseRecording(bool),
    /// Of the caller and the colleague who is asked; at once.
    Consultation(Consultation),
}

/// Where a caller is passed on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferTo {
    /// To a colleague's phone.
    Agent(AgentId),
    /// Into the queue of a service.
    Service(ServiceId),
    /// To the colleague whom the agent is asking.
    Colleague,
    /// To a number that nobody has here.
    Unknown,
}

impl Event {
    /// When the first sign of it reached this machine; what is ordered from inside has no such moment.
    pub const fn received_at(&self) -> Option<Time> {
        match *self {
            Event::CallArrived { received_at, .. }
            | Event::CallerKnown { received_at, .. }
            | Event::CallEstablished { received_at, .. }
            | Event::ClipEnded { received_at, .. }
            | Event::KeyPressed { received_at, .. }
            | Event::CallerGone { received_at, .. }
            | Event::CallBroke { received_at, .. }
            | Event::OfferRinging { received_at, .. }
            | Event::OfferAnswered { received_at, .. }
            | Event::WhisperEnded { received_at, .. }
            | Event::AgentPressed { received_at, .. }
            | Event::OfferJoined { received_at, .. }
            | Event::OfferFailed { received_at, .. }
            | Event::NoPort { received_at, .. }
            | Event::PortFree { received_at }
            | Event::AgentGone { received_at, .. }
            | Event::CallHeld { received_at, .. }
            | Event::CallRetrieved { received_at, .. }
            | Event::TransferAsked { received_at, .. }
            | Event::ConsultAsked { received_at, .. }
            | Event::ConsultDropped { received_at, .. }
            | Event::AgentReachable { received_at, .. }
            | Event::AgentUnregistered { received_at, .. }
            | Event::AgentAsked { received_at, .. }
            | Event::CivilTime { received_at, .. } => Some(received_at),
            Event::PlanChanged(_) | Event::DrainStarted | Event::DrainEnded => None,
        }
    }
}
