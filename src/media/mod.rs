//! RTP without sockets: packets and time in, packets out.

pub mod api;
pub mod clip;
pub mod convert;
mod dtmf;
pub mod embedded;
pub mod engine;
pub mod g711;
mod inband;
pub mod linear;
pub mod mix;
mod music;
pub mod opus;
pub mod packets;
pub mod ports;
mod rtcp;
pub mod sdp;
mod settings;
pub mod srtp;
pub mod tone;

pub use api::{Codec, Command, Encryption, Event, Output, Recorded, Stream};
pub use clip::Clip;
pub use engine::MediaEngine;
pub use ports::Ports;
pub use settings::Settings;
