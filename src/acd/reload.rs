//! A new plan in the middle of everything (semantics.md section 9, law 9): no call is lost, no counter moves.
//!
//! The plan is laid out by [`succession`](super::succession): whoever is in both plans has the same id in both. So
//! the tables stay, and only what was worked out from the plan is worked out again. What then happens to whom:
//!
//! - Calls in the greeting go on; those in a menu that was changed finish the one they are in. Their place moves with
//!   their service's queue, if that has room. Numbers that are gone are refused.
//! - Waiting calls keep their seniority, the wait so far and the thresholds of their entry, and go by the new rules of
//!   their queue, every deadline at its absolute moment; with `on_reload = "keep"` by their old ones, unless nobody is left
//!   who could ever be theirs by those. Their step stays
//!   if the steps up to it are as before, else it is the one that the wait has reached under the new rules.
//! - Phones ring on unless their agent may not have the call any more: those offers are withdrawn.
//! - Talks, joinings and wrap-up go on. Removed agents finish them and sign out; moved ones are in their new pool at
//!   once; removed queues let nobody in but those on their way, and are served until they are empty; whoever
//!   waits there and could never be served any more goes where the longest wait leads.

use super::agent::Agent;
use super::call::{Call, CallState, Stage, Visit};
use super::demand::Carried;
use super::estimate::Pace;
use super::offer::OfferState;
use super::plan::{OnReload, Plan, Queue, Service};
use super::strategy::Ready;
use super::tier::Tiers;
use super::{Acd, Outbox, Timer, agent, rules_among};
use crate::facts::{AgentState, Fact, FlowOut, Reload, StepTrigger};
use crate::ids::{AgentId, CallId};
use crate::time::Duration;

impl Acd {
    pub(super) fn on_plan_changed(&mut self, plan: Plan, out: &mut Outbox) {
        if !super::succession::is_laid_out_after(&plan, &self.plan) {
            return self.law(9, false, out);
        }
        let old = std::mem::replace(&mut self.plan, plan);
        let old_pinned = std::mem::take(&mut self.pinned);
        self.plan_since = self.at;
        out.fact(self.at, Fact::Reloaded { result: Reload::Ok });
        self.keep_menus(&old);
        self.tiers = Tiers::new(&self.plan);
        self.give_rules(&old, &old_pinned, out);
        self.work_out_again();
        for id in (0..).map(AgentId).take(self.plan.agents.len()) {
            self.change_agent(id, out);
        }
        let everybody: Vec<CallId> = self.calls.keys().copied().collect();
        everybody.into_iter().for_each(|id| self.change_call(id, out));
        self.forget_agents();
        self.change_calendars(old.calendars.len(), out);
    }

    /// Whoever is in a menu that the new plan has no more, or has otherwise, finishes it as it was.
    fn keep_menus(&mut self, old: &Plan) {
        let menu_of = |plan: &Plan, call: &Call| plan.services[call.service.index()].menu.clone();
        for (&id, call) in self.calls.iter().filter(|(_, call)| matches!(call.state, CallState::InMenu(_))) {
            if menu_of(old, call) != menu_of(&self.plan, call)
                && let Some(menu) = menu_of(old, call)
            {
                self.kept_menus.entry(id).or_insert(menu);
            }
        }
    }

    /// By which rules, and at which step of theirs, each queued call goes on.
    fn give_rules(&mut self, old: &Plan, old_pinned: &[Queue], out: &mut Outbox) {
        let everybody: Vec<CallId> = self.calls.keys().copied().collect();
        for id in everybody {
            let Some(call) = self.calls.get_mut(&id) else { continue };
            let (queue, choice) = (call.queue, call.choice);
            let carried = Carried { service: self.plan.services[call.service.index()].demand, choice };
            let Some(visit) = call.visit_mut() else { continue };
            let carried_before = visit.rules.carried;
            let (before, after) = (rules_among(old, old_pinned, visit.rules), &self.plan.queues[queue.index()]);
            if after.on_reload == OnReload::Keep && !same_rules(before, after) {
                let known = self.pinned.iter().position(|pinned| pinned == before);
                let place = known.unwrap_or_else(|| {
                    self.pinned.push(before.clone());
                    self.pinned.len() - 1
                });
                let place = self.plan.queues.len() + place;
                let kept = self.tiers.rules((place, queue), before, carried_before, &self.plan.demands);
                if self.tiers.serves_anybody(kept, visit.step, before.steps.len()) {
                    visit.rules = kept;
                    continue;
                }
            }
            let carried = if after.on_reload == OnReload::Keep { carried_before } else { carried };
            visit.rules = self.tiers.rules((queue.index(), queue), after, carried, &self.plan.demands);
            let step = step_under(after, before, visit, self.at.since(visit.entered));
            if step != visit.step {
                (visit.step, visit.step_since) = (step, self.at);
                out.fact(self.at, Fact::StepReached { call: id, queue, step, trigger: StepTrigger::Reload });
            }
            self.tell_carried(id, carried_before, out);
        }
    }

