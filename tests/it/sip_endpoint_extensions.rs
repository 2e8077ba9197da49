//! Extensions at an endpoint: reliable provisional answers (RFC 3262), session timers (RFC 4028), reasons (RFC 3326).

use crate::sip_endpoint::{CALLER, Desk, PHONE, SDP, Words, udp};
use bytes::Bytes;
use centralino::sip::message::Message;
use centralino::sip::{Arrival, CancelCause, Load, Overload};
use centralino::time::Duration;

fn rings_early(desk: &mut Desk) -> String {
    let body = Some(Bytes::from_static(SDP.as_bytes()));
    desk.does(|endpoint, dialog, now, out| endpoint.ring(dialog, 183, body, now, out))
}

/// A caller who requires 100rel, and our reliable 183.
fn reliably_early() -> (Desk, Message, String) {
    let mut desk = Desk::new();
    assert_eq!(desk.gets(Words::invite().set("Require", "100rel")), "100 INVITE, <Invited 800000100 sdp>");
    assert_eq!(rings_early(&mut desk), "183 INVITE");
    let progress = desk.last();
    assert!(progress.head().lists("Require", "100rel") && progress.head().body().is_some());
    let number = progress.head().header("RSeq").expect("an RSeq").to_owned();
    (desk, progress, number)
}

fn prack(cseq: u32, answer: &Message, rack: &str) -> Words {
    Words::within("PRACK", cseq, answer).set("RAck", rack)
}

#[test]
fn a_reliable_183_is_repeated_until_its_prack() {
    let (mut desk, progress, number) = reliably_early();
    assert_eq!(desk.waits(3_600), "@500 183 INVITE | @1500 183 INVITE | @3500 183 INVITE");
    #[rustfmt::skip]
    let wrong = [format!("{number} 2 INVITE"), format!("{number} 1 BYE"), "1 1 INVITE".to_owned(), "x".to_owned()];
    for (cseq, rack) in (2..).zip(&wrong) {
        assert_eq!(desk.gets(prack(cseq, &progress, rack)), "481 PRACK, <Rejected>", "{rack}");
    }
    assert_eq!(desk.gets(prack(9, &progress, &format!("{number} 1 INVITE"))), "200 PRACK, <Confirmed>");
    assert_eq!(desk.waits(20_000), "");
    // RFC 3262 3: a second PRACK has nothing to acknowledge.
    assert_eq!(desk.gets(prack(10, &progress, &format!("{number} 1 INVITE"))), "481 PRACK, <Rejected>");
    assert_eq!(desk.accepts(), "200 INVITE");
    assert_eq!(desk.last().head().body(), None, "the answer was given already (RFC 6337 2.2)");
    let ok = desk.last();
    assert_eq!(desk.gets(Words::within("ACK", 1, &ok)), "<Confirmed>");
    assert_eq!(desk.gets(Words::within("BYE", 11, &ok)), "200 BYE, <HungUp>");
    desk.is_empty_at_last();
}

/// RFC 3262 3: no 200 while an offer or answer in a reliable provisional is not acknowledged.
#[test]
fn a_200_waits_for_the_prack() {
    let (mut desk, progress, number) = reliably_early();
    assert_eq!(desk.accepts(), "");
    assert_eq!(desk.gets(prack(2, &progress, &format!("{number} 1 INVITE"))), "200 PRACK, 200 INVITE, <Confirmed>");
}

const OTHER: &str =
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n";

