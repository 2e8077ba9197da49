//! Contacts with host names: the running daemon asks a real name server (dnsmasq), and its calls find their way.

use crate::configuration::Configuration;
use crate::daemon::{Daemon, free_port};
use crate::needs;
use crate::peers::Peer;
use crate::phone::{Phone, sdp};
use crate::sound::Law;
use rsip::Method;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(15);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DESK: &str = "desk.centre.test";

/// A name server that knows these records (dnsmasq's options) and no others; each holds for a second.
fn name_server(port: u16, records: &[String]) -> Peer {
    let mut command = Command::new("dnsmasq");
    command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces"]);
    command.args(["--pid-file=", "--local-ttl=1", "--listen-address=127.0.0.1", "--user=root", "--log-facility=-"]);
    command.arg(format!("--port={port}")).args(["--local=/test/", "--host-record=one.test,127.0.0.1"]).args(records);
    Peer::start(&format!("dnsmasq-{port}-{}", std::process::id()), Path::new(env!("CARGO_TARGET_TMPDIR")), &mut command)
}

/// Two places, the first of them at a port where nobody is.
fn two_places(first: u16, second: u16) -> Vec<String> {
    vec![
        format!("--naptr-record={DESK},10,10,s,SIP+D2U,,_sip._udp.{DESK}"),
        format!("--srv-host=_sip._udp.{DESK},one.test,{first},10,0"),
        format!("--srv-host=_sip._udp.{DESK},one.test,{second},20,0"),
    ]
}

fn asks(configuration: &mut Configuration, port: u16) {
    configuration.set("sip", "name_servers", vec![SocketAddr::from((HERE, port)).to_string()]);
    configuration.set("service.switchboard", "welcome", "none");
}

fn wait_for_log(daemon: &Daemon, words: &str) {
    let began = Instant::now();
    while !daemon.log().contains(words) {
        assert!(began.elapsed() < LIMIT, "{words:?} is not in the log:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A call that this phone answers, and the caller ends.
fn is_served(daemon: &Daemon, phone: &mut Phone) {
    let offer = sdp(daemon.address, free_port(daemon.address), &[Law::Mu]);
    let mut caller = Phone::new(daemon.address, daemon.sip, "39000");
    let (mut call, _) = caller.connect("800000200", &offer);
    let invite = phone.serve_with(Method::Invite, LIMIT, &sdp(HERE, free_port(HERE), &[Law::Mu]));
    assert_eq!(invite.uri.to_string(), format!("sip:101@{DESK}"));
    phone.serve(Method::Ack, LIMIT);
    daemon.wait_for("a talk", LIMIT, |metrics| metrics.sum("acd_agents", &[("state", "talking")]) == 1.0);
    assert_eq!(caller.bye(&mut call), 200);
    phone.serve(Method::Bye, LIMIT);
    daemon.wait_for_ready_agents(1.0);
}

/// RFC 3263: NAPTR, SRV and addresses; the place where nobody is, is passed over; what is known outlives the name server.
#[test]
fn calls_find_the_places_of_a_name_and_go_on_when_the_dns_is_gone() {
    needs!("dnsmasq");
    let (dns, nobody, port) = (free_port(HERE), free_port(HERE), free_port(HERE));
    let server = name_server(dns, &two_places(nobody, port));
    let daemon = Daemon::start(|configuration| {
        asks(configuration, dns);
        configuration.set_contact("101", &format!("sip:101@{DESK}"));
    });
    let mut phone = Phone::at_port(HERE, port, daemon.sip, "101");
    wait_for_log(&daemon, &format!("looked up name={DESK} places=127.0.0.1:{nobody}, 127.0.0.1:{port}"));
    is_served(&daemon, &mut phone);
    let refused = daemon.metrics().sum("acd_turned_total", &[("kind", "sip_send_failed")]);
    assert_eq!(refused, 1.0, "one INVITE went to the place where nobody is");
    drop(server);
    wait_for_log(&daemon, "the DNS says nothing");
    is_served(&daemon, &mut phone);
    let refused = daemon.metrics().sum("acd_turned_total", &[("kind", "sip_send_failed")]);
    assert_eq!(refused, 1.0, "and none since");
    // Another desk: the name is looked up again when what was found has run out.
    let moved = free_port(HERE);
    let _server = name_server(dns, &two_places(moved, nobody));
    let mut other = Phone::at_port(HERE, moved, daemon.sip, "101");
    let retried = Instant::now();
    while !daemon.log().contains(&format!("places=127.0.0.1:{moved}")) {
        assert!(retried.elapsed() < Duration::from_secs(30), "not looked up again:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    is_served(&daemon, &mut other);
    daemon.stops();
}

/// A name that nobody knows costs an offer, and is looked up when a reload brings it.
#[test]
fn a_name_that_is_nowhere_is_no_phone_and_a_reload_brings_another() {
    needs!("dnsmasq");
    let (dns, port) = (free_port(HERE), free_port(HERE));
    let _server = name_server(dns, &two_places(port, port));
    let mut daemon = Daemon::start(|configuration| {
        asks(configuration, dns);
        configuration.set_contact("101", "sip:101@nowhere.test");
    });
    wait_for_log(&daemon, "the DNS knows no place of this name: calls there fail name=nowhere.test");
    let offer = sdp(daemon.address, free_port(daemon.address), &[Law::Mu]);
    let mut caller = Phone::new(daemon.address, daemon.sip, "39000");
    let (mut call, _) = caller.connect("800000200", &offer);
    let metrics = daemon.wait_for("an offer in vain", LIMIT, |metrics| {
        metrics.sum("acd_offers_total", &[("outcome", "unreachable")]) >= 1.0
    });
    assert!(metrics.sum("acd_turned_total", &[("kind", "sip_no_place")]) >= 1.0);
    assert_eq!(caller.bye(&mut call), 200);
    daemon.reload(|text| *text = text.replace("nowhere.test", DESK), "ok");
    wait_for_log(&daemon, &format!("looked up name={DESK}"));
    let mut phone = Phone::at_port(HERE, port, daemon.sip, "101");
    daemon.wait_for_ready_agents(1.0);
    is_served(&daemon, &mut phone);
    daemon.terminate();
    assert!(daemon.ends_within(LIMIT).success());
}
