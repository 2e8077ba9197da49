//! How reports read, and that every format prints the same numbers.

use super::desk::{CONTRACT, Call, abandoned, answered, greeting, moment, month, october, question, report, rome};
use centralino::report::period::Every;
use centralino::report::{Ending, Format, Interaction, Language, Period, Profile, Question, render};
use centralino::time::Duration;
use serde_json::Value;

/// Three days of October with a few calls each.
fn small() -> (Question, Vec<Interaction>) {
    let mut asked = question(Period::stretch("2026-10-05", "2026-10-07", &rome()).expect("a period"));
    asked.thresholds = vec![Duration::from_secs(10)];
    asked.formulas = true;
    asked.profiles = Profile::ALL.to_vec();
    let calls = [
        answered("2026-10-05T09:00", 4_000),
        answered("2026-10-05T09:10", 12_500),
        answered("2026-10-05T09:40", 31_000),
        abandoned("2026-10-05T10:00", 3_000),
        answered("2026-10-06T11:15", 22_000),
        abandoned("2026-10-06T11:16", 64_000),
        answered("2026-10-07T16:59:59", 8_250),
    ];
    let mut records = calls.map(|call| call.record()).to_vec();
    let left = moment("2026-10-05T09:30");
    records.push(greeting("urp", left, left.after(Duration::from_secs(4)), Ending::LeftInGreeting { lost: false }));
    records.sort_by_key(|record| record.filed().utc);
    (asked, records)
}

fn written(language: Language, format: Format) -> String {
    let (asked, records) = small();
    render(&report(asked, &records), language, format)
}

#[test]
fn a_small_report_in_italian() {
    insta::assert_snapshot!("report_it", written(Language::Italian, Format::Text));
}

#[test]
fn a_small_report_in_english() {
    insta::assert_snapshot!("report_en", written(Language::English, Format::Text));
}

