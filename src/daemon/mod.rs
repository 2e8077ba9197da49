//! The shell: moves bytes, time and signals between the system and the engine. It decides nothing.

mod clock;
mod engine_thread;
mod facts_thread;
mod http;
mod inbox;
mod limits;
mod line;
mod media_thread;
mod names;
mod recorder;
mod reload;
mod signals;
mod sip_stream;
mod sip_udp;
mod sounds;
mod start;
mod trace;

pub use reload::ReadAgain;
pub use start::{Daemon, start};
