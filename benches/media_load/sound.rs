//! What the phones hear and say, and what saying it costs at least.

use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The longest silence in a caller's ear that is no fault.
pub const GAP: Duration = Duration::from_millis(100);
/// What the phones say; no music sounds like it.
const VOICE: u8 = 0x2A;
/// Packets taken at one look: their moment is that of the look.
const A_LOOK: usize = 1_024;
/// What came is looked at so often: whom the kernel wakes for a packet, the packet's sender pays for on this machine.
const LOOKS: Duration = Duration::from_millis(1);

/// A socket that never waits, with room for what comes between two looks at it.
pub fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 32 << 20)
        .or_else(|_| rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 32 << 20));
    socket.set_nonblocking(true).unwrap();
    socket
}

/// What came in.
#[derive(Clone, Debug)]
pub struct Heard {
    pub seconds: f64,
    pub packets: u64,
    pub lost: u64,
    pub gaps: u64,
    pub longest: Duration,
    /// When a voice, not music, first came from a port.
    pub voices: HashMap<u16, Instant>,
    /// Gaps by their milliseconds.
    by_length: Vec<u64>,
}

impl Heard {
    /// The gap that so large a share of all gaps do not exceed.
    pub fn gap(&self, share: f64) -> Duration {
        let rank = (self.by_length.iter().sum::<u64>() as f64 * share) as u64;
        let mut seen = 0;
        let reaches = |count: &u64| {
            seen += count;
            seen > rank
        };
        Duration::from_millis(self.by_length.iter().position(reaches).unwrap_or(0) as u64)
    }
}

/// Before other programs, as the daemon's media threads: what is late is to be the daemon's fault.
fn hurry() {
    let _ = rustix::process::setpriority_process(None, -10);
}

/// Hears all streams, told apart by the port they come from.
pub struct Ear {
    counts: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<Heard>,
}

impl Ear {
    pub fn new(socket: UdpSocket) -> Ear {
        let (counts, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let flags = (Arc::clone(&counts), Arc::clone(&over));
        Ear { counts, over, thread: thread::spawn(move || hear(&socket, &flags.0, &flags.1)) }
    }

    /// Begins to count.
    pub fn listen(&self) {
        self.counts.store(true, Ordering::SeqCst);
    }

    pub fn stop(self, window: Duration) -> Heard {
        self.over.store(true, Ordering::SeqCst);
        Heard { seconds: window.as_secs_f64(), ..self.thread.join().unwrap() }
    }
}

fn hear(socket: &UdpSocket, counts: &AtomicBool, over: &AtomicBool) -> Heard {
    hurry();
    let mut streams: Vec<Option<(u16, Instant)>> = vec![None; 65_536];
    let by_length = vec![0; 1_000];
    let (voices, longest) = (HashMap::new(), Duration::ZERO);
    let mut heard = Heard { seconds: 0.0, packets: 0, lost: 0, gaps: 0, longest, voices, by_length };
    let mut buffer = [0; 2_048];
    while !over.load(Ordering::Relaxed) {
        let (now, counts, mut left) = (Instant::now(), counts.load(Ordering::Relaxed), A_LOOK);
        while left > 0 {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { break };
            left -= 1;
            if length < 20 {
                continue;
            }
            if buffer[12..20] == [VOICE; 8] {
                heard.voices.entry(from.port()).or_insert(now);
            }
            if !counts {
                continue;
            }
            let sequence = u16::from_be_bytes([buffer[2], buffer[3]]);
            heard.packets += 1;
            if let Some((last, at)) = streams[usize::from(from.port())].replace((sequence, now)) {
                let gap = now - at;
                heard.lost += u64::from(sequence.wrapping_sub(last).saturating_sub(1));
                heard.gaps += u64::from(gap > GAP);
                heard.longest = heard.longest.max(gap);
                heard.by_length[(gap.as_millis() as usize).min(999)] += 1;
            }
        }
        if left > 0 {
            thread::sleep(LOOKS);
        }
    }
    heard
}

/// Speaks to addresses, 50 packets a second to each from when it is told of it.
pub struct Mouth {
    far: Option<Sender<SocketAddr>>,
    thread: Option<thread::JoinHandle<u64>>,
}

impl Mouth {
    pub fn new(socket: UdpSocket) -> Mouth {
        let (far, told) = channel();
        let sockets = vec![socket];
        Mouth { far: Some(far), thread: Some(thread::spawn(move || speak(&sockets, &told))) }
    }

    /// Speaks to this one as well.
    pub fn also(&self, far: SocketAddr) {
        let _ = self.far.as_ref().map(|told| told.send(far));
    }
}

impl Drop for Mouth {
    fn drop(&mut self) {
        self.far = None;
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// A stream to each address, from the sockets in turn, until there is nobody to tell of more; returns the packets sent.
/// The first packet of a stream leaves in the millisecond after it is told of, or in the next one that is less full.
fn speak(sockets: &[UdpSocket], told: &Receiver<SocketAddr>) -> u64 {
    use std::sync::mpsc::TryRecvError::{Disconnected, Empty};
    hurry();
    let (began, mut turn, mut sent, mut streams) = (Instant::now(), 0u32, 0, 0usize);
    let mut slots: Vec<Vec<(usize, SocketAddr)>> = vec![Vec::new(); 20];
    let mut packet = [VOICE; 172];
    packet[..2].copy_from_slice(&[0x80, 8]);
    loop {
        loop {
            match told.try_recv() {
                Ok(far) => {
                    let most = streams / 20;
                    let soon = (0..20).map(|later| (turn as usize + later) % 20);
                    let slot = soon.into_iter().find(|slot| slots[*slot].len() <= most).unwrap_or(0);
                    slots[slot].push((streams, far));
                    streams += 1;
                }
                Err(Empty) => break,
                Err(Disconnected) => return sent,
            }
        }
        let round = turn / 20;
        packet[2..4].copy_from_slice(&(round as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&(round * 160).to_be_bytes());
        for (stream, far) in &slots[turn as usize % 20] {
            packet[8..12].copy_from_slice(&(*stream as u32).to_be_bytes());
            sent += u64::from(sockets[stream % sockets.len()].send_to(&packet, far).is_ok());
        }
        turn += 1;
        let next = began + Duration::from_millis(turn.into());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Seconds of CPU that a bare thread pays for a packet: as many sockets, the same pace, nothing else.
pub fn floor(streams: usize, window: Duration) -> f64 {
    let sink = socket();
    let to = sink.local_addr().unwrap();
    let ear = Ear::new(sink);
    let sockets: Vec<UdpSocket> = (0..streams).map(|_| socket()).collect();
    let (far, told) = channel();
    (0..streams).for_each(|_| far.send(to).unwrap());
    let nanos = Arc::new(AtomicU64::new(0));
    let spent = Arc::clone(&nanos);
    let thread = thread::spawn(move || {
        let sent = speak(&sockets, &told);
        let cpu = clock_gettime(ClockId::ThreadCPUTime);
        spent.store(cpu.tv_sec as u64 * 1_000_000_000 + cpu.tv_nsec as u64, Ordering::SeqCst);
        sent
    });
    thread::sleep(window);
    drop(far);
    let sent = thread.join().unwrap();
    ear.stop(window);
    nanos.load(Ordering::SeqCst) as f64 / 1e9 / sent as f64
}
