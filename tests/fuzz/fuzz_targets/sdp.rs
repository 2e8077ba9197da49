//! Any SDP as an offer, as an answer and as a re-offer.
#![no_main]

use centralino::media::api::{Codec, Encryption};
use centralino::media::sdp::{Local, Policy, Session};
use centralino::media::srtp::Key;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let local = Local {
        address: [192, 0, 2, 10].into(),
        port: 20_000,
        session_id: 1,
        codecs: vec![Codec::Opus, Codec::Pcma, Codec::Pcmu],
        encryption: Encryption::Optional,
        key: Key([7; 30]),
    };
    let is_ours = |address: std::net::SocketAddr| address.ip() == local.address;
    let policy = Policy { signalled_from: [192, 0, 2, 1].into(), allow_loopback: false, is_ours: &is_ours };
    let mut session = Session::new(local.clone());
    let first = session.answer(bytes, &policy);
    if let Ok((_, stream)) = &first {
        assert!(stream.remote.is_none_or(|remote| !remote.ip().is_multicast() && !remote.ip().is_loopback()));
        assert!(session.answer(bytes, &policy).is_ok(), "what was taken once is taken again");
    }
    let mut session = Session::new(local.clone());
    session.offer();
    let _ = session.accept(bytes, &policy);
});
