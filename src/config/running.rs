//! The configuration that a running daemon goes by: that of its start, with every reload laid out after it.

use super::settings::{Clip, Settings};
use super::{Checked, TooMany};
use crate::acd::Plan;
use crate::acd::succession::{MOST_AGENTS, succeed};
use crate::b2bua::{self, Answer, Change, Phone, Sound};
use crate::ids::ClipId;
use crate::sip::{Account, AccountId, HostName};
use std::collections::{BTreeMap, BTreeSet};

/// Plan, accounts and clips of a run; whoever was ever in it has a place of their own (`acd::succession`).
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// The plan in force, those removed included.
    pub plan: Plan,
    /// Prompts and music, by `ClipId`.
    pub clips: Vec<Clip>,
    /// By `AccountId`, with the user it belongs to; none for one that was removed.
    pub(super) accounts: Vec<(String, Option<Account>)>,
    /// By `AgentId`.
    pub(super) phones: Vec<Phone>,
    /// By `AgentId`.
    pub(super) sound: Vec<Sound>,
    /// By `ServiceId`.
    pub(super) answer: Vec<Answer>,
}

impl Running {
    /// At the start: as it was written.
    pub fn of(checked: &Checked) -> Running {
        let engine = &checked.settings.engine;
        Running {
            plan: checked.plan.clone(),
            clips: checked.settings.clips.clone(),
            accounts: engine.sip.accounts.iter().map(|it| (it.user.clone(), Some(it.clone()))).collect(),
            phones: engine.phones.clone(),
            sound: engine.sound.clone(),
            answer: engine.answer.clone(),
        }
    }

    /// What it is after a reload of `new`, and where each of its clips is then. `same_sound` says whether the clips at
    /// these places, here and there, sound the same.
    ///
    /// # Errors
    /// Those removed since the start leave no room for the new.
    pub fn after(
        &self,
        new: &Checked,
        same_sound: impl Fn(usize, usize) -> bool,
    ) -> Result<(Running, Vec<ClipId>), TooMany> {
        let mut clips = self.clips.clone();
        let mut place_of = |(position, clip): (usize, &Clip)| {
            let mut known = self.clips.iter().enumerate();
            let known = known.find(|(place, known)| known.source == clip.source && same_sound(*place, position));
            let place = known.map_or(clips.len(), |(place, _)| place);
            if place == clips.len() {
                clips.push(clip.clone());
            }
            ClipId(u32::try_from(place).unwrap_or(u32::MAX))
        };
        let at: Vec<ClipId> = new.settings.clips.iter().enumerate().map(&mut place_of).collect();
        let succession = succeed(&self.plan, new.plan.clone(), &at)?;
        // Taken apart by name, as everywhere on the way of a reload: what is new is laid out or does not compile.
        let b2bua::Settings {
            sip,
            media: _,
            phones: new_phones,
            sound: new_sound,
            answer: new_answer,
            trunks: _,
            loopback_media: _,
        } = &new.settings.engine;
        let (accounts, account_at) = self.accounts_after(&sip.accounts);
        if accounts.len() > MOST_AGENTS {
            return Err(TooMany { what: "accounts".to_owned(), most: MOST_AGENTS });
        }
        let (mut phones, mut sound) = (self.phones.clone(), self.sound.clone());
        for (position, agent) in succession.agents.iter().enumerate() {
            let how = new_sound.get(position).cloned().unwrap_or_default();
            put(&mut sound, agent.index(), how, &Sound::default());
        }
        for (phone, agent) in new_phones.iter().zip(&succession.agents) {
            let phone = match phone {
                Phone::Account(account) => {
                    Phone::Account(account_at.get(account.0 as usize).copied().unwrap_or(*account))
                }
                elsewhere @ (Phone::Contact(_) | Phone::Line { .. }) => elsewhere.clone(),
            };
            put(&mut phones, agent.index(), phone, &Phone::Contact(String::new()));
        }
        let mut answer = self.answer.clone();
        for (position, service) in succession.services.iter().enumerate() {
            let when = new_answer.get(position).copied().unwrap_or_default();
            put(&mut answer, service.index(), when, &Answer::default());
        }
        Ok((Running { plan: succession.plan, clips, accounts, phones, sound, answer }, at))
    }

    /// The names that have to be looked up before its phones can be called.
    pub fn host_names(&self) -> BTreeSet<HostName> {
        b2bua::host_names(&self.phones)
    }

    /// For the engine.
    pub fn change(&self) -> Change {
        Change {
            plan: self.plan.clone(),
            accounts: self.accounts.iter().map(|(_, account)| account.clone()).collect(),
            phones: self.phones.clone(),
            sound: self.sound.clone(),
            answer: self.answer.clone(),
        }
    }

    fn accounts_after(&self, new: &[Account]) -> (Vec<(String, Option<Account>)>, Vec<AccountId>) {
        let mut accounts: Vec<_> = self.accounts.iter().map(|(user, _)| (user.clone(), None)).collect();
        let known: BTreeMap<&str, usize> = self.accounts.iter().map(|(user, _)| user.as_str()).zip(0..).collect();
        let mut places = Vec::new();
        for account in new {
            let place = known.get(account.user.as_str()).copied().unwrap_or(accounts.len());
            let entry = (account.user.clone(), Some(account.clone()));
            put(&mut accounts, place, entry, &(String::new(), None));
            places.push(AccountId(u32::try_from(place).unwrap_or(u32::MAX)));
        }
        (accounts, places)
    }
}

/// The configuration in force after a reload: what can change while running is that of `new`, the rest that of `old`.
pub fn in_force(old: &Checked, new: Checked) -> Checked {
    let Checked { mut plan, settings, warnings, hash } = new;
    plan.limits.channels = old.plan.limits.channels;
    let mut kept: Settings = old.settings.clone();
    kept.clips = settings.clips;
    kept.engine.phones = settings.engine.phones;
    kept.engine.sound = settings.engine.sound;
    kept.engine.answer = settings.engine.answer;
    kept.engine.sip.accounts = settings.engine.sip.accounts;
    Checked { plan, settings: kept, warnings, hash }
}

/// Puts a value at a place, which may be after the end.
fn put<T: Clone>(list: &mut Vec<T>, place: usize, value: T, filler: &T) {
    if list.len() <= place {
        list.resize(place + 1, filler.clone());
    }
    list[place] = value;
}
