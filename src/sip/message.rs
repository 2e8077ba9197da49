//! SIP messages as the rest of the room sees them: our own types in front of `rsipstack::rsip`.
//!
//! Reading: the library splits start line, header lines and body; what every transaction and dialog needs is taken
//! out of the headers once, here. Writing is [`Writer`], one pass into one buffer. What raw bytes must fulfil before
//! they come here is `intake`'s duty; what a message means is not judged here.

mod address;
mod fields;
mod method;
mod multipart;
mod uri;
mod write;

pub use address::NameAddr;
pub(crate) use address::{comma_entries, comma_pieces, find_param, name_value, params, unquote};
pub(crate) use fields::is_token;
pub use fields::{CSeq, Via};
pub use method::Method;
pub(crate) use uri::host_ip;
pub use uri::{Scheme, Uri, host_text};
pub use write::{Writer, reason_phrase};

use super::api::Flow;
use bytes::Bytes;
use rsipstack::rsip;
use std::borrow::Cow;
use std::net::SocketAddr;

/// What we answer to, for Allow (RFC 3261 20.5).
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, UPDATE, INFO, PRACK, REFER";

/// The extensions we know, for Supported and Require.
pub(crate) const SUPPORTED: &str = "100rel, timer, replaces, norefersub";

/// How sessions are described, in the one body that we read.
pub(crate) const SDP: &str = "application/sdp";

/// How many servers a request of ours may pass (RFC 3261 8.1.1.6).
pub(crate) const MAX_FORWARDS: u8 = 70;

/// Why bytes are not a message, and which status says so best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What to answer, if it is a request that can be answered.
    pub status: u16,
    /// For the log.
    pub why: &'static str,
}

impl Malformed {
    pub(crate) const fn new(why: &'static str) -> Malformed {
        Malformed { status: 400, why }
    }
}

/// A request or a response.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Asks.
    Request(Request),
    /// Answers.
    Response(Response),
}

/// A parsed request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// What every message has.
    pub head: Head,
    /// Max-Forwards, if given.
    pub max_forwards: Option<u8>,
    /// The way it came.
    pub flow: Flow,
    /// How many bytes it had.
    pub length: usize,
}

/// A parsed response.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// 100-699.
    pub status: u16,
    /// What every message has.
    pub head: Head,
    /// The way it came.
    pub flow: Flow,
}

/// What requests and responses have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Opaque, compared byte by byte.
    pub call_id: String,
    /// Who asks; `from.tag()`.
    pub from: NameAddr,
    /// Who is asked; `to.tag()`.
    pub to: NameAddr,
    /// Number and method.
    pub cseq: CSeq,
    /// The topmost Via.
    pub via: Via,
    /// Contact entries in order (`*` apart).
    pub contacts: Vec<NameAddr>,
    /// `Contact: *` was among them.
    pub contact_star: bool,
    /// Record-Route entries in order, top first.
    pub record_route: Vec<NameAddr>,
    /// The Expires header, in seconds.
    pub expires: Option<u32>,
    /// What follows the headers; empty when there is none.
    pub body: Bytes,
    headers: rsip::Headers,
}

impl Message {
    /// Reads one whole message; `flow` is the way it came. A body counts only as far as its Content-Length says.
    pub fn parse(bytes: &[u8], flow: Flow) -> Result<Message, Malformed> {
        match rsip::SipMessage::try_from(plain_start(bytes).as_ref()) {
            Ok(rsip::SipMessage::Request(request)) => Request::typed(request, bytes, flow).map(Message::Request),
            Ok(rsip::SipMessage::Response(response)) => Response::typed(response, flow).map(Message::Response),
            Err(_) => Err(Malformed::new("not a SIP message")),
        }
    }

    /// Reads the part up to and with the empty line; the body's extent is known already.
    pub(crate) fn parse_split(head: &[u8], body: &[u8], flow: Flow) -> Result<Message, Malformed> {
        let mut message = Message::parse(head, flow)?;
        match &mut message {
            Message::Request(request) => {
                request.head.body = Bytes::copy_from_slice(body);
                request.length = head.len() + body.len();
            }
            Message::Response(response) => response.head.body = Bytes::copy_from_slice(body),
        }
        Ok(message)
    }

    /// What both kinds have.
    pub fn head(&self) -> &Head {
        match self {
            Message::Request(request) => &request.head,
            Message::Response(response) => &response.head,
        }
    }
}

