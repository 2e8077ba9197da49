//! A caller's phone: dials, listens to the welcome and the music, talks, and hangs up when the script says so.

use super::Stage;
use super::audio::{Ear, Voice, WelcomeEar};
use super::line::{Heard, Line};
use super::script::{Call, Patience, Side};
use super::sip::{self, Dialog};
use anyhow::{Result, bail};
use rsip::{Method, Request, Response, SipMessage};
use std::time::{Duration, Instant};

/// How often a phone without news looks at what its human wants.
const LOOK: Duration = Duration::from_millis(20);
/// How long the engine may take to say anything final to an INVITE.
const SETUP: Duration = Duration::from_secs(8);

/// What became of a call, as the caller saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The engine refused it.
    Refused(u16),
    /// The caller hung up during the welcome.
    LeftInWelcome,
    /// The caller hung up while waiting.
    Abandoned,
    /// The engine hung up while the caller was waiting.
    SentAway,
    /// There was an agent.
    Answered,
    /// The demo was ended before the call was.
    Interrupted,
}

/// What a caller can tell.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// How it ended.
    pub end: End,
    /// Every sample of the welcome came, as it is stored; meaningless if the caller left before its end.
    pub welcome: bool,
    /// From the end of the welcome to the agent's voice, or to giving up.
    pub waited: Duration,
    /// The agent, known by voice.
    pub agent: Option<usize>,
    /// The agent was heard all the time, and nobody else.
    pub clear: bool,
}

struct Caller<'a> {
    place: usize,
    call: &'a Call,
    stage: &'a Stage,
    line: Line,
    dialog: Dialog,
    welcome: WelcomeEar<'a>,
    ear: Ear,
}

/// Makes a call, from dialling to the last answer.
pub fn call(place: usize, call: &Call, stage: &Stage) -> Result<Seen> {
    let line = Line::open(stage.engine)?;
    let dialled = format!("sip:{}@{}", stage.number(call.service), stage.engine);
    let dialog = Dialog::new(&call.number, dialled.clone(), line.sip_address()?, format!("<{dialled}>"));
    let voices = stage.script.agents.iter().map(|agent| agent.hz).collect();
    let welcome = WelcomeEar::new(stage.welcome(call.codec));
    let mut caller = Caller { place, call, stage, line, dialog, welcome, ear: Ear::new(voices) };
    let end = match caller.dial()? {
        Some(refused) => End::Refused(refused),
        None => caller.listen()?,
    };
    Ok(caller.seen(end))
}

impl Caller<'_> {
    /// The status of a refusal, if it is one.
    fn dial(&mut self) -> Result<Option<u16>> {
        let body = sip::describe(self.line.rtp_address()?, self.call.codec);
        let contact = self.contact();
        let invite = self.dialog.request("INVITE", &[("Contact", &contact)], Some(&body));
        self.line.insist(invite)?;
        let until = Instant::now() + SETUP;
        while Instant::now() < until {
            let Heard::Sip(message) = self.line.wait(Instant::now() + LOOK)? else { continue };
            let SipMessage::Response(response) = *message else { continue };
            // RFC 3261 17.1.1.2: any response ends the repeating.
            self.line.settle();
            match response.status_code.code() {
                ..200 => {}
                200..300 => return self.answered(&response).map(|()| None),
                refused => {
                    self.line.say(&self.dialog.ack_of_refusal(&response)?)?;
                    return Ok(Some(refused));
                }
            }
        }
        bail!("nobody answered the INVITE")
    }

    fn answered(&mut self, answer: &Response) -> Result<()> {
        self.dialog.answered(answer)?;
        self.acknowledge()?;
        self.line.speak(Voice::new(self.call.codec, self.call.hz), sip::described(&answer.body)?);
        Ok(())
    }

    fn acknowledge(&mut self) -> Result<()> {
        let ack = self.dialog.request("ACK", &[], None);
        Ok(self.line.say(&ack)?)
    }

    fn listen(&mut self) -> Result<End> {
        loop {
            match self.line.wait(Instant::now() + LOOK)? {
                Heard::Sound(sound) => {
                    if !self.welcome.hear(&sound) {
                        self.ear.hear(&sound);
                    }
                }
                Heard::Sip(message) => match *message {
                    SipMessage::Request(request) if request.method == Method::Bye => return self.was_hung_up(&request),
                    SipMessage::Request(_) => {}
                    // Our ACK was lost (RFC 3261 13.2.2.4).
                    SipMessage::Response(_) => self.acknowledge()?,
                },
                Heard::Silence => {}
            }
            if let Some(end) = self.wants_to_leave(Instant::now()) {
                self.hang_up()?;
                return Ok(end);
            }
        }
    }

    fn wants_to_leave(&self, now: Instant) -> Option<End> {
        if self.stage.is_over() {
            return Some(End::Interrupted);
        }
        if let Some((_, since)) = self.ear.heard() {
            let talked = now.saturating_duration_since(since);
            return (self.call.ends == Side::Caller && talked >= self.call.talk).then_some(End::Answered);
        }
        match self.call.patience {
            Patience::LeavesInWelcome(after) => {
                (now >= self.welcome.began()? + after && now < self.welcome.ends()?).then_some(End::LeftInWelcome)
            }
            Patience::Waits(after) => {
                (now >= self.welcome.ends()? + after && self.stage.picks.leave(self.place)).then_some(End::Abandoned)
            }
            Patience::Endless => None,
        }
    }

    fn was_hung_up(&mut self, bye: &Request) -> Result<End> {
        self.line.say(&sip::answer(bye, "200 OK", None, &[], None)?)?;
        Ok(if self.ear.heard().is_some() { End::Answered } else { End::SentAway })
    }

    fn hang_up(&mut self) -> Result<()> {
        self.line.hush();
        let bye = self.dialog.request("BYE", &[], None);
        self.line.insist(bye)?;
        while self.line.is_insisting() {
            let Heard::Sip(message) = self.line.wait(Instant::now() + LOOK)? else { continue };
            match *message {
                SipMessage::Response(response) if sip::answers(&response)? == Method::Bye => self.line.settle(),
                SipMessage::Response(_) => {}
                SipMessage::Request(request) if request.method == Method::Ack => {}
                // The other side had the same idea.
                SipMessage::Request(request) => self.line.say(&sip::answer(&request, "200 OK", None, &[], None)?)?,
            }
        }
        Ok(())
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.call.number, self.dialog.local)
    }

    fn seen(&self, end: End) -> Seen {
        let until = self.ear.heard().map_or_else(Instant::now, |(_, since)| since);
        Seen {
            end,
            welcome: self.welcome.is_whole(),
            waited: self.welcome.ends().map_or(Duration::ZERO, |from| until.saturating_duration_since(from)),
            agent: self.ear.heard().map(|(voice, _)| voice),
            clear: self.ear.heard_clearly(),
        }
    }
}
