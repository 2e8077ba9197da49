//! Calls: from arrival through greeting and queue to the talk's end.
//!
//! ```text
//!   arrived ─► accepted ─► greeting ─► in menu ─► queued: waiting ⇄ ringing ⇄ joining ─► talking ─► over
//!      │ refused                                (a drop before media is joined goes back to waiting)
//! ```
//! A caller may leave at any moment. Who is let in is in `entry`, other ends of a wait are in `exit`, what happens to the
//! offers of a queued call in `offer`, welcome and menu in `menu`.

use super::demand::Carried;
use super::ivr::Position;
use super::memory::Memory;
use super::plan::{Exit, MOST_CREDIT, Queue};
use super::queue::Seniority;
use super::tier::Rules;
use super::transfer::Passing;
use super::{Acd, Command, Outbox, Timer};
use crate::facts::{Fact, FlowOut, LastAgentResult, OfferOutcome, Party, Refusal};
use crate::ids::{AgentId, CallId, CallerTag, ClipId, DemandId, OfferId, QueueId, Reference, ServiceId};
use crate::time::{Duration, Time};

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) service: ServiceId,
    pub(super) queue: QueueId,
    /// When its INVITE came in.
    pub(super) arrived_at: Time,
    pub(super) state: CallState,
    /// The number that the caller gave in a menu: of a ticket, of a customer.
    pub(super) reference: Option<Reference>,
    /// What the caller's choice in a menu asks of agents.
    pub(super) choice: Option<DemandId>,
    /// Who calls, if anybody can tell.
    pub(super) caller: Option<CallerTag>,
}

/// How far a call has come.
#[derive(Clone, Debug)]
pub(super) enum CallState {
    /// We answer it; it cannot hear us yet.
    Accepted,
    /// The welcome plays.
    Greeting { welcome: ClipId },
    /// Asked what it wants.
    InMenu(Position),
    /// In its queue.
    Queued(Visit),
    /// With an agent; `key` is the seniority key of its visit.
    Talking { offer: OfferId, key: Time },
    /// Being passed on by an agent.
    Passing(Passing),
    /// Never received; hears why.
    TurnedAway { reason: Refusal, clip: ClipId },
    /// Out of its queue; hears the last words.
    Leaving { clip: ClipId },
}

/// A call's stay in its queue.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// The wait clock's start.
    pub(super) entered: Time,
    pub(super) key: Seniority,
    /// By which rules it waits.
    pub(super) rules: Rules,
    pub(super) step: u8,
    /// When the step was reached.
    pub(super) step_since: Time,
    /// Thresholds already passed, a bit each, and those by which it was not to be judged when it entered; an event is
    /// never taken back.
    passed: u32,
    /// Since when nobody has been offered it.
    pub(super) waiting_since: Time,
    /// Not its first visit: whoever was let in once is not turned away at another queue's door.
    pub(super) again: bool,
    pub(super) stage: Stage,
    pub(super) memory: Memory,
    /// Only this agent is asked for now.
    pub(super) kept_for: Option<AgentId>,
    /// Offers that went unanswered so far.
    pub(super) unanswered: u32,
    /// Callers of heavier queues who came later and were offered somebody it could have had.
    pub(super) overtaken: u32,
    /// Announcements heard so far.
    pub(super) announced: u32,
    /// The wait that was estimated at its entry.
    pub(super) expected: Option<Duration>,
}

/// What a queued call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody is offered it.
    Waiting,
    /// A phone rings for it, or several.
    Ringing(Round),
    /// A phone said 200; the call's deadlines are held until media is joined or the agent drops. Others of its round
    /// may ring on until then.
    Joining(OfferId, Round),
}

impl Stage {
    /// Whether this may be a phone that rings for the call.
    pub(super) fn rings(self, offer: OfferId) -> bool {
        matches!(self, Stage::Ringing(round) | Stage::Joining(_, round) if round.has(offer))
    }

    /// Whether this is the phone that the call is being joined with.
    pub(super) fn joins(self, offer: OfferId) -> bool {
        matches!(self, Stage::Joining(winner, _) if winner == offer)
    }
}

/// The offers made to a call in one step, with the numbers from `first` to `last`: one, or many with `ring_all`. Those
/// of them that still ring are known by their state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) first: OfferId,
    pub(super) last: OfferId,
}

