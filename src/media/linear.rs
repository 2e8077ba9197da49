//! Sound as samples and back, for whoever converts, mixes or writes it: what one leg says, what another hears.
//!
//! Samples are of 8 kHz, where G.722 and Opus lose what lies above 4 kHz, or of 16 kHz between those two alone.

use super::api::Codec;
use super::g711::{self, Law};
use super::opus::{self, Rate};
use audio_codec::g722::{Bitrate, G722Decoder, G722Encoder};
use audio_codec::{Decoder, Encoder};
use std::fmt;

/// Payloads of one codec become samples; it goes on from packet to packet.
pub enum Hearing {
    /// Byte by byte.
    Law(Law),
    /// G.722, with its memory.
    G722(Box<G722Decoder>),
    /// Opus, with its memory.
    Opus(Box<opus::Decoder>),
}

/// Samples become payloads of one codec; it goes on from packet to packet.
pub enum Speaking {
    /// Sample by sample.
    Law(Law),
    /// G.722 of samples of 8 kHz, with its memory.
    Narrow(Box<Widening>),
    /// G.722 of samples of 16 kHz, with its memory.
    Wide(Box<G722Encoder>),
    /// Opus, with its memory.
    Opus(Box<opus::Encoder>),
}

impl Hearing {
    /// Of samples of 8 kHz, from a fresh start.
    pub fn new(codec: Codec) -> Hearing {
        Hearing::at(codec, Rate::Narrow)
    }

    /// Of this rate; G.711 has one alone.
    pub(super) fn at(codec: Codec, rate: Rate) -> Hearing {
        match codec {
            Codec::Pcma => Hearing::Law(Law::A),
            Codec::Pcmu => Hearing::Law(Law::Mu),
            // Without the upper band it is a sample of 8 kHz a byte.
            Codec::G722 => Hearing::G722(Box::new(G722Decoder::with_options(MODE, false, rate == Rate::Narrow))),
            Codec::Opus => Hearing::Opus(Box::new(opus::Decoder::new(rate))),
        }
    }

    /// Hands over the samples of a payload, in order.
    pub fn hear(&mut self, payload: &[u8], samples: &mut impl Extend<i16>) {
        match self {
            Hearing::Law(law) => samples.extend(payload.iter().map(|&byte| g711::decode(*law, byte))),
            Hearing::G722(decoder) => {
                let mut room = [0; 2 * BLOCK];
                for block in payload.chunks(BLOCK) {
                    let count = decoder.decode_into(block, &mut room).unwrap_or(0);
                    samples.extend(room.iter().take(count).copied());
                }
            }
            Hearing::Opus(decoder) => samples.extend(decoder.decode(payload).iter().copied()),
        }
    }

    /// Hands over samples for so many ticks that never came, before the packet that did; of Opus alone, where packets are
    /// one piece.
    pub(super) fn conceal(&mut self, ticks: u32, next: &[u8], samples: &mut impl Extend<i16>) {
        match self {
            Hearing::Opus(decoder) => samples.extend(decoder.conceal(ticks, Some(next)).iter().copied()),
            Hearing::Law(_) | Hearing::G722(_) => debug_assert!(false, "bytes are concealed by bytes"),
        }
    }
}

impl Speaking {
    /// From samples of 8 kHz, from a fresh start.
    pub fn new(codec: Codec) -> Speaking {
        Speaking::at(codec, Rate::Narrow)
    }

    /// From this rate; G.711 has one alone.
    pub(super) fn at(codec: Codec, rate: Rate) -> Speaking {
        match (codec, rate) {
            (Codec::Pcma, _) => Speaking::Law(Law::A),
            (Codec::Pcmu, _) => Speaking::Law(Law::Mu),
            (Codec::G722, Rate::Narrow) => Speaking::Narrow(Box::new(Widening::new())),
            (Codec::G722, Rate::Wide) => Speaking::Wide(Box::new(wide_encoder())),
            (Codec::Opus, rate) => Speaking::Opus(Box::new(opus::Encoder::new(rate))),
        }
    }

