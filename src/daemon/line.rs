//! What waits for the engine thread: datagrams of the SIP socket and messages of other threads, in their order; when they
//! are many, new calls last.
//!
//! Everything that has arrived is taken in before the next of those that wait is heard, so that it is known how many they
//! are, the system's buffer never overflows, and whoever is turned away is told at once. Those who are in a call are
//! heard before those who want to be; all that concerns one call stays in order.

use super::inbox::{Message, Messages};
use super::sip_udp::SipSocket;
use bytes::Bytes;
use centralino::sip::Load;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// Most messages that wait: at 20 us each a third of a second of work. New calls are turned away long before.
const CAPACITY: usize = 16_384;

/// From so many on new calls let the others pass.
const MANY: usize = 16;
/// One new call is heard for so many others at least.
const OTHERS: u32 = 32;

/// The line, and where it is fed from.
#[derive(Debug)]
pub struct Line {
    socket: SipSocket,
    messages: Messages,
    /// Each with whether it is a new call, or ends one.
    waiting: VecDeque<(Message, bool)>,
    /// New calls that let the others pass, and what ends them.
    calls: VecDeque<Message>,
    /// Those who passed since the last of them.
    others: u32,
    /// New calls in both.
    new: usize,
    dropped: u64,
}

impl Line {
    /// Nobody waits.
    pub fn new(socket: SipSocket, messages: Messages) -> Line {
        Line { socket, messages, waiting: VecDeque::new(), calls: VecDeque::new(), others: 0, new: 0, dropped: 0 }
    }

    /// Sleeps until something arrives or `wait` is over; not at all while somebody waits.
    pub fn sleep(&mut self, wait: Duration) {
        if self.waiting.is_empty() && self.calls.is_empty() && self.messages.sleep(&self.socket, wait) {
            self.socket.look_for_errors();
        }
    }

    /// The next of another thread that is not in the line yet.
    pub fn message(&mut self) -> Option<Message> {
        self.messages.next()
    }

    /// The next that the socket has.
    pub fn datagram(&mut self) -> Option<Message> {
        if let Some(flow) = self.socket.undelivered() {
            return Some(Message::SendFailed(flow));
        }
        let datagram = self.socket.receive()?;
        let bytes = Bytes::copy_from_slice(datagram.bytes);
        Some(Message::Sip { flow: datagram.flow, bytes, received_at: datagram.received_at })
    }

    /// Lets it wait; with no room it is lost, and counted.
    pub fn put(&mut self, message: Message, is_call: bool) {
        if self.waiting.len() + self.calls.len() >= CAPACITY {
            self.dropped += 1;
            return;
        }
        self.new += usize::from(is_call);
        // What ends a call does not pass it.
        if is_call && (self.waiting.len() >= MANY || !self.calls.is_empty()) {
            self.calls.push_back(message);
        } else {
            self.waiting.push_back((message, is_call));
        }
    }

    /// Whose turn it is, and whether it is a new call.
    pub fn next(&mut self) -> Option<(Message, bool)> {
        let is_turn_of_calls = self.waiting.is_empty() || self.others >= OTHERS && !self.calls.is_empty();
        let next = match is_turn_of_calls {
            true => self.calls.pop_front().map(|message| (message, true)),
            false => self.waiting.pop_front(),
        };
        self.others = if is_turn_of_calls { 0 } else { self.others + 1 };
        self.new -= usize::from(next.as_ref().is_some_and(|(_, is_call)| *is_call));
        next
    }

    /// How many wait.
    pub fn load(&self) -> Load {
        Load { messages: self.waiting.len() + self.calls.len() + self.messages.len(), calls: self.new }
    }

    /// How many were lost for want of room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Sends a datagram; false when the system does not take it.
    pub fn send(&mut self, remote: SocketAddr, bytes: &[u8]) -> bool {
        self.socket.send(remote, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Clock;
    use super::super::inbox::Inbox;
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn new_calls_are_heard_in_turn_among_few_and_last_among_many() {
        let (_inbox, messages) = Inbox::new().unwrap();
        let socket = SipSocket::bind((Ipv4Addr::LOCALHOST, 0).into(), Clock::start()).unwrap();
        let mut line = Line::new(socket, messages);
        let mut hear = |calls: &[u64], count| -> Vec<(u64, bool)> {
            (0..count).for_each(|at| line.put(Message::ConnectionClosed(at), calls.contains(&at)));
            let heard = std::iter::from_fn(|| line.next()).map(|(message, is_call)| match message {
                Message::ConnectionClosed(at) => (at, is_call),
                other => panic!("{other:?}"),
            });
            heard.collect()
        };
        let few = hear(&[0, 5], 10);
        assert!(few.iter().map(|(at, _)| *at).eq(0..10), "{few:?}");
        let many = hear(&[20, 30], 100);
        let calls = many.iter().enumerate().filter(|(_, (_, is_call))| *is_call).map(|(turn, (at, _))| (turn, *at));
        assert_eq!(calls.collect::<Vec<_>>(), [(32, 20), (65, 30)], "others pass, not for ever");
        assert_eq!((many.len(), line.load()), (100, Load::default()));
    }
}
