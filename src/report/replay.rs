//! Interactions back into facts, and those through the tally: a report is counted by the fold that counts live calls,
//! so the two cannot disagree.
//!
//! Decides nothing about hit and miss: it tells the tally which thresholds passed, and the tally decides.

use super::record::{Ending, Interaction, Offer, Talk, Visit, VisitOutcome};
use crate::facts::{AgentState, Fact, Record};
use crate::ids::{AgentId, CallId, OfferId, PoolId, QueueId, ServiceId};
use crate::stats::layout::{GreetingEnd, Layout, VisitEnd};
use crate::stats::service_level::{Counts, Events, VERY_SHORT_SECONDS};
use crate::stats::{PoolShape, QueueShape, ServiceShape, Shape, Tally};
use crate::time::{Duration, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The thresholds that an interaction is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under<'a> {
    /// Those of its day, passed as they were told that day: the official figure.
    ItsDay,
    /// These, as if they had been in force: a wait longer than T is late.
    These(&'a [Duration]),
}

/// The places that names have in the tally that counts.
pub trait Places {
    /// What was dialled.
    fn service(&self, name: &str) -> Option<ServiceId>;
    /// Where it waited.
    fn queue(&self, name: &str) -> Option<QueueId>;
    /// Who was rung.
    fn pool(&self, name: &str) -> Option<PoolId>;
}

/// The places of a shape's own names.
#[derive(Clone, Debug, Default)]
pub struct NamedPlaces {
    services: BTreeMap<String, ServiceId>,
    queues: BTreeMap<String, QueueId>,
    pools: BTreeMap<String, PoolId>,
}

impl NamedPlaces {
    /// Where the tally of this shape counts each name.
    pub fn of(shape: &Shape) -> NamedPlaces {
        NamedPlaces {
            services: (0..).map(ServiceId).zip(&shape.services).map(|(id, it)| (it.name.clone(), id)).collect(),
            queues: (0..).map(QueueId).zip(&shape.queues).map(|(id, it)| (it.name.clone(), id)).collect(),
            pools: (0..).map(PoolId).zip(&shape.pools).map(|(id, it)| (it.name.clone(), id)).collect(),
        }
    }
}

impl Places for NamedPlaces {
    fn service(&self, name: &str) -> Option<ServiceId> {
        self.services.get(name).copied()
    }

    fn queue(&self, name: &str) -> Option<QueueId> {
        self.queues.get(name).copied()
    }

    fn pool(&self, name: &str) -> Option<PoolId> {
        self.pools.get(name).copied()
    }
}

/// Appends the facts that an interaction is made of, in order. `call` is the id they carry; one call at a time may use
/// it. What has no place is left out: then the facts are those of a smaller desk.
pub fn facts(interaction: &Interaction, call: CallId, places: &dyn Places, under: Under<'_>, out: &mut Vec<Record>) {
    let service = interaction.service.as_deref().and_then(|name| places.service(name));
    if let Ending::Refused(reason) = interaction.ending {
        return out.push(Record { at: interaction.arrived.at, fact: Fact::CallRefused { service, reason } });
    }
    if let Ending::Entered = interaction.ending {
        return visits(interaction, call, service, places, under, out);
    }
    let Some(service) = service else { return };
    let ended = interaction.ended.at;
    out.push(received(interaction, call, service));
    let fact = match interaction.ending {
        Ending::Refused(_) | Ending::Entered => return,
        Ending::LeftInGreeting { lost } => Fact::CallLeftInGreeting { call, service, lost },
        Ending::EndedInMenu => Fact::CallEndedInMenu { call, service },
        Ending::FailedInGreeting => Fact::CallFailedInGreeting { call, service },
    };
    out.push(Record { at: ended, fact });
}

fn received(interaction: &Interaction, call: CallId, service: ServiceId) -> Record {
    let at = interaction.received.unwrap_or(interaction.arrived).at;
    Record { at, fact: Fact::CallReceived { call, service, arrived_at: interaction.arrived.at } }
}

/// Every visit after the first is one of a caller who was taken over.
fn visits(
    interaction: &Interaction,
    call: CallId,
    dialled: Option<ServiceId>,
    places: &dyn Places,
    under: Under<'_>,
    out: &mut Vec<Record>,
) {
    if let Some(service) = dialled {
        out.push(received(interaction, call, service));
    }
    let last = interaction.visits.len().saturating_sub(1);
    for (number, visit) in interaction.visits.iter().enumerate() {
        let service = visit.service.as_deref().map_or(dialled, |name| places.service(name));
        let (Some(service), Some(queue)) = (service, places.queue(&visit.queue)) else { continue };
        let mut replay = VisitReplay { call, service, queue, places, is_last: number == last, out: &mut *out };
        if number > 0 {
            replay.push(visit.entered.at, Fact::CallTakenOver { call, service, seniority: Duration::ZERO });
        }
        replay.tell(visit, under);
    }
}

/// One visit being told.
struct VisitReplay<'a> {
    call: CallId,
    service: ServiceId,
    queue: QueueId,
    places: &'a dyn Places,
    is_last: bool,
    out: &'a mut Vec<Record>,
}

