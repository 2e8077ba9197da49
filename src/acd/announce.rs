//! What a waiting caller is told: its place, and messages in turn. Nobody waits for it: phones ring and answer meanwhile,
//! and an answer or a key cuts it.

use super::call::{Call, CallState, Stage};
use super::{Acd, Command, Outbox, Timer};
use crate::ids::CallId;
use crate::time::Time;

impl Acd {
    pub(super) fn announce_due(&mut self, id: CallId, out: &mut Outbox) {
        let Some(call) = self.calls.get(&id) else { return };
        let (Some(visit), queue) = (call.visit(), call.queue) else { return };
        debug_assert!(!matches!(visit.stage, Stage::Joining(..)), "deadlines are held while a call is joining");
        let place = (visit.key, id);
        let Some(announcements) = &self.rules_of(call).announcements else { return };
        // The list goes round for as long as the caller waits.
        let turn = (visit.announced as usize).checked_rem(announcements.messages.len());
        let message = turn.and_then(|turn| announcements.messages.get(turn)).copied();
        let position = announcements.position.map(|voice| (voice, self.waiting.position(queue, place)));
        let voice = announcements.estimate;
        let estimate = voice.and_then(|voice| Some((voice, self.estimated_wait(id)?)));
        if position.is_some() || estimate.is_some() || message.is_some() {
            out.commands.push(Command::Announce { call: id, position, estimate, message });
        }
        if let Some(visit) = self.calls.get_mut(&id).and_then(Call::visit_mut) {
            visit.announced += 1;
        }
        self.set_announcement(id);
    }

    /// Sets when the caller is told something next. The moments are counted from its entry, whatever happens meanwhile;
    /// those that are past are left out.
    pub(super) fn set_announcement(&mut self, id: CallId) {
        if let Some(at) = self.calls.get(&id).and_then(|call| self.next_announcement(call)) {
            self.deadlines.set(Timer::Announce(id), at);
        }
    }

    fn next_announcement(&self, call: &Call) -> Option<Time> {
        let announcements = self.rules_of(call).announcements.as_ref()?;
        let first = call.visit()?.entered + announcements.first;
        if first > self.at {
            return Some(first);
        }
        let times = self.at.since(first).as_nanos().checked_div(announcements.every.as_nanos())? + 1;
        Some(first + announcements.every * u32::try_from(times).ok()?)
    }

    /// A key that means nothing else ends what is being said.
    pub(super) fn hush(&mut self, id: CallId, out: &mut Outbox) {
        let Some(call) = self.calls.get(&id).filter(|call| matches!(call.state, CallState::Queued(_))) else { return };
        if self.rules_of(call).announcements.is_some() {
            out.commands.push(Command::Hush { call: id });
        }
    }

    /// The caller's place in its queue, 1 being the next; those whom a phone rings for count until they are answered.
    pub fn position(&self, id: CallId) -> Option<u32> {
        let call = self.calls.get(&id)?;
        Some(self.waiting.position(call.queue, (call.visit()?.key, id)))
    }
}
