//! Which of several ready agents (semantics.md section 5): each strategy is a total order, agent id last.
//!
//! A strategy is a *ranking* kept per agent (smaller is rung first; it never changes while the agent is ready) and,
//! for `best_skill`, a prefix that depends on the call. Ready agents are held in order, per profile and ranking.

use super::agent::Agent;
use super::plan::{Plan, Queue, Strategy};
use super::sorted::Sorted;
use super::tier::{Bits, Tiers};
use crate::ids::AgentId;

/// What an agent's place in a strategy's order is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ranking {
    /// Since when without work.
    Idle,
    /// Since when without an offer.
    Offered,
    /// The order of the file.
    File,
    /// Calls answered since sign-in.
    Calls,
    /// Talk time since sign-in.
    Talk,
}

/// An agent's place in one ranking; ties are broken by agent id.
pub(super) type Rank = (u64, u64);

impl Ranking {
    pub(super) fn of(strategy: Strategy) -> Ranking {
        match strategy {
            Strategy::LongestIdle | Strategy::BestSkill => Ranking::Idle,
            Strategy::RoundRobin => Ranking::Offered,
            Strategy::Linear | Strategy::Random | Strategy::WeightedRandom | Strategy::RingAll => Ranking::File,
            Strategy::FewestCalls => Ranking::Calls,
            Strategy::LeastTalkTime => Ranking::Talk,
        }
    }

    fn rank(self, agent: &Agent) -> Rank {
        match self {
            Ranking::Idle => (agent.idle_since.as_nanos(), 0),
            Ranking::Offered => (agent.offered, 0),
            Ranking::File => (agent.place.into(), 0),
            Ranking::Calls => (agent.answered, agent.offered),
            Ranking::Talk => (agent.talked, agent.offered),
        }
    }
}

/// The ready agents, in the order of every ranking that the plan, or a call that waits by older rules, uses.
#[derive(Debug)]
pub(super) struct Ready {
    rankings: Vec<Ranking>,
    profiles: usize,
    sets: Vec<Sorted<(Rank, AgentId)>>,
    present: Bits,
    len: usize,
}

impl Ready {
    pub(super) fn new(plan: &Plan, pinned: &[Queue], tiers: &Tiers) -> Ready {
        let mut rankings = vec![Ranking::Idle];
        for ranking in plan.queues.iter().chain(pinned).map(|queue| Ranking::of(queue.strategy)) {
            if !rankings.contains(&ranking) {
                rankings.push(ranking);
            }
        }
        let profiles = tiers.profiles();
        let sets = vec![Sorted::default(); rankings.len() * profiles];
        Ready { rankings, profiles, sets, present: Bits::with_room_for(profiles), len: 0 }
    }

    pub(super) fn insert(&mut self, id: AgentId, agent: &Agent, profile: usize) {
        for (row, ranking) in self.rankings.iter().enumerate() {
            self.sets[row * self.profiles + profile].insert((ranking.rank(agent), id));
        }
        self.present.set(profile, true);
        self.len += 1;
    }

    /// Must be called before anything that the agent's ranks are made of changes.
    pub(super) fn remove(&mut self, id: AgentId, agent: &Agent, profile: usize) {
        for (row, ranking) in self.rankings.iter().enumerate() {
            let was_there = self.sets[row * self.profiles + profile].remove(&(ranking.rank(agent), id));
            debug_assert!(was_there, "a ready agent's rank changed");
        }
        self.present.set(profile, !self.sets[profile].is_empty());
        self.len -= 1;
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Profiles of which somebody is ready.
    pub(super) fn profiles(&self) -> &Bits {
        &self.present
    }

    /// The ready agents of one profile, the one to be rung first at the front.
    pub(super) fn of_profile(&self, profile: usize, ranking: Ranking) -> impl Iterator<Item = (Rank, AgentId)> + '_ {
        let row = self.rankings.iter().position(|&known| known == ranking).unwrap_or(0);
        self.sets[row * self.profiles + profile].iter().copied()
    }
}
