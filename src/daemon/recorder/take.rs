//! One recording: packets of two sides become one stereo WAV file, each at its moment; what did not come is silence.

use centralino::facts::Party;
use centralino::media::Codec;
use centralino::media::linear::Hearing;
use centralino::time::Time;
use std::io::{self, Seek, SeekFrom, Write};

const RATE: u32 = 8_000;
const HEADER_BYTES: u32 = 44;
/// A packet so much later than its place in the file left a gap before it, in samples; less is jitter.
const JITTER: usize = 800;
/// So much is kept back for the slower side before it is written, in samples.
const KEPT_BACK: usize = 4_000;

/// A file that is being written.
pub struct Take<F> {
    file: F,
    began: Time,
    /// Samples of both sides in the file.
    written: usize,
    /// What follows them, of the caller and of the agent.
    sides: [Vec<i16>; 2],
    /// How their packets become samples.
    hearing: [Option<(Codec, Hearing)>; 2],
}

impl<F: Write + Seek> Take<F> {
    /// An empty file.
    pub fn begin(mut file: F, began: Time) -> io::Result<Take<F>> {
        file.write_all(&header(0))?;
        Ok(Take { file, began, written: 0, sides: [Vec::new(), Vec::new()], hearing: [None, None] })
    }

    /// A packet that came at this moment.
    pub fn hear(&mut self, party: Party, at: Time, codec: Codec, sound: &[u8]) -> io::Result<()> {
        let index = side_of(party);
        let hearing = match &mut self.hearing[index] {
            Some((known, hearing)) if *known == codec => hearing,
            other => &mut other.insert((codec, Hearing::new(codec))).1,
        };
        let mut heard = Vec::new();
        hearing.hear(sound, &mut heard);
        let elapsed = usize::try_from(at.since(self.began).as_nanos() / 125_000).unwrap_or(usize::MAX);
        // Its last sample is of this moment.
        let place = elapsed.saturating_sub(heard.len());
        if place > self.written + self.sides[index].len() + JITTER {
            self.wait_until(index, place)?;
        }
        self.sides[index].append(&mut heard);
        let longest = self.longest();
        if longest > 2 * KEPT_BACK { self.write(longest - KEPT_BACK) } else { Ok(()) }
    }

    /// Writes what is left, and how long it all is.
    pub fn end(mut self) -> io::Result<()> {
        self.write(self.longest())?;
        self.give_up()
    }

    /// Writes how long it is, and nothing more.
    pub fn give_up(mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        let bytes = u32::try_from(self.written.saturating_mul(4)).unwrap_or(u32::MAX - HEADER_BYTES);
        self.file.write_all(&header(bytes))?;
        self.file.flush()
    }

    /// Silence up to a place: of an hour on hold no more is in memory than of a second.
    fn wait_until(&mut self, side: usize, place: usize) -> io::Result<()> {
        while place - self.written > 2 * KEPT_BACK {
            self.write(KEPT_BACK)?;
        }
        let length = place - self.written;
        self.sides[side].resize(self.sides[side].len().max(length), 0);
        Ok(())
    }

    fn longest(&self) -> usize {
        self.sides.iter().map(Vec::len).max().unwrap_or(0)
    }

    fn write(&mut self, samples: usize) -> io::Result<()> {
        let [caller, agent] = &mut self.sides;
        for side in [&mut *caller, &mut *agent] {
            side.resize(side.len().max(samples), 0);
        }
        let pairs = caller.drain(..samples).zip(agent.drain(..samples));
        let bytes: Vec<u8> =
            pairs.flat_map(|(caller, agent)| [caller.to_le_bytes(), agent.to_le_bytes()]).flatten().collect();
        self.file.write_all(&bytes)?;
        self.written += samples;
        Ok(())
    }
}

fn side_of(party: Party) -> usize {
    match party {
        Party::Caller => 0,
        Party::Agent | Party::System => 1,
    }
}

