//! `centralino check FILE`: every mistake of a configuration at once, or in short what it says; with `--against`, what it
//! would change.

mod deadlines;

use super::sources::FileSources;
use centralino::acd::Plan;
use centralino::config::{self, Checked, Severity};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

/// There are mistakes.
const MISTAKES: u8 = 1;
/// The file could not be read, or the summary not be written.
const UNREADABLE: u8 = 2;

/// Mistakes and warnings go to stderr; the summary, the list of all deadlines or the difference to the other
/// configuration to stdout.
pub fn check(file: &Path, deadlines: bool, against: Option<&Path>) -> ExitCode {
    let checked = match read(file) {
        Ok(checked) => checked,
        Err(code) => return code,
    };
    let name = file.display().to_string();
    let colour = std::io::stderr().is_terminal();
    for warning in &checked.warnings {
        eprintln!("{}\n", warning.render(&name, Severity::Warning, colour));
    }
    let text = match against.map(read).transpose() {
        Ok(None) if deadlines => deadlines::list(&checked),
        Ok(None) => summary(&name, &checked),
        Ok(Some(running)) => changes(&running, &checked),
        Err(code) => return code,
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(UNREADABLE),
    }
}

fn read(file: &Path) -> Result<Checked, ExitCode> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| {
        eprintln!("{name}: {error}");
        ExitCode::from(UNREADABLE)
    })?;
    config::check(&text, &FileSources::of(file)).map_err(|mistakes| {
        eprintln!("{}\n", mistakes.render(&name, std::io::stderr().is_terminal()));
        eprintln!("{name}: {}", counted(mistakes.mistakes.len(), "mistake"));
        ExitCode::from(MISTAKES)
    })
}

/// What a reload would do, a line each.
fn changes(running: &Checked, new: &Checked) -> String {
    let difference = config::difference(running, new);
    if difference.is_empty() {
        return "nothing changes\n".to_owned();
    }
    difference.changes.into_iter().chain(difference.waiting).map(|line| line + "\n").collect()
}

/// Services, queues, pools and addresses, a line each.
fn summary(file: &str, checked: &Checked) -> String {
    let Checked { plan, settings, warnings, hash } = checked;
    let mut lines = vec![format!("{file}: no mistakes, {}, version {hash}", counted(warnings.len(), "warning"))];
    for service in &plan.services {
        let queue = plan.queues.get(service.queue.index()).map_or("", |queue| queue.name.as_str());
        let welcome = service.welcome.and_then(|clip| plan.clips.get(clip.index()));
        let welcome = welcome.map_or_else(|| "no welcome".to_string(), |clip| format!("welcome {clip}"));
        let menu = service.menu.iter().flat_map(|flow| &flow.menus).map(|menu| format!(", menu {}", menu.name));
        let menu: String = menu.collect();
        lines.push(format!("service {} {}: {welcome}{menu}, queue {queue}", service.name, service.number));
    }
    for queue in &plan.queues {
        let pools = queue.steps.iter().map(|step| {
            let names = step.pools.iter().filter_map(|pool| Some(plan.pools.get(pool.index())?.name.as_str()));
            format!("{} s {}", step.after.as_secs_f64(), names.collect::<Vec<_>>().join("+"))
        });
        lines.push(format!("queue {}: {}", queue.name, pools.collect::<Vec<_>>().join(", ")));
    }
    lines.extend(agents_by_pool(plan));
    let tcp = settings.sip_tcp.map_or_else(|| "off".to_string(), |tcp| tcp.to_string());
    let (first, last) = settings.engine.media.ports;
    lines.push(format!("sip udp {}, tcp {tcp}; rtp {first}-{last}; http {}", settings.sip_udp, settings.http));
    lines.push(format!("up to {} calls and {} open files", settings.channels, settings.files_needed()));
    lines.join("\n") + "\n"
}

fn agents_by_pool(plan: &Plan) -> impl Iterator<Item = String> {
    plan.pools.iter().enumerate().map(|(position, pool)| {
        let agents = plan.agents.iter().filter(|agent| agent.pool.index() == position).count();
        format!("pool {}: {}", pool.name, counted(agents, "agent"))
    })
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
