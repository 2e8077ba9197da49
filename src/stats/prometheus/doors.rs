//! Services that are open or closed, and callers who come to one by another.

use super::family::{Kind, Page};
use crate::facts::Refusal;
use crate::stats::layout::Layout;

/// `acd_calls_passed_on_total`, `acd_calls_taken_over_total`, `acd_service_open`.
pub fn families(layout: &Layout, page: &mut Page) {
    let services = || layout.shape.services.iter().map(|s| s.name.as_str()).zip(&layout.services);
    page.family(
        "acd_calls_passed_on_total",
        Kind::Counter,
        "Calls that a service did not take and passed on to another service, by reason.",
    );
    for refusal in [Refusal::Closed, Refusal::QueueFull, Refusal::NobodySignedIn] {
        for (service, slots) in services() {
            let labels = [("service", service), ("reason", refusal.label())];
            page.value(&labels, slots.passed_on + refusal.index());
        }
    }
    page.family(
        "acd_calls_taken_over_total",
        Kind::Counter,
        "Callers who left another queue for this service: visits without a call received.",
    );
    for (service, slots) in services() {
        page.value(&[("service", service)], slots.taken_over);
    }
    page.family("acd_service_open", Kind::Gauge, "1 while the service is open, by its calendar.");
    for (service, slots) in services() {
        let is_open = page.at(slots.closed) == 0;
        page.number(&[("service", service)], if is_open { 1.0 } else { 0.0 });
    }
}
