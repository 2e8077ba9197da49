//! Those who read facts one by one, away from the engine: a list of readers, each told every fact in order.
//!
//! The readers share the thread: one that waits makes the others late, and in the end facts are lost and counted.

mod keep;
mod live;
mod log;

pub use keep::Keep;
pub use live::{LiveNumbers, LiveReader};
pub use log::Log;

use super::clock::Clock;
use centralino::facts::Record;
use centralino::ids::{CallId, QueueId};
use centralino::time::{Duration, Time};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle, sleep};

/// Facts that wait to be read; readers that block lose what does not fit, and the log says how much.
const CAPACITY: usize = 65_536;
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

    /// Who calls: the number as the caller's network gave it. Personal data, in no fact.
    fn caller(&mut self, _call: CallId, _number: &str) {}

    /// It is `now`, facts or none; told at least every [`TICK`] unless a reader waits.
    fn tick(&mut self, _now: Time) {}

    /// The engine has ended: there is nothing more to read.
    fn end(&mut self) {}
}

/// What readers are told.
#[derive(Debug)]
enum Told {
    Fact(Record),
    Dispatched(QueueId, Duration),
    Caller(CallId, String),
}

/// The engine thread's end; dropped, it ends the thread.
#[derive(Debug)]
pub struct Facts {
    sender: Sender<Told>,
    lost: Arc<AtomicU64>,
}

impl Facts {
    /// Hands a fact over, without waiting.
    pub fn put(&self, record: Record) {
        self.tell(Told::Fact(record));
    }

    /// Hands over how long an offer took to be sent, without waiting.
    pub fn dispatched(&self, queue: QueueId, after: Duration) {
        self.tell(Told::Dispatched(queue, after));
    }

    /// Says who calls, without waiting.
    pub fn caller(&self, call: CallId, number: String) {
        self.tell(Told::Caller(call, number));
    }

    fn tell(&self, told: Told) {
        if self.sender.try_send(told).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Starts the thread.
pub fn spawn(readers: Vec<Box<dyn FactReader>>, clock: Clock) -> io::Result<(Facts, JoinHandle<()>)> {
    let (sender, receiver) = bounded(CAPACITY);
    let lost = Arc::new(AtomicU64::new(0));
    let facts = Facts { sender, lost: Arc::clone(&lost) };
    let thread = Builder::new().name("facts".into()).spawn(move || read(&receiver, readers, clock, &lost))?;
    Ok((facts, thread))
}

fn read(facts: &Receiver<Told>, mut readers: Vec<Box<dyn FactReader>>, clock: Clock, lost: &AtomicU64) {
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
        Told::Dispatched(queue, after) => readers.iter_mut().for_each(|reader| reader.dispatched(queue, after)),
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
        let (facts, thread) = spawn(readers, Clock::start()).expect("a thread");
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
        let facts = Facts { sender, lost: Arc::new(AtomicU64::new(0)) };
        let hand_over = || {
            for at in 0..200 {
                facts.put(record(at));
                facts.dispatched(QueueId(0), Duration::from_millis(at));
            }
        };
        assert_eq!(allocation_counter::measure(hand_over).count_total, 0);
        assert_eq!((receiver.len(), facts.lost.load(Ordering::Relaxed)), (100, 300), "nobody read: the rest is lost");
        receiver.try_iter().for_each(drop);
        assert_eq!(allocation_counter::measure(|| facts.put(record(1))).count_total, 0);
        assert_eq!(receiver.len(), 1);
    }
}
