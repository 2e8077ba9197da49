//! G.711 (ITU-T G.711, 1988): 16-bit samples to A-law and u-law bytes and back, and from one law to the other.
//!
//! Tables made by the compiler from the recommendation's arithmetic. The crate `audio-codec` has them too, but its
//! A-law encoder takes the wrong interval for hundreds of quiet negative samples (see the tests).

/// One of the two laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Of Europe.
    A,
    /// Of North America and Japan.
    Mu,
}

static A_LAW: [u8; 65_536] = encoding_table(Law::A);
static U_LAW: [u8; 65_536] = encoding_table(Law::Mu);
static FROM_A_LAW: [i16; 256] = decoding_table(Law::A);
static FROM_U_LAW: [i16; 256] = decoding_table(Law::Mu);
static A_TO_U_LAW: [u8; 256] = conversion_table(Law::A, Law::Mu);
static U_TO_A_LAW: [u8; 256] = conversion_table(Law::Mu, Law::A);

/// One sample as a byte of the law.
#[inline]
pub fn encode(law: Law, sample: i16) -> u8 {
    let table = match law {
        Law::A => &A_LAW,
        Law::Mu => &U_LAW,
    };
    table[usize::from(sample.cast_unsigned())]
}

/// The sample that a byte of the law stands for.
#[inline]
pub fn decode(law: Law, byte: u8) -> i16 {
    let table = match law {
        Law::A => &FROM_A_LAW,
        Law::Mu => &FROM_U_LAW,
    };
    table[usize::from(byte)]
}

/// The table that turns bytes of one law into the nearest bytes of another; `None` when there is nothing to do.
pub fn conversion(from: Law, to: Law) -> Option<&'static [u8; 256]> {
    match (from, to) {
        (Law::A, Law::Mu) => Some(&A_TO_U_LAW),
        (Law::Mu, Law::A) => Some(&U_TO_A_LAW),
        (Law::A, Law::A) | (Law::Mu, Law::Mu) => None,
    }
}

const fn encoding_table(law: Law) -> [u8; 65_536] {
    let mut table = [0; 65_536];
    let mut index = 0;
    while index < table.len() {
        table[index] = encode_one(law, (index as u16).cast_signed());
        index += 1;
    }
    table
}

const fn decoding_table(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        table[index] = decode_one(law, index as u8);
        index += 1;
    }
    table
}

const fn conversion_table(from: Law, to: Law) -> [u8; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        table[index] = encode_one(to, decode_one(from, index as u8));
        index += 1;
    }
    table
}

/// A sign bit, three bits of segment, four bits of step; the segments double in size.
const fn encode_one(law: Law, sample: i16) -> u8 {
    // One's complement for negatives keeps -32768 in range and the two halves alike.
    let magnitude = if sample < 0 { !sample } else { sample } as u16;
    let sign = if sample < 0 { 0 } else { 0x80 };
    match law {
        Law::A => {
            let linear = magnitude >> 4;
            let segment = if linear < 16 { 0 } else { linear.ilog2() as u16 - 3 };
            let shift = segment.saturating_sub(1);
            let step = (linear >> shift) & 0x0F;
            (sign | (segment << 4) as u8 | step as u8) ^ 0x55
        }
        Law::Mu => {
            let biased = (magnitude >> 2) + 33;
            let biased = if biased > 0x1FFF { 0x1FFF } else { biased };
            let segment = biased.ilog2() as u16 - 5;
            let step = (biased >> (segment + 1)) & 0x0F;
            (sign | (segment << 4) as u8 | step as u8) ^ 0x7F
        }
    }
}

