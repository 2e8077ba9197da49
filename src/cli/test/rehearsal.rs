//! One call played against a plan: the routing engine with phones and a clock that are not there.

use super::{Case, Reaction};
use centralino::acd::{Acd, AgentRequest, Command, Event, Outbox, Plan};
use centralino::facts::{Fact, OfferOutcome};
use centralino::ids::{AgentId, CallId, PauseId, ServiceId};
use centralino::time::{Duration, Time};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// When the call comes in; agents sign in before, those who are longest without work first.
const ARRIVAL: Time = Time::from_millis(3_600_000);
/// Most callers ahead.
const MOST_AHEAD: u32 = 10_000;

/// What became of the call.
#[derive(Debug, Default)]
pub struct Found {
    /// `refused …`, `waiting`, `ringing`, `answered` or `flowed_out …`.
    pub outcome: String,
    /// Where it waits or waited; empty if it never entered.
    pub queue: String,
    /// The latest tier step.
    pub step: Option<u8>,
    /// Whose phones ring for it, or who has it.
    pub agents: Vec<String>,
    /// Everything that happened to it, in order.
    pub path: Vec<String>,
}

/// Nobody is there unless the case says so, fixed contacts included.
pub fn everybody_signed_out(mut plan: Plan) -> Plan {
    plan.agents.iter_mut().for_each(|agent| agent.fixed_contact = false);
    plan
}

/// Plays the case up to its moment; what makes it unusable is the error.
pub fn play(plan: &Plan, case: &Case) -> Result<Found, String> {
    let found = Found::default();
    let Some(service) = plan.service_by_number(&case.call) else {
        return Ok(Found {
            outcome: "refused no_route".to_owned(),
            path: vec!["refused no_route".to_owned()],
            ..found
        });
    };
    if case.ahead > MOST_AHEAD {
        return Err(format!("{} callers ahead are too many (at most {MOST_AHEAD})", case.ahead));
    }
    let call = CallId(u64::from(case.ahead) + 1);
    let mut stage = Stage {
        acd: Acd::new(plan.clone(), 1),
        out: Outbox::default(),
        phones: named(plan, case.phones.iter().map(|(number, &reaction)| (number, reaction)))?.into_iter().collect(),
        call,
        found,
    };
    stage.people_sign_in(plan, case)?;
    for ahead in 1..call.0 {
        stage.enters(CallId(ahead), service);
    }
    stage.found = Found::default();
    stage.enters(call, service);
    let end = ARRIVAL + duration(&case.wait)?;
    let mut later = Vec::new();
    for (agent, after) in named(plan, case.later.iter())? {
        later.push((ARRIVAL + duration(after)?, agent));
    }
    later.sort_unstable();
    for (received_at, agent) in later.into_iter().filter(|&(at, _)| at <= end) {
        stage.wait_until(received_at);
        stage.handle(Event::AgentReachable { agent, received_at }, received_at);
    }
    stage.wait_until(end);
    stage.found.agents.sort();
    Ok(stage.found)
}

/// A length of time as configurations have it.
fn duration(text: &str) -> Result<Duration, String> {
    let length = text.parse::<SignedDuration>().map_err(|error| format!("`{text}` is no length of time: {error}"))?;
    Duration::try_from(length).map_err(|_| format!("`{text}` is less than nothing"))
}

/// The agents with these numbers.
fn named<'n, T>(plan: &Plan, of: impl Iterator<Item = (&'n String, T)>) -> Result<Vec<(AgentId, T)>, String> {
    of.map(|(number, value)| {
        let agent = plan.agent_by_number(number).ok_or_else(|| format!("there is no agent `{number}`"))?;
        Ok((agent, value))
    })
    .collect()
}

struct Stage {
    acd: Acd,
    out: Outbox,
    phones: BTreeMap<AgentId, Reaction>,
    /// The call that is looked at.
    call: CallId,
    found: Found,
}

impl Stage {
    fn people_sign_in(&mut self, plan: &Plan, case: &Case) -> Result<(), String> {
        let away = named(plan, case.away.iter().map(|number| (number, true)))?;
        let ready = named(plan, case.ready.iter().map(|number| (number, false)))?;
        for (number, (agent, is_away)) in (1..).zip(away.into_iter().chain(ready)) {
            let received_at = Time::from_millis(number);
            self.handle(Event::AgentReachable { agent, received_at }, received_at);
            if is_away {
                let request = AgentRequest::Pause(PauseId::UNSPECIFIED);
                self.handle(Event::AgentAsked { agent, request, received_at }, received_at);
            }
        }
        Ok(())
    }

