//! Where the numbers of one layout are in the one after a reload.
//!
//! Every structure is taken apart by name: a number added to the layout does not compile until it is carried over here.

use super::{Layout, LegSlots, PauseSlots, PoolSlots, QueueSlots, RouteSlots, ServiceSlots, StepSlots, ThresholdSlots};
use crate::facts::{
    AgentState, Denial, FlowOut, LastAgentResult, OfferOutcome, OrderRule, Party, Refusal, Reload, StepTrigger,
    TransferKind, TransferResult, Turned,
};
use crate::stats::histogram::HistogramSlots;
use crate::stats::layout::{Gauge, GreetingEnd, LAWS, VisitEnd};
use crate::stats::traffic;

impl Layout {
    /// For each place of this layout, where its number was in `old`; none for one that is new. The shape of this one is
    /// that of `old`, grown.
    pub fn origins(&self, old: &Layout) -> Vec<Option<usize>> {
        let Layout {
            shape: _,
            services,
            routes,
            queues,
            pools,
            refused_without_service,
            transfers,
            consults,
            conferences,
            last_agents,
            turned,
            reloads,
            requests,
            responses,
            laws,
            order,
            dispatch,
            answer_to_audio,
            legs,
            gauges,
            phase,
            as_of,
            route_of: _,
            len,
        } = self;
        let mut carry = Carry(vec![None; *len]);
        services.iter().zip(&old.services).for_each(|(new, old)| carry.service(*new, *old));
        for new in routes {
            let known = old.route(new.service, new.queue).and_then(|route| old.routes.get(route));
            known.into_iter().for_each(|old| carry.route(*new, *old));
        }
        queues.iter().zip(&old.queues).for_each(|(new, old)| carry.queue(new, old));
        pools.iter().zip(&old.pools).for_each(|(new, old)| carry.pool(new, old));
        carry.slots(*refused_without_service, old.refused_without_service, Refusal::ALL.len());
        carry.slots(*transfers, old.transfers, TransferKind::ALL.len() * TransferResult::ALL.len());
        carry.slots(*consults, old.consults, TransferResult::ALL.len());
        carry.slots(*conferences, old.conferences, 1);
        carry.slots(*last_agents, old.last_agents, LastAgentResult::ALL.len());
        carry.slots(*turned, old.turned, Turned::ALL.len());
        carry.slots(*reloads, old.reloads, Reload::ALL.len());
        carry.slots(*requests, old.requests, traffic::REQUESTS);
        carry.slots(*responses, old.responses, traffic::RESPONSES);
        carry.slots(*laws, old.laws, LAWS);
        carry.slots(*order, old.order, OrderRule::ALL.len());
        carry.histogram(dispatch, &old.dispatch);
        carry.histogram(answer_to_audio, &old.answer_to_audio);
        legs.iter().zip(&old.legs).for_each(|(new, old)| carry.leg(new, old));
        carry.slots(*gauges, old.gauges, Gauge::ALL.len());
        carry.slots(*phase, old.phase, 1);
        carry.slots(*as_of, old.as_of, 1);
        carry.0
    }
}

/// By new place, the old one.
struct Carry(Vec<Option<usize>>);

impl Carry {
    fn slots(&mut self, new: usize, old: usize, count: usize) {
        for offset in 0..count {
            if let Some(place) = self.0.get_mut(new + offset) {
                *place = Some(old + offset);
            }
        }
    }

    /// An edge that is new splits a bucket: what is in it already stays above the edge, so that no cumulative count falls.
    fn histogram(&mut self, new: &HistogramSlots, old: &HistogramSlots) {
        for edge in new.edges() {
            if old.edges().contains(edge) {
                self.slots(new.bucket(*edge), old.bucket(*edge), 1);
            }
        }
        self.slots(new.bucket(u64::MAX), old.bucket(u64::MAX), 1);
        self.slots(new.sum(), old.sum(), 1);
    }

