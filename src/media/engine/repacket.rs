//! Packets that do not leave as they came: bytes wait until a whole packet of ours is there, and what came too early
//! waits for what is missing before it, since neither a packet put together anew nor a codec with a memory can be
//! changed afterwards. Plain relayed packets never come here: their order is the listener's business.
//!
//! ```text
//!   in order ──────────────────────────────► converted ─► whole packets
//!   ahead ──► held, until the gap is filled ──┘   │
//!                   └ longer than `depth`: the gap is concealed, and who comes then is late
//! ```
//! Nothing waits while nothing is missing. `depth` follows how far packets overtake each other.

use super::outgoing::Source;

/// A pause of more than this begins anew: 200 ms.
const MOST_FILLED: u32 = 1_600;
/// How long a gap is waited for, in samples of sound that came after it: 20 to 120 ms, at first 40.
const LEAST_DEPTH: u32 = 160;
const FIRST_DEPTH: u32 = 320;
const MOST_DEPTH: u32 = 960;
/// After so many packets without need the depth is less by 20 ms.
const CALM: u32 = 1_000;
/// Most packets held: 120 ms of the shortest, and some.
const MOST_HELD: usize = 16;
/// Packets remembered, to tell one that came twice from one that came late.
const REMEMBERED: usize = 16;

/// What came of a partner's stream and has not left yet.
#[derive(Debug)]
pub(super) struct Repacket {
    ssrc: u32,
    /// The time stamp that comes next.
    expected: u32,
    /// Of what came so far.
    newest: u32,
    /// What came before its turn, in order.
    held: Vec<(u32, Vec<u8>)>,
    depth: u32,
    calm: u32,
    /// Time stamps of what went on its way last, in a ring.
    past: [Option<u32>; REMEMBERED],
    past_next: usize,
    /// The last packet in order: what is missing behind it sounds like it.
    last: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    /// Ours less theirs, of what left last.
    pub(super) offset: u32,
    /// Something of it has left.
    pub(super) has_begun: bool,
}

/// It came when its place was filled already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLate;

impl Repacket {
    /// Before the first byte of a stream.
    pub(super) fn new(source: &Source) -> Repacket {
        Repacket {
            ssrc: source.ssrc,
            expected: source.timestamp,
            newest: source.timestamp,
            held: Vec::new(),
            depth: FIRST_DEPTH,
            calm: 0,
            past: [None; REMEMBERED],
            past_next: 0,
            last: Vec::new(),
            bytes: Vec::new(),
            offset: 0,
            has_begun: false,
        }
    }

    /// Whether a packet belongs to what is here; otherwise it begins anew.
    pub(super) fn goes_on(&self, source: &Source) -> bool {
        let ahead = source.timestamp.wrapping_sub(self.expected).cast_signed();
        self.ssrc == source.ssrc && ahead.unsigned_abs() <= MOST_FILLED
    }

    /// Takes a packet in; `convert` makes our bytes of all whose turn it is, of what is missing too. `silence` is a byte
    /// of it in the source's codec.
    pub(super) fn take(
        &mut self,
        source: &Source,
        payload: &[u8],
        silence: u8,
        mut convert: impl FnMut(&[u8], &mut Vec<u8>),
    ) -> Result<(), TooLate> {
        let at = source.timestamp;
        self.adapt(at);
        if at.wrapping_sub(self.expected).cast_signed() < 0 {
            return if self.past.contains(&Some(at)) { Ok(()) } else { Err(TooLate) };
        }
        if at == self.expected && self.held.is_empty() {
            self.pass(at, payload, &mut convert);
            return Ok(());
        }
        self.hold(at, payload);
        while let Some(&(first, _)) = self.held.first() {
            let missing = first.wrapping_sub(self.expected);
            let is_waited_for = self.newest.wrapping_sub(self.expected) <= self.depth && self.held.len() < MOST_HELD;
            if missing > 0 && is_waited_for {
                break;
            }
            self.conceal(missing as usize, silence, &mut convert);
            let (at, payload) = self.held.remove(0);
            self.pass(at, &payload, &mut convert);
        }
        Ok(())
    }

