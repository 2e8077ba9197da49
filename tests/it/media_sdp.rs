//! Offer/answer tables: what each offer becomes, and what is refused and how.

use centralino::media::api::{Codec, Encryption, Stream};
use centralino::media::sdp::{Local, Policy, Session, Unacceptable};
use centralino::media::srtp::{Key, Suite};
use std::net::{IpAddr, SocketAddr};

const BASE: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n";
const PLAIN: &str = "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";

fn session() -> Session {
    let address = IpAddr::from([192, 0, 2, 1]);
    let codecs = vec![Codec::Pcma, Codec::Pcmu];
    let (encryption, key) = (Encryption::Off, Key([b'x'; 30]));
    Session::new(Local { address, port: 20_000, session_id: 77, codecs, encryption, key })
}

fn policy() -> Policy<'static> {
    Policy {
        signalled_from: IpAddr::from([192, 0, 2, 7]),
        allow_loopback: false,
        is_ours: &|address| address == SocketAddr::from(([192, 0, 2, 1], 20_002)),
    }
}

fn answer_whole(offer: &str) -> Result<(String, Stream), Unacceptable> {
    let (bytes, stream) = session().answer(offer.as_bytes(), &policy())?;
    Ok((String::from_utf8(bytes.to_vec()).unwrap(), stream))
}

/// The answer to BASE followed by these lines.
fn answer(lines: &str) -> Result<(String, Stream), Unacceptable> {
    answer_whole(&format!("{BASE}{lines}"))
}

/// In one line: remote, codec@payload type, telephone-event, what we do, ptime.
fn told(stream: &Stream) -> String {
    let remote = stream.remote.map_or("-".into(), |remote| remote.to_string());
    let event = stream.telephone_event.map_or("-".into(), |payload_type| payload_type.to_string());
    let way = match (stream.may_send, stream.will_receive) {
        (true, true) => "both",
        (true, false) => "send",
        (false, true) => "receive",
        (false, false) => "none",
    };
    let beside = stream.remote.map(|remote| SocketAddr::new(remote.ip(), remote.port().wrapping_add(1)));
    let control = match (stream.is_muxed, stream.control) {
        (true, _) => " rtcp with it".into(),
        (false, control) if control == beside => String::new(),
        (false, control) => format!(" rtcp {}", control.map_or("-".into(), |control| control.to_string())),
    };
    let (codec, payload_type, ptime) = (stream.codec, stream.payload_type, stream.ptime_ms);
    format!("{remote} {codec:?}@{payload_type} te{event} {way} {ptime}ms{control}")
}

/// The m= lines and the attributes that this test cares about, joined by bars.
fn lines_of(text: &str, keys: &[&str]) -> String {
    text.lines().filter(|line| keys.iter().any(|key| line.starts_with(key))).collect::<Vec<_>>().join(" | ")
}

