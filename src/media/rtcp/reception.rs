//! What arrived of a stream, what did not, and how evenly (RFC 3550 6.4.1 and appendix A).

use super::rtp_clock;
use crate::time::{Duration, Time};

/// A jump of more than this between two packets is a new start of the stream (RFC 3550 A.1: MAX_DROPOUT).
const MOST_JUMP: u16 = 3_000;

/// All streams that came in on one leg, one after the other; of the last one its details.
#[derive(Debug, Default)]
pub struct Reception {
    source: Option<Source>,
    /// Of the streams before.
    expected: u64,
    received: u64,
    /// The largest jitter at any report, on a clock of 1 Hz.
    jitter: Duration,
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    rate: u32,
    base: u16,
    highest: u16,
    /// Times the sequence number went round.
    cycles: u16,
    received: u64,
    expected_before: u64,
    received_before: u64,
    /// In clock units, times 16.
    jitter: u32,
    /// Arrival less time stamp of the newest packet of sound, and that time stamp.
    transit: Option<(u32, u32)>,
    /// The other side's last sender report: its time, and when it came.
    report: Option<(u32, Time)>,
}

/// What a report says of a stream (RFC 3550 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub ssrc: u32,
    pub fraction_lost: u8,
    pub cumulative_lost: u32,
    pub highest: u32,
    pub jitter: u32,
    pub last_report: u32,
    pub since_last_report: u32,
}

impl Reception {
    /// A packet of the stream arrived. Keys share one time stamp among many packets, so only sound measures jitter.
    pub fn arrived(&mut self, ssrc: u32, sequence: u16, timestamp: u32, rate: u32, is_sound: bool, now: Time) {
        let goes_on = |source: &&mut Source| {
            let ahead = sequence.wrapping_sub(source.highest).cast_signed();
            source.ssrc == ssrc && source.rate == rate && ahead.unsigned_abs() <= MOST_JUMP
        };
        match self.source.as_mut().filter(goes_on) {
            Some(source) => source.arrived(sequence),
            None => self.begin(ssrc, sequence, rate),
        }
        if let Some(source) = self.source.as_mut().filter(|_| is_sound) {
            source.time(timestamp, now);
        }
    }

    fn begin(&mut self, ssrc: u32, sequence: u16, rate: u32) {
        let report = self.source.as_ref().filter(|source| source.ssrc == ssrc).and_then(|source| source.report);
        self.end_source();
        self.source = Some(Source {
            ssrc,
            rate: rate.max(1),
            base: sequence,
            highest: sequence,
            cycles: 0,
            received: 1,
            expected_before: 0,
            received_before: 0,
            jitter: 0,
            transit: None,
            report,
        });
    }

    /// Whose packets come now.
    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// The stream is over; what it was counts on.
    pub fn end_source(&mut self) {
        if let Some(source) = self.source.take() {
            self.expected += source.expected();
            self.received += source.received;
            self.jitter = self.jitter.max(source.jitter());
        }
    }

    /// The stream's sender said goodbye.
    pub fn left(&mut self, ssrc: u32) {
        if self.source.as_ref().is_some_and(|source| source.ssrc == ssrc) {
            self.end_source();
        }
    }

    /// The stream's sender reported: its time is what it wants back.
    pub fn reported(&mut self, ssrc: u32, ntp: u64, now: Time) {
        if let Some(source) = self.source.as_mut().filter(|source| source.ssrc == ssrc) {
            source.report = Some(((ntp >> 16) as u32, now));
        }
    }

    /// What to report of the stream, and a new interval begins.
    pub fn block(&mut self, now: Time) -> Option<Block> {
        let source = self.source.as_mut()?;
        self.jitter = self.jitter.max(source.jitter());
        Some(source.block(now))
    }

    /// Packets received, and packets lost on the way here (RFC 3550 A.3: duplicates may hide some).
    pub fn totals(&self) -> (u64, u64) {
        let now = self.source.as_ref().map_or((0, 0), |source| (source.expected(), source.received));
        let (expected, received) = (self.expected + now.0, self.received + now.1);
        (received, expected.saturating_sub(received))
    }

    /// The largest jitter of any interval.
    pub fn jitter(&self) -> Duration {
        self.source.as_ref().map_or(self.jitter, |source| self.jitter.max(source.jitter()))
    }
}

impl Source {
    /// RFC 3550 A.1 without its probation: strangers were turned away before.
    fn arrived(&mut self, sequence: u16) {
        self.received += 1;
        if sequence.wrapping_sub(self.highest).cast_signed() > 0 {
            if sequence < self.highest {
                self.cycles = self.cycles.wrapping_add(1);
            }
            self.highest = sequence;
        }
    }

    /// RFC 3550 A.8. A step of more than a second is a new clock, not jitter.
    fn time(&mut self, timestamp: u32, now: Time) {
        let transit = rtp_clock(now, self.rate).wrapping_sub(timestamp);
        if let Some((before, last)) = self.transit.replace((transit, timestamp))
            && last != timestamp
        {
            let step = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            if step <= self.rate {
                self.jitter = self.jitter.saturating_add(step).saturating_sub(self.jitter.saturating_add(8) >> 4);
            }
        }
    }

    fn highest(&self) -> u32 {
        u32::from(self.cycles) << 16 | u32::from(self.highest)
    }

