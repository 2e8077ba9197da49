//! A configuration as a file, its prompts and password files beside it.

use super::sound::listen_to;
use super::speech;
use anyhow::{Context, Result, anyhow};
use centralino::config::{self, Checked, SecretFile, Sources, Spoken};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A longer password file is no password file.
const SECRET_BYTES: u64 = 4_096;

/// A longer file of a language is cut, and then no whole one.
const LANGUAGE_BYTES: u64 = 1 << 18;

/// The checked configuration of a verb that serves no calls; without a file the built-in one.
pub fn read_config(file: Option<&Path>) -> Result<Checked> {
    let name = file.unwrap_or(Path::new("config/centralino.toml"));
    let text = match file {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => config::DEFAULT.to_string(),
    };
    config::check(&text, &FileSources::of(name))
        .map_err(|mistakes| anyhow!("{}", mistakes.render(&name.display().to_string(), false)))
}

/// The folder that relative paths start from.
pub struct FileSources {
    folder: PathBuf,
}

impl FileSources {
    /// Those of a configuration file: paths start from its folder.
    pub fn of(file: &Path) -> FileSources {
        FileSources::beside(file.parent().unwrap_or(Path::new("")))
    }

    /// Paths start from this folder: for the configuration that is compiled in.
    pub fn beside(folder: &Path) -> FileSources {
        FileSources { folder: folder.to_path_buf() }
    }
}

impl Sources for FileSources {
    fn find_prompt(&self, path: &str) -> Result<PathBuf, String> {
        let path = self.folder.join(path);
        listen_to(&path).map(|()| path)
    }

    fn speak(&self, spoken: &Spoken) -> Result<PathBuf, String> {
        speech::speak(spoken)
    }

    fn read_language(&self, name: &str) -> Result<String, String> {
        let path = self.folder.join("languages").join(name).with_extension("toml");
        let file = std::fs::File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut text = String::new();
        file.take(LANGUAGE_BYTES).read_to_string(&mut text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(text)
    }

    fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    fn read_secret(&self, path: &str) -> Result<SecretFile, String> {
        let file = std::fs::File::open(self.folder.join(path)).map_err(|error| error.to_string())?;
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        if !metadata.is_file() || metadata.len() > SECRET_BYTES {
            return Err("not a short text file".to_string());
        }
        let mut text = String::new();
        file.take(SECRET_BYTES).read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(SecretFile { text, readable_by_others: metadata.permissions().mode() & 0o004 != 0 })
    }
}
