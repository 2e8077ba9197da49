//! Services that are closed, queues that overflow to the next centre by SIP, a phone that points elsewhere: whole daemons.

use crate::configuration::Configuration;
use crate::daemon::{Daemon, Metrics, free_port};
use crate::phone::{Phone, audio_port, sdp};
use crate::sound::{self, Headset, Law, best_share_of_tone};
use rsip::Method;
use rsip::prelude::*;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;
use toml::{Table, Value};

const SWITCHBOARD: &str = "800000200";
const EARLY: &str = "800000300";
const CALLER: &str = "390612345678";
const SECONDS_10: Duration = Duration::from_secs(10);

/// A value as it is written.
fn toml(text: &str) -> Value {
    let table: Table = format!("it = {text}").parse().expect("TOML");
    table["it"].clone()
}

/// A calendar without any hours.
fn never_open(configuration: &mut Configuration, service: &str) {
    configuration.add("calendar", toml("{ never = { sunday = [] } }").as_table().expect("a table").clone());
    configuration.set(service, "calendar", "never");
    configuration.set(service, "on_closed", toml("{ end = \"it/closed\" }"));
}

fn refused(metrics: &Metrics) -> bool {
    metrics.sum("acd_calls_refused_total", &[("reason", "closed")]) == 1.0
}

fn is_the_announcement(ear: Headset) {
    let heard = sound::decode(&ear.hang_up(), Law::Mu);
    let seconds = heard.len() as f64 / 8_000.0;
    assert!((6.0..7.5).contains(&seconds), "{seconds} s of it/closed");
    assert!(heard.iter().filter(|sample| sample.unsigned_abs() > 200).count() > 8_000, "somebody speaks");
}

#[test]
fn whoever_calls_a_closed_service_hears_so_in_early_media_and_gets_480() {
    let daemon = Daemon::start(|configuration| never_open(configuration, "service.switchboard_early"));
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let mut call = phone.invite(EARLY, Some(&sdp(daemon.address, ear.port(), &[Law::Mu])));
    assert_eq!(phone.progress(&mut call).status_code.code(), 183);
    // Most of the announcement: the phone waits for the rest.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(phone.answer(&mut call, Method::Invite).status_code.code(), 480);
    let metrics = daemon.wait_for("a refused call", SECONDS_10, refused);
    assert_eq!(metrics.sum("acd_calls_received_total", &[]), 0.0);
    assert_eq!(metrics.sum("acd_service_open", &[("service", "switchboard_early")]), 0.0);
    assert_eq!(metrics.sum("acd_service_open", &[("service", "switchboard")]), 1.0);
    is_the_announcement(ear);
    daemon.stops();
}

#[test]
fn whoever_calls_a_closed_service_that_answers_first_hears_so_and_is_hung_up() {
    let daemon = Daemon::start(|configuration| never_open(configuration, "service.switchboard"));
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    phone.connect(SWITCHBOARD, &sdp(daemon.address, ear.port(), &[Law::Mu]));
    phone.serve(Method::Bye, SECONDS_10);
    let metrics = daemon.wait_for("a refused call", SECONDS_10, refused);
    assert_eq!(metrics.sum("acd_calls_received_total", &[]), 0.0);
    is_the_announcement(ear);
    daemon.stops();
}

