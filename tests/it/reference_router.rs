//! A naive router: it follows the facts, scans everything and knows no index. The engine must choose what it chooses.

use centralino::acd::demand::Carried;
use centralino::acd::plan::{MOST_WEIGHT, OnReload, Plan, Queue, Step, StepMode, Strategy};
use centralino::facts::{AgentState, Fact, OfferOutcome, Record, StepTrigger};
use centralino::ids::{AgentId, CallId, QueueId};
use centralino::time::{Duration, Time};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A call in its queue.
struct Waiting {
    queue: QueueId,
    /// The queue's, or what it was before a reload that left the call to it.
    rules: Rc<Queue>,
    entered: Time,
    /// Nanoseconds of priority.
    credit: i128,
    /// Weight of the queue, until it was overtaken as often as it may be: then that of the heaviest.
    weight: u8,
    overtaken: u32,
    /// Told as a fact.
    promoted: bool,
    carried: Carried,
    kept_for: Option<AgentId>,
    step: usize,
    /// Phones that ring, or that took it.
    offered: u32,
    unanswered: u32,
    missed: BTreeMap<AgentId, (u32, Time)>,
}

impl Waiting {
    fn place(&self, id: CallId) -> (i128, CallId) {
        (i128::from(self.entered.as_nanos()) - self.credit, id)
    }
}

#[derive(Clone, Default)]
struct Agent {
    state: Option<AgentState>,
    signed_in_once: bool,
    idle_since: Time,
    offers: u64,
    answered: u64,
    talked: Duration,
    /// Who was rung by a fair strategy since this agent is ready and could have been rung instead.
    went_before: BTreeSet<AgentId>,
}

/// What the router would do now.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    call: CallId,
    agents: Vec<AgentId>,
    step: u8,
}

pub struct ReferenceRouter {
    plan: Rc<Plan>,
    calls: BTreeMap<CallId, Waiting>,
    /// The seniority of those who are about to enter once more.
    came_before: BTreeMap<CallId, Duration>,
    agents: Vec<Agent>,
    offers: u64,
    /// The rest of a `ring_all`.
    round: Option<Choice>,
}

impl ReferenceRouter {
    pub fn new(plan: Rc<Plan>) -> Self {
        let agents = vec![Agent::default(); plan.agents.len()];
        let (calls, came_before) = (BTreeMap::new(), BTreeMap::new());
        ReferenceRouter { plan, calls, came_before, agents, offers: 0, round: None }
    }

    /// A reload: waiting calls go by the new rules unless these leave them to the old ones.
    pub fn reload(&mut self, plan: Rc<Plan>) {
        self.agents.resize(plan.agents.len(), Agent::default());
        for call in self.calls.values_mut() {
            let queue = &plan.queues[call.queue.index()];
            let (a, b) = (&*call.rules, queue);
            let same = (&a.steps, a.strategy, a.ring) == (&b.steps, b.strategy, b.ring)
                && (a.max_wait, a.max_wait_grace) == (b.max_wait, b.max_wait_grace);
            let could_be_had = (call.step..call.rules.steps.len()).any(|step| {
                let mut open = open_steps(&call.rules, step).map(|step| &call.rules.steps[step]);
                open.any(|step| {
                    (0..).map(AgentId).take(plan.agents.len()).any(|it| fit(&plan, step, call.carried, it).is_some())
                })
            });
            if queue.on_reload == OnReload::Follow || same || !could_be_had {
                call.rules = Rc::new(queue.clone());
            }
        }
        self.plan = plan;
    }

