//! The plan: who may call what, who may take it, and how long everything may last.
//!
//! Made by `config::check`, already consistent: every id in it is a position in one of its own tables. The engine
//! never changes it; a new plan is an event, laid out by [`succession`](super::succession) so that what is in both
//! keeps its id.

mod doors;
mod limits;
mod step;

pub use doors::{AtClosing, Entry, Exit};
pub use limits::{BackOff, Limits};
pub use step::{Step, StepMode};

use super::calendar::Calendar;
use super::demand::{Carried, Demand};
use super::ivr::Flow;
use super::voice::Voice;
use crate::ids::{AgentId, ClipId, DemandId, Key, PauseId, PoolId, QueueId, ServiceId, SkillId, VoiceId};
use crate::time::Duration;

/// Everything the routing engine goes by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What callers dial, by [`ServiceId`].
    pub services: Vec<Service>,
    /// Where callers wait, by [`QueueId`].
    pub queues: Vec<Queue>,
    /// Groups of agents, by [`PoolId`].
    pub pools: Vec<Pool>,
    /// Who takes calls, by [`AgentId`], in the order of the file (the order of `linear`).
    pub agents: Vec<Agent>,
    /// Why agents may pause, beside the built-in reasons; see [`PauseId::named`].
    pub pauses: Vec<Pause>,
    /// Names of skills, by [`SkillId`].
    pub skills: Vec<String>,
    /// What services and keys of menus ask of agents, by [`DemandId`].
    pub demands: Vec<Demand>,
    /// Names of clips (prompts and hold music), by [`ClipId`].
    pub clips: Vec<String>,
    /// Languages that callers are told something in, by [`VoiceId`].
    pub voices: Vec<Voice>,
    /// Opening hours, by [`crate::ids::CalendarId`].
    pub calendars: Vec<Calendar>,
    /// Bounds and delays that hold for all queues.
    pub limits: Limits,
}

/// A called number and what happens to those who dial it.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The name used as metric label: no spaces.
    pub name: String,
    /// What is dialled.
    pub number: String,
    /// The welcome message; without one, entered = received.
    pub welcome: Option<ClipId>,
    /// What callers are asked between the welcome and the queue; without it they enter at once.
    pub menu: Option<Flow>,
    /// Where callers wait; of a service with a menu, where those do whose way leads nowhere else.
    pub queue: QueueId,
    /// Its callers stand in their queue as if they had entered so much earlier. At most [`MOST_CREDIT`].
    pub priority_credit: Duration,
    /// What its callers ask of agents, in whatever queue they wait.
    pub demand: Option<DemandId>,
    /// Who is let in.
    pub entry: Entry,
    /// Removed by a reload: it takes no calls; those in its greeting go on.
    pub retired: bool,
}

/// The largest priority credit.
pub const MOST_CREDIT: Duration = Duration::from_secs(86_400);
/// The largest weight of a queue.
pub const MOST_WEIGHT: u8 = 9;

impl Service {
    /// Every way of its callers into a queue, with what they carry there, its own first.
    pub fn ways(&self) -> impl Iterator<Item = (QueueId, Carried)> + '_ {
        let carried = move |choice| Carried { service: self.demand, choice };
        let chosen = self.menu.iter().flat_map(Flow::ways).map(move |(queue, choice)| (queue, carried(choice)));
        std::iter::once((self.queue, carried(None))).chain(chosen)
    }

    /// Every queue that callers of the service can enter, its own first.
    pub fn queues(&self) -> Vec<QueueId> {
        let others = self.menu.iter().flat_map(Flow::queues).filter(|&queue| queue != self.queue);
        std::iter::once(self.queue).chain(others).collect()
    }
}

