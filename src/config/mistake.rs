//! Mistakes of the operator: each with its place, the offending words and a hint; all of them at once.
//!
//! Passwords are blotted out before a line of the file gets in here, so a report may be printed and logged.

use super::wrong::{Missing, Wrong};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// Longer offending texts are cut.
const SHOWN_CHARS: usize = 60;

/// One mistake, or one warning: it stands alone, without the file's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The offending words as they stand in the file.
    pub text: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The whole line, passwords blotted out.
    source_line: String,
    /// The offending words in it, in bytes.
    mark: Range<usize>,
    /// Its place in the whole text: the order of reports.
    position: usize,
}

/// Everything that is wrong with a configuration: at least one mistake, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// What has to be put right.
    pub mistakes: Vec<Mistake>,
    /// What should be looked at.
    pub warnings: Vec<Mistake>,
}

/// Whether a mistake keeps the configuration from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Mistake,
    /// It does not.
    Warning,
}

impl Mistake {
    /// The mistake with its line of the file and a caret below, as a compiler would print it.
    pub fn render(&self, file: &str, severity: Severity, colour: bool) -> String {
        let level = match severity {
            Severity::Mistake => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mark = AnnotationKind::Primary.span(self.mark.clone());
        let source = Snippet::source(self.source_line.as_str()).line_start(self.line).path(file).annotation(mark);
        let mut group = level.primary_title(self.problem.as_str()).element(source);
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group]).to_string()
    }
}

