//! The engine thread's end of the channel to the media thread, and what wakes that thread.

use centralino::media::Command;
use crossbeam_channel::Sender;
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A command, and with `Open` the bound socket and its address.
pub type Order = (Command, Option<(UdpSocket, SocketAddr)>);

/// The engine thread's end. When it is dropped the media thread ends.
#[derive(Debug)]
pub struct MediaHandle {
    orders: Option<Sender<Order>>,
    wake: Arc<Wake>,
    dropped: AtomicU64,
}

impl MediaHandle {
    /// The sending end of the thread's channel, and what wakes the thread.
    pub fn new(orders: Sender<Order>, wake: Arc<Wake>) -> MediaHandle {
        MediaHandle { orders: Some(orders), wake, dropped: AtomicU64::new(0) }
    }

    /// Hands a command over, with `Open` its bound socket. Never waits: with the channel full the command is dropped
    /// and counted, and the answer is false.
    ///
    /// What nobody hears at once does not wake a sleeping thread, which would cost more than the command: a leg that
    /// says or hears something wakes it every few milliseconds, and [`Self::ring`] does for the others.
    pub fn send(&self, command: Command, socket: Option<(UdpSocket, SocketAddr)>) -> bool {
        let is_quiet = matches!(
            command,
            Command::Open { .. } | Command::Direct { .. } | Command::Measure { .. } | Command::Close { .. }
        );
        let taken = self.orders.as_ref().is_some_and(|orders| orders.try_send((command, socket)).is_ok());
        if !taken {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        if !taken || !is_quiet {
            self.wake.ring();
        }
        taken
    }

    /// Whether there are commands that the thread may still be asleep over.
    pub fn is_behind(&self) -> bool {
        self.orders.as_ref().is_some_and(|orders| !orders.is_empty())
    }

    /// Wakes the thread for them.
    pub fn ring(&self) {
        self.wake.ring();
    }

    /// How many commands were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for MediaHandle {
    fn drop(&mut self) {
        self.orders = None;
        self.wake.ring();
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
