//! What the media engine hands to whoever writes recordings: whose sound, from when to when.

use centralino::facts::Party;
use centralino::ids::{CallId, ClipId, LegId};
use centralino::media::api::{Codec, Command, Output, Recorded, Stream};
use centralino::media::{MediaEngine, Settings, embedded};
use centralino::time::Time;
use rtp_rs::RtpPacketBuilder;
use std::net::SocketAddr;

const CALLER: LegId = LegId(1);
const AGENT: LegId = LegId(2);
/// The agent's call to the colleague, at our side, and the colleague.
const ASKING: LegId = LegId(3);
const COLLEAGUE: LegId = LegId(4);
const CALL: CallId = CallId(7);

struct Desk {
    engine: MediaEngine,
    out: Output,
    sequence: u16,
    heard: Vec<String>,
}

impl Desk {
    fn new() -> Desk {
        let engine = MediaEngine::new(Settings::default(), vec![embedded::clip("music").unwrap()], [3; 32]);
        let mut desk = Desk { engine, out: Output::default(), sequence: 0, heard: Vec::new() };
        for leg in [CALLER, AGENT, ASKING, COLLEAGUE] {
            desk.does(Command::Open { leg, port: 20_000 });
            desk.does(Command::Direct { leg, stream: Stream::plain(address(leg), Codec::Pcma) });
        }
        desk
    }

    fn does(&mut self, command: Command) {
        self.engine.command(command, Time::from_millis(1_000), &mut self.out);
        self.collect();
    }

    /// Everybody says something; who is recorded.
    fn all_talk(&mut self) -> String {
        self.heard.clear();
        for leg in [CALLER, AGENT, ASKING, COLLEAGUE] {
            self.sequence += 1;
            let builder = RtpPacketBuilder::new().payload_type(8).ssrc(leg.0 as u32).payload(&[0x35; 160]);
            let bytes = builder.sequence(self.sequence.into()).build().unwrap();
            self.engine.packet(leg, address(leg), &bytes, Time::from_millis(1_000), &mut self.out);
            self.collect();
        }
        self.heard.join(" ")
    }

    fn collect(&mut self) {
        for recorded in self.out.recorded.drain(..) {
            let (call, what) = match recorded {
                Recorded::Began { call, .. } => (call, "began"),
                Recorded::Sound { call, party: Party::Caller, .. } => (call, "caller"),
                Recorded::Sound { call, .. } => (call, "agent"),
                Recorded::Ended { call, .. } => (call, "ended"),
            };
            assert_eq!(call, CALL);
            self.heard.push(what.to_owned());
        }
        self.out.clear();
    }
}

fn address(leg: LegId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, leg.0 as u8], 4_000))
}

#[test]
fn one_recording_from_agent_to_agent_and_nothing_of_what_they_ask_each_other() {
    let mut desk = Desk::new();
    let record = |agent| Command::Record { caller: CALLER, agent, call: CALL };
    desk.does(record(AGENT));
    assert_eq!(desk.all_talk(), "", "they are not joined");
    desk.does(Command::Join { a: CALLER, b: AGENT });
    assert_eq!(desk.all_talk(), "", "nobody asked for a recording");
    desk.does(record(AGENT));
    assert_eq!((desk.heard.join(" "), desk.all_talk()), ("began".to_owned(), "caller agent".to_owned()));
    // The caller hears music, the agent asks a colleague.
    desk.does(Command::PlayMusic { leg: CALLER, clip: Some(ClipId(0)) });
    desk.does(Command::PauseRecording { leg: CALLER, is_paused: true });
    desk.does(Command::Join { a: COLLEAGUE, b: ASKING });
    assert_eq!(desk.all_talk(), "");
    // The colleague has the caller.
    desk.does(Command::Join { a: CALLER, b: COLLEAGUE });
    desk.does(record(COLLEAGUE));
    desk.does(Command::Close { leg: AGENT });
    assert_eq!(desk.heard, Vec::<String>::new(), "it neither ends nor begins");
    assert_eq!(desk.all_talk(), "caller agent");
    desk.does(Command::Close { leg: COLLEAGUE });
    assert_eq!(desk.all_talk(), "", "nobody is there");
    desk.does(Command::Close { leg: CALLER });
    assert_eq!(desk.heard, ["ended"]);
}

#[test]
fn a_recording_that_ended_begins_anew_only_when_asked_for() {
    let mut desk = Desk::new();
    desk.does(Command::Join { a: CALLER, b: AGENT });
    desk.does(Command::Record { caller: CALLER, agent: AGENT, call: CALL });
    desk.does(Command::EndRecording { caller: CALLER });
    assert_eq!(desk.heard.pop().as_deref(), Some("ended"));
    desk.does(Command::Join { a: CALLER, b: COLLEAGUE });
    assert_eq!(desk.all_talk(), "");
    desk.does(Command::Record { caller: CALLER, agent: COLLEAGUE, call: CALL });
    assert_eq!(desk.all_talk(), "caller agent");
}
