//! Conversations of more than two: what each leg says is put in order, mixed every 20 ms and sent to all others, in their
//! codecs and packet lengths. What is mixed for whom is in `media::mix`; who is in is the engine thread's to say.
//!
//! ```text
//!   packets ─► order (`repacket`) ─► samples, 20 ms kept back ─┐
//!   packets ─► …                                              ├─► mixer, every 20 ms ─► each leg's codec ─► packets
//!   packets ─► …                                              ┘
//! ```
//! Pairs that were joined before stay partners: when the conference is over they hear each other again.

use super::leg::Content;
use super::outgoing::Source;
use super::repacket::{Piece, Repacket};
use super::{MediaEngine, count};
use crate::facts::Turned;
use crate::ids::LegId;
use crate::media::api::{Codec, Output};
use crate::media::linear::{Hearing, Speaking};
use crate::media::mix::{Mixer, PartyId, Role, TURN};
use crate::media::packets::Header;
use crate::time::{Duration, Time};
use rtp_rs::RtpReader;
use std::collections::VecDeque;

const TURN_MS: u32 = 20;
const TURN_LENGTH: Duration = Duration::from_millis(TURN_MS as u64);
/// Turns that are late follow each other at twice the pace, never at once; what is later than this is a gap.
const CATCHING_UP: Duration = Duration::from_millis(10);
const MOST_CAUGHT_UP: Duration = Duration::from_millis(100);
/// More than 200 ms that wait to be heard are too late for a talk: somebody's clock is fast, or packets came in a heap.
const MOST_SAID: usize = 10 * TURN;
/// Samples in a millisecond.
const SAMPLES_A_MILLI: u32 = 8;

/// A conversation of several legs.
#[derive(Debug)]
pub(super) struct Conference {
    mixer: Mixer,
    seats: Vec<Seat>,
    /// When the next turn is meant to be.
    meant: Time,
}

/// One leg in it.
#[derive(Debug)]
struct Seat {
    key: usize,
    party: PartyId,
    /// Puts what it says in order.
    order: Option<Box<Repacket>>,
    hearing: Option<(Codec, Hearing)>,
    /// What it said and nobody has heard yet.
    said: VecDeque<i16>,
    /// The longest packet it sent.
    longest: usize,
    /// It begins to be heard once enough is there to go on without a gap.
    is_filling: bool,
    speaking: Option<(Codec, Speaking)>,
    /// What it is to hear, not a whole packet yet.
    bytes: Vec<u8>,
    /// It has heard nothing yet.
    is_first: bool,
}

impl Seat {
    fn new(key: usize, party: PartyId) -> Seat {
        Seat {
            key,
            party,
            order: None,
            hearing: None,
            said: VecDeque::with_capacity(MOST_SAID),
            longest: TURN,
            is_filling: true,
            speaking: None,
            bytes: Vec::new(),
            is_first: true,
        }
    }

    /// A packet of its sound; false when it came too late.
    fn hear(&mut self, codec: Codec, source: &Source, payload: &[u8]) -> bool {
        let going_on = self.order.take().filter(|order| order.goes_on(source, codec));
        let mut order = going_on.unwrap_or_else(|| Box::new(Repacket::new(source, codec)));
        let hearing = match &mut self.hearing {
            Some((known, hearing)) if *known == codec => hearing,
            other => &mut other.insert((codec, Hearing::new(codec))).1,
        };
        let said = &mut self.said;
        let taken = order.take(source, payload, |piece, _| match piece {
            Piece::Sound(sound) => hearing.hear(sound, said),
            Piece::Missing(ticks, next) => hearing.conceal(ticks, next, said),
        });
        self.order = Some(order);
        let samples = source.samples.unwrap_or(0) * SAMPLES_A_MILLI / codec.ticks_a_milli();
        self.longest = (samples as usize).clamp(TURN, MOST_SAID / 2);
        if self.said.len() > MOST_SAID {
            let too_much = self.said.len() - self.longest - TURN;
            self.said.drain(..too_much);
        }
        taken.is_ok()
    }

