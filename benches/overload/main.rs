//! How many calls a second the daemon can do, and what becomes of them when three times as many come.
//!
//!     cargo bench --bench overload                                    20 s of three times the knee
//!     cargo bench --bench overload -- --under 60 --program target/release/centralino
//!
//! It plays callers and phones itself, with templates, so that it takes less CPU than what it measures: the daemon has
//! one processor alone, and everybody else shares another (`--shared` leaves that to the system). The rate is raised
//! until no more calls are answered: that is the knee. Meanwhile phones refresh their registrations, calls that were
//! there before change their sessions, and some callers listen to music. Each promise is a line with PASS or FAIL; the
//! exit code is 1 if one fails. As a test it makes a small run and judges only what does not depend on the machine.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench is a shell")]

#[path = "../load/daemon.rs"]
mod daemon;
mod tally;
mod wire;
mod world;

use daemon::Daemon;
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tally::{Tally, percentile};
use world::{MUSIC, PASSWORD, STEADY, World};

/// Phones whose agents hang up, and phones whose agents stay.
const AGENTS: usize = 1_000;
const STAYING: usize = 100;
const LISTENERS: usize = 20;

struct Options {
    program: Option<PathBuf>,
    /// The first rate that is tried; each next one is a quarter more.
    start: f64,
    /// How long each rate is tried.
    seconds: f64,
    /// How long the knee is offered before the peak is measured there.
    warm: f64,
    /// So many times the knee.
    times: f64,
    under: f64,
    shared: bool,
    is_test: bool,
}

impl Options {
    fn read() -> Options {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let has = |name: &str| arguments.iter().any(|argument| argument == name);
        let after = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
        let is_test = !has("--bench");
        let number = |name: &str, bench: f64, test: f64| {
            let given = after(name).map(|text| text.parse().expect("a number"));
            given.unwrap_or(if is_test { test } else { bench })
        };
        Options {
            program: after("--program").map(PathBuf::from),
            start: number("--start", 800.0, 50.0),
            seconds: number("--seconds", 4.0, 1.0),
            warm: number("--warm", 34.0, 0.0),
            times: number("--times", 3.0, 3.0),
            under: number("--under", 20.0, 2.0),
            shared: is_test || has("--shared"),
            is_test,
        }
    }
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        if !std::env::args().any(|argument| argument == "--ignored") {
            println!("overload: test");
        }
        return ExitCode::SUCCESS;
    }
    let options = Options::read();
    // A child inherits its parent's processors.
    pin(&options, 0);
    let daemon = Daemon::start(options.program.as_deref(), &config());
    pin(&options, 1);
    let mut bench = Bench { world: World::new(daemon.sip, options.shared), daemon };
    let agents = (1..=AGENTS).map(|number| format!("a{number:04}"));
    bench.world.register(agents.chain((1..=STAYING).map(|number| format!("s{number:03}"))));
    println!(
        "  offered/s  joined/s  503/s  other  lost  set-up ms p50    p99  503 ms p99  daemon CPU %  ms/call  ours %  MiB"
    );
    let knee = bench.knee(&options);
    bench.world.establish(STEADY, if options.is_test { 5 } else { STAYING });
    bench.world.establish(MUSIC, LISTENERS);
    // The peak is what it keeps up: once transactions end, 32 s old, as fast as they begin, and as long as the overload.
    if options.warm > 0.0 {
        bench.row(knee, options.warm);
    }
    let peak = bench.row(knee, if options.is_test { options.seconds } else { options.under }).goodput();
    if bench.overload(&options, peak) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn pin(options: &Options, processor: usize) {
    if !options.shared {
        let mut set = CpuSet::new();
        set.set(processor);
        sched_setaffinity(None, &set).expect("two processors; --shared does without");
    }
}

struct Bench {
    world: World,
    daemon: Daemon,
}

/// What was promised, and what was found.
struct Promise {
    what: &'static str,
    wanted: &'static str,
    found: String,
    holds: bool,
}

impl Bench {
    /// The rate at which most calls were answered.
    fn knee(&mut self, options: &Options) -> f64 {
        let (mut rate, mut knee, mut peak, mut short) = (options.start, options.start, 0.0, 0);
        let most = if options.is_test { 2 } else { usize::MAX };
        for _ in 0..most {
            let tally = self.row(rate, options.seconds);
            self.world.rest(Duration::from_millis(500));
            short += usize::from(tally.goodput() < 0.95 * rate);
            if tally.goodput() > peak {
                (knee, peak) = (rate, tally.goodput());
            }
            // Two rates above it, because one may have met a bad moment.
            if short == 2 {
                break;
            }
            rate *= 1.25;
        }
        knee
    }

