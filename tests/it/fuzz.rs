//! How much noise.

/// How many random inputs a test takes: a usual number, or as many as `CENTRALINO_FUZZ` says for a long run
/// (`CENTRALINO_FUZZ=1000000 cargo nextest run --release -E 'test(noise) or test(random) or test(whatever_arrives)'`).
pub fn inputs(usual: u32) -> u32 {
    std::env::var("CENTRALINO_FUZZ").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}
