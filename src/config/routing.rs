//! Queues, steps and the limits that hold for all: the plan, services and agents apart.

use super::announcements;
use super::clips::Clips;
use super::exits::Exits;
use super::mistake::Report;
use super::read::{List, Placed, Section};
use super::recording;
use super::value::{check_name, count, duration, key, one_of, show_duration, text, truth};
use super::words::{MOST_NAMES, Words, bounded};
use super::wrong::Read;
use crate::acd::demand::{Asked, Carried};
use crate::acd::plan::{
    Agent, BackOff, Exit, Limits, MOST_CREDIT, MOST_WEIGHT, OnReload, Queue, Service, Step, StepMode, Strategy,
};
use crate::ids::{ClipId, PoolId};
use crate::time::Duration;
use toml::de::DeValue;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

const FIRST_STEP: &str = "the first step opens at once: after = \"0 s\"";

/// Most unanswered offers before a step.
const MOST_OFFERS: u64 = 1_000;
/// Most steps of a queue.
const MOST_STEPS: usize = 16;
/// Most thresholds of a queue.
const MOST_THRESHOLDS: usize = 8;
/// Most waiting calls of a queue.
const MOST_LENGTH: u64 = 100_000;
/// Most calls: what two legs each find ports for.
const MOST_CHANNELS: u64 = 16_000;

/// What callers are told before they are connected with an agent of a pool: `[pool.NAME]`, for those that say anything.
pub(super) fn read_pools<'t>(
    root: &mut Section<'t>,
    words: &Words,
    clips: &mut Clips<'t>,
    report: &Report<'_>,
) -> Vec<(PoolId, ClipId)> {
    let mut announced = Vec::new();
    for (name, mut section) in root.get_named("pool") {
        let clip = clips.read(&mut section, "announce", None);
        section.finish();
        match words.pools.find(name.value) {
            Ok(pool) => announced.extend(clip.map(|clip| (PoolId(pool), clip))),
            Err(wrong) => report.wrong(&name.span, wrong),
        }
    }
    announced
}

/// All queues with their places, in the order of the file.
pub(super) fn read_queues<'t>(
    root: &mut Section<'t>,
    words: &Words,
    exits: &Exits<'_>,
    clips: &mut Clips<'t>,
    report: &Report<'_>,
) -> Vec<Placed<Queue>> {
    let named = root.get_named("queue");
    if let Some((first, _)) = named.first() {
        bounded(named.len(), MOST_NAMES, "queues", &first.span, report);
    }
    named
        .into_iter()
        .map(|(name, section)| {
            if let Err(wrong) = check_name(name.value) {
                report.wrong(&name.span, wrong);
            }
            Placed { span: name.span.clone(), value: read_queue(name.value, section, (words, exits), clips, report) }
        })
        .collect()
}

fn read_queue<'t>(
    name: &str,
    mut section: Section<'t>,
    (words, exits): (&Words, &Exits<'_>),
    clips: &mut Clips<'t>,
    report: &Report<'_>,
) -> Queue {
    let queue = Queue {
        name: name.to_string(),
        strategy: section.get_or("strategy", Strategy::LongestIdle, strategy),
        weight: section.get_or("weight", 0, weight),
        priority_credit: section.get_or("priority_credit", Duration::ZERO, duration(Duration::ZERO, MOST_CREDIT)),
        steps: read_steps(&mut section, words, report),
        ring: section.get_or("ring", 15 * SECOND, duration(SECOND, 5 * MINUTE)),
        wrap_up: section.get_or("wrap_up", 5 * SECOND, duration(Duration::ZERO, HOUR)),
        max_wait: section.get_or("max_wait", 10 * MINUTE, duration(SECOND, DAY)),
        on_max_wait: exits.read(&mut section, "on_max_wait", clips, report).unwrap_or_default(),
        exits: exits.by_key(&mut section, clips, report),
        max_wait_grace: section.get_or("max_wait_grace", Duration::ZERO, duration(Duration::ZERO, 5 * MINUTE)),
        last_agent_within: section.get_or("last_agent_within", Duration::ZERO, duration(Duration::ZERO, 30 * DAY)),
        last_agent_wait: section.get_or("last_agent_wait", 20 * SECOND, duration(Duration::ZERO, 10 * MINUTE)),
        max_length: narrow(section.get_or("max_length", 100, count(1, MOST_LENGTH))),
        thresholds: read_thresholds(&mut section, report),
        target_percent: section.get_or("target_percent", 90, target),
        music: clips.read(&mut section, "music", Some("music")),
        recording: recording::of_queue(&mut section, clips, report),
        whisper: clips.read(&mut section, "whisper", None),
        announcements: announcements::read(&mut section, clips, report),
        on_reload: section.get_or("on_reload", OnReload::Follow, on_reload),
        ..Queue::default()
    };
    warn_of_the_unreachable(&queue, &section, report);
    section.finish();
    queue
}