    /// Adds what it says in this turn; what has not come is silence.
    fn speak(&mut self, turn: &mut [i16; TURN]) {
        if self.said.len() >= self.longest + TURN {
            self.is_filling = false;
        }
        if self.is_filling {
            return;
        }
        self.is_filling = self.said.len() < TURN;
        let count = self.said.len().min(TURN);
        for (sample, said) in turn.iter_mut().zip(self.said.drain(..count)) {
            *sample = sample.saturating_add(said);
        }
    }
}

impl MediaEngine {
    /// Legs that are in another conference leave that one; those that do not exist any more are left out.
    pub(super) fn confer(&mut self, parties: &[Vec<LegId>], now: Time) {
        let keys = parties.iter().map(|legs| legs.iter().filter_map(|leg| self.keys.get(leg).copied()).collect());
        let keys: Vec<Vec<usize>> = keys.collect();
        keys.iter().flatten().for_each(|&key| self.disperse(key));
        let (mut mixer, mut seats) = (Mixer::new(), Vec::new());
        for legs in &keys {
            let Ok(party) = mixer.add(Role::Talker) else {
                debug_assert!(false, "more parties than a conversation may have");
                break;
            };
            seats.extend(legs.iter().map(|&key| Seat::new(key, party)));
        }
        let here: Vec<usize> = seats.iter().map(|seat| seat.key).collect();
        // Whole milliseconds: the thread is awake then anyway.
        let meant = Time::from_millis(now.as_nanos() / 1_000_000);
        let conference = self.conferences.insert(Conference { mixer, seats, meant });
        for key in here {
            if let Some(leg) = self.legs.get_mut(key) {
                leg.stop_relaying();
                leg.heard_at = now;
                leg.conference = Some(conference);
            }
            self.watch_silence(key, now);
        }
        self.turns.set(conference, meant + TURN_LENGTH);
    }

    /// The conference that the leg is in, if any, is over.
    pub(super) fn disperse(&mut self, key: usize) {
        let Some(conference) = self.legs.get(key).and_then(|leg| leg.conference) else { return };
        self.turns.cancel(conference);
        let Some(conference) = self.conferences.try_remove(conference) else { return };
        for seat in &conference.seats {
            if let Some(leg) = self.legs.get_mut(seat.key) {
                leg.conference = None;
                leg.stop_relaying();
            }
        }
    }

    /// A leg is closed: the others go on, the last two of them as a pair.
    pub(super) fn leave_conference(&mut self, key: usize) {
        let Some(id) = self.legs.get_mut(key).and_then(|leg| leg.conference.take()) else { return };
        let Some(conference) = self.conferences.get_mut(id) else { return };
        conference.seats.retain(|seat| seat.key != key);
        if let &[Seat { key: a, party: first, .. }, Seat { key: b, party: second, .. }] = conference.seats.as_slice() {
            self.disperse(a);
            if first != second && self.legs.get(a).and_then(|leg| leg.partner) != Some(b) {
                self.part(a);
                self.part(b);
                for (key, partner) in [(a, b), (b, a)] {
                    if let Some(leg) = self.legs.get_mut(key) {
                        leg.partner = Some(partner);
                    }
                }
            }
        }
    }

    /// A packet of a leg in a conference.
    pub(super) fn hear_in_conference(
        &mut self,
        (conference, key): (usize, usize),
        content: Content,
        rtp: &RtpReader<'_>,
        now: Time,
        out: &mut Output,
    ) {
        let (Content::Sound(codec), payload) = (content, rtp.payload()) else { return };
        if payload.is_empty() || !self.legs.get(key).is_some_and(|leg| leg.should_talk()) {
            return;
        }
        let samples = codec.ticks(payload);
        let sequence = rtp.sequence_number().into();
        let source = Source { ssrc: rtp.ssrc(), sequence, timestamp: rtp.timestamp(), samples };
        let seats = self.conferences.get_mut(conference).map(|conference| &mut conference.seats);
        let seat = seats.and_then(|seats| seats.iter_mut().find(|seat| seat.key == key));
        if seat.is_some_and(|seat| !seat.hear(codec, &source, payload)) {
            count(Turned::RtpLate, now, out);
        }
    }

