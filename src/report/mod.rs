//! What became of every caller, and the figures of a period. In reading order: [`record`] is the durable record of one
//! interaction, [`assemble`] makes it from facts, [`replay`] makes facts of it again, so that the report is counted by
//! the same fold as the live number.
//!
//! Reports: [`period`] knows days and months, [`count`] folds records into the rows of a [`model::Report`], and
//! [`render`] writes it: `document` puts the numbers into words and tables, `text` and `html` lay those out, `csv` and
//! `json` write the numbers for other programs.
//!
//! Opens no file and knows no database: where interactions are kept is the shell's business.

pub mod assemble;
pub mod count;
mod csv;
mod document;
mod html;
mod json;
pub mod language;
pub mod model;
pub mod period;
mod plot;
pub mod profile;
pub mod record;
pub mod replay;
mod text;

pub use assemble::Assembler;
pub use count::Counter;
pub use language::Language;
pub use model::{Closing, Question, Report};
pub use period::{Every, Period};
pub use profile::Profile;
pub use record::{Ending, Interaction, Moment, Visit, VisitOutcome};
pub use replay::{Figures, Fold, Under};

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal or a letter.
    Text,
    /// One page for a browser or a printer, everything in one file.
    Html,
    /// One line a row, for spreadsheets.
    Csv,
    /// For other programs; its fields do not depend on the language.
    Json,
}

/// Writes a report.
pub fn render(report: &Report, language: Language, format: Format) -> String {
    match format {
        Format::Text => text::render(&document::of(report, language)),
        Format::Html => html::render(report, &document::of(report, language), language),
        Format::Csv => csv::render(report, language),
        Format::Json => json::render(report),
    }
}
