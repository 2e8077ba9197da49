//! Addresses, ports, trust and bounds: the settings of SIP, media and HTTP.

use super::Sources;
use super::agents::{Agents, secret_file, secret_of};
use super::mistake::Report;
use super::read::{List, Placed, Section};
use super::settings::{Clip, LedgerSettings, RecordingSettings, Settings};
use super::trunks;
use super::value::{
    address, codec, count, duration, encryption, host, name_server, network, one_of, ports, realm, redirect, socket,
    socket_or_off, text, time_zone, user_agent,
};
use super::wrong::{Read, Wrong};
use crate::media::api::{Codec, Encryption};
use crate::time::Duration;
use crate::{b2bua, media, sip};
use ipnet::IpNet;
use jiff::tz::TimeZone;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use toml::de::DeValue;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

const SIP_PORT: u16 = 5060;
const HTTP_PORT: u16 = 8080;
const RTP_PORTS: (u16, u16) = (20_000, 29_999);

/// A shorter control token is a mistake.
const LEAST_TOKEN: usize = 32;

/// Phones known to give up at a challenge that they do not know.
const MD5_ONLY: [&str; 4] = ["SIPp", "baresip v0.", "baresip v1.", "baresip v2."];

/// What `[sip]`, `[media]`, `[http]` and `[limits]` say, with the places that later checks point at.
pub(super) struct Network {
    sip: Sip,
    media: Media,
    trunks: (Vec<sip::Trunk>, Vec<b2bua::Terms>),
    http: Placed<SocketAddr>,
    control_token: Option<sip::Secret>,
    time_zone: TimeZone,
    tcp_connections: usize,
    trace_bytes: usize,
    opus_legs: usize,
    drain_max: Duration,
}

struct Sip {
    udp: Placed<SocketAddr>,
    tcp: Placed<Option<SocketAddr>>,
    advertised: IpAddr,
    domains: Option<sip::Domains>,
    realm: String,
    md5_only: Vec<String>,
    trusted: Vec<IpNet>,
    number_from: sip::NumberFrom,
    country_code: String,
    redirects: Vec<sip::Redirect>,
    liveness: Option<Duration>,
    told: sip::Told,
    tcp_idle: Duration,
    name_servers: Vec<SocketAddr>,
    limits: sip::Limits,
}

struct Media {
    address: IpAddr,
    ports: Placed<(u16, u16)>,
    loopback_peers: Vec<IpNet>,
    drain: Duration,
    silent_after: Option<Duration>,
    codecs: Vec<Codec>,
    report_every: Option<Duration>,
    inband_keys: bool,
    encryption: Encryption,
    /// As many as the channels need, unless it is said.
    threads: Option<NonZeroU16>,
}

/// Calls that a media thread serves while they talk.
const CHANNELS_A_THREAD: u32 = 2_500;

/// Media threads for so many channels.
fn threads_for(channels: u32) -> NonZeroU16 {
    let threads = channels.div_ceil(CHANNELS_A_THREAD).clamp(1, 64);
    u16::try_from(threads).ok().and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN)
}

impl Network {
    pub fn read(
        root: &mut Section<'_>,
        limits: &mut Section<'_>,
        sources: &dyn Sources,
        report: &Report<'_>,
    ) -> Network {
        let sip_limits = read_sizes(limits);
        let tcp_connections = size(limits.get_or("tcp_connections", 1_000, count(1, 100_000)));
        let trace_bytes = size(limits.get_or("trace_megabytes", 16, count(0, 4_096)) << 20);
        let opus_legs = size(limits.get_or("opus_legs", 60, count(0, 10_000)));
        let drain_max = limits.get_or("drain_max", 5 * MINUTE, duration(Duration::ZERO, DAY));
        let mut section = root.get_section_or_empty("sip");
        let sip = read_sip(&mut section, sip_limits, report);
        section.finish();
        let mut section = root.get_section_or_empty("media");
        let media = read_media(&mut section, sip.advertised, report);
        section.finish();
        let common = trunks::Common {
            number_from: sip.number_from,
            country_code: &sip.country_code,
            encryption: media.encryption,
        };
        let trunks = trunks::read(root, &common, sources, report);
        let mut section = root.get_section_or_empty("http");
        let listen = section.get("listen", socket);
        let default = SocketAddr::from((Ipv4Addr::LOCALHOST, HTTP_PORT));
        let http = listen.unwrap_or_else(|| Placed { value: default, span: section.span.clone() });
        let control_token = read_control_token(&mut section, &http, sources, report);
        section.finish();
        let mut section = root.get_section_or_empty("report");
        let time_zone = section.get("time_zone", time_zone).map_or_else(italy, |zone| zone.value);
        section.finish();
        Network {
            sip,
            media,
            trunks,
            http,
            control_token,
            time_zone,
            tcp_connections,
            trace_bytes,
            opus_legs,
            drain_max,
        }
    }

