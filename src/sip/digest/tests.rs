//! The standard's example, then what must not get in.

use super::*;
use crate::sip::api::{Flow, Transport};
use crate::sip::message::{Message, Method};
use crate::sip::{Account, Limits, Secret};

fn settings() -> Settings {
    let account = |user: &str| Account { user: user.into(), secret: Secret(format!("pass-{user}")) };
    Settings {
        realm: "acd.test".into(),
        accounts: vec![account("101"), account("102")],
        md5_only: vec!["OldPhone v1.".into()],
        ..Settings::new("127.0.0.1:5060".parse().expect("an address"))
    }
}

fn request(from: &str, authorization: &str) -> Request {
    let flow = Flow { transport: Transport::Udp, remote: from.parse().expect("an address"), connection: 0 };
    let text = format!(
        "REGISTER sip:acd.test SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:101@acd.test>;tag=1\r\n\
         To: <sip:101@acd.test>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n{authorization}Content-Length: 0\r\n\r\n"
    );
    match Message::parse(text.as_bytes(), flow) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

struct Phone {
    digest: Digest,
    user: &'static str,
    secret: Secret,
    uri: &'static str,
    source: &'static str,
}

impl Phone {
    fn new() -> Phone {
        let digest = Digest::new(&settings(), [9; 32]);
        Phone { digest, user: "101", secret: Secret("pass-101".into()), uri: "sip:acd.test", source: "10.0.0.1:5060" }
    }

    fn challenged(&mut self, algorithm: Algorithm, now: Time) -> Challenge {
        let source: std::net::SocketAddr = self.source.parse().expect("an address");
        let values = self.digest.challenge(source.ip(), Some("Phone 1.0"), false, now);
        assert!(values[0].contains("SHA-256") && values[1].contains("MD5"));
        let each = values.iter().filter_map(|value| Challenge::parse(value));
        each.into_iter().find(|challenge| challenge.algorithm == algorithm).expect("both are offered")
    }

    fn authorization(&self, challenge: &Challenge, count: u32) -> String {
        let client = Client { user: self.user, secret: &self.secret };
        format!("Authorization: {}\r\n", client.answer(challenge, Method::Register, self.uri, count, "c0ffee"))
    }

    fn tries(&mut self, challenge: &Challenge, count: u32, now: Time) -> Result<AccountId, Denied> {
        let request = request(self.source, &self.authorization(challenge, count));
        self.digest.verify(&request, now)
    }
}

/// RFC 7616 3.9.1.
#[test]
fn the_example_of_the_standard() {
    let rows = [
        (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ];
    for (algorithm, expected) in rows {
        let secret = hash(algorithm, &["Mufasa", "http-auth@example.org", "Circle of Life"]);
        let request = hash(algorithm, &["GET", "/dir/index.html"]);
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        assert_eq!(hash(algorithm, &[&secret, nonce, "00000001", cnonce, "auth", &request]), expected);
    }
}

/// RFC 2617 3.5 with the method of SIP, computed with another implementation (Python's hashlib).
#[test]
fn a_response_as_others_compute_it() {
    let secret = hash(Algorithm::Md5, &["101", "acd.test", "pass-101"]);
    let response = Response {
        algorithm: Algorithm::Md5,
        secret: &secret,
        nonce: "abc",
        count: "00000001",
        cnonce: "xyz",
        method: Method::Register,
        uri: "sip:acd.test",
    };
    assert_eq!(response.value(), "059b303df7a0a495a2c3949af56bed26");
}

#[test]
fn the_right_answer_gets_in_with_both_algorithms() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let mut phone = Phone::new();
        let challenge = phone.challenged(algorithm, Time::ZERO);
        assert_eq!(phone.tries(&challenge, 1, Time::from_millis(5)), Ok(AccountId(0)));
    }
}

#[test]
fn nothing_is_accepted_twice() {
    let mut phone = Phone::new();
    let challenge = phone.challenged(Algorithm::Sha256, Time::ZERO);
    let now = Time::from_millis(1);
    let outcomes: Vec<_> = [1, 1, 3, 2, 3, 4, 0].map(|count| phone.tries(&challenge, count, now).is_ok()).into();
    assert_eq!(outcomes, [true, false, true, false, false, true, false]);
    assert_eq!(phone.tries(&challenge, 4, now), Err(Denied::Stale));
}

