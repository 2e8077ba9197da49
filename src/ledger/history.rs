//! Call history of another system, as CSV: each row told as the facts of a call, taken up by the same assembler and
//! counted by the same tally as live calls. History is counted, not routed again.
//!
//! Columns go by the names in the header: `seq` (names the row within its day), `date`, `arrival_s` and
//! `queue_entry_s` (civil seconds since midnight of that day; the second is authoritative, and both may pass midnight),
//! `wait_s`, `outcome`, `service_s`; `ivr_s`, when there is one, is how long before its entry a call arrived; `type`,
//! when there is one, becomes the service. What else there is is not read: agents are known by one pool.

use super::schema;
use super::{read, store};
use anyhow::{Context, Result, bail};
use centralino::facts::{Fact, Party, Record};
use centralino::ids::{AgentId, CallId, PoolId, QueueId, ServiceId};
use centralino::report::assemble::{Assembler, Run};
use centralino::report::record::{Interaction, Moment};
use centralino::report::{Fold, Under, replay};
use centralino::stats::{PoolShape, QueueShape, ServiceShape, Shape};
use centralino::time::{Duration, Time};
use csv::{Reader, StringRecord};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Another system's calls, and how they are to be read.
pub struct History {
    /// The CSV file.
    pub file: PathBuf,
    /// Names the other system in the ledger; rows of one source, day and number are one call.
    pub source: String,
    /// The queue that all waited in, the pool that all talked to, and the service of rows without a type.
    pub name: String,
    /// What civil seconds are meant in.
    pub zone: TimeZone,
    /// The service level's thresholds, the contract's first.
    pub thresholds: Vec<Duration>,
    /// The contract's target in percent.
    pub target_percent: u8,
}

/// What became of the rows.
pub struct Imported {
    /// Written now.
    pub added: u64,
    /// In the ledger already, the same in every respect.
    pub known: u64,
    /// Left out, by line, with the reason.
    pub bad: Vec<(u64, String)>,
    /// The good rows of the file, whether added now or before, as one group under [`History::thresholds`].
    pub totals: Fold,
}

/// More types than this are no types.
const MOST_SERVICES: usize = 500;

impl History {
    /// Reads the file into the ledger at `into`, which appears if it is not there: all of it or nothing, bad rows
    /// apart.
    pub fn import(&self, into: &Path) -> Result<Imported> {
        let services = self.services()?;
        let mut connection = schema::open_or_create(into)?;
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut desk = Desk::new(self, services);
        let totals = Fold::new(1, &self.thresholds, self.target_percent);
        let mut imported = Imported { added: 0, known: 0, bad: Vec::new(), totals };
        let mut file = self.open()?;
        let columns = Columns::find(file.headers().context("its first line")?)?;
        let (mut row, mut seen) = (StringRecord::new(), BTreeSet::new());
        loop {
            let line = file.position().line();
            match file.read_record(&mut row) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.is_io_error() => return Err(error).context("reading the history"),
                Err(error) => {
                    imported.bad.push((line, error.to_string()));
                    continue;
                }
            }
            let line = row.position().map_or(line, csv::Position::line);
            let told = columns.read(&row, &self.zone).and_then(|call| match seen.insert((call.date, call.number)) {
                true => desk.tell(&call),
                false => bad(format!("seq: {} of {} is in this file twice", call.number, call.date)),
            });
            match told.and_then(|interaction| keep(&transaction, &interaction, &mut imported)) {
                Ok(()) => {}
                Err(BadRow::Row(reason)) => imported.bad.push((line, reason)),
                Err(BadRow::Ledger(error)) => return Err(error),
            }
        }
        transaction.commit()?;
        Ok(imported)
    }

    fn open(&self) -> Result<Reader<File>> {
        csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(&self.file)
            .with_context(|| format!("the history {}", self.file.display()))
    }

    /// Every service of the file, in the order of their names.
    fn services(&self) -> Result<Vec<String>> {
        let mut file = self.open()?;
        let column = file.headers().context("its first line")?.iter().position(|name| name == "type");
        let mut names = BTreeSet::from([self.name.clone()]);
        let mut row = StringRecord::new();
        while let Some(column) = column {
            match file.read_record(&mut row) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.is_io_error() => return Err(error).context("reading the history"),
                // It is told with its line when it is its turn.
                Err(_) => continue,
            }
            if let Some(name) = row.get(column).filter(|name| is_name(name) && !names.contains(*name)) {
                if names.len() > MOST_SERVICES {
                    bail!("more than {MOST_SERVICES} different types: is `type` the right column?");
                }
                names.insert(name.to_string());
            }
        }
        Ok(names.into_iter().collect())
    }
}

/// Why a row is not taken, or why no row can be.
enum BadRow {
    Row(String),
    Ledger(anyhow::Error),
}

fn bad<T>(reason: impl Into<String>) -> Result<T, BadRow> {
    Err(BadRow::Row(reason.into()))
}

