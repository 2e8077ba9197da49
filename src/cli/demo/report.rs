//! The end of the demo: the service level, and whether the engine counted what the phones saw.

use super::numbers::Numbers;
use super::script::{Script, Service};
use super::{agent, caller};
use caller::End;
use centralino::acd::Plan;
use centralino::facts::{AgentState, OfferOutcome};
use centralino::stats::layout::{Gauge, VisitEnd};
use centralino::stats::ratio::{Ratio, UNDEFINED};
use hdrhistogram::Histogram;
use std::fmt::Write;
use std::time::Duration;

/// How far a wait as a caller hears it may be from the engine's: a packet's way, the 60 ms that an ear needs, and a
/// busy machine.
const HEARING: Duration = Duration::from_millis(500);

/// All that is known when everybody has hung up.
pub struct Evidence<'a> {
    /// What was to be played.
    pub script: &'a Script,
    /// What the engine went by.
    pub plan: &'a Plan,
    /// What each caller saw, by place in the script; none if the phone broke down.
    pub callers: &'a [Option<caller::Seen>],
    /// What each agent saw, likewise.
    pub agents: &'a [Option<agent::Seen>],
    /// What the engine counted.
    pub numbers: &'a Numbers,
    /// What went wrong with the phones themselves.
    pub troubles: &'a [String],
}

/// What is printed at the end.
pub struct Report {
    /// The tables.
    pub text: String,
    /// What does not agree; nothing, if all is well.
    pub differences: Vec<String>,
}

impl Report {
    /// Draws everything up.
    pub fn of(evidence: &Evidence<'_>) -> Report {
        let mut report = Report { text: String::new(), differences: evidence.troubles.to_vec() };
        report.service_level(evidence);
        report.waits(evidence);
        report.offers(evidence);
        report.counters(evidence);
        report.fitting_waits(evidence);
        report.audio(evidence);
        report.leftovers(evidence);
        report
    }

    fn line(&mut self, line: &str) {
        self.text += line.trim_end_matches(' ');
        self.text.push('\n');
    }

    fn service_level(&mut self, evidence: &Evidence<'_>) {
        self.line("\nService level = hit / (hit + miss).  A wait begins when the welcome ends.\n");
        self.line("  queue        within   entered    hit   miss  excused  pending        SL    target");
        for (number, queue) in evidence.plan.queues.iter().enumerate() {
            for (position, threshold) in queue.thresholds.iter().enumerate() {
                let events = evidence.numbers.events(number, position);
                let level = events.service_level();
                let percent = level.map_or_else(|| UNDEFINED.to_string(), two_decimals);
                let met = match events.met(queue.target_percent) {
                    Some(true) => "met",
                    Some(false) => "missed",
                    None => "",
                };
                let name = if position == 0 { queue.name.as_str() } else { "" };
                let within = format!("{} s", threshold.as_secs_f64());
                self.line(&format!(
                    "  {name:<12} {within:>6} {:>9} {:>6} {:>6} {:>8} {:>8} {percent:>9}    > {} %  {met}",
                    events.entered(),
                    events.hit,
                    events.miss,
                    events.excused,
                    events.pending,
                    queue.target_percent,
                ));
            }
        }
        self.line("\n  excused: hung up while still in time; the first line of a queue is its contract's");
    }

    fn waits(&mut self, evidence: &Evidence<'_>) {
        self.line("\nWaits of answered calls, as callers heard them: from the end of the welcome to a voice\n");
        self.line("  queue         calls       p50       p90   longest      mean   the engine's mean");
        for (number, service) in [Service::Information, Service::Switchboard].into_iter().enumerate() {
            let mut waits = Histogram::<u64>::new_with_max(60_000, 3).ok();
            for waited in evidence.waits(service, End::Answered) {
                let milliseconds = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                if let Some(waits) = &mut waits {
                    waits.saturating_record(milliseconds);
                }
            }
            let name = evidence.plan.queues.get(number).map_or("", |queue| &queue.name);
            let counted = evidence.numbers.mean_wait(number);
            let (Some(waits), Some(counted)) = (waits.filter(|waits| !waits.is_empty()), counted) else {
                self.line(&format!("  {name:<12} {:>6}", 0));
                continue;
            };
            let seconds = |milliseconds: f64| format!("{:.2} s", milliseconds / 1_000.0);
            self.line(&format!(
                "  {name:<12} {:>6} {:>9} {:>9} {:>9} {:>9}   {}",
                waits.len(),
                seconds(waits.value_at_quantile(0.5) as f64),
                seconds(waits.value_at_quantile(0.9) as f64),
                seconds(waits.max() as f64),
                seconds(waits.mean()),
                seconds(counted.as_secs_f64() * 1_000.0),
            ));
            let apart = (waits.mean() / 1_000.0 - counted.as_secs_f64()).abs();
            if apart > HEARING.as_secs_f64() {
                self.differences.push(format!("{name}: the engine's mean wait is {apart:.2} s from the callers'"));
            }
        }
    }