impl Round {
    pub(super) fn offers(self) -> impl Iterator<Item = OfferId> {
        (self.first.0..=self.last.0).map(OfferId)
    }

    pub(super) fn has(self, offer: OfferId) -> bool {
        self.first <= offer && offer <= self.last
    }
}

impl Call {
    pub(super) fn new(service: ServiceId, queue: QueueId, arrived_at: Time, state: CallState) -> Call {
        Call { service, queue, arrived_at, state, reference: None, choice: None, caller: None }
    }

    /// Whether it has a place in its queue, taken on arrival.
    pub(super) fn holds_place(&self) -> bool {
        match self.state {
            CallState::Accepted | CallState::Greeting { .. } | CallState::InMenu(_) | CallState::Queued(_) => true,
            CallState::Talking { .. }
            | CallState::Passing(_)
            | CallState::TurnedAway { .. }
            | CallState::Leaving { .. } => false,
        }
    }

    /// Whether it waits, or a phone rings for it that has not been answered.
    pub(super) fn may_leave(&self) -> bool {
        self.visit().is_some_and(|visit| !matches!(visit.stage, Stage::Joining(..)))
    }

    pub(super) fn visit(&self) -> Option<&Visit> {
        match &self.state {
            CallState::Queued(visit) => Some(visit),
            CallState::Accepted
            | CallState::Greeting { .. }
            | CallState::InMenu(_)
            | CallState::Talking { .. }
            | CallState::Passing(_)
            | CallState::TurnedAway { .. }
            | CallState::Leaving { .. } => None,
        }
    }

    pub(super) fn visit_mut(&mut self) -> Option<&mut Visit> {
        match &mut self.state {
            CallState::Queued(visit) => Some(visit),
            CallState::Accepted
            | CallState::Greeting { .. }
            | CallState::InMenu(_)
            | CallState::Talking { .. }
            | CallState::Passing(_)
            | CallState::TurnedAway { .. }
            | CallState::Leaving { .. } => None,
        }
    }
}

impl Acd {
    /// The wait clock starts.
    pub(super) fn enter(&mut self, id: CallId, out: &mut Outbox) {
        self.deadlines.cancel(Timer::Greeting(id));
        self.kept_menus.remove(&id);
        let Some(call) = self.calls.get(&id) else { return };
        let credit = self.credit_of(call.service, call.queue);
        self.enter_at(id, self.at + MOST_CREDIT - credit, out);
    }

    /// Never more than moments are put ahead, so that a credit counts in the run's first minutes too.
    fn credit_of(&self, service: ServiceId, queue: QueueId) -> Duration {
        let (service, queue) = (&self.plan.services[service.index()], &self.plan.queues[queue.index()]);
        (service.priority_credit + queue.priority_credit).min(MOST_CREDIT)
    }

    /// A call that was answered waits once more, in this service: at its old place, or as one that comes new.
    pub(super) fn enter_again(
        &mut self,
        id: CallId,
        (service, queue): (ServiceId, QueueId),
        key: Option<Time>,
        out: &mut Outbox,
    ) {
        let key = key.unwrap_or(self.at + MOST_CREDIT - self.credit_of(service, queue));
        self.end_recording(id, out);
        self.take_over(id, (service, queue), key, out);
        if let Some(visit) = self.calls.get_mut(&id).and_then(Call::visit_mut) {
            visit.again = true;
        }
    }

    /// A visit begins, at this place in the order of callers.
    pub(super) fn enter_at(&mut self, id: CallId, key: Time, out: &mut Outbox) {
        let at = self.at;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let (service, queue) = (call.service, call.queue);
        let carried = Carried { service: self.plan.services[service.index()].demand, choice: call.choice };
        let rules = &self.plan.queues[queue.index()];
        let key = Seniority::new(rules.weight, key);
        let rules = self.tiers.rules((queue.index(), queue), rules, carried, &self.plan.demands);
        self.waiting.make_room(&self.tiers);
        call.state = CallState::Queued(Visit {
            entered: at,
            key,
            rules,
            again: false,
            step: 0,
            step_since: at,
            passed: self.plan.queues[queue.index()].not_judged_by(),
            waiting_since: at,
            stage: Stage::Waiting,
            memory: self.memories.lend(),
            kept_for: None,
            unanswered: 0,
            overtaken: 0,
            announced: 0,
            expected: None,
        });
        self.waiting.line_up(queue, (key, id));
        self.note_estimate(id);
        out.fact(at, Fact::CallEntered { call: id, service, queue });
        self.tell_carried(id, Carried::NOTHING, out);
        out.commands.push(Command::PlayMusic { call: id, clip: self.plan.queues[queue.index()].music });
        self.keep_for_last_agent(id, out);
        self.start_waiting(id, out);
        self.set_call_deadlines(id);
        self.leave_if_closed(id, out);
    }

