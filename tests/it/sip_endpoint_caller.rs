//! Callers' legs at an endpoint, message by message, with the RFC section beside each.

use crate::sip_endpoint::{CALLER, Desk, OURS, Words, settings, tcp, udp};
use centralino::sip::Limits;
use centralino::sip::api::{Refusal, Transport};
use centralino::sip::message::Message;

/// An endpoint whose caller was answered and has acknowledged, and our 200.
fn talking() -> (Desk, Message) {
    let mut desk = Desk::new();
    assert_eq!(desk.gets(Words::invite()), "100 INVITE, <Invited 800000100 sdp>");
    assert_eq!(desk.accepts(), "200 INVITE");
    let ok = desk.last();
    assert_eq!(desk.gets(Words::within("ACK", 1, &ok)), "<Confirmed>");
    (desk, ok)
}

/// One request to an endpoint that knows nobody: what it says, and a text the answer must hold.
#[test]
fn answers_without_a_dialog() {
    #[rustfmt::skip]
    let rows = [
        ("11.2",    Words::request("OPTIONS"), "200 OPTIONS", "Allow: INVITE"),
        ("11.2",    Words::request("OPTIONS"), "200 OPTIONS", "Accept: application/sdp"),
        ("8.2.2.3", Words::request("OPTIONS").set("Require", "x, y"), "420 OPTIONS, <Rejected>", "Unsupported: x, y"),
        ("8.2.2.3", Words::invite().set("Require", "100rel, x"), "420 INVITE, <Rejected>", "Unsupported: x\r"),
        ("8.1.1.8", Words::invite().without("Contact"), "400 INVITE, <Rejected>", "To: "),
        ("20.32",   Words::invite().set("Proxy-Require", "x"), "420 INVITE, <Rejected>", "Unsupported: x"),
        ("21.4.7",  Words::invite().set("Accept", "text/plain, text/*"), "406 INVITE, <Rejected>", ""),
        ("20.1",    Words::invite().set("Accept", "text/plain, */*;q=0.1"), "100 INVITE, <Invited 800000100 sdp>", ""),
        ("8.2.3",   Words::invite().body("text/plain", "hello"), "415 INVITE, <Rejected>", "Accept: application/sdp"),
        ("8.2.3",   Words::invite().set("Content-Encoding", "gzip"), "415 INVITE, <Rejected>", "Accept-Encoding: identity"),
        ("8.2.1",   Words::request("MESSAGE"), "405 MESSAGE, <Rejected>", "Allow: INVITE"),
        ("8.2.1",   Words::request("SUBSCRIBE"), "405 SUBSCRIBE, <Rejected>", "Allow: INVITE"),
        ("8.2.1",   Words::request("NOTIFY"), "405 NOTIFY, <Rejected>", "Allow: INVITE"),
        ("9.2",     Words::request("CANCEL"), "481 CANCEL, <Rejected>", "tag="),
        ("12.2.2",  Words::request("BYE").set("To", "<sip:a@b>;tag=unknown"), "481 BYE, <Rejected>", ""),
        ("12.2.2",  Words::invite().set("To", "<sip:a@b>;tag=unknown"), "481 INVITE, <Rejected>", ""),
        ("12.2.2",  Words::request("UPDATE").set("To", "<sip:a@b>;tag=unknown"), "481 UPDATE, <Rejected>", ""),
        ("15.1.2",  Words::request("BYE"), "481 BYE, <Rejected>", ""),
        ("3262 3",  Words::request("PRACK"), "481 PRACK, <Rejected>", ""),
        ("13.2.2.4", Words::request("ACK").set("To", "<sip:a@b>;tag=unknown"), "<StrayResponse>", ""),
        ("22.4",    Words::request("REGISTER"), "401 REGISTER", "WWW-Authenticate: Digest"),
        ("7332 4",  Words::invite().set("Max-Forwards", "0"), "483 INVITE, <Rejected>", ""),
        ("11",      Words::request("OPTIONS").set("Max-Forwards", "0"), "200 OPTIONS", "Supported: 100rel, timer"),
    ];
    for (section, message, expected, text) in rows {
        let mut desk = Desk::new();
        assert_eq!(desk.gets(message.clone()), expected, "RFC {section}: {message:?}");
        assert!(desk.last_text().contains(text) || text.is_empty(), "RFC {section}: {}", desk.last_text());
    }
}

