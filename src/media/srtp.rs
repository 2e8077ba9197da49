//! SRTP and SRTCP (RFC 3711): AES in counter mode and HMAC-SHA1, with keys that came in SDP (RFC 4568).
//!
//! Knows packets, no legs and no SDP. What fails is told to the caller and changes nothing here.

mod session;

use session::{Keys, Window};
use std::fmt;

/// A master key and a master salt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 30]);

impl fmt::Debug for Key {
    /// Who reads logs does not read calls.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// How packets are authenticated; all are encrypted with AES of 128 bits in counter mode (RFC 4568 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// AES_CM_128_HMAC_SHA1_80.
    Tag80,
    /// AES_CM_128_HMAC_SHA1_32: a short tag on RTP, the long one on RTCP.
    Tag32,
}

/// What two sides agreed on for one leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crypto {
    /// In both directions.
    pub suite: Suite,
    /// What we send is under it.
    pub ours: Key,
    /// What comes is under it.
    pub theirs: Key,
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrusted {
    /// Cut, or under another key.
    Forged,
    /// Seen before, or too old to tell.
    Repeated,
}

/// Bytes of the tag on RTCP, whatever the suite, and on RTP with the long one.
const TAG_BYTES: usize = 10;
const SHORT_TAG_BYTES: usize = 4;
const RTP_HEADER_BYTES: usize = 12;
/// The header of RTCP and its sender; what follows is encrypted.
const RTCP_HEADER_BYTES: usize = 8;
/// The number of an SRTCP packet, and the bit that says it is encrypted.
const INDEX_BYTES: usize = 4;
const ENCRYPTED: u32 = 1 << 31;

impl Suite {
    /// As SDP calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Suite::Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::Tag32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    const fn rtp_tag(self) -> usize {
        match self {
            Suite::Tag80 => TAG_BYTES,
            Suite::Tag32 => SHORT_TAG_BYTES,
        }
    }
}

/// One leg's two directions.
#[derive(Debug)]
pub struct Srtp {
    crypto: Crypto,
    sender: Direction,
    receiver: Direction,
}

#[derive(Debug)]
struct Direction {
    rtp: Keys,
    rtcp: Keys,
    /// The stream whose packets are counted; another one starts anew (RFC 3711 3.2.3: a context is one SSRC's).
    ssrc: Option<u32>,
    /// Of the newest packet: how often the sequence number went round, and it.
    index: u64,
    seen: Window,
    control_index: u32,
    control_seen: Window,
}

impl Direction {
    fn new(master: &Key) -> Direction {
        let (rtp, rtcp) = (Keys::derive(master, 0), Keys::derive(master, 3));
        let (seen, control_seen) = (Window::default(), Window::default());
        Direction { rtp, rtcp, ssrc: None, index: 0, seen, control_index: 0, control_seen }
    }
}

impl Srtp {
    /// Fresh directions.
    pub fn new(crypto: Crypto) -> Srtp {
        Srtp { crypto, sender: Direction::new(&crypto.ours), receiver: Direction::new(&crypto.theirs) }
    }

    /// After another agreement: a direction whose key stays goes on where it is (RFC 4568 7.1.4).
    pub fn agree(&mut self, crypto: Crypto) {
        if crypto.ours != self.crypto.ours {
            self.sender = Direction::new(&crypto.ours);
        }
        if crypto.theirs != self.crypto.theirs {
            self.receiver = Direction::new(&crypto.theirs);
        }
        self.crypto = crypto;
    }

    /// Encrypts the RTP packet that begins at `start` and appends its tag.
    pub fn protect(&mut self, bytes: &mut Vec<u8>, start: usize) {
        let Some(packet) = bytes.get_mut(start..) else { return };
        let Some(head) = Head::read(packet) else {
            debug_assert!(false, "our own packets have a header");
            return;
        };
        let direction = &mut self.sender;
        if direction.ssrc.replace(head.ssrc).is_none() {
            direction.index = u64::from(head.sequence);
        }
        let index = nearest(direction.index, head.sequence);
        direction.index = direction.index.max(index);
        direction.rtp.crypt(head.ssrc, index, packet.get_mut(head.length..).unwrap_or_default());
        let tag = direction.rtp.tag(packet, &rollovers(index));
        bytes.extend_from_slice(tag.get(..self.crypto.suite.rtp_tag()).unwrap_or_default());
    }

