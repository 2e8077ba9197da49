//! The verb `report`: what it asks for, and what it says when it cannot.

use crate::import::{Scratch, centralino, told};
use serde_json::Value;
use std::fs;

const ROWS: &str = "seq,date,arrival_s,ivr_s,queue_entry_s,wait_s,outcome,service_s,type,priority,agent
1,2026-10-05,32400,5,32405,10,ANSWERED,60,urp,1,A
2,2026-10-05,32500,5,32505,45,ANSWERED,60,cup,1,A
3,2026-10-05,32600,5,32605,12,ABANDONED_QUEUE,0,urp,1,
4,2026-10-06,32700,5,32705,0,ABANDONED_IVR,0,urp,1,
";

fn ledger(scratch: &Scratch) -> std::path::PathBuf {
    let (rows, ledger) = (scratch.path("calls.csv"), scratch.path("ledger.db"));
    fs::write(&rows, ROWS).expect("a file");
    let output = centralino(&[&"import", &rows, &"--into", &ledger]);
    assert!(output.status.success(), "{}", told(&output));
    ledger
}

#[test]
fn a_service_a_language_and_other_thresholds_can_be_asked_for() {
    let scratch = Scratch::new("report-asked");
    let ledger = ledger(&scratch);
    let output = centralino(&[
        &"report",
        &"--month",
        &"2026-10",
        &"--ledger",
        &ledger,
        &"--service",
        &"urp",
        &"--format",
        &"json",
        &"--threshold",
        &"5,11",
        &"--formulas",
        &"all",
        &"--advanced-target",
        &"97",
    ]);
    let json: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told(&output)));
    assert_eq!((&json["service"], &json["total"]["received"]), (&"urp".into(), &3.into()));
    assert_eq!(json["total"]["contract"]["hit"], 1);
    assert_eq!(
        (&json["total"]["recomputed"]["5"]["hit"], &json["total"]["recomputed"]["11"]["hit"]),
        (&0.into(), &1.into())
    );
    assert_eq!((&json["contract"]["advanced_percent"], &json["formulas"]["ignored"]), (&97.into(), &"100.0000".into()));
    let english = centralino(&[&"report", &"--month", &"2026-10", &"--ledger", &ledger, &"--lang", &"en"]);
    assert!(String::from_utf8_lossy(&english.stdout).starts_with("Telephone report, October 2026\n"));
}

#[test]
fn what_cannot_be_reported_is_said() {
    let scratch = Scratch::new("report-refused");
    let ledger = ledger(&scratch);
    let missing = scratch.path("missing.db");
    let month = "2026-10".to_string();
    let cases: [(Vec<&dyn AsRef<std::ffi::OsStr>>, &str); 8] = [
        (vec![&"--month", &"october", &"--ledger", &ledger], "`october` is no month"),
        (vec![&"--from", &"2026-10-02", &"--to", &"2026-10-01", &"--ledger", &ledger], "ends before it begins"),
        (vec![&"--from", &"2026-10-02", &"--ledger", &ledger], "--to"),
        (vec![&"--month", &month, &"--ledger", &ledger, &"--every", &"7m"], "15m, 30m, 1h, 1d"),
        (vec![&"--month", &month, &"--ledger", &ledger, &"--threshold", &"0"], "whole seconds"),
        (vec![&"--month", &month, &"--ledger", &ledger, &"--threshold", &"1,2,3,4,5,6,7,8,9"], "at most 8 thresholds"),
        (vec![&"--month", &month, &"--ledger", &missing], "missing.db"),
        (vec![&"--month", &month], "--ledger FILE"),
    ];
    for (arguments, expected) in cases {
        let mut all: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"report"];
        all.extend(arguments);
        let output = centralino(&all);
        assert!(!output.status.success() && output.stdout.is_empty());
        assert!(told(&output).contains(expected), "{expected}: {}", told(&output));
    }
    assert!(!missing.exists(), "a report makes no ledger");
}
