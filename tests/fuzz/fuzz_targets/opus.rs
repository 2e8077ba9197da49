//! Any bytes as packets of Opus, each as long as its first byte says, converted for a leg of G.711 and one of G.722.
#![no_main]

use centralino::media::Codec;
use centralino::media::convert::Conversion;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for to in [Codec::Pcma, Codec::G722] {
        let mut conversion = Conversion::new(Codec::Opus, to);
        let (mut rest, mut made) = (bytes, Vec::new());
        while let Some((&length, behind)) = rest.split_first() {
            let (packet, behind) = behind.split_at(usize::from(length).min(behind.len()));
            made.clear();
            conversion.convert(packet, &mut made);
            assert!(made.len() <= 960, "120 ms at most");
            rest = behind;
        }
    }
});
