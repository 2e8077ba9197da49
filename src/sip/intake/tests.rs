//! The door, case by case.

use super::*;
use std::fmt::Write as _;

fn flow(transport: Transport) -> Flow {
    Flow { transport, remote: "192.0.2.9:4000".parse().expect("an address"), connection: 0 }
}

fn take(text: &[u8]) -> Taken {
    Intake::new(Limits::default(), [1; 32]).take(text, flow(Transport::Udp))
}

const OPTIONS: &str = "OPTIONS sip:acd.test SIP/2.0\r\n\
    Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;rport\r\n\
    Max-Forwards: 70\r\n\
    From: <sip:a@pbx.test>;tag=1\r\n\
    To: <sip:acd.test>\r\n\
    Call-ID: c1\r\n\
    CSeq: 3 OPTIONS\r\n\
    Content-Type: text/plain\r\n\
    Content-Length: 2\r\n\r\nhi";

/// The status that [`OPTIONS`] is answered with once `from` is `to`; 200 for a message.
fn status_with(from: &str, to: &str) -> u16 {
    let text = OPTIONS.replacen(from, to, 1);
    assert_ne!(text, OPTIONS);
    status(text.as_bytes())
}

fn status(bytes: &[u8]) -> u16 {
    match take(bytes) {
        Taken::Message(_) => 200,
        Taken::Answer { status, .. } => status,
        Taken::Nothing => 0,
        Taken::Drop(_) => 1,
    }
}

#[test]
fn keep_alives_are_nothing_and_line_ends_before_a_message_too() {
    for bytes in [&b""[..], b"\r\n", b"\r\n\r\n", b"\0\0\0\0"] {
        assert_eq!(take(bytes), Taken::Nothing);
    }
    assert_eq!(status(format!("\r\n\r\n{OPTIONS}").as_bytes()), 200);
    assert_eq!(status(format!("\0{OPTIONS}").as_bytes()), 400);
}

#[test]
fn each_fault_has_its_status() {
    let long = format!("X: {}\r\nTo", "x".repeat(9_000));
    let many = format!("{}To", "X: y\r\n".repeat(300));
    let rows: &[(&str, &str, u16)] = &[
        ("OPTIONS sip", "options sip", 501),
        ("OPTIONS sip", "FROBNICATE sip", 501),
        ("OPTIONS sip", "MESSAGE sip", 405),
        ("OPTIONS sip", "PUBLISH sip", 405),
        ("OPTIONS sip", "OPT<ONS sip", 400),
        ("OPTIONS sip", "OPTIONS  sip", 400),
        ("OPTIONS sip", "BYE sip", 400),
        ("SIP/2.0\r\n", "SIP/2.0 \r\n", 400),
        ("SIP/2.0\r\n", "SIP/3.0\r\n", 505),
        ("SIP/2.0\r\n", "sip/2.0\r\n", 200),
        ("SIP/2.0\r\n", "HTTP/1.1\r\n", 400),
        ("sip:acd.test SIP", "tel:123 SIP", 200),
        ("sip:acd.test SIP", "sip:acd.test;transport=pigeon;method=X SIP", 200),
        ("sip:acd.test SIP", "urn:123 SIP", 416),
        ("sip:acd.test SIP", "<sip:acd.test> SIP", 400),
        ("sip:acd.test SIP", "sip:%4@acd.test SIP", 400),
        ("sip:acd.test SIP", "sip: SIP", 400),
        ("sip:acd.test SIP", "sip:acd.test:99999 SIP", 400),
        ("From: <", "From: \"a <", 400),
        ("From: <", "From: a \"b\" <", 400),
        ("From: <sip:a@pbx.test>", "From: <sip:a@pbx.test", 400),
        ("From: <sip:a@pbx.test>;tag=1", "From: sip:a@pbx.test?x=y", 400),
        ("From: ", "X: ", 400),
        ("To: ", "From: ", 400),
        ("Via: ", "X: ", 1),
        ("Via: SIP/2.0/UDP", "Via: SIP/2.0", 400),
        ("Via: SIP/2.0/UDP", "To: SIP/2.0", 1),
        (";rport", ";rport,", 400),
        ("Call-ID: c1", "Call-ID:", 400),
        (";tag=1", ";tag=", 400),
        ("CSeq: 3", "CSeq: 4294967296", 400),
        ("CSeq: 3", "CSeq: -3", 400),
        ("CSeq: 3 OPTIONS", "CSeq: 3 BYE", 400),
        ("Max-Forwards: 70", "Max-Forwards: 256", 400),
        ("Max-Forwards: 70", "Max-Forwards: 70\r\nmax-forwards: 70", 400),
        ("Max-Forwards: 70", "Expires: 4294967296", 400),
        ("Content-Length: 2", "Content-Length: 3", 400),
        ("Content-Length: 2", "Content-Length: 2\r\nl: 2", 400),
        ("Content-Length: 2", "Content-Length: -2", 400),
        ("Call-ID: c1", "Call-ID: c1\r\nt: <sip:b>", 400),
        ("Call-ID: c1", "Call-ID: c1\r\nno colon", 400),
        ("Call-ID: c1", "Call-ID: c1\r\nbad name: x", 400),
        ("Call-ID: c1", "Call-ID: c\x01", 400),
        ("Call-ID: c1", "Call-ID: c1\rX: y", 400),
        ("Call-ID: c1", "Call-ID: c1\nX: y", 400),
        ("To", &long, 400),
        ("To", &many, 400),
        ("\r\nContent-Length: 2\r\n\r\nhi", "\r\nContent-Length: 2\r\n", 400),
        // Tolerated.
        ("Max-Forwards: 70\r\n", "", 200),
        ("Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa", "v : SIP / 2.0 /UDP\r\n 10.0.0.1 ; branch = z9hG4bKa", 200),
        ("Call-ID: c1", "Call-ID: c1\r\nX-Odd: ;;,,\"\u{e9}", 200),
    ];
    for &(from, to, expected) in rows {
        assert_eq!(status_with(from, to), expected, "{from} -> {}", to.get(..80).unwrap_or(to));
    }
}

