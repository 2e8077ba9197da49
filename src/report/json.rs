//! A report for other programs. The fields do not depend on the language; what is undefined is `null`.
//!
//! ```text
//! { "format": 1, "period": { "from", "to", "time_zone", "month" }, "made", "service",
//!   "contract": { "thresholds_seconds": [..], "target_percent", "advanced_percent", "met", "advanced_met",
//!                 "late": { "most", "fewer" } },
//!   "total": ROW, "services": [{ "name", ..ROW }], "months": [{ "month", ..ROW }], "days": [{ "day", ..ROW }],
//!   "half_hours": [{ "from", ..ROW }], "intervals": [{ "from", ..ROW }],
//!   "pools": [{ "name", "offers", "no_answer", "answered", "in_time", "waited_ns", "talks", "talked_ns",
//!              "handled_ns", "wrapped_up_ns" }],
//!   "pauses": [{ "pool", "reason", "pauses", "lasted_ns" }],
//!   "percentiles": { "wait_answered" | "wait_abandoned" | "talk" | "wrap_up": { "p50_ns", .., "p99_ns", "most_ns" } },
//!   "formulas": { NAME: PERCENT }, "profiles": [..], "notes": [{ "note": NAME, .. }] }
//!
//! ROW = { counts, "waited_answered_ns", "waited_abandoned_ns", "talked_ns", "held_ns", "consulted_ns", "wrapped_up_ns",
//!         "longest_wait_ns", "asa_seconds", "aht_seconds", "abandonment_percent", "abandonment_with_greeting_percent", "contract": LEVEL,
//!         "thresholds": { SECONDS: LEVEL }, "recomputed": { SECONDS: LEVEL } }
//! LEVEL = { "hit", "miss", "excused", "pending", "answered_in_time", "answered_late", "abandoned_short",
//!           "abandoned_late", "other_short", "other_late", "denominator", "service_level_percent" }
//! ```
//! `to` is the moment after the last; a threshold is named by its seconds. Counts and nanoseconds are integers; percent
//! and seconds are texts with four decimals, rounded once from integers.

use super::model::{Distance, Level, Mean, Note, Percentiles, PoolRow, Report, Row, Terms};
use super::profile::{Indicators, Judged};
use crate::stats::ratio::Ratio;
use crate::stats::service_level::Formula;
use crate::time::Duration;
use serde_json::{Map, Value, json};

/// Grows when a field changes its meaning or goes.
const FORMAT: u32 = 1;

