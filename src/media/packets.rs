//! Packets to be sent, one behind the other in a buffer that is used again and again.

use crate::ids::LegId;
use rtp_rs::RtpPacketBuilder;
use std::net::SocketAddr;

/// What has to be sent, in order. Nothing is allocated once the buffer has grown to what a turn needs.
#[derive(Debug, Default)]
pub struct Packets {
    bytes: Vec<u8>,
    heads: Vec<Head>,
}

#[derive(Debug)]
struct Head {
    leg: LegId,
    to: SocketAddr,
    end: usize,
}

/// The RTP header fields that we set (RFC 3550 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
}

/// Bytes of a header without contributing sources and extensions.
pub(super) const HEADER_BYTES: usize = 12;

impl Packets {
    /// From whose socket, to whom, what.
    pub fn iter(&self) -> impl Iterator<Item = (LegId, SocketAddr, &[u8])> {
        let starts = std::iter::once(0).chain(self.heads.iter().map(|head| head.end));
        let packets = self.heads.iter().zip(starts);
        packets.filter_map(|(head, start)| Some((head.leg, head.to, self.bytes.get(start..head.end)?)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Forgets them all and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.heads.clear();
    }

    /// Adds bytes that are no RTP; `write` appends them, then `seal` may change and lengthen what begins at its place.
    pub(super) fn push_other(
        &mut self,
        leg: LegId,
        to: SocketAddr,
        write: impl FnOnce(&mut Vec<u8>),
        seal: impl FnOnce(&mut Vec<u8>, usize),
    ) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        seal(&mut self.bytes, start);
        self.heads.push(Head { leg, to, end: self.bytes.len() });
    }

    /// Adds a packet; `payload` appends its payload and nothing else, then `seal` may change and lengthen the packet.
    pub(super) fn push(
        &mut self,
        leg: LegId,
        to: SocketAddr,
        header: Header,
        payload: impl FnOnce(&mut Vec<u8>),
        seal: impl FnOnce(&mut Vec<u8>, usize),
    ) {
        let start = self.bytes.len();
        self.bytes.resize(start + HEADER_BYTES, 0);
        let room = self.bytes.get_mut(start..).unwrap_or_default();
        let written = RtpPacketBuilder::new()
            .payload_type(header.payload_type)
            .marked(header.marker)
            .sequence(header.sequence.into())
            .timestamp(header.timestamp)
            .ssrc(header.ssrc)
            .build_into(room);
        if written.is_err() {
            debug_assert!(false, "payload type {} is no payload type", header.payload_type);
            self.bytes.truncate(start);
            return;
        }
        payload(&mut self.bytes);
        seal(&mut self.bytes, start);
        self.heads.push(Head { leg, to, end: self.bytes.len() });
    }
}
