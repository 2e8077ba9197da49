//! The clips that are compiled in, so that the daemon speaks before anybody wrote a file.

use super::clip::Clip;
use super::music;

/// The piece of hold music that is synthesised rather than stored.
pub const MUSIC: &str = "music";

/// Prompts by name, as WAV files; `config/prompts/make.sh` makes them.
const PROMPTS: [(&str, &[u8]); 5] = [
    ("en/welcome", include_bytes!("../../config/prompts/en/welcome.wav")),
    ("en/welcome_short", include_bytes!("../../config/prompts/en/welcome_short.wav")),
    ("it/menu", include_bytes!("../../config/prompts/it/menu.wav")),
    ("it/welcome", include_bytes!("../../config/prompts/it/welcome.wav")),
    ("it/welcome_short", include_bytes!("../../config/prompts/it/welcome_short.wav")),
];

/// Every name that [`clip`] knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROMPTS.iter().map(|&(name, _)| name).chain([MUSIC])
}

/// The WAV file of an embedded prompt; [`MUSIC`] has none.
pub fn embedded(name: &str) -> Option<&'static [u8]> {
    PROMPTS.iter().find(|(known, _)| *known == name).map(|&(_, wav)| wav)
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
    fn prompts_are_stored_as_they_are_played() {
        for (name, wav) in PROMPTS {
            let stored: Result<Vec<i16>, _> = hound::WavReader::new(wav).unwrap().into_samples::<i16>().collect();
            assert_eq!(clip(name).unwrap().samples(), stored.unwrap(), "{name}");
        }
    }
}
