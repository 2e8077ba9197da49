//! The sockets of one leg: RTP, and RTCP on the port beside it once it is known that both do not share one.

use centralino::ids::LegId;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use rustix::event::epoll;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Most entries of a socket's error queue looked at in one turn.
const ERRORS_A_TURN: u64 = 16;

/// Which socket of which leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    pub leg: LegId,
    pub is_control: bool,
}

impl Channel {
    /// As the epoll set calls it.
    fn name(self) -> u64 {
        self.leg.0 << 1 | u64::from(self.is_control)
    }

    pub fn named(name: u64) -> Channel {
        Channel { leg: LegId(name >> 1), is_control: name & 1 == 1 }
    }
}

/// A leg's sockets, in the epoll set until they are dropped: each has one descriptor, and closing it takes it out.
#[derive(Debug)]
pub struct LegSockets {
    /// Where `media` is bound.
    address: SocketAddr,
    media: UdpSocket,
    control: Option<UdpSocket>,
    is_muxed: bool,
}

impl LegSockets {
    /// Takes a socket for RTP, which [`bind`] bound to this address.
    pub fn open(epoll: &OwnedFd, leg: LegId, media: UdpSocket, address: SocketAddr) -> io::Result<LegSockets> {
        // Without it the kernel keeps ICMP errors of an unconnected socket to itself.
        match address {
            SocketAddr::V4(_) => setsockopt(&media, Ipv4RecvErr, &true)?,
            SocketAddr::V6(_) => setsockopt(&media, Ipv6RecvErr, &true)?,
        }
        watch(epoll, &media, Channel { leg, is_control: false })?;
        Ok(LegSockets { address, media, control: None, is_muxed: false })
    }

    /// After each agreement: a socket for RTCP if one is needed and not there; false when there is none to be had.
    pub fn prepare_control(&mut self, epoll: &OwnedFd, leg: LegId, is_muxed: bool) -> bool {
        self.is_muxed = is_muxed;
        if !is_muxed && self.control.is_none() {
            self.control = self.bind_control(epoll, leg).ok();
        }
        is_muxed || self.control.is_some()
    }

    fn bind_control(&self, epoll: &OwnedFd, leg: LegId) -> io::Result<UdpSocket> {
        let port = self.address.port().checked_add(1).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let control = bind(SocketAddr::new(self.address.ip(), port))?;
        watch(epoll, &control, Channel { leg, is_control: true })?;
        Ok(control)
    }

    /// For RTP.
    pub fn media(&self) -> &UdpSocket {
        &self.media
    }

    /// For RTCP.
    pub fn control(&self) -> Option<&UdpSocket> {
        if self.is_muxed { Some(&self.media) } else { self.control.as_ref() }
    }

    /// By what came in on it.
    pub fn socket(&self, is_control: bool) -> Option<&UdpSocket> {
        if is_control { self.control.as_ref() } else { Some(&self.media) }
    }
}

/// A socket that never waits. Bound in as few system calls as there can be: every call opens and closes four.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &address)?;
    Ok(socket.into())
}

fn watch(epoll: impl AsFd, socket: &UdpSocket, channel: Channel) -> io::Result<()> {
    epoll::add(epoll, socket, epoll::EventData::new_u64(channel.name()), epoll::EventFlags::IN)?;
    Ok(())
}

/// Empties the socket's error queue: one entry for each packet that an ICMP error came back for.
pub fn icmp_errors(socket: &UdpSocket) -> u64 {
    let mut errors = 0;
    let mut datagram = [0; 16];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    while errors < ERRORS_A_TURN
        && recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut [IoSliceMut::new(&mut datagram)], None, flags).is_ok()
    {
        errors += 1;
    }
    errors
}
