//! Sets and tables in order that allocate nothing once they have been as large as they get.
//!
//! Entries lie side by side, small, in a ring. What a call centre does is cheap in it: who comes last goes in at the
//! end, who waited longest comes out at the front, looking something up halves the rest. Somewhere in between, the
//! shorter side moves by one entry: 16 bytes each, a few hundred nanoseconds for thousands.

use crate::ids::{CallId, CallerTag, OfferId};
use std::collections::VecDeque;
use std::ops::RangeInclusive;

/// A set in ascending order.
#[derive(Clone, Debug)]
pub(super) struct Sorted<T>(VecDeque<T>);

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Sorted(VecDeque::new())
    }
}

impl<T: Ord + Copy> Sorted<T> {
    /// Whether it is new.
    pub(super) fn insert(&mut self, entry: T) -> bool {
        if self.0.back().is_none_or(|last| *last < entry) {
            self.0.push_back(entry);
            return true;
        }
        let place = self.0.binary_search(&entry);
        place.map_err(|place| self.0.insert(place, entry)).is_err()
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, entry: &T) -> bool {
        if self.0.front() == Some(entry) {
            return self.0.pop_front().is_some();
        }
        self.0.binary_search(entry).is_ok_and(|place| self.0.remove(place).is_some())
    }

    pub(super) fn contains(&self, entry: &T) -> bool {
        self.0.binary_search(entry).is_ok()
    }

    /// How many are smaller.
    pub(super) fn rank(&self, entry: &T) -> usize {
        self.0.partition_point(|other| other < entry)
    }

    pub(super) fn first(&self) -> Option<&T> {
        self.0.front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Those that are not smaller than `least`.
    pub(super) fn from<'a>(&'a self, least: &T) -> impl Iterator<Item = &'a T> + use<'a, T> {
        self.0.range(self.rank(least)..)
    }
}

/// A table in ascending order of its keys; what it holds stays where it was put.
#[derive(Clone, Debug)]
pub(super) struct Table<K, V> {
    keys: VecDeque<(K, usize)>,
    slots: Vec<Option<V>>,
    free: Vec<usize>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table { keys: VecDeque::new(), slots: Vec::new(), free: Vec::new() }
    }
}

/// A key that is a number, most often given one by one: 1, 2, 3 and so on.
pub(super) trait Numbered: Ord + Copy {
    fn number(self) -> u64;
}

impl Numbered for CallId {
    fn number(self) -> u64 {
        self.0
    }
}

impl Numbered for OfferId {
    fn number(self) -> u64 {
        self.0
    }
}

/// Not one by one, but spread evenly over all numbers.
impl Numbered for CallerTag {
    fn number(self) -> u64 {
        self.0
    }
}

impl<K: Numbered, V> Table<K, V> {
    /// Where the key is, or would be. Few keys between the first and the last are missing, so it is near where it would be
    /// if they were spread evenly: a look or two there, where halving thousands costs as many misses of the cache as there
    /// are halves.
    fn place(&self, key: &K) -> Result<usize, usize> {
        let (Some(&(first, _)), Some(&(last, _))) = (self.keys.front(), self.keys.back()) else { return Err(0) };
        if *key < first || last < *key {
            return Err(if *key < first { 0 } else { self.keys.len() });
        }
        let (ahead, all) = (key.number() - first.number(), (last.number() - first.number()).max(1));
        let end = self.keys.len() - 1;
        let guess = (u128::from(ahead) * end as u128 / u128::from(all)) as usize;
        // Wider and wider around the guess, until the key lies between: low is never after it, high never before.
        let is_after = |place: usize| self.keys[place].0 > *key;
        let (mut low, mut high, mut width) = (guess.min(end), guess.min(end), 1);
        while is_after(low) {
            low = low.saturating_sub(width);
            width *= 2;
        }
        width = 1;
        while !is_after(high) && high < end {
            high = (high + width).min(end);
            width *= 2;
        }
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if is_after(middle) { high = middle - 1 } else { low = middle }
        }
        if self.keys[low].0 == *key { Ok(low) } else { Err(low + 1) }
    }

    fn slot(&self, key: &K) -> Option<usize> {
        self.place(key).ok().and_then(|place| self.keys.get(place)).map(|&(_, slot)| slot)
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.slots.get(self.slot(key)?)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let slot = self.slot(key)?;
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(super) fn contains_key(&self, key: &K) -> bool {
        self.place(key).is_ok()
    }

    /// What was there under the key before.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = match self.place(&key) {
            Ok(_) => return self.get_mut(&key).map(|known| std::mem::replace(known, value)),
            Err(place) => place,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = Some(value);
                slot
            }
            None => {
                self.slots.push(Some(value));
                // Room for every slot to be free: giving one back never allocates.
                self.free.reserve(self.slots.len());
                self.slots.len() - 1
            }
        };
        self.keys.insert(place, (key, slot));
        None
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let (_, slot) = self.place(key).ok().and_then(|place| self.keys.remove(place))?;
        self.free.push(slot);
        self.slots.get_mut(slot)?.take()
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.keys.iter().map(|(key, _)| key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.keys.iter().filter_map(|(key, slot)| Some((key, self.slots.get(*slot)?.as_ref()?)))
    }

    /// Those with keys in the range.
    pub(super) fn range(&self, keys: RangeInclusive<K>) -> impl Iterator<Item = (&K, &V)> {
        let first = self.keys.partition_point(|(key, _)| key < keys.start());
        let within = self.keys.range(first..).take_while(move |(key, _)| key <= keys.end());
        within.filter_map(|(key, slot)| Some((key, self.slots.get(*slot)?.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn they_do_what_the_trees_of_std_do(steps in proptest::collection::vec((0u8..3, 0u16..60), 0..300)) {
            let (mut set, mut tree) = (Sorted::default(), BTreeSet::new());
            let (mut table, mut map) = (Table::<CallId, usize>::default(), BTreeMap::new());
            for (number, (what, key)) in steps.into_iter().enumerate() {
                // Far from evenly spread.
                let id = CallId(u64::from(key).pow(3));
                if what == 0 {
                    prop_assert_eq!(set.remove(&key), tree.remove(&key));
                    prop_assert_eq!(table.remove(&id), map.remove(&id));
                } else {
                    prop_assert_eq!(set.insert(key), tree.insert(key));
                    prop_assert_eq!(table.insert(id, number), map.insert(id, number));
                }
                prop_assert_eq!((set.first(), set.is_empty()), (tree.first(), tree.is_empty()));
                prop_assert_eq!(table.len(), map.len());
                prop_assert_eq!((set.contains(&key), table.contains_key(&id)), (tree.contains(&key), map.contains_key(&id)));
                prop_assert_eq!(table.get(&id).copied(), map.get(&id).copied());
                prop_assert_eq!(table.get_mut(&id).copied(), map.get(&id).copied());
            }
            prop_assert!(set.iter().eq(tree.iter()) && set.from(&20).eq(tree.range(20..)));
            prop_assert!(table.iter().eq(map.iter()) && table.range(CallId(10)..=CallId(3_000)).eq(map.range(CallId(10)..=CallId(3_000))));
            prop_assert!(table.keys().eq(map.keys()));
            prop_assert_eq!(set.rank(&20), tree.range(..20).count());
            set.clear();
            prop_assert!(set.is_empty());
        }
    }
}
