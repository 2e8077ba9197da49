//! The plan's names, for people who read logs and traces.

use centralino::acd::Plan;
use centralino::facts::Fact;
use centralino::ids::{AgentId, DemandId, PauseId, PoolId, QueueId, ServiceId, SkillId};
use std::sync::Arc;

/// What ids stand for.
pub struct Names(Arc<Plan>);

impl Names {
    /// The names of one plan.
    pub fn of(plan: Arc<Plan>) -> Names {
        Names(plan)
    }

    pub(super) fn service(&self, id: Option<ServiceId>) -> &str {
        id.and_then(|id| self.0.services.get(id.index())).map_or("none", |service| &service.name)
    }

    pub(super) fn queue(&self, id: QueueId) -> &str {
        self.0.queues.get(id.index()).map_or("none", |queue| &queue.name)
    }

    pub(super) fn pool(&self, id: PoolId) -> &str {
        self.0.pools.get(id.index()).map_or("none", |pool| &pool.name)
    }

    pub(super) fn pause(&self, id: PauseId) -> &str {
        self.0.pause_names().nth(id.index()).unwrap_or("none")
    }

    pub(super) fn agent(&self, id: AgentId) -> &str {
        self.0.agents.get(id.index()).map_or("none", |agent| &agent.number)
    }

    fn levels(&self, asked: impl Iterator<Item = DemandId>) -> String {
        let demands = asked.filter_map(|id| self.0.demands.get(id.index()));
        let levels: Vec<String> = demands.flat_map(|demand| &demand.requires).map(|it| self.level(*it)).collect();
        if levels.is_empty() { "none".to_owned() } else { levels.join(", ") }
    }

    fn level(&self, (skill, level): (SkillId, u8)) -> String {
        format!("{} {level}", self.0.skills.get(skill.index()).map_or("none", String::as_str))
    }

    /// The numbers of services and agents.
    pub fn numbers(&self) -> Vec<String> {
        let services = self.0.services.iter().map(|service| &service.number);
        services.chain(self.0.agents.iter().map(|agent| &agent.number)).cloned().collect()
    }

    /// A fact about a call, in words.
    pub fn words(&self, fact: &Fact) -> String {
        match *fact {
            Fact::CallReceived { service, .. } => format!("received: service {}", self.service(Some(service))),
            Fact::CallPassedOn { service, reason, to } => {
                let (service, to) = (self.service(Some(service)), self.service(Some(to)));
                format!("service {service} passes it on to {to}: {}", reason.label())
            }
            Fact::WaitEstimated { estimated, .. } => {
                format!("the wait had been estimated at {:.3} s", estimated.as_secs_f64())
            }
            Fact::LegNoted { party, note, .. } => format!("{}'s leg: {}", party.label(), note.words()),
            Fact::CallTakenOver { service, .. } => format!("taken over by service {}", self.service(Some(service))),
            Fact::OpeningChanged { service, is_open } => {
                format!("service {} {}", self.service(Some(service)), if is_open { "opens" } else { "closes" })
            }
            Fact::CallLeftInGreeting { lost, .. } => format!("left in the greeting{}", lost_too(lost)),
            Fact::ReferenceGiven { reference, .. } => format!("gave {reference:?}"),
            Fact::CallEndedInMenu { .. } => "ended in the menu".to_owned(),
            Fact::CallFailedInGreeting { .. } => "failed in the greeting".to_owned(),
            Fact::CallEntered { queue, .. } => format!("entered queue {}", self.queue(queue)),
            Fact::ThresholdPassed { threshold, .. } => format!("late: threshold {} passed", u16::from(threshold) + 1),
            Fact::LastAgentWanted { agent, .. } => format!("kept for {}, who answered last", self.agent(agent)),
            Fact::LastAgentEnded { result, .. } => format!("kept for nobody any more: {}", result.label()),
            Fact::SkillsAsked { service, choice, .. } => {
                format!("asks for skills: {}", self.levels([service, choice].into_iter().flatten()))
            }
            Fact::CallPromoted { times, .. } => format!("overtaken {times} times: goes before all who came later"),
            Fact::StepReached { step, trigger, .. } => {
                format!("step {} reached ({})", u16::from(step) + 1, trigger.label())
            }
            Fact::CallAnswered { agent, pool, waited, .. } => {
                let (agent, pool) = (self.agent(agent), self.pool(pool));
                format!("answered by {agent} ({pool}), waited {:.3} s", waited.as_secs_f64())
            }
            Fact::CallAbandoned { waited, lost, .. } => {
                format!("abandoned, waited {:.3} s{}", waited.as_secs_f64(), lost_too(lost))
            }
            Fact::CallFlowedOut { waited, to, .. } => {
                format!("flowed out ({}), waited {:.3} s", to.label(), waited.as_secs_f64())
            }
            Fact::CallFailed { .. } => "failed through our fault".to_owned(),
            Fact::CallEnded { talked, by, .. } => {
                format!("ended by {}, talked {:.3} s", by.label(), talked.as_secs_f64())
            }
            Fact::CallTransferred { agent, talked, .. } => {
                format!("passed on by {}, talked {:.3} s", self.agent(agent), talked.as_secs_f64())
            }
            Fact::CallTakenUp { agent, pool, .. } => {
                format!("taken up by {} ({})", self.agent(agent), self.pool(pool))
            }
            Fact::CallEndedUnattended { by, .. } => format!("ended by {} while passed on", by.label()),
            Fact::TransferEnded { kind, result, .. } => format!("{} transfer: {}", kind.label(), result.label()),
            Fact::ConferenceBegan { .. } => "the colleague joins the talk".to_owned(),
            Fact::ConsultEnded { result, .. } => format!("colleague asked: {}", result.label()),
            Fact::OfferMade { agent, step, offer, .. } => {
                format!("offer {} to {} (step {})", offer.0, self.agent(agent), u16::from(step) + 1)
            }
            Fact::OfferEnded { agent, offer, outcome, rang, .. } => {
                let (agent, rang) = (self.agent(agent), rang.as_secs_f64());
                format!("offer {} to {agent}: {}, rang {rang:.3} s", offer.0, outcome.label())
            }
            Fact::CallRefused { reason, .. } => format!("refused: {}", reason.label()),
            Fact::AgentStateChanged { agent, to, .. } => format!("agent {}: {}", self.agent(agent), to.label()),
            Fact::AgentPlaced { agent, .. } => format!("agent {}: another pool", self.agent(agent)),
            Fact::Reloaded { result } => format!("reload: {}", result.label()),
            Fact::LegMeasured { party, quality, .. } => {
                let (who, received, lost) = (party.label(), quality.received, quality.lost);
                format!("RTP of the {who}: {received} packets received, {lost} lost, {} sent", quality.sent)
            }
            Fact::PauseBegan { agent, reason, .. } => {
                format!("agent {}: pause for {}", self.agent(agent), self.pause(reason))
            }
            Fact::PauseEnded { agent, reason, .. } => {
                format!("agent {}: pause for {} over", self.agent(agent), self.pause(reason))
            }
            Fact::AgentDenied { agent, why, .. } => format!("agent {}: denied, {}", self.agent(agent), why.label()),
            Fact::Turned(turned) => format!("turned away: {}", turned.label()),
            Fact::OrderBroken { rule, .. } => format!("out of order: {}", rule.label()),
            Fact::LawBroken { law } => format!("law {law} broken"),
        }
    }
}

fn lost_too(lost: bool) -> &'static str {
    if lost { " (connection lost)" } else { "" }
}
