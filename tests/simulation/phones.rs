//! Phones of a few lines that speak SIP by themselves, each race step by step: what they send is text, so that they can
//! do what no honest endpoint would, at the very moment that hurts.
//!
//! They repeat what is not answered, answer again what is repeated, and say BYE in the end, as RFC 3261 wants it; what
//! they do beyond that is planned by `races`.

use crate::dice::Dice;
use crate::world::{CENTRALINO, Others};
use bytes::Bytes;
use centralino::sip::{Flow, Transport};
use centralino::time::{Deadlines, Duration, Time};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(32);
/// Whoever still talks then says BYE.
pub const LAST_BYE: Duration = Duration::from_secs(90);

/// One of a phone's dialogs, by number.
pub type SideId = usize;

/// What a phone does of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// INVITE.
    Dial,
    /// CANCEL of the INVITE, when there was a provisional answer.
    Cancel,
    /// 180.
    Ring,
    /// 183 that wants a PRACK.
    RingReliably,
    /// 200, with the tag of this fork.
    Answer(u8),
    /// 486.
    Refuse,
    /// re-INVITE: hold, or retrieve.
    Change(bool),
    /// UPDATE without SDP.
    Refresh,
    /// PRACK of the last reliable answer.
    Prack,
    /// REFER to this number.
    Refer(u16),
    /// BYE, if there is anything to end.
    Bye,
    /// The same, in the end.
    Leave,
    /// The connection is cut.
    Cut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Deed {
    Do(SideId, Act),
    Again(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The INVITE has no final answer.
    Early,
    /// There was a 200.
    Up,
    /// Nothing more is to come.
    Over,
}

/// A dialog as one phone sees it.
#[derive(Debug)]
struct Side {
    here: SocketAddr,
    transport: Transport,
    connection: u64,
    is_caller: bool,
    call_id: String,
    /// From and To as this side writes them, its own tag included.
    local: String,
    remote: String,
    target: String,
    number: u32,
    state: State,
    /// Of the INVITE: its branch and, at the called side, all that its answers copy.
    branch: String,
    copied: String,
    progressed: bool,
    cancelled: bool,
    rack: Option<String>,
    /// The BYE is on its way.
    is_leaving: bool,
    /// What it says that it understands.
    allow: &'static str,
}

/// What is sent again until something comes: a request, or a final answer to an INVITE.
#[derive(Debug)]
struct Repeat {
    side: SideId,
    bytes: Bytes,
    interval: Duration,
    until: Time,
    /// `METHOD branch` of a request; `ACK Call-ID` of an answer.
    awaits: String,
}

/// How phones of one race behave.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// What a called phone does, and how long after the INVITE.
    pub when_called: Vec<(u64, Act)>,
    /// What phones do after the 200, in ms: the caller, and whoever was called.
    pub caller_later: Vec<(u64, Act)>,
    pub called_later: Vec<(u64, Act)>,
    /// Header lines of the caller's INVITE.
    pub headers: &'static str,
    /// The caller's 200 is never acknowledged.
    pub caller_never_acks: bool,
    /// No phone understands UPDATE.
    pub no_update: bool,
    /// The called phone answers no BYE.
    pub called_is_deaf_to_bye: bool,
}

impl Manners {
    fn allow(&self) -> &'static str {
        if self.no_update { "INVITE, ACK, BYE" } else { "INVITE, ACK, BYE, UPDATE" }
    }
}

/// All phones.
pub struct Phones {
    pub manners: Manners,
    sides: Vec<Side>,
    deeds: Deadlines<Deed>,
    repeats: BTreeMap<u64, Repeat>,
    /// The answer to each request that was answered: `METHOD branch`.
    answers: BTreeMap<String, Bytes>,
    out: Vec<(Flow, Bytes)>,
    cut: Vec<u64>,
    dice: Dice,
    serial: u64,
}

impl Others for Phones {
    fn next_deadline(&self) -> Option<Time> {
        self.deeds.next().map(|(at, _)| at)
    }

    fn expire(&mut self, now: Time) {
        while let Some((_, deed)) = self.deeds.pop_due(now) {
            match deed {
                Deed::Do(side, act) => self.act(side, act, now),
                Deed::Again(id) => self.again(id, now),
            }
        }
    }

