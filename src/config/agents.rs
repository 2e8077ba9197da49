//! Agents, one by one or by ranges of numbers, and how their phones are reached.

use super::mistake::Report;
use super::network::codecs;
use super::read::{Placed, Section};
use super::value::{check_number, codec, count, duration, encryption, text};
use super::words::{Names, Words, bounded};
use super::wrong::{Read, Wrong};
use super::{SecretFile, Sources};
use crate::acd::plan::{Agent, Queue, Service};
use crate::b2bua::{DIALLED, Phone, Sound};
use crate::ids::{PoolId, QueueId};
use crate::media::Encryption;
use crate::sip;
use crate::sip::api::AccountId;
use crate::sip::{Account, HostName, Secret};
use crate::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use toml::de::DeValue;

const HOUR: Duration = Duration::from_secs(3_600);
const MOST_AGENTS: usize = 10_000;
const NUMBER: &str = "{number}";
/// Shorter passwords are guessed in seconds.
const SAFE_PASSWORD_CHARS: usize = 12;

/// Agents, accounts and phones, each in the order of the file.
#[derive(Default)]
pub(super) struct Agents {
    pub agents: Vec<Agent>,
    pub accounts: Vec<Account>,
    /// By `AgentId`.
    pub phones: Vec<Phone>,
    /// By `AgentId`.
    pub sound: Vec<Sound>,
    /// Lines to numbers outside, with their sections.
    lines: Vec<(PoolId, Range<usize>)>,
    /// The first password of the form `demo-<number>`, which everybody knows.
    pub demo_password: Option<Range<usize>>,
    demo_passwords: usize,
}

/// How the agents of one section are reached.
enum Reach {
    Password(Placed<String>),
    Contact(String),
    Line(String, Vec<sip::Numbers>),
}

impl Agents {
    pub fn read(
        root: &mut Section<'_>,
        words: &Words,
        services: &[Placed<Service>],
        queues: &Names,
        sources: &dyn Sources,
        report: &Report<'_>,
    ) -> Agents {
        let mut taken: BTreeMap<String, String> = services
            .iter()
            .map(|service| (service.value.number.clone(), format!("[service.{}]", service.value.name)))
            .collect();
        let mut agents = Agents::default();
        for (numbers, mut section) in root.get_named("agent") {
            let Some(numbers) = take_numbers(&numbers, &section.title, &mut taken, report) else {
                continue;
            };
            let pool = section.need("pool", |value| words.pool(value)).map_or(PoolId(0), |pool| pool.value);
            let skills = words.levels(&mut section, "skills", report);
            let weight = u32::try_from(section.get_or("weight", 1, count(1, 1_000))).unwrap_or(1);
            let sound = read_sound(&mut section, Encryption::Off, report);
            let wrap_up = section.get("wrap_up", duration(Duration::ZERO, HOUR)).map(|length| length.value);
            let gap = section.get_or("gap", Duration::ZERO, duration(Duration::ZERO, HOUR));
            let order = read_order(&mut section, queues, report);
            let reach = read_reach(&mut section, sources, report);
            let reach = read_line(&mut section, reach, report);
            let is_line = matches!(reach, Some(Reach::Line(..)));
            if is_line {
                agents.lines.push((pool, section.span.clone()));
            }
            // A line has nothing to write down.
            let wrap_up = wrap_up.or(is_line.then_some(Duration::ZERO));
            bounded(agents.agents.len() + numbers.len(), MOST_AGENTS, "agents", &section.span, report);
            if let Some(reach) = reach
                && agents.agents.len() + numbers.len() <= MOST_AGENTS
            {
                agents.warn_of_password(&reach, &numbers, report);
                for number in numbers {
                    let fixed_contact = matches!(reach, Reach::Contact(_) | Reach::Line(..));
                    agents.add_phone(&reach, &number);
                    agents.sound.push(sound.clone());
                    agents.agents.push(Agent {
                        number,
                        pool,
                        skills: skills.clone(),
                        fixed_contact,
                        weight,
                        wrap_up,
                        gap,
                        queues: order.clone(),
                        ..Agent::default()
                    });
                }
            }
            section.finish();
        }
        agents.warn_of_demo_passwords(report);
        agents
    }