    /// The most senior call that somebody ready may have; of those, by the earliest open step, whoever missed it
    /// least and comes first in the strategy's order (for `random`: any of them).
    pub fn choice(&self, now: Time) -> Option<Choice> {
        if self.round.is_some() {
            return self.round.clone();
        }
        let ready: Vec<AgentId> = (0..)
            .map(AgentId)
            .zip(&self.agents)
            .filter(|(_, agent)| agent.state == Some(AgentState::Ready))
            .map(|(id, _)| id)
            .collect();
        if ready.is_empty() {
            return None;
        }
        let mut calls: Vec<_> = self.calls.iter().filter(|(_, call)| call.offered == 0).collect();
        calls.sort_by_key(|(id, call)| (Reverse(call.weight), call.place(**id)));
        calls.into_iter().find_map(|(&id, call)| {
            let queue = &*call.rules;
            open_steps(queue, call.step).find_map(|step| {
                let mut agents: Vec<_> = ready
                    .iter()
                    .copied()
                    .filter(|&agent| fit(&self.plan, &queue.steps[step], call.carried, agent).is_some())
                    .filter(|agent| call.missed.get(agent).is_none_or(|&(_, until)| until <= now))
                    .filter(|&agent| call.kept_for.is_none_or(|it| it == agent))
                    .filter(|&agent| !self.wants_another(agent, call.queue, now))
                    .map(|agent| (self.key(call, queue, step, agent), agent))
                    .collect();
                agents.sort_unstable();
                let (first, _) = *agents.first()?;
                let agents = agents.into_iter().filter(|&(key, _)| key == first).map(|(_, agent)| agent);
                let any = matches!(queue.strategy, Strategy::Random | Strategy::WeightedRandom | Strategy::RingAll);
                let keep = if any { usize::MAX } else { 1 };
                Some(Choice { call: id, agents: agents.take(keep).collect(), step: step as u8 })
            })
        })
    }

    /// Somebody waits in a queue that comes before this one in the agent's own order.
    fn wants_another(&self, agent: AgentId, queue: QueueId, now: Time) -> bool {
        let order = &self.plan.agents[agent.index()].queues;
        let place = |queue| order.iter().position(|known| *known == queue).unwrap_or(order.len());
        self.calls.values().any(|other| {
            let mut steps = open_steps(&other.rules, other.step).map(|step| &other.rules.steps[step]);
            other.offered == 0
                && place(other.queue) < place(queue)
                && other.kept_for.is_none_or(|it| it == agent)
                && steps.any(|step| fit(&self.plan, step, other.carried, agent).is_some())
                && other.missed.get(&agent).is_none_or(|&(_, until)| until <= now)
        })
    }

    fn key(&self, call: &Waiting, queue: &Queue, step: usize, id: AgentId) -> (u32, u64, u64, u128, u64) {
        let agent = &self.agents[id.index()];
        let missed = call.missed.get(&id).map_or(0, |&(times, _)| times);
        let idle = u128::from(agent.idle_since.as_nanos());
        let (below, above) = fit(&self.plan, &queue.steps[step], call.carried, id).unwrap_or_default();
        let (first, second, third) = match queue.strategy {
            Strategy::LongestIdle => (0, idle, 0),
            Strategy::RoundRobin => (0, agent.offers.into(), 0),
            Strategy::RingAll => return (0, 0, 0, 0, 0),
            Strategy::Linear => (0, self.plan.agents[id.index()].place.into(), 0),
            Strategy::Random | Strategy::WeightedRandom => (0, 0, 0),
            Strategy::FewestCalls => (0, agent.answered.into(), agent.offers),
            Strategy::LeastTalkTime => (0, agent.talked.as_nanos(), agent.offers),
            Strategy::BestSkill => (u64::MAX - above, idle, 0),
        };
        (missed, below, first, second, third)
    }

