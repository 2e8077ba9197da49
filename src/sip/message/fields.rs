//! The two headers by which transactions are told apart: Via and CSeq.

use super::address::{first_entry, is_params};
use super::uri::{host_and_port, host_ip};
use super::{Malformed, Method, params};
use crate::sip::api::{Flow, Transport};
use std::net::{IpAddr, SocketAddr};

/// CSeq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Grows with every request of one direction of a dialog.
    pub number: u32,
    /// The request's method.
    pub method: Method,
}

impl CSeq {
    pub(crate) fn parse(value: &str) -> Result<CSeq, Malformed> {
        let mut words = value.split_ascii_whitespace();
        let number = words.next().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number = number.and_then(|digits| digits.parse().ok()).ok_or(Malformed::new("the number of CSeq"))?;
        let method = words.next().and_then(Method::named).ok_or(Malformed::new("the method of CSeq"))?;
        match words.next() {
            None => Ok(CSeq { number, method }),
            Some(_) => Err(Malformed::new("CSeq")),
        }
    }
}

/// The topmost Via entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The transport's name as written: `UDP`, `TCP`, …
    pub transport: String,
    /// sent-by's host, an IPv6 address with its brackets.
    pub host: String,
    /// sent-by's port, if written.
    pub port: Option<u16>,
    /// The transaction's name. Only with the cookie `z9hG4bK` does it stand alone ([`Via::magic`]).
    pub branch: Option<String>,
    /// Whether `rport` was there, with or without a value (RFC 3581).
    pub rport_asked: bool,
    /// In a response: the port by which the server saw us. In a request: the packet's source port, when asked for.
    pub rport: Option<u16>,
    /// In a response: the address by which the server saw us. In a request: the packet's source address, when it has
    /// to be told (RFC 3261 18.2.1, RFC 3581 4); never what the peer wrote.
    pub received: Option<IpAddr>,
    /// How much of the first Via line is this entry.
    pub(super) length: usize,
}

impl Via {
    /// Reads the first entry of a Via line (RFC 3261 20.42).
    pub(crate) fn parse(line: &str) -> Result<Via, Malformed> {
        let entry = first_entry(line);
        let wrong = Malformed::new("Via");
        let (protocol, rest) = entry.split_once('/').ok_or(wrong)?;
        let (version, rest) = rest.split_once('/').ok_or(wrong)?;
        // Any version: the 505 to a request of another one must find its way back by it.
        if !protocol.trim().eq_ignore_ascii_case("SIP") || !version.trim().bytes().all(is_token) {
            return Err(wrong);
        }
        let rest = rest.trim_start();
        let (transport, rest) = rest.split_once([' ', '\t']).ok_or(wrong)?;
        if transport.is_empty() || !transport.bytes().all(is_token) {
            return Err(wrong);
        }
        let (sent_by, tail) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        if !is_params(tail) {
            return Err(wrong);
        }
        let (host, port) = parse_sent_by(sent_by.trim())?;
        let mut via = Via {
            transport: transport.to_owned(),
            host,
            port,
            branch: None,
            rport_asked: false,
            rport: None,
            received: None,
            length: entry.len(),
        };
        for (name, value) in params(tail) {
            if name.eq_ignore_ascii_case("branch") {
                if value.contains([' ', '\t']) || via.branch.is_some() {
                    return Err(wrong);
                }
                via.branch = Some(value.to_owned()).filter(|branch| !branch.is_empty());
            } else if name.eq_ignore_ascii_case("rport") {
                via.rport_asked = true;
                via.rport = value.parse().ok();
            } else if name.eq_ignore_ascii_case("received") {
                via.received = host_ip(value).or_else(|| value.parse().ok());
            }
        }
        Ok(via)
    }

    /// The branch, when it names the transaction alone (RFC 3261 8.1.1.7): cookie and something after it.
    pub fn magic(&self) -> Option<&str> {
        let branch = self.branch.as_deref()?;
        let (cookie, rest) = branch.split_at_checked(7)?;
        (cookie.eq_ignore_ascii_case("z9hG4bK") && !rest.is_empty()).then_some(branch)
    }

    /// sent-by as a transaction compares it: host in lower case, port (5060 unless written).
    pub fn sent_by(&self) -> (String, u16) {
        (self.host.to_ascii_lowercase(), self.port.unwrap_or(5060))
    }