    /// Checks an RTP packet and decrypts it in place; what is left of its length.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, Untrusted> {
        let length = packet.len().checked_sub(self.crypto.suite.rtp_tag()).ok_or(Untrusted::Forged)?;
        let (body, tag) = packet.split_at_mut_checked(length).ok_or(Untrusted::Forged)?;
        let head = Head::read(body).ok_or(Untrusted::Forged)?;
        let direction = &mut self.receiver;
        let is_new = direction.ssrc != Some(head.ssrc);
        let index = if is_new { u64::from(head.sequence) } else { nearest(direction.index, head.sequence) };
        if !direction.rtp.is_tag(body, &rollovers(index), tag) {
            return Err(Untrusted::Forged);
        }
        if is_new {
            (direction.ssrc, direction.seen, direction.index) = (Some(head.ssrc), Window::default(), index);
        }
        if !direction.seen.first_sight(index) {
            return Err(Untrusted::Repeated);
        }
        direction.index = direction.index.max(index);
        direction.rtp.crypt(head.ssrc, index, body.get_mut(head.length..).unwrap_or_default());
        Ok(length)
    }

    /// Encrypts the RTCP packet that begins at `start`, and appends its number and its tag (RFC 3711 3.4).
    pub fn protect_control(&mut self, bytes: &mut Vec<u8>, start: usize) {
        let direction = &mut self.sender;
        direction.control_index = direction.control_index.wrapping_add(1) & !ENCRYPTED;
        let index = direction.control_index;
        let packet = bytes.get_mut(start..).unwrap_or_default();
        let ssrc = ssrc_at(packet, 4).unwrap_or(0);
        direction.rtcp.crypt(ssrc, index.into(), packet.get_mut(RTCP_HEADER_BYTES..).unwrap_or_default());
        bytes.extend_from_slice(&(index | ENCRYPTED).to_be_bytes());
        let tag = direction.rtcp.tag(bytes.get(start..).unwrap_or_default(), &[]);
        bytes.extend_from_slice(tag.get(..TAG_BYTES).unwrap_or_default());
    }

    /// Checks an RTCP packet and decrypts it in place; what is left of its length.
    pub fn unprotect_control(&mut self, packet: &mut [u8]) -> Result<usize, Untrusted> {
        let end = packet.len().checked_sub(TAG_BYTES).ok_or(Untrusted::Forged)?;
        let length = end.checked_sub(INDEX_BYTES).filter(|length| *length >= RTCP_HEADER_BYTES);
        let length = length.ok_or(Untrusted::Forged)?;
        let (body, tag) = packet.split_at_mut_checked(end).ok_or(Untrusted::Forged)?;
        let direction = &mut self.receiver;
        if !direction.rtcp.is_tag(body, &[], tag) {
            return Err(Untrusted::Forged);
        }
        let trailer = ssrc_at(body, length).ok_or(Untrusted::Forged)?;
        let index = trailer & !ENCRYPTED;
        if !direction.control_seen.first_sight(index.into()) {
            return Err(Untrusted::Repeated);
        }
        if trailer & ENCRYPTED != 0 {
            let ssrc = ssrc_at(body, 4).ok_or(Untrusted::Forged)?;
            direction.rtcp.crypt(ssrc, index.into(), body.get_mut(RTCP_HEADER_BYTES..length).unwrap_or_default());
        }
        Ok(length)
    }
}

/// What of an RTP header matters here.
struct Head {
    sequence: u16,
    ssrc: u32,
    /// Header, contributing sources and extension: what is not encrypted.
    length: usize,
}

impl Head {
    fn read(packet: &[u8]) -> Option<Head> {
        let first = *packet.first()?;
        let sequence = u16::from_be_bytes(*packet.get(2..4)?.first_chunk()?);
        let mut length = RTP_HEADER_BYTES + 4 * usize::from(first & 0x0F);
        if first & 0x10 != 0 {
            let words = u16::from_be_bytes(*packet.get(length + 2..length + 4)?.first_chunk()?);
            length += 4 + 4 * usize::from(words);
        }
        (length <= packet.len()).then_some(Head { sequence, ssrc: ssrc_at(packet, 8)?, length })
    }
}

fn ssrc_at(packet: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*packet.get(at..at + 4)?.first_chunk()?))
}

/// The index with this sequence number that is nearest to the highest one (RFC 3711 3.3.1).
fn nearest(highest: u64, sequence: u16) -> u64 {
    let step = sequence.wrapping_sub(highest as u16).cast_signed();
    highest.checked_add_signed(step.into()).unwrap_or(u64::from(sequence))
}

/// How often the sequence number went round, as the tag has it.
fn rollovers(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

#[cfg(test)]
mod tests;
