//! How legs end: reasons both ways, sides that are found to be gone, REFERs that outlive their call; and what an agent's
//! phone is told of a call. The RFC section stands beside each.

use crate::sip_endpoint::{Desk, OURS, PHONE, Words, settings, udp};
use centralino::sip::message::Message;
use centralino::sip::{CallerIdentity, CancelCause, Refusal, Settings, Target, Told};
use centralino::time::Duration;

/// A phone that we have called and that talks, and our INVITE.
fn talking(settings: Settings) -> (Desk, Message) {
    let mut desk = Desk::with(settings);
    desk.invites(&format!("sip:a@{PHONE}"));
    let invite = desk.last();
    assert_eq!(desk.gets_by(udp(PHONE), Words::answer(200, &invite, "a").sdp()), "ACK, <Accepted sdp>");
    (desk, invite)
}

fn reason(desk: &Desk) -> Option<String> {
    desk.last().head().header("Reason").map(str::to_owned)
}

/// RFC 3326 2, RFC 3398 7.2.4.1, RFC 6432: what the other side says of the end is told, and read where it says more.
#[test]
fn reasons_of_the_other_side() {
    const ISDN: &str = "Q.850;cause=17;text=\"User busy\"";
    let (mut desk, invite) = talking(settings());
    let bye = Words::from_phone("BYE", 1, &invite, "a").set("Reason", "Q.850;cause=16");
    assert_eq!(desk.gets_by(udp(PHONE), bye), "200 BYE, <Explained Q.850 16>, <HungUp>");
    let mut desk = Desk::new();
    desk.gets(Words::invite());
    let cancel = Words::request("CANCEL").branch("z9hG4bK-INVITE-1").set("Reason", "SIP;cause=200;text=\"elsewhere\"");
    assert_eq!(desk.gets(cancel), "200 CANCEL, 487 INVITE, <Explained SIP 200>, <Cancelled>");
    for (status, expected) in [(480, 486), (503, 486), (486, 486), (404, 404)] {
        let mut desk = Desk::new();
        desk.invites(&format!("sip:a@{PHONE}"));
        let invite = desk.last();
        let said = desk.gets_by(udp(PHONE), Words::answer(status, &invite, "a").set("Reason", ISDN));
        assert_eq!(said, format!("ACK, <Explained Q.850 17>, <Refused Status({expected})>"), "{status}");
    }
}

/// RFC 3326 2, RFC 3398 8.2.6.1, RFC 6432.
#[test]
fn our_own_reasons() {
    let (mut desk, _) = talking(settings());
    assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out)), "BYE");
    assert_eq!(reason(&desk).as_deref(), Some("Q.850;cause=16;text=\"Normal call clearing\""));
    for (status, cause) in [(486, Some("Q.850;cause=17")), (404, Some("Q.850;cause=1")), (300, None)] {
        let mut desk = Desk::new();
        desk.gets(Words::invite());
        let refusal = Refusal { status, retry_after: None, warning: None };
        desk.does(|endpoint, dialog, now, out| endpoint.refuse(dialog, &refusal, now, out));
        assert_eq!(reason(&desk).as_deref(), cause, "{status}");
    }
    // A 200 that crosses the CANCEL was not missed either.
    let mut desk = Desk::new();
    desk.invites(&format!("sip:a@{PHONE}"));
    let (invite, why) = (desk.last(), CancelCause::AnsweredElsewhere);
    desk.gets_by(udp(PHONE), Words::answer(180, &invite, "a"));
    desk.does(|endpoint, dialog, now, out| endpoint.cancel_because(dialog, why, now, out));
    let said = desk.gets_by(udp(PHONE), Words::answer(200, &invite, "a").sdp());
    assert_eq!(said, "ACK, BYE, <Refused Status(200)>");
    assert_eq!(reason(&desk).as_deref(), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
}

