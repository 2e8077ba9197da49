//! Keys as tones in the sound (ITU-T Q.23, Q.24), for trunks that send no telephone-events.
//!
//! Two tones at once, of about the same strength, and hardly anything beside them: voices have that for a moment, not
//! for two blocks in a row.

use super::api::Codec;
use super::linear::Hearing;
use crate::ids::Key;

/// Samples judged together: 12.75 ms, in which the eight tones are told apart.
const BLOCK: u32 = 102;
const RATE: f32 = 8_000.0;
/// Rows, then columns, of a telephone's keys, in Hz.
const TONES: [f32; 8] = [697.0, 770.0, 852.0, 941.0, 1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
/// The weakest tone, as the square of its amplitude: -47 dB of full scale.
const WEAKEST: f32 = 22_500.0;
/// How much stronger than the others of its group: 8 dB.
const STANDS_OUT: f32 = 6.3;
/// Columns may be 4 dB above rows, rows 8 dB above columns.
const COLUMN_OVER_ROW: f32 = 2.5;
const ROW_OVER_COLUMN: f32 = 6.3;
/// The two tones' share of everything.
const SHARE: f32 = 0.82;

/// Listens to one leg.
#[derive(Debug, Default)]
pub(super) struct Tones {
    /// The last two values of each filter.
    filters: [[f32; 2]; 8],
    energy: f32,
    count: u32,
    /// What the last two blocks held.
    last: [Option<char>; 2],
    pressed: Option<char>,
    hearing: Option<(Codec, Hearing)>,
    /// Of one packet; used again and again.
    samples: Vec<i16>,
}

impl Tones {
    /// The keys that begin to sound in this payload.
    pub(super) fn hear(&mut self, codec: Codec, payload: &[u8], mut found: impl FnMut(Key)) {
        let hearing = match &mut self.hearing {
            Some((known, hearing)) if *known == codec => hearing,
            other => &mut other.insert((codec, Hearing::new(codec))).1,
        };
        let mut samples = std::mem::take(&mut self.samples);
        samples.clear();
        hearing.hear(payload, &mut samples);
        for sample in samples.iter().copied().map(f32::from) {
            for ([one, two], hz) in self.filters.iter_mut().zip(TONES) {
                let next = sample + coefficient(hz) * *one - *two;
                (*two, *one) = (*one, next);
            }
            self.energy += sample * sample;
            self.count += 1;
            if self.count == BLOCK {
                self.judge().and_then(Key::of_sign).into_iter().for_each(&mut found);
            }
        }
        self.samples = samples;
    }

    /// A key counts with its second block, and ends with the second one without it.
    fn judge(&mut self) -> Option<char> {
        let now = self.key_in_block();
        (self.filters, self.energy, self.count) = ([[0.0; 2]; 8], 0.0, 0);
        let before = self.last[0];
        self.last = [now, before];
        if now == before && now != self.pressed {
            self.pressed = now;
            return now;
        }
        None
    }

    fn key_in_block(&self) -> Option<char> {
        let mut powers = [0.0; 8];
        for ((power, [one, two]), hz) in powers.iter_mut().zip(self.filters).zip(TONES) {
            *power = one * one + two * two - coefficient(hz) * one * two;
        }
        let (rows, columns) = powers.split_at(4);
        let ((row, high), (column, low)) = (strongest(rows)?, strongest(columns)?);
        // A tone of amplitude a has a power of (a * BLOCK / 2) squared here.
        let least = WEAKEST * (BLOCK as f32 / 2.0).powi(2);
        let is_loud = high >= least && low >= least;
        let is_even = low <= high * COLUMN_OVER_ROW && high <= low * ROW_OVER_COLUMN;
        let is_alone = (high + low) * 2.0 / BLOCK as f32 >= SHARE * self.energy;
        (is_loud && is_even && is_alone).then(|| KEYS.get(row)?.get(column).copied()).flatten()
    }
}

fn coefficient(hz: f32) -> f32 {
    2.0 * (std::f32::consts::TAU * hz / RATE).cos()
}

/// The one that stands out.
fn strongest(powers: &[f32]) -> Option<(usize, f32)> {
    let (best, &power) = powers.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let stands_out = powers.iter().enumerate().all(|(other, &weaker)| other == best || power >= weaker * STANDS_OUT);
    stands_out.then_some((best, power))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::embedded;
    use crate::media::g711::{self, Law};

    fn tone(row: f32, column: f32, levels: (f32, f32), millis: u32) -> Vec<i16> {
        let wave = |hz: f32, n: u32| (std::f32::consts::TAU * hz * n as f32 / RATE).sin();
        (0..millis * 8).map(|n| (levels.0 * wave(row, n) + levels.1 * wave(column, n)) as i16).collect()
    }

    fn heard(law: Law, samples: &[i16]) -> String {
        let bytes: Vec<u8> = samples.iter().map(|&sample| g711::encode(law, sample)).collect();
        let (mut tones, mut keys) = (Tones::default(), String::new());
        let codec = if law == Law::A { Codec::Pcma } else { Codec::Pcmu };
        bytes.chunks(160).for_each(|packet| tones.hear(codec, packet, |key| keys.push(key.sign())));
        keys
    }

    #[test]
    fn every_key_is_heard_once_in_both_laws_at_every_strength_and_length() {
        for law in [Law::A, Law::Mu] {
            for (row, column) in (0..4).flat_map(|row| (0..4).map(move |column| (row, column))) {
                let key = KEYS[row][column].to_string();
                for (level, millis) in [(400.0, 100), (3_000.0, 45), (8_000.0, 70), (15_000.0, 5_000)] {
                    // Frequencies may be off by 1.5 % (Q.24), and the two tones of unlike strength.
                    for (off, twist) in [(1.0, 1.0), (1.012, 1.0), (0.988, 1.0), (1.0, 1.4), (1.0, 0.6)] {
                        let mut samples = vec![0; 400];
                        samples.extend(tone(TONES[row] * off, TONES[4 + column] * off, (level, level * twist), millis));
                        samples.extend([0; 800]);
                        assert_eq!(heard(law, &samples), key, "{law:?} {key} {level} {millis} {off} {twist}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_key_pressed_again_is_two_keys_and_a_short_gap_is_none() {
        let one = tone(697.0, 1_209.0, (4_000.0, 4_000.0), 80);
        let pause = |millis: usize| vec![0; millis * 8];
        assert_eq!(heard(Law::A, &[one.clone(), pause(60), one.clone()].concat()), "11");
        assert_eq!(heard(Law::A, &[one.clone(), pause(5), one].concat()), "1");
    }

    #[test]
    fn one_tone_noise_music_and_speech_are_no_keys() {
        let mut state = 1u32;
        let noise: Vec<i16> = (0..80_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 17) as i16 - 16_384
            })
            .collect();
        assert_eq!(heard(Law::A, &noise), "");
        for hz in TONES {
            assert_eq!(heard(Law::Mu, &tone(hz, hz, (5_000.0, 0.0), 1_000)), "", "{hz}");
        }
        // Too short, too unlike, beside a third one.
        assert_eq!(heard(Law::A, &tone(770.0, 1_336.0, (5_000.0, 5_000.0), 12)), "");
        assert_eq!(heard(Law::A, &tone(770.0, 1_336.0, (1_000.0, 8_000.0), 200)), "");
        let mut three = tone(770.0, 1_336.0, (4_000.0, 4_000.0), 200);
        three.iter_mut().zip(tone(1_000.0, 350.0, (4_000.0, 2_000.0), 200)).for_each(|(all, third)| *all += third);
        assert_eq!(heard(Law::A, &three), "");
        for name in ["music", "it/welcome", "it/menu", "en/welcome"] {
            assert_eq!(heard(Law::A, embedded::clip(name).unwrap().samples()), "", "{name}");
        }
    }
}
