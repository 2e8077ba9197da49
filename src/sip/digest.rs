//! Digest authentication (RFC 8760, RFC 7616, RFC 2617), our side as server.
//!
//! A nonce costs nothing until it was used well once: it is the time, a serial number and a keyed hash of both with
//! the source address. From its first success on, its last count is kept, so that nothing is accepted twice. Unknown
//! users and wrong passwords cost the same work and get the same answer.

mod client;
mod credentials;
mod guard;

pub use client::{Challenge, Client};
pub use credentials::{Algorithm, Credentials};
pub(crate) use credentials::{Response, hash};

use super::api::AccountId;
use super::message::{Request, Uri};
use super::settings::{Account, Settings};
use crate::time::{Duration, Time};
use hmac::{Hmac, KeyInit, Mac};
use ipnet::IpNet;
use sha2::Sha256;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It brought no credentials for our realm: 401.
    Missing,
    /// Right, but for a nonce that is too old, used up or not ours: 401 with `stale=true`.
    Stale,
    /// Wrong: 401.
    Wrong,
    /// Not to be understood: 400.
    Malformed,
}

/// The server's side.
#[derive(Debug)]
pub struct Digest {
    realm: String,
    md5_only: Vec<String>,
    key: [u8; 32],
    life: Duration,
    serial: u32,
    accounts: HashMap<String, (AccountId, Secrets)>,
    /// What an unknown user's answer is compared with.
    nobody: Secrets,
    used: Used,
    guard: guard::Guard,
    trusted: Vec<IpNet>,
}

/// H(user:realm:password) under both algorithms, in hex; no log can print it.
struct Secrets {
    md5: String,
    sha256: String,
}

impl Secrets {
    fn new(user: &str, realm: &str, password: &str) -> Secrets {
        Secrets {
            md5: hash(Algorithm::Md5, &[user, realm, password]),
            sha256: hash(Algorithm::Sha256, &[user, realm, password]),
        }
    }
}

/// Accounts by their user names; one that is no more still has its number.
fn secrets_by_user<'a>(
    accounts: impl Iterator<Item = Option<&'a Account>>,
    realm: &str,
) -> HashMap<String, (AccountId, Secrets)> {
    let each = (0u32..).zip(accounts).filter_map(|(id, account)| {
        let Account { user, secret } = account?;
        Some((user.clone(), (AccountId(id), Secrets::new(user, realm, &secret.0))))
    });
    each.collect()
}

/// When and as which of that moment a nonce was given out.
type Issue = (Time, u32);

/// The last count of each nonce that was used well, oldest first.
#[derive(Debug)]
struct Used {
    counts: BTreeMap<Issue, u32>,
    /// Nonces up to this one are stale: their counts had to be forgotten.
    forgotten: Option<Issue>,
    room: usize,
}

impl Digest {
    /// For the accounts of `settings`; `key` is random and new for each run.
    pub fn new(settings: &Settings, key: [u8; 32]) -> Digest {
        let realm = settings.realm.clone();
        let accounts = secrets_by_user(settings.accounts.iter().map(Some), &realm);
        let nobody_key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let nobody = Secrets::new("", &realm, &nobody_key);
        let room = settings.accounts.len().saturating_mul(settings.limits.bindings_per_account.max(1)).max(64);
        let used = Used { counts: BTreeMap::new(), forgotten: None, room };
        let md5_only = settings.md5_only.clone();
        Digest {
            realm,
            md5_only,
            key,
            life: settings.limits.nonce_life,
            serial: 0,
            accounts,
            nobody,
            used,
            guard: guard::Guard::default(),
            trusted: settings.trusted_hosts(),
        }
    }

