//! Recordings of real calls: what is in the file, and that the call goes on when there can be none.

use crate::configuration::Configuration;
use crate::daemon::{Daemon, Metrics};
use crate::phone::{Call, Phone, audio_port, sdp};
use crate::sound::{Headset, Law, best_share_of_tone, decode, share_of_tone};
use centralino::media::embedded;
use rsip::{Method, Request};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use toml::Table;

const LIMIT: Duration = Duration::from_secs(10);
const NUMBER: &str = "800000100";
const CALLER: &str = "390612345678";
const NOTICE: &str = "it/welcome_short";
const CALLER_HUMS: f64 = 1020.0;
const FIRST_HUMS: f64 = 440.0;
const SECOND_HUMS: f64 = 620.0;

fn recorded(configuration: &mut Configuration) {
    configuration.set("service.information", "welcome", "none");
    configuration.set("queue.information", "music", "none");
    let recording = Table::from_iter([("notice".to_owned(), NOTICE.into())]);
    configuration.set("queue.information", "recording", recording);
}

/// A caller who talks with 101, each humming.
struct Talk {
    caller: Phone,
    call: Call,
    at_caller: Headset,
    agent: Phone,
    at_agent: Headset,
    invite: Request,
}

fn talk(daemon: &Daemon) -> Talk {
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let (mut at_caller, mut at_agent) = (Headset::new(daemon.address), Headset::new(daemon.address));
    let mut caller = Phone::new(daemon.address, daemon.sip, CALLER);
    let (call, answer) = caller.connect(NUMBER, &sdp(daemon.address, at_caller.port(), &[Law::A]));
    at_caller.hum(SocketAddr::new(daemon.address, audio_port(answer.body())), Law::A, CALLER_HUMS);
    let invite = agent.serve_with(Method::Invite, LIMIT, &sdp(daemon.address, at_agent.port(), &[Law::Mu]));
    at_agent.hum(SocketAddr::new(daemon.address, audio_port(invite.body())), Law::Mu, FIRST_HUMS);
    agent.serve(Method::Ack, LIMIT);
    Talk { caller, call, at_caller, agent, at_agent, invite }
}

fn recordings(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).expect("recordings").map(|file| file.expect("a file").path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "wav")).collect()
}

/// Both channels of the one recording, once it is whole: the caller's, the agent's.
fn both_sides(daemon: &Daemon, folder: &Path) -> [Vec<i16>; 2] {
    let files = recordings(folder);
    let [file] = &files[..] else { panic!("one recording: {files:?}") };
    let name = file.file_name().expect("a name").to_string_lossy();
    assert!(!name.contains(CALLER) && name.ends_with("-1.wav"), "{name}");
    let is_whole = |_: &Metrics| hound::WavReader::open(file).is_ok_and(|reader| reader.duration() > 0);
    daemon.wait_for("the file's end", LIMIT, is_whole);
    let reader = hound::WavReader::open(file).expect("a WAV file");
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8_000));
    let samples: Vec<i16> = reader.into_samples().map(|sample| sample.expect("a sample")).collect();
    [0, 1].map(|side| samples.chunks_exact(2).map(|pair| pair[side]).collect())
}

fn lost(metrics: &Metrics) -> f64 {
    metrics.sum("acd_turned_total", &[("kind", "recording_lost")])
}

#[test]
fn each_side_is_in_its_channel_and_it_begins_after_the_notice() {
    let daemon = Daemon::start(recorded);
    let mut talk = talk(&daemon);
    assert!(!daemon.folder.join("recordings").exists(), "the notice plays");
    daemon.wait_for("a hit", LIMIT, |metrics| metrics.service_level("hit") == 1.0);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(talk.caller.bye(&mut talk.call), 200);
    talk.agent.serve(Method::Bye, LIMIT);
    let heard: Vec<u8> = talk.at_caller.hang_up().into_iter().flat_map(|packet| packet.payload).collect();
    let clip = embedded::clip(NOTICE).expect("a clip");
    let notice: Vec<u8> = clip.samples().iter().map(|&sample| Law::A.encode(sample)).collect();
    assert!(heard.starts_with(&notice), "the notice first, whole");
    drop(talk.at_agent.hang_up());
    let sides = both_sides(&daemon, &daemon.folder.join("recordings"));
    let seconds = sides[0].len() as f64 / 8_000.0;
    assert!((1.2..4.0).contains(&seconds), "{seconds} s");
    for (side, own, other) in [(0, CALLER_HUMS, FIRST_HUMS), (1, FIRST_HUMS, CALLER_HUMS)] {
        assert!(best_share_of_tone(&sides[side], own) > 0.98, "channel {side} has its side's tone");
        assert!(best_share_of_tone(&sides[side], other) < 0.01, "and not the other's");
    }
    assert_eq!(lost(&daemon.metrics()), 0.0);
    daemon.stops();
}

