//! The numbers that the tally counts on. What they mean is the layout's to say.

use super::histogram::{HistogramSlots, nanos};
use crate::time::Duration;

/// The numbers, and which of them changed since they were last published.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) values: Vec<u64>,
    changed: Vec<usize>,
    is_changed: Vec<bool>,
}

impl Board {
    pub(super) fn new(len: usize) -> Board {
        Board { values: vec![0; len], changed: Vec::with_capacity(len), is_changed: vec![false; len] }
    }

    pub(super) fn set(&mut self, slot: usize, value: u64) {
        if self.values[slot] == value {
            return;
        }
        self.values[slot] = value;
        if !self.is_changed[slot] {
            self.is_changed[slot] = true;
            self.changed.push(slot);
        }
    }

    pub(super) fn add(&mut self, slot: usize, amount: u64) {
        self.set(slot, self.values[slot].wrapping_add(amount));
    }

    /// One less; false when there was none.
    pub(super) fn take(&mut self, slot: usize) -> bool {
        let less = self.values[slot].checked_sub(1);
        self.set(slot, less.unwrap_or(0));
        less.is_some()
    }

    pub(super) fn record(&mut self, histogram: &HistogramSlots, length: Duration) {
        let nanos = nanos(length);
        self.add(histogram.bucket(nanos), 1);
        self.add(histogram.sum(), nanos);
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.changed.iter().map(|slot| (*slot, self.values[*slot]))
    }

    pub(super) fn forget_changes(&mut self) {
        for slot in self.changed.drain(..) {
            self.is_changed[slot] = false;
        }
    }
}
