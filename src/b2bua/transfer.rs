//! After the answer: an agent's call to a colleague, and callers who are passed on.

use super::engine::{Engine, Side, Turn};
use super::legs::{Leg, Purpose};
use super::settings::Phone;
use crate::acd::{self, TransferTo};
use crate::facts::TransferResult;
use crate::ids::{AgentId, CallId, OfferId};
use crate::media;
use crate::sip::{self, CallerIdentity, DialogId, Invitation, Referral};
use crate::time::Time;
use bytes::Bytes;
use std::net::SocketAddr;

/// An agent's own call, to a colleague.
#[derive(Debug)]
pub(super) struct ConsultLeg {
    pub dialog: DialogId,
    pub media: Leg,
    pub source: SocketAddr,
    /// What we say once the colleague answers; gone after that.
    answer: Option<(Bytes, media::Stream)>,
}

impl Engine {
    /// An INVITE from an agent's phone. False when it is a call like any other.
    pub(super) fn agent_invites(
        &mut self,
        agent: AgentId,
        dialog: DialogId,
        invitation: &Invitation,
        at: Time,
        turn: &mut Turn<'_>,
    ) -> bool {
        let asking = self.acd.caller_of(agent);
        let colleague = self.agent_of_number.get(&invitation.called).copied();
        let colleague = colleague.or_else(|| asking.and_then(|_| self.line_to(&invitation.called)));
        let status = match (asking, colleague) {
            // A call to a service, by somebody who happens to be an agent.
            (None, None) => return false,
            // Colleagues are asked about a caller; there is none.
            (None, Some(_)) => 403,
            (Some(_), None) => 404,
            (Some(asking), Some(_)) if self.consults.contains_key(&asking) => 486,
            (Some(asking), Some(colleague)) => match self.open_consult(asking, dialog, invitation, turn) {
                Ok(()) => {
                    self.tell(acd::Event::ConsultAsked { offer: asking, colleague, received_at: at }, turn);
                    return true;
                }
                Err(refusal) => {
                    self.sip.refuse(dialog, &refusal, turn.now, &mut self.heard);
                    return true;
                }
            },
        };
        self.sip.refuse(dialog, &refused_with(status), turn.now, &mut self.heard);
        true
    }

    fn open_consult(
        &mut self,
        asking: OfferId,
        dialog: DialogId,
        invitation: &Invitation,
        turn: &mut Turn<'_>,
    ) -> Result<(), sip::Refusal> {
        // The agent's own phone dials: it always says what it can.
        let offer = invitation.body.as_ref().ok_or(refused_with(488))?;
        let sound = self.acd.agent_of(asking).map(|agent| self.sound_of_agent(agent)).unwrap_or_default();
        let beside = self.agents.get(&asking).map(|leg| leg.media.id);
        let purpose = Purpose { session_id: dialog.0, sound, beside };
        let mut media = self.legs.open(turn.sockets, purpose, turn.now).ok_or(refused_with(503))?;
        match self.legs.answer(&mut media, offer, invitation.source) {
            Ok(answer) => {
                self.dialogs.insert(dialog, Side::Consult(asking));
                self.media.insert(media.id, Side::Consult(asking));
                let leg = ConsultLeg { dialog, media, source: invitation.source, answer: Some(answer) };
                self.consults.insert(asking, leg);
                Ok(())
            }
            Err(unacceptable) => {
                self.legs.close(&media, turn.now, &mut turn.out.media);
                Err(unacceptable.into())
            }
        }
    }

    /// A line to a number outside that the configuration names, told what to dial. Only agents who have a caller get here.
    fn line_to(&mut self, number: &str) -> Option<AgentId> {
        let (country, number) = (&self.country_code, sip::e164(number, &self.country_code));
        let digits = number.strip_prefix('+').unwrap_or(&number);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let dials = |phone: &Phone| match phone {
            Phone::Line { dials, .. } => dials.iter().any(|numbers| numbers.contains(&number, country)),
            Phone::Account(_) | Phone::Contact(_) => false,
        };
        let lines = (0..).map(AgentId).zip(&self.phones).filter(|(_, phone)| dials(phone)).map(|(line, _)| line);
        let line = self.acd.choose_line(lines)?;
        self.dialled.insert(line, number);
        Some(line)
    }

    /// Rings a colleague: the agent is shown who asks, or who is passed on.
    pub(super) fn ring_colleague(
        &mut self,
        offer: OfferId,
        asking: Option<OfferId>,
        (call, agent): (CallId, AgentId),
        turn: &mut Turn<'_>,
    ) {
        let who = asking.and_then(|asking| self.acd.agent_of(asking));
        let identity = match who.and_then(|who| self.acd.plan().agents.get(who.index())) {
            Some(who) => CallerIdentity { user: who.number.clone(), ..CallerIdentity::default() },
            None => self.callers.get(&call).map(super::caller::CallerLeg::identity).unwrap_or_default(),
        };
        self.ring(offer, (call, agent), &identity, turn);
        if let Some(leg) = self.agents.get_mut(&offer) {
            leg.is_direct = true;
            leg.asking = asking;
        }
    }

    /// The colleague's phone rings: so the asking agent hears.
    pub(super) fn consult_rings(&mut self, asking: OfferId, turn: &mut Turn<'_>) {
        if let Some(consult) = self.consults.get(&asking).filter(|consult| consult.answer.is_some()) {
            self.sip.ring(consult.dialog, 180, None, turn.now, &mut self.heard);
        }
    }

