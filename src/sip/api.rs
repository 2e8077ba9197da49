//! What the SIP endpoint is told, what it says, and what it wants sent. Bytes and time in, bytes and events out.

use crate::time::Time;
use bytes::Bytes;
use std::net::SocketAddr;

/// How bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// One datagram, one message; lost, repeated and reordered at will.
    Udp,
    /// A stream framed by Content-Length.
    Tcp,
}

impl Transport {
    /// What a URI's `transport` parameter names; none for what we do not speak.
    pub(crate) fn named(name: &str) -> Option<Transport> {
        match name {
            _ if name.eq_ignore_ascii_case("udp") => Some(Transport::Udp),
            _ if name.eq_ignore_ascii_case("tcp") => Some(Transport::Tcp),
            _ => None,
        }
    }
}

/// The path a message came by, and by which its answer goes back (RFC 3261 18.2.2, RFC 3581, RFC 5626).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Datagram or stream.
    pub transport: Transport,
    /// The other end as the packet shows it.
    pub remote: SocketAddr,
    /// Which stream connection, numbered by the shell; 0 for UDP and for a connection still to be made.
    pub connection: u64,
}

/// One leg's dialog with us, from its first INVITE on. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId(pub u64);

/// A user of the registrar: position in the list of accounts the endpoint was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

/// A trunk: position in the list that the endpoint was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrunkId(pub u32);

/// What the endpoint says happened. Everything the RFC alone decides (retransmissions, ACKs to refusals, answers to
/// OPTIONS, 481s, 200 to BYE) has been done already and is not told.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A new call: answer with `Endpoint::{ring, accept, refuse}`. 100 has been sent.
    Invited {
        /// The new leg.
        dialog: DialogId,
        /// What the INVITE said.
        invitation: Invitation,
    },
    /// The caller gave up before our final answer, by CANCEL, BYE or the loss of its connection; 487 has been sent.
    /// The dialog is forgotten.
    Cancelled {
        /// Which leg.
        dialog: DialogId,
    },
    /// Our 200 was acknowledged; the body is the answer to an offer we made in it. Told of a leg's first 200, and of
    /// later ones (`accept_change`) that held an offer of ours; also of a reliable 183 (RFC 3262), with a body if that held our offer.
    Confirmed {
        /// Which leg.
        dialog: DialogId,
        /// SDP in the ACK.
        body: Option<Bytes>,
    },
    /// Our 200 was never acknowledged (64*T1); BYE has been sent. The dialog is forgotten.
    Unconfirmed {
        /// Which leg.
        dialog: DialogId,
    },
    /// A re-INVITE or an UPDATE with SDP: answer with `Endpoint::{accept_change, refuse_change}`. With no body an
    /// offer of ours is asked for.
    ChangeOffered {
        /// Which leg.
        dialog: DialogId,
        /// The SDP offer.
        body: Option<Bytes>,
    },
    /// A provisional answer (101-199) to our INVITE.
    Progressed {
        /// Which leg.
        dialog: DialogId,
        /// The status code.
        status: u16,
        /// SDP, if any: early media.
        body: Option<Bytes>,
    },
    /// The phone sent our INVITE elsewhere by a 3xx, and the configuration allows it; or nobody served it at one place of
    /// a name, and it went to the next. Another one rings now: whatever the first one said of itself holds no more.
    Redirected {
        /// Which leg.
        dialog: DialogId,
    },
    /// The first 200 to our INVITE; ACK has been sent. Later 200s of other forks are ACKed and BYEd without a word.
    Accepted {
        /// Which leg.
        dialog: DialogId,
        /// The SDP answer.
        body: Option<Bytes>,
    },
    /// Our INVITE got a final answer of 300-699, or none at all. The dialog is forgotten. After `cancel` this is the
    /// phone's last word, also when it was a 200 (ACKed and BYEd; then `status` is 200).
    Refused {
        /// Which leg.
        dialog: DialogId,
        /// What ended it.
        cause: RefusedBy,
    },
    /// The other side of an established leg pressed a key and said so in an INFO; 200 has been sent.
    KeyPressed {
        /// Which leg.
        dialog: DialogId,
        /// Its sign: 0-9, `*`, `#`, A-D.
        sign: char,
    },
    /// An agent's phone asks to pass the call on: answer with `Endpoint::{accept_refer, end_refer}`.
    Referred {
        /// Which leg.
        dialog: DialogId,
        /// Where to.
        referral: Referral,
    },
    /// The other side said BYE (200 has been sent), or never acknowledged our 200 to a change (`lost`; BYE has been
    /// sent). The dialog is forgotten. Not told after `Endpoint::hang_up`.
    HungUp {
        /// Which leg.
        dialog: DialogId,
        /// Without a BYE.
        lost: bool,
    },
    /// What follows at once (the end of a leg) has this reason, as the other side says.
    Explained {
        /// Which leg.
        dialog: DialogId,
        /// Why.
        reason: super::Reason,
    },
    /// An account got its first binding, or refreshed one.
    Registered {
        /// Who.
        account: AccountId,
    },
    /// An account's last binding was removed or ran out.
    Unregistered {
        /// Who.
        account: AccountId,
    },
    /// For the statistics: something was answered with an error, dropped or lost.
    Turned(crate::sip::api::Turned),
}

