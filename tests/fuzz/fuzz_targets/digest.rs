//! Any Authorization header, and any WWW-Authenticate header, taken apart and put to use.
#![no_main]

use centralino::sip::digest::{Challenge, Credentials};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(Ok(credentials)) = Credentials::parse(text) {
        assert_eq!(credentials.count.len(), 8);
        assert!(!credentials.cnonce.is_empty());
    }
    let _ = Challenge::parse(text);
});