/// RFC 3261 11.2, 12.2.1.2, RFC 5057 5.1: who does not know the call any more, or says nothing, is gone.
#[test]
fn sides_that_are_gone_are_found() {
    let asking = || Settings { liveness: Some(Duration::from_secs(60)), ..settings() };
    let first = |desk: &mut Desk| {
        let said = desk.waits(75_000);
        let at: u64 = said.trim_start_matches('@').split(' ').next().and_then(|at| at.parse().ok()).expect("a moment");
        assert!((45_000..=75_000).contains(&at) && said.contains("OPTIONS"), "{said}");
        let number = said.split("OPTIONS").count() - 1;
        assert!(number <= 8, "{said}");
        desk.sent.clear();
    };
    let asked = |desk: &mut Desk| {
        // Up to the first question, not beyond it.
        for _ in 0..80 {
            if desk.waits(1_000).contains("OPTIONS") {
                return desk.last();
            }
        }
        panic!("nobody was asked");
    };
    first(&mut talking(asking()).0);
    for (status, expected) in [(481, "<HungUp lost>"), (408, "BYE, <HungUp lost>"), (200, ""), (405, ""), (500, "")] {
        let (mut desk, _) = talking(asking());
        let options = asked(&mut desk);
        assert_eq!(options.head().to.tag(), Some("a"), "within the dialog");
        assert_eq!(desk.gets_by(udp(PHONE), Words::answer(status, &options, "")), expected, "{status}");
        if expected.is_empty() {
            asked(&mut desk);
        } else {
            desk.is_empty_at_last();
        }
    }
    // No answer at all: as long as a request may take, then it is over.
    let (mut desk, _) = talking(asking());
    asked(&mut desk);
    assert!(desk.waits(32_000).contains("BYE, <Timeout>, <HungUp lost>"));
    // A path that is broken once is tried again, twice is the end.
    let (mut desk, _) = talking(asking());
    asked(&mut desk);
    let fail = |desk: &mut Desk| desk.does(|endpoint, _, now, out| endpoint.send_failed(udp(PHONE), now, out));
    assert_eq!(fail(&mut desk), "<SendFailed>");
    assert!(desk.waits(4_000).contains("@4000 OPTIONS"));
    assert_eq!(fail(&mut desk), "BYE, <SendFailed>, <HungUp lost>");
    desk.is_empty_at_last();
    // Nobody is asked who hung up, nor by default.
    let (mut desk, _) = talking(asking());
    desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out));
    assert!(!desk.waits(300_000).contains("OPTIONS"));
    assert_eq!(talking(settings()).0.waits(300_000), "");
}

/// RFC 3515 2.4.4, RFC 5057 4.1, RFC 5589 6.1: the subscription of a REFER lives on without the call, but not for ever.
#[test]
fn who_hangs_up_after_a_refer_is_told_its_end() {
    let referred = || {
        let (mut desk, invite) = talking(settings());
        let refer = Words::from_phone("REFER", 1, &invite, "a").set("Refer-To", "<sip:102@x>");
        desk.gets_by(udp(PHONE), refer);
        let said = desk.does(|endpoint, dialog, now, out| endpoint.accept_refer(dialog, now, out));
        assert_eq!(said, "202 REFER, NOTIFY");
        let bye = Words::from_phone("BYE", 2, &invite, "a");
        assert_eq!(desk.gets_by(udp(PHONE), bye), "200 BYE, <HungUp>");
        (desk, invite)
    };
    let (mut desk, invite) = referred();
    let again = Words::from_phone("BYE", 3, &invite, "a");
    assert_eq!(desk.gets_by(udp(PHONE), again), "200 BYE", "there is no call to be ended any more");
    let offer = Words::from_phone("INVITE", 4, &invite, "a").sdp();
    assert_eq!(desk.gets_by(udp(PHONE), offer), "481 INVITE, <Rejected>");
    assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.end_refer(dialog, 200, now, out)), "NOTIFY");
    let text = desk.last_text();
    assert!(text.contains("Subscription-State: terminated") && text.ends_with("SIP/2.0 200 OK\r\n"), "{text}");
    desk.is_empty_at_last();
    // Whose owner never says how it ended.
    let (mut desk, _) = referred();
    desk.waits(600_000);
    assert_eq!(desk.endpoint.tables().dialogs, 0);
}

/// RFC 3325 5 and 7, RFC 3323 4.2, RFC 5806, RFC 7044.
#[test]
fn what_an_agents_phone_is_told() {
    let all = Told { asserted: true, diversion: true, history: true };
    let shown = CallerIdentity {
        user: "0612345678".to_owned(),
        display: Some("Anna \"A\" Verdi".to_owned()),
        called: Some("800000100".to_owned()),
        max_forwards: None,
    };
    let hidden = CallerIdentity { user: String::new(), display: None, ..shown.clone() };
    let names = ["P-Asserted-Identity", "Privacy", "Diversion", "History-Info"];
    let address = format!("\"Anna \\\"A\\\" Verdi\" <sip:0612345678@{OURS}>");
    let (diversion, history) =
        (format!("<sip:800000100@{OURS}>;reason=unconditional"), format!("<sip:800000100@{OURS}>;index=1"));
    let rows = [
        (&shown, all, [Some(&address), None, Some(&diversion), Some(&history)]),
        (&shown, Told::default(), [None, None, None, None]),
        (&hidden, all, [None, Some(&"id".to_owned()), Some(&diversion), Some(&history)]),
        (&hidden, Told::default(), [None, Some(&"id".to_owned()), None, None]),
    ];
    for (caller, told, expected) in rows {
        let mut desk = Desk::with(Settings { told, ..settings() });
        assert_eq!(desk.rings(&Target::Uri(format!("sip:101@{PHONE}")), caller), "INVITE");
        let (invite, text) = (desk.last(), desk.last_text());
        for (name, value) in names.into_iter().zip(expected) {
            assert_eq!(invite.head().header(name).map(str::to_owned).as_ref(), value, "{name}: {text}");
        }
        let from = invite.head().from.text.clone();
        let is_anonymous = from.starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=");
        assert_eq!(is_anonymous, caller.user.is_empty(), "{from}");
        assert_eq!(text.contains("0612345678") || text.contains("Verdi"), !caller.user.is_empty(), "{text}");
    }
}
