//! A configuration as titles, keys and values in the operator's words: what two of them are compared by.
//!
//! Every structure is taken apart by name: a key added to the plan or the settings does not compile until it is told
//! here. What a password is stands in no word.

use super::network::{CALLER_FROM, NUMBER_FROM, TOLD};
use super::routing::{MODES, ON_RELOAD, STRATEGIES};
use super::services::ANSWERS;
use super::value::show_duration;
use super::{LedgerSettings, RecordingSettings, Running, Settings};
use crate::acd::demand::Demand;
use crate::acd::plan::{
    Agent, Announcements, BackOff, Entry, Exit, Limits, Pause, Plan, Pool, Queue, Recording, Service, Step,
};
use crate::b2bua::{self, Phone};
use crate::ids::{ClipId, PoolId, QueueId, SkillId};
use crate::{media, sip};
use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::path::PathBuf;

/// Something with a name of its own, and what is said about it.
pub(super) struct Told {
    pub kind: &'static str,
    /// Empty for what there is only one of.
    pub name: String,
    pub keys: Vec<(String, Word)>,
}

/// A value, or something that is compared and never shown.
#[derive(PartialEq)]
pub(super) enum Word {
    Plain(String),
    Secret(String),
}

/// The keys of one thing while they are told.
struct Keys(Vec<(String, Word)>);

impl Keys {
    fn tell(&mut self, key: &str, value: impl Display) {
        self.0.push((key.to_owned(), Word::Plain(value.to_string())));
    }

    fn length(&mut self, key: &str, value: &crate::time::Duration) {
        self.tell(key, show_duration(*value));
    }
}

/// What a reload changes while the daemon runs. Compared are two of which one is laid out after the other: ids in both
/// mean the same.
pub(super) fn plan(running: &Running) -> Vec<Told> {
    let Running { plan, clips: _, accounts, phones, sound, answer } = running;
    let Plan { services, queues, pools, agents, pauses, skills, demands: _, clips: _, voices, calendars, limits } =
        plan;
    let answers = answer.iter().copied().chain(std::iter::repeat(b2bua::Answer::First));
    let services = services.iter().zip(answers).filter(|(service, _)| !service.retired);
    let mut told: Vec<Told> = services.map(|(service, answer)| told_service(plan, service, answer)).collect();
    told.extend(queues.iter().filter(|queue| !queue.retired).map(|queue| told_queue(plan, queue)));
    let usual = b2bua::Sound::default();
    let reached = phones.iter().zip(sound.iter().chain(std::iter::repeat(&usual)));
    let agents = agents.iter().zip(reached).filter(|(agent, _)| !agent.retired);
    told.extend(agents.map(|(agent, reached)| told_agent(plan, agent, reached, accounts)));
    told.extend(pauses.iter().filter(|pause| !pause.retired).map(told_pause));
    let bare = |kind, name: &str, keys| Told { kind, name: name.to_owned(), keys };
    told.extend(pools.iter().map(|Pool { name, announce }| {
        let said = Word::Plain(clip_name(plan, *announce).to_owned());
        bare("pool", name, vec![("announce".to_owned(), said)])
    }));
    told.extend(skills.iter().map(|skill| bare("skill", skill, Vec::new())));
    let whole = |key: &str, value: Word| vec![(key.to_owned(), value)];
    told.extend(voices.iter().map(|voice| bare("language", &voice.name, whole("words", compared(voice)))));
    told.extend(calendars.iter().map(|it| bare("calendar", &it.name, whole("hours", compared(it)))));
    told.push(told_limits(limits));
    told
}

/// Names of things that leave no trace where they are laid out once they are gone.
pub(super) fn names(plan: &Plan) -> BTreeSet<(&'static str, String)> {
    let pools = plan.pools.iter().map(|pool| ("pool", pool.name.clone()));
    let skills = plan.skills.iter().map(|skill| ("skill", skill.clone()));
    let voices = plan.voices.iter().map(|voice| ("language", voice.name.clone()));
    let calendars = plan.calendars.iter().map(|calendar| ("calendar", calendar.name.clone()));
    pools.chain(skills).chain(voices).chain(calendars).collect()
}

/// What is compared whole and not shown.
fn compared(value: &impl Debug) -> Word {
    Word::Secret(format!("{value:?}"))
}

