//! Strangers at the running daemon: forged floods, requests in other people's calls, and things that run out. Words of
//! the messages themselves are `interop_torture`'s, streams `interop_streams`'s.

use crate::caller::{Call, Phone};
use crate::configuration::Configuration;
use crate::daemon::{Daemon, free_port};
use crate::needs;
use crate::peers::Peer;
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

const SECONDS_10: Duration = Duration::from_secs(10);
/// No address of a test's daemon, and trusted by none of those here.
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 3, 3, 3));

/// Trusts the daemon's own address alone.
fn strict(configuration: &mut Configuration) {
    let address = configuration.address();
    configuration.set("sip", "trusted", vec![format!("{address}/32")]);
}

/// Hostile-world R29, R22: a stranger's datagram is answered with at most 5/2 of its bytes, whatever it asks for.
#[test]
fn nothing_amplifies() {
    let daemon = Daemon::start(strict);
    let phone = Phone::at(STRANGER, &daemon);
    let (here, at) = (phone.here, daemon.sip.ip());
    let methods = "OPTIONS REGISTER INVITE BYE CANCEL INFO PRACK UPDATE SUBSCRIBE NOTIFY MESSAGE PUBLISH REFER NONE";
    for (number, method) in methods.split(' ').enumerate() {
        let whole = format!(
            "{method} sip:{at} SIP/2.0\r\nv:SIP/2.0/UDP {here};branch=z9hG4bK{number}\r\nf:<sip:a@b>;tag=1\r\n\
             t:<sip:b@b>\r\ni:{number}\r\nCSeq:1 {method}\r\n\r\n"
        );
        let torn = format!("{method} sip:a SIP/2.0\r\nv:SIP/2.0/UDP {here}\r\n\r\n");
        for text in [whole, torn] {
            phone.sends(&text);
            let heard = phone.hears_bytes();
            assert!(2 * heard <= 5 * text.len(), "{heard} bytes for {}:\n{text}", text.len());
            let is_register = method == "REGISTER" && text.contains("CSeq");
            assert!(!is_register || heard > 0, "a short REGISTER is challenged all the same");
        }
    }
    daemon.stops();
}

/// Tags travel in clear: who knows them, and is neither trusted nor where the call is, can do nothing with it.
#[test]
fn a_third_address_has_no_say_in_a_call() {
    let daemon = Daemon::start(strict);
    let (caller, stranger) = (Phone::at(daemon.address, &daemon), Phone::at(STRANGER, &daemon));
    let (status, call) = caller.calls("mine");
    assert_eq!(status, 200);
    let offer = "v=0\r\no=- 1 2 IN IP4 127.3.3.3\r\ns=-\r\nc=IN IP4 127.3.3.3\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";
    for (method, body) in [("INVITE", offer), ("UPDATE", offer), ("INFO", ""), ("OPTIONS", ""), ("BYE", "")] {
        assert_eq!(stranger.asks(&stranger.request(method, &call, 50, "", body)).0, 403, "{method}");
    }
    let refer = stranger.request("REFER", &call, 50, "Refer-To: <sip:1@127.3.3.3>\r\n", "");
    assert!([403, 405].contains(&stranger.asks(&refer).0));
    // The sequence numbers of the refused have not counted either.
    assert_eq!(caller.asks(&caller.request("INFO", &call, 2, "", "")).0, 200);
    caller.hangs_up(&call);
    daemon.stops();
}

/// Above its rate an address is told to come back, then not answered; trusted callers notice nothing.
#[test]
fn a_strangers_flood_stops_at_its_rate() {
    let daemon = Daemon::start(|configuration| {
        strict(configuration);
        configuration.set("limits", "stranger_requests_per_second", 10);
    });
    let (caller, stranger) = (Phone::at(daemon.address, &daemon), Phone::at(STRANGER, &daemon));
    for number in 0..400 {
        let call = Call { id: format!("flood-{number}"), to: "<sip:x@y>".to_owned() };
        stranger.sends(&stranger.request("REGISTER", &call, 1, "", ""));
        // Trusted peers are answered in between; and a slow machine's socket holds no more at once.
        if number % 40 == 39 {
            let ping = Call { id: format!("ping-{number}"), to: "<sip:x@y>".to_owned() };
            assert_eq!(caller.asks(&caller.request("OPTIONS", &ping, 1, "", "")).0, 200);
        }
    }
    let (status, call) = caller.calls("through");
    assert_eq!(status, 200);
    caller.hangs_up(&call);
    let metrics = daemon.metrics();
    let stranger = ("peer", "stranger");
    let received = [stranger, ("direction", "received"), ("method", "REGISTER")];
    assert_eq!(metrics.sum("acd_sip_requests_total", &received), 400.0);
    let challenged = metrics.sum("acd_sip_responses_total", &[stranger, ("direction", "sent"), ("code", "401")]);
    assert!((50.0..=100.0).contains(&challenged), "{challenged}");
    assert_eq!(metrics.sum("acd_sip_responses_total", &[("peer", "trusted"), ("code", "401")]), 0.0);
    let flood = metrics.sum("acd_turned_total", &[("kind", "sip_flood")]);
    assert!((300.0..=350.0).contains(&flood), "400 less five seconds' worth of 10: {flood}");
    daemon.stops();
}

