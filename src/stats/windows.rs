//! Sliding windows: what the counters were when each window began, so that a window is a difference of counters.
//!
//! Nothing is counted twice: what a window holds is what the tally counted between two of its copies, so hits and
//! misses of a window were decided where all others are. Bounded: one row of counters a minute of the last hour.
//!
//! ```text
//!    … │ minute │ minute │ minute │ running   now
//!      ▲ row    ▲ row    ▲ row    ▲ row       copy of the reader
//!      └───────── difference ─────────────────┘
//! ```

use super::layout::{GreetingEnd, Layout, VisitEnd};
use crate::facts::{Refusal, closed_set};
use crate::time::{Duration, Time};
use std::collections::VecDeque;

closed_set! {
    /// A span of time that ends now.
    Window {
        /// The running minute and the 14 before it.
        Quarter = "15m",
        /// The running minute and the 59 before it.
        Hour = "1h",
        /// From midnight in the service's time zone.
        Today = "today",
        /// From the start of the daemon.
        Start = "since_start",
    }
}

impl Window {
    /// [`Self::ALL`], as long as it is.
    pub const ALL_IN_ORDER: [Window; Window::ALL.len()] = [Window::Quarter, Window::Hour, Window::Today, Window::Start];
}

/// Minutes of [`Window::Quarter`], the running one among them.
pub const QUARTER_MINUTES: usize = 15;
/// Minutes of [`Window::Hour`], the running one among them.
pub const HOUR_MINUTES: usize = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Which of the tally's numbers windows are made of.
#[derive(Clone, Debug)]
pub struct Columns {
    slots: Vec<usize>,
    column_of: Vec<Option<usize>>,
}

impl Columns {
    /// The counters of arrivals, visits and service-level events in a layout.
    pub fn new(layout: &Layout) -> Columns {
        let mut slots = Vec::new();
        let span = |slots: &mut Vec<usize>, base: usize, count: usize| slots.extend(base..base + count);
        for service in &layout.services {
            slots.push(service.received);
            span(&mut slots, service.refused, Refusal::ALL.len());
            span(&mut slots, service.greeting_ends, GreetingEnd::ALL.len());
        }
        for route in &layout.routes {
            slots.push(route.entered);
            span(&mut slots, route.finished, VisitEnd::ALL.len());
        }
        for queue in &layout.queues {
            slots.push(queue.waits[VisitEnd::Answered.index()].sum());
            for events in &queue.thresholds {
                slots.extend([events.hit, events.miss, events.excused, events.pending]);
            }
        }
        span(&mut slots, layout.refused_without_service, Refusal::ALL.len());
        let mut column_of = vec![None; layout.len()];
        for (column, slot) in slots.iter().enumerate() {
            column_of[*slot] = Some(column);
        }
        Columns { slots, column_of }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is nothing to count.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The column of a slot of the layout, if windows are made of it.
    pub fn of(&self, slot: usize) -> Option<usize> {
        *self.column_of.get(slot)?
    }

    fn row(&self, at: Time, values: &[u64]) -> Row {
        Row { at, numbers: self.slots.iter().map(|slot| values.get(*slot).copied().unwrap_or(0)).collect() }
    }
}

/// The counters at one moment; one before the engine's time began has numbers that go round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// When.
    pub at: Time,
    /// By column.
    pub numbers: Vec<u64>,
}

/// The beginnings of all windows.
#[derive(Debug)]
pub struct Windows {
    columns: Columns,
    start: Row,
    today: Row,
    /// Of the last hour's minutes, their beginnings; the running one's is the last.
    minutes: VecDeque<Row>,
    day: Option<i64>,
}

impl Windows {
    /// All windows begin at `start`, with nothing counted.
    pub fn new(columns: Columns, start: Time) -> Windows {
        let row = columns.row(start, &[]);
        Windows { columns, today: row.clone(), minutes: VecDeque::from([row.clone()]), start: row, day: None }
    }

    /// Today began so long before the start, and so much was counted in it: what it was at its beginning is less than nothing,
    /// and differences go round.
    pub fn began_earlier(&mut self, by: Duration, values: &[u64]) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let start = &self.start;
        let counted = self.columns.row(start.at, values).numbers;
        let numbers = start.numbers.iter().zip(counted).map(|(start, counted)| start.wrapping_sub(counted)).collect();
        self.today = Row { at: Time::from_nanos(start.at.as_nanos().wrapping_sub(by)), numbers };
    }

    /// Whether the running minute is over at `now`.
    pub fn minute_is_over(&self, now: Time) -> bool {
        self.minutes.back().is_none_or(|row| now.since(row.at) >= MINUTE)
    }

    /// Whether the day, of whatever numbering, is another than the one before.
    pub fn day_is_over(&self, day: i64) -> bool {
        self.day.is_some_and(|known| known != day)
    }

    /// Which day it is; the first one told began before the start.
    pub fn day(&mut self, day: i64, now: Time, values: &[u64]) {
        if self.day_is_over(day) {
            self.today = self.columns.row(now, values);
        }
        self.day = Some(day);
    }

    /// A minute begins now with these counters.
    pub fn minute(&mut self, now: Time, values: &[u64]) {
        if self.minutes.len() >= HOUR_MINUTES {
            self.minutes.pop_front();
        }
        self.minutes.push_back(self.columns.row(now, values));
    }

    /// A reload: the rows are made of `columns` from now on, and `origins` (see `Layout::origins`) says where each number
    /// was. What is new had counted nothing.
    pub fn relay(&mut self, columns: Columns, origins: &[Option<usize>]) {
        let old = std::mem::replace(&mut self.columns, columns);
        let before = |slot: &usize| old.of((*origins.get(*slot)?)?);
        let places: Vec<Option<usize>> = self.columns.slots.iter().map(before).collect();
        for row in self.minutes.iter_mut().chain([&mut self.start, &mut self.today]) {
            let number = |place: &Option<usize>| place.and_then(|place| row.numbers.get(place).copied()).unwrap_or(0);
            row.numbers = places.iter().map(number).collect();
        }
    }

    /// The counters when the window began.
    pub fn beginning(&self, window: Window) -> &Row {
        let back = match window {
            Window::Start => return &self.start,
            Window::Today => return &self.today,
            Window::Quarter => QUARTER_MINUTES,
            Window::Hour => HOUR_MINUTES,
        };
        self.minutes.get(self.minutes.len().saturating_sub(back)).unwrap_or(&self.start)
    }

    /// What the rows are made of.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }
}
