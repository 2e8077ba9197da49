//! Engine, network and peers under one virtual clock.

use crate::dice::Dice;
use crate::network::{End, Network};
use crate::peers::Peers;
use bytes::Bytes;
use centralino::b2bua::{Engine, Input, Output, Sockets};
use centralino::config::{self, SecretFile, Sources};
use centralino::facts::{AgentState, Fact, OfferOutcome, Record, Refusal, Turned};
use centralino::ids::{ClipId, LegId};
use centralino::media;
use centralino::sip::{self, Arrival, Endpoint, Flow, Load, Transport};
use centralino::stats::Tally;
use centralino::stats::layout::LAWS;
use centralino::time::{Deadlines, Duration, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

/// How bad the network and the system are, per mille.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub lost: u64,
    pub repeated: u64,
    pub delay_ms: u64,
    pub bind_fails: u64,
    /// RTP ports less than the centre's 400.
    pub ports_missing: u16,
}

impl Weather {
    pub const GOOD: Weather = Weather { lost: 0, repeated: 0, delay_ms: 2, bind_fails: 0, ports_missing: 0 };
    pub const BAD: Weather = Weather { lost: 50, repeated: 30, delay_ms: 120, bind_fails: 5, ports_missing: 0 };
    /// Ports for 25 legs.
    pub const NARROW: Weather = Weather { ports_missing: 350, ..Weather::BAD };
}

const CENTRE: &str = include_str!("centre.toml");
pub const CENTRALINO: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 5060);
pub const PEERS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)), 5060);
/// How long a clip plays; the media engine is not simulated beyond it.
const CLIP: Duration = Duration::from_secs(3);
/// Enough that legs could be apart.
const MEDIA_ENGINES: NonZeroU16 = NonZeroU16::new(3).unwrap();
/// From asking for a relay to having it.
const JOINING: Duration = Duration::from_millis(3);
/// Calls come this often on average.
const EVERY_MS: u64 = 900;
/// No call, talk or transaction lasts longer than this after the last arrival.
const PATIENCE: Duration = Duration::from_secs(2 * 3_600);

/// What the media thread would do, later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum MediaDeed {
    EndClip(LegId, ClipId),
    Join(LegId, LegId),
}

/// Only legs of one media engine can hear each other.
fn together(seed: u64, legs: &[LegId]) {
    let apart = legs.windows(2).find(|pair| pair[0].engine(MEDIA_ENGINES) != pair[1].engine(MEDIA_ENGINES));
    assert_eq!(apart, None, "seed {seed}: legs of two engines");
}

/// Binds every port but some.
struct Ports<'a> {
    dice: &'a mut Dice,
    bind_fails: u64,
}

impl Sockets for Ports<'_> {
    fn open(&mut self, _leg: LegId, _port: u16) -> bool {
        !self.dice.chance(self.bind_fails)
    }
}

/// The centre's configuration names no files.
struct NoFiles;

impl Sources for NoFiles {
    fn find_prompt(&self, path: &str) -> Result<PathBuf, String> {
        Err(format!("{path}: there are no files here"))
    }

    fn read_secret(&self, path: &str) -> Result<SecretFile, String> {
        Err(format!("{path}: there are no files here"))
    }
}

/// Whoever is at the other ends.
pub trait Others {
    /// When `expire` has something to do.
    fn next_deadline(&self) -> Option<Time>;
    /// What is due.
    fn expire(&mut self, now: Time);
    /// One message, to this address of theirs.
    fn hear(&mut self, at: SocketAddr, flow: Flow, bytes: &[u8], now: Time);
    /// What they sent since: each by its way as Centralino sees it.
    fn say(&mut self) -> Vec<(Flow, Bytes)>;
    /// Streams that they cut since.
    fn cuts(&mut self) -> Vec<u64>;
}

pub struct World<P> {
    seed: u64,
    weather: Weather,
    dice: Dice,
    now: Time,
    engine: Engine,
    out: Output,
    tally: Tally,
    facts: Vec<Record>,
    pub peers: P,
    network: Network,
    /// The last stream that Centralino opened, and those that are cut.
    streams: u64,
    cut: BTreeSet<u64>,
    media: Deadlines<MediaDeed>,
}

