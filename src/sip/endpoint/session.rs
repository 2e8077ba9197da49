//! Session timers (RFC 4028): agreed to when the other side asks, refreshed by whoever is to, and the end of a leg
//! that nobody refreshed any more. We never ask for one.

use super::challenges::Proof;
use super::{Core, DialogTimer, Due, Owner, Turn};
use crate::sip::api::{DialogId, Event, RefusedBy, Transmit};
use crate::sip::dialog::{Dialog, SessionTimer, Stage};
use crate::sip::message::{ALLOW, Head, Method, Request, Response, SDP, SUPPORTED, Writer, find_param};
use crate::sip::transaction::{Told, TransactionId};
use crate::time::Duration;
use bytes::Bytes;

/// RFC 4028 4: the shortest interval that anybody has to bear.
const LEAST_SECONDS: u32 = 90;
/// When a refresh could not be sent, or was answered "not now".
const AGAIN: Duration = Duration::from_secs(2);

/// A re-INVITE of ours that only refreshes, and its ACKs.
#[derive(Debug)]
pub(super) struct Refresh {
    dialog: DialogId,
    flow: crate::sip::api::Flow,
    /// To a refusal: the INVITE's own branch (RFC 3261 17.1.1.3).
    refused: Bytes,
    /// To a 200: a branch of its own.
    accepted: Bytes,
}

impl Refresh {
    /// Whose session it is.
    pub(super) fn dialog(&self) -> DialogId {
        self.dialog
    }
}

/// Session-Expires as the other side wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    seconds: u32,
    by_sender: Option<bool>,
}

impl Wish {
    fn parse(text: &str) -> Option<Wish> {
        let (seconds, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        let by_sender = match find_param(params, "refresher") {
            None => None,
            Some(name) if name.eq_ignore_ascii_case("uac") => Some(true),
            Some(name) if name.eq_ignore_ascii_case("uas") => Some(false),
            Some(_) => return None,
        };
        Some(Wish { seconds: seconds.trim().parse().ok()?, by_sender })
    }
}

/// What our 200 to a request agrees to (RFC 4028 9). Who does not know timers cannot refresh: a proxy asked, we do it.
pub(super) fn session_of(request: &Request) -> Option<SessionTimer> {
    let wish = Wish::parse(request.head.header("Session-Expires")?)?;
    let able = request.head.lists("Supported", "timer");
    let ours = match wish.by_sender {
        Some(by_sender) => !(by_sender && able),
        None => !able,
    };
    (wish.seconds >= LEAST_SECONDS).then_some(SessionTimer { seconds: wish.seconds, ours })
}

/// What a 200 to a request of ours agreed to (RFC 4028 7.2).
fn session_in(head: &Head) -> Option<SessionTimer> {
    let wish = Wish::parse(head.header("Session-Expires")?)?;
    Some(SessionTimer { seconds: wish.seconds.max(LEAST_SECONDS), ours: wish.by_sender.unwrap_or(true) })
}

/// A 200 of ours says what it agrees to.
pub(super) fn with_session(writer: Writer, session: Option<SessionTimer>) -> Writer {
    let writer = writer.header("Supported", SUPPORTED);
    match session {
        None => writer,
        Some(SessionTimer { seconds, ours: true }) => {
            writer.header("Session-Expires", format_args!("{seconds};refresher=uas"))
        }
        Some(SessionTimer { seconds, ours: false }) => {
            writer.header("Require", "timer").header("Session-Expires", format_args!("{seconds};refresher=uac"))
        }
    }
}

impl Core {
    /// Whether the session timer that is asked for, if one is, is bearable; refuses it otherwise.
    pub(super) fn session_fits(&mut self, request: &Request, turn: &mut Turn<'_>) -> bool {
        let Some(text) = request.head.header("Session-Expires") else { return true };
        match Wish::parse(text) {
            None => self.reject(request, 400, turn),
            Some(wish) if wish.seconds < LEAST_SECONDS && request.head.lists("Supported", "timer") => {
                self.reject_with(request, 422, |writer| writer.header("Min-SE", LEAST_SECONDS), turn);
            }
            Some(_) => return true,
        }
        false
    }

    /// From now on the leg lives by this timer, or by none.
    pub(super) fn keep_session(&mut self, id: DialogId, session: Option<SessionTimer>, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id) else { return };
        if session.is_none() && dialog.session.is_none() {
            return;
        }
        dialog.session = session;
        let timers = [DialogTimer::Refresh, DialogTimer::SessionLost];
        for timer in timers {
            turn.deadlines.cancel(Due::Dialog(id, timer));
        }
        let Some(SessionTimer { seconds, ours }) = session else { return };
        let length = Duration::from_secs(u64::from(seconds));
        // RFC 4028 10: the BYE goes out a little before the end.
        let end = length - (length / 3).min(Duration::from_secs(32));
        turn.deadlines.set(Due::Dialog(id, DialogTimer::SessionLost), turn.now + end);
        if ours {
            turn.deadlines.set(Due::Dialog(id, DialogTimer::Refresh), turn.now + length / 2);
        }
    }

    /// As [`Core::keep_session`], from the 200 to our INVITE.
    pub(super) fn keep_session_of(&mut self, id: DialogId, response: &Response, turn: &mut Turn<'_>) {
        self.keep_session(id, session_in(&response.head), turn);
    }

    /// Half of the interval is over: we refresh, by UPDATE if the other side knows it (RFC 4028 7.4).
    pub(super) fn refresh_due(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        self.refresh_with(id, None, turn);
    }

