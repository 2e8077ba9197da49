//! What passed of late: SIP messages and facts of calls, kept in memory up to a number of bytes, for `centralino trace`.
//!
//! The engine thread hands over references to bytes that it has anyway; everything else happens on the facts thread
//! and, for whoever asks, on the HTTP thread. Credentials are taken out before anything is kept.

mod capture;
mod ladder;
mod mask;

pub use capture::capture;
pub use ladder::ladder;

use super::facts_thread::{FactReader, Names, PlanChanged};
use bytes::Bytes;
use centralino::facts::{Fact, Record};
use centralino::ids::CallId;
use centralino::sip::Flow;
use centralino::time::Time;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// Calls whose Call-IDs are remembered; later ones push earlier ones out.
const CALLS: usize = 10_000;
/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 128;

/// One message, as it went over the wire.
#[derive(Clone, Debug)]
pub struct Passed {
    /// When it was read from its socket, or handed to it.
    pub at: Time,
    /// To us, or from us.
    pub inward: bool,
    /// The path.
    pub flow: Flow,
    /// All of it, without credentials.
    pub bytes: Bytes,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A message passed.
    Message(Passed),
    /// A fact about the call, in words, and in such as name what a person typed.
    Fact(Time, String, Option<String>),
}

/// What is known about one call.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Its number, if it became a call.
    pub call: Option<u64>,
    /// The caller's Call-ID, then those of the phones that were rung.
    pub call_ids: Vec<String>,
    /// In the order in which it happened.
    pub entries: Vec<Entry>,
    /// Our own address.
    pub here: SocketAddr,
    /// Numbers that are nobody's secret: services and agents.
    pub ours: Vec<String>,
}

/// Keeps what passed.
pub struct Tracer {
    kept: VecDeque<Kept>,
    bytes: usize,
    most_bytes: usize,
    call_ids: BTreeMap<u64, Vec<String>>,
    names: Names,
    here: SocketAddr,
}

enum Kept {
    Message(Passed),
    Fact(Record),
}

impl Kept {
    fn bytes(&self) -> usize {
        match self {
            Kept::Message(passed) => ENTRY_BYTES + passed.bytes.len(),
            Kept::Fact(_) => ENTRY_BYTES,
        }
    }
}

impl Tracer {
    /// Keeps up to `most_bytes`; `here` is where others reach us.
    pub fn new(most_bytes: usize, names: Names, here: SocketAddr) -> Tracer {
        Tracer { kept: VecDeque::new(), bytes: 0, most_bytes, call_ids: BTreeMap::new(), names, here }
    }

    fn keep(&mut self, kept: Kept) {
        self.bytes += kept.bytes();
        self.kept.push_back(kept);
        while self.bytes > self.most_bytes {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }

    /// By the call's number, or by the Call-ID of any of its legs.
    fn find(&self, name: &str) -> (Option<u64>, Vec<String>) {
        let by_number = name.parse().ok().and_then(|call: u64| Some((call, self.call_ids.get(&call)?)));
        let by_call_id = || self.call_ids.iter().rev().find(|(_, ids)| ids.iter().any(|id| id == name));
        match by_number.or_else(|| by_call_id().map(|(call, ids)| (*call, ids))) {
            Some((call, ids)) => (Some(call), ids.clone()),
            None => (None, vec![name.to_owned()]),
        }
    }
}

impl FactReader for Tracer {
    fn read(&mut self, record: &Record) {
        if call_of(&record.fact).is_some() {
            self.keep(Kept::Fact(record.clone()));
        }
    }

    fn plan_changed(&mut self, changed: &PlanChanged) {
        self.names = Names::of(Arc::clone(&changed.plan));
    }

    fn message(&mut self, passed: &Passed) {
        if let Some(bytes) = mask::without_credentials(&passed.bytes) {
            self.keep(Kept::Message(Passed { bytes, ..passed.clone() }));
        } else {
            self.keep(Kept::Message(passed.clone()));
        }
    }

