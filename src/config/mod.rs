//! From the text an operator writes to a checked plan and settings, or to all the mistakes at once.
//!
//! ```text
//!   text ──syntax──► tables with places ──read, value──► what is right ──routing, agents, network──► Checked
//!                        │                   │                               │
//!                        └───────────────────┴──────────► mistake ◄──────────┘
//! ```
//! It opens no file: prompts and password files are asked of [`Sources`].

mod agents;
mod announcements;
mod calendars;
mod clips;
mod describe;
mod difference;
mod exits;
mod languages;
mod ledger;
mod menus;
mod mistake;
mod network;
mod numbers;
mod pauses;
mod read;
mod recording;
mod routing;
mod running;
mod services;
mod settings;
mod shape;
mod speech;
mod syntax;
mod targets;
mod trunks;
mod value;
mod words;
mod wrong;

pub use crate::acd::succession::TooMany;
pub use difference::{Difference, difference};
pub use mistake::{Mistake, Mistakes, Severity};
pub use running::{Running, in_force};
pub use settings::{Clip, ClipSource, LedgerSettings, RecordingSettings, Settings};
pub use shape::shape;
pub use speech::Spoken;

use crate::acd::Plan;
use agents::Agents;
use calendars::Calendars;
use clips::Clips;
use exits::Exits;
use mistake::Report;
use network::Network;
use read::{Placed, Section};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use toml::de::DeTable;
use words::{Names, Words};

/// The configuration that is compiled in: used when no file is named, and the documentation of every key.
pub const DEFAULT: &str = include_str!("../../config/centralino.toml");

/// A longer file is refused unread.
const TEXT_BYTES: usize = 1 << 20;

/// A configuration without mistakes.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// For the routing engine.
    pub plan: Plan,
    /// For the shell.
    pub settings: Settings,
    /// What should be looked at, in the order of the file.
    pub warnings: Vec<Mistake>,
    /// Twelve hex digits that change with every change of the text.
    pub hash: String,
}

/// What a configuration refers to outside of itself. Paths are as written; relative ones belong to the folder of the
/// configuration.
pub trait Sources {
    /// Where the sound file is, or why it cannot be had.
    fn find_prompt(&self, path: &str) -> Result<PathBuf, String>;

    /// The sound file of a text, made by the command if it is not there yet; or why it cannot be had.
    fn speak(&self, spoken: &Spoken) -> Result<PathBuf, String> {
        Ok(spoken.directory.join(&spoken.name))
    }

    /// What is in the file of a language that is not compiled in, `languages/NAME.toml`; or why it cannot be had.
    fn read_language(&self, name: &str) -> Result<String, String> {
        Err(format!("there is no languages/{name}.toml"))
    }

    /// What is in the password file, or why it cannot be had.
    fn read_secret(&self, path: &str) -> Result<SecretFile, String>;

    /// Where a file will be that need not be there yet.
    fn resolve(&self, path: &str) -> PathBuf {
        PathBuf::from(path)
    }
}

/// A password file's content.
pub struct SecretFile {
    /// What it holds; white space around it does not count.
    pub text: String,
    /// Whether users of the system other than its owner and group may read it.
    pub readable_by_others: bool,
}

/// Reads the whole text and finds everything that is wrong with it.
pub fn check(text: &str, sources: &dyn Sources) -> Result<Checked, Mistakes> {
    let report = Report::new(text);
    if text.len() > TEXT_BYTES {
        report.mistake(&(0..0), "the file is longer than 1 MiB", None);
        return Err(report.into_lists());
    }
    let Some(readable) = syntax::repair(text, &report) else {
        return Err(report.into_lists());
    };
    let (document, _) = DeTable::parse_recoverable(&readable);
    let (plan, settings) = read_parts(document.get_ref(), sources, &report);
    match report.has_mistakes() {
        true => Err(report.into_lists()),
        false => Ok(Checked { plan, settings, warnings: report.into_lists().warnings, hash: hash(text) }),
    }
}

