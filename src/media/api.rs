//! What the media room is asked to do and what it says. The shell carries both over channels between the engine
//! thread and the media thread.

use super::clip::Clip;
use super::opus;
use crate::facts::Party;
use crate::ids::{CallId, ClipId, Key, LegId};
use crate::media::srtp::Crypto;
use crate::time::Time;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

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
    /// From now on there is a clip of this id: the next one, or one that nobody plays yet.
    Learn {
        /// Its id.
        clip: ClipId,
        /// Its sound.
        sound: Arc<Clip>,
    },
    /// The other side has shown by its signalling that it is there: an ACK, a PRACK.
    Reached {
        /// Which leg.
        leg: LegId,
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
    /// Play clips one after the other, once, then say `ClipEnded` of the last.
    PlayAll {
        /// To which leg.
        leg: LegId,
        /// Which clips, in order.
        clips: Vec<ClipId>,
    },
    /// Say these clips one after the other; what music there is stops meanwhile and goes on where it was.
    Announce {
        /// To which leg.
        leg: LegId,
        /// Which clips, in order.
        clips: Vec<ClipId>,
    },
    /// End an announcement with the next packet; there may be none.
    Hush {
        /// To which leg.
        leg: LegId,
    },
    /// Relay between two legs (stopping what they played) and say `Joined`.
    Join {
        /// One side.
        a: LegId,
        /// The other side.
        b: LegId,
    },
    /// Let these parties hear each other, nobody itself; pairs that were joined stay joined, for later. A party may have
    /// several legs and speaks on any of them.
    Confer {
        /// Everybody's legs.
        parties: Vec<Vec<LegId>>,
    },
    /// The conference that this leg is in is over: joined pairs hear each other again.
    Disperse {
        /// Any leg of it.
        leg: LegId,
    },
    /// Record what both sides of a joined pair say; the caller's recording, if there is one, goes on with this agent.
    Record {
        /// The caller's.
        caller: LegId,
        /// The agent's.
        agent: LegId,
        /// Whose call.
        call: CallId,
    },
    /// The caller's recording is over, before the leg is.
    EndRecording {
        /// The caller's.
        caller: LegId,
    },
    /// Leave out what is said from now on, or no longer; nothing if the pair is not recorded.
    PauseRecording {
        /// Either side.
        leg: LegId,
        /// Whether it is left out.
        is_paused: bool,
    },
    /// Stop relaying between this leg and its partner; both stay open and silent.
    Part {
        /// Either side.
        leg: LegId,
    },
    /// The leg's other side pressed a key and told it outside the sound (SIP INFO): its partner hears it as an event.
    PassKey {
        /// On which leg.
        leg: LegId,
        /// Which key.
        key: Key,
    },
    /// Say how the leg has fared so far, as a fact about this call.
    Measure {
        /// Which leg.
        leg: LegId,
        /// Whose call.
        call: CallId,
        /// Which side of it.
        party: Party,
    },
    /// The leg is over; its sockets may be closed once what this produced is sent.
    Close {
        /// Which leg.
        leg: LegId,
    },
}

impl Command {
    /// Whose engine has to do it; `None` for all of them.
    pub fn leg(&self) -> Option<LegId> {
        match *self {
            Command::Learn { .. } => None,
            Command::Confer { ref parties } => parties.iter().flatten().next().copied(),
            Command::Open { leg, .. }
            | Command::Direct { leg, .. }
            | Command::Reached { leg }
            | Command::PlayOnce { leg, .. }
            | Command::PlayMusic { leg, .. }
            | Command::PlayAll { leg, .. }
            | Command::Announce { leg, .. }
            | Command::Hush { leg }
            | Command::Join { a: leg, .. }
            | Command::Record { caller: leg, .. }
            | Command::EndRecording { caller: leg }
            | Command::PauseRecording { leg, .. }
            | Command::Disperse { leg }
            | Command::Part { leg }
            | Command::PassKey { leg, .. }
            | Command::Measure { leg, .. }
            | Command::Close { leg } => Some(leg),
        }
    }
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
    /// Whether our own sound has been so late for a while that some of it is left out; told when it changes.
    SoundLate {
        /// It is.
        is_late: bool,
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
    pub signalled_from: IpAddr,
    /// The codec both sides speak.
    pub codec: Codec,
    /// Its RTP payload type in both directions.
    pub payload_type: u8,
    /// The payload type of telephone-event (RFC 4733), if agreed.
    pub telephone_event: Option<u8>,
    /// In what its durations count, in Hz: the codec's clock, unless the other side knows only 8000.
    pub events_at: u32,
    /// Whether we may send: false while the other side holds us (it said sendonly or inactive).
    pub may_send: bool,
    /// Whether the other side will send.
    pub will_receive: bool,
    /// Milliseconds of sound in a packet of ours; 20 unless the other side asked otherwise. Always 20 of Opus.
    pub ptime_ms: u8,
    /// Where the other side receives RTCP.
    pub control: Option<SocketAddr>,
    /// RTP and RTCP share one port on both sides (RFC 5761).
    pub is_muxed: bool,
    /// The keys of SRTP; without them nothing is encrypted.
    pub crypto: Option<Crypto>,
}

/// Whether the other side of a leg has to speak SRTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// It must not.
    #[default]
    Off,
    /// It may: what it can do is done.
    Optional,
    /// It must: otherwise there is no call.
    Required,
}

