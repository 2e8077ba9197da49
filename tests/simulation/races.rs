//! The races of the trade (hostile-world section 4): two things that must not happen at once, at once, over networks that
//! lose up to a fifth of everything, repeat and reorder. Whatever comes first: the laws hold, every table is empty at the
//! end, no agent is stuck, and each phone knows that it is over.
//!
//! `CENTRALINO_RACES=n` runs n seeds instead of 480; a failure names the seed, and `CENTRALINO_SEED=s` runs it alone.

use crate::phones::{Act, LAST_BYE, Manners, Phones};
use crate::world::{Weather, World};
use centralino::sip::Transport;
use centralino::time::{Duration, Time};
use std::collections::BTreeMap;

const CENTRE: &str = r#"
pools = ["desk"]
skills = []
service.first = { number = "1001", queue = "desk", welcome = { tone_hz = 440, length = "3 s" } }
service.early = { number = "1002", queue = "desk", answer = "early", welcome = { tone_hz = 440, length = "3 s" } }
service.all = { number = "1003", queue = "all", welcome = { tone_hz = 440, length = "3 s" } }
[queue.desk]
ring = "10 s"
wrap_up = "1 s"
max_wait = "40 s"
step = [{ pools = ["desk"] }]
[queue.all]
strategy = "ring_all"
ring = "10 s"
max_wait = "40 s"
step = [{ pools = ["desk"] }]
[agent]
101 = { pool = "desk", contact = "sip:101@10.0.0.2:6101" }
102 = { pool = "desk", contact = "sip:102@10.0.0.2:6102" }
103 = { pool = "desk", contact = "sip:103@10.0.0.2:6103" }
[sip]
udp = "10.0.0.1:5060"
tcp = "10.0.0.1:5060"
trusted = ["10.0.0.0/8"]
"#;

/// One race: who calls what by which way, what they do after dialling, and how the phones behave.
struct Race {
    name: &'static str,
    number: &'static str,
    transport: Transport,
    /// Milliseconds after the dialling. The welcome takes 3 s.
    caller: Vec<(u64, Act)>,
    /// The same, where agents' phones are reached by TCP.
    agents_by_tcp: bool,
    manners: Manners,
}

fn manners() -> Manners {
    Manners { when_called: vec![(50, Act::Ring), (400, Act::Answer(0))], ..Manners::default() }
}

fn race(name: &'static str, number: &'static str, caller: &[(u64, Act)], manners: Manners) -> Race {
    Race { name, number, transport: Transport::Udp, caller: caller.to_vec(), agents_by_tcp: false, manners }
}

#[rustfmt::skip]
fn races() -> Vec<Race> {
    use Act::*;
    let talk = |caller: &[(u64, Act)], called: &[(u64, Act)]| Manners { caller_later: caller.to_vec(), called_later: called.to_vec(), ..manners() };
    let mut races = vec![
        race("CANCEL x the phone's 200", "1002", &[(3_400, Cancel)], manners()),
        race("the caller's BYE x the phone's 200", "1001", &[(3_420, Bye)], manners()),
        race("CANCEL x PRACK", "1002", &[(60, Cancel)], Manners { headers: "Require: 100rel\r\n", ..manners() }),
        race("PRACK x the phone's 200", "1002", &[], Manners { headers: "Require: 100rel\r\n", ..manners() }),
        race("the caller's BYE x a phone's PRACK", "1001", &[(3_100, Bye)], Manners { when_called: vec![(20, RingReliably), (150, Answer(0))], ..manners() }),
        race("BYE x re-INVITE of one side", "1001", &[], talk(&[(6_000, Change(true)), (6_000, Bye)], &[])),
        race("BYE x re-INVITE of the other side", "1001", &[], talk(&[(4_000, Bye)], &[(400, Change(true))])),
        race("re-INVITEs of both sides", "1001", &[], talk(&[(4_500, Change(true)), (5_500, Change(false))], &[(900, Change(true)), (1_900, Change(false))])),
        race("BYEs of both sides", "1001", &[], talk(&[(4_500, Bye)], &[(900, Bye)])),
        race("REFER x BYE", "1001", &[], talk(&[(4_500, Bye)], &[(900, Refer(102))])),
        race("REFER x the agent's own BYE", "1001", &[], talk(&[], &[(900, Refer(103)), (900, Bye)])),
        race("REFER to a service x BYE", "1001", &[], talk(&[(6_000, Bye)], &[(900, Refer(1003))])),
        race("forks that all answer", "1001", &[], Manners { when_called: vec![(30, Ring), (300, Answer(0)), (300, Answer(1)), (320, Answer(2))], ..manners() }),
        race("a fork x the caller's BYE", "1001", &[(3_400, Bye)], Manners { when_called: vec![(30, Ring), (300, Answer(0)), (300, Answer(1))], ..manners() }),
        race("two winners", "1003", &[], Manners { when_called: vec![(30, Ring), (500, Answer(0))], ..manners() }),
        race("two winners and a caller who goes", "1003", &[(3_520, Bye)], Manners { when_called: vec![(30, Ring), (500, Answer(0))], ..manners() }),
        race("an answer x the ring time-out", "1001", &[], Manners { when_called: vec![(30, Ring), (9_930, Answer(0))], ..manners() }),
        race("a refusal x the caller's BYE", "1001", &[(3_300, Bye)], Manners { when_called: vec![(30, Ring), (280, Refuse)], ..manners() }),
        race("our 200 is never acknowledged", "1001", &[], Manners { caller_never_acks: true, ..manners() }),
        race("the phone hears no BYE", "1001", &[], Manners { called_is_deaf_to_bye: true, caller_later: vec![(5_000, Bye)], ..manners() }),
        race("our refresh x BYE", "1001", &[], Manners { headers: "Session-Expires: 90;refresher=uas\r\n", caller_later: vec![(45_000, Bye)], ..manners() }),
        race("our refresh x re-INVITE", "1001", &[], Manners { headers: "Session-Expires: 90;refresher=uas\r\n", caller_later: vec![(45_000, Change(true)), (50_000, Bye)], ..manners() }),
        race("our re-INVITE x re-INVITE", "1001", &[], Manners { no_update: true, headers: "Session-Expires: 90;refresher=uas\r\n", caller_later: vec![(44_980, Change(true)), (50_000, Bye)], ..manners() }),
        race("our re-INVITE x BYE", "1001", &[], Manners { no_update: true, headers: "Session-Expires: 90;refresher=uas\r\n", caller_later: vec![(44_980, Bye)], ..manners() }),
        race("UPDATE x BYE", "1001", &[], talk(&[(6_000, Refresh), (6_010, Bye)], &[(2_500, Refresh)])),
        race("CANCEL x our first 200", "1001", &[(5, Cancel)], manners()),
    ];
    let cut = |name, number, caller: &[(u64, Act)], manners| Race { transport: Transport::Tcp, ..race(name, number, caller, manners) };
    races.push(cut("the caller's stream is cut while a phone rings", "1002", &[(3_300, Cut)], manners()));
    races.push(cut("the caller's stream is cut x the phone's 200", "1001", &[(3_450, Cut)], manners()));
    races.push(Race { agents_by_tcp: true, ..race("the phone's stream is cut while it rings", "1001", &[], Manners { when_called: vec![(30, Ring), (200, Cut)], ..manners() }) });
    races.push(Race { agents_by_tcp: true, ..race("the phone's stream is cut x BYE", "1001", &[], talk(&[(4_500, Bye)], &[(900, Cut)])) });
    races
}

