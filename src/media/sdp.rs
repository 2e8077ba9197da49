//! Offer/answer (RFC 3264): from the other side's SDP to a [`Stream`], and our own SDP.
//!
//! One audio stream over RTP/AVP or RTP/SAVP; everything else offered is answered with port 0. It opens no port, resolves no
//! name and keeps only what the next exchange of the same leg needs.

mod crypto;
mod read;
mod write;

use super::api::{Codec, Encryption, Stream};
use super::srtp::{Key, Suite};
use bytes::Bytes;
use crypto::{CryptoLine, OFFERED};
use read::{Offered, Reading};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use write::{Audio, Direction, Line};

/// The payload types that we offer telephone-event with, and their clocks in Hz: one for each clock of the codecs beside
/// it (RFC 4733 2.1).
const TELEPHONE_EVENTS: [(u8, u32); 2] = [(101, 8_000), (110, 48_000)];
/// Dynamic payload types (RFC 3551 6).
const DYNAMIC: RangeInclusive<u8> = 96..=127;
/// Milliseconds of sound in a packet when the other side has no wish.
const PTIME_MS: u8 = 20;

/// What we offer, by payload types; keys with their clocks in Hz.
struct Formats {
    codecs: Vec<(u8, Codec)>,
    events: Vec<(u8, u32)>,
}

/// Our side of one leg.
#[derive(Clone, Debug)]
pub struct Local {
    /// The address that SDP names.
    pub address: IpAddr,
    /// The leg's RTP port.
    pub port: u16,
    /// For the o= line: random, the same for the life of the leg.
    pub session_id: u64,
    /// What we accept and offer, the preferred first.
    pub codecs: Vec<Codec>,
    /// Whether the other side has to speak SRTP.
    pub encryption: Encryption,
    /// What we encrypt with if it does: random, this leg's alone.
    pub key: Key,
}

/// What this leg's other side may ask of us.
pub struct Policy<'a> {
    /// The address its signalling comes from.
    pub signalled_from: IpAddr,
    /// Whether it may name a loopback address.
    pub allow_loopback: bool,
    /// Whether an address is an open socket of ours (RTP or SIP): media sent there would go round for ever.
    pub is_ours: &'a dyn Fn(SocketAddr) -> bool,
}

/// Why an SDP cannot be used, in the words of the SIP answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unacceptable {
    /// 400 when it cannot be understood, 488 when it can and offers nothing that we take.
    pub status: u16,
    /// Warning code and text (RFC 3261 20.43).
    pub warning: Option<(u16, &'static str)>,
}

impl Unacceptable {
    const UNREADABLE: Unacceptable = Unacceptable { status: 400, warning: None };

    const fn because(code: u16, text: &'static str) -> Unacceptable {
        Unacceptable { status: 488, warning: Some((code, text)) }
    }
}

/// The offers and answers of one leg, from its first exchange on. A failed exchange changes nothing (RFC 3261 14.2).
#[derive(Clone, Debug)]
pub struct Session {
    local: Local,
    version: u64,
    last: Option<Bytes>,
    lines: Vec<Line>,
    agreed: Option<Stream>,
    /// The profile in use was RTP/SAVP: so it stays.
    is_savp: bool,
}

impl Session {
    /// A leg before its first exchange.
    pub fn new(local: Local) -> Session {
        Session { local, version: 1, last: None, lines: Vec::new(), agreed: None, is_savp: false }
    }

