//! Whom we deal with at an address: the settings of its trunk, and the rate of its calls.

use super::meter::Meter;
use super::{Core, Turn};
use crate::sip::api::TrunkId;
use crate::sip::settings::{Settings, Trunk};
use crate::time::{Duration, Time};
use ipnet::IpNet;
use std::net::IpAddr;

/// A trunk's rate may be saved up for so long.
const BURST: Duration = Duration::from_secs(1);

/// Every range of addresses that is known, the narrowest first: the first that holds an address speaks for it.
#[derive(Debug)]
pub(super) struct Trunks {
    ranges: Vec<(IpNet, usize)>,
    /// By `TrunkId`; the last one stands for those who are trusted and on no trunk.
    trunks: Vec<Trunk>,
    /// Of a trunk's calls, by `TrunkId`.
    meters: Vec<Meter>,
}

impl Trunks {
    pub(super) fn new(settings: &Settings) -> Trunks {
        let mut trunks = settings.trunks.clone();
        trunks.push(settings.nobodys_trunk());
        let ranges = trunks.iter().enumerate().flat_map(|(at, trunk)| trunk.hosts.iter().map(move |host| (*host, at)));
        let mut ranges: Vec<_> = ranges.collect();
        // Stable: with the same range a trunk goes before those who are on none.
        ranges.sort_by_key(|(range, _)| std::cmp::Reverse(range.prefix_len()));
        Trunks { ranges, meters: vec![Meter::NEW; trunks.len()], trunks }
    }

    /// Who is there; nobody for a stranger.
    pub(super) fn at(&self, address: IpAddr) -> Option<(Option<TrunkId>, &Trunk)> {
        let address = address.to_canonical();
        // An IPv4 range has at most 32 bits and an IPv6 one 128, but each holds its own kind only.
        let &(_, at) = self.ranges.iter().find(|(range, _)| range.contains(&address))?;
        let trunk = self.trunks.get(at)?;
        let id = (at + 1 < self.trunks.len()).then(|| TrunkId(u32::try_from(at).unwrap_or(u32::MAX)));
        Some((id, trunk))
    }

    /// Whether one more call of a trunk is within its rate.
    pub(super) fn takes_a_call(&mut self, id: TrunkId, now: Time) -> bool {
        let at = id.0 as usize;
        let (Some(trunk), Some(meter)) = (self.trunks.get(at), self.meters.get_mut(at)) else { return true };
        trunk.calls_per_second == 0 || meter.takes(Duration::from_secs(1) / trunk.calls_per_second, BURST, now)
    }
}

impl Core {
    /// Whether a trunk calls more often than it may; 503 has been said then.
    pub(super) fn is_above_rate(&mut self, trunk: Option<TrunkId>, turn: &Turn<'_>) -> bool {
        trunk.is_some_and(|trunk| !self.trunks.takes_a_call(trunk, turn.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(hosts: &[&str]) -> Trunk {
        let hosts = hosts.iter().map(|host| host.parse().expect("a network")).collect();
        Trunk { hosts, ..Trunk::default() }
    }

    #[test]
    fn the_narrowest_range_speaks_for_an_address() {
        let settings = Settings {
            trunks: vec![trunk(&["10.0.0.0/8", "2001:db8::/32"]), trunk(&["10.1.0.0/16", "192.0.2.1/32"])],
            trusted: ["10.1.2.3/32", "192.0.2.1/32", "127.0.0.0/8"].map(|it| it.parse().expect("a network")).to_vec(),
            ..Settings::new(([127, 0, 0, 1], 5060).into())
        };
        let trunks = Trunks::new(&settings);
        let rows = [
            ("10.2.0.1", Some(Some(0))),
            ("10.1.0.1", Some(Some(1))),
            ("10.1.2.3", Some(None)),
            ("192.0.2.1", Some(Some(1))),
            ("::ffff:10.1.0.1", Some(Some(1))),
            ("2001:db8::7", Some(Some(0))),
            ("127.0.0.1", Some(None)),
            ("203.0.113.1", None),
        ];
        for (address, expected) in rows {
            let found = trunks.at(address.parse().expect("an address")).map(|(id, _)| id.map(|id| id.0));
            assert_eq!(found, expected, "{address}");
        }
    }

    #[test]
    fn a_trunk_has_its_rate_and_a_seconds_worth_at_once() {
        let limited = Trunk { calls_per_second: 5, ..trunk(&["10.0.0.0/8"]) };
        let settings = Settings { trunks: vec![limited, trunk(&[])], ..Settings::new(([127, 0, 0, 1], 5060).into()) };
        let mut trunks = Trunks::new(&settings);
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let mut taken = |id, now| (0..50).filter(|_| trunks.takes_a_call(TrunkId(id), now)).count();
        assert_eq!((taken(0, at(10)), taken(0, at(11)), taken(1, at(11))), (5, 5, 50));
    }
}
