//! From one rate to another through a windowed-sinc filter as long as the rates ask for: what lies above half the new
//! rate must not fold back. (The resampler of `audio-codec` has 24 taps at every rate, too few from 44.1 kHz.)

/// Zero crossings of the filter on each side of its middle.
const CROSSINGS: f64 = 24.0;

/// Changes the rate; both are positive.
pub(super) fn to_rate(input: &[f64], from: u32, to: u32) -> Vec<f64> {
    let divisor = gcd(from, to);
    let (step, phases) = (u64::from(from / divisor), u64::from(to / divisor));
    let cutoff = 0.5 * (f64::from(to) / f64::from(from)).min(1.0) * 0.94;
    let reach = (CROSSINGS / (2.0 * cutoff)).ceil();
    let filters: Vec<Vec<f64>> = (0..phases).map(|phase| filter(phase as f64 / phases as f64, cutoff, reach)).collect();
    let length = (input.len() as u64 * phases).div_ceil(step);
    let output = (0..length).map(|number| {
        let (whole, phase) = (number * step / phases, number * step % phases);
        let first = whole as i64 - reach as i64;
        let taps = filters.get(phase as usize).into_iter().flatten();
        let sample = |position: i64| usize::try_from(position).ok().and_then(|position| input.get(position));
        taps.zip(first..).map(|(tap, position)| tap * sample(position).copied().unwrap_or(0.0)).sum()
    });
    output.collect()
}

/// One phase of the filter: taps from `-reach` to `+reach + 1` around a point `fraction` after a sample.
fn filter(fraction: f64, cutoff: f64, reach: f64) -> Vec<f64> {
    use std::f64::consts::PI;
    let taps = 2 * reach as usize + 2;
    let taps: Vec<f64> = (0..taps)
        .map(|number| {
            let x = number as f64 - reach - fraction;
            let sinc = if x.abs() < 1e-9 { 2.0 * cutoff } else { (2.0 * PI * cutoff * x).sin() / (PI * x) };
            let place = (x / (reach + 1.0)).clamp(-1.0, 1.0);
            // Blackman: side lobes below 16-bit prompts' noise.
            sinc * (0.42 + 0.5 * (PI * place).cos() + 0.08 * (2.0 * PI * place).cos())
        })
        .collect();
    let sum: f64 = taps.iter().sum();
    taps.iter().map(|tap| tap / sum).collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
