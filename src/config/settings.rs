//! What a checked configuration says beside the plan. A change here needs a restart.

use crate::b2bua;
use crate::time::Duration;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything that the shell starts with, beside the plan.
#[derive(Clone, Debug)]
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
    /// Where `/metrics`, `/livez`, `/readyz` are served.
    pub http: SocketAddr,
    /// After the first SIGTERM: how long talks may go on.
    pub drain_max: Duration,
    /// Prompts and music, by `ClipId`.
    pub clips: Vec<Clip>,
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
}
