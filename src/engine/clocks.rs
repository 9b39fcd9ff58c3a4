//! Time as the engine sees it: an argument of every step.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::domain::Timestamp;

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// What the wall clock shows; may jump either way.
    pub(crate) wall_time: Timestamp,
    /// Time since the engine started; never goes back.
    pub(crate) monotonic: Duration,
}

/// Where the engine's time starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    /// What it shows instead, where a simulation moves the time.
    #[cfg(feature = "internals")]
    played: Option<super::internals::PlayedClocks>,
}

impl Clock {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            #[cfg(feature = "internals")]
            played: None,
        }
    }

    /// Shows what a simulation sets.
    #[cfg(feature = "internals")]
    pub(crate) fn played(by: super::internals::PlayedClocks) -> Self {
        Self {
            start: Instant::now(),
            played: Some(by),
        }
    }

    /// Reads both clocks.
    pub(crate) fn now(self) -> Clocks {
        #[cfg(feature = "internals")]
        if let Some(played) = self.played {
            return played.read();
        }
        Clocks {
            wall_time: OffsetDateTime::now_utc().into(),
            monotonic: self.monotonic(),
        }
    }

    /// Time since the start.
    pub(crate) fn monotonic(self) -> Duration {
        #[cfg(feature = "internals")]
        if let Some(played) = self.played {
            return played.read().monotonic;
        }
        self.start.elapsed()
    }

    /// The instant of a tick.
    pub(crate) fn instant(self, monotonic: Duration) -> Instant {
        self.start + monotonic
    }
}