fn read_thresholds(section: &mut Section<'_>, report: &Report<'_>) -> Vec<Duration> {
    let Some(list) = section.get_list("thresholds", duration(Duration::from_millis(1), DAY)) else {
        return vec![30 * SECOND, 20 * SECOND, 40 * SECOND];
    };
    let mut thresholds = Vec::new();
    for threshold in list.value {
        match thresholds.contains(&threshold.value) {
            true => report.mistake(&threshold.span, "this threshold is in the list already", None),
            false => thresholds.push(threshold.value),
        }
    }
    bounded(thresholds.len(), MOST_THRESHOLDS, "thresholds", &list.span, report);
    if list.is_empty {
        report.mistake(&list.span, "a queue needs a threshold", Some("the first is the contract's".to_string()));
    }
    thresholds
}

fn read_steps(section: &mut Section<'_>, words: &Words, report: &Report<'_>) -> Vec<Step> {
    let tables = section.get_tables("step");
    if tables.is_empty() && !report.is_broken() && !section.has("step") {
        let hint = format!("[[{}.step]] with `pools`", section.title.trim_matches(['[', ']']));
        report.mistake(&section.span, format!("{} has no step: nobody could ever answer", section.title), Some(hint));
    }
    bounded(tables.len(), MOST_STEPS, "steps", &section.span, report);
    let mut before: Option<Duration> = None;
    let mut steps = Vec::new();
    for mut table in tables {
        let is_first = before.is_none();
        let after = read_after(&mut table, before, report);
        before = Some(after);
        let pools = match table.need_list("pools", |value| words.pool(value)) {
            Some(pools) => distinct_pools(pools, report),
            None => Vec::new(),
        };
        steps.push(Step {
            after,
            pools,
            requires: words.levels(&mut table, "requires", report),
            prefers: words.levels(&mut table, "prefers", report),
            relax: words.all_levels(&mut table, "relax", report),
            mode: table.get_or("mode", StepMode::Widen, mode),
            after_offers: read_early(&mut table, "after_offers", is_first, count(1, MOST_OFFERS), report).map(narrow),
            when_nobody_signed_in: read_early(&mut table, "when_nobody_signed_in", is_first, truth, report)
                .unwrap_or(false),
        });
        table.finish();
    }
    steps
}

/// What opens a step before its time; nothing opens before the first step.
fn read_early<'t, T>(
    table: &mut Section<'t>,
    key: &'static str,
    is_first: bool,
    read: impl FnOnce(&DeValue<'t>) -> Read<T>,
    report: &Report<'_>,
) -> Option<T> {
    let early = table.get(key, read)?;
    if is_first {
        report.mistake(
            &table.key_span(key),
            format!("`{key}` says nothing in the first step"),
            Some(FIRST_STEP.into()),
        );
    }
    Some(early.value)
}

/// The first step opens at once, every other one later than the one before it.
fn read_after(table: &mut Section<'_>, before: Option<Duration>, report: &Report<'_>) -> Duration {
    let read = duration(Duration::ZERO, DAY);
    let after = match before {
        None => table.get("after", read),
        Some(_) => table.need("after", read),
    };
    match (&after, before) {
        (Some(after), None) if after.value > Duration::ZERO => {
            report.mistake(&after.span, "nobody is asked before this step", Some(FIRST_STEP.to_string()));
        }
        (Some(after), Some(before)) if after.value <= before => {
            let hint = format!("later than \"{}\"", show_duration(before));
            report.mistake(&after.span, "this step does not open later than the one before it", Some(hint));
        }
        _ => {}
    }
    after.map_or(before.unwrap_or_default(), |after| after.value)
}

