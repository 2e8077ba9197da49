//! What an Authorization header holds, and the value it must prove.

use crate::sip::message::{Method, comma_pieces, is_token, name_value, unquote};
use md5::Md5;
use sha2::Sha256;
use std::borrow::Cow;
use std::fmt::Write as _;

/// The hash algorithms we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// For phones that know nothing else.
    Md5,
    /// RFC 8760.
    Sha256,
}

impl Algorithm {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    /// RFC 7616 3.3: none named is MD5.
    pub(super) fn named(name: Option<&str>) -> Option<Algorithm> {
        let Some(name) = name else { return Some(Algorithm::Md5) };
        [Algorithm::Md5, Algorithm::Sha256].into_iter().find(|each| each.name().eq_ignore_ascii_case(name))
    }
}

/// The hash of `parts` joined by colons, in hex.
pub(crate) fn hash(algorithm: Algorithm, parts: &[&str]) -> String {
    match algorithm {
        Algorithm::Md5 => hash_with::<Md5>(parts),
        Algorithm::Sha256 => hash_with::<Sha256>(parts),
    }
}

fn hash_with<H: sha2::Digest>(parts: &[&str]) -> String {
    let mut hasher = H::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hasher.update(b":");
        }
        hasher.update(part.as_bytes());
    }
    let mut text = String::with_capacity(64);
    for byte in &hasher.finalize()[..] {
        // Into memory: cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The ingredients of a response with `qop=auth` (RFC 7616 3.4.1).
pub(crate) struct Response<'a> {
    pub algorithm: Algorithm,
    /// H(user:realm:password).
    pub secret: &'a str,
    pub nonce: &'a str,
    pub count: &'a str,
    pub cnonce: &'a str,
    pub method: Method,
    pub uri: &'a str,
}

impl Response<'_> {
    pub(crate) fn value(&self) -> String {
        let request = hash(self.algorithm, &[self.method.as_str(), self.uri]);
        hash(self.algorithm, &[self.secret, self.nonce, self.count, self.cnonce, "auth", &request])
    }
}

/// A Digest Authorization header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// Who it claims to be.
    pub username: Cow<'a, str>,
    /// For which realm.
    pub realm: Cow<'a, str>,
    /// Our nonce.
    pub nonce: &'a str,
    /// The request's URI.
    pub uri: &'a str,
    /// The proof, in hex.
    pub response: &'a str,
    /// With which hash.
    pub algorithm: Algorithm,
    /// How often the nonce was used, in eight hex digits.
    pub count: &'a str,
    /// The client's nonce.
    pub cnonce: &'a str,
}

/// A header that is Digest, but not one that can be checked; its realm, if that much can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable<'a>(pub Option<Cow<'a, str>>);

impl<'a> Credentials<'a> {
    /// Reads the header; none when its scheme is not Digest (RFC 3261 22.4, 25.1).
    pub fn parse(value: &'a str) -> Option<Result<Credentials<'a>, Unusable<'a>>> {
        let params = digest_params(value)?;
        Some(Self::from_params(&params).ok_or_else(|| Unusable(params.get("realm").map(unquote))))
    }

    fn from_params(params: &Params<'a>) -> Option<Credentials<'a>> {
        // Without qop a response could be replayed for ever.
        let qop = params.get("qop")?;
        let count = params.get("nc")?;
        let valid = bare(qop).eq_ignore_ascii_case("auth")
            && count.len() == 8
            && count.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !bare(params.get("cnonce")?).is_empty();
        valid.then_some(())?;
        Some(Credentials {
            username: unquote(params.get("username")?),
            realm: unquote(params.get("realm")?),
            nonce: bare(params.get("nonce")?),
            uri: bare(params.get("uri")?),
            response: bare(params.get("response")?),
            algorithm: Algorithm::named(params.get("algorithm").map(bare))?,
            count,
            cnonce: bare(params.get("cnonce")?),
        })
    }
}

/// The parameters of a Digest header, none of them twice.
pub(super) struct Params<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Params<'a> {
    /// The value as written.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|&(_, value)| value)
    }
}

/// No header has more; also what makes the search for doubles cheap.
const MOST_PARAMS: usize = 32;

/// The parameters after `Digest`; none when the scheme is another. A header that cannot be read has none of them.
pub(super) fn digest_params(value: &str) -> Option<Params<'_>> {
    let (scheme, rest) = value.trim_start().split_once([' ', '\t'])?;
    if !scheme.eq_ignore_ascii_case("Digest") {
        return None;
    }
    let mut params: Vec<(&str, &str)> = Vec::new();
    for piece in comma_pieces(rest) {
        let (name, value) = name_value(piece.trim());
        let named = !name.is_empty() && name.bytes().all(is_token);
        let double = params.iter().any(|(each, _)| each.eq_ignore_ascii_case(name));
        if !named || double || params.len() >= MOST_PARAMS || !is_value(value) {
            return Some(Params(Vec::new()));
        }
        params.push((name, value));
    }
    Some(Params(params))
}

/// A token, or a quoted string from the first to the last letter.
fn is_value(value: &str) -> bool {
    match value.strip_prefix('"') {
        None => !value.is_empty() && value.bytes().all(is_token),
        Some(rest) => {
            let mut escaped = false;
            let end = rest.bytes().position(|byte| {
                let closes = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                closes
            });
            end.is_some_and(|end| end + 1 == rest.len())
        }
    }
}

/// A value without its quotes, escapes untouched: what the hashes run over (RFC 7616 3.4.1, `unq`).
pub(super) fn bare(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}
