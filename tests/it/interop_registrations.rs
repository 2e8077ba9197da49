//! Registrations at the running daemon: what a phone may ask for, and what nobody may (RFC 3261 10.3, RFC 7616 3.4).

use crate::daemon::Daemon;
use crate::wire::{Side, Wire};
use centralino::sip::Secret;
use centralino::sip::digest::{Challenge, Client};
use centralino::sip::message::{Message, Method, Response};

/// A phone of 101 that registers again and again.
struct Registering {
    wire: Wire,
    side: Side,
    cseq: u32,
    /// The last Authorization that it sent.
    proof: String,
}

/// What is odd about one registration.
#[derive(Clone, Copy)]
struct Odd {
    /// In place of its Contact line.
    contact: &'static str,
    /// Whom To and From name, behind `sip:`; the daemon's address is added to a user alone.
    to: &'static str,
    user: &'static str,
    /// Something in its proof, and what stands there instead.
    proof: (&'static str, &'static str),
}

const USUAL: Odd = Odd { contact: "", to: "101", user: "101", proof: ("", "") };

impl Registering {
    fn at(daemon: &Daemon) -> Registering {
        let wire = Wire::at(daemon.address, daemon.sip);
        let target = format!("sip:{}", daemon.sip);
        let side = Side { id: "registering".to_owned(), from: String::new(), to: String::new(), target };
        Registering { wire, side, cseq: 10, proof: String::new() }
    }

    fn request(&mut self, odd: Odd, proof: &str) -> String {
        self.cseq += 1;
        let host = self.side.target.strip_prefix("sip:").unwrap_or_default();
        let name = if odd.to.contains('@') { odd.to.to_owned() } else { format!("{}@{host}", odd.to) };
        let side = Side { from: format!("<sip:{name}>;tag=r"), to: format!("<sip:{name}>"), ..self.side.clone() };
        let request = self.wire.request("REGISTER", self.cseq, &side, proof, "");
        let usual = format!("Contact: <sip:wire@{}>\r\n", self.wire.here);
        match odd.contact {
            "" => request,
            contact => request.replace(&usual, &contact.replace("{usual}", usual.trim_end())),
        }
    }

    /// Asks, is challenged, and proves; the answer to that.
    fn registers(&mut self, odd: Odd) -> Response {
        let first = self.request(odd, "");
        let challenge = self.wire.asks(&first);
        let challenge = Challenge::first(challenge.head().values("WWW-Authenticate")).expect("a challenge");
        let secret = Secret(format!("demo-{}", odd.user));
        let client = Client { user: odd.user, secret: &secret };
        let proof = client.answer(&challenge, Method::Register, &self.side.target, 1, "c0ffee");
        assert!(proof.contains(odd.proof.0), "{proof}");
        let proof = if odd.proof.0.is_empty() { proof } else { proof.replacen(odd.proof.0, odd.proof.1, 1) };
        self.proof = format!("Authorization: {proof}\r\n");
        let proof = self.proof.clone();
        let second = self.request(odd, &proof);
        response(self.wire.asks(&second))
    }
}

fn response(message: Message) -> Response {
    match message {
        Message::Response(response) => response,
        Message::Request(request) => panic!("{} is no answer", request.method),
    }
}

#[test]
fn each_registration_is_answered_as_its_rule_says() {
    #[rustfmt::skip]
    let rows = [
        ("10.3 8", USUAL, 200),
        ("10.2.1.1", Odd { contact: "{usual};expires=30\r\n", ..USUAL }, 423),
        ("10.3 6", Odd { contact: "Contact: *\r\nExpires: 60\r\n", ..USUAL }, 400),
        ("10.3 6", Odd { contact: "Contact: *\r\n{usual}\r\nExpires: 0\r\n", ..USUAL }, 400),
        ("19.1.5", Odd { contact: "Contact: <sip:101@192.0.2.1?Route=%3Csip:192.0.2.2%3E>\r\n", ..USUAL }, 403),
        ("hostile-world R28", Odd { contact: "Contact: <sip:101@224.0.0.1>\r\n", ..USUAL }, 403),
        ("10.3 3, R17", Odd { to: "102", ..USUAL }, 403),
        ("10.3 3, R17", Odd { user: "102", ..USUAL }, 403),
        ("10.3 5, R22", Odd { to: "101@elsewhere.example", ..USUAL }, 404),
        ("10.3 5", Odd { to: "%3101@localhost", ..USUAL }, 200),
        ("RFC 7616 3.4.6", Odd { proof: ("uri=\"sip:", "uri=\"sip:x@"), ..USUAL }, 401),
        ("RFC 7616 3.4.1", Odd { proof: ("response=\"", "response=\"0"), ..USUAL }, 401),
        ("RFC 7616 3.4", Odd { proof: ("qop=auth", "qop=auth-int"), ..USUAL }, 400),
        ("RFC 7616 3.4", Odd { proof: ("username=", "username=\"102\", username="), ..USUAL }, 400),
        ("RFC 7616 3.4", Odd { proof: ("realm=\"", "realm=\"x"), ..USUAL }, 401),
        ("10.2.2", Odd { contact: "Contact: *\r\nExpires: 0\r\n", ..USUAL }, 200),
        ("10.2.1.1", Odd { contact: "{usual};expires=4294967296\r\n", ..USUAL }, 200),
    ];
    let daemon = Daemon::start(|configuration| configuration.set("sip", "domains", vec!["localhost"]));
    let mut phone = Registering::at(&daemon);
    for (rule, odd, expected) in rows {
        let answer = phone.registers(odd);
        assert_eq!(answer.status, expected, "{rule}: {} {} {:?}", odd.contact, odd.to, odd.proof);
        if expected == 423 {
            assert_eq!(answer.head.header("Min-Expires").map(str::trim), Some("60"));
        }
    }
    daemon.wait_for_ready_agents(1.0);

    // R18: what was proven once proves nothing again, and nothing from another address.
    let proof = phone.proof.clone();
    let again = phone.request(USUAL, &proof);
    let again = response(phone.wire.asks(&again));
    assert_eq!(again.status, 401);
    assert!(again.head.header("WWW-Authenticate").is_some_and(|value| value.contains("stale=true")));
    let fresh = phone.request(USUAL, "");
    let challenge = phone.wire.asks(&fresh);
    let challenge = Challenge::first(challenge.head().values("WWW-Authenticate")).expect("a challenge");
    let secret = Secret("demo-101".to_owned());
    let proof =
        Client { user: "101", secret: &secret }.answer(&challenge, Method::Register, &phone.side.target, 1, "c");
    let proof = format!("Authorization: {proof}\r\n");
    let moved = Wire::at([127, 3, 3, 3].into(), daemon.sip);
    let request = phone.request(USUAL, &proof).replace(&phone.wire.here.to_string(), &moved.here.to_string());
    assert_eq!(moved.status(&request), 401);
    let request = phone.request(USUAL, &proof);
    assert_eq!(phone.wire.status(&request), 200);

    // RFC 3261 10.3 7: an older request of the same phone changes nothing.
    phone.cseq = 5;
    assert_eq!(phone.registers(Odd { contact: "{usual};expires=0\r\n", ..USUAL }).status, 500);
    daemon.wait_for_ready_agents(1.0);
    daemon.stops();
}
