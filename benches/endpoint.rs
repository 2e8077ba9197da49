//! What one call costs the endpoint: a caller's leg and an agent's leg, six messages in and nine out, timers and
//! tables at the fill of 100 calls a second included.
#![allow(missing_docs, reason = "the harness makes public items")]

use bytes::Bytes;
use centralino::sip::api::{DialogId, Event, Flow, Output, Transport};
use centralino::sip::message::{Message, Writer};
use centralino::sip::{CallerIdentity, Endpoint, Limits, Settings, Target};
use centralino::time::{Duration, Time};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const SDP: &[u8] = b"v=0\r\no=- 3953500000 3953500000 IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";
const CALLER: &str = "127.0.0.1:5080";
const PHONE: &str = "127.0.0.1:6100";

fn udp(remote: &str) -> Flow {
    Flow { transport: Transport::Udp, remote: remote.parse().expect("an address"), connection: 0 }
}

struct Calls {
    endpoint: Endpoint,
    out: Output,
    now: Time,
    number: u64,
}

impl Calls {
    fn new() -> Calls {
        let settings = Settings {
            trusted: vec!["127.0.0.0/8".parse().expect("a network")],
            limits: Limits { transactions: 1_000_000, dialogs: 100_000, ..Limits::default() },
            ..Settings::new("127.0.0.1:5060".parse().expect("an address"))
        };
        Calls { endpoint: Endpoint::new(settings, [1; 32]), out: Output::default(), now: Time::ZERO, number: 0 }
    }

    fn caller_says(&mut self, method: &str, cseq: u32, to: &str, body: &[u8]) {
        let n = self.number;
        let head = format!(
            "{method} sip:800000100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER};branch=z9hG4bK{n}-{method};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:0612345678@127.0.0.1>;tag=c{n}\r\nTo: {to}\r\nCall-ID: {n}@127.0.0.1\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:0612345678@{CALLER}>\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        let bytes = [head.as_bytes(), body].concat();
        self.endpoint.receive(udp(CALLER), &bytes, self.now, self.now, &mut self.out);
    }

    fn phone_says(&mut self, status: u16, request: &Message, body: &[u8]) {
        let Message::Request(request) = request else { panic!("a response") };
        let bytes = Writer::answer(request, status, Some("phone"))
            .header("Contact", format_args!("<sip:a@{PHONE}>"))
            .body("application/sdp", body);
        self.endpoint.receive(udp(PHONE), &bytes, self.now, self.now, &mut self.out);
    }

    fn sent(&self, at: usize) -> Message {
        let sent = self.out.transmits.get(at).expect("something was sent");
        Message::parse(&sent.bytes, udp("127.0.0.1:5060")).expect("ours")
    }

    fn forget_output(&mut self) {
        self.out.transmits.clear();
        self.out.events.clear();
    }

    fn invited(&self) -> DialogId {
        match self.out.events.first() {
            Some((_, Event::Invited { dialog, .. })) => *dialog,
            other => panic!("{other:?}"),
        }
    }

    /// INVITE 100 200 ACK · INVITE 180 200 ACK · BYE 200 · BYE 200.
    fn call(&mut self) {
        self.number += 1;
        self.now = self.now + Duration::from_millis(10);
        self.forget_output();
        self.endpoint.expire(self.now, &mut self.out);
        self.forget_output();
        self.caller_says("INVITE", 1, "<sip:800000100@127.0.0.1>", SDP);
        let caller = self.invited();
        self.forget_output();
        self.endpoint.accept(caller, Bytes::from_static(SDP), self.now, &mut self.out);
        let to = self.sent(0).head().to.text.clone();
        self.caller_says("ACK", 1, &to, b"");
        self.forget_output();
        let identity =
            CallerIdentity { user: "0612345678".to_owned(), display: None, called: None, max_forwards: None };
        let target = Target::Uri(format!("sip:a@{PHONE}"));
        let body = Bytes::from_static(SDP);
        let invited = self.endpoint.invite(&target, &identity, body, self.now, &mut self.out);
        let agent = invited.expect("room");
        let invite = self.sent(0);
        self.phone_says(180, &invite, b"");
        self.phone_says(200, &invite, SDP);
        self.forget_output();
        self.caller_says("BYE", 2, &to, b"");
        self.forget_output();
        self.endpoint.hang_up(agent, self.now, &mut self.out);
        let bye = self.sent(0);
        self.phone_says(200, &bye, b"");
        assert_eq!(self.endpoint.tables().dialogs, 0);
    }
}

fn bench(criterion: &mut Criterion) {
    let mut calls = Calls::new();
    // 40 s at 100 calls a second: as many transactions begin as end.
    for _ in 0..4_000 {
        calls.call();
    }
    criterion.bench_function("endpoint/whole call, peers included", |bencher| bencher.iter(|| calls.call()));
    let options = b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKo;rport\r\n\
        Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n\
        Content-Length: 0\r\n\r\n";
    criterion.bench_function("endpoint/options", |bencher| {
        bencher.iter(|| {
            calls.endpoint.receive(udp(CALLER), black_box(options), calls.now, calls.now, &mut calls.out);
            calls.forget_output();
        });
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
