//! Packets that do not leave as they came: sound waits until a whole packet of ours is there, and what came too early
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
use crate::media::api::Codec;

/// A pause of more milliseconds than this begins anew.
const MOST_FILLED: u32 = 200;
/// For how many milliseconds of sound that came after it a gap is waited for.
const LEAST_DEPTH: u32 = 20;
const FIRST_DEPTH: u32 = 40;
const MOST_DEPTH: u32 = 120;
/// After so many packets without need the depth is less by a step.
const CALM: u32 = 1_000;
const STEP: u32 = 20;
/// Most packets held: 120 ms of the shortest, and some.
const MOST_HELD: usize = 16;
/// Packets remembered, to tell one that came twice from one that came late.
const REMEMBERED: usize = 16;

/// What came of a partner's stream and has not left yet.
#[derive(Debug)]
pub(super) struct Repacket {
    ssrc: u32,
    codec: Codec,
    /// The time stamp that comes next.
    expected: u32,
    /// Of what came so far.
    newest: u32,
    /// The sequence number behind what came last.
    next_sequence: u16,
    /// What came before its turn, in order.
    held: Vec<Held>,
    /// In ticks of the source's clock.
    depth: u32,
    calm: u32,
    /// Time stamps of what went on its way last, in a ring.
    past: [Option<u32>; REMEMBERED],
    past_next: usize,
    /// The last packet in order: what is missing behind it sounds like it.
    last: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    /// The time stamps of what left last, theirs and ours; none before.
    pub(super) left: Option<(u32, u32)>,
}

#[derive(Debug)]
struct Held {
    at: u32,
    ticks: u32,
    payload: Vec<u8>,
}