fn told_service(plan: &Plan, service: &Service, answer: b2bua::Answer) -> Told {
    let Service { name, number, welcome, menu, queue, priority_credit, demand, entry, retired: _ } = service;
    let Entry { calendar, closed, holiday, full, nobody_signed_in, at_closing } = entry;
    let mut keys = Keys(Vec::new());
    keys.tell("number", number);
    keys.tell("queue", queue_name(plan, *queue));
    keys.tell("welcome", clip_name(plan, *welcome));
    for menu in menu.iter().flat_map(|flow| &flow.menus) {
        keys.0.push((format!("menu {}", menu.name), compared(menu)));
    }
    keys.length("priority_credit", priority_credit);
    if let Some(Demand { requires, prefers }) = demand.and_then(|id| plan.demands.get(id.index())) {
        keys.tell("requires", levels(plan, requires));
        keys.tell("prefers", levels(plan, prefers));
    }
    let hours = calendar.and_then(|id| plan.calendars.get(id.index()));
    keys.tell("calendar", hours.map_or("none", |calendar| &calendar.name));
    for (key, exit) in [("closed", closed), ("holiday", holiday), ("full", full)] {
        keys.tell(key, exit_words(plan, *exit));
    }
    keys.tell("nobody_signed_in", nobody_signed_in.map_or("wait".to_owned(), |exit| exit_words(plan, exit)));
    keys.0.push(("at_closing".to_owned(), compared(at_closing)));
    keys.tell("answer", word(&ANSWERS, &answer));
    Told { kind: "service", name: name.clone(), keys: keys.0 }
}

fn exit_words(plan: &Plan, exit: Exit) -> String {
    match exit {
        Exit::End => "end".to_owned(),
        Exit::Announce(clip) => format!("says {}", clip_name(plan, Some(clip))),
        Exit::Service(service) => {
            format!("service {}", plan.services.get(service.index()).map_or("", |service| &service.name))
        }
    }
}

fn told_pause(pause: &Pause) -> Told {
    let Pause { name, longest, most_at_once, retired: _ } = pause;
    let mut keys = Keys(Vec::new());
    keys.tell("longest", longest.map_or("none".to_owned(), show_duration));
    keys.tell("most_at_once", most_at_once.map_or("any number".to_owned(), |most| most.to_string()));
    Told { kind: "pause", name: name.clone(), keys: keys.0 }
}

fn told_queue(plan: &Plan, queue: &Queue) -> Told {
    let Queue {
        name,
        strategy,
        weight,
        priority_credit,
        steps,
        ring,
        wrap_up,
        max_wait,
        max_wait_grace,
        last_agent_within,
        last_agent_wait,
        on_max_wait,
        exits,
        max_length,
        thresholds: _,
        contract: _,
        uncounted: _,
        target_percent,
        music,
        recording,
        whisper,
        announcements,
        on_reload,
        retired: _,
    } = queue;
    let mut keys = Keys(Vec::new());
    keys.tell("strategy", word(&STRATEGIES, strategy));
    keys.tell("weight", weight);
    keys.length("priority_credit", priority_credit);
    for (number, step) in steps.iter().enumerate() {
        keys.tell(&format!("step {number}"), step_words(plan, step));
    }
    keys.length("ring", ring);
    keys.length("wrap_up", wrap_up);
    keys.length("max_wait", max_wait);
    keys.length("max_wait_grace", max_wait_grace);
    keys.length("last_agent_within", last_agent_within);
    keys.length("last_agent_wait", last_agent_wait);
    keys.tell("on_max_wait", exit_words(plan, *on_max_wait));
    keys.tell("exits", list(exits.iter().map(|(key, exit)| format!("{} {}", key.sign(), exit_words(plan, *exit)))));
    keys.tell("max_length", max_length);
    let judged_by = queue.judged_by().filter_map(|place| queue.thresholds.get(usize::from(place)));
    keys.tell("thresholds", list(judged_by.map(|length| show_duration(*length))));
    keys.tell("target_percent", target_percent);
    keys.tell("music", clip_name(plan, *music));
    keys.tell("whisper", clip_name(plan, *whisper));
    if let Some(Recording { notice, pause_key }) = recording {
        let notice = clip_name(plan, Some(*notice));
        keys.tell("recording", format!("notice {notice}, paused by {}", pause_key.sign()));
    }
    if let Some(Announcements { first, every, position, estimate, messages }) = announcements {
        let voice = position.and_then(|voice| plan.voices.get(voice.index()));
        let place = voice.map_or("no place", |voice| &voice.name);
        let messages = list(messages.iter().map(|clip| clip_name(plan, Some(*clip))));
        let (first, every) = (show_duration(*first), show_duration(*every));
        let wait = if estimate.is_some() { "estimated wait" } else { "no wait" };
        let words = format!("first {first}, every {every}, place in {place}, {wait}, messages {messages}");
        keys.tell("announcements", words);
    }
    keys.tell("on_reload", word(&ON_RELOAD, on_reload));
    Told { kind: "queue", name: name.clone(), keys: keys.0 }
}

