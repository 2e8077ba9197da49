//! The other side's SDP: untrusted text, read with limits (hostile-world R3, R4, R28) into ranged values.

use super::crypto::CryptoLine;
use super::write::{Audio, Line};
use super::{Codec, Encryption, Local, PTIME_MS, Policy, Unacceptable};
use crate::media::api::control_beside;
use sdp_types::{AddrType, Attribute, Connection, Media, NetType, TransportProto};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

/// Longest SDP read, in bytes.
const MOST_BYTES: usize = 16_384;
/// What looks like RTCP on a port shared with it (RFC 5761 4).
const RTCP_TYPES: RangeInclusive<u8> = 64..=95;
/// Most m= lines.
const MOST_MEDIA: usize = 16;
/// Most a= lines, all sections together.
const MOST_ATTRIBUTES: usize = 256;

const NO_COMMON_CODEC: Unacceptable = Unacceptable::because(305, "Incompatible media format");
pub(super) const WRONG_TRANSPORT: Unacceptable = Unacceptable::because(302, "Incompatible transport protocol");
const WRONG_ADDRESS: Unacceptable = Unacceptable::because(301, "Incompatible network address format");

/// A parsed SDP within the limits.
pub(super) struct Reading(sdp_types::Session);

/// What one m= line offers, as far as we take it.
pub(super) struct Offered {
    /// `None` while it is held the old way (address 0.0.0.0).
    pub(super) remote: Option<SocketAddr>,
    pub(super) codec: Codec,
    pub(super) payload_type: u8,
    /// With its clock in Hz.
    pub(super) telephone_event: Option<(u8, u32)>,
    pub(super) ptime_ms: u8,
    /// It wants to hear us.
    pub(super) receives: bool,
    /// It will send to us.
    pub(super) sends: bool,
    /// Where it receives RTCP.
    pub(super) control: Option<SocketAddr>,
    /// It can take RTCP on the port of RTP.
    pub(super) is_muxed: bool,
    /// The profile is RTP/SAVP.
    pub(super) is_savp: bool,
    /// Its key, when it speaks SRTP.
    pub(super) crypto: Option<CryptoLine>,
}

impl Reading {
    pub(super) fn parse(text: &[u8]) -> Result<Reading, Unacceptable> {
        let starting_with = |key: &[u8]| text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(key)).count();
        if text.len() > MOST_BYTES || starting_with(b"m=") > MOST_MEDIA || starting_with(b"a=") > MOST_ATTRIBUTES {
            return Err(Unacceptable::UNREADABLE);
        }
        let session = sdp_types::Session::parse(text).map_err(|_| Unacceptable::UNREADABLE)?;
        // A line with two blanks in a row has no profile; our answer would have none either.
        let is_whole = |media: &Media| !media.media.is_empty() && !media.proto.is_empty();
        if session.medias.iter().all(is_whole) { Ok(Reading(session)) } else { Err(Unacceptable::UNREADABLE) }
    }

    pub(super) fn len(&self) -> usize {
        self.0.medias.len()
    }

    /// Whether there is an audio line and none of them has a port.
    pub(super) fn is_all_port_zero(&self) -> bool {
        let mut audio = self.0.medias.iter().filter(|media| media.media == "audio").peekable();
        audio.peek().is_some() && audio.all(|media| media.port == 0)
    }

    /// What the m= line at this position offers; `None` when it is no audio at all.
    pub(super) fn offered(
        &self,
        position: usize,
        local: &Local,
        policy: &Policy<'_>,
    ) -> Result<Option<Offered>, Unacceptable> {
        let Some(media) = self.0.medias.get(position).filter(|media| media.media == "audio") else { return Ok(None) };
        if media.port == 0 {
            return Ok(None);
        }
        let (is_savp, crypto) = encryption(media, local.encryption)?;
        let (payload_type, codec) = codec(media, &local.codecs).ok_or(NO_COMMON_CODEC)?;
        let remote = self.remote(media, local, policy)?;
        let (sends, receives) = self.direction(media);
        Ok(Some(Offered {
            remote,
            codec,
            payload_type,
            telephone_event: telephone_event(media, codec),
            // What is in a packet of Opus, its receiver sees (RFC 7587 4.2): ours are all alike.
            ptime_ms: if codec == Codec::Opus { PTIME_MS } else { ptime_ms(media) },
            receives: receives && remote.is_some(),
            sends,
            is_savp,
            crypto,
            control: remote.and_then(|remote| control(media, remote, local, policy)),
            is_muxed: media.get_first_attribute_value("rtcp-mux").is_some(),
        }))
    }

    /// RFC 8866 5.7: the c= line of the medium, else that of the session.
    fn remote(&self, media: &Media, local: &Local, policy: &Policy<'_>) -> Result<Option<SocketAddr>, Unacceptable> {
        let connection = media.connections.first().or(self.0.connection.as_ref()).ok_or(Unacceptable::UNREADABLE)?;
        match address(connection)? {
            None => Ok(None),
            Some(ip) => {
                let remote = SocketAddr::new(ip, media.port);
                if is_allowed(remote, local.address, policy) { Ok(Some(remote)) } else { Err(WRONG_ADDRESS) }
            }
        }
    }

    /// Whether the other side sends and whether it receives: its word on the medium, else on the session, else both.
    fn direction(&self, media: &Media) -> (bool, bool) {
        let word = |attributes: &[Attribute]| {
            attributes.iter().find_map(|attribute| match attribute.attribute.as_str() {
                "sendrecv" => Some((true, true)),
                "sendonly" => Some((true, false)),
                "recvonly" => Some((false, true)),
                "inactive" => Some((false, false)),
                _ => None,
            })
        };
        word(&media.attributes).or_else(|| word(&self.0.attributes)).unwrap_or((true, true))
    }

    /// Our answer's m= lines: one for each of theirs, in order (RFC 3264 6), all but the chosen one refused.
    pub(super) fn lines_with(&self, chosen: usize, audio: Audio) -> Vec<Line> {
        let mut lines = self.lines_refused();
        if let Some(line) = lines.get_mut(chosen) {
            *line = Line::Audio(audio);
        }
        lines
    }

    pub(super) fn lines_refused(&self) -> Vec<Line> {
        let refused = |media: &Media| Line::Refused {
            media: media.media.clone(),
            proto: media.proto.clone(),
            format: media.fmt.split_ascii_whitespace().next().unwrap_or("0").to_owned(),
        };
        self.0.medias.iter().map(refused).collect()
    }
}

