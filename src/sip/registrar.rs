//! Who can be reached where: REGISTER (RFC 3261 10.3).
//!
//! Takes parsed requests, gives the pieces of the answer and what changed. The request's age, its transaction, Require
//! and the sending are the endpoint's duty.

use super::Domains;
use super::api::{AccountId, Flow, Transport};
use super::digest::{Denied, Digest};
use super::message::{NameAddr, Request, Scheme, Uri, params};
use super::settings::{Account, Limits, Settings};
use crate::time::{Deadlines, Duration, Time};
use std::net::{IpAddr, SocketAddr};

/// The table of bindings, by account.
#[derive(Debug)]
pub struct Registrar {
    digest: Digest,
    accounts: Vec<Slot>,
    deadlines: Deadlines<(AccountId, u64)>,
    limits: Limits,
    domains: Option<Domains>,
    /// Where we listen ourselves.
    ours: [Option<SocketAddr>; 2],
    serial: u64,
    /// We are about to go: who is here may stay, nobody else comes.
    is_closing: bool,
}

#[derive(Debug)]
struct Slot {
    user: String,
    bindings: Vec<Binding>,
}

/// One place where an account's phone can be reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The Contact entry as it came, without its `expires`.
    pub contact: String,
    /// The Contact's URI: the Request-URI of requests to this phone.
    pub uri: Uri,
    /// The way its REGISTER came, and requests to it go (RFC 5626 5.3); none once that connection is gone.
    pub flow: Option<Flow>,
    /// From then on it is no more.
    pub expires_at: Time,
    instance: Option<(String, String)>,
    call_id: String,
    cseq: u32,
    /// Grows with each refresh, over all accounts.
    serial: u64,
}

/// What changed for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It got a binding or refreshed one.
    Registered(AccountId),
    /// Its last binding is gone.
    Unregistered(AccountId),
}

/// The pieces of the answer to a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers beyond those that every answer copies.
    pub headers: Vec<(&'static str, String)>,
    /// It was turned away for its credentials.
    pub denied: Option<Denied>,
}

impl Answer {
    fn plain(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), denied: None }
    }
}

/// RFC 3261 10.2.1.1: what a binding lives when nothing, or nothing sensible, is asked for.
const DEFAULT_EXPIRES: Duration = Duration::from_secs(3_600);

/// When who comes while we close may find us, or another, open.
const BACK_IN_SECONDS: u32 = 10;

impl Registrar {
    /// No bindings yet. `key` seals the nonces; random, new for each run.
    pub fn new(settings: &Settings, key: [u8; 32]) -> Registrar {
        let slot = |user: &str| Slot { user: user.to_owned(), bindings: Vec::new() };
        Registrar {
            digest: Digest::new(settings, key),
            accounts: settings.accounts.iter().map(|account| slot(&account.user)).collect(),
            deadlines: Deadlines::default(),
            limits: settings.limits.clone(),
            domains: settings.domains.clone(),
            ours: [Some(settings.udp), settings.tcp],
            serial: 0,
            is_closing: false,
        }
    }

    /// From now on phones that are not registered are told to come back later (hostile-world G1).
    pub fn close(&mut self) {
        self.is_closing = true;
    }

    /// From now on these may register, by [`AccountId`]; none for an account that is no more, whose bindings go with it.
    /// The bindings of all others stay.
    pub fn set_accounts(&mut self, accounts: &[Option<Account>]) {
        self.digest.set_accounts(accounts);
        for (number, account) in (0u32..).zip(accounts) {
            let user = account.as_ref().map(|account| account.user.clone());
            match (self.accounts.get_mut(number as usize), user) {
                (None, user) => self.accounts.push(Slot { user: user.unwrap_or_default(), bindings: Vec::new() }),
                (Some(slot), Some(user)) => slot.user = user,
                (Some(slot), None) => {
                    for old in slot.bindings.drain(..) {
                        self.deadlines.cancel((AccountId(number), old.serial));
                    }
                }
            }
        }
    }

