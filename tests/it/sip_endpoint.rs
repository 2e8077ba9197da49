//! A desk to hold one endpoint at: messages are put together from short pieces, what comes out is read in short.
//!
//! Everything the endpoint writes must also be read by a parser that is not ours (`rsip`).

use bytes::Bytes;
use centralino::sip::api::{AccountId, DialogId, Event, Flow, Output, Referral, Transmit, Transport, Turned};
use centralino::sip::digest::{Challenge, Client};
use centralino::sip::message::{Message, Method};
use centralino::sip::{Account, Arrival, CallerIdentity, Endpoint, Load, Secret, Settings, Target};
use centralino::time::{Duration, Time};
use std::net::SocketAddr;

pub const OURS: &str = "192.0.2.1:5060";
pub const CALLER: &str = "127.0.0.1:5080";
pub const PHONE: &str = "127.0.0.1:6100";
pub const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

/// The settings of every test here.
pub fn settings() -> Settings {
    Settings {
        tcp: Some(addr(OURS)),
        accounts: vec![Account { user: "101".to_owned(), secret: Secret("demo-101".to_owned()) }],
        trusted: vec!["127.0.0.0/8".parse().expect("a network")],
        ..Settings::new(addr(OURS))
    }
}

pub fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub fn udp(remote: &str) -> Flow {
    Flow { transport: Transport::Udp, remote: addr(remote), connection: 0 }
}

pub fn tcp(remote: &str, connection: u64) -> Flow {
    Flow { transport: Transport::Tcp, remote: addr(remote), connection }
}

pub struct Desk {
    pub endpoint: Endpoint,
    pub now: Time,
    pub out: Output,
    /// What was sent last, whole.
    pub sent: Vec<Transmit>,
    /// The leg that was named last.
    pub dialog: DialogId,
}

impl Desk {
    pub fn new() -> Desk {
        Desk::with(settings())
    }

    pub fn with(settings: Settings) -> Desk {
        let endpoint = Endpoint::new(settings, [1; 32]);
        Desk { endpoint, now: Time::ZERO, out: Output::default(), sent: Vec::new(), dialog: DialogId(0) }
    }

    /// Puts a message in and says in short what came of it.
    pub fn gets(&mut self, message: Words) -> String {
        self.gets_by(udp(CALLER), message)
    }

    pub fn gets_by(&mut self, flow: Flow, message: Words) -> String {
        self.gets_bytes(flow, &message.bytes())
    }

    pub fn gets_bytes(&mut self, flow: Flow, bytes: &[u8]) -> String {
        self.gets_behind(0, flow, bytes)
    }

    /// As `gets_bytes`, of a message that comes while so many others wait.
    pub fn gets_behind(&mut self, waiting: usize, flow: Flow, bytes: &[u8]) -> String {
        let waiting = Load { messages: waiting, calls: 0 };
        if self.endpoint.arrives(flow, bytes, waiting, self.now, &mut self.out) != Arrival::TurnedAway {
            self.endpoint.receive(flow, bytes, self.now, self.now, &mut self.out);
        }
        self.said()
    }

    /// Lets the owner do something.
    pub fn does(&mut self, act: impl FnOnce(&mut Endpoint, DialogId, Time, &mut Output)) -> String {
        act(&mut self.endpoint, self.dialog, self.now, &mut self.out);
        self.said()
    }

    pub fn accepts(&mut self) -> String {
        self.does(|endpoint, dialog, now, out| endpoint.accept(dialog, Bytes::from_static(SDP.as_bytes()), now, out))
    }

    pub fn invites(&mut self, uri: &str) -> String {
        let caller = CallerIdentity { user: "0612345678".to_owned(), display: None, called: None, max_forwards: None };
        self.rings(&Target::Uri(uri.to_owned()), &caller)
    }

    pub fn rings(&mut self, target: &Target, caller: &CallerIdentity) -> String {
        let body = Bytes::from_static(SDP.as_bytes());
        let invited = self.endpoint.invite(target, caller, body, self.now, &mut self.out);
        self.dialog = invited.expect("invited");
        self.said()
    }

