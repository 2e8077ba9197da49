//! SIP over UDP: one socket that never waits. The engine thread reads it and writes to it.

use super::clock::Clock;
use centralino::sip::{Flow, Transport};
use centralino::time::{Duration, Time};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr, ReceiveTimestampns};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use rustix::net::{SendFlags, sendto, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// The default receive buffer lost half the calls in a squeeze of a few milliseconds.
const BUFFER_BYTES: usize = 8 << 20;
/// The longest datagram.
const DATAGRAM_BYTES: usize = 65_536;
/// Errors passed over in search of a datagram.
const ERRORS: usize = 16;

/// The SIP socket.
#[derive(Debug)]
pub struct SipSocket {
    socket: UdpSocket,
    clock: Clock,
    datagram: Box<[u8]>,
    control: Vec<u8>,
    /// Nothing was there then: whatever is there now has come since.
    empty_at: Time,
    /// Something may be in the error queue.
    has_errors: bool,
}

/// One datagram.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// From whom.
    pub flow: Flow,
    /// All of it.
    pub bytes: &'a [u8],
    /// When the system had it, which may be long before it was read.
    pub received_at: Time,
}

impl SipSocket {
    /// Binds it.
    pub fn bind(address: SocketAddr, clock: Clock) -> io::Result<SipSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // Beyond the system's limit where we may.
        if sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER_BYTES).is_err() {
            socket.set_recv_buffer_size(BUFFER_BYTES)?;
        }
        socket.set_send_buffer_size(BUFFER_BYTES)?;
        setsockopt(&socket, ReceiveTimestampns, &true)?;
        // Without it the kernel keeps ICMP errors of an unconnected socket to itself.
        match address {
            SocketAddr::V4(_) => setsockopt(&socket, Ipv4RecvErr, &true)?,
            SocketAddr::V6(_) => setsockopt(&socket, Ipv6RecvErr, &true)?,
        }
        socket.bind(&address.into())?;
        let datagram = vec![0; DATAGRAM_BYTES].into_boxed_slice();
        let empty_at = clock.now();
        Ok(SipSocket {
            socket: socket.into(),
            clock,
            datagram,
            control: cmsg_space!(TimeSpec),
            empty_at,
            has_errors: false,
        })
    }

    /// Where it is bound.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The next datagram, if one is there.
    pub fn receive(&mut self) -> Option<Datagram<'_>> {
        let (length, remote, stamp) = self.read()?;
        let now = self.clock.now();
        // The stamp is of the civil clock, which may be set: it is believed within what is known otherwise.
        let age = stamp.map_or(0, |stamp| self.clock.utc().saturating_sub(stamp));
        let received_at = (now - Duration::from_nanos(u64::try_from(age).unwrap_or(0))).max(self.empty_at);
        let flow = Flow { transport: Transport::Udp, remote, connection: 0 };
        Some(Datagram { flow, bytes: self.datagram.get(..length).unwrap_or_default(), received_at })
    }

    fn read(&mut self) -> Option<(usize, SocketAddr, Option<i64>)> {
        for _ in 0..ERRORS {
            let parts = &mut [IoSliceMut::new(&mut self.datagram)];
            let control = Some(&mut self.control[..]);
            match recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), parts, control, MsgFlags::MSG_DONTWAIT) {
                Ok(received) => {
                    let stamp = received.cmsgs().ok().and_then(|mut all| all.find_map(nanos));
                    if let Some(remote) = received.address.and_then(address) {
                        return Some((received.bytes, remote, stamp));
                    }
                }
                Err(Errno::EAGAIN) => break,
                // An ICMP error of an earlier datagram, or a signal: neither is this socket's end.
                Err(_) => self.has_errors = true,
            }
        }
        self.empty_at = self.clock.now();
        None
    }

    /// The system says that there are some.
    pub fn look_for_errors(&mut self) {
        self.has_errors = true;
    }

    /// To whom a datagram could not be delivered: the next entry of the socket's error queue.
    pub fn undelivered(&mut self) -> Option<Flow> {
        while self.has_errors {
            let parts = &mut [IoSliceMut::new(&mut self.datagram)];
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let error = recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), parts, None, flags);
            self.has_errors = error.is_ok();
            if let Some(remote) = error.ok().and_then(|error| error.address).and_then(address) {
                return Some(Flow { transport: Transport::Udp, remote, connection: 0 });
            }
        }
        None
    }

    /// Sends a datagram; false when the system does not take it.
    pub fn send(&mut self, remote: SocketAddr, bytes: &[u8]) -> bool {
        // An ICMP error of an earlier datagram may surface on this one's send: it is tried once more.
        let send = || sendto(&self.socket, bytes, SendFlags::DONTWAIT, &remote).is_ok();
        let sent = send();
        self.has_errors |= !sent;
        sent || send()
    }
}

impl AsFd for SipSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn nanos(message: ControlMessageOwned) -> Option<i64> {
    let ControlMessageOwned::ScmTimestampns(stamp) = message else { return None };
    stamp.tv_sec().checked_mul(1_000_000_000)?.checked_add(stamp.tv_nsec())
}

fn address(address: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::from((v4.ip(), v4.port())));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::from((v6.ip(), v6.port()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_datagram_was_received_when_the_system_had_it() {
        let clock = Clock::start();
        let mut ours = SipSocket::bind((Ipv4Addr::LOCALHOST, 0).into(), clock).unwrap();
        let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut is_told = || {
            assert!(ours.receive().is_none());
            peer.send_to(b"INVITE", ours.local_addr().unwrap()).unwrap();
            let sent = clock.now();
            std::thread::sleep(Duration::from_millis(30));
            let datagram = ours.receive().expect("it is there");
            assert_eq!((datagram.bytes, datagram.flow.remote), (&b"INVITE"[..], peer.local_addr().unwrap()));
            datagram.received_at <= sent + Duration::from_millis(5)
        };
        // Two clocks are read one after the other: on a busy machine that may take as long as the sleep.
        assert!((0..50).any(|_| is_told()));
    }

    #[test]
    fn whom_a_datagram_did_not_reach_is_told() {
        let mut ours = SipSocket::bind((Ipv4Addr::LOCALHOST, 0).into(), Clock::start()).unwrap();
        let gone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        assert!(ours.send(gone, b"anybody?"));
        let looks = std::iter::repeat_with(|| {
            ours.look_for_errors();
            ours.undelivered()
        });
        let told = looks.take(1_000_000).flatten().next();
        assert_eq!(told.map(|flow| flow.remote), Some(gone));
        assert!(ours.receive().is_none());
    }
}
