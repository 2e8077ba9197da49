//! Any stream, cut anywhere: the frames are the same as of the whole.
#![no_main]

use centralino::sip::Limits;
use centralino::sip::framing::Framing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Vec<u16>)| {
    let (stream, cuts) = input;
    let limits = Limits { message_bytes: 4_000, ..Limits::default() };
    let read = |pieces: &[&[u8]]| {
        let mut framing = Framing::new(&limits);
        let mut frames = Vec::new();
        let wrong = pieces.iter().find_map(|piece| framing.push(piece, &mut frames).err());
        (frames, wrong.map(|wrong| wrong.wrong))
    };
    let mut places: Vec<usize> = cuts.iter().map(|&cut| usize::from(cut).min(stream.len())).collect();
    places.extend([0, stream.len()]);
    places.sort_unstable();
    let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
    assert_eq!(read(&pieces), read(&[&stream]));
});
