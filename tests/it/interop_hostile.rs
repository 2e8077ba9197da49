//! Strangers at the running daemon: forged floods, requests in other people's calls, and things that run out. Words of
//! the messages themselves are `interop_torture`'s, streams `interop_streams`'s.

use crate::configuration::Configuration;
use crate::daemon::{Daemon, free_port};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

const SECONDS_10: Duration = Duration::from_secs(10);
/// No address of a test's daemon, and trusted by none of those here.
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 3, 3, 3));

/// Trusts the daemon's own address alone.
fn strict(configuration: &mut Configuration) {
    let address = configuration.address();
    configuration.set("sip", "trusted", vec![format!("{address}/32")]);
}

/// A user agent of a few lines.
struct Phone {
    socket: UdpSocket,
    here: SocketAddr,
    daemon: SocketAddr,
}

/// A call as the caller's side knows it.
struct Call {
    id: String,
    to: String,
}

impl Phone {
    fn at(address: IpAddr, daemon: &Daemon) -> Phone {
        let socket = UdpSocket::bind((address, 0)).expect("a port");
        socket.set_read_timeout(Some(Duration::from_secs(3))).expect("a read timeout");
        Phone { here: socket.local_addr().expect("a bound socket"), socket, daemon: daemon.sip }
    }

    fn request(&self, method: &str, call: &Call, number: u32, more: &str, body: &str) -> String {
        let (here, daemon, Call { id, to }) = (self.here, self.daemon, call);
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} sip:800000200@{daemon} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-{method}-{number}-{id};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:c@{here}>;tag=f\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {number} {method}\r\n\
             Contact: <sip:c@{here}>\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn sends(&self, request: &str) {
        self.socket.send_to(request.as_bytes(), self.daemon).expect("a sent datagram");
    }

    /// The final status of a request and its To.
    fn asks(&self, request: &str) -> (u16, String) {
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
    fn calls(&self, id: &str) -> (u16, Call) {
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

    fn hangs_up(&self, call: &Call) {
        assert_eq!(self.asks(&self.request("BYE", call, 90, "", "")).0, 200);
    }

    /// The bytes of all that comes back.
    fn hears_bytes(&self) -> usize {
        self.socket.set_read_timeout(Some(Duration::from_millis(150))).expect("a read timeout");
        let mut buffer = [0; 8_192];
        std::iter::from_fn(|| self.socket.recv(&mut buffer).ok()).sum()
    }
}

/// Hostile-world R29, R22: a stranger's datagram is answered with at most 5/2 of its bytes, whatever it asks for.
#[test]
fn nothing_amplifies() {
    let daemon = Daemon::start(strict);
    let phone = Phone::at(STRANGER, &daemon);
    let (here, at) = (phone.here, daemon.sip.ip());
    let methods = "OPTIONS REGISTER INVITE BYE CANCEL INFO PRACK UPDATE SUBSCRIBE NOTIFY MESSAGE PUBLISH REFER NONE";
    for (number, method) in methods.split(' ').enumerate() {
        let whole = format!(
            "{method} sip:{at} SIP/2.0\r\nv:SIP/2.0/UDP {here};branch=z9hG4bK{number}\r\nf:<sip:a@b>;tag=1\r\n\
             t:<sip:b@b>\r\ni:{number}\r\nCSeq:1 {method}\r\n\r\n"
        );
        let torn = format!("{method} sip:a SIP/2.0\r\nv:SIP/2.0/UDP {here}\r\n\r\n");
        for text in [whole, torn] {
            phone.sends(&text);
            let heard = phone.hears_bytes();
            assert!(2 * heard <= 5 * text.len(), "{heard} bytes for {}:\n{text}", text.len());
            let is_register = method == "REGISTER" && text.contains("CSeq");
            assert!(!is_register || heard > 0, "a short REGISTER is challenged all the same");
        }
    }
    daemon.stops();
}

/// Tags travel in clear: who knows them, and is neither trusted nor where the call is, can do nothing with it.
#[test]
fn a_third_address_has_no_say_in_a_call() {
    let daemon = Daemon::start(strict);
    let (caller, stranger) = (Phone::at(daemon.address, &daemon), Phone::at(STRANGER, &daemon));
    let (status, call) = caller.calls("mine");
    assert_eq!(status, 200);
    let offer = "v=0\r\no=- 1 2 IN IP4 127.3.3.3\r\ns=-\r\nc=IN IP4 127.3.3.3\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";
    for (method, body) in [("INVITE", offer), ("UPDATE", offer), ("INFO", ""), ("OPTIONS", ""), ("BYE", "")] {
        assert_eq!(stranger.asks(&stranger.request(method, &call, 50, "", body)).0, 403, "{method}");
    }
    let refer = stranger.request("REFER", &call, 50, "Refer-To: <sip:1@127.3.3.3>\r\n", "");
    assert!([403, 405].contains(&stranger.asks(&refer).0));
    // The sequence numbers of the refused have not counted either.
    assert_eq!(caller.asks(&caller.request("INFO", &call, 2, "", "")).0, 200);
    caller.hangs_up(&call);
    daemon.stops();
}

/// Above its rate an address is told to come back, then not answered; trusted callers notice nothing.
#[test]
fn a_strangers_flood_stops_at_its_rate() {
    let daemon = Daemon::start(|configuration| {
        strict(configuration);
        configuration.set("limits", "stranger_requests_per_second", 10);
    });
    let (caller, stranger) = (Phone::at(daemon.address, &daemon), Phone::at(STRANGER, &daemon));
    for number in 0..400 {
        let call = Call { id: format!("flood-{number}"), to: "<sip:x@y>".to_owned() };
        stranger.sends(&stranger.request("REGISTER", &call, 1, "", ""));
    }
    let (status, call) = caller.calls("through");
    assert_eq!(status, 200);
    caller.hangs_up(&call);
    let metrics = daemon.metrics();
    let flood = metrics.sum("acd_turned_total", &[("kind", "sip_flood")]);
    assert!((300.0..=350.0).contains(&flood), "400 less five seconds' worth of 10: {flood}");
    daemon.stops();
}

/// Hostile-world G8: callers for whom no RTP port is left are told 503, and the ports come back.
#[test]
fn rtp_ports_run_out_and_come_back() {
    let daemon = Daemon::start(|configuration| {
        let first = free_port(configuration.address()) & !1;
        configuration.set("media", "ports", format!("{}-{}", first, first + 19));
        configuration.set("media", "port_rest", "1 s");
    });
    let phone = Phone::at(daemon.address, &daemon);
    for round in 0..2 {
        let calls: Vec<Call> = (0..10)
            .map(|number| {
                let (status, call) = phone.calls(&format!("port-{round}-{number}"));
                assert_eq!(status, 200, "call {number} of round {round}");
                call
            })
            .collect();
        assert_eq!(phone.calls(&format!("port-{round}-more")).0, 503);
        calls.iter().for_each(|call| phone.hangs_up(call));
        std::thread::sleep(Duration::from_millis(1_500));
    }
    let metrics =
        daemon.wait_for("all ports free", SECONDS_10, |metrics| metrics.sum("acd_rtp_ports_in_use", &[]) == 0.0);
    assert_eq!(metrics.sum("acd_calls_refused_total", &[("reason", "channel_limit")]), 2.0);
    daemon.stops();
}
