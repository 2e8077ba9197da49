//! What a call asks of whoever takes it, beside what the steps of its queue ask (semantics.md section 4): skills that
//! its service and its choice in a menu carry into every queue. Languages are skills.
//!
//! A step may relax a carried level, for nobody should wait for ever for the one agent who is perfect. Preferred skills
//! put agents in order and keep nobody out.

use crate::ids::{DemandId, SkillId};

/// Skills with the levels that are asked, ascending by skill, each once.
pub type Levels = Vec<(SkillId, u8)>;

/// What is asked beside a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Every one of these at this level or more.
    pub requires: Levels,
    /// Agents who are furthest below these come last; nobody is kept out.
    pub prefers: Levels,
}

/// Whose demands a call carries: its service's, and those of its choice in a menu.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Carried {
    /// Of the service that the call is with: another service's once that has taken it over.
    pub service: Option<DemandId>,
    /// Of the key that led into a queue: the caller keeps it.
    pub choice: Option<DemandId>,
}

impl Carried {
    /// Nothing is asked beside the steps.
    pub const NOTHING: Carried = Carried { service: None, choice: None };

    pub(super) fn of(self, demands: &[Demand]) -> impl Iterator<Item = &Demand> {
        [self.service, self.choice].into_iter().flatten().filter_map(|id| demands.get(id.index()))
    }
}

/// What one step asks of the agents who take a call, all counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The larger of the step's level and the carried one, as far as the step does not relax it.
    pub requires: Levels,
    /// The larger of the step's and the carried.
    pub prefers: Levels,
}

impl Asked {
    /// How far these skills are below the preferred ones and above the required ones, in total; `None` when any is below
    /// a required one.
    pub fn judge(&self, skills: &[(SkillId, u8)]) -> Option<(u32, u32)> {
        let has = |skill| level_of(skills, skill).unwrap_or(0);
        let above = self.requires.iter().try_fold(0u32, |sum, &(skill, least)| {
            has(skill).checked_sub(least).map(|above| sum.saturating_add(above.into()))
        })?;
        let below = self.prefers.iter().map(|&(skill, wanted)| u32::from(wanted.saturating_sub(has(skill))));
        Some((below.fold(0, u32::saturating_add), above))
    }
}

pub(super) fn level_of(levels: &[(SkillId, u8)], skill: SkillId) -> Option<u8> {
    levels.iter().find(|(known, _)| *known == skill).map(|&(_, level)| level)
}

pub(super) fn raise(levels: &mut Levels, skill: SkillId, level: u8) {
    if level == 0 {
        return;
    }
    match levels.iter_mut().find(|(known, _)| *known == skill) {
        Some((_, known)) => *known = (*known).max(level),
        None => levels.push((skill, level)),
    }
    levels.sort_unstable();
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SkillId = SkillId(0);
    const B: SkillId = SkillId(1);

    #[test]
    fn preferred_skills_keep_nobody_out() {
        let asked = Asked { requires: vec![(A, 50)], prefers: vec![(B, 60)] };
        assert_eq!(asked.judge(&[(A, 70)]), Some((60, 20)));
        assert_eq!(asked.judge(&[(A, 70), (B, 90)]), Some((0, 20)));
        assert_eq!(asked.judge(&[(A, 49), (B, 90)]), None);
    }
}
