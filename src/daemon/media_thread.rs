//! The thread that owns the RTP sockets and the media engine: what comes in on a socket goes to the engine, what the
//! engine has to say goes out, on time to the millisecond. Nothing in it waits but its one `epoll_wait`, and the rest of
//! a millisecond when packets come so close that those of one are better taken together.

mod handle;
mod sockets;

use super::clock::Clock;
use super::inbox::{Inbox, Message};
use super::recorder::Recorder;
use centralino::facts::{Fact, Record, Turned};
use centralino::ids::ByLeg;
use centralino::media::{Command, MediaEngine, Output};
use centralino::time::{Duration, Time};
use crossbeam_channel::{Receiver, TryRecvError, bounded};
pub use handle::MediaHandle;
use handle::{Order, Wake};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
pub use sockets::bind;
use sockets::{Channel, LegSockets, icmp_errors};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// Commands that wait for the thread: several for each leg of the largest configuration.
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

/// Starts the thread.
pub fn spawn(
    engine: MediaEngine,
    inbox: Inbox,
    recorder: Recorder,
    clock: Clock,
) -> io::Result<(MediaHandle, JoinHandle<()>)> {
    let (sender, orders) = bounded(COMMANDS);
    let wake = Arc::new(Wake::new()?);
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, wake.eventfd(), epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
    let handle = MediaHandle::new(sender, Arc::clone(&wake));
    let thread = MediaThread {
        engine,
        orders,
        inbox,
        recorder,
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
    Ok((handle, Builder::new().name("media".into()).spawn(move || thread.run())?))
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

#[cfg(test)]
mod tests {
    use super::super::inbox::Messages;
    use super::*;
    use crate::daemon::recorder;
    use centralino::config::RecordingSettings;
    use centralino::ids::{ClipId, LegId};
    use centralino::media::{Clip, Codec, Event, Settings, Stream};
    use std::net::{IpAddr, Ipv4Addr};

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

    struct Bench {
        handle: MediaHandle,
        thread: JoinHandle<()>,
        messages: Messages,
        clip: Clip,
    }

    fn bench() -> Bench {
        let settings = Settings { silent_after: None, ..Settings::default() };
        let clip = Clip::from_samples((0..1_600).map(|n| n * 20).collect()).unwrap();
        let engine = MediaEngine::new(settings, vec![clip.clone()], [1; 32]);
        let (inbox, messages) = Inbox::new();
        let (handle, thread) = spawn(engine, inbox.clone(), nowhere(inbox), Clock::start()).unwrap();
        Bench { handle, thread, messages, clip }
    }

    /// A recorder whom nobody gives anything to record.
    fn nowhere(inbox: Inbox) -> Recorder {
        let settings = RecordingSettings { directory: "/nowhere".into(), days: 0 };
        recorder::spawn(settings, inbox).unwrap().0
    }

    /// The next message, quiet ones included, as the engine thread's heartbeat finds them.
    fn heard(messages: &Messages) -> Message {
        let beats = std::iter::repeat_with(|| messages.wait(Duration::from_millis(10))).take(1_000);
        beats.flatten().next().unwrap()
    }

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind((LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    impl Bench {
        /// Opens a leg towards this address; its own address is the answer.
        fn leg(&self, leg: LegId, remote: SocketAddr) -> SocketAddr {
            let ours = bind(SocketAddr::new(LOCALHOST, 0)).unwrap();
            let address = ours.local_addr().unwrap();
            assert!(self.handle.send(Command::Open { leg, port: address.port() }, Some((ours, address))));
            let stream = Stream::plain(remote, Codec::Pcma);
            assert!(self.handle.send(Command::Direct { leg, stream }, None));
            address
        }

        fn event(&self) -> Event {
            loop {
                match heard(&self.messages) {
                    Message::Media(_, event) => return event,
                    Message::Fact(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        }

        fn end(self) {
            drop(self.handle);
            self.thread.join().unwrap();
        }
    }

    fn hear(socket: &UdpSocket) -> Vec<u8> {
        let mut buffer = [0; 2_048];
        let (length, _) = socket.recv_from(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    #[test]
    fn a_clip_goes_out_over_a_socket_at_its_pace() {
        let bench = bench();
        let phone = socket();
        let (leg, clip) = (LegId(1), ClipId(0));
        bench.leg(leg, phone.local_addr().unwrap());
        let began = Clock::start();
        bench.handle.send(Command::PlayOnce { leg, clip }, None);
        let heard: Vec<u8> = (0..10).flat_map(|_| hear(&phone).split_off(12)).collect();
        let took = began.now().since(Time::ZERO);
        assert_eq!(heard, bench.clip.bytes(Codec::Pcma));
        assert!(took >= Duration::from_millis(150), "ten packets in {took:?}");
        assert_eq!(bench.event(), Event::ClipEnded { leg, clip });
        bench.end();
    }

    #[test]
    fn two_phones_hear_each_other() {
        let bench = bench();
        let (one, other) = (socket(), socket());
        let (a, b) = (LegId(1), LegId(2));
        let to_a = bench.leg(a, one.local_addr().unwrap());
        let to_b = bench.leg(b, other.local_addr().unwrap());
        bench.handle.send(Command::Join { a, b }, None);
        assert_eq!(bench.event(), Event::Joined { a, b });
        let mut packet = vec![0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9];
        packet.resize(172, 0x55);
        one.send_to(&packet, to_a).unwrap();
        assert_eq!(hear(&other)[12..], packet[12..]);
        packet[12..].fill(0xAA);
        other.send_to(&packet, to_b).unwrap();
        assert_eq!(hear(&one)[12..], packet[12..]);
        bench.handle.send(Command::Close { leg: a }, None);
        bench.handle.send(Command::Close { leg: b }, None);
        bench.end();
    }

    #[test]
    fn reports_leave_from_the_next_port_and_the_last_one_says_goodbye() {
        let bench = bench();
        // A phone with two neighbouring ports.
        let (phone, control) = std::iter::repeat_with(socket)
            .find_map(|phone| {
                let next = phone.local_addr().unwrap().port().checked_add(1)?;
                Some((phone, UdpSocket::bind((LOCALHOST, next)).ok()?))
            })
            .unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        let leg = LegId(1);
        let ours = bench.leg(leg, phone.local_addr().unwrap());
        bench.handle.send(Command::Close { leg }, None);
        bench.handle.ring();
        let mut buffer = [0; 200];
        let (length, from) = control.recv_from(&mut buffer).unwrap();
        assert_eq!((from.ip(), from.port()), (ours.ip(), ours.port() + 1));
        assert_eq!(buffer[1], 201, "nothing was sent: a receiver report");
        assert_eq!(buffer[length - 7], 203, "and a goodbye");
        bench.end();
    }

    #[test]
    fn icmp_errors_are_counted_and_end_nothing() {
        let bench = bench();
        let phone = socket();
        let nobody = socket().local_addr().unwrap();
        let (leg, clip) = (LegId(1), ClipId(0));
        let port = bench.leg(leg, nobody);
        bench.handle.send(Command::PlayMusic { leg, clip: Some(clip) }, None);
        let told = heard(&bench.messages);
        let Message::Fact(Record { fact, .. }) = told else { panic!("{told:?}") };
        assert_eq!(fact, Fact::Turned(Turned::RtpSendFailed));
        // The phone turns up elsewhere on the same host and is heard at once.
        phone.send_to(&[0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9, 0xD5], port).unwrap();
        assert_eq!(hear(&phone).len(), 172);
        bench.end();
    }

    #[test]
    fn a_flood_of_trouble_is_told_in_portions_and_completely() {
        let (inbox, messages) = Inbox::new();
        let mut trouble = Trouble::default();
        trouble.count(Turned::RtpStranger, 250, Time::ZERO);
        let mut told = Vec::new();
        for step in 0..5 {
            let _ = trouble.tell(&inbox, Time::from_millis(100 * step));
            told.push(std::iter::from_fn(|| messages.next()).count());
        }
        assert_eq!(told, [0, 100, 100, 50, 0]);
        assert_eq!(trouble.due(), None);
    }

    #[test]
    fn a_dead_thread_makes_commands_count_as_dropped() {
        let Bench { handle, thread, messages, .. } = bench();
        drop(messages);
        // Something to say finds nobody to say it to.
        for leg in [LegId(1), LegId(2)] {
            let address = SocketAddr::new(LOCALHOST, 0);
            handle.send(Command::Open { leg, port: 1 }, Some((bind(address).unwrap(), address)));
        }
        handle.send(Command::Join { a: LegId(1), b: LegId(2) }, None);
        thread.join().unwrap();
        assert_eq!((handle.send(Command::Part { leg: LegId(1) }, None), handle.dropped()), (false, 1));
    }
}
