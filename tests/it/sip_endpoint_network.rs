//! A network of endpoints in virtual time that loses, repeats, delays and reorders: one calls, two answer behind a
//! forking proxy, their owners act at random. Every leg must end once, and nothing may stay.
//!
//! A failure names its seed. `CENTRALINO_NETWORKS=n` plays n networks instead of the usual number.

use crate::sip_endpoint::{addr, settings, udp};
use bytes::Bytes;
use centralino::sip::api::{DialogId, Event, Output, Refusal, RefusedBy, Transmit, Turned};
use centralino::sip::{Arrival, CallerIdentity, Endpoint, Load, Settings, Target};
use centralino::time::{Duration, Time};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

const CALLING: usize = 0;
const PLACES: [&str; 3] = ["127.0.0.1:5061", "127.0.0.1:5062", "127.0.0.1:5063"];
const CALLS: usize = 8;

/// What happens next somewhere.
enum Happening {
    /// A datagram arrives.
    Packet { from: SocketAddr, to: usize, bytes: Bytes },
    /// An owner does something.
    Act(usize, Act),
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Invite,
    Cancel(DialogId),
    Ring(DialogId),
    Accept(DialogId),
    Refuse(DialogId),
    HangUp(DialogId),
}

/// What an owner knows of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    Early,
    TakenBack,
    Talking,
    Over,
}

struct Network {
    seed: u64,
    rng: ChaCha8Rng,
    now: Time,
    order: u64,
    queue: BTreeMap<(Time, u64), Happening>,
    endpoints: Vec<Endpoint>,
    legs: Vec<BTreeMap<DialogId, Leg>>,
    /// In percent.
    loss: u32,
    forks: bool,
    /// What has happened, for the sake of knowing that the tests reach it.
    seen: BTreeSet<&'static str>,
}

impl Network {
    fn new(seed: u64) -> Network {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let endpoint = |place: usize| {
            let at = addr(PLACES[place]);
            Endpoint::new(Settings { udp: at, tcp: None, ..settings() }, [place as u8 + 1; 32])
        };
        let (loss, forks) = (rng.next_u32() % 40, rng.next_u32() % 2 == 0);
        let mut network = Network {
            seed,
            rng,
            now: Time::ZERO,
            order: 0,
            queue: BTreeMap::new(),
            endpoints: (0..PLACES.len()).map(endpoint).collect(),
            legs: vec![BTreeMap::new(); PLACES.len()],
            loss,
            forks,
            seen: BTreeSet::new(),
        };
        for _ in 0..CALLS {
            network.within(10_000, Happening::Act(CALLING, Act::Invite));
        }
        network
    }

    /// Something happens within so many milliseconds.
    fn within(&mut self, millis: u32, what: Happening) {
        self.order += 1;
        let delay = Duration::from_micros(u64::from(self.rng.next_u32() % (millis * 1_000)));
        self.queue.insert((self.now + delay, self.order), what);
    }

    fn act(&mut self, who: usize, millis: u32, act: Act) {
        self.within(millis, Happening::Act(who, act));
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.rng.next_u32().is_multiple_of(n)
    }

