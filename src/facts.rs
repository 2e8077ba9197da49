//! What is now true: the closed list that statistics, journal and reports read, and the only thing they read.
//!
//! A fact never says what to do and never names a person or a number; ids are those of the plan.

mod agents;
mod calls;
mod legs;
mod offers;
mod transfer;
mod turned;

pub use agents::{AgentState, Denial};
pub use calls::{FlowOut, LastAgentResult, Party, Refusal, StepTrigger};
pub use legs::{Note, Quality};
pub use offers::{OfferOutcome, OrderRule};
pub use transfer::{TransferKind, TransferResult};
pub use turned::Turned;

use crate::ids::{AgentId, CallId, DemandId, OfferId, PauseId, PoolId, QueueId, Reference, ServiceId};
use crate::time::{Duration, Time};

/// A fact and the moment at which it became true.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When it became true (the receive time of its cause).
    pub at: Time,
    /// What became true.
    pub fact: Fact,
}

/// One thing that became true.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A call was never received (semantics.md section 1, *refused*).
    CallRefused {
        /// The number's service, when it has one.
        service: Option<ServiceId>,
        /// Why.
        reason: Refusal,
    },
    /// A service did not take a call and passed it on to another one, which the caller has dialled from there on.
    CallPassedOn {
        /// Which service did not take it.
        service: ServiceId,
        /// Why.
        reason: Refusal,
        /// Which service it called instead.
        to: ServiceId,
    },
    /// A service opened or closed, by its hours. Services are open until told otherwise.
    OpeningChanged {
        /// Which.
        service: ServiceId,
        /// From now on.
        is_open: bool,
    },
    /// A caller who left another queue, or was answered before, comes to this service; the entry that follows is a visit
    /// of its own.
    CallTakenOver {
        /// Who.
        call: CallId,
        /// Which service.
        service: ServiceId,
        /// So much earlier than now it would have entered by its place in the order (semantics.md section 3).
        seniority: Duration,
    },
    /// An open service accepted the call; its welcome begins.
    CallReceived {
        /// Who.
        call: CallId,
        /// What was dialled.
        service: ServiceId,
        /// When its INVITE came in: the regulators' clock starts there.
        arrived_at: Time,
    },
    /// The caller hung up before entering.
    CallLeftInGreeting {
        /// Who.
        call: CallId,
        /// What was dialled.
        service: ServiceId,
        /// Without a BYE.
        lost: bool,
    },
    /// The caller typed a number in a menu, and confirmed it where that was asked for.
    ReferenceGiven {
        /// Who.
        call: CallId,
        /// Personal data.
        reference: Reference,
    },
    /// The flow itself finished the call before any queue.
    CallEndedInMenu {
        /// Who.
        call: CallId,
        /// What was dialled.
        service: ServiceId,
    },
    /// We failed the call before it entered.
    CallFailedInGreeting {
        /// Who.
        call: CallId,
        /// What was dialled.
        service: ServiceId,
    },
    /// The welcome ended: the wait clock starts.
    CallEntered {
        /// Who.
        call: CallId,
        /// What was dialled.
        service: ServiceId,
        /// Where it waits.
        queue: QueueId,
    },
    /// What a call that waits asks of agents, beside the steps of its queue; it asked nothing before.
    SkillsAsked {
        /// Who.
        call: CallId,
        /// Where.
        queue: QueueId,
        /// What its service asks.
        service: Option<DemandId>,
        /// What its choice in a menu asks.
        choice: Option<DemandId>,
    },
    /// The call is kept for the agent who answered its caller last.
    LastAgentWanted {
        /// Who.
        call: CallId,
        /// Where.
        queue: QueueId,
        /// For whom.
        agent: AgentId,
        /// Until then at the latest.
        until: Time,
    },
    /// The call is kept for nobody any more.
    LastAgentEnded {
        /// Who.
        call: CallId,
        /// Where.
        queue: QueueId,
        /// Why.
        result: LastAgentResult,
    },
    /// The call has waited longer than the queue's threshold number `threshold` and is late from now on.
    ThresholdPassed {
        /// Who.
        call: CallId,
        /// Where.
        queue: QueueId,
        /// Position in the queue's list of thresholds.
        threshold: u8,
    },
    /// A later tier step became open to the call.
    StepReached {
        /// Who.
        call: CallId,
        /// Where.
        queue: QueueId,
        /// Position in the queue's list of steps.
        step: u8,
        /// What opened it.
        trigger: StepTrigger,
    },
    /// Callers of heavier queues have overtaken the call as often as they may: it goes before all who came later.
    CallPromoted {
        /// Who.
        call: CallId,
        /// Where.
        queue: QueueId,
        /// How often.
        times: u32,
    },
    /// An agent's 200 won the call and media is joined.
    CallAnswered {
        /// Who.
        call: CallId,
        /// Where it waited.
        queue: QueueId,
        /// The agent's pool.
        pool: PoolId,
        /// Who answered.
        agent: AgentId,
        /// From entry to the receive time of the winning 200.
        waited: Duration,
    },
    /// An answered call's wait had been estimated when it entered: how good that was.
    WaitEstimated {
        /// Who.
        call: CallId,
        /// Where it waited.
        queue: QueueId,
        /// What was expected.
        estimated: Duration,
        /// What it was.
        waited: Duration,
    },
    /// The caller left the queue before the answer.
    CallAbandoned {
        /// Who.
        call: CallId,
        /// Where it waited.
        queue: QueueId,
        /// From entry to leaving.
        waited: Duration,
        /// Without a BYE.
        lost: bool,
    },
    /// The call left the queue for something other than an agent of it.
    CallFlowedOut {
        /// Who.
        call: CallId,
        /// Where it waited.
        queue: QueueId,
        /// From entry to leaving.
        waited: Duration,
        /// For what.
        to: FlowOut,
    },
    /// The call ended in the queue through our fault.
    CallFailed {
        /// Who.
        call: CallId,
        /// Where it waited.
        queue: QueueId,
        /// From entry to the failure.
        waited: Duration,
    },
    /// An answered call is over.
    CallEnded {
        /// Who.
        call: CallId,
        /// Where it had waited.
        queue: QueueId,
        /// The agent's pool.
        pool: PoolId,
        /// Who talked last.
        agent: AgentId,
        /// How long this agent talked with the caller.
        talked: Duration,
        /// How long this agent kept the caller on hold.
        held: Duration,
        /// How long this agent asked a colleague meanwhile.
        consulted: Duration,
        /// Which side hung up.
        by: Party,
    },
    /// An agent passed the caller on, and is done with the call.
    CallTransferred {
        /// Who.
        call: CallId,
        /// Where it had waited.
        queue: QueueId,
        /// The pool of the agent who passed it on.
        pool: PoolId,
        /// Who passed it on.
        agent: AgentId,
        /// How long this agent talked with the caller.
        talked: Duration,
        /// How long this agent kept the caller on hold, the ringing of the next phone included.
        held: Duration,
        /// How long this agent asked a colleague meanwhile.
        consulted: Duration,
    },
    /// A transfer got its one result.
    TransferEnded {
        /// Whose.
        call: CallId,
        /// How it was asked for.
        kind: TransferKind,
        /// What became of it.
        result: TransferResult,
    },
    /// A consultation of a colleague got its one result; `completed` is an answer.
    ConsultEnded {
        /// Who waits meanwhile.
        call: CallId,
        /// What became of it.
        result: TransferResult,
    },
    /// The colleague whom an agent asks has joined the talk with the caller.
    ConferenceBegan {
        /// Whose talk.
        call: CallId,
    },
    /// A colleague has a caller whom an agent passed on.
    CallTakenUp {
        /// Who.
        call: CallId,
        /// Where it had waited.
        queue: QueueId,
        /// The colleague's pool.
        pool: PoolId,
        /// The colleague.
        agent: AgentId,
    },
    /// The call was over while no agent had it: its agent had left, and the one it was passed on to had not answered.
    CallEndedUnattended {
        /// Who.
        call: CallId,
        /// Where it had waited.
        queue: QueueId,
        /// Which side hung up.
        by: Party,
    },
    /// An agent's phone is rung for a call.
    OfferMade {
        /// Which ringing.
        offer: OfferId,
        /// For whom.
        call: CallId,
        /// Where it waits.
        queue: QueueId,
        /// The tier step that allowed it.
        step: u8,
        /// The agent's pool.
        pool: PoolId,
        /// Whose phone.
        agent: AgentId,
        /// When call and agent could first have met; to the INVITE's sending this is the dispatch time.
        since: Time,
    },
    /// An offer got its one outcome.
    OfferEnded {
        /// Which ringing.
        offer: OfferId,
        /// For whom.
        call: CallId,
        /// Where it waits.
        queue: QueueId,
        /// The tier step that allowed it.
        step: u8,
        /// The agent's pool.
        pool: PoolId,
        /// Whose phone.
        agent: AgentId,
        /// How it ended.
        outcome: OfferOutcome,
        /// From the offer to its outcome.
        rang: Duration,
    },
    /// An agent's state changed.
    AgentStateChanged {
        /// Who.
        agent: AgentId,
        /// Their pool.
        pool: PoolId,
        /// Before.
        from: AgentState,
        /// Now.
        to: AgentState,
        /// Time spent in `from`.
        lasted: Duration,
    },
    /// A reload made an agent known, moved them to another pool, or let them go.
    AgentPlaced {
        /// Who.
        agent: AgentId,
        /// Their pool before; none for somebody new.
        from: Option<PoolId>,
        /// Their pool now; none for somebody who was removed and has finished.
        to: Option<PoolId>,
        /// What they do; it goes on.
        state: AgentState,
    },
    /// A new configuration was read: the facts that follow are of its plan, if it came into force.
    Reloaded {
        /// Whether it came into force.
        result: Reload,
    },
    /// How one leg of a call fared on the network, told at its end.
    LegMeasured {
        /// Whose.
        call: CallId,
        /// Which side of it.
        party: Party,
        /// What was measured.
        quality: Quality,
    },
    /// The phone or the network at the end of a leg said something that changes no count.
    LegNoted {
        /// Whose.
        call: CallId,
        /// Which side of it.
        party: Party,
        /// What.
        note: Note,
    },
    /// An agent's pause for a reason began; the state `paused` may have begun with another one.
    PauseBegan {
        /// Who.
        agent: AgentId,
        /// Their pool.
        pool: PoolId,
        /// Why.
        reason: PauseId,
    },
    /// An agent's pause for a reason is over, or goes on for another one.
    PauseEnded {
        /// Who.
        agent: AgentId,
        /// Their pool.
        pool: PoolId,
        /// Why it was.
        reason: PauseId,
        /// How long.
        lasted: Duration,
        /// It was as long as the reason allows, and ended by itself.
        limit_reached: bool,
    },
    /// An agent asked for something that cannot be now.
    AgentDenied {
        /// Who.
        agent: AgentId,
        /// Their pool.
        pool: PoolId,
        /// Why it cannot be.
        why: Denial,
    },
    /// A message or a packet of the outside world was turned away or lost.
    Turned(Turned),
    /// An offer, or a step, that the order of callers and of steps does not allow: a defect of ours, survived.
    OrderBroken {
        /// Whose.
        call: CallId,
        /// What it breaks.
        rule: OrderRule,
    },
    /// A law of semantics.md section 9 was found broken: a defect of ours, survived.
    LawBroken {
        /// The law's number, 1 to 9.
        law: u8,
    },
}

macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $label:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every member, in order.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The word used in metrics, logs and reports.
            pub const fn label(self) -> &'static str {
                match self { $($name::$variant => $label),+ }
            }

            /// The position in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}
pub(crate) use closed_set;

closed_set! {
    /// What became of a new configuration.
    Reload {
        /// It came into force, all of it.
        Ok = "ok",
        /// It has mistakes, or asks for what cannot be while running: everything stays as it was.
        Failed = "failed",
    }
}
