//! A real Prometheus scrapes the daemon while calls come in: what it has stored is what the ledger says, and every
//! scrape was consistent in itself, the ones in the middle of the rush too.

use crate::daemon::{Daemon, free_port};
use crate::import::{centralino, told};
use crate::interop_sipp::registered_agent;
use crate::needs;
use crate::peers::{Peer, Sipp};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const SECONDS_10: Duration = Duration::from_secs(10);
/// Each with a queue of its own, of the same name: the ledger's rows of a service are Prometheus' series of a queue.
const SERVICES: [(&str, &str); 2] = [("switchboard", "800000200"), ("information", "800000100")];
/// The thresholds of both queues, as labels and in the report; the contract's first.
const THRESHOLDS: [&str; 2] = ["2", "1"];
/// Callers who stay until they are answered; who leave in the welcome, soon after it, and late.
const ANSWERED: u64 = 36;
const LEAVING: [(u64, Duration); 3] =
    [(8, Duration::from_millis(400)), (8, Duration::from_millis(3_200)), (8, Duration::from_millis(6_000))];
const ALL: u64 = 60;
/// Sum over the queues' results and pending, less what entered: 0 in every scrape (semantics.md section 9).
const LAW: &str = "sum by (queue, threshold) (acd_sla_calls_total) + sum by (queue, threshold) (acd_sla_pending_calls) \
    - on (queue) group_left sum by (queue) (acd_calls_entered_total)";

/// A Prometheus server of the test's own.
struct Prometheus {
    http: SocketAddr,
    process: Peer,
    began: Timestamp,
}

impl Prometheus {
    /// Scrapes the daemon every second, from now on.
    fn scrapes(daemon: &Daemon) -> Prometheus {
        let http = SocketAddr::new(daemon.address, free_port(daemon.address));
        let file = daemon.folder.join("prometheus.yml");
        let text = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: centralino\n    \
             static_configs:\n      - targets: [\"{}\"]\n",
            daemon.http
        );
        std::fs::write(&file, text).expect("a configuration file");
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", daemon.folder.join("prometheus").display()));
        command.arg(format!("--web.listen-address={http}"));
        let process = Peer::start("prometheus", &daemon.folder, &mut command);
        let mut prometheus = Prometheus { http, process, began: Timestamp::now() };
        prometheus.wait_until("it scrapes", |it| it.numbers("up", "job").get("centralino") == Some(&1));
        prometheus
    }

