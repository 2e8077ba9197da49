//! INVITE server transaction (RFC 3261 17.2.1, RFC 6026 7.1).
//!
//! ```text
//!   proceeding ──2xx──────► accepted ──L──► over
//!        └───────3xx-6xx──► completed ──ACK──► confirmed ──I──► over
//! ```
//! The retransmission of a 2xx is the dialog's work (RFC 3261 13.3.1.4); it passes through here.

use super::{Effect, PATIENCE, T1, T4, Timer, Told, doubled};
use crate::time::Duration;
use bytes::Bytes;

/// The machine.
#[derive(Debug)]
pub(crate) struct InviteServer {
    state: State,
    reliable: bool,
}

#[derive(Debug)]
enum State {
    Proceeding { last: Option<Bytes> },
    Completed { response: Bytes, interval: Duration },
    Confirmed,
    Accepted,
    Over,
}

/// What can happen to it.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The INVITE came again.
    Request,
    /// An ACK came.
    Ack,
    /// We say 1xx.
    Provisional(Bytes),
    /// We say 2xx, or repeat it.
    Success(Bytes),
    /// We say 3xx-6xx.
    Failure(Bytes),
    /// A timer ran out.
    Timer(Timer),
    /// A send failed, or the connection is gone.
    TransportError,
}

impl InviteServer {
    /// An INVITE came that belongs to no transaction.
    pub(crate) fn start(reliable: bool) -> InviteServer {
        InviteServer { state: State::Proceeding { last: None }, reliable }
    }

    /// Whether no final answer was given yet.
    pub(crate) fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// One input.
    pub(crate) fn handle(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match (&mut self.state, input) {
            (State::Proceeding { last }, Input::Request) => effects.extend(last.clone().map(Effect::Send)),
            (State::Proceeding { last }, Input::Provisional(response)) => {
                effects.push(Effect::Send(response.clone()));
                *last = Some(response);
            }
            (State::Proceeding { .. }, Input::Success(response)) => {
                effects.extend([Effect::Send(response), Effect::Start(Timer::L, PATIENCE)]);
                self.state = State::Accepted;
            }
            (State::Proceeding { .. }, Input::Failure(response)) => {
                effects.extend([Effect::Send(response.clone()), Effect::Start(Timer::H, PATIENCE)]);
                if !self.reliable {
                    effects.push(Effect::Start(Timer::G, T1));
                }
                self.state = State::Completed { response, interval: T1 };
            }
            (State::Completed { response, .. }, Input::Request) => effects.push(Effect::Send(response.clone())),
            (State::Completed { response, interval }, Input::Timer(Timer::G)) => {
                *interval = doubled(*interval);
                effects.extend([Effect::Send(response.clone()), Effect::Start(Timer::G, *interval)]);
            }
            (State::Completed { .. }, Input::Ack) if self.reliable => self.end(effects),
            (State::Completed { .. }, Input::Ack) => {
                effects.extend([Effect::Stop(Timer::G), Effect::Stop(Timer::H), Effect::Start(Timer::I, T4)]);
                self.state = State::Confirmed;
            }
            (State::Completed { .. }, Input::Timer(Timer::H)) => {
                effects.push(Effect::Tell(Told::Timeout));
                self.end(effects);
            }
            (State::Confirmed, Input::Timer(Timer::I)) | (State::Accepted, Input::Timer(Timer::L)) => self.end(effects),
            (State::Accepted, Input::Success(response)) => effects.push(Effect::Send(response)),
            (State::Accepted, Input::Ack) => effects.push(Effect::Tell(Told::Ack)),
            // RFC 6026 7.1: an error is told; the transaction goes on, the other side may try again.
            (State::Proceeding { .. } | State::Completed { .. } | State::Accepted, Input::TransportError) => {
                effects.push(Effect::Tell(Told::TransportError));
            }
            // RFC 6026 7.1: absorbed; the 2xx is repeated by its own timer. An ACK before any answer means nothing.
            (State::Accepted | State::Confirmed | State::Over, Input::Request)
            | (State::Proceeding { .. } | State::Confirmed | State::Over, Input::Ack)
            | (State::Confirmed | State::Over, Input::TransportError) => {}
            (
                State::Completed { .. } | State::Confirmed | State::Accepted | State::Over,
                Input::Provisional(_) | Input::Success(_) | Input::Failure(_),
            ) => debug_assert!(false, "answered twice"),
            (
                State::Proceeding { .. } | State::Completed { .. } | State::Confirmed | State::Accepted | State::Over,
                Input::Timer(timer),
            ) => debug_assert!(false, "timer {timer:?} was not running"),
        }
    }