/// RFC 3261 8.2.7: what is refused without state is refused alike each time, and its ACK is no stranger.
#[test]
fn strangers_leave_nothing_behind() {
    let mut desk = Desk::new();
    let stranger = udp("203.0.113.9:5060");
    assert_eq!(desk.gets_by(stranger, Words::invite()), "403 INVITE, <Forbidden>, <Rejected>");
    let (first, answer) = (desk.last_text(), desk.last());
    assert_eq!(desk.endpoint.tables().transactions, 0);
    assert_eq!(desk.endpoint.tables().timers, 0);
    desk.gets_by(stranger, Words::invite());
    assert_eq!(desk.last_text(), first);
    let ack = Words::request("ACK").set("To", &answer.head().to.text).branch("z9hG4bK-INVITE-1");
    assert_eq!(desk.gets_by(stranger, ack), "");
}

#[test]
fn a_call_from_invite_to_bye() {
    let (mut desk, ok) = talking();
    let text =
        String::from_utf8_lossy(&desk.sent.first().map(|sent| sent.bytes.clone()).unwrap_or_default()).into_owned();
    assert_eq!(text, "");
    assert_eq!(ok.head().contacts.len(), 1);
    assert_eq!(desk.waits(5_000), "", "nothing unasked within the dialog");
    assert_eq!(desk.gets(Words::within("BYE", 2, &ok)), "200 BYE, <HungUp>");
    // 17.2.2: the lost 200 to BYE is repeated by the transaction.
    assert_eq!(desk.gets(Words::within("BYE", 2, &ok)), "200 BYE");
    desk.is_empty_at_last();
}

/// 17.2.1, RFC 6026: a repeated INVITE gets what was said last, and never a second call.
#[test]
fn a_repeated_invite_is_absorbed() {
    let mut desk = Desk::new();
    assert_eq!(desk.gets(Words::invite()), "100 INVITE, <Invited 800000100 sdp>");
    assert_eq!(desk.gets(Words::invite()), "100 INVITE");
    assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.ring(dialog, 180, None, now, out)), "180 INVITE");
    assert_eq!(desk.gets(Words::invite()), "180 INVITE");
    assert_eq!(desk.accepts(), "200 INVITE");
    assert_eq!(desk.gets(Words::invite()), "");
    // 8.2.2.2: the same request by another path.
    assert_eq!(desk.gets(Words::invite().branch("z9hG4bK-other-path")), "482 INVITE, <Rejected>");
}

/// 13.3.1.4: the 200 is repeated from T1 on, doubling up to T2; after 64*T1 the leg is lost.
#[test]
fn a_200_without_ack() {
    let mut desk = Desk::new();
    desk.gets(Words::invite());
    desk.accepts();
    let repeats: String = (0..7).map(|n| format!("@{} 200 INVITE | ", 7_500 + 4_000 * n)).collect();
    let expected = format!(
        "@500 200 INVITE | @1500 200 INVITE | @3500 200 INVITE | {repeats}@32000 BYE, <Timeout>, <Unconfirmed> | \
         @32500 BYE | @33500 BYE"
    );
    assert_eq!(desk.waits(33_500), expected);
    let bye = desk.last();
    assert_eq!(desk.gets(Words::answer(200, &bye, "")), "");
    desk.is_empty_at_last();
}

