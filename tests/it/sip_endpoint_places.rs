//! Calls to host names: which place they go to, and where they go when nobody serves them there (RFC 3263 4.3), with the
//! RFC section beside each row.

use crate::sip_endpoint::{Desk, Words, addr, settings, udp};
use centralino::sip::message::{Message, Uri};
use centralino::sip::{CallerIdentity, HostName, NotInvited, Place, Target, Transport};

const FIRST: &str = "192.0.2.11:5060";
const SECOND: &str = "192.0.2.12:5062";
const URI: &str = "sip:0612345678@carrier.example";

fn carrier() -> HostName {
    HostName::of(&Uri::parse(URI).expect("a URI")).expect("a name")
}

fn place(address: &str, priority: u16) -> Place {
    Place { transport: Transport::Udp, address: addr(address), priority, weight: 0 }
}

/// A carrier of two places, and a call on its way to the first.
fn calling() -> (Desk, Message) {
    let mut desk = Desk::with(settings());
    desk.endpoint.learn_places(carrier(), vec![place(SECOND, 20), place(FIRST, 10)]);
    assert_eq!(desk.invites(URI), "INVITE");
    assert_eq!(desk.sent[0].flow, udp(FIRST), "the smaller priority goes first");
    let invite = desk.last();
    assert!(desk.last_text().starts_with(&format!("INVITE {URI} ")), "RFC 3263 4: the Request-URI stays");
    (desk, invite)
}

#[test]
fn a_name_without_places_is_nowhere() {
    let mut desk = Desk::with(settings());
    let target = Target::Uri(URI.to_owned());
    let caller = CallerIdentity::default();
    let invited = desk.endpoint.invite(&target, &caller, "".into(), desk.now, &mut desk.out);
    assert_eq!(invited, Err(NotInvited::NoPlace));
    desk.out.events.clear();
    desk.endpoint.learn_places(carrier(), vec![place(FIRST, 10)]);
    assert_eq!(desk.invites(URI), "INVITE");
    desk.endpoint.learn_places(carrier(), Vec::new());
    let invited = desk.endpoint.invite(&target, &caller, "".into(), desk.now, &mut desk.out);
    assert_eq!(invited, Err(NotInvited::NoPlace), "and so is one that is to be forgotten");
}

#[test]
fn what_one_place_does_not_serve_goes_to_the_next() {
    #[rustfmt::skip]
    let rows = [
        ("3263 4.3",    503, "ACK, INVITE, <Redirected>"),
        ("3261 21.4.5", 404, "ACK, <Refused Status(404)>"),
        ("3261 21.5.1", 500, "ACK, <Refused Status(500)>"),
        ("3261 21.6.1", 600, "ACK, <Refused Status(600)>"),
    ];
    for (section, status, expected) in rows {
        let (mut desk, invite) = calling();
        assert_eq!(desk.gets_by(udp(FIRST), Words::answer(status, &invite, "a")), expected, "RFC {section}");
    }
    let (mut desk, invite) = calling();
    desk.gets_by(udp(FIRST), Words::answer(503, &invite, "a"));
    let next = desk.last();
    assert_eq!(desk.sent[1].flow, udp(SECOND));
    assert_eq!((&next.head().call_id, &next.head().body), (&invite.head().call_id, &invite.head().body));
    assert_ne!(next.head().via.branch, invite.head().via.branch, "RFC 3263 4.3: a transaction of its own");
    let ok = Words::answer(200, &next, "b").sdp().set("Contact", &format!("<sip:b@{SECOND}>"));
    assert_eq!(desk.gets_by(udp(SECOND), ok), "ACK, <Accepted sdp>");
    assert_eq!(desk.sent[0].flow, udp(SECOND));
    // When no place is left, the last answer is the answer.
    let (mut desk, invite) = calling();
    desk.gets_by(udp(FIRST), Words::answer(503, &invite, "a"));
    let next = desk.last();
    assert_eq!(desk.gets_by(udp(SECOND), Words::answer(503, &next, "b")), "ACK, <Refused Status(503)>");
    desk.waits(40_000);
    assert_eq!(desk.endpoint.tables().dialogs, 0);
}

#[test]
fn a_place_that_is_not_there_is_passed_over() {
    let (mut desk, _) = calling();
    assert_eq!(
        desk.does(|endpoint, _, now, out| endpoint.send_failed(udp(FIRST), now, out)),
        "INVITE, <SendFailed>, <Redirected>"
    );
    assert_eq!(desk.sent[0].flow, udp(SECOND));
    let (mut desk, _) = calling();
    let said = desk.waits(33_000);
    assert!(said.contains("@32000 INVITE, <Timeout>, <Redirected>"), "RFC 3261 17.1.1.2, Timer B: {said}");
    // The next calls go past it for a while.
    assert_eq!(desk.invites(URI), "INVITE");
    assert_eq!(desk.sent[0].flow, udp(SECOND));
    desk.waits(31_000);
    desk.invites(URI);
    assert_eq!(desk.sent[0].flow, udp(FIRST));
}

/// Whoever rings an agent waits for seconds, not for 64*T1.
#[test]
fn who_was_given_up_without_a_word_is_asked_last_by_the_next_call() {
    let (mut desk, _) = calling();
    desk.waits(4_000);
    assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.cancel(dialog, now, out)), "");
    desk.invites(URI);
    assert_eq!(desk.sent[0].flow, udp(SECOND));
    // One that rang has answered.
    let (mut desk, invite) = calling();
    desk.gets_by(udp(FIRST), Words::answer(180, &invite, "a"));
    desk.does(|endpoint, dialog, now, out| endpoint.cancel(dialog, now, out));
    desk.invites(URI);
    assert_eq!(desk.sent[0].flow, udp(FIRST));
}

/// RFC 3261 20.33, 21.5.4.
#[test]
fn a_place_that_asks_for_rest_gets_it() {
    let (mut desk, invite) = calling();
    desk.gets_by(udp(FIRST), Words::answer(503, &invite, "a").set("Retry-After", "120 (maintenance);duration=60"));
    let next = desk.last();
    desk.gets_by(udp(SECOND), Words::answer(503, &next, "b").set("Retry-After", "10"));
    let caller = CallerIdentity::default();
    let target = Target::Uri(URI.to_owned());
    let invited = desk.endpoint.invite(&target, &caller, "".into(), desk.now, &mut desk.out);
    assert_eq!(invited, Err(NotInvited::NoPlace), "all of them rest");
    desk.waits(11_000);
    desk.invites(URI);
    assert_eq!(desk.sent[0].flow, udp(SECOND));
    desk.waits(120_000);
    desk.invites(URI);
    assert_eq!(desk.sent[0].flow, udp(FIRST));
}
