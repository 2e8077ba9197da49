//! Writing messages: one pass into one buffer, nothing is read again.

use super::{Method, Request, Via, params, uri::host_text};
use bytes::Bytes;
use std::fmt::{self, Display, Write as _};
use std::net::SocketAddr;

use crate::sip::api::Transport;

/// A message being written. Header lines come out in the order of the calls; Content-Length is always last.
///
/// Whatever is written as a value, no control character but TAB reaches the wire: it becomes a blank, so a value can never
/// end its line and start another.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Starts a request.
    pub fn request(method: Method, uri: &str) -> Writer {
        let mut writer = Writer { bytes: Vec::with_capacity(1024) };
        writer.raw(method.as_str());
        writer.raw(" ");
        writer.value(uri);
        writer.raw(" SIP/2.0\r\n");
        writer
    }

    /// Starts the answer to a request (RFC 3261 8.2.6): Via lines in order with `received` and `rport` filled in,
    /// From, To, Call-ID, CSeq; Record-Route when it may make a dialog; Timestamp in a 100.
    ///
    /// `to_tag` is written when the request's To has no tag.
    pub fn answer(request: &Request, status: u16, to_tag: Option<&str>) -> Writer {
        Writer::answer_with(request, status, reason_phrase(status), to_tag)
    }

    /// [`Writer::answer`] with a reason phrase of one's own.
    pub fn answer_with(request: &Request, status: u16, reason: &str, to_tag: Option<&str>) -> Writer {
        let head = &request.head;
        let mut writer = Writer::status(status, reason);
        writer.vias(&head.via, head.values("Via"));
        if request.method == Method::Invite && (101..300).contains(&status) {
            for route in head.values("Record-Route") {
                writer.line("Record-Route", route);
            }
        }
        if let Some(timestamp) = head.header("Timestamp").filter(|_| status == 100) {
            writer.line("Timestamp", timestamp);
        }
        writer.line("From", &head.from.text);
        match to_tag.filter(|_| head.to.tag().is_none()) {
            Some(tag) => {
                writer.raw("To: ");
                writer.value(&head.to.text);
                writer.raw(";tag=");
                writer.value(tag);
                writer.raw("\r\n");
            }
            None => writer.line("To", &head.to.text),
        }
        writer.line("Call-ID", &head.call_id);
        writer.cseq(head.cseq.number, request.method)
    }

    pub(crate) fn status(status: u16, reason: &str) -> Writer {
        let mut writer = Writer { bytes: Vec::with_capacity(1024) };
        writer.raw("SIP/2.0 ");
        writer.number(u64::from(status));
        writer.raw(" ");
        writer.value(reason);
        writer.raw("\r\n");
        writer
    }

    /// The Via lines of a request as its answer bears them.
    pub(crate) fn vias<'a>(&mut self, top: &Via, mut lines: impl Iterator<Item = &'a str>) {
        if let Some(first) = lines.next() {
            self.top_via(top, first);
        }
        for line in lines {
            self.line("Via", line);
        }
    }

    /// A header line.
    pub fn header(mut self, name: &str, value: impl Display) -> Writer {
        self.raw(name);
        self.raw(": ");
        // Writing into memory does not fail; a value that refuses to be displayed is left out.
        let _ = write!(Plain(&mut self.bytes), "{value}");
        self.raw("\r\n");
        self
    }

    /// Our Via, with `rport` (RFC 3581 3).
    pub fn via(mut self, transport: Transport, sent_by: SocketAddr, branch: &str) -> Writer {
        self.raw(match transport {
            Transport::Udp => "Via: SIP/2.0/UDP ",
            Transport::Tcp => "Via: SIP/2.0/TCP ",
        });
        let _ = write!(Plain(&mut self.bytes), "{sent_by}");
        self.raw(";branch=");
        self.value(branch);
        self.raw(";rport\r\n");
        self
    }

    /// CSeq.
    pub fn cseq(mut self, number: u32, method: Method) -> Writer {
        self.raw("CSeq: ");
        self.number(u64::from(number));
        self.raw(" ");
        self.raw(method.as_str());
        self.raw("\r\n");
        self
    }

    /// Ends the message with a body.
    pub fn body(mut self, content_type: &str, body: &[u8]) -> Bytes {
        self.line("Content-Type", content_type);
        self.end(body)
    }

    /// Ends the message with a body, if there is one.
    pub fn body_opt(self, content_type: &str, body: Option<&[u8]>) -> Bytes {
        match body {
            Some(body) => self.body(content_type, body),
            None => self.finish(),
        }
    }

    /// Ends the message without a body.
    pub fn finish(self) -> Bytes {
        self.end(&[])
    }

    fn end(mut self, body: &[u8]) -> Bytes {
        self.raw("Content-Length: ");
        self.number(body.len() as u64);
        self.raw("\r\n\r\n");
        self.bytes.extend_from_slice(body);
        Bytes::from(self.bytes)
    }

    /// The first Via line, its first entry with the packet's source in place of what the peer wrote about it.
    fn top_via(&mut self, via: &Via, line: &str) {
        let (entry, rest) = line.split_at_checked(via.length).unwrap_or((line, ""));
        if via.received.is_none() && !via.rport_asked && !entry.contains("received") {
            return self.line("Via", line);
        }
        let (sent_by, tail) = entry.split_at(entry.find(';').unwrap_or(entry.len()));
        self.raw("Via: ");
        self.value(sent_by.trim_end());
        for (name, value) in params(tail) {
            if name.eq_ignore_ascii_case("received") || name.eq_ignore_ascii_case("rport") {
                continue;
            }
            self.raw(";");
            self.value(name);
            if !value.is_empty() {
                self.raw("=");
                self.value(value);
            }
        }
        if let Some(ip) = via.received {
            // RFC 3261 25.1: `received` is an address without brackets.
            self.raw(";received=");
            self.value(host_text(ip).trim_matches(['[', ']']));
        }
        if let Some(port) = via.rport {
            self.raw(";rport=");
            self.number(u64::from(port));
        }
        self.value(rest);
        self.raw("\r\n");
    }

    fn line(&mut self, name: &str, value: &str) {
        self.raw(name);
        self.raw(": ");
        self.value(value);
        self.raw("\r\n");
    }

    fn raw(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn value(&mut self, text: &str) {
        // Into memory: cannot fail.
        let _ = Plain(&mut self.bytes).write_str(text);
    }

    fn number(&mut self, number: u64) {
        let _ = write!(Plain(&mut self.bytes), "{number}");
    }
}

/// Lets no control character through but TAB, which is a blank within a header (RFC 3261 25.1, LWS).
struct Plain<'a>(&'a mut Vec<u8>);

impl fmt::Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
        match text.as_bytes().iter().any(control) {
            false => self.0.extend_from_slice(text.as_bytes()),
            true => self.0.extend(text.bytes().map(|byte| if control(&byte) { b' ' } else { byte })),
        }
        Ok(())
    }
}

/// The standard's words for a status code (RFC 3261 21); an unknown one says what its class means.
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        469 => "Bad Info Package",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        491 => "Request Pending",
        493 => "Undecipherable",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        _ => match status / 100 {
            1 => "Session Progress",
            2 => "OK",
            3 => "Redirection",
            4 => "Request Failure",
            5 => "Server Failure",
            _ => "Global Failure",
        },
    }
}
