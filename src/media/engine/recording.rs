//! What of a joined pair is recorded: every packet of sound, as it came.

use super::MediaEngine;
use crate::facts::Party;
use crate::ids::{CallId, LegId};
use crate::media::api::{Codec, Output, Recorded};
use crate::time::Time;

/// A leg whose sound is recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recording {
    call: CallId,
    party: Party,
    is_paused: bool,
}

impl MediaEngine {
    /// Both sides from now on; nothing if they are not joined with each other.
    pub(super) fn record(&mut self, caller: LegId, agent: LegId, call: CallId, now: Time, out: &mut Output) {
        let (Some(&caller), Some(&agent)) = (self.keys.get(&caller), self.keys.get(&agent)) else { return };
        if self.legs.get(caller).and_then(|leg| leg.partner) != Some(agent) {
            return;
        }
        for (key, party) in [(caller, Party::Caller), (agent, Party::Agent)] {
            if let Some(leg) = self.legs.get_mut(key) {
                leg.recording = Some(Recording { call, party, is_paused: false });
            }
        }
        out.recorded.push(Recorded::Began { call, at: now });
    }

    pub(super) fn pause_recording(&mut self, leg: LegId, is_paused: bool) {
        let Some(&key) = self.keys.get(&leg) else { return };
        let partner = self.legs.get(key).and_then(|leg| leg.partner);
        for key in [Some(key), partner].into_iter().flatten() {
            if let Some(recording) = self.legs.get_mut(key).and_then(|leg| leg.recording.as_mut()) {
                recording.is_paused = is_paused;
            }
        }
    }

    /// Sound of a leg that is recorded; nobody is while they hear music on hold.
    pub(super) fn keep_sound(&mut self, key: usize, codec: Codec, sound: &[u8], at: Time, out: &mut Output) {
        let Some(leg) = self.legs.get(key).filter(|leg| leg.playing.is_none()) else { return };
        if let Some(Recording { call, party, is_paused: false }) = leg.recording {
            out.recorded.push(Recorded::Sound { call, party, at, codec, sound: sound.to_vec() });
        }
    }

    /// The pair parts: that was all.
    pub(super) fn end_recording(&mut self, key: usize, now: Time, out: &mut Output) {
        let partner = self.legs.get(key).and_then(|leg| leg.partner);
        let mut ended = None;
        for key in [Some(key), partner].into_iter().flatten() {
            let recording = self.legs.get_mut(key).and_then(|leg| leg.recording.take());
            ended = ended.or(recording);
        }
        if let Some(Recording { call, .. }) = ended {
            out.recorded.push(Recorded::Ended { call, at: now });
        }
    }
}
