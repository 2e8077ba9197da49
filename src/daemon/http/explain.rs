//! `/explain/call/N` and `/explain/agent/NUMBER`: asked of the engine thread, for people on this machine.

use super::Shared;
use crate::daemon::inbox::{Inbox, Message, Question};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use tokio::sync::mpsc;

/// An engine that has not answered by then has other troubles.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) async fn explain(State(shared): State<Shared>, Path((kind, name)): Path<(String, String)>) -> Response {
    let question = match (kind.as_str(), name.parse()) {
        ("call", Ok(call)) => Question::Call(call),
        ("agent", _) => Question::Agent(name.clone()),
        _ => return unknown(&kind, &name),
    };
    let Some(inbox) = shared.state.inbox.as_ref().filter(|_| shared.is_private) else {
        return (StatusCode::FORBIDDEN, "explanations are given on a loopback address only\n").into_response();
    };
    match ask(inbox, question).await {
        Some(Some(text)) => text.into_response(),
        Some(None) => unknown(&kind, &name),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the engine did not answer in time\n").into_response(),
    }
}

/// The engine never waits: an answer that nobody takes is dropped, and a question that finds no room is, too.
async fn ask(inbox: &Inbox, question: Question) -> Option<Option<String>> {
    let (reply, mut answers) = mpsc::channel(1);
    inbox.put(Message::Explain { question, reply });
    tokio::time::timeout(PATIENCE, answers.recv()).await.ok().flatten()
}

fn unknown(kind: &str, name: &str) -> Response {
    (StatusCode::NOT_FOUND, format!("there is no {kind} {name} now\n")).into_response()
}
