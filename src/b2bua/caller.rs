//! The caller's leg: from the INVITE to the BYE.

use super::engine::{Engine, Side, Turn};
use super::legs::{Leg, Purpose};
use super::settings::Answer;
use crate::acd;
use crate::facts::{Fact, Party, Record, Refusal, Turned};
use crate::ids::{CallId, CallerTag, ClipId, LegId, OfferId, VoiceId};
use crate::media;
use crate::sip::{self, DialogId, Invitation, TrunkId};
use crate::time::{Duration, Time};
use bytes::Bytes;
use std::net::SocketAddr;

/// A caller's leg.
#[derive(Debug)]
pub(super) struct CallerLeg {
    pub dialog: DialogId,
    pub media: Leg,
    pub source: SocketAddr,
    /// Who calls, presented to the agent. Personal data.
    pub caller: sip::Caller,
    /// What was dialled.
    called: String,
    /// How many more servers the call may pass.
    pub max_forwards: u8,
    trunk: Option<TrunkId>,
    is_reliable: bool,
    /// The offer whose phone said 200.
    pub answered_by: Option<OfferId>,
    answer: Answer,
    state: CallerState,
}

#[derive(Debug)]
enum CallerState {
    /// The routing engine has not said yet whether we take the call.
    Arrived { answer: Bytes, agreed: Agreed },
    /// Our 200 carried an offer of ours; its answer comes in the ACK (RFC 3261 13.2.1).
    AwaitingAnswer,
    /// A reliable 183 carried an offer of ours, whose answer comes in the PRACK (RFC 3262 5).
    EarlyAwaitingAnswer { offer: Bytes },
    /// The caller hears us by early media; this SDP is also the 200's.
    Early { answer: Bytes },
    /// Caller and media are connected.
    Established,
    /// As `Established`, with an offer of ours out in the 200 to an empty re-INVITE.
    ChangeAwaitingAnswer,
}

#[derive(Debug)]
enum Agreed {
    /// The INVITE carried the offer: this is what our answer agrees to.
    Already(media::Stream),
    /// The INVITE was empty: our 200 carries the offer.
    InAck,
}

/// Seconds after which a caller refused for want of room may try again.
const RETRY_AFTER_SECONDS: u32 = 5;

impl CallerLeg {
    /// Who an agent's phone is shown.
    pub(super) fn identity(&self) -> sip::CallerIdentity {
        sip::CallerIdentity {
            user: self.caller.number.clone(),
            display: self.caller.display.clone(),
            called: Some(self.called.clone()),
            max_forwards: Some(self.max_forwards.saturating_sub(1)),
        }
    }

    /// Our offer goes out in the 200 to an empty re-INVITE.
    pub(super) fn expect_answer(&mut self) {
        if matches!(self.state, CallerState::Established) {
            self.state = CallerState::ChangeAwaitingAnswer;
        }
    }
}

