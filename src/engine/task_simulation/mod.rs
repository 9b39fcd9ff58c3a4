//! Random histories of the engine's whole task: its gathering, committing and sending, on a store on disk, with a watcher behind the
//! real feed, in a time of its own. The simulation beside plays the core alone, faster and on a store in memory.
//!
//! The task's own gather, process and send run on a store on disk; TWS, the link and the clock are played ([`tws`]). Clients place,
//! ask again, transmit, cancel and go away; reports come late, twice, in the wrong order or not at all; links break, TWS restarts
//! with its ids rolled back, commits fail, and the process dies before, while and after it commits. Whatever leaves the engine is
//! looked at where it leaves ([`world`]), and in the end everything is compared with the truth ([`verdict`]).
//!
//! A run prints its seed when it fails. `SIMULATION_SEED=n` plays that one again, `SIMULATION_SEEDS=n` plays so many from
//! `SIMULATION_FIRST`, and `SIMULATION_TRACE=1` prints all that the task takes in.

mod clients;
mod tws;
mod verdict;
mod world;

use super::sim_support::play_seeds;
use world::World;

/// Seeds of an ordinary test run.
const SEEDS: u64 = 60;
/// Random steps of one run, before everything settles.
const STEPS: u64 = 250;

fn play(seed: u64) -> world::Counts {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(tokio::task::unconstrained(async {
        let mut world = World::new(seed).await;
        for _ in 0..STEPS {
            world.step().await;
        }
        world.settle().await;
        world.judge().await
    }))
}

#[test]
fn whatever_happens_no_order_is_lost_doubled_or_guessed() {
    let mut total = world::Counts::default();
    for counts in play_seeds("task_simulation", SEEDS, play) {
        total.add(&counts);
    }
    println!("{total:?}");
    // Runs in which nothing happens prove nothing.
    assert!(total.acknowledged > 0 && total.filled > 0);
}
