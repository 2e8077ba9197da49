//! `/metrics` as text: names, labels and help, and what the numbers say after calls.

use crate::desk::{call_answered, call_received_and_entered, shape, tally};
use centralino::facts::{AgentState, Fact, FlowOut, OfferOutcome, Party, Record, Refusal, StepTrigger, Turned};
use centralino::ids::{AgentId, CallId, OfferId, PoolId, QueueId, ServiceId};
use centralino::stats::live::Live;
use centralino::stats::prometheus::{Exposition, Info, speed_of_answer};
use centralino::stats::{Gauges, Phase, Tally, laws, snapshot};
use centralino::time::{Duration, Time};
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

fn exposition(tally: &Tally) -> Exposition {
    let info = Info { version: "0.1.0".to_owned(), config_hash: "c0ffee".to_owned() };
    Exposition::new(tally.layout(), info)
}

/// The page as a scraper gets it: published, copied, rendered.
fn page(tally: &mut Tally, now: Time) -> String {
    page_with(tally, now, Vec::new())
}

fn page_with(tally: &mut Tally, now: Time, more: Vec<MetricFamily>) -> String {
    let (mut publisher, reader) = snapshot::channel(tally.layout().len());
    // A fresh reader has to be told everything once, not only what changed.
    publisher.publish(tally.values().iter().copied().enumerate());
    tally.publish(now, &mut publisher);
    let (mut copy, mut text) = (Vec::new(), String::new());
    reader.read(&mut copy);
    exposition(tally).render(&copy, now, more, &mut text);
    text
}

/// Series by name and labels.
fn series(text: &str) -> BTreeMap<String, f64> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').expect("a series and its value");
        (series.to_owned(), value.parse().expect("a number"))
    };
    let all: BTreeMap<_, _> = samples.clone().map(sample).collect();
    assert_eq!(all.len(), samples.count(), "no series twice");
    all
}

fn tell(tally: &mut Tally, at: Time, fact: Fact) {
    tally.apply(&Record { at, fact });
}

const QUEUE: QueueId = QueueId(0);
const SERVICE: ServiceId = ServiceId(0);
const POOL: PoolId = PoolId(0);

fn seconds(seconds: u64) -> Time {
    Time::from_millis(seconds * 1_000)
}

/// A bit of everything that facts can say.
fn busy_tally() -> Tally {
    let mut tally = tally();
    for call in 1..=8 {
        call_received_and_entered(call).iter().for_each(|record| tally.apply(record));
    }
    for (call, waited) in [(1, 30), (2, 31), (3, 1)] {
        call_answered(call, Duration::from_secs(waited)).iter().for_each(|record| tally.apply(record));
    }
    let (now, agent) = (seconds(40), AgentId(0));
    let call = CallId(4);
    tell(&mut tally, now, Fact::CallAbandoned { call, queue: QUEUE, waited: Duration::from_secs(29), lost: true });
    tell(&mut tally, now, Fact::ThresholdPassed { call: CallId(5), queue: QUEUE, threshold: 0 });
    let waited = Duration::from_secs(35);
    tell(&mut tally, now, Fact::CallFlowedOut { call: CallId(5), queue: QUEUE, waited, to: FlowOut::MaxWait });
    tell(&mut tally, now, Fact::CallFailed { call: CallId(6), queue: QUEUE, waited: Duration::from_secs(2) });
    let (by, talked) = (Party::Agent, Duration::from_secs(100));
    tell(
        &mut tally,
        now,
        Fact::CallEnded {
            call: CallId(1),
            queue: QUEUE,
            pool: POOL,
            agent,
            talked,
            held: Duration::ZERO,
            consulted: Duration::ZERO,
            by,
        },
    );
    for (offer, outcome) in OfferOutcome::ALL.iter().enumerate() {
        let (offer, step, call) = (OfferId(offer as u64), 1, CallId(7));
        tell(&mut tally, now, Fact::OfferMade { offer, call, queue: QUEUE, step, pool: POOL, agent, since: now });
        let (outcome, rang) = (*outcome, Duration::from_millis(1_500));
        tell(&mut tally, now, Fact::OfferEnded { offer, call, queue: QUEUE, step, pool: POOL, agent, outcome, rang });
    }
    let (offer, call, step) = (OfferId(99), CallId(7), 0);
    tell(&mut tally, now, Fact::OfferMade { offer, call, queue: QUEUE, step, pool: POOL, agent, since: now });
    let trigger = StepTrigger::Offers;
    tell(&mut tally, now, Fact::StepReached { call: CallId(7), queue: QUEUE, step: 1, trigger });
    tell(&mut tally, now, Fact::CallRefused { service: None, reason: Refusal::NoRoute });
    tell(&mut tally, now, Fact::CallRefused { service: Some(SERVICE), reason: Refusal::QueueFull });
    for call in 20..24 {
        tell(&mut tally, now, Fact::CallReceived { call: CallId(call), service: SERVICE, arrived_at: now });
    }
    tell(&mut tally, now, Fact::CallLeftInGreeting { call: CallId(20), service: SERVICE, lost: false });
    tell(&mut tally, now, Fact::CallEndedInMenu { call: CallId(21), service: SERVICE });
    tell(&mut tally, now, Fact::CallFailedInGreeting { call: CallId(22), service: SERVICE });
    tell(&mut tally, now, Fact::Turned(Turned::RtpStranger));
    tally.dispatched(Duration::from_micros(700));
    tally.answer_to_audio(Duration::from_millis(30));
    tally.gauges(Gauges { sip_transactions: 3, input_queue: 2, ..Gauges::default() });
    tally.phase(Phase::Ready);
    tally
}

