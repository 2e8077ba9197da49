//! The whole daemon with callers who hear music and callers who talk: CPU and memory a call, gaps in what they hear.
//!
//!     cargo bench --bench media_load                       500 waiting, 200 talking, 10 s each
//!     cargo bench --bench media_load -- 3000 500 20        waiting, talking, seconds
//!
//! It plays all phones itself: one socket for SIP, one for RTP. CPU is the daemon's own (user and system). Beside it
//! stands the floor: what a bare thread pays to send the same packets from as many sockets, in the same run, because
//! on a shared machine only the ratio of the two means something. As a test it makes a small run and judges only what
//! does not depend on the machine's speed.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench is a shell")]

use rustix::time::{ClockId, clock_gettime};
use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PACKETS_A_SECOND: f64 = 50.0;
/// The longest silence in a caller's ear that is no fault.
const GAP: Duration = Duration::from_millis(100);
/// A caller is late when everything together takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        if !arguments.iter().any(|argument| argument == "--ignored") {
            println!("media_load: test");
        }
        return;
    }
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse().ok());
    let mut number = |bench, test| numbers.next().unwrap_or(if is_bench { bench } else { test });
    let (waiting, talking, seconds) = (number(500, 20), number(200, 10), number(10, 1));
    println!(
        "             calls  CPU % a call  us a packet  of the floor  KiB a call  packets/s  lost  gaps>100ms  longest"
    );
    for (name, service, calls, packets_a_call) in [("waiting", "1", waiting, 1.0), ("talking", "2", talking, 2.0)] {
        let measured = measure(service, calls, Duration::from_secs(seconds as u64));
        let rate = calls as f64 * packets_a_call * PACKETS_A_SECOND;
        println!(
            "{name:>8} {calls:9} {:13.4} {:12.2} {:13.2} {:11.1} {:10.0} {:5} {:11} {:5.0} ms",
            measured.cpu * 100.0 / calls as f64,
            measured.cpu * 1e6 / rate,
            measured.cpu / rate / measured.floor,
            measured.kib / calls as f64,
            measured.heard.packets as f64 / measured.heard.seconds,
            measured.heard.lost,
            measured.heard.gaps,
            measured.heard.longest.as_secs_f64() * 1e3,
        );
        assert_eq!(measured.heard.lost, 0, "packets were lost on the way");
        assert!(measured.heard.packets as f64 > 0.9 * rate * measured.heard.seconds, "somebody hears nothing");
    }
}

struct Measured {
    /// Seconds of CPU a second.
    cpu: f64,
    /// Seconds of CPU a packet of a bare sender.
    floor: f64,
    kib: f64,
    heard: Heard,
}

fn measure(service: &str, calls: usize, window: Duration) -> Measured {
    let rtp = socket();
    let sip = socket();
    let daemon = Daemon::start(calls, sip.local_addr().unwrap());
    let (memory, ear) = (daemon.kib(), Ear::new(rtp.try_clone().unwrap()));
    let phones = Phones::call(&sip, daemon.sip, rtp.local_addr().unwrap(), service, calls);
    let mouth = (service == "2").then(|| Mouth::new(rtp.try_clone().unwrap(), phones.far.clone()));
    thread::sleep(Duration::from_secs(1));
    let (cpu, began) = (daemon.cpu(), Instant::now());
    ear.listen();
    thread::sleep(window);
    let heard = ear.stop(began.elapsed());
    let cpu = (daemon.cpu() - cpu) / began.elapsed().as_secs_f64();
    let kib = daemon.kib() - memory;
    let (in_time, answers) = daemon.answers_in_time();
    if answers > 0 {
        println!("{:>8} {in_time} of {answers} answers to sound within 25 ms", "");
    }
    drop((mouth, daemon));
    Measured { cpu, floor: floor(calls, window.min(Duration::from_secs(3))), kib, heard }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 32 << 20)
        .or_else(|_| rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 32 << 20));
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket
}

struct Daemon {
    process: Child,
    sip: SocketAddr,
    http: SocketAddr,
    folder: std::path::PathBuf,
    /// What it says; nobody may close its ear while it speaks.
    _said: BufReader<ChildStdout>,
}

