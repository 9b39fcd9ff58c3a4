//! What waits for the journal: an order leaves once the journal has it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::clocks::Clocks;
use crate::error::{Error, Reason};
use crate::journal::{Keeper, Lease, Publisher, Standing, State};
use crate::store::{Progress, Store};

/// New orders are refused when the journal is so far behind.
const BEHIND_MAX: Duration = Duration::from_secs(1);
/// What was stored and is not in the journal after so long is not sent any more.
pub(super) const UNJOURNALED_MAX: Duration = Duration::from_secs(5);
/// When a refused caller may try again.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// How long a resignation may take.
const RESIGN_LIMIT: Duration = Duration::from_secs(2);

/// What the engine knows of the journal. Without one nothing waits.
#[derive(Debug, Default)]
pub(crate) struct JournalGate {
    /// The last batch that the journal has.
    acknowledged: u64,
    /// Batches that it does not have yet, and since when they are committed.
    behind: VecDeque<(u64, Duration)>,
    /// Why nothing can be journaled now.
    away: Option<String>,
    /// What is looked at for each new order.
    lease: Option<Arc<Lease>>,
}

impl JournalGate {
    /// A batch was committed, or the last one was committed long ago.
    fn committed(&mut self, batch: u64, now: Clocks) {
        let known = self
            .behind
            .back()
            .map_or(self.acknowledged, |(batch, _)| *batch);
        if batch > known {
            self.behind.push_back((batch, now.monotonic));
        }
    }

    fn acknowledged(&mut self, batch: u64) {
        self.acknowledged = self.acknowledged.max(batch);
        while self
            .behind
            .front()
            .is_some_and(|(behind, _)| *behind <= self.acknowledged)
        {
            self.behind.pop_front();
        }
    }

    /// Batches that the journal does not have.
    pub(crate) fn lag(&self) -> usize {
        self.behind.len()
    }

    /// For how long the oldest of them has been committed.
    pub(crate) fn behind_for(&self, now: Clocks) -> Duration {
        self.behind.front().map_or(Duration::ZERO, |(_, since)| {
            now.monotonic.saturating_sub(*since)
        })
    }

    /// What is wrong; `None`: new orders can be journaled.
    pub(crate) fn problem(&self, now: Clocks) -> Option<String> {
        if let Some(away) = &self.away {
            return Some(away.clone());
        }
        if self.lease.as_ref().is_some_and(|lease| !lease.is_held()) {
            return Some(
                "the lease of this gateway has run out, and another one may lead by now".to_owned(),
            );
        }
        let behind = self.behind_for(now);
        (behind > BEHIND_MAX).then(|| format!("the journal is {} ms behind", behind.as_millis()))
    }

    /// Why nothing that has to be journaled is begun now.
    pub(crate) fn refusal(&self, now: Clocks) -> Option<Error> {
        self.problem(now).map(|problem| {
            Error::new(
                Reason::Journal,
                format!("{problem}: nothing was stored or sent; try again when it is back"),
            )
            .retry_after(RETRY_AFTER)
        })
    }
}

/// Why what was stored was not sent.
pub(super) fn not_journaled() -> Error {
    Error::new(
        Reason::Journal,
        "the journal did not take the instruction in time: it was not sent, and will not be; try again when the journal is back",
    )
    .retry_after(RETRY_AFTER)
}

/// The journal of an engine that leads.
#[derive(Debug)]
pub(crate) struct JournalLink {
    publisher: StopAtTheEnd,
    keeper: Keeper,
    state: watch::Receiver<State>,
    standing: watch::Receiver<Standing>,
    epoch: u64,
}

impl JournalLink {
    /// Of a gateway that leads in an epoch.
    pub(crate) fn new(publisher: Arc<Publisher>, keeper: Keeper, epoch: u64) -> Self {
        Self {
            state: publisher.state(),
            standing: keeper.standing(),
            publisher: StopAtTheEnd(publisher),
            keeper,
            epoch,
        }
    }

