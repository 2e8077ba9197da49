//! How the legs of calls fared.

use super::Tally;
use crate::facts::{Party, Quality};
use crate::stats::layout::SIDES;
use crate::time::Duration;

impl Tally {
    /// The leg is over: what it sent and lost, how evenly and how far away.
    pub(super) fn measured(&mut self, party: Party, quality: Quality) {
        let position = SIDES.iter().position(|side| *side == party);
        let Some(slots) = position.and_then(|position| self.layout.legs.get(position)) else { return };
        self.board.add(slots.received, quality.received);
        self.board.add(slots.received_lost, quality.lost);
        self.board.add(slots.sent, quality.sent);
        self.board.add(slots.converted, quality.converted);
        self.board.add(slots.sent_lost, quality.sent_lost.unwrap_or(0));
        if let Some(loss) = quality.lost.saturating_mul(1_000_000_000).checked_div(quality.received + quality.lost) {
            self.board.record(&slots.loss, Duration::from_nanos(loss));
            self.board.record(&slots.jitter, quality.jitter);
        }
        if let Some(round_trip) = quality.round_trip {
            self.board.record(&slots.round_trip, round_trip);
        }
    }
}