impl Daemon {
    fn start(calls: usize, phones: SocketAddr) -> Daemon {
        let folder = std::env::temp_dir().join(format!("centralino-media-load-{}", phones.port()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("load.toml");
        fs::write(&file, config(calls, phones)).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_centralino"))
            .args(["run", "--config"])
            .arg(&file)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let (mut sip, mut http, mut line) = (None, None, String::new());
        while !line.contains("metrics") && said.read_line(&mut line).unwrap() > 0 {
            let last = line.lines().last().unwrap_or_default();
            let metrics = last.split_once("http://").and_then(|(_, rest)| rest.strip_suffix("/metrics"));
            http = http.or_else(|| metrics.and_then(|address| address.parse().ok()));
            sip = sip.or_else(|| last.split_once("udp ").and_then(|(_, address)| address.trim().parse().ok()));
        }
        let (sip, http) = (sip.expect("the daemon says where it listens"), http.expect("and where its metrics are"));
        Daemon { process, sip, http, folder, _said: said }
    }

    /// Of how many agents' answers the first sound was on its way within 25 ms.
    fn answers_in_time(&self) -> (u64, u64) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        let value = |name: &str| {
            let line = page.lines().find_map(|line| line.strip_prefix(name)).expect("a sample");
            line.trim().parse().expect("a count")
        };
        let count = value("acd_answer_to_audio_seconds_count");
        (value("acd_answer_to_audio_seconds_bucket{le=\"0.025\"}"), count)
    }

    fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        ticks as f64 / rustix::param::clock_ticks_per_second() as f64
    }

    fn kib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn config(calls: usize, phones: SocketAddr) -> String {
    let (calls, agents) = (calls.max(10), calls.max(10) + 1_000);
    format!(
        r#"pools = ["phones", "nobody"]
skills = []
[service.waiting]
number = "1"
queue = "waiting"
[service.talking]
number = "2"
queue = "talking"
[queue.waiting]
max_wait = "24 h"
max_length = {calls}
[[queue.waiting.step]]
pools = ["nobody"]
[queue.talking]
max_length = {calls}
[[queue.talking.step]]
pools = ["phones"]
[agent."1001..{agents}"]
pool = "phones"
contact = "sip:{{number}}@{phones}"
[sip]
udp = "127.0.0.1:0"
tcp = "off"
[http]
listen = "127.0.0.1:0"
[media]
ports = "32768-60999"
[limits]
channels = {calls}
dialogs = 50000
transactions = 500000
"#
    )
}

/// Every phone there is: callers who dial and agents who answer at once, all with one media address.
struct Phones {
    /// The daemon's RTP addresses.
    far: Vec<SocketAddr>,
}

impl Phones {
    fn call(sip: &UdpSocket, daemon: SocketAddr, rtp: SocketAddr, service: &str, calls: usize) -> Phones {
        let deadline = Instant::now() + PATIENCE;
        let (mut sent, mut answered, mut far) = (0, HashSet::new(), HashSet::new());
        let legs = if service == "2" { 2 * calls } else { calls };
        let mut buffer = [0; 8_192];
        sip.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        while far.len() < legs {
            assert!(Instant::now() < deadline, "{} of {calls} calls were answered", answered.len());
            if sent < calls && sent < answered.len() + 50 {
                sip.send_to(invite(sent, service, daemon, sip.local_addr().unwrap(), rtp).as_bytes(), daemon).unwrap();
                sent += 1;
            }
            let Ok((length, from)) = sip.recv_from(&mut buffer) else { continue };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.starts_with("INVITE ") {
                for answer in [answer(&text, "180 Ringing", None), answer(&text, "200 OK", Some(rtp))] {
                    sip.send_to(answer.as_bytes(), from).unwrap();
                }
                far.insert(media_address(&text));
            } else if text.starts_with("BYE ") {
                panic!("the daemon hung up");
            } else if text.starts_with("SIP/2.0 200") && answered.insert(header(&text, "Call-ID").to_owned()) {
                far.insert(media_address(&text));
                sip.send_to(ack(&text, daemon).as_bytes(), from).unwrap();
            } else if text.starts_with("SIP/2.0 4") || text.starts_with("SIP/2.0 5") {
                panic!("{}", text.lines().next().unwrap_or_default());
            }
        }
        Phones { far: far.into_iter().collect() }
    }
}

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let of_name = |line: &'a str| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name));
    text.lines().find_map(of_name).map_or("", |(_, value)| value.trim())
}

fn media_address(text: &str) -> SocketAddr {
    let port = text.lines().find_map(|line| line.strip_prefix("m=audio ")).and_then(|line| line.split(' ').next());
    SocketAddr::from((Ipv4Addr::LOCALHOST, port.and_then(|port| port.parse().ok()).expect("an audio line")))
}

fn sdp(rtp: SocketAddr) -> String {
    let port = rtp.port();
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n")
}

fn invite(number: usize, service: &str, daemon: SocketAddr, us: SocketAddr, rtp: SocketAddr) -> String {
    let body = sdp(rtp);
    format!(
        "INVITE sip:{service}@{daemon} SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bK{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:39{number}@{us}>;tag=c{number}\r\nTo: <sip:{service}@{daemon}>\r\n\
         Call-ID: {number}@load\r\nCSeq: 1 INVITE\r\nContact: <sip:39{number}@{us}>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ack(ok: &str, daemon: SocketAddr) -> String {
    format!(
        "ACK sip:{daemon} SIP/2.0\r\nVia: {}a\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
         CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
        header(ok, "Via"),
        header(ok, "From"),
        header(ok, "To"),
        header(ok, "Call-ID")
    )
}

fn answer(request: &str, status: &str, rtp: Option<SocketAddr>) -> String {
    let head = |name| header(request, name);
    let (to, contact) = (head("To"), request.split(' ').nth(1).unwrap_or_default());
    let body = rtp.map(sdp).unwrap_or_default();
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to};tag=a\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <{contact}>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        head("Via"),
        head("From"),
        head("Call-ID"),
        head("CSeq"),
        body.len()
    )
}