    /// Its welcome is over at once.
    fn enters(&mut self, call: CallId, service: ServiceId) {
        let received_at = ARRIVAL;
        self.handle(Event::CallArrived { call, service, received_at }, received_at);
        self.handle(Event::CallEstablished { call, received_at }, received_at);
        if let Some(clip) = self.acd.plan().services[service.index()].welcome {
            self.handle(Event::ClipEnded { call, clip, received_at }, received_at);
        }
    }

    fn wait_until(&mut self, end: Time) {
        while let Some((due, _)) = self.acd.next_deadline().filter(|&(due, _)| due <= end) {
            self.acd.expire(due, &mut self.out);
            self.react(due);
        }
    }

    fn handle(&mut self, event: Event, now: Time) {
        self.acd.handle(event, now, &mut self.out);
        self.react(now);
    }

    /// Phones do at once what they do, which may have the next phone rung.
    fn react(&mut self, now: Time) {
        while !self.out.commands.is_empty() || !self.out.facts.is_empty() {
            let out = std::mem::take(&mut self.out);
            for record in &out.facts {
                self.note(&record.fact);
            }
            for command in out.commands {
                for event in self.reaction(command, now) {
                    self.acd.handle(event, now, &mut self.out);
                }
            }
        }
    }

    fn reaction(&self, command: Command, received_at: Time) -> Vec<Event> {
        let refuses = |offer, outcome| vec![Event::OfferFailed { offer, outcome, received_at }];
        match command {
            Command::RingAgent { offer, agent, .. } => match self.phones.get(&agent) {
                None => vec![Event::OfferRinging { offer, received_at }],
                Some(Reaction::Answers) => {
                    vec![Event::OfferAnswered { offer, received_at }, Event::OfferJoined { offer, received_at }]
                }
                Some(Reaction::Busy) => refuses(offer, OfferOutcome::Busy),
                Some(Reaction::Rejects) => refuses(offer, OfferOutcome::Rejected),
                Some(Reaction::Unreachable) => refuses(offer, OfferOutcome::Unreachable),
            },
            Command::CancelOffer { offer } => refuses(offer, OfferOutcome::Rejected),
            _ => Vec::new(),
        }
    }

    /// Follows the call that is looked at.
    fn note(&mut self, fact: &Fact) {
        let number = |agent: AgentId| self.acd.plan().agents[agent.index()].number.clone();
        let found = &mut self.found;
        let line = match *fact {
            Fact::CallRefused { reason, .. } if found.queue.is_empty() => {
                found.outcome = format!("refused {}", reason.label());
                found.outcome.clone()
            }
            Fact::CallEntered { call, queue, .. } if call == self.call => {
                found.queue = self.acd.plan().queues[queue.index()].name.clone();
                (found.outcome, found.step) = ("waiting".to_owned(), Some(0));
                format!("entered {}", found.queue)
            }
            Fact::StepReached { call, step, trigger, .. } if call == self.call => {
                found.step = Some(step);
                format!("step {step} {}", trigger.label())
            }
            Fact::OfferMade { call, agent, .. } if call == self.call => {
                found.agents.push(number(agent));
                found.outcome = "ringing".to_owned();
                format!("rings {}", number(agent))
            }
            Fact::OfferEnded { call, agent, outcome, .. } if call == self.call => {
                if outcome != OfferOutcome::Accepted {
                    found.agents.retain(|other| *other != number(agent));
                }
                if found.agents.is_empty() {
                    found.outcome = "waiting".to_owned();
                }
                format!("{} {}", outcome.label(), number(agent))
            }
            Fact::CallAnswered { call, .. } if call == self.call => {
                found.outcome = "answered".to_owned();
                return;
            }
            Fact::CallFlowedOut { call, to, .. } if call == self.call => {
                found.outcome = format!("flowed_out {}", to.label());
                found.outcome.clone()
            }
            _ => return,
        };
        found.path.push(line);
    }
}
