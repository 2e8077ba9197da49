//! The tables: how long things took, and the period by pool, service, month, day, half-hour and interval.

use super::{Section, Table};
use crate::report::language::Language;
use crate::report::model::{Mean, PauseRow, Percentiles, PoolRow, Report, Row};
use crate::stats::ratio::Ratio;

/// ASA, AHT, percentiles.
pub(super) fn lengths(report: &Report, lang: Language) -> Section {
    let total = &report.total;
    let columns = ["", "50%", "80%", "90%", "95%", "99%", lang.pick("massimo", "most")];
    let row = |italian: &str, english: &str, it: &Percentiles| {
        let mut row = vec![lang.pick(italian, english).to_owned()];
        row.extend(it.values.iter().chain([&it.most]).map(|length| lang.length(*length)));
        row
    };
    let lengths = &report.lengths;
    let pair = |italian: &str, english: &str, mean: Mean| (lang.pick(italian, english).to_owned(), lang.mean(mean));
    Section {
        heading: lang.pick("Tempi", "Times").to_owned(),
        pairs: vec![
            pair("Tempo medio di risposta (ASA)", "Average speed of answer (ASA)", total.speed_of_answer()),
            pair(
                "Tempo medio di gestione (AHT: conversazione, attesa, post-chiamata)",
                "Average handling time (AHT: talk, hold, wrap-up)",
                total.handling_time(),
            ),
            pair(
                "Attesa media prima dell'abbandono",
                "Mean wait before abandoning",
                Mean::of(total.figures.waited_abandoned, total.figures.abandoned),
            ),
        ],
        tables: vec![Table {
            columns: columns.map(str::to_owned).to_vec(),
            rows: vec![
                row("Attesa delle risposte", "Wait of answered calls", &lengths.answered),
                row("Attesa delle abbandonate", "Wait of abandoned calls", &lengths.abandoned),
                row("Conversazione", "Talk", &lengths.talk),
                row("Post-chiamata", "Wrap-up", &lengths.wrap_up),
            ],
            total: None,
        }],
        points: vec![
            lang.pick(
                "50% = metà delle telefonate non ha superato questo tempo; così per le altre quote.",
                "50% = half of the calls took no longer; and so on.",
            )
            .to_owned(),
        ],
        ..Section::default()
    }
}

/// By level of support.
pub(super) fn pools(report: &Report, lang: Language) -> Option<Section> {
    if report.pools.is_empty() {
        return None;
    }
    let columns = [
        ("Livello", "Level"),
        ("Squilli", "Offers"),
        ("Senza risposta", "No answer"),
        ("Risposte", "Answered"),
        ("Entro la soglia", "In time"),
        ("Quota", "Share"),
        ("ASA", "ASA"),
        ("AHT", "AHT"),
    ];
    let row = |name: &str, it: &PoolRow| {
        let mut row = vec![name.to_owned()];
        row.extend([it.offers, it.no_answer, it.answered, it.in_time].map(|count| lang.count(count)));
        row.push(lang.percent(Ratio::new(it.in_time, it.answered)));
        row.push(lang.mean(Mean::of(it.waited, it.answered)));
        // A colleague who takes over a caller has handled a call that somebody else answered.
        row.push(lang.mean(Mean::of(it.handled, it.talks)));
        row
    };
    let mut sum = PoolRow::default();
    for (_, pool) in &report.pools {
        sum += *pool;
    }
    Some(Section {
        heading: lang.pick("Per livello di assistenza", "By level of support").to_owned(),
        tables: vec![Table {
            columns: columns.iter().map(|(it, en)| lang.pick(*it, *en).to_owned()).collect(),
            rows: report.pools.iter().map(|(name, pool)| row(name, pool)).collect(),
            total: Some(row(lang.pick("Totale", "Total"), &sum)),
        }],
        ..Section::default()
    })
}

/// Pauses by level and reason, where there are any.
pub(super) fn pauses(report: &Report, lang: Language) -> Option<Section> {
    let columns =
        [("Livello", "Level"), ("Motivo", "Reason"), ("Pause", "Pauses"), ("Durata", "Time"), ("Media", "Mean")];
    let row = |names: [&str; 2], it: &PauseRow| {
        let mut row = names.map(str::to_owned).to_vec();
        row.push(lang.count(it.pauses));
        row.push(lang.length(Some(it.lasted)));
        row.push(lang.mean(Mean::of(it.lasted, it.pauses)));
        row
    };
    let mut sum = PauseRow::default();
    for (.., it) in &report.pauses {
        (sum.pauses, sum.lasted) = (sum.pauses + it.pauses, sum.lasted + it.lasted);
    }
    (!report.pauses.is_empty()).then(|| Section {
        heading: lang.pick("Pause per livello e motivo", "Pauses by level and reason").to_owned(),
        tables: vec![Table {
            columns: columns.iter().map(|(it, en)| lang.pick(*it, *en).to_owned()).collect(),
            rows: report.pauses.iter().map(|(pool, reason, it)| row([pool, reason], it)).collect(),
            total: Some(row([lang.pick("Totale", "Total"), ""], &sum)),
        }],
        ..Section::default()
    })
}