    /// Takes over what became true; an offer must be the one that would be made here.
    pub fn follow(&mut self, record: &Record, now: Time) {
        match record.fact {
            Fact::CallEntered { call, queue, service } => {
                let rules = Rc::new(self.plan.queues[queue.index()].clone());
                let credit = self.plan.services[service.index()].priority_credit + rules.priority_credit;
                let credit = self.came_before.remove(&call).unwrap_or(credit);
                let (credit, weight) = (credit.as_nanos() as i128, rules.weight);
                let missed = BTreeMap::new();
                self.calls.insert(
                    call,
                    Waiting {
                        queue,
                        rules,
                        entered: record.at,
                        credit,
                        weight,
                        overtaken: 0,
                        promoted: false,
                        carried: Carried::NOTHING,
                        kept_for: None,
                        step: 0,
                        offered: 0,
                        unanswered: 0,
                        missed,
                    },
                );
            }
            Fact::LastAgentWanted { call, agent, .. } => self.call(call).kept_for = Some(agent),
            Fact::LastAgentEnded { call, .. } => {
                self.calls.get_mut(&call).into_iter().for_each(|it| it.kept_for = None)
            }
            Fact::SkillsAsked { call, service, choice, .. } => self.call(call).carried = Carried { service, choice },
            Fact::CallTakenOver { call, seniority, .. } => _ = self.came_before.insert(call, seniority),
            Fact::StepReached { call, step, trigger: StepTrigger::Reload, .. } => {
                self.step_by_reload(call, step, record.at)
            }
            Fact::StepReached { call, step, trigger, .. } => {
                let due = trigger == StepTrigger::Time || self.opens_early(&self.calls[&call]);
                assert!(due && usize::from(step) == self.calls[&call].step + 1, "{record:?}");
                self.call(call).step = step.into();
            }
            Fact::CallPromoted { call, times, .. } => self.promote(call, times, now),
            Fact::OfferMade { call, agent, step, .. } => {
                let choice = self.choice(now).unwrap_or_else(|| panic!("{:?}: nobody was to be offered", record));
                assert!(
                    choice.call == call && choice.agents.contains(&agent) && choice.step == step,
                    "{record:?}, but {choice:?} was the choice"
                );
                self.count_overtaken(&choice, agent, now);
                self.check_fairness(call, step, agent, now);
                self.call(call).offered += 1;
                if self.call(call).rules.strategy == Strategy::RingAll {
                    let agents: Vec<_> = choice.agents.iter().copied().filter(|other| *other != agent).collect();
                    self.round = (!agents.is_empty()).then_some(Choice { agents, ..choice });
                }
                self.offers += 1;
                self.agents[agent.index()].offers = self.offers;
            }
            Fact::OfferEnded { call, agent, outcome, .. } => self.offer_ended(call, agent, outcome, record.at),
            Fact::CallAnswered { call, agent, .. } => {
                self.calls.remove(&call);
                self.agents[agent.index()].answered += 1;
            }
            Fact::CallAbandoned { call, .. } | Fact::CallFlowedOut { call, .. } | Fact::CallFailed { call, .. } => {
                self.calls.remove(&call);
            }
            Fact::CallEnded { agent, talked, .. } | Fact::CallTransferred { agent, talked, .. } => {
                self.agents[agent.index()].talked += talked
            }
            Fact::AgentStateChanged { agent, from, to, .. } => self.agent_changed(agent, from, to, record.at),
            _ => {}
        }
    }

    fn offer_ended(&mut self, call: CallId, agent: AgentId, outcome: OfferOutcome, at: Time) {
        let back_off = &self.plan.limits.back_off;
        let back_off = match outcome {
            OfferOutcome::NoAnswer => Some(back_off.no_answer),
            OfferOutcome::Busy => Some(back_off.busy),
            OfferOutcome::Rejected => Some(back_off.rejected),
            OfferOutcome::Unreachable | OfferOutcome::Failed => Some(back_off.unreachable),
            _ => None,
        };
        let waiting = self.call(call);
        waiting.offered -= u32::from(outcome != OfferOutcome::Accepted);
        waiting.unanswered += u32::from(back_off.is_some());
        if let Some(back_off) = back_off {
            let (times, until) = waiting.missed.entry(agent).or_default();
            (*times, *until) = (*times + 1, at + back_off);
        }
    }

