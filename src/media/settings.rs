//! What the media engine is made with. Nothing here changes while it runs.

use super::api::{Codec, Encryption};
use crate::time::Duration;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;

/// The media engine's settings; `config` checks and makes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The address that RTP sockets bind to and that SDP names.
    pub address: IpAddr,
    /// First and last RTP port; only even ones are used.
    pub ports: (u16, u16),
    /// A closed port rests this long before it is used again.
    pub drain: Duration,
    /// A talking leg that sends nothing for this long is reported `Silent`; `None` never.
    pub silent_after: Option<Duration>,
    /// Codecs we accept and offer, the preferred first.
    pub codecs: Vec<Codec>,
    /// Most legs of Opus that may have to be converted.
    pub opus_legs: usize,
    /// Every leg reports by RTCP about so often (RFC 3550 6.2); `None` never, and needs no second port.
    pub report_every: Option<Duration>,
    /// Keys are looked for in the sound of legs that agreed to no telephone-events.
    pub inband_keys: bool,
    /// Whether callers speak SRTP.
    pub encryption: Encryption,
    /// Engines that share the legs, each on a thread of its own; see [`LegId::engine`](crate::ids::LegId::engine).
    pub threads: NonZeroU16,
}

impl Default for Settings {
    /// On this machine, as without a configuration.
    fn default() -> Settings {
        Settings {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports: (20_000, 29_999),
            drain: Duration::from_secs(2),
            silent_after: Some(Duration::from_secs(120)),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            opus_legs: 60,
            report_every: Some(Duration::from_secs(5)),
            inband_keys: false,
            encryption: Encryption::Off,
            threads: NonZeroU16::MIN,
        }
    }
}
