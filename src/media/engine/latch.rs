//! Where a leg's packets come from, and whether anybody is there (hostile-world R24, R28).
//!
//! SDP names an address, a NAT may show another. The first packet from a host that SDP or the signalling names is
//! latched to; for a moment a better source may take its place: the host in SDP before that of the signalling, the very
//! address in SDP before all. From then on only the latched address is heard, until another is agreed, or the same
//! stream comes back from another port after silence, or SDP's address does.

use super::leg::Leg;
use crate::time::{Duration, Time};
use std::net::{IpAddr, SocketAddr};

/// How long, and for how many packets, a better source may take over.
const LEARNS_FOR: Duration = Duration::from_millis(500);
const LEARNS_PACKETS: u8 = 5;
/// So long nothing came before a stream may come from another port.
const MOVED_AFTER: Duration = Duration::from_secs(2);
/// No RTP lives below; DNS, NTP and their like do.
const LOWEST_PORT: u16 = 1_024;
/// Who has not shown to be there is sent sound for 64 * T1 (RFC 3261 13.3.1.4).
const UNPROVEN_FOR: Duration = Duration::from_secs(32);
/// Who was there and says nothing any more, not even by RTCP, is sent sound for so long.
const UNHEARD_FOR: Duration = Duration::from_secs(60);
/// Fewer packets open the way through a NAT, and need not go on.
const STREAM_PACKETS: u64 = 50;

/// Where a leg's packets come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latch {
    pub(super) at: SocketAddr,
    since: Time,
    packets: u8,
}

impl Latch {
    fn learns(&self, now: Time) -> bool {
        self.packets < LEARNS_PACKETS && now.since(self.since) <= LEARNS_FOR
    }
}

impl Leg {
    /// Whether a packet from here may be this leg's.
    pub(super) fn admits(&self, from: SocketAddr, now: Time) -> bool {
        match &self.latched {
            Some(latch) if latch.at == from => true,
            Some(latch) if latch.learns(now) => self.rank(from) > self.rank(latch.at),
            Some(_) => Some(from) == self.remote && now.since(self.heard_at) >= MOVED_AFTER,
            None => self.rank(from) > 0,
        }
    }

    /// How well a source fits what was agreed; 0 is not at all.
    fn rank(&self, from: SocketAddr) -> u8 {
        let Some(stream) = &self.stream else { return 0 };
        match self.remote {
            Some(remote) if remote == from => 3,
            _ if from.port() < LOWEST_PORT => 0,
            Some(remote) if remote.ip() == from.ip() => 2,
            _ if stream.signalled_from == from.ip() => 1,
            _ => 0,
        }
    }

    /// Whether a host may be this leg's.
    pub(super) fn admits_host(&self, from: IpAddr) -> bool {
        let Some(stream) = &self.stream else { return false };
        let is_named = self.remote.is_some_and(|remote| remote.ip() == from);
        match &self.latched {
            Some(latch) => from == latch.at.ip() || is_named,
            None => is_named || stream.signalled_from == from,
        }
    }

    /// Whether a packet from another port of the host that is latched to is the same stream, come back after silence:
    /// its NAT has given it a new port.
    pub(super) fn has_moved(&self, from: SocketAddr, bytes: &[u8], now: Time) -> bool {
        let ssrc = bytes.get(8..12).and_then(|ssrc| ssrc.first_chunk()).map(|ssrc| u32::from_be_bytes(*ssrc));
        self.latched.is_some_and(|latch| latch.at.ip() == from.ip())
            && from.port() >= LOWEST_PORT
            && now.since(self.heard_at) >= MOVED_AFTER
            && ssrc.is_some()
            && self.control.reception.ssrc() == ssrc
    }

    /// An admitted packet was good: that is where its leg is.
    pub(super) fn latch(&mut self, from: SocketAddr, now: Time) {
        match &mut self.latched {
            Some(latch) if latch.at == from => latch.packets = latch.packets.saturating_add(1),
            // What is better within the moment of learning does not begin another.
            Some(latch) if latch.learns(now) => (latch.at, latch.packets) = (from, latch.packets + 1),
            latched => *latched = Some(Latch { at: from, since: now, packets: 1 }),
        }
    }

    /// Whether what we play is for anybody: an address in an INVITE may be a victim's, and a caller may be gone.
    pub(super) fn is_there(&self, now: Time) -> bool {
        let silent_for = now.since(self.heard_at);
        if silent_for <= UNPROVEN_FOR {
            return true;
        }
        let (received, _) = self.control.reception.totals();
        let reports = self.control.is_latched();
        let is_proven = self.is_reached || received > 0 || reports;
        let was_there = received >= STREAM_PACKETS || reports;
        is_proven && !(was_there && silent_for > UNHEARD_FOR)
    }
}
