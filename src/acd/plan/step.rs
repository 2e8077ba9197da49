//! Steps of a queue: from when on which agents may take its calls.

use crate::acd::demand::{Asked, Carried, Demand, Levels, level_of, raise};
use crate::ids::PoolId;
use crate::time::Duration;

/// Which pools and levels a waiting call may use, from `after` on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// From entry; tested with `>=` by a timer.
    pub after: Duration,
    /// Whom this step asks.
    pub pools: Vec<PoolId>,
    /// Every one of these skills at this level or more.
    pub requires: Levels,
    /// Who is furthest below these levels comes last; nobody is kept out.
    pub prefers: Levels,
    /// What calls carry of these skills is asked up to this level only; 0 is not at all.
    pub relax: Levels,
    /// Whether earlier steps stay open.
    pub mode: StepMode,
    /// Opens earlier than `after` once so many offers of the call went unanswered.
    pub after_offers: Option<u32>,
    /// Opens earlier than `after` when nobody whom the call may use by then is signed in.
    pub when_nobody_signed_in: bool,
}

/// What a step does to the earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepMode {
    /// They stay open and keep precedence.
    #[default]
    Widen,
    /// They close.
    Replace,
}

impl Step {
    /// What this step asks for a call that carries this.
    pub fn asks(&self, carried: Carried, demands: &[Demand]) -> Asked {
        let mut asked = Asked { requires: self.requires.clone(), prefers: self.prefers.clone() };
        for demand in carried.of(demands) {
            for &(skill, level) in &demand.requires {
                let most = level_of(&self.relax, skill).unwrap_or(u8::MAX);
                raise(&mut asked.requires, skill, level.min(most));
            }
            demand.prefers.iter().for_each(|&(skill, level)| raise(&mut asked.prefers, skill, level));
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{DemandId, SkillId};

    const A: SkillId = SkillId(0);
    const B: SkillId = SkillId(1);

    #[test]
    fn the_larger_level_counts_and_a_step_relaxes_only_what_is_carried() {
        let demands = [
            Demand { requires: vec![(A, 60)], prefers: vec![(B, 30)] },
            Demand { requires: vec![(A, 80), (B, 40)], prefers: vec![] },
        ];
        let carried = Carried { service: Some(DemandId(0)), choice: Some(DemandId(1)) };
        let mut step = Step { requires: vec![(A, 50)], ..Step::default() };
        assert_eq!(step.asks(carried, &demands).requires, [(A, 80), (B, 40)]);
        step.relax = vec![(A, 20), (B, 0)];
        assert_eq!(step.asks(carried, &demands).requires, [(A, 50)]);
        assert_eq!(step.asks(carried, &demands).prefers, [(B, 30)]);
        assert_eq!(step.asks(Carried::NOTHING, &demands), Asked { requires: vec![(A, 50)], prefers: vec![] });
    }
}
