//! `centralino demo`: the daemon at work, shown without any phone.
//!
//! A real daemon on free ports, and around it phones that share none of its SIP code: they speak over real UDP sockets,
//! keep their own books, and in the end the two accounts are compared.
//!
//! ```text
//!   script ─► callers ──SIP, RTP──► daemon ◄──SIP, RTP── agents ◄─ script
//!                │                    │ snapshot            │
//!                └── what was seen ─► report ◄── what was seen
//! ```

mod agent;
mod audio;
mod board;
mod caller;
mod line;
mod numbers;
mod report;
mod script;
mod sip;

use super::sources::FileSources;
use crate::daemon::{self, Daemon};
use anyhow::{Context, Result, bail};
use board::Board;
use centralino::config::{self, Checked};
use centralino::facts::AgentState;
use centralino::media::g711::Law;
use centralino::media::{Codec, embedded};
use centralino::stats::layout::Gauge;
use numbers::Numbers;
use report::{Evidence, Report};
use script::{Habit, Patience, Script, Service};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle, sleep};
use std::time::{Duration, Instant};

/// What the demo plays on.
const CONFIG: &str = include_str!("../../config/examples/demo.toml");
const CONFIG_NAME: &str = "config/examples/demo.toml";
/// The welcome that it names.
const WELCOME: &str = "it/welcome_short";

/// How often the director looks around.
const LOOK: Duration = Duration::from_millis(10);
/// Most callers at once; the next one dials when one has hung up.
const MOST_CALLERS: usize = 150;
/// Everybody must have hung up by then.
const LATEST_END: Duration = Duration::from_secs(53);
/// How long agents may take to sign in, and the engine to become quiet.
const PATIENCE: Duration = Duration::from_secs(4);