    fn end(&mut self, effects: &mut Vec<Effect>) {
        effects.push(Effect::End);
        self.state = State::Over;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::transaction::table_test::{Harness, Row};

    #[test]
    fn table() {
        #[rustfmt::skip]
        let rows: &[Row<'_>] = &[
            ("3261 17.2.1", "udp", "invite", "", "Proceeding"),
            ("3261 17.2.1", "udp", "180", "send 180", "Proceeding"),
            ("3261 17.2.1", "udp", "180 invite", "send 180", "Proceeding"),
            ("3261 17.2.1", "udp", "180 ack", "", "Proceeding"),
            ("3261 17.2.1", "udp", "486", "send 486, start H 32000, start G 500", "Completed"),
            ("3261 17.2.1", "tcp", "486", "send 486, start H 32000", "Completed"),
            ("3261 17.2.1", "udp", "180 486 invite", "send 486", "Completed"),
            ("3261 17.2.1", "udp", "486 G", "send 486, start G 1000", "Completed"),
            ("3261 17.2.1", "udp", "486 G G G", "send 486, start G 4000", "Completed"),
            ("3261 17.2.1", "udp", "486 G G G G", "send 486, start G 4000", "Completed"),
            ("3261 17.2.1", "udp", "486 H", "tell Timeout, end", "Over"),
            ("3261 17.2.1", "udp", "486 ack", "stop G, stop H, start I 5000", "Confirmed"),
            ("3261 17.2.1", "tcp", "486 ack", "end", "Over"),
            ("3261 17.2.1", "udp", "486 ack ack", "", "Confirmed"),
            ("3261 17.2.1", "udp", "486 ack invite", "", "Confirmed"),
            ("3261 17.2.1", "udp", "486 ack I", "end", "Over"),
            ("6026 7.1",    "udp", "200", "send 200, start L 32000", "Accepted"),
            ("6026 7.1",    "tcp", "180 200", "send 200, start L 32000", "Accepted"),
            ("6026 7.1",    "udp", "200 invite", "", "Accepted"),
            ("6026 7.1",    "udp", "200 200", "send 200", "Accepted"),
            ("6026 7.1",    "udp", "200 ack", "tell Ack", "Accepted"),
            ("6026 7.1",    "udp", "200 L", "end", "Over"),
            ("6026 7.1",    "udp", "180 error", "tell TransportError", "Proceeding"),
            ("6026 7.1",    "udp", "486 error", "tell TransportError", "Completed"),
            ("6026 7.1",    "udp", "200 error", "tell TransportError", "Accepted"),
            ("6026 7.1",    "udp", "486 ack error", "", "Confirmed"),
        ];
        let harness = Harness {
            start: &|is_reliable, _| InviteServer::start(is_reliable),
            inputs: &[
                ("invite", Input::Request),
                ("ack", Input::Ack),
                ("180", Input::Provisional(Bytes::from_static(b"180"))),
                ("200", Input::Success(Bytes::from_static(b"200"))),
                ("486", Input::Failure(Bytes::from_static(b"486"))),
                ("error", Input::TransportError),
            ],
            timer: Input::Timer,
            handle: InviteServer::handle,
            state: |machine: &InviteServer| &machine.state,
        };
        harness.check(rows);
    }
}