#[test]
fn a_small_report_for_spreadsheets() {
    let lines = |text: String| text.lines().filter(|line| !line.contains("mezz'ora")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("report_csv", lines(written(Language::Italian, Format::Csv)));
}

#[test]
fn an_interval_report_in_english() {
    let (mut asked, records) = small();
    asked = Question { every: Some(Every::HalfHour), ..asked };
    asked.period = Period::stretch("2026-10-05T09:00", "2026-10-05T11:00", &rome()).expect("a period");
    (asked.formulas, asked.profiles, asked.thresholds) = (false, Vec::new(), Vec::new());
    insta::assert_snapshot!("report_intervals", render(&report(asked, &records), Language::English, Format::Text));
}

/// The customer's case: 12,500 calls, 625 abandoned early, 84 %.
fn customers_case() -> String {
    let mut records = Vec::new();
    let mut push = |count: usize, call: &Call| records.extend(std::iter::repeat_n(call.record(), count));
    push(9_975, &answered("2026-10-05T10:00", 10_000));
    push(1_300, &answered("2026-10-06T10:00", 45_000));
    push(600, &abandoned("2026-10-07T10:00", 50_000));
    push(625, &abandoned("2026-10-08T10:00", 10_000));
    render(&report(month("2026-10"), &records), Language::Italian, Format::Text)
}

#[test]
fn the_customers_84_percent_reads_as_the_customer_prints_it() {
    let text = customers_case();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let has = |name: &str, value: &str| {
        assert!(lines.iter().any(|line| line.starts_with(name) && line.ends_with(value)), "{name} {value}\n{text}");
    };
    has("Report Telefonico Mese ottobre 2026", "");
    has("Telefonate entrate in coda", "12.500");
    has("Target ", ">90% di telefonate accolte entro 30 secondi");
    has("Risultato ", "84% di telefonate accolte entro 30 secondi");
    has("Target raggiunto ", "no");
    has("Telefonate in ritardo ", "1.900; ammesse al massimo 1.187: 713 in meno avrebbero raggiunto il target");
    has("- 100 * (1 - (1.300 + 600) / (12.500 - 625)) = 84,00%", "");
}

#[test]
fn an_empty_month_has_no_numbers_where_there_are_none() {
    let report = report(month("2026-12"), &[]);
    let text = render(&report, Language::Italian, Format::Text);
    assert!(text.contains("n.d.") && !text.contains("0,00%") && !text.contains("100,00%"), "{text}");
    let english = render(&report, Language::English, Format::Html);
    assert!(english.contains("n/a") && !english.contains("NaN") && !english.contains("0.00%"));
    let json: Value = serde_json::from_str(&render(&report, Language::English, Format::Json)).expect("JSON");
    assert_eq!(json["total"]["contract"]["service_level_percent"], Value::Null);
    assert_eq!(json["contract"]["met"], Value::Null);
}

/// What a browser would show: the cells of a table's rows, tags and entities resolved.
pub fn cells(html: &str, heading: &str) -> Vec<Vec<String>> {
    let section = html.split("<h2>").find(|section| section.starts_with(heading)).expect("the section");
    let text = |cell: &str| {
        let text: String = cell.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
        text.replace("&gt;", ">").replace("&lt;", "<").replace("&quot;", "\"").replace("&amp;", "&")
    };
    let rows = section.split("<tr").skip(1).map(|row| row.split("</tr>").next().unwrap_or_default());
    rows.map(|row| {
        let cells = row.split_inclusive("</th>").flat_map(|part| part.split_inclusive("</td>"));
        cells.map(|cell| text(&format!("<{cell}")).trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
    })
    .collect()
}

#[test]
fn the_page_the_text_and_the_json_have_the_same_numbers() {
    let report = report(month("2026-10"), &october());
    let html = render(&report, Language::English, Format::Html);
    let json: Value = serde_json::from_str(&render(&report, Language::English, Format::Json)).expect("JSON");
    let days = cells(&html, "By day");
    assert_eq!(days.len(), 33, "a heading, 31 days, a total");
    let listed = json["days"].as_array().expect("days");
    for (row, day) in days[1..32].iter().zip(listed).chain([(&days[32], &json["total"])]) {
        let shown = |column: usize| row[column].replace(',', "");
        let fields = ["received", "entered", "answered", "abandoned"];
        for (column, field) in (1..).zip(fields) {
            assert_eq!(shown(column), day[field].to_string(), "{field} of {row:?}");
        }
        assert_eq!(shown(5), day["contract"]["hit"].to_string());
        assert_eq!(shown(6), day["contract"]["miss"].to_string());
        let exact = day["contract"]["service_level_percent"].as_str().expect("calls every day");
        let difference =
            exact.parse::<f64>().expect("a number") - shown(7).trim_end_matches('%').parse::<f64>().expect("a number");
        assert!(difference.abs() <= 0.005 + 1e-9, "{exact} as {}", row[7]);
    }
    let text = render(&report, Language::English, Format::Text);
    for row in &days[1..] {
        let line = row.join(" ");
        let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.lines().any(|printed| spaced(printed) == line), "{line}");
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_names_stay_text() {
    let mut hostile = answered("2026-10-05T09:00", 1_000).record();
    hostile.service = Some("<script>alert(1)</script>".into());
    let records = [hostile, answered("2026-10-05T09:01", 1_000).record()];
    let html = render(&report(month("2026-10"), &records), Language::Italian, Format::Html);
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script"));
    for outside in ["http://", "https://", "url(", "<link", "<img", "@import"] {
        assert!(!html.contains(outside), "{outside}");
    }
    let csv = render(&report(month("2026-10"), &records), Language::English, Format::Csv);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(
        reader.records().filter(|row| row.as_ref().is_ok_and(|row| row.len() == 25)).count(),
        1 + 2 + 1 + 31 + 48
    );
}

#[test]
fn json_carries_every_threshold() {
    let (asked, records) = small();
    let json: Value =
        serde_json::from_str(&render(&report(asked, &records), Language::Italian, Format::Json)).expect("JSON");
    assert_eq!(json["contract"]["thresholds_seconds"], serde_json::json!([CONTRACT[0].to_string()]));
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&json["total"]["thresholds"]), ["20", "40"]);
    assert_eq!(keys(&json["total"]["recomputed"]), ["10"]);
    assert_eq!(json["total"]["contract"]["hit"], 4);
    assert_eq!(json["total"]["thresholds"]["20"]["hit"], 3);
    assert_eq!(json["total"]["recomputed"]["10"]["hit"], 2);
    assert_eq!(json["profiles"][0]["name"], "agcom-255-24");
}