    /// Answers a REGISTER that came by `request.flow`, and adds to `changes` what it changed.
    pub fn register(&mut self, request: &Request, now: Time, changes: &mut Vec<Change>) -> Answer {
        // The challenge comes before any other judgement: a stranger learns nothing.
        let account = match self.digest.verify(request, now) {
            Ok(account) => account,
            Err(denied) => return self.deny(denied, request, now),
        };
        match self.update(account, request, now, changes) {
            Ok(()) => self.listing(account, now),
            Err(answer) => answer,
        }
    }

    /// The account that the sender calls itself by, when its phone is registered from the sender's address.
    pub fn phone_at(&self, request: &Request) -> Option<AccountId> {
        let account = self.account(request.head.from.uri.user()?.as_ref())?;
        let source = request.flow.remote.ip().to_canonical();
        let is_there = |binding: &Binding| binding.flow.is_some_and(|flow| flow.remote.ip().to_canonical() == source);
        self.bindings(account).iter().any(is_there).then_some(account)
    }

    /// Who sent a request other than REGISTER, proven by digest.
    pub fn authenticate(&mut self, request: &Request, now: Time) -> Result<AccountId, Answer> {
        self.digest.verify(request, now).map_err(|denied| self.deny(denied, request, now))
    }

    /// The freshest place where an account can be reached.
    pub fn binding(&self, account: AccountId) -> Option<&Binding> {
        self.bindings(account).iter().max_by_key(|binding| binding.serial)
    }

    /// All places where an account can be reached, oldest first.
    pub fn bindings(&self, account: AccountId) -> &[Binding] {
        self.accounts.get(account.0 as usize).map_or(&[], |slot| &slot.bindings)
    }

    /// The account whose address of record has this user part.
    pub fn account(&self, user: &str) -> Option<AccountId> {
        self.digest.account(user)
    }

    /// How many bindings there are, over all accounts: each has its deadline.
    pub fn len(&self) -> usize {
        self.deadlines.len()
    }

    /// Whether nobody is registered.
    pub fn is_empty(&self) -> bool {
        self.deadlines.is_empty()
    }

    /// Whether a phone would be reached over this stream connection.
    pub fn uses_connection(&self, connection: u64) -> bool {
        let bindings = self.accounts.iter().flat_map(|slot| &slot.bindings);
        bindings.filter_map(|binding| binding.flow).any(|flow| is_on(flow, connection))
    }

    /// Whether somebody is registered from this address.
    pub fn is_home(&self, source: IpAddr) -> bool {
        let bindings = self.accounts.iter().flat_map(|slot| &slot.bindings);
        bindings.filter_map(|binding| binding.flow).any(|flow| flow.remote.ip().to_canonical() == source)
    }

