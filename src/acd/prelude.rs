//! What is said between an agent's 200 and the talk: to the agent what the call is about, to the caller where the agent
//! sits. Nobody hears the other side yet.
//!
//! ```text
//!   200 ─► prelude ─both clips ended─► joining ─► talking
//!             └ the agent hangs up: the call is back at its place; the caller leaves: abandoned; the caller presses a
//!               key of the queue's `exits`: there
//! ```
//! The wait stopped with the 200, if the two are joined in the end. `join_timeout` begins when everything is said.

use super::call::{Call, Stage};
use super::offer::Offer;
use super::{Acd, Command, Outbox, Timer};
use crate::facts::OfferOutcome;
use crate::ids::{CallId, ClipId, OfferId};

/// What is still being said before a winner is joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prelude {
    /// To the agent.
    whisper: Option<ClipId>,
    /// To the caller: the last of what is said.
    announce: Option<ClipId>,
    /// That is the notice of a recording.
    is_notice: bool,
}

impl Prelude {
    /// The caller is being told something.
    pub(super) fn is_for_caller(&self) -> bool {
        self.announce.is_some()
    }
}

impl Acd {
    /// An offer was won: says what is to be said first, then joins.
    pub(super) fn begin_joining(&mut self, id: OfferId, out: &mut Outbox) {
        let Some(&Offer { call, pool, .. }) = self.offers.get(&id) else { return };
        let Some(queue) = self.calls.get(&call).map(|call| call.queue) else { return };
        let whisper = self.plan.queues[queue.index()].whisper;
        let announce = self.plan.pools[pool.index()].announce;
        let notice = self.plan.queues[queue.index()].recording.map(|recording| recording.notice);
        if whisper.is_none() && announce.is_none() && notice.is_none() {
            return self.join(id, call, out);
        }
        if let Some(Stage::Joining(_, round)) = self.calls.get(&call).and_then(Call::visit).map(|v| v.stage) {
            // Nobody else should pick up while it is said.
            self.cancel_round(round, OfferOutcome::Withdrawn, out);
        }
        self.preludes.insert(id, Prelude { whisper, announce: notice.or(announce), is_notice: notice.is_some() });
        self.deadlines.set(Timer::Prelude(id), self.now + self.plan.limits.prelude_max);
        out.commands.push(Command::SayFirst { offer: id, call, whisper, announce, notice });
    }

    pub(super) fn on_whisper_ended(&mut self, id: OfferId, out: &mut Outbox) {
        self.less_to_say(id, |prelude| prelude.whisper = None, out);
    }

    /// A clip that the caller of a won offer heard came to its end.
    pub(super) fn announcement_ended(&mut self, call: CallId, clip: ClipId, out: &mut Outbox) {
        let Some(Stage::Joining(offer, _)) = self.calls.get(&call).and_then(Call::visit).map(|visit| visit.stage)
        else {
            return;
        };
        if let Some(prelude) = self.preludes.get(&offer).filter(|prelude| prelude.announce == Some(clip)) {
            if prelude.is_notice {
                self.noticed(offer);
            }
            self.less_to_say(offer, |prelude| prelude.announce = None, out);
        }
    }

    /// The end of a clip was never told: we go on without it.
    pub(super) fn prelude_due(&mut self, id: OfferId, out: &mut Outbox) {
        self.less_to_say(id, |prelude| (prelude.whisper, prelude.announce) = (None, None), out);
    }

    /// The offer is over, whatever was being said.
    pub(super) fn end_prelude(&mut self, id: OfferId) {
        self.preludes.remove(&id);
        self.deadlines.cancel(Timer::Prelude(id));
    }

    fn less_to_say(&mut self, id: OfferId, change: impl FnOnce(&mut Prelude), out: &mut Outbox) {
        let Some(prelude) = self.preludes.get_mut(&id) else { return };
        change(prelude);
        if prelude.whisper.is_none() && prelude.announce.is_none() {
            self.end_prelude(id);
            if let Some(call) = self.offers.get(&id).map(|offer| offer.call) {
                self.join(id, call, out);
            }
        }
    }

    fn join(&mut self, id: OfferId, call: CallId, out: &mut Outbox) {
        self.deadlines.set(Timer::Join(id), self.now + self.plan.limits.join_timeout);
        out.commands.push(Command::JoinMedia { offer: id, call });
    }
}
