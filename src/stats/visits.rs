//! The waiting calls, as the tally remembers them: bounded, no allocation after the start, oldest of each queue at hand.
//!
//! Does not count anything.

use crate::ids::CallId;
use crate::time::Time;
use std::collections::HashMap;

/// One stay in one queue that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    /// Position of the service and queue in the layout's routes.
    pub(super) route: usize,
    /// Position of the queue.
    pub(super) queue: usize,
    /// When the wait began.
    pub(super) entered_at: Time,
    /// Bit n: threshold number n has passed, the call is a miss there for good; or it never judged the call.
    pub(super) passed: u32,
}

/// Why a visit cannot be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotRemembered {
    /// The call is waiting already.
    Known,
    /// Every place is taken.
    Full,
}

/// All visits that are not over; each queue's are linked in the order of their entry.
#[derive(Debug)]
pub(super) struct Visits {
    by_call: HashMap<CallId, usize>,
    nodes: Vec<Node>,
    free: Vec<usize>,
    ends: Vec<Ends>,
    bound: usize,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    visit: Visit,
    older: Option<usize>,
    younger: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    oldest: Option<usize>,
    youngest: Option<usize>,
}

impl Visits {
    /// Room for `calls` visits in `queues` queues.
    pub(super) fn new(calls: usize, queues: usize) -> Visits {
        Visits {
            // Twice the room: a map at most half full clears its graves in place and never grows.
            by_call: HashMap::with_capacity(calls.saturating_mul(2)),
            nodes: Vec::with_capacity(calls),
            free: Vec::with_capacity(calls),
            ends: vec![Ends::default(); queues],
            bound: calls,
        }
    }

    /// After a reload: room for more calls and queues, and the routes where they are now.
    pub(super) fn grow(&mut self, calls: usize, queues: usize, route: impl Fn(usize) -> usize) {
        self.bound = self.bound.max(calls);
        let more = self.bound - self.nodes.len();
        self.nodes.reserve(more);
        self.free.reserve(self.bound - self.free.len());
        self.by_call.reserve(self.bound.saturating_mul(2) - self.by_call.len());
        self.ends.resize(queues.max(self.ends.len()), Ends::default());
        // Those of places that are free mean nothing.
        self.nodes.iter_mut().for_each(|node| node.visit.route = route(node.visit.route));
    }

    /// Remembers a call from its entry on.
    pub(super) fn enter(&mut self, call: CallId, visit: Visit) -> Result<(), NotRemembered> {
        if self.by_call.contains_key(&call) {
            return Err(NotRemembered::Known);
        }
        let place = self.place(visit).ok_or(NotRemembered::Full)?;
        self.by_call.insert(call, place);
        self.link(place, visit);
        Ok(())
    }

    /// The visit of a waiting call.
    pub(super) fn get_mut(&mut self, call: CallId) -> Option<&mut Visit> {
        let place = *self.by_call.get(&call)?;
        self.nodes.get_mut(place).map(|node| &mut node.visit)
    }

    /// Forgets a call whose visit is over, and says what it was.
    pub(super) fn leave(&mut self, call: CallId) -> Option<Visit> {
        let place = self.by_call.remove(&call)?;
        let node = self.nodes[place];
        let ends = &mut self.ends[node.visit.queue];
        match node.older {
            Some(older) => self.nodes[older].younger = node.younger,
            None => ends.oldest = node.younger,
        }
        match node.younger {
            Some(younger) => self.nodes[younger].older = node.older,
            None => ends.youngest = node.older,
        }
        self.free.push(place);
        Some(node.visit)
    }

    /// When the longest waiting call of a queue entered.
    pub(super) fn oldest(&self, queue: usize) -> Option<Time> {
        self.ends[queue].oldest.map(|place| self.nodes[place].visit.entered_at)
    }

    fn place(&mut self, visit: Visit) -> Option<usize> {
        let node = Node { visit, older: None, younger: None };
        if let Some(place) = self.free.pop() {
            self.nodes[place] = node;
            return Some(place);
        }
        if self.nodes.len() >= self.bound {
            return None;
        }
        self.nodes.push(node);
        Some(self.nodes.len() - 1)
    }

    // Entries come in order of time, so the search from the young end stops at once, or nearly.
    fn link(&mut self, place: usize, visit: Visit) {
        let mut older = self.ends[visit.queue].youngest;
        while let Some(other) = older.filter(|other| self.nodes[*other].visit.entered_at > visit.entered_at) {
            older = self.nodes[other].older;
        }
        let younger = match older {
            Some(older) => self.nodes[older].younger.replace(place),
            None => self.ends[visit.queue].oldest.replace(place),
        };
        match younger {
            Some(younger) => self.nodes[younger].older = Some(place),
            None => self.ends[visit.queue].youngest = Some(place),
        }
        self.nodes[place].older = older;
        self.nodes[place].younger = younger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn visit(seconds: u64) -> Visit {
        Visit { route: 0, queue: 0, entered_at: Time::from_millis(seconds * 1000), passed: 0 }
    }

    #[test]
    fn a_full_memory_says_so_and_has_room_again_after_a_leaving() {
        let mut visits = Visits::new(2, 1);
        for call in 0..2 {
            assert_eq!(visits.enter(CallId(call), visit(call)), Ok(()));
        }
        assert_eq!(visits.enter(CallId(0), visit(9)), Err(NotRemembered::Known));
        assert_eq!(visits.enter(CallId(99), visit(9)), Err(NotRemembered::Full));
        assert_eq!(visits.leave(CallId(0)), Some(visit(0)));
        assert_eq!(visits.enter(CallId(99), visit(9)), Ok(()));
        assert_eq!(visits.leave(CallId(0)), None);
    }

    proptest! {
        #[test]
        fn the_oldest_is_the_least_entry_time(steps in prop::collection::vec((0u64..12, 0u64..100, any::<bool>()), 1..200)) {
            let mut visits = Visits::new(16, 1);
            let mut model: Vec<(u64, u64)> = Vec::new();
            for (call, seconds, enters) in steps {
                if enters {
                    let known = model.iter().any(|(other, _)| *other == call);
                    prop_assert_eq!(visits.enter(CallId(call), visit(seconds)).is_ok(), !known);
                    if !known { model.push((call, seconds)); }
                } else {
                    let known = model.iter().position(|(other, _)| *other == call).map(|at| model.swap_remove(at));
                    prop_assert_eq!(visits.leave(CallId(call)), known.map(|(_, seconds)| visit(seconds)));
                }
                let oldest = model.iter().map(|(_, seconds)| visit(*seconds).entered_at).min();
                prop_assert_eq!(visits.oldest(0), oldest);
            }
        }
    }
}
