//! The thread that writes recordings: one WAV file a call, the caller on the left, the agent on the right. Nobody waits
//! for it: what does not fit into its channel, or on its disk, is lost and counted, and the call goes on.

mod take;

use super::inbox::{Inbox, Message};
use centralino::config::RecordingSettings;
use centralino::facts::{Fact, Record, Turned};
use centralino::ids::CallId;
use centralino::media::Recorded;
use centralino::time::Time;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant, SystemTime};
use take::Take;

/// Packets that wait for a slow disk: eight seconds of ten calls.
const CAPACITY: usize = 8_192;
/// Of those, for beginnings and ends alone: sound may be lost, the end of a file may not.
const KEPT_FREE: usize = 1_024;
/// How often old recordings are looked for.
const PURGE_EVERY: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// The media thread's end; dropped, the thread finishes its files and ends.
#[derive(Clone, Debug)]
pub struct Recorder(Sender<Recorded>);

impl Recorder {
    /// Hands sound over without waiting; false when it is lost.
    pub fn put(&self, recorded: Recorded) -> bool {
        let is_sound = matches!(recorded, Recorded::Sound { .. });
        !(is_sound && self.0.len() >= CAPACITY - KEPT_FREE) && self.0.try_send(recorded).is_ok()
    }
}

/// Starts the thread.
pub fn spawn(settings: RecordingSettings, inbox: Inbox) -> io::Result<(Recorder, JoinHandle<()>)> {
    let (sender, receiver) = bounded(CAPACITY);
    let thread = Builder::new().name("recorder".into()).spawn(move || run(&receiver, &settings, &inbox))?;
    Ok((Recorder(sender), thread))
}