impl Stream {
    /// A stream in both directions without a wish: 20 ms, no keys, RTCP on the next port.
    pub fn plain(remote: SocketAddr, codec: Codec) -> Stream {
        Stream {
            remote: Some(remote),
            signalled_from: remote.ip(),
            codec,
            payload_type: codec.payload_type(),
            telephone_event: None,
            events_at: codec.clock(),
            may_send: true,
            will_receive: true,
            ptime_ms: 20,
            control: control_beside(remote),
            is_muxed: false,
            crypto: None,
        }
    }

    /// Milliseconds of sound in a packet of ours, within what every codec has.
    pub(super) fn packet_ms(&self) -> u32 {
        if self.codec.is_framed() { opus::PACKET_MS } else { u32::from(self.ptime_ms.clamp(10, 60)) }
    }
}

/// RFC 3550 11: RTCP lives on the next higher port.
pub(super) fn control_beside(remote: SocketAddr) -> Option<SocketAddr> {
    Some(SocketAddr::new(remote.ip(), remote.port().checked_add(1)?))
}

/// A codec for which the media engine has an encoder and a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 A-law, static payload type 8.
    Pcma,
    /// G.711 u-law, static payload type 0.
    Pcmu,
    /// G.722 at 64 kbit/s, static payload type 9; its RTP clock has 8000 Hz (RFC 3551 4.5.2).
    G722,
    /// Opus (RFC 7587), a dynamic payload type; its RTP clock has 48000 Hz whatever is inside.
    Opus,
}

impl Codec {
    /// Every one.
    pub const ALL: [Codec; 4] = [Codec::Pcma, Codec::Pcmu, Codec::G722, Codec::Opus];

    /// Its RTP clock, in Hz.
    pub const fn clock(self) -> u32 {
        self.ticks_a_milli() * 1_000
    }

    /// Ticks of its RTP clock in a millisecond.
    pub(super) const fn ticks_a_milli(self) -> u32 {
        if self.is_framed() { opus::TICKS_A_MILLI } else { 8 }
    }

    /// Whether a packet is one piece that says itself how long it plays; of all others each byte is an eighth of a
    /// millisecond.
    pub(super) const fn is_framed(self) -> bool {
        matches!(self, Codec::Opus)
    }

    /// How long a payload plays, in ticks; `None` for what is none of this codec.
    pub(super) fn ticks(self, payload: &[u8]) -> Option<u32> {
        if self.is_framed() { opus::ticks(payload) } else { u32::try_from(payload.len()).ok() }
    }
}

/// Something for whoever writes recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// A recording begins.
    Began {
        /// Whose call.
        call: CallId,
        /// When.
        at: Time,
    },
    /// A packet of one side.
    Sound {
        /// Whose call.
        call: CallId,
        /// Who speaks.
        party: Party,
        /// When it came.
        at: Time,
        /// In which codec it is.
        codec: Codec,
        /// The sound.
        sound: Vec<u8>,
    },
    /// The recording is over.
    Ended {
        /// Whose call.
        call: CallId,
        /// When.
        at: Time,
    },
}

/// What one turn of the media engine produced; reused.
#[derive(Debug, Default)]
pub struct Output {
    /// RTP, for the legs' sockets.
    pub packets: super::packets::Packets,
    /// RTCP, for the sockets beside them, or the same ones where both share a port.
    pub reports: super::packets::Packets,
    /// For whoever writes recordings.
    pub recorded: Vec<Recorded>,
    /// For the engine thread.
    pub events: Vec<(Time, Event)>,
    /// For the statistics: refused, lost, malformed packets.
    pub facts: Vec<crate::facts::Record>,
}

impl Output {
    /// Forgets everything and keeps the room.
    pub fn clear(&mut self) {
        self.packets.clear();
        self.reports.clear();
        self.recorded.clear();
        self.events.clear();
        self.facts.clear();
    }
}