fn step_words(plan: &Plan, step: &Step) -> String {
    let Step { after, pools, requires, prefers, relax, mode, after_offers, when_nobody_signed_in } = step;
    let mut words = vec![format!("after {}", show_duration(*after))];
    words.push(format!("pools {}", list(pools.iter().map(|pool| pool_name(plan, *pool)))));
    if !requires.is_empty() {
        words.push(format!("requires {}", levels(plan, requires)));
    }
    for (key, asked) in [("prefers", prefers), ("relax", relax)] {
        words.extend((!asked.is_empty()).then(|| format!("{key} {}", levels(plan, asked))));
    }
    words.push(word(&MODES, mode));
    words.extend(after_offers.map(|offers| format!("or after {offers} offers")));
    words.extend(when_nobody_signed_in.then(|| "or when nobody is signed in".to_owned()));
    words.join(", ")
}

fn told_agent(
    plan: &Plan,
    agent: &Agent,
    (phone, sound): (&Phone, &b2bua::Sound),
    accounts: &[(String, Option<sip::Account>)],
) -> Told {
    let Agent { number, pool, skills, fixed_contact: _, weight, wrap_up, gap, queues, place: _, retired: _ } = agent;
    let mut keys = Keys(Vec::new());
    keys.tell("pool", pool_name(plan, *pool));
    keys.tell("skills", levels(plan, skills));
    keys.tell("weight", weight);
    keys.tell("wrap_up", wrap_up.map_or("as the queue".to_owned(), show_duration));
    keys.length("gap", gap);
    keys.tell("queues", list(queues.iter().map(|queue| queue_name(plan, *queue))));
    let b2bua::Sound { encryption, codecs } = sound;
    keys.tell("srtp", encryption_word(*encryption));
    keys.tell("codecs", codec_words(codecs));
    match phone {
        Phone::Contact(uri) => keys.tell("phone", uri),
        Phone::Line { contact, dials } => {
            keys.tell("phone", contact);
            keys.tell("dials", list(dials));
        }
        Phone::Account(account) => {
            keys.tell("phone", "registers");
            let account = accounts.get(account.0 as usize).and_then(|(_, account)| account.as_ref());
            let secret = account.map(|account| account.secret.0.clone());
            keys.0.push(("password".to_owned(), Word::Secret(secret.unwrap_or_default())));
        }
    }
    Told { kind: "agent", name: number.clone(), keys: keys.0 }
}

fn codec_words(codecs: &[media::Codec]) -> String {
    list(codecs.iter().map(|codec| codec.name()))
}

fn encryption_word(encryption: media::Encryption) -> String {
    format!("{encryption:?}").to_lowercase()
}

fn told_limits(limits: &Limits) -> Told {
    let Limits {
        channels: _,
        setup_timeout,
        join_timeout,
        settle_timeout,
        greeting_max,
        consult_max,
        conference_key,
        threshold_grace,
        reentry_grace,
        misses_to_pause,
        prelude_max,
        overtaken_at_most,
        callers_remembered,
        wrap_up_max,
        back_off,
        agent_delay,
    } = limits;
    let mut keys = Keys(Vec::new());
    keys.length("setup_timeout", setup_timeout);
    keys.length("join_timeout", join_timeout);
    keys.length("settle_timeout", settle_timeout);
    keys.length("greeting_max", greeting_max);
    keys.length("consult_max", consult_max);
    keys.tell("conference_key", conference_key.map_or("none".to_owned(), |key| key.sign().to_string()));
    keys.length("threshold_grace", threshold_grace);
    keys.length("reentry_grace", reentry_grace);
    keys.tell("misses_to_pause", misses_to_pause);
    keys.length("prelude_max", prelude_max);
    keys.tell("overtaken_at_most", overtaken_at_most);
    keys.tell("callers_remembered", callers_remembered);
    keys.length("wrap_up_max", wrap_up_max);
    for (name, delays) in [("back_off", back_off), ("agent_delay", agent_delay)] {
        let BackOff { no_answer, busy, rejected, unreachable } = delays;
        let causes = [("no_answer", no_answer), ("busy", busy), ("rejected", rejected), ("unreachable", unreachable)];
        causes.into_iter().for_each(|(cause, length)| keys.length(&format!("{name}.{cause}"), length));
    }
    Told { kind: "routing", name: String::new(), keys: keys.0 }
}

