//! From facts to finished interactions: the same facts, in the same order, as the tally counts.
//!
//! Remembers the calls that are not over, bounded; decides nothing and drops nothing silently: what it could not
//! follow is counted.

mod parts;

use super::record::{
    Ending, Interaction, MOST_OFFERS, MOST_STEPS, Moment, Name, Offer, Pseudonym, StepOpened, Talk, ThresholdOfTheDay,
    Visit, VisitOutcome,
};
use crate::facts::{AgentState, Fact, FlowOut, OfferOutcome, Record, Refusal};
use crate::ids::{AgentId, CallId, PoolId, QueueId, ServiceId};
use crate::stats::Shape;
use crate::time::{Duration, Time};
use parts::{OpenPause, add_work, finished};
use std::collections::BTreeMap;

/// Follows calls from arrival to the end of the agent's work after them.
#[derive(Debug)]
pub struct Assembler {
    run: Run,
    names: Names,
    civil: Civil,
    open: BTreeMap<CallId, Open>,
    most_open: usize,
    /// Over for the caller; agents still work on it.
    wrapping: BTreeMap<CallId, Open>,
    /// Whose work after which part of which visit of which call is not over.
    working: BTreeMap<AgentId, (CallId, (usize, usize))>,
    /// Who pauses.
    pausing: BTreeMap<AgentId, OpenPause>,
    /// Known before the call was received.
    callers: BTreeMap<CallId, Pseudonym>,
    unfollowed: u64,
}

/// Where interactions come from.
#[derive(Clone, Debug)]
pub struct Run {
    /// See [`Interaction::origin`].
    pub origin: Name,
    /// See [`Interaction::config`].
    pub config: Name,
    /// Numbers of agents by `AgentId`, where an agreement allows to keep them; else empty.
    pub agents: Vec<Name>,
}

/// The names that records carry, shared.
#[derive(Debug)]
struct Names {
    services: Vec<Name>,
    queues: Vec<QueueTerms>,
    pools: Vec<Name>,
    pauses: Vec<Name>,
}

#[derive(Debug)]
struct QueueTerms {
    name: Name,
    /// Those by which callers who enter now are judged, the contract's first.
    thresholds: Vec<ThresholdOfTheDay>,
    /// What the numbers in facts mean.
    by_number: Vec<Duration>,
    target_percent: u8,
}

/// Engine time and civil time of one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Civil(Moment);

impl Civil {
    fn of(self, at: Time) -> Moment {
        let ahead = i128::from(at.as_nanos()) - i128::from(self.0.at.as_nanos());
        let utc = i64::try_from(i128::from(self.0.utc) + ahead);
        Moment { at, utc: utc.unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX }) }
    }
}

/// A call that is not over.
#[derive(Debug)]
struct Open {
    interaction: Interaction,
    /// Agents who had the caller and still work on it.
    working: usize,
}

impl Assembler {
    /// Follows the calls of a run; `now` is its start on both clocks. At most `shape.calls` are followed at once.
    pub fn new(shape: &Shape, run: Run, now: Moment) -> Assembler {
        Assembler {
            run,
            names: Names::of(shape),
            civil: Civil(now),
            open: BTreeMap::new(),
            most_open: shape.calls,
            wrapping: BTreeMap::new(),
            working: BTreeMap::new(),
            pausing: BTreeMap::new(),
            callers: BTreeMap::new(),
            unfollowed: 0,
        }
    }

    /// What civil clocks say now: later moments are counted from here.
    pub fn anchor(&mut self, now: Moment) {
        self.civil = Civil(now);
    }

    /// A reload: calls that come from now on are recorded under this configuration; those that are on, under the names
    /// and terms of their entry.
    pub fn follow(&mut self, shape: &Shape, config: Name, agents: Vec<Name>) {
        (self.run.config, self.run.agents) = (config, agents);
        self.names = Names::of(shape);
        self.most_open = self.most_open.max(shape.calls);
    }

    /// Who calls; told between the call's arrival and its end.
    pub fn identify(&mut self, call: CallId, caller: Pseudonym) {
        match self.open.get_mut(&call) {
            Some(open) => open.interaction.caller = Some(caller),
            // Refused calls leave theirs behind: the oldest go first.
            None => {
                self.callers.insert(call, caller);
                while self.callers.len() > self.most_open {
                    self.callers.pop_first();
                }
            }
        }
    }

