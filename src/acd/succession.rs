//! A new plan laid out after the one in force, so that whoever is in both keeps their id.
//!
//! Services, queues, pools, skills and languages are known by their names, agents by their numbers, clips as the caller
//! says. What the new plan does not have stays in its place as *retired* for the rest of the run: a place is never given
//! to somebody else, so facts, counters and records mean the same from start to end, and whoever comes back finds their
//! old place. The tables are bounded; beyond, a plan is refused until a restart.

use super::demand::{Demand, Levels};
use super::ivr::{Flow, Menu, Number, Target};
use super::plan::{
    Agent, Announcements, Entry, Exit, Limits, MOST_THRESHOLDS, Pause, Plan, Pool, Queue, Recording, Service, Step,
};
use super::voice::{Part, Phrases, Rule, Voice};
use crate::ids::{AgentId, ClipId, DemandId, PoolId, QueueId, ServiceId, SkillId, VoiceId};
use crate::time::Duration;
use std::collections::BTreeMap;
use std::fmt;

/// Most services, queues, pools or skills of one run: twice what a configuration may have.
pub const MOST_NAMES: usize = 1_000;
/// Most agents of one run.
pub const MOST_AGENTS: usize = 20_000;
/// Most reasons to pause of one run.
pub const MOST_PAUSES: usize = 200;
/// Most clips of one run.
pub const MOST_CLIPS: usize = 4_000;

/// A plan laid out after another, and where everything of it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Succession {
    /// For the engine.
    pub plan: Plan,
    /// By position of the service in the plan as it was written.
    pub services: Vec<ServiceId>,
    /// By position of the agent in the plan as it was written.
    pub agents: Vec<AgentId>,
}

/// The tables of this run have no room for the plan, those included that earlier reloads removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// Of what.
    pub what: String,
    /// How many there may be.
    pub most: usize,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooMany { what, most } = self;
        write!(f, "more than {most} {what}, those removed since the start among them: a restart forgets them")
    }
}

