//! SIP without sockets: messages, transactions, dialogs, digest and the registrar.

pub mod api;
mod dialog;
pub mod digest;
mod domains;
pub mod endpoint;
pub mod framing;
mod identity;
pub mod intake;
mod lookup;
pub mod message;
mod number;
mod reason;
pub mod registrar;
mod settings;
pub mod tokens;
mod transaction;

pub use api::{
    AccountId, DialogId, Event, Flow, Invitation, Output, Referral, Refusal, RefusedBy, Transmit, Transport, TrunkId,
    Turned,
};
pub use domains::Domains;
pub use endpoint::{Arrival, CallerIdentity, CancelCause, Endpoint, Load, NotInvited, Overload, Tables, Target};
pub use identity::{Caller, CallerFrom, NumberFrom, tag as caller_tag};
pub use lookup::{HostName, Lookup, Naptr, Place, Question, Records, Srv};
pub use number::{Numbers, e164};
pub use reason::Reason;
pub use settings::{Account, Credentials, Limits, Redirect, Secret, Settings, Told, Trunk};
