//! Announcements: clips one after the other over music, which goes on afterwards where it was.

use super::MediaEngine;
use super::leg::{Leg, Playing};
use crate::ids::{ClipId, LegId};
use crate::media::api::Output;
use crate::time::Time;

/// An announcement that a leg hears.
#[derive(Debug)]
pub(super) struct Announcing {
    /// What is still to be said, the last one first.
    rest: Vec<ClipId>,
    /// What it interrupted.
    music: Option<Playing>,
    /// The last clip is played as one that somebody waits for.
    is_awaited: bool,
}

impl MediaEngine {
    /// Says these clips without a pause. Another announcement is cut; a clip that is played once is not: somebody waits
    /// for its end.
    pub(super) fn announce(&mut self, id: LegId, mut clips: Vec<ClipId>) {
        debug_assert!(clips.iter().all(|clip| clip.index() < self.clips.len()), "{clips:?}: not all of them exist");
        clips.retain(|clip| clip.index() < self.clips.len());
        clips.reverse();
        let Some((key, leg)) = self.leg_mut(id) else { return };
        leg.hush();
        if leg.announcing.is_some() {
            return;
        }
        let (None | Some(Playing { once: false, .. }), Some(first)) = (leg.playing, clips.pop()) else { return };
        let announcing = Announcing { rest: clips, music: leg.playing.take(), is_awaited: false };
        leg.starts_spurt |= announcing.music.is_none();
        leg.playing = Some(Playing { clip: first, position: 0, once: true });
        leg.announcing = Some(announcing);
        self.start_pacing(key);
    }

    /// Plays these clips without a pause, instead of whatever plays; the end of the last one is told.
    pub(super) fn play_all(&mut self, id: LegId, mut clips: Vec<ClipId>, now: Time, out: &mut Output) {
        let Some(last) = clips.pop() else { return };
        clips.retain(|clip| clip.index() < self.clips.len());
        self.play_once(id, last, now, out);
        let Some((_, leg)) = self.leg_mut(id).filter(|(_, leg)| leg.playing.is_some()) else { return };
        if let Some((&first, following)) = clips.split_first() {
            let rest = std::iter::once(last).chain(following.iter().rev().copied()).collect();
            leg.playing = Some(Playing { clip: first, position: 0, once: true });
            leg.announcing = Some(Announcing { rest, music: None, is_awaited: true });
        }
    }

    /// Ends an announcement with the next packet.
    pub(super) fn hush(&mut self, id: LegId) {
        if let Some((_, leg)) = self.leg_mut(id) {
            leg.hush();
        }
    }
}

impl Leg {
    fn hush(&mut self) {
        if let Some(announcing) = self.announcing.take_if(|announcing| !announcing.is_awaited) {
            self.playing = announcing.music;
        }
    }

    /// What follows a clip of an announcement: the next one, then the music; `None` when no announcement is heard.
    pub(super) fn after_announced(&mut self) -> Option<Option<Playing>> {
        let announcing = self.announcing.as_mut()?;
        match announcing.rest.pop() {
            Some(clip) => {
                self.playing = Some(Playing { clip, position: 0, once: true });
                if announcing.is_awaited && announcing.rest.is_empty() {
                    self.announcing = None;
                }
            }
            None => self.hush(),
        }
        Some(self.playing)
    }
}
