//! The daemon under load: what it costs, and what it says of itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{env, fs, process};

/// A running daemon.
pub struct Daemon {
    process: Child,
    /// Where SIP goes.
    pub sip: SocketAddr,
    http: SocketAddr,
    folder: PathBuf,
    /// What it says; nobody may close its ear while it speaks.
    _said: BufReader<ChildStdout>,
}

impl Daemon {
    /// The daemon of this build, or another, whose configuration leaves its ports to the system.
    pub fn start(program: Option<&Path>, config: &str) -> Daemon {
        let folder = env::temp_dir().join(format!("centralino-load-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("load.toml");
        fs::write(&file, config).unwrap();
        let mut process = Command::new(program.unwrap_or(Path::new(env!("CARGO_BIN_EXE_centralino"))))
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

    /// A whole scrape.
    pub fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    /// Seconds of CPU that it has used, by user and system.
    pub fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        ticks as f64 / rustix::param::clock_ticks_per_second() as f64
    }

    /// Resident memory.
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
