//! What became of every caller, and the figures of a period. In reading order: [`record`] is the durable record of one
//! interaction, [`assemble`] makes it from facts, [`replay`] makes facts of it again, so that the report is counted by
//! the same fold as the live number.
//!
//! Opens no file and knows no database: where interactions are kept is the shell's business.

pub mod assemble;
pub mod record;
pub mod replay;

pub use assemble::Assembler;
pub use record::{Ending, Interaction, Moment, Visit, VisitOutcome};
pub use replay::{Figures, Fold, Under};
