//! The languages that are spoken: every number, place and wait, against lists written by hand and rules of their own.

use crate::configuration::shipped_file;
use centralino::acd::voice::Voice;
use centralino::config::{self, Checked, SecretFile, Sources, Spoken};
use centralino::ids::ClipId;

use std::collections::HashMap;
use std::path::PathBuf;
use toml::Table;

/// A folder with one language of its own and nothing else.
struct Folder<'a>(&'a str);

impl Sources for Folder<'_> {
    fn find_prompt(&self, path: &str) -> Result<PathBuf, String> {
        let is_there = path == "languages/de/und.wav";
        is_there.then(|| PathBuf::from(path)).ok_or_else(|| "no such file".to_owned())
    }

    fn read_secret(&self, _: &str) -> Result<SecretFile, String> {
        Err("no such file".to_owned())
    }

    fn read_language(&self, name: &str) -> Result<String, String> {
        if name == "de" { Ok(self.0.to_owned()) } else { Err("no such file".to_owned()) }
    }

    fn speak(&self, spoken: &Spoken) -> Result<PathBuf, String> {
        Ok(PathBuf::from(format!("spoken/{}/{}", spoken.language, spoken.text)))
    }
}

fn check(language: &str, file: &str) -> Result<Checked, config::Mistakes> {
    let text = format!(
        "pools = [\"p\"]\nskills = []\n[speech]\ncommand = [\"say\", \"{{file}}\", \"{{text}}\"]\n[service.s]\nnumber = \
         \"1\"\nqueue = \"q\"\n[queue.q]\n[queue.q.announcements]\nlanguage = \"{language}\"\n[[queue.q.step]]\npools = \
         [\"p\"]\n"
    );
    config::check(&text, &Folder(file))
}

/// A language, and what each of its clips says.
struct Spelled {
    voice: Voice,
    text: HashMap<ClipId, String>,
}

impl Spelled {
    /// One that is compiled in: its clips are named after its words.
    fn known(language: &str) -> Spelled {
        let checked = check(language, "").unwrap();
        let file = std::fs::read_to_string(shipped_file(&format!("languages/{language}.toml"))).unwrap();
        let words: Table = file.parse::<Table>().unwrap()["words"].as_table().unwrap().clone();
        let said = |name: &String| {
            let word = name.strip_prefix(&format!("{language}/words/"))?;
            Some(words[word].as_str().unwrap().to_owned())
        };
        let clips = (0..).map(ClipId).zip(&checked.plan.clips);
        let text = clips.filter_map(|(id, name)| Some((id, said(name)?))).collect();
        Spelled { voice: checked.plan.voices[0].clone(), text }
    }

    fn number(&self, number: u32) -> String {
        self.spell(self.voice.number(number), " ")
    }

    fn spell(&self, said: Option<Vec<ClipId>>, between: &str) -> String {
        let words: Vec<&str> = said.expect("words").iter().map(|clip| self.text[clip].as_str()).collect();
        words.join(between)
    }
}

#[test]
fn italian_numbers_are_spelled_as_italians_spell_them() {
    let italian = Spelled::known("it");
    let spelled = |number| italian.spell(italian.voice.number(number), "");
    let by_hand = [
        (0, "zero"),
        (1, "uno"),
        (3, "tre"),
        (8, "otto"),
        (11, "undici"),
        (16, "sedici"),
        (17, "diciassette"),
        (18, "diciotto"),
        (19, "diciannove"),
        (20, "venti"),
        (21, "ventuno"),
        (22, "ventidue"),
        (28, "ventotto"),
        (29, "ventinove"),
        (31, "trentuno"),
        (38, "trentotto"),
        (40, "quaranta"),
        (41, "quarantuno"),
        (48, "quarantotto"),
        (51, "cinquantuno"),
        (58, "cinquantotto"),
        (61, "sessantuno"),
        (68, "sessantotto"),
        (71, "settantuno"),
        (78, "settantotto"),
        (81, "ottantuno"),
        (88, "ottantotto"),
        (91, "novantuno"),
        (98, "novantotto"),
        (99, "novantanove"),
        (100, "cento"),
        (101, "centouno"),
        (108, "centootto"),
        (121, "centoventuno"),
        (180, "centoottanta"),
        (200, "duecento"),
        (328, "trecentoventotto"),
        (777, "settecentosettantasette"),
        (999, "novecentonovantanove"),
    ];
    for (number, expected) in by_hand {
        assert_eq!(spelled(number), expected);
    }
    // The rule in words: the tens lose their vowel before uno and otto, and nothing else ever changes.
    let tens = ["", "", "venti", "trenta", "quaranta", "cinquanta", "sessanta", "settanta", "ottanta", "novanta"];
    for number in 20..=999 {
        let (hundreds, ten, unit) = (number / 100, number / 10 % 10, number % 10);
        let mut expected = match hundreds {
            0 => String::new(),
            1 => "cento".to_owned(),
            _ => format!("{}cento", spelled(hundreds)),
        };
        match (ten, unit) {
            (0, 0) => {}
            (0 | 1, _) => expected += &spelled(number % 100),
            (_, 0) => expected += tens[ten as usize],
            (_, 1 | 8) => {
                expected += &format!("{}{}", &tens[ten as usize][..tens[ten as usize].len() - 1], spelled(unit))
            }
            _ => expected += &format!("{}{}", tens[ten as usize], spelled(unit)),
        }
        assert_eq!(spelled(number), expected, "{number}");
    }
}

