//! Trunks at an endpoint: who is believed, how often they may call, and whose challenge is answered.

use crate::sip_endpoint::{Desk, OURS, PHONE, Words, addr, settings, udp};
use centralino::sip::digest::{Challenge, Client};
use centralino::sip::message::{Message, Method};
use centralino::sip::{
    CallerFrom, Credentials, Domains, Event, Flow, Invitation, NumberFrom, Secret, Settings, Trunk, TrunkId,
};
use std::time::Duration;

const CARRIER: &str = "198.51.100.7:5060";
const GATEWAY: &str = "198.51.100.8:5060";

fn trunks() -> Settings {
    let at = |hosts: &str| Trunk { hosts: vec![hosts.parse().expect("a network")], ..Trunk::default() };
    let credentials =
        Credentials { user: "centre".to_owned(), secret: Secret("word".to_owned()), realm: "carrier".to_owned() };
    let carrier = Trunk { number_from: NumberFrom::Diversion, credentials: Some(credentials), ..at("198.51.100.7/32") };
    let gateway = Trunk {
        is_trusted: false,
        number_from: NumberFrom::Diversion,
        caller_from: CallerFrom::RemoteParty,
        calls_per_second: 2,
        ..at("198.51.100.8/32")
    };
    Settings { trunks: vec![carrier, gateway], ..settings() }
}

/// What the owner is told of an INVITE.
fn told(desk: &mut Desk, from: Flow, invite: &Words) -> Option<Invitation> {
    desk.endpoint.receive(from, &invite.bytes(), desk.now, desk.now, &mut desk.out);
    desk.out.transmits.clear();
    desk.out.events.drain(..).find_map(|(_, event)| match event {
        Event::Invited { invitation, .. } => Some(invitation),
        _ => None,
    })
}

/// RFC 3325 5, RFC 5806: a trunk asserts what it is trusted for, however it spells the header.
#[test]
fn only_a_trusted_trunk_is_believed() {
    const SPELLINGS: [&str; 3] = ["P-Asserted-Identity", "p-asserted-identity ", "P-ASSERTED-IDENTITY\t"];
    for spelling in SPELLINGS {
        let mut desk = Desk::with(trunks());
        let invite = Words::invite()
            .set(spelling, "\"Anna\" <sip:0655@carrier>")
            .set("Remote-Party-ID", "<sip:0677@carrier>")
            .set("Diversion", "<sip:800000200@carrier>;reason=unconditional");
        let rows = [
            (CARRIER, Some(TrunkId(0)), "800000200", "0655"),
            (GATEWAY, Some(TrunkId(1)), "800000100", "0612345678"),
            ("127.0.0.1:5080", None, "800000100", "0655"),
        ];
        for (place, trunk, called, caller) in rows {
            let invite = invite.clone().set("Call-ID", place).branch(&format!("z9hG4bK-{place}"));
            let invitation = told(&mut desk, udp(place), &invite).expect("a call");
            assert_eq!((invitation.trunk, &*invitation.called, &*invitation.caller.number), (trunk, called, caller));
        }
        assert_eq!(desk.gets_by(udp("203.0.113.9:5060"), invite), "403 INVITE, <Forbidden>, <Rejected>");
    }
}

/// Hostile-world R22: where our hosts are named, whoever is not trusted calls us, and nobody behind us. A trunk may have names of its own for us.
#[test]
fn calls_to_another_host_are_not_served() {
    let rows = [
        (GATEWAY, "sip:800000100@192.0.2.1", true),
        (GATEWAY, "sip:800000100@CENTRALINO:5070", true),
        (GATEWAY, "tel:800000100", true),
        (GATEWAY, "sip:800000100@203.0.113.9", false),
        (GATEWAY, "sip:800000100@elsewhere.example", false),
        (CARRIER, "sip:800000100@elsewhere.example", true),
        ("127.0.0.1:5080", "sip:800000100@elsewhere.example", true),
    ];
    for (place, uri, is_served) in rows {
        let domains = Domains { names: vec!["centralino".to_owned()], addresses: vec![addr(OURS).ip()] };
        let mut desk = Desk::with(Settings { domains: Some(domains), ..trunks() });
        let said = desk.gets_by(udp(place), Words::invite().at_uri(uri));
        let expected = if is_served { "100 INVITE, <Invited 800000100 sdp>" } else { "404 INVITE, <Rejected>" };
        assert_eq!(said, expected, "{uri} from {place}");
    }
}

