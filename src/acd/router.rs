//! Matching: which waiting call is offered to which ready agent (semantics.md section 5).
//!
//! Work-conserving by increments. Before an event no waiting call could be offered to any ready agent; so afterwards
//! only *fresh* calls (they began to wait, reached a step, a back-off ended) and *fresh* agents (they became ready)
//! can make a pair, and nobody else is looked at. An agent with an order of queues is for nobody while somebody waits
//! in a queue before. The most senior call that has a pair is served first, by the
//! earliest open step, then whom it has not missed yet, then the queue's strategy.

use super::call::{Call, Stage, Visit};
use super::plan::{Agent, MOST_WEIGHT, Strategy};
use super::queue::Place;
use super::strategy::{Rank, Ranking};
use super::tier::{Fit, Level};
use super::{Acd, Outbox};
use crate::facts::{AgentState, Fact};
use crate::ids::{AgentId, CallId};
use crate::time::Time;
use rand_chacha::rand_core::Rng;

/// How gladly an agent is chosen for a call, the smaller the sooner: how often they missed it, then how far they are below
/// what is preferred.
type Reluctance = (u32, u32);
/// An agent who may be chosen.
pub(super) type Candidate = (Reluctance, AgentId);

impl Acd {
    /// Makes every offer that can be made.
    pub(super) fn assign(&mut self, out: &mut Outbox) {
        self.leave_empty_steps(out);
        if self.port_wait.is_on {
            // Everybody is looked at again when there is a port.
            self.fresh_calls.clear();
            self.fresh_agents.clear();
        }
        while let Some(place) = self.most_senior_fresh() {
            match self.choose_agents(place.1) {
                Some(step) => {
                    self.count_overtaken(place, out);
                    self.make_offers(place.1, step, out);
                    self.look_at_deferred();
                }
                // Nobody is ready for it: agents only get fewer until the end of this step.
                None if self.fresh_calls.remove(&place) => self.defer(place.1),
                None => {
                    self.law(5, false, out);
                    self.fresh_agents.clear();
                }
            }
        }
        self.deferred.clear();
        debug_assert!(self.fresh_calls.is_empty() && self.fresh_agents.is_empty());
    }

    /// Whoever is ready for the call may want another one first, and no more once that is offered to somebody else.
    fn defer(&mut self, id: CallId) {
        if self.tiers.have_orders() {
            let mut anybody = std::mem::take(&mut self.chosen);
            anybody.clear();
            if self.candidates(id, false, &mut anybody).is_some() {
                self.deferred.push(id);
            }
            self.chosen = anybody;
        }
    }

    fn look_at_deferred(&mut self) {
        for id in self.deferred.drain(..) {
            let visit = self.calls.get(&id).and_then(Call::visit);
            if let Some(visit) = visit.filter(|visit| visit.stage == Stage::Waiting) {
                self.fresh_calls.insert((visit.key, id));
            }
        }
    }

    /// The most senior call that may have a pair now.
    fn most_senior_fresh(&mut self) -> Option<Place> {
        let mut best = self.fresh_calls.first().copied();
        let mut index = 0;
        while let Some(&agent) = self.fresh_agents.get(index) {
            match self.find_call(agent) {
                None => _ = self.fresh_agents.swap_remove(index),
                Some(place) => {
                    best = Some(best.map_or(place, |best| best.min(place)));
                    index += 1;
                }
            }
        }
        best
    }

    /// The most senior call that this agent may be offered now, of the first queue in its order that has one.
    fn find_call(&self, agent: AgentId) -> Option<Place> {
        if self.agents[agent.index()].state != AgentState::Ready {
            return None;
        }
        let profile = self.tiers.profile_of(agent);
        let served = self.tiers.classes_served_by(profile);
        let mine = |&(_, id): &Place| !self.visit_of(id).is_none_or(|visit| visit.is_closed_to(agent, self.latest));
        let first = |class| Some((self.tiers.place_in_order(profile, class), self.waiting.of_class(class).find(mine)?));
        served.and(self.waiting.classes()).filter_map(first).min().map(|(_, place)| place)
    }

