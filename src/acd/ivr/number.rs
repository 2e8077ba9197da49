//! A menu that asks for a number: digits, their end, and whether they were understood.
//!
//! ```text
//!   prompt ─► typing ─terminator, the last digit or a pause─► read back ─1─► accepted
//!     ▲  too few, *         └──── nothing to confirm ──────────────────────►
//!     └──── any other key, or none, so many times ──► otherwise
//! ```

use super::{Action, Flow, Input, Menu, Position, Stage, again, go, say};
use crate::ids::{ClipId, Key, Reference, VoiceId};

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Fewest digits.
    pub least: u8,
    /// Most digits, at most [`Reference::MOST_DIGITS`]; the last one ends the number.
    pub most: u8,
    /// Ends it earlier; so does a pause of the menu's `timeout`.
    pub terminator: Key,
    /// The language in which it is read back, digit by digit, and what is said then: 1 to confirm, any other key to type
    /// it again.
    pub confirm: Option<(VoiceId, ClipId)>,
    /// Where numbers go that begin in a certain way: the longest beginning counts.
    pub prefixes: Vec<(Reference, super::Target)>,
    /// Where all others go who gave a number.
    pub then: super::Target,
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
    let typed = position.typed.with(key.sign());
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
    let given = position.typed;
    let known = number.prefixes.iter().filter(|(prefix, _)| given.begins_with(*prefix));
    let target = known.max_by_key(|(prefix, _)| prefix.len()).map_or(number.then, |&(_, target)| target);
    go(flow, Position { reference: Some(given), ..position }, menu, target)
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
            prefixes: Vec::new(),
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
    fn the_longest_beginning_says_where_a_number_goes() {
        let mut flow = flow(2, 8, false);
        let ways = [("7", 3), ("71", 4), ("0", 5), ("00", 6)];
        let ways = ways.map(|(prefix, queue)| (Reference::of(prefix).unwrap(), Target::Queue(QueueId(queue))));
        flow.menus[0].number.as_mut().unwrap().prefixes = ways.to_vec();
        let goes = [("70#", 3), ("7#71#", 4), ("7199#", 4), ("01#", 5), ("007#", 6), ("99#", 1), ("17#", 1)];
        for (typed, queue) in goes {
            assert_eq!(course(&flow, typed).0, Action::Enter(Some(QueueId(queue))), "{typed}");
        }
        assert_eq!(flow.queues().len(), 6, "all of them can be reached");
    }

    #[test]
    fn nobody_sees_the_digits_who_does_not_mean_to() {
        let reference = Reference::of("0071").unwrap();
        assert_eq!((format!("{reference:?}"), reference.to_string()), ("a number of 4 digits".into(), "0071".into()));
    }

    #[test]
    fn numbers_keep_their_zeros_and_have_a_bound() {
        assert_eq!(Reference::of("000").unwrap().to_string(), "000");
        assert_eq!(Reference::of("").unwrap().to_string(), "");
        let longest = "9".repeat(usize::from(Reference::MOST_DIGITS));
        assert_eq!(Reference::of(&longest).unwrap().to_string(), longest);
        assert_eq!((Reference::of(&format!("{longest}9")), Reference::of("12a")), (None, None));
    }
}
