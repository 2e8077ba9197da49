//! A menu that asks for a number: digits, their end, and whether they were understood.
//!
//! ```text
//!   prompt ─► typing ─terminator, the last digit or a pause─► read back ─1─► accepted
//!     ▲  too few, *         └──── nothing to confirm ──────────────────────►
//!     └──── any other key, or none, so many times ──► otherwise
//! ```

use super::{Action, Flow, Input, Menu, Position, Stage, again, go, say};
use crate::ids::{ClipId, Key, VoiceId};
use std::fmt;

/// Most digits of a number.
pub const MOST_DIGITS: u8 = 18;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Fewest digits.
    pub least: u8,
    /// Most digits, at most [`MOST_DIGITS`]; the last one ends the number.
    pub most: u8,
    /// Ends it earlier; so does a pause of the menu's `timeout`.
    pub terminator: Key,
    /// The language in which it is read back, digit by digit, and what is said then: 1 to confirm, any other key to type
    /// it again.
    pub confirm: Option<(VoiceId, ClipId)>,
    /// Where those go who gave a number.
    pub then: super::Target,
}

/// A number that a caller typed: nothing is known of what it means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    value: u64,
    digits: u8,
}

impl Reference {
    /// A number as it is written, if it is one of at most [`MOST_DIGITS`] digits.
    pub fn of(text: &str) -> Option<Reference> {
        text.chars().try_fold(Reference::default(), |reference, digit| reference.with(u8::try_from(digit).ok()?))
    }

    /// How many digits it has.
    pub const fn len(self) -> u8 {
        self.digits
    }

    /// Whether nothing was typed.
    pub const fn is_empty(self) -> bool {
        self.digits == 0
    }