/// Lays `new` out after `running`. `clips` says where each clip of the new plan is, those not yet known after the last
/// of the running plan.
///
/// # Errors
/// A table would outgrow its bound.
pub fn succeed(running: &Plan, new: Plan, clips: &[ClipId]) -> Result<Succession, TooMany> {
    let Plan { services, queues, pools, agents, skills, demands, clips: clip_names, voices, calendars, limits, pauses } =
        new;
    let service_name = |service: &Service| service.name.clone();
    let skills_at = place(names(&running.skills, String::as_str), names(&skills, String::as_str));
    let demands = demands.into_iter().map(|demand| laid_demand(&skills_at, demand));
    let (all_demands, demands_at) = lay_demands(&running.demands, demands);
    let places = Places {
        demands: demands_at,
        services: place(running.services.iter().map(service_name), services.iter().map(service_name)),
        queues: place(names(&running.queues, queue_name), names(&queues, queue_name)),
        pools: place(names(&running.pools, pool_name), names(&pools, pool_name)),
        skills: skills_at,
        clips: clips.iter().map(|clip| clip.index()).collect(),
        voices: place(names(&running.voices, voice_name), names(&voices, voice_name)),
    };
    let pause_name = |pause: &Pause| pause.name.clone();
    let pauses_at = place(running.pauses.iter().map(pause_name), pauses.iter().map(pause_name));
    let agent_number = |agent: &Agent| agent.number.clone();
    let agents_at = place(running.agents.iter().map(agent_number), agents.iter().map(agent_number));

    let laid_queues = queues.into_iter().zip(&places.queues);
    let laid_queues: Result<Vec<_>, _> =
        laid_queues.map(|(queue, &at)| Ok((at, places.queue(queue, running.queues.get(at))?))).collect();
    let laid_services = services.into_iter().zip(&places.services).map(|(service, &at)| (at, places.service(service)));
    let in_order = agents.into_iter().zip(&agents_at).zip(0..);
    let laid_agents = in_order.map(|((agent, &at), place)| (at, places.agent(agent, place)));
    let laid_pools = pools.into_iter().map(|pool| places.planned_pool(pool));
    if all_demands.len() > MOST_NAMES {
        return Err(TooMany { what: "groups of skills that calls ask for".to_owned(), most: MOST_NAMES });
    }
    let plan = Plan {
        demands: all_demands,
        services: lay(&running.services, retire_service, laid_services, ("services", MOST_NAMES))?,
        queues: lay(&running.queues, retire_queue, laid_queues?, ("queues", MOST_NAMES))?,
        pools: lay(&running.pools, Pool::clone, laid_pools.enumerate_at(&places.pools), ("pools", MOST_NAMES))?,
        agents: lay(&running.agents, retire_agent, laid_agents, ("agents", MOST_AGENTS))?,
        pauses: lay(
            &running.pauses,
            |pause| Pause { retired: true, ..pause.clone() },
            pauses.into_iter().enumerate_at(&pauses_at),
            ("reasons to pause", MOST_PAUSES),
        )?,
        skills: lay(
            &running.skills,
            String::clone,
            skills.into_iter().enumerate_at(&places.skills),
            ("skills", MOST_NAMES),
        )?,
        clips: lay(
            &running.clips,
            String::clone,
            clip_names.into_iter().enumerate_at(&places.clips),
            ("clips", MOST_CLIPS),
        )?,
        voices: lay(
            &running.voices,
            Voice::clone,
            voices.into_iter().map(|voice| places.voice(voice)).enumerate_at(&places.voices),
            ("languages", MOST_NAMES),
        )?,
        calendars,
        // Ports, dialogs and files were counted for so many calls at the start.
        limits: Limits { channels: running.limits.channels, ..limits },
    };
    let services = places.services.into_iter().map(|at| ServiceId(narrow(at))).collect();
    let agents = agents_at.into_iter().map(|at| AgentId(narrow(at))).collect();
    Ok(Succession { plan, services, agents })
}

/// Whether every id of `old` means the same in `plan`.
pub(super) fn is_laid_out_after(plan: &Plan, old: &Plan) -> bool {
    fn goes_on<T>(new: &[T], old: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
        new.len() >= old.len() && old.iter().zip(new).all(|(old, new)| same(old, new))
    }
    goes_on(&plan.services, &old.services, |a, b| a.name == b.name)
        && goes_on(&plan.queues, &old.queues, |a, b| a.name == b.name && b.thresholds.starts_with(&a.thresholds))
        && goes_on(&plan.pools, &old.pools, |a, b| a.name == b.name)
        && goes_on(&plan.agents, &old.agents, |a, b| a.number == b.number)
        && goes_on(&plan.pauses, &old.pauses, |a, b| a.name == b.name)
        && goes_on(&plan.skills, &old.skills, |a, b| a == b)
        && plan.demands.starts_with(&old.demands)
        && goes_on(&plan.voices, &old.voices, |a, b| a.name == b.name)
        && plan.clips.len() >= old.clips.len()
}

/// Where the new plan's things go, by their position in it.
struct Places {
    services: Vec<usize>,
    queues: Vec<usize>,
    pools: Vec<usize>,
    skills: Vec<usize>,
    demands: Vec<usize>,
    clips: Vec<usize>,
    voices: Vec<usize>,
}

// Every structure is taken apart by name: a field added to the plan does not compile until it is laid out here.
impl Places {
    fn service(&self, service: Service) -> Service {
        let Service { name, number, welcome, menu, queue, priority_credit, demand, entry, retired } = service;
        let demand = demand.map(|demand| self.demand(demand));
        let (welcome, menu) = (welcome.map(|clip| self.clip(clip)), menu.map(|flow| self.flow(flow)));
        let (queue, entry) = (self.queue_id(queue), self.entry(entry));
        Service { name, number, welcome, menu, queue, priority_credit, demand, entry, retired }
    }