/// Where a call is to be passed on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Referral {
    /// To a number.
    To(String),
    /// To whom this leg is connected with, in its place (RFC 3891).
    Replacing(DialogId),
    /// In the place of a leg that is not known.
    ReplacingNothing,
}

/// What an INVITE said, as far as a call needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation {
    /// The number dialled, unescaped.
    pub called: String,
    /// Who calls. Personal data.
    pub caller: super::Caller,
    /// The account whose phone calls, proven by digest.
    pub agent: Option<AccountId>,
    /// The SDP offer, if there is one.
    pub body: Option<Bytes>,
    /// Where it came from.
    pub source: SocketAddr,
    /// The caller's side acknowledges provisional answers (RFC 3262): one may carry an offer of ours.
    pub is_reliable: bool,
    /// The trunk it came by, if it is one.
    pub trunk: Option<TrunkId>,
    /// How many more servers it may pass (RFC 7332).
    pub max_forwards: u8,
}

/// How an INVITE of ours ended without a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedBy {
    /// The phone's final status code.
    Status(u16),
    /// No answer in 64*T1.
    Timeout,
    /// It could not be sent: ICMP error, connection refused or lost.
    Transport,
}

/// What was turned away or lost; b2bua makes facts of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// Could not be understood and could not be answered.
    Garbage,
    /// A new call that came when there was too much to do; `Rejected(503)` comes with it.
    Overloaded,
    /// A request from a program that only looks for holes; it got no answer.
    Scanner,
    /// A request of a stranger above its rate.
    Flood,
    /// Answered with an error, this one.
    Rejected(u16),
    /// An INVITE from where nobody may call; `Rejected(403)` comes with it.
    Forbidden,
    /// A response, or an ACK, that matches nothing.
    StrayResponse,
    /// A table was full.
    Overflow,
    /// A send failed.
    SendFailed,
    /// A request of ours timed out.
    Timeout,
    /// A call of ours to a name that is nowhere, as far as the DNS knows, or all of whose places are closed.
    NoPlace,
    /// Wrong credentials.
    AuthFailed,
}

/// What a caller's leg is refused with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 300-699.
    pub status: u16,
    /// Retry-After in seconds.
    pub retry_after: Option<u32>,
    /// Warning: code and text (RFC 3261 20.43).
    pub warning: Option<(u16, &'static str)>,
}

/// What the endpoint produced in one turn; reused.
#[derive(Debug, Default)]
pub struct Output {
    /// To be sent, in order. A send that fails is told by `Endpoint::send_failed`.
    pub transmits: Vec<Transmit>,
    /// Stream connections to be closed after what precedes was sent.
    pub closes: Vec<u64>,
    /// For b2bua, in order, with the receive time of their cause.
    pub events: Vec<(Time, Event)>,
}

/// One message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub flow: Flow,
    /// The whole message.
    pub bytes: Bytes,
}
