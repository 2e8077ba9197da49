//! Odd and hostile messages for the running daemon, over UDP and over TCP: every answer is as expected, nothing else
//! comes back, and the daemon serves on after each.
//!
//! The messages of RFC 4475 come from outside the project and are left out when they are not there; ours are in
//! `tests/data/torture/requests.txt`.

use crate::daemon::Daemon;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A stream that stopped in the middle of a message is closed after 10 s.
const STALLED: Duration = Duration::from_secs(14);
/// Ports that messages name as theirs: without `rport` the answer goes there.
const NAMED_PORTS: [u16; 3] = [5060, 5050, 5070];

/// What came back for one message.
#[derive(Debug, Default)]
struct Heard {
    text: String,
    closed: bool,
}

impl Heard {
    /// The final statuses, in order.
    fn finals(&self) -> Vec<u16> {
        let lines = self.text.lines().filter_map(|line| line.strip_prefix("SIP/2.0 "));
        lines.filter_map(|rest| rest.get(..3)?.parse().ok()).filter(|status| *status >= 200).collect()
    }
}

/// The test's side: sockets on the ports that the messages name.
struct Desk {
    daemon: Daemon,
    sockets: Vec<UdpSocket>,
    pings: UdpSocket,
    pinged: u32,
}

impl Desk {
    fn new() -> Desk {
        let daemon = Daemon::start(|_| ());
        let bind = |port: u16| {
            let socket = UdpSocket::bind((daemon.address, port)).expect("a port on an address of our own");
            socket.set_nonblocking(true).expect("a socket that does not wait");
            socket
        };
        let sockets = NAMED_PORTS.into_iter().filter(|port| *port != daemon.sip.port()).map(bind).collect();
        let pings = UdpSocket::bind((daemon.address, 0)).expect("a port");
        pings.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        Desk { daemon, sockets, pings, pinged: 0 }
    }

    fn here(&self) -> SocketAddr {
        self.sockets[0].local_addr().expect("a bound socket")
    }

    /// OPTIONS must be answered 200, whatever came before. Messages are handled in their order, and loopback loses
    /// nothing: when this is answered, so is what was sent before.
    fn is_well(&mut self, after: &str) {
        self.pinged += 1;
        let here = self.pings.local_addr().expect("a bound socket");
        let ping = options(here, self.daemon.sip, "UDP", &format!("ping-{}", self.pinged));
        self.pings.send_to(ping.as_bytes(), self.daemon.sip).expect("a sent datagram");
        let mut buffer = [0; 4096];
        let length = self.pings.recv(&mut buffer).unwrap_or_else(|error| panic!("no life after {after}: {error}"));
        assert!(buffer[..length].starts_with(b"SIP/2.0 200"), "after {after}");
    }

    fn over_udp(&mut self, name: &str, message: &[u8]) -> Heard {
        self.sockets[0].send_to(message, self.daemon.sip).expect("a sent datagram");
        self.is_well(name);
        let heard = self.has_come();
        self.follow_up(message, &heard, |bytes| {
            let _ = self.sockets[0].send_to(bytes, self.daemon.sip);
        });
        if heard.finals().first().is_some_and(|status| *status < 300) && message.starts_with(b"INVITE ") {
            self.is_well(name);
            assert_eq!(self.has_come().finals(), [200], "the BYE after {name}");
        }
        heard
    }