    /// Nothing waits here.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.held.is_empty()
    }

    /// The time stamp, in the source's numbers, of the first byte here.
    pub(super) fn first_timestamp(&self) -> u32 {
        self.expected.wrapping_sub(u32::try_from(self.bytes.len()).unwrap_or(0))
    }

    /// A packet that was overtaken shows how deep the buffer has to be.
    fn adapt(&mut self, at: u32) {
        let behind = self.newest.wrapping_sub(at);
        if behind.cast_signed() < 0 {
            self.newest = at;
            self.calm += 1;
            if self.calm >= CALM {
                self.calm = 0;
                self.depth = self.depth.saturating_sub(160).max(LEAST_DEPTH);
            }
        } else if behind >= self.depth {
            self.depth = behind.saturating_add(160).min(MOST_DEPTH);
            self.calm = 0;
        } else if behind + 160 > self.depth {
            self.calm = 0;
        }
    }

    fn hold(&mut self, at: u32, payload: &[u8]) {
        let ahead = |at: u32| at.wrapping_sub(self.expected);
        if let Err(place) = self.held.binary_search_by_key(&ahead(at), |(held, _)| ahead(*held)) {
            self.held.insert(place, (at, payload.to_vec()));
        }
    }

    fn pass(&mut self, at: u32, payload: &[u8], convert: &mut impl FnMut(&[u8], &mut Vec<u8>)) {
        // Packets that overlap are the sender's fault: its clock is followed all the same.
        convert(payload, &mut self.bytes);
        self.expected = at.wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
        self.last.clear();
        self.last.extend_from_slice(payload);
        self.past[self.past_next % REMEMBERED] = Some(at);
        self.past_next = (self.past_next + 1) % REMEMBERED;
    }

    /// What is missing sounds like what was before it, once; then it is silent.
    fn conceal(&mut self, missing: usize, silence: u8, convert: &mut impl FnMut(&[u8], &mut Vec<u8>)) {
        let repeated = self.last.len().min(missing);
        convert(self.last.get(..repeated).unwrap_or_default(), &mut self.bytes);
        let mut rest = missing - repeated;
        while rest > 0 {
            let length = rest.min(160);
            convert(&[silence; 160][..length], &mut self.bytes);
            rest -= length;
        }
        self.last.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(timestamp: u32) -> Source {
        Source { ssrc: 1, sequence: 0, timestamp, samples: Some(160) }
    }

    struct Buffer(Repacket);

    impl Buffer {
        fn new() -> Buffer {
            Buffer(Repacket::new(&source(0)))
        }

        /// Takes the packet of this number, which is full of it; what comes out, a sign for every 20 ms.
        fn gets(&mut self, number: u8) -> String {
            let packet = source(u32::from(number) * 160);
            assert!(self.0.goes_on(&packet));
            let taken = self.0.take(&packet, &[number; 160], 99, |payload, bytes| bytes.extend_from_slice(payload));
            let sign = |byte: u8| char::from_digit(byte.into(), 36).unwrap_or('.');
            let signs = self.0.bytes.drain(..).step_by(160).map(sign);
            let out: String = signs.collect();
            if taken.is_err() { format!("{out}!") } else { out }
        }
    }

    #[test]
    fn what_is_in_order_waits_for_nothing_and_what_is_early_waits_for_the_rest() {
        let mut buffer = Buffer::new();
        let heard: Vec<String> = [0, 1, 3, 2, 4, 7, 6, 5, 8].map(|number| buffer.gets(number)).to_vec();
        assert_eq!(heard, ["0", "1", "", "23", "4", "", "", "567", "8"]);
        assert_eq!(buffer.gets(6), "", "it came twice");
    }

    #[test]
    fn a_gap_is_concealed_in_time_and_who_comes_then_is_late() {
        let mut buffer = Buffer::new();
        let heard: Vec<String> = [0, 2, 3, 4, 1, 5].map(|number| buffer.gets(number)).to_vec();
        assert_eq!(heard, ["0", "", "", "0234", "!", "5"], "as before once");
        // The buffer is deeper from now on.
        let heard: Vec<String> = [7, 8, 9, 6, 10].map(|number| buffer.gets(number)).to_vec();
        assert_eq!(heard, ["", "", "", "6789", "a"]);
        let heard: Vec<String> = [14, 15, 16].map(|number| buffer.gets(number)).to_vec();
        assert_eq!(heard, ["", "", "a..efg"], "a long gap is silent after its beginning");
    }

    #[test]
    fn the_depth_is_bounded_and_shrinks_when_nothing_needs_it() {
        let mut repacket = Repacket::new(&source(0));
        let take = |repacket: &mut Repacket, at: u32| repacket.take(&source(at), &[0; 160], 0, |_, _| {});
        for number in 0..200u32 {
            let _ = take(&mut repacket, number * 160);
            let _ = take(&mut repacket, (number * 160).saturating_sub(1_440) + 1);
            assert!(repacket.depth <= MOST_DEPTH && repacket.held.len() <= MOST_HELD);
        }
        assert_eq!(repacket.depth, MOST_DEPTH);
        for number in 200..7_000u32 {
            let _ = take(&mut repacket, number * 160);
        }
        assert_eq!(repacket.depth, LEAST_DEPTH);
    }
}
