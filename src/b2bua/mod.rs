//! Joins caller leg, agent leg, media and routing into one engine. It translates and routes, and never decides.
//!
//! ```text
//!   bytes ──► sip::Endpoint ──events──► caller.rs / agent.rs ──► acd::Acd ──commands──► caller.rs / agent.rs
//!                  ▲                                                                          │
//!                  └────────────── INVITE, 200, CANCEL, BYE ◄─────────────────────────────────┤
//!   media thread ◄──────────────── play, join, close ◄────────────────────────────────────────┘
//! ```

mod agent;
mod caller;
mod change;
mod engine;
mod legs;
mod opus;
mod reload;
mod settings;
mod transfer;
mod trunk;

pub use engine::{Engine, Gauges, Input, Output};
pub use legs::Sockets;
pub use settings::{Answer, Change, DIALLED, Phone, Settings, Sound, Terms, host_names};
