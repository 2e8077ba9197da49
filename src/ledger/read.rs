//! Interactions out of the ledger, as they went in.

use super::schema;
use anyhow::{Context, Result};
use centralino::facts::{FlowOut, OfferOutcome, Party, Refusal, StepTrigger};
use centralino::ids::{CallId, Reference};
use centralino::report::record::{
    Ending, Interaction, LOST, Moment, Name, Offer, Pause, Pseudonym, StepOpened, Talk, TalkLeg, ThresholdOfTheDay,
    Visit, VisitOutcome,
};
use centralino::time::{Duration, Time};
use rusqlite::{CachedStatement, Connection, Row, params};
use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::path::Path;

/// A ledger being read. Reading does not hinder the daemon's writing: what is written meanwhile is not seen.
pub struct Reader {
    connection: Connection,
}

impl Reader {
    /// Opens a ledger that must be there.
    pub fn open(path: &Path) -> Result<Reader> {
        Ok(Reader { connection: schema::open_existing(path)? })
    }

    /// Every interaction filed in `period` (nanoseconds since 1970 UTC, the end excluded), in the order of filing,
    /// until `take` breaks off.
    pub fn interactions(&self, period: Range<i64>, mut take: impl FnMut(Interaction) -> ControlFlow<()>) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let mut parts = Parts::prepare(&transaction)?;
        let mut statement = transaction.prepare(&format!(
            "SELECT {INTERACTION} FROM interaction WHERE filed_utc >= ?1 AND filed_utc < ?2 ORDER BY filed_utc, id"
        ))?;
        let mut rows = statement.query(params![period.start, period.end])?;
        while let Some(row) = rows.next()? {
            if take(parts.interaction(row)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Every pause that has a part in `period` (as for interactions), in the order of their beginnings.
    pub fn pauses(&self, period: &Range<i64>, mut take: impl FnMut(Pause)) -> Result<()> {
        let mut statement = self.connection.prepare(
            "SELECT pool, agent, reason, began_utc, began_at, lasted, limit_reached FROM pause \
             WHERE began_utc < ?2 AND began_utc + lasted > ?1 ORDER BY began_utc, id",
        )?;
        let mut rows = statement.query(params![period.start, period.end])?;
        let mut names = Names::default();
        while let Some(row) = rows.next()? {
            take(Pause {
                pool: names.get(row, "pool")?,
                agent: names.find(row, "agent")?,
                reason: names.get(row, "reason")?,
                began: moment(row, "began_utc", "began_at")?,
                lasted: length(row, "lasted")?,
                limit_reached: row.get("limit_reached")?,
            });
        }
        Ok(())
    }

    /// How many interactions could not be written, by what the writer knew in `period`.
    pub fn lost(&self, period: Range<i64>) -> Result<u64> {
        let lost: i64 = self.connection.query_row(
            "SELECT coalesce(sum(lost), 0) FROM gap WHERE utc >= ?1 AND utc < ?2",
            params![period.start, period.end],
            |row| row.get(0),
        )?;
        Ok(unsigned(lost))
    }

    /// Everything filed before this moment may have been deleted on purpose.
    pub fn purged_before(&self) -> Result<Option<i64>> {
        Ok(self.connection.query_row("SELECT max(before_utc) FROM purge", [], |row| row.get(0))?)
    }
}

/// The interaction of a name, if the ledger has it.
pub fn find(connection: &Connection, origin: &str, call: CallId) -> Result<Option<Interaction>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {INTERACTION} FROM interaction WHERE origin = ?1 AND call = ?2"))?;
    let mut rows = statement.query(params![origin, i64::try_from(call.0).unwrap_or(i64::MAX)])?;
    let mut parts = Parts::prepare(connection)?;
    rows.next()?.map(|row| parts.interaction(row)).transpose()
}

const INTERACTION: &str = "id, visits, origin, call, service, config, caller_key, caller, reference, arrived_utc, arrived_at, \
                           received_utc, received_at, ended_utc, ended_at, ending, detail";

/// Reads what belongs to an interaction. Most calls have no steps and few offers, so that a query is made only where
/// there is something.
struct Parts<'c> {
    visits: CachedStatement<'c>,
    steps: CachedStatement<'c>,
    offers: CachedStatement<'c>,
    talks: CachedStatement<'c>,
    names: Names,
}

