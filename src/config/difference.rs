//! What changes from one configuration to another, a line each, for the operator: `queue information: ring 15 s ->
//! 20 s`. The reload prints it when it has happened, `centralino check --against` before.

use super::describe::{self, Told, Word};
use super::{Checked, Running};
use std::collections::BTreeMap;

/// Most lines of either kind; the last one then says how many more there are.
const MOST_LINES: usize = 1_000;

/// The lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What changes at once.
    pub changes: Vec<String>,
    /// What waits for a restart.
    pub waiting: Vec<String>,
}

impl Difference {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.waiting.is_empty()
    }
}

/// What a daemon that goes by `running` would change by reading `new`.
pub fn difference(running: &Checked, new: &Checked) -> Difference {
    let before = Running::of(running);
    // One that does not fit after the other in an empty run is no configuration.
    let after = before.after(new, |_, _| true).map_or_else(|_| Running::of(new), |(after, _)| after);
    let (before, after) = (describe::plan(&before), describe::plan(&after));
    let id = |told: &Told| (told.kind, told.name.clone());
    let known: BTreeMap<_, &Told> = before.iter().map(|told| (id(told), told)).collect();
    let wanted: BTreeMap<_, &Told> = after.iter().map(|told| (id(told), told)).collect();
    let mut changes = Vec::new();
    for told in &after {
        match known.get(&id(told)) {
            None => changes.push(format!("{} {} added", told.kind, told.name)),
            Some(before) => {
                let title = format!("{} {}", told.kind, told.name);
                let lines = compare(&before.keys, &told.keys).into_iter();
                changes.extend(lines.map(|what| format!("{}: {what}", title.trim_end())));
            }
        }
    }
    let removed = before.iter().filter(|told| !wanted.contains_key(&id(told)));
    changes.extend(removed.map(|told| format!("{} {} removed{}", told.kind, told.name, what_then(told.kind))));
    let (named, still) = (describe::names(&running.plan), describe::names(&new.plan));
    changes.extend(named.difference(&still).map(|(kind, name)| format!("{kind} {name} removed")));
    changes.extend(other_order(running, new));
    let waiting = compare(&describe::settings(&running.settings), &describe::settings(&new.settings));
    let waiting = waiting.into_iter().map(|what| format!("{what}: waits for a restart")).collect();
    Difference { changes: cut(changes), waiting: cut(waiting) }
}

/// What becomes of those who are still there.
fn what_then(kind: &str) -> &'static str {
    match kind {
        "service" => ": its number is refused, callers in the greeting go on",
        "queue" => ": drains, those who wait are served",
        "agent" => ": finishes the call, then signs out",
        _ => "",
    }
}

/// Key by key, in the order of the new ones; those that are gone come last.
fn compare(before: &[(String, Word)], after: &[(String, Word)]) -> Vec<String> {
    let find = |list: &[(String, Word)], key: &str| list.iter().position(|(known, _)| known == key);
    let mut lines = Vec::new();
    for (key, value) in after {
        match (find(before, key).map(|place| &before[place].1), value) {
            (Some(old), new) if old == new => {}
            (Some(Word::Plain(old)), Word::Plain(new)) => lines.push(format!("{key} {old} -> {new}")),
            (None, Word::Plain(new)) => lines.push(format!("{key} added: {new}")),
            (None, Word::Secret(_)) => lines.push(format!("{key} added")),
            (Some(_), _) => lines.push(format!("{key} changed")),
        }
    }
    lines.extend(before.iter().filter(|(key, _)| find(after, key).is_none()).map(|(key, _)| format!("{key} removed")));
    lines
}

/// Among those who stay, for `linear`.
fn other_order(running: &Checked, new: &Checked) -> Option<String> {
    let numbers = |checked: &Checked| -> BTreeMap<String, usize> {
        checked.plan.agents.iter().map(|agent| agent.number.clone()).zip(0..).collect()
    };
    let (before, after) = (numbers(running), numbers(new));
    let mut stay: Vec<(usize, usize)> =
        before.iter().filter_map(|(number, place)| Some((*place, *after.get(number)?))).collect();
    stay.sort_unstable();
    let same = stay.is_sorted_by_key(|(_, place)| *place);
    (!same).then(|| "agents: another order".to_owned())
}

fn cut(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST_LINES);
    if more > 0 {
        lines.truncate(MOST_LINES);
        lines.push(format!("and {more} more"));
    }
    lines
}