/// Writes and counts a call; one that is there already is counted and not written twice.
fn keep(connection: &Connection, interaction: &Interaction, imported: &mut Imported) -> Result<(), BadRow> {
    match store::insert(connection, interaction).map_err(BadRow::Ledger)? {
        true => imported.added += 1,
        false => {
            let call = interaction.call.unwrap_or(CallId(0));
            let known = read::find(connection, &interaction.origin, call).map_err(BadRow::Ledger)?;
            // The thresholds of its day stay as they were imported first.
            if known.is_none_or(|known| !same_call(&known, interaction)) {
                return bad(format!(
                    "call {} of {} is in the ledger already, and otherwise: rows need a `seq` of their own",
                    call.0, interaction.origin
                ));
            }
            imported.known += 1;
        }
    }
    imported.totals.add(0, interaction);
    Ok(())
}

/// Whether two records tell the same facts, thresholds apart.
fn same_call(a: &Interaction, b: &Interaction) -> bool {
    let told = |it: &Interaction| {
        let (mut facts, places) = (Vec::new(), replay::OnePlace::default());
        replay::facts(it, CallId(0), &places, Under::These(&[]), &mut facts);
        facts
    };
    a.service == b.service && told(a) == told(b)
}

/// A row that makes sense.
struct Call {
    date: Date,
    number: u64,
    service: Option<String>,
    arrived: Time,
    entered: Time,
    waited: Duration,
    talked: Duration,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Answered,
    Abandoned,
    LeftInGreeting,
}

/// Where the columns are.
struct Columns {
    seq: usize,
    date: usize,
    arrival: usize,
    greeting: Option<usize>,
    entry: usize,
    wait: usize,
    outcome: usize,
    service_time: usize,
    service: Option<usize>,
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Columns> {
        let mut places = BTreeMap::new();
        for (place, name) in header.iter().enumerate() {
            if places.insert(name.trim_start_matches('\u{feff}'), place).is_some() {
                bail!("the column `{name}` is there twice");
            }
        }
        let find = |name: &str| {
            let names = || header.iter().collect::<Vec<_>>().join(", ");
            places.get(name).copied().with_context(|| format!("there is no column `{name}`, only: {}", names()))
        };
        Ok(Columns {
            seq: find("seq")?,
            date: find("date")?,
            arrival: find("arrival_s")?,
            greeting: places.get("ivr_s").copied(),
            entry: find("queue_entry_s")?,
            wait: find("wait_s")?,
            outcome: find("outcome")?,
            service_time: find("service_s")?,
            service: places.get("type").copied(),
        })
    }

    fn read(&self, row: &StringRecord, zone: &TimeZone) -> Result<Call, BadRow> {
        let field = |place: usize| row.get(place).unwrap_or_default();
        let Ok(number) = field(self.seq).parse() else {
            return bad(format!("seq: `{}` is not a whole number", field(self.seq)));
        };
        let Ok(date) = field(self.date).parse::<Date>() else {
            return bad(format!("date: `{}` is not a day like 2026-10-31", field(self.date)));
        };
        let moment = |name, place| civil(date, seconds(name, field(place))?, zone);
        let entered = moment("queue_entry_s", self.entry)?;
        let outcome = match field(self.outcome) {
            "ANSWERED" => Outcome::Answered,
            "ABANDONED_QUEUE" => Outcome::Abandoned,
            "ABANDONED_IVR" => Outcome::LeftInGreeting,
            other => {
                return bad(format!("outcome: `{other}` is not ANSWERED, ABANDONED_QUEUE or ABANDONED_IVR"));
            }
        };
        let waited = seconds("wait_s", field(self.wait))?;
        if outcome == Outcome::LeftInGreeting && !waited.is_zero() {
            return bad("wait_s: who left in the greeting has not waited in a queue");
        }
        let talked = seconds("service_s", field(self.service_time))?;
        if outcome != Outcome::Answered && !talked.is_zero() {
            return bad("service_s: nobody talked to a caller who was not answered");
        }
        let service = self.service.map(field).filter(|name| !name.is_empty());
        if let Some(name) = service.filter(|name| !is_name(name)) {
            return bad(format!("type: `{}` is no name", name.escape_debug()));
        }
        let service = service.map(str::to_owned);
        // The entry is authoritative: the call arrived its greeting's length before it, where that is known.
        let arrived = match self.greeting.map(field).filter(|text| !text.is_empty()) {
            Some(greeting) => entered - seconds("ivr_s", greeting)?,
            None => moment("arrival_s", self.arrival)?.min(entered),
        };
        Ok(Call { date, number, service, arrived, entered, waited, talked, outcome })
    }
}

/// What can be the name of a service.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && !name.chars().any(char::is_control)
}

/// Two days of seconds: calls may pass midnight, but not two.
const MOST_SECONDS: u64 = 2 * 86_400;

/// Seconds as they are written, down to nanoseconds, without a detour over floating point.
fn seconds(name: &str, text: &str) -> Result<Duration, BadRow> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return bad(format!("{name}: `{text}` is not a number of seconds"));
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().unwrap_or(0);
    match whole.parse::<u64>() {
        Ok(whole) if whole <= MOST_SECONDS => Ok(Duration::new(whole, nanos)),
        _ => bad(format!("{name}: `{text}` is more than two days")),
    }
}

