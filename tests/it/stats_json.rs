//! `/stats`: windows are differences of the tally's counters, the page keeps its schema, the daemon serves it.

use crate::desk::{call_answered, call_received_and_entered, shape};
use centralino::facts::{AgentState, Fact, Record, Refusal};
use centralino::ids::{AgentId, CallId, PoolId, QueueId, ServiceId};
use centralino::stats::live::{Live, LiveLayout};
use centralino::stats::snapshot::{self, Publisher, Reader};
use centralino::stats::supervision::{Civil, Copies, Page, Threshold, Visits};
use centralino::stats::{Layout, Tally};
use centralino::time::{Duration, Time};
use proptest::prelude::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

/// The engine's and the facts thread's side, without threads.
struct Desk {
    tally: Tally,
    tally_out: (Publisher, Reader),
    live: Live,
    live_out: (Publisher, Reader),
    layout: Arc<Layout>,
    live_layout: Arc<LiveLayout>,
    ticked: u64,
}

impl Desk {
    fn new() -> Desk {
        let mut shape = shape();
        shape.calls = 10_000;
        let tally = Tally::new(shape, Time::ZERO);
        let layout = tally.layout();
        let live = Live::new(&layout, Time::ZERO);
        let live_layout = live.layout();
        let (tally_out, live_out) = (snapshot::channel(layout.len()), snapshot::channel(live_layout.len()));
        Desk { tally, tally_out, live, live_out, layout, live_layout, ticked: 0 }
    }

    fn tell(&mut self, record: &Record) {
        self.tally.apply(record);
        self.live.read(record);
    }

    /// Every second from the last one told to `second`, a day being 2,000 s long.
    fn run_to(&mut self, second: u64) {
        for second in self.ticked..=second {
            let now = seconds(second);
            self.live.tick(now, second as i64 / 2_000, self.tally.values());
        }
        self.ticked = self.ticked.max(second + 1);
    }

    fn page(&mut self, second: u64) -> Page {
        let now = seconds(second);
        self.live.publish(&mut self.live_out.0);
        self.tally.publish(now, &mut self.tally_out.0);
        let (mut live, mut tally) = (Vec::new(), Vec::new());
        self.live_out.1.read(&mut live);
        self.tally_out.1.read(&mut tally);
        let copies = Copies { layout: &self.layout, tally: &tally, live_layout: &self.live_layout, live: &live, now };
        let (time, time_zone) = ("2026-10-25T02:30:00.000+01:00".to_owned(), "Europe/Rome".to_owned());
        copies.page(Civil { time, time_zone })
    }
}

fn seconds(seconds: u64) -> Time {
    Time::from_millis(seconds * 1_000)
}

const QUEUE: QueueId = QueueId(0);
const SERVICE: ServiceId = ServiceId(0);

fn windows(page: &Page) -> [&Visits; 4] {
    let windows = &page.queues[0].windows;
    [&windows.quarter, &windows.hour, &windows.today, &windows.since_start]
}

/// A little of everything: two answered calls, one late and waiting, one abandoned, one in the greeting, a refusal.
fn a_little_of_everything() -> Page {
    let mut desk = Desk::new();
    desk.run_to(0);
    for call in 1..=4 {
        call_received_and_entered(call).iter().for_each(|record| desk.tell(record));
    }
    for (call, waited) in [(1, 10), (2, 40)] {
        call_answered(call, Duration::from_secs(waited)).iter().for_each(|record| desk.tell(record));
    }
    let mut tell = |second, fact| desk.tell(&Record { at: seconds(second), fact });
    let (queue, waited) = (QUEUE, Duration::from_secs(20));
    tell(23, Fact::CallAbandoned { call: CallId(3), queue, waited, lost: false });
    tell(34, Fact::ThresholdPassed { call: CallId(4), queue, threshold: 0 });
    tell(40, Fact::CallReceived { call: CallId(5), service: SERVICE, arrived_at: seconds(40) });
    tell(41, Fact::CallRefused { service: Some(SERVICE), reason: Refusal::QueueFull });
    let (agent, pool, lasted) = (AgentId(0), PoolId(0), Duration::from_secs(1));
    let (from, to) = (AgentState::SignedOut, AgentState::Ready);
    tell(42, Fact::AgentStateChanged { agent, pool, from, to, lasted });
    desk.run_to(50);
    desk.page(50)
}

