//! Answer, joined media, caller's hang-up, agent's hang-up, deadlines and a scrape within the same few milliseconds, in
//! every order and with every order of their first signs: the laws hold in every copy a reader could get, and the call
//! has one outcome. There is one writer, so orders are all there is to explore; what happens between a publishing and
//! a copy is the loom model's (`snapshot`).

use centralino::acd::{Acd, Command, Event, Outbox, Plan};
use centralino::config::{self, SecretFile, Sources};
use centralino::facts::{Fact, OfferOutcome};
use centralino::ids::{CallId, OfferId, ServiceId};
use centralino::stats::snapshot::{self, Publisher, Reader};
use centralino::stats::{Layout, Tally, laws};
use centralino::time::{Duration, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Threshold, ring time-out and longest wait at once: the busiest moment a call can have.
const T: Duration = Duration::from_secs(30);
const RIVALS: [CallId; 2] = [CallId(1), CallId(2)];

fn plan(ring: Duration) -> Plan {
    let text = format!(
        r#"
        pools = ["first_line"]
        skills = ["information"]
        service.information = {{ number = "7000", queue = "information" }}
        agent.101 = {{ pool = "first_line", contact = "sip:101@127.0.0.1:6100" }}
        [queue.information]
        ring = "{} s"
        wrap_up = "1 s"
        max_wait = "30 s"
        thresholds = ["30 s"]
        step = [{{ pools = ["first_line"] }}]
        "#,
        ring.as_secs()
    );
    match config::check(&text, &NoFiles) {
        Ok(checked) => checked.plan,
        Err(mistakes) => panic!("{mistakes}"),
    }
}

struct NoFiles;

impl Sources for NoFiles {
    fn find_prompt(&self, _: &str) -> Result<PathBuf, String> {
        Err("there are no files".to_owned())
    }

    fn read_secret(&self, _: &str) -> Result<SecretFile, String> {
        Err("there are no files".to_owned())
    }
}

/// What may come, each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Answer,
    Joined,
    CallerGone,
    AgentGone,
    Deadlines,
    Scrape,
}

const INPUTS: [Input; 6] =
    [Input::Answer, Input::Joined, Input::CallerGone, Input::AgentGone, Input::Deadlines, Input::Scrape];

/// How far the network's side of an offer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phone {
    Ringing,
    Answered,
    /// Told to stop; its last word is still to come.
    Cancelled,
}

/// The engine thread's side of everything, and a reader.
struct World {
    acd: Acd,
    out: Outbox,
    tally: Tally,
    layout: Arc<Layout>,
    publisher: Publisher,
    reader: Reader,
    phones: BTreeMap<OfferId, (CallId, Phone)>,
    joining: BTreeSet<OfferId>,
    callers: BTreeSet<CallId>,
    outcomes: BTreeMap<CallId, &'static str>,
    shown: [u64; 3],
    now: Time,
}

impl World {
    /// Two callers have been there since 0, the older one's offer rings; it is about to be 30 s.
    fn new(plan: Plan) -> World {
        let tally = Tally::new(config::shape(&plan), Time::ZERO);
        let layout = tally.layout();
        let (publisher, reader) = snapshot::channel(layout.len());
        let mut world = World {
            acd: Acd::new(plan, 1),
            out: Outbox::default(),
            tally,
            layout,
            publisher,
            reader,
            phones: BTreeMap::new(),
            joining: BTreeSet::new(),
            callers: BTreeSet::new(),
            outcomes: BTreeMap::new(),
            shown: [0; 3],
            now: Time::ZERO,
        };
        world.acd.expire(world.now, &mut world.out);
        world.settle();
        for call in RIVALS {
            let received_at = world.now;
            world.callers.insert(call);
            world.happens(Event::CallArrived { call, service: ServiceId(0), received_at });
            world.happens(Event::CallEstablished { call, received_at });
        }
        let offer = *world.phones.keys().next().expect("an offer");
        world.happens(Event::OfferRinging { offer, received_at: world.now });
        world
    }

    fn happens(&mut self, event: Event) {
        self.acd.handle(event, self.now, &mut self.out);
        self.settle();
    }

    /// Counts, publishes and carries out what was said.
    fn settle(&mut self) {
        self.acd.check_laws().expect("the engine's laws");
        let out = std::mem::take(&mut self.out);
        for record in &out.facts {
            self.tally.apply(record);
            let outcome = match record.fact {
                Fact::CallAnswered { call, waited, .. } => (call, if waited <= T { "hit" } else { "miss" }),
                Fact::CallAbandoned { call, waited, .. } | Fact::CallFlowedOut { call, waited, .. } => {
                    (call, if waited <= T { "excused" } else { "miss" })
                }
                _ => continue,
            };
            assert_eq!(self.outcomes.insert(outcome.0, outcome.1), None, "{:?} ended twice", outcome.0);
        }
        for command in &out.commands {
            match *command {
                Command::RingAgent { offer, call, .. } => drop(self.phones.insert(offer, (call, Phone::Ringing))),
                Command::CancelOffer { offer } => {
                    self.phones.entry(offer).and_modify(|(_, phone)| *phone = Phone::Cancelled);
                }
                Command::JoinMedia { offer, .. } => drop(self.joining.insert(offer)),
                Command::HangUpCall { call } => drop(self.callers.remove(&call)),
                Command::HangUpAgent { offer } => drop(self.phones.remove(&offer)),
                _ => {}
            }
        }
        self.scrape();
    }