    /// The phone of account 0 registers by this way.
    pub fn registers(&mut self, by: Flow) {
        let transport = if by.transport == Transport::Tcp { ";transport=tcp" } else { "" };
        let register = |cseq: u32| {
            Words::request("REGISTER")
                .branch(&format!("z9hG4bK-register-{cseq}-{}", by.remote))
                .set("To", "<sip:101@centralino>")
                .set("From", "<sip:101@centralino>;tag=phone")
                .set("Call-ID", &format!("register-{}", by.remote))
                .set("CSeq", &format!("{cseq} REGISTER"))
                .set("Contact", &format!("<sip:101@{}{transport}>", by.remote))
        };
        assert_eq!(self.gets_by(by, register(1)), "401 REGISTER");
        let challenge = Challenge::first(self.last().head().values("WWW-Authenticate")).expect("a challenge");
        let settings = settings();
        let client = Client { user: "101", secret: &settings.accounts[0].secret };
        let uri = format!("sip:800000100@{OURS}");
        let authorization = client.answer(&challenge, Method::Register, &uri, 1, "c0ffee");
        let said = self.gets_by(by, register(2).set("Authorization", &authorization));
        assert!(said.starts_with("200 REGISTER"), "{said}");
    }

    /// Lets time pass, in milliseconds, and says what became due: `@500 180 INVITE`.
    pub fn waits(&mut self, millis: u64) -> String {
        let end = self.now + Duration::from_millis(millis);
        let start = self.now;
        let mut said = Vec::new();
        while let Some(at) = self.endpoint.next_deadline().filter(|&at| at <= end) {
            assert!(at > self.now || self.now == start, "a deadline that does not move");
            self.now = at;
            self.endpoint.expire(at, &mut self.out);
            let what = self.said();
            if !what.is_empty() {
                said.push(format!("@{} {what}", at.since(start).as_millis()));
            }
        }
        self.now = end;
        said.join(" | ")
    }

    /// Everything is over in the end.
    pub fn is_empty_at_last(&mut self) {
        self.waits(120_000);
        let tables = self.endpoint.tables();
        assert_eq!((tables.transactions, tables.dialogs, tables.timers), (0, 0, 0));
    }

    /// The last message sent, parsed.
    pub fn last(&self) -> Message {
        let last = self.sent.last().expect("something was sent");
        Message::parse(&last.bytes, last.flow).expect("we write what we can read")
    }

    pub fn last_text(&self) -> String {
        self.sent.last().map(|last| String::from_utf8_lossy(&last.bytes).into_owned()).unwrap_or_default()
    }

    fn said(&mut self) -> String {
        self.sent = std::mem::take(&mut self.out.transmits);
        let mut words: Vec<String> = self.sent.iter().map(in_short).collect();
        for (_, event) in self.out.events.drain(..) {
            if let Event::Invited { dialog, .. } = event {
                self.dialog = dialog;
            }
            words.push(event_in_short(&event));
        }
        words.join(", ")
    }
}

/// `180 INVITE` or `BYE`.
fn in_short(transmit: &Transmit) -> String {
    rsip::SipMessage::try_from(&transmit.bytes[..]).expect("another parser reads it too");
    match Message::parse(&transmit.bytes, transmit.flow).expect("we write what we can read") {
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => format!("{} {}", response.status, response.head.cseq.method),
    }
}

fn event_in_short(event: &Event) -> String {
    let with = |name: &str, body: &Option<Bytes>| match body {
        Some(_) => format!("<{name} sdp>"),
        None => format!("<{name}>"),
    };
    match event {
        Event::Invited { invitation, .. } => with(&format!("Invited {}", invitation.called), &invitation.body),
        Event::Cancelled { .. } => "<Cancelled>".to_owned(),
        Event::Confirmed { body, .. } => with("Confirmed", body),
        Event::Unconfirmed { .. } => "<Unconfirmed>".to_owned(),
        Event::ChangeOffered { body, .. } => with("ChangeOffered", body),
        Event::Progressed { status, body, .. } => with(&format!("Progressed {status}"), body),
        Event::Explained { reason, .. } => {
            let sip = reason.sip.map(|status| format!("SIP {status}"));
            let words: Vec<_> = sip.into_iter().chain(reason.q850.map(|cause| format!("Q.850 {cause}"))).collect();
            format!("<Explained {}>", words.join(", "))
        }
        Event::Redirected { .. } => "<Redirected>".to_owned(),
        Event::Accepted { body, .. } => with("Accepted", body),
        Event::Refused { cause, .. } => format!("<Refused {cause:?}>"),
        Event::Referred { referral: Referral::To(number), .. } => format!("<Referred to {number}>"),
        Event::Referred { referral: Referral::Replacing(DialogId(dialog)), .. } => {
            format!("<Referred replacing {dialog}>")
        }
        Event::Referred { referral: Referral::ReplacingNothing, .. } => "<Referred replacing nothing>".to_owned(),
        Event::KeyPressed { sign, .. } => format!("<KeyPressed {sign}>"),
        Event::HungUp { lost, .. } => format!("<HungUp{}>", if *lost { " lost" } else { "" }),
        Event::Registered { account: AccountId(account) } => format!("<Registered {account}>"),
        Event::Unregistered { account: AccountId(account) } => format!("<Unregistered {account}>"),
        Event::Turned(Turned::Rejected(_)) => "<Rejected>".to_owned(),
        Event::Turned(turned) => format!("<{turned:?}>"),
    }
}

