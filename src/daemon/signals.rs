//! SIGTERM and SIGINT as messages to the engine thread.

use super::inbox::{Inbox, Message};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::thread::{Builder, JoinHandle};

/// Listens until the engine thread has ended.
pub fn spawn(inbox: Inbox) -> io::Result<JoinHandle<()>> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    Builder::new().name("signals".into()).spawn(move || {
        for _ in signals.forever() {
            if !inbox.put_waiting(Message::Stop) {
                return;
            }
        }
    })
}
