//! Facts in, numbers out.

pub mod ratio;
pub mod service_level;
