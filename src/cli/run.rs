//! `centralino run`: serve calls until told to stop.

use super::sources::FileSources;
use crate::daemon::{self, Daemon, ReadAgain};
use anyhow::{Context, Result};
use centralino::config::{self, Checked};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::path::Path;
use std::process::{self, ExitCode};
use tracing_subscriber::EnvFilter;

/// The exit status of a defect, as Rust programs have it.
const PANICKED: i32 = 101;

/// Runs the verb; 1 when the daemon could not start or broke down.
pub fn run(config: Option<&Path>) -> ExitCode {
    log_to_stderr("info");
    match serve(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("centralino: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// RUST_LOG says what is logged, else this level; rsipstack prints whole messages, credentials included, below WARN.
pub(super) fn log_to_stderr(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let filter = match "rsipstack=warn".parse() {
        Ok(quiet) => filter.add_directive(quiet),
        Err(_) => filter,
    };
    let ansi = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(ansi).init();
}

fn serve(config: Option<&Path>) -> Result<()> {
    let checked = read(config)?;
    for warning in &checked.warnings {
        tracing::warn!("{warning}");
    }
    let named = config.map(Path::to_path_buf);
    let read_again =
        named.map(|path| -> ReadAgain { Box::new(move || read(Some(&path)).map_err(|e| format!("{e:#}"))) });
    let daemon = daemon::start(checked, read_again)?;
    end_all_on_panic();
    // A terminal that nobody reads any more is no reason to stop.
    let _ = announce(&daemon);
    daemon.wait()
}

/// A thread that broke down leaves the others half alive: the process ends at once, and its supervisor starts it anew.
fn end_all_on_panic() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        report(info);
        process::exit(PANICKED);
    }));
}

/// The built-in configuration names no files.
fn read(config: Option<&Path>) -> Result<Checked> {
    let name = config.unwrap_or(Path::new("config/centralino.toml"));
    let text = match config {
        Some(path) => fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => config::DEFAULT.to_string(),
    };
    let colour = io::stderr().is_terminal();
    config::check(&text, &FileSources::of(name))
        .map_err(|mistakes| anyhow::anyhow!("{}", mistakes.render(&name.display().to_string(), colour)))
}

/// Where to call, as whom to register, and where the numbers are.
fn announce(daemon: &Daemon) -> io::Result<()> {
    let (plan, settings) = (&daemon.plan, &daemon.settings);
    let mut out = io::stdout().lock();
    writeln!(out, "centralino {} is ready", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  SIP      udp {}", settings.sip_udp)?;
    if let Some(tcp) = settings.sip_tcp {
        writeln!(out, "           tcp {tcp}")?;
    }
    writeln!(
        out,
        "  RTP      {} ports {}-{}",
        settings.engine.media.address, settings.engine.media.ports.0, settings.engine.media.ports.1
    )?;
    for service in &plan.services {
        let queue = plan.queues.get(service.queue.index()).map_or("", |queue| &queue.name);
        writeln!(out, "  number   {} ({}, queue {queue})", service.number, service.name)?;
    }
    for (position, pool) in plan.pools.iter().enumerate() {
        let of_pool = plan.agents.iter().filter(|agent| agent.pool.index() == position);
        writeln!(out, "  agents   {}: {}", pool.name, list(of_pool.map(|agent| agent.number.as_str())))?;
    }
    writeln!(out, "  metrics  http://{}/metrics", settings.http)?;
    writeln!(out, "  stats    http://{}/stats", settings.http)?;
    out.flush()
}

/// A few names, or the first ones and how many more.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 8;
    let names: Vec<&str> = names.collect();
    match names.split_at_checked(SHOWN) {
        Some((first, more)) if !more.is_empty() => format!("{} and {} more", first.join(", "), more.len()),
        _ if names.is_empty() => "none".into(),
        _ => names.join(", "),
    }
}
