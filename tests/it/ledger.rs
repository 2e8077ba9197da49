//! Live numbers, interactions and reports are one fold: simulated runs are counted as they happen, taken up as
//! interactions, told again as facts and counted once more. And a call through the daemon is in its ledger.

use crate::daemon::{Daemon, free_port};
use crate::phone::{Phone, sdp};
use crate::simulation;
use crate::sound::{Headset, Law};
use centralino::facts::{Fact, FlowOut, OfferOutcome, Party, Record, Refusal, StepTrigger};
use centralino::ids::{AgentId, CallId, OfferId, PauseId, PoolId, QueueId, ServiceId};
use centralino::report::assemble::Run;
use centralino::report::record::{MOST_OFFERS, Pseudonym};
use centralino::report::replay::{self, NamedPlaces};
use centralino::report::{Assembler, Ending, Fold, Interaction, Moment, Under, VisitOutcome};
use centralino::stats::histogram::HistogramSlots;
use centralino::stats::layout::{GreetingEnd, VisitEnd};
use centralino::stats::{Layout, Shape, Tally};
use centralino::time::{Duration, Time};
use rusqlite::Connection;

const START: Moment = Moment { at: Time::ZERO, utc: 1_800_000_000_000_000_000 };

fn assembler(shape: &Shape) -> Assembler {
    let run = Run { origin: "run".into(), config: "config".into(), agents: Vec::new() };
    Assembler::new(shape, run, START)
}

fn assemble(shape: &Shape, facts: &[Record]) -> Vec<Interaction> {
    let (mut assembler, mut interactions) = (assembler(shape), Vec::new());
    facts.iter().for_each(|record| assembler.apply(record, &mut interactions));
    let end = facts.last().map_or(Time::ZERO, |record| record.at);
    assert_eq!(assembler.finish(end, &mut interactions), 0, "everybody had hung up");
    assert_eq!(assembler.unfollowed(), 0);
    interactions
}

fn tally<'f>(shape: &Shape, facts: impl IntoIterator<Item = &'f Record>) -> Tally {
    let mut tally = Tally::new(shape.clone(), Time::ZERO);
    facts.into_iter().for_each(|record| tally.apply(record));
    tally
}

/// Every number that calls add up to; not the agents' states and what is only true for a moment.
fn counters(layout: &Layout) -> Vec<usize> {
    let mut slots = Vec::new();
    let mut run = |base: usize, count: usize| slots.extend(base..base + count);
    let histogram = |it: &HistogramSlots| it.sum() + 1 - it.bucket(0);
    for service in &layout.services {
        run(service.received, 1);
        run(service.refused, Refusal::ALL.len());
        run(service.greeting_ends, GreetingEnd::ALL.len());
    }
    for route in &layout.routes {
        run(route.entered, 1);
        run(route.finished, VisitEnd::ALL.len());
    }
    for queue in &layout.queues {
        for events in &queue.thresholds {
            for slot in [events.hit, events.miss, events.excused, events.pending] {
                run(slot, 1);
            }
        }
        for step in &queue.steps {
            run(step.made, 1);
            run(step.outcomes, OfferOutcome::ALL.len());
            run(step.escalations, StepTrigger::ALL.len());
        }
        // A record adds up the times of all agents who had the caller.
        run(queue.talk.sum(), 1);
        run(queue.held, 1);
        run(queue.consulted, 1);
        for waits in queue.waits.iter().chain([&queue.ring]) {
            run(waits.bucket(0), histogram(waits));
        }
        run(queue.flowed_out, FlowOut::ALL.len());
        run(queue.ended, Party::ALL.len());
    }
    run(layout.refused_without_service, Refusal::ALL.len());
    run(layout.laws, centralino::stats::layout::LAWS);
    slots
}

#[test]
fn the_live_number_and_the_report_are_one_fold() {
    let mut answered = 0;
    for seed in 0..40 {
        let (shape, facts) = simulation::shape_and_facts(seed);
        let live = tally(&shape, &facts);
        let interactions = assemble(&shape, &facts);
        let (places, mut told) = (NamedPlaces::of(&shape), Vec::new());
        for (call, interaction) in (0..).map(CallId).zip(&interactions) {
            replay::facts(interaction, call, &places, Under::ItsDay, &mut told);
        }
        let replayed = tally(&shape, &told);
        let slots = counters(&live.layout());
        let values = |tally: &Tally| slots.iter().map(|slot| tally.values()[*slot]).collect::<Vec<_>>();
        assert_eq!(values(&live), values(&replayed), "seed {seed}");
        let wrap_up = |tally: &Tally| {
            let pools = &tally.layout().pools;
            pools.iter().map(|pool| tally.values()[pool.wrap_up.sum()]).sum::<u64>()
        };
        assert_eq!(wrap_up(&live), wrap_up(&replayed), "seed {seed}");
        answered += interactions.iter().filter(|it| it.outcome() == "answered").count();
    }
    assert!(answered > 200, "{answered}: the runs have calls");
}

