//! SIP messages against the outside: the torture messages of RFC 4475, a codec that is not ours, and noise.

use centralino::sip::api::{Flow, Transport};
use centralino::sip::intake::{Intake, Taken};
use centralino::sip::{Limits, message::Message};
use std::path::PathBuf;

fn flow() -> Flow {
    Flow { transport: Transport::Udp, remote: "192.0.2.9:4000".parse().expect("an address"), connection: 0 }
}

/// These are read; refusing them is the endpoint's or the registrar's business (420, 415, 401, 406, 400).
const JUDGED_LATER: [&str; 5] = ["bext01", "invut", "regaut01", "sdp01", "unksm2"];

#[test]
fn torture_messages_are_read_answered_or_dropped_as_expected() {
    let torture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/torture");
    let Ok(index) = std::fs::read_to_string(torture.join("index.tsv")) else {
        eprintln!("SKIPPED: the torture messages are not at {}", torture.display());
        return;
    };
    let intake = Intake::new(Limits::default(), [1; 32]);
    let mut wrong = Vec::new();
    for row in index.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [file, _, name, _, kind, expect, codes, ..] = columns[..] else { panic!("a row is short: {row}") };
        let bytes = std::fs::read(torture.join(file)).expect("a file of the index");
        let taken = intake.take(&bytes, flow());
        let right = match (&taken, kind, expect) {
            (Taken::Message(Message::Request(_)), "req", "accept" | "either") => true,
            (Taken::Message(Message::Request(_)), "req", "reject") => JUDGED_LATER.contains(&name),
            (Taken::Answer { status, .. }, "req", _) => codes.split(',').any(|code| code == status.to_string()),
            (Taken::Drop(_), "req", _) => expect == "either",
            (Taken::Drop(_) | Taken::Message(Message::Response(_)), "resp", "drop") => true,
            _ => false,
        };
        if !right {
            wrong.push(format!("{name}: expected {expect} {codes}, got {taken:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
