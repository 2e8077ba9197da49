//! What goes into a ledger comes out again; what is no ledger is left alone; what is old goes.

use super::files::{Appender, CSV_HEADER, csv_row, json_line};
use super::pseudonym::{DAY, KeyRing};
use super::{Reader, purge_before, schema, store};
use centralino::facts::{FlowOut, OfferOutcome, Party, Refusal, StepTrigger};
use centralino::ids::{CallId, Reference};
use centralino::report::record::{
    Ending, Interaction, Moment, Name, Offer, Pause, Pseudonym, StepOpened, Talk, TalkLeg, ThresholdOfTheDay, Visit,
    VisitOutcome,
};
use centralino::time::{Duration, Time};
use jiff::tz::TimeZone;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rusqlite::Connection;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A directory of one test, gone with it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("centralino-ledger-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a scratch directory");
        Scratch(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn everything(reader: &Reader) -> Vec<Interaction> {
    let mut all = Vec::new();
    let read = reader.interactions(i64::MIN..i64::MAX, |it| {
        all.push(it);
        ControlFlow::Continue(())
    });
    read.expect("a readable ledger");
    all
}

fn name() -> impl Strategy<Value = Name> {
    "[a-z_.]{1,12}".prop_map(|name| name.as_str().into())
}

fn length() -> impl Strategy<Value = Duration> {
    (0u64..4_000_000_000_000).prop_map(Duration::from_nanos)
}

fn time() -> impl Strategy<Value = Time> {
    (0u64..1 << 62).prop_map(Time::from_nanos)
}

fn moment() -> impl Strategy<Value = Moment> {
    (time(), -(1i64 << 60)..1 << 60).prop_map(|(at, utc)| Moment { at, utc })
}

fn one_of<T: Copy + std::fmt::Debug>(all: &'static [T]) -> impl Strategy<Value = T> {
    (0..all.len()).prop_map(|place| all[place])
}

fn offer() -> impl Strategy<Value = Offer> {
    let parts = (name(), option::of(name()), any::<u8>(), time(), length(), one_of(OfferOutcome::ALL));
    parts.prop_map(|(pool, agent, step, made, rang, outcome)| Offer { pool, agent, step, made, rang, outcome })
}

fn step() -> impl Strategy<Value = StepOpened> {
    (time(), any::<u8>(), one_of(StepTrigger::ALL)).prop_map(|(at, step, trigger)| StepOpened { at, step, trigger })
}

fn talk() -> impl Strategy<Value = Talk> {
    let lengths = (length(), length(), length(), option::of(length()));
    // One part alone is the talk itself.
    let legs = prop_oneof![Just(Vec::new()), vec(leg(), 2..4)];
    (name(), option::of(name()), lengths, one_of(Party::ALL), legs).prop_map(
        |(pool, agent, lengths, ended_by, legs)| {
            let (talked, held, consulted, wrap_up) = lengths;
            Talk { pool, agent, talked, held, consulted, wrap_up, ended_by, legs }
        },
    )
}

fn leg() -> impl Strategy<Value = TalkLeg> {
    let lengths = (length(), length(), length(), option::of(length()));
    (name(), option::of(name()), lengths).prop_map(|(pool, agent, (talked, held, consulted, wrap_up))| TalkLeg {
        pool,
        agent,
        talked,
        held,
        consulted,
        wrap_up,
    })
}

fn outcome() -> impl Strategy<Value = VisitOutcome> {
    prop_oneof![
        Just(VisitOutcome::Answered),
        any::<bool>().prop_map(|lost| VisitOutcome::Abandoned { lost }),
        one_of(FlowOut::ALL).prop_map(VisitOutcome::FlowedOut),
        Just(VisitOutcome::Failed),
    ]
}

fn visit() -> impl Strategy<Value = Visit> {
    let threshold = (length(), any::<bool>()).prop_map(|(length, passed)| ThresholdOfTheDay { length, passed });
    let judged = (vec(threshold, 0..9), 0u8..101, outcome(), option::of(talk()));
    let told = (vec(step(), 0..3), vec(offer(), 0..4), any::<u32>());
    let place = (option::of(name()), name());
    (place, moment(), length(), judged, told).prop_map(|((service, queue), entered, waited, judged, told)| {
        let (thresholds, target_percent, outcome, talk) = judged;
        let (steps, offers, offers_left_out) = told;
        let talk = talk.filter(|_| outcome == VisitOutcome::Answered);
        Visit {
            service,
            queue,
            entered,
            waited,
            outcome,
            thresholds,
            target_percent,
            steps,
            offers,
            offers_left_out,
            talk,
        }
    })
}

fn interaction() -> impl Strategy<Value = Interaction> {
    let early = prop_oneof![
        one_of(Refusal::ALL).prop_map(Ending::Refused),
        any::<bool>().prop_map(|lost| Ending::LeftInGreeting { lost }),
        Just(Ending::EndedInMenu),
        Just(Ending::FailedInGreeting),
    ];
    let ended = prop_oneof![
        early.prop_map(|ending| (ending, Vec::new())),
        vec(visit(), 1..3).prop_map(|visits| (Ending::Entered, visits)),
    ];
    let caller = (any::<u32>(), any::<[u8; 16]>()).prop_map(|(key, digest)| Pseudonym { key, digest });
    let reference =
        proptest::string::string_regex("[0-9]{0,18}").unwrap().prop_map(|digits| Reference::of(&digits).unwrap());
    let names = (name(), option::of(name()), name(), option::of(caller), option::of(reference));
    let moments = (moment(), option::of(moment()), moment());
    (names, moments, ended).prop_map(|(names, (arrived, received, ended_at), (ending, visits))| {
        let (origin, service, config, caller, reference) = names;
        Interaction {
            origin,
            call: None,
            service,
            caller,
            reference,
            config,
            arrived,
            received,
            ended: ended_at,
            ending,
            visits,
        }
    })
}

/// An answered call with all that there can be.
pub fn answered(call: u64, utc: i64) -> Interaction {
    let at =
        |seconds: u64| Moment { at: Time::from_millis(seconds * 1_000), utc: utc + seconds as i64 * 1_000_000_000 };
    let second = Duration::from_secs(1);
    let offer = |outcome, agent: Option<&str>| Offer {
        pool: "first_line".into(),
        agent: agent.map(Name::from),
        step: 0,
        made: Time::from_millis(6_000),
        rang: 3 * second,
        outcome,
    };
    Interaction {
        origin: "run of a test".into(),
        call: Some(CallId(call)),
        service: Some("information".into()),
        caller: Some(Pseudonym { key: 1, digest: [0xab; 16] }),
        reference: Reference::of("0071"),
        config: "0123456789ab".into(),
        arrived: at(0),
        received: Some(at(1)),
        ended: at(75),
        ending: Ending::Entered,
        visits: vec![Visit {
            service: None,
            queue: "information".into(),
            entered: at(5),
            waited: Duration::from_millis(10_500),
            outcome: VisitOutcome::Answered,
            thresholds: vec![ThresholdOfTheDay { length: 30 * second, passed: false }],
            target_percent: 90,
            steps: Vec::new(),
            offers: vec![offer(OfferOutcome::Busy, None), offer(OfferOutcome::Accepted, None)],
            offers_left_out: 0,
            talk: Some(Talk {
                pool: "first_line".into(),
                agent: None,
                talked: 60 * second,
                held: Duration::ZERO,
                consulted: Duration::ZERO,
                wrap_up: Some(5 * second),
                ended_by: Party::Agent,
                legs: Vec::new(),
            }),
        }],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_goes_in_comes_out(list in vec(interaction(), 0..8)) {
        let scratch = Scratch::new("round");
        let path = scratch.path("ledger.db");
        let mut connection = schema::open_or_create(&path).expect("a new ledger");
        let mut expected = Vec::new();
        let transaction = connection.transaction().expect("a transaction");
        for (number, mut it) in (1..).zip(list) {
            // Calls that were refused have no number.
            it.call = (!matches!(it.ending, Ending::Refused(_))).then_some(CallId(number));
            prop_assert!(store::insert(&transaction, &it).expect("inserted"));
            if it.call.is_some() {
                prop_assert!(!store::insert(&transaction, &it).expect("known"), "once is enough");
            }
            expected.push(it);
        }
        transaction.commit().expect("committed");
        expected.sort_by_key(|it| it.filed().utc);
        prop_assert_eq!(everything(&Reader::open(&path).expect("a ledger")), expected);
    }
}

#[test]
fn a_period_is_read_without_its_end() {
    let scratch = Scratch::new("period");
    let connection = schema::open_or_create(&scratch.path("ledger.db")).expect("a new ledger");
    for call in 1..=4 {
        store::insert(&connection, &answered(call, call as i64 * DAY)).expect("inserted");
    }
    let reader = Reader::open(&scratch.path("ledger.db")).expect("a ledger");
    let entry = |day: i64| day * DAY + 5_000_000_000;
    let mut calls = Vec::new();
    let take = |it: Interaction| {
        calls.push(it.call.map_or(0, |call| call.0));
        ControlFlow::Continue(())
    };
    reader.interactions(entry(2)..entry(4), take).expect("read");
    assert_eq!(calls, [2, 3]);
}

#[test]
fn what_is_no_ledger_of_ours_is_refused_and_left_alone() {
    let scratch = Scratch::new("foreign");
    let newer = scratch.path("newer.db");
    drop(schema::open_or_create(&newer).expect("a new ledger"));
    let connection = Connection::open(&newer).expect("a database");
    connection.pragma_update(None, "user_version", schema::VERSION + 1).expect("a version");
    drop(connection);
    let error = schema::open_or_create(&newer).map(|_| ()).expect_err("too new");
    assert!(format!("{error:#}").contains("was made by a newer centralino"), "{error:#}");

    let other = scratch.path("other.db");
    Connection::open(&other).and_then(|other| other.execute_batch("CREATE TABLE t (x)")).expect("a database");
    let before = fs::read(&other).expect("a file");
    let error = schema::open_or_create(&other).map(|_| ()).expect_err("not ours");
    assert!(format!("{error:#}").contains("is a database, but no ledger"), "{error:#}");
    assert_eq!(fs::read(&other).expect("a file"), before);

    assert!(schema::open_existing(&scratch.path("none.db")).is_err());
    assert!(!scratch.path("none.db").exists());
}

/// A ledger as an older version made it.
fn of_version(version: i64, path: &std::path::Path) {
    let connection = schema::open_or_create(path).expect("a new ledger");
    store::insert(&connection, &answered(1, DAY)).expect("inserted");
    store::insert(&connection, &answered(2, 2 * DAY)).expect("inserted");
    let mut older = "DROP TABLE talk; DROP TABLE pause; ALTER TABLE visit DROP COLUMN talks;".to_owned();
    if version == 2 {
        older += "ALTER TABLE interaction DROP COLUMN reference;";
    }
    older += &format!("PRAGMA user_version = {version}");
    connection.execute_batch(&older).expect("older tables");
}

#[test]
fn a_ledger_of_an_older_version_is_brought_up_to_date_and_loses_nothing() {
    let scratch = Scratch::new("older");
    let without_number = |it: Interaction| Interaction { reference: None, ..it };
    let before = scratch.path("version3.db");
    of_version(3, &before);
    assert_eq!(everything(&Reader::open(&before).expect("a ledger")), [answered(1, DAY), answered(2, 2 * DAY)]);
    let path = scratch.path("ledger.db");
    of_version(2, &path);
    let kept = [answered(1, DAY), answered(2, 2 * DAY)].map(without_number);
    assert_eq!(everything(&Reader::open(&path).expect("a ledger")), kept);
    let connection = schema::open_existing(&path).expect("once more, with nothing left to do");
    let talks = "SELECT pool, talked, wrap_up, number FROM talk ORDER BY interaction";
    let talk = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let mut talks = connection.prepare(talks).expect("the parts of talks");
    let talks: Vec<(String, i64, i64, i64)> = talks.query_map([], talk).expect("rows").flatten().collect();
    let one = ("first_line".to_owned(), 60_000_000_000, 5_000_000_000, 0);
    assert_eq!(talks, [one.clone(), one]);
    store::insert(&connection, &answered(3, 3 * DAY)).expect("goes on");

    // Nothing of a migration that fails stays.
    let broken = scratch.path("broken.db");
    of_version(2, &broken);
    Connection::open(&broken).and_then(|it| it.execute_batch("CREATE TABLE pause (x)")).expect("in the way");
    assert!(schema::open_existing(&broken).is_err());
    let version: i64 = Connection::open(&broken)
        .and_then(|it| it.pragma_query_value(None, "user_version", |row| row.get(0)))
        .expect("a version");
    assert_eq!(version, 2);
}

#[test]
fn pauses_come_out_by_the_period_they_lie_in_and_go_with_the_calls() {
    let scratch = Scratch::new("pauses");
    let path = scratch.path("ledger.db");
    let mut connection = schema::open_or_create(&path).expect("a new ledger");
    let hour = Duration::from_secs(3_600);
    let pause = |day: i64| Pause {
        pool: "first_line".into(),
        agent: None,
        reason: "lunch".into(),
        began: Moment { at: Time::from_millis(5), utc: day * DAY },
        lasted: hour,
        limit_reached: day == 2,
    };
    (1..=3).for_each(|day| store::insert_pause(&connection, &pause(day)).expect("inserted"));
    let read = |period: std::ops::Range<i64>| {
        let mut found = Vec::new();
        Reader::open(&path).expect("a ledger").pauses(&period, |pause| found.push(pause)).expect("read");
        found
    };
    let half_past = 2 * DAY + 1_800_000_000_000;
    assert_eq!(read(half_past..3 * DAY), [pause(2)], "the end is excluded");
    assert_eq!(pause(2).within(&(half_past..3 * DAY)), hour / 2);
    assert_eq!(read(2 * DAY + 3_600_000_000_000..3 * DAY), [], "it was over");
    purge_before(&mut connection, 3 * DAY, 0, 4 * DAY).expect("purged");
    assert_eq!(read(0..9 * DAY), [pause(3)]);
}

#[test]
fn what_is_old_goes_and_it_is_written_down() {
    let scratch = Scratch::new("old");
    let path = scratch.path("ledger.db");
    let mut connection = schema::open_or_create(&path).expect("a new ledger");
    for call in 1..=4 {
        store::insert(&connection, &answered(call, call as i64 * DAY)).expect("inserted");
    }
    let purged = purge_before(&mut connection, 2 * DAY, 4 * DAY, 9 * DAY).expect("purged");
    assert_eq!((purged.calls, purged.pseudonyms), (1, 2));
    let reader = Reader::open(&path).expect("a ledger");
    let left: Vec<_> = everything(&reader).into_iter().map(|it| (it.call, it.caller.is_some())).collect();
    assert_eq!(left, [(Some(CallId(2)), false), (Some(CallId(3)), false), (Some(CallId(4)), true)]);
    assert_eq!(reader.purged_before().expect("read"), Some(2 * DAY));
    let orphans = "SELECT (SELECT count(*) FROM visit) , (SELECT count(*) FROM offer)";
    let counts = connection.query_row(orphans, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    assert_eq!(counts.expect("counted"), (3, 6), "visits and offers go with their call");
}

#[test]
fn pseudonyms_are_equal_under_one_key_and_keys_do_not_stay() {
    let scratch = Scratch::new("keys");
    let ledger = scratch.path("ledger.db");
    let file = scratch.path("ledger.db.keys");
    let ring = || KeyRing::beside(&ledger, 30, 10).expect("a ring");
    let mut keys = ring();
    assert_eq!(keys.pseudonym("390612345678"), None, "no key yet");
    keys.rotate(0).expect("a key");
    let first = keys.pseudonym("390612345678").expect("a pseudonym");
    assert_eq!(Some(first), keys.pseudonym("390612345678"));
    assert_ne!(Some(first), keys.pseudonym("390612345679"));
    assert_eq!(fs::metadata(&file).expect("a key file").permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&file).expect("keys").contains("390612345678"));

    // A restart goes on with the same key; a month later there is another.
    let mut again = ring();
    again.rotate(29 * DAY).expect("a key");
    assert_eq!(again.pseudonym("390612345678"), Some(first));
    again.rotate(30 * DAY).expect("a key");
    let second = again.pseudonym("390612345678").expect("a pseudonym");
    assert_eq!((first.key, second.key), (1, 2));
    assert_ne!(first.digest, second.digest);
    assert_eq!(fs::read_to_string(&file).expect("keys").lines().count(), 2);
    // Its last pseudonym was made on day 29 and is kept until day 39.
    again.rotate(40 * DAY).expect("a key");
    assert_eq!(fs::read_to_string(&file).expect("keys").lines().count(), 1);

    fs::write(&file, "not keys\n").expect("written");
    assert!(KeyRing::beside(&ledger, 30, 10).is_err());
    assert_eq!(fs::read_to_string(&file).expect("left alone"), "not keys\n");
}

#[test]
fn a_file_that_was_moved_away_begins_anew() {
    let scratch = Scratch::new("moved");
    let (path, moved) = (scratch.path("calls.csv"), scratch.path("calls.csv.1"));
    let mut file = Appender::new(&path, "header\n");
    file.append(b"one\n").expect("written");
    file.append(b"two\n").expect("written");
    fs::rename(&path, &moved).expect("moved");
    file.append(b"three\n").expect("written");
    // And one that is there already has its header.
    Appender::new(&path, "header\n").append(b"four\n").expect("written");
    assert_eq!(fs::read_to_string(&moved).expect("old"), "header\none\ntwo\n");
    assert_eq!(fs::read_to_string(&path).expect("new"), "header\nthree\nfour\n");
}

#[test]
fn lines_for_other_programs() {
    let rome = TimeZone::get("Europe/Rome").expect("a zone");
    let it = answered(7, 1_782_907_200_000_000_000);
    let mut csv = CSV_HEADER.as_bytes().to_vec();
    csv_row(&it, &rome, &mut csv);
    let mut lines = csv::Reader::from_reader(csv.as_slice());
    let header = lines.headers().expect("a header").clone();
    let row = lines.records().next().expect("a row").expect("a good row");
    let field = |name: &str| row.get(header.iter().position(|it| it == name).expect("a column")).expect("a field");
    assert_eq!(field("entered"), "2026-07-01T14:00:05.000+02:00");
    assert_eq!((field("waited_seconds"), field("outcome"), field("offers")), ("10.5", "answered", "2"));
    assert_eq!((field("pool"), field("agent"), field("wrap_up_seconds")), ("first_line", "", "5"));
    assert_eq!(field("caller"), format!("1.{}", "ab".repeat(16)));
    assert_eq!(field("reference"), "0071", "with all its digits");

    let mut json = Vec::new();
    json_line(&it, &rome, &mut json);
    assert_eq!(json.iter().filter(|byte| **byte == b'\n').count(), 1);
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["visits"][0]["waited_ns"], 10_500_000_000u64);
    assert_eq!(json["visits"][0]["talk"]["ended_by"], "agent");
    assert_eq!((&json["call"], &json["outcome"]), (&7.into(), &"answered".into()));
    assert_eq!(json["reference"], "0071");
}
