//! What other threads have for the engine thread, in the one order in which it arrived, and how that thread sleeps.
//!
//! It sleeps over the channel and the SIP socket together, so that a datagram wakes one thread and not two. Channels that
//! block look again and again, and give way in between, before they sleep: at the rates of a call centre that was most
//! of what a message cost. This one sleeps at once, and who puts something in wakes it if it sleeps.

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
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::time::Duration;

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
#[derive(Debug)]
struct Bell {
    eventfd: OwnedFd,
    is_asleep: AtomicBool,
}

impl Bell {
    /// After something was put in.
    fn ring(&self) {
        // Either this sees the sleeper, or the sleeper's second look sees what was put in: each writes, then reads.
        fence(Ordering::SeqCst);
        if self.is_asleep.load(Ordering::Relaxed) && self.is_asleep.swap(false, Ordering::Relaxed) {
            // It fails only when 2^64 wake-ups are pending, and then the thread is awake.
            let _ = rustix::io::write(&self.eventfd, &1u64.to_ne_bytes());
        }
    }
}

impl Messages {
    /// The next message, if one is there.
    pub fn next(&self) -> Option<Message> {
        self.receiver.try_recv().ok()
    }

    /// Sleeps until a message is there, the socket has something, or `wait` is over; tells whether the socket has errors.
    /// Always called by the same thread.
    pub fn sleep(&self, socket: impl AsFd, wait: Duration) -> bool {
        self.bell.is_asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let mut awaited = [PollFd::new(&self.bell.eventfd, PollFlags::IN), PollFd::new(&socket, PollFlags::IN)];
        if self.receiver.is_empty() {
            // Interrupted, or longer than can be said, is nothing found.
            let _ = poll(&mut awaited, Timespec::try_from(wait).ok().as_ref());
        }
        self.bell.is_asleep.store(false, Ordering::Relaxed);
        let [bell, socket] = awaited.map(|one| one.revents());
        if bell.contains(PollFlags::IN) {
            let _ = rustix::io::read(&self.bell.eventfd, &mut [0u8; 8]);
        }
        socket.contains(PollFlags::ERR)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.receiver.len()
    }
}

impl Inbox {
    /// The channel to the engine thread.
    pub fn new() -> io::Result<(Inbox, Messages)> {
        let (sender, receiver) = bounded(CAPACITY);
        let eventfd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let bell = Arc::new(Bell { eventfd, is_asleep: AtomicBool::new(false) });
        Ok((Inbox { sender, dropped: Arc::default(), bell: Arc::clone(&bell) }, Messages { receiver, bell }))
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
    use std::net::{Ipv4Addr, UdpSocket};
    use std::thread::spawn;
    use std::time::Instant;

    /// A socket that nobody writes to.
    fn silence() -> UdpSocket {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
    }

    #[test]
    fn no_message_is_slept_through() {
        let (inbox, messages) = Inbox::new().unwrap();
        let engine = spawn(move || {
            let (socket, mut heard) = (silence(), 0);
            while heard < 20_000 {
                // Long beside the whole test: a message slept through would be seen in its duration.
                messages.sleep(&socket, Duration::from_secs(10));
                heard += std::iter::from_fn(|| messages.next()).count();
            }
        });
        let began = Instant::now();
        for number in 0..20_000u32 {
            inbox.put(Message::ConnectionClosed(number.into()));
            if number.is_multiple_of(7) {
                std::thread::yield_now();
            }
        }
        engine.join().expect("the thread ends");
        assert!(began.elapsed() < Duration::from_secs(10), "somebody slept");
    }

    #[test]
    fn nothing_comes_after_the_wait() {
        let (inbox, messages) = Inbox::new().unwrap();
        assert!(!messages.sleep(silence(), Duration::from_millis(1)));
        assert!(messages.next().is_none());
        inbox.put(Message::Stop);
        messages.sleep(silence(), Duration::from_secs(100));
        assert_eq!(messages.len(), 1);
        assert!(matches!(messages.next(), Some(Message::Stop)));
    }

    #[test]
    fn a_datagram_ends_the_sleep() {
        let (_inbox, messages) = Inbox::new().unwrap();
        let (ours, theirs) = (silence(), silence());
        theirs.send_to(b"x", ours.local_addr().unwrap()).unwrap();
        let began = Instant::now();
        assert!(!messages.sleep(&ours, Duration::from_secs(100)));
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let (inbox, messages) = Inbox::new().unwrap();
        for _ in 0..=CAPACITY {
            assert!(inbox.put(Message::Stop));
        }
        assert_eq!(inbox.dropped(), 1);
        drop(messages);
        assert!(!inbox.put(Message::Stop));
    }
}