fn distinct_pools(list: List<PoolId>, report: &Report<'_>) -> Vec<PoolId> {
    let mut pools = Vec::new();
    for pool in list.value {
        match pools.contains(&pool.value) {
            true => report.mistake(&pool.span, "this pool is in the list already", None),
            false => pools.push(pool.value),
        }
    }
    if list.is_empty {
        report.mistake(&list.span, "a step needs a pool", None);
    }
    pools
}

/// Bounds and delays that hold for all queues.
pub(super) fn read_limits(limits: &mut Section<'_>, routing: &mut Section<'_>) -> Limits {
    let default = Limits::default();
    let channels = limits.get_or("channels", u64::from(default.channels), count(1, MOST_CHANNELS));
    let short = |longest| duration(Duration::from_millis(100), longest);
    Limits {
        channels: narrow(channels),
        setup_timeout: routing.get_or("setup_timeout", default.setup_timeout, short(32 * SECOND)),
        join_timeout: routing.get_or("join_timeout", default.join_timeout, short(32 * SECOND)),
        prelude_max: routing.get_or("prelude_max", default.prelude_max, duration(SECOND, 5 * MINUTE)),
        settle_timeout: routing.get_or("settle_timeout", default.settle_timeout, short(5 * MINUTE)),
        greeting_max: routing.get_or("greeting_max", default.greeting_max, duration(SECOND, HOUR)),
        consult_max: routing.get_or("consult_max", default.consult_max, duration(SECOND, 24 * HOUR)),
        conference_key: routing.get("conference_key", |value| key(&text(value)?)).map(|key| key.value),
        threshold_grace: routing.get_or("threshold_grace", default.threshold_grace, duration(Duration::ZERO, SECOND)),
        reentry_grace: routing.get_or("reentry_grace", default.reentry_grace, duration(Duration::ZERO, HOUR)),
        misses_to_pause: narrow(routing.get_or("misses_to_pause", default.misses_to_pause.into(), count(0, 100))),
        overtaken_at_most: narrow(routing.get_or(
            "overtaken_at_most",
            default.overtaken_at_most.into(),
            count(1, 1_000),
        )),
        callers_remembered: narrow(limits.get_or(
            "callers_remembered",
            default.callers_remembered.into(),
            count(1, 1_000_000),
        )),
        wrap_up_max: routing.get_or("wrap_up_max", default.wrap_up_max, duration(Duration::ZERO, DAY)),
        back_off: read_delays(routing, "back_off", default.back_off),
        agent_delay: read_delays(routing, "agent_delay", default.agent_delay),
    }
}

fn read_delays(routing: &mut Section<'_>, key: &'static str, mut delays: BackOff) -> BackOff {
    let Some(mut section) = routing.get_section(key) else { return delays };
    for (key, length) in [
        ("no_answer", &mut delays.no_answer),
        ("busy", &mut delays.busy),
        ("rejected", &mut delays.rejected),
        ("unreachable", &mut delays.unreachable),
    ] {
        *length = section.get_or(key, *length, duration(Duration::ZERO, HOUR));
    }
    section.finish();
    delays
}

/// A way out of a queue leads out of it.
pub(super) fn check_exits(queues: &[Placed<Queue>], services: &[Placed<Service>], report: &Report<'_>) {
    for (position, queue) in queues.iter().enumerate() {
        let ways = queue.value.exits.iter().map(|&(_, exit)| exit).chain([queue.value.on_max_wait]);
        let returns = |exit: Exit| match exit {
            Exit::Service(service) => {
                services.get(service.index()).filter(|service| service.value.queue.index() == position)
            }
            Exit::End | Exit::Announce(_) => None,
        };
        if let Some(service) = ways.into_iter().find_map(returns) {
            let problem = format!("a way out of queue `{}` leads back into it", queue.value.name);
            let hint = format!("callers of service `{}` wait in the same queue", service.value.name);
            report.mistake(&queue.span, problem, Some(hint));
        }
    }
}