    fn refresh_with(&mut self, id: DialogId, proof: Option<Proof>, turn: &mut Turn<'_>) {
        let (one, two) = (self.tokens.branch(), self.tokens.branch());
        let is_full = self.transactions.is_full();
        let Some(dialog) = self.dialogs.get(id).filter(|dialog| is_steady(dialog)) else { return };
        let Some(SessionTimer { seconds, .. }) = dialog.session else { return };
        if is_full || dialog.unacked.is_some() || dialog.change.is_some() || dialog.reinviting {
            return turn.deadlines.set(Due::Dialog(id, DialogTimer::Refresh), turn.now + AGAIN);
        }
        let (cseq, hop) = (dialog.next_cseq(), dialog.next_hop());
        dialog.proven = proof.as_ref().map(|_| cseq);
        let dialog = &*dialog;
        let request = |method, branch| {
            let writer = dialog.request(method, cseq, self.ours.via(hop.transport, branch));
            proof.iter().fold(writer, |writer: Writer, (name, proof)| writer.header(name, proof))
        };
        let method = if dialog.updates { Method::Update } else { Method::Invite };
        let writer = request(method, &one)
            .header("Contact", self.ours.contact(hop.transport))
            .header("Supported", "timer")
            .header("Session-Expires", format_args!("{seconds};refresher=uac"));
        if dialog.updates {
            self.transactions.open_client(("UPDATE", &one), writer.finish(), hop, Owner::Refreshing(id), turn);
            return;
        }
        let bytes = writer.header("Allow", ALLOW).body(SDP, &dialog.local_sdp);
        let ack = |branch| request(Method::Ack, branch).finish();
        let refresh = Refresh { dialog: id, flow: hop, refused: ack(&one), accepted: ack(&two) };
        if let Some(dialog) = self.dialogs.get(id) {
            dialog.reinviting = true;
        }
        self.transactions.open_invite_client(&one, bytes, hop, Owner::Reinviting(Box::new(refresh)), turn);
    }

    /// An answer to the re-INVITE that refreshes.
    pub(super) fn reinvite_answered(&mut self, id: TransactionId, response: &Response, turn: &mut Turn<'_>) {
        let Some(Owner::Reinviting(refresh)) = self.transactions.user(id) else { return };
        let (dialog, flow, accepted, refused) =
            (refresh.dialog, refresh.flow, refresh.accepted.clone(), refresh.refused.clone());
        let outcome = self.transactions.respond(id, response.status, || refused, turn);
        if outcome.told != Some(Told::Response) || response.status < 200 {
            return;
        }
        if response.status < 300 {
            turn.out.transmits.push(Transmit { flow, bytes: accepted });
        }
        self.refresh_answered(dialog, response, turn);
    }

    /// What became of our refresh (RFC 4028 7.3, RFC 3261 14.1).
    pub(super) fn refresh_answered(&mut self, id: DialogId, response: &Response, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id) else { return };
        dialog.reinviting = false;
        if !is_steady(dialog) {
            return;
        }
        if let Some(proof) = self.challenged_within(id, response) {
            return self.refresh_with(id, Some(proof), turn);
        }
        let Some(dialog) = self.dialogs.get(id) else { return };
        let soon = match response.status {
            200..300 => {
                if let Some(contact) = response.head.contacts.first() {
                    dialog.target = contact.uri.clone();
                }
                return self.keep_session(id, session_in(&response.head), turn);
            }
            408 | 481 => return self.refresh_failed(id, RefusedBy::Status(response.status), turn),
            405 | 501 if dialog.updates => {
                dialog.updates = false;
                Duration::ZERO
            }
            422 => {
                let least = response.head.header("Min-SE").and_then(Wish::parse);
                if let (Some(session), Some(least)) = (&mut dialog.session, least) {
                    session.seconds = session.seconds.max(least.seconds);
                }
                Duration::ZERO
            }
            // 14.1: who owns the Call-ID comes back later than who does not.
            491 if dialog.is_call_ours => Duration::from_millis(2_100 + u64::from(self.tokens.u32() % 1_900)),
            491 => Duration::from_millis(u64::from(self.tokens.u32() % 2_000)),
            _ => AGAIN * 5,
        };
        turn.deadlines.set(Due::Dialog(id, DialogTimer::Refresh), turn.now + soon);
    }

    /// Our refresh found nobody: the leg is over (RFC 3261 12.2.1.2). What does not know the dialog needs no BYE.
    pub(super) fn refresh_failed(&mut self, id: DialogId, cause: RefusedBy, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id).filter(|dialog| is_steady(dialog)) else { return };
        dialog.reinviting = false;
        match cause {
            // Another connection may be made; the session's own end is near enough.
            RefusedBy::Transport => {
                return turn.deadlines.set(Due::Dialog(id, DialogTimer::Refresh), turn.now + AGAIN * 5);
            }
            RefusedBy::Status(481) => {
                self.drop_change(id, turn);
                self.forget(id, turn);
            }
            RefusedBy::Status(_) | RefusedBy::Timeout => {
                self.drop_change(id, turn);
                self.send_bye(id, super::ending::LOST, turn);
            }
        }
        turn.event(Event::HungUp { dialog: id, lost: true });
    }

    /// Nobody refreshed the session (RFC 4028 10).
    pub(super) fn session_lost(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        self.refresh_failed(id, RefusedBy::Timeout, turn);
    }
}

fn is_steady(dialog: &Dialog) -> bool {
    matches!(dialog.stage, Stage::Established) && !dialog.released
}
