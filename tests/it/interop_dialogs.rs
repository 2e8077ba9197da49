//! Requests within a call, one after another, at the running daemon: each is answered as its RFC says, and the call
//! goes on until its BYE.

use crate::caller::{Call, Phone};
use crate::daemon::Daemon;
use std::time::Duration;

/// A request within the call: what it is, its number after the last one, header lines, and a body; the status that it
/// gets.
type Row = (&'static str, i64, &'static str, Body, u16);

#[derive(Clone, Copy)]
enum Body {
    No,
    /// An offer, with this list of payload types and this last line.
    Sdp(&'static str, &'static str),
    /// Of another kind.
    Other,
}

#[rustfmt::skip]
const ROWS: [Row; 33] = [
    ("OPTIONS", 1, "", Body::No, 200),
    // RFC 3261 8.2.1, 12.2.2, 15.1.2; RFC 3262 3; RFC 6086.
    ("MESSAGE", 1, "", Body::No, 405),
    ("SUBSCRIBE", 1, "Event: dialog\r\n", Body::No, 405),
    ("PUBLISH", 1, "Event: presence\r\n", Body::No, 405),
    ("NOTIFY", 1, "Event: refer\r\nSubscription-State: active\r\n", Body::No, 405),
    ("FROBNICATE", 1, "", Body::No, 501),
    ("info", 1, "", Body::No, 501),
    ("PRACK", 1, "RAck: 1 1 INVITE\r\n", Body::No, 481),
    ("PRACK", 1, "RAck: one\r\n", Body::No, 481),
    ("INFO", 1, "", Body::No, 200),
    ("INFO", 1, "Require: nothing\r\n", Body::No, 420),
    ("REFER", 1, "Refer-To: <sip:1@127.0.0.1>\r\n", Body::No, 403),
    // RFC 3261 12.2.2: an older number is out of order, gaps are fine.
    ("INFO", -1, "", Body::No, 500),
    ("INFO", 1_000, "", Body::No, 200),
    // RFC 3311: a refresh, an offer, one that nothing comes of.
    ("UPDATE", 1, "", Body::No, 200),
    ("UPDATE", 1, "Session-Expires: 1800;refresher=uac\r\nSupported: timer\r\n", Body::No, 200),
    ("UPDATE", 1, "Session-Expires: 30\r\nSupported: timer\r\n", Body::No, 422),
    ("UPDATE", 1, "", Body::Sdp("8", "a=sendonly"), 200),
    ("UPDATE", 1, "", Body::Sdp("18", "a=sendrecv"), 488),
    ("UPDATE", 1, "", Body::Other, 415),
    // RFC 3261 14.2, RFC 3264 8: hold in its spellings, back again, another codec, none at all, none that we have.
    ("INVITE", 1, "", Body::Sdp("8", "a=sendonly"), 200),
    ("INVITE", 1, "", Body::Sdp("8", "a=inactive"), 200),
    ("INVITE", 1, "", Body::Sdp("8", "c=IN IP4 0.0.0.0"), 200),
    ("INVITE", 1, "", Body::Sdp("0", "a=sendrecv"), 200),
    ("INVITE", 1, "", Body::Sdp("8", "m=video 40002 RTP/AVP 96"), 200),
    ("INVITE", 1, "", Body::Sdp("18", "a=sendrecv"), 488),
    ("INVITE", 1, "", Body::Other, 415),
    ("INVITE", 1, "Require: nothing\r\n", Body::Sdp("8", "a=sendrecv"), 420),
    ("INVITE", 1, "Session-Expires: 30\r\nSupported: timer\r\n", Body::Sdp("8", "a=sendrecv"), 422),
    ("INVITE", -1, "", Body::Sdp("8", "a=sendrecv"), 500),
    ("INVITE", 1, "", Body::Sdp("8", "a=sendrecv"), 200),
    ("CANCEL", 0, "", Body::No, 481),
    ("INFO", 1, "", Body::No, 200),
];

#[test]
fn each_request_within_a_call_gets_its_answer_and_the_call_goes_on() {
    let daemon = Daemon::start(|_| ());
    let phone = Phone::at(daemon.address, &daemon);
    let (200, call) = phone.calls("dialog") else { panic!("a call") };
    let ip = daemon.address;
    let (mut last, mut wrong) = (1, Vec::new());
    for (row, (method, step, headers, body, expected)) in ROWS.into_iter().enumerate() {
        let number = u32::try_from(last + step).expect("a number");
        last = last.max(last + step);
        let text = match body {
            Body::No => String::new(),
            Body::Other => "hello".to_owned(),
            Body::Sdp(formats, line) => format!(
                "v=0\r\no=- 1 {row} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 40000 RTP/AVP {formats}\r\n{line}\r\n"
            ),
        };
        let mut request = phone.request(method, &call, number, headers, &text);
        if matches!(body, Body::Other) {
            request = request.replace("application/sdp", "text/plain");
        }
        // No two rows are one transaction.
        let request = request.replace("z9hG4bK-", &format!("z9hG4bK-{row}-"));
        let (status, _) = phone.asks(&request);
        if status != expected {
            wrong.push(format!("row {row}: {method} {headers:?}: {status}, not {expected}"));
        }
        if method == "INVITE" {
            let ack = phone.request("ACK", &call, number, "", "");
            phone.sends(&if status < 300 { ack } else { ack.replace("z9hG4bK-ACK", &format!("z9hG4bK-{row}-INVITE")) });
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // RFC 3261 12.2.2: whoever does not know both tags is in no dialog of ours.
    let strange = |to: &str| Call { id: call.id.clone(), to: to.to_owned() };
    let bare = call.to.split(";tag=").next().unwrap_or_default().to_owned();
    for (number, to) in [(90, bare.clone()), (91, format!("{bare};tag=other"))] {
        assert_eq!(phone.asks(&phone.request("BYE", &strange(&to), number, "", "")).0, 481, "{to}");
    }
    let number = u32::try_from(last + 1).expect("a number");
    assert_eq!(phone.asks(&phone.request("BYE", &call, number, "", "")).0, 200);
    daemon.wait_for("nothing left", Duration::from_secs(10), |metrics| metrics.sum("acd_sip_dialogs", &[]) == 0.0);
    daemon.stops();
}