/// 15: no BYE before the ACK of our 200, nor before its time-out.
#[test]
fn hanging_up_waits_for_the_ack() {
    for acknowledged in [true, false] {
        let mut desk = Desk::new();
        desk.gets(Words::invite());
        desk.accepts();
        let ok = desk.last();
        assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out)), "");
        if acknowledged {
            // 13.2.2.4: only the ACK with the INVITE's number counts.
            assert_eq!(desk.gets(Words::within("ACK", 2, &ok)), "");
            assert_eq!(desk.gets(Words::within("ACK", 1, &ok)), "BYE");
        } else {
            assert!(desk.waits(32_000).ends_with("@32000 BYE, <Timeout>"));
        }
        let bye = desk.last();
        assert_eq!(desk.gets(Words::answer(200, &bye, "")), "");
        desk.is_empty_at_last();
    }
}

/// A caller that hangs up without having acknowledged leaves two transactions with a timer each, and no more.
#[test]
fn bye_before_the_ack() {
    let mut desk = Desk::new();
    desk.gets(Words::invite());
    desk.accepts();
    let ok = desk.last();
    assert_eq!(desk.gets(Words::within("BYE", 2, &ok)), "200 BYE, <HungUp>");
    let tables = desk.endpoint.tables();
    assert_eq!((tables.transactions, tables.dialogs, tables.timers), (2, 0, 2));
    assert_eq!(desk.gets(Words::within("ACK", 1, &ok)), "<StrayResponse>");
    desk.is_empty_at_last();
}

/// 13.3.1.1: a call that rings on says so every minute.
#[test]
fn still_ringing() {
    let mut desk = Desk::new();
    desk.gets(Words::invite());
    desk.does(|endpoint, dialog, now, out| endpoint.ring(dialog, 180, None, now, out));
    assert_eq!(desk.waits(150_000), "@60000 180 INVITE | @120000 180 INVITE");
    assert_eq!(desk.accepts(), "200 INVITE");
}

/// 9.2.
#[test]
fn cancel() {
    let mut desk = Desk::new();
    desk.gets(Words::invite());
    let cancel = || Words::request("CANCEL").branch("z9hG4bK-INVITE-1").without("Contact");
    let rows = [
        cancel().set("CSeq", "2 CANCEL"),
        cancel().set("Call-ID", "another"),
        cancel().set("From", "<sip:0612345678@127.0.0.1>;tag=another"),
        cancel().branch("z9hG4bK-another"),
    ];
    for other in rows {
        assert_eq!(desk.gets(other.clone()), "481 CANCEL, <Rejected>", "of another INVITE: {other:?}");
    }
    assert_eq!(desk.gets(cancel()), "200 CANCEL, 487 INVITE, <Cancelled>");
    let tags: Vec<_> = desk.sent.iter().map(|sent| Message::parse(&sent.bytes, sent.flow).unwrap()).collect();
    assert_eq!(tags[0].head().to.tag(), tags[1].head().to.tag());
    assert!(tags[0].head().to.tag().is_some());
    assert_eq!(desk.gets(cancel()), "200 CANCEL", "again");
    assert_eq!(desk.waits(500), "@500 487 INVITE", "Timer G");
    assert_eq!(desk.gets(Words::within("ACK", 1, &tags[1]).branch("z9hG4bK-INVITE-1")), "");
    desk.is_empty_at_last();

    let mut desk = Desk::new();
    desk.gets(Words::invite());
    desk.accepts();
    let ok = desk.last();
    assert_eq!(desk.gets(cancel()), "200 CANCEL", "too late: no effect");
    assert_eq!(desk.gets(Words::within("ACK", 1, &ok)), "<Confirmed>");
}

