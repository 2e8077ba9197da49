//! Opus through the media engine, in virtual time: converted and passed through, its clips, its keys, its network.
//!
//! The phones here encode and decode with the crate that the engine uses; libopus is met in `interop_codecs`.

use crate::fuzz::inputs;
use centralino::facts::{Fact, Turned};
use centralino::ids::{ClipId, LegId};
use centralino::media::g711::{self, Law};
use centralino::media::{Clip, Codec, Command, Event, MediaEngine, Output, Settings, Stream, convert, embedded};
use centralino::time::Time;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ropus::{Application, Bitrate, Channels, DecodeMode, InbandFec};
use rtp_rs::{RtpPacketBuilder, RtpReader};
use std::net::SocketAddr;

const A: LegId = LegId(1);
const B: LegId = LegId(2);
const HZ: f64 = 1_000.0;

struct Bench {
    engine: MediaEngine,
    now: u64,
    out: Output,
    facts: Vec<Fact>,
    events: Vec<Event>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    at: u64,
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    payload: Vec<u8>,
}

fn address(leg: LegId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, leg.0 as u8], 4_000))
}

fn stream(leg: LegId, codec: Codec) -> Stream {
    Stream { telephone_event: Some(100 + leg.0 as u8), ..Stream::plain(address(leg), codec) }
}

impl Bench {
    fn new(legs: &[(LegId, Stream)], clips: Vec<Clip>) -> Bench {
        let settings = Settings { report_every: None, ..Settings::default() };
        let engine = MediaEngine::new(settings, clips, [5; 32]);
        let mut bench = Bench { engine, now: 1_000, out: Output::default(), facts: Vec::new(), events: Vec::new() };
        for (leg, stream) in legs {
            bench.does(Command::Open { leg: *leg, port: 4_000 });
            bench.does(Command::Direct { leg: *leg, stream: stream.clone() });
        }
        bench
    }

    fn joined(a: Stream, b: Stream) -> Bench {
        let mut bench = Bench::new(&[(A, a), (B, b)], Vec::new());
        bench.does(Command::Join { a: A, b: B });
        bench
    }

    fn between(from: Codec, to: Codec) -> Bench {
        Bench::joined(stream(A, from), stream(B, to))
    }

    fn does(&mut self, command: Command) {
        self.engine.command(command, Time::from_millis(self.now), &mut self.out);
        self.taken();
    }

    fn hears(&mut self, leg: LegId, packet: &[u8]) -> Vec<Sent> {
        self.engine.packet(leg, address(leg), packet, Time::from_millis(self.now), &mut self.out);
        self.taken()
    }

    /// Runs for so many milliseconds; what a leg was sent.
    fn runs(&mut self, millis: u64) -> Vec<Sent> {
        let (until, mut sent) = (self.now + millis, Vec::new());
        while let Some(next) = self.engine.next_deadline().filter(|next| *next <= Time::from_millis(until)) {
            self.now = next.as_nanos() / 1_000_000;
            self.engine.expire(next, &mut self.out);
            sent.extend(self.taken());
        }
        self.now = until;
        sent
    }

    fn taken(&mut self) -> Vec<Sent> {
        let read = |bytes: &[u8]| {
            let rtp = RtpReader::new(bytes).unwrap();
            let (marker, payload_type, timestamp) = (rtp.mark(), rtp.payload_type(), rtp.timestamp());
            let sequence = rtp.sequence_number().into();
            Sent { at: self.now, marker, payload_type, sequence, timestamp, payload: rtp.payload().to_vec() }
        };
        let sent = self.out.packets.iter().map(|(_, _, bytes)| read(bytes)).collect();
        self.facts.extend(self.out.facts.drain(..).map(|record| record.fact));
        self.events.extend(self.out.events.drain(..).map(|(_, event)| event));
        self.out.clear();
        sent
    }
}

fn rtp(codec: Codec, ssrc: u32, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    packet(codec.payload_type(), ssrc, sequence, timestamp, payload)
}

