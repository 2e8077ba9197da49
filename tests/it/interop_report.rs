//! The page of a report in a real browser: what it shows is read back and held against the JSON of the same ledger.

use crate::import::{Scratch, centralino, told};
use crate::needs;
use crate::report::formats::cells;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Two weeks of another system's calls, made up; more of them are late on Mondays.
fn history() -> String {
    let mut rows = "seq,date,arrival_s,ivr_s,queue_entry_s,wait_s,outcome,service_s,type,priority,agent\n".to_owned();
    for day in 5..=18u32 {
        for call in 0..40u32 {
            let entered = 30_000 + call * 700 + day;
            let wait = (call * 7 + day) % 23 + if day % 7 == 5 { 15 } else { 0 };
            let (outcome, talk) = if call % 13 == 0 { ("ABANDONED_QUEUE", 0) } else { ("ANSWERED", 60 + call) };
            rows += &format!("{call},2026-10-{day:02},{entered},0,{entered},{wait},{outcome},{talk},urp,1,\n");
        }
    }
    rows
}

fn report(ledger: &Path, format: &str) -> String {
    let output =
        centralino(&[&"report", &"--month", &"2026-10", &"--lang", &"en", &"--ledger", &ledger, &"--format", &format]);
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// The document as the browser has it after reading the page.
fn shown(page: &Path, profile: &Path) -> String {
    let mut command = Command::new("chromium");
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.display())).arg(format!("file://{}", page.display()));
    let output = command.output().expect("chromium");
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).expect("a document")
}

fn strong<'a>(document: &'a str, id: &str) -> &'a str {
    let (_, rest) = document.split_once(&format!("<strong id=\"{id}\">")).expect("the headline");
    rest.split('<').next().unwrap_or_default()
}

#[test]
fn a_browser_shows_the_numbers_of_the_ledger() {
    needs!("chromium");
    let scratch = Scratch::new("report-browser");
    let (rows, ledger, page) = (scratch.path("calls.csv"), scratch.path("ledger.db"), scratch.path("report.html"));
    fs::write(&rows, history()).expect("a file");
    let output = centralino(&[&"import", &rows, &"--into", &ledger]);
    assert!(output.status.success(), "{}", told(&output));
    let json: Value = serde_json::from_str(&report(&ledger, "json")).expect("JSON");
    fs::write(&page, report(&ledger, "html")).expect("a file");
    let document = shown(&page, &scratch.path("profile"));

    let total = &json["total"];
    assert_eq!(strong(&document, "entered"), total["entered"].to_string());
    assert_eq!(strong(&document, "answered"), total["answered"].to_string());
    assert_eq!(strong(&document, "abandoned"), total["abandoned"].to_string());
    let level: f64 =
        total["contract"]["service_level_percent"].as_str().and_then(|it| it.parse().ok()).expect("a level");
    assert_eq!(strong(&document, "level"), format!("{}%", (level * 100.0).round() / 100.0));
    let verdict = if json["contract"]["met"] == true { "✓ Target met" } else { "✗ Target missed" };
    assert!(document.contains(verdict));
    let days = cells(&document, "By day");
    assert_eq!(days.len(), 1 + 31 + 1);
    let listed = json["days"].as_array().expect("days");
    for (row, day) in days[1..32].iter().zip(listed).chain([(&days[32], total)]) {
        let expected =
            [&day["entered"], &day["answered"], &day["abandoned"], &day["contract"]["hit"], &day["contract"]["miss"]];
        assert_eq!(row[2..7], expected.map(Value::to_string), "{}", row[0]);
    }
    // A bar for every day with a level, and one of calls for every day.
    let drawn = document.split("<figure").nth(1).expect("the days").split("</figure>").next().unwrap_or_default();
    assert_eq!(drawn.matches("<rect").count(), 14 + 31);
    assert_eq!(document.matches("<svg").count(), 3);
}
