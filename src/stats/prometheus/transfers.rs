//! What agents do with callers after the answer, as Prometheus text.

use super::Exposition;
use super::family::{Kind, Page};
use crate::facts::{LastAgentResult, TransferKind, TransferResult};

impl Exposition {
    pub(super) fn transfers(&self, page: &mut Page) {
        page.family("acd_hold_seconds_total", Kind::Counter, "Time that agents kept callers on hold.");
        for (queue, slots) in self.queues() {
            let held = page.at(slots.held) as f64 / 1e9;
            page.number(&[("queue", queue)], held);
        }
        page.family("acd_consult_seconds_total", Kind::Counter, "Time that agents asked colleagues, a caller on hold.");
        for (queue, slots) in self.queues() {
            let consulted = page.at(slots.consulted) as f64 / 1e9;
            page.number(&[("queue", queue)], consulted);
        }
        page.family("acd_transfers_total", Kind::Counter, "Transfers that agents asked for, by what became of them.");
        for kind in TransferKind::ALL {
            for result in TransferResult::ALL {
                let slot = kind.index() * TransferResult::ALL.len() + result.index();
                let labels = [("kind", kind.label()), ("result", result.label())];
                page.value(&labels, self.layout.transfers + slot);
            }
        }
        page.family(
            "acd_consults_total",
            Kind::Counter,
            "Colleagues asked, by what became of it; completed: answered.",
        );
        for result in TransferResult::ALL {
            page.value(&[("result", result.label())], self.layout.consults + result.index());
        }
        page.family(
            "acd_conferences_total",
            Kind::Counter,
            "Times that the colleague who was asked joined the talk with the caller.",
        );
        page.value(&[], self.layout.conferences);
        page.family(
            "acd_last_agent_total",
            Kind::Counter,
            "Calls kept for the agent who answered their caller last, by how that ended.",
        );
        for result in LastAgentResult::ALL {
            page.value(&[("result", result.label())], self.layout.last_agents + result.index());
        }
    }
}
