//! From the text an operator writes to a checked plan and settings, or to all the mistakes at once.

mod settings;

pub use settings::{Clip, ClipSource, Settings};
