//! REFER within an agent's dialog (RFC 3515, RFC 3892), and the NOTIFYs of its implicit subscription unless the phone
//! wants none (RFC 4488). Whether the transfer may be, and where to, is the owner's to say.

use super::receiving::key_of;
use super::{Core, DialogTimer, Due, Owner, Turn};
use crate::sip::api::{DialogId, Event, Referral};
use crate::sip::dialog::{Dialog, Pending, Stage};
use crate::sip::message::{Head, Method, NameAddr, Request, Scheme, Writer, reason_phrase};
use crate::time::Duration;

/// What a NOTIFY of it holds (RFC 3420).
const SIPFRAG: &str = "message/sipfrag;version=2.0";
/// How long the subscription lasts, in seconds: longer than any phone of ours rings.
const LIFE: u32 = 600;

/// A REFER whose outcome is not known yet.
#[derive(Debug)]
pub(crate) struct Refer {
    /// As long as the owner has not said whether it is tried.
    pending: Option<Pending>,
    /// The number of the REFER: names its subscription (RFC 3515 2.4.6).
    number: u32,
    /// The first of its dialog needs no name.
    first: bool,
    subscribed: bool,
}

/// A dialog as Replaces names it (RFC 3891 6.1), seen from whom it is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replaces {
    pub call_id: String,
    /// Ours.
    pub to_tag: String,
    /// Theirs.
    pub from_tag: String,
    pub early_only: bool,
}

impl Replaces {
    pub(super) fn parse(text: &str) -> Option<Replaces> {
        let (call_id, params) = text.split_once(';')?;
        let (mut to_tag, mut from_tag, mut early_only) = (None, None, false);
        for param in params.split(';') {
            let (name, value) = param.split_once('=').unwrap_or((param, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "to-tag" if to_tag.is_none() => to_tag = Some(value.trim().to_owned()),
                "from-tag" if from_tag.is_none() => from_tag = Some(value.trim().to_owned()),
                "to-tag" | "from-tag" => return None,
                "early-only" => early_only = true,
                _ => {}
            }
        }
        Some(Replaces { call_id: call_id.trim().to_owned(), to_tag: to_tag?, from_tag: from_tag?, early_only })
    }
}

impl Core {
    /// REFER within a dialog.
    pub(super) fn referred(&mut self, id: DialogId, request: Request, turn: &mut Turn<'_>) {
        if !self.has_no_requirement(&request, turn) {
            return;
        }
        let Some(dialog) = self.dialogs.get(id) else { return };
        if let Err(status) = may_refer(dialog, &request) {
            return self.reject(&request, status, turn);
        }
        let (number, first) = (request.head.cseq.number, dialog.refers == 0);
        let mut to = match read(&request.head) {
            Ok(to) => to,
            Err(status) => return self.reject(&request, status, turn),
        };
        let replaced = to.1.take().map(|it| {
            let found = self.dialogs.find(&it.call_id, &it.to_tag, Some(&it.from_tag));
            found.map(|dialog| dialog.id)
        });
        if self.transactions.is_full() {
            return self.reject_for_now(&request, 503, turn);
        }
        let (key, flow) = (key_of(&request), request.answer_flow());
        let transaction = self.transactions.open_server(&key, flow, Owner::Answered, turn);
        let subscribed = !request.head.values("Refer-Sub").any(says_false);
        let Some(dialog) = self.dialogs.get(id) else { return };
        dialog.refers += 1;
        let pending = Some(Pending { transaction, request: Box::new(request) });
        dialog.refer = Some(Box::new(Refer { pending, number, first, subscribed }));
        let referral = match replaced {
            None => Referral::To(to.0),
            Some(Some(dialog)) => Referral::Replacing(dialog),
            Some(None) => Referral::ReplacingNothing,
        };
        turn.event(Event::Referred { dialog: id, referral });
    }

    /// The transfer is being tried.
    pub(super) fn accept_refer(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        let Some(refer) = self.dialogs.get(id).and_then(|dialog| dialog.refer.as_mut()) else { return };
        let Some(Pending { transaction, request }) = refer.pending.take() else { return };
        let subscribed = refer.subscribed;
        let contact = self.ours.contact(request.flow.transport);
        let mut writer = Writer::answer(&request, 202, None).header("Contact", contact);
        if !subscribed {
            writer = writer.header("Refer-Sub", "false");
        }
        self.answer(transaction, 202, writer.finish(), turn);
        // RFC 3515 2.4.4: at once.
        self.notify_refer(id, 100, turn);
    }

    /// What became of the transfer; one that was never tried is refused with it.
    pub(super) fn end_refer(&mut self, id: DialogId, status: u16, turn: &mut Turn<'_>) {
        debug_assert!((200..700).contains(&status), "not final: {status}");
        let Some(refer) = self.dialogs.get(id).and_then(|dialog| dialog.refer.as_mut()) else { return };
        match refer.pending.take() {
            Some(Pending { transaction, request }) => {
                let response = Writer::answer(&request, status, None).finish();
                self.answer(transaction, status, response, turn);
            }
            None => self.notify_refer(id, status, turn),
        }
        if let Some(dialog) = self.dialogs.get(id) {
            dialog.refer = None;
            if dialog.outlives_bye {
                self.forget(id, turn);
            }
        }
    }

    /// Who hangs up after a REFER hears what became of it all the same: the subscription lives on without the call
    /// (RFC 5057 4.1, RFC 5589 6.1). False when there is none.
    pub(super) fn outlive_bye(&mut self, id: DialogId, turn: &mut Turn<'_>) -> bool {
        let Some(dialog) = self.dialogs.get(id) else { return false };
        let waits = dialog.refer.as_ref().is_some_and(|refer| refer.subscribed && refer.pending.is_none());
        if !waits || dialog.released {
            return false;
        }
        dialog.stage = Stage::Ending;
        (dialog.released, dialog.outlives_bye) = (true, true);
        for timer in DialogTimer::ALL {
            turn.deadlines.cancel(Due::Dialog(id, timer));
        }
        let life = Duration::from_secs(LIFE.into());
        turn.deadlines.set(Due::Dialog(id, DialogTimer::Subscription), turn.now + life);
        true
    }