    fn offers(&mut self, evidence: &Evidence<'_>) {
        let ended = OfferOutcome::ALL.iter().map(|&outcome| (outcome.label(), evidence.numbers.offers_ended(outcome)));
        let ended = ended.filter(|&(_, count)| count > 0).map(|(outcome, count)| format!("{outcome} {count}"));
        let ended: Vec<String> = ended.collect();
        let made = evidence.numbers.offers();
        self.line(&format!("\nOffers made: {made} ({})", ended.join(", ")));
        let pools: Vec<String> = evidence
            .plan
            .pools
            .iter()
            .map(|pool| {
                let agents = evidence.script.agents.iter().zip(evidence.agents);
                let talks = agents.filter(|(agent, _)| agent.pool == pool.name).flat_map(|(_, seen)| seen);
                format!("{} {}", pool.name, talks.map(|seen| seen.talks.len()).sum::<usize>())
            })
            .collect();
        self.line(&format!("Answered by: {}", pools.join(", ")));
    }

    fn counters(&mut self, evidence: &Evidence<'_>) {
        let numbers = evidence.numbers;
        let seen = |end: End| evidence.callers().filter(|(_, seen)| seen.end == end).count() as u64;
        let refused = evidence.callers().filter(|(_, seen)| matches!(seen.end, End::Refused(_))).count() as u64;
        let rung: u64 = evidence.agents().map(|agent| agent.rung).sum();
        let outcome = |outcome| numbers.offers_ended(outcome);
        let cancelled =
            outcome(OfferOutcome::NoAnswer) + outcome(OfferOutcome::CallerGone) + outcome(OfferOutcome::Withdrawn);
        self.line("\nThe same morning, counted by the phones and by the engine\n");
        self.line("                                          phones   engine");
        let rows = [
            ("received", evidence.callers().count() as u64 - refused, numbers.received()),
            ("refused", refused, numbers.refused()),
            ("left during the welcome", seen(End::LeftInWelcome), numbers.left_in_greeting()),
            ("answered", seen(End::Answered), numbers.finished(VisitEnd::Answered)),
            ("abandoned", seen(End::Abandoned), numbers.finished(VisitEnd::Abandoned)),
            ("sent away after the longest wait", seen(End::SentAway), numbers.finished(VisitEnd::FlowedOut)),
            ("phones rung", rung, numbers.offers()),
            ("phones busy", evidence.agents().map(|agent| agent.busy).sum(), outcome(OfferOutcome::Busy)),
            ("phones told to stop ringing", evidence.agents().map(|agent| agent.cancelled).sum(), cancelled),
        ];
        for (what, phones, engine) in rows {
            let differs = if phones == engine { "" } else { "   DIFFERS" };
            self.line(&format!("  {what:<38} {phones:>7}  {engine:>7}{differs}"));
            if phones != engine {
                self.differences.push(format!("{what}: the phones saw {phones}, the engine counted {engine}"));
            }
        }
    }

    /// Hits and misses against the waits that callers heard; who was near a threshold may be either.
    fn fitting_waits(&mut self, evidence: &Evidence<'_>) {
        for (number, service) in [Service::Information, Service::Switchboard].into_iter().enumerate() {
            let Some(queue) = evidence.plan.queues.get(number) else { continue };
            for (position, &threshold) in queue.thresholds.iter().enumerate() {
                let events = evidence.numbers.events(number, position);
                let answered: Vec<Duration> = evidence.waits(service, End::Answered).collect();
                let hits = answered.iter().filter(|&&waited| waited + HEARING <= threshold).count() as u64;
                let misses = answered.iter().filter(|&&waited| waited > threshold + HEARING).count() as u64;
                if events.hit < hits || events.miss < misses || events.hit > answered.len() as u64 - misses {
                    self.differences.push(format!(
                        "{}, {threshold:?}: {} hits and {} misses do not fit the waits that callers heard",
                        queue.name, events.hit, events.miss
                    ));
                }
            }
        }
    }

