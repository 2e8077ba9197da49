//! A copy of the numbers as Prometheus text: names, help and labels of semantics.md section 10.
//!
//! Renders; decides and sums nothing. Label values are names of the plan and words of closed sets, never a caller, a
//! call or an agent.

mod doors;
mod family;
mod summary;
mod transfers;

pub use summary::speed_of_answer;

use super::layout::{Gauge, GreetingEnd, LAWS, Layout, Phase, QueueSlots, RouteSlots, SIDES, ThresholdSlots, VisitEnd};
use super::traffic::{self, Direction, Method, Peer};
use crate::facts::{AgentState, Denial, FlowOut, OfferOutcome, OrderRule, Party, Refusal, Reload, StepTrigger, Turned};
use crate::time::Time;
use ::prometheus::TextEncoder;
use ::prometheus::proto::MetricFamily;
use family::{Kind, Page, threshold_label};
use std::sync::Arc;

/// The media type of the text.
pub const CONTENT_TYPE: &str = ::prometheus::TEXT_FORMAT;

/// The `service` and `queue` of calls that have none.
pub const NONE: &str = "none";

/// What the numbers themselves do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// The program's version.
    pub version: String,
    /// A digest of the configuration in force.
    pub config_hash: String,
}

/// Renders copies of one layout.
#[derive(Clone, Debug)]
pub struct Exposition {
    layout: Arc<Layout>,
    info: Info,
}

impl Exposition {
    /// For copies of numbers that lie as `layout` says.
    pub fn new(layout: Arc<Layout>, info: Info) -> Exposition {
        Exposition { layout, info }
    }

    /// The places of the numbers.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Appends the text of one copy to `text`. `now` is for the oldest caller's wait; `more` are families of the shell's
    /// own, such as those of the process.
    pub fn render(&self, values: &[u64], now: Time, more: Vec<MetricFamily>, text: &mut String) {
        let mut page = Page::new(values);
        self.arrivals(&mut page);
        self.service_level(&mut page);
        self.waiting(&mut page, now);
        self.offers(&mut page);
        self.agents(&mut page);
        self.talks(&mut page);
        self.media(&mut page);
        self.traffic(&mut page);
        self.engine(&mut page);
        let families = page.families().chain(more).collect::<Vec<_>>();
        // Writing to a String fails only for a family without metrics, and the page holds none.
        let written = TextEncoder::new().encode_utf8(&families, text);
        debug_assert!(written.is_ok(), "{written:?}");
    }

    fn queues(&self) -> impl Iterator<Item = (&str, &QueueSlots)> {
        self.layout.shape.queues.iter().map(|queue| queue.name.as_str()).zip(&self.layout.queues)
    }

    fn arrivals(&self, page: &mut Page) {
        let services = || self.layout.shape.services.iter().map(|s| s.name.as_str()).zip(&self.layout.services);
        page.family("acd_calls_received_total", Kind::Counter, "Calls an open service accepted: their welcome began.");
        for (service, slots) in services() {
            page.value(&[("service", service)], slots.received);
        }
        page.family("acd_calls_refused_total", Kind::Counter, "Calls that were never received, by reason.");
        for refusal in Refusal::ALL {
            let labels = |service| [("service", service), ("reason", refusal.label())];
            for (service, slots) in services() {
                page.value(&labels(service), slots.refused + refusal.index());
            }
            page.value(&labels(NONE), self.layout.refused_without_service + refusal.index());
        }
        doors::families(&self.layout, page);
        page.family("acd_calls_in_greeting", Kind::Gauge, "Calls received that have not entered a queue or ended.");
        for (service, slots) in services() {
            page.value(&[("service", service)], slots.in_greeting);
        }
        page.family("acd_calls_entered_total", Kind::Counter, "Calls put in a queue: their wait began.");
        for (service, queue, slots) in self.routes() {
            page.value(&[("service", service), ("queue", queue)], slots.entered);
        }
        page.family(
            "acd_calls_finished_total",
            Kind::Counter,
            "Calls whose stay in a queue, or in the greeting (queue \"none\"), ended, by outcome.",
        );
        for (service, queue, slots) in self.routes() {
            for end in VisitEnd::ALL {
                let labels = [("service", service), ("queue", queue), ("outcome", end.label())];
                page.value(&labels, slots.finished + end.index());
            }
        }
        for (service, slots) in services() {
            for end in GreetingEnd::ALL {
                let labels = [("service", service), ("queue", NONE), ("outcome", end.label())];
                page.value(&labels, slots.greeting_ends + end.index());
            }
        }
    }

