//! Keys received as telephone-events (RFC 4733): many packets, some of them lost, become one key.

use crate::ids::Key;
use crate::time::{Duration, Time};

/// A timestamp so many seconds behind the last one is a sender's new clock, not a late packet.
const NEW_CLOCK_SECONDS: u32 = 30;
/// The packets of a key come every 20 to 100 ms; after a longer pause it is another key.
const PAUSE: Duration = Duration::from_millis(300);

/// What a telephone-event packet says of its stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) ssrc: u32,
    pub(super) timestamp: u32,
    /// Of the time stamp, in Hz.
    pub(super) clock: u32,
    pub(super) marker: bool,
    pub(super) payload: &'a [u8],
}

/// The key pressed last on a leg. A key is known by the timestamp that all its packets carry (RFC 4733 2.5.1.2), so
/// that the three packets of its end, repetitions and a lost beginning make no difference.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keys {
    last: Option<Pressed>,
}

#[derive(Clone, Copy, Debug)]
struct Pressed {
    ssrc: u32,
    timestamp: u32,
    code: u8,
    duration: u16,
    has_ended: bool,
    at: Time,
}

/// The payload is shorter than RFC 4733 2.3 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooShort;

impl Keys {
    /// The key that this packet is the first sign of.
    pub(super) fn read(&mut self, packet: Packet<'_>, now: Time) -> Result<Option<Key>, TooShort> {
        let [code, flags, high, low, ..] = *packet.payload else { return Err(TooShort) };
        let (has_ended, duration) = (flags & 0x80 != 0, u16::from_be_bytes([high, low]));
        let Packet { ssrc, timestamp, clock, .. } = packet;
        let pressed = Pressed { ssrc, timestamp, code, duration, has_ended, at: now };
        let Some(last) = self.last.as_mut().filter(|last| last.ssrc == ssrc) else { return Ok(self.press(pressed)) };
        let ahead = timestamp.wrapping_sub(last.timestamp);
        let behind = last.timestamp.wrapping_sub(timestamp);
        if ahead == 0 {
            last.has_ended |= has_ended;
            last.duration = last.duration.max(duration);
            last.at = now;
            return Ok(None);
        }
        if behind < NEW_CLOCK_SECONDS * clock {
            // A packet of an earlier key, overtaken on the way.
            return Ok(None);
        }
        if last.goes_on_in(&pressed, packet.marker) {
            self.last = Some(pressed);
            return Ok(None);
        }
        Ok(self.press(pressed))
    }

    fn press(&mut self, pressed: Pressed) -> Option<Key> {
        self.last = Some(pressed);
        Key::of_event(pressed.code)
    }
}

impl Pressed {
    /// A key held for longer than 16 bits can count goes on in a new segment, without a marker (RFC 4733 2.5.1.3);
    /// and there are senders that give every packet of a key a timestamp of its own.
    fn goes_on_in(&self, next: &Pressed, marker: bool) -> bool {
        let is_prompt = next.at.since(self.at) < PAUSE;
        let is_segment = next.timestamp.wrapping_sub(self.timestamp) >= u32::from(u16::MAX);
        next.code == self.code
            && !self.has_ended
            && !marker
            && is_prompt
            && (is_segment || next.duration > self.duration)
    }
}

