//! The writer thread: takes what is finished, writes it in batches, and keeps the ledger no longer than it should.
//!
//! A disk that is slow or full stops this thread and nothing else: the batch is tried again until it fits, the channel
//! fills, what does not fit is counted by the sender, and the gap is written down when space returns.

use super::files::{Appender, CSV_HEADER, csv_row, json_line};
use super::pseudonym::DAY;
use super::{retention, schema, store};
use anyhow::{Context, Result};
use centralino::config::LedgerSettings;
use centralino::report::record::{Interaction, Pause};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use jiff::tz::TimeZone;
use rusqlite::Connection;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, SystemTime};

/// Something to be written.
pub enum Item {
    /// A finished interaction.
    Call(Box<Interaction>),
    /// An agent's pause that is over.
    Pause(Box<Pause>),
    /// A line of the queue log.
    QueueLog(String),
}

/// Most items of one transaction.
const BATCH: usize = 500;
/// What has come is written at least this often.
const FLUSH: Duration = Duration::from_millis(200);
/// After a failure, this long until the next try.
const PAUSE: Duration = Duration::from_secs(1);
/// Tries of the last batch once the engine has ended: the process must end, too.
const LAST_TRIES: u32 = 3;

/// Where everything goes.
pub struct Writer {
    ledger: Option<Ledger>,
    json: Option<Appender>,
    csv: Option<Appender>,
    queue_log: Option<Appender>,
    zone: TimeZone,
    /// Items that the sender could not hand over, not written down yet.
    lost: Arc<AtomicU64>,
    /// Items that were handed over and are lost all the same.
    given_up: Arc<AtomicU64>,
    is_failing: bool,
}

struct Ledger {
    path: PathBuf,
    connection: Connection,
    calls_days: u32,
    pseudonyms_days: u32,
    purge_due: i64,
}

impl Writer {
    /// Opens everything, so that what is wrong is said before any call comes in.
    pub fn open(
        settings: &LedgerSettings,
        zone: TimeZone,
        lost: Arc<AtomicU64>,
        given_up: Arc<AtomicU64>,
    ) -> Result<Writer> {
        let ledger = settings.path.as_ref().map(|path| -> Result<Ledger> {
            let (path, connection) = (path.clone(), schema::open_or_create(path)?);
            let (calls_days, pseudonyms_days) = (settings.calls_days, settings.pseudonyms_days);
            Ok(Ledger { path, connection, calls_days, pseudonyms_days, purge_due: 0 })
        });
        let file = |path: &Option<PathBuf>, header| {
            let appender = path.as_ref().map(|path| Appender::new(path, header));
            appender.map(|mut appender| match appender.open() {
                Ok(()) => Ok(appender),
                Err(error) => Err(error).with_context(|| format!("the file {}", appender.path().display())),
            })
        };
        Ok(Writer {
            ledger: ledger.transpose()?,
            json: file(&settings.json_lines, "").transpose()?,
            csv: file(&settings.csv, CSV_HEADER).transpose()?,
            queue_log: file(&settings.queue_log, "").transpose()?,
            zone,
            lost,
            given_up,
            is_failing: false,
        })
    }

    /// Starts the thread; it ends when the channel is closed and everything is written.
    pub fn spawn(mut self, items: Receiver<Item>) -> io::Result<JoinHandle<()>> {
        Builder::new().name("ledger".into()).spawn(move || self.run(&items))
    }

    fn run(&mut self, items: &Receiver<Item>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let closed = match items.recv_timeout(FLUSH) {
                Ok(item) => {
                    batch.push(item);
                    batch.extend(items.try_iter().take(BATCH - 1));
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            self.write_until_done(&batch, items);
            batch.clear();
            if closed {
                // Nothing more comes, but what was lost may not be written down yet.
                self.write_until_done(&[], items);
                return;
            }
            self.purge_when_due();
        }
    }

    /// Tries again until the batch is in the ledger; files get their lines once.
    fn write_until_done(&mut self, batch: &[Item], items: &Receiver<Item>) {
        self.write_files(batch);
        let mut tries = 0;
        while let Err(error) = self.write_ledger(batch) {
            if !std::mem::replace(&mut self.is_failing, true) {
                tracing::error!("cannot write, calls wait in memory: {error:#}");
            }
            // Without a sender nobody needs us any longer.
            let ending =
                items.is_empty() && matches!(items.try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected));
            tries += u32::from(ending);
            if tries >= LAST_TRIES {
                let lost = batch.iter().filter(|item| matches!(item, Item::Call(_))).count();
                self.given_up.fetch_add(lost as u64, Ordering::Relaxed);
                tracing::error!(lost, "stopping without a place to write: these calls are lost");
                return;
            }
            sleep(PAUSE);
        }
        if std::mem::take(&mut self.is_failing) {
            tracing::info!("the ledger is written again");
        }
    }

    fn write_ledger(&mut self, batch: &[Item]) -> Result<()> {
        let lost = self.lost.load(Ordering::Relaxed);
        let Some(ledger) = self.ledger.as_mut().filter(|_| !batch.is_empty() || lost > 0) else { return Ok(()) };
        let write = |connection: &mut Connection| -> Result<()> {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            for item in batch {
                match item {
                    Item::Call(interaction) => _ = store::insert(&transaction, interaction)?,
                    Item::Pause(pause) => store::insert_pause(&transaction, pause)?,
                    Item::QueueLog(_) => {}
                }
            }
            if lost > 0 {
                store::insert_gap(&transaction, utc_now(), lost)?;
            }
            transaction.commit()?;
            Ok(())
        };
        write(&mut ledger.connection).with_context(|| format!("the ledger {}", ledger.path.display()))?;
        self.lost.fetch_sub(lost, Ordering::Relaxed);
        Ok(())
    }