/// A replayed agent: facts of one interaction name agents only to tell whose wrap-up ends.
const AGENT: AgentId = AgentId(0);

impl VisitReplay<'_> {
    fn tell(mut self, visit: &Visit, under: Under<'_>) {
        let (call, service, queue) = (self.call, self.service, self.queue);
        self.push(visit.entered.at, Fact::CallEntered { call, service, queue });
        for step in &visit.steps {
            let fact = Fact::StepReached { call, queue, step: step.step, trigger: step.trigger };
            self.push(step.at, fact);
        }
        for (number, offer) in (0..).map(OfferId).zip(&visit.offers) {
            self.offer(number, offer);
        }
        self.thresholds(visit, under);
        let (at, waited) = (visit.entered.at + visit.waited, visit.waited);
        match (visit.outcome, &visit.talk) {
            (VisitOutcome::Answered, Some(talk)) => self.talk(at, waited, talk),
            // A record without its talk cannot be made by us; its wait still counts.
            (VisitOutcome::Answered, None) => {
                self.push(at, Fact::CallAnswered { call, queue, pool: PoolId(0), agent: AGENT, waited });
            }
            (VisitOutcome::Abandoned { lost }, _) => self.push(at, Fact::CallAbandoned { call, queue, waited, lost }),
            (VisitOutcome::FlowedOut(to), _) => self.push(at, Fact::CallFlowedOut { call, queue, waited, to }),
            (VisitOutcome::Failed, _) => self.push(at, Fact::CallFailed { call, queue, waited }),
        }
    }

    fn offer(&mut self, number: OfferId, told: &Offer) {
        let Some(pool) = self.places.pool(&told.pool) else { return };
        let (call, queue, agent) = (self.call, self.queue, AGENT);
        let Offer { step, made, rang, outcome, .. } = *told;
        self.push(made, Fact::OfferMade { offer: number, call, queue, step, pool, agent, since: made });
        let fact = Fact::OfferEnded { offer: number, call, queue, step, pool, agent, outcome, rang };
        self.push(made + rang, fact);
    }

    /// Told the shortest first, each at its own moment, as the engine does.
    fn thresholds(&mut self, visit: &Visit, under: Under<'_>) {
        let mut passed: Vec<(Duration, u8)> = match under {
            Under::ItsDay => {
                let numbered = visit.thresholds.iter().zip(0u8..);
                numbered.filter(|(it, _)| it.passed).map(|(it, number)| (it.length, number)).collect()
            }
            Under::These(list) => {
                list.iter().zip(0u8..).filter(|(length, _)| visit.waited > **length).map(|(t, n)| (*t, n)).collect()
            }
        };
        passed.sort_unstable();
        for (length, threshold) in passed {
            let fact = Fact::ThresholdPassed { call: self.call, queue: self.queue, threshold };
            self.push(visit.entered.at + length, fact);
        }
    }

    fn talk(&mut self, at: Time, waited: Duration, talk: &Talk) {
        let (call, queue, agent) = (self.call, self.queue, AGENT);
        let pool = self.places.pool(&talk.pool).unwrap_or(PoolId(0));
        let Talk { talked, held, consulted, ended_by: by, .. } = *talk;
        let over = at + talked + held + consulted;
        self.push(at, Fact::CallAnswered { call, queue, pool, agent, waited });
        let ended = match self.is_last {
            true => Fact::CallEnded { call, queue, pool, agent, talked, held, consulted, by },
            false => Fact::CallTransferred { call, queue, pool, agent, talked, held, consulted },
        };
        self.push(over, ended);
        if let Some(lasted) = talk.wrap_up {
            let (out, wrap_up) = (AgentState::SignedOut, AgentState::WrapUp);
            let begun = Fact::AgentStateChanged { agent, pool, from: out, to: wrap_up, lasted: Duration::ZERO };
            self.push(over, begun);
            self.push(over + lasted, Fact::AgentStateChanged { agent, pool, from: wrap_up, to: out, lasted });
        }
    }

    fn push(&mut self, at: Time, fact: Fact) {
        self.out.push(Record { at, fact });
    }
}

