//! The laws of semantics.md section 9 that the engine can check on itself: cheap ones after every step at run time,
//! all of them on request. The laws about counts over a whole run are the tally's to check.

use super::agent::Activity;
use super::call::{Call, CallState, Stage};
use super::offer::{OfferState, Purpose};
use super::{Acd, Outbox};
use crate::facts::{AgentState, Fact};
use crate::ids::{AgentId, QueueId};

impl Acd {
    /// A law that must hold here: a test stops, a daemon counts it and goes on.
    pub(super) fn law(&self, law: u8, holds: bool, out: &mut Outbox) {
        debug_assert!(holds, "law {law} is broken");
        if !holds {
            out.fact(self.now, Fact::LawBroken { law });
        }
    }

    /// After every step, in constant time.
    pub(super) fn check_cheaply(&mut self, out: &mut Outbox) {
        let breaches = self.waiting.take_breaches();
        self.law(4, breaches == 0, out);
        self.law(4, self.waiting.len() <= self.calls.len(), out);
        self.law(4, self.ready.len() + self.offers.len() <= self.agents.len(), out);
        self.law(5, self.waiting.len() == 0 || self.ready.len() == 0 || self.fresh_calls.is_empty(), out);
        self.law(7, self.next_deadline().is_none_or(|(due, _)| due > self.at), out);
    }

    /// Checks everything, by looking at everything; the first law found broken, with its number.
    pub fn check_laws(&self) -> Result<(), String> {
        self.check_places()?;
        self.check_calls()?;
        self.check_offers()?;
        self.check_agents()?;
        self.check_work_conserving()?;
        match self.next_deadline() {
            Some((due, timer)) if due <= self.at => Err(format!("law 7: {timer:?} was due at {due:?}")),
            _ => Ok(()),
        }
    }

    fn check_places(&self) -> Result<(), String> {
        let mut lines = vec![(0, 0, Vec::new()); self.plan.queues.len()];
        for (&id, call) in self.calls.iter().filter(|(_, call)| call.holds_place()) {
            let (held, again, line) = &mut lines[call.queue.index()];
            *held += 1;
            if let Some(visit) = call.visit() {
                *again += usize::from(visit.again);
                line.push((visit.key, id));
            }
        }
        for ((queue, id), (held, again, mut line)) in self.plan.queues.iter().zip((0..).map(QueueId)).zip(lines) {
            line.sort_unstable();
            holds(2, held == self.waiting.places_taken(id) as usize, || format!("{}: {held} places held", queue.name))?;
            let most = queue.max_length.max(self.waiting.taken_at_reload(id)) as usize;
            holds(2, held <= again + most, || format!("{}: {held} places held", queue.name))?;
            holds(4, self.waiting.line(id).eq(line), || format!("{}: another line", queue.name))?;
        }
        holds(2, self.calls.len() <= self.plan.limits.channels as usize, || "more calls than channels".to_owned())
    }

    fn check_calls(&self) -> Result<(), String> {
        let mut waiting = 0;
        for (&id, call) in self.calls.iter() {
            let offer = match &call.state {
                CallState::Accepted
                | CallState::Greeting { .. }
                | CallState::InMenu(_)
                | CallState::TurnedAway { .. }
                | CallState::Leaving { .. } => None,
                CallState::Queued(visit) => match visit.stage {
                    Stage::Waiting => {
                        holds(6, self.early_trigger(id).is_none(), || format!("{id:?}: a step is overdue"))?;
                        waiting += 1;
                        let class = self.tiers.class_of(visit.rules, visit.step);
                        let here = self.waiting.holds(class, (visit.key, id));
                        holds(4, here, || format!("{id:?} waits nowhere"))?;
                        None
                    }
                    Stage::Ringing(round) => {
                        holds(4, self.still_rings(round), || format!("no phone rings for {id:?}"))?;
                        None
                    }
                    Stage::Joining(offer, _) => Some(offer),
                },
                CallState::Talking { offer, .. } => Some(*offer),
                CallState::Passing(passing) => passing.from.or(Some(passing.to)),
            };
            let agrees = |offer| self.offers.get(&offer).is_some_and(|offer| offer.call == id);
            holds(4, offer.is_none_or(agrees), || format!("{id:?} has an offer that is not its own"))?;
        }
        let kept = || self.calls.iter().filter_map(|(&id, call)| Some((call.visit()?.kept_for?, id)));
        holds(4, kept().all(|it| self.kept.contains(&it)) && kept().count() == self.kept.iter().count(), || {
            "calls are kept for others than the list says".to_owned()
        })?;
        holds(4, waiting == self.waiting.len(), || format!("{waiting} calls wait, {} found", self.waiting.len()))
    }

