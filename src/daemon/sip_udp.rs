//! SIP over UDP: one socket, one thread that reads it. Sending is the engine thread's.

use super::clock::Clock;
use super::inbox::{Inbox, Message};
use bytes::Bytes;
use centralino::sip::{Flow, Transport};
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::thread::{Builder, JoinHandle};

/// The default receive buffer lost half the calls in a squeeze of a few milliseconds.
const RECEIVE_BUFFER_BYTES: usize = 8 << 20;

/// Binds the SIP socket.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.set_send_buffer_size(RECEIVE_BUFFER_BYTES)?;
    // Without it the kernel keeps ICMP errors of an unconnected socket to itself.
    match address {
        SocketAddr::V4(_) => setsockopt(&socket, Ipv4RecvErr, &true)?,
        SocketAddr::V6(_) => setsockopt(&socket, Ipv6RecvErr, &true)?,
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Reads datagrams until the engine thread has ended.
pub fn spawn(socket: UdpSocket, inbox: Inbox, clock: Clock) -> io::Result<JoinHandle<()>> {
    Builder::new().name("sip-udp".into()).spawn(move || {
        let mut buffer = vec![0; 65_536];
        loop {
            let (length, remote) = match socket.recv_from(&mut buffer) {
                Ok(received) => received,
                // An ICMP error of an earlier datagram, or a signal: neither is this socket's end.
                Err(_) => {
                    report_undelivered(&socket, &inbox);
                    continue;
                }
            };
            let received_at = clock.now();
            let Some(datagram) = buffer.get(..length) else { continue };
            let flow = Flow { transport: Transport::Udp, remote, connection: 0 };
            if !inbox.put(Message::Sip { flow, bytes: Bytes::copy_from_slice(datagram), received_at }) {
                return;
            }
        }
    })
}

/// Reads the socket's error queue: one entry for each datagram that an ICMP error came back for.
fn report_undelivered(socket: &UdpSocket, inbox: &Inbox) {
    let mut datagram = [0; 64];
    loop {
        let mut parts = [IoSliceMut::new(&mut datagram)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let Ok(error) = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, None, flags) else { return };
        if let Some(remote) = error.address.and_then(destination) {
            inbox.put(Message::SendFailed(Flow { transport: Transport::Udp, remote, connection: 0 }));
        }
    }
}

fn destination(address: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::from((v4.ip(), v4.port())));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::from((v6.ip(), v6.port()))))
}
