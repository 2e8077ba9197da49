//! What the engine is made with, beside the plan, and what a reload changes of it.

use crate::acd::Plan;
use crate::sip::HostName;
use crate::sip::message::Uri;
use crate::{media, sip};
use std::collections::BTreeSet;

/// Settings of everything inside the engine thread; `config` checks and makes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The SIP endpoint's. Its accounts are the agents without a fixed contact.
    pub sip: sip::Settings,
    /// The media engine's.
    pub media: media::Settings,
    /// How each agent's phone is reached, by `AgentId`.
    pub phones: Vec<Phone>,
    /// What each agent's phone speaks, by `AgentId`; those left out what all may, without SRTP.
    pub sound: Vec<Sound>,
    /// When the callers of each service are answered, by `ServiceId`; those left out at once.
    pub answer: Vec<Answer>,
    /// What callers of each trunk get, by `sip::api::TrunkId`; those left out and everybody else what all get.
    pub trunks: Vec<Terms>,
    /// Whose media may be on a loopback address (otherwise only unicast, non-loopback addresses are taken).
    pub loopback_media: Vec<ipnet::IpNet>,
}

/// What the media of a leg is agreed with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    /// Whether it speaks SRTP.
    pub encryption: media::Encryption,
    /// What it is offered and may use, the preferred first; empty for what all may.
    pub codecs: Vec<media::Codec>,
}

/// What callers of one trunk get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// When they are answered, whatever the service says; none for as it says.
    pub answer: Option<Answer>,
    /// Whether they speak SRTP.
    pub encryption: media::Encryption,
    /// What they are offered and may use, the preferred first; empty for what all may.
    pub codecs: Vec<media::Codec>,
    /// Most of them at once; 0 for no limit of their own.
    pub most_calls: u32,
    /// The calling code of their national numbers.
    pub country_code: String,
}

/// When a caller's INVITE gets its 200.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// At once: welcome and music belong to the call.
    #[default]
    First,
    /// Once an agent answers: welcome and music are early media (RFC 3960), and the caller pays for talk only. An INVITE
    /// without an offer is answered at once all the same, unless its side acknowledges provisional answers: our offer has
    /// to arrive.
    Early,
}

/// In a line's contact: the number that is called.
pub const DIALLED: &str = "{dialled}";

/// How an agent's phone is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phone {
    /// Where it registered.
    Account(sip::api::AccountId),
    /// Always at this SIP URI.
    Contact(String),
    /// Nobody's phone: a line to numbers outside, to which agents pass callers on.
    Line {
        /// The SIP URI; [`DIALLED`] in it stands for the number.
        contact: String,
        /// Which numbers.
        dials: Vec<sip::Numbers>,
    },
}

/// The names that have to be looked up before these phones can be called.
pub fn host_names(phones: &[Phone]) -> BTreeSet<HostName> {
    let contacts = phones.iter().filter_map(|phone| match phone {
        Phone::Contact(contact) => Some(contact.clone()),
        // The number stands before the host.
        Phone::Line { contact, .. } => Some(contact.replace(DIALLED, "0")),
        Phone::Account(_) => None,
    });
    contacts.filter_map(|contact| HostName::of(&Uri::parse(&contact).ok()?)).collect()
}

/// What a reload changes; every id in it means what it has meant since the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Laid out after the one in force.
    pub plan: Plan,
    /// By `AccountId`; none for one that was removed.
    pub accounts: Vec<Option<sip::Account>>,
    /// By `AgentId`, those removed included.
    pub phones: Vec<Phone>,
    /// By `AgentId`, those removed included.
    pub sound: Vec<Sound>,
    /// By `ServiceId`, those removed included.
    pub answer: Vec<Answer>,
}
