//! What tells server transactions apart (RFC 3261 17.2.3), as text to look them up by.

use crate::sip::api::Transport;
use crate::sip::message::Via;
use std::fmt::Write as _;

/// What of a request says which server transaction it belongs to (RFC 3261 17.2.3).
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestKey<'a> {
    /// How it came: nothing that came by one transport repeats what came by another (RFC 3261 18.1.1, 17.2.3).
    pub transport: Transport,
    /// ACK and CANCEL are looked for as INVITE.
    pub method: &'a str,
    /// The top Via.
    pub via: &'a Via,
    /// The Request-URI.
    pub uri: &'a str,
    /// The From tag.
    pub from_tag: &'a str,
    /// The Call-ID.
    pub call_id: &'a str,
    /// The CSeq number.
    pub cseq: u32,
}

impl RequestKey<'_> {
    pub(super) fn write(&self, key: &mut String) {
        key.clear();
        let RequestKey { transport, method, via, uri, from_tag, call_id, cseq } = *self;
        key.push(match transport {
            Transport::Udp => 'u',
            Transport::Tcp => 't',
        });
        let (host, port, branch) = (&via.host, via.port.unwrap_or(5060), via.branch.as_deref().unwrap_or_default());
        let _ = match via.magic() {
            // The branch alone should do. Some phones use one for all their calls, and a CANCEL or ACK that differs in
            // what 9.1 and 17.1.1.3 copy from the INVITE is none of it.
            Some(branch) => write!(key, "{method}\n{branch}\n{from_tag}\n{call_id}\n{cseq}\n{host}\n{port}"),
            // RFC 2543 clients have no unique branch. The To tag of 17.2.3 is left out: it differs between INVITE and
            // ACK, and Call-ID, From tag and CSeq name one request already.
            None => write!(key, "{method}\n{uri}\n{from_tag}\n{call_id}\n{cseq}\n{host}\n{port}\n{branch}"),
        };
        // Host names have no case; that the rest loses its own joins nothing that an honest peer keeps apart.
        key.make_ascii_lowercase();
    }

    /// RFC 3261 8.2.2.2: the same request that came by another path has these in common.
    pub(super) fn write_merge(&self, key: &mut String) {
        key.clear();
        let _ = write!(key, "{}\n{}\n{}\n{}", self.method, self.from_tag, self.call_id, self.cseq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two requests, each `method, Via, From tag, number`: whether they are one transaction, and whether they merge.
    #[test]
    fn matching() {
        type Request<'a> = (&'a str, &'a str, &'a str, u32);
        #[rustfmt::skip]
        let rows: &[(&str, Request<'_>, Request<'_>, bool, bool)] = &[
            ("17.2.3 1", ("INVITE", "SIP/2.0/UDP a;branch=z9hG4bK1", "x", 1), ("INVITE", "SIP/2.0/UDP a;branch=z9hG4bK1", "x", 1), true, true),
            ("17.2.3 1", ("INVITE", "SIP/2.0/UDP a;branch=z9hG4bK1", "x", 1), ("INVITE", "SIP/2.0/UDP a;branch=z9hG4bK2", "x", 1), false, true),
            ("17.2.3 2", ("INVITE", "SIP/2.0/UDP a;branch=z9hG4bK1", "x", 1), ("INVITE", "SIP/2.0/UDP b;branch=z9hG4bK1", "x", 1), false, true),
            ("17.2.3 2", ("INVITE", "SIP/2.0/UDP A;branch=z9hG4bK1", "x", 1), ("INVITE", "SIP/2.0/UDP a:5060;branch=z9hG4bK1", "x", 1), true, true),
            ("18.1.1", ("INVITE", "SIP/2.0/UDP a;branch=z9hG4bK1", "x", 1), ("INVITE", "SIP/2.0/TCP a;branch=z9hG4bK1", "x", 1), false, true),
            ("17.2.3 3", ("INVITE", "SIP/2.0/UDP a;branch=z9hG4bK1", "x", 1), ("BYE", "SIP/2.0/UDP a;branch=z9hG4bK1", "x", 1), false, false),
            ("9.1", ("INVITE", "SIP/2.0/UDP a;branch=z9hG4bK1", "x", 1), ("INVITE", "SIP/2.0/UDP a;branch=z9hG4bK1", "y", 1), false, false),
            ("9.1", ("INVITE", "SIP/2.0/UDP a;branch=z9hG4bK1", "x", 1), ("INVITE", "SIP/2.0/UDP a;branch=z9hG4bK1", "x", 2), false, false),
            ("17.2.3 RFC 2543", ("INVITE", "SIP/2.0/UDP a;branch=1", "x", 1), ("INVITE", "SIP/2.0/UDP a;branch=1", "x", 1), true, true),
            ("17.2.3 RFC 2543", ("INVITE", "SIP/2.0/UDP a", "x", 1), ("INVITE", "SIP/2.0/UDP a", "x", 2), false, false),
            ("17.2.3 RFC 2543", ("INVITE", "SIP/2.0/UDP a", "x", 1), ("INVITE", "SIP/2.0/UDP a", "y", 1), false, false),
            ("17.2.3 RFC 2543", ("INVITE", "SIP/2.0/UDP a", "x", 1), ("INVITE", "SIP/2.0/UDP a;branch=2", "x", 1), false, true),
        ];
        for (section, one, other, same, merges) in rows {
            let keys = [one, other].map(|&(method, via, from_tag, cseq)| {
                let via = Via::parse(via).expect("a Via");
                let transport = if via.transport == "TCP" { Transport::Tcp } else { Transport::Udp };
                let key = RequestKey { transport, method, via: &via, uri: "sip:a", from_tag, call_id: "c", cseq };
                let (mut written, mut merged) = (String::new(), String::new());
                key.write(&mut written);
                key.write_merge(&mut merged);
                (written, merged)
            });
            assert_eq!(keys[0].0 == keys[1].0, *same, "RFC 3261 {section}: {one:?} and {other:?}");
            assert_eq!(keys[0].1 == keys[1].1, *merges, "RFC 3261 8.2.2.2: {one:?} and {other:?}");
        }
    }
}