    fn audio(&mut self, evidence: &Evidence<'_>) {
        let stayed = |end: End| !matches!(end, End::Refused(_) | End::LeftInWelcome | End::Interrupted);
        let stayed: Vec<_> = evidence.callers().filter(|(_, seen)| stayed(seen.end)).collect();
        let whole = stayed.iter().filter(|(_, seen)| seen.welcome).count();
        let answered: Vec<_> = stayed.iter().filter(|(_, seen)| seen.end == End::Answered).collect();
        let both = answered.iter().filter(|(place, seen)| seen.clear && evidence.agent_heard(*place, seen.agent));
        let both = both.count();
        self.line(&format!(
            "\nAudio: the whole welcome, sample by sample, reached {whole} of {} callers",
            stayed.len()
        ));
        self.line(&format!(
            "       both ends heard the other's tone, and no other, in {both} of {} talks",
            answered.len()
        ));
        if whole != stayed.len() {
            self.differences.push(format!("{} callers did not hear the whole welcome", stayed.len() - whole));
        }
        if both != answered.len() {
            self.differences.push(format!("in {} talks an end did not hear the other", answered.len() - both));
        }
    }

    fn leftovers(&mut self, evidence: &Evidence<'_>) {
        let numbers = evidence.numbers;
        let signed_in = evidence.plan.agents.len() as u64 - numbers.agents(AgentState::SignedOut);
        let tables = [
            ("in the welcome", numbers.in_greeting()),
            ("waiting", numbers.waiting()),
            ("ringing", numbers.ringing()),
            ("talking", numbers.talking()),
            ("agents signed in", signed_in),
            ("dialogs", numbers.gauge(Gauge::SipDialogs)),
            ("media legs", numbers.gauge(Gauge::MediaLegs)),
            ("RTP ports", numbers.gauge(Gauge::RtpPortsInUse)),
            ("registrations", numbers.gauge(Gauge::Registrations)),
            ("laws broken", numbers.laws_broken()),
        ];
        let left: Vec<String> =
            tables.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{what} {count}")).collect();
        let mut text = String::from("Left behind: ");
        if left.is_empty() {
            text += "nothing; every call, dialog, media leg, port and registration is gone";
        } else {
            // Into memory: cannot fail.
            let _ = write!(text, "{}", left.join(", "));
            self.differences.push(format!("the engine's tables are not empty: {}", left.join(", ")));
        }
        self.line(&text);
    }
}

