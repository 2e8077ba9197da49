//! What agents do, and what is denied them: the closed words of it.

use super::closed_set;

closed_set! {
    /// What the engine does with an agent (semantics.md section 7).
    AgentState {
        /// Not signed in.
        SignedOut = "signed_out",
        /// Signed in, but no request would reach the phone.
        Unreachable = "unreachable",
        /// Signed in and not taking calls.
        Paused = "paused",
        /// May be offered a call.
        Ready = "ready",
        /// The phone is being rung, or is stopping to ring.
        Ringing = "ringing",
        /// Connected to a caller (joining included).
        Talking = "talking",
        /// Connected to a caller who is on hold.
        OnHold = "on_hold",
        /// Asking a colleague with the caller on hold.
        Consulting = "consulting",
        /// Working after a call.
        WrapUp = "wrap_up",
        /// At work on other media (mail, chat, the counter), as they said: no calls, and no pause either.
        OtherMedia = "other_media",
        /// Left alone for a moment: `agent.gap`, `routing.agent_delay`.
        Resting = "resting",
    }
}

closed_set! {
    /// Why what an agent asked for cannot be now.
    Denial {
        /// As many agents as may be are paused for this reason.
        TooManyPaused = "too_many_paused",
        /// The plan has no such reason.
        NoSuchReason = "no_such_reason",
        /// They are not signed in.
        SignedOut = "signed_out",
        /// They do not work after a call.
        NotInWrapUp = "not_in_wrap_up",
        /// The work after the call would be longer than it may be.
        WrapUpLimit = "wrap_up_limit",
        /// No caller of theirs is recorded.
        NotRecorded = "not_recorded",
        /// They ask no colleague, nobody has answered them, or it is as it was asked to be.
        NotConsulting = "not_consulting",
    }
}
