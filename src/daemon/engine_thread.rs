//! The thread that owns everything: takes what arrives, lets the engine decide, sends, counts, publishes.

use super::clock::{Civil, Clock};
use super::facts_thread::Facts;
use super::inbox::{Answer, Inbox, Message, Question, Reload, Wish};
use super::line::Line;
use super::media_thread::{self, MediaHandle};
use super::sip_stream::Streams;
use super::trace::Passed;
use bytes::Bytes;
use centralino::acd::{AgentRequest, OrderWatcher, Stuck};
use centralino::b2bua::{Engine, Input, Output, Sockets};
use centralino::facts::{Denial, Fact, Record, Refusal, Turned};
use centralino::ids::{CallId, LegId, PauseId};
use centralino::media;
use centralino::sip::{Arrival, Flow, Load, Transmit, Transport};
use centralino::stats::snapshot::Publisher;
use centralino::stats::traffic::{self, Direction, Peer};
use centralino::stats::{Gauges, Phase, Tally};
use centralino::time::{Duration, Time};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// Messages handled before deadlines and what has arrived are looked at and numbers are published again.
const BATCH: usize = 16;
/// Arrivals of each kind looked at before the first of those that wait has its turn.
const ARRIVALS: usize = 128;
/// Without any work the numbers are published this often: readers tell a quiet engine from a dead one by it.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How often everybody is looked at for a state that would never end: linear in calls and agents, so not every turn.
const WATCH: Duration = Duration::from_secs(5);
/// How long commands that nobody hears of may wait for the media thread to wake by itself.
const MEDIA_NAP: Duration = Duration::from_millis(20);
/// After everybody was hung up, how long their phones may take to say 200 to our BYE.
const LINGER: Duration = Duration::from_secs(2);

/// Everything that leaves the engine thread.
pub struct Outlets {
    /// SIP over TCP.
    pub streams: Streams,
    /// The media thread.
    pub media: MediaHandle,
    /// The address that RTP sockets bind to.
    pub media_address: IpAddr,
    /// Those who read facts one by one.
    pub facts: Facts,
    /// Those who read numbers.
    pub publisher: Publisher,
    /// Somebody remembers messages.
    pub traced: bool,
}

/// The engine and its surroundings.
pub struct EngineThread {
    engine: Engine,
    /// Judges what the engine does; see there.
    watcher: OrderWatcher,
    tally: Tally,
    inbox: Inbox,
    line: Line,
    outlets: Outlets,
    clock: Clock,
    civil: Civil,
    drain_max: Duration,
    stage: Stage,
    out: Output,
    /// What is sent now answers or follows something worth remembering.
    heard: bool,
    /// What was sent in this turn, to be remembered after the facts it follows from.
    sent: Vec<Passed>,
    /// What the full channels had lost when it was last counted.
    lost_seen: [u64; 2],
    /// Who had no end when everybody was last looked at, and when that is due again.
    stuck: Stuck,
    watch_due: Time,
    /// When the media thread is woken for what it may sleep over until then.
    media_due: Option<Time>,
}

/// How far the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    /// No new calls; talks may go on until then.
    Draining {
        until: Time,
    },
    /// Everybody was hung up; we wait for the answers until then.
    Ending {
        until: Time,
    },
}

impl EngineThread {
    /// An engine thread still to be started.
    pub fn new(
        engine: Engine,
        tally: Tally,
        (inbox, line): (Inbox, Line),
        outlets: Outlets,
        clock: Clock,
        drain_max: Duration,
    ) -> EngineThread {
        let (stage, out) = (Stage::Serving, Output::default());
        let (heard, sent) = (outlets.traced, Vec::new());
        let (civil, lost_seen, stuck, watch_due) = (Civil::default(), [0; 2], Stuck::default(), Time::ZERO);
        EngineThread {
            watcher: OrderWatcher::new(engine.acd().plan()),
            engine,
            tally,
            inbox,
            line,
            outlets,
            clock,
            civil,
            drain_max,
            stage,
            out,
            heard,
            sent,
            lost_seen,
            stuck,
            watch_due,
            media_due: None,
        }
    }

    /// Runs until it was told to stop and nobody is left.
    pub fn spawn(mut self) -> io::Result<JoinHandle<()>> {
        Builder::new().name("engine".into()).spawn(move || {
            while !self.is_over() {
                self.turn();
            }
        })
    }

