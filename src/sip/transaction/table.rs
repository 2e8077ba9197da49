//! The transaction table: which transaction a message belongs to, and the machines' effects on the wire and the clock.
//!
//! It is bounded, forgets a transaction together with its timers, and never looks into a message: the endpoint gives
//! it the parts that matching needs. What a transaction is for (`U`) is the endpoint's.

use super::{Client, Effect, InviteClient, InviteServer, RequestKey, Server, Timer, Told};
use super::{client, invite_client, invite_server, server};
use crate::sip::api::{Flow, Transmit, Transport};
use crate::sip::endpoint::{Due, Turn};
use bytes::Bytes;
use slab::Slab;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::net::SocketAddr;

/// A transaction of the table. The serial number tells it from those that had its slot before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TransactionId {
    slot: u32,
    serial: u32,
}

/// What came of one input.
#[derive(Debug)]
pub(crate) struct Outcome<U> {
    /// What the transaction tells.
    pub told: Option<Told>,
    /// Whose it was, if it ended.
    pub ended: Option<U>,
}

#[derive(Debug)]
enum Machine {
    InviteClient(InviteClient),
    Client(Client),
    InviteServer(InviteServer),
    Server(Server),
}

#[derive(Debug)]
struct Entry<U> {
    serial: u32,
    machine: Machine,
    flow: Flow,
    key: Box<str>,
    merge: Option<Box<str>>,
    /// One bit a running timer.
    running: u16,
    user: U,
}

/// Client transactions in the order in which a lost connection or an ICMP error looks for them.
type FlowKey = (Transport, u64, SocketAddr);

/// All transactions.
#[derive(Debug)]
pub(crate) struct Table<U> {
    entries: Slab<Entry<U>>,
    servers: HashMap<Box<str>, TransactionId>,
    merges: HashMap<Box<str>, TransactionId>,
    clients: HashMap<Box<str>, TransactionId>,
    flows: BTreeSet<(FlowKey, TransactionId)>,
    limit: usize,
    serial: u32,
    effects: Vec<Effect>,
    scratch: String,
}

impl<U> Table<U> {
    /// A table for `limit` transactions.
    pub(crate) fn new(limit: usize) -> Table<U> {
        Table {
            entries: Slab::new(),
            servers: HashMap::new(),
            merges: HashMap::new(),
            clients: HashMap::new(),
            flows: BTreeSet::new(),
            limit,
            serial: 0,
            effects: Vec::new(),
            scratch: String::new(),
        }
    }