impl Request {
    fn typed(parsed: rsip::Request, bytes: &[u8], flow: Flow) -> Result<Request, Malformed> {
        let method = Method::from(parsed.method);
        // The library keeps no text of the Request-URI and reads some of them differently, so it is read here.
        let uri = Uri::parse(request_uri(bytes).ok_or(Malformed::new("no Request-URI"))?)?;
        let max_forwards = match find(&parsed.headers, "Max-Forwards") {
            Some(text) => Some(text.trim().parse().map_err(|_| Malformed::new("Max-Forwards"))?),
            None => None,
        };
        let mut head = Head::typed(parsed.headers, parsed.body)?;
        addresses(&head.headers, "Route")?;
        if head.cseq.method != method {
            return Err(Malformed::new("the method of CSeq is another"));
        }
        head.via.note_source(flow.remote);
        Ok(Request { method, uri, head, max_forwards, flow, length: bytes.len() })
    }

    /// Where the answer goes (RFC 3261 18.2.2, RFC 3581 4): a stream's own connection; over UDP the packet's source
    /// address, at its source port when `rport` was asked for, else at the port of sent-by. `maddr` is ignored.
    pub fn answer_flow(&self) -> Flow {
        self.head.via.answer_flow(self.flow)
    }

    /// Where the answer goes once the connection of its request is gone: a new one is made to the same address, at the
    /// port of sent-by (RFC 3261 18.2.2).
    pub fn reconnect_flow(&self) -> Flow {
        let port = self.head.via.port.unwrap_or(5060);
        Flow { remote: SocketAddr::new(self.flow.remote.ip(), port), connection: 0, ..self.flow }
    }

    /// The Route entries, top first; reads them anew at each call.
    pub fn route(&self) -> Result<Vec<NameAddr>, Malformed> {
        addresses(&self.head.headers, "Route")
    }

    /// The one place where a dialog's other side is reached: a request that makes or moves a dialog has exactly one
    /// SIP or SIPS URI as Contact (RFC 3261 8.1.1.8).
    pub fn sole_contact(&self) -> Option<&Uri> {
        match self.head.contacts.as_slice() {
            [one] if !self.head.contact_star => {
                Some(&one.uri).filter(|uri| matches!(uri.scheme(), Scheme::Sip | Scheme::Sips))
            }
            _ => None,
        }
    }

    /// The number dialled: the Request-URI's user part, unescaped.
    pub fn called(&self) -> String {
        self.uri.number()
    }
}

impl Response {
    fn typed(parsed: rsip::Response, flow: Flow) -> Result<Response, Malformed> {
        let status = parsed.status_code.code();
        if !(100..700).contains(&status) {
            return Err(Malformed::new("status code"));
        }
        Ok(Response { status, head: Head::typed(parsed.headers, parsed.body)?, flow })
    }
}

impl Head {
    fn typed(headers: rsip::Headers, body: Vec<u8>) -> Result<Head, Malformed> {
        let mandatory = |name: &'static str| find(&headers, name).ok_or(Malformed::new(name));
        let call_id = mandatory("Call-ID")?.trim().to_owned();
        if !is_name(&call_id) {
            return Err(Malformed::new("Call-ID"));
        }
        let from = NameAddr::parse(mandatory("From")?)?;
        let to = NameAddr::parse(mandatory("To")?)?;
        // RFC 3261 7.3.1: no parameter twice. Two readers of two tags would see two dialogs.
        if [&from, &to].into_iter().any(|party| party.tags().count() > 1 || party.tags().any(|tag| !is_name(tag))) {
            return Err(Malformed::new("a tag that is none"));
        }
        let cseq = CSeq::parse(mandatory("CSeq")?)?;
        let via = Via::parse(mandatory("Via")?)?;
        let expires = match find(&headers, "Expires") {
            Some(text) => Some(text.trim().parse().map_err(|_| Malformed::new("Expires"))?),
            None => None,
        };
        let (contacts, contact_star) = contacts(&headers)?;
        let record_route = addresses(&headers, "Record-Route")?;
        let body = Bytes::from(body);
        Ok(Head { call_id, from, to, cseq, via, contacts, contact_star, record_route, expires, body, headers })
    }

