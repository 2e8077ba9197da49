//! Text that is not TOML: every broken statement is reported once and blotted out, so that the rest can be read.
//!
//! The parser recovers by itself, but one forgotten bracket then looks like a mistake in every line below it. Here
//! only its first complaint counts; the statement it is about gives way to blanks, and the text is parsed again.

use super::mistake::Report;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, Error};

/// A text with more broken statements than this is hardly a configuration.
const MOST_BROKEN: usize = 30;

/// The text without its broken statements, each byte in its place; `None` if nothing sensible is left of it.
pub(super) fn repair(text: &str, report: &Report<'_>) -> Option<String> {
    let mut repaired = text.to_string();
    for _ in 0..MOST_BROKEN {
        let (_, errors): (Spanned<DeTable<'_>>, Vec<Error>) = DeTable::parse_recoverable(&repaired);
        let Some(first) = errors.iter().min_by_key(|error| start(error)) else {
            return Some(repaired);
        };
        let broken = broken_part(&repaired, start(first), first.message());
        complain(first, &broken, &repaired, report);
        report.mark_broken(text.get(broken.clone()).unwrap_or_default());
        let blanked = blank(&repaired, broken);
        if blanked == repaired {
            return None;
        }
        repaired = blanked;
    }
    None
}

fn start(error: &Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

/// Where the complaint is about something unclosed in an earlier statement, it is told there.
fn complain(error: &Error, broken: &Range<usize>, text: &str, report: &Report<'_>) {
    let span = error.span().unwrap_or_default();
    if !broken.contains(&span.start) && span.start < text.len() {
        let statement = text.get(broken.clone()).unwrap_or_default();
        let first_line = statement.lines().next().unwrap_or_default();
        let indent = first_line.len() - first_line.trim_start().len();
        let place = broken.start + indent..broken.start + first_line.trim_end().len();
        report.mistake(&place, "a bracket or quote that opens here is not closed", None);
        return;
    }
    let (problem, expected) = match error.message().split_once(", expected ") {
        Some((problem, expected)) => (problem, Some(format!("expected {expected}"))),
        None => (error.message(), None),
    };
    let hint = match problem {
        "string values must be quoted" => Some("text is written in quotes: \"15 s\"".to_string()),
        "duplicate key" => Some("it is written further up already".to_string()),
        _ => expected,
    };
    report.mistake(&span, problem, hint);
}

/// The statement that an error is about: with a broken header the whole section, because its keys would be taken for
/// those of the section above.
fn broken_part(text: &str, error: usize, message: &str) -> Range<usize> {
    let lines = lines(text);
    let at = lines.iter().rposition(|line| line.start <= error).unwrap_or(0);
    let of = |line: usize| lines.get(line).and_then(|line| text.get(line.clone())).unwrap_or_default();
    let begins = |line: usize| is_header(of(line)) || is_assignment(of(line));
    let span = |from: usize, to: usize| {
        let start = lines.get(from).map_or(0, |line| line.start);
        start..lines.get(to).map_or(text.len(), |line| line.start)
    };
    let is_at_the_beginning = error <= lines.get(at).map_or(0, |line| line.start + indent(of(at)));
    let is_told_too_late = begins(at) && is_at_the_beginning && message != "duplicate key";
    let last = if is_told_too_late { at.saturating_sub(1) } else { at };
    let first = (0..=last).rev().find(|line| begins(*line)).unwrap_or(0);
    let ends = |line: &usize| if is_header(of(first)) { is_header(of(*line)) } else { begins(*line) };
    let next = (first + 1..lines.len()).find(ends).unwrap_or(lines.len());
    span(first, next)
}

fn lines(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    text.split_inclusive('\n')
        .map(|line| {
            start += line.len();
            start - line.len()..start
        })
        .collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn is_header(line: &str) -> bool {
    line.trim_start().starts_with('[')
}

/// `key =`, as a line of its own would begin.
fn is_assignment(line: &str) -> bool {
    let key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'' | ' ' | '\t');
    line.split_once('=').is_some_and(|(before, _)| !before.trim().is_empty() && before.chars().all(key))
}

/// Spaces for everything but line ends.
fn blank(text: &str, part: Range<usize>) -> String {
    let (Some(before), Some(broken), Some(after)) =
        (text.get(..part.start), text.get(part.clone()), text.get(part.end..))
    else {
        return text.to_string();
    };
    let spaces: String = broken.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    [before, &spaces, after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places of the complaints, and the keys that could still be read.
    fn repaired(text: &str) -> (Vec<(usize, usize)>, String) {
        let report = Report::new(text);
        let rest = repair(text, &report).unwrap_or_default();
        assert_eq!(rest.len(), text.len());
        let places = report.into_lists().mistakes.iter().map(|mistake| (mistake.line, mistake.column)).collect();
        (places, rest.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_broken_statement_costs_no_other() {
        let cases = [
            ("a = 15 s\nb = 2", vec![(1, 5)], "b = 2"),
            ("a = [1, 2\nb = 2\nc = 3", vec![(1, 1)], "b = 2 c = 3"),
            ("a = [\n1,\nb = 2", vec![(1, 1)], "b = 2"),
            ("a = \"x\nb = 2", vec![(1, 7)], "b = 2"),
            ("a = { x = 1\nb = 2", vec![(1, 1)], "b = 2"),
            ("[x\na = 1\n[y]\nb = 2", vec![(1, 3)], "[y] b = 2"),
            ("a = 1\na = 2\nb = 2", vec![(2, 1)], "a = 1 b = 2"),
            ("[x]\n[y]\n[x]\na = 1", vec![(3, 2)], "[x] [y]"),
            ("a = \nb = 2\nc = ?", vec![(1, 5), (3, 5)], "b = 2"),
            ("a\nb = 2", vec![(1, 2)], "b = 2"),
            ("a = 1 = 2\nb = 2", vec![(1, 7)], "b = 2"),
        ];
        for (text, places, rest) in cases {
            assert_eq!(repaired(text), (places, rest.to_string()), "{text}");
        }
    }

    #[test]
    fn what_is_no_configuration_at_all_is_given_up() {
        let text = "?\n".repeat(100);
        assert!(repair(&text, &Report::new(&text)).is_none_or(|rest| rest.trim().is_empty()));
    }
}
