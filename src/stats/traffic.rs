//! SIP messages by who is at the other end, direction, and method or status code: closed sets, so that no peer can make
//! a label.

use crate::facts::closed_set;

closed_set! {
    /// Who is at the other end. Never an address.
    Peer {
        /// Calls may come from there: trunks, gateways, proxies (`sip.trusted`).
        Trusted = "trusted",
        /// An agent's phone is registered from there.
        Phone = "phone",
        /// Anybody else.
        Stranger = "stranger",
    }
}

closed_set! {
    /// Which way.
    Direction {
        /// To us.
        Received = "received",
        /// From us.
        Sent = "sent",
    }
}

closed_set! {
    /// What is asked.
    Method {
        /// A call, or a change of one.
        Invite = "INVITE",
        /// A final answer to an INVITE has come.
        Ack = "ACK",
        /// A call is over.
        Bye = "BYE",
        /// A call is taken back.
        Cancel = "CANCEL",
        /// Are you there?
        Options = "OPTIONS",
        /// A phone says where it is.
        Register = "REGISTER",
        /// A change of a session.
        Update = "UPDATE",
        /// A key.
        Info = "INFO",
        /// A provisional answer has come.
        Prack = "PRACK",
        /// A call is to be sent elsewhere.
        Refer = "REFER",
        /// How a transfer goes.
        Notify = "NOTIFY",
        /// Everything else, nonsense included.
        Other = "other",
    }
}

/// The status codes that have a label of their own; the others are counted by their class.
const CODES: [&str; 33] = [
    "100", "180", "183", "200", "202", "301", "302", "400", "401", "403", "404", "405", "407", "408", "415", "420",
    "422", "423", "480", "481", "482", "483", "486", "487", "488", "491", "500", "501", "503", "504", "600", "603",
    "606",
];
const CLASSES: [&str; 7] = ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx", "other"];

/// How many places there are for requests.
pub(super) const REQUESTS: usize = Peer::ALL.len() * Direction::ALL.len() * Method::ALL.len();
/// How many places there are for responses.
pub(super) const RESPONSES: usize = Peer::ALL.len() * Direction::ALL.len() * (CODES.len() + CLASSES.len());

/// What a message is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request.
    Request(Method),
    /// A response, with the position of its code's label.
    Response(usize),
}

impl Kind {
    /// Reads no more than the first word, or the code after it.
    pub fn of(bytes: &[u8]) -> Kind {
        if let Some(code) = bytes.strip_prefix(b"SIP/2.0 ").map(|rest| rest.get(..3).unwrap_or_default()) {
            let known = CODES.iter().position(|known| known.as_bytes() == code);
            return Kind::Response(known.unwrap_or_else(|| CODES.len() + class(code)));
        }
        let word = bytes.split(|&byte| byte == b' ').next().unwrap_or_default();
        let named = Method::ALL.iter().find(|method| method.label().as_bytes() == word);
        Kind::Request(named.copied().unwrap_or(Method::Other))
    }
}

fn class(code: &[u8]) -> usize {
    let first = code.first().copied().unwrap_or(0);
    CLASSES.iter().position(|class| class.as_bytes().first() == Some(&first)).unwrap_or(CLASSES.len() - 1)
}

/// Where a request's number is, counted from the first.
pub(super) fn request_place(peer: Peer, direction: Direction, method: Method) -> usize {
    (peer.index() * Direction::ALL.len() + direction.index()) * Method::ALL.len() + method.index()
}

/// Where a response's number is, counted from the first.
pub(super) fn response_place(peer: Peer, direction: Direction, code: usize) -> usize {
    (peer.index() * Direction::ALL.len() + direction.index()) * (CODES.len() + CLASSES.len()) + code
}

/// The labels of codes, in the order of their positions.
pub(super) fn code_labels() -> impl Iterator<Item = &'static str> {
    CODES.iter().chain(&CLASSES).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_by_their_first_bytes() {
        let label = |text: &str| match Kind::of(text.as_bytes()) {
            Kind::Request(method) => method.label(),
            Kind::Response(code) => code_labels().nth(code).expect("a label"),
        };
        let rows = [
            ("INVITE sip:a@b SIP/2.0", "INVITE"),
            ("REFER sip:a", "REFER"),
            ("invite sip:a", "other"),
            ("", "other"),
            ("SIP/2.0 200 OK", "200"),
            ("SIP/2.0 299 What", "2xx"),
            ("SIP/2.0 699", "6xx"),
            ("SIP/2.0 7", "other"),
            ("SIP/2.0 ", "other"),
        ];
        for (text, wanted) in rows {
            assert_eq!(label(text), wanted, "{text}");
        }
    }

    #[test]
    fn every_combination_has_a_place_of_its_own() {
        let mut requests = Vec::new();
        let mut responses = Vec::new();
        for &peer in Peer::ALL {
            for &direction in Direction::ALL {
                requests.extend(Method::ALL.iter().map(|&method| request_place(peer, direction, method)));
                responses.extend((0..code_labels().count()).map(|code| response_place(peer, direction, code)));
            }
        }
        assert!(requests.iter().copied().eq(0..REQUESTS));
        assert!(responses.iter().copied().eq(0..RESPONSES));
    }
}
