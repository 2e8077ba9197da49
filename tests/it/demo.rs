//! `centralino demo`: what a newcomer sees first. Two at once, since nothing in it may need a certain port.

use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_centralino"));
    command.arg("demo").args(arguments).env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// What is going to be played, without the addresses, which are others each time.
fn plan(text: &str) -> Vec<&str> {
    let shown = text.lines().take_while(|line| !line.starts_with("Live"));
    shown.filter(|line| !line.contains("SIP udp") && !line.contains("http://")).collect()
}

#[test]
fn demo_shows_a_service_level_and_the_engine_agrees_with_the_phones() {
    let began = Instant::now();
    let both = [(); 2].map(|()| start(&["--calls", "12", "--seed", "3"]));
    let outputs = both.map(|demo| demo.wait_with_output().expect("an end"));
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    let texts = [text(&outputs[0]), text(&outputs[1])];
    for (output, text) in outputs.iter().zip(&texts) {
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaints.is_empty(), "{text}\n{complaints}");
        for expected in [
            "callers   12 in ",
            "queue        within   entered    hit   miss  excused  pending        SL    target",
            "information     4 s ",
            "switchboard     4 s ",
            "> 90 %",
            "Left behind: nothing",
            "Every counter agrees with what the phones saw.",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
    assert_eq!(plan(&texts[0]), plan(&texts[1]), "the same seed is the same plan");
    assert_ne!(texts[0], texts[1], "each on ports of its own");
}

#[test]
fn demo_says_how_many_calls_it_can_play() {
    for calls in ["0", "501", "many"] {
        let output = start(&["--calls", calls]).wait_with_output().expect("an end");
        assert_eq!((output.status.code(), text(&output)), (Some(2), String::new()), "{calls}");
    }
}

/// SIGTERM ends it in good order, and it does not pretend that all went well.
#[test]
fn demo_can_be_interrupted() {
    let demo = start(&["--calls", "12"]);
    std::thread::sleep(std::time::Duration::from_secs(5));
    let killed = Command::new("kill").arg(demo.id().to_string()).status().expect("kill");
    let output = demo.wait_with_output().expect("an end");
    assert!(killed.success() && output.status.code() == Some(1), "{}", text(&output));
    assert!(text(&output).contains("Interrupted after"), "{}", text(&output));
}
