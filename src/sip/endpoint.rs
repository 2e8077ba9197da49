//! The endpoint: a SIP user agent and registrar without sockets. Bytes and time in, bytes and events out.
//!
//! It owns transactions, dialogs, registrar, digest, tokens and all their timers. What the RFC alone decides, it does
//! and does not tell; what a call needs to know, it says as [`Event`]; what it shall say to a caller or to an agent's
//! phone, its owner tells it by leg. It decides nothing about calls.
//!
//! | file | duty |
//! |---|---|
//! | `receiving` | which kind of message it is and whom it concerns |
//! | `caller` | INVITE and CANCEL from outside, and what the owner answers |
//! | `within` | requests within dialogs, changes of a session |
//! | `info` | keys by INFO |
//! | `refer` | REFER from agents and what became of it |
//! | `reliable` | provisional answers that are acknowledged by PRACK |
//! | `liveness` | whether the other side is still there |
//! | `session` | session timers and our refreshes |
//! | `agent` | INVITEs of ours, their answers, forks and CANCEL |
//! | `redirect` | agents' phones that send a call elsewhere |
//! | `places` | where the names in contacts are, and where a call goes when one place does not serve it |
//! | `ending` | BYE and the end of dialogs, lost connections |
//! | `overload` | who is let in, and who is turned away when there is too much to do |
//! | `meter` | how often somebody may do something |
//! | `trunks` | whom we deal with at an address: its settings and its rate |
//! | `challenges` | our credentials, for trunks that ask for them |
//! | `strangers` | what those may cost whom nobody knows |
//! | `answers` | answers that need no dialog |
//! | `timers` | what is due |

mod agent;
mod answers;
mod caller;
mod challenges;
mod ending;
mod info;
mod liveness;
mod meter;
mod overload;
mod places;
mod receiving;
mod redirect;
mod refer;
mod reliable;
mod session;
mod strangers;
mod timers;
mod trunks;
mod within;

pub use agent::{CallerIdentity, CancelCause, NotInvited, Target};
pub use overload::{Arrival, Load, Overload};
pub(crate) use refer::Refer;
pub(crate) use reliable::Reliable;
pub(crate) use timers::{DialogTimer, Due};

use super::api::{DialogId, Event, Flow, Output, Refusal, Transport, Turned};
use super::dialog::{Dialogs, OwnInvite};
use super::intake::Intake;
use super::lookup::{HostName, Place};
use super::message::Head;
use super::reason::Reason;
use super::registrar::Registrar;
use super::settings::{Account, Settings};
use super::tokens::Tokens;
use super::transaction::{self, Outcome, TransactionId};
use crate::time::{Deadlines, Time};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

/// The endpoint. Every method does all that follows from it at once; none waits.
#[derive(Debug)]
pub struct Endpoint {
    core: Core,
    deadlines: Deadlines<Due>,
}

/// How much the endpoint holds; all zero but `bindings` when nobody talks and 64*T1 has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Transactions alive.
    pub transactions: usize,
    /// Dialogs alive, those still saying BYE included.
    pub dialogs: usize,
    /// Bindings of the registrar.
    pub bindings: usize,
    /// Timers running.
    pub timers: usize,
}

/// All but the timers, which are lent to it for each turn.
#[derive(Debug)]
struct Core {
    settings: Settings,
    intake: Intake,
    transactions: transaction::Table<Owner>,
    dialogs: Dialogs,
    registrar: Registrar,
    tokens: Tokens,
    /// Makes the tags of answers without state.
    stateless_key: [u8; 32],
    ours: Addresses,
    watermark: overload::Watermark,
    rates: strangers::Rates,
    trunks: trunks::Trunks,
    names: places::Names,
}

/// Where we are, as each transport's peers reach us.
#[derive(Debug)]
struct Addresses {
    udp: SocketAddr,
    tcp: SocketAddr,
    contact_udp: String,
    contact_tcp: String,
}

/// What one turn has: the moment, the receive time of its cause, timers, and where what it says goes.
pub(crate) struct Turn<'a> {
    pub(crate) now: Time,
    pub(crate) cause: Time,
    pub(crate) deadlines: &'a mut Deadlines<Due>,
    pub(crate) out: &'a mut Output,
}

