//! One outgoing RTP stream: whatever is sent on it, clip, music or another leg's voice, is one stream with one SSRC,
//! gapless sequence numbers and a steady clock (RFC 3550 5.1).

use crate::media::rtcp::Sender;
use crate::time::Time;

/// A jump of more than this between two packets of a source is a new start of it.
const MOST_JUMP: u16 = 3_000;
/// Milliseconds of sound in most packets.
const USUAL_MS: u32 = 20;

#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) ssrc: u32,
    sequence: u16,
    first_timestamp: u32,
    /// Of its clock, in a millisecond.
    ticks: u32,
    last: Option<Last>,
    relayed: Option<Relayed>,
    packets: u64,
    octets: u64,
}

/// The newest packet sent.
#[derive(Debug)]
struct Last {
    at: Time,
    timestamp: u32,
    samples: u32,
}

/// How a source's numbers become ours.
#[derive(Debug)]
struct Relayed {
    ssrc: u32,
    first: u16,
    highest: u16,
    sequence_offset: u16,
    timestamp_offset: u32,
}

/// Numbers of a packet to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    /// Whether it is the first of a relayed source.
    pub(super) is_first: bool,
}

/// Numbers of a packet received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub(super) ssrc: u32,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) samples: Option<u32>,
}

impl Outgoing {
    /// All three numbers are random: RFC 3550 5.1, hostile-world R35.
    pub(super) fn new(ssrc: u32, sequence: u16, first_timestamp: u32) -> Outgoing {
        Outgoing { ssrc, sequence, first_timestamp, ticks: 8, last: None, relayed: None, packets: 0, octets: 0 }
    }

    /// From now on its clock has so many ticks in a millisecond. It goes on from where it is (RFC 7160 4.1).
    pub(super) fn set_clock(&mut self, ticks: u32) {
        if self.ticks == ticks {
            return;
        }
        if let Some(last) = &mut self.last {
            last.samples = (last.samples * ticks / self.ticks).max(1);
        }
        self.ticks = ticks;
        self.relayed = None;
    }

    /// Of its clock, in a millisecond.
    pub(super) fn ticks(&self) -> u32 {
        self.ticks
    }

    /// The next packet of our own, due at `at`.
    pub(super) fn own(&mut self, samples: u32, at: Time) -> Numbers {
        self.relayed = None;
        let numbers = Numbers { sequence: self.sequence, timestamp: self.next_timestamp(at), is_first: false };
        self.sent(numbers, samples, at);
        numbers
    }

    /// The next packet of our own right behind the last one, whenever it leaves; the first one by the clock.
    pub(super) fn follow(&mut self, samples: u32, at: Time) -> Numbers {
        self.relayed = None;
        let timestamp = self.last.as_ref().map(|last| last.timestamp.wrapping_add(last.samples));
        let timestamp = timestamp.unwrap_or(self.first_timestamp);
        let numbers = Numbers { sequence: self.sequence, timestamp, is_first: false };
        self.sent(numbers, samples, at);
        numbers
    }

    /// A packet that has its time stamp from elsewhere and takes none of ours: a key in the middle of sound.
    pub(super) fn beside(&mut self, timestamp: u32) -> Numbers {
        let numbers = Numbers { sequence: self.sequence, timestamp, is_first: false };
        self.sequence = self.sequence.wrapping_add(1);
        // What is relayed makes room for it.
        if let Some(relayed) = &mut self.relayed {
            relayed.sequence_offset = relayed.sequence_offset.wrapping_add(1);
        }
        numbers
    }

    /// A packet of another stream: its gaps, its order and its clock's steps stay as they are. `None` when it is
    /// older than where this source began.
    pub(super) fn relay(&mut self, source: Source, now: Time) -> Option<Numbers> {
        let ahead = |relayed: &Relayed| source.sequence.wrapping_sub(relayed.highest).cast_signed();
        let samples = source.samples.unwrap_or(USUAL_MS * self.ticks);
        match self
            .relayed
            .as_mut()
            .filter(|relayed| relayed.ssrc == source.ssrc && ahead(relayed).unsigned_abs() <= MOST_JUMP)
        {
            Some(relayed) => {
                let is_newer = ahead(relayed) > 0;
                if !is_newer && source.sequence.wrapping_sub(relayed.first).cast_signed() < 0 {
                    return None;
                }
                let numbers = Numbers {
                    sequence: source.sequence.wrapping_add(relayed.sequence_offset),
                    timestamp: source.timestamp.wrapping_add(relayed.timestamp_offset),
                    is_first: false,
                };
                if is_newer {
                    relayed.highest = source.sequence;
                    // Numbers go round: the beginning must stay behind, or half of all late packets would be older.
                    if source.sequence.wrapping_sub(relayed.first) > MOST_JUMP {
                        relayed.first = source.sequence.wrapping_sub(MOST_JUMP);
                    }
                    self.sent(numbers, samples, now);
                }
                Some(numbers)
            }
            None => {
                let numbers = Numbers { sequence: self.sequence, timestamp: self.next_timestamp(now), is_first: true };
                self.relayed = Some(Relayed {
                    ssrc: source.ssrc,
                    first: source.sequence,
                    highest: source.sequence,
                    sequence_offset: numbers.sequence.wrapping_sub(source.sequence),
                    timestamp_offset: numbers.timestamp.wrapping_sub(source.timestamp),
                });
                self.sent(numbers, samples, now);
                Some(numbers)
            }
        }
    }

