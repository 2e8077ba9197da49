//! Ways out: where callers go who are not let in, or who leave a queue. And who is let in.

use super::calendars::Calendars;
use super::clips::Clips;
use super::mistake::Report;
use super::read::Section;
use super::value::{key, kind, one_of, text};
use super::words::Names;
use super::wrong::{Read, Wrong};
use crate::acd::plan::{AtClosing, Entry, Exit};
use crate::ids::{CalendarId, Key, ServiceId};
use toml::Spanned;
use toml::de::DeValue;

const FORMS: &str = "\"end\", { end = \"it/closed\" } or { service = \"…\" }";

/// What a way out may lead to.
pub(super) struct Exits<'a> {
    pub services: &'a Names,
}

impl Exits<'_> {
    /// The way out that a key of a section names.
    pub fn read<'t>(
        &self,
        section: &mut Section<'t>,
        key: &'static str,
        clips: &mut Clips<'t>,
        report: &Report<'_>,
    ) -> Option<Exit> {
        let value = section.raw(key)?;
        self.of(section, value, key, clips, report)
    }

    /// Ways out by key of the telephone.
    pub fn by_key<'t>(
        &self,
        section: &mut Section<'t>,
        clips: &mut Clips<'t>,
        report: &Report<'_>,
    ) -> Vec<(Key, Exit)> {
        let Some(table) = section.get_section("exits") else { return Vec::new() };
        let mut exits = Vec::new();
        for (written, value) in table.entries() {
            let key = key(written.value).map_err(|wrong| report.wrong(&written.span, wrong)).ok();
            let exit = self.of(&table, value, written.value, clips, report);
            exits.extend(key.zip(exit));
        }
        exits
    }

    fn of<'t>(
        &self,
        section: &Section<'t>,
        value: &'t Spanned<DeValue<'t>>,
        key: &str,
        clips: &mut Clips<'t>,
        report: &Report<'_>,
    ) -> Option<Exit> {
        if !matches!(value.get_ref(), DeValue::Table(_)) {
            return section.keep(value, end).map(|exit| exit.value);
        }
        let mut exit = section.as_section(value, key.to_string())?;
        let service = exit.get("service", |value| self.services.find(&text(value)?).map(ServiceId));
        let clip = clips.read(&mut exit, "end", None);
        let written = ["service", "end"].into_iter().filter(|key| exit.has(key)).count();
        let span = exit.span.clone();
        exit.finish();
        if written != 1 {
            if !report.is_marked(&span) {
                report.mistake(&span, "not one way out", Some(FORMS.to_string()));
            }
            return None;
        }
        service.map(|service| Exit::Service(service.value)).or(clip.map(Exit::Announce))
    }
}

fn end(value: &DeValue<'_>) -> Read<Exit> {
    match value {
        DeValue::String(word) if word == "end" => Ok(Exit::End),
        DeValue::String(word) => Err(Wrong::new(format!("`{word}` is no way out"), FORMS)),
        other => Err(Wrong::new(format!("must be a way out, not {}", kind(other)), FORMS)),
    }
}

/// The keys of a service that say who is let in.
pub(super) fn read_entry<'t>(
    section: &mut Section<'t>,
    own: ServiceId,
    calendars: &Calendars,
    exits: &Exits<'_>,
    clips: &mut Clips<'t>,
    report: &Report<'_>,
) -> Entry {
    let calendar = section.get("calendar", |value| calendars.names.find(&text(value)?).map(CalendarId));
    let has_calendar = section.has("calendar");
    let mut read = |section: &mut Section<'t>, key: &'static str| {
        let exit = exits.read(section, key, clips, report);
        if exit == Some(Exit::Service(own)) {
            report.mistake(&section.key_span(key), "leads back to the same service", None);
        }
        exit
    };
    let closed = read(section, "on_closed");
    let holiday = read(section, "on_holiday").or(closed);
    let full = read(section, "on_full");
    let nobody_signed_in = read(section, "on_nobody_signed_in");
    let at_closing = section.get("at_closing", at_closing);
    for key in ["on_closed", "on_holiday", "at_closing"] {
        if section.has(key) && !has_calendar {
            let hint = "`calendar` names its hours".to_string();
            let problem = format!("`{key}` says nothing: {} is always open", section.title);
            report.mistake(&section.key_span(key), problem, Some(hint));
        }
    }
    Entry {
        calendar: calendar.map(|calendar| calendar.value),
        closed: closed.unwrap_or_default(),
        holiday: holiday.unwrap_or_default(),
        full: full.unwrap_or_default(),
        nobody_signed_in,
        at_closing: at_closing.map_or(AtClosing::Serve, |placed| placed.value),
    }
}

fn at_closing(value: &DeValue<'_>) -> Read<AtClosing> {
    one_of(value, "behaviour at closing", &[("serve", AtClosing::Serve), ("flow_out", AtClosing::FlowOut)])
}