#[test]
fn the_page_keeps_its_schema() {
    let text = serde_json::to_string_pretty(&a_little_of_everything()).expect("a page is JSON");
    insta::with_settings!({ snapshot_path => "../data", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("stats_page", text);
    });
}

#[test]
fn a_page_without_calls_has_the_same_members_and_undefined_figures_are_null() {
    fn members(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(object) => {
                object.iter().for_each(|(name, value)| members(value, &format!("{path}.{name}"), found));
            }
            serde_json::Value::Array(list) => list.iter().for_each(|value| members(value, &format!("{path}[]"), found)),
            _ => found.push(path.to_owned()),
        }
    }
    let paths = |page: &Page| {
        let mut found = Vec::new();
        members(&serde_json::to_value(page).expect("JSON"), "", &mut found);
        found
    };
    let empty = Desk::new().page(0);
    assert_eq!(paths(&empty), paths(&a_little_of_everything()));
    for visits in windows(&empty) {
        assert_eq!((visits.abandonment_ratio, visits.average_speed_of_answer_seconds), (None, None));
        assert_eq!((visits.thresholds[0].service_level_ratio, visits.thresholds[0].target_met), (None, None));
        assert_eq!((visits.times.wait.count, visits.times.wait.p99_seconds), (0, None));
    }
}

#[test]
fn a_window_forgets_what_is_older_and_the_day_begins_at_midnight() {
    let mut desk = Desk::new();
    desk.run_to(0);
    // Calls enter in their first 9 seconds and are answered at once, except the last, which waits for 25 minutes.
    for call in 1..=9 {
        call_received_and_entered(call).iter().for_each(|record| desk.tell(record));
        if call < 9 {
            call_answered(call, Duration::from_secs(2)).iter().for_each(|record| desk.tell(record));
        }
    }
    let entered = |desk: &mut Desk, second| {
        desk.run_to(second);
        windows(&desk.page(second)).map(|visits| (visits.entered, visits.times.wait.count))
    };
    assert_eq!(entered(&mut desk, 14 * 60), [(9, 8); 4]);
    assert_eq!(entered(&mut desk, 15 * 60), [(0, 0), (9, 8), (9, 8), (9, 8)]);
    let held = |threshold: &Threshold| (threshold.pending_at_start, threshold.pending);
    let page = desk.page(15 * 60);
    assert_eq!(held(&windows(&page)[0].thresholds[0]), (1, 1));
    assert_eq!(held(&windows(&page)[1].thresholds[0]), (0, 1));
    assert_eq!(entered(&mut desk, 1_999), [(0, 0), (9, 8), (9, 8), (9, 8)]);
    assert_eq!(entered(&mut desk, 2_000), [(0, 0), (9, 8), (0, 0), (9, 8)], "midnight");
    assert_eq!(entered(&mut desk, 3_600), [(0, 0), (0, 0), (0, 0), (9, 8)]);
    let page = desk.page(3_630);
    let covers = windows(&page).map(|visits| visits.covers_seconds);
    assert_eq!(covers, [14.0 * 60.0 + 30.0, 59.0 * 60.0 + 30.0, 1_630.0, 3_630.0]);
    assert_eq!(page.queues[0].now.oldest_wait_seconds, Some(3_621.0));
}

