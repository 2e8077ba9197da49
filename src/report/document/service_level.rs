//! The sections about the contract: S.L.A., abandoned calls, other formulas, regulators' indicators.

use super::{Section, Table, lengths_in_words};
use crate::report::language::Language;
use crate::report::model::{Distance, Level, Report};
use crate::report::profile::{Indicators, MONTHS_KEPT, Profile};
use crate::stats::ratio::Ratio;
use crate::stats::service_level::{Formula, VERY_SHORT_SECONDS};

/// *S.L.A.*, as the customer prints it.
pub(super) fn section(report: &Report, lang: Language) -> Section {
    let threshold = lengths_in_words(&report.contract, lang);
    let within = |lang: Language| match lang {
        Language::Italian => format!("di telefonate accolte entro {threshold} secondi"),
        Language::English => format!("of calls answered within {threshold} seconds"),
    };
    let events = report.total.contract.events;
    let target = |percent: u8| format!(">{percent}% {}", within(lang));
    let minimum = report.target_percent.map_or_else(|| lang.undefined().to_owned(), target);
    let result = match events.service_level() {
        Some(level) => format!("{} {}", lang.short_percent(Some(level)), within(lang)),
        None => lang.undefined().to_owned(),
    };
    let mut pairs = vec![
        pair(
            lang,
            "Descrizione",
            "Description",
            match lang {
                Language::Italian => format!("Percentuale {}", within(lang)),
                Language::English => format!("Percentage {}", within(lang)),
            },
        ),
        pair(lang, "Target", "Target", minimum),
        pair(lang, "Target avanzato", "Advanced target", target(report.question.advanced_percent)),
        pair(lang, "Risultato", "Result", result),
        pair(
            lang,
            "Target raggiunto",
            "Target met",
            lang.met(report.target_percent.and_then(|it| events.met(it))).to_owned(),
        ),
        pair(
            lang,
            "Target avanzato raggiunto",
            "Advanced target met",
            lang.met(events.met(report.question.advanced_percent)).to_owned(),
        ),
    ];
    if let Some(distance) = report.target_percent.and_then(|target| Distance::of(events, target)) {
        pairs.push(pair(lang, "Telefonate in ritardo", "Late calls", late_in_words(events.miss, distance, lang)));
    }
    pairs.push(pair(lang, "Formula di calcolo", "Formula", formula(&threshold, lang)));
    Section {
        heading: lang.pick("S.L.A.", "Service level").to_owned(),
        pairs,
        tables: vec![levels(report, lang)],
        points: vec![arithmetic(report, lang)],
        ..Section::default()
    }
}

fn pair(lang: Language, italian: &str, english: &str, value: String) -> (String, String) {
    (lang.pick(italian, english).to_owned(), value)
}

/// The customer's formula; the parenthesis stands where the counts make sense.
fn formula(threshold: &str, lang: Language) -> String {
    match lang {
        Language::Italian => format!(
            "100 * (1 - (call risposte > {threshold} sec + call abbandonate > {threshold} sec) / (call entrate - call \
             abbandonate <= {threshold} sec))"
        ),
        Language::English => format!(
            "100 * (1 - (calls answered > {threshold} s + calls abandoned > {threshold} s) / (calls entered - calls \
             abandoned <= {threshold} s))"
        ),
    }
}

/// The formula with the numbers in it.
fn arithmetic(report: &Report, lang: Language) -> String {
    let level = &report.total.contract;
    let four = level.four_counts();
    let late = [four.answered_late, four.abandoned_late, four.other_late].map(|count| lang.count(count));
    let other = if four.other_late > 0 { format!(" + {}", late[2]) } else { String::new() };
    let short = four.abandoned_short + four.other_short;
    format!(
        "100 * (1 - ({} + {}{other}) / ({} - {})) = {}",
        late[0],
        late[1],
        lang.count(level.events.entered()),
        lang.count(short),
        lang.percent(level.events.service_level())
    )
}

/// How many late calls there were, might have been, and were too many.
pub(in crate::report) fn late_in_words(late: u64, distance: Distance, lang: Language) -> String {
    let Some((most, fewer)) = distance.most_late.zip(distance.fewer) else {
        return lang.count(late);
    };
    let (late, most, few) = (lang.count(late), lang.count(most), lang.count(fewer));
    match (lang, fewer) {
        (Language::Italian, 0) => format!("{late}; ammesse al massimo {most}"),
        (Language::Italian, 1) => format!("{late}; ammesse al massimo {most}: 1 in meno avrebbe raggiunto il target"),
        (Language::Italian, _) => {
            format!("{late}; ammesse al massimo {most}: {few} in meno avrebbero raggiunto il target")
        }
        (Language::English, 0) => format!("{late}; at most {most} were allowed"),
        (Language::English, _) => format!("{late}; at most {most} were allowed: {few} fewer would have met the target"),
    }
}

