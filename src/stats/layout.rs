//! Where each number lives in the flat list that is published: a position for every label combination of the shape.
//!
//! The list holds everything a reader shows, so that one copy of it is one consistent state.

mod carry;

use super::histogram::{self, HistogramSlots};
use super::shape::{MAX_THRESHOLDS, QueueShape, Shape};
use super::traffic;
use crate::facts::{
    AgentState, Denial, FlowOut, LastAgentResult, OfferOutcome, OrderRule, Party, Refusal, Reload, StepTrigger,
    TransferKind, TransferResult, Turned, closed_set,
};
use crate::ids::{QueueId, ServiceId};

/// The positions of all numbers, and the names they are shown under.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The names.
    pub shape: Shape,
    /// By `ServiceId`.
    pub services: Vec<ServiceSlots>,
    /// One a service and queue that its calls can enter.
    pub routes: Vec<RouteSlots>,
    /// By `QueueId`.
    pub queues: Vec<QueueSlots>,
    /// By `PoolId`.
    pub pools: Vec<PoolSlots>,
    /// Refusals of numbers that are no service, by `Refusal`.
    pub refused_without_service: usize,
    /// By `TransferKind`, then by `TransferResult`.
    pub transfers: usize,
    /// By `TransferResult`.
    pub consults: usize,
    /// Conferences.
    pub conferences: usize,
    /// By `LastAgentResult`.
    pub last_agents: usize,
    /// By `Turned`.
    pub turned: usize,
    /// New configurations, by `Reload`.
    pub reloads: usize,
    /// SIP requests by peer, direction and method; see [`super::traffic`].
    pub requests: usize,
    /// SIP responses by peer, direction and code.
    pub responses: usize,
    /// By law number less 1.
    pub laws: usize,
    /// Offers and steps out of order, by rule.
    pub order: usize,
    /// From "could meet" to the INVITE's sending.
    pub dispatch: HistogramSlots,
    /// From the answer to heard audio.
    pub answer_to_audio: HistogramSlots,
    /// By position in `SIDES`.
    pub legs: [LegSlots; SIDES.len()],
    /// By `Gauge`.
    pub gauges: usize,
    /// The engine's `Phase`.
    pub phase: usize,
    /// The moment, in nanoseconds, at which the list was published: the engine's heartbeat.
    pub as_of: usize,
    route_of: Vec<Option<usize>>,
    len: usize,
}

/// The sides of a call that have media.
pub const SIDES: [Party; 2] = [Party::Caller, Party::Agent];

/// How the legs of one side of calls fared.
#[derive(Clone, Debug)]
pub struct LegSlots {
    /// RTP packets received.
    pub received: usize,
    /// RTP packets that never came.
    pub received_lost: usize,
    /// RTP packets sent.
    pub sent: usize,
    /// RTP packets sent that were converted from another codec.
    pub converted: usize,
    /// RTP packets sent that the other sides miss.
    pub sent_lost: usize,
    /// The share of packets lost on the way here, one a leg that sent anything; in billionths where others have
    /// nanoseconds.
    pub loss: HistogramSlots,
    /// The largest jitter, one a leg that sent anything.
    pub jitter: HistogramSlots,
    /// One a leg whose other side reports.
    pub round_trip: HistogramSlots,
}

/// A service's numbers.
#[derive(Clone, Copy, Debug)]
pub struct ServiceSlots {
    /// Calls received.
    pub received: usize,
    /// By `Refusal`.
    pub refused: usize,
    /// Calls passed on to another service, by `Refusal`.
    pub passed_on: usize,
    /// Callers taken over out of another queue.
    pub taken_over: usize,
    /// 1 while it is closed.
    pub closed: usize,
    /// Calls in the greeting now.
    pub in_greeting: usize,
    /// By `GreetingEnd`.
    pub greeting_ends: usize,
}