    fn add_phone(&mut self, reach: &Reach, number: &str) {
        let phone = match reach {
            Reach::Contact(contact) => Phone::Contact(contact.replace(NUMBER, number)),
            Reach::Line(contact, dials) => {
                Phone::Line { contact: contact.replace(NUMBER, number), dials: dials.clone() }
            }
            Reach::Password(password) => {
                let account = AccountId(u32::try_from(self.accounts.len()).unwrap_or(u32::MAX));
                let secret = Secret(password.value.replace(NUMBER, number));
                self.accounts.push(Account { user: number.to_string(), secret });
                Phone::Account(account)
            }
        };
        self.phones.push(phone);
    }

    /// Callers who wait are for people: no queue may ring a line that only dials what an agent asks for.
    pub fn check_lines(&self, queues: &[Placed<Queue>], report: &Report<'_>) {
        for (pool, span) in &self.lines {
            let mut steps = queues.iter().flat_map(|queue| &queue.value.steps);
            if steps.any(|step| step.pools.contains(pool)) {
                let hint = "give lines that dial a pool of their own, which no step names".to_string();
                report.mistake(span, "a queue would ring this line without a number to dial", Some(hint));
            }
        }
    }

    fn warn_of_password(&mut self, reach: &Reach, numbers: &[String], report: &Report<'_>) {
        let Reach::Password(password) = reach else { return };
        let secret = |number: &String| password.value.replace(NUMBER, number);
        let demo = numbers.iter().filter(|number| secret(number) == format!("demo-{number}")).count();
        if demo > 0 {
            self.demo_passwords += demo;
            self.demo_password.get_or_insert_with(|| password.span.clone());
        } else if numbers.iter().any(|number| secret(number).chars().count() < SAFE_PASSWORD_CHARS) {
            let hint = format!("{SAFE_PASSWORD_CHARS} characters or more");
            report.warning(&password.span, "this password is short enough to be guessed", Some(hint));
        } else if numbers.len() > 1 && !password.value.contains(NUMBER) {
            let problem = format!("{} agents share one password", numbers.len());
            report.warning(&password.span, problem, Some(format!("`{NUMBER}` in it stands for the agent's number")));
        }
    }

    fn warn_of_demo_passwords(&self, report: &Report<'_>) {
        if let Some(first) = &self.demo_password {
            let problem = match self.demo_passwords {
                1 => "1 agent has a demo password that everybody knows".to_string(),
                many => format!("{many} agents have demo passwords that everybody knows"),
            };
            report.warning(first, problem, Some("give each a password of its own before others can connect".into()));
        }
    }
}

/// Whether the sound is encrypted, and its codecs if they are not those of all.
pub(super) fn read_sound(section: &mut Section<'_>, default: Encryption, report: &Report<'_>) -> Sound {
    Sound {
        encryption: section.get_or("srtp", default, encryption),
        codecs: section.get_list("codecs", codec).map_or_else(Vec::new, |list| codecs(list, report)),
    }
}

/// The queues that the agents serve first.
fn read_order(section: &mut Section<'_>, queues: &Names, report: &Report<'_>) -> Vec<QueueId> {
    let Some(list) = section.get_list("queues", |value| queues.find(&text(value)?).map(QueueId)) else {
        return Vec::new();
    };
    let mut order = Vec::new();
    for queue in list.value {
        match order.contains(&queue.value) {
            true => report.mistake(&queue.span, "this queue is in the list already", None),
            false => order.push(queue.value),
        }
    }
    order
}

/// The numbers of a section; a number that another section has already is reported and keeps its first meaning.
fn take_numbers(
    key: &Placed<&str>,
    title: &str,
    taken: &mut BTreeMap<String, String>,
    report: &Report<'_>,
) -> Option<Vec<String>> {
    let numbers = match expand(key.value) {
        Ok(numbers) => numbers,
        Err(wrong) => {
            report.wrong(&key.span, wrong);
            vec![key.value.to_string()]
        }
    };
    if let Some((number, owner)) = numbers.iter().find_map(|number| Some((number, taken.get(number)?))) {
        report.mistake(&key.span, format!("`{number}` is the number of {owner} already"), None);
    }
    for number in &numbers {
        taken.entry(number.clone()).or_insert_with(|| title.to_string());
    }
    Some(numbers)
}

