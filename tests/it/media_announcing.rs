//! Announcements over music, in virtual time: what leaves the media engine, sample by sample.

use centralino::ids::{ClipId, LegId};
use centralino::media::api::{Codec, Command, Event, Output, Stream};
use centralino::media::clip::Clip;
use centralino::media::engine::MediaEngine;
use centralino::media::{Settings, embedded};
use centralino::time::Time;
use std::net::SocketAddr;

const A: LegId = LegId(1);
const B: LegId = LegId(2);
const MUSIC: ClipId = ClipId(0);
const ONE: ClipId = ClipId(1);
const OTHER: ClipId = ClipId(2);

struct Bench {
    engine: MediaEngine,
    clips: Vec<Clip>,
    now: u64,
    out: Output,
    /// What leg A was sent, a payload a packet.
    heard: Vec<Vec<u8>>,
    markers: usize,
    events: Vec<Event>,
}

impl Bench {
    /// Two legs; nothing plays yet.
    fn new() -> Bench {
        let ramp = |length: i16, step: i16| Clip::from_samples((0..length).map(|n| n * step).collect()).unwrap();
        // 50 ms are two packets and a half, 60 ms exactly three.
        let clips = vec![embedded::clip("music").unwrap(), ramp(400, 50), ramp(480, -40)];
        let settings = Settings { silent_after: None, report_every: None, ..Settings::default() };
        let engine = MediaEngine::new(settings, clips.clone(), [7; 32]);
        let (heard, events) = (Vec::new(), Vec::new());
        let mut bench = Bench { engine, clips, now: 1_000, out: Output::default(), heard, markers: 0, events };
        for leg in [A, B] {
            bench.command(Command::Open { leg, port: 20_000 });
            bench.command(Command::Direct { leg, stream: stream(leg) });
        }
        bench
    }

    fn command(&mut self, command: Command) {
        self.engine.command(command, Time::from_millis(self.now), &mut self.out);
        self.collect();
    }

    fn packets(&mut self, count: usize) {
        let until = self.heard.len() + count;
        while self.heard.len() < until {
            let next = self.engine.next_deadline().expect("something plays");
            self.now = next.as_nanos() / 1_000_000;
            self.engine.expire(next, &mut self.out);
            self.collect();
        }
    }

    fn collect(&mut self) {
        for (leg, _, bytes) in self.out.packets.iter().filter(|(leg, ..)| *leg == A) {
            let rtp = rtp_rs::RtpReader::new(bytes).unwrap();
            assert_eq!(leg, A);
            self.markers += usize::from(rtp.mark());
            self.heard.push(rtp.payload().to_vec());
        }
        self.events.extend(self.out.events.iter().map(|(_, event)| event.clone()));
        self.out.clear();
    }

    /// A clip as its packets, the last one filled up with silence.
    fn clip(&self, clip: ClipId) -> Vec<Vec<u8>> {
        let mut sound = self.clips[clip.index()].bytes(Codec::Pcma).to_vec();
        sound.resize(sound.len().next_multiple_of(160), Codec::Pcma.silence().unwrap());
        sound.chunks(160).map(<[u8]>::to_vec).collect()
    }

    fn music(&self, from: usize, count: usize) -> Vec<Vec<u8>> {
        self.clip(MUSIC)[from..from + count].to_vec()
    }
}

fn stream(leg: LegId) -> Stream {
    Stream::plain(SocketAddr::from(([192, 0, 2, leg.0 as u8], 4_000)), Codec::Pcma)
}

#[test]
fn music_goes_on_where_it_was_and_nobody_hears_a_gap() {
    let mut bench = Bench::new();
    bench.command(Command::PlayMusic { leg: A, clip: Some(MUSIC) });
    bench.packets(7);
    bench.command(Command::Announce { leg: A, clips: vec![ONE, OTHER, ONE] });
    bench.packets(9 + 5);
    let expected = [bench.music(0, 7), bench.clip(ONE), bench.clip(OTHER), bench.clip(ONE), bench.music(7, 5)].concat();
    assert_eq!(bench.heard, expected);
    assert_eq!((bench.markers, bench.events.len()), (1, 0), "one spurt, and nobody is told");
}

#[test]
fn an_announcement_is_cut_within_a_packet() {
    let cuts: [(Command, bool); 4] = [
        (Command::Hush { leg: A }, true),
        (Command::Announce { leg: A, clips: vec![] }, true),
        (Command::PlayMusic { leg: A, clip: None }, false),
        (Command::Join { a: A, b: B }, false),
    ];
    for (cut, music_goes_on) in cuts {
        let mut bench = Bench::new();
        bench.command(Command::PlayMusic { leg: A, clip: Some(MUSIC) });
        bench.packets(2);
        bench.command(Command::Announce { leg: A, clips: vec![ONE, OTHER] });
        bench.packets(4);
        bench.command(cut.clone());
        if music_goes_on {
            bench.packets(3);
            assert_eq!(bench.heard[6..], bench.music(2, 3), "{cut:?}");
        } else {
            bench.engine.expire(Time::from_millis(bench.now + 500), &mut bench.out);
            bench.collect();
            assert_eq!((bench.heard.len(), bench.engine.next_deadline()), (6, None), "{cut:?}");
        }
    }
}

#[test]
fn a_second_announcement_replaces_the_first_and_keeps_the_music() {
    let mut bench = Bench::new();
    bench.command(Command::PlayMusic { leg: A, clip: Some(MUSIC) });
    bench.packets(1);
    bench.command(Command::Announce { leg: A, clips: vec![ONE, ONE, ONE] });
    bench.packets(2);
    bench.command(Command::Announce { leg: A, clips: vec![OTHER] });
    bench.packets(3 + 2);
    assert_eq!(bench.heard[3..], [bench.clip(OTHER), bench.music(1, 2)].concat());
}

#[test]
fn without_music_there_is_silence_before_and_after() {
    let mut bench = Bench::new();
    bench.command(Command::Announce { leg: A, clips: vec![OTHER] });
    bench.packets(3);
    bench.engine.expire(Time::from_millis(bench.now + 20), &mut bench.out);
    bench.collect();
    assert_eq!((bench.engine.next_deadline(), bench.heard.len()), (None, 3));
    bench.command(Command::Announce { leg: A, clips: vec![OTHER] });
    bench.packets(3);
    assert_eq!((bench.markers, &bench.heard[3..]), (2, &bench.clip(OTHER)[..]));
}

#[test]
fn what_somebody_waits_for_is_not_talked_over() {
    let mut bench = Bench::new();
    bench.command(Command::PlayOnce { leg: A, clip: ONE });
    bench.command(Command::Announce { leg: A, clips: vec![OTHER] });
    bench.packets(3);
    bench.engine.expire(Time::from_millis(bench.now + 20), &mut bench.out);
    bench.collect();
    assert_eq!(bench.heard, bench.clip(ONE));
    assert_eq!(bench.events, [Event::ClipEnded { leg: A, clip: ONE }]);
}