#[test]
fn a_page_without_calls_shows_every_label_combination_at_zero() {
    let mut tally = Tally::new(shape(), Time::ZERO);
    insta::with_settings!({ snapshot_path => "../data", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("metrics_without_calls", page(&mut tally, Time::ZERO));
    });
}

#[test]
fn no_series_appears_or_disappears_with_calls() {
    let names = |text: &str| series(text).into_keys().collect::<Vec<_>>();
    assert_eq!(names(&page(&mut tally(), Time::ZERO)), names(&page(&mut busy_tally(), seconds(50))));
}

#[test]
fn the_numbers_are_those_of_the_calls() {
    let text = page(&mut busy_tally(), seconds(50));
    let series = series(&text);
    let value = |name: &str| *series.get(name).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    let expected = [
        (r#"acd_calls_received_total{service="information"}"#, 12.0),
        (r#"acd_calls_refused_total{service="none",reason="no_route"}"#, 1.0),
        (r#"acd_calls_refused_total{service="information",reason="queue_full"}"#, 1.0),
        (r#"acd_calls_in_greeting{service="information"}"#, 1.0),
        (r#"acd_calls_entered_total{service="information",queue="information"}"#, 8.0),
        (r#"acd_calls_finished_total{service="information",queue="information",outcome="answered"}"#, 3.0),
        (r#"acd_calls_finished_total{service="information",queue="none",outcome="left_in_greeting"}"#, 1.0),
        (r#"acd_sla_calls_total{queue="information",result="hit",threshold="30"}"#, 2.0),
        (r#"acd_sla_calls_total{queue="information",result="miss",threshold="30"}"#, 3.0),
        (r#"acd_sla_calls_total{queue="information",result="excused",threshold="30"}"#, 1.0),
        (r#"acd_sla_pending_calls{queue="information",threshold="30"}"#, 2.0),
        (r#"acd_sla_threshold_seconds{queue="information",threshold="30",kind="contract"}"#, 30.0),
        (r#"acd_sla_target_ratio{queue="information"}"#, 0.9),
        (r#"acd_queue_wait_seconds_bucket{queue="information",outcome="answered",le="30"}"#, 2.0),
        (r#"acd_queue_wait_seconds_bucket{queue="information",outcome="answered",le="+Inf"}"#, 3.0),
        (r#"acd_queue_wait_seconds_sum{queue="information",outcome="answered"}"#, 62.0),
        (r#"acd_queue_waiting_calls{queue="information"}"#, 2.0),
        (r#"acd_queue_oldest_wait_seconds{queue="information"}"#, 43.0),
        (r#"acd_calls_flowed_out_total{queue="information",reason="max_wait"}"#, 1.0),
        (r#"acd_offers_total{queue="information",step="1",outcome="lost_race"}"#, 1.0),
        (r#"acd_offers_made_total{queue="information",step="1"}"#, 9.0),
        (r#"acd_offers_ringing{queue="information",step="0"}"#, 1.0),
        (r#"acd_ring_seconds_sum{queue="information"}"#, 13.5),
        (r#"acd_escalations_total{queue="information",step="1",trigger="offers"}"#, 1.0),
        (r#"acd_dispatch_seconds_bucket{le="0.0005"}"#, 0.0),
        (r#"acd_dispatch_seconds_bucket{le="0.001"}"#, 1.0),
        (r#"acd_answer_to_audio_seconds_count"#, 1.0),
        (r#"acd_talk_seconds_sum{queue="information"}"#, 100.0),
        (r#"acd_calls_talking{queue="information"}"#, 2.0),
        (r#"acd_calls_ended_total{queue="information",reason="agent"}"#, 1.0),
        (r#"acd_turned_total{kind="rtp_stranger"}"#, 1.0),
        (r#"acd_sip_transactions"#, 3.0),
        (r#"acd_input_queue_messages"#, 2.0),
        (r#"acd_phase{state="ready"}"#, 1.0),
        (r#"acd_phase{state="starting"}"#, 0.0),
        (r#"acd_config_info{hash="c0ffee"}"#, 1.0),
        (r#"acd_build_info{version="0.1.0"}"#, 1.0),
    ];
    for (name, number) in expected {
        assert_eq!(value(name), number, "{name}");
    }
    let broken = series.iter().filter(|(name, _)| name.contains("_violations_total")).map(|(_, number)| number);
    assert_eq!(broken.sum::<f64>(), 0.0);
    assert!(laws::all_hold(&busy_tally().layout(), busy_tally().values()));
}

#[test]
fn every_threshold_is_a_bucket_edge() {
    let mut shape = shape();
    shape.queues[0].thresholds = [30_000, 20_000, 40_000, 2_500].map(Duration::from_millis).to_vec();
    let text = page(&mut Tally::new(shape, Time::ZERO), Time::ZERO);
    for edge in ["30", "20", "40", "2.5"] {
        for outcome in ["answered", "abandoned", "flowed_out", "failed"] {
            let bucket =
                format!(r#"acd_queue_wait_seconds_bucket{{queue="information",outcome="{outcome}",le="{edge}"}} 0"#);
            assert!(text.contains(&bucket), "{bucket}");
        }
        assert!(text.contains(&format!(r#"acd_sla_pending_calls{{queue="information",threshold="{edge}"}} 0"#)));
    }
}

#[test]
fn time_in_states_adds_up_and_never_goes_back() {
    let (mut publisher, reader) = snapshot::channel(tally().layout().len());
    let mut tally = Tally::new(shape(), seconds(5));
    let mut copy = Vec::new();
    let mut before = BTreeMap::new();
    let moves = [
        (7_000, AgentState::SignedOut, AgentState::Ready),
        (9_500, AgentState::Ready, AgentState::Ringing),
        // Received before the last publication, handled after it.
        (10_900, AgentState::Ringing, AgentState::Talking),
        (15_000, AgentState::Talking, AgentState::WrapUp),
        (18_000, AgentState::WrapUp, AgentState::Ready),
    ];
    for (number, (at, from, to)) in moves.into_iter().enumerate() {
        let (at, lasted) = (Time::from_millis(at), Duration::from_secs(3));
        tell(&mut tally, at, Fact::AgentStateChanged { agent: AgentId(1), pool: POOL, from, to, lasted });
        let now = at.max(Time::from_millis(11_000 * u64::from(number > 0)));
        tally.publish(now, &mut publisher);
        reader.read(&mut copy);
        let mut text = String::new();
        exposition(&tally).render(&copy, now, Vec::new(), &mut text);
        let spent: BTreeMap<String, f64> =
            series(&text).into_iter().filter(|(name, _)| name.starts_with("acd_agent_state_seconds_total")).collect();
        assert_eq!(spent.len(), AgentState::ALL.len());
        let elapsed = now.since(seconds(5)).as_secs_f64();
        assert!((spent.values().sum::<f64>() - 2.0 * elapsed).abs() < 1e-5, "two agents since the start");
        for (name, time) in &spent {
            assert!(*time >= before.get(name).copied().unwrap_or(0.0), "{name} went back");
        }
        before = spent;
    }
    let total = |state: &str| before[&format!(r#"acd_agent_state_seconds_total{{pool="first_line",state="{state}"}}"#)];
    assert_eq!(total("signed_out"), 2.0 + 13.0, "one until 7 s, the other still");
    assert_eq!(total("wrap_up"), 3.0);
    assert_eq!(total("talking"), 4.0, "counted from the publication that had shown the agent ringing");
}

#[test]
fn a_state_that_no_agent_is_in_cannot_be_left() {
    let mut tally = tally();
    let (agent, lasted) = (AgentId(0), Duration::ZERO);
    let (from, to) = (AgentState::Talking, AgentState::Ready);
    tell(&mut tally, Time::ZERO, Fact::AgentStateChanged { agent, pool: POOL, from, to, lasted });
    let series = series(&page(&mut tally, Time::ZERO));
    assert_eq!(series[r#"acd_invariant_violations_total{law="4"}"#], 1.0);
    let agents: f64 = series.iter().filter(|(name, _)| name.starts_with("acd_agents{")).map(|(_, number)| number).sum();
    assert_eq!(agents, 2.0);
}

/// The summary, the facts thread having heard of two of the three answers.
fn speed_of_answer_in(tally: &Tally) -> Vec<MetricFamily> {
    let mut live = Live::new(&tally.layout(), Time::ZERO);
    for (call, waited) in [(1, 30), (2, 31)] {
        call_answered(call, Duration::from_secs(waited)).iter().for_each(|record| live.read(record));
    }
    let (mut publisher, reader) = snapshot::channel(live.layout().len());
    live.publish(&mut publisher);
    let mut copy = Vec::new();
    reader.read(&mut copy);
    speed_of_answer(&tally.layout(), tally.values(), &live.layout(), &copy)
}

#[test]
fn the_speed_of_answer_has_quantiles_of_the_last_hour_and_counters_of_the_run() {
    let mut tally = busy_tally();
    let more = speed_of_answer_in(&tally);
    let series = series(&page_with(&mut tally, seconds(50), more));
    let quantile =
        |label: &str| series[&format!(r#"acd_speed_of_answer_seconds{{queue="information",quantile="{label}"}}"#)];
    assert!((30.0..30.3).contains(&quantile("0.5")) && (31.0..31.3).contains(&quantile("0.99")));
    assert_eq!(series[r#"acd_speed_of_answer_seconds_sum{queue="information"}"#], 62.0);
    assert_eq!(series[r#"acd_speed_of_answer_seconds_count{queue="information"}"#], 3.0);
}

/// Every metric there is, those of the process included, as a scraper of a small desk gets them.
pub fn whole_page() -> String {
    let mut tally = busy_tally();
    let mut more = speed_of_answer_in(&tally);
    more.extend(ProcessCollector::for_self().collect());
    page_with(&mut tally, seconds(50), more)
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let required = std::env::var("CENTRALINO_TEST_PEERS").is_ok_and(|value| value == "required");
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match started {
        Ok(promtool) => promtool,
        Err(error) => {
            assert!(!required, "promtool: {error}");
            eprintln!("SKIPPED: promtool is not installed, /metrics was not checked by it ({error})");
            return;
        }
    };
    let text = whole_page();
    assert!(text.contains("process_open_fds") && text.contains("acd_speed_of_answer_seconds_count"));
    promtool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