    fn with(self, sign: u8) -> Option<Reference> {
        let digit = sign.checked_sub(b'0').filter(|digit| *digit < 10)?;
        if self.digits >= MOST_DIGITS {
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

/// What follows from one input to a menu that asks for a number.
pub(super) fn step(flow: &Flow, position: Position, menu: &Menu, number: &Number, input: Input) -> (Position, Action) {
    let nothing = (position, Action::Nothing);
    match (position.stage, input) {
        (Stage::Hearing, Input::Pressed(_)) if !menu.barge_in => nothing,
        (Stage::Hearing | Stage::Thinking | Stage::Typing, Input::Pressed(key)) => {
            pressed(flow, position, menu, number, key)
        }
        (Stage::Thinking, Input::TimedOut) => again(flow, position, menu),
        (Stage::Typing, Input::TimedOut) => ended(flow, position, menu, number),
        (Stage::Confirming, Input::ClipEnded(clip)) if number.confirm.is_some_and(|(_, prompt)| prompt == clip) => {
            (Position { stage: Stage::Deciding, ..position }, Action::Wait(menu.timeout))
        }
        (Stage::Confirming | Stage::Deciding, Input::Pressed(key)) => {
            if key == number.terminator || key.sign() == '1' {
                accepted(flow, position, menu, number)
            } else {
                again(flow, position, menu)
            }
        }
        (Stage::Deciding, Input::TimedOut) => again(flow, position, menu),
        (Stage::Hearing | Stage::Confirming, Input::TimedOut)
        | (_, Input::ClipEnded(_))
        | (Stage::Leaving(_), Input::Pressed(_) | Input::TimedOut) => nothing,
    }
}

fn pressed(flow: &Flow, position: Position, menu: &Menu, number: &Number, key: Key) -> (Position, Action) {
    if key == number.terminator {
        return ended(flow, position, menu, number);
    }
    let typed = u8::try_from(key.sign()).ok().and_then(|sign| position.typed.with(sign));
    let Some(typed) = typed else {
        // The usual key to begin anew.
        return say(position, menu);
    };
    let position = Position { typed, stage: Stage::Typing, ..position };
    if typed.len() >= number.most {
        return ended(flow, position, menu, number);
    }
    (position, Action::Listen(menu.timeout))
}

fn ended(flow: &Flow, position: Position, menu: &Menu, number: &Number) -> (Position, Action) {
    if position.typed.len() < number.least {
        return again(flow, position, menu);
    }
    match number.confirm {
        Some((voice, prompt)) => {
            let position = Position { stage: Stage::Confirming, ..position };
            (position, Action::Spell { voice, digits: position.typed, prompt })
        }
        None => accepted(flow, position, menu, number),
    }
}

fn accepted(flow: &Flow, position: Position, menu: &Menu, number: &Number) -> (Position, Action) {
    go(flow, Position { reference: Some(position.typed), ..position }, menu, number.then)
}

#[cfg(test)]
mod tests {
    use super::super::{Target, begin, step};
    use super::*;
    use crate::ids::QueueId;
    use crate::time::Duration;

    const ASK: ClipId = ClipId(0);
    const RIGHT: ClipId = ClipId(1);
    const PAUSE: Duration = Duration::from_secs(4);
    const FOUND: Action = Action::Enter(Some(QueueId(1)));
    const OTHERWISE: Action = Action::Enter(Some(QueueId(2)));

    fn flow(least: u8, most: u8, confirm: bool) -> Flow {
        let number = Number {
            least,
            most,
            terminator: Key::of_sign('#').unwrap(),
            confirm: confirm.then_some((VoiceId(0), RIGHT)),
            then: Target::Queue(QueueId(1)),
        };
        Flow {
            menus: vec![Menu {
                name: "ticket".into(),
                prompt: ASK,
                timeout: PAUSE,
                repeats: 1,
                barge_in: true,
                keys: Vec::new(),
                number: Some(number),
                otherwise: Target::Queue(QueueId(2)),
            }],
        }
    }

    /// Keys as their signs, `.` the clip's end, `t` a pause; the last that follows, and the number accepted.
    fn course(flow: &Flow, inputs: &str) -> (Action, String) {
        let (mut position, mut action) = begin(flow).unwrap();
        let mut playing = ASK;
        for input in inputs.chars() {
            let input = match input {
                '.' => Input::ClipEnded(playing),
                't' => Input::TimedOut,
                sign => Input::Pressed(Key::of_sign(sign).unwrap()),
            };
            (position, action) = step(flow, position, input);
            match action {
                Action::Play(clip) | Action::Spell { prompt: clip, .. } => playing = clip,
                _ => {}
            }
        }
        (action, position.reference().map_or(String::new(), |reference| reference.to_string()))
    }

    fn spelled(digits: &str) -> Action {
        Action::Spell { voice: VoiceId(0), digits: Reference::of(digits).unwrap(), prompt: RIGHT }
    }

    #[test]
    fn a_number_ends_with_its_key_its_last_digit_or_a_pause() {
        let plain = flow(2, 5, false);
        for (inputs, number) in [(".007#", "007"), ("12345", "12345"), (".42t", "42"), ("1*31#", "31")] {
            assert_eq!(course(&plain, inputs), (FOUND, number.to_owned()), "{inputs}");
        }
        assert_eq!(course(&plain, "1").0, Action::Listen(PAUSE), "the prompt is cut");
    }

    #[test]
    fn too_few_digits_are_asked_for_again_and_then_no_more() {
        let plain = flow(3, 5, false);
        for inputs in [".t", ".#", ".12#", "1t"] {
            assert_eq!(course(&plain, inputs), (Action::Play(ASK), String::new()), "{inputs}");
            assert_eq!(course(&plain, &format!("{inputs}.t")).0, OTHERWISE, "{inputs}");
            assert_eq!(course(&plain, &format!("{inputs}123#")), (FOUND, "123".to_owned()), "nothing of it is left");
        }
    }

    #[test]
    fn it_is_read_back_and_confirmed() {
        let asked = flow(1, 8, true);
        assert_eq!(course(&asked, ".0815#").0, spelled("0815"));
        for confirmed in ["1", "#", ".1", ".#"] {
            assert_eq!(course(&asked, &format!(".0815#{confirmed}")), (FOUND, "0815".to_owned()), "{confirmed}");
        }
        assert_eq!(course(&asked, ".0815#2").0, Action::Play(ASK));
        assert_eq!(course(&asked, ".0815#.t").0, Action::Play(ASK));
        assert_eq!(course(&asked, ".0815#274#1"), (FOUND, "74".to_owned()));
        assert_eq!(course(&asked, ".0815#2.0816#2"), (OTHERWISE, String::new()), "twice is enough");
        assert_eq!(course(&asked, ".0815#."), (Action::Wait(PAUSE), String::new()));
    }

    #[test]
    fn whoever_begins_anew_for_ever_is_sent_on() {
        assert_eq!(course(&flow(1, 5, false), &"*".repeat(200)).0, Action::Enter(None));
    }

    #[test]
    fn numbers_keep_their_zeros_and_have_a_bound() {
        assert_eq!(Reference::of("000").unwrap().to_string(), "000");
        assert_eq!(Reference::of("").unwrap().to_string(), "");
        let longest = "9".repeat(usize::from(MOST_DIGITS));
        assert_eq!(Reference::of(&longest).unwrap().to_string(), longest);
        assert_eq!((Reference::of(&format!("{longest}9")), Reference::of("12a")), (None, None));
    }
}
