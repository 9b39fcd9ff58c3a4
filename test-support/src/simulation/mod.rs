//! Random histories of the gateway's whole engine, by seed and in a time of its own.
//!
//! Real are the engine's task (its gathering, committing, retrying and sending), the store (SQLite, in memory, opened again by each process) and
//! the feed with a watcher that resumes through every end of a process. Played are the clocks, the callers (`world`) and TWS with the link to it
//! (`tws`). What the notes on TWS do not know, or contradict each other about, each seed draws anew (`switches`).
//!
//! Callers place orders and brackets, ask again, release, change, preview, cancel, halt and go away. Orders are changed, held, doubled, released and
//! corrected in TWS; reports come late, twice, in the wrong order, in part or not at all; queries stay without an end or an answer; links break, TWS
//! restarts with its ids rolled back, commits fail, clocks jump, and the process dies before, while and after it commits. Whatever leaves the
//! engine is looked at where it leaves (`world`), and when everything has come to rest it is compared with what TWS has (`verdict`).
//!
//! `SEEDS=n` plays so many from `FIRST_SEED`, `SEED=n` that one alone, and `TRACE=1` prints all that the task takes in.

mod requests;
mod seeds;
mod switches;
mod tws;
mod verdict;
mod world;

pub use seeds::play_seeds;
pub use world::Counts;
use world::World;

/// The client id of the engine that is played.
const CLIENT_ID: i32 = 7;
/// The account of the login.
const ACCOUNT: &str = "DU1234567";
/// Random steps of one history, before everything settles.
const STEPS: u64 = 160;

/// Plays one history. Panics where something was lost, doubled or guessed.
pub fn play(seed: u64) -> Counts {
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