/// A queue: callers in order of seniority, and the steps by which agents become theirs.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// The name used as metric label: no spaces.
    pub name: String,
    /// Which of several ready eligible agents.
    pub strategy: Strategy,
    /// Agents of several queues serve those of the larger weight first, whoever waits longer, within
    /// [`Limits::overtaken_at_most`]. At most [`MOST_WEIGHT`].
    pub weight: u8,
    /// Its callers stand in the order as if they had entered so much earlier, beside what their service gives them.
    pub priority_credit: Duration,
    /// At least one; the first has `after` zero; `after` grows.
    pub steps: Vec<Step>,
    /// How long a phone rings, from the offer on, before the offer ends as `no_answer`. More than zero.
    pub ring: Duration,
    /// Work after a call of this queue; zero is none.
    pub wrap_up: Duration,
    /// Longest wait; the call then leaves the queue.
    pub max_wait: Duration,
    /// Where the call goes then.
    pub on_max_wait: Exit,
    /// Keys that are ways out while waiting; every key once.
    pub exits: Vec<(Key, Exit)>,
    /// A phone that rings when the longest wait is reached may ring on for so long; zero is not at all.
    pub max_wait_grace: Duration,
    /// Who calls again so soon after an answer is offered first to whoever answered last; zero is nobody.
    pub last_agent_within: Duration,
    /// For so long; then to everybody.
    pub last_agent_wait: Duration,
    /// Most calls waiting, places reserved during the greeting included.
    pub max_length: u32,
    /// Service-level thresholds T, each at its place for the whole run, those that reloads removed included. At least
    /// one, distinct, at most 8 of a configuration and [`MOST_THRESHOLDS`] in all.
    pub thresholds: Vec<Duration>,
    /// The place of the contract's threshold.
    pub contract: u8,
    /// Bit n: a reload removed threshold number n. Whoever enters after it is not judged by it; a call is judged by the
    /// thresholds of its entry.
    pub uncounted: u32,
    /// The contract's target in percent; met is strictly more.
    pub target_percent: u8,
    /// Heard while waiting.
    pub music: Option<ClipId>,
    /// Said to the agent before a caller of it is connected.
    pub whisper: Option<ClipId>,
    /// Talks are recorded, once the caller was told.
    pub recording: Option<Recording>,
    /// Said over the music, at times.
    pub announcements: Option<Announcements>,
    /// By which rules its waiting calls go on after a reload.
    pub on_reload: OnReload,
    /// Removed by a reload: nobody enters but those who were on their way, and those who wait are served.
    pub retired: bool,
}

/// The most thresholds of a queue in one run, those that reloads removed included: a bit each in [`Queue::uncounted`].
pub const MOST_THRESHOLDS: usize = 32;

impl Queue {
    /// A bit for each threshold by which callers who enter now are not judged, those that do not exist included.
    pub fn not_judged_by(&self) -> u32 {
        let beyond = u32::try_from(self.thresholds.len()).ok().and_then(|len| u32::MAX.checked_shl(len));
        self.uncounted | beyond.unwrap_or(0)
    }

    /// The places of the thresholds by which callers who enter now are judged, the contract's first.
    pub fn judged_by(&self) -> impl Iterator<Item = u8> + '_ {
        let uncounted = self.not_judged_by();
        let others = (0u8..32).filter(move |place| *place != self.contract && uncounted & (1 << place) == 0);
        std::iter::once(self.contract).chain(others)
    }
}

/// By which rules the calls waiting in a queue go on after a reload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnReload {
    /// The new ones.
    #[default]
    Follow,
    /// Those by which they waited until then: steps, strategy, ringing, longest wait.
    Keep,
}

/// How the talks of a queue are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Tells the caller; before its end nothing is recorded.
    pub notice: ClipId,
    /// The agent's key that stops and restarts it.
    pub pause_key: Key,
}

/// What callers are told while they wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcements {
    /// From entry to the first one.
    pub first: Duration,
    /// From the beginning of one to that of the next.
    pub every: Duration,
    /// The language in which they are told their place in the queue.
    pub position: Option<VoiceId>,
    /// The language in which they are told how long they will wait, where that can be estimated.
    pub estimate: Option<VoiceId>,
    /// One each time, in turn.
    pub messages: Vec<ClipId>,
}

/// Which of several ready eligible agents is rung (semantics.md section 5); agent id breaks every tie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The earliest end of the last call, wrap-up or offer, or first sign-in.
    #[default]
    LongestIdle,
    /// The order of the file, stateless.
    Linear,
    /// The least recently offered.
    RoundRobin,
    /// The fewest calls answered since sign-in, over all queues; then the least recently offered.
    FewestCalls,
    /// The least talk time since sign-in, over all queues; then the least recently offered.
    LeastTalkTime,
    /// The largest surplus over the required levels; then the longest idle.
    BestSkill,
    /// One seeded draw among them.
    Random,
    /// One seeded draw among them, each as likely as its weight says.
    WeightedRandom,
    /// All of them at once; the first to answer has the call.
    RingAll,
}

/// A group of agents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pool {
    /// `first_line`, `back_office`, `second_line.<department>`: the metric label.
    pub name: String,
    /// Said to callers before they are connected with an agent of it: where it is, if that is abroad.
    pub announce: Option<ClipId>,
}

