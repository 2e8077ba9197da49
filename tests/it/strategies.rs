//! The conformance vectors of the strategies, `tests/data/strategies.json`, run against the routing engine.

use centralino::acd::plan::{Agent, Limits, Pool, Queue, Service, Step, Strategy};
use centralino::acd::{Acd, AgentRequest, Command, Event, Outbox, Plan};
use centralino::facts::OfferOutcome;
use centralino::ids::{AgentId, CallId, OfferId, PauseId, PoolId, QueueId, ServiceId, SkillId};
use centralino::time::{Duration, Time};
use serde_json::Value;
use std::collections::BTreeMap;

const STRATEGIES: [(&str, Strategy); 9] = [
    ("longest_idle", Strategy::LongestIdle),
    ("round_robin", Strategy::RoundRobin),
    ("fewest_calls", Strategy::FewestCalls),
    ("least_talk_time", Strategy::LeastTalkTime),
    ("linear", Strategy::Linear),
    ("random", Strategy::Random),
    ("weighted_random", Strategy::WeightedRandom),
    ("best_skill", Strategy::BestSkill),
    ("ring_all", Strategy::RingAll),
];

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn plan(vector: &Value) -> Plan {
    let number = |value: &Value, otherwise| value.as_u64().unwrap_or(otherwise);
    let (_, strategy) = STRATEGIES.iter().find(|(name, _)| vector["strategy"] == *name).expect("a strategy");
    let agent = |agent: &Value| Agent {
        number: agent["number"].as_str().expect("a number").to_owned(),
        pool: PoolId(0),
        skills: vec![(SkillId(0), number(&agent["skill"], 50) as u8)],
        weight: number(&agent["weight"], 1) as u32,
        ..Agent::default()
    };
    let queue = Queue {
        name: "queue".to_owned(),
        strategy: *strategy,
        steps: vec![Step {
            after: Duration::ZERO,
            pools: vec![PoolId(0)],
            requires: vec![(SkillId(0), 50)],
            ..Step::default()
        }],
        ring: Duration::from_secs(number(&vector["ring"], 15)),
        wrap_up: Duration::ZERO,
        max_wait: Duration::from_secs(3_600),
        max_length: 100,
        thresholds: vec![Duration::from_secs(30)],
        ..Queue::default()
    };
    let service =
        Service { name: "service".to_owned(), number: "1".to_owned(), queue: QueueId(0), ..Service::default() };
    Plan {
        services: vec![service],
        queues: vec![queue],
        pools: vec![Pool { name: "pool".to_owned(), ..Pool::default() }],
        agents: list(&vector["agents"]).iter().map(agent).collect(),
        skills: vec!["skill".to_owned()],
        clips: vec![],
        limits: Limits { misses_to_pause: 0, ..Limits::default() },
        ..Plan::default()
    }
}

struct Stage {
    acd: Acd,
    out: Outbox,
    calls: u64,
    /// The latest offer of each agent, and its call.
    latest: BTreeMap<AgentId, (OfferId, CallId)>,
}

impl Stage {
    fn new(vector: &Value) -> Stage {
        Stage { acd: Acd::new(plan(vector), 5), out: Outbox::default(), calls: 0, latest: BTreeMap::new() }
    }

    fn handle(&mut self, event: Event, now: Time) {
        self.acd.handle(event, now, &mut self.out);
    }

    /// Plays one line; whose phones began to ring.
    fn play(&mut self, line: &Value) -> Vec<String> {
        let now = Time::from_millis(line["at"].as_u64().expect("a moment") * 1_000);
        self.out.commands.clear();
        while let Some((due, _)) = self.acd.next_deadline().filter(|&(due, _)| due <= now) {
            self.acd.expire(due, &mut self.out);
        }
        for (verb, of) in line.as_object().expect("a line") {
            if !matches!(verb.as_str(), "at" | "offers" | "wait") {
                self.happens(verb, of, now);
            }
        }
        self.acd.check_laws().expect("the laws hold");
        self.rung(now)
    }

