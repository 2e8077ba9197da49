//! RFC 3261 10.3, wish by wish.

use super::*;
use crate::sip::digest::{Challenge, Client};
use crate::sip::message::{Message, Method};
use crate::sip::{Account, Secret};

const NOW: Time = Time::from_millis(1_000_000);

/// A registrar and the phone of account 101.
struct World {
    registrar: Registrar,
    now: Time,
    cseq: u32,
    flow: Flow,
    changes: Vec<Change>,
}

impl World {
    fn new() -> World {
        let account = |user: &str| Account { user: user.into(), secret: Secret(format!("pass-{user}")) };
        let settings = Settings {
            domains: Some(Domains { names: vec!["acd.test".into()], addresses: Vec::new() }),
            realm: "acd.test".into(),
            accounts: vec![account("100"), account("101")],
            limits: Limits { bindings_per_account: 2, ..Limits::default() },
            ..Settings::new("127.0.0.1:5060".parse().expect("an address"))
        };
        let flow =
            Flow { transport: Transport::Tcp, remote: "10.0.0.1:4000".parse().expect("an address"), connection: 7 };
        World { registrar: Registrar::new(&settings, [3; 32]), now: NOW, cseq: 0, flow, changes: Vec::new() }
    }

    fn request(&self, call_id: &str, to: &str, lines: &str) -> Request {
        let cseq = self.cseq;
        let text = format!(
            "REGISTER sip:acd.test SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nFrom: <{to}>;tag=1\r\nTo: <{to}>\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{lines}Content-Length: 0\r\n\r\n"
        );
        match Message::parse(text.as_bytes(), self.flow) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    /// With its challenge answered; the answer and the Contacts in it.
    fn register_as(&mut self, call_id: &str, to: &str, lines: &str) -> (u16, Vec<String>) {
        self.cseq += 1;
        let first = self.request(call_id, to, lines);
        let challenge = self.registrar.register(&first, self.now, &mut self.changes);
        assert_eq!((challenge.status, challenge.denied), (401, Some(Denied::Missing)));
        let challenge =
            Challenge::first(challenge.headers.iter().map(|(_, value)| value.as_str())).expect("a challenge");
        let secret = Secret("pass-101".into());
        let client = Client { user: "101", secret: &secret };
        let proof = client.answer(&challenge, Method::Register, "sip:acd.test", 1, "c");
        let second = self.request(call_id, to, &format!("Authorization: {proof}\r\n{lines}"));
        let answer = self.registrar.register(&second, self.now, &mut self.changes);
        (answer.status, answer.headers.into_iter().map(|(_, value)| value).collect())
    }

    fn register(&mut self, lines: &str) -> (u16, Vec<String>) {
        self.register_as("call", "sip:101@acd.test", lines)
    }

    fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}

const PHONE: AccountId = AccountId(1);

#[test]
fn a_binding_comes_is_listed_and_runs_out() {
    let mut world = World::new();
    let (status, contacts) = world.register("Contact: <sip:101@10.0.0.1:4000;transport=tcp>;q=0.5;Expires=90\r\n");
    assert_eq!((status, contacts), (200, vec!["<sip:101@10.0.0.1:4000;transport=tcp>;q=0.5;expires=90".into()]));
    assert_eq!(world.changes(), [Change::Registered(PHONE)]);
    let binding = world.registrar.binding(PHONE).expect("a binding");
    assert_eq!((binding.flow, binding.uri.as_str()), (Some(world.flow), "sip:101@10.0.0.1:4000;transport=tcp"));
    let due = NOW + Duration::from_secs(90);
    assert_eq!(world.registrar.next_deadline(), Some(due));
    world.now = NOW + Duration::from_millis(30_500);
    assert_eq!(world.register("").1, ["<sip:101@10.0.0.1:4000;transport=tcp>;q=0.5;expires=60"]);
    assert_eq!(world.changes(), []);
    world.registrar.expire(Time::from_nanos(due.as_nanos() - 1), &mut world.changes);
    assert_eq!(world.changes(), []);
    world.registrar.expire(due, &mut world.changes);
    assert_eq!(world.changes(), [Change::Unregistered(PHONE)]);
    assert_eq!((world.registrar.binding(PHONE), world.registrar.next_deadline()), (None, None));
}

#[test]
fn how_long_it_lasts() {
    let rows = [
        ("", ";expires=100", 100),
        ("Expires: 200\r\n", "", 200),
        ("Expires: 200\r\n", ";expires=100", 100),
        ("Expires: 4294967295\r\n", "", 7_200),
        ("", ";expires=99999999999999999999999", 7_200),
        ("", ";expires=-1", 3_600),
        ("", ";expires=soon", 3_600),
        ("", "", 3_600),
        ("", ";expires=60", 60),
    ];
    for (header, param, seconds) in rows {
        let mut world = World::new();
        let (status, contacts) = world.register(&format!("Contact: <sip:101@a>{param}\r\n{header}"));
        assert_eq!((status, contacts), (200, vec![format!("<sip:101@a>;expires={seconds}")]), "{header}{param}");
    }
    let mut world = World::new();
    assert_eq!(world.register("Contact: <sip:101@a>;expires=59\r\n"), (423, vec!["60".into()]));
    assert_eq!(world.register("Contact: <sip:101@a>, <sip:101@b>;expires=1\r\n").0, 423);
    assert_eq!(world.registrar.bindings(PHONE), []);
}

#[test]
fn removing_one_or_all() {
    let mut world = World::new();
    world.register("Contact: <sip:101@a>\r\nContact: <sip:101@b>\r\n");
    let (status, contacts) = world.register("Contact: <sip:101@A>;expires=0\r\n");
    assert_eq!((status, contacts), (200, vec!["<sip:101@b>;expires=3600".into()]));
    assert_eq!(world.changes(), [Change::Registered(PHONE)]);
    for wrong in ["Contact: *\r\n", "Contact: *\r\nExpires: 1\r\n", "Contact: *, <sip:101@b>\r\nExpires: 0\r\n"] {
        assert_eq!(world.register(wrong), (400, vec![]), "{wrong}");
    }
    assert_eq!(world.register("Contact: *\r\nExpires: 0\r\n"), (200, vec![]));
    assert_eq!(world.changes(), [Change::Unregistered(PHONE)]);
    assert_eq!(world.registrar.next_deadline(), None);
    assert_eq!(world.register("Contact: *\r\nExpires: 0\r\n"), (200, vec![]));
    assert_eq!(world.changes(), []);
}

#[test]
fn an_older_request_changes_nothing() {
    let mut world = World::new();
    world.cseq = 9;
    world.register("Contact: <sip:101@a>\r\n");
    for lines in
        ["Contact: <sip:101@a>;expires=0\r\n", "Contact: *\r\nExpires: 0\r\n", "Contact: <sip:101@b>, <sip:101@a>\r\n"]
    {
        world.cseq = 4;
        assert_eq!(world.register(lines).0, 500);
    }
    assert_eq!(world.registrar.bindings(PHONE).len(), 1);
    // Another Call-ID is a phone that was restarted.
    world.cseq = 0;
    assert_eq!(world.register_as("other", "sip:101@acd.test", "Contact: <sip:101@a>;expires=0\r\n"), (200, vec![]));
}

#[test]
fn the_freshest_binding_is_the_one_and_their_number_is_bounded() {
    let mut world = World::new();
    world.register("Contact: <sip:101@a>\r\n");
    world.register("Contact: <sip:101@b>\r\n");
    let freshest = |world: &World| world.registrar.binding(PHONE).map(|binding| binding.uri.to_string());
    assert_eq!(freshest(&world).as_deref(), Some("sip:101@b"));
    assert_eq!(world.register("Contact: <sip:101@c>\r\n").0, 503);
    world.register("Contact: <sip:101@a>\r\n");
    assert_eq!(freshest(&world).as_deref(), Some("sip:101@a"));
    assert_eq!(world.registrar.bindings(PHONE).len(), 2);
}

#[test]
fn a_restarted_phone_replaces_its_old_address() {
    let mut world = World::new();
    let contact = |host: &str| format!("Contact: <sip:101@{host}>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n");
    world.register(&contact("a"));
    let (_, contacts) = world.register_as("other", "sip:101@acd.test", &contact("b"));
    assert_eq!(contacts, ["<sip:101@b>;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=3600"]);
}

#[test]
fn nobody_registers_for_another_and_nothing_strange_is_bound() {
    let mut world = World::new();
    let contact = "Contact: <sip:101@a>\r\n";
    assert_eq!(world.register_as("c", "sip:100@acd.test", contact), (403, vec![]));
    assert_eq!(world.register_as("c", "sip:%3100@acd.test", contact).0, 403);
    assert_eq!(world.register_as("c", "sip:%3101%00@acd.test", contact).0, 403);
    assert_eq!(world.register_as("c", "sip:101@elsewhere.test", contact), (404, vec![]));
    assert_eq!(world.register_as("c", "tel:101", contact).0, 400);
    assert_eq!(world.register("Contact: <mailto:a@b>\r\n").0, 400);
    assert_eq!(world.register("Contact: <sip:101@a?Route=%3Csip:x%3E>\r\n").0, 403);
    for place in ["224.0.0.1", "255.255.255.255", "0.0.0.0", "[ff02::1]", "[::]", "127.0.0.1:5060"] {
        assert_eq!(world.register(&format!("Contact: <sip:101@{place}>\r\n")), (403, vec![]), "{place}");
    }
    assert_eq!(world.register_as("c", "sip:%310%31@acd.test", contact).0, 200);
    assert_eq!(world.registrar.account("101"), Some(PHONE));
}

#[test]
fn who_is_registered_when_we_close_stays_and_nobody_comes() {
    let mut world = World::new();
    world.register("Contact: <sip:101@a>\r\n");
    world.registrar.close();
    assert_eq!(world.register("Contact: <sip:101@a>\r\n").0, 200);
    assert_eq!(world.register("Contact: <sip:101@a>;expires=0\r\n").0, 200);
    assert_eq!(world.register("Contact: <sip:101@a>\r\n").0, 503);
    assert_eq!(world.register("").0, 200);
}

#[test]
fn a_lost_connection_leaves_the_address() {
    let mut world = World::new();
    world.register("Contact: <sip:101@a>\r\n");
    world.registrar.connection_closed(8);
    assert_eq!(world.registrar.binding(PHONE).map(|binding| binding.flow), Some(Some(world.flow)));
    world.registrar.connection_closed(7);
    assert_eq!(world.registrar.binding(PHONE).map(|binding| binding.flow), Some(None));
}
