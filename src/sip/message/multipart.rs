//! The session description in a body of several parts (RFC 2046 5.1, RFC 5621): gateways put what the telephone network
//! said beside it. Nothing else in there is read.

use super::{find_param, long_name, name_value, unquote};
use bytes::Bytes;

/// More parts than this are not looked at: the body is none that we can read.
const MOST_PARTS: usize = 8;
/// RFC 2046 5.1.1.
const LONGEST_BOUNDARY: usize = 70;
const KINDS: [&str; 3] = ["multipart/mixed", "multipart/alternative", "multipart/related"];
const SDP: &str = "application/sdp";

/// The one part that is SDP, when the body is well-formed and no other part must be understood (RFC 5621 5).
pub(super) fn sdp_part(content_type: &str, body: &Bytes) -> Option<Bytes> {
    let (kind, params) = content_type.split_at(content_type.find(';').unwrap_or(content_type.len()));
    KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind.trim())).then_some(())?;
    let boundary = unquote(find_param(params, "boundary")?);
    if boundary.is_empty() || boundary.len() > LONGEST_BOUNDARY || boundary.ends_with(' ') {
        return None;
    }
    let mut found = None;
    for part in parts(body, format!("--{boundary}").as_bytes())? {
        match Part::read(part)? {
            Part::Sdp(at) if found.is_none() => found = Some(body.slice_ref(at)),
            Part::Sdp(_) | Part::Needed => return None,
            Part::PassedOver => {}
        }
    }
    found
}

/// What stands between the delimiters; none unless the last one closes the body.
fn parts<'a>(body: &'a [u8], delimiter: &[u8]) -> Option<Vec<&'a [u8]>> {
    let (mut parts, mut begin) = (Vec::new(), None);
    let mut at = 0;
    while at <= body.len() {
        let rest = body.get(at..)?;
        let end = rest.windows(2).position(|two| two == b"\r\n");
        let line = rest.get(..end.unwrap_or(rest.len()))?;
        if let Some(tail) = line.strip_prefix(delimiter) {
            let tail = tail.trim_ascii_end();
            if tail.is_empty() || tail == b"--" {
                if let Some(begin) = begin {
                    // The line end before a delimiter is the delimiter's.
                    parts.push(body.get(begin..at.saturating_sub(2)).unwrap_or_default());
                }
                if !tail.is_empty() {
                    return Some(parts);
                }
                if parts.len() >= MOST_PARTS {
                    return None;
                }
                begin = Some(at + end? + 2);
            }
        }
        at += end? + 2;
    }
    None
}

enum Part<'a> {
    Sdp(&'a [u8]),
    /// Nobody knows it, and its sender says that we must.
    Needed,
    PassedOver,
}

impl<'a> Part<'a> {
    fn read(part: &'a [u8]) -> Option<Part<'a>> {
        let (head, content) = match part.strip_prefix(b"\r\n") {
            Some(content) => (&b""[..], content),
            None => {
                let end = part.windows(4).position(|four| four == b"\r\n\r\n")?;
                (part.get(..end)?, part.get(end + 4..)?)
            }
        };
        let head = std::str::from_utf8(head).ok()?;
        let value = |wanted: &str| {
            head.split("\r\n").find_map(|line| {
                let (name, value) = line.split_once(':')?;
                long_name(name.trim()).eq_ignore_ascii_case(wanted).then(|| value.trim())
            })
        };
        let is = |value: &str, wanted: &str| {
            value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
        };
        let is_plain = value("Content-Encoding").is_none_or(|coding| is(coding, "identity"))
            && value("Content-Transfer-Encoding")
                .is_none_or(|coding| ["7bit", "8bit", "binary"].iter().any(|plain| is(coding, plain)));
        let disposition = value("Content-Disposition").unwrap_or_default();
        let is_session = disposition.is_empty() || is(disposition, "session");
        if is_plain && is_session && value("Content-Type").is_some_and(|kind| is(kind, SDP)) {
            return Some(Part::Sdp(content));
        }
        let must = disposition.split(';').skip(1).map(name_value).any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("handling") && value.trim().eq_ignore_ascii_case("required")
        });
        Some(if must { Part::Needed } else { Part::PassedOver })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ISUP: &str = "Content-Type: application/isup;version=itu-t92+\r\n\r\n\u{1}\u{11}\r\n";

