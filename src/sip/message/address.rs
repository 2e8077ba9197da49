//! Header values made of addresses and parameters: From, To, Contact, Route, Record-Route.
//!
//! Everything here reads its text once from left to right: 64 kB of commas, quotes or semicolons cost no more than
//! 64 kB of letters.

use super::{Malformed, Uri};
use std::borrow::Cow;

/// `name-addr` or `addr-spec` with parameters (RFC 3261 20.10), as written and as understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// The whole entry as it came, fit to be written back.
    pub text: String,
    /// The address.
    pub uri: Uri,
    /// Where the header parameters begin in `text`.
    params: usize,
}

impl NameAddr {
    /// Reads one entry.
    pub fn parse(value: &str) -> Result<NameAddr, Malformed> {
        let text = value.trim();
        let after_display = skip_display_name(text)?;
        let rest = text.get(after_display..).unwrap_or_default();
        let (uri, params) = match rest.strip_prefix('<') {
            Some(inner) => {
                let length = inner.find('>').ok_or(Malformed::new("an unclosed <"))?;
                let params = after_display + length + 2;
                (Uri::parse(inner.get(..length).unwrap_or_default())?, params)
            }
            None => Self::bare(rest, after_display)?,
        };
        let tail = text.get(params..).unwrap_or_default().trim_start();
        if !(tail.is_empty() || tail.starts_with(';')) || !is_params(tail) {
            return Err(Malformed::new("what follows an address is not a parameter"));
        }
        Ok(NameAddr { text: text.to_owned(), uri, params })
    }

    /// An address without brackets: from the first `;` on everything is the header's (RFC 3261 20). One that holds a
    /// comma or a question mark must have brackets.
    fn bare(rest: &str, start: usize) -> Result<(Uri, usize), Malformed> {
        let end = rest.find([';', ' ', '\t']).unwrap_or(rest.len());
        let addr_spec = rest.get(..end).unwrap_or_default();
        if addr_spec.contains([',', '?']) {
            return Err(Malformed::new("an address that needs brackets"));
        }
        Ok((Uri::parse(addr_spec)?, start + end))
    }

    /// Every tag that is written: there may be one.
    pub(super) fn tags(&self) -> impl Iterator<Item = &str> {
        params(self.params_text()).filter(|(name, _)| name.eq_ignore_ascii_case("tag")).map(|(_, value)| value)
    }

    /// A header parameter's value, as written; one without a value is empty.
    pub fn param(&self, name: &str) -> Option<&str> {
        find_param(self.params_text(), name)
    }

    /// The display name as it is meant, without quotes and escapes.
    pub fn display_name(&self) -> Option<String> {
        let end = skip_display_name(&self.text).ok().filter(|&at| at > 0)?;
        Some(unquote(self.text.get(..end)?.trim()).into_owned())
    }

    /// The dialog's tag.
    pub fn tag(&self) -> Option<&str> {
        self.param("tag")
    }

    /// The header parameters from their first `;` on.
    pub fn params_text(&self) -> &str {
        self.text.get(self.params..).unwrap_or_default()
    }
}

/// Where the `<` of a name-addr is, or 0 for a bare address.
fn skip_display_name(text: &str) -> Result<usize, Malformed> {
    if text.starts_with('"') {
        let end = quoted_length(text).ok_or(Malformed::new("an unclosed quote in a display name"))?;
        let gap = text.get(end..).unwrap_or_default();
        let blank = gap.len() - gap.trim_start().len();
        return match gap.trim_start().starts_with('<') {
            true => Ok(end + blank),
            false => Err(Malformed::new("a display name without an address")),
        };
    }
    // A `<` after a `;` belongs to a parameter of a bare address, never to the address.
    match text.find(['<', ';', '"']) {
        Some(at) if text.get(at..).is_some_and(|rest| rest.starts_with('<')) => Ok(at),
        Some(at) if text.get(at..).is_some_and(|rest| rest.starts_with('"')) => {
            Err(Malformed::new("a quote within a display name"))
        }
        _ => Ok(0),
    }
}

/// The length of the quoted string that `text` starts with, both quotes counted.
fn quoted_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Parameters hold delimiters of addresses and lists only in quotes, and every quote is closed.
pub(super) fn is_params(text: &str) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' | b'>' | b',' if !quoted => return false,
            _ => {}
        }
    }
    !quoted
}

/// Splits at `separator` outside quotes and angle brackets.
fn split_outside(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut start = Some(0);
    std::iter::from_fn(move || {
        let from = start?;
        let (mut quoted, mut escaped, mut bracket) = (false, false, false);
        for (offset, &byte) in bytes.get(from..)?.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'<' => bracket = true,
                b'>' => bracket = false,
                _ if byte == separator && !bracket => {
                    start = Some(from + offset + 1);
                    return text.get(from..from + offset);
                }
                _ => {}
            }
        }
        start = None;
        text.get(from..)
    })
}

/// What stands between the commas of a header value, empty pieces too.
pub(crate) fn comma_pieces(text: &str) -> impl Iterator<Item = &str> {
    split_outside(text, b',')
}

/// The entries of a comma-separated header value, trimmed, empty ones left out.
pub(crate) fn comma_entries(text: &str) -> impl Iterator<Item = &str> {
    comma_pieces(text).map(str::trim).filter(|entry| !entry.is_empty())
}

/// The first entry of a comma-separated header value, from the start of the text on, its blanks included.
pub(super) fn first_entry(text: &str) -> &str {
    comma_pieces(text).next().unwrap_or(text)
}

/// The parameters of `;name=value;name`, in order; one without a value is empty.
pub(crate) fn params(text: &str) -> impl Iterator<Item = (&str, &str)> {
    split_outside(text, b';').map(str::trim).filter(|param| !param.is_empty()).map(name_value)
}

/// Splits `name = value`.
pub(crate) fn name_value(param: &str) -> (&str, &str) {
    param.split_once('=').map_or((param, ""), |(name, value)| (name.trim_end(), value.trim_start()))
}

/// The first parameter of that name.
pub(crate) fn find_param<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    params(text).find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
/// What a quoted string says; other text as it is.
pub(crate) fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(each) = rest.next() {
        plain.push(if each == '\\' { rest.next().unwrap_or(each) } else { each });
    }
    Cow::Owned(plain)
}
