//! The language of the scenario tables, and the stage on which they are played.
//!
//! A line that starts in the first column is something that happens: a moment, a verb, its words. `@20s` at its end
//! says that the first sign of it was received earlier than it is handled; `slept` that nobody asked for the deadlines
//! before it. `reload 0` brings the first of the plans that were given beside the table into force. Lines that start with blanks are what the
//! engine must say, all of it; a line of a deadline's own starts with its moment. What is not printed by default:
//! agents' states (`show states` as first line) and commands that a fact already implies.

use centralino::acd::succession::succeed;
use centralino::acd::{Acd, AgentRequest, Command, Consultation, Event, Outbox, Plan, TransferTo};
use centralino::facts::{Fact, OfferOutcome, Record, StepTrigger};
use centralino::ids::{AgentId, CallId, CallerTag, ClipId, Key, OfferId, PauseId, PoolId, QueueId, ServiceId};
use centralino::time::{Duration, Time};
use std::fmt::Write;

/// Plays a table twice and compares what the engine said with what the table says.
pub fn check(plan: Plan, table: &str) {
    check_reloads(plan, &[], table);
}

/// As [`check`], with plans for the verb `reload`.
pub fn check_reloads(plan: Plan, plans: &[Plan], table: &str) {
    let expected = tidy(table);
    let actual = play(&plan, plans, &expected);
    assert_eq!(actual, play(&plan, plans, &expected), "the same inputs gave different outputs");
    assert!(actual == expected, "expected:\n{expected}\ngot:\n{actual}");
}

/// The plan as it follows the one in force; clips of one name are one clip.
pub fn laid_out(running: &Plan, new: Plan) -> Plan {
    let mut names: Vec<&String> = running.clips.iter().collect();
    let mut place = |name| {
        let known = names.iter().position(|known| *known == name);
        ClipId(known.unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        }) as u32)
    };
    let clips: Vec<ClipId> = new.clips.iter().map(&mut place).collect();
    succeed(running, new.clone(), &clips).unwrap().plan
}

fn tidy(table: &str) -> String {
    let lines = table.lines().filter(|line| !line.trim().is_empty()).map(str::trim_end);
    let margin = lines.clone().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines.map(|line| format!("{}\n", &line[margin..])).collect()
}

fn play(plan: &Plan, plans: &[Plan], table: &str) -> String {
    let (acd, out, said) = (Acd::new(plan.clone(), 7), Outbox::default(), String::new());
    let mut stage = Stage { acd, plans: plans.to_vec(), out, said, states: false };
    for line in table.lines().filter(|line| !line.starts_with(' ')) {
        let _ = writeln!(stage.said, "{line}");
        stage.states |= line == "show states";
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [moment, verb, words @ ..] = words.as_slice()
            && line.starts_with(|first: char| first.is_ascii_digit())
        {
            stage.happens(parse_time(moment), verb, words);
        }
    }
    stage.said
}

struct Stage {
    acd: Acd,
    plans: Vec<Plan>,
    out: Outbox,
    said: String,
    states: bool,
}

impl Stage {
    fn happens(&mut self, now: Time, verb: &str, words: &[&str]) {
        let slept = words.contains(&"slept");
        while let Some((due, _)) = self.acd.next_deadline().filter(|&(due, _)| due < now && !slept) {
            self.acd.expire(due, &mut self.out);
            self.tell(&format!("{} ", text(due.since(Time::ZERO))), due);
        }
        let received_at = words.iter().find_map(|word| word.strip_prefix('@')).map_or(now, parse_time);
        let events = self.events(verb, words, received_at);
        if events.is_empty() {
            self.acd.expire(now, &mut self.out);
        }
        for event in events {
            self.acd.handle(event, now, &mut self.out);
        }
        self.tell("", now);
    }

