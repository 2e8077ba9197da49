//! Where the host of a SIP URI is (RFC 3263): what to ask the DNS, one question after the other, and what its answers
//! mean. It asks nobody itself.
//!
//! ```text
//!   a port is written ─────────────────────────────────────► addresses
//!   a transport is written ─────────► SRV of it ────── none ► addresses, port 5060
//!   neither ─► NAPTR ─► SRV of the services it names ─ none ► addresses, port 5060, UDP
//!                └ none ─► SRV of UDP, of TCP ──────── none ┘
//! ```

use super::api::Transport;
use super::message::{Scheme, Uri};
use crate::time::Duration;
use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Without SRV records (RFC 3261 19.1.2).
const PORT: u16 = 5060;
/// Most records of one answer, and most places of one name, that are used.
const MOST: usize = 16;
/// RFC 1035 2.3.4.
const MOST_LETTERS: usize = 253;

/// A host that has to be looked up, with what its URI says of port and transport.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName {
    host: String,
    port: Option<u16>,
    transport: Option<Transport>,
}

/// One place where a name can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// By which transport.
    pub transport: Transport,
    /// Address and port.
    pub address: SocketAddr,
    /// The smaller goes first (RFC 2782).
    pub priority: u16,
    /// Its share among those of the same priority (RFC 2782).
    pub weight: u16,
}

/// What to ask the DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The services of a domain (RFC 3403).
    Naptr(String),
    /// The servers of a service (RFC 2782).
    Srv(String),
    /// The addresses of a host, of both families.
    Addresses(String),
}

/// What the DNS says; an answer without records is one, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// Services.
    Naptr(Vec<Naptr>),
    /// Servers.
    Srv(Vec<Srv>),
    /// Addresses.
    Addresses(Vec<IpAddr>),
}

/// A service of a domain (RFC 3403 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    /// The smaller goes first.
    pub order: u16,
    /// Among equals, the smaller goes first.
    pub preference: u16,
    /// `s`: what follows is looked up as SRV.
    pub flags: String,
    /// `SIP+D2U`, `SIP+D2T`.
    pub service: String,
    /// What is looked up next.
    pub replacement: String,
}

/// A server of a service (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// The smaller goes first.
    pub priority: u16,
    /// Its share among equals.
    pub weight: u16,
    /// Its port.
    pub port: u16,
    /// Its host; the root for "there is no such service".
    pub target: String,
}

/// A lookup on its way.
#[derive(Clone, Debug)]
pub struct Lookup {
    stage: Stage,
    host: String,
    transport: Transport,
    places: Vec<Place>,
    life: Duration,
}

#[derive(Clone, Debug)]
enum Stage {
    Services,
    /// Of the first of these, then of the others.
    Servers(VecDeque<(Transport, String)>),
    /// Where the first of these is, then where the others are.
    Targets(VecDeque<Srv>),
    /// Where the host itself is, at this port.
    Host(u16),
    Over,
}

impl HostName {
    /// What has to be looked up for this URI; none for an address, `localhost`, and what we do not speak.
    pub fn of(uri: &Uri) -> Option<HostName> {
        let transport = match uri.param("transport") {
            None => None,
            Some(name) => Some(Transport::named(name)?),
        };
        let host = uri.host().trim_end_matches('.').to_ascii_lowercase();
        (uri.scheme() == Scheme::Sip && HostName::is_valid(&host)).then(|| HostName {
            host,
            port: uri.port(),
            transport,
        })
    }

    /// Whether this can be the name of a host: labels of letters, digits and hyphens, the last one no number
    /// (RFC 3261 25.1: `toplabel`), and not `localhost`, which is no matter of the DNS.
    pub fn is_valid(host: &str) -> bool {
        let is_label = |label: &str| {
            let hyphens_inside = !label.starts_with('-') && !label.ends_with('-');
            let fits = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            (1..=63).contains(&label.len()) && fits && hyphens_inside
        };
        let host = host.trim_end_matches('.');
        let top = host.rsplit('.').next().unwrap_or_default();
        host.len() <= MOST_LETTERS
            && host.split('.').all(is_label)
            && top.starts_with(|first: char| first.is_ascii_alphabetic())
            && !host.eq_ignore_ascii_case("localhost")
    }

