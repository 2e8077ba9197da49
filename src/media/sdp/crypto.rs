//! a=crypto lines (RFC 4568): which of the other side's we take, and ours.

use crate::media::srtp::{Crypto, Key, Suite};
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine as _};
use sdp_types::{Attribute, Media};

/// The number of the one line that we offer.
pub(super) const OFFERED: u32 = 1;

/// A line that we can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CryptoLine {
    pub(super) tag: u32,
    pub(super) suite: Suite,
    pub(super) key: Key,
}

impl CryptoLine {
    /// The first of a medium that we can use: the other side's best (RFC 4568 5.1.2).
    pub(super) fn of(media: &Media) -> Option<CryptoLine> {
        media.get_attribute_values("crypto").flatten().find_map(CryptoLine::read)
    }

    /// `<tag> <suite> inline:<key and salt>[|lifetime]`. What asks for more (several keys, MKI, session parameters) is
    /// none that we can use (RFC 4568 6.3: unknown ones must not be ignored).
    fn read(value: &str) -> Option<CryptoLine> {
        let mut words = value.split_ascii_whitespace();
        let (tag, suite, key) = (words.next()?, words.next()?, words.next()?);
        let suite = [Suite::Tag80, Suite::Tag32].into_iter().find(|known| known.name().eq_ignore_ascii_case(suite))?;
        let (method, key) = key.split_at_checked(7)?;
        let mut parts = key.split('|');
        let key = BASE64_STANDARD_NO_PAD.decode(parts.next()?.trim_end_matches('=')).ok()?;
        let is_plain = parts.next().is_none_or(|lifetime| !lifetime.contains(':')) && parts.next().is_none();
        // "-" before a parameter says that it may be ignored.
        let is_plain = is_plain && words.all(|parameter| parameter.starts_with('-'));
        let is_inline = method.eq_ignore_ascii_case("inline:");
        // RFC 4568 5.1.1: at most nine digits.
        let tag = tag.parse().ok().filter(|tag| *tag <= 999_999_999)?;
        (is_inline && is_plain).then_some(CryptoLine { tag, suite, key: Key(key.try_into().ok()?) })
    }

    pub(super) fn attribute(&self) -> Attribute {
        let CryptoLine { tag, suite, key } = self;
        Attribute::with_value("crypto", format!("{tag} {} inline:{}", suite.name(), BASE64_STANDARD.encode(key.0)))
    }

    /// Ours beside theirs.
    pub(super) fn with(&self, ours: Key) -> Crypto {
        Crypto { suite: self.suite, ours, theirs: self.key }
    }
}
