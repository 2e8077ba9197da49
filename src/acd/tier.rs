//! Who may serve whom, worked out once when a plan is loaded (semantics.md section 4).
//!
//! Agents who are alike (pool, levels, order of queues) share a *profile*; calls that may use the same agents (queue, step, and what
//! they carry) share a *class*. For each class the profiles are listed by the step that opens them, so that matching is the AND of two
//! bit sets. Which agent or which call of several is not decided here.
//!
//! What the plan itself leads together is laid out with it; a caller whom an overflow or an agent takes elsewhere with
//! its skills may need classes that nobody needed before: those are laid out as it enters.

use super::demand::{Asked, Carried, Demand};
use super::plan::{Agent, Plan, Queue, StepMode};
use crate::ids::{AgentId, PoolId, QueueId, SkillId};
use std::collections::BTreeMap;

/// A growing set of small numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn with_room_for(len: usize) -> Bits {
        Bits(vec![0; len.div_ceil(64)])
    }

    pub(super) fn set(&mut self, bit: usize, on: bool) {
        if let Some(word) = self.0.get_mut(bit / 64) {
            let mask = 1 << (bit % 64);
            if on { *word |= mask } else { *word &= !mask }
        }
    }

    /// Room for at least so many.
    pub(super) fn grow(&mut self, len: usize) {
        self.0.resize(self.0.len().max(len.div_ceil(64)), 0);
    }

    pub(super) fn has(&self, bit: usize) -> bool {
        self.0.get(bit / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    /// The members of both sets, ascending.
    pub(super) fn and<'a>(&'a self, other: &'a Bits) -> impl Iterator<Item = usize> + 'a {
        self.0.iter().zip(&other.0).enumerate().flat_map(|(index, (a, b))| {
            let mut word = a & b;
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros() as usize;
                word &= word.wrapping_sub(1);
                (bit < 64).then_some(index * 64 + bit)
            })
        })
    }
}

/// The calls of one queue at one step that carry the same.
#[derive(Clone, Debug)]
pub(super) struct Class {
    queue: QueueId,
    /// Whom they may use, the earliest open step first; each profile is in the first level that admits it only.
    pub(super) levels: Vec<Level>,
    /// The next step opens at once when nobody whom these calls may use is signed in.
    pub(super) empties: bool,
}

/// What one open step adds to the earlier ones.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) step: u8,
    pub(super) profiles: Bits,
    /// By profile.
    pub(super) fits: Vec<Fit>,
}

/// How well the agents of a profile fit what is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fit {
    /// How far their levels are below the preferred ones, in total.
    pub(super) below: u32,
    /// How far they are above the required ones, in total (for `best_skill`).
    pub(super) above: u32,
}

/// By which rules a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// Those of the plan's queues in order, then those kept over a reload.
    pub(super) place: usize,
    pub(super) carried: Carried,
    /// The class of its first step; those of the others follow.
    first_class: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Profile {
    pool: PoolId,
    skills: Vec<(SkillId, u8)>,
    queues: Vec<QueueId>,
}

/// The bit matrix of who may serve what.
#[derive(Clone, Debug)]
pub(super) struct Tiers {
    profiles: Vec<Profile>,
    profile_of: Vec<usize>,
    classes: Vec<Class>,
    first_class: BTreeMap<(usize, Carried), usize>,
    classes_of: Vec<Bits>,
    /// Some agents have an order of queues.
    ordered: bool,
}

impl Tiers {
    /// Of every queue as it is, and of what the plan's services carry into queues.
    pub(super) fn new(plan: &Plan) -> Tiers {
        let mut profiles: Vec<Profile> = plan.agents.iter().map(profile).collect();
        let of_agents = profiles.clone();
        profiles.sort();
        profiles.dedup();
        let profile_of = of_agents.iter().map(|mine| profiles.partition_point(|other| other < mine)).collect();
        let (classes, first_class) = (Vec::new(), BTreeMap::new());
        let classes_of = vec![Bits::default(); profiles.len()];
        let mut tiers = Tiers {
            ordered: profiles.iter().any(|profile| !profile.queues.is_empty()),
            profiles,
            profile_of,
            classes,
            first_class,
            classes_of,
        };
        for (place, queue) in plan.queues.iter().enumerate() {
            let id = QueueId(u32::try_from(place).unwrap_or(u32::MAX));
            tiers.rules((place, id), queue, Carried::NOTHING, &plan.demands);
        }
        for (queue, carried) in plan.services.iter().flat_map(super::plan::Service::ways) {
            if let Some(rules) = plan.queues.get(queue.index()) {
                tiers.rules((queue.index(), queue), rules, carried, &plan.demands);
            }
        }
        tiers
    }