/// RFC 3261 21.5.4: above its rate a trunk is told to come back; other trunks notice nothing.
#[test]
fn a_trunk_has_a_rate() {
    let mut desk = Desk::with(trunks());
    let invite = |n: u32| Words::invite().set("Call-ID", &format!("rate-{n}")).branch(&format!("z9hG4bK-rate-{n}"));
    let taken = |desk: &mut Desk, place, range: std::ops::Range<u32>| {
        range.filter(|n| told(desk, udp(place), &invite(*n)).is_some()).count()
    };
    assert_eq!(taken(&mut desk, GATEWAY, 0..10), 2);
    assert_eq!(taken(&mut desk, CARRIER, 10..30), 20);
    desk.now = desk.now + Duration::from_secs(1);
    assert_eq!(taken(&mut desk, GATEWAY, 30..40), 2);
    let late = desk.gets_by(udp(GATEWAY), invite(50));
    assert_eq!(late, "503 INVITE, <Overloaded>, <Rejected>");
    assert!(desk.last().head().header("Retry-After").is_some());
}

fn challenge(invite: &Message, status: u16, realm: &str) -> Words {
    let name = if status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
    let value = format!("Digest realm=\"{realm}\", nonce=\"abc\", qop=\"auth\", algorithm=MD5");
    Words::answer(status, invite, "a").set(name, &value)
}

/// RFC 3261 22.2, 22.3; hostile-world R16: a challenge is answered for a trunk's call, to the trunk, in its realm, once.
#[test]
fn whose_challenge_is_answered() {
    #[rustfmt::skip]
    let rows = [
        (CARRIER, CARRIER, 401, "carrier", "ACK, INVITE"),
        (CARRIER, CARRIER, 407, "carrier", "ACK, INVITE"),
        (CARRIER, CARRIER, 401, "gateway", "ACK, <Refused Status(401)>"),
        (CARRIER, GATEWAY, 401, "carrier", "ACK, <Refused Status(401)>"),
        (CARRIER, "203.0.113.9:5060", 401, "carrier", "ACK, <Refused Status(401)>"),
        (GATEWAY, GATEWAY, 401, "carrier", "ACK, <Refused Status(401)>"),
        (PHONE,   PHONE,   401, "carrier", "ACK, <Refused Status(401)>"),
        (PHONE,   CARRIER, 401, "carrier", "ACK, <Refused Status(401)>"),
    ];
    for (called, by, status, realm, expected) in rows {
        let mut desk = Desk::with(trunks());
        desk.invites(&format!("sip:0612345678@{called}"));
        let invite = desk.last();
        let said = desk.gets_by(udp(by), challenge(&invite, status, realm));
        assert_eq!(said, expected, "{called} challenged by {by}: {status} {realm}");
        if !said.contains("INVITE") {
            desk.is_empty_at_last();
            continue;
        }
        let again = desk.last();
        let name = if status == 401 { "Authorization" } else { "Proxy-Authorization" };
        let proof = again.head().header(name).expect("credentials").to_owned();
        let challenge_again = challenge(&again, status, realm);
        let asked = "Digest realm=\"carrier\", nonce=\"abc\", qop=\"auth\", algorithm=MD5";
        let cnonce = proof.split("cnonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a cnonce");
        let client = Client { user: "centre", secret: &Secret("word".to_owned()) };
        let right = client.answer(
            &Challenge::parse(asked).expect("a challenge"),
            Method::Invite,
            &format!("sip:0612345678@{CARRIER}"),
            1,
            cnonce,
        );
        assert_eq!(proof, right);
        let (old, new) = (invite.head(), again.head());
        assert_eq!((&old.call_id, &old.from.text, new.cseq.number), (&new.call_id, &new.from.text, 2));
        // 22.1: the ACK of the call has them, too; BYE needs none.
        let mut other = Desk::with(trunks());
        other.invites(&format!("sip:0612345678@{CARRIER}"));
        let first = other.last();
        other.gets_by(udp(CARRIER), challenge(&first, status, realm));
        let second = other.last();
        assert_eq!(other.gets_by(udp(CARRIER), Words::answer(200, &second, "b").sdp()), "ACK, <Accepted sdp>");
        assert!(other.last().head().header(name).is_some());
        assert_eq!(other.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out)), "BYE");
        assert!(other.last().head().header(name).is_none());
        // A second challenge is a refusal.
        let said = desk.gets_by(udp(by), challenge_again);
        assert_eq!(said, format!("ACK, <Refused Status({status})>"));
        desk.is_empty_at_last();
    }
}

