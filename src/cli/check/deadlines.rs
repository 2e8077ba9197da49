//! Every deadline that is in force under a configuration: what it is for, how long it is, what happens then. Nothing
//! in the daemon waits without a line here.

use centralino::acd::Timer;
use centralino::acd::plan::{Exit, Limits, Plan, Queue};
use centralino::config::Checked;
use centralino::ids::{AgentId, CalendarId, CallId, OfferId};
use centralino::time::Duration;

/// One deadline: where it belongs, its name, its length, what follows.
type Line = (String, &'static str, String, String);

/// The list, in columns.
pub fn list(checked: &Checked) -> String {
    let (plan, settings) = (&checked.plan, &checked.settings);
    let mut lines: Vec<Line> = Vec::new();
    for service in &plan.services {
        if let Some(calendar) = service.entry.calendar.and_then(|id| plan.calendars.get(id.index())) {
            let length = format!("by {}", calendar.name);
            let place = format!("service {}", service.name);
            lines.push((place, Timer::Calendar(CalendarId(0)).label(), length, "it opens or closes".to_owned()));
        }
        for menu in service.menu.iter().flat_map(|flow| &flow.menus) {
            let then = format!("the prompt again, {} times, then on", menu.repeats);
            lines.push((format!("menu {}", menu.name), Timer::Menu(CallId(0)).label(), shown(menu.timeout), then));
        }
    }
    lines.sort();
    lines.dedup();
    plan.queues.iter().for_each(|queue| of_queue(plan, queue, &mut lines));
    of_agents(plan, &mut lines);
    of_routing(&plan.limits, &mut lines);
    let media = &settings.engine.media;
    let silent = media.silent_after.map_or_else(|| "never".to_owned(), shown);
    let (sip, daemon) = ("sip".to_owned(), "daemon".to_owned());
    lines.push(("media".to_owned(), "rtp_timeout", silent, "a talk whose one side is silent is over".to_owned()));
    lines.push((
        sip.clone(),
        "transaction",
        "32 s".to_owned(),
        "a request without an answer has failed (64*T1)".into(),
    ));
    lines.push((
        sip.clone(),
        "session",
        "as agreed".to_owned(),
        "a leg that nobody refreshed is lost (RFC 4028)".into(),
    ));
    lines.push((sip.clone(), "nonce_life", shown(settings.engine.sip.limits.nonce_life), "a new challenge".to_owned()));
    lines.push((sip, "tcp_idle", shown(settings.tcp_idle), "the connection is closed".to_owned()));
    lines.push((daemon, "drain_max", shown(settings.drain_max), "after SIGTERM: talks are ended".to_owned()));
    in_columns(&lines)
}

fn of_queue(plan: &Plan, queue: &Queue, lines: &mut Vec<Line>) {
    let mut add = |timer: Timer, length: String, then: String| {
        lines.push((format!("queue {}", queue.name), timer.label(), length, then));
    };
    if !queue.last_agent_within.is_zero() {
        let then = "whoever answered the caller last is wanted no longer".to_owned();
        add(Timer::LastAgent(CallId(0)), shown(queue.last_agent_wait), then);
    }
    add(Timer::Ring(OfferId(0)), shown(queue.ring), "the phone stops ringing: no_answer".to_owned());
    for (number, step) in queue.steps.iter().enumerate().skip(1) {
        add(Timer::Step(CallId(0)), shown(step.after), format!("step {number} opens"));
    }
    for threshold in &queue.thresholds {
        add(Timer::Threshold(CallId(0)), shown(*threshold), "the call is late".to_owned());
    }
    if let Some(announcements) = &queue.announcements {
        let length = format!("{}, every {}", shown(announcements.first), shown(announcements.every));
        add(Timer::Announce(CallId(0)), length, "the caller is told something".to_owned());
    }
    let then = match queue.on_max_wait {
        Exit::End => "the end".to_owned(),
        Exit::Announce(clip) => format!("{}, then the end", name(&plan.clips, clip.index())),
        Exit::Service(service) => {
            let service = plan.services.get(service.index()).map_or("", |service| &service.name);
            format!("service {service}")
        }
    };
    add(Timer::MaxWait(CallId(0)), shown(queue.max_wait), then);
    if queue.max_wait_grace > Duration::ZERO {
        let then = "beyond it for a phone that rings, then the same".to_owned();
        add(Timer::MaxWait(CallId(0)), format!("+ {}", shown(queue.max_wait_grace)), then);
    }
    add(Timer::WrapUp(AgentId(0)), shown(queue.wrap_up), "the agent is ready".to_owned());
}

/// One line for agents who are alike.
fn of_agents(plan: &Plan, lines: &mut Vec<Line>) {
    let agent = AgentId(0);
    for pause in &plan.pauses {
        let length = pause.longest.map_or_else(|| "never".to_owned(), shown);
        lines.push((format!("pause {}", pause.name), Timer::Pause(agent).label(), length, "the agent is ready".into()));
    }
    let mut own: Vec<Line> = Vec::new();
    for of_plan in &plan.agents {
        let place = format!("pool {}", plan.pools.get(of_plan.pool.index()).map_or("", |pool| &pool.name));
        if let Some(wrap_up) = of_plan.wrap_up {
            let then = "some of its agents are ready, whatever the queue".to_owned();
            own.push((place.clone(), Timer::WrapUp(agent).label(), shown(wrap_up), then));
        }
        if of_plan.gap > Duration::ZERO {
            own.push((
                place,
                Timer::Rest(agent).label(),
                shown(of_plan.gap),
                "some of its agents may be offered calls".into(),
            ));
        }
    }
    own.sort();
    own.dedup();
    lines.extend(own);
}

fn of_routing(limits: &Limits, lines: &mut Vec<Line>) {
    let offer = OfferId(0);
    let back_off = &limits.back_off;
    for (timer, length, then) in [
        (Timer::Greeting(CallId(0)), limits.greeting_max, "a prompt whose end nobody told is over"),
        (Timer::Setup(offer), limits.setup_timeout, "a phone that does not ring is unreachable"),
        (Timer::Prelude(offer), limits.prelude_max, "what is said before the two are joined is cut"),
        (Timer::Join(offer), limits.join_timeout, "the call goes back to its place"),
        (Timer::Settle(offer), limits.settle_timeout, "the last word of a cancelled phone is given up"),
        (Timer::Threshold(CallId(0)), limits.threshold_grace, "added to every threshold's timer"),
        (Timer::BackOff(CallId(0)), back_off.no_answer, "offered again to an agent who did not answer"),
        (Timer::BackOff(CallId(0)), back_off.busy, "offered again to an agent who was busy"),
        (Timer::BackOff(CallId(0)), back_off.rejected, "offered again to an agent who declined"),
        (Timer::BackOff(CallId(0)), back_off.unreachable, "offered again to a phone that could not be reached"),
        (Timer::Retry(AgentId(0)), back_off.unreachable, "a fixed contact is tried again"),
        (Timer::Rest(AgentId(0)), limits.agent_delay.no_answer, "offered any call after no_answer"),
        (Timer::Rest(AgentId(0)), limits.agent_delay.busy, "offered any call after busy"),
        (Timer::Rest(AgentId(0)), limits.agent_delay.rejected, "offered any call after rejected"),
        (Timer::Rest(AgentId(0)), limits.agent_delay.unreachable, "offered any call after unreachable"),
    ] {
        lines.push(("routing".to_owned(), timer.label(), shown(length), then.to_owned()));
    }
}

fn name(names: &[String], position: usize) -> &str {
    names.get(position).map_or("", String::as_str)
}

/// Seconds, exactly.
fn shown(length: Duration) -> String {
    format!("{} s", length.as_secs_f64())
}

fn in_columns(lines: &[Line]) -> String {
    let widest = |column: fn(&Line) -> usize| lines.iter().map(column).max().unwrap_or(0);
    let (place, name, length) =
        (widest(|line| line.0.chars().count()), widest(|line| line.1.len()), widest(|line| line.2.chars().count()));
    let row = |(a, b, c, d): &Line| format!("{a:place$}  {b:name$}  {c:>length$}  {d}\n");
    lines.iter().map(row).collect()
}
