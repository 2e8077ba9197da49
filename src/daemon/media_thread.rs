//! A thread that owns RTP sockets and their media engine: what comes in on a socket goes to the engine, what the
//! engine has to say goes out, on time to the millisecond. Nothing in it waits but its one `epoll_wait`, and the rest of
//! a millisecond when packets come so close that those of one are better taken together.

mod handle;
mod sockets;
#[cfg(test)]
mod tests;

use super::clock::Clock;
use super::inbox::{Inbox, Message};
use super::recorder::Recorder;
use centralino::facts::{Fact, Record, Turned};
use centralino::ids::ByLeg;
use centralino::media::{Command, MediaEngine, Output};
use centralino::time::{Duration, Time};
use crossbeam_channel::{Receiver, TryRecvError, bounded};
pub use handle::MediaHandle;
use handle::{Lane, Order, Wake};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
pub use sockets::bind;
use sockets::{Channel, LegSockets, icmp_errors};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// Commands that wait for a thread: several for each leg of the largest configuration.
const COMMANDS: usize = 65_536;
/// Commands obeyed before sockets and the clock have their turn again.
const COMMANDS_A_TURN: usize = 1_024;
/// Before other threads of ours and of others, where the system lets us: a late packet is a click in somebody's ear.
const NICE: i32 = -10;
/// Sockets looked at in one turn.
const READY_A_TURN: usize = 256;
/// Packets closer than this are taken together, and what is between them is no longer waited for.
const CLOSE: Duration = Duration::from_millis(2);
/// The longest datagram that could be RTP of ours; of longer ones the rest is cut off, and the engine refuses them.
const DATAGRAM_BYTES: usize = 2_048;
/// How often counted trouble is told, and how much of it at once: a flood of packets must not become one of messages.
const TELL_EVERY: Duration = Duration::from_millis(100);
const MOST_TOLD: u64 = 100;
/// In nanoseconds.
const MILLISECOND: u64 = 1_000_000;
/// The eventfd's name in the epoll set; legs' sockets are named by `Channel::name`.
const WAKE: u64 = u64::MAX;

/// Starts a thread for each engine.
pub fn spawn(
    engines: Vec<MediaEngine>,
    inbox: &Inbox,
    recorder: &Recorder,
    clock: Clock,
) -> io::Result<(MediaHandle, Vec<JoinHandle<()>>)> {
    let (mut lanes, mut threads) = (Vec::new(), Vec::new());
    for engine in engines {
        let (sender, orders) = bounded(COMMANDS);
        let wake = Arc::new(Wake::new()?);
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, wake.eventfd(), epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        lanes.push(Lane::new(sender, Arc::clone(&wake)));
        let thread = MediaThread {
            engine,
            orders,
            inbox: inbox.clone(),
            recorder: recorder.clone(),
            clock,
            epoll,
            wake,
            sockets: ByLeg::default(),
            datagram: Box::new([0; DATAGRAM_BYTES]),
            heard_at: None,
            is_busy: false,
            out: Output::default(),
            trouble: Trouble::default(),
        };
        threads.push(Builder::new().name("media".into()).spawn(move || thread.run())?);
    }
    Ok((MediaHandle::new(lanes), threads))
}

struct MediaThread {
    engine: MediaEngine,
    orders: Receiver<Order>,
    inbox: Inbox,
    recorder: Recorder,
    clock: Clock,
    epoll: OwnedFd,
    wake: Arc<Wake>,
    sockets: ByLeg<LegSockets>,
    datagram: Box<[u8; DATAGRAM_BYTES]>,
    /// The last turn with a packet.
    heard_at: Option<Time>,
    /// The next packet will not be long.
    is_busy: bool,
    out: Output,
    trouble: Trouble,
}

/// The engine thread has ended: so do we.
struct Over;

impl MediaThread {
    fn run(mut self) {
        // On Linux a thread has a niceness of its own; without the right to it we go on as we are.
        let _ = rustix::process::setpriority_process(None, NICE);
        let mut ready = Vec::with_capacity(READY_A_TURN);
        while self.turn(&mut ready).is_ok() {}
    }

    fn turn(&mut self, ready: &mut Vec<epoll::Event>) -> Result<(), Over> {
        self.collect();
        let timeout = self.sleep();
        ready.clear();
        // An interrupted wait is a wait that found nothing.
        let _ = epoll::wait(&self.epoll, spare_capacity(ready), timeout.as_ref());
        self.engine.expire(self.clock.now(), &mut self.out);
        self.flush()?;
        let mut heard = 0;
        for event in ready.iter() {
            // The event is a packed structure: its fields are copied out.
            let (data, flags) = (event.data, event.flags);
            if data.u64() == WAKE {
                self.wake.hush();
            } else {
                heard += 1;
                self.receive(Channel::named(data.u64()), flags);
                self.flush()?;
            }
        }
        self.obey()?;
        self.flush()?;
        let now = self.clock.now();
        if heard > 0 {
            let before = self.heard_at.replace(now);
            self.is_busy = heard < READY_A_TURN && before.is_some_and(|before| now.since(before) < CLOSE);
        }
        self.trouble.tell(&self.inbox, now)
    }

    /// To be woken costs more than to pass a packet on. While packets come close, what comes up to the next whole
    /// millisecond, when our own sound is due anyway, is taken in one turn; a command ends the wait.
    fn collect(&mut self) {
        if std::mem::take(&mut self.is_busy) {
            let into = self.clock.now().as_nanos() % MILLISECOND;
            let rest = Timespec { tv_sec: 0, tv_nsec: i64::try_from(MILLISECOND - into).unwrap_or(0) };
            let _ = poll(&mut [PollFd::new(self.wake.eventfd(), PollFlags::IN)], Some(&rest));
        }
    }

