//! The engine: one input in, everything that follows from it out.

use super::agent::AgentLeg;
use super::caller::CallerLeg;
use super::legs::{Legs, Sockets};
use super::reload;
use super::settings::{Answer, Change, Phone, Settings, Sound};
use super::transfer::ConsultLeg;
use super::trunk::Trunks;
use crate::acd::{self, Acd, Command, Plan};
use crate::facts::{Fact, Note, Party, Record, Refusal, Turned};
use crate::ids::{AgentId, CallId, Key, LegId, OfferId, ServiceId};
use crate::media;
use crate::sip::{self, Arrival, DialogId, Endpoint, Flow, Load, Transmit};
use crate::time::{Duration, Time};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::{HashMap, VecDeque};

/// Something that reached the engine thread.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// One whole SIP message.
    Sip {
        /// The path it came by.
        flow: Flow,
        /// Its bytes.
        bytes: &'a [u8],
        /// When it was read from its socket.
        received_at: Time,
    },
    /// Something sent on this flow could not be delivered.
    SendFailed {
        /// The path it was to take.
        flow: Flow,
    },
    /// A stream connection is gone.
    ConnectionClosed {
        /// Its number.
        connection: u64,
    },
    /// A host name of contacts was looked up.
    Located {
        /// Which.
        name: sip::HostName,
        /// Where it is; nowhere for one that is to be forgotten.
        places: Vec<sip::Place>,
    },
    /// The media engine said something.
    Media {
        /// What.
        event: media::Event,
        /// When.
        at: Time,
    },
    /// What civil clocks say now, in nanoseconds since 1970 (UTC).
    CivilTime {
        /// At `now` of the same call.
        utc: i64,
    },
    /// An agent asked for something by other means than the phone.
    Asked {
        /// Who.
        agent: AgentId,
        /// For what.
        request: acd::AgentRequest,
    },
    /// A new configuration comes into force.
    PlanChanged(Box<Change>),
    /// Take no new calls.
    DrainStarted,
    /// Hang up whoever is left.
    DrainEnded,
}

/// What follows from one input; reused.
#[derive(Debug, Default)]
pub struct Output {
    /// SIP messages to be sent, in order.
    pub transmits: Vec<Transmit>,
    /// Stream connections to be closed after what precedes was sent.
    pub closes: Vec<u64>,
    /// For the media engine, in order; `Open` went through [`Sockets`].
    pub media: Vec<media::Command>,
    /// For statistics and logs, in order.
    pub facts: Vec<Record>,
    /// The Call-ID of each leg of a call, the caller's first.
    pub call_ids: Vec<(CallId, String)>,
    /// Who calls, one an arrived call. Personal data: it goes where pseudonyms are made, and no further.
    pub callers: Vec<(CallId, String)>,
    /// From an agent's 200, or the end of what is said first, to the joined media, one a call answered.
    pub answer_to_audio: Vec<Duration>,
}

/// Sizes of the engine's tables, for metrics and for tests that look for leaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// The SIP endpoint's tables.
    pub sip: sip::Tables,
    /// Media legs open.
    pub media_legs: usize,
    /// RTP ports reserved or draining.
    pub rtp_ports: usize,
    /// Legs of Opus that may have to be converted.
    pub opus_legs: usize,
    /// Caller legs.
    pub callers: usize,
    /// Agent legs.
    pub agents: usize,
    /// Agents' calls to colleagues.
    pub consults: usize,
}

/// Whose leg a dialog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Caller(CallId),
    Agent(OfferId),
    /// An agent's call to a colleague, by the offer by which the agent has a caller.
    Consult(OfferId),
}

