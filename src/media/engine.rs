//! Every leg's RTP: commands, packets and time in; packets, events and facts out.
//!
//! It opens no socket and reads no clock. A leg sends what it plays, else what its partner says. Nothing is mixed.

mod leg;
mod outgoing;
mod wheel;

use super::api::{Command, Event, Output, Stream};
use super::clip::Clip;
use super::packets::Header;
use super::{Settings, dtmf, g711};
use crate::facts::{Fact, Record, Turned};
use crate::ids::{ByLeg, ClipId, LegId};
use crate::time::{Deadlines, Duration, Time};
use leg::{Content, Leg, Playing};
use outgoing::{Outgoing, Source};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rtp_rs::RtpReader;
use slab::Slab;
use std::net::SocketAddr;
use wheel::{Due, Wheel};

/// Longest payload passed on: more than 60 ms of any G.711.
const MOST_PAYLOAD: usize = 1_024;
/// Samples of G.711 in a millisecond.
const SAMPLES_A_MILLI: u64 = 8;

/// The media engine.
#[derive(Debug)]
pub struct MediaEngine {
    clips: Vec<Clip>,
    silent_after: Option<Duration>,
    legs: Slab<Leg>,
    keys: ByLeg<usize>,
    wheel: Wheel,
    due: Vec<Due>,
    silence: Deadlines<usize>,
    randomness: ChaCha12Rng,
}

impl MediaEngine {
    /// An engine that plays these clips, by `ClipId`. SSRCs and first numbers come from the seed.
    pub fn new(settings: Settings, clips: Vec<Clip>, seed: [u8; 32]) -> MediaEngine {
        MediaEngine {
            clips,
            silent_after: settings.silent_after,
            legs: Slab::new(),
            keys: ByLeg::default(),
            wheel: Wheel::new(),
            due: Vec::new(),
            silence: Deadlines::default(),
            randomness: ChaCha12Rng::from_seed(seed),
        }
    }

    /// Does what the engine thread asks for.
    pub fn command(&mut self, command: Command, now: Time, out: &mut Output) {
        self.expire(now, out);
        match command {
            Command::Open { leg, port: _ } => self.open(leg),
            Command::Direct { leg, stream } => self.direct(leg, stream, now),
            Command::PlayOnce { leg, clip } => self.play_once(leg, clip, now, out),
            Command::PlayMusic { leg, clip } => {
                let playing = clip.map(|clip| Playing { clip, position: 0, once: false });
                self.play(leg, playing);
            }
            Command::Join { a, b } => self.join(a, b, now, out),
            Command::Part { leg } => {
                if let Some(&key) = self.keys.get(&leg) {
                    self.part(key);
                }
            }
            Command::Close { leg } => self.close(leg),
        }
    }

    /// A datagram came in on a leg's socket.
    pub fn packet(&mut self, leg: LegId, from: SocketAddr, bytes: &[u8], now: Time, out: &mut Output) {
        let Some(&key) = self.keys.get(&leg) else { return };
        let Some(leg) = self.legs.get_mut(key).filter(|leg| leg.stream.is_some()) else { return };
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        if !leg.admits(from) {
            return count(Turned::RtpStranger, now, out);
        }
        let rtp = match RtpReader::new(bytes) {
            Ok(rtp) if rtp.payload().len() <= MOST_PAYLOAD => rtp,
            _ => return count(Turned::RtpGarbage, now, out),
        };
        leg.heard_at = now;
        let was_silent = std::mem::take(&mut leg.is_silent);
        let content = leg.content(rtp.payload_type());
        if content == Content::TelephoneEvent {
            let (ssrc, timestamp, marker, payload) = (rtp.ssrc(), rtp.timestamp(), rtp.mark(), rtp.payload());
            match leg.keys.read(dtmf::Packet { ssrc, timestamp, marker, payload }, now) {
                Ok(Some(key)) => out.events.push((now, Event::KeyPressed { leg: leg.id, key })),
                Ok(None) => {}
                Err(_) => return count(Turned::RtpGarbage, now, out),
            }
        }
        if content != Content::Other {
            leg.latch(from);
            self.relay(key, content, &rtp, now, out);
        }
        if was_silent {
            self.watch_silence(key, now);
        }
    }

