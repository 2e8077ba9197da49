//! What the endpoint is made with. Nothing here changes while it runs but the accounts.

use crate::time::Duration;
use ipnet::IpNet;
use std::net::SocketAddr;

/// The endpoint's settings; `config` checks and makes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Our UDP address, as others reach it: written into Via and Contact.
    pub udp: SocketAddr,
    /// Our TCP address, as others reach it.
    pub tcp: Option<SocketAddr>,
    /// The digest realm.
    pub realm: String,
    /// How phones that bear no challenge but MD5's begin their User-Agent.
    pub md5_only: Vec<String>,
    /// Who may register, by [`super::api::AccountId`].
    pub accounts: Vec<Account>,
    /// Where callers may call from; everyone else's INVITE gets 403.
    pub trusted: Vec<IpNet>,
    /// Where the number dialled stands.
    pub number_from: super::NumberFrom,
    /// The calling code of national numbers, in digits; empty for none.
    pub country_code: String,
    /// Where agents' phones may send a call by 3xx; empty for nowhere.
    pub redirects: Vec<Redirect>,
    /// Bounds.
    pub limits: Limits,
}

impl Settings {
    /// At an address, for nobody: no accounts, no trust, everything else as the default configuration has it.
    pub fn new(udp: SocketAddr) -> Settings {
        Settings {
            udp,
            tcp: None,
            realm: "centralino".to_owned(),
            md5_only: Vec::new(),
            accounts: Vec::new(),
            trusted: Vec::new(),
            number_from: super::NumberFrom::default(),
            country_code: String::new(),
            redirects: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// A place that a call may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// These numbers; none for all.
    pub numbers: Option<super::Numbers>,
    /// At these addresses.
    pub hosts: IpNet,
}

/// A phone's account.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// The user part of its address of record, and its digest user name.
    pub user: String,
    /// What it proves knowledge of.
    pub secret: Secret,
}

impl Account {
    /// Of nobody: nothing registers with it.
    pub(super) fn nobody() -> Account {
        Account { user: String::new(), secret: Secret(String::new()) }
    }
}

/// A password that no log can print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Bounds of the endpoint; reaching one is answered 503 and counted, never growth.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Most transactions alive at once, all kinds together.
    pub transactions: usize,
    /// Most dialogs alive at once.
    pub dialogs: usize,
    /// Most bindings of one account.
    pub bindings_per_account: usize,
    /// Longest message on a stream, in bytes (on UDP it is what a datagram holds).
    pub message_bytes: usize,
    /// Most header lines of a message.
    pub headers: usize,
    /// Longest header line, in bytes.
    pub header_bytes: usize,
    /// Shortest registration granted (a shorter wish gets 423).
    pub expires_min: Duration,
    /// Longest registration granted (a longer wish is cut).
    pub expires_max: Duration,
    /// Life of a nonce.
    pub nonce_life: Duration,
    /// Most requests a second from one address that is not trusted and has nobody registered; 0 for no limit.
    pub stranger_requests: u32,
    /// Messages that waited this long to be read mean overload: new calls are turned away.
    pub overload_delay: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            transactions: 20_000,
            dialogs: 10_000,
            bindings_per_account: 5,
            message_bytes: 65_535,
            headers: 256,
            header_bytes: 8_192,
            expires_min: Duration::from_secs(60),
            expires_max: Duration::from_secs(7_200),
            nonce_life: Duration::from_secs(300),
            stranger_requests: 100,
            overload_delay: Duration::from_millis(250),
        }
    }
}
