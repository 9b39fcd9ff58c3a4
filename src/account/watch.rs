//! A watch of accounts: what is known, then what changes. A watcher that is slow sees the latest and not each step on the way, so that it costs nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::snapshot::{PositionKey, Snapshot, ValueKey, position};
use crate::domain::{AccountUpdate, AccountValue, Amount, Position};
use crate::error::{Error, Reason};

/// The updates of one watch.
#[derive(Debug)]
pub struct AccountWatch {
    source: watch::Receiver<Arc<Snapshot>>,
    account: Option<String>,
    poll_interval: Duration,
    until: Option<Instant>,
    shown: Option<Arc<Snapshot>>,
    waiting: VecDeque<AccountUpdate>,
    ended: bool,
}

impl AccountWatch {
    /// Watches one account or all of them; a heartbeat comes after `poll_interval` without a change.
    pub fn new(
        source: watch::Receiver<Arc<Snapshot>>,
        account: Option<String>,
        poll_interval: Duration,
        max_wait: Option<Duration>,
    ) -> Self {
        Self {
            source,
            account,
            poll_interval,
            until: max_wait.map(|max_wait| Instant::now() + max_wait),
            shown: None,
            waiting: VecDeque::new(),
            ended: false,
        }
    }

    /// The next update. It ends with an error: `MAX_WAIT` when its time is over, `SHUTTING_DOWN` when the gateway is. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<AccountUpdate, Error>> {
        if self.ended {
            return None;
        }
        let heartbeat_at = Instant::now() + self.poll_interval;
        loop {
            if let Some(update) = self.waiting.pop_front() {
                return Some(Ok(update));
            }
            if self.shown.is_none() {
                self.show();
                continue;
            }
            let wake = self
                .until
                .map_or(heartbeat_at, |until| until.min(heartbeat_at));
            match timeout_at(wake, self.source.changed()).await {
                Ok(Ok(())) => self.show(),
                Ok(Err(_)) => {
                    self.ended = true;
                    return Some(Err(Error::new(
                        Reason::ShuttingDown,
                        "the gateway is shutting down: watch again when it is back",
                    )));
                }
                Err(_) if self.until.is_some_and(|until| until <= Instant::now()) => {
                    self.ended = true;
                    return Some(Err(Error::new(
                        Reason::MaxWait,
                        "the watch has taken as long as max_wait allows: watch again to go on",
                    )));
                }
                Err(_) => return Some(Ok(AccountUpdate::Heartbeat {})),
            }
        }
    }

    /// Queues what differs from what was shown last.
    fn show(&mut self) {
        let now = Arc::clone(&self.source.borrow_and_update());
        let before = self.shown.replace(Arc::clone(&now));
        let first = before.is_none();
        let before = before.unwrap_or_default();
        let accounts: Vec<String> = match &self.account {
            Some(account) => vec![account.clone()],
            None => now.accounts.clone(),
        };
        for account in &accounts {
            let begun = self.waiting.len();
            self.waiting.extend(
                changed_positions(&before, &now, account)
                    .into_iter()
                    .map(AccountUpdate::Position),
            );
            for value in changed_values(&before, &now, account) {
                self.waiting.push_back(AccountUpdate::Value {
                    account: account.clone(),
                    value,
                });
            }
            let freshness = now.freshness(account);
            let was = before.freshness(account);
            let turned = freshness.positions_stale != was.positions_stale
                || freshness.values_stale != was.values_stale;
            if first || turned || self.waiting.len() > begun {
                self.waiting.push_back(AccountUpdate::Freshness(freshness));
            }
        }
        if first {
            self.waiting.push_back(AccountUpdate::SnapshotEnd {});
        }
    }
}

/// Positions of an account that are not as they were; those that are gone come with quantity 0.
fn changed_positions(before: &Snapshot, now: &Snapshot, account: &str) -> Vec<Position> {
    let of = |snapshot: &Snapshot| -> BTreeMap<PositionKey, Position> {
        snapshot
            .positions
            .iter()
            .filter(|((of, _), _)| **of == *account)
            .map(|(key, report)| (key.clone(), position(report, snapshot.markets.get(key))))
            .collect()
    };
    let (before, now) = (of(before), of(now));
    let closed = before
        .iter()
        .filter(|(key, _)| !now.contains_key(*key))
        .map(|(_, position)| Position {
            quantity: Amount::ZERO,
            market_price: None,
            market_value: None,
            unrealized_pnl: None,
            ..position.clone()
        });
    let changed = now
        .iter()
        .filter(|(key, position)| before.get(*key) != Some(position))
        .map(|(_, position)| position.clone());
    closed.chain(changed).collect()
}

/// Values of an account that are not as they were; those that are gone come with an empty text.
fn changed_values(before: &Snapshot, now: &Snapshot, account: &str) -> Vec<AccountValue> {
    let none = BTreeMap::new();
    let of = |snapshot: &'_ Snapshot| -> BTreeMap<ValueKey, String> {
        snapshot
            .values
            .get(account)
            .map_or_else(|| none.clone(), |values| values.rows.clone())
    };
    let (before, now) = (of(before), of(now));
    let value = |(name, currency): &ValueKey, value: String| AccountValue {
        name: name.clone(),
        currency: currency.clone(),
        value,
    };
    let gone = before
        .keys()
        .filter(|key| !now.contains_key(*key))
        .map(|key| value(key, String::new()));
    let changed = now
        .iter()
        .filter(|(key, text)| before.get(*key) != Some(text))
        .map(|(key, text)| value(key, text.clone()));
    gone.chain(changed).collect()
}
