//! What becomes of calls: the closed words of it.

use super::closed_set;

closed_set! {
    /// Why a call was never received.
    Refusal {
        /// Outside the service's opening hours.
        Closed = "closed",
        /// The queue's places, those reserved for callers in the greeting included, are taken.
        QueueFull = "queue_full",
        /// Nobody who could take the call is signed in, and the service lets nobody wait then.
        NobodySignedIn = "nobody_signed_in",
        /// Every channel is in use.
        ChannelLimit = "channel_limit",
        /// We are stopping.
        Draining = "draining",
        /// Nobody dials this number here.
        NoRoute = "no_route",
        /// More work than we can do.
        Overload = "overload",
        /// The INVITE cannot be understood, or offers no media we can use.
        Malformed = "malformed",
        /// The caller may not call us.
        Forbidden = "forbidden",
    }
}

closed_set! {
    /// Where a call went that left its queue unanswered and not by itself.
    FlowOut {
        /// The queue's longest wait was reached.
        MaxWait = "max_wait",
        /// The caller asked to be called back.
        Callback = "callback",
        /// Another service took it.
        Service = "service",
        /// The caller left a message.
        Voicemail = "voicemail",
        /// The caller pressed the exit key.
        KeyExit = "key_exit",
        /// The service closed.
        Closed = "closed",
        /// We stopped.
        Drained = "drained",
    }
}

closed_set! {
    /// What became of a call that was kept for the agent who answered its caller last.
    LastAgentResult {
        /// That agent answered.
        Answered = "answered",
        /// The agent's phone rang, and did not take it.
        NotTaken = "not_taken",
        /// It was kept for as long as may be.
        TimedOut = "timed_out",
        /// The agent went away, or may not have it any more.
        NotThere = "not_there",
        /// The call left its queue.
        Left = "left",
    }
}

closed_set! {
    /// What opened a tier step.
    StepTrigger {
        /// The wait reached the step's `after`.
        Time = "time",
        /// So many offers went unanswered.
        Offers = "offers",
        /// Nobody was signed in for the earlier steps.
        NobodySignedIn = "nobody_signed_in",
        /// A reload gave the waiting call other steps; this may also take it back to an earlier one.
        Reload = "reload",
    }
}

closed_set! {
    /// A side of an answered call.
    Party {
        /// The caller.
        Caller = "caller",
        /// The agent.
        Agent = "agent",
        /// We: drain, a limit, a failure.
        System = "system",
    }
}
