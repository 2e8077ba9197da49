//! Keys that reached us outside the sound, passed on as telephone-events (RFC 4733).

use super::MediaEngine;
use super::leg::Leg;
use crate::ids::{Key, LegId};
use crate::media::api::Output;
use crate::media::packets::Header;
use crate::time::{Duration, Time};

/// A packet every 20 ms: five while the key is held, three that say it was let go (RFC 4733 2.5.1.4).
const STEP_MS: u16 = 20;
const STEP: Duration = Duration::from_millis(STEP_MS as u64);
const HELD: u16 = 5;
const ENDS: u16 = 3;
/// How loud, below 0 dBm0: as most phones say.
const VOLUME: u8 = 10;
const END: u8 = 0x80;
/// Keys that wait for the one before.
const MOST_WAITING: usize = 16;

/// What is being pressed on a leg of ours, and what comes after it.
#[derive(Debug, Default)]
pub(super) struct Pressing {
    codes: std::collections::VecDeque<u8>,
    timestamp: Option<u32>,
    step: u16,
}

impl MediaEngine {
    /// Whom the leg talks with is to hear a key.
    pub(super) fn pass_key(&mut self, leg: LegId, key: Key, now: Time) {
        // Who agreed to events has sent one of them too.
        let source = self.keys.get(&leg).copied();
        let Some(source) = source.filter(|&key| self.legs.get(key).is_some_and(|leg| !has_events(leg))) else { return };
        self.pass_key_from(source, key, now);
    }

    /// As [`MediaEngine::pass_key`], however the key came.
    pub(super) fn pass_key_from(&mut self, source: usize, key: Key, now: Time) {
        let Some(leg) = self.legs.get(source) else { return };
        match leg.conference {
            Some(conference) => {
                self.others_in(conference, source).into_iter().for_each(|other| self.press_on(other, key, now));
            }
            None => leg.partner.into_iter().for_each(|partner| self.press_on(partner, key, now)),
        }
    }

    /// Nothing where events were not agreed to, or too many wait.
    fn press_on(&mut self, key_of_leg: usize, key: Key, now: Time) {
        let Some(leg) = self.legs.get_mut(key_of_leg).filter(|leg| has_events(leg)) else { return };
        let pressing = leg.pressing.get_or_insert_with(Box::default);
        if pressing.codes.len() < MOST_WAITING {
            pressing.codes.push_back(key.event());
            if self.presses.get(key_of_leg).is_none() {
                self.presses.set(key_of_leg, now);
            }
        }
    }

    /// The next packet of the key that is pressed.
    pub(super) fn press(&mut self, key: usize, now: Time, out: &mut Output) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let agreed = leg.destination().and_then(|(to, stream)| Some((to, stream.telephone_event?, stream.events_at)));
        let (Some(pressing), Some((to, payload_type, events_at))) = (&mut leg.pressing, agreed) else {
            leg.pressing = None;
            return;
        };
        let Some(&code) = pressing.codes.front() else {
            leg.pressing = None;
            return;
        };
        let timestamp = *pressing.timestamp.get_or_insert_with(|| leg.outgoing.timestamp(now));
        let (marker, has_ended) = (pressing.step == 0, pressing.step >= HELD);
        let millis = u32::from(STEP_MS * (pressing.step + 1).min(HELD));
        let duration = u16::try_from(millis * (events_at / 1_000)).unwrap_or(u16::MAX);
        pressing.step += 1;
        if pressing.step == HELD + ENDS {
            pressing.codes.pop_front();
            (pressing.timestamp, pressing.step) = (None, 0);
        }
        let sequence = leg.outgoing.beside(timestamp).sequence;
        let header = Header { payload_type, marker, sequence, timestamp, ssrc: leg.outgoing.ssrc };
        let [high, low] = duration.to_be_bytes();
        let payload = [code, if has_ended { END } else { 0 } | VOLUME, high, low];
        leg.send(to, header, out, |bytes| bytes.extend_from_slice(&payload));
        self.presses.set(key, now + STEP);
    }
}

fn has_events(leg: &Leg) -> bool {
    leg.stream.as_ref().is_some_and(|stream| stream.telephone_event.is_some())
}
