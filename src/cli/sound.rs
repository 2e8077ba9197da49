//! Sound files as they lie on the disk.

use centralino::media::clip::Clip;
use std::io::Read;
use std::path::Path;

/// A longer sound file is none that we play.
const SOUND_BYTES: u64 = 65 << 20;

/// Whether a sound file can be played, or why not.
pub(super) fn listen_to(path: &Path) -> Result<(), String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut wav = Vec::new();
    file.take(SOUND_BYTES).read_to_end(&mut wav).map_err(|error| error.to_string())?;
    Clip::from_wav(&wav).map(|_| ()).map_err(|error| error.to_string())
}
