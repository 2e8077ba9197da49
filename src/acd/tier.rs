//! Who may serve whom, worked out once when a plan is loaded (semantics.md section 4).
//!
//! Agents who are alike (pool and levels) share a *profile*; calls that may use the same agents (queue and step) share
//! a *class*. For each class the profiles are listed by the step that opens them, so that matching is the AND of two
//! bit sets. Which agent or which call of several is not decided here.

use super::plan::{Agent, Plan, Queue, Step, StepMode};
use crate::ids::{AgentId, PoolId, QueueId, SkillId};

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

/// The calls of one queue at one step.
#[derive(Clone, Debug)]
pub(super) struct Class {
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
    /// By profile: how far its levels are above the required ones, in total (for `best_skill`).
    pub(super) surplus: Vec<u32>,
}

/// By which rules a call waits: those of the plan's queues in order, then those kept over a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules(pub(super) usize);

impl Rules {
    pub(super) const fn of(queue: QueueId) -> Rules {
        Rules(queue.index())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Profile {
    pool: PoolId,
    skills: Vec<(SkillId, u8)>,
}

/// The bit matrix of who may serve what.
#[derive(Clone, Debug)]
pub(super) struct Tiers {
    profiles: usize,
    profile_of: Vec<usize>,
    classes: Vec<Class>,
    first_class: Vec<usize>,
    classes_of: Vec<Bits>,
}

impl Tiers {
    /// Of the plan's queues, then of those rules that calls kept over a reload: numbered through, as [`Rules`].
    pub(super) fn new(plan: &Plan, pinned: &[Queue]) -> Tiers {
        let mut profiles: Vec<Profile> = plan.agents.iter().map(profile).collect();
        let of_agents = profiles.clone();
        profiles.sort();
        profiles.dedup();
        let profile_of = of_agents.iter().map(|mine| profiles.partition_point(|other| other < mine)).collect();
        let mut classes = Vec::new();
        let mut first_class = Vec::new();
        for queue in plan.queues.iter().chain(pinned) {
            first_class.push(classes.len());
            classes.extend((0..queue.steps.len()).map(|step| Class {
                levels: levels(queue, step, &profiles),
                empties: queue.steps.get(step + 1).is_some_and(|next| next.when_nobody_signed_in),
            }));
        }
        let mut classes_of = vec![Bits::with_room_for(classes.len()); profiles.len()];
        for (number, class) in classes.iter().enumerate() {
            for (profile, served) in classes_of.iter_mut().enumerate() {
                served.set(number, class.levels.iter().any(|level| level.profiles.has(profile)));
            }
        }
        Tiers { profiles: profiles.len(), profile_of, classes, first_class, classes_of }
    }

    pub(super) fn profiles(&self) -> usize {
        self.profiles
    }

    pub(super) fn classes(&self) -> &[Class] {
        &self.classes
    }

    pub(super) fn profile_of(&self, agent: AgentId) -> usize {
        self.profile_of[agent.index()]
    }

    pub(super) fn class_of(&self, rules: Rules, step: u8) -> usize {
        self.first_class[rules.0] + usize::from(step)
    }

    pub(super) fn classes_served_by(&self, profile: usize) -> &Bits {
        &self.classes_of[profile]
    }

    /// Whether a call of this class may use anybody of these profiles.
    pub(super) fn admits_any(&self, class: usize, profiles: &Bits) -> bool {
        self.classes[class].levels.iter().any(|level| level.profiles.and(profiles).next().is_some())
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
        return Profile { pool: NO_POOL, skills: Vec::new() };
    }
    Profile { pool: agent.pool, skills: agent.skills.clone() }
}

/// Steps open at `step`: back to the last one that replaced those before it.
pub(super) fn open_steps(queue: &Queue, step: usize) -> std::ops::RangeInclusive<usize> {
    let first = (1..=step).rev().find(|&s| queue.steps[s].mode == StepMode::Replace).unwrap_or(0);
    first..=step
}

fn levels(queue: &Queue, step: usize, profiles: &[Profile]) -> Vec<Level> {
    let mut taken = Bits::with_room_for(profiles.len());
    let mut levels = Vec::new();
    for (open, number) in
        open_steps(queue, step).zip(open_steps(queue, step).map(|s| u8::try_from(s).unwrap_or(u8::MAX)))
    {
        let mut level =
            Level { step: number, profiles: Bits::with_room_for(profiles.len()), surplus: vec![0; profiles.len()] };
        for (index, profile) in profiles.iter().enumerate() {
            if let (false, Some(surplus)) = (taken.has(index), surplus(&queue.steps[open], profile)) {
                taken.set(index, true);
                level.profiles.set(index, true);
                level.surplus[index] = surplus;
            }
        }
        levels.push(level);
    }
    levels
}

/// How far the profile is above what the step requires; `None` when it is below anywhere or in another pool.
fn surplus(step: &Step, profile: &Profile) -> Option<u32> {
    if !step.pools.contains(&profile.pool) {
        return None;
    }
    step.requires.iter().try_fold(0, |sum, &(skill, least)| {
        let has = profile.skills.iter().find(|&&(known, _)| known == skill).map_or(0, |&(_, level)| level);
        has.checked_sub(least).map(|above| sum + u32::from(above))
    })
}
