//! A report for a terminal or a letter: headings, pairs and tables with aligned columns.

use super::document::{Document, Section, Table};

const WIDTH: usize = 100;

/// Lays a document out.
pub(super) fn render(document: &Document) -> String {
    let mut out =
        format!("{}\n{}\n{}\n", document.title, "=".repeat(document.title.chars().count()), document.subtitle);
    for section in &document.sections {
        lay_out(section, &mut out);
    }
    out
}

fn lay_out(section: &Section, out: &mut String) {
    let heading = &section.heading;
    *out += &format!("\n{heading}\n{}\n", "-".repeat(heading.chars().count()));
    for text in &section.lead {
        *out += &wrapped(text, "");
    }
    let width = section.pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in &section.pairs {
        let gap = " ".repeat(width - name.chars().count());
        *out += &format!("{name}{gap}  {value}\n");
    }
    for table in &section.tables {
        out.push('\n');
        rows(table, out);
    }
    if !section.tables.is_empty() && !section.points.is_empty() {
        out.push('\n');
    }
    for point in &section.points {
        *out += &wrapped(point, "- ");
    }
}

/// The first column to the left, numbers to the right.
fn rows(table: &Table, out: &mut String) {
    let all = || std::iter::once(&table.columns).chain(&table.rows).chain(&table.total);
    let width =
        |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            let gap = " ".repeat(width.saturating_sub(cell.chars().count()));
            if column == 0 { format!("{cell}{gap}") } else { format!("{gap}{cell}") }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let rule = format!("{}\n", "-".repeat(widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)));
    *out += &line(&table.columns);
    *out += &rule;
    for row in &table.rows {
        *out += &line(row);
    }
    if let Some(total) = &table.total {
        *out += &rule;
        *out += &line(total);
    }
}

fn wrapped(text: &str, mark: &str) -> String {
    let mut out = String::new();
    let mut line = mark.to_owned();
    let indent = " ".repeat(mark.len());
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() >= WIDTH {
            out += line.trim_end();
            out.push('\n');
            line.clone_from(&indent);
        }
        line += word;
        line.push(' ');
    }
    out + line.trim_end() + "\n"
}
