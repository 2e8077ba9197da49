//! A listener whose connections are few and short: a slow or silent client holds a place for a known time, no longer.

use super::HttpLimits;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// Accepts while there is room.
pub(super) struct BoundedListener {
    listener: TcpListener,
    places: Arc<Semaphore>,
    lifetime: Duration,
}

/// A connection that fails when its time is over.
pub(super) struct BoundedStream {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    held: Held,
}

/// What a connection holds until it is closed, the delivery of its answer included.
#[derive(Clone)]
pub(super) struct Held(Arc<Permits>);

struct Permits {
    _place: OwnedSemaphorePermit,
    scrape: OnceLock<OwnedSemaphorePermit>,
}

impl Held {
    /// Gives a scrape's permit back when the connection closes, not when the page is made.
    pub(super) fn hold(&self, scrape: OwnedSemaphorePermit) {
        // A second scrape on one connection cannot be: each is closed after its answer.
        let _ = self.0.scrape.set(scrape);
    }
}

impl BoundedListener {
    pub(super) fn new(listener: TcpListener, limits: HttpLimits) -> BoundedListener {
        BoundedListener { listener, places: Arc::new(Semaphore::new(limits.connections)), lifetime: limits.lifetime }
    }
}

impl Listener for BoundedListener {
    type Io = BoundedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (BoundedStream, SocketAddr) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                // Nobody closes the semaphore.
                std::future::pending::<()>().await;
                continue;
            };
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let held = Held(Arc::new(Permits { _place: place, scrape: OnceLock::new() }));
                    let end = Box::pin(tokio::time::sleep(self.lifetime));
                    return (BoundedStream { stream, end, held }, peer);
                }
                Err(error) => {
                    tracing::warn!(%error, "an HTTP connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, BoundedListener>> for Held {
    fn connect_info(stream: IncomingStream<'_, BoundedListener>) -> Held {
        stream.io().held.clone()
    }
}

impl BoundedStream {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
