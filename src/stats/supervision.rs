//! What supervisors' tools read at `/stats`: a page of now, of the last minutes, of today and of the whole run.
//!
//! The schema is stable: members may be added under the same [`SCHEMA`] number, never renamed, removed or given another
//! meaning. Lengths of time are seconds, ratios go from 0 to 1, what is undefined (nothing to divide by, nothing
//! recorded) is null. There is nothing in it about a single call or a single agent.

use super::layout::{GreetingEnd, LAWS, Layout, QueueSlots, ThresholdSlots, VisitEnd};
use super::live::LiveLayout;
use super::percentiles::{QueueTime, Summary};
use super::service_level::Events;
use super::windows::Window;
use crate::facts::{AgentState, OrderRule, Refusal};
use crate::ids::{PoolId, QueueId};
use crate::time::{Duration, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The number of the schema described here.
pub const SCHEMA: u32 = 1;

/// The whole page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When the page was made, as RFC 3339 in the service's time zone.
    pub time: String,
    /// The service's time zone, by its IANA name.
    pub time_zone: String,
    /// Seconds since the daemon started.
    pub uptime_seconds: f64,
    /// Seconds since the engine last published; well below one, or the page is old.
    pub age_seconds: f64,
    /// What must stay 0.
    pub violations: Violations,
    /// By position in the plan.
    pub services: Vec<Service>,
    /// By position in the plan.
    pub queues: Vec<Queue>,
    /// By position in the plan.
    pub pools: Vec<Pool>,
    /// Calls to numbers that are no service, by reason.
    pub refused_without_service: Windows<BTreeMap<String, u64>>,
}

/// Something over every window. A window is what was counted between its beginning and now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Windows<T> {
    /// The running minute and the 14 before it.
    #[serde(rename = "15m")]
    pub quarter: T,
    /// The running minute and the 59 before it.
    #[serde(rename = "1h")]
    pub hour: T,
    /// From midnight in the service's time zone. Without a ledger from the start of the daemon if that was later; with one,
    /// calls of the day that were over before the start are counted, too, but not in percentiles.
    pub today: T,
    /// From the start of the daemon.
    pub since_start: T,
}

/// Defects found by the engine in itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violations {
    /// Offers and steps out of order.
    pub order: u64,
    /// Laws found broken.
    pub laws: u64,
}

/// What became of a service's calls before they entered a queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// As the configuration calls it.
    pub name: String,
    /// Calls in the greeting now.
    pub in_greeting: u64,
    /// Over every window.
    pub windows: Windows<Arrivals>,
}

/// A service's calls in a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrivals {
    /// How many seconds the window covers.
    pub covers_seconds: f64,
    /// Accepted by the open service.
    pub received: u64,
    /// Never received, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Hung up before entering a queue.
    pub left_in_greeting: u64,
    /// Finished by the flow before any queue.
    pub ended_in_menu: u64,
    /// Failed by us before any queue.
    pub failed_in_greeting: u64,
    /// Put in a queue.
    pub entered: u64,
    /// Left a queue before the answer.
    pub abandoned: u64,
    /// (abandoned + left in greeting) / received.
    pub abandonment_with_greeting_ratio: Option<f64>,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// As the configuration calls it.
    pub name: String,
    /// The service level to be exceeded, strictly, under the contract's threshold.
    pub target_ratio: f64,
    /// Now.
    pub now: QueueNow,
    /// Over every window.
    pub windows: Windows<Visits>,
}

/// A queue at this moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueNow {
    /// Calls waiting, ringing ones included.
    pub waiting: u64,
    /// Offers that ring.
    pub ringing: u64,
    /// Answered calls that are not over.
    pub talking: u64,
    /// Wait so far of the longest waiting call; null when nobody waits.
    pub oldest_wait_seconds: Option<f64>,
}

/// A queue's calls in a window. Calls count where their events are: one that entered before the window and was
/// answered in it is an answered call of the window, not an entered one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visits {
    /// How many seconds the window covers.
    pub covers_seconds: f64,
    /// Put in the queue.
    pub entered: u64,
    /// Answered by an agent.
    pub answered: u64,
    /// The caller left before the answer.
    pub abandoned: u64,
    /// Left for something other than an agent.
    pub flowed_out: u64,
    /// Failed by us.
    pub failed: u64,
    /// abandoned / entered.
    pub abandonment_ratio: Option<f64>,
    /// ASA: mean wait of the answered calls.
    pub average_speed_of_answer_seconds: Option<f64>,
    /// Those in force now, the contract's first.
    pub thresholds: Vec<Threshold>,
    /// Distributions of times.
    pub times: QueueTimes,
}