#[test]
fn english_numbers_are_spelled_as_the_british_spell_them() {
    let english = Spelled::known("en");
    let by_hand = [
        (0, "zero"),
        (1, "one"),
        (11, "eleven"),
        (12, "twelve"),
        (13, "thirteen"),
        (15, "fifteen"),
        (18, "eighteen"),
        (20, "twenty"),
        (21, "twenty one"),
        (40, "forty"),
        (58, "fifty eight"),
        (99, "ninety nine"),
        (100, "one hundred"),
        (101, "one hundred and one"),
        (110, "one hundred and ten"),
        (121, "one hundred and twenty one"),
        (200, "two hundred"),
        (345, "three hundred and forty five"),
        (999, "nine hundred and ninety nine"),
    ];
    for (number, expected) in by_hand {
        assert_eq!(english.number(number), expected);
    }
    let below_100 = |number: u32| match (number / 10 * 10, number % 10) {
        (0 | 10, _) | (_, 0) => english.number(number),
        (tens, unit) => format!("{} {}", english.number(tens), english.number(unit)),
    };
    for number in 0..=999 {
        let expected = match (number / 100, number % 100) {
            (0, rest) => below_100(rest),
            (hundreds, 0) => format!("{} hundred", english.number(hundreds)),
            (hundreds, rest) => format!("{} hundred and {}", english.number(hundreds), below_100(rest)),
        };
        assert_eq!(english.number(number), expected, "{number}");
    }
}

#[test]
fn places_and_waits_agree_with_their_number() {
    let (italian, english) = (Spelled::known("it"), Spelled::known("en"));
    let position = |spelled: &Spelled, number| spelled.spell(spelled.voice.position(number), " ");
    let wait = |spelled: &Spelled, minutes| spelled.spell(spelled.voice.wait_minutes(minutes), " ");
    assert_eq!(position(&italian, 1), "La sua chiamata è la prossima.");
    assert_eq!(position(&italian, 21), "Il suo numero in coda è ventuno");
    assert_eq!(position(&english, 1), "You are next.");
    assert_eq!(position(&english, 2), "Your number in the queue is two");
    assert_eq!(wait(&italian, 1), "Il tempo di attesa previsto è di circa un minuto.");
    assert_eq!(wait(&italian, 28), "Il tempo di attesa previsto è di circa ventotto minuti");
    assert_eq!(wait(&english, 1), "The expected wait is about one minute.");
    assert_eq!(wait(&english, 101), "The expected wait is about one hundred and one minutes");
    for minutes in 2..=120 {
        let (it, en) = (italian.number(minutes), english.number(minutes));
        assert_eq!(wait(&italian, minutes), format!("Il tempo di attesa previsto è di circa {it} minuti"));
        assert_eq!(wait(&english, minutes), format!("The expected wait is about {en} minutes"));
    }
    for spelled in [italian, english] {
        assert_eq!((spelled.voice.wait_minutes(121), spelled.voice.position(1_000)), (None, None), "too much to say");
    }
}

/// German: the units go before the tens. Words without a file are spoken by the program.
fn german() -> String {
    let mut file =
        "[words]\nund = \"und\"\nein = \"ein\"\nhundert = \"hundert\"\nplatz = \"Ihr Platz ist\"\n".to_owned();
    for number in (0..=20).chain((30..100).step_by(10)) {
        file += &format!("{number} = \"{number}\"\n");
    }
    for tens in (20..100).step_by(10) {
        let by = if tens == 20 { "with_rest = \"{rest} und {round}\"" } else { continue };
        file += &format!("[[number]]\nfrom = {tens}\nby = 10\nsay = \"{{round}}\"\n{by}\n");
    }
    file + "[[number]]\nfrom = 100\nby = 100\nsay = \"{times} hundert\"\nwith_rest = \"{times} hundert {rest}\"\n\
            [position]\nother = \"platz {n}\"\n[wait_minutes]\nother = \"{n}\"\n"
}

#[test]
fn a_language_is_added_by_adding_a_file() {
    let checked = check("de", &german()).unwrap();
    let name = |clip: &ClipId| checked.plan.clips[clip.index()].clone();
    let voice = &checked.plan.voices[0];
    let said: Vec<String> = voice.position(321).unwrap().iter().map(name).collect();
    assert_eq!(said, ["Ihr Platz ist", "3", "hundert", "1", "languages/de/und.wav", "20"]);
}

#[test]
fn what_is_wrong_with_a_language_is_told_with_its_place() {
    let said = |language: &str, file: &str| {
        let found = check(language, file).unwrap_err();
        assert_eq!(found.mistakes.len(), 1, "{found}");
        (found.mistakes[0].text.clone(), found.mistakes[0].problem.clone())
    };
    let cases = [
        ("fr", String::new(), "no such file"),
        ("de", german().replace("90 = \"90\"\n", ""), "the number 90 cannot be said; all up to 999 are needed"),
        ("de", german().replace("{times} hundert\"", "{n} hundert\""), "there is no word `{n}`"),
        ("de", german().replace("platz {n}", "{rest}"), "there is no word `{rest}`"),
        ("de", german().replace("und {round}", "un {round}"), "there is no word `un`"),
        ("de", german().replace("[position]\nother", "[position]\n1"), "does not say what holds for `other` numbers"),
        ("de", german().replace("by = 10\n", "by = 1\n"), "out of range: 1"),
        ("de", german().replace("und = ", "\"../und\" = "), "`../und` cannot be a word's name"),
        ("de", german().replace("[wait_minutes]", "[wait_hours]"), "[wait_minutes] is missing"),
        ("de", "words".to_owned(), "language `de` cannot be spoken"),
    ];
    for (language, file, expected) in cases {
        let (text, problem) = said(language, &file);
        assert!(problem.contains(expected), "{problem}");
        assert_eq!(text, format!("\"{language}\""), "the place where it is named");
    }
}