#[test]
fn it_leaves_out_hold_and_goes_on_with_the_colleague_who_takes_the_caller() {
    let daemon = Daemon::start(recorded);
    let mut talk = talk(&daemon);
    daemon.wait_for("a hit", LIMIT, |metrics| metrics.service_level("hit") == 1.0);
    std::thread::sleep(Duration::from_millis(1_500));
    let held = sdp(daemon.address, talk.at_agent.port(), &[Law::Mu]).replace("sendrecv", "sendonly");
    assert_eq!(talk.agent.within(&talk.invite, Method::Invite, 1, "", Some(&held)), 200);
    talk.agent.within(&talk.invite, Method::Ack, 1, "", None);
    let are = |state: &'static str| move |metrics: &Metrics| metrics.sum("acd_agents", &[("state", state)]) == 1.0;
    daemon.wait_for("a hold", LIMIT, are("on_hold"));
    std::thread::sleep(Duration::from_millis(1_500));

    let mut colleague = Phone::new(daemon.address, daemon.sip, "102");
    assert_eq!(colleague.register("demo-102").status_code.code(), 200);
    daemon.wait_for_ready_agents(1.0);
    let mut at_colleague = Headset::new(daemon.address);
    let to = format!("Refer-To: <sip:102@{}>\r\n", daemon.sip);
    assert_eq!(talk.agent.within(&talk.invite, Method::Refer, 2, &to, None), 202);
    let invite = colleague.serve_with(Method::Invite, LIMIT, &sdp(daemon.address, at_colleague.port(), &[Law::A]));
    at_colleague.hum(SocketAddr::new(daemon.address, audio_port(invite.body())), Law::A, SECOND_HUMS);
    colleague.serve(Method::Ack, LIMIT);
    let taken = |metrics: &Metrics| metrics.sum("acd_transfers_total", &[("result", "completed")]) == 1.0;
    daemon.wait_for("a transfer", LIMIT, taken);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(talk.caller.bye(&mut talk.call), 200);
    colleague.serve(Method::Bye, LIMIT);
    let [caller, agent] = both_sides(&daemon, &daemon.folder.join("recordings"));
    let seconds = |hz: f64, side: &[i16]| {
        side.chunks_exact(800).filter(|tenth| share_of_tone(tenth, hz) > 0.9).count() as f64 / 10.0
    };
    let (first, second) = (seconds(FIRST_HUMS, &agent), seconds(SECOND_HUMS, &agent));
    assert!((1.2..2.5).contains(&first) && (1.2..2.5).contains(&second), "{first} s and {second} s of the agents");
    let (heard, whole) = (seconds(CALLER_HUMS, &caller), caller.len() as f64 / 8_000.0);
    assert!(heard <= first + second + 0.5, "{heard} s of the caller: nothing of what was said on hold");
    assert!(whole >= heard + 1.3, "{whole} s in all: the pause is in it, silent");
    assert_eq!(lost(&daemon.metrics()), 0.0);
    daemon.stops();
}

/// As root on a disk of 1 MB with room for half a second; others in a folder that cannot be made.
#[test]
fn a_full_disk_ends_the_recording_and_not_the_call() {
    let small = "mkdir recordings && mount -t tmpfs -o size=1m tmpfs recordings && \
                 head -c 1000000 /dev/zero >recordings/full && exec \"$@\"";
    let may_mount = Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success());
    let words = ["unshare", "-m", "sh", "-ec", small, "sh"];
    let daemon = Daemon::start_under(if may_mount { &words } else { &[] }, |configuration| {
        recorded(configuration);
        if !may_mount {
            configuration.set("recording", "directory", "centralino.toml/below");
        }
    });
    let mut talk = talk(&daemon);
    let is_lost = |metrics: &Metrics| lost(metrics) >= 1.0;
    daemon.wait_for("a recording that stopped", Duration::from_secs(20), is_lost);
    std::thread::sleep(Duration::from_millis(1_000));
    let metrics = daemon.metrics();
    assert_eq!((lost(&metrics), metrics.sum("acd_calls_talking", &[])), (1.0, 1.0), "told once, and the talk goes on");
    assert_eq!(talk.caller.bye(&mut talk.call), 200);
    talk.agent.serve(Method::Bye, LIMIT);
    let heard = talk.at_caller.hang_up();
    let last = decode(&heard[heard.len() - 40..], Law::A);
    assert!(share_of_tone(&last, FIRST_HUMS) > 0.98, "the caller hears the agent to the end");
    drop(talk.at_agent.hang_up());
    assert!(daemon.log().contains("a recording stopped; the call goes on"));
    if may_mount {
        let sides = both_sides(&daemon, &daemon.sees("recordings"));
        let [caller, _] = &sides;
        assert!(caller.len() >= 4_000 && share_of_tone(caller, CALLER_HUMS) > 0.9, "what fitted is there to be heard");
    }
    daemon.stops();
}

/// At the start, and every hour after: what is older than `days` goes, and nothing that is not ours.
#[test]
fn old_recordings_go_and_what_lies_beside_them_stays() {
    let folder = std::env::temp_dir().join(format!("centralino-retention-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let days_ago = |days: u64| SystemTime::now() - Duration::from_secs(86_400 * days);
    let files = [
        ("20250101-080000-7.wav", days_ago(31), false),
        ("20250101-080000-7-2.wav", days_ago(31), false),
        ("20250102-080000-8.wav", days_ago(29), true),
        ("it-welcome.wav", days_ago(400), true),
        ("notes.txt", days_ago(400), true),
    ];
    for (name, changed, _) in files {
        let file = std::fs::File::create(folder.join(name)).expect("a file");
        file.set_modified(changed).expect("its age");
    }
    let daemon = Daemon::start(|configuration| {
        recorded(configuration);
        configuration.set("recording", "directory", folder.to_str().expect("a path"));
        configuration.set("recording", "days", 30);
    });
    let are_gone = |_: &Metrics| files.iter().all(|(name, _, stays)| *stays || !folder.join(name).exists());
    daemon.wait_for("the old ones' end", LIMIT, are_gone);
    assert!(files.iter().all(|(name, _, stays)| folder.join(name).exists() == *stays));
    assert_eq!(daemon.log().matches("an old recording was removed").count(), 2);
    daemon.stops();
    let _ = std::fs::remove_dir_all(folder);
}
