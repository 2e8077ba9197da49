//! What callers of one trunk get, and how many of them there are.

use super::engine::Engine;
use super::settings::{Sound, Terms};
use crate::ids::AgentId;
use crate::media::Encryption;
use crate::sip::TrunkId;

/// Every trunk's terms and calls.
#[derive(Debug)]
pub(super) struct Trunks {
    /// By `TrunkId`; the last one is for everybody else.
    terms: Vec<Terms>,
    /// By `TrunkId`.
    calls: Vec<u32>,
}

impl Trunks {
    /// Who comes by none of them speaks SRTP as `encryption` says, and has national numbers of this country.
    pub(super) fn new(mut terms: Vec<Terms>, encryption: Encryption, country_code: &str) -> Trunks {
        terms.push(Terms { encryption, country_code: country_code.to_owned(), ..Terms::default() });
        Trunks { calls: vec![0; terms.len()], terms }
    }

    fn at(&self, trunk: Option<TrunkId>) -> usize {
        let others = self.terms.len().saturating_sub(1);
        trunk.map_or(others, |trunk| (trunk.0 as usize).min(others))
    }

    /// The terms of a caller.
    pub(super) fn terms(&self, trunk: Option<TrunkId>) -> &Terms {
        // There is always the last one.
        &self.terms[self.at(trunk)]
    }

    /// Whether one more call of a trunk fits.
    pub(super) fn has_room(&self, trunk: Option<TrunkId>) -> bool {
        let most = self.terms(trunk).most_calls;
        most == 0 || self.calls[self.at(trunk)] < most
    }

    /// A call of it came.
    pub(super) fn came(&mut self, trunk: Option<TrunkId>) {
        let at = self.at(trunk);
        self.calls[at] = self.calls[at].saturating_add(1);
    }

    /// A call of it is over.
    pub(super) fn left(&mut self, trunk: Option<TrunkId>) {
        let at = self.at(trunk);
        self.calls[at] = self.calls[at].saturating_sub(1);
    }
}

impl Engine {
    /// What a caller's media is opened with.
    pub(super) fn sound_of_callers(&self, trunk: Option<TrunkId>) -> Sound {
        let terms = self.trunks.terms(trunk);
        Sound { encryption: terms.encryption, codecs: terms.codecs.clone() }
    }

    /// What an agent's media is opened with.
    pub(super) fn sound_of_agent(&self, agent: AgentId) -> Sound {
        self.sound.get(agent.index()).cloned().unwrap_or_default()
    }
}
