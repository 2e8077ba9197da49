//! Packets of one length become packets of another: the bytes wait until a whole packet is there.

use super::outgoing::Source;

/// A pause of more than this begins anew; a shorter one is filled with silence: 200 ms.
const MOST_FILLED: u32 = 1_600;

/// What came of a partner's stream and has not left yet.
#[derive(Debug)]
pub(super) struct Repacket {
    ssrc: u32,
    /// The time stamp that comes next.
    expected: u32,
    pub(super) bytes: Vec<u8>,
    /// Ours less theirs, of what left last.
    pub(super) offset: u32,
    /// Something of it has left.
    pub(super) has_begun: bool,
}

impl Repacket {
    /// Before the first byte of a stream.
    pub(super) fn new(source: &Source) -> Repacket {
        Repacket { ssrc: source.ssrc, expected: source.timestamp, bytes: Vec::new(), offset: 0, has_begun: false }
    }

    /// Whether a packet belongs behind what is here; otherwise it begins anew.
    pub(super) fn goes_on(&self, source: &Source) -> bool {
        let ahead = source.timestamp.wrapping_sub(self.expected).cast_signed();
        self.ssrc == source.ssrc && ahead.unsigned_abs() <= MOST_FILLED
    }

    /// Makes room for a packet's bytes: what is missing before them is filled. `None` when they are too late.
    pub(super) fn admit(&mut self, source: &Source, length: usize, silence: u8) -> Option<&mut Vec<u8>> {
        let missing = source.timestamp.wrapping_sub(self.expected);
        if missing > MOST_FILLED {
            return None;
        }
        self.bytes.resize(self.bytes.len() + missing as usize, silence);
        self.expected = source.timestamp.wrapping_add(u32::try_from(length).unwrap_or(0));
        Some(&mut self.bytes)
    }

    /// The time stamp, in the source's numbers, of the first byte here.
    pub(super) fn first_timestamp(&self) -> u32 {
        self.expected.wrapping_sub(u32::try_from(self.bytes.len()).unwrap_or(0))
    }
}
