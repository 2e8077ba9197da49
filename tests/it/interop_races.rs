//! Messages that cross, come again, or come from the wrong side, between the running daemon, a caller and an agent's
//! phone whose every message is the test's. The tables of the same rules run in virtual time (`sip_endpoint_*`); here it
//! is the whole daemon, over UDP.

use crate::daemon::Daemon;
use crate::phone::audio_port;
use crate::wire::{Side, Wire, in_short, with_tags};
use centralino::sip::message::Message;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A trunk that is not believed.
const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 4, 4, 9));

/// The daemon, a caller, and the only agent's phone, which is always there.
struct Table {
    daemon: Daemon,
    caller: Wire,
    phone: Wire,
    calls: u32,
}

impl Table {
    fn new() -> Table {
        let mut phone = None;
        let daemon = Daemon::start(|configuration| {
            configuration.set("service.switchboard", "welcome", "none");
            configuration.set("service.switchboard_early", "welcome", "none");
            configuration.set("routing.back_off", "no_answer", "0 s");
            let wire = Wire::at(configuration.address(), ([127, 0, 0, 1], 9).into());
            configuration.set_contact("101", &format!("sip:101@{}", wire.here));
            phone = Some(wire);
            let trunk = toml::Table::from_iter([
                ("addresses".to_owned(), vec![GATEWAY.to_string()].into()),
                ("trusted".to_owned(), false.into()),
            ]);
            configuration.add("trunk", toml::Table::from_iter([("gateway".to_owned(), trunk.into())]));
        });
        let phone = phone.expect("a phone").towards(daemon.sip);
        Table { caller: Wire::at(daemon.address, daemon.sip), phone, calls: 0, daemon }
    }

    fn offer(&self, line: &str) -> String {
        let ip = self.daemon.address;
        format!("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n{line}")
    }

    /// A call that waits; its caller's side.
    fn waits(&mut self) -> Side {
        self.calls += 1;
        let call = self.caller.call(&format!("races-{}", self.calls), "800000200");
        let ok = self.caller.asks(&self.caller.request("INVITE", 1, &call, "", &self.offer("")));
        let call = call.answered(&ok);
        self.caller.sends(&self.caller.request("ACK", 1, &call, "", ""));
        call
    }

    /// A call that the agent has taken; both sides.
    fn talks(&mut self) -> (Side, Side) {
        let call = self.waits();
        let invite = self.phone.hears("INVITE");
        self.phone.sends(&self.phone.answer("200 OK", &invite, "a", "", &self.offer("")));
        self.phone.hears("ACK");
        (call, Side::called(&invite, "a"))
    }

    /// The caller hangs up, and so does the daemon on the agent's side.
    fn ends(&self, call: &Side) {
        assert_eq!(self.caller.status(&self.caller.request("BYE", 90, call, "", "")), 200);
        let bye = self.phone.hears("BYE");
        self.phone.sends(&self.phone.answer("200 OK", &bye, "", "", ""));
        self.is_quiet();
    }

    /// Nothing of a call that is over goes on.
    fn is_quiet(&self) {
        let heard = [self.caller.rest(), self.phone.rest()].concat();
        assert!(heard.is_empty(), "{:?}", heard.iter().map(in_short).collect::<Vec<_>>());
    }
}

#[test]
fn what_crosses_or_comes_again_ends_as_it_must() {
    let mut table = Table::new();
    forks(&mut table);
    cancel_and_200_cross(&mut table);
    byes_cross(&mut table);
    reliable_answers_of_the_phone(&mut table);
    an_empty_reinvite(&mut table);
    a_cancel_of_another(&mut table);
    a_prack_and_the_refusal_until_its_ack(&mut table);
    garbage_at_the_media_ports(&mut table);
    let metrics = table.daemon.wait_for("an end", Duration::from_secs(5), |metrics| {
        metrics.sum("acd_calls_talking", &[]) + metrics.sum("acd_queue_waiting_calls", &[]) == 0.0
    });
    assert_eq!(metrics.sum("acd_invariant_violations_total", &[]), 0.0);
    table.daemon.stops();
}

