//! Mutated and random packets for an encrypted stream: what is not as it was sent is refused, and the stream goes on.

use crate::fuzz::inputs;
use centralino::media::srtp::{Crypto, Key, Srtp, Suite};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const SENDER: Key = Key([7; 30]);
const RECEIVER: Key = Key([9; 30]);

fn pair(suite: Suite) -> (Srtp, Srtp) {
    let new = |ours, theirs| Srtp::new(Crypto { suite, ours, theirs });
    (new(SENDER, RECEIVER), new(RECEIVER, SENDER))
}

/// Changes some bytes, cuts, or makes it up from nothing; whether anything is other than before.
fn damage(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) -> bool {
    let before = bytes.clone();
    match random.next_u32() % 4 {
        0 => {
            *bytes = vec![0; random.next_u32() as usize % 300];
            random.fill_bytes(bytes);
        }
        1 => bytes.truncate(random.next_u32() as usize % (bytes.len() + 1)),
        _ => {
            for _ in 0..=random.next_u32() % 4 {
                let at = random.next_u32() as usize % bytes.len();
                bytes[at] ^= 1 << (random.next_u32() % 8);
            }
        }
    }
    *bytes != before
}

#[test]
fn noise_in_srtp_is_refused_and_changes_nothing() {
    let mut random = ChaCha8Rng::seed_from_u64(20_261_123);
    let (mut sender, mut receiver) = pair(Suite::Tag80);
    let mut refused = 0;
    let count = inputs(30_000);
    for number in 0..count {
        let mut packet = vec![0x80, 8];
        packet.extend((number as u16).to_be_bytes());
        packet.extend([number.wrapping_mul(160).to_be_bytes(), [1, 2, 3, 4]].concat());
        packet.extend([0xD5; 160]);
        let plain = packet.clone();
        let is_control = number % 5 == 4;
        if is_control {
            packet = vec![0x80, 201, 0, 1, 1, 2, 3, 4];
            sender.protect_control(&mut packet, 0);
        } else {
            sender.protect(&mut packet, 0);
        }
        let mut open = |bytes: &mut [u8]| match is_control {
            true => receiver.unprotect_control(bytes),
            false => receiver.unprotect(bytes),
        };
        let mut damaged = packet.clone();
        if damage(&mut damaged, &mut random) {
            assert!(open(&mut damaged).is_err(), "packet {number}");
            refused += 1;
        }
        let length = open(&mut packet).unwrap_or_else(|why| panic!("packet {number} as it was sent: {why:?}"));
        assert!(is_control || packet[..length] == plain[..], "packet {number}");
    }
    assert!(refused > count / 2);
}
