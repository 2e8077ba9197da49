//! What the ledger's file costs, with the command that uses it: a year of 12 months with 12,500 calls each brought in
//! from another system's history, and the year's report made from the file. Rows a second are calls a second: each is
//! one interaction, and one visit when it entered.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "files and processes are what is measured")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MONTHS: u32 = 12;

/// As a test a hundredth does, since nothing is measured then.
fn calls_a_month() -> u32 {
    if std::env::args().any(|argument| argument == "--bench") { 12_500 } else { 125 }
}

/// A year as another system would hand it over: one in eight gives up, two in seven wait beyond the contract's
/// threshold, the others talk for three minutes.
fn history() -> String {
    let mut rows = "seq,date,arrival_s,ivr_s,queue_entry_s,wait_s,outcome,service_s,type\n".to_owned();
    for month in 1..=MONTHS {
        for call in 0..calls_a_month() {
            let (day, arrived, waited) = (1 + call % 28, 28_800 + call * 3, call * 5 % 7 * 7);
            let (outcome, talked) = if call % 8 == 0 { ("ABANDONED_QUEUE", 0) } else { ("ANSWERED", 180) };
            let entered = arrived + 8;
            writeln!(
                rows,
                "{call},2026-{month:02}-{day:02},{arrived},8,{entered},{waited},{outcome},{talked},information"
            )
            .expect("a string takes everything");
        }
    }
    rows
}

fn centralino(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_centralino")).args(arguments).output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

/// A place that no other run uses.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ledger-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn import(history: &Path, ledger: &Path) {
    let output = centralino(&["import", text(history), "--into", text(ledger), "--totals", "json"]);
    let totals: serde_json::Value = serde_json::from_slice(&output.stdout).expect("totals");
    assert_eq!(totals["total"]["entered"], MONTHS * calls_a_month());
}

fn ledger(criterion: &mut Criterion) {
    let folder = folder();
    let history_file = folder.join("history.csv");
    std::fs::write(&history_file, history()).expect("a history");
    let mut group = criterion.benchmark_group("ledger/a year of 12,500 calls a month");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(MONTHS * calls_a_month())));
    let mut ledgers = 0;
    group.bench_function("brought in", |bencher| {
        let fresh = || {
            ledgers += 1;
            folder.join(format!("{ledgers}.db"))
        };
        bencher.iter_batched(fresh, |ledger| import(&history_file, &ledger), BatchSize::PerIteration);
    });
    let year = folder.join("year.db");
    import(&history_file, &year);
    for format in ["json", "html"] {
        group.bench_function(format!("reported as {format}"), |bencher| {
            bencher.iter(|| {
                let period = ["report", "--from", "2026-01-01", "--to", "2026-12-31", "--ledger", text(&year)];
                centralino(&[&period[..], &["--format", format]].concat())
            });
        });
    }
    group.finish();
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

criterion_group!(benches, ledger);
criterion_main!(benches);
