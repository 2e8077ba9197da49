//! Changes of an established leg's media: hold and retrieval, another address, another codec; from both sides.

use super::engine::{Engine, Side, Turn};
use crate::acd;
use crate::ids::OfferId;
use crate::media::{self, Stream};
use crate::sip::DialogId;
use crate::time::Time;
use bytes::Bytes;

impl Engine {
    /// The other side offers other media, or asks for an offer of ours.
    pub(super) fn on_change_offered(&mut self, dialog: DialogId, body: Option<Bytes>, at: Time, turn: &mut Turn<'_>) {
        let Some(&side) = self.dialogs.get(&dialog) else { return };
        let (leg, source) = match side {
            Side::Caller(call) => match self.callers.get_mut(&call) {
                Some(caller) => {
                    if body.is_none() {
                        caller.expect_answer();
                    }
                    (&mut caller.media, caller.source)
                }
                None => return,
            },
            Side::Agent(offer) => match self.agents.get_mut(&offer) {
                Some(agent) => (&mut agent.media, agent.source),
                None => return,
            },
            Side::Consult(asking) => match self.consults.get_mut(&asking) {
                Some(consult) => (&mut consult.media, consult.source),
                None => return,
            },
        };
        let (sdp, stream) = match body {
            None => (self.legs.offer(leg), None),
            Some(offer) => match self.legs.answer(leg, &offer, source) {
                Ok((answer, stream)) => (answer, Some((leg.id, stream))),
                Err(unacceptable) => {
                    return self.sip.refuse_change(dialog, &unacceptable.into(), turn.now, &mut self.heard);
                }
            },
        };
        self.sip.accept_change(dialog, Some(sdp), turn.now, &mut self.heard);
        let Some((leg, stream)) = stream else { return };
        let is_held = is_hold(&stream);
        turn.out.media.push(media::Command::Direct { leg, stream });
        if let Side::Agent(offer) = side {
            self.agent_holds(offer, is_held, at, turn);
        }
    }

    /// The answer to an offer that we made in the 200 to an agent's empty re-INVITE.
    pub(super) fn on_agent_confirmed(&mut self, offer: OfferId, body: Option<Bytes>, at: Time, turn: &mut Turn<'_>) {
        let (Some(leg), Some(answer)) = (self.agents.get_mut(&offer), body) else { return };
        if let Ok(stream) = self.legs.accept(&mut leg.media, &answer, leg.source) {
            let is_held = is_hold(&stream);
            turn.out.media.push(media::Command::Direct { leg: leg.media.id, stream });
            self.agent_holds(offer, is_held, at, turn);
        }
    }

    /// As [`Engine::on_agent_confirmed`], on the agent's call to a colleague.
    pub(super) fn on_consult_confirmed(&mut self, asking: OfferId, body: Option<Bytes>, turn: &mut Turn<'_>) {
        let (Some(leg), Some(answer)) = (self.consults.get_mut(&asking), body) else { return };
        if let Ok(stream) = self.legs.accept(&mut leg.media, &answer, leg.source) {
            turn.out.media.push(media::Command::Direct { leg: leg.media.id, stream });
        }
    }

    /// Tells a change of an agent's hold.
    fn agent_holds(&mut self, offer: OfferId, is_held: bool, received_at: Time, turn: &mut Turn<'_>) {
        let Some(leg) = self.agents.get_mut(&offer).filter(|leg| leg.is_held != is_held) else { return };
        leg.is_held = is_held;
        let event = match is_held {
            true => acd::Event::CallHeld { offer, received_at },
            false => acd::Event::CallRetrieved { offer, received_at },
        };
        self.tell(event, turn);
    }
}

/// Hold in all its spellings: sendonly and inactive (RFC 3264 8.4), `c=0.0.0.0` (RFC 2543) and port 0. The other side
/// does not want to hear us.
fn is_hold(stream: &Stream) -> bool {
    !stream.may_send
}
