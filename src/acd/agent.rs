//! Agents: what they chose (status) and what the engine does with them (state), semantics.md section 7.
//!
//! ```text
//!                     offer            200            over            wrap-up over
//!   idle ───────────────────► offered ──────► connected ──► wrap-up ────────────────► idle
//!     ▲                          │               │ (no wrap-up, or dropped before media was joined)
//!     └──── phone's last word ───┘◄──────────────┘
//! ```
//! While idle, the state shown is `signed_out`, `paused`, `other_media`, `unreachable`, `resting` or `ready`, by status. A change of status at
//! any other time takes effect when the agent is idle again. What agents ask for is in `status`.

use super::tier::Bits;
use super::{Acd, Outbox, Timer};
use crate::facts::{AgentState, Fact};
use crate::ids::{AgentId, OfferId, PauseId, PoolId};
use crate::time::{Duration, Time};

/// A phone that cannot be reached may fail within the step that rings it: without a pause it would be rung for ever.
pub(super) const LEAST_RETRY: Duration = Duration::from_secs(1);

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// Nothing that the engine asked for.
    Idle,
    /// The phone rings, or was told to stop and has not said its last word.
    Offered(OfferId),
    /// From the winning 200 to the end of the call.
    Connected(OfferId),
    /// The caller is on hold, or being passed on.
    Holding(OfferId),
    /// Asking a colleague, or asked by one.
    Consulting(OfferId),
    /// Working after a call.
    WrapUp,
}

/// One agent.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub(super) pool: PoolId,
    /// Their place in the order of `linear`.
    pub(super) place: u32,
    /// In the plan, or not yet done with their last call after a reload removed them.
    pub(super) is_present: bool,
    pub(super) activity: Activity,
    /// The last state told as a fact, and since when.
    pub(super) state: AgentState,
    pub(super) since: Time,
    pub(super) fixed_contact: bool,
    pub(super) signed_in: bool,
    /// A request to the phone failed, and since then none succeeded and none came from it.
    failed: bool,
    /// Why no calls are wanted, if so: what was chosen last, be it shown already or not.
    pub(super) paused: Option<PauseId>,
    /// The pause that is told as a fact, and since when it is for this reason.
    pub(super) pause_shown: Option<(PauseId, Time)>,
    /// At work on other media.
    pub(super) other_media: bool,
    /// Nothing is offered before then.
    rest_until: Time,
    /// When the last talk ended.
    pub(super) talk_ended: Time,
    /// `no_answer` in a row.
    misses: u32,
    /// The earliest end of the last call, wrap-up or offer, or first sign-in.
    pub(super) idle_since: Time,
    ever_signed_in: bool,
    /// Number of the last offer; 0 is never.
    pub(super) offered: u64,
    /// Calls answered since sign-in; a joiner starts at the minimum.
    pub(super) answered: u64,
    /// Nanoseconds of talk since sign-in; a joiner starts at the minimum.
    pub(super) talked: u64,
}

/// How many agents of each profile are signed in; those who sign out during a call count until its end.
#[derive(Debug)]
pub(super) struct SignedIn {
    count: Vec<u32>,
    present: Bits,
    /// Somebody was the last of a profile to sign out, and no call has been looked at since.
    fresh: bool,
}

impl SignedIn {
    pub(super) fn new(profiles: usize) -> SignedIn {
        SignedIn { count: vec![0; profiles], present: Bits::with_room_for(profiles), fresh: false }
    }

    pub(super) fn add(&mut self, profile: usize) {
        self.count[profile] += 1;
        self.present.set(profile, true);
    }

    fn remove(&mut self, profile: usize) {
        self.count[profile] = self.count[profile].saturating_sub(1);
        self.present.set(profile, self.count[profile] > 0);
        self.fresh |= self.count[profile] == 0;
    }

    /// Profiles of which somebody is signed in.
    pub(super) fn profiles(&self) -> &Bits {
        &self.present
    }

    pub(super) fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }
}

