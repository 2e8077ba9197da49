//! The agent's leg: from the offer to the BYE.

use super::caller::CallerLeg;
use super::engine::{Engine, Side, Turn};
use super::legs::{Leg, Purpose};
use super::settings::{DIALLED, Phone};
use crate::acd;
use crate::facts::{Fact, Note, OfferOutcome, Party, Record, Turned};
use crate::ids::{AgentId, CallId, ClipId, OfferId};
use crate::media;
use crate::sip::{CallerIdentity, CancelCause, DialogId, NotInvited, RefusedBy, Target};
use crate::time::{Duration, Time};
use bytes::Bytes;
use std::net::SocketAddr;

/// An agent's leg: one offer, and the call that came of it.
#[derive(Debug)]
pub(super) struct AgentLeg {
    pub dialog: DialogId,
    pub media: Leg,
    pub source: SocketAddr,
    /// For whom it rings.
    call: CallId,
    /// SDP of the 200, or of a 183 before a 200 without (RFC 3261 13.2.1).
    answer: Option<Bytes>,
    answered_at: Time,
    /// The media engine knows where its media goes.
    is_directed: bool,
    /// Rung for one colleague alone, not for a call that waits.
    pub is_direct: bool,
    /// The agent who asks this one, by the offer of that one's caller.
    pub asking: Option<OfferId>,
    /// The agent has the other side on hold.
    pub is_held: bool,
}

impl AgentLeg {
    /// For whom it rings, or with whom it talks.
    pub(super) fn call(&self) -> CallId {
        self.call
    }
}

/// Why a phone is not rung.
enum NotRung {
    /// No RTP port of ours is left.
    NoPort,
    /// Something that is an outcome of the offer.
    For(OfferOutcome),
}

/// Ports that the system refuses are not asked for more often than this.
const PORT_RETRY: Duration = Duration::from_millis(250);

impl Engine {
    pub(super) fn ring_agent(&mut self, offer: OfferId, call: CallId, agent: AgentId, turn: &mut Turn<'_>) {
        let Some(identity) = self.callers.get(&call).map(CallerLeg::identity) else {
            let outcome = OfferOutcome::Failed;
            return self.tell(acd::Event::OfferFailed { offer, outcome, received_at: turn.now }, turn);
        };
        self.ring(offer, (call, agent), &identity, turn);
    }

    /// Rings an agent's phone and shows who calls.
    pub(super) fn ring(
        &mut self,
        offer: OfferId,
        (call, agent): (CallId, AgentId),
        identity: &CallerIdentity,
        turn: &mut Turn<'_>,
    ) {
        let received_at = turn.now;
        // While one waits for a port, none goes before it.
        let rung = match self.port_wanted {
            None => self.try_ring(offer, (call, agent), identity, turn),
            Some(_) => Err(NotRung::NoPort),
        };
        match rung {
            Ok(()) => {}
            Err(NotRung::NoPort) => {
                self.port_wanted.get_or_insert(turn.now + PORT_RETRY);
                self.tell(acd::Event::NoPort { offer, received_at }, turn);
            }
            Err(NotRung::For(outcome)) => {
                self.tell(acd::Event::OfferFailed { offer, outcome, received_at }, turn);
            }
        }
    }

    /// Tells when agents' legs can have a port again.
    pub(super) fn look_for_port(&mut self, turn: &mut Turn<'_>) {
        if self.port_due().is_some_and(|due| due <= turn.now) {
            self.port_wanted = None;
            self.tell(acd::Event::PortFree { received_at: turn.now }, turn);
        }
    }

    /// When there is a port for whoever waits for one; `None` when nobody does, or all are in use.
    pub(super) fn port_due(&self) -> Option<Time> {
        self.port_wanted.and_then(|wanted| Some(wanted.max(self.legs.next_port_at()?)))
    }

    fn try_ring(
        &mut self,
        offer: OfferId,
        (call, agent): (CallId, AgentId),
        identity: &CallerIdentity,
        turn: &mut Turn<'_>,
    ) -> Result<(), NotRung> {
        let target = match self.phones.get(agent.index()).ok_or(NotRung::For(OfferOutcome::Failed))? {
            Phone::Account(account) => Target::Account(*account),
            Phone::Contact(uri) => Target::Uri(uri.clone()),
            Phone::Line { contact, .. } => match self.dialled.remove(&agent) {
                Some(number) => Target::Uri(contact.replace(DIALLED, &number)),
                None => return Err(NotRung::For(OfferOutcome::Unreachable)),
            },
        };
        let caller = self.callers.get(&call).map(|caller| &caller.media);
        let (codec, beside) = (caller.and_then(Leg::codec), caller.map(|leg| leg.id));
        let purpose = Purpose { session_id: offer.0, sound: self.sound_of_agent(agent), beside };
        let Some(mut leg) = self.legs.open(turn.sockets, purpose, turn.now) else {
            let record = Record { at: turn.now, fact: Fact::Turned(Turned::RtpPortExhausted) };
            turn.out.facts.push(record);
            return Err(NotRung::NoPort);
        };
        if let Some(codec) = codec {
            leg.is_beside(codec);
        }
        let sdp = self.legs.offer(&mut leg);
        let invited = self.sip.invite(&target, identity, sdp, turn.now, &mut self.heard);
        match invited.and_then(|dialog| self.sip.remote(dialog).map(|at| (dialog, at)).ok_or(NotInvited::NoBinding)) {
            Ok((dialog, source)) => {
                turn.out.call_ids.extend(self.sip.call_id(dialog).map(|id| (call, id.to_owned())));
                self.dialogs.insert(dialog, Side::Agent(offer));
                self.media.insert(leg.id, Side::Agent(offer));
                let leg = AgentLeg {
                    dialog,
                    media: leg,
                    source,
                    call,
                    answer: None,
                    answered_at: turn.now,
                    is_directed: false,
                    is_direct: false,
                    asking: None,
                    is_held: false,
                };
                self.agents.insert(offer, leg);
                Ok(())
            }
            Err(why) => {
                self.legs.discard(&leg, turn.now, &mut turn.out.media);
                Err(NotRung::For(match why {
                    NotInvited::NoBinding | NotInvited::BadTarget | NotInvited::NoPlace => OfferOutcome::Unreachable,
                    NotInvited::Overflow => OfferOutcome::Failed,
                }))
            }
        }
    }

