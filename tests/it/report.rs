//! Reports of small made-up months: sums, thresholds, civil days, notes, and how each format reads.

mod command;
mod desk;
pub mod formats;
mod real_month;
mod sums;
mod terms;
