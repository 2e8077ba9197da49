//! Histograms as plain slots of the tally's numbers: one count a bucket, not cumulative, and the exact sum.

use crate::time::Duration;

/// Where one histogram lives: `edges.len() + 1` bucket counts (the last is above every edge), then the sum.
#[derive(Clone, Debug)]
pub struct HistogramSlots {
    base: usize,
    edges: Vec<u64>,
}

impl HistogramSlots {
    /// A histogram over these upper edges, ascending, starting at slot `base`.
    pub(super) fn new(base: usize, edges: Vec<u64>) -> HistogramSlots {
        HistogramSlots { base, edges }
    }

    /// How many slots a histogram over so many edges takes.
    pub(super) fn slots(edges: usize) -> usize {
        edges + 2
    }

    /// The slot of the bucket that a length of time falls in; an edge belongs to the bucket below it (`le`).
    pub fn bucket(&self, nanos: u64) -> usize {
        self.base + self.edges.partition_point(|edge| *edge < nanos)
    }

    /// The slot of the sum, in nanoseconds.
    pub fn sum(&self) -> usize {
        self.base + self.edges.len() + 1
    }

    /// The upper edges, in nanoseconds.
    pub fn edges(&self) -> &[u64] {
        &self.edges
    }

    /// The bucket counts among `values`, the one above every edge last.
    pub fn counts<'a>(&self, values: &'a [u64]) -> &'a [u64] {
        values.get(self.base..self.sum()).unwrap_or_default()
    }

    /// How many lengths of time were counted.
    pub fn count(&self, values: &[u64]) -> u64 {
        self.counts(values).iter().sum()
    }
}

/// Nanoseconds of a length of time, at most `u64::MAX`.
pub(super) fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

const fn seconds(list: &[u64]) -> Scale<'_> {
    Scale { list, unit: 1_000_000_000 }
}

const fn microseconds(list: &[u64]) -> Scale<'_> {
    Scale { list, unit: 1_000 }
}

/// The usual edges of a kind of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale<'a> {
    list: &'a [u64],
    unit: u64,
}

/// Waiting; 5 s is an edge because a formula of the market asks for it. The thresholds are added to these.
pub(super) const WAIT: Scale = seconds(&[1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600]);
/// Ringing.
pub(super) const RING: Scale = seconds(&[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 45, 60]);
/// Talking.
pub(super) const TALK: Scale = seconds(&[10, 30, 60, 120, 180, 240, 300, 420, 600, 900, 1_200, 1_800, 3_600]);
/// Work after a call.
pub(super) const WRAP_UP: Scale = seconds(&[1, 5, 10, 15, 30, 45, 60, 90, 120, 180, 300, 600]);
/// From "could meet" to the INVITE's sending.
pub(super) const DISPATCH: Scale = microseconds(&[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
]);
/// From the answer to heard audio.
pub(super) const AUDIO: Scale = microseconds(&[
    5_000, 10_000, 20_000, 25_000, 40_000, 60_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000,
]);

/// The share of a leg's packets that were lost, in millionths.
pub(super) const LOSS: Scale = microseconds(&[0, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000]);
/// How unevenly a leg's packets come.
pub(super) const JITTER: Scale =
    microseconds(&[1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000, 200_000, 500_000]);
/// To a leg's other side and back.
pub(super) const ROUND_TRIP: Scale =
    microseconds(&[1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 150_000, 200_000, 300_000, 500_000, 1_000_000]);

impl Scale<'_> {
    /// The edges in nanoseconds, ascending, with `more` among them.
    pub(super) fn edges(self, more: &[Duration]) -> Vec<u64> {
        let mut edges: Vec<u64> = self.list.iter().map(|edge| edge * self.unit).collect();
        edges.extend(more.iter().map(|length| nanos(*length)));
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_belongs_to_the_bucket_below_it() {
        let histogram = HistogramSlots::new(10, vec![5, 9]);
        assert_eq!([0, 5, 6, 9, 10].map(|nanos| histogram.bucket(nanos)), [10, 10, 11, 11, 12]);
        assert_eq!((histogram.sum(), HistogramSlots::slots(2)), (13, 4));
    }

    #[test]
    fn every_threshold_becomes_an_edge_once() {
        let edges = WAIT.edges(&[Duration::from_secs(40), Duration::from_secs(30)]);
        assert_eq!(edges.iter().filter(|edge| **edge == 30_000_000_000).count(), 1);
        assert!(edges.contains(&40_000_000_000) && edges.is_sorted());
    }
}
