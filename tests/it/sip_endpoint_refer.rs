//! REFER from agents (RFC 3515, 3891, 3892, 4488) and agents' own calls at an endpoint, with the RFC section beside each.

use crate::sip_endpoint::{Desk, OURS, PHONE, Words, settings, udp};
use centralino::sip::digest::{Challenge, Client};
use centralino::sip::message::{Message, Method};

/// A phone that we have called and that talks, and our INVITE.
fn talking() -> (Desk, Message) {
    let mut desk = Desk::new();
    desk.invites(&format!("sip:101@{PHONE}"));
    let invite = desk.last();
    assert_eq!(desk.gets_by(udp(PHONE), Words::answer(200, &invite, "a").sdp()), "ACK, <Accepted sdp>");
    (desk, invite)
}

fn refer(invite: &Message, cseq: u32, to: &str) -> Words {
    Words::from_phone("REFER", cseq, invite, "a").set("Refer-To", to)
}

fn accepts(desk: &mut Desk) -> String {
    desk.does(|endpoint, dialog, now, out| endpoint.accept_refer(dialog, now, out))
}

fn ends(desk: &mut Desk, status: u16) -> String {
    desk.does(|endpoint, dialog, now, out| endpoint.end_refer(dialog, status, now, out))
}

#[test]
fn who_may_refer_and_where_to() {
    let to = "<sip:102@192.0.2.1>";
    let referred = "<Referred to 102>";
    type Change = fn(Words) -> Words;
    #[rustfmt::skip]
    let rows: &[(&str, &str, Change, &str)] = &[
        ("3515 2.4.2", to, |words| words, referred),
        ("3515 2.1",   "sip:102@192.0.2.1", |words| words, referred),
        ("3515 2.1",   "<tel:102>", |words| words, referred),
        ("7.3.3",      to, |words| words.without("Refer-To").set("r", "<sip:102@192.0.2.1>"), referred),
        ("3892 2",     to, |words| words.set("Referred-By", "<sip:101@centralino>"), referred),
        ("3892 2",     to, |words| words.set("b", "<sip:101@centralino>"), referred),
        ("3892 2",     to, |words| words.set("Referred-By", "<sip:director@centralino>"), "403 REFER, <Rejected>"),
        ("3892 2",     to, |words| words.set("Referred-By", "nobody"), "403 REFER, <Rejected>"),
        ("3323 4.1.1", to, |words| words.set("From", "<sip:anonymous@anonymous.invalid>;tag=a"), "403 REFER, <Rejected>"),
        ("3515 4",     to, |words| words.set("From", "<sip:666@127.0.0.1>;tag=a"), "403 REFER, <Rejected>"),
        ("12.2.2",     to, |words| words.set("From", "<sip:101@127.0.0.1>;tag=b"), "481 REFER, <Rejected>"),
        ("3515 2.4.2", to, |words| words.without("Refer-To"), "400 REFER, <Rejected>"),
        ("3515 2.4.2", to, |words| words.set("refer-to", "<sip:103@192.0.2.1>"), "400 REFER, <Rejected>"),
        ("3515 2.1",   "<mailto:a@b>", |words| words, "416 REFER, <Rejected>"),
        ("3515 2.1",   "<<>", |words| words, "400 REFER, <Rejected>"),
        ("3515 4",     "<sip:102@192.0.2.1;method=BYE>", |words| words, "403 REFER, <Rejected>"),
        ("8.2.2.3",    to, |words| words.set("Require", "tdialog"), "420 REFER, <Rejected>"),
        ("4488 4",     to, |words| words.set("Require", "norefersub"), referred),
        ("3891 6.1",   "<sip:102@x?Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2>", |words| words, "<Referred replacing nothing>"),
        ("3891 6.1",   "<sip:102@x?Replaces=c%3Bto-tag%3D1>", |words| words, "400 REFER, <Rejected>"),
        ("3891 3",     "<sip:102@x?Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2>",
         |words| words, "400 REFER, <Rejected>"),
    ];
    for (section, to, change, expected) in rows {
        let (mut desk, invite) = talking();
        let words = change(refer(&invite, 1, to));
        assert_eq!(desk.gets_by(udp(PHONE), words), *expected, "{section}: {to}");
    }
    // A stranger who knows the dialog, and one who knows none.
    let (mut desk, invite) = talking();
    assert_eq!(desk.gets_by(udp("127.0.0.9:6100"), refer(&invite, 1, to)), "403 REFER, <Rejected>");
    assert_eq!(desk.gets_by(udp(PHONE), refer(&invite, 2, to).set("Call-ID", "other")), "481 REFER, <Rejected>");
    let outside = Words::request("REFER").set("Refer-To", to);
    assert_eq!(desk.gets(outside), "403 REFER, <Rejected>");
}

