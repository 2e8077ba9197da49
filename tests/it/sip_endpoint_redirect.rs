//! A 302 from an agent's phone: followed once and only where the configuration allows, with the RFC section beside each.

use crate::sip_endpoint::{Desk, PHONE, Words, settings, udp};
use centralino::sip::api::AccountId;
use centralino::sip::message::Message;
use centralino::sip::{CallerIdentity, Redirect, Settings, Target};

const NEXT: &str = "127.0.0.1:6300";

/// An endpoint with a registered phone and places that a 302 may name, ringing that phone.
fn ringing_an_account() -> (Desk, Message) {
    let redirects = vec![Redirect { numbers: None, hosts: "127.0.0.0/8".parse().expect("a network") }];
    let mut desk = Desk::with(Settings { redirects, ..settings() });
    desk.registers(udp(PHONE));
    let caller = CallerIdentity { user: "0612345678".to_owned(), display: None, called: None, max_forwards: Some(42) };
    assert_eq!(desk.rings(&Target::Account(AccountId(0)), &caller), "INVITE");
    let invite = desk.last();
    (desk, invite)
}

/// RFC 3261 8.1.3.4, 13.2.2.2.
#[test]
fn a_302_is_followed_once_and_only_where_allowed() {
    let moved = |invite: &Message, contact: &str| Words::answer(302, invite, "a").set("Contact", contact);
    #[rustfmt::skip]
    let rows = [
        ("8.1.3.4", "<sip:b@127.0.0.1:6300>",                              "ACK, INVITE, <Redirected>"),
        ("20.10",   "<sip:c@127.0.0.1:6301>;q=0.2, <sip:b@127.0.0.1:6300>;q=0.7", "ACK, INVITE, <Redirected>"),
        ("20.10",   "<sip:c@203.0.113.1>, <sip:b@127.0.0.1:6300>;q=0.1",   "ACK, INVITE, <Redirected>"),
        ("8.1.3.4", "<sip:b@203.0.113.1>",                                 "ACK, <Refused Status(302)>"),
        ("8.1.3.4", "<sip:101@127.0.0.1:6100>",                            "ACK, <Refused Status(302)>"),
        ("19.1.5",  "<sip:b@127.0.0.1:6300?Replaces=x>",                   "ACK, <Refused Status(302)>"),
        ("8.1.3.4", "<sip:b@192.0.2.1:5060>",                              "ACK, <Refused Status(302)>"),
    ];
    for (section, contact, expected) in rows {
        let (mut desk, invite) = ringing_an_account();
        let said = desk.gets_by(udp(PHONE), moved(&invite, contact));
        assert_eq!(said, expected, "RFC 3261 {section}: {contact}");
        if said.contains("INVITE") {
            assert_eq!(desk.sent[1].flow, udp(NEXT));
            let (next, text) = (desk.last(), desk.last_text());
            let (old, new) = (invite.head(), next.head());
            assert_eq!((&old.call_id, &old.from.text, &old.to.text), (&new.call_id, &new.from.text, &new.to.text));
            assert_eq!((new.cseq.number, new.to.tag(), &new.body), (2, None, &old.body));
            assert_ne!(old.via.branch, new.via.branch);
            assert!(
                text.starts_with("INVITE sip:b@127.0.0.1:6300 ") && text.contains("Max-Forwards: 42\r\n"),
                "{text}"
            );
        }
        desk.waits(40_000);
    }
    // Twice is a loop, or would be one soon.
    let (mut desk, invite) = ringing_an_account();
    desk.gets_by(udp(PHONE), moved(&invite, "<sip:b@127.0.0.1:6300>"));
    let next = desk.last();
    assert_eq!(desk.gets_by(udp(PHONE), moved(&invite, "<sip:c@127.0.0.1:6301>")), "ACK", "the same 302 again");
    let said = desk.gets_by(udp(NEXT), moved(&next, "<sip:c@127.0.0.1:6301>"));
    assert_eq!(said, "ACK, <Refused Status(302)>");
    desk.waits(40_000);
    assert_eq!(desk.endpoint.tables().dialogs, 0);
}

/// 8.1.3.4, 9.1: the leg is the same: its answer, its CANCEL and its end are those of the place it was sent to.
#[test]
fn who_was_redirected_is_answered_or_cancelled_there() {
    let sent_on = || {
        let (mut desk, invite) = ringing_an_account();
        desk.gets_by(udp(PHONE), Words::answer(302, &invite, "a").set("Contact", "<sip:b@127.0.0.1:6300>"));
        let next = desk.last();
        (desk, next)
    };
    let (mut desk, next) = sent_on();
    assert_eq!(desk.gets_by(udp(NEXT), Words::answer(180, &next, "b")), "<Progressed 180>");
    let ok = Words::answer(200, &next, "b").sdp().set("Contact", &format!("<sip:b@{NEXT}>"));
    assert_eq!(desk.gets_by(udp(NEXT), ok), "ACK, <Accepted sdp>");
    assert_eq!((desk.sent[0].flow, desk.last().head().cseq.number), (udp(NEXT), 2));
    assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out)), "BYE");
    assert_eq!((desk.sent[0].flow, desk.last().head().cseq.number), (udp(NEXT), 3));
    let (mut desk, next) = sent_on();
    assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.cancel(dialog, now, out)), "");
    assert_eq!(desk.gets_by(udp(NEXT), Words::answer(180, &next, "b")), "CANCEL");
    assert_eq!(desk.sent[0].flow, udp(NEXT));
    assert_eq!(desk.gets_by(udp(NEXT), Words::answer(487, &next, "b")), "ACK, <Refused Status(487)>");
    // A call that nobody wants any more goes nowhere.
    let (mut desk, invite) = ringing_an_account();
    desk.does(|endpoint, dialog, now, out| endpoint.cancel(dialog, now, out));
    let said = desk.gets_by(udp(PHONE), Words::answer(302, &invite, "a").set("Contact", "<sip:b@127.0.0.1:6300>"));
    assert_eq!(said, "ACK, <Refused Status(302)>");
}
