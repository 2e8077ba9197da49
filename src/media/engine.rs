//! Every leg's RTP: commands, packets and time in; packets, events and facts out.
//!
//! It opens no socket and reads no clock. A leg sends what it plays (`playing`), else what its partner says (`relay`), or
//! what all others of its conference say (`conference`).

mod announcing;
mod conference;
mod control;
mod latch;
mod lateness;
mod leg;
mod outgoing;
mod packaged;
mod playing;
mod pressing;
mod recording;
mod relay;
mod repacket;
mod silence;
mod wheel;

use super::Settings;
use super::api::{Command, Event, Output, Stream};
use super::clip::Clip;
use crate::facts::{Fact, Record, Turned};
use crate::ids::{ByLeg, ClipId, LegId};
use crate::time::{Deadlines, Duration, Time};
use conference::Conference;
use lateness::Lateness;
use leg::{Leg, Playing};
use outgoing::Outgoing;
use packaged::Packaged;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use slab::Slab;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use wheel::{Due, Wheel};

/// The media engine.
#[derive(Debug)]
pub struct MediaEngine {
    clips: Vec<Arc<Clip>>,
    /// The same for legs that speak Opus.
    packaged: Packaged,
    /// Our own address and RTP ports.
    ours: (IpAddr, RangeInclusive<u16>),
    silent_after: Option<Duration>,
    legs: Slab<Leg>,
    conferences: Slab<Conference>,
    turns: Deadlines<usize>,
    keys: ByLeg<usize>,
    wheel: Wheel,
    due: Vec<Due>,
    /// A packet decrypted; used again and again.
    opened: Vec<u8>,
    silence: Deadlines<usize>,
    presses: Deadlines<usize>,
    reports: Deadlines<usize>,
    report_every: Option<Duration>,
    inband_keys: bool,
    lateness: Lateness,
    randomness: ChaCha12Rng,
}

impl MediaEngine {
    /// An engine that plays these clips, by `ClipId`. SSRCs and first numbers come from the seed.
    pub fn new(settings: Settings, clips: Vec<impl Into<Arc<Clip>>>, seed: [u8; 32]) -> MediaEngine {
        MediaEngine {
            clips: clips.into_iter().map(Into::into).collect(),
            packaged: Packaged::default(),
            ours: (settings.address, settings.ports.0..=settings.ports.1),
            silent_after: settings.silent_after,
            legs: Slab::new(),
            conferences: Slab::new(),
            turns: Deadlines::default(),
            keys: ByLeg::default(),
            wheel: Wheel::new(),
            due: Vec::new(),
            opened: Vec::new(),
            silence: Deadlines::default(),
            presses: Deadlines::default(),
            reports: Deadlines::default(),
            report_every: settings.report_every,
            inband_keys: settings.inband_keys,
            lateness: Lateness::default(),
            randomness: ChaCha12Rng::from_seed(seed),
        }
    }

    /// Does what the engine thread asks for.
    pub fn command(&mut self, command: Command, now: Time, out: &mut Output) {
        self.expire(now, out);
        match command {
            Command::Open { leg, port: _ } => self.open(leg),
            Command::Direct { leg, stream } => self.direct(leg, stream, now),
            Command::Learn { clip, sound } => self.learn(clip, sound),
            Command::PlayOnce { leg, clip } => self.play_once(leg, clip, now, out),
            Command::PlayMusic { leg, clip } => {
                let playing = clip.map(|clip| Playing { clip, position: 0, once: false });
                self.play(leg, playing);
            }
            Command::PlayAll { leg, clips } => self.play_all(leg, clips, now, out),
            Command::Announce { leg, clips } => self.announce(leg, clips),
            Command::Hush { leg } => self.hush(leg),
            Command::Join { a, b } => self.join(a, b, now, out),
            Command::Confer { parties } => self.confer(&parties, now),
            Command::Disperse { leg } => {
                if let Some(&key) = self.keys.get(&leg) {
                    self.disperse(key);
                }
            }
            Command::Record { caller, agent, call } => self.record(caller, agent, call, now, out),
            Command::EndRecording { caller } => {
                if let Some(&key) = self.keys.get(&caller) {
                    self.end_recording(key, now, out);
                }
            }
            Command::PauseRecording { leg, is_paused } => self.pause_recording(leg, is_paused),
            Command::Reached { leg } => {
                if let Some((_, leg)) = self.leg_mut(leg) {
                    leg.is_reached = true;
                }
            }
            Command::Part { leg } => {
                if let Some(&key) = self.keys.get(&leg) {
                    self.part(key);
                }
            }
            Command::PassKey { leg, key } => self.pass_key(leg, key, now),
            Command::Measure { leg, call, party } => self.measure(leg, (call, party), now, out),
            Command::Close { leg } => self.close(leg, now, out),
        }
    }