    fn hear(&mut self, at: SocketAddr, flow: Flow, bytes: &[u8], now: Time) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        match text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok()) {
            Some(status) => self.answered(status, &text, now),
            None => self.asked(at, flow, &text, now),
        }
    }

    fn say(&mut self) -> Vec<(Flow, Bytes)> {
        std::mem::take(&mut self.out)
    }

    fn cuts(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.cut)
    }
}

impl Phones {
    pub fn new(manners: Manners, seed: u64) -> Phones {
        Phones {
            manners,
            sides: Vec::new(),
            deeds: Deadlines::default(),
            repeats: BTreeMap::new(),
            answers: BTreeMap::new(),
            out: Vec::new(),
            cut: Vec::new(),
            dice: Dice::new(seed ^ 0xBEEF),
            serial: 0,
        }
    }

    /// A caller who dials this number at `at` and does the rest at its moments, in ms after the dialling.
    pub fn caller(&mut self, number: &str, transport: Transport, at: Time, acts: &[(u64, Act)]) {
        let id = self.sides.len();
        let port = 7_000 + u16::try_from(id).expect("few callers");
        let connection = if transport == Transport::Tcp { 500 + id as u64 } else { 0 };
        self.sides.push(Side {
            here: SocketAddr::from(([10, 0, 0, 2], port)),
            transport,
            connection,
            is_caller: true,
            call_id: format!("call-{id}"),
            local: format!("<sip:{port}@10.0.0.2>;tag=caller{id}"),
            remote: format!("<sip:{number}@{CENTRALINO}>"),
            target: format!("sip:{number}@{CENTRALINO}"),
            number: 0,
            state: State::Early,
            branch: String::new(),
            copied: String::new(),
            progressed: false,
            cancelled: false,
            rack: None,
            is_leaving: false,
            allow: self.manners.allow(),
        });
        self.deeds.set(Deed::Do(id, Act::Dial), at);
        for &(after, act) in acts {
            self.deeds.set(Deed::Do(id, act), at + Duration::from_millis(after));
        }
        self.deeds.set(Deed::Do(id, Act::Leave), at + LAST_BYE);
    }

    /// Every dialog of every phone is over.
    pub fn assert_over(&self, what: &str) {
        for side in &self.sides {
            assert_eq!(side.state, State::Over, "{what}: a phone still believes in {side:?}");
        }
        assert!(self.sides.len() > 1, "{what}: nobody was rung");
    }

    fn plan(&mut self, id: SideId, acts: &[(u64, Act)], now: Time) {
        for &(after, act) in acts {
            // A few milliseconds either way decide who is first.
            let at = now + Duration::from_millis(after) + self.dice.millis(0, 40);
            self.deeds.set(Deed::Do(id, act), at);
        }
    }

    fn act(&mut self, id: SideId, act: Act, now: Time) {
        let (state, is_caller) = (self.sides[id].state, self.sides[id].is_caller);
        match act {
            Act::Dial => {
                let headers = self.manners.headers;
                self.request(id, "INVITE", headers, &sdp(&self.sides[id].here, "sendrecv"), now);
            }
            Act::Cancel if is_caller && state == State::Early => {
                self.sides[id].cancelled = true;
                if self.sides[id].progressed {
                    self.request(id, "CANCEL", "", "", now);
                }
            }
            Act::Ring if !is_caller && state == State::Early => self.answer_invite(id, "180 Ringing", 0, "", "", now),
            Act::RingReliably if !is_caller && state == State::Early => {
                self.answer_invite(id, "183 Session Progress", 0, "Require: 100rel\r\nRSeq: 7\r\n", "", now);
            }
            Act::Answer(fork) if !is_caller && (state == State::Early || fork > 0) => {
                let body = sdp(&self.sides[id].here, "sendrecv");
                if fork == 0 {
                    self.sides[id].state = State::Up;
                    self.deeds.set(Deed::Do(id, Act::Leave), now + LAST_BYE);
                    let later = self.manners.called_later.clone();
                    self.plan(id, &later, now);
                }
                self.answer_invite(id, "200 OK", fork, "", &body, now);
            }
            Act::Refuse if !is_caller && state == State::Early => {
                self.sides[id].state = State::Over;
                self.answer_invite(id, "486 Busy Here", 0, "", "", now);
            }
            Act::Change(hold) if state == State::Up => {
                let direction = if hold { "sendonly" } else { "sendrecv" };
                self.request(id, "INVITE", "", &sdp(&self.sides[id].here, direction), now);
            }
            Act::Refresh if state == State::Up => self.request(id, "UPDATE", "", "", now),
            Act::Prack => {
                if let Some(rack) = self.sides[id].rack.clone() {
                    self.request(id, "PRACK", &format!("RAck: {rack}\r\n"), "", now);
                }
            }
            Act::Refer(number) if state == State::Up => {
                self.request(id, "REFER", &format!("Refer-To: <sip:{number}@{CENTRALINO}>\r\n"), "", now);
            }
            Act::Bye | Act::Leave => self.leave(id, now),
            Act::Cut => {
                let side = &mut self.sides[id];
                if side.connection != 0 {
                    self.cut.push(side.connection);
                    side.state = State::Over;
                }
            }
            Act::Cancel | Act::Ring | Act::RingReliably | Act::Answer(_) | Act::Refuse => {}
            Act::Change(_) | Act::Refresh | Act::Refer(_) => {}
        }
    }