#[test]
fn each_offer_becomes_this_stream() {
    let rows = [
        (PLAIN, "192.0.2.7:4000 Pcma@8 te101 both 20ms"),
        ("m=audio 4000 RTP/AVP 0\r\n", "192.0.2.7:4000 Pcmu@0 te- both 20ms"),
        ("m=audio 4000 RTP/AVP 0 8\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms"),
        ("m=audio 4000 RTP/AVP 18 96\r\na=rtpmap:96 pcma/8000/1\r\n", "192.0.2.7:4000 Pcma@96 te- both 20ms"),
        ("m=audio 4000 RTP/AVP 8 0\r\na=rtpmap:8 G729/8000\r\n", "192.0.2.7:4000 Pcmu@0 te- both 20ms"),
        ("m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/16000\r\n", "192.0.2.7:4000 Pcmu@0 te- both 20ms"),
        (
            "m=audio 4000 RTP/AVP 0 127\r\na=rtpmap:127 TELEPHONE-EVENT/8000\r\n",
            "192.0.2.7:4000 Pcmu@0 te127 both 20ms",
        ),
        // ptime and maxptime
        ("m=audio 4000 RTP/AVP 8\r\na=ptime:30\r\n", "192.0.2.7:4000 Pcma@8 te- both 30ms"),
        ("m=audio 4000 RTP/AVP 8\r\na=ptime:60\r\na=maxptime:40\r\n", "192.0.2.7:4000 Pcma@8 te- both 40ms"),
        ("m=audio 4000 RTP/AVP 8\r\na=maxptime:10\r\n", "192.0.2.7:4000 Pcma@8 te- both 10ms"),
        ("m=audio 4000 RTP/AVP 8\r\na=ptime:0\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms"),
        ("m=audio 4000 RTP/AVP 8\r\na=ptime:99999999999\r\na=maxptime:-1\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms"),
        ("m=audio 4000 RTP/AVP 8\r\na=ptime:20.0\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms"),
        // hold, RFC 3264 8.4
        ("m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n", "192.0.2.7:4000 Pcma@8 te- receive 20ms"),
        ("m=audio 4000 RTP/AVP 8\r\na=recvonly\r\n", "192.0.2.7:4000 Pcma@8 te- send 20ms"),
        ("m=audio 4000 RTP/AVP 8\r\na=inactive\r\n", "192.0.2.7:4000 Pcma@8 te- none 20ms"),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\n", "- Pcma@8 te- receive 20ms"),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP6 hold.invalid\r\n", "- Pcma@8 te- receive 20ms"),
        ("a=inactive\r\nm=audio 4000 RTP/AVP 8\r\n", "192.0.2.7:4000 Pcma@8 te- none 20ms"),
        ("a=inactive\r\nm=audio 4000 RTP/AVP 8\r\na=sendrecv\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms"),
        // where RTCP goes: RFC 5761, RFC 3605; not where RTP could not go
        ("m=audio 4000 RTP/AVP 8\r\na=rtcp-mux\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms rtcp with it"),
        ("m=audio 4000 RTP/AVP 8\r\na=rtcp:5001\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms rtcp 192.0.2.7:5001"),
        (
            "m=audio 4000 RTP/AVP 8\r\na=rtcp:5001 IN IP4 198.51.100.9\r\n",
            "192.0.2.7:4000 Pcma@8 te- both 20ms rtcp 198.51.100.9:5001",
        ),
        ("m=audio 4000 RTP/AVP 8\r\na=rtcp:5001 IN IP4 224.0.0.1\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms rtcp -"),
        ("m=audio 4000 RTP/AVP 8\r\na=rtcp:53\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms rtcp -"),
        ("m=audio 4000 RTP/AVP 8\r\na=rtcp:x y z\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms rtcp -"),
        ("m=audio 65535 RTP/AVP 8\r\n", "192.0.2.7:65535 Pcma@8 te- both 20ms rtcp -"),
        // the medium's own address; extra lines; attributes that mean nothing to us
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 198.51.100.9\r\n", "198.51.100.9:4000 Pcma@8 te- both 20ms"),
        (
            "m=audio 4000 RTP/AVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\na=fmtp\r\na=rtpmap\r\na=rtpmap:x y\r\n",
            "192.0.2.7:4000 Pcma@8 te- both 20ms",
        ),
        ("m=audio 5000 RTP/SAVP 8\r\nm=audio 4000 RTP/AVP 8\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms"),
        ("m=audio 4000/2 rtp/avp 8\r\n", "192.0.2.7:4000 Pcma@8 te- both 20ms"),
    ];
    for (offer, expected) in rows {
        assert_eq!(answer(offer).map(|(_, stream)| told(&stream)).as_deref(), Ok(expected), "{offer}");
    }
}

