//! Counting what follows the answer: who talks, holds, asks and passes on.

use super::Tally;
use crate::facts::{Party, TransferKind, TransferResult};
use crate::ids::QueueId;
use crate::stats::histogram::nanos;
use crate::time::Duration;

impl Tally {
    pub(super) fn taken_up(&mut self, queue: QueueId) {
        if let Some(slots) = self.layout.queues.get(queue.index()) {
            self.board.add(slots.talking, 1);
        }
    }

    /// An agent's time with a caller is over.
    pub(super) fn talked(&mut self, queue: QueueId, talked: Duration, held: Duration, consulted: Duration) {
        let Some(slots) = self.layout.queues.get(queue.index()) else { return self.broken(4) };
        self.board.record(&slots.talk, talked);
        self.board.add(slots.held, nanos(held));
        self.board.add(slots.consulted, nanos(consulted));
        if !self.board.take(slots.talking) {
            self.broken(4);
        }
    }

    pub(super) fn ended(&mut self, queue: QueueId, by: Party) {
        if let Some(slots) = self.layout.queues.get(queue.index()) {
            self.board.add(slots.ended + by.index(), 1);
        }
    }

    pub(super) fn transfer_ended(&mut self, kind: TransferKind, result: TransferResult) {
        let kind = kind.index() * TransferResult::ALL.len();
        self.board.add(self.layout.transfers + kind + result.index(), 1);
    }
}
