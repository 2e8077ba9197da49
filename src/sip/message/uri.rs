//! URIs: the text as it came, and where its parts are.
//!
//! The text is kept because a binding, a remote target and a route must be given back as they were given to us.

use super::{Malformed, params};
use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::Range;

/// What kind of URI it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`; its number is the user part.
    Tel,
    /// Anything else: only the text is known.
    Other,
}

/// A URI. Two are equal when their texts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri {
    text: String,
    scheme: Scheme,
    user: Option<Range<usize>>,
    host: Range<usize>,
    port: Option<u16>,
    /// Where the parameters and the headers begin (`;`, `?`); each the end of the text when there are none.
    params: usize,
    headers: usize,
}

impl Uri {
    /// Reads an addr-spec (RFC 3261 25.1) without angle brackets.
    pub fn parse(text: &str) -> Result<Uri, Malformed> {
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f || matches!(byte, b'<' | b'>' | b'"')) {
            return Err(Malformed::new("a character that no URI may hold"));
        }
        if !escapes_are_whole(text) {
            return Err(Malformed::new("a broken escape in a URI"));
        }
        let colon = text.find(':').ok_or(Malformed::new("a URI without a scheme"))?;
        let name = text.get(..colon).unwrap_or_default();
        let valid = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        if !valid {
            return Err(Malformed::new("a URI without a scheme"));
        }
        let start = colon + 1;
        let scheme = match name {
            _ if name.eq_ignore_ascii_case("sip") => Scheme::Sip,
            _ if name.eq_ignore_ascii_case("sips") => Scheme::Sips,
            _ if name.eq_ignore_ascii_case("tel") => Scheme::Tel,
            _ => Scheme::Other,
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => Uri::parse_sip(text, scheme, start),
            Scheme::Tel => {
                let end = text.find(';').unwrap_or(text.len());
                Ok(Uri::opaque(text, scheme, Some(start..end), end))
            }
            Scheme::Other => Ok(Uri::opaque(text, scheme, None, text.len())),
        }
    }

    fn opaque(text: &str, scheme: Scheme, user: Option<Range<usize>>, params: usize) -> Uri {
        let headers = text.len();
        Uri { text: text.to_owned(), scheme, user, host: 0..0, port: None, params, headers }
    }

    fn parse_sip(text: &str, scheme: Scheme, start: usize) -> Result<Uri, Malformed> {
        // The user part may hold `;`, `?` and `/`, never an unescaped `@`: the first one ends it.
        let (user, host_start) = match text.get(start..).unwrap_or_default().find('@') {
            Some(0) => return Err(Malformed::new("an empty user part")),
            Some(length) => {
                let userinfo = text.get(start..start + length).unwrap_or_default();
                let user = userinfo.find(':').unwrap_or(length);
                (Some(start..start + user), start + length + 1)
            }
            None => (None, start),
        };
        let rest = text.get(host_start..).unwrap_or_default();
        let (length, port, used) = host_and_port(rest)?;
        let params = host_start + used;
        let tail = text.get(params..).unwrap_or_default();
        if !(tail.is_empty() || tail.starts_with([';', '?'])) {
            return Err(Malformed::new("a host that no URI may hold"));
        }
        let headers = tail.find('?').map_or(text.len(), |at| params + at);
        Ok(Uri { text: text.to_owned(), scheme, user, host: host_start..host_start + length, port, params, headers })
    }

    /// The whole, as it came.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its kind.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The user part without password, unescaped. Escapes that are not UTF-8 when taken together stay as they are.
    pub fn user(&self) -> Option<Cow<'_, str>> {
        let raw = self.text.get(self.user.clone()?)?;
        Some(unescape(raw))
    }

    /// The number that is meant: the user part. A telephone number is meant without its parameters (`;npdi`, RFC 4694)
    /// and, where it is sure to be one, without visual separators (RFC 3966 5.1.1).
    pub fn number(&self) -> String {
        let user = self.user().unwrap_or_default();
        let is_phone =
            self.scheme == Scheme::Tel || self.param("user").is_some_and(|u| u.eq_ignore_ascii_case("phone"));
        let digits = |text: &str| text.starts_with(|first: char| first == '+' || first.is_ascii_digit());
        let bare = match user.split_once(';') {
            Some((number, _)) if digits(number) => number,
            _ => &user,
        };
        match is_phone && digits(bare) {
            true => bare.chars().filter(|letter| !matches!(letter, '-' | '.' | '(' | ')')).collect(),
            false => bare.to_owned(),
        }
    }

    /// The host, an IPv6 address with its brackets; empty for other schemes.
    pub fn host(&self) -> &str {
        self.text.get(self.host.clone()).unwrap_or_default()
    }

    /// The port, if it is written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Host and port (5060 unless written, RFC 3261 19.1.2) when the host is a literal address.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(host_ip(self.host())?, self.port.unwrap_or(5060)))
    }

    /// A parameter's value; one without a value is empty.
    pub fn param(&self, name: &str) -> Option<&str> {
        super::find_param(self.text.get(self.params..self.headers).unwrap_or_default(), name)
    }

    /// Its parameters, in order.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        params(self.text.get(self.params..self.headers).unwrap_or_default())
    }

    /// RFC 3261 19.1.4: whether both name the same place, though written differently. URIs of other schemes are equal
    /// when their texts are.
    pub fn is_equivalent(&self, other: &Uri) -> bool {
        if !matches!(self.scheme, Scheme::Sip | Scheme::Sips) {
            return self == other;
        }
        let (mine, others) = (self.param_list(), other.param_list());
        let agrees = |(name, value): &(&str, &str), list: &[(&str, &str)]| {
            // These count even where only one URI has them; the rest only where both do.
            let decisive = ["user", "ttl", "method", "maddr", "transport"].iter().any(|d| name.eq_ignore_ascii_case(d));
            match list.iter().find(|(each, _)| each.eq_ignore_ascii_case(name)) {
                Some((_, theirs)) => theirs.eq_ignore_ascii_case(value),
                None => !decisive,
            }
        };
        self.scheme == other.scheme
            && self.user() == other.user()
            && self.host().eq_ignore_ascii_case(other.host())
            && self.port == other.port
            && self.text.get(self.headers..) == other.text.get(other.headers..)
            && mine.iter().all(|param| agrees(param, &others))
            && others.iter().all(|param| agrees(param, &mine))
    }

    /// The first parameters, as many as any honest URI has: comparing must stay cheap.
    fn param_list(&self) -> Vec<(&str, &str)> {
        self.params().take(32).collect()
    }

    /// The values of an attached header (RFC 3261 19.1.1), unescaped, in order.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        let headers = self.text.get(self.headers..).unwrap_or_default().trim_start_matches('?');
        headers.split('&').filter_map(move |header| {
            let (found, value) = header.split_once('=')?;
            unescape(found).eq_ignore_ascii_case(name).then(|| unescape(value))
        })
    }

    /// Whether headers are attached (`?Route=...`).
    pub fn has_headers(&self) -> bool {
        self.headers < self.text.len()
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An address as the host of a URI or of a Via writes it: IPv6 in brackets.
pub fn host_text(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// The literal address that a host is, if it is one.
pub(crate) fn host_ip(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

/// Reads `host [":" port]` at the start of `text`: the host's length, the port, and how much was used.
pub(super) fn host_and_port(text: &str) -> Result<(usize, Option<u16>, usize), Malformed> {
    let length = if text.starts_with('[') {
        let length = text.find(']').ok_or(Malformed::new("an unclosed IPv6 address"))? + 1;
        host_ip(text.get(..length).unwrap_or_default()).ok_or(Malformed::new("an IPv6 address"))?;
        length
    } else {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        text.bytes().take_while(allowed).count()
    };
    if length == 0 {
        return Err(Malformed::new("no host"));
    }
    let Some(after) = text.get(length..).and_then(|rest| rest.strip_prefix(':')) else {
        return Ok((length, None, length));
    };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let port = after.get(..digits).unwrap_or_default().parse().map_err(|_| Malformed::new("a port"))?;
    Ok((length, Some(port), length + 1 + digits))
}

fn escapes_are_whole(text: &str) -> bool {
    let bytes = text.as_bytes();
    let whole = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    bytes.iter().enumerate().all(|(at, &byte)| byte != b'%' || whole(at))
}

fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('%') {
        return Cow::Borrowed(raw);
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        let escaped = if byte == b'%' { hex(&mut rest) } else { None };
        bytes.push(escaped.unwrap_or(byte));
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(raw), Cow::Owned)
}

/// Two hexadecimal digits; [`Uri::parse`] has seen to it that they are there.
fn hex(digits: &mut std::str::Bytes<'_>) -> Option<u8> {
    let mut digit = || char::from(digits.next()?).to_digit(16);
    let value = digit()? * 16 + digit()?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"))
    }

    #[test]
    fn parts() {
        let rows: &[(&str, Option<&str>, &str, Option<u16>)] = &[
            ("sip:biloxi.test", None, "biloxi.test", None),
            ("sip:a:pass@h:5070;transport=tcp?x=y", Some("a"), "h", Some(5070)),
            ("SIPS:%61lice@[2001:db8::1]:5061", Some("alice"), "[2001:db8::1]", Some(5061)),
            ("sip:user;par=u%40example.net@example.com", Some("user;par=u@example.net"), "example.com", None),
            ("sip:sips%3Auser%40example.com@example.net", Some("sips:user@example.com"), "example.net", None),
            ("sip:null-%00-null@h", Some("null-\0-null"), "h", None),
            ("sip:%ff@h", Some("%ff"), "h", None),
            ("sip:h;p=a@b", Some("h;p=a"), "b", None),
            ("tel:+39-055;phone-context=x", Some("+39-055"), "", None),
            ("urn:service:sos", None, "", None),
        ];
        for &(text, user, host, port) in rows {
            let uri = uri(text);
            assert_eq!((uri.user().as_deref(), uri.host(), uri.port()), (user, host, port), "{text}");
            assert_eq!(uri.as_str(), text);
        }
        let uri = uri("sip:a@192.0.2.1;lr;Transport=tcp?Route=%3Csip:x%3E");
        assert_eq!((uri.param("LR"), uri.param("transport"), uri.param("Route")), (Some(""), Some("tcp"), None));
        assert!(uri.has_headers());
        assert_eq!(uri.socket_addr(), "192.0.2.1:5060".parse().ok());
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            ":",
            "sip",
            "sip:",
            "sip:@h",
            "sip:a@",
            "sip:a@h:",
            "sip:a@h:x",
            "sip:a@h:65536",
            "sip:a@h/x",
            "sip:a@[::1",
            "sip:a@[::g]",
            "sip:a b@h",
            "sip:a@h%",
            "sip:a@h;x=%4",
            "sip:a%zz@h",
            "<sip:a@h>",
            "sip:a@h\"",
            "1:x",
            "sip:\u{7f}@h",
        ] {
            assert!(Uri::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn numbers_lose_what_is_only_for_the_eye() {
        let rows = [
            ("tel:+39-055.(123)", "+39055123"),
            ("tel:+39-055;phone-context=h", "+39055"),
            ("sip:+39-055@h", "+39-055"),
            ("sip:+39-055@h;user=phone", "+39055"),
            ("sip:800000200;npdi;rn=+39059@h;user=phone", "800000200"),
            ("sip:800000200;npdi@h", "800000200"),
            ("sip:a-b;c@h;user=phone", "a-b;c"),
            ("sip:h", ""),
            ("urn:x", ""),
        ];
        for (text, number) in rows {
            assert_eq!(uri(text).number(), number, "{text}");
        }
    }

    /// The examples of RFC 3261 19.1.4 and some more.
    #[test]
    fn equivalence() {
        let same = [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
            ("sip:a@h;x=1;y=2", "sip:a@h;y=2;x=1"),
        ];
        let other = [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@h", "sips:a@h"),
            ("tel:1", "tel:2"),
        ];
        for (left, right) in same {
            assert!(uri(left).is_equivalent(&uri(right)) && uri(right).is_equivalent(&uri(left)), "{left} {right}");
        }
        for (left, right) in other {
            assert!(!uri(left).is_equivalent(&uri(right)) && !uri(right).is_equivalent(&uri(left)), "{left} {right}");
        }
    }
}
