//! Menus: what a caller hears and presses between the welcome and the queue.
//!
//! The flow is data, made by `config`; [`step`] is all that there is to know about it. It plays nothing, reads no
//! clock and knows no call.
//!
//! ```text
//!   begun ──► prompt ──ended──► wait for a key ──timed out──► the prompt again, so many times ──► otherwise
//!               └──── a key ────────┴──────────► its target: a menu, a queue, an announcement and the end
//! ```

mod number;

pub use number::Number;

use crate::ids::{ClipId, DemandId, Key, QueueId, Reference, VoiceId};
use crate::time::Duration;

/// However a flow goes round, a caller who hears this many prompts is sent on to the service's own queue.
pub const MOST_PROMPTS: u8 = 30;

/// The menus of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// The first is where callers begin. Never empty.
    pub menus: Vec<Menu>,
}

/// A question and its answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Menu {
    /// As the configuration calls it.
    pub name: String,
    /// Says which key means what.
    pub prompt: ClipId,
    /// How long a caller may think once the prompt is over.
    pub timeout: Duration,
    /// How often the prompt is said again to those who press nothing, or a key without meaning.
    pub repeats: u8,
    /// Whether a key cuts the prompt; otherwise it counts only once the prompt is over.
    pub barge_in: bool,
    /// What each key does; every key once.
    pub keys: Vec<(Key, Target)>,
    /// It asks for a number instead of a key: then there are no keys.
    pub number: Option<Number>,
    /// Where those go who pressed none of them, or gave no number.
    pub otherwise: Target,
}

/// Where a key leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The prompt again; does not count among the repeats.
    Repeat,
    /// Another menu, by position in the flow.
    Menu(u16),
    /// A queue: the menu is over and the wait begins.
    Queue(QueueId),
    /// A queue, with what the caller asks of agents from there on.
    Demanding(QueueId, DemandId),
    /// An announcement, and the end of the call.
    End(ClipId),
}

/// How far a caller has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    menu: u16,
    /// How often the menu's prompt was said again.
    repeated: u8,
    /// Prompts heard, all menus together.
    prompts: u8,
    stage: Stage,
    /// Digits of the number that is being typed.
    typed: Reference,
    /// The number that was given last.
    reference: Option<Reference>,
    /// What the caller asks of agents.
    demand: Option<DemandId>,
}

impl Position {
    /// The number that the caller gave, if one was asked for.
    pub fn reference(&self) -> Option<Reference> {
        self.reference
    }

    /// What the caller's choice asks of agents.
    pub fn demand(&self) -> Option<DemandId> {
        self.demand
    }
}

impl Target {
    /// The queue that it leads into, with what is asked there of agents.
    pub fn way(self) -> Option<(QueueId, Option<DemandId>)> {
        match self {
            Target::Queue(queue) => Some((queue, None)),
            Target::Demanding(queue, demand) => Some((queue, Some(demand))),
            Target::Repeat | Target::Menu(_) | Target::End(_) => None,
        }
    }
}

/// What a caller in a flow does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Hears the menu's prompt.
    Hearing,
    /// Has heard it and thinks.
    Thinking,
    /// Types a number.
    Typing,
    /// Hears the number read back.
    Confirming,
    /// Has heard it, and says whether it is right.
    Deciding,
    /// Hears the last announcement.
    Leaving(ClipId),
}

/// What a flow is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A clip came to its end.
    ClipEnded(ClipId),
    /// The caller pressed a key.
    Pressed(Key),
    /// The time to think is over.
    TimedOut,
}

/// What has to be done now. The clock that was asked for last is stopped by everything but `Nothing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: it does not matter here.
    Nothing,
    /// Play this, instead of whatever plays.
    Play(ClipId),
    /// Say `TimedOut` after this long.
    Wait(Duration),
    /// Be silent, and say `TimedOut` after this long.
    Listen(Duration),
    /// Read this back, then play the prompt; its end is told.
    Spell {
        /// The language.
        voice: VoiceId,
        /// What is read, digit by digit.
        digits: Reference,
        /// What is said then.
        prompt: ClipId,
    },
    /// The caller enters a queue; `None` is the service's own.
    Enter(Option<QueueId>),
    /// The call is over.
    End,
}

/// The beginning: the first menu's prompt. `None` for a flow without a menu.
pub fn begin(flow: &Flow) -> Option<(Position, Action)> {
    let menu = flow.menus.first()?;
    let (typed, stage) = (Reference::default(), Stage::Hearing);
    let position = Position { menu: 0, repeated: 0, prompts: 1, stage, typed, reference: None, demand: None };
    Some((position, Action::Play(menu.prompt)))
}