    /// How many transactions there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the bound is reached. The endpoint then opens only what ends calls.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.limit
    }

    /// The server transaction of a request.
    pub(crate) fn find_server(&mut self, key: &RequestKey<'_>) -> Option<TransactionId> {
        key.write(&mut self.scratch);
        self.servers.get(self.scratch.as_str()).copied()
    }

    /// The transaction of the same request that came by another path (RFC 3261 8.2.2.2).
    pub(crate) fn find_merged(&mut self, key: &RequestKey<'_>) -> Option<TransactionId> {
        key.write_merge(&mut self.scratch);
        self.merges.get(self.scratch.as_str()).copied()
    }

    /// The client transaction of a response (RFC 3261 17.1.3).
    pub(crate) fn find_client(&mut self, branch: &str, method: &str) -> Option<TransactionId> {
        self.scratch.clear();
        let _ = write!(self.scratch, "{method}\n{branch}");
        self.clients.get(self.scratch.as_str()).copied()
    }

    /// Opens an INVITE server transaction; `merges` for one outside any dialog.
    pub(crate) fn open_invite_server(
        &mut self,
        key: &RequestKey<'_>,
        merges: bool,
        flow: Flow,
        user: U,
    ) -> TransactionId {
        let id = self.insert_server(key, flow, user, Machine::InviteServer(InviteServer::start(is_reliable(flow))));
        if merges {
            key.write_merge(&mut self.scratch);
            let merge: Box<str> = self.scratch.as_str().into();
            if let Some(entry) = self.entries.get_mut(id.slot as usize) {
                entry.merge = Some(merge.clone());
            }
            self.merges.insert(merge, id);
        }
        id
    }

    /// Opens a non-INVITE server transaction.
    pub(crate) fn open_server(
        &mut self,
        key: &RequestKey<'_>,
        flow: Flow,
        user: U,
        turn: &mut Turn<'_>,
    ) -> TransactionId {
        let mut effects = std::mem::take(&mut self.effects);
        let machine = Server::start(is_reliable(flow), &mut effects);
        let id = self.insert_server(key, flow, user, Machine::Server(machine));
        self.apply(id, effects, turn);
        id
    }

    /// Sends an INVITE and opens its transaction.
    pub(crate) fn open_invite_client(
        &mut self,
        branch: &str,
        request: Bytes,
        flow: Flow,
        user: U,
        turn: &mut Turn<'_>,
    ) -> TransactionId {
        let mut effects = std::mem::take(&mut self.effects);
        let machine = InviteClient::start(request, is_reliable(flow), &mut effects);
        let id = self.insert_client("INVITE", branch, flow, user, Machine::InviteClient(machine));
        self.apply(id, effects, turn);
        id
    }

    /// Sends any other request and opens its transaction.
    pub(crate) fn open_client(
        &mut self,
        (method, branch): (&str, &str),
        request: Bytes,
        flow: Flow,
        user: U,
        turn: &mut Turn<'_>,
    ) -> TransactionId {
        let mut effects = std::mem::take(&mut self.effects);
        let machine = Client::start(request, is_reliable(flow), &mut effects);
        let id = self.insert_client(method, branch, flow, user, Machine::Client(machine));
        self.apply(id, effects, turn);
        id
    }

    /// Whose transaction it is, while it lives.
    pub(crate) fn user(&mut self, id: TransactionId) -> Option<&mut U> {
        self.entry(id).map(|entry| &mut entry.user)
    }

    /// Whether an INVITE server transaction has no final answer yet.
    pub(crate) fn is_proceeding(&self, id: TransactionId) -> bool {
        let entry = self.entries.get(id.slot as usize).filter(|entry| entry.serial == id.serial);
        entry.is_some_and(|entry| matches!(&entry.machine, Machine::InviteServer(machine) if machine.is_proceeding()))
    }

    /// A client's message went by a connection that had no number yet: this one.
    pub(crate) fn move_client(&mut self, id: TransactionId, flow: Flow) {
        let Some(entry) = self.entries.get_mut(id.slot as usize).filter(|entry| entry.serial == id.serial) else {
            return;
        };
        if entry.flow != flow && entry.flow.transport == flow.transport {
            self.flows.remove(&(flow_key(entry.flow), id));
            self.flows.insert((flow_key(flow), id));
            entry.flow = flow;
        }
    }

    /// The answers of a server transaction go another way from now on.
    pub(crate) fn move_server(&mut self, id: TransactionId, flow: Flow) {
        let is_server = |machine: &Machine| matches!(machine, Machine::InviteServer(_) | Machine::Server(_));
        if let Some(entry) = self.entry(id).filter(|entry| is_server(&entry.machine)) {
            entry.flow = flow;
        }
    }

    /// A request came again.
    pub(crate) fn repeat(&mut self, id: TransactionId, turn: &mut Turn<'_>) -> Outcome<U> {
        self.run(id, turn, |machine, effects| match machine {
            Machine::InviteServer(machine) => machine.handle(invite_server::Input::Request, effects),
            Machine::Server(machine) => machine.handle(server::Input::Request, effects),
            Machine::InviteClient(_) | Machine::Client(_) => debug_assert!(false, "a client got a request"),
        })
    }

    /// An ACK came for an INVITE server transaction.
    pub(crate) fn acknowledge(&mut self, id: TransactionId, turn: &mut Turn<'_>) -> Outcome<U> {
        self.run(id, turn, |machine, effects| match machine {
            Machine::InviteServer(machine) => machine.handle(invite_server::Input::Ack, effects),
            Machine::Server(_) | Machine::InviteClient(_) | Machine::Client(_) => {
                debug_assert!(false, "only an INVITE is acknowledged");
            }
        })
    }

    /// We answer.
    pub(crate) fn answer(
        &mut self,
        id: TransactionId,
        status: u16,
        response: Bytes,
        turn: &mut Turn<'_>,
    ) -> Outcome<U> {
        self.run(id, turn, |machine, effects| match machine {
            Machine::InviteServer(machine) => {
                let input = match status {
                    100..200 => invite_server::Input::Provisional(response),
                    200..300 => invite_server::Input::Success(response),
                    _ => invite_server::Input::Failure(response),
                };
                machine.handle(input, effects);
            }
            Machine::Server(machine) => {
                let input = match status {
                    100..200 => server::Input::Trying(response),
                    _ => server::Input::Final(status, response),
                };
                machine.handle(input, effects);
            }
            Machine::InviteClient(_) | Machine::Client(_) => debug_assert!(false, "a client does not answer"),
        })
    }

    /// A response came; `ack` makes the ACK to an INVITE's refusal.
    pub(crate) fn respond(
        &mut self,
        id: TransactionId,
        status: u16,
        ack: impl FnOnce() -> Bytes,
        turn: &mut Turn<'_>,
    ) -> Outcome<U> {
        self.run(id, turn, |machine, effects| match machine {
            Machine::InviteClient(machine) => {
                let input = match status {
                    100..200 => invite_client::Input::Provisional,
                    200..300 => invite_client::Input::Success,
                    _ => invite_client::Input::Failure(ack()),
                };
                machine.handle(input, effects);
            }
            Machine::Client(machine) => {
                let input = if status < 200 { client::Input::Provisional } else { client::Input::Final };
                machine.handle(input, effects);
            }
            Machine::InviteServer(_) | Machine::Server(_) => debug_assert!(false, "a server got a response"),
        })
    }

    /// CANCEL was sent for an INVITE of ours.
    pub(crate) fn cancelled(&mut self, id: TransactionId, turn: &mut Turn<'_>) {
        self.run(id, turn, |machine, effects| match machine {
            Machine::InviteClient(machine) => machine.handle(invite_client::Input::Cancelled, effects),
            Machine::Client(_) | Machine::InviteServer(_) | Machine::Server(_) => {
                debug_assert!(false, "only an INVITE of ours is cancelled");
            }
        });
    }

    /// A timer ran out.
    pub(crate) fn expire(&mut self, id: TransactionId, timer: Timer, turn: &mut Turn<'_>) -> Outcome<U> {
        if let Some(entry) = self.entry(id) {
            entry.running &= !bit(timer);
        }
        self.run(id, turn, |machine, effects| match machine {
            Machine::InviteClient(machine) => machine.handle(invite_client::Input::Timer(timer), effects),
            Machine::Client(machine) => machine.handle(client::Input::Timer(timer), effects),
            Machine::InviteServer(machine) => machine.handle(invite_server::Input::Timer(timer), effects),
            Machine::Server(machine) => machine.handle(server::Input::Timer(timer), effects),
        })
    }

    /// A client transaction could not send.
    pub(crate) fn fail(&mut self, id: TransactionId, turn: &mut Turn<'_>) -> Outcome<U> {
        self.run(id, turn, |machine, effects| match machine {
            Machine::InviteClient(machine) => machine.handle(invite_client::Input::TransportError, effects),
            Machine::Client(machine) => machine.handle(client::Input::TransportError, effects),
            Machine::InviteServer(machine) => machine.handle(invite_server::Input::TransportError, effects),
            Machine::Server(machine) => machine.handle(server::Input::TransportError, effects),
        })
    }

    /// The client transactions of a path, or with no address of a connection.
    pub(crate) fn clients_of(
        &self,
        transport: Transport,
        connection: u64,
        remote: Option<SocketAddr>,
    ) -> Vec<TransactionId> {
        let matches = |key: &FlowKey| key.0 == transport && key.1 == connection && remote.is_none_or(|r| key.2 == r);
        let least = SocketAddr::from(([0, 0, 0, 0], 0));
        let first = ((transport, connection, remote.unwrap_or(least)), TransactionId { slot: 0, serial: 0 });
        self.flows.range(first..).take_while(|(key, _)| matches(key)).map(|&(_, id)| id).collect()
    }

    fn entry(&mut self, id: TransactionId) -> Option<&mut Entry<U>> {
        self.entries.get_mut(id.slot as usize).filter(|entry| entry.serial == id.serial)
    }

    fn insert_server(&mut self, key: &RequestKey<'_>, flow: Flow, user: U, machine: Machine) -> TransactionId {
        key.write(&mut self.scratch);
        let key: Box<str> = self.scratch.as_str().into();
        let id = self.insert(machine, flow, key.clone(), user);
        self.servers.insert(key, id);
        id
    }

    fn insert_client(&mut self, method: &str, branch: &str, flow: Flow, user: U, machine: Machine) -> TransactionId {
        let key: Box<str> = format!("{method}\n{branch}").into();
        let id = self.insert(machine, flow, key.clone(), user);
        self.clients.insert(key, id);
        self.flows.insert((flow_key(flow), id));
        id
    }

    fn insert(&mut self, machine: Machine, flow: Flow, key: Box<str>, user: U) -> TransactionId {
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        let slot = self.entries.insert(Entry { serial, machine, flow, key, merge: None, running: 0, user });
        TransactionId { slot: slot as u32, serial }
    }

    fn run(
        &mut self,
        id: TransactionId,
        turn: &mut Turn<'_>,
        step: impl FnOnce(&mut Machine, &mut Vec<Effect>),
    ) -> Outcome<U> {
        let mut effects = std::mem::take(&mut self.effects);
        if let Some(entry) = self.entry(id) {
            step(&mut entry.machine, &mut effects);
        }
        self.apply(id, effects, turn)
    }

    fn apply(&mut self, id: TransactionId, mut effects: Vec<Effect>, turn: &mut Turn<'_>) -> Outcome<U> {
        let mut outcome = Outcome { told: None, ended: None };
        for effect in effects.drain(..) {
            let Some(entry) = self.entry(id) else { break };
            match effect {
                Effect::Send(bytes) => turn.out.transmits.push(Transmit { flow: entry.flow, bytes }),
                Effect::Start(timer, length) => {
                    entry.running |= bit(timer);
                    turn.deadlines.set(Due::Transaction(id, timer), turn.now + length);
                }
                Effect::Stop(timer) => {
                    if entry.running & bit(timer) != 0 {
                        entry.running &= !bit(timer);
                        turn.deadlines.cancel(Due::Transaction(id, timer));
                    }
                }
                Effect::Tell(told) => outcome.told = Some(told),
                Effect::End => outcome.ended = self.remove(id, turn),
            }
        }
        effects.clear();
        self.effects = effects;
        outcome
    }

    fn remove(&mut self, id: TransactionId, turn: &mut Turn<'_>) -> Option<U> {
        let entry = self.entries.try_remove(id.slot as usize)?;
        for timer in Timer::ALL {
            if entry.running & bit(timer) != 0 {
                turn.deadlines.cancel(Due::Transaction(id, timer));
            }
        }
        let index = match entry.machine {
            Machine::InviteClient(_) | Machine::Client(_) => {
                self.flows.remove(&(flow_key(entry.flow), id));
                &mut self.clients
            }
            Machine::InviteServer(_) | Machine::Server(_) => &mut self.servers,
        };
        // A key that was taken over by a later transaction stays with it.
        if index.get(&entry.key) == Some(&id) {
            index.remove(&entry.key);
        }
        if let Some(merge) = entry.merge.filter(|merge| self.merges.get(merge) == Some(&id)) {
            self.merges.remove(&merge);
        }
        Some(entry.user)
    }
}

const fn bit(timer: Timer) -> u16 {
    1 << timer as u8
}

fn flow_key(flow: Flow) -> FlowKey {
    (flow.transport, flow.connection, flow.remote)
}

fn is_reliable(flow: Flow) -> bool {
    match flow.transport {
        Transport::Udp => false,
        Transport::Tcp => true,
    }
}