/// Judged as told, groups add up to the live numbers, even where an answer in time was handled too late.
#[test]
fn groups_add_up_and_every_threshold_can_be_asked_for() {
    // Groups are made of calls under the same thresholds.
    let runs = (0..40).map(|seed| (seed, simulation::shape_and_facts(seed)));
    let runs = runs.filter(|(_, (shape, _))| shape.queues.iter().all(|it| it.thresholds == shape.queues[0].thresholds));
    let mut counted = 0;
    for (seed, (shape, facts)) in runs {
        counted += 1;
        let interactions = assemble(&shape, &facts);
        let thresholds = &shape.queues[0].thresholds;
        let (mut fold, mut asked) = (Fold::new(4, thresholds, 90), Fold::new(1, thresholds, 90));
        for (number, interaction) in interactions.iter().enumerate() {
            fold.add_as_told(0, interaction);
            fold.add_as_told(1 + number % 3, interaction);
            asked.add(0, interaction);
        }
        let live = tally(&shape, &facts);
        let layout = live.layout();
        for (number, _) in thresholds.iter().enumerate() {
            let whole = fold.events(0, number);
            let parts: Vec<_> = (1..4).map(|group| fold.events(group, number)).collect();
            let sum = |part: fn(&centralino::stats::service_level::Events) -> u64| parts.iter().map(part).sum::<u64>();
            assert_eq!((whole.hit, whole.miss), (sum(|it| it.hit), sum(|it| it.miss)));
            let slots = || layout.queues.iter().map(|queue| queue.thresholds[number]);
            let at = |slot: usize| live.values()[slot];
            assert_eq!(whole.hit, slots().map(|it| at(it.hit)).sum::<u64>(), "seed {seed}");
            assert_eq!(whole.miss, slots().map(|it| at(it.miss)).sum::<u64>(), "seed {seed}");
            assert_eq!(whole.excused, slots().map(|it| at(it.excused)).sum::<u64>(), "seed {seed}");
            assert_eq!(fold.counts(0, number).events(), whole, "the named formulas count the same calls");
            // Asked for afterwards, what was received in time is in time, however late it was handled.
            let again = asked.events(0, number);
            assert_eq!(asked.counts(0, number).events(), again);
            assert!(again.hit >= whole.hit && again.entered() == whole.entered());
        }
        let (figures, mut talked) = (fold.figures(0), Duration::ZERO);
        for visit in interactions.iter().flat_map(|it| &it.visits) {
            talked += visit.talk.as_ref().map_or(Duration::ZERO, |talk| talk.talked);
        }
        assert_eq!(figures.talked, talked);
        assert_eq!(figures.entered, figures.answered + figures.abandoned + figures.flowed_out + figures.failed);
    }
    assert!(counted > 10, "{counted} runs of one list of thresholds");
}

const CALL: CallId = CallId(7);
const QUEUE: QueueId = QueueId(0);

fn record(seconds: u64, fact: Fact) -> Record {
    Record { at: Time::from_millis(seconds * 1_000), fact }
}

/// A call is received at 2 s, having arrived at 1 s, and enters at 5 s.
fn entered() -> Vec<Record> {
    let service = ServiceId(0);
    vec![
        record(2, Fact::CallReceived { call: CALL, service, arrived_at: Time::from_millis(1_000) }),
        record(5, Fact::CallEntered { call: CALL, service, queue: QUEUE }),
    ]
}

