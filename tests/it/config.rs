//! What an operator writes: the files we ship are right, and everything that is wrong is found at once.

use centralino::config::{self, Checked, SecretFile, Sources};
use std::path::PathBuf;

/// Files in memory.
struct Files;

impl Sources for Files {
    fn find_prompt(&self, path: &str) -> Result<PathBuf, String> {
        match path {
            "welcome.wav" => Ok(PathBuf::from("/etc/centralino/welcome.wav")),
            _ => Err("no such file".to_string()),
        }
    }

    fn read_secret(&self, path: &str) -> Result<SecretFile, String> {
        match path {
            "secret" => Ok(SecretFile { text: "a long pass phrase\n".into(), readable_by_others: false }),
            "open" => Ok(SecretFile { text: "a long pass phrase\n".into(), readable_by_others: true }),
            _ => Err("no such file".to_string()),
        }
    }
}

fn checked(text: &str) -> Checked {
    config::check(text, &Files).unwrap_or_else(|mistakes| panic!("{}", mistakes.render("file", false)))
}

#[test]
fn the_default_file_has_no_mistakes() {
    let checked = checked(config::DEFAULT);
    assert_eq!(checked.plan.agents.len(), 4);
}

#[test]
fn the_load_file_has_no_mistakes() {
    let checked = checked(include_str!("../../config/examples/load.toml"));
    assert_eq!(checked.plan.agents.len(), 400);
}