impl World<Peers> {
    /// Callers and phones as they mostly are.
    pub fn new(seed: u64, weather: Weather) -> World<Peers> {
        World::with(CENTRE, seed, weather, |settings| {
            let mut phones = settings.clone();
            phones.udp = PEERS;
            phones.limits.dialogs = 100_000;
            phones.limits.transactions = 100_000;
            let endpoint = Endpoint::new(phones, [0x55 ^ seed.to_le_bytes()[0]; 32]);
            Peers::new(endpoint, Dice::new(seed ^ 0xFEED), CENTRALINO, &["100", "100", "100", "200", "999"])
        })
    }

    /// So many calls, and then until nothing happens any more.
    pub fn run(&mut self, calls: u32) {
        self.peers.plan_calls(calls, EVERY_MS, self.now);
        let end = self.now + Duration::from_millis(2 * EVERY_MS * u64::from(calls)) + PATIENCE;
        self.run_until_quiet(end);
    }
}

impl<P: Others> World<P> {
    /// A centre of this configuration, and others who are told its settings.
    pub fn with(centre: &str, seed: u64, weather: Weather, others: impl FnOnce(&sip::Settings) -> P) -> World<P> {
        let mut checked = config::check(centre, &NoFiles).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        checked.settings.engine.media.ports.1 -= weather.ports_missing;
        checked.settings.engine.media.threads = MEDIA_ENGINES;
        let peers = others(&checked.settings.engine.sip);
        World {
            seed,
            weather,
            dice: Dice::new(seed),
            now: Time::ZERO,
            tally: Tally::new(config::shape(&checked.plan), Time::ZERO),
            engine: Engine::new(checked.plan, checked.settings.engine, seed, [seed.to_le_bytes()[0]; 32]),
            out: Output::default(),
            facts: Vec::new(),
            peers,
            network: Network::default(),
            streams: 0,
            cut: BTreeSet::new(),
            media: Deadlines::default(),
        }
    }

    /// Until nothing happens any more, which must be before `end`.
    pub fn run_until_quiet(&mut self, end: Time) {
        while let Some(next) = self.next() {
            assert!(next >= self.now, "seed {}: a deadline in the past", self.seed);
            assert!(next <= end, "seed {}: still busy at {next:?}", self.seed);
            self.now = next;
            self.step();
            if let Err(law) = self.engine.acd().check_laws() {
                panic!("seed {} at {:?}: {law}", self.seed, self.now);
            }
        }
    }

    fn next(&self) -> Option<Time> {
        let media = self.media.next().map(|(at, _)| at);
        let times = [self.engine.next_deadline(), self.peers.next_deadline(), self.network.next(), media];
        times.into_iter().flatten().min()
    }

    fn step(&mut self) {
        while let Some((to, flow, bytes)) = self.network.arrive(self.now) {
            match to {
                _ if self.cut.contains(&flow.connection) => {}
                End::Centralino => {
                    let waiting = Load::default();
                    if self.engine.arrives(flow, &bytes, waiting, self.now, &mut self.out) != Arrival::TurnedAway {
                        self.engine_hears(Input::Sip { flow, bytes: &bytes, received_at: self.now });
                    }
                    self.flush_engine();
                }
                End::Peers => {
                    let way_back = Flow { remote: CENTRALINO, ..flow };
                    self.peers.hear(flow.remote, way_back, &bytes, self.now);
                    self.flush_peers();
                }
            }
        }
        while let Some((at, deed)) = self.media.pop_due(self.now) {
            let event = match deed {
                MediaDeed::EndClip(leg, clip) => media::Event::ClipEnded { leg, clip },
                MediaDeed::Join(a, b) => media::Event::Joined { a, b },
            };
            self.engine_hears(Input::Media { event, at });
        }
        let mut ports = Ports { dice: &mut self.dice, bind_fails: self.weather.bind_fails };
        self.engine.expire(self.now, &mut ports, &mut self.out);
        self.flush_engine();
        self.peers.expire(self.now);
        self.flush_peers();
    }

    fn engine_hears(&mut self, input: Input<'_>) {
        let mut ports = Ports { dice: &mut self.dice, bind_fails: self.weather.bind_fails };
        self.engine.handle(input, self.now, &mut ports, &mut self.out);
        self.flush_engine();
    }