#[test]
fn a_call_is_filed_by_its_entry_with_both_clocks_and_everything_that_happened() {
    let (shape, mut finished) = (crate::desk::shape(), Vec::new());
    let mut assembler = assembler(&shape);
    let caller = Pseudonym { key: 1, digest: [7; 16] };
    assembler.identify(CALL, caller);
    let (agent, pool, step) = (AgentId(1), PoolId(0), 0);
    let talked = Duration::from_secs(60);
    let offer = |number, outcome, rang| Fact::OfferEnded {
        offer: OfferId(number),
        call: CALL,
        queue: QUEUE,
        step,
        pool,
        agent,
        outcome,
        rang: Duration::from_secs(rang),
    };
    let (talking, wrap_up) = (centralino::facts::AgentState::Talking, centralino::facts::AgentState::WrapUp);
    let moved = |from, to, lasted| Fact::AgentStateChanged { agent, pool, from, to, lasted };
    let mut facts = entered();
    facts.extend([
        record(20, offer(1, OfferOutcome::NoAnswer, 15)),
        record(35, Fact::ThresholdPassed { call: CALL, queue: QUEUE, threshold: 0 }),
        record(36, offer(2, OfferOutcome::Accepted, 16)),
        record(36, Fact::CallAnswered { call: CALL, queue: QUEUE, pool, agent, waited: Duration::from_secs(31) }),
        record(
            96,
            Fact::CallEnded {
                call: CALL,
                queue: QUEUE,
                pool,
                agent,
                talked,
                held: Duration::ZERO,
                consulted: Duration::ZERO,
                by: Party::Agent,
            },
        ),
        record(96, moved(talking, wrap_up, talked)),
    ]);
    facts.iter().for_each(|record| assembler.apply(record, &mut finished));
    assert!(finished.is_empty(), "the agent still works on it");
    let over = moved(wrap_up, centralino::facts::AgentState::Ready, Duration::from_secs(9));
    assembler.apply(&record(105, over), &mut finished);
    let [it] = finished.as_slice() else { panic!("one call: {finished:?}") };
    let visit = &it.visits[0];
    let talk = visit.talk.as_ref().expect("a talk");
    assert_eq!((it.filed().at, it.filed().utc - START.utc), (Time::from_millis(5_000), 5_000_000_000));
    assert_eq!((it.ended.at, it.ended.utc - START.utc), (Time::from_millis(96_000), 96_000_000_000));
    assert_eq!(
        (it.outcome(), it.caller, it.answered_after()),
        ("answered", Some(caller), Some(Duration::from_secs(35)))
    );
    assert_eq!((visit.waited, visit.thresholds[0].passed), (Duration::from_secs(31), true));
    assert_eq!(visit.offers.iter().map(|it| it.outcome.label()).collect::<Vec<_>>(), ["no_answer", "accepted"]);
    assert_eq!((talk.talked, talk.wrap_up, talk.ended_by), (talked, Some(Duration::from_secs(9)), Party::Agent));
    assert_eq!((&*talk.pool, &talk.agent), ("first_line", &None), "without an agreement the pool alone is kept");
}

#[test]
fn each_agents_part_of_a_talk_is_its_own_and_ends_when_the_caller_is_passed_on() {
    use centralino::facts::AgentState::{Ready, Talking, WrapUp};
    let (shape, mut finished) = (crate::desk::shape(), Vec::new());
    let mut assembler = assembler(&shape);
    let (pool, second, by) = (PoolId(0), Duration::from_secs(1), Party::Caller);
    let [first, other] = [AgentId(0), AgentId(1)];
    let moved = |agent, from, to, lasted| Fact::AgentStateChanged { agent, pool, from, to, lasted };
    let (call, queue, held, consulted) = (CALL, QUEUE, second, Duration::ZERO);
    let mut facts = entered();
    facts.extend([
        record(6, Fact::CallAnswered { call, queue, pool, agent: first, waited: second }),
        record(26, Fact::CallTransferred { call, queue, pool, agent: first, talked: 19 * second, held, consulted }),
        record(26, moved(first, Talking, WrapUp, 20 * second)),
        record(26, Fact::CallTakenUp { call, queue, pool, agent: other }),
        record(33, moved(first, WrapUp, Ready, 7 * second)),
        record(66, Fact::CallEnded { call, queue, pool, agent: other, talked: 40 * second, held, consulted, by }),
        record(66, moved(other, Talking, WrapUp, 41 * second)),
        record(69, moved(other, WrapUp, Ready, 3 * second)),
    ]);
    facts.iter().for_each(|record| assembler.apply(record, &mut finished));
    let [it] = finished.as_slice() else { panic!("one call: {finished:?}") };
    let talk = it.visits[0].talk.as_ref().expect("a talk");
    assert_eq!((talk.talked, talk.held, talk.wrap_up), (59 * second, 2 * second, Some(10 * second)), "together");
    let parts: Vec<_> = talk.legs.iter().map(|leg| (leg.talked, leg.held, leg.wrap_up)).collect();
    assert_eq!(parts, [(19 * second, second, Some(7 * second)), (40 * second, second, Some(3 * second))]);
}

