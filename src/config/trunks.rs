//! `[trunk.NAME]`: the lines by which callers come, each with its habits. What a trunk does not say is as `[sip]` and
//! `[media]` have it for everybody.

use super::Sources;
use super::agents::{password, read_sound, secret_file, secret_of};
use super::mistake::Report;
use super::network::{CALLER_FROM, NUMBER_FROM, country_code, distinct};
use super::read::{Placed, Section};
use super::services::ANSWERS;
use super::value::{check_name, count, network, one_of, realm, truth, user_agent};
use super::words::bounded;
use crate::b2bua::{Sound, Terms};
use crate::media::api::Encryption;
use crate::sip::{CallerFrom, Credentials, NumberFrom, Secret, Trunk};
use ipnet::IpNet;
use std::collections::BTreeMap;

/// Each may have several ranges, and every message of a stranger is looked up in all of them.
const MOST_TRUNKS: usize = 100;

/// What holds where a trunk says nothing.
pub(super) struct Common<'a> {
    pub number_from: NumberFrom,
    pub country_code: &'a str,
    pub encryption: Encryption,
}

/// All trunks, in the order of the file: how their calls are read, and what their callers get.
pub(super) fn read(
    root: &mut Section<'_>,
    common: &Common<'_>,
    sources: &dyn Sources,
    report: &Report<'_>,
) -> (Vec<Trunk>, Vec<Terms>) {
    let named = root.get_named("trunk");
    if let Some((first, _)) = named.first() {
        bounded(named.len(), MOST_TRUNKS, "trunks", &first.span, report);
    }
    let mut taken = BTreeMap::new();
    let each = named.into_iter().map(|(name, mut section)| {
        if let Err(wrong) = check_name(name.value) {
            report.wrong(&name.span, wrong);
        }
        let trunk = read_trunk(name.value, &mut section, common, (&mut taken, sources), report);
        let terms = read_terms(&mut section, &trunk, common, report);
        section.finish();
        (trunk, terms)
    });
    each.unzip()
}

fn read_trunk(
    name: &str,
    section: &mut Section<'_>,
    common: &Common<'_>,
    (taken, sources): (&mut BTreeMap<IpNet, String>, &dyn Sources),
    report: &Report<'_>,
) -> Trunk {
    let hosts = section.need_list("addresses", network);
    if let Some(list) = hosts.as_ref().filter(|list| list.is_empty) {
        report.mistake(&list.span, "a trunk without an address is nowhere", None);
    }
    for host in hosts.iter().flat_map(|list| &list.value) {
        let before = taken.insert(host.value, name.to_owned());
        if let Some(other) = before.filter(|other| other != name) {
            report.mistake(&host.span, format!("this range is [trunk.{other}] already"), None);
        }
    }
    let is_trusted = section.get_or("trusted", true, truth);
    let everywhere = hosts.iter().flat_map(|list| &list.value).find(|host| host.value.prefix_len() == 0);
    if let Some(host) = everywhere.filter(|_| is_trusted) {
        let hint = "trusted = false".to_string();
        report.mistake(&host.span, "the whole world could say that it is anybody", Some(hint));
    }
    let number_from = section.get("number_from", |value| one_of(value, "place of the number", &NUMBER_FROM));
    let caller_from = section.get("caller_from", |value| one_of(value, "place of the caller", &CALLER_FROM));
    let asserts = number_from.as_ref().is_some_and(|it| !matches!(it.value, NumberFrom::RequestUri | NumberFrom::To));
    for (key, is_asserted) in
        [("number_from", asserts), ("caller_from", caller_from.as_ref().is_some_and(|it| it.value != CallerFrom::From))]
    {
        if is_asserted && !is_trusted {
            let problem = format!("`{key}` names a header that only a trusted trunk is believed");
            report.mistake(&section.key_span(key), problem, Some("trusted = true, or leave it out".to_string()));
        }
    }
    Trunk {
        name: name.to_owned(),
        hosts: hosts.map_or_else(Vec::new, |list| distinct(list, "range", report)),
        is_trusted,
        number_from: number_from.map_or(common.number_from, |it| it.value),
        caller_from: caller_from.map_or_else(CallerFrom::default, |it| it.value),
        country_code: section.get_or("country_code", common.country_code.to_owned(), country_code),
        calls_per_second: small(section.get_or("calls_per_second", 0, count(0, 100_000))),
        credentials: read_credentials(section, sources, report),
    }
}

fn read_terms(section: &mut Section<'_>, trunk: &Trunk, common: &Common<'_>, report: &Report<'_>) -> Terms {
    let Sound { encryption, codecs } = read_sound(section, common.encryption, report);
    Terms {
        answer: section.get("answer", |value| one_of(value, "way to answer", &ANSWERS)).map(|it| it.value),
        encryption,
        codecs,
        most_calls: small(section.get_or("most_calls", 0, count(0, 1_000_000))),
        country_code: trunk.country_code.clone(),
    }
}

/// `user`, `realm` and one of `password` and `password_file`: all of them or none.
fn read_credentials(section: &mut Section<'_>, sources: &dyn Sources, report: &Report<'_>) -> Option<Credentials> {
    let user = section.get("user", user_agent);
    let realm = section.get("realm", realm);
    let written = section.get("password", password);
    let file = section.get("password_file", |value| secret_file(value, sources));
    let (has_word, has_file) = (section.has("password"), section.has("password_file"));
    if has_word && has_file {
        report.mistake(&section.key_span("password_file"), "`password` and `password_file` exclude each other", None);
    }
    let secret = written.or(file.and_then(|file| secret_of(file, report)));
    let parts = [("user", section.has("user")), ("realm", section.has("realm")), ("password", has_word || has_file)];
    if let Some((there, _)) = parts.iter().find(|(_, is_there)| *is_there) {
        for (missing, _) in parts.iter().filter(|(_, is_there)| !is_there) {
            let problem = format!("`{missing}` is missing beside `{there}` in {}", section.title);
            let hint = "a challenge is answered with all three: user, password and the realm that it is for";
            report.mistake(&section.key_span(there), problem, Some(hint.to_string()));
        }
    }
    let Placed { value: secret, .. } = secret?;
    Some(Credentials { user: user?.value, secret: Secret(secret), realm: realm?.value })
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
