//! Whose packet is due in which millisecond.

/// Slots, a millisecond each; more than the longest packet lasts.
const SLOTS: u64 = 64;

/// A timer wheel of one turn. Entries are never taken out early: whoever takes them asks the leg whether it still
/// means them.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: Vec<Vec<Due>>,
    /// A bit for each slot that holds something.
    occupied: u64,
    /// The millisecond up to which everything was taken.
    tick: u64,
}

/// A leg's packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) key: usize,
    pub(super) tick: u64,
}

impl Wheel {
    pub(super) fn new() -> Wheel {
        Wheel { slots: vec![Vec::new(); SLOTS as usize], occupied: 0, tick: 0 }
    }

    /// The emptiest of the next four milliseconds: streams that start together are spread out.
    pub(super) fn soon(&self) -> u64 {
        let load = |tick: &u64| self.slots.get((*tick % SLOTS) as usize).map_or(0, Vec::len);
        (self.tick + 1..=self.tick + 4).min_by_key(load).unwrap_or(self.tick + 1)
    }

    /// Adds an entry at most 64 ms ahead.
    pub(super) fn insert(&mut self, due: Due) {
        debug_assert!(due.tick > self.tick && due.tick <= self.tick + SLOTS);
        if let Some(slot) = self.slots.get_mut((due.tick % SLOTS) as usize) {
            slot.push(due);
            self.occupied |= 1 << (due.tick % SLOTS);
        }
    }

    /// The next millisecond with an entry.
    pub(super) fn next(&self) -> Option<u64> {
        let first = self.tick + 1;
        let from_first = self.occupied.rotate_right((first % SLOTS) as u32);
        (from_first != 0).then(|| first + u64::from(from_first.trailing_zeros()))
    }

    /// Takes everything due up to and including this millisecond, in order.
    pub(super) fn take_due(&mut self, now: u64, taken: &mut Vec<Due>) {
        let last = now.min(self.tick + SLOTS);
        while let Some(tick) = self.next().filter(|&tick| tick <= last) {
            if let Some(slot) = self.slots.get_mut((tick % SLOTS) as usize) {
                taken.append(slot);
            }
            self.occupied &= !(1 << (tick % SLOTS));
        }
        self.tick = self.tick.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(wheel: &mut Wheel, now: u64) -> Vec<(usize, u64)> {
        let mut due = Vec::new();
        wheel.take_due(now, &mut due);
        due.iter().map(|due| (due.key, due.tick)).collect()
    }

    #[test]
    fn comes_out_in_order_even_after_a_long_sleep() {
        let mut wheel = Wheel::new();
        taken(&mut wheel, 1_000);
        for (key, tick) in [(1, 1_064), (2, 1_001), (3, 1_020), (4, 1_020)] {
            wheel.insert(Due { key, tick });
        }
        assert_eq!((wheel.next(), taken(&mut wheel, 1_000)), (Some(1_001), vec![]));
        assert_eq!(taken(&mut wheel, 1_001), [(2, 1_001)]);
        assert_eq!(wheel.next(), Some(1_020));
        assert_eq!(taken(&mut wheel, 900_000), [(3, 1_020), (4, 1_020), (1, 1_064)]);
        assert_eq!((wheel.next(), wheel.soon()), (None, 900_001));
    }

    #[test]
    fn spreads_what_starts_together() {
        let mut wheel = Wheel::new();
        for key in 0..8 {
            let tick = wheel.soon();
            wheel.insert(Due { key, tick });
        }
        let loads: Vec<usize> = (1..=4).map(|tick| taken(&mut wheel, tick).len()).collect();
        assert_eq!(loads, [2, 2, 2, 2]);
    }
}
