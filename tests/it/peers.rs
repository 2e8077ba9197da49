//! Other people's programs as peers: found or skipped loudly, started with a log, waited for with a limit, ended by
//! their own process id, and heard (their log is printed) when the test fails.

use crate::daemon::free_port;
use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Whether a program is installed. When it is not, the test says so and ends, unless the test command has promised
/// that every peer is there.
pub fn installed(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        assert!(std::env::var_os("CENTRALINO_TEST_PEERS").is_none(), "{program} is not installed");
        eprintln!("SKIPPED: {program} is not installed; tests/run installs it when run by root");
    }
    found
}

/// Ends the test when a program it needs is not installed.
#[macro_export]
macro_rules! needs {
    ($($program:literal),+) => {
        if !($($crate::peers::installed($program) &&)+ true) {
            return;
        }
    };
}

/// A running program.
pub struct Peer {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Peer {
    /// Starts a program, its output going to a log in `folder`.
    pub fn start(name: &str, folder: &Path, command: &mut Command) -> Peer {
        Peer::start_with_input(name, folder, command, Path::new("/dev/null"))
    }

    /// Starts a program that reads a file as its input.
    pub fn start_with_input(name: &str, folder: &Path, command: &mut Command, input: &Path) -> Peer {
        Peer::spawn(name, folder, command, File::open(input).expect("the program's input").into())
    }

    /// Starts a program that is told what to do while it runs, a line at a time.
    pub fn start_with_keys(name: &str, folder: &Path, command: &mut Command) -> (Peer, ChildStdin) {
        let mut peer = Peer::spawn(name, folder, command, Stdio::piped());
        let keys = peer.child.stdin.take().expect("a piped input");
        (peer, keys)
    }

    fn spawn(name: &str, folder: &Path, command: &mut Command, input: Stdio) -> Peer {
        let log = folder.join(format!("{name}.log"));
        let out = File::create(&log).expect("a log file");
        let child = command
            .current_dir(folder)
            .stdin(input)
            .stdout(out.try_clone().expect("a second handle"))
            .stderr(out)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Peer { name: name.to_owned(), child, log }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub fn ends_within(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(Instant::now() < deadline, "{} still runs after {limit:?}", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for its end, which must be a success.
    pub fn succeeds_within(&mut self, limit: Duration) {
        let status = self.ends_within(limit);
        assert!(status.success(), "{} failed: {status}", self.name);
    }

    /// Whether it is over.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Asks it to read its configuration again.
    pub fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("a child of ours");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let printed = self.printed();
            let from = printed.len().saturating_sub(6000);
            let from = (from..printed.len()).find(|&at| printed.is_char_boundary(at)).unwrap_or(0);
            eprintln!("---- {} said:\n{}\n----", self.name, &printed[from..]);
        }
    }
}

/// A SIPp to be started: a scenario of `tests/interop` and its settings.
pub struct Sipp {
    scenario: &'static str,
    address: IpAddr,
    port: u16,
    status: Option<u16>,
    rtp: u16,
    arguments: Vec<String>,
}

impl Sipp {
    /// One call of a scenario, from a free port.
    pub fn new(scenario: &'static str, address: IpAddr) -> Sipp {
        Sipp {
            scenario,
            address,
            port: free_port(address),
            status: None,
            rtp: free_port(address),
            arguments: Vec::new(),
        }
        .key("number", "390612345678")
        .option("-m", "1")
    }

    /// Uses this port of its own.
    pub fn port(mut self, port: u16) -> Sipp {
        self.port = port;
        self
    }

    /// The status code that the scenario calls STATUS.
    pub fn status(mut self, status: u16) -> Sipp {
        self.status = Some(status);
        self
    }

    /// A value for the scenario (`[key]`).
    pub fn key(mut self, key: &str, value: &str) -> Sipp {
        self.arguments.extend(["-key".to_owned(), key.to_owned(), value.to_owned()]);
        self
    }

    /// Where the SDP says that RTP goes.
    pub fn rtp(mut self, port: u16) -> Sipp {
        self.rtp = port;
        self
    }

    /// The scenario's pauses.
    pub fn pause(self, pause: Duration) -> Sipp {
        self.option("-d", &pause.as_millis().to_string())
    }

    /// Over one TCP connection a call leg, not UDP.
    pub fn tcp(self) -> Sipp {
        self.option("-t", "t1")
    }

    /// Any option with a value.
    pub fn option(mut self, option: &str, value: &str) -> Sipp {
        self.arguments.extend([option.to_owned(), value.to_owned()]);
        self
    }

    /// Any option without a value.
    pub fn flag(mut self, option: &str) -> Sipp {
        self.arguments.push(option.to_owned());
        self
    }

    /// Starts it as a caller (or a registering phone) of `service` at `server`.
    pub fn calls(self, service: &str, server: SocketAddr, folder: &Path) -> Peer {
        self.option("-s", service).flag(&server.to_string()).start(folder)
    }

    /// Starts it as a phone that waits to be called, and waits until its port is taken.
    pub fn waits(self, folder: &Path) -> Peer {
        let (address, port) = (self.address, self.port);
        let peer = self.start(folder);
        let deadline = Instant::now() + Duration::from_secs(5);
        // A port that can still be bound is one SIPp has not yet taken.
        while std::net::UdpSocket::bind((address, port)).is_ok() && std::net::TcpListener::bind((address, port)).is_ok()
        {
            assert!(Instant::now() < deadline, "SIPp did not start:\n{}", peer.printed());
            std::thread::sleep(Duration::from_millis(20));
        }
        peer
    }

    fn start(self, folder: &Path) -> Peer {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(self.scenario);
        let mut text = std::fs::read_to_string(&source).expect("a scenario of tests/interop");
        if let Some(status) = self.status {
            text = text.replace("STATUS", &status.to_string());
        }
        let name = format!("sipp-{}-{}", self.scenario.trim_end_matches(".xml"), self.port);
        let scenario = folder.join(format!("{name}.xml"));
        std::fs::write(&scenario, text).expect("a copy of the scenario");
        let media = free_port(self.address);
        let mut command = Command::new("sipp");
        command.arg("-sf").arg(&scenario).args(["-i", &self.address.to_string(), "-p", &self.port.to_string()]);
        command.args(["-mi", &self.address.to_string(), "-mp", &media.to_string(), "-nostdin", "-timeout", "60s"]);
        command.args(["-timeout_error", "-trace_err", "-error_file", "/dev/stderr", "-trace_msg"]);
        command.args(["-message_file", "/dev/stderr", "-key", "rtp", &self.rtp.to_string()]).args(&self.arguments);
        Peer::start(&name, folder, &mut command)
    }
}