    fn events(&self, verb: &str, words: &[&str], received_at: Time) -> Vec<Event> {
        let number = || words[0].parse::<u64>().unwrap();
        let (call, offer) = (|| CallId(number()), || OfferId(number()));
        let agent = || self.acd.plan().agent_by_number(words[0]).unwrap();
        let service = || {
            let position = self.acd.plan().services.iter().position(|service| service.name == words[1]);
            ServiceId(position.map_or(u32::MAX, |position| position as u32))
        };
        let welcome = || self.acd.plan().services[service().index()].welcome;
        let arrived = || Event::CallArrived { call: call(), service: service(), received_at };
        let established = || Event::CallEstablished { call: call(), received_at };
        let welcomed = || welcome().map(|clip| Event::ClipEnded { call: call(), clip, received_at });
        let asked = |request| vec![Event::AgentAsked { agent: agent(), request, received_at }];
        match verb {
            "look" => vec![],
            "dial" => vec![arrived()],
            "established" => vec![established()],
            "call" => vec![arrived(), established()],
            "prompt-end" => {
                let clip = self.acd.plan().services[0].welcome.unwrap();
                vec![Event::ClipEnded { call: call(), clip, received_at }]
            }
            "enter" => [arrived(), established()].into_iter().chain(welcomed()).collect(),
            "clip-end" => {
                let clip = self.acd.plan().clips.iter().position(|clip| clip == words[1]).unwrap();
                vec![Event::ClipEnded { call: call(), clip: ClipId(clip as u32), received_at }]
            }
            "key" => {
                let key = Key::of_sign(words[1].chars().next().unwrap()).unwrap();
                vec![Event::KeyPressed { call: call(), key, received_at }]
            }
            "gone" => vec![Event::CallerGone { call: call(), lost: words.contains(&"lost"), received_at }],
            "broke" => vec![Event::CallBroke { call: call(), received_at }],
            "rings" => vec![Event::OfferRinging { offer: offer(), received_at }],
            "answer" => vec![Event::OfferAnswered { offer: offer(), received_at }],
            "joined" => vec![Event::OfferJoined { offer: offer(), received_at }],
            "agent-key" => {
                let key = Key::of_sign(words[1].chars().next().unwrap()).unwrap();
                vec![Event::AgentPressed { offer: offer(), key, received_at }]
            }
            "whispered" => vec![Event::WhisperEnded { offer: offer(), received_at }],
            "talk" => vec![
                Event::OfferAnswered { offer: offer(), received_at },
                Event::OfferJoined { offer: offer(), received_at },
            ],
            "hang-up" => vec![Event::AgentGone { offer: offer(), received_at }],
            "busy" | "rejected" | "unreachable" | "failed" => {
                let outcome = OfferOutcome::ALL.iter().find(|outcome| outcome.label() == verb);
                vec![Event::OfferFailed { offer: offer(), outcome: *outcome.unwrap(), received_at }]
            }
            "register" => vec![Event::AgentReachable { agent: agent(), received_at }],
            "unregister" => vec![Event::AgentUnregistered { agent: agent(), received_at }],
            "pause" => {
                let reason = words.get(1).filter(|word| !word.starts_with('@'));
                let reason = reason.map_or(PauseId::UNSPECIFIED, |reason| {
                    self.acd.plan().pause_by_name(reason).unwrap_or(PauseId(255))
                });
                asked(AgentRequest::Pause(reason))
            }
            "resume" => asked(AgentRequest::Resume),
            "ready" => asked(AgentRequest::Ready),
            "other-media" => asked(AgentRequest::OtherMedia(true)),
            "no-other-media" => asked(AgentRequest::OtherMedia(false)),
            "pause-recording" => asked(AgentRequest::PauseRecording(true)),
            "resume-recording" => asked(AgentRequest::PauseRecording(false)),
            "end-wrap-up" => asked(AgentRequest::EndWrapUp),
            "extend-wrap-up" => asked(AgentRequest::ExtendWrapUp(parse_time(words[1]).since(Time::ZERO))),
            "reload" => {
                let plan = laid_out(self.acd.plan(), self.plans[number() as usize].clone());
                vec![Event::PlanChanged(Box::new(plan))]
            }
            "clock" => {
                let utc = words[0].parse::<jiff::Timestamp>().unwrap().as_nanosecond();
                vec![Event::CivilTime { utc: utc as i64, received_at }]
            }
            "drain" => vec![Event::DrainStarted],
            "drain-end" => vec![Event::DrainEnded],
            _ => self.transfers(verb, words, received_at),
        }
    }

