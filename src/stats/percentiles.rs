//! Percentiles of the times that callers and agents notice, over the last minutes, today and the whole run.
//!
//! Histograms of two significant digits (an error below 1 %), bounded whatever comes: the minutes of the last hour are
//! kept as the short lists of what was recorded in them. Fed by those who read facts, away from the engine; it is told
//! when a minute or a day is over and reads no clock. Counts nothing that decides: that is the tally's.

use super::windows::{HOUR_MINUTES, QUARTER_MINUTES, Window};
use crate::facts::{AgentState, Fact, Record, closed_set};
use crate::ids::{PoolId, QueueId};
use crate::time::Duration;
use hdrhistogram::Histogram;
use std::collections::VecDeque;

closed_set! {
    /// A time of which there are percentiles by queue.
    QueueTime {
        /// Waits of answered calls.
        Wait = "wait",
        /// How long phones rang, whatever the outcome.
        Ring = "ring",
        /// How long answered calls talked.
        Talk = "talk",
        /// From the moment a call and an agent could meet to the INVITE.
        Dispatch = "dispatch",
    }
}

/// The percentiles that are shown, in ascending order; the greatest value comes after them.
pub const PERCENTS: [u8; 5] = [50, 80, 90, 95, 99];

/// One distribution in a few numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many times were recorded; without any the others are 0 and mean nothing.
    pub count: u64,
    /// By position in [`PERCENTS`], in nanoseconds.
    pub percentiles: [u64; PERCENTS.len()],
    /// The greatest, in nanoseconds.
    pub max: u64,
}

/// All distributions.
pub struct Percentiles {
    queues: Vec<[Recent; TIMES.len()]>,
    wrap_ups: Vec<Recent>,
}

impl Percentiles {
    /// Nothing recorded yet.
    pub fn new(queues: usize, pools: usize) -> Percentiles {
        let queue = || TIMES.map(|time| Recent::new(unit(time)));
        Percentiles {
            queues: (0..queues).map(|_| queue()).collect(),
            wrap_ups: (0..pools).map(|_| Recent::new(MILLISECOND)).collect(),
        }
    }

    /// A reload: so many queues and pools from now on, those known before first.
    pub fn grow(&mut self, queues: usize, pools: usize) {
        let Percentiles { queues: more, wrap_ups } =
            Percentiles::new(queues.saturating_sub(self.queues.len()), pools.saturating_sub(self.wrap_ups.len()));
        self.queues.extend(more);
        self.wrap_ups.extend(wrap_ups);
    }

    /// Records what a fact says about times.
    pub fn read(&mut self, record: &Record) {
        match record.fact {
            Fact::CallAnswered { queue, waited, .. } => self.record(queue, QueueTime::Wait, waited),
            Fact::OfferEnded { queue, rang, .. } => self.record(queue, QueueTime::Ring, rang),
            Fact::CallEnded { queue, talked, .. } => self.record(queue, QueueTime::Talk, talked),
            Fact::AgentStateChanged { pool, from: AgentState::WrapUp, lasted, .. } => self.wrapped_up(pool, lasted),
            _ => {}
        }
    }

    /// The INVITE of an offer was sent, so long after call and agent could first have met.
    pub fn dispatched(&mut self, queue: QueueId, after: Duration) {
        self.record(queue, QueueTime::Dispatch, after);
    }

    fn record(&mut self, queue: QueueId, time: QueueTime, length: Duration) {
        if let Some(times) = self.queues.get_mut(queue.index()) {
            times[time.index()].record(length);
        }
    }

    fn wrapped_up(&mut self, pool: PoolId, length: Duration) {
        if let Some(times) = self.wrap_ups.get_mut(pool.index()) {
            times.record(length);
        }
    }

    /// A minute is over.
    pub fn minute(&mut self) {
        self.queues.iter_mut().flatten().chain(&mut self.wrap_ups).for_each(Recent::minute);
    }

    /// A day is over.
    pub fn day(&mut self) {
        self.queues.iter_mut().flatten().chain(&mut self.wrap_ups).for_each(Recent::day);
    }

    /// A queue's times in a window.
    pub fn queue(&self, queue: QueueId, time: QueueTime, window: Window) -> Summary {
        self.queues.get(queue.index()).map(|times| times[time.index()].summary(window)).unwrap_or_default()
    }