/// A payload whose duration counts on another clock, both in Hz. One that does not fit is as long as can be said.
pub(super) fn at_clock(payload: &[u8], from: u32, to: u32) -> Option<[u8; 4]> {
    let &[code, flags, high, low, ..] = payload else { return None };
    let duration = u64::from(u16::from_be_bytes([high, low])) * u64::from(to) / u64::from(from.max(1));
    let [high, low] = u16::try_from(duration).unwrap_or(u16::MAX).to_be_bytes();
    Some([code, flags, high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u8 = 0x80;

    struct Leg(Keys);

    impl Leg {
        fn new() -> Leg {
            Leg(Keys::default())
        }

        /// A packet at a millisecond: its key, if it is the first sign of one.
        fn hear(&mut self, at: u64, timestamp: u32, marker: bool, payload: &[u8]) -> Option<char> {
            let packet = Packet { ssrc: 7, timestamp, clock: 8_000, marker, payload };
            self.0.read(packet, Time::from_millis(at)).unwrap().map(Key::sign)
        }

        /// A key held for so long, a packet every 20 ms, three packets at its end; those for which `is_lost` never
        /// come. What was heard.
        fn hold(&mut self, at: u64, timestamp: u32, code: u8, millis: u32, is_lost: impl Fn(u32) -> bool) -> String {
            let (mut heard, mut timestamp) = (String::new(), timestamp);
            let total = millis * 8;
            let mut begun = 0;
            let packets = (total / 160).max(1);
            for number in 0..packets + 3 {
                let elapsed = ((number + 1) * 160).min(total);
                if elapsed - begun > u32::from(u16::MAX) {
                    timestamp = timestamp.wrapping_add(u32::from(u16::MAX));
                    begun += u32::from(u16::MAX);
                }
                let duration = (elapsed - begun) as u16;
                let flags = if number >= packets { END } else { 0 } | 10;
                let payload = [code, flags, duration.to_be_bytes()[0], duration.to_be_bytes()[1]];
                if !is_lost(number) {
                    heard.extend(self.hear(at + u64::from(number) * 20, timestamp, number == 0, &payload));
                }
            }
            heard
        }
    }

    #[test]
    fn from_5_ms_to_20_s_a_key_is_one_key() {
        for millis in [5, 10, 40, 100, 1_000, 5_000, 8_191, 8_192, 20_000] {
            let mut leg = Leg::new();
            assert_eq!(leg.hold(0, u32::MAX - 500, 5, millis, |_| false), "5", "{millis} ms");
            assert_eq!(leg.hold(30_000, 400_000, 5, millis, |_| false), "5", "and again");
        }
    }

    #[test]
    fn whatever_is_lost_a_key_is_one_key() {
        let first = |number: u32| number == 0;
        let beginning = |number: u32| number < 4;
        let end = |number: u32| number >= 5;
        let all_but_the_last = |number: u32| number < 7;
        let every_second = |number: u32| number.is_multiple_of(2);
        for is_lost in [first as fn(u32) -> bool, beginning, end, all_but_the_last, every_second] {
            let mut leg = Leg::new();
            assert_eq!(leg.hold(0, 1_000, 11, 100, is_lost), "#");
            assert_eq!(leg.hold(500, 5_000, 11, 100, is_lost), "#");
            assert_eq!(leg.hold(1_000, 9_000, 12, 100, is_lost), "A");
        }
        assert_eq!(Leg::new().hold(0, 1_000, 1, 100, |_| true), "");
    }

    #[test]
    fn repeated_and_overtaken_packets_are_no_keys() {
        let mut leg = Leg::new();
        assert_eq!(leg.hear(0, 1_000, true, &[1, 10, 0, 160]), Some('1'));
        assert_eq!(leg.hear(100, 3_000, true, &[2, 10, 0, 160]), Some('2'));
        for (timestamp, code) in [(1_000, 1), (1_000, 1), (3_000, 2), (600, 9)] {
            assert_eq!(leg.hear(120, timestamp, false, &[code, END, 3, 32]), None);
        }
        assert_eq!(leg.hear(200, 5_000, true, &[2, 10, 0, 160]), Some('2'), "the same key, pressed again");
        assert_eq!(leg.hear(260, 6_000, false, &[2, END | 10, 0, 80]), Some('2'), "short ones, their beginnings lost");
    }

    #[test]
    fn a_duration_is_the_same_on_another_clock_as_far_as_it_fits() {
        let rows = [
            ([5, 10, 3, 32], (8_000, 48_000), [5, 10, 18, 192]),
            ([5, 138, 18, 192], (48_000, 8_000), [5, 138, 3, 32]),
            ([5, 10, 255, 255], (8_000, 48_000), [5, 10, 255, 255]),
            ([5, 10, 3, 32], (0, 8_000), [5, 10, 255, 255]),
        ];
        for (payload, (from, to), expected) in rows {
            assert_eq!(at_clock(&payload, from, to), Some(expected), "{payload:?}");
        }
        assert_eq!(at_clock(&[5, 10, 3], 8_000, 48_000), None);
    }

    #[test]
    fn a_timestamp_a_packet_is_still_one_key() {
        let mut leg = Leg::new();
        assert_eq!(leg.hear(0, 1_000, true, &[3, 10, 0, 160]), Some('3'));
        assert_eq!(leg.hear(20, 1_160, false, &[3, 10, 1, 64]), None);
        assert_eq!(leg.hear(40, 1_320, false, &[3, END | 10, 1, 224]), None);
        assert_eq!(leg.hear(60, 1_480, true, &[3, 10, 0, 160]), Some('3'));
    }

    #[test]
    fn a_new_source_or_clock_begins_anew() {
        let mut leg = Leg::new();
        assert_eq!(leg.hear(0, 1_000_000, true, &[3, 10, 0, 160]), Some('3'));
        assert_eq!(leg.hear(400, 1_000, true, &[4, 10, 0, 160]), Some('4'), "the clock was set back");
        let packet = Packet { ssrc: 8, timestamp: 900, clock: 8_000, marker: false, payload: &[4, 10, 0, 160] };
        assert_eq!(leg.0.read(packet, Time::from_millis(500)).unwrap().map(Key::sign), Some('4'));
    }

    #[test]
    fn what_is_no_key_or_no_event_is_none() {
        let mut leg = Leg::new();
        assert_eq!(leg.hear(0, 1_000, true, &[16, 10, 0, 160]), None, "a hook flash");
        let mut read =
            |payload| leg.0.read(Packet { ssrc: 7, timestamp: 1, clock: 8_000, marker: true, payload }, Time::ZERO);
        for short in [&[][..], &[1], &[1, 2, 3]] {
            assert_eq!(read(short), Err(TooShort));
        }
        assert_eq!(read(&[255, 255, 255, 255, 0]), Ok(None));
    }
}
