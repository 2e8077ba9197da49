//! A report for spreadsheets: one line a row of the report, the whole first, the same columns throughout.
//!
//! Italian spreadsheets separate by semicolons and write decimal commas, so the Italian one does.

use super::language::Language;
use super::model::{Mean, Report, Row};
use crate::stats::ratio::Ratio;

/// Column headings, Italian and English.
const COLUMNS: [(&str, &str); 25] = [
    ("tabella", "table"),
    ("riga", "row"),
    ("ricevute", "received"),
    ("abbandonate_nel_messaggio", "left_in_greeting"),
    ("concluse_dal_menu", "ended_in_menu"),
    ("non_riuscite_prima_della_coda", "failed_in_greeting"),
    ("non_accettate", "refused"),
    ("entrate", "entered"),
    ("risposte", "answered"),
    ("abbandonate", "abandoned"),
    ("uscite", "flowed_out"),
    ("non_riuscite", "failed"),
    ("entro_soglia", "hit"),
    ("in_ritardo", "miss"),
    ("escluse", "excused"),
    ("livello_percento", "service_level_percent"),
    ("tasso_abbandono_percento", "abandonment_percent"),
    ("tasso_con_messaggio_percento", "abandonment_with_greeting_percent"),
    ("asa_secondi", "asa_seconds"),
    ("aht_secondi", "aht_seconds"),
    ("attesa_massima_secondi", "longest_wait_seconds"),
    ("conversazione_secondi", "talk_seconds"),
    ("attesa_in_linea_secondi", "hold_seconds"),
    ("consultazione_secondi", "consult_seconds"),
    ("post_chiamata_secondi", "wrap_up_seconds"),
];

/// Writes the rows.
pub(super) fn render(report: &Report, lang: Language) -> String {
    let delimiter = lang.pick(b';', b',');
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    let mut write = |record: Vec<String>| {
        // Writing into memory cannot fail, and every record has as many fields.
        _ = writer.write_record(record);
    };
    write(COLUMNS.iter().map(|(it, en)| lang.pick(*it, *en).to_owned()).collect());
    write(record(lang.pick("totale", "total"), String::new(), &report.total, lang));
    for (service, row) in &report.services {
        write(record(lang.pick("servizio", "service"), service.to_string(), row, lang));
    }
    for (month, row) in &report.months {
        write(record(lang.pick("mese", "month"), month.strftime("%Y-%m").to_string(), row, lang));
    }
    for (day, row) in &report.days {
        write(record(lang.pick("giorno", "day"), day.to_string(), row, lang));
    }
    for (half, row) in &report.half_hours {
        let name = format!("{:02}:{:02}", half / 2, half % 2 * 30);
        write(record(lang.pick("mezz'ora", "half_hour"), name, row, lang));
    }
    for (begin, row) in &report.intervals {
        let name = begin.strftime("%Y-%m-%dT%H:%M%:z").to_string();
        write(record(lang.pick("intervallo", "interval"), name, row, lang));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn record(table: &str, name: String, row: &Row, lang: Language) -> Vec<String> {
    let (figures, events) = (&row.figures, row.contract.events);
    let counts = [
        figures.received,
        figures.left_in_greeting,
        figures.ended_in_menu,
        figures.failed_in_greeting,
        figures.refused,
        figures.entered,
        figures.answered,
        figures.abandoned,
        figures.flowed_out,
        figures.failed,
        events.hit,
        events.miss,
        events.excused,
    ];
    let number = |text: Option<String>| text.map_or_else(String::new, |text| lang.decimal_point(&text));
    let percent = |ratio: Option<Ratio>| number(ratio.map(|ratio| ratio.percent().to_string()));
    let seconds = |mean: Mean| number(mean.seconds().map(|seconds| format!("{:.3}", seconds.decimal())));
    let mut record = vec![table.to_owned(), shielded(name)];
    record.extend(counts.map(|count| count.to_string()));
    record.extend([events.service_level(), row.abandonment(), row.abandonment_with_greeting()].map(percent));
    record.extend([row.speed_of_answer(), row.handling_time()].map(seconds));
    record.push(seconds(Mean::of(row.longest, figures.entered.min(1))));
    let spent = [figures.talked, figures.held, figures.consulted, figures.wrapped_up];
    record.extend(spent.map(|length| seconds(Mean::of(length, 1))));
    record
}

/// A name that a spreadsheet would take for a formula is text.
fn shielded(name: String) -> String {
    match name.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{name}"),
        false => name,
    }
}
