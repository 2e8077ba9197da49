//! Mutated messages and random bytes at an endpoint: each is answered or counted, nothing panics, tables keep their
//! bounds, and in the end they are empty.
//!
//! 10^5 messages, or as many as `CENTRALINO_FUZZ` says.

use crate::sip_endpoint::{CALLER, OURS, PHONE, SDP, Words, settings, tcp, udp};
use bytes::Bytes;
use centralino::sip::api::{DialogId, Event, Flow, Output, Refusal};
use centralino::sip::message::{Message, Method};
use centralino::sip::{Arrival, CallerIdentity, Endpoint, Limits, Load, Settings, Target};
use centralino::time::{Duration, Time};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeSet;

const MESSAGES: u64 = 100_000;
const TRANSACTIONS: usize = 400;
const DIALOGS: usize = 100;

struct Storm {
    rng: ChaCha8Rng,
    endpoint: Endpoint,
    now: Time,
    /// Messages that were fit once: what mutations start from. What we send comes back as well.
    seeds: Vec<Vec<u8>>,
    legs: BTreeSet<DialogId>,
    branches: BTreeSet<String>,
    /// Answered, counted, absorbed.
    tally: [u64; 3],
}

impl Storm {
    fn new(seed: u64) -> Storm {
        let limits = Limits { transactions: TRANSACTIONS, dialogs: DIALOGS, ..Limits::default() };
        let seeds = [
            Words::invite(),
            Words::request("INVITE").set("Record-Route", "<sip:127.0.0.2;lr>, <sip:127.0.0.3>"),
            Words::request("INVITE").set("Via", "SIP/2.0/UDP 10.1.1.1, SIP/2.0/TCP b.example;branch=z9hG4bK9"),
            Words::request("ACK").branch("z9hG4bK-INVITE-1"),
            Words::request("CANCEL").branch("z9hG4bK-INVITE-1"),
            Words::request("BYE").set("To", "<sip:a@b>;tag=1"),
            Words::request("UPDATE").set("To", "<sip:a@b>;tag=1").sdp(),
            Words::request("OPTIONS").set("Require", "100rel, timer"),
            Words::request("REGISTER")
                .set("Authorization", "Digest username=\"101\", realm=\"centralino\", nonce=\"0\""),
            Words::request("INFO").body("application/dtmf-relay", "Signal=1"),
        ];
        Storm {
            rng: ChaCha8Rng::seed_from_u64(seed),
            endpoint: Endpoint::new(Settings { limits, ..settings() }, [9; 32]),
            now: Time::ZERO,
            seeds: seeds.iter().map(Words::bytes).collect(),
            legs: BTreeSet::new(),
            branches: BTreeSet::new(),
            tally: [0; 3],
        }
    }

    fn below(&mut self, n: usize) -> usize {
        self.rng.next_u32() as usize % n.max(1)
    }

    fn message(&mut self) -> Vec<u8> {
        if self.below(50) == 0 {
            let length = self.below(300);
            return (0..length).map(|_| self.rng.next_u32() as u8).collect();
        }
        let chosen = self.below(self.seeds.len());
        let mut bytes = self.seeds[chosen].clone();
        for _ in 0..self.below(4) {
            self.mutate(&mut bytes);
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const PIECES: [&str; 16] = [
            "4294967296",
            "-1",
            ";tag=",
            "\r\n",
            "\r\n\r\n",
            ";branch=z9hG4bK",
            "<",
            "\"",
            "%",
            ",",
            "sip:",
            "[::1]",
            "\u{0}",
            "Content-Length: 5\r\n",
            "To: <sip:x@y>\r\n",
            "SIP/2.0 200 OK\r\n",
        ];
        let (at, to) = (self.below(bytes.len()), self.below(40));
        match self.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..(at + to).min(bytes.len()))),
            3 => {
                let piece = PIECES[self.below(PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
            4 => {
                let copy: Vec<u8> = bytes[at..(at + to).min(bytes.len())].to_vec();
                bytes.splice(at..at, copy);
            }
            // Lines change places, go, or come twice.
            5 | 6 => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                let mut lines: Vec<&str> = text.split("\r\n").collect();
                let (one, other) = (self.below(lines.len()), self.below(lines.len()));
                match self.below(3) {
                    0 => lines.swap(one, other),
                    1 => drop(lines.remove(one)),
                    _ => lines.insert(other, lines[one]),
                }
                *bytes = lines.join("\r\n").into_bytes();
            }
            // Still fit, and another transaction.
            _ => {
                let text =
                    String::from_utf8_lossy(bytes).replace("z9hG4bK", &format!("z9hG4bK{}", self.rng.next_u32() % 999));
                let call = format!("call-{}@", self.rng.next_u32() % 50);
                *bytes = text.replace("call-1@", &call).into_bytes();
            }
        }
    }

