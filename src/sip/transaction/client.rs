//! Non-INVITE client transaction (RFC 3261 17.1.2).
//!
//! ```text
//!   trying ──1xx──► proceeding
//!      └────2xx-6xx────┴──────► completed ──K──► over
//! ```

use super::{Effect, PATIENCE, T1, T2, T4, Timer, Told, doubled};
use crate::time::Duration;
use bytes::Bytes;

/// The machine.
#[derive(Debug)]
pub(crate) struct Client {
    state: State,
    reliable: bool,
}

#[derive(Debug)]
enum State {
    Trying { request: Bytes, interval: Duration },
    Proceeding { request: Bytes },
    Completed,
    Over,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// A 1xx came.
    Provisional,
    /// A 2xx-6xx came.
    Final,
    /// A timer ran out.
    Timer(Timer),
    /// A send failed, or the connection is gone.
    TransportError,
}

impl Client {
    /// Sends the request.
    pub(crate) fn start(request: Bytes, reliable: bool, effects: &mut Vec<Effect>) -> Client {
        effects.push(Effect::Send(request.clone()));
        effects.push(Effect::Start(Timer::F, PATIENCE));
        if !reliable {
            effects.push(Effect::Start(Timer::E, T1));
        }
        Client { state: State::Trying { request, interval: T1 }, reliable }
    }

    /// One input.
    pub(crate) fn handle(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match (&mut self.state, input) {
            (State::Trying { request, interval }, Input::Timer(Timer::E)) => {
                *interval = doubled(*interval);
                effects.extend([Effect::Send(request.clone()), Effect::Start(Timer::E, *interval)]);
            }
            // 17.1.2.2: once somebody has answered, every T2.
            (State::Proceeding { request }, Input::Timer(Timer::E)) => {
                effects.extend([Effect::Send(request.clone()), Effect::Start(Timer::E, T2)]);
            }
            (State::Trying { .. } | State::Proceeding { .. }, Input::Timer(Timer::F)) => {
                effects.push(Effect::Tell(Told::Timeout));
                self.end(effects);
            }
            (State::Trying { .. } | State::Proceeding { .. }, Input::TransportError) => {
                effects.push(Effect::Tell(Told::TransportError));
                self.end(effects);
            }
            (State::Trying { request, .. }, Input::Provisional) => {
                let request = std::mem::take(request);
                effects.push(Effect::Tell(Told::Response));
                self.state = State::Proceeding { request };
            }
            (State::Proceeding { .. }, Input::Provisional) => effects.push(Effect::Tell(Told::Response)),
            (State::Trying { .. } | State::Proceeding { .. }, Input::Final) => {
                effects.extend([Effect::Stop(Timer::E), Effect::Stop(Timer::F), Effect::Tell(Told::Response)]);
                if self.reliable {
                    self.end(effects);
                } else {
                    effects.push(Effect::Start(Timer::K, T4));
                    self.state = State::Completed;
                }
            }
            (State::Completed, Input::Timer(Timer::K)) => self.end(effects),
            // Repeated or reordered on the way; an error after the answer changes nothing.
            (State::Completed | State::Over, Input::Provisional | Input::Final | Input::TransportError) => {}
            (State::Trying { .. } | State::Proceeding { .. } | State::Completed | State::Over, Input::Timer(timer)) => {
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
            ("3261 17.1.2.2", "udp", "", "send BYE, start F 32000, start E 500", "Trying"),
            ("3261 17.1.2.2", "tcp", "", "send BYE, start F 32000", "Trying"),
            ("3261 17.1.2.2", "udp", "E", "send BYE, start E 1000", "Trying"),
            ("3261 17.1.2.2", "udp", "E E E", "send BYE, start E 4000", "Trying"),
            ("3261 17.1.2.2", "udp", "E E E E", "send BYE, start E 4000", "Trying"),
            ("3261 17.1.2.2", "udp", "E F", "tell Timeout, end", "Over"),
            ("3261 17.1.2.2", "udp", "1xx", "tell Response", "Proceeding"),
            ("3261 17.1.2.2", "udp", "1xx E", "send BYE, start E 4000", "Proceeding"),
            ("3261 17.1.2.2", "udp", "1xx F", "tell Timeout, end", "Over"),
            ("3261 17.1.2.2", "udp", "1xx 1xx", "tell Response", "Proceeding"),
            ("3261 17.1.2.2", "udp", "final", "stop E, stop F, tell Response, start K 5000", "Completed"),
            ("3261 17.1.2.2", "tcp", "final", "stop E, stop F, tell Response, end", "Over"),
            ("3261 17.1.2.2", "udp", "1xx final", "stop E, stop F, tell Response, start K 5000", "Completed"),
            ("3261 17.1.2.2", "udp", "final final", "", "Completed"),
            ("3261 17.1.2.2", "udp", "final 1xx", "", "Completed"),
            ("3261 17.1.2.2", "udp", "final K", "end", "Over"),
            ("3261 17.1.4",   "udp", "error", "tell TransportError, end", "Over"),
            ("3261 17.1.4",   "udp", "1xx error", "tell TransportError, end", "Over"),
            ("3261 17.1.4",   "udp", "final error", "", "Completed"),
        ];
        let harness = Harness {
            start: &|is_reliable, effects| Client::start(Bytes::from_static(b"BYE"), is_reliable, effects),
            inputs: &[("1xx", Input::Provisional), ("final", Input::Final), ("error", Input::TransportError)],
            timer: Input::Timer,
            handle: Client::handle,
            state: |machine: &Client| &machine.state,
        };
        harness.check(rows);
    }
}