/// 13.3.1: who would wait so long and no longer is told that it is over; an answer in time is one.
#[test]
fn an_invite_expires() {
    let mut desk = Desk::new();
    assert_eq!(desk.gets(Words::invite().set("Expires", "5")), "100 INVITE, <Invited 800000100 sdp>");
    assert_eq!(desk.waits(6_000), "@5000 487 INVITE, <Cancelled> | @5500 487 INVITE");
    desk.is_empty_at_last();
    let mut desk = Desk::new();
    desk.gets(Words::invite().set("Expires", "5"));
    desk.accepts();
    let ok = desk.last();
    assert_eq!(desk.gets(Words::within("ACK", 1, &ok)), "<Confirmed>");
    assert_eq!(desk.waits(10_000), "");
}

/// 17.2.1: a refusal is repeated until its ACK, which ends there.
#[test]
fn a_refusal() {
    let mut desk = Desk::new();
    desk.gets(Words::invite());
    let refusal = Refusal { status: 488, retry_after: Some(5), warning: Some((304, "Media type not available")) };
    let refused = desk.does(|endpoint, dialog, now, out| endpoint.refuse(dialog, &refusal, now, out));
    assert_eq!(refused, "488 INVITE");
    assert!(desk.last_text().contains("Warning: 304 192.0.2.1 \"Media type not available\"\r\n"));
    assert!(desk.last_text().contains("Retry-After: 5\r\n"));
    let answer = desk.last();
    assert_eq!(desk.waits(1_500), "@500 488 INVITE | @1500 488 INVITE");
    assert_eq!(desk.gets(Words::within("ACK", 1, &answer).branch("z9hG4bK-INVITE-1")), "");
    assert_eq!(desk.waits(10_000), "");
    desk.is_empty_at_last();
}

/// Section; method, number and whether it has SDP, of each request; what the last one causes.
type Row<'a> = (&'a str, &'a [(&'a str, u32, bool)], &'a str);

/// 12.2.2, 14.2, RFC 3311, RFC 5407, 15.1.2: requests within a dialog.
#[test]
fn requests_within_a_dialog() {
    #[rustfmt::skip]
    let rows: &[Row<'_>] = &[
        ("12.2.2",  &[("INFO", 5, false), ("INFO", 4, false)], "500 INFO, <Rejected>"),
        ("12.2.2",  &[("INFO", 5, false), ("INFO", 9, false)], "200 INFO"),
        ("11",      &[("OPTIONS", 2, false)], "200 OPTIONS"),
        ("3311 5.2", &[("UPDATE", 2, false)], "200 UPDATE"),
        ("3311 5.2", &[("UPDATE", 2, true)], "<ChangeOffered sdp>"),
        ("3311 5.2", &[("UPDATE", 2, true), ("UPDATE", 3, true)], "500 UPDATE, <Rejected>"),
        ("14.2",    &[("INVITE", 2, true)], "<ChangeOffered sdp>"),
        ("14.2",    &[("INVITE", 2, false)], "<ChangeOffered>"),
        ("14.2",    &[("INVITE", 2, true), ("INVITE", 3, true)], "500 INVITE, <Rejected>"),
        ("15.1.2",  &[("INVITE", 2, true), ("BYE", 3, false)], "200 BYE, 487 INVITE, <HungUp>"),
        ("3262 3",  &[("PRACK", 2, false)], "481 PRACK, <Rejected>"),
        ("3515 4", &[("REFER", 2, false)], "403 REFER, <Rejected>"),
    ];
    for (section, requests, expected) in rows {
        let (mut desk, ok) = talking();
        let mut said = String::new();
        for &(method, cseq, sdp) in *requests {
            let words = Words::within(method, cseq, &ok);
            said = desk.gets(if sdp { words.sdp() } else { words });
        }
        assert_eq!(&said, expected, "RFC {section}: {requests:?}");
    }
}

