//! The files we ship: what they say is what was agreed, and what they call a default is one.

use super::checked;
use centralino::acd::ivr::Target;
use centralino::acd::plan::{Agent, Plan, Queue, Service, StepMode, Strategy};
use centralino::b2bua::{Answer, Phone};
use centralino::config::{self, Checked, Clip, ClipSource};
use centralino::media::api::Codec;
use centralino::sip::Secret;
use centralino::sip::api::AccountId;
use std::time::Duration;

const LOAD: &str = include_str!("../../../config/examples/load.toml");

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn service<'p>(plan: &'p Plan, number: &str) -> &'p Service {
    &plan.services[plan.service_by_number(number).expect("a service").index()]
}

fn agent<'p>(plan: &'p Plan, number: &str) -> &'p Agent {
    &plan.agents[plan.agent_by_number(number).expect("an agent").index()]
}

fn skills<'p>(plan: &'p Plan, levels: &[(centralino::ids::SkillId, u8)]) -> Vec<(&'p str, u8)> {
    levels.iter().map(|(skill, level)| (plan.skills[skill.index()].as_str(), *level)).collect()
}

/// After, pools, requirements.
type StepInWords<'p> = (u64, Vec<&'p str>, Vec<(&'p str, u8)>);

fn steps<'p>(plan: &'p Plan, queue: &Queue) -> Vec<StepInWords<'p>> {
    let step = |step: &centralino::acd::plan::Step| {
        assert_eq!(step.mode, StepMode::Widen);
        let pools = step.pools.iter().map(|pool| plan.pools[pool.index()].name.as_str()).collect();
        (step.after.as_secs(), pools, skills(plan, &step.requires))
    };
    queue.steps.iter().map(step).collect()
}

fn clip(checked: &Checked, service: &Service) -> ClipSource {
    checked.settings.clips[service.welcome.expect("a welcome").index()].source.clone()
}

#[test]
fn services_and_queues_of_the_default_file() {
    let checked = checked(config::DEFAULT);
    let plan = &checked.plan;
    let information = service(plan, "800000100");
    let queue = &plan.queues[information.queue.index()];
    assert_eq!((information.name.as_str(), queue.name.as_str()), ("information", "information"));
    let announcements = queue.announcements.as_ref().expect("waiting callers are told their place");
    assert_eq!((announcements.first, announcements.every), (seconds(20), seconds(60)));
    assert_eq!((announcements.position, announcements.messages.len()), (Some(centralino::ids::VoiceId(0)), 0));
    assert_eq!(clip(&checked, information), ClipSource::Embedded("it/welcome"));
    assert_eq!(
        steps(plan, queue),
        [
            (0, vec!["first_line"], vec![("information", 50)]),
            (20, vec!["first_line", "back_office"], vec![("information", 20)]),
            (60, vec!["first_line", "back_office", "second_line.environment"], vec![("information", 10)]),
        ]
    );
    assert_eq!(queue.strategy, Strategy::LongestIdle);
    assert_eq!((queue.ring, queue.wrap_up, queue.max_wait), (seconds(15), seconds(5), seconds(600)));
    assert_eq!((queue.max_length, queue.target_percent), (100, 90));
    assert_eq!(queue.thresholds, [seconds(30), seconds(20), seconds(40)]);

    let switchboard = service(plan, "800000200");
    let queue = &plan.queues[switchboard.queue.index()];
    assert_eq!((switchboard.name.as_str(), queue.name.as_str()), ("switchboard", "switchboard"));
    assert_eq!(clip(&checked, switchboard), ClipSource::Embedded("it/welcome_short"));
    assert_eq!(steps(plan, queue), [(0, vec!["first_line"], vec![("switchboard", 1)])]);
    assert_eq!((queue.strategy, queue.wrap_up), (Strategy::Linear, Duration::ZERO));
    let music = queue.music.expect("music").index();
    assert_eq!(checked.settings.clips[music].source, ClipSource::Embedded("music"));
    assert_eq!((plan.services.len(), plan.queues.len(), plan.clips.len()), (4, 4, 4 + 50));

    let early = service(plan, "800000300");
    assert_eq!((early.queue, clip(&checked, early)), (switchboard.queue, ClipSource::Embedded("it/welcome_short")));
    assert_eq!(checked.settings.engine.answer, [Answer::First, Answer::First, Answer::Early, Answer::First]);
}

