//! RTCP (RFC 3550 section 6): what was received of a stream, the reports made of it, and those of the other side.
//!
//! It knows no legs and no sockets.

mod reception;
mod report;

pub(super) use reception::Reception;
pub(super) use report::{Report, Sender, is_control, read, write};

use crate::time::Time;

/// RFC 3550 section 4: seconds and their fraction, 32 bits each. Ours count from the engine's start: section 6.4.1
/// lets a sender without a wall clock do so, and only differences are ever used.
fn ntp(at: Time) -> u64 {
    let (seconds, nanos) = (at.as_nanos() / 1_000_000_000, at.as_nanos() % 1_000_000_000);
    (seconds << 32) | ((nanos << 32) / 1_000_000_000)
}

/// The middle 32 bits of the same moment: a clock of 1/65536 s.
fn compact(at: Time) -> u32 {
    // The clock has 32 bits and goes round.
    (ntp(at) >> 16) as u32
}

/// A moment on an RTP clock.
fn rtp_clock(at: Time, rate: u32) -> u32 {
    let (seconds, nanos) = (at.as_nanos() / 1_000_000_000, at.as_nanos() % 1_000_000_000);
    seconds.wrapping_mul(u64::from(rate)).wrapping_add(nanos * u64::from(rate) / 1_000_000_000) as u32
}
