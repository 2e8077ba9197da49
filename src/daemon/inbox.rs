//! What reaches the engine thread, in the one order in which it arrived.
//!
//! Channels that block look again and again, and give way in between, before they sleep: at the rates of a call centre
//! that was most of what a message cost. This one sleeps at once, and who puts something in wakes it if it sleeps.

use super::facts_thread::PlanChanged;
use bytes::Bytes;
use centralino::acd::AgentRequest;
use centralino::b2bua::Change;
use centralino::facts::{Denial, Record};
use centralino::ids::ClipId;
use centralino::media;
use centralino::sip::{Flow, HostName, Place};
use centralino::stats::snapshot::Publisher;
use centralino::time::Time;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::thread::{Thread, current, park_timeout};
use std::time::{Duration, Instant};

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
    /// An agent, or somebody for them, asks for something.
    Ask {
        /// The agent's number.
        number: String,
        /// What for.
        wish: Wish,
        /// Where the answer goes, if it is still wanted.
        reply: tokio::sync::mpsc::Sender<Answer>,
    },
    /// Where a host name is, as the DNS says; nowhere for one that is wanted no more.
    Located(HostName, Vec<Place>),
    /// A new configuration comes into force.
    Reload(Box<Reload>),
    /// SIGTERM or SIGINT: the first drains, the second ends.
    Stop,
}

/// What an agent asks for; reasons are still names, which the engine's plan knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// No calls for a while.
    Pause(Option<String>),
    /// Anything else.
    Request(AgentRequest),
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, or to be done after the call; the agent as explained now.
    Done(String),
    /// It cannot be.
    Denied(Denial),
    /// There is no such agent.
    NoSuchAgent,
}

/// A new configuration, all of it ready to be put in the place of the one before.
#[derive(Debug)]
pub struct Reload {
    /// For the engine.
    pub change: Change,
    /// Sounds that the media thread does not have, by their ids.
    pub sounds: Vec<(ClipId, Arc<media::Clip>)>,
    /// For the readers of facts, and for the tally.
    pub changed: PlanChanged,
    /// The writing end of the tally's new numbers.
    pub publisher: Publisher,
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
    bell: Arc<Bell>,
}

/// The engine thread's end.
#[derive(Debug)]
pub struct Messages {
    receiver: Receiver<Message>,
    bell: Arc<Bell>,
}

/// Wakes the engine thread, if it sleeps.
#[derive(Debug, Default)]
struct Bell {
    sleeper: OnceLock<Thread>,
    is_asleep: AtomicBool,
}

impl Bell {
    /// After something was put in.
    fn ring(&self) {
        // Either this sees the sleeper, or the sleeper's second look sees what was put in: each writes, then reads.
        fence(Ordering::SeqCst);
        if self.is_asleep.load(Ordering::Relaxed)
            && self.is_asleep.swap(false, Ordering::Relaxed)
            && let Some(sleeper) = self.sleeper.get()
        {
            sleeper.unpark();
        }
    }
}

impl Messages {
    /// The next message, if one is there.
    pub fn next(&self) -> Option<Message> {
        self.receiver.try_recv().ok()
    }

    /// The next message, or none after `wait` at the latest. Always called by the same thread.
    pub fn wait(&self, wait: Duration) -> Option<Message> {
        if let Some(message) = self.next() {
            return Some(message);
        }
        self.bell.sleeper.get_or_init(current);
        let until = Instant::now() + wait;
        loop {
            self.bell.is_asleep.store(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            let message = self.next();
            let left = until.saturating_duration_since(Instant::now());
            if message.is_some() || left.is_zero() {
                self.bell.is_asleep.store(false, Ordering::Relaxed);
                return message;
            }
            // It may return for nothing: an earlier wake-up that came after its message was found.
            park_timeout(left);
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.receiver.len()
    }
}

impl Inbox {
    /// The channel to the engine thread.
    pub fn new() -> (Inbox, Messages) {
        let (sender, receiver) = bounded(CAPACITY);
        let bell = Arc::new(Bell::default());
        (Inbox { sender, dropped: Arc::default(), bell: Arc::clone(&bell) }, Messages { receiver, bell })
    }

    /// Hands a message over; false when the engine thread has ended.
    pub fn put(&self, message: Message) -> bool {
        let is_somebody_there = self.put_quietly(message);
        self.bell.ring();
        is_somebody_there
    }

    /// The same for what nobody waits for: it is heard when the engine thread wakes for something else, or at its next
    /// heartbeat. Waking it would cost more than hearing it.
    pub fn put_quietly(&self, message: Message) -> bool {
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
        let sent = self.sender.send(message).is_ok();
        self.bell.ring();
        sent
    }

    /// How many were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::spawn;

    #[test]
    fn no_message_is_slept_through() {
        let (inbox, messages) = Inbox::new();
        let engine = spawn(move || {
            // Long beside the whole test: a message slept through would be seen in its duration.
            (0..20_000).all(|_| messages.wait(Duration::from_secs(10)).is_some())
        });
        let began = Instant::now();
        for number in 0..20_000u32 {
            inbox.put(Message::ConnectionClosed(number.into()));
            if number.is_multiple_of(7) {
                std::thread::yield_now();
            }
        }
        assert!(engine.join().expect("the thread ends"));
        assert!(began.elapsed() < Duration::from_secs(10), "somebody slept");
    }

    #[test]
    fn nothing_comes_after_the_wait() {
        let (inbox, messages) = Inbox::new();
        assert!(messages.wait(Duration::from_millis(1)).is_none());
        inbox.put(Message::Stop);
        assert_eq!(messages.len(), 1);
        assert!(matches!(messages.next(), Some(Message::Stop)));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let (inbox, messages) = Inbox::new();
        for _ in 0..=CAPACITY {
            assert!(inbox.put(Message::Stop));
        }
        assert_eq!(inbox.dropped(), 1);
        drop(messages);
        assert!(!inbox.put(Message::Stop));
    }
}
