//! From facts to finished interactions: the same facts, in the same order, as the tally counts.
//!
//! Remembers the calls that are not over, bounded; decides nothing and drops nothing silently: what it could not
//! follow is counted.

use super::record::{
    Ending, Interaction, MOST_OFFERS, MOST_STEPS, Moment, Name, Offer, Pseudonym, StepOpened, Talk, ThresholdOfTheDay,
    Visit, VisitOutcome,
};
use crate::facts::{AgentState, Fact, FlowOut, OfferOutcome, Record, Refusal};
use crate::ids::{AgentId, CallId, PoolId, QueueId, ServiceId};
use crate::stats::Shape;
use crate::time::{Duration, Time};
use std::collections::BTreeMap;

/// Follows calls from arrival to the end of the agent's work after them.
#[derive(Debug)]
pub struct Assembler {
    run: Run,
    names: Names,
    civil: Civil,
    open: BTreeMap<CallId, Open>,
    most_open: usize,
    /// Over for the caller; the agent still works on it.
    wrapping: BTreeMap<AgentId, Interaction>,
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
    /// Its visits are all over but perhaps the last, which is here.
    visit: Option<Visit>,
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
            Fact::CallEnded { call, agent, talked, by, .. } => {
                if let Some(talk) = self.visit(call).and_then(|visit| visit.talk.as_mut()) {
                    talk.talked = talked;
                    talk.ended_by = by;
                }
                self.talk_over(call, agent, at, out);
            }
            Fact::OfferEnded { call, pool, agent, step, outcome, rang, .. } => {
                let made = at - rang;
                self.offered(call, (pool, agent), (step, made, rang, outcome));
            }
            Fact::AgentStateChanged { agent, from, to, lasted, .. } => self.agent_moved(agent, from, to, lasted, out),
            Fact::AgentPlaced { .. }
            | Fact::Reloaded { .. }
            | Fact::CallPassedOn { .. }
            | Fact::CallTakenOver { .. }
            | Fact::OpeningChanged { .. }
            | Fact::OfferMade { .. }
            | Fact::LegMeasured { .. }
            | Fact::CallPromoted { .. }
            | Fact::PauseBegan { .. }
            | Fact::PauseEnded { .. }
            | Fact::AgentDenied { .. }
            | Fact::Turned(_)
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
        while let Some((_, mut interaction)) = self.wrapping.pop_first() {
            let worked = now.since(interaction.ended.at);
            if let Some(talk) = interaction.visits.last_mut().and_then(|visit| visit.talk.as_mut()) {
                talk.wrap_up = Some(worked);
            }
            out.push(interaction);
        }
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
        if self.open.insert(call, Open { interaction, visit: None }).is_some() {
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
        let before = open.visit.replace(Visit {
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
        open.interaction.visits.extend(before);
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
        });
    }

    fn left(&mut self, call: CallId, waited: Duration, outcome: VisitOutcome, at: Time, out: &mut Vec<Interaction>) {
        self.visit_over(call, waited, outcome);
        out.extend(self.close(call, at));
    }

    fn visit_over(&mut self, call: CallId, waited: Duration, outcome: VisitOutcome) {
        if let Some(visit) = self.visit(call) {
            visit.waited = waited;
            visit.outcome = outcome;
        }
    }

    /// The agent's next state says whether there is work after the call.
    fn talk_over(&mut self, call: CallId, agent: AgentId, at: Time, out: &mut Vec<Interaction>) {
        if let Some(interaction) = self.close(call, at) {
            out.extend(self.wrapping.insert(agent, interaction));
        }
    }

    fn agent_moved(
        &mut self,
        agent: AgentId,
        from: AgentState,
        to: AgentState,
        lasted: Duration,
        out: &mut Vec<Interaction>,
    ) {
        if to == AgentState::WrapUp {
            return;
        }
        let Some(mut interaction) = self.wrapping.remove(&agent) else { return };
        if from == AgentState::WrapUp
            && let Some(talk) = interaction.visits.last_mut().and_then(|visit| visit.talk.as_mut())
        {
            talk.wrap_up = Some(lasted);
        }
        out.push(interaction);
    }

    fn close(&mut self, call: CallId, at: Time) -> Option<Interaction> {
        let Some(Open { mut interaction, visit }) = self.open.remove(&call) else {
            self.unfollowed += 1;
            return None;
        };
        interaction.visits.extend(visit);
        interaction.ended = self.civil.of(at);
        Some(interaction)
    }

    fn visit(&mut self, call: CallId) -> Option<&mut Visit> {
        self.open.get_mut(&call)?.visit.as_mut()
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
        }
    }

    fn pool(&self, id: PoolId) -> Name {
        self.pools.get(id.index()).cloned().unwrap_or_else(|| "".into())
    }
}
