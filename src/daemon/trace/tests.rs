//! Traces of made-up calls.

use super::*;
use centralino::acd::Plan;
use centralino::facts::Party;
use centralino::ids::{AgentId, PoolId, QueueId};
use centralino::sip::Transport;
use std::sync::Arc;

const INVITE: &str = "INVITE sip:800000100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa\r\n\
    From: \"Mario Rossi\" <sip:+390612345@pbx.test>;tag=1\r\nt: <sip:800000100@192.0.2.1>\r\ni: one@test\r\n\
    CSeq: 1 INVITE\r\nAuthorization: Digest username=\"101\",\r\n response=\"0123456789abcdef\"\r\n\
    P-Asserted-Identity: <tel:+390612345>, \"M R\" <sip:0612345@pbx.test>\r\n\
    Contact: <sip:+390612345@192.0.2.9>\r\nContent-Type: application/sdp\r\nContent-Length: 63\r\n\r\n\
    v=0\r\no=mario 1 1 IN IP4 192.0.2.9\r\na=crypto:1 AES inline:c2VjcmV0\r\n\r\n";

fn tracer(bytes: usize) -> Tracer {
    Tracer::new(bytes, Names::of(Arc::new(Plan::default())), "192.0.2.1:5060".parse().expect("an address"))
}

fn passed(at: u64, inward: bool, transport: Transport, text: &str) -> Passed {
    let remote = "192.0.2.9:5061".parse().expect("an address");
    let flow = Flow { transport, remote, connection: u64::from(transport == Transport::Tcp) };
    Passed { at: Time::from_millis(at), inward, flow, bytes: Bytes::copy_from_slice(text.as_bytes()) }
}

fn ended(at: u64, call: u64) -> Record {
    let (queue, pool, agent) = (QueueId(0), PoolId(0), AgentId(0));
    let fact = Fact::CallEnded {
        call: CallId(call),
        queue,
        pool,
        agent,
        talked: std::time::Duration::from_millis(1_500),
        held: std::time::Duration::ZERO,
        consulted: std::time::Duration::ZERO,
        by: Party::Caller,
    };
    Record { at: Time::from_millis(at), fact }
}

fn one_call() -> Tracer {
    let mut tracer = tracer(1 << 20);
    tracer.message(&passed(1, true, Transport::Udp, INVITE));
    tracer.message(&passed(1, true, Transport::Udp, &INVITE.replace("one@test", "other@test")));
    tracer.call_id(CallId(7), "one@test");
    let ok = "SIP/2.0 200 OK\r\nCall-ID: one@test\r\nCSeq: 1 INVITE\r\n\r\n";
    tracer.message(&passed(2, false, Transport::Udp, ok));
    tracer.call_id(CallId(7), "two@us");
    let ring = "INVITE sip:101@192.0.2.9 SIP/2.0\r\nCall-ID: two@us\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n";
    tracer.message(&passed(3, false, Transport::Tcp, ring));
    tracer.message(&passed(4, false, Transport::Tcp, ring));
    tracer.read(&ended(5, 7));
    tracer.read(&ended(5, 8));
    tracer
}

#[test]
fn a_ladder_has_the_messages_of_all_legs_and_the_facts() {
    let trace = one_call().trace("7").expect("a trace");
    let text = ladder(&trace, |at| format!("{:012}", at.as_nanos()), false);
    insta::assert_snapshot!(text, @r"
    call 7
      caller  udp 192.0.2.9:5061  Call-ID one@test
     phone 1  tcp 192.0.2.9:5061  Call-ID two@us

                  caller                               centralino                           phones
    000001000000  │── INVITE (SDP) ───────────────────►│                                    │
    000002000000  │◄───────────────────────── 200 OK ──│                                    │
    000003000000  │                                    │── INVITE (SDP) ───────────────────►│ 1
    000004000000  │                                    │── INVITE (SDP), again ────────────►│ 1
    000005000000  │                                    ● ended by caller, talked 1.500 s
    ");
    for name in ["one@test", "two@us"] {
        assert_eq!(one_call().trace(name).expect("the same").entries.len(), trace.entries.len());
    }
    assert!(one_call().trace("8").is_none_or(|trace| trace.call.is_none()));
    assert!(one_call().trace("nobody").is_none());
}

#[test]
fn credentials_are_never_kept_and_people_are_masked() {
    let trace = one_call().trace("one@test").expect("a trace");
    let Some(Entry::Message(first)) = trace.entries.first() else { panic!("{trace:?}") };
    let text = String::from_utf8_lossy(&first.bytes);
    for secret in ["0123456789abcdef", "101\"", "c2VjcmV0"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(text.len(), INVITE.len());
    assert!(text.contains("Mario Rossi"));
    let masked = mask::without_people(&first.bytes, &["800000100".to_owned()]);
    let masked = String::from_utf8_lossy(&masked);
    for personal in ["Mario", "390612345", "0612345", "mario", "M R"] {
        assert!(!masked.contains(personal), "{personal}: {masked}");
    }
    assert!(masked.contains("sip:800000100@192.0.2.1 SIP/2.0") && masked.contains("@pbx.test>;tag=1"), "{masked}");
    assert_eq!(masked.len(), INVITE.len());
}

#[test]
fn what_is_kept_is_bounded() {
    let mut tracer = tracer(10_000);
    for at in 0..1_000 {
        tracer.message(&passed(at, true, Transport::Udp, INVITE));
        tracer.read(&ended(at, at));
        tracer.call_id(CallId(at), &at.to_string());
    }
    assert!(tracer.bytes <= 10_000 && tracer.kept.len() < 40);
    (0..2 * CALLS as u64).for_each(|call| tracer.call_id(CallId(call), "x"));
    assert_eq!(tracer.call_ids.len(), CALLS);
}

/// tshark reads it: tests/it/interop_trace.rs. Here: lengths and sequence numbers.
#[test]
fn a_capture_holds_each_message_as_a_packet() {
    let trace = one_call().trace("7").expect("a trace");
    let file = capture(&trace, 1_000_000_000, true);
    let (mut at, mut packets) = (24, Vec::new());
    while at < file.len() {
        let length = u32::from_le_bytes([file[at + 8], file[at + 9], file[at + 10], file[at + 11]]) as usize;
        packets.push(&file[at + 16..at + 16 + length]);
        at += 16 + length;
    }
    assert_eq!(packets.len(), 4);
    assert_eq!((packets[0][9], packets[3][9]), (17, 6));
    let sequence = |packet: &[u8]| u32::from_be_bytes([packet[24], packet[25], packet[26], packet[27]]);
    assert_eq!((sequence(packets[2]), sequence(packets[3]) as usize), (1, 1 + packets[2].len() - 40));
    assert!(capture(&trace, 0, false).len() == file.len() && !file.is_empty());
}