impl Agent {
    pub(super) fn new(plan: &super::plan::Agent) -> Agent {
        Agent {
            pool: plan.pool,
            place: plan.place,
            is_present: !plan.retired,
            activity: Activity::Idle,
            state: AgentState::SignedOut,
            since: Time::ZERO,
            fixed_contact: plan.fixed_contact,
            signed_in: false,
            failed: false,
            paused: None,
            pause_shown: None,
            other_media: false,
            rest_until: Time::ZERO,
            talk_ended: Time::ZERO,
            misses: 0,
            idle_since: Time::ZERO,
            ever_signed_in: false,
            offered: 0,
            answered: 0,
            talked: 0,
        }
    }

    fn state_at(&self, now: Time) -> AgentState {
        match self.activity {
            Activity::Offered(_) => AgentState::Ringing,
            Activity::Connected(_) => AgentState::Talking,
            Activity::Holding(_) => AgentState::OnHold,
            Activity::Consulting(_) => AgentState::Consulting,
            Activity::WrapUp => AgentState::WrapUp,
            Activity::Idle if !self.signed_in => AgentState::SignedOut,
            Activity::Idle if self.paused.is_some() => AgentState::Paused,
            Activity::Idle if self.other_media => AgentState::OtherMedia,
            Activity::Idle if self.failed => AgentState::Unreachable,
            Activity::Idle if self.rest_until > now => AgentState::Resting,
            Activity::Idle => AgentState::Ready,
        }
    }
}

impl Acd {
    /// The engine's first step: agents with a fixed contact need not register.
    pub(super) fn open(&mut self, out: &mut Outbox) {
        for index in 0..self.agents.len() {
            self.agents[index].since = self.at;
            if self.agents[index].fixed_contact {
                self.sign_in(AgentId(index as u32), out);
            }
        }
    }

    pub(super) fn on_reachable(&mut self, id: AgentId, out: &mut Outbox) {
        if id.index() >= self.agents.len() {
            return self.law(4, false, out);
        }
        if self.plan.agents[id.index()].retired {
            return;
        }
        self.reached(id);
        if self.agents[id.index()].state == AgentState::SignedOut {
            return self.sign_in(id, out);
        }
        // Signed in already, or a sign-out that has not taken effect yet and now never will.
        self.agents[id.index()].signed_in = true;
        self.show(id, self.at, out);
    }

    pub(super) fn on_unregistered(&mut self, id: AgentId, out: &mut Outbox) {
        match self.agents.get_mut(id.index()) {
            None => return self.law(4, false, out),
            Some(agent) => agent.signed_in = agent.fixed_contact,
        }
        self.show(id, self.at, out);
    }

    /// A new sign-in forgets misses, pauses and other media; the counts of the `fewest_calls` and `least_talk_time`
    /// orders start at the minimum of those present, so that a joiner is not flooded.
    pub(super) fn sign_in(&mut self, id: AgentId, out: &mut Outbox) {
        let present = || self.agents.iter().filter(|agent| agent.state != AgentState::SignedOut);
        let answered = present().map(|agent| agent.answered).min().unwrap_or(0);
        let talked = present().map(|agent| agent.talked).min().unwrap_or(0);
        let agent = &mut self.agents[id.index()];
        (agent.signed_in, agent.paused, agent.misses, agent.other_media) = (true, None, 0, false);
        (agent.answered, agent.talked) = (answered, talked);
        if !agent.ever_signed_in {
            (agent.ever_signed_in, agent.idle_since) = (true, self.at);
        }
        self.show(id, self.at, out);
    }

    /// The phone said something: it can be reached.
    pub(super) fn reached(&mut self, id: AgentId) {
        self.agents[id.index()].failed = false;
        self.deadlines.cancel(Timer::Retry(id));
    }