fn packet(payload_type: u8, ssrc: u32, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let builder = RtpPacketBuilder::new().payload_type(payload_type).sequence(sequence.into()).ssrc(ssrc);
    builder.timestamp(timestamp).payload(payload).build().unwrap()
}

fn tone(hz: f64, rate: f64, seconds: f64) -> Vec<i16> {
    let wave = |n: usize| (std::f64::consts::TAU * hz * n as f64 / rate).sin();
    (0..(rate * seconds) as usize).map(|n| (10_000.0 * wave(n)) as i16).collect()
}

/// Level in dB of a frequency in 8 kHz samples.
fn level(samples: &[i16], hz: f64) -> f64 {
    let turn = 2.0 * (std::f64::consts::TAU * hz / 8_000.0).cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for &sample in samples {
        (s1, s2) = (f64::from(sample) + turn * s1 - s2, s1);
    }
    let power = s1 * s1 + s2 * s2 - turn * s1 * s2;
    10.0 * (power * 4.0 / (samples.len() as f64).powi(2) / 32_768.0_f64.powi(2)).log10()
}

/// A phone's encoder.
fn phone(rate: u32, bits: u32) -> ropus::Encoder {
    let phone = ropus::Encoder::builder(rate, Channels::Mono, Application::Voip);
    phone.bitrate(Bitrate::try_bits(bits).unwrap()).complexity(3).build().unwrap()
}

/// A sound of 8 kHz as a phone's packets of so many milliseconds.
fn said(codec: Codec, samples: &[i16], millis: usize) -> Vec<Vec<u8>> {
    let whole: Vec<u8> = match codec {
        Codec::Pcma => samples.iter().map(|&sample| g711::encode(Law::A, sample)).collect(),
        Codec::Pcmu => samples.iter().map(|&sample| g711::encode(Law::Mu, sample)).collect(),
        Codec::G722 => convert::to_g722(samples),
        Codec::Opus => {
            // Half as much in a packet needs half as much again for the same sound.
            let mut phone = phone(8_000, if millis == 10 { 36_000 } else { 24_000 });
            let mut room = [0; 1_500];
            let packets = samples.chunks_exact(millis * 8).map(|samples| {
                let length = phone.encode(samples, &mut room).unwrap();
                room[..length].to_vec()
            });
            return packets.collect();
        }
    };
    whole.chunks_exact(millis * 8).map(<[u8]>::to_vec).collect()
}

/// As a phone hears packets: of G.722 every second sample of 16 kHz, Opus at 8 kHz.
fn heard(codec: Codec, packets: &[Sent]) -> Vec<i16> {
    let payloads = packets.iter().map(|sent| &sent.payload[..]);
    match codec {
        Codec::Pcma => payloads.flatten().map(|&byte| g711::decode(Law::A, byte)).collect(),
        Codec::Pcmu => payloads.flatten().map(|&byte| g711::decode(Law::Mu, byte)).collect(),
        Codec::G722 => {
            let bytes: Vec<u8> = payloads.flatten().copied().collect();
            audio_codec::g722::G722Decoder::new().decode_frame(&bytes).into_iter().step_by(2).collect()
        }
        Codec::Opus => {
            let mut phone = ropus::Decoder::new(8_000, Channels::Mono).unwrap();
            let mut room = [0; 960];
            let decoded = payloads.map(|payload| {
                let length = phone.decode(payload, &mut room, DecodeMode::Normal).unwrap();
                room[..length].to_vec()
            });
            decoded.collect::<Vec<_>>().concat()
        }
    }
}

/// Everything but G.711 against G.711 is a voice's codec, not a wire: with tones over 300 Hz, 24 kbit/s of Opus at the
/// lowest complexity kept within 1.0 dB (0.7 at 1 kHz), G.722's lower band alone within 1.2.
const TOLERANCE_DB: f64 = 1.5;

