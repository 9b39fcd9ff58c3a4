//! Random histories of the whole engine: see `test_support::simulation`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use test_support::simulation::{Counts, play, play_seeds};

/// Seeds of an ordinary test run.
const SEEDS: u64 = 60;

#[test]
fn whatever_happens_no_order_is_lost_doubled_or_guessed() {
    let mut total = Counts::default();
    for counts in play_seeds(SEEDS, play) {
        total.add(&counts);
    }
    println!("{total:?}");
    // Histories in which nothing happens prove nothing.
    let happened = total.acknowledged > 0 && total.filled > 0 && total.events > 0;
    assert!(happened);
}

#[test]
fn a_seed_gives_the_same_history_every_time() {
    for seed in 1..=3 {
        assert_eq!(play(seed), play(seed), "seed {seed}");
    }
}