    fn wait_until(&mut self, what: &str, holds: impl Fn(&Prometheus) -> bool) {
        let deadline = Instant::now() + SECONDS_10;
        while !holds(self) {
            assert!(!self.process.has_ended(), "Prometheus has ended");
            assert!(Instant::now() < deadline, "not seen by Prometheus within {SECONDS_10:?}: {what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The series that an expression gives, now (`query`) or over the whole time (`query_range`); none while
    /// Prometheus starts.
    fn ask(&self, path: &str, expression: &str, more: &str) -> Vec<Value> {
        let expression: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = get(self.http, &format!("/api/v1/{path}?query={expression}{more}"));
        let Some(answer) = answer.and_then(|text| serde_json::from_str::<Value>(&text).ok()) else { return Vec::new() };
        assert_eq!(answer["status"], "success", "{answer:#}");
        answer["data"]["result"].as_array().expect("series").clone()
    }

    /// What an expression is now, by the value of a label.
    fn numbers(&self, expression: &str, label: &str) -> BTreeMap<String, u64> {
        let one = |series: &Value| {
            let label = series["metric"][label].as_str().unwrap_or_default().to_owned();
            (label, whole(&series["value"][1]))
        };
        self.ask("query", expression, "").iter().map(one).collect()
    }

    /// What an expression without labels is now; 0 while there is nothing.
    fn number(&self, expression: &str) -> u64 {
        self.numbers(expression, "").into_values().sum()
    }

    /// Every value that each series of an expression had since the start, four times as often as there were scrapes.
    fn course(&self, expression: &str) -> Vec<Vec<String>> {
        let (start, end) = (self.began, Timestamp::now());
        let values = |series: &Value| {
            let values = series["values"].as_array().expect("values").iter();
            values.map(|pair| pair[1].as_str().expect("a value").to_owned()).collect()
        };
        let series = self.ask("query_range", expression, &format!("&start={start}&end={end}&step=250ms"));
        series.iter().map(values).collect()
    }
}

fn whole(value: &Value) -> u64 {
    let text = value.as_str().expect("a value");
    text.parse().unwrap_or_else(|_| panic!("{text} is no whole number"))
}

/// HTTP/1.0: the answer comes in one piece.
fn get(http: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&http, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {http}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

/// A ledger; thresholds that the rush crosses; and nobody who answers for `information`.
fn daemon() -> Daemon {
    Daemon::start(|configuration| {
        configuration.set("ledger", "path", "ledger.db");
        for (queue, _) in SERVICES {
            configuration.set(&format!("queue.{queue}"), "thresholds", THRESHOLDS.map(|it| format!("{it} s")).to_vec());
        }
        configuration.set("service.information", "welcome", "it/welcome_short");
        for agent in ["101", "102"] {
            let skills = toml::Table::from_iter([("switchboard".to_owned(), 80.into())]);
            configuration.set(&format!("agent.{agent}"), "skills", skills);
        }
    })
}

/// All callers, the last of them gone at the end.
fn rush(daemon: &Daemon) {
    let agents = ["101", "102"].map(|user| {
        let phone = Sipp::new("agent_hangs_up.xml", daemon.address);
        registered_agent(daemon, user, phone.option("-m", &ANSWERED.to_string()).pause(Duration::from_millis(400)))
    });
    daemon.wait_for_ready_agents(2.0);
    let callers = |scenario, calls: u64, rate: &str| {
        Sipp::new(scenario, daemon.address).option("-m", &calls.to_string()).option("-r", rate)
    };
    let [(_, switchboard), (_, information)] = SERVICES;
    let mut all = vec![callers("caller_stays.xml", ANSWERED, "8").calls(switchboard, daemon.sip, &daemon.folder)];
    all.extend(LEAVING.map(|(calls, stay)| {
        callers("caller_hangs_up.xml", calls, "4").pause(stay).calls(information, daemon.sip, &daemon.folder)
    }));
    all.iter_mut().for_each(|caller| caller.succeeds_within(Duration::from_secs(20)));
    agents.iter().for_each(Peer::terminate);
}

/// What Prometheus has of a service and its queue, in the ledger's words.
fn stored(prometheus: &Prometheus, name: &str) -> BTreeMap<String, u64> {
    let by_service = |metric: &str| prometheus.number(&format!("sum({metric}{{service=\"{name}\"}})"));
    let mut stored =
        prometheus.numbers(&format!("sum by (outcome) (acd_calls_finished_total{{service=\"{name}\"}})"), "outcome");
    stored.insert("received".to_owned(), by_service("acd_calls_received_total"));
    stored.insert("entered".to_owned(), by_service("acd_calls_entered_total"));
    for threshold in THRESHOLDS {
        let of = format!("{{queue=\"{name}\",threshold=\"{threshold}\"}}");
        let results = prometheus.numbers(&format!("sum by (result) (acd_sla_calls_total{of})"), "result");
        stored.extend(results.into_iter().map(|(result, calls)| (format!("{result} at {threshold} s"), calls)));
        stored.insert(format!("pending at {threshold} s"), prometheus.number(&format!("acd_sla_pending_calls{of}")));
    }
    stored
}

/// The same out of a row of the report.
fn reported(report: &Value, name: &str) -> BTreeMap<String, u64> {
    let rows = report["services"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}: {report:#}"));
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("no number: {row:#}"));
    let counts =
        "received left_in_greeting ended_in_menu failed_in_greeting entered answered abandoned flowed_out failed";
    let mut all: BTreeMap<String, u64> =
        counts.split(' ').map(|count| (count.to_owned(), number(&row[count]))).collect();
    let [contract, other] = THRESHOLDS;
    for (threshold, level) in [(contract, &row["contract"]), (other, &row["thresholds"][other])] {
        for result in ["hit", "miss", "excused", "pending"] {
            all.insert(format!("{result} at {threshold} s"), number(&level[result]));
        }
    }
    all
}

/// Yesterday to tomorrow, so that midnight does no harm.
fn report(ledger: &Path) -> Value {
    let day = |hours| (Timestamp::now() + SignedDuration::from_hours(hours)).strftime("%Y-%m-%d").to_string();
    let (from, to) = (day(-24), day(24));
    let output = centralino(&[
        &"report",
        &"--from",
        &from,
        &"--to",
        &to,
        &"--time-zone",
        &"UTC",
        &"--ledger",
        &ledger,
        &"--format",
        &"json",
    ]);
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn prometheus_has_what_the_ledger_has_and_every_scrape_was_consistent() {
    needs!("sipp", "prometheus");
    let mut daemon = daemon();
    let mut prometheus = Prometheus::scrapes(&daemon);
    rush(&daemon);
    // One scrape is one moment: when all calls are over in it, so is everything else that is counted of them.
    prometheus.wait_until("the end of all calls", |it| it.number("sum(acd_calls_finished_total)") == ALL);

    let law = prometheus.course(LAW);
    assert!(law.len() >= SERVICES.len() * THRESHOLDS.len(), "queues by thresholds: {law:?}");
    for values in &law {
        assert!(values.len() > 20 && values.iter().all(|value| value == "0"), "{values:?}");
    }
    // It had something to hold for: scrapes fell into the rush, with calls pending.
    assert!(prometheus.number("max(max_over_time(acd_sla_pending_calls[1m]))") > 0);
    assert!(prometheus.number("changes(sum(acd_calls_entered_total)[1m:250ms])") >= 3);
    assert!(prometheus.number("sum_over_time(up[1m])") >= 10, "scrapes that succeeded");
    assert_eq!(prometheus.number("sum(acd_invariant_violations_total)"), 0);

    let of_prometheus = SERVICES.map(|(name, _)| stored(&prometheus, name));
    prometheus.process.terminate();
    prometheus.process.succeeds_within(SECONDS_10);
    let folder = daemon.folder.clone();
    daemon.terminate();
    assert_eq!(daemon.ends_within(SECONDS_10).code(), Some(0), "the daemon ends well");
    let report = report(&folder.join("ledger.db"));
    assert_eq!(SERVICES.map(|(name, _)| reported(&report, name)), of_prometheus);

    let [switchboard, information] = &of_prometheus;
    assert_eq!((switchboard["answered"], switchboard["received"]), (ANSWERED, ANSWERED));
    assert_eq!(information["left_in_greeting"] + information["abandoned"], ALL - ANSWERED);
    let results = ["hit", "miss", "excused"].map(|it| {
        let at = format!("{it} at {} s", THRESHOLDS[0]);
        switchboard[&at] + information[&at]
    });
    assert!(results.iter().all(|calls| *calls > 0), "hit, miss and excused all came to pass: {results:?}");
    let _ = std::fs::remove_dir_all(folder);
}