/// `101` is itself; `a001..a400` is four hundred numbers.
fn expand(key: &str) -> Read<Vec<String>> {
    let Some((first, last)) = key.split_once("..") else {
        check_number(key)?;
        return Ok(vec![key.to_string()]);
    };
    check_number(first)?;
    check_number(last)?;
    let wrong = || Wrong::new(format!("`{key}` is not a range of numbers"), "like \"a001..a400\" or \"101..199\"");
    let split = |number: &str| {
        let digits = number.len() - number.chars().rev().take_while(char::is_ascii_digit).count();
        let (prefix, digits) = number.split_at(digits);
        let count: u64 = digits.parse().ok()?;
        Some((prefix.to_string(), digits.len(), count))
    };
    let (prefix, width, from) = split(first).ok_or_else(wrong)?;
    let (same_prefix, same_width, to) = split(last).ok_or_else(wrong)?;
    if prefix != same_prefix || width != same_width || from > to {
        return Err(wrong());
    }
    if to - from >= MOST_AGENTS as u64 {
        return Err(Wrong::new(format!("{} agents are too many", to - from + 1), format!("at most {MOST_AGENTS}")));
    }
    Ok((from..=to).map(|number| format!("{prefix}{number:0width$}")).collect())
}

/// Exactly one of `password`, `password_file` and `contact`.
fn read_reach(section: &mut Section<'_>, sources: &dyn Sources, report: &Report<'_>) -> Option<Reach> {
    const KEYS: [&str; 3] = ["password", "password_file", "contact"];
    let password = section.get("password", password);
    let file = section.get("password_file", |value| secret_file(value, sources));
    let contact = section.get("contact", contact);
    let mut present = KEYS.iter().filter(|key| section.has(key));
    match (present.next(), present.next()) {
        (None, _) => {
            if !report.is_broken() {
                let hint = "`password` or `password_file` for a phone that registers, `contact` for one that does not";
                let problem = format!("{} says nothing about its phone", section.title);
                report.mistake(&section.span, problem, Some(hint.to_string()));
            }
            None
        }
        (Some(one), Some(other)) => {
            let problem = format!("`{one}` and `{other}` exclude each other");
            report.mistake(&section.key_span(other), problem, None);
            None
        }
        (Some(_), None) => {
            let from_file = file.and_then(|file| secret_of(file, report));
            let password = password.map(|mut password| {
                password.span = section.key_span("password");
                password
            });
            password.or(from_file).map(Reach::Password).or(contact.map(|contact| Reach::Contact(contact.value)))
        }
    }
}

/// `dials`: with it, a contact is a line to these numbers; in the contact `{dialled}` stands for the number.
fn read_line(section: &mut Section<'_>, reach: Option<Reach>, report: &Report<'_>) -> Option<Reach> {
    let dials = section.get_list("dials", numbers);
    let has_place = matches!(&reach, Some(Reach::Contact(contact)) if contact.contains(DIALLED));
    match (dials, reach) {
        (None, Some(Reach::Contact(_))) if has_place => {
            let problem = format!("`{DIALLED}` in a contact needs to know what may be dialled");
            report.mistake(&section.key_span("contact"), problem, Some("dials = [\"+3906*\"]".to_string()));
            None
        }
        (None, reach) => reach,
        (Some(dials), Some(Reach::Contact(contact))) if has_place && !dials.is_empty => {
            Some(Reach::Line(contact, dials.value.into_iter().map(|numbers| numbers.value).collect()))
        }
        (Some(dials), _) => {
            let hint = format!("contact = \"sip:{DIALLED}@192.0.2.1\", and at least one number");
            report.mistake(&dials.span, "`dials` belongs to a line with the number in its contact", Some(hint));
            None
        }
    }
}

fn numbers(value: &DeValue<'_>) -> Read<sip::Numbers> {
    let written = text(value)?;
    let wrong = || Wrong::new(format!("`{written}` is no number to dial"), "like \"+390612345678\", or \"+3906*\"");
    sip::Numbers::parse(&written).filter(|numbers| numbers.to_string() != "*").ok_or_else(wrong)
}

/// What a secret file holds.
pub(super) fn secret_file(value: &DeValue<'_>, sources: &dyn Sources) -> Read<SecretFile> {
    let path = text(value)?;
    sources.read_secret(&path).map_err(|reason| {
        Wrong::new(format!("the password file cannot be read: {reason}"), "paths start from the folder of this file")
    })
}

