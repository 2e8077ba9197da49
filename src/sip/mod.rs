//! SIP without sockets: messages, transactions, dialogs, digest and the registrar.

pub mod api;
pub mod framing;
pub mod intake;
pub mod message;
mod settings;
pub mod tokens;

pub use settings::{Account, Limits, Secret, Settings};