impl Engine {
    pub(super) fn on_invited(&mut self, dialog: DialogId, invitation: Invitation, at: Time, turn: &mut Turn<'_>) {
        let agent = invitation.agent.and_then(|account| self.agent_of_account.get(&account)).copied();
        if agent.is_some_and(|agent| self.agent_invites(agent, dialog, &invitation, at, turn)) {
            return;
        }
        let trunk = invitation.trunk;
        let Some(service) = self.service_of(&invitation.called, &self.trunks.terms(trunk).country_code) else {
            let record = Record { at, fact: Fact::CallRefused { service: None, reason: Refusal::NoRoute } };
            turn.out.facts.push(record);
            return self.send_refusal(dialog, &plain(404), turn);
        };
        let refuse = |reason| Record { at, fact: Fact::CallRefused { service: Some(service), reason } };
        if !self.trunks.has_room(trunk) {
            turn.out.facts.push(refuse(Refusal::ChannelLimit));
            return self.send_refusal(dialog, &refusal_answer(Refusal::ChannelLimit), turn);
        }
        // What comes free is for the agents of those who wait already.
        let is_spare = self.port_wanted.is_none();
        let purpose = Purpose { session_id: dialog.0, sound: self.sound_of_callers(trunk), beside: None };
        let opened = is_spare.then(|| self.legs.open(turn.sockets, purpose, turn.now));
        let Some(mut leg) = opened.flatten() else {
            turn.out.facts.push(Record { at, fact: Fact::Turned(Turned::RtpPortExhausted) });
            turn.out.facts.push(refuse(Refusal::ChannelLimit));
            return self.send_refusal(dialog, &refusal_answer(Refusal::ChannelLimit), turn);
        };
        let agreed = match &invitation.body {
            Some(offer) => {
                self.legs.answer(&mut leg, offer, invitation.source).map(|(sdp, s)| (sdp, Agreed::Already(s)))
            }
            None => Ok((self.legs.offer(&mut leg), Agreed::InAck)),
        };
        match agreed {
            Ok((answer, agreed)) => {
                self.last_call += 1;
                let call = CallId(self.last_call);
                self.dialogs.insert(dialog, Side::Caller(call));
                self.media.insert(leg.id, Side::Caller(call));
                let state = CallerState::Arrived { answer, agreed };
                let Invitation { called, caller, source, max_forwards, is_reliable, .. } = invitation;
                let terms = self.trunks.terms(trunk);
                turn.out.call_ids.extend(self.sip.call_id(dialog).map(|id| (call, id.to_owned())));
                let number = sip::e164(&caller.number, &terms.country_code);
                let tag = (!number.is_empty()).then(|| CallerTag(sip::caller_tag(&self.caller_secret, &number)));
                turn.out.callers.push((call, number));
                let when = terms.answer.or(self.answer.get(service.index()).copied()).unwrap_or_default();
                self.trunks.came(trunk);
                let leg = CallerLeg {
                    dialog,
                    media: leg,
                    source,
                    caller,
                    called,
                    max_forwards,
                    trunk,
                    is_reliable,
                    answered_by: None,
                    answer: when,
                    state,
                };
                self.callers.insert(call, leg);
                self.tell(acd::Event::CallArrived { call, service, received_at: at }, turn);
                if let Some(caller) = tag {
                    self.tell(acd::Event::CallerKnown { call, caller, received_at: at }, turn);
                }
            }
            Err(unacceptable) => {
                self.legs.discard(&leg, turn.now, &mut turn.out.media);
                turn.out.facts.push(refuse(Refusal::Malformed));
                self.send_refusal(dialog, &unacceptable.into(), turn);
            }
        }
    }

    pub(super) fn refuse_call(&mut self, call: CallId, reason: Refusal, turn: &mut Turn<'_>) {
        let Some(leg) = self.forget_caller(call, turn) else { return };
        match leg.state {
            CallerState::Arrived { .. } | CallerState::EarlyAwaitingAnswer { .. } | CallerState::Early { .. } => {
                self.send_refusal(leg.dialog, &refusal_answer(reason), turn);
            }
            // Answered, so that the caller heard why: what is left is to hang up.
            CallerState::AwaitingAnswer | CallerState::Established | CallerState::ChangeAwaitingAnswer => {
                self.sip.hang_up(leg.dialog, turn.now, &mut self.heard);
            }
        }
    }

