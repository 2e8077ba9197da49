//! Legs that are meant to talk and do not.

use super::{MediaEngine, count};
use crate::facts::Turned;
use crate::media::api::{Event, Output};
use crate::time::Time;

impl MediaEngine {
    /// Something came from the leg: it lives.
    pub(super) fn heard(&mut self, key: usize, now: Time) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        leg.heard_at = now;
        if std::mem::take(&mut leg.is_silent) {
            self.watch_silence(key, now);
        }
    }

    /// Looks at the leg again when it will have been silent for too long; packets do not move the deadline.
    pub(super) fn watch_silence(&mut self, key: usize, now: Time) {
        if let (Some(after), Some(leg)) = (self.silent_after, self.legs.get(key))
            && leg.should_talk()
            && self.silence.get(key).is_none()
        {
            self.silence.set(key, now + after);
        }
    }

    pub(super) fn judge_silence(&mut self, key: usize, now: Time, out: &mut Output) {
        let (Some(after), Some(leg)) = (self.silent_after, self.legs.get_mut(key)) else { return };
        if !leg.should_talk() {
            return;
        }
        let silent_at = leg.heard_at + after;
        if silent_at > now {
            self.silence.set(key, silent_at);
        } else {
            leg.is_silent = true;
            out.events.push((now, Event::Silent { leg: leg.id }));
            count(Turned::RtpTimeout, now, out);
        }
    }
}
