//! A new configuration for the legs: numbers, phones and accounts follow the plan; legs that exist are not touched.

use super::engine::Engine;
use super::settings::{Change, Phone};
use crate::acd::{self, Plan};
use crate::ids::{AgentId, ServiceId};
use crate::sip::{AccountId, e164};
use crate::time::Time;
use std::collections::HashMap;

impl Engine {
    /// The service that a dialled number means, however it is spelled.
    pub(super) fn service_of(&self, number: &str, country_code: &str) -> Option<ServiceId> {
        self.numbers.get(number).or_else(|| self.numbers.get(&e164(number, country_code))).copied()
    }

    pub(super) fn on_plan_changed(&mut self, change: Change, now: Time) {
        let Change { plan, accounts, phones, sound, answer } = change;
        self.numbers = numbers(&plan, &self.country_code);
        self.agent_of_number = agents_by_number(&plan);
        self.agent_of_account = agents_by_account(&plan, &phones);
        self.sip.set_accounts(accounts);
        (self.phones, self.sound, self.answer) = (phones, sound, answer);
        self.acd.handle(acd::Event::PlanChanged(Box::new(plan)), now, &mut self.outbox);
    }
}

/// The service of each number that is dialled.
pub(super) fn numbers(plan: &Plan, country_code: &str) -> HashMap<String, ServiceId> {
    let services = || (0..).map(ServiceId).zip(&plan.services).filter(|(_, service)| !service.retired);
    let mut numbers: HashMap<_, _> = services().map(|(id, service)| (service.number.clone(), id)).collect();
    // As written goes first, should two services differ in the spelling alone.
    for (id, service) in services() {
        numbers.entry(e164(&service.number, country_code)).or_insert(id);
    }
    numbers
}

/// Whom each number of an agent means.
pub(super) fn agents_by_number(plan: &Plan) -> HashMap<String, AgentId> {
    let agents = (0..).map(AgentId).zip(&plan.agents).filter(|(_, agent)| !agent.retired);
    agents.map(|(id, agent)| (agent.number.clone(), id)).collect()
}

/// Who registers with each account.
pub(super) fn agents_by_account(plan: &Plan, phones: &[Phone]) -> HashMap<AccountId, AgentId> {
    let agents = (0..).map(AgentId).zip(&plan.agents).zip(phones).filter(|((_, agent), _)| !agent.retired);
    let accounts = agents.filter_map(|((agent, _), phone)| match phone {
        Phone::Account(account) => Some((*account, agent)),
        Phone::Contact(_) | Phone::Line { .. } => None,
    });
    accounts.collect()
}
