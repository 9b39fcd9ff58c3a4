//! Lost reports that are still to be told.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Losses are told at most this often: each one makes the gateway reconcile, and a frame that cannot be read may come back in every answer.
const LOSS_INTERVAL: Duration = Duration::from_secs(1);

/// At most one loss at a time: a reconcile makes up for all before it.
#[derive(Debug)]
pub(super) struct Losses {
    reason: Option<String>,
    told_from: Instant,
}

impl Losses {
    pub(super) fn new() -> Self {
        Self {
            reason: None,
            told_from: Instant::now(),
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
        self.told_from = now + LOSS_INTERVAL;
        Some(reason)
    }

    /// What is still to be told, due or not.
    pub(super) fn take(&mut self) -> Option<String> {
        self.reason.take()
    }

    /// Waits until something is due; for ever while there is nothing.
    pub(super) async fn wait(&self) {
        match self.reason {
            Some(_) => sleep_until(self.told_from).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_loss_is_told_at_once_and_those_after_it_once_an_interval() {
        let mut losses = Losses::new();
        let now = Instant::now();
        assert_eq!(losses.due(now), None);
        losses.add("first".to_owned());
        assert_eq!(losses.due(now).as_deref(), Some("first"));
        losses.add("second".to_owned());
        losses.add("third".to_owned());
        assert_eq!(losses.due(now), None);
        assert_eq!(losses.due(now + LOSS_INTERVAL).as_deref(), Some("third"));
        assert_eq!(losses.take(), None);
    }
}