#[test]
fn a_tone_keeps_its_frequency_and_level_between_opus_and_every_codec() {
    let lengths = [(Codec::Opus, vec![10, 20, 40, 60]), (Codec::Pcma, vec![10, 20, 30, 60]), (Codec::Pcmu, vec![20])];
    let mut pairs: Vec<(Codec, Codec, usize)> = Vec::new();
    for (from, lengths) in lengths.into_iter().chain([(Codec::G722, vec![20, 30])]) {
        let others = Codec::ALL.into_iter().filter(|to| (from == Codec::Opus) != (*to == Codec::Opus));
        pairs.extend(others.flat_map(|to| lengths.iter().map(move |millis| (from, to, *millis))));
    }
    for hz in [440.0, HZ, 2_500.0] {
        let sound = tone(hz, 8_000.0, 1.2);
        let before = level(&sound[1_600..8_000], hz);
        for &(from, to, millis) in &pairs {
            let mut bench = Bench::between(from, to);
            let mut sent = Vec::new();
            let step = from.clock() / 1_000 * millis as u32;
            for (number, payload) in (0_u16..).zip(said(from, &sound, millis)) {
                let packet = rtp(from, 7, number, u32::from(number).wrapping_mul(step), &payload);
                sent.extend(bench.hears(A, &packet));
                bench.now += millis as u64;
            }
            let who = format!("{from:?} of {millis} ms to {to:?}, {hz} Hz");
            assert!(sent.len() >= 1_200 / 20 - 3, "{who}: {}", sent.len());
            for pair in sent.windows(2) {
                assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "{who}");
                assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(to.clock() / 50), "{who}");
            }
            assert!(sent.iter().all(|sent| sent.payload_type == to.payload_type()), "{who}");
            let samples = heard(to, &sent);
            let after = level(&samples[1_600..8_000], hz);
            assert!((after - before).abs() < TOLERANCE_DB, "{who}: {before} {after}");
            for other in [220.0, 700.0, 1_700.0, 3_100.0] {
                assert!(level(&samples[1_600..8_000], other) < after - 20.0, "{who}: {other}");
            }
        }
    }
}

#[test]
fn between_two_legs_of_opus_nothing_is_touched_but_the_numbers() {
    let other = Stream { payload_type: 96, ..stream(B, Codec::Opus) };
    let mut bench = Bench::joined(stream(A, Codec::Opus), other);
    // Packets of several lengths, stereo too, and a pause that has no packets: nothing of it is ours to judge.
    let rows: [(u16, u32, &[u8]); 5] = [
        (1, 0, &[0x08, 1, 2, 3]),
        (2, 960, &[0x1C, 9, 9]),
        (3, 3_840, &[0x08]),
        (4, 23_040, &[0xFC, 4, 5]),
        (5, 24_000, &[0xF9, 4, 5]),
    ];
    let mut first = None;
    for (sequence, timestamp, payload) in rows {
        let sent = bench.hears(A, &rtp(Codec::Opus, 7, sequence, timestamp, payload)).remove(0);
        let first = first.get_or_insert_with(|| sent.clone());
        assert_eq!((sent.payload_type, &sent.payload[..]), (96, payload));
        assert_eq!(sent.timestamp.wrapping_sub(first.timestamp), timestamp);
        assert_eq!(sent.sequence.wrapping_sub(first.sequence), sequence - 1);
        bench.now += 20;
    }
    bench.does(Command::Measure { leg: B, call: centralino::ids::CallId(1), party: centralino::facts::Party::Agent });
    let converted = bench.facts.iter().find_map(|fact| match fact {
        Fact::LegMeasured { quality, .. } => Some((quality.sent, quality.converted)),
        _ => None,
    });
    assert_eq!(converted, Some((5, 0)));
    // What says it is Opus and is none is not passed on.
    assert_eq!(bench.hears(A, &rtp(Codec::Opus, 7, 6, 24_960, &[0x0B, 0])), []);
    assert_eq!(bench.facts.last(), Some(&Fact::Turned(Turned::RtpGarbage)));
}

