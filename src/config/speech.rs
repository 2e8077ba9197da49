//! Prompts written as text: by which command they are spoken, and where their sound is kept. It runs nothing itself:
//! the shell does, asked through [`Sources::speak`](super::Sources::speak).

use super::mistake::Report;
use super::read::{Placed, Section};
use super::value::{duration, kind, text};
use super::wrong::{Read, Wrong};
use crate::time::Duration;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use toml::de::DeValue;

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(300);
/// Longest text, in characters: some five minutes of speech.
const TEXT_CHARS: usize = 4_000;
const LANGUAGE_CHARS: usize = 32;
const MOST_WORDS: usize = 64;

/// What the command's words may hold, to be replaced.
const TEXT: &str = "{text}";
const LANGUAGE: &str = "{language}";
const FILE: &str = "{file}";

/// `[speech]`: what makes sound of text.
pub(super) struct Speech {
    /// The program and its arguments; empty when nothing speaks.
    command: Vec<String>,
    directory: PathBuf,
    timeout: Duration,
    language: String,
}

/// A text to be spoken into a file, unless the file is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// The program and its arguments as they are written, with `{text}`, `{language}` and `{file}`.
    pub command: Vec<String>,
    /// What is said.
    pub text: String,
    /// In which language.
    pub language: String,
    /// Where sound is kept, resolved.
    pub directory: PathBuf,
    /// The file's name in there: another text, language or command has another.
    pub name: String,
    /// The program is given up after so long.
    pub timeout: Duration,
}

impl Spoken {
    /// The words of the command that writes this file. No shell reads them; the text comes in last, so that nothing in
    /// it is replaced.
    pub fn command_for(&self, file: &str) -> Vec<String> {
        let filled =
            |word: &String| word.replace(FILE, file).replace(LANGUAGE, &self.language).replace(TEXT, &self.text);
        self.command.iter().map(filled).collect()
    }
}

impl Speech {
    pub fn read(root: &mut Section<'_>, sources: &dyn super::Sources, report: &Report<'_>) -> Speech {
        let mut section = root.get_section_or_empty("speech");
        let words = section.get_list("command", text);
        let span = section.key_span("command");
        let command: Vec<String> = words.into_iter().flat_map(|list| list.value).map(|word| word.value).collect();
        let lacks = |part: &&str| !command.iter().any(|word| word.contains(*part));
        if let Some(part) = [TEXT, FILE].iter().find(|part| !command.is_empty() && lacks(part)) {
            report.mistake(&span, format!("`command` does not say where {part} goes"), Some(EXAMPLE.to_string()));
        }
        super::words::bounded(command.len(), MOST_WORDS, "words of a command", &span, report);
        let directory = section.get_or("directory", "speech".to_string(), text);
        let speech = Speech {
            command,
            directory: sources.resolve(&directory),
            timeout: section.get_or("timeout", Duration::from_secs(20), duration(SHORTEST, LONGEST)),
            language: section.get_or("language", "it".to_string(), language),
        };
        section.finish();
        speech
    }

    /// What has to be done for a text; `language` is `[speech] language` if it is not named.
    pub fn of(&self, text: &str, language: Option<&Placed<String>>) -> Read<Spoken> {
        if self.command.is_empty() {
            return Err(Wrong::new("nothing is there that speaks a text", format!("[speech] {EXAMPLE}")));
        }
        let language = language.map_or(&self.language, |language| &language.value).clone();
        let (command, text) = (self.command.clone(), text.to_string());
        let name = format!("{language}-{}.wav", digest(&command, &language, &text));
        Ok(Spoken { command, text, language, directory: self.directory.clone(), name, timeout: self.timeout })
    }
}

const EXAMPLE: &str = r#"command = ["espeak-ng", "-v", "{language}", "-w", "{file}", "--", "{text}"]"#;

/// Of the command as it is written, so that a file that moves says nothing new.
fn digest(command: &[String], language: &str, text: &str) -> String {
    let mut hash = Sha256::new();
    for part in command.iter().map(String::as_str).chain([language, text]) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A text that can be spoken.
pub(super) fn speakable(value: &DeValue<'_>) -> Read<String> {
    let written = text(value)?;
    match written.trim().is_empty() || written.chars().count() > TEXT_CHARS || written.contains('\0') {
        true => Err(Wrong::new("not a text to be spoken", format!("1 to {TEXT_CHARS} characters"))),
        false => Ok(written),
    }
}

/// A language as it names voices and folders: `it`, `en`, `pt-BR`. It ends up in a file's name and never begins an
/// option.
pub(super) fn language(value: &DeValue<'_>) -> Read<String> {
    const FORMS: &str = "like \"it\", \"en\" or \"pt-BR\"";
    let DeValue::String(written) = value else {
        return Err(Wrong::new(format!("must be a language, not {}", kind(value)), FORMS));
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_named = written.starts_with(|c: char| c.is_ascii_alphabetic()) && written.len() <= LANGUAGE_CHARS;
    match is_named && written.chars().all(fits) {
        true => Ok(written.to_string()),
        false => Err(Wrong::new(format!("`{written}` is no language"), FORMS)),
    }
}
