//! Dialogs: what is known about a leg between its messages, and how a request within it is written (RFC 3261 12).
//!
//! Who may do what when is decided by the endpoint; here are the facts it decides on: tags, sequence numbers, route
//! set, remote target, the path of the next request, and which offers and answers are open.

mod table;

pub(crate) use table::Dialogs;

use super::api::{DialogId, Flow, Transport};
use super::endpoint::{Refer, Reliable};
use super::lookup::HostName;
use super::message::{Method, NameAddr, Request, Response, Uri, Writer};
use super::transaction::TransactionId;
use crate::time::Duration;
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

/// A leg.
#[derive(Debug)]
pub(crate) struct Dialog {
    /// Its name.
    pub id: DialogId,
    /// How far it is.
    pub stage: Stage,
    /// The Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// Their tag; none from a peer of RFC 2543, or while our INVITE is unanswered.
    pub remote_tag: Option<String>,
    /// We as From of our requests, with tag.
    pub local: String,
    /// They as To of our requests, with tag.
    pub remote: String,
    /// The remote target.
    pub target: Uri,
    /// The route set, next hop first.
    pub routes: Vec<NameAddr>,
    /// The path of the last message that told one.
    pub flow: Flow,
    /// Number of our last request.
    pub local_cseq: u32,
    /// Number of their last request.
    pub remote_cseq: Option<u32>,
    /// Their re-INVITE or UPDATE that the owner has not answered.
    pub change: Option<Pending>,
    /// Our 200 to their INVITE that is not acknowledged.
    pub unacked: Option<Unacked>,
    /// Our reliable provisional answer to their INVITE.
    pub reliable: Option<Box<Reliable>>,
    /// How long the session lives without a refresh.
    pub session: Option<SessionTimer>,
    /// They know UPDATE.
    pub updates: bool,
    /// A re-INVITE of ours is on its way.
    pub reinviting: bool,
    /// The number of our last request that proved who we are.
    pub proven: Option<u32>,
    /// We made the Call-ID.
    pub is_call_ours: bool,
    /// The SDP that we said last.
    pub local_sdp: Bytes,
    /// The other side is an agent: we called it, or it called us and proved who it is.
    pub is_agent: bool,
    /// Their REFER whose outcome is not known yet.
    pub refer: Option<Box<Refer>>,
    /// How many REFERs they sent.
    pub refers: u32,
    /// The last question whether they are there found no path.
    pub probe_failed: bool,
    /// They hung up, and still want to hear what became of their REFER (RFC 5057 4.1).
    pub outlives_bye: bool,
    /// The owner has hung up, or was told the end: no more events.
    pub released: bool,
}

/// How far a leg is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// They INVITEd; no final answer yet.
    Invited(Pending),
    /// We INVITEd; no final answer yet.
    Calling {
        /// Our INVITE.
        transaction: TransactionId,
        /// It was answered provisionally: it may be cancelled.
        progressed: bool,
        /// Whether the owner takes it back.
        cancel: Cancel,
    },
    /// There was a 200.
    Established,
    /// Our BYE is on its way.
    Ending,
}

/// An agreed session timer (RFC 4028).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionTimer {
    /// How long the session lives after each refresh.
    pub seconds: u32,
    /// We refresh it.
    pub ours: bool,
}

/// RFC 3261 9.1: no CANCEL before a provisional answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancel {
    /// Nobody asked for it.
    No,
    /// To be sent with the first provisional answer.
    Wanted,
    /// Sent.
    Sent,
}

/// A request that waits for the owner's word.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Where the answer goes.
    pub transaction: TransactionId,
    /// What is to be answered.
    pub request: Box<Request>,
}

/// A 200 that is repeated until its ACK comes (RFC 3261 13.3.1.4).
#[derive(Debug)]
pub(crate) struct Unacked {
    /// The INVITE's number: its ACK has the same.
    pub cseq: u32,
    /// Through this transaction, as long as it lives.
    pub transaction: TransactionId,
    /// The 200.
    pub response: Bytes,
    /// Its way when the connection of the INVITE is gone.
    pub reconnect: Flow,
    /// Doubles up to T2.
    pub interval: Duration,
    /// The leg's first INVITE, not a change.
    pub first: bool,
    /// The 200 holds our offer: until its answer no other offer can be made.
    pub offered: bool,
}