    /// Waits for news of the journal or of the lease.
    pub(super) async fn changed(&mut self) {
        tokio::select! {
            changed = self.state.changed() => {
                // It has ended, and the state has said why.
                if changed.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            changed = self.standing.changed() => {
                if changed.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Takes the news over. The error ends the engine: it must not go on.
    pub(super) fn look(
        &mut self,
        gate: &mut JournalGate,
        store: &Store,
        now: Clocks,
    ) -> Result<(), String> {
        let state = self.state.borrow_and_update().clone();
        let standing = self.standing.borrow_and_update().clone();
        if let Some(ended) = state.ended {
            return Err(ended.to_string());
        }
        if let Standing::Lost { epoch, address } = standing {
            return Err(format!(
                "another gateway leads since epoch {epoch}, at {address}: this one ends"
            ));
        }
        if gate.lease.is_none() {
            gate.lease = Some(self.keeper.lease());
        }
        if state.batch > gate.acknowledged {
            gate.acknowledged(state.batch);
            store.acknowledge(Progress {
                number: state.number,
                hash: state.hash,
                epoch: self.epoch,
                batch: state.batch,
            });
        }
        gate.committed(store.captured(), now);
        gate.away = state.away.map(|error| error.to_string());
        let (number, lag) = (state.number, gate.lag() as u64);
        self.keeper.write(|value| {
            value.head = number;
            value.lag = lag;
        });
        Ok(())
    }

    /// The end of a leader that sends nothing any more: all that it committed goes into the journal, and another may lead at once. Where the journal does not
    /// take it in time the lease runs out by itself.
    pub(super) async fn resign(self) {
        if self.publisher.0.resign(RESIGN_LIMIT).await {
            self.keeper.release(RESIGN_LIMIT).await;
        } else {
            tracing::warn!(
                "the journal did not take what was committed last: whoever is next waits for the lease"
            );
        }
    }
}

/// The store holds the publisher as well, and may live on: an engine that has ended publishes nothing.
#[derive(Debug)]
struct StopAtTheEnd(Arc<Publisher>);

impl Drop for StopAtTheEnd {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Waits for news where there is a journal, else for ever.
pub(super) async fn news(journal: &mut Option<JournalLink>) {
    match journal {
        Some(journal) => journal.changed().await,
        None => std::future::pending().await,
    }
}

impl JournalGate {
    /// A batch is committed. What is queued now goes once the journal has it.
    pub(super) fn after_commit(&mut self, batch: u64, now: Clocks) {
        self.committed(batch, now);
    }

    /// The last batch that the journal has.
    pub(super) const fn last_acknowledged(&self) -> u64 {
        self.acknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    fn at(millis: u64) -> Clocks {
        Clocks {
            wall_time: Timestamp::default(),
            monotonic: Duration::from_millis(millis),
        }
    }

    #[test]
    fn a_journal_that_keeps_up_refuses_nothing_and_one_that_is_behind_does() {
        let mut gate = JournalGate::default();
        gate.after_commit(1, at(0));
        gate.after_commit(2, at(900));
        assert_eq!(gate.refusal(at(1_000)), None);
        let refused = gate.refusal(at(1_001)).unwrap();
        assert_eq!(refused.reason, Reason::Journal);
        gate.acknowledged(1);
        assert_eq!(gate.refusal(at(1_900)), None);
        assert!(gate.refusal(at(1_901)).is_some());
        gate.acknowledged(2);
        assert_eq!((gate.refusal(at(99_000)), gate.lag()), (None, 0));
        // A batch that was acknowledged before its commit was seen is not behind.
        gate.acknowledged(5);
        gate.after_commit(4, at(0));
        assert_eq!(gate.lag(), 0);
    }

    #[test]
    fn a_journal_that_is_away_is_said_to_be() {
        let gate = JournalGate {
            away: Some("the journal is full: no room".to_owned()),
            ..JournalGate::default()
        };
        let text = gate.refusal(at(0)).unwrap().to_string();
        assert!(
            text.contains("no room") && text.contains("nothing was stored"),
            "{text}"
        );
    }
}