    /// A request to the phone failed. A registered phone comes back by registering; a fixed contact is tried again.
    pub(super) fn not_reached(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.index()];
        agent.failed = true;
        if agent.fixed_contact {
            self.deadlines.set(Timer::Retry(id), self.at + self.plan.limits.back_off.unreachable.max(LEAST_RETRY));
        }
    }

    pub(super) fn retry(&mut self, id: AgentId, out: &mut Outbox) {
        self.agents[id.index()].failed = false;
        self.show(id, self.at, out);
    }

    /// `misses_to_pause` misses in a row pause the agent; those are then used up.
    pub(super) fn missed(&mut self, id: AgentId) {
        let most = self.plan.limits.misses_to_pause;
        let agent = &mut self.agents[id.index()];
        agent.misses += 1;
        if most > 0 && agent.misses >= most {
            (agent.paused, agent.misses) = (Some(PauseId::MISSED), 0);
        }
    }

    pub(super) fn occupy(&mut self, id: AgentId, activity: Activity, moment: Time, out: &mut Outbox) {
        self.agents[id.index()].activity = activity;
        self.show(id, moment, out);
    }

    /// The agent has nothing to do any more.
    pub(super) fn release(&mut self, id: AgentId, out: &mut Outbox) {
        let agent = &mut self.agents[id.index()];
        agent.idle_since = self.at.max(agent.since);
        if agent.rest_until > self.latest {
            self.deadlines.set(Timer::Rest(id), agent.rest_until);
        }
        self.occupy(id, Activity::Idle, self.at, out);
    }

    /// Nothing is offered to the agent until then, whatever was decided before.
    pub(super) fn rest_until(&mut self, id: AgentId, moment: Time) {
        let agent = &mut self.agents[id.index()];
        agent.rest_until = agent.rest_until.max(moment);
    }

    pub(super) fn rest_due(&mut self, id: AgentId, out: &mut Outbox) {
        self.show(id, self.at, out);
    }

    /// An answered call is over for the agent: wrap-up, if its queue has one.
    pub(super) fn end_of_call(&mut self, id: AgentId, talked: Duration, wrap_up: Duration, out: &mut Outbox) {
        let nanos = u64::try_from(talked.as_nanos()).unwrap_or(u64::MAX);
        let agent = &mut self.agents[id.index()];
        agent.talked = agent.talked.saturating_add(nanos);
        agent.talk_ended = self.at;
        let gap = self.plan.agents[id.index()].gap;
        if !gap.is_zero() {
            self.rest_until(id, self.at + gap);
        }
        let wrap_up = self.plan.agents[id.index()].wrap_up.unwrap_or(wrap_up);
        if wrap_up.is_zero() {
            return self.release(id, out);
        }
        self.deadlines.set(Timer::WrapUp(id), self.at + wrap_up);
        self.occupy(id, Activity::WrapUp, self.at, out);
    }

    pub(super) fn answered_one(&mut self, id: AgentId) {
        self.agents[id.index()].misses = 0;
        self.agents[id.index()].answered += 1;
    }

    /// Tells a change of state and keeps the index of ready agents. Everything that a rank is made of changes only
    /// while the agent is not ready.
    pub(super) fn show(&mut self, id: AgentId, moment: Time, out: &mut Outbox) {
        let agent = &mut self.agents[id.index()];
        let (from, to) = (agent.state, agent.state_at(self.latest));
        if from == to {
            let moment = moment.max(agent.since);
            return self.show_pause(id, moment, false, out);
        }
        // Causes may be handled a little out of order; the stays of one agent never overlap.
        let moment = moment.max(agent.since);
        let profile = self.tiers.profile_of(id);
        if from == AgentState::Ready {
            self.ready.remove(id, agent, profile);
        }
        let lasted = moment.since(agent.since);
        (agent.state, agent.since) = (to, moment);
        let pool = agent.pool;
        out.fact(moment, Fact::AgentStateChanged { agent: id, pool, from, to, lasted });
        self.show_pause(id, moment, false, out);
        match (from, to) {
            (AgentState::SignedOut, _) => self.signed_in.add(profile),
            (_, AgentState::SignedOut) => self.signed_in.remove(profile),
            _ => {}
        }
        if to == AgentState::Ready {
            self.ready.insert(id, &self.agents[id.index()], profile);
            self.fresh_agents.push(id);
        }
        if matches!(to, AgentState::SignedOut | AgentState::Paused | AgentState::OtherMedia | AgentState::Unreachable) {
            self.free_kept_for(id, out);
        }
        if to == AgentState::SignedOut {
            self.leave_if_removed(id, out);
        }
    }
}
