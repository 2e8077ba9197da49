//! `POST /agents/{number}/{action}`: agents' status, changed by people. Only with `http.control_token_file` configured,
//! and only for those who send its token; a body is not read, and nothing changes by GET.
//!
//! | action | meaning |
//! |---|---|
//! | `pause?reason=R` | no calls; R is one of `[pause.R]`, without it `unspecified` |
//! | `resume` | calls again |
//! | `ready` | calls again at once: no pause, no other media, the work after the last call over |
//! | `busy`, `free` | at work on other media, and no longer |
//! | `recording/pause`, `recording/resume` | what is said now is left out of the recording, and no longer |
//! | `conference`, `conference/end` | caller and asked colleague hear each other, and no longer |
//! | `consult/complete`, `consult/end` | the asked colleague gets the caller, or is hung up |
//! | `wrap-up/end` | the work after the last call is over |
//! | `wrap-up/extend?by=60` | it takes so many seconds longer |
//!
//! 200 with the agent as explained, 401 without the token, 404 for an unknown agent or action, 409 with the reason when
//! it cannot be.

use super::Shared;
use crate::daemon::inbox::{Answer, Inbox, Message, Wish};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use centralino::acd::{AgentRequest, Consultation};
use centralino::sip::Secret;
use centralino::time;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::sync::mpsc;

/// An engine that has not answered by then has other troubles.
const PATIENCE: Duration = Duration::from_secs(1);
/// An extension is at most this long; the configuration may allow less.
const MOST_SECONDS: u64 = 86_400;

pub(super) async fn ask(
    State(shared): State<Shared>,
    Path((number, action)): Path<(String, String)>,
    RawQuery(words): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (Some(token), Some(inbox)) = (&shared.state.control_token, &shared.state.inbox) else {
        return (StatusCode::NOT_FOUND, "http.control_token_file is not configured\n").into_response();
    };
    if !presents(&headers, token) {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge, "the token is missing or wrong\n").into_response();
    }
    let Some(wish) = wish(&action, &words.unwrap_or_default()) else {
        return (StatusCode::NOT_FOUND, format!("there is no `{action}`\n")).into_response();
    };
    match put(inbox, number.clone(), wish).await {
        Some(Answer::Done(text)) => text.into_response(),
        Some(Answer::Denied(why)) => (StatusCode::CONFLICT, format!("{}\n", why.label())).into_response(),
        Some(Answer::NoSuchAgent) => (StatusCode::NOT_FOUND, format!("there is no agent {number}\n")).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the engine did not answer in time\n").into_response(),
    }
}

/// The engine never waits, see `explain`.
async fn put(inbox: &Inbox, number: String, wish: Wish) -> Option<Answer> {
    let (reply, mut answers) = mpsc::channel(1);
    inbox.put(Message::Ask { number, wish, reply });
    tokio::time::timeout(PATIENCE, answers.recv()).await.ok().flatten()
}

/// Reasons are names of the configuration: none of them needs an escape in a URL.
fn wish(action: &str, words: &str) -> Option<Wish> {
    let word = |key| words.split('&').find_map(|pair| pair.split_once('=').filter(|(known, _)| *known == key));
    Some(Wish::Request(match action {
        "pause" => return Some(Wish::Pause(word("reason").map(|(_, reason)| reason.to_owned()))),
        "resume" => AgentRequest::Resume,
        "ready" => AgentRequest::Ready,
        "busy" => AgentRequest::OtherMedia(true),
        "free" => AgentRequest::OtherMedia(false),
        "recording/pause" => AgentRequest::PauseRecording(true),
        "recording/resume" => AgentRequest::PauseRecording(false),
        "conference" => AgentRequest::Consultation(Consultation::Confer),
        "conference/end" => AgentRequest::Consultation(Consultation::Separate),
        "consult/complete" => AgentRequest::Consultation(Consultation::Complete),
        "consult/end" => AgentRequest::Consultation(Consultation::Return),
        "wrap-up/end" => AgentRequest::EndWrapUp,
        "wrap-up/extend" => {
            let seconds = word("by")?.1.parse().ok().filter(|seconds| (1..=MOST_SECONDS).contains(seconds))?;
            AgentRequest::ExtendWrapUp(time::Duration::from_secs(seconds))
        }
        _ => return None,
    }))
}

/// RFC 6750 2.1. Digests are compared to their end, so that the time taken says nothing about where they differ.
fn presents(headers: &HeaderMap, token: &Secret) -> bool {
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    let Some(given) = given.and_then(|value| value.strip_prefix(b"Bearer ")) else { return false };
    let (given, wanted) = (Sha256::digest(given), Sha256::digest(token.0.as_bytes()));
    given.iter().zip(wanted.iter()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        let token = Secret("0123456789abcdef".into());
        let headers = |value: &str| HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        assert!(presents(&headers("Bearer 0123456789abcdef"), &token));
        for wrong in ["Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Bearer ", "Basic 0123456789abcdef", "x"] {
            assert!(!presents(&headers(wrong), &token), "{wrong}");
        }
        assert!(!presents(&HeaderMap::new(), &token));
    }

    #[test]
    fn actions_are_a_closed_list() {
        assert_eq!(wish("pause", ""), Some(Wish::Pause(None)));
        assert_eq!(wish("pause", "reason=lunch"), Some(Wish::Pause(Some("lunch".into()))));
        let minute = AgentRequest::ExtendWrapUp(time::Duration::from_secs(60));
        assert_eq!(wish("wrap-up/extend", "by=60"), Some(Wish::Request(minute)));
        for (action, by) in
            [("wrap-up/extend", "by=0"), ("wrap-up/extend", "by=-1"), ("wrap-up/extend", "by=99999999"), ("", "by=1")]
        {
            assert_eq!(wish(action, by), None, "{action} {by}");
        }
    }
}
