//! RTP without sockets: packets and time in, packets out.

pub mod api;
pub mod clip;
pub mod embedded;
pub mod engine;
pub mod g711;
mod music;
pub mod packets;
pub mod ports;
pub mod sdp;
mod settings;

pub use settings::Settings;
