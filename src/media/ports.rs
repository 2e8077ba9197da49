//! The RTP ports: even ones, each rested after use, the longest rested first.

use crate::time::{Duration, Time};
use std::collections::VecDeque;

/// How long the socket of a port that nobody was told of may take to be closed.
const CLOSING: Duration = Duration::from_millis(100);

/// Which port is whose turn. Late packets of an ended call must not reach the next one, so a released port drains
/// before it is reserved again; and as ports go round in a ring, it rests as long as the others allow.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    drain: Duration,
    /// Free ports and from when on each may be used; the order of release is the order of these moments.
    free: VecDeque<(u16, Time)>,
    /// The same of ports that nobody was told of: they rest only until their sockets are closed.
    untold: VecDeque<(u16, Time)>,
    reserved: Vec<bool>,
}

impl Ports {
    /// All even ports of the range whose odd neighbour (RTCP, RFC 3550 11) is in it too.
    pub fn new((first, last): (u16, u16), drain: Duration) -> Ports {
        let even = (first..last).filter(|port| port.is_multiple_of(2));
        let free: VecDeque<_> = even.map(|port| (port, Time::ZERO)).collect();
        let reserved = vec![false; free.len()];
        Ports { first: first.next_multiple_of(2), drain, free, untold: VecDeque::new(), reserved }
    }

    /// The next port that has rested; `None` when all are in use or still draining.
    pub fn reserve(&mut self, now: Time) -> Option<u16> {
        let rested = |ports: &mut VecDeque<(u16, Time)>| {
            ports.pop_front_if(|(_, usable_from)| *usable_from <= now).map(|(port, _)| port)
        };
        let port = rested(&mut self.untold).or_else(|| rested(&mut self.free))?;
        if let Some(reserved) = self.slot(port) {
            *reserved = true;
        }
        Some(port)
    }

    /// From when on `reserve` gives a port; `None` while all are in use.
    pub fn next_at(&self) -> Option<Time> {
        [self.untold.front(), self.free.front()].into_iter().flatten().map(|&(_, at)| at).min()
    }

    /// Gives a reserved port back; it drains from now on. Any other port is ignored.
    pub fn release(&mut self, port: u16, now: Time) {
        if let Some(reserved) = self.slot(port).filter(|reserved| **reserved) {
            *reserved = false;
            self.free.push_back((port, now + self.drain));
        }
    }

    /// [`Ports::release`] of a port that stood in no SDP: no late packet can come.
    pub fn release_untold(&mut self, port: u16, now: Time) {
        if let Some(reserved) = self.slot(port).filter(|reserved| **reserved) {
            *reserved = false;
            self.untold.push_back((port, now + CLOSING.min(self.drain)));
        }
    }

    /// Whether this port is in use now.
    pub fn is_reserved(&self, port: u16) -> bool {
        self.position(port).and_then(|position| self.reserved.get(position)).copied().unwrap_or(false)
    }

    /// How many ports are in use.
    pub fn in_use(&self) -> usize {
        self.reserved.len() - self.free.len() - self.untold.len()
    }

    /// How many ports there are.
    pub fn capacity(&self) -> usize {
        self.reserved.len()
    }

    fn position(&self, port: u16) -> Option<usize> {
        port.is_multiple_of(2).then(|| port.checked_sub(self.first)).flatten().map(|offset| usize::from(offset / 2))
    }

    fn slot(&mut self, port: u16) -> Option<&mut bool> {
        let position = self.position(port)?;
        self.reserved.get_mut(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAIN: Duration = Duration::from_secs(5);

    #[test]
    fn only_even_ports_with_room_for_rtcp() {
        let all = |range| {
            let mut ports = Ports::new(range, DRAIN);
            std::iter::from_fn(|| ports.reserve(Time::ZERO)).collect::<Vec<_>>()
        };
        assert_eq!(all((20_000, 20_005)), [20_000, 20_002, 20_004]);
        assert_eq!(all((20_001, 20_006)), [20_002, 20_004]);
        assert_eq!(all((65_533, 65_535)), [65_534]);
        assert_eq!(all((20_000, 20_000)), Vec::<u16>::new());
    }

    #[test]
    fn a_released_port_rests_and_the_longest_rested_comes_first() {
        let mut ports = Ports::new((20_000, 20_003), DRAIN);
        let (a, b) = (ports.reserve(Time::ZERO).unwrap(), ports.reserve(Time::ZERO).unwrap());
        assert_eq!((ports.reserve(Time::ZERO), ports.in_use(), ports.capacity()), (None, 2, 2));
        ports.release(b, Time::from_millis(1_000));
        ports.release(a, Time::from_millis(2_000));
        assert_eq!((ports.reserve(Time::from_millis(5_999)), ports.in_use()), (None, 0));
        assert_eq!(ports.reserve(Time::from_millis(6_000)), Some(b));
        assert_eq!(ports.reserve(Time::from_millis(6_999)), None);
        assert_eq!(ports.reserve(Time::from_millis(7_000)), Some(a));
    }

    #[test]
    fn a_port_that_nobody_was_told_of_hardly_rests() {
        let mut ports = Ports::new((20_000, 20_003), DRAIN);
        let (told, untold) = (ports.reserve(Time::ZERO).unwrap(), ports.reserve(Time::ZERO).unwrap());
        ports.release(told, Time::ZERO);
        ports.release_untold(untold, Time::ZERO);
        ports.release_untold(untold, Time::ZERO);
        assert_eq!((ports.reserve(Time::from_millis(99)), ports.in_use()), (None, 0));
        assert_eq!(ports.reserve(Time::from_millis(100)), Some(untold));
        assert_eq!((ports.reserve(Time::from_millis(4_999)), ports.in_use()), (None, 1));
        assert_eq!(ports.reserve(Time::from_millis(5_000)), Some(told));
    }

    #[test]
    fn releasing_twice_or_what_is_not_ours_changes_nothing() {
        let mut ports = Ports::new((20_000, 20_003), DRAIN);
        let port = ports.reserve(Time::ZERO).unwrap();
        assert!(ports.is_reserved(port) && !ports.is_reserved(port + 1) && !ports.is_reserved(20_002));
        for port in [port, port, 20_001, 20_002, 30_000, 0] {
            ports.release(port, Time::ZERO);
        }
        assert_eq!((ports.in_use(), ports.free.len()), (0, 2));
    }
}
