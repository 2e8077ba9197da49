//! Datagrams on their way: lost, repeated, delayed each by its own time and so reordered.

use crate::dice::Dice;
use crate::world::Weather;
use bytes::Bytes;
use centralino::time::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Which end a datagram goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Centralino,
    Peers,
}

#[derive(Default)]
pub struct Network {
    underway: BinaryHeap<Reverse<(Time, u64, End, Bytes)>>,
    sent: u64,
}

impl Network {
    pub fn send(&mut self, to: End, bytes: Bytes, now: Time, weather: Weather, dice: &mut Dice) {
        if dice.chance(weather.lost) {
            return;
        }
        let copies = if dice.chance(weather.repeated) { 2 } else { 1 };
        for _ in 0..copies {
            self.sent += 1;
            let at = now + dice.millis(1, weather.delay_ms);
            self.underway.push(Reverse((at, self.sent, to, bytes.clone())));
        }
    }

    pub fn next(&self) -> Option<Time> {
        self.underway.peek().map(|Reverse((at, ..))| *at)
    }

    pub fn arrive(&mut self, now: Time) -> Option<(End, Bytes)> {
        if self.next()? > now {
            return None;
        }
        self.underway.pop().map(|Reverse((_, _, to, bytes))| (to, bytes))
    }
}