/// What is consistent and yet hardly meant.
pub(super) fn warn_of_gaps(
    words: &Words,
    queues: &[Placed<Queue>],
    services: &[Placed<Service>],
    agents: &[Agent],
    report: &Report<'_>,
) {
    let demands = words.demands();
    for (position, pool) in words.pools.list.iter().enumerate() {
        if !agents.iter().any(|agent| agent.pool.index() == position) {
            report.warning(&pool.span, format!("pool `{}` has no agents", pool.value), None);
        }
    }
    for (position, queue) in queues.iter().enumerate() {
        let leads_here =
            |service: &Placed<Service>| service.value.queues().iter().any(|queue| queue.index() == position);
        if !services.iter().any(leads_here) {
            report.warning(&queue.span, format!("no service leads to queue `{}`", queue.value.name), None);
        }
        let could_answer = |carried| {
            let asked: Vec<Asked> = queue.value.steps.iter().map(|step| step.asks(carried, &demands)).collect();
            let mut steps = queue.value.steps.iter().zip(&asked);
            steps.any(|(step, asked)| agents.iter().any(|agent| may_serve(agent, step, asked)))
        };
        let hint = || Some("callers will wait until they give up or flow out".to_string());
        if !could_answer(Carried::NOTHING) {
            let problem = format!("no agent could ever take a call of queue `{}`", queue.value.name);
            report.warning(&queue.span, problem, hint());
            continue;
        }
        for service in services {
            let mut ways = service.value.ways().filter(|(way, _)| way.index() == position);
            if ways.any(|(_, carried)| !could_answer(carried)) {
                let (queue, service_name) = (&queue.value.name, &service.value.name);
                let problem = format!("service `{service_name}` leads to queue `{queue}` with skills that nobody has");
                report.warning(&service.span, problem, hint());
            }
        }
    }
}

fn may_serve(agent: &Agent, step: &Step, asked: &Asked) -> bool {
    step.pools.contains(&agent.pool) && asked.judge(&agent.skills).is_some()
}

fn warn_of_the_unreachable(queue: &Queue, section: &Section<'_>, report: &Report<'_>) {
    let limit = show_duration(queue.max_wait);
    if queue.steps.iter().any(|step| step.after >= queue.max_wait) {
        let problem = format!("a step of {} opens after the longest wait of {limit}", section.title);
        report.warning(&section.key_span("step"), problem, None);
    }
    if queue.thresholds.iter().any(|threshold| *threshold >= queue.max_wait) {
        let problem = format!("a threshold of {} is not below the longest wait of {limit}", section.title);
        report.warning(&section.key_span("thresholds"), problem, Some("no call could ever pass it".to_string()));
    }
}

pub(super) const STRATEGIES: [(&str, Strategy); 9] = [
    ("longest_idle", Strategy::LongestIdle),
    ("linear", Strategy::Linear),
    ("round_robin", Strategy::RoundRobin),
    ("fewest_calls", Strategy::FewestCalls),
    ("least_talk_time", Strategy::LeastTalkTime),
    ("best_skill", Strategy::BestSkill),
    ("random", Strategy::Random),
    ("weighted_random", Strategy::WeightedRandom),
    ("ring_all", Strategy::RingAll),
];
pub(super) const MODES: [(&str, StepMode); 2] = [("widen", StepMode::Widen), ("replace", StepMode::Replace)];
pub(super) const ON_RELOAD: [(&str, OnReload); 2] = [("follow", OnReload::Follow), ("keep", OnReload::Keep)];

fn strategy(value: &DeValue<'_>) -> Read<Strategy> {
    one_of(value, "strategy", &STRATEGIES)
}

fn on_reload(value: &DeValue<'_>) -> Read<OnReload> {
    one_of(value, "way to go on after a reload", &ON_RELOAD)
}

fn mode(value: &DeValue<'_>) -> Read<StepMode> {
    one_of(value, "mode", &MODES)
}

fn weight(value: &DeValue<'_>) -> Read<u8> {
    count(0, MOST_WEIGHT.into())(value).map(|weight| u8::try_from(weight).unwrap_or(MOST_WEIGHT))
}

/// Strictly more than the target meets it, so 100 could never be met.
fn target(value: &DeValue<'_>) -> Read<u8> {
    count(0, 99)(value).map(|percent| u8::try_from(percent).unwrap_or(99))
}

/// Values that were read within bounds far below.
fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
