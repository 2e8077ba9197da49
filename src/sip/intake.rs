//! The door: raw bytes become a message, an answer, or nothing.
//!
//! Whatever the parser behind would misread, cut or refuse without an answer is found here first: limits, line
//! ends, the start line, single-instance and missing headers, Content-Length. One pass over the bytes, no state kept;
//! an error is answered without one (RFC 3261 8.2.7). Responses and ACKs are never answered.

mod outline;

use super::api::{Flow, Transport};
use super::message::{
    ALLOW, CSeq, Malformed, Message, Method, Via, Writer, comma_pieces, is_token, long_name, reason_phrase,
};
use super::settings::Limits;
use super::tokens::STATELESS;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
pub(super) use outline::head_of;
use outline::{Outline, has_tag, text_of};
use sha2::Sha256;
use std::borrow::Cow;

/// What became of a datagram, or of one message of a stream.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "nearly every one is a message, and it is moved once")]
pub enum Taken {
    /// A keep-alive.
    Nothing,
    /// Fit to be acted on.
    Message(Message),
    /// Not fit, and the sender is told.
    Answer {
        /// With which status.
        status: u16,
        /// Where to.
        flow: Flow,
        /// The whole response.
        bytes: Bytes,
    },
    /// Not fit, and cannot or must not be answered; for the log, why.
    Drop(&'static str),
}

/// What a message is, as far as its first lines tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Begins {
    /// A request outside any dialog, with this top Via.
    New(Via),
    /// A request within a dialog, an ACK or a response.
    Within,
    /// Not to be told.
    Unreadable,
}

/// What tells a new request from one that came before (RFC 3261 17.2.3), and what an answer to it copies.
#[derive(Debug)]
pub struct NewRequest<'a> {
    /// The top Via.
    pub via: Via,
    /// The CSeq number.
    pub cseq: u32,
    outline: Outline<'a>,
}

impl NewRequest<'_> {
    /// The From tag; empty without one. Whoever writes it in another way than everybody is not recognised.
    pub fn from_tag(&self) -> &str {
        let (_, tag) = self.outline.from().and_then(|from| from.rsplit_once(";tag=")).unwrap_or_default();
        tag.split(';').next().unwrap_or_default()
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        self.outline.call_id().unwrap_or_default()
    }
}

/// Reads raw bytes within limits.
#[derive(Debug)]
pub struct Intake {
    limits: Limits,
    key: [u8; 32],
}

impl Intake {
    /// `key` makes the tags of stateless answers, so that a repeated request gets the same answer.
    pub fn new(limits: Limits, key: [u8; 32]) -> Intake {
        Intake { limits, key }
    }