    /// Takes a fact in; what is finished by it goes to `out`.
    pub fn apply(&mut self, record: &Record, out: &mut Vec<Interaction>) {
        let at = record.at;
        match record.fact {
            Fact::CallRefused { service, reason } => out.push(self.refused(service, reason, at)),
            Fact::CallReceived { call, service, arrived_at } => self.received(call, service, arrived_at, at),
            Fact::CallLeftInGreeting { call, lost, .. } => {
                self.ended_early(call, Ending::LeftInGreeting { lost }, at, out);
            }
            Fact::ReferenceGiven { call, reference } => {
                if let Some(open) = self.open.get_mut(&call) {
                    open.interaction.reference = Some(reference);
                }
            }
            Fact::CallEndedInMenu { call, .. } => self.ended_early(call, Ending::EndedInMenu, at, out),
            Fact::CallFailedInGreeting { call, .. } => self.ended_early(call, Ending::FailedInGreeting, at, out),
            Fact::CallEntered { call, service, queue } => self.entered(call, service, queue, at),
            Fact::ThresholdPassed { call, queue, threshold } => self.threshold_passed(call, queue, threshold),
            Fact::StepReached { call, step, trigger, .. } => {
                if let Some(visit) = self.visit(call).filter(|visit| visit.steps.len() < MOST_STEPS) {
                    visit.steps.push(StepOpened { at, step, trigger });
                }
            }
            Fact::CallAnswered { call, pool, agent, waited, .. } => self.answered(call, pool, agent, waited),
            Fact::CallAbandoned { call, waited, lost, .. } => {
                self.left(call, waited, VisitOutcome::Abandoned { lost }, at, out);
            }
            // The caller goes on to another queue.
            Fact::CallFlowedOut { call, waited, to: FlowOut::Service, .. } => {
                self.visit_over(call, waited, VisitOutcome::FlowedOut(FlowOut::Service));
            }
            Fact::CallFlowedOut { call, waited, to, .. } => {
                self.left(call, waited, VisitOutcome::FlowedOut(to), at, out);
            }
            Fact::CallFailed { call, waited, .. } => self.left(call, waited, VisitOutcome::Failed, at, out),
            Fact::CallEnded { call, pool, agent, talked, held, consulted, by, .. } => {
                self.spent(call, (pool, agent), [talked, held, consulted]);
                if let Some(talk) = self.visit(call).and_then(|visit| visit.talk.as_mut()) {
                    talk.ended_by = by;
                }
                self.ended(call, at, out);
            }
            Fact::CallEndedUnattended { call, by, .. } => {
                if let Some(talk) = self.visit(call).and_then(|visit| visit.talk.as_mut()) {
                    talk.ended_by = by;
                }
                self.ended(call, at, out);
            }
            Fact::CallTransferred { call, pool, agent, talked, held, consulted, .. } => {
                self.spent(call, (pool, agent), [talked, held, consulted]);
            }
            Fact::OfferEnded { call, pool, agent, step, outcome, rang, .. } => {
                let made = at - rang;
                self.offered(call, (pool, agent), (step, made, rang, outcome));
            }
            Fact::AgentStateChanged { agent, from, to, lasted, .. } => self.agent_moved(agent, from, to, lasted, out),
            Fact::AgentPlaced { .. }
            | Fact::Reloaded { .. }
            | Fact::CallPassedOn { .. }
            | Fact::SkillsAsked { .. }
            | Fact::LastAgentWanted { .. }
            | Fact::LastAgentEnded { .. }
            | Fact::CallTakenOver { .. }
            | Fact::OpeningChanged { .. }
            | Fact::WaitEstimated { .. }
            | Fact::OfferMade { .. }
            | Fact::LegMeasured { .. }
            | Fact::LegNoted { .. }
            | Fact::CallPromoted { .. }
            | Fact::PauseBegan { .. }
            | Fact::PauseEnded { .. }
            | Fact::AgentDenied { .. }
            | Fact::CallTakenUp { .. }
            | Fact::TransferEnded { .. }
            | Fact::ConsultEnded { .. }
            | Fact::ConferenceBegan { .. }
            | Fact::Turned(_)
            | Fact::OrderBroken { .. }
            | Fact::LawBroken { .. } => {}
        }
    }

    /// Facts of calls that it did not know, because there were too many or they began before it did.
    pub fn unfollowed(&self) -> u64 {
        self.unfollowed
    }

