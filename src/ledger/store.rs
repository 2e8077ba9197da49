//! Interactions into the ledger.

use anyhow::Result;
use centralino::report::record::{Interaction, Moment, Offer, Pause, StepOpened, TalkLeg, Visit, VisitOutcome};
use centralino::time::{Duration, Time};
use rusqlite::{Connection, params};

/// Writes an interaction; false when it is there already. Inside of the caller's transaction.
pub fn insert(connection: &Connection, it: &Interaction) -> Result<bool> {
    let received = it.received.map(Moments::of);
    let (arrived, ended) = (Moments::of(it.arrived), Moments::of(it.ended));
    let detail = if it.visits.is_empty() { it.detail() } else { None };
    let inserted = connection
        .prepare_cached(
            "INSERT INTO interaction (origin, call, service, config, caller_key, caller, reference, filed_utc, arrived_utc, \
             arrived_at, received_utc, received_at, ended_utc, ended_at, ending, detail, visits) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) \
             ON CONFLICT (origin, call) DO NOTHING",
        )?
        .execute(params![
            &*it.origin,
            it.call.map(|call| signed(call.0)),
            it.service.as_deref(),
            &*it.config,
            it.caller.map(|caller| caller.key),
            it.caller.map(|caller| caller.digest),
            it.reference.map(|reference| reference.to_string()),
            it.filed().utc,
            arrived.utc,
            arrived.at,
            received.map(|moment| moment.utc),
            received.map(|moment| moment.at),
            ended.utc,
            ended.at,
            it.ending.label(),
            detail,
            count(it.visits.len()),
        ])?;
    if inserted == 0 {
        return Ok(false);
    }
    let id = connection.last_insert_rowid();
    for (visit, number) in it.visits.iter().zip(0i64..) {
        insert_visit(connection, (id, number), visit)?;
        for (step, place) in visit.steps.iter().zip(0i64..) {
            insert_step(connection, (id, number, place), step)?;
        }
        for (offer, place) in visit.offers.iter().zip(0i64..) {
            insert_offer(connection, (id, number, place), offer)?;
        }
        let parts = visit.talk.iter().flat_map(|talk| talk.parts());
        for (part, place) in parts.zip(0i64..) {
            insert_talk(connection, (id, number, place), &part)?;
        }
    }
    Ok(true)
}

/// Writes down that so many interactions are missing.
pub fn insert_gap(connection: &Connection, utc: i64, lost: u64) -> Result<()> {
    connection.execute("INSERT INTO gap (utc, lost) VALUES (?1, ?2)", params![utc, signed(lost)])?;
    Ok(())
}

fn insert_visit(connection: &Connection, (id, number): (i64, i64), visit: &Visit) -> Result<()> {
    let lengths: Vec<String> = visit.thresholds.iter().map(|it| it.length.as_nanos().to_string()).collect();
    let passed = visit.thresholds.iter().zip(0u32..).filter(|(it, _)| it.passed).map(|(_, bit)| 1i64 << bit.min(62));
    let passed: i64 = passed.fold(0, |all, bit| all | bit);
    let (entered, talk) = (Moments::of(visit.entered), visit.talk.as_ref());
    let detail = match visit.outcome {
        VisitOutcome::FlowedOut(to) => Some(to.label()),
        VisitOutcome::Abandoned { lost: true } => Some(centralino::report::record::LOST),
        VisitOutcome::Answered | VisitOutcome::Abandoned { lost: false } | VisitOutcome::Failed => None,
    };
    connection
        .prepare_cached(
            "INSERT INTO visit (interaction, number, taken_over_by, queue, entered_utc, entered_at, waited, outcome, detail, \
             thresholds, passed, target_percent, steps, offers, offers_left_out, pool, agent, talked, held, \
             consulted, wrap_up, ended_by, talks) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
             ?22, ?23)",
        )?
        .execute(params![
            id,
            number,
            visit.service.as_deref(),
            &*visit.queue,
            entered.utc,
            entered.at,
            nanos(visit.waited),
            visit.outcome.label(),
            detail,
            lengths.join(","),
            passed,
            visit.target_percent,
            count(visit.steps.len()),
            count(visit.offers.len()),
            visit.offers_left_out,
            talk.map(|talk| &*talk.pool),
            talk.and_then(|talk| talk.agent.as_deref()),
            talk.map(|talk| nanos(talk.talked)),
            talk.map(|talk| nanos(talk.held)),
            talk.map(|talk| nanos(talk.consulted)),
            talk.and_then(|talk| talk.wrap_up).map(nanos),
            talk.map(|talk| talk.ended_by.label()),
            talk.map_or(0, |talk| count(talk.legs.len().max(1))),
        ])?;
    Ok(())
}

fn insert_step(connection: &Connection, (id, visit, number): (i64, i64, i64), step: &StepOpened) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO step (interaction, visit, number, at, step, opened_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![id, visit, number, time(step.at), step.step, step.trigger.label()])?;
    Ok(())
}

fn insert_offer(connection: &Connection, (id, visit, number): (i64, i64, i64), offer: &Offer) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO offer (interaction, visit, number, pool, agent, step, made_at, rang, outcome) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id,
            visit,
            number,
            &*offer.pool,
            offer.agent.as_deref(),
            offer.step,
            time(offer.made),
            nanos(offer.rang),
            offer.outcome.label(),
        ])?;
    Ok(())
}

fn insert_talk(connection: &Connection, (id, visit, number): (i64, i64, i64), part: &TalkLeg) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO talk (interaction, visit, number, pool, agent, talked, held, consulted, wrap_up) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id,
            visit,
            number,
            &*part.pool,
            part.agent.as_deref(),
            nanos(part.talked),
            nanos(part.held),
            nanos(part.consulted),
            part.wrap_up.map(nanos),
        ])?;
    Ok(())
}

/// Writes a pause that is over.
pub fn insert_pause(connection: &Connection, pause: &Pause) -> Result<()> {
    let began = Moments::of(pause.began);
    connection
        .prepare_cached(
            "INSERT INTO pause (pool, agent, reason, began_utc, began_at, lasted, limit_reached) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            &*pause.pool,
            pause.agent.as_deref(),
            &*pause.reason,
            began.utc,
            began.at,
            nanos(pause.lasted),
            pause.limit_reached,
        ])?;
    Ok(())
}

/// A moment as two columns.
#[derive(Clone, Copy)]
struct Moments {
    utc: i64,
    at: i64,
}

impl Moments {
    fn of(moment: Moment) -> Moments {
        Moments { utc: moment.utc, at: time(moment.at) }
    }
}

fn time(at: Time) -> i64 {
    signed(at.as_nanos())
}

fn nanos(length: Duration) -> i64 {
    i64::try_from(length.as_nanos()).unwrap_or(i64::MAX)
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// SQLite's integers end at 2^63: 292 years of nanoseconds.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