    fn found(content_type: &str, body: &str) -> Option<String> {
        let part = sdp_part(content_type, &Bytes::copy_from_slice(body.as_bytes()))?;
        Some(String::from_utf8_lossy(&part).into_owned())
    }

    #[test]
    fn the_one_part_that_is_sdp() {
        let sdp = "Content-Type: application/sdp\r\n\r\nv=0\r\n";
        let mixed = "multipart/mixed;boundary=b";
        let must = "Content-Type: a/b\r\nContent-Disposition: signal ; handling=required\r\n\r\nx\r\n";
        #[rustfmt::skip]
        let rows = [
            ("alone", mixed, format!("--b\r\n{sdp}--b--"), true),
            ("between others", mixed, format!("--b\r\n{ISUP}--b\r\n{sdp}--b \r\n{ISUP}\r\n--b--\r\n"), true),
            ("after a preamble, before an epilogue", mixed, format!("for\r\n--b\r\n{sdp}--b--\r\nafter\r\n--b\r\n"), true),
            ("a quoted boundary", "Multipart/Mixed ; boundary=\"b\"", format!("--b\r\n{sdp}--b--\r\n"), true),
            ("spelt otherwise", mixed, "--b\r\nc : APPLICATION/SDP;x=y\r\nContent-Disposition: session\r\n\r\nv=0\r\n--b--".to_owned(), true),
            ("a longer line is no delimiter", mixed, format!("--b\r\nX: y\r\n\r\n--bb\r\n--b\r\n{sdp}--b--"), true),
            ("5: another that must be understood", mixed, format!("--b\r\n{sdp}--b\r\n{must}--b--"), false),
            ("two of them", mixed, format!("--b\r\n{sdp}--b\r\n{sdp}--b--"), false),
            ("none", mixed, format!("--b\r\n{ISUP}--b--"), false),
            ("no end", mixed, format!("--b\r\n{sdp}--b\r\n"), false),
            ("encoded", mixed, "--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b--".to_owned(), false),
            ("for another purpose", mixed, "--b\r\nContent-Type: application/sdp\r\nContent-Disposition: render\r\n\r\nv=0\r\n--b--".to_owned(), false),
            ("no boundary", "multipart/mixed", format!("--b\r\n{sdp}--b--"), false),
            ("an empty one", "multipart/mixed;boundary=\"\"", format!("--\r\n{sdp}----"), false),
            ("another", "multipart/mixed;boundary=c", format!("--b\r\n{sdp}--b--"), false),
            ("signed", "multipart/signed;boundary=b", format!("--b\r\n{sdp}--b--"), false),
            ("too many", mixed, format!("{}--b\r\n{sdp}--b--", format!("--b\r\n{ISUP}").repeat(8)), false),
            ("nothing", mixed, String::new(), false),
        ];
        for (what, content_type, body, expected) in rows {
            let expected = expected.then_some("v=0");
            assert_eq!(found(content_type, &body).as_deref(), expected, "{what}");
        }
    }

    proptest! {
        #[test]
        fn noise_in_parts_is_read_or_refused(pieces in prop::collection::vec(0..9usize, 0..24), noise in ".{0,9}") {
            let texts = ["--b", "--b--", "\r\n", "\r", "\n", "Content-Type: application/sdp", ":", "v=0", &noise];
            let body: String = pieces.into_iter().map(|piece| texts[piece]).collect();
            if let Some(part) = found("multipart/mixed;boundary=b", &body) {
                prop_assert!(body.contains(&part));
            }
        }
    }
}
