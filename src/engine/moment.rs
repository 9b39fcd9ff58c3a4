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
    /// What it shows instead, where a simulation moves the time.
    #[cfg(test)]
    played: Option<&'static std::sync::Mutex<Moment>>,
}

impl Clock {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            #[cfg(test)]
            played: None,
        }
    }

    /// Shows what a simulation sets.
    #[cfg(test)]
    pub(crate) fn played(by: &'static std::sync::Mutex<Moment>) -> Self {
        Self {
            start: Instant::now(),
            played: Some(by),
        }
    }

    /// Reads both clocks.
    pub(crate) fn now(self) -> Moment {
        #[cfg(test)]
        if let Some(played) = self.played {
            return *played
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        Moment {
            wall: OffsetDateTime::now_utc().into(),
            tick: self.tick(),
        }
    }

    /// Time since the start.
    pub(crate) fn tick(self) -> Duration {
        #[cfg(test)]
        if self.played.is_some() {
            return self.now().tick;
        }
        self.start.elapsed()
    }

    /// The instant of a tick.
    pub(crate) fn instant(self, tick: Duration) -> Instant {
        self.start + tick
    }
}
