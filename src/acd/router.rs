//! Matching: which waiting call is offered to which ready agent (semantics.md section 5).
//!
//! Work-conserving by increments. Before an event no waiting call could be offered to any ready agent; so afterwards
//! only *fresh* calls (they began to wait, reached a step, a back-off ended) and *fresh* agents (they became ready)
//! can make a pair, and nobody else is looked at. The most senior call that has a pair is served first, by the
//! earliest open step, then whom it has not missed yet, then the queue's strategy.

use super::call::{Call, Visit};
use super::plan::Strategy;
use super::queue::Place;
use super::strategy::{Rank, Ranking};
use super::tier::Level;
use super::{Acd, Outbox};
use crate::facts::AgentState;
use crate::ids::{AgentId, CallId};
use crate::time::Time;
use rand_chacha::rand_core::Rng;

/// A call and an agent who are to meet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) call: CallId,
    pub(super) agent: AgentId,
    /// The tier step that allows it.
    pub(super) step: u8,
    /// When they could first have met.
    pub(super) since: Time,
}

impl Acd {
    /// Makes every offer that can be made.
    pub(super) fn assign(&mut self, out: &mut Outbox) {
        while let Some(place) = self.most_senior_fresh() {
            match self.find_agent(place.1) {
                Some(found) => self.make_offer(found, out),
                // Nobody is ready for it: agents only get fewer until the end of this step.
                None if self.fresh_calls.remove(&place) => {}
                None => {
                    self.law(5, false, out);
                    self.fresh_agents.clear();
                }
            }
        }
        debug_assert!(self.fresh_calls.is_empty() && self.fresh_agents.is_empty());
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

    /// The most senior call that this agent may be offered now.
    fn find_call(&self, agent: AgentId) -> Option<Place> {
        if self.agents[agent.index()].state != AgentState::Ready {
            return None;
        }
        let served = self.tiers.classes_served_by(self.tiers.profile_of(agent));
        let mine = |&(_, id): &Place| !self.visit_of(id).is_none_or(|visit| visit.memory.backs_off(agent, self.latest));
        served.and(self.waiting.classes()).filter_map(|class| self.waiting.of_class(class).find(mine)).min()
    }

    /// The agent whom this waiting call is offered to now.
    fn find_agent(&mut self, id: CallId) -> Option<Match> {
        let call = self.calls.get(&id)?;
        let visit = call.visit()?;
        let strategy = self.plan.queues[call.queue.index()].strategy;
        let class = &self.tiers.classes()[self.tiers.class_of(call.queue, visit.step)];
        let (agent, step) = match strategy {
            Strategy::Random => {
                let (candidates, step) = class.levels.iter().find_map(|level| self.all_of(visit, level))?;
                (candidates[draw(&mut self.decisions, candidates.len())], step)
            }
            _ => class.levels.iter().find_map(|level| Some((self.first_of(visit, level, strategy)?, level.step)))?,
        };
        let visit = self.visit_of(id)?;
        let ready_since = self.agents[agent.index()].since;
        let open_since = if step == visit.step { visit.step_since } else { visit.entered };
        let back_off_end = visit.memory.of(agent).map_or(Time::ZERO, |missed| missed.until);
        let since = visit.waiting_since.max(ready_since).max(open_since).max(back_off_end);
        Some(Match { call: id, agent, step, since })
    }

    /// The first in the strategy's order of those whom one step adds.
    fn first_of(&self, visit: &Visit, level: &Level, strategy: Strategy) -> Option<AgentId> {
        let ranking = Ranking::of(strategy);
        let mut best: Option<(u32, u32, Rank, AgentId)> = None;
        for profile in level.profiles.and(self.ready.profiles()) {
            let below_best = if strategy == Strategy::BestSkill { u32::MAX - level.surplus[profile] } else { 0 };
            for (rank, agent) in self.ready.of_profile(profile, ranking) {
                let missed = visit.memory.of(agent);
                if missed.is_some_and(|missed| missed.until > self.latest) {
                    continue;
                }
                let times = missed.map_or(0, |missed| missed.times);
                let candidate = (times, below_best, rank, agent);
                best = Some(best.map_or(candidate, |best| best.min(candidate)));
                if times == 0 {
                    // All that follow in this profile come later in the order.
                    break;
                }
            }
        }
        best.map(|(_, _, _, agent)| agent)
    }

    /// All of those whom one step adds and who missed the call least, in order of id.
    fn all_of(&self, visit: &Visit, level: &Level) -> Option<(Vec<AgentId>, u8)> {
        let ready = level.profiles.and(self.ready.profiles());
        let agents = ready.flat_map(|profile| self.ready.of_profile(profile, Ranking::File)).map(|(_, agent)| agent);
        let mut candidates: Vec<(u32, AgentId)> = agents
            .filter(|&agent| !visit.memory.backs_off(agent, self.latest))
            .map(|agent| (visit.memory.of(agent).map_or(0, |missed| missed.times), agent))
            .collect();
        candidates.sort_unstable();
        let &(least, _) = candidates.first()?;
        let agents = candidates.into_iter().take_while(|&(times, _)| times == least).map(|(_, agent)| agent).collect();
        Some((agents, level.step))
    }

    fn visit_of(&self, id: CallId) -> Option<&Visit> {
        self.calls.get(&id).and_then(Call::visit)
    }
}

/// A number below `len`, each as likely as the other to within 2^-32.
fn draw(decisions: &mut rand_chacha::ChaCha8Rng, len: usize) -> usize {
    ((u128::from(decisions.next_u64()) * len as u128) >> 64) as usize
}
