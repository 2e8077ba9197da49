//! What of a joined pair is recorded: every packet of sound, as it came. The recording is the caller's: it outlives the
//! agents, each of whom goes on in it, and ends with the caller's leg.

use super::MediaEngine;
use super::leg::Leg;
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

impl Recording {
    /// The caller's stays when the two part.
    pub(super) fn is_callers(&self) -> bool {
        self.party == Party::Caller
    }
}

impl MediaEngine {
    /// Both sides from now on; nothing if they are not joined with each other.
    pub(super) fn record(&mut self, caller: LegId, agent: LegId, call: CallId, now: Time, out: &mut Output) {
        let (Some(&caller), Some(&agent)) = (self.keys.get(&caller), self.keys.get(&agent)) else { return };
        if self.legs.get(caller).and_then(|leg| leg.partner) != Some(agent) {
            return;
        }
        if self.legs.get(caller).is_some_and(|leg| leg.recording.is_none()) {
            out.recorded.push(Recorded::Began { call, at: now });
        }
        for (key, party) in [(caller, Party::Caller), (agent, Party::Agent)] {
            if let Some(leg) = self.legs.get_mut(key) {
                leg.recording = Some(Recording { call, party, is_paused: false });
            }
        }
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

    /// Sound of a leg that is recorded; nobody is while they hear music on hold, or nobody at all.
    pub(super) fn keep_sound(&mut self, key: usize, codec: Codec, sound: &[u8], at: Time, out: &mut Output) {
        let Some(leg) = self.legs.get(key) else { return };
        if let Some(Recording { call, party, is_paused: false }) = leg.recording
            && leg.partner.is_some()
            && leg.playing.is_none()
            // In a conference the agent's side is all that the caller hears.
            && (leg.conference.is_none() || party == Party::Caller)
        {
            out.recorded.push(Recorded::Sound { call, party, at, codec, sound: sound.to_vec() });
        }
    }

    /// What the caller of a conference hears.
    pub(super) fn keep_heard(leg: &Leg, codec: Codec, sound: &[u8], at: Time, out: &mut Output) {
        if let Some(Recording { call, party: Party::Caller, is_paused: false }) = leg.recording {
            let (party, sound) = (Party::Agent, sound.to_vec());
            out.recorded.push(Recorded::Sound { call, party, at, codec, sound });
        }
    }

    /// Nothing more is recorded of a caller.
    pub(super) fn end_recording(&mut self, key: usize, now: Time, out: &mut Output) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if let Some(Recording { call, .. }) = leg.recording.take_if(|recording| recording.is_callers()) {
            out.recorded.push(Recorded::Ended { call, at: now });
        }
    }
}