    /// How far `round_robin` and `longest_idle` spread: while an agent stands ready and could be rung, nobody else is
    /// rung twice. So nobody waits for more offers than there are others.
    fn check_fairness(&mut self, id: CallId, step: u8, rung: AgentId, now: Time) {
        let call = &self.calls[&id];
        let missed = |agent: &AgentId| call.missed.get(agent).copied().unwrap_or_default();
        let by_idleness = match call.rules.strategy {
            Strategy::RoundRobin => false,
            Strategy::LongestIdle => true,
            _ => return,
        };
        if call.kept_for.is_some() {
            return;
        }
        let below = |step: &Step, agent| fit(&self.plan, step, call.carried, agent).map(|(below, _)| below);
        let (step, idle_since) = (&call.rules.steps[usize::from(step)], self.agents[rung.index()].idle_since);
        let could_be_rung = |id: &AgentId| {
            let agent = &self.agents[id.index()];
            agent.state == Some(AgentState::Ready)
                && *id != rung
                // Whoever is preferred goes first, and nobody is for calls of a later queue in their own order.
                && below(step, *id).is_some_and(|it| Some(it) <= below(step, rung))
                && !self.wants_another(*id, call.queue, now)
                && (missed(id).0 <= missed(&rung).0 && missed(id).1 <= now)
                // Of those idle since one moment, the first of the file may be rung again.
                && !(by_idleness && agent.idle_since == idle_since)
        };
        let standing: Vec<AgentId> = (0..).map(AgentId).take(self.agents.len()).filter(could_be_rung).collect();
        let most = self.agents.len() - 1;
        for id in standing {
            let agent = &mut self.agents[id.index()];
            assert!(agent.went_before.insert(rung), "{rung:?} is rung twice while {id:?} stands ready");
            assert!(agent.went_before.len() <= most, "{id:?} waits for more offers than there are others");
        }
    }

    /// The step that the wait has reached under the new rules.
    fn step_by_reload(&mut self, call: CallId, step: u8, at: Time) {
        let waiting = self.call(call);
        let waited = at.since(waiting.entered);
        let reached = waiting.rules.steps.iter().rposition(|step| step.after <= waited);
        assert_eq!(reached, Some(step.into()), "{call:?}");
        waiting.step = step.into();
    }

    /// The offer that overtook it often enough is told after it.
    fn promote(&mut self, id: CallId, times: u32, now: Time) {
        let choice = self.choice(now).unwrap_or_else(|| panic!("{id:?} is promoted and nobody was to be offered"));
        let most = self.plan.limits.overtaken_at_most;
        assert!(self.overtakes(&choice, now).contains(&id), "{id:?} is not overtaken by {choice:?}");
        assert!(times == most && self.call(id).overtaken + 1 == most, "{id:?} was overtaken otherwise than {times}");
        self.call(id).promoted = true;
    }

    /// One round of phones overtakes a caller once, however many ring.
    fn count_overtaken(&mut self, choice: &Choice, agent: AgentId, now: Time) {
        if self.round.is_some() {
            return;
        }
        let is_all = self.calls[&choice.call].rules.strategy == Strategy::RingAll;
        let agents = if is_all { choice.agents.clone() } else { vec![agent] };
        let most = self.plan.limits.overtaken_at_most;
        for id in self.overtakes(&Choice { agents, ..choice.clone() }, now) {
            let call = self.call(id);
            call.overtaken += 1;
            if call.overtaken >= most {
                assert!(call.promoted, "nobody told that {id:?} was overtaken often enough");
                call.weight = MOST_WEIGHT;
            }
        }
    }

    /// Those of lighter queues who came before the call of this choice and could have one of its agents.
    fn overtakes(&self, choice: &Choice, now: Time) -> Vec<CallId> {
        let served = &self.calls[&choice.call];
        let could = |call: &Waiting, agent: AgentId| {
            let queue = &*call.rules;
            open_steps(queue, call.step).any(|step| fit(&self.plan, &queue.steps[step], call.carried, agent).is_some())
                && call.missed.get(&agent).is_none_or(|&(_, until)| until <= now)
                && call.kept_for.is_none_or(|it| it == agent)
        };
        let waiting = self.calls.iter().filter(|(_, call)| call.offered == 0 && call.weight < served.weight);
        let senior = waiting.filter(|(id, call)| call.place(**id) < served.place(choice.call));
        senior.filter(|(_, call)| choice.agents.iter().any(|&agent| could(call, agent))).map(|(id, _)| *id).collect()
    }

