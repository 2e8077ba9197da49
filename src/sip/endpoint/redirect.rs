//! A 3xx from an agent's phone (RFC 3261 8.1.3.4): followed once, to where the configuration allows, or not at all.
//!
//! Only phones that proved a password may send a call elsewhere, and only the one call that rings them: what follows is
//! the same leg, with the same Call-ID, tag and offer, and a second 3xx is its end. Callers choose nothing here.

use super::{Core, Owner, Turn};
use crate::sip::api::{Event, Flow, Transport};
use crate::sip::dialog::{Cancel, OwnInvite, Stage, literal_addr};
use crate::sip::message::{NameAddr, Response, Scheme, Uri};
use crate::sip::settings::Redirect;
use crate::sip::transaction::TransactionId;

/// More entries of Contact are not looked at.
const CONTACTS: usize = 16;

impl Core {
    /// Our INVITE as it is to go out again because of a 3xx; none when nobody wants it or it may not.
    pub(super) fn redirected(&mut self, id: TransactionId, response: &Response) -> Option<Box<OwnInvite>> {
        if self.settings.redirects.is_empty() || !(300..400).contains(&response.status) {
            return None;
        }
        let Some(Owner::Inviting(invite)) = self.transactions.user(id) else { return None };
        if !invite.may_be_redirected {
            return None;
        }
        let mut next = invite.clone();
        if self.cancel_of(next.dialog) != Some(Cancel::No) || self.transactions.is_full() {
            return None;
        }
        let mut contacts: Vec<&NameAddr> = response.head.contacts.iter().take(CONTACTS).collect();
        contacts.sort_by_key(|contact| std::cmp::Reverse(thousandths(contact.param("q"))));
        let is_ours = |flow: &Flow| [self.ours.udp, self.ours.tcp].contains(&flow.remote);
        let places = contacts.iter().map(|contact| &contact.uri).filter(|uri| !uri.is_equivalent(&next.uri));
        let (uri, flow) = places
            .filter_map(|uri| Some((uri, allowed(uri, &self.settings.redirects, &self.settings.country_code)?)))
            .find(|(_, flow)| !is_ours(flow))?;
        (next.uri, next.flow) = (uri.clone(), flow);
        next.may_be_redirected = false;
        self.renumber(&mut next);
        Some(next)
    }

    /// Sends an INVITE again. The leg goes on by the new transaction; the old one only repeats its ACK.
    pub(super) fn try_again(&mut self, invite: Box<OwnInvite>, turn: &mut Turn<'_>) {
        let (id, flow, branch) = (invite.dialog, invite.flow, invite.branch.clone());
        let Some(body) = self.dialogs.get(id).map(|dialog| dialog.local_sdp.clone()) else { return };
        let bytes = self.write_invite(&invite, &body);
        let transaction = self.transactions.open_invite_client(&branch, bytes, flow, Owner::Inviting(invite), turn);
        self.dialogs.move_to(id, flow);
        if let Some(dialog) = self.dialogs.get(id) {
            dialog.stage = Stage::Calling { transaction, progressed: false, cancel: Cancel::No };
        }
    }

    /// [`Core::try_again`] at another place.
    pub(super) fn follow(&mut self, invite: Box<OwnInvite>, turn: &mut Turn<'_>) {
        let dialog = invite.dialog;
        self.try_again(invite, turn);
        turn.event(Event::Redirected { dialog });
    }
}

/// The way to a Contact of a 3xx, if the configuration names it: plain SIP to a literal address, and nothing in it that
/// would make more of our INVITE than another place (attached headers, a method) or another place than it shows (maddr).
fn allowed(uri: &Uri, redirects: &[Redirect], country: &str) -> Option<Flow> {
    let is_plain = uri.scheme() == Scheme::Sip && !uri.has_headers() && uri.param("maddr").is_none();
    let is_call = uri.param("method").is_none_or(|method| method.eq_ignore_ascii_case("INVITE"));
    let remote = literal_addr(uri).filter(|_| is_plain && is_call)?;
    let transport = uri.param("transport").map_or(Some(Transport::Udp), Transport::named)?;
    let (ip, number) = (remote.ip().to_canonical(), uri.number());
    let names = |redirect: &Redirect| {
        redirect.hosts.contains(&ip)
            && redirect.numbers.as_ref().is_none_or(|numbers| numbers.contains(&number, country))
    };
    redirects.iter().any(names).then_some(Flow { transport, remote, connection: 0 })
}

/// RFC 3261 20.10: 1 unless written; what is no number comes last.
fn thousandths(q: Option<&str>) -> u16 {
    let Some(q) = q else { return 1_000 };
    let (whole, fraction) = q.trim().split_once('.').unwrap_or((q.trim(), ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" => 1_000,
        "0" if digits => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Numbers;

    #[test]
    fn places_by_host_and_number() {
        let redirects = [
            Redirect { numbers: None, hosts: "192.0.2.0/28".parse().expect("a network") },
            Redirect { numbers: Numbers::parse("+3906*"), hosts: "198.51.100.1/32".parse().expect("a network") },
        ];
        #[rustfmt::skip]
        let rows = [
            ("8.1.3.4", "sip:anybody@192.0.2.7", Some("Udp 192.0.2.7:5060")),
            ("8.1.3.4", "sip:x@192.0.2.7:5080;transport=TCP", Some("Tcp 192.0.2.7:5080")),
            ("8.1.3.4", "sip:0612345678@198.51.100.1", Some("Udp 198.51.100.1:5060")),
            ("8.1.3.4", "sip:+390612345678@198.51.100.1", Some("Udp 198.51.100.1:5060")),
            ("8.1.3.4", "sip:0212345678@198.51.100.1", None),
            ("8.1.3.4", "sip:a@192.0.2.77", None),
            ("8.1.3.4", "sip:a@phones.example", None),
            ("19.1.5",  "sip:a@192.0.2.7?Replaces=x", None),
            ("19.1.5",  "sip:a@192.0.2.7;method=BYE", None),
            ("19.1.1",  "sip:a@192.0.2.7;maddr=203.0.113.9", None),
            ("19.1.1",  "sip:a@192.0.2.7;transport=tls", None),
            ("19.1.5",  "sips:a@192.0.2.7", None),
            ("19.1.5",  "tel:+390612345678", None),
        ];
        for (section, uri, expected) in rows {
            let uri = Uri::parse(uri).expect("a URI");
            let way = allowed(&uri, &redirects, "39").map(|flow| format!("{:?} {}", flow.transport, flow.remote));
            assert_eq!(way.as_deref(), expected, "RFC 3261 {section}: {uri}");
        }
    }

    #[test]
    fn preferences() {
        let rows = [(None, 1_000), (Some("0.5"), 500), (Some("1.000"), 1_000), (Some("0"), 0), (Some("x"), 0)];
        for (written, expected) in rows {
            assert_eq!(thousandths(written), expected, "{written:?}");
        }
    }
}
