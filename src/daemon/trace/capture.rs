//! A trace as a capture file (the classic pcap format, LINKTYPE_RAW), for tshark and its like. Headers below SIP are
//! made up from the addresses: the wire itself was not watched.

use super::{Entry, Passed, Trace, mask};
use centralino::sip::Transport;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Packets begin with an IP header (tcpdump.org/linktypes).
const LINKTYPE_RAW: u32 = 101;
/// The longest packet that IP knows; longer messages over a stream are cut into several.
const PIECE: usize = 60_000;
const UDP: u8 = 17;
const TCP: u8 = 6;

/// The file. `epoch_nanos` is the civil time of `Time::ZERO` in nanoseconds since 1970; names and numbers of people are
/// overwritten unless `with_people`.
pub fn capture(trace: &Trace, epoch_nanos: u128, with_people: bool) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, LINKTYPE_RAW] {
        file.extend(word.to_le_bytes());
    }
    // The next sequence number of each direction of each stream.
    let mut sequence = BTreeMap::new();
    for entry in &trace.entries {
        let Entry::Message(passed) = entry else { continue };
        let bytes = match with_people {
            true => passed.bytes.to_vec(),
            false => mask::without_people(&passed.bytes, &trace.ours),
        };
        for piece in bytes.chunks(PIECE) {
            let packet = packet(passed, trace.here, piece, &mut sequence);
            let micros = (epoch_nanos + u128::from(passed.at.as_nanos())) / 1_000;
            let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
            let word = |value: u128| u32::try_from(value).unwrap_or(u32::MAX);
            for word in [word(micros / 1_000_000), word(micros % 1_000_000), length, length] {
                file.extend(word.to_le_bytes());
            }
            file.extend(packet);
        }
    }
    file
}

type Sequence = BTreeMap<(SocketAddr, SocketAddr), u32>;

fn packet(passed: &Passed, here: SocketAddr, payload: &[u8], sequence: &mut Sequence) -> Vec<u8> {
    let there = passed.flow.remote;
    let (from, to) = if passed.inward { (there, here) } else { (here, there) };
    let mut segment = Vec::with_capacity(payload.len() + 20);
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    let protocol = match passed.flow.transport {
        Transport::Udp => {
            let length = u16::try_from(8 + payload.len()).unwrap_or(u16::MAX);
            segment.extend(length.to_be_bytes());
            segment.extend([0, 0]);
            UDP
        }
        Transport::Tcp => {
            let acknowledged = sequence.get(&(to, from)).copied().unwrap_or(1);
            let next = sequence.entry((from, to)).or_insert(1);
            segment.extend(next.to_be_bytes());
            segment.extend(acknowledged.to_be_bytes());
            // Five words of header; PSH and ACK; a window; no checksum, nothing urgent.
            segment.extend([0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
            *next = next.wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
            TCP
        }
    };
    segment.extend(payload);
    let mut packet = match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let length = u16::try_from(20 + segment.len()).unwrap_or(u16::MAX).to_be_bytes();
            let mut header = vec![0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, protocol, 0, 0];
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = checksum(&header).to_be_bytes();
            header[10..12].copy_from_slice(&sum);
            header
        }
        (from, to) => {
            let v6 = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            let length = u16::try_from(segment.len()).unwrap_or(u16::MAX).to_be_bytes();
            let mut header = vec![0x60, 0, 0, 0, length[0], length[1], protocol, 64];
            header.extend(v6(from));
            header.extend(v6(to));
            header
        }
    };
    packet.extend(segment);
    packet
}

/// RFC 791 3.1: of the header, its own field being 0.
fn checksum(header: &[u8]) -> u16 {
    let sum: u32 = header.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from(folded & 0xffff).unwrap_or(0).wrapping_add(u16::try_from(folded >> 16).unwrap_or(0))
}