impl<'c> Parts<'c> {
    fn prepare(connection: &'c Connection) -> Result<Parts<'c>> {
        Ok(Parts {
            visits: connection.prepare_cached(
                "SELECT number, taken_over_by, queue, entered_utc, entered_at, waited, outcome, detail, thresholds, passed, \
                 target_percent, steps, offers, offers_left_out, pool, agent, talked, held, consulted, wrap_up, \
                 ended_by, talks FROM visit WHERE interaction = ?1 ORDER BY number",
            )?,
            steps: connection.prepare_cached(
                "SELECT at, step, opened_by FROM step WHERE interaction = ?1 AND visit = ?2 ORDER BY number",
            )?,
            offers: connection.prepare_cached(
                "SELECT pool, agent, step, made_at, rang, outcome FROM offer \
                 WHERE interaction = ?1 AND visit = ?2 ORDER BY number",
            )?,
            talks: connection.prepare_cached(
                "SELECT pool, agent, talked, held, consulted, wrap_up FROM talk \
                 WHERE interaction = ?1 AND visit = ?2 ORDER BY number",
            )?,
            names: Names::default(),
        })
    }

    fn interaction(&mut self, row: &Row<'_>) -> Result<Interaction> {
        let id: i64 = row.get("id")?;
        let read = |parts: &mut Self| -> Result<Interaction> {
            let call: Option<i64> = row.get("call")?;
            let key: Option<u32> = row.get("caller_key")?;
            let digest: Option<[u8; 16]> = row.get("caller")?;
            let reference: Option<String> = row.get("reference")?;
            let received: Option<i64> = row.get("received_utc")?;
            let detail: Option<String> = row.get("detail")?;
            let ending: String = row.get("ending")?;
            let mut interaction = Interaction {
                origin: parts.names.get(row, "origin")?,
                call: call.map(|call| CallId(unsigned(call))),
                service: parts.names.find(row, "service")?,
                caller: key.zip(digest).map(|(key, digest)| Pseudonym { key, digest }),
                reference: reference.as_deref().and_then(Reference::of),
                config: parts.names.get(row, "config")?,
                arrived: moment(row, "arrived_utc", "arrived_at")?,
                received: received.map(|_| moment(row, "received_utc", "received_at")).transpose()?,
                ended: moment(row, "ended_utc", "ended_at")?,
                ending: read_ending(&ending, detail.as_deref())?,
                visits: Vec::new(),
            };
            if row.get::<_, i64>("visits")? > 0 {
                interaction.visits = parts.visits(id)?;
            }
            Ok(interaction)
        };
        read(self).with_context(|| format!("the ledger is damaged at interaction {id}"))
    }

    fn visits(&mut self, id: i64) -> Result<Vec<Visit>> {
        let Parts { visits, steps, offers, talks, names } = self;
        let mut rows = visits.query(params![id])?;
        let mut list = Vec::with_capacity(1);
        while let Some(row) = rows.next()? {
            let place: i64 = row.get("number")?;
            let mut visit = read_visit(row, names)?;
            if row.get::<_, i64>("steps")? > 0 {
                visit.steps = read_steps(steps, id, place)?;
            }
            if row.get::<_, i64>("offers")? > 0 {
                visit.offers = read_offers(offers, id, place, names)?;
            }
            // One agent's part alone is the talk itself.
            if let Some(talk) = visit.talk.as_mut().filter(|_| row.get::<_, i64>("talks").is_ok_and(|talks| talks > 1))
            {
                talk.legs = read_legs(talks, id, place, names)?;
            }
            list.push(visit);
        }
        Ok(list)
    }
}

fn read_visit(row: &Row<'_>, names: &mut Names) -> Result<Visit> {
    let lengths: String = row.get("thresholds")?;
    let passed: i64 = row.get("passed")?;
    let threshold = |(text, bit): (&str, u32)| -> Result<ThresholdOfTheDay> {
        let length = Duration::from_nanos(text.parse()?);
        Ok(ThresholdOfTheDay { length, passed: passed >> bit.min(62) & 1 == 1 })
    };
    let lengths = lengths.split(',').filter(|text| !text.is_empty()).zip(0u32..);
    let outcome: String = row.get("outcome")?;
    let detail: Option<String> = row.get("detail")?;
    let pool = names.find(row, "pool")?;
    let talk = pool.map(|pool| read_talk(row, pool, names)).transpose()?;
    Ok(Visit {
        service: names.find(row, "taken_over_by")?,
        queue: names.get(row, "queue")?,
        entered: moment(row, "entered_utc", "entered_at")?,
        waited: length(row, "waited")?,
        outcome: read_outcome(&outcome, detail.as_deref())?,
        thresholds: lengths.map(threshold).collect::<Result<_>>()?,
        target_percent: row.get("target_percent")?,
        steps: Vec::new(),
        offers: Vec::new(),
        offers_left_out: row.get("offers_left_out")?,
        talk,
    })
}

fn read_talk(row: &Row<'_>, pool: Name, names: &mut Names) -> Result<Talk> {
    let wrap_up: Option<i64> = row.get("wrap_up")?;
    let ended_by: String = row.get("ended_by")?;
    Ok(Talk {
        pool,
        agent: names.find(row, "agent")?,
        talked: length(row, "talked")?,
        held: length(row, "held")?,
        consulted: length(row, "consulted")?,
        wrap_up: wrap_up.map(|nanos| Duration::from_nanos(unsigned(nanos))),
        ended_by: word(Party::ALL, Party::label, &ended_by)?,
        legs: Vec::new(),
    })
}

fn read_legs(statement: &mut CachedStatement<'_>, id: i64, visit: i64, names: &mut Names) -> Result<Vec<TalkLeg>> {
    let mut rows = statement.query(params![id, visit])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        let wrap_up: Option<i64> = row.get("wrap_up")?;
        list.push(TalkLeg {
            pool: names.get(row, "pool")?,
            agent: names.find(row, "agent")?,
            talked: length(row, "talked")?,
            held: length(row, "held")?,
            consulted: length(row, "consulted")?,
            wrap_up: wrap_up.map(|nanos| Duration::from_nanos(unsigned(nanos))),
        });
    }
    Ok(list)
}