    /// Calendars are the new plan's own: no fact names them.
    fn entry(&self, entry: Entry) -> Entry {
        let Entry { calendar, closed, holiday, full, nobody_signed_in, at_closing } = entry;
        let (closed, holiday, full) = (self.exit(closed), self.exit(holiday), self.exit(full));
        let nobody_signed_in = nobody_signed_in.map(|exit| self.exit(exit));
        Entry { calendar, closed, holiday, full, nobody_signed_in, at_closing }
    }

    fn exit(&self, exit: Exit) -> Exit {
        match exit {
            Exit::End => Exit::End,
            Exit::Announce(clip) => Exit::Announce(self.clip(clip)),
            Exit::Service(service) => {
                let at = self.services.get(service.index()).copied().unwrap_or(usize::MAX);
                Exit::Service(ServiceId(narrow(at)))
            }
        }
    }

    fn flow(&self, flow: Flow) -> Flow {
        let Flow { menus } = flow;
        let menu = |menu: Menu| {
            let Menu { name, prompt, timeout, repeats, barge_in, keys, number, otherwise } = menu;
            let number = number.map(|number| Number {
                prefixes: number.prefixes.iter().map(|&(prefix, target)| (prefix, self.target(target))).collect(),
                confirm: number.confirm.map(|(voice, clip)| (self.voice_id(voice), self.clip(clip))),
                then: self.target(number.then),
                ..number
            });
            let keys = keys.into_iter().map(|(key, target)| (key, self.target(target))).collect();
            let (prompt, otherwise) = (self.clip(prompt), self.target(otherwise));
            Menu { name, prompt, timeout, repeats, barge_in, keys, number, otherwise }
        };
        Flow { menus: menus.into_iter().map(menu).collect() }
    }

    fn target(&self, target: Target) -> Target {
        match target {
            Target::Repeat => Target::Repeat,
            Target::Menu(menu) => Target::Menu(menu),
            Target::Queue(queue) => Target::Queue(self.queue_id(queue)),
            Target::Demanding(queue, demand) => Target::Demanding(self.queue_id(queue), self.demand(demand)),
            Target::End(clip) => Target::End(self.clip(clip)),
        }
    }

    fn queue(&self, queue: Queue, running: Option<&Queue>) -> Result<Queue, TooMany> {
        let Queue {
            name,
            strategy,
            weight,
            priority_credit,
            steps,
            ring,
            wrap_up,
            max_wait,
            on_max_wait,
            exits,
            max_wait_grace,
            last_agent_within,
            last_agent_wait,
            max_length,
            thresholds,
            contract,
            uncounted: _,
            target_percent,
            music,
            whisper,
            recording,
            announcements,
            on_reload,
            retired,
        } = queue;
        let contract = thresholds.get(usize::from(contract)).copied();
        let (thresholds, uncounted) = lay_thresholds(running, &thresholds);
        if thresholds.len() > MOST_THRESHOLDS {
            return Err(TooMany { what: format!("thresholds of queue {name}"), most: MOST_THRESHOLDS });
        }
        let contract = thresholds.iter().position(|known| Some(*known) == contract).unwrap_or(0);
        Ok(Queue {
            name,
            strategy,
            weight,
            priority_credit,
            steps: steps.into_iter().map(|step| self.step(step)).collect(),
            ring,
            wrap_up,
            max_wait,
            on_max_wait: self.exit(on_max_wait),
            exits: exits.into_iter().map(|(key, exit)| (key, self.exit(exit))).collect(),
            max_wait_grace,
            last_agent_within,
            last_agent_wait,
            max_length,
            thresholds,
            contract: u8::try_from(contract).unwrap_or(0),
            uncounted,
            target_percent,
            music: music.map(|clip| self.clip(clip)),
            whisper: whisper.map(|clip| self.clip(clip)),
            recording: recording
                .map(|Recording { notice, pause_key }| Recording { notice: self.clip(notice), pause_key }),
            announcements: announcements.map(|announcements| self.announcements(announcements)),
            on_reload,
            retired,
        })
    }

