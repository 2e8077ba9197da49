//! `/trace/CALL`: the ladder of a call that is live or was of late, or with `?as=pcap` its messages as a capture file.
//! For people on this machine; names and numbers of people, and what callers typed, are shown with `people=yes` only.

use super::Shared;
use crate::daemon::trace::{capture, ladder};
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The facts thread may be busy with a batch.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn trace(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    RawQuery(wishes): RawQuery,
) -> Response {
    let Some(asker) = shared.state.trace.as_ref().filter(|_| shared.is_private) else {
        return (StatusCode::FORBIDDEN, "traces are given on a loopback address only\n").into_response();
    };
    let trace = match tokio::time::timeout(PATIENCE, asker.ask(&name)).await {
        Ok(Some(trace)) => trace,
        Ok(None) => return (StatusCode::NOT_FOUND, format!("nothing is kept of call {name}\n")).into_response(),
        Err(_) => return (StatusCode::SERVICE_UNAVAILABLE, "no answer in time\n").into_response(),
    };
    let age = SignedDuration::from_nanos(i64::try_from((shared.state.clock)().as_nanos()).unwrap_or(i64::MAX));
    let epoch = Timestamp::now().saturating_sub(age).unwrap_or(Timestamp::UNIX_EPOCH);
    let wishes_for = |wish| wishes.as_deref().unwrap_or_default().split('&').any(|each| each == wish);
    if wishes_for("as=pcap") {
        let nanos = u128::try_from(epoch.as_nanosecond()).unwrap_or(0);
        let bytes = capture(&trace, nanos, wishes_for("people=yes"));
        return ([(header::CONTENT_TYPE, "application/vnd.tcpdump.pcap")], bytes).into_response();
    }
    let wall_time = |at: centralino::time::Time| {
        let since = SignedDuration::from_nanos(i64::try_from(at.as_nanos()).unwrap_or(i64::MAX));
        let moment = epoch.saturating_add(since).unwrap_or(epoch);
        let text = format!("{moment:.3}");
        text.get(11..23).unwrap_or(&text).to_owned()
    };
    ladder(&trace, wall_time, wishes_for("people=yes")).into_response()
}
