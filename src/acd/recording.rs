//! Recorded talks: only after the notice was heard to its end, and paused by a key of the agent's or by its desktop.
//!
//! ```text
//!   200 ─► notice ─heard to its end─► told ─joined─► recorded ⇄ left out: paused, on hold, asking a colleague
//!             └ its end was never told: the talk is not recorded
//! ```
//! A recording follows the caller: a colleague who takes the caller over goes on in it, unpaused. It ends with the call,
//! or when the caller waits once more: whoever answers then has the caller told again.

use super::agent::Activity;
use super::call::{Call, CallState};
use super::{Acd, Command, Outbox};
use crate::ids::{AgentId, CallId, Key, OfferId};

/// What is kept of a call whose caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    /// With whom the caller talks.
    with: OfferId,
    /// By the agent.
    is_paused: bool,
    has_begun: bool,
}

impl Acd {
    /// The caller has heard the notice of this offer to its end.
    pub(super) fn noticed(&mut self, id: OfferId) {
        if let Some(call) = self.offers.get(&id).map(|offer| offer.call) {
            self.recordings.insert(call, Recorded { with: id, is_paused: false, has_begun: false });
        }
    }

    /// Caller and agent are joined: the recording begins if the caller was told.
    pub(super) fn begin_recording(&mut self, id: OfferId, out: &mut Outbox) {
        let Some(call) = self.offers.get(&id).map(|offer| offer.call) else { return };
        let Some(recorded) = self.recordings.get_mut(&call) else { return };
        if recorded.with != id {
            *recorded = Recorded { with: id, is_paused: false, ..*recorded };
        }
        recorded.has_begun = true;
        out.commands.push(Command::Record { offer: id, call });
        if self.is_left_out(call) {
            out.commands.push(Command::PauseRecording { call, is_paused: true });
        }
    }

    /// The agent talks with the caller, or does something else: that is not for the recording.
    pub(super) fn adjust_recording(&mut self, call: CallId, out: &mut Outbox) {
        if self.recordings.get(&call).is_some_and(|recorded| recorded.has_begun) {
            out.commands.push(Command::PauseRecording { call, is_paused: self.is_left_out(call) });
        }
    }

    pub(super) fn on_agent_key(&mut self, id: OfferId, key: Key, out: &mut Outbox) {
        self.on_conference_key(id, key, out);
        let Some(call) = self.offers.get(&id).map(|offer| offer.call) else { return };
        let queue = self.calls.get(&call).map(|call| &self.plan.queues[call.queue.index()]);
        let pauses = queue.and_then(|queue| queue.recording).is_some_and(|recording| recording.pause_key == key);
        if let Some(recorded) = self.recordings.get(&call).filter(|recorded| pauses && recorded.with == id) {
            self.set_recording(call, !recorded.is_paused, out);
        }
    }

    /// Whether an agent has a caller who is recorded, or will be once they are joined.
    pub(super) fn recorded_with(&self, agent: AgentId) -> Option<CallId> {
        let with = |recorded: &Recorded| self.offers.get(&recorded.with).is_some_and(|offer| offer.agent == agent);
        self.recordings.iter().find(|(_, recorded)| with(recorded)).map(|(&call, _)| call)
    }

    /// Paused by the agent, or no longer.
    pub(super) fn set_recording(&mut self, call: CallId, is_paused: bool, out: &mut Outbox) {
        if let Some(recorded) = self.recordings.get_mut(&call).filter(|recorded| recorded.is_paused != is_paused) {
            recorded.is_paused = is_paused;
            self.adjust_recording(call, out);
        }
    }

    /// The caller waits once more: whatever was recorded is over.
    pub(super) fn end_recording(&mut self, call: CallId, out: &mut Outbox) {
        if self.recordings.remove(&call).is_some_and(|recorded| recorded.has_begun) {
            out.commands.push(Command::EndRecording { call });
        }
    }

    /// The offer is over before it was joined: who answers next has the caller told again.
    pub(super) fn untell(&mut self, call: CallId, id: OfferId) {
        let was_told = |recorded: &Recorded| recorded.with == id && !recorded.has_begun;
        if self.recordings.get(&call).is_some_and(was_told) {
            self.recordings.remove(&call);
        }
    }

    /// The call is over, and its caller's leg with it: that is the recording's end.
    pub(super) fn forget_recording(&mut self, call: CallId) {
        self.recordings.remove(&call);
    }

    fn is_left_out(&self, call: CallId) -> bool {
        let Some(recorded) = self.recordings.get(&call) else { return true };
        let activity = self.offers.get(&recorded.with).map(|offer| offer.activity(recorded.with));
        let talks = matches!(activity, Some(Activity::Connected(_)));
        let passed_on = matches!(self.calls.get(&call), Some(Call { state: CallState::Passing(_), .. }));
        recorded.is_paused || !talks || passed_on
    }
}