/// So long after midnight by the clock on the wall, on the engine's clock: history's runs since 1970.
fn civil(date: Date, after_midnight: Duration, zone: &TimeZone) -> Result<Time, BadRow> {
    let wall = jiff::SignedDuration::try_from(after_midnight).ok().and_then(|after| {
        let wall = date.at(0, 0, 0, 0).checked_add(after).ok()?;
        u64::try_from(zone.to_zoned(wall).ok()?.timestamp().as_nanosecond()).ok()
    });
    match wall {
        Some(nanos) if i64::try_from(nanos).is_ok() => Ok(Time::from_nanos(nanos)),
        _ => bad(format!("date: {date} is out of range")),
    }
}

/// The desk that history happened at, for the assembler.
struct Desk {
    shape: Shape,
    services: BTreeMap<String, ServiceId>,
    default: ServiceId,
    /// With their positions, the shortest first: they pass in this order.
    thresholds: Vec<(Duration, u8)>,
    source: String,
    /// One a day: rows are named by day and number.
    assembler: Option<(Date, Assembler)>,
}

impl Desk {
    fn new(history: &History, services: Vec<String>) -> Desk {
        let name = &history.name;
        let shape = Shape {
            services: services
                .iter()
                .map(|name| ServiceShape { name: name.clone(), queues: vec![QueueId(0)] })
                .collect(),
            queues: vec![QueueShape {
                name: name.clone(),
                thresholds: history.thresholds.clone(),
                target_percent: history.target_percent,
                steps: 1,
                ..QueueShape::default()
            }],
            pools: vec![PoolShape { name: name.clone(), agents: 0 }],
            calls: 1,
            ..Shape::default()
        };
        let services: BTreeMap<String, ServiceId> = services.into_iter().zip((0..).map(ServiceId)).collect();
        let default = services.get(name).copied().unwrap_or(ServiceId(0));
        let mut thresholds: Vec<(Duration, u8)> = history.thresholds.iter().copied().zip(0..).collect();
        thresholds.sort_unstable();
        Desk { shape, services, default, thresholds, source: history.source.clone(), assembler: None }
    }

    /// Tells a call as facts and takes up what they make.
    fn tell(&mut self, told: &Call) -> Result<Interaction, BadRow> {
        let service = told.service.as_ref().and_then(|name| self.services.get(name)).copied().unwrap_or(self.default);
        let facts = facts(told, service, &self.thresholds);
        let assembler = self.of_day(told.date);
        let mut finished = Vec::with_capacity(1);
        for record in facts {
            assembler.apply(&record, &mut finished);
        }
        finished.pop().ok_or_else(|| BadRow::Row("the row makes no whole call".into()))
    }

    fn of_day(&mut self, date: Date) -> &mut Assembler {
        if self.assembler.as_ref().is_some_and(|(day, _)| *day != date) {
            self.assembler = None;
        }
        let (shape, source) = (&self.shape, &self.source);
        let (_, assembler) = self.assembler.get_or_insert_with(|| {
            let run = Run { origin: format!("{source} {date}").into(), config: "imported".into(), agents: Vec::new() };
            (date, Assembler::new(shape, run, Moment::default()))
        });
        assembler
    }
}

/// The facts of a call at a desk of one queue and one pool. An agent's work afterwards is not in such histories.
fn facts(told: &Call, service: ServiceId, thresholds: &[(Duration, u8)]) -> Vec<Record> {
    let (call, queue, pool, agent) = (CallId(told.number), QueueId(0), PoolId(0), AgentId(0));
    let (arrived_at, entered, waited) = (told.arrived, told.entered, told.waited);
    let left = entered + waited;
    let mut facts = vec![Record { at: arrived_at, fact: Fact::CallReceived { call, service, arrived_at } }];
    let mut tell = |at, fact| facts.push(Record { at, fact });
    if told.outcome == Outcome::LeftInGreeting {
        tell(entered, Fact::CallLeftInGreeting { call, service, lost: false });
        return facts;
    }
    tell(entered, Fact::CallEntered { call, service, queue });
    for &(length, threshold) in thresholds.iter().filter(|(length, _)| *length < waited) {
        tell(entered + length, Fact::ThresholdPassed { call, queue, threshold });
    }
    match told.outcome {
        Outcome::LeftInGreeting => {}
        Outcome::Abandoned => {
            tell(left, Fact::CallAbandoned { call, queue, waited, lost: false });
        }
        Outcome::Answered => {
            let (talked, held, consulted) = (told.talked, Duration::ZERO, Duration::ZERO);
            tell(left, Fact::CallAnswered { call, queue, pool, agent, waited });
            tell(
                left + talked,
                Fact::CallEnded { call, queue, pool, agent, talked, held, consulted, by: Party::Caller },
            );
            let (from, to) = (centralino::facts::AgentState::Talking, centralino::facts::AgentState::Ready);
            tell(left + talked, Fact::AgentStateChanged { agent, pool, from, to, lasted: talked });
        }
    }
    facts
}
