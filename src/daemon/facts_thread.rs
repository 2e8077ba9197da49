//! Those who read facts one by one, away from the engine: a list of readers, each told every fact in order.
//!
//! The readers share the thread: one that waits makes the others late, and in the end facts are lost and counted.

mod keep;
mod live;
mod log;
mod names;

pub use keep::Keep;
pub use live::{LiveNumbers, LiveReader};
pub use log::Log;
pub use names::Names;

use super::clock::Clock;
use super::trace::{Passed, Trace};
use centralino::acd::Plan;
use centralino::facts::Record;
use centralino::ids::{CallId, QueueId};
use centralino::stats::Layout;
use centralino::stats::snapshot::Reader;
use centralino::time::{Duration, Time};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle, sleep};
use tokio::sync::mpsc;

/// Facts that wait to be read; readers that block lose what does not fit, and the log says how much.
const CAPACITY: usize = 65_536;
/// Questions that wait to be answered.
const QUESTIONS: usize = 8;
/// Readers learn the time at least this often.
const TICK: Duration = Duration::from_millis(100);
/// Facts are read together with those of the time after them: nobody needs them sooner, and to wake this thread for each
/// would cost the engine more than to make them.
const GATHER: Duration = Duration::from_millis(20);

/// Somebody who wants to know what became true.
pub trait FactReader: Send {
    /// The next fact.
    fn read(&mut self, record: &Record);

    /// The INVITE of an offer was sent, so long after call and agent could first have met.
    fn dispatched(&mut self, _queue: QueueId, _after: Duration) {}

    /// A reload: the facts that follow are of another plan.
    fn plan_changed(&mut self, _changed: &PlanChanged) {}

    /// Who calls: the number as the caller's network gave it. Personal data, in no fact.
    fn caller(&mut self, _call: CallId, _number: &str) {}

    /// A SIP message passed.
    fn message(&mut self, _passed: &Passed) {}

    /// A leg of a call has this Call-ID; the caller's leg is the first.
    fn call_id(&mut self, _call: CallId, _call_id: &str) {}

    /// What is kept of a call, by its number or a Call-ID.
    fn trace(&self, _name: &str) -> Option<Trace> {
        None
    }

    /// It is `now`, facts or none; told at least every [`TICK`] unless a reader waits.
    fn tick(&mut self, _now: Time) {}

    /// The engine has ended: there is nothing more to read.
    fn end(&mut self) {}
}

/// A new plan, as the readers of facts need it.
#[derive(Debug)]
pub struct PlanChanged {
    /// Laid out after the one before.
    pub plan: Arc<Plan>,
    /// The digest of its configuration.
    pub config_hash: String,
    /// Places of the tally's numbers from now on.
    pub layout: Arc<Layout>,
    /// Where each of them was before.
    pub origins: Arc<[Option<usize>]>,
    /// The tally's numbers from now on.
    pub tally: Reader,
    /// Where the one who keeps windows and percentiles says how to read them from now on.
    pub live: Sender<LiveReader>,
}

/// What readers are told.
#[derive(Debug)]
enum Told {
    Fact(Record),
    PlanChanged(Box<PlanChanged>),
    Dispatched(QueueId, Duration),
    Caller(CallId, String),
    CallId(CallId, String),
    Message(Box<Passed>),
}

/// Somebody wants to see a call.
#[derive(Debug)]
struct Question {
    name: String,
    reply: mpsc::Sender<Option<Trace>>,
}

/// The way to ask for traces; does not keep the thread alive.
#[derive(Clone, Debug)]
pub struct Asker(Sender<Question>);

impl Asker {
    /// What is kept of a call; waits for the thread's next look at its questions.
    pub async fn ask(&self, name: &str) -> Option<Trace> {
        let (reply, mut answers) = mpsc::channel(1);
        self.0.try_send(Question { name: name.to_owned(), reply }).ok()?;
        answers.recv().await.flatten()
    }
}

/// The engine thread's end; dropped, it ends the thread.
#[derive(Debug)]
pub struct Facts {
    sender: Sender<Told>,
    lost: Arc<AtomicU64>,
    /// A change of plan that found no room: nothing is told before it.
    held: Option<Box<PlanChanged>>,
}

impl Facts {
    /// Hands a fact over, without waiting.
    pub fn put(&mut self, record: Record) {
        self.tell(Told::Fact(record));
    }

    /// Hands over how long an offer took to be sent, without waiting.
    pub fn dispatched(&mut self, queue: QueueId, after: Duration) {
        self.tell(Told::Dispatched(queue, after));
    }

    /// Says who calls, without waiting.
    pub fn caller(&mut self, call: CallId, number: String) {
        self.tell(Told::Caller(call, number));
    }

    /// Says which Call-ID a leg of a call has, without waiting.
    pub fn call_id(&mut self, call: CallId, call_id: String) {
        self.tell(Told::CallId(call, call_id));
    }

    /// Hands a message over, without waiting.
    pub fn message(&mut self, passed: Passed) {
        self.tell(Told::Message(Box::new(passed)));
    }

    /// Says that the facts that follow are of another plan, without waiting; with no room now, as soon as there is.
    pub fn plan_changed(&mut self, changed: PlanChanged) {
        self.held = Some(Box::new(changed));
        self.tell_held();
    }