    fn happens(&mut self, verb: &str, of: &Value, received_at: Time) {
        if verb == "call" {
            self.calls += 1;
            let call = CallId(self.calls);
            self.handle(Event::CallArrived { call, service: ServiceId(0), received_at }, received_at);
            return self.handle(Event::CallEstablished { call, received_at }, received_at);
        }
        let agent = self.acd.plan().agent_by_number(of.as_str().expect("a number")).expect("an agent");
        let offer = self.latest.get(&agent).map(|(offer, _)| *offer);
        let asked = |request| Event::AgentAsked { agent, request, received_at };
        let event = match (verb, offer) {
            ("sign_in", _) => Event::AgentReachable { agent, received_at },
            ("pause", _) => asked(AgentRequest::Pause(PauseId::UNSPECIFIED)),
            ("resume", _) => asked(AgentRequest::Resume),
            ("busy", Some(offer)) => Event::OfferFailed { offer, outcome: OfferOutcome::Busy, received_at },
            ("reject", Some(offer)) => Event::OfferFailed { offer, outcome: OfferOutcome::Rejected, received_at },
            ("hang_up", Some(offer)) => Event::AgentGone { offer, received_at },
            ("answer", Some(offer)) => {
                self.handle(Event::OfferAnswered { offer, received_at }, received_at);
                Event::OfferJoined { offer, received_at }
            }
            _ => panic!("no such verb, or no such call: {verb}"),
        };
        self.handle(event, received_at);
    }

    /// Phones ring at once, and those told to stop say so at once.
    fn rung(&mut self, now: Time) -> Vec<String> {
        let mut numbers = Vec::new();
        let mut done = 0;
        while let Some(&command) = self.out.commands.get(done) {
            done += 1;
            match command {
                Command::RingAgent { offer, agent, call } => {
                    self.latest.insert(agent, (offer, call));
                    numbers.push(self.acd.plan().agents[agent.index()].number.clone());
                    self.handle(Event::OfferRinging { offer, received_at: now }, now);
                }
                Command::CancelOffer { offer } => {
                    let outcome = OfferOutcome::Rejected;
                    self.handle(Event::OfferFailed { offer, outcome, received_at: now }, now);
                }
                _ => {}
            }
        }
        numbers
    }

    /// How often each agent is rung by so many calls.
    fn shares(&mut self, draws: u64) -> BTreeMap<String, u64> {
        let mut shares = BTreeMap::new();
        for second in 10..10 + draws {
            let line = serde_json::json!({ "at": second, "call": true });
            for number in self.play(&line) {
                *shares.entry(number).or_insert(0) += 1;
            }
            let (call, received_at) = (CallId(self.calls), Time::from_millis(second * 1_000 + 500));
            self.out.commands.clear();
            self.handle(Event::CallerGone { call, lost: false, received_at }, received_at);
            self.rung(received_at);
        }
        shares
    }
}

#[test]
fn every_vector_of_the_strategies_is_reproduced() {
    let file: Value = serde_json::from_str(include_str!("../data/strategies.json")).expect("vectors are JSON");
    let mut seen = Vec::new();
    for vector in list(&file["vectors"]) {
        let mut stage = Stage::new(vector);
        for line in list(&vector["history"]).iter().chain(list(&vector["calls"])) {
            let expected: Vec<&str> = list(&line["offers"]).iter().filter_map(Value::as_str).collect();
            assert_eq!(stage.play(line), expected, "{}, {}: {line}", vector["strategy"], vector["name"]);
        }
        if let Some(draws) = vector["draws"].as_u64() {
            let shares = stage.shares(draws);
            assert_eq!(shares.values().sum::<u64>(), draws);
            for (number, within) in vector["shares"].as_object().expect("shares") {
                let share = shares[number] as f64 / draws as f64;
                let within = [&within[0], &within[1]].map(|bound| bound.as_f64().expect("a bound"));
                assert!(within[0] < share && share < within[1], "{}: {shares:?}", vector["name"]);
            }
        }
        seen.push(vector["strategy"].as_str().expect("a strategy"));
    }
    for (name, _) in STRATEGIES {
        assert!(seen.iter().filter(|seen| **seen == name).count() >= 2, "{name} has too few vectors");
    }
}
