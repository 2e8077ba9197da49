//! What the media room is asked to do and what it says. The shell carries both over channels between the engine
//! thread and the media thread.

use crate::ids::{ClipId, Key, LegId};
use crate::time::Time;
use std::net::SocketAddr;

/// Something for the media engine to do. Commands for an unknown leg are ignored (it was closed meanwhile).
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A leg exists; its socket, bound to this port, comes with the command.
    Open {
        /// The new leg.
        leg: LegId,
        /// Our RTP port.
        port: u16,
    },
    /// Where the leg's other side is and what it speaks, after each offer/answer exchange.
    Direct {
        /// Which leg.
        leg: LegId,
        /// What was agreed.
        stream: Stream,
    },
    /// Play a clip once, from its start, then say `ClipEnded`.
    PlayOnce {
        /// To which leg.
        leg: LegId,
        /// Which clip.
        clip: ClipId,
    },
    /// Play a clip over and over; `None` sends nothing.
    PlayMusic {
        /// To which leg.
        leg: LegId,
        /// Which clip.
        clip: Option<ClipId>,
    },
    /// Relay between two legs (stopping what they played) and say `Joined`.
    Join {
        /// One side.
        a: LegId,
        /// The other side.
        b: LegId,
    },
    /// Stop relaying between this leg and its partner; both stay open and silent.
    Part {
        /// Either side.
        leg: LegId,
    },
    /// The leg is over; its socket may be closed.
    Close {
        /// Which leg.
        leg: LegId,
    },
}

/// Something the media engine says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A clip played once is over.
    ClipEnded {
        /// To which leg.
        leg: LegId,
        /// Which clip.
        clip: ClipId,
    },
    /// The relay between two legs works from now on.
    Joined {
        /// One side.
        a: LegId,
        /// The other side.
        b: LegId,
    },
    /// The other side pressed a key: told once, with the first packet that shows it.
    KeyPressed {
        /// On which leg.
        leg: LegId,
        /// Which key.
        key: Key,
    },
    /// A joined leg that is meant to send has been silent for the configured time.
    Silent {
        /// Which leg.
        leg: LegId,
    },
}

/// One direction pair of RTP as agreed in SDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Where the other side said it receives; `None` while it asked us to send nothing (port 0, c=0.0.0.0).
    pub remote: Option<SocketAddr>,
    /// The address its signalling comes from: the other source from which a first packet may be latched to.
    pub signalled_from: std::net::IpAddr,
    /// The codec both sides speak.
    pub codec: Codec,
    /// Its RTP payload type in both directions.
    pub payload_type: u8,
    /// The payload type of telephone-event (RFC 4733), if agreed.
    pub telephone_event: Option<u8>,
    /// Whether we may send: false while the other side holds us (it said sendonly or inactive).
    pub may_send: bool,
    /// Whether the other side will send.
    pub will_receive: bool,
    /// Milliseconds of sound in a packet of ours; 20 unless the other side asked otherwise.
    pub ptime_ms: u8,
}

/// A codec for which the media engine has an encoder and a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 A-law, static payload type 8.
    Pcma,
    /// G.711 u-law, static payload type 0.
    Pcmu,
}

/// What one turn of the media engine produced; reused.
#[derive(Debug, Default)]
pub struct Output {
    /// For the sockets.
    pub packets: super::packets::Packets,
    /// For the engine thread.
    pub events: Vec<(Time, Event)>,
    /// For the statistics: refused, lost, malformed packets.
    pub facts: Vec<crate::facts::Record>,
}

impl Output {
    /// Forgets everything and keeps the room.
    pub fn clear(&mut self) {
        self.packets.clear();
        self.events.clear();
        self.facts.clear();
    }
}
