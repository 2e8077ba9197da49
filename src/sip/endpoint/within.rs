//! Requests within dialogs (RFC 3261 12.2.2), and changes of a session by re-INVITE (14.2) and UPDATE (RFC 3311).

use super::answers::refusal_of;
use super::receiving::key_of;
use super::session::{session_of, with_session};
use super::{Core, DialogTimer, Due, Owner, Turn};
use crate::sip::api::{DialogId, Event, Refusal, Transport, Turned};
use crate::sip::dialog::{Dialog, Pending, Stage};
use crate::sip::message::{Method, Request, SDP, Writer};
use crate::sip::transaction::TransactionId;
use bytes::Bytes;

/// What to say to an offer of a change.
enum Glare {
    /// Nothing is in the way.
    No,
    /// An offer of ours is open (RFC 3261 14.2, RFC 3311 5.2).
    OurOffer,
    /// An offer of theirs is open: 500 and Retry-After.
    TheirOffer,
    /// The leg is over.
    Over,
}

impl Core {
    /// A request with a To tag.
    pub(super) fn within(&mut self, request: Request, turn: &mut Turn<'_>) {
        let head = &request.head;
        let found = self.dialogs.find(&head.call_id, head.to.tag().unwrap_or_default(), head.from.tag());
        let Some(id) = found.map(|dialog| dialog.id) else { return self.reject(&request, 481, turn) };
        if !self.dialogs.look(id).is_some_and(|dialog| self.may_speak(dialog, request.flow.remote.ip())) {
            return self.reject(&request, 403, turn);
        }
        let Some(dialog) = self.dialogs.get(id) else { return };
        if !dialog.is_in_order(head.cseq.number) {
            return self.reject(&request, 500, turn);
        }
        if request.flow.transport == Transport::Tcp {
            self.dialogs.move_to(id, request.flow);
        }
        match request.method {
            Method::Bye => self.bye(id, &request, turn),
            Method::Invite => self.reinvited(id, request, turn),
            Method::Update => self.updated(id, request, turn),
            Method::Options if self.has_no_requirement(&request, turn) => {
                let response = self.capabilities(&request, "");
                self.settle(&request, 200, response, turn);
            }
            Method::Options => {}
            Method::Info => self.informed(id, request, turn),
            Method::Prack => self.pracked(id, request, turn),
            Method::Refer => self.referred(id, request, turn),
            Method::Register
            | Method::Ack
            | Method::Cancel
            | Method::Subscribe
            | Method::Publish
            | Method::Message
            | Method::Notify => self.reject(&request, 405, turn),
        }
    }

    /// An ACK to a 2xx. One that belongs to nothing is dropped; the ACK to an answer without state is expected.
    pub(super) fn acknowledged(&mut self, request: &Request, turn: &mut Turn<'_>) {
        let head = &request.head;
        let tag = head.to.tag().unwrap_or_default();
        let Some(dialog) = self.dialogs.find(&head.call_id, tag, head.from.tag()) else {
            if tag != self.stateless_tag(request) {
                turn.turned(Turned::StrayResponse);
            }
            return;
        };
        // RFC 3261 13.2.2.4: its number is the INVITE's.
        let id = dialog.id;
        if dialog.unacked.as_ref().is_some_and(|unacked| unacked.cseq == head.cseq.number) {
            let body = head.sdp();
            self.confirm(id, body, turn);
        }
    }

