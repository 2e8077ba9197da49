//! Agents' legs: INVITEs of ours, their answers, forks and CANCEL (RFC 3261 13.2, 9.1).

use super::{Core, Owner, Turn};
use crate::sip::Reason;
use crate::sip::api::{AccountId, DialogId, Event, Flow, RefusedBy, Transmit, Transport, Turned};
use crate::sip::dialog::{Cancel, Dialog, Fork, OwnInvite, Stage, literal_addr};
use crate::sip::lookup::HostName;
use crate::sip::message::{ALLOW, MAX_FORWARDS, Method, Response, SDP, Scheme, Uri, Writer};
use crate::sip::settings::Told as ToldOf;
use crate::sip::transaction::{Told, TransactionId};
use crate::time::Time;
use bytes::Bytes;
use std::fmt::Write as _;
use std::net::SocketAddr;

/// Most 2xx of one INVITE that are hung up; a phone that makes more of them is not served.
const FORKS: usize = 8;

/// Whom to ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A registered account, at its binding.
    Account(AccountId),
    /// A fixed contact: a SIP URI whose host is a literal address, `localhost`, or a name that was looked up
    /// ([`Endpoint::learn_places`](super::Endpoint::learn_places)); `;transport=tcp` is honoured.
    Uri(String),
}

/// Who we say is calling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The user part of From, unescaped; empty for an anonymous caller. Personal data.
    pub user: String,
    /// The display name, if any. Personal data.
    pub display: Option<String>,
    /// The number that was dialled, unescaped, for those who may hear it.
    pub called: Option<String>,
    /// How many more servers the call may pass (RFC 7332); none is as many as any.
    pub max_forwards: Option<u8>,
}

/// Why a ringing phone is told to stop (RFC 3326).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelCause {
    /// Somebody else took the call: it was not missed.
    AnsweredElsewhere,
    /// The caller hung up.
    CallerGone,
}

impl CancelCause {
    /// As the value of a Reason header.
    const fn reason(self) -> &'static str {
        match self {
            CancelCause::AnsweredElsewhere => "SIP;cause=200;text=\"Call completed elsewhere\"",
            CancelCause::CallerGone => "SIP;cause=487;text=\"Request Terminated\"",
        }
    }
}

/// Why no INVITE was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotInvited {
    /// The account has no binding.
    NoBinding,
    /// The contact is no SIP URI that we could reach.
    BadTarget,
    /// The contact's host is a name without any place that may be called now.
    NoPlace,
    /// A table is full.
    Overflow,
}

/// How a target is reached.
struct Located {
    /// Request-URI.
    uri: Uri,
    /// The path.
    flow: Flow,
    /// To.
    to: String,
    /// Its host, where that had to be looked up.
    name: Option<HostName>,
}

impl Core {
    pub(super) fn invite(
        &mut self,
        target: &Target,
        caller: &CallerIdentity,
        body: &Bytes,
        turn: &mut Turn<'_>,
    ) -> Result<DialogId, NotInvited> {
        let Located { uri, flow, to, name } = self.locate(target, turn)?;
        if self.transactions.is_full() || self.dialogs.len() >= self.settings.limits.dialogs {
            turn.turned(Turned::Overflow);
            return Err(NotInvited::Overflow);
        }
        let (_, sent_by) = self.ours.sent_by(flow.transport);
        let local_tag = self.tokens.tag();
        let invite = OwnInvite {
            dialog: self.dialogs.next_id(),
            uri,
            local: format!("{};tag={local_tag}", address_of(caller, sent_by)),
            local_tag,
            remote: to,
            call_id: self.tokens.call_id(),
            cseq: 1,
            branch: self.tokens.branch(),
            flow,
            last_cseq: 1,
            reliable: Vec::new(),
            max_forwards: caller.max_forwards.unwrap_or(MAX_FORWARDS),
            identity: told_of(caller, self.settings.told, sent_by),
            may_be_redirected: matches!(target, Target::Account(_)),
            tried: name.iter().map(|_| flow.remote).collect(),
            name,
            authorization: None,
            cancel_reason: None,
            forks: Vec::new(),
        };
        let bytes = self.write_invite(&invite, body);
        let (id, branch) = (invite.dialog, invite.branch.clone());
        let early = |transaction| Stage::Calling { transaction, progressed: false, cancel: Cancel::No };
        let owner = Owner::Inviting(Box::new(invite.clone()));
        let transaction = self.transactions.open_invite_client(&branch, bytes, flow, owner, turn);
        let mut dialog = Dialog::of_own_invite(&invite, early(transaction));
        dialog.local_sdp = body.clone();
        self.dialogs.insert(dialog);
        Ok(id)
    }

