//! Mutated messages and random bytes over intake, parser, framing, digest and registrar: each is read, answered or
//! dropped, none panics, nothing grows. `CENTRALINO_FUZZ` sets how many.

use centralino::sip::api::{Flow, Transport};
use centralino::sip::framing::{Frame, Framing};
use centralino::sip::intake::{Intake, Taken};
use centralino::sip::message::{Message, Method, Request, Writer};
use centralino::sip::registrar::Registrar;
use centralino::sip::{Account, Limits, Secret, Settings};
use centralino::time::Time;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const SEEDS: [&str; 4] = [
    "INVITE sip:800100@acd.test;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKabc;rport, \
     SIP/2.0/UDP far.test;branch=z9hG4bKfar\r\nv: SIP/2.0/TCP [2001:db8::1]\r\n\
     f: \"Rossi, \\\"M\\\" <x>\" <sip:%2b39055@pbx.test>;tag=88\r\nTo: sip:800100@acd.test\r\ni: call-1\r\n\
     CSEQ: 7 INVITE\r\nMax-Forwards: 70\r\nRecord-Route: <sip:p1.test;lr>, <sip:p2.test;lr>\r\n\
     Route: <sip:acd.test;lr>\r\nm: <sip:me@10.0.0.1:5062;transport=udp>\r\nRequire: a, b\r\nX-Thing :  folded\r\n  once\r\n\
     Supported: timer, 100rel\r\nc: application/sdp\r\nl: 4\r\n\r\nv=0\n",
    "REGISTER sip:acd.test SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:101@acd.test>;tag=1\r\n\
     To: <sip:101@acd.test>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\nContact: <sip:101@10.0.0.1>;expires=60;q=0.5, *\r\n\
     Expires: 600\r\nAuthorization: Digest username=\"101\", realm=\"acd.test\", nonce=\"0\", uri=\"sip:acd.test\", \
     response=\"0\", algorithm=SHA-256, cnonce=\"c\", qop=auth, nc=00000001\r\nContent-Length: 0\r\n\r\n",
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKabc;received=10.0.0.2;rport=5060\r\n\
     From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:c@10.0.0.9>\r\n\
     Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n",
    "BYE sip:a@[::1]:5060 SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <tel:+39055;phone-context=x>;tag=1\r\n\
     To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 2 BYE\r\n\r\n",
];

/// What a mutation likes to put in.
const PIECES: [&[u8]; 24] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\r",
    b"\n",
    b"\0",
    b" ",
    b"\t",
    b"\"",
    b"\\",
    b"<",
    b">",
    b";",
    b",",
    b"%",
    b"%0",
    b"@",
    b":",
    b"=",
    b"\xff",
    "\u{e9}".as_bytes(),
    b"4294967296",
    b"-1",
    b";tag=",
    b"Content-Length: 9\r\n",
];

struct Noise(ChaCha20Rng);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        (self.0.next_u32() as usize) % limit.max(1)
    }

    fn message(&mut self) -> Vec<u8> {
        if self.below(10) == 0 {
            let mut bytes = vec![0; self.below(400)];
            self.0.fill_bytes(&mut bytes);
            return bytes;
        }
        let mut bytes = SEEDS[self.below(SEEDS.len())].as_bytes().to_vec();
        for _ in 0..self.below(5) {
            let at = self.below(bytes.len());
            let end = (at + self.below(30)).min(bytes.len());
            match self.below(6) {
                0 => drop(bytes.drain(at..end)),
                1 => drop(bytes.splice(at..end, PIECES[self.below(PIECES.len())].iter().copied())),
                2 => drop(bytes.splice(at..at, PIECES[self.below(PIECES.len())].repeat(self.below(40)))),
                3 => bytes.truncate(at),
                4 => {
                    let copy = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    drop(bytes.splice(to..to, copy));
                }
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (self.0.next_u32() % 8)),
            }
        }
        bytes
    }
}

struct World {
    intake: Intake,
    registrar: Registrar,
    changes: Vec<centralino::sip::registrar::Change>,
    read: usize,
    answered: usize,
    dropped: usize,
}

