//! Everything that is wrong is found, at its place, with a hint.

use super::{Files, checked, mistakes};
use centralino::config::{self, Severity};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A small configuration without mistakes or warnings.
const SOUND: &str = r#"
pools = ["first_line", "back_office"]
skills = ["information", "billing"]

[service.help]
number = "800"
queue = "help"
welcome = { file = "welcome.wav" }

[queue.help]
ring = "15 s"
thresholds = ["30 s"]

[[queue.help.step]]
pools = ["first_line"]
requires = { information = 50 }

[[queue.help.step]]
after = "20 s"
pools = ["back_office"]

[agent.101]
pool = "first_line"
skills = { information = 80 }
password = "a long pass phrase"

[agent."b01..b03"]
pool = "back_office"
contact = "sip:{number}@192.0.2.20:5060"

[sip]
udp = "192.0.2.10:5060"

[media]
ports = "20000-29999"

[limits]
channels = 1000
"#;

#[test]
fn twelve_mistakes_are_told_at_once() {
    let text = include_str!("../../data/config/twelve_mistakes.toml");
    insta::assert_snapshot!(mistakes(text).to_string(), @r#"
    7:9: there is no queue `infromation` (did you mean `information`?)
    8:20: the sound file cannot be had: no such file (paths start from the folder of this file)
    11:10: `800000100` is the number of [service.information] already
    15:8: string values must be quoted (text is written in quotes: "15 s")
    16:12: a length of time needs a unit (write it in quotes and with its unit: "600 s")
    17:31: this threshold is in the list already
    18:1: unknown key `max_lenght` in [queue.information] (did you mean `max_length`?)
    21:10: there is no pool `frist_line` (did you mean `first_line`?)
    22:28: out of range: 101 (levels go from 0 (not at all) to 100)
    25:9: this step does not open later than the one before it (later than "0 s")
    32:8: `102` is the number of [agent.101..103] already
    37:12: the address has bits beyond its prefix (did you mean `10.0.0.0/8`?)
    "#);
}

#[test]
fn a_mistake_is_shown_as_a_compiler_would() {
    let text = SOUND.replace("\"first_line\"]\nrequires", "\"frist_line\"]\nrequires");
    insta::assert_snapshot!(mistakes(&text).render("centralino.toml", false), @r#"
    error: there is no pool `frist_line`
      --> centralino.toml:15:10
       |
    15 | pools = ["frist_line"]
       |          ^^^^^^^^^^^^
       |
       = help: did you mean `first_line`?
    "#);
}

/// What stands in `SOUND`, what stands there instead (the offending words between « and »), and what is said.
const CASES: &[(&str, &str, &str)] = &[
    // Syntax.
    ("ring = \"15 s\"", "ring = «15 s»", "string values must be quoted"),
    ("queue = \"help\"", "queue = \"help\"\n«queue» = \"help\"", "duplicate key"),
    ("[agent.101]", "[agent.101]\npool = \"first_line\"\n[agent.«101»]", "duplicate key"),
    // Shape.
    ("ring = \"15 s\"", "«rings» = \"15 s\"", "unknown key `rings` in [queue.help] (did you mean `ring`?)"),
    ("[limits]", "[«limit»]", "unknown key `limit` in the file (did you mean `limits`?)"),
    ("udp = ", "«upd» = ", "unknown key `upd` in [sip] (did you mean `udp`?)"),
    ("queue = \"help\"\n", "", "`queue` is missing in [service.help]"),
    ("number = \"800\"", "", "`number` is missing in [service.help]"),
    ("pool = \"back_office\"", "", "`pool` is missing in [agent.b01..b03]"),
    ("after = \"20 s\"", "", "`after` is missing in [queue.help.step]"),
    ("pools = [\"back_office\"]", "", "`pools` is missing in [queue.help.step]"),
    ("skills = [\"information\", \"billing\"]", "", "`skills` is missing in the file"),
    ("pools = [\"back_office\"]", "pools = «\"back_office\"»", "`pools` must be a list"),
    ("requires = { information = 50 }", "requires = «50»", "`requires` must be a table"),
    ("[limits]\nchannels = 1000", "«[[limits]]»", "`limits` must be a table"),
    ("[[queue.help.step]]\nafter", "[queue.help.stop]\nafter", "unknown key `stop` in [queue.help]"),
    // Single values.
    ("number = \"800\"", "number = «800»", "must be text, not a number (write it in quotes: \"800\")"),
    ("number = \"800\"", "number = «true»", "must be text, not true or false"),
    ("number = \"800\"", "number = «\"8 00\"»", "`8 00` cannot be a number"),
    ("channels = 1000", "channels = «\"1000\"»", "must be a number, not text (write it without quotes: 1000)"),
    ("channels = 1000", "channels = «1.5»", "must be a number, not a number with a fraction"),
    ("channels = 1000", "channels = «0»", "out of range: 0 (a whole number from 1 to 16000)"),
    ("channels = 1000", "channels = «-1»", "out of range: -1"),
    ("channels = 1000", "channels = «99999999999999999999»", "out of range"),
    (
        "ring = \"15 s\"",
        "ring = «15»",
        "a length of time needs a unit (write it in quotes and with its unit: \"15 s\")",
    ),
    ("ring = \"15 s\"", "ring = «\"15\"»", "a length of time needs a unit (\"15 s\"?)"),
    ("ring = \"15 s\"", "ring = «\"15 seconds\"»", "not a length of time"),
    ("ring = \"15 s\"", "ring = «[]»", "must be a length of time, not a list"),
    ("ring = \"15 s\"", "ring = «\"1 h\"»", "out of range: 1 h (from 1 s to 5 min)"),
    ("ring = \"15 s\"", "strategy = «\"liner\"»", "there is no strategy `liner` (did you mean `linear`?)"),
    ("ring = \"15 s\"", "target_percent = «100»", "out of range: 100"),
    ("ring = \"15 s\"", "max_length = «0»", "out of range: 0"),
    ("after = \"20 s\"", "after = \"20 s\"\nmode = «\"wide\"»", "there is no mode `wide`"),
    ("after = \"20 s\"", "after = \"20 s\"\nafter_offers = «0»", "out of range: 0 (a whole number from 1 to 1000)"),
    (
        "after = \"20 s\"",
        "after = \"20 s\"\nwhen_nobody_signed_in = «\"yes\"»",
        "must be true or false, not text (without quotes)",
    ),
    (
        "[[queue.help.step]]\npools",
        "[[queue.help.step]]\n«after_offers» = 2\npools",
        "`after_offers` says nothing in the first step",
    ),
    ("information = 80 }", "information = 80 }\nweight = «0»", "out of range: 0 (a whole number from 1 to 1000)"),
    ("information = 50", "information = «101»", "out of range: 101 (levels go from 0"),
    ("information = 80", "information = «-1»", "out of range: -1 (levels go from 0"),
    ("information = 80", "information = «\"high\"»", "must be a number, not text"),
    // Names and references.
    ("\"back_office\"]\nskills", "«\"back office\"»]\nskills", "`back office` cannot be a name"),
    ("\"billing\"]", "«\"information\"»]", "`information` is in the list already"),
    ("[service.help]", "[service.«\"h elp\"»]", "`h elp` cannot be a name"),
    ("queue = \"help\"", "queue = «\"halp\"»", "there is no queue `halp` (did you mean `help`?)"),
    (
        "pools = [\"back_office\"]",
        "pools = [«\"backoffice\"»]",
        "there is no pool `backoffice` (did you mean `back_office`?)",
    ),
    (
        "pool = \"back_office\"",
        "pool = «\"attic\"»",
        "there is no pool `attic` (there are `first_line`, `back_office`)",
    ),
    ("{ information = 50 }", "{ «informatoin» = 50 }", "there is no skill `informatoin` (did you mean `information`?)"),
    ("{ information = 80 }", "{ «cooking» = 80 }", "there is no skill `cooking`"),
    (
        "[queue.help]",
        "[service.two]\nnumber = «\"800\"»\nqueue = \"help\"\n[queue.help]",
        "is the number of [service.help] already",
    ),
    ("[agent.101]", "[agent.«800»]", "`800` is the number of [service.help] already"),
    (
        "[sip]",
        "[agent.«b02»]\npool = \"back_office\"\npassword_file = \"secret\"\n[sip]",
        "is the number of [agent.b01..b03] already",
    ),
    // Queues and steps.
    ("[\"30 s\"]", "[\"30 s\", «\"30s\"»]", "this threshold is in the list already"),
    ("[\"30 s\"]", "[«\"0 s\"»]", "out of range: 0 s"),
    ("[\"30 s\"]", "«[]»", "a queue needs a threshold"),
    (
        "[\"30 s\"]",
        "«[\"1 s\", \"2 s\", \"3 s\", \"4 s\", \"5 s\", \"6 s\", \"7 s\", \"8 s\", \"9 s\"]»",
        "9 thresholds are too many (at most 8)",
    ),
    (
        "after = \"20 s\"",
        "after = «\"0 s\"»",
        "this step does not open later than the one before it (later than \"0 s\")",
    ),
    ("[[queue.help.step]]\npools", "[[queue.help.step]]\nafter = «\"5 s\"»\npools", "nobody is asked before this step"),
    ("pools = [\"back_office\"]", "pools = «[]»", "a step needs a pool"),
    ("pools = [\"back_office\"]", "pools = [\"back_office\", «\"back_office\"»]", "this pool is in the list already"),
    ("[sip]", "«[queue.idle]»\n[sip]", "[queue.idle] has no step"),
    // Clips.
    ("{ file = \"welcome.wav\" }", "«\"welcome.wav\"»", "there is no prompt `welcome.wav` (a file is written { file"),
    ("{ file = \"welcome.wav\" }", "«\"it/welcom\"»", "there is no prompt `it/welcom` (did you mean `it/welcome`?)"),
    ("\"welcome.wav\"", "«\"other.wav\"»", "the sound file cannot be had: no such file"),
    ("{ file = \"welcome.wav\" }", "«{ tone_hz = 440 }»", "not a clip"),
    ("{ file = \"welcome.wav\" }", "«{ tone_hz = 440, length = \"1 s\", file = \"welcome.wav\" }»", "not a clip"),
    ("{ file = \"welcome.wav\" }", "{ tone_hz = «9000», length = \"1 s\" }", "out of range: 9000"),
    ("{ file = \"welcome.wav\" }", "«7»", "must be a clip, not a whole number"),
    ("{ file = \"welcome.wav\" }", "{ text = «\"Ciao\"» }", "nothing is there that speaks a text ([speech] command = "),
    ("{ file = \"welcome.wav\" }", "{ text = «\" \"» }", "not a text to be spoken (1 to 4000 characters)"),
    ("\"welcome.wav\" }", "\"welcome.wav\", language = «\"-x\"» }", "`-x` is no language (like \"it\""),
    ("{ file = \"welcome.wav\" }", "«{ file = \"welcome.wav\", language = \"it\" }»", "not a clip"),
    ("[sip]", "[queue.help.announcements]\nlanguage = «\"xx\"»\n[sip]", "`xx`"),
    (
        "[sip]",
        "«[queue.help.announcements]»\nposition = false\n[sip]",
        "[queue.help.announcements] says nothing (`position = true`, `estimated_wait = true` or `messages`)",
    ),
    ("[sip]", "[queue.help.announcements]\nmessages = [«\"it/welcom\"»]\n[sip]", "there is no prompt `it/welcom`"),
    ("[sip]", "[queue.help.announcements]\nevery = «\"1 s\"»\n[sip]", "out of range: 1 s (from 5 s to 1 h)"),
    ("[sip]", "[pool.«front_office»]\nannounce = \"it/welcome\"\n[sip]", "there is no pool `front_office`"),
    ("[sip]", "[pool.back_office]\n«anounce» = \"it/welcome\"\n[sip]", "unknown key `anounce`"),
    ("[sip]", "«[queue.help.recording]»\n[sip]", "`notice` is missing in [queue.help.recording] (nobody is recorded"),
    (
        "[sip]",
        "[queue.help.recording]\nnotice = \"it/welcome\"\npause_key = «\"ab\"»\n[sip]",
        "`ab` is no key of a telephone",
    ),
    ("[sip]", "[recording]\ndays = «-1»\n[sip]", "out of range: -1"),
    ("[sip]", "[speech]\n«command» = [\"say\", \"{text}\"]\n[sip]", "`command` does not say where {file} goes"),
    (
        "[queue.help]",
        "[speech]\ncommand = [\"say\", \"{file}\", \"{text}\"]\n[service.two]\nnumber = \"801\"\nqueue = \"help\"\n\
         welcome = { text = «\"mumble\"» }\n[queue.help]",
        "the text cannot be spoken: it mumbles ([speech] runs `say` and keeps what it writes in speech",
    ),
    // Agents.
    ("\"b01..b03\"", "«\"b03..b01\"»", "`b03..b01` is not a range of numbers"),
    ("\"b01..b03\"", "«\"b1..b03\"»", "`b1..b03` is not a range of numbers"),
    ("\"b01..b03\"", "«\"00001..99999\"»", "99999 agents are too many (at most 10000)"),
    ("\"sip:{number}@192.0.2.20:5060\"", "«\"{number}@192.0.2.20:5060\"»", "a contact starts with `sip:`"),
    ("192.0.2.20:5060", "pbx..example", "this is no address and no name of a host"),
    ("contact = \"sip:{number}@192.0.2.20:5060\"", "", "[agent.b01..b03] says nothing about its phone"),
    ("contact", "password_file = \"secret\"\n«contact»", "`password_file` and `contact` exclude each other"),
    (
        "password = \"a long pass phrase\"",
        "password_file = «\"gone\"»",
        "the password file cannot be read: no such file",
    ),
    (
        "password = \"a long pass phrase\"",
        "password_file = «\"empty\"»",
        "the content of the password file cannot be a password",
    ),
    ("password = \"a long pass phrase\"", "password = 7", "a password must be text"),
    ("a long pass phrase", "", "cannot be a password"),
    // Addresses and ports.
    ("udp = \"192.0.2.10:5060\"", "udp = «\"192.0.2.10\"»", "not an address with a port"),
    (
        "udp = \"192.0.2.10:5060\"",
        "udp = «\"0.0.0.0:5060\"»",
        "listening on all addresses needs an `advertised_address`",
    ),
    ("[media]", "advertised_address = «\"0.0.0.0\"»\n[media]", "others cannot send to this address"),
    ("[media]", "[media]\naddress = «\"here\"»", "not an IP address"),
    (
        "[media]",
        "trusted = [«\"10.0.0.1/8\"»]\n[media]",
        "the address has bits beyond its prefix (did you mean `10.0.0.0/8`?)",
    ),
    ("[media]", "trusted = [«\"10.0.0.0/33\"»]\n[media]", "not a range of addresses"),
    ("[media]", "name_servers = [«\"dns.example\"»]\n[media]", "not an address"),
    ("[media]", "trusted = [\"10.0.0.0/8\", «\"10.0.0.0/8\"»]\n[media]", "this range is in the list already"),
    ("[media]", "realm = «'\"'»\n[media]", "cannot be a realm"),
    ("[media]", "domains = [«\"sip:acd.example\"»]\n[media]", "not a host"),
    ("[media]", "registration_max = «\"10 s\"»\n[media]", "`registration_max` is below `registration_min`"),
    ("\"20000-29999\"", "«\"20000\"»", "not a range of ports"),
    ("\"20000-29999\"", "«\"29999-20000\"»", "the range of ports is empty"),
    ("\"20000-29999\"", "«\"80-29999\"»", "port out of range"),
    ("\"20000-29999\"", "«\"20000-70000\"»", "port out of range"),
    ("\"20000-29999\"", "«\"5000-9999\"»", "the RTP ports contain the port of SIP"),
    ("[media]", "[media]\ncodecs = [«\"G729\"»]", "there is no codec `G729`"),
    ("[media]", "[media]\ncodecs = [«\"OPUS\"»]", "there is no codec `OPUS`"),
    ("[media]", "[media]\ncodecs = [\"PCMA\", «\"PCMA\"»]", "this codec is in the list already"),
    ("[media]", "[media]\ncodecs = «[]»", "without a codec nobody hears anybody"),
    ("[media]", "[http]\nlisten = «\"192.0.2.10:5060\"»\n[media]", "HTTP and SIP over TCP cannot share an address"),
    ("[media]", "[report]\ntime_zone = «\"Europe/Roma\"»\n[media]", "no time zone is called so (like \"Europe/Rome\""),
    // Sums.
    ("channels = 1000", "«channels» = 1000\ndialogs = 1999", "1000 calls do not fit into 1999 dialogs"),
    ("channels = 1000", "«channels» = 1000\ntransactions = 1999", "1000 calls do not fit into 1999 transactions"),
];

#[test]
fn every_kind_of_mistake_is_found_at_its_place() {
    assert_eq!(checked(SOUND).warnings, []);
    for (from, to, said) in CASES {
        assert!(SOUND.contains(from), "{from}");
        let marked = SOUND.replacen(from, to, 1);
        let text = marked.replace(['«', '»'], "");
        let found = mistakes(&text);
        assert_eq!(found.mistakes.len(), 1, "{to}: one mistake, not these:\n{found}");
        let mistake = &found.mistakes[0];
        assert!(
            format!("{} ({})", mistake.problem, mistake.hint.clone().unwrap_or_default()).contains(said),
            "{to}: {mistake}"
        );
        let Some((before, rest)) = marked.split_once('«') else { continue };
        let place =
            (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1);
        assert_eq!((mistake.line, mistake.column), place, "{to}: {mistake}");
        let words: String = rest.split('»').next().unwrap_or_default().chars().take(60).collect();
        assert_eq!(mistake.text, words, "{to}");
    }
}

#[test]
fn what_is_hardly_meant_is_warned_of() {
    let cases = [
        ("\"back_office\"]\nskills", "\"back_office\", \"attic\"]\nskills", vec!["pool `attic` has no agents"]),
        (
            "[sip]",
            "[queue.idle]\n[[queue.idle.step]]\npools = [\"back_office\"]\n[sip]",
            vec!["no service leads to queue `idle`"],
        ),
        (
            "after = \"20 s\"",
            "after = \"11 min\"",
            vec!["a step of [queue.help] opens after the longest wait of 10 min"],
        ),
        ("[\"30 s\"]", "[\"10 min\"]", vec!["a threshold of [queue.help] is not below the longest wait of 10 min"]),
        ("a long pass phrase", "short", vec!["this password is short enough to be guessed"]),
        (
            "password = \"a long pass phrase\"",
            "password_file = \"exposed\"",
            vec!["every user of this system can read the password file"],
        ),
        (
            "contact = \"sip:{number}@192.0.2.20:5060\"",
            "password_file = \"secret\"",
            vec!["3 agents share one password"],
        ),
        ("channels = 1000", "channels = 2501", vec!["2501 calls do not fit into the RTP ports 20000-29999"]),
    ];
    for (from, to, said) in cases {
        assert!(SOUND.contains(from), "{from}");
        let text = SOUND.replacen(from, to, 1);
        let warnings = checked(&text).warnings;
        assert_eq!(warnings.iter().map(|warning| warning.problem.as_str()).collect::<Vec<_>>(), said, "{to}");
        assert!(
            warnings.iter().all(|warning| warning.render("file", Severity::Warning, true).contains(&warning.problem))
        );
    }
}

#[test]
fn demo_passwords_stay_on_this_machine() {
    let open = config::DEFAULT.replace("udp = \"127.0.0.1:5060\"", "udp = \"192.0.2.10:5060\"");
    let found = mistakes(&open);
    assert_eq!(found.mistakes.len(), 1, "{found}");
    assert_eq!(found.mistakes[0].text, "\"192.0.2.10:5060\"");
    let open = config::DEFAULT.replace("tcp = \"127.0.0.1:5060\"", "tcp = \"[::]:5060\"");
    assert_eq!(mistakes(&open).mistakes[0].text, "\"[::]:5060\"");
    let elsewhere = config::DEFAULT
        .replace("127.0.0.1:5060", "127.0.0.2:5070")
        .replace("tcp = \"127.0.0.2:5070\"", "tcp = \"off\"");
    assert_eq!(checked(&elsewhere).settings.sip_tcp, None);
}

#[test]
fn a_password_is_never_printed() {
    for wrong in
        ["password = \"hush-hush\" x", "password = hush-hush", "password = [\"hush-hush\"]", "password = \"hush-hush"]
    {
        let found = mistakes(&SOUND.replace("password = \"a long pass phrase\"", wrong));
        let said = format!("{found:?}\n{found}\n{}", found.render("file", false));
        assert!(!said.contains("hush-hush"), "{said}");
    }
    let short = checked(&SOUND.replace("a long pass phrase", "hush-hush"));
    assert!(!format!("{short:?}").contains("hush-hush"));
}

#[test]
fn files_that_are_no_configuration() {
    for text in ["", "#", "\u{feff}", "\0", "[", "[[", "=", "\"", "{", "pools", "a.b.c.d = 1"] {
        assert!(!mistakes(text).mistakes.is_empty(), "{text:?}");
    }
    assert_eq!(mistakes(&"#".repeat((1 << 20) + 1)).mistakes[0].problem, "the file is longer than 1 MiB");
    assert!(!mistakes(&"[a.".repeat(2_000)).mistakes.is_empty());
    assert!(!mistakes(&format!("a = {}", "[".repeat(10_000))).mistakes.is_empty());
}

/// Seeded mutations: bytes changed, removed and doubled, lines moved. None may panic, and each ends either checked or
/// with a mistake that can be printed. `CENTRALINO_FUZZ=10000` makes more of them.
#[test]
fn mutated_files_never_panic() {
    let mut random = ChaCha8Rng::seed_from_u64(20_261_124);
    let signs: Vec<char> = "\"'[]{}=.,#\n\\-+ 0a9 è\u{0}".chars().collect();
    let bare_default: Vec<&str> = config::DEFAULT.lines().filter(|line| !line.starts_with('#')).collect();
    let bare_default = bare_default.join("\n");
    let mut outcomes = [0, 0];
    let rounds = std::env::var("CENTRALINO_FUZZ").ok().and_then(|count| count.parse().ok()).unwrap_or(1_500);
    for round in 0..rounds {
        let whole = if round % 2 == 0 { SOUND } else { &bare_default };
        let mut text: Vec<char> = whole.chars().collect();
        for _ in 0..=random.next_u32() % 3 {
            let mut pick = |bound: usize| random.next_u32() as usize % bound.max(1);
            let (at, other, kind, sign) = (pick(text.len()), pick(text.len()), pick(6), pick(signs.len()));
            match kind {
                0 => text[at] = signs[sign],
                1 => text.insert(at, signs[sign]),
                2 => drop(text.remove(at)),
                3 => text.swap(at, other),
                4 => drop(text.drain(at..(at + other % 40).min(text.len()))),
                _ => text.extend_from_within(at..(at + other % 80).min(text.len())),
            }
        }
        let text: String = text.into_iter().collect();
        match config::check(&text, &Files) {
            Ok(checked) => {
                outcomes[0] += 1;
                assert!(
                    checked.warnings.iter().all(|warning| !warning.render("file", Severity::Warning, false).is_empty())
                );
            }
            Err(found) => {
                outcomes[1] += 1;
                assert!(!found.mistakes.is_empty());
                let last = &found.mistakes[found.mistakes.len() - 1];
                assert!(last.render("file", Severity::Mistake, false).contains(&last.problem));
            }
        }
    }
    // The longer the default file grows, the fewer mutations of it are harmless.
    assert!(outcomes.iter().all(|count| *count > rounds / 100), "{outcomes:?}");
}

#[test]
fn menus_that_lead_nowhere() {
    let told = |menus: &str| {
        let text = SOUND.replace("queue = \"help\"\nwelcome", "queue = \"help\"\nmenu = \"main\"\nwelcome");
        mistakes(&format!("{text}\n{menus}")).to_string()
    };
    let wrong = r#"
[menu.main]
prompt = { file = "nowhere.wav" }
timeout = "0 s"
[menu.main.keys]
1 = { queue = "halp" }
12 = "repeat"
3 = { menu = "mian" }
4 = { queue = "help", menu = "main" }
5 = "repaet"
6 = 7
"#;
    let endless = r#"
[menu.main]
prompt = "music"
otherwise = { menu = "more" }
keys = { 1 = { queue = "help" } }
[menu.more]
otherwise = { menu = "main" }
"#;
    let number = r##"
[menu.main]
prompt = "music"
otherwise = { queue = "help" }
digits = "4-20"
terminator = "5"
confirm = "music"
language = "xx"
keys = { 1 = { queue = "help" } }
prefixes = { 7x = { queue = "help" } }
[menu.other]
prompt = "music"
otherwise = { queue = "help" }
then = { queue = "help" }
"##;
    #[rustfmt::skip]
    let rows: [(&str, &[&str]); 4] = [
        ("", &["there is no menu `main`"]),
        (number, &[
            "not a number of digits (like \"8\" or \"4-10\", at most 18)",
            "this key cannot end a number",
            "language `xx` cannot be spoken",
            "`then` is missing in [menu.main]",
            "`7x` is no beginning of a number",
            "[menu.main] asks for a number and has keys",
            "`then` belongs to a menu that asks for a number",
        ]),
        (wrong, &[
            "`otherwise` is missing in [menu.main]",
            "the sound file cannot be had",
            "out of range: 0 s (from 1 s to 1 min)",
            "there is no queue `halp` (did you mean `help`?)",
            "`12` is no key of a telephone",
            "there is no menu `mian` (did you mean `main`?)",
            "not one place to go to",
            "`repaet` is no place to go to",
            "must be a place to go to, not a whole number",
        ]),
        (endless, &["whoever presses nothing in menu `main` goes round for ever", "[menu.more] says nothing"]),
    ];
    for (menus, expected) in rows {
        let told = told(menus);
        for line in expected {
            assert!(told.contains(line), "{line}: {told}");
        }
        assert_eq!(told.trim().lines().count(), expected.len(), "{told}");
    }
}

#[test]
fn a_menu_that_hides_what_must_be_offered_is_found() {
    let with = |offers: &str, keys: &str| {
        let menu = format!("menu = \"main\"\nmust_offer = {offers}");
        let text = SOUND.replace("queue = \"help\"\nwelcome", &format!("queue = \"help\"\n{menu}\nwelcome"));
        format!("{text}\n[menu.main]\nprompt = \"music\"\notherwise = {{ queue = \"help\" }}\nkeys = {keys}\n")
    };
    assert_eq!(checked(&with("[\"help\"]", "{ 9 = { queue = \"help\" } }")).warnings, []);
    let hidden = mistakes(&with("[\"help\"]", "{ 9 = \"repeat\" }"));
    assert_eq!(hidden.mistakes[0].problem, "no key of menu `main` leads to queue `help`");
    assert_eq!(hidden.mistakes[0].text, "\"help\"");
    assert_eq!(mistakes(&with("[\"halp\"]", "{}")).mistakes[0].problem, "there is no queue `halp`");
}