/// Service-level events under one threshold in a window:
/// `entered + pending_at_start = hit + miss + excused + pending`, but for calls that entered before a reload brought T.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// T.
    pub threshold_seconds: f64,
    /// Answered within T.
    pub hit: u64,
    /// Late, or failed by us.
    pub miss: u64,
    /// Abandoned or flowed out within T.
    pub excused: u64,
    /// Waiting within T now.
    pub pending: u64,
    /// Waiting within T when the window began.
    pub pending_at_start: u64,
    /// hit / (hit + miss).
    pub service_level_ratio: Option<f64>,
    /// Whether the service level is strictly above the queue's target; decided on the integers.
    pub target_met: Option<bool>,
}

/// A queue's times in a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueTimes {
    /// Waits of answered calls.
    pub wait: Times,
    /// How long phones rang, whatever the outcome.
    pub ring: Times,
    /// How long answered calls talked.
    pub talk: Times,
    /// From the moment a call and an agent could meet to the INVITE.
    pub dispatch: Times,
}

/// A distribution; exact to two digits (less than 1 % too much).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// How many were recorded.
    pub count: u64,
    /// Half are not longer.
    pub p50_seconds: Option<f64>,
    /// 80 % are not longer.
    pub p80_seconds: Option<f64>,
    /// 90 % are not longer.
    pub p90_seconds: Option<f64>,
    /// 95 % are not longer.
    pub p95_seconds: Option<f64>,
    /// 99 % are not longer.
    pub p99_seconds: Option<f64>,
    /// The longest.
    pub max_seconds: Option<f64>,
}

/// A pool of agents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// As the configuration calls it.
    pub name: String,
    /// Agents now in each state.
    pub agents: BTreeMap<String, u64>,
    /// Agents now paused, by reason.
    pub paused: BTreeMap<String, u64>,
    /// Work after calls, over every window.
    pub wrap_up: Windows<Times>,
}

/// The wall clock's part of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Civil {
    /// As RFC 3339.
    pub time: String,
    /// By its IANA name.
    pub time_zone: String,
}

/// Two copies, the live one made first, and what they mean.
pub struct Copies<'a> {
    /// Places of the tally's numbers.
    pub layout: &'a Layout,
    /// The tally's numbers.
    pub tally: &'a [u64],
    /// Places of the windows' and percentiles' numbers.
    pub live_layout: &'a LiveLayout,
    /// The windows' and percentiles' numbers.
    pub live: &'a [u64],
    /// When the copies were made.
    pub now: Time,
}

