//! One call played against a plan: the routing engine with phones and a clock that are not there.

use super::{Case, Reaction};
use centralino::acd::{Acd, AgentRequest, Command, Event, Outbox, Plan};
use centralino::facts::{Fact, OfferOutcome};
use centralino::ids::{AgentId, CallId, Key, PauseId, ServiceId};
use centralino::time::{Duration, Time};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Zoned};
use std::collections::BTreeMap;

/// When the call comes in; agents sign in before, those who are longest without work first.
const ARRIVAL: Time = Time::from_millis(3_600_000);
/// Callers whose keys lead nowhere are looked at for so long after their arrival.
const LONGEST_MENU: Duration = Duration::from_secs(3_600);
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
pub fn play(plan: &Plan, zone: &TimeZone, case: &Case) -> Result<Found, String> {
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
        entered: None,
        now: Time::ZERO,
    };
    let keys = case.keys.chars().map(key).collect::<Result<Vec<Key>, String>>()?;
    stage.people_sign_in(plan, case)?;
    if let Some(at) = &case.at {
        let utc = moment(at, zone)?;
        stage.handle(Event::CivilTime { utc, received_at: ARRIVAL }, ARRIVAL);
    }
    for ahead in 1..call.0 {
        stage.enters(CallId(ahead), service, &keys);
    }
    stage.found = Found::default();
    stage.enters(call, service, &keys);
    // The wait begins with the entry, however long the menus take.
    while stage.entered.is_none() && stage.found.outcome.is_empty() {
        let Some((due, _)) = stage.acd.next_deadline().filter(|&(due, _)| due <= ARRIVAL + LONGEST_MENU) else { break };
        stage.wait_until(due);
    }
    let entered = stage.entered.unwrap_or(ARRIVAL);
    let end = entered + duration(&case.wait)?;
    let mut later = Vec::new();
    for (agent, after) in named(plan, case.later.iter())? {
        later.push((entered + duration(after)?, Later::SignsIn(agent)));
    }
    for (after, signs) in &case.keys_later {
        for sign in signs.chars() {
            later.push((entered + duration(after)?, Later::Presses(key(sign)?)));
        }
    }
    later.sort_by_key(|&(at, _)| at);
    for (received_at, happens) in later.into_iter().filter(|&(at, _)| at <= end) {
        stage.wait_until(received_at);
        let event = match happens {
            Later::SignsIn(agent) => Event::AgentReachable { agent, received_at },
            Later::Presses(key) => Event::KeyPressed { call, key, received_at },
        };
        stage.handle(event, received_at);
    }
    stage.wait_until(end);
    stage.found.agents.sort();
    Ok(stage.found)
}

/// What happens after the call entered.
enum Later {
    SignsIn(AgentId),
    Presses(Key),
}

fn key(sign: char) -> Result<Key, String> {
    Key::of_sign(sign).ok_or_else(|| format!("`{sign}` is no key of a telephone"))
}

/// Nanoseconds since 1970 of a moment on the wall.
fn moment(text: &str, zone: &TimeZone) -> Result<i64, String> {
    let zoned = match text.parse::<Zoned>() {
        Ok(zoned) => Ok(zoned),
        Err(_) => text.parse::<DateTime>().and_then(|on_the_wall| on_the_wall.to_zoned(zone.clone())),
    };
    let zoned = zoned.map_err(|_| format!("`{text}` is no moment (like \"2026-12-24T10:00[Europe/Rome]\")"))?;
    i64::try_from(zoned.timestamp().as_nanosecond()).map_err(|_| format!("`{text}` is out of range"))
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
    /// When the call that is looked at entered its first queue.
    entered: Option<Time>,
    /// How far the clock is: never back.
    now: Time,
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

    /// Whatever it hears is over at once.
    fn enters(&mut self, call: CallId, service: ServiceId, keys: &[Key]) {
        let received_at = ARRIVAL;
        self.handle(Event::CallArrived { call, service, received_at }, received_at);
        self.handle(Event::CallEstablished { call, received_at }, received_at);
        for &key in keys {
            if call != self.call || self.entered.is_none() {
                self.handle(Event::KeyPressed { call, key, received_at }, received_at);
            }
        }
    }

    fn wait_until(&mut self, end: Time) {
        while let Some((due, _)) = self.acd.next_deadline().filter(|&(due, _)| due <= end) {
            self.now = due;
            self.acd.expire(due, &mut self.out);
            self.react(due);
        }
    }

    fn handle(&mut self, event: Event, now: Time) {
        self.now = now;
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
                self.hear(&command);
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
            Command::PlayOnce { call, clip } => vec![Event::ClipEnded { call, clip, received_at }],
            Command::CancelOffer { offer } => refuses(offer, OfferOutcome::Rejected),
            _ => Vec::new(),
        }
    }

    /// What a caller is told who is not let in or not let wait.
    fn hear(&mut self, command: &Command) {
        let outcome = &self.found.outcome;
        if let Command::PlayOnce { call, clip } = *command
            && call == self.call
            && (outcome.starts_with("refused") || outcome.starts_with("flowed_out"))
        {
            self.found.path.push(format!("hears {}", self.acd.plan().clips[clip.index()]));
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
            Fact::CallPassedOn { reason, to, .. } if found.queue.is_empty() => {
                let to = &self.acd.plan().services[to.index()].name;
                format!("passed_on {} to {to}", reason.label())
            }
            Fact::CallTakenOver { call, service, .. } if call == self.call => {
                format!("taken_over {}", self.acd.plan().services[service.index()].name)
            }
            Fact::CallEndedInMenu { call, .. } if call == self.call => {
                found.outcome = "ended_in_menu".to_owned();
                found.outcome.clone()
            }
            Fact::CallEntered { call, queue, .. } if call == self.call => {
                self.entered.get_or_insert(self.now);
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
