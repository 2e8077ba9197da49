//! What one SIP message costs: an INVITE of about 1 kB read at the door, its answer and a request written.
#![allow(missing_docs, reason = "the harness makes public items")]

use centralino::sip::api::{Flow, Transport};
use centralino::sip::framing::Framing;
use centralino::sip::intake::{Intake, Taken};
use centralino::sip::message::{Message, Method, Request, Writer};
use centralino::sip::{Limits, tokens::Tokens};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const SDP: &str = "v=0\r\no=- 3953500000 3953500000 IN IP4 192.0.2.10\r\ns=call\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

fn invite() -> String {
    format!(
        "INVITE sip:800000100@198.51.100.1;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKPj3f1c2a9d5e7b40c8a6d1e2f3a4b5c6d7\r\n\
         Max-Forwards: 70\r\n\
         From: \"Mario Rossi\" <sip:+390551234567@pbx.example.test>;tag=8f4e2b1c9d3a4f5e\r\n\
         To: <sip:800000100@198.51.100.1>\r\n\
         Contact: <sip:+390551234567@192.0.2.10:5060;transport=udp>\r\n\
         Call-ID: 0c1d2e3f-4a5b-6c7d-8e9f-a0b1c2d3e4f5\r\n\
         CSeq: 20175 INVITE\r\n\
         Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, OPTIONS\r\n\
         Supported: replaces, 100rel, timer, norefersub\r\n\
         Session-Expires: 1800\r\n\
         Min-SE: 90\r\n\
         User-Agent: Example Phone 4.2\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    )
}

fn flow(transport: Transport) -> Flow {
    Flow { transport, remote: "192.0.2.10:5060".parse().expect("an address"), connection: 0 }
}

fn read(intake: &Intake, bytes: &[u8]) -> Request {
    match intake.take(bytes, flow(Transport::Udp)) {
        Taken::Message(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn write_invite(uri: &str, branch: &str, call_id: &str) -> bytes::Bytes {
    Writer::request(Method::Invite, uri)
        .via(Transport::Udp, "198.51.100.1:5060".parse().expect("an address"), branch)
        .header("Max-Forwards", 70)
        .header("From", "<sip:+390551234567@198.51.100.1>;tag=8f4e2b1c9d3a4f5e")
        .header("To", format_args!("<{uri}>"))
        .header("Call-ID", call_id)
        .cseq(1, Method::Invite)
        .header("Contact", "<sip:centralino@198.51.100.1:5060>")
        .header("Allow", centralino::sip::message::ALLOW)
        .body("application/sdp", SDP.as_bytes())
}

fn sip(criterion: &mut Criterion) {
    let text = invite();
    let intake = Intake::new(Limits::default(), [1; 32]);
    let request = read(&intake, text.as_bytes());
    let mut tokens = Tokens::new([2; 32]);
    let (branch, call_id) = (tokens.branch(), tokens.call_id());
    let mut group = criterion.benchmark_group("sip");
    group.bench_function("read_invite_1kB", |bench| bench.iter(|| read(&intake, black_box(text.as_bytes()))));
    group.bench_function("write_invite_1kB", |bench| {
        bench.iter(|| write_invite(black_box("sip:101@192.0.2.20:5060"), &branch, &call_id))
    });
    group.bench_function("write_200_with_sdp", |bench| {
        bench.iter(|| {
            Writer::answer(black_box(&request), 200, Some("8f4e2b1c9d3a4f5e"))
                .header("Contact", "<sip:centralino@198.51.100.1:5060>")
                .body("application/sdp", SDP.as_bytes())
        })
    });
    group.bench_function("answer_unknown_method", |bench| {
        let text = text.replace("INVITE", "UNKNOWN");
        bench.iter(|| intake.take(black_box(text.as_bytes()), flow(Transport::Udp)))
    });
    group.bench_function("read_64kB_of_contacts", |bench| {
        // The dearest filling there is: an address every ten bytes, in lines as long as are allowed.
        let line = format!("Contact: {}<sip:a>\r\n", "<sip:a>,".repeat(1_000));
        let text = text.replace("Max-Forwards", &format!("{}Max-Forwards", line.repeat(7)));
        assert!((56_000..65_536).contains(&text.len()));
        bench.iter(|| read(&intake, black_box(text.as_bytes())))
    });
    group.bench_function("frame_16_invites_of_a_stream", |bench| {
        let stream = text.repeat(16);
        let mut framing = Framing::new(&Limits::default());
        let mut frames = Vec::new();
        bench.iter(|| {
            frames.clear();
            framing.push(black_box(stream.as_bytes()), &mut frames).expect("well framed");
            assert_eq!(frames.len(), 16);
        })
    });
    group
        .bench_function("tag_branch_call_id", |bench| bench.iter(|| (tokens.tag(), tokens.branch(), tokens.call_id())));
    group.finish();
}

criterion_group!(benches, sip);
criterion_main!(benches);
