//! `centralino test FILE.test.toml`: plays calls against a configuration in virtual time and compares who would be
//! rung with what the file expects. Opens no socket and waits for nothing.

mod rehearsal;

use super::sources::FileSources;
use centralino::acd::Plan;
use centralino::config;
use jiff::tz::TimeZone;
use rehearsal::Found;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// A case found something else than it expects.
const FAILED: u8 = 1;
/// The file or its configuration cannot be used.
const UNUSABLE: u8 = 2;
/// A longer file is refused.
const FILE_BYTES: u64 = 16 << 20;

/// A file of routing tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The configuration; the path starts from the folder of this file.
    config: String,
    #[serde(default)]
    case: Vec<Case>,
}

/// One call, and what becomes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows.
    name: Option<String>,
    /// When it comes in, on the wall: "2026-12-24T10:00[Europe/Rome]", or without the zone by `report.time_zone`. Without
    /// it every service is open.
    at: Option<String>,
    /// The number that is dialled.
    call: String,
    /// Keys that the caller presses in the menus, one after the other; then none.
    #[serde(default)]
    keys: String,
    /// Keys that the caller presses so long after it entered its queue.
    #[serde(default)]
    keys_later: BTreeMap<String, String>,
    /// Agents who are ready when it comes in, in the order in which they signed in.
    #[serde(default)]
    ready: Vec<String>,
    /// Agents who are signed in and take no calls: paused or busy.
    #[serde(default)]
    away: Vec<String>,
    /// Agents who sign in so long after the call entered its queue.
    #[serde(default)]
    later: BTreeMap<String, String>,
    /// Callers of the same number who entered before it and wait still.
    #[serde(default)]
    ahead: u32,
    /// What phones do when they are rung; the others ring and are not answered.
    #[serde(default)]
    phones: BTreeMap<String, Reaction>,
    /// When to look, from entry on.
    #[serde(default = "at_once")]
    wait: String,
    expect: Expected,
}

/// What a phone does when it is rung.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reaction {
    Answers,
    Busy,
    Rejects,
    Unreachable,
}

/// What is true at that moment; what is left out is not compared.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    outcome: Option<String>,
    queue: Option<String>,
    step: Option<u8>,
    agent: Option<String>,
    agents: Option<Vec<String>>,
    path: Option<Vec<String>>,
}

fn at_once() -> String {
    "0 s".to_owned()
}

/// Runs every case; differences go to stdout, what makes the file unusable to stderr.
pub fn test(path: &Path) -> ExitCode {
    let (file, plan, zone) = match open(path) {
        Ok(opened) => opened,
        Err(problem) => {
            eprintln!("{}: {problem}", path.display());
            return ExitCode::from(UNUSABLE);
        }
    };
    let mut failed = 0;
    for (number, case) in (1..).zip(&file.case) {
        let title = case.name.clone().unwrap_or_else(|| format!("a call to {}", case.call));
        match rehearsal::play(&plan, &zone, case) {
            Err(problem) => {
                eprintln!("{}: case {number}, {title}: {problem}", path.display());
                return ExitCode::from(UNUSABLE);
            }
            Ok(found) => {
                let differences = differences(&case.expect, &found);
                if !differences.is_empty() {
                    failed += 1;
                    println!("case {number}, {title}:\n{}", differences.concat());
                }
            }
        }
    }
    println!("{}: {} cases, {failed} failed", path.display(), file.case.len());
    if failed > 0 { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
}

fn open(path: &Path) -> Result<(File, Plan, TimeZone), String> {
    let file: File = toml::from_str(&read(path)?).map_err(|error| error.to_string())?;
    if file.case.is_empty() {
        return Err("there is no [[case]]".to_owned());
    }
    let beside = path.parent().unwrap_or(Path::new("")).join(&file.config);
    let name = beside.display().to_string();
    let text = read(&beside).map_err(|error| format!("{name}: {error}"))?;
    match config::check(&text, &FileSources::of(&beside)) {
        Ok(checked) => Ok((file, rehearsal::everybody_signed_out(checked.plan), checked.settings.time_zone)),
        Err(mistakes) => Err(format!("{name} has mistakes:\n{}", mistakes.render(&name, false))),
    }
}

fn read(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > FILE_BYTES {
        return Err("the file is longer than 16 MiB".to_owned());
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

/// A few lines for each thing that is not as expected.
fn differences(expected: &Expected, found: &Found) -> Vec<String> {
    let mut lines = Vec::new();
    let mut compare = |what: &str, expected: Option<&str>, found: &str| {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            lines.push(format!("    {what}: expected {}, found {}\n", shown(expected), shown(found)));
        }
    };
    let step = expected.step.map(|step| step.to_string());
    let agents = expected.agents.as_ref().map(|agents| agents.join(" "));
    let found_agents = found.agents.join(" ");
    compare("outcome", expected.outcome.as_deref(), &found.outcome);
    compare("queue", expected.queue.as_deref(), &found.queue);
    compare("step", step.as_deref(), &found.step.map_or_else(String::new, |step| step.to_string()));
    compare("agent", expected.agent.as_deref(), &found_agents);
    compare("agents", agents.as_deref(), &found_agents);
    if let Some(path) = expected.path.as_ref().filter(|path| **path != found.path) {
        let same = path.iter().zip(&found.path).take_while(|(a, b)| a == b).count();
        lines.push("    path:\n".to_owned());
        lines.extend(path.iter().take(same).map(|line| format!("        {line}\n")));
        lines.extend(path.iter().skip(same).map(|line| format!("      - {line}\n")));
        lines.extend(found.path.iter().skip(same).map(|line| format!("      + {line}\n")));
    }
    lines
}

fn shown(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}