    fn check_offers(&self) -> Result<(), String> {
        for (&id, offer) in self.offers.iter() {
            let call = self.calls.get(&offer.call).map(|call| &call.state);
            let asked = |state: &CallState| match (offer.purpose, state) {
                (Purpose::Consult { asking }, CallState::Talking { offer, .. }) => {
                    *offer == asking && self.offers.get(&asking).is_some_and(|it| it.consult == Some(id))
                }
                (Purpose::Transfer, CallState::Passing(passing)) => passing.to == id,
                _ => false,
            };
            let (agrees, activity) = match offer.state {
                OfferState::Calling | OfferState::Ringing if offer.purpose != Purpose::Queue => {
                    (call.is_some_and(asked), Activity::Offered(id))
                }
                OfferState::Joining { .. } if offer.purpose != Purpose::Queue => {
                    (call.is_some_and(asked), Activity::Connected(id))
                }
                OfferState::Consulting => {
                    let agree = call.is_some_and(asked) || self.agree_without_caller(id, offer);
                    (agree, Activity::Consulting(id))
                }
                OfferState::Passing => {
                    let mine = |state| matches!(state, &CallState::Passing(passing) if passing.from == Some(id));
                    (call.is_some_and(mine), Activity::Holding(id))
                }
                OfferState::Calling | OfferState::Ringing => {
                    let mine = |state: &CallState| matches!(state, CallState::Queued(v) if v.stage.rings(id));
                    (call.is_some_and(mine), Activity::Offered(id))
                }
                OfferState::Joining { .. } => {
                    let mine = |state: &CallState| matches!(state, CallState::Queued(v) if v.stage.joins(id));
                    (call.is_some_and(mine), Activity::Connected(id))
                }
                OfferState::Talking => {
                    let mine = |state| matches!(state, &CallState::Talking { offer, .. } if offer == id);
                    (call.is_some_and(mine), offer.activity(id))
                }
                OfferState::Settling => (true, Activity::Offered(id)),
            };
            let agent = &self.agents[offer.agent.index()];
            holds(4, agrees && agent.activity == activity, || format!("{id:?}: call and agent do not agree"))?;
        }
        Ok(())
    }

    fn check_agents(&self) -> Result<(), String> {
        let mut ready = 0;
        for (agent, index) in self.agents.iter().zip(0..) {
            let offered = match agent.activity {
                Activity::Offered(offer)
                | Activity::Connected(offer)
                | Activity::Holding(offer)
                | Activity::Consulting(offer) => Some(offer),
                Activity::Idle | Activity::WrapUp => None,
            };
            let agrees = |offer| self.offers.get(&offer).is_some_and(|offer| offer.agent == AgentId(index));
            holds(4, offered.is_none_or(agrees), || format!("agent {index} has an offer that is not theirs"))?;
            ready += usize::from(agent.state == AgentState::Ready);
            let planned = &self.plan.agents[index as usize];
            let is_gone = || offered.is_none() && agent.state == AgentState::SignedOut;
            holds(9, agent.is_present || is_gone(), || format!("agent {index} is gone and works"))?;
            holds(9, agent.pool == planned.pool, || format!("agent {index} is in another pool than planned"))?;
        }
        holds(4, ready == self.ready.len(), || format!("{ready} agents are ready, {} found", self.ready.len()))
    }

    /// Law 5, naively: no waiting call and ready agent that it may have, as long as there are ports to ring with.
    fn check_work_conserving(&self) -> Result<(), String> {
        if self.port_wait.is_on {
            return Ok(());
        }
        let ready = (0..).map(AgentId).zip(&self.agents).filter(|(_, agent)| agent.state == AgentState::Ready);
        for (agent, _) in ready {
            for (&id, call) in self.calls.iter() {
                holds(5, !self.could_meet(call, agent), || format!("{id:?} waits and {agent:?} is ready"))?;
            }
        }
        Ok(())
    }

    fn could_meet(&self, call: &Call, agent: AgentId) -> bool {
        call.visit().is_some_and(|visit| {
            visit.stage == Stage::Waiting
                && !visit.is_closed_to(agent, self.latest)
                && self.tiers.admits(self.tiers.class_of(visit.rules, visit.step), agent).is_some()
        })
    }
}

fn holds(law: u8, holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("law {law}: {}", what())) }
}