#[test]
fn pauses_are_told_by_reason_and_those_that_go_on_end_with_the_run() {
    let shape = crate::desk::shape();
    let mut assembler = assembler(&shape);
    let (agent, pool, lunch) = (AgentId(0), PoolId(0), PauseId(2));
    let began = |agent| Fact::PauseBegan { agent, pool, reason: lunch };
    let ended = Fact::PauseEnded { agent, pool, reason: lunch, lasted: Duration::from_secs(5), limit_reached: true };
    assert_eq!(assembler.pause(&record(10, began(agent))), None);
    assert_eq!(assembler.pause(&record(11, began(AgentId(1)))), None);
    let pause = assembler.pause(&record(15, ended)).expect("over");
    assert_eq!((&*pause.pool, &*pause.reason, &pause.agent), ("first_line", "lunch", &None));
    assert_eq!((pause.lasted, pause.limit_reached), (Duration::from_secs(5), true));
    assert_eq!(pause.began.utc - START.utc, 10_000_000_000);
    let left = assembler.finish_pauses(Time::from_millis(20_000));
    assert_eq!(left.iter().map(|pause| pause.lasted).collect::<Vec<_>>(), [Duration::from_secs(9)]);
    assert!(assembler.finish_pauses(Time::from_millis(30_000)).is_empty());
}

#[test]
fn what_the_clock_on_the_wall_does_later_moves_no_earlier_moment() {
    let (shape, mut finished) = (crate::desk::shape(), Vec::new());
    let mut assembler = assembler(&shape);
    entered().iter().for_each(|record| assembler.apply(record, &mut finished));
    let set_back = Moment { at: Time::from_millis(6_000), utc: START.utc - 3_600_000_000_000 };
    assembler.anchor(set_back);
    let waited = Duration::from_secs(4);
    assembler.apply(&record(9, Fact::CallAbandoned { call: CALL, queue: QUEUE, waited, lost: true }), &mut finished);
    let it = &finished[0];
    assert_eq!(it.filed().utc, START.utc + 5_000_000_000);
    assert_eq!(it.ended.utc, set_back.utc + 3_000_000_000);
    assert_eq!((it.outcome(), it.detail(), it.visits[0].waited), ("abandoned", Some("lost"), waited));
}

#[test]
fn memory_is_bounded_and_what_is_left_out_is_counted() {
    let shape = crate::desk::shape();
    let (mut assembler, mut finished) = (assembler(&shape), Vec::new());
    // Ends that were never told must not keep later calls out.
    for call in 0..100 {
        let (call, arrived_at) = (CallId(call), Time::ZERO);
        assembler.identify(call, Pseudonym { key: 1, digest: [0; 16] });
        assembler.apply(&record(1, Fact::CallReceived { call, service: ServiceId(0), arrived_at }), &mut finished);
    }
    assert_eq!(assembler.unfollowed(), 100 - shape.calls as u64);
    let (last, service) = (CallId(99), ServiceId(0));
    assembler.apply(&record(2, Fact::CallEntered { call: last, service, queue: QUEUE }), &mut finished);
    for offer in 0..MOST_OFFERS as u64 + 5 {
        let (pool, agent, outcome, rang) = (PoolId(0), AgentId(0), OfferOutcome::Rejected, Duration::ZERO);
        let fact =
            Fact::OfferEnded { offer: OfferId(offer), call: last, queue: QUEUE, step: 0, pool, agent, outcome, rang };
        assembler.apply(&record(3, fact), &mut finished);
    }
    let (to, waited) = (FlowOut::MaxWait, Duration::from_secs(2));
    assembler.apply(&record(4, Fact::CallFlowedOut { call: last, queue: QUEUE, waited, to }), &mut finished);
    let visit = &finished[0].visits[0];
    assert_eq!((visit.offers.len(), visit.offers_left_out), (MOST_OFFERS, 5));
    assert_eq!((finished[0].ending, visit.outcome), (Ending::Entered, VisitOutcome::FlowedOut(to)));
}

