//! From one leg's codec to the other's: all of them have a byte for every eighth of a millisecond, so bytes become as
//! many bytes, whatever the packets' lengths.
//!
//! Of G.722 only the lower band becomes G.711: what lies above 4 kHz has no place there.

use super::api::Codec;
use super::g711::{self, Law};
use audio_codec::g722::{Bitrate, G722Decoder, G722Encoder};
use audio_codec::{Decoder, Encoder};
use std::fmt;

/// How bytes of one codec become another's. It goes on from packet to packet.
pub enum Conversion {
    /// Both are the same.
    None,
    /// Byte by byte.
    Table(&'static [u8; 256]),
    /// From G.722.
    ToLaw {
        /// Its memory.
        decoder: Box<G722Decoder>,
        /// What it becomes.
        law: Law,
    },
    /// To G.722.
    FromLaw {
        /// What it was.
        law: Law,
        /// Its memory.
        encoder: Box<Widening>,
    },
}

impl fmt::Debug for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conversion")
    }
}

impl Conversion {
    /// Between two codecs, from a fresh start.
    pub fn new(from: Codec, to: Codec) -> Conversion {
        match (from.law(), to.law()) {
            (Some(from), Some(to)) => g711::conversion(from, to).map_or(Conversion::None, Conversion::Table),
            (None, None) => Conversion::None,
            (None, Some(law)) => Conversion::ToLaw { decoder: Box::new(decoder()), law },
            (Some(law), None) => Conversion::FromLaw { law, encoder: Box::new(Widening::new()) },
        }
    }

    /// Whether it does anything.
    pub fn converts(&self) -> bool {
        !matches!(self, Conversion::None)
    }

    /// Whether what it makes of a packet depends on those before it.
    pub fn has_memory(&self) -> bool {
        matches!(self, Conversion::ToLaw { .. } | Conversion::FromLaw { .. })
    }

    /// Appends as many bytes of the one codec as there are of the other.
    pub fn convert(&mut self, payload: &[u8], bytes: &mut Vec<u8>) {
        match self {
            Conversion::None => bytes.extend_from_slice(payload),
            Conversion::Table(table) => bytes.extend(payload.iter().map(|&byte| table[usize::from(byte)])),
            Conversion::ToLaw { decoder, law } => {
                let mut samples = [0; BLOCK];
                for block in payload.chunks(BLOCK) {
                    let count = decoder.decode_into(block, &mut samples).unwrap_or(0);
                    bytes.extend(samples.iter().take(count).map(|&sample| g711::encode(*law, sample)));
                }
            }
            Conversion::FromLaw { law, encoder } => {
                let mut samples = [0; BLOCK];
                for block in payload.chunks(BLOCK) {
                    samples.iter_mut().zip(block).for_each(|(sample, &byte)| *sample = g711::decode(*law, byte));
                    encoder.encode(samples.get(..block.len()).unwrap_or_default(), bytes);
                }
            }
        }
    }
}

/// Samples converted at once; the buffers are on the stack.
const BLOCK: usize = 160;

/// The mode without the upper band: a sample of 8 kHz a byte (ITU-T G.722, 64 kbit/s).
pub(super) fn decoder() -> G722Decoder {
    G722Decoder::with_options(Bitrate::Mode1_64000, false, true)
}

/// Samples on each side of a new one that it is made of.
const TAPS: usize = 12;

/// An encoder behind twice the samples: the crate's own way from 8 kHz yields nothing but silence.
pub struct Widening {
    encoder: G722Encoder,
    /// What a sample, by its distance, adds to the one half-way between the two nearest.
    taps: [f32; TAPS],
    /// The last samples, the newest last.
    history: [i16; 2 * TAPS],
}

impl Widening {
    pub(super) fn new() -> Widening {
        // A sinc under a Hann window, scaled to let a constant pass as it is.
        let shape = |tap: usize| {
            let distance = tap as f32 + 0.5;
            let window = (std::f32::consts::FRAC_PI_2 * distance / (TAPS as f32 + 0.5)).cos().powi(2);
            (std::f32::consts::PI * distance).sin() / (std::f32::consts::PI * distance) * window
        };
        let taps: [f32; TAPS] = std::array::from_fn(shape);
        let sum = 2.0 * taps.iter().sum::<f32>();
        let encoder = G722Encoder::with_options(Bitrate::Mode1_64000, false, false);
        Widening { encoder, taps: taps.map(|tap| tap / sum), history: [0; 2 * TAPS] }
    }

    /// At most a block of samples, 1.5 ms later.
    pub(super) fn encode(&mut self, samples: &[i16], bytes: &mut Vec<u8>) {
        let mut wide = [0; 2 * BLOCK];
        for (pair, &sample) in wide.chunks_exact_mut(2).zip(samples) {
            self.history.rotate_left(1);
            self.history[2 * TAPS - 1] = sample;
            let (before, after) = self.history.split_at(TAPS);
            let near = before.iter().rev().zip(after).zip(self.taps);
            let between: f32 = near.map(|((&a, &b), tap)| (f32::from(a) + f32::from(b)) * tap).sum();
            // A float becomes the nearest sample there is.
            pair.copy_from_slice(&[before[TAPS - 1], between.round() as i16]);
        }
        let mut block = [0; BLOCK + 1];
        let count =
            self.encoder.encode_into(wide.get(..2 * samples.len()).unwrap_or_default(), &mut block).unwrap_or(0);
        bytes.extend(block.iter().take(count));
    }
}

/// A whole sound at 8 kHz as G.722.
pub fn to_g722(samples: &[i16]) -> Vec<u8> {
    let (mut encoder, mut bytes) = (Widening::new(), Vec::with_capacity(samples.len()));
    samples.chunks(BLOCK).for_each(|block| encoder.encode(block, &mut bytes));
    bytes
}

impl Codec {
    /// Which law of G.711 it is, if it is one.
    pub const fn law(self) -> Option<Law> {
        match self {
            Codec::Pcma => Some(Law::A),
            Codec::Pcmu => Some(Law::Mu),
            Codec::G722 => None,
        }
    }

    /// A byte of silence, for what is missing.
    pub const fn silence(self) -> u8 {
        match self {
            Codec::Pcma => 0xD5,
            Codec::Pcmu => 0xFF,
            Codec::G722 => 0xFF,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_becomes_one_byte_whatever_came_before() {
        let codecs = [Codec::Pcma, Codec::Pcmu, Codec::G722];
        for (from, to) in codecs.into_iter().flat_map(|from| codecs.map(|to| (from, to))) {
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
    fn silence_is_silent() {
        for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
            let mut conversion = Conversion::new(codec, Codec::Pcma);
            let mut bytes = Vec::new();
            conversion.convert(&[codec.silence(); 800], &mut bytes);
            let loudest = bytes.iter().map(|&byte| g711::decode(Law::A, byte).unsigned_abs()).max();
            assert!(loudest.is_some_and(|sample| sample <= 40), "{codec:?} {loudest:?}");
        }
    }
}