    fn flow(&mut self) -> Flow {
        match self.below(10) {
            0 => tcp(CALLER, 1 + u64::from(self.rng.next_u32() % 3)),
            1 => udp("203.0.113.7:5060"),
            2 | 3 => udp(PHONE),
            _ => udp(CALLER),
        }
    }

    fn step(&mut self) {
        let (bytes, flow) = (self.message(), self.flow());
        let mut out = Output::default();
        let waiting = Load { messages: self.rng.next_u32() as usize % 100, calls: 0 };
        let is_let_in = self.endpoint.arrives(flow, &bytes, waiting, self.now, &mut out) != Arrival::TurnedAway;
        if is_let_in {
            self.endpoint.receive(flow, &bytes, self.now, self.now, &mut out);
        }
        self.endpoint.worked(Load { messages: 1, calls: 1 }, Load::default(), Duration::from_millis(1));
        let kind = match (out.transmits.is_empty(), out.events.is_empty()) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => {
                // An ACK of nothing says nothing that has to be read.
                let is_nothing = !is_let_in && bytes.starts_with(b"ACK ");
                assert!(
                    is_nothing || self.may_be_silent(&bytes, flow),
                    "neither answered nor counted: {}",
                    String::from_utf8_lossy(&bytes)
                );
                2
            }
        };
        self.tally[kind] += 1;
        if let Ok(message) = Message::parse(&bytes, flow) {
            self.branches.insert(message.head().via.branch.clone().unwrap_or_default().to_ascii_lowercase());
        }
        self.follow(out);
    }

    /// Keep-alives, ACKs, late responses, and INVITEs and UPDATEs that came before.
    fn may_be_silent(&self, bytes: &[u8], flow: Flow) -> bool {
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return true;
        }
        let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n' | 0)).unwrap_or_default();
        match Message::parse(&bytes[start..], flow) {
            Ok(Message::Response(_)) => true,
            Ok(Message::Request(request)) => match request.method {
                Method::Ack => true,
                Method::Invite | Method::Update => {
                    let branch = request.head.via.branch.unwrap_or_default().to_ascii_lowercase();
                    self.branches.contains(&branch)
                }
                _ => false,
            },
            Err(_) => false,
        }
    }

    /// The owner acts at random on what it is told, and the network brings back what we say.
    fn follow(&mut self, out: Output) {
        for transmit in out.transmits {
            self.learn(&transmit.bytes);
        }
        for (_, event) in out.events {
            let body = Bytes::from_static(SDP.as_bytes());
            let refusal = Refusal { status: 480, retry_after: Some(1), warning: None };
            match (event, self.below(4)) {
                (Event::Invited { dialog, .. }, choice) => {
                    self.legs.insert(dialog);
                    match choice {
                        0 => self.act(|it, now, out| it.ring(dialog, 183, Some(body), now, out)),
                        1 => self.act(|it, now, out| it.refuse(dialog, &refusal, now, out)),
                        _ => self.act(|it, now, out| it.accept(dialog, body, now, out)),
                    }
                }
                (Event::ChangeOffered { dialog, .. }, 0 | 1) => {
                    self.act(|it, now, out| it.accept_change(dialog, Some(body), now, out));
                }
                (Event::ChangeOffered { dialog, .. }, 2) => {
                    self.act(|it, now, out| it.refuse_change(dialog, &refusal, now, out));
                }
                (Event::Confirmed { dialog, .. } | Event::Accepted { dialog, .. }, 0) => {
                    self.act(|it, now, out| it.hang_up(dialog, now, out));
                }
                _ => {}
            }
        }
    }

    fn act(&mut self, act: impl FnOnce(&mut Endpoint, Time, &mut Output)) {
        let mut out = Output::default();
        act(&mut self.endpoint, self.now, &mut out);
        for transmit in out.transmits {
            self.learn(&transmit.bytes);
        }
    }

    /// Makes what a peer would say of what we said: an answer of a request, ACK, BYE and re-INVITE of a 200.
    fn learn(&mut self, bytes: &[u8]) {
        // A 400 gives a broken header back as it came.
        let Ok(ours) = Message::parse(bytes, udp(PHONE)) else {
            return assert!(bytes.starts_with(b"SIP/2.0 4") || bytes.starts_with(b"SIP/2.0 5"));
        };
        let replies: Vec<Words> = match ours {
            Message::Request(request) if request.method == Method::Ack => Vec::new(),
            request @ Message::Request(_) => [100, 180, 200, 200, 486, 481]
                .into_iter()
                .map(|status| Words::answer(status, &request, &format!("t{}", self.rng.next_u32() % 3)).sdp())
                .collect(),
            Message::Response(response) if response.status == 200 => {
                let cseq = response.head.cseq.number;
                let ok = Message::Response(response);
                ["ACK", "BYE", "INVITE", "UPDATE", "INFO"]
                    .into_iter()
                    .map(|method| Words::within(method, if method == "ACK" { cseq } else { cseq + 1 }, &ok).sdp())
                    .collect()
            }
            Message::Response(_) => Vec::new(),
        };
        for words in replies {
            let at = if self.seeds.len() < 60 { self.seeds.len() } else { 10 + self.below(50) };
            self.seeds.truncate(60);
            match self.seeds.get_mut(at) {
                Some(seed) => *seed = words.bytes(),
                None => self.seeds.push(words.bytes()),
            }
        }
    }

    fn time_passes(&mut self, length: Duration) {
        self.now = self.now + length;
        let mut out = Output::default();
        self.endpoint.expire(self.now, &mut out);
        self.follow(out);
        assert!(self.endpoint.next_deadline().is_none_or(|next| next > self.now), "a deadline stays due");
    }

    fn invite_a_phone(&mut self) {
        let target = Target::Uri(format!("sip:a@{PHONE}"));
        let (mut out, body) = (Output::default(), Bytes::from_static(SDP.as_bytes()));
        if let Ok(dialog) = self.endpoint.invite(&target, &CallerIdentity::default(), body, self.now, &mut out) {
            self.legs.insert(dialog);
        }
        self.follow(out);
    }

    fn hang_up_somebody(&mut self) {
        let at = self.below(self.legs.len());
        if let Some(&dialog) = self.legs.iter().nth(at) {
            self.legs.remove(&dialog);
            self.act(|it, now, out| it.hang_up(dialog, now, out));
        }
    }
}

