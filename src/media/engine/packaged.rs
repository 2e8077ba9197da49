//! Clips in packets of Opus: encoded one by one as they are played for the first time, and kept for everybody who plays
//! them later. So no clip costs anything at load, and none more than once.

use crate::ids::ClipId;
use crate::media::opus::{self, Encoder, Rate};
use std::fmt;

/// Samples of a clip in a packet.
pub(super) const SAMPLES: usize = (opus::PACKET_MS * Rate::Narrow.samples_a_milli()) as usize;

/// What was played so far, by `ClipId`.
#[derive(Debug, Default)]
pub(super) struct Packaged(Vec<Option<Box<Clip>>>);

struct Clip {
    /// Until the end is reached.
    encoder: Option<Encoder>,
    bytes: Vec<u8>,
    /// Where each packet ends.
    ends: Vec<usize>,
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packets", self.ends.len())
    }
}

/// Packets of a clip of so many samples: played over and over it ends with its last whole packet.
pub(super) fn count(samples: usize, is_once: bool) -> usize {
    if is_once { samples.div_ceil(SAMPLES) } else { (samples / SAMPLES).max(1) }
}

impl Packaged {
    /// A packet of a clip with these samples, the last one filled with silence. At most one is encoded: a leg that comes
    /// into the middle of what nobody has played yet hears it from where the others are, at first from its beginning.
    pub(super) fn packet(&mut self, id: ClipId, samples: &[i16], number: usize) -> &[u8] {
        if self.0.len() <= id.index() {
            self.0.resize_with(id.index() + 1, || None);
        }
        let Some(place) = self.0.get_mut(id.index()) else { return &[] };
        place.get_or_insert_with(|| Box::new(Clip::new())).packet(samples, number)
    }

    /// The clip is another one from now on.
    pub(super) fn forget(&mut self, id: ClipId) {
        if let Some(clip) = self.0.get_mut(id.index()) {
            *clip = None;
        }
    }
}

impl Clip {
    fn new() -> Clip {
        Clip { encoder: Some(Encoder::new(Rate::Narrow)), bytes: Vec::new(), ends: Vec::new() }
    }

    fn packet(&mut self, samples: &[i16], number: usize) -> &[u8] {
        let number = number.min(self.ends.len());
        if number == self.ends.len() {
            self.encode(samples);
        }
        let number = number.min(self.ends.len().saturating_sub(1));
        let begin = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(number).copied().unwrap_or(begin);
        self.bytes.get(begin..end).unwrap_or_default()
    }

    fn encode(&mut self, samples: &[i16]) {
        let Some(encoder) = &mut self.encoder else { return };
        let rest = samples.get(self.ends.len() * SAMPLES..).unwrap_or_default();
        let packet = rest.iter().copied().chain(std::iter::repeat(0)).take(SAMPLES);
        encoder.encode(packet.flat_map(i16::to_le_bytes), &mut self.bytes);
        self.ends.push(self.bytes.len());
        if rest.len() <= SAMPLES {
            // Nothing follows: what is left of it is a hundred times what a packet is.
            self.encoder = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ClipId = ClipId(3);

    #[test]
    fn each_packet_is_encoded_once_whoever_asks_first() {
        let samples: Vec<i16> = (0..1_000).map(|n| (n * 37 % 5_000) as i16).collect();
        assert_eq!((count(1_000, true), count(1_000, false), count(100, false)), (7, 6, 1));
        let mut packaged = Packaged::default();
        let first: Vec<Vec<u8>> = (0..7).map(|number| packaged.packet(ID, &samples, number).to_vec()).collect();
        assert!(first.iter().all(|packet| opus::ticks(packet) == Some(960)));
        assert!(packaged.0[3].as_ref().is_some_and(|clip| clip.encoder.is_none()), "its end is reached");
        let second: Vec<Vec<u8>> = (0..7).map(|number| packaged.packet(ID, &samples, number).to_vec()).collect();
        assert_eq!(first, second);
        packaged.forget(ID);
        assert_eq!(packaged.packet(ID, &samples, 5), first[0], "the middle of what nobody has heard is its beginning");
        assert_eq!(packaged.packet(ID, &samples, 6), first[1]);
    }
}
