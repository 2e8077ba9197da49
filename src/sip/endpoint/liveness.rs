//! Whether the other side of a leg is still there: OPTIONS within the dialog, when the configuration wants it. A lost BYE
//! is found so where neither session timers nor RTP would tell.

use super::{Core, DialogTimer, Due, Owner, Turn};
use crate::sip::api::{DialogId, RefusedBy};
use crate::sip::dialog::{Dialog, Stage};
use crate::sip::message::Method;
use crate::time::Duration;

/// A path that failed is tried again after this, and once only.
const AGAIN: Duration = Duration::from_secs(4);

impl Core {
    /// A leg is established: it is asked from time to time from now on.
    pub(super) fn watch(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        let Some(every) = self.settings.liveness else { return };
        // A quarter earlier or later, so that calls that began together are not asked together.
        let share = u64::from(self.tokens.u32() % 1_000);
        let spread = Duration::from_nanos(every.as_nanos() as u64 / 2_000 * share);
        turn.deadlines.set(Due::Dialog(id, DialogTimer::Liveness), turn.now + every / 4 * 3 + spread);
    }

    /// Time to ask.
    pub(super) fn probe(&mut self, id: DialogId, turn: &mut Turn<'_>) {
        let branch = self.tokens.branch();
        if self.transactions.is_full() {
            return self.watch(id, turn);
        }
        let Some(dialog) = self.dialogs.get(id).filter(|dialog| is_steady(dialog)) else { return };
        let (cseq, hop) = (dialog.next_cseq(), dialog.next_hop());
        let bytes = dialog.request(Method::Options, cseq, self.ours.via(hop.transport, &branch)).finish();
        self.transactions.open_client(("OPTIONS", &branch), bytes, hop, Owner::Probing(id), turn);
    }

    /// Any answer but two is a sign of life (RFC 3261 11.2, 12.2.1.2; RFC 5057 5.1).
    pub(super) fn probe_answered(&mut self, id: DialogId, status: u16, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id).filter(|dialog| is_steady(dialog)) else { return };
        dialog.probe_failed = false;
        match status {
            408 | 481 => self.refresh_failed(id, RefusedBy::Status(status), turn),
            _ => self.watch(id, turn),
        }
    }

    /// No answer. A broken path may be another one the next time, but no oftener than that.
    pub(super) fn probe_failed(&mut self, id: DialogId, cause: RefusedBy, turn: &mut Turn<'_>) {
        let Some(dialog) = self.dialogs.get(id).filter(|dialog| is_steady(dialog)) else { return };
        if cause == RefusedBy::Transport && !dialog.probe_failed {
            dialog.probe_failed = true;
            return turn.deadlines.set(Due::Dialog(id, DialogTimer::Liveness), turn.now + AGAIN);
        }
        self.refresh_failed(id, RefusedBy::Timeout, turn);
    }
}

fn is_steady(dialog: &Dialog) -> bool {
    matches!(dialog.stage, Stage::Established) && !dialog.released
}