#[test]
fn a_clip_goes_over_into_a_voice_on_one_clock_and_is_encoded_once() {
    let clips = vec![Clip::from_samples(tone(HZ, 8_000.0, 0.5)).unwrap(), embedded::clip("music").unwrap()];
    let mut bench = Bench::new(&[(A, stream(A, Codec::Opus)), (B, stream(B, Codec::Opus))], clips);
    bench.does(Command::PlayOnce { leg: A, clip: ClipId(0) });
    let played = bench.runs(600);
    assert_eq!(played.len(), 25);
    assert!(played[0].marker && played[1..].iter().all(|sent| !sent.marker));
    for pair in played.windows(2) {
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(960));
    }
    let samples = heard(Codec::Opus, &played);
    let before = level(&tone(HZ, 8_000.0, 0.4), HZ);
    assert!((level(&samples[800..3_600], HZ) - before).abs() < TOLERANCE_DB);
    assert!(bench.events.contains(&Event::ClipEnded { leg: A, clip: ClipId(0) }));
    bench.does(Command::PlayOnce { leg: B, clip: ClipId(0) });
    let again: Vec<Vec<u8>> = bench.runs(600).into_iter().map(|sent| sent.payload).collect();
    assert_eq!(again, played.iter().map(|sent| sent.payload.clone()).collect::<Vec<_>>());
    // Music, for longer than it is, on the same clock.
    bench.does(Command::PlayMusic { leg: A, clip: Some(ClipId(1)) });
    let music = bench.runs(21_000);
    assert!(music.len() >= 1_049);
    let heard_music = heard(Codec::Opus, &music);
    assert_eq!(music[1_000..1_040].iter().map(|sent| &sent.payload).collect::<Vec<_>>(), {
        let length = embedded::clip("music").unwrap().samples().len() / 160;
        music[1_000 - length..1_040 - length].iter().map(|sent| &sent.payload).collect::<Vec<_>>()
    });
    assert!(heard_music.iter().filter(|sample| sample.unsigned_abs() > 500).count() > heard_music.len() / 2);
    let last = music.last().unwrap();
    bench.does(Command::Join { a: A, b: B });
    bench.now += 100;
    let voice = bench.hears(B, &rtp(Codec::Opus, 9, 500, 77, &[0x08, 1, 2])).remove(0);
    assert!(voice.marker);
    let millis = (bench.now - last.at) as u32;
    assert!(voice.timestamp.wrapping_sub(last.timestamp).abs_diff(millis * 48) <= 480, "the clock went on");
}

#[test]
fn a_clock_that_changes_within_a_call_goes_on() {
    let clips = vec![embedded::clip("music").unwrap()];
    let mut bench = Bench::new(&[(A, stream(A, Codec::Pcma))], clips);
    bench.does(Command::PlayMusic { leg: A, clip: Some(ClipId(0)) });
    let before = bench.runs(1_000).pop().unwrap();
    bench.does(Command::Direct { leg: A, stream: stream(A, Codec::Opus) });
    let after = bench.runs(1_000);
    assert_eq!(after[0].timestamp, before.timestamp.wrapping_add(960));
    assert_eq!(after[0].sequence, before.sequence.wrapping_add(1));
    assert!(after.windows(2).all(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) == 960));
    assert!(heard(Codec::Opus, &after).iter().any(|sample| sample.unsigned_abs() > 1_000), "something is played");
    bench.does(Command::Direct { leg: A, stream: stream(A, Codec::Pcma) });
    let back = bench.runs(100);
    assert_eq!(back[0].timestamp, after.last().unwrap().timestamp.wrapping_add(160));
}

/// Packets of a tone behind a network, as (moment, source, sequence, time stamp, payload).
type Arriving = (u64, u32, u16, u32, Vec<u8>);

