//! Callers' legs: INVITE and CANCEL from outside, and what the owner answers.

use super::answers::refusal_of;
use super::receiving::key_of;
use super::session::{session_of, with_session};
use super::{Core, DialogTimer, Due, Owner, Turn};
use crate::sip::api::{AccountId, DialogId, Event, Invitation, Refusal, Transmit, Turned};
use crate::sip::dialog::{Dialog, Pending, Stage, Unacked};
use crate::sip::digest::Denied;
use crate::sip::identity::{self, Caller, CallerFrom, NumberFrom};
use crate::sip::message::{ALLOW, MAX_FORWARDS, Request, SDP, Writer};
use crate::sip::reason::cause_of;
use crate::sip::settings::Trunk;
use crate::sip::transaction::{PATIENCE, T1, TransactionId};
use crate::time::Duration;
use bytes::Bytes;

/// RFC 3261 13.3.1.1: a call that rings on says so every minute, or a proxy gives it up.
const STILL_RINGING: Duration = Duration::from_secs(60);

impl Core {
    /// An INVITE outside any dialog. Whoever is refused here leaves nothing behind.
    pub(super) fn invited(&mut self, request: Request, turn: &mut Turn<'_>) {
        let agent = match self.calling_agent(&request, turn) {
            Ok(agent) => agent,
            Err(()) => return,
        };
        let at = self.trunks.at(request.flow.remote.ip());
        if agent.is_none() && at.is_none() {
            turn.turned(Turned::Forbidden);
            return self.reject(&request, 403, turn);
        }
        // Hostile-world R22: a call to somebody else's host is not for us. Trunks may call us as they like.
        let is_elsewhere = self.settings.domains.as_ref().is_some_and(|domains| !domains.hold(&request.uri));
        if is_elsewhere && !at.is_some_and(|(_, trunk)| trunk.is_trusted) {
            return self.reject(&request, 404, turn);
        }
        let trunk = at.and_then(|(id, _)| id);
        let (called, caller) = at.map_or_else(|| said_by_a_phone(&request), |(_, trunk)| said_by(trunk, &request));
        // RFC 3261 8.1.1.8: without a Contact no dialog can be made.
        let Some(contact) = request.sole_contact().cloned() else {
            return self.reject(&request, 400, turn);
        };
        if !self.is_fit(&request, turn) || !self.session_fits(&request, turn) {
            return;
        }
        if let Some(status) = self.replacing(&request) {
            return self.reject(&request, status, turn);
        }
        // RFC 7332 4: we would send it on, and it may go no further.
        if request.max_forwards == Some(0) {
            return self.reject(&request, 483, turn);
        }
        // RFC 3261 8.2.2.2; and an INVITE of our own that came back to us would ring round for ever.
        let is_ours = request.head.from.tag().is_some_and(|tag| self.dialogs.is_our_tag(tag));
        if is_ours || self.transactions.find_merged(&key_of(&request)).is_some() {
            return self.reject(&request, 482, turn);
        }
        if self.transactions.is_full() || self.dialogs.len() >= self.settings.limits.dialogs {
            turn.turned(Turned::Overflow);
            turn.turned(Turned::Overloaded);
            return self.reject_for_now(&request, 503, turn);
        }
        if self.is_above_rate(trunk, turn) {
            turn.turned(Turned::Overloaded);
            return self.reject_for_now(&request, 503, turn);
        }
        let id = self.dialogs.next_id();
        let tag = self.tokens.tag();
        let owner = Owner::Invited { dialog: id, tag: tag.as_str().into() };
        let transaction = self.transactions.open_invite_server(&key_of(&request), true, request.answer_flow(), owner);
        // RFC 3261 17.2.1: at once, so that the INVITE is not sent again.
        self.answer(transaction, 100, Writer::answer(&request, 100, None).finish(), turn);
        let invitation = Invitation {
            called,
            caller,
            agent,
            body: request.head.sdp(),
            source: request.flow.remote,
            trunk,
            is_reliable: ["Supported", "Require"].iter().any(|name| request.head.lists(name, "100rel")),
            max_forwards: request.max_forwards.unwrap_or(MAX_FORWARDS),
        };
        if let Some(seconds) = request.head.expires {
            let wanted = Duration::from_secs(u64::from(seconds));
            turn.deadlines.set(Due::Dialog(id, DialogTimer::Expired), turn.now + wanted);
        }
        let pending = Pending { transaction, request: Box::new(request) };
        let mut dialog = Dialog::of_invite(id, tag, pending, contact);
        dialog.is_agent = agent.is_some();
        self.dialogs.insert(dialog);
        turn.event(Event::Invited { dialog: id, invitation });
    }

