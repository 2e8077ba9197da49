//! What the ledger has of today, counted by the tally that counts live calls: where `/stats` goes on after a restart.

use super::read::Reader;
use anyhow::Result;
use centralino::ids::CallId;
use centralino::report::record::{Interaction, Visit};
use centralino::report::replay::{self, NamedPlaces, Under};
use centralino::stats::{Shape, Tally};
use centralino::time::{Duration, Time};
use jiff::Zoned;
use jiff::tz::TimeZone;
use std::ops::ControlFlow;
use std::path::Path;

/// The calls of today that were over before the daemon started.
#[derive(Clone, Debug)]
pub struct Today {
    /// What a tally of this shape counted of them, by its layout.
    pub values: Vec<u64>,
    /// From midnight until now.
    pub since_midnight: Duration,
    /// Calls that waited under other thresholds than those in force: a figure of both would be none of either.
    pub left_out: u64,
}

/// Counts what was filed since midnight in this zone.
///
/// # Errors
/// The ledger cannot be read.
pub fn today(path: &Path, zone: &TimeZone, shape: Shape) -> Result<Today> {
    let now = Zoned::now().with_time_zone(zone.clone());
    let midnight = now.start_of_day()?;
    let period = nanos(&midnight)..nanos(&now);
    let since_midnight = Duration::from_nanos(u64::try_from(period.end - period.start).unwrap_or(0));
    let (places, thresholds) = (NamedPlaces::of(&shape), thresholds(&shape));
    let mut tally = Tally::new(shape, Time::ZERO);
    let (mut facts, mut left_out) = (Vec::new(), 0);
    Reader::open(path)?.interactions(period, |interaction| {
        if is_judged_by(&interaction, &thresholds) {
            replay::facts(&interaction, CallId(0), &places, Under::ItsDay, &mut facts);
            facts.drain(..).for_each(|record| tally.apply(&record));
        } else {
            left_out += 1;
        }
        ControlFlow::Continue(())
    })?;
    Ok(Today { values: tally.values().to_vec(), since_midnight, left_out })
}

fn nanos(moment: &Zoned) -> i64 {
    i64::try_from(moment.timestamp().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Each queue's, by name.
fn thresholds(shape: &Shape) -> Vec<(String, Vec<Duration>)> {
    shape.queues.iter().map(|queue| (queue.name.clone(), queue.thresholds.clone())).collect()
}

/// Visits to queues that are not there any more are left out by the replay.
fn is_judged_by(interaction: &Interaction, thresholds: &[(String, Vec<Duration>)]) -> bool {
    let agrees = |visit: &Visit| {
        let known = thresholds.iter().find(|(queue, _)| **queue == *visit.queue);
        known.is_none_or(|(_, known)| visit.thresholds.iter().map(|it| it.length).eq(known.iter().copied()))
    };
    interaction.visits.iter().all(agrees)
}
