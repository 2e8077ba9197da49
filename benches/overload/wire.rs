//! SIP as text: what callers and phones write, and the little that they read. Templates and searches, because it must
//! cost less than what it measures.

use std::fmt::Write;
use std::net::SocketAddr;

/// One side of a dialog, as it is written into requests (RFC 3261 12).
#[derive(Clone, Debug, Default)]
pub struct Dialog {
    pub call_id: String,
    pub from: String,
    pub to: String,
    /// The other side's Contact.
    pub target: String,
    /// The number of our last request.
    pub cseq: u32,
}

impl Dialog {
    /// A request with a branch of its own; ACK has the number of its INVITE.
    pub fn request(&mut self, method: &str, local: SocketAddr, body: &str) -> String {
        if method != "ACK" {
            self.cseq += 1;
        }
        let branch = format!("{}-{}-{method}", self.call_id, self.cseq);
        self.write(method, &branch, local, "", body)
    }

    /// The ACK to a refusal is of the INVITE's transaction (RFC 3261 17.1.1.3).
    pub fn acknowledge_refusal(&self, refusal: &str, local: SocketAddr) -> String {
        let refused = Dialog { to: header(refusal, "To").to_owned(), ..self.clone() };
        refused.write("ACK", &format!("{}-{}-INVITE", self.call_id, self.cseq), local, "", "")
    }

    pub fn write(&self, method: &str, branch: &str, local: SocketAddr, more: &str, body: &str) -> String {
        let Dialog { call_id, from, to, target, cseq } = self;
        let mut text = String::with_capacity(768 + body.len());
        let _ = write!(
            text,
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK-{branch};rport\r\nMax-Forwards: 70\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:x@{local}>\r\n{more}"
        );
        end(&mut text, body);
        text
    }
}

/// The answer to a request; `tag` is added to a To that has none.
pub fn answer(request: &str, status: &str, tag: &str, local: SocketAddr, body: &str) -> String {
    let head = |name| header(request, name);
    let to = head("To");
    let tag = if to.contains(";tag=") { String::new() } else { format!(";tag={tag}") };
    let mut text = String::with_capacity(640 + body.len());
    let _ = write!(
        text,
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:x@{local}>\r\n",
        head("Via"),
        head("From"),
        head("Call-ID"),
        head("CSeq"),
    );
    end(&mut text, body);
    text
}

fn end(text: &mut String, body: &str) {
    if !body.is_empty() {
        text.push_str("Content-Type: application/sdp\r\n");
    }
    let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
}

/// G.711 at this port.
pub fn sdp(port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 0\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n"
    )
}

/// The first header of that name, spelt as the daemon spells it.
pub fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let of_name = |line: &'a str| line.strip_prefix(name)?.strip_prefix(": ");
    text.split("\r\n").skip(1).take_while(|line| !line.is_empty()).find_map(of_name).unwrap_or_default()
}

/// All headers of that name.
pub fn headers<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    text.split("\r\n").filter_map(move |line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// What stands between `<` and `>`.
pub fn address(value: &str) -> &str {
    value.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(value, |(uri, _)| uri)
}

/// The user of a SIP URI, with whatever stands around it.
pub fn user(value: &str) -> &str {
    value.split_once("sip:").and_then(|(_, rest)| rest.split_once('@')).map_or("", |(user, _)| user)
}

/// A response's code; `None` for a request.
pub fn status(text: &str) -> Option<u16> {
    text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}