    /// Where days and months begin and end.
    pub fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    /// What needs more than one section to be seen.
    pub fn check_against(&self, channels: &Placed<u32>, demo_passwords: bool, report: &Report<'_>) {
        self.check_ports(channels, report);
        self.check_dialogs(channels, report);
        self.check_clashes(report);
        let open =
            [Some((self.sip.udp.value, &self.sip.udp.span)), self.sip.tcp.value.map(|tcp| (tcp, &self.sip.tcp.span))];
        for (address, span) in open.into_iter().flatten() {
            if demo_passwords && !address.ip().is_loopback() {
                let hint = "give every agent a password of its own, or listen on 127.0.0.1".to_string();
                report.mistake(span, "others could reach agents whose demo passwords everybody knows", Some(hint));
            }
        }
    }

    /// Two legs a call, one even port a leg.
    fn check_ports(&self, channels: &Placed<u32>, report: &Report<'_>) {
        let (first, last) = self.media.ports.value;
        let calls = even_ports(first, last) / 2;
        if channels.value > calls {
            let problem = format!("{} calls do not fit into the RTP ports {first}-{last}", channels.value);
            let hint = format!("every call has two legs with an even port each: room for {calls} calls");
            let span = if channels.span.is_empty() { &self.media.ports.span } else { &channels.span };
            // Callers who wait have one leg: a range too small is a limit of its own, and answered as such.
            report.warning(span, problem, Some(hint));
        }
    }

    fn check_dialogs(&self, channels: &Placed<u32>, report: &Report<'_>) {
        let needed = size(u64::from(channels.value) * 2);
        let limits = &self.sip.limits;
        for (name, limit) in [("dialogs", limits.dialogs), ("transactions", limits.transactions)] {
            if limit < needed {
                let problem = format!("{} calls do not fit into {limit} {name}", channels.value);
                let hint = format!("every call has two legs: `{name}` at least {needed}");
                report.mistake(&channels.span, problem, Some(hint));
            }
        }
    }

    fn check_clashes(&self, report: &Report<'_>) {
        let (sip, http) = (&self.sip, &self.http);
        if sip.tcp.value.is_some_and(|tcp| clash(tcp, http.value)) {
            report.mistake(&http.span, "HTTP and SIP over TCP cannot share an address", None);
        }
        let (first, last) = self.media.ports.value;
        let udp = sip.udp.value;
        if clash(SocketAddr::new(self.media.address, udp.port()), udp) && (first..=last).contains(&udp.port()) {
            let hint = "move the one or the other".to_string();
            report.mistake(&self.media.ports.span, "the RTP ports contain the port of SIP", Some(hint));
        }
    }

