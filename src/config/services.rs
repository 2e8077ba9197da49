//! Services: the numbers that callers dial, and what answers them.

use super::calendars::Calendars;
use super::clips::Clips;
use super::exits::{Exits, read_entry};
use super::menus::Menus;
use super::mistake::Report;
use super::read::{Placed, Section};
use super::value::{check_name, duration, number, one_of, text};
use super::words::{MOST_NAMES, Names, Words, bounded};
use super::wrong::Read;
use crate::acd::plan::{MOST_CREDIT, Queue, Service};
use crate::b2bua::Answer;
use crate::ids::{QueueId, ServiceId};
use crate::time::Duration;
use std::collections::BTreeMap;
use toml::de::DeValue;

pub(super) const ANSWERS: [(&str, Answer); 2] = [("first", Answer::First), ("early", Answer::Early)];

/// The sections of all services, in the order of the file, and what ways out may name them by.
pub(super) fn name_services<'t>(root: &mut Section<'t>, report: &Report<'_>) -> (Named<'t>, Names) {
    let named = root.get_named("service");
    if named.is_empty() && !root.has("service") && !report.is_broken() {
        let hint = "[service.NAME] with `number` and `queue`".to_string();
        report.mistake(&root.span, "there is no service: nobody could call", Some(hint));
    }
    if let Some((first, _)) = named.first() {
        bounded(named.len(), MOST_NAMES, "services", &first.span, report);
    }
    let name = |name: &Placed<&str>| Placed { value: name.value.to_string(), span: name.span.clone() };
    let names = Names::of("service", named.iter().map(|(written, _)| name(written)).collect());
    (named, names)
}

/// Sections and their names.
pub(super) type Named<'t> = Vec<(Placed<&'t str>, Section<'t>)>;

/// What services may refer to.
pub(super) struct Around<'a> {
    pub words: &'a Words,
    pub queues: &'a [Placed<Queue>],
    pub menus: &'a Menus,
    pub calendars: &'a Calendars,
    pub exits: &'a Exits<'a>,
}

/// All services with their places; when each answers goes to `answers`.
pub(super) fn read_services<'t>(
    named: Named<'t>,
    around: &Around<'_>,
    clips: &mut Clips<'t>,
    answers: &mut Vec<Answer>,
    report: &Report<'_>,
) -> Vec<Placed<Service>> {
    let queue_names = Names::of_queues(around.queues);
    let mut numbers = BTreeMap::new();
    let mut services = Vec::new();
    for (id, (name, mut section)) in (0..).map(ServiceId).zip(named) {
        if let Err(wrong) = check_name(name.value) {
            report.wrong(&name.span, wrong);
        }
        let number = section.need("number", number);
        if let Some(number) = &number
            && let Some(other) = numbers.insert(number.value.clone(), name.value)
        {
            report.mistake(
                &number.span,
                format!("`{}` is the number of [service.{other}] already", number.value),
                None,
            );
        }
        let queue = section.need("queue", |value| queue_names.find(&text(value)?).map(QueueId));
        let service = Service {
            name: name.value.to_string(),
            number: number.map_or_else(String::new, |number| number.value),
            welcome: clips.read(&mut section, "welcome", None),
            menu: section.get("menu", |value| around.menus.flow(&text(value)?)).map(|flow| flow.value),
            queue: queue.map_or(QueueId(0), |queue| queue.value),
            priority_credit: section.get_or("priority_credit", Duration::ZERO, duration(Duration::ZERO, MOST_CREDIT)),
            demand: around.words.demand(&mut section, report),
            entry: read_entry(&mut section, id, around.calendars, around.exits, clips, report),
            retired: false,
        };
        let offers = section.get_list("must_offer", |value| queue_names.find(&text(value)?).map(QueueId));
        Menus::check_offers(service.menu.as_ref(), offers, &queue_names, report);
        answers.push(section.get_or("answer", Answer::First, answer));
        section.finish();
        services.push(Placed { value: service, span: name.span });
    }
    services
}

fn answer(value: &DeValue<'_>) -> Read<Answer> {
    one_of(value, "way to answer", &ANSWERS)
}
