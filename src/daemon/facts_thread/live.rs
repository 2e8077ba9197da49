//! Keeps windows and percentiles: the reader of facts behind `/stats`.

use super::{FactReader, PlanChanged};
use crate::ledger::Today;
use centralino::facts::Record;
use centralino::ids::QueueId;
use centralino::stats::Layout;
use centralino::stats::live::{Live, LiveLayout};
use centralino::stats::snapshot::{self, Publisher, Reader};
use centralino::time::{Duration, Time};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// Percentiles are as old as this at most.
const PUBLISHED_EVERY: Duration = Duration::from_secs(1);

/// Fills and publishes the live numbers.
pub struct LiveNumbers {
    live: Live,
    /// The tally's numbers, of which windows are differences.
    tally: Reader,
    copy: Vec<u64>,
    zone: TimeZone,
    publisher: Publisher,
    published_at: Time,
}

/// What those need who show the live numbers.
#[derive(Clone, Debug)]
pub struct LiveReader {
    /// The published numbers.
    pub reader: Reader,
    /// Their places.
    pub layout: Arc<LiveLayout>,
    /// The zone of days.
    pub zone: TimeZone,
}

impl LiveNumbers {
    /// Numbers that begin at `start`, and how to read them; `earlier` is what is known of the day before that.
    pub fn new(
        layout: &Layout,
        tally: Reader,
        zone: TimeZone,
        start: Time,
        earlier: Option<Today>,
    ) -> (LiveNumbers, LiveReader) {
        let mut live = Live::new(layout, start);
        if let Some(Today { values, since_midnight, .. }) = earlier {
            live.began_earlier(since_midnight, &values);
        }
        let (mut publisher, reader) = snapshot::channel(live.layout().len());
        live.publish(&mut publisher);
        let shown = LiveReader { reader, layout: live.layout(), zone: zone.clone() };
        (LiveNumbers { live, tally, copy: Vec::new(), zone, publisher, published_at: start }, shown)
    }

    fn today(&self) -> i64 {
        let date = Timestamp::now().to_zoned(self.zone.clone()).date();
        i64::from(date.year()) * 1_000 + i64::from(date.day_of_year())
    }
}

impl FactReader for LiveNumbers {
    fn read(&mut self, record: &Record) {
        self.live.read(record);
    }

    fn plan_changed(&mut self, changed: &PlanChanged) {
        self.live.relay(&changed.layout, &changed.origins);
        self.tally = changed.tally.clone();
        let (publisher, reader) = snapshot::channel(self.live.layout().len());
        self.publisher = publisher;
        self.live.publish(&mut self.publisher);
        // Whoever reloads waits for it, unless the daemon is ending.
        let _ = changed.live.send(LiveReader { reader, layout: self.live.layout(), zone: self.zone.clone() });
    }

    fn dispatched(&mut self, queue: QueueId, after: Duration) {
        self.live.dispatched(queue, after);
    }

    fn tick(&mut self, now: Time) {
        let today = self.today();
        // Not read in a loop: were the engine to die while it publishes, this thread would wait for ever. The next
        // tick tries again. The first tick says which day it is.
        let due = self.live.is_due(now, today);
        if !due || self.tally.try_read(&mut self.copy) {
            self.live.tick(now, today, &self.copy);
        }
        if now.since(self.published_at) >= PUBLISHED_EVERY {
            self.published_at = now;
            self.live.publish(&mut self.publisher);
        }
    }
}