#[test]
fn a_nonce_lives_its_life_and_is_for_its_address() {
    let mut phone = Phone::new();
    let challenge = phone.challenged(Algorithm::Md5, Time::ZERO);
    let life = Limits::default().nonce_life;
    assert_eq!(phone.tries(&challenge, 1, Time::ZERO + life), Err(Denied::Stale));
    assert!(phone.tries(&challenge, 2, Time::from_nanos(life.as_nanos() as u64 - 1)).is_ok());
    phone.source = "10.0.0.2:5060";
    assert_eq!(phone.tries(&challenge, 3, Time::from_millis(1)), Err(Denied::Stale));
    phone.digest.key = [8; 32];
    phone.source = "10.0.0.1:5060";
    assert_eq!(phone.tries(&challenge, 3, Time::from_millis(1)), Err(Denied::Stale));
    let values = phone.digest.challenge("10.0.0.1".parse().expect("an address"), None, true, Time::ZERO);
    assert!(values.iter().all(|value| Challenge::parse(value).is_some_and(|challenge| challenge.stale)));
}

#[test]
fn what_is_offered_depends_on_what_the_phone_can_bear() {
    let mut phone = Phone::new();
    let source = "10.0.0.1".parse().expect("an address");
    let mut offered = |user_agent| -> Vec<Algorithm> {
        let values = phone.digest.challenge(source, user_agent, false, Time::ZERO);
        values.iter().filter_map(|value| Challenge::parse(value)).map(|challenge| challenge.algorithm).collect()
    };
    assert_eq!(offered(Some("NewPhone v7")), [Algorithm::Sha256, Algorithm::Md5]);
    assert_eq!(offered(Some("OldPhone v1.0.0 (x86_64/linux)")), [Algorithm::Md5]);
    assert_eq!(offered(None), [Algorithm::Md5, Algorithm::Sha256]);
}

#[test]
fn wrong_is_wrong_whoever_says_it() {
    let mut phone = Phone::new();
    let challenge = phone.challenged(Algorithm::Sha256, Time::ZERO);
    phone.secret = Secret("pass-102".into());
    assert_eq!(phone.tries(&challenge, 1, Time::ZERO), Err(Denied::Wrong));
    phone.user = "999";
    assert_eq!(phone.tries(&challenge, 1, Time::ZERO), Err(Denied::Wrong));
    phone.user = "";
    phone.secret = Secret("09".repeat(32));
    assert_eq!(phone.tries(&challenge, 1, Time::ZERO), Err(Denied::Wrong));
    (phone.user, phone.secret, phone.uri) = ("101", Secret("pass-101".into()), "sip:other.test");
    assert_eq!(phone.tries(&challenge, 1, Time::ZERO), Err(Denied::Wrong));
    phone.uri = "sip:ACD.test:5060;transport=udp";
    assert_eq!(phone.tries(&challenge, 1, Time::ZERO), Ok(AccountId(0)));
}

/// RFC 7616 3.4.6.
#[test]
fn what_a_proof_is_for() {
    let target = Uri::parse("sip:102@acd.test").expect("a URI");
    let rows = [
        ("sip:102@acd.test", true),
        ("sip:102@ACD.test:5060;transport=tcp", true),
        ("sip:acd.test:5060", true),
        ("sip:101@acd.test", false),
        ("sip:other.test", false),
        ("sip:102@acd.test:5070", false),
        ("sips:102@acd.test", false),
        ("", false),
    ];
    for (uri, expected) in rows {
        assert_eq!(same_target(uri, &target), expected, "{uri}");
    }
}

