//! The facts thread's side of the ledger: makes interactions of facts and hands them to the writer, never waiting.

use super::pseudonym::{DAY, KeyRing};
use super::queue_log::QueueLog;
use super::writer::{Item, Writer, utc_now};
use anyhow::{Context, Result};
use centralino::acd::Plan;
use centralino::config::{self, LedgerSettings};
use centralino::facts::Record;
use centralino::ids::CallId;
use centralino::report::assemble::{Assembler, Run};
use centralino::report::record::{Interaction, Moment, Name};
use centralino::stats::Shape;
use centralino::time::{Duration, Time};
use crossbeam_channel::{Sender, bounded};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

/// The civil clock is looked at this often; a smaller step of it than [`STEP`] is taken for our own delay.
const LOOK: Duration = Duration::from_secs(10);
const STEP: i64 = 20_000_000;

/// Keeps what became of every caller.
pub struct Keeper {
    assembler: Assembler,
    tells_agents_apart: bool,
    queue_log: Option<QueueLog>,
    keys: Option<KeyRing>,
    keys_due: i64,
    civil: Moment,
    looked_at: Time,
    latest: Time,
    items: Option<Sender<Item>>,
    finished: Vec<Interaction>,
    lost: Arc<AtomicU64>,
    given_up: Arc<AtomicU64>,
    /// Lost since they were last asked for.
    uncounted: u64,
    writer: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Opens what is configured and starts the writer; nothing if nothing is. `now` is the engine's time.
    pub fn start(
        settings: &LedgerSettings,
        zone: TimeZone,
        plan: &Plan,
        config: &str,
        now: Time,
    ) -> Result<Option<Keeper>> {
        if !settings.is_on() {
            return Ok(None);
        }
        let (lost, given_up) = (Arc::default(), Arc::default());
        let writer = Writer::open(settings, zone, Arc::clone(&lost), Arc::clone(&given_up))?;
        let (items, received) = bounded(settings.buffer);
        let writer = writer.spawn(received).context("the thread of the ledger")?;
        let shape = config::shape(plan);
        let civil = Moment { at: now, utc: utc_now() };
        let tells_agents_apart = settings.agreement.is_some();
        let agents = names_of_agents(plan, tells_agents_apart);
        let run = Run { origin: origin(civil.utc), config: config.into(), agents: agents.clone() };
        let queue_log = settings.queue_log.as_ref().map(|_| QueueLog::new(&shape, agents, civil.utc));
        let keyed = settings.path.as_ref().filter(|_| settings.pseudonyms_days > 0);
        let keys = keyed.map(|path| KeyRing::beside(path, settings.key_days, settings.pseudonyms_days)).transpose()?;
        let mut keeper = Keeper {
            assembler: Assembler::new(&shape, run, civil),
            tells_agents_apart,
            queue_log,
            keys,
            keys_due: 0,
            civil,
            looked_at: now,
            latest: now,
            items: Some(items),
            finished: Vec::new(),
            lost,
            given_up,
            uncounted: 0,
            writer: Some(writer),
        };
        keeper.rotate_keys(civil.utc)?;
        if let Some(line) = keeper.queue_log.as_ref().map(QueueLog::start) {
            keeper.send(Item::QueueLog(line));
        }
        Ok(Some(keeper))
    }

    /// The next fact.
    pub fn read(&mut self, record: &Record) {
        self.latest = self.latest.max(record.at);
        if let Some(log) = &mut self.queue_log {
            let ahead = i128::from(record.at.as_nanos()) - i128::from(self.civil.at.as_nanos());
            let utc = self.civil.utc.saturating_add(i64::try_from(ahead).unwrap_or(0));
            if let Some(line) = log.line(record, utc) {
                self.send(Item::QueueLog(line));
            }
        }
        if let Some(pause) = self.assembler.pause(record) {
            self.send(Item::Pause(Box::new(pause)));
        }
        let mut finished = std::mem::take(&mut self.finished);
        self.assembler.apply(record, &mut finished);
        for mut interaction in finished.drain(..) {
            // Numbers of tickets and customers say who called, too: they are kept as long as pseudonyms are.
            interaction.reference.take_if(|_| self.keys.is_none());
            self.send(Item::Call(Box::new(interaction)));
        }
        self.finished = finished;
    }

    /// A reload: the facts that follow are of this plan and the configuration of this name.
    pub fn follow(&mut self, plan: &Plan, shape: &Shape, config: &str) {
        let agents = names_of_agents(plan, self.tells_agents_apart);
        if let Some(log) = &mut self.queue_log {
            log.follow(shape, agents.clone());
        }
        self.assembler.follow(shape, config.into(), agents);
    }

    /// Who calls; the number itself goes no further.
    pub fn caller(&mut self, call: CallId, number: &str) {
        // Those who withhold their number are not one caller.
        let keys = self.keys.as_ref().filter(|_| !number.is_empty());
        if let Some(caller) = keys.and_then(|keys| keys.pseudonym(number)) {
            self.assembler.identify(call, caller);
        }
    }

    /// It is `now`: the civil clock may have been set, a key may be due.
    pub fn tick(&mut self, now: Time) {
        self.latest = self.latest.max(now);
        if now.since(self.looked_at) < LOOK {
            return;
        }
        self.looked_at = now;
        let utc = utc_now();
        let expected = Moment::after(self.civil, now.since(self.civil.at)).utc;
        if utc.abs_diff(expected) > STEP.unsigned_abs() {
            self.civil = Moment { at: now, utc };
            self.assembler.anchor(self.civil);
        }
        if utc >= self.keys_due
            && let Err(error) = self.rotate_keys(utc)
        {
            tracing::warn!("callers are kept under the old key: {error:#}");
        }
    }

    /// How many items were lost since this was last asked: the disk is too slow or full.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.uncounted) + self.given_up.swap(0, Ordering::Relaxed)
    }

    /// The engine has ended: waits until everything is written, or cannot be.
    pub fn end(&mut self) {
        let mut finished = std::mem::take(&mut self.finished);
        let unfinished = self.assembler.finish(self.latest, &mut finished);
        for interaction in finished {
            self.send(Item::Call(Box::new(interaction)));
        }
        for pause in self.assembler.finish_pauses(self.latest) {
            self.send(Item::Pause(Box::new(pause)));
        }
        if unfinished > 0 {
            tracing::warn!(unfinished, "these calls were not over and are in no ledger");
        }
        self.items = None;
        if let Some(Err(_)) = self.writer.take().map(JoinHandle::join) {
            tracing::error!("the ledger's thread broke down");
        }
    }

    fn rotate_keys(&mut self, utc: i64) -> Result<()> {
        self.keys_due = utc.saturating_add(DAY / 24);
        self.keys.as_mut().map_or(Ok(()), |keys| keys.rotate(utc))
    }

    fn send(&mut self, item: Item) {
        if self.items.as_ref().is_none_or(|items| items.try_send(item).is_err()) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            self.uncounted += 1;
        }
    }
}

/// By `AgentId`; nobody's without an agreement that allows it.
fn names_of_agents(plan: &Plan, tells_agents_apart: bool) -> Vec<Name> {
    let agents = plan.agents.iter().filter(|_| tells_agents_apart);
    agents.map(|agent| Name::from(agent.number.as_str())).collect()
}

/// Names a run by its start.
fn origin(utc: i64) -> Name {
    let start = Timestamp::from_nanosecond(i128::from(utc)).unwrap_or_default();
    format!("run {start}").into()
}