    /// Whose phone calls: one that calls itself by the name of an account that is registered from there must prove it
    /// (RFC 3261 22.1). An error has been answered.
    fn calling_agent(&mut self, request: &Request, turn: &mut Turn<'_>) -> Result<Option<AccountId>, ()> {
        let Some(account) = self.registrar.phone_at(request) else { return Ok(None) };
        match self.registrar.authenticate(request, turn.now) {
            Ok(proven) if proven == account => Ok(Some(account)),
            // Right, but in the name of somebody else.
            Ok(_) => {
                self.reject(request, 403, turn);
                Err(())
            }
            Err(answer) => {
                if answer.denied == Some(Denied::Wrong) {
                    turn.turned(Turned::AuthFailed);
                }
                let headers = |writer| answer.headers.iter().fold(writer, |w: Writer, (name, v)| w.header(name, v));
                self.reject_with(request, answer.status, headers, turn);
                Err(())
            }
        }
    }

    /// CANCEL of an INVITE that we know (RFC 3261 9.2).
    pub(super) fn cancelled(&mut self, id: TransactionId, request: &Request, turn: &mut Turn<'_>) {
        let Some(Owner::Invited { dialog, tag }) = self.transactions.user(id) else { return };
        let dialog = *dialog;
        let bytes = Writer::answer(request, 200, Some(tag)).finish();
        turn.out.transmits.push(Transmit { flow: request.answer_flow(), bytes });
        // Too late once there is a final answer: no effect.
        if !self.transactions.is_proceeding(id) {
            return;
        }
        let Some(found) = self.dialogs.get(dialog) else { return };
        match &found.stage {
            Stage::Invited(_) => {
                self.give_up(dialog, turn);
                turn.explain(dialog, &request.head);
                turn.event(Event::Cancelled { dialog });
            }
            Stage::Calling { .. } | Stage::Established | Stage::Ending => self.drop_change(dialog, turn),
        }
    }

    /// The caller said how long it would wait for an answer (RFC 3261 13.3.1).
    pub(super) fn expired(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        if matches!(self.dialogs.look(id).map(|dialog| &dialog.stage), Some(Stage::Invited(_))) {
            self.give_up(id, turn);
            turn.event(Event::Cancelled { dialog: id });
        }
    }

    /// 487 to a call that has no final answer, and the end of it.
    pub(super) fn give_up(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        self.refuse(id, &Refusal { status: 487, retry_after: None, warning: None }, turn);
    }

    pub(super) fn ring(&mut self, id: DialogId, status: u16, body: Option<Bytes>, turn: &mut Turn<'_>) {
        debug_assert!((101..200).contains(&status), "not a provisional answer: {status}");
        let Some(dialog) = self.dialogs.get(id) else { return };
        let Stage::Invited(Pending { transaction, request }) = &dialog.stage else { return };
        let transaction = *transaction;
        let response = Writer::answer(request, status, Some(&dialog.local_tag));
        let contact = self.ours.contact(request.flow.transport);
        let response = response.header("Contact", contact).header("Allow", ALLOW);
        // An offer of ours must arrive, and its answer come back (RFC 3262 5).
        let offers = request.head.body.is_empty() && body.is_some();
        if request.head.lists("Require", "100rel") || (offers && request.head.lists("Supported", "100rel")) {
            if dialog.reliable.is_none() {
                self.ring_reliably(id, response, body, turn);
            }
        } else {
            self.answer(transaction, status, response.body_opt(SDP, body.as_deref()), turn);
        }
        turn.deadlines.set(Due::Dialog(id, DialogTimer::StillRinging), turn.now + STILL_RINGING);
    }

