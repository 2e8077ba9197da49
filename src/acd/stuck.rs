//! The watch for what would never end: a call or an agent in a state that must pass and that no deadline ends
//! (semantics.md section 7). It trusts no transition: it only looks at where everybody is. Liveness of talks and of
//! callers' legs is not watched here: session timers, RTP and SIP's own deadlines end those.

use super::Acd;
use super::agent::{Activity, Agent};
use super::call::{CallState, Stage};
use super::offer::{OfferState, Purpose};
use super::timer::Timer;
use crate::facts::AgentState;
use crate::ids::{AgentId, CallId, OfferId};

/// How many are stuck; both stay 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stuck {
    /// Calls in a state without an end.
    pub calls: usize,
    /// Agents in a state without an end.
    pub agents: usize,
}

impl Acd {
    /// Looks at every call and every agent: linear in both, so not for every step of a busy engine.
    pub fn stuck(&self) -> Stuck {
        let agents = (0..).map(AgentId).zip(&self.agents);
        Stuck {
            calls: self.calls.iter().filter(|(id, call)| !self.call_ends(**id, &call.state)).count(),
            agents: agents.filter(|(id, agent)| !self.agent_goes_on(*id, agent)).count(),
        }
    }

    fn call_ends(&self, id: CallId, state: &CallState) -> bool {
        match state {
            // Its leg's: no ACK in 64*T1 is a lost caller.
            CallState::Accepted => true,
            CallState::Greeting { .. } | CallState::TurnedAway { .. } | CallState::Leaving { .. } => {
                self.is_due(Timer::Greeting(id))
            }
            CallState::InMenu(_) => self.is_due(Timer::Greeting(id)) || self.is_due(Timer::Menu(id)),
            CallState::Queued(visit) => match visit.stage {
                Stage::Waiting => self.is_due(Timer::MaxWait(id)),
                Stage::Ringing(round) => round.offers().any(|offer| self.offer_ends(offer)),
                Stage::Joining(offer, _) => self.offer_ends(offer),
            },
            CallState::Talking { offer, .. } => self.offers.contains_key(offer),
            CallState::Passing(passing) => self.offer_ends(passing.to),
        }
    }

    fn offer_ends(&self, id: OfferId) -> bool {
        self.offers.get(&id).is_some_and(|offer| match offer.state {
            OfferState::Calling | OfferState::Ringing => self.is_due(Timer::Ring(id)),
            OfferState::Joining { .. } => self.is_due(Timer::Join(id)) || self.is_due(Timer::Prelude(id)),
            OfferState::Settling => self.is_due(Timer::Settle(id)),
            // Its call's: who waits for a transfer waits no longer than the target's phone may ring.
            OfferState::Talking | OfferState::Passing => true,
            OfferState::Consulting => match (offer.consult, offer.purpose) {
                (Some(colleague), _) => self.is_due(Timer::Consult(colleague)),
                (None, Purpose::Consult { asking }) if self.is_conference(asking) => true,
                (None, _) => self.is_due(Timer::Consult(id)),
            },
        })
    }

    fn agent_goes_on(&self, id: AgentId, agent: &Agent) -> bool {
        match agent.activity {
            Activity::Idle => agent.state != AgentState::Resting || self.is_due(Timer::Rest(id)),
            Activity::Offered(offer)
            | Activity::Connected(offer)
            | Activity::Holding(offer)
            | Activity::Consulting(offer) => self.offer_ends(offer),
            Activity::WrapUp => self.is_due(Timer::WrapUp(id)),
        }
    }

    fn is_due(&self, timer: Timer) -> bool {
        self.deadlines.get(timer).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acd::plan::{self, Plan, Pool, Queue, Service, Step};
    use crate::acd::{Event, Outbox};
    use crate::ids::{PoolId, ServiceId};
    use crate::time::Time;

    /// One caller, one agent whose phone rings.
    fn ringing() -> Acd {
        let step = Step { pools: vec![PoolId(0)], ..Step::default() };
        let plan = Plan {
            services: vec![Service::default()],
            queues: vec![Queue { steps: vec![step], ..Queue::default() }],
            pools: vec![Pool { name: "desk".to_owned(), ..Pool::default() }],
            agents: vec![plan::Agent { fixed_contact: true, ..plan::Agent::default() }],
            ..Plan::default()
        };
        let (mut acd, mut out, received_at) = (Acd::new(plan, 1), Outbox::default(), Time::from_millis(1));
        let call = CallId(1);
        acd.handle(Event::CallArrived { call, service: ServiceId(0), received_at }, received_at, &mut out);
        acd.handle(Event::CallEstablished { call, received_at }, received_at, &mut out);
        acd
    }

    #[test]
    fn who_has_a_deadline_is_not_stuck_and_who_lost_it_is() {
        let mut acd = ringing();
        assert_eq!(acd.stuck(), Stuck::default());
        let (&offer, _) = acd.offers.iter().next().expect("the phone rings");
        acd.deadlines.cancel(Timer::Ring(offer));
        assert_eq!(acd.stuck(), Stuck { calls: 1, agents: 1 });
    }

    #[test]
    fn work_after_a_call_must_end() {
        let mut acd = ringing();
        acd.agents[0].activity = Activity::WrapUp;
        assert_eq!(acd.stuck(), Stuck { calls: 0, agents: 1 });
        acd.deadlines.set(Timer::WrapUp(AgentId(0)), Time::from_millis(9_000));
        assert_eq!(acd.stuck(), Stuck::default());
    }
}
