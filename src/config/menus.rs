//! Menus: what callers are asked, and where each key leads.

use super::clips::Clips;
use super::mistake::Report;
use super::numbers;
use super::read::{List, Placed, Section};
use super::targets::Targets;
use super::value::{check_name, count, duration, key, truth};
use super::words::{MOST_NAMES, Names, Words, bounded};
use super::wrong::Read;
use crate::acd::ivr::{Flow, Menu, Target};
use crate::acd::plan::{Queue, Service};
use crate::ids::{ClipId, Key, QueueId};
use crate::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// All menus of the file, and where each stands.
pub(super) struct Menus {
    names: Names,
    list: Vec<Placed<Menu>>,
}

impl Menus {
    pub fn read<'t>(
        root: &mut Section<'t>,
        words: &Words,
        queues: &[Placed<Queue>],
        clips: &mut Clips<'t>,
        report: &Report<'_>,
    ) -> Menus {
        let sections = root.get_named("menu");
        if let Some((first, _)) = sections.first() {
            bounded(sections.len(), MOST_NAMES, "menus", &first.span, report);
        }
        let name = |name: &Placed<&str>| Placed { value: name.value.to_string(), span: name.span.clone() };
        let names = Names::of("menu", sections.iter().map(|(written, _)| name(written)).collect());
        let queues = Names::of_queues(queues);
        let mut list = Vec::new();
        for (name, section) in sections {
            if let Err(wrong) = check_name(name.value) {
                report.wrong(&name.span, wrong);
            }
            let targets = Targets { words, menus: &names, queues: &queues };
            let menu = read_menu(name.value, section, &targets, clips, report);
            list.push(Placed { value: menu, span: name.span });
        }
        Menus { names, list }
    }

    /// The flow that begins with this menu: that menu first, then those that can be reached from it.
    pub fn flow(&self, name: &str) -> Read<Flow> {
        let mut order = vec![self.names.find(name)?];
        let mut next = 0;
        while let Some(&position) = order.get(next) {
            next += 1;
            for target in self.targets(position) {
                if let Target::Menu(other) = target
                    && !order.contains(&u32::from(other))
                {
                    order.push(other.into());
                }
            }
        }
        let renumbered = |target: Target| match target {
            Target::Menu(other) => {
                let position = order.iter().position(|known| *known == u32::from(other)).unwrap_or_default();
                Target::Menu(u16::try_from(position).unwrap_or_default())
            }
            other => other,
        };
        let menus = order.iter().filter_map(|position| self.list.get(*position as usize)).map(|menu| {
            let mut menu = menu.value.clone();
            menu.otherwise = renumbered(menu.otherwise);
            menu.keys.iter_mut().for_each(|(_, target)| *target = renumbered(*target));
            menu.number.iter_mut().for_each(|number| number.then = renumbered(number.then));
            menu
        });
        Ok(Flow { menus: menus.collect() })
    }

    /// What needs all menus and services to be seen.
    pub fn check(&self, services: &[Placed<Service>], report: &Report<'_>) {
        if report.is_broken() {
            return;
        }
        let all = Flow { menus: self.list.iter().map(|menu| menu.value.clone()).collect() };
        if let Some(menu) = all.endless().and_then(|position| self.list.get(usize::from(position))) {
            let hint = "`otherwise` must lead to a queue or to an end, if need be through other menus".to_string();
            let problem = format!("whoever presses nothing in menu `{}` goes round for ever", menu.value.name);
            report.mistake(&menu.span, problem, Some(hint));
        }
        let flows = || services.iter().filter_map(|service| service.value.menu.as_ref());
        for menu in &self.list {
            if !flows().any(|flow| flow.menus.iter().any(|used| used.name == menu.value.name)) {
                report.warning(&menu.span, format!("no service leads to menu `{}`", menu.value.name), None);
            }
        }
        for service in services {
            let first = service.value.menu.as_ref().and_then(|flow| flow.menus.first());
            let to_queue = |menu: &&Menu| menu.targets().any(|target| target.way().is_some());
            if let Some(menu) = first.filter(|menu| !to_queue(menu)) {
                let hint = "operator and complaints belong to the first level".to_string();
                let problem = format!("no key of menu `{}` leads to a person", menu.name);
                report.warning(&service.span, problem, Some(hint));
            }
        }
    }

    /// Queues that callers must be able to reach by a key of the first level.
    pub fn check_offers(flow: Option<&Flow>, offers: Option<List<QueueId>>, names: &Names, report: &Report<'_>) {
        let Some(menu) = flow.and_then(|flow| flow.menus.first()) else { return };
        for queue in offers.into_iter().flat_map(|offers| offers.value) {
            let leads_there = |target: Target| target.way().is_some_and(|(way, _)| way == queue.value);
            if !menu.keys.iter().any(|&(_, target)| leads_there(target)) {
                let name = names.list.get(queue.value.index()).map_or("", |name| name.value.as_str());
                let problem = format!("no key of menu `{}` leads to queue `{name}`", menu.name);
                let hint = format!("[menu.{}.keys] 9 = {{ queue = \"{name}\" }}", menu.name);
                report.mistake(&queue.span, problem, Some(hint));
            }
        }
    }

    fn targets(&self, position: u32) -> impl Iterator<Item = Target> + '_ {
        let menu = self.list.get(position as usize).map(|menu| &menu.value);
        menu.into_iter().flat_map(Menu::targets)
    }
}

fn read_menu<'t>(
    name: &str,
    mut section: Section<'t>,
    targets: &Targets<'_>,
    clips: &mut Clips<'t>,
    report: &Report<'_>,
) -> Menu {
    let prompt = clips.read(&mut section, "prompt", None);
    if prompt.is_none() && !report.is_broken() && !report.is_marked(&section.key_span("prompt")) {
        report.mistake(&section.span, format!("{} says nothing: `prompt` is missing", section.title), None);
    }
    let number = numbers::read(&mut section, targets, clips, report);
    let keys = read_keys(&mut section, targets, clips, report);
    if number.is_some() && !keys.is_empty() {
        let hint = Some("a menu asks for a key or for a number (`digits`)".to_string());
        report.mistake(&section.key_span("keys"), format!("{} asks for a number and has keys", section.title), hint);
    }
    let otherwise = match section.raw("otherwise") {
        Some(value) => targets.read(&section, value, "otherwise", clips, report),
        None => {
            report.mistake(&section.span, format!("`otherwise` is missing in {}", section.title), None);
            None
        }
    };
    let menu = Menu {
        name: name.to_string(),
        prompt: prompt.unwrap_or(ClipId(0)),
        timeout: section.get_or("timeout", 5 * SECOND, duration(SECOND, 60 * SECOND)),
        repeats: u8::try_from(section.get_or("repeats", 2, count(0, 9))).unwrap_or_default(),
        barge_in: section.get_or("barge_in", true, truth),
        keys,
        number,
        otherwise: otherwise.unwrap_or(Target::Queue(QueueId(0))),
    };
    section.finish();
    menu
}

fn read_keys<'t>(
    section: &mut Section<'t>,
    targets: &Targets<'_>,
    clips: &mut Clips<'t>,
    report: &Report<'_>,
) -> Vec<(Key, Target)> {
    let Some(table) = section.get_section("keys") else { return Vec::new() };
    let mut keys = Vec::new();
    for (written, value) in table.entries() {
        let key = key(written.value).map_err(|wrong| report.wrong(&written.span, wrong)).ok();
        let target = targets.read(&table, value, written.value, clips, report);
        if let (Some(key), Some(target)) = (key, target) {
            keys.push((key, target));
        }
    }
    keys
}