/// Where something is wrong, something else stands in for it, so that reading can go on; it never gets out, because
/// `check` looks at the report first.
fn read_parts<'t>(document: &'t DeTable<'t>, sources: &'t dyn Sources, report: &'t Report<'t>) -> (Plan, Settings) {
    let mut root = Section::new(document, 0..0, "the file".to_string(), report);
    let words = Words::read(&mut root, report);
    let speech = speech::Speech::read(&mut root, sources, report);
    let mut limits = root.get_section_or_empty("limits");
    let network = Network::read(&mut root, &mut limits, sources, report);
    let calendars = Calendars::read(&mut root, network.time_zone(), report);
    let mut clips = Clips::new(speech, sources, report);
    let (sections, service_names) = services::name_services(&mut root, report);
    let exits = Exits { services: &service_names };
    let queues = routing::read_queues(&mut root, &words, &exits, &mut clips, report);
    let announced = routing::read_pools(&mut root, &words, &mut clips, report);
    let menus = menus::Menus::read(&mut root, &words, &queues, &mut clips, report);
    let mut answers = Vec::new();
    let around =
        services::Around { words: &words, queues: &queues, menus: &menus, calendars: &calendars, exits: &exits };
    let services = services::read_services(sections, &around, &mut clips, &mut answers, report);
    let pauses = pauses::read_pauses(&mut root, report);
    let agents = Agents::read(&mut root, &words, &services, &Names::of_queues(&queues), sources, report);

    let mut delays = root.get_section_or_empty("routing");
    let bounds = routing::read_limits(&mut limits, &mut delays);
    let channels = Placed { value: bounds.channels, span: limits.key_span("channels") };
    let recording = recording::read(&mut root, sources);
    let mut keeping = root.get_section_or_empty("ledger");
    let ledger = ledger::read(&mut keeping, sources, report);
    for section in [limits, delays, keeping, root] {
        section.finish();
    }
    network.check_against(&channels, agents.demo_password.is_some(), report);
    menus.check(&services, report);
    if !report.is_broken() {
        agents.check_lines(&queues, report);
        routing::check_exits(&queues, &services, report);
        let goes_by = |calendar: usize| {
            let own = |service: &Placed<crate::acd::plan::Service>| service.value.entry.calendar;
            services.iter().filter_map(own).any(|id| id.index() == calendar)
        };
        calendars.warn_of_the_unused(goes_by, report);
        routing::warn_of_gaps(&words, &queues, &services, &agents.agents, report);
    }

    let (clips, voices) = clips.into_lists();
    let demands = words.demands();
    let (mut pools, skills) = words.into_plan();
    for (pool, clip) in announced {
        if let Some(pool) = pools.get_mut(pool.index()) {
            pool.announce = Some(clip);
        }
    }
    let plan = Plan {
        services: services.into_iter().map(|service| service.value).collect(),
        queues: queues.into_iter().map(|queue| queue.value).collect(),
        pools,
        agents: agents.agents.clone(),
        pauses,
        skills,
        demands,
        clips: clips.iter().map(|clip| clip.name.clone()).collect(),
        voices,
        calendars: calendars.into_plan(),
        limits: bounds,
    };
    (plan, network.into_settings((agents, answers), clips, (ledger, recording), channels.value))
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoFiles;

    impl Sources for NoFiles {
        fn find_prompt(&self, _: &str) -> Result<PathBuf, String> {
            Err("there are no files".to_string())
        }

        fn read_secret(&self, _: &str) -> Result<SecretFile, String> {
            Err("there are no files".to_string())
        }
    }

    #[test]
    fn the_default_file_shows_every_key() {
        let report = Report::new(DEFAULT);
        let (document, _) = DeTable::parse_recoverable(DEFAULT);
        read_parts(document.get_ref(), &NoFiles, &report);
        assert!(!report.has_mistakes());
        let keys = report.known_keys();
        assert!(keys.len() > 60, "{keys:?}");
        for key in keys {
            let shown = [format!("\n{key} = "), format!("\n#   {key} = "), format!("[{key}"), format!(".{key}]")];
            assert!(shown.iter().any(|form| DEFAULT.contains(form)), "the default file says nothing about `{key}`");
        }
    }

    #[test]
    fn the_hash_follows_the_text() {
        let hashes = [hash(""), hash("a"), hash("a ")];
        assert_eq!(hashes, ["e3b0c44298fc", "ca978112ca1b", &hashes[2]]);
        assert_ne!(hashes[1], hashes[2]);
    }
}
