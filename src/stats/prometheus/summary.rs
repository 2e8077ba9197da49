//! The one summary: how fast calls were answered, with quantiles of the last hour beside the counters of the run.

use super::family::{pairs, seconds};
use crate::ids::QueueId;
use crate::stats::layout::{Layout, VisitEnd};
use crate::stats::live::LiveLayout;
use crate::stats::percentiles::{PERCENTS, QueueTime, Summary as Times};
use crate::stats::windows::Window;
use ::prometheus::proto::{Metric, MetricFamily, MetricType, Quantile, Summary};

/// `acd_speed_of_answer_seconds` out of a copy of the tally's numbers and one of the live ones. As Prometheus has it,
/// the quantiles are those of a sliding window (NaN without an answer in it), sum and count only grow.
pub fn speed_of_answer(layout: &Layout, tally: &[u64], live_layout: &LiveLayout, live: &[u64]) -> Vec<MetricFamily> {
    let mut family = MetricFamily::default();
    family.set_name("acd_speed_of_answer_seconds".to_owned());
    family.set_help("Wait of answered calls; the quantiles are of the last hour.".to_owned());
    family.set_field_type(MetricType::SUMMARY);
    for ((queue, shape), slots) in (0..).map(QueueId).zip(&layout.shape.queues).zip(&layout.queues) {
        let waits = &slots.waits[VisitEnd::Answered.index()];
        let mut summary = Summary::default();
        summary.set_sample_count(waits.count(tally));
        summary.set_sample_sum(seconds(tally.get(waits.sum()).copied().unwrap_or(0)));
        summary.set_quantile(quantiles(live_layout.queue(live, queue, QueueTime::Wait, Window::Hour)));
        let mut metric = Metric::from_label(pairs(&[("queue", &shape.name)]));
        metric.set_summary(summary);
        family.mut_metric().push(metric);
    }
    match family.get_metric().is_empty() {
        true => Vec::new(),
        false => vec![family],
    }
}

fn quantiles(times: Times) -> Vec<Quantile> {
    let value = |nanos| if times.count == 0 { f64::NAN } else { seconds(nanos) };
    let quantile = |(percent, nanos): (&u8, u64)| {
        let mut quantile = Quantile::default();
        quantile.set_quantile(f64::from(*percent) / 100.0);
        quantile.set_value(value(nanos));
        quantile
    };
    PERCENTS.iter().zip(times.percentiles).map(quantile).collect()
}