/// 14.2: the owner's answer to a change, its repetition, and the new remote target.
#[test]
fn a_change_is_answered_by_the_owner() {
    let (mut desk, ok) = talking();
    let moved = "<sip:moved@127.0.0.1:5090>";
    desk.gets(Words::within("INVITE", 2, &ok).sdp().set("Contact", moved));
    let body = || Some(bytes::Bytes::from_static(crate::sip_endpoint::SDP.as_bytes()));
    let accept =
        |desk: &mut Desk| desk.does(|endpoint, dialog, now, out| endpoint.accept_change(dialog, body(), now, out));
    assert_eq!(accept(&mut desk), "200 INVITE");
    assert_eq!(accept(&mut desk), "", "only once");
    assert_eq!(desk.waits(500), "@500 200 INVITE");
    assert_eq!(desk.gets(Words::within("ACK", 2, &ok)), "");
    assert_eq!(desk.waits(10_000), "");
    desk.gets(Words::within("UPDATE", 3, &ok).sdp());
    let refusal = Refusal { status: 488, retry_after: None, warning: None };
    let refused = desk.does(|endpoint, dialog, now, out| endpoint.refuse_change(dialog, &refusal, now, out));
    assert_eq!(refused, "488 UPDATE");
    assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out)), "BYE");
    let bye = desk.sent.last().expect("BYE").clone();
    assert!(String::from_utf8_lossy(&bye.bytes).starts_with("BYE sip:moved@127.0.0.1:5090 SIP/2.0\r\n"));
    assert_eq!(bye.flow, udp("127.0.0.1:5090"));
}

/// RFC 5407 3.1.4: a re-INVITE that overtakes the ACK confirms our 200, unless the 200 held our offer.
#[test]
fn a_change_before_the_ack() {
    for (offer, expected) in [(true, "<Confirmed>, <ChangeOffered sdp>"), (false, "491 INVITE, <Rejected>")] {
        let mut desk = Desk::new();
        desk.gets(if offer { Words::invite() } else { Words::request("INVITE") });
        desk.accepts();
        let ok = desk.last();
        assert_eq!(desk.gets(Words::within("INVITE", 2, &ok).sdp()), expected);
    }
}

/// 13.2.1: an INVITE without offer gets ours, and the ACK holds the answer.
#[test]
fn late_offer() {
    let mut desk = Desk::new();
    assert_eq!(desk.gets(Words::request("INVITE")), "100 INVITE, <Invited 800000100>");
    assert_eq!(desk.accepts(), "200 INVITE");
    let ok = desk.last();
    assert_eq!(desk.gets(Words::within("ACK", 1, &ok).sdp()), "<Confirmed sdp>");
}

/// 12.1.1, 12.2.1.1, 16.12.1.2: the route set as it stands; a strict router is asked for first.
#[test]
fn route_sets() {
    let rows = [
        (
            "<sip:127.0.0.2;lr>, <sip:127.0.0.3;lr>",
            "BYE sip:0612345678@127.0.0.1:5080 SIP/2.0\r\n",
            "Route: <sip:127.0.0.2;lr>\r\nRoute: <sip:127.0.0.3;lr>\r\n",
        ),
        (
            "<sip:127.0.0.2>, <sip:127.0.0.3;lr>",
            "BYE sip:127.0.0.2 SIP/2.0\r\n",
            "Route: <sip:127.0.0.3;lr>\r\nRoute: <sip:0612345678@127.0.0.1:5080>\r\n",
        ),
    ];
    for (record_route, start, routes) in rows {
        let mut desk = Desk::new();
        desk.gets(Words::invite().set("Record-Route", record_route));
        desk.accepts();
        let ok = desk.last();
        assert!(desk.last_text().contains(&format!("Record-Route: {record_route}\r\n")), "12.1.1: copied");
        desk.gets(Words::within("ACK", 1, &ok));
        assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out)), "BYE");
        let bye = desk.last_text();
        assert!(bye.starts_with(start) && bye.contains(routes), "{bye}");
        assert_eq!(desk.sent[0].flow, udp("127.0.0.2:5060"));
    }
}

