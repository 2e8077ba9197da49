//! The engine's own counters, read as `/metrics` reads them: from the published snapshot.

use centralino::facts::{AgentState, OfferOutcome, Refusal};
use centralino::stats::layout::{Gauge, GreetingEnd, LAWS, QueueSlots, VisitEnd};
use centralino::stats::service_level::Events;
use centralino::stats::snapshot::Reader;
use centralino::stats::{Layout, Phase};
use std::sync::Arc;
use std::time::Duration;

/// One consistent copy of every counter.
pub struct Numbers {
    layout: Arc<Layout>,
    reader: Reader,
    values: Vec<u64>,
}

impl Numbers {
    /// The counters that a daemon publishes, as they are now.
    pub fn new(layout: Arc<Layout>, reader: Reader) -> Numbers {
        let mut numbers = Numbers { layout, reader, values: Vec::new() };
        numbers.refresh();
        numbers
    }

    /// As they are now.
    pub fn refresh(&mut self) {
        self.reader.read(&mut self.values);
    }

    /// Calls received.
    pub fn received(&self) -> u64 {
        self.layout.services.iter().map(|service| self.at(service.received)).sum()
    }

    /// Calls refused, whatever the reason.
    pub fn refused(&self) -> u64 {
        let services = self.layout.services.iter().map(|service| service.refused);
        let bases = services.chain([self.layout.refused_without_service]);
        bases.map(|base| self.sum(base, Refusal::ALL.len())).sum()
    }

    /// Callers who hung up in the welcome.
    pub fn left_in_greeting(&self) -> u64 {
        let ends = self.layout.services.iter().map(|service| service.greeting_ends);
        ends.map(|base| self.at(base + GreetingEnd::LeftInGreeting.index())).sum()
    }

    /// Visits that ended so.
    pub fn finished(&self, end: VisitEnd) -> u64 {
        self.layout.routes.iter().map(|route| self.at(route.finished + end.index())).sum()
    }

    /// Callers in the welcome now.
    pub fn in_greeting(&self) -> u64 {
        self.layout.services.iter().map(|service| self.at(service.in_greeting)).sum()
    }

    /// Callers waiting now.
    pub fn waiting(&self) -> u64 {
        self.of_queues(|queue| queue.waiting)
    }

    /// Callers talking now.
    pub fn talking(&self) -> u64 {
        self.of_queues(|queue| queue.talking)
    }

    /// Phones ringing now.
    pub fn ringing(&self) -> u64 {
        self.layout.queues.iter().flat_map(|queue| &queue.steps).map(|step| self.at(step.ringing)).sum()
    }

    /// Offers made.
    pub fn offers(&self) -> u64 {
        self.layout.queues.iter().flat_map(|queue| &queue.steps).map(|step| self.at(step.made)).sum()
    }

    /// Offers that ended so.
    pub fn offers_ended(&self, outcome: OfferOutcome) -> u64 {
        let steps = self.layout.queues.iter().flat_map(|queue| &queue.steps);
        steps.map(|step| self.at(step.outcomes + outcome.index())).sum()
    }

    /// Agents in this state now.
    pub fn agents(&self, state: AgentState) -> u64 {
        self.layout.pools.iter().map(|pool| self.at(pool.agents + state.index())).sum()
    }

    /// Service-level events of a queue under one of its thresholds.
    pub fn events(&self, queue: usize, threshold: usize) -> Events {
        let slots = self.layout.queues.get(queue).and_then(|queue| queue.thresholds.get(threshold));
        slots.map_or(Events::default(), |slots| Events {
            hit: self.at(slots.hit),
            miss: self.at(slots.miss),
            excused: self.at(slots.excused),
            pending: self.at(slots.pending),
        })
    }

    /// The mean wait of a queue's answered calls.
    pub fn mean_wait(&self, queue: usize) -> Option<Duration> {
        let waits = self.layout.queues.get(queue)?.waits.get(VisitEnd::Answered.index())?;
        Some(Duration::from_nanos(self.at(waits.sum()).checked_div(waits.count(&self.values))?))
    }

    /// The size of one of the engine's tables.
    pub fn gauge(&self, gauge: Gauge) -> u64 {
        self.at(self.layout.gauges + gauge.index())
    }

    /// Laws of the engine that were found broken, and callers served out of order.
    pub fn laws_broken(&self) -> u64 {
        self.sum(self.layout.laws, LAWS) + self.at(self.layout.order)
    }

    /// Somebody told the daemon to stop.
    pub fn is_draining(&self) -> bool {
        self.at(self.layout.phase) == Phase::Draining.index() as u64
    }

    fn of_queues(&self, slot: impl Fn(&QueueSlots) -> usize) -> u64 {
        self.layout.queues.iter().map(|queue| self.at(slot(queue))).sum()
    }

    fn sum(&self, base: usize, count: usize) -> u64 {
        (base..base + count).map(|slot| self.at(slot)).sum()
    }

    fn at(&self, slot: usize) -> u64 {
        self.values.get(slot).copied().unwrap_or(0)
    }
}