/// Whether the profile is RTP/SAVP, and the other side's key. RTP/SAVP without a key, or with one where none may be,
/// is no stream for us; keys beside RTP/AVP are a wish (RFC 8643).
fn encryption(media: &Media, encryption: Encryption) -> Result<(bool, Option<CryptoLine>), Unacceptable> {
    let is_savp = match TransportProto::from(media.proto.as_str()) {
        TransportProto::RtpAvp => false,
        TransportProto::RtpSavp => true,
        _ => return Err(WRONG_TRANSPORT),
    };
    let crypto = CryptoLine::of(media).filter(|_| encryption != Encryption::Off);
    let must_have = is_savp || encryption == Encryption::Required;
    if must_have && crypto.is_none() { Err(WRONG_TRANSPORT) } else { Ok((is_savp, crypto)) }
}

/// `None` is the old way to hold: 0.0.0.0 (RFC 3264 8.4), its IPv6 like, or a name in `.invalid` (RFC 6157 5).
fn address(connection: &Connection) -> Result<Option<IpAddr>, Unacceptable> {
    if connection.nettype != NetType::In {
        return Err(WRONG_ADDRESS);
    }
    if connection.connection_address.to_ascii_lowercase().ends_with(".invalid") {
        return Ok(None);
    }
    let ip = connection.try_address().map_err(|_| WRONG_ADDRESS)?.ip;
    let is_its_kind = match connection.addrtype {
        AddrType::Ip4 => ip.is_ipv4(),
        AddrType::Ip6 => ip.is_ipv6(),
        AddrType::Other(_) => false,
    };
    let ip = ip.to_canonical();
    is_its_kind.then_some(()).ok_or(WRONG_ADDRESS)?;
    Ok(Some(ip).filter(|ip| !ip.is_unspecified()))
}

/// RFC 3605: RTCP elsewhere than on the next port, perhaps on another address. One that RTP could not be sent to is
/// none: the leg goes without reports.
fn control(media: &Media, remote: SocketAddr, local: &Local, policy: &Policy<'_>) -> Option<SocketAddr> {
    let named = media.get_first_attribute_value("rtcp").flatten();
    let control = match named.map(|value| value.split_ascii_whitespace().collect::<Vec<_>>()).as_deref() {
        None | Some([]) => control_beside(remote)?,
        Some([port]) => SocketAddr::new(remote.ip(), port.parse().ok()?),
        Some([port, "IN", "IP4" | "IP6", address]) => {
            SocketAddr::new(address.parse::<IpAddr>().ok()?.to_canonical(), port.parse().ok()?)
        }
        Some(_) => return None,
    };
    is_allowed(control, local.address, policy).then_some(control)
}

