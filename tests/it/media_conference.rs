//! A conference in the media engine, in virtual time: everybody hums a tone of their own, and what each one hears is
//! taken apart again.

use crate::sound::{RATE, share_of_tone};
use centralino::facts::{Fact, Party};
use centralino::ids::{CallId, ClipId, Key, LegId};
use centralino::media::api::{Codec, Command, Event, Output, Recorded, Stream};
use centralino::media::linear::{Hearing, Speaking};
use centralino::media::{MediaEngine, Settings, embedded};
use centralino::time::Time;
use rtp_rs::{RtpPacketBuilder, RtpReader};
use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::net::SocketAddr;

const CALLER: LegId = LegId(1);
const AGENT: LegId = LegId(2);
/// The agent's call to the colleague, at our side, and the colleague.
const ASKING: LegId = LegId(3);
const COLLEAGUE: LegId = LegId(4);
const CALL: CallId = CallId(7);
const EVENT: u8 = 101;
const HUMS: [(LegId, f64); 4] = [(CALLER, 400.0), (AGENT, 700.0), (ASKING, 700.0), (COLLEAGUE, 1_100.0)];

/// One phone line: what it says goes into the engine, what it hears comes out.
struct Line {
    leg: LegId,
    codec: Codec,
    ptime: u8,
    speaking: Speaking,
    hearing: Hearing,
    /// The samples it has said so far, and at which millisecond it says its next packet.
    said: usize,
    speaks_at: u64,
    sequence: u16,
    heard: Vec<i16>,
    packets: Vec<(u64, u16, u32)>,
}

struct Room {
    engine: MediaEngine,
    out: Output,
    now: u64,
    lines: Vec<Line>,
    recorded: BTreeMap<&'static str, Vec<i16>>,
    keys: Vec<(LegId, u8)>,
}

fn address(leg: LegId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, leg.0 as u8], 4_000))
}

fn stream(leg: LegId, codec: Codec, ptime_ms: u8) -> Stream {
    Stream { ptime_ms, telephone_event: Some(EVENT), ..Stream::plain(address(leg), codec) }
}

impl Room {
    /// The caller talks with the agent, who asks the colleague on another line; codecs and packet lengths differ.
    fn consulting() -> Room {
        let engine = MediaEngine::new(Settings::default(), vec![embedded::clip("music").unwrap()], [3; 32]);
        let (lines, recorded, keys) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut room = Room { engine, out: Output::default(), now: 1_000, lines, recorded, keys };
        let phones = [(CALLER, Codec::Pcma, 30), (AGENT, Codec::Pcmu, 20), (ASKING, Codec::Pcmu, 20)];
        for (leg, codec, ptime) in phones.into_iter().chain([(COLLEAGUE, Codec::G722, 60)]) {
            room.does(Command::Open { leg, port: 20_000 });
            room.does(Command::Direct { leg, stream: stream(leg, codec, ptime) });
            let (speaking, hearing) = (Speaking::new(codec), Hearing::new(codec));
            let (said, speaks_at, sequence) = (0, 1_000 + leg.0 * 3, 100);
            let (heard, packets) = (Vec::new(), Vec::new());
            room.lines.push(Line { leg, codec, ptime, speaking, hearing, said, speaks_at, sequence, heard, packets });
        }
        room.does(Command::Join { a: CALLER, b: AGENT });
        room.does(Command::Join { a: COLLEAGUE, b: ASKING });
        room.hold(AGENT);
        room
    }

    fn all(&mut self) {
        self.does(Command::Confer { parties: vec![vec![CALLER], vec![AGENT, ASKING], vec![COLLEAGUE]] });
    }

    fn does(&mut self, command: Command) {
        self.engine.command(command, Time::from_millis(self.now), &mut self.out);
        self.collect();
    }

    fn line(&mut self, leg: LegId) -> &mut Line {
        self.lines.iter_mut().find(|line| line.leg == leg).unwrap()
    }

    /// The phone neither says nor wants to hear anything on this line.
    fn hold(&mut self, leg: LegId) {
        let (codec, ptime) = (self.line(leg).codec, self.line(leg).ptime);
        let stream = Stream { may_send: false, will_receive: false, ..stream(leg, codec, ptime) };
        self.does(Command::Direct { leg, stream });
        self.line(leg).speaks_at = u64::MAX;
    }

    fn hangs_up(&mut self, leg: LegId) {
        self.does(Command::Close { leg });
        self.line(leg).speaks_at = u64::MAX;
    }

    /// Everybody hums for so long, in packets of their own length.
    fn hums(&mut self, milliseconds: u64) {
        self.lines.iter_mut().for_each(|line| line.heard.clear());
        self.recorded.clear();
        for _ in 0..milliseconds {
            self.now += 1;
            let now = Time::from_millis(self.now);
            while self.engine.next_deadline().is_some_and(|due| due <= now) {
                self.engine.expire(now, &mut self.out);
                self.collect();
            }
            self.speak();
        }
    }

