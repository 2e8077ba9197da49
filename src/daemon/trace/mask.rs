//! What a trace does not show: credentials never, people's numbers and names only when asked for.

use bytes::Bytes;
use std::ops::Range;

/// Headers whose value proves something.
const SECRET: [&str; 3] = ["authorization", "proxy-authorization", "authentication-info"];
/// Headers that say who somebody is.
const PERSONAL: [&str; 14] = [
    "from",
    "f",
    "to",
    "t",
    "contact",
    "m",
    "p-asserted-identity",
    "p-preferred-identity",
    "remote-party-id",
    "diversion",
    "history-info",
    "referred-by",
    "b",
    "p-called-party-id",
];

/// The message with its credentials and media keys overwritten, when it has any; its length stays.
pub fn without_credentials(bytes: &[u8]) -> Option<Bytes> {
    let secrets: Vec<Range<usize>> = lines(bytes)
        .filter_map(|line| {
            let text = bytes.get(line.clone())?;
            let key = ["a=crypto:", "k="].iter().find(|start| text.starts_with(start.as_bytes())).map(|it| it.len());
            let value = named(text).filter(|(name, _)| SECRET.contains(&name.as_str())).map(|(_, at)| at);
            value.or(key).map(|at| line.start + at..line.end)
        })
        .collect();
    (!secrets.is_empty()).then(|| {
        let mut masked = bytes.to_vec();
        for secret in secrets {
            overwrite(&mut masked, secret, |byte| byte != b'\r');
        }
        masked.into()
    })
}

/// The message with names and numbers of people overwritten by `x`; numbers of ours stay, and its length too.
pub fn without_people(bytes: &[u8], ours: &[String]) -> Vec<u8> {
    let mut masked = bytes.to_vec();
    for line in lines(bytes) {
        let text = bytes.get(line.clone()).unwrap_or_default();
        match named(text) {
            Some((name, at)) if PERSONAL.contains(&name.as_str()) => {
                mask_addresses(&mut masked, line.start + at..line.end, ours);
            }
            _ if text.starts_with(b"o=") => {
                let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
                overwrite(&mut masked, line.start + 2..line.start + end, |byte| byte.is_ascii_alphanumeric());
            }
            _ if line.start == 0 && !text.starts_with(b"SIP/") => mask_addresses(&mut masked, line, ours),
            _ => {}
        }
    }
    masked
}

/// Each `<user@host>` and the name before it: parameters and hosts are nobody's.
fn mask_addresses(bytes: &mut [u8], place: Range<usize>, ours: &[String]) {
    let text: Vec<u8> = bytes.get(place.clone()).unwrap_or_default().to_vec();
    let mut from = 0;
    while let Some(scheme) = find_scheme(&text, from) {
        // A name stands between the start (or a comma) and the bracket.
        if let Some(bracket) = text.get(from..scheme).and_then(|name| name.iter().rposition(|&byte| byte == b'<')) {
            overwrite(bytes, place.start + from..place.start + from + bracket, |byte| {
                byte.is_ascii_alphanumeric() || byte >= 0x80
            });
        }
        let user = text.get(scheme..).unwrap_or_default();
        let length = user.iter().position(|byte| b"@;>? ".contains(byte)).unwrap_or(user.len());
        let has_user = user.get(length) == Some(&b'@') || text.get(..scheme).is_some_and(|it| it.ends_with(b"tel:"));
        let is_ours = ours.iter().any(|number| user.get(..length) == Some(number.as_bytes()));
        if has_user && !is_ours && user.get(..length) != Some(b"centralino") {
            let start = place.start + scheme;
            overwrite(bytes, start..start + length, |byte| byte.is_ascii_alphanumeric() || byte >= 0x80);
        }
        let end = text.get(scheme..).and_then(|rest| rest.iter().position(|&byte| byte == b','));
        from = end.map_or(text.len(), |comma| scheme + comma + 1);
    }
}

/// Where the part after the next `sip:`, `sips:` or `tel:` begins.
fn find_scheme(text: &[u8], from: usize) -> Option<usize> {
    (from..text.len()).find(|&at| {
        let before = text.get(from..at).unwrap_or_default().to_ascii_lowercase();
        [&b"sip:"[..], b"sips:", b"tel:"].iter().any(|scheme| before.ends_with(scheme))
    })
}

fn overwrite(bytes: &mut [u8], place: Range<usize>, which: impl Fn(u8) -> bool) {
    bytes.get_mut(place).into_iter().flatten().filter(|byte| which(**byte)).for_each(|byte| *byte = b'x');
}

/// A header line's name in lower case, and where its value begins.
fn named(line: &[u8]) -> Option<(String, usize)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = line.get(..colon)?.trim_ascii();
    (!name.is_empty()).then(|| (String::from_utf8_lossy(name).to_ascii_lowercase(), colon + 1))
}

/// The lines of a message, folded ones as one, without their line feeds.
fn lines(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from;
        loop {
            let rest = bytes.get(from..).filter(|rest| !rest.is_empty())?;
            from += rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
            if !bytes.get(from).is_some_and(|next| b" \t".contains(next)) {
                return Some(start..from - usize::from(bytes.get(from - 1) == Some(&b'\n')));
            }
        }
    })
}
