//! Facts as the ledger keeps them.

use super::{FactReader, PlanChanged};
use crate::daemon::inbox::{Inbox, Message};
use crate::ledger::Keeper;
use centralino::facts::{Fact, Record, Turned};
use centralino::ids::CallId;
use centralino::time::Time;

/// Most losses told to the engine at once: each is a message, and the rest follows with the next tick.
const MOST_TOLD: u64 = 1_000;

/// Hands facts to the ledger, and tells the engine what it lost, so that it is among the numbers.
pub struct Keep {
    keeper: Keeper,
    inbox: Inbox,
    untold: u64,
}

impl Keep {
    /// A reader for a ledger that is open.
    pub fn new(keeper: Keeper, inbox: Inbox) -> Keep {
        Keep { keeper, inbox, untold: 0 }
    }
}

impl FactReader for Keep {
    fn read(&mut self, record: &Record) {
        self.keeper.read(record);
    }

    fn plan_changed(&mut self, changed: &PlanChanged) {
        self.keeper.follow(&changed.plan, &changed.layout.shape, &changed.config_hash);
    }

    fn caller(&mut self, call: CallId, number: &str) {
        self.keeper.caller(call, number);
    }

    fn tick(&mut self, now: Time) {
        self.keeper.tick(now);
        self.untold += self.keeper.take_lost();
        for _ in 0..self.untold.min(MOST_TOLD) {
            let fact = Fact::Turned(Turned::LedgerLost);
            if !self.inbox.put(Message::Fact(Record { at: now, fact })) {
                break;
            }
            self.untold -= 1;
        }
    }

    fn end(&mut self) {
        self.keeper.end();
    }
}
