//! THE LOCK-FREE BOUNDARY: one writer publishes a list of numbers, any number of readers copy it, and no copy is torn.
//!
//! A fixed array of atomics under a sequence number: even = whole, odd = being written. The writer never waits and
//! never looks at readers; a reader whose copy overlapped a publishing throws it away and copies again.
//!
//! ```text
//!   writer   seq := odd │ numbers that changed │ seq := even
//!   reader   seq even? ── copy every number ── seq still the same? ── done
//! ```

use super::atomics::{Arc, AtomicU64, Ordering, fence, pause};

#[derive(Debug)]
struct Shared {
    sequence: AtomicU64,
    numbers: Vec<AtomicU64>,
}

/// The writing end; there is one, on the engine thread.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
    sequence: u64,
}

/// A reading end; cloned for every thread that shows numbers.
#[derive(Clone, Debug)]
pub struct Reader {
    shared: Arc<Shared>,
}

/// A snapshot of `len` numbers, all 0 until something is published.
pub fn channel(len: usize) -> (Publisher, Reader) {
    let numbers = (0..len).map(|_| AtomicU64::new(0)).collect();
    let shared = Arc::new(Shared { sequence: AtomicU64::new(0), numbers });
    (Publisher { shared: Arc::clone(&shared), sequence: 0 }, Reader { shared })
}

impl Publisher {
    /// Makes these (position, number) pairs visible, all at once. Wait-free; allocates nothing. Positions outside the
    /// snapshot are ignored.
    pub fn publish(&mut self, changes: impl IntoIterator<Item = (usize, u64)>) {
        self.shared.sequence.store(self.sequence.wrapping_add(1), Ordering::Relaxed);
        // Whoever sees a number stored below also sees the odd sequence above (pairs with the reader's fence).
        fence(Ordering::Release);
        for (position, number) in changes {
            if let Some(place) = self.shared.numbers.get(position) {
                place.store(number, Ordering::Relaxed);
            }
        }
        self.sequence = self.sequence.wrapping_add(2);
        self.shared.sequence.store(self.sequence, Ordering::Release);
    }
}

impl Reader {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.shared.numbers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shared.numbers.is_empty()
    }

    /// Copies the numbers as they were after one publishing. Tries again while the writer is at work: a publishing is
    /// short, and an engine that publishes without pause would have no time to route.
    pub fn read(&self, into: &mut Vec<u64>) {
        while !self.try_read(into) {
            pause();
        }
    }

    /// One attempt at [`Self::read`]; false when the writer was at work, and then `into` means nothing.
    pub fn try_read(&self, into: &mut Vec<u64>) -> bool {
        let before = self.shared.sequence.load(Ordering::Acquire);
        if before % 2 == 1 {
            return false;
        }
        into.clear();
        into.extend(self.shared.numbers.iter().map(|place| place.load(Ordering::Relaxed)));
        // The loads above happen before the load below: a number of a later publishing shows as a later sequence.
        fence(Ordering::Acquire);
        self.shared.sequence.load(Ordering::Relaxed) == before
    }
}
