//! Everybody but the daemon: callers on one socket, agents' phones on another, one thread. Each leg is a small state
//! machine in a list, found by the number in its Call-ID; what is not answered is sent again as RFC 3261 17 wants it.

use super::tally::{Asked, Tally};
use super::wire::{Dialog, address, answer, header, headers, sdp, status, user};
use centralino::sip::Secret;
use centralino::sip::digest::{Challenge, Client};
use centralino::sip::message::Method;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

pub const PASSWORD: &str = "overload-bench";
/// Dialled: agents who hang up soon, agents who stay, nobody.
pub const BRIEF: &str = "7000";
pub const STEADY: &str = "7003";
pub const MUSIC: &str = "7002";

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// Who is told nothing for so long gives up.
const PATIENCE: Duration = Duration::from_secs(8);
const TALK: Duration = Duration::from_millis(100);
/// Between two re-INVITEs of a call that stays.
const CHANGE_EVERY: Duration = Duration::from_secs(5);
/// Between two REGISTERs of a phone.
const REGISTER_EVERY: Duration = Duration::from_secs(20);
/// A set-up that took longer is trouble.
const SLOW: Duration = Duration::from_millis(200);
const PACKET: Duration = Duration::from_millis(20);

pub struct World {
    daemon: SocketAddr,
    sleeps: bool,
    callers: Socket,
    phones: Socket,
    ear: Socket,
    deaf: String,
    hearing: String,
    legs: Vec<Leg>,
    phone_legs: HashMap<String, usize>,
    timers: BinaryHeap<Reverse<(Instant, usize, u32)>>,
    heard: HashMap<SocketAddr, Instant>,
    tally: Tally,
    began: Instant,
    /// Legs before this one belong to an earlier stretch.
    first_leg: usize,
    text: Vec<u8>,
}

struct Socket {
    udp: UdpSocket,
    local: SocketAddr,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Whose agent hangs up.
    Brief,
    /// Who stays until we say.
    Steady,
    Listener,
    /// An agent's leg, of this caller.
    Phone {
        caller: usize,
        stays: bool,
    },
    /// A phone's registration.
    Agent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Beginning,
    Talking,
    Over,
}

/// What is sent again until it is answered.
struct Pending {
    bytes: Vec<u8>,
    first: Instant,
    wait: Duration,
    kind: Kind,
    /// A provisional answer came: nothing is sent again.
    heard: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Invite,
    Change,
    Bye,
    Register,
    /// A 200 that waits for its ACK.
    Answer,
}

struct Leg {
    role: Role,
    stage: Stage,
    dialog: Dialog,
    began: Instant,
    pending: Option<Pending>,
    /// Only the last timer set counts.
    timer: u32,
    challenge: Option<(Challenge, u32)>,
}

fn socket() -> Socket {
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&udp, 32 << 20)
        .or_else(|_| rustix::net::sockopt::set_socket_recv_buffer_size(&udp, 32 << 20));
    udp.set_nonblocking(true).unwrap();
    let local = udp.local_addr().unwrap();
    Socket { udp, local }
}