    /// The first value of a header, by its long name in any case; compact forms are found too.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// All values of a header, one per header line, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        all(&self.headers, name)
    }

    /// The elements of a comma-separated header over all its lines: Require, Supported, Allow, Accept.
    pub fn tokens<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values(name).flat_map(comma_entries)
    }

    /// Whether a list such as Supported names `token` (option tags are compared without case).
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.tokens(name).any(|each| each.eq_ignore_ascii_case(token))
    }

    /// Every header line in order, by its long name.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|header| (long_name(header.name()), header.value()))
    }

    /// The media type of the body, without parameters, in lower case.
    pub fn content_type(&self) -> Option<Cow<'_, str>> {
        let value = self.header("Content-Type")?;
        let media = value.split(';').next().unwrap_or(value).trim();
        let lower = media.bytes().all(|byte| !byte.is_ascii_uppercase());
        Some(if lower { Cow::Borrowed(media) } else { Cow::Owned(media.to_ascii_lowercase()) })
    }

    /// Forgets a body of another media type than these that its sender lets us pass over (RFC 3261 8.2.3, RFC 3204 5).
    pub(crate) fn leave_out_optional_body(&mut self, wanted: &[&str]) {
        let is_optional = |disposition: &str| {
            let (_, params) = disposition.split_at(disposition.find(';').unwrap_or(disposition.len()));
            find_param(params, "handling").is_some_and(|handling| handling.eq_ignore_ascii_case("optional"))
        };
        let is_wanted = self.content_type().is_some_and(|kind| wanted.contains(&kind.as_ref()));
        if self.header("Content-Disposition").is_some_and(is_optional) && !is_wanted {
            self.body = Bytes::new();
        }
    }

    /// The session description: the body, or one part of it (RFC 5621).
    pub fn sdp(&self) -> Option<Bytes> {
        match self.content_type()?.as_ref() {
            SDP => self.body(),
            _ => multipart::sdp_part(self.header("Content-Type")?, &self.body),
        }
    }

    /// The body, if there is one.
    pub fn body(&self) -> Option<Bytes> {
        (!self.body.is_empty()).then(|| self.body.clone())
    }
}

/// The compact form's long name (RFC 3261 7.3.3 and the IANA registry); other names as they are.
pub fn long_name(name: &str) -> &str {
    let [letter] = name.as_bytes() else { return name };
    match letter.to_ascii_lowercase() {
        b'a' => "Accept-Contact",
        b'b' => "Referred-By",
        b'c' => "Content-Type",
        b'd' => "Request-Disposition",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'j' => "Reject-Contact",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'n' => "Identity-Info",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        b'y' => "Identity",
        _ => name,
    }
}

fn all<'a>(headers: &'a rsip::Headers, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |each| long_name(each.name()).eq_ignore_ascii_case(name)).map(rsip::Header::value)
}

fn find<'a>(headers: &'a rsip::Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|each| long_name(each.name()).eq_ignore_ascii_case(name)).map(rsip::Header::value)
}

fn addresses(headers: &rsip::Headers, name: &str) -> Result<Vec<NameAddr>, Malformed> {
    all(headers, name).flat_map(comma_entries).map(NameAddr::parse).collect()
}

fn contacts(headers: &rsip::Headers) -> Result<(Vec<NameAddr>, bool), Malformed> {
    let mut star = false;
    let mut contacts = Vec::new();
    for entry in all(headers, "Contact").flat_map(comma_entries) {
        match entry {
            "*" => star = true,
            _ => contacts.push(NameAddr::parse(entry)?),
        }
    }
    Ok((contacts, star))
}

/// What names a dialog may be odd, but not nothing, and in one piece.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains([' ', '\t'])
}

/// The message with a Request-URI that the library has no opinion on: it refuses parameters that it does not know, and
/// a version in lower case (RFC 3261 7.1: no matter). The URI is read here.
fn plain_start(bytes: &[u8]) -> Cow<'_, [u8]> {
    let end = bytes.iter().position(|&byte| byte == b'\r' || byte == b'\n').unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(end);
    let method = line.split(|&byte| byte == b' ').next().unwrap_or_default();
    let is_request = line.ends_with(b" SIP/2.0") || line.to_ascii_uppercase().ends_with(b" SIP/2.0");
    match is_request && !line.starts_with(b"SIP/") {
        true => Cow::Owned([method, b" sip:a SIP/2.0", rest].concat()),
        false => Cow::Borrowed(bytes),
    }
}

/// The second word of the start line.
fn request_uri(bytes: &[u8]) -> Option<&str> {
    let line = bytes.split(|&byte| byte == b'\r' || byte == b'\n').next()?;
    std::str::from_utf8(line).ok()?.split([' ', '\t']).nth(1)
}

#[cfg(test)]
mod tests;