#[test]
fn the_answer_says_what_we_do_line_by_line() {
    let rows = [
        (
            PLAIN,
            "m=audio 20000 RTP/AVP 8 101 | a=rtpmap:8 PCMA/8000 | a=rtpmap:101 telephone-event/8000 | a=fmtp:101 0-15 | a=ptime:20 | a=sendrecv",
        ),
        (
            "m=audio 4000 RTP/AVP 8\r\na=rtcp-mux\r\n",
            "m=audio 20000 RTP/AVP 8 | a=rtpmap:8 PCMA/8000 | a=ptime:20 | a=rtcp-mux | a=sendrecv",
        ),
        (
            "m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n",
            "m=audio 20000 RTP/AVP 8 | a=rtpmap:8 PCMA/8000 | a=ptime:20 | a=recvonly",
        ),
        (
            "m=audio 4000 RTP/AVP 8\r\na=recvonly\r\n",
            "m=audio 20000 RTP/AVP 8 | a=rtpmap:8 PCMA/8000 | a=ptime:20 | a=sendonly",
        ),
        (
            "m=audio 4000 RTP/AVP 8\r\na=inactive\r\n",
            "m=audio 20000 RTP/AVP 8 | a=rtpmap:8 PCMA/8000 | a=ptime:20 | a=inactive",
        ),
        (
            "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\n",
            "m=audio 20000 RTP/AVP 8 | a=rtpmap:8 PCMA/8000 | a=ptime:20 | a=recvonly",
        ),
        // RFC 3264 6: an m= line for each m= line, in order
        (
            "m=video 5000 RTP/AVP 96 97\r\nm=audio 4000 RTP/AVP 8\r\nm=audio 4002 RTP/AVP 8\r\nm=application 9 DTLS/SCTP 5000\r\n",
            "m=video 0 RTP/AVP 96 | m=audio 20000 RTP/AVP 8 | a=rtpmap:8 PCMA/8000 | a=ptime:20 | a=sendrecv | m=audio 0 RTP/AVP 8 | m=application 0 DTLS/SCTP 5000",
        ),
        (
            "m=audio 0 RTP/AVP 8\r\nm=audio 4000 RTP/AVP 8\r\n",
            "m=audio 0 RTP/AVP 8 | m=audio 20000 RTP/AVP 8 | a=rtpmap:8 PCMA/8000 | a=ptime:20 | a=sendrecv",
        ),
    ];
    for (offer, expected) in rows {
        let text = answer(offer).map(|(text, _)| lines_of(&text, &["m=", "a="]));
        assert_eq!(text.as_deref(), Ok(expected), "{offer}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_a_reason() {
    let rows: [(&str, u16, Option<u16>); 20] = [
        ("", 488, Some(304)),
        ("m=video 4000 RTP/AVP 8\r\n", 488, Some(304)),
        ("m=audio 0 RTP/AVP 8\r\n", 488, Some(304)),
        ("m=audio 4000 RTP/AVP 18 9\r\n", 488, Some(305)),
        ("m=audio 4000 RTP/AVP 4294967296 8x -8\r\n", 488, Some(305)),
        ("m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/16000\r\n", 488, Some(305)),
        ("m=audio 4000 RTP/SAVP 8\r\n", 488, Some(302)),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 8\r\n", 488, Some(302)),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 224.0.0.1/127\r\n", 488, Some(301)),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 255.255.255.255\r\n", 488, Some(301)),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.1\r\n", 488, Some(301)),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 127.0.0.1\r\n", 488, Some(301)),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP6 ::ffff:127.0.0.1\r\n", 488, Some(301)),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP6 2001:db8::1\r\n", 488, Some(301)),
        ("m=audio 4000 RTP/AVP 8\r\nc=ATM NSAP x\r\n", 488, Some(301)),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 phone.example.org\r\n", 488, Some(301)),
        ("m=audio 53 RTP/AVP 8\r\n", 488, Some(301)),
        ("m=audio 20002 RTP/AVP 8\r\nc=IN IP4 192.0.2.1\r\n", 488, Some(301)),
        ("m=audio 70000 RTP/AVP 8\r\n", 400, None),
        ("m=audio 4000\r\n", 400, None),
    ];
    for (offer, status, warning) in rows {
        let refused = answer(offer).map(|(_, stream)| told(&stream)).map_err(|u| (u.status, u.warning.map(|w| w.0)));
        assert_eq!(refused, Err((status, warning)), "{offer}");
    }
}

