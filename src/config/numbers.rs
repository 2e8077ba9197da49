//! Menus that ask for a number: of a ticket, of a customer.

use super::clips::Clips;
use super::mistake::Report;
use super::read::Section;
use super::speech::language;
use super::targets::Targets;
use super::value::text;
use super::wrong::{Read, Wrong};
use crate::acd::ivr::{Number, Target};
use crate::ids::{Key, QueueId, Reference};
use toml::de::DeValue;

/// `digits`, and the keys of a menu that go with it; `None` for a menu that asks for a key.
pub(super) fn read<'t>(
    section: &mut Section<'t>,
    targets: &Targets<'_>,
    clips: &mut Clips<'t>,
    report: &Report<'_>,
) -> Option<Number> {
    let digits = section.get("digits", digits);
    let terminator = section.get_or("terminator", hash_key(), terminator);
    let language = section.get("language", language);
    let confirm = clips.read(section, "confirm", None);
    let then = section.raw("then");
    let prefixes = prefixes(section, targets, clips, report);
    if !section.has("digits") {
        let others = ["terminator", "language", "confirm", "then", "prefixes"];
        if let Some(key) = others.into_iter().find(|key| section.has(key)) {
            let hint = Some("digits = \"4-10\"".to_string());
            report.mistake(&section.key_span(key), format!("`{key}` belongs to a menu that asks for a number"), hint);
        }
        return None;
    }
    let then = match then {
        Some(value) => targets.read(section, value, "then", clips, report),
        None => {
            report.mistake(&section.span, format!("`then` is missing in {}", section.title), None);
            None
        }
    };
    let confirm = confirm.and_then(|prompt| {
        let span = language.as_ref().map_or_else(|| section.key_span("confirm"), |language| language.span.clone());
        match clips.voice(language.as_ref().map_or("it", |language| &language.value)) {
            Ok(voice) => Some((voice, prompt)),
            Err(wrong) => {
                report.wrong(&span, wrong);
                None
            }
        }
    });
    let (least, most) = digits.map_or((1, 1), |digits| digits.value);
    Some(Number { least, most, terminator, confirm, prefixes, then: then.unwrap_or(Target::Queue(QueueId(0))) })
}

/// Where numbers go by how they begin: the department that made them, most often.
fn prefixes<'t>(
    section: &mut Section<'t>,
    targets: &Targets<'_>,
    clips: &mut Clips<'t>,
    report: &Report<'_>,
) -> Vec<(Reference, Target)> {
    let Some(table) = section.get_section("prefixes") else { return Vec::new() };
    let mut prefixes = Vec::new();
    for (written, value) in table.entries() {
        let prefix = Reference::of(written.value).filter(|prefix| !prefix.is_empty());
        if prefix.is_none() {
            let hint = format!("1 to {} digits", Reference::MOST_DIGITS);
            report.mistake(&written.span, format!("`{}` is no beginning of a number", written.value), Some(hint));
        }
        let target = targets.read(&table, value, written.value, clips, report);
        prefixes.extend(prefix.zip(target));
    }
    prefixes
}

fn hash_key() -> Key {
    Key::of_sign('#').unwrap_or_else(|| unreachable!("# is a key"))
}

/// How many: `"8"`, or from and to: `"4-10"`.
fn digits(value: &DeValue<'_>) -> Read<(u8, u8)> {
    let wrong =
        || Wrong::new("not a number of digits", format!("like \"8\" or \"4-10\", at most {}", Reference::MOST_DIGITS));
    let written = text(value)?;
    let (least, most) = written.split_once('-').unwrap_or((&written, &written));
    let number = |text: &str| text.trim().parse::<u8>().map_err(|_| wrong());
    let (least, most) = (number(least)?, number(most)?);
    if 0 < least && least <= most && most <= Reference::MOST_DIGITS { Ok((least, most)) } else { Err(wrong()) }
}

fn terminator(value: &DeValue<'_>) -> Read<Key> {
    let key = match text(value)?.as_str() {
        "#" => Key::of_sign('#'),
        "*" => Key::of_sign('*'),
        _ => None,
    };
    key.ok_or_else(|| Wrong::new("this key cannot end a number", "\"#\" or \"*\""))
}
