//! Media legs: a port, a socket and an offer/answer session each. Knows nothing of calls.

use super::opus::{self, OpusPlace, OpusPlaces};
use super::settings::Sound;
use crate::ids::LegId;
use crate::media::srtp::Key;
use crate::media::{self, Codec, Encryption, Ports, sdp};
use crate::sip;
use crate::time::Time;
use bytes::Bytes;
use ipnet::IpNet;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

/// Where sockets come from: the one thing the engine asks for and must have before it can go on, because the port
/// stands in the SDP of the same message.
pub trait Sockets {
    /// Binds an RTP socket to `port` and hands it to the media engine as `leg`; false when the system refuses.
    fn open(&mut self, leg: LegId, port: u16) -> bool;
}

/// So many ports are tried before a leg is refused: another program may hold a few of our range.
const PORTS_TRIED: usize = 8;

/// What a leg is opened for.
#[derive(Clone, Debug, Default)]
pub struct Purpose {
    /// The session's id in our SDP.
    pub session_id: u64,
    pub sound: Sound,
    /// The leg it may be joined to.
    pub beside: Option<LegId>,
}

/// The media side of one leg.
#[derive(Debug)]
pub struct Leg {
    /// Its name in the media engine.
    pub id: LegId,
    port: u16,
    session: sdp::Session,
    /// What it may speak, as long as there is a place for Opus.
    codecs: Vec<Codec>,
    /// The list is this leg's own, and its order counts.
    has_own_codecs: bool,
    opus: OpusPlace,
}

impl Leg {
    /// Whom it will be joined with speaks this codec: what both speak need not be converted. The order of a list of its
    /// own stands, unless Opus would be converted on both sides.
    pub fn is_beside(&mut self, codec: Codec) {
        if !self.has_own_codecs || codec == Codec::Opus {
            self.codecs.sort_by_key(|&ours| ours != codec);
        }
        if codec == Codec::Opus {
            self.opus = OpusPlace::Free;
        }
    }

    /// What it speaks, once that is agreed.
    pub fn codec(&self) -> Option<Codec> {
        self.session.agreed().map(|stream| stream.codec)
    }
}

/// All ports, and what every SDP of ours says.
#[derive(Debug)]
pub struct Legs {
    ports: Ports,
    address: IpAddr,
    codecs: Vec<Codec>,
    opus: OpusPlaces,
    loopback: Vec<IpNet>,
    sip: Vec<SocketAddr>,
    last: LegId,
    engines: NonZeroU16,
    open_ports: HashSet<u16>,
    secrets: ChaCha20Rng,
}

impl Legs {
    pub fn new(settings: &media::Settings, loopback: Vec<IpNet>, sip: &sip::Settings, seed: [u8; 32]) -> Legs {
        // Another stream of numbers than the endpoint's from the same seed.
        let mut secrets = ChaCha20Rng::from_seed(seed);
        secrets.set_stream(1);
        Legs {
            ports: Ports::new(settings.ports, settings.drain),
            address: settings.address,
            codecs: settings.codecs.clone(),
            opus: OpusPlaces::new(settings.opus_legs),
            loopback,
            sip: [Some(sip.udp), sip.tcp].into_iter().flatten().collect(),
            last: LegId(0),
            engines: settings.threads,
            open_ports: HashSet::new(),
            secrets,
        }
    }

    /// A leg with a bound socket; `None` when no port is to be had.
    pub fn open(&mut self, sockets: &mut dyn Sockets, purpose: Purpose, now: Time) -> Option<Leg> {
        let Purpose { session_id, sound: Sound { encryption, codecs }, beside } = purpose;
        let has_own_codecs = !codecs.is_empty();
        let codecs = if has_own_codecs { codecs } else { self.codecs.clone() };
        for _ in 0..PORTS_TRIED {
            let port = self.ports.reserve(now)?;
            let id = beside.map_or(LegId(self.last.0 + 1), |beside| self.last.next_beside(beside, self.engines));
            self.last = id;
            if sockets.open(id, port) {
                self.open_ports.insert(port);
                let address = self.address;
                let mut key = [0; 30];
                if encryption != Encryption::Off {
                    self.secrets.fill_bytes(&mut key);
                }
                let spoken = codecs.clone();
                let local = sdp::Local { address, port, session_id, codecs: spoken, encryption, key: Key(key) };
                let (session, opus) = (sdp::Session::new(local), OpusPlace::None);
                return Some(Leg { id, port, session, codecs, has_own_codecs, opus });
            }
            self.ports.release(port, now);
        }
        None
    }