#[test]
fn the_menu_of_the_default_file() {
    let checked = checked(config::DEFAULT);
    let plan = &checked.plan;
    let contact = service(plan, "800000400");
    let flow = contact.menu.as_ref().expect("a menu");
    let [menu] = &flow.menus[..] else { panic!("{flow:?}") };
    assert_eq!(checked.settings.clips[menu.prompt.index()].source, ClipSource::Embedded("it/menu"));
    assert_eq!((menu.timeout, menu.repeats, menu.barge_in), (seconds(5), 2, true));
    let name = |target: Target| match target {
        Target::Queue(queue) => plan.queues[queue.index()].name.as_str(),
        Target::Repeat => "repeat",
        Target::Demanding(..) | Target::Menu(_) | Target::End(_) => panic!("{target:?}"),
    };
    let keys: Vec<_> = menu.keys.iter().map(|&(key, target)| (key.sign(), name(target))).collect();
    let expected = [
        ('1', "information"),
        ('2', "information_english"),
        ('9', "complaints"),
        ('0', "switchboard"),
        ('*', "repeat"),
    ];
    assert_eq!((keys, name(menu.otherwise)), (expected.to_vec(), "switchboard"));
    let english = plan.queues.iter().find(|queue| queue.name == "information_english").expect("a queue");
    let steps = steps(plan, english);
    assert_eq!(steps, [(0, vec!["first_line", "second_line.environment"], vec![("english", 50)])]);
    assert_eq!(contact.queues().len(), 4);
    assert!(menu.number.is_none());
}

#[test]
fn agents_of_the_default_file() {
    let checked = checked(config::DEFAULT);
    let plan = &checked.plan;
    let pools: Vec<&str> = plan.pools.iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(pools, ["first_line", "back_office", "second_line.environment"]);
    let of = |number: &str| {
        let agent = agent(plan, number);
        assert!(!agent.fixed_contact);
        (plan.pools[agent.pool.index()].name.as_str(), skills(plan, &agent.skills))
    };
    for both in ["101", "102"] {
        let (pool, skills) = of(both);
        assert_eq!(pool, "first_line");
        assert!(matches!(skills[..], [("information", 50..=100), ("switchboard", 1..=100), ..]), "{skills:?}");
    }
    assert_eq!(of("201"), ("back_office", vec![("information", 30)]));
    assert_eq!(of("301"), ("second_line.environment", vec![("information", 10), ("environment", 80), ("english", 80)]));

    let engine = &checked.settings.engine;
    for (position, agent) in plan.agents.iter().enumerate() {
        assert_eq!(engine.phones[position], Phone::Account(AccountId(u32::try_from(position).unwrap())));
        assert_eq!(engine.sip.accounts[position].user, agent.number);
        assert!(engine.sip.accounts[position].secret == Secret(format!("demo-{}", agent.number)));
    }
    let warnings: Vec<&str> = checked.warnings.iter().map(|warning| warning.problem.as_str()).collect();
    assert_eq!(warnings, ["4 agents have demo passwords that everybody knows"]);
}

