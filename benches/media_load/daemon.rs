//! The daemon under load: what it costs, and what it says of itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running daemon; it ends when it is dropped.
pub struct Daemon {
    process: Child,
    /// Where it takes calls.
    pub sip: SocketAddr,
    http: SocketAddr,
    folder: std::path::PathBuf,
    /// What it says; nobody may close its ear while it speaks.
    _said: BufReader<ChildStdout>,
}

impl Daemon {
    /// One for so many calls, whose agents are all at this address.
    pub fn start(calls: usize, phones: SocketAddr) -> Daemon {
        let folder = std::env::temp_dir().join(format!("centralino-media-load-{}", phones.port()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("load.toml");
        fs::write(&file, config(calls, phones)).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_centralino"))
            .args(["run", "--config"])
            .arg(&file)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let (mut sip, mut http, mut line) = (None, None, String::new());
        while !line.contains("metrics") && said.read_line(&mut line).unwrap() > 0 {
            let last = line.lines().last().unwrap_or_default();
            let metrics = last.split_once("http://").and_then(|(_, rest)| rest.strip_suffix("/metrics"));
            http = http.or_else(|| metrics.and_then(|address| address.parse().ok()));
            sip = sip.or_else(|| last.split_once("udp ").and_then(|(_, address)| address.trim().parse().ok()));
        }
        let (sip, http) = (sip.expect("the daemon says where it listens"), http.expect("and where its metrics are"));
        Daemon { process, sip, http, folder, _said: said }
    }

    /// Of how many agents' answers the first sound was on its way within 25 ms.
    pub fn answers_in_time(&self) -> (u64, u64) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        let value = |name: &str| {
            let line = page.lines().find_map(|line| line.strip_prefix(name)).expect("a sample");
            line.trim().parse().expect("a count")
        };
        let count = value("acd_answer_to_audio_seconds_count");
        (value("acd_answer_to_audio_seconds_bucket{le=\"0.025\"}"), count)
    }

    /// Seconds of CPU it has used so far.
    pub fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        ticks as f64 / rustix::param::clock_ticks_per_second() as f64
    }

    /// Memory it holds.
    pub fn kib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn config(calls: usize, phones: SocketAddr) -> String {
    let (calls, agents) = (calls.max(10), calls.max(10) + 1_000);
    format!(
        r#"pools = ["phones", "nobody"]
skills = []
[service.waiting]
number = "1"
queue = "waiting"
[service.talking]
number = "2"
queue = "talking"
[queue.waiting]
max_wait = "24 h"
max_length = {calls}
[[queue.waiting.step]]
pools = ["nobody"]
[queue.talking]
max_length = {calls}
[[queue.talking.step]]
pools = ["phones"]
[agent."1001..{agents}"]
pool = "phones"
contact = "sip:{{number}}@{phones}"
[sip]
udp = "127.0.0.1:0"
overload_delay = "1 min"
tcp = "off"
[http]
listen = "127.0.0.1:0"
[media]
ports = "32768-60999"
[limits]
channels = {calls}
dialogs = 50000
transactions = 500000
"#
    )
}
