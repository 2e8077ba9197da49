//! Recordings: where they are kept and for how long, and which queues have them.

use super::Sources;
use super::clips::Clips;
use super::mistake::Report;
use super::read::Section;
use super::settings::RecordingSettings;
use super::value::{count, key, text};
use crate::acd::plan::Recording;
use crate::ids::Key;

/// A hundred years.
const MOST_DAYS: u64 = 36_500;

/// `[recording]`.
pub(super) fn read(root: &mut Section<'_>, sources: &dyn Sources) -> RecordingSettings {
    let mut section = root.get_section_or_empty("recording");
    let directory = section.get_or("directory", "recordings".to_string(), text);
    let days = section.get_or("days", 90, count(0, MOST_DAYS));
    section.finish();
    RecordingSettings { directory: sources.resolve(&directory), days: u32::try_from(days).unwrap_or(0) }
}

/// `[queue.NAME.recording]`; without it nothing is recorded.
pub(super) fn of_queue<'t>(queue: &mut Section<'t>, clips: &mut Clips<'t>, report: &Report<'_>) -> Option<Recording> {
    let mut section = queue.get_section("recording")?;
    let notice = clips.read(&mut section, "notice", None);
    let pause_key = match section.has("pause_key") {
        true => section.get("pause_key", |value| key(&text(value)?)).map(|key| key.value),
        false => Key::of_sign('*'),
    };
    if notice.is_none() && !report.is_broken() && !report.is_marked(&section.span) {
        let hint = "nobody is recorded who was not told".to_string();
        report.mistake(&section.span, format!("`notice` is missing in {}", section.title), Some(hint));
    }
    section.finish();
    Some(Recording { notice: notice?, pause_key: pause_key? })
}
