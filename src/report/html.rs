//! A report as one page: the headline and the drawings for who has ten seconds, the tables for who checks. Everything
//! is in the file, and it prints on A4.

use super::document::service_level::late_in_words;
use super::document::{Document, Section, Table, lengths_in_words};
use super::language::Language;
use super::model::{Distance, Report};
use super::plot;
use std::fmt::Write;

const STYLE: &str = include_str!("report.css");

/// Lays a document out, with its drawings.
pub(super) fn render(report: &Report, document: &Document, lang: Language) -> String {
    let title = escaped(&document.title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>{title}</h1><p>{}</p></header>\n",
        lang.code(),
        escaped(&document.subtitle)
    );
    headline(report, lang, &mut out);
    drawings(report, lang, &mut out);
    for section in &document.sections {
        lay_out(section, &mut out);
    }
    out + "</body>\n</html>\n"
}

/// The level, whether the target was met, and the four numbers that a manager asks for.
fn headline(report: &Report, lang: Language, out: &mut String) {
    let (total, events) = (&report.total, report.total.contract.events);
    let met = report.target_percent.and_then(|target| events.met(target));
    let (class, verdict) = match met {
        Some(true) => ("met", lang.pick("✓ Target raggiunto", "✓ Target met")),
        Some(false) => ("missed", lang.pick("✗ Target non raggiunto", "✗ Target missed")),
        None => ("undefined", lang.pick("Nessuna telefonata da giudicare", "No calls to judge")),
    };
    let threshold = lengths_in_words(&report.contract, lang);
    let within = match lang {
        Language::Italian => format!("di telefonate accolte entro {threshold} secondi"),
        Language::English => format!("of calls answered within {threshold} seconds"),
    };
    let distance = report.target_percent.and_then(|target| Distance::of(events, target));
    let late = distance.map_or_else(String::new, |distance| {
        format!("{}: {}", lang.pick("In ritardo", "Late calls"), late_in_words(events.miss, distance, lang))
    });
    _ = write!(
        out,
        "<section class=\"headline {class}\">\n<div><strong id=\"level\">{}</strong><p>{within}</p></div>\n\
         <div><b id=\"verdict\">{verdict}</b>{}<p>{}</p></div>\n</section>\n<ul class=\"cards\">\n",
        lang.short_percent(events.service_level()),
        plot::gauge(report, lang),
        escaped(&late)
    );
    let figures = &total.figures;
    let cards = [
        (
            "entered",
            lang.pick("Entrate", "Entered"),
            lang.count(figures.entered),
            format!("{} {}", lang.pick("ricevute", "received"), lang.count(figures.received)),
        ),
        (
            "answered",
            lang.pick("Risposte", "Answered"),
            lang.count(figures.answered),
            format!("{} {}", lang.pick("entro soglia", "in time"), lang.count(events.hit)),
        ),
        (
            "abandoned",
            lang.pick("Abbandonate", "Abandoned"),
            lang.count(figures.abandoned),
            format!("{} {}", lang.percent(total.abandonment()), lang.pick("delle entrate", "of entered")),
        ),
        (
            "asa",
            lang.pick("Attesa media", "Mean wait"),
            lang.mean(total.speed_of_answer()),
            format!("AHT {}", lang.mean(total.handling_time())),
        ),
    ];
    for (id, name, value, more) in cards {
        _ = writeln!(out, "<li><span>{name}</span><strong id=\"{id}\">{value}</strong><small>{more}</small></li>");
    }
    *out += "</ul>\n";
}

fn lay_out(section: &Section, out: &mut String) {
    _ = writeln!(out, "<section>\n<h2>{}</h2>", escaped(&section.heading));
    for text in &section.lead {
        _ = writeln!(out, "<p>{}</p>", escaped(text));
    }
    if !section.pairs.is_empty() {
        let has_words = section.pairs.iter().any(|(_, value)| value.chars().count() > 24);
        _ = writeln!(out, "<table class=\"pairs{}\">", if has_words { " words" } else { "" });
        for (name, value) in &section.pairs {
            let class = if name.starts_with('–') { " class=\"part\"" } else { "" };
            let name = name.trim_start_matches("– ");
            _ = writeln!(out, "<tr{class}><th>{}</th><td>{}</td></tr>", escaped(name), escaped(value));
        }
        *out += "</table>\n";
    }
    for table in &section.tables {
        rows(table, out);
    }
    if !section.points.is_empty() {
        *out += "<ul class=\"points\">\n";
        for point in &section.points {
            _ = writeln!(out, "<li>{}</li>", escaped(point));
        }
        *out += "</ul>\n";
    }
    *out += "</section>\n";
}

/// The days against the target, and when in the day calls come.
fn drawings(report: &Report, lang: Language, out: &mut String) {
    if report.total.figures.entered == 0 {
        return;
    }
    if report.days.len() > 1 {
        let heading = lang.pick("Livello di servizio per giorno", "Service level by day");
        _ = writeln!(out, "<figure><h3>{heading}</h3>{}</figure>", plot::days(report, lang));
    }
    _ = writeln!(
        out,
        "<figure><h3>{} <small><i class=\"met\"></i>{} <i class=\"missed\"></i>{} <i class=\"excused\"></i>{}</small></h3>{}\
         </figure>",
        lang.pick("Telefonate per mezz'ora del giorno", "Calls by half-hour of the day"),
        lang.pick("risposte entro la soglia", "answered in time"),
        lang.pick("in ritardo", "late"),
        lang.pick("abbandonate presto (escluse)", "abandoned early (left out)"),
        plot::half_hours(report, lang)
    );
}

fn rows(table: &Table, out: &mut String) {
    let class = if table.columns.len() > 8 { " class=\"wide\"" } else { "" };
    let line = |row: &[String], tag: &str| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let tag = if column == 0 { "th" } else { tag };
            format!("<{tag}>{}</{tag}>", escaped(cell))
        });
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    _ = write!(out, "<table{class}>\n<thead>{}</thead>\n<tbody>\n", line(&table.columns, "th"));
    for row in &table.rows {
        *out += &line(row, "td");
    }
    *out += "</tbody>\n";
    if let Some(total) = &table.total {
        _ = writeln!(out, "<tfoot>{}</tfoot>", line(total, "td"));
    }
    *out += "</table>\n";
}

/// Text as text, whatever it looks like: names come from configurations and from other systems' files.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