/// 18.2.2, RFC 3581, and over a stream the connection it came by.
#[test]
fn answers_go_back_the_way_the_request_came() {
    let mut desk = Desk::new();
    desk.gets_by(udp("127.0.0.1:6666"), Words::request("OPTIONS"));
    assert_eq!(desk.sent[0].flow, udp("127.0.0.1:6666"));
    assert!(desk.last_text().contains(";received=127.0.0.1;rport=6666\r\n"), "{}", desk.last_text());
    let plain = Words::request("OPTIONS").set("Via", "SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bK-x");
    desk.gets_by(udp("127.0.0.1:6666"), plain);
    assert_eq!(desk.sent[0].flow, udp("127.0.0.1:5070"));

    let by_tcp = tcp(CALLER, 7);
    let invite = Words::invite().set("Via", &format!("SIP/2.0/TCP {CALLER};branch=z9hG4bK-t"));
    desk.gets_by(by_tcp, invite);
    desk.accepts();
    assert_eq!(desk.sent[0].flow, by_tcp);
    assert!(desk.last_text().contains(&format!("Contact: <sip:centralino@{OURS};transport=tcp>\r\n")));
    let ok = desk.last();
    desk.gets_by(by_tcp, Words::within("ACK", 1, &ok));
    // The connection is lost in the talk: a new one is made to the Contact.
    let (now, mut out) = (desk.now, std::mem::take(&mut desk.out));
    desk.endpoint.connection_closed(7, now, &mut out);
    assert!(out.events.is_empty());
    assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out)), "BYE");
    assert_eq!(desk.sent[0].flow, tcp(CALLER, 0));
    assert!(desk.last_text().contains(&format!("Via: SIP/2.0/TCP {OURS};branch=")));
    assert_eq!(desk.sent[0].flow.transport, Transport::Tcp);
}

/// 18.2.2: an answer whose connection is gone goes by a new one to the port of sent-by; who is not there either is gone.
#[test]
fn answers_on_a_lost_connection() {
    let closed = |desk: &mut Desk, id| desk.does(|endpoint, _, now, out| endpoint.connection_closed(id, now, out));
    let anew = tcp("127.0.0.1:5070", 0);
    let invited = || {
        let mut desk = Desk::new();
        desk.gets_by(
            tcp("127.0.0.1:40007", 7),
            Words::invite().set("Via", "SIP/2.0/TCP 127.0.0.1:5070;branch=z9hG4bK-t"),
        );
        desk
    };
    let mut desk = invited();
    assert_eq!(closed(&mut desk, 7), "100 INVITE", "who is there hears that we go on");
    assert_eq!(desk.sent[0].flow, anew);
    assert_eq!(desk.accepts(), "200 INVITE");
    assert_eq!(desk.sent[0].flow, anew);
    let ok = desk.last();
    assert_eq!(desk.gets_by(tcp("127.0.0.1:40009", 9), Words::within("ACK", 1, &ok)), "<Confirmed>");

    let mut desk = invited();
    desk.accepts();
    let ok = desk.last();
    assert_eq!(closed(&mut desk, 7), "200 INVITE", "the 200 may be lost with it");
    assert_eq!(desk.sent[0].flow, anew);
    assert_eq!(desk.gets_by(tcp("127.0.0.1:40009", 9), Words::within("ACK", 1, &ok)), "<Confirmed>");

    // Nobody comes back for it: 4 s, not 64*T1, and an agent is free.
    let mut desk = invited();
    desk.accepts();
    assert_eq!(closed(&mut desk, 7), "200 INVITE");
    let said = desk.waits(4_000);
    assert!(said.contains("BYE, <Timeout>, <Unconfirmed>"), "{said}");

    let mut desk = invited();
    closed(&mut desk, 7);
    let elsewhere = desk.does(|endpoint, _, now, out| endpoint.send_failed(tcp("127.0.0.1:5071", 0), now, out));
    assert_eq!(elsewhere, "<SendFailed>");
    let failed = desk.does(|endpoint, _, now, out| endpoint.send_failed(anew, now, out));
    assert_eq!(failed, "487 INVITE, <SendFailed>, <Cancelled>");
    desk.is_empty_at_last();
}

