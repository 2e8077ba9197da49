//! Reports of small made-up months: sums, thresholds, civil days, notes, and how each format reads.

mod desk;
mod formats;
mod sums;
mod terms;
