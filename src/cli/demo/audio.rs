//! What phones say and hear: every phone speaks in a tone of its own, and listens for the tone of the other end.

use centralino::media::g711::{self, Law};
use rtp_rs::{RtpPacketBuilder, RtpReader, Seq};
use std::f64::consts::TAU;
use std::time::{Duration, Instant};

/// Samples of one packet: 20 ms at 8 kHz.
const PACKET_SAMPLES: u32 = 160;
/// The time between packets.
pub const PACKET: Duration = Duration::from_millis(20);
const RATE: f64 = 8_000.0;
/// Samples that are judged together: 60 ms.
const BLOCK_SAMPLES: usize = 480;
/// A block is a tone when so much of its energy lies at one frequency; G.711 leaves 99 %, music and speech less.
const PURE: f64 = 0.8;
/// So many blocks in a row, and somebody is there: 180 ms, longer than any pure note of the hold music.
const SURE_BLOCKS: u32 = 3;

/// The payload type of a codec (RFC 3551 6).
pub const fn payload_type(codec: Law) -> u8 {
    match codec {
        Law::Mu => 0,
        Law::A => 8,
    }
}

fn codec_of(payload_type: u8) -> Option<Law> {
    [Law::A, Law::Mu].into_iter().find(|&codec| self::payload_type(codec) == payload_type)
}

/// A voice: the packets of a tone without an end.
#[derive(Debug)]
pub struct Voice {
    codec: Law,
    hz: u32,
    packets: u32,
}

impl Voice {
    /// A voice that has said nothing yet.
    pub fn new(codec: Law, hz: u32) -> Voice {
        Voice { codec, hz, packets: 0 }
    }

    /// The next 20 ms.
    pub fn packet(&mut self) -> Vec<u8> {
        let first = self.packets.wrapping_mul(PACKET_SAMPLES);
        let tone: Vec<u8> = (first..first.wrapping_add(PACKET_SAMPLES))
            .map(|n| (6_000.0 * (TAU * f64::from(self.hz) * f64::from(n) / RATE).sin()).round() as i16)
            .map(|sample| g711::encode(self.codec, sample))
            .collect();
        let packet = RtpPacketBuilder::new()
            .payload_type(payload_type(self.codec))
            .ssrc(self.hz)
            .sequence(Seq::from((self.packets & 0xFFFF) as u16))
            .timestamp(first)
            .marked(self.packets == 0)
            .payload(&tone)
            .build();
        self.packets = self.packets.wrapping_add(1);
        packet.unwrap_or_default()
    }
}

/// Twenty milliseconds of sound, received.
#[derive(Debug)]
pub struct Sound {
    /// When.
    pub at: Instant,
    /// Its place in the stream. Time stamps would not do: a packet sent late has a later one and the same sound.
    pub sequence: u16,
    codec: Law,
    bytes: Vec<u8>,
}

impl Sound {
    /// What is in an RTP packet; nothing when it is none of a codec we speak.
    pub fn read(packet: &[u8], at: Instant) -> Option<Sound> {
        let rtp = RtpReader::new(packet).ok()?;
        let codec = codec_of(rtp.payload_type())?;
        Some(Sound { at, sequence: rtp.sequence_number().into(), codec, bytes: rtp.payload().to_vec() })
    }
}

/// Compares what a caller hears first with the welcome as it is stored.
#[derive(Debug)]
pub struct WelcomeEar<'a> {
    /// In the codec of the phone.
    stored: &'a [u8],
    began: Option<(Instant, u16)>,
    ended: Option<Instant>,
    right: usize,
    wrong: usize,
}

impl WelcomeEar<'_> {
    /// Has heard nothing yet.
    pub fn new(stored: &[u8]) -> WelcomeEar<'_> {
        WelcomeEar { stored, began: None, ended: None, right: 0, wrong: 0 }
    }

    /// False when this sound is behind the welcome.
    pub fn hear(&mut self, sound: &Sound) -> bool {
        let (_, first) = *self.began.get_or_insert((sound.at, sound.sequence));
        let offset = usize::from(sound.sequence.wrapping_sub(first)) * PACKET_SAMPLES as usize;
        let rest = self.stored.get(offset..).filter(|rest| !rest.is_empty() && self.ended.is_none());
        let Some(rest) = rest else {
            self.ended.get_or_insert(sound.at);
            return false;
        };
        let same = rest.iter().zip(&sound.bytes).filter(|(stored, heard)| stored == heard).count();
        self.right += same;
        self.wrong += rest.len().min(sound.bytes.len()) - same;
        true
    }

    /// When it began.
    pub fn began(&self) -> Option<Instant> {
        Some(self.began?.0)
    }

    /// When it ended, or will.
    pub fn ends(&self) -> Option<Instant> {
        let ended = self.ended;
        ended.or(Some(self.began()? + Duration::from_secs_f64(self.stored.len() as f64 / RATE)))
    }

    /// Whether every sample came, as it is stored.
    pub fn is_whole(&self) -> bool {
        self.wrong == 0 && self.right == self.stored.len()
    }
}

/// Listens for the voices it knows.
#[derive(Debug)]
pub struct Ear {
    voices: Vec<u32>,
    block: Vec<i16>,
    block_began: Option<Instant>,
    /// Which voice the last blocks were, since when, and how many.
    streak: Option<(usize, Instant, u32)>,
    heard: Option<(usize, Instant)>,
    clear: u32,
    unclear: u32,
}

impl Ear {
    /// An ear for these frequencies.
    pub fn new(voices: Vec<u32>) -> Ear {
        Ear { voices, block: Vec::new(), block_began: None, streak: None, heard: None, clear: 0, unclear: 0 }
    }

