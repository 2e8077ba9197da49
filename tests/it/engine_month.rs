//! A month of a real desk as inputs of the routing engine, in virtual time: every known total of the month comes out
//! of the engine's facts, folded by the tally.
//!
//! History is no re-routing: the real desk did not serve in order. So each call alive has a place of its own, a
//! service with a queue and one agent who alone has its skill; the agent is signed in only from the moment of the
//! row's answer to the end of the talk, so that the engine's own rules offer them this call and no other.

use crate::import::known_month;
use crate::simulation::shape;
use centralino::acd::plan::{Agent, Limits, Pool, Queue, Service, Step, Strategy};
use centralino::acd::{Acd, Command, Event, Outbox, Plan, Sizes};
use centralino::facts::Fact;
use centralino::ids::{AgentId, CallId, ClipId, PoolId, QueueId, ServiceId, SkillId};
use centralino::stats::layout::{GreetingEnd, LAWS, QueueSlots, VisitEnd};
use centralino::stats::{Tally, laws};
use centralino::time::{Duration, Time};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const WELCOME: ClipId = ClipId(0);
const THRESHOLDS: [u64; 3] = [30, 20, 40];
const DAY: Duration = Duration::from_secs(86_400);

/// What befalls a caller; within one moment of one call, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Arrives,
    LeavesGreeting,
    Enters,
    Abandons,
    IsAnswered,
    HangsUp,
}

/// When, which call, what. Calls are numbered as they arrive.
type Moment = (Time, usize, Turn);

/// The rows' moments in order of time, and how many calls there are.
fn moments(rows: &Path) -> (Vec<Moment>, usize) {
    let mut reader = csv::Reader::from_path(rows).expect("rows");
    let rows = reader.deserialize().map(|row| turns(&row.expect("a row")));
    let mut calls: Vec<Vec<(Time, Turn)>> = rows.collect();
    calls.sort();
    let numbered = calls.iter().enumerate();
    let mut moments: Vec<Moment> =
        numbered.flat_map(|(call, turns)| turns.iter().map(move |&(at, turn)| (at, call, turn))).collect();
    moments.sort_unstable();
    (moments, calls.len())
}

fn turns(row: &BTreeMap<String, String>) -> Vec<(Time, Turn)> {
    let seconds = |name: &str| Duration::from_secs(row[name].parse().expect("whole seconds"));
    let date: jiff::civil::Date = row["date"].parse().expect("a date");
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).expect("a day").timestamp().as_second();
    let midnight = Time::ZERO + Duration::from_secs(midnight.try_into().expect("after 1970"));
    // Where the two disagree, the entry is what counts.
    let entered = midnight + seconds("queue_entry_s");
    let arrived = (midnight + seconds("arrival_s")).min(entered);
    let waited = entered + seconds("wait_s");
    let mut turns = vec![(arrived, Turn::Arrives)];
    match row["outcome"].as_str() {
        "ABANDONED_IVR" => turns.push((entered, Turn::LeavesGreeting)),
        "ABANDONED_QUEUE" => turns.extend([(entered, Turn::Enters), (waited, Turn::Abandons)]),
        "ANSWERED" => {
            let over = waited + seconds("service_s");
            turns.extend([(entered, Turn::Enters), (waited, Turn::IsAnswered), (over, Turn::HangsUp)]);
        }
        other => panic!("outcome {other}"),
    }
    turns
}

/// The place of each call, given back when it is over, and how many places that takes.
fn places(moments: &[Moment], calls: usize) -> (Vec<u32>, u32) {
    let (mut place_of, mut free, mut made) = (vec![0; calls], Vec::new(), 0);
    for &(_, call, turn) in moments {
        match turn {
            Turn::Arrives => {
                place_of[call] = free.pop().unwrap_or_else(|| {
                    made += 1;
                    made - 1
                });
            }
            Turn::LeavesGreeting | Turn::Abandons | Turn::HangsUp => free.push(place_of[call]),
            Turn::Enters | Turn::IsAnswered => {}
        }
    }
    (place_of, made)
}

