//! From one leg's codec to the other's. Of PCMA, PCMU and G.722 each byte is an eighth of a millisecond, so bytes become
//! as many bytes, whatever the packets' lengths; Opus is decoded packet by packet, and waits as samples until there are
//! enough for a packet.

use super::api::Codec;
use super::g711::{self, Law};
use super::linear::{Hearing, Speaking};
use super::opus::Rate;
use std::fmt;

/// How sound of one codec becomes another's. It goes on from packet to packet.
pub enum Conversion {
    /// Both are the same.
    None,
    /// Byte by byte.
    Table(&'static [u8; 256]),
    /// By way of samples.
    Samples(Box<Samples>),
}

/// A conversion with a memory.
pub struct Samples {
    from: Hearing,
    to: Speaking,
    /// Of one packet; used again and again.
    samples: Vec<i16>,
}

impl fmt::Debug for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conversion")
    }
}

impl Conversion {
    /// Between two codecs, from a fresh start.
    pub fn new(from: Codec, to: Codec) -> Conversion {
        if from == to {
            return Conversion::None;
        }
        if let (Some(from), Some(to)) = (from.law(), to.law()) {
            return g711::conversion(from, to).map_or(Conversion::None, Conversion::Table);
        }
        let rate = if from.law().is_none() && to.law().is_none() { Rate::Wide } else { Rate::Narrow };
        let (from, to) = (Hearing::at(from, rate), Speaking::at(to, rate));
        Conversion::Samples(Box::new(Samples { from, to, samples: Vec::new() }))
    }

    /// Whether it does anything.
    pub fn converts(&self) -> bool {
        !matches!(self, Conversion::None)
    }

    /// Whether what it makes of a packet depends on those before it.
    pub fn has_memory(&self) -> bool {
        matches!(self, Conversion::Samples(_))
    }

    /// Appends what a payload becomes: of all codecs with a byte for every eighth of a millisecond what goes into packets,
    /// for Opus what [`Conversion::pack`] makes packets of.
    pub fn convert(&mut self, payload: &[u8], bytes: &mut Vec<u8>) {
        match self {
            Conversion::None => bytes.extend_from_slice(payload),
            Conversion::Table(table) => bytes.extend(payload.iter().map(|&byte| table[usize::from(byte)])),
            Conversion::Samples(samples) => samples.convert(|from, samples| from.hear(payload, samples), bytes),
        }
    }

    /// Appends what becomes of so many ticks of an Opus stream that never came, before the packet that did.
    pub(super) fn conceal(&mut self, ticks: u32, next: &[u8], bytes: &mut Vec<u8>) {
        if let Conversion::Samples(samples) = self {
            samples.convert(|from, samples| from.conceal(ticks, next, samples), bytes);
        }
    }

    /// Bytes that `convert` appends for a millisecond.
    pub(super) fn bytes_a_milli(&self) -> u32 {
        match self {
            Conversion::Samples(samples) => samples.to.bytes_a_milli(),
            Conversion::None | Conversion::Table(_) => 8,
        }
    }

    /// Appends the payload of a packet that is made of these bytes.
    pub fn pack(&mut self, bytes: impl Iterator<Item = u8>, payload: &mut Vec<u8>) {
        match self {
            Conversion::Samples(samples) => samples.to.pack(bytes, payload),
            Conversion::None | Conversion::Table(_) => payload.extend(bytes),
        }
    }
}

impl Samples {
    fn convert(&mut self, read: impl FnOnce(&mut Hearing, &mut Vec<i16>), bytes: &mut Vec<u8>) {
        self.samples.clear();
        read(&mut self.from, &mut self.samples);
        self.to.speak(&self.samples, bytes);
    }
}

/// A whole sound at 8 kHz as G.722.
pub fn to_g722(samples: &[i16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(samples.len());
    Speaking::new(Codec::G722).speak(samples, &mut bytes);
    bytes
}

impl Codec {
    /// Which law of G.711 it is, if it is one.
    pub const fn law(self) -> Option<Law> {
        match self {
            Codec::Pcma => Some(Law::A),
            Codec::Pcmu => Some(Law::Mu),
            Codec::G722 | Codec::Opus => None,
        }
    }

    /// A byte of silence, for what is missing, where a byte is an eighth of a millisecond.
    pub const fn silence(self) -> Option<u8> {
        match self {
            Codec::Pcma => Some(0xD5),
            Codec::Pcmu | Codec::G722 => Some(0xFF),
            Codec::Opus => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::opus;

    const BYTEWISE: [Codec; 3] = [Codec::Pcma, Codec::Pcmu, Codec::G722];

    #[test]
    fn every_byte_becomes_one_byte_whatever_came_before() {
        for (from, to) in BYTEWISE.into_iter().flat_map(|from| BYTEWISE.map(|to| (from, to))) {
            let mut conversion = Conversion::new(from, to);
            assert_eq!(conversion.converts(), from != to);
            for length in [0, 1, 80, 159, 160, 161, 480, 1_024] {
                let payload: Vec<u8> = (0..length).map(|n| (n * 7 + length) as u8).collect();
                let mut bytes = vec![1, 2];
                conversion.convert(&payload, &mut bytes);
                assert_eq!(bytes.len(), length + 2, "{from:?} {to:?}");
            }
        }
    }

    #[test]
    fn a_packet_of_opus_becomes_as_much_of_any_codec_and_back() {
        for codec in BYTEWISE {
            let (mut there, mut back) = (Conversion::new(codec, Codec::Opus), Conversion::new(Codec::Opus, codec));
            let packet_bytes = (opus::PACKET_MS * there.bytes_a_milli()) as usize;
            let (mut waiting, mut bytes) = (Vec::new(), Vec::new());
            for _ in 0..10 {
                there.convert(&[codec.silence().unwrap(); 160], &mut waiting);
                assert_eq!(waiting.len(), packet_bytes, "{codec:?}");
                let mut packet = Vec::new();
                there.pack(waiting.drain(..), &mut packet);
                assert_eq!(Codec::Opus.ticks(&packet), Some(960));
                bytes.clear();
                back.convert(&packet, &mut bytes);
                assert_eq!(bytes.len(), 160);
                back.conceal(1_440, &packet, &mut bytes);
                assert_eq!(bytes.len(), 160 + 240);
            }
        }
    }

    #[test]
    fn silence_is_silent() {
        for codec in BYTEWISE {
            let mut conversion = Conversion::new(codec, Codec::Pcma);
            let mut bytes = Vec::new();
            conversion.convert(&[codec.silence().unwrap(); 800], &mut bytes);
            let loudest = bytes.iter().map(|&byte| g711::decode(Law::A, byte).unsigned_abs()).max();
            assert!(loudest.is_some_and(|sample| sample <= 40), "{codec:?} {loudest:?}");
        }
    }
}
