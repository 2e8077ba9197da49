//! How long a caller will wait, estimated from how the queue moves.
//!
//! Whenever an agent answers, somebody who was at the head of the line has left it: the time since the answer before,
//! or since that caller entered if that is later, is how long a head takes. A caller at place n is expected to wait n
//! times the mean of the latest heads. Whoever is on the desk, how long they talk and how many queues they serve is in
//! that figure, and needs no model; callers who give up make it err on the long side. Integers only.
//!
//! Without enough recent answers nothing is estimated: no figure is better than a wrong one.

use super::Acd;
use super::call::Call;
use crate::ids::{CallId, QueueId};
use crate::time::{Duration, Time};
use std::collections::VecDeque;

/// The mean is over at most so many heads, the latest.
const MOST_HEADS: usize = 32;
/// With fewer there is no estimate.
const LEAST_HEADS: usize = 4;
/// Heads of longer ago say nothing about now.
const OLDEST: Duration = Duration::from_secs(1_800);

/// How fast the head of a queue's line is answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    /// When each head was answered, and how long it took.
    heads: VecDeque<(Time, Duration)>,
    latest: Time,
}

impl Pace {
    /// A caller who entered at `entered` was answered.
    pub(super) fn answered(&mut self, at: Time, entered: Time) {
        self.heads.push_back((at, at.since(self.latest.max(entered))));
        self.latest = self.latest.max(at);
        if self.heads.len() > MOST_HEADS {
            self.heads.pop_front();
        }
    }

    /// What a caller at this place (1 is the next) has to expect, if anything can be said.
    pub(super) fn estimate(&self, place: u32, now: Time) -> Option<Duration> {
        let recent = self.heads.iter().filter(|(at, _)| now.since(*at) <= OLDEST);
        let (heads, took) = recent.fold((0u32, Duration::ZERO), |(heads, sum), (_, took)| (heads + 1, sum + *took));
        if (heads as usize) < LEAST_HEADS {
            return None;
        }
        took.checked_mul(place)?.checked_div(heads)
    }
}

impl Acd {
    /// What a caller who waits has to expect from now on, if anything can be said.
    pub fn estimated_wait(&self, id: CallId) -> Option<Duration> {
        let call = self.calls.get(&id)?;
        let place = self.waiting.position(call.queue, (call.visit()?.key, id));
        self.estimate_at(call.queue, place)
    }

    pub(super) fn estimate_at(&self, queue: QueueId, place: u32) -> Option<Duration> {
        self.pace.get(queue.index())?.estimate(place, self.at)
    }

    /// What the caller is to expect as it enters: that figure is judged when it is answered.
    pub(super) fn note_estimate(&mut self, id: CallId) {
        let expected = self.estimated_wait(id);
        if let Some(visit) = self.calls.get_mut(&id).and_then(Call::visit_mut) {
            visit.expected = expected;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_millis(seconds * 1_000)
    }

    #[test]
    fn nothing_is_said_before_there_is_something_to_go_by_nor_when_it_is_old() {
        let mut pace = Pace::default();
        for answer in 1..=3 {
            pace.answered(at(answer * 60), at(0));
            assert_eq!(pace.estimate(1, at(200)), None);
        }
        pace.answered(at(240), at(0));
        assert_eq!(pace.estimate(1, at(240)), Some(Duration::from_secs(60)));
        assert_eq!(pace.estimate(3, at(240)), Some(Duration::from_secs(180)));
        // The first of four heads is 30 min old, then older.
        assert_eq!(pace.estimate(1, at(1_860)), Some(Duration::from_secs(60)));
        assert_eq!(pace.estimate(1, at(1_861)), None);
    }

    #[test]
    fn a_head_counts_from_its_entry_where_nobody_waited_before() {
        let mut pace = Pace::default();
        for answer in 1..=4 {
            pace.answered(at(answer * 600), at(answer * 600 - 5));
        }
        assert_eq!(pace.estimate(1, at(2_400)), Some(Duration::from_secs(5)));
    }

    #[test]
    fn the_latest_heads_count() {
        let mut pace = Pace::default();
        (1..=100).for_each(|answer| pace.answered(at(answer * 10), at(0)));
        (1..=32).for_each(|answer| pace.answered(at(1_000 + answer * 3), at(0)));
        assert_eq!(pace.estimate(2, at(1_096)), Some(Duration::from_secs(6)));
        assert_eq!(pace.estimate(u32::MAX, at(1_096)), Some(Duration::from_secs(3) * u32::MAX));
    }
}