fn behind_a_network(random: &mut ChaCha8Rng, seconds: f64, lost_percent: u32, jitter_ms: u32) -> Vec<Arriving> {
    // Each packet remembers the one before it.
    let phone = ropus::Encoder::builder(16_000, Channels::Mono, Application::Voip);
    let phone = phone.bitrate(Bitrate::try_bits(32_000).unwrap()).complexity(3);
    let mut phone = phone.inband_fec(InbandFec::Enabled).packet_loss_perc(20).build().unwrap();
    let mut room = [0; 1_500];
    let sound = tone(HZ, 16_000.0, seconds);
    let packets = sound.chunks_exact(320).map(|samples| {
        let length = phone.encode(samples, &mut room).unwrap();
        room[..length].to_vec()
    });
    let mut arriving = Vec::new();
    for (number, payload) in (0_u16..).zip(packets) {
        // Every ten seconds the phone begins a new stream with numbers of its own.
        let source = u32::from(number) / 500;
        let sequence = number.wrapping_add((source * 9_999) as u16);
        let timestamp = (u32::from(number) * 960).wrapping_add(source * 1_000_001);
        if random.next_u32() % 100 >= lost_percent {
            let late = random.next_u32() % (jitter_ms + 1);
            arriving.push((
                1_000 + u64::from(number) * 20 + u64::from(late),
                70 + source,
                sequence,
                timestamp,
                payload,
            ));
        }
    }
    arriving.sort();
    arriving
}

#[test]
fn loss_jitter_reordering_and_new_sources_cost_converted_opus_little() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    // Of all tenths of a second with five packets each 77 % lose none when 5 % are lost.
    for (lost, jitter, least) in [(0, 0, 0.97), (0, 60, 0.94), (5, 60, 0.77)] {
        let mut bench = Bench::between(Codec::Opus, Codec::Pcma);
        let mut sent = Vec::new();
        for (at, source, sequence, timestamp, payload) in behind_a_network(&mut random, 40.0, lost, jitter) {
            bench.now = at;
            let packets = bench.hears(A, &rtp(Codec::Opus, source, sequence, timestamp, &payload));
            assert!(packets.len() <= 12, "what waited for a gap, and no more");
            sent.extend(packets);
        }
        assert!(sent.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
        let steps = |pair: &[Sent]| pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(sent.windows(2).all(|pair| steps(pair).is_multiple_of(160) && steps(pair) <= 1_600));
        let missing = (2_000 - sent.len() as i64).abs();
        assert!(missing <= 40, "{lost} % lost, {jitter} ms of jitter: {} packets", sent.len());
        let samples = heard(Codec::Pcma, &sent);
        let good = samples.chunks_exact(800).filter(|part| (level(part, HZ) - -10.3).abs() < 3.0).count();
        let share = good as f64 / (samples.len() / 800) as f64;
        assert!(share > least, "{lost} % lost, {jitter} ms of jitter: the tone has a share of {share:.3}");
    }
}

#[test]
fn what_is_not_said_is_not_lost() {
    let mut bench = Bench::between(Codec::Opus, Codec::Pcma);
    let packets = said(Codec::Opus, &tone(HZ, 8_000.0, 0.2), 20);
    let mut all = Vec::new();
    let mut sequence = 0_u16;
    for spurt in 0..5_u32 {
        for (number, payload) in (0..).zip(&packets) {
            // A pause of 100 ms between spurts: the sequence goes on, the clock has moved.
            let timestamp = spurt * (10 * 960 + 4_800) + number * 960;
            all.push(bench.hears(A, &rtp(Codec::Opus, 7, sequence, timestamp, payload)));
            sequence += 1;
            bench.now += 20;
        }
        bench.now += 100;
    }
    assert!(all.iter().all(|sent| sent.len() == 1), "nothing is made up for a pause");
    let sent: Vec<Sent> = all.concat();
    assert_eq!(sent.iter().filter(|sent| sent.marker).count(), 5, "each spurt has its beginning");
    let whole = sent.last().unwrap().timestamp.wrapping_sub(sent[0].timestamp);
    assert_eq!(whole, (5 * 10 - 1) * 160 + 4 * 800, "and the clock has moved on by each pause");
}

