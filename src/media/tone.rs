//! A plain tone: a prompt for tests and measurements that needs no file.

use crate::time::Duration;
use std::f64::consts::TAU;

const RATE: f64 = 8_000.0;
/// About -12 dB.
const PEAK: f64 = 8_000.0;

/// Samples at 8 kHz; 0 Hz is silence.
pub fn samples(hz: u16, length: Duration) -> Vec<i16> {
    let count = (length.as_secs_f64() * RATE).round() as usize;
    let sample = |n: usize| (PEAK * (TAU * f64::from(hz) * n as f64 / RATE).sin()).round() as i16;
    (0..count).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_as_long_and_as_high_as_asked() {
        let tone = samples(440, Duration::from_millis(2_500));
        let rises = tone.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
        assert_eq!((tone.len(), rises), (20_000, 1_099));
        assert!(samples(0, Duration::from_secs(1)).iter().all(|&sample| sample == 0));
    }
}