    pub fn into_settings(
        self,
        (agents, answer): (Agents, Vec<b2bua::Answer>),
        clips: Vec<Clip>,
        (ledger, recording): (LedgerSettings, RecordingSettings),
        channels: u32,
    ) -> Settings {
        let Network {
            sip,
            media,
            trunks,
            http,
            control_token,
            time_zone,
            tcp_connections,
            trace_bytes,
            opus_legs,
            drain_max,
        } = self;
        let seen = |bound: SocketAddr| SocketAddr::new(sip.advertised, bound.port());
        let engine = b2bua::Settings {
            sip: sip::Settings {
                udp: seen(sip.udp.value),
                tcp: sip.tcp.value.map(seen),
                domains: sip.domains,
                realm: sip.realm,
                md5_only: sip.md5_only,
                accounts: agents.accounts,
                trunks: trunks.0,
                trusted: sip.trusted,
                number_from: sip.number_from,
                country_code: sip.country_code,
                liveness: sip.liveness,
                told: sip.told,
                redirects: sip.redirects,
                limits: sip.limits,
            },
            media: media::Settings {
                address: media.address,
                ports: media.ports.value,
                drain: media.drain,
                silent_after: media.silent_after,
                codecs: media.codecs,
                opus_legs,
                report_every: media.report_every,
                inband_keys: media.inband_keys,
                encryption: media.encryption,
                threads: media.threads.unwrap_or_else(|| threads_for(channels)),
            },
            phones: agents.phones,
            sound: agents.sound,
            answer,
            trunks: trunks.1,
            loopback_media: media.loopback_peers,
        };
        Settings {
            engine,
            sip_udp: sip.udp.value,
            sip_tcp: sip.tcp.value,
            tcp_connections,
            trace_bytes,
            tcp_idle: sip.tcp_idle,
            name_servers: sip.name_servers,
            http: http.value,
            control_token,
            time_zone,
            channels,
            drain_max,
            ledger,
            recording,
            clips,
        }
    }
}

/// The word that those who change agents' status must know; without one nobody can.
fn read_control_token(
    section: &mut Section<'_>,
    http: &Placed<SocketAddr>,
    sources: &dyn Sources,
    report: &Report<'_>,
) -> Option<sip::Secret> {
    let file = section.get("control_token_file", |value| secret_file(value, sources))?;
    let token = secret_of(file, report)?;
    if token.value.len() < LEAST_TOKEN {
        let hint = format!("{LEAST_TOKEN} characters or more, as `openssl rand -hex 32` makes");
        report.mistake(&token.span, "the control token is short enough to be guessed", Some(hint));
    }
    if !http.value.ip().is_loopback() {
        let hint = "put a proxy with TLS before it, or listen on 127.0.0.1".to_string();
        report.warning(&token.span, "the control token would cross the network in the clear", Some(hint));
    }
    Some(sip::Secret(token.value))
}

fn read_sip(section: &mut Section<'_>, mut limits: sip::Limits, report: &Report<'_>) -> Sip {
    let home = section.span.clone();
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, SIP_PORT));
    let udp = section.get("udp", socket).unwrap_or(Placed { value: default, span: home.clone() });
    let tcp = section.get("tcp", socket_or_off).unwrap_or(Placed { value: Some(udp.value), span: home });
    let advertised = match section.get("advertised_address", address) {
        Some(advertised) => advertised.value,
        None => udp.value.ip(),
    };
    if advertised.is_unspecified() && !section.has("advertised_address") {
        let hint = "others are told to answer there: name the address that they reach".to_string();
        report.mistake(&udp.span, "listening on all addresses needs an `advertised_address`", Some(hint));
    }
    let lifetime = |least| duration(least, DAY);
    limits.expires_min = section.get_or("registration_min", limits.expires_min, lifetime(SECOND));
    limits.overload_delay =
        section.get_or("overload_delay", limits.overload_delay, duration(Duration::from_millis(10), MINUTE));
    limits.nonce_life = section.get_or("nonce_life", limits.nonce_life, lifetime(SECOND));
    let longest = section.get("registration_max", lifetime(SECOND));
    limits.expires_max = longest.as_ref().map_or(limits.expires_max, |longest| longest.value);
    if limits.expires_max < limits.expires_min {
        let span = longest.map_or_else(|| section.key_span("registration_min"), |longest| longest.span);
        report.mistake(&span, "`registration_max` is below `registration_min`", None);
    }
    let told = section
        .get_list("tell_agents", told)
        .map_or_else(|| vec![TOLD[0].0.to_owned()], |list| distinct(list, "word", report));
    let tells = |what: usize| told.iter().any(|word| word == TOLD[what].0);
    let every = section.get_or("liveness_every", MINUTE, duration(5 * SECOND, HOUR));
    let liveness = section.get_or("liveness", false, liveness).then_some(every);
    let bound = [Some(udp.value), tcp.value].into_iter().flatten().map(|bound| bound.ip());
    let domains = section.get_list("domains", host).map_or_else(Vec::new, |list| distinct(list, "host", report));
    Sip {
        domains: (!domains.is_empty()).then(|| domains_of(domains, bound.chain([advertised]))),
        udp,
        tcp,
        advertised,
        realm: section.get_or("realm", "centralino".to_string(), realm),
        md5_only: section
            .get_list("md5_only", user_agent)
            .map_or_else(|| MD5_ONLY.map(str::to_string).to_vec(), |list| distinct(list, "name", report)),
        trusted: section.get_list("trusted", network).map_or_else(loopback, |list| distinct(list, "range", report)),
        number_from: section.get_or("number_from", sip::NumberFrom::RequestUri, number_from),
        country_code: section.get_or("country_code", "39".to_string(), country_code),
        redirects: section
            .get_list("follow_redirects", redirect)
            .map_or_else(Vec::new, |list| distinct(list, "place", report)),
        liveness,
        told: sip::Told { asserted: tells(0), diversion: tells(1), history: tells(2) },
        tcp_idle: section.get_or("tcp_idle", 2 * MINUTE, duration(SECOND, DAY)),
        name_servers: section
            .get_list("name_servers", name_server)
            .map_or_else(Vec::new, |list| distinct(list, "name server", report)),
        limits,
    }
}

