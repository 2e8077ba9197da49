//! Guessing passwords takes time: after a few failures of one user name from one address, nothing from there is looked
//! at for a while that doubles with each further one. The same user from anywhere else notices nothing.

use crate::time::{Duration, Time};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

/// So many failures cost nothing: people mistype.
const FREE: u32 = 5;
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(64);
/// A name that failed no more for this long starts anew.
const FORGIVEN: Duration = Duration::from_secs(600);
/// Most names and addresses remembered.
const ROOM: usize = 4_096;

/// Who failed, how often, and until when they are not listened to.
#[derive(Debug, Default)]
pub(super) struct Guard {
    failures: BTreeMap<(IpAddr, u64), Failures>,
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
        self.failures.get(&key(source, user)).is_none_or(|failures| failures.paused_until <= now)
    }

    /// They were wrong.
    pub(super) fn failed(&mut self, source: IpAddr, user: &str, now: Time) {
        let key = key(source, user);
        if self.failures.len() >= ROOM && !self.failures.contains_key(&key) {
            self.failures.retain(|_, failures| failures.paused_until > now);
            if self.failures.len() >= ROOM {
                self.failures.pop_first();
            }
        }
        let failures = self.failures.entry(key).or_insert(Failures { count: 0, last: now, paused_until: now });
        if now.since(failures.last) >= FORGIVEN {
            failures.count = 0;
        }
        failures.last = now;
        failures.count = failures.count.saturating_add(1);
        if let Some(doublings) = failures.count.checked_sub(FREE) {
            failures.paused_until = now + Duration::from_secs(1 << doublings.min(6)).min(LONGEST);
        }
    }

    /// They were right.
    pub(super) fn succeeded(&mut self, source: IpAddr, user: &str) {
        self.failures.remove(&key(source, user));
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
            guard.failed(HERE, "101", now);
            let began = now;
            while !guard.listens(HERE, "101", now) {
                now = now + Duration::from_millis(500);
            }
            pauses.push(now.since(began).as_secs());
        }
        assert_eq!(pauses, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 64, 64]);
        guard.failed(HERE, "101", now);
        assert!(!guard.listens(HERE, "101", now));
        assert!(guard.listens(HERE, "102", now) && guard.listens(ELSEWHERE, "101", now));
        guard.succeeded(HERE, "101");
        assert!(guard.listens(HERE, "101", now));
    }

    #[test]
    fn a_long_time_without_failure_forgives() {
        let mut guard = Guard::default();
        (0..9).for_each(|_| guard.failed(HERE, "101", Time::ZERO));
        let later = Time::ZERO + FORGIVEN;
        guard.failed(HERE, "101", later);
        assert!(guard.listens(HERE, "101", later));
    }

    #[test]
    fn room_is_bounded() {
        let mut guard = Guard::default();
        for name in 0..3 * ROOM {
            for _ in 0..6 {
                guard.failed(HERE, &name.to_string(), Time::ZERO);
            }
        }
        assert!(guard.failures.len() <= ROOM);
    }
}
