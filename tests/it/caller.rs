//! A caller of a few lines, whose every byte is the test's.

use crate::daemon::Daemon;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// A user agent of a few lines.
pub struct Phone {
    socket: UdpSocket,
    /// Its address.
    pub here: SocketAddr,
    daemon: SocketAddr,
}

/// A call as the caller's side knows it.
pub struct Call {
    /// Call-ID.
    pub id: String,
    /// To, with the daemon's tag once there is one.
    pub to: String,
}

impl Phone {
    /// On a port of its own.
    pub fn at(address: IpAddr, daemon: &Daemon) -> Phone {
        let socket = UdpSocket::bind((address, 0)).expect("a port");
        socket.set_read_timeout(Some(Duration::from_secs(3))).expect("a read timeout");
        Phone { here: socket.local_addr().expect("a bound socket"), socket, daemon: daemon.sip }
    }

    /// A request as text.
    pub fn request(&self, method: &str, call: &Call, number: u32, more: &str, body: &str) -> String {
        let (here, daemon, Call { id, to }) = (self.here, self.daemon, call);
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} sip:800000200@{daemon} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-{method}-{number}-{id};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:c@{here}>;tag=f\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {number} {method}\r\n\
             Contact: <sip:c@{here}>\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Sends and waits for nothing.
    pub fn sends(&self, request: &str) {
        self.socket.send_to(request.as_bytes(), self.daemon).expect("a sent datagram");
    }

    /// The final status of a request and its To.
    pub fn asks(&self, request: &str) -> (u16, String) {
        self.sends(request);
        let line = |text: &str, name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
        };
        let mut buffer = [0; 8_192];
        loop {
            let length = self.socket.recv(&mut buffer).expect("an answer");
            let text = String::from_utf8_lossy(&buffer[..length]);
            let status = text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0);
            let is_this = ["CSeq:", "Call-ID:"].iter().all(|name| line(&text, name) == line(request, name));
            if is_this && status >= 200 {
                return (status, line(&text, "To:"));
            }
        }
    }

    /// Calls the switchboard; the call when it was answered.
    pub fn calls(&self, id: &str) -> (u16, Call) {
        let call = Call { id: id.to_owned(), to: format!("<sip:800000200@{}>", self.daemon) };
        let ip = self.here.ip();
        let offer =
            format!("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n");
        let invite = self.request("INVITE", &call, 1, "", &offer);
        let (status, to) = self.asks(&invite);
        let call = Call { to, ..call };
        let ack = self.request("ACK", &call, 1, "", "");
        // RFC 3261 17.1.1.3: the ACK to a refusal belongs to the INVITE's transaction.
        self.sends(&if status < 300 { ack } else { ack.replace("z9hG4bK-ACK", "z9hG4bK-INVITE") });
        (status, call)
    }

    pub fn hangs_up(&self, call: &Call) {
        assert_eq!(self.asks(&self.request("BYE", call, 90, "", "")).0, 200);
    }

    /// The bytes of all that comes back.
    pub fn hears_bytes(&self) -> usize {
        self.socket.set_read_timeout(Some(Duration::from_millis(150))).expect("a read timeout");
        let mut buffer = [0; 8_192];
        std::iter::from_fn(|| self.socket.recv(&mut buffer).ok()).sum()
    }
}
