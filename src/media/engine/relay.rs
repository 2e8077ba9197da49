//! What comes in on a leg's socket, and what of it the partner gets; conferences are in `conference`.

use super::leg::{Content, Leg};
use super::outgoing::Source;
use super::repacket::{Piece, Repacket};
use super::{MediaEngine, count};
use crate::facts::Turned;
use crate::ids::LegId;
use crate::media::api::{Codec, Event, Output};
use crate::media::convert::Conversion;
use crate::media::packets::Header;
use crate::media::srtp::Untrusted;
use crate::media::{dtmf, rtcp};
use crate::time::Time;
use rtp_rs::RtpReader;
use std::net::SocketAddr;

/// Longest payload passed on: more than 60 ms of any G.711, and the longest frame of Opus (RFC 6716 3.4).
const MOST_PAYLOAD: usize = 1_275;

impl MediaEngine {
    /// A datagram came in on a leg's socket.
    pub fn packet(&mut self, leg: LegId, from: SocketAddr, bytes: &[u8], now: Time, out: &mut Output) {
        let Some(&key) = self.keys.get(&leg) else { return };
        let Some(leg) = self.legs.get_mut(key).filter(|leg| leg.stream.is_some()) else { return };
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        // A packet of our own that came round is nobody's voice.
        let is_ours = from.ip() == self.ours.0 && self.ours.1.contains(&from.port()) && Some(from) != leg.remote;
        if is_ours || (!leg.admits(from, now) && !leg.has_moved(from, bytes, now)) {
            return count(Turned::RtpStranger, now, out);
        }
        let is_control = rtcp::is_control(bytes) && leg.stream.as_ref().is_some_and(|stream| stream.is_muxed);
        self.open_sealed(key, is_control, bytes, now, out, |engine, bytes, out| match is_control {
            true => engine.hear_report(key, from, bytes, now, out),
            false => engine.hear(key, from, bytes, now, out),
        });
    }

    /// Goes on with the bytes of a packet, decrypted where the leg is; what fails is counted and does nothing
    /// (hostile-world R26).
    pub(super) fn open_sealed(
        &mut self,
        key: usize,
        is_control: bool,
        bytes: &[u8],
        now: Time,
        out: &mut Output,
        go_on: impl FnOnce(&mut MediaEngine, &[u8], &mut Output),
    ) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if !leg.is_encrypted() {
            return go_on(self, bytes, out);
        }
        let mut opened = std::mem::take(&mut self.opened);
        opened.clear();
        opened.extend_from_slice(bytes);
        match leg.open(&mut opened, is_control) {
            Ok(length) => go_on(self, opened.get(..length).unwrap_or_default(), out),
            Err(Untrusted::Forged) => count(Turned::SrtpForged, now, out),
            Err(Untrusted::Repeated) => count(Turned::SrtpRepeated, now, out),
        }
        self.opened = opened;
    }

    /// An RTP packet from an address that may send it.
    fn hear(&mut self, key: usize, from: SocketAddr, bytes: &[u8], now: Time, out: &mut Output) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let rtp = match RtpReader::new(bytes) {
            Ok(rtp) if rtp.payload().len() <= MOST_PAYLOAD => rtp,
            _ => return count(Turned::RtpGarbage, now, out),
        };
        let content = leg.content(rtp.payload_type());
        let clock = match content {
            Content::Sound(codec) if !rtp.payload().is_empty() && codec.ticks(rtp.payload()).is_none() => {
                return count(Turned::RtpGarbage, now, out);
            }
            Content::Sound(codec) => codec.clock(),
            Content::TelephoneEvent | Content::Other => leg.clock(),
        };
        if content != Content::Other {
            let is_sound = matches!(content, Content::Sound(_));
            let sequence = rtp.sequence_number().into();
            leg.control.reception.arrived(rtp.ssrc(), sequence, rtp.timestamp(), clock, is_sound, now);
        }
        let mut pressed = None;
        if content == Content::TelephoneEvent {
            let (ssrc, timestamp, marker, payload) = (rtp.ssrc(), rtp.timestamp(), rtp.mark(), rtp.payload());
            match leg.keys.read(dtmf::Packet { ssrc, timestamp, clock, marker, payload }, now) {
                Ok(Some(key)) => {
                    out.events.push((now, Event::KeyPressed { leg: leg.id, key }));
                    pressed = Some(key);
                }
                Ok(None) => {}
                Err(_) => return count(Turned::RtpGarbage, now, out),
            }
        }
        if let Content::Sound(codec) = content
            && let Some(tones) = &mut leg.tones
        {
            tones.hear(codec, rtp.payload(), |key| out.events.push((now, Event::KeyPressed { leg: leg.id, key })));
        }
        if content != Content::Other {
            leg.latch(from, now);
            let conference = leg.conference;
            if let Content::Sound(codec) = content {
                self.keep_sound(key, codec, rtp.payload(), now, out);
            }
            match (conference, pressed) {
                (None, _) => self.relay(key, content, &rtp, now, out),
                (Some(_), Some(pressed)) => self.pass_key_from(key, pressed, now),
                (Some(conference), None) => self.hear_in_conference((conference, key), content, &rtp, now, out),
            }
        }
        self.heard(key, now);
    }

    /// Passes a packet on to the partner, in the partner's stream, codec and payload types.
    fn relay(&mut self, key: usize, content: Content, rtp: &RtpReader<'_>, now: Time, out: &mut Output) {
        let Some(leg) = self.legs.get(key).filter(|leg| leg.should_talk()) else { return };
        let (Some(partner), events_at) = (leg.partner, leg.stream.as_ref().map_or(0, |stream| stream.events_at)) else {
            return;
        };
        let Some(to_leg) = self.legs.get_mut(partner) else { return };
        let destination = to_leg.destination().filter(|_| to_leg.playing.is_none());
        let Some((to, stream)) = destination else {
            to_leg.stop_relaying();
            return;
        };
        let (codec, millis, their_events_at) = (stream.codec, stream.packet_ms(), stream.events_at);
        let (stream_type, event_type) = (stream.payload_type, stream.telephone_event);
        let mut payload = rtp.payload();
        let (payload_type, samples) = match content {
            Content::Sound(from) => {
                to_leg.prepare_conversion(from, codec);
                (Some(stream_type), from.ticks(payload))
            }
            Content::TelephoneEvent => (event_type, None),
            Content::Other => (None, None),
        };
        let sequence = rtp.sequence_number().into();
        let source = Source { ssrc: rtp.ssrc(), sequence, timestamp: rtp.timestamp(), samples };
        let Some(payload_type) = payload_type.filter(|_| !payload.is_empty()) else {
            return to_leg.outgoing.leave_out(source);
        };
        if let Content::Sound(from) = content
            && !to_leg.fits(from, codec, payload.len(), millis)
        {
            return to_leg.repacket(to, (source, payload, payload_type), (from, millis), now, out);
        }
        let is_sound = samples.is_some();
        let numbers = match &to_leg.repacket {
            Some(repacket) if !is_sound => {
                let timestamp = repacket.ours(source.timestamp, codec.ticks_a_milli());
                Some(to_leg.outgoing.beside(timestamp))
            }
            _ => {
                to_leg.repacket = None;
                to_leg.outgoing.relay(source, now)
            }
        };
        let Some(numbers) = numbers else { return };
        let marker = numbers.is_first || rtp.mark();
        let (sequence, timestamp) = (numbers.sequence, numbers.timestamp);
        let header = Header { payload_type, marker, sequence, timestamp, ssrc: to_leg.outgoing.ssrc };
        let event = (!is_sound && events_at != their_events_at)
            .then(|| dtmf::at_clock(payload, events_at, their_events_at))
            .flatten();
        payload = event.as_ref().map_or(payload, |event| &event[..]);
        if is_sound && to_leg.conversion.0.converts() {
            let mut conversion = std::mem::replace(&mut to_leg.conversion.0, Conversion::None);
            to_leg.converted += 1;
            to_leg.send(to, header, out, |bytes| conversion.convert(payload, bytes));
            to_leg.conversion.0 = conversion;
        } else {
            to_leg.send(to, header, out, |bytes| bytes.extend_from_slice(payload));
        }
    }
}

