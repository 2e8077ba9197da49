//! Agents' legs at an endpoint: INVITEs of ours, forks, CANCEL and its races, with the RFC section beside each.

use crate::sip_endpoint::{Desk, OURS, PHONE, SDP, Words, settings, tcp, udp};
use bytes::Bytes;
use centralino::sip::api::{AccountId, Flow, Output};
use centralino::sip::digest::{Challenge, Client};
use centralino::sip::message::{Message, Method};
use centralino::sip::{CallerIdentity, Limits, NotInvited, Settings, Target};
use centralino::time::Time;

/// An endpoint that has INVITEd a phone, and that INVITE.
fn ringing() -> (Desk, Message) {
    let mut desk = Desk::new();
    assert_eq!(desk.invites(&format!("sip:a@{PHONE}")), "INVITE");
    assert_eq!(desk.sent[0].flow, udp(PHONE));
    let invite = desk.last();
    (desk, invite)
}

fn phone_says(desk: &mut Desk, words: Words) -> String {
    desk.gets_by(udp(PHONE), words)
}

fn cancel(desk: &mut Desk) -> String {
    desk.does(|endpoint, dialog, now, out| endpoint.cancel(dialog, now, out))
}

fn hang_up(desk: &mut Desk) -> String {
    desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out))
}

#[test]
fn our_invite_is_whole() {
    let (desk, invite) = ringing();
    let text = desk.last_text();
    assert!(text.starts_with(&format!("INVITE sip:a@{PHONE} SIP/2.0\r\nVia: SIP/2.0/UDP {OURS};branch=z9hG4bK")));
    assert!(text.ends_with(SDP));
    for line in ["Max-Forwards: 70", "CSeq: 1 INVITE", "Content-Type: application/sdp", ";rport\r\n"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.contains(&format!("Contact: <sip:centralino@{OURS}>\r\n")));
    assert!(invite.head().from.text.starts_with(&format!("<sip:0612345678@{OURS}>;tag=")));
    assert_eq!(invite.head().to.tag(), None);
}

/// Section; status, To tag and whether it has SDP, of each answer; what the last one causes.
type Row<'a> = (&'a str, &'a [(u16, &'a str, bool)], &'a str);

/// What a phone may answer, one after the other, and what comes of the last.
#[test]
fn answers_of_a_phone() {
    #[rustfmt::skip]
    let rows: &[Row<'_>] = &[
        ("13.2.2.1", &[(100, "", false)], ""),
        ("13.2.2.1", &[(180, "a", false)], "<Progressed 180>"),
        ("13.2.2.1", &[(183, "a", true)], "<Progressed 183 sdp>"),
        ("13.2.2.4", &[(200, "a", true)], "ACK, <Accepted sdp>"),
        ("13.2.2.4", &[(180, "a", false), (200, "a", true)], "ACK, <Accepted sdp>"),
        ("13.2.2.4", &[(200, "a", true), (200, "a", true)], "ACK"),
        ("13.2.2.4", &[(200, "a", true), (200, "b", true)], "ACK, BYE"),
        ("13.2.2.4", &[(200, "a", true), (200, "b", true), (200, "b", true)], "ACK"),
        ("13.2.2.4", &[(200, "a", true), (180, "b", false)], ""),
        ("17.1.1.3", &[(486, "a", false)], "ACK, <Refused Status(486)>"),
        ("17.1.1.2", &[(486, "a", false), (486, "a", false)], "ACK"),
        ("13.2.2.2", &[(302, "a", false)], "ACK, <Refused Status(302)>"),
        ("21.6",     &[(603, "a", false)], "ACK, <Refused Status(603)>"),
        ("17.1.1.2", &[(486, "a", false), (200, "a", true)], ""),
    ];
    for (section, answers, expected) in rows {
        let (mut desk, invite) = ringing();
        let mut said = String::new();
        for &(status, tag, sdp) in *answers {
            let words = Words::answer(status, &invite, tag);
            said = phone_says(&mut desk, if sdp { words.sdp() } else { words });
        }
        assert_eq!(&said, expected, "RFC {section}: {answers:?}");
    }
}