    pub(super) fn write_invite(&self, invite: &OwnInvite, body: &Bytes) -> Bytes {
        let (transport, sent_by) = self.ours.sent_by(invite.flow.transport);
        let mut writer = Writer::request(Method::Invite, invite.uri.as_str())
            .via(transport, sent_by, &invite.branch)
            .header("Max-Forwards", invite.max_forwards);
        for (name, value) in invite.authorization.iter().chain(&invite.identity) {
            writer = writer.header(name, value);
        }
        writer
            .header("From", &invite.local)
            .header("To", &invite.remote)
            .header("Call-ID", &invite.call_id)
            .cseq(invite.cseq, Method::Invite)
            .header("Contact", self.ours.contact(transport))
            .header("Allow", ALLOW)
            // Phones look here before they pass a call on with Replaces. Without 100rel: we need no PRACK of theirs.
            .header("Supported", "timer, replaces, norefersub")
            .body(SDP, body)
    }

    fn locate(&mut self, target: &Target, turn: &mut Turn<'_>) -> Result<Located, NotInvited> {
        match target {
            Target::Account(account) => {
                let binding = self.registrar.binding(*account).ok_or(NotInvited::NoBinding)?;
                let named = self.settings.accounts.get(account.0 as usize).ok_or(NotInvited::NoBinding)?;
                let to = format!("<sip:{}@{}>", escaped(&named.user), self.ours.udp);
                // RFC 5626 5.3: by the way its REGISTER came, as long as that is there.
                let flow = match (binding.flow, literal_addr(&binding.uri)) {
                    (Some(flow), _) => flow,
                    (None, Some(remote)) => Flow { transport: Transport::Tcp, remote, connection: 0 },
                    (None, None) => return Err(NotInvited::NoBinding),
                };
                Ok(Located { uri: binding.uri.clone(), flow, to, name: None })
            }
            Target::Uri(text) => {
                let uri = Uri::parse(text).map_err(|_| NotInvited::BadTarget)?;
                let is_sip = uri.scheme() == Scheme::Sip && !uri.has_headers();
                let transport = uri.param("transport").map_or(Some(Transport::Udp), Transport::named);
                let transport = transport.filter(|_| is_sip).ok_or(NotInvited::BadTarget)?;
                let (flow, name) = match literal_addr(&uri) {
                    Some(remote) => (Flow { transport, remote, connection: 0 }, None),
                    None => {
                        let name = HostName::of(&uri).ok_or(NotInvited::BadTarget)?;
                        let Some(place) = self.place_of(&name, &[], turn.now) else {
                            turn.turned(Turned::NoPlace);
                            return Err(NotInvited::NoPlace);
                        };
                        (place.flow(), Some(name))
                    }
                };
                Ok(Located { to: format!("<{uri}>"), uri, flow, name })
            }
        }
    }

    /// [`Core::cancel`] with a Reason, now or with the CANCEL that has to wait for a provisional answer.
    pub(super) fn cancel_because(&mut self, id: DialogId, why: CancelCause, turn: &mut Turn<'_>) {
        if let Some(Stage::Calling { transaction, .. }) = self.dialogs.get(id).map(|dialog| &dialog.stage)
            && let Some(Owner::Inviting(invite)) = self.transactions.user(*transaction)
        {
            invite.cancel_reason = Some(why.reason());
        }
        self.cancel(id, turn);
    }

