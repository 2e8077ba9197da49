//! Those who read facts one by one, away from the engine: today the log, later percentiles and the ledger.

use centralino::acd::Plan;
use centralino::facts::{Fact, Record};
use centralino::ids::{AgentId, PoolId, QueueId, ServiceId};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};

/// Facts that wait to be read; a log that blocks loses what does not fit, and says how much.
const CAPACITY: usize = 65_536;

/// The engine thread's end; dropped, it ends the thread.
#[derive(Debug)]
pub struct Facts {
    sender: Sender<Record>,
    lost: Arc<AtomicU64>,
}

impl Facts {
    /// Hands a fact over, without waiting.
    pub fn put(&self, record: Record) {
        if self.sender.try_send(record).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Starts the thread.
pub fn spawn(plan: Arc<Plan>) -> io::Result<(Facts, JoinHandle<()>)> {
    let (sender, receiver) = bounded(CAPACITY);
    let lost = Arc::new(AtomicU64::new(0));
    let facts = Facts { sender, lost: Arc::clone(&lost) };
    let thread = Builder::new().name("facts".into()).spawn(move || read(&receiver, &Names(plan), &lost))?;
    Ok((facts, thread))
}

fn read(facts: &Receiver<Record>, names: &Names, lost: &AtomicU64) {
    for record in facts {
        log(&record.fact, names);
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "the log is too slow: facts were not written");
        }
    }
}

/// INFO is a visible change of a call; agents are named by the plan's number only below it.
fn log(fact: &Fact, names: &Names) {
    match *fact {
        Fact::CallReceived { call, service } => {
            tracing::info!(call = call.0, service = names.service(Some(service)), "received");
        }
        Fact::CallRefused { service, reason } => {
            tracing::info!(service = names.service(service), reason = reason.label(), "refused");
        }
        Fact::CallEntered { call, queue, .. } => tracing::info!(call = call.0, queue = names.queue(queue), "entered"),
        Fact::CallAnswered { call, queue, pool, waited, .. } => tracing::info!(
            call = call.0,
            queue = names.queue(queue),
            pool = names.pool(pool),
            waited_seconds = waited.as_secs_f64(),
            "answered"
        ),
        Fact::CallAbandoned { call, queue, waited, lost } => tracing::info!(
            call = call.0,
            queue = names.queue(queue),
            waited_seconds = waited.as_secs_f64(),
            lost,
            "abandoned"
        ),
        Fact::CallFlowedOut { call, queue, waited, to } => tracing::info!(
            call = call.0,
            queue = names.queue(queue),
            waited_seconds = waited.as_secs_f64(),
            to = to.label(),
            "flowed out"
        ),
        Fact::CallEnded { call, talked, by, .. } => {
            tracing::info!(call = call.0, talked_seconds = talked.as_secs_f64(), by = by.label(), "ended");
        }
        Fact::CallLeftInGreeting { call, lost, .. } => tracing::info!(call = call.0, lost, "left in greeting"),
        Fact::CallEndedInMenu { call, .. } => tracing::info!(call = call.0, "ended in menu"),
        Fact::CallFailed { call, .. } | Fact::CallFailedInGreeting { call, .. } => {
            tracing::warn!(call = call.0, "failed through our fault");
        }
        Fact::LawBroken { law } => tracing::error!(law, "a law of the engine does not hold: please report"),
        Fact::AgentStateChanged { agent, from, to, .. } => {
            tracing::debug!(agent = names.agent(agent), from = from.label(), to = to.label(), "agent");
        }
        Fact::OfferMade { offer, call, agent, step, .. } => {
            tracing::debug!(call = call.0, offer = offer.0, agent = names.agent(agent), step, "offered");
        }
        Fact::OfferEnded { offer, call, outcome, .. } => {
            tracing::debug!(call = call.0, offer = offer.0, outcome = outcome.label(), "offer ended");
        }
        Fact::StepReached { call, step, trigger, .. } => {
            tracing::debug!(call = call.0, step, trigger = trigger.label(), "step reached");
        }
        Fact::ThresholdPassed { call, threshold, .. } => tracing::debug!(call = call.0, threshold, "late"),
        Fact::Turned(turned) => tracing::trace!(kind = turned.label(), "turned away"),
    }
}

/// The plan's names, for people who read logs.
struct Names(Arc<Plan>);

impl Names {
    fn service(&self, id: Option<ServiceId>) -> &str {
        id.and_then(|id| self.0.services.get(id.index())).map_or("none", |service| &service.name)
    }

    fn queue(&self, id: QueueId) -> &str {
        self.0.queues.get(id.index()).map_or("none", |queue| &queue.name)
    }

    fn pool(&self, id: PoolId) -> &str {
        self.0.pools.get(id.index()).map_or("none", |pool| &pool.name)
    }

    fn agent(&self, id: AgentId) -> &str {
        self.0.agents.get(id.index()).map_or("none", |agent| &agent.number)
    }
}
