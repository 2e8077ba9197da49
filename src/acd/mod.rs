//! The routing engine: who speaks to whom, and when. No word of SIP, no I/O, no clock.

mod command;
mod event;
pub mod plan;
mod timer;

pub use command::Command;
pub use event::Event;
pub use plan::Plan;
pub use timer::Timer;

use crate::facts::Record;

/// What follows from one event; reused, so that nothing is allocated once it is warm.
#[derive(Debug, Default)]
pub struct Outbox {
    /// To be carried out, in order.
    pub commands: Vec<Command>,
    /// To be counted and recorded, in order.
    pub facts: Vec<Record>,
}
