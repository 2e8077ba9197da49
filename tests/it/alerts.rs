//! The Prometheus rules and alerts that are shipped: promtool runs their cases, and they ask only for what there is.

use crate::metrics::whole_page;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const RULES: [&str; 2] = ["rules.yml", "alerts.yml"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus")
}

fn read(file: &str) -> String {
    fs::read_to_string(folder().join(file)).expect("a shipped file")
}

/// Values of `key: value` lines, in order.
fn values<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    let of_line = |line: &'t str| line.trim_start().trim_start_matches("- ").strip_prefix(key)?.strip_prefix(": ");
    text.lines().filter_map(of_line).map(str::trim).collect()
}

/// What promtool says, or nothing where it is not installed and need not be.
fn promtool(arguments: &[&str]) -> Option<(bool, String)> {
    let required = std::env::var("CENTRALINO_TEST_PEERS").is_ok_and(|value| value == "required");
    match Command::new("promtool").args(arguments).current_dir(folder()).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            Some((output.status.success(), said.into_owned()))
        }
        Err(error) => {
            assert!(!required, "promtool: {error}");
            eprintln!("SKIPPED: promtool is not installed, the shipped rules were not run by it ({error})");
            None
        }
    }
}

#[test]
fn promtool_runs_every_case_of_the_alerts() {
    let Some((well, said)) = promtool(&["check", "rules", "rules.yml", "alerts.yml"]) else { return };
    assert!(well, "{said}");
    let Some((well, said)) = promtool(&["test", "rules", "tests.yml"]) else { return };
    assert!(well && said.contains("SUCCESS"), "{said}");
}

#[test]
fn every_alert_has_a_case_that_fires_and_one_that_does_not_and_says_what_to_do() {
    let (alerts, cases) = (read("alerts.yml"), read("tests.yml"));
    let names = values(&alerts, "alert");
    assert!(names.len() >= 8, "{names:?}");
    for part in alerts.split("- alert: ").skip(1) {
        let name = part.lines().next().unwrap_or_default();
        for needed in ["severity: ", "summary: ", "description: "] {
            assert!(part.contains(needed), "{name} has no {needed}");
        }
        let checked: Vec<&str> =
            cases.split("alertname: ").skip(1).filter(|case| case.lines().next() == Some(name)).collect();
        let is_silent = |case: &&str| case.lines().nth(1).is_some_and(|line| line.trim() == "exp_alerts: []");
        assert!(checked.iter().any(is_silent), "{name} is never expected to be silent");
        assert!(checked.iter().any(|case| !is_silent(case)), "{name} is never expected to fire");
    }
    for tested in values(&cases, "alertname") {
        assert!(names.contains(&tested), "{tested} is no alert");
    }
}

#[test]
fn rules_and_alerts_ask_only_for_what_is_measured() {
    let page = whole_page();
    let texts = RULES.map(read);
    let recorded: BTreeSet<&str> = texts.iter().flat_map(|text| values(text, "record")).collect();
    assert!(recorded.len() >= 8);
    let mut asked = 0;
    for text in &texts {
        for expression in expressions(text) {
            for selector in selectors(&expression) {
                asked += 1;
                let known = recorded.contains(selector.name.as_str()) || selector.name == "up";
                assert!(known || selector.matches(&page), "{selector:?} in {expression}");
            }
        }
    }
    assert!(asked > 30, "{asked} selectors were found");
}

/// The `expr` of every rule, those over several lines joined.
fn expressions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(first) = line.trim_start().strip_prefix("expr: ") else { continue };
        let depth = line.len() - line.trim_start().len();
        let mut expression = first.trim_start_matches('|').to_owned();
        while let Some(next) = lines.next_if(|next| next.len() - next.trim_start().len() > depth) {
            expression += " ";
            expression += next.trim();
        }
        found.push(expression);
    }
    found
}

/// A metric that an expression asks for, and its matchers.
#[derive(Debug)]
pub struct Selector {
    pub name: String,
    matchers: Vec<(String, Vec<String>)>,
}

impl Selector {
    /// Whether the page has such a series; variables (`$…`) and `!=` match anything.
    pub fn matches(&self, page: &str) -> bool {
        let series = page.lines().filter(|line| !line.starts_with('#')).filter(|line| {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            name == self.name
        });
        let shown: Vec<&str> = series.collect();
        let has = |label: &str, value: &str| shown.iter().any(|line| line.contains(&format!("{label}=\"{value}\"")));
        !shown.is_empty()
            && self.matchers.iter().filter(|(label, _)| label != "instance" && label != "job").all(|(label, values)| {
                values.iter().all(|value| value.starts_with('$') || value == "none" || has(label, value))
            })
    }
}

/// The selectors of an expression of PromQL: names that are ours, of the process, or recorded.
pub fn selectors(expression: &str) -> Vec<Selector> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(is_letter) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        let is_metric =
            name.starts_with("acd_") || name.starts_with("process_") || name.contains(":acd_") || name == "up";
        let mut matchers = Vec::new();
        if let Some((inside, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            matchers = inside.split("\",").filter_map(matcher).collect();
            rest = after;
        }
        if is_metric {
            found.push(Selector { name: name.to_owned(), matchers });
        }
    }
    found
}

/// `label="value"`, `label!="value"` or `label=~"one|other"`, the closing quote perhaps cut off.
fn matcher(text: &str) -> Option<(String, Vec<String>)> {
    let (label, value) = text.split_once('"')?;
    let values = value.trim_end_matches('"').split('|').map(str::to_owned).collect();
    Some((label.trim_end_matches(['=', '~', '!']).trim().to_owned(), values))
}

#[test]
fn selectors_are_found_with_their_matchers() {
    let found =
        selectors(r#"sum by (queue) (rate(acd_offers_total{outcome=~"busy|no_answer",queue!="none"}[5m])) > 1"#);
    assert_eq!(found.len(), 1);
    let expected = [("outcome", vec!["busy", "no_answer"]), ("queue", vec!["none"])];
    let expected = expected.map(|(label, values)| (label.to_owned(), values.into_iter().map(str::to_owned).collect()));
    assert_eq!((found[0].name.as_str(), &found[0].matchers[..]), ("acd_offers_total", &expected[..]));
    let page =
        "acd_offers_total{queue=\"a\",outcome=\"busy\"} 1\nacd_offers_total{queue=\"a\",outcome=\"no_answer\"} 1\n";
    assert!(found[0].matches(page));
    assert!(!selectors(r#"acd_offers_total{outcome="bussy"}"#)[0].matches(page), "a label's value nobody has");
    assert!(!selectors("acd_offer_total")[0].matches(page), "a name nobody has");
}
