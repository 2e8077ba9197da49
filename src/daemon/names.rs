//! Looks up the host names of contacts before anybody calls, and again when what was found runs out.
//!
//! A thread of its own asks the DNS; the engine thread hears of places alone, so no call ever waits for a name. While
//! the DNS says nothing, what it said last holds.

mod dns;

use super::inbox::{Inbox, Message};
use centralino::sip::{HostName, Place, Transport};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::thread::Builder;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a name is left alone that the DNS knows nothing of, or says nothing about: doubling from the first.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// However short or long the DNS says its answers hold.
const LIFE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3_600));

/// Where to ask, and for what.
#[derive(Clone, Debug)]
pub struct NameServers {
    /// Whom to ask; nobody named: those of the system, and what it knows by itself.
    pub servers: Vec<SocketAddr>,
    /// Whether our SIP socket speaks IPv6 (then it is spoken to those who do) or IPv4.
    pub is_ipv6: bool,
}

/// The names that are to be known. The thread goes on when nobody changes them any more.
#[derive(Debug)]
pub struct Wanted(watch::Sender<BTreeSet<HostName>>);

impl Wanted {
    /// From now on these.
    pub fn set(&self, names: BTreeSet<HostName>) {
        self.0.send_replace(names);
    }
}

/// Starts the thread.
pub fn spawn(names: BTreeSet<HostName>, servers: NameServers, inbox: Inbox) -> io::Result<Wanted> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let (wanted, mut changes) = watch::channel(names);
    Builder::new().name("names".into()).spawn(move || {
        runtime.block_on(async {
            let mut kept: BTreeMap<HostName, JoinHandle<()>> = BTreeMap::new();
            loop {
                let names = changes.borrow_and_update().clone();
                let gone: Vec<_> = kept.extract_if(.., |name, _| !names.contains(name)).collect();
                for (name, task) in gone {
                    task.abort();
                    inbox.put_waiting(Message::Located(name, Vec::new()));
                }
                for name in names {
                    let follow = || tokio::spawn(follow(name.clone(), servers.clone(), inbox.clone()));
                    kept.entry(name.clone()).or_insert_with(follow);
                }
                if changes.changed().await.is_err() {
                    return std::future::pending().await;
                }
            }
        });
    })?;
    Ok(Wanted(wanted))
}

/// Looks a name up again and again, for as long as it is wanted.
async fn follow(name: HostName, servers: NameServers, inbox: Inbox) {
    let mut known = Vec::new();
    let (mut was_well, mut retry) = (true, RETRY.0);
    loop {
        let found = dns::look_up(&name, &servers).await;
        let (pause, is_well) = match &found {
            Ok((places, life)) if !places.is_empty() => ((*life).clamp(LIFE.0, LIFE.1), true),
            Ok(_) | Err(_) => (retry, false),
        };
        retry = if is_well { RETRY.0 } else { (retry * 2).min(RETRY.1) };
        match found {
            Ok((places, _)) => {
                if places.is_empty() && was_well {
                    tracing::warn!(%name, "the DNS knows no place of this name: calls there fail");
                }
                if places != known {
                    tracing::info!(%name, places = %listed(&places), "looked up");
                    inbox.put_waiting(Message::Located(name.clone(), places.clone()));
                    known = places;
                }
            }
            Err(error) if was_well => {
                tracing::warn!(%name, %error, "the DNS says nothing: what is known of this name stays in use");
            }
            Err(_) => {}
        }
        was_well = is_well;
        tokio::time::sleep(pause).await;
    }
}

fn listed(places: &[Place]) -> String {
    let listed = places.iter().map(|place| match place.transport {
        Transport::Udp => place.address.to_string(),
        Transport::Tcp => format!("{} (TCP)", place.address),
    });
    listed.collect::<Vec<_>>().join(", ")
}
