//! What the plan says for all queues: bounds, delays, the agents' key.

use crate::facts::OfferOutcome;
use crate::ids::Key;
use crate::time::Duration;

/// What holds for all queues; each has a named key in the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Most calls at once, greeting, waiting and talking together.
    pub channels: u32,
    /// An offered phone must ring within this, else `unreachable` (semantics.md section 6).
    pub setup_timeout: Duration,
    /// From the winning 200, or the end of what is said first, to joined media.
    pub join_timeout: Duration,
    /// Whatever is said before that has an end after so long.
    pub prelude_max: Duration,
    /// An agent's phone that was told to stop ringing must give its final answer within this (64*T1).
    pub settle_timeout: Duration,
    /// A caller whose welcome has not ended by then enters the queue all the same.
    pub greeting_max: Duration,
    /// Added to every threshold's timer, so that an answer received in time and handled late is still a hit.
    pub threshold_grace: Duration,
    /// An agent may ask a colleague for so long; then the colleague is hung up.
    pub consult_max: Duration,
    /// The agents' key that lets them, the caller and the colleague who is asked hear each other, and no longer.
    pub conference_key: Option<Key>,
    /// Whoever comes back into a queue within so long stands at the old place, later at a new one.
    pub reentry_grace: Duration,
    /// So many `no_answer` in a row pause the agent; 0 never.
    pub misses_to_pause: u32,
    /// So many times a caller may be overtaken by callers of heavier queues, then it goes before all who came later.
    pub overtaken_at_most: u32,
    /// Most callers of whom is remembered who answered them last.
    pub callers_remembered: u32,
    /// Work after a call that an agent extends ends so long after the call at the latest.
    pub wrap_up_max: Duration,
    /// How long this call is not offered to this agent again, after each outcome.
    pub back_off: BackOff,
    /// How long no call at all is offered to this agent, after each outcome.
    pub agent_delay: BackOff,
}

/// Per-cause delay before an agent is offered the same call, or any call, again.
#[derive(Clone, Debug, PartialEq)]
pub struct BackOff {
    /// After `no_answer`.
    pub no_answer: Duration,
    /// After `busy`.
    pub busy: Duration,
    /// After `rejected`.
    pub rejected: Duration,
    /// After `unreachable` and `failed`; for the same call less than a second counts as one.
    pub unreachable: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            channels: 1_000,
            setup_timeout: Duration::from_secs(4),
            join_timeout: Duration::from_secs(2),
            prelude_max: Duration::from_secs(20),
            settle_timeout: Duration::from_secs(32),
            greeting_max: Duration::from_secs(300),
            threshold_grace: Duration::from_millis(20),
            consult_max: Duration::from_secs(600),
            conference_key: None,
            reentry_grace: Duration::from_secs(120),
            misses_to_pause: 3,
            overtaken_at_most: 3,
            callers_remembered: 10_000,
            wrap_up_max: Duration::from_secs(600),
            back_off: BackOff::default(),
            agent_delay: BackOff::NONE,
        }
    }
}

impl BackOff {
    /// No delay at all.
    pub const NONE: BackOff = BackOff {
        no_answer: Duration::ZERO,
        busy: Duration::ZERO,
        rejected: Duration::ZERO,
        unreachable: Duration::ZERO,
    };

    /// The delay after an outcome; `None` for those that are nobody's refusal.
    pub fn after(&self, outcome: OfferOutcome) -> Option<Duration> {
        match outcome {
            OfferOutcome::NoAnswer => Some(self.no_answer),
            OfferOutcome::Busy => Some(self.busy),
            OfferOutcome::Rejected => Some(self.rejected),
            OfferOutcome::Unreachable | OfferOutcome::Failed => Some(self.unreachable),
            OfferOutcome::Accepted | OfferOutcome::LostRace | OfferOutcome::CallerGone | OfferOutcome::Withdrawn => {
                None
            }
        }
    }
}

impl Default for BackOff {
    fn default() -> BackOff {
        BackOff {
            no_answer: Duration::from_secs(5),
            busy: Duration::from_secs(5),
            rejected: Duration::from_secs(10),
            unreachable: Duration::from_secs(10),
        }
    }
}