/// So many places: a service, a queue, a skill and an agent each.
fn plan(places: u32) -> Plan {
    let name = |place: u32| format!("place_{place}");
    let queue = |place| Queue {
        name: name(place),
        strategy: Strategy::LongestIdle,
        steps: vec![Step {
            after: Duration::ZERO,
            pools: vec![PoolId(0)],
            requires: vec![(SkillId(place), 50)],
            ..Step::default()
        }],
        ring: Duration::from_secs(15),
        wrap_up: Duration::ZERO,
        max_wait: DAY,
        max_length: 1,
        thresholds: THRESHOLDS.map(Duration::from_secs).to_vec(),
        ..Queue::default()
    };
    let service = |place| Service {
        name: name(place),
        number: format!("8{place:05}"),
        welcome: Some(WELCOME),
        queue: QueueId(place),
        ..Service::default()
    };
    let agent = |place| Agent {
        number: format!("{place}"),
        pool: PoolId(0),
        skills: vec![(SkillId(place), 100)],
        ..Agent::default()
    };
    Plan {
        services: (0..places).map(service).collect(),
        queues: (0..places).map(queue).collect(),
        pools: vec![Pool { name: "desk".to_owned(), ..Pool::default() }],
        agents: (0..places).map(agent).collect(),
        skills: (0..places).map(name).collect(),
        clips: vec!["welcome".to_owned()],
        limits: Limits { channels: places, greeting_max: DAY, ..Limits::default() },
        ..Plan::default()
    }
}

/// The engine, its callers and phones, and the tally that looks on.
struct Desk {
    acd: Acd,
    tally: Tally,
    out: Outbox,
    now: Time,
    longest_wait: Duration,
}

impl Desk {
    fn new(places: u32, start: Time) -> Desk {
        let plan = plan(places);
        let tally = Tally::new(shape(&plan), start);
        Desk { acd: Acd::new(plan, 0), tally, out: Outbox::default(), now: start, longest_wait: Duration::ZERO }
    }

    /// Deadlines fire at their own moments, one by one, as a shell that never oversleeps would have it.
    fn wait_until(&mut self, at: Time) {
        while let Some((due, _)) = self.acd.next_deadline().filter(|&(due, _)| due < at) {
            self.now = self.now.max(due);
            self.acd.expire(self.now, &mut self.out);
            self.look();
        }
        self.now = at;
    }

    /// The event, and all that callers' and agents' phones say to what follows from it, in no time.
    fn tell(&mut self, event: Event) {
        let mut coming = vec![event];
        while let Some(event) = coming.pop() {
            self.acd.handle(event, self.now, &mut self.out);
            coming.extend(self.look());
        }
    }

    /// Counts the facts and carries out the commands: what is heard back, the last first.
    fn look(&mut self) -> Vec<Event> {
        let (received_at, mut heard) = (self.now, Vec::new());
        for record in self.out.facts.drain(..) {
            self.tally.apply(&record);
            assert!(!matches!(record.fact, Fact::LawBroken { .. }), "{record:?}");
            if let Fact::CallAnswered { waited, .. } | Fact::CallAbandoned { waited, .. } = record.fact {
                self.longest_wait = self.longest_wait.max(waited);
            }
        }
        for command in self.out.commands.drain(..) {
            match command {
                Command::AcceptCall { call } => heard.push(Event::CallEstablished { call, received_at }),
                Command::RingAgent { offer, .. } => {
                    heard.push(Event::OfferAnswered { offer, received_at });
                    heard.push(Event::OfferRinging { offer, received_at });
                }
                Command::SayFirst { .. }
                | Command::Record { .. }
                | Command::EndRecording { .. }
                | Command::Confer { .. }
                | Command::Separate { .. }
                | Command::PauseRecording { .. } => {
                    unreachable!("nothing is said first here")
                }
                Command::JoinMedia { offer, .. } => heard.push(Event::OfferJoined { offer, received_at }),
                Command::PlayOnce { .. }
                | Command::PlayMusic { .. }
                | Command::Announce { .. }
                | Command::Spell { .. }
                | Command::Hush { .. }
                | Command::HangUpAgent { .. } => {}
                Command::RefuseCall { .. }
                | Command::CancelOffer { .. }
                | Command::HangUpCall { .. }
                | Command::RingColleague { .. }
                | Command::JoinColleague { .. }
                | Command::EndConsult { .. }
                | Command::AcceptTransfer { .. }
                | Command::EndTransfer { .. } => {
                    panic!("nothing in the month asks for {command:?}")
                }
            }
        }
        heard
    }

