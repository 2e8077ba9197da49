//! `centralino agent 101 pause lunch`: changes an agent's status in the running daemon, over HTTP with its token.

use super::ask::{UNREACHABLE, send};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// The daemon says that it cannot be.
const DENIED: u8 = 1;

/// Who asks for what.
#[derive(Debug, clap::Args)]
pub struct AgentArguments {
    /// The agent's number.
    number: String,
    #[command(subcommand)]
    action: Action,
    /// Where the daemon serves HTTP (`http.listen`).
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", global = true)]
    http: SocketAddr,
    /// The file with the token (`http.control_token_file`).
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
}

/// What an agent may ask for; during a call it takes effect after it, but for the recording of that call and what is to
/// become of a colleague who is asked.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// No calls for a while.
    Pause {
        /// One of the configuration's reasons.
        reason: Option<String>,
    },
    /// Calls again.
    Resume,
    /// Calls again at once: no pause, no other media, the work after the last call over.
    Ready,
    /// At work on other media.
    Busy,
    /// No longer at work on other media.
    Free,
    /// Leave out of the recording what is said now.
    PauseRecording,
    /// Record again.
    ResumeRecording,
    /// Let the caller and the colleague who is asked hear each other, too.
    Conference,
    /// Speak with the colleague alone again.
    EndConference,
    /// Leave the caller to the colleague who is asked.
    CompleteConsult,
    /// Hang up the colleague who is asked.
    EndConsult,
    /// End the work after the last call.
    EndWrapUp,
    /// The work after the last call takes longer.
    ExtendWrapUp {
        /// By so many seconds.
        seconds: u32,
    },
}

/// The agent as it is then goes to stdout.
pub fn agent(arguments: &AgentArguments) -> ExitCode {
    let Some(path) = path(&arguments.number, &arguments.action) else {
        eprintln!("letters, digits and `+*_-.` only");
        return ExitCode::from(DENIED);
    };
    let Some(file) = &arguments.token_file else {
        eprintln!("--token-file: the file that http.control_token_file names");
        return ExitCode::from(UNREACHABLE);
    };
    let token = match std::fs::read_to_string(file) {
        Ok(token) => token.trim().to_owned(),
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            return ExitCode::from(UNREACHABLE);
        }
    };
    let headers = format!("Authorization: Bearer {token}\r\nContent-Length: 0\r\n");
    match send("POST", &path, &headers, arguments.http) {
        Ok((200, text)) => {
            print!("{}", String::from_utf8_lossy(&text));
            ExitCode::SUCCESS
        }
        Ok((404 | 409, text)) => {
            eprint!("{}", String::from_utf8_lossy(&text));
            ExitCode::from(DENIED)
        }
        Ok((status, text)) => {
            eprintln!("{}: {status} {}", arguments.http, String::from_utf8_lossy(&text));
            ExitCode::from(UNREACHABLE)
        }
        Err(error) => {
            eprintln!("{}: {error}", arguments.http);
            ExitCode::from(UNREACHABLE)
        }
    }
}

fn path(number: &str, action: &Action) -> Option<String> {
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|sign| sign.is_ascii_alphanumeric() || "*_-.".contains(sign));
    let number = number.replace('+', "%2B");
    let reason = match action {
        Action::Pause { reason } => reason.as_deref(),
        _ => None,
    };
    if !is_word(&number.replace("%2B", "")) || !reason.is_none_or(is_word) {
        return None;
    }
    let action = match action {
        Action::Pause { reason: None } => "pause".to_owned(),
        Action::Pause { reason: Some(reason) } => format!("pause?reason={reason}"),
        Action::Resume => "resume".to_owned(),
        Action::Ready => "ready".to_owned(),
        Action::Busy => "busy".to_owned(),
        Action::Free => "free".to_owned(),
        Action::PauseRecording => "recording/pause".to_owned(),
        Action::ResumeRecording => "recording/resume".to_owned(),
        Action::Conference => "conference".to_owned(),
        Action::EndConference => "conference/end".to_owned(),
        Action::CompleteConsult => "consult/complete".to_owned(),
        Action::EndConsult => "consult/end".to_owned(),
        Action::EndWrapUp => "wrap-up/end".to_owned(),
        Action::ExtendWrapUp { seconds } => format!("wrap-up/extend?by={seconds}"),
    };
    Some(format!("/agents/{number}/{action}"))
}