#[test]
fn what_is_not_utf8_is_refused_whole() {
    let mut bytes = OPTIONS.as_bytes().to_vec();
    let at = OPTIONS.find("Max-").expect("there");
    bytes.splice(at..at, *b"X: \xff\xfe\r\n");
    assert_eq!(status(&bytes), 400);
}

#[test]
fn a_body_ends_where_its_length_or_the_datagram_says() {
    let body = |text: &str| match take(text.as_bytes()) {
        Taken::Message(message) => message.head().body.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(&body(OPTIONS)[..], b"hi");
    assert_eq!(&body(&format!("{OPTIONS} and more"))[..], b"hi");
    assert_eq!(&body(&OPTIONS.replace("Content-Length: 2\r\n", ""))[..], b"hi");
    assert_eq!(&body(&OPTIONS.replace("hi", "hi\0\r\n").replace("Length: 2", "Length: 5"))[..], b"hi\0\r\n");
    let stream = Intake::new(Limits::default(), [1; 32]);
    let without = OPTIONS.replace("Content-Length: 2\r\n", "");
    assert!(matches!(stream.take(without.as_bytes(), flow(Transport::Tcp)), Taken::Answer { status: 400, .. }));
}

#[test]
fn responses_and_acks_are_never_answered() {
    let ack = OPTIONS.replace("OPTIONS", "ACK").replace("Call-ID", "X");
    assert_eq!(status(ack.as_bytes()), 1);
    for line in ["SIP/2.0 200 OK", "SIP/2.0 9 No", "SIP/3.0 200 OK", "SIP/2.0 99999999999 No", "SIP/2.0 099 No"] {
        let response = OPTIONS.replace("OPTIONS sip:acd.test SIP/2.0", line);
        let expected = if line == "SIP/2.0 200 OK" { 200 } else { 1 };
        assert_eq!(status(response.as_bytes()), expected, "{line}");
    }
}

#[test]
fn the_answer_is_whole_and_the_same_each_time() {
    let text = OPTIONS.replace("OPTIONS", "PUBLISH");
    let Taken::Answer { status, flow: to, bytes } = take(text.as_bytes()) else { panic!("no answer") };
    assert_eq!((status, to), (405, flow(Transport::Udp)));
    let Taken::Message(Message::Response(response)) = take(&bytes) else { panic!("no response: {bytes:?}") };
    assert_eq!((response.status, response.head.call_id.as_str()), (405, "c1"));
    assert_eq!((response.head.from.tag(), response.head.to.tag().map(str::len)), (Some("1"), Some(18)));
    assert_eq!((response.head.via.rport, response.head.header("Allow")), (Some(4000), Some(ALLOW)));
    assert_eq!(take(text.as_bytes()), Taken::Answer { status, flow: to, bytes });
}

#[test]
fn reading_takes_time_in_proportion_to_the_length() {
    let limits = Limits { headers: 100_000, header_bytes: 65_535, ..Limits::default() };
    let intake = Intake::new(limits, [1; 32]);
    let fillings =
        ["\r\n ", "\r\nX: y", "\r\nVia: SIP/2.0/UDP a", ";p", ",", "\"", "\\\"", "<", "%41", "\r\nm: <sip:a>", " "];
    for filling in fillings {
        let reading = |size: usize| {
            let mut text = String::from("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a>;tag=1");
            text.push_str(&filling.repeat(size / filling.len()));
            let _ = write!(text, "\r\nTo: <sip:b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContact: <sip:a>");
            text.push_str(&filling.repeat(size / filling.len()));
            text.push_str("\r\n\r\n");
            let once = |_| {
                let started = work_so_far();
                intake.take(text.as_bytes(), flow(Transport::Udp));
                work_so_far() - started
            };
            (0..5).map(once).min().unwrap_or_default()
        };
        let (small, large) = (reading(4_000), reading(32_000));
        // Eight times the bytes; a quadratic reader would need sixty-four times the time.
        assert!(large < small * 32 + crate::time::Duration::from_millis(10), "{filling:?}: {small:?} {large:?}");
    }
}

/// What this thread alone has computed, however busy the machine is.
fn work_so_far() -> crate::time::Duration {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    crate::time::Duration::new(clock.tv_sec.unsigned_abs(), u32::try_from(clock.tv_nsec).unwrap_or_default())
}