    /// The host alone.
    pub fn host(&self) -> &str {
        &self.host
    }

    fn service(&self, transport: Transport) -> (Transport, String) {
        let protocol = match transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        (transport, format!("_sip._{protocol}.{}", self.host))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match self.transport {
            None => Ok(()),
            Some(Transport::Udp) => f.write_str(";transport=udp"),
            Some(Transport::Tcp) => f.write_str(";transport=tcp"),
        }
    }
}

impl Lookup {
    /// A lookup that has asked nothing yet; `life` bounds how long its result is good.
    pub fn new(name: &HostName, life: Duration) -> Lookup {
        let stage = match (name.port, name.transport) {
            // RFC 3263 4.2: a port is as good as an address.
            (Some(port), _) => Stage::Host(port),
            (None, Some(transport)) => Stage::Servers([name.service(transport)].into()),
            (None, None) => Stage::Services,
        };
        let transport = name.transport.unwrap_or(Transport::Udp);
        Lookup { stage, host: name.host.clone(), transport, places: Vec::new(), life }
    }

    /// What is to be asked next; none when everything is known.
    pub fn question(&self) -> Option<Question> {
        match &self.stage {
            Stage::Services => Some(Question::Naptr(self.host.clone())),
            Stage::Servers(services) => services.front().map(|(_, service)| Question::Srv(service.clone())),
            Stage::Targets(servers) => servers.front().map(|server| Question::Addresses(server.target.clone())),
            Stage::Host(_) => Some(Question::Addresses(self.host.clone())),
            Stage::Over => None,
        }
    }

    /// The answer to that, good for `life`. Records of another kind than was asked for are none.
    pub fn answered(&mut self, records: Records, life: Duration) {
        self.life = self.life.min(life);
        self.stage = match (std::mem::replace(&mut self.stage, Stage::Over), records) {
            (Stage::Services, Records::Naptr(services)) => Stage::Servers(self.services(services)),
            (Stage::Services, _) => Stage::Servers(self.services(Vec::new())),
            (Stage::Servers(mut services), Records::Srv(servers)) if !servers.is_empty() => {
                self.transport = services.pop_front().map_or(self.transport, |(transport, _)| transport);
                in_order(servers)
            }
            (Stage::Servers(mut services), _) => {
                services.pop_front();
                match services.is_empty() {
                    true => Stage::Host(PORT),
                    false => Stage::Servers(services),
                }
            }
            (Stage::Targets(mut servers), records) => {
                if let Some(server) = servers.pop_front() {
                    self.found(&records, (server.port, server.priority, server.weight));
                }
                if servers.is_empty() { Stage::Over } else { Stage::Targets(servers) }
            }
            (Stage::Host(port), records) => {
                self.found(&records, (port, 0, 0));
                Stage::Over
            }
            (Stage::Over, _) => Stage::Over,
        };
    }

    /// Where the name is, and for how long that is good; nowhere, if the DNS knows of no place.
    pub fn into_places(self) -> (Vec<Place>, Duration) {
        (self.places, self.life)
    }

    /// RFC 3263 4.1: the services that we speak, the domain's favourite first; without any, what they are called by rule.
    fn services(&self, mut services: Vec<Naptr>) -> VecDeque<(Transport, String)> {
        services.sort_by_key(|service| (service.order, service.preference));
        let spoken = services.into_iter().filter(|service| service.flags.eq_ignore_ascii_case("s"));
        let spoken = spoken.filter_map(|service| match service.service.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Some((Transport::Udp, service.replacement)),
            "SIP+D2T" => Some((Transport::Tcp, service.replacement)),
            _ => None,
        });
        let spoken: VecDeque<_> = spoken.take(MOST).collect();
        if !spoken.is_empty() {
            return spoken;
        }
        let name = HostName { host: self.host.clone(), port: None, transport: None };
        [Transport::Udp, Transport::Tcp].map(|transport| name.service(transport)).into()
    }

    fn found(&mut self, records: &Records, (port, priority, weight): (u16, u16, u16)) {
        let Records::Addresses(addresses) = records else { return };
        let transport = self.transport;
        let places = addresses.iter().map(|ip| Place { transport, address: (*ip, port).into(), priority, weight });
        self.places.extend(places.take(MOST.saturating_sub(self.places.len())));
    }
}

