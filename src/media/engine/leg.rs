//! One leg: what was agreed, whom it listens to, what it plays, whom it talks with.

use super::announcing::Announcing;
use super::control::Control;
use super::latch::Latch;
use super::outgoing::Outgoing;
use super::pressing::Pressing;
use super::recording::Recording;
use super::repacket::Repacket;
use crate::ids::{ClipId, LegId};
use crate::media::api::{Codec, Output, Stream};
use crate::media::convert::Conversion;
use crate::media::dtmf::Keys;
use crate::media::inband::Tones;
use crate::media::packets::{HEADER_BYTES, Header};
use crate::media::srtp::{Srtp, Untrusted};
use crate::time::Time;
use std::net::SocketAddr;

#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    pub(super) stream: Option<Stream>,
    /// Where the last stream with an address said it receives; outlives a hold.
    pub(super) remote: Option<SocketAddr>,
    pub(super) latched: Option<Latch>,
    pub(super) outgoing: Outgoing,
    srtp: Option<Box<Srtp>>,
    /// From the partner's codec to ours, and between which it converts.
    pub(super) conversion: (Conversion, Option<(Codec, Codec)>),
    /// While the partner's packets have another length than ours.
    pub(super) repacket: Option<Box<Repacket>>,
    /// Packets sent that were converted.
    pub(super) converted: u64,
    pub(super) playing: Option<Playing>,
    /// What it says is recorded.
    pub(super) recording: Option<Recording>,
    /// What `playing` is part of, if it is an announcement.
    pub(super) announcing: Option<Announcing>,
    /// The next packet of our own starts a talk spurt: it carries the marker (RFC 3551 4.1).
    pub(super) starts_spurt: bool,
    /// The millisecond of the next packet of our own, as the wheel knows it.
    pub(super) scheduled: Option<u64>,
    /// So many milliseconds after the one that is meant: it was late and catches up.
    pub(super) behind: u64,
    /// The slab key of the leg it is joined to.
    pub(super) partner: Option<usize>,
    /// The conference that it is in, while it is.
    pub(super) conference: Option<usize>,
    pub(super) heard_at: Time,
    pub(super) keys: Keys,
    /// While keys are pressed on it.
    pub(super) pressing: Option<Box<Pressing>>,
    /// While keys are looked for in its sound.
    pub(super) tones: Option<Box<Tones>>,
    pub(super) control: Control,
    /// The lasting name of our stream (RFC 7022: 96 random bits).
    pub(super) name: [u32; 3],
    /// The signalling has shown that the other side is there.
    pub(super) is_reached: bool,
    /// Nothing is played to it: nobody seems to be there.
    pub(super) is_unheard: bool,
    /// `Silent` was said and nothing was heard since.
    pub(super) is_silent: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Playing {
    pub(super) clip: ClipId,
    /// In samples.
    pub(super) position: usize,
    pub(super) once: bool,
}

/// What a payload type means on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Sound(Codec),
    TelephoneEvent,
    /// Comfort noise, RTCP on the same port, what was never agreed: heard, not passed on.
    Other,
}

impl Leg {
    pub(super) fn new(id: LegId, outgoing: Outgoing, name: [u32; 3]) -> Leg {
        Leg {
            id,
            stream: None,
            remote: None,
            latched: None,
            outgoing,
            srtp: None,
            conversion: (Conversion::None, None),
            repacket: None,
            converted: 0,
            playing: None,
            recording: None,
            announcing: None,
            starts_spurt: true,
            scheduled: None,
            behind: 0,
            partner: None,
            conference: None,
            heard_at: Time::ZERO,
            keys: Keys::default(),
            pressing: None,
            tones: None,
            control: Control::default(),
            name,
            is_reached: false,
            is_unheard: false,
            is_silent: false,
        }
    }

    /// A new address is latched to anew; the same one, also after a hold, is not.
    pub(super) fn direct(&mut self, stream: Stream) {
        if stream.remote.is_some() && stream.remote != self.remote {
            self.remote = stream.remote;
            self.latched = None;
            self.forget_control();
        }
        match (&mut self.srtp, stream.crypto) {
            (Some(srtp), Some(crypto)) => srtp.agree(crypto),
            (srtp, crypto) => *srtp = crypto.map(|crypto| Box::new(Srtp::new(crypto))),
        }
        self.outgoing.set_clock(stream.codec.ticks_a_milli());
        self.stream = Some(stream);
    }