/// As `config/examples/network.toml` has it: the next centre's lines are a pool of their own behind a service of its own.
#[test]
fn a_caller_who_waited_long_enough_is_taken_over_by_the_next_centre() {
    let next = Daemon::start(|configuration| configuration.set("service.switchboard", "welcome", "none"));
    let peer = format!("\"sip:{SWITCHBOARD}@{}\"", next.sip);
    let ours = Daemon::start(|configuration| {
        configuration.set("service.switchboard", "welcome", "none");
        configuration.set("service", "next", toml("{ number = \"next-centre\", queue = \"next\" }"));
        configuration.set("queue", "next", toml("{ step = [{ pools = [\"back_office\"] }], wrap_up = \"0 s\" }"));
        configuration.set("agent", "p01", toml(&format!("{{ pool = \"back_office\", contact = {peer} }}")));
        configuration.set("queue.switchboard", "max_wait", "1 s");
        configuration.set("queue.switchboard", "thresholds", toml("[\"500 ms\"]"));
        configuration.set("queue.switchboard", "on_max_wait", toml("{ service = \"next\" }"));
    });
    let mut agent = Phone::new(next.address, next.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    let (mut at_caller, mut at_agent) = (Headset::new(ours.address), Headset::new(next.address));
    let mut caller = Phone::new(ours.address, ours.sip, CALLER);
    let (mut call, answer) = caller.connect(SWITCHBOARD, &sdp(ours.address, at_caller.port(), &[Law::A]));
    at_caller.hum(SocketAddr::new(ours.address, audio_port(answer.body())), Law::A, 1020.0);
    let invite = agent.serve_with(Method::Invite, SECONDS_10, &sdp(next.address, at_agent.port(), &[Law::A]));
    at_agent.hum(SocketAddr::new(next.address, audio_port(invite.body())), Law::A, 440.0);
    agent.serve(Method::Ack, SECONDS_10);
    let talks = |it: &Metrics| it.sum("acd_agents", &[("state", "talking")]) == 1.0;
    next.wait_for("a talk there", SECONDS_10, talks);
    let metrics = ours.wait_for("a talk here", SECONDS_10, talks);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(caller.bye(&mut call), 200);
    agent.serve(Method::Bye, SECONDS_10);

    assert_eq!(metrics.sum("acd_calls_flowed_out_total", &[("queue", "switchboard"), ("reason", "service")]), 1.0);
    assert_eq!(metrics.sum("acd_calls_taken_over_total", &[("service", "next")]), 1.0);
    let finished = |queue, outcome| metrics.sum("acd_calls_finished_total", &[("queue", queue), ("outcome", outcome)]);
    assert_eq!((finished("switchboard", "answered"), finished("next", "answered")), (0.0, 1.0));
    let late = [("queue", "switchboard"), ("result", "miss")];
    assert_eq!(metrics.sum("acd_sla_calls_total", &late), 1.0, "the queue it left did not answer it");
    for (ear, voice) in [(at_caller, 440.0), (at_agent, 1020.0)] {
        assert!(best_share_of_tone(&sound::decode(&ear.hang_up(), Law::A), voice) > 0.98, "{voice} Hz");
    }
    next.stops();
    ours.stops();
}

/// RFC 3261 8.1.3.4: to a place that the configuration names; the outside phone is the agent's now.
#[test]
fn a_302_to_an_allowed_place_is_followed() {
    let daemon = Daemon::start(|configuration| {
        configuration.set("service.switchboard", "welcome", "none");
        let place = format!("0900*@{}", configuration.address());
        configuration.set("sip", "follow_redirects", vec![place]);
    });
    let [mut moved, mut elsewhere, mut caller] =
        ["101", "0900123456", CALLER].map(|user| Phone::new(daemon.address, daemon.sip, user));
    assert_eq!(moved.register("demo-101").status_code.code(), 200);
    let offer = || sdp(daemon.address, free_port(daemon.address), &[Law::Mu]);
    let (mut call, _) = caller.connect(SWITCHBOARD, &offer());
    moved.turns_down("302 Moved Temporarily", &format!("Contact: <{}>\r\n", elsewhere.contact()), SECONDS_10);
    let invite = elsewhere.serve_with(Method::Invite, SECONDS_10, &offer());
    assert_eq!(invite.uri.to_string(), elsewhere.contact());
    assert!(invite.from_header().expect("a From").value().contains(CALLER), "who calls is shown there, too");
    elsewhere.serve(Method::Ack, SECONDS_10);
    let offers = |metrics: &Metrics, outcome| metrics.sum("acd_offers_total", &[("outcome", outcome)]);
    let metrics = daemon.wait_for("a talk", SECONDS_10, |metrics| offers(metrics, "accepted") == 1.0);
    assert_eq!(offers(&metrics, "rejected"), 0.0);
    assert_eq!(caller.bye(&mut call), 200);
    elsewhere.serve(Method::Bye, SECONDS_10);
    daemon.stops();
}

#[test]
fn a_302_from_an_agents_phone_is_not_followed() {
    let daemon = Daemon::start(|configuration| configuration.set("service.switchboard", "welcome", "none"));
    let elsewhere = UdpSocket::bind((daemon.address, 0)).expect("a port that nobody must call");
    elsewhere.set_nonblocking(true).expect("a socket that does not wait");
    let mut moved = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(moved.register("demo-101").status_code.code(), 200);
    let mut caller = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, _) = caller.connect(SWITCHBOARD, &sdp(daemon.address, free_port(daemon.address), &[Law::Mu]));
    let contact = format!("Contact: <sip:0900123456@{}>\r\n", elsewhere.local_addr().expect("its address"));
    moved.turns_down("302 Moved Temporarily", &contact, SECONDS_10);
    let rejected = |it: &Metrics| it.sum("acd_offers_total", &[("outcome", "rejected")]) == 1.0;
    let metrics = daemon.wait_for("a rejected offer", SECONDS_10, rejected);
    assert_eq!(metrics.sum("acd_queue_waiting_calls", &[]), 1.0, "the caller keeps its place");
    let mut other = Phone::new(daemon.address, daemon.sip, "102");
    assert_eq!(other.register("demo-102").status_code.code(), 200);
    other.serve_with(Method::Invite, SECONDS_10, &sdp(daemon.address, free_port(daemon.address), &[Law::Mu]));
    other.serve(Method::Ack, SECONDS_10);
    assert!(elsewhere.recv(&mut [0; 2_048]).is_err(), "the daemon went where the phone pointed");
    assert_eq!(caller.bye(&mut call), 200);
    other.serve(Method::Bye, SECONDS_10);
    daemon.stops();
}