    fn expected(&self) -> u64 {
        // An early packet of the stream may come late, from before where we began.
        u64::from(self.highest()).saturating_sub(u64::from(self.base)) + 1
    }

    fn jitter(&self) -> Duration {
        Duration::from_nanos(u64::from(self.jitter >> 4) * 1_000_000_000 / u64::from(self.rate))
    }

    /// RFC 3550 A.3.
    fn block(&mut self, now: Time) -> Block {
        let (expected, received) = (self.expected(), self.received);
        let expected_here = expected.saturating_sub(self.expected_before);
        let received_here = received.saturating_sub(self.received_before);
        (self.expected_before, self.received_before) = (expected, received);
        let lost_here = expected_here.saturating_sub(received_here);
        let fraction = (lost_here << 8).checked_div(expected_here).unwrap_or(0);
        let since = |(_, at): (u32, Time)| (now.since(at).as_nanos() << 16) / 1_000_000_000;
        Block {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            // 24 bits with a sign: what is lost never makes it negative here.
            cumulative_lost: u32::try_from(expected.saturating_sub(received)).unwrap_or(u32::MAX).min(0x7F_FFFF),
            highest: self.highest(),
            jitter: self.jitter >> 4,
            last_report: self.report.map_or(0, |(time, _)| time),
            since_last_report: self.report.map_or(0, |report| u32::try_from(since(report)).unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(reception: &mut Reception, sequence: u16, at_ms: u64) {
        let timestamp = u32::from(sequence).wrapping_mul(160);
        reception.arrived(7, sequence, timestamp, 8_000, true, Time::from_millis(at_ms));
    }

    #[test]
    fn loss_is_counted_over_the_wrap_and_by_interval() {
        let mut reception = Reception::default();
        for (number, sequence) in (65_500..=65_535).chain(0..=63).enumerate() {
            if number % 10 != 9 {
                hear(&mut reception, sequence, number as u64 * 20);
            }
        }
        // Of a hundred every tenth; the last one cannot be missed yet.
        assert_eq!(reception.totals(), (90, 9));
        let block = reception.block(Time::from_millis(2_000)).unwrap();
        assert_eq!((block.highest, block.cumulative_lost, block.fraction_lost), (65_536 + 62, 9, (9 * 256 / 99) as u8));
        for sequence in 63..=72 {
            hear(&mut reception, sequence, 2_000 + u64::from(sequence) * 20);
        }
        let block = reception.block(Time::from_millis(4_000)).unwrap();
        assert_eq!((block.cumulative_lost, block.fraction_lost), (9, 0), "nothing was lost since");
    }

    #[test]
    fn a_steady_stream_has_no_jitter_and_an_unsteady_one_what_it_has() {
        let mut steady = Reception::default();
        let mut unsteady = Reception::default();
        for sequence in 0..500u16 {
            hear(&mut steady, sequence, 10_000 + u64::from(sequence) * 20);
            // Every second packet comes 10 ms late: each step is 10 ms.
            hear(&mut unsteady, sequence, 10_000 + u64::from(sequence) * 20 + u64::from(sequence % 2) * 10);
        }
        assert_eq!(steady.jitter(), Duration::ZERO);
        let jitter = unsteady.jitter().as_secs_f64();
        assert!((0.009..=0.010).contains(&jitter), "{jitter}");
    }

    #[test]
    fn new_sources_jumps_and_clocks_go_on_in_the_totals() {
        let mut reception = Reception::default();
        for sequence in [1, 2, 4, 40_000, 40_001] {
            hear(&mut reception, sequence, u64::from(sequence));
        }
        reception.arrived(8, 9, u32::MAX, 8_000, true, Time::from_millis(50_000));
        reception.arrived(8, 10, 100_000, 8_000, true, Time::from_millis(50_020));
        assert_eq!(reception.totals(), (7, 1));
        assert!(reception.jitter() < Duration::from_secs(1));
        reception.left(7);
        assert!(reception.block(Time::ZERO).is_some(), "somebody else left");
        reception.left(8);
        assert_eq!((reception.block(Time::ZERO), reception.totals()), (None, (7, 1)));
    }

    #[test]
    fn duplicates_and_what_came_before_the_beginning_make_nothing_negative() {
        let mut reception = Reception::default();
        for sequence in [100, 100, 99, 98, 101, 101] {
            hear(&mut reception, sequence, 0);
        }
        assert_eq!(reception.totals(), (6, 0));
        assert_eq!(reception.block(Time::ZERO).unwrap().cumulative_lost, 0);
        for sequence in [0, 65_535, 65_534] {
            let mut reception = Reception::default();
            hear(&mut reception, 0, 0);
            hear(&mut reception, sequence, 0);
            assert_eq!(reception.totals().1, 0);
        }
    }

    #[test]
    fn the_other_sides_report_is_given_back_with_its_age() {
        let mut reception = Reception::default();
        hear(&mut reception, 1, 0);
        reception.reported(8, 1 << 40, Time::from_millis(10));
        assert_eq!(reception.block(Time::from_millis(20)).unwrap().last_report, 0, "of somebody else");
        reception.reported(7, 0x1234_5678_9ABC_DEF0, Time::from_millis(1_000));
        let block = reception.block(Time::from_millis(1_500)).unwrap();
        assert_eq!((block.last_report, block.since_last_report), (0x5678_9ABC, 32_768));
    }
}
