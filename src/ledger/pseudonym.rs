//! Who called, as far as it may be kept: numbers under keys that are thrown away.
//!
//! A key signs for some days; then a new one does, and calls of one number can no longer be told to be of one. An old
//! key stays in the file for as long as pseudonyms made with it are kept, so that a person who asks can be found;
//! then it goes, and nobody can tell any more.

use anyhow::{Context, Result, bail};
use centralino::report::record::Pseudonym;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const KEY_BYTES: usize = 32;

/// Nanoseconds of a day.
pub const DAY: i64 = 86_400_000_000_000;

/// The keys, in the file beside the ledger.
pub struct KeyRing {
    path: PathBuf,
    keys: Vec<Key>,
    /// A key signs for so long.
    life: i64,
    /// Pseudonyms are kept for so long.
    kept: i64,
}

#[derive(Clone)]
struct Key {
    number: u32,
    made_utc: i64,
    secret: [u8; KEY_BYTES],
}

impl KeyRing {
    /// Reads the keys of the ledger at `ledger`; the file appears with the first key.
    pub fn beside(ledger: &Path, key_days: u32, kept_days: u32) -> Result<KeyRing> {
        let mut path = ledger.as_os_str().to_owned();
        path.push(".keys");
        let path = PathBuf::from(path);
        let keys = match fs::read_to_string(&path) {
            Ok(text) => parse(&text).with_context(|| format!("the keys in {}", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error).with_context(|| format!("the keys in {}", path.display())),
        };
        Ok(KeyRing { path, keys, life: i64::from(key_days) * DAY, kept: i64::from(kept_days) * DAY })
    }

    /// Makes a new key when the youngest is too old, and drops keys that no kept pseudonym can be of.
    pub fn rotate(&mut self, now_utc: i64) -> Result<()> {
        let before = self.keys.len();
        let youngest = self.keys.last().map(|key| (key.number, key.made_utc));
        let (life, kept) = (self.life, self.kept);
        self.keys.retain(|key| now_utc.saturating_sub(key.made_utc) < life.saturating_add(kept));
        let is_fresh = youngest.is_some_and(|(_, made)| now_utc.saturating_sub(made) < life);
        if !is_fresh {
            let mut secret = [0; KEY_BYTES];
            getrandom::fill(&mut secret).context("the system has no entropy")?;
            let number = youngest.map_or(1, |(number, _)| number.saturating_add(1));
            self.keys.push(Key { number, made_utc: now_utc, secret });
        }
        match is_fresh && before == self.keys.len() {
            true => Ok(()),
            false => self.write().with_context(|| format!("the keys in {}", self.path.display())),
        }
    }

    /// The number under the youngest key; none before the first `rotate`.
    pub fn pseudonym(&self, number: &str) -> Option<Pseudonym> {
        let key = self.keys.last()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key.secret).ok()?;
        mac.update(number.as_bytes());
        let digest = *mac.finalize().into_bytes().first_chunk()?;
        Some(Pseudonym { key: key.number, digest })
    }

    /// Readable by the owner alone from its first byte on, and whole or not there.
    fn write(&self) -> Result<()> {
        let mut fresh = self.path.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        for Key { number, made_utc, secret } in &self.keys {
            let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(file, "{number} {made_utc} {secret}")?;
        }
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        Ok(())
    }
}

fn parse(text: &str) -> Result<Vec<Key>> {
    text.lines().map(|line| parse_key(line).context("is no list of keys")).collect()
}

fn parse_key(line: &str) -> Result<Key> {
    let mut words = line.split(' ');
    let (Some(number), Some(made), Some(hex), None) = (words.next(), words.next(), words.next(), words.next()) else {
        bail!("three words a line");
    };
    if hex.len() != 2 * KEY_BYTES || !hex.is_ascii() {
        bail!("a key has {} hex digits", 2 * KEY_BYTES);
    }
    let mut secret = [0; KEY_BYTES];
    for (byte, digits) in secret.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits)?, 16)?;
    }
    Ok(Key { number: number.parse()?, made_utc: made.parse()?, secret })
}
