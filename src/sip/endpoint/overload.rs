//! More work than we can do: what waited too long to be read says so, and sound that leaves too late. New calls are then
//! told to come back later, at the cost of reading a few lines; whoever is in a call, or in the middle of a transaction,
//! is served as ever.

use super::{Core, Endpoint, Turn};
use crate::sip::api::{Flow, Transmit, Turned};
use crate::sip::intake::{NewCall, Taken};
use crate::sip::transaction::RequestKey;
use crate::time::Duration;

/// Overload begins when messages wait this long, and ends when they wait a fifth of it.
#[derive(Debug)]
pub(super) struct Watermark {
    high: Duration,
    over: Overload,
}

/// Why new calls are turned away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overload {
    /// The last message waited too long.
    pub by_messages: bool,
    /// Callers hear gaps.
    pub by_sound: bool,
}

impl Watermark {
    pub(super) fn new(high: Duration) -> Watermark {
        Watermark { high, over: Overload::default() }
    }

    /// A message waited so long: whether there is too much to do.
    fn note(&mut self, waited: Duration) -> bool {
        let over = &mut self.over;
        over.by_messages = if over.by_messages { waited > self.high / 5 } else { waited >= self.high };
        over.by_messages || over.by_sound
    }
}

impl Endpoint {
    /// The media engine says so: new calls are turned away until it does not any more.
    pub fn sound_is_late(&mut self, is_late: bool) {
        self.core.watermark.over.by_sound = is_late;
    }

    /// Whether new calls are turned away, and why.
    pub fn overload(&self) -> Overload {
        self.core.watermark.over
    }
}

impl Core {
    /// Turns a new call away while there is too much to do; false for everything else.
    pub(super) fn shed(&mut self, flow: Flow, bytes: &[u8], turn: &mut Turn<'_>) -> bool {
        if !self.watermark.note(turn.now.since(turn.cause)) {
            return false;
        }
        let Some(call) = self.intake.new_call(bytes).filter(|call| call.via.magic().is_some()) else { return false };
        let NewCall { via, from_tag, call_id, cseq } = &call;
        let (transport, method) = (flow.transport, "INVITE");
        // A repeated INVITE is not a new call. With its magic cookie it is found without the Request-URI.
        let key = RequestKey { transport, method, via, uri: "", from_tag, call_id, cseq: *cseq };
        if self.transactions.find_server(&key).is_some() {
            return false;
        }
        let seconds = self.seconds_to_stay_away();
        let Taken::Answer { status, flow, bytes } = self.intake.turn_away(bytes, flow, seconds) else { return false };
        turn.out.transmits.push(Transmit { flow, bytes });
        turn.turned(Turned::Overloaded);
        turn.turned(Turned::Rejected(status));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_begins_high_and_ends_low() {
        let mut watermark = Watermark::new(Duration::from_millis(250));
        let waits = [0, 100, 249, 250, 249, 100, 51, 50, 51, 249, 300, 0];
        let over = waits.map(|millis| watermark.note(Duration::from_millis(millis)));
        assert_eq!(over, [false, false, false, true, true, true, true, false, false, false, true, false]);
    }
}