/// What follows from one input.
pub fn step(flow: &Flow, position: Position, input: Input) -> (Position, Action) {
    let Some(menu) = flow.menus.get(usize::from(position.menu)) else { return (position, Action::Enter(None)) };
    let nothing = (position, Action::Nothing);
    match (position.stage, input) {
        (Stage::Hearing, Input::ClipEnded(clip)) if clip == menu.prompt => {
            return (Position { stage: Stage::Thinking, ..position }, Action::Wait(menu.timeout));
        }
        (Stage::Leaving(last), Input::ClipEnded(clip)) if clip == last => return (position, Action::End),
        _ => {}
    }
    if let Some(number) = &menu.number {
        return number::step(flow, position, menu, number, input);
    }
    match (position.stage, input) {
        (Stage::Hearing, Input::Pressed(_)) if !menu.barge_in => nothing,
        (Stage::Hearing | Stage::Thinking, Input::Pressed(key)) => {
            match menu.keys.iter().find(|(known, _)| *known == key) {
                Some(&(_, target)) => go(flow, position, menu, target),
                None => again(flow, position, menu),
            }
        }
        (Stage::Thinking, Input::TimedOut) => again(flow, position, menu),
        (Stage::Hearing | Stage::Thinking, Input::ClipEnded(_))
        | (Stage::Hearing, Input::TimedOut)
        | (Stage::Typing | Stage::Confirming | Stage::Deciding | Stage::Leaving(_), _) => nothing,
    }
}

/// No key that means something was pressed.
fn again(flow: &Flow, position: Position, menu: &Menu) -> (Position, Action) {
    if position.repeated >= menu.repeats {
        return go(flow, position, menu, menu.otherwise);
    }
    say(Position { repeated: position.repeated + 1, ..position }, menu)
}

fn go(flow: &Flow, position: Position, menu: &Menu, target: Target) -> (Position, Action) {
    match target {
        Target::Repeat => say(position, menu),
        Target::Menu(next) => match flow.menus.get(usize::from(next)) {
            Some(menu) => say(Position { menu: next, repeated: 0, ..position }, menu),
            None => (position, Action::Enter(None)),
        },
        Target::Queue(queue) => (position, Action::Enter(Some(queue))),
        Target::Demanding(queue, demand) => (Position { demand: Some(demand), ..position }, Action::Enter(Some(queue))),
        Target::End(clip) => (Position { stage: Stage::Leaving(clip), ..position }, Action::Play(clip)),
    }
}

fn say(position: Position, menu: &Menu) -> (Position, Action) {
    if position.prompts >= MOST_PROMPTS {
        return (position, Action::Enter(None));
    }
    let (prompts, typed) = (position.prompts + 1, Reference::default());
    (Position { prompts, typed, stage: Stage::Hearing, ..position }, Action::Play(menu.prompt))
}

impl Menu {
    /// Everywhere it can lead.
    pub fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        let by_prefix = |number: &'_ Number| number.prefixes.clone().into_iter().map(|(_, target)| target);
        let given = self.number.iter().flat_map(move |number| by_prefix(number).chain([number.then]));
        self.keys.iter().map(|&(_, target)| target).chain(given).chain([self.otherwise])
    }
}

