//! Callers who call again: whoever answered them last is asked first, for a while (`queue.last_agent_within`).
//!
//! ```text
//!   enters, known, that agent is there ─► kept for the agent ─┬─ answered
//!                                                             ├─ not taken, timed out, the agent is there no more ─► everybody
//!                                                             └─ the caller leaves
//! ```
//! Callers are known by tags that are made outside and mean nothing here. At most `limits.callers_remembered` are
//! remembered, for no longer than any queue asks for, and none where no queue does.

use super::call::{Call, Stage, Visit};
use super::sorted::Table;
use super::{Acd, Outbox, Timer};
use crate::facts::{AgentState, Fact, LastAgentResult};
use crate::ids::{AgentId, CallId, CallerTag};
use crate::time::{Duration, Time};
use std::collections::VecDeque;

/// Who answered whom last.
#[derive(Debug, Default)]
pub(super) struct LastAgents {
    by_caller: Table<CallerTag, (AgentId, Time)>,
    /// In the order of their answers; those of callers who were answered again since are of no meaning.
    by_time: VecDeque<(Time, CallerTag)>,
}

impl LastAgents {
    fn remember(&mut self, caller: CallerTag, agent: AgentId, at: Time, (most, longest): (usize, Duration)) {
        while self.by_time.len() >= most.max(1) || self.by_time.front().is_some_and(|&(then, _)| then + longest < at) {
            let Some((then, caller)) = self.by_time.pop_front() else { break };
            if self.by_caller.get(&caller).is_some_and(|&(_, known)| known == then) {
                self.by_caller.remove(&caller);
            }
        }
        self.by_caller.insert(caller, (agent, at));
        self.by_time.push_back((at, caller));
    }

    fn of(&self, caller: CallerTag, at: Time, within: Duration) -> Option<AgentId> {
        self.by_caller.get(&caller).filter(|&&(_, then)| at <= then + within).map(|&(agent, _)| agent)
    }

    /// How many callers are remembered.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.by_caller.len()
    }
}

impl Visit {
    /// Whether this agent is not to be asked now: left alone for a while, or the call is kept for another one.
    pub(super) fn is_closed_to(&self, agent: AgentId, at: Time) -> bool {
        self.memory.backs_off(agent, at) || self.kept_for.is_some_and(|it| it != agent)
    }
}

