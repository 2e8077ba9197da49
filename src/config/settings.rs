//! What a checked configuration says beside the plan. Clips, phones, accounts and answering follow a reload; a change of
//! anything else needs a restart, and the reload says so.

use crate::b2bua;
use crate::sip::Secret;
use crate::time::Duration;
use jiff::tz::TimeZone;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Files and sockets that the daemon needs beside those of calls and TCP connections: its listeners, HTTP readers,
/// prompts while they are loaded, wake-up pipes.
const RESERVED_FILES: u64 = 128;

/// Everything that the shell starts with, beside the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The engine's.
    pub engine: b2bua::Settings,
    /// Where SIP is served over UDP.
    pub sip_udp: SocketAddr,
    /// Where SIP is served over TCP, if it is.
    pub sip_tcp: Option<SocketAddr>,
    /// Most TCP connections at once.
    pub tcp_connections: usize,
    /// A TCP connection without a message for this long is closed.
    pub tcp_idle: Duration,
    /// Whom to ask for the host names in contacts; nobody named: the system's.
    pub name_servers: Vec<SocketAddr>,
    /// Where `/metrics`, `/livez`, `/readyz` are served.
    pub http: SocketAddr,
    /// What those must know who change agents' status over HTTP; without it nobody can.
    pub control_token: Option<Secret>,
    /// Where days and months begin and end: the zone of the services' civil time.
    pub time_zone: TimeZone,
    /// Most calls at once (the plan's `limits.channels`).
    pub channels: u32,
    /// After the first SIGTERM: how long talks may go on.
    pub drain_max: Duration,
    /// Where what became of every caller is kept.
    pub ledger: LedgerSettings,
    /// So many bytes of SIP messages and facts are remembered for traces; 0 for none.
    pub trace_bytes: usize,
    /// Where recordings are kept.
    pub recording: RecordingSettings,
    /// Prompts and music, by `ClipId`.
    pub clips: Vec<Clip>,
}

/// Where recordings are kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingSettings {
    /// The folder; made when the first one begins.
    pub directory: PathBuf,
    /// They are removed after so many days; 0 is never.
    pub days: u32,
}

/// Where what became of every caller is kept, and for how long. Without any file nothing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// The ledger itself.
    pub path: Option<PathBuf>,
    /// Interactions as lines of JSON.
    pub json_lines: Option<PathBuf>,
    /// Interactions as CSV.
    pub csv: Option<PathBuf>,
    /// The queue log of Asterisk.
    pub queue_log: Option<PathBuf>,
    /// Interactions stay in the ledger for so long; 0 is for ever.
    pub calls_days: u32,
    /// Callers' pseudonyms stay for so long; 0 is not at all.
    pub pseudonyms_days: u32,
    /// A key makes pseudonyms for so long.
    pub key_days: u32,
    /// The agreement that allows to tell agents apart; without one their pool alone is kept.
    pub agreement: Option<String>,
    /// So many interactions wait in memory for a slow disk.
    pub buffer: usize,
}

impl Default for LedgerSettings {
    fn default() -> LedgerSettings {
        LedgerSettings {
            path: None,
            json_lines: None,
            csv: None,
            queue_log: None,
            calls_days: 0,
            pseudonyms_days: 30,
            key_days: 30,
            agreement: None,
            buffer: 10_000,
        }
    }
}

impl LedgerSettings {
    /// Whether anything is kept at all.
    pub fn is_on(&self) -> bool {
        [&self.path, &self.json_lines, &self.csv, &self.queue_log].into_iter().any(Option::is_some)
    }
}

impl Settings {
    /// How many files and sockets may be open at once: two legs a call with a socket for RTP and one for RTCP, TCP
    /// connections, and a reserve. A process whose file limit is lower says so when it starts, and turns calls away
    /// once it is reached.
    pub fn files_needed(&self) -> u64 {
        let sockets = if self.engine.media.report_every.is_some() { 2 } else { 1 };
        let legs = u64::from(self.channels) * 2 * sockets;
        let connections = u64::try_from(self.tcp_connections).unwrap_or(u64::MAX);
        legs.saturating_add(connections).saturating_add(RESERVED_FILES)
    }

    /// Tells where the sockets were bound: a configured port 0 leaves the choice to the system, and Via and Contact
    /// must name the port that was chosen.
    pub fn bound(&mut self, udp: SocketAddr, tcp: Option<SocketAddr>) {
        self.sip_udp.set_port(udp.port());
        self.engine.sip.udp.set_port(udp.port());
        for configured in [&mut self.sip_tcp, &mut self.engine.sip.tcp] {
            if let (Some(configured), Some(bound)) = (configured, tcp) {
                configured.set_port(bound.port());
            }
        }
    }
}

/// A prompt or a piece of hold music.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// As the configuration calls it.
    pub name: String,
    /// Where its sound is.
    pub source: ClipSource,
}

/// Where a clip's sound comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClipSource {
    /// A WAV file, path relative to the configuration's folder already resolved.
    File(PathBuf),
    /// One compiled in, by name (`it/welcome`, `music`).
    Embedded(&'static str),
    /// A tone to be synthesised: for tests and measurements.
    Tone {
        /// Its frequency; 0 is silence.
        hz: u16,
        /// How long it sounds.
        length: Duration,
    },
}