/// What stays as it was at the start, by the names of its keys.
pub(super) fn settings(settings: &Settings) -> Vec<(String, Word)> {
    let Settings {
        engine,
        sip_udp,
        sip_tcp,
        tcp_connections,
        tcp_idle,
        name_servers,
        http,
        control_token,
        time_zone,
        channels,
        drain_max,
        trace_bytes,
        recording,
        ledger,
        clips: _,
    } = settings;
    let b2bua::Settings { sip, media, phones: _, sound: _, answer: _, trunks, loopback_media } = engine;
    let mut keys = Keys(Vec::new());
    keys.tell("sip.udp", sip_udp);
    keys.tell("sip.tcp", or_off(sip_tcp.as_ref()));
    tell_sip(&mut keys, sip);
    keys.length("sip.tcp_idle", tcp_idle);
    keys.tell("sip.name_servers", list(name_servers));
    tell_media(&mut keys, media);
    sip.trunks.iter().zip(trunks).for_each(|(trunk, terms)| tell_trunk(&mut keys, trunk, terms));
    keys.tell("media.loopback_peers", list(loopback_media));
    keys.tell("http.listen", http);
    let token = control_token.as_ref().map(|token| token.0.clone());
    keys.0.push(("http.control_token_file".to_owned(), Word::Secret(token.unwrap_or_default())));
    keys.tell("report.time_zone", time_zone.iana_name().unwrap_or("UTC"));
    keys.tell("limits.channels", channels);
    keys.tell("limits.tcp_connections", tcp_connections);
    keys.length("limits.drain_max", drain_max);
    keys.tell("limits.trace_megabytes", trace_bytes >> 20);
    tell_ledger(&mut keys, ledger);
    let RecordingSettings { directory, days } = recording;
    keys.tell("recording.directory", directory.display());
    keys.tell("recording.days", days);
    keys.0
}

fn tell_trunk(keys: &mut Keys, trunk: &sip::Trunk, terms: &b2bua::Terms) {
    let sip::Trunk { name, hosts, is_trusted, number_from, caller_from, country_code, .. } = trunk;
    let sip::Trunk { calls_per_second, credentials, .. } = trunk;
    let b2bua::Terms { answer, encryption, codecs, most_calls, country_code: _ } = terms;
    let mut tell = |key: &str, value: &dyn Display| keys.tell(&format!("trunk.{name}.{key}"), value);
    tell("addresses", &list(hosts));
    tell("trusted", is_trusted);
    tell("number_from", &word(&NUMBER_FROM, number_from));
    tell("caller_from", &word(&CALLER_FROM, caller_from));
    tell("country_code", country_code);
    tell("calls_per_second", calls_per_second);
    tell("most_calls", most_calls);
    tell("answer", &answer.as_ref().map_or_else(|| "as the service says".to_owned(), |answer| word(&ANSWERS, answer)));
    tell("srtp", &format!("{encryption:?}").to_lowercase());
    tell("codecs", &codec_words(codecs));
    if let Some(sip::Credentials { user, secret, realm }) = credentials {
        tell("user", user);
        tell("realm", realm);
        keys.0.push((format!("trunk.{name}.password"), Word::Secret(secret.0.clone())));
    }
}