    /// The classes of calls that carry this and go by these rules, which are known by their place: those of the plan's
    /// queues in order, then those that calls kept over a reload.
    pub(super) fn rules(
        &mut self,
        (place, id): (usize, QueueId),
        queue: &Queue,
        carried: Carried,
        demands: &[Demand],
    ) -> Rules {
        if let Some(&first_class) = self.first_class.get(&(place, carried)) {
            return Rules { place, carried, first_class };
        }
        let first_class = self.classes.len();
        self.first_class.insert((place, carried), first_class);
        for step in 0..queue.steps.len() {
            let class = Class {
                queue: id,
                levels: levels(queue, step, &self.profiles, (carried, demands)),
                empties: queue.steps.get(step + 1).is_some_and(|next| next.when_nobody_signed_in),
            };
            for (profile, served) in self.classes_of.iter_mut().enumerate() {
                served.grow(self.classes.len() + 1);
                served.set(self.classes.len(), class.levels.iter().any(|level| level.profiles.has(profile)));
            }
            self.classes.push(class);
        }
        Rules { place, carried, first_class }
    }

    /// The same, if they are laid out already.
    pub(super) fn known(&self, place: usize, carried: Carried) -> Option<Rules> {
        self.first_class.get(&(place, carried)).map(|&first_class| Rules { place, carried, first_class })
    }

    pub(super) fn profiles(&self) -> usize {
        self.profiles.len()
    }

    /// Whether any agent has an order of queues.
    pub(super) fn have_orders(&self) -> bool {
        self.ordered
    }

    /// Whether these agents have an order of queues.
    pub(super) fn has_order(&self, profile: usize) -> bool {
        self.profiles.get(profile).is_some_and(|profile| !profile.queues.is_empty())
    }

    /// The place of the class's queue in these agents' order of queues; those that are not in it come last, alike.
    pub(super) fn place_in_order(&self, profile: usize, class: usize) -> usize {
        let (Some(profile), Some(class)) = (self.profiles.get(profile), self.classes.get(class)) else { return 0 };
        profile.queues.iter().position(|queue| *queue == class.queue).unwrap_or(profile.queues.len())
    }

    pub(super) fn classes(&self) -> &[Class] {
        &self.classes
    }

    pub(super) fn profile_of(&self, agent: AgentId) -> usize {
        self.profile_of[agent.index()]
    }

    pub(super) fn class_of(&self, rules: Rules, step: u8) -> usize {
        rules.first_class + usize::from(step)
    }

    pub(super) fn classes_served_by(&self, profile: usize) -> &Bits {
        &self.classes_of[profile]
    }

    /// Whether a call of this class may use anybody of these profiles.
    pub(super) fn admits_any(&self, class: usize, profiles: &Bits) -> bool {
        self.classes[class].levels.iter().any(|level| level.profiles.and(profiles).next().is_some())
    }

    /// Whether a call with these rules could ever be had by anybody, now at this step or at a later one of so many.
    pub(super) fn serves_anybody(&self, rules: Rules, step: u8, steps: usize) -> bool {
        let classes = self.class_of(rules, step)..rules.first_class + steps;
        classes
            .filter_map(|class| self.classes.get(class))
            .any(|class| class.levels.iter().any(|level| level.profiles.and(&level.profiles).next().is_some()))
    }

    /// The step by which a call of this class may use this agent, if it may.
    pub(super) fn admits(&self, class: usize, agent: AgentId) -> Option<u8> {
        let profile = self.profile_of(agent);
        self.classes[class].levels.iter().find(|level| level.profiles.has(profile)).map(|level| level.step)
    }
}

/// The pool of those who are in none any more: no step asks it.
const NO_POOL: PoolId = PoolId(u32::MAX);

fn profile(agent: &Agent) -> Profile {
    if agent.retired {
        return Profile { pool: NO_POOL, skills: Vec::new(), queues: Vec::new() };
    }
    Profile { pool: agent.pool, skills: agent.skills.clone(), queues: agent.queues.clone() }
}

/// Steps open at `step`: back to the last one that replaced those before it.
pub(super) fn open_steps(queue: &Queue, step: usize) -> std::ops::RangeInclusive<usize> {
    let first = (1..=step).rev().find(|&s| queue.steps[s].mode == StepMode::Replace).unwrap_or(0);
    first..=step
}

fn levels(queue: &Queue, step: usize, profiles: &[Profile], (carried, demands): (Carried, &[Demand])) -> Vec<Level> {
    let mut taken = Bits::with_room_for(profiles.len());
    let mut levels = Vec::new();
    for (open, number) in
        open_steps(queue, step).zip(open_steps(queue, step).map(|s| u8::try_from(s).unwrap_or(u8::MAX)))
    {
        let (step, asked) = (&queue.steps[open], queue.steps[open].asks(carried, demands));
        let (open, fits) = (Bits::with_room_for(profiles.len()), vec![Fit::default(); profiles.len()]);
        let mut level = Level { step: number, profiles: open, fits };
        for (index, profile) in profiles.iter().enumerate() {
            let is_asked = !taken.has(index) && step.pools.contains(&profile.pool);
            if let Some(fit) = fit(&asked, profile).filter(|_| is_asked) {
                taken.set(index, true);
                level.profiles.set(index, true);
                level.fits[index] = fit;
            }
        }
        levels.push(level);
    }
    levels
}

/// `None` when the profile is below what is required anywhere.
fn fit(asked: &Asked, profile: &Profile) -> Option<Fit> {
    asked.judge(&profile.skills).map(|(below, above)| Fit { below, above })
}
