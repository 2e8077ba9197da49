//! Why the engine does what it does: a live call or an agent in words, for operators. Reads, decides nothing.
//!
//! Names agents by their numbers: not for logs, not for metrics.

use super::calendar::Opening;
use super::call::{Call, CallState, Stage, Visit};
use super::demand::Carried;
use super::plan::{Exit, Queue, Step, Strategy};
use super::queue::Seniority;
use super::{Acd, Timer};
use crate::facts::AgentState;
use crate::ids::{AgentId, CallId, SkillId};
use crate::time::{Duration, Time};
use std::fmt::Write;

/// Most agents or calls in one explanation.
const MOST_LINES: usize = 200;

impl Acd {
    /// Where a call stands, who could take it in which order, and why nobody else can; `None` if there is no such call.
    pub fn explain_call(&self, id: CallId, now: Time) -> Option<String> {
        let call = self.calls.get(&id)?;
        let service = &self.plan.services[call.service.index()].name;
        let queue = &self.plan.queues[call.queue.index()];
        let mut text = format!("call {}, service {service}, queue {}: ", id.0, queue.name);
        match &call.state {
            CallState::Accepted => text.push_str("being accepted\n"),
            CallState::Greeting { .. } => text.push_str("hears the welcome\n"),
            CallState::InMenu(_) => text.push_str("is asked what it wants\n"),
            CallState::TurnedAway { reason, .. } => {
                let _ = writeln!(text, "hears why it is not let in: {}", reason.label().replace('_', " "));
            }
            CallState::Leaving { .. } => text.push_str("has left the queue and hears the last words\n"),
            CallState::Passing(passing) => {
                let target = self.offers.get(&passing.to).map(|offer| self.number(offer.agent));
                let _ = writeln!(text, "is being passed on to {}", target.unwrap_or("nobody"));
            }
            CallState::Talking { offer, .. } => {
                let agent = self.offers.get(offer).map(|offer| self.number(offer.agent));
                let _ = writeln!(text, "talks with {}", agent.unwrap_or("nobody"));
            }
            CallState::Queued(visit) => self.explain_visit(id, call, visit, now, &mut text),
        }
        if let Some(reference) = call.reference {
            let _ = writeln!(text, "gave the number {reference}");
        }
        Some(text)
    }

    fn explain_visit(&self, id: CallId, call: &Call, visit: &Visit, now: Time, text: &mut String) {
        let queue = self.rules(visit.rules);
        let stage = match visit.stage {
            Stage::Waiting => "waits",
            Stage::Ringing(_) => "rings",
            Stage::Joining(..) => "is being joined",
        };
        let _ = writeln!(text, "{stage} since {}", ago(visit.entered, now));
        if self.port_wait.is_on {
            text.push_str("no RTP port is left for an agent's leg: nobody is rung until there is one\n");
        }
        if let Stage::Ringing(round) | Stage::Joining(_, round) = visit.stage {
            let phones = self.offers.range(round.first..=round.last).map(|(_, offer)| self.number(offer.agent));
            let _ = writeln!(text, "its phones: {}", phones.collect::<Vec<_>>().join(", "));
        }
        let place = (visit.key, id);
        let mine = |other: &&Call| other.queue == call.queue;
        let before = self.calls.iter().filter(|(_, other)| mine(other)).filter_map(|(&id, other)| {
            let other = other.visit()?;
            ((other.key, id) < place).then_some(())
        });
        let _ = writeln!(text, "callers before it in the queue: {}", before.count());
        if queue.weight > 0 || visit.overtaken > 0 {
            let (weight, times, most) = (queue.weight, visit.overtaken, self.plan.limits.overtaken_at_most);
            let _ = writeln!(text, "weight {weight}, overtaken {times} times of at most {most}");
        }
        if let Some(wait) = self.estimated_wait(id) {
            let _ = writeln!(text, "estimated to wait for {} more", seconds(wait));
        }
        self.explain_skills(queue, visit, text);
        if let (Some(agent), Some(end)) = (visit.kept_for, self.deadlines.get(Timer::LastAgent(id))) {
            let _ = writeln!(
                text,
                "kept for {}, who answered its caller last: over {}",
                self.number(agent),
                until(end, now)
            );
        }
        self.explain_steps(id, queue, visit, now, text);
        for &(key, exit) in &queue.exits {
            let _ = writeln!(text, "key {}: {}", key.sign(), self.exit_in_words(exit));
        }
        let entry = &self.plan.services[call.service.index()].entry;
        if self.opening(entry) != Opening::Open {
            text.push_str("its service is closed by now: who waits is served\n");
        }
        let mut candidates = Vec::new();
        let mut others = String::new();
        let known = (0..).map(AgentId).take(self.agents.len()).filter(|agent| self.agents[agent.index()].is_present);
        for agent in known {
            match self.obstacle(visit, agent) {
                None => candidates.push(agent),
                Some(why) => _ = writeln!(others, "  {}: {why}", self.number(agent)),
            }
        }
        self.explain_candidates(visit, candidates, now, text);
        let _ = writeln!(text, "others, and what stands in the way first:");
        text.push_str(&cut(&others));
    }

