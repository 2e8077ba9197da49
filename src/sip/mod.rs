//! SIP without sockets: messages, transactions, dialogs, digest and the registrar.

pub mod api;
pub mod digest;
pub mod framing;
pub mod intake;
pub mod message;
pub mod registrar;
mod settings;
pub mod tokens;
mod transaction;

pub use settings::{Account, Limits, Secret, Settings};