/// RFC 3262 5, RFC 6337 2.2: our offer in a reliable 183, its answer in the PRACK.
#[test]
fn a_late_offer_in_a_reliable_183() {
    for header in ["Require", "Supported"] {
        let mut desk = Desk::new();
        let invite = Words::request("INVITE").set(header, "100rel");
        assert_eq!(desk.gets(invite), "100 INVITE, <Invited 800000100>");
        assert_eq!(rings_early(&mut desk), "183 INVITE");
        let progress = desk.last();
        assert!(progress.head().lists("Require", "100rel") && progress.head().body().is_some(), "{header}");
        let rack = format!("{} 1 INVITE", progress.head().header("RSeq").expect("an RSeq"));
        let answer = prack(2, &progress, &rack).body("application/sdp", OTHER);
        assert_eq!(desk.gets(answer), "200 PRACK, <Confirmed sdp>");
        assert_eq!(desk.last().head().body(), None);
        assert_eq!(desk.accepts(), "200 INVITE");
        assert_eq!(desk.last().head().body(), None, "all is agreed");
        let ok = desk.last();
        assert_eq!(desk.gets(Words::within("ACK", 1, &ok)), "<Confirmed>");
        assert_eq!(desk.gets(Words::within("INVITE", 3, &ok).sdp()), "<ChangeOffered sdp>", "no offer of ours is open");
    }
    // Who does not acknowledge gets no offer that may be lost.
    let mut desk = Desk::new();
    desk.gets(Words::request("INVITE"));
    assert_eq!(rings_early(&mut desk), "183 INVITE");
    assert_eq!(desk.last().head().header("RSeq"), None);
}

/// RFC 3262 5, RFC 6337 2.2: an offer in a PRACK has its answer in the 200 to it, and the call's 200 comes after that.
#[test]
fn an_offer_in_a_prack() {
    let accepts_change = |desk: &mut Desk| {
        let body = Some(Bytes::from_static(OTHER.as_bytes()));
        desk.does(|endpoint, dialog, now, out| endpoint.accept_change(dialog, body, now, out))
    };
    let (mut desk, progress, number) = reliably_early();
    let offer = |number: &str| prack(2, &progress, &format!("{number} 1 INVITE")).body("application/sdp", OTHER);
    assert_eq!(desk.gets(offer(&number)), "<Confirmed>, <ChangeOffered sdp>");
    assert_eq!(desk.gets(offer(&number)), "", "17.2.2: the same again is the same transaction");
    assert_eq!(accepts_change(&mut desk), "200 PRACK");
    assert_eq!(desk.last().head().body().as_deref(), Some(OTHER.as_bytes()));
    assert_eq!(desk.accepts(), "200 INVITE");
    assert_eq!(desk.last().head().body(), None);

    let (mut desk, progress, number) = reliably_early();
    let offer = prack(2, &progress, &format!("{number} 1 INVITE")).body("application/sdp", OTHER);
    assert_eq!(desk.accepts(), "", "it waits for the PRACK");
    assert_eq!(desk.gets(offer.clone()), "<Confirmed>, <ChangeOffered sdp>");
    assert_eq!(accepts_change(&mut desk), "200 PRACK, 200 INVITE");

    let (mut desk, progress, number) = reliably_early();
    let offer = prack(2, &progress, &format!("{number} 1 INVITE")).body("application/sdp", OTHER);
    desk.accepts();
    desk.gets(offer);
    let refusal = centralino::sip::Refusal { status: 488, retry_after: None, warning: None };
    let said = desk.does(|endpoint, dialog, now, out| endpoint.refuse_change(dialog, &refusal, now, out));
    assert_eq!(said, "488 PRACK, 200 INVITE", "the session stays as it was");
}

/// RFC 3311 5.1, 5.2; RFC 3261 14.2: what may be offered before the call is answered.
#[test]
fn offers_before_the_answer() {
    let (mut desk, progress, number) = reliably_early();
    let update = |cseq| Words::within("UPDATE", cseq, &progress).sdp();
    assert_eq!(desk.gets(update(2)), "500 UPDATE, <Rejected>", "the first exchange is not through");
    assert!(desk.last().head().header("Retry-After").is_some());
    assert_eq!(desk.gets(prack(3, &progress, &format!("{number} 1 INVITE"))), "200 PRACK, <Confirmed>");
    assert_eq!(desk.gets(Words::within("INVITE", 4, &progress).sdp()), "500 INVITE, <Rejected>");
    assert_eq!(desk.gets(update(5)), "<ChangeOffered sdp>");
    assert_eq!(desk.gets(update(6)), "500 UPDATE, <Rejected>", "one at a time");
    let body = Some(Bytes::from_static(OTHER.as_bytes()));
    let said = desk.does(|endpoint, dialog, now, out| endpoint.accept_change(dialog, body, now, out));
    assert_eq!(said, "200 UPDATE");
    assert_eq!(desk.accepts(), "200 INVITE");
}

