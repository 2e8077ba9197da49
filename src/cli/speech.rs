//! Texts made sound by the operator's program, each once: what was spoken is kept. It runs while a configuration is
//! read, before any call.

use super::sound::listen_to;
use centralino::config::Spoken;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often we look whether the program has ended.
const LOOK: Duration = Duration::from_millis(5);
/// So much of what it complains about is shown.
const SHOWN_BYTES: u64 = 300;

/// The file that says the text: one that is there already, or a new one.
pub(super) fn speak(spoken: &Spoken) -> Result<PathBuf, String> {
    let file = spoken.directory.join(&spoken.name);
    if listen_to(&file).is_ok() {
        return Ok(file);
    }
    fs::create_dir_all(&spoken.directory).map_err(|error| format!("{}: {error}", spoken.directory.display()))?;
    // Written under another name first: whoever else starts at the same moment finds whole files only.
    let made = spoken.directory.join(format!(".{}-{}", process::id(), spoken.name));
    let complaints = made.with_extension("complaints");
    let kept = make(spoken, &made, &complaints)
        .and_then(|()| fs::rename(&made, &file).map_err(|error| format!("{}: {error}", file.display())));
    for leftover in [made, complaints] {
        // Most often it is not there any more.
        let _ = fs::remove_file(leftover);
    }
    kept.map(|()| file)
}

fn make(spoken: &Spoken, file: &Path, complaints: &Path) -> Result<(), String> {
    let words = spoken.command_for(&file.to_string_lossy());
    let (program, arguments) = words.split_first().ok_or("no program is named")?;
    // A file and no pipe: a program that talks a lot does not stop for us, nor do its children hold us.
    let stderr = File::create(complaints).map_err(|error| format!("{}: {error}", complaints.display()))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    let child = command.spawn().map_err(|error| format!("`{program}`: {error}"))?;
    let status = end(child, spoken.timeout).map_err(|error| format!("`{program}`: {error}"))?;
    match status {
        None => Err(format!("`{program}` took longer than {} s", spoken.timeout.as_secs_f64())),
        Some(status) if !status.success() => Err(format!("`{program}` failed ({status}){}", said(complaints))),
        Some(_) => listen_to(file).map_err(|error| format!("`{program}` wrote no sound that can be played: {error}")),
    }
}

/// How it ended by itself; `None` when it had to be ended.
fn end(mut child: Child, timeout: Duration) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

fn said(complaints: &Path) -> String {
    let mut text = Vec::new();
    if let Ok(file) = File::open(complaints) {
        // What cannot be read is not shown.
        let _ = file.take(SHOWN_BYTES).read_to_end(&mut text);
    }
    match String::from_utf8_lossy(&text).split_whitespace().collect::<Vec<_>>().join(" ") {
        nothing if nothing.is_empty() => nothing,
        text => format!(": {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use centralino::media::Clip;

    /// A folder of its own, gone when the test is over.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("centralino-speech-{}-{name}", process::id()));
            let _ = fs::remove_dir_all(&path);
            Folder(path)
        }

        /// What `sh` does with the text as `$2` and the file as `$1`.
        fn spoken(&self, script: &str, text: &str) -> Spoken {
            let words = ["sh", "-c", script, "sh", "{file}", "{text}", "{language}"];
            Spoken {
                command: words.map(str::to_owned).to_vec(),
                text: text.into(),
                language: "it".into(),
                directory: self.0.join("kept"),
                name: "it-1.wav".into(),
                timeout: Duration::from_secs(5),
            }
        }

        /// A sound file to be copied.
        fn sound(&self) -> String {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/prompts/it/welcome_short.wav");
            path.to_string_lossy().into_owned()
        }

        fn left(&self) -> Vec<String> {
            let entries = fs::read_dir(self.0.join("kept")).unwrap();
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_text_is_spoken_once_and_kept() {
        let folder = Folder::new("once");
        let script = format!("cp {} $1; echo \"$2|$3\" >> {}/runs", folder.sound(), folder.0.display());
        let spoken = folder.spoken(&script, "Ciao; $(rm -rf /) {file} {language}");
        for _ in 0..3 {
            let file = speak(&spoken).unwrap();
            assert!(Clip::from_wav(&fs::read(file).unwrap()).unwrap().duration() > Duration::from_secs(1));
        }
        let runs = fs::read_to_string(folder.0.join("runs")).unwrap();
        assert_eq!(
            runs, "Ciao; $(rm -rf /) {file} {language}|it\n",
            "run once, and nothing in the text means anything"
        );
        assert_eq!(folder.left(), ["it-1.wav"]);
        fs::write(folder.0.join("kept/it-1.wav"), "cut short").unwrap();
        speak(&spoken).unwrap();
        assert_eq!(fs::read_to_string(folder.0.join("runs")).unwrap().lines().count(), 2, "a broken file is made anew");
    }

    #[test]
    fn what_does_not_work_is_said_and_leaves_nothing() {
        let folder = Folder::new("fails");
        let reason = |script: &str| speak(&folder.spoken(script, "x")).unwrap_err();
        assert_eq!(reason("echo no such voice >&2; exit 3"), "`sh` failed (exit status: 3): no such voice");
        let unheard = "`sh` wrote no sound that can be played: ";
        assert_eq!(reason("echo hello > $1"), format!("{unheard}not a WAV file"));
        assert!(reason("true").starts_with(unheard));
        let mut slow = folder.spoken("sleep 30", "x");
        slow.timeout = Duration::from_millis(50);
        assert_eq!(speak(&slow).unwrap_err(), "`sh` took longer than 0.05 s");
        let mut nobody = folder.spoken("", "x");
        nobody.command = vec!["/nowhere/speaker".into()];
        assert_eq!(speak(&nobody).unwrap_err(), "`/nowhere/speaker`: No such file or directory (os error 2)");
        assert_eq!(folder.left(), [""; 0]);
        nobody.directory = PathBuf::from("/proc/no");
        assert!(speak(&nobody).unwrap_err().starts_with("/proc/no: "));
    }
}