    pub(super) fn on_progressed(
        &mut self,
        dialog: DialogId,
        status: u16,
        body: Option<Bytes>,
        received_at: Time,
        turn: &mut Turn<'_>,
    ) {
        let Some(&Side::Agent(offer)) = self.dialogs.get(&dialog) else { return };
        if let Some(leg) = self.agents.get_mut(&offer)
            && body.is_some()
        {
            leg.answer = body;
        }
        let asking = self.agents.get(&offer).and_then(|leg| leg.asking);
        if let Some(asking) = asking.filter(|_| status > 100) {
            self.consult_rings(asking, turn);
        }
        if status > 100 {
            self.tell(acd::Event::OfferRinging { offer, received_at }, turn);
        }
    }

    /// Another phone rings for this one: where its media comes from is where the INVITE went.
    pub(super) fn on_redirected(&mut self, dialog: DialogId, turn: &mut Turn<'_>) {
        let Some(&Side::Agent(offer)) = self.dialogs.get(&dialog) else { return };
        let Some(leg) = self.agents.get_mut(&offer) else { return };
        leg.answer = None;
        leg.source = self.sip.remote(dialog).unwrap_or(leg.source);
        let fact = Fact::LegNoted { call: leg.call, party: Party::Agent, note: Note::Redirected };
        turn.out.facts.push(Record { at: turn.now, fact });
    }

    pub(super) fn on_accepted(&mut self, dialog: DialogId, body: Option<Bytes>, at: Time, turn: &mut Turn<'_>) {
        let Some(&Side::Agent(offer)) = self.dialogs.get(&dialog) else { return };
        let Some(leg) = self.agents.get_mut(&offer) else { return };
        leg.answered_at = at;
        leg.answer = body.or(leg.answer.take());
        if let Some(caller) = self.callers.get_mut(&leg.call).filter(|_| !leg.is_direct) {
            caller.answered_by.get_or_insert(offer);
        }
        self.tell(acd::Event::OfferAnswered { offer, received_at: at }, turn);
    }

    pub(super) fn join_media(&mut self, offer: OfferId, call: CallId, turn: &mut Turn<'_>) {
        let (Some(caller), Some(agent)) = (self.callers.get(&call), self.agents.get_mut(&offer)) else {
            debug_assert!(false, "only living legs are joined");
            return;
        };
        let (a, b) = (caller.media.id, agent.media.id);
        if agent.is_directed {
            // Something was said first: what is measured begins at its end.
            agent.answered_at = turn.now;
        } else if !self.direct_agent(offer, turn) {
            return;
        }
        turn.out.media.push(media::Command::Join { a, b });
        self.answer_early(call, turn);
    }

    /// Before caller and agent are joined: a clip for the agent, another for the caller.
    pub(super) fn say_first(
        &mut self,
        offer: OfferId,
        call: CallId,
        (whisper, announce, notice): (Option<ClipId>, Option<ClipId>, Option<ClipId>),
        turn: &mut Turn<'_>,
    ) {
        if !self.direct_agent(offer, turn) {
            return;
        }
        if let (Some(clip), Some(agent)) = (whisper, self.agents.get(&offer)) {
            turn.out.media.push(media::Command::PlayOnce { leg: agent.media.id, clip });
        }
        let clips: Vec<ClipId> = announce.into_iter().chain(notice).collect();
        if !clips.is_empty() {
            self.play(call, |leg| media::Command::PlayAll { leg, clips }, turn);
        }
    }

    pub(super) fn record(&mut self, offer: OfferId, call: CallId, turn: &mut Turn<'_>) {
        if let (Some(caller), Some(agent)) = (self.callers.get(&call), self.agents.get(&offer)) {
            let (caller, agent) = (caller.media.id, agent.media.id);
            turn.out.media.push(media::Command::Record { caller, agent, call });
        }
    }

