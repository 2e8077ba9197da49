//! Where the choices of menus lead.

use super::clips::Clips;
use super::mistake::Report;
use super::read::Section;
use super::value::{kind, text};
use super::words::{Names, Words};
use super::wrong::{Read, Wrong};
use crate::acd::ivr::Target;
use crate::ids::QueueId;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

/// Written instead of a target: the prompt once more.
const REPEAT: &str = "repeat";
const FORMS: &str = "\"repeat\", { queue = \"…\" }, { menu = \"…\" } or { end = \"it/closed\" }";

/// What a key may lead to.
pub(super) struct Targets<'a> {
    pub words: &'a Words,
    pub menus: &'a Names,
    pub queues: &'a Names,
}

impl Targets<'_> {
    /// `"repeat"`, `{ queue = "…" }` with `requires` and `prefers`, `{ menu = "…" }` or `{ end = … }`.
    pub fn read<'t>(
        &self,
        section: &Section<'t>,
        value: &'t Spanned<DeValue<'t>>,
        key: &str,
        clips: &mut Clips<'t>,
        report: &Report<'_>,
    ) -> Option<Target> {
        if !matches!(value.get_ref(), DeValue::Table(_)) {
            return section.keep(value, repeat).map(|target| target.value);
        }
        let mut target = section.as_section(value, key.to_string())?;
        let queue = target.get("queue", |value| self.queues.find(&text(value)?).map(QueueId));
        let menu = target.get("menu", |value| self.menus.find(&text(value)?));
        let end = clips.read(&mut target, "end", None);
        let demand = self.words.demand(&mut target, report);
        if let Some(key) = ["requires", "prefers"].into_iter().find(|key| target.has(key) && !target.has("queue")) {
            let hint = Some("{ queue = \"…\", requires = { … } }".to_string());
            report.mistake(&target.key_span(key), format!("`{key}` belongs to a way into a queue"), hint);
        }
        let written = ["queue", "menu", "end"].into_iter().filter(|key| target.has(key)).count();
        let span = target.span.clone();
        target.finish();
        if written != 1 {
            not_a_target(&span, report);
            return None;
        }
        let menu = menu.and_then(|menu| u16::try_from(menu.value).ok()).map(Target::Menu);
        let queue = queue.map(|queue| queue.value);
        let queue = queue.map(|queue| demand.map_or(Target::Queue(queue), |demand| Target::Demanding(queue, demand)));
        queue.or(menu).or(end.map(Target::End))
    }
}

fn not_a_target(span: &Range<usize>, report: &Report<'_>) {
    if !report.is_marked(span) {
        report.mistake(span, "not one place to go to", Some(FORMS.to_string()));
    }
}

fn repeat(value: &DeValue<'_>) -> Read<Target> {
    match value {
        DeValue::String(word) if word == REPEAT => Ok(Target::Repeat),
        DeValue::String(word) => Err(Wrong::new(format!("`{word}` is no place to go to"), FORMS)),
        other => Err(Wrong::new(format!("must be a place to go to, not {}", kind(other)), FORMS)),
    }
}