/// The whole way: two calls through the daemon, one answered and one abandoned, are in its ledger, in its files, and
/// add up to its metrics.
#[test]
fn calls_through_the_daemon_are_in_its_ledger() {
    let daemon = Daemon::start(|configuration| {
        for (key, file) in
            [("path", "ledger.db"), ("json_lines", "calls.jsonl"), ("csv", "calls.csv"), ("queue_log", "queue_log")]
        {
            configuration.set("ledger", key, file);
        }
        configuration.set("queue.switchboard", "wrap_up", "1 s");
    });
    let limit = Duration::from_secs(10);
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, "390612345678");
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let (mut call, _) = phone.connect("800000200", &sdp(daemon.address, ear.port(), &[Law::Mu]));
    agent.serve_with(rsip::Method::Invite, limit, &sdp(daemon.address, free_port(daemon.address), &[Law::Mu]));
    agent.serve(rsip::Method::Ack, limit);
    daemon.wait_for("a talk", limit, |metrics| metrics.sum("acd_agents", &[("state", "talking")]) == 1.0);
    let mut other = Phone::new(daemon.address, daemon.sip, "390612345678");
    let (mut waiting, _) = other.connect("800000200", &sdp(daemon.address, ear.port(), &[Law::Mu]));
    daemon.wait_for("a waiting call", limit, |metrics| metrics.sum("acd_queue_waiting_calls", &[]) == 1.0);
    assert_eq!(other.bye(&mut waiting), 200);
    assert_eq!(phone.bye(&mut call), 200);
    agent.serve(rsip::Method::Bye, limit);
    daemon.wait_for_ready_agents(1.0);
    let finished = |outcome| {
        move |metrics: &crate::daemon::Metrics| metrics.sum("acd_calls_finished_total", &[("outcome", outcome)]) == 1.0
    };
    daemon.wait_for("an answered call", limit, finished("answered"));
    let metrics = daemon.wait_for("an abandoned call", limit, finished("abandoned"));
    let (hits, misses) = (metrics.service_level("hit"), metrics.service_level("miss"));

    let folder = daemon.folder.clone();
    let mut daemon = daemon;
    daemon.terminate();
    assert_eq!(daemon.ends_within(Duration::from_secs(15)).code(), Some(0));
    let ledger = Connection::open(folder.join("ledger.db")).expect("a ledger");
    let mut statement = ledger
        .prepare(
            "SELECT outcome, service, waited <= 30000000000, pool, wrap_up > 0, offers, length(caller), config <> '' \
             FROM interaction JOIN visit ON interaction = id ORDER BY filed_utc",
        )
        .expect("the tables of a ledger");
    let row = |row: &rusqlite::Row<'_>| {
        let text = |column| row.get::<_, Option<String>>(column).map(Option::unwrap_or_default);
        let number = |column| row.get::<_, Option<i64>>(column).map(Option::unwrap_or_default);
        Ok(format!(
            "{} {} {} {} {} {} {} {}",
            text(0)?,
            text(1)?,
            number(2)?,
            text(3)?,
            number(4)?,
            number(5)?,
            number(6)?,
            number(7)?
        ))
    };
    let rows: Vec<String> = statement.query_map([], row).expect("rows").map(|row| row.expect("a row")).collect();
    assert_eq!(rows, ["answered switchboard 1 first_line 1 1 16 1", "abandoned switchboard 1  0 0 16 1"]);
    assert_eq!((hits, misses), (1.0, 0.0), "and the scrape said the same");

    let read =
        |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!((read("calls.jsonl").lines().count(), read("calls.csv").lines().count()), (2, 3));
    let events: Vec<String> =
        read("queue_log").lines().map(|line| line.split('|').nth(4).unwrap_or_default().to_owned()).collect();
    assert_eq!(events, ["QUEUESTART", "ENTERQUEUE", "CONNECT", "ENTERQUEUE", "ABANDON", "COMPLETECALLER"]);
    for name in ["calls.jsonl", "calls.csv", "queue_log"] {
        assert!(!read(name).contains("390612345678"), "{name} names a caller");
    }
    let bytes = std::fs::read(folder.join("ledger.db")).expect("the ledger's bytes");
    assert!(!bytes.windows(12).any(|window| window == b"390612345678"), "the ledger names a caller");
    let _ = std::fs::remove_dir_all(folder);
}
