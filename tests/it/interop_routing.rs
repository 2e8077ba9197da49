//! What a call carries and whom its caller knows, with phones of our own: a key that asks for a language, and the agent
//! who answered the caller last.

use crate::daemon::{Daemon, Metrics};
use crate::phone::{Call, Phone, sdp};
use crate::sound::Law;
use rsip::Method;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

fn are(metrics: &Metrics, state: &str) -> f64 {
    metrics.sum("acd_agents", &[("state", state)])
}

/// The agent's phone rings, is answered, and the caller hangs up.
fn talk(daemon: &Daemon, agent: &mut Phone, (caller, mut call): (&mut Phone, Call)) {
    let answer = sdp(daemon.address, 40_010, &[Law::A]);
    agent.serve_with(Method::Invite, LIMIT, &answer);
    agent.serve(Method::Ack, LIMIT);
    daemon.wait_for("a talk", LIMIT, |metrics| are(metrics, "talking") == 1.0);
    assert_eq!(caller.bye(&mut call), 200);
    agent.serve(Method::Bye, LIMIT);
    daemon.wait_for("two ready agents", LIMIT, |metrics| are(metrics, "ready") == 2.0);
}

#[test]
fn a_key_asks_for_a_language_and_who_calls_again_gets_who_answered_last() {
    let daemon = Daemon::start(|configuration| {
        let demanding = r#"queue = "switchboard"
            requires = { english = 50 }"#;
        configuration.set("menu.contact.keys", "3", demanding.parse::<toml::Table>().expect("TOML"));
        for service in ["contact", "switchboard"] {
            configuration.set(&format!("service.{service}"), "welcome", "none");
        }
        configuration.set("queue.switchboard", "last_agent_within", "1 h");
    });
    let offer = sdp(daemon.address, 40_000, &[Law::A]);
    let [mut first, mut english, mut caller, mut other] =
        ["101", "102", "390612345678", "390687654321"].map(|user| Phone::new(daemon.address, daemon.sip, user));
    assert_eq!(first.register("demo-101").status_code.code(), 200);
    assert_eq!(english.register("demo-102").status_code.code(), 200);
    daemon.wait_for_ready_agents(2.0);

    // 101 is the first of the file and speaks no English.
    let (mut call, _) = caller.connect("800000400", &offer);
    assert_eq!(caller.info_key(&mut call, '3'), 200);
    talk(&daemon, &mut english, (&mut caller, call));

    let (call, _) = caller.connect("800000200", &offer);
    talk(&daemon, &mut english, (&mut caller, call));
    let kept = daemon.metrics().sum("acd_last_agent_total", &[("result", "answered")]);
    assert_eq!(kept, 1.0, "102 was asked for the caller's sake");

    let (call, _) = other.connect("800000200", &offer);
    talk(&daemon, &mut first, (&mut other, call));
    assert_eq!(daemon.metrics().sum("acd_order_violations_total", &[]), 0.0);
    assert_eq!(daemon.metrics().sum("acd_invariant_violations_total", &[]), 0.0);
    daemon.stops();
}
