//! Prompts and music, from their files to what the media thread plays.

use anyhow::{Context, Result};
use centralino::config::{self, ClipSource};
use centralino::media;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};

/// All sounds that a configuration names, by their place in it.
pub fn load(clips: &[config::Clip]) -> Result<Vec<media::Clip>> {
    let load = |clip: &config::Clip| match &clip.source {
        ClipSource::File(path) => {
            let bytes = fs::read(path).with_context(|| format!("prompt {}", path.display()))?;
            media::Clip::from_wav(&bytes).with_context(|| format!("prompt {}", path.display()))
        }
        ClipSource::Embedded(name) => media::embedded::clip(name).with_context(|| format!("prompt {name}")),
        ClipSource::Tone { hz, length } => {
            media::Clip::from_samples(media::tone::samples(*hz, *length)).context("tone")
        }
    };
    clips.iter().map(load).collect()
}

/// What tells one sound from another without keeping it.
pub fn print(clip: &media::Clip) -> u64 {
    let mut hasher = DefaultHasher::new();
    clip.samples().hash(&mut hasher);
    hasher.finish()
}
