//! The SIP that the phones write: by hand, so that the engine talks to something that shares none of its code. What
//! comes back is read by the crate `rsip`, which is not the engine's parser either.

use anyhow::{Context, Result};
use centralino::media::g711::Law;
use rsip::headers::UntypedHeader;
use rsip::message::{HasHeaders, HeadersExt};
use rsip::{Header, Request, Response};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use super::audio::payload_type;

/// A phone's end of a dialog, as it is written into requests (RFC 3261 12).
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Where requests go, by name.
    pub target: String,
    /// Our address: Via and Contact.
    pub local: SocketAddr,
    /// The From value, tag included.
    pub from: String,
    /// The To value; with a tag once there is one.
    pub to: String,
    /// The Call-ID.
    pub call_id: String,
    /// The number of the last request.
    pub cseq: u32,
    /// Makes branches: no two transactions of a phone may share one (RFC 3261 8.1.1.7).
    serial: u32,
}

static DIALOGS: AtomicU32 = AtomicU32::new(0);

impl Dialog {
    /// A dialog to be: of a caller, or of a phone that registers.
    pub fn new(user: &str, target: String, local: SocketAddr, to: String) -> Dialog {
        // The port is the phone's own for as long as the demo lasts.
        let (call_id, host) = (format!("{user}-{}@{}", local.port(), local.ip()), local.ip());
        let from = format!("<sip:{user}@{host}>;tag={user}x{}", local.port());
        Dialog { target, local, from, to, call_id, cseq: 0, serial: DIALOGS.fetch_add(1, Ordering::Relaxed) }
    }

    /// The called side's end (RFC 3261 12.1.1): its requests go to the Contact, From and To change places.
    pub fn called(invite: &Request, local: SocketAddr, tag: &str) -> Result<Dialog> {
        Ok(Dialog {
            target: invite.contact_header()?.uri()?.to_string(),
            local,
            from: format!("{};tag={tag}", invite.to_header()?.value()),
            to: invite.from_header()?.value().to_string(),
            call_id: invite.call_id_header()?.value().to_string(),
            cseq: 0,
            serial: DIALOGS.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// The calling side's end, once it was answered (RFC 3261 12.1.2).
    pub fn answered(&mut self, answer: &Response) -> Result<()> {
        self.to = answer.to_header()?.value().to_string();
        self.target = answer.contact_header()?.uri()?.to_string();
        Ok(())
    }

    /// The next request. ACK has the number of its INVITE (RFC 3261 13.2.2.4).
    pub fn request(&mut self, method: &str, more: &[(&str, &str)], body: Option<&str>) -> String {
        if method != "ACK" {
            self.cseq += 1;
        }
        self.write(method, &self.branch(method), more, body)
    }

    /// ACK to a refusal: a part of the INVITE's transaction, with its branch (RFC 3261 17.1.1.3).
    pub fn ack_of_refusal(&self, refusal: &Response) -> Result<String> {
        let refused = Dialog { to: refusal.to_header()?.value().to_string(), ..self.clone() };
        Ok(refused.write("ACK", &self.branch("INVITE"), &[], None))
    }

    fn branch(&self, method: &str) -> String {
        format!("z9hG4bK-{}-{}-{method}", self.serial, self.cseq)
    }

    fn write(&self, method: &str, branch: &str, more: &[(&str, &str)], body: Option<&str>) -> String {
        let Dialog { target, local, from, to, call_id, cseq, .. } = self;
        let mut text = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
        );
        for (name, value) in more {
            line(&mut text, name, value);
        }
        end(text, body)
    }
}

/// The answer to a request (RFC 3261 8.2.6). `tag` goes to the To of an answer that begins or refuses a dialog.
pub fn answer(
    request: &Request,
    status: &str,
    tag: Option<&str>,
    more: &[(&str, &str)],
    body: Option<&str>,
) -> Result<String> {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for header in request.headers().iter() {
        match header {
            Header::Via(via) => line(&mut text, "Via", via.value()),
            Header::RecordRoute(route) => line(&mut text, "Record-Route", route.value()),
            _ => {}
        }
    }
    line(&mut text, "From", request.from_header()?.value());
    let to = request.to_header()?.value();
    match tag {
        Some(tag) => line(&mut text, "To", &format!("{to};tag={tag}")),
        None => line(&mut text, "To", to),
    }
    line(&mut text, "Call-ID", request.call_id_header()?.value());
    line(&mut text, "CSeq", request.cseq_header()?.value());
    for (name, value) in more {
        line(&mut text, name, value);
    }
    Ok(end(text, body))
}

/// Every value of a challenge (RFC 3261 22.2), the server's favourite first.
pub fn challenges(response: &Response) -> impl Iterator<Item = &str> {
    response.headers().iter().filter_map(|header| match header {
        Header::WwwAuthenticate(challenge) => Some(challenge.value()),
        _ => None,
    })
}

/// The method that a response answers.
pub fn answers(response: &Response) -> Result<rsip::Method> {
    Ok(response.cseq_header()?.method()?)
}

/// A session description of one stream in one codec (RFC 8866, RFC 3264).
pub fn describe(rtp: SocketAddr, codec: Law) -> String {
    let (kind, name) = (payload_type(codec), codec_name(codec));
    format!(
        "v=0\r\no=phone {port} 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {kind}\r\n\
         a=rtpmap:{kind} {name}/8000\r\na=ptime:20\r\na=sendrecv\r\n",
        ip = rtp.ip(),
        port = rtp.port(),
    )
}

/// Where the other side wants to be sent RTP.
pub fn described(body: &[u8]) -> Result<SocketAddr> {
    let text = std::str::from_utf8(body).context("session description")?;
    let value = |prefix: &str| text.lines().find_map(|line| line.strip_prefix(prefix));
    let ip = value("c=IN IP4 ").context("no c= line")?.trim().parse()?;
    let port = value("m=audio ").and_then(|media| media.split(' ').next()).context("no m= line")?.parse()?;
    Ok(SocketAddr::new(ip, port))
}

const fn codec_name(codec: Law) -> &'static str {
    match codec {
        Law::A => "PCMA",
        Law::Mu => "PCMU",
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    // Into memory: cannot fail.
    let _ = write!(text, "{name}: {value}\r\n");
}

fn end(mut text: String, body: Option<&str>) -> String {
    let body = body.unwrap_or_default();
    if !body.is_empty() {
        line(&mut text, "Content-Type", "application/sdp");
    }
    line(&mut text, "Content-Length", &body.len().to_string());
    text + "\r\n" + body
}