/// Interactions counted in groups of the reader's choice (a day, a half-hour, a service, a pool) under one list of
/// thresholds. A sum over groups equals the group of all, because both are sums of the same events.
#[derive(Debug)]
pub struct Fold {
    thresholds: Vec<Duration>,
    tally: Tally,
    layout: Arc<Layout>,
    facts: Vec<Record>,
    /// By group and threshold.
    handled_late: Vec<HandledLate>,
}

/// Visits that ended in time and were handled too late for the engine's grace: misses of their day that no wait shows.
#[derive(Clone, Copy, Debug, Default)]
struct HandledLate {
    answered: u64,
    abandoned: u64,
    flowed_out: u64,
}

/// Every name has the same place: a group of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnePlace(pub u32);

impl Places for OnePlace {
    fn service(&self, _: &str) -> Option<ServiceId> {
        Some(ServiceId(self.0))
    }

    fn queue(&self, _: &str) -> Option<QueueId> {
        Some(QueueId(self.0))
    }

    fn pool(&self, _: &str) -> Option<PoolId> {
        Some(PoolId(self.0))
    }
}

/// What one group of interactions adds up to; service-level events and counts by threshold are beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Never received.
    pub refused: u64,
    /// An open service accepted the call.
    pub received: u64,
    /// Hung up before entering.
    pub left_in_greeting: u64,
    /// Finished by the flow.
    pub ended_in_menu: u64,
    /// Failed before entering.
    pub failed_in_greeting: u64,
    /// Put in a queue.
    pub entered: u64,
    /// By an agent.
    pub answered: u64,
    /// The caller left the queue.
    pub abandoned: u64,
    /// Left for something other than an agent.
    pub flowed_out: u64,
    /// Failed in the queue.
    pub failed: u64,
    /// Sum of the waits of answered calls.
    pub waited_answered: Duration,
    /// Sum of the waits of abandoned calls.
    pub waited_abandoned: Duration,
    /// Sum of talk times.
    pub talked: Duration,
    /// Sum of the time on hold.
    pub held: Duration,
    /// Sum of the time in which colleagues were asked.
    pub consulted: Duration,
    /// Sum of work after calls.
    pub wrapped_up: Duration,
    /// Sum of ringing, whatever the outcome.
    pub rang: Duration,
}