    pub(super) fn cancel(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id) else { return };
        match &mut dialog.stage {
            Stage::Calling { transaction, progressed: true, cancel: cancel @ Cancel::No } => {
                *cancel = Cancel::Sent;
                let transaction = *transaction;
                self.send_cancel(transaction, turn);
            }
            Stage::Calling { transaction, progressed: false, cancel: cancel @ Cancel::No } => {
                *cancel = Cancel::Wanted;
                let transaction = *transaction;
                self.given_up_unheard(transaction, turn.now);
            }
            Stage::Calling { cancel: Cancel::Wanted | Cancel::Sent, .. } | Stage::Invited(_) | Stage::Ending => {}
            // The 200 was told before this came: the same end as when it crosses the CANCEL.
            Stage::Established if !dialog.released => {
                self.hang_up(id, turn);
                turn.event(Event::Refused { dialog: id, cause: RefusedBy::Status(200) });
            }
            Stage::Established => {}
        }
    }

    /// Whoever said nothing until we gave up is asked last by the next call.
    fn given_up_unheard(&mut self, transaction: TransactionId, now: Time) {
        if let Some(Owner::Inviting(invite)) = self.transactions.user(transaction) {
            self.names.distrust(invite, now);
        }
    }

    fn send_cancel(&mut self, transaction: TransactionId, turn: &mut Turn<'_>) {
        let Some(Owner::Inviting(invite)) = self.transactions.user(transaction) else { return };
        let bytes = invite.companion(Method::Cancel, &invite.remote, self.ours.sent_by(invite.flow.transport));
        let (branch, flow) = (invite.branch.clone(), invite.flow);
        self.transactions.cancelled(transaction, turn);
        self.transactions.open_client(("CANCEL", &branch), bytes, flow, Owner::Nobody, turn);
    }

    /// A response to an INVITE of ours.
    pub(super) fn invite_answered(&mut self, id: TransactionId, response: &Response, turn: &mut Turn<'_>) {
        let Some(Owner::Inviting(invite)) = self.transactions.user(id) else { return };
        let dialog = invite.dialog;
        let flow = response.flow;
        // The connection that the shell made for us has a number now.
        let moved = flow.transport == Transport::Tcp && invite.flow.transport == Transport::Tcp && invite.flow != flow;
        if moved {
            invite.flow = flow;
        }
        let sent_by = self.ours.sent_by(invite.flow.transport);
        let ack = (response.status >= 300).then(|| invite.companion(Method::Ack, &response.head.to.text, sent_by));
        if moved {
            self.transactions.move_client(id, flow);
            self.dialogs.move_to(dialog, flow);
        }
        let again = self.redirected(id, response).or_else(|| self.unserved(id, response, turn.now));
        let proven = self.challenged(id, response);
        let outcome = self.transactions.respond(id, response.status, || ack.unwrap_or_default(), turn);
        if outcome.told != Some(Told::Response) {
            return;
        }
        match response.status {
            0..200 if !self.acknowledge_provisional(id, response, turn) => {}
            0..200 => self.progressed(dialog, response, turn),
            200..300 => self.succeeded(id, response, turn),
            status => {
                if let Some(next) = again {
                    return self.follow(next, turn);
                }
                if let Some(next) = proven {
                    return self.try_again(next, turn);
                }
                self.forget(dialog, turn);
                turn.explain(dialog, &response.head);
                let status = Reason::status(Reason::read(&response.head), status);
                turn.event(Event::Refused { dialog, cause: RefusedBy::Status(status) });
            }
        }
    }

    fn progressed(&mut self, id: DialogId, response: &Response, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id) else { return };
        let Stage::Calling { transaction, progressed, cancel } = &mut dialog.stage else { return };
        *progressed = true;
        match cancel {
            Cancel::Wanted => {
                *cancel = Cancel::Sent;
                let transaction = *transaction;
                self.send_cancel(transaction, turn);
            }
            Cancel::No if response.status > 100 => {
                let body = response.head.sdp();
                turn.event(Event::Progressed { dialog: id, status: response.status, body });
            }
            Cancel::No | Cancel::Sent => {}
        }
    }

    /// A 2xx: of the phone, again, or of another fork (RFC 3261 13.2.2.4).
    fn succeeded(&mut self, transaction: TransactionId, response: &Response, turn: &mut Turn<'_>) {
        let branch = self.tokens.branch();
        let Some(Owner::Inviting(invite)) = self.transactions.user(transaction) else { return };
        let tag = response.head.to.tag().unwrap_or_default();
        if let Some(fork) = invite.forks.iter().find(|fork| fork.tag == tag) {
            return turn.out.transmits.push(Transmit { flow: fork.flow, bytes: fork.ack.clone() });
        }
        if invite.forks.len() >= FORKS {
            return turn.turned(Turned::Overflow);
        }
        let id = invite.dialog;
        let (first, last_cseq, why) = (invite.forks.is_empty(), invite.last_cseq, invite.cancel_reason);
        let mut fork = Dialog::of_own_invite(invite, Stage::Established);
        fork.establish(response);
        let hop = fork.next_hop();
        let mut ack = fork.request(Method::Ack, invite.cseq, self.ours.via(hop.transport, &branch));
        // RFC 3261 22.1: the ACK proves what its INVITE did.
        if let Some((name, proof)) = &invite.authorization {
            ack = ack.header(name, proof);
        }
        let ack = ack.finish();
        turn.out.transmits.push(Transmit { flow: hop, bytes: ack.clone() });
        invite.forks.push(Fork { tag: tag.to_owned(), flow: hop, ack });
        if !first {
            return self.bye_fork(fork, turn);
        }
        let cancel = self.cancel_of(id);
        let Some(dialog) = self.dialogs.get(id) else { return self.bye_fork(fork, turn) };
        dialog.establish(response);
        dialog.local_cseq = last_cseq;
        self.keep_session_of(id, response, turn);
        if cancel == Some(Cancel::No) {
            self.watch(id, turn);
            turn.event(Event::Accepted { dialog: id, body: response.head.sdp() });
        } else {
            // RFC 3261 9.1: the CANCEL came too late.
            self.send_bye(id, why.unwrap_or(super::ending::NORMAL), turn);
            turn.event(Event::Refused { dialog: id, cause: RefusedBy::Status(200) });
        }
    }

    fn bye_fork(&mut self, mut fork: Dialog, turn: &mut Turn<'_>) {
        let branch = self.tokens.branch();
        let (cseq, hop) = (fork.next_cseq(), fork.next_hop());
        let writer = fork.request(Method::Bye, cseq, self.ours.via(hop.transport, &branch));
        let bytes = writer.header("Reason", CancelCause::AnsweredElsewhere.reason()).finish();
        self.transactions.open_client(("BYE", &branch), bytes, hop, Owner::Nobody, turn);
    }
}