/// A message being put together.
#[derive(Clone, Debug)]
pub struct Words {
    start: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Words {
    /// A request of the caller outside any dialog.
    pub fn request(method: &str) -> Words {
        Words { start: format!("{method} sip:800000100@{OURS} SIP/2.0"), headers: Vec::new(), body: String::new() }
            .set("Via", &format!("SIP/2.0/UDP {CALLER};branch=z9hG4bK-{method}-1;rport"))
            .set("From", "\"A Caller\" <sip:0612345678@127.0.0.1>;tag=caller")
            .set("To", &format!("<sip:800000100@{OURS}>"))
            .set("Call-ID", "call-1@127.0.0.1")
            .set("CSeq", &format!("1 {method}"))
            .set("Max-Forwards", "70")
            .set("Contact", &format!("<sip:0612345678@{CALLER}>"))
    }

    /// The INVITE of the caller.
    pub fn invite() -> Words {
        Words::request("INVITE").sdp()
    }

    /// A request of the caller in the dialog that `answer` made.
    pub fn within(method: &str, cseq: u32, answer: &Message) -> Words {
        Words::request(method)
            .set("Via", &format!("SIP/2.0/UDP {CALLER};branch=z9hG4bK-{method}-{cseq}-in;rport"))
            .set("To", &answer.head().to.text)
            .set("Call-ID", &answer.head().call_id)
            .set("From", &answer.head().from.text)
            .set("CSeq", &format!("{cseq} {method}"))
    }

    /// A request of the phone in the dialog that our request and its answer made.
    pub fn from_phone(method: &str, cseq: u32, invite: &Message, tag: &str) -> Words {
        let to_with_tag = format!("{};tag={tag}", invite.head().to.text);
        Words::request(method)
            .set("Via", &format!("SIP/2.0/UDP {PHONE};branch=z9hG4bK-phone-{method}-{cseq};rport"))
            .set("From", &to_with_tag)
            .set("To", &invite.head().from.text)
            .set("Call-ID", &invite.head().call_id)
            .set("CSeq", &format!("{cseq} {method}"))
            .set("Contact", &format!("<sip:a@{PHONE}>"))
    }

    /// An answer to a request of ours; `tag` in To unless empty.
    pub fn answer(status: u16, request: &Message, tag: &str) -> Words {
        let head = request.head();
        let to = if tag.is_empty() { head.to.text.clone() } else { format!("{};tag={tag}", head.to.text) };
        Words { start: format!("SIP/2.0 {status} Words"), headers: Vec::new(), body: String::new() }
            .set("Via", head.header("Via").expect("a Via"))
            .set("From", &head.from.text)
            .set("To", if head.to.tag().is_some() { &head.to.text } else { &to })
            .set("Call-ID", &head.call_id)
            .set("CSeq", &format!("{} {}", head.cseq.number, head.cseq.method))
            .set("Contact", &format!("<sip:a@{PHONE}>"))
    }

    pub fn set(mut self, name: &str, value: &str) -> Words {
        match self.headers.iter_mut().find(|header| header.0 == name) {
            Some(header) => header.1 = value.to_owned(),
            None => self.headers.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// The same request to another Request-URI.
    pub fn at_uri(mut self, uri: &str) -> Words {
        let method = self.start.split(' ').next().unwrap_or_default();
        self.start = format!("{method} {uri} SIP/2.0");
        self
    }

    pub fn without(mut self, name: &str) -> Words {
        self.headers.retain(|header| header.0 != name);
        self
    }

    pub fn branch(self, branch: &str) -> Words {
        self.set("Via", &format!("SIP/2.0/UDP {CALLER};branch={branch};rport"))
    }

    pub fn sdp(self) -> Words {
        self.body("application/sdp", SDP)
    }

    pub fn body(mut self, content_type: &str, body: &str) -> Words {
        self.body = body.to_owned();
        self.set("Content-Type", content_type)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body));
        text.into_bytes()
    }
}
