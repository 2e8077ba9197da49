//! Where callers wait: in order of seniority (semantics.md section 3), one ordered set a class; and how many places
//! of each queue are taken.

use super::plan::MOST_WEIGHT;
use super::sorted::Sorted;
use super::tier::{Bits, Tiers};
use crate::ids::{CallId, QueueId};
use crate::time::Time;

/// A caller's place: seniority, then the call id. It changes while the caller waits only when others of heavier queues
/// have overtaken it as often as they may.
pub(super) type Place = (Seniority, CallId);

/// How a caller stands among all others, the smaller the sooner served (semantics.md section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seniority {
    /// [`MOST_WEIGHT`] less the queue's weight; 0 for those who were overtaken as often as they may be.
    pub(super) rank: u8,
    /// Entry less priority credit, a constant added.
    pub(super) key: Time,
}

impl Seniority {
    pub(super) fn new(weight: u8, key: Time) -> Seniority {
        Seniority { rank: MOST_WEIGHT.saturating_sub(weight), key }
    }

    /// Nobody goes first but those who came first.
    pub(super) fn promoted(self) -> Seniority {
        Seniority { rank: 0, ..self }
    }
}

/// Every call that waits and is not being offered, and the places taken.
#[derive(Debug)]
pub(super) struct WaitingRoom {
    by_class: Vec<Sorted<Place>>,
    present: Bits,
    len: usize,
    taken: Vec<u32>,
    /// Places taken when a reload last changed how many there are.
    taken_at_reload: Vec<u32>,
    /// Everybody who has entered a queue and was not answered, by queue, the most senior first.
    lines: Vec<Sorted<Place>>,
    breaches: u32,
}

impl WaitingRoom {
    pub(super) fn new(queues: usize, tiers: &Tiers) -> WaitingRoom {
        let classes = tiers.classes().len();
        WaitingRoom {
            by_class: vec![Sorted::default(); classes],
            present: Bits::with_room_for(classes),
            len: 0,
            taken: vec![0; queues],
            taken_at_reload: vec![0; queues],
            lines: vec![Sorted::default(); queues],
            breaches: 0,
        }
    }

    /// An empty room after a reload, with the places still taken of the one before.
    pub(super) fn after(&self, queues: usize, tiers: &Tiers) -> WaitingRoom {
        let mut room = WaitingRoom::new(queues, tiers);
        for (place, taken) in room.taken.iter_mut().zip(&self.taken) {
            *place = *taken;
        }
        room.taken_at_reload.clone_from(&room.taken);
        for (line, kept) in room.lines.iter_mut().zip(&self.lines) {
            line.clone_from(kept);
        }
        room.breaches = self.breaches;
        room
    }

    /// A place is taken on arrival and kept until the call leaves the queue, so that a received call is never turned
    /// away at the queue's door.
    pub(super) fn take_place(&mut self, queue: QueueId) {
        self.taken[queue.index()] += 1;
    }

    pub(super) fn give_place_back(&mut self, queue: QueueId) {
        self.expect(self.taken[queue.index()] > 0, "a place was given back twice");
        self.taken[queue.index()] = self.taken[queue.index()].saturating_sub(1);
    }

    pub(super) fn places_taken(&self, queue: QueueId) -> u32 {
        self.taken[queue.index()]
    }

    /// A reload may leave a queue with more callers than it has places from then on.
    pub(super) fn taken_at_reload(&self, queue: QueueId) -> u32 {
        self.taken_at_reload[queue.index()]
    }

    /// A call has entered the queue.
    pub(super) fn line_up(&mut self, queue: QueueId, place: Place) {
        self.lines[queue.index()].insert(place);
    }

    /// A call was answered, or left the queue.
    pub(super) fn leave_line(&mut self, queue: QueueId, place: Place) {
        let was_there = self.lines[queue.index()].remove(&place);
        self.expect(was_there, "a call left a line it was not in");
    }

    /// The place's number in its queue, 1 being the next.
    pub(super) fn position(&self, queue: QueueId, place: Place) -> u32 {
        let ahead = self.lines[queue.index()].rank(&place);
        u32::try_from(ahead).map_or(u32::MAX, |ahead| ahead.saturating_add(1))
    }

    /// Everybody who has entered the queue and was not answered, the most senior first.
    pub(super) fn line(&self, queue: QueueId) -> impl Iterator<Item = Place> + '_ {
        self.lines[queue.index()].iter().copied()
    }

    /// Classes were laid out that nobody needed before.
    pub(super) fn make_room(&mut self, tiers: &Tiers) {
        let classes = tiers.classes().len();
        self.by_class.resize_with(classes.max(self.by_class.len()), Sorted::default);
        self.present.grow(classes);
    }

    pub(super) fn insert(&mut self, class: usize, place: Place) {
        let is_new = self.by_class[class].insert(place);
        self.expect(is_new, "a call waits twice");
        self.present.set(class, true);
        self.len += usize::from(is_new);
    }

    pub(super) fn remove(&mut self, class: usize, place: Place) {
        let was_there = self.by_class[class].remove(&place);
        self.expect(was_there, "a waiting call was nowhere");
        self.present.set(class, !self.by_class[class].is_empty());
        self.len -= usize::from(was_there);
    }

    /// A defect of ours: a test stops, a daemon counts it as a broken law and goes on.
    fn expect(&mut self, holds: bool, otherwise: &str) {
        debug_assert!(holds, "{otherwise}");
        self.breaches += u32::from(!holds);
    }

    /// How many defects were found since they were last asked for.
    pub(super) fn take_breaches(&mut self) -> u32 {
        std::mem::take(&mut self.breaches)
    }

    pub(super) fn holds(&self, class: usize, place: Place) -> bool {
        self.by_class[class].contains(&place)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Classes in which somebody waits.
    pub(super) fn classes(&self) -> &Bits {
        &self.present
    }

    /// The calls of one class that came before this place and have a smaller weight behind them. They are of one weight
    /// unless a reload changed it while they waited.
    pub(super) fn overtaken_by(&self, class: usize, place: Place) -> impl Iterator<Item = Place> + '_ {
        let (Seniority { rank, key }, call) = place;
        (rank.saturating_add(1)..=MOST_WEIGHT).flat_map(move |rank| {
            let first = (Seniority { rank, key: Time::ZERO }, CallId(0));
            self.by_class[class].from(&first).copied().take_while(move |other| *other < (Seniority { rank, key }, call))
        })
    }

    /// The calls of one class, the most senior first.
    pub(super) fn of_class(&self, class: usize) -> impl Iterator<Item = Place> + '_ {
        self.by_class[class].iter().copied()
    }
}