/// RFC 3261 22.1: so do requests within a call that we made, by the same rules; the ACK proves what its INVITE did.
#[test]
fn a_call_of_ours_goes_on_and_ends_with_proof() {
    #[rustfmt::skip]
    let rows = [
        (CARRIER, 401, "carrier", true),
        (CARRIER, 407, "carrier", true),
        (CARRIER, 401, "gateway", false),
        (GATEWAY, 401, "carrier", false),
        (PHONE,   401, "carrier", false),
    ];
    for (by, status, realm, is_proven) in rows {
        let name = if status == 401 { "Authorization" } else { "Proxy-Authorization" };
        for (allow, method) in [("UPDATE", "UPDATE"), ("BYE", "INVITE")] {
            let row = format!("{method}: {status} by {by} for {realm}");
            let mut desk = Desk::with(trunks());
            desk.invites(&format!("sip:0612345678@{CARRIER}"));
            let ok = Words::answer(200, &desk.last(), "b").sdp().set("Contact", &format!("<sip:b@{CARRIER}>"));
            let ok = ok.set("Allow", allow).set("Session-Expires", "100;refresher=uac");
            assert_eq!(desk.gets_by(udp(CARRIER), ok), "ACK, <Accepted sdp>");
            assert_eq!(desk.waits(50_000), format!("@50000 {method}"), "{row}");
            let refresh = desk.last();
            let said = desk.gets_by(udp(by), challenge(&refresh, status, realm));
            let ack = if method == "INVITE" { "ACK" } else { "" };
            let again = [ack, method].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
            assert_eq!(said, if is_proven { &again } else { ack }, "{row}");
            if is_proven {
                let again = desk.last();
                let proof = again.head().header(name).expect("credentials");
                assert!(proof.contains(&format!("uri=\"sip:b@{CARRIER}\"")), "{proof}");
                assert_eq!(again.head().cseq.number, refresh.head().cseq.number + 1);
                assert_eq!(desk.gets_by(udp(CARRIER), challenge(&again, status, realm)), ack, "asked once more: no");
                desk.waits(10_000);
                let third = desk.last();
                let ok = Words::answer(200, &third, "").set("Session-Expires", "100;refresher=uac");
                assert_eq!(desk.gets_by(udp(CARRIER), ok), ack, "not challenged any more");
            }
            desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out));
            let bye = desk.last();
            let said = desk.gets_by(udp(by), challenge(&bye, status, realm));
            assert_eq!(said, if is_proven { "BYE" } else { "" }, "{row}");
            if is_proven {
                let again = desk.last();
                assert!(again.head().header(name).is_some_and(|proof| proof.contains("username=\"centre\"")));
                assert_eq!(desk.gets_by(udp(CARRIER), challenge(&again, status, realm)), "", "{row}: asked once more");
            }
            desk.is_empty_at_last();
        }
    }
}

/// R16: whoever is hung up and challenges that gets no proof.
#[test]
fn a_challenged_bye_is_not_answered() {
    let mut desk = Desk::with(trunks());
    assert!(desk.gets_by(udp(CARRIER), Words::invite()).starts_with("100 INVITE"));
    desk.accepts();
    let ok = desk.last();
    desk.gets_by(udp(CARRIER), Words::within("ACK", 1, &ok));
    assert_eq!(desk.does(|endpoint, dialog, now, out| endpoint.hang_up(dialog, now, out)), "BYE");
    let bye = desk.last();
    assert_eq!(desk.gets_by(udp(CARRIER), challenge(&bye, 401, "carrier")), "");
}
