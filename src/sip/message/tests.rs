//! Reading and writing, message by message.

use super::*;
use crate::sip::api::Transport;

fn flow() -> Flow {
    let remote = "192.0.2.9:4000".parse().expect("an address");
    Flow { transport: Transport::Udp, remote, connection: 0 }
}

fn request(text: &str) -> Request {
    match Message::parse(text.as_bytes(), flow()) {
        Ok(Message::Request(request)) => request,
        other => panic!("not a request: {other:?}"),
    }
}

const INVITE: &str = "INVITE sip:8001%300@acd.test;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKabc;rport;received=1.2.3.4, SIP/2.0/UDP far.test;branch=z9hG4bKfar\r\n\
    v: SIP/2.0/TCP [2001:db8::1]\r\n\
    f: \"Rossi, \\\"M\\\" <x>\" <sip:+39055@pbx.test>;tag=88\r\n\
    To: sip:800100@acd.test\r\n\
    i: call-1\r\n\
    CSEQ: 7 INVITE\r\n\
    Max-Forwards: 70\r\n\
    Record-Route: <sip:p1.test;lr>, <sip:p2.test;lr>\r\n\
    Record-Route: <sip:p3.test;lr>\r\n\
    m: <sip:me@10.0.0.1:5062;transport=udp>\r\n\
    Require: a, b\r\n\
    X-Thing :  folded\r\n  once\r\n\
    c: Application/SDP; charset=x\r\n\
    l: 4\r\n\r\nv=0\n";

#[test]
fn reads_the_basics_once() {
    let request = request(INVITE);
    let head = &request.head;
    assert_eq!(
        (request.method, request.called().as_str(), head.from.uri.number().as_str()),
        (Method::Invite, "800100", "+39055")
    );
    assert_eq!((head.call_id.as_str(), head.cseq.number, request.max_forwards), ("call-1", 7, Some(70)));
    assert_eq!((head.from.tag(), head.to.tag()), (Some("88"), None));
    assert_eq!((head.via.host.as_str(), head.via.port, head.via.magic()), ("10.0.0.1", Some(5062), Some("z9hG4bKabc")));
    assert_eq!(head.via.received, Some(flow().remote.ip()));
    assert_eq!(
        head.record_route.iter().map(|each| each.uri.host()).collect::<Vec<_>>(),
        ["p1.test", "p2.test", "p3.test"]
    );
    assert_eq!(head.contacts[0].uri.as_str(), "sip:me@10.0.0.1:5062;transport=udp");
    assert_eq!(head.tokens("require").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(head.header("x-thing"), Some("folded once"));
    assert_eq!(head.content_type().as_deref(), Some("application/sdp"));
    assert_eq!(head.body().as_deref(), Some(&b"v=0\n"[..]));
}

#[test]
fn an_answer_copies_what_it_must() {
    let request = request(INVITE);
    let bytes = Writer::answer(&request, 180, Some("our")).header("Contact", "<sip:acd>\r\nEvil: yes").finish();
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    assert_eq!(
        text,
        "SIP/2.0 180 Ringing\r\n\
         Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKabc;received=192.0.2.9;rport=4000, SIP/2.0/UDP far.test;branch=z9hG4bKfar\r\n\
         Via: SIP/2.0/TCP [2001:db8::1]\r\n\
         Record-Route: <sip:p1.test;lr>, <sip:p2.test;lr>\r\n\
         Record-Route: <sip:p3.test;lr>\r\n\
         From: \"Rossi, \\\"M\\\" <x>\" <sip:+39055@pbx.test>;tag=88\r\n\
         To: sip:800100@acd.test;tag=our\r\n\
         Call-ID: call-1\r\n\
         CSeq: 7 INVITE\r\n\
         Contact: <sip:acd>  Evil: yes\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

#[test]
fn an_answer_goes_where_the_request_came_from() {
    assert_eq!(request(INVITE).answer_flow(), flow());
    let without = request(&INVITE.replace(";rport", ""));
    assert_eq!(without.answer_flow().remote.to_string(), "192.0.2.9:5062");
}
