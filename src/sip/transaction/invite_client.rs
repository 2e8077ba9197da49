//! INVITE client transaction (RFC 3261 17.1.1, RFC 6026 7.2).
//!
//! ```text
//!   calling ──1xx──► proceeding
//!      │ └────2xx────────┼─────────► accepted ──M──► over
//!      └──────3xx-6xx────┴─────────► completed ─D──► over
//! ```

use super::{Effect, PATIENCE, T1, Timer, Told};
use crate::time::Duration;
use bytes::Bytes;

/// How long repeated refusals are absorbed over UDP (17.1.1.2: at least 32 s).
const TIMER_D: Duration = Duration::from_secs(32);

/// The machine.
#[derive(Debug)]
pub(crate) struct InviteClient {
    state: State,
    reliable: bool,
}

#[derive(Debug)]
enum State {
    Calling { request: Bytes, interval: Duration },
    Proceeding,
    Completed { ack: Bytes },
    Accepted,
    Over,
}

/// What can happen to it.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A 1xx came.
    Provisional,
    /// A 2xx came.
    Success,
    /// A 3xx-6xx came; this is its ACK (17.1.1.3).
    Failure(Bytes),
    /// Our CANCEL went out.
    Cancelled,
    /// A timer ran out.
    Timer(Timer),
    /// A send failed, or the connection is gone.
    TransportError,
}

impl InviteClient {
    /// Sends the INVITE.
    pub(crate) fn start(request: Bytes, reliable: bool, effects: &mut Vec<Effect>) -> InviteClient {
        effects.push(Effect::Send(request.clone()));
        effects.push(Effect::Start(Timer::B, PATIENCE));
        if !reliable {
            effects.push(Effect::Start(Timer::A, T1));
        }
        InviteClient { state: State::Calling { request, interval: T1 }, reliable }
    }

    /// One input.
    pub(crate) fn handle(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match (&mut self.state, input) {
            // 17.1.1.2: Timer A doubles, without the cap of T2.
            (State::Calling { request, interval }, Input::Timer(Timer::A)) => {
                *interval *= 2;
                effects.extend([Effect::Send(request.clone()), Effect::Start(Timer::A, *interval)]);
            }
            // 9.1: a cancelled INVITE is not waited for for ever; the user sends CANCEL after a provisional only.
            (State::Calling { .. }, Input::Timer(Timer::B)) | (State::Proceeding, Input::Timer(Timer::Cancelled)) => {
                effects.push(Effect::Tell(Told::Timeout));
                self.end(effects);
            }
            (State::Calling { .. }, Input::Provisional) => {
                effects.extend([Effect::Stop(Timer::A), Effect::Stop(Timer::B), Effect::Tell(Told::Response)]);
                self.state = State::Proceeding;
            }
            (State::Proceeding, Input::Provisional) => effects.push(Effect::Tell(Told::Response)),
            (State::Proceeding, Input::Cancelled) => effects.push(Effect::Start(Timer::Cancelled, PATIENCE)),
            // RFC 6026 7.2: stays for Timer M, so that every 2xx of every fork is told.
            (State::Calling { .. } | State::Proceeding, Input::Success) => {
                self.stop_trying(effects);
                effects.extend([Effect::Start(Timer::M, PATIENCE), Effect::Tell(Told::Response)]);
                self.state = State::Accepted;
            }
            (State::Calling { .. } | State::Proceeding, Input::Failure(ack)) => {
                self.stop_trying(effects);
                effects.extend([Effect::Send(ack.clone()), Effect::Tell(Told::Response)]);
                if self.reliable {
                    self.end(effects);
                } else {
                    effects.push(Effect::Start(Timer::D, TIMER_D));
                    self.state = State::Completed { ack };
                }
            }
            (State::Completed { ack }, Input::Failure(_)) => effects.push(Effect::Send(ack.clone())),
            (State::Accepted, Input::Success) => effects.push(Effect::Tell(Told::Response)),
            (State::Completed { .. }, Input::Timer(Timer::D)) | (State::Accepted, Input::Timer(Timer::M)) => {
                self.end(effects);
            }
            (State::Calling { .. } | State::Proceeding, Input::TransportError) => {
                effects.push(Effect::Tell(Told::TransportError));
                self.end(effects);
            }
            // The call is refused already: a lost ACK costs the other side its Timer H, nothing else.
            (State::Completed { .. }, Input::TransportError) => self.end(effects),
            // Late, repeated or reordered on the way.
            (State::Completed { .. }, Input::Provisional | Input::Success | Input::Cancelled)
            | (State::Accepted, Input::Provisional | Input::Failure(_) | Input::Cancelled | Input::TransportError)
            | (State::Over, Input::Provisional | Input::Success | Input::Failure(_))
            | (State::Over, Input::Cancelled | Input::TransportError) => {}
            (State::Calling { .. }, Input::Cancelled) => debug_assert!(false, "CANCEL before a provisional"),
            (
                State::Calling { .. } | State::Proceeding | State::Completed { .. } | State::Accepted | State::Over,
                Input::Timer(timer),
            ) => debug_assert!(false, "timer {timer:?} was not running"),
        }
    }

