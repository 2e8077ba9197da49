//! A report in words: headings, pairs and tables of finished texts, in the customer's order and with his headings.
//!
//! Counts nothing; lays nothing out: text and HTML do.

pub(super) mod service_level;
mod tables;

use super::language::Language;
use super::model::{Note, Report, Terms};
use crate::time::Duration;

/// The whole report.
pub(super) struct Document {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) sections: Vec<Section>,
}

/// One heading and what is below it.
#[derive(Default)]
pub(super) struct Section {
    pub(super) heading: String,
    pub(super) lead: Vec<String>,
    pub(super) pairs: Vec<(String, String)>,
    pub(super) tables: Vec<Table>,
    pub(super) points: Vec<String>,
}

/// The first column names the row, the others are numbers.
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) total: Option<Vec<String>>,
}

/// Puts a report into words.
pub(super) fn of(report: &Report, lang: Language) -> Document {
    let mut sections = vec![
        summary(report, lang),
        service_level::section(report, lang),
        service_level::abandoned(report, lang),
        tables::lengths(report, lang),
    ];
    sections.extend(service_level::formulas(report, lang));
    sections.extend(service_level::profiles(report, lang));
    sections.extend(tables::pools(report, lang));
    sections.extend(tables::pauses(report, lang));
    sections.extend(tables::services(report, lang));
    sections.extend(tables::months(report, lang));
    sections.push(tables::days(report, lang));
    sections.push(tables::half_hours(report, lang));
    sections.extend(tables::intervals(report, lang));
    sections.push(notes(report, lang));
    Document { title: title(report, lang), subtitle: subtitle(report, lang), sections }
}

fn title(report: &Report, lang: Language) -> String {
    let period = &report.question.period;
    let (first, last) = (period.start().date(), period.last_day());
    if period.is_month() {
        return format!("{} {}", lang.pick("Report Telefonico Mese", "Telephone report,"), lang.month(first));
    }
    let midnight = |at: &jiff::Zoned| at.time() == jiff::civil::Time::midnight();
    let name = lang.pick("Report Telefonico", "Telephone report,");
    match (midnight(period.start()) && midnight(period.end()), first == last) {
        (true, true) => format!("{name} {}", lang.date(first)),
        (true, false) => format!("{name} {} – {}", lang.date(first), lang.date(last)),
        (false, _) => format!("{name} {} – {}", lang.moment(period.start()), lang.moment(period.end())),
    }
}

fn subtitle(report: &Report, lang: Language) -> String {
    let service = match &report.question.service {
        Some(name) => format!("{} {name}", lang.pick("Servizio", "Service")),
        None => lang.pick("Tutti i servizi", "All services").to_owned(),
    };
    let zone = lang.pick("ora di", "time of");
    let made = lang.pick("prodotto il", "made on");
    format!("{service} · {zone} {} · {made} {}", report.question.period.zone_name(), lang.moment(&report.made))
}

fn summary(report: &Report, lang: Language) -> Section {
    let figures = &report.total.figures;
    let count =
        |label: (&'static str, &'static str), count: u64| (lang.pick(label.0, label.1).to_owned(), lang.count(count));
    let mut pairs = vec![
        count(("Telefonate ricevute", "Calls received"), figures.received),
        count(
            ("– abbandonate durante il messaggio di benvenuto", "– left during the greeting"),
            figures.left_in_greeting,
        ),
        count(("– concluse dal menu", "– ended by the menu"), figures.ended_in_menu),
        count(("– non riuscite prima della coda", "– failed before the queue"), figures.failed_in_greeting),
        count(("Telefonate entrate in coda", "Calls entered"), figures.entered),
        count(("– risposte", "– answered"), figures.answered),
        count(("– abbandonate", "– abandoned"), figures.abandoned),
        count(("– uscite dalla coda verso altro", "– flowed out"), figures.flowed_out),
        count(("– non riuscite per causa nostra", "– failed through our fault"), figures.failed),
        count(("Telefonate non accettate", "Calls refused"), figures.refused),
    ];
    pairs.push((
        lang.pick("Attesa più lunga", "Longest wait").to_owned(),
        lang.length((figures.entered > 0).then_some(report.total.longest)),
    ));
    Section {
        heading: lang.pick("Sommario", "Summary").to_owned(),
        lead: vec![
            lang.pick(
                "Si indicano i dati estratti dalla centrale telefonica. Ogni telefonata appartiene al giorno in cui è \
                 entrata in coda.",
                "The figures of the telephone exchange. A call belongs to the day on which it entered the queue.",
            )
            .to_owned(),
        ],
        pairs,
        ..Section::default()
    }
}

