//! What the endpoint is made with. Nothing here changes while it runs but the accounts.

use super::Domains;
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
    /// Which hosts are us; none for whatever those write who come to us.
    pub domains: Option<Domains>,
    /// The digest realm.
    pub realm: String,
    /// How phones that bear no challenge but MD5's begin their User-Agent.
    pub md5_only: Vec<String>,
    /// Who may register, by [`super::api::AccountId`].
    pub accounts: Vec<Account>,
    /// Where callers call from, by [`super::api::TrunkId`].
    pub trunks: Vec<Trunk>,
    /// Where callers may call from beside those; everyone else's INVITE gets 403.
    pub trusted: Vec<IpNet>,
    /// Where the number dialled stands, in calls of `trusted`.
    pub number_from: super::NumberFrom,
    /// The calling code of national numbers, in digits; empty for none.
    pub country_code: String,
    /// So often legs are asked by OPTIONS whether they are still there; none for never.
    pub liveness: Option<Duration>,
    /// What agents' phones are told of a call beside From.
    pub told: Told,
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
            domains: None,
            realm: "centralino".to_owned(),
            md5_only: Vec::new(),
            accounts: Vec::new(),
            trunks: Vec::new(),
            trusted: Vec::new(),
            number_from: super::NumberFrom::default(),
            country_code: String::new(),
            liveness: None,
            told: Told::default(),
            redirects: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// Everybody who is trusted, by trunk or not.
    pub fn trusted_hosts(&self) -> Vec<IpNet> {
        let trunks = self.trunks.iter().filter(|trunk| trunk.is_trusted).flat_map(|trunk| &trunk.hosts);
        self.trusted.iter().chain(trunks).copied().collect()
    }

    /// How those are dealt with who are trusted and on no trunk.
    pub(super) fn nobodys_trunk(&self) -> Trunk {
        Trunk {
            hosts: self.trusted.clone(),
            number_from: self.number_from,
            country_code: self.country_code.clone(),
            ..Trunk::default()
        }
    }
}

/// A line to the outside: whose calls come from certain addresses, and how they are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// As the configuration calls it.
    pub name: String,
    /// Where it is. The narrowest range that holds an address counts.
    pub hosts: Vec<IpNet>,
    /// What it asserts is believed (RFC 3325 4), and its messages are held to no stranger's bounds.
    pub is_trusted: bool,
    /// Where the number dialled stands.
    pub number_from: super::NumberFrom,
    /// Where it says who calls.
    pub caller_from: super::CallerFrom,
    /// The calling code of its national numbers, in digits; empty for none.
    pub country_code: String,
    /// Most new calls a second; 0 for no limit.
    pub calls_per_second: u32,
    /// What we prove when it challenges our calls.
    pub credentials: Option<Credentials>,
}

impl Default for Trunk {
    fn default() -> Trunk {
        Trunk {
            name: String::new(),
            hosts: Vec::new(),
            is_trusted: true,
            number_from: super::NumberFrom::default(),
            caller_from: super::CallerFrom::default(),
            country_code: String::new(),
            calls_per_second: 0,
            credentials: None,
        }
    }
}

/// A user of somebody else's realm: us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The digest user name.
    pub user: String,
    /// Its password.
    pub secret: Secret,
    /// The only realm that it is for.
    pub realm: String,
}

/// What agents' phones are told of a call beside From.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Who calls, in P-Asserted-Identity (RFC 3325).
    pub asserted: bool,
    /// Which number was dialled, in Diversion (RFC 5806).
    pub diversion: bool,
    /// The same, in History-Info (RFC 7044).
    pub history: bool,
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
    /// When what waits to be read takes this long there is too much of it: new calls are turned away.
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
            overload_delay: Duration::from_millis(50),
        }
    }
}
