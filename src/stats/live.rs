//! Windows and percentiles together: fed by those who read facts, published like the tally, in a list of their own.
//!
//! A reader copies this list first and the tally's after it: counters only grow, so the beginning of a window is then
//! never ahead of its end.

use super::layout::Layout;
use super::percentiles::{PERCENTS, Percentiles, QueueTime, Summary};
use super::snapshot::Publisher;
use super::windows::{Columns, Window, Windows};
use crate::facts::Record;
use crate::ids::{PoolId, QueueId};
use crate::time::{Duration, Time};
use std::sync::Arc;

/// The writing side.
pub struct Live {
    layout: Arc<LiveLayout>,
    windows: Windows,
    percentiles: Percentiles,
}

/// Where each number of the published list lives.
#[derive(Clone, Debug)]
pub struct LiveLayout {
    columns: Columns,
    queues: usize,
    pools: usize,
}

/// A summary takes so many places: the count, the percentiles, the greatest.
const SUMMARY_SLOTS: usize = PERCENTS.len() + 2;

impl Live {
    /// Nothing counted at `start`; positions are those of the tally's layout.
    pub fn new(layout: &Layout, start: Time) -> Live {
        let columns = Columns::new(layout);
        let (queues, pools) = (layout.queues.len(), layout.pools.len());
        Live {
            windows: Windows::new(columns.clone(), start),
            percentiles: Percentiles::new(queues, pools),
            layout: Arc::new(LiveLayout { columns, queues, pools }),
        }
    }

    /// Today began so long before the start, and the tally's numbers had grown by this much in it.
    pub fn began_earlier(&mut self, by: Duration, values: &[u64]) {
        self.windows.began_earlier(by, values);
    }

    /// A reload: the tally's numbers lie as `layout` says from now on, and `origins` where each of them was.
    pub fn relay(&mut self, layout: &Layout, origins: &[Option<usize>]) {
        let columns = Columns::new(layout);
        let (queues, pools) = (layout.queues.len(), layout.pools.len());
        self.windows.relay(columns.clone(), origins);
        self.percentiles.grow(queues, pools);
        self.layout = Arc::new(LiveLayout { columns, queues, pools });
    }

    /// The places of the numbers, for those who read them.
    pub fn layout(&self) -> Arc<LiveLayout> {
        Arc::clone(&self.layout)
    }

    /// Takes the times out of a fact.
    pub fn read(&mut self, record: &Record) {
        self.percentiles.read(record);
    }

    /// The INVITE of an offer was sent, so long after call and agent could first have met.
    pub fn dispatched(&mut self, queue: QueueId, after: Duration) {
        self.percentiles.dispatched(queue, after);
    }

    /// Whether [`Self::tick`] would begin a window: it then needs a copy of the tally's numbers.
    pub fn is_due(&self, now: Time, day: i64) -> bool {
        self.windows.minute_is_over(now) || self.windows.day_is_over(day)
    }

    /// Begins minutes and days that are due. Days are numbered by the caller, who knows the time zone.
    pub fn tick(&mut self, now: Time, day: i64, values: &[u64]) {
        if self.windows.day_is_over(day) {
            self.percentiles.day();
        }
        self.windows.day(day, now, values);
        if self.windows.minute_is_over(now) {
            self.windows.minute(now, values);
            self.percentiles.minute();
        }
    }

    /// Makes everything visible to readers.
    pub fn publish(&self, publisher: &mut Publisher) {
        let rows = Window::ALL_IN_ORDER.into_iter().flat_map(|window| {
            let row = self.windows.beginning(window);
            std::iter::once(row.at.as_nanos()).chain(row.numbers.iter().copied())
        });
        let queues = (0..).map(QueueId).take(self.layout.queues);
        let of_queues = queues.flat_map(|queue| {
            let times = QueueTime::ALL.iter().map(move |time| (queue, *time));
            times.flat_map(|(queue, time)| {
                Window::ALL_IN_ORDER.map(|window| self.percentiles.queue(queue, time, window))
            })
        });
        let pools = (0..).map(PoolId).take(self.layout.pools);
        let of_pools = pools.flat_map(|pool| Window::ALL_IN_ORDER.map(|window| self.percentiles.wrap_up(pool, window)));
        let summaries = of_queues.chain(of_pools).flat_map(|summary| {
            std::iter::once(summary.count).chain(summary.percentiles).chain(std::iter::once(summary.max))
        });
        publisher.publish(rows.chain(summaries).enumerate());
    }
}

impl LiveLayout {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.summary_of_pool(self.pools, 0)
    }

    /// Never: there are always the beginnings of the windows.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// How long the window has lasted at `now`, in a copy. It may have begun before the engine's time did.
    pub fn covers(&self, copy: &[u64], window: Window, now: Time) -> Duration {
        let nanos = now.as_nanos().wrapping_sub(at(copy, self.row(window)));
        // A copy that is newer than `now`.
        Duration::from_nanos(if nanos > u64::MAX / 2 { 0 } else { nanos })
    }

    /// What a counter of the tally's layout, which is `now`, has counted in the window; nothing for one that windows are not
    /// made of.
    pub fn counted(&self, copy: &[u64], window: Window, slot: usize, now: u64) -> u64 {
        let counted = now.wrapping_sub(self.beginning(copy, window, slot));
        if counted > u64::MAX / 2 { 0 } else { counted }
    }

    /// What a counter of the tally's layout was when the window began; 0 for one that windows are not made of.
    pub fn beginning(&self, copy: &[u64], window: Window, slot: usize) -> u64 {
        self.columns.of(slot).map_or(0, |column| at(copy, self.row(window) + 1 + column))
    }

    /// A queue's times in a window, in a copy.
    pub fn queue(&self, copy: &[u64], queue: QueueId, time: QueueTime, window: Window) -> Summary {
        let place = (queue.index() * QueueTime::ALL.len() + time.index()) * Window::ALL.len() + window.index();
        summary(copy, self.summaries() + place * SUMMARY_SLOTS)
    }

    /// A pool's work after calls in a window, in a copy.
    pub fn wrap_up(&self, copy: &[u64], pool: PoolId, window: Window) -> Summary {
        summary(copy, self.summary_of_pool(pool.index(), window.index()))
    }

    fn row(&self, window: Window) -> usize {
        window.index() * (self.columns.len() + 1)
    }

    fn summaries(&self) -> usize {
        Window::ALL.len() * (self.columns.len() + 1)
    }

    fn summary_of_pool(&self, pool: usize, window: usize) -> usize {
        let place = (self.queues * QueueTime::ALL.len() + pool) * Window::ALL.len() + window;
        self.summaries() + place * SUMMARY_SLOTS
    }
}

fn at(copy: &[u64], slot: usize) -> u64 {
    copy.get(slot).copied().unwrap_or(0)
}

fn summary(copy: &[u64], base: usize) -> Summary {
    let mut percentiles = [0; PERCENTS.len()];
    percentiles.iter_mut().zip(base + 1..).for_each(|(place, slot)| *place = at(copy, slot));
    Summary { count: at(copy, base), percentiles, max: at(copy, base + 1 + PERCENTS.len()) }
}