#[test]
fn without_a_prack_the_call_is_refused() {
    let (mut desk, ..) = reliably_early();
    let said = desk.waits(40_000);
    assert!(said.contains("@32000 504 INVITE, <Timeout>, <Cancelled>"), "{said}");
    desk.is_empty_at_last();
}

#[test]
fn a_caller_may_cancel_before_the_prack() {
    let (mut desk, ..) = reliably_early();
    assert_eq!(desk.gets(Words::request("CANCEL").branch("z9hG4bK-INVITE-1")), "200 CANCEL, 487 INVITE, <Cancelled>");
    desk.is_empty_at_last();
}

/// A caller who only knows 100rel is not made to use it; 183 and 200 say the same.
#[test]
fn an_unreliable_183_is_repeated_with_the_invite_and_each_minute() {
    let mut desk = Desk::new();
    desk.gets(Words::invite().set("Supported", "100rel"));
    assert_eq!(rings_early(&mut desk), "183 INVITE");
    assert_eq!(desk.last().head().header("RSeq"), None);
    assert_eq!(desk.gets(Words::invite().set("Supported", "100rel")), "183 INVITE");
    assert_eq!(desk.waits(61_000), "@60000 183 INVITE");
    assert_eq!(desk.accepts(), "200 INVITE");
    assert!(desk.last().head().body().is_some());
    // 21.4.18: who hangs up on a call that nobody answered says 480.
    let mut desk = Desk::new();
    desk.gets(Words::invite());
    rings_early(&mut desk);
    assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out)), "480 INVITE");
}

/// RFC 3262 4: each in order, once; what is not the next is not looked at.
#[test]
fn a_phones_reliable_answers_get_their_pracks() {
    let mut desk = Desk::new();
    desk.invites(&format!("sip:a@{PHONE}"));
    let invite = desk.last();
    let rings = |status: u16, tag: &str, number: u32| {
        let answer = Words::answer(status, &invite, tag).set("Require", "100rel");
        answer.set("RSeq", &number.to_string())
    };
    let rows = [
        (rings(180, "a", 5), "PRACK, <Progressed 180>", "RAck: 5 1 INVITE"),
        (rings(180, "a", 5), "", ""),
        (rings(183, "a", 7), "", ""),
        (rings(183, "a", 6), "PRACK, <Progressed 183>", "RAck: 6 1 INVITE"),
        (rings(180, "b", 90), "PRACK, <Progressed 180>", "CSeq: 4 PRACK"),
    ];
    for (answer, expected, text) in rows {
        assert_eq!(desk.gets_by(udp(PHONE), answer.clone()), expected, "{answer:?}");
        assert!(desk.last_text().contains(text), "{}", desk.last_text());
    }
    assert_eq!(desk.gets_by(udp(PHONE), Words::answer(200, &invite, "a").sdp()), "ACK, <Accepted sdp>");
    assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out)), "BYE");
    assert!(desk.last_text().contains("CSeq: 5 BYE"), "numbers grow over PRACKs: {}", desk.last_text());
}

/// An INVITE with a session timer: what our 200 says.
#[test]
fn session_timers_are_agreed_to() {
    #[rustfmt::skip]
    let rows = [
        ("9",  "timer", "1800;refresher=uac", "200", Some("1800;refresher=uac"), true),
        ("9",  "timer", "1800;refresher=uas", "200", Some("1800;refresher=uas"), false),
        ("9",  "timer", "90",                 "200", Some("90;refresher=uac"), true),
        ("9",  "",      "1800",               "200", Some("1800;refresher=uas"), false),
        ("9",  "timer", "89",                 "422", None, false),
        ("9",  "",      "89",                 "200", None, false),
        ("20.2 of RFC 3261", "timer", "soon", "400", None, false),
    ];
    for (section, supported, wish, status, agreed, required) in rows {
        let mut desk = Desk::new();
        let said = desk.gets(Words::invite().set("Supported", supported).set("Session-Expires", wish));
        if said.ends_with("sdp>") {
            desk.accepts();
        }
        let text = desk.last_text();
        assert!(text.starts_with(&format!("SIP/2.0 {status}")), "RFC 4028 {section}: {wish}: {text}");
        assert_eq!(desk.last().head().header("Session-Expires"), agreed, "RFC 4028 {section}: {wish}");
        assert_eq!(desk.last().head().lists("Require", "timer"), required, "RFC 4028 {section}: {wish}");
        assert_eq!(text.contains("Min-SE: 90"), status == "422", "RFC 4028 {section}: {wish}");
    }
}

