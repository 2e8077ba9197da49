//! More work than we can do: decided when a message comes, by how long those that wait before it will take, and by sound
//! that leaves too late. What is least missed is then told to come back later, at the cost of reading a few lines; whoever
//! is in a call, or in the middle of a transaction, is served as ever.

use super::{Core, Endpoint, Turn};
use crate::sip::api::{Flow, Output, Transmit, Turned};
use crate::sip::intake::{Taken, head_of};
use crate::sip::transaction::RequestKey;
use crate::time::{Duration, Time};

/// So few messages are not too many, however long the last one took: the system may have had us wait.
const FEW: usize = 32;

/// Overload begins when what waits takes this long, and ends when it takes a fifth of it.
#[derive(Debug)]
pub(super) struct Watermark {
    high: Duration,
    /// Of messages of any kind.
    messages: Pace,
    /// Of new calls, with all that the others need meanwhile.
    calls: Pace,
    /// How long all that waits will take.
    ahead: Duration,
    over: Overload,
}

/// Why new calls are turned away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overload {
    /// What waits takes too long.
    pub by_messages: bool,
    /// Callers hear gaps.
    pub by_sound: bool,
}

/// What has come and is not received yet, or was received of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Messages of all kinds.
    pub messages: usize,
    /// Those of them that are [new calls](Arrival::Call).
    pub calls: usize,
}

/// What becomes of a message that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Nothing more: what is to be said about it has been said.
    TurnedAway,
    /// A new call, or the end of one that may still wait: it is received after those that came before it, and when
    /// nothing else waits. Whoever is in a call already is served first.
    Call,
    /// It is received in its turn.
    Other,
}

/// How long one takes, everything that is done meanwhile included: a mean that forgets.
#[derive(Debug, Default)]
struct Pace {
    took: Duration,
    /// In thousandths, so that little is not nothing.
    done: u32,
}

impl Pace {
    fn note(&mut self, done: usize, took: Duration) {
        self.took = self.took - self.took / 8 + took;
        self.done = self.done - self.done / 8 + thousandths(done);
    }

    fn of(&self, waiting: usize) -> Duration {
        // What was never done is done as fast as can be.
        self.took.checked_div(self.done).map_or(Duration::ZERO, |each| each.saturating_mul(thousandths(waiting)))
    }
}

fn thousandths(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(1_000)
}

/// What may be turned away, the least missed first, each with how many quarters of the watermark it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Whatever strangers want beside calls and registrations.
    Strangers = 1,
    /// Whether we are there.
    Options = 2,
    Call = 4,
    /// Of a phone where nobody is registered; those who are refresh undisturbed.
    Registration = 16,
}

impl Watermark {
    pub(super) fn new(high: Duration) -> Watermark {
        Watermark {
            high,
            messages: Pace::default(),
            calls: Pace::default(),
            ahead: Duration::ZERO,
            over: Overload::default(),
        }
    }

    fn note(&mut self, waiting: Load) {
        let ahead = self.messages.of(waiting.messages).max(self.calls.of(waiting.calls));
        self.ahead = if waiting.messages < FEW { Duration::ZERO } else { ahead };
        let over = &mut self.over.by_messages;
        *over = if *over { self.ahead > self.high / 5 } else { self.ahead >= self.high };
    }

    fn sheds(&self, kind: Kind) -> bool {
        match kind {
            Kind::Call => self.over != Overload::default(),
            other => self.ahead >= self.high / 4 * other as u32,
        }
    }
}

impl Endpoint {
    /// A message has come while others wait.
    pub fn arrives(&mut self, flow: Flow, bytes: &[u8], waiting: Load, now: Time, out: &mut Output) -> Arrival {
        let turn = &mut Turn { now, cause: now, deadlines: &mut self.deadlines, out };
        self.core.arrives(flow, bytes, waiting, turn)
    }

    /// So many messages were received, so many are left, and all that was done meanwhile took so long.
    pub fn worked(&mut self, received: Load, left: Load, took: Duration) {
        let watermark = &mut self.core.watermark;
        if received.messages > 0 {
            watermark.messages.note(received.messages, took);
        }
        if left.messages == 0 {
            // Whoever comes next does not wait for what others needed.
            watermark.calls = Pace::default();
        } else if received.calls + left.calls > 0 {
            watermark.calls.note(received.calls, took);
        }
    }

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
    fn arrives(&mut self, flow: Flow, bytes: &[u8], waiting: Load, turn: &mut Turn<'_>) -> Arrival {
        self.watermark.note(waiting);
        // The ACK of an answer of which nothing was kept: when many are refused, most messages are that.
        let is_turned_away =
            self.intake.acknowledges_nothing(bytes) || self.is_flood(flow, bytes, turn) || self.shed(flow, bytes, turn);
        if is_turned_away {
            Arrival::TurnedAway
        } else if bytes.starts_with(b"CANCEL ") || bytes.starts_with(b"INVITE ") && self.intake.may_be_a_call(bytes) {
            Arrival::Call
        } else {
            Arrival::Other
        }
    }