    fn play(&mut self) {
        for _ in 0..200_000 {
            let due = self.endpoints.iter().enumerate().filter_map(|(who, it)| Some((it.next_deadline()?, who))).min();
            let next = self.queue.first_key_value().map(|(&(at, _), _)| at);
            match (due, next) {
                (None, None) => return self.check_the_end(),
                (Some((at, who)), next) if next.is_none_or(|next| at <= next) => {
                    assert!(at >= self.now, "seed {}: time runs back", self.seed);
                    self.now = at;
                    self.with(who, |endpoint, now, out| endpoint.expire(now, out));
                    let next = self.endpoints[who].next_deadline();
                    assert!(next.is_none_or(|next| next > at), "seed {}: a deadline stays due", self.seed);
                }
                _ => {
                    let Some(((at, _), happening)) = self.queue.pop_first() else { return };
                    self.now = at;
                    self.happens(happening);
                }
            }
        }
        panic!("seed {}: it never ends", self.seed);
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Packet { from, to, bytes } => {
                self.with(to, |endpoint, now, out| {
                    let flow = udp(&from.to_string());
                    if endpoint.arrives(flow, &bytes, Load::default(), now, out) != Arrival::TurnedAway {
                        endpoint.receive(flow, &bytes, now, now, out);
                    }
                });
            }
            Happening::Act(_, Act::Invite) => self.invites(),
            Happening::Act(who, act) => self.acts(who, act),
        }
    }

    fn invites(&mut self) {
        let caller = CallerIdentity {
            user: "0612345678".to_owned(),
            display: Some("A \"B\"".to_owned()),
            called: None,
            max_forwards: None,
        };
        let (target, body) = (Target::Uri(format!("sip:100@{}", PLACES[1])), Bytes::from_static(b"v=0\r\n"));
        let mut out = Output::default();
        let invited = self.endpoints[CALLING].invite(&target, &caller, body, self.now, &mut out);
        let dialog = invited.expect("room for every call");
        self.legs[CALLING].insert(dialog, Leg::Early);
        // Nobody lets it ring for ever.
        let patience = if self.one_in(3) { 1_500 } else { 40_000 };
        self.act(CALLING, patience, Act::Cancel(dialog));
        self.carry(CALLING, out);
    }

    fn acts(&mut self, who: usize, act: Act) {
        let body = Bytes::from_static(b"v=0\r\n");
        let refusal = Refusal { status: 486, retry_after: None, warning: None };
        match act {
            Act::Invite => {}
            Act::Cancel(dialog) => {
                if self.legs[who].get(&dialog) == Some(&Leg::Early) {
                    self.legs[who].insert(dialog, Leg::TakenBack);
                    self.with(who, |endpoint, now, out| endpoint.cancel(dialog, now, out));
                }
            }
            Act::Ring(dialog) => self.with(who, |endpoint, now, out| endpoint.ring(dialog, 180, None, now, out)),
            Act::Accept(dialog) => {
                if self.legs[who].get(&dialog) == Some(&Leg::Early) {
                    self.legs[who].insert(dialog, Leg::Talking);
                    self.act(who, 60_000, Act::HangUp(dialog));
                }
                self.with(who, |endpoint, now, out| endpoint.accept(dialog, body, now, out));
            }
            Act::Refuse(dialog) => {
                if self.legs[who].get(&dialog) == Some(&Leg::Early) {
                    self.legs[who].insert(dialog, Leg::Over);
                    self.with(who, |endpoint, now, out| endpoint.refuse(dialog, &refusal, now, out));
                }
            }
            Act::HangUp(dialog) => {
                if self.legs[who].get(&dialog) == Some(&Leg::Talking) {
                    self.legs[who].insert(dialog, Leg::Over);
                }
                self.with(who, |endpoint, now, out| endpoint.hang_up(dialog, now, out));
            }
        }
    }

    fn with(&mut self, who: usize, step: impl FnOnce(&mut Endpoint, Time, &mut Output)) {
        let mut out = Output::default();
        step(&mut self.endpoints[who], self.now, &mut out);
        self.carry(who, out);
    }

    fn carry(&mut self, who: usize, out: Output) {
        for transmit in out.transmits {
            self.send(who, &transmit);
        }
        for (_, event) in out.events {
            self.told(who, event);
        }
    }

    fn send(&mut self, who: usize, transmit: &Transmit) {
        let from = addr(PLACES[who]);
        let bytes = &transmit.bytes;
        let Some(to) = PLACES.iter().position(|place| addr(place) == transmit.flow.remote) else {
            panic!("seed {}: sent to nobody: {transmit:?}", self.seed);
        };
        // The proxy at the second place hands what has no dialog yet to both phones.
        let forked = self.forks && who == CALLING && to == 1 && !goes_within(bytes);
        for to in if forked { vec![1, 2] } else { vec![to] } {
            for _ in 0..if self.one_in(10) { 2 } else { 1 } {
                if self.rng.next_u32() % 100 >= self.loss {
                    let delay = if self.one_in(10) { 3_000 } else { 50 };
                    self.within(delay, Happening::Packet { from, to, bytes: bytes.clone() });
                }
            }
        }
        if who == CALLING && bytes.starts_with(b"ACK") && goes_within(bytes) && self.one_in(3) {
            let bytes = reinvite(bytes, self.rng.next_u32());
            self.within(10_000, Happening::Packet { from, to, bytes });
        }
    }

    fn told(&mut self, who: usize, event: Event) {
        let (dialog, next, what) = match event {
            Event::Turned(Turned::Garbage) => panic!("seed {}: we cannot read ourselves", self.seed),
            Event::Turned(_)
            | Event::Registered { .. }
            | Event::Unregistered { .. }
            | Event::Referred { .. }
            | Event::Redirected { .. }
            | Event::Explained { .. }
            | Event::KeyPressed { .. } => {
                return;
            }
            Event::Invited { dialog, .. } => {
                assert_eq!(self.legs[who].insert(dialog, Leg::Early), None, "seed {}: told twice", self.seed);
                return self.answers(who, dialog);
            }
            Event::Progressed { dialog, .. } => (dialog, Leg::Early, "progress"),
            Event::Accepted { dialog, .. } => {
                self.act(who, 60_000, Act::HangUp(dialog));
                (dialog, Leg::Talking, "accepted")
            }
            Event::Confirmed { dialog, .. } => (dialog, Leg::Talking, "confirmed"),
            Event::ChangeOffered { dialog, .. } => {
                let body = self.one_in(2).then(|| Bytes::from_static(b"v=0\r\n"));
                let refusal = Refusal { status: 488, retry_after: None, warning: None };
                match body {
                    Some(_) => self.with(who, |it, now, out| it.accept_change(dialog, body, now, out)),
                    None => self.with(who, |it, now, out| it.refuse_change(dialog, &refusal, now, out)),
                }
                (dialog, Leg::Talking, "change")
            }
            Event::Cancelled { dialog } => (dialog, Leg::Over, "cancelled"),
            Event::Unconfirmed { dialog } => (dialog, Leg::Over, "unconfirmed"),
            Event::HungUp { dialog, lost: false } => (dialog, Leg::Over, "hung up"),
            Event::HungUp { dialog, lost: true } => (dialog, Leg::Over, "lost"),
            Event::Refused { dialog, cause: RefusedBy::Status(200) } => (dialog, Leg::Over, "200 crossed the cancel"),
            Event::Refused { dialog, cause: RefusedBy::Status(_) } => (dialog, Leg::Over, "refused"),
            Event::Refused { dialog, cause: RefusedBy::Timeout } => (dialog, Leg::Over, "timeout"),
            Event::Refused { cause: RefusedBy::Transport, .. } => panic!("seed {}: nothing broke", self.seed),
        };
        let leg = self.legs[who].insert(dialog, next);
        let lawful = match next {
            Leg::Early => leg == Some(Leg::Early),
            Leg::Talking => matches!(leg, Some(Leg::Early | Leg::Talking)),
            Leg::TakenBack => false,
            Leg::Over => matches!(leg, Some(Leg::Early | Leg::TakenBack | Leg::Talking)),
        };
        assert!(lawful, "seed {}: {what} of {dialog:?} at {who}, which was {leg:?}", self.seed);
        self.seen.insert(what);
    }

    /// The owner of a called endpoint makes up its mind.
    fn answers(&mut self, who: usize, dialog: DialogId) {
        if self.one_in(2) {
            self.act(who, 1_000, Act::Ring(dialog));
        }
        match self.rng.next_u32() % 8 {
            0 => self.act(who, 5_000, Act::Refuse(dialog)),
            1 => self.act(who, 120_000, Act::HangUp(dialog)),
            _ => self.act(who, 4_000, Act::Accept(dialog)),
        }
        // A caller whose CANCEL was lost for good must not ring for ever.
        self.act(who, 1_000_000, Act::HangUp(dialog));
    }

    fn check_the_end(&self) {
        for (who, endpoint) in self.endpoints.iter().enumerate() {
            let tables = endpoint.tables();
            let left = (tables.transactions, tables.dialogs, tables.timers);
            assert_eq!(left, (0, 0, 0), "seed {}: something stays at {who}", self.seed);
        }
        for (dialog, leg) in &self.legs[CALLING] {
            assert_eq!(*leg, Leg::Over, "seed {}: {dialog:?} never ended", self.seed);
        }
    }
}

