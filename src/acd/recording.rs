//! Recorded talks: only after the notice was heard to its end, and paused by a key of the agent's.
//!
//! ```text
//!   200 ─► notice ─heard to its end─► noticed ─joined─► recorded ⇄ paused
//!             └ its end was never told: the talk is not recorded
//! ```
//! What is recorded is one agent's talk: it ends when the two part, be it to ask a colleague or to pass the caller on.

use super::{Acd, Command, Outbox};
use crate::ids::{CallId, Key, OfferId};

impl Acd {
    /// The caller has heard the notice of this offer to its end.
    pub(super) fn noticed(&mut self, id: OfferId) {
        self.recordings.insert(id, false);
    }

    /// Caller and agent are joined: the recording begins if the caller was told.
    pub(super) fn begin_recording(&mut self, id: OfferId, call: CallId, out: &mut Outbox) {
        if self.recordings.contains_key(&id) {
            out.commands.push(Command::Record { offer: id, call });
        }
    }

    pub(super) fn on_agent_key(&mut self, id: OfferId, key: Key, out: &mut Outbox) {
        let Some(call) = self.offers.get(&id).map(|offer| offer.call) else { return };
        let queue = self.calls.get(&call).map(|call| &self.plan.queues[call.queue.index()]);
        let pauses = queue.and_then(|queue| queue.recording).is_some_and(|recording| recording.pause_key == key);
        if let Some(is_paused) = self.recordings.get_mut(&id).filter(|_| pauses) {
            *is_paused = !*is_paused;
            out.commands.push(Command::PauseRecording { call, is_paused: *is_paused });
        }
    }

    /// The offer is forgotten, and whatever was recorded of it is over.
    pub(super) fn forget_recording(&mut self, id: OfferId) {
        self.recordings.remove(&id);
    }
}
