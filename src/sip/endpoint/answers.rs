//! Answers that need no dialog: refusals without state (RFC 3261 8.2.7), OPTIONS, REGISTER.

use super::receiving::key_of;
use super::{Core, Due, Owner, Turn};
use crate::sip::api::{Event, Refusal, Transmit, Turned};
use crate::sip::digest::Denied;
use crate::sip::message::{ALLOW, Method, Request, SDP, SUPPORTED, Writer};
use crate::sip::registrar::Change;
use crate::sip::tokens::STATELESS;
use bytes::Bytes;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The bodies that we read: SDP, alone or in parts.
const ACCEPT: &str = "application/sdp, multipart/mixed";

impl Core {
    /// Refuses without keeping anything; a repeated request gets the same answer.
    pub(super) fn reject(&mut self, request: &Request, status: u16, turn: &mut Turn<'_>) {
        self.reject_with(request, status, |writer| writer, turn);
    }

    /// [`Core::reject`] with header lines of its own.
    pub(super) fn reject_with(
        &mut self,
        request: &Request,
        status: u16,
        headers: impl FnOnce(Writer) -> Writer,
        turn: &mut Turn<'_>,
    ) {
        let mut writer = Writer::answer(request, status, Some(&self.stateless_tag(request)));
        if status == 405 {
            writer = writer.header("Allow", ALLOW);
        }
        let bytes = headers(writer).finish();
        self.answer_stranger(request, bytes, turn);
        turn.turned(Turned::Rejected(status));
    }

    /// Refuses for a while: RFC 3261 14.2 and 21.5.4 want the moments of return spread.
    pub(super) fn reject_for_now(&mut self, request: &Request, status: u16, turn: &mut Turn<'_>) {
        let seconds = match status {
            503 => self.seconds_to_stay_away(),
            _ => self.tokens.u32() % 11,
        };
        self.reject_with(request, status, |writer| writer.header("Retry-After", seconds), turn);
    }

    /// The tag of an answer without state: the same for the same request and its ACK, and nobody can foresee it.
    pub(super) fn stateless_tag(&self, request: &Request) -> String {
        let head = &request.head;
        let mut hasher = DefaultHasher::new();
        (self.stateless_key, &head.call_id, head.from.tag(), head.cseq.number, &head.via.branch).hash(&mut hasher);
        format!("{STATELESS}{:016x}", hasher.finish())
    }

    /// What every request but BYE, ACK and CANCEL must fulfil: no extension that we lack (RFC 3261 8.2.2.3). Refuses it
    /// and says so otherwise.
    pub(super) fn has_no_requirement(&mut self, request: &Request, turn: &mut Turn<'_>) -> bool {
        let head = &request.head;
        let unknown = |option: &&str| !SUPPORTED.split(", ").any(|known| known.eq_ignore_ascii_case(option));
        let required: Vec<&str> = head.tokens("Require").filter(unknown).chain(head.tokens("Proxy-Require")).collect();
        if !required.is_empty() {
            self.reject_with(request, 420, |writer| writer.header("Unsupported", required.join(", ")), turn);
        }
        required.is_empty()
    }

    /// The same, and no body that we cannot read (8.2.3), for requests that describe a session.
    pub(super) fn is_fit(&mut self, request: &Request, turn: &mut Turn<'_>) -> bool {
        if !self.has_no_requirement(request, turn) {
            return false;
        }
        let head = &request.head;
        // RFC 3261 20.1, 21.4.7: what we answer with is SDP.
        let describes = matches!(request.method, Method::Invite | Method::Update);
        if describes && head.header("Accept").is_some() && !head.tokens("Accept").any(takes_sdp) {
            self.reject(request, 406, turn);
            return false;
        }
        if head.body.is_empty() {
            return true;
        }
        if head.values("Content-Encoding").any(|coding| !coding.trim().eq_ignore_ascii_case("identity")) {
            self.reject_with(request, 415, |writer| writer.header("Accept-Encoding", "identity"), turn);
            return false;
        }
        if head.sdp().is_none() {
            self.reject_with(request, 415, |writer| writer.header("Accept", ACCEPT), turn);
            return false;
        }
        true
    }

    /// Answers a request other than INVITE, once and for all. When the table is full the answer is given without
    /// state: a repeated request is then looked at again.
    pub(super) fn settle(&mut self, request: &Request, status: u16, response: Bytes, turn: &mut Turn<'_>) {
        if self.transactions.is_full() {
            turn.turned(Turned::Overflow);
            turn.out.transmits.push(Transmit { flow: request.answer_flow(), bytes: response });
            return;
        }
        let flow = request.answer_flow();
        let id = self.transactions.open_server(&key_of(request), flow, Owner::Answered, turn);
        self.answer(id, status, response, turn);
    }