    fn speak(&mut self) {
        for index in 0..self.lines.len() {
            let line = &mut self.lines[index];
            if line.speaks_at > self.now {
                continue;
            }
            let count = usize::from(line.ptime) * 8;
            let hum = HUMS.iter().find(|(leg, _)| *leg == line.leg).unwrap().1;
            let sample = |n: usize| 4_000.0 * (TAU * hum * n as f64 / f64::from(RATE)).sin();
            let sound: Vec<i16> = (line.said..line.said + count).map(|n| sample(n) as i16).collect();
            let mut payload = Vec::new();
            line.speaking.speak(&sound, &mut payload);
            let kind = line.codec.payload_type();
            let bytes = RtpPacketBuilder::new().payload_type(kind).ssrc(line.leg.0 as u32).payload(&payload);
            let bytes = bytes.sequence(line.sequence.into()).timestamp(line.said as u32).build().unwrap();
            line.said += count;
            line.sequence += 1;
            line.speaks_at += u64::from(line.ptime);
            let leg = line.leg;
            self.engine.packet(leg, address(leg), &bytes, Time::from_millis(self.now), &mut self.out);
            self.collect();
        }
    }

    fn collect(&mut self) {
        for (leg, to, bytes) in self.out.packets.iter() {
            assert_eq!(to, address(leg));
            let rtp = RtpReader::new(bytes).unwrap();
            if rtp.payload_type() == EVENT {
                self.keys.push((leg, rtp.payload()[0]));
                continue;
            }
            let line = self.lines.iter_mut().find(|line| line.leg == leg).unwrap();
            assert_eq!(rtp.payload_type(), line.codec.payload_type());
            line.packets.push((self.now, rtp.sequence_number().into(), rtp.timestamp()));
            line.hearing.hear(rtp.payload(), &mut line.heard);
        }
        for recorded in self.out.recorded.drain(..) {
            let Recorded::Sound { call: CALL, party, codec, sound, .. } = recorded else { continue };
            let side = if party == Party::Caller { "caller" } else { "agent" };
            Hearing::new(codec).hear(&sound, self.recorded.entry(side).or_default());
        }
        for record in &self.out.facts {
            assert!(!matches!(record.fact, Fact::Turned(_)), "{record:?}");
        }
        self.out.clear();
    }

    /// Which of the three tones a line hears in the end, and nothing else.
    fn hears(&mut self, leg: LegId) -> Vec<u16> {
        heard_in(&self.line(leg).heard)
    }
}

fn heard_in(samples: &[i16]) -> Vec<u16> {
    let last = &samples[samples.len().saturating_sub(RATE as usize / 2)..];
    let tones = [400u16, 700, 1_100];
    let shares = tones.map(|hz| share_of_tone(last, f64::from(hz)));
    let heard: Vec<u16> = tones.into_iter().zip(shares).filter(|(_, share)| *share > 0.2).map(|(hz, _)| hz).collect();
    let rest = 1.0 - shares.iter().filter(|share| **share > 0.2).sum::<f64>();
    assert!(heard.is_empty() || rest < 0.02, "{heard:?} and something else: {shares:?}");
    heard
}

#[test]
fn each_of_three_hears_the_other_two_and_not_itself() {
    let mut room = Room::consulting();
    room.hums(1_000);
    assert_eq!((room.hears(CALLER), room.hears(ASKING), room.hears(COLLEAGUE)), (vec![], vec![1_100], vec![700]));
    room.all();
    room.hums(1_000);
    assert_eq!(room.hears(CALLER), [700, 1_100]);
    assert_eq!(room.hears(ASKING), [400, 1_100]);
    assert_eq!(room.hears(COLLEAGUE), [400, 700]);
    assert!(room.line(AGENT).heard.is_empty(), "it is on hold");
    // The agent takes the other line: still one party, which hears itself on neither.
    room.hold(ASKING);
    room.does(Command::Direct { leg: AGENT, stream: stream(AGENT, Codec::Pcmu, 20) });
    let now = room.now;
    room.line(AGENT).speaks_at = now;
    room.hums(1_000);
    assert_eq!((room.hears(AGENT), room.hears(CALLER)), (vec![400, 1_100], vec![700, 1_100]));
    assert!(room.line(ASKING).heard.is_empty());
}

/// As long as it lasts one stream leaves for each leg: no number is missing, none comes twice, and its clock is right.
#[test]
fn the_streams_go_on_in_step() {
    let mut room = Room::consulting();
    room.all();
    room.hums(3_000);
    for (leg, ptime) in [(CALLER, 30), (ASKING, 20), (COLLEAGUE, 60)] {
        let packets = &room.line(leg).packets;
        assert!((3_000 / ptime - 2..=3_000 / ptime).contains(&(packets.len() as u64)), "{leg:?} {}", packets.len());
        for pair in packets.windows(2) {
            assert_eq!((pair[1].1.wrapping_sub(pair[0].1), pair[1].2.wrapping_sub(pair[0].2)), (1, ptime as u32 * 8));
            assert!(pair[1].0 - pair[0].0 <= ptime + 20, "{leg:?} {pair:?}");
        }
    }
    // Woken 70 ms late: the turns are caught up with at twice the pace, without a burst.
    let before = room.line(ASKING).packets.len();
    room.now += 70;
    room.hums(300);
    let packets = &room.line(ASKING).packets[before..];
    assert!(packets.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 10), "{packets:?}");
    assert!(packets.len() >= 18, "{packets:?}");
}

