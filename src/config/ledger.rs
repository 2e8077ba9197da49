//! `[ledger]`: where what became of every caller is kept, for how long, and for which other programs.

use super::Sources;
use super::mistake::Report;
use super::read::Section;
use super::settings::LedgerSettings;
use super::value::{count, text};
use super::wrong::{Read, Wrong};
use toml::de::DeValue;

/// A hundred years.
const MOST_DAYS: u64 = 36_500;

/// What `[ledger]` says; without it nothing is kept.
pub(super) fn read(section: &mut Section<'_>, sources: &dyn Sources, report: &Report<'_>) -> LedgerSettings {
    let defaults = LedgerSettings::default();
    let mut file = |key| section.get(key, file_or_off).and_then(|file| Some((file.value?, file.span)));
    let written = [file("path"), file("json_lines"), file("csv"), file("queue_log")];
    for (number, place) in written.iter().enumerate() {
        let twice = |(path, span): &(String, _)| {
            let before = written.iter().take(number).flatten();
            before.into_iter().any(|(other, _)| other == path).then_some(std::ops::Range::<usize>::clone(span))
        };
        if let Some(span) = place.as_ref().and_then(twice) {
            report.mistake(&span, "two of these cannot be one file", None);
        }
    }
    let [path, json_lines, csv, queue_log] = written.map(|place| place.map(|(path, _)| sources.resolve(&path)));
    let mut days = |key, default: u32, least| {
        let days = section.get_or(key, u64::from(default), count(least, MOST_DAYS));
        u32::try_from(days).unwrap_or(default)
    };
    let calls_days = days("calls_days", defaults.calls_days, 0);
    let pseudonyms_days = days("pseudonyms_days", defaults.pseudonyms_days, 0);
    let key_days = days("key_days", defaults.key_days, 1);
    let agreement = section.get_or("agent_level", None, agreement_or_off);
    let buffer = section.get_or("buffer", defaults.buffer as u64, count(100, 10_000_000));
    let buffer = usize::try_from(buffer).unwrap_or(defaults.buffer);
    LedgerSettings { path, json_lines, csv, queue_log, calls_days, pseudonyms_days, key_days, agreement, buffer }
}

/// A file's path, or "off".
fn file_or_off(value: &DeValue<'_>) -> Read<Option<String>> {
    match text(value)?.as_str() {
        "off" => Ok(None),
        "" => Err(Wrong::new("not a file", "a path, or \"off\"")),
        path => Ok(Some(path.to_string())),
    }
}

/// Under which agreement agents may be told apart, or "off".
fn agreement_or_off(value: &DeValue<'_>) -> Read<Option<String>> {
    const FORMS: &str = "\"off\" or \"agreement:NAME\", the name of the agreement that allows it";
    match text(value)?.as_str() {
        "off" => Ok(None),
        other => match other.strip_prefix("agreement:").map(str::trim) {
            Some(name) if !name.is_empty() => Ok(Some(name.to_string())),
            _ => Err(Wrong::new("figures of single agents need an agreement", FORMS)),
        },
    }
}
