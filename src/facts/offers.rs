//! Words for how offers end, and for what makes one wrong.

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

closed_set! {
    /// What an offer must keep to (semantics.md sections 3 to 5), or it is counted as out of order.
    OrderRule {
        /// Nobody who came before and may have the agent waits.
        Seniority = "seniority",
        /// Nobody is overtaken more often than may be.
        Overtaking = "overtaking",
        /// The agent is asked by the step and has its skills.
        Skills = "skills",
        /// The step is open, by its time or its triggers.
        Step = "step",
        /// Nobody whom an earlier open step asks is ready.
        Precedence = "precedence",
        /// The caller waits, and the agent is ready.
        Readiness = "readiness",
    }
}
