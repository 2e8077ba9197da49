//! SIP over TCP: accepts, connects, cuts streams into messages, writes what the engine sends.
//!
//! One task owns the table of connections; each connection has a task that reads and one that writes. What a peer
//! does not read is bounded and then ends its connection.

use super::clock::Clock;
use super::inbox::{Inbox, Message};
use bytes::Bytes;
use centralino::sip::framing::{Frame, Framing};
use centralino::sip::intake::{Intake, Taken};
use centralino::sip::{Flow, Limits, Transport};
use ipnet::IpNet;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// Messages from the engine that wait to be handed to a connection.
const OUTGOING: usize = 16_384;
/// Messages that wait for one peer to read.
const OUTGOING_PER_CONNECTION: usize = 256;
/// Most connections from one address.
const CONNECTIONS_PER_ADDRESS: usize = 256;
/// The first byte, and the rest of a message begun, must come within this.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection of ours may take to be made: as long as an offered phone may take to ring.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// Something for the streams to do.
#[derive(Debug)]
enum Command {
    Send { flow: Flow, bytes: Bytes },
    Close { connection: u64 },
    Ended { connection: u64 },
}

/// The engine thread's end of the streams; dropped, it ends them.
#[derive(Debug)]
pub struct Streams {
    commands: mpsc::Sender<Command>,
}

impl Streams {
    /// Sends a message; false when it cannot be taken now.
    pub fn send(&self, flow: Flow, bytes: Bytes) -> bool {
        self.commands.try_send(Command::Send { flow, bytes }).is_ok()
    }

    /// Closes a connection after what was sent before.
    pub fn close(&self, connection: u64) {
        // A full channel leaves the connection to its idle time-out.
        let _ = self.commands.try_send(Command::Close { connection });
    }
}

/// What every connection is held to.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Most connections at once; strangers may take three quarters of them.
    pub connections: usize,
    /// Who is no stranger.
    pub trusted: Vec<IpNet>,
    /// Silence after which the engine is asked whether the connection is of any use.
    pub idle: Duration,
    /// Of messages.
    pub limits: Limits,
}