/// 8.1.3.3, 17.1.3: answers that are not for us.
#[test]
fn stray_answers() {
    let (mut desk, invite) = ringing();
    let via = invite.head().header("Via").unwrap_or_default().to_owned();
    let ok = || Words::answer(200, &invite, "a").sdp();
    let rows = [
        ok().set("Via", &format!("{via}, SIP/2.0/UDP other;branch=z9hG4bK1")),
        ok().set("Via", "SIP/2.0/UDP other;branch=z9hG4bK1"),
        ok().set("CSeq", "1 BYE"),
    ];
    for row in rows {
        assert_eq!(phone_says(&mut desk, row), "<StrayResponse>");
    }
    assert_eq!(phone_says(&mut desk, ok()), "ACK, <Accepted sdp>");
}

/// 13.2.2.4: each fork's ACK and BYE carry that fork's tag.
#[test]
fn forks_are_acknowledged_and_hung_up_by_their_own_tag() {
    let (mut desk, invite) = ringing();
    phone_says(&mut desk, Words::answer(200, &invite, "a").sdp());
    let other = Words::answer(200, &invite, "b").sdp().set("Contact", "<sip:b@127.0.0.1:6200>");
    assert_eq!(phone_says(&mut desk, other), "ACK, BYE");
    for (sent, start) in desk.sent.iter().zip(["ACK sip:b@127.0.0.1:6200 ", "BYE sip:b@127.0.0.1:6200 "]) {
        let message = Message::parse(&sent.bytes, sent.flow).expect("ours");
        assert!(sent.bytes.starts_with(start.as_bytes()));
        assert_eq!((message.head().to.tag(), sent.flow), (Some("b"), udp("127.0.0.1:6200")));
    }
    // A phone that makes forks for ever is not served for ever.
    let said: Vec<_> =
        (0..20).map(|n| phone_says(&mut desk, Words::answer(200, &invite, &format!("x{n}")).sdp())).collect();
    assert_eq!(said.iter().filter(|said| *said == "<Overflow>").count(), 20 - 6);
    assert_eq!(hang_up(&mut desk), "BYE");
    desk.is_empty_at_last();
}

/// 17.1.1.2, 17.1.1.3, 8.1.3.1: nobody answers, or the network says that nobody is there.
#[test]
fn a_phone_that_is_not_there() {
    let (mut desk, _) = ringing();
    assert_eq!(
        desk.waits(32_000),
        "@500 INVITE | @1500 INVITE | @3500 INVITE | @7500 INVITE | @15500 INVITE | @31500 INVITE | \
         @32000 <Timeout>, <Refused Timeout>"
    );
    desk.is_empty_at_last();
    let (mut desk, _) = ringing();
    let failed = desk.does(|endpoint, _, now, out| endpoint.send_failed(udp("127.0.0.1:9"), now, out));
    assert_eq!(failed, "<SendFailed>", "somebody else's");
    let failed = desk.does(|endpoint, _, now, out| endpoint.send_failed(udp(PHONE), now, out));
    assert_eq!(failed, "<SendFailed>, <Refused Transport>");
    desk.is_empty_at_last();
}

/// 9.1: CANCEL waits for a provisional answer, shares the INVITE's branch, and the last word is told.
#[test]
fn taking_an_invite_back() {
    let (mut desk, invite) = ringing();
    assert_eq!(cancel(&mut desk), "");
    assert_eq!(phone_says(&mut desk, Words::answer(180, &invite, "a")), "CANCEL");
    let sent = desk.last();
    assert_eq!(sent.head().via.branch, invite.head().via.branch);
    assert_eq!(sent.head().cseq.number, invite.head().cseq.number);
    assert_eq!(sent.head().to.text, invite.head().to.text);
    assert_eq!(phone_says(&mut desk, Words::answer(180, &invite, "a")), "", "once");
    assert_eq!(phone_says(&mut desk, Words::answer(200, &sent, "a").without("Contact")), "");
    assert_eq!(phone_says(&mut desk, Words::answer(487, &invite, "a")), "ACK, <Refused Status(487)>");
    desk.is_empty_at_last();
}

