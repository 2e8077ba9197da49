//! One ordered index of absolute deadlines, keyed by what they are for.

use super::Time;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};

/// Every timer of one room. Setting a key again moves it; entries that were moved or cancelled are recognised by
/// their generation and skipped, so no operation searches and nothing is allocated once the index is warm.
///
/// Deadlines of the same moment come out in the order in which they were set. Keys that nobody outside can choose may
/// have a simpler hasher `S`.
#[derive(Debug)]
pub struct Deadlines<K, S = RandomState> {
    queue: BinaryHeap<Reverse<Entry<K>>>,
    live: HashMap<K, (u64, Time), S>,
    generation: u64,
}

#[derive(Debug)]
struct Entry<K> {
    at: Time,
    generation: u64,
    key: K,
}

impl<K> PartialEq for Entry<K> {
    fn eq(&self, other: &Self) -> bool {
        self.generation == other.generation
    }
}

impl<K> Eq for Entry<K> {}

impl<K> PartialOrd for Entry<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Entry<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.generation).cmp(&(other.at, other.generation))
    }
}

impl<K, S: Default> Default for Deadlines<K, S> {
    fn default() -> Self {
        Deadlines { queue: BinaryHeap::new(), live: HashMap::default(), generation: 0 }
    }
}

impl<K: Copy + Eq + Hash, S: BuildHasher> Deadlines<K, S> {
    /// Sets, or moves, the deadline of `key`.
    pub fn set(&mut self, key: K, at: Time) {
        self.generation += 1;
        self.live.insert(key, (self.generation, at));
        self.queue.push(Reverse(Entry { at, generation: self.generation, key }));
        self.drop_stale();
    }

    /// Forgets the deadline of `key`; tells when it would have been.
    pub fn cancel(&mut self, key: K) -> Option<Time> {
        let (_, at) = self.live.remove(&key)?;
        self.drop_stale();
        Some(at)
    }

    /// When `key` is due, if it is set.
    pub fn get(&self, key: K) -> Option<Time> {
        self.live.get(&key).map(|&(_, at)| at)
    }

    /// The earliest deadline, in constant time.
    pub fn next(&self) -> Option<(Time, K)> {
        self.queue.peek().map(|Reverse(entry)| (entry.at, entry.key))
    }

    /// Takes the earliest deadline that is due at `now` (`at <= now`).
    pub fn pop_due(&mut self, now: Time) -> Option<(Time, K)> {
        let (at, key) = self.next().filter(|&(at, _)| at <= now)?;
        self.live.remove(&key);
        self.drop_stale();
        Some((at, key))
    }

    /// How many deadlines are set.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Keeps two promises: the head of the queue is live, and stale entries never outnumber live ones by much.
    fn drop_stale(&mut self) {
        let live = &self.live;
        let is_live =
            |entry: &Entry<K>| live.get(&entry.key).is_some_and(|&(generation, _)| generation == entry.generation);
        while self.queue.peek().is_some_and(|Reverse(entry)| !is_live(entry)) {
            self.queue.pop();
        }
        if self.queue.len() > 2 * self.live.len() + 64 {
            self.queue.retain(|Reverse(entry)| is_live(entry));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_out_in_order_of_time_then_of_setting() {
        let mut deadlines: Deadlines<_> = Deadlines::default();
        deadlines.set('b', Time::from_millis(20));
        deadlines.set('c', Time::from_millis(10));
        deadlines.set('a', Time::from_millis(20));
        let due: Vec<_> = std::iter::from_fn(|| deadlines.pop_due(Time::from_millis(20))).map(|(_, key)| key).collect();
        assert_eq!(due, ['c', 'b', 'a']);
    }

    #[test]
    fn is_due_at_its_moment_and_not_before() {
        let mut deadlines: Deadlines<_> = Deadlines::default();
        deadlines.set((), Time::from_nanos(1_000));
        assert_eq!(deadlines.pop_due(Time::from_nanos(999)), None);
        assert_eq!(deadlines.pop_due(Time::from_nanos(1_000)), Some((Time::from_nanos(1_000), ())));
    }

    #[test]
    fn moving_and_cancelling_leave_nothing_behind() {
        let mut deadlines: Deadlines<_> = Deadlines::default();
        for n in 0..10_000u64 {
            deadlines.set(n % 7, Time::from_nanos(n));
        }
        assert_eq!(deadlines.len(), 7);
        assert!(deadlines.queue.len() <= 2 * 7 + 64);
        for key in 0..7 {
            assert!(deadlines.cancel(key).is_some());
        }
        assert_eq!((deadlines.next(), deadlines.is_empty()), (None, true));
    }
}
