//! The lock-free boundary: no reader ever sees a torn state. Every interleaving under loom, then real threads.
//!
//! The source of the snapshot is compiled here a second time, with loom's atomics in place of the machine's: the model
//! runs with all other tests and needs no flag. `LOOM_LOG=trace` and loom's other variables work as usual.

#[path = "../../src/stats/snapshot.rs"]
#[allow(dead_code, reason = "the model needs a part of it")]
mod model;

mod atomics {
    pub(super) use loom::sync::Arc;
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering, fence};
    pub(super) use loom::thread::yield_now as pause;
}

use crate::desk::{call_answered, call_received_and_entered, tally};
use centralino::facts::Record;
use centralino::stats::{Tally, laws, snapshot};
use centralino::time::{Duration, Time};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The numbers of the service-level law among those of the layout: entered, hit, miss, excused, pending.
fn law_slots(tally: &Tally) -> [usize; 5] {
    let layout = tally.layout();
    let events = layout.queues[0].thresholds[0];
    [layout.routes[0].entered, events.hit, events.miss, events.excused, events.pending]
}

/// What the tally publishes after each group of facts, reduced to the five numbers and numbered by them.
fn publications(groups: &[Vec<Record>]) -> Vec<Vec<(usize, u64)>> {
    let mut tally = tally();
    let slots = law_slots(&tally);
    let mut seen = slots.map(|slot| tally.values()[slot]);
    groups
        .iter()
        .map(|group| {
            group.iter().for_each(|record| tally.apply(record));
            let now = slots.map(|slot| tally.values()[slot]);
            let changed = (0..slots.len()).filter(|at| now[*at] != seen[*at]).map(|at| (at, now[at])).collect();
            seen = now;
            changed
        })
        .collect()
}

#[test]
fn in_every_interleaving_a_reader_sees_the_law_hold() {
    let publications = publications(&[call_received_and_entered(1), call_answered(1, Duration::from_secs(3))]);
    assert_eq!(publications, [vec![(0, 1), (4, 1)], vec![(1, 1), (4, 0)]], "entered and pending, then a hit");
    let seen = Arc::new(AtomicUsize::new(0));
    let seen_here = Arc::clone(&seen);
    loom::model(move || {
        let (mut publisher, reader) = model::channel(5);
        let publications = publications.clone();
        let writer = loom::thread::spawn(move || {
            publications.into_iter().for_each(|changes| publisher.publish(changes));
        });
        let mut copy = Vec::new();
        // Attempts, not `read`: loom would follow a reader that tries again for ever.
        if reader.try_read(&mut copy) {
            let [entered, hit, miss, excused, pending] = copy[..] else { panic!("five numbers") };
            assert_eq!(entered, hit + miss + excused + pending);
            seen_here.fetch_or(1 << (entered + hit), Ordering::Relaxed);
        }
        writer.join().expect("the writer ends");
        assert!(reader.try_read(&mut copy), "nobody writes any more");
        assert_eq!(copy, [1, 1, 0, 0, 0]);
    });
    assert_eq!(seen.load(Ordering::Relaxed), 0b111, "copies were made before, between and after the publications");
}

#[test]
fn under_real_threads_every_copy_obeys_the_laws() {
    let mut tally = tally();
    let layout = tally.layout();
    let (mut publisher, reader) = snapshot::channel(layout.len());
    tally.publish(Time::ZERO, &mut publisher);
    let calls = 20_000;
    let seen = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (reader, layout) = (reader.clone(), layout.clone());
                scope.spawn(move || {
                    let (mut copy, mut seen, mut entered) = (Vec::new(), 0u64, 0);
                    while entered < calls {
                        reader.read(&mut copy);
                        assert!(laws::all_hold(&layout, &copy));
                        assert!(copy[layout.routes[0].entered] >= entered);
                        entered = copy[layout.routes[0].entered];
                        seen += 1;
                    }
                    seen
                })
            })
            .collect();
        for call in 1..=calls {
            for record in call_received_and_entered(call) {
                tally.apply(&record);
                tally.publish(record.at, &mut publisher);
            }
            call_answered(call, Duration::from_secs(call % 60)).iter().for_each(|record| tally.apply(record));
            tally.publish(Time::ZERO, &mut publisher);
        }
        readers.into_iter().map(|reader| reader.join().expect("laws hold")).sum::<u64>()
    });
    assert!(seen >= 2);
}

#[test]
fn counting_and_publishing_allocate_nothing_once_warm() {
    let mut tally = tally();
    let (mut publisher, reader) = snapshot::channel(tally.layout().len());
    let mut copy = Vec::new();
    let mut run = |calls: std::ops::Range<u64>| {
        // Made outside the measurement; always a few calls waiting, never more than the tally remembers.
        let mut records: Vec<Record> = Vec::new();
        for call in calls {
            records.extend(call_received_and_entered(call));
            if call > 5 {
                records.extend(call_answered(call - 5, Duration::from_secs(call % 60)));
            }
        }
        let measured = allocation_counter::measure(|| {
            for record in &records {
                tally.apply(record);
                tally.publish(record.at, &mut publisher);
            }
            reader.read(&mut copy);
        });
        measured.count_total
    };
    run(1..10);
    assert_eq!(run(10..2_000), 0);
    assert!(laws::all_hold(&tally.layout(), &copy));
    assert_eq!(copy[tally.layout().routes[0].entered], 1_999);
}