/// The counts under each threshold, the contract's first.
fn levels(report: &Report, lang: Language) -> Table {
    let columns = [
        ("Soglia", "Threshold"),
        ("Risposte entro", "Answered within"),
        ("Risposte oltre", "Answered after"),
        ("Abband. entro", "Abandoned within"),
        ("Abband. oltre", "Abandoned after"),
        ("Altre entro", "Other within"),
        ("Altre oltre", "Other after"),
        ("Denominatore", "Denominator"),
        ("Livello", "Level"),
    ];
    let mut columns: Vec<String> = columns.iter().map(|(it, en)| lang.pick(*it, *en).to_owned()).collect();
    columns.extend(report.target_percent.map(|target| format!(">{target}%")));
    columns.push(format!(">{}%", report.question.advanced_percent));
    columns.push(lang.pick("In meno", "Fewer").to_owned());
    let contract = format!("{} s ({})", lengths_in_words(&report.contract, lang), lang.pick("contratto", "contract"));
    let mut rows = vec![level(report, contract, &report.total.contract, lang)];
    for (length, it) in report.official.iter().zip(&report.total.official) {
        rows.push(level(report, format!("{} s", lang.threshold(*length)), it, lang));
    }
    for (length, it) in report.question.thresholds.iter().zip(&report.total.asked) {
        let asked = lang.pick("ricalcolo", "recomputed");
        rows.push(level(report, format!("{} s ({asked})", lang.threshold(*length)), it, lang));
    }
    Table { columns, rows, total: None }
}

fn level(report: &Report, name: String, level: &Level, lang: Language) -> Vec<String> {
    let four = level.four_counts();
    let counts = [
        four.answered_in_time,
        four.answered_late,
        four.abandoned_short,
        four.abandoned_late,
        four.other_short,
        four.other_late,
        level.denominator(),
    ];
    let mut row = vec![name];
    row.extend(counts.map(|count| lang.count(count)));
    row.push(lang.percent(level.events.service_level()));
    row.extend(report.target_percent.map(|target| lang.met(level.events.met(target)).to_owned()));
    row.push(lang.met(level.events.met(report.question.advanced_percent)).to_owned());
    let fewer = report.target_percent.and_then(|target| Distance::of(level.events, target)?.fewer);
    row.push(fewer.map_or_else(|| lang.undefined().to_owned(), |fewer| lang.count(fewer)));
    row
}

/// *Telefonate abbandonate*: both rates, each by its name.
pub(super) fn abandoned(report: &Report, lang: Language) -> Section {
    let (total, figures) = (&report.total, &report.total.figures);
    let counts = total.contract.four_counts();
    let threshold = lengths_in_words(&report.contract, lang);
    let count = |italian: String, english: String, count: u64| (lang.pick(italian, english), lang.count(count));
    let pairs = vec![
        count("Abbandonate in coda".into(), "Abandoned in the queue".into(), figures.abandoned),
        count(
            format!("– entro {threshold} s (escluse dal calcolo)"),
            format!("– within {threshold} s (left out of the level)"),
            counts.abandoned_short,
        ),
        count(
            format!("– di cui entro {VERY_SHORT_SECONDS} s"),
            format!("– of these within {VERY_SHORT_SECONDS} s"),
            total.contract.counts.abandoned_very_short,
        ),
        count(
            format!("– oltre {threshold} s (in ritardo)"),
            format!("– after {threshold} s (late)"),
            counts.abandoned_late,
        ),
        pair(lang, "Tasso: abbandonate su entrate", "Rate: abandoned of entered", lang.percent(total.abandonment())),
        count(
            "Abbandonate durante il messaggio di benvenuto".into(),
            "Left during the greeting".into(),
            figures.left_in_greeting,
        ),
        pair(
            lang,
            "Tasso con il messaggio: tutte le abbandonate su ricevute",
            "Rate with the greeting: all who left, of received",
            lang.percent(total.abandonment_with_greeting()),
        ),
    ];
    Section { heading: lang.pick("Telefonate abbandonate", "Abandoned calls").to_owned(), pairs, ..Section::default() }
}

