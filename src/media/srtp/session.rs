//! Session keys, the cipher, the tag, and what was seen before.

use super::Key;
use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::fmt;
use subtle::ConstantTimeEq;

const BLOCK_BYTES: usize = 16;

/// The keys of one direction, of RTP or of RTCP.
pub(super) struct Keys {
    cipher: Aes128,
    salt: [u8; 14],
    mac: Hmac<Sha1>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    /// RFC 3711 4.3.1: from the label of the encryption key on, each next one is derived with the next label.
    pub(super) fn derive(master: &Key, label: u8) -> Keys {
        let (mut key, mut mac, mut salt) = ([0; 16], [0; 20], [0; 14]);
        derive(master, label, &mut key);
        derive(master, label + 1, &mut mac);
        derive(master, label + 2, &mut salt);
        // An HMAC takes a key of any length.
        let mac = <Hmac<Sha1> as KeyInit>::new_from_slice(&mac)
            .unwrap_or_else(|_| <Hmac<Sha1> as KeyInit>::new(&Default::default()));
        Keys { cipher: Aes128::new(&key.into()), salt, mac }
    }

    /// RFC 3711 4.1.1: encrypts or decrypts.
    pub(super) fn crypt(&self, ssrc: u32, index: u64, bytes: &mut [u8]) {
        let mut start = [0; BLOCK_BYTES];
        start[..14].copy_from_slice(&self.salt);
        let numbers = (u128::from(ssrc) << 64) | (u128::from(index) << 16);
        counter_mode(&self.cipher, u128::from_be_bytes(start) ^ numbers, bytes);
    }

    /// Over the packet and what is counted but not sent.
    pub(super) fn tag(&self, packet: &[u8], unsent: &[u8]) -> [u8; 20] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(unsent);
        mac.finalize().into_bytes().into()
    }

    pub(super) fn is_tag(&self, packet: &[u8], unsent: &[u8], tag: &[u8]) -> bool {
        let right = self.tag(packet, unsent);
        right.get(..tag.len()).is_some_and(|right| bool::from(right.ct_eq(tag)))
    }
}

/// RFC 3711 4.3.3, without re-derivation.
fn derive(master: &Key, label: u8, bytes: &mut [u8]) {
    let (mut key, mut salt) = ([0; 16], [0; BLOCK_BYTES]);
    let (for_key, for_salt) = master.0.split_at(16);
    key.copy_from_slice(for_key);
    salt[..14].copy_from_slice(for_salt);
    salt[7] ^= label;
    counter_mode(&Aes128::new(&key.into()), u128::from_be_bytes(salt), bytes);
}

fn counter_mode(cipher: &Aes128, start: u128, bytes: &mut [u8]) {
    for (chunk, number) in bytes.chunks_mut(BLOCK_BYTES).zip(0u128..) {
        let mut block = start.wrapping_add(number).to_be_bytes().into();
        cipher.encrypt_block(&mut block);
        chunk.iter_mut().zip(block).for_each(|(byte, key)| *byte ^= key);
    }
}

/// The last 128 packets: which of them were seen (RFC 3711 3.3.2 asks for 64 at least).
#[derive(Debug, Default)]
pub(super) struct Window {
    highest: u64,
    /// The bit of `highest` is the lowest one.
    seen: u128,
}

impl Window {
    /// Whether this one was not seen before; from now on it was. Too old to tell counts as seen.
    pub(super) fn first_sight(&mut self, index: u64) -> bool {
        if self.seen == 0 || index > self.highest {
            let ahead = index.saturating_sub(self.highest);
            self.seen = u32::try_from(ahead).ok().and_then(|ahead| self.seen.checked_shl(ahead)).unwrap_or(0) | 1;
            self.highest = index;
            return true;
        }
        let bit = u32::try_from(self.highest - index).ok().and_then(|behind| 1u128.checked_shl(behind)).unwrap_or(0);
        let is_new = bit != 0 && self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }
}
