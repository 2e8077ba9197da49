//! What a waiting call remembers of the agents who did not take it (semantics.md section 5): others come first, and each
//! is left alone for a while.

use crate::ids::AgentId;
use crate::time::Time;

/// Who did not take this call, how often, and until when each is left alone; ordered by agent.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Vec<Missed>);

/// How many misses a memory has room for before it allocates.
const ROOM: usize = 4;

/// Memories that are in no use, kept for their room: a call's first misses allocate nothing once the engine is warm.
#[derive(Debug, Default)]
pub(super) struct Memories(Vec<Memory>);

impl Memories {
    pub(super) fn lend(&mut self) -> Memory {
        self.0.pop().unwrap_or_else(|| Memory(Vec::with_capacity(ROOM)))
    }

    /// There are never more of them than there were callers waiting at once.
    pub(super) fn take_back(&mut self, mut memory: Memory) {
        memory.0.clear();
        self.0.push(memory);
    }
}

/// One agent who did not take the call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missed {
    agent: AgentId,
    pub(super) times: u32,
    pub(super) until: Time,
}

impl Memory {
    pub(super) fn of(&self, agent: AgentId) -> Option<Missed> {
        self.0.binary_search_by_key(&agent, |missed| missed.agent).ok().map(|index| self.0[index])
    }

    pub(super) fn backs_off(&self, agent: AgentId, at: Time) -> bool {
        self.of(agent).is_some_and(|missed| missed.until > at)
    }

    pub(super) fn add(&mut self, agent: AgentId, until: Time) {
        match self.0.binary_search_by_key(&agent, |missed| missed.agent) {
            Ok(index) => {
                self.0[index].times += 1;
                self.0[index].until = until;
            }
            Err(index) => self.0.insert(index, Missed { agent, times: 1, until }),
        }
    }

    /// When the next back-off ends.
    pub(super) fn next_end(&self, at: Time) -> Option<Time> {
        self.0.iter().map(|missed| missed.until).filter(|&until| until > at).min()
    }
}
