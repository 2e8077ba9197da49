//! SIP without sockets: messages, transactions, dialogs, digest and the registrar.

pub mod api;
mod settings;

pub use settings::{Account, Limits, Secret, Settings};