/// Numbers of a service's calls in one queue.
#[derive(Clone, Copy, Debug)]
pub struct RouteSlots {
    /// Whose.
    pub service: ServiceId,
    /// Where.
    pub queue: QueueId,
    /// Calls entered.
    pub entered: usize,
    /// By `VisitEnd`.
    pub finished: usize,
}

/// A queue's numbers.
#[derive(Clone, Debug)]
pub struct QueueSlots {
    /// Calls waiting now.
    pub waiting: usize,
    /// When the longest waiting call entered, in nanoseconds; meaningless while nobody waits.
    pub oldest: usize,
    /// By position in the list of thresholds.
    pub thresholds: Vec<ThresholdSlots>,
    /// Waits, by `VisitEnd`.
    pub waits: [HistogramSlots; VisitEnd::ALL.len()],
    /// By `FlowOut`.
    pub flowed_out: usize,
    /// Callers overtaken as often as they may be.
    pub promoted: usize,
    /// By position in the list of steps.
    pub steps: Vec<StepSlots>,
    /// How much longer answered calls waited than was estimated, and how much shorter.
    pub estimate_errors: [HistogramSlots; 2],
    /// How long phones rang, whatever the outcome.
    pub ring: HistogramSlots,
    /// How long agents talked with callers, a stay of one agent with one caller each.
    pub talk: HistogramSlots,
    /// Nanoseconds that agents kept callers on hold.
    pub held: usize,
    /// Nanoseconds that agents asked colleagues meanwhile.
    pub consulted: usize,
    /// Answered calls not over yet.
    pub talking: usize,
    /// Answered calls that are over, by `Party`.
    pub ended: usize,
}

/// Service-level events under one threshold.
#[derive(Clone, Copy, Debug)]
pub struct ThresholdSlots {
    /// See `service_level::Events`.
    pub hit: usize,
    /// See `service_level::Events`.
    pub miss: usize,
    /// See `service_level::Events`.
    pub excused: usize,
    /// See `service_level::Events`.
    pub pending: usize,
    /// Calls that entered while the threshold was not one of the queue's.
    pub uncounted: usize,
}

/// Numbers of one tier step.
#[derive(Clone, Copy, Debug)]
pub struct StepSlots {
    /// Offers made.
    pub made: usize,
    /// Offers ended, by `OfferOutcome`.
    pub outcomes: usize,
    /// Offers without an outcome yet.
    pub ringing: usize,
    /// Calls that reached the step, by `StepTrigger`.
    pub escalations: usize,
}

/// A pool's numbers.
#[derive(Clone, Debug)]
pub struct PoolSlots {
    /// Agents now in each state, by `AgentState`.
    pub agents: usize,
    /// Microseconds, by `AgentState`: ends of stays less beginnings, so that the time spent in the state up to T is
    /// this plus T for each agent in it now (modulo 2^64).
    pub clocks: usize,
    /// By `PauseId`.
    pub pauses: Vec<PauseSlots>,
    /// What agents asked for and could not have, by `Denial`.
    pub denials: usize,
    /// Work after calls.
    pub wrap_up: HistogramSlots,
}

/// A pool's numbers for one reason to pause.
#[derive(Clone, Copy, Debug)]
pub struct PauseSlots {
    /// Agents now paused for it.
    pub agents: usize,
    /// Microseconds: ends of pauses less beginnings, as in `PoolSlots::clocks`.
    pub clock: usize,
    /// Pauses that were as long as the reason allows.
    pub limits: usize,
}

closed_set! {
    /// How a visit to a queue ended.
    VisitEnd {
        /// An agent took the call.
        Answered = "answered",
        /// The caller left.
        Abandoned = "abandoned",
        /// The call left for something other than an agent of the queue.
        FlowedOut = "flowed_out",
        /// We failed.
        Failed = "failed",
    }
}

