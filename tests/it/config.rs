//! What an operator writes: the files we ship are right, and everything that is wrong is found at once.

mod defaults;
mod difference;
mod entry;
mod mistakes;
mod trunks;

use centralino::config::{self, Checked, Mistakes, SecretFile, Sources, Spoken};
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

    fn speak(&self, spoken: &Spoken) -> Result<PathBuf, String> {
        match spoken.text.as_str() {
            "mumble" => Err("it mumbles".to_string()),
            _ => Ok(spoken.directory.join(&spoken.name)),
        }
    }

    fn read_secret(&self, path: &str) -> Result<SecretFile, String> {
        let file = |text: &str, readable_by_others| SecretFile { text: text.into(), readable_by_others };
        match path {
            "secret" => Ok(file("a long pass phrase\n", false)),
            "exposed" => Ok(file("a long pass phrase\n", true)),
            "empty" => Ok(file("\n", false)),
            _ => Err("no such file".to_string()),
        }
    }
}

fn checked(text: &str) -> Checked {
    config::check(text, &Files).unwrap_or_else(|mistakes| panic!("{}", mistakes.render("file", false)))
}

fn mistakes(text: &str) -> Mistakes {
    match config::check(text, &Files) {
        Err(mistakes) => mistakes,
        Ok(_) => panic!("no mistake found in:\n{text}"),
    }
}