    fn routes(&self) -> impl Iterator<Item = (&str, &str, &RouteSlots)> {
        self.layout.routes.iter().map(|route| {
            let service = &self.layout.shape.services[route.service.index()].name;
            let queue = &self.layout.shape.queues[route.queue.index()].name;
            (service.as_str(), queue.as_str(), route)
        })
    }

    fn thresholds(&self) -> impl Iterator<Item = (&str, String, &ThresholdSlots)> {
        self.layout.shape.queues.iter().zip(&self.layout.queues).flat_map(|(queue, slots)| {
            let labels = queue.thresholds.iter().map(|limit| threshold_label(*limit));
            labels.zip(&slots.thresholds).map(|(label, slots)| (queue.name.as_str(), label, slots))
        })
    }

    fn service_level(&self, page: &mut Page) {
        page.family(
            "acd_sla_calls_total",
            Kind::Counter,
            "Service-level events: one a call and threshold, never taken back. Service level = hit / (hit + miss).",
        );
        for (queue, threshold, slots) in self.thresholds() {
            for (result, slot) in [("hit", slots.hit), ("miss", slots.miss), ("excused", slots.excused)] {
                page.value(&[("queue", queue), ("result", result), ("threshold", &threshold)], slot);
            }
        }
        page.family("acd_sla_pending_calls", Kind::Gauge, "Calls waiting within the threshold, without an event yet.");
        for (queue, threshold, slots) in self.thresholds() {
            page.value(&[("queue", queue), ("threshold", &threshold)], slots.pending);
        }
        page.family(
            "acd_sla_uncounted_calls_total",
            Kind::Counter,
            "Calls that entered while a reload had the threshold not yet, or no more: it does not judge them.",
        );
        for (queue, threshold, slots) in self.thresholds() {
            page.value(&[("queue", queue), ("threshold", &threshold)], slots.uncounted);
        }
        page.family(
            "acd_sla_threshold_seconds",
            Kind::Gauge,
            "Service-level thresholds; the one of kind \"contract\" decides, the others are only counted.",
        );
        for queue in &self.layout.shape.queues {
            for (place, limit) in queue.judged_by() {
                let kind = if place == usize::from(queue.contract) { "contract" } else { "additional" };
                let labels = [("queue", queue.name.as_str()), ("threshold", &threshold_label(limit)), ("kind", kind)];
                page.number(&labels, limit.as_secs_f64());
            }
        }
        page.family(
            "acd_sla_target_ratio",
            Kind::Gauge,
            "Service level to be exceeded, strictly, under the contract's threshold.",
        );
        for queue in &self.layout.shape.queues {
            page.number(&[("queue", &queue.name)], f64::from(queue.target_percent) / 100.0);
        }
    }

    fn waiting(&self, page: &mut Page, now: Time) {
        page.family(
            "acd_queue_wait_seconds",
            Kind::Histogram,
            "Wait in the queue, by how it ended; every threshold is an edge.",
        );
        for (queue, slots) in self.queues() {
            for (end, waits) in VisitEnd::ALL.iter().zip(&slots.waits) {
                page.histogram(&[("queue", queue), ("outcome", end.label())], waits);
            }
        }
        page.family(
            "acd_wait_estimate_error_seconds",
            Kind::Histogram,
            "How far the wait of answered calls was from what was estimated at their entry; too_short: they waited longer.",
        );
        for (queue, slots) in self.queues() {
            for (estimate, errors) in ["too_short", "too_long"].iter().zip(&slots.estimate_errors) {
                page.histogram(&[("queue", queue), ("estimate", estimate)], errors);
            }
        }
        page.family("acd_queue_waiting_calls", Kind::Gauge, "Calls waiting now, ringing ones included.");
        for (queue, slots) in self.queues() {
            page.value(&[("queue", queue)], slots.waiting);
        }
        page.family(
            "acd_queue_oldest_wait_seconds",
            Kind::Gauge,
            "Wait so far of the longest waiting call; 0 for none.",
        );
        for (queue, slots) in self.queues() {
            let entered_at = Time::from_nanos(page.at(slots.oldest));
            let wait = if page.at(slots.waiting) == 0 { 0.0 } else { now.since(entered_at).as_secs_f64() };
            page.number(&[("queue", queue)], wait);
        }
        page.family(
            "acd_calls_promoted_total",
            Kind::Counter,
            "Callers whom those of heavier queues overtook as often as they may.",
        );
        for (queue, slots) in self.queues() {
            page.value(&[("queue", queue)], slots.promoted);
        }
        page.family(
            "acd_calls_flowed_out_total",
            Kind::Counter,
            "Calls that left their queue for something other than an agent of it.",
        );
        for (queue, slots) in self.queues() {
            for to in FlowOut::ALL {
                page.value(&[("queue", queue), ("reason", to.label())], slots.flowed_out + to.index());
            }
        }
    }

