//! How long what is kept: calls, and who called.

use anyhow::Result;
use rusqlite::{Connection, params};

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Interactions, with their visits and offers.
    pub calls: usize,
    /// Callers' pseudonyms of interactions that stay.
    pub pseudonyms: usize,
}

/// Deletes the interactions filed and the pauses begun before `calls`, and the callers' pseudonyms of those filed before `pseudonyms`
/// (nanoseconds since 1970 UTC). That calls were deleted is written down: a report must not pass for whole.
pub fn purge_before(connection: &mut Connection, calls: i64, pseudonyms: i64, now: i64) -> Result<Purged> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let deleted = transaction.execute("DELETE FROM interaction WHERE filed_utc < ?1", params![calls])?;
    transaction.execute("DELETE FROM pause WHERE began_utc < ?1", params![calls])?;
    if deleted > 0 {
        let before = "INSERT INTO purge (utc, before_utc, deleted) VALUES (?1, ?2, ?3)";
        transaction.execute(before, params![now, calls, i64::try_from(deleted).unwrap_or(i64::MAX)])?;
    }
    let forgotten = transaction.execute(
        "UPDATE interaction SET caller_key = NULL, caller = NULL, reference = NULL \
         WHERE filed_utc < ?1 AND (caller IS NOT NULL OR reference IS NOT NULL)",
        params![pseudonyms],
    )?;
    transaction.commit()?;
    Ok(Purged { calls: deleted, pseudonyms: forgotten })
}
