//! Why something ended, as Reason says it (RFC 3326): a status of SIP, a cause of ISDN (ITU-T Q.850), or both.

use super::message::{Head, comma_entries, find_param};

/// More entries are not looked at.
const ENTRIES: usize = 8;

/// What was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// A status code.
    pub sip: Option<u16>,
    /// A cause value, 1 to 127.
    pub q850: Option<u8>,
}

impl Reason {
    /// Out of a message's headers; what cannot be read was not said.
    pub(crate) fn read(head: &Head) -> Option<Reason> {
        let mut reason = Reason::default();
        for entry in head.values("Reason").flat_map(comma_entries).take(ENTRIES) {
            let (protocol, params) = entry.split_at(entry.find(';').unwrap_or(entry.len()));
            let cause = find_param(params, "cause").and_then(|cause| cause.trim().parse::<u16>().ok());
            match (protocol.trim(), cause) {
                (sip, Some(200..700)) if sip.eq_ignore_ascii_case("SIP") => reason.sip = reason.sip.or(cause),
                (isdn, Some(cause @ 1..128)) if isdn.eq_ignore_ascii_case("Q.850") => {
                    reason.q850 = reason.q850.or(u8::try_from(cause).ok());
                }
                _ => {}
            }
        }
        (reason != Reason::default()).then_some(reason)
    }

    /// The status that a refusal means: a gateway's 480, 500 or 503 says less than the cause that it came from.
    pub(crate) fn status(reason: Option<Reason>, status: u16) -> u16 {
        match (status, reason.and_then(|reason| reason.q850).and_then(status_of)) {
            (480 | 500 | 503, Some(exact)) => exact,
            (status, _) => status,
        }
    }
}

/// RFC 3398 8.2.6.1: what a status is in ISDN; none where it has no cause of its own.
pub(crate) const fn cause_of(status: u16) -> Option<u8> {
    Some(match status {
        404 | 485 | 604 => 1,
        486 | 600 => 17,
        480 => 18,
        401 | 402 | 403 | 407 | 603 => 21,
        410 => 22,
        482 | 483 => 25,
        484 => 28,
        502 => 38,
        400 | 481 | 500 | 503 => 41,
        405 => 63,
        488 | 606 => 65,
        406 | 415 | 501 => 79,
        408 | 504 => 102,
        413 | 414 | 416 | 420 | 421 | 423 | 505 | 513 => 127,
        _ => return None,
    })
}

/// RFC 3398 7.2.4.1: what a cause is in SIP; none for those that say no more than that the call is over.
const fn status_of(cause: u8) -> Option<u16> {
    Some(match cause {
        1..=3 | 26 => 404,
        17 => 486,
        18 => 408,
        19 | 20 => 480,
        21 | 55 | 57 | 87 => 403,
        22 | 23 => 410,
        27 => 502,
        28 => 484,
        29 | 79 => 501,
        34 | 38 | 41 | 42 | 47 | 58 | 88 => 503,
        65 | 70 => 488,
        102 => 504,
        111 | 127 => 500,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::api::{Flow, Transport};
    use crate::sip::message::Message;

    fn read(headers: &str) -> Option<(Option<u16>, Option<u8>)> {
        let text = format!(
            "BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>;tag=2\r\n\
             Call-ID: c\r\nCSeq: 2 BYE\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        let flow = Flow { transport: Transport::Udp, remote: ([192, 0, 2, 1], 5060).into(), connection: 0 };
        let message = Message::parse(text.as_bytes(), flow).expect("a BYE");
        Reason::read(message.head()).map(|reason| (reason.sip, reason.q850))
    }

    /// RFC 3326 2.
    #[test]
    fn as_written() {
        let rows = [
            ("Reason: SIP ;cause=200 ;text=\"Call completed elsewhere\"\r\n", Some((Some(200), None))),
            ("Reason: Q.850;cause=16;text=\"Normal, clearing; really\"\r\n", Some((None, Some(16)))),
            ("reason: q.850;cause=17, sip;cause=486\r\n", Some((Some(486), Some(17)))),
            ("Reason: Q.850;cause=17\r\nReason: Q.850;cause=18\r\n", Some((None, Some(17)))),
            ("Reason: Q.850;cause=0\r\n", None),
            ("Reason: Q.850;cause=999\r\n", None),
            ("Reason: SIP;cause=99999\r\n", None),
            ("Reason: preemption;cause=1\r\n", None),
            ("Reason: \r\n", None),
            ("", None),
        ];
        for (headers, expected) in rows {
            assert_eq!(read(headers), expected, "{headers}");
        }
    }

    /// RFC 3398 7.2.4.1, 8.2.6.1: both ways, and back to where it began where both tables know it.
    #[test]
    fn causes_and_statuses() {
        for (cause, status) in [(1, 404), (17, 486), (21, 403), (22, 410), (28, 484), (65, 488), (79, 501), (102, 504)]
        {
            assert_eq!((status_of(cause), cause_of(status)), (Some(status), Some(cause)));
        }
        for none in [16, 31, 0, 99] {
            assert_eq!(status_of(none), None, "{none}");
        }
        let exact = |status, cause| Reason::status(Some(Reason { sip: None, q850: Some(cause) }), status);
        assert_eq!((exact(480, 17), exact(503, 1), exact(480, 16), exact(486, 1)), (486, 404, 480, 486));
        assert_eq!(Reason::status(None, 480), 480);
    }
}