/// Routing, SIP and media joined: owns every table, decides nothing.
#[derive(Debug)]
pub struct Engine {
    pub(super) acd: Acd,
    pub(super) sip: Endpoint,
    pub(super) legs: Legs,
    pub(super) callers: HashMap<CallId, CallerLeg>,
    pub(super) agents: HashMap<OfferId, AgentLeg>,
    pub(super) consults: HashMap<OfferId, ConsultLeg>,
    /// Where an agent's REFER came whose end is not known; the agent may have hung up since.
    pub(super) refers: HashMap<OfferId, DialogId>,
    /// The number that each line to the outside is to dial next.
    pub(super) dialled: HashMap<AgentId, String>,
    pub(super) dialogs: HashMap<DialogId, Side>,
    pub(super) media: HashMap<LegId, Side>,
    pub(super) numbers: HashMap<String, ServiceId>,
    pub(super) country_code: String,
    pub(super) trunks: Trunks,
    pub(super) agent_of_number: HashMap<String, AgentId>,
    pub(super) phones: Vec<Phone>,
    pub(super) sound: Vec<Sound>,
    pub(super) answer: Vec<Answer>,
    pub(super) agent_of_account: HashMap<sip::AccountId, AgentId>,
    /// Makes tags of callers' numbers.
    pub(super) caller_secret: [u8; 32],
    pub(super) last_call: u64,
    /// Media engines whose sound is late.
    late_engines: u16,
    /// An agent's leg waits for a port, and looks for one not before then.
    pub(super) port_wanted: Option<Time>,
    pub(super) outbox: acd::Outbox,
    pub(super) heard: sip::Output,
    events: VecDeque<(Time, sip::Event)>,
}

/// One turn's surroundings, passed down so that every function that acts says so in its signature.
pub(super) struct Turn<'a> {
    pub now: Time,
    pub sockets: &'a mut dyn Sockets,
    pub out: &'a mut Output,
}

/// Another stream of numbers from the seed than those of names and keys.
fn caller_secret(seed: [u8; 32]) -> [u8; 32] {
    let mut secrets = ChaCha20Rng::from_seed(seed);
    secrets.set_stream(2);
    let mut secret = [0; 32];
    secrets.fill_bytes(&mut secret);
    secret
}

impl Engine {
    /// An engine at rest. `decision_seed` drives the routing's draws and is recorded with the journal; `secret_seed`
    /// drives tags, branches, nonces and the like, comes from the system's entropy and is never recorded.
    pub fn new(plan: Plan, settings: Settings, decision_seed: u64, secret_seed: [u8; 32]) -> Engine {
        Engine {
            numbers: reload::numbers(&plan, &settings.sip.country_code),
            country_code: settings.sip.country_code.clone(),
            trunks: Trunks::new(settings.trunks, settings.media.encryption, &settings.sip.country_code),
            agent_of_number: reload::agents_by_number(&plan),
            agent_of_account: reload::agents_by_account(&plan, &settings.phones),
            acd: Acd::new(plan, decision_seed),
            legs: Legs::new(&settings.media, settings.loopback_media, &settings.sip, secret_seed),
            sound: settings.sound,
            sip: Endpoint::new(settings.sip, secret_seed),
            phones: settings.phones,
            answer: settings.answer,
            callers: HashMap::new(),
            agents: HashMap::new(),
            consults: HashMap::new(),
            refers: HashMap::new(),
            dialled: HashMap::new(),
            dialogs: HashMap::new(),
            media: HashMap::new(),
            caller_secret: caller_secret(secret_seed),
            last_call: 0,
            late_engines: 0,
            port_wanted: None,
            outbox: acd::Outbox::default(),
            heard: sip::Output::default(),
            events: VecDeque::new(),
        }
    }

    /// A SIP message has come while others wait: whether, and when, it becomes an [`Input::Sip`].
    pub fn arrives(&mut self, flow: Flow, bytes: &[u8], waiting: Load, now: Time, out: &mut Output) -> Arrival {
        let arrival = self.sip.arrives(flow, bytes, waiting, now, &mut self.heard);
        // Nothing else follows from what is turned away.
        out.transmits.append(&mut self.heard.transmits);
        for (_, event) in self.heard.events.drain(..) {
            if let sip::Event::Turned(turned) = event {
                out.facts.push(Record { at: now, fact: turned_fact(turned) });
            }
        }
        arrival
    }

    /// So many messages were heard, so many are left, and all that was done meanwhile took so long.
    pub fn worked(&mut self, heard: Load, left: Load, took: Duration) {
        self.sip.worked(heard, left, took);
    }

    /// Everything that follows from one input. `now` never decreases.
    pub fn handle(&mut self, input: Input<'_>, now: Time, sockets: &mut dyn Sockets, out: &mut Output) {
        let mut turn = Turn { now, sockets, out };
        match input {
            Input::Sip { flow, bytes, received_at } => {
                self.sip.receive(flow, bytes, received_at, now, &mut self.heard);
            }
            Input::SendFailed { flow } => self.sip.send_failed(flow, now, &mut self.heard),
            Input::ConnectionClosed { connection } => {
                self.sip.connection_closed(connection, now, &mut self.heard);
            }
            Input::Located { name, places } => self.sip.learn_places(name, places),
            Input::Media { event, at } => self.on_media(event, at, &mut turn),
            Input::CivilTime { utc } => self.tell(acd::Event::CivilTime { utc, received_at: now }, &turn),
            Input::Asked { agent, request } => {
                self.tell(acd::Event::AgentAsked { agent, request, received_at: now }, &turn);
            }
            Input::PlanChanged(change) => self.on_plan_changed(*change, now),
            Input::DrainStarted => {
                self.sip.close();
                self.acd.handle(acd::Event::DrainStarted, now, &mut self.outbox);
            }
            Input::DrainEnded => self.acd.handle(acd::Event::DrainEnded, now, &mut self.outbox),
        }
        self.settle(&mut turn);
    }

