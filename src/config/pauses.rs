//! Why agents may pause, and for how long: the closed list that metrics and reports go by.

use super::mistake::Report;
use super::read::Section;
use super::value::{check_name, count, duration};
use super::words::bounded;
use crate::acd::plan::Pause;
use crate::ids::PauseId;
use crate::time::Duration;

/// Most reasons: each is a row of metrics for every pool.
const MOST_REASONS: usize = 50;
const DAY: Duration = Duration::from_secs(86_400);

/// All reasons, in the order of the file.
pub(super) fn read_pauses(root: &mut Section<'_>, report: &Report<'_>) -> Vec<Pause> {
    let named = root.get_named("pause");
    if let Some((first, _)) = named.first() {
        bounded(named.len(), MOST_REASONS, "reasons to pause", &first.span, report);
    }
    let mut pauses = Vec::new();
    for (name, mut section) in named {
        if let Err(wrong) = check_name(name.value) {
            report.wrong(&name.span, wrong);
        }
        if PauseId::BUILT_IN.contains(&name.value) {
            report.mistake(&name.span, format!("`{}` is a reason of the engine's own", name.value), None);
        }
        let most = section.get("most_at_once", count(1, 10_000)).and_then(|most| u32::try_from(most.value).ok());
        pauses.push(Pause {
            name: name.value.to_owned(),
            longest: section.get("longest", duration(Duration::from_secs(1), DAY)).map(|longest| longest.value),
            most_at_once: most,
            retired: false,
        });
        section.finish();
    }
    pauses
}
