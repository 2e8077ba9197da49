//! What reaches the engine thread, in the one order in which it arrived.

use bytes::Bytes;
use centralino::facts::Record;
use centralino::media;
use centralino::sip::Flow;
use centralino::time::Time;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Messages that wait for the engine: at 20 us each, about a second and a half of work.
const CAPACITY: usize = 65_536;

/// Something for the engine thread.
#[derive(Debug)]
pub enum Message {
    /// One whole SIP message.
    Sip {
        /// The path it came by.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
        /// When it was read.
        received_at: Time,
    },
    /// Something sent on this flow could not be delivered.
    SendFailed(Flow),
    /// A stream connection is gone.
    ConnectionClosed(u64),
    /// A stream can be cut into messages no further: whatever came before is answered first, then this, then it closes.
    StreamBroken(Flow, Option<Bytes>),
    /// A stream connection has been silent for the configured time.
    ConnectionIdle(u64),
    /// The media thread said something.
    Media(Time, media::Event),
    /// The media thread counted something.
    Fact(Record),
    /// Somebody asks why.
    Explain {
        /// About what.
        question: Question,
        /// Where the answer goes, if it is still wanted; `None` when there is no such thing.
        reply: tokio::sync::mpsc::Sender<Option<String>>,
    },
    /// SIGTERM or SIGINT: the first drains, the second ends.
    Stop,
}

/// What an operator wants explained.
#[derive(Clone, Debug)]
pub enum Question {
    /// A call, by its id.
    Call(u64),
    /// An agent, by their number.
    Agent(String),
}

/// A sender that never waits: what does not fit is dropped and counted, and the peer repeats it or not.
#[derive(Clone, Debug)]
pub struct Inbox {
    sender: Sender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Inbox {
    /// The channel to the engine thread.
    pub fn new() -> (Inbox, Receiver<Message>) {
        let (sender, receiver) = bounded(CAPACITY);
        (Inbox { sender, dropped: Arc::default() }, receiver)
    }

    /// Hands a message over; false when the engine thread has ended.
    pub fn put(&self, message: Message) -> bool {
        match self.sender.try_send(message) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    /// For messages that must not be lost and whose sender may wait (streams, signals).
    pub fn put_waiting(&self, message: Message) -> bool {
        self.sender.send(message).is_ok()
    }

    /// How many were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