impl Figures {
    /// What agents spent on calls: talk, hold, consultation and work after them.
    pub fn handled(&self) -> Duration {
        self.talked + self.held + self.consulted + self.wrapped_up
    }
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, more: Figures) {
        self.refused += more.refused;
        self.received += more.received;
        self.left_in_greeting += more.left_in_greeting;
        self.ended_in_menu += more.ended_in_menu;
        self.failed_in_greeting += more.failed_in_greeting;
        self.entered += more.entered;
        self.answered += more.answered;
        self.abandoned += more.abandoned;
        self.flowed_out += more.flowed_out;
        self.failed += more.failed;
        self.waited_answered += more.waited_answered;
        self.waited_abandoned += more.waited_abandoned;
        self.talked += more.talked;
        self.held += more.held;
        self.consulted += more.consulted;
        self.wrapped_up += more.wrapped_up;
        self.rang += more.rang;
    }
}

impl Fold {
    /// So many empty groups. `thresholds` are at most 8; the first is the contract's.
    pub fn new(groups: usize, thresholds: &[Duration], target_percent: u8) -> Fold {
        let handled_late = vec![HandledLate::default(); groups.saturating_mul(thresholds.len())];
        let groups = || 0..u32::try_from(groups).unwrap_or(u32::MAX);
        let shape = Shape {
            services: groups().map(|id| ServiceShape { name: String::new(), queues: vec![QueueId(id)] }).collect(),
            queues: groups()
                .map(|_| QueueShape {
                    name: String::new(),
                    thresholds: thresholds.to_vec(),
                    target_percent,
                    // As many as a queue can have.
                    steps: u8::try_from(super::record::MOST_STEPS).unwrap_or(u8::MAX),
                    ..QueueShape::default()
                })
                .collect(),
            pools: groups().map(|_| PoolShape { name: String::new(), agents: 1 }).collect(),
            // Each is over before the next begins.
            calls: 1,
            ..Shape::default()
        };
        let tally = Tally::new(shape, Time::ZERO);
        Fold { thresholds: thresholds.to_vec(), layout: tally.layout(), tally, facts: Vec::new(), handled_late }
    }

    /// Counts an interaction in a group; one in several groups (the whole, its day) is added to each. It is judged by
    /// the thresholds of the fold, as if they had been in force.
    pub fn add(&mut self, group: usize, interaction: &Interaction) {
        self.facts.clear();
        let Ok(place) = u32::try_from(group) else { return };
        let under = Under::These(&self.thresholds);
        facts(interaction, CallId(0), &OnePlace(place), under, &mut self.facts);
        self.apply();
    }

    /// As [`Fold::add`], but judged as it was on its day: its thresholds must be those of the fold.
    pub fn add_as_told(&mut self, group: usize, interaction: &Interaction) {
        self.facts.clear();
        let Ok(place) = u32::try_from(group) else { return };
        facts(interaction, CallId(0), &OnePlace(place), Under::ItsDay, &mut self.facts);
        self.apply();
        let after = group.saturating_mul(self.thresholds.len());
        for visit in &interaction.visits {
            let places = self.handled_late.iter_mut().skip(after).take(self.thresholds.len());
            for (threshold, late) in visit.thresholds.iter().zip(places) {
                if !threshold.passed || visit.waited > threshold.length {
                    continue;
                }
                match visit.outcome {
                    VisitOutcome::Answered => late.answered += 1,
                    VisitOutcome::Abandoned { .. } => late.abandoned += 1,
                    VisitOutcome::FlowedOut(_) => late.flowed_out += 1,
                    VisitOutcome::Failed => {}
                }
            }
        }
    }

    fn apply(&mut self) {
        for record in &self.facts {
            self.tally.apply(record);
        }
    }

