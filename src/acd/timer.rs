//! Every deadline of the routing engine, by name. Nothing in it waits in any other way.

use crate::ids::{AgentId, CalendarId, CallId, OfferId};

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Agents with a fixed contact sign in, at the engine's first step.
    Opening,
    /// The caller has thought about the menu for long enough: `menu.timeout`.
    Menu(CallId),
    /// The offered phone has given no sign yet: `limits.setup_timeout`.
    Setup(OfferId),
    /// The offered phone has rung for as long as the queue lets it: `queue.ring`.
    Ring(OfferId),
    /// The end of what is said before the two are joined was never told: `limits.prelude_max`.
    Prelude(OfferId),
    /// The phone said 200 and media is still not joined: `limits.join_timeout`.
    Join(OfferId),
    /// The phone was told to stop ringing and has not said its last word: `limits.settle_timeout`.
    Settle(OfferId),
    /// The end of the welcome, of a menu's prompt or of last words was never told: `limits.greeting_max`.
    Greeting(CallId),
    /// The call's next service-level threshold passes: `queue.thresholds` and `limits.threshold_grace`.
    Threshold(CallId),
    /// The call reaches its next tier step: `step.after`.
    Step(CallId),
    /// The call has waited for as long as it may: `queue.max_wait`, or `queue.max_wait_grace` longer while a phone rings.
    MaxWait(CallId),
    /// The waiting caller is told something: `queue.announcements`.
    Announce(CallId),
    /// The call may be offered again to somebody who did not take it: `limits.back_off`.
    BackOff(CallId),
    /// The call was kept for the agent who answered its caller last for long enough: `queue.last_agent_wait`.
    LastAgent(CallId),
    /// An agent has asked a colleague for as long as may be: `limits.consult_max`.
    Consult(OfferId),
    /// The agent's work after a call ends: `queue.wrap_up`, `agent.wrap_up`.
    WrapUp(AgentId),
    /// The agent has paused for as long as the reason allows: `pause.longest`.
    Pause(AgentId),
    /// The agent was left alone for long enough: `agent.gap`, `routing.agent_delay`.
    Rest(AgentId),
    /// A fixed contact that could not be reached is tried again: `limits.back_off.unreachable`.
    Retry(AgentId),
    /// Services open or close: `calendar`.
    Calendar(CalendarId),
}

impl Timer {
    /// The name in lists of effective limits and in logs.
    pub const fn label(self) -> &'static str {
        match self {
            Timer::Opening => "opening",
            Timer::Menu(_) => "menu",
            Timer::Setup(_) => "setup",
            Timer::Ring(_) => "ring",
            Timer::Prelude(_) => "prelude",
            Timer::Join(_) => "join",
            Timer::Settle(_) => "settle",
            Timer::Greeting(_) => "greeting",
            Timer::Threshold(_) => "threshold",
            Timer::Step(_) => "step",
            Timer::MaxWait(_) => "max_wait",
            Timer::Announce(_) => "announce",
            Timer::BackOff(_) => "back_off",
            Timer::LastAgent(_) => "last_agent",
            Timer::Consult(_) => "consult",
            Timer::WrapUp(_) => "wrap_up",
            Timer::Pause(_) => "pause",
            Timer::Rest(_) => "rest",
            Timer::Retry(_) => "retry",
            Timer::Calendar(_) => "calendar",
        }
    }
}
