//! Trunks: what is read, what the shipped file says of the defaults, and every mistake at its place.

use super::{checked, mistakes};
use centralino::b2bua::{Answer, Phone, Terms};
use centralino::config::{DEFAULT, difference};
use centralino::media::{Codec, Encryption};
use centralino::sip::{CallerFrom, Credentials, NumberFrom, Secret, Trunk};

/// The default file with its trunk no longer a comment, but for the keys that are left out.
fn shipped(without: &[&str]) -> String {
    let (before, rest) = DEFAULT.split_once("#   [trunk.carrier]\n").expect("the section");
    let (trunk, after) = rest.split_once("\n\n").expect("its end");
    let keys = trunk.lines().filter_map(|line| line.strip_prefix("#   "));
    let kept = keys.filter(|line| !without.iter().any(|key| line.starts_with(&format!("{key} ="))));
    format!("{before}[trunk.carrier]\n{}\n\n{after}", kept.collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_shipped_trunk_says_what_the_defaults_are() {
    let nobody = ["user", "realm", "password"];
    let written = checked(&shipped(&[&nobody[..], &["answer", "codecs"]].concat())).settings.engine;
    let all = ["trusted", "number_from", "caller_from", "country_code", "srtp", "calls_per_second", "most_calls"];
    let needed = checked(&shipped(&[&nobody[..], &["answer", "codecs"], &all].concat())).settings.engine;
    assert_eq!((&written.sip.trunks, &written.trunks), (&needed.sip.trunks, &needed.trunks));
    assert_eq!(needed.trunks, [Terms { country_code: "39".to_owned(), ..Terms::default() }]);
    assert_eq!(needed.sip.trunks[0].credentials, None);
    let whole = checked(&shipped(&[])).settings.engine;
    assert_eq!((&whole.trunks[0].codecs, whole.trunks[0].answer), (&whole.media.codecs, Some(Answer::First)));
    assert!(whole.sip.trunks[0].credentials.is_some());
}

#[test]
fn a_trunk_of_other_habits() {
    let trunk = r#"
        [trunk.gateway]
        addresses = ["10.0.0.7", "2001:db8::/64"]
        number_from = "diversion"
        caller_from = "remote_party"
        country_code = "44"
        srtp = "required"
        codecs = ["G722"]
        answer = "early"
        calls_per_second = 20
        most_calls = 30
        user = "centre"
        realm = "gateway"
        password = "wordofthegateway"
        [trunk.other]
        addresses = ["10.0.0.0/8"]
        trusted = false
    "#;
    let checked_one = checked(&format!("{DEFAULT}{trunk}"));
    let engine = &checked_one.settings.engine;
    let expected = Trunk {
        name: "gateway".to_owned(),
        hosts: ["10.0.0.7/32", "2001:db8::/64"].map(|it| it.parse().expect("a range")).to_vec(),
        is_trusted: true,
        number_from: NumberFrom::Diversion,
        caller_from: CallerFrom::RemoteParty,
        country_code: "44".to_owned(),
        calls_per_second: 20,
        credentials: Some(Credentials {
            user: "centre".to_owned(),
            realm: "gateway".to_owned(),
            secret: Secret("wordofthegateway".to_owned()),
        }),
    };
    assert_eq!(engine.sip.trunks[0], expected);
    assert!(!engine.sip.trunks[1].is_trusted);
    let terms = Terms {
        answer: Some(Answer::Early),
        encryption: Encryption::Required,
        codecs: vec![Codec::G722],
        most_calls: 30,
        country_code: "44".to_owned(),
    };
    assert_eq!(engine.trunks[0], terms);
    let waiting = difference(&checked(DEFAULT), &checked_one).waiting.join("\n");
    assert!(waiting.contains("trunk.gateway.most_calls added: 30: waits for a restart"), "{waiting}");
    assert!(!waiting.contains("wordofthegateway"));
}

#[test]
fn mistakes_at_their_places() {
    let rows = [
        ("addresses = []", "a trunk without an address is nowhere"),
        ("trusted = true", "`addresses` is missing in [trunk.t]"),
        ("addresses = [\"0.0.0.0/0\"]", "the whole world could say that it is anybody"),
        ("addresses = [\"10.0.0.1\", \"10.0.0.1\"]", "this range is in the list already"),
        (
            "addresses = [\"10.0.0.1\"]\ntrusted = false\nnumber_from = \"diversion\"",
            "`number_from` names a header that only a trusted trunk is believed",
        ),
        ("addresses = [\"10.0.0.1\"]\ncaller_from = \"contact\"", "there is no place of the caller `contact`"),
        ("addresses = [\"10.0.0.1\"]\nuser = \"u\"\nrealm = \"r\"", "`password` is missing beside `user` in [trunk.t]"),
        ("addresses = [\"10.0.0.1\"]\npassword = \"p\"", "`user` is missing beside `password` in [trunk.t]"),
        ("addresses = [\"10.0.0.1\"]\nsrpt = \"off\"", "unknown key `srpt` in [trunk.t]"),
        ("addresses = [\"10.0.0.1\"]\n[trunk.u]\naddresses = [\"10.0.0.1\"]", "this range is [trunk.t] already"),
    ];
    for (keys, expected) in rows {
        let found = mistakes(&format!("{DEFAULT}\n[trunk.t]\n{keys}\n")).render("file", false);
        assert!(found.contains(expected), "{keys}: {found}");
    }
}

/// Lines to numbers outside (semantics.md section 8): what may be dialled is named, and no queue rings them.
#[test]
fn lines_that_dial() {
    let line = |pool: &str, keys: &str| format!("{DEFAULT}\n[agent.out1]\npool = \"{pool}\"\n{keys}\n");
    let right = "contact = \"sip:{dialled}@192.0.2.1\"\ndials = [\"+3906*\"]";
    let outside = line("outside", right).replacen("\npools = [", "\npools = [\"outside\", ", 1);
    let checked = checked(&outside);
    let line_phone = checked.settings.engine.phones.last().expect("a phone");
    assert!(
        matches!(line_phone, Phone::Line { contact, .. } if contact == "sip:{dialled}@192.0.2.1"),
        "{line_phone:?}"
    );
    let rows = [
        ("first_line", right, "a queue would ring this line without a number to dial"),
        ("first_line", "contact = \"sip:{dialled}@192.0.2.1\"", "`{dialled}` in a contact needs to know"),
        ("first_line", "contact = \"sip:1@192.0.2.1\"\ndials = [\"+39*\"]", "`dials` belongs to a line"),
        ("first_line", "password = \"long enough to be\"\ndials = [\"+39*\"]", "`dials` belongs to a line"),
        ("first_line", "contact = \"sip:{dialled}@192.0.2.1\"\ndials = [\"*\"]", "`*` is no number to dial"),
    ];
    for (pool, keys, expected) in rows {
        let found = mistakes(&line(pool, keys)).render("file", false);
        assert!(found.contains(expected), "{keys}: {found}");
    }
}