    /// Appends what goes into packets of ours; for Opus what a packet is made of later.
    pub fn speak(&mut self, samples: &[i16], bytes: &mut Vec<u8>) {
        match self {
            Speaking::Law(law) => bytes.extend(samples.iter().map(|&sample| g711::encode(*law, sample))),
            Speaking::Narrow(encoder) => samples.chunks(BLOCK).for_each(|block| encoder.encode(block, bytes)),
            Speaking::Wide(encoder) => samples.chunks(2 * BLOCK).for_each(|block| encode_wide(encoder, block, bytes)),
            Speaking::Opus(_) => bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
        }
    }

    /// Bytes that `speak` appends for a millisecond.
    pub(super) fn bytes_a_milli(&self) -> u32 {
        match self {
            Speaking::Opus(encoder) => 2 * encoder.rate().samples_a_milli(),
            Speaking::Law(_) | Speaking::Narrow(_) | Speaking::Wide(_) => 8,
        }
    }

    /// Appends the payload of a packet that is made of these bytes.
    pub(super) fn pack(&mut self, bytes: impl Iterator<Item = u8>, payload: &mut Vec<u8>) {
        match self {
            Speaking::Opus(encoder) => encoder.encode(bytes, payload),
            Speaking::Law(_) | Speaking::Narrow(_) | Speaking::Wide(_) => payload.extend(bytes),
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

/// Samples of 8 kHz converted at once; the buffers are on the stack.
const BLOCK: usize = 160;
/// ITU-T G.722 at 64 kbit/s.
const MODE: Bitrate = Bitrate::Mode1_64000;

fn wide_encoder() -> G722Encoder {
    G722Encoder::with_options(MODE, false, false)
}

/// At most two blocks of 16 kHz.
fn encode_wide(encoder: &mut G722Encoder, samples: &[i16], bytes: &mut Vec<u8>) {
    let mut room = [0; BLOCK + 1];
    let count = encoder.encode_into(samples, &mut room).unwrap_or(0);
    bytes.extend(room.iter().take(count));
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
    fn new() -> Widening {
        // A sinc under a Hann window, scaled to let a constant pass as it is.
        let shape = |tap: usize| {
            let distance = tap as f32 + 0.5;
            let window = (std::f32::consts::FRAC_PI_2 * distance / (TAPS as f32 + 0.5)).cos().powi(2);
            (std::f32::consts::PI * distance).sin() / (std::f32::consts::PI * distance) * window
        };
        let taps: [f32; TAPS] = std::array::from_fn(shape);
        let sum = 2.0 * taps.iter().sum::<f32>();
        Widening { encoder: wide_encoder(), taps: taps.map(|tap| tap / sum), history: [0; 2 * TAPS] }
    }

    /// At most a block of samples, 1.5 ms later.
    fn encode(&mut self, samples: &[i16], bytes: &mut Vec<u8>) {
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
        encode_wide(&mut self.encoder, wide.get(..2 * samples.len()).unwrap_or_default(), bytes);
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
        for codec in Codec::ALL {
            let said = tone::samples(600, Duration::from_secs(1));
            let (mut hearing, mut speaking) = (Hearing::new(codec), Speaking::new(codec));
            let mut heard: Vec<i16> = Vec::new();
            for turn in said.chunks(160) {
                let (mut bytes, mut payload) = (Vec::new(), Vec::new());
                speaking.speak(turn, &mut bytes);
                assert_eq!(bytes.len() as u32, 20 * speaking.bytes_a_milli());
                speaking.pack(bytes.into_iter(), &mut payload);
                hearing.hear(&payload, &mut heard);
            }
            assert_eq!(heard.len(), said.len(), "{codec:?}");
            let power = |samples: &[i16]| samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>();
            let decibels = 10.0 * (power(&heard[800..]) / power(&said[800..])).log10();
            let bound = if codec == Codec::Opus { 1.0 } else { 0.5 };
            assert!(decibels.abs() < bound, "{codec:?}: {decibels:.2} dB");
        }
    }
}