impl Acd {
    pub(super) fn on_caller_known(&mut self, id: CallId, caller: CallerTag) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.caller = Some(caller);
        }
    }

    /// An agent has the caller: that is the last one from now on.
    pub(super) fn remember_agent(&mut self, id: CallId, agent: AgentId) {
        let longest = self.plan.queues.iter().map(|queue| queue.last_agent_within).max().unwrap_or_default();
        let caller = self.calls.get(&id).and_then(|call| call.caller);
        if let Some(caller) = caller.filter(|_| !longest.is_zero()) {
            let most = self.plan.limits.callers_remembered as usize;
            self.last_agents.remember(caller, agent, self.at, (most, longest));
        }
    }

    /// A reload may have ended what callers were remembered for.
    pub(super) fn forget_agents(&mut self) {
        if self.plan.queues.iter().all(|queue| queue.last_agent_within.is_zero()) {
            self.last_agents = LastAgents::default();
        }
    }

    /// A call that has just entered is kept for the agent who answered its caller last, if that agent may have it and
    /// is there at all.
    pub(super) fn keep_for_last_agent(&mut self, id: CallId, out: &mut Outbox) {
        let Some(call) = self.calls.get(&id) else { return };
        let (queue, rules) = (call.queue, self.rules_of(call));
        let (within, wait) = (rules.last_agent_within, rules.last_agent_wait);
        let Some(caller) = call.caller.filter(|_| !within.is_zero() && !wait.is_zero()) else { return };
        let Some(agent) = self.last_agents.of(caller, self.at, within) else { return };
        if self.is_away(agent) || !self.is_admitted(id, agent) {
            return;
        }
        let Some(visit) = self.calls.get_mut(&id).and_then(Call::visit_mut) else { return };
        visit.kept_for = Some(agent);
        let until = visit.entered + wait;
        self.kept.insert((agent, id));
        self.deadlines.set(Timer::LastAgent(id), until);
        out.fact(self.at, Fact::LastAgentWanted { call: id, queue, agent, until });
    }

    fn is_away(&self, agent: AgentId) -> bool {
        let state = self.agents.get(agent.index()).map_or(AgentState::SignedOut, |agent| agent.state);
        matches!(state, AgentState::SignedOut | AgentState::Paused | AgentState::OtherMedia | AgentState::Unreachable)
    }

    fn is_admitted(&self, id: CallId, agent: AgentId) -> bool {
        let visit = self.calls.get(&id).and_then(Call::visit);
        visit.is_some_and(|visit| self.tiers.admits(self.tiers.class_of(visit.rules, visit.step), agent).is_some())
    }

    /// The call is for everybody from now on, or over.
    pub(super) fn keep_no_longer(&mut self, id: CallId, result: LastAgentResult, out: &mut Outbox) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let queue = call.queue;
        let Some(visit) = call.visit_mut() else { return };
        let Some(agent) = visit.kept_for.take() else { return };
        let place = (visit.key, id);
        if visit.stage == Stage::Waiting && self.waiting.holds(self.tiers.class_of(visit.rules, visit.step), place) {
            visit.waiting_since = visit.waiting_since.max(self.at);
            self.fresh_calls.insert(place);
        }
        self.kept.remove(&(agent, id));
        self.deadlines.cancel(Timer::LastAgent(id));
        out.fact(self.at, Fact::LastAgentEnded { call: id, queue, result });
    }

    /// The agent was wanted for long enough; a phone that rings by now rings on.
    pub(super) fn last_agent_due(&mut self, id: CallId, out: &mut Outbox) {
        self.keep_no_longer(id, LastAgentResult::TimedOut, out);
    }

    /// Another step, or another plan: the agent may be nobody for this call any more.
    pub(super) fn check_kept(&mut self, id: CallId, out: &mut Outbox) {
        let kept_for = self.calls.get(&id).and_then(Call::visit).and_then(|visit| visit.kept_for);
        if kept_for.is_some_and(|agent| !self.is_admitted(id, agent)) {
            self.keep_no_longer(id, LastAgentResult::NotThere, out);
        }
    }

    /// The agent went away: nobody waits for that.
    pub(super) fn free_kept_for(&mut self, agent: AgentId, out: &mut Outbox) {
        while let Some(&(_, id)) = { self.kept.from(&(agent, CallId(0))).next().filter(|(of, _)| *of == agent) } {
            self.keep_no_longer(id, LastAgentResult::NotThere, out);
            // Whatever became of the call: this ends.
            self.kept.remove(&(agent, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(seconds: u64) -> Time {
        Time::from_millis(seconds * 1_000)
    }

    #[test]
    fn the_last_answer_counts_and_what_is_old_or_too_much_is_forgotten() {
        let mut last = LastAgents::default();
        last.remember(CallerTag(1), AgentId(1), at(0), (3, HOUR));
        last.remember(CallerTag(1), AgentId(2), at(10), (3, HOUR));
        assert_eq!(last.of(CallerTag(1), at(3_610), HOUR), Some(AgentId(2)), "exactly then is within");
        assert_eq!(last.of(CallerTag(1), at(3_611), HOUR), None);
        assert_eq!(last.of(CallerTag(2), at(10), HOUR), None);
        for caller in 2..100 {
            last.remember(CallerTag(caller), AgentId(3), at(10 + caller), (3, HOUR));
            assert!(last.len() <= 3 && last.by_time.len() <= 3);
        }
        assert_eq!(last.of(CallerTag(1), at(110), HOUR), None, "too many came since");
        last.remember(CallerTag(7), AgentId(7), at(9_000), (3, HOUR));
        assert_eq!((last.len(), last.by_time.len()), (1, 1), "the others are too old for any queue");
    }
}