    /// Where an answer to a request that came by `flow` goes; see [`super::Request::answer_flow`].
    pub(crate) fn answer_flow(&self, flow: Flow) -> Flow {
        match flow.transport {
            Transport::Tcp => flow,
            Transport::Udp if self.rport_asked => flow,
            Transport::Udp => Flow { remote: SocketAddr::new(flow.remote.ip(), self.port.unwrap_or(5060)), ..flow },
        }
    }

    /// RFC 3261 18.2.1, RFC 3581 4: what the packet says replaces what the peer may have written.
    pub(crate) fn note_source(&mut self, source: SocketAddr) {
        let differs = host_ip(&self.host) != Some(source.ip().to_canonical());
        self.received = (self.rport_asked || differs).then(|| source.ip().to_canonical());
        self.rport = self.rport_asked.then(|| source.port());
    }
}

/// `host [":" port]`, with blanks allowed around the colon.
fn parse_sent_by(text: &str) -> Result<(String, Option<u16>), Malformed> {
    let (length, port, used) = host_and_port(text)?;
    let host = text.get(..length).unwrap_or_default().to_owned();
    let rest = text.get(used..).unwrap_or_default().trim();
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((host, port)),
        Some(digits) if port.is_none() => {
            let port = digits.trim().parse().map_err(|_| Malformed::new("a port"))?;
            Ok((host, Some(port)))
        }
        _ => Err(Malformed::new("sent-by")),
    }
}

/// RFC 3261 25.1, `token`.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_via_is_taken_apart() {
        let via = Via::parse(
            "SIP / 2.0 / UDP  h.test : 5070 ; branch = z9hG4bKx ; RPORT;received=2001:db8::1;x=\"a;b,c\" , next",
        );
        let via = via.expect("a Via");
        assert_eq!((via.transport.as_str(), via.host.as_str(), via.port), ("UDP", "h.test", Some(5070)));
        assert_eq!((via.magic(), via.rport_asked, via.rport), (Some("z9hG4bKx"), true, None));
        assert_eq!(via.received, "2001:db8::1".parse().ok());
        let via = Via::parse("SIP/2.0/TCP [2001:db8::9]").expect("a Via");
        assert_eq!((via.sent_by(), via.magic(), via.rport_asked), (("[2001:db8::9]".into(), 5060), None, false));
        for (branch, magic) in [("z9hG4bK", false), ("z9hg4bk1", true), ("old", false), ("z9hG4b\u{e9}xx", false)] {
            let via = Via::parse(&format!("SIP/2.0/UDP h;branch={branch}")).expect("a Via");
            assert_eq!(via.magic().is_some(), magic, "{branch}");
        }
        for wrong in [
            "",
            ",",
            "SIP/2.0",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ;x",
            "HTTP/2.0/UDP h",
            "SIP/2.0/UDP h:x",
            "SIP/2.0/UDP h h",
            "SIP/2.0/U<P h",
            "SIP/2.0/UDP h;branch=a b",
        ] {
            assert!(Via::parse(wrong).is_err(), "{wrong}");
        }
    }

    /// RFC 3261 18.2.1, RFC 3581 4.
    #[test]
    fn the_source_is_told_when_it_differs_or_is_asked_for() {
        let rows = [
            ("SIP/2.0/UDP 192.0.2.1", None, None),
            ("SIP/2.0/UDP 192.0.2.1;received=9.9.9.9", None, None),
            ("SIP/2.0/UDP 192.0.2.2", Some("192.0.2.1"), None),
            ("SIP/2.0/UDP host.test", Some("192.0.2.1"), None),
            ("SIP/2.0/UDP 192.0.2.1;rport", Some("192.0.2.1"), Some(7)),
            ("SIP/2.0/UDP 192.0.2.1;rport=9", Some("192.0.2.1"), Some(7)),
        ];
        for (line, received, rport) in rows {
            for source in ["192.0.2.1:7", "[::ffff:192.0.2.1]:7"] {
                let mut via = Via::parse(line).expect("a Via");
                via.note_source(source.parse().expect("an address"));
                assert_eq!((via.received.map(|ip| ip.to_string()).as_deref(), via.rport), (received, rport), "{line}");
            }
        }
    }
}
