//! Small names for things. A name means something only together with the plan or the table it came from.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZeroU16;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl $name {
            /// The position in the table that this id indexes.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(/// One interaction: everything that happens to one caller. Grows with arrival, so it breaks ties.
    CallId(u64));
id!(/// One ringing of one agent's phone for one call.
    OfferId(u64));
id!(/// One leg: a call's or an agent's side of the media.
    LegId(u64));
id!(/// Who calls, under a secret of the run: equal for calls of one number, and no way back to it.
    CallerTag(u64));
id!(/// A person who takes calls, by position in the plan.
    AgentId(u32));
id!(/// A service (called number), by position in the plan.
    ServiceId(u32));
id!(/// A queue, by position in the plan.
    QueueId(u32));
id!(/// A pool of agents, by position in the plan.
    PoolId(u32));
id!(/// A skill, by position in the plan.
    SkillId(u32));
id!(/// What calls ask of agents, by position in the plan's list of demands.
    DemandId(u32));
id!(/// Why an agent is paused: the two built-in reasons, then those of the plan in its order.
    PauseId(u8));
id!(/// A prompt or a piece of hold music, by position in the plan's list of clips.
    ClipId(u32));
id!(/// A language that the daemon speaks, by position in the settings' list of voices.
    VoiceId(u16));
id!(/// A calendar, by position in the plan.
    CalendarId(u32));

impl LegId {
    /// Which of so many media engines has this leg. Only legs of one engine can be joined.
    pub fn engine(self, engines: NonZeroU16) -> usize {
        usize::try_from(self.0 % u64::from(engines.get())).unwrap_or(0)
    }

    /// The first id after this one that the same engine has as `beside`.
    pub fn next_beside(self, beside: LegId, engines: NonZeroU16) -> LegId {
        let engines = u64::from(engines.get());
        let first = self.0 + 1;
        LegId(first + (beside.0 % engines + engines - first % engines) % engines)
    }
}

impl PauseId {
    /// Too many calls missed in a row.
    pub const MISSED: PauseId = PauseId(0);
    /// No reason was given.
    pub const UNSPECIFIED: PauseId = PauseId(1);
    /// The names of the built-in reasons.
    pub const BUILT_IN: [&str; 2] = ["missed", "unspecified"];

    /// The plan's reason at this position.
    pub fn named(position: usize) -> PauseId {
        PauseId(u8::try_from(position + PauseId::BUILT_IN.len()).unwrap_or(u8::MAX))
    }
}

/// A key of a telephone: 0-9, `*`, `#` and the A-D that hardly any has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u8);

impl Key {
    /// Their signs, in the order of their event codes (RFC 4733 3.2).
    const SIGNS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

    /// The key with this event code, if it is one.
    pub const fn of_event(code: u8) -> Option<Key> {
        if code < 16 { Some(Key(code)) } else { None }
    }

    /// Its event code (RFC 4733 3.2).
    pub const fn event(self) -> u8 {
        self.0
    }

    /// The key with this sign, if it is one.
    pub fn of_sign(sign: char) -> Option<Key> {
        let position = Key::SIGNS.iter().position(|known| *known == sign.to_ascii_uppercase())?;
        u8::try_from(position).ok().map(Key)
    }

    /// What is printed on it.
    pub fn sign(self) -> char {
        Key::SIGNS.get(usize::from(self.0)).copied().unwrap_or('?')
    }

    /// Its event code, 0 to 15.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A number that a caller typed, of a ticket or of a customer: nothing is known of what it means. Personal data: printed
/// on purpose only (`Display`), `Debug` tells no more than its length.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Reference {
    value: u64,
    digits: u8,
}

impl Reference {
    /// Most digits of a number.
    pub const MOST_DIGITS: u8 = 18;

    /// A number as it is written, if it is one of at most [`Reference::MOST_DIGITS`] digits.
    pub fn of(text: &str) -> Option<Reference> {
        text.chars().try_fold(Reference::default(), |reference, digit| reference.with(digit))
    }

    /// How many digits it has.
    pub const fn len(self) -> u8 {
        self.digits
    }

    /// Whether it begins with these digits.
    pub fn begins_with(self, prefix: Reference) -> bool {
        let rest = self.digits.checked_sub(prefix.digits).map(u32::from);
        rest.is_some_and(|rest| 10_u64.checked_pow(rest).is_some_and(|scale| self.value / scale == prefix.value))
    }

    /// Whether nothing was typed.
    pub const fn is_empty(self) -> bool {
        self.digits == 0
    }

    /// With one more digit; `None` for what is no digit, or one too many.
    pub fn with(self, sign: char) -> Option<Reference> {
        let digit = sign.to_digit(10)?;
        if self.digits >= Reference::MOST_DIGITS {
            return None;
        }
        Some(Reference { value: self.value * 10 + u64::from(digit), digits: self.digits + 1 })
    }
}

/// All digits, those that are 0 at the start included.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        write!(f, "{:0width$}", self.value, width = usize::from(self.digits))
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number of {} digits", self.digits)
    }
}

/// A table by [`LegId`], looked up for every packet: the ids are ours and grow one by one, so that nobody outside can
/// make them collide, and a multiplication is hash enough.
pub type ByLeg<V> = HashMap<LegId, V, ById>;

/// Hashes keys that are made of ids of ours alone.
pub type ById = BuildHasherDefault<IdHasher>;

/// Spreads numbers that follow each other (Fibonacci hashing).
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_that_may_be_joined_are_with_one_engine_and_the_others_go_round() {
        for engines in (1..=5).filter_map(NonZeroU16::new) {
            let mut last = LegId(0);
            for _ in 0..20 {
                let caller = LegId(last.0 + 1);
                let agent = caller.next_beside(caller, engines);
                assert_eq!(agent.engine(engines), caller.engine(engines));
                assert!(agent > caller && agent.0 - caller.0 <= u64::from(engines.get()));
                last = agent;
            }
            let waiting: Vec<usize> = (1..=4).map(|id| LegId(id).engine(engines)).collect();
            assert!(engines.get() < 4 || waiting == [1, 2, 3, 4 % usize::from(engines.get())]);
        }
    }
}
