//! Mutated SDP and digest headers: each is taken, refused or ignored, none panics, nothing is sent where it must not
//! go. 10^5 of each; `CENTRALINO_FUZZ` says how many instead (10^6 and more by hand).

use centralino::media::api::{Codec, Encryption};
use centralino::media::sdp::{Local, Policy, Session};
use centralino::media::srtp::Key;
use centralino::sip::digest::{Challenge, Credentials};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::net::{IpAddr, SocketAddr};

const OFFERS: [&str; 4] = [
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\n\
     a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
    "v=0\r\no=x 99 2 IN IP6 2001:db8::7\r\ns= \r\nt=0 0\r\nm=video 4002 RTP/AVP 96\r\nm=audio 4000/2 RTP/AVP 0\r\n\
     c=IN IP4 192.0.2.8/127\r\na=rtpmap:0 PCMU/8000/1\r\na=inactive\r\na=maxptime:40\r\n",
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 8\r\n\
     a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n",
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 96 9 110 101\r\n\
     a=rtpmap:96 opus/48000/2\r\na=fmtp:96 maxplaybackrate=8000;useinbandfec=1;maxaveragebitrate=510000\r\n\
     a=rtpmap:110 telephone-event/48000\r\na=rtpmap:101 telephone-event/8000\r\na=maxptime:120\r\n",
];

const HEADERS: [&str; 2] = [
    "Digest username=\"101\", realm=\"centralino\", nonce=\"0123\", uri=\"sip:a@b\", response=\"00\", algorithm=SHA-256, \
     qop=auth, nc=00000001, cnonce=\"c\\\"d\", opaque=\"\"",
    "Digest realm=\"centralino\", nonce=\"0123\", algorithm=MD5, qop=\"auth,auth-int\", stale=true, domain=\"sip:x\"",
];

const PIECES: [&str; 26] = [
    "\r\n",
    "\n",
    "\0",
    " ",
    "\t",
    "\"",
    "\\",
    "=",
    ":",
    "/",
    ",",
    ";",
    "-1",
    "0",
    "65536",
    "4294967296",
    "99999999999999999999",
    "m=audio 1 RTP/AVP 8\r\n",
    "c=IN IP4 224.0.0.1\r\n",
    "c=IN IP4 127.0.0.1\r\n",
    "a=x\r\n",
    "a=rtpmap:8 ",
    "IN IP6 ::",
    "\u{e9}",
    "nc=",
    "Digest ",
];

struct Noise(ChaCha20Rng);

impl Noise {
    fn below(&mut self, n: usize) -> usize {
        self.0.next_u32() as usize % n.max(1)
    }

    fn mutation(&mut self, seeds: &[&str]) -> Vec<u8> {
        let chosen = self.below(seeds.len());
        let mut bytes = seeds[chosen].as_bytes().to_vec();
        for _ in 0..self.below(6) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..(at + 1 + self.below(20)).min(bytes.len()))),
                2 => {
                    let piece = PIECES[self.below(PIECES.len())];
                    bytes.splice(at..at, piece.bytes().cycle().take(piece.len() * (1 + self.below(3))));
                }
                3 => {
                    let part = bytes[at..(at + self.below(60)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, part);
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = self.0.next_u32() as u8;
                    }
                }
            }
        }
        bytes
    }
}

/// The m= lines of an SDP: kind, port, profile, formats.
fn media(sdp: &[u8]) -> Vec<(String, String, String, Vec<String>)> {
    let text = String::from_utf8_lossy(sdp);
    let lines = text.lines().filter_map(|line| line.strip_prefix("m="));
    let read = |line: &str| {
        let mut words = line.splitn(4, ' ').map(str::to_owned);
        let mut next = || words.next().unwrap_or_default();
        // A payload type is a number, however it is written.
        let plain = |format: &str| format.parse::<u8>().map_or(format.to_owned(), |number| number.to_string());
        let (kind, port, profile, formats) = (next(), next(), next(), next());
        (kind, port, profile, formats.split_ascii_whitespace().map(plain).collect())
    };
    lines.map(read).collect()
}