    /// When the next binding runs out.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadlines.next().map(|(at, _)| at)
    }

    /// Removes what has run out.
    pub fn expire(&mut self, now: Time, changes: &mut Vec<Change>) {
        while let Some((_, (account, serial))) = self.deadlines.pop_due(now) {
            let Some(slot) = self.accounts.get_mut(account.0 as usize) else { continue };
            slot.bindings.retain(|binding| binding.serial != serial);
            if slot.bindings.is_empty() {
                changes.push(Change::Unregistered(account));
            }
        }
    }

    /// A stream connection is gone: what was bound by it keeps its URI, to which a new one may be made.
    pub fn connection_closed(&mut self, connection: u64) {
        for binding in self.accounts.iter_mut().flat_map(|slot| &mut slot.bindings) {
            binding.flow = binding.flow.filter(|&flow| !is_on(flow, connection));
        }
    }

    fn deny(&mut self, denied: Denied, request: &Request, now: Time) -> Answer {
        if denied == Denied::Malformed {
            return Answer { status: 400, headers: Vec::new(), denied: Some(denied) };
        }
        let (source, user_agent) = (request.flow.remote.ip(), request.head.header("User-Agent"));
        let challenges = self.digest.challenge(source, user_agent, denied == Denied::Stale, now);
        let headers = challenges.into_iter().map(|value| ("WWW-Authenticate", value)).collect();
        Answer { status: 401, headers, denied: Some(denied) }
    }

    /// RFC 3261 10.3, steps 5 to 7: all of the request's wishes, or none.
    fn update(
        &mut self,
        account: AccountId,
        request: &Request,
        now: Time,
        changes: &mut Vec<Change>,
    ) -> Result<(), Answer> {
        let slot = self.accounts.get_mut(account.0 as usize).ok_or_else(|| Answer::plain(404))?;
        check_address_of_record(&slot.user, self.domains.as_ref(), request)?;
        let head = &request.head;
        let wishes = wishes(request, &self.limits)?;
        if wishes.iter().any(|wish| !is_a_phones(&wish.contact.uri, &self.ours)) {
            return Err(Answer::plain(403));
        }
        if wishes.is_empty() && !head.contact_star {
            return Ok(());
        }
        if self.is_closing && slot.bindings.is_empty() && wishes.iter().any(|wish| !wish.expires.is_zero()) {
            let headers = vec![("Retry-After", BACK_IN_SECONDS.to_string())];
            return Err(Answer { status: 503, headers, denied: None });
        }
        let mut bindings = slot.bindings.clone();
        let outdated = |binding: &Binding| binding.call_id == head.call_id && head.cseq.number <= binding.cseq;
        if head.contact_star {
            if bindings.iter().any(outdated) {
                return Err(Answer::plain(500));
            }
            bindings.clear();
        }
        let mut refreshed = false;
        for wish in &wishes {
            let same = slot.bindings.iter().filter(|binding| wish.replaces(binding));
            if same.clone().any(outdated) {
                return Err(Answer::plain(500));
            }
            bindings.retain(|binding| !wish.replaces(binding));
            if wish.expires.is_zero() {
                continue;
            }
            refreshed = true;
            self.serial += 1;
            bindings.push(wish.binding(request, self.serial, now));
        }
        if bindings.len() > self.limits.bindings_per_account {
            return Err(Answer::plain(503));
        }
        let had_some = !slot.bindings.is_empty();
        for old in &slot.bindings {
            self.deadlines.cancel((account, old.serial));
        }
        for binding in &bindings {
            self.deadlines.set((account, binding.serial), binding.expires_at);
        }
        slot.bindings = bindings;
        match (refreshed, had_some && slot.bindings.is_empty()) {
            (true, _) => changes.push(Change::Registered(account)),
            (false, true) => changes.push(Change::Unregistered(account)),
            (false, false) => {}
        }
        Ok(())
    }

    /// RFC 3261 10.3, step 8: every binding there is, each with the time it has left.
    fn listing(&self, account: AccountId, now: Time) -> Answer {
        let contact = |binding: &Binding| {
            let left = binding.expires_at.since(now);
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            ("Contact", format!("{};expires={seconds}", binding.contact))
        };
        let headers = self.bindings(account).iter().map(contact).collect();
        Answer { status: 200, headers, denied: None }
    }
}

/// Step 3 to 5: the account registers itself and nobody else, with us.
fn check_address_of_record(user: &str, domains: Option<&Domains>, request: &Request) -> Result<(), Answer> {
    let (to, from) = (&request.head.to.uri, &request.head.from.uri);
    if !matches!(to.scheme(), Scheme::Sip | Scheme::Sips) {
        return Err(Answer::plain(400));
    }
    if domains.is_some_and(|domains| !domains.hold(to)) {
        return Err(Answer::plain(404));
    }
    let is_theirs = |uri: &Uri| uri.user().as_deref() == Some(user);
    if is_theirs(to) && is_theirs(from) { Ok(()) } else { Err(Answer::plain(403)) }
}