    /// What lies at the test's ports.
    fn has_come(&self) -> Heard {
        let mut heard = Heard::default();
        let mut buffer = vec![0; 65_535];
        for socket in &self.sockets {
            while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                heard.text += &String::from_utf8_lossy(&buffer[..length]);
            }
        }
        heard
    }

    /// Acknowledges what was said to an INVITE, and ends a call that came of it.
    fn follow_up(&self, message: &[u8], heard: &Heard, send: impl Fn(&[u8])) {
        let sent = String::from_utf8_lossy(message);
        let Some(&status) = heard.finals().first().filter(|_| sent.starts_with("INVITE ")) else { return };
        let line = |text: &str, name: &str| text.lines().rfind(|line| line.starts_with(name)).map(str::to_owned);
        let headers = ["Via:", "From:", "Call-ID:"].map(|name| line(&sent, name));
        // The last one: 100 has no tag yet.
        let ([Some(via), Some(from), Some(call_id)], Some(to)) = (headers, line(&heard.text, "To:")) else { return };
        let methods: &[(&str, u32)] = if status < 300 { &[("ACK", 1), ("BYE", 2)] } else { &[("ACK", 1)] };
        for (method, number) in methods {
            let via = if status < 300 { via.replace("branch=", &format!("branch={method}-")) } else { via.clone() };
            let uri = self.daemon.sip;
            send(
                format!(
                    "{method} sip:{uri} SIP/2.0\r\n{via}\r\n{from}\r\n{to}\r\n{call_id}\r\nCSeq: {number} {method}\r\n\
                     Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
                )
                .as_bytes(),
            );
        }
    }

    /// The same over a stream of its own. With `until_closed` the stream's end is waited for, else the first final
    /// answer; a ping on the same stream shows that nothing else came.
    fn over_tcp(&self, message: &[u8], finals: usize, until_closed: bool) -> Heard {
        let mut stream = TcpStream::connect(self.daemon.sip).expect("a connection");
        // The daemon may close before all of it is written.
        let _ = stream.write_all(message);
        let mut heard = Heard::default();
        let limit = if until_closed { STALLED } else { PATIENCE };
        if finals > 0 || until_closed {
            read_stream(&mut stream, &mut heard, limit, |heard| !until_closed && heard.finals().len() >= finals);
        } else {
            let here = stream.local_addr().expect("a connected socket");
            let _ = stream.write_all(options(here, self.daemon.sip, "TCP", "ping").as_bytes());
            read_stream(&mut stream, &mut heard, limit, |heard| heard.text.contains("Call-ID: ping\r\n"));
            assert_eq!(heard.finals(), [200], "the ping alone is answered: {heard:?}");
            heard.text.clear();
        }
        self.follow_up(message, &heard, |bytes| drop((&stream).write_all(bytes)));
        heard
    }
}

fn read_stream(stream: &mut TcpStream, heard: &mut Heard, limit: Duration, enough: impl Fn(&Heard) -> bool) {
    let deadline = Instant::now() + limit;
    let mut buffer = [0; 65_535];
    while !enough(heard) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        stream.set_read_timeout(Some(left)).expect("a read timeout");
        match stream.read(&mut buffer) {
            Ok(0) => heard.closed = true,
            Ok(length) => heard.text += &String::from_utf8_lossy(&buffer[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
            Err(_) => heard.closed = true,
        }
        if heard.closed {
            return;
        }
    }
}

fn options(here: SocketAddr, daemon: SocketAddr, transport: &str, id: &str) -> String {
    format!(
        "OPTIONS sip:{daemon} SIP/2.0\r\nVia: SIP/2.0/{transport} {here};branch=z9hG4bK{id};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:desk@test>;tag=x\r\nTo: <sip:{daemon}>\r\nCall-ID: {id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

// ---- The messages of RFC 4475.

struct Row {
    name: String,
    kind: String,
    expect: String,
    codes: Vec<u16>,
    any: bool,
    tcp: String,
    bytes: Vec<u8>,
}

impl Row {
    /// Whether the answers are as the index says; `either` means that it may be taken, refused or dropped.
    fn fits(&self, heard: &Heard) -> bool {
        let finals = heard.finals();
        match (self.kind.as_str(), self.expect.as_str(), finals.first()) {
            ("resp", ..) => finals.is_empty(),
            (_, "either", _) => finals.len() <= 1,
            (_, "accept", Some(status)) => self.any || self.codes.contains(status),
            (_, "reject", Some(status)) => self.codes.contains(status),
            _ => false,
        }
    }

    /// A stream whose seams are lost may be closed without a word, and must be closed.
    fn fits_tcp(&self, heard: &Heard) -> bool {
        match self.tcp.as_str() {
            "close" | "wait-close" => heard.closed && (heard.finals().is_empty() || self.fits(heard)),
            "two-messages" => heard.finals().len() == 2,
            _ => self.fits(heard),
        }
    }
}

fn rfc4475() -> Option<Vec<Row>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/torture");
    let Ok(index) = std::fs::read_to_string(folder.join("index.tsv")) else {
        eprintln!("SKIPPED: the torture messages are not at {}", folder.display());
        return None;
    };
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, _, name, _, kind, expect, codes, tcp, ..] = columns[..] else { panic!("a row is short: {line}") };
        let [name, kind, expect, tcp] = [name, kind, expect, tcp].map(str::to_owned);
        let any = codes.split(',').any(|code| code == "*");
        let codes = codes.split(',').filter_map(|code| code.parse().ok()).collect();
        let bytes = std::fs::read(folder.join(file)).expect("a file of the index");
        Row { name, kind, expect, codes, any, tcp, bytes }
    };
    Some(index.lines().skip(1).map(row).collect())
}

