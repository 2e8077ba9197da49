//! Which hosts of URIs are us (RFC 3261 10.3, 16.5): what strangers and phones ask of another host is not ours to serve.

use super::message::{Uri, host_ip};
use std::net::IpAddr;

/// Our names and addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domains {
    /// Names, in any case.
    pub names: Vec<String>,
    /// Addresses. An unspecified one stands for all: who listens on every address cannot tell which are its own.
    pub addresses: Vec<IpAddr>,
}

impl Domains {
    /// Whether a URI names us. A number without a host (`tel:`) is whoever's hears it; the port is nobody's business,
    /// since routers change it.
    pub(super) fn hold(&self, uri: &Uri) -> bool {
        let host = uri.host();
        if host.is_empty() {
            return true;
        }
        match host_ip(host).map(|ip| ip.to_canonical()) {
            Some(ip) => self.addresses.iter().any(|ours| ours.is_unspecified() || ours.to_canonical() == ip),
            // RFC 1034 3.1: a name may end with its root.
            None => self.names.iter().any(|ours| ours.eq_ignore_ascii_case(host.trim_end_matches('.'))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        let ours = |addresses: &[&str]| Domains {
            names: vec!["acd.example".to_owned(), "localhost".to_owned()],
            addresses: addresses.iter().map(|text| text.parse().expect("an address")).collect(),
        };
        let one = ours(&["192.0.2.1", "2001:db8::1"]);
        #[rustfmt::skip]
        let rows = [
            (&one, "sip:101@192.0.2.1", true),
            (&one, "sip:192.0.2.1:5070;transport=tcp", true),
            (&one, "sip:101@[2001:DB8:0::1]", true),
            (&one, "sip:101@[::ffff:192.0.2.1]", true),
            (&one, "sip:101@ACD.Example.", true),
            (&one, "sips:101@localhost:5061", true),
            (&one, "tel:+39800000100", true),
            (&one, "sip:101@192.0.2.2", false),
            (&one, "sip:101@acd.example.org", false),
            (&one, "sip:101@notacd.example", false),
            (&one, "sip:192.0.2.1@203.0.113.1", false),
            (&ours(&["0.0.0.0"]), "sip:101@203.0.113.1", true),
            (&ours(&["0.0.0.0"]), "sip:101@other.example", false),
        ];
        for (domains, uri, expected) in rows {
            assert_eq!(domains.hold(&Uri::parse(uri).expect("a URI")), expected, "{uri}");
        }
    }
}