/// An established leg with this session timer, and our 200.
fn with_timer(wish: &str, allow: &str) -> (Desk, Message) {
    let mut desk = Desk::new();
    desk.gets(Words::invite().set("Supported", "timer").set("Session-Expires", wish).set("Allow", allow));
    desk.accepts();
    let ok = desk.last();
    assert_eq!(desk.gets(Words::within("ACK", 1, &ok)), "<Confirmed>");
    (desk, ok)
}

/// RFC 4028 10: BYE a third of the interval, at most 32 s, before its end; a refresh starts it anew.
#[test]
fn a_session_that_nobody_refreshes_ends() {
    let (mut desk, ok) = with_timer("90;refresher=uac", "");
    assert_eq!(desk.waits(59_000), "");
    let refresh = Words::within("UPDATE", 2, &ok).set("Supported", "timer").set("Session-Expires", "90;refresher=uac");
    assert_eq!(desk.gets(refresh), "200 UPDATE");
    assert_eq!(desk.last().head().header("Session-Expires"), Some("90;refresher=uac"));
    assert_eq!(desk.waits(59_000), "");
    let reinvite = Words::within("INVITE", 3, &ok).sdp().set("Supported", "timer").set("Session-Expires", "100");
    assert_eq!(desk.gets(reinvite), "<ChangeOffered sdp>");
    let body = || Some(Bytes::from_static(SDP.as_bytes()));
    assert_eq!(desk.does(|e, dialog, now, out| e.accept_change(dialog, body(), now, out)), "200 INVITE");
    assert_eq!(desk.gets(Words::within("ACK", 3, &ok)), "");
    assert_eq!(desk.waits(67_000), "");
    assert_eq!(desk.waits(1_000), "@1000 BYE, <HungUp lost>");
}

/// What our refresh is answered with, and what follows from it.
#[test]
fn we_refresh_when_it_is_ours_to_do() {
    #[rustfmt::skip]
    let rows: &[(&str, &str, u16, &str)] = &[
        ("7.4", "UPDATE", 200, ""),
        ("7.4", "",       200, "ACK"),
        ("7.4", "UPDATE", 405, ""),
        ("14.1 of RFC 3261", "", 491, "ACK"),
        ("12.2.1.2 of RFC 3261", "UPDATE", 481, "<HungUp lost>"),
        ("12.2.1.2 of RFC 3261", "UPDATE", 408, "BYE, <HungUp lost>"),
        ("12.2.1.2 of RFC 3261", "", 481, "ACK, <HungUp lost>"),
    ];
    for &(section, allow, status, expected) in rows {
        let (mut desk, ok) = with_timer("100;refresher=uas", allow);
        let method = if allow.is_empty() { "INVITE" } else { "UPDATE" };
        assert_eq!(desk.waits(50_000), format!("@50000 {method}"), "RFC 4028 {section}");
        let refresh = desk.last();
        assert_eq!(refresh.head().header("Session-Expires"), Some("100;refresher=uac"));
        assert_eq!(refresh.head().body().is_some(), allow.is_empty());
        if allow.is_empty() {
            // RFC 3261 14.2: an offer that crosses ours.
            let crossing = desk.gets(Words::within("INVITE", 2, &ok).sdp());
            assert_eq!(crossing, "491 INVITE, <Rejected>");
        }
        let answer = Words::answer(status, &refresh, "").set("Session-Expires", "100;refresher=uac");
        assert_eq!(desk.gets(answer), expected, "RFC 4028 {section}: {status}");
        match status {
            200 => assert_eq!(desk.waits(50_000), format!("@50000 {method}"), "the next one"),
            405 => assert_eq!(desk.waits(0), "@0 INVITE", "by the other way"),
            491 => assert!(desk.waits(2_001).ends_with(" INVITE"), "once more, soon"),
            _ => {}
        }
    }
}

