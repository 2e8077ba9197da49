//! Opus (RFC 6716) in one channel: packets from samples and samples from packets, whatever is in them.
//!
//! It knows no RTP and no SDP. What RFC 7587 adds is the clock: 48 kHz, whatever is inside.

use ropus::{Application, Bitrate, Channels, DecodeMode};
use std::fmt;

/// Ticks of its RTP clock in a millisecond (RFC 7587 4.1).
pub(super) const TICKS_A_MILLI: u32 = 48;
/// Milliseconds of sound in a packet of ours.
pub(super) const PACKET_MS: u32 = 20;
/// The longest packet (RFC 6716 3.2.5).
const MOST_MS: u32 = 120;
/// Bits a second of 8 kHz and of 16 kHz: where tones keep their level within 1 dB (RFC 7587 3.1.1 has less for speech).
const BITRATES: [u32; 2] = [24_000, 32_000];
/// The cheapest way to encode: a step more costs half as much again and wins 0.3 dB.
const COMPLEXITY: u8 = 0;
/// More than any packet of ours takes.
const MOST_BYTES: usize = 400;

/// Samples a second inside the codec, which is not what its RTP clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// 8 kHz: all that G.711 holds.
    Narrow,
    /// 16 kHz: all that G.722 holds.
    Wide,
}

impl Rate {
    /// In a millisecond.
    pub(super) const fn samples_a_milli(self) -> u32 {
        match self {
            Rate::Narrow => 8,
            Rate::Wide => 16,
        }
    }

    const fn hertz(self) -> u32 {
        match self {
            Rate::Narrow => 8_000,
            Rate::Wide => 16_000,
        }
    }
}

/// How long a packet plays, on the clock of RTP; `None` for what is no packet (RFC 6716 3.1, 3.2).
pub fn ticks(packet: &[u8]) -> Option<u32> {
    let (&toc, rest) = packet.split_first()?;
    let (config, code) = (toc >> 3, toc & 3);
    // Tenths of a millisecond: SILK, then hybrid, then CELT.
    let tenths = match config {
        0..12 => [100, 200, 400, 600][usize::from(config % 4)],
        12..16 => [100, 200][usize::from(config % 2)],
        _ => [25, 50, 100, 200][usize::from(config % 4)],
    };
    let frames = match code {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3F),
    };
    let tenths = tenths * frames;
    (1..=MOST_MS * 10).contains(&tenths).then_some(tenths * TICKS_A_MILLI / 10)
}

/// Makes packets of 20 ms.
pub struct Encoder {
    /// Always there: both rates are ones that Opus has.
    codec: Option<ropus::Encoder>,
    rate: Rate,
    /// Of one packet; used again and again.
    samples: Vec<i16>,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoder({:?})", self.rate)
    }
}

impl Encoder {
    /// From a fresh start.
    pub(super) fn new(rate: Rate) -> Encoder {
        let codec = || {
            let codec = ropus::Encoder::builder(rate.hertz(), Channels::Mono, Application::Voip);
            let bitrate = Bitrate::try_bits(BITRATES[usize::from(rate == Rate::Wide)]).ok()?;
            codec.bitrate(bitrate).complexity(COMPLEXITY).build().ok()
        };
        let codec = codec();
        debug_assert!(codec.is_some(), "no encoder of {rate:?}");
        Encoder { codec, rate, samples: Vec::new() }
    }

    /// Of the samples it takes.
    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// Appends a packet of so many samples, their lower bytes first; what is missing is silence.
    pub(super) fn encode(&mut self, mut bytes: impl Iterator<Item = u8>, packet: &mut Vec<u8>) {
        let length = (PACKET_MS * self.rate.samples_a_milli()) as usize;
        self.samples.clear();
        while let (Some(low), Some(high)) = (bytes.next(), bytes.next()) {
            self.samples.push(i16::from_le_bytes([low, high]));
        }
        debug_assert_eq!(self.samples.len(), length);
        self.samples.resize(length, 0);
        let mut room = [0; MOST_BYTES];
        let encoded = self.codec.as_mut().and_then(|codec| codec.encode(&self.samples, &mut room).ok());
        packet.extend_from_slice(room.get(..encoded.unwrap_or(0)).unwrap_or_default());
    }
}