    /// Who calls, and what agents do with a caller after the answer.
    fn transfers(&self, verb: &str, words: &[&str], received_at: Time) -> Vec<Event> {
        let offer = || OfferId(words[0].parse::<u64>().unwrap());
        let consult = |wanted| {
            let agent = self.acd.plan().agent_by_number(words[0]).unwrap();
            vec![Event::AgentAsked { agent, request: AgentRequest::Consultation(wanted), received_at }]
        };
        match verb {
            // "dial" has told it already; who calls is the second word.
            "known" => {
                let caller = CallerTag(words[1].parse().unwrap());
                vec![Event::CallerKnown { call: CallId(words[0].parse().unwrap()), caller, received_at }]
            }
            "hold" => vec![Event::CallHeld { offer: offer(), received_at }],
            "retrieve" => vec![Event::CallRetrieved { offer: offer(), received_at }],
            "ask" => {
                let colleague = self.acd.plan().agent_by_number(words[1]).unwrap();
                vec![Event::ConsultAsked { offer: offer(), colleague, received_at }]
            }
            "confer" => consult(Consultation::Confer),
            "separate" => consult(Consultation::Separate),
            "complete" => consult(Consultation::Complete),
            "return" => consult(Consultation::Return),
            "ask-no-more" => vec![Event::ConsultDropped { offer: offer(), received_at }],
            "pass" => {
                let plan = self.acd.plan();
                let to = match (words[1], plan.agent_by_number(words[1]), plan.service_by_number(words[1])) {
                    ("colleague", ..) => TransferTo::Colleague,
                    (_, Some(agent), _) => TransferTo::Agent(agent),
                    (_, None, Some(service)) => TransferTo::Service(service),
                    (_, None, None) => TransferTo::Unknown,
                };
                vec![Event::TransferAsked { offer: offer(), to, received_at }]
            }
            _ => panic!("no such verb: {verb}"),
        }
    }

    /// Prints what was said in one step and checks the laws.
    fn tell(&mut self, prefix: &str, now: Time) {
        self.acd.check_laws().unwrap();
        let out = std::mem::take(&mut self.out);
        self.check_implied(&out);
        let facts = out.facts.iter().filter_map(|record| self.fact(record, now));
        let refused = out.facts.iter().any(|record| matches!(record.fact, Fact::CallRefused { .. }));
        let is_implied = |said: &&Command| refused && matches!(said, Command::RefuseCall { .. });
        let commands = out.commands.iter().filter(|said| !is_implied(said));
        let commands = commands.filter_map(|said| command(said, &self.acd.plan().clips));
        for line in facts.chain(commands).collect::<Vec<_>>() {
            let _ = writeln!(self.said, "    {prefix}{line}");
        }
    }

    /// Commands that are not printed are those that a fact implies.
    fn check_implied(&self, out: &Outbox) {
        let count = |is: fn(&Command) -> bool| out.commands.iter().filter(|command| is(command)).count();
        let facts = |is: fn(&Fact) -> bool| out.facts.iter().filter(|record| is(&record.fact)).count();
        assert_eq!(
            count(|c| matches!(c, Command::RingAgent { .. })),
            facts(|f| matches!(f, Fact::OfferMade { .. })),
            "{out:?}"
        );
    }

    fn pause_name(&self, reason: PauseId) -> &str {
        self.acd.plan().pause_names().nth(reason.index()).unwrap()
    }

    fn transfer(&self, fact: &Fact) -> String {
        let agent_name = |id: AgentId| &self.acd.plan().agents[id.index()].number;
        match fact {
            Fact::CallEnded { call, talked, held, consulted, by, .. } => {
                format!("ended {} by {}, talked {}{}", call.0, by.label(), text(*talked), beside(*held, *consulted))
            }
            Fact::CallTransferred { call, agent, talked, held, consulted, .. } => {
                let (agent, talked) = (agent_name(*agent), text(*talked));
                format!("passed on {} by {agent}, talked {talked}{}", call.0, beside(*held, *consulted))
            }
            Fact::CallTakenUp { call, agent, .. } => format!("taken up {} by {}", call.0, agent_name(*agent)),
            Fact::CallEndedUnattended { call, by, .. } => format!("ended {} by {} unattended", call.0, by.label()),
            Fact::TransferEnded { call, kind, result } => {
                format!("transfer of {} {}, {}", call.0, result.label(), kind.label())
            }
            Fact::ConferenceBegan { call } => format!("conference with {}", call.0),
            Fact::ConsultEnded { call, result } => format!("colleague asked for {}: {}", call.0, result.label()),
            _ => unreachable!("no fact about a transfer"),
        }
    }

    fn pause(&self, fact: &Fact) -> String {
        let agent_name = |id: AgentId| &self.acd.plan().agents[id.index()].number;
        match fact {
            Fact::PauseBegan { agent, reason, .. } => {
                format!("{}: pause begins, {}", agent_name(*agent), self.pause_name(*reason))
            }
            Fact::PauseEnded { agent, reason, lasted, limit_reached, .. } => {
                let limit = if *limit_reached { ", its limit" } else { "" };
                format!("{}: pause over, {} {}{limit}", agent_name(*agent), self.pause_name(*reason), text(*lasted))
            }
            _ => unreachable!("no fact about a pause"),
        }
    }

