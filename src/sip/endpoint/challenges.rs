//! Challenges to requests of ours (RFC 3261 22.2, 22.3).
//!
//! Only a trunk's are answered, for a call that we made to it, from its own address, in the realm that we have a
//! password for, and once. Whoever else asks would get a proof of our password to use elsewhere (hostile-world R16).

use super::{Core, Owner};
use crate::sip::api::{DialogId, Transport};
use crate::sip::dialog::{Cancel, OwnInvite};
use crate::sip::digest::{Challenge, Client};
use crate::sip::message::{Method, Response};
use crate::sip::transaction::TransactionId;
use std::net::IpAddr;

/// The header that proves who we are, and its value.
pub(super) type Proof = (&'static str, String);

impl Core {
    /// Our INVITE as it is to go out again with credentials; none when its challenge is not to be answered.
    pub(super) fn challenged(&mut self, id: TransactionId, response: &Response) -> Option<Box<OwnInvite>> {
        names(response)?;
        let Some(Owner::Inviting(invite)) = self.transactions.user(id) else { return None };
        if invite.authorization.is_some() {
            return None;
        }
        let mut next = invite.clone();
        if self.cancel_of(next.dialog) != Some(Cancel::No) || self.transactions.is_full() {
            return None;
        }
        let asked = (Method::Invite, next.uri.as_str());
        next.authorization = Some(self.prove(next.flow.remote.ip(), asked, response)?);
        self.renumber(&mut next);
        Some(next)
    }

    /// What a request within a call of ours is to prove when it goes out again; none when its challenge is not to be
    /// answered.
    pub(super) fn challenged_within(&mut self, id: DialogId, response: &Response) -> Option<Proof> {
        names(response)?;
        let is_full = self.transactions.is_full();
        let dialog = self.dialogs.look(id).filter(|dialog| dialog.is_call_ours && !is_full)?;
        let asked = response.head.cseq;
        if dialog.proven == Some(asked.number) {
            return None;
        }
        let (hop, uri) = (dialog.next_hop().remote.ip(), dialog.request_uri().clone());
        self.prove(hop, (asked.method, uri.as_str()), response)
    }

    /// The proof for a request that went, and goes again, to this address.
    fn prove(&mut self, hop: IpAddr, (method, uri): (Method, &str), response: &Response) -> Option<Proof> {
        let (asks, answers) = names(response)?;
        let cnonce = self.tokens.tag();
        let (called, told) = (self.trunks.at(hop)?, self.trunks.at(response.flow.remote.ip())?);
        let credentials = called.1.credentials.as_ref().filter(|_| called.0 == told.0)?;
        let mut challenges = response.head.values(asks).filter_map(Challenge::parse);
        let challenge = challenges.find(|challenge| challenge.realm == credentials.realm)?;
        let client = Client { user: &credentials.user, secret: &credentials.secret };
        Some((answers, client.answer(&challenge, method, uri, 1, &cnonce)))
    }

    /// Makes of an INVITE its next attempt: the same leg by another transaction (RFC 3261 8.1.3.4, 8.1.3.5).
    pub(super) fn renumber(&mut self, invite: &mut OwnInvite) {
        invite.cseq += 1;
        invite.last_cseq = invite.cseq;
        invite.branch = self.tokens.branch();
        invite.reliable.clear();
        if invite.flow.transport == Transport::Udp {
            invite.flow.connection = 0;
        }
    }
}

/// The headers by which this response asks, and by which it is answered.
fn names(response: &Response) -> Option<(&'static str, &'static str)> {
    match response.status {
        401 => Some(("WWW-Authenticate", "Authorization")),
        407 => Some(("Proxy-Authenticate", "Proxy-Authorization")),
        _ => None,
    }
}
