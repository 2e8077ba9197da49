//! `centralino explain call|agent X`: asks the running daemon, over HTTP on this machine, why it does what it does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

/// There is no such call or agent.
const UNKNOWN: u8 = 1;
/// The daemon could not be asked.
const UNREACHABLE: u8 = 2;
/// A daemon that does not answer within this does not work.
const PATIENCE: Duration = Duration::from_secs(5);
/// A longer answer is not ours.
const ANSWER_BYTES: u64 = 1 << 20;

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
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok((404, text)) => {
            eprint!("{text}");
            ExitCode::from(UNKNOWN)
        }
        Ok((status, text)) => {
            eprintln!("{daemon}: {status} {text}");
            ExitCode::from(UNREACHABLE)
        }
        Err(error) => {
            eprintln!("{daemon}: {error}");
            ExitCode::from(UNREACHABLE)
        }
    }
}

/// One request; the daemon closes the connection after its answer.
fn ask(path: &str, daemon: SocketAddr) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&daemon, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {daemon}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES).read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    match (status, answer.split_once("\r\n\r\n")) {
        (Some(status), Some((_, body))) => Ok((status, body.to_owned())),
        _ => Err(std::io::Error::other("the answer is no HTTP")),
    }
}
