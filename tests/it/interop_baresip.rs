//! baresip calls baresip through the daemon: a tone sent from each side is found in the other's recording.

use crate::baresip::Baresip;
use crate::daemon::Daemon;
use crate::needs;
use crate::sound::best_share_of_tone;
use std::time::Duration;

const A: &str = "PCMA/8000/1";
const MU: &str = "PCMU/8000/1";
/// Of one channel, which says two in SDP all the same (RFC 7587 7).
const OPUS: &str = "opus/48000/1";
const CALLER_HUMS: f64 = 1020.0;
const AGENT_HUMS: f64 = 440.0;

/// How long most talks last, and one that is long enough for baresip, which reports every five seconds or so, to have
/// answered a report of ours.
const TALK_SECONDS: u32 = 8;
const LONG_TALK_SECONDS: u32 = 14;

fn they_hear_each_other(codecs: (&str, &str), transport: &str, encrypt: (Option<&str>, Option<&str>)) {
    they_talk(TALK_SECONDS, codecs, transport, encrypt);
}

/// A call from the freephone number to a registered agent; both hear each other.
fn they_talk(seconds: u32, codecs: (&str, &str), transport: &str, encrypt: (Option<&str>, Option<&str>)) {
    let ((caller_codec, agent_codec), (caller_encrypts, agent_encrypts)) = (codecs, encrypt);
    let daemon = Daemon::start(|config| {
        let setting = |kind: Option<&str>| if kind.is_some() { "required" } else { "off" };
        config.set("media", "codecs", vec!["PCMA", "PCMU", "G722", "opus"]);
        // Often enough that every talk has some.
        config.set("media", "rtcp_interval", "1 s");
        config.set("media", "srtp", setting(caller_encrypts));
        config.set("agent.101", "srtp", setting(agent_encrypts));
    });
    let agent = Baresip {
        user: "101",
        password: Some("demo-101"),
        transport,
        codec: agent_codec,
        encrypts: agent_encrypts,
        hums: AGENT_HUMS,
        server: daemon.sip,
    };
    let mut agent = agent.answers(&daemon.folder);
    daemon.wait_for_ready_agents(1.0);
    let caller = Baresip {
        user: "390612345678",
        password: None,
        transport,
        codec: caller_codec,
        encrypts: caller_encrypts,
        hums: CALLER_HUMS,
        server: daemon.sip,
    };
    let mut caller = caller.dials("800000200", seconds, &daemon.folder);
    caller.peer.ends_within(Duration::from_secs(30));
    daemon.wait_for("a hit", Duration::from_secs(10), |metrics| metrics.service_level("hit") == 1.0);
    agent.peer.terminate();
    agent.peer.ends_within(Duration::from_secs(10));
    let (at_caller, at_agent) = (caller.heard(), agent.heard());
    for (who, heard, other, own) in
        [("caller", &at_caller, AGENT_HUMS, CALLER_HUMS), ("agent", &at_agent, CALLER_HUMS, AGENT_HUMS)]
    {
        let (found, echo) = (best_share_of_tone(heard, other), best_share_of_tone(heard, own));
        assert!(found > 0.95, "the {who} heard the other's tone with a share of {found:.3} only");
        assert!(echo < 0.05, "the {who} heard its own tone with a share of {echo:.3}");
    }
    let metrics = daemon.wait_for("both legs measured, by their reports too", Duration::from_secs(5), |metrics| {
        (seconds < LONG_TALK_SECONDS || metrics.sum("acd_rtp_round_trip_seconds_count", &[]) >= 1.0)
            && ["caller", "agent"].iter().all(|leg| {
                metrics.sum("acd_rtp_packets_received_total", &[("leg", leg)]) > 250.0
                    && metrics.sum("acd_rtp_packets_lost_total", &[("leg", leg)]) == 0.0
                    && metrics.sum("acd_rtp_jitter_seconds_count", &[("leg", leg)]) == 1.0
            })
    });
    // What both speak is passed on as it came.
    let converted = metrics.sum("acd_rtp_packets_converted_total", &[]);
    assert_eq!(converted > 0.0, caller_codec != agent_codec, "{converted} packets converted");
    daemon.wait_for("an unregistered agent", Duration::from_secs(10), |metrics| {
        metrics.sum("acd_agents", &[("state", "signed_out")]) == metrics.sum("acd_agents", &[])
    });
    daemon.stops();
}

#[test]
fn over_udp_with_one_law() {
    needs!("baresip");
    they_talk(LONG_TALK_SECONDS, (MU, MU), "udp", (None, None));
}

#[test]
fn over_tcp_with_a_law_on_one_side_and_mu_law_on_the_other() {
    needs!("baresip");
    they_hear_each_other((A, MU), "tcp", (None, None));
}

#[test]
fn with_an_encrypted_caller_and_an_open_agent() {
    needs!("baresip");
    they_hear_each_other((A, A), "udp", (Some("srtp-mand"), None));
}

#[test]
fn with_an_open_caller_and_an_encrypted_agent() {
    needs!("baresip");
    they_hear_each_other((A, MU), "tcp", (None, Some("srtp-mand")));
}

#[test]
fn with_g_722_and_keys_on_the_agents_side() {
    needs!("baresip");
    they_hear_each_other((A, "G722/16000/1"), "udp", (None, Some("srtp-mand")));
}

#[test]
fn with_g_722_and_keys_on_both_sides() {
    needs!("baresip");
    they_hear_each_other(("G722/16000/1", "G722/16000/1"), "udp", (Some("srtp-mand"), Some("srtp-mand")));
}

#[test]
fn with_opus_on_the_agents_side_and_keys_on_the_callers() {
    needs!("baresip");
    they_hear_each_other((A, OPUS), "tcp", (Some("srtp-mand"), None));
}

#[test]
fn with_opus_on_both_sides_and_nothing_converted() {
    needs!("baresip");
    they_hear_each_other((OPUS, OPUS), "udp", (None, None));
}
