//! `centralino purge --ledger FILE`: deletes what was kept long enough, as the daemon does daily.

use super::sources;
use crate::ledger;
use anyhow::{Context, Result};
use clap::Args;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct PurgeArguments {
    /// The ledger.
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// Delete the calls before this day (like 2026-10-31) instead of those that the configuration no longer keeps.
    #[arg(long, value_name = "DATE")]
    before: Option<Date>,
    /// The configuration that says how long calls and pseudonyms are kept, and in which time zone days begin; without
    /// it the built-in one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What was deleted goes to stdout.
pub fn purge(arguments: &PurgeArguments) -> ExitCode {
    match run(arguments) {
        Ok(purged) => {
            println!("{} calls and {} callers' pseudonyms deleted", purged.calls, purged.pseudonyms);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("centralino: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &PurgeArguments) -> Result<ledger::Purged> {
    let settings = sources::read_config(arguments.config.as_deref())?.settings;
    let now = Timestamp::now();
    let nanos = |moment: Timestamp| i64::try_from(moment.as_nanosecond()).unwrap_or(i64::MAX);
    let days_ago = |days: u32| now.checked_sub((i64::from(days) * 24).hours()).map_or(i64::MIN, nanos);
    let pseudonyms = days_ago(settings.ledger.pseudonyms_days);
    let calls = match (arguments.before, settings.ledger.calls_days) {
        (Some(date), _) => nanos(date.to_zoned(settings.time_zone).context("the day")?.timestamp()),
        (None, 0) => i64::MIN,
        (None, days) => days_ago(days),
    };
    ledger::purge_before(&mut ledger::open_existing(&arguments.ledger)?, calls, pseudonyms, nanos(now))
}