    /// BYE; before the answer a caller takes the INVITE back.
    fn leave(&mut self, id: SideId, now: Time) {
        match self.sides[id].state {
            State::Over => {}
            State::Early if self.sides[id].is_caller => self.act(id, Act::Cancel, now),
            State::Early => self.act(id, Act::Refuse, now),
            State::Up if self.sides[id].is_leaving => {}
            State::Up => {
                self.sides[id].is_leaving = true;
                self.request(id, "BYE", "", "", now);
            }
        }
    }

    // ---- Requests.

    fn request(&mut self, id: SideId, method: &str, headers: &str, body: &str, now: Time) {
        self.serial += 1;
        let side = &mut self.sides[id];
        let branch = match method {
            "CANCEL" => side.branch.clone(),
            _ => format!("z9hG4bKphone{}", self.serial),
        };
        if method != "CANCEL" {
            side.number += 1;
        }
        if method == "INVITE" && side.state == State::Early {
            side.branch.clone_from(&branch);
        }
        let bytes = Bytes::from(side.text(method, &branch, side.number, headers, body));
        self.out.push((side.flow(), bytes.clone()));
        self.repeat(id, bytes, format!("{method} {branch}"), now);
    }

    /// ACK: to a refusal with the INVITE's branch.
    fn ack(&mut self, id: SideId, branch: &str, number: u32) {
        let side = &self.sides[id];
        self.out.push((side.flow(), side.text("ACK", branch, number, "", "").into()));
    }

    fn repeat(&mut self, side: SideId, bytes: Bytes, awaits: String, now: Time) {
        self.serial += 1;
        let id = self.serial;
        self.repeats.insert(id, Repeat { side, bytes, interval: T1, until: now + PATIENCE, awaits });
        self.deeds.set(Deed::Again(id), now + T1);
    }

    fn again(&mut self, id: u64, now: Time) {
        let Some(repeat) = self.repeats.get_mut(&id) else { return };
        let side = repeat.side;
        if now >= repeat.until {
            let Some(Repeat { awaits, .. }) = self.repeats.remove(&id) else { return };
            return self.nothing_came(side, &awaits, now);
        }
        repeat.interval = (repeat.interval * 2).min(T2);
        // A stream repeats by itself; an answer to an INVITE is repeated all the same.
        if self.sides[side].transport == Transport::Udp || repeat.awaits.starts_with("ACK") {
            self.out.push((self.sides[side].flow(), repeat.bytes.clone()));
        }
        self.deeds.set(Deed::Again(id), now + repeat.interval);
    }

    fn came(&mut self, awaited: &str) -> bool {
        let before = self.repeats.len();
        self.repeats.retain(|_, repeat| repeat.awaits != awaited);
        self.repeats.len() < before
    }

    fn nothing_came(&mut self, id: SideId, awaited: &str, now: Time) {
        let method = awaited.split(' ').next().unwrap_or_default();
        match (method, self.sides[id].state) {
            // RFC 3261 13.3.1.4: nobody acknowledged our 200.
            ("ACK", State::Up) => self.leave(id, now),
            ("INVITE", State::Early) | ("BYE", _) => self.sides[id].state = State::Over,
            _ => {}
        }
    }

    // ---- What comes back.