    /// Reads one datagram, or one message as `framing` cut it from a stream.
    pub fn take(&self, bytes: &[u8], flow: Flow) -> Taken {
        // RFC 5626 4.4.1 and the habit of some phones: line ends or NULs alone keep a path open.
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Taken::Nothing;
        }
        let raw = Raw::of(bytes);
        let text = text_of(raw.head);
        let valid_text = matches!(text, Cow::Borrowed(_));
        match self.examine(&raw, &text, valid_text, flow) {
            Ok(message) => Taken::Message(message),
            Err(wrong) => self.answer(wrong, &text, flow, None),
        }
    }

    /// What to send back for bytes that are not fit, if they can and may be answered. `bytes` need not be whole.
    pub fn reject(&self, wrong: Malformed, bytes: &[u8], flow: Flow) -> Taken {
        self.answer(wrong, &head_of(bytes), flow, None)
    }

    /// What names a request outside any dialog; none for everything else. Looks at no more than it must.
    pub fn new_request<'a>(&self, bytes: &[u8], head: &'a str) -> Option<NewRequest<'a>> {
        let outline = Outline::of(head, self.limits.headers);
        let Begins::New(via) = begins(bytes, &outline) else { return None };
        let cseq = CSeq::parse(outline.cseq()?).ok()?.number;
        outline.from().and(outline.call_id())?;
        Some(NewRequest { via, cseq, outline })
    }

    /// Whether it is the ACK of an answer of which nothing was kept.
    pub fn acknowledges_nothing(&self, bytes: &[u8]) -> bool {
        if !bytes.starts_with(b"ACK ") {
            return false;
        }
        let head = head_of(bytes);
        let outline = Outline::of(&head, self.limits.headers);
        let tag = outline.to().and_then(|to| to.rsplit_once(";tag="));
        tag.is_some_and(|(_, tag)| tag.starts_with(STATELESS))
    }

    /// Whether a message begins something. Looks at no more than it must.
    pub fn begins(&self, bytes: &[u8]) -> Begins {
        begins(bytes, &Outline::of(&head_of(bytes), self.limits.headers))
    }

    /// Whether an INVITE may be a new call: it has the lines that any has, and does not seem to belong to a dialog.
    pub fn may_be_a_call(&self, bytes: &[u8]) -> bool {
        let head = head_of(bytes);
        let outline = Outline::of(&head, self.limits.headers);
        let is_whole = outline.from().and(outline.call_id()).and(outline.cseq()).is_some();
        is_whole && outline.to().is_some_and(|to| !has_tag(to))
    }

    /// 503, to come back in so many seconds.
    pub fn turn_away(&self, bytes: &[u8], flow: Flow, retry_after: u32) -> Taken {
        self.answer(BUSY, &head_of(bytes), flow, Some(retry_after))
    }

    /// The same for what was looked at.
    pub fn turn_new_away(&self, new: NewRequest<'_>, flow: Flow, retry_after: u32) -> Taken {
        self.answer_outlined(BUSY, new.outline, Some(new.via), flow, Some(retry_after))
    }

    fn examine(&self, raw: &Raw<'_>, text: &str, valid_text: bool, flow: Flow) -> Result<Message, Malformed> {
        if raw.head.len() + raw.after.len() > self.limits.message_bytes && flow.transport == Transport::Tcp {
            return Err(Malformed { status: 513, why: "a message above the limit" });
        }
        let mut lines = Lines::of(text);
        check_start_line(lines.start_line)?;
        // The library cuts everything after a line that is not UTF-8, so none may be there.
        if !valid_text {
            return Err(Malformed::new("not UTF-8"));
        }
        if !raw.ended {
            return Err(Malformed::new("the headers have no end"));
        }
        check_characters(raw.head)?;
        let length = self.check_headers(&mut lines)?;
        let body = match length {
            Some(length) => raw.after.get(..length).ok_or(Malformed::new("Content-Length beyond the message"))?,
            // RFC 3261 18.3: over UDP the body then ends with the datagram. A stream has no such end.
            None if flow.transport == Transport::Udp => raw.after,
            None => return Err(Malformed::new("no Content-Length on a stream")),
        };
        Message::parse_split(raw.head, body, flow)
    }

    /// Everything about the header lines that must hold before one of them is believed. Gives Content-Length.
    fn check_headers(&self, lines: &mut Lines<'_>) -> Result<Option<usize>, Malformed> {
        let mut seen = 0u16;
        let mut length = None;
        let mut vias = 0usize;
        for (count, line) in lines.enumerate() {
            if count >= self.limits.headers {
                return Err(Malformed::new("too many headers"));
            }
            if line.len() > self.limits.header_bytes {
                return Err(Malformed::new("a header line above the limit"));
            }
            let (name, value) = line.split_once(':').ok_or(Malformed::new("a line that is no header"))?;
            let name = name.trim_end_matches([' ', '\t']);
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(Malformed::new("a header name that is none"));
            }
            let name = long_name(name);
            if let Some(bit) = SINGLE.iter().position(|each| each.eq_ignore_ascii_case(name)) {
                if seen & (1 << bit) != 0 {
                    return Err(Malformed::new("a header twice that may be there once"));
                }
                seen |= 1 << bit;
            }
            if name.eq_ignore_ascii_case("Content-Length") {
                length = Some(content_length(value).ok_or(Malformed::new("Content-Length"))?);
            } else if name.eq_ignore_ascii_case("Via") {
                vias += 1;
                for entry in comma_pieces(value) {
                    Via::parse(entry)?;
                }
            }
        }
        let mandatory = (1 << MANDATORY) - 1;
        if vias == 0 || seen & mandatory != mandatory {
            return Err(Malformed::new("a mandatory header is missing"));
        }
        Ok(length)
    }

    /// Answers from the raw lines, whatever could be made of them (RFC 3261 8.2.6.1, 18.2.1).
    fn answer(&self, wrong: Malformed, head: &str, flow: Flow, retry_after: Option<u32>) -> Taken {
        let start_line = Lines::of(head).start_line;
        if start_line.starts_with("SIP/") || start_line.split(' ').next() == Some(Method::Ack.as_str()) {
            return Taken::Drop(wrong.why);
        }
        let outline = Outline::of(head, self.limits.headers);
        let top = outline.vias.first().and_then(|first| Via::parse(first).ok());
        self.answer_outlined(wrong, outline, top, flow, retry_after)
    }

    fn answer_outlined(
        &self,
        wrong: Malformed,
        outline: Outline<'_>,
        mut top: Option<Via>,
        flow: Flow,
        retry_after: Option<u32>,
    ) -> Taken {
        let Outline { vias, echoed } = outline;
        if vias.is_empty() {
            return Taken::Drop(wrong.why);
        }
        let mut writer = Writer::status(wrong.status, reason_phrase(wrong.status));
        match &mut top {
            Some(top) => {
                top.note_source(flow.remote);
                writer.vias(top, vias.iter().map(|line| &**line));
            }
            // Whoever wrote it reads it as it stands; the packet says where they are. Only for what is SIP otherwise.
            None if echoed.iter().all(Option::is_some) => {
                writer = vias.iter().fold(writer, |writer, line| writer.header("Via", line));
            }
            None => return Taken::Drop(wrong.why),
        }
        let tag = self.tag(top.as_ref(), &echoed);
        for (name, value) in SINGLE.iter().zip(&echoed) {
            let Some(value) = value else { continue };
            // RFC 3261 8.2.6.2: an answer's To has a tag.
            let tagless = *name == "To" && !has_tag(value);
            writer = match tagless {
                true => writer.header(name, format_args!("{value};tag={tag}")),
                false => writer.header(name, value),
            };
        }
        if matches!(wrong.status, 405 | 501) {
            writer = writer.header("Allow", ALLOW);
        }
        if let Some(seconds) = retry_after {
            writer = writer.header("Retry-After", seconds);
        }
        let flow = top.map_or(flow, |top| top.answer_flow(flow));
        Taken::Answer { status: wrong.status, flow, bytes: writer.finish() }
    }

    fn tag(&self, top: Option<&Via>, echoed: &[Option<Cow<'_, str>>; MANDATORY]) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return String::new() };
        let branch = top.and_then(|top| top.branch.as_deref());
        for part in echoed.iter().flatten().map(|value| &**value).chain(branch) {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        let tag = mac.finalize().into_bytes().iter().take(8).fold(0_u64, |tag, &byte| tag << 8 | u64::from(byte));
        format!("{STATELESS}{tag:016x}")
    }
}

fn begins(bytes: &[u8], outline: &Outline<'_>) -> Begins {
    if [&b"SIP/"[..], b"ACK "].iter().any(|start| bytes.starts_with(start)) {
        return Begins::Within;
    }
    match (outline.via(), outline.to().map(has_tag)) {
        (_, Some(true)) => Begins::Within,
        (Some(via), Some(false)) => Begins::New(via),
        (None, _) | (_, None) => Begins::Unreadable,
    }
}

const BUSY: Malformed = Malformed { status: 503, why: "more work than we can do" };

/// Headers that may be there once; the first [`MANDATORY`] must be, and are copied into answers.
#[rustfmt::skip]
const SINGLE: [&str; 16] = [
    "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type", "Expires", "Content-Disposition",
    "Session-Expires", "Min-SE", "RAck", "RSeq", "Refer-To", "Referred-By", "Event",
];
const MANDATORY: usize = 4;

/// RFC 3261 7.1, 8.2.1, 8.2.2.1, 21.5.6. The version is judged first: of another one nothing else is known.
fn check_start_line(line: &str) -> Result<(), Malformed> {
    let mut words = line.split(' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if first.starts_with("SIP/") {
        let code = second.len() == 3 && second.bytes().all(|byte| byte.is_ascii_digit());
        return match first == "SIP/2.0" && code {
            true => Ok(()),
            false => Err(Malformed::new("a status line that is none")),
        };
    }
    let version = match (words.next(), words.next()) {
        (Some(version), None) => version,
        _ => return Err(Malformed::new("a request line that is none")),
    };
    let (name, number) = version.split_once('/').unwrap_or_default();
    if !name.eq_ignore_ascii_case("SIP") || number.is_empty() {
        return Err(Malformed::new("a request line that is none"));
    }
    if number != "2.0" {
        return Err(Malformed { status: 505, why: "another version of SIP" });
    }
    if first.is_empty() || !first.bytes().all(is_token) {
        return Err(Malformed::new("a method that is none"));
    }
    match Method::named(first) {
        None => return Err(Malformed { status: 501, why: "an unknown method" }),
        Some(Method::Subscribe | Method::Publish | Method::Message) => {
            return Err(Malformed { status: 405, why: "a method that is not served" });
        }
        Some(_) => {}
    }
    match second.split_once(':') {
        Some((scheme, _)) if ["sip", "sips", "tel"].iter().any(|served| scheme.eq_ignore_ascii_case(served)) => Ok(()),
        Some((scheme, _)) if !scheme.is_empty() && scheme.bytes().all(is_token) => {
            Err(Malformed { status: 416, why: "a scheme that is not served" })
        }
        _ => Err(Malformed::new("a Request-URI that is none")),
    }
}

/// Lines end with CR LF, and nothing else is a control character but TAB.
fn check_characters(head: &[u8]) -> Result<(), Malformed> {
    let mut previous = 0u8;
    for &byte in head {
        let valid = match byte {
            b'\n' => previous == b'\r',
            _ if previous == b'\r' => false,
            b'\r' | b'\t' => true,
            _ => byte >= b' ' && byte != 0x7f,
        };
        if !valid {
            return Err(Malformed::new("a control character"));
        }
        previous = byte;
    }
    Ok(())
}

/// ASCII digits and nothing else (a sign, a list, a number beyond any message are not).
pub(super) fn content_length(value: &str) -> Option<usize> {
    let digits = value.trim_matches([' ', '\t']);
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| valid)
}