    /// Every deadline due at `now`.
    pub fn expire(&mut self, now: Time, sockets: &mut dyn Sockets, out: &mut Output) {
        self.sip.expire(now, &mut self.heard);
        self.acd.expire(now, &mut self.outbox);
        let mut turn = Turn { now, sockets, out };
        self.look_for_port(&mut turn);
        self.settle(&mut turn);
    }

    /// The next moment at which `expire` has something to do.
    pub fn next_deadline(&self) -> Option<Time> {
        let routing = self.acd.next_deadline().map(|(at, _)| at);
        [routing, self.sip.next_deadline(), self.port_due()].into_iter().flatten().min()
    }

    /// Sizes of all tables.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            sip: self.sip.tables(),
            media_legs: self.legs.open_count(),
            rtp_ports: self.legs.ports_in_use(),
            opus_legs: self.legs.opus_legs(),
            callers: self.callers.len(),
            agents: self.agents.len(),
            consults: self.consults.len(),
        }
    }

    /// Whether a leg or a registered phone needs this stream connection.
    pub fn uses_connection(&self, connection: u64) -> bool {
        self.sip.uses_connection(connection)
    }

    /// The SIP endpoint, for those who look and do not touch.
    pub fn sip(&self) -> &Endpoint {
        &self.sip
    }

    /// The routing engine, for those who look and do not touch.
    pub fn acd(&self) -> &Acd {
        &self.acd
    }

    /// Carries out commands, then hears events, until nothing follows any more.
    fn settle(&mut self, turn: &mut Turn<'_>) {
        loop {
            let mut carried_out = 0;
            while let Some(&command) = self.outbox.commands.get(carried_out) {
                carried_out += 1;
                self.carry_out(command, turn);
            }
            self.outbox.commands.clear();
            self.events.extend(self.heard.events.drain(..));
            let Some((at, event)) = self.events.pop_front() else { break };
            self.on_sip(event, at, turn);
        }
        turn.out.facts.append(&mut self.outbox.facts);
        let left_out = Record { at: turn.now, fact: Fact::Turned(Turned::OpusFull) };
        turn.out.facts.extend(std::iter::repeat_n(left_out, self.legs.opus_left_out()));
        turn.out.transmits.append(&mut self.heard.transmits);
        turn.out.closes.append(&mut self.heard.closes);
    }

    fn carry_out(&mut self, command: Command, turn: &mut Turn<'_>) {
        match command {
            Command::RefuseCall { call, reason } => self.refuse_call(call, reason, turn),
            Command::AcceptCall { call } => self.accept_call(call, turn),
            Command::PlayOnce { call, clip } => self.play(call, |leg| media::Command::PlayOnce { leg, clip }, turn),
            Command::PlayMusic { call, clip } => self.play(call, |leg| media::Command::PlayMusic { leg, clip }, turn),
            Command::Spell { call, voice, digits, prompt } => {
                self.spell(call, voice, &digits.to_string(), prompt, turn)
            }
            Command::Announce { call, position, estimate, message } => {
                self.announce(call, position, estimate, message, turn);
            }
            Command::Hush { call } => self.play(call, |leg| media::Command::Hush { leg }, turn),
            Command::HangUpCall { call } => self.hang_up_call(call, turn),
            Command::RingAgent { offer, call, agent } => self.ring_agent(offer, call, agent, turn),
            Command::CancelOffer { offer } => self.cancel_offer(offer, turn),
            Command::SayFirst { offer, call, whisper, announce, notice } => {
                self.say_first(offer, call, (whisper, announce, notice), turn);
            }
            Command::Record { offer, call } => self.record(offer, call, turn),
            Command::PauseRecording { call, is_paused } => {
                self.play(call, |leg| media::Command::PauseRecording { leg, is_paused }, turn);
            }
            Command::EndRecording { call } => self.play(call, |caller| media::Command::EndRecording { caller }, turn),
            Command::JoinMedia { offer, call } => self.join_media(offer, call, turn),
            Command::HangUpAgent { offer } => self.hang_up_agent(offer, turn),
            Command::RingColleague { offer, asking, call, agent } => {
                self.ring_colleague(offer, asking, (call, agent), turn);
            }
            Command::JoinColleague { offer, asking } => self.join_colleague(offer, asking, turn),
            Command::Confer { call, asking, colleague } => self.confer(call, (asking, colleague), turn),
            Command::Separate { asking } => self.separate(asking, turn),
            Command::EndConsult { asking, result } => self.end_consult(asking, result, turn),
            Command::AcceptTransfer { offer } => self.accept_transfer(offer, turn),
            Command::EndTransfer { offer, result } => self.end_transfer(offer, result, turn),
        }
    }

    fn on_sip(&mut self, event: sip::Event, at: Time, turn: &mut Turn<'_>) {
        match event {
            sip::Event::Invited { dialog, invitation } => self.on_invited(dialog, invitation, at, turn),
            sip::Event::Cancelled { dialog } => self.on_dialog_over(dialog, false, at, turn),
            sip::Event::Unconfirmed { dialog } => self.on_dialog_over(dialog, true, at, turn),
            sip::Event::HungUp { dialog, lost } => self.on_dialog_over(dialog, lost, at, turn),
            sip::Event::KeyPressed { dialog, sign } => {
                Key::of_sign(sign).into_iter().for_each(|key| self.on_key(dialog, key, at, turn));
            }
            sip::Event::Confirmed { dialog, body } => self.on_confirmed(dialog, body, at, turn),
            sip::Event::ChangeOffered { dialog, body } => self.on_change_offered(dialog, body, at, turn),
            sip::Event::Referred { dialog, referral } => self.on_referred(dialog, &referral, at, turn),
            sip::Event::Progressed { dialog, status, body } => self.on_progressed(dialog, status, body, at, turn),
            sip::Event::Explained { dialog, reason } => self.on_explained(dialog, reason, at, turn),
            sip::Event::Redirected { dialog } => self.on_redirected(dialog, turn),
            sip::Event::Accepted { dialog, body } => self.on_accepted(dialog, body, at, turn),
            sip::Event::Refused { dialog, cause } => self.on_refused(dialog, cause, at, turn),
            sip::Event::Registered { account } => {
                if let Some(&agent) = self.agent_of_account.get(&account) {
                    self.tell(acd::Event::AgentReachable { agent, received_at: at }, turn);
                }
            }
            sip::Event::Unregistered { account } => {
                if let Some(&agent) = self.agent_of_account.get(&account) {
                    self.tell(acd::Event::AgentUnregistered { agent, received_at: at }, turn);
                }
            }
            sip::Event::Turned(turned) => turn.out.facts.push(Record { at, fact: turned_fact(turned) }),
        }
    }

    fn on_media(&mut self, event: media::Event, at: Time, turn: &mut Turn<'_>) {
        match event {
            media::Event::ClipEnded { leg, clip } => match self.media.get(&leg) {
                Some(&Side::Caller(call)) => {
                    self.tell(acd::Event::ClipEnded { call, clip, received_at: at }, turn);
                }
                Some(&Side::Agent(offer)) => {
                    self.tell(acd::Event::WhisperEnded { offer, received_at: at }, turn);
                }
                Some(Side::Consult(_)) | None => {}
            },
            media::Event::KeyPressed { leg, key } => {
                if let Some(&side) = self.media.get(&leg) {
                    self.key_pressed(side, key, at, turn);
                }
            }
            media::Event::Joined { b, .. } => {
                if let Some(&Side::Agent(offer)) = self.media.get(&b) {
                    self.on_joined(offer, at, turn);
                }
            }
            media::Event::SoundLate { is_late } => {
                let (now_late, in_time) = (u16::from(is_late), u16::from(!is_late));
                self.late_engines = (self.late_engines + now_late).saturating_sub(in_time);
                self.sip.sound_is_late(self.late_engines > 0);
            }
            media::Event::Silent { leg } => {
                turn.out.facts.push(Record { at, fact: Fact::Turned(Turned::RtpTimeout) });
                match self.media.get(&leg) {
                    Some(&Side::Caller(call)) => self.lose_caller(call, at, turn),
                    Some(&Side::Agent(offer)) => self.lose_agent(offer, at, turn),
                    Some(&Side::Consult(asking)) => self.lose_consult(asking, at, turn),
                    None => {}
                }
            }
        }
    }

    /// A key told in SIP: it is for the flow, and for whom the leg talks with.
    fn on_key(&mut self, dialog: DialogId, key: Key, received_at: Time, turn: &mut Turn<'_>) {
        let Some(&side) = self.dialogs.get(&dialog) else { return };
        self.key_pressed(side, key, received_at, turn);
        let leg = match side {
            Side::Caller(call) => self.callers.get(&call).map(|leg| leg.media.id),
            Side::Agent(offer) => self.agents.get(&offer).map(|leg| leg.media.id),
            Side::Consult(asking) => self.consults.get(&asking).map(|leg| leg.media.id),
        };
        turn.out.media.extend(leg.map(|leg| media::Command::PassKey { leg, key }));
    }

    /// The routing engine is told, however the key came.
    fn key_pressed(&mut self, side: Side, key: Key, received_at: Time, turn: &Turn<'_>) {
        let event = match side {
            Side::Caller(call) => acd::Event::KeyPressed { call, key, received_at },
            Side::Agent(offer) | Side::Consult(offer) => acd::Event::AgentPressed { offer, key, received_at },
        };
        self.tell(event, turn);
    }

    /// The other side said why what follows happens: for those who look at the call later.
    fn on_explained(&mut self, dialog: DialogId, reason: sip::Reason, at: Time, turn: &mut Turn<'_>) {
        let (call, party) = match self.dialogs.get(&dialog) {
            Some(&Side::Caller(call)) => (Some(call), Party::Caller),
            Some(&Side::Agent(offer)) => (self.agents.get(&offer).map(AgentLeg::call), Party::Agent),
            Some(Side::Consult(_)) | None => (None, Party::Agent),
        };
        let note = Note::Reason { sip: reason.sip, q850: reason.q850 };
        turn.out.facts.extend(call.map(|call| Record { at, fact: Fact::LegNoted { call, party, note } }));
    }

    /// A leg ended from outside: CANCEL, BYE, or found to be gone.
    fn on_dialog_over(&mut self, dialog: DialogId, lost: bool, at: Time, turn: &mut Turn<'_>) {
        match self.dialogs.get(&dialog) {
            Some(&Side::Caller(call)) => self.on_caller_gone(call, lost, at, turn),
            Some(&Side::Agent(offer)) => self.on_agent_gone(offer, at, turn),
            Some(&Side::Consult(asking)) => self.on_consult_gone(asking, at, turn),
            None => {}
        }
    }

    /// Our 200 was acknowledged: the end of a late offer, of either side's change.
    fn on_confirmed(&mut self, dialog: DialogId, body: Option<bytes::Bytes>, at: Time, turn: &mut Turn<'_>) {
        match self.dialogs.get(&dialog) {
            Some(&Side::Caller(call)) => self.on_caller_confirmed(call, body, at, turn),
            Some(&Side::Agent(offer)) => self.on_agent_confirmed(offer, body, at, turn),
            Some(&Side::Consult(asking)) => self.on_consult_confirmed(asking, body, turn),
            None => {}
        }
    }

    /// Tells the routing engine; what it wants done is carried out by `settle`.
    pub(super) fn tell(&mut self, event: acd::Event, turn: &Turn<'_>) {
        self.acd.handle(event, turn.now, &mut self.outbox);
    }
}

fn turned_fact(turned: sip::Turned) -> Fact {
    Fact::Turned(match turned {
        sip::Turned::Forbidden => return Fact::CallRefused { service: None, reason: Refusal::Forbidden },
        sip::Turned::Overloaded => return Fact::CallRefused { service: None, reason: Refusal::Overload },
        sip::Turned::Scanner => Turned::SipScanner,
        sip::Turned::Flood => Turned::SipFlood,
        sip::Turned::Garbage => Turned::SipGarbage,
        sip::Turned::Rejected(_) => Turned::SipRejected,
        sip::Turned::StrayResponse => Turned::SipStrayResponse,
        sip::Turned::Overflow => Turned::SipOverflow,
        sip::Turned::SendFailed => Turned::SipSendFailed,
        sip::Turned::Timeout => Turned::SipTimeout,
        sip::Turned::NoPlace => Turned::SipNoPlace,
        sip::Turned::AuthFailed => Turned::AuthFailed,
    })
}
