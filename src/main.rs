//! The daemon's root: its own crate, so that the compiler keeps it out of the library. What the library may not
//! touch (clocks, sockets, threads, files, signals) is touched from here down, and nowhere else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is the shell")]

mod cli;
mod daemon;
mod ledger;

fn main() -> std::process::ExitCode {
    cli::main()
}
