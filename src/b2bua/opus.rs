//! Places for legs of Opus. Whoever speaks it may be joined with somebody who does not, and to convert it costs as much CPU
//! as several calls that are passed on: so there are only so many. A leg that has none does without Opus.

use crate::media::Codec;

/// What is left to speak for a leg whose every codec is Opus, when there is no place: everybody knows G.711.
const INSTEAD: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

/// All places.
#[derive(Debug)]
pub(super) struct OpusPlaces {
    most: usize,
    taken: usize,
    /// Legs that had to do without since this was asked last.
    left_out: usize,
}

/// What one leg has of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OpusPlace {
    /// None.
    #[default]
    None,
    /// One.
    Taken,
    /// It needs none: whom it is joined with speaks Opus too.
    Free,
}

impl OpusPlaces {
    pub(super) fn new(most: usize) -> OpusPlaces {
        OpusPlaces { most, taken: 0, left_out: 0 }
    }

    /// Whether a leg may speak it.
    pub(super) fn has_room(&self, place: OpusPlace) -> bool {
        place != OpusPlace::None || self.taken < self.most
    }

    /// The leg speaks it, or may from now on, or does no longer.
    pub(super) fn speaks(&mut self, place: &mut OpusPlace, does: bool) {
        match (*place, does) {
            (OpusPlace::None, true) => {
                self.taken += 1;
                *place = OpusPlace::Taken;
            }
            (OpusPlace::Taken, false) => {
                self.taken = self.taken.saturating_sub(1);
                *place = OpusPlace::None;
            }
            (OpusPlace::None, false) | (OpusPlace::Taken, true) | (OpusPlace::Free, _) => {}
        }
    }

    /// A leg would have spoken it and may not.
    pub(super) fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// Legs that had to do without since the last time.
    pub(super) fn take_left_out(&mut self) -> usize {
        std::mem::take(&mut self.left_out)
    }

    /// Taken now.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }
}

/// These codecs without Opus.
pub(super) fn without(codecs: &[Codec]) -> Vec<Codec> {
    let left: Vec<Codec> = codecs.iter().copied().filter(|codec| *codec != Codec::Opus).collect();
    if left.is_empty() { INSTEAD.to_vec() } else { left }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_there_are_and_who_needs_none_takes_none() {
        let mut places = OpusPlaces::new(1);
        let (mut first, mut second, mut beside) = (OpusPlace::None, OpusPlace::None, OpusPlace::Free);
        places.speaks(&mut first, true);
        places.speaks(&mut first, true);
        places.speaks(&mut beside, true);
        assert_eq!((places.taken(), places.has_room(first), places.has_room(beside)), (1, true, true));
        assert!(!places.has_room(second));
        places.leave_out();
        assert_eq!((places.take_left_out(), places.take_left_out()), (1, 0));
        places.speaks(&mut beside, false);
        places.speaks(&mut first, false);
        places.speaks(&mut first, false);
        assert_eq!((first, places.taken()), (OpusPlace::None, 0));
        places.speaks(&mut second, true);
        assert_eq!((second, places.taken()), (OpusPlace::Taken, 1));
    }

    #[test]
    fn who_speaks_nothing_else_speaks_g_711() {
        assert_eq!(without(&[Codec::Opus, Codec::G722]), [Codec::G722]);
        assert_eq!(without(&[Codec::Opus]), INSTEAD);
    }
}