#[test]
fn unreadable_and_oversized_text_is_400() {
    let too_many_media = format!("{BASE}{}", PLAIN.repeat(17));
    let too_many_attributes = format!("{BASE}{PLAIN}{}", "a=x\r\n".repeat(256));
    let too_long = format!("{BASE}{PLAIN}a=x:{}\r\n", "y".repeat(20_000));
    let without_address = format!("v=0\r\n{PLAIN}");
    let rows = [
        "",
        "\0\0",
        "hello",
        "v=1\r\n",
        "v=0\r\nc=IN\r\n",
        "v=0\r\no=-\r\n",
        "v=0\r\nm=\r\n",
        "v=0\r\nc=IN IP4 1.2.3.4\0\r\n",
    ];
    let rows = rows.iter().copied().chain([&*too_many_media, &*too_many_attributes, &*too_long, &*without_address]);
    for offer in rows {
        assert_eq!(answer_whole(offer).map(|_| ()), Err(Unacceptable { status: 400, warning: None }), "{offer:.60}");
    }
    // Just within the limits.
    let many_media = format!("{BASE}{PLAIN}{}", "m=video 5000 RTP/AVP 96\r\n".repeat(15));
    let many_attributes = format!("{BASE}{PLAIN}{}", "a=x\r\n".repeat(255));
    assert!(answer_whole(&many_media).is_ok() && answer_whole(&many_attributes).is_ok());
}

#[test]
fn loopback_is_for_those_who_may() {
    let policy = Policy { allow_loopback: true, ..policy() };
    let offer = format!("{BASE}m=audio 4000 RTP/AVP 8\r\nc=IN IP4 127.0.0.1\r\n");
    let (_, stream) = session().answer(offer.as_bytes(), &policy).unwrap();
    assert_eq!(told(&stream), "127.0.0.1:4000 Pcma@8 te- both 20ms");
}

#[test]
fn ipv6_is_spoken_where_we_have_it() {
    let address: IpAddr = "2001:db8::5".parse().unwrap();
    let (codecs, encryption, key) = (vec![Codec::Pcmu], Encryption::Off, Key([0; 30]));
    let mut session = Session::new(Local { address, port: 20_000, session_id: 1, codecs, encryption, key });
    let offer =
        "v=0\r\no=- 1 1 IN IP6 2001:db8::7\r\ns=-\r\nc=IN IP6 2001:db8::7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let (text, stream) = session.answer(offer.as_bytes(), &policy()).unwrap();
    assert_eq!(told(&stream), "[2001:db8::7]:4000 Pcmu@0 te- both 20ms");
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert_eq!(lines_of(&text, &["o=", "c="]), "o=- 1 1 IN IP6 2001:db8::5 | c=IN IP6 2001:db8::5");
    let mixed = format!("{BASE}{PLAIN}");
    assert_eq!(session.answer(mixed.as_bytes(), &policy()).unwrap_err().warning.unwrap().0, 301);
}

#[test]
fn the_version_grows_only_when_the_text_changes() {
    let mut session = session();
    let mut origin = |lines: &str| {
        let (text, stream) = session.answer(format!("{BASE}{lines}").as_bytes(), &policy()).unwrap();
        (lines_of(std::str::from_utf8(&text).unwrap(), &["o="]), told(&stream))
    };
    let held = "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n";
    let taken_away = "m=audio 0 RTP/AVP 8\r\n";
    assert_eq!(origin(PLAIN).0, "o=- 77 1 IN IP4 192.0.2.1");
    assert_eq!(origin(PLAIN).0, "o=- 77 1 IN IP4 192.0.2.1");
    assert_eq!(origin(held).0, "o=- 77 2 IN IP4 192.0.2.1");
    assert_eq!(origin(held).0, "o=- 77 2 IN IP4 192.0.2.1");
    assert_eq!(origin(taken_away), ("o=- 77 3 IN IP4 192.0.2.1".into(), "- Pcma@8 te101 none 20ms".into()));
    assert_eq!(origin(PLAIN), ("o=- 77 4 IN IP4 192.0.2.1".into(), "192.0.2.7:4000 Pcma@8 te101 both 20ms".into()));
}

#[test]
fn a_failed_exchange_changes_nothing() {
    let mut session = session();
    session.answer(format!("{BASE}{PLAIN}").as_bytes(), &policy()).unwrap();
    let before = session.agreed().cloned();
    let no_codec = format!("{BASE}m=audio 4000 RTP/AVP 18\r\n");
    assert_eq!(session.answer(no_codec.as_bytes(), &policy()).unwrap_err().status, 488);
    assert_eq!(session.agreed().cloned(), before);
    let (text, _) = session.answer(format!("{BASE}{PLAIN}").as_bytes(), &policy()).unwrap();
    assert_eq!(lines_of(std::str::from_utf8(&text).unwrap(), &["o="]), "o=- 77 1 IN IP4 192.0.2.1");
}