    fn offers(&self, page: &mut Page) {
        let steps = || {
            self.queues().flat_map(|(queue, slots)| {
                slots.steps.iter().enumerate().map(move |(number, step)| (queue, number.to_string(), step))
            })
        };
        page.family("acd_offers_total", Kind::Counter, "Offers (one agent's phone rung for one call), by outcome.");
        for (queue, step, slots) in steps() {
            for outcome in OfferOutcome::ALL {
                let labels = [("queue", queue), ("step", step.as_str()), ("outcome", outcome.label())];
                page.value(&labels, slots.outcomes + outcome.index());
            }
        }
        page.family("acd_offers_made_total", Kind::Counter, "Offers made, whatever became of them.");
        for (queue, step, slots) in steps() {
            page.value(&[("queue", queue), ("step", &step)], slots.made);
        }
        page.family("acd_offers_ringing", Kind::Gauge, "Offers without an outcome yet.");
        for (queue, step, slots) in steps() {
            page.value(&[("queue", queue), ("step", &step)], slots.ringing);
        }
        page.family("acd_ring_seconds", Kind::Histogram, "How long agents' phones rang, whatever the outcome.");
        for (queue, slots) in self.queues() {
            page.histogram(&[("queue", queue)], &slots.ring);
        }
        page.family("acd_escalations_total", Kind::Counter, "Calls that reached a later tier step, by what opened it.");
        // Step 0 is open from entry; nothing escalates to it.
        for (queue, step, slots) in steps().filter(|(_, step, _)| step != "0") {
            for trigger in StepTrigger::ALL {
                let labels = [("queue", queue), ("step", step.as_str()), ("trigger", trigger.label())];
                page.value(&labels, slots.escalations + trigger.index());
            }
        }
        page.family(
            "acd_dispatch_seconds",
            Kind::Histogram,
            "From the moment a call and an agent could meet to the INVITE.",
        );
        page.histogram(&[], &self.layout.dispatch);
    }