/// Hostile-world R28: one unicast host, never ourselves, loopback only for those who may.
fn is_allowed(remote: SocketAddr, local: IpAddr, policy: &Policy<'_>) -> bool {
    let ip = remote.ip();
    let is_unicast = match ip {
        IpAddr::V4(v4) => !v4.is_multicast() && !v4.is_broadcast() && !matches!(v4.octets(), [0 | 240.., ..]),
        IpAddr::V6(v6) => !v6.is_multicast(),
    };
    // No RTP lives below 1024; DNS, NTP and their like do, and would be sprayed on with our help.
    is_unicast
        && remote.port() >= 1024
        && ip.is_ipv4() == local.to_canonical().is_ipv4()
        && (policy.allow_loopback || !ip.is_loopback())
        && !(policy.is_ours)(remote)
}

/// The one of ours that comes first and that the other side lists, with its payload type.
fn codec(media: &Media, ours: &[Codec]) -> Option<(u8, Codec)> {
    ours.iter().find_map(|&codec| {
        payload_types(media).find(|&payload_type| codec_of(media, payload_type) == Some(codec)).map(|pt| (pt, codec))
    })
}

/// The formats of an m= line that can be RTP payload types.
fn payload_types(media: &Media) -> impl Iterator<Item = u8> {
    media
        .fmt
        .split_ascii_whitespace()
        .filter_map(|format| format.parse().ok())
        .filter(|payload_type| *payload_type < 128)
}

/// What a payload type means here: its rtpmap, else the static table (RFC 3551 6).
fn codec_of(media: &Media, payload_type: u8) -> Option<Codec> {
    match rtpmap(media, payload_type) {
        Some(encoding) => Codec::ALL.into_iter().find(|codec| match codec {
            Codec::Opus => encoding.eq_ignore_ascii_case(&codec.encoding()) && !RTCP_TYPES.contains(&payload_type),
            _ => is_at(encoding, codec.name(), codec.clock()),
        }),
        None => Codec::ALL.into_iter().find(|codec| *codec != Codec::Opus && codec.payload_type() == payload_type),
    }
}

/// RFC 4733 2.1: on the codec's clock. Phones that speak Opus and count their keys at 8000 all the same are listened to.
fn telephone_event(media: &Media, codec: Codec) -> Option<(u8, u32)> {
    [codec.clock(), 8_000].into_iter().find_map(|clock| {
        let is_event = |payload_type: &u8| {
            rtpmap(media, *payload_type).is_some_and(|encoding| is_at(encoding, "telephone-event", clock))
        };
        Some((payload_types(media).find(is_event)?, clock))
    })
}

/// `<encoding>/<clock>[/<channels>]` of a payload type.
fn rtpmap(media: &Media, payload_type: u8) -> Option<&str> {
    media.get_attribute_values("rtpmap").flatten().find_map(|value| {
        let (mapped, encoding) = value.trim_ascii().split_once(' ')?;
        (mapped.parse() == Ok(payload_type)).then(|| encoding.trim_ascii())
    })
}

fn is_at(encoding: &str, name: &str, clock: u32) -> bool {
    let mut parts = encoding.split('/');
    parts.next().is_some_and(|part| part.eq_ignore_ascii_case(name))
        && parts.next().is_some_and(|rate| rate.parse() == Ok(clock))
        && matches!(parts.next(), None | Some("1"))
}

/// 10 to 60 ms: the other side's ptime, at most its maxptime, else ours.
fn ptime_ms(media: &Media) -> u8 {
    let millis = |name| {
        let value = media.get_first_attribute_value(name).flatten()?.trim_ascii();
        let whole = value.split('.').next()?;
        whole.parse::<u16>().ok().filter(|millis| *millis > 0)
    };
    let wished = millis("ptime").filter(|millis| (10..=60).contains(millis)).unwrap_or(u16::from(PTIME_MS));
    let most = millis("maxptime").unwrap_or(u16::MAX).max(10);
    u8::try_from(wished.min(most)).unwrap_or(PTIME_MS)
}