    fn write_files(&mut self, batch: &[Item]) {
        let (mut json, mut csv, mut queue_log) = (Vec::new(), Vec::new(), Vec::new());
        for item in batch {
            match item {
                Item::Call(interaction) => {
                    if self.json.is_some() {
                        json_line(interaction, &self.zone, &mut json);
                    }
                    if self.csv.is_some() {
                        csv_row(interaction, &self.zone, &mut csv);
                    }
                }
                Item::Pause(_) => {}
                Item::QueueLog(line) => queue_log.extend_from_slice(line.as_bytes()),
            }
        }
        for (file, lines) in [(&mut self.json, json), (&mut self.csv, csv), (&mut self.queue_log, queue_log)] {
            let Some(file) = file else { continue };
            if let Err(error) = file.append(&lines) {
                let lost = lines.iter().filter(|byte| **byte == b'\n').count();
                self.given_up.fetch_add(lost as u64, Ordering::Relaxed);
                tracing::warn!(lost, "lines were not written to {}: {error}", file.path().display());
            }
        }
    }

    /// At the start and then daily.
    fn purge_when_due(&mut self) {
        let now = utc_now();
        let Some(ledger) = self.ledger.as_mut().filter(|ledger| now >= ledger.purge_due) else { return };
        ledger.purge_due = now.saturating_add(DAY);
        let before = |days: u32| now.saturating_sub(i64::from(days).saturating_mul(DAY));
        // 0 keeps calls for ever, and callers not at all.
        let calls = if ledger.calls_days == 0 { i64::MIN } else { before(ledger.calls_days) };
        match retention::purge_before(&mut ledger.connection, calls, before(ledger.pseudonyms_days), now) {
            Ok(purged) if purged == retention::Purged::default() => {}
            Ok(purged) => tracing::info!(
                calls = purged.calls,
                pseudonyms = purged.pseudonyms,
                "deleted from the ledger what was kept long enough"
            ),
            Err(error) => tracing::warn!("the ledger could not be purged: {error:#}"),
        }
    }
}

/// Nanoseconds since 1970 by the system's clock.
pub fn utc_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Reader;
    use crate::ledger::tests::{Scratch, answered};
    use std::ops::ControlFlow;

    fn writer(scratch: &Scratch, lost: &Arc<AtomicU64>) -> Writer {
        let settings = LedgerSettings { path: Some(scratch.path("ledger.db")), ..LedgerSettings::default() };
        Writer::open(&settings, TimeZone::UTC, Arc::clone(lost), Arc::default()).expect("an open writer")
    }

    fn batch(calls: std::ops::Range<u64>) -> Vec<Item> {
        calls.map(|call| Item::Call(Box::new(answered(call, utc_now())))).collect()
    }

    fn count(scratch: &Scratch) -> (usize, u64) {
        let reader = Reader::open(&scratch.path("ledger.db")).expect("a ledger");
        let mut calls = 0;
        let all = i64::MIN..i64::MAX;
        let read = reader.interactions(all.clone(), |_| {
            calls += 1;
            ControlFlow::Continue(())
        });
        read.expect("a readable ledger");
        (calls, reader.lost(all).expect("the gaps"))
    }

    #[test]
    fn a_full_disk_keeps_the_batch_and_the_gap_until_there_is_room() {
        let scratch = Scratch::new("full");
        let lost = Arc::new(AtomicU64::new(0));
        let mut writer = writer(&scratch, &lost);
        let pages = |writer: &Writer, pages: i64| {
            let ledger = writer.ledger.as_ref().expect("a ledger");
            ledger.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).expect("a bound");
        };
        pages(&writer, 1);
        let calls = batch(0..500);
        assert!(writer.write_ledger(&calls).is_err(), "the bound on pages is a full disk");
        lost.store(7, Ordering::Relaxed);
        assert!(writer.write_ledger(&calls).is_err());
        assert_eq!((count(&scratch), lost.load(Ordering::Relaxed)), ((0, 0), 7), "all or nothing");
        pages(&writer, 1 << 30);
        writer.write_ledger(&calls).expect("room again");
        assert_eq!((count(&scratch), lost.load(Ordering::Relaxed)), ((500, 7), 0));
    }

    #[test]
    fn a_ledger_that_somebody_holds_delays_nobody_but_the_writer() {
        let scratch = Scratch::new("held");
        let lost = Arc::new(AtomicU64::new(0));
        let writer = writer(&scratch, &lost);
        let mut holder = schema::open_existing(&scratch.path("ledger.db")).expect("a second hand");
        let hold = holder.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).expect("held");
        let (sender, receiver) = crossbeam_channel::bounded(100);
        let thread = writer.spawn(receiver).expect("a thread");
        let (sent, started) = (3_000, std::time::Instant::now());
        let mut missed = 0;
        for item in batch(0..sent) {
            missed += u64::from(sender.try_send(item).is_err());
        }
        assert!(started.elapsed() < Duration::from_secs(2), "the sender never waits");
        lost.store(missed, Ordering::Relaxed);
        drop(hold);
        drop(sender);
        thread.join().expect("written");
        assert!(missed >= sent - 2 * (BATCH as u64 + 100), "{missed}");
        assert_eq!(count(&scratch), ((sent - missed) as usize, missed));
    }
}