#[test]
fn the_messages_of_rfc_4475_are_answered_as_expected() {
    let Some(rows) = rfc4475() else { return };
    let mut desk = Desk::new();
    let mut wrong = Vec::new();
    for row in &rows {
        let heard = desk.over_udp(&row.name, &row.bytes);
        if !row.fits(&heard) {
            wrong.push(format!("{} over UDP: expected {} {:?}, got {heard:?}", row.name, row.expect, row.codes));
        }
    }
    let judge = |row: &Row| {
        let finals = match (row.kind.as_str(), row.tcp.as_str()) {
            ("resp", _) => 0,
            (_, "two-messages") => 2,
            _ => 1,
        };
        // No Content-Length, no seams: such a message is the stream's last.
        let heard = desk.over_tcp(&row.bytes, finals, row.tcp.ends_with("close"));
        let complaint = format!("{} over TCP: expected {} {:?}, got {heard:?}", row.name, row.expect, row.codes);
        (!row.fits_tcp(&heard)).then_some(complaint)
    };
    let judge = &judge;
    let over_tcp: Vec<Option<String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = rows.iter().map(|row| scope.spawn(move || judge(row))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a judged message")).collect()
    });
    wrong.extend(over_tcp.into_iter().flatten());
    desk.is_well("all of them");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    desk.daemon.stops();
}

// ---- Ours.

/// A base message and its changes.
struct Case {
    name: String,
    base: String,
    udp: String,
    tcp: String,
    changes: Vec<(String, String)>,
}

fn cases() -> Vec<Case> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/torture/requests.txt");
    let text = std::fs::read_to_string(file).expect("our messages");
    let mut cases: Vec<Case> = Vec::new();
    let mut old = None;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(head) = line.strip_prefix("@ ") {
            let words: Vec<String> = head.split(' ').map(str::to_owned).collect();
            let [name, base, udp, tcp] = <[String; 4]>::try_from(words).expect("four words");
            cases.push(Case { name, base, udp, tcp, changes: Vec::new() });
        } else if let Some(from) = line.strip_prefix("- ") {
            old = Some(from.to_owned());
        } else {
            let new = line.strip_prefix('+').unwrap_or_else(|| panic!("a line that is none: {line}"));
            let change = (old.take().expect("an old text before the new one"), new.get(1..).unwrap_or("").to_owned());
            cases.last_mut().expect("a case").changes.push(change);
        }
    }
    cases
}

impl Case {
    fn message(&self, here: SocketAddr, daemon: SocketAddr, transport: &str) -> Vec<u8> {
        let (method, number) = self.base.split_once('_').unwrap_or((&self.base, "000"));
        let (ip, name, to) = (here.ip(), &self.name, format!("sip:{number}@{daemon}"));
        let (kind, length, body) = match method {
            "INVITE" => (
                "Content-Type: application/sdp\r\n",
                "{length}",
                format!("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"),
            ),
            _ => ("", "0", String::new()),
        };
        let branch = format!("z9hG4bK-{name}-{transport}");
        let mut text = format!(
            "{method} {to} SIP/2.0\r\nVia: SIP/2.0/{transport} {here};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:caller@{ip}>;tag=x\r\nTo: <{to}>\r\nCall-ID: {name}-{transport}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:caller@{here}>\r\n{kind}Content-Length: {length}\r\n\r\n{body}"
        );
        let places = [
            ("{to}", to),
            ("{here}", here.to_string()),
            ("{ip}", ip.to_string()),
            ("{UDP}", transport.to_owned()),
            ("{branch}", branch),
            ("{daemon}", daemon.ip().to_string()),
            ("{port}", daemon.port().to_string()),
        ];
        let fill = |text: &str| places.iter().fold(text.to_owned(), |text, (place, value)| text.replace(place, value));
        for (old, new) in &self.changes {
            let (old, new) = (unescape(&fill(old)), unescape(&fill(new)));
            assert!(text.contains(&old), "{name}: nothing to change: {old:?}");
            text = text.replacen(&old, &new, 1);
        }
        let length = text.split_once("\r\n\r\n").map_or(0, |(_, body)| to_bytes(body).len());
        to_bytes(&text.replace("{length}", &length.to_string()))
    }
}

/// Where bytes that are no text stand in a `String`.
const RAW: u32 = 0xf700;

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => plain.push(match rest.next() {
                Some('r') => '\r',
                Some('n') => '\n',
                Some('t') => '\t',
                Some('0') => '\0',
                Some('x') => {
                    let digits: String = rest.by_ref().take(2).collect();
                    let byte = u32::from_str_radix(&digits, 16).expect("two hexadecimal digits");
                    char::from_u32(if byte < 128 { byte } else { RAW + byte }).expect("a letter")
                }
                other => other.expect("something after a backslash"),
            }),
            '{' => {
                let inner: String = rest.by_ref().take_while(|letter| *letter != '}').collect();
                let (what, times) = inner.rsplit_once('*').unwrap_or_else(|| panic!("a place of no name: {inner}"));
                plain += &unescape(what).repeat(times.parse().expect("how often"));
            }
            _ => plain.push(letter),
        }
    }
    plain
}