/// What becomes sound of ours.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'a> {
    /// A payload, or a part of one.
    Sound(&'a [u8]),
    /// So many ticks that never came, of a codec whose packets are one piece, and the packet behind them.
    Missing(u32, &'a [u8]),
}

/// It came when its place was filled already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLate;

impl Repacket {
    /// Before the first byte of a stream.
    pub(super) fn new(source: &Source, codec: Codec) -> Repacket {
        Repacket {
            ssrc: source.ssrc,
            codec,
            expected: source.timestamp,
            newest: source.timestamp,
            next_sequence: source.sequence,
            held: Vec::new(),
            depth: FIRST_DEPTH * codec.ticks_a_milli(),
            calm: 0,
            past: [None; REMEMBERED],
            past_next: 0,
            last: Vec::new(),
            bytes: Vec::new(),
            left: None,
        }
    }

    /// Whether a packet belongs to what is here; otherwise it begins anew.
    pub(super) fn goes_on(&self, source: &Source, codec: Codec) -> bool {
        let ahead = source.timestamp.wrapping_sub(self.expected).cast_signed();
        // Opus says nothing where nothing is said (RFC 7587 3.1.3): no packet is missing, and nothing has to be filled.
        let is_pause = codec.is_framed() && ahead > 0 && source.sequence == self.next_sequence && self.held.is_empty();
        self.ssrc == source.ssrc
            && self.codec.ticks_a_milli() == codec.ticks_a_milli()
            && ahead.unsigned_abs() <= MOST_FILLED * codec.ticks_a_milli()
            && !is_pause
    }

    /// Takes a packet in; `convert` makes our bytes of all whose turn it is, of what is missing too.
    pub(super) fn take(
        &mut self,
        source: &Source,
        payload: &[u8],
        mut convert: impl FnMut(Piece<'_>, &mut Vec<u8>),
    ) -> Result<(), TooLate> {
        let (at, ticks) = (source.timestamp, source.samples.unwrap_or(0));
        self.adapt(at);
        if source.sequence.wrapping_sub(self.next_sequence).cast_signed() >= 0 {
            self.next_sequence = source.sequence.wrapping_add(1);
        }
        if at.wrapping_sub(self.expected).cast_signed() < 0 {
            return if self.past.contains(&Some(at)) { Ok(()) } else { Err(TooLate) };
        }
        if at == self.expected && self.held.is_empty() {
            self.pass(at, ticks, payload, &mut convert);
            return Ok(());
        }
        self.hold(at, ticks, payload);
        while let Some(first) = self.held.first() {
            let missing = first.at.wrapping_sub(self.expected);
            if missing.cast_signed() < 0 {
                // The one before it was longer than its time stamps say, and is in its place already.
                self.held.remove(0);
                continue;
            }
            let is_waited_for = self.newest.wrapping_sub(self.expected) <= self.depth && self.held.len() < MOST_HELD;
            if missing > 0 && is_waited_for {
                break;
            }
            let Held { at, ticks, payload } = self.held.remove(0);
            if missing > 0 {
                self.conceal(missing, &payload, &mut convert);
            }
            self.pass(at, ticks, &payload, &mut convert);
        }
        Ok(())
    }

    /// Nothing waits here.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.held.is_empty()
    }

    /// A packet leaves that begins with the first byte here and has this time stamp; `bytes_a_milli` as they are here.
    pub(super) fn leaves(&mut self, timestamp: u32, bytes_a_milli: u32) {
        let waiting = u32::try_from(self.bytes.len()).unwrap_or(0) * self.codec.ticks_a_milli() / bytes_a_milli.max(1);
        self.left = Some((self.expected.wrapping_sub(waiting), timestamp));
    }

    /// Our time stamp for one of the source's, on a clock of so many ticks a millisecond.
    pub(super) fn ours(&self, theirs: u32, ticks_a_milli: u32) -> u32 {
        let (then, ours) = self.left.unwrap_or_default();
        let ahead = i64::from(theirs.wrapping_sub(then).cast_signed());
        // Both clocks have 32 bits and go round.
        ours.wrapping_add((ahead * i64::from(ticks_a_milli) / i64::from(self.codec.ticks_a_milli())) as u32)
    }

    /// A packet that was overtaken shows how deep the buffer has to be.
    fn adapt(&mut self, at: u32) {
        let behind = self.newest.wrapping_sub(at);
        let ticks = |millis: u32| millis * self.codec.ticks_a_milli();
        if behind.cast_signed() < 0 {
            self.newest = at;
            self.calm += 1;
            if self.calm >= CALM {
                self.calm = 0;
                self.depth = self.depth.saturating_sub(ticks(STEP)).max(ticks(LEAST_DEPTH));
            }
        } else if behind >= self.depth {
            self.depth = behind.saturating_add(ticks(STEP)).min(ticks(MOST_DEPTH));
            self.calm = 0;
        } else if behind + ticks(STEP) > self.depth {
            self.calm = 0;
        }
    }

    fn hold(&mut self, at: u32, ticks: u32, payload: &[u8]) {
        let ahead = |at: u32| at.wrapping_sub(self.expected);
        if let Err(place) = self.held.binary_search_by_key(&ahead(at), |held| ahead(held.at)) {
            self.held.insert(place, Held { at, ticks, payload: payload.to_vec() });
        }
    }

    fn pass(&mut self, at: u32, ticks: u32, payload: &[u8], convert: &mut impl FnMut(Piece<'_>, &mut Vec<u8>)) {
        // Packets that overlap are the sender's fault: its clock is followed all the same.
        convert(Piece::Sound(payload), &mut self.bytes);
        self.expected = at.wrapping_add(ticks);
        self.last.clear();
        self.last.extend_from_slice(payload);
        self.past[self.past_next % REMEMBERED] = Some(at);
        self.past_next = (self.past_next + 1) % REMEMBERED;
    }

    /// What is missing sounds like what was before it, once; then it is silent. Opus has its own way.
    fn conceal(&mut self, missing: u32, next: &[u8], convert: &mut impl FnMut(Piece<'_>, &mut Vec<u8>)) {
        let Some(silence) = self.codec.silence() else {
            return convert(Piece::Missing(missing, next), &mut self.bytes);
        };
        let missing = missing as usize;
        let repeated = self.last.len().min(missing);
        convert(Piece::Sound(self.last.get(..repeated).unwrap_or_default()), &mut self.bytes);
        let mut rest = missing - repeated;
        while rest > 0 {
            let length = rest.min(160);
            convert(Piece::Sound(&[silence; 160][..length]), &mut self.bytes);
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

    fn copy(piece: Piece<'_>, bytes: &mut Vec<u8>) {
        match piece {
            Piece::Sound(sound) => bytes.extend_from_slice(sound),
            Piece::Missing(ticks, _) => bytes.extend(vec![200; ticks as usize / 6]),
        }
    }

    struct Buffer(Repacket);

    impl Buffer {
        fn new() -> Buffer {
            Buffer(Repacket::new(&source(0), Codec::Pcma))
        }

        /// Takes the packet of this number, which is full of it; what comes out, a sign for every 20 ms.
        fn gets(&mut self, number: u8) -> String {
            let packet = source(u32::from(number) * 160);
            assert!(self.0.goes_on(&packet, Codec::Pcma));
            let taken = self.0.take(&packet, &[number; 160], copy);
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
    fn packets_that_overlap_are_not_filled_up_to_the_end_of_the_clock() {
        let mut repacket = Repacket::new(&source(0), Codec::Pcma);
        let mut long = |at: u32, bytes: usize| {
            let packet = Source { samples: u32::try_from(bytes).ok(), ..source(at) };
            repacket.take(&packet, &vec![1; bytes], copy).unwrap();
            repacket.bytes.len()
        };
        // The first is missing; those behind it overlap.
        assert_eq!([long(160, 480), long(200, 160), long(240, 160)], [0; 3]);
        assert_eq!(long(0, 160), 640, "what overlaps is left out");
        assert_eq!(long(640, 160), 800);
    }

    #[test]
    fn the_depth_is_bounded_and_shrinks_when_nothing_needs_it() {
        let mut repacket = Repacket::new(&source(0), Codec::Pcma);
        let take = |repacket: &mut Repacket, at: u32| repacket.take(&source(at), &[0; 160], |_, _| {});
        for number in 0..200u32 {
            let _ = take(&mut repacket, number * 160);
            let _ = take(&mut repacket, (number * 160).saturating_sub(1_440) + 1);
            assert!(repacket.depth <= 8 * MOST_DEPTH && repacket.held.len() <= MOST_HELD);
        }
        assert_eq!(repacket.depth, 8 * MOST_DEPTH);
        for number in 200..7_000u32 {
            let _ = take(&mut repacket, number * 160);
        }
        assert_eq!(repacket.depth, 8 * LEAST_DEPTH);
    }
    #[test]
    fn a_pause_of_opus_is_no_loss_and_a_loss_is_told_with_the_packet_behind_it() {
        let packet = |number: u16, after: u32| Source {
            ssrc: 1,
            sequence: number,
            timestamp: u32::from(number) * 960 + after,
            samples: Some(960),
        };
        let mut repacket = Repacket::new(&packet(0, 0), Codec::Opus);
        let mut pieces = Vec::new();
        let mut take = |number: u16, repacket: &mut Repacket| {
            let told = |piece: Piece<'_>, _: &mut Vec<u8>| {
                pieces.push(match piece {
                    Piece::Sound(sound) => (0, sound[0]),
                    Piece::Missing(ticks, next) => (ticks, next[0]),
                })
            };
            assert!(repacket.goes_on(&packet(number, 0), Codec::Opus));
            repacket.take(&packet(number, 0), &[number as u8], told).unwrap();
        };
        for number in [0, 1, 4, 5, 6] {
            take(number, &mut repacket);
        }
        assert_eq!(pieces, [(0, 0), (0, 1), (1_920, 4), (0, 4), (0, 5), (0, 6)]);
        assert!(!repacket.goes_on(&packet(7, 4_800), Codec::Opus), "nothing was said for 100 ms");
        assert!(repacket.goes_on(&packet(9, 0), Codec::Opus), "two are missing");
        assert!(!repacket.goes_on(&packet(7, 0), Codec::Pcma), "another clock");
    }
}
