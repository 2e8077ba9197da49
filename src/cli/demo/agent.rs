//! An agent's phone: registers, rings, is picked up, talks, and is ready for the next caller.

use super::Stage;
use super::audio::{Ear, Voice};
use super::line::{Heard, Line};
use super::script::{Agent, Habit, Side};
use super::sip::{self, Dialog};
use anyhow::{Context, Result, bail};
use centralino::sip::digest::{Challenge, Client};
use centralino::sip::{Secret, message};
use rsip::message::HeadersExt;
use rsip::{Method, Request, Response, SipMessage};
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(20);
/// How long a registration is asked for: longer than any demo.
const EXPIRES_SECONDS: u32 = 600;

/// What an agent's phone can tell.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How often it was asked to ring.
    pub rung: u64,
    /// How often it said busy.
    pub busy: u64,
    /// How often its ringing was cancelled.
    pub cancelled: u64,
    /// The talks that it heard a caller in.
    pub talks: Vec<Talk>,
}

/// One talk.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    /// The call, by the number that was shown.
    pub call: usize,
    /// This caller was heard all the time, and nobody else.
    pub clear: bool,
}

/// What the phone is doing.
enum State {
    Idle,
    Ringing {
        invite: Request,
        dialog: Dialog,
        /// Nobody comes when there is none.
        picked_up: Option<Instant>,
    },
    Talking {
        dialog: Dialog,
        call: usize,
        ear: Ear,
        /// Known once our 200 was acknowledged.
        ends: Option<Instant>,
    },
}

struct Phone<'a> {
    agent: &'a Agent,
    stage: &'a Stage,
    line: Line,
    registration: Dialog,
    state: State,
    seen: Seen,
    /// The Call-ID of the last INVITE and what was last said to it: it is said again when the INVITE is.
    last: (String, String),
    /// Makes tags.
    serial: u32,
}

/// Registers, takes calls until the demo is over, and signs out.
pub fn work(agent: &Agent, stage: &Stage) -> Result<Seen> {
    let line = Line::open(stage.engine)?;
    let registrar = format!("sip:{}", stage.engine);
    let itself = format!("<sip:{}@{}>", agent.number, stage.engine.ip());
    let registration = Dialog::new(&agent.number, registrar, line.sip_address()?, itself);
    let last = (String::new(), String::new());
    let (state, seen) = (State::Idle, Seen::default());
    let mut phone = Phone { agent, stage, line, registration, state, seen, last, serial: 0 };
    phone.register(EXPIRES_SECONDS)?;
    while !(stage.is_over() && matches!(phone.state, State::Idle) && !phone.line.is_insisting()) {
        phone.turn()?;
    }
    phone.register(0)?;
    Ok(phone.seen)
}

