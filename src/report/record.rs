//! The durable record of one interaction: everything that happened to one caller, under the names of its day, so that
//! it can be read when the plan has long changed.
//!
//! ```text
//!   interaction ─┬─ refused, left in greeting, ended in menu, failed
//!                └─ visits: one stay in one queue ─┬─ steps, offers
//!                                                  └─ talk ── legs: each agent's part of it
//!   pause
//! ```
//! No name of a person and no number of a caller is in it: the caller is a keyed pseudonym, the agent is known by the
//! pool alone unless an agreement says otherwise (semantics.md section 7).

use crate::facts::{FlowOut, OfferOutcome, Party, Refusal, StepTrigger};
use crate::ids::{CallId, Reference};
use crate::time::{Duration, Time};
use std::sync::Arc;

/// A name of a service, a queue, a pool or an agent; shared, because few names stand in many records.
pub type Name = Arc<str>;

/// A moment on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The engine's: for lengths of time.
    pub at: Time,
    /// Civil: nanoseconds since 1970 in UTC, for days and months.
    pub utc: i64,
}

impl Moment {
    /// The moment so long after this one.
    pub fn after(self, length: Duration) -> Moment {
        let nanos = i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
        Moment { at: self.at + length, utc: self.utc.saturating_add(nanos) }
    }
}

/// Everything that happened to one caller, once it is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Interaction {
    /// The run or the imported history it comes from; with `call` it names the interaction for good.
    pub origin: Name,
    /// The engine's call id, or the row number of imported history. Refused calls have none.
    pub call: Option<CallId>,
    /// What was dialled; absent when the number is no service.
    pub service: Option<Name>,
    /// Who called, as far as it may be kept.
    pub caller: Option<Pseudonym>,
    /// The number that the caller gave, as far as it may be kept.
    pub reference: Option<Reference>,
    /// The version of the configuration that was in force.
    pub config: Name,
    /// At the switch: the regulators' clock starts here.
    pub arrived: Moment,
    /// When an open service accepted it and the welcome began; absent when it was refused.
    pub received: Option<Moment>,
    /// When the caller's leg was over.
    pub ended: Moment,
    /// How it went before any queue.
    pub ending: Ending,
    /// Stays in queues, in order; none unless it entered.
    pub visits: Vec<Visit>,
}

/// How an interaction went as far as the queue's door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was never received.
    Refused(Refusal),
    /// The caller hung up before entering.
    LeftInGreeting {
        /// Without a BYE.
        lost: bool,
    },
    /// The flow finished the call.
    EndedInMenu,
    /// We failed before it entered.
    FailedInGreeting,
    /// It entered a queue: the visits say what became of it.
    Entered,
}

/// One stay in one queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// The service that took the caller over; absent when it is the one that was dialled.
    pub service: Option<Name>,
    /// Where it waited.
    pub queue: Name,
    /// The wait clock's start.
    pub entered: Moment,
    /// To the answer, or to leaving; whole nanoseconds.
    pub waited: Duration,
    /// How it ended.
    pub outcome: VisitOutcome,
    /// The thresholds of that day in the queue's order, the contract's first, and whether each had passed while the
    /// call waited: the official figure of the day, whatever the configuration says later.
    pub thresholds: Vec<ThresholdOfTheDay>,
    /// The contract's target of that day, in percent.
    pub target_percent: u8,
    /// Tier steps that opened while it waited.
    pub steps: Vec<StepOpened>,
    /// Phones that rang for it, in order; at most [`MOST_OFFERS`], the first ones.
    pub offers: Vec<Offer>,
    /// Offers beyond [`MOST_OFFERS`].
    pub offers_left_out: u32,
    /// What followed the answer; present if and only if it was answered.
    pub talk: Option<Talk>,
}

/// Most offers that are kept of one visit.
pub const MOST_OFFERS: usize = 64;

/// Most steps that are kept of one visit.
pub const MOST_STEPS: usize = 32;

/// How a stay in a queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VisitOutcome {
    /// An agent took the call.
    Answered,
    /// The caller left.
    Abandoned {
        /// Without a BYE.
        lost: bool,
    },
    /// It left for something other than an agent of the queue.
    FlowedOut(FlowOut),
    /// We failed.
    Failed,
}

/// A threshold as it was that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThresholdOfTheDay {
    /// T.
    pub length: Duration,
    /// Whether it passed while the call waited: a miss, for good.
    pub passed: bool,
}

/// A tier step that opened to a waiting call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepOpened {
    /// When.
    pub at: Time,
    /// Position in the queue's list of steps.
    pub step: u8,
    /// What opened it.
    pub trigger: StepTrigger,
}

/// One ringing of one agent's phone.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The agent's pool.
    pub pool: Name,
    /// Whose phone; only under an agreement.
    pub agent: Option<Name>,
    /// The tier step that allowed it.
    pub step: u8,
    /// When it was made.
    pub made: Time,
    /// To its outcome.
    pub rang: Duration,
    /// How it ended.
    pub outcome: OfferOutcome,
}

