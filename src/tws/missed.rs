//! Reports of TWS that were missed and are still to be told.

use std::time::Duration;

use tokio::time::Instant;

/// Between two tellings lies so much time at least: each makes the gateway reconcile.
const INTERVAL_MIN: Duration = Duration::from_secs(1);
/// And so much when it goes on: what cannot be read now may come again and again.
const INTERVAL_MAX: Duration = Duration::from_secs(60);

/// At most one at a time: a reconcile makes up for all that was missed before it.
#[derive(Debug)]
pub(super) struct Missed {
    reason: Option<String>,
    told_from: Instant,
    interval: Duration,
}

impl Missed {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            reason: None,
            told_from: now,
            interval: INTERVAL_MIN,
        }
    }

    pub(super) fn add(&mut self, reason: String) {
        self.reason = Some(reason);
    }

    /// What is to be told now.
    pub(super) fn due(&mut self, now: Instant) -> Option<String> {
        if now < self.told_from {
            return None;
        }
        let reason = self.reason.take()?;
        self.interval = if now < self.told_from + self.interval {
            (self.interval * 2).min(INTERVAL_MAX)
        } else {
            INTERVAL_MIN
        };
        self.told_from = now + self.interval;
        Some(reason)
    }

    /// What is still to be told, due or not.
    pub(super) fn take(&mut self) -> Option<String> {
        self.reason.take()
    }

    /// When something is to be told.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.reason.as_ref().map(|_| self.told_from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_is_told_at_once_and_those_after_it_ever_more_seldom() {
        let begun = Instant::now();
        let mut missed = Missed::new(begun);
        let mut told = Vec::new();
        for second in 0..200 {
            missed.add(second.to_string());
            if missed.due(begun + seconds(second)).is_some() {
                told.push(second);
            }
        }
        assert_eq!(told, [0, 2, 6, 14, 30, 62, 122, 182]);
        // After a pause it is the first again.
        missed.take();
        missed.add("later".to_owned());
        assert_eq!(missed.due(begun + seconds(400)).as_deref(), Some("later"));
        missed.add("at once".to_owned());
        assert_eq!(missed.next_due(), Some(begun + seconds(401)));
    }
}