    /// Answers an offer or a re-offer.
    pub fn answer(&mut self, offer: &[u8], policy: &Policy<'_>) -> Result<(Bytes, Stream), Unacceptable> {
        let reading = Reading::parse(offer)?;
        let (lines, stream) = match self.choose(&reading, policy) {
            Ok((chosen, offered)) => {
                let stream = self.stream(&offered, policy);
                let audio = Audio {
                    port: self.local.port,
                    formats: vec![(stream.payload_type, stream.codec)],
                    telephone_events: stream
                        .telephone_event
                        .map(|event| (event, stream.events_at))
                        .into_iter()
                        .collect(),
                    ptime_ms: stream.ptime_ms,
                    direction: Direction::of(stream.may_send, stream.will_receive),
                    is_muxed: stream.is_muxed,
                    is_savp: offered.is_savp,
                    crypto: offered.crypto.map(|line| CryptoLine { key: self.local.key, ..line }),
                };
                self.is_savp = offered.is_savp;
                (reading.lines_with(chosen, audio), stream)
            }
            Err(refused) => self.without_stream(&reading).ok_or(refused)?,
        };
        self.agreed = Some(stream.clone());
        Ok((self.write(lines), stream))
    }

    /// An offer of ours, the first one or (a re-INVITE without SDP asks for it) a later one.
    pub fn offer(&mut self) -> Bytes {
        let Formats { codecs: formats, events: telephone_events } = self.formats();
        let audio = Line::Audio(Audio {
            port: self.local.port,
            formats,
            telephone_events,
            ptime_ms: PTIME_MS,
            direction: Direction::SendReceive,
            is_muxed: true,
            is_savp: self.is_savp || self.local.encryption == Encryption::Required,
            // RFC 8643: keys beside RTP/AVP leave it to the other side.
            crypto: (self.local.encryption != Encryption::Off).then_some(CryptoLine {
                tag: OFFERED,
                suite: Suite::Tag80,
                key: self.local.key,
            }),
        });
        // RFC 3264 8: a later offer has at least the m= lines of the earlier exchange, in their order.
        let mut lines = self.lines.clone();
        match lines.iter_mut().find(|line| line.is_audio()) {
            Some(line) => *line = audio,
            None => lines.push(audio),
        }
        self.write(lines)
    }

    /// What we offer, by payload types: what was agreed keeps its own (RFC 3264 8.3.2), the others have ours, or, where
    /// those are taken, the next one that is free.
    fn formats(&self) -> Formats {
        let agreed = self.agreed.as_ref();
        let of_codec = |codec: Codec| {
            let known = agreed.filter(|stream| stream.codec == codec).map(|stream| stream.payload_type);
            known.ok_or(codec.payload_type())
        };
        let of_events = |number: u8, clock: u32| {
            agreed.filter(|stream| stream.events_at == clock).and_then(|stream| stream.telephone_event).ok_or(number)
        };
        let codecs = &self.local.codecs;
        let has_clock = |clock: u32| codecs.iter().any(|codec| codec.clock() == clock);
        let events = TELEPHONE_EVENTS.into_iter().filter(|&(_, clock)| has_clock(clock));
        let events: Vec<(Result<u8, u8>, u32)> =
            events.map(|(number, clock)| (of_events(number, clock), clock)).collect();
        let codecs: Vec<(Result<u8, u8>, Codec)> = codecs.iter().map(|&codec| (of_codec(codec), codec)).collect();
        let fixed = codecs.iter().map(|(number, _)| *number).chain(events.iter().map(|(number, _)| *number));
        let mut taken: Vec<u8> = fixed.filter_map(Result::ok).collect();
        let mut number = |wanted: Result<u8, u8>| {
            wanted.unwrap_or_else(|ours| {
                let free = std::iter::once(ours).chain(DYNAMIC).find(|number| !taken.contains(number)).unwrap_or(ours);
                taken.push(free);
                free
            })
        };
        Formats {
            codecs: codecs.into_iter().map(|(wanted, codec)| (number(wanted), codec)).collect(),
            events: events.into_iter().map(|(wanted, clock)| (number(wanted), clock)).collect(),
        }
    }