/// Hostile-world G8: callers for whom no RTP port is left are told 503, and the ports come back.
#[test]
fn rtp_ports_run_out_and_come_back() {
    let daemon = Daemon::start(|configuration| {
        let first = free_port(configuration.address()) & !1;
        configuration.set("media", "ports", format!("{}-{}", first, first + 99));
        configuration.set("media", "port_rest", "1 s");
    });
    let phone = Phone::at(daemon.address, &daemon);
    for round in 0..2 {
        let calls: Vec<Call> = (0..50)
            .map(|number| {
                let (status, call) = phone.calls(&format!("port-{round}-{number}"));
                assert_eq!(status, 200, "call {number} of round {round}");
                call
            })
            .collect();
        assert_eq!(phone.calls(&format!("port-{round}-more")).0, 503);
        calls.iter().for_each(|call| phone.hangs_up(call));
        std::thread::sleep(Duration::from_millis(1_500));
    }
    let metrics =
        daemon.wait_for("all ports free", SECONDS_10, |metrics| metrics.sum("acd_rtp_ports_in_use", &[]) == 0.0);
    assert_eq!(metrics.sum("acd_calls_refused_total", &[("reason", "channel_limit")]), 2.0);
    daemon.stops();
}

/// Hostile-world G8: with all file descriptors taken by idle connections, calls that are there go on, nothing spins, and
/// what is closed can be used again.
#[test]
fn descriptors_run_out_and_come_back() {
    needs!("prlimit");
    let daemon = Daemon::start_under(&["prlimit", "--nofile=128"], |_| ());
    let phone = Phone::at(daemon.address, &daemon);
    let (200, call) = phone.calls("before") else { panic!("a call") };
    let taken: Vec<TcpStream> = (0..200).filter_map(|_| TcpStream::connect(daemon.sip).ok()).collect();
    std::thread::sleep(Duration::from_millis(500));
    let before = daemon.cpu_seconds();
    std::thread::sleep(Duration::from_secs(2));
    let spent = daemon.cpu_seconds() - before;
    assert!(spent < 0.4, "{spent} s of CPU in two seconds with nothing to do");
    assert_eq!(phone.asks(&phone.request("INFO", &call, 2, "", "")).0, 200);
    assert_eq!(phone.calls("meanwhile").0, 503, "no socket is left for its sound");
    drop(taken);
    let deadline = Instant::now() + SECONDS_10;
    while daemon.get("/readyz").is_none_or(|(status, _)| status != 200) {
        assert!(Instant::now() < deadline, "nothing can be opened though everything is closed");
        std::thread::sleep(Duration::from_millis(50));
    }
    daemon.wait_for("the caller still waits", SECONDS_10, |metrics| metrics.sum("acd_queue_waiting_calls", &[]) == 1.0);
    let (200, again) = phone.calls("after") else { panic!("a call when there is room again") };
    [call, again].iter().for_each(|call| phone.hangs_up(call));
    daemon.stops();
}

/// Hostile-world R23: addresses of the web in messages are nothing that anybody looks at.
#[test]
fn urls_in_messages_are_never_fetched() {
    let daemon = Daemon::start(|_| ());
    let listener = TcpListener::bind((daemon.address, 0)).expect("a port");
    let url = format!("<http://{}/x>", listener.local_addr().expect("a bound socket"));
    let phone = Phone::at(daemon.address, &daemon);
    let headers = ["Alert-Info", "Call-Info", "Error-Info", "Identity-Info", "Reply-To", "P-Asserted-Identity"];
    let lines: String = headers.iter().map(|name| format!("{name}: {url}\r\n")).collect();
    let call = Call { id: "urls".to_owned(), to: format!("<sip:800000200@{}>", daemon.sip) };
    let (status, to) = phone.asks(&phone.request("INVITE", &call, 1, &lines, ""));
    assert_eq!(status, 200);
    let call = Call { to, ..call };
    phone.sends(&phone.request("ACK", &call, 1, &lines, ""));
    std::thread::sleep(Duration::from_millis(500));
    listener.set_nonblocking(true).expect("a socket that does not wait");
    assert!(listener.accept().is_err(), "somebody came for it");
    daemon.stops();
}