    /// A pool's work after calls in a window.
    pub fn wrap_up(&self, pool: PoolId, window: Window) -> Summary {
        self.wrap_ups.get(pool.index()).map(|times| times.summary(window)).unwrap_or_default()
    }
}

const TIMES: [QueueTime; 4] = [QueueTime::Wait, QueueTime::Ring, QueueTime::Talk, QueueTime::Dispatch];

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
/// The greatest value a histogram holds, in its unit: 24 h in milliseconds, 86 s in microseconds.
const MOST_UNITS: u64 = 86_400_000;

/// What a histogram of such times counts in, in nanoseconds.
const fn unit(time: QueueTime) -> u64 {
    match time {
        QueueTime::Wait | QueueTime::Ring | QueueTime::Talk => MILLISECOND,
        QueueTime::Dispatch => MICROSECOND,
    }
}

/// One distribution over every window.
struct Recent {
    /// Nanoseconds of one step of the histograms.
    unit: u64,
    /// By [`Window`].
    windows: [Histogram<u32>; Window::ALL.len()],
    /// What the running minute recorded: (value, count), ascending.
    running: Minute,
    /// The minutes before it, the last one at the end.
    over: VecDeque<Minute>,
}

type Minute = Vec<(u64, u32)>;

impl Recent {
    fn new(unit: u64) -> Recent {
        let bounded = || Histogram::new_with_bounds(1, MOST_UNITS, 2).expect("sound bounds");
        Recent { unit, windows: Window::ALL_IN_ORDER.map(|_| bounded()), running: Minute::new(), over: VecDeque::new() }
    }

    fn record(&mut self, length: Duration) {
        // Up, so that what is above a limit never looks as if it were within.
        let units = super::histogram::nanos(length).div_ceil(self.unit).min(MOST_UNITS);
        self.windows.iter_mut().for_each(|window| window.saturating_record(units));
        // Equivalent values share an entry: as many entries as the histogram has places are the most there can be.
        let value = self.windows[0].highest_equivalent(units).min(MOST_UNITS);
        match self.running.binary_search_by_key(&value, |(value, _)| *value) {
            Ok(place) => self.running[place].1 = self.running[place].1.saturating_add(1),
            Err(place) => self.running.insert(place, (value, 1)),
        }
    }

    fn minute(&mut self) {
        self.over.push_back(std::mem::take(&mut self.running));
        if self.over.len() >= HOUR_MINUTES {
            self.over.pop_front();
        }
        for (window, minutes) in [(Window::Quarter, QUARTER_MINUTES), (Window::Hour, HOUR_MINUTES)] {
            let histogram = &mut self.windows[window.index()];
            histogram.reset();
            // The running minute, empty now, is one of them.
            for (value, count) in self.over.iter().rev().take(minutes - 1).flatten() {
                histogram.saturating_record_n(*value, *count);
            }
        }
    }

    fn day(&mut self) {
        self.windows[Window::Today.index()].reset();
    }