    fn turn(&mut self) {
        let now = self.clock.now();
        if let Some(utc) = self.civil.news(now, self.clock) {
            self.engine.handle(Input::CivilTime { utc }, now, &mut MediaSockets(&self.outlets), &mut self.out);
            self.flush(now);
        }
        let due = [self.engine.next_deadline(), self.media_due].into_iter().flatten().min();
        self.line.sleep(due.map_or(HEARTBEAT, |at| at.since(now).min(HEARTBEAT)));
        let awake = self.clock.now();
        self.take_in();
        let mut heard = Load::default();
        while heard.messages < BATCH
            && let Some((message, is_call)) = self.line.next()
        {
            self.hear(message);
            heard.messages += 1;
            heard.calls += usize::from(is_call);
        }
        let now = self.clock.now();
        self.engine.expire(now, &mut MediaSockets(&self.outlets), &mut self.out);
        self.flush(now);
        self.nudge_media(now);
        self.watch(now);
        self.publish(now);
        self.engine.worked(heard, self.line.load(), self.clock.now().since(awake));
    }

    /// Whatever has arrived waits for its turn, or is turned away at once.
    fn take_in(&mut self) {
        for source in [Line::message, Line::datagram] {
            for _ in 0..ARRIVALS {
                let Some(message) = source(&mut self.line) else { break };
                match self.arrives(&message) {
                    Arrival::TurnedAway => {}
                    arrival => self.line.put(message, arrival == Arrival::Call),
                }
            }
        }
    }

    fn arrives(&mut self, message: &Message) -> Arrival {
        let (flow, bytes) = match message {
            Message::Sip { flow, bytes, .. } => (flow, bytes),
            // After all that came by it.
            Message::ConnectionClosed(_) | Message::StreamBroken(..) => return Arrival::Call,
            _ => return Arrival::Other,
        };
        let now = self.clock.now();
        let arrival = self.engine.arrives(*flow, bytes, self.line.load(), now, &mut self.out);
        if arrival == Arrival::TurnedAway {
            self.note(*flow, Direction::Received, bytes);
            self.heard = false;
            self.flush(now);
        }
        arrival
    }

    /// The media thread is woken once a turn; for commands that nobody hears of, when they have waited a moment.
    fn nudge_media(&mut self, now: Time) {
        self.outlets.media.ring_if_awaited();
        if !self.outlets.media.is_behind() {
            self.media_due = None;
        } else if *self.media_due.get_or_insert(now + MEDIA_NAP) <= now {
            self.outlets.media.ring();
            self.media_due = None;
        }
    }

    fn hear(&mut self, message: Message) {
        let now = self.clock.now();
        let message = match message {
            Message::Reload(reload) => return self.reload(*reload, now),
            other => other,
        };
        let input = match &message {
            Message::Sip { flow, bytes, received_at } => Input::Sip { flow: *flow, bytes, received_at: *received_at },
            Message::SendFailed(flow) => Input::SendFailed { flow: *flow },
            Message::ConnectionClosed(connection) => Input::ConnectionClosed { connection: *connection },
            Message::ConnectionIdle(connection) => {
                if !self.engine.uses_connection(*connection) {
                    self.outlets.streams.close(*connection);
                }
                return;
            }
            Message::StreamBroken(flow, answer) => {
                if let Some(answer) = answer {
                    self.send(*flow, answer.clone(), now);
                }
                self.outlets.streams.close(flow.connection);
                return;
            }
            Message::Located(name, places) => Input::Located { name: name.clone(), places: places.clone() },
            Message::Media(at, event) => Input::Media { event: event.clone(), at: *at },
            Message::Fact(record) => {
                self.out.facts.push(record.clone());
                return self.flush(now);
            }
            Message::Explain { question, reply } => {
                // Whoever asked may be gone.
                _ = reply.try_send(self.explain(question, now));
                return;
            }
            Message::Ask { number, wish, reply } => {
                // Whoever asked may be gone.
                _ = reply.try_send(self.ask(number, wish, now));
                return;
            }
            // Taken above: it is not looked at but moved.
            Message::Reload(_) => return,
            Message::Stop => return self.stop(now),
        };
        self.engine.handle(input, now, &mut MediaSockets(&self.outlets), &mut self.out);
        if let Message::Sip { flow, bytes, received_at } = message {
            self.note(flow, Direction::Received, &bytes);
            self.remember(Passed { at: received_at, inward: true, flow, bytes });
        }
        self.flush(now);
    }

