//! Status: what agents ask for, and what is denied them (semantics.md section 7). What the engine does with them, and
//! the state that follows from both, is in `agent`.

use super::agent::Activity;
use super::event::AgentRequest;
use super::{Acd, Outbox, Timer};
use crate::facts::{AgentState, Denial, Fact};
use crate::ids::{AgentId, PauseId, PoolId};
use crate::time::{Duration, Time};

impl Acd {
    pub(super) fn on_asked(&mut self, id: AgentId, request: AgentRequest, out: &mut Outbox) {
        if id.index() >= self.agents.len() {
            return self.law(4, false, out);
        }
        if let Some(why) = self.objection(id, request) {
            let pool = self.agents[id.index()].pool;
            return out.fact(self.at, Fact::AgentDenied { agent: id, pool, why });
        }
        let agent = &mut self.agents[id.index()];
        match request {
            AgentRequest::Pause(reason) => agent.paused = Some(reason),
            AgentRequest::Resume => agent.paused = None,
            AgentRequest::OtherMedia(busy) => agent.other_media = busy,
            AgentRequest::Ready => {
                (agent.paused, agent.other_media) = (None, false);
                self.end_wrap_up(id, out);
            }
            AgentRequest::EndWrapUp => self.end_wrap_up(id, out),
            AgentRequest::ExtendWrapUp(by) => {
                if let Some(end) = self.deadlines.get(Timer::WrapUp(id)) {
                    self.deadlines.set(Timer::WrapUp(id), end + by);
                }
            }
            AgentRequest::Consultation(wanted) => self.on_consultation(id, wanted, out),
            AgentRequest::PauseRecording(is_paused) => {
                if let Some(call) = self.recorded_with(id) {
                    self.set_recording(call, is_paused, out);
                }
            }
        }
        self.show(id, self.at, out);
    }

    /// Why a request cannot be met now, if it cannot.
    fn objection(&self, id: AgentId, request: AgentRequest) -> Option<Denial> {
        let agent = &self.agents[id.index()];
        if !agent.signed_in && agent.activity == Activity::Idle {
            return Some(Denial::SignedOut);
        }
        match request {
            AgentRequest::Pause(reason) => self.objection_to_pause(id, reason),
            AgentRequest::EndWrapUp => (agent.activity != Activity::WrapUp).then_some(Denial::NotInWrapUp),
            AgentRequest::ExtendWrapUp(by) => self.objection_to_extension(id, by),
            AgentRequest::PauseRecording(_) => self.recorded_with(id).is_none().then_some(Denial::NotRecorded),
            AgentRequest::Consultation(wanted) => self.objection_to_consultation(id, wanted),
            AgentRequest::Resume | AgentRequest::Ready | AgentRequest::OtherMedia(_) => None,
        }
    }

    /// Whoever asked for it during a call and is not paused yet is counted too.
    fn objection_to_pause(&self, id: AgentId, reason: PauseId) -> Option<Denial> {
        let is_known = match self.plan.pause(reason) {
            None => reason.index() < PauseId::BUILT_IN.len(),
            Some(pause) => !pause.retired,
        };
        if !is_known {
            return Some(Denial::NoSuchReason);
        }
        let most = self.plan.pause(reason)?.most_at_once?;
        let others = (0..).map(AgentId).zip(&self.agents).filter(|&(other, agent)| {
            other != id && agent.paused == Some(reason) && (agent.signed_in || agent.activity != Activity::Idle)
        });
        (others.take(most as usize).count() >= most as usize).then_some(Denial::TooManyPaused)
    }

    fn objection_to_extension(&self, id: AgentId, by: Duration) -> Option<Denial> {
        let Some(end) = self.deadlines.get(Timer::WrapUp(id)) else { return Some(Denial::NotInWrapUp) };
        let last = self.agents[id.index()].talk_ended + self.plan.limits.wrap_up_max;
        (end + by > last).then_some(Denial::WrapUpLimit)
    }

    fn end_wrap_up(&mut self, id: AgentId, out: &mut Outbox) {
        if self.agents[id.index()].activity == Activity::WrapUp {
            self.deadlines.cancel(Timer::WrapUp(id));
            self.release(id, out);
        }
    }

    /// The pause has lasted for as long as its reason allows: calls again. Who is not there misses some, and is paused
    /// for that.
    pub(super) fn pause_due(&mut self, id: AgentId, out: &mut Outbox) {
        self.agents[id.index()].paused = None;
        self.show_pause(id, self.at, true, out);
        self.show(id, self.at, out);
    }

    /// A reload moved the agent to another pool: the pause goes on there.
    pub(super) fn move_pause(&mut self, id: AgentId, from: PoolId, out: &mut Outbox) {
        let (agent, at) = (&mut self.agents[id.index()], self.at);
        let (pool, Some((reason, since))) = (agent.pool, agent.pause_shown) else { return };
        agent.pause_shown = Some((reason, at));
        let lasted = at.since(since);
        out.fact(at, Fact::PauseEnded { agent: id, pool: from, reason, lasted, limit_reached: false });
        out.fact(at, Fact::PauseBegan { agent: id, pool, reason });
    }

    /// Tells which reason the agent is paused for, when that changed, and keeps the reason's limit.
    pub(super) fn show_pause(&mut self, id: AgentId, moment: Time, limit_reached: bool, out: &mut Outbox) {
        let agent = &mut self.agents[id.index()];
        let now = agent.paused.filter(|_| agent.state == AgentState::Paused);
        let shown = agent.pause_shown.map(|(reason, _)| reason);
        if now == shown {
            return;
        }
        let pool = agent.pool;
        if let Some((reason, since)) = agent.pause_shown.take() {
            let lasted = moment.since(since);
            out.fact(moment, Fact::PauseEnded { agent: id, pool, reason, lasted, limit_reached });
            self.deadlines.cancel(Timer::Pause(id));
        }
        if let Some(reason) = now {
            self.agents[id.index()].pause_shown = Some((reason, moment));
            out.fact(moment, Fact::PauseBegan { agent: id, pool, reason });
            if let Some(longest) = self.plan.pause(reason).and_then(|pause| pause.longest) {
                self.deadlines.set(Timer::Pause(id), moment + longest);
            }
        }
    }
}
