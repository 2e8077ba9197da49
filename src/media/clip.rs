//! A prompt or a piece of music: read from a WAV file and converted once, at load, to what goes into packets.

mod resample;

use super::api::Codec;
use super::convert;
use super::g711::{self, Law};
use crate::time::Duration;
use std::fmt;
use std::io::Cursor;

/// Samples a second inside the media engine.
const RATE: u32 = 8_000;
/// Longest WAV file read, in bytes.
const MOST_BYTES: usize = 64 << 20;

/// Sound at 8 kHz, mono, ready for every codec but Opus, into which it is made as it is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    samples: Vec<i16>,
    pcma: Vec<u8>,
    pcmu: Vec<u8>,
    g722: Vec<u8>,
}

/// What is wrong with a WAV file, for whoever wrote the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// No RIFF/WAVE header, or no format and data in it.
    NotWav,
    /// A compression that we do not read, by its WAVE format tag.
    Compression(u16),
    /// Neither mono nor stereo.
    Channels(u16),
    /// A rate outside 4 to 192 kHz.
    Rate(u32),
    /// No sound in it.
    Empty,
    /// More than 64 MiB.
    TooLong,
    /// The header promises what the file does not hold.
    Damaged(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::NotWav => f.write_str("not a WAV file"),
            Unusable::Compression(tag) => {
                write!(f, "WAV format {tag:#06x} is not read; PCM, float, A-law and u-law are")
            }
            Unusable::Channels(count) => write!(f, "{count} channels; one or two are read"),
            Unusable::Rate(rate) => write!(f, "{rate} samples a second; 4000 to 192000 are read"),
            Unusable::Empty => f.write_str("the WAV file holds no sound"),
            Unusable::TooLong => write!(f, "the WAV file is longer than {} MiB", MOST_BYTES >> 20),
            Unusable::Damaged(why) => write!(f, "the WAV file is damaged: {why}"),
        }
    }
}

impl std::error::Error for Unusable {}

impl Clip {
    /// Reads a WAV file of any rate: 8, 16, 24 or 32 bit integers, 32 bit floats, A-law or u-law, mono or stereo.
    pub fn from_wav(bytes: &[u8]) -> Result<Clip, Unusable> {
        if bytes.len() > MOST_BYTES {
            return Err(Unusable::TooLong);
        }
        let header = Header::read(bytes)?;
        let interleaved = match header.tag {
            TAG_PCM | TAG_FLOAT => linear(bytes)?,
            TAG_A_LAW => companded(Law::A, header.data),
            TAG_U_LAW => companded(Law::Mu, header.data),
            other => return Err(Unusable::Compression(other)),
        };
        let mono: Vec<f64> = match header.channels {
            1 => interleaved,
            _ => interleaved.chunks_exact(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect(),
        };
        let samples = if header.rate == RATE { mono } else { resample::to_rate(&mono, header.rate, RATE) };
        let rounded = samples.iter().map(|sample| sample.round().clamp(-32_768.0, 32_767.0) as i16).collect();
        Clip::from_samples(rounded)
    }

    /// Takes samples at 8 kHz as they are.
    pub fn from_samples(samples: Vec<i16>) -> Result<Clip, Unusable> {
        if samples.is_empty() {
            return Err(Unusable::Empty);
        }
        let encoded = |law| samples.iter().map(|&sample| g711::encode(law, sample)).collect();
        let g722 = convert::to_g722(&samples);
        Ok(Clip { pcma: encoded(Law::A), pcmu: encoded(Law::Mu), g722, samples })
    }

    /// The sound as 16-bit samples at 8 kHz.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// The sound in a codec, a byte a sample; nothing in Opus, which has packets.
    pub fn bytes(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcma => &self.pcma,
            Codec::Pcmu => &self.pcmu,
            Codec::G722 => &self.g722,
            Codec::Opus => &[],
        }
    }

    /// How long it plays.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.samples.len() as u64 * 125)
    }
}

const TAG_PCM: u16 = 1;
const TAG_FLOAT: u16 = 3;
const TAG_A_LAW: u16 = 6;
const TAG_U_LAW: u16 = 7;
const TAG_EXTENSIBLE: u16 = 0xFFFE;

/// What the WAV file says of itself; `hound` reads PCM, the companded laws are ours to read.
struct Header<'a> {
    tag: u16,
    channels: u16,
    rate: u32,
    data: &'a [u8],
}