impl World {
    pub fn new(daemon: SocketAddr, sleeps: bool) -> World {
        let (ear, nobody) = (socket(), UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let deaf = sdp(nobody.local_addr().unwrap().port());
        // Full at once and never emptied: RTP costs no more than its sending, and no ICMP comes back.
        std::mem::forget(nobody);
        World {
            daemon,
            sleeps,
            callers: socket(),
            phones: socket(),
            deaf,
            hearing: sdp(ear.local.port()),
            ear,
            legs: Vec::new(),
            phone_legs: HashMap::new(),
            timers: BinaryHeap::new(),
            heard: HashMap::new(),
            tally: Tally::default(),
            began: Instant::now(),
            first_leg: 0,
            text: vec![0; 65_536],
        }
    }

    /// Begins a stretch of new calls, so many a second, and tells what it saw.
    pub fn offer(&mut self, rate: f64, length: Duration) -> Tally {
        self.tally = Tally::default();
        self.began = Instant::now();
        self.first_leg = self.legs.len();
        while self.began.elapsed() < length {
            let due = (self.began.elapsed().as_secs_f64() * rate) as u64;
            for _ in 0..due.saturating_sub(self.tally.offered).min(16) {
                self.dial(BRIEF);
            }
            self.turn();
        }
        self.tally.lasted = self.began.elapsed();
        self.tally.clone()
    }

    /// Lets everybody do what they do, without new calls.
    pub fn rest(&mut self, length: Duration) -> Tally {
        self.offer(0.0, length)
    }

    /// All these phones register, and go on doing so.
    pub fn register(&mut self, users: impl Iterator<Item = String>) {
        let host = self.daemon.ip();
        for user in users {
            let (number, of) = (self.legs.len(), format!("<sip:{user}@{host}>"));
            let call_id = format!("r{number}");
            let target = format!("sip:{}", self.daemon);
            let dialog = Dialog { call_id, from: format!("{of};tag=r{number}"), to: of, target, cseq: 0 };
            self.legs.push(Leg::new(Role::Agent, dialog));
            self.sign(number);
            while self.legs[number].pending.is_some() {
                self.turn();
            }
        }
    }

    /// So many calls, set up before they are needed.
    pub fn establish(&mut self, service: &str, calls: usize) {
        let first = self.legs.len();
        for _ in 0..calls {
            self.dial(service);
            self.rest(Duration::from_millis(5));
        }
        self.rest(Duration::from_millis(500));
        let there = self.legs[first..].iter().filter(|leg| leg.is_call_of(service) && leg.stage == Stage::Talking);
        assert_eq!(there.count(), calls, "calls to {service} were set up");
    }

    /// Those who stayed hang up, now.
    pub fn leave(&mut self) {
        for number in 0..self.legs.len() {
            let leg = &self.legs[number];
            if leg.role == Role::Steady && leg.stage == Stage::Talking {
                self.ask("BYE", Kind::Bye, number);
            }
        }
    }

    /// How many calls are there that stay until we say.
    pub fn staying(&self) -> usize {
        self.legs.iter().filter(|leg| leg.role == Role::Steady && leg.stage == Stage::Talking).count()
    }

    fn dial(&mut self, service: &str) {
        let number = self.legs.len();
        let role = match service {
            BRIEF => Role::Brief,
            STEADY => Role::Steady,
            _ => Role::Listener,
        };
        let target = format!("sip:{service}@{}", self.daemon);
        let from = format!("<sip:39{number}@127.0.0.1>;tag=c{number}");
        let dialog = Dialog { call_id: format!("c{number}"), from, to: format!("<{target}>"), target, cseq: 0 };
        self.legs.push(Leg::new(role, dialog));
        self.tally.offered += u64::from(role == Role::Brief);
        self.ask("INVITE", Kind::Invite, number);
    }

    fn turn(&mut self) {
        let now = Instant::now();
        while let Some(&Reverse((at, number, timer))) = self.timers.peek().filter(|next| next.0.0 <= now) {
            self.timers.pop();
            if self.legs[number].timer == timer {
                self.due(number, at);
            }
        }
        let mut text = std::mem::take(&mut self.text);
        let mut quiet = true;
        for _ in 0..32 {
            let Ok(length) = self.callers.udp.recv(&mut text) else { break };
            self.caller_hears(std::str::from_utf8(&text[..length]).unwrap_or_default());
            quiet = false;
        }
        for _ in 0..32 {
            let Ok(length) = self.phones.udp.recv(&mut text) else { break };
            self.phone_hears(std::str::from_utf8(&text[..length]).unwrap_or_default());
            quiet = false;
        }
        for _ in 0..32 {
            let Ok((_, from)) = self.ear.udp.recv_from(&mut text) else { break };
            self.packet(from);
            quiet = false;
        }
        self.text = text;
        // With a processor of its own it never sleeps: to wake it would cost the daemon, whom peers elsewhere cost nothing.
        if quiet && self.sleeps {
            let mut sockets = [&self.callers, &self.phones, &self.ear].map(|one| PollFd::new(&one.udp, PollFlags::IN));
            let _ = poll(&mut sockets, Some(&Timespec { tv_sec: 0, tv_nsec: 200_000 }));
        }
    }

    fn packet(&mut self, from: SocketAddr) {
        let now = Instant::now();
        if let Some(last) = self.heard.insert(from, now) {
            let gap = now - last;
            self.tally.jitter.push(gap.max(PACKET) - gap.min(PACKET));
        }
    }

    /// Sends a request of this leg, until it is answered.
    fn ask(&mut self, method: &str, kind: Kind, number: usize) {
        let socket = self.socket(number);
        let leg = &self.legs[number];
        let body = match (kind, leg.role) {
            (Kind::Invite | Kind::Change, Role::Listener) => &self.hearing,
            (Kind::Invite | Kind::Change, _) => &self.deaf,
            _ => "",
        };
        let (local, leg) = (socket.local, &mut self.legs[number]);
        let text = leg.dialog.request(method, local, body);
        self.begin(number, kind, text);
    }

    fn sign(&mut self, number: usize) {
        let local = self.phones.local;
        let Leg { dialog, challenge, .. } = &mut self.legs[number];
        dialog.cseq += 1;
        let user = user(&dialog.from).to_owned();
        let mut more = format!("Expires: 600\r\nContact: <sip:{user}@{local}>\r\n");
        if let Some((challenge, count)) = challenge {
            *count += 1;
            let secret = Secret(PASSWORD.to_owned());
            let client = Client { user: &user, secret: &secret };
            let proof = client.answer(challenge, Method::Register, &dialog.target, *count, &dialog.call_id);
            more += &format!("Authorization: {proof}\r\n");
        }
        let branch = format!("{}-{}", dialog.call_id, dialog.cseq);
        let text =
            dialog.write("REGISTER", &branch, local, &more, "").replacen("Contact: <sip:x@", "X-From: <sip:x@", 1);
        self.begin(number, Kind::Register, text);
    }

    fn begin(&mut self, number: usize, kind: Kind, text: String) {
        self.send(number, text.as_bytes());
        let now = Instant::now();
        if let Some(asked) = self.asked(kind) {
            asked.sent += 1;
        }
        let leg = &mut self.legs[number];
        leg.pending = Some(Pending { bytes: text.into_bytes(), first: now, wait: T1, kind, heard: false });
        self.set_timer(number, now + T1);
    }

    fn asked(&mut self, kind: Kind) -> Option<&mut Asked> {
        match kind {
            Kind::Change | Kind::Bye => Some(&mut self.tally.within),
            Kind::Register => Some(&mut self.tally.registered),
            Kind::Invite | Kind::Answer => None,
        }
    }

    fn socket(&self, number: usize) -> &Socket {
        match self.legs[number].role {
            Role::Brief | Role::Steady | Role::Listener => &self.callers,
            Role::Phone { .. } | Role::Agent => &self.phones,
        }
    }

    fn send(&self, number: usize, bytes: &[u8]) {
        // What finds no room is lost, and repeated like anything that is.
        let _ = self.socket(number).udp.send_to(bytes, self.daemon);
    }

    fn set_timer(&mut self, number: usize, at: Instant) {
        let leg = &mut self.legs[number];
        leg.timer += 1;
        self.timers.push(Reverse((at, number, leg.timer)));
    }

    fn due(&mut self, number: usize, at: Instant) {
        let leg = &mut self.legs[number];
        let Some(pending) = &mut leg.pending else {
            return match leg.role {
                Role::Agent => self.sign(number),
                Role::Steady if leg.stage == Stage::Talking => self.ask("INVITE", Kind::Change, number),
                Role::Phone { stays: false, .. } if leg.stage == Stage::Talking => self.ask("BYE", Kind::Bye, number),
                _ => {}
            };
        };
        if at >= pending.first + PATIENCE {
            return self.give_up(number);
        }
        let is_invite = matches!(pending.kind, Kind::Invite | Kind::Change);
        if !pending.heard {
            self.tally.repeated += u64::from(pending.kind == Kind::Invite);
            let bytes = std::mem::take(&mut pending.bytes);
            pending.wait = if is_invite { pending.wait * 2 } else { (pending.wait * 2).min(T2) };
            self.send(number, &bytes);
            if let Some(pending) = &mut self.legs[number].pending {
                pending.bytes = bytes;
            }
        }
        let next = self.legs[number].pending.as_ref().map_or(at, |pending| {
            let end = pending.first + PATIENCE;
            if pending.heard { end } else { end.min(at + pending.wait) }
        });
        self.set_timer(number, next);
    }

    fn give_up(&mut self, number: usize) {
        let Some(pending) = self.legs[number].pending.take() else { return };
        match self.asked(pending.kind) {
            Some(asked) => asked.failed += 1,
            None => self.trouble(number, |tally| tally.lost += 1),
        }
        self.over(number);
        if pending.kind == Kind::Register {
            self.sign(number);
        }
    }

    /// Something is wrong with a new call of this stretch.
    fn trouble(&mut self, number: usize, count: impl FnOnce(&mut Tally)) {
        if number >= self.first_leg {
            self.tally.last_trouble = self.began.elapsed();
        }
        count(&mut self.tally);
    }

    fn over(&mut self, number: usize) {
        let leg = &mut self.legs[number];
        if matches!(leg.role, Role::Agent) {
            return;
        }
        leg.stage = Stage::Over;
        leg.pending = None;
        leg.timer += 1;
        let call_id = std::mem::take(&mut leg.dialog.call_id);
        self.phone_legs.remove(&call_id);
        leg.dialog = Dialog::default();
    }

    // ---- callers

    fn caller_hears(&mut self, text: &str) {
        let number = header(text, "Call-ID").strip_prefix('c').and_then(|number| number.parse().ok());
        let Some(number) = number.filter(|&number: &usize| number < self.legs.len()) else { return };
        match status(text) {
            Some(status) => self.caller_is_answered(number, status, text),
            None => self.caller_is_asked(number, text),
        }
    }

    fn caller_is_asked(&mut self, number: usize, text: &str) {
        if text.starts_with("ACK ") {
            return;
        }
        let body = if text.starts_with("INVITE ") { self.deaf.as_str() } else { "" };
        let reply = answer(text, "200 OK", "", self.callers.local, body);
        self.send(number, reply.as_bytes());
        if text.starts_with("BYE ") {
            self.tally.cut +=
                u64::from(self.legs[number].role == Role::Steady && self.legs[number].stage == Stage::Talking);
            self.over(number);
        }
    }

    fn caller_is_answered(&mut self, number: usize, status: u16, text: &str) {
        let local = self.callers.local;
        let leg = &mut self.legs[number];
        let is_invite = header(text, "CSeq").ends_with("INVITE");
        let Some(kind) = leg.pending.as_ref().map(|pending| pending.kind) else {
            // The ACK was lost, or the answer came twice; who is gone says nothing.
            if is_invite && status >= 200 && leg.stage == Stage::Talking {
                let ack = leg.dialog.request("ACK", local, "");
                self.send(number, ack.as_bytes());
            }
            return;
        };
        if is_invite != matches!(kind, Kind::Invite | Kind::Change) {
            return;
        }
        match status {
            100..200 => {
                if let Some(pending) = &mut leg.pending {
                    pending.heard = true;
                }
            }
            200..300 => self.caller_is_granted(number, kind, text),
            _ => {
                if is_invite {
                    let ack = leg.dialog.acknowledge_refusal(text, local);
                    self.send(number, ack.as_bytes());
                }
                self.caller_is_refused(number, kind, status);
            }
        }
    }

    fn caller_is_granted(&mut self, number: usize, kind: Kind, text: &str) {
        let local = self.callers.local;
        let leg = &mut self.legs[number];
        leg.pending = None;
        if kind == Kind::Bye {
            self.tally.within.granted += 1;
            return self.over(number);
        }
        header(text, "To").clone_into(&mut leg.dialog.to);
        address(header(text, "Contact")).clone_into(&mut leg.dialog.target);
        leg.stage = Stage::Talking;
        let (role, ack) = (leg.role, leg.dialog.request("ACK", local, ""));
        self.send(number, ack.as_bytes());
        self.tally.within.granted += u64::from(kind == Kind::Change);
        if role == Role::Steady {
            // Spread over the time between two, so that they do not all ask at once.
            let first = CHANGE_EVERY.mul_f64((number % 97) as f64 / 97.0);
            self.set_timer(number, Instant::now() + if kind == Kind::Invite { first } else { CHANGE_EVERY });
        }
    }

    fn caller_is_refused(&mut self, number: usize, kind: Kind, status: u16) {
        let waited = self.legs[number].began.elapsed();
        match kind {
            Kind::Change | Kind::Bye => self.tally.within.failed += 1,
            _ if status == 503 => {
                self.tally.refusals.push(waited);
                self.trouble(number, |tally| tally.refused += 1);
            }
            _ => self.trouble(number, |tally| tally.otherwise += 1),
        }
        if kind == Kind::Change {
            self.legs[number].pending = None;
            return self.set_timer(number, Instant::now() + CHANGE_EVERY);
        }
        self.over(number);
    }

    // ---- phones

    fn phone_hears(&mut self, text: &str) {
        let call_id = header(text, "Call-ID");
        if let Some(status) = status(text) {
            let registration = call_id.strip_prefix('r').and_then(|number| number.parse().ok());
            match registration
                .filter(|&number: &usize| self.legs.get(number).is_some_and(|leg| leg.role == Role::Agent))
            {
                Some(number) => self.registration_answered(number, status, text),
                None => self.phone_is_answered(call_id, status),
            }
            return;
        }
        let known = self.phone_legs.get(call_id).copied();
        match (text.split(' ').next().unwrap_or_default(), known) {
            ("INVITE", None) => self.rung(text),
            ("INVITE", Some(number)) => {
                // A repeated one is answered by the repeated 200.
                if header(text, "To").contains(";tag=") {
                    let reply = answer(text, "200 OK", "", self.phones.local, &self.deaf);
                    self.send(number, reply.as_bytes());
                }
            }
            ("ACK", Some(number)) => self.joined(number),
            ("ACK", None) => {}
            (method, number) => {
                let reply = answer(text, "200 OK", "gone", self.phones.local, "");
                let _ = self.phones.udp.send_to(reply.as_bytes(), self.daemon);
                if let Some(number) = number.filter(|_| method == "BYE") {
                    let leg = &self.legs[number];
                    if let Role::Phone { caller, stays: true } = leg.role {
                        self.tally.cut +=
                            u64::from(self.legs[caller].stage == Stage::Talking && !self.is_leaving(caller));
                    }
                    self.over(number);
                }
            }
        }
    }

    fn is_leaving(&self, number: usize) -> bool {
        self.legs[number].pending.as_ref().is_some_and(|pending| pending.kind == Kind::Bye)
    }

    fn rung(&mut self, text: &str) {
        let caller = user(header(text, "From")).strip_prefix("39").and_then(|number| number.parse().ok());
        let Some(caller) = caller.filter(|&caller: &usize| caller < self.legs.len()) else { return };
        let (number, local) = (self.legs.len(), self.phones.local);
        let tag = format!("p{number}");
        let stays = text.split(' ').nth(1).map(user).is_some_and(|user| user.starts_with('s'));
        let dialog = Dialog {
            call_id: header(text, "Call-ID").to_owned(),
            from: format!("{};tag={tag}", header(text, "To")),
            to: header(text, "From").to_owned(),
            target: address(header(text, "Contact")).to_owned(),
            cseq: 0,
        };
        self.phone_legs.insert(dialog.call_id.clone(), number);
        self.legs.push(Leg::new(Role::Phone { caller, stays }, dialog));
        self.send(number, answer(text, "180 Ringing", &tag, local, "").as_bytes());
        let reply = answer(text, "200 OK", &tag, local, &self.deaf);
        self.begin(number, Kind::Answer, reply);
    }

    fn joined(&mut self, number: usize) {
        let leg = &mut self.legs[number];
        let Role::Phone { caller, .. } = leg.role else { return };
        if leg.pending.take().is_none() || leg.stage != Stage::Beginning {
            return;
        }
        leg.stage = Stage::Talking;
        if self.legs[caller].role == Role::Brief {
            self.tally.joined += 1;
            let took = self.legs[caller].began.elapsed();
            if caller >= self.first_leg {
                self.tally.setups.push(took);
                if took > SLOW {
                    self.trouble(caller, |_| {});
                }
            }
        }
        self.set_timer(number, Instant::now() + TALK);
    }

    fn phone_is_answered(&mut self, call_id: &str, status: u16) {
        let Some(&number) = self.phone_legs.get(call_id) else { return };
        if status < 200 || !self.is_leaving(number) {
            return;
        }
        match status {
            200..300 => self.tally.within.granted += 1,
            _ => self.tally.within.failed += 1,
        }
        self.over(number);
    }

    fn registration_answered(&mut self, number: usize, status: u16, text: &str) {
        let leg = &mut self.legs[number];
        let is_last =
            header(text, "CSeq").split(' ').next().and_then(|cseq| cseq.parse().ok()) == Some(leg.dialog.cseq);
        if leg.pending.is_none() || !is_last {
            return;
        }
        match (status, Challenge::first(headers(text, "WWW-Authenticate"))) {
            (401, Some(challenge)) if leg.challenge.is_none() || challenge.stale => {
                leg.challenge = Some((challenge, 0));
                // The same wish once more.
                self.tally.registered.sent -= 1;
                return self.sign(number);
            }
            (200, _) => self.tally.registered.granted += 1,
            _ => self.tally.registered.failed += 1,
        }
        leg.pending = None;
        let spread = REGISTER_EVERY.mul_f64(0.5 + (number % 97) as f64 / 97.0);
        self.set_timer(number, Instant::now() + spread);
    }
}

impl Leg {
    fn new(role: Role, dialog: Dialog) -> Leg {
        let (stage, began) = (Stage::Beginning, Instant::now());
        Leg { role, stage, dialog, began, pending: None, timer: 0, challenge: None }
    }

    fn is_call_of(&self, service: &str) -> bool {
        match service {
            BRIEF => self.role == Role::Brief,
            STEADY => self.role == Role::Steady,
            _ => self.role == Role::Listener,
        }
    }
}
