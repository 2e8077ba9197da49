//! What strangers may cost: those who call from nowhere that is trusted and have no phone registered.
//!
//! Their addresses may be forged, so nobody is banned: each address has a rate, what is above it is told to come back
//! later and then not answered at all, and no answer of ours is much larger than its question. Trusted peers and
//! requests within a call are never held to any of it.

use super::meter::Meter;
use super::{Core, Turn};
use crate::sip::api::{Flow, Transmit, Transport, Turned};
use crate::sip::dialog::Dialog;
use crate::sip::intake::{Begins, Taken};
use crate::sip::message::{Request, host_ip};
use crate::time::{Duration, Time};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Most addresses whose rate is remembered; an address that kept to it is forgotten within [`BURST`].
const ROOM: usize = 4_096;
/// An address may save up its rate for so long.
const BURST: Duration = Duration::from_secs(5);
/// Hostile-world R29: an answer to a datagram, whose source may be forged, is at most 5/2 of it.
const AMPLIFIED: (usize, usize) = (5, 2);

/// What came from each address of late.
#[derive(Debug)]
pub(super) struct Rates {
    /// Between two requests at the full rate; `None` for no limit.
    interval: Option<Duration>,
    served: BTreeMap<IpAddr, Meter>,
    told: BTreeMap<IpAddr, Meter>,
}

/// What to do with one more request of a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Serve,
    /// Above the rate: 503.
    Tell,
    /// So far above it that an answer would only feed a reflection.
    Ignore,
}

impl Rates {
    /// So many requests a second and address; 0 is no limit.
    pub(super) fn new(per_second: u32) -> Rates {
        let interval = (per_second > 0).then(|| Duration::from_secs(1) / per_second);
        Rates { interval, served: BTreeMap::new(), told: BTreeMap::new() }
    }

    fn judge(&mut self, source: IpAddr, now: Time) -> Verdict {
        let Some(interval) = self.interval else { return Verdict::Serve };
        match (take(&mut self.served, source, interval, now), now) {
            (true, _) => Verdict::Serve,
            (false, now) if take(&mut self.told, source, interval, now) => Verdict::Tell,
            (false, _) => Verdict::Ignore,
        }
    }
}

/// Whether this address has some of its rate left; takes one request's worth of it.
fn take(meters: &mut BTreeMap<IpAddr, Meter>, source: IpAddr, interval: Duration, now: Time) -> bool {
    if meters.len() >= ROOM && !meters.contains_key(&source) {
        meters.retain(|_, meter| !meter.is_even(now));
        if meters.len() >= ROOM {
            // Forged addresses: to forget one is to serve it, which the watermark of all work then bounds.
            meters.pop_first();
        }
    }
    meters.entry(source).or_insert(Meter::NEW).takes(interval, BURST, now)
}

impl Core {
    /// Whether what comes from there is believed and held to no stranger's bounds.
    pub(super) fn is_trusted(&self, source: IpAddr) -> bool {
        self.trunks.at(source).is_some_and(|(_, trunk)| trunk.is_trusted)
    }

    /// Holds a stranger to its rate, before the message is read; false when it is to be read.
    pub(super) fn is_flood(&mut self, flow: Flow, bytes: &[u8], turn: &mut Turn<'_>) -> bool {
        let source = flow.remote.ip().to_canonical();
        if self.is_trusted(source) {
            return false;
        }
        let verdict = self.rates.judge(source, turn.now);
        if verdict == Verdict::Serve || self.registrar.is_home(source) {
            return false;
        }
        let told = match self.intake.begins(bytes) {
            Begins::Within => return false,
            Begins::New(_) if verdict == Verdict::Tell => {
                let seconds = self.seconds_to_stay_away();
                self.intake.turn_away(bytes, flow, seconds)
            }
            Begins::New(_) | Begins::Unreadable => Taken::Nothing,
        };
        turn.turned(Turned::Flood);
        if let Taken::Answer { flow: back, bytes: answer, .. } = told {
            self.answer_anybody(flow, bytes.len(), Transmit { flow: back, bytes: answer }, turn);
        }
        true
    }

    /// Sends an answer that needed no credentials, unless it would make a forged datagram a weapon.
    pub(super) fn answer_anybody(&self, from: Flow, asked: usize, answer: Transmit, turn: &mut Turn<'_>) {
        if self.amplifies(from, asked, answer.bytes.len()) {
            return turn.turned(Turned::Garbage);
        }
        turn.out.transmits.push(answer);
    }

    /// [`Core::answer_anybody`] for a request that was read.
    pub(super) fn answer_stranger(&self, request: &Request, bytes: Bytes, turn: &mut Turn<'_>) {
        let answer = Transmit { flow: request.answer_flow(), bytes };
        self.answer_anybody(request.flow, request.length, answer, turn);
    }

    /// Whether so long an answer to so short a datagram is worth forging its source.
    pub(super) fn amplifies(&self, from: Flow, asked: usize, answer: usize) -> bool {
        let (most, of) = AMPLIFIED;
        from.transport == Transport::Udp && answer * of > asked * most && !self.is_trusted(from.remote.ip())
    }

    /// Whether somebody at this address may speak in a dialog: where it lives, where its peer says it is reached, and
    /// trusted peers. Tags are secrets, but they travel in clear.
    pub(super) fn may_speak(&self, dialog: &Dialog, source: IpAddr) -> bool {
        let source = source.to_canonical();
        let is_host = |host: &str| host_ip(host).is_some_and(|ip| ip.to_canonical() == source);
        dialog.flow.remote.ip().to_canonical() == source
            || is_host(dialog.target.host())
            || dialog.routes.iter().any(|route| is_host(route.uri.host()))
            || self.is_trusted(source)
            || self.registrar.is_home(source)
    }

    /// RFC 3261 21.5.4: the moments of return are spread.
    pub(super) fn seconds_to_stay_away(&mut self) -> u32 {
        2 + self.tokens.u32() % 9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u32) -> IpAddr {
        IpAddr::V4(last.into())
    }

    #[test]
    fn an_address_has_its_rate_and_what_it_saved_up() {
        let mut rates = Rates::new(10);
        let mut now = Time::ZERO + Duration::from_secs(1);
        let mut count = |now, verdict| (0..1_000).filter(|_| rates.judge(address(1), now) == verdict).count();
        assert_eq!(count(now, Verdict::Serve), 50, "five seconds' worth at once");
        assert_eq!(count(now, Verdict::Tell), 0, "as many were told among the thousand before");
        now = now + Duration::from_secs(1);
        assert_eq!(count(now, Verdict::Serve), 10);
        assert_eq!(rates.judge(address(2), now), Verdict::Serve, "others notice nothing");
        assert_eq!(Rates::new(0).judge(address(1), now), Verdict::Serve);
    }

    #[test]
    fn forged_addresses_take_no_more_than_their_room() {
        let mut rates = Rates::new(10);
        let now = Time::ZERO + Duration::from_secs(1);
        for last in 0..3 * ROOM as u32 {
            rates.judge(address(last), now);
        }
        assert!(rates.served.len() <= ROOM && rates.told.len() <= ROOM);
        let later = now + BURST;
        rates.judge(address(u32::MAX), later);
        assert_eq!(rates.served.len(), 1, "who kept to the rate is forgotten");
    }
}
