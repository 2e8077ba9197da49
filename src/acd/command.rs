//! What is to be done, in the imperative: everything the routing engine asks for.

use crate::facts::{Refusal, TransferResult};
use crate::ids::{AgentId, CallId, ClipId, OfferId, Reference, VoiceId};
use crate::time::Duration;

/// Something for the rest of the system to do. Commands are carried out in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Turn the call away; it is forgotten. One that was accepted to hear why is ended, with the same answer where that
    /// is still possible.
    RefuseCall {
        /// Which call.
        call: CallId,
        /// Why.
        reason: Refusal,
    },
    /// Answer the new call and say `CallEstablished` when it can hear us.
    AcceptCall {
        /// Which call.
        call: CallId,
    },
    /// Play a clip once and say `ClipEnded`.
    PlayOnce {
        /// To whom.
        call: CallId,
        /// Which clip.
        clip: ClipId,
    },
    /// Play a clip over and over; `None` is silence.
    PlayMusic {
        /// To whom.
        call: CallId,
        /// Which clip.
        clip: Option<ClipId>,
    },
    /// Read digits back, then play a clip and say `ClipEnded` of it.
    Spell {
        /// To whom.
        call: CallId,
        /// The language.
        voice: VoiceId,
        /// What is read, digit by digit.
        digits: Reference,
        /// What is said then.
        prompt: ClipId,
    },
    /// Tell a waiting caller, over the music.
    Announce {
        /// Whom.
        call: CallId,
        /// The caller's place in the queue, the next one being 1, and the language.
        position: Option<(VoiceId, u32)>,
        /// The wait that is to be expected, and the language.
        estimate: Option<(VoiceId, Duration)>,
        /// Said after it.
        message: Option<ClipId>,
    },
    /// End whatever is being announced, at once.
    Hush {
        /// To whom.
        call: CallId,
    },
    /// Ring the agent's phone for the call.
    RingAgent {
        /// The new offer.
        offer: OfferId,
        /// For whom.
        call: CallId,
        /// Whose phone.
        agent: AgentId,
    },
    /// Stop ringing. Whatever the phone still says comes back as `OfferFailed`; a 200 that crosses is ACKed, BYEd and
    /// also comes back as `OfferFailed`.
    CancelOffer {
        /// Which offer.
        offer: OfferId,
    },
    /// The phone said 200: before caller and agent are joined, say this to the agent and that to the caller, and tell
    /// the end of each (`WhisperEnded`, `ClipEnded`); `AgentGone` when that cannot be.
    SayFirst {
        /// Which offer.
        offer: OfferId,
        /// Whose call.
        call: CallId,
        /// To the agent.
        whisper: Option<ClipId>,
        /// To the caller.
        announce: Option<ClipId>,
        /// To the caller, after it: that the talk is recorded.
        notice: Option<ClipId>,
    },
    /// Record the talk from now on; a recording of the caller's that there is goes on.
    Record {
        /// With whom.
        offer: OfferId,
        /// Whose.
        call: CallId,
    },
    /// Leave out of the recording what is said from now on, or no longer.
    PauseRecording {
        /// Whose talk.
        call: CallId,
        /// Whether it is left out.
        is_paused: bool,
    },
    /// Nothing more is recorded of the caller.
    EndRecording {
        /// Whose talk.
        call: CallId,
    },
    /// Join caller and agent and say `OfferJoined`, or `AgentGone` when that cannot be.
    JoinMedia {
        /// Which offer.
        offer: OfferId,
        /// With whom.
        call: CallId,
    },
    /// Ring a colleague's phone: for an agent who asks, or for a caller who is passed on.
    RingColleague {
        /// The new offer.
        offer: OfferId,
        /// The offer by which the asking agent has a caller; none when the caller is passed on.
        asking: Option<OfferId>,
        /// The caller, on hold.
        call: CallId,
        /// Whose phone.
        agent: AgentId,
    },
    /// The colleague's phone said 200: answer the asking agent's call and join the two; `AgentGone` of the colleague when
    /// that cannot be.
    JoinColleague {
        /// The colleague's offer.
        offer: OfferId,
        /// The asking agent's.
        asking: OfferId,
    },
    /// Let the caller, the agent on either line and the colleague hear each other.
    Confer {
        /// Whose call.
        call: CallId,
        /// The asking agent's offer.
        asking: OfferId,
        /// The colleague's.
        colleague: OfferId,
    },
    /// Agent and colleague speak alone again.
    Separate {
        /// The asking agent's offer.
        asking: OfferId,
    },
    /// The agent's call to a colleague is over, or never was answered: `result` says why.
    EndConsult {
        /// The asking agent's offer.
        asking: OfferId,
        /// What became of it.
        result: TransferResult,
    },
    /// Tell the agent that the transfer is being tried.
    AcceptTransfer {
        /// The agent's offer.
        offer: OfferId,
    },
    /// Tell the agent what became of the transfer; one that was not accepted is refused with it.
    EndTransfer {
        /// The agent's offer.
        offer: OfferId,
        /// What became of it.
        result: TransferResult,
    },
    /// End the caller's leg; the call is forgotten.
    HangUpCall {
        /// Which call.
        call: CallId,
    },
    /// End the agent's leg of an answered offer; the offer is forgotten.
    HangUpAgent {
        /// Which offer.
        offer: OfferId,
    },
}
