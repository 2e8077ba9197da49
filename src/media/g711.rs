//! G.711 (ITU-T G.711, 1988): 16-bit samples to A-law and u-law bytes and back, and from one law to the other.
//!
//! Tables made by the compiler from the recommendation's arithmetic. The crate `audio-codec` has them too, but its
//! A-law encoder takes the wrong interval for hundreds of quiet negative samples (see the tests).

use super::api::Codec;

static A_LAW: [u8; 65_536] = encoding_table(Codec::Pcma);
static U_LAW: [u8; 65_536] = encoding_table(Codec::Pcmu);
static FROM_A_LAW: [i16; 256] = decoding_table(Codec::Pcma);
static FROM_U_LAW: [i16; 256] = decoding_table(Codec::Pcmu);
static A_TO_U_LAW: [u8; 256] = conversion_table(Codec::Pcma, Codec::Pcmu);
static U_TO_A_LAW: [u8; 256] = conversion_table(Codec::Pcmu, Codec::Pcma);

/// One sample as a byte of the codec.
#[inline]
pub fn encode(codec: Codec, sample: i16) -> u8 {
    let table = match codec {
        Codec::Pcma => &A_LAW,
        Codec::Pcmu => &U_LAW,
    };
    table[usize::from(sample.cast_unsigned())]
}

/// The sample that a byte of the codec stands for.
#[inline]
pub fn decode(codec: Codec, byte: u8) -> i16 {
    let table = match codec {
        Codec::Pcma => &FROM_A_LAW,
        Codec::Pcmu => &FROM_U_LAW,
    };
    table[usize::from(byte)]
}

/// The table that turns bytes of one codec into the nearest bytes of another; `None` when there is nothing to do.
pub fn conversion(from: Codec, to: Codec) -> Option<&'static [u8; 256]> {
    match (from, to) {
        (Codec::Pcma, Codec::Pcmu) => Some(&A_TO_U_LAW),
        (Codec::Pcmu, Codec::Pcma) => Some(&U_TO_A_LAW),
        (Codec::Pcma, Codec::Pcma) | (Codec::Pcmu, Codec::Pcmu) => None,
    }
}

const fn encoding_table(codec: Codec) -> [u8; 65_536] {
    let mut table = [0; 65_536];
    let mut index = 0;
    while index < table.len() {
        table[index] = encode_one(codec, (index as u16).cast_signed());
        index += 1;
    }
    table
}

const fn decoding_table(codec: Codec) -> [i16; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        table[index] = decode_one(codec, index as u8);
        index += 1;
    }
    table
}

const fn conversion_table(from: Codec, to: Codec) -> [u8; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        table[index] = encode_one(to, decode_one(from, index as u8));
        index += 1;
    }
    table
}

/// A sign bit, three bits of segment, four bits of step; the segments double in size.
const fn encode_one(codec: Codec, sample: i16) -> u8 {
    // One's complement for negatives keeps -32768 in range and the two halves alike.
    let magnitude = if sample < 0 { !sample } else { sample } as u16;
    let sign = if sample < 0 { 0 } else { 0x80 };
    match codec {
        Codec::Pcma => {
            let linear = magnitude >> 4;
            let segment = if linear < 16 { 0 } else { linear.ilog2() as u16 - 3 };
            let shift = segment.saturating_sub(1);
            let step = (linear >> shift) & 0x0F;
            (sign | (segment << 4) as u8 | step as u8) ^ 0x55
        }
        Codec::Pcmu => {
            let biased = (magnitude >> 2) + 33;
            let biased = if biased > 0x1FFF { 0x1FFF } else { biased };
            let segment = biased.ilog2() as u16 - 5;
            let step = (biased >> (segment + 1)) & 0x0F;
            (sign | (segment << 4) as u8 | step as u8) ^ 0x7F
        }
    }
}