    /// Where our packets go now; `None` while we may not send.
    pub(super) fn destination(&self) -> Option<(SocketAddr, &Stream)> {
        let stream = self.stream.as_ref().filter(|stream| stream.may_send)?;
        Some((self.rtp_destination()?, stream))
    }

    pub(super) fn rtp_destination(&self) -> Option<SocketAddr> {
        self.latched.map(|latch| latch.at).or(self.stream.as_ref()?.remote)
    }

    /// Whatever is relayed next begins anew.
    pub(super) fn stop_relaying(&mut self) {
        self.outgoing.stop_relaying();
        self.repacket = None;
        self.conversion = (Conversion::None, None);
    }

    /// What turns the partner's codec into ours, going on as long as both stay.
    pub(super) fn prepare_conversion(&mut self, from: Codec, to: Codec) {
        if self.conversion.1 != Some((from, to)) {
            // What waits for a whole packet is of another kind then.
            let is_kept = self.conversion.1.is_some_and(|(_, before)| before == to) && !from.is_framed();
            self.repacket.take_if(|_| !is_kept);
            self.conversion = (Conversion::new(from, to), Some((from, to)));
        }
    }

    /// Sends a packet of our stream; `payload` appends its payload.
    pub(super) fn send(
        &mut self,
        to: SocketAddr,
        header: Header,
        out: &mut Output,
        payload: impl FnOnce(&mut Vec<u8>),
    ) {
        let (outgoing, srtp) = (&mut self.outgoing, &mut self.srtp);
        let seal = |bytes: &mut Vec<u8>, start: usize| {
            outgoing.count(bytes.len().saturating_sub(start + HEADER_BYTES));
            if let Some(srtp) = srtp {
                srtp.protect(bytes, start);
            }
        };
        out.packets.push(self.id, to, header, payload, seal);
    }

    /// Sends a report; `write` appends it.
    pub(super) fn send_report(&mut self, to: SocketAddr, out: &mut Output, write: impl FnOnce(&mut Vec<u8>)) {
        let srtp = &mut self.srtp;
        out.reports.push_other(self.id, to, write, |bytes, start| {
            if let Some(srtp) = srtp {
                srtp.protect_control(bytes, start);
            }
        });
    }

    /// What is left of a packet once it is decrypted, in place, if it is encrypted at all.
    pub(super) fn open(&mut self, bytes: &mut [u8], is_control: bool) -> Result<usize, Untrusted> {
        match &mut self.srtp {
            None => Ok(bytes.len()),
            Some(srtp) if is_control => srtp.unprotect_control(bytes),
            Some(srtp) => srtp.unprotect(bytes),
        }
    }

    /// Whether its packets are encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.srtp.is_some()
    }

    pub(super) fn content(&self, payload_type: u8) -> Content {
        let Some(stream) = &self.stream else { return Content::Other };
        match payload_type {
            agreed if agreed == stream.payload_type => Content::Sound(stream.codec),
            event if Some(event) == stream.telephone_event => Content::TelephoneEvent,
            // RFC 3264 5.1: who gives a codec another number in the answer may still send with the offered one.
            offered if offered == stream.codec.payload_type() => Content::Sound(stream.codec),
            // RFC 3264 5.1: whoever was offered both laws may change between them without a word.
            0 => Content::Sound(Codec::Pcmu),
            8 => Content::Sound(Codec::Pcma),
            _ => Content::Other,
        }
    }

    /// The clock of its codec, in Hz.
    pub(super) fn clock(&self) -> u32 {
        self.outgoing.ticks() * 1_000
    }

    /// Whether its silence means that something is wrong.
    pub(super) fn should_talk(&self) -> bool {
        let is_with_somebody = self.partner.is_some() || self.conference.is_some();
        is_with_somebody && self.stream.as_ref().is_some_and(|stream| stream.will_receive)
    }

    /// Plays a clip from its start, or nothing.
    pub(super) fn play(&mut self, playing: Option<Playing>) {
        self.playing = playing;
        self.announcing = None;
        self.starts_spurt = true;
        self.stop_relaying();
    }
}