    fn call_id(&mut self, call: CallId, call_id: &str) {
        self.call_ids.entry(call.0).or_default().push(call_id.to_owned());
        if self.call_ids.len() > CALLS {
            self.call_ids.pop_first();
        }
    }

    fn trace(&self, name: &str) -> Option<Trace> {
        let (call, call_ids) = self.find(name);
        let entries: Vec<Entry> = self
            .kept
            .iter()
            .filter_map(|kept| match kept {
                Kept::Message(passed) => {
                    let id = header(&passed.bytes, "Call-ID", "i")?;
                    call_ids.contains(&id).then(|| Entry::Message(passed.clone()))
                }
                Kept::Fact(record) => (call_of(&record.fact).map(|call| call.0) == call)
                    .then(|| Entry::Fact(record.at, self.names.words(&record.fact), personal(&record.fact))),
            })
            .collect();
        let ours = self.names.numbers();
        (!entries.is_empty()).then_some(Trace { call, call_ids, entries, here: self.here, ours })
    }
}

/// A fact that tells something of a person, as it is.
fn personal(fact: &Fact) -> Option<String> {
    match fact {
        Fact::ReferenceGiven { reference, .. } => Some(format!("gave {reference}")),
        _ => None,
    }
}

/// The call that a fact is about.
fn call_of(fact: &Fact) -> Option<CallId> {
    match *fact {
        Fact::CallReceived { call, .. }
        | Fact::CallLeftInGreeting { call, .. }
        | Fact::CallEndedInMenu { call, .. }
        | Fact::ReferenceGiven { call, .. }
        | Fact::CallFailedInGreeting { call, .. }
        | Fact::CallEntered { call, .. }
        | Fact::ThresholdPassed { call, .. }
        | Fact::CallPromoted { call, .. }
        | Fact::SkillsAsked { call, .. }
        | Fact::LastAgentWanted { call, .. }
        | Fact::LastAgentEnded { call, .. }
        | Fact::StepReached { call, .. }
        | Fact::CallAnswered { call, .. }
        | Fact::CallAbandoned { call, .. }
        | Fact::CallFlowedOut { call, .. }
        | Fact::CallFailed { call, .. }
        | Fact::CallEnded { call, .. }
        | Fact::OfferMade { call, .. }
        | Fact::LegMeasured { call, .. }
        | Fact::LegNoted { call, .. }
        | Fact::CallTakenOver { call, .. }
        | Fact::CallTransferred { call, .. }
        | Fact::CallTakenUp { call, .. }
        | Fact::CallEndedUnattended { call, .. }
        | Fact::TransferEnded { call, .. }
        | Fact::ConsultEnded { call, .. }
        | Fact::ConferenceBegan { call }
        | Fact::WaitEstimated { call, .. }
        | Fact::OfferEnded { call, .. }
        | Fact::OrderBroken { call, .. } => Some(call),
        Fact::AgentPlaced { .. }
        | Fact::Reloaded { .. }
        | Fact::CallRefused { .. }
        | Fact::CallPassedOn { .. }
        | Fact::OpeningChanged { .. }
        | Fact::AgentStateChanged { .. }
        | Fact::PauseBegan { .. }
        | Fact::PauseEnded { .. }
        | Fact::AgentDenied { .. }
        | Fact::Turned(_)
        | Fact::LawBroken { .. } => None,
    }
}

/// The first value of a header, by its long and its compact name.
fn header(bytes: &[u8], long: &str, compact: &str) -> Option<String> {
    bytes.split(|&byte| byte == b'\n').take_while(|line| line.len() > 1).find_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = line.split_at(colon);
        let is_it = |wanted: &str| name.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes());
        (is_it(long) || is_it(compact)).then(|| String::from_utf8_lossy(value[1..].trim_ascii()).into_owned())
    })
}

#[cfg(test)]
mod tests;
