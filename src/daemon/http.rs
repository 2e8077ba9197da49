//! HTTP for machines that watch: `/metrics`, `/stats`, `/livez`, `/readyz` read the published snapshots, nothing else.
//! `/explain` and `/agents` ask the engine thread.
//!
//! One thread with a runtime of its own; the engine thread never waits for it. Everything a client can hold is
//! bounded: connections, scrapes at once, and the life of a connection, which is one request long.

mod agents;
mod bounded;
mod explain;
mod stats;
#[cfg(test)]
mod tests;
mod trace;

use super::facts_thread::{Asker, LiveReader};
use super::inbox::Inbox;
use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bounded::{BoundedListener, Held};
use centralino::sip::Secret;
use centralino::stats::Phase;
use centralino::stats::prometheus::{CONTENT_TYPE, Exposition, speed_of_answer};
use centralino::stats::snapshot::Reader;
use centralino::time::Time;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot, watch};

/// What HTTP shows.
#[derive(Clone)]
pub struct HttpState {
    /// The published numbers; a reload shows others.
    pub shown: watch::Receiver<Arc<Shown>>,
    /// The engine's clock.
    pub clock: Arc<dyn Fn() -> Time + Send + Sync>,
    /// The way to those who remember what passed.
    pub trace: Option<Asker>,
    /// The way to the engine, to ask it why and to ask it for something.
    pub inbox: Option<Inbox>,
    /// What those must know who ask for something; without it nobody can.
    pub control_token: Option<Secret>,
    /// What clients may hold.
    pub limits: HttpLimits,
}

/// Published numbers and how to read them: all of one plan.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The published numbers.
    pub reader: Reader,
    /// How they are rendered.
    pub exposition: Exposition,
    /// Windows and percentiles.
    pub live: LiveReader,
}

/// What clients may hold.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Most connections at once; more wait to be accepted.
    pub connections: usize,
    /// Most scrapes whose page is not yet delivered; more are answered 503.
    pub scrapes: usize,
    /// Longest life of a connection: reading the request, answering and delivering.
    pub lifetime: Duration,
    /// `/livez` fails when the engine has published nothing for so long.
    pub heartbeat: Duration,
}

impl Default for HttpLimits {
    fn default() -> HttpLimits {
        HttpLimits { connections: 64, scrapes: 8, lifetime: Duration::from_secs(10), heartbeat: Duration::from_secs(5) }
    }
}

/// The running HTTP thread.
pub struct HttpServer {
    /// Where it listens.
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl HttpServer {
    /// Stops at once, whatever clients are doing, and waits for the thread.
    pub fn stop(self) {
        // The thread is gone only if it panicked; there is nothing to stop then.
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::warn!("the HTTP thread had panicked");
        }
    }
}

/// Serves `state` on `listener`, on a thread of its own, until stopped.
pub fn serve(listener: TcpListener, state: HttpState) -> io::Result<HttpServer> {
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let listener = {
        let _entered = runtime.enter();
        BoundedListener::new(tokio::net::TcpListener::from_std(listener)?, state.limits)
    };
    let (stop, stopped) = oneshot::channel();
    let app = router(state, address.ip().is_loopback()).into_make_service_with_connect_info::<Held>();
    let thread = std::thread::Builder::new().name("http".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::spawn(async { axum::serve(listener, app).await });
            // An error means that the handle was dropped without `stop`: the daemon is ending all the same.
            let _ = stopped.await;
        });
    })?;
    Ok(HttpServer { address, stop, thread })
}

#[derive(Clone)]
struct Shared {
    state: HttpState,
    scrapes: Arc<Semaphore>,
    process: Arc<ProcessCollector>,
    /// Only this machine can ask.
    is_private: bool,
}

fn router(state: HttpState, is_private: bool) -> Router {
    let scrapes = Arc::new(Semaphore::new(state.limits.scrapes));
    let shared = Shared { state, scrapes, process: Arc::new(ProcessCollector::for_self()), is_private };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/stats", get(stats::stats))
        .route("/explain/{kind}/{name}", get(explain::explain))
        .route("/trace/{call}", get(trace::trace))
        .route("/agents/{number}/{*action}", post(agents::ask))
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .layer(axum::middleware::map_response(close))
        .with_state(shared)
}

/// One request a connection: its life is then also the life of the request.
async fn close(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn metrics(State(shared): State<Shared>, ConnectInfo(held): ConnectInfo<Held>) -> Response {
    if !shared.admit(&held) {
        return busy();
    }
    let shown = shared.shown();
    let Shown { reader, exposition, live } = &*shown;
    let Some(live_copy) = copy(&live.reader).await else { return unreadable() };
    let Some(copy) = copy(reader).await else { return unreadable() };
    let mut more = speed_of_answer(exposition.layout(), &copy, &live.layout, &live_copy);
    more.extend(shared.process.collect());
    let mut text = String::new();
    exposition.render(&copy, (shared.state.clock)(), more, &mut text);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

async fn live(State(shared): State<Shared>) -> Response {
    let shown = shared.shown();
    let Some(copy) = copy(&shown.reader).await else { return unreadable() };
    match shared.silence(&shown, &copy) {
        None => "alive\n".into_response(),
        Some(silence) => silent(silence),
    }
}

async fn ready(State(shared): State<Shared>) -> Response {
    let shown = shared.shown();
    let Some(copy) = copy(&shown.reader).await else { return unreadable() };
    if let Some(silence) = shared.silence(&shown, &copy) {
        return silent(silence);
    }
    let phase = copy.get(shown.exposition.layout().phase).copied().unwrap_or(0);
    let phase = usize::try_from(phase).ok().and_then(|phase| Phase::ALL.get(phase)).unwrap_or(&Phase::Starting);
    let status = if *phase == Phase::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, format!("{}\n", phase.label())).into_response()
}

fn silent(silence: Duration) -> Response {
    let words = format!("the engine has been silent for {} s\n", silence.as_secs());
    (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
}

fn unreadable() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the engine stopped in the middle of publishing\n").into_response()
}

fn busy() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "too many scrapes at once\n").into_response()
}

/// A whole copy of the numbers; none when the writer does not finish.
async fn copy(reader: &Reader) -> Option<Vec<u64>> {
    let mut copy = Vec::with_capacity(reader.len());
    let reading = async {
        while !reader.try_read(&mut copy) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(1), reading).await.ok()?;
    Some(copy)
}

impl Shared {
    /// What is shown now.
    fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.state.shown.borrow())
    }

    /// Whether there is room for one more page; it is taken until the connection is closed.
    fn admit(&self, held: &Held) -> bool {
        let scrape = Arc::clone(&self.scrapes).try_acquire_owned();
        scrape.map(|scrape| held.hold(scrape)).is_ok()
    }

    /// How long the engine has published nothing, when that is too long.
    fn silence(&self, shown: &Shown, copy: &[u64]) -> Option<Duration> {
        let heartbeat = copy.get(shown.exposition.layout().as_of).copied().unwrap_or(0);
        let silence = (self.state.clock)().since(Time::from_nanos(heartbeat));
        (silence > self.state.limits.heartbeat).then_some(silence)
    }
}