/// RFC 3264 6: as many m= lines as were offered, of the same kinds and profiles in the same order; at most one is in use,
/// and what it speaks was offered.
fn is_legal(offer: &[u8], answer: &[u8], payload_type: u8) {
    let (offered, answered) = (media(offer), media(answer));
    let both = || format!("{}\n{}", String::from_utf8_lossy(offer), String::from_utf8_lossy(answer));
    assert_eq!(offered.len(), answered.len(), "{}", both());
    for (offered, answered) in offered.iter().zip(&answered) {
        assert_eq!(offered.0, answered.0, "{}", both());
        assert!(offered.2.eq_ignore_ascii_case(&answered.2), "{}", both());
        // The list may not be empty, even if the one offered was.
        let was_offered = |format: &String| offered.3.contains(format) || (offered.3.is_empty() && answered.1 == "0");
        assert!(!answered.3.is_empty() && answered.3.iter().all(was_offered), "{}", both());
    }
    let used: Vec<_> = answered.iter().filter(|line| line.1 != "0").collect();
    assert!(used.len() <= 1 && used.iter().all(|line| line.0 == "audio"), "{}", both());
    assert!(used.iter().all(|line| line.3.first() == Some(&payload_type.to_string())), "{}", both());
}

fn count() -> usize {
    crate::fuzz::inputs(100_000) as usize
}

#[test]
fn noise_in_sdp_is_taken_or_refused() {
    let mut noise = Noise(ChaCha20Rng::from_seed([3; 32]));
    let ours = SocketAddr::from(([192, 0, 2, 10], 20_000));
    let is_ours = |address: SocketAddr| address == ours;
    let policy = Policy { signalled_from: IpAddr::from([192, 0, 2, 7]), allow_loopback: false, is_ours: &is_ours };
    let codecs = vec![Codec::Opus, Codec::Pcma, Codec::Pcmu];
    let (mut taken, mut refused) = (0, 0);
    let fresh = |encryption| {
        let (address, key) = (ours.ip(), Key([7; 30]));
        Session::new(Local { address, port: ours.port(), session_id: 1, codecs: codecs.clone(), encryption, key })
    };
    let mut session = fresh(Encryption::Optional);
    for number in 0..count() {
        // A leg lives through some changes.
        if number % 16 == 0 {
            session = fresh([Encryption::Off, Encryption::Optional, Encryption::Required][number / 16 % 3]);
        }
        let bytes = noise.mutation(&OFFERS);
        match session.answer(&bytes, &policy) {
            Ok((answer, stream)) => {
                taken += 1;
                assert!(answer.starts_with(b"v=0\r\n") && answer.len() < 20_000);
                let remote = stream.remote;
                assert!(remote.is_none_or(|it| !it.ip().is_multicast() && !it.ip().is_loopback() && it != ours));
                assert!((10..=60).contains(&stream.ptime_ms));
                is_legal(&bytes, &answer, stream.payload_type);
            }
            Err(unacceptable) => {
                refused += 1;
                assert!([400, 488].contains(&unacceptable.status));
            }
        }
        let mut asking = fresh(Encryption::Optional);
        asking.offer();
        let _ = asking.accept(&bytes, &policy);
    }
    // It must reach what is behind the first line, or it proves nothing.
    assert!(taken > count() / 20 && refused > count() / 20, "{taken} taken, {refused} refused");
}

#[test]
fn noise_in_digest_headers_is_read_or_refused() {
    let mut noise = Noise(ChaCha20Rng::from_seed([4; 32]));
    let mut read = 0;
    for _ in 0..count() {
        let bytes = noise.mutation(&HEADERS);
        let text = String::from_utf8_lossy(&bytes);
        if let Some(Ok(credentials)) = Credentials::parse(&text) {
            read += 1;
            assert!(credentials.count.len() == 8 && !credentials.cnonce.is_empty());
        }
        let _ = Challenge::parse(&text);
    }
    assert!(read > count() / 20, "{read} read");
}
