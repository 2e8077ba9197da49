//! Centralino: a telephony ACD. Everything that decides is here, as state machines without I/O; everything that
//! touches sockets, clocks, files and threads is in the daemon (`main.rs`).

pub mod acd;
pub mod b2bua;
pub mod config;
pub mod facts;
pub mod ids;
pub mod media;
pub mod report;
pub mod sip;
pub mod stats;
pub mod time;
