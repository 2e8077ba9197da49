//! A caller of our own: a SIP user agent over UDP, small enough to do exactly what a test says. Its messages are read
//! with the `rsip` crate, a codec the daemon does not share. It sends everything once: loopback loses nothing.

use crate::sound::Law;
use rsip::prelude::*;
use rsip::{Header, Method, Request, Response, SipMessage};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// How long the daemon may take for any answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A telephone.
pub struct Phone {
    socket: UdpSocket,
    server: SocketAddr,
    user: String,
    serial: u32,
    requests: VecDeque<Request>,
}

/// A call this phone made.
#[derive(Clone, Debug)]
pub struct Call {
    number: String,
    id: String,
    cseq: u32,
    branch: String,
    to: String,
    target: String,
}

impl Phone {
    /// A phone with a number, on a free port.
    pub fn new(address: IpAddr, server: SocketAddr, user: &str) -> Phone {
        let socket = UdpSocket::bind((address, 0)).expect("a port for SIP");
        Phone { socket, server, user: user.to_owned(), serial: 0, requests: VecDeque::new() }
    }

    /// A phone on a port of the test's choice.
    pub fn at_port(address: IpAddr, port: u16, server: SocketAddr, user: &str) -> Phone {
        let socket = UdpSocket::bind((address, port)).expect("the port for SIP");
        Phone { socket, ..Phone::new(address, server, user) }
    }

    /// Sends an INVITE without an offer that can acknowledge provisional answers (RFC 3262).
    pub fn invite_reliably(&mut self, number: &str) -> Call {
        let headers = "Supported: 100rel\r\n";
        self.serial += 1;
        let id = format!("{}-{}@phone", self.here(), self.serial);
        let branch = format!("z9hG4bK{}x{}rel", self.here().port(), self.serial);
        let (target, to) = (format!("sip:{number}@{}", self.server), format!("<sip:{number}@{}>", self.server));
        let call = Call { number: number.to_owned(), id, cseq: 1, branch, to, target };
        let text = self.request("INVITE", &call, None);
        self.send(&text.replace("Content-Length", &format!("{headers}Content-Length")));
        call
    }

    /// Acknowledges a reliable provisional answer, with SDP; the answer's status.
    pub fn prack(&mut self, call: &mut Call, progress: &Response, body: &str) -> u16 {
        let lines = progress.to_string();
        let value = |name: &str| lines.lines().find_map(|line| line.strip_prefix(name)).expect(name).trim().to_owned();
        let rack = format!("RAck: {} 1 INVITE\r\n", value("RSeq:"));
        call.to = progress.to_header().expect("a To").value().to_owned();
        call.cseq += 1;
        call.branch = format!("z9hG4bK{}x{}x{}", self.here().port(), self.serial, call.cseq);
        let text = self.request("PRACK", call, Some(body));
        self.send(&text.replace("Content-Length", &format!("{rack}Content-Length")));
        self.answer(call, Method::PRack).status_code.code()
    }

    /// The final answer to the call's first INVITE, though other requests came after it.
    pub fn answer_to_invite(&mut self, call: &mut Call) -> Response {
        let mut first = Call { cseq: 1, ..call.clone() };
        self.answer(&mut first, Method::Invite)
    }

    /// Acknowledges a 200 to the call's first INVITE.
    pub fn ack_first(&mut self, call: &mut Call, response: &Response) {
        let mut first = Call { cseq: 1, branch: format!("{}first", call.branch), ..call.clone() };
        self.ack(&mut first, response, None);
    }

    /// Sends an INVITE whose To names another number than its Request-URI, with header lines of its own.
    pub fn invite_as(&mut self, number: &str, to: &str, headers: &str, offer: &str) -> Call {
        self.serial += 1;
        let id = format!("{}-{}@phone", self.here(), self.serial);
        let branch = format!("z9hG4bK{}x{}as", self.here().port(), self.serial);
        let (target, to) = (format!("sip:{number}@{}", self.server), format!("<sip:{to}@{}>", self.server));
        let call = Call { number: number.to_owned(), id, cseq: 1, branch, to, target };
        let text = self.request("INVITE", &call, Some(offer));
        self.send(&text.replace("Content-Length", &format!("{headers}Content-Length")));
        call
    }

    fn here(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket")
    }

    /// Where it can be called.
    pub fn contact(&self) -> String {
        format!("sip:{}@{}", self.user, self.here())
    }

