//! The whole engine in virtual time: callers and phones over a network that loses, repeats and reorders, the laws of
//! semantics.md section 9 checked after every step, every table empty at the end.
//!
//! `CENTRALINO_SEEDS=n` runs n seeds instead of four; a failure names the seed, and `CENTRALINO_SEED=s` runs it alone.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests may look at everything")]

mod dice;
mod network;
mod peers;
mod phones;
mod races;
mod world;

use world::{Weather, World};

/// Calls of one seed.
const CALLS: u32 = 2_500;

#[test]
fn ten_thousand_calls_over_a_bad_network() {
    for seed in seeds() {
        let mut world = World::new(seed, Weather::BAD);
        world.run(CALLS);
        world.assert_everything_ended();
        world.assert_every_call_adds_up();
        world.assert_many_were_answered();
    }
}

/// With few ports agents' legs wait for them: nobody is blamed, nobody starves, nothing is left.
#[test]
fn ports_that_run_out_are_waited_for() {
    let mut world = World::new(3, Weather::NARROW);
    world.run(CALLS / 2);
    world.assert_everything_ended();
    world.assert_every_call_adds_up();
    world.assert_ports_ran_out();
}

#[test]
fn a_good_network_loses_nobody() {
    let mut world = World::new(1, Weather::GOOD);
    world.run(CALLS);
    world.assert_everything_ended();
    world.assert_every_call_adds_up();
    world.assert_nobody_was_lost();
}

#[test]
fn the_same_seed_gives_the_same_facts() {
    let facts = |seed| {
        let mut world = World::new(seed, Weather::BAD);
        world.run(500);
        world.digest_of_facts()
    };
    assert_eq!(facts(7), facts(7));
    assert_ne!(facts(7), facts(8));
}

fn seeds() -> Vec<u64> {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match variable("CENTRALINO_SEED") {
        Some(seed) => vec![seed],
        None => (0..variable("CENTRALINO_SEEDS").unwrap_or(4)).collect(),
    }
}