/// 9.1, 15: whatever crosses the CANCEL, there is exactly one last word and nothing stays.
#[test]
fn races_with_cancel() {
    #[rustfmt::skip]
    let rows: &[(&str, &[&str], &str)] = &[
        ("a 200 crosses",            &["180", "cancel", "200"], "ACK, BYE, <Refused Status(200)>"),
        ("a 200 before any 1xx",     &["cancel", "200"], "ACK, BYE, <Refused Status(200)>"),
        ("cancelled after the 200",  &["200", "cancel"], "BYE, <Refused Status(200)>"),
        ("a refusal crosses",        &["180", "cancel", "486"], "ACK, <Refused Status(486)>"),
        ("a refusal before any 1xx", &["cancel", "486"], "ACK, <Refused Status(486)>"),
        ("cancelled twice",          &["180", "cancel", "cancel"], ""),
        ("hung up instead",          &["180", "hang up"], "CANCEL"),
        ("the 200 again",            &["180", "cancel", "200", "200"], "ACK"),
    ];
    for (what, steps, expected) in rows {
        let (mut desk, invite) = ringing();
        let mut said = String::new();
        for step in *steps {
            said = match *step {
                "cancel" => cancel(&mut desk),
                "hang up" => hang_up(&mut desk),
                "200" => phone_says(&mut desk, Words::answer(200, &invite, "a").sdp()),
                status => phone_says(&mut desk, Words::answer(status.parse().unwrap_or(0), &invite, "a")),
            };
        }
        assert_eq!(&said, expected, "{what}");
        desk.is_empty_at_last();
    }
    let (mut desk, invite) = ringing();
    phone_says(&mut desk, Words::answer(180, &invite, "a"));
    cancel(&mut desk);
    assert!(desk.waits(32_000).ends_with("<Timeout>, <Refused Timeout>, <Timeout>"), "silence after CANCEL: 64*T1");
    desk.is_empty_at_last();
}

/// 12.1.2: the route set of a 200 is reversed, its Contact is the target, and the numbers grow.
#[test]
fn the_dialog_of_a_200() {
    let (mut desk, invite) = ringing();
    let routes = "<sip:127.0.0.3;lr>, <sip:127.0.0.2;lr>";
    let ok =
        Words::answer(200, &invite, "a").sdp().set("Record-Route", routes).set("Contact", "<sip:x@127.0.0.9:7000>");
    assert_eq!(phone_says(&mut desk, ok), "ACK, <Accepted sdp>");
    let ack = desk.last_text();
    assert!(ack.starts_with("ACK sip:x@127.0.0.9:7000 SIP/2.0\r\n"));
    assert!(ack.contains("Route: <sip:127.0.0.2;lr>\r\nRoute: <sip:127.0.0.3;lr>\r\n") && ack.contains("CSeq: 1 ACK"));
    assert_ne!(desk.last().head().via.branch, invite.head().via.branch, "13.2.2.4: a branch of its own");
    assert_eq!(desk.sent[0].flow, udp("127.0.0.2:5060"));
    assert_eq!(hang_up(&mut desk), "BYE");
    assert!(desk.last_text().contains("CSeq: 2 BYE"));
    let bye = desk.last();
    // Requests that cross our BYE.
    assert_eq!(phone_says(&mut desk, Words::from_phone("BYE", 1, &invite, "a")), "200 BYE");
    assert_eq!(phone_says(&mut desk, Words::from_phone("INVITE", 2, &invite, "a").sdp()), "481 INVITE, <Rejected>");
    assert_eq!(phone_says(&mut desk, Words::answer(481, &bye, "")), "");
    assert_eq!(desk.endpoint.tables().dialogs, 0);
    desk.is_empty_at_last();
}