    /// Whether somebody waits whom this agent wants before the calls of this class, by its order of queues.
    fn wants_another(&self, agent: AgentId, profile: usize, class: usize) -> bool {
        if !self.tiers.has_order(profile) {
            return false;
        }
        let place = self.tiers.place_in_order(profile, class);
        let before = |other: &usize| self.tiers.place_in_order(profile, *other) < place;
        let mine = |(_, id)| !self.visit_of(id).is_none_or(|visit| visit.is_closed_to(agent, self.latest));
        let served = self.tiers.classes_served_by(profile).and(self.waiting.classes());
        served.filter(before).any(|other| self.waiting.of_class(other).any(mine))
    }

    /// Chooses whom this waiting call is offered to now, by the step that is told.
    fn choose_agents(&mut self, id: CallId) -> Option<u8> {
        let mut chosen = std::mem::take(&mut self.chosen);
        chosen.clear();
        let step = self.candidates(id, true, &mut chosen);
        if let Some((_, strategy)) = step {
            self.draw(strategy, &mut chosen);
        }
        self.chosen = chosen;
        step.map(|(step, _)| step)
    }

    /// Those whom the queue's strategy leaves to choose from, by the earliest open step that has anybody; `in_order`
    /// without those who want another call first.
    fn candidates(&self, id: CallId, in_order: bool, chosen: &mut Vec<Candidate>) -> Option<(u8, Strategy)> {
        let visit = self.calls.get(&id)?.visit()?;
        let strategy = self.rules(visit.rules).strategy;
        let class = self.tiers.class_of(visit.rules, visit.step);
        let is_free = |agent, profile| !in_order || !self.wants_another(agent, profile, class);
        if let Some(agent) = visit.kept_for {
            let step = self.tiers.admits(class, agent)?;
            let is_ready = self.agents.get(agent.index()).is_some_and(|agent| agent.state == AgentState::Ready);
            let is_willing = is_ready && !visit.is_closed_to(agent, self.latest);
            if !is_willing || !is_free(agent, self.tiers.profile_of(agent)) {
                return None;
            }
            chosen.push(((0, 0), agent));
            return Some((step, strategy));
        }
        let level = self.tiers.classes()[class].levels.iter().find(|level| {
            match strategy {
                Strategy::Random | Strategy::WeightedRandom | Strategy::RingAll => {
                    self.all_of(visit, level, is_free, chosen);
                }
                Strategy::LongestIdle
                | Strategy::Linear
                | Strategy::RoundRobin
                | Strategy::FewestCalls
                | Strategy::LeastTalkTime
                | Strategy::BestSkill => chosen.extend(self.first_of(visit, level, strategy, is_free)),
            }
            !chosen.is_empty()
        })?;
        Some((level.step, strategy))
    }

    /// Of several candidates, leaves those who are rung: all, or one by a draw in order of id.
    fn draw(&mut self, strategy: Strategy, chosen: &mut Vec<Candidate>) {
        chosen.sort_unstable_by_key(|&(_, agent)| agent);
        if strategy == Strategy::RingAll || chosen.len() < 2 {
            return;
        }
        let least = chosen.iter().map(|&(reluctance, _)| reluctance).min().unwrap_or_default();
        chosen.retain(|&(reluctance, _)| reluctance == least);
        let weight = |agent: &Agent| if strategy == Strategy::WeightedRandom { agent.weight.max(1) } else { 1 };
        let weights = chosen.iter().map(|&(_, agent)| u64::from(weight(&self.plan.agents[agent.index()])));
        let mut ticket = draw(&mut self.decisions, weights.clone().sum());
        let winner = weights.clone().position(|weight| {
            let won = ticket < weight;
            ticket = ticket.saturating_sub(weight);
            won
        });
        chosen.swap(0, winner.unwrap_or(0));
        chosen.truncate(1);
    }

    /// When a waiting call and an agent whom it is offered to could first have met.
    ///
    /// Not before the latest step opened, the plan changed or there was a port: whoever could have met then did.
    pub(super) fn could_meet_since(&self, call: &Call, agent: AgentId) -> Option<Time> {
        let visit = call.visit()?;
        let ready_since = self.agents[agent.index()].since;
        let back_off_end = visit.memory.of(agent).map_or(Time::ZERO, |missed| missed.until);
        let possible_since = self.plan_since.max(self.port_wait.over_since);
        Some(visit.waiting_since.max(ready_since).max(visit.step_since).max(back_off_end).max(possible_since))
    }