    /// Reads the answer to the last offer of ours.
    pub fn accept(&mut self, answer: &[u8], policy: &Policy<'_>) -> Result<Stream, Unacceptable> {
        let reading = Reading::parse(answer)?;
        let (_, offered) = self.choose(&reading, policy)?;
        // RFC 4568 5.1.3: the answer takes a line that was offered.
        if offered.crypto.is_some_and(|line| line.tag != OFFERED || line.suite != Suite::Tag80) {
            return Err(read::WRONG_TRANSPORT);
        }
        self.is_savp = offered.is_savp;
        let stream = self.stream(&offered, policy);
        self.agreed = Some(stream.clone());
        Ok(stream)
    }

    /// What we accept and offer from now on, the preferred first.
    pub fn speak(&mut self, codecs: Vec<Codec>) {
        self.local.codecs = codecs;
    }

    /// What was last agreed.
    pub fn agreed(&self) -> Option<&Stream> {
        self.agreed.as_ref()
    }

    /// The first audio line that we can use, an encrypted one before all others (hostile-world R27: nobody on the way
    /// makes us speak openly by offering both); when none is, what is wrong with the first one.
    fn choose(&self, reading: &Reading, policy: &Policy<'_>) -> Result<(usize, Offered), Unacceptable> {
        let (mut refused, mut open) = (None, None);
        for position in 0..reading.len() {
            match reading.offered(position, &self.local, policy) {
                Ok(Some(offered)) if offered.crypto.is_some() || self.local.encryption == Encryption::Off => {
                    return Ok((position, offered));
                }
                Ok(Some(offered)) => open = open.or(Some((position, offered))),
                Ok(None) => {}
                Err(unacceptable) => refused = refused.or(Some(unacceptable)),
            }
        }
        if let Some(open) = open {
            return Ok(open);
        }
        Err(refused.unwrap_or(Unacceptable::because(304, "Media type not available")))
    }

    fn stream(&self, offered: &Offered, policy: &Policy<'_>) -> Stream {
        Stream {
            remote: offered.remote,
            signalled_from: policy.signalled_from.to_canonical(),
            codec: offered.codec,
            payload_type: offered.payload_type,
            telephone_event: offered.telephone_event.map(|(event, _)| event),
            events_at: offered.telephone_event.map_or(offered.codec.clock(), |(_, clock)| clock),
            may_send: offered.receives && offered.remote.is_some(),
            will_receive: offered.sends,
            ptime_ms: offered.ptime_ms,
            control: offered.control,
            is_muxed: offered.is_muxed,
            crypto: offered.crypto.map(|line| line.with(self.local.key)),
        }
    }

    /// A re-offer that only takes the stream away (port 0) is a silent hold, not an error (RFC 3264 8.2).
    fn without_stream(&self, reading: &Reading) -> Option<(Vec<Line>, Stream)> {
        let agreed = self.agreed.as_ref().filter(|_| reading.is_all_port_zero())?;
        let stream = Stream { remote: None, control: None, may_send: false, will_receive: false, ..agreed.clone() };
        Some((reading.lines_refused(), stream))
    }

    /// RFC 3264 8: the version grows by one when, and only when, the text changes.
    fn write(&mut self, lines: Vec<Line>) -> Bytes {
        let same = write::write(&self.local, self.version, &lines);
        let bytes = match &self.last {
            Some(last) if *last != same => {
                self.version += 1;
                write::write(&self.local, self.version, &lines)
            }
            _ => same,
        };
        self.lines = lines;
        self.last = Some(bytes.clone());
        bytes
    }
}

impl Codec {
    /// The payload type that we offer it with: that of RFC 3551 section 6, or one of the dynamic ones.
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::G722 => 9,
            Codec::Opus => 111,
        }
    }

    /// Its name in SDP, and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus => "opus",
        }
    }

    /// What stands behind a payload type in rtpmap.
    fn encoding(self) -> String {
        // RFC 7587 7: always two channels, whatever is inside.
        let channels = if self.is_framed() { "/2" } else { "" };
        format!("{}/{}{channels}", self.name(), self.clock())
    }
}