    /// The run is over: whoever still works after a call has worked that long. Calls that are not over have no outcome
    /// and are left out; their number is returned.
    pub fn finish(&mut self, now: Time, out: &mut Vec<Interaction>) -> usize {
        for (_, (call, part)) in std::mem::take(&mut self.working) {
            if let Some(over) = self.wrapping.get_mut(&call) {
                let worked = now.since(over.interaction.ended.at);
                add_work(&mut over.interaction, part, worked);
            }
        }
        out.extend(std::mem::take(&mut self.wrapping).into_values().map(|over| finished(over.interaction)));
        let open = self.open.len();
        self.open.clear();
        open
    }

    // ---- arrival and greeting

    fn refused(&self, service: Option<ServiceId>, reason: Refusal, at: Time) -> Interaction {
        let moment = self.civil.of(at);
        let service = service.and_then(|service| self.names.services.get(service.index())).cloned();
        self.interaction(None, service, (moment, moment), Ending::Refused(reason))
    }

    fn received(&mut self, call: CallId, service: ServiceId, arrived_at: Time, at: Time) {
        let Some(service) = self.names.services.get(service.index()).cloned() else {
            self.unfollowed += 1;
            return;
        };
        // Full only when the end of a call was never told: the oldest is it.
        while self.open.len() >= self.most_open.max(1) {
            self.open.pop_first();
            self.unfollowed += 1;
        }
        let (arrived, moment) = (self.civil.of(arrived_at), self.civil.of(at));
        let mut interaction = self.interaction(Some(call), Some(service), (arrived, moment), Ending::Entered);
        interaction.received = Some(moment);
        interaction.caller = self.callers.remove(&call);
        if self.open.insert(call, Open { interaction, working: 0 }).is_some() {
            self.unfollowed += 1;
        }
    }

    fn interaction(
        &self,
        call: Option<CallId>,
        service: Option<Name>,
        (arrived, ended): (Moment, Moment),
        ending: Ending,
    ) -> Interaction {
        Interaction {
            origin: self.run.origin.clone(),
            call,
            service,
            caller: None,
            reference: None,
            config: self.run.config.clone(),
            arrived,
            received: None,
            ended,
            ending,
            visits: Vec::new(),
        }
    }

    fn ended_early(&mut self, call: CallId, ending: Ending, at: Time, out: &mut Vec<Interaction>) {
        if let Some(mut interaction) = self.close(call, at) {
            interaction.ending = ending;
            out.push(interaction);
        }
    }

    // ---- the visit

    fn entered(&mut self, call: CallId, service: ServiceId, queue: QueueId, at: Time) {
        let entered = self.civil.of(at);
        let service = self.names.services.get(service.index()).cloned();
        let (Some(open), Some(terms)) = (self.open.get_mut(&call), self.names.queues.get(queue.index())) else {
            self.unfollowed += 1;
            return;
        };
        open.interaction.visits.push(Visit {
            service: service.filter(|name| open.interaction.service.as_ref() != Some(name)),
            queue: terms.name.clone(),
            entered,
            waited: Duration::ZERO,
            outcome: VisitOutcome::Failed,
            thresholds: terms.thresholds.clone(),
            target_percent: terms.target_percent,
            steps: Vec::new(),
            offers: Vec::new(),
            offers_left_out: 0,
            talk: None,
        });
    }

    fn threshold_passed(&mut self, call: CallId, queue: QueueId, threshold: u8) {
        let terms = self.names.queues.get(queue.index());
        let Some(&length) = terms.and_then(|terms| terms.by_number.get(usize::from(threshold))) else { return };
        let mut known = self.visit(call).into_iter().flat_map(|visit| &mut visit.thresholds);
        if let Some(place) = known.find(|place| place.length == length) {
            place.passed = true;
        }
    }

    fn offered(
        &mut self,
        call: CallId,
        (pool, agent): (PoolId, AgentId),
        (step, made, rang, outcome): (u8, Time, Duration, OfferOutcome),
    ) {
        let (pool, agent) = (self.names.pool(pool), self.agent(agent));
        let Some(visit) = self.visit(call) else { return };
        if visit.offers.len() < MOST_OFFERS {
            visit.offers.push(Offer { pool, agent, step, made, rang, outcome });
        } else {
            visit.offers_left_out = visit.offers_left_out.saturating_add(1);
        }
    }

    fn answered(&mut self, call: CallId, pool: PoolId, agent: AgentId, waited: Duration) {
        let (pool, agent) = (self.names.pool(pool), self.agent(agent));
        let Some(visit) = self.visit(call) else { return };
        visit.waited = waited;
        visit.outcome = VisitOutcome::Answered;
        visit.talk = Some(Talk {
            pool,
            agent,
            talked: Duration::ZERO,
            held: Duration::ZERO,
            consulted: Duration::ZERO,
            wrap_up: None,
            ended_by: crate::facts::Party::System,
            legs: Vec::new(),
        });
    }