/// A message cut at its empty line.
struct Raw<'a> {
    /// Start line and headers with the empty line, if there is one.
    head: &'a [u8],
    ended: bool,
    after: &'a [u8],
}

impl<'a> Raw<'a> {
    /// RFC 3261 7.5: empty lines before the start line are nothing.
    fn of(bytes: &'a [u8]) -> Raw<'a> {
        let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
        let bytes = bytes.get(start..).unwrap_or_default();
        let end = find_head_end(bytes);
        let (head, after) = bytes.split_at(end.unwrap_or(bytes.len()));
        Raw { head, ended: end.is_some(), after }
    }
}

/// The length of start line and headers with the empty line after them.
pub(super) fn find_head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// The start line, then header lines with their continuations joined (RFC 3261 7.3.1).
pub(super) struct Lines<'a> {
    /// What the message begins with.
    pub start_line: &'a str,
    rest: std::iter::Peekable<std::str::Split<'a, char>>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Lines<'a> {
        let mut rest = text.split('\n').peekable();
        let start_line = strip_cr(rest.next().unwrap_or_default());
        Lines { start_line, rest }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Cow<'a, str>> {
        let mut line = Cow::Borrowed(strip_cr(self.rest.next()?));
        if line.is_empty() {
            return None;
        }
        // RFC 3261 7.3.1: a value goes on in the next line, a name does not. What ends before its colon is no header for
        // anybody, so no name can hide there.
        let is_header = line.contains(':');
        while let Some(more) = self.rest.next_if(|next| is_header && next.starts_with([' ', '\t'])) {
            let joined = line.to_mut();
            joined.push(' ');
            joined.push_str(strip_cr(more).trim());
        }
        Some(line)
    }
}

fn strip_cr(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests;
