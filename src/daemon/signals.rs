//! SIGTERM and SIGINT as messages to the engine thread, SIGHUP as one to the thread that reloads.

use super::inbox::{Inbox, Message};
use crossbeam_channel::Sender;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::thread::{Builder, JoinHandle};

/// Listens until the engine thread has ended. Without anything to read again, SIGHUP means what it means to any program:
/// the terminal is gone.
pub fn spawn(inbox: Inbox, reload: Option<Sender<()>>) -> io::Result<JoinHandle<()>> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    if reload.is_some() {
        signals.add_signal(SIGHUP)?;
    }
    Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            match (signal, &reload) {
                // One that waits already is as good as another: it reads what is there then.
                (SIGHUP, Some(reload)) => drop(reload.try_send(())),
                _ if !inbox.put_waiting(Message::Stop) => return,
                _ => {}
            }
        }
    })
}
