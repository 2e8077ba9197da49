//! Doors: who is let in to a service, and where callers go who are not, or who leave.

use crate::ids::{CalendarId, ClipId, ServiceId};

/// Who is let in to a service, and where the others go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Its hours; without them it is always open.
    pub calendar: Option<CalendarId>,
    /// Outside its hours.
    pub closed: Exit,
    /// Outside its hours on a holiday.
    pub holiday: Exit,
    /// No place is free in its queue.
    pub full: Exit,
    /// Nobody whom any step of its queue allows is signed in; without it such callers wait all the same.
    pub nobody_signed_in: Option<Exit>,
    /// What becomes of those who wait when it closes.
    pub at_closing: AtClosing,
}

/// What becomes of callers who still wait when their service closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtClosing {
    /// They are served.
    #[default]
    Serve,
    /// They go where callers outside the hours go.
    FlowOut,
}

/// Where a caller goes instead of waiting, or instead of waiting on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exit {
    /// Nowhere: whoever is not received yet is refused, others are hung up.
    #[default]
    End,
    /// An announcement, then the end.
    Announce(ClipId),
    /// Another service: who is not received yet calls that one instead, others enter its queue.
    Service(ServiceId),
}