/// What became of a call, as the model keeps it.
#[derive(Clone, Copy, Debug)]
struct Kept {
    entered: u64,
    over: u64,
    is_answered: bool,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Windows against a model that keeps every call and sums up on its own.
    #[test]
    fn windows_are_what_happened_in_them(
        calls in prop::collection::vec((1u64..7_000, 0u64..90, any::<bool>()), 1..120),
        look_at in 60u64..7_200,
    ) {
        let mut desk = Desk::new();
        let mut kept: Vec<Kept> = Vec::new();
        // (second, order within it, call, what)
        let mut script: Vec<(u64, u8, u64)> = Vec::new();
        for (call, (entered, waited, is_answered)) in calls.iter().enumerate() {
            let call = call as u64;
            kept.push(Kept { entered: *entered, over: entered + waited, is_answered: *is_answered });
            script.push((*entered, 0, call));
            if *waited > 30 { script.push((entered + 31, 1, call)); }
            script.push((entered + waited, 2, call));
        }
        script.sort_unstable();
        for (second, what, call) in script.into_iter().filter(|(second, ..)| *second <= look_at) {
            desk.run_to(second);
            let (at, id, queue) = (seconds(second), CallId(call), QUEUE);
            let Kept { entered, over, is_answered } = kept[call as usize];
            let waited = Duration::from_secs(over - entered);
            match what {
                0 => for fact in [Fact::CallReceived { call: id, service: SERVICE, arrived_at: at },
                        Fact::CallEntered { call: id, service: SERVICE, queue }] {
                    desk.tell(&Record { at, fact });
                },
                1 => desk.tell(&Record { at, fact: Fact::ThresholdPassed { call: id, queue, threshold: 0 } }),
                _ if is_answered => {
                    let (pool, agent) = (PoolId(0), AgentId(0));
                    desk.tell(&Record { at, fact: Fact::CallAnswered { call: id, queue, pool, agent, waited } });
                }
                _ => desk.tell(&Record { at, fact: Fact::CallAbandoned { call: id, queue, waited, lost: false } }),
            }
        }
        desk.run_to(look_at);
        let page = desk.page(look_at);
        prop_assert_eq!(page.violations.laws + page.violations.order, 0);
        let minute = look_at / 60 * 60;
        let begins = [minute.saturating_sub(14 * 60), minute.saturating_sub(59 * 60), look_at / 2_000 * 2_000, 0];
        for (visits, begin) in windows(&page).into_iter().zip(begins) {
            let within = |second: u64| second >= begin && second <= look_at;
            let over = |answered: bool| {
                kept.iter().filter(|call| within(call.over) && call.is_answered == answered).count() as u64
            };
            prop_assert_eq!(visits.entered, kept.iter().filter(|call| within(call.entered)).count() as u64);
            prop_assert_eq!((visits.answered, visits.abandoned), (over(true), over(false)));
            prop_assert_eq!(visits.times.wait.count, visits.answered);
            let hits = kept.iter().filter(|c| within(c.over) && c.is_answered && c.over - c.entered <= 30).count();
            let events = &visits.thresholds[0];
            prop_assert_eq!(events.hit, hits as u64);
            prop_assert_eq!(
                visits.entered + events.pending_at_start,
                events.hit + events.miss + events.excused + events.pending
            );
        }
    }
}

/// A daemon of the test's own on ports that the system chose.
struct Daemon {
    process: Child,
    http: String,
    /// Kept open: a daemon that cannot print has nobody to tell its addresses.
    _printed: BufReader<ChildStdout>,
}

impl Daemon {
    fn start() -> Daemon {
        let mut config = centralino::config::DEFAULT.to_owned();
        for (key, port) in [("udp", 5060), ("tcp", 5060), ("listen", 8080)] {
            let line = format!("\n{key} = \"127.0.0.1:{port}\"");
            assert!(config.contains(&line), "{line}");
            config = config.replace(&line, &format!("\n{key} = \"127.0.0.1:0\""));
        }
        let path = format!("{}/stats_json_{}.toml", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        std::fs::write(&path, config).expect("a file");
        let mut process = Command::new(env!("CARGO_BIN_EXE_centralino"))
            .args(["run", "--config", &path])
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the daemon starts");
        let mut printed = BufReader::new(process.stdout.take().expect("piped"));
        let mut lines = printed.by_ref().lines().map_while(Result::ok);
        let announced = lines.find_map(|line| Some(line.split_once("http://")?.1.to_owned()));
        let http = announced.expect("an address").split('/').next().expect("an address").to_owned();
        Daemon { process, http, _printed: printed }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.http).expect("connects");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_daemon_serves_the_page() {
    let daemon = Daemon::start();
    let answer = daemon.get("/stats");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("application/json"), "{head}");
    let page: Page = serde_json::from_str(body).expect("a page");
    assert_eq!((page.schema, page.time_zone.as_str()), (1, "Europe/Rome"));
    assert!(page.time.starts_with("20") && page.uptime_seconds > 0.0 && page.age_seconds < 60.0, "{body}");
    let queues: Vec<&str> = page.queues.iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(queues, ["information", "information_english", "complaints", "switchboard"]);
    let agents: u64 = page.pools.iter().flat_map(|pool| pool.agents.values()).sum();
    assert_eq!(agents, 4);
    for name in ["101", "102", "201", "301"] {
        assert!(!body.contains(&format!("\"{name}\"")), "no agent is named");
    }
}
