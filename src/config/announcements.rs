//! What callers of a queue are told while they wait.

use super::clips::Clips;
use super::mistake::Report;
use super::read::Section;
use super::speech::language;
use super::value::{duration, truth};
use crate::acd::plan::Announcements;
use crate::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// `[queue.NAME.announcements]`; without it nothing is said.
pub(super) fn read<'t>(queue: &mut Section<'t>, clips: &mut Clips<'t>, report: &Report<'_>) -> Option<Announcements> {
    let mut section = queue.get_section("announcements")?;
    let default = Announcements::default();
    let position = section.get_or("position", true, truth);
    let estimate = section.get_or("estimated_wait", false, truth);
    let language = section.get("language", language);
    let mut announcements = Announcements {
        first: section.get_or("first", default.first, duration(SECOND, HOUR)),
        every: section.get_or("every", default.every, duration(5 * SECOND, HOUR)),
        position: None,
        estimate: None,
        messages: clips.read_list(&mut section, "messages"),
    };
    if position || estimate {
        let span = language.as_ref().map_or(section.span.clone(), |language| language.span.clone());
        match clips.voice(language.as_ref().map_or("it", |language| &language.value)) {
            Ok(voice) => {
                announcements.position = position.then_some(voice);
                announcements.estimate = estimate.then_some(voice);
            }
            Err(wrong) => report.wrong(&span, wrong),
        }
    } else if announcements.messages.is_empty() && !report.is_marked(&section.key_span("messages")) {
        let hint = "`position = true`, `estimated_wait = true` or `messages`".to_string();
        report.mistake(&section.span, format!("{} says nothing", section.title), Some(hint));
    }
    section.finish();
    Some(announcements)
}