    fn announcements(&self, announcements: Announcements) -> Announcements {
        let Announcements { first, every, position, estimate, messages } = announcements;
        let messages = messages.into_iter().map(|clip| self.clip(clip)).collect();
        let (position, estimate) =
            (position.map(|voice| self.voice_id(voice)), estimate.map(|voice| self.voice_id(voice)));
        Announcements { first, every, position, estimate, messages }
    }

    fn planned_pool(&self, pool: Pool) -> Pool {
        let Pool { name, announce } = pool;
        Pool { name, announce: announce.map(|clip| self.clip(clip)) }
    }

    fn voice(&self, voice: Voice) -> Voice {
        let Voice { name, words, rules, position, wait_minutes } = voice;
        let rule = |rule: Rule| {
            let Rule { from, by, say, with_rest } = rule;
            Rule { from, by, say: self.parts(say), with_rest: self.parts(with_rest) }
        };
        Voice {
            name,
            words: words.into_iter().map(|(number, clip)| (number, self.clip(clip))).collect(),
            rules: rules.into_iter().map(rule).collect(),
            position: self.phrases(position),
            wait_minutes: self.phrases(wait_minutes),
        }
    }

    fn phrases(&self, phrases: Phrases) -> Phrases {
        let Phrases { single, other } = phrases;
        let single = single.into_iter().map(|(number, parts)| (number, self.parts(parts))).collect();
        Phrases { single, other: self.parts(other) }
    }

    fn parts(&self, parts: Vec<Part>) -> Vec<Part> {
        let part = |part: Part| match part {
            Part::Word(clip) => Part::Word(self.clip(clip)),
            Part::Number | Part::Times | Part::Round | Part::Rest => part,
        };
        parts.into_iter().map(part).collect()
    }

    fn step(&self, step: Step) -> Step {
        let Step { after, pools, requires, prefers, relax, mode, after_offers, when_nobody_signed_in } = step;
        let pools = pools.into_iter().map(|pool| self.pool(pool)).collect();
        let (requires, prefers, relax) = (self.levels(requires), self.levels(prefers), self.levels(relax));
        Step { after, pools, requires, prefers, relax, mode, after_offers, when_nobody_signed_in }
    }

    fn agent(&self, agent: Agent, place: u32) -> Agent {
        let Agent { number, pool, skills, fixed_contact, weight, place: _, wrap_up, gap, queues, retired } = agent;
        let queues = queues.into_iter().map(|queue| self.queue_id(queue)).collect();
        let (pool, skills) = (self.pool(pool), self.levels(skills));
        Agent { number, pool, skills, fixed_contact, weight, place, wrap_up, gap, queues, retired }
    }

    fn levels(&self, levels: Levels) -> Levels {
        laid_levels(&self.skills, levels)
    }

    fn demand(&self, demand: DemandId) -> DemandId {
        DemandId(narrow(self.demands.get(demand.index()).copied().unwrap_or(usize::MAX)))
    }

    fn queue_id(&self, queue: QueueId) -> QueueId {
        QueueId(narrow(self.queues.get(queue.index()).copied().unwrap_or(usize::MAX)))
    }

    fn voice_id(&self, voice: VoiceId) -> VoiceId {
        let place = self.voices.get(voice.index()).copied().unwrap_or(usize::MAX);
        VoiceId(u16::try_from(place).unwrap_or(u16::MAX))
    }

    fn pool(&self, pool: PoolId) -> PoolId {
        PoolId(narrow(self.pools.get(pool.index()).copied().unwrap_or(usize::MAX)))
    }

    fn clip(&self, clip: ClipId) -> ClipId {
        ClipId(narrow(self.clips.get(clip.index()).copied().unwrap_or(usize::MAX)))
    }
}

