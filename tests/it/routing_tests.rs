//! `centralino test`: the shipped configurations do what their routing tests say, and a failure can be read.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What `centralino test` says about a file: exit code, stdout, stderr.
fn test(file: &Path) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_centralino")).arg("test").arg(file).output().expect("a run of the tests");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&file.display().to_string(), "FILE");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples")
}

/// A file of tests for one of the examples, written for this run.
fn written(name: &str, text: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.test.toml", std::process::id()));
    std::fs::write(&file, text).expect("a written file");
    file
}

fn config(example: &str) -> String {
    format!("config = {:?}\n", examples().join(example).display().to_string())
}

#[test]
fn the_four_kinds_of_centre_do_what_their_tests_say() {
    for name in ["specialised_numbers", "first_level", "two_levels", "network"] {
        let (code, said, complained) = test(&examples().join("tests").join(format!("{name}.test.toml")));
        assert_eq!((code, complained.as_str()), (Some(0), ""), "{name}: {said}");
        assert!(said.ends_with(" cases, 0 failed\n"), "{name}: {said}");
    }
}

#[test]
fn a_failure_shows_what_was_expected_and_what_was_found() {
    let cases = r#"
[[case]]
name = "wrong about most of it"
call = "800000100"
ready = ["201", "101"]
wait = "16 s"
expect = { outcome = "waiting", queue = "grave_damage", step = 2, agent = "301", path = [
    "entered information", "rings 101", "rejected 101", "rings 301",
] }

[[case]]
name = "right"
call = "800000100"
ready = ["101"]
expect = { agent = "101" }
"#;
    let (code, said, complained) = test(&written("failing", &(config("two_levels.toml") + cases)));
    assert_eq!((code, complained.as_str()), (Some(1), ""));
    insta::assert_snapshot!(said, @"
    case 1, wrong about most of it:
        queue: expected grave_damage, found information
        step: expected 2, found 0
        agent: expected 301, found none
        path:
            entered information
            rings 101
          - rejected 101
          - rings 301
          + no_answer 101

    FILE: 2 cases, 1 failed
    ");
}

#[test]
fn keys_lead_through_menus_and_whoever_presses_none_comes_to_the_default() {
    let cases = r#"
[[case]]
call = "800000400"
keys = "1"
ready = ["101"]
expect = { queue = "information", agent = "101", path = ["entered information", "rings 101"] }

[[case]]
call = "800000400"
keys = "*2"
ready = ["101", "301"]
expect = { queue = "information_english", agent = "301" }

[[case]]
name = "nothing is pressed: the wait begins when the menu has given up"
call = "800000400"
ready = ["101"]
wait = "4 s"
expect = { queue = "switchboard", step = 0, outcome = "ringing" }
"#;
    let (code, said, complained) = test(&written("keys", &(config("../centralino.toml") + cases)));
    assert_eq!((code, complained.as_str()), (Some(0), ""), "{said}");
}

#[test]
fn what_cannot_be_used_is_told_with_its_place() {
    let two_levels = config("two_levels.toml");
    let case = "[[case]]\ncall = \"800000100\"\n";
    let table = [
        (String::new(), "missing field `config`"),
        (two_levels.clone(), "there is no [[case]]"),
        (format!("{two_levels}{case}expect = {{ agents = \"101\" }}\n"), "line 4"),
        (format!("{two_levels}{case}redy = []\nexpect = {{}}\n"), "unknown field `redy`"),
        (
            format!("{two_levels}{case}ready = [\"999\"]\nexpect = {{}}\n"),
            "case 1, a call to 800000100: there is no agent `999`",
        ),
        (format!("{two_levels}{case}wait = \"soon\"\nexpect = {{}}\n"), "`soon` is no length of time"),
        (
            format!("{two_levels}{case}at = \"24 December\"\nexpect = {{}}\n"),
            "case 1, a call to 800000100: `24 December` is no",
        ),
        (format!("{two_levels}{case}keys = \"1x\"\nexpect = {{}}\n"), "`x` is no key of a telephone"),
        (format!("config = \"nowhere.toml\"\n{case}expect = {{}}\n"), "nowhere.toml: No such file"),
    ];
    for (number, (text, words)) in table.iter().enumerate() {
        let (code, _, complained) = test(&written(&format!("unusable-{number}"), text));
        assert_eq!(code, Some(2), "{text}");
        assert!(complained.contains(words), "{text}: {complained}");
    }
}

#[test]
fn a_thousand_cases_take_less_than_two_seconds() {
    let mut text = config("two_levels.toml");
    for number in 0..1_000 {
        let _ = writeln!(
            text,
            "[[case]]\ncall = \"800000100\"\naway = [\"101\"]\nready = [\"201\", \"301\"]\nwait = \"{number} ms\"\n\
             expect = {{ outcome = \"waiting\", step = 0 }}"
        );
    }
    let file = written("thousand", &text);
    let fastest = (0..3).map(|_| {
        let start = Instant::now();
        assert_eq!(test(&file).0, Some(0));
        start.elapsed()
    });
    let fastest = fastest.min().expect("three runs");
    assert!(fastest < Duration::from_secs(2), "{fastest:?}");
}

#[test]
fn every_deadline_of_a_configuration_is_listed() {
    let file = examples().join("specialised_numbers.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_centralino"));
    let output = command.args(["check", "--deadlines"]).arg(file).output().expect("a list");
    let list = String::from_utf8(output.stdout).expect("text");
    let of = |place: &str| list.lines().filter(|line| line.starts_with(place)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(of("service taxes") + "\n" + &of("queue taxes"), @"
    service taxes     calendar        by taxes  it opens or closes
    queue taxes       ring                15 s  the phone stops ringing: no_answer
    queue taxes       step                45 s  step 1 opens
    queue taxes       threshold           30 s  the call is late
    queue taxes       threshold           20 s  the call is late
    queue taxes       threshold           40 s  the call is late
    queue taxes       max_wait           180 s  service registry
    queue taxes       wrap_up             30 s  the agent is ready
    ");
    // Every timer of the routing engine but those of a menu, an announcement and the first step is in force here.
    for name in ["greeting", "setup", "join", "settle", "back_off", "retry"] {
        assert!(of("routing").contains(name), "{name}");
    }
}
