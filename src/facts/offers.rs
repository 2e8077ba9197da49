//! Words for how offers end.

use super::closed_set;

closed_set! {
    /// How an offer ended (semantics.md section 6).
    OfferOutcome {
        /// The agent took the call.
        Accepted = "accepted",
        /// The phone rang to the end.
        NoAnswer = "no_answer",
        /// The phone was busy.
        Busy = "busy",
        /// The agent declined.
        Rejected = "rejected",
        /// The phone could not be reached.
        Unreachable = "unreachable",
        /// Another agent's 200 came first.
        LostRace = "lost_race",
        /// The caller left while the phone rang.
        CallerGone = "caller_gone",
        /// We took it back: queue deadline, replaced step, reload.
        Withdrawn = "withdrawn",
        /// The phone or we could not set the call up.
        Failed = "failed",
    }
}
