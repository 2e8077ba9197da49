//! Who calls when, and what every caller and every agent will do: all of it drawn from the seed before the first call.
//!
//! What comes of it is the engine's business and is not here: who is answered by whom, and who has to wait.

use centralino::media::g711::Law;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::time::Duration;

/// Everything that will be played.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// By their place in the order of calling.
    pub calls: Vec<Call>,
    /// Who signs in, in the order of the configuration.
    pub agents: Vec<Agent>,
}

/// One caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// When the phone is picked up.
    pub at: Duration,
    /// The caller's own number, different for every call.
    pub number: String,
    /// What is dialled.
    pub service: Service,
    /// What the phone speaks.
    pub codec: Law,
    /// The caller's voice, as a tone.
    pub hz: u32,
    /// How long the caller will bear it.
    pub patience: Patience,
    /// How long caller and agent will talk.
    pub talk: Duration,
    /// Who ends the talk.
    pub ends: Side,
}

/// What callers dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Most of them.
    Information,
    /// The others.
    Switchboard,
}

/// When a caller gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// This long after the welcome began.
    LeavesInWelcome(Duration),
    /// This long after the welcome ended.
    Waits(Duration),
    /// Never.
    Endless,
}

/// An end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who called.
    Caller,
    /// Who answered.
    Agent,
}

/// One agent's phone.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    /// The number it registers with.
    pub number: String,
    /// Its pool.
    pub pool: &'static str,
    /// What it speaks.
    pub codec: Law,
    /// The agent's voice, as a tone.
    pub hz: u32,
    /// How long the phone rings before the agent picks up.
    pub picks_up: Duration,
    /// What happens at the first ring.
    pub habit: Habit,
}

/// How an agent deals with the first offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// As with every other.
    Answers,
    /// The phone rings and nobody comes.
    Sleeps,
    /// The phone says busy.
    Busy,
}

/// The pools of `config/examples/demo.toml`: the first agent's number, how many there are, and how many of ten agents
/// come from there.
const POOLS: [(&str, u32, usize, usize); 3] =
    [("first_line", 101, 36, 6), ("back_office", 201, 12, 2), ("second_line.environment", 301, 12, 2)];

/// Voices are 40 Hz apart, those of agents and callers 20 Hz: far enough to be told apart within 60 ms.
const AGENTS_HZ: u32 = 600;
const CALLERS_HZ: u32 = 620;
const HZ_APART: u32 = 40;
const CALLERS_VOICES: u32 = 64;

const CODECS: [Law; 2] = [Law::A, Law::Mu];

impl Script {
    /// The script of this seed; another number of calls makes another one.
    pub fn new(calls: u32, seed: u64) -> Script {
        let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
        let pace = Pace::of(calls);
        Script { calls: dice.calls(calls, &pace), agents: dice.agents(pace.agents) }
    }

    /// The call from this number.
    pub fn call_from(&self, number: &str) -> Option<usize> {
        self.calls.iter().position(|call| call.number == number)
    }

    /// When the last call comes in.
    pub fn last_call_at(&self) -> Duration {
        self.calls.last().map_or(Duration::ZERO, |call| call.at)
    }
}

/// What makes any number of calls end in time, with queues that are neither empty nor hopeless.
struct Pace {
    /// Calls come in over this long.
    span_ms: u64,
    talk_ms: (u64, u64),
    agents: usize,
}

impl Pace {
    fn of(calls: u32) -> Pace {
        let span_ms = (4_000 + 450 * u64::from(calls)).min(if calls <= 100 { 24_000 } else { 32_000 });
        let talk_ms = if calls <= 100 { (2_000, 5_000) } else { (1_200, 2_600) };
        // Picking up, talking, wrapping up.
        let handled_ms = 400 + (talk_ms.0 + talk_ms.1) / 2 + 800;
        let agents = (u64::from(calls) * handled_ms).div_ceil(span_ms + 2_000);
        Pace { span_ms, talk_ms, agents: usize::try_from(agents).unwrap_or(usize::MAX).clamp(3, 60) }
    }
}