#[test]
fn keys_have_the_clock_of_each_side() {
    let mut bench = Bench::between(Codec::Pcma, Codec::Opus);
    let sound = said(Codec::Pcma, &tone(HZ, 8_000.0, 0.2), 20);
    for (number, payload) in (0_u16..).zip(&sound) {
        bench.hears(A, &rtp(Codec::Pcma, 7, number, u32::from(number) * 160, payload));
        bench.now += 20;
    }
    let key = |sequence, duration: u16, flags| {
        let [high, low] = duration.to_be_bytes();
        packet(101, 7, sequence, 1_600, &[5, flags, high, low])
    };
    let first = bench.hears(A, &key(10, 160, 10)).remove(0);
    let last = bench.hears(A, &key(14, 800, 138)).remove(0);
    assert_eq!((first.payload_type, &first.payload[..]), (102, &[5, 10, 3, 192][..]));
    assert_eq!((last.timestamp, &last.payload[..]), (first.timestamp, &[5, 138, 18, 192][..]));
    assert_eq!(
        bench.events.last(),
        Some(&Event::KeyPressed { leg: A, key: centralino::ids::Key::of_sign('5').unwrap() })
    );
    // The other way: 48 ticks become 8, and a phone that counts at 8000 all the same is not multiplied.
    for (events_at, duration) in [(48_000, 4_800), (8_000, 800)] {
        let stream_of_a = Stream { events_at, ..stream(A, Codec::Opus) };
        let mut bench = Bench::joined(stream_of_a, stream(B, Codec::Pcma));
        let [high, low] = u16::to_be_bytes(duration);
        let sent = bench.hears(A, &packet(101, 7, 1, 960, &[7, 138, high, low])).remove(0);
        assert_eq!((sent.payload_type, &sent.payload[..]), (102, &[7, 138, 3, 32][..]), "{events_at}");
    }
}

#[test]
fn keys_told_outside_the_sound_are_pressed_on_the_clock_of_opus() {
    let without = Stream { telephone_event: None, ..stream(A, Codec::Pcma) };
    let mut bench = Bench::joined(without, stream(B, Codec::Opus));
    bench.does(Command::PassKey { leg: A, key: centralino::ids::Key::of_sign('#').unwrap() });
    let sent = bench.runs(300);
    let durations: Vec<u16> = sent.iter().map(|sent| u16::from_be_bytes([sent.payload[2], sent.payload[3]])).collect();
    assert_eq!(durations, [960, 1_920, 2_880, 3_840, 4_800, 4_800, 4_800, 4_800]);
}

#[test]
fn keys_are_heard_in_the_sound_of_opus_where_that_is_asked_for() {
    let settings = Settings { inband_keys: true, report_every: None, ..Settings::default() };
    let mut bench = Bench::new(&[], Vec::new());
    bench.engine = MediaEngine::new(settings, Vec::<Clip>::new(), [5; 32]);
    bench.does(Command::Open { leg: A, port: 4_000 });
    bench.does(Command::Direct { leg: A, stream: Stream { telephone_event: None, ..stream(A, Codec::Opus) } });
    let wave = |hz: f64, n: usize| 6_000.0 * (std::f64::consts::TAU * hz * n as f64 / 16_000.0).sin();
    let mut phone = phone(16_000, 32_000);
    let mut room = [0; 1_500];
    for number in 0..40_u16 {
        let begin = usize::from(number) * 320;
        let is_pressed = (10..20).contains(&number);
        let sound = |n: usize| if is_pressed { (wave(852.0, n) + wave(1_336.0, n)) as i16 } else { 0 };
        let samples: Vec<i16> = (begin..begin + 320).map(sound).collect();
        let length = phone.encode(&samples, &mut room).unwrap();
        bench.hears(A, &rtp(Codec::Opus, 7, number, u32::from(number) * 960, &room[..length]));
        bench.now += 20;
    }
    assert_eq!(bench.events, [Event::KeyPressed { leg: A, key: centralino::ids::Key::of_sign('8').unwrap() }]);
}