/// The market's formulas side by side, on request.
pub(super) fn formulas(report: &Report, lang: Language) -> Option<Section> {
    if !report.question.formulas {
        return None;
    }
    let contract = lengths_in_words(&report.contract, lang);
    let name = |length: String| format!("T = {length} s");
    let mut columns = vec![lang.pick("Formula", "Formula").to_owned(), lang.pick("Calcolo", "Made of").to_owned()];
    columns.push(name(contract));
    let official = report.official.iter().zip(&report.total.official);
    let asked = report.question.thresholds.iter().zip(&report.total.asked);
    let others: Vec<(String, &Level)> =
        official.chain(asked).map(|(length, level)| (name(lang.threshold(*length)), level)).collect();
    columns.extend(others.iter().map(|(name, _)| name.clone()));
    let levels: Vec<&Level> =
        std::iter::once(&report.total.contract).chain(others.iter().map(|(_, level)| *level)).collect();
    let row = |formula: &Formula| {
        let mut row = vec![formula.label().to_owned(), written(*formula).to_owned()];
        row.extend(levels.iter().map(|level| lang.percent(value(*formula, level))));
        row
    };
    let rows = Formula::ALL.iter().map(row).collect();
    Some(Section {
        heading: lang.pick("Altre formule", "Other formulas").to_owned(),
        lead: vec![
            lang.pick(
                "Le stesse telefonate secondo le formule in uso sul mercato. A: risposte, B: abbandonate, E: entrate, \
                 T: soglia. Vale per il contratto solo la prima.",
                "The same calls by the formulas of the market. A: answered, B: abandoned, E: entered, T: threshold. \
                 Only the first is the contract's.",
            )
            .to_owned(),
        ],
        tables: vec![Table { columns, rows, total: None }],
        ..Section::default()
    })
}

fn value(formula: Formula, level: &Level) -> Option<Ratio> {
    match formula {
        Formula::Contract => level.events.service_level(),
        _ => formula.of(level.counts),
    }
}

fn written(formula: Formula) -> &'static str {
    match formula {
        Formula::Contract => "hit / (hit + miss)",
        Formula::Ignored => "A<=T / (A + B - B<=T)",
        Formula::Positive => "(A<=T + B<=T) / (A + B)",
        Formula::AnsweredOnly => "A<=T / A",
        Formula::Negative => "A<=T / (A + B)",
        Formula::VeryShortPositive => "(A<=T + B<=5) / (A + B)",
        Formula::LiteralLive => "1 - (A>T + B>T) / (E - B<=T)",
        Formula::AsPrinted => "(1 - (A>T + B>T)) / (E - B<=T)",
        Formula::Frequencies => "(E - (A>T + B>T)) / (E - B<=T)",
    }
}

/// What regulators ask for, each profile by its name.
pub(super) fn profiles(report: &Report, lang: Language) -> Option<Section> {
    let columns = [
        ("Periodo", "Period"),
        ("Attesa media", "Mean wait"),
        ("Limite", "Limit"),
        ("Rispettato", "Kept"),
        ("Quota", "Share"),
        ("Minimo", "Minimum"),
        ("Rispettato", "Kept"),
    ];
    let mut section = Section {
        heading: lang.pick("Indicatori dei regolatori", "Regulators' indicators").to_owned(),
        ..Section::default()
    };
    for judged in &report.profiles {
        let profile = judged.whole.profile;
        section.lead.push(meaning(profile, lang));
        let whole = lang.pick("Tutto il periodo", "Whole period").to_owned();
        let rows = judged.months.iter().map(|(month, it)| indicators(lang.month(*month), it, lang)).collect();
        section.tables.push(Table {
            columns: columns.iter().map(|(it, en)| lang.pick(*it, *en).to_owned()).collect(),
            rows,
            total: (judged.months.len() > 1).then(|| indicators(whole, &judged.whole, lang)),
        });
        let (least, of) = MONTHS_KEPT;
        let (kept, months) = (judged.months_kept(), judged.months.len());
        section.points.push(match lang {
            Language::Italian => {
                format!(
                    "{}: rispettato in {kept} mesi su {months}; la regola chiede {least} mesi su {of}.",
                    profile.label()
                )
            }
            Language::English => {
                format!("{}: kept in {kept} of {months} months; the rule asks for {least} of {of}.", profile.label())
            }
        });
    }
    (!report.profiles.is_empty()).then_some(section)
}

fn indicators(name: String, it: &Indicators, lang: Language) -> Vec<String> {
    vec![
        name,
        lang.mean_seconds(it.mean),
        format!("{} s", it.profile.longest_mean().as_secs()),
        lang.met(it.mean_kept()).to_owned(),
        lang.percent(it.share),
        format!("{}%", it.profile.least_percent()),
        lang.met(it.share_kept()).to_owned(),
    ]
}

fn meaning(profile: Profile, lang: Language) -> String {
    let text = match profile {
        Profile::Agcom25524 => lang.pick(
            "tempo medio di attesa dalla scelta dell'operatore alla risposta, e quota di risposte entro 20 secondi \
             (AGCOM, delibera 255/24/CONS)",
            "mean wait from the choice of an operator to the answer, and share answered within 20 seconds (AGCOM, \
             resolution 255/24/CONS)",
        ),
        Profile::AreraWater => lang.pick(
            "tempo medio di attesa di risposte e abbandonate, messaggio di benvenuto compreso, e livello del servizio: \
             risposte su entrate (ARERA, servizio idrico)",
            "mean wait of answered and abandoned calls, greeting included, and answered of entered (ARERA, water)",
        ),
    };
    format!("{}: {text}.", profile.label())
}
