//! The four transaction machines of RFC 3261 section 17, as corrected by RFC 6026 and RFC 4320.
//!
//! A machine sees abstract inputs ("a provisional answer came") and says what follows: bytes to be sent, timers to be
//! started, things to be told to its user. It knows neither messages nor sockets nor clocks, and no dialog. The table
//! finds the machine a message belongs to.
//!
//! | file | RFC 3261 | states |
//! |---|---|---|
//! | `invite_client` | 17.1.1, RFC 6026 7.2 | calling, proceeding, completed, accepted |
//! | `client` | 17.1.2 | trying, proceeding, completed |
//! | `invite_server` | 17.2.1, RFC 6026 7.1 | proceeding, completed, confirmed, accepted |
//! | `server` | 17.2.2, RFC 4320 | trying, proceeding, completed |

mod client;
mod invite_client;
mod invite_server;
mod key;
mod server;
mod table;

use client::Client;
use invite_client::InviteClient;
use invite_server::InviteServer;
pub(crate) use key::RequestKey;
use server::Server;
pub(crate) use table::{Outcome, Table, TransactionId};

use crate::time::Duration;
use bytes::Bytes;

/// Estimate of the round trip time (RFC 3261 17.1.1.1).
pub(crate) const T1: Duration = Duration::from_millis(500);
/// Longest interval between retransmissions of a non-INVITE request or of an INVITE's answer.
pub(crate) const T2: Duration = Duration::from_secs(4);
/// Longest life of a message in the network.
pub(crate) const T4: Duration = Duration::from_secs(5);
/// 64*T1: how long anything is tried.
pub(crate) const PATIENCE: Duration = Duration::from_secs(32);
/// When a client's Timer E reaches T2: 0.5 + 1 + 2 s. Only then may a non-INVITE be answered 100 (RFC 4320 4.1).
pub(crate) const LATE: Duration = Duration::from_millis(3_500);

/// The timers of RFC 3261 table 4 and RFC 6026, and two that the text describes without a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Timer {
    /// INVITE retransmission, doubling.
    A,
    /// INVITE time-out.
    B,
    /// How long an INVITE client absorbs repeated refusals.
    D,
    /// Non-INVITE retransmission, doubling up to T2.
    E,
    /// Non-INVITE time-out.
    F,
    /// Retransmission of an INVITE's refusal, doubling up to T2.
    G,
    /// How long an ACK to a refusal is waited for.
    H,
    /// How long repeated ACKs to a refusal are absorbed.
    I,
    /// How long repeated non-INVITE requests are absorbed.
    J,
    /// How long repeated answers to a non-INVITE are absorbed.
    K,
    /// How long an answered INVITE's retransmissions are absorbed (RFC 6026 7.1).
    L,
    /// How long further 2xx to an INVITE are accepted (RFC 6026 7.2).
    M,
    /// How long a cancelled INVITE may still be answered (RFC 3261 9.1).
    Cancelled,
    /// When a non-INVITE still unanswered gets its 100 (RFC 4320 4.1).
    Late,
}

impl Timer {
    /// Every timer.
    const ALL: [Timer; 14] = {
        use Timer::{A, B, Cancelled, D, E, F, G, H, I, J, K, L, Late, M};
        [A, B, D, E, F, G, H, I, J, K, L, M, Cancelled, Late]
    };
}

/// What follows from an input, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Put this on the wire.
    Send(Bytes),
    /// Start, or restart, a timer.
    Start(Timer, Duration),
    /// Stop a timer.
    Stop(Timer),
    /// Tell the user.
    Tell(Told),
    /// The transaction is over; its timers go with it.
    End,
}

/// What a transaction tells its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The response that was put in is for you.
    Response,
    /// The ACK that was put in is for you.
    Ack,
    /// Nobody answered, or nobody acknowledged.
    Timeout,
    /// It could not be sent.
    TransportError,
    /// A non-INVITE request waits too long: say 100.
    Late,
}

/// Doubles an interval up to T2 (Timers E and G).
fn doubled(interval: Duration) -> Duration {
    (interval * 2).min(T2)
}

#[cfg(test)]
mod table_test {
    //! How the machines' tables are written: a row is the section, the inputs so far and what the last one causes.

    use super::{Effect, Timer};
    use std::fmt::Debug;

    /// A machine, and what its rows call its inputs; timers go by their own names.
    pub(super) struct Harness<'a, M, I, S> {
        pub start: &'a dyn Fn(bool, &mut Vec<Effect>) -> M,
        pub inputs: &'a [(&'a str, I)],
        pub timer: fn(Timer) -> I,
        pub handle: fn(&mut M, I, &mut Vec<Effect>),
        pub state: fn(&M) -> &S,
    }

    /// Section, transport, inputs, the effects of the last one, and the state after it.
    pub(super) type Row<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str);

    impl<M, I: Clone, S: Debug> Harness<'_, M, I, S> {
        pub(super) fn check(&self, rows: &[Row<'_>]) {
            for &(section, transport, inputs, expected, expected_state) in rows {
                let mut effects = Vec::new();
                let mut machine = (self.start)(transport == "tcp", &mut effects);
                for word in inputs.split_whitespace() {
                    effects.clear();
                    (self.handle)(&mut machine, self.input(word), &mut effects);
                }
                assert_eq!(in_short(&effects), expected, "RFC {section}, {transport}: {inputs}");
                let state = format!("{:?}", (self.state)(&machine));
                let state = state.split_whitespace().next().unwrap_or_default();
                assert_eq!(state, expected_state, "RFC {section}, {transport}: {inputs}");
            }
        }

        fn input(&self, word: &str) -> I {
            let timer = Timer::ALL.into_iter().find(|timer| format!("{timer:?}") == word).map(self.timer);
            let input = self.inputs.iter().find(|(name, _)| *name == word).map(|(_, input)| input.clone());
            timer.or(input).unwrap_or_else(|| panic!("no input is called {word}"))
        }
    }

    /// Effects in short: `send 486, start G 500, tell Timeout, end`.
    fn in_short(effects: &[Effect]) -> String {
        let words: Vec<String> = effects
            .iter()
            .map(|effect| match effect {
                Effect::Send(bytes) => format!("send {}", String::from_utf8_lossy(bytes)),
                Effect::Start(timer, length) => format!("start {timer:?} {}", length.as_millis()),
                Effect::Stop(timer) => format!("stop {timer:?}"),
                Effect::Tell(told) => format!("tell {told:?}"),
                Effect::End => "end".to_owned(),
            })
            .collect();
        words.join(", ")
    }
}