    /// What an INVITE that would take a dialog's place gets (RFC 3891 3). Agents pass callers on by REFER; nobody takes a
    /// caller by himself.
    pub(super) fn replacing(&mut self, request: &Request) -> Option<u16> {
        let mut values = request.head.values("Replaces");
        let replaces = match (values.next(), values.next()) {
            (None, _) => return None,
            (Some(text), None) => Replaces::parse(text),
            (Some(_), Some(_)) => None,
        };
        let Some(it) = replaces else { return Some(400) };
        let found = self.dialogs.find(&it.call_id, &it.to_tag, Some(&it.from_tag));
        Some(match found.map(|dialog| &dialog.stage) {
            // Before the answer only who called may be replaced.
            None | Some(Stage::Invited(_)) => 481,
            Some(Stage::Ending) => 603,
            Some(Stage::Established) if it.early_only => 486,
            Some(Stage::Calling { .. } | Stage::Established) => 403,
        })
    }

    fn notify_refer(&mut self, id: DialogId, status: u16, turn: &mut Turn<'_>) {
        let branch = self.tokens.branch();
        let Some(dialog) = self.dialogs.get(id) else { return };
        let Some(refer) = dialog.refer.as_ref().filter(|refer| refer.subscribed) else { return };
        let hears = matches!(dialog.stage, Stage::Established) || dialog.outlives_bye;
        if !hears || self.transactions.is_full() {
            return;
        }
        let event = if refer.first { "refer".to_owned() } else { format!("refer;id={}", refer.number) };
        let state = match status {
            0..200 => format!("active;expires={LIFE}"),
            _ => "terminated;reason=noresource".to_owned(),
        };
        let (cseq, hop) = (dialog.next_cseq(), dialog.next_hop());
        let fragment = format!("SIP/2.0 {status} {}\r\n", reason_phrase(status));
        let bytes = dialog
            .request(Method::Notify, cseq, self.ours.via(hop.transport, &branch))
            .header("Contact", self.ours.contact(hop.transport))
            .header("Event", event)
            .header("Subscription-State", state)
            .body(SIPFRAG, fragment.as_bytes());
        self.transactions.open_client(("NOTIFY", &branch), bytes, hop, Owner::Nobody, turn);
    }
}

/// Only the agent at the other end may ask, under its own name and from where its leg is; nobody else's call is passed
/// on at the wish of a stranger.
fn may_refer(dialog: &Dialog, request: &Request) -> Result<(), u16> {
    if !matches!(dialog.stage, Stage::Established) || dialog.released {
        return Err(481);
    }
    let (head, peer) = (&request.head, request.flow.remote.ip().to_canonical());
    let user = head.from.uri.user();
    let is_peer = NameAddr::parse(&dialog.remote).is_ok_and(|remote| remote.uri.user() == user);
    let anonymous = head.from.uri.host().eq_ignore_ascii_case("anonymous.invalid");
    // RFC 3892 2: who refers is who sends it.
    let for_others = head.header("Referred-By").is_some_and(|value| {
        let value = value.split(',').next().unwrap_or(value);
        !NameAddr::parse(value).is_ok_and(|referrer| referrer.uri.user() == user)
    });
    let elsewhere = dialog.flow.remote.ip().to_canonical() != peer;
    if !dialog.is_agent || !is_peer || anonymous || for_others || elsewhere {
        return Err(403);
    }
    match dialog.refer {
        Some(_) => Err(491),
        None => Ok(()),
    }
}

/// The one Refer-To (RFC 3515 2.1): a number, and the dialog that it replaces (RFC 3891).
fn read(head: &Head) -> Result<(String, Option<Replaces>), u16> {
    let mut values = head.values("Refer-To");
    let (Some(value), None) = (values.next(), values.next()) else { return Err(400) };
    let to = NameAddr::parse(value).map_err(|_| 400u16)?;
    if !matches!(to.uri.scheme(), Scheme::Sip | Scheme::Sips | Scheme::Tel) {
        return Err(416);
    }
    if to.uri.param("method").is_some_and(|method| !method.eq_ignore_ascii_case("INVITE")) {
        return Err(403);
    }
    let mut named = to.uri.header_values("Replaces");
    let replaces = match (named.next(), named.next()) {
        (None, _) => None,
        (Some(text), None) => Some(Replaces::parse(&text).ok_or(400u16)?),
        (Some(_), Some(_)) => return Err(400),
    };
    Ok((to.uri.number(), replaces))
}

fn says_false(value: &str) -> bool {
    value.split(';').next().unwrap_or(value).trim().eq_ignore_ascii_case("false")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3891 6.1.
    #[test]
    fn a_dialog_is_named_by_call_id_and_both_tags() {
        let named = |text: &str| Replaces::parse(text).map(|it| (it.call_id, it.to_tag, it.from_tag, it.early_only));
        let expected = |early| Some(("a@b".to_owned(), "1".to_owned(), "2".to_owned(), early));
        assert_eq!(named("a@b;to-tag=1;from-tag=2"), expected(false));
        assert_eq!(named("a@b ; From-Tag=2 ;x=y; TO-TAG=1;early-only"), expected(true));
        for wrong in ["a@b", "a@b;to-tag=1", "a@b;from-tag=2", "a@b;to-tag=1;to-tag=1;from-tag=2", ""] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
    }
}