/// `line:column: problem (hint)`, on one line.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.problem)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl Mistakes {
    /// All mistakes, then all warnings, ready to print.
    pub fn render(&self, file: &str, colour: bool) -> String {
        let mistakes = self.mistakes.iter().map(|mistake| mistake.render(file, Severity::Mistake, colour));
        let warnings = self.warnings.iter().map(|warning| warning.render(file, Severity::Warning, colour));
        mistakes.chain(warnings).collect::<Vec<_>>().join("\n\n")
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.mistakes {
            writeln!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// Collects mistakes while the file is walked. Many readers of one file share it, hence the cells.
pub(super) struct Report<'t> {
    text: &'t str,
    mistakes: RefCell<Vec<Mistake>>,
    warnings: RefCell<Vec<Mistake>>,
    /// Parts that could not be read.
    broken: RefCell<String>,
    #[cfg(test)]
    known_keys: RefCell<std::collections::BTreeSet<&'static str>>,
}

impl<'t> Report<'t> {
    pub fn new(text: &'t str) -> Report<'t> {
        Report {
            text,
            mistakes: RefCell::default(),
            warnings: RefCell::default(),
            broken: RefCell::default(),
            #[cfg(test)]
            known_keys: RefCell::default(),
        }
    }

    /// Tests compare the keys that readers ask for with those that the default file documents.
    #[cfg(test)]
    pub fn note_key(&self, key: &'static str) {
        self.known_keys.borrow_mut().insert(key);
    }

    #[cfg(test)]
    pub fn known_keys(&self) -> Vec<&'static str> {
        self.known_keys.borrow().iter().copied().collect()
    }

    /// This part of the text could not be read: what seems to be missing may be in it.
    pub fn mark_broken(&self, part: &str) {
        let mut broken = self.broken.borrow_mut();
        broken.push_str(part);
        broken.push('\n');
    }

    pub fn is_broken(&self) -> bool {
        !self.broken.borrow().is_empty()
    }

    /// Something said to be missing is not if it may be in a part that could not be read.
    pub fn wrong(&self, span: &Range<usize>, wrong: Wrong) {
        let excused = match wrong.missing {
            None => false,
            Some(Missing::Name(name)) => self.broken.borrow().contains(&name),
            Some(Missing::Anything) => true,
        };
        if !excused {
            self.mistake(span, wrong.problem, wrong.hint);
        }
    }

    pub fn mistake(&self, span: &Range<usize>, problem: impl Into<String>, hint: Option<String>) {
        let mistake = self.place(span, problem.into(), hint);
        self.mistakes.borrow_mut().push(mistake);
    }

    pub fn warning(&self, span: &Range<usize>, problem: impl Into<String>, hint: Option<String>) {
        let warning = self.place(span, problem.into(), hint);
        self.warnings.borrow_mut().push(warning);
    }

    pub fn has_mistakes(&self) -> bool {
        self.mistakes_found() > 0
    }

    pub fn mistakes_found(&self) -> usize {
        self.mistakes.borrow().len()
    }

    /// Whether a mistake was already found in the line of this place.
    pub fn is_marked(&self, span: &Range<usize>) -> bool {
        let line = self.place(span, String::new(), None).line;
        self.mistakes.borrow().iter().any(|mistake| mistake.line == line)
    }

    /// Mistakes and warnings in the order of the file.
    pub fn into_lists(self) -> Mistakes {
        let mut mistakes = self.mistakes.into_inner();
        let mut warnings = self.warnings.into_inner();
        mistakes.sort_by_key(|mistake| mistake.position);
        warnings.sort_by_key(|warning| warning.position);
        Mistakes { mistakes, warnings }
    }

    /// Spans come from the parser; one that fits nowhere is moved to the nearest place that exists.
    fn place(&self, span: &Range<usize>, problem: String, hint: Option<String>) -> Mistake {
        let start = self.text.floor_char_boundary(span.start);
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = self.text.get(line_start..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let from = (start - line_start).min(line.len());
        let end = self.text.floor_char_boundary(span.end.max(start));
        let to = (end - line_start).clamp(from, line.len());
        let source_line = blot_out_password(line);
        let printable = |text: String| text.replace(char::is_control, "\u{fffd}");
        let text = source_line.get(from..to).unwrap_or_default().chars().take(SHOWN_CHARS).collect();
        Mistake {
            line: before.matches('\n').count() + 1,
            column: line.get(..from).unwrap_or_default().chars().count() + 1,
            text,
            problem: printable(problem),
            hint: hint.map(printable),
            source_line,
            mark: from..to,
            position: start,
        }
    }
}

/// Stars for what follows `password =`, as many bytes as there were, so that marks still fit. Rather too much than
/// too little: a comment behind it goes too.
fn blot_out_password(line: &str) -> String {
    const KEY: &str = "password";
    let Some(value) = line.match_indices(KEY).find_map(|(at, _)| {
        let after_key = line.get(at + KEY.len()..)?;
        let sign = after_key.find(|c: char| !matches!(c, '"' | '\'' | ' ' | '\t'))?;
        after_key.get(sign..)?.starts_with('=').then_some(at + KEY.len() + sign + 1)
    }) else {
        return line.to_string();
    };
    let (shown, hidden) = line.split_at(value);
    let stars = hidden.bytes().map(|byte| if byte == b' ' { ' ' } else { '*' });
    shown.chars().chain(stars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "a = 1\r\nè = \"xyz\" # end\n";
        let report = Report::new(text);
        let start = text.find("\"xyz\"").unwrap();
        report.mistake(&(start..start + 5), "wrong", None);
        let found = report.into_lists().mistakes.remove(0);
        assert_eq!((found.line, found.column, found.text.as_str()), (2, 5, "\"xyz\""));
    }

    #[test]
    fn places_outside_the_text_are_moved_inside() {
        for (start, end) in [(100, 200), (1, 1), (2, 0), (3, 900)] {
            let report = Report::new("è\nb");
            report.mistake(&Range { start, end }, "wrong", None);
            let found = report.into_lists();
            assert!(found.render("file", false).contains("wrong"));
        }
    }

    #[test]
    fn a_password_is_blotted_out() {
        assert_eq!(blot_out_password("password = \"x y\" # è"), "password = ** ** * **");
        assert_eq!(blot_out_password("a = { \"password\" = 'x' }"), "a = { \"password\" = *** *");
        assert_eq!(blot_out_password("password_file = 'x'"), "password_file = 'x'");
    }
}
