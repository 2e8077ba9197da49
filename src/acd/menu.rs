//! Calls between our 200 and their queue: the welcome, then the menu as `ivr` says.

use super::call::{Call, CallState};
use super::ivr::{self, Action, Flow, Input, Position};
use super::{Acd, Command, Outbox, Timer};
use crate::facts::Fact;
use crate::ids::{CallId, ClipId, Key, QueueId};

impl Acd {
    pub(super) fn on_established(&mut self, id: CallId, out: &mut Outbox) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        match call.state {
            CallState::Accepted => {}
            CallState::TurnedAway { clip, .. } => return out.commands.push(Command::PlayOnce { call: id, clip }),
            CallState::Greeting { .. }
            | CallState::InMenu(_)
            | CallState::Queued(_)
            | CallState::Talking { .. }
            | CallState::Passing(_)
            | CallState::Leaving { .. } => return,
        }
        let (service, arrived_at) = (call.service, call.arrived_at);
        let welcome = self.plan.services[service.index()].welcome;
        if let Some(clip) = welcome {
            call.state = CallState::Greeting { welcome: clip };
            out.commands.push(Command::PlayOnce { call: id, clip });
            self.deadlines.set(Timer::Greeting(id), self.at + self.plan.limits.greeting_max);
        }
        out.fact(self.at, Fact::CallReceived { call: id, service, arrived_at });
        if welcome.is_none() {
            self.begin_menu(id, out);
        }
    }

    pub(super) fn on_clip_ended(&mut self, id: CallId, clip: ClipId, out: &mut Outbox) {
        match self.calls.get(&id).map(|call| &call.state) {
            Some(&CallState::Greeting { welcome }) if welcome == clip => self.begin_menu(id, out),
            Some(&(CallState::TurnedAway { clip: last, .. } | CallState::Leaving { clip: last })) if last == clip => {
                self.last_words_over(id, out);
            }
            Some(CallState::Queued(_)) => self.announcement_ended(id, clip, out),
            _ => self.move_in_menu(id, Input::ClipEnded(clip), out),
        }
    }

    /// The end of the welcome, or of a prompt, was never told: we go on without it.
    pub(super) fn greeting_due(&mut self, id: CallId, out: &mut Outbox) {
        match self.calls.get(&id).map(|call| &call.state) {
            Some(CallState::Greeting { .. }) => self.begin_menu(id, out),
            Some(CallState::TurnedAway { .. } | CallState::Leaving { .. }) => self.last_words_over(id, out),
            _ => self.enter(id, out),
        }
    }

    /// The welcome is over: the service's menu, or its queue.
    pub(super) fn begin_menu(&mut self, id: CallId, out: &mut Outbox) {
        match self.flow_of(id).and_then(ivr::begin) {
            Some((position, action)) => self.carry_on(id, position, action, out),
            None => self.enter(id, out),
        }
    }

    pub(super) fn on_key(&mut self, id: CallId, key: Key, out: &mut Outbox) {
        self.hush(id, out);
        match self.calls.get(&id).map(|call| &call.state) {
            Some(CallState::Queued(_)) => self.key_while_waiting(id, key, out),
            _ => self.move_in_menu(id, Input::Pressed(key), out),
        }
    }

    pub(super) fn menu_due(&mut self, id: CallId, out: &mut Outbox) {
        self.move_in_menu(id, Input::TimedOut, out);
    }

    pub(super) fn move_in_menu(&mut self, id: CallId, input: Input, out: &mut Outbox) {
        let Some(&CallState::InMenu(position)) = self.calls.get(&id).map(|call| &call.state) else { return };
        let Some(flow) = self.flow_of(id) else { return };
        let (position, action) = ivr::step(flow, position, input);
        if action != Action::Nothing {
            self.deadlines.cancel(Timer::Menu(id));
            self.carry_on(id, position, action, out);
        }
    }

    fn carry_on(&mut self, id: CallId, position: Position, action: Action, out: &mut Outbox) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.state = CallState::InMenu(position);
        if let Some(reference) = position.reference().filter(|given| call.reference != Some(*given)) {
            call.reference = Some(reference);
            out.fact(self.at, Fact::ReferenceGiven { call: id, reference });
        }
        self.deadlines.cancel(Timer::Greeting(id));
        match action {
            Action::Nothing => {}
            Action::Play(clip) => {
                out.commands.push(Command::PlayOnce { call: id, clip });
                self.deadlines.set(Timer::Greeting(id), self.at + self.plan.limits.greeting_max);
            }
            Action::Wait(length) => self.deadlines.set(Timer::Menu(id), self.at + length),
            Action::Listen(length) => {
                out.commands.push(Command::PlayMusic { call: id, clip: None });
                self.deadlines.set(Timer::Menu(id), self.at + length);
            }
            Action::Spell { voice, digits, prompt } => {
                out.commands.push(Command::Spell { call: id, voice, digits, prompt });
                self.deadlines.set(Timer::Greeting(id), self.at + self.plan.limits.greeting_max);
            }
            Action::Enter(queue) => {
                call.choice = position.demand();
                self.move_place(id, queue);
                self.enter(id, out);
            }
            Action::End => {
                let Some(service) = self.calls.get(&id).map(|call| call.service) else { return };
                self.leave_greeting(id, out);
                out.fact(self.at, Fact::CallEndedInMenu { call: id, service });
                out.commands.push(Command::HangUpCall { call: id });
            }
        }
    }

    /// The place that was taken on arrival is one of the service's own queue. With another queue full, the caller
    /// keeps it: whom we received is never turned away at a queue's door.
    pub(super) fn move_place(&mut self, id: CallId, queue: Option<QueueId>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let (Some(wanted), held) = (queue, call.queue) else { return };
        let has_room = |id: QueueId| {
            let queue = &self.plan.queues[id.index()];
            !queue.retired && self.waiting.places_taken(id) < queue.max_length
        };
        if wanted != held && has_room(wanted) {
            call.queue = wanted;
            self.waiting.give_place_back(held);
            self.waiting.take_place(wanted);
        }
    }

    fn flow_of(&self, id: CallId) -> Option<&Flow> {
        if let Some(kept) = self.kept_menus.get(&id) {
            return Some(kept);
        }
        let service = |call: &Call| call.service.index();
        self.plan.services.get(self.calls.get(&id).map(service)?)?.menu.as_ref()
    }
}