/// What an agent's phone is told of a call beside From. Who is not to be shown is not: Privacy says so, in case the
/// phone shows calls to others (RFC 3323 4.2, RFC 3325 7).
fn told_of(caller: &CallerIdentity, told: ToldOf, ours: SocketAddr) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    match (caller.user.as_str(), told.asserted) {
        ("", _) => headers.push(("Privacy", "id".to_owned())),
        (_, true) => headers.push(("P-Asserted-Identity", address_of(caller, ours))),
        (_, false) => {}
    }
    if let Some(called) = caller.called.as_deref().map(escaped) {
        if told.diversion {
            headers.push(("Diversion", format!("<sip:{called}@{ours}>;reason=unconditional")));
        }
        if told.history {
            headers.push(("History-Info", format!("<sip:{called}@{ours}>;index=1")));
        }
    }
    headers
}

/// From of an agent's leg, without tag.
fn address_of(caller: &CallerIdentity, ours: SocketAddr) -> String {
    let mut from = String::new();
    if let Some(display) = caller.display.as_deref().filter(|display| !display.is_empty()) {
        from.push('"');
        for letter in display.chars().filter(|letter| !letter.is_control()) {
            // RFC 3261 25.1, quoted-pair.
            if matches!(letter, '"' | '\\') {
                from.push('\\');
            }
            from.push(letter);
        }
        from.push_str("\" ");
    }
    let _ = match caller.user.as_str() {
        // RFC 3323 4.1.1.3.
        "" => write!(from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>"),
        user => write!(from, "<sip:{}@{ours}>", escaped(user)),
    };
    from
}

/// A user part as a URI writes it (RFC 3261 25.1: unreserved and user-unreserved stay).
fn escaped(user: &str) -> String {
    let mut text = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_name_and_number_cannot_leave_their_place() {
        let ours = ([192, 0, 2, 1], 5060).into();
        let rows = [
            ("0612345678", None, "<sip:0612345678@192.0.2.1:5060>"),
            ("", None, "\"Anonymous\" <sip:anonymous@anonymous.invalid>"),
            ("a@b>c d", None, "<sip:a%40b%3Ec%20d@192.0.2.1:5060>"),
            ("1", Some("A \"B\" \\"), "\"A \\\"B\\\" \\\\\" <sip:1@192.0.2.1:5060>"),
            ("1", Some("A\r\nX: y"), "\"AX: y\" <sip:1@192.0.2.1:5060>"),
        ];
        for (user, display, expected) in rows {
            let display = display.map(str::to_owned);
            let caller = CallerIdentity { user: user.to_owned(), display, ..CallerIdentity::default() };
            assert_eq!(address_of(&caller, ours), expected);
        }
    }
}
