//! Prompts and hold music by name; each sound is listed once, however often it is used.

use super::Sources;
use super::languages::{self, Languages};
use super::mistake::Report;
use super::read::{Placed, Section};
use super::settings::{Clip, ClipSource};
use super::speech::{Speech, language, speakable};
use super::value::{count, duration, kind, show_duration, text};
use super::words::bounded;
use super::wrong::{Read, Wrong};
use crate::acd::voice::Voice;
use crate::ids::{ClipId, VoiceId};
use crate::media::embedded;
use crate::time::Duration;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

/// Written instead of a clip's name: nothing is played.
const NONE: &str = "none";

const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(600);
const HIGHEST_HZ: u64 = 3_400;
/// Most clips of one list.
const MOST_OF_LIST: usize = 100;
/// So much of a spoken text is its name.
const SHOWN_CHARS: usize = 40;

/// The list while it grows.
pub(super) struct Clips<'t> {
    list: Vec<Clip>,
    languages: Languages,
    speech: Speech,
    sources: &'t dyn Sources,
    report: &'t Report<'t>,
}

impl<'t> Clips<'t> {
    pub fn new(speech: Speech, sources: &'t dyn Sources, report: &'t Report<'t>) -> Clips<'t> {
        Clips { list: Vec::new(), languages: Languages::default(), speech, sources, report }
    }

    /// The clip that a key names: an embedded name, `{ file = "…" }`, `{ text = "…", language = "…" }`,
    /// `{ tone_hz = …, length = "…" }`, `"none"`.
    pub fn read(
        &mut self,
        section: &mut Section<'t>,
        key: &'static str,
        default: Option<&'static str>,
    ) -> Option<ClipId> {
        match section.raw(key) {
            Some(value) => self.of(section, key, value),
            None => default.map(|name| self.add(compiled_in(name))),
        }
    }

    /// The clips of a list; without it none.
    pub fn read_list(&mut self, section: &mut Section<'t>, key: &'static str) -> Vec<ClipId> {
        let Some(value) = section.raw(key) else { return Vec::new() };
        let DeValue::Array(list) = value.get_ref() else {
            let hint = Some(format!("{key} = [ … ]"));
            self.report.mistake(&value.span(), format!("`{key}` must be a list"), hint);
            return Vec::new();
        };
        bounded(list.len(), MOST_OF_LIST, "clips of a list", &value.span(), self.report);
        list.iter().filter_map(|value| self.of(section, key, value)).collect()
    }

    /// A language that the daemon speaks, with all of its words.
    pub fn voice(&mut self, name: &str) -> Read<VoiceId> {
        if let Some(known) = self.languages.known(name) {
            return Ok(known);
        }
        let voice = match languages::compiled_in(name) {
            Some(text) => languages::read(name, text, &mut |word, _| match embedded::word(name, word) {
                Some(sound) => Ok(self.add(compiled_in(sound))),
                None => Err(Wrong::new(format!("there is no sound for `{word}`"), "config/prompts/make.sh makes it")),
            }),
            None => {
                let text = self.sources.read_language(name);
                text.and_then(|text| languages::read(name, &text, &mut |word, said| self.word(name, word, said)))
            }
        };
        match voice {
            Ok(voice) => Ok(self.languages.add(voice)),
            Err(reason) => Err(Wrong::new(
                format!("language `{name}` cannot be spoken: {reason}"),
                "\"it\" and \"en\" are compiled in; another is a file like theirs",
            )),
        }
    }

    pub fn into_lists(self) -> (Vec<Clip>, Vec<Voice>) {
        (self.list, self.languages.into_voices())
    }

    /// A word of a language that is not compiled in: a file, or what the program of `[speech]` makes of it.
    fn word(&mut self, language: &str, word: &str, said: &str) -> Read<ClipId> {
        let name = format!("languages/{language}/{word}.wav");
        if let Ok(file) = self.sources.find_prompt(&name) {
            return Ok(self.add(Clip { name, source: ClipSource::File(file) }));
        }
        let language = Placed { value: language.to_string(), span: 0..0 };
        self.spoken(said, Some(&language)).map(|clip| self.add(clip))
    }

    fn of(&mut self, section: &Section<'t>, key: &str, value: &'t Spanned<DeValue<'t>>) -> Option<ClipId> {
        let clip = match value.get_ref() {
            DeValue::Table(_) => self.described(section.as_section(value, key.to_string())?)?,
            _ => section.keep(value, named)?.value?,
        };
        Some(self.add(clip))
    }

    fn described(&self, mut section: Section<'t>) -> Option<Clip> {
        let span = section.span.clone();
        let file = section.get("file", |value| text(value).and_then(|path| self.found(path)));
        let language = section.get("language", language);
        let spoken = section.get("text", |value| self.spoken(&speakable(value)?, language.as_ref()));
        let hz = section.get("tone_hz", count(0, HIGHEST_HZ));
        let length = section.get("length", duration(SHORTEST, LONGEST));
        let (has_file, has_tone) = (section.has("file"), section.has("tone_hz") || section.has("length"));
        let (has_text, has_language) = (section.has("text"), section.has("language"));
        section.finish();
        match (has_file, has_tone, has_text) {
            (true, false, false) if !has_language => file.map(|placed| placed.value),
            (false, false, true) => spoken.map(|placed| placed.value),
            (false, true, false) if hz.is_some() && length.is_some() && !has_language => {
                Some(tone(u16::try_from(hz?.value).unwrap_or_default(), length?.value))
            }
            _ => {
                self.shape_mistake(&span);
                None
            }
        }
    }

    /// Neither a file nor a text nor a whole tone, unless something in it was reported already.
    fn shape_mistake(&self, span: &Range<usize>) {
        if !self.report.is_marked(span) {
            let hint = "{ file = \"welcome.wav\" }, { text = \"Buongiorno\", language = \"it\" } or \
                        { tone_hz = 440, length = \"3 s\" }";
            self.report.mistake(span, "not a clip", Some(hint.to_string()));
        }
    }

    /// The sound of a text: made now, or at hand from an earlier start.
    fn spoken(&self, text: &str, language: Option<&Placed<String>>) -> Read<Clip> {
        let name = text.chars().take(SHOWN_CHARS).collect();
        let spoken = self.speech.of(text, language)?;
        match self.sources.speak(&spoken) {
            Ok(file) => Ok(Clip { name, source: ClipSource::File(file) }),
            Err(reason) => {
                let program = spoken.command.first().map_or("", String::as_str);
                Err(Wrong::new(
                    format!("the text cannot be spoken: {reason}"),
                    format!("[speech] runs `{program}` and keeps what it writes in {}", spoken.directory.display()),
                ))
            }
        }
    }

    fn found(&self, path: String) -> Read<Clip> {
        match self.sources.find_prompt(&path) {
            Ok(resolved) => Ok(Clip { name: path, source: ClipSource::File(resolved) }),
            Err(reason) => {
                let hint = match path.to_ascii_lowercase().ends_with(".wav") {
                    true => "paths start from the folder of this file",
                    false => "WAV files only: `sox IN -r 8000 -c 1 OUT.wav` makes one of most sounds",
                };
                Err(Wrong::new(format!("the sound file cannot be had: {reason}"), hint))
            }
        }
    }

    fn add(&mut self, clip: Clip) -> ClipId {
        let position = self.list.iter().position(|known| known.source == clip.source).unwrap_or_else(|| {
            self.list.push(clip);
            self.list.len() - 1
        });
        ClipId(u32::try_from(position).unwrap_or(u32::MAX))
    }
}

/// A clip by its name; `None` for none.
fn named(value: &DeValue<'_>) -> Read<Option<Clip>> {
    const FORMS: &str = "a name, { file = \"welcome.wav\" } or { tone_hz = 440, length = \"3 s\" }";
    let DeValue::String(name) = value else {
        return Err(Wrong::new(format!("must be a clip, not {}", kind(value)), FORMS));
    };
    if name == NONE {
        return Ok(None);
    }
    let Some(known) = embedded::names().find(|known| known == name) else {
        let names: Vec<&str> = embedded::names().chain([NONE]).collect();
        let mut wrong = Wrong::unknown("prompt", name, &names);
        // Names have no dot.
        if name.contains('.') {
            wrong.hint = Some(format!("a file is written {{ file = \"{name}\" }}"));
        }
        return Err(wrong);
    };
    Ok(Some(compiled_in(known)))
}

fn compiled_in(name: &'static str) -> Clip {
    Clip { name: name.to_string(), source: ClipSource::Embedded(name) }
}

fn tone(hz: u16, length: Duration) -> Clip {
    let kind = if hz == 0 { "silence".to_string() } else { format!("{hz} Hz") };
    Clip { name: format!("{kind}, {}", show_duration(length)), source: ClipSource::Tone { hz, length } }
}