/// The middle of the interval that the byte names.
const fn decode_one(law: Law, byte: u8) -> i16 {
    let (plain, positive) = match law {
        Law::A => (byte ^ 0x55, byte & 0x80 != 0),
        Law::Mu => (byte ^ 0x7F, byte & 0x80 != 0),
    };
    let segment = (plain >> 4) & 0x07;
    let step = (plain & 0x0F) as i16;
    let magnitude = match law {
        Law::A if segment == 0 => (step << 4) + 8,
        Law::A => ((step << 4) + 0x108) << (segment - 1),
        Law::Mu => (((step << 3) + 0x84) << segment) - 0x84,
    };
    if positive { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio_codec::{CodecType, create_decoder, create_encoder};

    const CODECS: [(Law, CodecType); 2] = [(Law::A, CodecType::PCMA), (Law::Mu, CodecType::PCMU)];

    fn distance(a: i16, b: i16) -> u32 {
        (i32::from(a) - i32::from(b)).unsigned_abs()
    }

    /// The positive decision values of G.711 tables 1a and 2a, on the scale of 16-bit samples.
    fn decision_values(law: Law) -> Vec<i32> {
        let (first, count) = match law {
            Law::A => (16, 32),
            Law::Mu => (8, 16),
        };
        let mut values = vec![0];
        let mut value = if law == Law::Mu { -4 } else { 0 };
        for interval in 0..128 {
            let segment = if interval < count { 0 } else { 1 + (interval - count) / 16 };
            value += first << segment;
            values.push(value);
        }
        values
    }

    #[test]
    fn every_sample_falls_into_its_interval() {
        for (law, _) in CODECS {
            let values = decision_values(law);
            for sample in i16::MIN..=i16::MAX {
                let byte = encode(law, sample);
                let number = usize::from(if law == Law::A { byte ^ 0x55 } else { byte ^ 0x7F } & 0x7F);
                let magnitude = i32::from(if sample < 0 { !sample } else { sample }).min(values[128] - 1);
                assert!(
                    values[number] <= magnitude && magnitude < values[number + 1] && (byte >= 0x80) == (sample >= 0),
                    "{law:?} {sample}"
                );
                let middle = if number == 0 && law == Law::Mu { 0 } else { (values[number] + values[number + 1]) / 2 };
                assert_eq!(i32::from(decode(law, byte)), if sample < 0 { -middle } else { middle });
            }
        }
    }

    #[test]
    fn every_byte_comes_back_as_itself() {
        for (law, _) in CODECS {
            for byte in 0..=255 {
                // u-law has two zeros.
                let expected = if (law, byte) == (Law::Mu, 0x7F) { 0xFF } else { byte };
                assert_eq!(encode(law, decode(law, byte)), expected, "{law:?} {byte}");
            }
        }
    }

    /// An implementation that is not ours decodes the same and encodes the same, but for its fault.
    #[test]
    fn agrees_with_another_implementation() {
        let mut other = Vec::new();
        for (law, theirs) in CODECS {
            let bytes: Vec<u8> = (0..=255).collect();
            let ours: Vec<i16> = bytes.iter().map(|&byte| decode(law, byte)).collect();
            assert_eq!(create_decoder(theirs).decode(&bytes), ours);
            let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
            let pairs = samples.iter().zip(create_encoder(theirs).encode(&samples));
            other
                .extend(pairs.filter(|&(&sample, byte)| encode(law, sample) != byte).map(|(&sample, _)| (law, sample)));
        }
        let faults = other.iter().filter(|&&(law, sample)| law == Law::A && sample < 0).count();
        let at_edges = other.iter().filter(|&&(law, sample)| law == Law::Mu && sample < 0 && sample % 4 == 0).count();
        // u-law: a sample on the edge between two intervals may go to either.
        assert_eq!((faults, at_edges, other.len()), (897, 127, 1_024));
    }

    #[test]
    fn converting_loses_no_more_than_half_a_step() {
        for (from, to) in [(Law::A, Law::Mu), (Law::Mu, Law::A)] {
            let table = conversion(from, to).unwrap();
            for byte in 0..=255u8 {
                let (before, after) = (decode(from, byte), decode(to, table[usize::from(byte)]));
                let most = 8.max(u32::from(before.unsigned_abs()) / 32);
                assert!(distance(before, after) <= most, "{from:?} {byte}: {before} became {after}");
            }
        }
        assert_eq!(conversion(Law::A, Law::A), None);
    }
}