#[test]
fn our_offer_and_its_answer() {
    let mut session = session();
    let offer = String::from_utf8(session.offer().to_vec()).unwrap();
    assert_eq!(
        offer,
        "v=0\r\no=- 77 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8 0 101\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
         a=ptime:20\r\na=rtcp-mux\r\na=sendrecv\r\n"
    );
    let rows = [
        (PLAIN, Ok("192.0.2.7:4000 Pcma@8 te101 both 20ms")),
        (
            "m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\n",
            Ok("192.0.2.7:4000 Pcmu@0 te96 both 20ms"),
        ),
        ("m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n", Ok("192.0.2.7:4000 Pcmu@0 te- send 20ms")),
        ("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n", Ok("192.0.2.7:4000 Pcmu@0 te- receive 20ms")),
        ("m=audio 0 RTP/AVP 8\r\n", Err(488)),
        ("m=audio 4000 RTP/AVP 18\r\n", Err(488)),
    ];
    for (lines, expected) in rows {
        let stream = session.clone().accept(format!("{BASE}{lines}").as_bytes(), &policy());
        assert_eq!(stream.map(|s| told(&s)).map_err(|u| u.status), expected.map(str::to_owned), "{lines}");
    }
}

#[test]
fn a_later_offer_of_ours_keeps_the_lines_and_the_event_type() {
    let mut session = session();
    let offer =
        format!("{BASE}m=video 5000 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 8 100\r\na=rtpmap:100 telephone-event/8000\r\n");
    session.answer(offer.as_bytes(), &policy()).unwrap();
    let later = String::from_utf8(session.offer().to_vec()).unwrap();
    assert_eq!(lines_of(&later, &["m="]), "m=video 0 RTP/AVP 96 | m=audio 20000 RTP/AVP 8 0 100");
}

/// 10^5 texts: random bytes, and real offers with bytes changed, lines lost, repeated and cut.
#[test]
fn random_texts_are_answered_or_refused() {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let mut random = ChaCha8Rng::seed_from_u64(20_261_121);
    let good = format!("{BASE}m=video 5000 RTP/AVP 96\r\n{PLAIN}a=ptime:20\r\na=maxptime:60\r\na=sendrecv\r\n");
    let (mut answered, mut refused) = (0, 0);
    for number in 0..100_000 {
        let mut below = |most: usize| random.next_u32() as usize % most.max(1);
        let text: Vec<u8> = if number % 4 == 0 {
            (0..below(300)).map(|_| below(256) as u8).collect()
        } else {
            let mut lines: Vec<&[u8]> = good.as_bytes().split_inclusive(|&byte| byte == b'\n').collect();
            for _ in 0..below(3) {
                let line = lines.remove(below(lines.len()));
                (0..below(3)).for_each(|_| lines.insert(below(lines.len() + 1), line));
            }
            let mut text = lines.concat();
            for _ in 0..below(4) {
                let position = below(text.len());
                // A digit more often than not: numbers are where the traps are.
                text[position] = if below(3) > 0 { b'0' + below(10) as u8 } else { below(256) as u8 };
            }
            if below(8) == 0 {
                text.truncate(below(text.len()));
            }
            text
        };
        let mut session = session();
        match session.answer(&text, &policy()) {
            Ok((answer, stream)) => {
                answered += 1;
                assert!((10..=60).contains(&stream.ptime_ms) && stream.payload_type < 128);
                assert!(!stream.may_send || stream.remote.is_some());
                // What we write can be read, and answers line by line.
                let lines =
                    |text: &[u8]| text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"m=")).count();
                assert_eq!(lines(&answer), lines(&text));
                assert!(sdp_types::Session::parse(&answer).is_ok());
            }
            Err(unacceptable) => {
                refused += 1;
                assert!(matches!(unacceptable.status, 400 | 488));
            }
        }
    }
    assert!(answered > 20_000 && refused > 20_000, "{answered} {refused}");
}

const OURS: &str = "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4";
const THEIRS: &str = "eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5";

