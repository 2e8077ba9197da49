//! RTP without sockets: packets and time in, packets out.

pub mod api;
pub mod sdp;
mod settings;

pub use settings::Settings;
