//! Languages that the daemon speaks: which sounds there are, and how numbers are put together from them. Two are
//! compiled in; any other is a file `languages/NAME.toml` beside the configuration, its sounds files
//! `languages/NAME/WORD.wav`, or spoken by the program of `[speech]`.

use super::mistake::Report;
use super::read::{Placed, Section};
use super::value::{count, text};
use super::wrong::{Read, Wrong};
use crate::acd::voice::{MOST_NUMBER, Part, Phrases, Rule, Voice};
use crate::ids::{ClipId, VoiceId};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The languages that are compiled in.
const KNOWN: [(&str, &str); 2] =
    [("it", include_str!("../../config/languages/it.toml")), ("en", include_str!("../../config/languages/en.toml"))];

/// Most parts of one phrase.
const MOST_PARTS: usize = 16;
const NAME_CHARS: usize = 32;

/// The languages used so far, each read once.
#[derive(Default)]
pub(super) struct Languages {
    voices: Vec<Voice>,
}

impl Languages {
    /// A language used before.
    pub fn known(&self, name: &str) -> Option<VoiceId> {
        let position = self.voices.iter().position(|known| known.name == name)?;
        u16::try_from(position).ok().map(VoiceId)
    }

    pub fn add(&mut self, voice: Voice) -> VoiceId {
        self.voices.push(voice);
        VoiceId(u16::try_from(self.voices.len() - 1).unwrap_or(u16::MAX))
    }

    pub fn into_voices(self) -> Vec<Voice> {
        self.voices
    }
}

/// The text of a language that is compiled in.
pub(super) fn compiled_in(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// A language from its file; `sound` finds the clip of a word by its name and what it says.
pub(super) fn read(
    name: &str,
    written: &str,
    sound: &mut dyn FnMut(&str, &str) -> Read<ClipId>,
) -> Result<Voice, String> {
    let report = Report::new(written);
    let (document, errors) = DeTable::parse_recoverable(written);
    if let Some(error) = errors.first() {
        return Err(error.message().to_string());
    }
    let mut root = Section::new(document.get_ref(), 0..0, "the file".to_string(), &report);
    let words = read_words(&mut root, sound, &report);
    let rules = root.get_tables("number").into_iter().map(|table| read_rule(table, &words)).collect();
    let position = read_phrases(&mut root, "position", &words, &report);
    let wait_minutes = read_phrases(&mut root, "wait_minutes", &words, &report);
    root.finish();
    let own = words.iter().filter_map(|(name, clip)| name.parse().ok().map(|number: u32| (number, *clip)));
    let name = name.to_string();
    let voice = Voice { name, words: own.collect(), rules, position, wait_minutes };
    if let Some(mistake) = report.into_lists().mistakes.first() {
        return Err(mistake.to_string());
    }
    match voice.gap() {
        Some(number) => Err(format!("the number {number} cannot be said; all up to {MOST_NUMBER} are needed")),
        None => Ok(voice),
    }
}

fn read_words(
    root: &mut Section<'_>,
    sound: &mut dyn FnMut(&str, &str) -> Read<ClipId>,
    report: &Report<'_>,
) -> Vec<(String, ClipId)> {
    let Some(section) = root.get_section("words") else { return Vec::new() };
    let mut words = Vec::new();
    for (name, value) in section.entries() {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.value.is_empty() || name.value.len() > NAME_CHARS || !name.value.chars().all(fits) {
            let hint = "small letters, digits and `_`: it is a file's name".to_string();
            report.mistake(&name.span, format!("`{}` cannot be a word's name", name.value), Some(hint));
            continue;
        }
        let clip = section.keep(value, |value| sound(name.value, &text(value)?));
        words.extend(clip.map(|clip| (name.value.to_string(), clip.value)));
    }
    words
}

fn read_rule(mut table: Section<'_>, words: &[(String, ClipId)]) -> Rule {
    let most = u64::from(MOST_NUMBER);
    let number = |placed: Option<Placed<u64>>| placed.map_or(0, |placed| u32::try_from(placed.value).unwrap_or(0));
    let say = table.need("say", |value| parts(value, words, false));
    let rule = Rule {
        from: number(table.need("from", count(1, most))),
        by: number(table.need("by", count(2, most + 1))),
        with_rest: table.need("with_rest", |value| parts(value, words, false)).map_or(Vec::new(), |parts| parts.value),
        say: say.map_or(Vec::new(), |parts| parts.value),
    };
    table.finish();
    rule
}

fn read_phrases(root: &mut Section<'_>, key: &'static str, words: &[(String, ClipId)], report: &Report<'_>) -> Phrases {
    let Some(section) = root.get_section(key) else {
        report.mistake(&root.span, format!("[{key}] is missing"), None);
        return Phrases::default();
    };
    let mut phrases = Phrases::default();
    for (name, value) in section.entries() {
        let Some(said) = keep_parts(&section, value, words) else { continue };
        match (name.value, name.value.parse()) {
            ("other", _) => phrases.other = said,
            (_, Ok(number)) => phrases.single.push((number, said)),
            (_, Err(_)) => report.mistake(&name.span, "neither a number nor `other`", None),
        }
    }
    if !section.has("other") {
        report.mistake(&section.span, format!("[{key}] does not say what holds for `other` numbers"), None);
    }
    phrases
}

fn keep_parts<'t>(
    section: &Section<'t>,
    value: &'t Spanned<DeValue<'t>>,
    words: &[(String, ClipId)],
) -> Option<Vec<Part>> {
    section.keep(value, |value| parts(value, words, true)).map(|parts| parts.value)
}

/// `"position {n}"`: names of words, and what stands for a number.
fn parts(value: &DeValue<'_>, words: &[(String, ClipId)], in_phrase: bool) -> Read<Vec<Part>> {
    let written = text(value)?;
    let part = |name: &str| match name {
        "{n}" if in_phrase => Ok(Part::Number),
        "{times}" if !in_phrase => Ok(Part::Times),
        "{round}" if !in_phrase => Ok(Part::Round),
        "{rest}" if !in_phrase => Ok(Part::Rest),
        name => match words.iter().find(|(known, _)| known == name) {
            Some((_, clip)) => Ok(Part::Word(*clip)),
            None => Err(Wrong::new(format!("there is no word `{name}`"), "[words] says what there is")),
        },
    };
    let parts: Vec<Part> = written.split_whitespace().map(part).collect::<Read<_>>()?;
    match parts.is_empty() || parts.len() > MOST_PARTS {
        true => Err(Wrong::new("not a phrase", format!("1 to {MOST_PARTS} words"))),
        false => Ok(parts),
    }
}