    /// 200 OK, or 183 when only an agent answers. The welcome may begin at once when the INVITE carried the offer, else
    /// with the ACK.
    pub(super) fn accept_call(&mut self, call: CallId, turn: &mut Turn<'_>) {
        let Some(leg) = self.callers.get_mut(&call) else { return };
        let CallerState::Arrived { answer, agreed } = std::mem::replace(&mut leg.state, CallerState::AwaitingAnswer)
        else {
            debug_assert!(false, "a call is accepted once");
            return;
        };
        match (&agreed, leg.answer) {
            (Agreed::Already(_), Answer::Early) => {
                self.sip.ring(leg.dialog, 183, Some(answer.clone()), turn.now, &mut self.heard);
                leg.state = CallerState::Early { answer };
            }
            (Agreed::Already(_), Answer::First) => {
                self.sip.accept(leg.dialog, answer, turn.now, &mut self.heard);
                leg.state = CallerState::Established;
            }
            (Agreed::InAck, Answer::Early) if leg.is_reliable => {
                self.sip.ring(leg.dialog, 183, Some(answer.clone()), turn.now, &mut self.heard);
                leg.state = CallerState::EarlyAwaitingAnswer { offer: answer };
            }
            (Agreed::InAck, _) => self.sip.accept(leg.dialog, answer, turn.now, &mut self.heard),
        }
        if let Agreed::Already(stream) = agreed {
            turn.out.media.push(media::Command::Direct { leg: leg.media.id, stream });
            self.tell(acd::Event::CallEstablished { call, received_at: turn.now }, turn);
        }
    }

    /// An agent has answered: so is the caller, if that is still to be done.
    pub(super) fn answer_early(&mut self, call: CallId, turn: &mut Turn<'_>) {
        let Some(leg) = self.callers.get_mut(&call) else { return };
        if let CallerState::Early { answer } = &mut leg.state {
            let answer = std::mem::take(answer);
            leg.state = CallerState::Established;
            self.sip.accept(leg.dialog, answer, turn.now, &mut self.heard);
        }
    }

    pub(super) fn on_caller_confirmed(&mut self, call: CallId, body: Option<Bytes>, at: Time, turn: &mut Turn<'_>) {
        let Some(leg) = self.callers.get_mut(&call) else { return };
        turn.out.media.push(media::Command::Reached { leg: leg.media.id });
        let (first, next) = match &mut leg.state {
            CallerState::AwaitingAnswer => (true, CallerState::Established),
            CallerState::EarlyAwaitingAnswer { offer } => (true, CallerState::Early { answer: std::mem::take(offer) }),
            CallerState::ChangeAwaitingAnswer => (false, CallerState::Established),
            CallerState::Arrived { .. } | CallerState::Early { .. } | CallerState::Established => return,
        };
        let agreed = body.as_ref().and_then(|answer| self.legs.accept(&mut leg.media, answer, leg.source).ok());
        leg.state = next;
        match agreed {
            Some(stream) => {
                turn.out.media.push(media::Command::Direct { leg: leg.media.id, stream });
                if first {
                    self.tell(acd::Event::CallEstablished { call, received_at: at }, turn);
                }
            }
            // RFC 3261 13.2.2.4 and RFC 6337 3: no usable answer in the ACK, or in the PRACK, ends the dialog.
            None if first => self.lose_caller(call, at, turn),
            None => {}
        }
    }

    pub(super) fn play(&mut self, call: CallId, command: impl FnOnce(LegId) -> media::Command, turn: &mut Turn<'_>) {
        if let Some(leg) = self.callers.get(&call) {
            turn.out.media.push(command(leg.media.id));
        }
    }

    /// Digits read back, then a prompt whose end is told.
    pub(super) fn spell(&mut self, call: CallId, voice: VoiceId, digits: &str, prompt: ClipId, turn: &mut Turn<'_>) {
        let voice = self.acd.plan().voices.get(voice.index());
        let mut clips = voice.map_or_else(Vec::new, |voice| voice.digits(digits));
        clips.push(prompt);
        self.play(call, |leg| media::Command::PlayAll { leg, clips }, turn);
    }

