//! Facts as lines of the log.

use super::{FactReader, Names, PlanChanged};
use centralino::acd::Plan;
use centralino::facts::{Fact, Record};
use centralino::ids::CallId;
use std::sync::Arc;

/// Writes every fact at its level.
pub struct Log(Names);

impl Log {
    /// A log in the plan's names.
    pub fn new(plan: Arc<Plan>) -> Log {
        Log(Names::of(plan))
    }
}

impl FactReader for Log {
    fn read(&mut self, record: &Record) {
        log(&record.fact, &self.0);
    }

    fn plan_changed(&mut self, changed: &PlanChanged) {
        self.0 = Names::of(Arc::clone(&changed.plan));
    }
}

/// INFO is a visible change of a call; agents are named by the plan's number only below it.
fn log(fact: &Fact, names: &Names) {
    match *fact {
        Fact::CallReceived { call, service, .. } => {
            tracing::info!(call = call.0, service = names.service(Some(service)), "received");
        }
        Fact::CallRefused { service, reason } => {
            tracing::info!(service = names.service(service), reason = reason.label(), "refused");
        }
        Fact::CallPassedOn { .. } | Fact::OpeningChanged { .. } => tracing::info!("{}", names.words(fact)),
        Fact::SkillsAsked { call, .. }
        | Fact::ReferenceGiven { call, .. }
        | Fact::LastAgentWanted { call, .. }
        | Fact::LastAgentEnded { call, .. }
        | Fact::StepReached { call, .. }
        | Fact::CallPromoted { call, .. }
        | Fact::OfferMade { call, .. }
        | Fact::OfferEnded { call, .. }
        | Fact::ThresholdPassed { call, .. }
        | Fact::WaitEstimated { call, .. }
        | Fact::LegNoted { call, .. } => log_quietly(call, fact, names),
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
        Fact::CallEnded { .. }
        | Fact::CallTakenOver { .. }
        | Fact::CallTransferred { .. }
        | Fact::CallTakenUp { .. }
        | Fact::CallEndedUnattended { .. }
        | Fact::TransferEnded { .. }
        | Fact::ConsultEnded { .. }
        | Fact::ConferenceBegan { .. } => log_talk(fact, names),
        Fact::CallLeftInGreeting { call, lost, .. } => tracing::info!(call = call.0, lost, "left in greeting"),
        Fact::CallEndedInMenu { call, .. } => tracing::info!(call = call.0, "ended in menu"),
        Fact::CallFailed { call, .. } | Fact::CallFailedInGreeting { call, .. } => {
            tracing::warn!(call = call.0, "failed through our fault");
        }
        Fact::OrderBroken { call, rule } => {
            tracing::error!(call = call.0, rule = rule.label(), "an offer is out of order: please report");
        }
        Fact::LawBroken { law } => tracing::error!(law, "a law of the engine does not hold: please report"),
        Fact::LegMeasured { call, party, quality } => tracing::debug!(
            call = call.0,
            leg = party.label(),
            received = quality.received,
            lost = quality.lost,
            jitter_seconds = quality.jitter.as_secs_f64(),
            sent = quality.sent,
            sent_lost = quality.sent_lost,
            round_trip_seconds = quality.round_trip.map(|length| length.as_secs_f64()),
            "media"
        ),
        Fact::AgentStateChanged { .. }
        | Fact::AgentPlaced { .. }
        | Fact::PauseBegan { .. }
        | Fact::PauseEnded { .. }
        | Fact::AgentDenied { .. } => log_agent(fact, names),
        Fact::Reloaded { .. } => tracing::debug!("{}", names.words(fact)),
        Fact::Turned(turned) => tracing::trace!(kind = turned.label(), "turned away"),
    }
}

/// What changes nothing that a supervisor sees.
fn log_quietly(call: CallId, fact: &Fact, names: &Names) {
    tracing::debug!(call = call.0, "{}", names.words(fact));
}

/// What follows the answer.
fn log_talk(fact: &Fact, names: &Names) {
    match *fact {
        Fact::CallTakenOver { call, service, .. } => {
            tracing::info!(call = call.0, service = names.service(Some(service)), "taken over");
        }
        Fact::CallEnded { call, talked, by, .. } => {
            tracing::info!(call = call.0, talked_seconds = talked.as_secs_f64(), by = by.label(), "ended");
        }
        Fact::CallTransferred { call, pool, talked, .. } => {
            tracing::info!(call = call.0, pool = names.pool(pool), talked_seconds = talked.as_secs_f64(), "passed on");
        }
        Fact::CallTakenUp { call, pool, .. } => {
            tracing::info!(call = call.0, pool = names.pool(pool), "taken up by a colleague");
        }
        Fact::CallEndedUnattended { call, by, .. } => {
            tracing::info!(call = call.0, by = by.label(), "ended while passed on");
        }
        Fact::TransferEnded { call, kind, result } => {
            tracing::info!(call = call.0, kind = kind.label(), result = result.label(), "transfer");
        }
        Fact::ConsultEnded { call, result } => {
            tracing::info!(call = call.0, result = result.label(), "colleague asked");
        }
        Fact::ConferenceBegan { call } => tracing::info!(call = call.0, "the colleague joins the talk"),
        _ => debug_assert!(false, "no fact about what follows the answer"),
    }
}

/// Agents, in the order of what they go through.
fn log_agent(fact: &Fact, names: &Names) {
    match *fact {
        Fact::AgentStateChanged { agent, from, to, .. } => {
            tracing::debug!(agent = names.agent(agent), from = from.label(), to = to.label(), "agent");
        }
        Fact::AgentPlaced { agent, from, to, .. } => {
            let (from, to) = (from.map(|pool| names.pool(pool)), to.map(|pool| names.pool(pool)));
            tracing::debug!(agent = names.agent(agent), from, to, "agent placed");
        }
        Fact::PauseBegan { agent, reason, .. } => {
            tracing::debug!(agent = names.agent(agent), reason = names.pause(reason), "paused");
        }
        Fact::PauseEnded { agent, reason, limit_reached, .. } => {
            let agent = names.agent(agent);
            tracing::debug!(agent, reason = names.pause(reason), limit_reached, "pause over");
        }
        Fact::AgentDenied { agent, why, .. } => {
            tracing::debug!(agent = names.agent(agent), reason = why.label(), "denied");
        }
        _ => debug_assert!(false, "no fact about an agent"),
    }
}