    /// What it asks of agents at its step, where that is not what the step alone asks.
    fn explain_skills(&self, queue: &Queue, visit: &Visit, text: &mut String) {
        let Some(step) = queue.steps.get(usize::from(visit.step)) else { return };
        let asked = step.asks(visit.rules.carried, &self.plan.demands);
        if visit.rules.carried != Carried::NOTHING {
            let _ = writeln!(text, "asks with what it carries for {}", self.skills_in_words(&asked.requires));
        }
        if !asked.prefers.is_empty() {
            let _ = writeln!(text, "prefers {}", self.skills_in_words(&asked.prefers));
        }
    }

    fn skills_in_words(&self, levels: &[(SkillId, u8)]) -> String {
        let words: Vec<String> =
            levels.iter().map(|&(skill, level)| format!("{} {level}", self.plan.skills[skill.index()])).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    }

    fn explain_steps(&self, id: CallId, queue: &Queue, visit: &Visit, now: Time, text: &mut String) {
        let _ = writeln!(text, "step {} since {}", visit.step, ago(visit.step_since, now));
        if let Some(next) = queue.steps.get(usize::from(visit.step) + 1) {
            let _ = write!(text, "step {} {}", visit.step + 1, until(visit.entered + next.after, now));
            if let Some(most) = next.after_offers {
                let _ = write!(text, ", or after {most} unanswered offers ({} so far)", visit.unanswered);
            }
            if next.when_nobody_signed_in {
                text.push_str(", or when nobody is signed in");
            }
            text.push('\n');
        }
        match self.deadlines.get(Timer::MaxWait(id)) {
            Some(end) => {
                let _ =
                    writeln!(text, "longest wait {}, then {}", until(end, now), self.exit_in_words(queue.on_max_wait));
            }
            None => text.push_str("longest wait is held while it is being joined\n"),
        }
    }

    fn exit_in_words(&self, exit: Exit) -> String {
        match exit {
            Exit::End => "the end".to_owned(),
            Exit::Announce(clip) => format!("{} and the end", self.plan.clips[clip.index()]),
            Exit::Service(service) => format!("service {}", self.plan.services[service.index()].name),
        }
    }

    /// In the order of the strategy: step, then who missed the call least, then who is preferred, then its own key.
    fn explain_candidates(&self, visit: &Visit, agents: Vec<AgentId>, now: Time, text: &mut String) {
        let class = self.tiers.class_of(visit.rules, visit.step);
        let strategy = self.rules(visit.rules).strategy;
        let mut rows: Vec<_> = agents
            .into_iter()
            .filter_map(|agent| {
                let step = self.tiers.admits(class, agent)?;
                let missed = visit.memory.of(agent).map_or(0, |missed| missed.times);
                let (rank, words) = self.key_in_words(strategy, class, agent, now);
                let below = self.below_preferred(class, agent);
                let words = if below > 0 { format!("{below} below the preferred levels, {words}") } else { words };
                Some(((step, missed, below, rank, agent), words))
            })
            .collect();
        rows.sort_unstable();
        let _ = writeln!(text, "ready for it, in order:{}", if rows.is_empty() { " nobody" } else { "" });
        let lines = rows.into_iter().map(|((step, missed, _, _, agent), words)| {
            format!("  {}: step {step}, missed it {missed} times, {words}\n", self.number(agent))
        });
        text.push_str(&cut(&lines.collect::<String>()));
    }

