//! Joins caller leg, agent leg, media and routing into one engine. It translates and routes, and never decides.

mod settings;

pub use settings::{Phone, Settings};
