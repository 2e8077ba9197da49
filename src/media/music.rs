//! Hold music of our own making: plucked chords over a slow bass, twenty seconds that close into a ring.
//!
//! Composed here, so that nobody's rights are touched, and played once at load.

use std::f64::consts::TAU;

const RATE: f64 = 8_000.0;
/// An eighth note: 100 a minute.
const EIGHTH_SAMPLES: usize = 2_400;
const EIGHTHS: usize = 64;

/// One bar each, as semitones above A (220 Hz): a bass note and four notes of the chord.
const BARS: [[i32; 5]; 8] = [
    [-9, 3, 7, 10, 15],
    [-12, 0, 3, 7, 12],
    [-16, -4, 3, 8, 12],
    [-14, -2, 5, 10, 14],
    [-9, 3, 7, 10, 15],
    [-5, -2, 2, 7, 10],
    [-16, -4, 0, 8, 12],
    [-14, -2, 5, 8, 14],
];

/// In which order a bar's eighths pluck the notes of its chord.
const PATTERN: [usize; 8] = [1, 2, 3, 4, 3, 2, 4, 3];

/// The whole loop at 8 kHz, peak about -9 dB. Notes that sound on beyond its end sound on at its start.
pub fn loop_samples() -> Vec<i16> {
    let mut sum = vec![0.0; EIGHTH_SAMPLES * EIGHTHS];
    for (bar, notes) in BARS.iter().enumerate() {
        let start = bar * PATTERN.len() * EIGHTH_SAMPLES;
        pluck(&mut sum, start, notes[0], 0.8, 1.6);
        for (eighth, &note) in PATTERN.iter().enumerate() {
            let accent = if eighth % 4 == 0 { 0.6 } else { 0.45 };
            pluck(&mut sum, start + eighth * EIGHTH_SAMPLES, notes[note], accent, 0.7);
        }
    }
    let peak = sum.iter().fold(1.0_f64, |peak, sample| peak.max(sample.abs()));
    sum.iter().map(|sample| (sample / peak * 11_600.0).round() as i16).collect()
}

/// Adds one note: three partials that die away, the higher ones sooner.
fn pluck(sum: &mut [f64], start: usize, semitones: i32, level: f64, seconds: f64) {
    let frequency = 220.0 * 2.0_f64.powf(f64::from(semitones) / 12.0);
    let length = (seconds * 3.0 * RATE) as usize;
    let total = sum.len();
    for offset in 0..length {
        let time = offset as f64 / RATE;
        let attack = (time / 0.008).min(1.0);
        let release = ((length - offset) as f64 / 400.0).min(1.0);
        let partial = |number: f64, share: f64| {
            share * (TAU * frequency * number * time).sin() * (-time * number / seconds * 1.6).exp()
        };
        let sample = partial(1.0, 1.0) + partial(2.0, 0.35) + partial(3.0, 0.12);
        sum[(start + offset) % total] += level * attack * release * sample;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_loud_enough_never_clips_and_closes_without_a_click() {
        let samples = loop_samples();
        assert_eq!(samples.len() % 160, 0, "the ring closes on a packet's edge");
        let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((11_000..=11_700).contains(&peak), "{peak}");
        let power = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64;
        assert!(power.sqrt() > 1_500.0, "{}", power.sqrt());
        let largest_step =
            samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap();
        let closing_step = (i32::from(samples[0]) - i32::from(*samples.last().unwrap())).abs();
        assert!(closing_step <= largest_step, "{closing_step} {largest_step}");
    }

    #[test]
    fn is_the_same_every_time() {
        assert_eq!(loop_samples(), loop_samples());
    }
}
