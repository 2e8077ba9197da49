//! The queue log of Asterisk, as its reporting programs read it: a line an event, `epoch|call|queue|agent|event|…`.
//!
//! Agents appear by their pool unless an agreement allows more; callers do not appear. What Asterisk has no word for is
//! told as its nearest event: a call that we failed or that was drained as ABANDON (there, too, the channel goes away),
//! a call that flowed out by choice as EXITWITHKEY. An agent who passes a caller on has a TRANSFER line when it is known
//! to whom, and the call is over for the log, as it is for a queue of Asterisk; in another queue it is a new one.

use centralino::facts::{Fact, FlowOut, OfferOutcome, Party, Record, TransferKind, TransferResult};
use centralino::ids::{AgentId, CallId, PoolId, QueueId};
use centralino::report::record::Name;
use centralino::stats::Shape;
use centralino::time::{Duration, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Follows facts and tells them in Asterisk's words.
pub struct QueueLog {
    /// Seconds since 1970 of the run's start: the first half of Asterisk's call ids.
    started: i64,
    services: Vec<Name>,
    queues: Vec<Name>,
    pools: Vec<Name>,
    agents: Vec<Name>,
    most_calls: usize,
    calls: BTreeMap<CallId, Call>,
    /// Who waits where, in the order of entry.
    waiting: BTreeMap<QueueId, BTreeSet<(Time, CallId)>>,
}

/// A line in the making.
struct Event {
    call: CallId,
    queue: QueueId,
    agent: Option<(AgentId, PoolId)>,
    words: String,
}

struct Call {
    queue: QueueId,
    entered: Time,
    original_position: usize,
    rang: Duration,
    waited: Duration,
    /// Who has passed the caller on, and after how long with the caller.
    passed_on: Option<(AgentId, PoolId, Duration)>,
    /// How.
    kind: TransferKind,
}

impl QueueLog {
    /// A log in these names; `agents` as for `report::assemble::Run`.
    pub fn new(shape: &Shape, agents: Vec<Name>, started_utc: i64) -> QueueLog {
        QueueLog {
            started: started_utc.div_euclid(SECOND),
            services: shape.services.iter().map(|service| service.name.as_str().into()).collect(),
            queues: shape.queues.iter().map(|queue| queue.name.as_str().into()).collect(),
            pools: shape.pools.iter().map(|pool| pool.name.as_str().into()).collect(),
            agents,
            most_calls: shape.calls,
            calls: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// A reload: whoever is new has a name from now on.
    pub fn follow(&mut self, shape: &Shape, agents: Vec<Name>) {
        let QueueLog { services, queues, pools, agents, .. } = QueueLog::new(shape, agents, 0);
        (self.services, self.queues, self.pools, self.agents) = (services, queues, pools, agents);
        self.most_calls = self.most_calls.max(shape.calls);
    }

    /// The line of the daemon's start.
    pub fn start(&self) -> String {
        format!("{}|NONE|NONE|NONE|QUEUESTART|\n", self.started)
    }

    /// The line of a fact, if Asterisk has one; `utc` is its civil time.
    pub fn line(&mut self, record: &Record, utc: i64) -> Option<String> {
        let Event { call, queue, agent, words } = self.event(record)?;
        let queue = self.queues.get(queue.index()).map_or("NONE", |name| name);
        let agent = agent.and_then(|(agent, pool)| self.agents.get(agent.index()).or(self.pools.get(pool.index())));
        let (epoch, agent) = (utc.div_euclid(SECOND), agent.map_or("NONE", |name| name));
        Some(format!("{epoch}|{}.{}|{queue}|{agent}|{words}\n", self.started, call.0))
    }

    fn event(&mut self, record: &Record) -> Option<Event> {
        let by_nobody = |call, queue, words| Event { call, queue, agent: None, words };
        let of = |call, queue, (agent, pool), words| Event { call, queue, agent: Some((agent, pool)), words };
        match record.fact {
            Fact::CallEntered { call, queue, .. } => {
                let position = self.enter(call, queue, record.at)?;
                Some(by_nobody(call, queue, format!("ENTERQUEUE|||{position}")))
            }
            Fact::OfferEnded { call, queue, pool, agent, outcome, rang, .. } => {
                let event = self.offer_ended(call, outcome, rang)?;
                Some(of(call, queue, (agent, pool), event))
            }
            Fact::CallAnswered { call, queue, pool, agent, waited } => {
                self.leave(call, queue)?;
                let known = self.calls.get_mut(&call)?;
                known.waited = waited;
                let rang = known.rang.as_secs();
                Some(of(call, queue, (agent, pool), format!("CONNECT|{}||{rang}", waited.as_secs())))
            }
            Fact::CallEnded { call, queue, pool, agent, talked, held, consulted, by } => {
                let known = self.calls.remove(&call)?;
                let event = match by {
                    Party::Caller => "COMPLETECALLER",
                    Party::Agent | Party::System => "COMPLETEAGENT",
                };
                let (waited, talked) = (known.waited.as_secs(), (talked + held + consulted).as_secs());
                let event = format!("{event}|{waited}|{talked}|{}", known.original_position);
                Some(of(call, queue, (agent, pool), event))
            }
            Fact::TransferEnded { call, kind, result: TransferResult::Completed } => {
                self.calls.get_mut(&call)?.kind = kind;
                None
            }
            Fact::CallTransferred { call, pool, agent, talked, held, consulted, .. } => {
                self.calls.get_mut(&call)?.passed_on = Some((agent, pool, talked + held + consulted));
                None
            }
            Fact::CallTakenUp { call, queue, pool, agent } => {
                let target = self.agents.get(agent.index()).or(self.pools.get(pool.index())).cloned();
                self.transferred(call, queue, target.as_deref().unwrap_or("NONE"))
            }
            Fact::CallTakenOver { call, service, .. } => {
                let queue = self.calls.get(&call)?.queue;
                let target = self.services.get(service.index()).cloned();
                self.transferred(call, queue, target.as_deref().unwrap_or("NONE"))
            }
            Fact::CallEndedUnattended { call, queue, .. } => self.transferred(call, queue, "NONE"),
            Fact::CallAbandoned { call, queue, waited, .. } | Fact::CallFailed { call, queue, waited } => {
                Some(by_nobody(call, queue, self.gone(call, queue, "ABANDON", waited)?))
            }
            Fact::CallFlowedOut { call, queue, waited, to } => {
                let event = match to {
                    FlowOut::MaxWait | FlowOut::Closed => "EXITWITHTIMEOUT",
                    FlowOut::Drained => "ABANDON",
                    // The key that was pressed is not in the fact.
                    FlowOut::Callback | FlowOut::Service | FlowOut::Voicemail | FlowOut::KeyExit => "EXITWITHKEY|",
                };
                Some(by_nobody(call, queue, self.gone(call, queue, event, waited)?))
            }
            _ => None,
        }
    }

    /// The position at which the call enters; nothing if there are too many.
    fn enter(&mut self, call: CallId, queue: QueueId, at: Time) -> Option<usize> {
        if self.calls.len() >= self.most_calls {
            return None;
        }
        let waiting = self.waiting.entry(queue).or_default();
        waiting.insert((at, call));
        let original_position = waiting.len();
        let (rang, waited, passed_on, kind) = (Duration::ZERO, Duration::ZERO, None, TransferKind::Blind);
        self.calls.insert(call, Call { queue, entered: at, original_position, rang, waited, passed_on, kind });
        Some(original_position)
    }

    /// The line of the agent who passed the caller on, if one did, as of Asterisk 12 and later: BLINDTRANSFER's second field
    /// is a dialplan context, ATTENDEDTRANSFER begins with how the two talks became one and what they became.
    fn transferred(&mut self, call: CallId, queue: QueueId, target: &str) -> Option<Event> {
        let (agent, pool, length) = self.calls.get(&call)?.passed_on?;
        let known = self.calls.remove(&call)?;
        let (waited, length) = (known.waited.as_secs(), length.as_secs());
        let how = match known.kind {
            TransferKind::Blind => format!("BLINDTRANSFER|{target}|centralino"),
            TransferKind::Attended => format!("ATTENDEDTRANSFER|BRIDGE|{target}"),
        };
        let words = format!("{how}|{waited}|{length}|{}", known.original_position);
        Some(Event { call, queue, agent: Some((agent, pool)), words })
    }

    fn offer_ended(&mut self, call: CallId, outcome: OfferOutcome, rang: Duration) -> Option<String> {
        match outcome {
            OfferOutcome::Accepted => {
                self.calls.get_mut(&call)?.rang = rang;
                None
            }
            OfferOutcome::NoAnswer
            | OfferOutcome::Busy
            | OfferOutcome::Rejected
            | OfferOutcome::Unreachable
            | OfferOutcome::LostRace
            | OfferOutcome::Failed => Some(format!("RINGNOANSWER|{}", rang.as_millis())),
            OfferOutcome::CallerGone | OfferOutcome::Withdrawn => Some(format!("RINGCANCELED|{}", rang.as_millis())),
        }
    }

    fn gone(&mut self, call: CallId, queue: QueueId, event: &str, waited: Duration) -> Option<String> {
        let position = self.leave(call, queue)?;
        let known = self.calls.remove(&call)?;
        Some(format!("{event}|{position}|{}|{}", known.original_position, waited.as_secs()))
    }

    /// The position at which the call leaves.
    fn leave(&mut self, call: CallId, queue: QueueId) -> Option<usize> {
        let place = (self.calls.get(&call)?.entered, call);
        let waiting = self.waiting.get_mut(&queue)?;
        let position = waiting.range(..place).count() + 1;
        waiting.remove(&place).then_some(position)
    }
}

const SECOND: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use centralino::stats::{PoolShape, QueueShape, ServiceShape};
    use centralino::{facts::StepTrigger, ids::OfferId, ids::ServiceId};

    fn shape() -> Shape {
        let thresholds = vec![Duration::from_secs(30)];
        let name = "information".to_owned();
        Shape {
            services: vec![ServiceShape { name: name.clone(), queues: vec![QueueId(0)] }],
            queues: vec![QueueShape { name, thresholds, target_percent: 90, steps: 2, ..QueueShape::default() }],
            pools: vec![PoolShape { name: "first_line".into(), agents: 2 }],
            calls: 3,
            ..Shape::default()
        }
    }

    #[test]
    fn a_morning_in_asterisks_words() {
        let mut log = QueueLog::new(&shape(), vec!["101".into()], 1_700_000_000_000_000_000);
        let (queue, pool, agent, other) = (QueueId(0), PoolId(0), AgentId(0), AgentId(1));
        let (service, step, second) = (ServiceId(0), 0, Duration::from_secs(1));
        let enters = |call| Fact::CallEntered { call: CallId(call), service, queue };
        let offer_ends = |call, agent, outcome, rang| {
            let (offer, call) = (OfferId(call), CallId(call));
            Fact::OfferEnded { offer, call, queue, step, pool, agent, outcome, rang }
        };
        let story = [
            (1, enters(1)),
            (2, enters(2)),
            (3, enters(3)),
            (3, enters(4)), // one too many
            (4, offer_ends(1, other, OfferOutcome::NoAnswer, 2_500 * second / 1_000)),
            (5, Fact::StepReached { call: CallId(1), queue, step: 1, trigger: StepTrigger::Time }),
            (6, offer_ends(1, agent, OfferOutcome::Accepted, second)),
            (6, Fact::CallAnswered { call: CallId(1), queue, pool, agent, waited: 5 * second }),
            (7, Fact::CallAbandoned { call: CallId(3), queue, waited: 4 * second, lost: false }),
            (9, Fact::CallFlowedOut { call: CallId(2), queue, waited: 7 * second, to: FlowOut::MaxWait }),
            (9, Fact::CallAbandoned { call: CallId(4), queue, waited: 6 * second, lost: false }),
            (
                20,
                Fact::CallEnded {
                    call: CallId(1),
                    queue,
                    pool,
                    agent,
                    talked: 14 * second,
                    held: Duration::ZERO,
                    consulted: Duration::ZERO,
                    by: Party::Caller,
                },
            ),
        ];
        let mut text = log.start();
        for (seconds, fact) in story {
            let record = Record { at: Time::from_millis(seconds * 1_000), fact };
            text.extend(log.line(&record, (1_700_000_000 + seconds as i64) * SECOND));
        }
        let expected = "\
            1700000000|NONE|NONE|NONE|QUEUESTART|\n\
            1700000001|1700000000.1|information|NONE|ENTERQUEUE|||1\n\
            1700000002|1700000000.2|information|NONE|ENTERQUEUE|||2\n\
            1700000003|1700000000.3|information|NONE|ENTERQUEUE|||3\n\
            1700000004|1700000000.1|information|first_line|RINGNOANSWER|2500\n\
            1700000006|1700000000.1|information|101|CONNECT|5||1\n\
            1700000007|1700000000.3|information|NONE|ABANDON|2|3|4\n\
            1700000009|1700000000.2|information|NONE|EXITWITHTIMEOUT|1|2|7\n\
            1700000020|1700000000.1|information|101|COMPLETECALLER|5|14|1\n";
        assert_eq!(text, expected);
        assert!(log.calls.is_empty() && log.waiting.values().all(BTreeSet::is_empty));
    }

    #[test]
    fn callers_who_are_passed_on_are_over_for_the_queue_and_new_in_the_next() {
        let mut log = QueueLog::new(&shape(), Vec::new(), 1_700_000_000_000_000_000);
        let (queue, pool, agent, call, service) = (QueueId(0), PoolId(0), AgentId(0), CallId(1), ServiceId(0));
        let (second, held, consulted) = (Duration::from_secs(1), Duration::ZERO, Duration::ZERO);
        let answered = Fact::CallAnswered { call, queue, pool, agent, waited: 2 * second };
        let passed_on = Fact::CallTransferred { call, queue, pool, agent, talked: 9 * second, held: second, consulted };
        let by = Party::Caller;
        let story = [
            (1, Fact::CallEntered { call, service, queue }),
            (3, answered.clone()),
            (13, passed_on.clone()),
            (13, Fact::CallTakenOver { call, service, seniority: Duration::ZERO }),
            (13, Fact::CallEntered { call, service, queue }),
            (15, answered),
            (25, passed_on),
            (26, Fact::TransferEnded { call, kind: TransferKind::Attended, result: TransferResult::Completed }),
            (26, Fact::CallTakenUp { call, queue, pool, agent: AgentId(1) }),
            (40, Fact::CallEnded { call, queue, pool, agent: AgentId(1), talked: 14 * second, held, consulted, by }),
        ];
        let mut text = String::new();
        for (seconds, fact) in story {
            let record = Record { at: Time::from_millis(seconds * 1_000), fact };
            text.extend(log.line(&record, (1_700_000_000 + seconds as i64) * SECOND));
        }
        let expected = "\
            1700000001|1700000000.1|information|NONE|ENTERQUEUE|||1\n\
            1700000003|1700000000.1|information|first_line|CONNECT|2||0\n\
            1700000013|1700000000.1|information|first_line|BLINDTRANSFER|information|centralino|2|10|1\n\
            1700000013|1700000000.1|information|NONE|ENTERQUEUE|||1\n\
            1700000015|1700000000.1|information|first_line|CONNECT|2||0\n\
            1700000026|1700000000.1|information|first_line|ATTENDEDTRANSFER|BRIDGE|first_line|2|10|1\n";
        assert_eq!(text, expected);
        assert!(log.calls.is_empty());
    }
}