    /// Tells what the call carries from now on, unless it is what it was.
    pub(super) fn tell_carried(&self, id: CallId, before: Carried, out: &mut Outbox) {
        let Some(call) = self.calls.get(&id) else { return };
        let Some(carried) = call.visit().map(|visit| visit.rules.carried).filter(|it| *it != before) else { return };
        let Carried { service, choice } = carried;
        out.fact(self.at, Fact::SkillsAsked { call: id, queue: call.queue, service, choice });
    }

    /// Puts the call into the waiting room, at its place.
    pub(super) fn start_waiting(&mut self, id: CallId, out: &mut Outbox) {
        self.open_steps_early(id, out);
        self.check_kept(id, out);
        let Some(visit) = self.calls.get_mut(&id).and_then(Call::visit_mut) else { return };
        visit.stage = Stage::Waiting;
        let place = (visit.key, id);
        self.waiting.insert(self.tiers.class_of(visit.rules, visit.step), place);
        self.fresh_calls.insert(place);
        if let Some(end) = visit.memory.next_end(self.at) {
            self.deadlines.set(Timer::BackOff(id), end);
        }
        let (entered, rules) = (visit.entered, visit.rules);
        if entered + self.rules(rules).max_wait <= self.at {
            // A phone rang on beyond it: that was its grace.
            self.deadlines.set(Timer::MaxWait(id), self.at);
        }
    }

    /// Nobody is offered the call any more: it waits on, at its old place.
    pub(super) fn wait_again(&mut self, id: CallId, out: &mut Outbox) {
        if let Some(visit) = self.calls.get_mut(&id).and_then(Call::visit_mut) {
            visit.waiting_since = self.at;
        }
        self.start_waiting(id, out);
        // It was being joined when its service closed.
        self.leave_if_closed(id, out);
    }

    /// Takes the call out of the waiting room, for an offer or for good.
    pub(super) fn stop_waiting(&mut self, id: CallId) {
        let visit = self.calls.get(&id).and_then(Call::visit);
        if let Some(visit) = visit.filter(|visit| visit.stage == Stage::Waiting) {
            let place = (visit.key, id);
            self.waiting.remove(self.tiers.class_of(visit.rules, visit.step), place);
            self.fresh_calls.remove(&place);
            self.deadlines.cancel(Timer::BackOff(id));
        }
    }

    /// Sets what a queued call waits for, at the moments counted from its entry, be they past or to come.
    pub(super) fn set_call_deadlines(&mut self, id: CallId) {
        let Some(visit) = self.calls.get(&id).and_then(Call::visit) else { return };
        let (entered, rules) = (visit.entered, self.rules(visit.rules));
        let threshold = next_threshold(rules, visit.passed).map(|(_, threshold)| threshold);
        let step = rules.steps.get(usize::from(visit.step) + 1).map(|step| step.after);
        let max_wait = rules.max_wait;
        if let Some(threshold) = threshold {
            self.deadlines.set(Timer::Threshold(id), entered + threshold + self.plan.limits.threshold_grace);
        }
        if let Some(after) = step {
            self.deadlines.set(Timer::Step(id), entered + after);
        }
        self.deadlines.set(Timer::MaxWait(id), entered + max_wait);
        self.set_announcement(id);
    }

    /// While a call is joining, its deadlines are held.
    pub(super) fn hold_call_deadlines(&mut self, id: CallId) {
        self.deadlines.cancel(Timer::Threshold(id));
        self.deadlines.cancel(Timer::Step(id));
        self.deadlines.cancel(Timer::MaxWait(id));
        self.deadlines.cancel(Timer::Announce(id));
    }