/// What our INVITE said: for its CANCEL, for ACKs, and to make a dialog of each fork.
#[derive(Clone, Debug)]
pub(crate) struct OwnInvite {
    /// The leg.
    pub dialog: DialogId,
    /// The Request-URI.
    pub uri: Uri,
    /// From, with our tag.
    pub local: String,
    /// Our tag.
    pub local_tag: String,
    /// To, without tag.
    pub remote: String,
    /// The Call-ID.
    pub call_id: String,
    /// The number.
    pub cseq: u32,
    /// The branch, which CANCEL and the ACK to a refusal share.
    pub branch: String,
    /// The path.
    pub flow: Flow,
    /// The number of our last request within any of its dialogs.
    pub last_cseq: u32,
    /// The last reliable provisional answer of each fork, by its To tag.
    pub reliable: Vec<(String, u32)>,
    /// How many more servers it may pass.
    pub max_forwards: u8,
    /// What it says of the caller and of the number dialled beside From.
    pub identity: Vec<(&'static str, String)>,
    /// A 3xx to it may be followed: it rings a phone that proved its password, and was not redirected before.
    pub may_be_redirected: bool,
    /// The Request-URI's host, where that had to be looked up.
    pub name: Option<HostName>,
    /// The places of that name that it went to.
    pub tried: Vec<SocketAddr>,
    /// What it proves to whom challenged it: the header and its value.
    pub authorization: Option<(&'static str, String)>,
    /// What its CANCEL says in Reason, and the BYE of a 200 that crosses it.
    pub cancel_reason: Option<&'static str>,
    /// Who answered 200, each with the ACK it gets as often as it asks.
    pub forks: Vec<Fork>,
}

/// One 200 to our INVITE.
#[derive(Clone, Debug)]
pub(crate) struct Fork {
    /// Its To tag.
    pub tag: String,
    /// The path of its ACK.
    pub flow: Flow,
    /// Its ACK.
    pub ack: Bytes,
}

impl Dialog {
    /// The dialog that our answer to an INVITE makes (RFC 3261 12.1.1): routes as they stand.
    pub(crate) fn of_invite(id: DialogId, local_tag: String, pending: Pending, contact: Uri) -> Dialog {
        let request = &pending.request;
        let head = &request.head;
        Dialog {
            id,
            call_id: head.call_id.clone(),
            remote_tag: head.from.tag().map(str::to_owned),
            local: format!("{};tag={local_tag}", head.to.text),
            remote: head.from.text.clone(),
            local_tag,
            target: contact,
            routes: head.record_route.clone(),
            flow: request.flow,
            local_cseq: 0,
            remote_cseq: Some(head.cseq.number),
            change: None,
            unacked: None,
            reliable: None,
            session: None,
            updates: head.lists("Allow", "UPDATE"),
            reinviting: false,
            proven: None,
            is_call_ours: false,
            local_sdp: Bytes::new(),
            is_agent: false,
            refer: None,
            refers: 0,
            probe_failed: false,
            outlives_bye: false,
            released: false,
            stage: Stage::Invited(pending),
        }
    }

    /// The dialog to be of an INVITE of ours.
    pub(crate) fn of_own_invite(invite: &OwnInvite, stage: Stage) -> Dialog {
        Dialog {
            id: invite.dialog,
            stage,
            call_id: invite.call_id.clone(),
            local_tag: invite.local_tag.clone(),
            remote_tag: None,
            local: invite.local.clone(),
            remote: invite.remote.clone(),
            target: invite.uri.clone(),
            routes: Vec::new(),
            flow: invite.flow,
            local_cseq: invite.last_cseq,
            remote_cseq: None,
            change: None,
            unacked: None,
            reliable: None,
            session: None,
            updates: false,
            reinviting: false,
            proven: None,
            is_call_ours: true,
            local_sdp: Bytes::new(),
            is_agent: true,
            refer: None,
            refers: 0,
            probe_failed: false,
            outlives_bye: false,
            released: false,
        }
    }

    /// A 200 to our INVITE establishes it (RFC 3261 12.1.2): routes reversed.
    pub(crate) fn establish(&mut self, response: &Response) {
        let head = &response.head;
        self.remote_tag = head.to.tag().map(str::to_owned);
        self.remote.clone_from(&head.to.text);
        // A 200 without Contact breaks the rules; where the INVITE went is then the best target there is.
        if let Some(contact) = head.contacts.first() {
            self.target = contact.uri.clone();
        }
        self.updates = head.lists("Allow", "UPDATE");
        self.routes = head.record_route.iter().rev().cloned().collect();
        self.stage = Stage::Established;
    }

    /// Whether a request with these marks belongs here (RFC 3261 12.2.2); our tag has been compared already.
    pub(crate) fn matches(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        let unanswered = matches!(self.stage, Stage::Calling { .. });
        self.call_id == call_id && (unanswered || self.remote_tag.as_deref() == remote_tag)
    }

    /// Their next number: a lower one than before is out of order (RFC 3261 12.2.2), gaps are fine.
    pub(crate) fn is_in_order(&mut self, number: u32) -> bool {
        if self.remote_cseq.is_some_and(|last| number < last) {
            return false;
        }
        self.remote_cseq = Some(number);
        true
    }

    /// A target refresh was accepted (RFC 3261 12.2.2, RFC 6141).
    pub(crate) fn refresh(&mut self, request: &Request) {
        if let Some(contact) = request.head.contacts.first() {
            self.target = contact.uri.clone();
        }
    }

    /// The number of our next request.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.local_cseq
    }

    /// The path of the next request: the first route, else the remote target, as far as they are literal addresses.
    pub(crate) fn next_hop(&self) -> Flow {
        let hop = self.routes.first().map_or(&self.target, |route| &route.uri);
        path_to(hop, self.flow, self.routes.is_empty())
    }

    /// The first route when it is a strict router (RFC 3261 12.2.1.1).
    fn strict_router(&self) -> Option<&NameAddr> {
        self.routes.first().filter(|route| route.uri.param("lr").is_none())
    }

    /// The Request-URI of our next request.
    pub(crate) fn request_uri(&self) -> &Uri {
        self.strict_router().map_or(&self.target, |route| &route.uri)
    }

    /// A request within the dialog up to its CSeq (RFC 3261 12.2.1.1).
    pub(crate) fn request(&self, method: Method, cseq: u32, via: (Transport, SocketAddr, &str)) -> Writer {
        let strict = self.strict_router();
        let mut writer =
            Writer::request(method, self.request_uri().as_str()).via(via.0, via.1, via.2).header("Max-Forwards", 70);
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            writer = writer.header("Route", &route.text);
        }
        // A strict router eats the Request-URI, so the target travels as the last route.
        if strict.is_some() {
            writer = writer.header("Route", format_args!("<{}>", self.target));
        }
        writer
            .header("From", &self.local)
            .header("To", &self.remote)
            .header("Call-ID", &self.call_id)
            .cseq(cseq, method)
    }
}

