//! `centralino trace`: the ladder of a call of the running daemon, and its capture file as tshark reads it.

use crate::caller::Phone;
use crate::daemon::Daemon;
use crate::needs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn trace(daemon: &Daemon, arguments: &[&str]) -> Output {
    let http = daemon.http.to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_centralino"));
    command.arg("trace").args(arguments).args(["--http", &http]).output().expect("the program runs")
}

/// One caller who waits and hangs up: what the ladder of the call shows once it is over.
fn one_call(daemon: &Daemon) -> String {
    let phone = Phone::at(daemon.address, daemon);
    let (status, call) = phone.calls("traced@test");
    assert_eq!(status, 200);
    phone.hangs_up(&call);
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let printed = trace(daemon, &["1"]);
        let text = String::from_utf8_lossy(&printed.stdout).into_owned();
        // What the leg measured is told after its BYE, by another thread.
        if text.contains("200 OK (BYE)") && text.contains("RTP of the caller") {
            return text;
        }
        assert!(Instant::now() < deadline, "no end of the call in\n{text}{}", String::from_utf8_lossy(&printed.stderr));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_call_is_shown_with_what_was_decided() {
    let daemon = Daemon::start(|_| ());
    let text = one_call(&daemon);
    let order =
        ["call 1", "traced@test", "INVITE (SDP)", "received: service switchboard", "200 OK (SDP)", "ACK", "BYE"];
    let mut rest = text.as_str();
    for word in order {
        let Some((_, after)) = rest.split_once(word) else { panic!("{word} is not there, or not then, in\n{text}") };
        rest = after;
    }
    assert_eq!(trace(&daemon, &["traced@test"]).stdout, text.as_bytes(), "by its Call-ID as by its number");
    let nobody = trace(&daemon, &["nobody/../@x"]);
    assert_eq!(nobody.status.code(), Some(1), "{}", String::from_utf8_lossy(&nobody.stderr));
    daemon.stops();
}

#[test]
fn tshark_reads_the_capture() {
    needs!("tshark");
    let daemon = Daemon::start(|_| ());
    one_call(&daemon);
    let fields = |file: &str, more: &[&str]| {
        let written = trace(&daemon, &[&["1", "--pcap", file][..], more].concat());
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        let mut tshark = Command::new("tshark");
        tshark.args(["-r", file, "-T", "fields", "-e", "sip.Method", "-e", "sip.Status-Code", "-e", "sip.From"]);
        String::from_utf8_lossy(&tshark.output().expect("tshark runs").stdout).replace('\t', " ")
    };
    let file = daemon.folder.join("call.pcap");
    let file = file.to_str().expect("a name that is text");
    let ladder = ["INVITE  ", " 100 ", " 200 ", "ACK  ", "BYE  ", " 200 "];
    for (arguments, caller) in [(&["--people"][..], "<sip:c@"), (&[], "<sip:x@")] {
        let read = fields(file, arguments);
        let lines: Vec<&str> = read.lines().filter_map(|line| line.split_once(caller)).map(|(line, _)| line).collect();
        assert_eq!(lines, ladder, "{read}");
    }
    daemon.stops();
}
