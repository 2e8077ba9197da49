//! The command line: one file a verb.

mod agent;
mod ask;
mod check;
mod demo;
mod explain;
mod import;
mod purge;
mod report;
mod run;
mod sound;
mod sources;
mod speech;
mod test;
mod trace;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// A telephony ACD: answers SIP calls, queues them, routes them by skill and computes the service level live.
#[derive(Debug, Parser)]
#[command(name = "centralino", version, about, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    run: RunArguments,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve calls (the default verb).
    Run(RunArguments),
    /// Report every mistake in a configuration, with its place.
    Check {
        /// The configuration.
        file: PathBuf,
        /// Print every deadline that is in force, and what happens then.
        #[arg(long, conflicts_with = "against")]
        deadlines: bool,
        /// The one that a daemon goes by: prints what a reload of the other would change, and what waits for a restart.
        #[arg(long, value_name = "RUNNING")]
        against: Option<PathBuf>,
    },
    /// Ask the running daemon why a call waits, or what an agent could take.
    Explain {
        /// A call or an agent.
        what: explain::What,
        /// The call's id, or the agent's number.
        name: String,
        /// Where the daemon serves HTTP (`http.listen`).
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        http: std::net::SocketAddr,
    },
    /// Show what passed in a call that is live or was of late: its messages, and what was decided between them.
    Trace(trace::TraceArguments),
    /// Change an agent's status in the running daemon: `centralino agent 101 pause lunch`.
    Agent(agent::AgentArguments),
    /// Play calls against a configuration and compare who would be rung with what the file expects.
    Test {
        /// The cases; it names its configuration.
        file: PathBuf,
    },
    /// Show the daemon at work: simulated callers and agents over real SIP and RTP, in less than a minute.
    Demo {
        /// How many callers.
        #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=500))]
        calls: u32,
        /// What the callers and agents do follows from it; the same seed is the same morning.
        #[arg(long, value_name = "S", default_value_t = 1)]
        seed: u64,
    },
    /// Bring call history of another system into a ledger.
    Import(import::ImportArguments),
    /// Print the figures of a month or another period, out of a ledger.
    Report(report::ReportArguments),
    /// Delete from a ledger what was kept long enough.
    Purge(purge::PurgeArguments),
}

#[derive(Debug, Args)]
struct RunArguments {
    /// The configuration; without it the built-in one is used.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.verb.unwrap_or(Verb::Run(arguments.run)) {
        Verb::Run(run) => run::run(run.config.as_deref()),
        Verb::Check { file, deadlines, against } => check::check(&file, deadlines, against.as_deref()),
        Verb::Explain { what, name, http } => explain::explain(what, &name, http),
        Verb::Trace(arguments) => trace::trace(&arguments),
        Verb::Agent(arguments) => agent::agent(&arguments),
        Verb::Test { file } => test::test(&file),
        Verb::Demo { calls, seed } => demo::demo(calls, seed),
        Verb::Import(arguments) => import::import(arguments),
        Verb::Report(arguments) => report::report(arguments),
        Verb::Purge(arguments) => purge::purge(&arguments),
    }
}