    fn agents(&self, page: &mut Page) {
        let pools = || self.layout.shape.pools.iter().map(|pool| pool.name.as_str()).zip(&self.layout.pools);
        page.family("acd_agents", Kind::Gauge, "Agents in each state.");
        for (pool, slots) in pools() {
            for state in AgentState::ALL {
                page.value(&[("pool", pool), ("state", state.label())], slots.agents + state.index());
            }
        }
        page.family(
            "acd_agent_state_seconds_total",
            Kind::Counter,
            "Time agents spent in each state, the stays still running included.",
        );
        // The copy's own moment, not the reader's: a change not yet published must not take back time shown.
        let as_of = super::tally::micros(Time::from_nanos(page.at(self.layout.as_of)));
        for (pool, slots) in pools() {
            for state in AgentState::ALL {
                let running = page.at(slots.agents + state.index()).wrapping_mul(as_of);
                let spent = page.at(slots.clocks + state.index()).wrapping_add(running);
                page.number(&[("pool", pool), ("state", state.label())], spent as f64 / 1e6);
            }
        }
        let pauses = || {
            pools().flat_map(|(pool, slots)| {
                self.layout.shape.pauses.iter().zip(&slots.pauses).map(move |(reason, slots)| (pool, reason, slots))
            })
        };
        page.family("acd_agents_paused", Kind::Gauge, "Agents paused, by why.");
        for (pool, reason, slots) in pauses() {
            page.value(&[("pool", pool), ("reason", reason)], slots.agents);
        }
        page.family(
            "acd_agent_paused_seconds_total",
            Kind::Counter,
            "Time agents were paused, by why, the pauses still running included.",
        );
        for (pool, reason, slots) in pauses() {
            let spent = page.at(slots.clock).wrapping_add(page.at(slots.agents).wrapping_mul(as_of));
            page.number(&[("pool", pool), ("reason", reason)], spent as f64 / 1e6);
        }
        page.family(
            "acd_pause_limits_reached_total",
            Kind::Counter,
            "Pauses that lasted as long as their reason allows and ended by themselves.",
        );
        for (pool, reason, slots) in pauses() {
            page.value(&[("pool", pool), ("reason", reason)], slots.limits);
        }
        page.family(
            "acd_agent_requests_denied_total",
            Kind::Counter,
            "What agents asked for and could not have, by why.",
        );
        for (pool, slots) in pools() {
            for why in Denial::ALL {
                page.value(&[("pool", pool), ("reason", why.label())], slots.denials + why.index());
            }
        }
        page.family("acd_wrap_up_seconds", Kind::Histogram, "Length of work after a call.");
        for (pool, slots) in pools() {
            page.histogram(&[("pool", pool)], &slots.wrap_up);
        }
    }

    fn talks(&self, page: &mut Page) {
        page.family(
            "acd_talk_seconds",
            Kind::Histogram,
            "How long agents talked with callers, hold and consultation excluded; one a caller and agent.",
        );
        for (queue, slots) in self.queues() {
            page.histogram(&[("queue", queue)], &slots.talk);
        }
        self.transfers(page);
        page.family("acd_calls_talking", Kind::Gauge, "Answered calls that are not over.");
        for (queue, slots) in self.queues() {
            page.value(&[("queue", queue)], slots.talking);
        }
        page.family("acd_calls_ended_total", Kind::Counter, "Answered calls that are over, by who hung up.");
        for (queue, slots) in self.queues() {
            for by in Party::ALL {
                page.value(&[("queue", queue), ("reason", by.label())], slots.ended + by.index());
            }
        }
        page.family(
            "acd_answer_to_audio_seconds",
            Kind::Histogram,
            "From an agent's answer to the first audio relayed.",
        );
        page.histogram(&[], &self.layout.answer_to_audio);
    }

    fn media(&self, page: &mut Page) {
        let sides = || SIDES.iter().map(|side| side.label()).zip(&self.layout.legs);
        page.family("acd_rtp_packets_received_total", Kind::Counter, "RTP packets received on legs that are over.");
        for (leg, slots) in sides() {
            page.value(&[("leg", leg)], slots.received);
        }
        page.family("acd_rtp_packets_sent_total", Kind::Counter, "RTP packets sent on legs that are over.");
        for (leg, slots) in sides() {
            page.value(&[("leg", leg)], slots.sent);
        }
        page.family("acd_rtp_packets_converted_total", Kind::Counter, "Of those sent, converted from the other codec.");
        for (leg, slots) in sides() {
            page.value(&[("leg", leg)], slots.converted);
        }
        page.family(
            "acd_rtp_packets_lost_total",
            Kind::Counter,
            "RTP packets of legs that are over that never came in, or that were sent and missed, as the other side says.",
        );
        for (leg, slots) in sides() {
            page.value(&[("leg", leg), ("direction", "in")], slots.received_lost);
            page.value(&[("leg", leg), ("direction", "out")], slots.sent_lost);
        }
        page.family("acd_rtp_loss_ratio", Kind::Histogram, "Share of a leg's RTP packets lost on the way here.");
        for (leg, slots) in sides() {
            page.histogram(&[("leg", leg)], &slots.loss);
        }
        page.family(
            "acd_rtp_jitter_seconds",
            Kind::Histogram,
            "Largest interarrival jitter of a leg (RFC 3550 6.4.1).",
        );
        for (leg, slots) in sides() {
            page.histogram(&[("leg", leg)], &slots.jitter);
        }
        page.family("acd_rtp_round_trip_seconds", Kind::Histogram, "Mean round trip of a leg, by its RTCP reports.");
        for (leg, slots) in sides() {
            page.histogram(&[("leg", leg)], &slots.round_trip);
        }
    }