    /// When `expire` has something to do, in constant time.
    pub fn next_deadline(&self) -> Option<Time> {
        let packet = self.wheel.next().map(Time::from_millis);
        let silence = self.silence.next().map(|(at, _)| at);
        packet.into_iter().chain(silence).min()
    }

    /// Sends what is due. However late it is called, a leg sends one packet and goes on in its old rhythm: what was
    /// missed is a gap, never a burst.
    pub fn expire(&mut self, now: Time, out: &mut Output) {
        let mut due = std::mem::take(&mut self.due);
        let now_tick = now.as_nanos() / 1_000_000;
        self.wheel.take_due(now_tick, &mut due);
        for entry in due.drain(..) {
            self.send_own(entry, now_tick, out);
        }
        self.due = due;
        while let Some((_, key)) = self.silence.pop_due(now) {
            self.judge_silence(key, now, out);
        }
    }

    /// How many legs are open.
    pub fn open_legs(&self) -> usize {
        self.legs.len()
    }

    fn open(&mut self, id: LegId) {
        if self.keys.contains_key(&id) {
            debug_assert!(false, "{id:?} opened twice");
            return;
        }
        let random = [self.randomness.next_u32(), self.randomness.next_u32(), self.randomness.next_u32()];
        let [ssrc, sequence, timestamp] = random;
        let key = self.legs.insert(Leg::new(id, Outgoing::new(ssrc, sequence as u16, timestamp)));
        self.keys.insert(id, key);
    }

    fn direct(&mut self, id: LegId, stream: Stream, now: Time) {
        let Some((key, leg)) = self.leg_mut(id) else { return };
        leg.direct(stream);
        // Time spent on hold is not silence.
        leg.heard_at = now;
        self.watch_silence(key, now);
        self.start_pacing(key);
    }

    fn play_once(&mut self, id: LegId, clip: ClipId, now: Time, out: &mut Output) {
        if self.clips.get(clip.index()).is_some() {
            self.play(id, Some(Playing { clip, position: 0, once: true }));
        } else {
            debug_assert!(false, "{clip:?} does not exist");
            out.events.push((now, Event::ClipEnded { leg: id, clip }));
        }
    }

    fn play(&mut self, id: LegId, playing: Option<Playing>) {
        let Some((key, leg)) = self.leg_mut(id) else { return };
        leg.play(playing);
        self.start_pacing(key);
    }