/// RFC 2782: one server that is the root stands for a service that is decidedly not there.
fn in_order(mut servers: Vec<Srv>) -> Stage {
    servers.retain(|server| !server.target.trim_end_matches('.').is_empty());
    servers.sort_by_key(|server| server.priority);
    servers.truncate(MOST);
    if servers.is_empty() { Stage::Over } else { Stage::Targets(servers.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(uri: &str) -> Option<HostName> {
        HostName::of(&Uri::parse(uri).expect("a URI"))
    }

    /// What a small DNS says: `NAME TYPE DATA` a line.
    fn answer(zone: &str, question: &Question) -> Records {
        let (wanted, kind) = match question {
            Question::Naptr(name) => (name, "NAPTR"),
            Question::Srv(name) => (name, "SRV"),
            Question::Addresses(name) => (name, "A"),
        };
        let lines = zone.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let data = lines.filter(|line| line.len() > 2 && line[0] == wanted && line[1] == kind);
        let number = |text: &str| text.parse().expect("a number");
        match question {
            Question::Naptr(_) => Records::Naptr(
                data.map(|line| Naptr {
                    order: number(line[2]),
                    preference: number(line[3]),
                    flags: line[4].into(),
                    service: line[5].into(),
                    replacement: line[6].into(),
                })
                .collect(),
            ),
            Question::Srv(_) => Records::Srv(
                data.map(|line| Srv {
                    priority: number(line[2]),
                    weight: number(line[3]),
                    port: number(line[4]),
                    target: line[5].into(),
                })
                .collect(),
            ),
            Question::Addresses(_) => {
                Records::Addresses(data.map(|line| line[2].parse().expect("an address")).collect())
            }
        }
    }

    fn look_up(uri: &str, zone: &str) -> String {
        let mut lookup = Lookup::new(&name(uri).expect("a name"), Duration::from_secs(3_600));
        let mut asked = Vec::new();
        while let Some(question) = lookup.question() {
            asked.push(match &question {
                Question::Naptr(name) => format!("NAPTR {name}"),
                Question::Srv(name) => format!("SRV {name}"),
                Question::Addresses(name) => format!("A {name}"),
            });
            assert!(asked.len() < 64, "it goes on for ever");
            lookup.answered(answer(zone, &question), Duration::from_secs(60));
        }
        let (places, life) = lookup.into_places();
        assert_eq!(life, Duration::from_secs(60));
        let places: Vec<String> = places
            .iter()
            .map(|it| format!("{:?} {} {}/{}", it.transport, it.address, it.priority, it.weight))
            .collect();
        format!("{} => {}", asked.join(", "), places.join(", "))
    }

    #[test]
    fn what_has_to_be_looked_up() {
        #[rustfmt::skip]
        let rows = [
            ("sip:1@Carrier.Example", Some("carrier.example")),
            ("sip:1@carrier.example.:5080", Some("carrier.example:5080")),
            ("sip:1@pbx;transport=TCP", Some("pbx;transport=tcp")),
            ("sip:1@pbx;transport=tls", None),
            ("sip:1@192.0.2.1", None),
            ("sip:1@[2001:db8::1]", None),
            ("sip:1@localhost", None),
            ("sips:1@carrier.example", None),
            ("tel:+3906", None),
        ];
        for (uri, expected) in rows {
            assert_eq!(name(uri).map(|name| name.to_string()).as_deref(), expected, "{uri}");
        }
        for wrong in ["", ".", "a..b", "-a.b", "a-.b", "300.1.2.3", "a b", "è.it", &"a".repeat(64), &"a.".repeat(150)]
        {
            assert!(!HostName::is_valid(wrong), "{wrong}");
        }
    }

    #[test]
    fn questions_and_what_their_answers_mean() {
        const ZONE: &str = "
            a.test            A      192.0.2.1
            a.test            A      2001:db8::1
            b.test            A      192.0.2.2
            c.test            A      192.0.2.3
            both.test         NAPTR  20 10 s SIP+D2U _sip._udp.other.test
            both.test         NAPTR  10 50 s SIPS+D2T _sips._tcp.other.test
            both.test         NAPTR  10 60 s SIP+D2T _sip._tcp.other.test
            both.test         NAPTR  10 55 u E2U+sip !^.*$!sip:x@y!
            _sip._tcp.other.test  SRV 10 60 5070 b.test
            _sip._tcp.other.test  SRV 5  40 5071 a.test
            _sip._tcp.other.test  SRV 10 40 5072 c.test
            _sip._udp.srv.test    SRV 0  0  5060 a.test
            _sip._tcp.tcp.test    SRV 0  0  5062 b.test
            _sip._udp.none.test   SRV 0  0  0    .
            gone.test         NAPTR  1 1 s SIP+D2U _sip._udp.nowhere.test
            gone.test         A      192.0.2.9
        ";
        #[rustfmt::skip]
        let rows = [
            ("RFC 3263 4.2 port", "sip:1@a.test:5080",
             "A a.test => Udp 192.0.2.1:5080 0/0, Udp [2001:db8::1]:5080 0/0"),
            ("RFC 3263 4.2 port and transport", "sip:1@b.test:5080;transport=tcp", "A b.test => Tcp 192.0.2.2:5080 0/0"),
            ("RFC 3263 4.1 transport", "sip:1@srv.test;transport=udp",
             "SRV _sip._udp.srv.test, A a.test => Udp 192.0.2.1:5060 0/0, Udp [2001:db8::1]:5060 0/0"),
            ("RFC 3263 4.2 no SRV", "sip:1@b.test;transport=tcp", "SRV _sip._tcp.b.test, A b.test => Tcp 192.0.2.2:5060 0/0"),
            ("RFC 3263 4.1 NAPTR", "sip:1@both.test",
             "NAPTR both.test, SRV _sip._tcp.other.test, A a.test, A b.test, A c.test => Tcp 192.0.2.1:5071 5/40, \
              Tcp [2001:db8::1]:5071 5/40, Tcp 192.0.2.2:5070 10/60, Tcp 192.0.2.3:5072 10/40"),
            ("RFC 3263 4.1 no NAPTR", "sip:1@tcp.test",
             "NAPTR tcp.test, SRV _sip._udp.tcp.test, SRV _sip._tcp.tcp.test, A b.test => Tcp 192.0.2.2:5062 0/0"),
            ("RFC 3263 4.2 neither", "sip:1@c.test",
             "NAPTR c.test, SRV _sip._udp.c.test, SRV _sip._tcp.c.test, A c.test => Udp 192.0.2.3:5060 0/0"),
            ("RFC 3263 4.2 NAPTR of no server", "sip:1@gone.test",
             "NAPTR gone.test, SRV _sip._udp.nowhere.test, A gone.test => Udp 192.0.2.9:5060 0/0"),
            ("RFC 2782 no such service", "sip:1@none.test;transport=udp", "SRV _sip._udp.none.test => "),
            ("no such name", "sip:1@nobody.test:5060", "A nobody.test => "),
        ];
        for (section, uri, expected) in rows {
            assert_eq!(look_up(uri, ZONE), expected, "{section}: {uri}");
        }
    }

    #[test]
    fn places_are_bounded() {
        let mut lookup = Lookup::new(&name("sip:1@big.test;transport=udp").expect("a name"), Duration::from_secs(9));
        let server = |port| Srv { priority: 0, weight: 0, port, target: "a.test".into() };
        lookup.answered(Records::Srv((1..1_000).map(server).collect()), Duration::from_secs(60));
        let mut questions = 0;
        while lookup.question().is_some() {
            questions += 1;
            lookup.answered(Records::Addresses(vec![IpAddr::from([192, 0, 2, 1]); 100]), Duration::from_secs(60));
        }
        let (places, life) = lookup.into_places();
        assert_eq!((questions, places.len(), life), (MOST, MOST, Duration::from_secs(9)));
    }
}
