//! The real daemon for a test: the shipped configuration moved to an address and ports that nobody else has, started,
//! scraped, told to stop, and ended whatever happens.
//!
//! Every daemon gets a loopback address of its own (Linux answers on all of 127.0.0.0/8), so that RTP ranges of tests
//! running side by side never meet.

use crate::configuration::Configuration;
use crate::peers::Peer;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A running daemon.
pub struct Daemon {
    /// The address of everything it serves, and of the test's peers.
    pub address: IpAddr,
    /// SIP, over UDP and TCP.
    pub sip: SocketAddr,
    /// HTTP.
    pub http: SocketAddr,
    /// The test's folder: configuration, logs, recordings.
    pub folder: PathBuf,
    process: Peer,
}

impl Daemon {
    /// The shipped configuration with the test's changes, once it says that it is ready.
    pub fn start(change: impl FnOnce(&mut Configuration)) -> Daemon {
        Daemon::start_under(&[], change)
    }

    /// The same under another program, which gets the daemon's command line behind its own words.
    pub fn start_under(words: &[&str], change: impl FnOnce(&mut Configuration)) -> Daemon {
        let address = own_address();
        let sip = SocketAddr::new(address, free_port(address));
        let http = SocketAddr::new(address, free_port(address));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("daemon-{address}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let mut configuration = Configuration::shipped(sip, http);
        change(&mut configuration);
        let file = folder.join("centralino.toml");
        std::fs::write(&file, configuration.text()).expect("a configuration file");
        let mut words = words.iter().copied().chain([env!("CARGO_BIN_EXE_centralino"), "run", "--config"]);
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).arg(&file).env("RUST_LOG", "debug");
        let process = Peer::start("centralino", &folder, &mut command);
        let mut daemon = Daemon { address, sip, http, folder, process };
        daemon.wait_until_ready();
        daemon
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while get(self.http, "/readyz").is_none_or(|(status, _)| status != 200) {
            assert!(!self.process.has_ended(), "the daemon ended before it was ready");
            assert!(Instant::now() < deadline, "the daemon is not ready after 10 s");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// One HTTP GET: status and body.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        get(self.http, path)
    }

    /// One scrape.
    pub fn metrics(&self) -> Metrics {
        Metrics::scrape(self.http)
    }

    /// Scrapes until something holds; the scrape in which it did.
    pub fn wait_for(&self, what: &str, limit: Duration, holds: impl Fn(&Metrics) -> bool) -> Metrics {
        let deadline = Instant::now() + limit;
        loop {
            let metrics = self.metrics();
            if holds(&metrics) {
                return metrics;
            }
            assert!(Instant::now() < deadline, "not seen within {limit:?}: {what}\n{}", metrics.text);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until so many agents are ready.
    pub fn wait_for_ready_agents(&self, count: f64) {
        self.wait_for(&format!("{count} agents ready"), Duration::from_secs(10), |metrics| {
            metrics.sum("acd_agents", &[("state", "ready")]) == count
        });
    }

    /// Changes the configuration's file as text, asks for it to be read again, and waits until that has `result`.
    pub fn reload(&self, change: impl FnOnce(&mut String), result: &str) -> Metrics {
        let reloads = |metrics: &Metrics| metrics.sum("acd_config_reloads_total", &[("result", result)]);
        let before = reloads(&self.metrics());
        let file = self.folder.join("centralino.toml");
        let mut text = std::fs::read_to_string(&file).expect("the configuration");
        change(&mut text);
        std::fs::write(&file, text).expect("the changed configuration");
        self.process.hang_up();
        let limit = Duration::from_secs(10);
        self.wait_for(&format!("a reload, {result}"), limit, |metrics| reloads(metrics) == before + 1.0)
    }

    /// One of its files as the daemon itself sees it, whatever is mounted for it alone.
    pub fn sees(&self, path: &str) -> PathBuf {
        let seen = Path::new("/proc").join(self.process.id().to_string()).join("root");
        seen.join(self.folder.join(path).strip_prefix("/").expect("an absolute path"))
    }

    /// What CPU it has used so far, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("a running daemon");
        // proc(5): after the name in brackets, the 12th and 13th numbers, in hundredths on every Linux we know.
        let fields = stat.rsplit_once(')').expect("a name in brackets").1.split_whitespace();
        fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number") / 100.0).sum()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.printed()
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// Waits for its end.
    pub fn ends_within(&mut self, limit: Duration) -> ExitStatus {
        self.process.ends_within(limit)
    }

    /// SIGTERM with nothing going on: it must end by itself, and well. The last thing a test does.
    pub fn stops(mut self) {
        self.terminate();
        let status = self.ends_within(Duration::from_secs(10));
        assert_eq!(status.code(), Some(0), "the daemon ends well");
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    /// Checks the laws of the counters in scrape after scrape until told to stop.
    pub fn watch_laws(&self) -> Watch {
        let (http, stop) = (self.http, Arc::new(AtomicBool::new(false)));
        let seen = stop.clone();
        let thread = std::thread::spawn(move || {
            let (mut scrapes, mut broken) = (0, Vec::new());
            while !seen.load(Ordering::Relaxed) {
                broken.extend(Metrics::scrape(http).broken_laws());
                scrapes += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            (scrapes, broken)
        });
        Watch { stop, thread }
    }
}

/// A thread that scrapes and checks.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u32, Vec<String>)>,
}

impl Watch {
    /// Ends it: every law held in every scrape, and there were some.
    pub fn all_held(self) {
        self.stop.store(true, Ordering::Relaxed);
        let (scrapes, broken) = self.thread.join().expect("the watching thread");
        assert!(broken.is_empty(), "{broken:#?}");
        assert!(scrapes >= 10, "only {scrapes} scrapes");
    }
}

/// The samples of one scrape.
pub struct Metrics {
    /// As scraped.
    pub text: String,
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

impl Metrics {
    fn scrape(http: SocketAddr) -> Metrics {
        let (status, text) = get(http, "/metrics").expect("an answer to a scrape");
        assert_eq!(status, 200, "a scrape succeeds");
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(read_sample).collect();
        Metrics { text, samples }
    }

    /// The sum of all samples of a name that carry these labels. A name that is missing is an error of the test or of
    /// the daemon: every label set exists from the start.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let mut matching = self
            .samples
            .iter()
            .filter(|(sample, given, _)| {
                sample == name && labels.iter().all(|(label, value)| given.get(*label).is_some_and(|is| is == value))
            })
            .map(|(_, _, value)| *value)
            .peekable();
        assert!(matching.peek().is_some(), "no sample {name}{labels:?} in\n{}", self.text);
        matching.sum()
    }

    /// Every counter of `before` is here, and none is smaller.
    pub fn went_on_from(&self, before: &Metrics) {
        let is_counter = |name: &str| ["_total", "_count", "_bucket", "_sum"].iter().any(|end| name.ends_with(end));
        for (name, labels, value) in before.samples.iter().filter(|(name, ..)| is_counter(name)) {
            let labels: Vec<(&str, &str)> =
                labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert!(self.sum(name, &labels) >= *value, "{name}{labels:?} was {value}\n{}", self.text);
        }
    }

    /// The first threshold's counters: what the contract is about.
    pub fn service_level(&self, result: &str) -> f64 {
        self.sum("acd_sla_calls_total", &[("result", result), ("threshold", "30")])
    }

    /// The laws of the counters (semantics.md section 9, 1 to 3) that this scrape breaks.
    fn broken_laws(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut law = |name: &str, left: f64, right: f64| {
            if left != right {
                broken.push(format!("{name}: {left} is not {right}\n{}", self.text));
            }
        };
        let all = |name: &str| self.sum(name, &[]);
        let finished = |outcomes: &[&str]| -> f64 {
            outcomes.iter().map(|outcome| self.sum("acd_calls_finished_total", &[("outcome", outcome)])).sum()
        };
        law(
            "entered = finished + waiting",
            all("acd_calls_entered_total"),
            finished(&["answered", "abandoned", "flowed_out", "failed"]) + all("acd_queue_waiting_calls"),
        );
        law(
            "received = ended before a queue + entered + in greeting",
            all("acd_calls_received_total"),
            finished(&["left_in_greeting", "ended_in_menu", "failed_in_greeting"])
                + all("acd_calls_entered_total")
                + all("acd_calls_in_greeting"),
        );
        law(
            "offers made = with an outcome + ringing",
            all("acd_offers_made_total"),
            all("acd_offers_total") + all("acd_offers_ringing"),
        );
        for (_, labels, pending) in self.samples.iter().filter(|(name, ..)| name == "acd_sla_pending_calls") {
            let (queue, threshold) = (("queue", &*labels["queue"]), ("threshold", &*labels["threshold"]));
            law(
                "entered = hit + miss + excused + pending + uncounted",
                self.sum("acd_calls_entered_total", &[queue]),
                self.sum("acd_sla_calls_total", &[queue, threshold])
                    + pending
                    + self.sum("acd_sla_uncounted_calls_total", &[queue, threshold]),
            );
        }
        law("no law of the engine broken", all("acd_invariant_violations_total"), 0.0);
        law("nobody served out of order", all("acd_order_violations_total"), 0.0);
        broken
    }
}

fn read_sample(line: &str) -> Option<(String, BTreeMap<String, String>, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.trim_end_matches('}').split(',').filter_map(|pair| {
        let (label, value) = pair.split_once('=')?;
        Some((label.to_owned(), value.trim_matches('"').to_owned()))
    });
    Some((name.to_owned(), labels.collect(), value.parse().ok()?))
}

/// A port that is free for UDP, and for TCP, on an address.
pub fn free_port(address: IpAddr) -> u16 {
    loop {
        let socket = UdpSocket::bind((address, 0)).expect("a free port");
        let port = socket.local_addr().expect("a bound socket").port();
        if TcpListener::bind((address, port)).is_ok() {
            return port;
        }
    }
}

/// A loopback address that no other test has: process id and a count, in the 24 bits that Linux gives us.
fn own_address() -> IpAddr {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = (std::process::id() << 6).wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed)) % 0x00ef_ffff;
    IpAddr::V4(Ipv4Addr::from(0x7f10_0001 + number))
}

fn get(http: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&http, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