/// Plays so many calls; 0 only if the engine counted what the phones saw and kept nothing.
pub fn demo(calls: u32, seed: u64) -> ExitCode {
    match play(calls, seed) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("centralino: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What all phones know.
struct Stage {
    script: Script,
    engine: SocketAddr,
    /// By `Service`.
    numbers: [String; 2],
    /// In A-law and u-law.
    welcome: [Vec<u8>; 2],
    picks: Picks,
    over: AtomicBool,
}

impl Stage {
    fn new(script: Script, daemon: &Daemon) -> Result<Stage> {
        let services = &daemon.plan.services;
        let number = |name: &str| {
            let service = services.iter().find(|service| service.name == name);
            service.map(|service| service.number.clone()).with_context(|| format!("no service {name}"))
        };
        let clip = embedded::clip(WELCOME).context("no welcome")?;
        Ok(Stage {
            engine: daemon.settings.sip_udp,
            numbers: [number("information")?, number("switchboard")?],
            welcome: [clip.bytes(Codec::Pcma).to_vec(), clip.bytes(Codec::Pcmu).to_vec()],
            picks: Picks(script.calls.iter().map(|_| AtomicU8::new(Picks::OPEN)).collect()),
            over: AtomicBool::new(false),
            script,
        })
    }

    fn number(&self, service: Service) -> &str {
        &self.numbers[usize::from(service == Service::Switchboard)]
    }

    fn welcome(&self, law: Law) -> &[u8] {
        &self.welcome[usize::from(law == Law::Mu)]
    }

    /// Everybody goes home.
    fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Who was quicker: the caller who loses patience or the agent who picks up. Decided between the two, so that what the
/// phones saw is never a matter of messages that cross.
struct Picks(Vec<AtomicU8>);

impl Picks {
    const OPEN: u8 = 0;
    const PICKED_UP: u8 = 1;
    const LEFT: u8 = 2;

    /// False when an agent was quicker.
    fn leave(&self, call: usize) -> bool {
        self.decide(call, Picks::LEFT)
    }

    /// False when the caller was quicker.
    fn pick_up(&self, call: usize) -> bool {
        self.decide(call, Picks::PICKED_UP)
    }

    fn decide(&self, call: usize, wish: u8) -> bool {
        let Some(pick) = self.0.get(call) else { return false };
        let decided = pick.compare_exchange(Picks::OPEN, wish, Ordering::Relaxed, Ordering::Relaxed);
        decided.is_ok() || decided == Err(wish)
    }
}

fn play(calls: u32, seed: u64) -> Result<bool> {
    let began = Instant::now();
    super::run::log_to_stderr("warn");
    let daemon = daemon::start(configuration()?, None)?;
    let stage = Stage::new(Script::new(calls, seed), &daemon)?;
    let mut numbers = Numbers::new(daemon.layout.clone(), daemon.reader.clone());
    print(&opening(&stage, &daemon, seed))?;
    let mut cast = Cast::default();
    let played = std::thread::scope(|scope| {
        let played = cast.play(scope, &stage, &mut numbers);
        stage.end();
        played
    });
    let plan = daemon.plan.clone();
    daemon.stop();
    daemon.stop();
    daemon.wait()?;
    let was_interrupted = played?;
    let Cast { callers, agents, troubles } = &cast;
    let evidence = Evidence { script: &stage.script, plan: &plan, callers, agents, numbers: &numbers, troubles };
    let Report { text, differences } = Report::of(&evidence);
    print(&text)?;
    print(&verdict(&differences, was_interrupted, began.elapsed()))?;
    Ok(differences.is_empty() && !was_interrupted)
}

/// The example, with RTP ports that are free here and now.
fn configuration() -> Result<Checked> {
    let mut checked = config::check(CONFIG, &FileSources::of(Path::new(CONFIG_NAME)))
        .map_err(|mistakes| anyhow::anyhow!("{}", mistakes.render(CONFIG_NAME, false)))?;
    let ports = &mut checked.settings.engine.media.ports;
    *ports = free_ports(ports.1 - ports.0 + 1)?;
    Ok(checked)
}

/// A range of ports none of which is in use. Begins to look somewhere else each time, so that demos that start together
/// do not choose the same.
fn free_ports(count: u16) -> Result<(u16, u16)> {
    const FIRST: u16 = 10_000;
    let ranges = (u16::MAX - FIRST) / count;
    let start = u16::try_from(getrandom::u64()? % u64::from(ranges))?;
    for turn in 0..ranges {
        let first = FIRST + (start + turn) % ranges * count;
        let is_free = |port: u16| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if (first..first + count).step_by(2).all(is_free) {
            return Ok((first, first + count - 1));
        }
    }
    bail!("no {count} UDP ports in a row are free")
}

/// The players, and what they saw.
#[derive(Default)]
struct Cast {
    /// By place in the script.
    callers: Vec<Option<caller::Seen>>,
    /// By place in the script.
    agents: Vec<Option<agent::Seen>>,
    troubles: Vec<String>,
}

type Player<'s, T> = ScopedJoinHandle<'s, Result<T>>;

impl Cast {
    /// From signing in to signing out; true if somebody interrupted it.
    fn play<'s, 'e: 's>(&mut self, scope: &'s Scope<'s, 'e>, stage: &'e Stage, numbers: &mut Numbers) -> Result<bool> {
        let agents: Vec<Player<'_, agent::Seen>> = stage
            .script
            .agents
            .iter()
            .map(|agent| Ok(Builder::new().spawn_scoped(scope, || agent::work(agent, stage))?))
            .collect::<Result<_>>()?;
        let count = agents.len() as u64;
        let came = await_until(numbers, |numbers| numbers.agents(AgentState::Ready) == count);
        let was_interrupted = if came { self.calls(scope, stage, numbers)? } else { false };
        if !came {
            self.troubles.push("not every agent could sign in".into());
        }
        await_until(numbers, |numbers| numbers.gauge(Gauge::SipDialogs) == 0 && numbers.gauge(Gauge::MediaLegs) == 0);
        stage.end();
        for (agent, player) in stage.script.agents.iter().zip(agents) {
            let seen = self.take(&format!("agent {}", agent.number), player);
            self.agents.push(seen);
        }
        await_until(numbers, |numbers| {
            let wrapping_up = numbers.agents(AgentState::WrapUp);
            numbers.gauge(Gauge::Registrations) == 0 && wrapping_up == 0
        });
        Ok(was_interrupted)
    }

    fn calls<'s, 'e: 's>(&mut self, scope: &'s Scope<'s, 'e>, stage: &'e Stage, numbers: &mut Numbers) -> Result<bool> {
        let began = Instant::now();
        let mut board = Board::new(began);
        self.callers = vec![None; stage.script.calls.len()];
        let mut to_come = stage.script.calls.iter().enumerate().peekable();
        let mut on_the_phone: Vec<Option<Player<'_, caller::Seen>>> = Vec::new();
        let mut was_interrupted = false;
        loop {
            numbers.refresh();
            board.show(numbers)?;
            was_interrupted |= numbers.is_draining();
            if (was_interrupted || began.elapsed() > LATEST_END) && !stage.is_over() {
                self.troubles.push("not every call could end".into());
                stage.end();
            }
            for (place, player) in on_the_phone.iter_mut().enumerate() {
                if let Some(player) = player.take_if(|player| player.is_finished()) {
                    self.callers[place] = self.take(&format!("caller {place}"), player);
                }
            }
            let busy = on_the_phone.iter().flatten().count();
            if let Some((place, call)) =
                to_come.next_if(|(_, call)| !stage.is_over() && busy < MOST_CALLERS && began.elapsed() >= call.at)
            {
                on_the_phone.push(Some(Builder::new().spawn_scoped(scope, move || caller::call(place, call, stage))?));
                continue;
            }
            if busy == 0 && (to_come.peek().is_none() || stage.is_over()) {
                break;
            }
            sleep(LOOK);
        }
        board.end(numbers)?;
        Ok(was_interrupted)
    }

    fn take<T>(&mut self, who: &str, player: Player<'_, T>) -> Option<T> {
        match player.join() {
            Ok(Ok(seen)) => Some(seen),
            Ok(Err(error)) => {
                self.troubles.push(format!("{who}: {error:#}"));
                None
            }
            Err(_) => {
                self.troubles.push(format!("{who}: the phone broke down"));
                None
            }
        }
    }
}

/// Looks at the numbers until they are so; false when patience ends first.
fn await_until(numbers: &mut Numbers, are_so: impl Fn(&Numbers) -> bool) -> bool {
    let until = Instant::now() + PATIENCE;
    loop {
        numbers.refresh();
        if are_so(numbers) || Instant::now() >= until {
            return are_so(numbers);
        }
        sleep(LOOK);
    }
}

/// What is going to be played.
fn opening(stage: &Stage, daemon: &Daemon, seed: u64) -> String {
    let Script { calls, agents } = &stage.script;
    let dial = |service| calls.iter().filter(|call| call.service == service).count();
    let impatient = calls.iter().filter(|call| matches!(call.patience, Patience::Waits(_))).count();
    let leaving = calls.iter().filter(|call| matches!(call.patience, Patience::LeavesInWelcome(_))).count();
    let pools = daemon.plan.pools.iter().map(|pool| {
        let of_pool = agents.iter().filter(|agent| agent.pool == pool.name).count();
        format!("{of_pool} {}", pool.name)
    });
    let who = |habit| agents.iter().find(|agent| agent.habit == habit).map_or("nobody", |agent| &agent.number);
    let (settings, media) = (&daemon.settings, &daemon.settings.engine.media);
    let contract = daemon.plan.queues.first().and_then(|queue| queue.thresholds.first());
    format!(
        "centralino demo: a help desk on a busy morning, played fast (seed {seed})\n\n\
         \x20 callers   {} in {} s: {} dial {} (information), {} dial {} (switchboard)\n\
         \x20           {impatient} will lose patience if nobody comes, {leaving} will leave during the welcome\n\
         \x20 agents    {} phones sign in: {}\n\
         \x20           {} will sleep through its first ring, {} will be busy at its first\n\
         \x20 engine    SIP udp {}, RTP ports {}-{}\n\
         \x20           http://{}/metrics as long as it lasts\n\n\
         Live; SL is the service level of `information` within {} s\n\n",
        calls.len(),
        stage.script.last_call_at().as_secs(),
        dial(Service::Information),
        stage.number(Service::Information),
        dial(Service::Switchboard),
        stage.number(Service::Switchboard),
        agents.len(),
        pools.collect::<Vec<_>>().join(", "),
        who(Habit::Sleeps),
        who(Habit::Busy),
        settings.sip_udp,
        media.ports.0,
        media.ports.1,
        settings.http,
        contract.map_or(0.0, Duration::as_secs_f64),
    )
}

fn verdict(differences: &[String], was_interrupted: bool, took: Duration) -> String {
    let took = took.as_secs();
    if was_interrupted {
        return format!("\nInterrupted after {took} s.\n");
    }
    if differences.is_empty() {
        return format!("\nEvery counter agrees with what the phones saw. ({took} s)\n");
    }
    let lines = differences.iter().map(|difference| format!("  {difference}\n"));
    format!("\nThe engine and the phones do NOT agree ({took} s):\n{}", lines.collect::<String>())
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
