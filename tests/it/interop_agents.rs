//! Agents' status in the real daemon: changed over HTTP by those who know the token, and by `centralino agent`.

use crate::control::{self, Desktop, TOKEN};
use crate::daemon::Daemon;
use crate::phone::{Phone, sdp};
use crate::sound::Law;
use rsip::Method;
use std::process::Command;
use std::time::Duration;

fn daemon() -> Daemon {
    Daemon::start(|configuration| {
        control::allow(configuration);
        configuration.set("pause.lunch", "most_at_once", 1);
    })
}

fn send(daemon: &Daemon, method: &str, path: &str, token: Option<&str>) -> (u16, String) {
    Desktop::of(daemon).send(method, path, token)
}

fn centralino(daemon: &Daemon, words: &[&str]) -> (Option<i32>, String) {
    let file = control::token_file();
    let output = Command::new(env!("CARGO_BIN_EXE_centralino"))
        .arg("agent")
        .args(words)
        .args(["--http", &daemon.http.to_string(), "--token-file", file.to_str().expect("a path")])
        .output()
        .expect("a run of agent");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn agents_pause_for_a_reason_and_take_calls_again() {
    let daemon = daemon();
    let pause = "/agents/101/pause?reason=lunch";
    assert_eq!(send(&daemon, "POST", pause, None).0, 401);
    assert_eq!(send(&daemon, "POST", pause, Some("0123456789abcdef0123456789abcdeF")).0, 401);
    assert_eq!(send(&daemon, "GET", pause, Some(TOKEN)).0, 405, "nothing changes by GET");
    assert_eq!(send(&daemon, "POST", "/agents/999/pause", Some(TOKEN)).0, 404);
    assert_eq!(send(&daemon, "POST", "/agents/101/dance", Some(TOKEN)).0, 404);
    assert_eq!(send(&daemon, "POST", pause, Some(TOKEN)), (409, "signed_out\n".to_owned()));

    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let mut other = Phone::new(daemon.address, daemon.sip, "102");
    assert_eq!(other.register("demo-102").status_code.code(), 200);
    daemon.wait_for_ready_agents(2.0);
    let (status, text) = send(&daemon, "POST", pause, Some(TOKEN));
    assert_eq!(status, 200);
    assert!(text.starts_with("agent 101, pool first_line: paused (lunch) since "), "{text}");
    assert_eq!(centralino(&daemon, &["102", "pause", "lunch"]), (Some(1), "too_many_paused\n".to_owned()));
    assert_eq!(centralino(&daemon, &["102", "pause", "dinner"]), (Some(1), "no_such_reason\n".to_owned()));
    let (code, text) = centralino(&daemon, &["102", "pause", "training"]);
    assert!(code == Some(0) && text.contains("paused (training)"), "{text}");
    let paused = [("pool", "first_line"), ("reason", "lunch")];
    daemon.wait_for("the pause in the metrics", Duration::from_secs(2), |metrics| {
        metrics.sum("acd_agents_paused", &paused) == 1.0
            && metrics.sum("acd_agent_requests_denied_total", &[("reason", "too_many_paused")]) == 1.0
    });
    let (_, page) = daemon.get("/stats").expect("a page");
    assert!(page.contains(r#""paused":{"lunch":1,"missed":0,"training":1,"unspecified":0}"#), "{page}");

    let mut caller = Phone::new(daemon.address, daemon.sip, "39000");
    let (mut call, _) = caller.connect("800000200", &sdp(daemon.address, 40_000, &[Law::A]));
    daemon.wait_for("a caller waits", Duration::from_secs(10), |metrics| {
        metrics.sum("acd_queue_waiting_calls", &[]) == 1.0
    });
    assert_eq!(centralino(&daemon, &["101", "ready"]).0, Some(0));
    agent.serve_with(Method::Invite, Duration::from_secs(2), &sdp(daemon.address, 40_002, &[Law::A]));
    assert_eq!(caller.bye(&mut call), 200);
    daemon.stops();
}