/// A reason to pause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pause {
    /// The metric label: no spaces.
    pub name: String,
    /// A pause that lasts this long ends by itself.
    pub longest: Option<Duration>,
    /// Most agents who may pause for it at once; the next one is denied it.
    pub most_at_once: Option<u32>,
    /// Removed by a reload: those who paused for it go on, nobody else can.
    pub retired: bool,
}

/// Who takes calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    /// The number that the phone registers with; personal data, never a metric label.
    pub number: String,
    /// The one pool they belong to.
    pub pool: PoolId,
    /// What they can do, 1-100, ascending by skill, each skill once.
    pub skills: Vec<(SkillId, u8)>,
    /// Reachable from the start through a fixed contact, without registering.
    pub fixed_contact: bool,
    /// How likely `weighted_random` is to choose them, against the others' weights. At least 1.
    pub weight: u32,
    /// Their place in the order of `linear`, ties by id: after a reload, when ids do not follow the file any more.
    pub place: u32,
    /// Removed by a reload: they finish their call and sign out.
    pub retired: bool,
    /// Work after a call, instead of the queue's; zero is none.
    pub wrap_up: Option<Duration>,
    /// From the end of a talk to the next offer, at least.
    pub gap: Duration,
    /// The queues that they serve first, in this order and before seniority; then all others together.
    pub queues: Vec<QueueId>,
}

/// Who leaves a key out of a plan made by hand gets what the configuration gives.
impl Default for Queue {
    fn default() -> Queue {
        Queue {
            name: String::new(),
            strategy: Strategy::LongestIdle,
            weight: 0,
            priority_credit: Duration::ZERO,
            steps: vec![Step::default()],
            ring: Duration::from_secs(15),
            wrap_up: Duration::from_secs(5),
            max_wait: Duration::from_secs(600),
            on_max_wait: Exit::End,
            exits: Vec::new(),
            max_wait_grace: Duration::ZERO,
            last_agent_within: Duration::ZERO,
            last_agent_wait: Duration::from_secs(20),
            max_length: 100,
            thresholds: vec![Duration::from_secs(30)],
            contract: 0,
            uncounted: 0,
            target_percent: 90,
            music: None,
            on_reload: OnReload::Follow,
            retired: false,
            whisper: None,
            recording: None,
            announcements: None,
        }
    }
}

impl Default for Announcements {
    fn default() -> Announcements {
        let (first, every) = (Duration::from_secs(20), Duration::from_secs(60));
        Announcements { first, every, position: None, estimate: None, messages: Vec::new() }
    }
}

impl Default for Service {
    fn default() -> Service {
        Service {
            name: String::new(),
            number: String::new(),
            welcome: None,
            menu: None,
            queue: QueueId(0),
            priority_credit: Duration::ZERO,
            demand: None,
            entry: Entry::default(),
            retired: false,
        }
    }
}

impl Default for Agent {
    fn default() -> Agent {
        Agent {
            number: String::new(),
            pool: PoolId(0),
            skills: Vec::new(),
            fixed_contact: false,
            weight: 1,
            place: 0,
            retired: false,
            wrap_up: None,
            gap: Duration::ZERO,
            queues: Vec::new(),
        }
    }
}

impl Plan {
    /// The service that a dialled number means.
    pub fn service_by_number(&self, number: &str) -> Option<ServiceId> {
        let position = self.services.iter().position(|service| service.number == number && !service.retired)?;
        u32::try_from(position).ok().map(ServiceId)
    }

    /// The reason to pause with this name, the built-in ones included.
    pub fn pause_by_name(&self, name: &str) -> Option<PauseId> {
        let position = self.pause_names().position(|known| known == name)?;
        let id = u8::try_from(position).ok().map(PauseId)?;
        self.pause(id).is_none_or(|pause| !pause.retired).then_some(id)
    }

    /// The names of all reasons to pause, by [`PauseId`].
    pub fn pause_names(&self) -> impl Iterator<Item = &str> {
        PauseId::BUILT_IN.into_iter().chain(self.pauses.iter().map(|pause| pause.name.as_str()))
    }

    /// What the plan says about a reason to pause; nothing about the built-in ones.
    pub fn pause(&self, id: PauseId) -> Option<&Pause> {
        self.pauses.get(id.index().checked_sub(PauseId::BUILT_IN.len())?)
    }

    /// The agent with this number.
    pub fn agent_by_number(&self, number: &str) -> Option<AgentId> {
        let position = self.agents.iter().position(|agent| agent.number == number)?;
        u32::try_from(position).ok().map(AgentId)
    }
}
