//! The few lines of a message that matching and answers need, as they stand there: one pass, and nothing is copied that
//! is not folded.

use super::{Lines, MANDATORY, Raw, SINGLE};
use crate::sip::message::{Via, long_name};
use std::borrow::Cow;

/// The text of a head; what is no UTF-8 in it is made visible.
pub(super) fn text_of(head: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(head).map_or_else(|_| String::from_utf8_lossy(head), Cow::Borrowed)
}

/// The same of a whole message, or of as much of it as there is.
pub(in crate::sip) fn head_of(bytes: &[u8]) -> Cow<'_, str> {
    text_of(Raw::of(bytes).head)
}

/// The lines, without having been judged.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    /// All Via lines.
    pub vias: Vec<Cow<'a, str>>,
    /// The first of each of From, To, Call-ID and CSeq.
    pub echoed: [Option<Cow<'a, str>>; MANDATORY],
}

impl<'a> Outline<'a> {
    /// Looks at no more than so many lines.
    pub fn of(head: &'a str, most: usize) -> Outline<'a> {
        let mut outline = Outline::default();
        for line in Lines::of(head).take(most) {
            // Nearly all other lines end here.
            if !line.starts_with(['V', 'v', 'F', 'f', 'T', 't', 'C', 'c', 'I', 'i']) {
                continue;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            let (name, from) = (long_name(name.trim()), line.len() - value.len());
            let place = SINGLE[..MANDATORY].iter().position(|each| each.eq_ignore_ascii_case(name));
            let is_via = name.eq_ignore_ascii_case("Via");
            if !is_via && place.is_none_or(|at| outline.echoed[at].is_some()) {
                continue;
            }
            let value = match line {
                Cow::Borrowed(line) => Cow::Borrowed(line[from..].trim()),
                Cow::Owned(line) => Cow::Owned(line[from..].trim().to_owned()),
            };
            match place {
                Some(at) => outline.echoed[at] = Some(value),
                None => outline.vias.push(value),
            }
        }
        outline
    }

    /// The first Via that can be read.
    pub fn via(&self) -> Option<Via> {
        self.vias.iter().find_map(|line| Via::parse(line).ok())
    }

    pub fn from(&self) -> Option<&str> {
        self.echoed[0].as_deref()
    }

    pub fn to(&self) -> Option<&str> {
        self.echoed[1].as_deref()
    }

    pub fn call_id(&self) -> Option<&str> {
        self.echoed[2].as_deref()
    }

    pub fn cseq(&self) -> Option<&str> {
        self.echoed[3].as_deref()
    }
}

/// Whether a To has a tag; of a broken one that is found by its letters.
pub(super) fn has_tag(to: &str) -> bool {
    to.as_bytes().windows(3).any(|letters| letters.eq_ignore_ascii_case(b"tag"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_every_spelling_and_the_first_counts() {
        let head = "INVITE sip:a SIP/2.0\r\nv: SIP/2.0/UDP a\r\nVIA: SIP/2.0/UDP b\r\nf: x\r\nSubject: t\r\n\
                    To : y,\r\n ;tag=1\r\ni:7\r\nCall-ID: 8\r\ncseq: 1 INVITE\r\nContact: c\r\n\r\n";
        let outline = Outline::of(head, 20);
        assert_eq!(outline.vias, ["SIP/2.0/UDP a", "SIP/2.0/UDP b"]);
        let found = [outline.from(), outline.to(), outline.call_id(), outline.cseq()];
        assert_eq!(found, [Some("x"), Some("y, ;tag=1"), Some("7"), Some("1 INVITE")]);
        assert!(outline.echoed[0].as_ref().is_some_and(|from| matches!(from, Cow::Borrowed(_))));
        assert_eq!(Outline::of(head, 2).from(), None, "no more than it may look at");
    }

    #[test]
    fn tags_are_found_by_their_letters() {
        for (to, has) in [("<sip:a>;tag=x", true), ("<sip:a>;TAG", true), ("<sip:a>", false), ("ta", false)] {
            assert_eq!(has_tag(to), has, "{to}");
        }
    }
}