#[test]
fn whatever_arrives_is_answered_or_counted() {
    let messages = u64::from(crate::fuzz::inputs(MESSAGES as u32));
    let mut storm = Storm::new(1);
    for n in 0..messages {
        storm.step();
        match storm.below(40) {
            0 => storm.invite_a_phone(),
            1 | 2 => storm.hang_up_somebody(),
            3 => storm.act(|it, now, out| it.connection_closed(1, now, out)),
            4 => storm.act(|it, now, out| it.send_failed(udp(PHONE), now, out)),
            _ => {
                let length = storm.below(60);
                storm.time_passes(Duration::from_millis(length as u64));
            }
        }
        let tables = storm.endpoint.tables();
        assert!(tables.dialogs <= DIALOGS, "message {n}: {tables:?}");
        assert!(tables.transactions <= TRANSACTIONS + 10 * DIALOGS, "message {n}: {tables:?}");
        assert!(tables.timers <= 3 * (tables.transactions + tables.dialogs) + 1, "message {n}: {tables:?}");
    }
    for dialog in std::mem::take(&mut storm.legs) {
        storm.act(|it, now, out| it.hang_up(dialog, now, out));
    }
    storm.time_passes(Duration::from_secs(100));
    for _ in 0..3 {
        storm.time_passes(Duration::from_secs(100));
    }
    let tables = storm.endpoint.tables();
    assert_eq!((tables.transactions, tables.dialogs, tables.timers), (0, 0, 0), "nothing stays");
    assert!(storm.tally.iter().all(|&count| count > messages / 200), "of each kind enough: {:?}", storm.tally);
    assert!(storm.branches.len() > 100, "{OURS} saw enough transactions");
}
