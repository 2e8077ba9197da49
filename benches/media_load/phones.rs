//! Every phone there is: callers who dial and agents who answer at once, all with one media address.

use super::sound::Mouth;
use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// So many callers at once have no answer yet.
const AT_ONCE: usize = 50;
/// Who talks comes at this pace: how soon an answer is heard is not a question of how many calls a second there can be.
const TALK_EVERY: Duration = Duration::from_millis(20);
/// And who waits at this one: what is measured is the sound, not the coming.
const WAIT_EVERY: Duration = Duration::from_millis(1);

/// All of them, in their calls.
#[derive(Default)]
pub struct Phones {
    /// The daemon's RTP addresses.
    far: HashSet<SocketAddr>,
    /// Calls whose caller has the 200, and the daemon's port for it.
    callers: HashMap<usize, u16>,
    /// By the daemon's port for a caller: when the caller's agent answered.
    pub answers: HashMap<u16, Instant>,
    answered: HashMap<usize, Instant>,
}

impl Phones {
    /// Makes so many calls; whoever talks does so from the answer on.
    pub fn call(
        sip: &UdpSocket,
        daemon: SocketAddr,
        rtp: SocketAddr,
        service: &str,
        calls: usize,
        mouth: Option<&Mouth>,
    ) -> Phones {
        let us = sip.local_addr().unwrap();
        let (began, every) = (Instant::now(), mouth.map_or(WAIT_EVERY, |_| TALK_EVERY));
        let deadline = began + Duration::from_secs(60) + Duration::from_millis(20) * calls as u32;
        let (mut phones, mut sent, mut buffer) = (Phones::default(), 0, [0; 8_192]);
        let legs = if mouth.is_some() { 2 * calls } else { calls };
        sip.set_nonblocking(false).unwrap();
        sip.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        while phones.far.len() < legs {
            assert!(Instant::now() < deadline, "{} of {calls} calls were answered", phones.callers.len());
            if sent < calls && sent < phones.callers.len() + AT_ONCE && began.elapsed() >= every * sent as u32 {
                sip.send_to(invite(sent, service, daemon, us, rtp).as_bytes(), daemon).unwrap();
                sent += 1;
            }
            let Ok((length, from)) = sip.recv_from(&mut buffer) else { continue };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let replies = phones.hear(&text, daemon, rtp);
            for reply in &replies {
                sip.send_to(reply.as_bytes(), from).unwrap();
            }
            if !replies.is_empty()
                && phones.far.insert(media_address(&text))
                && let Some(mouth) = mouth
            {
                mouth.also(media_address(&text));
            }
        }
        for (call, at) in &phones.answered {
            phones.answers.extend(phones.callers.get(call).map(|port| (*port, *at)));
        }
        phones
    }

    /// One message of the daemon, and what is said to it.
    fn hear(&mut self, text: &str, daemon: SocketAddr, rtp: SocketAddr) -> Vec<String> {
        if text.starts_with("INVITE ") {
            let caller = header(text, "From").split_once("sip:39").and_then(|(_, rest)| rest.split_once('@'));
            let call = caller.and_then(|(number, _)| number.parse().ok()).expect("the caller's number");
            self.answered.entry(call).or_insert_with(Instant::now);
            return vec![answer(text, "180 Ringing", None), answer(text, "200 OK", Some(rtp))];
        }
        if text.starts_with("SIP/2.0 200") {
            let call = header(text, "Call-ID").split('@').next().and_then(|number| number.parse().ok());
            let is_new = self.callers.insert(call.expect("a call of ours"), media_address(text).port()).is_none();
            return if is_new { vec![ack(text, daemon)] } else { Vec::new() };
        }
        let refused = text.starts_with("SIP/2.0 4") || text.starts_with("SIP/2.0 5") || text.starts_with("BYE ");
        assert!(!refused, "{}", text.lines().next().unwrap_or_default());
        Vec::new()
    }
}

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let of_name = |line: &'a str| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name));
    text.lines().find_map(of_name).map_or("", |(_, value)| value.trim())
}

fn media_address(text: &str) -> SocketAddr {
    let port = text.lines().find_map(|line| line.strip_prefix("m=audio ")).and_then(|line| line.split(' ').next());
    SocketAddr::from((Ipv4Addr::LOCALHOST, port.and_then(|port| port.parse().ok()).expect("an audio line")))
}

fn sdp(rtp: SocketAddr) -> String {
    let port = rtp.port();
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n")
}

fn invite(number: usize, service: &str, daemon: SocketAddr, us: SocketAddr, rtp: SocketAddr) -> String {
    let body = sdp(rtp);
    format!(
        "INVITE sip:{service}@{daemon} SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bK{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:39{number}@{us}>;tag=c{number}\r\nTo: <sip:{service}@{daemon}>\r\n\
         Call-ID: {number}@load\r\nCSeq: 1 INVITE\r\nContact: <sip:39{number}@{us}>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ack(ok: &str, daemon: SocketAddr) -> String {
    format!(
        "ACK sip:{daemon} SIP/2.0\r\nVia: {}a\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
         CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
        header(ok, "Via"),
        header(ok, "From"),
        header(ok, "To"),
        header(ok, "Call-ID")
    )
}

fn answer(request: &str, status: &str, rtp: Option<SocketAddr>) -> String {
    let head = |name| header(request, name);
    let (to, contact) = (head("To"), request.split(' ').nth(1).unwrap_or_default());
    let body = rtp.map(sdp).unwrap_or_default();
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to};tag=a\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <{contact}>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        head("Via"),
        head("From"),
        head("Call-ID"),
        head("CSeq"),
        body.len()
    )
}
