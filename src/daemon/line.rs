//! What waits for the engine thread: datagrams of the SIP socket and messages of other threads, in one line.
//!
//! Everything that has arrived is taken in before the next of those that wait is heard, so that it is known how many they
//! are, the system's buffer never overflows, and whoever is turned away is told at once.

use super::inbox::{Message, Messages};
use super::sip_udp::SipSocket;
use bytes::Bytes;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// Most messages that wait: at 20 us each a third of a second of work. New calls are turned away long before.
const CAPACITY: usize = 16_384;

/// The line, and where it is fed from.
#[derive(Debug)]
pub struct Line {
    socket: SipSocket,
    messages: Messages,
    waiting: VecDeque<Message>,
    dropped: u64,
}

impl Line {
    /// Nobody waits.
    pub fn new(socket: SipSocket, messages: Messages) -> Line {
        Line { socket, messages, waiting: VecDeque::new(), dropped: 0 }
    }

    /// Sleeps until something arrives or `wait` is over; not at all while somebody waits.
    pub fn sleep(&mut self, wait: Duration) {
        if self.waiting.is_empty() && self.messages.sleep(&self.socket, wait) {
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
    pub fn put(&mut self, message: Message) {
        if self.waiting.len() < CAPACITY {
            self.waiting.push_back(message);
        } else {
            self.dropped += 1;
        }
    }

    /// Whose turn it is.
    pub fn next(&mut self) -> Option<Message> {
        self.waiting.pop_front()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len() + self.messages.len()
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