    /// Everything that follows from the plan alone: who may serve whom, and the indexes made of it.
    fn work_out_again(&mut self) {
        self.pace.resize(self.plan.queues.len(), Pace::default());
        self.waiting = self.waiting.after(self.plan.queues.len(), &self.tiers);
        // A weight that is gone may still be that of callers who wait.
        self.weighted |= self.plan.queues.iter().any(|queue| queue.weight > 0);
        self.fresh_calls.clear();
        self.fresh_agents.clear();
        let new = self.plan.agents.get(self.agents.len()..).unwrap_or_default();
        for agent in new {
            let mut agent = Agent::new(agent);
            // Nobody was told of them yet, and whoever needs not register is still to sign in.
            (agent.is_present, agent.fixed_contact) = (false, false);
            self.agents.push(agent);
        }
        self.ready = Ready::new(&self.plan, &self.pinned, &self.tiers);
        self.signed_in = agent::SignedIn::new(self.tiers.profiles());
        for (agent, id) in self.agents.iter_mut().zip((0..).map(AgentId)) {
            let profile = self.tiers.profile_of(id);
            agent.place = self.plan.agents[id.index()].place;
            if agent.state != AgentState::SignedOut {
                self.signed_in.add(profile);
            }
            if agent.state == AgentState::Ready {
                self.ready.insert(id, agent, profile);
            }
        }
    }

    fn change_agent(&mut self, id: AgentId, out: &mut Outbox) {
        let (planned, at) = (&self.plan.agents[id.index()], self.at);
        let (pool, fixed_contact, retired) = (planned.pool, planned.fixed_contact, planned.retired);
        let agent = &mut self.agents[id.index()];
        let (from, state) = (agent.is_present.then_some(agent.pool), agent.state);
        agent.pool = pool;
        if !retired && from != Some(pool) {
            if from.is_none() {
                agent.since = at;
            }
            agent.is_present = true;
            out.fact(at, Fact::AgentPlaced { agent: id, from, to: Some(pool), state });
            if let Some(from) = from {
                self.move_pause(id, from, out);
            }
        }
        let agent = &mut self.agents[id.index()];
        let was_fixed = std::mem::replace(&mut agent.fixed_contact, fixed_contact && !retired);
        match (was_fixed, fixed_contact && !retired) {
            (false, true) if state == AgentState::SignedOut => self.sign_in(id, out),
            // Busy: a sign-out that has not taken effect now never will.
            (false, true) => agent.signed_in = true,
            (true, false) => self.sign_out(id, out),
            _ if retired => self.sign_out(id, out),
            _ => {}
        }
    }

    /// Takes effect once they have nothing to do.
    fn sign_out(&mut self, id: AgentId, out: &mut Outbox) {
        self.agents[id.index()].signed_in = false;
        self.deadlines.cancel(Timer::Retry(id));
        self.show(id, self.at, out);
        self.leave_if_removed(id, out);
    }

    /// A removed agent has signed out: nobody counts them any more.
    pub(super) fn leave_if_removed(&mut self, id: AgentId, out: &mut Outbox) {
        let retired = self.plan.agents[id.index()].retired;
        let agent = &mut self.agents[id.index()];
        let state = agent.state;
        if retired && state == AgentState::SignedOut && std::mem::take(&mut agent.is_present) {
            out.fact(self.at, Fact::AgentPlaced { agent: id, from: Some(agent.pool), to: None, state });
        }
    }

