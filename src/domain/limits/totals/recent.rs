//! The instructions of the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::super::Timestamp;

/// What `max_orders_per_minute` looks back on.
const INSTRUCTION_WINDOW: Duration = Duration::from_secs(60);
/// The most instructions that are remembered, and the most that the rule may allow: beyond that it would not see the first of them.
pub const INSTRUCTIONS_KEPT_MAX: usize = 100_000;

/// When the instructions of the last minute were taken, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Timestamp>);

impl Recent {
    /// One more. A clock that went back makes it as late as the one before, so that the order stays.
    pub(super) fn push(&mut self, at: Timestamp) {
        let at = self.0.back().map_or(at, |last| at.max(*last));
        self.0.push_back(at);
        self.forget(at);
    }

    /// How many were taken within the window that ends now.
    pub(super) fn within(&self, now: Timestamp) -> usize {
        let since = window_start(now);
        self.0.len() - self.0.partition_point(|at| *at <= since)
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        let since = window_start(now);
        while self.0.len() > INSTRUCTIONS_KEPT_MAX || self.0.front().is_some_and(|at| *at <= since)
        {
            self.0.pop_front();
        }
    }

    pub(super) fn absorb(&mut self, batch: Self) {
        for at in batch.0 {
            self.push(at);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn window_start(now: Timestamp) -> Timestamp {
    let window = i64::try_from(INSTRUCTION_WINDOW.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_unix_micros(now.unix_micros().saturating_sub(window))
}
