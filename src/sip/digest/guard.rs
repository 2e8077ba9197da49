//! Guessing passwords takes time: after a few failures of one user name from one address, nothing of that name from
//! there is looked at for a while that doubles with each further one. The same user from anywhere else notices nothing.
//! An address that fails under many names pauses as a whole, but for the names that were right from there before: so one
//! wrong phone in an office keeps nobody else out, and nobody is ever locked out for good.

use crate::time::{Duration, Time};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

/// So many failures cost nothing: people mistype.
const FREE: u32 = 5;
/// So many failures of one address, whatever the names: an office has many phones.
const FREE_OF_ADDRESS: u32 = 30;
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(64);
/// A name that failed no more for this long starts anew.
const FORGIVEN: Duration = Duration::from_secs(600);
/// Who was right is remembered for so long when room is scarce.
const REMEMBERED: Duration = Duration::from_secs(86_400);
/// Most names and addresses remembered.
const ROOM: usize = 4_096;

/// Who failed, how often, and until when they are not listened to.
#[derive(Debug, Default)]
pub(super) struct Guard {
    failures: BTreeMap<(IpAddr, u64), Failures>,
    /// Of each address, whatever the name.
    addresses: BTreeMap<IpAddr, Failures>,
    /// Who was right last, and when.
    right: BTreeMap<(IpAddr, u64), Time>,
}

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Time,
    paused_until: Time,
}

impl Guard {
    /// Whether credentials of this name from this address are to be looked at now.
    pub(super) fn listens(&self, source: IpAddr, user: &str, now: Time) -> bool {
        let key = key(source, user);
        let is_over = |failures: &Failures| failures.paused_until <= now;
        self.failures.get(&key).is_none_or(is_over)
            && (self.right.contains_key(&key) || self.addresses.get(&key.0).is_none_or(is_over))
    }

    /// They were wrong. A trusted address answers for its names one by one only.
    pub(super) fn failed(&mut self, source: IpAddr, user: &str, is_trusted: bool, now: Time) {
        let key = key(source, user);
        note(&mut self.failures, key, FREE, now);
        if !is_trusted {
            note(&mut self.addresses, key.0, FREE_OF_ADDRESS, now);
        }
    }

    /// They were right.
    pub(super) fn succeeded(&mut self, source: IpAddr, user: &str, now: Time) {
        let key = key(source, user);
        self.failures.remove(&key);
        if self.right.len() >= ROOM && !self.right.contains_key(&key) {
            self.right.retain(|_, at| now.since(*at) < REMEMBERED);
            if self.right.len() >= ROOM {
                self.right.pop_first();
            }
        }
        self.right.insert(key, now);
    }
}

fn note<K: Copy + Ord>(table: &mut BTreeMap<K, Failures>, key: K, free: u32, now: Time) {
    if table.len() >= ROOM && !table.contains_key(&key) {
        table.retain(|_, failures| failures.paused_until > now);
        if table.len() >= ROOM {
            table.pop_first();
        }
    }
    let failures = table.entry(key).or_insert(Failures { count: 0, last: now, paused_until: now });
    if now.since(failures.last) >= FORGIVEN {
        failures.count = 0;
    }
    failures.last = now;
    failures.count = failures.count.saturating_add(1);
    if let Some(doublings) = failures.count.checked_sub(free) {
        failures.paused_until = now + Duration::from_secs(1 << doublings.min(6)).min(LONGEST);
    }
}

/// Names may be as long as a message: only their hashes are kept.
fn key(source: IpAddr, user: &str) -> (IpAddr, u64) {
    let mut hasher = DefaultHasher::new();
    user.hash(&mut hasher);
    (source.to_canonical(), hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn pauses_grow_and_hold_for_one_name_at_one_address() {
        let mut guard = Guard::default();
        let mut now = Time::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..13 {
            guard.failed(HERE, "101", true, now);
            let began = now;
            while !guard.listens(HERE, "101", now) {
                now = now + Duration::from_millis(500);
            }
            pauses.push(now.since(began).as_secs());
        }
        assert_eq!(pauses, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 64, 64]);
        guard.failed(HERE, "101", true, now);
        assert!(!guard.listens(HERE, "101", now));
        assert!(guard.listens(HERE, "102", now) && guard.listens(ELSEWHERE, "101", now));
        guard.succeeded(HERE, "101", now);
        assert!(guard.listens(HERE, "101", now));
    }

    #[test]
    fn a_long_time_without_failure_forgives() {
        let mut guard = Guard::default();
        (0..9).for_each(|_| guard.failed(HERE, "101", true, Time::ZERO));
        let later = Time::ZERO + FORGIVEN;
        guard.failed(HERE, "101", true, later);
        assert!(guard.listens(HERE, "101", later));
    }

    #[test]
    fn one_password_under_many_names_is_guessing_too() {
        let mut guard = Guard::default();
        guard.succeeded(HERE, "101", Time::ZERO);
        for name in 0..40 {
            guard.failed(HERE, &format!("guess-{name}"), false, Time::ZERO);
        }
        assert!(!guard.listens(HERE, "102", Time::ZERO), "a name that was never right from there");
        assert!(guard.listens(HERE, "101", Time::ZERO), "a phone that was");
        assert!(guard.listens(ELSEWHERE, "102", Time::ZERO), "anybody elsewhere");
        assert!(guard.listens(HERE, "102", Time::ZERO + LONGEST), "in the end");
        let mut guard = Guard::default();
        (0..40).for_each(|name| guard.failed(HERE, &format!("guess-{name}"), true, Time::ZERO));
        assert!(guard.listens(HERE, "102", Time::ZERO), "a trusted address");
    }

    #[test]
    fn room_is_bounded() {
        let mut guard = Guard::default();
        for name in 0..3 * ROOM {
            for _ in 0..6 {
                guard.failed(HERE, &name.to_string(), false, Time::ZERO);
            }
        }
        assert!(guard.failures.len() <= ROOM);
    }
}