#[test]
fn addresses_and_bounds_of_the_default_file() {
    let settings = checked(config::DEFAULT).settings;
    let local = "127.0.0.1:5060".parse().unwrap();
    assert_eq!((settings.sip_udp, settings.sip_tcp), (local, Some(local)));
    assert_eq!((settings.engine.sip.udp, settings.engine.sip.tcp), (local, Some(local)));
    assert_eq!(settings.http, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(settings.time_zone.iana_name(), Some("Europe/Rome"));
    let ranges = ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
    assert_eq!(settings.engine.sip.trusted, ranges);
    assert_eq!(settings.engine.loopback_media, ranges);
    let media = &settings.engine.media;
    assert_eq!(media.address, local.ip());
    assert_eq!((media.ports, media.threads.get()), ((20_000, 29_999), 1));
    assert_eq!(media.codecs, [Codec::Pcma, Codec::Pcmu]);
    assert_eq!((media.drain, media.silent_after), (seconds(2), Some(seconds(120))));
    assert_eq!(settings.engine.sip.limits, centralino::sip::Limits::default());
    assert_eq!(checked(config::DEFAULT).plan.limits, centralino::acd::plan::Limits::default());
    assert_eq!((settings.channels, settings.drain_max), (1_000, seconds(300)));
    assert_eq!(settings.tcp_idle, seconds(120));
    assert!(settings.name_servers.is_empty(), "the system's");
    assert_eq!(settings.files_needed(), 4 * 1_000 + 1_000 + 128);
    assert_eq!(settings.ledger, config::LedgerSettings::default());
    assert!(!settings.ledger.is_on(), "a first try leaves no files behind");
}

/// A line `key = value` below a comment with the word "Default" may be taken out, and nothing changes.
#[test]
fn what_the_default_file_calls_a_default_is_one() {
    let whole = checked(config::DEFAULT);
    let lines: Vec<&str> = config::DEFAULT.lines().collect();
    let mut defaults = 0;
    for (position, line) in lines.iter().enumerate() {
        let comment = lines[..position].iter().rev().take_while(|line| line.starts_with("# "));
        if line.starts_with(['#', '[']) || !comment.clone().any(|line| line.contains("Default: ")) {
            continue;
        }
        let without: Vec<&str> = [&lines[..position], &lines[position + 1..]].concat();
        let without = checked(&(without.join("\n") + "\n"));
        // The places of agents in the file may move by a line, and the skills of one are no default.
        if !line.starts_with("skills") {
            assert_eq!((&without.plan, &without.settings), (&whole.plan, &whole.settings), "{line}");
            defaults += 1;
        }
    }
    assert!(defaults >= 56, "only {defaults} lines were tried");
}

#[test]
fn the_load_file_serves_the_load_scenarios() {
    let checked = checked(LOAD);
    let (plan, settings) = (&checked.plan, &checked.settings);
    assert_eq!(plan.agents.len(), 400);
    for (position, phone) in settings.engine.phones.iter().enumerate() {
        let number = format!("a{:03}", position + 1);
        assert_eq!((&plan.agents[position].number, plan.agents[position].fixed_contact), (&number, true));
        assert_eq!(*phone, Phone::Contact(format!("sip:{number}@127.0.0.1:6100")));
    }
    let queue = |number: &str| &plan.queues[service(plan, number).queue.index()];
    let staff = |queue: &Queue| {
        let serves = |agent: &&Agent| queue.steps[0].pools.contains(&agent.pool) && queue.steps[0].requires.is_empty();
        plan.agents.iter().filter(serves).count()
    };
    for (number, agents) in [("7000", 400), ("7001", 400), ("7002", 0)] {
        assert_eq!(staff(queue(number)), agents, "{number}");
        assert!(queue(number).max_length >= 5_000 && queue(number).music.is_some());
    }
    assert_eq!((queue("7000").ring, queue("7000").wrap_up), (seconds(15), Duration::ZERO));
    assert_eq!((queue("7001").ring, queue("7001").wrap_up), (seconds(15), Duration::ZERO));
    assert_eq!((service(plan, "7000").welcome, service(plan, "7002").welcome), (None, None));
    let source = ClipSource::Tone { hz: 440, length: seconds(3) };
    assert_eq!(clip(&checked, service(plan, "7001")), source);
    assert!(settings.clips.contains(&Clip { name: "440 Hz, 3 s".into(), source }));
    assert_eq!((settings.engine.media.ports, settings.engine.media.threads.get()), ((12_000, 32_767), 4));
    assert_eq!(settings.engine.media.silent_after, None);
    assert_eq!(
        (settings.sip_udp, settings.http),
        ("127.0.0.1:5060".parse().unwrap(), "127.0.0.1:8080".parse().unwrap())
    );
    assert_eq!(plan.limits.channels, 8_000);
    let warnings: Vec<&str> = checked.warnings.iter().map(|warning| warning.problem.as_str()).collect();
    assert_eq!(
        warnings,
        [
            "pool `nobody` has no agents",
            "no agent could ever take a call of queue `waiting`",
            // They wait, and whoever waits has one leg.
            "8000 calls do not fit into the RTP ports 12000-32767",
        ]
    );
}

#[test]
fn chosen_ports_replace_port_0() {
    let free = "\n[sip]\nudp = \"127.0.0.1:0\"\ntcp = \"127.0.0.1:0\"\nadvertised_address = \"192.0.2.1\"\n";
    let mut settings = checked(&(LOAD.to_string() + free)).settings;
    settings.bound("127.0.0.1:4001".parse().unwrap(), Some("127.0.0.1:4002".parse().unwrap()));
    assert_eq!(settings.engine.sip.udp, "192.0.2.1:4001".parse().unwrap());
    assert_eq!(settings.engine.sip.tcp, Some("192.0.2.1:4002".parse().unwrap()));
    assert_eq!((settings.sip_udp.port(), settings.sip_tcp.map(|tcp| tcp.port())), (4_001, Some(4_002)));
}

#[test]
fn every_text_language_and_command_has_a_sound_of_its_own() {
    let source = |speech: &str, welcome: &str| {
        let text = format!(
            "pools = [\"p\"]\nskills = []\n[speech]\n{speech}\n[service.s]\nnumber = \"1\"\nqueue = \"q\"\nwelcome = \
             {welcome}\n[queue.q]\n[[queue.q.step]]\npools = [\"p\"]\n"
        );
        let checked = checked(&text);
        let mut files = checked.settings.clips.iter().filter_map(|clip| match &clip.source {
            ClipSource::File(path) => Some((clip.name.clone(), path.to_string_lossy().into_owned())),
            _ => None,
        });
        files.next().expect("the welcome's file")
    };
    let command = "command = [\"say\", \"{file}\", \"{text}\"]";
    let (name, file) = source(command, "{ text = \"Buongiorno\" }");
    assert_eq!(name, "Buongiorno");
    assert!(file.starts_with("speech/it-") && file.ends_with(".wav"), "{file}");
    assert_eq!(file, source(command, "{ text = \"Buongiorno\", language = \"it\" }").1, "Italian without a word");
    let other_directory = format!("{command}\ndirectory = \"kept\"\ntimeout = \"9 s\"");
    assert_eq!(file.replace("speech/", "kept/"), source(&other_directory, "{ text = \"Buongiorno\" }").1);
    let others = [
        source(command, "{ text = \"Buonasera\" }"),
        source(command, "{ text = \"Buongiorno\", language = \"en\" }"),
        source("command = [\"say\", \"-q\", \"{file}\", \"{text}\"]", "{ text = \"Buongiorno\" }"),
    ];
    for (_, other) in others {
        assert_ne!(other, file);
    }
}
