//! Sound as samples at 8 kHz and back, for whoever mixes or writes it: what one leg says, what another hears.
//!
//! Of G.722 only the lower band is heard: what lies above 4 kHz has no place there.

use super::api::Codec;
use super::convert::{self, Widening};
use super::g711::{self, Law};
use audio_codec::Decoder;
use audio_codec::g722::G722Decoder;
use std::fmt;

/// Payloads of one codec become samples; it goes on from packet to packet.
pub enum Hearing {
    /// Byte by byte.
    Law(Law),
    /// G.722, with its memory.
    G722(Box<G722Decoder>),
}

/// Samples become payloads of one codec; it goes on from packet to packet.
pub enum Speaking {
    /// Sample by sample.
    Law(Law),
    /// G.722, with its memory.
    G722(Box<Widening>),
}

/// Bytes decoded at once; the buffer is on the stack.
const BLOCK: usize = 160;

impl Hearing {
    /// From a fresh start.
    pub fn new(codec: Codec) -> Hearing {
        match codec.law() {
            Some(law) => Hearing::Law(law),
            None => Hearing::G722(Box::new(convert::decoder())),
        }
    }

    /// Hands over the samples of a payload, in order.
    pub fn hear(&mut self, payload: &[u8], samples: &mut impl Extend<i16>) {
        match self {
            Hearing::Law(law) => samples.extend(payload.iter().map(|&byte| g711::decode(*law, byte))),
            Hearing::G722(decoder) => {
                let mut decoded = [0; BLOCK];
                for block in payload.chunks(BLOCK) {
                    let count = decoder.decode_into(block, &mut decoded).unwrap_or(0);
                    samples.extend(decoded.iter().take(count).copied());
                }
            }
        }
    }
}

impl Speaking {
    /// From a fresh start.
    pub fn new(codec: Codec) -> Speaking {
        match codec.law() {
            Some(law) => Speaking::Law(law),
            None => Speaking::G722(Box::new(Widening::new())),
        }
    }

    /// Appends the payload of these samples.
    pub fn speak(&mut self, samples: &[i16], bytes: &mut Vec<u8>) {
        match self {
            Speaking::Law(law) => bytes.extend(samples.iter().map(|&sample| g711::encode(*law, sample))),
            Speaking::G722(encoder) => samples.chunks(BLOCK).for_each(|block| encoder.encode(block, bytes)),
        }
    }
}

impl fmt::Debug for Hearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hearing")
    }
}

impl fmt::Debug for Speaking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Speaking")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tone;
    use crate::time::Duration;

    /// Through each codec and back a tone keeps its length and, after the codec's own delay, its loudness.
    #[test]
    fn what_is_spoken_is_heard() {
        for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
            let said = tone::samples(600, Duration::from_secs(1));
            let (mut hearing, mut speaking) = (Hearing::new(codec), Speaking::new(codec));
            let mut heard: Vec<i16> = Vec::new();
            for turn in said.chunks(160) {
                let mut payload = Vec::new();
                speaking.speak(turn, &mut payload);
                hearing.hear(&payload, &mut heard);
            }
            assert_eq!(heard.len(), said.len(), "{codec:?}");
            let power = |samples: &[i16]| samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>();
            let decibels = 10.0 * (power(&heard[800..]) / power(&said[800..])).log10();
            assert!(decibels.abs() < 0.5, "{codec:?}: {decibels:.2} dB");
        }
    }
}
