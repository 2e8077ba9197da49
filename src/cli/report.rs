//! `centralino report --month 2026-10`: the figures of a period, out of the ledger, in Italian or English.

use super::sources;
use crate::ledger::Reader;
use anyhow::{Context, Result, bail};
use centralino::report::{Closing, Counter, Every, Format, Language, Period, Profile, Question, render};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// A month, like 2026-10.
    #[arg(long, value_name = "MONTH", required_unless_present = "from", conflicts_with_all = ["from", "to"])]
    month: Option<String>,
    /// Instead of a month: the first day (2026-10-05) or moment (2026-10-05T14:30).
    #[arg(long, value_name = "WHEN", requires = "to")]
    from: Option<String>,
    /// The last day, whole, or the moment at which the period ends.
    #[arg(long, value_name = "WHEN", requires = "from")]
    to: Option<String>,
    /// Also a row for every interval of this length.
    #[arg(long, value_name = "15m|30m|1h|1d", value_parser = every)]
    every: Option<Every>,
    /// The ledger; without it, that of the configuration.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Calls of one service alone.
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Italian, with the headings of the Report Telefonico Mese, or English.
    #[arg(long, value_enum, default_value_t = Lang::It)]
    lang: Lang,
    /// How it is written: for reading, as a page to look at and print, for spreadsheets, for programs.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Recompute under this threshold too, in seconds; the official figures do not change. May be repeated.
    #[arg(long = "threshold", value_name = "SECONDS", value_parser = threshold, value_delimiter = ',')]
    thresholds: Vec<Duration>,
    /// The advanced target in percent, beside the contract's own; strictly to be exceeded.
    #[arg(long, value_name = "PERCENT", default_value_t = 95, value_parser = clap::value_parser!(u8).range(0..=100))]
    advanced_target: u8,
    /// The other formulas of the market beside the contract's.
    #[arg(long, value_enum)]
    formulas: Option<Formulas>,
    /// The indicators of a regulator. May be repeated.
    #[arg(long = "profile", value_name = "agcom-255-24|arera-water", value_parser = profile, value_delimiter = ',')]
    profiles: Vec<Profile>,
    /// Where days begin and end; without it, as the configuration says.
    #[arg(long, value_name = "ZONE", value_parser = time_zone)]
    time_zone: Option<TimeZone>,
    /// The configuration that names the ledger and the time zone; without it the built-in one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lang {
    It,
    En,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Text,
    Html,
    Csv,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Formulas {
    /// Every one, by its name.
    All,
}

fn every(text: &str) -> Result<Every, String> {
    let found = Every::ALL.iter().copied().find(|every| every.label() == text);
    found.ok_or_else(|| "one of 15m, 30m, 1h, 1d".to_string())
}

fn profile(text: &str) -> Result<Profile, String> {
    let found = Profile::ALL.iter().copied().find(|profile| profile.label() == text);
    found.ok_or_else(|| "one of agcom-255-24, arera-water".to_string())
}

fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| "like Europe/Rome or UTC".to_string())
}

/// A day of waiting is no threshold.
const MOST_SECONDS: u64 = 86_400;

fn threshold(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u64>().ok().filter(|seconds| (1..=MOST_SECONDS).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| format!("whole seconds, 1 to {MOST_SECONDS}"))
}

/// The report goes to stdout.
pub fn report(arguments: ReportArguments) -> ExitCode {
    let written = run(arguments).and_then(|text| {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write the report")
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("centralino: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: ReportArguments) -> Result<String> {
    let settings = sources::read_config(arguments.config.as_deref())?.settings;
    let zone = arguments.time_zone.unwrap_or(settings.time_zone);
    let period = match (arguments.month, arguments.from.zip(arguments.to)) {
        (Some(month), _) => Period::month(&month, &zone)?,
        (None, Some((from, to))) => Period::stretch(&from, &to, &zone)?,
        (None, None) => bail!("of which month? --month 2026-10, or --from and --to"),
    };
    let Some(ledger) = arguments.ledger.or(settings.ledger.path) else {
        bail!("no ledger: name one by --ledger FILE, or a configuration that keeps one by --config FILE")
    };
    let question = Question {
        period,
        service: arguments.service,
        every: arguments.every,
        thresholds: distinct(arguments.thresholds),
        formulas: arguments.formulas.is_some(),
        profiles: distinct(arguments.profiles),
        advanced_percent: arguments.advanced_target,
    };
    let utc = question.period.utc();
    let reader = Reader::open(&ledger)?;
    let mut counter = Counter::new(question)?;
    reader.interactions(utc.clone(), |interaction| {
        counter.add(&interaction);
        ControlFlow::Continue(())
    })?;
    reader.pauses(&utc, |pause| counter.add_pause(&pause))?;
    let closing = Closing {
        made_utc: i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX),
        lost: reader.lost(utc)?,
        purged_before: reader.purged_before()?,
    };
    let language = match arguments.lang {
        Lang::It => Language::Italian,
        Lang::En => Language::English,
    };
    let format = match arguments.format {
        Form::Text => Format::Text,
        Form::Html => Format::Html,
        Form::Csv => Format::Csv,
        Form::Json => Format::Json,
    };
    Ok(render(&counter.finish(closing), language, format))
}

fn distinct<T: PartialEq>(list: Vec<T>) -> Vec<T> {
    let mut kept = Vec::with_capacity(list.len());
    for it in list {
        if !kept.contains(&it) {
            kept.push(it);
        }
    }
    kept
}
