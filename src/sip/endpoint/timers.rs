//! What is due.

use super::{Core, Turn};
use crate::sip::api::DialogId;
use crate::sip::transaction::{Timer, TransactionId};

/// Every timer of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Due {
    /// A transaction's.
    Transaction(TransactionId, Timer),
    /// A dialog's.
    Dialog(DialogId, DialogTimer),
    /// The registrar's next binding runs out.
    Registrar,
}

/// The timers of a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DialogTimer {
    /// Our 200 goes out again: T1, doubling up to T2.
    Repeat,
    /// Our 200 was never acknowledged: 64*T1.
    Unconfirmed,
    /// Our 180 goes out again: every minute.
    StillRinging,
    /// The caller does not want to wait any longer: Expires of its INVITE.
    Expired,
    /// Our reliable provisional answer goes out again: T1, doubling.
    RepeatReliable,
    /// Our reliable provisional answer was never acknowledged: 64*T1.
    Unacknowledged,
    /// We have to refresh the session: half of its interval.
    Refresh,
    /// Nobody has refreshed the session.
    SessionLost,
    /// Time to ask whether the other side is there.
    Liveness,
    /// Who hung up after a REFER has waited long enough for its end.
    Subscription,
}

impl DialogTimer {
    /// Every one of them: they end with their dialog.
    pub(super) const ALL: [DialogTimer; 10] = {
        use DialogTimer::{Expired, Liveness, Refresh, Repeat, RepeatReliable, SessionLost, StillRinging};
        use DialogTimer::{Subscription, Unacknowledged, Unconfirmed};
        [
            Repeat,
            Unconfirmed,
            StillRinging,
            Expired,
            RepeatReliable,
            Unacknowledged,
            Refresh,
            SessionLost,
            Liveness,
            Subscription,
        ]
    };
}

impl Core {
    /// A timer ran out.
    pub(super) fn due(&mut self, due: Due, turn: &mut Turn<'_>) {
        match due {
            Due::Transaction(id, timer) => {
                let outcome = self.transactions.expire(id, timer, turn);
                self.concluded(id, outcome, turn);
            }
            Due::Dialog(id, DialogTimer::Repeat) => self.repeat_ok(id, turn),
            Due::Dialog(id, DialogTimer::Unconfirmed) => self.unconfirmed(id, turn),
            Due::Dialog(id, DialogTimer::StillRinging) => self.still_ringing(id, turn),
            Due::Dialog(id, DialogTimer::Expired) => self.expired(id, turn),
            Due::Dialog(id, DialogTimer::RepeatReliable) => self.repeat_reliable(id, turn),
            Due::Dialog(id, DialogTimer::Unacknowledged) => self.unacknowledged(id, turn),
            Due::Dialog(id, DialogTimer::Refresh) => self.refresh_due(id, turn),
            Due::Dialog(id, DialogTimer::SessionLost) => self.session_lost(id, turn),
            Due::Dialog(id, DialogTimer::Liveness) => self.probe(id, turn),
            Due::Dialog(id, DialogTimer::Subscription) => self.forget(id, turn),
            Due::Registrar => self.expire_bindings(turn),
        }
    }
}
