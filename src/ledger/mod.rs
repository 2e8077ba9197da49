//! The ledger: finished interactions in one SQLite file, and files for other programs beside it. The only room that
//! knows the database.
//!
//! ```text
//!   facts thread ── interactions, lines ──► writer thread ──► ledger (SQLite), JSON lines, CSV, queue_log
//!                   (bounded: what does not fit is counted, and the gap is written down)
//! ```
//! In reading order: `schema` (what is in the file), `store` (in), `read` (out), `retention` (how long), `pseudonym`
//! (who called, as far as it may be kept), `writer` (the thread), `files` and `queue_log` (for other programs),
//! `history` (calls of another system), `today` (where the live numbers go on).
//! Decides nothing about calls: records come from `centralino::report`.

mod files;
mod history;
mod keeper;
mod pseudonym;
mod queue_log;
mod read;
mod retention;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod today;
mod writer;

pub use history::{History, Imported};
pub use keeper::Keeper;
pub use read::Reader;
pub use retention::{Purged, purge_before};
pub use schema::open_existing;
pub use today::{Today, today};
