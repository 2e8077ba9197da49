//! A leg's RTCP (RFC 3550 section 6): reports sent and read, and how the leg fared.

use super::leg::Leg;
use super::{MediaEngine, count};
use crate::facts::{Fact, Party, Quality, Record, Turned};
use crate::ids::{CallId, LegId};
use crate::media::api::Output;
use crate::media::rtcp::{self, Reception, Report};
use crate::time::{Duration, Time};
use rand_chacha::rand_core::Rng;
use std::net::SocketAddr;

/// What a leg knows from RTCP and for it.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) reception: Reception,
    /// Where its reports come from.
    latched: Option<SocketAddr>,
    /// Packets of ours that it missed.
    sent_lost: Option<u64>,
    round_trips: u32,
    round_trip_sum: Duration,
    /// Packets sent up to our last report.
    reported_sent: u64,
}

impl Control {
    /// Whether a report was heard.
    pub(super) fn is_latched(&self) -> bool {
        self.latched.is_some()
    }
}

impl MediaEngine {
    /// A datagram came in on a leg's RTCP socket.
    pub fn control(&mut self, leg: LegId, from: SocketAddr, bytes: &[u8], now: Time, out: &mut Output) {
        let Some(&key) = self.keys.get(&leg) else { return };
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        match self.legs.get(key) {
            Some(leg) if leg.stream.is_none() => {}
            Some(leg) if leg.admits_control(from) => {
                self.open_sealed(key, true, bytes, now, out, |engine, bytes, out| {
                    engine.hear_report(key, from, bytes, now, out);
                });
            }
            Some(_) => count(Turned::RtpStranger, now, out),
            None => {}
        }
    }

    /// Whether legs report at all, and so need a port for it.
    pub fn reports(&self) -> bool {
        self.report_every.is_some()
    }

    /// A report from an address that may send it: its sender lives, even if it has nothing to say.
    pub(super) fn hear_report(&mut self, key: usize, from: SocketAddr, bytes: &[u8], now: Time, out: &mut Output) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let Some(heard) = rtcp::read(bytes, leg.outgoing.ssrc, now) else {
            return count(Turned::RtcpGarbage, now, out);
        };
        leg.control.latched = Some(from);
        if let Some(ntp) = heard.sender_time {
            leg.control.reception.reported(heard.ssrc, ntp, now);
        }
        if let Some(of_us) = heard.of_us {
            leg.control.sent_lost = Some(of_us.lost);
            if let Some(round_trip) = of_us.round_trip {
                leg.control.round_trips = leg.control.round_trips.saturating_add(1);
                leg.control.round_trip_sum += round_trip;
            }
        }
        heard.left.iter().for_each(|&ssrc| leg.control.reception.left(ssrc));
        // Who says goodbye lives no longer.
        if heard.left.is_empty() {
            self.heard(key, now);
        }
    }

    /// The first report comes after half the interval, and none is foreseeable (RFC 3550 6.2, 6.3.1): otherwise all
    /// that begins together would report together for ever. Whole milliseconds: the thread is awake then anyway.
    pub(super) fn schedule_report(&mut self, key: usize, share: u64, now: Time) {
        let Some(every) = self.report_every else { return };
        let half = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).saturating_mul(share) / 200;
        let wait = half.saturating_add(u64::from(self.randomness.next_u32()) % (2 * half).max(1));
        let now = now.as_nanos() / 1_000_000;
        self.reports.set(key, Time::from_millis(now.saturating_add(wait.max(1))));
    }

    pub(super) fn report_due(&mut self, key: usize, now: Time, out: &mut Output) {
        self.report(key, false, now, out);
        self.schedule_report(key, 100, now);
    }

    /// Sends a report, if the other side can take it.
    pub(super) fn report(&mut self, key: usize, is_last: bool, now: Time, out: &mut Output) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let Some(to) = leg.control_destination().filter(|_| self.report_every.is_some()) else { return };
        let sender = leg.outgoing.sender().filter(|sender| sender.packets > leg.control.reported_sent);
        leg.control.reported_sent = sender.map_or(leg.control.reported_sent, |sender| sender.packets);
        let [a, b, c] = leg.name;
        let name = format!("{a:08x}{b:08x}{c:08x}");
        let (ssrc, block) = (leg.outgoing.ssrc, leg.control.reception.block(now));
        let report = Report { ssrc, name: &name, sender, block, is_last, now };
        leg.send_report(to, out, |bytes| rtcp::write(&report, bytes));
    }

    /// How the leg has fared, as a fact; nothing of one whose media was never agreed.
    pub(super) fn measure(&mut self, leg: LegId, (call, party): (CallId, Party), now: Time, out: &mut Output) {
        let Some((_, leg)) = self.leg_mut(leg).filter(|(_, leg)| leg.stream.is_some()) else { return };
        let quality = leg.quality();
        out.facts.push(Record { at: now, fact: Fact::LegMeasured { call, party, quality } });
    }
}

impl Leg {
    fn quality(&self) -> Quality {
        let (received, lost) = self.control.reception.totals();
        Quality {
            received,
            lost,
            jitter: self.control.reception.jitter(),
            sent: self.outgoing.sender().map_or(0, |sender| sender.packets),
            converted: self.converted,
            sent_lost: self.control.sent_lost,
            round_trip: self.control.round_trip_sum.checked_div(self.control.round_trips),
        }
    }

    /// Reports may come from wherever RTP may come from, on any port until the first one (hostile-world R24).
    fn admits_control(&self, from: SocketAddr) -> bool {
        let Some(stream) = &self.stream else { return false };
        match self.control.latched {
            Some(latched) if !stream.is_muxed => from == latched || Some(from) == stream.control,
            _ => self.admits_host(from.ip()),
        }
    }

    /// RFC 3264 8.4: a hold stops RTP, and RTCP goes on; without an address there is nowhere to send it to.
    fn control_destination(&self) -> Option<SocketAddr> {
        let stream = self.stream.as_ref()?;
        stream.remote?;
        if stream.is_muxed { self.rtp_destination() } else { self.control.latched.or(stream.control) }
    }

    /// Reports are waited for anew from a new address.
    pub(super) fn forget_control(&mut self) {
        self.control.latched = None;
    }
}