    fn summary(&self, window: Window) -> Summary {
        let histogram = &self.windows[window.index()];
        if histogram.is_empty() {
            return Summary::default();
        }
        let nanos = |units: u64| units.min(MOST_UNITS).saturating_mul(self.unit);
        let mut percentiles = [0; PERCENTS.len()];
        let quantiles = PERCENTS.iter().map(|percent| f64::from(*percent) / 100.0);
        for (place, units) in percentiles.iter_mut().zip(histogram.value_at_quantiles(quantiles)) {
            *place = nanos(units);
        }
        Summary { count: histogram.len(), percentiles, max: nanos(histogram.max()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AgentId, CallId};
    use crate::time::Time;
    use proptest::prelude::*;

    const QUEUE: QueueId = QueueId(0);

    fn answered(waited: Duration) -> Record {
        let (call, pool, agent) = (CallId(1), PoolId(0), AgentId(0));
        Record { at: Time::ZERO, fact: Fact::CallAnswered { call, queue: QUEUE, pool, agent, waited } }
    }

    fn seconds(nanos: u64) -> f64 {
        nanos as f64 / 1e9
    }

    #[test]
    fn hundred_waits_have_the_percentiles_one_expects() {
        let mut percentiles = Percentiles::new(1, 1);
        (1..=100).for_each(|wait| percentiles.read(&answered(Duration::from_secs(wait))));
        let summary = percentiles.queue(QUEUE, QueueTime::Wait, Window::Start);
        assert_eq!(summary.count, 100);
        for (found, exact) in summary.percentiles.into_iter().zip(PERCENTS) {
            let exact = f64::from(exact);
            assert!((exact..=exact * 1.01).contains(&seconds(found)), "{found} for {exact}");
        }
        assert!((100.0..=101.0).contains(&seconds(summary.max)));
        assert_eq!(percentiles.queue(QUEUE, QueueTime::Ring, Window::Start), Summary::default());
        assert_eq!(percentiles.queue(QueueId(9), QueueTime::Wait, Window::Start), Summary::default());
    }

    #[test]
    fn every_kind_of_time_goes_to_its_own_distribution() {
        let mut percentiles = Percentiles::new(1, 1);
        let (at, agent, pool) = (Time::ZERO, AgentId(0), PoolId(0));
        let (from, to) = (AgentState::WrapUp, AgentState::Ready);
        let lasted = Duration::from_secs(7);
        percentiles.read(&Record { at, fact: Fact::AgentStateChanged { agent, pool, from, to, lasted } });
        let (from, to) = (AgentState::Ready, AgentState::Ringing);
        percentiles.read(&Record { at, fact: Fact::AgentStateChanged { agent, pool, from, to, lasted } });
        percentiles.dispatched(QUEUE, Duration::from_micros(150));
        let wrap_up = percentiles.wrap_up(pool, Window::Hour);
        assert_eq!((wrap_up.count, wrap_up.max), (1, wrap_up.percentiles[0]));
        assert!((7.0..7.07).contains(&seconds(wrap_up.max)), "{wrap_up:?}");
        let dispatch = percentiles.queue(QUEUE, QueueTime::Dispatch, Window::Today);
        assert_eq!((dispatch.count, dispatch.max), (1, 150_000));
        assert_eq!(percentiles.queue(QUEUE, QueueTime::Wait, Window::Start).count, 0);
    }

    #[test]
    fn what_is_longer_than_a_day_counts_as_a_day() {
        let mut percentiles = Percentiles::new(1, 0);
        percentiles.read(&answered(Duration::MAX));
        let summary = percentiles.queue(QUEUE, QueueTime::Wait, Window::Quarter);
        assert_eq!((summary.count, summary.max), (1, 86_400_000_000_000));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// The model keeps every wait with its minute and day.
        #[test]
        fn windows_hold_the_running_minute_and_those_before(steps in prop::collection::vec(0u64..100, 1..400)) {
            let mut percentiles = Percentiles::new(1, 0);
            let mut kept: Vec<(usize, usize, u64)> = Vec::new();
            let (mut minute, mut day) = (0, 0);
            for step in steps {
                match step {
                    0..30 => { percentiles.minute(); minute += 1; }
                    30..32 => { percentiles.day(); day += 1; }
                    wait => {
                        percentiles.read(&answered(Duration::from_millis(wait)));
                        kept.push((minute, day, wait));
                    }
                }
                let within = |window: Window, (at, on, _): &(usize, usize, u64)| match window {
                    Window::Quarter => at + QUARTER_MINUTES > minute,
                    Window::Hour => at + HOUR_MINUTES > minute,
                    Window::Today => *on == day,
                    Window::Start => true,
                };
                for window in Window::ALL_IN_ORDER {
                    let mut waits: Vec<u64> = kept.iter().filter(|k| within(window, k)).map(|k| k.2).collect();
                    waits.sort_unstable();
                    let summary = percentiles.queue(QUEUE, QueueTime::Wait, window);
                    prop_assert_eq!(summary.count, waits.len() as u64, "{:?}", window);
                    let Some(most) = waits.last() else { continue };
                    prop_assert_eq!(summary.max, most * MILLISECOND);
                    let rank = (waits.len() * 80).div_ceil(100) - 1;
                    prop_assert_eq!(summary.percentiles[1], waits[rank] * MILLISECOND);
                }
            }
        }
    }
}