pub(super) fn password(value: &DeValue<'_>) -> Read<String> {
    let password = match value {
        DeValue::String(password) => password.to_string(),
        _ => return Err(Wrong::new("a password must be text", "write it in quotes")),
    };
    check_password(&password)?;
    Ok(password)
}

fn check_password(password: &str) -> Read<()> {
    match password.is_empty() || password.len() > 128 || password.chars().any(char::is_control) {
        true => Err(Wrong::new("cannot be a password", "1 to 128 characters, none of them control characters")),
        false => Ok(()),
    }
}

pub(super) fn secret_of(file: Placed<SecretFile>, report: &Report<'_>) -> Option<Placed<String>> {
    let password = file.value.text.trim().to_string();
    if let Err(wrong) = check_password(&password) {
        report.mistake(&file.span, format!("the content of the password file {}", wrong.problem), wrong.hint);
        return None;
    }
    if file.value.readable_by_others {
        report.warning(&file.span, "every user of this system can read the password file", Some("chmod o-r".into()));
    }
    Some(Placed { value: password, span: file.span })
}

/// A SIP URI; its host is an address, or a name that is looked up.
fn contact(value: &DeValue<'_>) -> Read<String> {
    const EXAMPLE: &str = "like \"sip:101@192.0.2.20:5060\"";
    let contact = text(value)?;
    let wrong = |problem: &str| Wrong::new(problem.to_string(), EXAMPLE);
    let rest = contact.strip_prefix("sip:").ok_or_else(|| wrong("a contact starts with `sip:`"))?;
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\\' | '^' | '`' | '|');
    if !rest.chars().all(fits) {
        return Err(wrong("this sign cannot stand in a contact"));
    }
    let (user, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
    if user.contains('@') || user.replace(NUMBER, "").replace(DIALLED, "").contains(['{', '}']) {
        return Err(Wrong::new("not a user part", "`{number}` stands for the agent's number"));
    }
    if rest.contains('?') {
        return Err(wrong("a contact has no headers"));
    }
    let host_port = rest.split(';').next().unwrap_or_default();
    let (host, port) = match host_port.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or_else(|| wrong("`[` without `]`"))?,
        None => host_port.split_at(host_port.find(':').unwrap_or(host_port.len())),
    };
    let is_port =
        |port: &str| port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if !port.is_empty() && !is_port(port) {
        return Err(wrong("not a port"));
    }
    match host.parse::<IpAddr>() {
        Ok(address) if address.is_ipv6() == host_port.starts_with('[') => Ok(contact),
        Err(_) if HostName::is_valid(host) && !host_port.starts_with('[') => Ok(contact),
        _ => Err(wrong("this is no address and no name of a host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_keep_their_zeros() {
        assert_eq!(expand("a008..a011").ok(), Some(["a008", "a009", "a010", "a011"].map(String::from).to_vec()));
        assert_eq!(expand("101").ok(), Some(vec!["101".to_string()]));
        for wrong in ["1..10", "a1..b2", "9..1", "a..b", "..", "00001..99999", "1 2"] {
            assert!(expand(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn contacts_are_sip_uris_with_addresses() {
        let contact = |text: &str| contact(&DeValue::String(text.into())).is_ok();
        for right in [
            "sip:101@127.0.0.1",
            "sip:{number}@127.0.0.1:6100",
            "sip:127.0.0.1:6100;transport=tcp",
            "sip:a@[2001:db8::1]:5060",
            "sip:a@pbx",
            "sip:{number}@sip.carrier.example:5080;transport=tcp",
        ] {
            assert!(contact(right), "{right}");
        }
        for wrong in [
            "101@127.0.0.1",
            "sip:",
            "sip:a@host..example",
            "sip:a@300.1.2.3",
            "sip:a@[host]",
            "sip:a@localhost",
            "sip:a@127.0.0.1:0",
            "sip:a@127.0.0.1:x",
            "sip:a@2001:db8::1",
            "sip:a@[127.0.0.1]",
            "sip:a@[::1",
            "sip:a@b@127.0.0.1",
            "sip:{name}@127.0.0.1",
            "sip:a b@127.0.0.1",
            "sip:<a>@127.0.0.1",
        ] {
            assert!(!contact(wrong), "{wrong}");
        }
    }
}