impl Flow {
    /// Every way into a queue, with what is asked there of agents.
    pub fn ways(&self) -> impl Iterator<Item = (QueueId, Option<DemandId>)> + '_ {
        self.menus.iter().flat_map(Menu::targets).filter_map(Target::way)
    }

    /// Every queue that a key or its absence can lead to, each once.
    pub fn queues(&self) -> Vec<QueueId> {
        let mut queues: Vec<QueueId> = self.ways().map(|(queue, _)| queue).collect();
        queues.sort_unstable();
        queues.dedup();
        queues
    }

    /// The menu from which a caller who never presses a key goes round for ever, if there is one.
    pub fn endless(&self) -> Option<u16> {
        let leads_out = |start: u16| {
            let mut menu = start;
            for _ in 0..=self.menus.len() {
                match self.menus.get(usize::from(menu)).map(|menu| menu.otherwise) {
                    Some(Target::Menu(next)) => menu = next,
                    Some(Target::Repeat) | None => return false,
                    Some(Target::Queue(_) | Target::Demanding(..) | Target::End(_)) => return true,
                }
            }
            false
        };
        (0..).zip(&self.menus).map(|(number, _)| number).find(|&number| !leads_out(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: ClipId = ClipId(0);
    const MORE: ClipId = ClipId(1);
    const BYE: ClipId = ClipId(2);
    const THINK: Duration = Duration::from_secs(5);

    fn key(sign: char) -> Key {
        Key::of_sign(sign).unwrap()
    }

    fn flow() -> Flow {
        let menu = |name: &str, prompt, barge_in, keys: &[(char, Target)], otherwise| Menu {
            name: name.into(),
            prompt,
            timeout: THINK,
            repeats: 1,
            barge_in,
            keys: keys.iter().map(|&(sign, target)| (key(sign), target)).collect(),
            number: None,
            otherwise,
        };
        let main = [('1', Target::Queue(QueueId(1))), ('*', Target::Repeat), ('3', Target::Menu(1))];
        let more = [('0', Target::Menu(0)), ('9', Target::End(BYE))];
        let (main, more) = (
            menu("main", MAIN, true, &main, Target::Queue(QueueId(2))),
            menu("more", MORE, false, &more, Target::Menu(0)),
        );
        Flow { menus: vec![main, more] }
    }

    /// Keys as their signs, `.` the clip's end, `t` the end of thinking; what follows from each.
    fn course(flow: &Flow, inputs: &str) -> Vec<Action> {
        let (mut position, first) = begin(flow).unwrap();
        let (mut playing, mut actions) = (first, vec![first]);
        for input in inputs.chars() {
            let input = match (input, playing) {
                ('.', Action::Play(clip)) => Input::ClipEnded(clip),
                ('t', _) => Input::TimedOut,
                (sign, _) => Input::Pressed(key(sign)),
            };
            let (next, action) = step(flow, position, input);
            position = next;
            if matches!(action, Action::Play(_)) {
                playing = action;
            }
            actions.push(action);
        }
        actions
    }

    #[test]
    fn keys_repeats_times_and_defaults() {
        use Action::{End, Enter, Nothing, Play, Wait};
        let flow = flow();
        let rows: [(&str, &[Action]); 8] = [
            (".1", &[Wait(THINK), Enter(Some(QueueId(1)))]),
            ("1", &[Enter(Some(QueueId(1)))]),
            ("***.", &[Play(MAIN), Play(MAIN), Play(MAIN), Wait(THINK)]),
            (".t.t", &[Wait(THINK), Play(MAIN), Wait(THINK), Enter(Some(QueueId(2)))]),
            ("77", &[Play(MAIN), Enter(Some(QueueId(2)))]),
            ("39.9.", &[Play(MORE), Nothing, Wait(THINK), Play(BYE), End]),
            ("3.9t15", &[Play(MORE), Wait(THINK), Play(BYE), Nothing, Nothing, Nothing]),
            (
                "3.t.t.1",
                &[Play(MORE), Wait(THINK), Play(MORE), Wait(THINK), Play(MAIN), Wait(THINK), Enter(Some(QueueId(1)))],
            ),
        ];
        for (inputs, expected) in rows {
            assert_eq!(course(&flow, inputs)[1..], *expected, "{inputs}");
        }
    }

    #[test]
    fn a_clip_that_was_replaced_ends_nothing() {
        let flow = flow();
        let (position, _) = begin(&flow).unwrap();
        assert_eq!(step(&flow, position, Input::ClipEnded(MORE)), (position, Action::Nothing));
    }

    #[test]
    fn whoever_goes_round_for_ever_comes_to_the_services_own_queue() {
        let flow = flow();
        let actions = course(&flow, &"*".repeat(200));
        let prompts = actions.iter().take_while(|action| **action == Action::Play(MAIN)).count();
        assert_eq!(prompts, usize::from(MOST_PROMPTS));
        assert_eq!(actions[prompts], Action::Enter(None));
    }

    #[test]
    fn endless_flows_and_reachable_queues_are_found() {
        let mut flow = flow();
        assert_eq!((flow.queues(), flow.endless()), (vec![QueueId(1), QueueId(2)], None));
        flow.menus[0].otherwise = Target::Menu(1);
        assert_eq!(flow.endless(), Some(0));
        flow.menus[0].otherwise = Target::Repeat;
        assert_eq!(flow.endless(), Some(0));
        flow.menus[0].otherwise = Target::End(BYE);
        assert_eq!(flow.endless(), None);
    }
}