/// What came in.
#[derive(Clone, Debug, Default)]
struct Heard {
    seconds: f64,
    packets: u64,
    lost: u64,
    gaps: u64,
    longest: Duration,
}

/// Hears all streams, told apart by the port they come from.
struct Ear {
    counts: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<Heard>,
}

impl Ear {
    fn new(socket: UdpSocket) -> Ear {
        let (counts, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let flags = (Arc::clone(&counts), Arc::clone(&over));
        Ear { counts, over, thread: thread::spawn(move || hear(&socket, &flags.0, &flags.1)) }
    }

    fn listen(&self) {
        self.counts.store(true, Ordering::SeqCst);
    }

    fn stop(self, window: Duration) -> Heard {
        self.over.store(true, Ordering::SeqCst);
        Heard { seconds: window.as_secs_f64(), ..self.thread.join().unwrap() }
    }
}

fn hear(socket: &UdpSocket, counts: &AtomicBool, over: &AtomicBool) -> Heard {
    let mut streams: Vec<Option<(u16, Instant)>> = vec![None; 65_536];
    let (mut heard, mut buffer) = (Heard::default(), [0; 2_048]);
    while !over.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        if length < 12 || !counts.load(Ordering::Relaxed) {
            continue;
        }
        let (now, sequence) = (Instant::now(), u16::from_be_bytes([buffer[2], buffer[3]]));
        heard.packets += 1;
        if let Some((last, at)) = streams[usize::from(from.port())].replace((sequence, now)) {
            let gap = now - at;
            heard.lost += u64::from(sequence.wrapping_sub(last).saturating_sub(1));
            heard.gaps += u64::from(gap > GAP);
            heard.longest = heard.longest.max(gap);
        }
    }
    heard
}

/// Speaks to every address, 50 packets a second, spread over the 20 ms.
struct Mouth {
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Mouth {
    fn new(socket: UdpSocket, far: Vec<SocketAddr>) -> Mouth {
        let over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&over);
        let sockets = vec![socket];
        Mouth {
            over,
            thread: Some(thread::spawn(move || {
                speak(&sockets, &far, &flag);
            })),
        }
    }
}

impl Drop for Mouth {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// A stream for each pair of a socket and an address, the shorter list going round; returns the packets sent.
fn speak(sockets: &[UdpSocket], far: &[SocketAddr], over: &AtomicBool) -> u64 {
    let streams = sockets.len().max(far.len());
    let (began, mut turn, mut sent) = (Instant::now(), 0u32, 0);
    let mut packet = [0xD5; 172];
    packet[..2].copy_from_slice(&[0x80, 8]);
    while !over.load(Ordering::Relaxed) {
        let (round, slot) = (turn / 20, turn as usize % 20);
        packet[2..4].copy_from_slice(&(round as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&(round * 160).to_be_bytes());
        for stream in (slot..streams).step_by(20) {
            packet[8..12].copy_from_slice(&(stream as u32).to_be_bytes());
            sent += u64::from(sockets[stream % sockets.len()].send_to(&packet, far[stream % far.len()]).is_ok());
        }
        turn += 1;
        let next = began + Duration::from_millis(turn.into());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    sent
}

/// Seconds of CPU that a bare thread pays for a packet: as many sockets, the same pace, nothing else.
fn floor(streams: usize, window: Duration) -> f64 {
    let sink = socket();
    let to = sink.local_addr().unwrap();
    let ear = Ear::new(sink);
    let sockets: Vec<UdpSocket> = (0..streams).map(|_| socket()).collect();
    let over = Arc::new(AtomicBool::new(false));
    let (flag, nanos) = (Arc::clone(&over), Arc::new(AtomicU64::new(0)));
    let spent = Arc::clone(&nanos);
    let thread = thread::spawn(move || {
        let sent = speak(&sockets, &[to], &flag);
        let cpu = clock_gettime(ClockId::ThreadCPUTime);
        spent.store(cpu.tv_sec as u64 * 1_000_000_000 + cpu.tv_nsec as u64, Ordering::SeqCst);
        sent
    });
    thread::sleep(window);
    over.store(true, Ordering::SeqCst);
    let sent = thread.join().unwrap();
    ear.stop(window);
    nanos.load(Ordering::SeqCst) as f64 / 1e9 / sent as f64
}
