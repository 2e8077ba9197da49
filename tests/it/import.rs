//! `centralino import` with the real binary: totals, bad rows, and the same file again.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of this test alone, gone with it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("centralino-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a scratch directory");
        Scratch(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn centralino(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_centralino"));
    arguments.iter().for_each(|argument| _ = command.arg(argument));
    command.output().expect("the binary")
}

fn import(file: &Path, ledger: &Path) -> Output {
    centralino(&[&"import", &file, &"--into", &ledger, &"--totals", &"json"])
}

fn totals(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told(output)))
}

pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const HEADER: &str = "seq,date,arrival_s,ivr_s,queue_entry_s,wait_s,outcome,service_s,type,priority,agent";

/// Where the rows of a real month are, if they are beside the project.
fn month_data() -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/calls");
    if data.is_dir() { data } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/calls") }
}

/// The rows of a real month, and what is known of it; nothing, said aloud, when they are not beside the project.
pub fn known_month() -> Option<(PathBuf, Value)> {
    let data = month_data();
    let Ok(golden) = fs::read_to_string(data.join("replay_1999_02_golden.json")) else {
        eprintln!("SKIPPED: the month's rows are not part of the project, and are not beside it");
        return None;
    };
    Some((data.join("replay_1999_02.csv"), serde_json::from_str(&golden).expect("golden totals")))
}

#[test]
fn a_month_of_a_real_desk_has_its_known_totals() {
    let Some((rows, golden)) = known_month() else { return };
    let scratch = Scratch::new("import-month");
    let output = import(&rows, &scratch.path("ledger.db"));
    assert!(output.status.success(), "{}", told(&output));
    let (totals, golden) = (totals(&output), &golden["total"]);
    for (ours, theirs) in [
        ("received", "offered_switch"),
        ("left_in_greeting", "abandoned_ivr"),
        ("entered", "offered_queue"),
        ("answered", "answered"),
        ("abandoned", "abandoned_queue"),
    ] {
        assert_eq!(totals["total"][ours], golden[theirs], "{ours}");
    }
    for threshold in ["T20", "T30", "T40"] {
        assert_eq!(totals[threshold], golden[threshold], "{threshold}");
    }
}

#[test]
fn exactly_at_the_threshold_is_in_time_and_midnight_is_passed() {
    let rows = [
        "1,2026-03-01,10,5,15,30,ANSWERED,60,PS,1,A01",
        "2,2026-03-01,10,5,15,30.000000001,ANSWERED,60,PS,1,A01",
        "3,2026-03-01,10,5,15,30,ABANDONED_QUEUE,0,PS,1,",
        "4,2026-03-01,10,5,15,41,ABANDONED_QUEUE,0,NW,1,",
        "5,2026-03-01,10,5,15,0,ABANDONED_IVR,0,NW,1,",
        "6,2026-03-01,86390,5,86410,35,ANSWERED,10,,1,",
    ];
    let scratch = Scratch::new("import-edges");
    let file = scratch.write("calls.csv", &format!("{HEADER}\n{}\n", rows.join("\n")));
    let output = import(&file, &scratch.path("ledger.db"));
    assert!(output.status.success(), "{}", told(&output));
    let totals = totals(&output);
    let expected = serde_json::json!({
        "received": 6, "left_in_greeting": 1, "entered": 5, "answered": 3, "abandoned": 2,
    });
    assert_eq!(totals["total"], expected);
    let row = |hit: u8, miss: u8, excused: u8, answered: u8, abandoned: u8| {
        serde_json::json!({
            "hit": hit, "miss": miss, "excused": excused, "late_answered": answered, "late_abandoned": abandoned,
        })
    };
    assert_eq!(totals["T20"], row(0, 5, 0, 3, 2));
    assert_eq!(totals["T30"], row(1, 3, 1, 2, 1));
    assert_eq!(totals["T40"], row(3, 1, 1, 0, 1));
}

