//! Centralino: a telephony ACD. Everything that decides is here, as state machines that own their state, are told the
//! time and do no I/O; everything that touches sockets, clocks, files and threads is in the daemon (`main.rs`).
//!
//! # The path of a call
//!
//! 1. A datagram comes in; [`sip`] makes it a message, the message a transaction, the transaction `Invited`.
//! 2. [`b2bua`] finds the service by the number dialled, a port for its media, an answer to its SDP, and tells [`acd`].
//! 3. [`acd`] has room: accept. `b2bua` says 200; the welcome begins, and [`media`] plays it.
//! 4. The welcome ends: the call enters its queue, and the wait clock starts.
//! 5. `acd` finds, by tier step, skill and strategy, a ready agent: ring. `b2bua` sends an INVITE to the phone.
//! 6. The phone says 200: join. `media` relays between the two legs; the call is answered, its wait over.
//! 7. Either side says BYE: `b2bua` hangs up the other one, the agent works after the call, then is ready again.
//! 8. All along, [`facts`] say what became true. [`stats`] counts them and publishes the counts without a lock;
//!    [`report`] keeps what became of every caller, and reads it back through the same counts.
//!
//! # The rooms, in reading order, and whom each may import
//!
//! | room | duty | imports |
//! |---|---|---|
//! | [`time`], [`ids`] | name moments and things | |
//! | [`facts`] | say what is now true | `time ids` |
//! | [`acd`] | decide what happens to every call and agent | `facts time ids` |
//! | [`sip`] | speak RFC 3261, retransmissions included | `time` |
//! | [`media`] | make, read and relay RTP | `facts time ids` |
//! | [`b2bua`] | translate between the three above | `acd sip media facts time ids` |
//! | [`stats`] | fold facts into counters, publish them | `facts time ids` |
//! | [`report`] | records of interactions, and reports of a period | `stats acd facts time ids` |
//! | [`config`] | from text to a checked plan and settings | `acd b2bua sip media stats time ids` |
//!
//! Imports point up this list only; `tests/it/tidy.rs` holds the table, and the external crates of each room.

pub mod acd;
pub mod b2bua;
pub mod config;
pub mod facts;
pub mod ids;
pub mod media;
pub mod report;
pub mod sip;
pub mod stats;
pub mod time;
