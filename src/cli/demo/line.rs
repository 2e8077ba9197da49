//! A phone's line: a SIP socket, an RTP socket, and the patience to say things again (RFC 3261 17).
//!
//! One thread a phone waits here. Knows nothing of calls.

use super::audio::{PACKET, Sound, Voice};
use rsip::SipMessage;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// T1 of RFC 3261: when something is said again for the first time.
const T1: Duration = Duration::from_millis(500);
/// When saying it again is given up. RFC 3261 would have 32 s; the engine is on this machine.
const GIVE_UP: Duration = Duration::from_secs(8);
/// A phone that was not given the processor for longer than this leaves the rest unsaid.
const MOST_PACKETS_LATE: u32 = 10;
/// The longest datagram of the engine's.
const DATAGRAM_BYTES: usize = 8_192;

/// A phone's sockets.
#[derive(Debug)]
pub struct Line {
    sip: UdpSocket,
    rtp: UdpSocket,
    engine: SocketAddr,
    again: Option<Again>,
    speaking: Option<Speaking>,
}

/// What came in, if something did.
#[derive(Debug)]
pub enum Heard {
    /// A SIP message.
    Sip(Box<SipMessage>),
    /// RTP.
    Sound(Sound),
    /// Nothing until the time was over.
    Silence,
}

/// Something said until it is answered.
#[derive(Debug)]
struct Again {
    text: String,
    at: Instant,
    gap: Duration,
    until: Instant,
}

#[derive(Debug)]
struct Speaking {
    voice: Voice,
    to: SocketAddr,
    next: Instant,
}

impl Line {
    /// A line to the engine at this address.
    pub fn open(engine: SocketAddr) -> io::Result<Line> {
        let bind = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.set_nonblocking(true)?;
            Ok::<_, io::Error>(socket)
        };
        Ok(Line { sip: bind()?, rtp: bind()?, engine, again: None, speaking: None })
    }

    /// Where its SIP comes from.
    pub fn sip_address(&self) -> io::Result<SocketAddr> {
        self.sip.local_addr()
    }

    /// Where it wants to be sent RTP.
    pub fn rtp_address(&self) -> io::Result<SocketAddr> {
        self.rtp.local_addr()
    }

    /// Says it once: what the engine will ask for again if it was lost.
    pub fn say(&self, text: &str) -> io::Result<()> {
        // A full buffer is a lost datagram, and those are said again.
        match self.sip.send_to(text.as_bytes(), self.engine) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Says it until [`Line::settle`].
    pub fn insist(&mut self, text: String) -> io::Result<()> {
        self.say(&text)?;
        let now = Instant::now();
        self.again = Some(Again { text, at: now + T1, gap: T1, until: now + GIVE_UP });
        Ok(())
    }

    /// It was answered.
    pub fn settle(&mut self) {
        self.again = None;
    }

    /// Whether something is still to be answered.
    pub fn is_insisting(&self) -> bool {
        self.again.is_some()
    }

    /// Sends a voice to this address from now on, 50 packets a second.
    pub fn speak(&mut self, voice: Voice, to: SocketAddr) {
        self.speaking = Some(Speaking { voice, to, next: Instant::now() });
    }

    /// Falls silent.
    pub fn hush(&mut self) {
        self.speaking = None;
    }

    /// Waits until something comes in, or this moment. Speaks meanwhile, and says again what was not answered.
    pub fn wait(&mut self, until: Instant) -> io::Result<Heard> {
        loop {
            let now = Instant::now();
            self.speak_until(now);
            self.say_again(now)?;
            if let Some(heard) = self.receive()? {
                return Ok(heard);
            }
            if now >= until {
                return Ok(Heard::Silence);
            }
            let again = self.again.as_ref().map(|again| again.at);
            let voice = self.speaking.as_ref().map(|speaking| speaking.next);
            let next = [again, voice].into_iter().flatten().fold(until, Instant::min);
            self.sleep(next.saturating_duration_since(now))?;
        }
    }

    fn speak_until(&mut self, now: Instant) {
        let Some(speaking) = &mut self.speaking else { return };
        if now > speaking.next + PACKET * MOST_PACKETS_LATE {
            speaking.next = now;
        }
        while speaking.next <= now {
            // RTP may be lost; a talk in which nothing is heard is found by the one who listens.
            let _ = self.rtp.send_to(&speaking.voice.packet(), speaking.to);
            speaking.next += PACKET;
        }
    }

    fn say_again(&mut self, now: Instant) -> io::Result<()> {
        let Some(again) = self.again.as_mut().filter(|again| again.at <= now) else { return Ok(()) };
        if again.until <= now {
            let first_line = again.text.lines().next().unwrap_or_default();
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer to `{first_line}`")));
        }
        again.gap *= 2;
        again.at = now + again.gap;
        let text = again.text.clone();
        self.say(&text)
    }

    fn receive(&self) -> io::Result<Option<Heard>> {
        let mut buffer = [0; DATAGRAM_BYTES];
        if let Some(length) = take(&self.sip, &mut buffer)? {
            let bytes = buffer.get(..length).unwrap_or_default();
            let message = SipMessage::try_from(bytes).map_err(|error| io::Error::other(error.to_string()))?;
            return Ok(Some(Heard::Sip(Box::new(message))));
        }
        let Some(length) = take(&self.rtp, &mut buffer)? else { return Ok(None) };
        Ok(Sound::read(buffer.get(..length).unwrap_or_default(), Instant::now()).map(Heard::Sound))
    }

    fn sleep(&self, length: Duration) -> io::Result<()> {
        let mut sockets = [PollFd::new(&self.sip, PollFlags::IN), PollFd::new(&self.rtp, PollFlags::IN)];
        let length = Timespec::try_from(length).map_err(io::Error::other)?;
        match poll(&mut sockets, Some(&length)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn take(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match socket.recv_from(buffer) {
        Ok((length, _)) => Ok(Some(length)),
        // An ICMP error of an RTP packet to a leg that has just closed is no more than "nothing came".
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionRefused) => Ok(None),
        Err(error) => Err(error),
    }
}