    /// When `expire` has something to do, in constant time.
    pub fn next_deadline(&self) -> Option<Time> {
        let packet = self.wheel.next().map(Time::from_millis);
        let silence = self.silence.next().map(|(at, _)| at);
        let report = self.reports.next().map(|(at, _)| at);
        let press = self.presses.next().map(|(at, _)| at);
        let turn = self.turns.next().map(|(at, _)| at);
        [packet, silence, press, report, turn].into_iter().flatten().min()
    }

    /// Sends what is due. However late it is called, a leg sends one packet, then catches up at twice the pace, and goes
    /// on in its old rhythm: never a burst. What cannot be caught up with is a gap.
    pub fn expire(&mut self, now: Time, out: &mut Output) {
        let mut due = std::mem::take(&mut self.due);
        let now_tick = now.as_nanos() / 1_000_000;
        self.wheel.take_due(now_tick, &mut due);
        for entry in due.drain(..) {
            self.send_own(entry, now_tick, out);
        }
        self.due = due;
        if let Some(is_late) = self.lateness.judge(self.wheel.next().is_some(), now) {
            out.events.push((now, Event::SoundLate { is_late }));
        }
        while let Some((_, key)) = self.silence.pop_due(now) {
            self.judge_silence(key, now, out);
        }
        while let Some((_, key)) = self.presses.pop_due(now) {
            self.press(key, now, out);
        }
        while let Some((_, conference)) = self.turns.pop_due(now) {
            self.turn_due(conference, now, out);
        }
        while let Some((_, key)) = self.reports.pop_due(now) {
            self.report_due(key, now, out);
        }
    }

    /// How many legs are open.
    pub fn open_legs(&self) -> usize {
        self.legs.len()
    }

    fn learn(&mut self, id: ClipId, sound: Arc<Clip>) {
        // One that never came is silence no more than a wrong sound: it is this one until it comes.
        while self.clips.len() <= id.index() {
            self.clips.push(Arc::clone(&sound));
        }
        self.clips[id.index()] = sound;
        self.packaged.forget(id);
    }

    fn open(&mut self, id: LegId) {
        if self.keys.contains_key(&id) {
            debug_assert!(false, "{id:?} opened twice");
            return;
        }
        let [ssrc, sequence, timestamp, a, b, c] = std::array::from_fn(|_| self.randomness.next_u32());
        let key = self.legs.insert(Leg::new(id, Outgoing::new(ssrc, sequence as u16, timestamp), [a, b, c]));
        self.keys.insert(id, key);
    }

    fn direct(&mut self, id: LegId, stream: Stream, now: Time) {
        let inband_keys = self.inband_keys;
        let Some((key, leg)) = self.leg_mut(id) else { return };
        let listens = inband_keys && stream.telephone_event.is_none();
        leg.tones = leg.tones.take().filter(|_| listens).or_else(|| listens.then(Box::default));
        leg.direct(stream);
        // Time spent on hold is not silence.
        leg.heard_at = now;
        self.watch_silence(key, now);
        if self.reports.get(key).is_none() {
            self.schedule_report(key, 50, now);
        }
        self.start_pacing(key);
    }

    fn join(&mut self, a: LegId, b: LegId, now: Time, out: &mut Output) {
        let (Some(&key_a), Some(&key_b)) = (self.keys.get(&a), self.keys.get(&b)) else { return };
        if key_a == key_b {
            return;
        }
        for key in [key_a, key_b] {
            self.disperse(key);
            self.part(key);
        }
        for (key, partner) in [(key_a, key_b), (key_b, key_a)] {
            if let Some(leg) = self.legs.get_mut(key) {
                leg.play(None);
                leg.heard_at = now;
                leg.partner = Some(partner);
            }
        }
        self.watch_silence(key_a, now);
        self.watch_silence(key_b, now);
        out.events.push((now, Event::Joined { a, b }));
    }

    fn part(&mut self, key: usize) {
        let Some(partner) = self.legs.get_mut(key).and_then(|leg| leg.partner.take()) else { return };
        for key in [key, partner] {
            if let Some(leg) = self.legs.get_mut(key) {
                leg.partner = None;
                leg.recording.take_if(|recording| !recording.is_callers());
                leg.is_silent = false;
                leg.stop_relaying();
            }
        }
    }

    fn close(&mut self, id: LegId, now: Time, out: &mut Output) {
        let Some(key) = self.keys.remove(&id) else { return };
        self.report(key, true, now, out);
        self.presses.cancel(key);
        self.reports.cancel(key);
        self.end_recording(key, now, out);
        self.part(key);
        self.leave_conference(key);
        self.legs.try_remove(key);
        self.silence.cancel(key);
    }

    fn leg_mut(&mut self, id: LegId) -> Option<(usize, &mut Leg)> {
        let &key = self.keys.get(&id)?;
        Some((key, self.legs.get_mut(key)?))
    }
}

fn count(turned: Turned, at: Time, out: &mut Output) {
    out.facts.push(Record { at, fact: Fact::Turned(turned) });
}