/// Three in a conversation: who speaks Opus hears the other two, and is heard.
#[test]
fn opus_is_mixed_too() {
    let third = LegId(3);
    let legs = [(A, Codec::Opus), (B, Codec::Pcma), (third, Codec::Opus)];
    let mut bench = Bench::new(&legs.map(|(leg, codec)| (leg, stream(leg, codec))), Vec::new());
    bench.does(Command::Confer { parties: legs.map(|(leg, _)| vec![leg]).into() });
    let tones = [500.0, 1_100.0, 1_900.0];
    let said: Vec<_> =
        legs.iter().zip(tones).map(|((_, codec), hz)| said(*codec, &tone(hz, 8_000.0, 2.0), 20)).collect();
    let mut heard_by: [Vec<Sent>; 3] = Default::default();
    for number in 0..100_u16 {
        for ((leg, codec), said) in legs.iter().zip(&said) {
            let timestamp = u32::from(number) * codec.clock() / 50;
            let packet = rtp(*codec, 7, number, timestamp, &said[usize::from(number)]);
            assert_eq!(bench.hears(*leg, &packet), []);
        }
        // In the order of the legs; all payload types but G.711's are the same.
        for (at, sent) in bench.runs(20).into_iter().enumerate() {
            heard_by[at % 3].push(sent);
        }
    }
    for (at, (_, codec)) in legs.iter().enumerate() {
        let sent = &heard_by[at];
        assert!(
            sent.len() >= 98 && sent.iter().all(|sent| sent.payload_type == codec.payload_type()),
            "{}",
            sent.len()
        );
        assert!(sent.windows(2).all(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) == codec.clock() / 50));
        let samples = heard(*codec, sent);
        for (other, hz) in tones.iter().enumerate() {
            let found = level(&samples[4_000..12_000], *hz);
            assert_eq!(found > -15.0, other != at, "{hz} Hz at {at}: {found}");
        }
    }
}

/// 2,000 of them; the whole number with `CENTRALINO_FUZZ`. The decoder itself had 1.5 million under the address sanitizer.
#[test]
fn whatever_arrives_as_opus_no_more_comes_out_than_was_promised() {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let good: Vec<Vec<u8>> = [(8_000, 24_000), (16_000, 32_000), (48_000, 64_000)]
        .into_iter()
        .flat_map(|(rate, bits)| {
            let mut phone = phone(rate, bits);
            let sound = tone(700.0, f64::from(rate), 0.2);
            let mut room = [0; 1_500];
            let encode = move |samples: &[i16]| {
                let length = phone.encode(samples, &mut room).unwrap();
                room[..length].to_vec()
            };
            sound.chunks_exact(rate as usize / 50).map(encode).collect::<Vec<_>>()
        })
        .collect();
    let mut benches: Vec<Bench> = Codec::ALL.map(|to| Bench::between(Codec::Opus, to)).into();
    let mut below = move |n: usize| random.next_u32() as usize % n.max(1);
    for number in 0..inputs(2_000) {
        let mut payload = good[below(good.len())].clone();
        match below(4) {
            0 => payload = (0..below(1_300)).map(|_| below(256) as u8).collect(),
            1 => payload.truncate(below(payload.len())),
            2 => payload[0] = below(256) as u8,
            _ => (0..1 + below(6)).for_each(|_| {
                let at = below(payload.len());
                payload[at] = below(256) as u8;
            }),
        }
        let (sequence, timestamp) = (number as u16 ^ below(8) as u16, number * 960 + 120 * below(40) as u32);
        for bench in &mut benches {
            bench.now += 20;
            let sent = bench.hears(A, &rtp(Codec::Opus, 7, sequence, timestamp, &payload));
            assert!(sent.len() <= 40, "{} packets of one", sent.len());
        }
    }
}
