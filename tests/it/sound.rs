//! Sound as the tests need it: G.711 written from the ITU's description and not shared with the daemon, tones, RTP
//! in both directions, and how much of a tone is in a recording.

use std::f64::consts::TAU;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Samples a second everywhere in here.
pub const RATE: u32 = 8000;

/// The two laws of ITU-T G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// u-law, payload type 0.
    Mu,
    /// A-law, payload type 8.
    A,
}

impl Law {
    /// The static RTP payload type (RFC 3551 table 4).
    pub fn payload_type(self) -> u8 {
        match self {
            Law::Mu => 0,
            Law::A => 8,
        }
    }

    /// The name in SDP.
    pub fn name(self) -> &'static str {
        match self {
            Law::Mu => "PCMU",
            Law::A => "PCMA",
        }
    }

    /// A 16-bit sample as a code.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Law::Mu => encode_mu(sample),
            Law::A => encode_a(sample),
        }
    }

    /// A code as the 16-bit sample in the middle of its interval.
    pub fn decode(self, code: u8) -> i16 {
        match self {
            Law::Mu => {
                let code = !code;
                let magnitude = ((i32::from(code & 0x0f) * 2 + 33) << (code >> 4 & 7)) - 33;
                (4 * if code & 0x80 != 0 { -magnitude } else { magnitude }) as i16
            }
            Law::A => {
                let code = code ^ 0x55;
                let step = i32::from(code & 0x0f) * 2 + 1;
                let magnitude = match code >> 4 & 7 {
                    0 => step,
                    chord => (step + 32) << (chord - 1),
                };
                (8 * if code & 0x80 != 0 { magnitude } else { -magnitude }) as i16
            }
        }
    }
}

/// 14 bits, biased by 33: the chord is the place of the highest bit, the step the four bits after it.
fn encode_mu(sample: i16) -> u8 {
    let (sign, wide) = if sample < 0 { (0x80, !i32::from(sample)) } else { (0, i32::from(sample)) };
    let biased = ((wide >> 2) + 33).min(0x1fff);
    let chord = 31 - (biased as u32).leading_zeros() - 5;
    let step = biased >> (chord + 1) & 0x0f;
    !(sign | (chord as u8) << 4 | step as u8)
}

/// 13 bits: the first two chords are one straight piece.
fn encode_a(sample: i16) -> u8 {
    let (sign, wide) = if sample < 0 { (0, !i32::from(sample)) } else { (0x80, i32::from(sample)) };
    let magnitude = wide >> 3;
    let code = if magnitude < 32 {
        magnitude >> 1
    } else {
        let chord = 31 - (magnitude as u32).leading_zeros() as i32 - 4;
        chord << 4 | (magnitude >> chord & 0x0f)
    };
    (sign | code as u8) ^ 0x55
}

/// The share (0 to 1) of a recording's energy that lies at one frequency (Goertzel).
pub fn share_of_tone(samples: &[i16], frequency: f64) -> f64 {
    let turn = 2.0 * (TAU * frequency / f64::from(RATE)).cos();
    let (mut before, mut last, mut energy) = (0.0, 0.0, 0.0);
    for &sample in samples {
        let sample = f64::from(sample);
        energy += sample * sample;
        (before, last) = (last, sample + turn * last - before);
    }
    let power = before * before + last * last - turn * before * last;
    if energy == 0.0 { 0.0 } else { power / energy / (samples.len() as f64 / 2.0) }
}

/// The largest share of a tone in any half second of a recording.
pub fn best_share_of_tone(samples: &[i16], frequency: f64) -> f64 {
    let window = RATE as usize / 2;
    (0..samples.len().saturating_sub(window))
        .step_by(window / 4)
        .map(|start| share_of_tone(&samples[start..start + window], frequency))
        .fold(0.0, f64::max)
}

/// A sine at half of full scale.
pub fn tone(frequency: f64, seconds: f64) -> Vec<i16> {
    let count = (seconds * f64::from(RATE)) as u32;
    (0..count).map(|n| (16_000.0 * (TAU * frequency * f64::from(n) / f64::from(RATE)).sin()) as i16).collect()
}

/// A received RTP packet, its fixed header taken apart (RFC 3550 section 5.1).
#[derive(Clone, Debug)]
pub struct Packet {
    pub at: Instant,
    pub source: SocketAddr,
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: Vec<u8>,
}

impl Packet {
    fn read(bytes: &[u8], source: SocketAddr) -> Option<Packet> {
        let at = Instant::now();
        let (&[version, kind, s1, s2, t1, t2, t3, t4, r1, r2, r3, r4], payload) = bytes.split_first_chunk::<12>()?;
        (version == 0x80).then(|| Packet {
            at,
            source,
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7f,
            sequence: u16::from_be_bytes([s1, s2]),
            timestamp: u32::from_be_bytes([t1, t2, t3, t4]),
            ssrc: u32::from_be_bytes([r1, r2, r3, r4]),
            payload: payload.to_vec(),
        })
    }
}

/// A phone's ear and mouth: an RTP socket that collects what arrives and, once told where to, sends a tone.
pub struct Headset {
    socket: UdpSocket,
    stop: Arc<AtomicBool>,
    ear: Option<JoinHandle<Vec<Packet>>>,
    mouth: Option<JoinHandle<()>>,
}