impl Phone<'_> {
    /// REGISTER, and again with the password when it is asked for (RFC 3261 22.2).
    fn register(&mut self, expires: u32) -> Result<()> {
        let mut authorization: Option<String> = None;
        for _ in 0..3 {
            let (contact, expires) = (self.contact(), expires.to_string());
            let mut more = vec![("Contact", contact.as_str()), ("Expires", expires.as_str())];
            more.extend(authorization.as_deref().map(|value| ("Authorization", value)));
            let request = self.registration.request("REGISTER", &more, None);
            self.line.insist(request)?;
            let response = self.registered()?;
            match response.status_code.code() {
                200 => return Ok(()),
                401 => authorization = Some(self.prove(&response)?),
                refused => bail!("REGISTER was refused: {refused}"),
            }
        }
        bail!("the password of {} was not accepted", self.agent.number)
    }

    fn registered(&mut self) -> Result<Response> {
        loop {
            let Heard::Sip(message) = self.line.wait(Instant::now() + LOOK)? else { continue };
            match *message {
                SipMessage::Response(response) if sip::answers(&response)? == Method::Register => {
                    self.line.settle();
                    return Ok(response);
                }
                SipMessage::Response(_) => {}
                SipMessage::Request(request) if request.method == Method::Ack => {}
                SipMessage::Request(request) => self.line.say(&sip::answer(&request, "480 Away", None, &[], None)?)?,
            }
        }
    }

    fn prove(&self, response: &Response) -> Result<String> {
        let challenge = Challenge::first(sip::challenges(response)).context("no challenge that we know")?;
        let secret = Secret(format!("demo-{}", self.agent.number));
        let client = Client { user: &self.agent.number, secret: &secret };
        let cnonce = format!("{:08x}", self.registration.local.port());
        Ok(client.answer(&challenge, message::Method::Register, &self.registration.target, 1, &cnonce))
    }

    fn turn(&mut self) -> Result<()> {
        match self.line.wait(Instant::now() + LOOK)? {
            Heard::Sound(sound) => {
                if let State::Talking { ear, .. } = &mut self.state {
                    ear.hear(&sound);
                }
            }
            Heard::Sip(message) => match *message {
                SipMessage::Request(request) => self.asked(request)?,
                SipMessage::Response(response) if response.status_code.code() >= 200 => self.line.settle(),
                SipMessage::Response(_) => {}
            },
            Heard::Silence => {}
        }
        self.act(Instant::now())
    }

    fn asked(&mut self, request: Request) -> Result<()> {
        match request.method {
            Method::Invite => self.invited(request),
            Method::Ack => {
                self.line.settle();
                if let State::Talking { call, ends, .. } = &mut self.state {
                    let call = self.stage.script.calls.get(*call).filter(|call| call.ends == Side::Agent);
                    *ends = ends.or(call.map(|call| Instant::now() + call.talk));
                }
                Ok(())
            }
            Method::Cancel => self.cancelled(&request),
            Method::Bye => {
                self.line.say(&sip::answer(&request, "200 OK", None, &[], None)?)?;
                // Our own BYE, or our 200, has its answer in this.
                self.line.settle();
                self.end_talk();
                Ok(())
            }
            _ => Ok(self.line.say(&sip::answer(&request, "501 Not Implemented", None, &[], None)?)?),
        }
    }

    fn invited(&mut self, invite: Request) -> Result<()> {
        let call_id = invite.call_id_header()?.to_string();
        if call_id == self.last.0 {
            // Our answer was lost.
            return Ok(self.line.say(&self.last.1)?);
        }
        self.seen.rung += 1;
        self.serial += 1;
        let tag = self.tag();
        let first_ring = self.seen.rung == 1;
        if first_ring && self.agent.habit == Habit::Busy {
            self.seen.busy += 1;
            let busy = sip::answer(&invite, "486 Busy Here", Some(&tag), &[], None)?;
            self.last = (call_id, busy.clone());
            return Ok(self.line.insist(busy)?);
        }
        let ringing = sip::answer(&invite, "180 Ringing", Some(&tag), &[("Contact", &self.contact())], None)?;
        self.line.say(&ringing)?;
        self.last = (call_id, ringing);
        let asleep = first_ring && self.agent.habit == Habit::Sleeps;
        let picked_up = (!asleep).then(|| Instant::now() + self.agent.picks_up);
        let dialog = Dialog::called(&invite, self.registration.local, &tag)?;
        self.state = State::Ringing { invite, dialog, picked_up };
        Ok(())
    }

    fn cancelled(&mut self, cancel: &Request) -> Result<()> {
        self.line.say(&sip::answer(cancel, "200 OK", None, &[], None)?)?;
        // After our 200 it comes too late and changes nothing (RFC 3261 9.2).
        if matches!(self.state, State::Ringing { .. }) {
            self.seen.cancelled += 1;
            self.refuse("487 Request Terminated")?;
        }
        Ok(())
    }

    /// The last word about a ringing call.
    fn refuse(&mut self, status: &str) -> Result<()> {
        let State::Ringing { invite, .. } = &self.state else { return Ok(()) };
        let refusal = sip::answer(invite, status, Some(&self.tag()), &[], None)?;
        self.state = State::Idle;
        self.last.1.clone_from(&refusal);
        Ok(self.line.insist(refusal)?)
    }

    /// What the human does: picks up, hangs up.
    fn act(&mut self, now: Instant) -> Result<()> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match &mut self.state {
            State::Ringing { .. } if self.stage.is_over() => self.refuse("480 Gone Home"),
            State::Ringing { picked_up, .. } if is_due(*picked_up) => self.pick_up(),
            State::Talking { dialog, ends, .. } if is_due(*ends) || self.stage.is_over() => {
                let bye = dialog.request("BYE", &[], None);
                self.end_talk();
                Ok(self.line.insist(bye)?)
            }
            State::Idle | State::Ringing { .. } | State::Talking { .. } => Ok(()),
        }
    }

    fn pick_up(&mut self) -> Result<()> {
        let (tag, contact) = (self.tag(), self.contact());
        let State::Ringing { invite, dialog, picked_up } = &mut self.state else { return Ok(()) };
        let from = invite.from_header()?.uri()?;
        let number = from.user().unwrap_or_default();
        let call = self.stage.script.call_from(number).context("a call from nobody")?;
        if !self.stage.picks.pick_up(call) {
            // The caller has just hung up: a CANCEL is on its way.
            *picked_up = None;
            return Ok(());
        }
        let body = sip::describe(self.line.rtp_address()?, self.agent.codec);
        let ok = sip::answer(invite, "200 OK", Some(&tag), &[("Contact", &contact)], Some(&body))?;
        let to = sip::described(&invite.body)?;
        let caller = self.stage.script.calls.get(call).map_or(0, |call| call.hz);
        let dialog = dialog.clone();
        self.line.speak(Voice::new(self.agent.codec, self.agent.hz), to);
        self.last.1.clone_from(&ok);
        self.line.insist(ok)?;
        self.state = State::Talking { dialog, call, ear: Ear::new(vec![caller]), ends: None };
        Ok(())
    }

    fn end_talk(&mut self) {
        self.line.hush();
        if let State::Talking { call, ear, .. } = std::mem::replace(&mut self.state, State::Idle)
            && ear.heard().is_some()
        {
            self.seen.talks.push(Talk { call, clear: ear.heard_clearly() });
        }
    }

    /// Of the last INVITE's dialog.
    fn tag(&self) -> String {
        format!("{}x{}", self.agent.number, self.serial)
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.agent.number, self.registration.local)
    }
}