    /// A minute went by without a final answer.
    pub(super) fn still_ringing(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        let Some(Stage::Invited(pending)) = self.dialogs.get(id).map(|dialog| &dialog.stage) else { return };
        self.transactions.repeat(pending.transaction, turn);
        turn.deadlines.set(Due::Dialog(id, DialogTimer::StillRinging), turn.now + STILL_RINGING);
    }

    pub(super) fn accept(&mut self, id: DialogId, body: Bytes, turn: &mut Turn<'_>) {
        if self.waits_for_prack(id, &body) {
            return;
        }
        let Some(dialog) = self.dialogs.get(id) else { return };
        match std::mem::replace(&mut dialog.stage, Stage::Established) {
            Stage::Invited(pending) => {
                turn.deadlines.cancel(Due::Dialog(id, DialogTimer::StillRinging));
                turn.deadlines.cancel(Due::Dialog(id, DialogTimer::Expired));
                self.accept_invite(id, pending, Some(body), true, turn);
            }
            other @ (Stage::Calling { .. } | Stage::Established | Stage::Ending) => dialog.stage = other,
        }
    }

    /// 200 to an INVITE, first or not, and its repetition until the ACK (RFC 3261 13.3.1.4).
    pub(super) fn accept_invite(
        &mut self,
        id: DialogId,
        Pending { transaction, request }: Pending,
        body: Option<Bytes>,
        first: bool,
        turn: &mut Turn<'_>,
    ) {
        let Some(dialog) = self.dialogs.get(id) else { return };
        let is_described = first && dialog.reliable.as_ref().is_some_and(|reliable| reliable.is_described());
        if let Some(body) = body.as_ref().filter(|_| !is_described) {
            dialog.local_sdp = body.clone();
        }
        // The answer that a reliable provisional brought is not given twice (RFC 3262 5, RFC 6337 2.2).
        let body = body.filter(|_| !is_described);
        let session = session_of(&request);
        let writer = Writer::answer(&request, 200, Some(&dialog.local_tag))
            .header("Contact", self.ours.contact(request.flow.transport))
            .header("Allow", ALLOW);
        let response = with_session(writer, session).body_opt(SDP, body.as_deref());
        let unacked = Unacked {
            cseq: request.head.cseq.number,
            transaction,
            response: response.clone(),
            reconnect: request.reconnect_flow(),
            interval: T1,
            first,
            offered: request.head.body.is_empty() && !is_described,
        };
        self.answer(transaction, 200, response, turn);
        if let Some(dialog) = self.dialogs.get(id) {
            dialog.unacked = Some(unacked);
        }
        turn.deadlines.set(Due::Dialog(id, DialogTimer::Repeat), turn.now + T1);
        turn.deadlines.set(Due::Dialog(id, DialogTimer::Unconfirmed), turn.now + PATIENCE);
        self.keep_session(id, session, turn);
    }

    pub(super) fn refuse(&mut self, id: DialogId, refusal: &Refusal, turn: &mut Turn<'_>) {
        debug_assert!((300..700).contains(&refusal.status), "not a refusal: {}", refusal.status);
        let Some(dialog) = self.dialogs.get(id) else { return };
        let Stage::Invited(pending) = &dialog.stage else { return };
        let transaction = pending.transaction;
        let cause = cause_of(refusal.status);
        let response = refusal_of(&pending.request, &dialog.local_tag, (refusal, cause), self.settings.udp.ip());
        self.answer(transaction, refusal.status, response, turn);
        self.forget(id, turn);
    }
}

/// The number dialled and who calls, as a trunk says it: one that is not trusted asserts nothing (RFC 3325 5).
fn said_by(trunk: &Trunk, request: &Request) -> (String, Caller) {
    if trunk.is_trusted {
        return (identity::called(request, trunk.number_from), identity::caller(request, trunk.caller_from));
    }
    let number_from = match trunk.number_from {
        NumberFrom::RequestUri | NumberFrom::To => trunk.number_from,
        NumberFrom::CalledParty | NumberFrom::Diversion | NumberFrom::HistoryInfo => NumberFrom::RequestUri,
    };
    (identity::called(request, number_from), identity::caller(request, CallerFrom::From))
}

/// The same, said by an agent's phone that is at no trusted address.
fn said_by_a_phone(request: &Request) -> (String, Caller) {
    (request.called(), identity::caller_by_from(request))
}
