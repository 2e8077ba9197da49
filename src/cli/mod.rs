//! The command line: one file a verb.

mod check;
mod run;
mod sources;

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
    },
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
        Verb::Check { file } => check::check(&file),
    }
}