    /// A call whose next step should be open by now: by its triggers, not by its time.
    pub fn overdue(&self) -> Option<CallId> {
        let mut waiting = self.calls.iter().filter(|(_, call)| call.offered == 0);
        waiting.find(|(_, call)| self.opens_early(call)).map(|(id, _)| *id)
    }

    fn opens_early(&self, call: &Waiting) -> bool {
        let queue = &*call.rules;
        let Some(next) = queue.steps.get(call.step + 1) else { return false };
        let asked = |agent| {
            open_steps(queue, call.step).any(|step| fit(&self.plan, &queue.steps[step], call.carried, agent).is_some())
        };
        let is_in = |agent: &AgentId| {
            !matches!(self.agents[agent.index()].state, None | Some(AgentState::SignedOut)) && asked(*agent)
        };
        let nobody = || !(0..).map(AgentId).take(self.agents.len()).any(|agent| is_in(&agent));
        next.after_offers.is_some_and(|most| call.unanswered >= most) || (next.when_nobody_signed_in && nobody())
    }

    fn call(&mut self, id: CallId) -> &mut Waiting {
        self.calls.get_mut(&id).unwrap_or_else(|| panic!("{id:?} is in no queue"))
    }

    fn agent_changed(&mut self, id: AgentId, from: AgentState, to: AgentState, at: Time) {
        let is_work = |state| {
            use AgentState::{Consulting, OnHold, Ringing, Talking, WrapUp};
            matches!(state, Ringing | Talking | OnHold | Consulting | WrapUp)
        };
        let signed_in = |agent: &&Agent| agent.state.is_some_and(|state| state != AgentState::SignedOut);
        if from == AgentState::SignedOut {
            // A joiner starts at the minimum of those present.
            let answered = self.agents.iter().filter(signed_in).map(|agent| agent.answered).min();
            let talked = self.agents.iter().filter(signed_in).map(|agent| agent.talked).min();
            let agent = &mut self.agents[id.index()];
            (agent.answered, agent.talked) = (answered.unwrap_or(0), talked.unwrap_or_default());
        }
        let agent = &mut self.agents[id.index()];
        if is_work(from) && !is_work(to) || !agent.signed_in_once {
            (agent.idle_since, agent.signed_in_once) = (at, true);
        }
        agent.state = Some(to);
        agent.went_before.clear();
    }
}

/// Back to the last step that replaced those before it.
fn open_steps(queue: &Queue, step: usize) -> impl Iterator<Item = usize> {
    let replaces = |step: &usize| queue.steps[*step].mode == StepMode::Replace;
    (1..=step).rev().find(replaces).unwrap_or(0)..=step
}

/// How far an agent is below what is preferred and above what is required by the step and by what the call carries;
/// `None` for one who may not have it.
pub fn fit(plan: &Plan, step: &Step, carried: Carried, agent: AgentId) -> Option<(u64, u64)> {
    let agent = &plan.agents[agent.index()];
    let level = |skill| agent.skills.iter().find(|(known, _)| *known == skill).map_or(0, |(_, level)| *level);
    let asked = step.asks(carried, &plan.demands);
    let fits = !agent.retired
        && step.pools.contains(&agent.pool)
        && asked.requires.iter().all(|&(skill, least)| level(skill) >= least);
    let below = asked.prefers.iter().map(|&(skill, wanted)| u64::from(wanted.saturating_sub(level(skill)))).sum();
    fits.then(|| (below, asked.requires.iter().map(|&(skill, least)| u64::from(level(skill) - least)).sum()))
}