    /// Sends an INVITE, with an SDP offer or without.
    pub fn invite(&mut self, number: &str, offer: Option<&str>) -> Call {
        self.serial += 1;
        let to = format!("<sip:{number}@{}>", self.server);
        let target = format!("sip:{number}@{}", self.server);
        let id = format!("{}-{}@phone", self.here(), self.serial);
        let mut call = Call { number: number.to_owned(), id, cseq: 0, branch: String::new(), to, target };
        self.reinvite(&mut call, offer);
        call
    }

    /// Sends an INVITE within the call (or its first).
    pub fn reinvite(&mut self, call: &mut Call, offer: Option<&str>) {
        call.cseq += 1;
        call.branch = format!("z9hG4bK{}x{}x{}", self.here().port(), self.serial, call.cseq);
        let text = self.request("INVITE", call, offer);
        self.send(&text);
    }

    /// Acknowledges a final answer to the last INVITE; after a 200 the body may be the SDP answer.
    pub fn ack(&mut self, call: &mut Call, response: &Response, body: Option<&str>) {
        if response.status_code.code() < 300 {
            call.branch.push_str("ack");
        }
        let text = self.request("ACK", call, body);
        self.send(&text);
    }

    /// Sends a CANCEL of the last INVITE.
    pub fn cancel(&mut self, call: &Call) {
        let text = self.request("CANCEL", call, None);
        self.send(&text);
    }

    /// Hangs up; the answer's status.
    pub fn bye(&mut self, call: &mut Call) -> u16 {
        call.cseq += 1;
        call.branch = format!("z9hG4bK{}x{}x{}", self.here().port(), self.serial, call.cseq);
        let text = self.request("BYE", call, None);
        self.send(&text);
        self.answer(call, Method::Bye).status_code.code()
    }

    /// Dials, waits for the 200 and acknowledges it.
    pub fn connect(&mut self, number: &str, offer: &str) -> (Call, Response) {
        let mut call = self.invite(number, Some(offer));
        let answer = self.answer(&mut call, Method::Invite);
        assert_eq!(answer.status_code.code(), 200, "the call to {number} is taken");
        self.ack(&mut call, &answer, None);
        (call, answer)
    }

