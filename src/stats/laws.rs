//! The laws of counting (semantics.md section 9, laws 1 to 3), checked on any copy of the numbers.
//!
//! Under a threshold that a reload brought or took away, the calls that it does not judge stand beside the four kinds.

use super::layout::{Layout, VisitEnd};

/// Law 1 in one queue: every call that entered waits or ended in one way, and is one service-level event or pending.
pub fn visits_hold(layout: &Layout, values: &[u64], queue: usize) -> bool {
    let Some(slots) = layout.queues.get(queue) else { return true };
    let at = |slot: usize| values.get(slot).copied().unwrap_or(0);
    let (mut entered, mut finished) = (0u64, 0u64);
    for route in layout.routes.iter().filter(|route| route.queue.index() == queue) {
        entered = entered.wrapping_add(at(route.entered));
        finished = (0..VisitEnd::ALL.len()).fold(finished, |sum, end| sum.wrapping_add(at(route.finished + end)));
    }
    entered == finished.wrapping_add(at(slots.waiting))
        && slots.thresholds.iter().all(|events| {
            let parts = [events.hit, events.miss, events.excused, events.pending, events.uncounted];
            entered == parts.into_iter().fold(0u64, |sum, slot| sum.wrapping_add(at(slot)))
        })
}

/// Law 2 for one service: every received call, and every caller taken over from another queue, is in the greeting, ended
/// there, or entered a queue.
pub fn arrivals_hold(layout: &Layout, values: &[u64], service: usize) -> bool {
    let Some(slots) = layout.services.get(service) else { return true };
    let at = |slot: usize| values.get(slot).copied().unwrap_or(0);
    let entered = layout.routes.iter().filter(|route| route.service.index() == service).map(|route| at(route.entered));
    let ended = (slots.greeting_ends..slots.greeting_ends + super::layout::GreetingEnd::ALL.len()).map(at);
    let came = at(slots.received).wrapping_add(at(slots.taken_over));
    came == entered.chain(ended).fold(at(slots.in_greeting), u64::wrapping_add)
}

/// Law 3 in one queue: every offer rings or has its one outcome.
pub fn offers_hold(layout: &Layout, values: &[u64], queue: usize) -> bool {
    let Some(slots) = layout.queues.get(queue) else { return true };
    let at = |slot: usize| values.get(slot).copied().unwrap_or(0);
    slots.steps.iter().all(|step| {
        let outcomes = (step.outcomes..step.outcomes + crate::facts::OfferOutcome::ALL.len()).map(at);
        at(step.made) == outcomes.fold(at(step.ringing), u64::wrapping_add)
    })
}

/// Whether laws 1 to 3 hold everywhere in this copy.
pub fn all_hold(layout: &Layout, values: &[u64]) -> bool {
    (0..layout.queues.len()).all(|queue| visits_hold(layout, values, queue) && offers_hold(layout, values, queue))
        && (0..layout.services.len()).all(|service| arrivals_hold(layout, values, service))
}