/// Hosts that are us: those named, and every address of ours.
fn domains_of(hosts: Vec<String>, ours: impl Iterator<Item = IpAddr>) -> sip::Domains {
    let (mut names, mut addresses) = (Vec::new(), Vec::new());
    for host in hosts {
        match host.parse() {
            Ok(address) => addresses.push(address),
            Err(_) => names.push(host),
        }
    }
    addresses.extend(ours);
    addresses.sort_unstable();
    addresses.dedup();
    sip::Domains { names, addresses }
}

pub(super) const NUMBER_FROM: [(&str, sip::NumberFrom); 5] = [
    ("request_uri", sip::NumberFrom::RequestUri),
    ("to", sip::NumberFrom::To),
    ("called_party", sip::NumberFrom::CalledParty),
    ("diversion", sip::NumberFrom::Diversion),
    ("history_info", sip::NumberFrom::HistoryInfo),
];

/// What agents' phones may be told beside From.
pub(super) const TOLD: [(&str, ()); 3] = [("asserted_identity", ()), ("diversion", ()), ("history_info", ())];

fn told(value: &DeValue<'_>) -> Read<String> {
    let word = text(value)?;
    one_of(value, "word for what agents are told", &TOLD).map(|()| word)
}

fn liveness(value: &DeValue<'_>) -> Read<bool> {
    one_of(value, "way to see who is there", &[("off", false), ("options", true)])
}

pub(super) const CALLER_FROM: [(&str, sip::CallerFrom); 3] = [
    ("asserted", sip::CallerFrom::Asserted),
    ("remote_party", sip::CallerFrom::RemoteParty),
    ("from", sip::CallerFrom::From),
];

/// ITU-T E.164 6.2.1: one to three digits, the first no zero.
pub(super) fn country_code(value: &DeValue<'_>) -> Read<String> {
    let code = text(value)?;
    let fits = code.is_empty() || (code.len() <= 3 && !code.starts_with('0'));
    match fits && code.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(code),
        false => Err(Wrong::new(format!("`{code}` is no country's calling code"), "like \"39\", without a plus sign")),
    }
}

fn number_from(value: &DeValue<'_>) -> Read<sip::NumberFrom> {
    one_of(value, "place of the number", &NUMBER_FROM)
}