    /// Turns away what there is no time for; false for what is served.
    fn shed(&mut self, flow: Flow, bytes: &[u8], turn: &mut Turn<'_>) -> bool {
        let Some((kind, method)) = self.kind(flow, bytes).filter(|&(kind, _)| self.watermark.sheds(kind)) else {
            return false;
        };
        let head = head_of(bytes);
        let Some(new) = self.intake.new_request(bytes, &head).filter(|new| new.via.magic().is_some()) else {
            return false;
        };
        // A repeated request is not a new one. With its magic cookie it is found without the Request-URI.
        let (from_tag, call_id, cseq) = (new.from_tag(), new.call_id(), new.cseq);
        let key = RequestKey { transport: flow.transport, method, via: &new.via, uri: "", from_tag, call_id, cseq };
        if self.transactions.find_server(&key).is_some() {
            return false;
        }
        let seconds = self.seconds_to_stay_away();
        let Taken::Answer { status, flow: back, bytes: answer } = self.intake.turn_new_away(new, flow, seconds) else {
            return false;
        };
        self.answer_anybody(flow, bytes.len(), Transmit { flow: back, bytes: answer }, turn);
        if kind == Kind::Call {
            turn.turned(Turned::Overloaded);
        }
        turn.turned(Turned::Rejected(status));
        true
    }

    /// What it is, if it may ever be turned away, and its method; by its first word.
    fn kind<'a>(&self, flow: Flow, bytes: &'a [u8]) -> Option<(Kind, &'a str)> {
        let word = bytes.split(|&byte| byte == b' ').next()?;
        let method = std::str::from_utf8(word).ok()?;
        let source = flow.remote.ip().to_canonical();
        let kind = match method {
            "INVITE" => Kind::Call,
            "OPTIONS" if self.is_trusted(source) => Kind::Options,
            "REGISTER" if self.registrar.is_home(source) => return None,
            "REGISTER" => Kind::Registration,
            "ACK" | "BYE" | "CANCEL" | "PRACK" => return None,
            _ if method.starts_with("SIP/") || self.is_trusted(source) => return None,
            _ => Kind::Strangers,
        };
        Some((kind, method))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message takes 1 ms, and one of ten is a call.
    fn watermark() -> Watermark {
        let mut watermark = Watermark::new(Duration::from_millis(250));
        watermark.messages.note(100, Duration::from_millis(100));
        watermark.calls.note(10, Duration::from_millis(100));
        watermark
    }

    fn load(messages: usize) -> Load {
        Load { messages, calls: 0 }
    }

    #[test]
    fn overload_begins_high_and_ends_low() {
        let mut watermark = watermark();
        let over = [0, 100, 249, 250, 249, 100, 51, 50, 51, 249, 300, 0].map(|waiting| {
            watermark.note(load(waiting));
            watermark.over.by_messages
        });
        assert_eq!(over, [false, false, false, true, true, true, true, false, false, false, true, false]);
        let over = [24, 25, 6, 5].map(|calls| {
            watermark.note(Load { messages: 40, calls });
            watermark.over.by_messages
        });
        assert_eq!(over, [false, true, true, false], "what else they will need counts");
    }

    #[test]
    fn what_is_least_missed_goes_first() {
        let mut watermark = watermark();
        let mut shed = |waiting| {
            watermark.note(load(waiting));
            [Kind::Strangers, Kind::Options, Kind::Call, Kind::Registration].map(|kind| watermark.sheds(kind))
        };
        assert_eq!(shed(62), [false; 4]);
        assert_eq!(shed(63), [true, false, false, false]);
        assert_eq!(shed(125), [true, true, false, false]);
        assert_eq!(shed(250), [true, true, true, false]);
        assert_eq!(shed(1_000), [true; 4]);
    }

    #[test]
    fn the_pace_follows_the_work() {
        let mut pace = Pace::default();
        assert_eq!(pace.of(1_000), Duration::ZERO, "nothing is known yet");
        pace.note(10, Duration::from_millis(10));
        assert_eq!(pace.of(50), Duration::from_millis(50));
        (0..100).for_each(|_| pace.note(10, Duration::from_micros(500)));
        let each = pace.of(1);
        assert!((Duration::from_micros(49)..Duration::from_micros(51)).contains(&each), "{each:?}");
        pace.note(10, Duration::from_millis(50));
        assert!(pace.of(1) < Duration::from_millis(1), "one hiccup is not the pace");
    }
}