    fn answered(&mut self, status: u16, text: &str, now: Time) {
        let (number, method) = cseq(text);
        let branch = param(&header(text, "Via"), "branch");
        let Some(id) = self.sides.iter().position(|side| side.call_id == header(text, "Call-ID")) else { return };
        let key = format!("{method} {branch}");
        let is_first = if status >= 200 { self.came(&key) } else { false };
        match (method.as_str(), status) {
            ("INVITE", 101..200) => self.progressed(id, text, now),
            ("INVITE", 100) => {}
            ("INVITE", 200..300) => {
                let side = &mut self.sides[id];
                let was_early = side.state == State::Early;
                if was_early {
                    side.state = State::Up;
                    side.remote = header(text, "To");
                    side.target = contact(text);
                }
                if !(self.manners.caller_never_acks && self.sides[id].is_caller) {
                    self.ack(id, &format!("{branch}ack"), number);
                }
                if was_early {
                    let later = self.manners.caller_later.clone();
                    self.plan(id, &later, now);
                    if self.sides[id].cancelled {
                        self.leave(id, now);
                    }
                }
            }
            ("INVITE", 300..) => {
                let remote = std::mem::replace(&mut self.sides[id].remote, header(text, "To"));
                self.ack(id, &branch, number);
                if self.sides[id].state == State::Early {
                    self.sides[id].state = State::Over;
                } else {
                    self.sides[id].remote = remote;
                    if status == 481 {
                        self.sides[id].state = State::Over;
                    }
                }
            }
            ("BYE", 200..) if is_first => self.sides[id].state = State::Over,
            _ => {}
        }
    }

    fn progressed(&mut self, id: SideId, text: &str, now: Time) {
        let side = &mut self.sides[id];
        if side.state != State::Early {
            return;
        }
        if text.contains("\r\nRSeq: ") {
            side.remote = header(text, "To");
            side.target = contact(text);
            side.rack = Some(format!("{} 1 INVITE", header(text, "RSeq")));
            self.plan(id, &[(0, Act::Prack)], now);
        }
        let side = &mut self.sides[id];
        if !std::mem::replace(&mut side.progressed, true) && side.cancelled {
            self.request(id, "CANCEL", "", "", now);
        }
    }

    // ---- What is asked of a phone.

    fn asked(&mut self, at: SocketAddr, flow: Flow, text: &str, now: Time) {
        let method = text.split(' ').next().unwrap_or_default().to_owned();
        let call_id = header(text, "Call-ID");
        let key = format!("{method} {}", param(&header(text, "Via"), "branch"));
        if let Some(answer) = self.answers.get(&key) {
            return self.out.push((here_of(at, flow), answer.clone()));
        }
        let known = self.sides.iter().position(|side| side.call_id == call_id);
        match (method.as_str(), known) {
            ("ACK", _) if header(text, "To").contains("fork") => {}
            ("ACK", _) => _ = self.came(&format!("ACK {call_id}")),
            ("INVITE", None) => self.called(at, flow, text, now),
            ("CANCEL", Some(id)) => {
                self.answer(&key, at, flow, text, "200 OK", "");
                if self.sides[id].state == State::Early {
                    self.sides[id].state = State::Over;
                    self.answer_invite(id, "487 Request Terminated", 0, "", "", now);
                }
            }
            ("BYE", Some(id)) => {
                if self.manners.called_is_deaf_to_bye && !self.sides[id].is_caller {
                    return;
                }
                self.answer(&key, at, flow, text, "200 OK", "");
                // The BYE of a fork ends the fork alone.
                if !header(text, "To").contains("fork") {
                    self.came(&format!("ACK {call_id}"));
                    self.sides[id].state = State::Over;
                }
            }
            // Once more the one that rang it, and no answer to it yet.
            ("INVITE", Some(id)) if key.ends_with(&self.sides[id].branch) => {}
            ("INVITE", Some(id)) => {
                let body = sdp(&self.sides[id].here, "sendrecv");
                self.answer(&key, at, flow, text, "200 OK", &body);
            }
            (_, Some(_)) => self.answer(&key, at, flow, text, "200 OK", ""),
            (_, None) => self.answer(&key, at, flow, text, "481 Gone", ""),
        }
    }

