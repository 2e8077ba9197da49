//! Tier steps of waiting calls: when the next one opens, by time or early (semantics.md section 4). Whom a step allows
//! is worked out in `tier`.

use super::call::Stage;
use super::queue::Place;
use super::{Acd, Outbox};
use crate::facts::{Fact, StepTrigger};
use crate::ids::CallId;

impl Acd {
    /// The wait reached the next tier step's `after`.
    pub(super) fn step_due(&mut self, id: CallId, out: &mut Outbox) {
        let at = self.at;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let queue = call.queue;
        let Some(visit) = call.visit_mut() else { return };
        let rules = super::rules_among(&self.plan, &self.pinned, visit.rules);
        if usize::from(visit.step) + 1 >= rules.steps.len() {
            return;
        }
        let place: Place = (visit.key, id);
        let before = self.tiers.class_of(visit.rules, visit.step);
        visit.step += 1;
        visit.step_since = at;
        let (step, stage) = (visit.step, visit.stage);
        out.fact(at, Fact::StepReached { call: id, queue, step, trigger: StepTrigger::Time });
        match stage {
            Stage::Waiting => {
                self.waiting.remove(before, place);
                self.waiting.insert(before + 1, place);
                self.fresh_calls.insert(place);
            }
            Stage::Ringing(round) => self.withdraw_if_closed(id, round, before + 1, out),
            Stage::Joining(..) => {}
        }
        self.check_kept(id, out);
        self.set_call_deadlines(id);
        if stage == Stage::Waiting && self.early_trigger(id).is_some() {
            self.stop_waiting(id);
            self.start_waiting(id, out);
        }
    }

    /// What opens the call's next step before its time, if anything does.
    pub(super) fn early_trigger(&self, id: CallId) -> Option<StepTrigger> {
        let visit = self.calls.get(&id)?.visit()?;
        let next = self.rules(visit.rules).steps.get(usize::from(visit.step) + 1)?;
        if next.after_offers.is_some_and(|most| visit.unanswered >= most) {
            return Some(StepTrigger::Offers);
        }
        let class = self.tiers.class_of(visit.rules, visit.step);
        let nobody = next.when_nobody_signed_in && !self.tiers.admits_any(class, self.signed_in.profiles());
        nobody.then_some(StepTrigger::NobodySignedIn)
    }

    /// Opens every step whose trigger has come; the call is in no class of the waiting room.
    pub(super) fn open_steps_early(&mut self, id: CallId, out: &mut Outbox) {
        let mut opened = false;
        while let Some(trigger) = self.early_trigger(id) {
            let at = self.at;
            let Some(call) = self.calls.get_mut(&id) else { return };
            let queue = call.queue;
            let Some(visit) = call.visit_mut() else { return };
            visit.step += 1;
            visit.step_since = at;
            out.fact(at, Fact::StepReached { call: id, queue, step: visit.step, trigger });
            opened = true;
        }
        if opened {
            self.set_call_deadlines(id);
        }
    }

    /// The last agents of some profile signed out: calls that nobody can take any more go on to a step that says so.
    pub(super) fn leave_empty_steps(&mut self, out: &mut Outbox) {
        if !self.signed_in.take_fresh() {
            return;
        }
        for class in 0..self.tiers.classes().len() {
            if self.tiers.classes()[class].empties && !self.tiers.admits_any(class, self.signed_in.profiles()) {
                while let Some((_, id)) = { self.waiting.of_class(class).next() } {
                    self.stop_waiting(id);
                    self.start_waiting(id, out);
                }
            }
        }
    }
}
