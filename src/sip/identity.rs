//! Who calls and what was dialled, out of a request's many ways to say so.
//!
//! What only a network may assert is read from trusted peers alone (RFC 3325 5); an agent's phone elsewhere is who its
//! password says. Header names have been normalised once before, so there is one spelling of each.

use super::message::{Head, NameAddr, Request, Scheme, comma_entries};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Where the number dialled is looked for; the Request-URI has it when the chosen place is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NumberFrom {
    /// The Request-URI.
    #[default]
    RequestUri,
    /// To.
    To,
    /// P-Called-Party-ID (RFC 7315 4.2).
    CalledParty,
    /// The oldest entry of Diversion (RFC 5806): what was dialled before anybody diverted the call.
    Diversion,
    /// The oldest entry of History-Info (RFC 7044): what was dialled before anybody retargeted the call.
    HistoryInfo,
}

/// Where a trunk says who calls; From has it when the chosen place is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallerFrom {
    /// P-Asserted-Identity (RFC 3325 9.1).
    #[default]
    Asserted,
    /// Remote-Party-ID, which older gateways write (draft-ietf-sip-privacy-04).
    RemoteParty,
    /// From alone.
    From,
}

/// Who calls. Personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The number, unescaped; empty when it is not to be shown.
    pub number: String,
    /// The name, if any.
    pub display: Option<String>,
}

/// The number dialled.
pub fn called(request: &Request, from: NumberFrom) -> String {
    let head = &request.head;
    let found = match from {
        NumberFrom::RequestUri => None,
        NumberFrom::To => Some(head.to.uri.number()),
        NumberFrom::CalledParty => first(head, "P-Called-Party-ID").map(|address| address.uri.number()),
        NumberFrom::HistoryInfo => first(head, "History-Info").map(|address| address.uri.number()),
        NumberFrom::Diversion => {
            head.values("Diversion").flat_map(comma_entries).last().and_then(read).map(|address| address.uri.number())
        }
    };
    found.filter(|number| !number.is_empty()).unwrap_or_else(|| request.called())
}

/// Who calls: as the network asserts (RFC 3325 9.1), else as From says; nobody, if they asked for that (RFC 3323 4.2,
/// RFC 3325 9.3) or From is anonymous already (RFC 3323 4.1.1.3).
pub fn caller(request: &Request, from: CallerFrom) -> Caller {
    let head = &request.head;
    let asserted = match from {
        CallerFrom::Asserted => first_with_number(head, "P-Asserted-Identity"),
        CallerFrom::RemoteParty => first_with_number(head, "Remote-Party-ID"),
        CallerFrom::From => None,
    };
    let shown = asserted.as_ref().unwrap_or(&head.from);
    let is_private = |privacy: &str| !["off", "none"].iter().any(|no| privacy.eq_ignore_ascii_case(no));
    let withheld = ["id", "header", "user"].iter().any(|wish| asks_for(head, wish))
        || asserted.as_ref().and_then(|it| it.param("privacy")).is_some_and(is_private);
    let anonymous = shown.uri.host().eq_ignore_ascii_case("anonymous.invalid");
    if withheld || anonymous {
        return Caller::default();
    }
    Caller { number: shown.uri.number(), display: shown.display_name().filter(|name| !name.is_empty()) }
}

/// The number under a secret: equal for equal numbers, and no way back (the first half of half an HMAC-SHA-256).
pub fn tag(secret: &[u8; 32], number: &str) -> u64 {
    let mac = Hmac::<Sha256>::new_from_slice(secret).map(|mac| mac.chain_update(number).finalize().into_bytes());
    mac.ok().and_then(|mac| mac.first_chunk().map(|first| u64::from_be_bytes(*first))).unwrap_or_default()
}

/// Who calls, as an agent's phone that is no trusted peer may say: the name that its password has proven.
pub fn caller_by_from(request: &Request) -> Caller {
    Caller { number: request.head.from.uri.number(), display: None }
}

/// Whether Privacy lists a wish: by semicolons (RFC 3323 4.2), by commas from some.
fn asks_for(head: &Head, wish: &str) -> bool {
    head.values("Privacy").flat_map(|value| value.split([';', ','])).any(|each| each.trim().eq_ignore_ascii_case(wish))
}

fn first_with_number(head: &Head, name: &str) -> Option<NameAddr> {
    head.values(name).flat_map(comma_entries).filter_map(read).find(has_number)
}