    /// The values of the WWW-Authenticate headers of a 401 to a phone at `source` that names itself so.
    pub fn challenge(&mut self, source: IpAddr, user_agent: Option<&str>, stale: bool, now: Time) -> Vec<String> {
        self.serial = self.serial.wrapping_add(1);
        let issue = (now, self.serial);
        let nonce = format!("{:016x}{:08x}{}", now.as_nanos(), self.serial, self.seal(issue, source));
        let stale = if stale { ", stale=true" } else { "" };
        let challenge = |algorithm: &Algorithm| {
            let (realm, name) = (&self.realm, algorithm.name());
            format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={name}, qop=\"auth\"{stale}")
        };
        self.algorithms(user_agent).iter().map(challenge).collect()
    }

    /// RFC 8760 2.4: one challenge an algorithm, the preferred first, and a phone takes the first that it knows. Older
    /// phones give up at any that they do not know, and nameless scripts read only the first.
    fn algorithms(&self, user_agent: Option<&str>) -> &'static [Algorithm] {
        match user_agent {
            None => &[Algorithm::Md5, Algorithm::Sha256],
            Some(name) if self.md5_only.iter().any(|start| name.starts_with(start.as_str())) => &[Algorithm::Md5],
            Some(_) => &[Algorithm::Sha256, Algorithm::Md5],
        }
    }

    /// Who sent this request, proven by its Authorization header.
    pub fn verify(&mut self, request: &Request, now: Time) -> Result<AccountId, Denied> {
        let mut malformed = false;
        let ours = request.head.values("Authorization").find_map(|value| match Credentials::parse(value) {
            Some(Ok(credentials)) => (credentials.realm == self.realm).then_some(credentials),
            Some(Err(unusable)) => {
                malformed |= unusable.0.is_none_or(|realm| realm == self.realm);
                None
            }
            None => None,
        });
        match ours {
            Some(credentials) => {
                let (source, user) = (request.flow.remote.ip(), credentials.username.as_ref());
                if !self.guard.listens(source, user, now) {
                    return Err(Denied::Wrong);
                }
                let checked = self.check(&credentials, request, now);
                match checked {
                    Ok(_) => self.guard.succeeded(source, user, now),
                    Err(Denied::Wrong) => {
                        let is_trusted = self.trusted.iter().any(|network| network.contains(&source.to_canonical()));
                        self.guard.failed(source, user, is_trusted, now);
                    }
                    Err(Denied::Missing | Denied::Stale | Denied::Malformed) => {}
                }
                checked
            }
            None if malformed => Err(Denied::Malformed),
            None => Err(Denied::Missing),
        }
    }

    /// From now on these may register, by [`AccountId`].
    pub(crate) fn set_accounts(&mut self, accounts: &[Option<Account>]) {
        self.accounts = secrets_by_user(accounts.iter().map(Option::as_ref), &self.realm);
        self.used.room = self.used.room.max(accounts.len());
    }

    /// The account with this user name.
    pub(crate) fn account(&self, user: &str) -> Option<AccountId> {
        self.accounts.get(user).map(|&(account, _)| account)
    }

    fn check(&mut self, credentials: &Credentials<'_>, request: &Request, now: Time) -> Result<AccountId, Denied> {
        // Everything is computed before anything is decided.
        let (account, secrets) = match self.accounts.get(credentials.username.as_ref()) {
            Some((account, secrets)) => (Some(*account), secrets),
            None => (None, &self.nobody),
        };
        let expected = Response {
            algorithm: credentials.algorithm,
            secret: secrets.of(credentials.algorithm),
            nonce: credentials.nonce,
            count: credentials.count,
            cnonce: credentials.cnonce,
            method: request.method,
            uri: credentials.uri,
        };
        let given = credentials.response.to_ascii_lowercase();
        let right = bool::from(expected.value().as_bytes().ct_eq(given.as_bytes()));
        let issue = self.issue(credentials.nonce, request.flow.remote.ip());
        let account = account.filter(|_| right && same_target(credentials.uri, &request.uri)).ok_or(Denied::Wrong)?;
        let count = u32::from_str_radix(credentials.count, 16).map_err(|_| Denied::Malformed)?;
        let fresh = issue.filter(|&(at, _)| at <= now && now.since(at) < self.life);
        let issue = fresh.ok_or(Denied::Stale)?;
        self.used.forget_before(now - self.life);
        match self.used.note(issue, count) {
            true => Ok(account),
            false => Err(Denied::Stale),
        }
    }

    /// When this nonce was given out, if it was by us and to this address.
    fn issue(&self, nonce: &str, source: IpAddr) -> Option<Issue> {
        let (at, rest) = nonce.split_at_checked(16)?;
        let (serial, seal) = rest.split_at_checked(8)?;
        let issue = (Time::from_nanos(u64::from_str_radix(at, 16).ok()?), u32::from_str_radix(serial, 16).ok()?);
        bool::from(self.seal(issue, source).as_bytes().ct_eq(seal.as_bytes())).then_some(issue)
    }

    fn seal(&self, (at, serial): Issue, source: IpAddr) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return String::new() };
        mac.update(&at.as_nanos().to_be_bytes());
        mac.update(&serial.to_be_bytes());
        mac.update(source.to_canonical().to_string().as_bytes());
        mac.finalize().into_bytes().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Secrets {
    fn of(&self, algorithm: Algorithm) -> &str {
        match algorithm {
            Algorithm::Md5 => &self.md5,
            Algorithm::Sha256 => &self.sha256,
        }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Used {
    /// Notes that `count` was used; false when it, or a later one, was before (RFC 7616 3.4.6).
    fn note(&mut self, issue: Issue, count: u32) -> bool {
        let last = self.counts.get(&issue).copied();
        if self.forgotten >= Some(issue) || last.is_some_and(|last| count <= last) || count == 0 {
            return false;
        }
        if last.is_none() && self.counts.len() >= self.room {
            let oldest = self.counts.pop_first().map(|(oldest, _)| oldest);
            self.forgotten = self.forgotten.max(oldest);
            if self.forgotten >= Some(issue) {
                return false;
            }
        }
        self.counts.insert(issue, count);
        true
    }

    fn forget_before(&mut self, moment: Time) {
        while self.counts.first_key_value().is_some_and(|(&(at, _), _)| at < moment) {
            self.counts.pop_first();
        }
    }
}

/// RFC 7616 3.4.6: the digest's uri must name what the request names. Parameters are left out of it: phones differ. Some
/// clients (SIPp) name the server alone, whomever they call there: the proof is for this server all the same.
fn same_target(uri: &str, target: &Uri) -> bool {
    uri == target.as_str()
        || Uri::parse(uri).is_ok_and(|uri| {
            uri.scheme() == target.scheme()
                && (uri.user().is_none() || uri.user() == target.user())
                && uri.host().eq_ignore_ascii_case(target.host())
                && uri.port().unwrap_or(5060) == target.port().unwrap_or(5060)
        })
}

#[cfg(test)]
mod tests;
