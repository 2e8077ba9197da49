//! The other end of every leg: callers who wait, give up or hang up, and phones that ring, answer, refuse or sleep.
//! One SIP endpoint speaks for all of them.

use crate::dice::Dice;
use crate::world::{Others, PEERS};
use bytes::Bytes;
use centralino::sip::{self, CallerIdentity, DialogId, Endpoint, Event, Flow, Refusal, Target};
use centralino::time::{Deadlines, Time};
use std::collections::HashMap;
use std::net::SocketAddr;

/// What somebody does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Deed {
    Dial(u32),
    GiveUp(DialogId),
    HangUp(DialogId),
    Ring(DialogId),
    Answer(DialogId),
    AnswerUnusably(DialogId),
    Refuse(DialogId, u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Caller,
    Phone,
}

pub struct Peers {
    endpoint: Endpoint,
    heard: sip::Output,
    dice: Dice,
    deeds: Deadlines<Deed>,
    roles: HashMap<DialogId, Role>,
    centralino: SocketAddr,
    numbers: &'static [&'static str],
}

/// SDP with a plain address outside ours.
fn sdp(port: u16) -> Bytes {
    let text = format!(
        "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    );
    text.into()
}

impl Others for Peers {
    fn next_deadline(&self) -> Option<Time> {
        let deed = self.deeds.next().map(|(at, _)| at);
        [deed, self.endpoint.next_deadline()].into_iter().flatten().min()
    }

    fn expire(&mut self, now: Time) {
        let mut out = std::mem::take(&mut self.heard);
        self.endpoint.expire(now, &mut out);
        while let Some((_, deed)) = self.deeds.pop_due(now) {
            self.act(deed, now, &mut out);
        }
        self.heard = out;
        self.listen(now);
    }

    fn hear(&mut self, _: SocketAddr, flow: Flow, bytes: &[u8], now: Time) {
        self.endpoint.receive(flow, bytes, now, now, &mut self.heard);
        self.listen(now);
    }

    fn say(&mut self) -> Vec<(Flow, Bytes)> {
        self.heard.transmits.drain(..).map(|sent| (Flow { remote: PEERS, ..sent.flow }, sent.bytes)).collect()
    }

    fn cuts(&mut self) -> Vec<u64> {
        Vec::new()
    }
}

impl Peers {
    pub fn new(endpoint: Endpoint, dice: Dice, centralino: SocketAddr, numbers: &'static [&'static str]) -> Peers {
        Peers {
            endpoint,
            heard: sip::Output::default(),
            dice,
            deeds: Deadlines::default(),
            roles: HashMap::new(),
            centralino,
            numbers,
        }
    }

    /// Plans so many calls, one after another, this often on average.
    pub fn plan_calls(&mut self, calls: u32, every_ms: u64, now: Time) {
        let mut at = now;
        for n in 0..calls {
            at = at + self.dice.millis(0, 2 * every_ms);
            self.deeds.set(Deed::Dial(n), at);
        }
    }

    fn listen(&mut self, now: Time) {
        while !self.heard.events.is_empty() {
            for (_, event) in std::mem::take(&mut self.heard.events) {
                self.on_event(event, now);
            }
        }
    }

    fn act(&mut self, deed: Deed, now: Time, out: &mut sip::Output) {
        match deed {
            Deed::Dial(n) => self.dial(n, now, out),
            Deed::GiveUp(dialog) => {
                if self.roles.contains_key(&dialog) {
                    self.endpoint.cancel(dialog, now, out);
                }
            }
            Deed::HangUp(dialog) => {
                if self.roles.remove(&dialog).is_some() {
                    self.endpoint.hang_up(dialog, now, out);
                }
            }
            Deed::Ring(dialog) => self.endpoint.ring(dialog, 180, None, now, out),
            Deed::Answer(dialog) => self.endpoint.accept(dialog, sdp(40_000), now, out),
            Deed::AnswerUnusably(dialog) => {
                self.endpoint.accept(dialog, Bytes::from_static(b"v=0\r\nnonsense"), now, out);
            }
            Deed::Refuse(dialog, status) => {
                self.roles.remove(&dialog);
                self.endpoint.refuse(dialog, &Refusal { status, retry_after: None, warning: None }, now, out);
            }
        }
    }

    fn dial(&mut self, n: u32, now: Time, out: &mut sip::Output) {
        let number = self.numbers[self.dice.below(self.numbers.len() as u64) as usize];
        let target = Target::Uri(format!("sip:{number}@{}", self.centralino));
        let caller =
            CallerIdentity { user: format!("{}", 39_000_000 + n), display: None, called: None, max_forwards: None };
        let Ok(dialog) = self.endpoint.invite(&target, &caller, sdp(30_000), now, out) else {
            panic!("the simulated callers have room for every call");
        };
        self.roles.insert(dialog, Role::Caller);
        if self.dice.chance(50) {
            let after = self.dice.millis(1, 400);
            self.deeds.set(Deed::GiveUp(dialog), now + after);
        }
    }

    fn on_event(&mut self, event: Event, now: Time) {
        match event {
            Event::Invited { dialog, .. } => self.on_rung(dialog, now),
            Event::Accepted { dialog, .. } => {
                let patience = match self.dice.below(10) {
                    0 => self.dice.millis(100, 5_000),
                    1..=3 => self.dice.millis(3_000, 60_000),
                    _ => self.dice.millis(60_000, 600_000),
                };
                self.deeds.set(Deed::HangUp(dialog), now + patience);
            }
            Event::Confirmed { dialog, .. } => {
                let talk = self.dice.millis(500, 40_000);
                self.deeds.set(Deed::HangUp(dialog), now + talk);
            }
            Event::HungUp { dialog, .. }
            | Event::Refused { dialog, .. }
            | Event::Cancelled { dialog }
            | Event::Unconfirmed { dialog } => {
                self.roles.remove(&dialog);
                for deed in [Deed::GiveUp(dialog), Deed::HangUp(dialog), Deed::Ring(dialog), Deed::Answer(dialog)] {
                    self.deeds.cancel(deed);
                }
                self.deeds.cancel(Deed::AnswerUnusably(dialog));
                for status in REFUSALS {
                    self.deeds.cancel(Deed::Refuse(dialog, status));
                }
            }
            Event::ChangeOffered { .. } => panic!("unasked, there is no re-INVITE"),
            Event::Progressed { .. }
            | Event::Redirected { .. }
            | Event::Explained { .. }
            | Event::Registered { .. }
            | Event::Unregistered { .. }
            | Event::KeyPressed { .. }
            | Event::Referred { .. }
            | Event::Turned(_) => {}
        }
    }

    /// A phone is rung: most answer, some refuse, some ring for ever, some are dead.
    fn on_rung(&mut self, dialog: DialogId, now: Time) {
        self.roles.insert(dialog, Role::Phone);
        let fate = self.dice.below(100);
        if fate >= 3 {
            let after = self.dice.millis(0, 200);
            self.deeds.set(Deed::Ring(dialog), now + after);
        }
        let later = now + self.dice.millis(200, 14_000);
        match fate {
            0..=2 => {}
            3..=9 => {}
            10..=17 => {
                let status = REFUSALS[self.dice.below(REFUSALS.len() as u64) as usize];
                self.deeds.set(Deed::Refuse(dialog, status), later);
            }
            18..=20 => self.deeds.set(Deed::AnswerUnusably(dialog), later),
            // Around the ring time-out, where 200 and CANCEL cross.
            21..=35 => {
                let around = self.dice.millis(14_700, 15_300);
                self.deeds.set(Deed::Answer(dialog), now + around);
            }
            _ => self.deeds.set(Deed::Answer(dialog), later),
        }
    }
}

const REFUSALS: [u16; 6] = [486, 603, 480, 404, 503, 500];