    fn fact(&self, record: &Record, now: Time) -> Option<String> {
        let agent_name = |id: AgentId| &self.acd.plan().agents[id.index()].number;
        let queue_of = |id: QueueId| &self.acd.plan().queues[id.index()];
        let service_name = |id: ServiceId| self.acd.plan().services[id.index()].name.as_str();
        let lost = |lost: bool| if lost { ", lost" } else { "" };
        let line = match &record.fact {
            Fact::CallRefused { service, reason } => {
                format!("refused {} {}", service.map_or("-", service_name), reason.label())
            }
            Fact::CallPassedOn { service, reason, to } => {
                format!("passed on {} {} to {}", service_name(*service), reason.label(), service_name(*to))
            }
            Fact::OpeningChanged { service, is_open: true } => format!("{} open", service_name(*service)),
            Fact::OpeningChanged { service, is_open: false } => format!("{} closed", service_name(*service)),
            Fact::CallTakenOver { call, service, .. } => format!("taken over {} by {}", call.0, service_name(*service)),
            Fact::CallReceived { call, .. } => format!("received {}", call.0),
            Fact::CallLeftInGreeting { call, lost: l, .. } => format!("left in greeting {}{}", call.0, lost(*l)),
            Fact::ReferenceGiven { call, reference } => format!("{} gave {reference}", call.0),
            Fact::CallEndedInMenu { call, .. } => format!("ended in menu {}", call.0),
            Fact::CallFailedInGreeting { call, .. } => format!("failed in greeting {}", call.0),
            Fact::CallEntered { call, queue, .. } => format!("entered {} {}", call.0, queue_of(*queue).name),
            Fact::SkillsAsked { .. } => return None,
            Fact::LastAgentWanted { call, agent, .. } => format!("{} kept for {}", call.0, agent_name(*agent)),
            Fact::LastAgentEnded { call, result, .. } => format!("{} kept no longer: {}", call.0, result.label()),
            Fact::ThresholdPassed { call, queue, threshold } => {
                format!("late {} {}", call.0, text(queue_of(*queue).thresholds[usize::from(*threshold)]))
            }
            Fact::StepReached { call, step, trigger: StepTrigger::Time, .. } => format!("step {} of {}", step, call.0),
            Fact::StepReached { call, step, trigger, .. } => {
                format!("step {} of {}, {}", step, call.0, trigger.label())
            }
            Fact::CallAnswered { call, agent, waited, .. } => {
                format!("answered {} by {}, waited {}", call.0, agent_name(*agent), text(*waited))
            }
            Fact::WaitEstimated { call, estimated, .. } => format!("{} was to wait {}", call.0, text(*estimated)),
            Fact::CallAbandoned { call, waited, lost: l, .. } => {
                format!("abandoned {}, waited {}{}", call.0, text(*waited), lost(*l))
            }
            Fact::CallFlowedOut { call, waited, to, .. } => {
                format!("flowed out {} {}, waited {}", call.0, to.label(), text(*waited))
            }
            Fact::CallFailed { call, waited, .. } => format!("failed {}, waited {}", call.0, text(*waited)),
            Fact::CallEnded { .. }
            | Fact::CallTransferred { .. }
            | Fact::CallTakenUp { .. }
            | Fact::CallEndedUnattended { .. }
            | Fact::TransferEnded { .. }
            | Fact::ConsultEnded { .. }
            | Fact::ConferenceBegan { .. } => self.transfer(&record.fact),
            Fact::OfferMade { offer, call, step, agent, since, .. } => {
                let late = if *since == record.at {
                    String::new()
                } else {
                    format!(", late {}", text(record.at.since(*since)))
                };
                format!("offer {}: {} to {}, step {}{late}", offer.0, call.0, agent_name(*agent), step)
            }
            Fact::OfferEnded { offer, outcome, rang, .. } => {
                format!("offer {} {} after {}", offer.0, outcome.label(), text(*rang))
            }
            Fact::AgentStateChanged { agent, from, to, lasted, .. } => {
                if !self.states {
                    return None;
                }
                format!("{}: {} {} -> {}", agent_name(*agent), from.label(), text(*lasted), to.label())
            }
            Fact::AgentPlaced { agent, from, to, .. } => {
                let pool = |id: &Option<PoolId>| id.map_or("nowhere", |id| &self.acd.plan().pools[id.index()].name);
                format!("{} goes from {} to {}", agent_name(*agent), pool(from), pool(to))
            }
            Fact::Reloaded { result } => format!("reload {}", result.label()),
            Fact::CallPromoted { call, times, .. } => format!("promoted {}, overtaken {times} times", call.0),
            Fact::PauseBegan { .. } | Fact::PauseEnded { .. } if !self.states => return None,
            Fact::PauseBegan { .. } | Fact::PauseEnded { .. } => self.pause(&record.fact),
            Fact::AgentDenied { agent, why, .. } => format!("{} denied: {}", agent_name(*agent), why.label()),
            Fact::Turned(turned) => format!("turned {}", turned.label()),
            Fact::LegMeasured { party, .. } | Fact::LegNoted { party, .. } => format!("{} leg measured", party.label()),
            Fact::OrderBroken { .. } | Fact::LawBroken { .. } => format!("{:?}", record.fact),
        };
        Some(if record.at == now { line } else { format!("{line} (at {})", text(record.at.since(Time::ZERO))) })
    }
}