/// The draws, in an order that must not change within a version: it is what a seed means.
struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        u64::try_from((u128::from(self.0.next_u64()) * u128::from(end)) >> 64).unwrap_or(0)
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from + 1))
    }

    fn one_of<T: Copy>(&mut self, two: [T; 2]) -> T {
        two[usize::from(self.below(2) == 1)]
    }

    fn calls(&mut self, count: u32, pace: &Pace) -> Vec<Call> {
        let mut moments: Vec<Duration> = (0..count).map(|_| self.millis(0, pace.span_ms)).collect();
        moments.sort_unstable();
        let mut calls: Vec<Call> = (0..).zip(moments).map(|(place, at)| self.patient_call(place, at, pace)).collect();
        // The later calls wait longest: that is where patience is tried.
        let late = calls.len() / 3;
        for _ in 0..count / 7 {
            let patience = Patience::Waits(self.millis(900, 4_500));
            self.change_one(&mut calls, late, patience);
        }
        // Below seven calls, nobody: there would be nobody left.
        for _ in 0..(count / 7).min(count.div_ceil(60)) {
            let patience = Patience::LeavesInWelcome(self.millis(300, 1_000));
            self.change_one(&mut calls, 0, patience);
        }
        calls
    }

    /// Gives one of the callers from this place on another patience than the endless one.
    fn change_one(&mut self, calls: &mut [Call], from: usize, patience: Patience) {
        loop {
            let place = self.place(from, calls.len());
            if let Some(call) = calls.get_mut(place).filter(|call| call.patience == Patience::Endless) {
                call.patience = patience;
                return;
            }
        }
    }

    fn place(&mut self, from: usize, to: usize) -> usize {
        from + usize::try_from(self.below((to - from) as u64)).unwrap_or(0)
    }

    fn patient_call(&mut self, place: u32, at: Duration, pace: &Pace) -> Call {
        Call {
            at,
            number: format!("39055{place:06}"),
            service: if self.below(5) == 0 { Service::Switchboard } else { Service::Information },
            codec: self.one_of(CODECS),
            hz: CALLERS_HZ + HZ_APART * (place % CALLERS_VOICES),
            patience: Patience::Endless,
            talk: self.millis(pace.talk_ms.0, pace.talk_ms.1),
            ends: self.one_of([Side::Caller, Side::Agent]),
        }
    }

    fn agents(&mut self, count: usize) -> Vec<Agent> {
        let mut agents: Vec<Agent> = Vec::new();
        for (pool, first, size, share) in POOLS {
            let of_pool = u32::try_from(((count * share + 5) / 10).clamp(1, size)).unwrap_or(1);
            for number in first..first + of_pool {
                let hz = AGENTS_HZ + HZ_APART * u32::try_from(agents.len()).unwrap_or(0);
                agents.push(Agent {
                    number: number.to_string(),
                    pool,
                    codec: self.one_of(CODECS),
                    hz,
                    picks_up: self.millis(150, 700),
                    habit: Habit::Answers,
                });
            }
        }
        // Both in the first line, where every call begins.
        let first_line = agents.iter().filter(|agent| agent.pool == POOLS[0].0).count();
        let sleeper = self.place(0, first_line);
        for (place, habit) in [(sleeper, Habit::Sleeps), ((sleeper + 1) % first_line, Habit::Busy)] {
            if let Some(agent) = agents.get_mut(place) {
                agent.habit = habit;
            }
        }
        agents
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_is_a_script() {
        assert_eq!(Script::new(40, 3), Script::new(40, 3));
        assert_ne!(Script::new(40, 3).calls, Script::new(40, 4).calls);
    }

    #[test]
    fn any_number_of_calls_leaves_time_to_end() {
        let demo = centralino::config::check(super::super::CONFIG, &NoFiles).unwrap();
        for calls in 1..=500 {
            let script = Script::new(calls, 1);
            assert_eq!(script.calls.len(), calls as usize);
            let impatient = script.calls.iter().filter(|call| call.patience != Patience::Endless).count();
            assert!(if calls < 7 { impatient == 0 } else { impatient >= 2 && impatient * 3 < script.calls.len() });
            // Welcome and the longest wait of the configuration, then the longest talk; 5 s for beginning and end.
            let longest = script.calls.iter().map(|call| call.at + call.talk).max().unwrap();
            assert!(longest + Duration::from_secs(2 + 10 + 5) < Duration::from_secs(60), "{calls}: {longest:?}");
            let known = |agent: &Agent| demo.plan.agent_by_number(&agent.number).is_some();
            assert!(script.agents.iter().all(known), "{calls}");
            let odd = script.agents.iter().filter(|agent| agent.habit != Habit::Answers);
            assert!(odd.clone().all(|agent| agent.pool == "first_line") && odd.count() == 2, "{calls}");
        }
    }

    #[test]
    fn everybody_speaks_in_an_own_voice() {
        let script = Script::new(60, 1);
        let voices = script.calls.iter().map(|call| call.hz).chain(script.agents.iter().map(|agent| agent.hz));
        let distinct: BTreeSet<u32> = voices.clone().collect();
        assert_eq!(distinct.len(), voices.count());
        let most = Script::new(500, 1);
        let highest = most.calls.iter().map(|call| call.hz).chain(most.agents.iter().map(|agent| agent.hz)).max();
        assert!(highest < Some(3_400), "{highest:?}");
    }

    struct NoFiles;

    impl centralino::config::Sources for NoFiles {
        fn find_prompt(&self, path: &str) -> Result<std::path::PathBuf, String> {
            Err(path.into())
        }

        fn read_secret(&self, path: &str) -> Result<centralino::config::SecretFile, String> {
            Err(path.into())
        }
    }
}
