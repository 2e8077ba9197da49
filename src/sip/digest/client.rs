//! The other side, for phones that we play: reading a challenge and answering it.

use super::credentials::{Algorithm, Response, bare, digest_params, hash};
use crate::sip::message::{Method, unquote};

/// A challenge that we can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Who asks.
    pub realm: String,
    /// What is to be answered.
    pub nonce: String,
    /// With which hash.
    pub algorithm: Algorithm,
    /// The last answer was right, only too late.
    pub stale: bool,
    opaque: Option<String>,
}

impl Challenge {
    /// Reads one WWW-Authenticate or Proxy-Authenticate value; none when it is not for us: another scheme, an unknown
    /// algorithm, a `qop` without `auth`.
    pub fn parse(value: &str) -> Option<Challenge> {
        let params = digest_params(value)?;
        let offered = bare(params.get("qop")?);
        offered.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth")).then_some(())?;
        Some(Challenge {
            realm: bare(params.get("realm")?).to_owned(),
            nonce: bare(params.get("nonce")?).to_owned(),
            algorithm: Algorithm::named(params.get("algorithm").map(bare))?,
            stale: params.get("stale").is_some_and(|stale| bare(stale).eq_ignore_ascii_case("true")),
            opaque: params.get("opaque").map(|opaque| bare(opaque).to_owned()),
        })
    }

    /// The first of several that we can answer (RFC 8760 2.4: the server wrote its favourite first).
    pub fn first<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
        values.into_iter().find_map(Challenge::parse)
    }
}

/// A user with a password.
#[derive(Clone, Debug)]
pub struct Client<'a> {
    /// The digest user name.
    pub user: &'a str,
    /// Its password.
    pub secret: &'a crate::sip::Secret,
}

impl Client<'_> {
    /// The Authorization value for a request; `count` is how often this nonce was used, this time included.
    pub fn answer(&self, challenge: &Challenge, method: Method, uri: &str, count: u32, cnonce: &str) -> String {
        let Challenge { realm, nonce, algorithm, opaque, .. } = challenge;
        let user = self.user.replace('\\', "\\\\").replace('"', "\\\"");
        let secret = hash(*algorithm, &[self.user, &unquote(&format!("\"{realm}\"")), &self.secret.0]);
        let count = format!("{count:08x}");
        let response =
            Response { algorithm: *algorithm, secret: &secret, nonce, count: &count, cnonce, method, uri }.value();
        let name = algorithm.name();
        let opaque = opaque.as_ref().map(|opaque| format!(", opaque=\"{opaque}\"")).unwrap_or_default();
        format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={name}, cnonce=\"{cnonce}\", qop=auth, nc={count}{opaque}"
        )
    }
}
