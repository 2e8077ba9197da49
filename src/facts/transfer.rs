//! Words for what agents do with callers after the answer.

use super::closed_set;

closed_set! {
    /// How an agent passes a caller on.
    TransferKind {
        /// Without asking the target first.
        Blind = "blind",
        /// After speaking with the target, or while its phone rang for the agent.
        Attended = "attended",
    }
}

closed_set! {
    /// What became of a transfer or of a consultation.
    TransferResult {
        /// The target has the caller; the colleague answered.
        Completed = "completed",
        /// The target's phone rang to the end.
        NoAnswer = "no_answer",
        /// The target talks, is paused or works after a call; its queue is full.
        Busy = "busy",
        /// The target declined.
        Rejected = "rejected",
        /// The target's phone could not be reached.
        Unreachable = "unreachable",
        /// The caller hung up first.
        CallerGone = "caller_gone",
        /// The agent took it back.
        Withdrawn = "withdrawn",
        /// It may not be asked for: no such target, or no call to pass on.
        Refused = "refused",
        /// It could not be set up.
        Failed = "failed",
    }
}