/// RFC 3261 13.2.2.4: every 200 of the phone is acknowledged by its own tag, all but the first are hung up.
fn forks(table: &mut Table) {
    let call = table.waits();
    let invite = table.phone.hears("INVITE");
    let ok = |tag| table.phone.answer("200 OK", &invite, tag, "", &table.offer(""));
    table.phone.sends(&ok("a"));
    table.phone.sends(&ok("b"));
    table.phone.sends(&ok("a"));
    let heard = table.phone.rest();
    assert_eq!(with_tags(&heard), ["ACK a", "ACK b", "BYE b", "ACK a"]);
    table.phone.sends(&table.phone.answer("200 OK", &heard[2], "", "", ""));
    table.ends(&call);
}

/// RFC 3261 9.1: the phone answers while it is told to stop.
fn cancel_and_200_cross(table: &mut Table) {
    let call = table.waits();
    let invite = table.phone.hears("INVITE");
    table.phone.sends(&table.phone.answer("180 Ringing", &invite, "a", "", ""));
    assert_eq!(table.caller.status(&table.caller.request("BYE", 2, &call, "", "")), 200);
    let cancel = table.phone.hears("CANCEL");
    table.phone.sends(&table.phone.answer("200 OK", &invite, "a", "", &table.offer("")));
    table.phone.sends(&table.phone.answer("200 OK", &cancel, "a", "", ""));
    let heard = table.phone.rest();
    assert_eq!(with_tags(&heard), ["ACK a", "BYE a"]);
    table.phone.sends(&table.phone.answer("200 OK", &heard[1], "", "", ""));
    table.is_quiet();
}

/// RFC 5407 3.2.1: both sides hang up at once, one of them in the middle of a change.
fn byes_cross(table: &mut Table) {
    let (call, taken) = table.talks();
    let change = table.phone.request("INVITE", 1, &taken, "", &table.offer("a=sendonly\r\n"));
    assert_eq!(table.phone.status(&change), 200);
    table.caller.sends(&table.caller.request("BYE", 2, &call, "", ""));
    let bye = table.phone.request("BYE", 2, &taken, "", "");
    table.phone.sends(&bye);
    table.caller.hears("200 BYE");
    let heard = table.phone.rest();
    assert!(heard.iter().any(|message| in_short(message) == "200 BYE"), "{:?}", with_tags(&heard));
    if let Some(ours) = heard.iter().find(|message| in_short(message) == "BYE") {
        table.phone.sends(&table.phone.answer("200 OK", ours, "", "", ""));
    }
    table.is_quiet();
}

/// RFC 3262 4: each in its order, once.
fn reliable_answers_of_the_phone(table: &mut Table) {
    let call = table.waits();
    let invite = table.phone.hears("INVITE");
    let rings = |number: u32| {
        let more = format!("Require: 100rel\r\nRSeq: {number}\r\n");
        table.phone.sends(&table.phone.answer("183 Session Progress", &invite, "a", &more, ""));
        let heard = table.phone.rest();
        for prack in &heard {
            assert_eq!(prack.head().header("RAck"), Some(format!("{number} 1 INVITE").as_str()));
            table.phone.sends(&table.phone.answer("200 OK", prack, "", "", ""));
        }
        heard.len()
    };
    assert_eq!([rings(7), rings(7), rings(9), rings(8)], [1, 0, 0, 1]);
    table.phone.sends(&table.phone.answer("200 OK", &invite, "a", "", &table.offer("")));
    table.phone.hears("ACK");
    table.ends(&call);
}

/// RFC 3261 14.2: our offer is open until the ACK brings its answer, and nobody else may offer meanwhile.
fn an_empty_reinvite(table: &mut Table) {
    let (call, _) = table.talks();
    let offer = table.caller.asks(&table.caller.request("INVITE", 2, &call, "", ""));
    assert_eq!((in_short(&offer), offer.head().sdp().is_some()), ("200 INVITE".to_owned(), true));
    let update = table.caller.request("UPDATE", 3, &call, "", &table.offer(""));
    assert_eq!(table.caller.status(&update), 491);
    table.caller.sends(&table.caller.request("ACK", 2, &call, "", &table.offer("")));
    let session = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    let ok = table.caller.asks(&table.caller.request("UPDATE", 4, &call, session, &table.offer("")));
    assert_eq!(ok.head().header("Session-Expires"), Some("90;refresher=uac"), "RFC 4028 9");
    assert!(ok.head().lists("Require", "timer"));
    table.ends(&call);
}