/// What has to come of some races now and then, so that both sides win.
const DECIDED: [(&str, &[&str]); 8] = [
    ("CANCEL x the phone's 200", &["abandoned", "answered"]),
    ("the caller's BYE x the phone's 200", &["abandoned", "left_in_greeting"]),
    ("two winners", &["offer lost_race", "offer withdrawn"]),
    ("two winners and a caller who goes", &["offer caller_gone", "answered"]),
    ("our re-INVITE x re-INVITE", &["turned sip_rejected"]),
    ("a refusal x the caller's BYE", &["abandoned", "offer busy"]),
    ("REFER to a service x BYE", &["transfer completed", "offer caller_gone"]),
    ("an answer x the ring time-out", &["offer no_answer", "answered"]),
];

/// What became of the calls and offers of one seed.
fn run(seed: u64, seen: &mut BTreeMap<(&'static str, String), u64>) {
    let races = races();
    let race = &races[seed as usize % races.len()];
    let what = format!("CENTRALINO_SEED={seed} ({})", race.name);
    let lost = [0, 50, 100, 200][seed as usize / races.len() % 4];
    let delay_ms = [2, 60, 300][seed as usize % 3];
    let weather = Weather { lost, repeated: lost / 2, delay_ms, bind_fails: 0, ports_missing: 0 };
    let centre = match race.agents_by_tcp {
        true => CENTRE.replace("\" }\n10", ";transport=tcp\" }\n10").replace("6103\"", "6103;transport=tcp\""),
        false => CENTRE.to_owned(),
    };
    let mut world = World::with(&centre, seed, weather, |_| Phones::new(race.manners.clone(), seed));
    // A rival for the same agents comes a little later.
    world.peers.caller(race.number, race.transport, Time::from_millis(1_000), &race.caller);
    world.peers.caller("1001", Transport::Udp, Time::from_millis(1_000 + seed % 700), &[(60_000, Act::Bye)]);
    world.run_until_quiet(Time::ZERO + 10 * LAST_BYE + Duration::from_secs(600));
    eprintln!("{what}");
    world.assert_everything_ended();
    world.assert_no_agent_is_stuck();
    world.peers.assert_over(&what);
    for (fate, times) in world.fates() {
        *seen.entry((race.name, fate)).or_default() += times;
    }
}

#[test]
fn races_over_a_bad_network() {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let mut seen = BTreeMap::new();
    if let Some(seed) = variable("CENTRALINO_SEED") {
        return run(seed, &mut seen);
    }
    let seeds = variable("CENTRALINO_RACES").unwrap_or(480);
    (0..seeds).for_each(|seed| run(seed, &mut seen));
    // A race in which nobody ever comes first is none.
    for (race, fates) in DECIDED {
        for fate in fates {
            let times = seen.get(&(race, (*fate).to_owned())).copied().unwrap_or(0);
            assert!(seeds < 480 || times > 0, "{race}: never {fate}");
        }
    }
}
