//! `centralino check FILE`: every mistake of a configuration at once, or in short what it says.

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

/// Mistakes and warnings go to stderr, the summary or the list of all deadlines to stdout.
pub fn check(file: &Path, deadlines: bool) -> ExitCode {
    let name = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{}: {error}", name);
            return ExitCode::from(UNREADABLE);
        }
    };
    let colour = std::io::stderr().is_terminal();
    match config::check(&text, &FileSources::of(file)) {
        Ok(checked) => {
            for warning in &checked.warnings {
                eprintln!("{}\n", warning.render(&name, Severity::Warning, colour));
            }
            let text = if deadlines { deadlines::list(&checked) } else { summary(&name, &checked) };
            match std::io::stdout().write_all(text.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::from(UNREADABLE),
            }
        }
        Err(mistakes) => {
            eprintln!("{}\n", mistakes.render(&name, colour));
            eprintln!("{}: {}", name, counted(mistakes.mistakes.len(), "mistake"));
            ExitCode::from(MISTAKES)
        }
    }
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