    /// Words for what the caller is told; what a language has no words for is left out.
    pub(super) fn announce(
        &mut self,
        call: CallId,
        position: Option<(VoiceId, u32)>,
        estimate: Option<(VoiceId, Duration)>,
        message: Option<ClipId>,
        turn: &mut Turn<'_>,
    ) {
        let voices = &self.acd.plan().voices;
        let position = position.and_then(|(voice, number)| voices.get(voice.index())?.position(number));
        let wait = estimate.and_then(|(voice, wait)| voices.get(voice.index())?.wait_minutes(minutes(wait)));
        let clips = position.into_iter().flatten().chain(wait.into_iter().flatten()).chain(message);
        let clips: Vec<ClipId> = clips.collect();
        if !clips.is_empty() {
            self.play(call, |leg| media::Command::Announce { leg, clips }, turn);
        }
    }

    pub(super) fn hang_up_call(&mut self, call: CallId, turn: &mut Turn<'_>) {
        if let Some(leg) = self.forget_caller(call, turn) {
            self.sip.hang_up(leg.dialog, turn.now, &mut self.heard);
        }
    }

    /// The caller's dialog is over already.
    pub(super) fn on_caller_gone(&mut self, call: CallId, lost: bool, received_at: Time, turn: &mut Turn<'_>) {
        self.forget_caller(call, turn);
        self.tell(acd::Event::CallerGone { call, lost, received_at }, turn);
    }

    /// The caller is gone without a word: we end the dialog.
    pub(super) fn lose_caller(&mut self, call: CallId, at: Time, turn: &mut Turn<'_>) {
        self.hang_up_call(call, turn);
        self.tell(acd::Event::CallerGone { call, lost: true, received_at: at }, turn);
    }

    fn forget_caller(&mut self, call: CallId, turn: &mut Turn<'_>) -> Option<CallerLeg> {
        let leg = self.callers.remove(&call)?;
        self.trunks.left(leg.trunk);
        self.dialogs.remove(&leg.dialog);
        self.media.remove(&leg.media.id);
        turn.out.media.push(media::Command::Measure { leg: leg.media.id, call, party: Party::Caller });
        match leg.state {
            CallerState::Arrived { .. } => self.legs.discard(&leg.media, turn.now, &mut turn.out.media),
            CallerState::AwaitingAnswer
            | CallerState::EarlyAwaitingAnswer { .. }
            | CallerState::Early { .. }
            | CallerState::Established
            | CallerState::ChangeAwaitingAnswer => self.legs.close(&leg.media, turn.now, &mut turn.out.media),
        }
        Some(leg)
    }

    fn send_refusal(&mut self, dialog: DialogId, refusal: &sip::Refusal, turn: &mut Turn<'_>) {
        self.sip.refuse(dialog, refusal, turn.now, &mut self.heard);
    }
}

/// Begun minutes: who was told one is not angry at half of it.
fn minutes(wait: Duration) -> u32 {
    u32::try_from(wait.as_secs().div_ceil(60).max(1)).unwrap_or(u32::MAX)
}

fn plain(status: u16) -> sip::Refusal {
    sip::Refusal { status, retry_after: None, warning: None }
}

/// What each reason is told to the caller as.
fn refusal_answer(reason: Refusal) -> sip::Refusal {
    match reason {
        Refusal::QueueFull => sip::Refusal { retry_after: Some(RETRY_AFTER_SECONDS), ..plain(486) },
        Refusal::ChannelLimit | Refusal::Draining | Refusal::Overload => {
            sip::Refusal { retry_after: Some(RETRY_AFTER_SECONDS), ..plain(503) }
        }
        // RFC 3261 21.4.18: nobody is there for the call.
        Refusal::Closed | Refusal::NobodySignedIn => plain(480),
        Refusal::NoRoute => plain(404),
        Refusal::Malformed => plain(488),
        Refusal::Forbidden => plain(403),
    }
}

impl From<media::sdp::Unacceptable> for sip::Refusal {
    fn from(why: media::sdp::Unacceptable) -> sip::Refusal {
        sip::Refusal { status: why.status, retry_after: None, warning: why.warning }
    }
}