#[test]
fn headers_that_cannot_be_checked() {
    let mut phone = Phone::new();
    let challenge = phone.challenged(Algorithm::Sha256, Time::ZERO);
    let good = phone.authorization(&challenge, 1);
    let rows: &[(&str, &str, Denied)] = &[
        ("Digest", "Basic", Denied::Missing),
        ("Authorization:", "X-Authorization:", Denied::Missing),
        ("acd.test\", nonce", "other\", nonce", Denied::Missing),
        ("qop=auth, ", "", Denied::Malformed),
        ("qop=auth", "qop=auth-int", Denied::Malformed),
        ("nc=00000001", "nc=1", Denied::Malformed),
        ("nc=00000001", "nc=+0000001", Denied::Malformed),
        ("cnonce=\"c0ffee\"", "cnonce=\"\"", Denied::Malformed),
        ("algorithm=SHA-256", "algorithm=SHA-512-256", Denied::Malformed),
        ("algorithm=SHA-256", "algorithm=MD5-sess", Denied::Malformed),
        ("username=", "username=\"x\", username=", Denied::Malformed),
        ("username=\"101\"", "username=\"101", Denied::Malformed),
        ("username=\"101\"", "username=\"101\"x", Denied::Malformed),
        ("username=\"101\"", "username=", Denied::Malformed),
        ("username=", "user=", Denied::Malformed),
        ("realm=\"acd.test\", nonce", "realm=\"other\", once", Denied::Missing),
        ("response=\"", "response=\"0", Denied::Wrong),
        ("algorithm=SHA-256", "algorithm=MD5", Denied::Wrong),
        ("nonce=\"0", "nonce=\"f", Denied::Wrong),
    ];
    for &(from, to, expected) in rows {
        let header = good.replacen(from, to, 1);
        assert_ne!(header, good, "{from}");
        let outcome = phone.digest.verify(&request(phone.source, &header), Time::ZERO);
        assert_eq!(outcome, Err(expected), "{from} -> {to}");
    }
    let two = format!("Authorization: Digest realm=\"other\", x=y\r\n{good}");
    assert_eq!(phone.digest.verify(&request(phone.source, &two), Time::ZERO), Ok(AccountId(0)));
}

#[test]
fn counts_are_bounded_and_a_forgotten_nonce_is_stale() {
    let mut phone = Phone::new();
    let room = phone.digest.used.room;
    let challenges: Vec<_> = (0..room + 10).map(|_| phone.challenged(Algorithm::Md5, Time::ZERO)).collect();
    for challenge in &challenges {
        assert!(phone.tries(challenge, 1, Time::ZERO).is_ok());
    }
    assert_eq!(phone.digest.used.counts.len(), room);
    assert_eq!(phone.tries(&challenges[0], 1, Time::ZERO), Err(Denied::Stale));
    let later = phone.challenged(Algorithm::Md5, Time::from_millis(400_000));
    assert!(phone.tries(&later, 1, Time::from_millis(400_000)).is_ok());
    assert_eq!(phone.digest.used.counts.len(), 1);
}

#[test]
fn no_log_shows_a_secret() {
    let phone = Phone::new();
    let shown = format!("{:?} {:?}", phone.digest, phone.secret);
    assert!(!shown.contains("pass") && !shown.contains(&hash(Algorithm::Md5, &["101", "acd.test", "pass-101"])));
}

/// Hostile-world R20, R21: guesses are not looked at for a while, known and unknown names alike; the user is let in from
/// anywhere else at once, and from there when the pause is over.
#[test]
fn guessing_is_slowed_down_and_locks_nobody_out() {
    for user in ["101", "nobody"] {
        let mut phone = Phone::new();
        (phone.user, phone.secret) = (user, Secret("guess".into()));
        let challenge = phone.challenged(Algorithm::Md5, Time::ZERO);
        for count in 1..=5 {
            assert_eq!(phone.tries(&challenge, count, Time::from_millis(1)), Err(Denied::Wrong));
        }
        (phone.user, phone.secret) = ("101", Secret("pass-101".into()));
        let at_once = phone.tries(&challenge, 6, Time::from_millis(2));
        assert_eq!(at_once, if user == "101" { Err(Denied::Wrong) } else { Ok(AccountId(0)) });
        assert!(phone.tries(&challenge, 7, Time::from_millis(1_001)).is_ok(), "the pause is over");
        phone.source = "10.0.0.2:5060";
        let elsewhere = phone.challenged(Algorithm::Md5, Time::ZERO);
        assert!(phone.tries(&elsewhere, 1, Time::from_millis(2)).is_ok(), "from elsewhere");
    }
}
