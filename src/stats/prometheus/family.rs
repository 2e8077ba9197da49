//! Families of metrics out of slots of a copy. The only place that builds the `prometheus` crate's types.

use crate::stats::histogram::HistogramSlots;
use crate::time::Duration;
use ::prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

/// What a family's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

type Labels<'a> = [(&'a str, &'a str)];

/// The families written so far; numbers go to the last one.
pub(super) struct Page<'a> {
    values: &'a [u64],
    families: Vec<(Kind, MetricFamily)>,
}

impl<'a> Page<'a> {
    pub(super) fn new(values: &'a [u64]) -> Page<'a> {
        Page { values, families: Vec::new() }
    }

    /// Begins the next family.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(match kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        self.families.push((kind, family));
    }

    /// The number at a slot; 0 outside the copy.
    pub(super) fn at(&self, slot: usize) -> u64 {
        self.values.get(slot).copied().unwrap_or(0)
    }

    /// Adds the number at a slot.
    pub(super) fn value(&mut self, labels: &Labels, slot: usize) {
        self.number(labels, self.at(slot) as f64);
    }

    /// Adds a number.
    pub(super) fn number(&mut self, labels: &Labels, number: f64) {
        let Some((kind, family)) = self.families.last_mut() else { return };
        let mut metric = Metric::from_label(pairs(labels));
        if *kind == Kind::Counter {
            let mut counter = Counter::default();
            counter.set_value(number);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(number);
            metric.set_gauge(gauge);
        }
        family.mut_metric().push(metric);
    }

    /// Adds a histogram.
    pub(super) fn histogram(&mut self, labels: &Labels, slots: &HistogramSlots) {
        let counts = slots.counts(self.values);
        let mut cumulative = 0;
        let buckets = slots.edges().iter().zip(counts).map(|(edge, count)| {
            cumulative += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(seconds(*edge));
            bucket.set_cumulative_count(cumulative);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(counts.iter().sum());
        histogram.set_sample_sum(seconds(self.at(slots.sum())));
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_histogram(histogram);
        if let Some((_, family)) = self.families.last_mut() {
            family.mut_metric().push(metric);
        }
    }

    /// Every family that has a number; one without (no pool, no later step) is not shown.
    pub(super) fn families(self) -> impl Iterator<Item = MetricFamily> {
        self.families.into_iter().map(|(_, family)| family).filter(|family| !family.get_metric().is_empty())
    }
}

pub(super) fn pairs(labels: &Labels) -> Vec<LabelPair> {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    labels.iter().map(pair).collect()
}

pub(super) fn seconds(nanos: u64) -> f64 {
    // Divided, not multiplied by 1e-9: 30 s must print as 30 to be the same label everywhere.
    nanos as f64 / 1e9
}

/// A threshold as a label: whole seconds without a point, others with as many decimals as they need.
pub(super) fn threshold_label(limit: Duration) -> String {
    seconds(crate::stats::histogram::nanos(limit)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_labelled_like_bucket_edges() {
        let label = |millis| threshold_label(Duration::from_millis(millis));
        assert_eq!([label(30_000), label(2_500), label(20)], ["30", "2.5", "0.02"]);
    }
}