/// RFC 3261 9.1, 9.2; 18.2.1: a CANCEL that differs from its INVITE is of none.
fn a_cancel_of_another(table: &mut Table) {
    let (caller, call) = (&table.caller, table.caller.call("early", "800000300"));
    let invite = caller.request("INVITE", 1, &call, "", &table.offer(""));
    caller.sends(&invite);
    let progress = caller.hears("183 INVITE");
    caller.sends(&invite);
    assert_eq!(with_tags(&caller.rest()), [format!("183 INVITE {}", progress.head().to.tag().expect("a tag"))]);
    let cancel = caller.request("CANCEL", 1, &call, "", "").replace("z9hG4bK-CANCEL", "z9hG4bK-INVITE");
    for other in [
        cancel.replace("z9hG4bK-INVITE", "z9hG4bK-OTHER"),
        cancel.replace("CSeq: 1 ", "CSeq: 2 "),
        cancel.replace("Call-ID: early", "Call-ID: late"),
        cancel.replace("tag=from-early", "tag=other"),
    ] {
        assert_eq!(caller.status(&other), 481, "{other}");
    }
    caller.sends(&cancel);
    assert_eq!(in_short(&caller.hears("200 CANCEL")), "200 CANCEL");
    let refused = call.answered(&caller.hears("487 INVITE"));
    let ack = caller.request("ACK", 1, &refused, "", "");
    caller.sends(&ack.replace("z9hG4bK-ACK", "z9hG4bK-INVITE"));
    let invite = table.phone.hears("INVITE");
    table.phone.sends(&table.phone.answer("100 Trying", &invite, "a", "", ""));
    let cancel = table.phone.hears("CANCEL");
    table.phone.sends(&table.phone.answer("200 OK", &cancel, "a", "", ""));
    table.phone.sends(&table.phone.answer("487 Request Terminated", &invite, "a", "", ""));
    table.phone.hears("ACK");
    table.is_quiet();
}

/// RFC 3262 3: our 183 again and again until its own PRACK; RFC 3261 17.2.1: our 487 until its ACK.
fn a_prack_and_the_refusal_until_its_ack(table: &mut Table) {
    let (caller, call) = (&table.caller, table.caller.call("reliable", "800000300"));
    caller.sends(&caller.request("INVITE", 1, &call, "Require: 100rel\r\n", &table.offer("")));
    let progress = caller.hears("183 INVITE");
    let number = progress.head().header("RSeq").expect("an RSeq").trim().to_owned();
    assert_eq!(caller.hears("183 INVITE").head().header("RSeq").map(str::trim), Some(number.as_str()));
    let early = call.answered(&progress);
    let rows = [
        (format!("RAck: {number} 2 INVITE\r\n"), 481),
        (format!("RAck: {number} 1 UPDATE\r\n"), 481),
        ("RAck: 1 1 INVITE\r\n".to_owned(), 481),
        (format!("RAck: {number} 1 INVITE\r\n"), 200),
        (format!("RAck: {number} 1 INVITE\r\n"), 481),
    ];
    for (cseq, (rack, expected)) in (2..).zip(rows) {
        assert_eq!(caller.status(&caller.request("PRACK", cseq, &early, &rack, "")), expected, "{rack}");
    }
    let cancel = caller.request("CANCEL", 1, &call, "", "").replace("z9hG4bK-CANCEL", "z9hG4bK-INVITE");
    caller.sends(&cancel);
    caller.hears("487 INVITE");
    let refused = caller.hears("487 INVITE");
    let ack = caller.request("ACK", 1, &call.answered(&refused), "", "");
    caller.sends(&ack.replace("z9hG4bK-ACK", "z9hG4bK-INVITE"));
    let invite = table.phone.hears("INVITE");
    table.phone.sends(&table.phone.answer("486 Busy Here", &invite, "a", "", ""));
    table.phone.hears("ACK");
    table.is_quiet();
}

