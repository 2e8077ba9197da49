//! Everything in a message that nobody may guess: tags, branches, Call-IDs, key material.
//!
//! The shell seeds it from the system's randomness; nothing here is recorded or replayed.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::fmt::Write as _;

/// How tags begin of answers of which nothing is kept; those of dialogs are hexadecimal.
pub const STATELESS: &str = "s-";

/// A generator of names that are unique and cannot be foreseen (RFC 3261 19.3: at least 32 bits; here 64 and more).
#[derive(Debug)]
pub struct Tokens(ChaCha20Rng);

impl Tokens {
    /// A generator that gives the same names for the same seed.
    pub fn new(seed: [u8; 32]) -> Tokens {
        Tokens(ChaCha20Rng::from_seed(seed))
    }

    /// A dialog's tag: 64 bits.
    pub fn tag(&mut self) -> String {
        format!("{:016x}", self.u64())
    }

    /// A transaction's branch: the cookie and 96 bits.
    pub fn branch(&mut self) -> String {
        format!("z9hG4bK{:016x}{:08x}", self.u64(), self.u32())
    }

    /// A Call-ID: 128 bits and no host name.
    pub fn call_id(&mut self) -> String {
        let mut text = String::with_capacity(32);
        // Into memory: cannot fail.
        let _ = write!(text, "{:016x}{:016x}", self.u64(), self.u64());
        text
    }

    /// A key for the nonces of one run.
    pub fn key(&mut self) -> [u8; 32] {
        let mut key = [0; 32];
        self.0.fill_bytes(&mut key);
        key
    }

    /// 32 random bits.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 random bits.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_long_unique_and_of_their_seed() {
        let mut tokens = Tokens::new([7; 32]);
        let names: BTreeSet<String> =
            (0..10_000).flat_map(|_| [tokens.tag(), tokens.branch(), tokens.call_id()]).collect();
        assert_eq!(names.len(), 30_000);
        assert!(names.iter().all(|name| name.trim_start_matches("z9hG4bK").len() >= 16));
        assert_eq!(Tokens::new([7; 32]).call_id(), Tokens::new([7; 32]).call_id());
        assert_ne!(Tokens::new([7; 32]).key(), Tokens::new([8; 32]).key());
    }
}