fn read_media(section: &mut Section<'_>, sip: IpAddr, report: &Report<'_>) -> Media {
    let home = section.span.clone();
    let silent_after = section.get_or("rtp_timeout", 2 * MINUTE, duration(Duration::ZERO, DAY));
    let report_every = section.get_or("rtcp_interval", 5 * SECOND, duration(Duration::ZERO, MINUTE));
    let spoken =
        section.get_list("codecs", codec).map_or_else(|| vec![Codec::Pcma, Codec::Pcmu], |list| codecs(list, report));
    let loopback_peers = section.get_list("loopback_peers", network);
    Media {
        address: section.get_or("address", sip, address),
        ports: section.get("ports", ports).unwrap_or(Placed { value: RTP_PORTS, span: home }),
        loopback_peers: loopback_peers.map_or_else(loopback, |list| distinct(list, "range", report)),
        drain: section.get_or("port_rest", 2 * SECOND, duration(Duration::ZERO, HOUR)),
        silent_after: (silent_after > Duration::ZERO).then_some(silent_after),
        codecs: spoken,
        inband_keys: section.get_or("dtmf", false, inband_keys),
        encryption: section.get_or("srtp", Encryption::Off, encryption),
        threads: u16::try_from(section.get_or("threads", 0, count(0, 64))).ok().and_then(NonZeroU16::new),
        report_every: (report_every > Duration::ZERO).then_some(report_every),
    }
}

/// A list that may not be empty.
pub(super) fn codecs(list: List<Codec>, report: &Report<'_>) -> Vec<Codec> {
    if list.is_empty {
        report.mistake(&list.span, "without a codec nobody hears anybody", Some("[\"PCMA\", \"PCMU\"]".into()));
    }
    distinct(list, "codec", report)
}

fn inband_keys(value: &DeValue<'_>) -> Read<bool> {
    one_of(value, "kind of keys", &[("events", false), ("inband", true)])
}

fn read_sizes(section: &mut Section<'_>) -> sip::Limits {
    let mut limits = sip::Limits::default();
    for (key, limit, least, most) in [
        ("transactions", &mut limits.transactions, 100, 10_000_000),
        ("dialogs", &mut limits.dialogs, 10, 1_000_000),
        ("bindings_per_agent", &mut limits.bindings_per_account, 1, 100),
        ("message_bytes", &mut limits.message_bytes, 2_000, 1_000_000),
        ("headers", &mut limits.headers, 30, 10_000),
        ("header_bytes", &mut limits.header_bytes, 500, 65_535),
    ] {
        let default = u64::try_from(*limit).unwrap_or(most);
        *limit = size(section.get_or(key, default, count(least, most)));
    }
    let rate = u64::from(limits.stranger_requests);
    let rate = section.get_or("stranger_requests_per_second", rate, count(0, 1_000_000));
    limits.stranger_requests = u32::try_from(rate).unwrap_or(u32::MAX);
    limits
}

pub(super) fn distinct<T: PartialEq>(list: List<T>, what: &str, report: &Report<'_>) -> Vec<T> {
    let mut kept = Vec::new();
    for element in list.value {
        match kept.contains(&element.value) {
            true => report.mistake(&element.span, format!("this {what} is in the list already"), None),
            false => kept.push(element.value),
        }
    }
    kept
}

/// The database is compiled in, and has it.
fn italy() -> TimeZone {
    TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC)
}

fn loopback() -> Vec<IpNet> {
    let v4 = IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8);
    vec![v4, IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST))]
}

/// Whether two sockets of one kind would get in each other's way; port 0 is a free one, so never.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let same_ip = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && same_ip
}

fn even_ports(first: u16, last: u16) -> u32 {
    let (first, last) = (u32::from(first), u32::from(last));
    (last / 2 + 1).saturating_sub(first.div_ceil(2))
}

/// Values that were read within bounds far below.
fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_ports_are_counted() {
        assert_eq!(even_ports(20_000, 29_999), 5_000);
        assert_eq!(even_ports(12_000, 32_767), 10_384);
        assert_eq!(even_ports(20_001, 20_001), 0);
        assert_eq!(even_ports(20_001, 20_002), 1);
        assert_eq!(even_ports(65_534, 65_535), 1);
    }
}