    /// Takes in what was received.
    pub fn hear(&mut self, sound: &Sound) {
        self.block_began.get_or_insert(sound.at);
        self.block.extend(sound.bytes.iter().map(|&byte| g711::decode(sound.codec, byte)));
        if self.block.len() >= BLOCK_SAMPLES {
            let began = self.block_began.take().unwrap_or(sound.at);
            self.judge(began);
            self.block.clear();
        }
    }

    /// Whose voice was heard first, and since when.
    pub fn heard(&self) -> Option<(usize, Instant)> {
        self.heard
    }

    /// Whether that voice, and no other, was there for nine tenths of the time since.
    pub fn heard_clearly(&self) -> bool {
        self.heard.is_some() && self.unclear * 9 <= self.clear
    }

    fn judge(&mut self, began: Instant) {
        if let Some((voice, _)) = self.heard {
            match self.voices.get(voice).is_some_and(|&hz| purity(&self.block, hz) > PURE) {
                true => self.clear += 1,
                false => self.unclear += 1,
            }
            return;
        }
        let voice = self.voices.iter().position(|&hz| purity(&self.block, hz) > PURE);
        self.streak = voice.map(|voice| match self.streak {
            Some((before, since, blocks)) if before == voice => (voice, since, blocks + 1),
            _ => (voice, began, 1),
        });
        if let Some((voice, since, blocks)) = self.streak
            && blocks >= SURE_BLOCKS
        {
            self.heard = Some((voice, since));
            self.clear = blocks;
        }
    }
}

/// The share of the energy that lies at this frequency, by Goertzel's recurrence.
fn purity(samples: &[i16], hz: u32) -> f64 {
    let coefficient = 2.0 * (TAU * f64::from(hz) / RATE).cos();
    let (mut one, mut two, mut energy) = (0.0, 0.0, 0.0);
    for &sample in samples {
        let sample = f64::from(sample);
        energy += sample * sample;
        (one, two) = (sample + coefficient * one - two, one);
    }
    let power = one * one + two * two - coefficient * one * two;
    if energy == 0.0 { 0.0 } else { 2.0 * power / (samples.len() as f64 * energy) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::script::Script;
    use centralino::media::embedded;

    fn voices() -> Vec<u32> {
        Script::new(500, 1).agents.iter().map(|agent| agent.hz).collect()
    }

    fn listen(ear: &mut Ear, packets: impl IntoIterator<Item = Vec<u8>>) {
        for packet in packets {
            ear.hear(&Sound::read(&packet, Instant::now()).unwrap());
        }
    }

    #[test]
    fn a_voice_is_known_among_all_others() {
        for codec in [Law::A, Law::Mu] {
            for (place, &hz) in voices().iter().enumerate() {
                let (mut ear, mut voice) = (Ear::new(voices()), Voice::new(codec, hz));
                listen(&mut ear, (0..50).map(|_| voice.packet()));
                assert_eq!(ear.heard().map(|(voice, _)| voice), Some(place), "{hz}");
                assert!(ear.heard_clearly());
            }
        }
    }

    #[test]
    fn a_neighbour_is_not_a_voice() {
        for hz in voices() {
            let (mut ear, mut voice) = (Ear::new(vec![hz]), Voice::new(Law::A, hz + 20));
            listen(&mut ear, (0..50).map(|_| voice.packet()));
            assert_eq!(ear.heard(), None, "{hz}");
        }
    }

    #[test]
    fn a_voice_that_breaks_off_was_not_heard_clearly() {
        let (mut ear, mut right, mut wrong) = (Ear::new(voices()), Voice::new(Law::A, 600), Voice::new(Law::A, 620));
        listen(&mut ear, (0..45).map(|_| right.packet()));
        assert!(ear.heard_clearly());
        listen(&mut ear, (0..15).map(|_| wrong.packet()));
        assert!(ear.heard().is_some() && !ear.heard_clearly());
    }

    /// Neither the hold music nor the welcome is taken for an agent, wherever one begins to listen.
    #[test]
    fn music_is_nobody() {
        for name in ["music", "it/welcome_short"] {
            let clip = embedded::clip(name).unwrap();
            for start in [0, 160, 320] {
                let mut ear = Ear::new(voices());
                for bytes in clip.bytes(centralino::media::Codec::Pcma)[start..].chunks(160) {
                    let at = Instant::now();
                    ear.hear(&Sound { at, sequence: 0, codec: Law::A, bytes: bytes.to_vec() });
                    assert_eq!(ear.heard(), None, "{name}");
                }
            }
        }
    }

    #[test]
    fn a_welcome_is_whole_or_not() {
        let stored: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        let sound = |number: u16, bytes: &[u8]| Sound {
            at: Instant::now(),
            sequence: (u16::MAX - 2).wrapping_add(number),
            codec: Law::A,
            bytes: bytes.to_vec(),
        };
        let mut ear = WelcomeEar::new(&stored);
        for (number, bytes) in (0..).zip(stored.chunks(160)) {
            // The last packet is filled up with silence.
            let filled = [bytes, &[0xD5; 120]].concat();
            assert!(!ear.is_whole() && ear.hear(&sound(number, &filled[..160])));
        }
        assert!(ear.is_whole() && !ear.hear(&sound(7, &[0xD5; 160])));
        let mut other = WelcomeEar::new(&stored);
        other.hear(&sound(0, &[0, 1, 1]));
        assert_eq!((other.right, other.wrong, other.is_whole()), (2, 1, false));
    }
}