    pub(super) fn join_colleague(&mut self, offer: OfferId, asking: OfferId, turn: &mut Turn<'_>) {
        let Some(consult) = self.consults.get_mut(&asking) else { return };
        let Some((answer, stream)) = consult.answer.take() else { return };
        let (dialog, ours) = (consult.dialog, consult.media.id);
        if !self.direct_agent(offer, turn) {
            return;
        }
        let Some(theirs) = self.agents.get(&offer).map(|leg| leg.media.id) else { return };
        self.sip.accept(dialog, answer, turn.now, &mut self.heard);
        turn.out.media.push(media::Command::Direct { leg: ours, stream });
        turn.out.media.push(media::Command::Join { a: theirs, b: ours });
    }

    /// The agent has two lines then, and is one party on both.
    pub(super) fn confer(&mut self, call: CallId, (asking, colleague): (OfferId, OfferId), turn: &mut Turn<'_>) {
        let leg = |offer| self.agents.get(offer).map(|leg| leg.media.id);
        let caller = self.callers.get(&call).map(|leg| leg.media.id);
        let second = self.consults.get(&asking).map(|leg| leg.media.id);
        let parties = [caller.into_iter().collect(), leg(&asking).into_iter().chain(second).collect()];
        let parties = parties.into_iter().chain([leg(&colleague).into_iter().collect()]).collect();
        turn.out.media.push(media::Command::Confer { parties });
    }

    /// Whoever was joined before is so again: the agent's second line with the colleague.
    pub(super) fn separate(&mut self, asking: OfferId, turn: &mut Turn<'_>) {
        let leg = self.consults.get(&asking).map(|leg| leg.media.id);
        turn.out.media.extend(leg.map(|leg| media::Command::Disperse { leg }));
    }

    pub(super) fn end_consult(&mut self, asking: OfferId, result: TransferResult, turn: &mut Turn<'_>) {
        let Some(leg) = self.forget_consult(asking, turn) else { return };
        match leg.answer {
            Some(_) => self.sip.refuse(leg.dialog, &refused_with(status_of(result)), turn.now, &mut self.heard),
            None => self.sip.hang_up(leg.dialog, turn.now, &mut self.heard),
        }
    }

    /// The agent's call to a colleague is over already.
    pub(super) fn on_consult_gone(&mut self, asking: OfferId, received_at: Time, turn: &mut Turn<'_>) {
        self.forget_consult(asking, turn);
        self.tell(acd::Event::ConsultDropped { offer: asking, received_at }, turn);
    }

    /// Its media is gone: we end it.
    pub(super) fn lose_consult(&mut self, asking: OfferId, at: Time, turn: &mut Turn<'_>) {
        if let Some(leg) = self.forget_consult(asking, turn) {
            self.sip.hang_up(leg.dialog, turn.now, &mut self.heard);
        }
        self.tell(acd::Event::ConsultDropped { offer: asking, received_at: at }, turn);
    }

    fn forget_consult(&mut self, asking: OfferId, turn: &mut Turn<'_>) -> Option<ConsultLeg> {
        let leg = self.consults.remove(&asking)?;
        self.dialogs.remove(&leg.dialog);
        self.media.remove(&leg.media.id);
        self.legs.close(&leg.media, turn.now, &mut turn.out.media);
        Some(leg)
    }

    /// REFER: on the leg with the caller, or on the call to the colleague with the former's in Replaces (both are seen).
    pub(super) fn on_referred(&mut self, dialog: DialogId, referral: &Referral, at: Time, turn: &mut Turn<'_>) {
        let offer = match self.dialogs.get(&dialog) {
            Some(&(Side::Agent(offer) | Side::Consult(offer))) => offer,
            Some(Side::Caller(_)) | None => {
                return self.sip.end_refer(dialog, 403, turn.now, &mut self.heard);
            }
        };
        let to = match referral {
            Referral::To(number) => {
                match (self.agent_of_number.get(number), self.service_of(number, &self.country_code)) {
                    (Some(&agent), _) => TransferTo::Agent(agent),
                    (None, Some(service)) => TransferTo::Service(service),
                    (None, None) => self.line_to(number).map_or(TransferTo::Unknown, TransferTo::Agent),
                }
            }
            Referral::Replacing(other) => match self.dialogs.get(other) {
                Some(&(Side::Consult(same) | Side::Agent(same))) if same == offer && *other != dialog => {
                    TransferTo::Colleague
                }
                _ => TransferTo::Unknown,
            },
            Referral::ReplacingNothing => TransferTo::Unknown,
        };
        self.refers.insert(offer, dialog);
        self.tell(acd::Event::TransferAsked { offer, to, received_at: at }, turn);
    }

    pub(super) fn accept_transfer(&mut self, offer: OfferId, turn: &mut Turn<'_>) {
        if let Some(dialog) = self.refers.get(&offer).copied() {
            self.sip.accept_refer(dialog, turn.now, &mut self.heard);
        }
    }

    pub(super) fn end_transfer(&mut self, offer: OfferId, result: TransferResult, turn: &mut Turn<'_>) {
        if let Some(dialog) = self.refers.remove(&offer) {
            self.sip.end_refer(dialog, status_of(result), turn.now, &mut self.heard);
        }
    }
}

fn refused_with(status: u16) -> sip::Refusal {
    sip::Refusal { status, retry_after: None, warning: None }
}

/// What an agent's phone is told.
const fn status_of(result: TransferResult) -> u16 {
    match result {
        TransferResult::Completed => 200,
        TransferResult::NoAnswer | TransferResult::Unreachable => 480,
        TransferResult::Busy => 486,
        TransferResult::Rejected => 603,
        TransferResult::CallerGone | TransferResult::Withdrawn => 487,
        TransferResult::Refused => 403,
        TransferResult::Failed => 500,
    }
}