/// RFC 3261 14.1: after 491 who made the Call-ID comes back in 2.1 to 4 s, the other side within 2 s, so that they do not
/// meet again.
#[test]
fn after_491_both_sides_come_back_at_different_times() {
    let ours = || {
        let mut desk = Desk::new();
        desk.invites(&format!("sip:a@{PHONE}"));
        let ok = Words::answer(200, &desk.last(), "b").sdp().set("Session-Expires", "7200;refresher=uac");
        assert_eq!(desk.gets_by(udp(PHONE), ok), "ACK, <Accepted sdp>");
        desk
    };
    let theirs = || with_timer("7200;refresher=uas", "").0;
    for (mut desk, range) in [(ours(), 2_100..4_000), (theirs(), 0..2_000)] {
        assert_eq!(desk.waits(3_600_000), "@3600000 INVITE");
        let by = desk.sent[0].flow;
        let mut delays = Vec::new();
        for _ in 0..60 {
            let refresh = desk.last();
            assert_eq!(desk.gets_by(by, Words::answer(491, &refresh, "")), "ACK");
            delays.push((0..4_001).find(|_| desk.waits(1).ends_with(" INVITE")).expect("once more"));
        }
        assert!(delays.iter().all(|delay| range.contains(delay)), "{range:?}: {delays:?}");
        let width = range.end - range.start;
        let (least, most) = (delays.iter().min().expect("some"), delays.iter().max().expect("some"));
        assert!(*least < range.start + width / 4 && *most > range.end - width / 4, "spread over {range:?}: {delays:?}");
    }
}

#[test]
fn a_refresh_that_nobody_answers_ends_the_leg() {
    let (mut desk, _) = with_timer("1800;refresher=uas", "UPDATE");
    let said = desk.waits(1_000_000);
    assert!(said.contains("@932000 BYE, <Timeout>, <HungUp lost>"), "{said}");
    desk.is_empty_at_last();
}

/// What comes from a caller while so many others wait.
fn behind(desk: &mut Desk, waiting: usize, message: &Words) -> String {
    desk.gets_behind(waiting, udp(CALLER), &message.bytes())
}

/// RFC 3261 21.5.4: what waits too long means overload. New calls are turned away, and nothing else.
#[test]
fn overload_turns_new_calls_away_and_nobody_else() {
    let mut desk = Desk::new();
    assert_eq!(behind(&mut desk, 1_000, &Words::invite()), "100 INVITE, <Invited 800000100 sdp>", "what is long?");
    // A millisecond each: 50 of them are too many, and 31 are few.
    desk.endpoint.worked(Load { messages: 100, calls: 0 }, Load::default(), Duration::from_millis(100));
    let other = || Words::invite().branch("z9hG4bK-other").set("Call-ID", "other").set("From", "<sip:1@a>;tag=o");
    assert_eq!(behind(&mut desk, 50, &other()), "503 INVITE, <Overloaded>, <Rejected>");
    let refusal = desk.last();
    let seconds: u32 = refusal.head().header("Retry-After").and_then(|text| text.parse().ok()).expect("a number");
    assert!((2..=10).contains(&seconds), "{seconds}");
    assert_eq!(behind(&mut desk, 50, &other()), "503 INVITE, <Overloaded>, <Rejected>", "whoever asks again, too");
    assert_eq!(behind(&mut desk, 50, &Words::within("ACK", 1, &refusal)), "", "that is all of it");
    assert_eq!(behind(&mut desk, 50, &Words::invite()), "100 INVITE", "a repeated INVITE is no new call");
    assert_eq!(desk.accepts(), "200 INVITE");
    let ok = desk.last();
    assert_eq!(behind(&mut desk, 50, &Words::within("ACK", 1, &ok)), "<Confirmed>");
    assert_eq!(behind(&mut desk, 50, &Words::within("INVITE", 2, &ok).sdp()), "<ChangeOffered sdp>");
    assert_eq!(behind(&mut desk, 50, &Words::within("BYE", 3, &ok)), "200 BYE, 487 INVITE, <HungUp>");
    assert_eq!(behind(&mut desk, 32, &other()), "503 INVITE, <Overloaded>, <Rejected>", "not low enough yet");
    assert_eq!(behind(&mut desk, 31, &other()), "100 INVITE, <Invited 800000100 sdp>");
}