impl Copies<'_> {
    /// The page.
    pub fn page(&self, civil: Civil) -> Page {
        let shape = &self.layout.shape;
        let as_of = Time::from_nanos(self.at(self.layout.as_of));
        Page {
            schema: SCHEMA,
            time: civil.time,
            time_zone: civil.time_zone,
            uptime_seconds: self.covers(Window::Start),
            age_seconds: self.now.since(as_of).as_secs_f64(),
            violations: Violations {
                order: OrderRule::ALL.iter().map(|rule| self.at(self.layout.order + rule.index())).sum(),
                laws: (0..LAWS).map(|law| self.at(self.layout.laws + law)).sum(),
            },
            services: (0..shape.services.len()).map(|service| self.service(service)).collect(),
            queues: (0..).map(QueueId).take(shape.queues.len()).map(|queue| self.queue(queue)).collect(),
            pools: (0..).map(PoolId).take(shape.pools.len()).map(|pool| self.pool(pool)).collect(),
            refused_without_service: each(|window| self.refused(window, self.layout.refused_without_service)),
        }
    }

    fn service(&self, service: usize) -> Service {
        let name = self.layout.shape.services[service].name.clone();
        let in_greeting = self.at(self.layout.services[service].in_greeting);
        Service { name, in_greeting, windows: each(|window| self.arrivals(service, window)) }
    }

    fn arrivals(&self, service: usize, window: Window) -> Arrivals {
        let slots = &self.layout.services[service];
        let routes = || self.layout.routes.iter().filter(|route| route.service.index() == service);
        let ended = |end: GreetingEnd| self.counted(window, slots.greeting_ends + end.index());
        let received = self.counted(window, slots.received);
        let left_in_greeting = ended(GreetingEnd::LeftInGreeting);
        let abandoned =
            routes().map(|route| self.counted(window, route.finished + VisitEnd::Abandoned.index())).sum::<u64>();
        Arrivals {
            covers_seconds: self.covers(window),
            received,
            refused: self.refused(window, slots.refused),
            left_in_greeting,
            ended_in_menu: ended(GreetingEnd::EndedInMenu),
            failed_in_greeting: ended(GreetingEnd::FailedInGreeting),
            entered: routes().map(|route| self.counted(window, route.entered)).sum(),
            abandoned,
            abandonment_with_greeting_ratio: ratio(abandoned + left_in_greeting, received),
        }
    }

    fn refused(&self, window: Window, base: usize) -> BTreeMap<String, u64> {
        let by_reason = |reason: &Refusal| (reason.label().to_owned(), self.counted(window, base + reason.index()));
        Refusal::ALL.iter().map(by_reason).collect()
    }

    fn queue(&self, queue: QueueId) -> Queue {
        let (shape, slots) = (&self.layout.shape.queues[queue.index()], &self.layout.queues[queue.index()]);
        let oldest = || self.now.since(Time::from_nanos(self.at(slots.oldest))).as_secs_f64();
        let waiting = self.at(slots.waiting);
        Queue {
            name: shape.name.clone(),
            target_ratio: f64::from(shape.target_percent) / 100.0,
            now: QueueNow {
                waiting,
                ringing: slots.steps.iter().map(|step| self.at(step.ringing)).sum(),
                talking: self.at(slots.talking),
                oldest_wait_seconds: (waiting > 0).then(oldest),
            },
            windows: each(|window| self.visits(queue, slots, window)),
        }
    }

    fn visits(&self, queue: QueueId, slots: &QueueSlots, window: Window) -> Visits {
        let shape = &self.layout.shape.queues[queue.index()];
        let routes = || self.layout.routes.iter().filter(|route| route.queue == queue);
        let ended =
            |end: VisitEnd| routes().map(|route| self.counted(window, route.finished + end.index())).sum::<u64>();
        let entered = routes().map(|route| self.counted(window, route.entered)).sum();
        let (answered, abandoned) = (ended(VisitEnd::Answered), ended(VisitEnd::Abandoned));
        let waited = Duration::from_nanos(self.counted(window, slots.waits[VisitEnd::Answered.index()].sum()));
        let thresholds = shape.judged_by().filter_map(|(place, limit)| Some((limit, slots.thresholds.get(place)?)));
        let times = |time| times(self.live_layout.queue(self.live, queue, time, window));
        Visits {
            covers_seconds: self.covers(window),
            entered,
            answered,
            abandoned,
            flowed_out: ended(VisitEnd::FlowedOut),
            failed: ended(VisitEnd::Failed),
            abandonment_ratio: ratio(abandoned, entered),
            average_speed_of_answer_seconds: (answered > 0).then(|| waited.as_secs_f64() / answered as f64),
            thresholds: thresholds.map(|(t, slots)| self.threshold(t, slots, shape.target_percent, window)).collect(),
            times: QueueTimes {
                wait: times(QueueTime::Wait),
                ring: times(QueueTime::Ring),
                talk: times(QueueTime::Talk),
                dispatch: times(QueueTime::Dispatch),
            },
        }
    }

    fn threshold(&self, limit: Duration, slots: &ThresholdSlots, target_percent: u8, window: Window) -> Threshold {
        let events = Events {
            hit: self.counted(window, slots.hit),
            miss: self.counted(window, slots.miss),
            excused: self.counted(window, slots.excused),
            pending: self.at(slots.pending),
        };
        Threshold {
            threshold_seconds: limit.as_secs_f64(),
            hit: events.hit,
            miss: events.miss,
            excused: events.excused,
            pending: events.pending,
            pending_at_start: self.live_layout.beginning(self.live, window, slots.pending),
            service_level_ratio: ratio(events.hit, events.hit + events.miss),
            target_met: events.met(target_percent),
        }
    }

    fn pool(&self, pool: PoolId) -> Pool {
        let slots = &self.layout.pools[pool.index()];
        let paused = slots.pauses.iter().map(|pause| self.at(pause.agents));
        let agents = |state: &AgentState| (state.label().to_owned(), self.at(slots.agents + state.index()));
        Pool {
            name: self.layout.shape.pools[pool.index()].name.clone(),
            agents: AgentState::ALL.iter().map(agents).collect(),
            paused: self.layout.shape.pauses.iter().cloned().zip(paused).collect(),
            wrap_up: each(|window| times(self.live_layout.wrap_up(self.live, pool, window))),
        }
    }

    fn at(&self, slot: usize) -> u64 {
        self.tally.get(slot).copied().unwrap_or(0)
    }

    /// What a counter counted in the window.
    fn counted(&self, window: Window, slot: usize) -> u64 {
        self.live_layout.counted(self.live, window, slot, self.at(slot))
    }

    fn covers(&self, window: Window) -> f64 {
        self.live_layout.covers(self.live, window, self.now).as_secs_f64()
    }
}

fn each<T>(make: impl Fn(Window) -> T) -> Windows<T> {
    Windows {
        quarter: make(Window::Quarter),
        hour: make(Window::Hour),
        today: make(Window::Today),
        since_start: make(Window::Start),
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn times(summary: Summary) -> Times {
    let seconds = |nanos: u64| (summary.count > 0).then(|| Duration::from_nanos(nanos).as_secs_f64());
    let [p50, p80, p90, p95, p99] = summary.percentiles.map(seconds);
    Times {
        count: summary.count,
        p50_seconds: p50,
        p80_seconds: p80,
        p90_seconds: p90,
        p95_seconds: p95,
        p99_seconds: p99,
        max_seconds: seconds(summary.max),
    }
}
