//! Our own SDP as text.

use super::crypto::CryptoLine;
use super::{Codec, Local};
use bytes::Bytes;
use sdp_types::{Attribute, Connection, Media, MediaType, Origin, Session, Time, TransportProto};

/// One m= line of ours.
#[derive(Clone, Debug)]
pub(super) enum Line {
    /// The stream in use.
    Audio(Audio),
    /// A stream that was offered and is not used; also the audio stream while it is taken away.
    Refused {
        /// As offered.
        media: String,
        /// As offered.
        proto: String,
        /// The first format offered: the list may not be empty.
        format: String,
    },
}

impl Line {
    pub(super) fn is_audio(&self) -> bool {
        match self {
            Line::Audio(_) => true,
            Line::Refused { media, proto, .. } => media == "audio" && is_rtp(proto),
        }
    }
}

/// Whether an m= line is of a kind that we speak.
pub(super) fn is_rtp(proto: &str) -> bool {
    matches!(TransportProto::from(proto), TransportProto::RtpAvp | TransportProto::RtpSavp)
}

/// The stream in use.
#[derive(Clone, Debug)]
pub(super) struct Audio {
    pub(super) port: u16,
    pub(super) formats: Vec<(u8, Codec)>,
    /// By payload type, and with the clocks in Hz.
    pub(super) telephone_events: Vec<(u8, u32)>,
    pub(super) ptime_ms: u8,
    pub(super) direction: Direction,
    /// RTCP on the port of RTP (RFC 5761 5.1.1).
    pub(super) is_muxed: bool,
    /// The profile is RTP/SAVP.
    pub(super) is_savp: bool,
    /// Our key.
    pub(super) crypto: Option<CryptoLine>,
}

/// What we do on the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    SendReceive,
    Send,
    Receive,
    Inactive,
}

impl Direction {
    pub(super) fn of(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendReceive,
            (true, false) => Direction::Send,
            (false, true) => Direction::Receive,
            (false, false) => Direction::Inactive,
        }
    }

    fn attribute(self) -> &'static str {
        match self {
            Direction::SendReceive => "sendrecv",
            Direction::Send => "sendonly",
            Direction::Receive => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

pub(super) fn write(local: &Local, version: u64, lines: &[Line]) -> Bytes {
    let mut session = Session::new(Origin::with_ip_addr(local.session_id, version, local.address), "-");
    session.connection = Some(Connection::from_ip_addr(local.address));
    session.times.push(Time::new(0, 0));
    session.medias = lines.iter().map(media).collect();
    let mut text = Vec::with_capacity(384);
    let written = session.write(&mut text);
    debug_assert!(written.is_ok(), "writing into a Vec cannot fail");
    text.into()
}

fn media(line: &Line) -> Media {
    match line {
        Line::Audio(audio) => audio_media(audio),
        Line::Refused { media, proto, format } => {
            let mut refused = Media::new(MediaType::Audio, 0, TransportProto::RtpAvp, format);
            refused.media.clone_from(media);
            refused.proto.clone_from(proto);
            refused
        }
    }
}

fn audio_media(audio: &Audio) -> Media {
    let mut formats: Vec<String> = audio.formats.iter().map(|(payload_type, _)| payload_type.to_string()).collect();
    formats.extend(audio.telephone_events.iter().map(|(payload_type, _)| payload_type.to_string()));
    let proto = if audio.is_savp { TransportProto::RtpSavp } else { TransportProto::RtpAvp };
    let mut media = Media::new(MediaType::Audio, audio.port, proto, formats.join(" "));
    for (payload_type, codec) in &audio.formats {
        media.attributes.push(Attribute::with_value("rtpmap", format!("{payload_type} {}", codec.encoding())));
        if *codec == Codec::Opus {
            // RFC 7587 6.1: what a packet says of the one before it is used.
            media.attributes.push(Attribute::with_value("fmtp", format!("{payload_type} useinbandfec=1")));
        }
    }
    for (payload_type, clock) in &audio.telephone_events {
        // RFC 4733 2.4.1: events 0-15 are the keys of a telephone.
        media.attributes.push(Attribute::with_value("rtpmap", format!("{payload_type} telephone-event/{clock}")));
        media.attributes.push(Attribute::with_value("fmtp", format!("{payload_type} 0-15")));
    }
    media.attributes.push(Attribute::with_value("ptime", audio.ptime_ms));
    media.attributes.extend(audio.crypto.map(|line| line.attribute()));
    if audio.is_muxed {
        media.attributes.push(Attribute::new("rtcp-mux"));
    }
    media.attributes.push(Attribute::new(audio.direction.attribute()));
    media
}