    pub(super) fn threshold_due(&mut self, id: CallId, out: &mut Outbox) {
        let Some(visit) = self.calls.get(&id).and_then(Call::visit) else { return };
        let waited = self.at.since(visit.entered);
        let grace = self.plan.limits.threshold_grace;
        self.pass_thresholds(id, |threshold| threshold + grace <= waited, out);
        self.set_call_deadlines(id);
    }

    /// Tells, the shortest first, every threshold not told yet for which `is_past` holds, each at its own moment.
    pub(super) fn pass_thresholds(&mut self, id: CallId, is_past: impl Fn(Duration) -> bool, out: &mut Outbox) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        // Whatever else the call goes by, its thresholds stand at their places in every version of the queue.
        let (queue, thresholds) = (call.queue, &self.plan.queues[call.queue.index()]);
        let Some(visit) = call.visit_mut() else { return };
        while let Some((threshold, length)) = next_threshold(thresholds, visit.passed).filter(|&(_, t)| is_past(t)) {
            visit.passed |= 1 << threshold;
            out.fact(visit.entered + length, Fact::ThresholdPassed { call: id, queue, threshold });
        }
    }

    pub(super) fn back_off_over(&mut self, id: CallId) {
        let Some(visit) = self.calls.get(&id).and_then(Call::visit) else { return };
        if visit.stage == Stage::Waiting {
            self.fresh_calls.insert((visit.key, id));
            if let Some(end) = visit.memory.next_end(self.at) {
                self.deadlines.set(Timer::BackOff(id), end);
            }
        }
    }

    pub(super) fn max_wait_due(&mut self, id: CallId, out: &mut Outbox) {
        let Some(visit) = self.calls.get(&id).and_then(Call::visit) else { return };
        let rules = self.rules(visit.rules);
        let last = visit.entered + rules.max_wait + rules.max_wait_grace;
        if matches!(visit.stage, Stage::Ringing(_)) && self.at < last {
            self.deadlines.set(Timer::MaxWait(id), last);
            return;
        }
        let exit = rules.on_max_wait;
        self.take_exit(id, exit, FlowOut::MaxWait, out);
    }

    pub(super) fn on_caller_gone(&mut self, id: CallId, lost: bool, out: &mut Outbox) {
        let Some(call) = self.calls.get(&id) else { return };
        let service = call.service;
        match call.state {
            CallState::Accepted | CallState::Greeting { .. } | CallState::InMenu(_) => {
                self.leave_greeting(id, out);
                out.fact(self.at, Fact::CallLeftInGreeting { call: id, service, lost });
            }
            CallState::Queued(_) => {
                if let Some((queue, waited)) = self.leave_queue(id, OfferOutcome::CallerGone, out) {
                    out.fact(self.at, Fact::CallAbandoned { call: id, queue, waited, lost });
                }
            }
            CallState::Talking { offer, .. } if self.is_conference(offer) => {
                self.caller_left_conference(id, offer, out);
            }
            CallState::Talking { offer, .. } => {
                out.commands.push(Command::HangUpAgent { offer });
                self.end_talk(id, offer, Party::Caller, out);
            }
            CallState::Passing(_) => self.end_passing(id, Party::Caller, out),
            // What became of them is told already.
            CallState::TurnedAway { .. } | CallState::Leaving { .. } => {
                self.deadlines.cancel(Timer::Greeting(id));
                self.calls.remove(&id);
            }
        }
    }

    /// The call ends through our fault.
    pub(super) fn on_broke(&mut self, id: CallId, out: &mut Outbox) {
        let Some(call) = self.calls.get(&id) else { return };
        let service = call.service;
        match call.state {
            CallState::Accepted | CallState::Greeting { .. } | CallState::InMenu(_) => {
                self.leave_greeting(id, out);
                out.fact(self.at, Fact::CallFailedInGreeting { call: id, service });
                out.commands.push(Command::HangUpCall { call: id });
            }
            CallState::Queued(_) => {
                if let Some((queue, waited)) = self.leave_queue(id, OfferOutcome::Withdrawn, out) {
                    out.fact(self.at, Fact::CallFailed { call: id, queue, waited });
                    out.commands.push(Command::HangUpCall { call: id });
                }
            }
            CallState::Talking { offer, .. } => self.cut_talk(id, offer, out),
            CallState::Passing(_) => self.cut_passing(id, out),
            CallState::TurnedAway { .. } | CallState::Leaving { .. } => self.last_words_over(id, out),
        }
    }

    /// The drain's limit is reached: the caller is hung up wherever it is.
    pub(super) fn drain(&mut self, id: CallId, out: &mut Outbox) {
        match self.calls.get(&id).map(|call| &call.state) {
            Some(CallState::Accepted | CallState::Greeting { .. } | CallState::InMenu(_)) => self.on_broke(id, out),
            Some(CallState::Queued(_)) => self.take_exit(id, Exit::End, FlowOut::Drained, out),
            Some(&CallState::Talking { offer, .. }) => self.cut_talk(id, offer, out),
            Some(CallState::Passing(_)) => self.cut_passing(id, out),
            Some(CallState::TurnedAway { .. } | CallState::Leaving { .. }) => self.last_words_over(id, out),
            None => {}
        }
    }

    fn cut_talk(&mut self, id: CallId, offer: OfferId, out: &mut Outbox) {
        out.commands.push(Command::HangUpCall { call: id });
        out.commands.push(Command::HangUpAgent { offer });
        self.end_talk(id, offer, Party::System, out);
    }

    fn cut_passing(&mut self, id: CallId, out: &mut Outbox) {
        out.commands.push(Command::HangUpCall { call: id });
        self.end_passing(id, Party::System, out);
    }

    /// Forgets a call that never entered. One that we accepted and that was never established was received all the
    /// same: it is accounted for.
    pub(super) fn leave_greeting(&mut self, id: CallId, out: &mut Outbox) {
        self.deadlines.cancel(Timer::Menu(id));
        self.kept_menus.remove(&id);
        let Some(call) = self.calls.remove(&id) else { return };
        self.deadlines.cancel(Timer::Greeting(id));
        self.waiting.give_place_back(call.queue);
        if matches!(call.state, CallState::Accepted) {
            let Call { service, arrived_at, .. } = call;
            out.fact(self.at, Fact::CallReceived { call: id, service, arrived_at });
        }
    }

    /// Forgets a queued call that nobody answered: its offer ends in the same step, with `outcome`, and every
    /// threshold behind it is told. What became of the call is the caller's to say.
    fn leave_queue(&mut self, id: CallId, outcome: OfferOutcome, out: &mut Outbox) -> Option<(QueueId, Duration)> {
        let left = self.quit_queue(id, outcome, out)?;
        self.calls.remove(&id);
        Some(left)
    }

    /// The same, and the call goes on: what it does next is the caller's to say.
    pub(super) fn quit_queue(
        &mut self,
        id: CallId,
        outcome: OfferOutcome,
        out: &mut Outbox,
    ) -> Option<(QueueId, Duration)> {
        let visit = self.calls.get(&id)?.visit()?;
        let (waited, stage, key) = (self.at.since(visit.entered), visit.stage, visit.key);
        match stage {
            Stage::Waiting => self.stop_waiting(id),
            Stage::Ringing(round) => self.cancel_round(round, outcome, out),
            Stage::Joining(winner, round) => {
                self.hang_up_joining(winner, outcome, out);
                self.cancel_round(round, outcome, out);
            }
        }
        self.pass_thresholds(id, |threshold| threshold < waited, out);
        self.keep_no_longer(id, LastAgentResult::Left, out);
        self.hold_call_deadlines(id);
        let call = self.calls.get_mut(&id)?;
        let queue = call.queue;
        if let Some(visit) = call.visit_mut() {
            self.memories.take_back(std::mem::take(&mut visit.memory));
        }
        self.waiting.give_place_back(queue);
        self.waiting.leave_line(queue, (key, id));
        Some((queue, waited))
    }
}

/// The shortest threshold not passed yet, with its position in the list.
fn next_threshold(queue: &Queue, passed: u32) -> Option<(u8, Duration)> {
    let open = (0u8..32).zip(&queue.thresholds).filter(|&(threshold, _)| passed & (1 << threshold) == 0);
    open.map(|(threshold, &length)| (threshold, length)).min_by_key(|&(threshold, length)| (length, threshold))
}