#[test]
fn a_phone_hangs_up_or_changes_the_session() {
    let (mut desk, invite) = ringing();
    // Before its 200 there is nothing to hang up, and our offer is open.
    assert_eq!(phone_says(&mut desk, Words::from_phone("BYE", 1, &invite, "a")), "481 BYE, <Rejected>");
    assert_eq!(phone_says(&mut desk, Words::from_phone("UPDATE", 2, &invite, "a").sdp()), "491 UPDATE, <Rejected>");
    phone_says(&mut desk, Words::answer(200, &invite, "a").sdp());
    assert_eq!(phone_says(&mut desk, Words::from_phone("INVITE", 3, &invite, "a").sdp()), "<ChangeOffered sdp>");
    let stranger = Words::from_phone("BYE", 9, &invite, "another");
    assert_eq!(phone_says(&mut desk, stranger), "481 BYE, <Rejected>");
    assert_eq!(phone_says(&mut desk, Words::from_phone("BYE", 4, &invite, "a")), "200 BYE, 487 INVITE, <HungUp>");
    desk.is_empty_at_last();
}

/// Fixed contacts are literal, or names that were looked up; streams are made by the shell and then kept.
#[test]
fn targets() {
    let rows: &[(&str, Result<Flow, NotInvited>)] = &[
        ("sip:a@127.0.0.1:6100", Ok(udp("127.0.0.1:6100"))),
        ("sip:a@localhost:6100", Ok(udp("127.0.0.1:6100"))),
        ("sip:a@[::1]", Ok(udp("[::1]:5060"))),
        ("sip:a@127.0.0.1:6100;transport=tcp", Ok(tcp("127.0.0.1:6100", 0))),
        ("sip:a@phone.example", Err(NotInvited::NoPlace)),
        ("sip:a@phone..example", Err(NotInvited::BadTarget)),
        ("sip:a@127.0.0.1;transport=sctp", Err(NotInvited::BadTarget)),
        ("tel:+390612345678", Err(NotInvited::BadTarget)),
        ("nonsense", Err(NotInvited::BadTarget)),
    ];
    for (uri, expected) in rows {
        let (mut desk, mut out) = (Desk::new(), Output::default());
        let target = Target::Uri((*uri).to_owned());
        let invited = desk.endpoint.invite(&target, &CallerIdentity::default(), Bytes::new(), Time::ZERO, &mut out);
        assert_eq!(invited.map(|_| out.transmits[0].flow), *expected, "{uri}");
    }
    let mut desk = Desk::with(Settings { limits: Limits { dialogs: 0, ..Limits::default() }, ..settings() });
    let account = Target::Account(AccountId(0));
    for (target, expected) in
        [(account, NotInvited::NoBinding), (Target::Uri("sip:127.0.0.1".into()), NotInvited::Overflow)]
    {
        let invited =
            desk.endpoint.invite(&target, &CallerIdentity::default(), Bytes::new(), Time::ZERO, &mut Output::default());
        assert_eq!(invited, Err(expected));
    }
}

#[test]
fn a_phone_on_a_stream() {
    let mut desk = Desk::new();
    desk.invites(&format!("sip:a@{PHONE};transport=tcp"));
    let invite = desk.last();
    let by = tcp(PHONE, 3);
    assert_eq!(desk.gets_by(by, Words::answer(180, &invite, "a")), "<Progressed 180>");
    assert_eq!(desk.gets_by(by, Words::answer(200, &invite, "a").sdp()), "ACK, <Accepted sdp>");
    assert_eq!(desk.sent[0].flow, by, "the connection that was made");
    assert_eq!(hang_up(&mut desk), "BYE");
    assert_eq!(desk.sent[0].flow, by);
    desk.is_empty_at_last();
    // The connection breaks while it rings.
    let mut desk = Desk::new();
    desk.invites(&format!("sip:a@{PHONE};transport=tcp"));
    let invite = desk.last();
    desk.gets_by(by, Words::answer(180, &invite, "a"));
    assert_eq!(desk.does(|endpoint, _, now, out| endpoint.connection_closed(3, now, out)), "<Refused Transport>");
    desk.is_empty_at_last();
}