    fn row(&mut self, rate: f64, seconds: f64) -> Tally {
        let (cpu, own) = (self.daemon.cpu(), own_cpu());
        let tally = self.world.offer(rate, Duration::from_secs_f64(seconds));
        let (lasted, cpu) = (tally.lasted.as_secs_f64(), self.daemon.cpu() - cpu);
        println!(
            "{:11.0} {:9.0} {:6.0} {:6} {:5} {:14.1} {:6.1} {:11.1} {:13.1} {:8.3} {:7.1} {:4.0}",
            tally.offered as f64 / lasted,
            tally.goodput(),
            tally.refused as f64 / lasted,
            tally.otherwise,
            tally.lost,
            percentile(&tally.setups, 50.0),
            percentile(&tally.setups, 99.0),
            percentile(&tally.refusals, 99.0),
            100.0 * cpu / lasted,
            1_000.0 * cpu / tally.joined.max(1) as f64,
            100.0 * (own_cpu() - own) / lasted,
            self.daemon.kib() / 1024.0,
        );
        tally
    }

    fn violations(&self) -> f64 {
        let page = self.daemon.metrics();
        let samples = page.lines().filter(|line| line.starts_with("acd_") && line.contains("_violations_total"));
        samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    fn overload(&mut self, options: &Options, peak: f64) -> bool {
        let before = self.world.staying();
        let tally = self.row(peak * options.times, options.under);
        let after = self.row(peak * 0.2, if options.is_test { 1.0 } else { 4.0 });
        let there = self.world.staying();
        self.world.leave();
        let left = self.world.rest(Duration::from_secs(2));
        let broken = self.violations();
        let (share, setup) = (100.0 * tally.goodput() / peak, percentile(&tally.setups, 99.0));
        let (refusal, jitter) = (percentile(&tally.refusals, 99.0), percentile(&tally.jitter, 99.0));
        let unserved = after.offered - after.joined.min(after.offered);
        let recovery = after.last_trouble.as_secs_f64();
        let promise = |what, wanted, found, holds| Promise { what, wanted, found, holds };
        #[rustfmt::skip]
        let promises = [
            promise("answered, of the most that could be", ">= 90 %", format!("{share:.1} %"), share >= 90.0),
            promise("set-up of those taken, p99", "< 200 ms", format!("{setup:.1} ms"), setup < 200.0),
            promise("503 to those refused, p99", "<= 50 ms", format!("{refusal:.1} ms"), refusal <= 50.0),
            promise("new calls that heard nothing", "0", tally.lost.to_string(), tally.lost == 0),
            promise("requests within calls", ">= 99.9 %", format!("{:.2} % of {}", tally.within.percent(), tally.within.sent), tally.within.percent() >= 99.9),
            promise("phones that register again", ">= 99.9 %", format!("{:.2} % of {}", tally.registered.percent(), tally.registered.sent), tally.registered.percent() >= 99.9),
            promise("calls that were there before", "all stay", format!("{there} of {before}, {} cut", tally.cut + after.cut), there == before && tally.cut + after.cut == 0),
            promise("and hang up when they wish", "all", format!("{} of {}", left.within.granted, there), left.within.granted >= there as u64),
            promise("music at its time, p99", "< 5 ms", format!("{jitter:.2} ms of {}", tally.jitter.len()), jitter < 5.0),
            promise("order and laws of the engine", "unbroken", format!("{broken:.0} broken"), broken == 0.0),
            promise("back to normal", "< 2 s", format!("{recovery:.2} s; {unserved} of {} not yet", after.offered), recovery < 2.0),
        ];
        println!(
            "\nof {:.0} calls/s, {} times the {peak:.0}/s that it can answer, for {} s:",
            peak * options.times,
            options.times,
            options.under
        );
        let mut all = true;
        for Promise { what, wanted, found, holds } in &promises {
            println!("{} {what:<36} {wanted:>10}   {found}", if *holds { "PASS" } else { "FAIL" });
            all &= holds;
        }
        if options.is_test {
            // How fast this machine is, is none of the test's business; that nobody is harmed, is.
            assert_eq!((there, tally.cut + after.cut, tally.within.failed), (before, 0, 0), "calls were harmed");
            assert!(tally.joined > 0 && tally.registered.failed == 0, "nobody was served");
            return true;
        }
        all
    }
}

/// Seconds of CPU of this thread.
fn own_cpu() -> f64 {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

fn config() -> String {
    format!(
        r#"pools = ["brief", "steady", "nobody"]
skills = []
[service.brief]
number = "{brief}"
queue = "brief"
[service.steady]
number = "{STEADY}"
queue = "steady"
[service.music]
number = "{MUSIC}"
queue = "music"
[queue.brief]
wrap_up = "0 s"
max_length = {AGENTS}
[[queue.brief.step]]
pools = ["brief"]
[queue.steady]
wrap_up = "0 s"
[[queue.steady.step]]
pools = ["steady"]
[queue.music]
max_wait = "24 h"
[[queue.music.step]]
pools = ["nobody"]
[agent."a0001..a{AGENTS}"]
pool = "brief"
password = "{PASSWORD}"
[agent."s001..s{STAYING}"]
pool = "steady"
password = "{PASSWORD}"
[routing]
misses_to_pause = 0
[sip]
udp = "127.0.0.1:0"
tcp = "off"
[http]
listen = "127.0.0.1:0"
[media]
ports = "12000-32767"
rtp_timeout = "0"
port_rest = "200 ms"
[limits]
channels = 5000
dialogs = 50000
transactions = 500000
"#,
        brief = world::BRIEF,
    )
}
