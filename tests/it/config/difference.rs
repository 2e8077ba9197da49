//! What changes from one configuration to another, in the operator's words.

use super::checked;
use centralino::config::{DEFAULT, difference};
use std::process::Command;

/// The default file with these texts put in the place of others, each of which must be there.
fn changed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(DEFAULT.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    })
}

#[test]
fn nothing_differs_from_itself_and_comments_are_nothing() {
    assert!(difference(&checked(DEFAULT), &checked(&format!("# again\n{DEFAULT}"))).is_empty());
}

#[test]
fn every_change_is_a_line_and_what_needs_a_restart_is_told_apart() {
    let agents = "[agent.201]\npool = \"back_office\"\nskills = { information = 30 }\npassword = \"demo-201\"\n";
    let more = "[agent.202]\npool = \"back_office\"\npassword = \"a secret of theirs\"\n";
    let new = changed(&[
        ("number = \"800000200\"", "number = \"800000201\""),
        ("\nring = \"15 s\"", "\nring = \"20 s\""),
        ("after = \"60 s\"", "after = \"90 s\""),
        (agents, more),
        ("password = \"demo-102\"", "password = \"a better one, longer\""),
        ("drain_max = \"5 min\"", "drain_max = \"6 min\""),
        ("\nudp = \"127.0.0.1:5060\"", "\nudp = \"127.0.0.1:5070\""),
    ]);
    let difference = difference(&checked(DEFAULT), &checked(&new));
    let step = |after| {
        format!("after {after}, pools first_line, back_office, second_line.environment, requires information 10, widen")
    };
    let changes = [
        "service switchboard: number 800000200 -> 800000201".to_owned(),
        format!("queue information: step 2 {} -> {}", step("1 min"), step("90 s")),
        "queue information: ring 15 s -> 20 s".to_owned(),
        "agent 102: password changed".to_owned(),
        "agent 202 added".to_owned(),
        "agent 201 removed: finishes the call, then signs out".to_owned(),
    ];
    assert_eq!(difference.changes, changes);
    let waiting = difference.waiting.join("\n");
    assert!(waiting.contains("sip.udp 127.0.0.1:5060 -> 127.0.0.1:5070: waits for a restart"), "{waiting}");
    assert!(waiting.contains("limits.drain_max 5 min -> 6 min: waits for a restart"), "{waiting}");
    let all = format!("{difference:?}");
    assert!(!all.contains("better") && !all.contains("demo-102") && !all.contains("theirs"), "a password is shown");
}

#[test]
fn another_order_of_the_file_changes_no_number_but_that_of_linear() {
    let (first, second) = ("[agent.101]", "[agent.102]");
    let swapped = DEFAULT.replace(first, "[agent.000]").replace(second, first).replace("[agent.000]", second);
    let lines = difference(&checked(DEFAULT), &checked(&swapped)).changes;
    assert!(lines.contains(&"agents: another order".to_owned()), "{lines:?}");
    let turned =
        changed(&[("pools = [\"first_line\", \"back_office\", ", "pools = [\"back_office\", \"first_line\", ")]);
    assert!(difference(&checked(DEFAULT), &checked(&turned)).is_empty(), "{lines:?}");
}

#[test]
fn check_against_prints_what_a_reload_would_change() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("against-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let files =
        [("old.toml", DEFAULT.to_owned()), ("new.toml", changed(&[("\nring = \"15 s\"", "\nring = \"20 s\"")]))];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    let said = |new: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_centralino"));
        let output =
            command.current_dir(&folder).args(["check", new, "--against", "old.toml"]).output().expect("a run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(said("new.toml"), "queue information: ring 15 s -> 20 s\n");
    assert_eq!(said("old.toml"), "nothing changes\n");
    let _ = std::fs::remove_dir_all(&folder);
}
