//! Opus and its places at the running daemon: who finds one, who does without, who cannot.

use crate::daemon::Daemon;
use crate::phone::{Call, Phone};
use rsip::Method;
use std::time::Duration;
use toml::Table;

const SWITCHBOARD: &str = "800000200";
const LIMIT: Duration = Duration::from_secs(10);

/// An offer with these payload types; 96 is Opus.
fn offer(daemon: &Daemon, formats: &str) -> String {
    let address = daemon.address;
    format!(
        "v=0\r\no=- 7 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 9000 RTP/AVP {formats}\r\n\
         a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;stereo=0\r\na=rtpmap:97 telephone-event/48000\r\n\
         a=rtpmap:101 telephone-event/8000\r\n"
    )
}

/// What an offer is answered with: the status, and the payload types of the answer.
fn answered(daemon: &Daemon, phone: &mut Phone, formats: &str) -> (Call, u16, String) {
    let mut call = phone.invite(SWITCHBOARD, Some(&offer(daemon, formats)));
    let answer = phone.answer(&mut call, Method::Invite);
    phone.ack(&mut call, &answer, None);
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    let line = body.lines().find_map(|line| line.strip_prefix("m=audio "));
    let formats = line.and_then(|line| line.splitn(3, ' ').nth(2)).unwrap_or_default();
    (call, answer.status_code.code(), formats.to_owned())
}

fn left_out(daemon: &Daemon) -> f64 {
    daemon.metrics().sum("acd_turned_total", &[("kind", "opus_full")])
}

#[test]
fn who_finds_no_place_for_opus_speaks_something_else_or_is_refused() {
    let daemon = Daemon::start(|config| {
        config.set("media", "codecs", vec!["opus", "PCMA"]);
        config.set("limits", "opus_legs", 1);
    });
    let mut phones: Vec<Phone> =
        (0..4).map(|number| Phone::new(daemon.address, daemon.sip, &format!("39061234567{number}"))).collect();
    let (mut first, status, formats) = answered(&daemon, &mut phones[0], "96 8 97 101");
    assert_eq!((status, formats.as_str()), (200, "96 97"));
    daemon.wait_for("a leg of Opus", LIMIT, |metrics| metrics.sum("acd_opus_legs", &[]) == 1.0);
    assert_eq!(left_out(&daemon), 0.0);
    let (mut second, status, formats) = answered(&daemon, &mut phones[1], "96 8 97 101");
    assert_eq!((status, formats.as_str()), (200, "8 101"));
    daemon.wait_for("one left out", LIMIT, |_| left_out(&daemon) == 1.0);
    let (_, status, _) = answered(&daemon, &mut phones[2], "96 97");
    assert_eq!(status, 488, "nothing else is common");
    daemon.wait_for("two left out", LIMIT, |_| left_out(&daemon) == 2.0);
    // Who never asked for it misses nothing.
    let (mut third, status, formats) = answered(&daemon, &mut phones[3], "8 101");
    assert_eq!((status, formats.as_str()), (200, "8 101"));
    assert_eq!(phones[0].bye(&mut first), 200);
    daemon.wait_for("no leg of Opus", LIMIT, |metrics| metrics.sum("acd_opus_legs", &[]) == 0.0);
    let (mut last, status, formats) = answered(&daemon, &mut phones[2], "96 97");
    assert_eq!((status, formats.as_str()), (200, "96 97"));
    assert_eq!(left_out(&daemon), 2.0);
    for (phone, call) in [(1, &mut second), (3, &mut third), (2, &mut last)] {
        assert_eq!(phones[phone].bye(call), 200);
    }
    daemon.stops();
}

/// Nobody is offered Opus who did not ask for it, and an agent's own list is offered in its own order.
#[test]
fn agents_are_offered_what_their_callers_speak_or_what_is_their_own() {
    // With each row an agent more, who is asked when those before turned the caller down.
    let rows: [(&str, Option<Vec<&str>>, &str, &str); 4] = [
        ("101", None, "8", "RTP/AVP 8 111 0 101 110"),
        ("102", Some(vec!["opus", "PCMU"]), "8", "RTP/AVP 111 0 101 110"),
        ("201", Some(vec!["PCMA", "opus"]), "96 97", "RTP/AVP 111 8 101 110"),
        ("301", Some(vec!["PCMU"]), "96 97", "RTP/AVP 0 101"),
    ];
    let daemon = Daemon::start(|config| {
        config.set("media", "codecs", vec!["opus", "PCMA", "PCMU"]);
        for (agent, own, ..) in &rows {
            let agent = format!("agent.{agent}");
            config.set(&agent, "pool", "first_line");
            config.set(&agent, "skills", Table::from_iter([("switchboard".to_owned(), 50.into())]));
            if let Some(own) = own {
                config.set(&agent, "codecs", own.clone());
            }
        }
    });
    let mut agents: Vec<Phone> = Vec::new();
    for (agent, own, spoken, expected) in rows {
        let mut phone = Phone::new(daemon.address, daemon.sip, agent);
        assert_eq!(phone.register(&format!("demo-{agent}")).status_code.code(), 200);
        agents.push(phone);
        daemon.wait_for_ready_agents(agents.len() as f64);
        let mut caller = Phone::new(daemon.address, daemon.sip, "390612345678");
        let (mut call, status, _) = answered(&daemon, &mut caller, spoken);
        assert_eq!(status, 200);
        let asked = agents.iter_mut().map(|agent| agent.turns_down("486 Busy Here", "", LIMIT));
        let invite = asked.last().expect("an agent");
        assert_eq!(caller.bye(&mut call), 200);
        let body = String::from_utf8_lossy(invite.body()).into_owned();
        let line = body.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("an audio line");
        assert_eq!(line.split_once(' ').map(|(_, formats)| formats), Some(expected), "{own:?} {spoken}");
        assert!(invite.to_string().len() < 1_300, "{} bytes fit into one packet", invite.to_string().len());
    }
    daemon.stops();
}