    fn stop_trying(&self, effects: &mut Vec<Effect>) {
        if matches!(self.state, State::Calling { .. }) {
            effects.extend([Effect::Stop(Timer::A), Effect::Stop(Timer::B)]);
        } else {
            effects.push(Effect::Stop(Timer::Cancelled));
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
            ("3261 17.1.1.2", "udp", "", "send INVITE, start B 32000, start A 500", "Calling"),
            ("3261 17.1.1.2", "tcp", "", "send INVITE, start B 32000", "Calling"),
            ("3261 17.1.1.2", "udp", "A", "send INVITE, start A 1000", "Calling"),
            ("3261 17.1.1.2", "udp", "A A A A A A", "send INVITE, start A 32000", "Calling"),
            ("3261 17.1.1.2", "udp", "A B", "tell Timeout, end", "Over"),
            ("3261 17.1.1.2", "udp", "1xx", "stop A, stop B, tell Response", "Proceeding"),
            ("3261 17.1.1.2", "udp", "1xx 1xx", "tell Response", "Proceeding"),
            ("3261 17.1.1.2", "udp", "1xx 4xx", "stop Cancelled, send ACK, tell Response, start D 32000", "Completed"),
            ("3261 17.1.1.2", "udp", "4xx", "stop A, stop B, send ACK, tell Response, start D 32000", "Completed"),
            ("3261 17.1.1.2", "tcp", "4xx", "stop A, stop B, send ACK, tell Response, end", "Over"),
            ("3261 17.1.1.2", "udp", "4xx 4xx", "send ACK", "Completed"),
            ("3261 17.1.1.2", "udp", "4xx 1xx", "", "Completed"),
            ("3261 17.1.1.2", "udp", "4xx 2xx", "", "Completed"),
            ("3261 17.1.1.2", "udp", "4xx D", "end", "Over"),
            ("3261 17.1.1.2", "udp", "4xx error", "end", "Over"),
            ("6026 7.2",      "udp", "2xx", "stop A, stop B, start M 32000, tell Response", "Accepted"),
            ("6026 7.2",      "tcp", "1xx 2xx", "stop Cancelled, start M 32000, tell Response", "Accepted"),
            ("6026 7.2",      "udp", "2xx 2xx", "tell Response", "Accepted"),
            ("6026 7.2",      "udp", "2xx 4xx", "", "Accepted"),
            ("6026 7.2",      "udp", "2xx 1xx", "", "Accepted"),
            ("6026 7.2",      "udp", "2xx error", "", "Accepted"),
            ("6026 7.2",      "udp", "2xx M", "end", "Over"),
            ("3261 9.1",      "udp", "1xx cancel", "start Cancelled 32000", "Proceeding"),
            ("3261 9.1",      "udp", "1xx cancel Cancelled", "tell Timeout, end", "Over"),
            ("3261 9.1",      "udp", "1xx cancel 4xx", "stop Cancelled, send ACK, tell Response, start D 32000", "Completed"),
            ("3261 9.1",      "udp", "1xx cancel 2xx", "stop Cancelled, start M 32000, tell Response", "Accepted"),
            ("3261 17.1.4",   "udp", "error", "tell TransportError, end", "Over"),
            ("3261 17.1.4",   "tcp", "1xx error", "tell TransportError, end", "Over"),
        ];
        let harness = Harness {
            start: &|is_reliable, effects| InviteClient::start(Bytes::from_static(b"INVITE"), is_reliable, effects),
            inputs: &[
                ("1xx", Input::Provisional),
                ("2xx", Input::Success),
                ("4xx", Input::Failure(Bytes::from_static(b"ACK"))),
                ("cancel", Input::Cancelled),
                ("error", Input::TransportError),
            ],
            timer: Input::Timer,
            handle: InviteClient::handle,
            state: |machine: &InviteClient| &machine.state,
        };
        harness.check(rows);
    }
}