    fn left(&mut self, call: CallId, waited: Duration, outcome: VisitOutcome, at: Time, out: &mut Vec<Interaction>) {
        self.visit_over(call, waited, outcome);
        self.ended(call, at, out);
    }

    fn visit_over(&mut self, call: CallId, waited: Duration, outcome: VisitOutcome) {
        if let Some(visit) = self.visit(call) {
            visit.waited = waited;
            visit.outcome = outcome;
        }
    }

    /// An agent is done with the caller; the agent's next state says whether there is work after that.
    fn spent(&mut self, call: CallId, (pool, agent): (PoolId, AgentId), spent: [Duration; 3]) {
        let Some(mut open) = self.open.remove(&call) else { return };
        let number = open.interaction.visits.len().saturating_sub(1);
        let leg = open.interaction.visits.last_mut().map(|visit| self.leg(visit, (pool, agent), spent));
        open.working += usize::from(leg.is_some());
        self.open.insert(call, open);
        let Some(leg) = leg else { return };
        if let Some((before, _)) = self.working.insert(agent, (call, (number, leg))) {
            // An end of work that was never told.
            self.unfollowed += 1;
            self.worked(before);
        }
    }

    /// The caller's leg is over; the record is, once nobody works on it any more.
    fn ended(&mut self, call: CallId, at: Time, out: &mut Vec<Interaction>) {
        let Some(mut open) = self.open.remove(&call) else {
            self.unfollowed += 1;
            return;
        };
        open.interaction.ended = self.civil.of(at);
        if open.working == 0 {
            return out.push(finished(open.interaction));
        }
        self.wrapping.insert(call, open);
    }

    /// One agent less works on the call.
    fn worked(&mut self, call: CallId) -> Option<Interaction> {
        if let Some(open) = self.open.get_mut(&call) {
            open.working = open.working.saturating_sub(1);
            return None;
        }
        let over = self.wrapping.get_mut(&call)?;
        over.working = over.working.saturating_sub(1);
        if over.working > 0 {
            return None;
        }
        self.wrapping.remove(&call).map(|over| finished(over.interaction))
    }

    fn agent_moved(
        &mut self,
        agent: AgentId,
        from: AgentState,
        to: AgentState,
        lasted: Duration,
        out: &mut Vec<Interaction>,
    ) {
        // Work after a call may begin once a colleague is done with, who joined the talk.
        if matches!(to, AgentState::WrapUp | AgentState::Consulting) {
            return;
        }
        let Some((call, part)) = self.working.remove(&agent) else { return };
        if from == AgentState::WrapUp
            && let Some(known) = self.open.get_mut(&call).or(self.wrapping.get_mut(&call))
        {
            add_work(&mut known.interaction, part, lasted);
        }
        out.extend(self.worked(call));
    }

    fn close(&mut self, call: CallId, at: Time) -> Option<Interaction> {
        let Some(Open { mut interaction, .. }) = self.open.remove(&call) else {
            self.unfollowed += 1;
            return None;
        };
        interaction.ended = self.civil.of(at);
        Some(interaction)
    }

    fn visit(&mut self, call: CallId) -> Option<&mut Visit> {
        self.open.get_mut(&call)?.interaction.visits.last_mut()
    }

    fn agent(&self, agent: AgentId) -> Option<Name> {
        self.run.agents.get(agent.index()).cloned()
    }
}

impl Names {
    fn of(shape: &Shape) -> Names {
        let terms = |queue: &crate::stats::QueueShape| QueueTerms {
            name: queue.name.as_str().into(),
            thresholds: queue.judged_by().map(|(_, length)| ThresholdOfTheDay { length, passed: false }).collect(),
            by_number: queue.thresholds.clone(),
            target_percent: queue.target_percent,
        };
        Names {
            services: shape.services.iter().map(|service| service.name.as_str().into()).collect(),
            queues: shape.queues.iter().map(terms).collect(),
            pools: shape.pools.iter().map(|pool| pool.name.as_str().into()).collect(),
            pauses: shape.pauses.iter().map(|name| name.as_str().into()).collect(),
        }
    }

    fn pool(&self, id: PoolId) -> Name {
        self.pools.get(id.index()).cloned().unwrap_or_else(|| "".into())
    }
}