    /// The SDP of the agent's answer says where the agent's media goes; a leg without a usable one is lost.
    pub(super) fn direct_agent(&mut self, offer: OfferId, turn: &mut Turn<'_>) -> bool {
        let Some(agent) = self.agents.get_mut(&offer) else { return false };
        let answer = agent.answer.take();
        let agreed = answer.and_then(|answer| self.legs.accept(&mut agent.media, &answer, agent.source).ok());
        let Some(stream) = agreed else {
            self.lose_agent(offer, turn.now, turn);
            return false;
        };
        agent.is_directed = true;
        turn.out.media.push(media::Command::Direct { leg: agent.media.id, stream });
        true
    }

    pub(super) fn on_joined(&mut self, offer: OfferId, at: Time, turn: &mut Turn<'_>) {
        let Some(leg) = self.agents.get(&offer) else { return };
        turn.out.answer_to_audio.push(at.since(leg.answered_at));
        self.tell(acd::Event::OfferJoined { offer, received_at: at }, turn);
    }

    pub(super) fn cancel_offer(&mut self, offer: OfferId, turn: &mut Turn<'_>) {
        let Some(leg) = self.agents.get(&offer) else { return };
        let (now, heard) = (turn.now, &mut self.heard);
        if leg.is_direct {
            return self.sip.cancel(leg.dialog, now, heard);
        }
        match self.callers.get(&leg.call).map(|caller| caller.answered_by) {
            None => self.sip.cancel_because(leg.dialog, CancelCause::CallerGone, now, heard),
            Some(Some(by)) if by != offer => {
                self.sip.cancel_because(leg.dialog, CancelCause::AnsweredElsewhere, now, heard);
            }
            Some(_) => self.sip.cancel(leg.dialog, now, heard),
        }
    }

    /// The phone's final answer was not 200, or came after our CANCEL.
    pub(super) fn on_refused(&mut self, dialog: DialogId, cause: RefusedBy, at: Time, turn: &mut Turn<'_>) {
        let Some(&Side::Agent(offer)) = self.dialogs.get(&dialog) else { return };
        self.forget_agent(offer, turn);
        self.tell(acd::Event::OfferFailed { offer, outcome: outcome_of(cause), received_at: at }, turn);
    }

    pub(super) fn hang_up_agent(&mut self, offer: OfferId, turn: &mut Turn<'_>) {
        if let Some(leg) = self.forget_agent(offer, turn) {
            self.sip.hang_up(leg.dialog, turn.now, &mut self.heard);
        }
    }

    /// The agent's dialog is over already.
    pub(super) fn on_agent_gone(&mut self, offer: OfferId, received_at: Time, turn: &mut Turn<'_>) {
        self.forget_agent(offer, turn);
        self.tell(acd::Event::AgentGone { offer, received_at }, turn);
    }

    /// The agent's media is unusable or gone: we end the dialog.
    pub(super) fn lose_agent(&mut self, offer: OfferId, at: Time, turn: &mut Turn<'_>) {
        self.hang_up_agent(offer, turn);
        self.tell(acd::Event::AgentGone { offer, received_at: at }, turn);
    }

    fn forget_agent(&mut self, offer: OfferId, turn: &mut Turn<'_>) -> Option<AgentLeg> {
        let leg = self.agents.remove(&offer)?;
        if let Some(caller) = self.callers.get_mut(&leg.call).filter(|caller| caller.answered_by == Some(offer)) {
            caller.answered_by = None;
        }
        self.dialogs.remove(&leg.dialog);
        self.media.remove(&leg.media.id);
        turn.out.media.push(media::Command::Measure { leg: leg.media.id, call: leg.call, party: Party::Agent });
        self.legs.close(&leg.media, turn.now, &mut turn.out.media);
        Some(leg)
    }
}

/// semantics.md section 6: the outcome by the phone's answer.
fn outcome_of(cause: RefusedBy) -> OfferOutcome {
    match cause {
        RefusedBy::Timeout | RefusedBy::Transport => OfferOutcome::Unreachable,
        RefusedBy::Status(486 | 600) => OfferOutcome::Busy,
        RefusedBy::Status(404 | 408 | 410 | 503) => OfferOutcome::Unreachable,
        RefusedBy::Status(401 | 407 | 488 | 606) => OfferOutcome::Failed,
        RefusedBy::Status(500..=599) => OfferOutcome::Failed,
        RefusedBy::Status(_) => OfferOutcome::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// semantics.md section 6.
    #[test]
    fn outcome_by_the_phones_answer() {
        use OfferOutcome::{Busy, Failed, Rejected, Unreachable};
        let table = [
            (Busy, &[486, 600][..]),
            (Rejected, &[480, 603, 403, 400, 415, 302]),
            (Unreachable, &[404, 408, 410, 503]),
            (Failed, &[401, 407, 488, 606, 500, 501, 504]),
        ];
        for (outcome, statuses) in table {
            for &status in statuses {
                assert_eq!(outcome_of(RefusedBy::Status(status)), outcome, "{status}");
            }
        }
        assert_eq!(outcome_of(RefusedBy::Timeout), Unreachable);
        assert_eq!(outcome_of(RefusedBy::Transport), Unreachable);
    }
}