    fn below_preferred(&self, class: usize, id: AgentId) -> u32 {
        let profile = self.tiers.profile_of(id);
        let level = self.tiers.classes()[class].levels.iter().find(|level| level.profiles.has(profile));
        level.map_or(0, |level| level.fits[profile].below)
    }

    /// An agent's key in a strategy's order, smaller first, and how an operator would say it.
    fn key_in_words(&self, strategy: Strategy, class: usize, id: AgentId, now: Time) -> ((u64, u64), String) {
        let agent = &self.agents[id.index()];
        let idle = agent.idle_since.as_nanos();
        let idle_words = format!("without work since {}", ago(agent.idle_since, now));
        match strategy {
            Strategy::LongestIdle => ((idle, 0), idle_words),
            Strategy::BestSkill => {
                let profile = self.tiers.profile_of(id);
                let levels = &self.tiers.classes()[class].levels;
                let level = levels.iter().find(|level| level.profiles.has(profile));
                let surplus = level.map_or(0, |level| level.fits[profile].above);
                ((u64::from(u32::MAX - surplus), idle), format!("{surplus} above the required levels, {idle_words}"))
            }
            Strategy::RoundRobin => ((agent.offered, 0), format!("last offer {}", agent.offered)),
            Strategy::Linear => ((0, 0), "order of the file".to_owned()),
            Strategy::FewestCalls => ((agent.answered, agent.offered), format!("{} calls answered", agent.answered)),
            Strategy::LeastTalkTime => {
                let talked = Duration::from_nanos(agent.talked);
                ((agent.talked, agent.offered), format!("{} talked", seconds(talked)))
            }
            Strategy::Random => ((0, 0), "by a draw".to_owned()),
            Strategy::WeightedRandom => ((0, 0), format!("by a draw, weight {}", self.plan.agents[id.index()].weight)),
            Strategy::RingAll => ((0, 0), "rung with the others".to_owned()),
        }
    }

    /// The first thing that keeps this agent from this call now.
    fn obstacle(&self, visit: &Visit, id: AgentId) -> Option<String> {
        let class = self.tiers.class_of(visit.rules, visit.step);
        if self.plan.agents[id.index()].retired {
            return Some("is no longer in the configuration".to_owned());
        }
        if self.tiers.admits(class, id).is_none() {
            return Some(self.why_not_admitted(self.rules(visit.rules), visit, id));
        }
        let state = self.agents[id.index()].state;
        if state != AgentState::Ready {
            return Some(state.label().replace('_', " "));
        }
        if let Some(agent) = visit.kept_for.filter(|agent| *agent != id) {
            return Some(format!("the call is kept for {}", self.number(agent)));
        }
        let missed = visit.memory.of(id).filter(|missed| missed.until > self.latest)?;
        let left = missed.until.since(self.latest);
        Some(format!("did not take it {} times, left alone for {} more", missed.times, seconds(left)))
    }

    fn why_not_admitted(&self, queue: &Queue, visit: &Visit, id: AgentId) -> String {
        let agent = &self.plan.agents[id.index()];
        let open = super::tier::open_steps(queue, usize::from(visit.step)).filter_map(|step| queue.steps.get(step));
        let asking: Vec<&Step> = open.filter(|step| step.pools.contains(&agent.pool)).collect();
        let Some(latest) = asking.last() else {
            return format!("pool {} is in no open step", self.plan.pools[agent.pool.index()].name);
        };
        let has = |skill| agent.skills.iter().find(|(known, _)| *known == skill).map_or(0, |&(_, level)| level);
        let asked = latest.asks(visit.rules.carried, &self.plan.demands);
        let lacking = asked.requires.iter().find(|&&(skill, least)| has(skill) < least);
        lacking.map_or_else(String::new, |&(skill, least)| {
            format!("{} {} of {least}", self.plan.skills[skill.index()], has(skill))
        })
    }