    /// Legs of the other parties.
    pub(super) fn others_in(&self, conference: usize, key: usize) -> Vec<usize> {
        let Some(Conference { seats, .. }) = self.conferences.get(conference) else { return Vec::new() };
        let own = seats.iter().find(|seat| seat.key == key).map(|seat| seat.party);
        seats.iter().filter(|seat| Some(seat.party) != own).map(|seat| seat.key).collect()
    }

    /// 20 ms of a conference.
    pub(super) fn turn_due(&mut self, id: usize, now: Time, out: &mut Output) {
        let Some(conference) = self.conferences.get_mut(id) else { return };
        let Conference { mixer, seats, meant } = conference;
        let next = *meant + TURN_LENGTH;
        let now = Time::from_millis(now.as_nanos() / 1_000_000);
        *meant = if now.since(next) > MOST_CAUGHT_UP { now } else { next };
        let at = *meant;
        let mut spoken: Vec<(PartyId, [i16; TURN])> = Vec::with_capacity(seats.len());
        for seat in seats.iter_mut() {
            match spoken.iter_mut().find(|(party, _)| *party == seat.party) {
                Some((_, turn)) => seat.speak(turn),
                None => {
                    let mut turn = [0; TURN];
                    seat.speak(&mut turn);
                    spoken.push((seat.party, turn));
                }
            }
        }
        for (party, turn) in &spoken {
            let said = mixer.say(*party, turn);
            debug_assert!(said.is_ok(), "everybody here is a talker");
        }
        let legs = &mut self.legs;
        mixer.turn(|party, samples| {
            for seat in seats.iter_mut().filter(|seat| seat.party == party) {
                if let Some(leg) = legs.get_mut(seat.key) {
                    seat.hand_on(leg, samples, at, out);
                }
            }
        });
        self.turns.set(id, (at + TURN_LENGTH).max(now + CATCHING_UP));
    }
}

impl Seat {
    /// What the leg hears leaves as soon as there is a whole packet of it; while it plays something, that goes first.
    fn hand_on(&mut self, leg: &mut super::leg::Leg, samples: &[i16; TURN], at: Time, out: &mut Output) {
        let Some(stream) = &leg.stream else { return };
        let (codec, payload_type) = (stream.codec, stream.payload_type);
        let millis = stream.packet_ms().max(TURN_MS);
        let speaking = match &mut self.speaking {
            Some((known, speaking)) if *known == codec => speaking,
            other => &mut other.insert((codec, Speaking::new(codec))).1,
        };
        let from = self.bytes.len();
        speaking.speak(samples, &mut self.bytes);
        if !codec.is_framed() {
            MediaEngine::keep_heard(leg, codec, self.bytes.get(from..).unwrap_or_default(), at, out);
        }
        let wanted = (millis * speaking.bytes_a_milli()) as usize;
        let to = leg.destination().map(|(to, _)| to).filter(|_| leg.playing.is_none());
        while self.bytes.len() >= wanted {
            let Some(to) = to else {
                self.bytes.clear();
                break;
            };
            let marker = std::mem::take(&mut self.is_first);
            let numbers = leg.outgoing.own(millis * leg.outgoing.ticks(), at);
            let (sequence, timestamp) = (numbers.sequence, numbers.timestamp);
            let header = Header { payload_type, marker, sequence, timestamp, ssrc: leg.outgoing.ssrc };
            leg.converted += 1;
            let mut payload = Vec::new();
            speaking.pack(self.bytes.drain(..wanted), &mut payload);
            if codec.is_framed() {
                MediaEngine::keep_heard(leg, codec, &payload, at, out);
            }
            leg.send(to, header, out, |bytes| bytes.extend_from_slice(&payload));
        }
    }
}