impl Header<'_> {
    fn read(bytes: &[u8]) -> Result<Header<'_>, Unusable> {
        if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
            return Err(Unusable::NotWav);
        }
        let (mut format, mut rest) = (None, bytes.get(12..).unwrap_or_default());
        while let Some((head, body)) = rest.split_at_checked(8) {
            let length = head.last_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length)) as usize;
            let chunk = body.get(..length.min(body.len())).unwrap_or_default();
            match (&head[..4], format) {
                (b"fmt ", _) => format = Some(chunk),
                (b"data", Some(format)) => return Header::checked(format, chunk),
                _ => {}
            }
            // Chunks are padded to even lengths.
            rest = body.get(length.saturating_add(length % 2)..).unwrap_or_default();
        }
        Err(Unusable::NotWav)
    }

    fn checked<'a>(format: &[u8], data: &'a [u8]) -> Result<Header<'a>, Unusable> {
        let short = |at: usize| {
            let field = format.get(at..at + 2).and_then(|field| field.first_chunk::<2>()).ok_or(Unusable::NotWav)?;
            Ok(u16::from_le_bytes(*field))
        };
        let tag = match short(0)? {
            TAG_EXTENSIBLE => short(24)?,
            tag => tag,
        };
        let (channels, rate) = (short(2)?, u32::from(short(4)?) | u32::from(short(6)?) << 16);
        if !(1..=2).contains(&channels) {
            return Err(Unusable::Channels(channels));
        }
        if !(4_000..=192_000).contains(&rate) {
            return Err(Unusable::Rate(rate));
        }
        Ok(Header { tag, channels, rate, data })
    }
}

fn companded(law: Law, data: &[u8]) -> Vec<f64> {
    data.iter().map(|&byte| f64::from(g711::decode(law, byte))).collect()
}