    fn service(&mut self, new: ServiceSlots, old: ServiceSlots) {
        let ServiceSlots { received, refused, passed_on, taken_over, closed, in_greeting, greeting_ends } = new;
        self.slots(received, old.received, 1);
        self.slots(refused, old.refused, Refusal::ALL.len());
        self.slots(passed_on, old.passed_on, Refusal::ALL.len());
        self.slots(taken_over, old.taken_over, 1);
        self.slots(closed, old.closed, 1);
        self.slots(in_greeting, old.in_greeting, 1);
        self.slots(greeting_ends, old.greeting_ends, GreetingEnd::ALL.len());
    }

    fn route(&mut self, new: RouteSlots, old: RouteSlots) {
        let RouteSlots { service: _, queue: _, entered, finished } = new;
        self.slots(entered, old.entered, 1);
        self.slots(finished, old.finished, VisitEnd::ALL.len());
    }

    fn queue(&mut self, new: &QueueSlots, old: &QueueSlots) {
        let QueueSlots {
            waiting,
            oldest,
            thresholds,
            waits,
            flowed_out,
            promoted,
            steps,
            ring,
            talk,
            held,
            consulted,
            talking,
            ended,
            estimate_errors,
        } = new;
        self.slots(*held, old.held, 1);
        self.slots(*consulted, old.consulted, 1);
        self.slots(*waiting, old.waiting, 1);
        self.slots(*oldest, old.oldest, 1);
        thresholds.iter().zip(&old.thresholds).for_each(|(new, old)| self.threshold(*new, *old));
        waits.iter().zip(&old.waits).for_each(|(new, old)| self.histogram(new, old));
        self.slots(*promoted, old.promoted, 1);
        self.slots(*flowed_out, old.flowed_out, FlowOut::ALL.len());
        steps.iter().zip(&old.steps).for_each(|(new, old)| self.step(*new, *old));
        estimate_errors.iter().zip(&old.estimate_errors).for_each(|(new, old)| self.histogram(new, old));
        self.histogram(ring, &old.ring);
        self.histogram(talk, &old.talk);
        self.slots(*talking, old.talking, 1);
        self.slots(*ended, old.ended, Party::ALL.len());
    }

    fn threshold(&mut self, new: ThresholdSlots, old: ThresholdSlots) {
        let ThresholdSlots { hit, miss, excused, pending, uncounted } = new;
        self.slots(hit, old.hit, 1);
        self.slots(miss, old.miss, 1);
        self.slots(excused, old.excused, 1);
        self.slots(pending, old.pending, 1);
        self.slots(uncounted, old.uncounted, 1);
    }

    fn step(&mut self, new: StepSlots, old: StepSlots) {
        let StepSlots { made, outcomes, ringing, escalations } = new;
        self.slots(made, old.made, 1);
        self.slots(outcomes, old.outcomes, OfferOutcome::ALL.len());
        self.slots(ringing, old.ringing, 1);
        self.slots(escalations, old.escalations, StepTrigger::ALL.len());
    }

    fn leg(&mut self, new: &LegSlots, old: &LegSlots) {
        let LegSlots { received, received_lost, sent, converted, sent_lost, loss, jitter, round_trip } = new;
        self.slots(*received, old.received, 1);
        self.slots(*received_lost, old.received_lost, 1);
        self.slots(*sent, old.sent, 1);
        self.slots(*converted, old.converted, 1);
        self.slots(*sent_lost, old.sent_lost, 1);
        self.histogram(loss, &old.loss);
        self.histogram(jitter, &old.jitter);
        self.histogram(round_trip, &old.round_trip);
    }

    fn pool(&mut self, new: &PoolSlots, old: &PoolSlots) {
        let PoolSlots { agents, clocks, pauses, denials, wrap_up } = new;
        self.slots(*agents, old.agents, AgentState::ALL.len());
        self.slots(*clocks, old.clocks, AgentState::ALL.len());
        for (PauseSlots { agents, clock, limits }, old) in pauses.iter().zip(&old.pauses) {
            self.slots(*agents, old.agents, 1);
            self.slots(*clock, old.clock, 1);
            self.slots(*limits, old.limits, 1);
        }
        self.slots(*denials, old.denials, Denial::ALL.len());
        self.histogram(wrap_up, &old.wrap_up);
    }
}