fn notes(report: &Report, lang: Language) -> Section {
    Section {
        heading: lang.pick("Note", "Notes").to_owned(),
        points: report.notes.iter().map(|note| note_in_words(note, lang)).collect(),
        ..Section::default()
    }
}

fn note_in_words(note: &Note, lang: Language) -> String {
    let of = |italian: &str, english: &str, number: u64| lang.pick(italian, english).replace("{}", &lang.count(number));
    match note {
        Note::NotOver => lang
            .pick(
                "Il periodo non è concluso: le cifre sono provvisorie, e le telefonate in corso non vi compaiono ancora.",
                "The period is not over: the figures are provisional, and calls in progress are not among them yet.",
            )
            .to_owned(),
        Note::WaitingAtClosing(number) => of(
            "In attesa alla chiusura del periodo: {}. Sono contate per come sono finite.",
            "Waiting when the period closed: {}. They count as they ended.",
            *number,
        ),
        Note::Failed(number) => of(
            "Telefonate non riuscite per causa nostra: {}. Ciascuna è contata in ritardo, per quanto breve l'attesa.",
            "Calls that failed through our fault: {}. Each counts as late, however short its wait.",
            *number,
        ),
        Note::TermsChanged { queue, since, before, after } => {
            let (since, before, after) = (lang.moment(since), terms_in_words(before, lang), terms_in_words(after, lang));
            match lang {
                Language::Italian => format!("Coda {queue}: dal {since} le soglie sono {after}; prima {before}."),
                Language::English => format!("Queue {queue}: from {since} the terms are {after}; before, {before}."),
            }
        }
        Note::SeveralTerms => lang
            .pick(
                "Nel periodo valgono più soglie od obiettivi: ogni telefonata è giudicata con quelli del suo giorno e \
                 della sua coda; l'obiettivo indicato è il più severo. Le righe di una soglia contano solo le \
                 telefonate per cui valeva.",
                "Several thresholds or targets were in force: each call is judged by those of its day and queue, the \
                 target shown is the strictest, and the rows of a threshold count the calls it was in force for.",
            )
            .to_owned(),
        Note::Lost(number) => of(
            "ATTENZIONE: {} telefonate del periodo non sono state scritte nel registro e mancano da queste cifre.",
            "WARNING: {} calls of the period could not be written to the ledger and are missing here.",
            *number,
        ),
        Note::Purged(before) => format!(
            "{} {}.",
            lang.pick(
                "ATTENZIONE: sono state cancellate, per scadenza, le telefonate precedenti il",
                "WARNING: calls were deleted, as their time was over, that came before",
            ),
            lang.moment(before)
        ),
        Note::NoCalls => lang.pick("Nessuna telefonata nel periodo.", "No calls in the period.").to_owned(),
    }
}

fn terms_in_words(terms: &Terms, lang: Language) -> String {
    format!("{} s (>{}%)", lengths_in_words(&terms.thresholds, lang), terms.target_percent)
}

/// 30, 20, 40; where nothing says which, T.
pub(super) fn lengths_in_words(lengths: &[Duration], lang: Language) -> String {
    match lengths {
        [] => "T".to_owned(),
        lengths => lengths.iter().map(|length| lang.threshold(*length)).collect::<Vec<_>>().join(lang.pick("; ", ", ")),
    }
}
