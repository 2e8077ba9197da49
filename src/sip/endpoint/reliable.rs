//! Reliable provisional answers (RFC 3262): ours to callers who require them, phones' to us.

use super::receiving::key_of;
use super::{Core, DialogTimer, Due, Owner, Turn};
use crate::sip::api::{DialogId, Event, Refusal, Turned};
use crate::sip::dialog::{Dialog, Stage};
use crate::sip::message::{Method, Request, Response, SDP, Writer};
use crate::sip::transaction::{PATIENCE, T1, TransactionId};
use crate::time::Duration;
use bytes::Bytes;

/// Most forks whose provisional answers are acknowledged.
const FORKS: usize = 8;

/// A provisional answer of ours that is repeated until its PRACK comes.
#[derive(Debug)]
pub(crate) struct Reliable {
    number: u32,
    response: Bytes,
    interval: Duration,
    acknowledged: bool,
    /// What its SDP was, if it held any.
    described: Option<Described>,
    /// Our 200, which has to wait for the PRACK (RFC 3262 3).
    accepted: Option<Bytes>,
}

/// The part of an SDP in offer and answer (RFC 3264).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Described {
    Offer,
    Answer,
}

impl Reliable {
    /// The 200 need not say again what this said (RFC 6337 2.2).
    pub(crate) fn is_described(&self) -> bool {
        self.described.is_some()
    }

    /// Offer and answer are through, in both directions: another offer may be made before the 200 (RFC 3311 5.1).
    pub(super) fn is_settled(&self) -> bool {
        self.described.is_some() && self.acknowledged
    }
}

impl Core {
    /// A provisional answer to a caller who requires it to be reliable; there is one a leg.
    pub(super) fn ring_reliably(&mut self, id: DialogId, writer: Writer, body: Option<Bytes>, turn: &mut Turn<'_>) {
        // RFC 3262 3: from 1 to 2^31 - 1.
        let number = (self.tokens.u32() >> 1).max(1);
        let Some(dialog) = self.dialogs.get(id) else { return };
        let Stage::Invited(pending) = &dialog.stage else { return };
        let transaction = pending.transaction;
        let writer = writer.header("Require", "100rel").header("RSeq", number);
        let response = writer.body_opt(SDP, body.as_deref());
        let is_offer = pending.request.head.body.is_empty();
        let described = body.as_ref().map(|_| if is_offer { Described::Offer } else { Described::Answer });
        if let Some(body) = body {
            dialog.local_sdp = body;
        }
        let reliable = Reliable {
            number,
            response: response.clone(),
            interval: T1,
            acknowledged: false,
            described,
            accepted: None,
        };
        dialog.reliable = Some(Box::new(reliable));
        self.answer(transaction, 183, response, turn);
        turn.deadlines.set(Due::Dialog(id, DialogTimer::RepeatReliable), turn.now + T1);
        turn.deadlines.set(Due::Dialog(id, DialogTimer::Unacknowledged), turn.now + PATIENCE);
    }

    /// Whether a 200 has to wait for a PRACK; keeps it then.
    pub(super) fn waits_for_prack(&mut self, id: DialogId, body: &Bytes) -> bool {
        let reliable = self.dialogs.get(id).and_then(|dialog| dialog.reliable.as_mut());
        let Some(reliable) = reliable.filter(|reliable| !reliable.acknowledged) else { return false };
        reliable.accepted = Some(body.clone());
        true
    }