    fn traffic(&self, page: &mut Page) {
        let sides = || {
            let of = |peer: &Peer| Direction::ALL.iter().map(|direction| (*peer, *direction)).collect::<Vec<_>>();
            Peer::ALL.iter().flat_map(of)
        };
        let labels = |peer: Peer, direction: Direction| [("peer", peer.label()), ("direction", direction.label())];
        let help = "SIP requests, repeated ones included, by who is at the other end.";
        page.family("acd_sip_requests_total", Kind::Counter, help);
        for (peer, direction) in sides() {
            for &method in Method::ALL {
                let [peer_label, direction_label] = labels(peer, direction);
                let place = self.layout.requests + traffic::request_place(peer, direction, method);
                page.value(&[peer_label, direction_label, ("method", method.label())], place);
            }
        }
        let help = "SIP responses, repeated ones included, by who is at the other end.";
        page.family("acd_sip_responses_total", Kind::Counter, help);
        for (peer, direction) in sides() {
            for (position, code) in traffic::code_labels().enumerate() {
                let [peer_label, direction_label] = labels(peer, direction);
                let place = self.layout.responses + traffic::response_place(peer, direction, position);
                page.value(&[peer_label, direction_label, ("code", code)], place);
            }
        }
    }

    fn engine(&self, page: &mut Page) {
        page.family("acd_order_violations_total", Kind::Counter, "Offers and steps out of order: stays 0.");
        for rule in OrderRule::ALL {
            page.value(&[("rule", rule.label())], self.layout.order + rule.index());
        }
        page.family("acd_invariant_violations_total", Kind::Counter, "Laws of the engine found broken: stays 0.");
        for law in 0..LAWS {
            page.value(&[("law", &(law + 1).to_string())], self.layout.laws + law);
        }
        page.family("acd_turned_total", Kind::Counter, "Messages and packets turned away or lost at the edge.");
        for kind in Turned::ALL {
            page.value(&[("kind", kind.label())], self.layout.turned + kind.index());
        }
        for gauge in Gauge::ALL {
            page.family(&format!("acd_{}", gauge.label()), Kind::Gauge, gauge_help(*gauge));
            page.value(&[], self.layout.gauges + gauge.index());
        }
        page.family("acd_phase", Kind::Gauge, "1 for what the engine is doing about new calls, 0 for the rest.");
        for phase in Phase::ALL {
            let is = page.at(self.layout.phase) == phase.index() as u64;
            page.number(&[("state", phase.label())], f64::from(u8::from(is)));
        }
        page.family(
            "acd_config_reloads_total",
            Kind::Counter,
            "Configurations read while running, by what came of it.",
        );
        for result in Reload::ALL {
            page.value(&[("result", result.label())], self.layout.reloads + result.index());
        }
        page.family("acd_config_info", Kind::Gauge, "Always 1; the digest of the configuration in force.");
        page.number(&[("hash", &self.info.config_hash)], 1.0);
        page.family("acd_build_info", Kind::Gauge, "Always 1; the version of the program.");
        page.number(&[("version", &self.info.version)], 1.0);
    }
}

fn gauge_help(gauge: Gauge) -> &'static str {
    match gauge {
        Gauge::SipTransactions => "SIP transactions alive.",
        Gauge::SipDialogs => "SIP dialogs alive.",
        Gauge::Registrations => "Phones with a binding.",
        Gauge::MediaLegs => "Legs with media.",
        Gauge::RtpPortsInUse => "RTP ports taken, draining ones included.",
        Gauge::OpusLegs => "Legs of Opus that are converted or may have to be; limits.opus_legs is the most.",
        Gauge::StuckCalls => "Calls in a state that must end and has no deadline: stays 0.",
        Gauge::StuckAgents => "Agents in a state that must end and has no deadline: stays 0.",
        Gauge::InputQueue => "Messages waiting for the engine thread.",
        Gauge::OverloadedByMessages => "1 while new calls get 503 because messages wait too long to be read.",
        Gauge::OverloadedBySound => "1 while new calls get 503 because callers would hear gaps.",
    }
}