#[test]
fn the_same_file_twice_counts_once() {
    let scratch = Scratch::new("import-twice");
    let rows = "1,2026-03-01,10,5,15,3,ANSWERED,60,PS,1,A01\n2,2026-03-01,20,5,25,9,ABANDONED_QUEUE,0,PS,1,\n";
    let file = scratch.write("calls.csv", &format!("{HEADER}\n{rows}"));
    let ledger = scratch.path("ledger.db");
    let first = import(&file, &ledger);
    assert!(told(&first).contains("2 calls imported, 0 were there already, 0 rows left out"), "{}", told(&first));
    let second = import(&file, &ledger);
    assert!(second.status.success());
    assert!(told(&second).contains("0 calls imported, 2 were there already, 0 rows left out"), "{}", told(&second));
    assert_eq!(totals(&first), totals(&second));
    // A row of the same name that tells otherwise is another call, or a mistake: somebody must look.
    let other = scratch.write("other.csv", &format!("{HEADER}\n1,2026-03-01,10,5,15,4,ANSWERED,60,PS,1,A01\n"));
    let third = import(&other, &ledger);
    assert_eq!(third.status.code(), Some(1));
    assert!(told(&third).contains(":2: call 1 of imported 2026-03-01 is in the ledger already"), "{}", told(&third));
}

#[test]
fn bad_rows_are_told_with_their_lines_and_the_others_are_taken() {
    let scratch = Scratch::new("import-bad");
    let rows = [
        "1,2026-03-01,10,5,15,3,ANSWERED,60,PS,1,A01",       // 2: good
        "x,2026-03-01,10,5,15,3,ANSWERED,60,PS,1,A01",       // 3
        "3,2026-02-30,10,5,15,3,ANSWERED,60,PS,1,A01",       // 4
        "4,2026-03-01,10,5,15,-3,ANSWERED,60,PS,1,A01",      // 5
        "5,2026-03-01,10,5,15,3,ANSWERED",                   // 6
        "6,2026-03-01,10,5,15,3,LOST,60,PS,1,A01",           // 7
        "7,2026-03-01,10,5,15,3,ABANDONED_QUEUE,60,PS,1,",   // 8
        "8,2026-03-01,10,5,15,3,ABANDONED_IVR,0,PS,1,",      // 9
        "1,2026-03-01,10,5,15,3,ANSWERED,60,PS,1,A01",       // 10
        "9,2026-03-01,10,5,999999999,3,ANSWERED,60,PS,1,A1", // 11
        "10,2026-03-01,10,5,15,3,ANSWERED,60,PS,1,A01",      // 12: good
    ];
    let file = scratch.write("calls.csv", &format!("{HEADER}\n{}\n", rows.join("\n")));
    let output = import(&file, &scratch.path("ledger.db"));
    assert_eq!(output.status.code(), Some(1));
    let told = told(&output);
    let lines: Vec<&str> = told.lines().filter_map(|line| line.split("calls.csv:").nth(1)).collect();
    let numbers: Vec<&str> = lines.iter().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(numbers, ["3", "4", "5", "6", "7", "8", "9", "10", "11"], "{told}");
    assert!(told.contains("2 calls imported, 0 were there already, 9 rows left out"), "{told}");
    assert_eq!(totals(&output)["total"]["received"], 2);
}

#[test]
fn what_is_no_history_is_refused_whole() {
    let scratch = Scratch::new("import-none");
    let file = scratch.write("calls.csv", "seq,date,queue_entry_s\n1,2026-03-01,15\n");
    let output = import(&file, &scratch.path("ledger.db"));
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("there is no column `arrival_s`"), "{}", told(&output));
    let text = scratch.write("no.db", "this is no database, however long one looks at it\n");
    let file = scratch.write("good.csv", &format!("{HEADER}\n"));
    let output = import(&file, &text);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert_eq!(fs::read_to_string(&text).expect("untouched"), "this is no database, however long one looks at it\n");
}

#[test]
fn purging_leaves_what_is_younger() {
    let scratch = Scratch::new("purge");
    let rows = "1,2026-03-01,10,5,15,3,ANSWERED,60,PS,1,A01\n1,2026-03-02,0,0,0,9,ABANDONED_QUEUE,0,PS,1,\n";
    let file = scratch.write("calls.csv", &format!("{HEADER}\n{rows}"));
    let ledger = scratch.path("ledger.db");
    assert!(import(&file, &ledger).status.success());
    let output = centralino(&[&"purge", &"--ledger", &ledger, &"--before", &"2026-03-02"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1 calls and 0 callers' pseudonyms deleted\n");
    // Without a day, retention decides, and that keeps calls for ever.
    let output = centralino(&[&"purge", &"--ledger", &ledger]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0 calls and 0 callers' pseudonyms deleted\n");
    let missing = centralino(&[&"purge", &"--ledger", &scratch.path("missing.db")]);
    assert!(!missing.status.success() && !scratch.path("missing.db").exists());
}
