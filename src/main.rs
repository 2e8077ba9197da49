//! The daemon's root: its own crate, so that the compiler keeps it out of the library.

fn main() {}