/// 202, then NOTIFYs of what becomes of it (RFC 3515 2.4.4 to 2.4.7).
#[test]
fn the_agent_is_told_what_became_of_it() {
    let (mut desk, invite) = talking();
    desk.gets_by(udp(PHONE), refer(&invite, 1, "<sip:102@x>"));
    assert_eq!(accepts(&mut desk), "202 REFER, NOTIFY");
    let text = desk.last_text();
    assert!(text.ends_with("\r\n\r\nSIP/2.0 100 Trying\r\n"), "{text}");
    for line in [
        "Event: refer\r\n",
        "Subscription-State: active;expires=",
        "Content-Type: message/sipfrag;version=2.0\r\n",
        "Contact: <sip:",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(desk.gets_by(udp(PHONE), Words::answer(200, &desk.last(), "")), "");
    assert_eq!(desk.gets_by(udp(PHONE), refer(&invite, 2, "<sip:102@x>")), "491 REFER, <Rejected>", "one at a time");
    assert_eq!(ends(&mut desk, 486), "NOTIFY");
    let text = desk.last_text();
    assert!(text.contains("Subscription-State: terminated;reason=noresource\r\n"), "{text}");
    assert!(text.ends_with("SIP/2.0 486 Busy Here\r\n"), "{text}");
    assert_eq!(ends(&mut desk, 200), "", "it is told once");
    // RFC 3515 2.4.6: later ones of the same dialog are named by their number.
    desk.gets_by(udp(PHONE), refer(&invite, 7, "<sip:102@x>"));
    assert_eq!(accepts(&mut desk), "202 REFER, NOTIFY");
    assert!(desk.last_text().contains("Event: refer;id=7\r\n"));
    assert_eq!(ends(&mut desk, 200), "NOTIFY");
    assert_eq!(desk.gets_by(udp(PHONE), Words::from_phone("BYE", 8, &invite, "a")), "200 BYE, <HungUp>");
    desk.is_empty_at_last();
}

#[test]
fn without_a_subscription_nothing_is_told() {
    let (mut desk, invite) = talking();
    desk.gets_by(udp(PHONE), refer(&invite, 1, "<sip:102@x>").set("Refer-Sub", "false"));
    assert_eq!(accepts(&mut desk), "202 REFER");
    assert!(desk.last_text().contains("Refer-Sub: false\r\n"), "RFC 4488 4");
    assert_eq!(ends(&mut desk, 200), "");
    desk.gets_by(udp(PHONE), refer(&invite, 2, "<sip:102@x>"));
    assert_eq!(ends(&mut desk, 603), "603 REFER", "what is not tried is refused at once");
    assert_eq!(desk.gets_by(udp(PHONE), refer(&invite, 2, "<sip:102@x>")), "603 REFER", "17.2.2");
}

/// An INVITE of a registered phone: it is challenged (RFC 3261 22.1), and its leg is an agent's then.
#[test]
fn agents_call_under_their_own_name_only() {
    let mut desk = Desk::new();
    let by = udp("127.0.0.1:40001");
    let (settings, uri) = (settings(), format!("sip:800000100@{OURS}"));
    let client = Client { user: "101", secret: &settings.accounts[0].secret };
    let prove = |desk: &Desk, method: Method| {
        let challenge = Challenge::first(desk.last().head().values("WWW-Authenticate")).expect("a challenge");
        client.answer(&challenge, method, &uri, 1, "c0ffee")
    };
    let ours = |words: Words, cseq: u32, method: &str| {
        words
            .branch(&format!("z9hG4bK-{method}-{cseq}"))
            .set("From", "<sip:101@centralino>;tag=phone")
            .set("CSeq", &format!("{cseq} {method}"))
            .set("Contact", "<sip:101@127.0.0.1:40001>")
    };
    let invite = |cseq| ours(Words::invite(), cseq, "INVITE");
    assert_eq!(desk.gets_by(by, invite(1)), "100 INVITE, <Invited 800000100 sdp>", "nobody is registered by that name");
    desk.does(|endpoint, dialog, now, out| {
        endpoint.refuse(dialog, &centralino::sip::Refusal { status: 404, retry_after: None, warning: None }, now, out);
    });

    let register = |cseq| ours(Words::request("REGISTER").set("To", "<sip:101@centralino>"), cseq, "REGISTER");
    desk.gets_by(by, register(2));
    let proof = prove(&desk, Method::Register);
    assert_eq!(desk.gets_by(by, register(3).set("Authorization", &proof)), "200 REGISTER, <Registered 0>");

    assert_eq!(desk.gets_by(by, invite(4)), "401 INVITE, <Rejected>");
    assert!(desk.last_text().contains("WWW-Authenticate: Digest realm=\"centralino\""));
    let proof = prove(&desk, Method::Invite);
    let wrong = proof.replace("response=\"", "response=\"0");
    assert_eq!(desk.gets_by(by, invite(5).set("Authorization", &wrong)), "401 INVITE, <AuthFailed>, <Rejected>");
    assert_eq!(desk.gets_by(by, invite(6)), "401 INVITE, <Rejected>");
    let proof = prove(&desk, Method::Invite);
    desk.waits(10_000);
    assert_eq!(
        desk.gets_by(by, invite(7).set("Authorization", &proof)),
        "100 INVITE, <Invited 800000100 sdp>",
        "{proof}"
    );
    // From elsewhere the name alone does not make an agent.
    let stranger = invite(8).set("Call-ID", "other");
    assert_eq!(desk.gets_by(udp("127.0.0.9:40001"), stranger), "100 INVITE, <Invited 800000100 sdp>");
}

/// RFC 3891 3: an INVITE that would take the place of a dialog.
#[test]
fn nobody_takes_a_caller_by_himself() {
    let replaces = |invite: &Message, suffix: &str| {
        let (head, tag) = (invite.head(), invite.head().from.tag().unwrap_or_default().to_owned());
        format!("{};to-tag={tag};from-tag=a{suffix}", head.call_id)
    };
    let rows: &[(&str, &str)] = &[("", "403 INVITE, <Rejected>"), (";early-only", "486 INVITE, <Rejected>")];
    for (suffix, expected) in rows {
        let (mut desk, invite) = talking();
        let words = Words::invite().set("Require", "replaces").set("Replaces", &replaces(&invite, suffix));
        assert_eq!(desk.gets(words), *expected, "{suffix}");
    }
    let (mut desk, invite) = talking();
    let value = replaces(&invite, "");
    for (words, expected) in [
        (Words::invite().set("Replaces", "other;to-tag=1;from-tag=2"), "481 INVITE, <Rejected>"),
        (Words::invite().set("Replaces", "other;to-tag=1"), "400 INVITE, <Rejected>"),
        (Words::invite().set("Replaces", &value).set("replaces", &value), "400 INVITE, <Rejected>"),
    ] {
        assert_eq!(desk.gets(words), expected);
    }
    desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out));
    assert_eq!(desk.gets(Words::invite().set("Replaces", &value)), "603 INVITE, <Rejected>");
}