    /// How long nothing is due; `None` for ever.
    fn sleep(&self) -> Option<Timespec> {
        let due = [self.engine.next_deadline(), self.trouble.due()].into_iter().flatten().min();
        let now = self.clock.now();
        let length = if self.orders.is_empty() { due?.since(now) } else { Duration::ZERO };
        Timespec::try_from(length).ok()
    }

    fn obey(&mut self) -> Result<(), Over> {
        for _ in 0..COMMANDS_A_TURN {
            match self.orders.try_recv() {
                Ok((command, socket)) => self.obey_one(command, socket)?,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(Over),
            }
        }
        Ok(())
    }

    fn obey_one(&mut self, command: Command, socket: Option<(UdpSocket, SocketAddr)>) -> Result<(), Over> {
        let now = self.clock.now();
        match (&command, socket) {
            (&Command::Open { leg, .. }, Some((socket, address))) => {
                match LegSockets::open(&self.epoll, leg, socket, address) {
                    Ok(sockets) => drop(self.sockets.insert(leg, sockets)),
                    Err(_) => self.trouble.count(Turned::RtpPortExhausted, 1, now),
                }
            }
            (Command::Direct { leg, stream }, _) if self.engine.reports() => {
                if let Some(sockets) = self.sockets.get_mut(leg)
                    && !sockets.prepare_control(&self.epoll, *leg, stream.is_muxed)
                {
                    self.trouble.count(Turned::RtcpPortTaken, 1, now);
                }
            }
            _ => {}
        }
        let closed = if let Command::Close { leg } = command { Some(leg) } else { None };
        self.engine.command(command, now, &mut self.out);
        if let Some(leg) = closed {
            // Its last report is still to leave.
            self.flush()?;
            self.sockets.remove(&leg);
        }
        Ok(())
    }

    fn receive(&mut self, Channel { leg, is_control }: Channel, flags: epoll::EventFlags) {
        let Some(socket) = self.sockets.get(&leg).and_then(|sockets| sockets.socket(is_control)) else { return };
        if flags.contains(epoll::EventFlags::ERR) {
            let errors = icmp_errors(socket);
            if !is_control {
                self.trouble.count(Turned::RtpSendFailed, errors, self.clock.now());
            }
        }
        // One datagram a turn: voice comes one by one, and looking for a second would cost as much as the first. What
        // is left makes the next `epoll_wait` return at once. An error is what ICMP left behind; it was counted above.
        if let Ok((length, from)) = socket.recv_from(&mut self.datagram[..]) {
            let datagram = self.datagram.get(..length).unwrap_or_default();
            let now = self.clock.now();
            if is_control {
                self.engine.control(leg, from, datagram, now, &mut self.out);
            } else {
                self.engine.packet(leg, from, datagram, now, &mut self.out);
            }
        }
    }

    /// Sends and tells what the engine produced.
    fn flush(&mut self) -> Result<(), Over> {
        for (leg, to, bytes) in self.out.packets.iter() {
            let Some(socket) = self.sockets.get(&leg).map(LegSockets::media) else { continue };
            // An ICMP error of an earlier packet may surface on this one: it is tried once more.
            if socket.send_to(bytes, to).is_err() && socket.send_to(bytes, to).is_err() {
                self.trouble.count(Turned::RtpSendFailed, 1, self.clock.now());
            }
        }
        for (leg, to, bytes) in self.out.reports.iter() {
            // A report that is lost is followed by another; a phone without RTCP is no trouble of ours.
            if let Some(socket) = self.sockets.get(&leg).and_then(LegSockets::control) {
                let _ = socket.send_to(bytes, to);
            }
        }
        for recorded in self.out.recorded.drain(..) {
            if !self.recorder.put(recorded) {
                self.trouble.count(Turned::RecordingLost, 1, self.clock.now());
            }
        }
        for record in self.out.facts.drain(..) {
            if let Fact::Turned(turned) = record.fact {
                self.trouble.count(turned, 1, record.at);
            } else if !self.inbox.put_quietly(Message::Fact(record)) {
                return Err(Over);
            }
        }
        for (at, event) in self.out.events.drain(..) {
            // A lost `ClipEnded` would leave a caller in the welcome for ever. The engine thread never waits for us,
            // so this cannot be for long.
            if !self.inbox.put_waiting(Message::Media(at, event)) {
                return Err(Over);
            }
        }
        self.out.clear();
        Ok(())
    }
}

/// What was turned away and is still to be told, by kind. Told in portions, nothing of it is lost.
#[derive(Debug, Default)]
struct Trouble {
    counts: [u64; Turned::ALL.len()],
    due: Option<Time>,
}

impl Trouble {
    fn count(&mut self, turned: Turned, times: u64, now: Time) {
        if let Some(count) = self.counts.get_mut(turned.index()).filter(|_| times > 0) {
            *count += times;
            self.due = self.due.or(Some(now + TELL_EVERY));
        }
    }

    fn due(&self) -> Option<Time> {
        self.due
    }

    fn tell(&mut self, inbox: &Inbox, now: Time) -> Result<(), Over> {
        if self.due.is_none_or(|due| due > now) {
            return Ok(());
        }
        for (count, &turned) in self.counts.iter_mut().zip(Turned::ALL) {
            let told = (*count).min(MOST_TOLD);
            for _ in 0..told {
                if !inbox.put_quietly(Message::Fact(Record { at: now, fact: Fact::Turned(turned) })) {
                    return Err(Over);
                }
            }
            *count -= told;
        }
        self.due = self.counts.iter().any(|&count| count > 0).then(|| now + TELL_EVERY);
        Ok(())
    }
}
