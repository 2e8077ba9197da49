//! RTP without sockets: packets and time in, packets out.

pub mod api;
mod settings;

pub use settings::Settings;
