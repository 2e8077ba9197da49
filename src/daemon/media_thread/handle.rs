//! The engine thread's end of the channels to the media threads, and what wakes them.

use centralino::media::Command;
use crossbeam_channel::Sender;
use rustix::event::{EventfdFlags, eventfd};
use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A command, and with `Open` the bound socket and its address.
pub type Order = (Command, Option<(UdpSocket, SocketAddr)>);

/// The engine thread's end. When it is dropped the media threads end.
#[derive(Debug)]
pub struct MediaHandle {
    lanes: Vec<Lane>,
    dropped: AtomicU64,
}

/// The way to one media thread: the sending end of its channel, and what wakes it.
#[derive(Debug)]
pub struct Lane {
    orders: Option<Sender<Order>>,
    wake: Arc<Wake>,
    /// Something was sent that somebody hears.
    is_awaited: Cell<bool>,
}

impl Lane {
    pub fn new(orders: Sender<Order>, wake: Arc<Wake>) -> Lane {
        Lane { orders: Some(orders), wake, is_awaited: Cell::new(false) }
    }

    fn send(&self, order: Order) -> bool {
        // What nobody hears at once does not wake a sleeping thread, which would cost more than the command: a leg that
        // says or hears something wakes it every few milliseconds, and `MediaHandle::ring` does for the others.
        let is_quiet = matches!(
            order.0,
            Command::Open { .. } | Command::Direct { .. } | Command::Measure { .. } | Command::Close { .. }
        );
        let taken = self.orders.as_ref().is_some_and(|orders| orders.try_send(order).is_ok());
        self.is_awaited.set(self.is_awaited.get() || !taken || !is_quiet);
        taken
    }

    fn ring_if_awaited(&self) {
        if self.is_awaited.replace(false) {
            self.wake.ring();
        }
    }

    fn is_behind(&self) -> bool {
        self.orders.as_ref().is_some_and(|orders| !orders.is_empty())
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.orders = None;
        self.wake.ring();
    }
}

impl MediaHandle {
    /// One for all these threads, as many as `Settings::threads`.
    pub fn new(lanes: Vec<Lane>) -> MediaHandle {
        MediaHandle { lanes, dropped: AtomicU64::new(0) }
    }

    /// Hands a command to the thread whose leg it is about, or to all of them; with `Open` its bound socket. Never
    /// waits: with a channel full the command is dropped and counted, and the answer is false. It wakes nobody:
    /// [`Self::ring_if_awaited`] does.
    pub fn send(&self, command: Command, socket: Option<(UdpSocket, SocketAddr)>) -> bool {
        let Some(leg) = command.leg() else {
            let missed = self.lanes.iter().filter(|lane| !self.hand(lane, (command.clone(), None))).count();
            return missed == 0;
        };
        let count = u16::try_from(self.lanes.len()).ok().and_then(NonZeroU16::new);
        let lane = count.and_then(|count| self.lanes.get(leg.engine(count)));
        lane.is_some_and(|lane| self.hand(lane, (command, socket)))
    }

    fn hand(&self, lane: &Lane, order: Order) -> bool {
        let taken = lane.send(order);
        if !taken {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Wakes the threads, once for all that was sent since the last time, that were sent what somebody hears.
    pub fn ring_if_awaited(&self) {
        self.lanes.iter().for_each(Lane::ring_if_awaited);
    }

    /// Whether there are commands that a thread may still be asleep over.
    pub fn is_behind(&self) -> bool {
        self.lanes.iter().any(Lane::is_behind)
    }

    /// Wakes the threads that have some.
    pub fn ring(&self) {
        self.lanes.iter().filter(|lane| lane.is_behind()).for_each(|lane| lane.wake.ring());
    }

    /// How many commands were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// What ends the thread's `epoll_wait`, written to once however many commands wait.
#[derive(Debug)]
pub struct Wake {
    eventfd: OwnedFd,
    is_written: AtomicBool,
}

impl Wake {
    /// Not written to yet.
    pub fn new() -> io::Result<Wake> {
        let eventfd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Wake { eventfd, is_written: AtomicBool::new(false) })
    }

    /// For the epoll set: readable once it was rung.
    pub fn eventfd(&self) -> &OwnedFd {
        &self.eventfd
    }

    /// After a command was put into the channel.
    pub fn ring(&self) {
        if !self.is_written.swap(true, Ordering::SeqCst) {
            // It fails only when 2^64 wake-ups are pending, and then the thread is awake.
            let _ = rustix::io::write(&self.eventfd, &1u64.to_ne_bytes());
        }
    }

    /// Before the channel is emptied: whatever is put into it later rings again.
    pub fn hush(&self) {
        let _ = rustix::io::read(&self.eventfd, &mut [0u8; 8]);
        self.is_written.store(false, Ordering::SeqCst);
    }
}