/// Serves `listener`, when there is one, and makes connections, in a thread of its own.
pub fn spawn(
    listener: Option<std::net::TcpListener>,
    bounds: Bounds,
    tag_key: [u8; 32],
    inbox: Inbox,
    clock: Clock,
) -> io::Result<Streams> {
    let (commands, received) = mpsc::channel(OUTGOING);
    let streams = Streams { commands: commands.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    if let Some(listener) = &listener {
        listener.set_nonblocking(true)?;
    }
    let ended = commands.downgrade();
    drop(commands);
    let intake = Arc::new(Intake::new(bounds.limits.clone(), tag_key));
    let hub = Hub { connections: HashMap::new(), made: HashMap::new(), last: 0, bounds, intake, inbox, clock, ended };
    Builder::new().name("sip-tcp".into()).spawn(move || {
        runtime.block_on(async move {
            match listener.map(TcpListener::from_std).transpose() {
                Ok(listener) => hub.serve(listener, received).await,
                Err(error) => tracing::error!(%error, "SIP over TCP cannot be served"),
            }
        });
    })?;
    Ok(streams)
}

/// The table of connections.
struct Hub {
    connections: HashMap<u64, Connection>,
    /// Connections that we made, by where to, so that the next message takes the same one.
    made: HashMap<SocketAddr, u64>,
    last: u64,
    bounds: Bounds,
    intake: Arc<Intake>,
    inbox: Inbox,
    clock: Clock,
    ended: mpsc::WeakSender<Command>,
}

struct Connection {
    remote: SocketAddr,
    writer: mpsc::Sender<Bytes>,
}

impl Hub {
    async fn serve(mut self, listener: Option<TcpListener>, mut commands: mpsc::Receiver<Command>) {
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Send { flow, bytes }) => self.send(flow, bytes),
                    Some(Command::Close { connection }) => self.forget(connection),
                    Some(Command::Ended { connection }) => {
                        self.forget(connection);
                        // A lost end would leave its legs behind; the engine never waits for us, so this wait is short.
                        self.inbox.put_waiting(Message::ConnectionClosed(connection));
                    }
                    None => return,
                },
                accepted = accept(listener.as_ref()) => match accepted {
                    Ok((stream, remote)) => self.accepted(stream, remote),
                    // Out of files: accepting again at once would only burn the processor.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                },
            }
        }
    }

    fn accepted(&mut self, stream: TcpStream, remote: SocketAddr) {
        let of_address = |ip: IpAddr| self.connections.values().filter(|other| other.remote.ip() == ip).count();
        if self.connections.len() >= self.room_for(remote.ip()) || of_address(remote.ip()) >= CONNECTIONS_PER_ADDRESS {
            return;
        }
        let (connection, outgoing) = self.enter(remote);
        self.start(connection, remote, stream, outgoing);
    }

    /// How many connections there may be when this one is added to them.
    fn room_for(&self, ip: IpAddr) -> usize {
        let (all, ip) = (self.bounds.connections, ip.to_canonical());
        let trusted = self.bounds.trusted.iter().any(|network| network.contains(&ip));
        if trusted { all } else { all - all / 4 }
    }

    fn enter(&mut self, remote: SocketAddr) -> (u64, mpsc::Receiver<Bytes>) {
        self.last += 1;
        let (writer, outgoing) = mpsc::channel(OUTGOING_PER_CONNECTION);
        self.connections.insert(self.last, Connection { remote, writer });
        (self.last, outgoing)
    }

    fn start(&self, connection: u64, remote: SocketAddr, stream: TcpStream, outgoing: mpsc::Receiver<Bytes>) {
        let reader = self.reader(Flow { transport: Transport::Tcp, remote, connection });
        let ended = self.ended.clone();
        tokio::spawn(run(stream, reader, outgoing, ended));
    }

    fn reader(&self, flow: Flow) -> Reader {
        Reader {
            flow,
            framing: Framing::new(&self.bounds.limits),
            idle: self.bounds.idle,
            intake: Arc::clone(&self.intake),
            inbox: self.inbox.clone(),
            clock: self.clock,
        }
    }

    fn send(&mut self, flow: Flow, bytes: Bytes) {
        let connection = match flow.connection {
            0 => self.made.get(&flow.remote).copied(),
            connection => Some(connection),
        };
        match connection.and_then(|connection| self.connections.get(&connection)) {
            Some(open) => {
                if open.writer.try_send(bytes).is_err() {
                    // The peer does not read: its connection ends when its writer is dropped.
                    self.inbox.put(Message::SendFailed(flow));
                    if let Some(connection) = connection {
                        self.forget(connection);
                        self.inbox.put_waiting(Message::ConnectionClosed(connection));
                    }
                }
            }
            None if flow.connection == 0 && self.connections.len() < self.bounds.connections => {
                self.connect(flow, bytes);
            }
            None => {
                self.inbox.put(Message::SendFailed(flow));
            }
        }
    }

    fn connect(&mut self, flow: Flow, first: Bytes) {
        let (connection, outgoing) = self.enter(flow.remote);
        self.made.insert(flow.remote, connection);
        if let Some(open) = self.connections.get(&connection) {
            // The channel is new and empty.
            let _ = open.writer.try_send(first);
        }
        let reader = self.reader(Flow { connection, ..flow });
        let ended = self.ended.clone();
        tokio::spawn(async move {
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(flow.remote)).await {
                Ok(Ok(stream)) => run(stream, reader, outgoing, ended).await,
                Ok(Err(_)) | Err(_) => {
                    reader.inbox.put(Message::SendFailed(flow));
                    report_end(&ended, connection).await;
                }
            }
        });
    }

    fn forget(&mut self, connection: u64) {
        if let Some(gone) = self.connections.remove(&connection)
            && self.made.get(&gone.remote) == Some(&connection)
        {
            self.made.remove(&gone.remote);
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// One connection's life: reads and writes until either side ends it.
async fn run(stream: TcpStream, reader: Reader, outgoing: mpsc::Receiver<Bytes>, ended: mpsc::WeakSender<Command>) {
    let connection = reader.flow.connection;
    // Small messages must not wait for the peer's delayed ACK.
    let _ = stream.set_nodelay(true);
    let (read_half, write_half) = stream.into_split();
    let (pongs, pongs_due) = mpsc::channel(4);
    tokio::select! {
        () = write(write_half, outgoing, pongs_due) => {}
        () = reader.read(read_half, pongs) => {}
    }
    report_end(&ended, connection).await;
}

async fn report_end(ended: &mpsc::WeakSender<Command>, connection: u64) {
    if let Some(hub) = ended.upgrade() {
        let _ = hub.send(Command::Ended { connection }).await;
    }
}

/// Writes what the engine sends, and an answer to each keep-alive, until the table forgets the connection.
async fn write(mut half: OwnedWriteHalf, mut outgoing: mpsc::Receiver<Bytes>, mut pongs_due: mpsc::Receiver<()>) {
    loop {
        let bytes = tokio::select! {
            bytes = outgoing.recv() => match bytes {
                Some(bytes) => bytes,
                None => return,
            },
            Some(()) = pongs_due.recv() => Bytes::from_static(b"\r\n"),
        };
        if !matches!(timeout(MESSAGE_TIMEOUT, half.write_all(&bytes)).await, Ok(Ok(()))) {
            return;
        }
    }
}

struct Reader {
    flow: Flow,
    framing: Framing,
    idle: Duration,
    intake: Arc<Intake>,
    inbox: Inbox,
    clock: Clock,
}

impl Reader {
    /// Reads until the peer closes, misbehaves or stalls in the middle of a message.
    async fn read(mut self, mut half: OwnedReadHalf, pongs: mpsc::Sender<()>) {
        let mut buffer = vec![0; 16_384];
        let mut frames = Vec::new();
        let mut begun = false;
        // Not put off by each byte that trickles in.
        let mut whole_by = Instant::now() + MESSAGE_TIMEOUT;
        loop {
            let must_go_on = !begun || self.framing.is_partial();
            let until = if must_go_on { whole_by } else { Instant::now() + self.idle };
            let length = match timeout_at(until, half.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(length)) => length,
                Err(_) if must_go_on => return,
                Err(_) => {
                    self.inbox.put(Message::ConnectionIdle(self.flow.connection));
                    continue;
                }
            };
            let was_partial = begun && self.framing.is_partial();
            begun = true;
            let received_at = self.clock.now();
            let cut = self.framing.push(buffer.get(..length).unwrap_or_default(), &mut frames);
            if !was_partial || !frames.is_empty() {
                whole_by = Instant::now() + MESSAGE_TIMEOUT;
            }
            for frame in frames.drain(..) {
                let taken = match frame {
                    Frame::Message(bytes) => self.inbox.put(Message::Sip { flow: self.flow, bytes, received_at }),
                    Frame::Ping => pongs.send(()).await.is_ok(),
                };
                if !taken {
                    return;
                }
            }
            if let Err(broken) = cut {
                let answer = match self.intake.reject(broken.wrong, &broken.bytes, self.flow) {
                    Taken::Answer { bytes, .. } => Some(bytes),
                    Taken::Nothing | Taken::Message(_) | Taken::Drop(_) => None,
                };
                self.inbox.put(Message::StreamBroken(self.flow, answer));
                // The writer ends the connection once everything is out; should the inbox be full, time does.
                let _ = timeout(MESSAGE_TIMEOUT, pongs.closed()).await;
                return;
            }
        }
    }
}
