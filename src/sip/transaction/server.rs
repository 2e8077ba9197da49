//! Non-INVITE server transaction (RFC 3261 17.2.2, RFC 4320).
//!
//! ```text
//!   trying ──100, late──► proceeding
//!      └───────2xx-6xx──────┴──────► completed ──J──► over
//! ```

use super::{Effect, LATE, PATIENCE, Timer, Told};
use bytes::Bytes;

/// The machine.
#[derive(Debug)]
pub(crate) struct Server {
    state: State,
    reliable: bool,
}

#[derive(Debug)]
enum State {
    Trying,
    Proceeding { trying: Bytes },
    Completed { response: Bytes },
    Over,
}

/// What can happen to it.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The request came again.
    Request,
    /// We say 100, after having been told `Late`.
    Trying(Bytes),
    /// We give a final answer.
    Final(u16, Bytes),
    /// A timer ran out.
    Timer(Timer),
    /// A send failed, or the connection is gone.
    TransportError,
}

impl Server {
    /// A request came that belongs to no transaction.
    pub(crate) fn start(reliable: bool, effects: &mut Vec<Effect>) -> Server {
        effects.push(Effect::Start(Timer::Late, LATE));
        Server { state: State::Trying, reliable }
    }

    /// One input.
    pub(crate) fn handle(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match (&mut self.state, input) {
            (State::Proceeding { trying }, Input::Request) => effects.push(Effect::Send(trying.clone())),
            (State::Completed { response }, Input::Request) => effects.push(Effect::Send(response.clone())),
            // RFC 4320 4.1: silent until then, and then never silent.
            (State::Trying, Input::Timer(Timer::Late)) => effects.push(Effect::Tell(Told::Late)),
            (State::Trying, Input::Trying(trying)) => {
                effects.push(Effect::Send(trying.clone()));
                self.state = State::Proceeding { trying };
            }
            // RFC 4320 4.2: a 408 would arrive after the client's own time-out and is never sent.
            (State::Trying | State::Proceeding { .. }, Input::Final(408, _)) => self.end(effects),
            (State::Trying | State::Proceeding { .. }, Input::Final(_, response)) => {
                effects.extend([Effect::Stop(Timer::Late), Effect::Send(response.clone())]);
                if self.reliable {
                    self.end(effects);
                } else {
                    effects.push(Effect::Start(Timer::J, PATIENCE));
                    self.state = State::Completed { response };
                }
            }
            (State::Completed { .. }, Input::Timer(Timer::J)) => self.end(effects),
            (State::Trying | State::Proceeding { .. } | State::Completed { .. }, Input::TransportError) => {
                effects.push(Effect::Tell(Told::TransportError));
                self.end(effects);
            }
            (State::Trying | State::Over, Input::Request) | (State::Over, Input::TransportError) => {}
            (State::Proceeding { .. } | State::Completed { .. } | State::Over, Input::Trying(_))
            | (State::Completed { .. } | State::Over, Input::Final(..)) => debug_assert!(false, "answered twice"),
            (State::Trying | State::Proceeding { .. } | State::Completed { .. } | State::Over, Input::Timer(timer)) => {
                debug_assert!(false, "timer {timer:?} was not running")
            }
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
            ("4320 4.1",    "udp", "", "start Late 3500", "Trying"),
            ("3261 17.2.2", "udp", "update", "", "Trying"),
            ("4320 4.1",    "udp", "Late", "tell Late", "Trying"),
            ("4320 4.1",    "tcp", "Late 100", "send 100", "Proceeding"),
            ("3261 17.2.2", "udp", "Late 100 update", "send 100", "Proceeding"),
            ("3261 17.2.2", "udp", "Late 100 200", "stop Late, send 200, start J 32000", "Completed"),
            ("3261 17.2.2", "udp", "200", "stop Late, send 200, start J 32000", "Completed"),
            ("3261 17.2.2", "tcp", "200", "stop Late, send 200, end", "Over"),
            ("3261 17.2.2", "udp", "200 update", "send 200", "Completed"),
            ("3261 17.2.2", "udp", "200 J", "end", "Over"),
            ("4320 4.2",    "udp", "408", "end", "Over"),
            ("4320 4.2",    "udp", "Late 100 408", "end", "Over"),
            ("3261 17.2.4", "udp", "error", "tell TransportError, end", "Over"),
            ("3261 17.2.4", "udp", "200 error", "tell TransportError, end", "Over"),
        ];
        let harness = Harness {
            start: &Server::start,
            inputs: &[
                ("update", Input::Request),
                ("100", Input::Trying(Bytes::from_static(b"100"))),
                ("200", Input::Final(200, Bytes::from_static(b"200"))),
                ("408", Input::Final(408, Bytes::from_static(b"408"))),
                ("error", Input::TransportError),
            ],
            timer: Input::Timer,
            handle: Server::handle,
            state: |machine: &Server| &machine.state,
        };
        harness.check(rows);
    }
}