    fn change_call(&mut self, id: CallId, out: &mut Outbox) {
        let Some(call) = self.calls.get(&id) else { return };
        let stage = match &call.state {
            CallState::Accepted | CallState::Greeting { .. } | CallState::InMenu(_) => {
                let Service { queue, .. } = self.plan.services[call.service.index()];
                return self.move_place(id, Some(queue));
            }
            CallState::Talking { .. }
            | CallState::Passing(_)
            | CallState::TurnedAway { .. }
            | CallState::Leaving { .. } => return,
            CallState::Queued(visit) => visit.stage,
        };
        match stage {
            Stage::Waiting => {
                self.set_deadlines_anew(id);
                self.start_waiting(id, out);
                self.leave_if_orphaned(id, out);
            }
            Stage::Ringing(round) | Stage::Joining(_, round) => {
                if matches!(stage, Stage::Ringing(_)) {
                    self.set_deadlines_anew(id);
                }
                self.check_kept(id, out);
                for offer in round.offers() {
                    self.set_offer_deadlines_anew(offer);
                }
                if let Some(visit) = self.calls.get(&id).and_then(Call::visit) {
                    let class = self.tiers.class_of(visit.rules, visit.step);
                    self.withdraw_if_closed(id, round, class, out);
                }
            }
        }
    }

    /// A removed queue is served until it is empty: who waits there and could never be had by anybody any more goes where
    /// the longest wait leads, at once.
    fn leave_if_orphaned(&mut self, id: CallId, out: &mut Outbox) {
        let Some(call) = self.calls.get(&id) else { return };
        let Some(visit) = call.visit() else { return };
        let (rules, steps) = (self.rules(visit.rules), self.rules(visit.rules).steps.len());
        let is_orphaned = !self.tiers.serves_anybody(visit.rules, visit.step, steps);
        if self.plan.queues[call.queue.index()].retired && is_orphaned {
            self.take_exit(id, rules.on_max_wait, FlowOut::Closed, out);
        }
    }

    /// Steps may be gone: their deadlines go with them.
    fn set_deadlines_anew(&mut self, id: CallId) {
        self.hold_call_deadlines(id);
        self.set_call_deadlines(id);
    }

    fn set_offer_deadlines_anew(&mut self, id: crate::ids::OfferId) {
        let Some(offer) = self.offers.get(&id) else { return };
        let Some(call) = self.calls.get(&offer.call) else { return };
        let (made_at, ring, setup) = (offer.made_at, self.rules_of(call).ring, self.plan.limits.setup_timeout);
        if matches!(offer.state, OfferState::Calling | OfferState::Ringing) {
            self.deadlines.set(Timer::Ring(id), made_at + ring);
        }
        if offer.state == OfferState::Calling {
            self.deadlines.set(Timer::Setup(id), made_at + setup);
        }
    }
}

/// Whether a waiting call notices no difference.
fn same_rules(before: &Queue, after: &Queue) -> bool {
    let Queue {
        name: _,
        weight: _,
        priority_credit: _,
        strategy,
        steps,
        ring,
        wrap_up: _,
        max_wait,
        on_max_wait,
        exits,
        max_wait_grace,
        last_agent_within: _,
        last_agent_wait: _,
        max_length: _,
        thresholds: _,
        contract: _,
        uncounted: _,
        target_percent: _,
        music,
        whisper: _,
        recording: _,
        announcements,
        on_reload: _,
        retired: _,
    } = after;
    (strategy, steps, ring) == (&before.strategy, &before.steps, &before.ring)
        && (max_wait, max_wait_grace) == (&before.max_wait, &before.max_wait_grace)
        && (on_max_wait, exits) == (&before.on_max_wait, &before.exits)
        && (music, announcements) == (&before.music, &before.announcements)
}

/// The step of a call that goes by other rules from now on.
fn step_under(after: &Queue, before: &Queue, visit: &Visit, waited: Duration) -> u8 {
    let up_to = |queue: &Queue| queue.steps.get(..=usize::from(visit.step)).map(<[_]>::to_vec);
    if up_to(after) == up_to(before) {
        return visit.step;
    }
    let reached = after.steps.iter().take_while(|step| step.after <= waited).count();
    u8::try_from(reached.saturating_sub(1)).unwrap_or(u8::MAX)
}
