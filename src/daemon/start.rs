//! From a checked configuration to a running daemon.

use super::clock::Clock;
use super::engine_thread::{EngineThread, Outlets};
use super::facts_thread::{FactReader, Keep, LiveNumbers, Log, Names};
use super::inbox::{Inbox, Message};
use super::line::Line;
use super::names::{self, NameServers};
use super::reload::{ReadAgain, Reloader};
use super::sip_udp::SipSocket;
use super::trace::Tracer;
use super::{facts_thread, http, limits, media_thread, recorder, signals, sip_stream, sounds};
use crate::ledger::{self, Keeper, Today};
use anyhow::{Context, Result, bail};
use centralino::acd::Plan;
use centralino::b2bua::{self, Engine};
use centralino::config::{self, Checked, Running, Settings};
use centralino::media::{self, Clip, MediaEngine};
use centralino::stats::prometheus::{Exposition, Info};
use centralino::stats::{Layout, Tally, snapshot};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::watch;

/// A running daemon.
pub struct Daemon {
    /// What it goes by.
    pub plan: Arc<Plan>,
    /// Where it listens; ports that were left to the system are filled in.
    pub settings: Settings,
    /// Its numbers, as `/metrics` shows them.
    pub reader: snapshot::Reader,
    /// The places of the numbers.
    pub layout: Arc<Layout>,
    inbox: Inbox,
    http: http::HttpServer,
    threads: Vec<(&'static str, JoinHandle<()>)>,
}

impl Daemon {
    /// Tells it to stop, as a SIGTERM does: the first time talks may end, the second time they are ended.
    pub fn stop(&self) {
        self.inbox.put_waiting(Message::Stop);
    }