/// Hostile-world R25, R26: whatever arrives at the ports of a talk, from whomever, it is counted and the talk goes on.
fn garbage_at_the_media_ports(table: &mut Table) {
    let (call, taken) = table.talks();
    let ok = table.caller.asks(&table.caller.request("INVITE", 2, &call, "", ""));
    table.caller.sends(&table.caller.request("ACK", 2, &call, "", &table.offer("")));
    let port = audio_port(&ok.head().sdp().expect("an offer"));
    let stranger = Wire::at(GATEWAY, table.daemon.sip);
    for length in 0..400_usize {
        let noise: Vec<u8> = (0..length).map(|at| (at * 31 + length * 17) as u8).collect();
        // The first bytes of RTP, of RTCP, of STUN and of nothing.
        let start = [[0x80, 0x08], [0x80, 0xc8], [0x00, 0x01], [0x16, 0xfe]][length % 4];
        let packet: Vec<u8> = start.into_iter().chain(noise).take(length).collect();
        for (side, port) in [(&stranger, port), (&table.caller, port), (&table.caller, port + 1)] {
            side.sprays(&packet, SocketAddr::new(table.daemon.address, port));
        }
    }
    assert_eq!(table.caller.status(&table.caller.request("OPTIONS", 3, &call, "", "")), 200);
    assert_eq!(table.phone.status(&table.phone.request("OPTIONS", 2, &taken, "", "")), 200);
    table.ends(&call);
}

/// RFC 3325 5, hostile-world R8: what an untrusted gateway asserts reaches no agent, however it is spelt.
#[test]
fn forged_identities_reach_no_agent() {
    let table = Table::new();
    let gateway = Wire::at(GATEWAY, table.daemon.sip);
    let spellings =
        ["P-Asserted-Identity: ", "p-asserted-identity :", "P-ASSERTED-IDENTITY\t:\r\n ", "Remote-Party-ID: "];
    for (number, spelling) in spellings.into_iter().enumerate() {
        let call = gateway.call(&format!("forged-{number}"), "800000200");
        let more = format!("{spelling}\"Ministry\" <sip:+39061@trusted.example>\r\nDiversion: <sip:800000100@x>\r\n");
        let ip = GATEWAY;
        let offer = table.offer("").replace(&table.daemon.address.to_string(), &ip.to_string());
        let ok = gateway.asks(&gateway.request("INVITE", 1, &call, &more, &offer));
        let call = call.answered(&ok);
        gateway.sends(&gateway.request("ACK", 1, &call, "", ""));
        let invite = table.phone.hears("INVITE");
        let shown: Vec<String> = invite.head().headers().map(|(name, value)| format!("{name}: {value}")).collect();
        let shown = shown.join("\n");
        assert!(shown.contains("From: <sip:0612345678@") && !shown.contains("39061"), "{spelling:?}: {shown}");
        assert_eq!(gateway.status(&gateway.request("BYE", 2, &call, "", "")), 200);
        table.phone.sends(&table.phone.answer("486 Busy Here", &invite, "a", "", ""));
        table.phone.hears("ACK");
        table.phone.rest();
    }
    table.daemon.stops();
}

/// RFC 3261 18.2.1, 18.2.2; RFC 3581 4: the source is told, and the answer goes to its port when it asks for that, else to
/// the port that it names, never to another host.
#[test]
fn answers_go_to_the_source_of_the_packet() {
    let table = Table::new();
    let (asks, other) = (&table.caller, Wire::at(table.daemon.address, table.daemon.sip));
    let call = asks.call("source", "800000200");
    let options = asks.request("OPTIONS", 1, &call, "", "");
    let named = |host: &str, port: u16, rest: &str| {
        let old = format!("SIP/2.0/UDP {};branch=z9hG4bK-OPTIONS-1-source;rport", asks.here);
        options.replace(&old, &format!("SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{port}{}{rest}", rest.len()))
    };
    let via = |message: &Message| message.head().header("Via").unwrap_or_default().to_owned();
    let (ip, port) = (asks.here.ip().to_string(), asks.here.port());
    asks.sends(&named("elsewhere.example", 9, ";rport;received=192.0.2.9"));
    let heard = via(&asks.hears("200 OPTIONS"));
    assert!(heard.contains(&format!("received={ip}")) && heard.contains(&format!("rport={port}")), "{heard}");
    asks.sends(&named("192.0.2.7", other.here.port(), ";maddr=192.0.2.8"));
    let heard = via(&other.hears("200 OPTIONS"));
    assert!(heard.contains(&format!("received={ip}")), "{heard}");
    assert!(asks.rest().is_empty());
    table.daemon.stops();
}