/// Writes the report.
pub(super) fn render(report: &Report) -> String {
    let question = &report.question;
    let period = &question.period;
    let rows = |name: &str, label: String, row: &Row| {
        let mut map = row_of(report, row);
        map.insert(name.to_owned(), label.into());
        Value::Object(map)
    };
    let minute = |at: &jiff::Zoned| at.strftime("%Y-%m-%dT%H:%M%:z").to_string();
    let value = json!({
        "format": FORMAT,
        "period": {
            "from": minute(period.start()),
            "to": minute(period.end()),
            "time_zone": period.zone_name(),
            "month": period.is_month().then(|| period.start().strftime("%Y-%m").to_string()),
        },
        "made": minute(&report.made),
        "service": question.service,
        "contract": contract(report),
        "total": row_of(report, &report.total),
        "services": report.services.iter().map(|(name, row)| rows("name", name.to_string(), row)).collect::<Vec<_>>(),
        "months": report.months.iter()
            .map(|(month, row)| rows("month", month.strftime("%Y-%m").to_string(), row)).collect::<Vec<_>>(),
        "days": report.days.iter().map(|(day, row)| rows("day", day.to_string(), row)).collect::<Vec<_>>(),
        "half_hours": report.half_hours.iter()
            .map(|(half, row)| rows("from", format!("{:02}:{:02}", half / 2, half % 2 * 30), row)).collect::<Vec<_>>(),
        "intervals": report.intervals.iter().map(|(begin, row)| rows("from", minute(begin), row)).collect::<Vec<_>>(),
        "pools": report.pools.iter().map(|(name, row)| pool(name, row)).collect::<Vec<_>>(),
        "pauses": report.pauses.iter()
            .map(|(pool, reason, it)| {
                json!({ "pool": &**pool, "reason": &**reason, "pauses": it.pauses, "lasted_ns": nanos(it.lasted) })
            })
            .collect::<Vec<_>>(),
        "percentiles": {
            "wait_answered": percentiles(&report.lengths.answered),
            "wait_abandoned": percentiles(&report.lengths.abandoned),
            "talk": percentiles(&report.lengths.talk),
            "wrap_up": percentiles(&report.lengths.wrap_up),
        },
        "formulas": question.formulas.then(|| formulas(report)),
        "profiles": report.profiles.iter().map(profile).collect::<Vec<_>>(),
        "notes": report.notes.iter().map(note).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn contract(report: &Report) -> Value {
    let events = report.total.contract.events;
    let distance = report.target_percent.and_then(|target| Distance::of(events, target));
    json!({
        "thresholds_seconds": report.contract.iter().map(|length| seconds_key(*length)).collect::<Vec<_>>(),
        "target_percent": report.target_percent,
        "advanced_percent": report.question.advanced_percent,
        "met": report.target_percent.and_then(|target| events.met(target)),
        "advanced_met": events.met(report.question.advanced_percent),
        "late": distance.map(|it| json!({ "most": it.most_late, "fewer": it.fewer })),
    })
}

fn row_of(report: &Report, row: &Row) -> Map<String, Value> {
    let figures = &row.figures;
    let levels = |lengths: &[Duration], levels: &[Level]| {
        let pairs = lengths.iter().zip(levels).map(|(length, it)| (seconds_key(*length), level(it)));
        Value::Object(pairs.collect())
    };
    let value = json!({
        "received": figures.received,
        "left_in_greeting": figures.left_in_greeting,
        "ended_in_menu": figures.ended_in_menu,
        "failed_in_greeting": figures.failed_in_greeting,
        "refused": figures.refused,
        "entered": figures.entered,
        "answered": figures.answered,
        "abandoned": figures.abandoned,
        "flowed_out": figures.flowed_out,
        "failed": figures.failed,
        "waited_answered_ns": nanos(figures.waited_answered),
        "waited_abandoned_ns": nanos(figures.waited_abandoned),
        "talked_ns": nanos(figures.talked),
        "held_ns": nanos(figures.held),
        "consulted_ns": nanos(figures.consulted),
        "wrapped_up_ns": nanos(figures.wrapped_up),
        "longest_wait_ns": nanos(row.longest),
        "asa_seconds": mean(row.speed_of_answer()),
        "aht_seconds": mean(row.handling_time()),
        "abandonment_percent": percent(row.abandonment()),
        "abandonment_with_greeting_percent": percent(row.abandonment_with_greeting()),
        "contract": level(&row.contract),
        "thresholds": levels(&report.official, &row.official),
        "recomputed": levels(&report.question.thresholds, &row.asked),
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn level(it: &Level) -> Value {
    let four = it.four_counts();
    json!({
        "hit": it.events.hit,
        "miss": it.events.miss,
        "excused": it.events.excused,
        "pending": it.events.pending,
        "answered_in_time": four.answered_in_time,
        "answered_late": four.answered_late,
        "abandoned_short": four.abandoned_short,
        "abandoned_late": four.abandoned_late,
        "other_short": four.other_short,
        "other_late": four.other_late,
        "denominator": it.denominator(),
        "service_level_percent": percent(it.events.service_level()),
    })
}

fn pool(name: &str, row: &PoolRow) -> Value {
    json!({
        "name": name,
        "offers": row.offers,
        "no_answer": row.no_answer,
        "answered": row.answered,
        "in_time": row.in_time,
        "waited_ns": nanos(row.waited),
        "talks": row.talks,
        "talked_ns": nanos(row.talked),
        "handled_ns": nanos(row.handled),
        "wrapped_up_ns": nanos(row.wrapped_up),
    })
}

fn percentiles(it: &Percentiles) -> Value {
    let mut map: Map<String, Value> = Percentiles::OF
        .iter()
        .zip(it.values)
        .map(|(percent, length)| (format!("p{percent}_ns"), length.map_or(Value::Null, nanos)))
        .collect();
    map.insert("most_ns".to_owned(), it.most.map_or(Value::Null, nanos));
    Value::Object(map)
}

fn formulas(report: &Report) -> Value {
    let level = &report.total.contract;
    let value = |formula: &Formula| match formula {
        Formula::Contract => percent(level.events.service_level()),
        other => percent(other.of(level.counts)),
    };
    Value::Object(Formula::ALL.iter().map(|formula| (formula.label().to_owned(), value(formula))).collect())
}

fn profile(judged: &Judged) -> Value {
    let indicators = |it: &Indicators| {
        json!({
            "mean_seconds": mean(it.mean),
            "mean_kept": it.mean_kept(),
            "share_percent": percent(it.share),
            "share_kept": it.share_kept(),
        })
    };
    let months = judged.months.iter().map(|(month, it)| (month.strftime("%Y-%m").to_string(), indicators(it)));
    let profile = judged.whole.profile;
    json!({
        "name": profile.label(),
        "longest_mean_seconds": profile.longest_mean().as_secs(),
        "least_percent": profile.least_percent(),
        "whole": indicators(&judged.whole),
        "months": Value::Object(months.collect()),
        "months_kept": judged.months_kept(),
    })
}

fn note(note: &Note) -> Value {
    let terms = |it: &Terms| {
        let lengths: Vec<String> = it.thresholds.iter().map(|length| seconds_key(*length)).collect();
        json!({ "thresholds_seconds": lengths, "target_percent": it.target_percent })
    };
    match note {
        Note::NotOver => json!({ "note": "not_over" }),
        Note::WaitingAtClosing(calls) => json!({ "note": "waiting_at_closing", "calls": calls }),
        Note::Failed(calls) => json!({ "note": "failed", "calls": calls }),
        Note::TermsChanged { queue, since, before, after } => json!({
            "note": "terms_changed",
            "queue": &**queue,
            "since": since.timestamp().to_string(),
            "before": terms(before),
            "after": terms(after),
        }),
        Note::SeveralTerms => json!({ "note": "several_terms" }),
        Note::Lost(calls) => json!({ "note": "lost", "calls": calls }),
        Note::Purged(before) => json!({ "note": "purged", "before": before.timestamp().to_string() }),
        Note::NoCalls => json!({ "note": "no_calls" }),
    }
}

fn percent(ratio: Option<Ratio>) -> Value {
    ratio.map_or(Value::Null, |ratio| ratio.percent().to_string().into())
}

fn mean(mean: Mean) -> Value {
    mean.seconds().map_or(Value::Null, |seconds| seconds.decimal().to_string().into())
}

fn nanos(length: Duration) -> Value {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX).into()
}

/// A threshold in seconds, as the name of a field.
fn seconds_key(length: Duration) -> String {
    format!("{}", length.as_secs_f64())
}
