//! TCP as hostile peers use it: connections lost in the middle of a call, too many of them, and peers that never read.

use crate::daemon::Daemon;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

const SECONDS_10: Duration = Duration::from_secs(10);

fn request(method: &str, uri: &str, here: SocketAddr, number: usize, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/TCP {here};branch=z9hG4bK-{method}-{number};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:caller@{here}>;tag=t{number}\r\nTo: <{uri}>\r\nCall-ID: streams-{number}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:caller@{here};transport=tcp>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Hostile-world R11: wherever the connection of a caller without an answer ends, nothing is left of the call.
#[test]
fn a_connection_lost_in_a_call_leaves_nothing_behind() {
    let daemon = Daemon::start(|_| ());
    let ip = daemon.address;
    let offer = format!("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n");
    for number in 0..50 {
        // The last ten are answered at once, and cut before their ACK.
        let (service, answer) = if number < 40 { ("800000300", "SIP/2.0 183") } else { ("800000200", "SIP/2.0 200") };
        let uri = format!("sip:{service}@{}", daemon.sip);
        let mut stream = TcpStream::connect(daemon.sip).expect("a connection");
        let here = stream.local_addr().expect("a connected socket");
        let invite = request("INVITE", &uri, here, number, &offer);
        // Every second one is cut somewhere within the INVITE, the others after its answer.
        if number < 40 && number % 2 == 0 {
            let _ = stream.write_all(&invite.as_bytes()[..invite.len() * (number + 1) / 41]);
            continue;
        }
        stream.write_all(invite.as_bytes()).expect("a written INVITE");
        hears(&mut stream, answer);
    }
    let metrics = daemon.wait_for("nothing left", SECONDS_10, |metrics| {
        ["acd_sip_dialogs", "acd_media_legs", "acd_rtp_ports_in_use"].iter().all(|name| metrics.sum(name, &[]) == 0.0)
    });
    let finished = |outcome| metrics.sum("acd_calls_finished_total", &[("outcome", outcome)]);
    assert_eq!((finished("left_in_greeting"), finished("abandoned")), (20.0, 10.0));
    daemon.stops();
}

/// Hostile-world R12: one address may hold 256 connections, and what is closed makes room.
#[test]
fn one_address_cannot_take_every_connection() {
    let daemon = Daemon::start(|_| ());
    let is_open = |stream: &TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(1))).expect("a read timeout");
        matches!((&*stream).read(&mut [0; 1]), Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    };
    let deadline = Instant::now() + SECONDS_10;
    let streams: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(daemon.sip).expect("a connection")).collect();
    while streams.iter().filter(|stream| is_open(stream)).count() > 256 {
        assert!(Instant::now() < deadline, "more than 256 connections stay open");
    }
    drop(streams);
    let answered = |number: usize| {
        let mut stream = TcpStream::connect(daemon.sip).expect("a connection");
        let here = stream.local_addr().expect("a connected socket");
        let options = request("OPTIONS", &format!("sip:{}", daemon.sip), here, number, "");
        stream.set_read_timeout(Some(SECONDS_10)).expect("a read timeout");
        let written = stream.write_all(options.as_bytes());
        let mut buffer = [0; 4096];
        written.is_ok() && stream.read(&mut buffer).is_ok_and(|length| buffer[..length].starts_with(b"SIP/2.0 200"))
    };
    let deadline = Instant::now() + SECONDS_10;
    for number in 0.. {
        if answered(number) {
            break;
        }
        assert!(Instant::now() < deadline, "no room after 300 connections were closed");
        std::thread::sleep(Duration::from_millis(50));
    }
    daemon.stops();
}

/// What a peer does not read is bounded: its connection ends, and everybody else is served meanwhile.
#[test]
fn a_peer_that_never_reads_loses_its_connection() {
    let daemon = Daemon::start(|_| ());
    let stream = TcpStream::connect(daemon.sip).expect("a connection");
    let here = stream.local_addr().expect("a connected socket");
    stream.set_write_timeout(Some(SECONDS_10)).expect("a write timeout");
    let many: String =
        (0..200).map(|number| request("OPTIONS", &format!("sip:{}", daemon.sip), here, number, "")).collect();
    let deadline = Instant::now() + Duration::from_secs(30);
    while (&stream).write_all(many.as_bytes()).is_ok() {
        assert!(Instant::now() < deadline, "the connection is still there");
    }
    assert_eq!(daemon.get("/readyz").map(|(status, _)| status), Some(200));
    daemon.stops();
}

/// RFC 3261 18.2.2: a caller whose connection broke hears the answer by a new one, which is made to its sent-by.
#[test]
fn an_answer_finds_its_way_after_a_lost_connection() {
    let daemon = Daemon::start(|_| ());
    let mut first = TcpStream::connect(daemon.sip).expect("a connection");
    let ip = first.local_addr().expect("a connected socket").ip();
    let listener = TcpListener::bind((ip, 0)).expect("a port");
    let here = listener.local_addr().expect("a bound socket");
    let offer = format!("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n");
    let uri = format!("sip:800000300@{}", daemon.sip);
    first.write_all(request("INVITE", &uri, here, 1, &offer).as_bytes()).expect("a written INVITE");
    hears(&mut first, "SIP/2.0 183");
    drop(first);
    listener.set_nonblocking(true).expect("a listener that does not wait");
    let deadline = Instant::now() + SECONDS_10;
    let mut second = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(_) => assert!(Instant::now() < deadline, "the daemon makes no connection"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    second.set_nonblocking(false).expect("a stream that waits");
    let progress = hears(&mut second, "SIP/2.0 183");
    // The same caller hangs up there.
    let to = progress.lines().find_map(|line| line.strip_prefix("To: ")).expect("a To").to_owned();
    let bye = request("BYE", &uri, here, 1, "").replace(&format!("To: <{uri}>"), &format!("To: {to}"));
    second.write_all(bye.replace("CSeq: 1", "CSeq: 2").as_bytes()).expect("a written BYE");
    let heard = hears(&mut second, "SIP/2.0 487");
    assert!(heard.contains("SIP/2.0 200"), "{heard}");
    daemon.wait_for("nothing left", SECONDS_10, |metrics| metrics.sum("acd_media_legs", &[]) == 0.0);
    daemon.stops();
}

/// Reads until something has come.
fn hears(stream: &mut TcpStream, what: &str) -> String {
    stream.set_read_timeout(Some(SECONDS_10)).expect("a read timeout");
    let (mut heard, mut buffer) = (String::new(), [0; 4096]);
    while !heard.contains(what) {
        let length = stream.read(&mut buffer).expect("an answer");
        assert!(length > 0, "closed after {heard}");
        heard += &String::from_utf8_lossy(&buffer[..length]);
    }
    heard
}
