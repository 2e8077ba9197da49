//! What the media engine is made with. Nothing here changes while it runs.

use crate::time::Duration;
use std::net::IpAddr;

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
    pub codecs: Vec<super::api::Codec>,
}
