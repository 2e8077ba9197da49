//! What is in a ledger file, and opening one.
//!
//! Times are whole nanoseconds: `…_utc` since 1970, `…_at` on the engine's clock. Words are the closed sets of facts.

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OpenFlags};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// Grows with every change of the tables.
pub const VERSION: i64 = 4;

/// Says "a ledger of centralino" in the file's header ("cent").
const APPLICATION: i64 = 0x6365_6e74;

/// How long another process may hold the file before a write fails.
const BUSY: Duration = Duration::from_secs(5);

const TABLES: &str = "
CREATE TABLE interaction (
  id INTEGER PRIMARY KEY,
  origin TEXT NOT NULL,
  call INTEGER,
  service TEXT,
  config TEXT NOT NULL,
  caller_key INTEGER,
  caller BLOB,
  reference TEXT,
  filed_utc INTEGER NOT NULL,
  arrived_utc INTEGER NOT NULL,
  arrived_at INTEGER NOT NULL,
  received_utc INTEGER,
  received_at INTEGER,
  ended_utc INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  ending TEXT NOT NULL,
  detail TEXT,
  visits INTEGER NOT NULL
);
CREATE UNIQUE INDEX interaction_name ON interaction (origin, call);
CREATE INDEX interaction_filed ON interaction (filed_utc);

CREATE TABLE visit (
  interaction INTEGER NOT NULL REFERENCES interaction ON DELETE CASCADE,
  number INTEGER NOT NULL,
  taken_over_by TEXT,
  queue TEXT NOT NULL,
  entered_utc INTEGER NOT NULL,
  entered_at INTEGER NOT NULL,
  waited INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT,
  thresholds TEXT NOT NULL,
  passed INTEGER NOT NULL,
  target_percent INTEGER NOT NULL,
  steps INTEGER NOT NULL,
  offers INTEGER NOT NULL,
  offers_left_out INTEGER NOT NULL,
  pool TEXT,
  agent TEXT,
  talked INTEGER,
  held INTEGER,
  consulted INTEGER,
  wrap_up INTEGER,
  ended_by TEXT,
  talks INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (interaction, number)
) WITHOUT ROWID;

CREATE TABLE step (
  interaction INTEGER NOT NULL REFERENCES interaction ON DELETE CASCADE,
  visit INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  step INTEGER NOT NULL,
  opened_by TEXT NOT NULL,
  PRIMARY KEY (interaction, visit, number)
) WITHOUT ROWID;

CREATE TABLE offer (
  interaction INTEGER NOT NULL REFERENCES interaction ON DELETE CASCADE,
  visit INTEGER NOT NULL,
  number INTEGER NOT NULL,
  pool TEXT NOT NULL,
  agent TEXT,
  step INTEGER NOT NULL,
  made_at INTEGER NOT NULL,
  rang INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  PRIMARY KEY (interaction, visit, number)
) WITHOUT ROWID;

-- Interactions that could not be written, and until when.
CREATE TABLE gap (utc INTEGER NOT NULL, lost INTEGER NOT NULL);
-- Interactions that were deleted on purpose: everything filed before `before_utc`.
CREATE TABLE purge (utc INTEGER NOT NULL, before_utc INTEGER NOT NULL, deleted INTEGER NOT NULL);
";

/// Each agent's part of a talk, and agents' pauses; since version 4.
const PARTS: &str = "
CREATE TABLE talk (
  interaction INTEGER NOT NULL REFERENCES interaction ON DELETE CASCADE,
  visit INTEGER NOT NULL,
  number INTEGER NOT NULL,
  pool TEXT NOT NULL,
  agent TEXT,
  talked INTEGER NOT NULL,
  held INTEGER NOT NULL,
  consulted INTEGER NOT NULL,
  wrap_up INTEGER,
  PRIMARY KEY (interaction, visit, number)
) WITHOUT ROWID;

CREATE TABLE pause (
  id INTEGER PRIMARY KEY,
  pool TEXT NOT NULL,
  agent TEXT,
  reason TEXT NOT NULL,
  began_utc INTEGER NOT NULL,
  began_at INTEGER NOT NULL,
  lasted INTEGER NOT NULL,
  limit_reached INTEGER NOT NULL
);
CREATE INDEX pause_began ON pause (began_utc);
";

/// The oldest version that is brought up to date.
const OLDEST: i64 = 2;

/// Numbers that callers typed were not kept before.
const FROM_2_TO_3: &str = "ALTER TABLE interaction ADD COLUMN reference TEXT;";

/// What several agents did together stays the part of who answered.
const FROM_3_TO_4: &str = "
ALTER TABLE visit ADD COLUMN talks INTEGER NOT NULL DEFAULT 0;
INSERT INTO talk (interaction, visit, number, pool, agent, talked, held, consulted, wrap_up)
  SELECT interaction, number, 0, pool, agent, talked, held, consulted, wrap_up FROM visit WHERE pool IS NOT NULL;
UPDATE visit SET talks = 1 WHERE pool IS NOT NULL;
";

/// Opens a ledger for writing, and makes it if there is none.
pub fn open_or_create(path: &Path) -> Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_CREATE)
}

/// Opens a ledger that must be there.
pub fn open_existing(path: &Path) -> Result<Connection> {
    open(path, OpenFlags::empty())
}

fn open(path: &Path, more: OpenFlags) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let ready = || -> Result<Connection> {
        if more.contains(OpenFlags::SQLITE_OPEN_CREATE) {
            // Not for everybody to read: SQLite itself would leave that to the umask.
            OpenOptions::new().append(true).create(true).mode(0o640).open(path)?;
        }
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What is deleted is overwritten, not only forgotten.
        connection.pragma_update(None, "secure_delete", true)?;
        // The first read of the file: what is no database is found here, before anything is changed.
        match pragma(&connection, "user_version")? {
            VERSION => {}
            OLDEST..VERSION => migrate(&mut connection)?,
            _ => create(&mut connection)?,
        }
        connection.pragma_update(None, "journal_mode", "wal")?;
        // A power cut may lose the last seconds, never what was there before.
        connection.pragma_update(None, "synchronous", "normal")?;
        check(&connection)?;
        Ok(connection)
    };
    ready().with_context(|| format!("the ledger {}", path.display()))
}

/// Makes the tables in an empty file; two processes may try at once.
fn create(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 {
        // Another version, or none of ours; or made by somebody else since.
        return check(&transaction);
    }
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(PARTS)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Brings the tables of an older version up to date, all or nothing; two processes may try at once.
fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version = pragma(&transaction, "user_version")?;
    if pragma(&transaction, "application_id")? != APPLICATION || version == VERSION {
        // None of ours, or somebody else was faster.
        return check(&transaction);
    }
    if version == 2 {
        transaction.execute_batch(FROM_2_TO_3)?;
    }
    transaction.execute_batch(PARTS)?;
    transaction.execute_batch(FROM_3_TO_4)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

fn check(connection: &Connection) -> Result<()> {
    if pragma(connection, "application_id")? != APPLICATION {
        bail!("is a database, but no ledger");
    }
    match pragma(connection, "user_version")? {
        VERSION => Ok(()),
        newer if newer > VERSION => {
            bail!("was made by a newer centralino (version {newer} of the tables; this one knows {VERSION})")
        }
        older => bail!("has tables of version {older}, which never were released"),
    }
}

fn pragma(connection: &Connection, name: &str) -> Result<i64> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}