    /// The peer has our 200.
    fn confirm(&mut self, id: DialogId, body: Option<Bytes>, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id) else { return };
        let Some(unacked) = dialog.unacked.take() else { return };
        turn.deadlines.cancel(Due::Dialog(id, DialogTimer::Repeat));
        turn.deadlines.cancel(Due::Dialog(id, DialogTimer::Unconfirmed));
        if dialog.released {
            // RFC 3261 15: the BYE had to wait for this.
            self.send_bye(id, super::ending::NORMAL, turn);
            return;
        }
        if unacked.first {
            self.watch(id, turn);
        }
        if unacked.first || unacked.offered {
            turn.event(Event::Confirmed { dialog: id, body });
        }
    }

    fn reinvited(&mut self, id: DialogId, request: Request, turn: &mut Turn<'_>) {
        // A change that follows proves that the 200 before it arrived, though its ACK did not (RFC 5407 3.1.4).
        let newer = |dialog: &mut Dialog| {
            dialog.unacked.as_ref().is_some_and(|it| !it.offered && it.cseq < request.head.cseq.number)
        };
        if self.dialogs.get(id).is_some_and(newer) {
            self.confirm(id, None, turn);
        }
        if !self.may_change(id, &request, turn) || !self.is_fit(&request, turn) || !self.session_fits(&request, turn) {
            return;
        }
        if request.sole_contact().is_none() {
            return self.reject(&request, 400, turn);
        }
        if self.transactions.is_full() {
            turn.turned(Turned::Overflow);
            return self.reject_for_now(&request, 503, turn);
        }
        let owner = Owner::Invited { dialog: id, tag: request.head.to.tag().unwrap_or_default().into() };
        let transaction = self.transactions.open_invite_server(&key_of(&request), false, request.answer_flow(), owner);
        self.offer_change(id, transaction, request, turn);
    }

    fn updated(&mut self, id: DialogId, request: Request, turn: &mut Turn<'_>) {
        if request.head.body.is_empty() {
            return self.refreshed(id, &request, turn);
        }
        if !self.may_change(id, &request, turn) || !self.is_fit(&request, turn) || !self.session_fits(&request, turn) {
            return;
        }
        if self.transactions.is_full() {
            turn.turned(Turned::Overflow);
            return self.reject_for_now(&request, 503, turn);
        }
        let (key, flow) = (key_of(&request), request.answer_flow());
        let transaction = self.transactions.open_server(&key, flow, Owner::Updated(id), turn);
        self.offer_change(id, transaction, request, turn);
    }

    /// UPDATE without an offer: only the remote target may be another (RFC 3311 5.2).
    fn refreshed(&mut self, id: DialogId, request: &Request, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id) else { return };
        if matches!(dialog.stage, Stage::Ending) {
            return self.reject(request, 481, turn);
        }
        if !self.has_no_requirement(request, turn) || !self.session_fits(request, turn) {
            return;
        }
        if let Some(dialog) = self.dialogs.get(id) {
            dialog.refresh(request);
        }
        let session = session_of(request);
        let contact = self.ours.contact(request.flow.transport);
        let writer = Writer::answer(request, 200, None).header("Contact", contact);
        self.settle(request, 200, with_session(writer, session).finish(), turn);
        if self.dialogs.get(id).is_some_and(|dialog| matches!(dialog.stage, Stage::Established)) {
            self.keep_session(id, session, turn);
        }
    }

    /// Whether a change may be offered now; refuses it otherwise.
    fn may_change(&mut self, id: DialogId, request: &Request, turn: &mut Turn<'_>) -> bool {
        let glare = self.dialogs.get(id).map_or(Glare::Over, |dialog| glare(dialog, request.method));
        match glare {
            Glare::No => return true,
            Glare::OurOffer => self.reject(request, 491, turn),
            Glare::TheirOffer => self.reject_for_now(request, 500, turn),
            Glare::Over => self.reject(request, 481, turn),
        }
        false
    }

    pub(super) fn offer_change(
        &mut self,
        id: DialogId,
        transaction: TransactionId,
        request: Request,
        turn: &mut Turn<'_>,
    ) {
        let body = request.head.sdp();
        let Some(dialog) = self.dialogs.get(id) else { return };
        dialog.change = Some(Pending { transaction, request: Box::new(request) });
        turn.event(Event::ChangeOffered { dialog: id, body });
    }

    pub(super) fn accept_change(&mut self, id: DialogId, body: Option<Bytes>, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id) else { return };
        let Some(pending) = dialog.change.take() else { return };
        dialog.refresh(&pending.request);
        let flow = pending.request.flow;
        if pending.request.method == Method::Invite {
            self.accept_invite(id, pending, body, false, turn);
        } else {
            if let Some(body) = &body {
                dialog.local_sdp = body.clone();
            }
            let session = session_of(&pending.request);
            let contact = self.ours.contact(flow.transport);
            let writer = Writer::answer(&pending.request, 200, None).header("Contact", contact);
            let response = with_session(writer, session).body_opt(SDP, body.as_deref());
            self.answer(pending.transaction, 200, response, turn);
            if self.dialogs.get(id).is_some_and(|dialog| matches!(dialog.stage, Stage::Established)) {
                self.keep_session(id, session, turn);
            }
            self.accept_at_last(id, turn);
        }
        // The packet's source is the NAT's word on where the peer is now.
        self.dialogs.move_to(id, flow);
    }

    pub(super) fn refuse_change(&mut self, id: DialogId, refusal: &Refusal, turn: &mut Turn<'_>) {
        debug_assert!((300..700).contains(&refusal.status), "not a refusal: {}", refusal.status);
        let Some(dialog) = self.dialogs.get(id) else { return };
        let Some(Pending { transaction, request }) = dialog.change.take() else { return };
        let response = refusal_of(&request, "", (refusal, None), self.settings.udp.ip());
        self.answer(transaction, refusal.status, response, turn);
        if request.method == Method::Prack {
            self.accept_at_last(id, turn);
        }
    }

    /// 487 to a change that nobody will answer any more (RFC 3261 15.1.2).
    pub(super) fn drop_change(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        self.refuse_change(id, &Refusal { status: 487, retry_after: None, warning: None }, turn);
    }

    /// A change waits so long that the peer wants to know we live (RFC 4320 4.1).
    pub(super) fn still_deciding(&mut self, transaction: TransactionId, turn: &mut Turn<'_>) {
        let Some(&mut Owner::Updated(id)) = self.transactions.user(transaction) else { return };
        let Some(pending) = self.dialogs.get(id).and_then(|dialog| dialog.change.as_ref()) else { return };
        let trying = Writer::answer(&pending.request, 100, None).finish();
        self.answer(transaction, 100, trying, turn);
    }
}

fn glare(dialog: &Dialog, method: Method) -> Glare {
    let is_settled = dialog.change.is_none() && dialog.reliable.as_ref().is_some_and(|reliable| reliable.is_settled());
    match &dialog.stage {
        // RFC 3311 5.1: UPDATE is there for calls without an answer; a second INVITE has to wait (RFC 3261 14.2).
        Stage::Invited(_) if is_settled && method == Method::Update => Glare::No,
        Stage::Invited(_) => Glare::TheirOffer,
        Stage::Calling { .. } => Glare::OurOffer,
        Stage::Ending => Glare::Over,
        Stage::Established if dialog.released => Glare::Over,
        Stage::Established if dialog.change.is_some() => Glare::TheirOffer,
        Stage::Established if dialog.reinviting => Glare::OurOffer,
        Stage::Established if dialog.unacked.as_ref().is_some_and(|unacked| unacked.offered) => Glare::OurOffer,
        Stage::Established => Glare::No,
    }
}