fn command(command: &Command, clips: &[String]) -> Option<String> {
    Some(match command {
        Command::CancelOffer { offer } => format!("> cancel offer {}", offer.0),
        Command::SayFirst { offer, call, whisper, announce, notice } => {
            let clip = |clip: &Option<ClipId>| clip.map_or("nothing", |clip| clips[clip.index()].as_str());
            let notice = notice.map_or(String::new(), |notice| format!(" {}", clip(&Some(notice))));
            format!("> first {} to offer {} and {}{notice} to {}", clip(whisper), offer.0, clip(announce), call.0)
        }
        Command::Record { offer, call } => format!("> record {} with offer {}", call.0, offer.0),
        Command::PauseRecording { call, is_paused } => {
            format!("> {} recording {}", if *is_paused { "pause" } else { "resume" }, call.0)
        }
        Command::EndRecording { call } => format!("> end recording {}", call.0),
        Command::JoinMedia { offer, call } => format!("> join {} and offer {}", call.0, offer.0),
        Command::HangUpCall { call } => format!("> hang up {}", call.0),
        Command::HangUpAgent { offer } => format!("> hang up offer {}", offer.0),
        Command::PlayOnce { call, clip } => format!("> {} {}", clips[clip.index()], call.0),
        Command::Spell { call, digits, prompt, .. } => {
            format!("> spell {digits}, {} {}", clips[prompt.index()], call.0)
        }
        Command::Announce { call, position, estimate, message } => {
            let position = position.map_or(String::new(), |(_, position)| format!(" position {position}"));
            let message = message.map_or(String::new(), |clip| format!(" {}", clips[clip.index()]));
            let wait = estimate.map_or(String::new(), |(_, wait)| format!(" wait {}", text(wait)));
            format!("> announce to {}:{position}{wait}{message}", call.0)
        }
        Command::Hush { call } => format!("> hush {}", call.0),
        Command::RefuseCall { call, reason } => format!("> refuse {} {}", call.0, reason.label()),
        Command::RingColleague { offer, asking: None, call, .. } => format!("> offer {}: pass on {}", offer.0, call.0),
        Command::RingColleague { offer, asking: Some(asking), .. } => {
            format!("> offer {}: asked by {}", offer.0, asking.0)
        }
        Command::JoinColleague { offer, asking } => format!("> join offer {} and asking {}", offer.0, asking.0),
        Command::Confer { call, asking, colleague } => {
            format!("> conference of {}, offer {} and offer {}", call.0, asking.0, colleague.0)
        }
        Command::Separate { asking } => format!("> asking {} alone", asking.0),
        Command::EndConsult { asking, result } => format!("> asking {} ends, {}", asking.0, result.label()),
        Command::AcceptTransfer { offer } => format!("> try the transfer by {}", offer.0),
        Command::EndTransfer { offer, result } => format!("> transfer by {} {}", offer.0, result.label()),
        Command::AcceptCall { .. } | Command::PlayMusic { .. } | Command::RingAgent { .. } => return None,
    })
}

/// What an agent did beside talking.
fn beside(held: Duration, consulted: Duration) -> String {
    let some = |word: &str, length: Duration| match length.is_zero() {
        true => String::new(),
        false => format!(", {word} {}", text(length)),
    };
    some("held", held) + &some("consulted", consulted)
}

/// `2m5.25s`, `20s`, `1ms` as written in the tables.
fn text(length: Duration) -> String {
    let seconds = length.as_nanos() / 1_000_000_000;
    let fraction = format!("{:09}", length.as_nanos() % 1_000_000_000);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{seconds}{dot}{fraction}s")
}

fn parse_time(word: &str) -> Time {
    let word = word.strip_suffix('s').unwrap_or_else(|| panic!("no moment: {word}"));
    let (seconds, fraction) = word.split_once('.').unwrap_or((word, ""));
    let nanos: u64 = format!("{fraction:0<9}").parse().unwrap();
    Time::from_nanos(seconds.parse::<u64>().unwrap() * 1_000_000_000 + nanos)
}