    /// Gives the leg's port back, to be used again after it has drained, and its socket with it.
    pub fn close(&mut self, leg: &Leg, now: Time, commands: &mut Vec<media::Command>) {
        self.ports.release(leg.port, now);
        self.open_ports.remove(&leg.port);
        self.opus.speaks(&mut { leg.opus }, false);
        commands.push(media::Command::Close { leg: leg.id });
    }

    /// [`Legs::close`] of a leg whose SDP was never sent: its port need not drain.
    pub fn discard(&mut self, leg: &Leg, now: Time, commands: &mut Vec<media::Command>) {
        self.ports.release_untold(leg.port, now);
        self.open_ports.remove(&leg.port);
        self.opus.speaks(&mut { leg.opus }, false);
        commands.push(media::Command::Close { leg: leg.id });
    }

    /// From when on there is a port to be had; `None` while all are in use.
    pub fn next_port_at(&self) -> Option<Time> {
        self.ports.next_at()
    }

    /// Legs open now.
    pub fn open_count(&self) -> usize {
        self.open_ports.len()
    }

    /// Ports reserved or draining.
    pub fn ports_in_use(&self) -> usize {
        self.ports.in_use()
    }

    /// The answer to an offer, and where to send from now on.
    pub fn answer(
        &mut self,
        leg: &mut Leg,
        offer: &[u8],
        source: SocketAddr,
    ) -> Result<(Bytes, media::Stream), sdp::Unacceptable> {
        let is_ours = |address| self.is_ours(address);
        let policy = self.policy(source, &is_ours);
        leg.session.speak(leg.codecs.clone());
        if leg.codecs.contains(&Codec::Opus) && !self.opus.has_room(leg.opus) {
            let would_be = leg.session.clone().answer(offer, &policy);
            leg.session.speak(opus::without(&leg.codecs));
            let answered = leg.session.answer(offer, &policy);
            if would_be.is_ok_and(|(_, stream)| stream.codec == Codec::Opus) {
                self.opus.leave_out();
            }
            return answered;
        }
        let answered = leg.session.answer(offer, &policy);
        if let Ok((_, stream)) = &answered {
            self.opus.speaks(&mut leg.opus, stream.codec == Codec::Opus);
        }
        answered
    }

    /// An offer of ours. Where Opus is in it a place is taken until the answer does without.
    pub fn offer(&mut self, leg: &mut Leg) -> Bytes {
        let has_opus = leg.codecs.contains(&Codec::Opus);
        let is_full = has_opus && !self.opus.has_room(leg.opus);
        if is_full {
            self.opus.leave_out();
        } else {
            self.opus.speaks(&mut leg.opus, has_opus);
        }
        leg.session.speak(if is_full { opus::without(&leg.codecs) } else { leg.codecs.clone() });
        leg.session.offer()
    }

    /// What the answer to our offer agreed.
    pub fn accept(
        &mut self,
        leg: &mut Leg,
        answer: &[u8],
        source: SocketAddr,
    ) -> Result<media::Stream, sdp::Unacceptable> {
        let accepted = leg.session.accept(answer, &self.policy(source, &|address| self.is_ours(address)));
        let does = leg.codec() == Some(Codec::Opus);
        self.opus.speaks(&mut leg.opus, does);
        accepted
    }

    /// Legs of Opus that may have to be converted.
    pub fn opus_legs(&self) -> usize {
        self.opus.taken()
    }

    /// Legs that had to do without Opus since the last time this was asked.
    pub fn opus_left_out(&mut self) -> usize {
        self.opus.take_left_out()
    }

    /// What may stand in SDP that came from `source`.
    fn policy<'a>(&self, source: SocketAddr, is_ours: &'a dyn Fn(SocketAddr) -> bool) -> sdp::Policy<'a> {
        let signalled_from = source.ip().to_canonical();
        let allow_loopback = self.loopback.iter().any(|net| net.contains(&signalled_from));
        sdp::Policy { signalled_from, allow_loopback, is_ours }
    }

    /// Media sent to a socket of ours would go round for ever; RTCP has the odd port beside RTP.
    fn is_ours(&self, address: SocketAddr) -> bool {
        self.sip.contains(&address)
            || (address.ip() == self.address && self.open_ports.contains(&(address.port() & !1)))
    }
}