/// What followed an answer: the times of all agents who had the caller together, under the name of who answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Talk {
    /// The agent's pool.
    pub pool: Name,
    /// Who answered; only under an agreement.
    pub agent: Option<Name>,
    /// Talking with the caller, hold and consultation excluded.
    pub talked: Duration,
    /// The caller on hold.
    pub held: Duration,
    /// The agent asking a colleague.
    pub consulted: Duration,
    /// Work after the call; absent when there was none.
    pub wrap_up: Option<Duration>,
    /// Which side hung up. History that does not say counts as the caller.
    pub ended_by: Party,
    /// Each agent's part, in the order in which they were done with the caller; empty when one agent had the caller alone.
    /// At most [`MOST_LEGS`]: what comes after is added to the last.
    pub legs: Vec<TalkLeg>,
}

/// One agent's part of a talk: it ends when the caller is passed on.
#[derive(Clone, Debug, PartialEq)]
pub struct TalkLeg {
    /// The agent's pool.
    pub pool: Name,
    /// Who it was; only under an agreement.
    pub agent: Option<Name>,
    /// Talking with the caller, hold and consultation excluded.
    pub talked: Duration,
    /// The caller on hold.
    pub held: Duration,
    /// The agent asking a colleague.
    pub consulted: Duration,
    /// Work after it; absent when there was none.
    pub wrap_up: Option<Duration>,
}

/// Most agents of one talk who are told apart.
pub const MOST_LEGS: usize = 32;

impl Talk {
    /// Each agent's part; one at least.
    pub fn parts(&self) -> Vec<TalkLeg> {
        if !self.legs.is_empty() {
            return self.legs.clone();
        }
        let (pool, agent) = (self.pool.clone(), self.agent.clone());
        let Talk { talked, held, consulted, wrap_up, .. } = *self;
        vec![TalkLeg { pool, agent, talked, held, consulted, wrap_up }]
    }
}

impl TalkLeg {
    /// Talk, hold, consultation and the work after it.
    pub fn handled(&self) -> Duration {
        self.talked + self.held + self.consulted + self.wrap_up.unwrap_or_default()
    }
}

/// An agent's pause for one reason, once it is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    /// The agent's pool.
    pub pool: Name,
    /// Who paused; only under an agreement.
    pub agent: Option<Name>,
    /// Why.
    pub reason: Name,
    /// When it began.
    pub began: Moment,
    /// How long it was for this reason.
    pub lasted: Duration,
    /// It was as long as the reason allows, and ended by itself.
    pub limit_reached: bool,
}

impl Pause {
    /// How much of it lies between these moments (nanoseconds since 1970 UTC, the end excluded).
    pub fn within(&self, period: &std::ops::Range<i64>) -> Duration {
        let (from, to) = (self.began.utc.max(period.start), self.began.after(self.lasted).utc.min(period.end));
        Duration::from_nanos(u64::try_from(to.saturating_sub(from)).unwrap_or(0))
    }
}

/// A caller under a key that is thrown away: equal for calls of one number under one key, and no way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym {
    /// Number of the key.
    pub key: u32,
    /// The first half of the HMAC-SHA-256 of the number.
    pub digest: [u8; 16],
}

impl Interaction {
    /// The moment by which the interaction belongs to a day and a month: the entry into its first queue, or when it
    /// ended without one (semantics.md section 2).
    pub fn filed(&self) -> Moment {
        self.visits.first().map_or(self.ended, |visit| visit.entered)
    }

    /// The closed word for what became of it: that of the last visit, or of the greeting, or `refused`.
    pub fn outcome(&self) -> &'static str {
        match (self.ending, self.visits.last()) {
            (Ending::Entered, Some(visit)) => visit.outcome.label(),
            (ending, _) => ending.label(),
        }
    }

    /// The finer word beside the outcome: why it was refused, where it flowed, that it was lost.
    pub fn detail(&self) -> Option<&'static str> {
        match (self.ending, self.visits.last().map(|visit| visit.outcome)) {
            (Ending::Refused(reason), _) => Some(reason.label()),
            (Ending::LeftInGreeting { lost: true }, _) => Some(LOST),
            (Ending::Entered, Some(VisitOutcome::FlowedOut(to))) => Some(to.label()),
            (Ending::Entered, Some(VisitOutcome::Abandoned { lost: true })) => Some(LOST),
            _ => None,
        }
    }

    /// From arrival at the switch to the answer: the regulators' clock.
    pub fn answered_after(&self) -> Option<Duration> {
        let visit = self.visits.iter().find(|visit| visit.outcome == VisitOutcome::Answered)?;
        Some((visit.entered.at + visit.waited).since(self.arrived.at))
    }
}

/// The detail of a caller who was gone without a BYE.
pub const LOST: &str = "lost";

impl Ending {
    /// The word used in ledgers and reports.
    pub const fn label(self) -> &'static str {
        match self {
            Ending::Refused(_) => "refused",
            Ending::LeftInGreeting { .. } => "left_in_greeting",
            Ending::EndedInMenu => "ended_in_menu",
            Ending::FailedInGreeting => "failed_in_greeting",
            Ending::Entered => "entered",
        }
    }
}

impl VisitOutcome {
    /// The word used in ledgers and reports.
    pub const fn label(self) -> &'static str {
        match self {
            VisitOutcome::Answered => "answered",
            VisitOutcome::Abandoned { .. } => "abandoned",
            VisitOutcome::FlowedOut(_) => "flowed_out",
            VisitOutcome::Failed => "failed",
        }
    }
}
