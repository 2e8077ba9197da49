//! What the watcher takes from plans, at the start and from reloads: rules of queues, with what callers carry, and kinds of
//! agents.

use super::super::demand::Carried;
use super::super::plan::{Agent, OnReload, Plan, Queue};
use super::{Caller, Kind, OrderWatcher, QueueRules, Rules, Seen, asks};
use crate::facts::AgentState;
use crate::ids::{CallId, QueueId};
use std::collections::{BTreeMap, BTreeSet};

impl OrderWatcher {
    /// The facts that follow are of this plan.
    pub fn plan_changed(&mut self, plan: &Plan) {
        let first = self.next_rules;
        for (queue, id) in plan.queues.iter().zip((0..).map(QueueId)) {
            let rules = Rules { queue: id, strategy: queue.strategy, steps: queue.steps.clone() };
            self.rules.insert(self.next_rules, rules);
            self.next_rules += 1;
        }
        let known =
            |(queue, rules): (&Queue, usize)| QueueRules { rules, weight: queue.weight, credit: queue.priority_credit };
        self.queues = plan.queues.iter().zip(first..).map(known).collect();
        self.credits = plan.services.iter().map(|service| service.priority_credit).collect();
        self.back_off = plan.limits.back_off.clone();
        self.overtaken_at_most = plan.limits.overtaken_at_most;
        self.meet(&plan.agents);
        self.demands.clone_from(&plan.demands);
        self.lines.clear();
        let follows = |caller: &Caller| {
            let keeps = |queue: &Queue| queue.on_reload == OnReload::Keep && self.could_be_had(caller);
            plan.queues.get(caller.queue.index()).is_some_and(|queue| !keeps(queue))
        };
        let followers = self.callers.iter().filter(|(_, caller)| follows(caller)).map(|(id, _)| *id);
        let followers: BTreeSet<CallId> = followers.collect();
        let mut callers = std::mem::take(&mut self.callers);
        for (_, caller) in callers.iter_mut().filter(|(id, _)| followers.contains(*id)) {
            caller.queue_rules = self.queues[caller.queue.index()].rules;
            caller.rules = self.with_carried(caller.queue_rules, caller.carried);
        }
        self.callers = callers;
        for (&id, caller) in &self.callers {
            if caller.offered == 0 {
                self.lines.entry(caller.line()).or_default().insert((caller.place.0, caller.place.1, id));
            }
        }
        let used: BTreeSet<usize> =
            self.callers.values().flat_map(|caller| [caller.rules, caller.queue_rules]).collect();
        self.rules.retain(|&rules, _| rules >= first || used.contains(&rules));
        self.carried
            .retain(|&(of_queue, _), rules| self.rules.contains_key(&of_queue) && self.rules.contains_key(rules));
    }

    /// Whether anybody could ever take the call by the rules that it waits by.
    fn could_be_had(&self, caller: &Caller) -> bool {
        let steps = self.rules.get(&caller.rules).map_or(0, |rules| rules.steps.len());
        let mut steps = (caller.step..steps).flat_map(|step| self.open_steps((caller.rules, step)));
        steps.any(|(_, step)| self.kinds.iter().any(|kind| asks(step, kind)))
    }

    /// The rules of a queue for callers who carry this.
    fn with_carried(&mut self, of_queue: usize, carried: Carried) -> usize {
        if carried == Carried::NOTHING {
            return of_queue;
        }
        if let Some(&known) = self.carried.get(&(of_queue, carried)) {
            return known;
        }
        let Some(mut rules) = self.rules.get(&of_queue).cloned() else { return of_queue };
        for step in &mut rules.steps {
            step.requires = step.asks(carried, &self.demands).requires;
        }
        let number = self.next_rules;
        self.next_rules += 1;
        self.rules.insert(number, rules);
        self.carried.insert((of_queue, carried), number);
        number
    }

    pub(super) fn carries(&mut self, id: CallId, carried: Carried) {
        let Some(of_queue) = self.callers.get(&id).map(|caller| caller.queue_rules) else { return };
        let rules = self.with_carried(of_queue, carried);
        self.move_to(id, |caller| (caller.rules, caller.carried) = (rules, carried));
    }

    /// Sorts agents by what they can do; what they were doing they go on with.
    fn meet(&mut self, agents: &[Agent]) {
        let mut known = BTreeMap::new();
        self.kinds.clear();
        self.agents.resize(agents.len(), Seen { kind: None, state: AgentState::SignedOut });
        for (seen, agent) in self.agents.iter_mut().zip(agents) {
            seen.kind = (!agent.retired).then(|| {
                *known.entry((agent.pool, &agent.skills, &agent.queues)).or_insert_with(|| {
                    let (pool, skills, order) = (agent.pool, agent.skills.clone(), agent.queues.clone());
                    self.kinds.push(Kind { pool, skills, order, ready: 0, signed_in: 0 });
                    self.kinds.len() - 1
                })
            });
            if let Some(kind) = seen.kind.and_then(|kind| self.kinds.get_mut(kind)) {
                kind.ready += usize::from(seen.state == AgentState::Ready);
                kind.signed_in += usize::from(seen.state != AgentState::SignedOut);
            }
        }
    }
}
