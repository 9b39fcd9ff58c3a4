//! Which seeds are played, and what is said of those that fail.

use std::panic::{RefUnwindSafe, catch_unwind};

/// So many failures are enough to look at.
const FAILURES_MAX: usize = 10;

/// Plays `SEED` alone, or else `SEEDS` seeds (`usual` unless said otherwise) from `FIRST_SEED` (1). Gives what each play gave; fails with the seeds
/// that failed, and says how to play one again.
pub fn play_seeds<T>(usual: u64, play: impl Fn(u64) -> T + RefUnwindSafe) -> Vec<T> {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = number("FIRST_SEED").unwrap_or(1);
            first..first + number("SEEDS").unwrap_or(usual)
        }
    };
    let (mut played, mut failed) = (Vec::new(), Vec::new());
    for seed in seeds {
        match catch_unwind(|| play(seed)) {
            Ok(outcome) => played.push(outcome),
            Err(_) => failed.push(seed),
        }
        if failed.len() >= FAILURES_MAX {
            break;
        }
    }
    assert!(
        failed.is_empty(),
        "seeds {failed:?} failed, see above; again: SEED={} cargo test --test simulation",
        failed[0]
    );
    played
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