impl OwnInvite {
    /// CANCEL, or the ACK to a refusal: the INVITE's own Request-URI, Via, From, Call-ID and number (RFC 3261 9.1,
    /// 17.1.1.3).
    pub(crate) fn companion(&self, method: Method, to: &str, (transport, sent_by): (Transport, SocketAddr)) -> Bytes {
        let writer = Writer::request(method, self.uri.as_str())
            .via(transport, sent_by, &self.branch)
            .header("Max-Forwards", 70)
            .header("From", &self.local)
            .header("To", to)
            .header("Call-ID", &self.call_id)
            .cseq(self.cseq, method);
        match self.cancel_reason.filter(|_| method == Method::Cancel) {
            Some(reason) => writer.header("Reason", reason).finish(),
            None => writer.finish(),
        }
    }
}

/// Where a request to `uri` goes, when the peer was last heard at `flow`.
///
/// A connection is kept while it is there. A `Contact` with a private address that is not the packet's own was
/// written behind a NAT: the packet's source is right then (RFC 5626's reason). A name is not resolved: the same.
pub(crate) fn path_to(uri: &Uri, flow: Flow, is_contact: bool) -> Flow {
    let transport = uri.param("transport").and_then(Transport::named).unwrap_or(flow.transport);
    if transport == Transport::Tcp && flow.transport == Transport::Tcp && flow.connection != 0 {
        return flow;
    }
    let remote = match literal_addr(uri) {
        Some(remote) if is_contact && remote.ip() != flow.remote.ip() && is_private(remote.ip()) => flow.remote,
        Some(remote) => remote,
        None => flow.remote,
    };
    Flow { transport, remote, connection: 0 }
}

/// Host and port of a URI whose host is a literal address or `localhost`.
pub(crate) fn literal_addr(uri: &Uri) -> Option<SocketAddr> {
    if uri.host().eq_ignore_ascii_case("localhost") {
        return Some(SocketAddr::from(([127, 0, 0, 1], uri.port().unwrap_or(5060))));
    }
    uri.socket_addr()
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]);
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
