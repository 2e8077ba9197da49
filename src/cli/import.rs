//! `centralino import CALLS.csv --into LEDGER`: call history of another system, so that reports work on day one.

use crate::ledger::{History, Imported};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Some rows were left out.
const BAD_ROWS: u8 = 1;
/// Nothing was imported.
const FAILED: u8 = 2;

#[derive(Debug, Args)]
pub struct ImportArguments {
    /// The history: CSV with the columns seq, date, arrival_s, queue_entry_s, wait_s, outcome, service_s and perhaps
    /// ivr_s and type. Rows of one source, date and seq are one call: importing them again changes nothing.
    #[arg(value_name = "CALLS.csv")]
    file: PathBuf,
    /// The ledger; it is made if it is not there.
    #[arg(long, value_name = "LEDGER")]
    into: PathBuf,
    /// Print the totals of the file's good rows.
    #[arg(long, value_name = "FORMAT")]
    totals: Option<Totals>,
    /// What the other system is called in the ledger.
    #[arg(long, value_name = "NAME", default_value = "imported")]
    source: String,
    /// The queue and the pool of all calls, and the service of those without a type.
    #[arg(long, value_name = "NAME", default_value = "imported")]
    name: String,
    /// Where the history's days begin and end.
    #[arg(long, value_name = "ZONE", default_value = "Europe/Rome", value_parser = time_zone)]
    time_zone: TimeZone,
    /// Service-level thresholds, the contract's first.
    #[arg(long, value_name = "SECONDS", value_delimiter = ',', default_value = "30,20,40")]
    thresholds: Vec<u32>,
    /// The contract's target, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 90, value_parser = clap::value_parser!(u8).range(0..=100))]
    target: u8,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Totals {
    /// Integers, for programs.
    Json,
}

fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| "like Europe/Rome or UTC".to_string())
}

/// Bad rows and a summary go to stderr, totals to stdout.
pub fn import(arguments: ImportArguments) -> ExitCode {
    let ImportArguments { file, into, totals, source, name, time_zone, thresholds, target } = arguments;
    let mut distinct: Vec<u32> = Vec::new();
    for seconds in thresholds {
        if !distinct.contains(&seconds) {
            distinct.push(seconds);
        }
    }
    if distinct.len() > centralino::stats::shape::THRESHOLDS_AT_ONCE {
        eprintln!("centralino: at most {} thresholds", centralino::stats::shape::THRESHOLDS_AT_ONCE);
        return ExitCode::from(FAILED);
    }
    let history = History {
        file: file.clone(),
        source,
        name,
        zone: time_zone,
        thresholds: distinct.iter().map(|seconds| Duration::from_secs(u64::from(*seconds))).collect(),
        target_percent: target,
    };
    let imported = match history.import(&into) {
        Ok(imported) => imported,
        Err(error) => {
            eprintln!("centralino: {error:#}");
            return ExitCode::from(FAILED);
        }
    };
    for (line, reason) in &imported.bad {
        eprintln!("{}:{line}: {reason}", file.display());
    }
    let Imported { added, known, bad, .. } = &imported;
    eprintln!("{added} calls imported, {known} were there already, {} rows left out", bad.len());
    if totals.is_some() {
        let printed = writeln!(std::io::stdout(), "{:#}", json_totals(&imported, &distinct));
        if printed.is_err() {
            return ExitCode::from(FAILED);
        }
    }
    if bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(BAD_ROWS) }
}

fn json_totals(imported: &Imported, thresholds: &[u32]) -> Value {
    let figures = imported.totals.figures(0);
    let mut totals = Map::new();
    let total = json!({
        "received": figures.received,
        "left_in_greeting": figures.left_in_greeting,
        "entered": figures.entered,
        "answered": figures.answered,
        "abandoned": figures.abandoned,
    });
    totals.insert("total".to_string(), total);
    for (number, seconds) in thresholds.iter().enumerate() {
        let (events, counts) = (imported.totals.events(0, number), imported.totals.counts(0, number));
        let row = json!({
            "hit": events.hit,
            "miss": events.miss,
            "excused": events.excused,
            "late_answered": counts.answered_late,
            "late_abandoned": counts.abandoned_late,
        });
        totals.insert(format!("T{seconds}"), row);
    }
    Value::Object(totals)
}