    /// Waits until it was told to stop and has stopped. The threads that only read sockets end with the process.
    pub fn wait(self) -> Result<()> {
        for (name, thread) in self.threads {
            if thread.join().is_err() {
                bail!("the {name} thread broke down");
            }
        }
        self.http.stop();
        Ok(())
    }
}

/// Binds everything first, so that what is wrong is said before any call comes in; then starts the threads. With
/// something to read again, SIGHUP reloads.
pub fn start(checked: Checked, read_again: Option<ReadAgain>) -> Result<Daemon> {
    let in_force = checked.clone();
    let Checked { plan, mut settings, hash, .. } = checked;
    raise_file_limit(&settings);
    let clock = Clock::start();
    let udp =
        SipSocket::bind(settings.sip_udp, clock).with_context(|| format!("SIP over UDP on {}", settings.sip_udp))?;
    let tcp = settings.sip_tcp.map(|address| listen(address, "SIP over TCP")).transpose()?;
    let http_listener = listen(settings.http, "HTTP")?;
    settings.bound(udp.local_addr()?, tcp.as_ref().map(TcpListener::local_addr).transpose()?);
    let clips = sounds::load(&settings.clips)?;

    let plan = Arc::new(plan);
    let (inbox, messages) = Inbox::new()?;
    let mut tally = Tally::new(config::shape(&plan), clock.now());
    let (mut publisher, reader) = snapshot::channel(tally.layout().len());
    // Readers must not see a desk without agents before the engine's first turn is over.
    tally.publish(clock.now(), &mut publisher);
    let prints = clips.iter().map(sounds::print).collect();
    let (recorder, recorder_thread) = recorder::spawn(settings.recording.clone(), inbox.clone())?;
    let (media, media_threads) =
        media_thread::spawn(media_engines(&settings.engine.media, clips)?, &inbox, &recorder, clock)?;
    drop(recorder);
    let zone = settings.time_zone.clone();
    let keeper = Keeper::start(&settings.ledger, zone.clone(), &plan, &hash, clock.now())?;
    let earlier = earlier_today(&settings, &plan);
    let (numbers, live) = LiveNumbers::new(&tally.layout(), reader.clone(), zone, clock.now(), earlier);
    let mut readers: Vec<Box<dyn FactReader>> = vec![Box::new(Log::new(Arc::clone(&plan))), Box::new(numbers)];
    if let Some(keeper) = keeper {
        readers.push(Box::new(Keep::new(keeper, inbox.clone())));
    }
    if settings.trace_bytes > 0 {
        let here = settings.engine.sip.udp;
        readers.push(Box::new(Tracer::new(settings.trace_bytes, Names::of(Arc::clone(&plan)), here)));
    }
    let (facts, asker, facts_thread) = facts_thread::spawn(readers, clock)?;
    let bounds = sip_stream::Bounds {
        connections: settings.tcp_connections,
        trusted: settings.engine.sip.trusted_hosts(),
        idle: settings.tcp_idle,
        limits: settings.engine.sip.limits.clone(),
    };
    let streams = sip_stream::spawn(tcp, bounds, entropy()?, inbox.clone(), clock)?;
    let info = Info { version: env!("CARGO_PKG_VERSION").into(), config_hash: hash };
    let layout = tally.layout();
    let exposition = Exposition::new(tally.layout(), info);
    let shown = watch::channel(Arc::new(http::Shown { reader: reader.clone(), exposition, live }));
    let servers = NameServers { servers: settings.name_servers.clone(), is_ipv6: settings.sip_udp.is_ipv6() };
    let names = names::spawn(b2bua::host_names(&settings.engine.phones), servers, inbox.clone())?;
    let reloader = read_again.map(|read| Reloader {
        read,
        running: Running::of(&in_force),
        in_force,
        prints,
        layout: tally.layout(),
        inbox: inbox.clone(),
        names,
        shown: shown.0,
        now: Box::new(move || clock.now()),
    });
    signals::spawn(inbox.clone(), reloader.map(Reloader::listen).transpose()?)?;
    let http = http::HttpState {
        shown: shown.1,
        clock: Arc::new(move || clock.now()),
        trace: Some(asker),
        inbox: Some(inbox.clone()),
        control_token: settings.control_token.clone(),
        limits: http::HttpLimits::default(),
    };
    let http = http::serve(http_listener, http)?;
    settings.http = http.address;

    let media_address = settings.engine.media.address;
    let outlets = Outlets { streams, media, media_address, facts, publisher, traced: settings.trace_bytes > 0 };
    let engine = Engine::new(Plan::clone(&plan), settings.engine.clone(), decision_seed()?, entropy()?);
    let engine =
        EngineThread::new(engine, tally, (inbox.clone(), Line::new(udp, messages)), outlets, clock, settings.drain_max)
            .spawn()?;
    let media_threads = media_threads.into_iter().map(|thread| ("media", thread));
    // In the order in which they end: each when the one before has nothing more for it.
    let threads = [("engine", engine), ("facts", facts_thread)].into_iter().chain(media_threads);
    let threads = threads.chain([("recorder", recorder_thread)]).collect();
    Ok(Daemon { plan, settings, reader, layout, inbox, http, threads })
}

/// As many as the settings say, with the same sounds, each with numbers of its own.
fn media_engines(settings: &media::Settings, clips: Vec<Clip>) -> Result<Vec<MediaEngine>> {
    let clips: Vec<Arc<Clip>> = clips.into_iter().map(Arc::new).collect();
    (0..settings.threads.get()).map(|_| Ok(MediaEngine::new(settings.clone(), clips.clone(), entropy()?))).collect()
}

/// What the ledger has of today; a ledger that cannot be read is no reason not to start.
fn earlier_today(settings: &Settings, plan: &Plan) -> Option<Today> {
    match ledger::today(settings.ledger.path.as_ref()?, &settings.time_zone, config::shape(plan)) {
        Ok(today) => {
            if today.left_out > 0 {
                let calls = today.left_out;
                tracing::warn!(calls, "calls of today waited under other thresholds: /stats leaves them out of today");
            }
            Some(today)
        }
        Err(error) => {
            tracing::warn!(%error, "what the ledger has of today cannot be read: /stats counts from now");
            None
        }
    }
}

fn raise_file_limit(settings: &Settings) {
    let (needed, allowed) = (settings.files_needed(), limits::raise_open_files());
    if needed > allowed {
        // Whoever comes when the files are used up is turned away like anybody above a limit.
        tracing::warn!(
            needed,
            allowed,
            "the system allows fewer open files than the limits need: lower limits.channels or raise `ulimit -Hn`"
        );
    }
}

fn listen(address: SocketAddr, what: &str) -> Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("{what} on {address}"))
}

fn entropy() -> Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the system has no entropy")?;
    Ok(seed)
}

fn decision_seed() -> Result<u64> {
    getrandom::u64().context("the system has no entropy")
}
