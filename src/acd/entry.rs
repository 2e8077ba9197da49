//! The door: which calls are let in, by the service's hours, its queue's room and its staff; and the civil time that
//! its hours go by.
//!
//! Civil time comes in as an event that says which moment of UTC a moment of the engine is. A clock that is set is
//! such an event too: what is open is looked at again, and what the hours say holds from then on.

use super::calendar::Opening;
use super::call::{Call, CallState};
use super::demand::Carried;
use super::plan::{AtClosing, Entry, Exit, Service};
use super::{Acd, Command, Outbox, Timer};
use crate::facts::{Fact, FlowOut, Refusal};
use crate::ids::{CalendarId, CallId, ServiceId};
use crate::time::{Duration, Time};

impl Acd {
    pub(super) fn on_arrived(&mut self, id: CallId, dialled: ServiceId, out: &mut Outbox) {
        if self.calls.contains_key(&id) {
            return self.law(4, false, out);
        }
        let known = self.plan.services.get(dialled.index()).is_some_and(|service| !service.retired);
        let refusal = match known {
            false => Some((None, Refusal::NoRoute)),
            true if self.draining => Some((Some(dialled), Refusal::Draining)),
            true if self.calls.len() >= self.plan.limits.channels as usize => {
                Some((Some(dialled), Refusal::ChannelLimit))
            }
            true => None,
        };
        if let Some((service, reason)) = refusal {
            out.commands.push(Command::RefuseCall { call: id, reason });
            return out.fact(self.at, Fact::CallRefused { service, reason });
        }
        match self.turned_away(dialled) {
            None => self.admit(id, dialled, out),
            Some((reason, exit)) => {
                if let Exit::Service(to) = exit {
                    out.fact(self.at, Fact::CallPassedOn { service: dialled, reason, to });
                }
                match self.settle_exit(exit, out) {
                    Exit::Service(service) => self.admit(id, service, out),
                    exit => self.turn_away(id, dialled, reason, exit, out),
                }
            }
        }
    }

    /// Its place is taken now, so that whom we received is never turned away at the queue's door.
    fn admit(&mut self, id: CallId, service: ServiceId, out: &mut Outbox) {
        let queue = self.plan.services[service.index()].queue;
        self.waiting.take_place(queue);
        self.calls.insert(id, Call::new(service, queue, self.at, CallState::Accepted));
        out.commands.push(Command::AcceptCall { call: id });
    }

    /// Why a service lets nobody in now, and where they go instead.
    pub(super) fn turned_away(&self, service: ServiceId) -> Option<(Refusal, Exit)> {
        let service = self.plan.services.get(service.index())?;
        if service.retired {
            return Some((Refusal::NoRoute, Exit::End));
        }
        let entry = &service.entry;
        match self.opening(entry) {
            Opening::Closed => return Some((Refusal::Closed, entry.closed)),
            Opening::Holiday => return Some((Refusal::Closed, entry.holiday)),
            Opening::Open => {}
        }
        let queue = &self.plan.queues[service.queue.index()];
        if self.waiting.places_taken(service.queue) >= queue.max_length {
            return Some((Refusal::QueueFull, entry.full));
        }
        let exit = entry.nobody_signed_in?;
        (!self.is_staffed(service)).then_some((Refusal::NobodySignedIn, exit))
    }

    /// Somebody whom a step of its queue allows is signed in.
    fn is_staffed(&self, service: &Service) -> bool {
        let (queue, carried) = (service.queue.index(), Carried { service: service.demand, choice: None });
        let Some(rules) = self.tiers.known(queue, carried) else { return false };
        let mut steps = (0u8..).zip(&self.plan.queues[queue].steps);
        steps.any(|(step, _)| self.tiers.admits_any(self.tiers.class_of(rules, step), self.signed_in.profiles()))
    }

    /// Until civil time is known everything counts as open.
    pub(super) fn opening(&self, entry: &Entry) -> Opening {
        let calendar = entry.calendar.and_then(|id| self.plan.calendars.get(id.index()));
        calendar.zip(self.utc(self.at)).map_or(Opening::Open, |(calendar, utc)| calendar.opening_at(utc))
    }

    /// Nanoseconds since 1970 at a moment of the engine.
    fn utc(&self, at: Time) -> Option<i64> {
        let (anchor, utc) = self.civil?;
        let ahead = i128::from(at.as_nanos()) - i128::from(anchor.as_nanos());
        i64::try_from(i128::from(utc) + ahead).ok()
    }

    pub(super) fn on_civil_time(&mut self, utc: i64, out: &mut Outbox) {
        self.civil = Some((self.at, utc));
        self.look_at_hours(out);
    }

    /// Calendars of a new plan, which had so many before.
    pub(super) fn change_calendars(&mut self, before: usize, out: &mut Outbox) {
        (0..).map(CalendarId).take(before).for_each(|id| _ = self.deadlines.cancel(Timer::Calendar(id)));
        self.is_open.resize(self.plan.services.len(), true);
        self.look_at_hours(out);
    }

    fn look_at_hours(&mut self, out: &mut Outbox) {
        for calendar in (0..).map(CalendarId).take(self.plan.calendars.len()) {
            self.set_next_change(calendar);
        }
        self.show_openings(|_| true, out);
    }

    /// The calendar may say something else from now on.
    pub(super) fn calendar_due(&mut self, id: CalendarId, out: &mut Outbox) {
        self.set_next_change(id);
        self.show_openings(|entry| entry.calendar == Some(id), out);
    }

    fn set_next_change(&mut self, id: CalendarId) {
        let (Some(calendar), Some(utc)) = (self.plan.calendars.get(id.index()), self.utc(self.at)) else { return };
        let ahead = Duration::from_nanos(calendar.next_change(utc).abs_diff(utc));
        self.deadlines.set(Timer::Calendar(id), self.at + ahead);
    }

    /// Tells which services opened or closed.
    fn show_openings(&mut self, is_meant: impl Fn(&Entry) -> bool, out: &mut Outbox) {
        let mut some_closed = false;
        for (service, of_plan) in (0..).map(ServiceId).zip(&self.plan.services) {
            let is_open = self.opening(&of_plan.entry) == Opening::Open;
            if is_meant(&of_plan.entry) && self.is_open[service.index()] != is_open {
                self.is_open[service.index()] = is_open;
                some_closed |= !is_open;
                out.fact(self.at, Fact::OpeningChanged { service, is_open });
            }
        }
        if some_closed {
            let everybody: Vec<CallId> = self.calls.keys().copied().collect();
            everybody.into_iter().for_each(|call| self.leave_if_closed(call, out));
        }
    }

    /// A waiting caller whose service is closed leaves, unless those are served.
    pub(super) fn leave_if_closed(&mut self, id: CallId, out: &mut Outbox) {
        let Some(call) = self.calls.get(&id).filter(|call| call.may_leave()) else { return };
        let entry = &self.plan.services[call.service.index()].entry;
        let exit = match (entry.at_closing, self.opening(entry)) {
            (AtClosing::Serve, _) | (AtClosing::FlowOut, Opening::Open) => return,
            (AtClosing::FlowOut, Opening::Closed) => entry.closed,
            (AtClosing::FlowOut, Opening::Holiday) => entry.holiday,
        };
        self.take_exit(id, exit, FlowOut::Closed, out);
    }
}