    /// What an agent does, and what stands between them and each waiting call, the most senior first; `None` if there
    /// is no such agent.
    pub fn explain_agent(&self, id: AgentId, now: Time) -> Option<String> {
        let agent = self.agents.get(id.index())?;
        let pool = &self.plan.pools[agent.pool.index()].name;
        let mut text = format!("agent {}, pool {pool}: {}", self.number(id), agent.state.label().replace('_', " "));
        match agent.pause_shown {
            Some((reason, since)) => {
                let name = self.plan.pause_names().nth(reason.index()).unwrap_or("?");
                let _ = write!(text, " ({name}) since {}", ago(since, now));
            }
            None => _ = write!(text, " since {}", ago(agent.since, now)),
        }
        let ends = [Timer::Pause(id), Timer::WrapUp(id), Timer::Rest(id), Timer::Retry(id)];
        if let Some(end) = ends.into_iter().find_map(|timer| self.deadlines.get(timer)) {
            let _ = write!(text, ", over {}", until(end, now));
        }
        let to_come = match (agent.signed_in, agent.paused, agent.other_media) {
            (false, ..) if agent.state != AgentState::SignedOut => ", then signed out",
            (true, Some(_), _) if agent.pause_shown.is_none() => ", then paused",
            (true, None, true) if agent.state != AgentState::OtherMedia => ", then on other media",
            _ => "",
        };
        let _ = writeln!(text, "{to_come}");
        let _ = writeln!(text, "skills: {}", self.skills_in_words(&self.plan.agents[id.index()].skills));
        let order = &self.plan.agents[id.index()].queues;
        if !order.is_empty() {
            let names: Vec<&str> = order.iter().map(|queue| self.plan.queues[queue.index()].name.as_str()).collect();
            let _ = writeln!(text, "serves first, in order: {}", names.join(", "));
        }
        let in_order = |queue| order.iter().position(|known| *known == queue).unwrap_or(order.len());
        let mut waiting: Vec<(Seniority, CallId, &Call, &Visit)> = Vec::new();
        for (&id, call) in self.calls.iter() {
            if let Some(visit) = call.visit().filter(|visit| visit.stage == Stage::Waiting) {
                waiting.push((visit.key, id, call, visit));
            }
        }
        waiting.sort_unstable_by_key(|&(key, id, call, _)| (in_order(call.queue), key, id));
        let _ = writeln!(text, "waiting calls, in order:{}", if waiting.is_empty() { " none" } else { "" });
        let lines = waiting.into_iter().map(|(_, call_id, call, visit)| {
            let queue = &self.plan.queues[call.queue.index()].name;
            let why = self.obstacle(visit, id).unwrap_or_else(|| "could be offered".to_owned());
            format!("  call {}, {queue}, step {}, since {}: {why}\n", call_id.0, visit.step, ago(visit.entered, now))
        });
        text.push_str(&cut(&lines.take(MOST_LINES + 1).collect::<String>()));
        Some(text)
    }

    fn number(&self, id: AgentId) -> &str {
        &self.plan.agents[id.index()].number
    }
}

/// The first lines, and a last one that says that there are more.
fn cut(lines: &str) -> String {
    match lines.match_indices('\n').nth(MOST_LINES - 1) {
        Some((end, _)) if end + 1 < lines.len() => format!("{}  and more\n", &lines[..=end]),
        _ => lines.to_owned(),
    }
}

fn seconds(length: Duration) -> String {
    let millis = length.as_millis();
    match millis % 1_000 {
        0 => format!("{} s", millis / 1_000),
        rest => format!("{}.{rest:03} s", millis / 1_000),
    }
}

fn ago(moment: Time, now: Time) -> String {
    seconds(now.since(moment))
}

fn until(moment: Time, now: Time) -> String {
    if moment > now { format!("in {}", seconds(moment.since(now))) } else { "now".to_owned() }
}
