//! How a language says numbers, places and waits: words in order, by rules that are data. It plays nothing and knows
//! no language; `config` reads them from `config/languages/`.

use crate::ids::ClipId;

/// The largest number that has to be said.
pub const MOST_NUMBER: u32 = 999;
/// The longest wait that is said, in minutes: nobody is told more.
pub const MOST_MINUTES: u32 = 120;
/// Whatever the rules say, no number has more words.
const MOST_WORDS: usize = 32;

/// A language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// As it is called: `it`.
    pub name: String,
    /// Numbers with a word of their own.
    pub words: Vec<(u32, ClipId)>,
    /// How the others are put together; the one with the largest `from` not above the number counts.
    pub rules: Vec<Rule>,
    /// What is said of a caller's place in the queue, the next one being 1.
    pub position: Phrases,
    /// What is said of the minutes that a caller has to expect.
    pub wait_minutes: Phrases,
}

/// How numbers are put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The smallest number it is for.
    pub from: u32,
    /// What the number is split by: 2 or more.
    pub by: u32,
    /// Said when nothing remains.
    pub say: Vec<Part>,
    /// Said when something remains.
    pub with_rest: Vec<Part>,
}

/// A part of what is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// This word.
    Word(ClipId),
    /// The number itself; in phrases only.
    Number,
    /// How often `by` goes into the number.
    Times,
    /// The number without what remains.
    Round,
    /// What remains.
    Rest,
}

/// What is said of a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phrases {
    /// For single numbers.
    pub single: Vec<(u32, Vec<Part>)>,
    /// For all others.
    pub other: Vec<Part>,
}

impl Voice {
    /// A number's words; `None` when the language has none, or none that end.
    pub fn number(&self, number: u32) -> Option<Vec<ClipId>> {
        let mut said = Vec::new();
        self.append(number, &mut said).then_some(said)
    }

    /// A caller's place, the next one being 1.
    pub fn position(&self, position: u32) -> Option<Vec<ClipId>> {
        if position > MOST_NUMBER { None } else { self.phrase(&self.position, position) }
    }

    /// A wait of so many minutes.
    pub fn wait_minutes(&self, minutes: u32) -> Option<Vec<ClipId>> {
        if minutes > MOST_MINUTES { None } else { self.phrase(&self.wait_minutes, minutes) }
    }

    /// Every digit by itself; what is none is left out.
    pub fn digits(&self, written: &str) -> Vec<ClipId> {
        let digits = written.chars().filter_map(|sign| sign.to_digit(10));
        digits.filter_map(|digit| self.number(digit)).flatten().collect()
    }

    /// The first number that cannot be said.
    pub fn gap(&self) -> Option<u32> {
        (0..=MOST_NUMBER).find(|&number| self.number(number).is_none())
    }

    fn phrase(&self, phrases: &Phrases, number: u32) -> Option<Vec<ClipId>> {
        let single = phrases.single.iter().find(|(known, _)| *known == number).map(|(_, parts)| parts);
        let mut said = Vec::new();
        for part in single.unwrap_or(&phrases.other) {
            match *part {
                Part::Word(clip) => said.push(clip),
                Part::Number if self.append(number, &mut said) => {}
                Part::Number | Part::Times | Part::Round | Part::Rest => return None,
            }
        }
        Some(said)
    }

    /// Every part is less than the number, so that this comes to an end.
    fn append(&self, number: u32, said: &mut Vec<ClipId>) -> bool {
        if let Some(&(_, word)) = self.words.iter().find(|(known, _)| *known == number) {
            said.push(word);
            return said.len() <= MOST_WORDS;
        }
        let rules = self.rules.iter().filter(|rule| rule.from <= number && rule.by > 1);
        let Some(rule) = rules.max_by_key(|rule| rule.from) else { return false };
        let (times, rest) = (number / rule.by, number % rule.by);
        let parts = if rest == 0 { &rule.say } else { &rule.with_rest };
        parts.iter().all(|part| {
            let part = match *part {
                Part::Word(clip) => {
                    said.push(clip);
                    return said.len() <= MOST_WORDS;
                }
                Part::Times => times,
                Part::Round => number - rest,
                Part::Rest => rest,
                Part::Number => number,
            };
            part < number && self.append(part, said)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(number: u32) -> (u32, ClipId) {
        (number, ClipId(number))
    }

    /// German turns units and tens round: the rules can say that.
    fn german() -> Voice {
        const UND: Part = Part::Word(ClipId(1_000));
        let rule = Rule { from: 20, by: 10, say: vec![Part::Round], with_rest: vec![Part::Rest, UND, Part::Round] };
        Voice { words: (0..=20).chain([30]).map(word).collect(), rules: vec![rule], ..Voice::default() }
    }

    #[test]
    fn parts_come_in_the_order_of_the_language() {
        assert_eq!(german().number(24), Some(vec![ClipId(4), ClipId(1_000), ClipId(20)]));
        assert_eq!(german().number(30), Some(vec![ClipId(30)]));
        assert_eq!((german().number(40), german().number(41)), (None, None), "there is no word for forty");
        assert_eq!(german().gap(), Some(40));
    }

    #[test]
    fn rules_that_lead_nowhere_come_to_an_end() {
        let rule = |from, by, parts: &[Part]| Rule { from, by, say: parts.to_vec(), with_rest: parts.to_vec() };
        for rules in [
            vec![rule(0, 10, &[Part::Number])],
            vec![rule(0, 10, &[Part::Round])],
            vec![rule(0, 0, &[Part::Rest])],
            vec![rule(0, 2, &[Part::Times, Part::Times])],
            vec![],
        ] {
            let voice = Voice { words: vec![word(1)], rules, ..Voice::default() };
            assert_eq!(voice.number(u32::MAX), None);
        }
        let endless = Voice { words: vec![word(0)], rules: vec![rule(1, 2, &[Part::Times; 3])], ..Voice::default() };
        assert_eq!(endless.number(u32::MAX), None, "too many words");
    }

    #[test]
    fn phrases_have_their_exceptions_and_bounds() {
        let other = vec![Part::Word(ClipId(7)), Part::Number];
        let phrases = Phrases { single: vec![(1, vec![Part::Word(ClipId(8))])], other };
        let voice = Voice { position: phrases.clone(), wait_minutes: phrases, ..german() };
        assert_eq!(voice.position(1), Some(vec![ClipId(8)]));
        assert_eq!(voice.position(2), Some(vec![ClipId(7), ClipId(2)]));
        assert_eq!((voice.position(MOST_NUMBER + 1), voice.wait_minutes(MOST_MINUTES + 1)), (None, None));
    }
}
