//! `/stats`: the page of `stats::supervision` as JSON.

use super::bounded::Held;
use super::{Shared, Shown, busy, copy, unreadable};
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use centralino::stats::supervision::{Civil, Copies};
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(super) async fn stats(State(shared): State<Shared>, ConnectInfo(held): ConnectInfo<Held>) -> Response {
    if !shared.admit(&held) {
        return busy();
    }
    let shown = shared.shown();
    let Shown { reader, exposition, live } = &*shown;
    // In this order, so that no window begins after it ends: see `stats::live`.
    let Some(live_copy) = copy(&live.reader).await else { return unreadable() };
    let Some(tally_copy) = copy(reader).await else { return unreadable() };
    let copies = Copies {
        layout: exposition.layout(),
        tally: &tally_copy,
        live_layout: &live.layout,
        live: &live_copy,
        now: (shared.state.clock)(),
    };
    match serde_json::to_string(&copies.page(civil(&live.zone))) {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

fn civil(zone: &TimeZone) -> Civil {
    let now = Timestamp::now();
    Civil {
        time: format!("{:.3}", now.display_with_offset(zone.to_offset(now))),
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
    }
}
