//! The whole daemon with callers who hear music and callers who talk: CPU and memory a call, gaps in what they hear,
//! and how long after an agent's answer the caller hears the agent.
//!
//!     cargo bench --bench media_load                       500 waiting, 200 talking, 10 s each
//!     cargo bench --bench media_load -- 3000 500 20        waiting, talking, seconds; 0 leaves a run out
//!     cargo bench --bench media_load -- 6000 0 20          the most that two cores are meant to serve
//!
//! It plays all phones itself: one socket for SIP, one for RTP. CPU is the daemon's own (user and system). Beside it
//! stands the floor: what a bare thread pays to send the same packets from as many sockets, in the same run, because
//! on a shared machine only the ratio of the two means something. As a test it makes a small run and judges only what
//! does not depend on the machine's speed.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench is a shell")]

#[path = "../load/daemon.rs"]
mod daemon;
mod phones;
mod sound;

use daemon::Daemon;
use phones::Phones;
use sound::{Ear, GAP, Heard, Mouth, floor, socket};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

const PACKETS_A_SECOND: f64 = 50.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        if !arguments.iter().any(|argument| argument == "--ignored") {
            println!("media_load: test");
        }
        return;
    }
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse().ok());
    let mut number = |bench, test| numbers.next().unwrap_or(if is_bench { bench } else { test });
    let (waiting, talking, seconds) = (number(500, 20), number(200, 10), number(10, 1));
    println!(
        "             calls  CPU % a call  us a packet  of the floor  KiB a call  packets/s  lost  gaps>{}ms  99.9 %  \
         longest",
        GAP.as_millis()
    );
    let runs = [("waiting", "1", waiting, 1.0), ("talking", "2", talking, 2.0)];
    for (name, service, calls, packets_a_call) in runs.into_iter().filter(|(_, _, calls, _)| *calls > 0) {
        let measured = measure(service, calls, Duration::from_secs(seconds as u64));
        let rate = calls as f64 * packets_a_call * PACKETS_A_SECOND;
        println!(
            "{name:>8} {calls:9} {:13.4} {:12.2} {:13.2} {:11.1} {:10.0} {:5} {:11} {:4.0} ms {:5.0} ms",
            measured.cpu * 100.0 / calls as f64,
            measured.cpu * 1e6 / rate,
            measured.cpu / rate / measured.floor,
            measured.kib / calls as f64,
            measured.heard.packets as f64 / measured.heard.seconds,
            measured.heard.lost,
            measured.heard.gaps,
            measured.heard.gap(0.999).as_secs_f64() * 1e3,
            measured.heard.longest.as_secs_f64() * 1e3,
        );
        assert_eq!(measured.heard.lost, 0, "packets were lost on the way");
        assert!(measured.heard.packets as f64 > 0.9 * rate * measured.heard.seconds, "somebody hears nothing");
    }
}

struct Measured {
    /// Seconds of CPU a second.
    cpu: f64,
    /// Seconds of CPU a packet of a bare sender.
    floor: f64,
    kib: f64,
    heard: Heard,
}

fn measure(service: &str, calls: usize, window: Duration) -> Measured {
    let rtp = socket();
    let sip = socket();
    let daemon = Daemon::start(None, &config(calls, sip.local_addr().unwrap()));
    let (memory, ear) = (daemon.kib(), Ear::new(rtp.try_clone().unwrap()));
    let talks = service == "2";
    let mouth = talks.then(|| Mouth::new(rtp.try_clone().unwrap()));
    let phones = Phones::call(&sip, daemon.sip, rtp.local_addr().unwrap(), service, calls, mouth.as_ref());
    thread::sleep(Duration::from_secs(1));
    let (cpu, began) = (daemon.cpu(), Instant::now());
    ear.listen();
    thread::sleep(window);
    let (heard, cpu) = (ear.stop(began.elapsed()), (daemon.cpu() - cpu) / began.elapsed().as_secs_f64());
    let kib = daemon.kib() - memory;
    if talks {
        tell_answers(&phones, &heard, answers_in_time(&daemon));
    }
    drop((mouth, daemon));
    Measured { cpu, floor: floor(calls, window.min(Duration::from_secs(3))), kib, heard }
}

/// How long after an agent's answer the caller heard the agent, whose sound comes every 20 ms; and what the daemon says
/// of its own part in it.
fn tell_answers(phones: &Phones, heard: &Heard, (in_time, answers): (u64, u64)) {
    let after = |(port, answered): (&u16, &Instant)| heard.voices.get(port).map(|at| *at - *answered);
    let mut waits: Vec<Duration> = phones.answers.iter().filter_map(after).collect();
    waits.sort();
    let ms = |share: f64| {
        let wait = waits.get((share * (waits.len().saturating_sub(1)) as f64).round() as usize);
        wait.map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e3)
    };
    println!(
        "{:>8} {} of {} callers heard their agent: half after {:.1} ms, 99 % after {:.1} ms, the last after {:.1} ms",
        "",
        waits.len(),
        phones.answers.len(),
        ms(0.5),
        ms(0.99),
        ms(1.0)
    );
    println!("{:>8} {in_time} of {answers} answers were joined within 25 ms", "");
    assert_eq!(waits.len(), phones.answers.len(), "somebody never heard the agent");
}

/// Of how many agents' answers the first sound was on its way within 25 ms.
fn answers_in_time(daemon: &Daemon) -> (u64, u64) {
    let page = daemon.metrics();
    let value = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name)).expect("a sample");
        line.trim().parse().expect("a count")
    };
    let count = value("acd_answer_to_audio_seconds_count");
    (value("acd_answer_to_audio_seconds_bucket{le=\"0.025\"}"), count)
}

fn config(calls: usize, phones: SocketAddr) -> String {
    let (calls, agents) = (calls.max(10), calls.max(10) + 1_000);
    format!(
        r#"pools = ["phones", "nobody"]
skills = []
[service.waiting]
number = "1"
queue = "waiting"
[service.talking]
number = "2"
queue = "talking"
[queue.waiting]
max_wait = "24 h"
max_length = {calls}
[[queue.waiting.step]]
pools = ["nobody"]
[queue.talking]
max_length = {calls}
[[queue.talking.step]]
pools = ["phones"]
[agent."1001..{agents}"]
pool = "phones"
contact = "sip:{{number}}@{phones}"
[sip]
udp = "127.0.0.1:0"
overload_delay = "1 min"
tcp = "off"
[http]
listen = "127.0.0.1:0"
[media]
ports = "32768-60999"
[limits]
channels = {calls}
dialogs = 50000
transactions = 500000
"#
    )
}