fn encrypting(encryption: Encryption) -> Session {
    let (address, codecs) = (IpAddr::from([192, 0, 2, 1]), vec![Codec::Pcma]);
    Session::new(Local { address, port: 20_000, session_id: 77, codecs, encryption, key: Key([b'x'; 30]) })
}

/// What each offer becomes under each setting: our m= and a=crypto lines, or the refusal.
#[test]
fn keys_are_taken_where_they_may_be_and_nobody_falls_back_without_a_word() {
    use Encryption::{Off, Optional, Required};
    let line = |tag: u32, suite: &str, more: &str| format!("a=crypto:{tag} {suite} inline:{THEIRS}{more}\r\n");
    let (long, short) = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32");
    let good = line(1, long, "");
    let offer = |proto: &str, lines: &str| format!("{BASE}m=audio 4000 RTP/{proto} 8\r\n{lines}");
    let (open, refused) = ("m=audio 20000 RTP/AVP 8".to_string(), "488 302".to_string());
    let ours = |proto: &str, tag: u32, suite: &str| {
        format!("m=audio 20000 RTP/{proto} 8 | a=crypto:{tag} {suite} inline:{OURS}")
    };
    let both = format!("{BASE}m=audio 5000 RTP/AVP 8\r\nm=audio 4000 RTP/SAVP 8\r\n{good}");
    let rows = [
        (Off, offer("AVP", ""), open.clone()),
        (Off, offer("AVP", &good), open.clone()),
        (Off, offer("SAVP", &good), refused.clone()),
        (Optional, offer("AVP", ""), open.clone()),
        (Optional, offer("AVP", &good), ours("AVP", 1, long)),
        (Optional, offer("SAVP", &good), ours("SAVP", 1, long)),
        (Optional, offer("SAVP", ""), refused.clone()),
        (Optional, both.clone(), format!("m=audio 0 RTP/AVP 8 | {}", ours("SAVP", 1, long))),
        (Required, both, format!("m=audio 0 RTP/AVP 8 | {}", ours("SAVP", 1, long))),
        (Required, offer("AVP", ""), refused.clone()),
        (Required, offer("AVP", &good), ours("AVP", 1, long)),
        (Required, offer("SAVP", &good), ours("SAVP", 1, long)),
        (Required, offer("UDP/TLS/RTP/SAVP", &good), refused.clone()),
        // the first line that can be used
        (Required, offer("SAVP", &line(3, short, "|2^31")), ours("SAVP", 3, short)),
        (
            Required,
            offer("SAVP", &(line(1, "AES_256_CM_HMAC_SHA1_80", "") + &line(2, long, " -WSH=64"))),
            ours("SAVP", 2, long),
        ),
        // what asks for more than we do, or says too little
        (Required, offer("SAVP", &line(1, long, "|2^31|1:4")), refused.clone()),
        (Required, offer("SAVP", &line(1, long, "|1:4")), refused.clone()),
        (Required, offer("SAVP", &line(1, long, &format!(";inline:{THEIRS}"))), refused.clone()),
        (Required, offer("SAVP", &line(1, long, " UNENCRYPTED_SRTP")), refused.clone()),
        (Required, offer("SAVP", &good.replace("eXl5", "")), refused.clone()),
        (Required, offer("SAVP", "a=crypto\r\na=crypto:\r\na=crypto:1\r\na=crypto:x y z\r\n"), refused),
    ];
    for (encryption, offer, expected) in rows {
        let told = match encrypting(encryption).answer(offer.as_bytes(), &policy()) {
            Ok((bytes, stream)) => {
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                assert_eq!(stream.crypto.is_some(), text.contains("a=crypto"), "{offer}");
                let suite = stream.crypto.map(|crypto| (crypto.suite, crypto.ours, crypto.theirs));
                let right = |suite| (suite, Key([b'x'; 30]), Key([b'y'; 30]));
                assert!([None, Some(right(Suite::Tag80)), Some(right(Suite::Tag32))].contains(&suite));
                lines_of(&text, &["m=", "a=crypto"])
            }
            Err(unacceptable) => {
                format!("{} {}", unacceptable.status, unacceptable.warning.map_or(0, |(code, _)| code))
            }
        };
        assert_eq!(told, expected, "{encryption:?} {offer}");
    }
}

