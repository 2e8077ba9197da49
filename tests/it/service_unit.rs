//! The systemd unit that is shipped: systemd finds nothing to complain about, and it agrees with the configuration.

use centralino::config;
use std::process::Command;

const UNIT: &str = include_str!("../../deploy/centralino.service");

fn setting(key: &str) -> &str {
    let line = UNIT.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {key}"))
}

#[test]
fn stopping_leaves_time_for_the_default_drain() {
    let drain = config::DEFAULT.lines().find_map(|line| line.strip_prefix("drain_max = ")).expect("a default");
    assert_eq!(drain, "\"5 min\"", "the unit says 5 min and a little more, for hanging up");
    assert_eq!(setting("TimeoutStopSec"), "5min 10s");
    assert_eq!(setting("KillSignal"), "SIGTERM");
}

#[test]
fn files_suffice_for_the_shipped_configuration_many_times_over() {
    let files: u64 = setting("LimitNOFILE").parse().expect("a number");
    assert!(files >= 10 * 2_000, "two sockets a call, 1000 calls by default");
}

#[test]
fn the_program_understands_the_commands_of_the_unit() {
    for key in ["ExecStartPre", "ExecStart", "ExecReload"] {
        let mut words = setting(key).split_whitespace();
        assert_eq!(words.next(), Some("/usr/bin/centralino"));
        // The verb and its options, the file not being there.
        let output = Command::new(env!("CARGO_BIN_EXE_centralino")).args(words).output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("/etc/centralino/centralino.toml") && !said.contains("Usage"), "{key}: {said}");
    }
}

#[test]
fn systemd_finds_nothing_to_complain_about() {
    let unit = UNIT.replace("/usr/bin/centralino", env!("CARGO_BIN_EXE_centralino"));
    let folder = format!("{}/unit_{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = format!("{folder}/centralino.service");
    std::fs::write(&path, unit).expect("a file");
    match Command::new("systemd-analyze").args(["verify", &path]).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            let of_ours: Vec<&str> = said.lines().filter(|line| line.contains("centralino")).collect();
            assert!(output.status.success() && of_ours.is_empty(), "{said}");
        }
        Err(error) => eprintln!("SKIPPED: systemd-analyze is not installed, the unit was not verified ({error})"),
    }
}
