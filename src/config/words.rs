//! Names that other parts of the file may refer to: pools, skills, queues.

use super::mistake::Report;
use super::read::{Placed, Section};
use super::value::{level, name, text};
use super::wrong::{Missing, Read, Wrong};
use crate::acd::demand::{Demand, Levels};
use crate::acd::plan::{Pool, Queue};
use crate::ids::{DemandId, PoolId, SkillId};
use std::cell::RefCell;
use std::ops::Range;
use toml::de::DeValue;

/// Most pools, skills, services or queues: every one is a row of metrics.
pub(super) const MOST_NAMES: usize = 500;

/// The pools and skills that the rest of the file may name.
pub(super) struct Words {
    pub pools: Names,
    skills: Names,
    /// What calls ask of agents, each once.
    demands: RefCell<Vec<Demand>>,
}

/// Names that others may refer to.
pub(super) struct Names {
    what: &'static str,
    pub list: Vec<Placed<String>>,
    /// No name was left out because of a mistake.
    whole: bool,
}

impl Words {
    pub fn read(root: &mut Section<'_>, report: &Report<'_>) -> Words {
        Words {
            pools: Names::read(root, "pool", "pools", report),
            skills: Names::read(root, "skill", "skills", report),
            demands: RefCell::default(),
        }
    }

    /// A pool by its name.
    pub fn pool(&self, value: &DeValue<'_>) -> Read<PoolId> {
        self.pools.find(&text(value)?).map(PoolId)
    }

    /// Levels by skill, ascending by skill; those of level 0 say nothing and are left out.
    pub fn levels(&self, section: &mut Section<'_>, key: &'static str, report: &Report<'_>) -> Levels {
        let mut levels = self.all_levels(section, key, report);
        levels.retain(|&(_, level)| level > 0);
        levels
    }

    /// The same, those of level 0 included.
    pub fn all_levels(&self, section: &mut Section<'_>, key: &'static str, report: &Report<'_>) -> Levels {
        let Some(skills) = section.get_section(key) else { return Vec::new() };
        let mut levels = Vec::new();
        for (skill, value) in skills.entries() {
            let level = skills.keep(value, level).map(|level| level.value);
            match (self.skills.find(skill.value), level) {
                (Err(wrong), _) => report.wrong(&skill.span, wrong),
                (Ok(skill), Some(level)) => levels.push((SkillId(skill), level)),
                (Ok(_), None) => {}
            }
        }
        levels.sort_unstable();
        levels
    }

    /// What calls ask of agents, by `requires` and `prefers` of whatever leads them into a queue; `None` is nothing.
    pub fn demand(&self, section: &mut Section<'_>, report: &Report<'_>) -> Option<DemandId> {
        let requires = self.levels(section, "requires", report);
        let demand = Demand { requires, prefers: self.levels(section, "prefers", report) };
        if demand == Demand::default() {
            return None;
        }
        let mut demands = self.demands.borrow_mut();
        let known = demands.iter().position(|known| *known == demand);
        let place = known.unwrap_or_else(|| {
            demands.push(demand);
            demands.len() - 1
        });
        bounded(demands.len(), MOST_NAMES, "groups of skills that calls ask for", &section.span, report);
        u32::try_from(place).ok().map(DemandId)
    }

    /// What the demands so far ask.
    pub fn demands(&self) -> Vec<Demand> {
        self.demands.borrow().clone()
    }

    pub fn into_plan(self) -> (Vec<Pool>, Vec<String>) {
        let pools = self.pools.list.into_iter().map(|pool| Pool { name: pool.value, announce: None }).collect();
        (pools, self.skills.list.into_iter().map(|skill| skill.value).collect())
    }
}

impl Names {
    /// Those of sections that were read already.
    pub fn of(what: &'static str, list: Vec<Placed<String>>) -> Names {
        Names { what, list, whole: true }
    }

    /// What other sections may name queues by.
    pub fn of_queues(queues: &[Placed<Queue>]) -> Names {
        let name = |queue: &Placed<Queue>| Placed { value: queue.value.name.clone(), span: queue.span.clone() };
        Names::of("queue", queues.iter().map(name).collect())
    }

    fn read(root: &mut Section<'_>, what: &'static str, key: &'static str, report: &Report<'_>) -> Names {
        let already_found = report.mistakes_found();
        let mut names: Vec<Placed<String>> = Vec::new();
        if let Some(list) = root.need_list(key, name) {
            bounded(list.value.len(), MOST_NAMES, key, &list.span, report);
            for name in list.value {
                match names.iter().any(|known| known.value == name.value) {
                    true => report.mistake(&name.span, format!("`{}` is in the list already", name.value), None),
                    false => names.push(name),
                }
            }
        }
        Names { what, list: names, whole: report.mistakes_found() == already_found }
    }

    pub fn find(&self, wanted: &str) -> Read<u32> {
        let position = self.list.iter().position(|name| name.value == wanted);
        position.and_then(|position| u32::try_from(position).ok()).ok_or_else(|| {
            let known: Vec<&str> = self.list.iter().map(|name| name.value.as_str()).collect();
            let mut wrong = Wrong::unknown(self.what, wanted, &known);
            wrong.hint.get_or_insert_with(|| format!("the file names no such {}", self.what));
            wrong.missing = Some(if self.whole { Missing::Name(wanted.to_string()) } else { Missing::Anything });
            wrong
        })
    }
}

/// Reports a list that outgrows its bound.
pub(super) fn bounded(length: usize, most: usize, what: &str, span: &Range<usize>, report: &Report<'_>) {
    if length > most {
        report.mistake(span, format!("{length} {what} are too many"), Some(format!("at most {most}")));
    }
}
