//! What callers and agents are told, heard on the wire by phones of our own and compared sample by sample.

use crate::daemon::Daemon;
use crate::needs;
use crate::phone::{Phone, sdp};
use crate::sound::{Headset, Law, Packet};
use centralino::media::Clip;
use std::time::Duration;
use toml::{Table, Value};

const SWITCHBOARD: &str = "800000200";
const CALLER: &str = "390612345678";

/// A value as it is written in a configuration.
fn toml(text: &str) -> Value {
    let table: Table = format!("value = {text}").parse().expect("TOML");
    table["value"].clone()
}

/// Every sample heard, as it came.
fn heard(packets: &[Packet]) -> Vec<u8> {
    packets.iter().flat_map(|packet| packet.payload.iter().copied()).collect()
}

/// Samples at 8 kHz as they go over the wire.
fn encoded(samples: &[i16], law: Law) -> Vec<u8> {
    samples.iter().map(|&sample| law.encode(sample)).collect()
}

#[test]
fn a_welcome_written_as_text_is_spoken_by_a_program_once_and_heard_sample_by_sample() {
    needs!("espeak-ng");
    let daemon = Daemon::start(|configuration| {
        let command = r#"["espeak-ng", "-v", "{language}", "-w", "{file}", "--", "{text}"]"#;
        configuration.set("speech", "command", toml(command));
        configuration.set("service.switchboard", "welcome", toml(r#"{ text = "Buongiorno." }"#));
    });
    let kept: Vec<_> = std::fs::read_dir(daemon.folder.join("speech")).expect("what was spoken").collect();
    assert_eq!(kept.len(), 1);
    let wav = std::fs::read(kept[0].as_ref().expect("a file").path()).expect("its sound");
    let clip = Clip::from_wav(&wav).expect("a sound file");
    assert!(clip.duration() > Duration::from_millis(300), "{:?}", clip.duration());
    let ear = Headset::new(daemon.address);
    let mut phone = Phone::new(daemon.address, daemon.sip, CALLER);
    let (mut call, _) = phone.connect(SWITCHBOARD, &sdp(daemon.address, ear.port(), &[Law::A]));
    std::thread::sleep(clip.duration() + Duration::from_millis(300));
    assert_eq!(phone.bye(&mut call), 200);
    let (heard, expected) = (heard(&ear.hang_up()), encoded(clip.samples(), Law::A));
    assert!(heard.len() > expected.len(), "{} samples heard, {} expected", heard.len(), expected.len());
    assert_eq!(expected.iter().zip(&heard).position(|(expected, heard)| expected != heard), None);
    daemon.stops();
}
