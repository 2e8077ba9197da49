//! The end of legs: BYE from both sides, lost connections, failed sends.

use super::challenges::Proof;
use super::{Core, DialogTimer, Due, Owner, Turn};
use crate::sip::api::{DialogId, Event, Flow, Refusal, RefusedBy, Transport, Turned};
use crate::sip::dialog::{Cancel, Stage};
use crate::sip::message::{Method, Request, Response, Writer};
use crate::sip::transaction::{Outcome, Told, TransactionId};
use crate::time::Duration;
use std::net::SocketAddr;

/// Why we hang up (RFC 3326, ITU-T Q.850): the call is over.
pub(super) const NORMAL: &str = "Q.850;cause=16;text=\"Normal call clearing\"";
/// The other side no longer says anything.
pub(super) const LOST: &str = "Q.850;cause=102;text=\"Recovery on timer expiry\"";

/// How long an ACK may still come when the connection it was to come by is gone. Whoever is there reads our 200 by the
/// new one at once; 64*T1 of silence would keep an agent with nobody.
const PATIENCE_WITHOUT_CONNECTION: Duration = Duration::from_secs(4);

impl Core {
    /// BYE came (RFC 3261 15.1.2).
    pub(super) fn bye(&mut self, id: DialogId, request: &Request, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id) else { return };
        let released = dialog.released;
        match dialog.stage {
            // Their dialog does not exist before their 200.
            Stage::Calling { .. } => self.reject(request, 481, turn),
            Stage::Invited(_) => {
                self.say_ok(request, turn);
                self.give_up(id, turn);
                turn.explain(id, &request.head);
                turn.event(Event::Cancelled { dialog: id });
            }
            // BYEs that cross are both answered 200 (RFC 5407 3.2.1); ours ends the leg.
            Stage::Ending => self.say_ok(request, turn),
            Stage::Established => {
                self.say_ok(request, turn);
                self.drop_change(id, turn);
                if !self.outlive_bye(id, turn) {
                    self.forget(id, turn);
                }
                if !released {
                    turn.explain(id, &request.head);
                    turn.event(Event::HungUp { dialog: id, lost: false });
                }
            }
        }
    }

    fn say_ok(&mut self, request: &Request, turn: &mut Turn<'_>) {
        let response = Writer::answer(request, 200, None).finish();
        self.settle(request, 200, response, turn);
    }

    pub(super) fn hang_up(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id).filter(|dialog| !dialog.released) else { return };
        match dialog.stage {
            // RFC 3261 21.4.18: nobody was there for the call.
            Stage::Invited(_) => self.refuse(id, &Refusal { status: 480, retry_after: None, warning: None }, turn),
            Stage::Calling { .. } => self.cancel(id, turn),
            Stage::Ending => {}
            Stage::Established => {
                dialog.released = true;
                let waits = dialog.unacked.is_some();
                self.drop_change(id, turn);
                // RFC 3261 15: not before the ACK, or its time-out.
                if !waits {
                    self.send_bye(id, NORMAL, turn);
                }
            }
        }
    }

    pub(super) fn send_bye(&mut self, id: DialogId, why: &'static str, turn: &mut Turn<'_>) {
        self.send_bye_with(id, why, None, turn);
    }

    fn send_bye_with(&mut self, id: DialogId, why: &'static str, proof: Option<Proof>, turn: &mut Turn<'_>) {
        let branch = self.tokens.branch();
        let Some(dialog) = self.dialogs.get(id) else { return };
        dialog.stage = Stage::Ending;
        dialog.released = true;
        let (cseq, hop) = (dialog.next_cseq(), dialog.next_hop());
        dialog.proven = proof.as_ref().map(|_| cseq);
        let writer = dialog.request(Method::Bye, cseq, self.ours.via(hop.transport, &branch));
        let writer = proof.iter().fold(writer, |writer, (name, proof)| writer.header(name, proof));
        let bytes = writer.header("Reason", why).finish();
        let owner = Owner::HangingUp { dialog: id, why };
        self.transactions.open_client(("BYE", &branch), bytes, hop, owner, turn);
    }

    /// The last word on our BYE: whatever it is, the leg is over (RFC 3261 15.1.1), but for a trunk that wants to know who
    /// hangs up.
    pub(super) fn bye_answered(&mut self, id: DialogId, why: &'static str, response: &Response, turn: &mut Turn<'_>) {
        match self.challenged_within(id, response) {
            Some(proof) => self.send_bye_with(id, why, Some(proof), turn),
            None => self.forget(id, turn),
        }
    }

    /// Our 200 is not acknowledged yet: again, up to every T2 (RFC 3261 13.3.1.4).
    pub(super) fn repeat_ok(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        let Some(unacked) = self.dialogs.get(id).and_then(|dialog| dialog.unacked.as_mut()) else { return };
        unacked.interval = (unacked.interval * 2).min(crate::sip::transaction::T2);
        let (transaction, response) = (unacked.transaction, unacked.response.clone());
        turn.deadlines.set(Due::Dialog(id, DialogTimer::Repeat), turn.now + unacked.interval);
        self.answer(transaction, 200, response, turn);
    }

    /// Our 200 was not acknowledged in 64*T1: the leg is lost.
    pub(super) fn unconfirmed(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        turn.deadlines.cancel(Due::Dialog(id, DialogTimer::Repeat));
        let Some(dialog) = self.dialogs.get(id) else { return };
        let Some(unacked) = dialog.unacked.take() else { return };
        let released = dialog.released;
        self.drop_change(id, turn);
        self.send_bye(id, LOST, turn);
        turn.turned(Turned::Timeout);
        match (released, unacked.first) {
            (true, _) => {}
            (false, true) => turn.event(Event::Unconfirmed { dialog: id }),
            (false, false) => turn.event(Event::HungUp { dialog: id, lost: true }),
        }
    }

    /// Forgets a dialog and its timers; its transactions live as long as the RFC wants.
    pub(super) fn forget(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        if self.dialogs.remove(id).is_some() {
            for timer in DialogTimer::ALL {
                turn.deadlines.cancel(Due::Dialog(id, timer));
            }
        }
    }

    pub(super) fn send_failed(&mut self, flow: Flow, turn: &mut Turn<'_>) {
        turn.turned(Turned::SendFailed);
        self.fail_clients(flow.transport, flow.connection, Some(flow.remote), turn);
        if (flow.transport, flow.connection) == (Transport::Tcp, 0) {
            // Nobody can hear our answer, neither by the connection that was nor by a new one: the caller is gone.
            for id in self.dialogs.wanting(flow.remote) {
                if self.dialogs.get(id).is_some_and(|dialog| matches!(dialog.stage, Stage::Invited(_))) {
                    self.give_up(id, turn);
                    turn.event(Event::Cancelled { dialog: id });
                }
            }
        }
    }

    pub(super) fn connection_closed(&mut self, connection: u64, turn: &mut Turn<'_>) {
        self.fail_clients(Transport::Tcp, connection, None, turn);
        for id in self.dialogs.on_connection(connection) {
            self.answer_anew(id, turn);
        }
        self.registrar.connection_closed(connection);
    }

    /// The connection of a leg is gone: what it has not been told for sure goes by a new one (RFC 3261 18.2.2), the last
    /// provisional answer at once, so that a caller who is gone is found before an agent's phone rings for nobody.
    fn answer_anew(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id) else { return };
        let changing = dialog.change.as_ref().map(|change| (change.transaction, change.request.reconnect_flow()));
        let unacked = dialog.unacked.as_ref().map(|it| (it.transaction, it.reconnect, it.response.clone(), it.first));
        let invited = match &dialog.stage {
            Stage::Invited(pending) => Some((pending.transaction, pending.request.reconnect_flow())),
            Stage::Calling { .. } | Stage::Established | Stage::Ending => None,
        };
        let flow = invited.map_or(Flow { connection: 0, ..dialog.flow }, |(_, flow)| flow);
        self.dialogs.move_to(id, flow);
        if let Some((transaction, flow)) = changing {
            self.transactions.move_server(transaction, flow);
        }
        if let Some((transaction, flow, response, is_first)) = unacked {
            self.transactions.move_server(transaction, flow);
            self.answer(transaction, 200, response, turn);
            let lost = Due::Dialog(id, DialogTimer::Unconfirmed);
            let soon = turn.now + PATIENCE_WITHOUT_CONNECTION;
            if is_first && turn.deadlines.get(lost).is_some_and(|at| at > soon) {
                turn.deadlines.set(lost, soon);
            }
        }
        if let Some((transaction, flow)) = invited {
            self.transactions.move_server(transaction, flow);
            self.transactions.repeat(transaction, turn);
        }
    }

    fn fail_clients(&mut self, transport: Transport, connection: u64, remote: Option<SocketAddr>, turn: &mut Turn<'_>) {
        for id in self.transactions.clients_of(transport, connection, remote) {
            let outcome = self.transactions.fail(id, turn);
            self.concluded(id, outcome, turn);
        }
    }

    /// A transaction ran out of time or could not send.
    pub(super) fn concluded(&mut self, id: TransactionId, outcome: Outcome<Owner>, turn: &mut Turn<'_>) {
        let cause = match outcome.told {
            Some(Told::Timeout) => RefusedBy::Timeout,
            Some(Told::TransportError) => RefusedBy::Transport,
            Some(Told::Late) => return self.still_deciding(id, turn),
            Some(Told::Response | Told::Ack) | None => return,
        };
        if cause == RefusedBy::Timeout {
            turn.turned(Turned::Timeout);
        }
        match outcome.ended {
            Some(Owner::Inviting(invite)) => self.unanswered(&invite, cause, turn),
            Some(Owner::HangingUp { dialog, .. }) => self.forget(dialog, turn),
            Some(Owner::Probing(dialog)) => self.probe_failed(dialog, cause, turn),
            Some(Owner::Refreshing(dialog)) => self.refresh_failed(dialog, cause, turn),
            Some(Owner::Reinviting(refresh)) => self.refresh_failed(refresh.dialog(), cause, turn),
            Some(Owner::Invited { .. } | Owner::Updated(_) | Owner::Answered | Owner::Nobody) | None => {}
        }
    }

    /// Whether the owner has taken a call of ours back.
    pub(super) fn cancel_of(&mut self, id: DialogId) -> Option<Cancel> {
        match self.dialogs.get(id)?.stage {
            Stage::Calling { cancel, .. } => Some(cancel),
            Stage::Invited(_) | Stage::Established | Stage::Ending => None,
        }
    }
}