/// What a transaction is for.
#[derive(Debug)]
enum Owner {
    /// A caller's INVITE; the tag is that of all its answers and of its CANCEL's (RFC 3261 9.2).
    Invited { dialog: DialogId, tag: Box<str> },
    /// An UPDATE that the owner has to answer.
    Updated(DialogId),
    /// A request that is answered.
    Answered,
    /// Our INVITE.
    Inviting(Box<OwnInvite>),
    /// Our OPTIONS to a leg.
    Probing(DialogId),
    /// Our UPDATE that refreshes a session.
    Refreshing(DialogId),
    /// Our re-INVITE that refreshes a session.
    Reinviting(Box<session::Refresh>),
    /// Our BYE of a leg.
    HangingUp { dialog: DialogId, why: &'static str },
    /// Our CANCEL, or the BYE of a fork: nobody waits for its answer.
    Nobody,
}

impl Endpoint {
    /// An endpoint with nothing in it. The seed comes from the system's randomness: who knows it can forge tags.
    pub fn new(settings: Settings, seed: [u8; 32]) -> Endpoint {
        let mut tokens = Tokens::new(seed);
        let tcp = settings.tcp.unwrap_or(settings.udp);
        let core = Core {
            intake: Intake::new(settings.limits.clone(), tokens.key()),
            transactions: transaction::Table::new(settings.limits.transactions),
            dialogs: Dialogs::default(),
            registrar: Registrar::new(&settings, tokens.key()),
            stateless_key: tokens.key(),
            ours: Addresses {
                udp: settings.udp,
                tcp,
                contact_udp: format!("<sip:centralino@{}>", settings.udp),
                contact_tcp: format!("<sip:centralino@{tcp};transport=tcp>"),
            },
            tokens,
            watermark: overload::Watermark::new(settings.limits.overload_delay),
            rates: strangers::Rates::new(settings.limits.stranger_requests),
            trunks: trunks::Trunks::new(&settings),
            names: places::Names::default(),
            settings,
        };
        Endpoint { core, deadlines: Deadlines::default() }
    }

    /// From now on these may register and be invited, by [`AccountId`](crate::sip::AccountId); none for an account that
    /// is no more. Phones that are registered stay so.
    pub fn set_accounts(&mut self, accounts: Vec<Option<Account>>) {
        self.core.registrar.set_accounts(&accounts);
        let known = &mut self.core.settings.accounts;
        for (number, account) in accounts.into_iter().enumerate() {
            match (known.get_mut(number), account) {
                (Some(place), Some(account)) => *place = account,
                (Some(_), None) => {}
                (None, account) => known.push(account.unwrap_or_else(Account::nobody)),
            }
        }
    }

    /// Where a name is that contacts hold, as it was looked up; nowhere for a name that is to be forgotten.
    pub fn learn_places(&mut self, name: HostName, places: Vec<Place>) {
        self.core.names.learn(name, places);
    }

    /// We are about to go: no phone registers that is not registered.
    pub fn close(&mut self) {
        self.core.registrar.close();
    }

    /// One whole message, a datagram or what `framing` cut from a stream, that was let in when it
    /// [arrived](Endpoint::arrives).
    pub fn receive(&mut self, flow: Flow, bytes: &[u8], received_at: Time, now: Time, out: &mut Output) {
        self.turn(received_at, now, out, |core, turn| core.receive(flow, bytes, turn));
    }

    /// What was sent to this address by this transport came back as an ICMP error, or the connection was refused:
    /// requests of ours pending there end with [`super::api::RefusedBy::Transport`].
    pub fn send_failed(&mut self, flow: Flow, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.send_failed(flow, turn));
    }