    /// The first in the strategy's order of those whom one step adds.
    fn first_of(
        &self,
        visit: &Visit,
        level: &Level,
        strategy: Strategy,
        is_free: impl Fn(AgentId, usize) -> bool,
    ) -> Option<Candidate> {
        let ranking = Ranking::of(strategy);
        let mut best: Option<(Reluctance, u32, Rank, AgentId)> = None;
        for profile in level.profiles.and(self.ready.profiles()) {
            let Fit { below, above } = level.fits[profile];
            let below_best = if strategy == Strategy::BestSkill { u32::MAX - above } else { 0 };
            for (rank, agent) in self.ready.of_profile(profile, ranking) {
                let missed = visit.memory.of(agent);
                if missed.is_some_and(|missed| missed.until > self.latest) || !is_free(agent, profile) {
                    continue;
                }
                let times = missed.map_or(0, |missed| missed.times);
                let candidate = ((times, below), below_best, rank, agent);
                best = Some(best.map_or(candidate, |best| best.min(candidate)));
                if times == 0 {
                    // All that follow in this profile come later in the order.
                    break;
                }
            }
        }
        best.map(|(reluctance, _, _, agent)| (reluctance, agent))
    }

    /// All of those whom one step adds.
    fn all_of(
        &self,
        visit: &Visit,
        level: &Level,
        is_free: impl Fn(AgentId, usize) -> bool,
        chosen: &mut Vec<Candidate>,
    ) {
        let ready = level.profiles.and(self.ready.profiles());
        for profile in ready {
            let agents = self.ready.of_profile(profile, Ranking::File).map(|(_, agent)| agent);
            let willing = |agent: &AgentId| !visit.is_closed_to(*agent, self.latest) && is_free(*agent, profile);
            let willing = agents.filter(willing);
            let times = |agent| visit.memory.of(agent).map_or(0, |missed| missed.times);
            chosen.extend(willing.map(|agent| ((times(agent), level.fits[profile].below), agent)));
        }
    }

    /// Callers of lighter queues who came before this one and could have had one of those chosen for it. Nobody is
    /// counted more often than `overtaken_at_most` says, so that this costs no more than that many steps a caller.
    fn count_overtaken(&mut self, place: Place, out: &mut Outbox) {
        if !self.weighted || place.0.rank == MOST_WEIGHT {
            return;
        }
        let mut overtaken = std::mem::take(&mut self.overtaken);
        for class in 0..self.tiers.classes().len() {
            let admitted = |&&(_, agent): &&Candidate| self.tiers.admits(class, agent).is_some();
            if !self.waiting.classes().has(class) || !self.chosen.iter().any(|chosen| admitted(&chosen)) {
                continue;
            }
            overtaken.extend(self.waiting.overtaken_by(class, place).filter(|&(_, id)| {
                let willing = |agent| self.visit_of(id).is_some_and(|visit| !visit.is_closed_to(agent, self.latest));
                self.chosen.iter().filter(admitted).any(|&(_, agent)| willing(agent))
            }));
        }
        for (_, id) in overtaken.drain(..) {
            self.overtake(id, out);
        }
        self.overtaken = overtaken;
    }

    fn overtake(&mut self, id: CallId, out: &mut Outbox) {
        let most = self.plan.limits.overtaken_at_most;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let queue = call.queue;
        let Some(visit) = call.visit_mut() else { return };
        visit.overtaken += 1;
        if visit.overtaken < most {
            return;
        }
        let (old, class) = ((visit.key, id), self.tiers.class_of(visit.rules, visit.step));
        visit.key = visit.key.promoted();
        let (new, times) = ((visit.key, id), visit.overtaken);
        self.waiting.remove(class, old);
        self.waiting.insert(class, new);
        self.waiting.leave_line(queue, old);
        self.waiting.line_up(queue, new);
        if self.fresh_calls.remove(&old) {
            self.fresh_calls.insert(new);
        }
        out.fact(self.at, Fact::CallPromoted { call: id, queue, times });
    }

    fn visit_of(&self, id: CallId) -> Option<&Visit> {
        self.calls.get(&id).and_then(Call::visit)
    }
}

/// A number below `len`, each as likely as the other to within 2^-32.
fn draw(decisions: &mut rand_chacha::ChaCha8Rng, len: u64) -> u64 {
    ((u128::from(decisions.next_u64()) * u128::from(len)) >> 64) as u64
}