    /// OPTIONS outside a dialog (RFC 3261 11.2); nothing is kept.
    pub(super) fn options(&mut self, request: &Request, turn: &mut Turn<'_>) {
        if !self.has_no_requirement(request, turn) {
            return;
        }
        let bytes = self.capabilities(request, &self.stateless_tag(request));
        self.answer_stranger(request, bytes, turn);
    }

    /// REGISTER: the registrar decides, and only a success is worth a transaction. Nothing is kept of a stranger.
    pub(super) fn register(&mut self, request: &Request, turn: &mut Turn<'_>) {
        if !self.has_no_requirement(request, turn) {
            return;
        }
        let mut changes = Vec::new();
        let answer = self.registrar.register(request, turn.now, &mut changes);
        let tag = self.stateless_tag(request);
        let write = |headers: &[(&'static str, String)]| {
            let writer = Writer::answer(request, answer.status, Some(&tag));
            headers.iter().fold(writer, |writer, (name, value)| writer.header(name, value)).finish()
        };
        let bytes = write(&answer.headers);
        if answer.status < 300 {
            self.settle(request, answer.status, bytes, turn);
        } else if self.amplifies(request.flow, request.length, bytes.len()) {
            // So short a REGISTER gets the first challenge alone.
            self.answer_stranger(request, write(answer.headers.get(..1).unwrap_or_default()), turn);
        } else {
            turn.out.transmits.push(Transmit { flow: request.answer_flow(), bytes });
        }
        match answer.denied {
            Some(Denied::Wrong) => turn.turned(Turned::AuthFailed),
            // The challenge is how every registration begins.
            Some(Denied::Missing | Denied::Stale) => {}
            Some(Denied::Malformed) => turn.turned(Turned::Rejected(answer.status)),
            None if answer.status >= 300 => turn.turned(Turned::Rejected(answer.status)),
            None => {}
        }
        self.tell_bindings(changes, turn);
    }

    /// Bindings that ran out.
    pub(super) fn expire_bindings(&mut self, turn: &mut Turn<'_>) {
        let mut changes = Vec::new();
        self.registrar.expire(turn.now, &mut changes);
        self.tell_bindings(changes, turn);
    }

    fn tell_bindings(&mut self, changes: Vec<Change>, turn: &mut Turn<'_>) {
        for change in changes {
            turn.event(match change {
                Change::Registered(account) => Event::Registered { account },
                Change::Unregistered(account) => Event::Unregistered { account },
            });
        }
        match self.registrar.next_deadline() {
            Some(at) if turn.deadlines.get(Due::Registrar) == Some(at) => {}
            Some(at) => turn.deadlines.set(Due::Registrar, at),
            None => drop(turn.deadlines.cancel(Due::Registrar)),
        }
    }

    /// The 200 to an OPTIONS.
    pub(super) fn capabilities(&self, request: &Request, tag: &str) -> Bytes {
        Writer::answer(request, 200, Some(tag))
            .header("Allow", ALLOW)
            .header("Accept", ACCEPT)
            .header("Accept-Encoding", "identity")
            .header("Supported", SUPPORTED)
            .finish()
    }
}

/// Whether an entry of Accept lets SDP through.
fn takes_sdp(range: &str) -> bool {
    let range = range.split(';').next().unwrap_or(range).trim();
    [SDP, "application/*", "*/*"].iter().any(|wanted| range.eq_ignore_ascii_case(wanted))
}

/// An owner's refusal as a message; `cause` tells an ISDN behind a gateway what it is (RFC 6432).
pub(super) fn refusal_of(
    request: &Request,
    tag: &str,
    (refusal, cause): (&Refusal, Option<u8>),
    host: impl std::fmt::Display,
) -> Bytes {
    let mut writer = Writer::answer(request, refusal.status, Some(tag));
    if let Some(seconds) = refusal.retry_after {
        writer = writer.header("Retry-After", seconds);
    }
    if let Some(cause) = cause {
        writer = writer.header("Reason", format_args!("Q.850;cause={cause}"));
    }
    if let Some((code, text)) = refusal.warning {
        writer = writer.header("Warning", format_args!("{code} {host} \"{text}\""));
    }
    writer.finish()
}
