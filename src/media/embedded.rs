//! The clips that are compiled in, so that the daemon speaks before anybody wrote a file.

use super::clip::Clip;
use super::music;

/// The piece of hold music that is synthesised rather than stored.
pub const MUSIC: &str = "music";

/// Prompts by name, as WAV files; `config/prompts/make.sh` makes them.
const PROMPTS: [(&str, &[u8]); 8] = [
    ("en/welcome", include_bytes!("../../config/prompts/en/welcome.wav")),
    ("en/welcome_short", include_bytes!("../../config/prompts/en/welcome_short.wav")),
    ("it/busy", include_bytes!("../../config/prompts/it/busy.wav")),
    ("it/closed", include_bytes!("../../config/prompts/it/closed.wav")),
    ("it/holiday", include_bytes!("../../config/prompts/it/holiday.wav")),
    ("it/menu", include_bytes!("../../config/prompts/it/menu.wav")),
    ("it/welcome", include_bytes!("../../config/prompts/it/welcome.wav")),
    ("it/welcome_short", include_bytes!("../../config/prompts/it/welcome_short.wav")),
];

macro_rules! words {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_bytes!(concat!("../../config/prompts/", $name, ".wav")) as &[u8])),+]
    };
}

/// The words of `config/languages/`, as WAV files in A-law; `config/prompts/make.sh` makes them too.
#[rustfmt::skip]
static WORDS: [(&str, &[u8]); 85] = words![
    "en/words/0", "en/words/1", "en/words/2", "en/words/3", "en/words/4", "en/words/5", "en/words/6", "en/words/7",
    "en/words/8", "en/words/9", "en/words/10", "en/words/11", "en/words/12", "en/words/13", "en/words/14",
    "en/words/15", "en/words/16", "en/words/17", "en/words/18", "en/words/19", "en/words/20", "en/words/30",
    "en/words/40", "en/words/50", "en/words/60", "en/words/70", "en/words/80", "en/words/90", "en/words/hundred",
    "en/words/hundred_and", "en/words/minutes", "en/words/next", "en/words/position", "en/words/wait",
    "en/words/wait_one",
    "it/words/0", "it/words/1", "it/words/2", "it/words/3", "it/words/4", "it/words/5", "it/words/6", "it/words/7",
    "it/words/8", "it/words/9", "it/words/10", "it/words/11", "it/words/12", "it/words/13", "it/words/14",
    "it/words/15", "it/words/16", "it/words/17", "it/words/18", "it/words/19", "it/words/20", "it/words/21",
    "it/words/28", "it/words/30", "it/words/31", "it/words/38", "it/words/40", "it/words/41", "it/words/48",
    "it/words/50", "it/words/51", "it/words/58", "it/words/60", "it/words/61", "it/words/68", "it/words/70",
    "it/words/71", "it/words/78", "it/words/80", "it/words/81", "it/words/88", "it/words/90", "it/words/91",
    "it/words/98", "it/words/100", "it/words/minutes", "it/words/next", "it/words/position", "it/words/wait",
    "it/words/wait_one",
];

/// Every name that [`clip`] knows, single words apart.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROMPTS.iter().map(|&(name, _)| name).chain([MUSIC])
}

/// The name that a language's word has here: `it/words/21`.
pub fn word(language: &str, word: &str) -> Option<&'static str> {
    let name = format!("{language}/words/{word}");
    WORDS.iter().map(|&(known, _)| known).find(|known| *known == name)
}

/// The WAV file of an embedded prompt or word; [`MUSIC`] has none.
pub fn embedded(name: &str) -> Option<&'static [u8]> {
    PROMPTS.iter().chain(&WORDS).find(|(known, _)| *known == name).map(|&(_, wav)| wav)
}

/// An embedded prompt, or the music, ready to play.
pub fn clip(name: &str) -> Option<Clip> {
    let clip = match embedded(name) {
        Some(wav) => Clip::from_wav(wav),
        None if name == MUSIC => Clip::from_samples(music::loop_samples()),
        None => return None,
    };
    debug_assert!(clip.is_ok(), "an embedded clip is broken: {name}");
    clip.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clip_is_there_and_within_its_bounds() {
        for name in names() {
            let clip = clip(name).unwrap();
            let seconds = clip.duration().as_secs_f64();
            let peak = clip.samples().iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            // -3 dB of full scale is 23,197.
            assert!((10_000..23_197).contains(&peak), "{name} {peak}");
            let bounds = match name {
                MUSIC => 15.0..30.0,
                menu if menu.ends_with("/menu") => 8.0..20.0,
                short if short.ends_with("_short") => 1.0..2.5,
                _ => 5.0..8.0,
            };
            assert!(bounds.contains(&seconds), "{name} {seconds}");
        }
        assert!(clip("it/goodbye").is_none());
    }

    #[test]
    fn every_word_is_there_and_short() {
        for (name, _) in WORDS {
            let (language, spoken) = name.split_once("/words/").unwrap();
            assert_eq!(word(language, spoken), Some(name));
            let seconds = clip(name).unwrap().duration().as_secs_f64();
            assert!((0.15..3.5).contains(&seconds), "{name} {seconds}");
        }
        assert_eq!((word("it", "22"), word("xx", "1")), (None, None));
    }

    #[test]
    fn prompts_are_stored_as_they_are_played() {
        for (name, wav) in PROMPTS {
            let stored: Result<Vec<i16>, _> = hound::WavReader::new(wav).unwrap().into_samples::<i16>().collect();
            assert_eq!(clip(name).unwrap().samples(), stored.unwrap(), "{name}");
        }
    }
}
