//! The daemon's root: its own crate, so that the compiler keeps it out of the library.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the shell touches the world")]

#[allow(dead_code, reason = "main() starts it once the engine thread is here")]
mod daemon {
    pub mod http;
}

fn main() {}