/// RIFF/WAVE: PCM of 16 bits, two channels.
fn header(bytes: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER_BYTES as usize);
    header.extend(b"RIFF");
    header.extend((bytes.saturating_add(HEADER_BYTES - 8)).to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    for half in [1_u16, 2] {
        header.extend(half.to_le_bytes());
    }
    header.extend(RATE.to_le_bytes());
    header.extend((RATE * 4).to_le_bytes());
    for half in [4_u16, 16] {
        header.extend(half.to_le_bytes());
    }
    header.extend(b"data");
    header.extend(bytes.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use centralino::media::convert::Conversion;
    use centralino::media::g711::{self, Law};
    use std::fs::OpenOptions;
    use std::io::Cursor;

    /// Packets of 20 ms, all samples alike.
    fn packet(level: i16) -> Vec<u8> {
        vec![g711::encode(Law::A, level); 160]
    }

    fn heard(level: i16) -> i16 {
        g711::decode(Law::A, g711::encode(Law::A, level))
    }

    /// What is in the file after these packets: the milliseconds of their arrival, sides and levels.
    fn record(packets: &[(u64, Party, i16)]) -> Vec<(i16, i16)> {
        let mut bytes = Vec::new();
        let mut take = Take::begin(Cursor::new(&mut bytes), Time::ZERO).unwrap();
        for &(at, party, level) in packets {
            take.hear(party, Time::from_millis(at), Codec::Pcma, &packet(level)).unwrap();
        }
        take.end().unwrap();
        let reader = hound::WavReader::new(Cursor::new(bytes)).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 8_000, 16));
        let samples: Vec<i16> = reader.into_samples::<i16>().map(Result::unwrap).collect();
        samples.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    }

    #[test]
    fn each_side_is_in_its_channel_at_its_moment() {
        let mut packets: Vec<(u64, Party, i16)> = (1..=500).map(|n| (20 * n, Party::Caller, 8_000)).collect();
        packets.extend((101..=200).map(|n| (20 * n + 7, Party::Agent, -3_000)));
        packets.sort_by_key(|&(at, ..)| at);
        let samples = record(&packets);
        assert_eq!(samples.len(), 500 * 160);
        assert!(samples.iter().all(|(caller, _)| *caller == heard(8_000)));
        let first = samples.iter().position(|(_, agent)| *agent != 0).unwrap();
        assert_eq!(first, 100 * 160 + 56, "after two seconds, and its own 7 ms");
        assert!(samples[first..first + 100 * 160].iter().all(|(_, agent)| *agent == heard(-3_000)));
        assert!(samples[first + 100 * 160..].iter().all(|(_, agent)| *agent == 0));
    }

    #[test]
    fn opus_is_as_long_as_its_packets_say() {
        let mut to_opus = Conversion::new(Codec::Pcma, Codec::Opus);
        let mut bytes = Vec::new();
        let mut take = Take::begin(Cursor::new(&mut bytes), Time::ZERO).unwrap();
        for number in 1..=100 {
            let tone = (0..160).map(|n| g711::encode(Law::A, if n % 8 < 4 { 6_000 } else { -6_000 }));
            let (mut samples, mut packet) = (Vec::new(), Vec::new());
            to_opus.convert(&tone.collect::<Vec<u8>>(), &mut samples);
            to_opus.pack(samples.drain(..), &mut packet);
            take.hear(Party::Caller, Time::from_millis(20 * number), Codec::Opus, &packet).unwrap();
        }
        take.end().unwrap();
        let reader = hound::WavReader::new(Cursor::new(bytes)).unwrap();
        assert_eq!(reader.duration(), 100 * 160);
        let samples: Vec<i16> = reader.into_samples::<i16>().step_by(2).map(Result::unwrap).collect();
        let loud = samples.iter().filter(|sample| sample.unsigned_abs() > 2_000).count();
        assert!(loud > 12_000, "{loud}");
    }

    #[test]
    fn jitter_is_no_gap_and_a_pause_is() {
        let jittery: Vec<_> = [20, 40, 95, 96, 100].map(|at| (at, Party::Caller, 500)).to_vec();
        assert_eq!(record(&jittery), [(heard(500), 0); 5 * 160]);
        let paused = record(&[(20, Party::Caller, 500), (1_020, Party::Caller, 500)]);
        assert_eq!(paused.len(), 1_020 * 8);
        assert_eq!(paused.iter().filter(|pair| pair.0 == 0).count(), 980 * 8);
        assert_eq!(record(&[]), []);
    }

    #[test]
    fn a_long_silence_is_in_the_file_and_not_in_memory() {
        let mut bytes = Vec::new();
        let mut take = Take::begin(Cursor::new(&mut bytes), Time::ZERO).unwrap();
        for at in [20, 600_000] {
            take.hear(Party::Agent, Time::from_millis(at), Codec::Pcma, &packet(500)).unwrap();
            assert!(take.sides.iter().all(|side| side.capacity() < 20_000), "{:?}", take.sides[1].capacity());
        }
        take.end().unwrap();
        let reader = hound::WavReader::new(Cursor::new(bytes)).unwrap();
        assert_eq!(reader.duration(), 600 * 8_000);
        let heard_samples = reader.into_samples::<i16>().filter(|sample| *sample.as_ref().unwrap() != 0).count();
        assert_eq!(heard_samples, 320);
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = Take::begin(full(), Time::ZERO).err().expect("no space").kind();
        assert_eq!(error, io::ErrorKind::StorageFull);
    }
}
