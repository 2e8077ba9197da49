//! All dialogs, found by name, by our tag and by connection.

use super::Dialog;
use crate::sip::api::{DialogId, Flow, Transport};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

/// The table. A dialog is never listed twice and its name is never used again.
#[derive(Debug, Default)]
pub(crate) struct Dialogs {
    dialogs: HashMap<DialogId, Box<Dialog>>,
    by_tag: HashMap<String, DialogId>,
    /// Those that talk over a stream, to be told when it closes.
    streams: BTreeSet<(u64, DialogId)>,
    /// Those that want a stream to an address that is not there yet, to be told when it cannot be made.
    wanted: BTreeSet<(SocketAddr, DialogId)>,
    last: u64,
}

impl Dialogs {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.dialogs.len()
    }

    /// A name for the next one.
    pub(crate) fn next_id(&mut self) -> DialogId {
        self.last += 1;
        DialogId(self.last)
    }

    /// Lists a dialog.
    pub(crate) fn insert(&mut self, dialog: Dialog) {
        let id = dialog.id;
        let flow = dialog.flow;
        self.list(id, flow);
        self.by_tag.insert(dialog.local_tag.clone(), id);
        self.dialogs.insert(id, Box::new(dialog));
    }

    /// The dialog of that name.
    pub(crate) fn get(&mut self, id: DialogId) -> Option<&mut Dialog> {
        self.dialogs.get_mut(&id).map(|dialog| &mut **dialog)
    }

    /// [`Dialogs::get`] for those who only look.
    pub(crate) fn look(&self, id: DialogId) -> Option<&Dialog> {
        self.dialogs.get(&id).map(|dialog| &**dialog)
    }

    /// The dialog that a request belongs to, by Call-ID, our tag and theirs.
    pub(crate) fn find(&mut self, call_id: &str, local_tag: &str, remote_tag: Option<&str>) -> Option<&mut Dialog> {
        let dialog = self.dialogs.get_mut(self.by_tag.get(local_tag)?)?;
        dialog.matches(call_id, remote_tag).then_some(&mut **dialog)
    }

    /// Whether this is our tag of some dialog.
    pub(crate) fn is_our_tag(&self, tag: &str) -> bool {
        self.by_tag.contains_key(tag)
    }

    /// A dialog's path is another from now on.
    pub(crate) fn move_to(&mut self, id: DialogId, flow: Flow) {
        let Some(dialog) = self.dialogs.get_mut(&id).filter(|dialog| dialog.flow != flow) else { return };
        let before = std::mem::replace(&mut dialog.flow, flow);
        self.unlist(id, before);
        self.list(id, flow);
    }

    /// The dialogs that wait for a stream to an address.
    pub(crate) fn wanting(&self, remote: SocketAddr) -> Vec<DialogId> {
        let range = (remote, DialogId(0))..=(remote, DialogId(u64::MAX));
        self.wanted.range(range).map(|&(_, id)| id).collect()
    }

    fn list(&mut self, id: DialogId, flow: Flow) {
        match (flow.transport, flow.connection) {
            (Transport::Tcp, 0) => drop(self.wanted.insert((flow.remote, id))),
            (Transport::Tcp, connection) => drop(self.streams.insert((connection, id))),
            (Transport::Udp, _) => {}
        }
    }

    fn unlist(&mut self, id: DialogId, flow: Flow) {
        match (flow.transport, flow.connection) {
            (Transport::Tcp, 0) => drop(self.wanted.remove(&(flow.remote, id))),
            (Transport::Tcp, connection) => drop(self.streams.remove(&(connection, id))),
            (Transport::Udp, _) => {}
        }
    }

    /// The path to a dialog's peer.
    pub(crate) fn flow(&self, id: DialogId) -> Option<Flow> {
        self.dialogs.get(&id).map(|dialog| dialog.flow)
    }

    /// The dialogs that talk over a connection.
    pub(crate) fn on_connection(&self, connection: u64) -> Vec<DialogId> {
        self.streams_of(connection).collect()
    }

    /// Whether any dialog talks over a connection.
    pub(crate) fn is_on(&self, connection: u64) -> bool {
        self.streams_of(connection).next().is_some()
    }

    fn streams_of(&self, connection: u64) -> impl Iterator<Item = DialogId> {
        let range = (connection, DialogId(0))..=(connection, DialogId(u64::MAX));
        self.streams.range(range).map(|&(_, id)| id)
    }

    /// Forgets a dialog.
    pub(crate) fn remove(&mut self, id: DialogId) -> Option<Box<Dialog>> {
        let dialog = self.dialogs.remove(&id)?;
        self.by_tag.remove(&dialog.local_tag);
        self.unlist(id, dialog.flow);
        Some(dialog)
    }
}