/// Both bounds are answered 503 with Retry-After, and calls that are there go on.
#[test]
fn bounds() {
    for limits in [Limits { dialogs: 1, ..Limits::default() }, Limits { transactions: 1, ..Limits::default() }] {
        let mut desk = Desk::with(centralino::sip::Settings { limits, ..settings() });
        desk.gets(Words::invite());
        let (second, other) = (Words::invite().branch("z9hG4bK-2"), "call-2@127.0.0.1");
        assert_eq!(desk.gets(second.set("Call-ID", other)), "503 INVITE, <Overflow>, <Overloaded>, <Rejected>");
        assert!(desk.last_text().contains("Retry-After: "));
        desk.accepts();
        let ok = desk.last();
        assert_eq!(desk.gets(Words::within("ACK", 1, &ok)), "<Confirmed>");
        assert!(desk.gets(Words::within("BYE", 2, &ok)).contains("200 BYE"));
        desk.is_empty_at_last();
    }
}

/// 17.2.3: clients of RFC 2543 have no cookie in their branch, or no branch.
#[test]
fn clients_of_rfc_2543() {
    for via in [format!("SIP/2.0/UDP {CALLER}"), format!("SIP/2.0/UDP {CALLER};branch=1")] {
        let mut desk = Desk::new();
        assert_eq!(desk.gets(Words::invite().set("Via", &via)), "100 INVITE, <Invited 800000100 sdp>");
        assert_eq!(desk.gets(Words::invite().set("Via", &via)), "100 INVITE");
        assert_eq!(desk.accepts(), "200 INVITE");
        let ok = desk.last();
        assert_eq!(desk.gets(Words::within("ACK", 1, &ok).set("Via", &via)), "<Confirmed>");
        assert_eq!(desk.gets(Words::within("BYE", 2, &ok).set("Via", &via)), "200 BYE, <HungUp>");
        desk.is_empty_at_last();
    }
}

/// Keys by INFO, as phones and gateways write them. What is none of them is told so (RFC 3261 8.2.3, RFC 6086 4.2.2).
#[test]
fn keys_in_an_info() {
    #[rustfmt::skip]
    let rows = [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "200 INFO, <KeyPressed 5>"),
        ("application/dtmf-relay", "Duration= 100\nsignal = *\n", "200 INFO, <KeyPressed *>"),
        ("Application/DTMF-Relay; x=y", "Signal=11\r\n", "200 INFO, <KeyPressed #>"),
        ("application/dtmf", "#", "200 INFO, <KeyPressed #>"),
        ("application/dtmf", " d\r\n", "200 INFO, <KeyPressed D>"),
        ("application/dtmf", "12", "200 INFO"),
        ("application/dtmf", "", "200 INFO"),
        ("application/dtmf-relay", "Signal=16\r\n", "200 INFO"),
        ("application/dtmf-relay", "Signal\r\n", "200 INFO"),
        ("", "", "200 INFO"),
        ("application/media_control+xml", "5", "415 INFO, <Rejected>"),
        ("application/dtmf-relay\r\nInfo-Package: dtmf", "Signal=5\r\n", "469 INFO, <Rejected>"),
        ("a/b\r\nContent-Disposition: x;handling=optional", "5", "200 INFO"),
    ];
    for (content_type, body, expected) in rows {
        let (mut desk, ok) = talking();
        let info = Words::within("INFO", 2, &ok).body(content_type, body);
        assert_eq!(desk.gets(info.clone()), expected, "{content_type} {body:?}");
        let again = expected.split(", <Key").next().expect("an answer");
        assert_eq!(desk.gets(info), again, "repeated, it is no second key");
    }
}