    fn flush_engine(&mut self) {
        let mut failed = Vec::new();
        for sip::Transmit { mut flow, bytes } in self.out.transmits.drain(..) {
            match flow.transport {
                Transport::Tcp if self.cut.contains(&flow.connection) => failed.push(flow),
                // A new connection; after a cut nobody listens any more.
                Transport::Tcp if flow.connection == 0 && !self.cut.is_empty() => failed.push(flow),
                Transport::Tcp | Transport::Udp => {
                    if flow.transport == Transport::Tcp && flow.connection == 0 {
                        self.streams += 1;
                        flow.connection = self.streams;
                    }
                    self.network.send((End::Peers, flow, bytes), self.now, self.weather, &mut self.dice);
                }
            }
        }
        for command in self.out.media.drain(..) {
            match command {
                media::Command::PlayOnce { leg, clip } => {
                    self.media.set(MediaDeed::EndClip(leg, clip), self.now + CLIP);
                }
                media::Command::PlayAll { leg, clips } => {
                    if let Some(&clip) = clips.last() {
                        self.media.set(MediaDeed::EndClip(leg, clip), self.now + CLIP);
                    }
                }
                media::Command::Join { a, b } => {
                    together(self.seed, &[a, b]);
                    self.media.set(MediaDeed::Join(a, b), self.now + JOINING);
                }
                media::Command::Confer { parties } => together(self.seed, &parties.concat()),
                media::Command::Open { .. }
                | media::Command::Learn { .. }
                | media::Command::Direct { .. }
                | media::Command::PlayMusic { .. }
                | media::Command::Part { .. }
                | media::Command::Record { .. }
                | media::Command::Reached { .. }
                | media::Command::EndRecording { .. }
                | media::Command::PauseRecording { .. }
                | media::Command::Announce { .. }
                | media::Command::Hush { .. }
                | media::Command::PassKey { .. }
                | media::Command::Measure { .. }
                | media::Command::Disperse { .. }
                | media::Command::Close { .. } => {}
            }
        }
        for record in self.out.facts.drain(..) {
            self.tally.apply(&record);
            assert!(!matches!(record.fact, Fact::LawBroken { .. }), "seed {}: {record:?}", self.seed);
            self.facts.push(record);
        }
        self.out.answer_to_audio.clear();
        self.out.closes.clear();
        failed.into_iter().for_each(|flow| self.engine_hears(Input::SendFailed { flow }));
    }

    fn flush_peers(&mut self) {
        for (flow, bytes) in self.peers.say() {
            self.network.send((End::Centralino, flow, bytes), self.now, self.weather, &mut self.dice);
        }
        for connection in self.peers.cuts() {
            self.cut.insert(connection);
            self.engine_hears(Input::ConnectionClosed { connection });
        }
    }

    /// semantics.md section 9, law 7.
    pub fn assert_everything_ended(&self) {
        let seed = self.seed;
        let gauges = self.engine.gauges();
        let sip = gauges.sip;
        assert_eq!((sip.transactions, sip.dialogs, sip.timers), (0, 0, 0), "seed {seed}: SIP tables");
        assert_eq!((gauges.callers, gauges.agents, gauges.media_legs), (0, 0, 0), "seed {seed}: legs");
        let sizes = self.engine.acd().sizes();
        assert_eq!((sizes.calls, sizes.offers), (0, 0), "seed {seed}: routing tables");
        let layout = self.tally.layout();
        let broken: Vec<u64> = self.tally.values()[layout.laws..][..LAWS].to_vec();
        assert_eq!(broken, [0; LAWS], "seed {seed}: the tally found laws broken");
        let counts = self.counts();
        let of = |name: &str| counts.get(name).copied().unwrap_or(0);
        assert_eq!(of("offers"), of("offers ended"), "seed {seed}: {counts:?}");
    }

    /// Every call went one way alone, where no agent passes callers on.
    pub fn assert_every_call_adds_up(&self) {
        let seed = self.seed;
        let counts = self.counts();
        let of = |name: &str| counts.get(name).copied().unwrap_or(0);
        let received = of("left_in_greeting") + of("failed_in_greeting") + of("entered");
        assert_eq!(of("received"), received, "seed {seed}: {counts:?}");
        let entered = of("answered") + of("abandoned") + of("flowed_out") + of("failed");
        assert_eq!(of("entered"), entered, "seed {seed}: {counts:?}");
        assert_eq!(of("answered"), of("ended"), "seed {seed}: {counts:?}");
    }

