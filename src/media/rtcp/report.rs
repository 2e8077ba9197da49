//! Reports as bytes: ours written, the other side's read.

use super::reception::Block;
use super::{compact, ntp, rtp_clock};
use crate::time::{Duration, Time};
use rtcp_types::{
    Bye, Compound, Packet, ReceiverReport, ReportBlock, RtcpPacketWriter, RtcpPacketWriterExt, Sdes, SdesChunk,
    SdesItem, SenderReport,
};

/// A round trip that took longer was none.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(30);
/// The longest report read, in bytes.
const MOST_BYTES: usize = 1_500;

/// What a report of ours tells.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Our stream.
    pub ssrc: u32,
    /// Our lasting name for it (RFC 7022).
    pub name: &'a str,
    /// What we sent, when we send.
    pub sender: Option<Sender>,
    /// What we heard, when we hear.
    pub block: Option<Block>,
    /// It is the last one.
    pub is_last: bool,
    /// Its moment.
    pub now: Time,
}

/// What was sent of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Packets.
    pub packets: u64,
    /// Bytes of their payloads.
    pub octets: u64,
    /// A time stamp of the stream, and the moment it stands for.
    pub timestamp: u32,
    /// See `timestamp`.
    pub at: Time,
    /// Its clock, in Hz.
    pub rate: u32,
}

/// What the other side reported.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Who reports.
    pub ssrc: u32,
    /// The NTP time of its sender report.
    pub sender_time: Option<u64>,
    /// What it says of our stream.
    pub of_us: Option<Peer>,
    /// Who left.
    pub left: Vec<u32>,
}

/// What the other side says of our stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Packets of ours that it missed.
    pub lost: u64,
    /// To it and back.
    pub round_trip: Option<Duration>,
}

/// Whether a datagram on a port that both share is RTCP (RFC 5761 section 4).
pub fn is_control(bytes: &[u8]) -> bool {
    bytes.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

/// Appends a report: sender or receiver report, our name, and the goodbye.
pub fn write(report: &Report<'_>, bytes: &mut Vec<u8>) {
    let blocks = report.block.map(|block| {
        ReportBlock::builder(block.ssrc)
            .fraction_lost(block.fraction_lost)
            .cumulative_lost(block.cumulative_lost)
            .extended_sequence_number(block.highest)
            .interarrival_jitter(block.jitter)
            .last_sender_report_timestamp(block.last_report)
            .delay_since_last_sender_report_timestamp(block.since_last_report)
    });
    match report.sender {
        Some(sender) => {
            let elapsed = rtp_clock(report.now, sender.rate).wrapping_sub(rtp_clock(sender.at, sender.rate));
            // Both counts go round (RFC 3550 6.4.1).
            let packet = SenderReport::builder(report.ssrc)
                .ntp_timestamp(ntp(report.now))
                .rtp_timestamp(sender.timestamp.wrapping_add(elapsed))
                .packet_count(sender.packets as u32)
                .octet_count(sender.octets as u32);
            append(&blocks.into_iter().fold(packet, |packet, block| packet.add_report_block(block)), bytes);
        }
        None => {
            let packet = ReceiverReport::builder(report.ssrc);
            append(&blocks.into_iter().fold(packet, |packet, block| packet.add_report_block(block)), bytes);
        }
    }
    let name = SdesChunk::builder(report.ssrc).add_item(SdesItem::builder(SdesItem::CNAME, report.name));
    append(&Sdes::builder().add_chunk(name), bytes);
    if report.is_last {
        append(&Bye::builder().add_source(report.ssrc), bytes);
    }
}

fn append(packet: &impl RtcpPacketWriter, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    let Ok(length) = packet.calculate_size() else {
        debug_assert!(false, "a report of ours fits: {packet:?}");
        return;
    };
    bytes.resize(start + length, 0);
    let written = packet.write_into(bytes.get_mut(start..).unwrap_or_default());
    debug_assert!(written.is_ok(), "{written:?}");
}

/// Reads a report; `None` when it is none (RFC 3550 A.2: a compound packet begins with a report).
pub fn read(bytes: &[u8], our_ssrc: u32, now: Time) -> Option<Heard> {
    if bytes.len() > MOST_BYTES {
        return None;
    }
    let mut heard = Heard::default();
    for (number, packet) in Compound::parse(bytes).ok()?.enumerate() {
        match packet.ok()? {
            Packet::Sr(report) => {
                heard.ssrc = report.ssrc();
                heard.sender_time = Some(report.ntp_timestamp());
                heard.of_us = of_us(report.report_blocks(), our_ssrc, now).or(heard.of_us);
            }
            Packet::Rr(report) => {
                heard.ssrc = report.ssrc();
                heard.of_us = of_us(report.report_blocks(), our_ssrc, now).or(heard.of_us);
            }
            Packet::Bye(bye) => heard.left.extend(bye.ssrcs()),
            _ if number == 0 => return None,
            // Names, feedback and extended reports say nothing that we ask for.
            _ => {}
        }
    }
    Some(heard)
}

fn of_us<'a>(mut blocks: impl Iterator<Item = ReportBlock<'a>>, our_ssrc: u32, now: Time) -> Option<Peer> {
    let block = blocks.find(|block| block.ssrc() == our_ssrc)?;
    // RFC 3550 6.4.1: 24 bits with a sign; duplicates make it negative.
    let lost = block.cumulative_lost();
    let lost = if lost & 0x80_0000 == 0 { u64::from(lost & 0x7F_FFFF) } else { 0 };
    let last = block.last_sender_report_timestamp();
    let away = compact(now).wrapping_sub(last).wrapping_sub(block.delay_since_last_sender_report_timestamp());
    let round_trip = Duration::from_nanos((u64::from(away) * 1_000_000_000) >> 16);
    // Both clocks are ours but the delay is theirs: less than nothing is a rounding, shown as a very large number.
    let is_real = last != 0 && round_trip <= LONGEST_ROUND_TRIP;
    Some(Peer { lost, round_trip: is_real.then_some(round_trip) })
}