    /// A phone is rung.
    fn called(&mut self, at: SocketAddr, flow: Flow, text: &str, now: Time) {
        let id = self.sides.len();
        let copied: String = ["Via", "From", "Call-ID", "CSeq"]
            .iter()
            .map(|name| format!("{name}: {}\r\n", header(text, name)))
            .collect();
        self.sides.push(Side {
            here: at,
            transport: flow.transport,
            connection: flow.connection,
            is_caller: false,
            call_id: header(text, "Call-ID"),
            local: format!("{};tag=called{id}", header(text, "To")),
            remote: header(text, "From"),
            target: contact(text),
            number: 0,
            state: State::Early,
            branch: param(&header(text, "Via"), "branch"),
            copied,
            progressed: false,
            cancelled: false,
            rack: None,
            is_leaving: false,
            allow: self.manners.allow(),
        });
        let acts = self.manners.when_called.clone();
        self.plan(id, &acts, now);
        self.deeds.set(Deed::Do(id, Act::Leave), now + LAST_BYE);
    }

    fn answer(&mut self, key: &str, at: SocketAddr, flow: Flow, text: &str, status: &str, body: &str) {
        let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"]
            .iter()
            .map(|name| format!("{name}: {}\r\n", header(text, name)))
            .collect();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let answer = Bytes::from(format!(
            "SIP/2.0 {status}\r\n{copied}Contact: <sip:phone@{at}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        self.answers.insert(key.to_owned(), answer.clone());
        self.out.push((here_of(at, flow), answer));
    }

    /// An answer to the INVITE that rang this phone; a final one is repeated until its ACK.
    fn answer_invite(&mut self, id: SideId, status: &str, fork: u8, headers: &str, body: &str, now: Time) {
        let side = &self.sides[id];
        let tag = if fork > 0 { format!("fork{fork}") } else { String::new() };
        let (here, copied, local, allow, length) = (side.here, &side.copied, &side.local, side.allow, body.len());
        let transport = if side.transport == Transport::Tcp { ";transport=tcp" } else { "" };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let answer = Bytes::from(format!(
            "SIP/2.0 {status}\r\n{copied}To: {local}{tag}\r\nContact: <sip:phone@{here}{transport}>\r\nAllow: {allow}\r\n\
             {headers}{kind}Content-Length: {length}\r\n\r\n{body}"
        ));
        let (flow, key) = (side.flow(), format!("INVITE {}", side.branch));
        let awaits = format!("ACK {}", side.call_id);
        self.out.push((flow, answer.clone()));
        if fork == 0 {
            self.answers.insert(key, answer.clone());
        }
        if !status.starts_with('1') && fork == 0 {
            self.repeat(id, answer, awaits, now);
        }
    }
}

impl Side {
    /// As Centralino sees the way.
    fn flow(&self) -> Flow {
        Flow { transport: self.transport, remote: self.here, connection: self.connection }
    }

    fn text(&self, method: &str, branch: &str, number: u32, headers: &str, body: &str) -> String {
        let Side { here, local, remote, target, call_id, allow, .. } = self;
        let (transport, parameter) = match self.transport {
            Transport::Udp => ("UDP", ""),
            Transport::Tcp => ("TCP", ";transport=tcp"),
        };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/{transport} {here};branch={branch}\r\nMax-Forwards: 70\r\n\
             From: {local}\r\nTo: {remote}\r\nCall-ID: {call_id}\r\nCSeq: {number} {method}\r\n\
             Contact: <sip:phone@{here}{parameter}>\r\nAllow: {allow}\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// The way back to Centralino from where it reached a phone.
fn here_of(at: SocketAddr, flow: Flow) -> Flow {
    Flow { remote: at, ..flow }
}

fn header(text: &str, name: &str) -> String {
    let start = format!("{name}: ");
    text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default().to_owned()
}

fn param(value: &str, name: &str) -> String {
    let start = format!("{name}=");
    value.split(';').find_map(|each| each.strip_prefix(&start)).unwrap_or_default().to_owned()
}

fn contact(text: &str) -> String {
    header(text, "Contact").trim_start_matches('<').split('>').next().unwrap_or_default().to_owned()
}

fn cseq(text: &str) -> (u32, String) {
    let value = header(text, "CSeq");
    let (number, method) = value.split_once(' ').unwrap_or_default();
    (number.parse().unwrap_or_default(), method.to_owned())
}

fn sdp(here: &SocketAddr, direction: &str) -> String {
    let (ip, port) = (here.ip(), 30_000 + 2 * u32::from(here.port() % 1_000));
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na={direction}\r\n"
    )
}