fn read_steps(statement: &mut CachedStatement<'_>, id: i64, visit: i64) -> Result<Vec<StepOpened>> {
    let mut rows = statement.query(params![id, visit])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        let opened_by: String = row.get("opened_by")?;
        let trigger = word(StepTrigger::ALL, StepTrigger::label, &opened_by)?;
        list.push(StepOpened { at: time(row, "at")?, step: row.get("step")?, trigger });
    }
    Ok(list)
}

fn read_offers(statement: &mut CachedStatement<'_>, id: i64, visit: i64, names: &mut Names) -> Result<Vec<Offer>> {
    let mut rows = statement.query(params![id, visit])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        let outcome: String = row.get("outcome")?;
        list.push(Offer {
            pool: names.get(row, "pool")?,
            agent: names.find(row, "agent")?,
            step: row.get("step")?,
            made: time(row, "made_at")?,
            rang: length(row, "rang")?,
            outcome: word(OfferOutcome::ALL, OfferOutcome::label, &outcome)?,
        });
    }
    Ok(list)
}

fn read_ending(ending: &str, detail: Option<&str>) -> Result<Ending> {
    Ok(match ending {
        "refused" => Ending::Refused(word(Refusal::ALL, Refusal::label, detail.unwrap_or_default())?),
        "left_in_greeting" => Ending::LeftInGreeting { lost: detail == Some(LOST) },
        "ended_in_menu" => Ending::EndedInMenu,
        "failed_in_greeting" => Ending::FailedInGreeting,
        "entered" => Ending::Entered,
        other => anyhow::bail!("no call ends as `{other}`"),
    })
}

fn read_outcome(outcome: &str, detail: Option<&str>) -> Result<VisitOutcome> {
    Ok(match outcome {
        "answered" => VisitOutcome::Answered,
        "abandoned" => VisitOutcome::Abandoned { lost: detail == Some(LOST) },
        "flowed_out" => VisitOutcome::FlowedOut(word(FlowOut::ALL, FlowOut::label, detail.unwrap_or_default())?),
        "failed" => VisitOutcome::Failed,
        other => anyhow::bail!("no visit ends as `{other}`"),
    })
}

/// The member of a closed set that a word means.
fn word<T: Copy>(all: &[T], label: impl Fn(T) -> &'static str, written: &str) -> Result<T> {
    all.iter().copied().find(|it| label(*it) == written).with_context(|| format!("`{written}` is no word of ours"))
}

fn moment(row: &Row<'_>, utc: &str, at: &str) -> Result<Moment> {
    Ok(Moment { utc: row.get(utc)?, at: time(row, at)? })
}

fn time(row: &Row<'_>, column: &str) -> Result<Time> {
    Ok(Time::from_nanos(unsigned(row.get(column)?)))
}

fn length(row: &Row<'_>, column: &str) -> Result<Duration> {
    Ok(Duration::from_nanos(unsigned(row.get(column)?)))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Each name once in memory, however many rows carry it.
#[derive(Default)]
struct Names(BTreeSet<Name>);

impl Names {
    fn get(&mut self, row: &Row<'_>, column: &str) -> Result<Name> {
        Ok(self.share(row.get_ref(column)?.as_str()?))
    }

    fn find(&mut self, row: &Row<'_>, column: &str) -> Result<Option<Name>> {
        Ok(row.get_ref(column)?.as_str_or_null()?.map(|name| self.share(name)))
    }

    fn share(&mut self, name: &str) -> Name {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let shared: Name = name.into();
        self.0.insert(shared.clone());
        shared
    }
}