    /// The final answer to the call's last request of a method. To-tag and Contact are taken over from it.
    pub fn answer(&mut self, call: &mut Call, method: Method) -> Response {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.receive(deadline) {
                Some(SipMessage::Response(response)) => {
                    let cseq = response.cseq_header().and_then(|header| header.typed()).expect("a CSeq");
                    let ours = response.call_id_header().is_ok_and(|id| id.value() == call.id);
                    if !ours || cseq.method != method || cseq.seq != call.cseq || response.status_code.code() < 200 {
                        continue;
                    }
                    call.to = response.to_header().expect("a To").value().to_owned();
                    if let Ok(contact) = response.contact_header() {
                        call.target = contact.typed().expect("a readable Contact").uri.to_string();
                    }
                    return response;
                }
                Some(SipMessage::Request(request)) => self.requests.push_back(request),
                None => panic!("no final answer to {method} {} within {PATIENCE:?}", call.number),
            }
        }
    }

    /// The next provisional answer beyond 100 to the call's INVITE.
    pub fn progress(&mut self, call: &mut Call) -> Response {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.receive(deadline) {
                Some(SipMessage::Response(response)) => match response.status_code.code() {
                    100 => {}
                    101..200 => {
                        call.target =
                            response.contact_header().and_then(|it| it.typed()).expect("a Contact").uri.to_string();
                        return response;
                    }
                    status => panic!("{status} before any provisional answer"),
                },
                Some(SipMessage::Request(request)) => self.requests.push_back(request),
                None => panic!("no provisional answer within {PATIENCE:?}"),
            }
        }
    }

    /// The next request of a method that the daemon sends, answered with 200 (an ACK is not answered).
    pub fn serve(&mut self, method: Method, limit: Duration) -> Request {
        self.serve_with(method, limit, "")
    }

    /// The same, the 200 carrying SDP.
    pub fn serve_with(&mut self, method: Method, limit: Duration, body: &str) -> Request {
        let request = self.next_request(method, limit);
        if method == Method::Ack {
            return request;
        }
        let (copied, here, user, length) = (copied_from(&request), self.here(), &self.user, body.len());
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        self.send(&format!(
            "SIP/2.0 200 OK\r\n{copied}Contact: <sip:{user}@{here}>\r\n{kind}Content-Length: {length}\r\n\r\n{body}"
        ));
        request
    }

    /// The next INVITE, answered with another status (`302 Moved Temporarily`) and these headers, up to its ACK.
    pub fn turns_down(&mut self, status: &str, headers: &str, limit: Duration) -> Request {
        let invite = self.refuses(Method::Invite, status, headers, limit);
        self.next_request(Method::Ack, limit);
        invite
    }

    /// The next request of a method, answered with another status and these headers.
    pub fn refuses(&mut self, method: Method, status: &str, headers: &str, limit: Duration) -> Request {
        let request = self.next_request(method, limit);
        self.send(&format!("SIP/2.0 {status}\r\n{}{headers}Content-Length: 0\r\n\r\n", copied_from(&request)));
        request
    }

    fn next_request(&mut self, method: Method, limit: Duration) -> Request {
        let deadline = Instant::now() + limit;
        loop {
            let request = self.requests.pop_front().or_else(|| match self.receive(deadline) {
                Some(SipMessage::Request(request)) => Some(request),
                Some(SipMessage::Response(_)) => None,
                None => panic!("no {method} within {limit:?}"),
            });
            if let Some(request) = request.filter(|request| request.method == method) {
                return request;
            }
        }
    }

    /// Registers with digest (MD5); the final status.
    pub fn register(&mut self, password: &str) -> Response {
        let challenge = self.register_once(1, "");
        assert_eq!(challenge.status_code.code(), 401, "a REGISTER without credentials is challenged");
        let credentials = self.credentials(&challenge, password, Method::Register, &format!("sip:{}", self.server));
        self.register_once(2, &credentials)
    }

    /// The answer to a challenge, as a header line.
    fn credentials(&self, challenge: &Response, password: &str, method: Method, uri: &str) -> String {
        let challenges = challenge.headers.iter().filter_map(|header| match header {
            Header::WwwAuthenticate(header) => header.typed().ok(),
            _ => None,
        });
        let is_md5 = |algorithm: &Option<_>| matches!(algorithm, None | Some(rsip::headers::auth::Algorithm::Md5));
        let challenge = challenges.into_iter().find(|one| is_md5(&one.algorithm)).expect("an MD5 challenge");
        let uri = rsip::Uri::try_from(uri).expect("our own URI");
        let proof = rsip::services::DigestGenerator {
            username: &self.user,
            password,
            nonce: &challenge.nonce,
            uri: &uri,
            realm: &challenge.realm,
            method: &method,
            qop: Some(&rsip::headers::auth::AuthQop::Auth { cnonce: "c0ffee".to_owned(), nc: 1 }),
            algorithm: rsip::headers::auth::Algorithm::Md5,
        };
        format!(
            "Authorization: Digest username=\"{}\",realm=\"{}\",nonce=\"{}\",uri=\"{uri}\",response=\"{}\",\
             algorithm=MD5,qop=auth,nc=00000001,cnonce=\"c0ffee\"{}\r\n",
            self.user,
            challenge.realm,
            challenge.nonce,
            proof.compute(),
            challenge.opaque.map(|opaque| format!(",opaque=\"{opaque}\"")).unwrap_or_default(),
        )
    }

    /// Dials, and proves on demand who calls.
    pub fn invite_proven(&mut self, number: &str, password: &str, offer: &str) -> Call {
        let mut call = self.invite(number, Some(offer));
        let first = call.clone();
        let challenge = self.answer(&mut call, Method::Invite);
        assert_eq!(challenge.status_code.code(), 401, "an agent's INVITE without credentials is challenged");
        self.ack(&mut call, &challenge, None);
        let credentials = self.credentials(&challenge, password, Method::Invite, &first.target);
        call = Call { cseq: first.cseq + 1, branch: format!("{}proven", first.branch), ..first };
        let text = self.request("INVITE", &call, Some(offer));
        self.send(&text.replace("Content-Length", &format!("{credentials}Content-Length")));
        call
    }

    /// What REFER says to put another in the place of this phone's side of a call.
    pub fn replacing(&self, call: &Call) -> String {
        let to_tag = call.to.rsplit_once(";tag=").map_or("", |(_, tag)| tag);
        let id = call.id.replace('@', "%40");
        format!("Replaces={id}%3Bto-tag%3D{to_tag}%3Bfrom-tag%3Dt{}", self.here().port())
    }

    /// Sends a request within a call that was taken, with header lines of its own; its final status, but for ACK.
    pub fn within(&mut self, invite: &Request, method: Method, cseq: u32, headers: &str, body: Option<&str>) -> u16 {
        let value = |header: Result<String, rsip::Error>| header.expect("a header of the INVITE");
        let (here, user) = (self.here(), self.user.clone());
        let from = value(invite.to_header().map(|to| to.value().to_owned()));
        let to = value(invite.from_header().map(|from| from.value().to_owned()));
        let id = value(invite.call_id_header().map(|id| id.value().to_owned()));
        let target = invite.contact_header().and_then(|it| it.typed()).expect("a Contact").uri.to_string();
        let kind = body.map(|_| "Content-Type: application/sdp\r\n").unwrap_or_default();
        let body = body.unwrap_or_default();
        self.send(&format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {here};rport;branch=z9hG4bKw{}x{cseq}{method}\r\n\
             Max-Forwards: 70\r\nFrom: {from};tag=callee\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{user}@{here}>\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
            here.port(),
            body.len(),
        ));
        if method == Method::Ack {
            return 0;
        }
        let mut call = Call { number: user, id, cseq, branch: String::new(), to, target };
        self.answer(&mut call, method).status_code.code()
    }

    fn register_once(&mut self, cseq: u32, credentials: &str) -> Response {
        let (here, server, user) = (self.here(), self.server, self.user.clone());
        let id = format!("register-{here}@phone");
        self.send(&format!(
            "REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {here};rport;branch=z9hG4bKr{cseq}x{}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{server}>;tag=r{}\r\nTo: <sip:{user}@{server}>\r\nCall-ID: {id}\r\n\
             CSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{here}>\r\nExpires: 600\r\n{credentials}Content-Length: 0\r\n\r\n",
            here.port(),
            here.port(),
        ));
        let to = format!("<sip:{user}@{server}>");
        let mut call = Call { number: user, id, cseq, branch: String::new(), to, target: String::new() };
        self.answer(&mut call, Method::Register)
    }

    /// Tells a key within the call, by INFO; the answer's status.
    pub fn info_key(&mut self, call: &mut Call, sign: char) -> u16 {
        call.cseq += 1;
        call.branch = format!("z9hG4bK{}x{}x{}", self.here().port(), self.serial, call.cseq);
        let text = self.request("INFO", call, Some(&format!("Signal={sign}\r\nDuration=160\r\n")));
        self.send(&text.replace("application/sdp", "application/dtmf-relay"));
        self.answer(call, Method::Info).status_code.code()
    }

    fn request(&self, method: &str, call: &Call, body: Option<&str>) -> String {
        let (here, user) = (self.here(), &self.user);
        let Call { id, cseq, branch, to, target, .. } = call;
        let kind = body.map(|_| "Content-Type: application/sdp\r\n").unwrap_or_default();
        let body = body.unwrap_or_default();
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {here};rport;branch={branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@{here}>;tag=t{}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{user}@{here}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            here.port(),
            body.len(),
        )
    }

    fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.server).expect("a sent datagram");
    }

    fn receive(&self, deadline: Instant) -> Option<SipMessage> {
        let mut buffer = [0; 65_535];
        loop {
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            self.socket.set_read_timeout(Some(left)).expect("a read timeout");
            let Ok((length, _)) = self.socket.recv_from(&mut buffer) else { continue };
            let message = SipMessage::try_from(&buffer[..length]);
            return Some(message.unwrap_or_else(|error| {
                panic!("{error} in what the daemon sent:\n{}", String::from_utf8_lossy(&buffer[..length]))
            }));
        }
    }
}

/// An SDP offer or answer for a headset.
pub fn sdp(address: IpAddr, port: u16, laws: &[Law]) -> String {
    let list: String = laws.iter().map(|law| format!(" {}", law.payload_type())).collect();
    let maps: String =
        laws.iter().map(|law| format!("a=rtpmap:{} {}/8000\r\n", law.payload_type(), law.name())).collect();
    format!(
        "v=0\r\no=- 7 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP{list}\r\n\
         {maps}a=ptime:20\r\na=sendrecv\r\n"
    )
}

/// Where an SDP body says that sound goes.
pub fn audio_port(body: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("an audio line in the SDP");
    line.split(' ').next().and_then(|port| port.parse().ok()).expect("a port in the audio line")
}

/// What every response repeats of its request.
fn copied_from(request: &Request) -> String {
    let copied = request.headers.iter().filter_map(|header| match header {
        Header::To(to) if !to.value().contains(";tag=") => Some(format!("{header};tag=callee\r\n")),
        Header::Via(_) | Header::From(_) | Header::To(_) | Header::CallId(_) | Header::CSeq(_) => {
            Some(format!("{header}\r\n"))
        }
        _ => None,
    });
    copied.collect()
}
