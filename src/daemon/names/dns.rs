//! One lookup: the library's questions, put to name servers.

use super::{LIFE, NameServers};
use centralino::sip::{HostName, Lookup, Naptr, Place, Question, Records, Srv};
use domain::base::iana::Rcode;
use domain::base::rdata::ParseRecordData;
use domain::base::{Name, ParsedName, Rtype};
use domain::rdata;
use domain::resolv::StubResolver;
use domain::resolv::stub::conf::{ResolvConf, ServerConf, Transport};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

type Octets = bytes::Bytes;

/// Where a name is, and for how long that holds; an error when the DNS says nothing.
pub(super) async fn look_up(name: &HostName, servers: &NameServers) -> io::Result<(Vec<Place>, Duration)> {
    let resolver = StubResolver::from_conf(conf_of(servers));
    let mut lookup = Lookup::new(name, LIFE.1);
    while let Some(question) = lookup.question() {
        let (records, life) = match &question {
            Question::Naptr(domain) => {
                let (found, life) = ask(&resolver, domain, Rtype::NAPTR, naptr).await?;
                (Records::Naptr(found), life)
            }
            Question::Srv(service) => {
                let (found, life) = ask(&resolver, service, Rtype::SRV, srv).await?;
                (Records::Srv(found), life)
            }
            Question::Addresses(host) => {
                let (found, life) = addresses(&resolver, host, servers).await?;
                (Records::Addresses(found), life)
            }
        };
        lookup.answered(records, life);
    }
    Ok(lookup.into_places())
}

/// Read anew for each lookup: machines move between networks.
fn conf_of(servers: &NameServers) -> ResolvConf {
    let mut conf = match servers.servers.as_slice() {
        [] => ResolvConf::default(),
        named => {
            let mut conf = ResolvConf::new();
            conf.servers = named.iter().map(|server| ServerConf::new(*server, Transport::UdpTcp)).collect();
            conf
        }
    };
    conf.options.timeout = PATIENCE;
    conf.finalize();
    conf
}

/// Of the family that we speak: first by the DNS, then by what the system knows (its hosts file).
async fn addresses(resolver: &StubResolver, host: &str, servers: &NameServers) -> io::Result<(Vec<IpAddr>, Duration)> {
    let found = match servers.is_ipv6 {
        true => ask(resolver, host, Rtype::AAAA, |data: rdata::Aaaa| IpAddr::V6(data.addr())).await,
        false => ask(resolver, host, Rtype::A, |data: rdata::A| IpAddr::V4(data.addr())).await,
    };
    let is_found = matches!(&found, Ok((addresses, _)) if !addresses.is_empty());
    if is_found || !servers.servers.is_empty() {
        return found;
    }
    let known = tokio::net::lookup_host((host, 0)).await.map_or_else(|_| Vec::new(), Iterator::collect::<Vec<_>>);
    let known = known.into_iter().map(|address: SocketAddr| address.ip());
    let fitting: Vec<_> = known.filter(|address| address.is_ipv6() == servers.is_ipv6).collect();
    if fitting.is_empty() { found } else { Ok((fitting, LIFE.0)) }
}

/// The records of one kind, and for how long they hold. That there are none is an answer.
async fn ask<Data, Found>(
    resolver: &StubResolver,
    name: &str,
    kind: Rtype,
    read: impl Fn(Data) -> Found,
) -> io::Result<(Vec<Found>, Duration)>
where
    Data: for<'a> ParseRecordData<'a, Octets>,
{
    let question = Name::<Vec<u8>>::from_str(name).map_err(io::Error::other)?;
    let answer = resolver.query((question, kind)).await?.into_message();
    match answer.header().rcode() {
        Rcode::NOERROR | Rcode::NXDOMAIN => {}
        refused => return Err(io::Error::other(format!("{kind} {name}: {refused}"))),
    }
    let mut life = LIFE.1;
    let mut found = Vec::new();
    for record in answer.answer().map_err(io::Error::other)?.limit_to_in::<Data>() {
        let record = record.map_err(io::Error::other)?;
        life = life.min(Duration::from_secs(record.ttl().as_secs().into()));
        found.push(read(record.into_data()));
    }
    Ok((found, life))
}

fn naptr(data: rdata::Naptr<Octets, ParsedName<Octets>>) -> Naptr {
    Naptr {
        order: data.order(),
        preference: data.preference(),
        flags: data.flags().to_string(),
        service: data.services().to_string(),
        replacement: data.replacement().to_string(),
    }
}

fn srv(data: rdata::Srv<ParsedName<Octets>>) -> Srv {
    Srv { priority: data.priority(), weight: data.weight(), port: data.port(), target: data.target().to_string() }
}