    /// PRACK within a dialog (RFC 3262 3). Its SDP is the answer to an offer of ours, or an offer whose answer stands in
    /// its 200 (RFC 3262 5, RFC 6337 2.2).
    pub(super) fn pracked(&mut self, id: DialogId, request: Request, turn: &mut Turn<'_>) {
        if !self.is_fit(&request, turn) {
            return;
        }
        let is_full = self.transactions.is_full();
        let Some(dialog) = self.dialogs.get(id) else { return };
        let invite = match &dialog.stage {
            Stage::Invited(pending) => Some(pending.request.head.cseq.number),
            Stage::Calling { .. } | Stage::Established | Stage::Ending => None,
        };
        let meant = request.head.header("RAck").and_then(read_rack);
        let reliable = dialog.reliable.as_mut().filter(|reliable| !reliable.acknowledged);
        let Some(reliable) = reliable.filter(|it| invite.is_some_and(|invite| meant == Some((it.number, invite))))
        else {
            return self.reject(&request, 481, turn);
        };
        let (body, is_offered) = (request.head.sdp(), reliable.described == Some(Described::Offer));
        let offers = body.is_some() && !is_offered;
        if offers && is_full {
            turn.turned(Turned::Overflow);
            return self.reject_for_now(&request, 503, turn);
        }
        reliable.acknowledged = true;
        // An offer is answered before the call is.
        let accepted = if offers { None } else { reliable.accepted.take() };
        turn.deadlines.cancel(Due::Dialog(id, DialogTimer::RepeatReliable));
        turn.deadlines.cancel(Due::Dialog(id, DialogTimer::Unacknowledged));
        turn.event(Event::Confirmed { dialog: id, body: body.filter(|_| is_offered) });
        if offers {
            let (key, flow) = (key_of(&request), request.answer_flow());
            let transaction = self.transactions.open_server(&key, flow, Owner::Updated(id), turn);
            return self.offer_change(id, transaction, request, turn);
        }
        let response = Writer::answer(&request, 200, None).finish();
        self.settle(&request, 200, response, turn);
        if let Some(body) = accepted {
            self.accept(id, body, turn);
        }
    }

    /// The offer of a PRACK was answered: so is the call, if its owner has said so meanwhile.
    pub(super) fn accept_at_last(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        let reliable = self.dialogs.get(id).and_then(|dialog| dialog.reliable.as_mut());
        if let Some(body) = reliable.and_then(|reliable| reliable.accepted.take()) {
            self.accept(id, body, turn);
        }
    }

    /// No PRACK yet: again, without the bound of T2 (RFC 3262 3).
    pub(super) fn repeat_reliable(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id) else { return };
        let (Stage::Invited(pending), Some(reliable)) = (&dialog.stage, &mut dialog.reliable) else { return };
        let (transaction, response) = (pending.transaction, reliable.response.clone());
        reliable.interval *= 2;
        turn.deadlines.set(Due::Dialog(id, DialogTimer::RepeatReliable), turn.now + reliable.interval);
        self.answer(transaction, 183, response, turn);
    }

    /// No PRACK in 64*T1: the INVITE is refused with a 5xx (RFC 3262 3).
    pub(super) fn unacknowledged(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        turn.turned(Turned::Timeout);
        self.refuse(id, &Refusal { status: 504, retry_after: None, warning: None }, turn);
        turn.event(Event::Cancelled { dialog: id });
    }

    /// A phone's provisional answer that wants a PRACK gets it, once and in order; false for one that is not the next
    /// and must not be looked at (RFC 3262 4).
    pub(super) fn acknowledge_provisional(
        &mut self,
        transaction: TransactionId,
        response: &Response,
        turn: &mut Turn<'_>,
    ) -> bool {
        let head = &response.head;
        if response.status == 100 || !head.lists("Require", "100rel") {
            return true;
        }
        let Some(number) = head.header("RSeq").and_then(|text| text.trim().parse::<u32>().ok()) else { return true };
        let branch = self.tokens.branch();
        let Some(Owner::Inviting(invite)) = self.transactions.user(transaction) else { return false };
        let tag = head.to.tag().unwrap_or_default();
        let forks = invite.reliable.len();
        match invite.reliable.iter_mut().find(|(fork, _)| fork == tag) {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            Some(_) => return false,
            None if forks < FORKS => invite.reliable.push((tag.to_owned(), number)),
            None => return false,
        }
        invite.last_cseq += 1;
        let (cseq, invited) = (invite.last_cseq, invite.cseq);
        let mut early = Dialog::of_own_invite(invite, Stage::Established);
        early.establish(response);
        let hop = early.next_hop();
        let bytes = early
            .request(Method::Prack, cseq, self.ours.via(hop.transport, &branch))
            .header("RAck", format_args!("{number} {invited} INVITE"))
            .finish();
        self.transactions.open_client(("PRACK", &branch), bytes, hop, Owner::Nobody, turn);
        true
    }
}

/// `RSeq CSeq-number INVITE`.
fn read_rack(text: &str) -> Option<(u32, u32)> {
    let mut words = text.split_ascii_whitespace();
    let numbers = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (words.next() == Some("INVITE") && words.next().is_none()).then_some(numbers)
}