/// In percent, halves up; whether a target is met is never decided on this.
fn two_decimals(ratio: Ratio) -> String {
    let (numerator, denominator) = ratio.percent_fraction();
    let hundredths = (numerator.unsigned_abs() * 200 + denominator) / (denominator * 2);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

impl Evidence<'_> {
    fn callers(&self) -> impl Iterator<Item = (usize, &caller::Seen)> {
        self.callers.iter().enumerate().filter_map(|(place, seen)| Some((place, seen.as_ref()?)))
    }

    fn agents(&self) -> impl Iterator<Item = &agent::Seen> {
        self.agents.iter().flatten()
    }

    fn waits(&self, service: Service, end: End) -> impl Iterator<Item = Duration> {
        let dialled = move |place: usize| self.script.calls.get(place).is_some_and(|call| call.service == service);
        self.callers().filter(move |(place, seen)| dialled(*place) && seen.end == end).map(|(_, seen)| seen.waited)
    }

    /// Whether the agent whom a caller knew by voice heard that caller.
    fn agent_heard(&self, call: usize, agent: Option<usize>) -> bool {
        let seen = agent.and_then(|agent| self.agents.get(agent)?.as_ref());
        seen.is_some_and(|seen| seen.talks.iter().any(|talk| talk.call == call && talk.clear))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::configuration;
    use centralino::config;
    use centralino::facts::{Fact, Party, Record};
    use centralino::ids::{AgentId, CallId, OfferId, PoolId, QueueId, ServiceId};
    use centralino::stats::{Tally, snapshot};
    use centralino::time::Time;

    /// One call that was answered by the first agent after a second, in facts.
    fn facts(service: ServiceId, queue: QueueId) -> Vec<Fact> {
        let (call, offer, agent, pool, step) = (CallId(1), OfferId(1), AgentId(0), PoolId(0), 0);
        let (waited, outcome) = (Duration::from_secs(1), OfferOutcome::Accepted);
        vec![
            Fact::CallReceived { call, service, arrived_at: Time::ZERO },
            Fact::CallEntered { call, service, queue },
            Fact::OfferMade { offer, call, queue, step, pool, agent, since: Time::ZERO },
            Fact::OfferEnded { offer, call, queue, step, pool, agent, outcome, rang: waited },
            Fact::CallAnswered { call, queue, pool, agent, waited },
            Fact::CallEnded {
                call,
                queue,
                pool,
                agent,
                talked: waited,
                held: Duration::ZERO,
                consulted: Duration::ZERO,
                by: Party::Caller,
            },
        ]
    }

    /// What the report says of that call when the engine counted `facts` of the facts, and the phones saw what
    /// `change` makes of the truth.
    fn differences(facts_told: usize, change: impl FnOnce(&mut caller::Seen, &mut agent::Seen)) -> String {
        let (plan, script) = (configuration().unwrap().plan, Script::new(1, 1));
        let mut tally = Tally::new(config::shape(&plan), Time::ZERO);
        let place = u32::from(script.calls[0].service == Service::Switchboard);
        for fact in facts(ServiceId(place), QueueId(place)).into_iter().take(facts_told) {
            tally.apply(&Record { at: Time::ZERO, fact });
        }
        let (mut publisher, reader) = snapshot::channel(tally.layout().len());
        publisher.publish(tally.values().iter().copied().enumerate());
        let numbers = Numbers::new(tally.layout(), reader);
        let (waited, agent) = (Duration::from_millis(1_040), Some(0));
        let mut seen = caller::Seen { end: End::Answered, welcome: true, waited, agent, clear: true };
        let talks = vec![agent::Talk { call: 0, clear: true }];
        let mut first_agent = agent::Seen { rung: 1, talks, ..agent::Seen::default() };
        change(&mut seen, &mut first_agent);
        let mut agents = vec![Some(agent::Seen::default()); script.agents.len()];
        agents[0] = Some(first_agent);
        let callers = [Some(seen)];
        let (script, plan, callers, agents, numbers) = (&script, &plan, &callers, &agents, &numbers);
        Report::of(&Evidence { script, plan, callers, agents, numbers, troubles: &[] }).differences.join("; ")
    }

    #[test]
    fn accounts_that_agree_have_no_differences() {
        assert_eq!(differences(6, |_, _| {}), "");
    }

    #[test]
    fn whatever_does_not_agree_is_found() {
        type Change = fn(&mut caller::Seen, &mut agent::Seen);
        let table: [(&str, Change); 9] = [
            ("answered: the phones saw 0, the engine counted 1", |caller, _| caller.end = End::Abandoned),
            ("refused: the phones saw 1, the engine counted 0", |caller, _| caller.end = End::Refused(503)),
            ("1 callers did not hear the whole welcome", |caller, _| caller.welcome = false),
            ("in 1 talks an end did not hear the other", |caller, _| caller.clear = false),
            ("in 1 talks an end did not hear the other", |_, agent| agent.talks[0].clear = false),
            ("in 1 talks an end did not hear the other", |_, agent| agent.talks[0].call = 1),
            ("mean wait is 4.04 s from the callers'", |caller, _| caller.waited += Duration::from_secs(4)),
            ("1 hits and 0 misses do not fit", |caller, _| caller.waited += Duration::from_secs(4)),
            ("phones rung: the phones saw 2, the engine counted 1", |_, agent| agent.rung = 2),
        ];
        for (expected, change) in table {
            let differences = differences(6, change);
            assert!(differences.contains(expected), "{expected} is not in `{differences}`");
        }
        let left = differences(5, |_, _| {});
        assert_eq!(left, "the engine's tables are not empty: talking 1");
    }

    #[test]
    fn percentages_are_rounded_to_look_at() {
        let shown = |hit: u64, of| two_decimals(Ratio::new(hit, of).unwrap());
        assert_eq!([shown(4, 24), shown(2, 3), shown(25, 25)], ["16.67 %", "66.67 %", "100.00 %"]);
        // semantics.md section 2: prints as 90.00 and still fails.
        assert_eq!(shown(89_996, 100_000), "90.00 %");
    }
}