/// Samples on the scale of 16 bits, channels interleaved.
fn linear(bytes: &[u8]) -> Result<Vec<f64>, Unusable> {
    let damaged = |error: hound::Error| Unusable::Damaged(error.to_string());
    let reader = hound::WavReader::new(Cursor::new(bytes)).map_err(damaged)?;
    let spec = reader.spec();
    let samples: Result<Vec<f64>, _> = match spec.sample_format {
        hound::SampleFormat::Float => {
            reader.into_samples::<f32>().map(|sample| sample.map(|value| f64::from(value) * 32_767.0)).collect()
        }
        hound::SampleFormat::Int => {
            let scale = 2.0_f64.powi(16 - i32::from(spec.bits_per_sample));
            reader.into_samples::<i32>().map(|sample| sample.map(|value| f64::from(value) * scale)).collect()
        }
    };
    let samples = samples.map_err(damaged)?;
    if samples.iter().all(|sample| sample.is_finite()) {
        Ok(samples)
    } else {
        Err(Unusable::Damaged("a sample is not a number".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::{SampleFormat, WavSpec, WavWriter};
    use std::f64::consts::TAU;

    fn tone(rate: u32, frequency: f64, seconds: f64) -> Vec<f64> {
        let count = (f64::from(rate) * seconds) as usize;
        (0..count).map(|n| 0.5 * (TAU * frequency * n as f64 / f64::from(rate)).sin()).collect()
    }

    fn wav(spec: WavSpec, samples: &[f64]) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, spec).unwrap();
        for sample in samples {
            for _ in 0..spec.channels {
                match spec.sample_format {
                    SampleFormat::Float => writer.write_sample(*sample as f32).unwrap(),
                    SampleFormat::Int => {
                        let full = 2.0_f64.powi(i32::from(spec.bits_per_sample) - 1) - 1.0;
                        writer.write_sample((sample * full).round() as i32).unwrap();
                    }
                }
            }
        }
        writer.finalize().unwrap();
        file.into_inner()
    }

    /// A WAV file by hand, for formats that `hound` does not write.
    fn raw_wav(tag: u16, channels: u16, rate: u32, data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfact\x03\0\0\0abc\0fmt \x12\0\0\0".to_vec();
        file.extend(tag.to_le_bytes());
        file.extend(channels.to_le_bytes());
        file.extend(rate.to_le_bytes());
        file.extend([0, 0, 0, 0, 1, 0, 8, 0, 0, 0]);
        file.extend(b"data");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
        file
    }

    /// Level of one frequency, in dB of full scale, away from the ends.
    fn level(samples: &[i16], frequency: f64) -> f64 {
        let middle = &samples[400..samples.len() - 400];
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in middle.iter().enumerate() {
            let angle = TAU * frequency * n as f64 / 8_000.0;
            re += f64::from(sample) * angle.cos();
            im += f64::from(sample) * angle.sin();
        }
        20.0 * (2.0 * f64::hypot(re, im) / middle.len() as f64 / 32_768.0).log10()
    }

    #[test]
    fn every_rate_and_format_keeps_the_tone() {
        for rate in [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000] {
            for (bits, sample_format) in [
                (8, SampleFormat::Int),
                (16, SampleFormat::Int),
                (24, SampleFormat::Int),
                (32, SampleFormat::Int),
                (32, SampleFormat::Float),
            ] {
                for channels in [1, 2] {
                    let spec = WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format };
                    let clip = Clip::from_wav(&wav(spec, &tone(rate, 1_000.0, 0.25))).unwrap();
                    assert!(clip.samples().len().abs_diff(2_000) <= 1, "{spec:?} {}", clip.samples().len());
                    let level = level(clip.samples(), 1_000.0);
                    assert!((level - -6.02).abs() < 0.1, "{spec:?} {level}");
                }
            }
        }
    }

    #[test]
    fn eight_kilohertz_is_taken_sample_by_sample() {
        let spec = WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let samples = tone(8_000, 440.0, 0.3);
        let clip = Clip::from_wav(&wav(spec, &samples)).unwrap();
        let expected: Vec<i16> = samples.iter().map(|sample| (sample * 32_767.0).round() as i16).collect();
        assert_eq!(clip.samples(), expected);
        assert_eq!(clip.duration(), Duration::from_millis(300));
        let encoded: Vec<u8> = expected.iter().map(|&sample| g711::encode(Law::Mu, sample)).collect();
        assert_eq!(clip.bytes(Codec::Pcmu), encoded);
    }

    #[test]
    fn what_lies_above_4_khz_does_not_fold_back() {
        for (rate, frequency, folded) in
            [(44_100, 5_000.0, 3_000.0), (48_000, 7_000.0, 1_000.0), (16_000, 4_600.0, 3_400.0)]
        {
            let spec =
                WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
            let clip = Clip::from_wav(&wav(spec, &tone(rate, frequency, 0.3))).unwrap();
            let level = level(clip.samples(), folded);
            assert!(level < -60.0, "{rate} {frequency}: {level}");
        }
    }

    #[test]
    fn companded_files_are_read_as_they_are() {
        let bytes: Vec<u8> = (0..=255).collect();
        let clip = Clip::from_wav(&raw_wav(TAG_A_LAW, 1, 8_000, &bytes)).unwrap();
        assert_eq!(clip.bytes(Codec::Pcma), bytes);
        let clip = Clip::from_wav(&raw_wav(TAG_U_LAW, 1, 8_000, &bytes[..127])).unwrap();
        assert_eq!(clip.bytes(Codec::Pcmu), &bytes[..127]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let float = |value: f64| {
            let spec =
                WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 32, sample_format: SampleFormat::Float };
            wav(spec, &[value])
        };
        let rows = [
            (b"hello".to_vec(), "not a WAV file"),
            (b"RIFF\0\0\0\0WAVEdata\xFF\xFF\xFF\xFF".to_vec(), "not a WAV file"),
            (raw_wav(0x55, 1, 8_000, b"x"), "WAV format 0x0055 is not read; PCM, float, A-law and u-law are"),
            (raw_wav(6, 0, 8_000, b"x"), "0 channels; one or two are read"),
            (raw_wav(6, 6, 8_000, b"x"), "6 channels; one or two are read"),
            (raw_wav(6, 1, 1, b"x"), "1 samples a second; 4000 to 192000 are read"),
            (raw_wav(6, 1, 8_000, b""), "the WAV file holds no sound"),
            (float(f64::NAN), "the WAV file is damaged: a sample is not a number"),
        ];
        for (file, message) in rows {
            assert_eq!(Clip::from_wav(&file).unwrap_err().to_string(), message);
        }
        let whole = float(0.5);
        for length in 0..whole.len() {
            assert!(Clip::from_wav(&whole[..length]).is_err(), "{length}");
        }
    }
}