    /// Publishes and reads: any copy, after any step, obeys the laws and takes nothing back.
    fn scrape(&mut self) {
        self.tally.publish(self.now, &mut self.publisher);
        let mut copy = Vec::new();
        self.reader.read(&mut copy);
        assert!(laws::all_hold(&self.layout, &copy));
        let broken = (0..9).map(|law| copy[self.layout.laws + law]).sum::<u64>() + copy[self.layout.order];
        assert_eq!(broken, 0);
        let events = self.layout.queues[0].thresholds[0];
        let shown = [events.hit, events.miss, events.excused].map(|slot| copy[slot]);
        assert!(shown.iter().zip(self.shown).all(|(now, before)| *now >= before), "an event was taken back");
        self.shown = shown;
    }

    /// The offer of the older caller that the phone still has a word on.
    fn offer(&self) -> Option<(OfferId, Phone)> {
        let mine = self.phones.iter().find(|(_, (call, _))| *call == RIVALS[0]);
        mine.map(|(offer, (_, phone))| (*offer, *phone))
    }

    fn input(&mut self, input: Input, received_at: Time) {
        let received_at = received_at.min(self.now);
        let word = |offer| Event::OfferFailed { offer, outcome: OfferOutcome::Failed, received_at };
        let event = match (input, self.offer()) {
            (Input::Deadlines, _) => {
                self.acd.expire(self.now, &mut self.out);
                return self.settle();
            }
            (Input::Scrape, _) => return self.scrape(),
            (Input::CallerGone, _) => {
                if !self.callers.remove(&RIVALS[0]) {
                    return;
                }
                Event::CallerGone { call: RIVALS[0], lost: false, received_at }
            }
            (_, None) => return,
            (Input::Answer, Some((offer, Phone::Ringing))) => {
                self.phones.insert(offer, (RIVALS[0], Phone::Answered));
                Event::OfferAnswered { offer, received_at }
            }
            // A 200 that crosses our CANCEL is hung up on and told as the phone's last word.
            (Input::Answer | Input::AgentGone, Some((offer, Phone::Cancelled)))
            | (Input::AgentGone, Some((offer, Phone::Ringing))) => {
                self.phones.remove(&offer);
                word(offer)
            }
            (Input::Joined, Some((offer, Phone::Answered))) if self.joining.remove(&offer) => {
                Event::OfferJoined { offer, received_at }
            }
            (Input::AgentGone, Some((offer, Phone::Answered))) => {
                self.phones.remove(&offer);
                Event::AgentGone { offer, received_at }
            }
            (Input::Answer | Input::Joined, Some(_)) => return,
        };
        self.happens(event);
    }

    /// Everybody hangs up and time runs on: nothing is left.
    fn wind_up(&mut self) {
        for call in std::mem::take(&mut self.callers) {
            self.happens(Event::CallerGone { call, lost: false, received_at: self.now });
        }
        while let Some((due, _)) = self.acd.next_deadline() {
            self.now = self.now.max(due);
            self.acd.expire(self.now, &mut self.out);
            self.settle();
        }
        let sizes = self.acd.sizes();
        assert_eq!((sizes.calls, sizes.offers), (0, 0));
        assert_eq!(self.outcomes.len(), RIVALS.len(), "every call has one outcome");
    }
}

fn permutations<T: Copy>(list: &[T]) -> Vec<Vec<T>> {
    if list.is_empty() {
        return vec![vec![]];
    }
    let mut all = Vec::new();
    for (position, first) in list.iter().enumerate() {
        let rest: Vec<T> = [&list[..position], &list[position + 1..]].concat();
        all.extend(permutations(&rest).into_iter().map(|mut tail| {
            tail.insert(0, *first);
            tail
        }));
    }
    all
}

#[test]
fn every_order_of_answer_hang_ups_deadlines_and_scrapes_obeys_the_laws() {
    let around = [29_990, 30_000, 30_001].map(Time::from_millis);
    // The ring time-out strikes with the other deadlines, or long after them.
    let plans = [T, 3 * T].map(plan);
    let mut outcomes: BTreeMap<&str, u32> = BTreeMap::new();
    let mut runs = 0;
    for order in permutations(&INPUTS) {
        for (answered_at, gone_at) in around.into_iter().flat_map(|a| around.map(|g| (a, g))) {
            for plan in &plans {
                let mut world = World::new(plan.clone());
                for (position, input) in order.iter().enumerate() {
                    world.now = Time::from_millis(30_000 + 10 * position as u64);
                    let received_at = if *input == Input::CallerGone { gone_at } else { answered_at };
                    world.input(*input, received_at);
                }
                world.wind_up();
                let events = world.layout.queues[0].thresholds[0];
                let counted = [("hit", events.hit), ("miss", events.miss), ("excused", events.excused)];
                for (name, slot) in counted {
                    // The queue's deadline is the threshold, so no call is late first and told otherwise afterwards.
                    let told = world.outcomes.values().filter(|outcome| **outcome == name).count() as u64;
                    let counted = world.tally.values()[slot];
                    assert_eq!(counted, told, "{name}: {order:?} {answered_at:?} {gone_at:?}");
                }
                *outcomes.entry(world.outcomes[&RIVALS[0]]).or_default() += 1;
                runs += 1;
            }
        }
    }
    assert_eq!(runs, 720 * 9 * 2);
    assert_eq!(outcomes.len(), 3, "each outcome was reached: {outcomes:?}");
}
