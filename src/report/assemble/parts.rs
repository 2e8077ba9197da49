//! Each agent's part of a talk, and agents' pauses.

use super::super::record::{Interaction, MOST_LEGS, Name, Pause, TalkLeg, Visit};
use super::Assembler;
use crate::facts::{Fact, Record};
use crate::ids::{AgentId, PoolId};
use crate::time::{Duration, Time};

/// A pause that is not over.
#[derive(Clone, Debug)]
pub(super) struct OpenPause {
    pool: Name,
    agent: Option<Name>,
    reason: Name,
    since: Time,
}

impl Assembler {
    /// Follows pauses; the one that is over by this fact.
    pub fn pause(&mut self, record: &Record) -> Option<Pause> {
        match record.fact {
            Fact::PauseBegan { agent, pool, reason } => {
                let reason = self.names.pauses.get(reason.index())?.clone();
                let (pool, name) = (self.names.pool(pool), self.agent(agent));
                self.pausing.insert(agent, OpenPause { pool, agent: name, reason, since: record.at });
                None
            }
            Fact::PauseEnded { agent, limit_reached, .. } => {
                let open = self.pausing.remove(&agent)?;
                Some(self.over(open, record.at, limit_reached))
            }
            _ => None,
        }
    }

    /// The run is over: who pauses has paused until now.
    pub fn finish_pauses(&mut self, now: Time) -> Vec<Pause> {
        let open = std::mem::take(&mut self.pausing);
        open.into_values().map(|open| self.over(open, now, false)).collect()
    }

    fn over(&self, open: OpenPause, at: Time, limit_reached: bool) -> Pause {
        let OpenPause { pool, agent, reason, since } = open;
        Pause { pool, agent, reason, began: self.civil.of(since), lasted: at.since(since), limit_reached }
    }

    /// One agent more is done with the caller. The number of the part.
    pub(super) fn leg(&self, visit: &mut Visit, (pool, agent): (PoolId, AgentId), spent: [Duration; 3]) -> usize {
        let Some(talk) = visit.talk.as_mut() else { return 0 };
        let [talked, held, consulted] = spent;
        talk.talked += talked;
        talk.held += held;
        talk.consulted += consulted;
        if talk.legs.len() < MOST_LEGS {
            let (pool, agent) = (self.names.pool(pool), self.agent(agent));
            talk.legs.push(TalkLeg { pool, agent, talked, held, consulted, wrap_up: None });
        } else if let Some(last) = talk.legs.last_mut() {
            last.talked += talked;
            last.held += held;
            last.consulted += consulted;
        }
        talk.legs.len().saturating_sub(1)
    }
}

/// Work after one agent's part of the talk of one visit.
pub(super) fn add_work(interaction: &mut Interaction, (visit, leg): (usize, usize), length: Duration) {
    let Some(talk) = interaction.visits.get_mut(visit).and_then(|visit| visit.talk.as_mut()) else { return };
    let more = |work: Option<Duration>| Some(work.unwrap_or_default() + length);
    talk.wrap_up = more(talk.wrap_up);
    if let Some(leg) = talk.legs.get_mut(leg) {
        leg.wrap_up = more(leg.wrap_up);
    }
}

/// Whoever had the caller alone is the talk.
pub(super) fn finished(mut interaction: Interaction) -> Interaction {
    for talk in interaction.visits.iter_mut().filter_map(|visit| visit.talk.as_mut()) {
        if talk.legs.len() < 2 {
            talk.legs = Vec::new();
        }
    }
    interaction
}