/// The middle of the interval that the byte names.
const fn decode_one(codec: Codec, byte: u8) -> i16 {
    let (plain, positive) = match codec {
        Codec::Pcma => (byte ^ 0x55, byte & 0x80 != 0),
        Codec::Pcmu => (byte ^ 0x7F, byte & 0x80 != 0),
    };
    let segment = (plain >> 4) & 0x07;
    let step = (plain & 0x0F) as i16;
    let magnitude = match codec {
        Codec::Pcma if segment == 0 => (step << 4) + 8,
        Codec::Pcma => ((step << 4) + 0x108) << (segment - 1),
        Codec::Pcmu => (((step << 3) + 0x84) << segment) - 0x84,
    };
    if positive { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio_codec::{CodecType, create_decoder, create_encoder};

    const CODECS: [(Codec, CodecType); 2] = [(Codec::Pcma, CodecType::PCMA), (Codec::Pcmu, CodecType::PCMU)];

    fn distance(a: i16, b: i16) -> u32 {
        (i32::from(a) - i32::from(b)).unsigned_abs()
    }

    /// The positive decision values of G.711 tables 1a and 2a, on the scale of 16-bit samples.
    fn decision_values(codec: Codec) -> Vec<i32> {
        let (first, count) = match codec {
            Codec::Pcma => (16, 32),
            Codec::Pcmu => (8, 16),
        };
        let mut values = vec![0];
        let mut value = if codec == Codec::Pcmu { -4 } else { 0 };
        for interval in 0..128 {
            let segment = if interval < count { 0 } else { 1 + (interval - count) / 16 };
            value += first << segment;
            values.push(value);
        }
        values
    }

    #[test]
    fn every_sample_falls_into_its_interval() {
        for (codec, _) in CODECS {
            let values = decision_values(codec);
            for sample in i16::MIN..=i16::MAX {
                let byte = encode(codec, sample);
                let number = usize::from(if codec == Codec::Pcma { byte ^ 0x55 } else { byte ^ 0x7F } & 0x7F);
                let magnitude = i32::from(if sample < 0 { !sample } else { sample }).min(values[128] - 1);
                assert!(
                    values[number] <= magnitude && magnitude < values[number + 1] && (byte >= 0x80) == (sample >= 0),
                    "{codec:?} {sample}"
                );
                let middle =
                    if number == 0 && codec == Codec::Pcmu { 0 } else { (values[number] + values[number + 1]) / 2 };
                assert_eq!(i32::from(decode(codec, byte)), if sample < 0 { -middle } else { middle });
            }
        }
    }

    #[test]
    fn every_byte_comes_back_as_itself() {
        for (codec, _) in CODECS {
            for byte in 0..=255 {
                // u-law has two zeros.
                let expected = if (codec, byte) == (Codec::Pcmu, 0x7F) { 0xFF } else { byte };
                assert_eq!(encode(codec, decode(codec, byte)), expected, "{codec:?} {byte}");
            }
        }
    }

    /// An implementation that is not ours decodes the same and encodes the same, but for its fault.
    #[test]
    fn agrees_with_another_implementation() {
        let mut other = Vec::new();
        for (codec, theirs) in CODECS {
            let bytes: Vec<u8> = (0..=255).collect();
            let ours: Vec<i16> = bytes.iter().map(|&byte| decode(codec, byte)).collect();
            assert_eq!(create_decoder(theirs).decode(&bytes), ours);
            let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
            let pairs = samples.iter().zip(create_encoder(theirs).encode(&samples));
            other.extend(
                pairs.filter(|&(&sample, byte)| encode(codec, sample) != byte).map(|(&sample, _)| (codec, sample)),
            );
        }
        let faults = other.iter().filter(|&&(codec, sample)| codec == Codec::Pcma && sample < 0).count();
        let at_edges =
            other.iter().filter(|&&(codec, sample)| codec == Codec::Pcmu && sample < 0 && sample % 4 == 0).count();
        // u-law: a sample on the edge between two intervals may go to either.
        assert_eq!((faults, at_edges, other.len()), (897, 127, 1_024));
    }

    #[test]
    fn converting_loses_no_more_than_half_a_step() {
        for (from, to) in [(Codec::Pcma, Codec::Pcmu), (Codec::Pcmu, Codec::Pcma)] {
            let table = conversion(from, to).unwrap();
            for byte in 0..=255u8 {
                let (before, after) = (decode(from, byte), decode(to, table[usize::from(byte)]));
                let most = 8.max(u32::from(before.unsigned_abs()) / 32);
                assert!(distance(before, after) <= most, "{from:?} {byte}: {before} became {after}");
            }
        }
        assert_eq!(conversion(Codec::Pcma, Codec::Pcma), None);
    }
}
