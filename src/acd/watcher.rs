//! Looks on: whether offers and steps keep the order of semantics.md sections 3 to 5.
//!
//! It trusts nothing of the router: from the plan and the facts alone it keeps its own lines of those who wait, and
//! judges every offer by them. It never chooses anybody, and it does not check the strategies. Where facts leave a
//! doubt it says nothing: a breach that it tells is one.
//!
//! What it costs is bounded: it keeps a caller's place while the caller waits, and looks at no more than [`MOST_LOOKS`]
//! lines, callers or kinds of agents a question, so that in a very large centre it is a sample.

mod plans;

use super::demand::{Carried, Demand};
use super::plan::{BackOff, MOST_CREDIT, MOST_WEIGHT, Plan, Step, StepMode, Strategy};
use crate::facts::{AgentState, Fact, OrderRule, Record, StepTrigger};
use crate::ids::{AgentId, CallId, PoolId, QueueId, ServiceId, SkillId};
use crate::time::{Duration, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// How many lines, callers in one of them, or kinds of agents are looked at for one question.
const MOST_LOOKS: usize = 256;

/// The order of callers, the smallest first: 0 for the heaviest and for those who were overtaken often enough; entry
/// less credit, in nanoseconds; the call's id.
type Place = (u8, i128, CallId);

/// Those who wait by these rules, at this step.
type Line = (usize, usize);

/// By which rules callers of a queue wait, what they carry included; a reload adds new ones.
#[derive(Clone, Debug)]
struct Rules {
    queue: QueueId,
    strategy: Strategy,
    steps: Vec<Step>,
}

/// Agents who are alike.
#[derive(Debug)]
struct Kind {
    pool: PoolId,
    skills: Vec<(SkillId, u8)>,
    /// The queues that they serve first.
    order: Vec<QueueId>,
    ready: usize,
    signed_in: usize,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    /// None once a reload removed them: no step asks them.
    kind: Option<usize>,
    state: AgentState,
}

/// Somebody in a queue.
#[derive(Debug)]
struct Caller {
    queue: QueueId,
    place: Place,
    entered: Time,
    /// Of the queue, whatever the caller carries.
    queue_rules: usize,
    /// With what it carries.
    rules: usize,
    carried: Carried,
    step: usize,
    /// Phones that ring, or that took the call.
    offered: u32,
    unanswered: u32,
    overtaken: u32,
    /// Nobody else is asked for now.
    kept_for: Option<AgentId>,
    /// Who did not take the call, and until when they are not asked again.
    missed: Vec<(AgentId, Time)>,
}

impl Caller {
    fn line(&self) -> Line {
        (self.rules, self.step)
    }

    /// Whether the agent was not to be asked for this call at that moment.
    fn backs_off(&self, agent: AgentId, at: Time) -> bool {
        self.kept_for.is_some_and(|other| other != agent)
            || self.missed.iter().any(|&(other, until)| other == agent && until > at)
    }
}

/// Judges the order of callers and of steps, fact by fact.
#[derive(Debug)]
pub struct OrderWatcher {
    /// By queue.
    queues: Vec<QueueRules>,
    /// By service.
    credits: Vec<Duration>,
    rules: BTreeMap<usize, Rules>,
    /// Those of queues, with what callers carry.
    carried: BTreeMap<(usize, Carried), usize>,
    demands: Vec<Demand>,
    next_rules: usize,
    kinds: Vec<Kind>,
    agents: Vec<Seen>,
    back_off: BackOff,
    overtaken_at_most: u32,
    callers: BTreeMap<CallId, Caller>,
    /// The seniority of those who are about to enter once more.
    came_before: BTreeMap<CallId, Duration>,
    lines: BTreeMap<Line, BTreeSet<Place>>,
    /// Whose promotion was told. It counts from the offer after the one that overtook them, which is told next.
    promoted: Vec<CallId>,
    is_overtaken: bool,
}

/// What a queue is to those who enter it.
#[derive(Clone, Copy, Debug)]
struct QueueRules {
    rules: usize,
    weight: u8,
    credit: Duration,
}

impl OrderWatcher {
    /// Nobody waits, and nobody is signed in.
    pub fn new(plan: &Plan) -> OrderWatcher {
        let mut watcher = OrderWatcher {
            queues: Vec::new(),
            credits: Vec::new(),
            rules: BTreeMap::new(),
            carried: BTreeMap::new(),
            demands: Vec::new(),
            next_rules: 0,
            kinds: Vec::new(),
            agents: Vec::new(),
            back_off: BackOff::NONE,
            overtaken_at_most: 0,
            callers: BTreeMap::new(),
            came_before: BTreeMap::new(),
            lines: BTreeMap::new(),
            promoted: Vec::new(),
            is_overtaken: false,
        };
        watcher.plan_changed(plan);
        watcher
    }

    /// Takes over what became true; what is wrong with it, and whose it is.
    pub fn follow(&mut self, record: &Record) -> Option<(CallId, OrderRule)> {
        let at = record.at;
        match record.fact {
            Fact::CallTakenOver { call, seniority, .. } => _ = self.came_before.insert(call, seniority),
            Fact::CallEntered { call, service, queue } => self.entered(call, service, queue, at),
            Fact::SkillsAsked { call, service, choice, .. } => self.carries(call, Carried { service, choice }),
            Fact::LastAgentWanted { call, agent, .. } => self.move_to(call, |caller| caller.kept_for = Some(agent)),
            Fact::LastAgentEnded { call, .. } => self.move_to(call, |caller| caller.kept_for = None),
            Fact::StepReached { call, step, trigger, .. } => {
                return self.step_reached(call, step.into(), trigger, at).map(|rule| (call, rule));
            }
            Fact::CallPromoted { call, .. } => {
                self.promote();
                self.promoted.push(call);
            }
            Fact::OfferMade { call, agent, step, since, .. } => {
                return self.offered(call, agent, step.into(), since).map(|rule| (call, rule));
            }
            Fact::OfferEnded { call, agent, outcome, .. } => {
                let back_off = self.back_off.after(outcome);
                let back_off = back_off.map(|length| at + length.max(super::agent::LEAST_RETRY));
                let is_taken = outcome == crate::facts::OfferOutcome::Accepted;
                self.move_to(call, |caller| {
                    caller.offered = caller.offered.saturating_sub(u32::from(!is_taken));
                    caller.unanswered += u32::from(back_off.is_some());
                    caller.missed.extend(back_off.map(|until| (agent, until)));
                });
            }
            Fact::AgentStateChanged { agent, to, .. } => self.agent_changed(agent, to),
            Fact::CallAnswered { call, .. }
            | Fact::CallAbandoned { call, .. }
            | Fact::CallFlowedOut { call, .. }
            | Fact::CallFailed { call, .. } => self.left(call),
            Fact::CallRefused { .. }
            | Fact::CallPassedOn { .. }
            | Fact::OpeningChanged { .. }
            | Fact::CallReceived { .. }
            | Fact::CallLeftInGreeting { .. }
            | Fact::CallEndedInMenu { .. }
            | Fact::ReferenceGiven { .. }
            | Fact::CallFailedInGreeting { .. }
            | Fact::ThresholdPassed { .. }
            | Fact::WaitEstimated { .. }
            | Fact::CallEnded { .. }
            | Fact::CallTransferred { .. }
            | Fact::TransferEnded { .. }
            | Fact::ConsultEnded { .. }
            | Fact::ConferenceBegan { .. }
            | Fact::CallTakenUp { .. }
            | Fact::CallEndedUnattended { .. }
            | Fact::AgentPlaced { .. }
            | Fact::Reloaded { .. }
            | Fact::LegMeasured { .. }
            | Fact::LegNoted { .. }
            | Fact::PauseBegan { .. }
            | Fact::PauseEnded { .. }
            | Fact::AgentDenied { .. }
            | Fact::Turned(_)
            | Fact::OrderBroken { .. }
            | Fact::LawBroken { .. } => {}
        }
        None
    }

    fn entered(&mut self, id: CallId, service: ServiceId, queue: QueueId, at: Time) {
        let Some(&QueueRules { rules, weight, credit }) = self.queues.get(queue.index()) else { return };
        let credit = (credit + self.credits.get(service.index()).copied().unwrap_or_default()).min(MOST_CREDIT);
        let credit = self.came_before.remove(&id).unwrap_or(credit);
        let since = i128::from(at.as_nanos()) - i128::try_from(credit.as_nanos()).unwrap_or(i128::MAX);
        let place = (MOST_WEIGHT.saturating_sub(weight), since, id);
        let (offered, unanswered, overtaken, missed) = (0, 0, 0, Vec::new());
        let (queue_rules, carried, step) = (rules, Carried::NOTHING, 0);
        let caller = Caller {
            queue,
            place,
            entered: at,
            queue_rules,
            rules,
            carried,
            step,
            offered,
            unanswered,
            overtaken,
            kept_for: None,
            missed,
        };
        self.lines.entry(caller.line()).or_default().insert(place);
        self.callers.insert(id, caller);
    }

    fn left(&mut self, id: CallId) {
        self.promoted.retain(|promoted| *promoted != id);
        if let Some(caller) = self.callers.remove(&id)
            && let Some(line) = self.lines.get_mut(&caller.line())
        {
            line.remove(&caller.place);
        }
    }

    /// Something about the caller changes, and with it perhaps the line or the place in it.
    fn move_to(&mut self, id: CallId, change: impl FnOnce(&mut Caller)) {
        let Some(caller) = self.callers.get_mut(&id) else { return };
        if let Some(line) = self.lines.get_mut(&caller.line()) {
            line.remove(&caller.place);
        }
        change(caller);
        if caller.offered == 0 {
            self.lines.entry(caller.line()).or_default().insert(caller.place);
        }
    }

    /// Those whose promotion was told before the offer before go first from now on.
    fn promote(&mut self) {
        if std::mem::take(&mut self.is_overtaken) {
            for id in std::mem::take(&mut self.promoted) {
                self.move_to(id, |caller| caller.place.0 = 0);
            }
        }
    }

    fn agent_changed(&mut self, id: AgentId, to: AgentState) {
        let Some(seen) = self.agents.get_mut(id.index()) else { return };
        let from = std::mem::replace(&mut seen.state, to);
        if let Some(kind) = seen.kind.and_then(|kind| self.kinds.get_mut(kind)) {
            let count =
                |before: usize, state: bool, was: bool| (before + usize::from(state)).saturating_sub(was.into());
            kind.ready = count(kind.ready, to == AgentState::Ready, from == AgentState::Ready);
            kind.signed_in = count(kind.signed_in, to != AgentState::SignedOut, from != AgentState::SignedOut);
        }
    }

    /// A step opens by its time, by offers that went unanswered or because nobody is there, and never two at once.
    fn step_reached(&mut self, id: CallId, step: usize, trigger: StepTrigger, at: Time) -> Option<OrderRule> {
        let caller = self.callers.get(&id)?;
        let next = self.rules.get(&caller.rules)?.steps.get(step);
        let is_due = next.is_some_and(|next| match trigger {
            StepTrigger::Time => at >= caller.entered + next.after,
            StepTrigger::Offers => next.after_offers.is_some_and(|offers| caller.unanswered >= offers),
            StepTrigger::NobodySignedIn => next.when_nobody_signed_in && !self.is_anybody_signed_in(caller),
            StepTrigger::Reload => true,
        });
        let follows = trigger == StepTrigger::Reload || step == caller.step + 1;
        self.move_to(id, |caller| caller.step = step);
        (!is_due || !follows).then_some(OrderRule::Step)
    }

    fn is_anybody_signed_in(&self, caller: &Caller) -> bool {
        let signed_in = self.kinds.iter().filter(|kind| kind.signed_in > 0).take(MOST_LOOKS);
        self.open_steps(caller.line()).any(|(_, step)| signed_in.clone().any(|kind| asks(step, kind)))
    }

    /// An agent's phone is rung for the call: judges it, then goes by it.
    fn offered(&mut self, id: CallId, agent: AgentId, step: usize, since: Time) -> Option<OrderRule> {
        let is_first = self.callers.get(&id).is_some_and(|caller| caller.offered == 0);
        if is_first {
            self.promote();
            self.is_overtaken = !self.promoted.is_empty();
        }
        let mut broken = self.judge(id, agent, step, since);
        if is_first && self.overtake(id, agent, since) {
            broken = broken.or(Some(OrderRule::Overtaking));
        }
        self.move_to(id, |caller| caller.offered += 1);
        broken
    }

    fn judge(&self, id: CallId, agent: AgentId, step: usize, since: Time) -> Option<OrderRule> {
        let Some((caller, seen)) = self.callers.get(&id).zip(self.agents.get(agent.index())) else {
            return Some(OrderRule::Readiness);
        };
        let rings_all = self.rules.get(&caller.rules).is_some_and(|rules| rules.strategy == Strategy::RingAll);
        if seen.state != AgentState::Ready || (caller.offered > 0 && !rings_all) {
            return Some(OrderRule::Readiness);
        }
        let Some((_, rule)) = self.open_steps(caller.line()).find(|&(number, _)| number == step) else {
            return Some(OrderRule::Step);
        };
        if !seen.kind.is_some_and(|kind| asks(rule, &self.kinds[kind])) {
            return Some(OrderRule::Skills);
        }
        if let Some(wanted) = caller.kept_for {
            return (wanted != agent).then_some(OrderRule::Precedence);
        }
        let earlier = self.open_steps(caller.line()).take_while(|&(number, _)| number < step);
        if earlier.into_iter().any(|(_, earlier)| self.is_anybody_ready(caller, earlier, since)) {
            return Some(OrderRule::Precedence);
        }
        self.passed_over(caller, agent, since).then_some(OrderRule::Seniority)
    }

    /// Whether somebody whom this step asks is ready and was not left alone for this call. Those with an order of queues
    /// may want another call first.
    fn is_anybody_ready(&self, caller: &Caller, step: &Step, at: Time) -> bool {
        let is_ready = |agent: AgentId| self.agents.get(agent.index()).is_some_and(|it| it.state == AgentState::Ready);
        let is_free = |kind: &Kind| kind.ready > 0 && kind.order.is_empty();
        let asked = self.kinds.iter().enumerate().filter(|(_, kind)| is_free(kind)).take(MOST_LOOKS);
        asked.filter(|(_, kind)| asks(step, kind)).any(|(number, kind)| {
            let left_alone: BTreeSet<AgentId> = caller
                .missed
                .iter()
                .filter(|&&(agent, until)| until > at && is_ready(agent))
                .map(|&(agent, _)| agent)
                .filter(|agent| self.agents[agent.index()].kind == Some(number))
                .collect();
            kind.ready > left_alone.len()
        })
    }

    /// Whether somebody waits who stands before this caller and could have the agent: first by the agent's own order of
    /// queues, if there is one.
    fn passed_over(&self, caller: &Caller, agent: AgentId, at: Time) -> bool {
        let kind = self.agents.get(agent.index()).and_then(|seen| self.kinds.get(seen.kind?));
        let order = kind.map_or(&[][..], |kind| &kind.order);
        let in_order = |queue: QueueId| order.iter().position(|known| *known == queue).unwrap_or(order.len());
        let own = in_order(caller.queue);
        self.lines_for(caller, agent).any(|((rules, _), line)| {
            let place = self.rules.get(rules).map_or(own, |rules| in_order(rules.queue));
            // Of a queue before, all; of a later one, nobody.
            let last = if place < own { (u8::MAX, i128::MAX, CallId(u64::MAX)) } else { caller.place };
            let before = line.range(..last).filter(|_| place <= own).take(MOST_LOOKS);
            before.filter_map(|&(.., id)| self.callers.get(&id)).any(|other| !other.backs_off(agent, at))
        })
    }

    /// Those of lighter queues who came before the caller and could have the agent are overtaken once more; whether
    /// that is more often than may be.
    fn overtake(&mut self, id: CallId, agent: AgentId, at: Time) -> bool {
        let Some(caller) = self.callers.get(&id) else { return false };
        let (rank, since, _) = caller.place;
        let mut overtaken = Vec::new();
        for (_, line) in self.lines_for(caller, agent) {
            for lighter in rank + 1..=MOST_WEIGHT {
                let senior = line.range((lighter, i128::MIN, CallId(0))..(lighter, since, id)).take(MOST_LOOKS);
                overtaken.extend(senior.map(|&(.., id)| id));
            }
        }
        let mut broken = false;
        for id in overtaken {
            let Some(other) = self.callers.get_mut(&id) else { continue };
            other.overtaken += u32::from(!other.backs_off(agent, at));
            broken |= other.overtaken > self.overtaken_at_most;
        }
        broken
    }

    /// The lines in which the agent may be asked for those who wait, the caller's own first.
    fn lines_for(&self, caller: &Caller, agent: AgentId) -> impl Iterator<Item = (&Line, &BTreeSet<Place>)> {
        let own = caller.line();
        let kind = self.agents.get(agent.index()).and_then(|seen| seen.kind).map(|kind| &self.kinds[kind]);
        let lines = self.lines.range(own..).chain(self.lines.range(..own)).filter(|(_, line)| !line.is_empty());
        let asked = move |line: Line| kind.is_some_and(|kind| self.open_steps(line).any(|(_, step)| asks(step, kind)));
        lines.take(MOST_LOOKS).filter(move |(line, _)| asked(**line))
    }

    /// The steps open to those in the line, the earliest first: back to the last one that replaced those before it.
    fn open_steps(&self, (rules, reached): Line) -> impl Iterator<Item = (usize, &Step)> {
        let steps = self.rules.get(&rules).map_or(&[][..], |rules| &rules.steps);
        let replaces = |number: &usize| steps.get(*number).is_some_and(|step| step.mode == StepMode::Replace);
        let open: RangeInclusive<usize> = (0..=reached).rev().find(replaces).unwrap_or(0)..=reached;
        open.filter_map(|number| Some((number, steps.get(number)?)))
    }
}

/// Whether the step asks agents of this kind.
fn asks(step: &Step, kind: &Kind) -> bool {
    let level = |skill| kind.skills.iter().find(|&&(known, _)| known == skill).map_or(0, |&(_, level)| level);
    step.pools.contains(&kind.pool) && step.requires.iter().all(|&(skill, least)| level(skill) >= least)
}