    /// A stream connection is gone.
    pub fn connection_closed(&mut self, connection: u64, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.connection_closed(connection, turn));
    }

    /// Everything that is due at `now`.
    pub fn expire(&mut self, now: Time, out: &mut Output) {
        while let Some((at, due)) = self.deadlines.pop_due(now) {
            self.turn(at, now, out, |core, turn| core.due(due, turn));
        }
    }

    /// When `expire` has something to do.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadlines.next().map(|(at, _)| at)
    }

    /// Caller's leg: a provisional answer (101-199), with early media if there is a body.
    pub fn ring(&mut self, dialog: DialogId, status: u16, body: Option<Bytes>, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.ring(dialog, status, body, turn));
    }

    /// Caller's leg: 200 with our SDP, repeated until its ACK ([`Event::Confirmed`] or [`Event::Unconfirmed`]).
    pub fn accept(&mut self, dialog: DialogId, body: Bytes, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.accept(dialog, body, turn));
    }

    /// Caller's leg: 300-699. The dialog is forgotten.
    pub fn refuse(&mut self, dialog: DialogId, refusal: &Refusal, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.refuse(dialog, refusal, turn));
    }

    /// Any established leg: 200 to [`Event::ChangeOffered`].
    pub fn accept_change(&mut self, dialog: DialogId, body: Option<Bytes>, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.accept_change(dialog, body, turn));
    }

    /// Any established leg: 300-699 to [`Event::ChangeOffered`]; the session stays as it was.
    pub fn refuse_change(&mut self, dialog: DialogId, refusal: &Refusal, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.refuse_change(dialog, refusal, turn));
    }

    /// Agent's leg: 202 to [`Event::Referred`], and 100 in its first NOTIFY.
    pub fn accept_refer(&mut self, dialog: DialogId, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.accept_refer(dialog, turn));
    }

    /// Agent's leg: what became of [`Event::Referred`], 200-699, in its last NOTIFY; 300-699 as the answer to a REFER that
    /// was not accepted.
    pub fn end_refer(&mut self, dialog: DialogId, status: u16, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.end_refer(dialog, status, turn));
    }

    /// Agent's leg: sends an INVITE with our offer.
    pub fn invite(
        &mut self,
        target: &Target,
        caller: &CallerIdentity,
        body: Bytes,
        now: Time,
        out: &mut Output,
    ) -> Result<DialogId, NotInvited> {
        let turn = &mut Turn { now, cause: now, deadlines: &mut self.deadlines, out };
        self.core.invite(target, caller, &body, turn)
    }

    /// Agent's leg: takes the INVITE back. [`Event::Refused`] is the phone's last word and always comes, also when a
    /// 200 crosses (ACKed and BYEd, `Status(200)`).
    pub fn cancel(&mut self, dialog: DialogId, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.cancel(dialog, turn));
    }

    /// [`Endpoint::cancel`], telling the phone why (RFC 3326).
    pub fn cancel_because(&mut self, dialog: DialogId, why: CancelCause, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.cancel_because(dialog, why, turn));
    }

    /// Any established leg: BYE. While our 200 is not acknowledged it waits for the ACK or its time-out (RFC 3261 15).
    /// No event follows.
    pub fn hang_up(&mut self, dialog: DialogId, now: Time, out: &mut Output) {
        self.turn(now, now, out, |core, turn| core.hang_up(dialog, turn));
    }

    /// Sizes, for metrics and for tests of leaks.
    pub fn tables(&self) -> Tables {
        Tables {
            transactions: self.core.transactions.len(),
            dialogs: self.core.dialogs.len(),
            bindings: self.core.registrar.len(),
            timers: self.deadlines.len(),
        }
    }

    /// Where a leg's other side was last heard; before that, where it was called.
    pub fn remote(&self, dialog: DialogId) -> Option<SocketAddr> {
        self.core.dialogs.flow(dialog).map(|flow| flow.remote)
    }

    /// Whether calls may come from there.
    pub fn trusts(&self, source: IpAddr) -> bool {
        self.core.is_trusted(source)
    }

    /// Whether a phone is registered from there.
    pub fn is_home(&self, source: IpAddr) -> bool {
        self.core.registrar.is_home(source.to_canonical())
    }

    /// A leg's Call-ID.
    pub fn call_id(&self, dialog: DialogId) -> Option<&str> {
        self.core.dialogs.look(dialog).map(|dialog| dialog.call_id.as_str())
    }

    /// Whether a leg or a registered phone needs this stream connection.
    pub fn uses_connection(&self, connection: u64) -> bool {
        self.core.dialogs.is_on(connection) || self.core.registrar.uses_connection(connection)
    }

    fn turn(&mut self, cause: Time, now: Time, out: &mut Output, step: impl FnOnce(&mut Core, &mut Turn<'_>)) {
        step(&mut self.core, &mut Turn { now, cause, deadlines: &mut self.deadlines, out });
    }
}

impl Turn<'_> {
    fn event(&mut self, event: Event) {
        self.out.events.push((self.cause, event));
    }

    /// Tells why what follows happens, if the other side says so.
    fn explain(&mut self, dialog: DialogId, head: &Head) {
        if let Some(reason) = Reason::read(head) {
            self.event(Event::Explained { dialog, reason });
        }
    }

    fn turned(&mut self, turned: Turned) {
        self.event(Event::Turned(turned));
    }
}

impl Addresses {
    /// For Via.
    fn sent_by(&self, transport: Transport) -> (Transport, SocketAddr) {
        match transport {
            Transport::Udp => (transport, self.udp),
            Transport::Tcp => (transport, self.tcp),
        }
    }

    /// A whole Via.
    fn via<'a>(&self, transport: Transport, branch: &'a str) -> (Transport, SocketAddr, &'a str) {
        let (transport, sent_by) = self.sent_by(transport);
        (transport, sent_by, branch)
    }

    fn contact(&self, transport: Transport) -> &str {
        match transport {
            Transport::Udp => &self.contact_udp,
            Transport::Tcp => &self.contact_tcp,
        }
    }
}

impl Core {
    /// Answers through a transaction.
    fn answer(&mut self, id: TransactionId, status: u16, response: Bytes, turn: &mut Turn<'_>) {
        let Outcome { told, ended } = self.transactions.answer(id, status, response, turn);
        debug_assert!(told.is_none(), "an answer is not told: {told:?}, {ended:?}");
    }
}