/// A quiet time, with nothing but timers, is no measure of how long a message takes.
#[test]
fn whoever_comes_after_a_quiet_time_is_let_in() {
    let mut desk = Desk::new();
    let (one, none, took) = (Load { messages: 1, calls: 0 }, Load::default(), Duration::from_micros(100));
    desk.endpoint.worked(one, none, took);
    (0..1_000).for_each(|_| desk.endpoint.worked(none, none, took));
    assert_eq!(behind(&mut desk, 100, &Words::request("OPTIONS")), "200 OPTIONS");
    (0..1_000).for_each(|_| desk.endpoint.worked(one, none, took));
    let waiting = Load { messages: 10, calls: 10 };
    let arrival = desk.endpoint.arrives(udp(CALLER), &Words::invite().bytes(), waiting, desk.now, &mut desk.out);
    assert_eq!(arrival, Arrival::Call);
    desk.endpoint.worked(one, none, Duration::from_secs(1));
    assert_eq!(behind(&mut desk, 31, &Words::request("OPTIONS").branch("z9hG4bK-2")), "200 OPTIONS", "one hiccup");
}

/// What is least missed goes first, and phones that are registered never.
#[test]
fn what_is_turned_away_goes_by_how_little_it_is_missed() {
    let mut desk = Desk::new();
    desk.endpoint.worked(Load { messages: 100, calls: 0 }, Load::default(), Duration::from_millis(100));
    let options = || Words::request("OPTIONS");
    assert_eq!(behind(&mut desk, 31, &options()), "200 OPTIONS");
    assert_eq!(behind(&mut desk, 32, &options()), "503 OPTIONS, <Rejected>");
    assert_eq!(behind(&mut desk, 49, &Words::invite()), "100 INVITE, <Invited 800000100 sdp>");
    let register = Words::request("REGISTER");
    assert_eq!(behind(&mut desk, 199, &register), "401 REGISTER");
    assert_eq!(behind(&mut desk, 200, &register), "503 REGISTER, <Rejected>");
}

/// Who is in hears gaps already: nobody else is let in, however fast messages are read.
#[test]
fn late_sound_turns_new_calls_away() {
    let mut desk = Desk::new();
    let new = |number: u32| Words::invite().branch(&format!("z9hG4bK-{number}")).set("Call-ID", &number.to_string());
    desk.endpoint.sound_is_late(true);
    assert_eq!(desk.endpoint.overload(), Overload { by_messages: false, by_sound: true });
    assert_eq!(desk.gets(new(1)), "503 INVITE, <Overloaded>, <Rejected>");
    assert_eq!(desk.gets(Words::request("OPTIONS")), "200 OPTIONS");
    desk.endpoint.sound_is_late(false);
    assert_eq!(desk.gets(new(2)), "100 INVITE, <Invited 800000100 sdp>");
}

#[test]
fn scanners_hear_nothing() {
    for (method, name) in [("OPTIONS", "friendly-scanner"), ("REGISTER", "SIPVicious 0.3"), ("INVITE", "sipcli/v1.8")] {
        let mut desk = Desk::new();
        assert_eq!(desk.gets(Words::request(method).set("User-Agent", name)), "<Scanner>");
    }
}

/// RFC 3326: why a phone stops ringing.
#[test]
fn a_cancelled_phone_is_told_why() {
    for (why, cause) in
        [(CancelCause::AnsweredElsewhere, "SIP;cause=200;"), (CancelCause::CallerGone, "SIP;cause=487;")]
    {
        for rings_first in [true, false] {
            let mut desk = Desk::new();
            desk.invites(&format!("sip:a@{PHONE}"));
            let invite = desk.last();
            if rings_first {
                desk.gets_by(udp(PHONE), Words::answer(180, &invite, "a"));
            }
            let cancelled = desk.does(|endpoint, dialog, now, out| endpoint.cancel_because(dialog, why, now, out));
            let waited =
                if rings_first { cancelled } else { desk.gets_by(udp(PHONE), Words::answer(180, &invite, "a")) };
            assert_eq!(waited, "CANCEL");
            assert!(desk.last().head().header("Reason").is_some_and(|reason| reason.starts_with(cause)));
        }
    }
}