fn laid_levels(skills: &[usize], levels: Levels) -> Levels {
    let known = |skill: SkillId| SkillId(narrow(skills.get(skill.index()).copied().unwrap_or(usize::MAX)));
    let mut levels: Levels = levels.into_iter().map(|(skill, level)| (known(skill), level)).collect();
    levels.sort_unstable();
    levels
}

fn laid_demand(skills: &[usize], demand: Demand) -> Demand {
    let Demand { requires, prefers } = demand;
    Demand { requires: laid_levels(skills, requires), prefers: laid_levels(skills, prefers) }
}

/// The demands so far, then the new ones; and where each new one is. They have no names: what asks the same is the same.
fn lay_demands(running: &[Demand], new: impl Iterator<Item = Demand>) -> (Vec<Demand>, Vec<usize>) {
    let mut all = running.to_vec();
    let places = new.map(|demand| {
        let known = all.iter().position(|known| *known == demand);
        known.unwrap_or_else(|| {
            all.push(demand);
            all.len() - 1
        })
    });
    let places = places.collect();
    (all, places)
}

/// The thresholds of the queue so far, then the new ones; and a bit for each that counts no more.
fn lay_thresholds(running: Option<&Queue>, wanted: &[Duration]) -> (Vec<Duration>, u32) {
    let mut thresholds = running.map_or_else(Vec::new, |queue| queue.thresholds.clone());
    for threshold in wanted {
        if !thresholds.contains(threshold) {
            thresholds.push(*threshold);
        }
    }
    let is_out = |(threshold, _): &(&Duration, u32)| !wanted.contains(threshold);
    let bits = thresholds.iter().zip(0u32..).filter(is_out);
    let uncounted = bits.fold(0, |bits, (_, place)| bits | 1u32.checked_shl(place).unwrap_or(0));
    (thresholds, uncounted)
}

fn queue_name(queue: &Queue) -> &str {
    &queue.name
}

fn voice_name(voice: &Voice) -> &str {
    &voice.name
}

fn pool_name(pool: &Pool) -> &str {
    &pool.name
}

fn names<'a, T>(list: &'a [T], name: fn(&T) -> &str) -> impl Iterator<Item = String> + 'a {
    list.iter().map(move |one| name(one).to_owned())
}

/// Where each new name goes: to the place of its namesake, else after the last.
fn place(running: impl Iterator<Item = String>, new: impl Iterator<Item = String>) -> Vec<usize> {
    let mut known: BTreeMap<String, usize> = running.zip(0..).collect();
    let mut next = known.len();
    let mut place = |name| {
        *known.entry(name).or_insert_with(|| {
            next += 1;
            next - 1
        })
    };
    new.map(&mut place).collect()
}

/// The running table with everything in it retired, then everything new or still there at its place.
fn lay<T>(
    running: &[T],
    retire: impl Fn(&T) -> T,
    new: impl IntoIterator<Item = (usize, T)>,
    (what, most): (&str, usize),
) -> Result<Vec<T>, TooMany> {
    let mut table: BTreeMap<usize, T> = running.iter().map(retire).enumerate().collect();
    table.extend(new);
    if table.len() > most {
        return Err(TooMany { what: what.to_owned(), most });
    }
    Ok(table.into_values().collect())
}

fn retire_service(service: &Service) -> Service {
    Service { retired: true, entry: Entry::default(), ..service.clone() }
}

fn retire_queue(queue: &Queue) -> Queue {
    Queue { retired: true, ..queue.clone() }
}

fn retire_agent(agent: &Agent) -> Agent {
    Agent { retired: true, fixed_contact: false, ..agent.clone() }
}

/// Positions of bounded tables.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

trait EnumerateAt: Iterator + Sized {
    /// Each with the place it goes to.
    fn enumerate_at(self, places: &[usize]) -> impl Iterator<Item = (usize, Self::Item)> {
        places.iter().copied().zip(self)
    }
}

impl<I: Iterator> EnumerateAt for I {}
