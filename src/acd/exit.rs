//! Ways out: what becomes of callers who are not let in, or who leave a queue without an agent.
//!
//! ```text
//!   not let in ─► turned away (hears why) ─► over           never received: refused
//!   in a queue ─► leaving (hears the last words) ─► over    flowed out
//!       └───────► the queue of another service              flowed out, and a new visit with the old seniority
//! ```

use super::call::{Call, CallState, Stage};
use super::plan::{Exit, MOST_CREDIT};
use super::prelude::Prelude;
use super::{Acd, Command, Outbox, Timer};
use crate::facts::{Fact, FlowOut, OfferOutcome, Refusal};
use crate::ids::{CallId, Key, QueueId, ServiceId};
use crate::time::Time;

/// A caller is passed on from service to service at most so often; then the call ends.
const MOST_PASSES: usize = 8;

impl Acd {
    /// What is left of an exit when services that do not let the caller in have passed it on: `Service` is one that
    /// does.
    pub(super) fn settle_exit(&self, mut exit: Exit, out: &mut Outbox) -> Exit {
        for _ in 0..MOST_PASSES {
            let Exit::Service(service) = exit else { return exit };
            let Some((reason, next)) = self.turned_away(service) else { return exit };
            if let Exit::Service(to) = next {
                out.fact(self.at, Fact::CallPassedOn { service, reason, to });
            }
            exit = next;
        }
        Exit::End
    }

    /// The call was never received; it may hear why.
    pub(super) fn turn_away(&mut self, id: CallId, service: ServiceId, reason: Refusal, exit: Exit, out: &mut Outbox) {
        out.fact(self.at, Fact::CallRefused { service: Some(service), reason });
        let Exit::Announce(clip) = exit else {
            return out.commands.push(Command::RefuseCall { call: id, reason });
        };
        let queue = self.plan.services[service.index()].queue;
        let state = CallState::TurnedAway { reason, clip };
        self.calls.insert(id, Call::new(service, queue, self.at, state));
        self.deadlines.set(Timer::Greeting(id), self.at + self.plan.limits.greeting_max);
        out.commands.push(Command::AcceptCall { call: id });
    }

    /// Whoever hears why they are not let in, or the last words, has heard them.
    pub(super) fn last_words_over(&mut self, id: CallId, out: &mut Outbox) {
        self.deadlines.cancel(Timer::Greeting(id));
        let Some(call) = self.calls.remove(&id) else { return };
        out.commands.push(match call.state {
            CallState::TurnedAway { reason, .. } => Command::RefuseCall { call: id, reason },
            _ => Command::HangUpCall { call: id },
        });
    }

    /// A key pressed while waiting may be a way out; also while the caller is told, after an agent's 200, where that one
    /// sits or that the talk is recorded: nobody has to agree to it.
    pub(super) fn key_while_waiting(&mut self, id: CallId, key: Key, out: &mut Outbox) {
        let Some(call) = self.calls.get(&id) else { return };
        let exits = &self.rules_of(call).exits;
        let exit = exits.iter().find(|(known, _)| *known == key).map(|&(_, exit)| exit);
        let may_leave = call.visit().is_some_and(|visit| match visit.stage {
            Stage::Waiting | Stage::Ringing(_) => true,
            Stage::Joining(winner, _) => self.preludes.get(&winner).is_some_and(Prelude::is_for_caller),
        });
        if let Some(exit) = exit.filter(|_| may_leave) {
            self.take_exit(id, exit, FlowOut::KeyExit, out);
        }
    }

    /// The call leaves its queue. Where there is a place to go to, the fact names that; else the cause.
    pub(super) fn take_exit(&mut self, id: CallId, exit: Exit, cause: FlowOut, out: &mut Outbox) {
        let exit = self.settle_exit(exit, out);
        let key = self.calls.get(&id).and_then(Call::visit).map(|visit| visit.key.key);
        let (Some(key), Some((queue, waited))) = (key, self.quit_queue(id, OfferOutcome::Withdrawn, out)) else {
            return;
        };
        let to = if matches!(exit, Exit::Service(_)) { FlowOut::Service } else { cause };
        out.fact(self.at, Fact::CallFlowedOut { call: id, queue, waited, to });
        match exit {
            Exit::End => {
                self.calls.remove(&id);
                out.commands.push(Command::HangUpCall { call: id });
            }
            Exit::Announce(clip) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.state = CallState::Leaving { clip };
                }
                self.deadlines.set(Timer::Greeting(id), self.at + self.plan.limits.greeting_max);
                out.commands.push(Command::PlayOnce { call: id, clip });
            }
            Exit::Service(service) => {
                let queue = self.plan.services[service.index()].queue;
                self.take_over(id, (service, queue), key, out);
            }
        }
    }

    /// A caller of no queue any more enters that of a service, with this seniority.
    pub(super) fn take_over(
        &mut self,
        id: CallId,
        (service, queue): (ServiceId, QueueId),
        key: Time,
        out: &mut Outbox,
    ) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        (call.service, call.queue) = (service, queue);
        self.waiting.take_place(queue);
        let seniority = (self.at + MOST_CREDIT).since(key);
        out.fact(self.at, Fact::CallTakenOver { call: id, service, seniority });
        self.enter_at(id, key, out);
    }
}