impl Headset {
    /// Bound to a free port, listening from now on.
    pub fn new(address: IpAddr) -> Headset {
        let socket = UdpSocket::bind((address, 0)).expect("a port for RTP");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a read timeout");
        let stop = Arc::new(AtomicBool::new(false));
        let ear = {
            let (socket, stop) = (socket.try_clone().expect("a second handle"), stop.clone());
            std::thread::spawn(move || listen(&socket, &stop))
        };
        Headset { socket, stop, ear: Some(ear), mouth: None }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().expect("a bound socket").port()
    }

    /// Sends a tone in packets of 20 ms until `hang_up`.
    pub fn hum(&mut self, to: SocketAddr, law: Law, frequency: f64) {
        let (socket, stop) = (self.socket.try_clone().expect("a second handle"), self.stop.clone());
        self.mouth = Some(std::thread::spawn(move || {
            let codes: Vec<u8> = tone(frequency, 60.0).into_iter().map(|sample| law.encode(sample)).collect();
            let began = Instant::now();
            for (n, payload) in (0u32..).zip(codes.chunks(160)) {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let marker = if n == 0 { 0x80 } else { 0 };
                let mut packet = vec![0x80, marker | law.payload_type()];
                packet.extend((n as u16).to_be_bytes());
                packet.extend((n * 160).to_be_bytes());
                packet.extend(0x7e57_7e57_u32.to_be_bytes());
                packet.extend(payload);
                let _ = socket.send_to(&packet, to);
                std::thread::sleep((began + Duration::from_millis(20) * (n + 1)).duration_since(Instant::now()));
            }
        }));
    }

    /// Presses a key, as RFC 4733 has it: three packets while it is held and three of its end, some of them twice.
    pub fn press(&self, to: SocketAddr, payload_type: u8, code: u8) {
        for (n, duration) in [(0u16, 160u16), (1, 320), (1, 320), (2, 480), (3, 480), (4, 480), (4, 480)] {
            let (marker, end) = (if n == 0 { 0x80 } else { 0 }, if n > 1 { 0x80 } else { 0 });
            let mut packet = vec![0x80, marker | payload_type];
            packet.extend((30_000 + n).to_be_bytes());
            packet.extend(4_800_000_u32.to_be_bytes());
            packet.extend(0x7e57_7e57_u32.to_be_bytes());
            packet.extend([code, end | 10]);
            packet.extend(duration.to_be_bytes());
            self.socket.send_to(&packet, to).expect("a sent datagram");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a sound once, in packets of 20 ms, and waits until it is said.
    pub fn say(&self, to: SocketAddr, law: Law, sound: &[i16]) {
        let began = Instant::now();
        for (n, samples) in (0u32..).zip(sound.chunks(160)) {
            let mut packet = vec![0x80, law.payload_type()];
            packet.extend((n as u16).to_be_bytes());
            packet.extend((n * 160).to_be_bytes());
            packet.extend(0x7e57_7e58_u32.to_be_bytes());
            packet.extend(samples.iter().map(|&sample| law.encode(sample)));
            self.socket.send_to(&packet, to).expect("a sent datagram");
            std::thread::sleep((began + Duration::from_millis(20) * (n + 1)).duration_since(Instant::now()));
        }
    }

    /// Stops both directions; what was heard, in order of arrival.
    pub fn hang_up(mut self) -> Vec<Packet> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(mouth) = self.mouth.take() {
            mouth.join().expect("the sending side");
        }
        self.ear.take().expect("one ear").join().expect("the listening side")
    }
}

impl Drop for Headset {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn listen(socket: &UdpSocket, stop: &AtomicBool) -> Vec<Packet> {
    let (mut heard, mut buffer) = (Vec::new(), [0; 2048]);
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, source)) = socket.recv_from(&mut buffer) {
            heard.extend(Packet::read(&buffer[..length], source));
        }
    }
    heard
}

/// The sound of packets of one law, in order of arrival.
pub fn decode(packets: &[Packet], law: Law) -> Vec<i16> {
    packets
        .iter()
        .filter(|packet| packet.payload_type == law.payload_type())
        .flat_map(|packet| packet.payload.iter().map(|&code| law.decode(code)))
        .collect()
}

#[test]
fn every_code_survives_decoding_and_encoding() {
    for law in [Law::Mu, Law::A] {
        for code in 0..=255 {
            // Two u-law codes mean zero; the negative one is read as the positive one.
            let again = law.encode(law.decode(code));
            assert!(again == code || (law == Law::Mu && code == 0x7f && again == 0xff), "{law:?} {code:#x} {again:#x}");
        }
    }
}

#[test]
fn known_codes_of_the_standard() {
    assert_eq!([0, 32_767, -32_768].map(|sample| Law::Mu.encode(sample)), [0xff, 0x80, 0x00]);
    assert_eq!([0, 32_767, -32_768].map(|sample| Law::A.encode(sample)), [0xd5, 0xaa, 0x2a]);
    assert_eq!((Law::Mu.decode(0x80), Law::A.decode(0xaa)), (32_124, 32_256));
}

#[test]
fn a_tone_is_found_and_another_is_not() {
    let heard = tone(440.0, 1.0);
    assert!(best_share_of_tone(&heard, 440.0) > 0.99);
    assert!(best_share_of_tone(&heard, 1000.0) < 0.01);
}

/// A mono WAV file at our rate, for phones that play one.
pub fn write_wav(file: &Path, samples: &[i16]) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(file, spec).expect("a WAV file");
    samples.iter().for_each(|&sample| writer.write_sample(sample).expect("a written sample"));
    writer.finalize().expect("a finished WAV file");
}
