//! Files for other programs, appended to: JSON lines and CSV, an interaction a line.
//!
//! Numbers that matter are exact: whole nanoseconds in JSON, seconds with all their decimals in CSV. Callers appear
//! under their pseudonyms or not at all.

use centralino::report::record::{Interaction, Pseudonym, TalkLeg, Visit};
use centralino::time::Duration;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file that grows, and that may be moved away under our hands: the next line then begins a new one (logrotate
/// without `copytruncate`).
pub struct Appender {
    path: PathBuf,
    file: Option<File>,
    header: &'static str,
    /// The last line may have been cut short.
    broken: bool,
}

impl Appender {
    /// Appends to the file at `path`; a new one begins with `header`.
    pub fn new(path: &Path, header: &'static str) -> Appender {
        Appender { path: path.to_path_buf(), file: None, header, broken: false }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file, so that what is wrong with its place is known at the start.
    pub fn open(&mut self) -> io::Result<()> {
        let moved = match (&self.file, std::fs::metadata(&self.path)) {
            (Some(file), Ok(there)) => {
                let ours = file.metadata()?;
                (ours.dev(), ours.ino()) != (there.dev(), there.ino())
            }
            _ => true,
        };
        if moved {
            let mut file = OpenOptions::new().append(true).create(true).mode(0o640).open(&self.path)?;
            if file.metadata()?.len() == 0 {
                file.write_all(self.header.as_bytes())?;
            }
            self.file = Some(file);
            self.broken = false;
        }
        Ok(())
    }

    /// Writes whole lines.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        self.open()?;
        let Some(file) = &mut self.file else { return Ok(()) };
        let before: &[u8] = if self.broken { b"\n" } else { b"" };
        let written = file.write_all(before).and_then(|()| file.write_all(lines));
        self.broken = written.is_err();
        written
    }
}

/// The first line of a CSV file; it names the columns of [`csv_row`].
pub const CSV_HEADER: &str = "origin,call,service,caller,arrived,received,entered,ended,queue,waited_seconds,outcome,\
                              detail,pool,agent,talked_seconds,held_seconds,consulted_seconds,wrap_up_seconds,ended_by,\
                              offers,config,reference\n";

/// One line of CSV (RFC 4180 with plain line feeds): the interaction with its last visit.
pub fn csv_row(it: &Interaction, zone: &TimeZone, out: &mut Vec<u8>) {
    let visit = it.visits.last();
    let talk = visit.and_then(|visit| visit.talk.as_ref());
    let optional = |length: Option<Duration>| length.map(seconds).unwrap_or_default();
    let text = |name: Option<&str>| name.unwrap_or_default().to_string();
    let offers = visit.map(|visit| visit.offers.len() as u64 + u64::from(visit.offers_left_out));
    let fields = [
        it.origin.to_string(),
        it.call.map(|call| call.0.to_string()).unwrap_or_default(),
        text(it.service.as_deref()),
        it.caller.map(show_pseudonym).unwrap_or_default(),
        civil(it.arrived.utc, zone),
        it.received.map(|moment| civil(moment.utc, zone)).unwrap_or_default(),
        visit.map(|visit| civil(visit.entered.utc, zone)).unwrap_or_default(),
        civil(it.ended.utc, zone),
        text(visit.map(|visit| &*visit.queue)),
        optional(visit.map(|visit| visit.waited)),
        it.outcome().to_string(),
        text(it.detail()),
        text(talk.map(|talk| &*talk.pool)),
        text(talk.and_then(|talk| talk.agent.as_deref())),
        optional(talk.map(|talk| talk.talked)),
        optional(talk.map(|talk| talk.held)),
        optional(talk.map(|talk| talk.consulted)),
        optional(talk.and_then(|talk| talk.wrap_up)),
        text(talk.map(|talk| talk.ended_by.label())),
        offers.map(|offers| offers.to_string()).unwrap_or_default(),
        it.config.to_string(),
        it.reference.map(|reference| reference.to_string()).unwrap_or_default(),
    ];
    let mut writer = csv::Writer::from_writer(&mut *out);
    // Writing to memory does not fail.
    let _ = writer.write_record(fields).and_then(|()| Ok(writer.flush()?));
}

/// One line of JSON: everything that the ledger has.
pub fn json_line(it: &Interaction, zone: &TimeZone, out: &mut Vec<u8>) {
    let line = json!({
        "origin": &*it.origin,
        "call": it.call.map(|call| call.0),
        "service": it.service.as_deref(),
        "caller": it.caller.map(show_pseudonym),
        "config": &*it.config,
        "reference": it.reference.map(|reference| reference.to_string()),
        "arrived": civil(it.arrived.utc, zone),
        "received": it.received.map(|moment| civil(moment.utc, zone)),
        "ended": civil(it.ended.utc, zone),
        "outcome": it.outcome(),
        "detail": it.detail(),
        "visits": it.visits.iter().map(|visit| json_visit(visit, zone)).collect::<Vec<_>>(),
    });
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(b'\n');
}

fn json_visit(visit: &Visit, zone: &TimeZone) -> Value {
    let thresholds = visit.thresholds.iter().map(|it| json!({ "ns": nanos(it.length), "passed": it.passed }));
    let offers = visit.offers.iter().map(|offer| {
        json!({
            "pool": &*offer.pool,
            "agent": offer.agent.as_deref(),
            "step": offer.step,
            "rang_ns": nanos(offer.rang),
            "outcome": offer.outcome.label(),
        })
    });
    let steps = visit.steps.iter().map(|opened| {
        let after = opened.at.since(visit.entered.at);
        json!({ "step": opened.step, "after_ns": nanos(after), "opened_by": opened.trigger.label() })
    });
    json!({
        "queue": &*visit.queue,
        "entered": civil(visit.entered.utc, zone),
        "waited_ns": nanos(visit.waited),
        "outcome": visit.outcome.label(),
        "thresholds": thresholds.collect::<Vec<_>>(),
        "target_percent": visit.target_percent,
        "steps": steps.collect::<Vec<_>>(),
        "offers": offers.collect::<Vec<_>>(),
        "offers_left_out": visit.offers_left_out,
        "talk": visit.talk.as_ref().map(|talk| json!({
            "pool": &*talk.pool,
            "agent": talk.agent.as_deref(),
            "talked_ns": nanos(talk.talked),
            "held_ns": nanos(talk.held),
            "consulted_ns": nanos(talk.consulted),
            "wrap_up_ns": talk.wrap_up.map(nanos),
            "ended_by": talk.ended_by.label(),
            "legs": talk.parts().iter().map(leg_json).collect::<Vec<_>>(),
        })),
    })
}

/// One agent's part of a talk.
fn leg_json(leg: &TalkLeg) -> Value {
    json!({
        "pool": &*leg.pool,
        "agent": leg.agent.as_deref(),
        "talked_ns": nanos(leg.talked),
        "held_ns": nanos(leg.held),
        "consulted_ns": nanos(leg.consulted),
        "wrap_up_ns": leg.wrap_up.map(nanos),
    })
}

fn show_pseudonym(caller: Pseudonym) -> String {
    let digest: String = caller.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}.{digest}", caller.key)
}

/// Civil time with its offset, to the millisecond.
fn civil(utc: i64, zone: &TimeZone) -> String {
    let moment = Timestamp::from_nanosecond(i128::from(utc)).unwrap_or_default();
    moment.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// Seconds, exactly: as many decimals as there are.
fn seconds(length: Duration) -> String {
    match length.subsec_nanos() {
        0 => length.as_secs().to_string(),
        nanos => format!("{}.{nanos:09}", length.as_secs()).trim_end_matches('0').to_string(),
    }
}

fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        for (nanos, shown) in [(0, "0"), (1, "0.000000001"), (30_000_000_000, "30"), (12_340_000_000, "12.34")] {
            assert_eq!(seconds(Duration::from_nanos(nanos)), shown);
        }
    }

    #[test]
    fn civil_time_follows_daylight_saving() {
        let rome = TimeZone::get("Europe/Rome").expect("a zone");
        assert_eq!(civil(0, &rome), "1970-01-01T01:00:00.000+01:00");
        assert_eq!(civil(1_782_907_200_123_456_789, &rome), "2026-07-01T14:00:00.123+02:00");
    }
}