fn run(recorded: &Receiver<Recorded>, settings: &RecordingSettings, inbox: &Inbox) {
    let mut takes = BTreeMap::new();
    purge(settings);
    let mut purge_at = Instant::now() + PURGE_EVERY;
    loop {
        // However busy it is: old recordings go on time.
        if Instant::now() >= purge_at {
            purge(settings);
            purge_at = Instant::now() + PURGE_EVERY;
        }
        match recorded.recv_deadline(purge_at) {
            Ok(recorded) => {
                let at = moment(&recorded);
                if let Err(error) = obey(&mut takes, recorded, &settings.directory) {
                    tracing::warn!(%error, "a recording stopped; the call goes on");
                    inbox.put(Message::Fact(Record { at, fact: Fact::Turned(Turned::RecordingLost) }));
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    for take in takes.into_values() {
        if let Err(error) = take.end() {
            tracing::warn!(%error, "a recording was not finished");
        }
    }
}

fn moment(recorded: &Recorded) -> Time {
    match recorded {
        Recorded::Began { at, .. } | Recorded::Sound { at, .. } | Recorded::Ended { at, .. } => *at,
    }
}

/// A recording that fails is given up at once: the rest of it is no news.
fn obey(takes: &mut BTreeMap<CallId, Take<File>>, recorded: Recorded, directory: &Path) -> io::Result<()> {
    match recorded {
        Recorded::Began { call, at } => {
            takes.insert(call, Take::begin(create(directory, call)?, at)?);
            Ok(())
        }
        Recorded::Sound { call, party, at, codec, sound } => match takes.get_mut(&call) {
            None => Ok(()),
            Some(take) => take.hear(party, at, codec, &sound).inspect_err(|_| {
                // What was written may be heard, if the disk takes as much as its length.
                takes.remove(&call).map(Take::give_up);
            }),
        },
        Recorded::Ended { call, .. } => takes.remove(&call).map_or(Ok(()), Take::end),
    }
}

/// Named by the moment and the call's number of this run: nobody's telephone number is in it. A call that is recorded
/// once more within the same second gets a number behind it.
fn create(directory: &Path, call: CallId) -> io::Result<File> {
    fs::create_dir_all(directory)?;
    let stem = format!("{}-{}", jiff::Zoned::now().strftime("%Y%m%d-%H%M%S"), call.0);
    let names = (1..10).map(|part| if part == 1 { format!("{stem}.wav") } else { format!("{stem}-{part}.wav") });
    let mut last = io::ErrorKind::AlreadyExists.into();
    for name in names {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(directory.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            other => return other,
        }
    }
    Err(last)
}

/// Removes recordings that are older than they may be; what somebody else put beside them stays.
fn purge(settings: &RecordingSettings) {
    if settings.days == 0 {
        return;
    }
    let limit = SystemTime::now().checked_sub(DAY * settings.days);
    for file in old_recordings(&settings.directory, limit) {
        match fs::remove_file(&file) {
            Ok(()) => tracing::info!(file = %file.display(), "an old recording was removed"),
            Err(error) => tracing::warn!(file = %file.display(), %error, "an old recording could not be removed"),
        }
    }
}

fn old_recordings(directory: &Path, limit: Option<SystemTime>) -> Vec<PathBuf> {
    // Nothing was recorded yet, most often.
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let is_old = |path: &PathBuf| {
        let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
        path.file_name().and_then(|name| name.to_str()).is_some_and(is_ours)
            && matches!((changed, limit), (Ok(changed), Some(limit)) if changed < limit)
    };
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_old).collect()
}

/// Whether it is a name as [`create`] makes them.
fn is_ours(name: &str) -> bool {
    let parts: Vec<&str> = name.strip_suffix(".wav").unwrap_or_default().split('-').collect();
    let are_digits = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|sign| sign.is_ascii_digit()));
    matches!(parts.as_slice(), [day, time, _] | [day, time, _, _] if day.len() == 8 && time.len() == 6) && are_digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use centralino::facts::Party;
    use centralino::media::Codec;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("centralino-recorder-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn sound(call: u64, at: u64) -> Recorded {
        let (call, at) = (CallId(call), Time::from_millis(at));
        Recorded::Sound { call, party: Party::Caller, at, codec: Codec::Pcma, sound: vec![0x35; 160] }
    }

    #[test]
    fn a_disk_that_cannot_be_written_loses_the_recording_once_and_says_so() {
        let folder = Folder::new("full");
        fs::create_dir_all(&folder.0).unwrap();
        fs::write(folder.0.join("file"), "").unwrap();
        let (inbox, messages) = Inbox::new().unwrap();
        let settings = RecordingSettings { directory: folder.0.join("file/below"), days: 0 };
        let (recorder, thread) = spawn(settings, inbox).unwrap();
        let at = Time::from_millis(1);
        assert!(recorder.put(Recorded::Began { call: CallId(1), at }));
        for packet in 0..100 {
            assert!(recorder.put(sound(1, 20 * packet)));
        }
        assert!(recorder.put(Recorded::Ended { call: CallId(1), at }));
        drop(recorder);
        thread.join().unwrap();
        let lost = Fact::Turned(Turned::RecordingLost);
        let told = messages.next();
        assert!(matches!(&told, Some(Message::Fact(record)) if record.fact == lost), "{told:?}");
        assert!(messages.next().is_none(), "it is told once");
    }

    #[test]
    fn a_call_recorded_twice_in_a_second_has_two_files() {
        let folder = Folder::new("twice");
        let (inbox, messages) = Inbox::new().unwrap();
        let (recorder, thread) = spawn(RecordingSettings { directory: folder.0.clone(), days: 0 }, inbox).unwrap();
        for _ in 0..2 {
            assert!(recorder.put(Recorded::Began { call: CallId(1), at: Time::ZERO }));
            assert!(recorder.put(sound(1, 20)));
            assert!(recorder.put(Recorded::Ended { call: CallId(1), at: Time::from_millis(20) }));
        }
        drop(recorder);
        thread.join().unwrap();
        assert!(messages.next().is_none(), "nothing is lost");
        let files = fs::read_dir(&folder.0).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
        assert_eq!(files.collect::<Vec<_>>(), [44 + 4 * 160; 2]);
    }

    #[test]
    fn sound_leaves_room_for_ends() {
        let (sender, receiver) = bounded(CAPACITY);
        let recorder = Recorder(sender);
        let taken = (0..CAPACITY as u64).filter(|&packet| recorder.put(sound(1, packet))).count();
        assert_eq!(taken, CAPACITY - KEPT_FREE);
        assert!(recorder.put(Recorded::Ended { call: CallId(1), at: Time::ZERO }));
        drop(receiver);
    }

    #[test]
    fn old_recordings_are_removed_and_nothing_else() {
        let folder = Folder::new("old");
        fs::create_dir_all(&folder.0).unwrap();
        let others = ["notes.txt", "welcome.wav", "20260101-080000.wav", "20260101-080000-1.wav.bak", "2026-08-1.wav"];
        for name in ["20260101-080000-1.wav", "20260101-080000-17-2.wav"].iter().chain(&others) {
            fs::write(folder.0.join(name), "").unwrap();
        }
        let later = SystemTime::now() + Duration::from_secs(60);
        let mut old = old_recordings(&folder.0, Some(later));
        old.sort();
        assert_eq!(old, ["20260101-080000-1.wav", "20260101-080000-17-2.wav"].map(|name| folder.0.join(name)));
        assert!(old_recordings(&folder.0, SystemTime::now().checked_sub(DAY)).is_empty());
        purge(&RecordingSettings { directory: folder.0.clone(), days: 1 });
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2 + others.len(), "they are of today");
    }
}