/// No port for an agent's leg is our own fault: nobody is blamed, the caller waits for a port, who calls now is told to
/// come back, and the phone rings as soon as a port has rested.
#[test]
fn no_port_for_an_agents_leg_is_no_fault_of_the_agent() {
    let daemon = Daemon::start(|configuration| {
        let first = free_port(configuration.address()) & !1;
        configuration.set("media", "ports", format!("{}-{}", first, first + 3));
        configuration.set("media", "port_rest", "1 s");
    });
    let mut agent = crate::phone::Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    daemon.wait_for_ready_agents(1.0);
    let phone = Phone::at(daemon.address, &daemon);
    let [(200, first), (200, second)] = ["first", "second"].map(|id| phone.calls(id)) else { panic!("two ports") };
    let none_left = [("kind", "rtp_port_exhausted")];
    daemon.wait_for("an offer without a port", SECONDS_10, |metrics| {
        metrics.sum("acd_turned_total", &none_left) >= 1.0
            && metrics.sum("acd_offers_total", &[("outcome", "failed")]) >= 1.0
    });
    assert_eq!(phone.calls("third").0, 503);
    let metrics = daemon.metrics();
    assert_eq!(metrics.sum("acd_agents", &[("state", "ready")]), 1.0, "nothing is held against the agent");
    assert_eq!(metrics.sum("acd_queue_waiting_calls", &[]), 2.0);
    phone.hangs_up(&second);
    let freed = Instant::now();
    let audio = crate::phone::sdp(daemon.address, 40_000, &[crate::sound::Law::A]);
    agent.serve_with(rsip::Method::Invite, Duration::from_secs(4), &audio);
    assert!(freed.elapsed() < Duration::from_secs(3), "long after the port had rested: {:?}", freed.elapsed());
    agent.serve(rsip::Method::Ack, SECONDS_10);
    phone.hangs_up(&first);
    agent.serve(rsip::Method::Bye, SECONDS_10);
    let metrics = daemon.metrics();
    assert_eq!(metrics.sum("acd_order_violations_total", &[]), 0.0);
    assert_eq!(metrics.sum("acd_invariant_violations_total", &[]), 0.0);
    daemon.stops();
}

/// SIPVicious by its own name gets no answer.
#[test]
fn sipvicious_finds_nobody() {
    needs!("svwar");
    let daemon = Daemon::start(|_| ());
    let port = daemon.sip.port().to_string();
    for method in ["REGISTER", "INVITE"] {
        let mut command = Command::new("svwar");
        command
            .args(["--force", "-m", method, "-e", "99-102,201,800000100", "-p", &port])
            .arg(daemon.address.to_string());
        let mut scan = Peer::start(&format!("svwar-{method}"), &daemon.folder, &mut command);
        scan.ends_within(Duration::from_secs(40));
        let said = scan.printed();
        assert!(["101", "102", "201"].iter().all(|agent| !said.contains(agent)), "{said}");
        assert!(said.contains("found nothing"), "{said}");
    }
    assert!(daemon.metrics().sum("acd_turned_total", &[("kind", "sip_scanner")]) >= 2.0);
    daemon.stops();
}

/// Hostile-world R20: a scan under another name hears the same of users there are as of users there are not.
#[test]
fn users_there_are_look_like_users_there_are_not() {
    let daemon = Daemon::start(strict);
    let wrong = |user: &str, nonce: &str| {
        format!(
            "Authorization: Digest username=\"{user}\", realm=\"centralino\", nonce=\"{nonce}\", uri=\"sip:x\", \
             response=\"{}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n",
            "0".repeat(32)
        )
    };
    for address in [daemon.address, STRANGER] {
        let phone = Phone::at(address, &daemon);
        for method in ["REGISTER", "REGISTER wrong", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE"] {
            let (name, credentials) = method.split_once(' ').unwrap_or((method, ""));
            let answers = ["101", "201", "000", "nobody"].map(|user| {
                let call =
                    Call { id: format!("scan-{user}-{method}").replace(' ', "-"), to: format!("<sip:{user}@x>") };
                let header = if credentials.is_empty() { String::new() } else { wrong(user, &"0".repeat(56)) };
                let request =
                    phone.request(name, &call, 1, &header, "").replace("sip:800000200@", &format!("sip:{user}@"));
                phone.asks(&request).0
            });
            assert!(answers.iter().all(|status| *status == answers[0]), "{method} from {address}: {answers:?}");
        }
    }
    daemon.stops();
}

/// A caller who is gone without a word, where nothing else would tell: asked by OPTIONS within the call.
#[test]
fn a_caller_who_vanished_is_found() {
    let daemon = Daemon::start(|configuration| {
        configuration.set("sip", "liveness", "options");
        configuration.set("sip", "liveness_every", "5 s");
    });
    let (stays, goes) = (Phone::at(daemon.address, &daemon), Phone::at(daemon.address, &daemon));
    let ((_, here), (status, _)) = (stays.calls("stays"), goes.calls("goes"));
    assert_eq!(status, 200);
    drop(goes);
    daemon.wait_for("a lost caller", Duration::from_secs(20), |metrics| {
        metrics.sum("acd_calls_finished_total", &[("outcome", "abandoned")]) == 1.0
    });
    stays.hangs_up(&here);
    daemon.stops();
}