#[test]
fn our_offers_keys_and_what_answers_to_them_may_be() {
    use Encryption::{Off, Optional, Required};
    let key = |tag: u32| format!("a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{THEIRS}\r\n");
    let rows = [
        (Off, "RTP/AVP", false, [Ok(false), Ok(false), Err(488), Err(488)]),
        (Optional, "RTP/AVP", true, [Ok(false), Ok(true), Ok(true), Err(488)]),
        (Required, "RTP/SAVP", true, [Err(488), Ok(true), Ok(true), Err(488)]),
    ];
    for (encryption, proto, has_key, outcomes) in rows {
        let answers = [("AVP", String::new()), ("AVP", key(1)), ("SAVP", key(1)), ("SAVP", key(2))];
        for ((profile, lines), outcome) in answers.into_iter().zip(outcomes) {
            let mut session = encrypting(encryption);
            let offer = String::from_utf8(session.offer().to_vec()).unwrap();
            assert!(offer.contains(&format!("m=audio 20000 {proto} 8 101\r\n")), "{offer}");
            assert_eq!(offer.contains(&format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{OURS}\r\n")), has_key);
            let answer = format!("{BASE}m=audio 4000 RTP/{profile} 8\r\n{lines}");
            let agreed = session.accept(answer.as_bytes(), &policy());
            let told = agreed.map(|stream| stream.crypto.is_some()).map_err(|refused| refused.status);
            assert_eq!(told, outcome, "{encryption:?} {answer}");
        }
    }
}

fn session_with(codecs: &[Codec]) -> Session {
    let address = IpAddr::from([192, 0, 2, 1]);
    let (encryption, key) = (Encryption::Off, Key([b'x'; 30]));
    Session::new(Local { address, port: 20_000, session_id: 77, codecs: codecs.to_vec(), encryption, key })
}

const EVERY: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];
const SAID_OF_AUDIO: [&str; 4] = ["m=audio", "a=rtpmap", "a=fmtp", "a=ptime"];

#[test]
fn opus_is_taken_with_the_keys_of_its_clock_and_whatever_its_parameters_say() {
    let rows = [
        // RFC 7587 7.1: the example, with keys on its clock, with keys on another one, with none
        ("96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/48000", "Opus@96 te97 at 48000 20ms"),
        (
            "96 97 98\r\na=rtpmap:96 OPUS/48000/2\r\na=rtpmap:97 telephone-event/8000\r\na=rtpmap:98 telephone-event/48000",
            "Opus@96 te98 at 48000 20ms",
        ),
        ("96 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000", "Opus@96 te101 at 8000 20ms"),
        ("111\r\na=rtpmap:111 opus/48000/2\r\na=ptime:60\r\na=maxptime:120", "Opus@111 te- at 48000 20ms"),
        // beside others: the first of ours; keys of its clock
        (
            "8 111 101 110\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:110 telephone-event/48000",
            "Opus@111 te110 at 48000 20ms",
        ),
        // what is no Opus: without its clock or channels, without a map, where RTCP is
        ("8 96\r\na=rtpmap:96 opus/8000/2", "Pcma@8 te- at 8000 20ms"),
        ("8 96\r\na=rtpmap:96 opus/48000", "Pcma@8 te- at 8000 20ms"),
        ("8 96\r\na=rtpmap:96 opus/48000/99999999999999999999", "Pcma@8 te- at 8000 20ms"),
        ("8 111", "Pcma@8 te- at 8000 20ms"),
        ("8 72\r\na=rtpmap:72 opus/48000/2", "Pcma@8 te- at 8000 20ms"),
        ("8 128\r\na=rtpmap:128 opus/48000/2", "Pcma@8 te- at 8000 20ms"),
        // parameters that say anything
        (
            "96\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 stereo=1;sprop-stereo=1;usedtx=1;cbr=1;maxaveragebitrate=-1;;=;\u{7f}x",
            "Opus@96 te- at 48000 20ms",
        ),
        (
            "96\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96\r\na=fmtp:4294967296 x\r\na=fmtp:96 maxplaybackrate=99999999999999999999",
            "Opus@96 te- at 48000 20ms",
        ),
    ];
    for (offer, expected) in rows {
        let offer = format!("{BASE}m=audio 4000 RTP/AVP {offer}\r\n");
        let (_, stream) = session_with(&EVERY).answer(offer.as_bytes(), &policy()).expect(&offer);
        let event = stream.telephone_event.map_or("-".into(), |event| event.to_string());
        let (codec, payload_type, at, ptime) = (stream.codec, stream.payload_type, stream.events_at, stream.ptime_ms);
        assert_eq!(format!("{codec:?}@{payload_type} te{event} at {at} {ptime}ms"), expected, "{offer}");
    }
    let only = format!("{BASE}m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n");
    let refused = session_with(&[Codec::Pcma]).answer(only.as_bytes(), &policy()).unwrap_err();
    assert_eq!((refused.status, refused.warning), (488, Some((305, "Incompatible media format"))));
}

#[test]
fn opus_is_offered_and_answered_with_its_own_numbers_and_keeps_them() {
    let text = |bytes: &[u8]| lines_of(std::str::from_utf8(bytes).unwrap(), &SAID_OF_AUDIO);
    let first = text(&session_with(&EVERY).offer());
    assert_eq!(
        first,
        "m=audio 20000 RTP/AVP 111 9 8 0 101 110 | a=rtpmap:111 opus/48000/2 | a=fmtp:111 useinbandfec=1 | a=rtpmap:9 G722/8000 | \
         a=rtpmap:8 PCMA/8000 | a=rtpmap:0 PCMU/8000 | a=rtpmap:101 telephone-event/8000 | a=fmtp:101 0-15 | \
         a=rtpmap:110 telephone-event/48000 | a=fmtp:110 0-15 | a=ptime:20"
    );
    assert!(session_with(&EVERY).offer().len() < 500, "an INVITE with it stays below what UDP carries");
    let alone = text(&session_with(&[Codec::Opus]).offer());
    assert_eq!(
        alone,
        "m=audio 20000 RTP/AVP 111 110 | a=rtpmap:111 opus/48000/2 | a=fmtp:111 useinbandfec=1 | \
         a=rtpmap:110 telephone-event/48000 | a=fmtp:110 0-15 | a=ptime:20"
    );
    // Theirs are kept in the answer and in whatever we offer later (RFC 3264 8.3.2), ours make room.
    let mut session = session_with(&EVERY);
    let offer = format!(
        "{BASE}m=audio 4000 RTP/AVP 101 111\r\na=rtpmap:101 opus/48000/2\r\na=rtpmap:111 telephone-event/48000\r\n"
    );
    let (answer, stream) = session.answer(offer.as_bytes(), &policy()).unwrap();
    assert_eq!((stream.payload_type, stream.telephone_event, stream.events_at), (101, Some(111), 48_000));
    assert_eq!(
        text(&answer),
        "m=audio 20000 RTP/AVP 101 111 | a=rtpmap:101 opus/48000/2 | a=fmtp:101 useinbandfec=1 | \
         a=rtpmap:111 telephone-event/48000 | a=fmtp:111 0-15 | a=ptime:20"
    );
    let later = text(&session.offer());
    assert!(later.starts_with("m=audio 20000 RTP/AVP 101 9 8 0 96 111 | a=rtpmap:101 opus/48000/2 |"), "{later}");
    assert!(later.contains("a=rtpmap:96 telephone-event/8000") && later.contains("a=rtpmap:111 telephone-event/48000"));
}

#[test]
fn an_answer_may_take_opus_or_leave_it() {
    let rows = [
        (
            "111 110\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:110 telephone-event/48000",
            (Codec::Opus, 111, Some(110), 48_000),
        ),
        (
            "111 101\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000",
            (Codec::Opus, 111, Some(101), 8_000),
        ),
        ("8 101\r\na=rtpmap:101 telephone-event/8000", (Codec::Pcma, 8, Some(101), 8_000)),
        ("120\r\na=rtpmap:120 opus/48000/2", (Codec::Opus, 120, None, 48_000)),
    ];
    for (answer, expected) in rows {
        let mut session = session_with(&EVERY);
        session.offer();
        let stream = session.accept(format!("{BASE}m=audio 4000 RTP/AVP {answer}\r\n").as_bytes(), &policy()).unwrap();
        assert_eq!((stream.codec, stream.payload_type, stream.telephone_event, stream.events_at), expected);
    }
}