fn to_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for letter in text.chars() {
        match u32::from(letter).checked_sub(RAW).and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

fn fits(expected: &str, heard: &Heard) -> bool {
    let finals = heard.finals();
    let among = |list: &str| matches!(finals[..], [only] if list.split(',').any(|each| each == only.to_string()));
    match expected {
        "drop" => finals.is_empty(),
        "close" => heard.closed && (finals.is_empty() || finals == [400]),
        _ => match expected.strip_suffix('!') {
            Some(list) => heard.closed && among(list),
            None => among(expected),
        },
    }
}

#[test]
fn our_own_odd_messages_are_answered_as_expected() {
    let mut desk = Desk::new();
    let (cases, here, sip) = (cases(), desk.here(), desk.daemon.sip);
    assert!(cases.len() > 100, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let heard = desk.over_udp(&case.name, &case.message(here, sip, "UDP"));
        if !fits(&case.udp, &heard) {
            wrong.push(format!("{} over UDP: expected {}, got {heard:?}", case.name, case.udp));
        }
    }
    let judge = |case: &Case| {
        let finals = usize::from(case.tcp != "drop");
        let heard = desk.over_tcp(&case.message(here, sip, "TCP"), finals, case.tcp.ends_with(['!', 'e']));
        let complaint = format!("{} over TCP: expected {}, got {heard:?}", case.name, case.tcp);
        (!fits(&case.tcp, &heard)).then_some(complaint)
    };
    let judge = &judge;
    for some in cases.chunks(32) {
        let judged: Vec<Option<String>> = std::thread::scope(|scope| {
            let threads: Vec<_> = some.iter().map(|case| scope.spawn(move || judge(case))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a judged message")).collect()
        });
        wrong.extend(judged.into_iter().flatten());
    }
    desk.is_well("all of them");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    desk.daemon.stops();
}

// ---- Streams.

#[test]
fn a_stream_may_be_cut_anywhere() {
    let desk = Desk::new();
    let here = desk.here();
    let message = options(here, desk.daemon.sip, "TCP", "cut");
    let mut stream = TcpStream::connect(desk.daemon.sip).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    for piece in [1, 7, 60].into_iter().flat_map(|size| message.as_bytes().chunks(size)) {
        stream.write_all(piece).expect("a written piece");
        std::thread::sleep(Duration::from_micros(200));
    }
    let mut heard = Heard::default();
    read_stream(&mut stream, &mut heard, PATIENCE, |heard| heard.finals().len() == 3);
    assert_eq!(heard.finals(), [200, 200, 200]);
    // All at once, with keep-alives between (RFC 5626 3.5.1: two line ends are answered by one).
    stream.write_all(format!("{message}\r\n\r\n{message}\r\n{message}").as_bytes()).expect("written");
    read_stream(&mut stream, &mut heard, PATIENCE, |heard| heard.finals().len() == 6);
    assert_eq!(heard.finals(), [200; 6]);
    desk.daemon.stops();
}

/// RFC 3261 18.4 has no time for it; hostile-world R12 has 10 s. Meanwhile everybody else is served.
#[test]
fn silent_and_half_open_streams_are_closed() {
    let mut desk = Desk::new();
    let open = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(desk.daemon.sip).expect("a connection");
        stream.write_all(bytes).expect("written");
        stream
    };
    let message = options(desk.here(), desk.daemon.sip, "TCP", "half");
    let started = Instant::now();
    let silent = open(b"");
    let half = open(&message.as_bytes()[..message.len() / 2]);
    let body = open(message.replace("Length: 0", "Length: 50").as_bytes());
    // A byte now and then does not put the end off.
    let drip = open(&message.as_bytes()[..20]);
    let dripping = {
        let (mut stream, rest) = (drip.try_clone().expect("the same stream"), message.as_bytes()[20..60].to_vec());
        std::thread::spawn(move || {
            for byte in rest {
                std::thread::sleep(Duration::from_millis(400));
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
            }
        })
    };
    let gone: Vec<TcpStream> = (0..50).map(|_| open(&message.as_bytes()[..20])).collect();
    drop(gone);
    for mut stream in [silent, half, body, drip] {
        let mut heard = Heard::default();
        read_stream(&mut stream, &mut heard, STALLED, |_| false);
        assert!(heard.closed && heard.text.is_empty(), "{heard:?}");
    }
    assert!(started.elapsed() >= Duration::from_secs(9), "not before its time: {:?}", started.elapsed());
    dripping.join().expect("the end of the drip");
    desk.is_well("half messages");
    desk.daemon.stops();
}
