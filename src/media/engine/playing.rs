//! What a leg plays: clips and music, a packet when it is due.

use super::leg::Playing;
use super::packaged;
use super::wheel::Due;
use super::{MediaEngine, count};
use crate::facts::Turned;
use crate::ids::{ClipId, LegId};
use crate::media::api::{Codec, Event, Output};
use crate::media::packets::Header;
use crate::time::Time;

/// A stream that is later than so many milliseconds has a gap; one that is less late catches up.
pub(super) const MOST_CAUGHT_UP: u64 = 100;
/// Samples of a clip in a millisecond; so many bytes, too, in every codec but Opus.
const SAMPLES_A_MILLI: u64 = 8;

impl MediaEngine {
    pub(super) fn play_once(&mut self, id: LegId, clip: ClipId, now: Time, out: &mut Output) {
        if self.clips.get(clip.index()).is_some() {
            self.play(id, Some(Playing { clip, position: 0, once: true }));
        } else {
            debug_assert!(false, "{clip:?} does not exist");
            out.events.push((now, Event::ClipEnded { leg: id, clip }));
        }
    }

    pub(super) fn play(&mut self, id: LegId, playing: Option<Playing>) {
        let Some((key, leg)) = self.leg_mut(id) else { return };
        leg.play(playing);
        self.start_pacing(key);
    }

    /// A clip begins once it is known where to; from then on its time runs, whether we may send or not, so that a
    /// caller who holds us does not stop the flow.
    pub(super) fn start_pacing(&mut self, key: usize) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if leg.playing.is_some() && leg.stream.is_some() && leg.scheduled.is_none() {
            let tick = self.wheel.soon();
            leg.scheduled = Some(tick);
            leg.behind = 0;
            self.wheel.insert(Due { key, tick });
        }
    }

    /// One packet of what a leg plays.
    pub(super) fn send_own(&mut self, due: Due, now_tick: u64, out: &mut Output) {
        let Some(leg) = self.legs.get_mut(due.key).filter(|leg| leg.scheduled == Some(due.tick)) else { return };
        leg.scheduled = None;
        let agreed = leg.stream.as_ref().map(|stream| (u64::from(stream.packet_ms()), stream.codec));
        let (Some((ptime, codec)), Some(mut playing)) = (agreed, leg.playing) else { return };
        let Some(mut clip) = self.clips.get(playing.clip.index()) else { return };
        while playing.once && playing.position >= clip.samples().len() {
            let Some(next) = leg.after_announced() else {
                leg.playing = None;
                let ended = Event::ClipEnded { leg: leg.id, clip: playing.clip };
                out.events.push((Time::from_millis(due.tick), ended));
                return;
            };
            // Nothing follows where there was no music: the next packet of ours starts a spurt.
            leg.starts_spurt |= next.is_none();
            let Some(next) = next else { return };
            let Some(sound) = self.clips.get(next.clip.index()) else { return };
            (playing, clip) = (next, sound);
        }
        let meant = due.tick.saturating_sub(leg.behind);
        let late = now_tick.saturating_sub(meant);
        self.lateness.saw(late);
        // What is caught up with leaves no trace in the clock of the stream.
        let missed = if late < MOST_CAUGHT_UP { 0 } else { late / ptime };
        let at = Time::from_millis(meant + missed * ptime);
        let samples = ptime * SAMPLES_A_MILLI;
        let is_there = leg.is_there(at);
        if !is_there && !std::mem::replace(&mut leg.is_unheard, true) {
            count(Turned::RtpUnheard, at, out);
        }
        leg.is_unheard &= !is_there;
        if let Some((to, stream)) = leg.destination().filter(|_| is_there) {
            let payload_type = stream.payload_type;
            let marker = std::mem::take(&mut leg.starts_spurt) || missed > 0;
            let numbers = leg.outgoing.own(ptime as u32 * codec.ticks_a_milli(), at);
            let (sequence, timestamp) = (numbers.sequence, numbers.timestamp);
            let header = Header { payload_type, marker, sequence, timestamp, ssrc: leg.outgoing.ssrc };
            if let Some(silence) = codec.silence() {
                let sound = clip.bytes(codec);
                let again: &[u8] = if playing.once { &[] } else { sound };
                let rest = sound.get(playing.position..).unwrap_or_default();
                leg.send(to, header, out, |bytes| fill(bytes, rest, again, silence, samples as usize));
            } else {
                let number = playing.position / packaged::SAMPLES;
                let packet = self.packaged.packet(playing.clip, clip.samples(), number);
                leg.send(to, header, out, |bytes| bytes.extend_from_slice(packet));
            }
        } else {
            leg.starts_spurt = true;
        }
        playing.go_on(samples as usize, clip.samples().len(), codec);
        leg.playing = Some(playing);
        let next = meant + (missed + 1) * ptime;
        // Catching up is twice the pace, never a burst.
        let tick = next.max(now_tick + ptime / 2);
        leg.behind = tick - next;
        leg.scheduled = Some(tick);
        self.wheel.insert(Due { key: due.key, tick });
    }
}

impl Playing {
    /// By so many samples of a clip of this length, from whose end music goes on at its beginning.
    fn go_on(&mut self, samples: usize, length: usize, codec: Codec) {
        self.position += samples;
        if self.once {
            return;
        }
        if !codec.is_framed() {
            self.position %= length.max(1);
        } else if self.position / packaged::SAMPLES >= packaged::count(length, false) {
            self.position = 0;
        }
    }
}

/// Appends so much of what is left of a sound, then of the sound from its beginning, or silence where there is none.
fn fill(bytes: &mut Vec<u8>, rest: &[u8], again: &[u8], silence: u8, length: usize) {
    let end = bytes.len() + length;
    bytes.extend_from_slice(rest.get(..length).unwrap_or(rest));
    while bytes.len() < end && !again.is_empty() {
        let left = end - bytes.len();
        bytes.extend_from_slice(again.get(..left).unwrap_or(again));
    }
    bytes.resize(end, silence);
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn sound_begins_anew_or_ends_in_silence() {
        let filled = |rest: &[u8], again: &[u8]| {
            let mut bytes = vec![9];
            fill(&mut bytes, rest, again, 0, 5);
            bytes
        };
        assert_eq!(filled(&[1, 2, 3, 4, 5, 6], &[]), [9, 1, 2, 3, 4, 5]);
        assert_eq!(filled(&[1, 2], &[]), [9, 1, 2, 0, 0, 0]);
        assert_eq!(filled(&[2], &[1, 2]), [9, 2, 1, 2, 1, 2]);
        assert_eq!(filled(&[2], &[1, 2, 3, 4, 5, 6]), [9, 2, 1, 2, 3, 4]);
    }
}