/// Makes samples of packets, and of packets that are missing.
pub struct Decoder {
    /// Always there: both rates are ones that Opus has.
    codec: Option<ropus::Decoder>,
    rate: Rate,
    /// Of one packet or pause; used again and again.
    samples: Vec<i16>,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder({:?})", self.rate)
    }
}

impl Decoder {
    /// From a fresh start.
    pub(super) fn new(rate: Rate) -> Decoder {
        let codec = ropus::Decoder::new(rate.hertz(), Channels::Mono).ok();
        debug_assert!(codec.is_some(), "no decoder of {rate:?}");
        Decoder { codec, rate, samples: Vec::new() }
    }

    /// As many samples as the packet says it holds, whatever it holds.
    pub(super) fn decode(&mut self, packet: &[u8]) -> &[i16] {
        let ticks = ticks(packet).unwrap_or(0);
        self.begin(ticks);
        let samples = &mut self.samples;
        let decoded = self.codec.as_mut().map(|codec| codec.decode(packet, samples, DecodeMode::Normal));
        match decoded {
            Some(Ok(_)) => &self.samples,
            _ => self.conceal(ticks, None),
        }
    }

    /// What is missing before a packet sounds like what was before it, and its end like what that packet remembers of it
    /// (RFC 6716 2.1.7: in-band FEC).
    pub(super) fn conceal(&mut self, ticks: u32, next: Option<&[u8]>) -> &[i16] {
        self.begin(ticks);
        let step = (PACKET_MS * self.rate.samples_a_milli()) as usize;
        // Opus has nothing shorter than 2.5 ms.
        let (shortest, mut place) = (step / 8, 0);
        while let (Some(codec), Some(rest)) = (&mut self.codec, self.samples.get_mut(place..))
            && rest.len() >= shortest
        {
            let is_last = rest.len() <= step;
            let length = if is_last { rest.len() / shortest * shortest } else { step };
            let room = rest.get_mut(..length).unwrap_or_default();
            // What it fails at stays silent.
            let _ = match next.filter(|_| is_last) {
                Some(next) => codec.decode(next, room, DecodeMode::Fec),
                None => codec.decode(&[], room, DecodeMode::Normal),
            };
            place += length;
        }
        &self.samples
    }

    /// So many ticks of silence.
    fn begin(&mut self, ticks: u32) {
        self.samples.clear();
        self.samples.resize((ticks * self.rate.samples_a_milli() / TICKS_A_MILLI) as usize, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_says_how_long_it_plays() {
        let rows: [(&[u8], Option<u32>); 12] = [
            (&[], None),
            (&[0b0000_0000], Some(480)),
            (&[0b0000_1000, 1], Some(960)),
            (&[0b0001_1001, 1], Some(5_760)),
            (&[0b0111_0000], Some(480)),
            (&[0b1000_0000], Some(120)),
            (&[0b1001_1010, 1], Some(1_920)),
            (&[0b1000_0011], None),
            (&[0b1000_0011, 0], None),
            (&[0b1000_0011, 48], Some(5_760)),
            (&[0b1000_0011, 49], None),
            (&[0b1000_0011, 0b1100_0011], Some(360)),
        ];
        for (packet, expected) in rows {
            assert_eq!(ticks(packet), expected, "{packet:02x?}");
        }
    }

    #[test]
    fn whatever_comes_in_as_many_samples_come_out_as_were_promised() {
        for rate in [Rate::Narrow, Rate::Wide] {
            let (mut encoder, mut decoder) = (Encoder::new(rate), Decoder::new(rate));
            let samples_in = |ticks: u32| (ticks * rate.samples_a_milli() / TICKS_A_MILLI) as usize;
            let mut packet = Vec::new();
            encoder.encode([9_u8; 640].into_iter().take(2 * samples_in(960)), &mut packet);
            assert_eq!(ticks(&packet), Some(960));
            for toc in 0..=255 {
                let damaged = [&[toc], &packet[1..]].concat();
                for ticks in [0, 1, 120, 960, 1_000, 9_600] {
                    assert_eq!(decoder.conceal(ticks, Some(&damaged)).len(), samples_in(ticks));
                    assert_eq!(decoder.conceal(ticks, None).len(), samples_in(ticks));
                }
                let promised = ticks(&damaged).map_or(0, samples_in);
                assert_eq!(decoder.decode(&damaged).len(), promised, "{toc:02x}");
            }
        }
    }
}
