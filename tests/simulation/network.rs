//! Datagrams on their way: lost, repeated, delayed each by its own time and so reordered. Streams are only late.

use crate::dice::Dice;
use crate::world::Weather;
use bytes::Bytes;
use centralino::sip::{Flow, Transport};
use centralino::time::Time;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Which end a datagram goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Centralino,
    Peers,
}

/// Where it goes, by which way (as Centralino sees it), and what it is.
pub type Packet = (End, Flow, Bytes);

#[derive(Default)]
pub struct Network {
    underway: BinaryHeap<Reverse<(Time, u64, Packet)>>,
    sent: u64,
    /// Streams keep their order: when the last piece arrives, by end and stream.
    streams: BTreeMap<(End, u64), Time>,
}

impl Network {
    pub fn send(&mut self, packet: Packet, now: Time, weather: Weather, dice: &mut Dice) {
        let (to, flow, _) = &packet;
        if flow.transport == Transport::Tcp {
            let arrives = self.streams.entry((*to, flow.connection)).or_insert(now);
            *arrives = (*arrives).max(now + dice.millis(1, weather.delay_ms));
            self.sent += 1;
            return self.underway.push(Reverse((*arrives, self.sent, packet)));
        }
        if dice.chance(weather.lost) {
            return;
        }
        let copies = if dice.chance(weather.repeated) { 2 } else { 1 };
        for _ in 0..copies {
            self.sent += 1;
            let at = now + dice.millis(1, weather.delay_ms);
            self.underway.push(Reverse((at, self.sent, packet.clone())));
        }
    }

    pub fn next(&self) -> Option<Time> {
        self.underway.peek().map(|Reverse((at, ..))| *at)
    }

    pub fn arrive(&mut self, now: Time) -> Option<Packet> {
        if self.next()? > now {
            return None;
        }
        self.underway.pop().map(|Reverse((_, _, packet))| packet)
    }
}