    /// For traces: a message of calls. What strangers send would only push those out.
    fn remember(&mut self, passed: Passed) {
        let is_noise = |record: &Record| {
            let refused =
                matches!(record.fact, Fact::CallRefused { reason: Refusal::Forbidden | Refusal::Overload, .. });
            refused || matches!(record.fact, Fact::Turned(Turned::SipFlood | Turned::SipScanner | Turned::SipGarbage))
        };
        let aside = [&b"REGISTER "[..], b"OPTIONS "].iter().any(|method| passed.bytes.starts_with(method));
        self.heard = self.outlets.traced && !aside && !self.out.facts.iter().any(is_noise);
        if self.heard {
            self.outlets.facts.message(passed);
        }
    }

    fn explain(&self, question: &Question, now: Time) -> Option<String> {
        let acd = self.engine.acd();
        match question {
            Question::Call(call) => acd.explain_call(CallId(*call), now),
            Question::Agent(number) => acd.explain_agent(acd.plan().agent_by_number(number)?, now),
        }
    }

    fn ask(&mut self, number: &str, wish: &Wish, now: Time) -> Answer {
        let plan = self.engine.acd().plan();
        let Some(agent) = plan.agent_by_number(number) else { return Answer::NoSuchAgent };
        let request = match wish {
            Wish::Request(request) => *request,
            Wish::Pause(None) => AgentRequest::Pause(PauseId::UNSPECIFIED),
            Wish::Pause(Some(reason)) => match plan.pause_by_name(reason) {
                Some(reason) => AgentRequest::Pause(reason),
                None => return Answer::Denied(Denial::NoSuchReason),
            },
        };
        self.engine.handle(Input::Asked { agent, request }, now, &mut MediaSockets(&self.outlets), &mut self.out);
        let denied = self.out.facts.iter().find_map(|record| match record.fact {
            Fact::AgentDenied { agent: other, why, .. } if other == agent => Some(why),
            _ => None,
        });
        self.flush(now);
        match denied {
            Some(why) => Answer::Denied(why),
            None => Answer::Done(self.engine.acd().explain_agent(agent, now).unwrap_or_default()),
        }
    }

    /// Everything was made ready elsewhere: it is put into its place. Whoever counts or reads facts is told first, because
    /// the facts that follow are of the new plan.
    fn reload(&mut self, reload: Reload, now: Time) {
        let Reload { change, sounds, changed, publisher } = reload;
        // What was due before is still of the old plan.
        self.engine.expire(now, &mut MediaSockets(&self.outlets), &mut self.out);
        self.flush(now);
        for (clip, sound) in sounds {
            self.outlets.media.send(media::Command::Learn { clip, sound }, None);
        }
        self.tally.relay(Arc::clone(&changed.layout), &changed.origins);
        self.outlets.publisher = publisher;
        self.tally.publish(now, &mut self.outlets.publisher);
        self.outlets.facts.plan_changed(changed);
        let input = Input::PlanChanged(Box::new(change));
        self.engine.handle(input, now, &mut MediaSockets(&self.outlets), &mut self.out);
        self.watcher.plan_changed(self.engine.acd().plan());
        self.flush(now);
    }

    /// The first time: let talks end. The second time: now.
    fn stop(&mut self, now: Time) {
        let input = match self.stage {
            Stage::Serving => {
                tracing::info!(drain_max_seconds = self.drain_max.as_secs(), "draining: no new calls");
                self.stage = Stage::Draining { until: now + self.drain_max };
                Input::DrainStarted
            }
            Stage::Draining { .. } | Stage::Ending { .. } => {
                self.stage = Stage::Ending { until: now + LINGER };
                Input::DrainEnded
            }
        };
        self.engine.handle(input, now, &mut MediaSockets(&self.outlets), &mut self.out);
        self.flush(now);
    }

    fn is_over(&mut self) -> bool {
        let now = self.clock.now();
        let gauges = self.engine.gauges();
        let nobody_left = gauges.callers == 0 && gauges.agents == 0;
        match self.stage {
            Stage::Serving => false,
            Stage::Draining { until } => {
                if nobody_left || until <= now {
                    self.stop(now);
                }
                false
            }
            Stage::Ending { until } => until <= now || (nobody_left && gauges.sip.transactions == 0),
        }
    }

