//! Scenario tables: one rule of semantics.md each, in the trade's language and in virtual time.

mod agents;
mod announcements;
mod arrival;
mod conferences;
mod entry;
mod exits;
mod explain;
mod field;
mod last_agent;
mod menus;
mod offers;
mod order;
mod pauses;
mod prelude;
mod queue_order;
mod reload;
mod ring_all;
mod script;
mod skills;
mod steps;
mod transfers;
mod waiting;
mod weights;

pub use script::laid_out;

use centralino::acd::Plan;
use centralino::acd::plan::{Agent, Pause, Pool, Queue, Service, Step, Strategy};
use centralino::ids::{ClipId, PoolId, QueueId, SkillId};
use centralino::time::Duration;

const FIRST_LINE: PoolId = PoolId(0);
const BACK_OFFICE: PoolId = PoolId(1);
const SECOND_LINE: PoolId = PoolId(2);
const INFORMATION: SkillId = SkillId(0);
const SWITCHBOARD: SkillId = SkillId(1);
const ENVIRONMENT: SkillId = SkillId(2);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn agent(number: &str, pool: PoolId, skills: &[(SkillId, u8)]) -> Agent {
    Agent { number: number.to_owned(), pool, skills: skills.to_vec(), ..Agent::default() }
}

fn step(after: u64, pools: &[PoolId], requires: &[(SkillId, u8)]) -> Step {
    Step { after: seconds(after), pools: pools.to_vec(), requires: requires.to_vec(), ..Step::default() }
}

/// The default configuration's plan.
fn plan() -> Plan {
    let information = Queue {
        name: "information".to_owned(),
        strategy: Strategy::LongestIdle,
        steps: vec![
            step(0, &[FIRST_LINE], &[(INFORMATION, 50)]),
            step(20, &[FIRST_LINE, BACK_OFFICE], &[(INFORMATION, 20)]),
            step(60, &[SECOND_LINE], &[(INFORMATION, 10)]),
        ],
        ring: seconds(15),
        wrap_up: seconds(5),
        max_wait: seconds(600),
        max_length: 100,
        thresholds: vec![seconds(30), seconds(20), seconds(40)],
        ..Queue::default()
    };
    let switchboard = Queue {
        name: "switchboard".to_owned(),
        strategy: Strategy::Linear,
        steps: vec![step(0, &[FIRST_LINE], &[(SWITCHBOARD, 50)])],
        wrap_up: Duration::ZERO,
        ..information.clone()
    };
    let service = |name: &str, number: &str, queue| Service {
        name: name.to_owned(),
        number: number.to_owned(),
        welcome: Some(ClipId(0)),
        queue: QueueId(queue),
        ..Service::default()
    };
    let both = [(INFORMATION, 100), (SWITCHBOARD, 100)];
    Plan {
        services: vec![service("information", "800000100", 0), service("switchboard", "800000200", 1)],
        queues: vec![information, switchboard],
        pools: ["first_line", "back_office", "second_line.environment"]
            .map(|name| Pool { name: name.to_owned(), ..Pool::default() })
            .to_vec(),
        pauses: vec![
            Pause { name: "lunch".to_owned(), longest: Some(seconds(60)), most_at_once: Some(1), ..Pause::default() },
            Pause { name: "training".to_owned(), ..Pause::default() },
        ],
        agents: vec![
            agent("101", FIRST_LINE, &both),
            agent("102", FIRST_LINE, &both),
            agent("201", BACK_OFFICE, &[(INFORMATION, 30)]),
            agent("301", SECOND_LINE, &[(INFORMATION, 10), (ENVIRONMENT, 80)]),
        ],
        skills: ["information", "switchboard", "environment"].map(str::to_owned).to_vec(),
        clips: vec!["welcome".to_owned()],
        ..Plan::default()
    }
}

fn plan_with(change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = plan();
    change(&mut plan);
    plan
}