    /// The sums of a group.
    pub fn figures(&self, group: usize) -> Figures {
        let layout = &*self.layout;
        let places = (layout.services.get(group), layout.queues.get(group), layout.pools.get(group));
        let (Some(service), Some(queue), Some(pool)) = places else { return Figures::default() };
        let at = |slot: usize| self.tally.values().get(slot).copied().unwrap_or(0);
        let length = |slot: usize| Duration::from_nanos(at(slot));
        let greeting = |end: GreetingEnd| at(service.greeting_ends + end.index());
        let ended = |end: VisitEnd| queue.waits[end.index()].count(self.tally.values());
        Figures {
            refused: (0..crate::facts::Refusal::ALL.len()).map(|reason| at(service.refused + reason)).sum(),
            received: at(service.received),
            left_in_greeting: greeting(GreetingEnd::LeftInGreeting),
            ended_in_menu: greeting(GreetingEnd::EndedInMenu),
            failed_in_greeting: greeting(GreetingEnd::FailedInGreeting),
            entered: layout.routes.get(group).map_or(0, |route| at(route.entered)),
            answered: ended(VisitEnd::Answered),
            abandoned: ended(VisitEnd::Abandoned),
            flowed_out: ended(VisitEnd::FlowedOut),
            failed: ended(VisitEnd::Failed),
            waited_answered: length(queue.waits[VisitEnd::Answered.index()].sum()),
            waited_abandoned: length(queue.waits[VisitEnd::Abandoned.index()].sum()),
            talked: length(queue.talk.sum()),
            held: length(queue.held),
            consulted: length(queue.consulted),
            wrapped_up: length(pool.wrap_up.sum()),
            rang: length(queue.ring.sum()),
        }
    }

    /// The service-level events of a group under threshold number `threshold` of the list.
    pub fn events(&self, group: usize, threshold: usize) -> Events {
        let slots = self.layout.queues.get(group).and_then(|queue| queue.thresholds.get(threshold));
        let at = |slot: usize| self.tally.values().get(slot).copied().unwrap_or(0);
        slots.map_or_else(Events::default, |slots| Events {
            hit: at(slots.hit),
            miss: at(slots.miss),
            excused: at(slots.excused),
            pending: at(slots.pending),
        })
    }

    /// What the named formulas are made of, for a group under threshold number `threshold` of the list. Read from the
    /// tally's histograms: every T is an edge of them, and so is 5 s. Late is what the events call late.
    pub fn counts(&self, group: usize, threshold: usize) -> Counts {
        let queue = self.layout.queues.get(group);
        let (Some(queue), Some(limit)) = (queue, self.thresholds.get(threshold)) else { return Counts::default() };
        let place = group.saturating_mul(self.thresholds.len()).saturating_add(threshold);
        let late = self.handled_late.get(place).copied().unwrap_or_default();
        let split = |end: VisitEnd, limit: Duration| {
            let histogram = &queue.waits[end.index()];
            let counts = histogram.counts(self.tally.values());
            let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            let short = histogram.edges().partition_point(|edge| *edge <= limit).min(counts.len());
            let (short, late) = counts.split_at(short);
            (short.iter().sum::<u64>(), late.iter().sum::<u64>())
        };
        let (answered_in_time, answered_late) = split(VisitEnd::Answered, *limit);
        let (abandoned_short, abandoned_late) = split(VisitEnd::Abandoned, *limit);
        let (flowed_out_short, flowed_out_late) = split(VisitEnd::FlowedOut, *limit);
        let very_short = split(VisitEnd::Abandoned, Duration::from_secs(VERY_SHORT_SECONDS)).0;
        let failed = split(VisitEnd::Failed, *limit);
        Counts {
            answered_in_time: answered_in_time.saturating_sub(late.answered),
            answered_late: answered_late + late.answered,
            abandoned_short: abandoned_short.saturating_sub(late.abandoned),
            abandoned_late: abandoned_late + late.abandoned,
            abandoned_very_short: very_short,
            flowed_out_short: flowed_out_short.saturating_sub(late.flowed_out),
            flowed_out_late: flowed_out_late + late.flowed_out,
            failed: failed.0 + failed.1,
            ..Counts::default()
        }
    }
}