    /// A packet of the source is not passed on: what follows must not look as if it had been lost.
    pub(super) fn leave_out(&mut self, source: Source) {
        if let Some(relayed) = self.relayed.as_mut().filter(|relayed| relayed.ssrc == source.ssrc)
            && source.sequence == relayed.highest.wrapping_add(1)
        {
            relayed.highest = source.sequence;
            relayed.first = source.sequence.wrapping_add(1);
            relayed.sequence_offset = relayed.sequence_offset.wrapping_sub(1);
        }
    }

    /// Counts a packet that leaves, by the bytes of its payload.
    pub(super) fn count(&mut self, payload: usize) {
        self.packets += 1;
        self.octets += payload as u64;
    }

    /// What was sent so far, for a report; `None` before the first packet.
    pub(super) fn sender(&self) -> Option<Sender> {
        let Last { at, timestamp, .. } = *self.last.as_ref()?;
        Some(Sender { packets: self.packets, octets: self.octets, timestamp, at, rate: self.ticks * 1_000 })
    }

    /// What our clock shows now.
    pub(super) fn timestamp(&self, now: Time) -> u32 {
        self.next_timestamp(now)
    }

    /// Whatever is relayed next begins anew.
    pub(super) fn stop_relaying(&mut self) {
        self.relayed = None;
    }

    /// Our clock moves on by whole packets, at least one, as many as have passed.
    fn next_timestamp(&self, at: Time) -> u32 {
        let Some(last) = &self.last else { return self.first_timestamp };
        let elapsed_samples = at.since(last.at).as_nanos() * u128::from(self.ticks) / 1_000_000;
        let samples = u128::from(last.samples);
        let packets = ((elapsed_samples + samples / 2) / samples).max(1);
        // The clock has 32 bits and goes round.
        last.timestamp.wrapping_add((packets * samples) as u32)
    }

    fn sent(&mut self, numbers: Numbers, samples: u32, at: Time) {
        self.sequence = numbers.sequence.wrapping_add(1);
        self.last = Some(Last { at, timestamp: numbers.timestamp, samples: samples.max(1) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(ssrc: u32, sequence: u16, timestamp: u32) -> Source {
        Source { ssrc, sequence, timestamp, samples: Some(160) }
    }

    fn relay(outgoing: &mut Outgoing, source: Source, at: u64) -> Option<(u16, u32, bool)> {
        let numbers = outgoing.relay(source, Time::from_millis(at))?;
        Some((numbers.sequence, numbers.timestamp, numbers.is_first))
    }

    #[test]
    fn goes_on_from_clip_to_voice_and_back_through_every_wrap() {
        let mut outgoing = Outgoing::new(1, 65_534, u32::MAX - 159);
        let own = |outgoing: &mut Outgoing, at| {
            let numbers = outgoing.own(160, Time::from_millis(at));
            (numbers.sequence, numbers.timestamp)
        };
        assert_eq!(own(&mut outgoing, 0), (65_534, u32::MAX - 159));
        assert_eq!(own(&mut outgoing, 20), (65_535, 0));
        // A voice with numbers of its own, itself about to wrap.
        assert_eq!(relay(&mut outgoing, source(9, 65_535, u32::MAX), 47), Some((0, 160, true)));
        assert_eq!(relay(&mut outgoing, source(9, 0, 159), 67), Some((1, 320, false)));
        assert_eq!(own(&mut outgoing, 90), (2, 480));
        // Nothing was sent for a second.
        assert_eq!(own(&mut outgoing, 1_090), (3, 8_480));
    }

    #[test]
    fn loss_reordering_and_repetition_pass_through() {
        let mut outgoing = Outgoing::new(1, 100, 1_000);
        assert_eq!(relay(&mut outgoing, source(9, 50, 0), 0), Some((100, 1_000, true)));
        assert_eq!(relay(&mut outgoing, source(9, 53, 480), 60), Some((103, 1_480, false)));
        assert_eq!(relay(&mut outgoing, source(9, 52, 320), 61), Some((102, 1_320, false)));
        assert_eq!(relay(&mut outgoing, source(9, 53, 480), 62), Some((103, 1_480, false)));
        assert_eq!(relay(&mut outgoing, source(9, 49, u32::MAX - 159), 63), None, "older than the beginning");
        assert_eq!(relay(&mut outgoing, source(9, 54, 640), 80), Some((104, 1_640, false)));
    }

    #[test]
    fn another_source_or_a_jump_begins_anew() {
        let mut outgoing = Outgoing::new(1, 100, 1_000);
        relay(&mut outgoing, source(9, 50, 0), 0);
        assert_eq!(relay(&mut outgoing, source(8, 7, 77_777), 20), Some((101, 1_160, true)));
        assert_eq!(relay(&mut outgoing, source(8, 20_007, 5), 60), Some((102, 1_480, true)));
        assert_eq!(relay(&mut outgoing, source(8, 20_008, 165), 80), Some((103, 1_640, false)));
    }

    #[test]
    fn what_is_left_out_leaves_no_gap() {
        let mut outgoing = Outgoing::new(1, 100, 1_000);
        relay(&mut outgoing, source(9, 50, 0), 0);
        outgoing.leave_out(source(9, 51, 160));
        outgoing.leave_out(source(9, 52, 160));
        assert_eq!(relay(&mut outgoing, source(9, 53, 480), 60), Some((101, 1_480, false)));
        assert_eq!(relay(&mut outgoing, source(9, 52, 160), 61), None, "was left out");
    }
}
