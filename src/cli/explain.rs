//! `centralino explain call|agent X`: asks the running daemon, over HTTP on this machine, why it does what it does.

use super::ask::{UNKNOWN, UNREACHABLE, ask};
use std::net::SocketAddr;
use std::process::ExitCode;

/// Whom or what to explain.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum What {
    /// A call, by its id.
    Call,
    /// An agent, by their number.
    Agent,
}

/// The explanation goes to stdout.
pub fn explain(what: What, name: &str, daemon: SocketAddr) -> ExitCode {
    let kind = match what {
        What::Call => "call",
        What::Agent => "agent",
    };
    if !name.chars().all(|sign| sign.is_ascii_alphanumeric() || "+*_-.".contains(sign)) {
        eprintln!("`{name}` is no {kind}");
        return ExitCode::from(UNKNOWN);
    }
    match ask(&format!("/explain/{kind}/{name}"), daemon) {
        Ok((200, text)) => {
            print!("{}", String::from_utf8_lossy(&text));
            ExitCode::SUCCESS
        }
        Ok((404, text)) => {
            eprint!("{}", String::from_utf8_lossy(&text));
            ExitCode::from(UNKNOWN)
        }
        Ok((status, text)) => {
            eprintln!("{daemon}: {status} {}", String::from_utf8_lossy(&text));
            ExitCode::from(UNREACHABLE)
        }
        Err(error) => {
            eprintln!("{daemon}: {error}");
            ExitCode::from(UNREACHABLE)
        }
    }
}
