//! Trunks of different habits at the running daemon, each at an address of its own.

use crate::daemon::{Daemon, free_port};
use crate::phone::{Phone, sdp};
use crate::sound::Law;
use rsip::Method;
use rsip::prelude::*;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use toml::{Table, Value};

const LIMIT: Duration = Duration::from_secs(10);
const CARRIER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 4, 4, 1));
const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 4, 4, 2));

fn trunk(address: IpAddr, more: &[(&str, Value)]) -> Value {
    let addresses = ("addresses", Value::from(vec![format!("{address}/32")]));
    let keys = std::iter::once(&addresses).chain(more).map(|(key, value)| ((*key).to_owned(), value.clone()));
    keys.collect::<Table>().into()
}

/// One carrier writes the number into To, is believed about callers and has room for one call; a gateway is believed
/// nothing. Everybody else may not call at all.
#[test]
fn every_trunk_is_read_by_its_own_habits() {
    let daemon = Daemon::start(|configuration| {
        configuration.set("service.switchboard", "welcome", "none");
        configuration.set("sip", "trusted", vec![format!("{}/32", configuration.address())]);
        let carrier = [("number_from", "to".into()), ("most_calls", Value::Integer(1)), ("answer", "early".into())];
        let gateway = [("trusted", Value::Boolean(false))];
        let both = [("carrier", trunk(CARRIER, &carrier)), ("gateway", trunk(GATEWAY, &gateway))];
        configuration.add("trunk", both.map(|(name, trunk)| (name.to_owned(), trunk)).into_iter().collect());
    });
    let offer = |address| sdp(address, free_port(address), &[Law::Mu]);
    let mut agent = Phone::new(daemon.address, daemon.sip, "101");
    assert_eq!(agent.register("demo-101").status_code.code(), 200);
    daemon.wait_for_ready_agents(1.0);
    let asserted = "P-Asserted-Identity: \"Anna\" <sip:0655512345@carrier>\r\n";
    for (address, early, shown) in [(CARRIER, true, "\"Anna\" <sip:0655512345@"), (GATEWAY, false, "<sip:39000@")] {
        let mut caller = Phone::new(address, daemon.sip, "39000");
        // The carrier rings our number as its own, and says in To what was dialled.
        let (at, to) = if early { ("5550001", "800000200") } else { ("800000200", "5550001") };
        let mut call = caller.invite_as(at, to, asserted, &offer(address));
        if early {
            let ringing = caller.progress(&mut call);
            assert_eq!(ringing.status_code.code(), 183, "welcome and music are early media for this trunk");
        }
        let invite = agent.serve_with(Method::Invite, LIMIT, &offer(daemon.address));
        let from = invite.from_header().expect("a From").value().to_owned();
        assert!(from.starts_with(shown), "{from} is shown, not {shown}");
        let told = format!("P-Asserted-Identity: {shown}");
        assert!(invite.to_string().contains(&told), "{told}: {invite}");
        agent.serve(Method::Ack, LIMIT);
        let answer = caller.answer(&mut call, Method::Invite);
        assert_eq!(answer.status_code.code(), 200);
        caller.ack(&mut call, &answer, None);
        if early {
            let mut second = Phone::new(address, daemon.sip, "39001");
            let mut other = second.invite_as(at, to, asserted, &offer(address));
            let refused = second.answer(&mut other, Method::Invite);
            assert_eq!(refused.status_code.code(), 503, "one call of this trunk at once");
            second.ack(&mut other, &refused, None);
        }
        daemon.wait_for("a talk", LIMIT, |metrics| metrics.sum("acd_agents", &[("state", "talking")]) == 1.0);
        assert_eq!(caller.bye(&mut call), 200);
        agent.serve(Method::Bye, LIMIT);
        daemon.wait_for_ready_agents(1.0);
    }
    let mut stranger = Phone::new(IpAddr::V4(Ipv4Addr::new(127, 4, 4, 3)), daemon.sip, "39000");
    let mut call = stranger.invite("800000200", Some(&offer(daemon.address)));
    assert_eq!(stranger.answer(&mut call, Method::Invite).status_code.code(), 403);
    let metrics = daemon.wait_for("two ends", LIMIT, |metrics| {
        metrics.sum("acd_calls_finished_total", &[("outcome", "answered")]) == 2.0
    });
    assert_eq!(metrics.sum("acd_calls_refused_total", &[("reason", "channel_limit")]), 1.0);
    assert_eq!(metrics.sum("acd_calls_refused_total", &[("reason", "forbidden")]), 1.0);
    daemon.stops();
}

/// A line out to a carrier that asks who we are (RFC 3261 22.2), as an agent with a fixed contact there.
#[test]
fn a_carrier_that_challenges_gets_its_proof() {
    let port = free_port(CARRIER);
    let daemon = Daemon::start(|configuration| {
        configuration.set("service.switchboard", "welcome", "none");
        configuration.set_contact("101", &format!("sip:0612345678@{CARRIER}:{port}"));
        let proof =
            [("user", "centre".into()), ("realm", "carrier".into()), ("password", "word of the carrier".into())];
        configuration.add("trunk", [("carrier".to_owned(), trunk(CARRIER, &proof))].into_iter().collect());
    });
    let offer = sdp(daemon.address, free_port(daemon.address), &[Law::Mu]);
    let mut carrier = Phone::at_port(CARRIER, port, daemon.sip, "0612345678");
    let mut caller = Phone::new(daemon.address, daemon.sip, "39000");
    let (mut call, _) = caller.connect("800000200", &offer);
    let asks = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256\r\n";
    carrier.turns_down("401 Unauthorized", asks, LIMIT);
    let invite = carrier.serve_with(Method::Invite, LIMIT, &sdp(CARRIER, free_port(CARRIER), &[Law::Mu]));
    let proof = invite.authorization_header().expect("credentials").value().to_owned();
    for part in ["username=\"centre\"", "realm=\"carrier\"", "nonce=\"n1\"", "algorithm=SHA-256", "nc=00000001"] {
        assert!(proof.contains(part), "{part}: {proof}");
    }
    carrier.serve(Method::Ack, LIMIT);
    daemon.wait_for("a talk", LIMIT, |metrics| metrics.sum("acd_agents", &[("state", "talking")]) == 1.0);
    assert_eq!(caller.bye(&mut call), 200);
    let asks = asks.replace("n1", "n2");
    carrier.refuses(Method::Bye, "401 Unauthorized", &asks, LIMIT);
    let bye = carrier.serve(Method::Bye, LIMIT);
    assert!(bye.authorization_header().is_some_and(|proof| proof.value().contains("nonce=\"n2\"")), "{bye}");
    assert!(!daemon.log().contains("word of the carrier"));
    daemon.stops();
}
