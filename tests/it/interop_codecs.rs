//! Every codec with and without SRTP between real phones, all of a row at once: four callers and four agents of
//! baresip, whoever gets whom. Each has a tone of its own, so the recordings tell who heard whom.

use crate::baresip::{Baresip, Running};
use crate::daemon::Daemon;
use crate::needs;
use crate::sound::best_share_of_tone;
use std::time::Duration;
use toml::Table;

/// Codecs as baresip writes them (Opus of one channel), with what a caller and an agent of each hum, in Hz: none is another's harmonic.
const PHONES: [(&str, f64, f64); 4] = [
    ("PCMA/8000/1", 340.0, 430.0),
    ("PCMU/8000/1", 550.0, 710.0),
    ("G722/16000/1", 890.0, 1_130.0),
    ("opus/48000/1", 1_390.0, 1_510.0),
];
/// The agents of the shipped configuration, and their passwords.
const AGENTS: [(&str, &str); 4] = [("101", "demo-101"), ("102", "demo-102"), ("201", "demo-201"), ("301", "demo-301")];
const TALK_SECONDS: u32 = 8;
const LIMIT: Duration = Duration::from_secs(30);

/// Whose tone fills what was heard.
fn heard_of(running: &Running, tones: impl Iterator<Item = f64>) -> Option<usize> {
    let heard = running.heard();
    let shares: Vec<f64> = tones.map(|hz| best_share_of_tone(&heard, hz)).collect();
    eprintln!("shares {shares:.3?}");
    let found: Vec<usize> = shares.iter().enumerate().filter(|(_, share)| **share > 0.9).map(|(at, _)| at).collect();
    (found.len() == 1).then(|| found[0])
}

/// One row of the table: every codec on both sides.
fn everybody_talks(srtp: &str, encrypts: Option<&str>) {
    let daemon = Daemon::start(|config| {
        config.set("media", "codecs", vec!["PCMA", "PCMU", "G722", "opus"]);
        config.set("media", "srtp", srtp);
        for ((codec, ..), (user, _)) in PHONES.iter().zip(AGENTS) {
            let (name, _) = codec.split_once('/').expect("a codec and its rate");
            let agent = format!("agent.{user}");
            config.set(&agent, "pool", "first_line");
            config.set(&agent, "skills", Table::from_iter([("switchboard".to_owned(), 50.into())]));
            config.set(&agent, "srtp", srtp);
            config.set(&agent, "codecs", vec![name]);
        }
    });
    let phone = |user, password, codec, hums| {
        let (transport, server) = ("udp", daemon.sip);
        Baresip { user, password, transport, codec, encrypts, hums, server }
    };
    let mut agents: Vec<Running> = (PHONES.iter().zip(AGENTS))
        .map(|((codec, _, hums), (user, password))| phone(user, Some(password), codec, *hums).answers(&daemon.folder))
        .collect();
    daemon.wait_for_ready_agents(4.0);
    let numbers = ["39061234560", "39061234561", "39061234562", "39061234563"];
    let mut callers: Vec<Running> = (PHONES.iter().zip(numbers))
        .map(|((codec, hums, _), number)| {
            phone(number, None, codec, *hums).dials("800000200", TALK_SECONDS, &daemon.folder)
        })
        .collect();
    let busiest =
        daemon.wait_for("four talks", LIMIT, |metrics| metrics.sum("acd_agents", &[("state", "talking")]) == 4.0);
    // The caller's, and the agent's unless the two found each other.
    assert!((1.0..=2.0).contains(&busiest.sum("acd_opus_legs", &[])), "{}", busiest.sum("acd_opus_legs", &[]));
    for caller in &mut callers {
        caller.peer.ends_within(LIMIT);
    }
    daemon.wait_for("four hits", LIMIT, |metrics| metrics.service_level("hit") == 4.0);
    for agent in &mut agents {
        agent.peer.terminate();
        agent.peer.ends_within(LIMIT);
    }
    let of_agents = callers.iter().map(|caller| heard_of(caller, PHONES.iter().map(|phone| phone.2)));
    let of_agents: Vec<Option<usize>> = of_agents.collect();
    let of_callers = agents.iter().map(|agent| heard_of(agent, PHONES.iter().map(|phone| phone.1)));
    let of_callers: Vec<Option<usize>> = of_callers.collect();
    for (caller, agent) in of_agents.iter().enumerate() {
        let agent = agent.unwrap_or_else(|| panic!("the caller with {} heard no single agent", PHONES[caller].0));
        assert_eq!(of_callers[agent], Some(caller), "{of_agents:?} {of_callers:?}");
    }
    let metrics = daemon.wait_for("no leg", LIMIT, |metrics| metrics.sum("acd_media_legs", &[]) == 0.0);
    assert_eq!(metrics.sum("acd_opus_legs", &[]), 0.0);
    assert_eq!(metrics.sum("acd_turned_total", &[("kind", "opus_full")]), 0.0);
    daemon.stops();
}

#[test]
fn every_codec_without_keys() {
    needs!("baresip");
    everybody_talks("off", None);
}

#[test]
fn every_codec_with_keys() {
    needs!("baresip");
    everybody_talks("required", Some("srtp-mand"));
}