    /// Sends and counts all that followed from one input.
    fn flush(&mut self, now: Time) {
        let mut out = std::mem::take(&mut self.out);
        for Transmit { flow, bytes } in out.transmits.drain(..) {
            // A registration frees an agent for a call that waits.
            if self.heard || self.outlets.traced && bytes.starts_with(b"INVITE ") {
                self.sent.push(Passed { at: now, inward: false, flow, bytes: bytes.clone() });
            }
            self.send(flow, bytes, now);
        }
        for connection in out.closes.drain(..) {
            self.outlets.streams.close(connection);
        }
        for command in out.media.drain(..) {
            self.outlets.media.send(command, None);
        }
        for waited in out.answer_to_audio.drain(..) {
            self.tally.answer_to_audio(waited);
        }
        for (call, call_id) in out.call_ids.drain(..) {
            self.outlets.facts.call_id(call, call_id);
        }
        for (call, number) in out.callers.drain(..) {
            self.outlets.facts.caller(call, number);
        }
        for record in out.facts.drain(..) {
            self.count(record);
        }
        for passed in self.sent.drain(..) {
            self.outlets.facts.message(passed);
        }
        self.heard = self.outlets.traced;
        self.out = out;
    }

    fn count(&mut self, record: Record) {
        self.tally.apply(&record);
        let broken = self.watcher.follow(&record);
        if let Fact::OfferMade { since, queue, .. } = record.fact {
            let after = self.clock.now().since(since);
            self.tally.dispatched(after);
            self.outlets.facts.dispatched(queue, after);
        }
        let at = record.at;
        self.outlets.facts.put(record);
        if let Some((call, rule)) = broken {
            let breach = Record { at, fact: Fact::OrderBroken { call, rule } };
            self.tally.apply(&breach);
            self.outlets.facts.put(breach);
        }
    }

    fn note(&mut self, flow: Flow, direction: Direction, bytes: &[u8]) {
        let (sip, source) = (self.engine.sip(), flow.remote.ip());
        let peer = match sip.trusts(source) {
            true => Peer::Trusted,
            false if sip.is_home(source) => Peer::Phone,
            false => Peer::Stranger,
        };
        self.tally.passed(peer, direction, traffic::Kind::of(bytes));
    }

    fn send(&mut self, flow: Flow, bytes: Bytes, now: Time) {
        self.note(flow, Direction::Sent, &bytes);
        let sent = match flow.transport {
            Transport::Udp => self.line.send(flow.remote, &bytes),
            Transport::Tcp => self.outlets.streams.send(flow, bytes),
        };
        if !sent {
            self.count(Record { at: now, fact: Fact::Turned(Turned::SipSendFailed) });
        }
    }

    fn watch(&mut self, now: Time) {
        if now < self.watch_due {
            return;
        }
        self.watch_due = now + WATCH;
        let stuck = self.engine.acd().stuck();
        if stuck != self.stuck && stuck != Stuck::default() {
            tracing::error!(calls = stuck.calls, agents = stuck.agents, "in a state that nothing will end");
        }
        self.stuck = stuck;
    }

    fn publish(&mut self, now: Time) {
        let lost = [
            (Turned::SipOverflow, self.inbox.dropped() + self.line.dropped()),
            (Turned::MediaOverflow, self.outlets.media.dropped()),
        ];
        for ((kind, total), seen) in lost.into_iter().zip(&mut self.lost_seen) {
            for _ in *seen..total {
                self.tally.apply(&Record { at: now, fact: Fact::Turned(kind) });
            }
            *seen = total;
        }
        let (gauges, overload) = (self.engine.gauges(), self.engine.sip().overload());
        self.tally.gauges(Gauges {
            sip_transactions: gauges.sip.transactions as u64,
            sip_dialogs: gauges.sip.dialogs as u64,
            registrations: gauges.sip.bindings as u64,
            media_legs: gauges.media_legs as u64,
            rtp_ports_in_use: gauges.rtp_ports as u64,
            opus_legs: gauges.opus_legs as u64,
            stuck_calls: self.stuck.calls as u64,
            stuck_agents: self.stuck.agents as u64,
            input_queue: self.line.load().messages as u64,
            overloaded_by_messages: overload.by_messages,
            overloaded_by_sound: overload.by_sound,
        });
        self.tally.phase(match self.stage {
            Stage::Serving => Phase::Ready,
            Stage::Draining { .. } | Stage::Ending { .. } => Phase::Draining,
        });
        self.tally.publish(now, &mut self.outlets.publisher);
    }
}

/// Binds RTP sockets and hands them to the media thread.
struct MediaSockets<'a>(&'a Outlets);

impl Sockets for MediaSockets<'_> {
    fn open(&mut self, leg: LegId, port: u16) -> bool {
        let address = SocketAddr::new(self.0.media_address, port);
        match media_thread::bind(address) {
            Ok(socket) => {
                self.0.media.send(media::Command::Open { leg, port }, Some((socket, address)));
                true
            }
            Err(_) => false,
        }
    }
}