closed_set! {
    /// How a call ended that was received and never entered a queue.
    GreetingEnd {
        /// The caller hung up.
        LeftInGreeting = "left_in_greeting",
        /// The flow finished the call.
        EndedInMenu = "ended_in_menu",
        /// We failed.
        FailedInGreeting = "failed_in_greeting",
    }
}

closed_set! {
    /// A size that the engine thread reports; the label is the metric's name without its prefix.
    Gauge {
        /// Transactions alive.
        SipTransactions = "sip_transactions",
        /// Dialogs alive.
        SipDialogs = "sip_dialogs",
        /// Phones with a binding.
        Registrations = "registrations",
        /// Legs with media.
        MediaLegs = "media_legs",
        /// RTP ports taken, draining ones included.
        RtpPortsInUse = "rtp_ports_in_use",
        /// Legs of Opus that may have to be converted.
        OpusLegs = "opus_legs",
        /// Calls in a state that must end and has no deadline.
        StuckCalls = "stuck_calls",
        /// Agents in a state that must end and has no deadline.
        StuckAgents = "stuck_agents",
        /// Messages waiting for the engine thread.
        InputQueue = "input_queue_messages",
        /// 1 while new calls are turned away because messages wait too long.
        OverloadedByMessages = "overloaded_by_messages",
        /// 1 while new calls are turned away because sound leaves too late.
        OverloadedBySound = "overloaded_by_sound",
    }
}

closed_set! {
    /// What the engine is doing about new calls.
    Phase {
        /// Not taking calls yet.
        Starting = "starting",
        /// Taking calls.
        Ready = "ready",
        /// Not taking calls any more.
        Draining = "draining",
    }
}

/// The laws of semantics.md section 9 are numbered 1 to this.
pub const LAWS: usize = 9;

impl Layout {
    /// A place for every label combination of `shape`.
    pub fn new(shape: Shape) -> Layout {
        let mut next = Next(0);
        let services: Vec<ServiceSlots> = shape.services.iter().map(|_| next.service()).collect();
        let (routes, route_of) = lay_routes(&shape, &mut next);
        Layout {
            services,
            routes,
            route_of,
            queues: shape.queues.iter().map(|queue| next.queue(queue)).collect(),
            pools: shape.pools.iter().map(|_| next.pool(shape.pauses.len())).collect(),
            refused_without_service: next.slots(Refusal::ALL.len()),
            transfers: next.slots(TransferKind::ALL.len() * TransferResult::ALL.len()),
            consults: next.slots(TransferResult::ALL.len()),
            conferences: next.slot(),
            last_agents: next.slots(LastAgentResult::ALL.len()),
            turned: next.slots(Turned::ALL.len()),
            reloads: next.slots(Reload::ALL.len()),
            requests: next.slots(traffic::REQUESTS),
            responses: next.slots(traffic::RESPONSES),
            laws: next.slots(LAWS),
            order: next.slots(OrderRule::ALL.len()),
            dispatch: next.histogram(histogram::DISPATCH.edges(&[])),
            answer_to_audio: next.histogram(histogram::AUDIO.edges(&[])),
            legs: SIDES.map(|_| next.leg()),
            gauges: next.slots(Gauge::ALL.len()),
            phase: next.slot(),
            as_of: next.slot(),
            len: next.0,
            shape,
        }
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: there is always the heartbeat.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The position in `routes` of a service's calls in a queue, when they can enter it.
    pub fn route(&self, service: ServiceId, queue: QueueId) -> Option<usize> {
        if queue.index() >= self.queues.len() {
            return None;
        }
        *self.route_of.get(service.index().checked_mul(self.queues.len())?.checked_add(queue.index())?)?
    }
}

fn lay_routes(shape: &Shape, next: &mut Next) -> (Vec<RouteSlots>, Vec<Option<usize>>) {
    let mut routes = Vec::new();
    let mut route_of = vec![None; shape.services.len() * shape.queues.len()];
    for (service, position) in shape.services.iter().zip(0u32..) {
        for queue in service.queues.iter().filter(|queue| queue.index() < shape.queues.len()) {
            let place = &mut route_of[position as usize * shape.queues.len() + queue.index()];
            if place.is_none() {
                *place = Some(routes.len());
                routes.push(RouteSlots {
                    service: ServiceId(position),
                    queue: *queue,
                    entered: next.slot(),
                    finished: next.slots(VisitEnd::ALL.len()),
                });
            }
        }
    }
    (routes, route_of)
}

/// The next free slot.
struct Next(usize);

impl Next {
    fn slot(&mut self) -> usize {
        self.slots(1)
    }

