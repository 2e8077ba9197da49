//! Any datagram: read, answered or dropped; what is answered can be read.
#![no_main]

use centralino::sip::intake::{Intake, Taken};
use centralino::sip::message::Message;
use centralino::sip::{Flow, Limits, Transport};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let flow = Flow { transport: Transport::Udp, remote: ([192, 0, 2, 1], 5060).into(), connection: 0 };
    let intake = Intake::new(Limits::default(), [1; 32]);
    let _ = intake.begins(bytes);
    if let Taken::Answer { bytes: answer, .. } = intake.take(bytes, flow) {
        assert!(answer.starts_with(b"SIP/2.0 ") && answer.ends_with(b"\r\n\r\n"));
        let _ = Message::parse(&answer, flow);
    }
});