/// 10.2, RFC 5626 5.3: a phone registers, is rung by the way its REGISTER came, and runs out.
#[test]
fn a_registered_phone() {
    let mut desk = Desk::new();
    let by = udp("127.0.0.1:40001");
    let register = |cseq: u32| {
        Words::request("REGISTER")
            .branch(&format!("z9hG4bK-register-{cseq}"))
            .set("To", "<sip:101@centralino>")
            .set("From", "<sip:101@centralino>;tag=phone")
            .set("CSeq", &format!("{cseq} REGISTER"))
            .set("Contact", "<sip:101@10.0.0.7:5060;ob>;expires=60")
    };
    assert_eq!(desk.gets_by(by, register(1)), "401 REGISTER");
    assert_eq!(desk.endpoint.tables(), centralino::sip::Tables::default(), "a stranger leaves nothing");
    let challenge = Challenge::first(desk.last().head().values("WWW-Authenticate")).expect("a challenge");
    let settings = settings();
    let client = Client { user: "101", secret: &settings.accounts[0].secret };
    let uri = format!("sip:800000100@{OURS}");
    let authorization = client.answer(&challenge, Method::Register, &uri, 1, "c0ffee");
    let fit = register(2).set("Authorization", &authorization);
    assert_eq!(desk.gets_by(by, fit.clone()), "200 REGISTER, <Registered 0>");
    assert_eq!(desk.gets_by(by, fit), "200 REGISTER", "17.2.2: a repeated request is not judged again");
    assert_eq!(desk.endpoint.tables().bindings, 1);
    let wrong = register(3).set("Authorization", &authorization.replace("response=\"", "response=\"0"));
    assert!(desk.gets_by(by, wrong).starts_with("401 REGISTER"));

    let (account, caller) = (Target::Account(AccountId(0)), CallerIdentity::default());
    let mut out = Output::default();
    desk.endpoint.invite(&account, &caller, Bytes::from_static(SDP.as_bytes()), desk.now, &mut out).expect("bound");
    assert_eq!(out.transmits[0].flow, by);
    assert!(out.transmits[0].bytes.starts_with(b"INVITE sip:101@10.0.0.7:5060;ob SIP/2.0\r\n"));
    let invite = Message::parse(&out.transmits[0].bytes, by).expect("ours");
    // Its Contact is behind a NAT: within the dialog too, the packet's source is right.
    let ok = Words::answer(200, &invite, "a").sdp().set("Contact", "<sip:101@10.0.0.7:5060>");
    assert_eq!(desk.gets_by(by, ok), "ACK, <Accepted sdp>");
    assert_eq!(desk.sent[0].flow, by);
    assert_eq!(phone_says(&mut desk, Words::from_phone("BYE", 1, &invite, "a")), "200 BYE, <HungUp>");
    assert!(desk.waits(60_000).contains("@60000 <Unregistered 0>"));
    desk.is_empty_at_last();
}

/// An agent whose contact is our own address does not ring us round for ever.
#[test]
fn our_own_invite_is_refused() {
    let mut desk = Desk::new();
    desk.invites(&format!("sip:800000100@{OURS}"));
    let bytes = desk.sent[0].bytes.clone();
    assert_eq!(desk.gets_bytes(udp("127.0.0.1:5060"), &bytes), "482 INVITE, <Rejected>");
}