impl World {
    fn take(&mut self, bytes: &[u8], flow: Flow, now: Time) {
        match self.intake.take(bytes, flow) {
            Taken::Nothing => {}
            Taken::Drop(_) => self.dropped += 1,
            Taken::Answer { status, bytes: answer, .. } => {
                self.answered += 1;
                assert!((400..600).contains(&status));
                assert!(!bytes.starts_with(b"SIP/") && !bytes.starts_with(b"ACK "), "not to be answered");
                // RFC 3261 8.2.7, and no help to anybody who forges his address.
                assert!(answer.len() <= bytes.len() * 5 / 2 + 200, "{} for {}", answer.len(), bytes.len());
            }
            Taken::Message(Message::Request(request)) => {
                self.read += 1;
                self.use_request(&request, now);
            }
            Taken::Message(Message::Response(response)) => {
                self.read += 1;
                assert!((100..700).contains(&response.status));
                let _ = (response.head.via.sent_by(), response.head.lists("Require", "100rel"));
            }
        }
    }

    /// Every answer to what was let in must itself be let in, and say the same.
    fn use_request(&mut self, request: &Request, now: Time) {
        let _ = (
            request.called(),
            request.head.from.uri.number(),
            request.route(),
            request.answer_flow(),
            request.head.content_type(),
        );
        let mut writer = Writer::answer(request, 180, Some("ours"));
        if request.method == Method::Register {
            let answer = self.registrar.register(request, now, &mut self.changes);
            assert!(matches!(answer.status, 400 | 401), "nobody gets in: {answer:?}");
            for (name, value) in answer.headers {
                writer = writer.header(name, value);
            }
        }
        let bytes = writer.finish();
        let Taken::Message(Message::Response(back)) = self.intake.take(&bytes, request.flow) else {
            panic!("our own answer is not read: {}", String::from_utf8_lossy(&bytes));
        };
        assert_eq!((back.status, &back.head.call_id, back.head.cseq), (180, &request.head.call_id, request.head.cseq));
        assert_eq!(back.head.via.branch, request.head.via.branch);
        assert_eq!(back.head.from.tag(), request.head.from.tag(), "{:?}", request.head.from);
        assert_eq!(back.head.to.tag(), Some(request.head.to.tag().unwrap_or("ours")), "{:?}", request.head.to);
    }
}

#[test]
fn noise_is_read_answered_or_dropped() {
    let count = u64::from(crate::fuzz::inputs(100_000));
    let settings = Settings {
        realm: "acd.test".into(),
        accounts: vec![Account { user: "101".into(), secret: Secret("s".into()) }],
        limits: Limits { message_bytes: 4_096, ..Limits::default() },
        ..Settings::new("127.0.0.1:5060".parse().expect("an address"))
    };
    let mut world = World {
        intake: Intake::new(settings.limits.clone(), [1; 32]),
        registrar: Registrar::new(&settings, [2; 32]),
        changes: Vec::new(),
        read: 0,
        answered: 0,
        dropped: 0,
    };
    let mut noise = Noise(ChaCha20Rng::from_seed([5; 32]));
    let remote = "192.0.2.9:4000".parse().expect("an address");
    let udp = Flow { transport: Transport::Udp, remote, connection: 0 };
    let tcp = Flow { transport: Transport::Tcp, remote, connection: 1 };
    let mut framing = Framing::new(&settings.limits);
    for turn in 0..count {
        let now = Time::from_millis(turn);
        let bytes = noise.message();
        world.take(&bytes, udp, now);
        // The same over a stream, in pieces.
        let mut frames = Vec::new();
        let (mut rest, mut outcome) = (&bytes[..], Ok(()));
        while !rest.is_empty() && outcome.is_ok() {
            let (piece, more) = rest.split_at(1 + noise.below(rest.len().min(300)));
            (outcome, rest) = (framing.push(piece, &mut frames), more);
        }
        for frame in frames {
            if let Frame::Message(bytes) = frame {
                world.take(&bytes, tcp, now);
            }
        }
        if let Err(broken) = outcome {
            assert!(matches!(broken.wrong.status, 400 | 513));
            let told = world.intake.reject(broken.wrong, &broken.bytes, tcp);
            assert!(matches!(told, Taken::Answer { .. } | Taken::Drop(_)));
            framing = Framing::new(&settings.limits);
        }
    }
    assert_eq!((world.changes.len(), world.registrar.next_deadline()), (0, None));
    // The noise must reach every room behind the door, or it proves nothing.
    let least = usize::try_from(count / 10).expect("a count");
    assert!(world.read > least && world.answered > least && world.dropped > least / 2);
}