    fn befalls(&mut self, turn: Turn, call: CallId, place: u32) {
        let (agent, received_at) = (AgentId(place), self.now);
        match turn {
            Turn::Arrives => self.tell(Event::CallArrived { call, service: ServiceId(place), received_at }),
            Turn::Enters => self.tell(Event::ClipEnded { call, clip: WELCOME, received_at }),
            Turn::LeavesGreeting | Turn::Abandons => self.tell(Event::CallerGone { call, lost: false, received_at }),
            Turn::IsAnswered => self.tell(Event::AgentReachable { agent, received_at }),
            Turn::HangsUp => {
                self.tell(Event::CallerGone { call, lost: false, received_at });
                self.tell(Event::AgentUnregistered { agent, received_at });
            }
        }
    }

    fn sum(&self, slots: impl Iterator<Item = usize>) -> u64 {
        slots.map(|slot| self.tally.values()[slot]).sum()
    }

    /// The sum over all places, named as the known totals name them.
    fn totals(&self) -> Value {
        let layout = self.tally.layout();
        let waits = |end: VisitEnd| layout.queues.iter().map(move |queue| &queue.waits[end.index()]);
        let ended = |end| waits(end).map(|waits| waits.count(self.tally.values())).sum::<u64>();
        let left = layout.services.iter().map(|slots| slots.greeting_ends + GreetingEnd::LeftInGreeting.index());
        let totals = json!({
            "offered_switch": self.sum(layout.services.iter().map(|slots| slots.received)),
            "abandoned_ivr": self.sum(left),
            "offered_queue": self.sum(layout.routes.iter().map(|route| route.entered)),
            "answered": ended(VisitEnd::Answered),
            "abandoned_queue": ended(VisitEnd::Abandoned),
            "wait_sum_answered_s": whole_seconds(self.sum(waits(VisitEnd::Answered).map(|waits| waits.sum()))),
            "wait_sum_abandoned_s": whole_seconds(self.sum(waits(VisitEnd::Abandoned).map(|waits| waits.sum()))),
            "wait_max_s": self.longest_wait.as_secs(),
            "service_sum_s": whole_seconds(self.sum(layout.queues.iter().map(|queue| queue.talk.sum()))),
        });
        let Value::Object(mut totals) = totals else { return totals };
        let rows = THRESHOLDS.iter().enumerate();
        totals.extend(rows.map(|(number, seconds)| (format!("T{seconds}"), self.level(&layout.queues, number))));
        Value::Object(totals)
    }

    /// The service-level events under one threshold, and what was late by its wait.
    fn level(&self, queues: &[QueueSlots], number: usize) -> Value {
        let limit = THRESHOLDS[number] * 1_000_000_000;
        let late = |end: VisitEnd| {
            let later = queues.iter().map(|queue| {
                let waits = &queue.waits[end.index()];
                let short = waits.edges().iter().filter(|edge| **edge <= limit).count();
                waits.counts(self.tally.values())[short..].iter().sum::<u64>()
            });
            Value::from(later.sum::<u64>())
        };
        let events = || queues.iter().map(|queue| &queue.thresholds[number]);
        let level = [
            ("hit", self.sum(events().map(|slots| slots.hit)).into()),
            ("miss", self.sum(events().map(|slots| slots.miss)).into()),
            ("excused", self.sum(events().map(|slots| slots.excused)).into()),
            ("late_answered", late(VisitEnd::Answered)),
            ("late_abandoned", late(VisitEnd::Abandoned)),
        ];
        assert_eq!(self.sum(events().map(|slots| slots.pending)), 0, "nobody waits any more");
        Value::Object(level.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<Map<_, _>>())
    }
}

fn whole_seconds(nanos: u64) -> u64 {
    assert_eq!(nanos % 1_000_000_000, 0, "the month knows whole seconds only");
    nanos / 1_000_000_000
}

#[test]
fn the_engine_itself_brings_about_every_known_total_of_a_real_month() {
    let Some((rows, golden)) = known_month() else { return };
    let (moments, calls) = moments(&rows);
    let (place_of, places) = places(&moments, calls);
    let start = moments.first().expect("a month is not empty").0;
    let mut desk = Desk::new(places, start);
    for &(at, call, turn) in &moments {
        if at > desk.now {
            desk.acd.check_laws().unwrap_or_else(|law| panic!("{law}"));
        }
        desk.wait_until(at);
        desk.befalls(turn, CallId(call as u64), place_of[call]);
    }
    assert_eq!(desk.acd.sizes(), Sizes::default(), "everybody has gone home");
    let layout = desk.tally.layout();
    assert_eq!(desk.sum(layout.laws..layout.laws + LAWS), 0, "a law was broken");
    assert!(laws::all_hold(&layout, desk.tally.values()), "a count is out");
    assert_eq!(desk.totals(), golden["total"]);
}