    /// What became of calls, offers and messages, and how often.
    pub fn fates(&self) -> BTreeMap<String, u64> {
        let mut fates: BTreeMap<String, u64> =
            self.counts().into_iter().map(|(name, times)| (name.to_owned(), times)).collect();
        for record in &self.facts {
            let fate = match record.fact {
                Fact::OfferEnded { outcome, .. } => format!("offer {}", outcome.label()),
                Fact::TransferEnded { result, .. } => format!("transfer {}", result.label()),
                Fact::Turned(turned) => format!("turned {}", turned.label()),
                _ => continue,
            };
            *fates.entry(fate).or_default() += 1;
        }
        fates
    }

    /// Whether anybody works at all.
    pub fn assert_many_were_answered(&self) {
        let counts = self.counts();
        let of = |name: &str| counts.get(name).copied().unwrap_or(0);
        let seed = self.seed;
        assert!(of("answered") > of("received") / 4, "seed {seed}: hardly anybody was answered: {counts:?}");
    }

    /// Whether an agent is anything but idle, which nobody is at the end.
    pub fn assert_no_agent_is_stuck(&self) {
        let mut states = BTreeMap::new();
        for record in &self.facts {
            if let Fact::AgentStateChanged { agent, to, .. } = record.fact {
                states.insert(agent, to);
            }
        }
        let busy = |state: &&AgentState| {
            matches!(state, AgentState::Ringing | AgentState::Talking | AgentState::OnHold | AgentState::Consulting)
                || matches!(state, AgentState::WrapUp)
        };
        assert_eq!(states.values().find(busy), None, "seed {}: an agent is stuck", self.seed);
    }

    pub fn assert_nobody_was_lost(&self) {
        for record in &self.facts {
            let lost = match record.fact {
                Fact::CallAbandoned { lost, .. } | Fact::CallLeftInGreeting { lost, .. } => lost,
                Fact::CallFailed { .. } | Fact::CallFailedInGreeting { .. } => true,
                Fact::Turned(Turned::SipTimeout | Turned::SipGarbage) => true,
                _ => false,
            };
            // A phone that never says a word times out: that is its fate, not a loss.
            assert!(!lost || matches!(record.fact, Fact::Turned(Turned::SipTimeout)), "seed {}: {record:?}", self.seed);
        }
    }

    /// Ports were missing for callers and for agents' legs, and every call that was received still went its way.
    pub fn assert_ports_ran_out(&self) {
        let (mut refused, mut not_rung) = (0, 0);
        for record in &self.facts {
            match record.fact {
                Fact::CallRefused { reason: Refusal::ChannelLimit, .. } => refused += 1,
                Fact::OfferEnded { outcome: OfferOutcome::Failed, rang: Duration::ZERO, .. } => not_rung += 1,
                _ => {}
            }
        }
        assert!(refused > 10 && not_rung > 10, "{refused} callers and {not_rung} offers had no port");
    }

    pub fn digest_of_facts(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for record in &self.facts {
            format!("{record:?}").hash(&mut hasher);
        }
        hasher.finish()
    }

    fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for record in &self.facts {
            let name = match record.fact {
                Fact::CallReceived { .. } => "received",
                Fact::CallLeftInGreeting { .. } => "left_in_greeting",
                Fact::CallFailedInGreeting { .. } => "failed_in_greeting",
                Fact::CallEntered { .. } => "entered",
                Fact::CallAnswered { .. } => "answered",
                Fact::CallAbandoned { .. } => "abandoned",
                Fact::CallFlowedOut { .. } => "flowed_out",
                Fact::CallFailed { .. } => "failed",
                Fact::CallEnded { .. } => "ended",
                Fact::CallRefused { .. } => "refused",
                Fact::OfferMade { .. } => "offers",
                Fact::OfferEnded { .. } => "offers ended",
                _ => continue,
            };
            *counts.entry(name).or_insert(0) += 1;
        }
        counts
    }
}