    fn slots(&mut self, count: usize) -> usize {
        let base = self.0;
        self.0 += count;
        base
    }

    fn histogram(&mut self, edges: Vec<u64>) -> HistogramSlots {
        HistogramSlots::new(self.slots(HistogramSlots::slots(edges.len())), edges)
    }

    fn service(&mut self) -> ServiceSlots {
        ServiceSlots {
            received: self.slot(),
            refused: self.slots(Refusal::ALL.len()),
            passed_on: self.slots(Refusal::ALL.len()),
            taken_over: self.slot(),
            closed: self.slot(),
            in_greeting: self.slot(),
            greeting_ends: self.slots(GreetingEnd::ALL.len()),
        }
    }

    fn queue(&mut self, queue: &QueueShape) -> QueueSlots {
        let thresholds = &queue.thresholds[..queue.thresholds.len().min(MAX_THRESHOLDS)];
        QueueSlots {
            waiting: self.slot(),
            oldest: self.slot(),
            thresholds: thresholds.iter().map(|_| self.threshold()).collect(),
            waits: [(); VisitEnd::ALL.len()].map(|()| self.histogram(histogram::WAIT.edges(thresholds))),
            flowed_out: self.slots(FlowOut::ALL.len()),
            promoted: self.slot(),
            steps: (0..queue.steps).map(|_| self.step()).collect(),
            estimate_errors: [(); 2].map(|()| self.histogram(histogram::WAIT.edges(&[]))),
            ring: self.histogram(histogram::RING.edges(&[])),
            talk: self.histogram(histogram::TALK.edges(&[])),
            held: self.slot(),
            consulted: self.slot(),
            talking: self.slot(),
            ended: self.slots(Party::ALL.len()),
        }
    }

    fn leg(&mut self) -> LegSlots {
        LegSlots {
            received: self.slot(),
            received_lost: self.slot(),
            sent: self.slot(),
            converted: self.slot(),
            sent_lost: self.slot(),
            loss: self.histogram(histogram::LOSS.edges(&[])),
            jitter: self.histogram(histogram::JITTER.edges(&[])),
            round_trip: self.histogram(histogram::ROUND_TRIP.edges(&[])),
        }
    }

    fn threshold(&mut self) -> ThresholdSlots {
        ThresholdSlots {
            hit: self.slot(),
            miss: self.slot(),
            excused: self.slot(),
            pending: self.slot(),
            uncounted: self.slot(),
        }
    }

    fn step(&mut self) -> StepSlots {
        StepSlots {
            made: self.slot(),
            outcomes: self.slots(OfferOutcome::ALL.len()),
            ringing: self.slot(),
            escalations: self.slots(StepTrigger::ALL.len()),
        }
    }

    fn pause(&mut self) -> PauseSlots {
        PauseSlots { agents: self.slot(), clock: self.slot(), limits: self.slot() }
    }

    fn pool(&mut self, pauses: usize) -> PoolSlots {
        PoolSlots {
            pauses: (0..pauses).map(|_| self.pause()).collect(),
            denials: self.slots(Denial::ALL.len()),
            agents: self.slots(AgentState::ALL.len()),
            clocks: self.slots(AgentState::ALL.len()),
            wrap_up: self.histogram(histogram::WRAP_UP.edges(&[])),
        }
    }
}