#[test]
fn whoever_leaves_leaves_the_others_as_a_pair() {
    for (leaving, staying) in [
        (&[COLLEAGUE][..], [(CALLER, vec![700]), (ASKING, vec![400])]),
        (&[AGENT, ASKING], [(CALLER, vec![1_100]), (COLLEAGUE, vec![400])]),
        (&[CALLER, AGENT], [(ASKING, vec![1_100]), (COLLEAGUE, vec![700])]),
    ] {
        let mut room = Room::consulting();
        room.all();
        room.hums(500);
        leaving.iter().for_each(|&leg| room.hangs_up(leg));
        room.hums(1_000);
        for (leg, tones) in staying {
            assert_eq!(room.hears(leg), tones, "{leaving:?} left, {leg:?}");
        }
        room.lines.iter().map(|line| line.leg).collect::<Vec<_>>().into_iter().for_each(|leg| room.hangs_up(leg));
        assert_eq!((room.engine.open_legs(), room.engine.next_deadline()), (0, None), "nothing is left");
    }
}

#[test]
fn once_it_is_over_the_pairs_are_as_before_and_music_goes_first() {
    let mut room = Room::consulting();
    room.all();
    room.hums(500);
    room.does(Command::PlayMusic { leg: CALLER, clip: Some(ClipId(0)) });
    room.does(Command::Disperse { leg: ASKING });
    room.hums(1_000);
    assert_eq!((room.hears(ASKING), room.hears(COLLEAGUE)), (vec![1_100], vec![700]));
    assert!(share_of_tone(&room.line(CALLER).heard, 700.0) < 0.05 && room.line(CALLER).heard.len() > 7_000);
    // The colleague takes the caller out of another one.
    room.all();
    room.does(Command::Join { a: CALLER, b: COLLEAGUE });
    room.hangs_up(AGENT);
    room.hangs_up(ASKING);
    room.hums(1_000);
    assert_eq!((room.hears(CALLER), room.hears(COLLEAGUE)), (vec![1_100], vec![400]));
}

/// The caller's side as the caller speaks, the other one as the caller hears it, and nothing while it is paused.
#[test]
fn all_three_are_recorded() {
    let mut room = Room::consulting();
    room.does(Command::Record { caller: CALLER, agent: AGENT, call: CALL });
    room.all();
    room.hums(1_000);
    assert_eq!((heard_in(&room.recorded["caller"]), heard_in(&room.recorded["agent"])), (vec![400], vec![700, 1_100]));
    assert!(room.recorded.values().all(|sound| sound.len() >= 7_800), "{:?}", room.recorded["agent"].len());
    room.does(Command::PauseRecording { leg: CALLER, is_paused: true });
    room.hums(500);
    assert!(room.recorded.is_empty());
}

#[test]
fn a_key_is_heard_by_the_others() {
    let mut room = Room::consulting();
    room.all();
    room.hums(100);
    let key = Key::of_sign('5').unwrap();
    room.does(Command::PassKey { leg: CALLER, key });
    assert_eq!(room.keys, [], "who agreed to events has sent one too");
    let bytes = RtpPacketBuilder::new().payload_type(EVENT).ssrc(1).payload(&[5, 0x8a, 3, 32]);
    let bytes = bytes.sequence(900.into()).timestamp(70_000).marked(true).build().unwrap();
    room.engine.packet(CALLER, address(CALLER), &bytes, Time::from_millis(room.now), &mut room.out);
    assert!(room.out.events.iter().any(|(_, event)| *event == Event::KeyPressed { leg: CALLER, key }));
    room.collect();
    room.hums(300);
    for (leg, packets) in [(CALLER, 0), (AGENT, 0), (ASKING, 8), (COLLEAGUE, 8)] {
        assert_eq!(room.keys.iter().filter(|it| **it == (leg, 5)).count(), packets, "{leg:?}");
    }
}

/// Lost, late and doubled packets, a clock that is 2 % fast, a new SSRC: what is heard is the tones, with gaps at most.
#[test]
fn a_bad_network_is_survived() {
    let mut room = Room::consulting();
    room.all();
    let mut fast = 0;
    for _ in 0..250 {
        room.hums(40);
        fast += 1;
        if fast % 50 == 0 {
            // Two seconds of the fast clock are 40 ms ahead: a packet out of its turn.
            let now = room.now;
            room.line(ASKING).speaks_at = now;
        }
        if fast % 60 == 0 {
            room.line(CALLER).said += 240;
            room.line(CALLER).sequence += 1;
        }
    }
    room.line(COLLEAGUE).sequence = 40_000;
    room.line(COLLEAGUE).said += 1_000_000;
    room.hums(1_000);
    assert_eq!(room.hears(CALLER), [700, 1_100]);
    assert_eq!(room.hears(COLLEAGUE), [400, 700]);
}