/// Whether the To of a message has a tag and it is no ACK to a refusal: such go to where they are addressed.
fn goes_within(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let tagged = text.lines().any(|line| line.starts_with("To: ") && line.contains(";tag="));
    let to_the_proxy = text.starts_with("ACK sip:100@");
    tagged && !to_the_proxy
}

/// A re-INVITE that the caller's endpoint would never send: made of its ACK.
fn reinvite(ack: &[u8], branch: u32) -> Bytes {
    let text = String::from_utf8_lossy(ack).replacen("ACK", "INVITE", 1).replacen("CSeq: 1 ACK", "CSeq: 2 INVITE", 1);
    let (head, _) = text.split_once("Content-Length").expect("we write one");
    let head = head.replacen("branch=z9hG4bK", &format!("branch=z9hG4bK-re-{branch}-"), 1);
    let contact = format!("Contact: <sip:moved@{}>", PLACES[CALLING]);
    let body = "v=0\r\n";
    Bytes::from(format!(
        "{head}{contact}\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

#[test]
fn every_leg_ends_once_and_nothing_stays() {
    let networks = std::env::var("CENTRALINO_NETWORKS").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let mut seen = BTreeSet::new();
    for seed in 0..networks {
        let mut network = Network::new(seed);
        network.play();
        seen.append(&mut network.seen);
    }
    let expected = [
        "200 crossed the cancel",
        "accepted",
        "cancelled",
        "change",
        "confirmed",
        "hung up",
        "lost",
        "progress",
        "refused",
        "timeout",
        "unconfirmed",
    ];
    assert_eq!(seen, BTreeSet::from(expected), "the networks are lively enough");
}
