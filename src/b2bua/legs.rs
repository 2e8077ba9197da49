//! Media legs: a port, a socket and an offer/answer session each. Knows nothing of calls.

use crate::ids::LegId;
use crate::media::srtp::Key;
use crate::media::{self, Encryption, Ports, sdp};
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
#[derive(Clone, Copy, Debug, Default)]
pub struct Purpose<'a> {
    /// The session's id in our SDP.
    pub session_id: u64,
    pub encryption: Encryption,
    /// These codecs only, if any are named.
    pub codecs: &'a [media::Codec],
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
}

/// All ports, and what every SDP of ours says.
#[derive(Debug)]
pub struct Legs {
    ports: Ports,
    address: IpAddr,
    codecs: Vec<media::Codec>,
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
            loopback,
            sip: [Some(sip.udp), sip.tcp].into_iter().flatten().collect(),
            last: LegId(0),
            engines: settings.threads,
            open_ports: HashSet::new(),
            secrets,
        }
    }

    /// A leg with a bound socket; `None` when no port is to be had.
    pub fn open(&mut self, sockets: &mut dyn Sockets, purpose: Purpose<'_>, now: Time) -> Option<Leg> {
        let Purpose { session_id, encryption, codecs, beside } = purpose;
        for _ in 0..PORTS_TRIED {
            let port = self.ports.reserve(now)?;
            let id = beside.map_or(LegId(self.last.0 + 1), |beside| self.last.next_beside(beside, self.engines));
            self.last = id;
            if sockets.open(id, port) {
                self.open_ports.insert(port);
                let codecs = if codecs.is_empty() { self.codecs.clone() } else { codecs.to_vec() };
                let address = self.address;
                let mut key = [0; 30];
                if encryption != Encryption::Off {
                    self.secrets.fill_bytes(&mut key);
                }
                let local = sdp::Local { address, port, session_id, codecs, encryption, key: Key(key) };
                return Some(Leg { id, port, session: sdp::Session::new(local) });
            }
            self.ports.release(port, now);
        }
        None
    }

    /// Gives the leg's port back, to be used again after it has drained, and its socket with it.
    pub fn close(&mut self, leg: &Leg, now: Time, commands: &mut Vec<media::Command>) {
        self.ports.release(leg.port, now);
        self.open_ports.remove(&leg.port);
        commands.push(media::Command::Close { leg: leg.id });
    }

    /// [`Legs::close`] of a leg whose SDP was never sent: its port need not drain.
    pub fn discard(&mut self, leg: &Leg, now: Time, commands: &mut Vec<media::Command>) {
        self.ports.release_untold(leg.port, now);
        self.open_ports.remove(&leg.port);
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
        &self,
        leg: &mut Leg,
        offer: &[u8],
        source: SocketAddr,
    ) -> Result<(Bytes, media::Stream), sdp::Unacceptable> {
        leg.session.answer(offer, &self.policy(source, &|address| self.is_ours(address)))
    }

    /// What the leg speaks, once that is agreed.
    pub fn codec(leg: &Leg) -> Option<media::Codec> {
        leg.session.agreed().map(|stream| stream.codec)
    }

    /// Offers this codec first.
    pub fn prefer(leg: &mut Leg, codec: media::Codec) {
        leg.session.prefer(codec);
    }

    /// An offer of ours.
    pub fn offer(&self, leg: &mut Leg) -> Bytes {
        leg.session.offer()
    }

    /// What the answer to our offer agreed.
    pub fn accept(&self, leg: &mut Leg, answer: &[u8], source: SocketAddr) -> Result<media::Stream, sdp::Unacceptable> {
        leg.session.accept(answer, &self.policy(source, &|address| self.is_ours(address)))
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
