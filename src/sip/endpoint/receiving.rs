//! Which kind of message it is and whom it concerns.

use super::{Core, Owner, Turn};
use crate::sip::api::{Flow, Transmit, Turned};
use crate::sip::intake::Taken;
use crate::sip::message::{Message, Method, Request, Response, SDP};
use crate::sip::transaction::{Outcome, RequestKey, Told};

impl Core {
    /// One whole message that has been let in.
    pub(super) fn receive(&mut self, flow: Flow, bytes: &[u8], turn: &mut Turn<'_>) {
        match self.intake.take(bytes, flow) {
            Taken::Nothing => {}
            Taken::Drop(_) => turn.turned(Turned::Garbage),
            Taken::Answer { status, flow: back, bytes: answer } => {
                self.answer_anybody(flow, bytes.len(), Transmit { flow: back, bytes: answer }, turn);
                turn.turned(Turned::Rejected(status));
            }
            Taken::Message(Message::Request(request)) => self.request(request, turn),
            Taken::Message(Message::Response(response)) => self.response(&response, turn),
        }
    }

    fn request(&mut self, request: Request, turn: &mut Turn<'_>) {
        let transaction = self.transactions.find_server(&key_of(&request));
        match (request.method, transaction) {
            (Method::Ack, Some(id)) => {
                let Outcome { told, .. } = self.transactions.acknowledge(id, turn);
                // The ACK to a refusal ends here. One to a 2xx should have a branch of its own, but not all do.
                if told == Some(Told::Ack) {
                    self.acknowledged(&request, turn);
                }
            }
            (Method::Ack, None) => self.acknowledged(&request, turn),
            (Method::Cancel, Some(id)) => self.cancelled(id, &request, turn),
            // RFC 3261 9.2.
            (Method::Cancel, None) => self.reject(&request, 481, turn),
            (_, Some(id)) => {
                self.transactions.repeat(id, turn);
            }
            (_, None) => self.new_request(request, turn),
        }
    }

    fn new_request(&mut self, mut request: Request, turn: &mut Turn<'_>) {
        let in_dialog = request.head.to.tag().is_some();
        if matches!(request.method, Method::Invite | Method::Update) {
            request.head.leave_out_optional_body(&[SDP]);
        }
        if !in_dialog && is_scanner(&request) {
            return turn.turned(Turned::Scanner);
        }
        match request.method {
            Method::Register => self.register(&request, turn),
            // Nobody's call is passed on from outside of it.
            Method::Refer if !in_dialog => self.reject(&request, 403, turn),
            // RFC 3261 8.2.1.
            Method::Subscribe | Method::Publish | Method::Message | Method::Notify => {
                self.reject(&request, 405, turn);
            }
            _ if in_dialog => self.within(request, turn),
            Method::Invite => self.invited(request, turn),
            Method::Options => self.options(&request, turn),
            // RFC 3261 12.2.2, 15.1.2; the last two have been dealt with.
            Method::Bye
            | Method::Update
            | Method::Info
            | Method::Prack
            | Method::Refer
            | Method::Ack
            | Method::Cancel => {
                self.reject(&request, 481, turn);
            }
        }
    }

    fn response(&mut self, response: &Response, turn: &mut Turn<'_>) {
        let head = &response.head;
        // RFC 3261 8.1.3.3: a second Via means that it was somebody else's.
        if head.tokens("Via").nth(1).is_some() {
            return turn.turned(Turned::StrayResponse);
        }
        // RFC 3261 17.1.3. The branch is ours and nobody can guess it.
        let branch = head.via.branch.as_deref().unwrap_or_default();
        let Some(id) = self.transactions.find_client(branch, head.cseq.method.as_str()) else {
            return turn.turned(Turned::StrayResponse);
        };
        let leg = match self.transactions.user(id) {
            Some(Owner::Inviting(_)) => return self.invite_answered(id, response, turn),
            Some(Owner::Reinviting(_)) => return self.reinvite_answered(id, response, turn),
            Some(&mut Owner::Refreshing(dialog)) => {
                let outcome = self.transactions.respond(id, response.status, Default::default, turn);
                if outcome.told == Some(Told::Response) && response.status >= 200 {
                    self.refresh_answered(dialog, response, turn);
                }
                return;
            }
            Some(&mut Owner::Probing(dialog)) => {
                let outcome = self.transactions.respond(id, response.status, Default::default, turn);
                if outcome.told == Some(Told::Response) && response.status >= 200 {
                    self.probe_answered(dialog, response.status, turn);
                }
                return;
            }
            Some(&mut Owner::HangingUp { dialog, why }) => Some((dialog, why)),
            Some(Owner::Nobody | Owner::Invited { .. } | Owner::Updated(_) | Owner::Answered) | None => None,
        };
        let outcome = self.transactions.respond(id, response.status, Default::default, turn);
        if let Some((dialog, why)) = leg.filter(|_| outcome.told == Some(Told::Response) && response.status >= 200) {
            self.bye_answered(dialog, why, response, turn);
        }
    }
}

/// What the programs call themselves that look for holes and passwords: any answer keeps them coming.
const SCANNERS: [&str; 7] =
    ["friendly-scanner", "sipvicious", "sipcli", "sundayddr", "sip-scan", "vaxsipuseragent", "pplsip"];

fn is_scanner(request: &Request) -> bool {
    let name = request.head.header("User-Agent").unwrap_or_default().to_ascii_lowercase();
    SCANNERS.iter().any(|scanner| name.contains(scanner))
}

/// What matching needs (RFC 3261 17.2.3): ACK and CANCEL belong to an INVITE.
pub(super) fn key_of(request: &Request) -> RequestKey<'_> {
    let method = match request.method {
        Method::Ack | Method::Cancel => Method::Invite,
        method => method,
    };
    RequestKey {
        transport: request.flow.transport,
        method: method.as_str(),
        via: &request.head.via,
        uri: request.uri.as_str(),
        from_tag: request.head.from.tag().unwrap_or_default(),
        call_id: &request.head.call_id,
        cseq: request.head.cseq.number,
    }
}