/// Whether somebody else's phone can be there: one host, and not ourselves (a call would come back to us).
fn is_a_phones(contact: &Uri, ours: &[Option<SocketAddr>]) -> bool {
    let Some(address) = contact.socket_addr() else { return true };
    let is_unicast = match address.ip().to_canonical() {
        IpAddr::V4(ip) => !(ip.is_multicast() || ip.is_broadcast() || ip.is_unspecified()),
        IpAddr::V6(ip) => !(ip.is_multicast() || ip.is_unspecified()),
    };
    is_unicast && !ours.contains(&Some(address))
}

/// What one Contact entry asks for.
struct Wish<'a> {
    contact: &'a NameAddr,
    expires: Duration,
    instance: Option<(String, String)>,
}

/// Step 6 and 7 as far as the request alone decides: what it asks for, cut to what is granted.
fn wishes<'a>(request: &'a Request, limits: &Limits) -> Result<Vec<Wish<'a>>, Answer> {
    let head = &request.head;
    if head.contact_star {
        let alone = head.contacts.is_empty() && head.tokens("Contact").count() == 1;
        return if alone && head.expires == Some(0) { Ok(Vec::new()) } else { Err(Answer::plain(400)) };
    }
    if head.contacts.len() > limits.bindings_per_account.saturating_mul(2) {
        return Err(Answer::plain(503));
    }
    let default = head.expires.map_or(DEFAULT_EXPIRES, |seconds| Duration::from_secs(u64::from(seconds)));
    let wish = |contact: &'a NameAddr| {
        if !matches!(contact.uri.scheme(), Scheme::Sip | Scheme::Sips) {
            return Err(Answer::plain(400));
        }
        // A URI with headers in it would write them into our requests; RFC 3261 19.1.5 lets us refuse.
        if contact.uri.has_headers() {
            return Err(Answer::plain(403));
        }
        let asked = contact.param("expires").map_or(default, seconds);
        if !asked.is_zero() && asked < limits.expires_min {
            let headers = vec![("Min-Expires", limits.expires_min.as_secs().to_string())];
            return Err(Answer { status: 423, headers, denied: None });
        }
        let instance = contact.param("+sip.instance").map(|instance| {
            let flow = contact.param("reg-id").unwrap_or_default();
            (instance.to_owned(), flow.to_owned())
        });
        Ok(Wish { contact, expires: asked.min(limits.expires_max), instance })
    };
    head.contacts.iter().map(wish).collect()
}

/// An `expires` parameter: too large is as large as can be, no number is the default (RFC 3261 20.10).
fn seconds(text: &str) -> Duration {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return DEFAULT_EXPIRES;
    }
    Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX)))
}

impl Wish<'_> {
    /// Whether it means the same place: the same phone (RFC 5626 6) or the same URI (RFC 3261 19.1.4).
    fn replaces(&self, binding: &Binding) -> bool {
        let same_phone = self.instance.is_some() && self.instance == binding.instance;
        same_phone || self.contact.uri.is_equivalent(&binding.uri)
    }

    fn binding(&self, request: &Request, serial: u64, now: Time) -> Binding {
        let mut contact = format!("<{}>", self.contact.uri);
        for (name, value) in params(self.contact.params_text()) {
            if name.eq_ignore_ascii_case("expires") {
                continue;
            }
            contact.push(';');
            contact.push_str(name);
            if !value.is_empty() {
                contact.push('=');
                contact.push_str(value);
            }
        }
        Binding {
            contact,
            uri: self.contact.uri.clone(),
            flow: Some(request.flow),
            expires_at: now + self.expires,
            instance: self.instance.clone(),
            call_id: request.head.call_id.clone(),
            cseq: request.head.cseq.number,
            serial,
        }
    }
}

fn is_on(flow: Flow, connection: u64) -> bool {
    flow.transport == Transport::Tcp && flow.connection == connection
}

#[cfg(test)]
mod tests;
