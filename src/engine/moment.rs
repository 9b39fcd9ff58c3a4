//! Time as the engine sees it: an argument of every step.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::domain::Timestamp;

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// What the wall shows; may jump either way.
    pub(crate) wall: Timestamp,
    /// Time since the engine started; never goes back.
    pub(crate) tick: Duration,
}

/// Where the engine's time starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Reads both clocks.
    pub(crate) fn now(self) -> Moment {
        Moment {
            wall: OffsetDateTime::now_utc().into(),
            tick: self.tick(),
        }
    }

    /// Time since the start.
    pub(crate) fn tick(self) -> Duration {
        self.start.elapsed()
    }

    /// The instant of a tick.
    pub(crate) fn instant(self, tick: Duration) -> Instant {
        self.start + tick
    }
}