fn first(head: &Head, name: &str) -> Option<NameAddr> {
    head.header(name).and_then(|value| comma_entries(value).next()).and_then(read)
}

/// What cannot be read was not said.
fn read(entry: &str) -> Option<NameAddr> {
    NameAddr::parse(entry).ok()
}

fn has_number(address: &NameAddr) -> bool {
    matches!(address.uri.scheme(), Scheme::Sip | Scheme::Sips | Scheme::Tel) && !address.uri.number().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::api::{Flow, Transport};
    use crate::sip::message::Message;

    fn request(headers: &str) -> Request {
        let text = format!(
            "INVITE sip:800@acd.test SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: \"Mario \\\"M\\\" Rossi\" <sip:055@pbx.test>;tag=1\r\n\
             To: <sip:+39800@acd.test>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        let flow = Flow { transport: Transport::Udp, remote: ([192, 0, 2, 1], 5060).into(), connection: 0 };
        match Message::parse(text.as_bytes(), flow) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_calls() {
        let rows = [
            ("", "055", Some("Mario \"M\" Rossi")),
            ("P-Asserted-Identity: <tel:+39-06-1>\r\n", "+39061", None),
            ("p-asserted-identity : \"Anna\" <sip:06@x>, <tel:+39061>\r\n", "06", Some("Anna")),
            ("P-Asserted-Identity: <urn:x>\r\nP-Asserted-Identity: <sip:07@x>\r\n", "07", None),
            ("P-Asserted-Identity: <sip:broken\r\n", "055", Some("Mario \"M\" Rossi")),
            ("P-Asserted-Identity: <sip:06@x>\r\nPrivacy: id\r\n", "", None),
            ("Privacy: critical; ID\r\n", "", None),
            ("Privacy: none\r\n", "055", Some("Mario \"M\" Rossi")),
            ("P-Asserted-Identity: Anonymous <sip:anonymous@anonymous.invalid>\r\n", "", None),
        ];
        for (headers, number, display) in rows {
            let caller = caller(&request(headers), CallerFrom::Asserted);
            assert_eq!((caller.number.as_str(), caller.display.as_deref()), (number, display), "{headers}");
        }
    }

    #[test]
    fn who_calls_by_trunks_of_other_habits() {
        const PARTY: &str = "Remote-Party-ID: \"Ufficio\" <sip:06@x>;party=calling;privacy=off;screen=yes\r\n";
        let rows = [
            (PARTY.to_owned(), CallerFrom::RemoteParty, "06", Some("Ufficio")),
            (PARTY.replace("privacy=off", "privacy=full"), CallerFrom::RemoteParty, "", None),
            (PARTY.to_owned(), CallerFrom::Asserted, "055", Some("Mario \"M\" Rossi")),
            ("P-Asserted-Identity: <sip:06@x>\r\n".to_owned(), CallerFrom::From, "055", Some("Mario \"M\" Rossi")),
            ("Privacy: id\r\n".to_owned(), CallerFrom::From, "", None),
        ];
        for (headers, from, number, display) in rows {
            let caller = caller(&request(&headers), from);
            assert_eq!((caller.number.as_str(), caller.display.as_deref()), (number, display), "{from:?}: {headers}");
        }
    }

    #[test]
    fn what_was_dialled() {
        let headers = "P-Called-Party-ID: <sip:801@x>\r\n\
            Diversion: <sip:802@x>;reason=no-answer, <tel:+39-803>;reason=unconditional\r\n";
        let rows = [
            (headers, NumberFrom::RequestUri, "800"),
            (headers, NumberFrom::To, "+39800"),
            (headers, NumberFrom::CalledParty, "801"),
            (headers, NumberFrom::Diversion, "+39803"),
            (
                "History-Info: <sip:804@x?Reason=SIP%3Bcause%3D302>;index=1, <sip:805@x>;index=1.1\r\n",
                NumberFrom::HistoryInfo,
                "804",
            ),
            ("history-info : <tel:+39-804>;index=1\r\n", NumberFrom::HistoryInfo, "+39804"),
            ("", NumberFrom::HistoryInfo, "800"),
            ("", NumberFrom::CalledParty, "800"),
            ("Diversion: <<\r\n", NumberFrom::Diversion, "800"),
        ];
        for (headers, from, number) in rows {
            assert_eq!(called(&request(headers), from), number, "{from:?}: {headers}");
        }
    }
}