/// By what was dialled, where there is more than one.
pub(super) fn services(report: &Report, lang: Language) -> Option<Section> {
    let rows = report.services.iter().map(|(name, row)| (name.to_string(), row));
    (report.services.len() > 1).then(|| Section {
        heading: lang.pick("Per servizio", "By service").to_owned(),
        tables: vec![table(lang.pick("Servizio", "Service"), rows, &report.total, lang)],
        ..Section::default()
    })
}

/// By month, where there is more than one.
pub(super) fn months(report: &Report, lang: Language) -> Option<Section> {
    let rows = report.months.iter().map(|(month, row)| (lang.month(*month), row));
    (report.months.len() > 1).then(|| Section {
        heading: lang.pick("Per mese", "By month").to_owned(),
        tables: vec![table(lang.pick("Mese", "Month"), rows, &report.total, lang)],
        ..Section::default()
    })
}

/// By civil day.
pub(super) fn days(report: &Report, lang: Language) -> Section {
    let rows = report.days.iter().map(|(day, row)| (lang.day(*day), row));
    Section {
        heading: lang.pick("Per giorno", "By day").to_owned(),
        tables: vec![table(lang.pick("Giorno", "Day"), rows, &report.total, lang)],
        ..Section::default()
    }
}

/// By half-hour of the day, all days together; half-hours at the edges without calls are not printed.
pub(super) fn half_hours(report: &Report, lang: Language) -> Section {
    let name = |half: u8| format!("{:02}:{:02}", half / 2, half % 2 * 30);
    let is_used = |(_, row): &&(u8, Row)| row.figures.received + row.figures.refused + row.figures.entered > 0;
    let first = report.half_hours.iter().find(is_used).map_or(0, |(half, _)| *half);
    let last = report.half_hours.iter().rfind(is_used).map_or(0, |(half, _)| *half);
    let used = report.half_hours.iter().filter(|(half, _)| (first..=last).contains(half));
    let rows = used.map(|(half, row)| (name(*half), row));
    Section {
        heading: lang.pick("Profilo per mezz'ora", "Half-hour profile").to_owned(),
        tables: vec![table(lang.pick("Dalle", "From"), rows, &report.total, lang)],
        ..Section::default()
    }
}

/// The rows of an interval report.
pub(super) fn intervals(report: &Report, lang: Language) -> Option<Section> {
    let every = report.question.every?;
    let rows = report.intervals.iter().map(|(begin, row)| (lang.moment(begin), row));
    Some(Section {
        heading: format!("{} {}", lang.pick("Intervalli di", "Intervals of"), every.label()),
        tables: vec![table(lang.pick("Dalle", "From"), rows, &report.total, lang)],
        ..Section::default()
    })
}

fn table<'r>(first: &str, rows: impl Iterator<Item = (String, &'r Row)>, total: &Row, lang: Language) -> Table {
    let columns = [
        ("Ricevute", "Received"),
        ("Entrate", "Entered"),
        ("Risposte", "Answered"),
        ("Abband.", "Abandoned"),
        ("Entro soglia", "In time"),
        ("In ritardo", "Late"),
        ("Livello", "Level"),
        ("Tasso abb.", "Aband. rate"),
        ("ASA", "ASA"),
        ("Att. max", "Longest"),
    ];
    let mut names = vec![first.to_owned()];
    names.extend(columns.iter().map(|(it, en)| lang.pick(*it, *en).to_owned()));
    Table {
        columns: names,
        rows: rows.map(|(name, row)| cells(name, row, lang)).collect(),
        total: Some(cells(lang.pick("Totale", "Total").to_owned(), total, lang)),
    }
}

fn cells(name: String, row: &Row, lang: Language) -> Vec<String> {
    let (figures, events) = (&row.figures, row.contract.events);
    let counts = [figures.received, figures.entered, figures.answered, figures.abandoned, events.hit, events.miss];
    let mut cells = vec![name];
    cells.extend(counts.map(|count| lang.count(count)));
    cells.push(lang.percent(events.service_level()));
    cells.push(lang.percent(row.abandonment()));
    cells.push(lang.mean(row.speed_of_answer()));
    cells.push(lang.length((figures.entered > 0).then_some(row.longest)));
    cells
}