impl Leg {
    /// Whether a packet of the partner's can leave by itself, as it is or byte by byte: Opus as long as it is Opus (its
    /// packets may have any length), others where they are as long as ours.
    fn fits(&self, from: Codec, to: Codec, bytes: usize, millis: u32) -> bool {
        let is_whole = from.is_framed() || bytes == (millis * from.ticks_a_milli()) as usize;
        let stays = from == to || !self.conversion.0.has_memory();
        is_whole && stays && self.repacket.as_ref().is_none_or(|repacket| repacket.is_empty())
    }

    /// Sound in packets of another length than ours, or for a codec with a memory: it leaves as soon as there is a whole
    /// packet of it, in order.
    fn repacket(
        &mut self,
        to: SocketAddr,
        (source, payload, payload_type): (Source, &[u8], u8),
        (from, millis): (Codec, u32),
        now: Time,
        out: &mut Output,
    ) {
        let going_on = self.repacket.take().filter(|repacket| repacket.goes_on(&source, from));
        let mut repacket = going_on.unwrap_or_else(|| Box::new(Repacket::new(&source, from)));
        let mut conversion = std::mem::replace(&mut self.conversion.0, Conversion::None);
        let taken = repacket.take(&source, payload, |piece, bytes| match piece {
            Piece::Sound(sound) => conversion.convert(sound, bytes),
            Piece::Missing(ticks, next) => conversion.conceal(ticks, next, bytes),
        });
        if taken.is_err() {
            count(Turned::RtpLate, now, out);
        }
        let (wanted, samples) = (millis * conversion.bytes_a_milli(), millis * self.outgoing.ticks());
        while repacket.bytes.len() >= wanted as usize {
            let marker = repacket.left.is_none();
            let numbers = if marker { self.outgoing.own(samples, now) } else { self.outgoing.follow(samples, now) };
            repacket.leaves(numbers.timestamp, conversion.bytes_a_milli());
            let (sequence, timestamp) = (numbers.sequence, numbers.timestamp);
            let header = Header { payload_type, marker, sequence, timestamp, ssrc: self.outgoing.ssrc };
            self.converted += u64::from(conversion.converts());
            let packet = repacket.bytes.drain(..wanted as usize);
            self.send(to, header, out, |bytes| conversion.pack(packet, bytes));
        }
        self.conversion.0 = conversion;
        self.repacket = Some(repacket);
    }
}
