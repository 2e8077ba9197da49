//! `centralino trace CALL`: asks the running daemon, over HTTP on this machine, what passed in a call.

use super::ask::{UNKNOWN, UNREACHABLE, ask};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is wanted.
#[derive(Debug, clap::Args)]
pub struct TraceArguments {
    /// The call's number (as in the log), or the SIP Call-ID of any of its legs.
    call: String,
    /// Write the messages into a capture file instead of printing the ladder.
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Show what callers typed, and leave names and numbers of people in the capture file.
    #[arg(long)]
    people: bool,
    /// Where the daemon serves HTTP (`http.listen`).
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
}

/// The ladder goes to stdout; exits 1 when nothing is kept of the call, 2 when the daemon cannot be asked.
pub fn trace(arguments: &TraceArguments) -> ExitCode {
    let path = path(&arguments.call, arguments.pcap.is_some(), arguments.people);
    match (ask(&path, arguments.http), &arguments.pcap) {
        (Ok((200, bytes)), Some(file)) => write(file, &bytes),
        (Ok((200, bytes)), None) => {
            print!("{}", String::from_utf8_lossy(&bytes));
            ExitCode::SUCCESS
        }
        (Ok((404, bytes)), _) => {
            eprint!("{}", String::from_utf8_lossy(&bytes));
            ExitCode::from(UNKNOWN)
        }
        (Ok((status, bytes)), _) => {
            eprintln!("{}: {status} {}", arguments.http, String::from_utf8_lossy(&bytes));
            ExitCode::from(UNREACHABLE)
        }
        (Err(error), _) => {
            eprintln!("{}: {error}", arguments.http);
            ExitCode::from(UNREACHABLE)
        }
    }
}

fn write(file: &Path, bytes: &[u8]) -> ExitCode {
    match std::fs::write(file, bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            ExitCode::from(UNREACHABLE)
        }
    }
}

/// A Call-ID may hold anything: what is no letter or digit is escaped.
fn path(call: &str, pcap: bool, people: bool) -> String {
    let mut path = "/trace/".to_owned();
    for byte in call.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' => path.push(char::from(byte)),
            _ => path += &format!("%{byte:02X}"),
        }
    }
    match (pcap, people) {
        (true, true) => path + "?as=pcap&people=yes",
        (true, false) => path + "?as=pcap",
        (false, true) => path + "?people=yes",
        (false, false) => path,
    }
}
