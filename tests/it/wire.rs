//! A side of the wire whose every message is the test's: it sends texts, and tells in short what came.

use centralino::sip::message::Message;
use centralino::sip::{Flow, Transport};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// How long the daemon may take for any answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Nothing more comes after so long a silence.
const QUIET: Duration = Duration::from_millis(250);

/// A socket that speaks SIP word by word.
pub struct Wire {
    socket: UdpSocket,
    /// Its address.
    pub here: SocketAddr,
    daemon: SocketAddr,
}

/// A dialog as one side of it sees it, or a call that is none yet.
#[derive(Clone, Debug)]
pub struct Side {
    /// Call-ID.
    pub id: String,
    /// From of its requests.
    pub from: String,
    /// To of its requests.
    pub to: String,
    /// Their Request-URI.
    pub target: String,
}

impl Side {
    /// The same, as the answer to its INVITE made it.
    pub fn answered(&self, answer: &Message) -> Side {
        let target = answer.head().contacts.first().map_or(self.target.clone(), |contact| contact.uri.to_string());
        Side { to: answer.head().to.text.clone(), target, ..self.clone() }
    }

    /// The side of whom an INVITE called, who answers with this tag.
    pub fn called(invite: &Message, tag: &str) -> Side {
        let head = invite.head();
        let target = head.contacts.first().expect("a Contact").uri.to_string();
        let from = format!("{};tag={tag}", head.to.text);
        Side { id: head.call_id.clone(), from, to: head.from.text.clone(), target }
    }
}

impl Wire {
    /// On a port of its own.
    pub fn at(address: IpAddr, daemon: SocketAddr) -> Wire {
        let socket = UdpSocket::bind((address, 0)).expect("a port");
        Wire { here: socket.local_addr().expect("a bound socket"), socket, daemon }
    }

    /// The same socket, to speak with this daemon.
    pub fn towards(self, daemon: SocketAddr) -> Wire {
        Wire { daemon, ..self }
    }

    /// A call to a number.
    pub fn call(&self, id: &str, number: &str) -> Side {
        let target = format!("sip:{number}@{}", self.daemon);
        let (from, to) = (format!("<sip:0612345678@{}>;tag=from-{id}", self.here), format!("<{target}>"));
        Side { id: id.to_owned(), from, to, target }
    }

    /// A request; its branch is of its method, number and call.
    pub fn request(&self, method: &str, number: u32, side: &Side, more: &str, body: &str) -> String {
        let (here, Side { id, from, to, target }) = (self.here, side);
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-{method}-{number}-{id};rport\r\n\
             Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {number} {method}\r\n\
             Contact: <sip:wire@{here}>\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// An answer (`180 Ringing`) to a request; the tag is for a To that has none.
    pub fn answer(&self, status: &str, request: &Message, tag: &str, more: &str, body: &str) -> String {
        let head = request.head();
        let vias: String = head.values("Via").map(|via| format!("Via: {via}\r\n")).collect();
        let tag = if head.to.tag().is_some() { String::new() } else { format!(";tag={tag}") };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "SIP/2.0 {status}\r\n{vias}From: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {} {}\r\n\
             Contact: <sip:wire@{}>\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
            head.from.text,
            head.to.text,
            head.call_id,
            head.cseq.number,
            head.cseq.method,
            self.here,
            body.len()
        )
    }

    /// Sends bytes to the daemon's SIP port.
    pub fn sends(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.daemon).expect("a sent datagram");
    }

    /// Sends bytes anywhere.
    pub fn sprays(&self, bytes: &[u8], place: SocketAddr) {
        let _ = self.socket.send_to(bytes, place);
    }

    /// The next message, if one comes in time.
    pub fn next(&self, limit: Duration) -> Option<Message> {
        let mut buffer = [0; 16_384];
        self.socket.set_read_timeout(Some(limit)).expect("a read timeout");
        let (length, remote) = self.socket.recv_from(&mut buffer).ok()?;
        let flow = Flow { transport: Transport::Udp, remote, connection: 0 };
        Some(Message::parse(&buffer[..length], flow).expect("the daemon writes what can be read"))
    }

    /// The next message that goes by this name: `INVITE`, `200 INVITE`.
    pub fn hears(&self, name: &str) -> Message {
        loop {
            let message = self.next(PATIENCE).unwrap_or_else(|| panic!("no {name} at {}", self.here));
            if in_short(&message) == name {
                return message;
            }
        }
    }

    /// All that comes until it is quiet.
    pub fn rest(&self) -> Vec<Message> {
        std::iter::from_fn(|| self.next(QUIET)).collect()
    }

    /// The final answer to a request.
    pub fn asks(&self, request: &str) -> Message {
        self.sends(request);
        let cseq = request.lines().find_map(|line| line.strip_prefix("CSeq: ")).expect("a CSeq");
        loop {
            let message = self.next(PATIENCE).unwrap_or_else(|| panic!("no answer to {cseq}"));
            let is_this = message.head().header("CSeq").is_some_and(|value| value.trim() == cseq);
            if is_this && matches!(&message, Message::Response(response) if response.status >= 200) {
                return message;
            }
        }
    }

    /// The status of that.
    pub fn status(&self, request: &str) -> u16 {
        match self.asks(request) {
            Message::Response(response) => response.status,
            Message::Request(request) => panic!("{} is no answer", request.method),
        }
    }
}

/// `INVITE`, or `200 INVITE`.
pub fn in_short(message: &Message) -> String {
    match message {
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => format!("{} {}", response.status, response.head.cseq.method),
    }
}

/// What came, with the To tags of what it was said to.
pub fn with_tags(messages: &[Message]) -> Vec<String> {
    let tag = |message: &Message| message.head().to.tag().unwrap_or("-").to_owned();
    messages.iter().map(|message| format!("{} {}", in_short(message), tag(message))).collect()
}