    /// Whether nothing is held any more.
    fn tell_held(&mut self) -> bool {
        let Some(held) = self.held.take() else { return true };
        if let Err(TrySendError::Full(Told::PlanChanged(held))) = self.sender.try_send(Told::PlanChanged(held)) {
            self.held = Some(held);
            return false;
        }
        true
    }

    fn tell(&mut self, told: Told) {
        if !self.tell_held() || self.sender.try_send(told).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Starts the thread.
pub fn spawn(readers: Vec<Box<dyn FactReader>>, clock: Clock) -> io::Result<(Facts, Asker, JoinHandle<()>)> {
    let (sender, receiver) = bounded(CAPACITY);
    let lost = Arc::new(AtomicU64::new(0));
    let facts = Facts { sender, lost: Arc::clone(&lost), held: None };
    let (asker, asked) = bounded(QUESTIONS);
    let read = move || read(&receiver, &asked, readers, clock, &lost);
    let thread = Builder::new().name("facts".into()).spawn(read)?;
    Ok((facts, Asker(asker), thread))
}

fn read(
    facts: &Receiver<Told>,
    asked: &Receiver<Question>,
    mut readers: Vec<Box<dyn FactReader>>,
    clock: Clock,
    lost: &AtomicU64,
) {
    let mut ticked_at = Time::ZERO;
    loop {
        match facts.recv_timeout(TICK) {
            Ok(first) => {
                sleep(GATHER);
                std::iter::once(first).chain(facts.try_iter().take(CAPACITY)).for_each(|told| tell(&mut readers, told));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        for Question { name, reply } in asked.try_iter() {
            // Whoever asked may be gone.
            _ = reply.try_send(readers.iter().find_map(|reader| reader.trace(&name)));
        }
        let now = clock.now();
        if now.since(ticked_at) >= TICK {
            ticked_at = now;
            readers.iter_mut().for_each(|reader| reader.tick(now));
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "the readers of facts are too slow: facts were not read");
        }
    }
    readers.iter_mut().for_each(|reader| reader.end());
}

fn tell(readers: &mut [Box<dyn FactReader>], told: Told) {
    match told {
        Told::Fact(record) => readers.iter_mut().for_each(|reader| reader.read(&record)),
        Told::PlanChanged(changed) => readers.iter_mut().for_each(|reader| reader.plan_changed(&changed)),
        Told::Dispatched(queue, after) => readers.iter_mut().for_each(|reader| reader.dispatched(queue, after)),
        Told::CallId(call, id) => readers.iter_mut().for_each(|reader| reader.call_id(call, &id)),
        Told::Message(passed) => readers.iter_mut().for_each(|reader| reader.message(&passed)),
        Told::Caller(call, number) => readers.iter_mut().for_each(|reader| reader.caller(call, &number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use centralino::facts::{Fact, Turned};
    use std::sync::mpsc;

    fn record(at: u64) -> Record {
        Record { at: Time::from_millis(at), fact: Fact::Turned(Turned::SipGarbage) }
    }

    /// Tells what it was told, in order.
    struct Echo(mpsc::Sender<String>);

    impl FactReader for Echo {
        fn read(&mut self, record: &Record) {
            let _ = self.0.send(format!("fact {}", record.at.as_nanos()));
        }

        fn dispatched(&mut self, queue: QueueId, after: Duration) {
            let _ = self.0.send(format!("dispatched {} {}", queue.0, after.as_millis()));
        }

        fn end(&mut self) {
            let _ = self.0.send("end".to_owned());
        }
    }

    #[test]
    fn every_reader_is_told_everything_in_order_and_of_the_end() {
        let (sender, told) = mpsc::channel();
        let readers: Vec<Box<dyn FactReader>> = vec![Box::new(Echo(sender.clone())), Box::new(Echo(sender))];
        let (mut facts, _, thread) = spawn(readers, Clock::start()).expect("a thread");
        facts.put(record(1));
        facts.dispatched(QueueId(7), Duration::from_millis(3));
        drop(facts);
        thread.join().expect("the thread ends");
        let told: Vec<String> = told.iter().collect();
        let expected = ["fact 1000000", "dispatched 7 3", "end"];
        assert_eq!(told, expected.iter().flat_map(|word| [*word; 2]).collect::<Vec<_>>());
    }

    #[test]
    fn handing_facts_over_allocates_nothing_and_never_waits() {
        let (sender, receiver) = bounded(100);
        let mut facts = Facts { sender, lost: Arc::new(AtomicU64::new(0)), held: None };
        let hand_over = |facts: &mut Facts| {
            for at in 0..200 {
                facts.put(record(at));
                facts.dispatched(QueueId(0), Duration::from_millis(at));
            }
        };
        assert_eq!(allocation_counter::measure(|| hand_over(&mut facts)).count_total, 0);
        assert_eq!((receiver.len(), facts.lost.load(Ordering::Relaxed)), (100, 300), "nobody read: the rest is lost");
        receiver.try_iter().for_each(drop);
        assert_eq!(allocation_counter::measure(|| facts.put(record(1))).count_total, 0);
        assert_eq!(receiver.len(), 1);
    }
}