    fn join(&mut self, a: LegId, b: LegId, now: Time, out: &mut Output) {
        let (Some(&key_a), Some(&key_b)) = (self.keys.get(&a), self.keys.get(&b)) else { return };
        if key_a == key_b {
            return;
        }
        self.part(key_a);
        self.part(key_b);
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
                leg.is_silent = false;
                leg.outgoing.stop_relaying();
            }
        }
    }

    fn close(&mut self, id: LegId) {
        let Some(key) = self.keys.remove(&id) else { return };
        self.part(key);
        self.legs.try_remove(key);
        self.silence.cancel(key);
    }

    fn leg_mut(&mut self, id: LegId) -> Option<(usize, &mut Leg)> {
        let &key = self.keys.get(&id)?;
        Some((key, self.legs.get_mut(key)?))
    }

    /// A clip begins once it is known where to; from then on its time runs, whether we may send or not, so that a
    /// caller who holds us does not stop the flow.
    fn start_pacing(&mut self, key: usize) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if leg.playing.is_some() && leg.stream.is_some() && leg.scheduled.is_none() {
            let tick = self.wheel.soon();
            leg.scheduled = Some(tick);
            self.wheel.insert(Due { key, tick });
        }
    }

    /// One packet of what a leg plays.
    fn send_own(&mut self, due: Due, now_tick: u64, out: &mut Output) {
        let Some(leg) = self.legs.get_mut(due.key).filter(|leg| leg.scheduled == Some(due.tick)) else { return };
        leg.scheduled = None;
        let (Some(stream), Some(mut playing)) = (&leg.stream, leg.playing) else { return };
        let Some(clip) = self.clips.get(playing.clip.index()) else { return };
        let length = clip.samples().len();
        if playing.once && playing.position >= length {
            leg.playing = None;
            let ended = Event::ClipEnded { leg: leg.id, clip: playing.clip };
            out.events.push((Time::from_millis(due.tick), ended));
            return;
        }
        let ptime = u64::from(stream.ptime_ms.clamp(10, 60));
        let missed = now_tick.saturating_sub(due.tick) / ptime;
        let at = Time::from_millis(due.tick + missed * ptime);
        let samples = ptime * SAMPLES_A_MILLI;
        if let Some((to, stream)) = leg.destination() {
            let (payload_type, codec) = (stream.payload_type, stream.codec);
            let marker = std::mem::take(&mut leg.starts_spurt) || missed > 0;
            let numbers = leg.outgoing.own(samples as u32, at);
            let (sequence, timestamp) = (numbers.sequence, numbers.timestamp);
            let header = Header { payload_type, marker, sequence, timestamp, ssrc: leg.outgoing.ssrc };
            let sound = clip.bytes(codec).get(playing.position..).unwrap_or_default().iter();
            let padding = std::iter::repeat_n(g711::encode(codec, 0), samples as usize);
            out.packets.push(leg.id, to, header, |bytes| {
                if playing.once {
                    bytes.extend(sound.copied().chain(padding).take(samples as usize));
                } else {
                    bytes.extend(sound.chain(clip.bytes(codec).iter().cycle()).copied().take(samples as usize));
                }
            });
        } else {
            leg.starts_spurt = true;
        }
        playing.position += samples as usize;
        if !playing.once {
            playing.position %= length;
        }
        leg.playing = Some(playing);
        let tick = due.tick + (missed + 1) * ptime;
        leg.scheduled = Some(tick);
        self.wheel.insert(Due { key: due.key, tick });
    }

    /// Passes a packet on to the partner, in the partner's stream, codec and payload types.
    fn relay(&mut self, key: usize, content: Content, rtp: &RtpReader<'_>, now: Time, out: &mut Output) {
        let Some(partner) = self.legs.get(key).filter(|leg| leg.should_talk()).and_then(|leg| leg.partner) else {
            return;
        };
        let Some(to_leg) = self.legs.get_mut(partner) else { return };
        let destination = to_leg.destination().filter(|_| to_leg.playing.is_none());
        let Some((to, stream)) = destination else {
            to_leg.outgoing.stop_relaying();
            return;
        };
        let payload = rtp.payload();
        let (payload_type, conversion, samples) = match content {
            Content::Sound(codec) => {
                (Some(stream.payload_type), g711::conversion(codec, stream.codec), u32::try_from(payload.len()).ok())
            }
            Content::TelephoneEvent => (stream.telephone_event, None, None),
            Content::Other => (None, None, None),
        };
        let sequence = rtp.sequence_number().into();
        let source = Source { ssrc: rtp.ssrc(), sequence, timestamp: rtp.timestamp(), samples };
        let Some(payload_type) = payload_type.filter(|_| !payload.is_empty()) else {
            return to_leg.outgoing.leave_out(source);
        };
        let Some(numbers) = to_leg.outgoing.relay(source, now) else { return };
        let marker = numbers.is_first || rtp.mark();
        let (sequence, timestamp) = (numbers.sequence, numbers.timestamp);
        let header = Header { payload_type, marker, sequence, timestamp, ssrc: to_leg.outgoing.ssrc };
        out.packets.push(to_leg.id, to, header, |bytes| match conversion {
            Some(table) => bytes.extend(payload.iter().map(|&byte| table[usize::from(byte)])),
            None => bytes.extend_from_slice(payload),
        });
    }

    /// Looks at the leg again when it will have been silent for too long; packets do not move the deadline.
    fn watch_silence(&mut self, key: usize, now: Time) {
        if let (Some(after), Some(leg)) = (self.silent_after, self.legs.get(key))
            && leg.should_talk()
            && self.silence.get(key).is_none()
        {
            self.silence.set(key, now + after);
        }
    }

    fn judge_silence(&mut self, key: usize, now: Time, out: &mut Output) {
        let (Some(after), Some(leg)) = (self.silent_after, self.legs.get_mut(key)) else { return };
        if !leg.should_talk() {
            return;
        }
        let silent_at = leg.heard_at + after;
        if silent_at > now {
            self.silence.set(key, silent_at);
        } else {
            leg.is_silent = true;
            out.events.push((now, Event::Silent { leg: leg.id }));
            count(Turned::RtpTimeout, now, out);
        }
    }
}

fn count(turned: Turned, at: Time, out: &mut Output) {
    out.facts.push(Record { at, fact: Fact::Turned(turned) });
}
