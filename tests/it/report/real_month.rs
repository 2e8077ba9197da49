//! A month of a real desk, imported and reported by the real binary: every integer that is known of it.

use crate::import::{Scratch, centralino, known_month, told};
use serde_json::Value;
use std::path::{Path, PathBuf};

const THRESHOLDS: [&str; 3] = ["20", "30", "40"];

/// The ledger of the month and what is known of it; nothing when the rows are not beside the project.
fn imported(scratch: &Scratch) -> Option<(PathBuf, Value)> {
    let (rows, golden) = known_month()?;
    let ledger = scratch.path("ledger.db");
    let output = centralino(&[&"import", &rows, &"--into", &ledger]);
    assert!(output.status.success(), "{}", told(&output));
    Some((ledger, golden))
}

fn report(ledger: &Path, more: &[&str]) -> String {
    let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"report", &"--ledger", &ledger];
    arguments.extend(more.iter().map(|it| it as &dyn AsRef<std::ffi::OsStr>));
    let output = centralino(&arguments);
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).expect("text")
}

fn json(ledger: &Path, more: &[&str]) -> Value {
    let mut arguments = more.to_vec();
    arguments.extend(["--format", "json"]);
    serde_json::from_str(&report(ledger, &arguments)).expect("JSON")
}

/// The golden integers of some calls against a row of ours.
fn assert_row(row: &Value, golden: &Value, what: &str) {
    for (ours, theirs) in [
        ("received", "offered_switch"),
        ("left_in_greeting", "abandoned_ivr"),
        ("entered", "offered_queue"),
        ("answered", "answered"),
        ("abandoned", "abandoned_queue"),
    ] {
        assert_eq!(row[ours], golden[theirs], "{ours} of {what}");
    }
    for (ours, theirs) in [
        ("waited_answered_ns", "wait_sum_answered_s"),
        ("waited_abandoned_ns", "wait_sum_abandoned_s"),
        ("talked_ns", "service_sum_s"),
        ("longest_wait_ns", "wait_max_s"),
    ] {
        let seconds = golden[theirs].as_u64().expect("whole seconds");
        assert_eq!(row[ours].as_u64(), Some(seconds * 1_000_000_000), "{ours} of {what}");
    }
    for threshold in THRESHOLDS {
        let level = if threshold == "30" { &row["contract"] } else { &row["thresholds"][threshold] };
        let golden = &golden[format!("T{threshold}")];
        for (ours, theirs) in [
            ("hit", "hit"),
            ("miss", "miss"),
            ("excused", "excused"),
            ("answered_late", "late_answered"),
            ("abandoned_late", "late_abandoned"),
        ] {
            assert_eq!(level[ours], golden[theirs], "{ours} of {what} under {threshold} s");
        }
    }
}

/// Every golden row of a table, and no calls in a row that has none.
fn assert_rows(rows: &Value, name: &str, golden: &Value) {
    let (rows, golden) = (rows.as_array().expect("rows"), golden.as_object().expect("golden rows"));
    let mut found = 0;
    for row in rows {
        let label = row[name].as_str().expect("a name");
        match golden.get(label) {
            Some(golden) => {
                found += 1;
                assert_row(row, golden, label);
            }
            None => assert_eq!(row["received"], 0, "{label}"),
        }
    }
    assert_eq!(found, golden.len());
}

#[test]
fn every_known_integer_of_the_month_is_in_its_report() {
    let scratch = Scratch::new("report-month");
    let Some((ledger, golden)) = imported(&scratch) else { return };
    let month = json(&ledger, &["--month", "1999-02", "--profile", "agcom-255-24", "--profile", "arera-water"]);
    assert_row(&month["total"], &golden["total"], "the month");
    assert_rows(&month["days"], "day", &golden["by_day"]);
    assert_rows(&month["services"], "name", &golden["by_type"]);
    assert_eq!(month["days"].as_array().map(Vec::len), Some(28));
    let total = &month["total"];
    assert_eq!(total["contract"]["service_level_percent"], "60.1044");
    assert_eq!(
        (&month["contract"]["met"], &month["contract"]["late"]["fewer"]),
        (&Value::from(false), &Value::from(8_819))
    );
    assert_eq!(total["abandonment_percent"], "12.7325");
    assert_eq!(total["abandonment_with_greeting_percent"], "17.8552");
    let [agcom, arera] = [0, 1].map(|place: usize| &month["profiles"][place]["whole"]);
    assert_eq!((&agcom["mean_seconds"], &agcom["share_percent"]), (&Value::from("40.7743"), &Value::from("59.6753")));
    assert_eq!((&arera["mean_seconds"], &arera["share_percent"]), (&Value::from("52.6698"), &Value::from("87.2675")));
    let day = json(&ledger, &["--from", "1999-02-03", "--to", "1999-02-03", "--every", "30m"]);
    let mut intervals = day["intervals"].clone();
    for row in intervals.as_array_mut().expect("rows") {
        row["from"] = row["from"].as_str().expect("a moment")[11..16].into();
    }
    assert_rows(&intervals, "from", &golden["half_hours_of_1999-02-03"]);
    assert_rows(&day["half_hours"], "from", &golden["half_hours_of_1999-02-03"]);
}

#[test]
fn the_month_reads_well_in_every_format() {
    let scratch = Scratch::new("report-formats");
    let Some((ledger, _)) = imported(&scratch) else { return };
    let text = report(&ledger, &["--month", "1999-02", "--formulas", "all"]);
    for line in
        ["Report Telefonico Mese febbraio 1999", "60,1% di telefonate accolte entro 30 secondi", "12,73%", "17,86%"]
    {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let page = report(&ledger, &["--month", "1999-02", "--lang", "en", "--format", "html"]);
    for shown in ["<strong id=\"level\">60.1%</strong>", "✗ Target missed", "<strong id=\"entered\">31,125</strong>"]
    {
        assert!(page.contains(shown), "{shown}");
    }
    let rows = report(&ledger, &["--month", "1999-02", "--lang", "en", "--format", "csv"]);
    let total = rows.lines().nth(1).expect("the total");
    assert!(total.starts_with("total,,33066,1941,0,0,0,31125,27162,3963,0,0,17729,11768,1628,60.1044,"), "{total}");
}