fn tell_sip(keys: &mut Keys, sip: &sip::Settings) {
    let sip::Settings {
        udp,
        tcp: _,
        domains,
        realm,
        md5_only,
        accounts: _,
        trunks: _,
        trusted,
        number_from,
        country_code,
        redirects,
        liveness,
        told: sip::Told { asserted, diversion, history },
        limits,
    } = sip;
    let sip::Limits {
        transactions,
        dialogs,
        bindings_per_account,
        message_bytes,
        headers,
        header_bytes,
        expires_min,
        expires_max,
        nonce_life,
        stranger_requests,
        overload_delay,
    } = limits;
    keys.tell("sip.advertised_address", udp.ip());
    let hosts = domains
        .iter()
        .flat_map(|domains| domains.names.iter().cloned().chain(domains.addresses.iter().map(ToString::to_string)));
    keys.tell("sip.domains", list(hosts.collect::<Vec<_>>()));
    keys.tell("sip.realm", realm);
    keys.tell("sip.md5_only", list(md5_only));
    keys.tell("sip.trusted", list(trusted));
    keys.tell("sip.number_from", word(&NUMBER_FROM, number_from));
    keys.tell("sip.country_code", country_code);
    let place = |it: &sip::Redirect| match &it.numbers {
        Some(numbers) => format!("{numbers}@{}", it.hosts),
        None => it.hosts.to_string(),
    };
    keys.tell("sip.follow_redirects", list(redirects.iter().map(place).collect::<Vec<_>>()));
    keys.tell("sip.liveness", or_off(liveness.map(show_duration)));
    let told = TOLD.iter().zip([asserted, diversion, history]).filter(|(_, is_told)| **is_told);
    keys.tell("sip.tell_agents", list(told.map(|((word, ()), _)| word)));
    keys.length("sip.registration_min", expires_min);
    keys.length("sip.registration_max", expires_max);
    keys.length("sip.nonce_life", nonce_life);
    keys.length("sip.overload_delay", overload_delay);
    keys.tell("limits.transactions", transactions);
    keys.tell("limits.dialogs", dialogs);
    keys.tell("limits.bindings_per_agent", bindings_per_account);
    keys.tell("limits.message_bytes", message_bytes);
    keys.tell("limits.headers", headers);
    keys.tell("limits.header_bytes", header_bytes);
    keys.tell("limits.stranger_requests_per_second", stranger_requests);
}

fn tell_media(keys: &mut Keys, media: &media::Settings) {
    let media::Settings {
        address,
        ports,
        drain,
        silent_after,
        codecs,
        opus_legs,
        report_every,
        inband_keys,
        encryption,
        threads,
    } = media;
    keys.tell("media.address", address);
    keys.tell("media.ports", format!("{}-{}", ports.0, ports.1));
    keys.length("media.port_rest", drain);
    keys.length("media.rtp_timeout", &silent_after.unwrap_or_default());
    keys.length("media.rtcp_interval", &report_every.unwrap_or_default());
    keys.tell("media.threads", threads);
    keys.tell("media.dtmf", if *inband_keys { "inband" } else { "events" });
    keys.tell("media.srtp", encryption_word(*encryption));
    keys.tell("media.codecs", codec_words(codecs));
    keys.tell("limits.opus_legs", opus_legs);
}

fn tell_ledger(keys: &mut Keys, ledger: &LedgerSettings) {
    let LedgerSettings { path, json_lines, csv, queue_log, calls_days, pseudonyms_days, key_days, agreement, buffer } =
        ledger;
    let file = |path: &Option<PathBuf>| or_off(path.as_ref().map(|path| path.display()));
    keys.tell("ledger.path", file(path));
    keys.tell("ledger.json_lines", file(json_lines));
    keys.tell("ledger.csv", file(csv));
    keys.tell("ledger.queue_log", file(queue_log));
    keys.tell("ledger.calls_days", calls_days);
    keys.tell("ledger.pseudonyms_days", pseudonyms_days);
    keys.tell("ledger.key_days", key_days);
    keys.tell("ledger.agent_level", or_off(agreement.as_ref()));
    keys.tell("ledger.buffer", buffer);
}

fn word<T: PartialEq>(known: &[(&str, T)], value: &T) -> String {
    known.iter().find(|(_, known)| known == value).map_or_else(String::new, |(word, _)| (*word).to_owned())
}

fn or_off(value: Option<impl Display>) -> String {
    value.map_or_else(|| "off".to_owned(), |value| value.to_string())
}

/// The words one after the other; "none" for none.
fn list(words: impl IntoIterator<Item = impl Display>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| word.to_string()).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn levels(plan: &Plan, levels: &[(SkillId, u8)]) -> String {
    list(levels.iter().map(|(skill, level)| {
        let name = plan.skills.get(skill.index()).map_or("", String::as_str);
        format!("{name} {level}")
    }))
}

fn queue_name(plan: &Plan, queue: QueueId) -> &str {
    plan.queues.get(queue.index()).map_or("", |queue| &queue.name)
}

fn pool_name(plan: &Plan, pool: PoolId) -> &str {
    plan.pools.get(pool.index()).map_or("", |pool| &pool.name)
}

fn clip_name(plan: &Plan, clip: Option<ClipId>) -> &str {
    clip.map_or("none", |clip| plan.clips.get(clip.index()).map_or("", String::as_str))
}
